//! What a listing could not show.
//!
//! Absence is a statement about everything that is there. Where a folder could not be listed, or
//! something in it could not be read, digests may exist unseen in the time that the folder stands
//! for, and no judgement may rest on their absence.

use super::finding::Finding;
use crate::model::Window;

/// Parts of the sources that a listing could not show: the finding on each, and its time. Findings
/// on what lies where nothing is expected come with them.
#[derive(Debug, Clone, Default)]
#[must_use = "no judgement may rest on the absence of what could not be listed"]
pub struct Unseen {
    findings: Vec<Finding>,
    windows: Vec<Window>,
}

impl Unseen {
    /// Adds something that could not be listed or read, and the time whose objects it may hide.
    pub fn add(&mut self, finding: Finding, hides: Window) {
        self.findings.push(finding);
        self.hide(hides);
    }

    /// Adds a finding that hides nothing.
    pub fn note(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Adds time whose digests could not be seen, for a reason that has a finding elsewhere.
    pub fn hide(&mut self, hides: Window) {
        if !self.windows.contains(&hides) {
            self.windows.push(hides);
        }
    }

    /// Adds what another listing could not show.
    pub fn absorb(&mut self, other: Self) {
        self.findings.extend(other.findings);
        other.windows.into_iter().for_each(|window| self.hide(window));
    }

    /// True if everything was seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    /// Time whose objects may exist unseen.
    #[must_use]
    pub fn windows(&self) -> &[Window] {
        &self.windows
    }

    /// Moves the findings out, to be reported; the time stays hidden.
    pub fn take_findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.findings)
    }
}
