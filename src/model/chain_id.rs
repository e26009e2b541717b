//! Names of chains.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::ids::{BucketName, Region, TrailName};
use super::key_name::{AWS_LOGS, ChainKind, DigestKey, Place};
use super::text::{Printable, unprintable};

/// Name of a chain: the digests of one bucket, prefix, organization, account, region, trail, home
/// region and kind. Chains sort, and reports list them, by these in that order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainId {
    /// The bucket; `None` where a copy's digests do not tell.
    pub bucket: Option<BucketName>,
    /// Prefix, organization and account.
    pub place: Place,
    /// The region that delivers the digests.
    pub region: Region,
    /// The trail.
    pub trail: TrailName,
    /// The region in which the trail was created.
    pub home_region: Region,
    /// Standard or backfill.
    pub kind: ChainKind,
}

impl ChainId {
    /// Reads what [`fmt::Display`] writes; `None` when it is nothing of that form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, text) = match text.strip_suffix("/backfill") {
            Some(rest) => (ChainKind::Backfill, rest),
            None => (ChainKind::Standard, text),
        };
        let (rest, named) = text.rsplit_once('/')?;
        let (trail, home_region) = named.rsplit_once('@')?;
        let (rest, region) = rest.rsplit_once('/')?;
        let (bucket, folder) = rest.split_once('/')?;
        let id = Self {
            bucket: if bucket == "?" { None } else { Some(BucketName::parse(bucket).ok()?) },
            place: Place::parse(&unprintable(folder)?.split('/').collect::<Vec<_>>())?,
            region: Region::parse(region).ok()?,
            trail: TrailName::parse(trail).ok()?,
            home_region: Region::parse(home_region).ok()?,
            kind,
        };
        Some(id)
    }
}

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bucket = self.bucket.as_ref().map_or("?", BucketName::as_str);
        let Self { region, trail, home_region, .. } = self;
        let prefix = Printable(&self.place.prefix);
        write!(f, "{bucket}/{prefix}{AWS_LOGS}/")?;
        if let Some(organization) = &self.place.organization {
            write!(f, "{organization}/")?;
        }
        write!(f, "{}/{region}/{trail}@{home_region}", self.place.account)?;
        match self.kind {
            ChainKind::Standard => Ok(()),
            ChainKind::Backfill => f.write_str("/backfill"),
        }
    }
}

impl Serialize for ChainId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ChainId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format_args!("{} is not a chain id", Printable(&text)))
        })
    }
}

impl DigestKey {
    /// The chain that the digest belongs to, in this bucket.
    #[must_use]
    pub fn chain(&self, bucket: Option<&BucketName>) -> ChainId {
        ChainId {
            bucket: bucket.cloned(),
            place: self.place.clone(),
            region: self.region.clone(),
            trail: self.trail.clone(),
            home_region: self.home_region.clone(),
            kind: self.kind,
        }
    }
}
