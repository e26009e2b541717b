//! Objects as the sources give them: what is there, what is gone, and what a copy does not reach.

use crate::model::{BucketName, DigestKey, LogEntry};
use crate::run::sources::{Sources, as_trouble, stored};
use crate::store::StoreError;
use crate::verify::digest::{Location, Rules, Trouble, examine};
use crate::verify::link::{Lookup, Presence};
use crate::verify::log_file::LogObject;

/// Opens a log file that a digest lists, or tells what its absence means.
pub(super) fn open_log(sources: &Sources, entry: &LogEntry) -> LogObject<'static> {
    match sources.get(Some(&entry.bucket), &entry.object) {
        Some(Ok(object)) => LogObject::Found(stored(object)),
        Some(Err(StoreError::NotFound)) if sources.reaches(&entry.object) => LogObject::Absent,
        Some(Err(StoreError::NotFound)) => LogObject::BeyondCopy,
        Some(Err(error)) => LogObject::Trouble(as_trouble(&error)),
        None if sources.begins_below(&entry.bucket, &entry.object) => LogObject::BeyondCopy,
        None => {
            LogObject::Trouble(Trouble::unreadable("its bucket or prefix is not among the sources"))
        }
    }
}

/// Asks the sources about digests that are named and were not listed.
pub(super) struct StoreLookup<'a> {
    pub(super) sources: &'a Sources,
    pub(super) rules: &'a Rules,
}

impl Lookup for StoreLookup<'_> {
    fn digest(&mut self, bucket: &str, key: &str) -> Presence {
        match self.sources.get(Some(bucket), key) {
            None => Presence::Elsewhere,
            Some(Err(StoreError::NotFound)) if self.sources.reaches(key) => Presence::Absent,
            Some(Err(StoreError::NotFound)) => Presence::BeyondCopy,
            Some(Err(error)) => Presence::Unknown(as_trouble(&error)),
            Some(Ok(object)) => {
                let Some(name) = DigestKey::parse(key) else { return Presence::Absent };
                let bucket = BucketName::parse(bucket).ok();
                let at = Location { bucket, key: key.into(), name };
                match examine(self.rules, at, Ok(stored(object))).content {
                    Some(content) => Presence::Present { hash: content.hash },
                    None => Presence::Unknown(Trouble::unreadable("it is malformed")),
                }
            }
        }
    }
}
