//! The problems in the verdict's box, each with a link to its findings.

use crate::model::Printable;
use crate::report::Problem;
use crate::report::words::{count, counted, when};

/// Problems that the box shows.
const SHOWN: usize = 8;

/// A problem in a line or two.
pub(super) struct Line {
    pub(super) class: &'static str,
    pub(super) severity: &'static str,
    pub(super) code: &'static str,
    /// Number of findings, where there are several.
    pub(super) number: Option<String>,
    pub(super) place: String,
    pub(super) time: Option<String>,
    pub(super) message: String,
}

/// The problems that the box shows, and how many more there are.
pub(super) struct Problems {
    pub(super) shown: Vec<Line>,
    pub(super) more: Option<String>,
}

impl Problems {
    pub(super) fn new(problems: &[Problem]) -> Self {
        let more = problems.len().saturating_sub(SHOWN);
        Self {
            shown: problems.iter().take(SHOWN).map(Line::new).collect(),
            more: (more > 0).then(|| counted(more as u64, "more problem", "more problems")),
        }
    }
}

impl Line {
    fn new(problem: &Problem) -> Self {
        Self {
            class: super::findings::class(problem.severity),
            severity: problem.severity.as_str(),
            code: problem.code.as_str(),
            number: (problem.count > 1).then(|| count(problem.count)),
            place: problem.place(" "),
            time: problem.start.zip(problem.end).map(|(start, end)| when(start, end)),
            message: Printable(&problem.message).to_string(),
        }
    }
}
