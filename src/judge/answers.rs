//! Questions of the judge beyond the facts of areas, and the answers to them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::facts::{AreaFacts, NamedDigest};
use crate::model::{AreaId, ChainId, DigestKey, LogEntry, Region, Window};
use crate::report::KeyReport;
use crate::verify::digest::Trouble;
use crate::verify::events::Event;
use crate::verify::link::{DigestFacts, Lookup, Presence};

/// CloudTrail's answer on the trail of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrailAnswer {
    /// The trail delivers to the chain's place; its status.
    Status(LoggingStatus),
    /// The trail delivers to another bucket, prefix or organization; its description.
    Elsewhere(String),
    /// It is another account's, which alone may be asked.
    OfOther,
    /// No such trail is listed in the chain's region.
    NotListed,
}

/// CloudTrail's statement on a trail in one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggingStatus {
    /// Time of the latest delivery of a digest.
    pub latest_digest: Option<Timestamp>,
    /// S3's error on the latest delivery of a digest.
    pub delivery_error: Option<String>,
    /// Time since which it does not log; `None` where it does.
    pub stopped: Option<Timestamp>,
}

/// Something that the judge wants to know.
///
/// As long as it is not known, it counts as refused: the report is sound, and may be incomplete.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Want {
    /// Presence of a digest that is named and was not listed.
    Named(NamedDigest),
    /// Digests of one chain, in order, their signatures resolved by each other.
    Digests(AreaId, Vec<DigestKey>),
    /// The events of a log file with this entry, by bucket, key and hash value.
    Events(LogFileId),
    /// Facts of an area for some time, of all its trails.
    Beside(AreaId, Window),
    /// Later digests, or digests of other places, that list the log files of an area that are left.
    Late(AreaId),
    /// CloudTrail's statement on a chain's trail. This is a wish: refused, it adds to what is not
    /// proven, and changes nothing else.
    Trail(ChainId),
}

/// A log file that a digest lists, by bucket, key and hash value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogFileId {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
    /// Its hash value.
    pub hash: crate::model::Sha256Hash,
}

impl From<&LogEntry> for LogFileId {
    fn from(entry: &LogEntry) -> Self {
        let LogEntry { bucket, object, hash, .. } = entry;
        Self { bucket: bucket.to_string(), key: object.to_string(), hash: *hash }
    }
}

/// Answers to the judge, beyond the facts of areas.
#[derive(Debug, Default)]
pub struct Answers {
    /// Digests that are named and were not listed.
    pub named: BTreeMap<NamedDigest, Presence>,
    /// Digests of chains, their signatures resolved by each other.
    pub digests: BTreeMap<(AreaId, Vec<DigestKey>), Vec<DigestFacts>>,
    /// Events of log files, or why they could not be read.
    pub events: BTreeMap<LogFileId, Result<Vec<Event>, String>>,
    /// Facts of areas for some time, of all their trails, or why there are none.
    pub beside: BTreeMap<(AreaId, Window), Result<Box<AreaFacts>, String>>,
    /// CloudTrail's statements on trails, or why they were not given.
    pub trails: BTreeMap<ChainId, Result<TrailAnswer, String>>,
    /// The keys that were fetched for these answers.
    pub keys: BTreeSet<KeyReport>,
    /// The regions whose keys could not be fetched for them, and why.
    pub keyless: BTreeMap<Region, String>,
}

/// Answers as they are asked for, with those that are wanted and not there.
pub(super) struct TrackedAnswers<'a> {
    answers: &'a Answers,
    wanted: RefCell<BTreeSet<Want>>,
}

impl<'a> TrackedAnswers<'a> {
    pub(super) fn new(answers: &'a Answers) -> Self {
        Self { answers, wanted: RefCell::default() }
    }

    pub(super) fn answers(&self) -> &'a Answers {
        self.answers
    }

    pub(super) fn into_wanted(self) -> BTreeSet<Want> {
        self.wanted.into_inner()
    }

    fn or_want<T>(&self, known: Option<T>, want: impl FnOnce() -> Want) -> Option<T> {
        if known.is_none() {
            self.wanted.borrow_mut().insert(want());
        }
        known
    }

    pub(super) fn named(&self, digest: &NamedDigest) -> Presence {
        let known = self.or_want(self.answers.named.get(digest), || Want::Named(digest.clone()));
        known.cloned().unwrap_or_else(not_asked)
    }

    pub(super) fn digests(&self, id: &AreaId, names: &[DigestKey]) -> Option<&'a [DigestFacts]> {
        let key = (id.clone(), names.to_vec());
        let known = self.answers.digests.get(&key).map(Vec::as_slice);
        self.or_want(known, || Want::Digests(key.0, key.1))
    }

    pub(super) fn events(&self, entry: &LogEntry) -> Option<&'a Result<Vec<Event>, String>> {
        let id = LogFileId::from(entry);
        self.or_want(self.answers.events.get(&id), || Want::Events(id.clone()))
    }

    pub(super) fn beside(
        &self,
        id: &AreaId,
        time: Window,
    ) -> Option<&'a Result<Box<AreaFacts>, String>> {
        let key = (id.clone(), time);
        self.or_want(self.answers.beside.get(&key), || Want::Beside(id.clone(), time))
    }

    pub(super) fn trail(&self, chain: &ChainId) -> Option<&'a Result<TrailAnswer, String>> {
        self.or_want(self.answers.trails.get(chain), || Want::Trail(chain.clone()))
    }
}

/// The presence of a digest that was not searched for.
pub(super) fn not_asked() -> Presence {
    Presence::Unknown(Trouble::unreadable("it was not searched for"))
}

impl Lookup for &TrackedAnswers<'_> {
    fn digest(&mut self, bucket: &str, key: &str) -> Presence {
        self.named(&NamedDigest { bucket: bucket.to_owned(), key: key.to_owned() })
    }
}

/// Looks up no digest: only those that were read are linked.
pub(super) struct NoLookup;

impl Lookup for NoLookup {
    fn digest(&mut self, _: &str, _: &str) -> Presence {
        not_asked()
    }
}
