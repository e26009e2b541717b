//! Reading what is named: digests and log files, from whichever source holds them.

use crate::model::{BucketName, DigestKey, LogEntry};
use crate::run::sources::{Sources, as_trouble};
use crate::store::StoreError;
use crate::verify::digest::{Examined, Location, Rules, StoredObject, Trouble, examine};
use crate::verify::link::{Lookup, Presence};
use crate::verify::log_file::LogObject;

pub(super) fn read_digest(sources: &Sources, rules: &Rules, at: Location) -> Examined {
    let object = sources.get(at.bucket.as_ref().map(BucketName::as_str), &at.key);
    let object = match object {
        Some(Ok(object)) => Ok(stored(object)),
        Some(Err(StoreError::NotFound)) | None => {
            Err(Trouble::unreadable("it was listed, and is gone now: the source is changing"))
        }
        Some(Err(error)) => Err(as_trouble(&error)),
    };
    examine(rules, at, object)
}

pub(super) fn open_log(sources: &Sources, entry: &LogEntry) -> LogObject<'static> {
    match sources.get(Some(&entry.bucket), &entry.object) {
        Some(Ok(object)) => LogObject::Found(stored(object)),
        Some(Err(StoreError::NotFound)) => LogObject::Absent,
        Some(Err(error)) => LogObject::Trouble(as_trouble(&error)),
        None => LogObject::Trouble(Trouble::unreadable(
            "it lies in a bucket or under a prefix that is not among the sources",
        )),
    }
}

fn stored(object: crate::store::Object) -> StoredObject<'static> {
    let metadata = object.metadata.map_err(Trouble::unreadable);
    StoredObject { body: object.body, metadata }
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
            Some(Err(StoreError::NotFound)) => Presence::Absent,
            Some(Err(error)) => Presence::Unknown(as_trouble(&error)),
            Some(Ok(object)) => {
                let Some(name) = DigestKey::parse(key) else { return Presence::Absent };
                let bucket = BucketName::parse(bucket).ok();
                let at = Location { bucket, key: key.into(), name };
                match examine(self.rules, at, Ok(stored(object))).content {
                    Some(content) => Presence::Present { hash: content.hash },
                    None => Presence::Unknown(Trouble::unreadable("it is not sound")),
                }
            }
        }
    }
}
