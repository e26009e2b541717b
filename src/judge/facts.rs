//! The facts of an area: what was listed, read and found valid, and what could not be seen.
//!
//! Facts hold no verdict. They can be stored, and the facts of the parts of an area can be joined
//! in any order; the judge makes of them what it makes of the whole.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::hinted::HintedLogs;
use super::pairs;
use super::unit::Unit;
use crate::crypto::KeyRing;
use crate::model::{
    AreaId, BucketName, ChainId, DigestKey, Fingerprint, LogKind, Region, TrailName, Window,
};
use crate::report::{Counts, KeyReport};
use crate::verify::candidates::Candidates;
use crate::verify::completeness::ListedName;
use crate::verify::link::{Presence, Rows};
use crate::verify::listing::Doubts;
use crate::verify::loss_pattern::Oldest;
use crate::verify::notices::NoticeCollapser;
use crate::verify::{Code, CoverageState, Finding};

/// Time of a digest whose state its log files, or its list of them, lower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CoverageMark {
    /// The time of the digest.
    pub window: Window,
    /// The state.
    pub state: CoverageState,
    /// The code of the finding that says why.
    pub reason: Code,
}

/// The facts of one chain of an area.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainFacts {
    /// Its digests of the requested time.
    pub rows: Rows,
    /// The end of its newest digest that is listed, by its name.
    pub listed_until: Option<Timestamp>,
    /// Time at which that digest was written, where the store knows.
    pub newest_written: Option<Timestamp>,
    /// Its digests that are listed before the requested start, and the first one after it, by
    /// their names.
    pub before: Vec<DigestKey>,
    /// Its oldest objects.
    pub oldest: Oldest,
    /// The log files that its digests list, by result.
    pub logs: Counts,
    /// Times whose state log files, or lists of them, lower.
    pub marks: Vec<CoverageMark>,
    /// Notices on gzip headers.
    pub headers: NoticeCollapser,
    /// Notices on metadata.
    pub metadata: NoticeCollapser,
}

impl ChainFacts {
    /// Records that log files of a digest lessen what its time is worth.
    pub fn mark(&mut self, window: Window, state: CoverageState, reason: Code) {
        let mark = CoverageMark { window, state, reason };
        if self.marks.last() != Some(&mark) {
            self.marks.push(mark);
        }
    }

    fn join(&mut self, chain: &ChainId, later: Self) {
        self.rows.append(chain, later.rows);
        if later.listed_until > self.listed_until {
            (self.listed_until, self.newest_written) = (later.listed_until, later.newest_written);
        }
        self.before.extend(later.before);
        self.before.sort_by_key(|name| name.end);
        self.before.dedup();
        self.oldest.join(later.oldest);
        self.logs.add(&later.logs);
        self.marks.extend(later.marks);
        self.headers.absorb(later.headers);
        self.metadata.absorb(later.metadata);
    }
}

/// Time whose digests may exist unseen, or that some could list log files of which it is not known
/// what they list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hidden {
    /// Time whose digests could not be listed, inside the requested one.
    pub listing: Vec<Window>,
    /// Time of digests that were listed, and whose lists could not be read or are unverified.
    pub reading: Vec<Window>,
    /// Time of digests outside of the requested one, or in other places of the trail.
    pub beyond: Vec<Window>,
}

impl Hidden {
    fn absorb(&mut self, other: Self) {
        for (own, other) in [
            (&mut self.listing, other.listing),
            (&mut self.reading, other.reading),
            (&mut self.beyond, other.beyond),
        ] {
            own.extend(other);
            own.sort_unstable();
            own.dedup();
        }
    }
}

/// Digests that are in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubted {
    /// Digests of the requested time, which could not be listed.
    Asked,
    /// Digests that were listed, and whose lists could not be read or are unverified.
    Lists,
    /// Digests outside of the requested time, or in other places of the trail.
    Beyond,
}

struct DoubtKeeper<'a> {
    facts: &'a mut AreaFacts,
    of: Doubted,
}

impl Doubts for DoubtKeeper<'_> {
    fn take_up(&mut self, findings: Vec<Finding>, hidden: Vec<Window>) {
        self.facts.findings.extend(findings);
        hidden.into_iter().for_each(|window| self.facts.hide(self.of, window));
    }
}

/// Log files that verified digests list and that belong to a day which a copy does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BeyondDay {
    /// Number of log files.
    pub count: u64,
    /// Time of the digests that list them.
    pub window: Window,
    /// True if the copy holds the folder in which the day would lie.
    pub has_folder: bool,
}

/// Folders of an area in which no digest of the requested time is in view.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folders {
    /// True if any digest is listed, of whatever trail.
    pub any_digest: bool,
    /// True if there is a folder of digests.
    pub digests: bool,
    /// True if there are log files of the requested time, as far as they were looked for.
    pub logs: bool,
    /// The first and the last day, `YYYY/MM/DD`, of which there are digests.
    pub days: Option<(String, String)>,
}

