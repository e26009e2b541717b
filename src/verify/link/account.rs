//! The account of time: every moment that was asked for gets its state.

use super::linker::{Begins, ChainVerdict, Linker};
use super::places::{Place, Silence};
use super::request::{Ending, Reach, Reported, Request};
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
        let told = coverage.span().is_some();
        if !told && self.statements.span().is_some_and(|span| span.start >= asked.end) {
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

impl Place {
    /// Time after the newest digest of a trail, which is this place's.
    pub(super) fn tail(
        &mut self,
        coverage: &mut Coverage,
        tail: Window,
        request: Request,
        verified: bool,
    ) {
        if request.cut_short {
            let reason = Some(Code::ObjectUnreadable);
            coverage.assign(tail, CoverageState::Unreadable, reason);
            return;
        }
        let spoken = self.linker.statements.spoken_until(tail.end);
        let newest = spoken.or(self.listed_until).unwrap_or(tail.start).min(tail.start);
        let due = add(newest, request.grace);
        let in_grace = due >= tail.end;
        let pending = match (request.reach, request.as_of) {
            // Another chain reaches further; this one's digests may come as late as the grace.
            (Reach::Newest, None) => in_grace,
            (_, Some(as_of)) => due >= as_of,
            (Reach::OfCopy | Reach::OfBucket, None) => false,
        };
        if pending {
            coverage.assign(tail, CoverageState::Pending, None);
            return;
        }
        let Reported { ending, delivery_error } = &self.reported;
        // On stopping, CloudTrail delivers a last digest.
        let ending = match ending {
            Ending::Stopped(stopped) if *stopped > add(newest, hours(1)) => &Ending::Unknown,
            ending => ending,
        };
        let may_be_early = request.reach != Reach::OfBucket && in_grace;
        let mut message = match ending {
            // Of no requested end, a time is given only with --as-of.
            Ending::Unknown if may_be_early && request.reach == Reach::Newest => "The chain ends before the requested time does, by no more than the grace, although its digests were due when the copy was made (--as-of): they are missing, or logging stopped.".to_owned(),
            Ending::Unknown if may_be_early => "The chain ends before the requested time does, by no more than the grace: the copy was made before the last digests were delivered, or they are missing. Use --as-of TIME to state when the copy was made.".to_owned(),
            Ending::Unknown => "The chain ends before the requested time does: its newest digests are missing, or logging stopped.".to_owned(),
            Ending::Stopped(stopped) => format!("CloudTrail says that logging was stopped at {stopped}, and the digest of that time exists. No digest covers the time since."),
            Ending::NotListed => "The chain ends before the requested time does, and DescribeTrails no longer lists its trail: the trail was deleted, or is not visible with these credentials. No digest covers the time since.".to_owned(),
            Ending::Elsewhere(place) => format!("The chain ends before the requested time does, and CloudTrail says that its trail now delivers to {}. It is unknown when it moved, and no digest here covers the time since.", Printable(place)),
        };
        if self.silence == Some(Silence::SaidToHaveMoved) {
            message.push_str(
                " An unverified digest says that the trail moved to another bucket or prefix.",
            );
        } else if !verified {
            message.push_str(
                " None of its digests is verified, so it is unknown whether later ones were due.",
            );
        }
        if let Some(error) = delivery_error {
            let said =
                format!(" CloudTrail's latest delivery of a digest failed: {}.", Printable(error));
            message.push_str(&said);
        }
        let linker = &self.linker;
        let bucket = linker.chain.bucket.as_ref().map(BucketName::as_str);
        let finding = Finding::new(Code::ChainTruncated, message)
            .chain(&linker.chain)
            .window(tail)
            .compared(format!("digests up to {}", tail.end), format!("the newest ends {newest}"));
        let finding = match linker.recent.back() {
            Some(last) => finding.object(bucket, &*last.at.key),
            None => finding,
        };
        let explained = *ending != Ending::Unknown;
        let (state, finding) = if linker.unlisted || !verified {
            (CoverageState::Unreadable, finding.severity(Severity::Incomplete))
        } else if explained || may_be_early {
            (CoverageState::Gap, finding.severity(Severity::Incomplete))
        } else {
            (CoverageState::Violated, finding)
        };
        coverage.assign(tail, state, Some(Code::ChainTruncated));
        self.linker.findings.push(finding);
    }
}

/// Whether a finding touches the requested time; one of a single moment may lie on its edge.
fn in_time(finding: &Finding, asked: Window) -> bool {
    match (finding.start, finding.end) {
        (Some(start), Some(end)) if start < end => Window::new(start, end).overlaps(&asked),
        (Some(start), _) => asked.start <= start && start <= add(asked.end, hours(1)),
        _ => true,
    }
}
