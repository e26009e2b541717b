//! One chain's fold: each digest placed by what the ones before it are.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use super::lookup::Lookup;
use super::loss::{Loss, UnverifiedLosses};
use super::row::{ContentFacts, DigestFacts, MEMORY, PlainDigest, Row};
use crate::model::time::{hours, minutes, sub};
use crate::model::{ChainId, ChainKind, Sha256Hash, Window};
use crate::verify::coverage::{Coverage, CoverageState};
use crate::verify::digest::Location;
use crate::verify::finding::{Code, Finding, Severity};
use crate::verify::signature::DigestStatus;

/// A digest as its successor sees it.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) at: Location,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) hash: Option<Sha256Hash>,
    pub(super) signature: Option<String>,
    pub(super) status: DigestStatus,
    pub(super) has_successor: bool,
}

/// Unverified digest that is not placed until the next one shows whether it is part of the chain.
#[derive(Debug, Clone)]
pub(super) struct HeldDigest {
    link: Link,
    window: Window,
    reason: Code,
}

/// Statement of the first existing digest about those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Begins {
    /// It starts the chain.
    Here,
    /// It follows on another.
    Inside,
}

/// One chain's fold.
#[derive(Debug, Clone)]
pub struct Linker {
    pub(super) begins: Option<Begins>,
    /// True if digests may be there that could not be listed.
    pub(super) unlisted: bool,
    /// The chains in other places that this one continues.
    pub(super) arrivals: Vec<ChainId>,
    /// True if its first digest continues a chain in another place.
    pub(super) arrived: bool,
    /// The verified digests that start a segment.
    pub(super) segment_starts: Vec<(Timestamp, Location)>,
    /// True if one of its digests is verified.
    pub(super) verified: bool,
    /// Digests that are gone; what else of the trail is there decides how far the loss reaches.
    pub(super) losses: Vec<Loss>,
    /// Digests that are not there and that only unverified digests name.
    pub(super) unverified: Option<UnverifiedLosses>,
    /// The digest that began a segment within the time of the one before it.
    pub(super) restarted: Option<(Link, Window)>,
    pub(super) chain: ChainId,
    /// The requested start, where one was asked for: what lies before it is not missed.
    pub(super) start: Option<Timestamp>,
    pub(super) recent: VecDeque<Link>,
    pub(super) held: Vec<HeldDigest>,
    /// End of the linked digests.
    pub(super) tip: Option<Timestamp>,
    pub(super) interval: SignedDuration,
    /// Coverage by the digests alone.
    pub(super) statements: Coverage,
    /// Coverage that their log files add.
    pub(super) marks: Vec<(Window, CoverageState, Code)>,
    pub(super) findings: Vec<Finding>,
    pub(super) missing: u64,
}

/// Result of linking a chain.
#[derive(Debug)]
pub struct ChainVerdict {
    /// The requested time; empty for a backfill chain.
    pub coverage: Coverage,
    /// Findings on links and time.
    pub findings: Vec<Finding>,
    /// Number of missing digests.
    pub missing: u64,
    /// True if the trail went on in another place after this one's newest digest.
    pub left: bool,
}

impl Linker {
    /// A chain of which nothing was seen yet.
    #[must_use]
    pub fn new(chain: ChainId, start: Option<Timestamp>) -> Self {
        Self {
            chain,
            start,
            begins: None,
            unlisted: false,
            arrivals: Vec::new(),
            arrived: false,
            segment_starts: Vec::new(),
            verified: false,
            losses: Vec::new(),
            unverified: None,
            restarted: None,
            recent: VecDeque::new(),
            held: Vec::new(),
            tip: None,
            interval: hours(1),
            statements: Coverage::default(),
            marks: Vec::new(),
            findings: Vec::new(),
            missing: 0,
        }
    }

    /// Records that digests may be there that could not be listed: what is not seen is not gone.
    pub fn listing_failed(&mut self) {
        self.unlisted = true;
    }

    /// Records time whose digests were not collected: nothing is said to be gone in it.
    pub fn mark_unread(&mut self, window: Window) {
        self.statements.assign(window, CoverageState::Unreadable, Some(Code::ObjectUnreadable));
    }