impl Folders {
    fn absorb(&mut self, other: Self) {
        self.any_digest |= other.any_digest;
        self.digests |= other.digests;
        self.logs |= other.logs;
        self.days = self.days.take().or(other.days);
    }
}

/// Objects among digests or log files that are neither, and objects that are there twice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strays {
    /// Objects among the digests that are not named like digests.
    pub among_digests: NoticeCollapser,
    /// Objects of these that are named like log files.
    pub logs_among_digests: NoticeCollapser,
    /// Number of digests of which the sources have more than one copy.
    pub digests_twice: u64,
    /// Number of log files of which they have more than one.
    pub logs_twice: u64,
    /// Objects among the log files that are none.
    pub among_logs: NoticeCollapser,
    /// Objects among the log files that could not be identified.
    pub unread: NoticeCollapser,
    /// Number of objects among the log files that were not looked at, since they are too many.
    pub not_looked_at: u64,
}

impl Strays {
    /// Adds those of another part of the area.
    pub fn absorb(&mut self, other: Self) {
        self.among_digests.absorb(other.among_digests);
        self.logs_among_digests.absorb(other.logs_among_digests);
        self.digests_twice += other.digests_twice;
        self.logs_twice += other.logs_twice;
        self.among_logs.absorb(other.among_logs);
        self.unread.absorb(other.unread);
        self.not_looked_at += other.not_looked_at;
    }
}

/// A digest that is named and was not listed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NamedDigest {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub key: String,
}

/// The facts of an account and region in one place: all that was asked for, or some days of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AreaFacts {
    /// The area.
    pub id: AreaId,
    /// The part of the requested time that they are of.
    pub unit: Unit,
    /// The chains in view.
    pub chains: BTreeMap<ChainId, ChainFacts>,
    /// Findings of listings, and on single objects.
    pub findings: Vec<Finding>,
    /// Other objects in its folders.
    pub strays: Strays,
    /// Time whose digests may exist unseen.
    pub hidden: Hidden,
    /// Its folders, where no chain is in view.
    pub folders: Folders,
    /// Trails of which there are digests, and which were not asked for.
    pub other_trails: BTreeSet<TrailName>,
    /// The kinds of log files that digests list.
    pub kinds: BTreeSet<LogKind>,
    /// Log files that no digest lists, as far as digests were asked.
    pub candidates: Candidates,
    /// True if every digest that may list the candidates was asked, and every odd file looked at.
    pub completed: bool,
    /// Time between parts of which no facts were collected.
    pub lacking: Vec<Window>,
    /// Log files in folders of other parts that digests list, valid or not.
    pub listed_outside: BTreeSet<ListedName>,
    /// Log files that digests list and that are named for other times than the requested one, where
    /// the facts are of a part.
    pub listed_of_other_times: BTreeSet<ListedName>,
    /// Keys of listed log files, by the key of a candidate that is a copy of one.
    pub copies: BTreeMap<String, String>,
    /// Digests outside of the requested time that were asked for log files which no other lists.
    pub consulted: BTreeMap<ChainId, Rows>,
    /// Digests in other places of the same account and region, asked for the same.
    pub elsewhere: BTreeMap<ChainId, Rows>,
    /// Log files of days that a copy does not have, by their folders.
    pub beyond: BTreeMap<String, BeyondDay>,
    /// The valid log files that may hold events which tell why something is not there.
    pub hinted: HintedLogs,
    /// Digests that are named and were not listed, as far as they were asked for.
    #[serde(with = "pairs")]
    pub named: BTreeMap<NamedDigest, Presence>,
    /// The regions whose keys could not be fetched, and why.
    pub keyless: BTreeMap<Region, String>,
    /// The keys that were known.
    pub keys: BTreeSet<KeyReport>,
    /// The keys that a digest was verified with.
    pub used_keys: BTreeSet<(Fingerprint, Region)>,
    /// Bytes read from the store, as stored.
    pub bytes_read: u64,
    /// Bytes hashed, inflated.
    pub bytes_hashed: u64,
    /// Number of files that are stored inflated.
    pub already_inflated: u64,
}

