//! Coverage of the requested time: every moment of it gets its state.

use jiff::Timestamp;

use super::linker::{Begins, ChainVerdict, Linker};
use super::places::{Silence, TrailPlace};
use super::request::{CoverageRequest, EndOrigin, ReportedEnding};
use crate::model::time::{add, hours};
use crate::model::{BucketName, Printable, Window};
use crate::verify::coverage::{Coverage, CoverageState};
use crate::verify::finding::{Code, Finding, Severity};

impl Linker {
    /// Adds what the chain itself says of the requested time to what is known of the time that it
    /// does not speak of. `None` when the chain begins only after the requested time, so that
    /// nothing of it was asked for.
    pub(super) fn close(
        mut self,
        mut coverage: Coverage,
        asked: Window,
        began: bool,
    ) -> Option<ChainVerdict> {
        let unverified = self.unverified_losses();
        self.findings.extend(unverified);
        if !self.is_standard() {
            let (findings, missing) = (self.findings, self.missing);
            let coverage = Coverage::default();
            return Some(ChainVerdict { coverage, findings, missing, left: false });
        }
        let covered = coverage.span().is_some();
        if !covered && self.statements.span().is_some_and(|span| span.start >= asked.end) {
            // Its trail was elsewhere, or did not exist.
            if began || self.begins_here() {
                return None;
            }
            return Some(self.begins_after(asked));
        }
        for interval in self.statements.within(asked) {
            coverage.assign(interval.window, interval.state, interval.reason);
        }
        for (window, state, reason) in &self.marks {
            coverage.assign(window.intersect(&asked), *state, Some(*reason));
        }
        self.findings.retain(|f| in_time(f, asked));
        let (findings, missing) = (self.findings, self.missing);
        Some(ChainVerdict { coverage, findings, missing, left: false })
    }

    /// The verdict on a chain whose first digest lies after the requested time and follows on
    /// others.
    fn begins_after(self, asked: Window) -> ChainVerdict {
        let message = match self.begins {
            // It was there before, so what is gone of it was asked for.
            Some(Begins::Inside | Begins::Here) => {
                "All digests of the requested time are missing: the first digest after it refers to earlier ones."
            }
            None => {
                "There are no digests of the requested time, and it is unknown whether there were any: those after it are invalid."
            }
        };
        let finding = Finding::new(Code::ChainLateStart, message).chain(&self.chain);
        let mut coverage = Coverage::default();
        coverage.assign(asked, CoverageState::Gap, Some(Code::ChainLateStart));
        ChainVerdict { coverage, findings: vec![finding.window(asked)], missing: 0, left: false }
    }
}

impl TrailPlace {
    /// Gives its state to the time after the newest digest of a trail, which is this place's.
    /// `verified` is true if a digest of the trail is, in any place.
    pub(super) fn close_tail(
        &mut self,
        coverage: &mut Coverage,
        tail: Window,
        request: CoverageRequest,
        verified: bool,
    ) {
        if request.cut_short {
            coverage.assign(tail, CoverageState::Unreadable, Some(Code::ObjectUnreadable));
            return;
        }
        let last = self.linker.statements.assigned_until(tail.end);
        let newest = last.or(self.listed_until).unwrap_or(tail.start).min(tail.start);
        let due = add(newest, request.grace);
        let in_grace = due >= tail.end;
        let pending = match (request.end_origin, request.as_of) {
            // Another chain reaches further; this one's digests may come as late as the grace.
            (EndOrigin::Newest, None) => in_grace,
            (_, Some(as_of)) => due >= as_of,
            (EndOrigin::OfCopy | EndOrigin::OfBucket, None) => false,
        };
        if pending {
            coverage.assign(tail, CoverageState::Pending, None);
            return;
        }
        let end_origin = request.end_origin;
        let may_be_early = end_origin != EndOrigin::OfBucket && in_grace;
        let end = TruncatedChain { place: self, tail, newest, end_origin, may_be_early, verified };
        coverage.assign(tail, end.state(), Some(Code::ChainTruncated));
        let finding = end.finding();
        self.linker.findings.push(finding);
    }
}

