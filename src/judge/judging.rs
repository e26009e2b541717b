//! An area under judgement: its chains linked, and what it lacks.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::answers::{NoLookup, not_asked};
use super::facts::{AreaFacts, ChainFacts, NamedDigest};
use super::{Question, Survey};
use crate::model::key_name::DIGEST_FOLDER;
use crate::model::{BucketName, ChainId, ChainKind, DigestKey, Window};
use crate::report::ChainReport;
use crate::verify::link::{Linker, Lookup, Presence, Row, Rows};
use crate::verify::loss_pattern::Oldest;
use crate::verify::signature::DigestStatus;
use crate::verify::{Code, Coverage, Finding};

/// A chain whose digests are linked.
#[derive(Debug, Clone)]
pub(super) struct LinkedChain {
    pub(super) report: ChainReport,
    pub(super) linker: Linker,
    pub(super) oldest: Oldest,
    /// Time at which its newest digest was written, where the store knows.
    pub(super) newest_written: Option<Timestamp>,
    /// The end of its newest digest that is listed, by its name.
    pub(super) listed_until: Option<Timestamp>,
    /// Its digests that are listed before the requested start, and the first one after it, by
    /// their names.
    pub(super) before: Vec<DigestKey>,
}

/// An area under judgement.
pub(super) struct Judging<'a> {
    pub(super) question: &'a Question,
    pub(super) survey: &'a Survey,
    pub(super) facts: &'a AreaFacts,
    pub(super) findings: Vec<Finding>,
    pub(super) chains: BTreeMap<ChainId, LinkedChain>,
    /// Time whose digests of the requested time may exist unseen.
    pub(super) hidden: Vec<Window>,
    /// True if it holds no digest in view.
    pub(super) without_digests: bool,
    /// Digests that are named, and that the facts do not tell of.
    pub(super) wanted: RefCell<BTreeSet<NamedDigest>>,
}

/// Digests that are named, as far as the area's facts tell of them, and those that they do not.
struct NamedDigests<'a>(&'a AreaFacts, &'a RefCell<BTreeSet<NamedDigest>>);

impl Lookup for NamedDigests<'_> {
    fn digest(&mut self, bucket: &str, key: &str) -> Presence {
        let name = NamedDigest { bucket: bucket.to_owned(), key: key.to_owned() };
        self.0.named.get(&name).cloned().unwrap_or_else(|| {
            self.1.borrow_mut().insert(name);
            not_asked()
        })
    }
}

impl<'a> Judging<'a> {
    pub(super) fn new(question: &'a Question, survey: &'a Survey, facts: &'a AreaFacts) -> Self {
        let mut hidden = facts.hidden.listing.clone();
        if survey.may_hide_digests(&facts.id) {
            hidden.push(Window::ALL);
        }
        Self {
            question,
            survey,
            facts,
            findings: facts.findings.clone(),
            chains: BTreeMap::new(),
            hidden,
            without_digests: false,
            wanted: RefCell::default(),
        }
    }

    /// Links the digests of every chain.
    pub(super) fn link(&mut self) {
        for (id, chain) in &self.facts.chains {
            let mut linker = Linker::new(id.clone(), self.question.start);
            let newest = chain.listed_until.unwrap_or(Timestamp::MIN);
            if self.hidden.iter().any(|window| window.end > newest) {
                linker.listing_failed();
            }
            let mut report = ChainReport::new(id.clone());
            for row in chain.rows.iter() {
                let sound = linker.push_row(row, &mut NamedDigests(self.facts, &self.wanted));
                count(&mut report, row, sound);
                self.findings.extend(row.first.finding.as_deref().cloned());
            }
            for gap in self.facts.lacking.iter().filter(|gap| is_inner(**gap)) {
                linker.mark_unread(*gap);
            }
            report.logs = chain.logs;
            for mark in &chain.marks {
                linker.mark(mark.window, mark.state, mark.reason);
            }
            let ChainFacts { oldest, newest_written, listed_until, ref before, .. } = *chain;
            let before = shown_before(self.question.start, before);
            let linked =
                LinkedChain { report, linker, oldest, newest_written, listed_until, before };
            self.chains.insert(id.clone(), linked);
        }
    }

