//! An account's and region's part of a bucket.

use serde::{Deserialize, Serialize};

use super::chain_id::ChainId;
use super::ids::{BucketName, Region};
use super::key_name::Place;

/// An account's and region's folders: where digests and the log files that they list meet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AreaId {
    /// The bucket, where it is known.
    pub bucket: Option<BucketName>,
    /// Prefix, organization and account.
    pub place: Place,
    /// The region.
    pub region: Region,
}

impl AreaId {
    /// The bucket that an entry's log file is looked up in: one that the copy does not tell is
    /// the same for all.
    #[must_use]
    pub fn bucket_of<'a>(&self, named: &'a str) -> &'a str {
        if self.bucket.is_some() { named } else { "" }
    }

    /// The name of its bucket; empty where a copy does not tell it.
    #[must_use]
    pub fn bucket_name(&self) -> &str {
        self.bucket.as_ref().map_or("", BucketName::as_str)
    }

    /// True if another area is of the same account and region, in whatever place.
    #[must_use]
    pub fn is_beside(&self, other: &Self) -> bool {
        self.place.account == other.place.account && self.region == other.region
    }
}

impl From<&ChainId> for AreaId {
    fn from(chain: &ChainId) -> Self {
        let ChainId { bucket, place, region, .. } = chain.clone();
        Self { bucket, place, region }
    }
}
