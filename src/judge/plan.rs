//! Selection of the digests of an area that are read, by what listing shows.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Question;
use super::facts::Strays;
use super::question::LOOK_BACK_DAYS;
use super::unit::Unit;
use crate::model::file_name::FileName;
use crate::model::metadata::SIDECAR_SUFFIX;
use crate::model::time::{add, hours, sub};
use crate::model::{AreaId, BucketName, ChainId, ChainKind, DigestKey, Window};
use crate::verify::{Code, Finding, Severity};

/// Digests after the requested time that are read for the signature of the last one in it, at most.
const SUCCESSORS: usize = 4;

/// Digests after a part of the requested time that are read, since the status of the last ones in it
/// may depend on them.
const LOOK_AHEAD: usize = 8;

/// Purpose of reading a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Its time was asked for.
    Asked,
    /// Only for the signature that it carries of the one before it.
    Successor,
    /// Not read, unless a log file that nothing lists calls for it.
    Aside,
}

/// A digest as listing shows it, and why it is read.
#[derive(Debug, Clone)]
pub struct PlannedDigest {
    /// Its key, taken apart.
    pub name: DigestKey,
    /// Its key.
    pub key: String,
    /// Its size as stored, in bytes.
    pub size: u64,
    /// Time of writing, as far as the store knows.
    pub modified: Option<Timestamp>,
    /// Purpose of reading it.
    pub role: Role,
}

/// The digests of an area in order of their end times.
#[derive(Debug, Clone, Default)]
pub struct Plan(Vec<PlannedDigest>);

impl Plan {
    /// All of them.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &PlannedDigest> {
        self.0.iter()
    }

    /// True if there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Digests that are read.
    pub fn read(&self) -> impl DoubleEndedIterator<Item = &PlannedDigest> {
        self.iter().filter(|digest| digest.role != Role::Aside)
    }

    /// The keys of those whose time was asked for.
    #[must_use]
    pub fn asked_for(&self) -> BTreeSet<&str> {
        let asked = self.iter().filter(|digest| digest.role == Role::Asked);
        asked.map(|digest| digest.key.as_str()).collect()
    }

    /// The time for which the public keys of those that are read are needed: to two hours past the
    /// end, and for backfill digests, which are made later, up to now.
    #[must_use]
    pub fn key_window(&self, now: Timestamp) -> Option<Window> {
        let (first, last) = (self.read().next()?.name.end, self.read().next_back()?.name.end);
        let backfill = self.read().any(|digest| digest.name.kind == ChainKind::Backfill);
        let end = if backfill { now.max(last) } else { last };
        Some(keys_around(first, end))
    }

    /// The time for which the public keys of all of them are needed.
    #[must_use]
    pub fn key_window_of_all(&self) -> Option<Window> {
        Some(keys_around(self.0.first()?.name.end, self.0.last()?.name.end))
    }
}

/// The time for which the public keys of digests are needed that end from `first` to `last`.
#[must_use]
pub fn keys_around(first: Timestamp, last: Timestamp) -> Window {
    Window::new(sub(first, hours(1)), add(last, hours(2)))
}

/// The days whose folders may hold what belongs to a window: those of the window and one on each
/// side.
#[must_use]
pub fn days_around(start: Option<Timestamp>, end: Option<Timestamp>) -> Window {
    let start = start.map_or(Timestamp::MIN, |t| sub(t, hours(24)));
    let end = end.map_or(Timestamp::MAX, |t| add(t, hours(24)));
    Window::new(start, end)
}

/// The days whose digests are listed: those around the requested time, and [`LOOK_BACK_DAYS`]
/// before it, so that a trail is in view that fell silent then. Digests of these are not read.
#[must_use]
pub fn days_of_trails(question: &Question, unit: Unit) -> Window {
    let Question { start, end, .. } = *question;
    let around = days_around(start, end);
    let back = start.map_or(around.start, |t| sub(t, hours(24 * LOOK_BACK_DAYS)));
    // The day before a part shows which chains are there, the one after it has the successors.
    let near = days_around(unit.from, unit.to);
    Window::new(around.start.min(back), around.end).intersect(&near)
}

/// The days whose log files are listed.
#[must_use]
pub fn days_of_logs(question: &Question, unit: Unit) -> Window {
    unit.days(days_around(question.start, question.end))
}