impl AreaFacts {
    /// Facts of an area of which nothing was looked at.
    #[must_use]
    pub fn new(id: &AreaId, unit: Unit) -> Self {
        Self {
            id: id.clone(),
            unit,
            chains: BTreeMap::new(),
            findings: Vec::new(),
            strays: Strays::default(),
            hidden: Hidden::default(),
            folders: Folders::default(),
            other_trails: BTreeSet::new(),
            kinds: BTreeSet::from([LogKind::CloudTrail]),
            candidates: Candidates::new(id),
            completed: false,
            lacking: Vec::new(),
            listed_outside: BTreeSet::new(),
            listed_of_other_times: BTreeSet::new(),
            copies: BTreeMap::new(),
            consulted: BTreeMap::new(),
            elsewhere: BTreeMap::new(),
            beyond: BTreeMap::new(),
            hinted: HintedLogs::default(),
            named: BTreeMap::new(),
            keyless: BTreeMap::new(),
            keys: BTreeSet::new(),
            used_keys: BTreeSet::new(),
            bytes_read: 0,
            bytes_hashed: 0,
            already_inflated: 0,
        }
    }

    /// Appends the facts of a later part of the same area.
    pub(super) fn append(&mut self, later: Self) {
        let Self { chains, findings, strays, hidden, folders, candidates, .. } = later;
        for (id, chain) in chains {
            let own = self.chains.entry(id.clone()).or_default();
            own.join(&id, chain);
        }
        self.findings.extend(findings);
        self.strays.absorb(strays);
        self.hidden.absorb(hidden);
        self.folders.absorb(folders);
        self.candidates.absorb(&candidates);
        self.listed_outside.extend(later.listed_outside);
        self.listed_of_other_times.extend(later.listed_of_other_times);
        self.copies.extend(later.copies);
        for (own, later) in
            [(&mut self.consulted, later.consulted), (&mut self.elsewhere, later.elsewhere)]
        {
            for (id, rows) in later {
                own.entry(id.clone()).or_default().append(&id, rows);
            }
        }
        for (folder, day) in later.beyond {
            let own = self.beyond.entry(folder).or_insert(BeyondDay { count: 0, ..day });
            own.count += day.count;
            own.window.start = own.window.start.min(day.window.start);
            own.window.end = own.window.end.max(day.window.end);
        }
        self.other_trails.extend(later.other_trails);
        self.kinds.extend(later.kinds);
        self.hinted.absorb(later.hinted);
        self.named.extend(later.named);
        for (region, cause) in later.keyless {
            self.keyless.entry(region).or_insert(cause);
        }
        self.keys.extend(later.keys);
        self.used_keys.extend(later.used_keys);
        self.bytes_read += later.bytes_read;
        self.bytes_hashed += later.bytes_hashed;
        self.already_inflated += later.already_inflated;
    }

    /// Leaves out the candidates that digests of another part list, now that all parts are there.
    pub(super) fn forget_other_parts(&mut self) {
        let bucket = self.id.bucket_name().to_owned();
        let listed = std::mem::take(&mut self.listed_outside);
        self.candidates.retain(|file| !listed.contains(&ListedName::of(&bucket, &file.key)));
        self.candidates.sort();
    }

    /// Facts of an area of which none were collected, which say so.
    #[must_use]
    pub fn not_collected(id: &AreaId) -> Self {
        let message = "No facts of this area were collected, so none of it is proven.";
        let bucket = id.bucket.as_ref().map(BucketName::as_str);
        let finding = Finding::new(Code::ObjectUnreadable, message);
        let mut facts = Self::new(id, Unit::WHOLE);
        facts.findings.push(finding.object(bucket, id.place.folder()));
        facts.note_not_collected(Unit::WHOLE);
        facts
    }

    /// Records time whose digests may exist unseen, or list what is not known.
    pub fn hide(&mut self, of: Doubted, window: Window) {
        let Hidden { listing, reading, beyond } = &mut self.hidden;
        let windows = match of {
            Doubted::Asked => listing,
            Doubted::Lists => reading,
            Doubted::Beyond => beyond,
        };
        if !windows.contains(&window) {
            windows.push(window);
        }
    }

    /// The keeper of what a listing of digests could not show.
    pub fn doubts(&mut self, of: Doubted) -> impl Doubts {
        DoubtKeeper { facts: self, of }
    }

    /// Records a part of which no facts were collected: its digests may be there.
    pub(super) fn note_not_collected(&mut self, part: Unit) {
        let time = part.days(Window::ALL);
        self.hide(Doubted::Asked, time);
        self.lacking.push(time);
    }

    /// Takes note of the keys of a ring.
    pub fn note_keys(&mut self, ring: &KeyRing) {
        self.keys.extend(key_reports(ring));
    }
}

/// The keys of a ring as a report lists them, none of them used.
pub fn key_reports(ring: &KeyRing) -> impl Iterator<Item = KeyReport> {
    ring.keys().iter().map(|key| KeyReport {
        fingerprint: key.fingerprint().clone(),
        region: key.region().cloned(),
        source: key.source().to_owned(),
        valid_from: key.validity().map(|v| v.from),
        valid_to: key.validity().map(|v| v.to),
        used: false,
    })
}