    /// Coverage by the digests seen so far, without their log files.
    #[must_use]
    pub fn statements(&self) -> &Coverage {
        &self.statements
    }

    /// Records that log files of a digest lessen what its time is worth.
    pub fn mark(&mut self, window: Window, state: CoverageState, reason: Code) {
        let mark = (window, state, reason);
        if self.marks.last() != Some(&mark) {
            self.marks.push(mark);
        }
    }

    /// Takes the next row of digests; returns whether the place of its first one in the chain is
    /// sound. That of all others is.
    pub fn push_row(&mut self, row: &Row, lookup: &mut dyn Lookup) -> bool {
        let sound = self.push(&row.first, lookup);
        if let Some((inside, _)) = row.inside() {
            self.statements.assign(inside, CoverageState::Proven, None);
            self.tip = self.tip.max(Some(inside.end));
            self.recent.clear();
        }
        for PlainDigest { start, end, hash } in row.last.iter().cloned() {
            if let Some(predecessor) = self.recent.back_mut() {
                predecessor.has_successor = true;
            }
            let window = Window::new(start, end);
            self.statements.assign(window, CoverageState::Proven, None);
            self.interval = window.length().max(minutes(1));
            self.advance(Link {
                at: Location::of(self.chain.bucket.clone(), row.first.name.with_end(end)),
                start,
                end,
                hash: Some(hash),
                signature: None,
                status: DigestStatus::Valid,
                has_successor: false,
            });
        }
        if row.more > 0
            && let Some(last) = self.recent.back_mut()
        {
            last.signature.clone_from(&row.signature);
        }
        sound
    }

    /// Takes the next digest; returns whether its place in the chain is sound.
    pub fn push(&mut self, digest: &DigestFacts, lookup: &mut dyn Lookup) -> bool {
        let content = digest.content.as_ref();
        let link = Link {
            at: Location::of(self.chain.bucket.clone(), digest.name.clone()),
            start: content.map_or(digest.name.end, |content| content.start),
            end: digest.name.end,
            hash: content.map(|content| content.hash),
            signature: digest.signature.clone(),
            status: digest.status,
            has_successor: false,
        };
        let reason = digest.finding.as_ref().map(|f| f.code);
        match (content, digest.status) {
            (Some(content), DigestStatus::Valid | DigestStatus::Unchecked) => {
                self.link(link, content, reason, lookup)
            }
            _ => {
                self.hold(link, content, reason);
                true
            }
        }
    }

    /// Keeps an unverified digest until the next one places it.
    fn hold(&mut self, link: Link, content: Option<&ContentFacts>, reason: Option<Code>) {
        let end = link.end;
        let by_content =
            content.map(|content| content.start).filter(|start| *start >= sub(end, hours(25)));
        let by_neighbour =
            self.held.last().map_or(self.tip, |p| Some(p.window.end)).filter(|tip| {
                *tip < end && end.duration_since(*tip) <= self.interval + minutes(30)
            });
        let start = by_neighbour.or(by_content).unwrap_or_else(|| sub(end, self.interval));
        // Being unverified, it must not reach back over what others prove.
        let start = self.tip.filter(|tip| *tip < end).map_or(start, |tip| start.max(tip));
        let reason = reason.unwrap_or(Code::ObjectUnreadable);
        let window = Window::new(start, end);
        self.held.push(HeldDigest { link, window, reason });
    }

    /// Places the digests held, now that one has come that is not held.
    fn place_held(&mut self, next: Option<(&str, Window)>) {
        for held in std::mem::take(&mut self.held) {
            // A stray: the digest that follows covers its time and does not build on it.
            let stray = next.is_some_and(|(previous, window)| {
                previous != &*held.link.at.key && window.start < held.window.end
            });
            if stray {
                continue;
            }
            let state = match held.link.status {
                DigestStatus::Invalid => CoverageState::Violated,
                _ => CoverageState::Unreadable,
            };
            self.statements.assign(held.window, state, Some(held.reason));
            self.advance(held.link);
        }
    }

    pub(super) fn advance(&mut self, link: Link) {
        self.tip = self.tip.max(Some(link.end));
        if self.recent.len() == MEMORY {
            self.recent.pop_front();
        }
        self.recent.push_back(link);
    }

