//! Objects as the sources give them: what is there, what is gone, and what a copy does not reach.

use std::collections::BTreeMap;

use crate::judge::facts::NamedDigest;
use crate::model::{BucketName, DigestKey, LogEntry};
use crate::run::sources::{Sources, as_trouble, stored};
use crate::store::StoreError;
use crate::verify::absence::Absence;
use crate::verify::digest::{Location, Rules, Trouble, check_digest};
use crate::verify::link::{Lookup, Presence};
use crate::verify::log_file::LogObject;

/// Proof that an object is gone which its store says is not there.
fn absence(sources: &Sources, key: &str) -> Option<Absence> {
    Absence::stated(sources.reaches(key))
}

/// Opens a log file that a digest lists, or tells what its absence means.
pub(super) fn open_log(sources: &Sources, entry: &LogEntry) -> LogObject<'static> {
    match sources.get_body(Some(&entry.bucket), &entry.object) {
        Some(Ok(body)) => LogObject::Found(body),
        Some(Err(StoreError::NotFound)) => {
            absence(sources, &entry.object).map_or(LogObject::BeyondCopy, LogObject::Absent)
        }
        Some(Err(error)) => LogObject::Trouble(as_trouble(&error)),
        None if sources.begins_below(&entry.bucket, &entry.object) => LogObject::BeyondCopy,
        None => {
            LogObject::Trouble(Trouble::unreadable("its bucket or prefix is not among the sources"))
        }
    }
}

/// Looks up a digest that is named and was not listed.
pub(super) fn presence(sources: &Sources, rules: &Rules, digest: &NamedDigest) -> Presence {
    let NamedDigest { bucket, key } = digest;
    match sources.get(Some(bucket), key) {
        None => Presence::Elsewhere,
        Some(Err(StoreError::NotFound)) => {
            absence(sources, key).map_or(Presence::BeyondCopy, Presence::Absent)
        }
        Some(Err(error)) => Presence::Unknown(as_trouble(&error)),
        Some(Ok(object)) => {
            let Some(name) = DigestKey::parse(key) else {
                return Presence::Unknown(Trouble::unreadable("it is not named like a digest"));
            };
            let bucket = BucketName::parse(bucket).ok();
            let at = Location { bucket, key: key.as_str().into(), name };
            match check_digest(rules, at, Ok(stored(object))).content {
                Some(content) => Presence::Present { hash: content.hash },
                None => Presence::Unknown(Trouble::unreadable("it is malformed")),
            }
        }
    }
}

/// Asks the sources about digests that are named and were not listed, each once, and keeps the
/// answers.
pub(super) struct AskedNames<'a> {
    pub(super) sources: &'a Sources,
    pub(super) rules: &'a Rules,
    pub(super) known: &'a mut BTreeMap<NamedDigest, Presence>,
}

impl Lookup for AskedNames<'_> {
    fn digest(&mut self, bucket: &str, key: &str) -> Presence {
        let name = NamedDigest { bucket: bucket.to_owned(), key: key.to_owned() };
        let (sources, rules) = (self.sources, self.rules);
        let known = self.known.entry(name);
        known.or_insert_with_key(|name| presence(sources, rules, name)).clone()
    }
}
