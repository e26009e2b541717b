//! Listings, which cannot be read without taking up what they could not show.
//!
//! Absence is a statement about everything that is there. Where a folder could not be listed, or
//! something in it could not be read, digests may exist unseen in the time that the folder stands
//! for, and no judgement may rest on their absence. So what was listed comes out of a [`Listing`]
//! only into the hands of somebody who keeps [`Doubts`].

use super::finding::Finding;
use crate::model::Window;

/// Parts of the sources that a listing could not show: the finding on each, and its time. Findings
/// on what lies where nothing is expected come with them.
#[derive(Debug, Clone, Default)]
pub struct Unseen {
    findings: Vec<Finding>,
    windows: Vec<Window>,
}

impl Unseen {
    /// Adds something that could not be listed or read, and the time whose objects it may hide.
    pub fn add(&mut self, finding: Finding, hides: Window) {
        self.findings.push(finding);
        if !self.windows.contains(&hides) {
            self.windows.push(hides);
        }
    }

    /// Adds a finding that hides nothing.
    pub fn note(&mut self, finding: Finding) {
        self.findings.push(finding);
    }
}

/// Keeper of what could not be seen.
pub trait Doubts {
    /// Takes up findings, and windows of time whose objects may exist unseen.
    fn take_up(&mut self, findings: Vec<Finding>, hidden: Vec<Window>);
}

/// Findings alone: for whoever concludes nothing from absence.
impl Doubts for Vec<Finding> {
    fn take_up(&mut self, findings: Vec<Finding>, _: Vec<Window>) {
        self.extend(findings);
    }
}

/// Something made of what was listed, together with what could not be.
///
/// Its content is out of reach until somebody keeps the doubts:
///
/// ```compile_fail
/// # use trailseal::internals::verify::listing::Listing;
/// let mut listing = Listing::of(vec!["a digest"]);
/// let digests = listing.content; // private
/// ```
///
/// ```compile_fail
/// # use trailseal::internals::verify::listing::Listing;
/// let listing = Listing::of(vec!["a digest"]);
/// for digest in listing {} // no iterator
/// ```
///
/// ```
/// # use trailseal::internals::verify::listing::Listing;
/// let listing = Listing::of(vec!["a digest"]);
/// let mut findings = Vec::new();
/// assert_eq!(listing.open(&mut findings), ["a digest"]);
/// ```
#[derive(Debug)]
#[must_use = "no judgement may rest on the absence of what could not be listed"]
pub struct Listing<T> {
    content: T,
    unseen: Unseen,
}

impl<T> Listing<T> {
    /// A listing under way, with what it adds to.
    pub fn of(content: T) -> Self {
        Self { content, unseen: Unseen::default() }
    }

    /// Hands what is listed to `list`, with a place for what could not be.
    pub fn add(&mut self, list: impl FnOnce(&mut T, &mut Unseen)) {
        list(&mut self.content, &mut self.unseen);
    }

    /// Makes something else of its content.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Listing<U> {
        Listing { content: make(self.content), unseen: self.unseen }
    }

    /// The content, for whoever takes up what could not be seen.
    pub fn open(self, doubts: &mut dyn Doubts) -> T {
        let Unseen { findings, windows } = self.unseen;
        doubts.take_up(findings, windows);
        self.content
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Window;
    use crate::verify::Code;

    #[derive(Default)]
    struct Kept(Vec<Finding>, Vec<Window>);

    impl Doubts for Kept {
        fn take_up(&mut self, findings: Vec<Finding>, hidden: Vec<Window>) {
            self.0.extend(findings);
            self.1.extend(hidden);
        }
    }

    #[test]
    fn what_was_listed_brings_what_was_not() {
        let mut listing = Listing::of(Vec::new());
        listing.add(|found, unseen| {
            found.push(1);
            let finding = Finding::new(Code::ObjectUnreadable, "Denied.");
            unseen.add(finding.clone(), Window::ALL);
            unseen.add(finding.clone(), Window::ALL);
            unseen.note(finding);
        });
        let mut kept = Kept::default();
        assert_eq!(listing.map(|found| found.len()).open(&mut kept), 1);
        assert_eq!((kept.0.len(), kept.1), (3, vec![Window::ALL]));
    }
}