/// The end of a trail's digests before that of the requested time.
struct TruncatedChain<'a> {
    /// The place of the newest digest.
    place: &'a TrailPlace,
    /// The time after the newest digest.
    tail: Window,
    /// The end of the newest digest.
    newest: Timestamp,
    end_origin: EndOrigin,
    /// True if the copy may have been made before the digests of the tail were delivered.
    may_be_early: bool,
    /// True if a digest of the trail is verified, in any place.
    verified: bool,
}

impl TruncatedChain<'_> {
    /// The reason that CloudTrail states for the end.
    fn ending(&self) -> &ReportedEnding {
        match &self.place.reported.ending {
            // On stopping, CloudTrail delivers a last digest.
            ReportedEnding::Stopped(stopped) if *stopped > add(self.newest, hours(1)) => {
                &ReportedEnding::Unknown
            }
            ending => ending,
        }
    }

    fn state(&self) -> CoverageState {
        let explained = *self.ending() != ReportedEnding::Unknown;
        if self.place.linker.unlisted || !self.verified {
            CoverageState::Unreadable
        } else if explained || self.may_be_early {
            CoverageState::Gap
        } else {
            CoverageState::Violated
        }
    }

    fn message(&self) -> String {
        let mut message = match self.ending() {
            // Of no requested end, a time is given only with --as-of.
            ReportedEnding::Unknown if self.may_be_early && self.end_origin == EndOrigin::Newest => "The chain ends before the requested time does, by no more than the grace, although its digests were due when the copy was made (--as-of): they are missing, or logging stopped.".to_owned(),
            ReportedEnding::Unknown if self.may_be_early => "The chain ends before the requested time does, by no more than the grace: the copy was made before the last digests were delivered, or they are missing. Use --as-of TIME to state when the copy was made.".to_owned(),
            ReportedEnding::Unknown => "The chain ends before the requested time does: its newest digests are missing, or logging stopped.".to_owned(),
            ReportedEnding::Stopped(stopped) => format!("CloudTrail says that logging was stopped at {stopped}, and the digest of that time exists. No digest covers the time since."),
            ReportedEnding::NotListed => "The chain ends before the requested time does, and DescribeTrails no longer lists its trail: the trail was deleted, or is not visible with these credentials. No digest covers the time since.".to_owned(),
            ReportedEnding::Elsewhere(place) => format!("The chain ends before the requested time does, and CloudTrail says that its trail now delivers to {}. It is unknown when it moved, and no digest here covers the time since.", Printable(place)),
        };
        if self.place.silence == Some(Silence::SaidToHaveMoved) {
            message.push_str(
                " An unverified digest says that the trail moved to another bucket or prefix.",
            );
        } else if !self.verified {
            message.push_str(
                " None of its digests is verified, so it is unknown whether later ones were due.",
            );
        }
        if let Some(error) = &self.place.reported.delivery_error {
            let error = Printable(error);
            let text = format!(" CloudTrail's latest delivery of a digest failed: {error}.");
            message.push_str(&text);
        }
        message
    }

    fn finding(&self) -> Finding {
        let Self { tail, newest, .. } = *self;
        let linker = &self.place.linker;
        let bucket = linker.chain.bucket.as_ref().map(BucketName::as_str);
        let finding = Finding::new(Code::ChainTruncated, self.message())
            .chain(&linker.chain)
            .window(tail)
            .compared(format!("digests up to {}", tail.end), format!("the newest ends {newest}"));
        let finding = match linker.recent.back() {
            Some(last) => finding.object(bucket, &*last.at.key),
            None => finding,
        };
        match self.state() {
            CoverageState::Violated => finding,
            _ => finding.severity(Severity::Incomplete),
        }
    }
}

/// True if a finding touches the requested time; one of a single moment may lie on its edge.
fn in_time(finding: &Finding, asked: Window) -> bool {
    match (finding.start, finding.end) {
        (Some(start), Some(end)) if start < end => Window::new(start, end).overlaps(&asked),
        (Some(start), _) => asked.start <= start && start <= add(asked.end, hours(1)),
        _ => true,
    }
}
