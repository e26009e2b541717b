//! The places of a trail: time is accounted for over all of them together.
//!
//! A trail's bucket, prefix or organization may change, and change back, any number of times. In
//! each place the trail has stays; a digest that follows on one in another place links the two.
//! Which place receives the digest of the hour of the move is not documented, so a stay has no
//! bounds of its own: a moment is accounted for where a digest of any linked place speaks of it,
//! and one of which none speaks is reported exactly once, by the place whose digest follows it, or
//! at the end by the one whose digest came last.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::linker::{Begins, ChainVerdict, Linker, before_segment};
use super::lookup::Lookup;
use super::request::{CoverageRequest, ReportedStatus};
use crate::model::{ChainId, Window};
use crate::verify::coverage::{Coverage, CoverageState};
use crate::verify::finding::{Code, Finding};

/// One place of a trail.
#[derive(Debug)]
pub struct TrailPlace {
    /// The chain's fold.
    pub linker: Linker,
    /// The end of the newest digest that is listed, by its name.
    pub listed_until: Option<Timestamp>,
    /// CloudTrail's own statement on the trail.
    pub reported: ReportedStatus,
    /// Knowledge of a chain of which no digest of the requested time is there; `None` where
    /// one is.
    pub silence: Option<Silence>,
    /// Digests of it end before the requested start, so that the chain was there by then.
    pub existed: bool,
}

/// State of a chain whose newest digests lie before the requested start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// A verified digest follows on it in another place, before the requested start.
    Moved,
    /// A digest that is not verified does.
    SaidToHaveMoved,
    /// Its newest digests are verified, and nothing follows.
    Verified,
    /// None of its newest digests is verified.
    Unverified,
}

/// Accounts for the requested time of a trail in all its places. The verdict on a place is `None`
/// when nothing of it was asked for.
#[must_use]
pub fn close_trail(
    mut places: Vec<TrailPlace>,
    request: CoverageRequest,
    lookup: &mut dyn Lookup,
) -> Vec<Option<ChainVerdict>> {
    for place in &mut places {
        place.linker.finish();
    }
    let linked = components(&places);
    let mut groups: BTreeMap<usize, Vec<(usize, TrailPlace)>> = BTreeMap::new();
    for ((number, place), group) in places.into_iter().enumerate().zip(linked) {
        groups.entry(group).or_default().push((number, place));
    }
    let mut verdicts = BTreeMap::new();
    for (_, group) in groups {
        let (numbers, places): (Vec<_>, Vec<_>) = group.into_iter().unzip();
        let closed = LinkedPlaces::new(places, request, lookup).close();
        verdicts.extend(numbers.into_iter().zip(closed));
    }
    verdicts.into_values().collect()
}

impl Linker {
    /// Reports how far losses reach, where the trail has no other place.
    pub fn resolve_losses(&mut self, lookup: &mut dyn Lookup) {
        let union = self.statements.clone();
        self.extend_losses(&union, lookup);
    }

    fn extend_losses(&mut self, union: &Coverage, lookup: &mut dyn Lookup) {
        for loss in std::mem::take(&mut self.losses) {
            let from = loss.from.or_else(|| union.assigned_until(loss.until)).unwrap_or(loss.until);
            let silent = union.unassigned(Window::new(from, loss.until));
            self.extend_loss(loss, &silent, lookup);
        }
    }

    /// True if this place speaks of time before another segment of the trail starts, and of none
    /// that the other speaks of: then the trail started anew in the other place.
    fn is_continued_by(&self, other: &Self) -> bool {
        let Some(first) = self.statements.span().map(|span| span.start) else { return false };
        other.segment_starts.iter().any(|(start, _)| first < *start)
            && other
                .statements
                .all()
                .filter(|i| i.state != CoverageState::Gap)
                .all(|i| self.parts_with_digests(i.window).is_empty())
    }

    /// The parts of a window of which a digest of this place speaks.
    fn parts_with_digests(&self, window: Window) -> Vec<Window> {
        let parts = self.statements.within(window).into_iter();
        parts.filter(|i| i.state != CoverageState::Gap).map(|i| i.window).collect()
    }
}

/// The number of the group that each place belongs to.
fn components(places: &[TrailPlace]) -> Vec<usize> {
    let ids: BTreeMap<&ChainId, usize> =
        places.iter().enumerate().map(|(n, place)| (&place.linker.chain, n)).collect();
    let mut group: Vec<usize> = (0..places.len()).collect();
    let mut join = |a: usize, b: usize| {
        let of = |n: usize| group.get(n).copied();
        let (Some(a), Some(b)) = (of(a), of(b)) else { return };
        let (kept, other) = (a.min(b), a.max(b));
        group.iter_mut().filter(|g| **g == other).for_each(|g| *g = kept);
    };
    for (number, place) in places.iter().enumerate() {
        for from in &place.linker.arrivals {
            if let Some(from) = ids.get(from) {
                join(number, *from);
            }
        }
        if place.linker.segment_starts.is_empty() {
            continue;
        }
        for (other, before) in places.iter().enumerate() {
            if other != number && before.linker.is_continued_by(&place.linker) {
                join(number, other);
            }
        }
    }
    group
}

