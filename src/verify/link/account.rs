//! The account of time: every moment that was asked for gets its state.

use super::{Begins, ChainVerdict, Linker, Request};
use crate::model::time::{add, hours};
use crate::model::{BucketName, Window};
use crate::verify::coverage::{Coverage, CoverageState};
use crate::verify::finding::{Code, Finding, Severity};

use jiff::Timestamp;

impl Linker {
    /// Accounts for every moment of the requested time. `None` when the chain begins only after
    /// it, so that nothing of it was asked for.
    #[must_use]
    pub fn close(mut self, request: Request) -> Option<ChainVerdict> {
        self.finish();
        if !self.is_standard() {
            let (findings, missing) = (self.findings, self.missing);
            return Some(ChainVerdict { coverage: Coverage::default(), findings, missing });
        }
        let span = self.statements.span();
        if span.is_some_and(|span| span.start >= request.end) {
            let message = match self.begins {
                _ if self.continues.is_some() => return None,
                Some(Begins::Here) => return None,
                // It was there before, so what is gone of it was asked for.
                Some(Begins::Inside) => {
                    "All digests of the requested time are gone: the first that is there, after it, follows on others."
                }
                None => {
                    "There are no digests of the requested time, and whether there were cannot be told: those after it are not sound."
                }
            };
            let asked = Window::new(request.start.unwrap_or(request.end), request.end);
            let finding = Finding::new(Code::ChainLateStart, message).chain(&self.chain);
            let mut coverage = Coverage::default();
            coverage.assign(asked, CoverageState::Gap, Some(Code::ChainLateStart));
            let findings = vec![finding.window(asked)];
            return Some(ChainVerdict { coverage, findings, missing: 0 });
        }
        let start = request.start.or(span.map(|s| s.start)).unwrap_or(request.end);
        let asked = Window::new(start, request.end.max(start));
        let end = asked.end;
        let mut coverage = Coverage::default();
        let mut at = start;
        for interval in self.statements.within(asked) {
            self.hole(&mut coverage, Window::new(at, interval.window.start), start, span);
            coverage.assign(interval.window, interval.state, interval.reason);
            at = interval.window.end;
        }
        self.tail(&mut coverage, Window::new(at, end), request, span);
        for (window, state, reason) in &self.marks {
            coverage.assign(window.intersect(&asked), *state, Some(*reason));
        }
        self.findings.retain(|f| in_time(f, asked));
        Some(ChainVerdict { coverage, findings: self.findings, missing: self.missing })
    }

    /// Time inside the requested window, before some digest's, that no digest speaks of.
    fn hole(
        &mut self,
        coverage: &mut Coverage,
        hole: Window,
        start: Timestamp,
        span: Option<Window>,
    ) {
        if hole.is_empty() {
            return;
        }
        let late = hole.start == start && span.is_some_and(|span| span.start >= hole.end);
        let (code, message) = if late {
            (Code::ChainLateStart, "The requested time begins before the chain's first digest.")
        } else {
            (
                Code::ChainGap,
                "No digest accounts for this time, though digests stand before and after it.",
            )
        };
        coverage.assign(hole, CoverageState::Gap, Some(code));
        self.findings.push(Finding::new(code, message).chain(&self.chain).window(hole));
    }

    /// Time after the newest digest.
    fn tail(
        &mut self,
        coverage: &mut Coverage,
        tail: Window,
        request: Request,
        span: Option<Window>,
    ) {
        if tail.is_empty() {
            return;
        }
        if request.cut_short {
            let reason = Some(Code::ObjectUnreadable);
            coverage.assign(tail, CoverageState::Unreadable, reason);
            return;
        }
        let newest = span.map_or(tail.start, |span| span.end.min(tail.start));
        if request.as_of.duration_since(newest) <= request.grace {
            coverage.assign(tail, CoverageState::Pending, None);
            return;
        }
        // On stopping, CloudTrail delivers a last digest.
        let stopped = request.stopped.filter(|stopped| *stopped <= add(newest, hours(1)));
        let message = match stopped {
            None => "The chain ends before the requested time does: its newest digests are gone, or logging stopped.".to_owned(),
            Some(stopped) => format!("CloudTrail says that logging was stopped at {stopped}, and the digest of that time is there: nothing covers the time since."),
        };
        let bucket = self.chain.bucket.as_ref().map(BucketName::as_str);
        let finding = Finding::new(Code::ChainTruncated, message)
            .chain(&self.chain)
            .window(tail)
            .compared(format!("digests up to {}", tail.end), format!("the newest ends {newest}"));
        let finding = match self.recent.back() {
            Some(last) => finding.object(bucket, &*last.at.key),
            None => finding,
        };
        let (state, finding) = match (self.unlisted, stopped) {
            (true, _) => (CoverageState::Unreadable, finding.severity(Severity::Incomplete)),
            (false, Some(_)) => (CoverageState::Gap, finding.severity(Severity::Incomplete)),
            (false, None) => (CoverageState::Violated, finding),
        };
        coverage.assign(tail, state, Some(Code::ChainTruncated));
        self.findings.push(finding);
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
