//! What a run looks for in its sources, until it is to stop.

use super::pool::Stop;
use crate::judge::Question;
pub use crate::judge::survey::Selection;

/// Selection of accounts and regions, and what ends the looking early.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// What is looked for.
    pub selection: Selection<'a>,
    /// Ends the looking early.
    pub stop: Option<&'a Stop>,
}

impl<'a> Filter<'a> {
    /// What a question selects, until the run is to stop.
    #[must_use]
    pub fn of(question: &'a Question, stop: &'a Stop) -> Self {
        Self { selection: question.into(), stop: Some(stop) }
    }
}