/// Places of a trail that are linked to each other, with the requested time.
struct LinkedPlaces {
    places: Vec<TrailPlace>,
    request: CoverageRequest,
    /// The requested time.
    asked: Window,
    /// Time that has a state in any of the places.
    union: Coverage,
    /// True if a digest of any place is verified.
    verified: bool,
}

impl LinkedPlaces {
    /// Resolves first how far the losses of the places reach.
    fn new(mut places: Vec<TrailPlace>, request: CoverageRequest, lookup: &mut dyn Lookup) -> Self {
        if places.iter().any(|place| !place.linker.losses.is_empty()) {
            let union = union_of(&places);
            for place in &mut places {
                place.linker.extend_losses(&union, lookup);
            }
        }
        let union = union_of(&places);
        let first = union.span().map(|span| span.start);
        let start = request.start.or(first).unwrap_or(request.end);
        let asked = Window::new(start, request.end.max(start));
        let verified = places
            .iter()
            .any(|place| place.linker.verified || place.silence == Some(Silence::Verified));
        Self { places, request, asked, union, verified }
    }

    /// Start of the time that has a state.
    fn first(&self) -> Option<Timestamp> {
        self.union.span().map(|span| span.start)
    }

    /// True if a digest speaks of time before the end of the requested one.
    fn began(&self) -> bool {
        self.first().is_some_and(|first| first < self.asked.end)
    }

    /// Parts of the requested time of which no digest speaks, as far as one was due.
    fn silent(&self) -> Vec<Window> {
        // Backfill digests come when they are needed: of no time one is due.
        let standard = self.places.iter().all(|place| place.linker.is_standard());
        let existed = self.places.iter().any(|place| place.existed);
        match standard && (self.first().is_none() || self.began() || existed) {
            true => self.union.unassigned(self.asked),
            // Each place that begins after the requested time says itself what that means.
            false => Vec::new(),
        }
    }

    /// Gives its state to a part of which no digest speaks, in the coverage of the place that
    /// answers for it: the one whose digest follows, or at the end the one whose digest came last.
    fn close_silent(&mut self, part: Window, coverages: &mut [Coverage]) {
        let (asked, request, verified) = (self.asked, self.request, self.verified);
        let first = self.first();
        let tail = part.end == asked.end;
        let whole = tail && part.start == asked.start;
        let answers = |place: &TrailPlace| match tail {
            false => place.linker.statements.begins_at(part.end),
            true => whole || place.linker.statements.assigned_until(part.start) == Some(part.start),
        };
        for (place, coverage) in self.places.iter_mut().zip(coverages) {
            if !answers(place) || place.silence == Some(Silence::Moved) {
                continue;
            }
            if whole && place.linker.statements.span().is_some() {
                // It goes on after the requested time: in between, it may have been interrupted.
                if place.existed && place.linker.begins_here() {
                    place.linker.close_hole(coverage, part, false);
                }
            } else if tail {
                place.close_tail(coverage, part, request, verified);
            } else {
                let late = first == Some(part.end);
                place.linker.close_hole(coverage, part, late);
            }
            if !whole {
                break;
            }
        }
    }

    /// The verdicts on the places, in their order.
    fn close(mut self) -> Vec<Option<ChainVerdict>> {
        let mut coverages = vec![Coverage::default(); self.places.len()];
        for part in self.silent() {
            self.close_silent(part, &mut coverages);
        }
        let (asked, began) = (self.asked, self.began());
        let last = self.union.span().map(|span| span.end);
        let close = |(place, coverage): (TrailPlace, Coverage)| {
            if place.silence == Some(Silence::Moved) {
                return None;
            }
            let left = place.linker.statements.span().map(|span| span.end) < last;
            let verdict = place.linker.close(coverage, asked, began)?;
            Some(ChainVerdict { left, ..verdict })
        };
        self.places.into_iter().zip(coverages).map(close).collect()
    }
}

/// Time that has a state in any of these places.
fn union_of(places: &[TrailPlace]) -> Coverage {
    let mut union = Coverage::default();
    for interval in places.iter().flat_map(|place| place.linker.statements.all()) {
        union.assign(interval.window, CoverageState::Proven, None);
    }
    union
}

impl Linker {
    /// Gives its state to time inside the requested window, before a digest of this place, of which
    /// no digest of the trail speaks.
    fn close_hole(&mut self, coverage: &mut Coverage, hole: Window, late: bool) {
        let started = self.segment_starts.iter().find(|(start, _)| *start == hole.end);
        let finding = match started {
            Some((_, at)) if !late => before_segment(at, hole),
            _ => {
                let (code, message) = if late {
                    let message = "The requested time begins before the chain's first digest.";
                    (Code::ChainLateStart, message)
                } else {
                    let message = "No digest covers this time, although there are digests before and after it.";
                    (Code::ChainGap, message)
                };
                Finding::new(code, message).chain(&self.chain).window(hole)
            }
        };
        coverage.assign(hole, CoverageState::Gap, Some(finding.code));
        self.findings.push(finding);
    }

    /// True if its first digest follows on nothing here: it starts the chain, or continues one in
    /// another place.
    pub(super) fn begins_here(&self) -> bool {
        self.arrived || self.begins == Some(Begins::Here)
    }
}
