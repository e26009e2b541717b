//! Entries of lists and tables, cut to a length that a browser can show.

use crate::report::Verdict;
use crate::report::wording::count;

/// Most entries of a list in the scope, and most sentences at the end.
pub(super) const ENTRIES: usize = 1000;

/// A label and what belongs to it.
pub(super) struct LabelledRow {
    pub(super) label: &'static str,
    pub(super) lines: Vec<String>,
    /// True if the lines are names or keys, to be shown as such.
    pub(super) names: bool,
}

impl LabelledRow {
    pub(super) fn new(label: &'static str, line: impl Into<String>) -> Self {
        Self { label, lines: vec![line.into()], names: false }
    }
}

/// The first entries of a list, and how many more there are.
pub(super) struct Cut<T> {
    pub(super) shown: Vec<T>,
    pub(super) more: Option<String>,
    pub(super) total: String,
}

impl<T> Cut<T> {
    pub(super) fn new<S>(all: &[S], limit: usize, show: impl FnMut(&S) -> T) -> Self {
        let more = all.len().saturating_sub(limit);
        Self {
            shown: all.iter().take(limit).map(show).collect(),
            more: (more > 0).then(|| count(more as u64)),
            total: count(all.len() as u64),
        }
    }
}

/// The class of a verdict.
pub(super) const fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Verified => "verified",
        Verdict::Violation => "violation",
        Verdict::Incomplete => "incomplete",
    }
}
