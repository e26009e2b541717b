//! The problems in the verdict's box, each with a link to its findings.

use super::findings::FindingsSection;
use crate::model::Printable;
use crate::report::Problem;
use crate::report::wording::{count, counted, when};

/// Problems that the box shows.
const SHOWN: usize = 8;

/// A problem in a line or two.
pub(super) struct ProblemEntry {
    pub(super) class: &'static str,
    pub(super) code: &'static str,
    /// Number of findings, where there are several.
    pub(super) number: Option<String>,
    pub(super) place: String,
    pub(super) time: Option<String>,
    pub(super) message: String,
    /// Next step, where no problem above it says the same.
    pub(super) next: Option<String>,
    /// The id of its first finding, or of its code where the page leaves that finding out.
    pub(super) target: String,
}

/// The problems of a run that the box shows.
pub(super) fn shown_problems(problems: &[Problem]) -> &[Problem] {
    problems.get(..SHOWN).unwrap_or(problems)
}

/// The problems that the box shows, and how many more there are.
pub(super) struct Problems {
    pub(super) shown: Vec<ProblemEntry>,
    pub(super) more: Option<String>,
}

impl Problems {
    pub(super) fn new(problems: &[Problem], findings: &FindingsSection) -> Self {
        let more = problems.len().saturating_sub(SHOWN);
        let shown = shown_problems(problems);
        let line = |(at, problem): (usize, &Problem)| {
            let said = shown.iter().take(at).any(|above| above.remedy == problem.remedy);
            ProblemEntry::new(problem, findings, said)
        };
        Self {
            shown: shown.iter().enumerate().map(line).collect(),
            more: (more > 0).then(|| counted(more as u64, "more problem", "more problems")),
        }
    }
}

impl ProblemEntry {
    fn new(problem: &Problem, findings: &FindingsSection, said: bool) -> Self {
        Self {
            class: super::findings::class(problem.severity),
            code: problem.code.as_str(),
            number: (problem.count > 1).then(|| count(problem.count)),
            place: problem.place(" "),
            time: problem.start.zip(problem.end).map(|(start, end)| when(start, end)),
            message: Printable(&problem.message).to_string(),
            next: (!said).then(|| Printable(&problem.remedy).to_string()),
            target: findings.target(problem),
        }
    }
}
