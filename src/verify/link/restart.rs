//! Logging that is stopped and started again before the last digest's time has ended: the new
//! segment begins within it.

use jiff::Timestamp;

use super::linker::{Link, Linker, is_about};
use crate::model::Window;
use crate::model::time::hours;
use crate::verify::coverage::CoverageState;
use crate::verify::finding::{Code, Severity};
use crate::verify::signature::DigestStatus;

impl Linker {
    /// Takes a digest that starts a segment within the last hour before `tip` and reaches beyond
    /// it; `false` where it is none. It is a fork if a later digest shows that the chain went on
    /// without it.
    pub(super) fn restart(&mut self, link: &Link, window: Window, tip: Timestamp) -> bool {
        let overlaps = window.start < tip && tip < window.end;
        if !overlaps || tip.duration_since(window.start) >= hours(1) {
            return false;
        }
        let message = "A new segment of the chain starts within the time of the last digest. No time is missing, but nothing links the two segments, and digests may be missing from the end of the last one.";
        let finding = link.at.finding(Code::ChainGap, message).severity(Severity::Incomplete);
        self.findings.push(finding.window(Window::new(window.start, tip)));
        self.restarted = Some((link.clone(), window));
        true
    }

    /// Reports as a fork the digest that began a segment, where another follows one from before.
    pub(super) fn refute_restart(&mut self, predecessor: &Link) {
        let is_older = |(new, _): &mut (Link, Window)| {
            predecessor.at.key != new.at.key && predecessor.end <= new.end
        };
        let Some((new, window)) = self.restarted.take_if(is_older) else { return };
        self.findings.retain(|f| f.code != Code::ChainGap || !is_about(f, &new));
        self.fork(
            &new,
            window,
            "The digest starts a new segment in time that another digest already covers.",
        );
        if new.status == DigestStatus::Valid {
            self.statements.assign(window, CoverageState::Violated, Some(Code::DigestFork));
        }
    }
}
