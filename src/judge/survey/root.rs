//! One `AWSLogs` of a store, and which key of the bucket a path in it stands for.

use super::names::RegionFolder;
use crate::model::BucketName;
use crate::model::key_name::{AWS_LOGS, DIGEST_FOLDER};

/// One `AWSLogs` folder of a store, or a folder below one where a copy begins there. A store has
/// its own paths; a bucket has keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogsRoot {
    /// The folder's path in the store: empty, or ends in `/`.
    pub at: String,
    /// The folder's key in the bucket, which ends in `/`.
    pub stands_for: String,
    /// The bucket that it is a copy of, where that is known.
    pub bucket: Option<BucketName>,
    /// Prefix before `AWSLogs` in the bucket's keys: empty, or ends in `/`.
    pub prefix: String,
}

impl LogsRoot {
    /// The `AWSLogs` below a path, which is empty or ends in `/`.
    #[must_use]
    pub fn below(base: &str, bucket: Option<BucketName>, prefix: String) -> Self {
        let (at, stands_for) = (format!("{base}{AWS_LOGS}/"), format!("{prefix}{AWS_LOGS}/"));
        Self { at, stands_for, bucket, prefix }
    }

    /// True if it is a part of an account's folder only.
    #[must_use]
    pub fn begins_below_an_account(&self) -> bool {
        let inside = self.stands_for.strip_prefix(&self.prefix).unwrap_or_default();
        inside.contains(&format!("/{DIGEST_FOLDER}/"))
    }

    /// True if a path of the store lies in it.
    #[must_use]
    pub fn holds(&self, path: &str) -> bool {
        path.starts_with(&self.at)
    }

    /// The path of a bucket's key in the store.
    #[must_use]
    pub fn path(&self, key: &str) -> Option<String> {
        Some(format!("{}{}", self.at, key.strip_prefix(&self.stands_for)?))
    }

    /// The bucket's key of a path in the store.
    #[must_use]
    pub fn key(&self, path: &str) -> String {
        match path.strip_prefix(&self.at) {
            Some(inside) => format!("{}{inside}", self.stands_for),
            None => path.to_owned(),
        }
    }
}

/// An `AWSLogs`, and the regions' folders in it.
pub type PlacedRoot = (LogsRoot, Vec<RegionFolder>);

/// Bucket and prefix set by the user instead of read from a copy's digests.
#[derive(Debug, Clone, Default)]
pub struct Insisted {
    /// The bucket.
    pub bucket: Option<BucketName>,
    /// The prefix, empty or ending in `/`.
    pub prefix: Option<String>,
}