/// The objects in an area's folder of digests, as they are listed.
#[derive(Debug)]
pub struct DigestFolder<'a> {
    id: &'a AreaId,
    unit: Unit,
    digests: BTreeMap<(Timestamp, String), (DigestKey, u64, Option<Timestamp>)>,
    strays: Strays,
}

impl<'a> DigestFolder<'a> {
    /// An empty one.
    #[must_use]
    pub fn new(id: &'a AreaId, unit: Unit) -> Self {
        Self { id, unit, digests: BTreeMap::new(), strays: Strays::default() }
    }

    /// Takes up an object: its key, the time that its folder stands for, its size as stored, and
    /// when it was written.
    pub fn add(&mut self, key: String, folder: Window, size: u64, modified: Option<Timestamp>) {
        let own = |name: &DigestKey| name.place == self.id.place && name.region == self.id.region;
        if let Some(name) = DigestKey::parse(&key).filter(own) {
            let digest = (name.clone(), size, modified);
            let (end, owned) = (name.end, self.unit.owns_digest(name.end));
            let twice = self.digests.insert((end, key), digest).is_some();
            self.strays.digests_twice += u64::from(twice && owned);
            return;
        }
        if !self.unit.owns_folder(folder) {
            return;
        }
        let bucket = self.id.bucket.as_ref().map(BucketName::as_str);
        if is_log_file(&key) && !key.ends_with(SIDECAR_SUFFIX) {
            let message = "A file named like a log file is in the digest folder, where CloudTrail delivers none, and no digest lists it. Find out who added it.";
            // No accusation, but nothing vouches for it.
            let finding = Finding::new(Code::LogUnreferenced, message);
            self.strays
                .logs_among_digests
                .push(finding.severity(Severity::Incomplete).object(bucket, key));
            return;
        }
        let message = match key.ends_with(SIDECAR_SUFFIX) {
            true => "The metadata of an object that does not exist.",
            false => "An object in the digest folder that is not named like a digest.",
        };
        self.strays
            .among_digests
            .push(Finding::new(Code::ObjectUnknown, message).object(bucket, key));
    }

    /// The digests, each with its role, and what else is there.
    #[must_use]
    pub fn plan(self, question: &Question) -> (Plan, Strays) {
        // Per chain: asked for is what ends after the start, up to the first that reaches the end.
        let mut reached: BTreeMap<ChainId, (Option<Timestamp>, usize)> = BTreeMap::new();
        let planned =
            |((end, key), (name, size, modified)): ((Timestamp, String), (DigestKey, _, _))| {
                let (last, carried) = reached.entry(name.chain(None)).or_default();
                let over = last.filter(|last| question.end.is_some_and(|asked| *last >= asked));
                let role = match (question.wants_trail(&name), over) {
                    (false, _) => Role::Aside,
                    (true, None) if question.start.is_some_and(|start| end <= start) => Role::Aside,
                    (true, None) => Role::Asked,
                    (true, Some(_)) if *carried >= SUCCESSORS => Role::Aside,
                    (true, Some(last)) => {
                        // One that ends within the hour may be a stray before the true successor.
                        *carried =
                            if end < add(last, hours(1)) { *carried + 1 } else { SUCCESSORS };
                        Role::Successor
                    }
                };
                if over.is_none() {
                    *last = Some(end);
                }
                PlannedDigest { name, key, size, modified, role }
            };
        let mut plan = Plan(self.digests.into_iter().map(planned).collect());
        plan.cut(self.unit);
        (plan, self.strays)
    }
}

impl Plan {
    /// Leaves aside what another part owns, but for the digests that follow on those of this one.
    fn cut(&mut self, unit: Unit) {
        let mut ahead: BTreeMap<ChainId, usize> = BTreeMap::new();
        for digest in self.0.iter_mut().filter(|digest| digest.role != Role::Aside) {
            let PlannedDigest { name, role, .. } = digest;
            if unit.owns_digest(name.end) {
                if *role == Role::Asked {
                    ahead.insert(name.chain(None), LOOK_AHEAD);
                }
                continue;
            }
            let left = ahead.get_mut(&name.chain(None)).filter(|left| **left > 0);
            *role = match left {
                None => Role::Aside,
                Some(left) => {
                    *left -= 1;
                    Role::Successor
                }
            };
        }
    }
}

fn is_log_file(key: &str) -> bool {
    let name = key.rsplit('/').next().and_then(FileName::parse);
    name.is_some_and(|name| !name.is_digest)
}