    /// Finishes the links: places what only a next digest could place, and reports how far losses
    /// reach where no other place of the trail may account for their time.
    pub(super) fn finish_links(&mut self) {
        let alone = self.survey.is_only_place(&self.facts.id);
        for chain in self.chains.values_mut() {
            chain.linker.finish();
            if alone {
                chain.linker.resolve_losses(&mut NamedDigests(self.facts, &self.wanted));
            }
        }
    }

    /// The findings on trails that have backfill digests in view and no other: those of every hour
    /// should lie beside them.
    pub(super) fn without_standard_digests(&mut self) {
        let backfill = self.chains.keys().filter(|id| id.kind == ChainKind::Backfill);
        let standard = backfill.map(|id| ChainId { kind: ChainKind::Standard, ..id.clone() });
        let gone: Vec<_> = standard.filter(|id| !self.chains.contains_key(id)).collect();
        for id in gone {
            let message = format!(
                "Trail {} has only backfill digests for the requested time. Nothing is proven.",
                id.trail
            );
            let key = format!("{}{DIGEST_FOLDER}/{}/", id.place.folder(), id.region);
            let bucket = id.bucket.as_ref().map(BucketName::as_str);
            let finding = Finding::new(Code::NoDigests, message).chain(&id).object(bucket, key);
            self.findings.push(finding);
        }
    }

    /// The finding on an area that has log files or a digest folder, and no digest in view.
    pub(super) fn without_chains(&mut self) {
        let (id, folders) = (&self.facts.id, &self.facts.folders);
        if !self.hidden.is_empty() {
            // A finding says what could not be listed: what lies there is not said to be gone.
            self.without_digests = true;
            return;
        }
        // Where a trail was asked for, other trails' places are not.
        let of_other_trails = !self.question.trails.is_empty() && folders.any_digest;
        if of_other_trails || !(folders.digests || folders.logs) {
            return;
        }
        let there = match &folders.days {
            Some((first, last)) if first == last => format!("those of {first}"),
            Some((first, last)) => format!("those of days from {first} to {last}"),
            None => "log files or a digest folder".to_owned(),
        };
        let message = format!(
            "There are no digests of account {} in {} for the requested time, although there are {there}. Nothing is proven.",
            id.place.account, id.region
        );
        let key = format!("{}{DIGEST_FOLDER}/{}/", id.place.folder(), id.region);
        let bucket = id.bucket.as_ref().map(BucketName::as_str);
        self.findings.push(Finding::new(Code::NoDigests, message).object(bucket, key));
        self.without_digests = true;
    }

    /// Coverage by the digests of each standard chain.
    pub(super) fn statements(&self) -> BTreeMap<ChainId, Coverage> {
        let standard = self.chains.iter().filter(|(id, _)| id.kind == ChainKind::Standard);
        standard.map(|(id, chain)| (id.clone(), chain.linker.statements().clone())).collect()
    }
}

/// The digests before the requested start, and the first one after it.
fn shown_before(start: Option<Timestamp>, listed: &[DigestKey]) -> Vec<DigestKey> {
    let until = listed.iter().position(|name| start.is_some_and(|start| start < name.end));
    listed.iter().take(until.map_or(listed.len(), |at| at + 1)).cloned().collect()
}

/// True if a gap between parts has parts on both sides.
fn is_inner(gap: Window) -> bool {
    gap.start > Timestamp::MIN && gap.end < Timestamp::MAX
}

/// Counts the digests of a row.
fn count(report: &mut ChainReport, row: &Row, sound: bool) {
    let counts = &mut report.digests;
    match (row.first.status, sound) {
        (DigestStatus::Valid, true) => counts.valid += 1,
        (DigestStatus::Unchecked, _) => counts.unchecked += 1,
        _ => counts.invalid += 1,
    }
    counts.valid += row.more;
}

/// Coverage by digests of a chain of which some were read, of whatever time.
pub(super) fn coverage_of(chain: &ChainId, rows: &Rows) -> Coverage {
    let mut linker = Linker::new(chain.clone(), Some(Timestamp::MAX));
    for row in rows.iter() {
        linker.push_row(row, &mut NoLookup);
    }
    linker.finish();
    linker.statements().clone()
}