    fn link(
        &mut self,
        link: Link,
        content: &ContentFacts,
        reason: Option<Code>,
        lookup: &mut dyn Lookup,
    ) -> bool {
        let window = content.window();
        let begins = if content.previous.is_none() { Begins::Here } else { Begins::Inside };
        let first = self.begins.replace(self.begins.unwrap_or(begins)).is_none();
        if link.status == DigestStatus::Valid {
            self.verified = true;
            if begins == Begins::Here {
                self.segment_starts.push((window.start, link.at.clone()));
            }
        }
        let previous_key = content.previous.as_ref().map_or("", |p| p.object.as_str());
        self.place_held(Some((previous_key, window)));
        let (before, arrivals) = (self.findings.len(), self.arrivals.len());
        match &content.previous {
            None => self.new_segment(&link, window),
            Some(previous) => self.follow(&link, window, previous, lookup),
        }
        self.arrived |= first && self.arrivals.len() > arrivals;
        let sound = !self
            .findings
            .get(before..)
            .is_some_and(|new| new.iter().any(|f| is_about(f, &link) && f.code != Code::ChainGap));
        let (state, reason) = match (link.status, sound) {
            (DigestStatus::Valid, true) => (CoverageState::Proven, None),
            (DigestStatus::Valid, false) => {
                (CoverageState::Violated, self.findings.get(before).map(|f| f.code))
            }
            _ => (CoverageState::Unreadable, reason),
        };
        let start = match (link.status, self.tip) {
            (DigestStatus::Unchecked, Some(tip)) => window.start.max(tip),
            _ => window.start,
        };
        self.statements.assign(Window::new(start, window.end), state, reason);
        self.interval = window.length().max(minutes(1));
        self.advance(link);
        sound
    }

    pub(super) fn is_standard(&self) -> bool {
        self.chain.kind == ChainKind::Standard
    }

    fn new_segment(&mut self, link: &Link, window: Window) {
        let Some(tip) = self.tip else { return };
        if self.is_standard() && self.restart(link, window, tip) {
            return;
        }
        if self.is_standard() && window.start < tip {
            self.fork(
                link,
                window,
                "The digest starts a new segment in time that another digest already covers.",
            );
            return;
        }
        let gap = if self.is_standard() {
            Window::new(tip, window.start)
        } else {
            Window::new(tip, window.end)
        };
        self.findings.push(before_segment(&link.at, gap));
        self.statements.assign(gap, CoverageState::Gap, Some(Code::ChainGap));
    }

    pub(super) fn fork(&mut self, link: &Link, window: Window, message: &str) {
        // An unverified digest proves no second history.
        if link.status == DigestStatus::Valid {
            self.findings.push(link.at.finding(Code::DigestFork, message).window(window));
        }
    }

    /// End of the newest digest that is not contradicted, and of those that follow on it without a
    /// hole. An altered digest that claims a later time does not move it.
    #[must_use]
    pub fn end(&self) -> Option<Timestamp> {
        let span = self.statements.span()?;
        let mut end = None;
        for interval in self.statements.all() {
            if interval.state != CoverageState::Violated || end == Some(interval.window.start) {
                end = Some(interval.window.end);
            }
        }
        end.or(Some(span.end))
    }

    /// Places what is held: no more digests come.
    pub fn finish(&mut self) {
        self.place_held(None);
        let keep = self.recent.len().saturating_sub(1);
        self.recent.drain(..keep);
        self.recent.shrink_to_fit();
    }
}

/// The finding on the time before a new segment, which nothing covers.
pub(super) fn before_segment(at: &Location, gap: Window) -> Finding {
    let (message, severity) = if gap.is_empty() {
        let message = "A new segment starts exactly where the last one ended. No time is missing, but nothing links the two segments.";
        (message, Severity::Notice)
    } else {
        let message = "A new segment of the chain starts here. No digest covers the time since the last segment, and digests may be missing from the end of that segment.";
        (message, Severity::Incomplete)
    };
    at.finding(Code::ChainGap, message).severity(severity).window(gap)
}

pub(super) fn is_about(finding: &Finding, link: &Link) -> bool {
    finding.key.as_deref() == Some(&*link.at.key)
}
