//! Selection of a run, until it is to stop.

use super::pool::Stop;
use crate::judge::Question;
pub use crate::judge::survey::Selection;

/// Selection of accounts and regions, and what ends the looking early.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// Accounts and regions that are looked for.
    pub selection: Selection<'a>,
    /// Ends the looking early.
    pub stop: Option<&'a Stop>,
}

impl<'a> Filter<'a> {
    /// Selection of a question, until the run is to stop.
    #[must_use]
    pub fn of(question: &'a Question, stop: &'a Stop) -> Self {
        Self { selection: question.into(), stop: Some(stop) }
    }
}
