//! Problems: findings of one cause, counted together, as a reader first wants to know them.
//!
//! Nothing is lost by it: the findings stay in the report one by one. A problem is a run of
//! findings of one code in one chain whose times follow on each other, or, where one cause touches
//! many chains (a region's keys, a wrong bucket, a plain copy's lost signatures), all of them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::wording::counted;
use super::{RunReport, Verdict};
use crate::model::time::{add, hours};
use crate::model::{ChainId, ChainKind, Printable, Region};
use crate::verify::{Code, CoverageState, Finding, Severity};

/// Number of separate times from which findings of one code in one chain are counted together.
const MOST_TIMES: usize = 5;
/// Largest distance of findings that still follow on each other: an hour without log files
/// may lie between.
const APART_HOURS: i64 = 1;

/// Findings of one cause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Their code.
    pub code: Code,
    /// Their severity.
    pub severity: Severity,
    /// Number of findings.
    pub count: u64,
    /// The chain, where all of them are of one.
    pub chain: Option<ChainId>,
    /// Number of chains that they touch.
    pub chains: u64,
    /// Start of the time that they touch.
    pub start: Option<Timestamp>,
    /// End of the time that they touch.
    pub end: Option<Timestamp>,
    /// Bucket of the first object.
    pub bucket: Option<String>,
    /// The first object.
    pub key: Option<String>,
    /// The problem, in a sentence.
    pub message: String,
    /// The next step.
    pub remedy: String,
    /// Place of the first finding among those of the report.
    #[serde(skip)]
    pub(super) first: usize,
}

/// A report with its problems, as JSON holds it. Whoever reads it groups the findings again.
#[derive(Serialize)]
pub(super) struct WithProblems<'a> {
    #[serde(flatten)]
    report: &'a RunReport,
    problems: Vec<Problem>,
}

impl<'a> WithProblems<'a> {
    pub(super) fn of(report: &'a RunReport) -> Self {
        Self { report, problems: problems(report) }
    }
}

/// Common cause of the findings of one problem.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Cause<'a> {
    /// A chain, and a run of times in it.
    Chain(Option<&'a ChainId>, usize),
    /// A region whose keys are lacking.
    KeysOf(&'a Region),
    /// The hour at which chains end, and the requested end.
    CutOff(i64, Timestamp),
    /// Something else than expected was found, the same everywhere.
    Mismatch(&'a str, &'a str),
    /// The same words.
    Message(&'a str),
    /// The same everywhere.
    Everywhere,
}

/// The problems of a run: the worst first, then in the order of the findings. Notices are none.
#[must_use]
pub fn problems(report: &RunReport) -> Vec<Problem> {
    let mut groups: BTreeMap<_, Vec<&Finding>> = BTreeMap::new();
    let causes = Causes::of(report);
    let weighing =
        report.findings.iter().enumerate().filter(|(_, f)| f.severity > Severity::Notice);
    let mut first: BTreeMap<_, usize> = BTreeMap::new();
    for (at, finding) in weighing {
        let of = (Reverse(finding.severity), finding.code, causes.cause(at, finding));
        first.entry(of.clone()).or_insert(at);
        groups.entry(of).or_default().push(finding);
    }
    let mut problems: Vec<_> = groups.into_iter().collect();
    problems.sort_by_key(|(of, _)| (of.0, first.get(of).copied()));
    let problem = |(of, findings): ((_, _, Cause<'_>), Vec<&Finding>)| {
        let at = first.get(&of).copied()?;
        Problem::of(report, &of.2, at, &findings)
    };
    problems.into_iter().filter_map(problem).collect()
}

/// Data to determine the cause of a finding, collected once.
struct Causes<'a> {
    /// The number of the run of times that each finding belongs to.
    runs: Vec<usize>,
    /// End of the time of each chain.
    ends: BTreeMap<&'a ChainId, Timestamp>,
    /// Number of findings that weigh, by chain.
    weighing: BTreeMap<&'a ChainId, usize>,
    /// True if not one log file of those that digests list was found, whole or altered.
    no_logs: bool,
}

impl<'a> Causes<'a> {
    fn of(report: &'a RunReport) -> Self {
        let mut last: BTreeMap<_, (usize, Option<Timestamp>)> = BTreeMap::new();
        let mut runs = Vec::with_capacity(report.findings.len());
        // Findings are sorted by chain and time.
        for finding in &report.findings {
            let of = (finding.severity, finding.code, &finding.chain);
            let (run, until) = last.entry(of).or_insert((0, None));
            let end = finding.end.or(finding.start);
            let follows = match (*until, finding.start.or(finding.end)) {
                (Some(until), Some(start)) => start <= add(until, hours(APART_HOURS)),
                _ => until.is_none(),
            };
            *run += usize::from(!follows);
            *until = end.max(*until);
            runs.push(*run);
        }
        // Too many times for a list: one problem.
        let many: BTreeSet<_> =
            last.into_iter().filter(|(_, (run, _))| *run >= MOST_TIMES).map(|(of, _)| of).collect();
        for (run, f) in runs.iter_mut().zip(&report.findings) {
            if many.contains(&(f.severity, f.code, &f.chain)) {
                *run = 0;
            }
        }
        let ends = report.chains.iter();
        let ends = ends.filter_map(|c| Some((&c.id, c.coverage.last()?.window.end))).collect();
        let logs = &report.totals.logs.listed;
        let missing = report.findings.iter().filter(|f| f.code == Code::LogMissing).count() as u64;
        let none = logs.valid == 0 && logs.unchecked == 0 && missing == logs.invalid;
        let mut weighing = BTreeMap::new();
        for finding in report.findings.iter().filter(|f| f.severity > Severity::Notice) {
            if let Some(chain) = &finding.chain {
                *weighing.entry(chain).or_default() += 1;
            }
        }
        Self { runs, ends, weighing, no_logs: none && missing > 0 }
    }

    /// True of a finding on the newest digest of a chain, whose signature a plain copy lost. (In a
    /// bucket that is a violation, and no accident of copying.)
    fn is_newest_unsigned(&self, finding: &Finding) -> bool {
        let Some(chain) = &finding.chain else { return false };
        let newest = match chain.kind {
            ChainKind::Standard => {
                self.ends.get(chain).is_some_and(|end| Some(*end) <= finding.end)
            }
            // No time shows its end. Only the newest has no digest after it that repeats its signature.
            ChainKind::Backfill => self.weighing.get(chain) == Some(&1),
        };
        finding.severity == Severity::Incomplete && newest
    }

    fn cause(&self, at: usize, finding: &'a Finding) -> Cause<'a> {
        match (finding.code, &finding.chain) {
            (Code::DigestKeyUnknown, Some(chain)) => Cause::KeysOf(&chain.region),
            (Code::ChainTruncated, Some(_))
                if let Some((start, end)) = finding.start.zip(finding.end) =>
            {
                Cause::CutOff(start.as_second().div_euclid(3600), end)
            }
            (Code::LogMissing, _) if self.no_logs => Cause::Everywhere,
            (Code::DigestUnsigned, _) if self.is_newest_unsigned(finding) => Cause::Everywhere,
            (Code::DigestMoved, _) => match other_bucket(finding) {
                Some((expected, actual)) => Cause::Mismatch(expected, actual),
                None => Cause::Message(&finding.message),
            },
            (Code::ObjectUnreadable | Code::ObjectArchived | Code::NoDigests, _) => {
                Cause::Message(&finding.message)
            }
            (_, chain) => {
                Cause::Chain(chain.as_ref(), self.runs.get(at).copied().unwrap_or_default())
            }
        }
    }
}

impl Problem {
    fn of(report: &RunReport, cause: &Cause<'_>, at: usize, findings: &[&Finding]) -> Option<Self> {
        let first = findings.first()?;
        let chains: BTreeSet<_> = findings.iter().filter_map(|f| f.chain.as_ref()).collect();
        let one = match chains.len() {
            1 if findings.iter().all(|f| f.chain.is_some()) => first.chain.clone(),
            _ => None,
        };
        let problem = Self {
            code: first.code,
            severity: first.severity,
            count: findings.len() as u64,
            chain: one,
            chains: chains.len() as u64,
            start: findings.iter().filter_map(|f| f.start.or(f.end)).min(),
            end: findings.iter().filter_map(|f| f.end.or(f.start)).max(),
            bucket: first.bucket.clone(),
            key: first.key.clone(),
            message: first.message.clone(),
            remedy: first.code.remedy_of(first.severity).to_owned(),
            first: at,
        };
        Some(problem.in_its_words(report, cause, findings))
    }

    /// Says what the cause is, where that is more than what one of the findings says.
    fn in_its_words(
        mut self,
        report: &RunReport,
        cause: &Cause<'_>,
        findings: &[&Finding],
    ) -> Self {
        match (self.code, cause) {
            (Code::DigestUnsigned, Cause::Everywhere) => {
                let which = match self.count {
                    1 => "The newest digest of this chain has".to_owned(),
                    n => format!("The newest digests of {n} chains have"),
                };
                self.message = format!(
                    "{which} no signature here. This is normal in a plain copy: S3 keeps the signature in the object's metadata."
                );
                if let Some(end) = verified_until(report, findings) {
                    self.message += &format!(" The time before {end} is verified.");
                    self.remedy = format!(
                        "To prove the time before it: --end-time {end}. To prove all of it: run trailseal collect into the same directory, which adds the metadata."
                    );
                }
            }
            (Code::DigestKeyUnknown, Cause::KeysOf(region)) => {
                self.remedy = self.remedy.replace("REGION", region.as_str());
            }
            (Code::ChainTruncated, Cause::CutOff(..)) if self.chains > 1 => {
                let newest = findings.iter().filter_map(|f| f.start).max();
                let (Some(first), Some(last)) = (self.start, newest) else { return self };
                let when = match first == last {
                    true => format!("at {first}"),
                    false => format!("between {first} and {last}"),
                };
                self.message = format!(
                    "{} chains end {when}, before the requested time does. The first: {}",
                    self.chains, self.message
                );
            }
            (Code::LogMissing, Cause::Everywhere) if self.count > 1 => {
                self.message = "None of the log files listed by valid digests exists.".to_owned();
                self.remedy = format!(
                    "If this is a copy of digests only, run with --no-logs, or copy the log files too. {}",
                    self.remedy
                );
            }
            (Code::DigestMoved, Cause::Mismatch(expected, actual)) => {
                let what = if self.count == 1 { "This digest names" } else { "These digests name" };
                self.message =
                    format!("{what} the bucket {actual}, but the bucket here is {expected}.");
                self.remedy = format!(
                    "If this is a copy of {actual}, run with --bucket {actual}. If not, find out who moved the digests here."
                );
            }
            _ => {}
        }
        self
    }

    /// Place of it: the chain's account, region and trail with this between them, or the number of
    /// chains; empty where it is in none.
    pub(super) fn place(&self, between: &str) -> String {
        match (&self.chain, self.chains) {
            (Some(chain), _) => {
                let kind = if chain.kind == ChainKind::Backfill { " (backfill)" } else { "" };
                let (account, region, trail) = (&chain.place.account, &chain.region, &chain.trail);
                let place = format!("{account}{between}{region}{between}{trail}{kind}");
                Printable(&place).to_string()
            }
            (None, 0) => String::new(),
            (None, n) => counted(n, "chain", "chains"),
        }
    }
}

/// The bucket that a digest was read as one of, and the one that it names.
fn other_bucket(finding: &Finding) -> Option<(&str, &str)> {
    let expected = finding.expected.as_deref().filter(|e| finding.bucket.as_deref() == Some(e))?;
    Some((expected, finding.actual.as_deref()?))
}

/// The time before which everything is proven, where the lost signatures of the newest digests are
/// all that is wrong.
fn verified_until(report: &RunReport, unsigned: &[&Finding]) -> Option<Timestamp> {
    // A backfill digest may list log files of any time before it, so no end leaves it out.
    if unsigned.iter().any(|f| f.chain.as_ref().is_some_and(|c| c.kind == ChainKind::Backfill)) {
        return None;
    }
    let others = report.findings.iter().filter(|f| f.severity > Severity::Notice);
    let end = unsigned.iter().filter_map(|f| f.start).min()?;
    let proven = report.chains.iter().flat_map(|c| &c.coverage).all(|i| {
        let good = matches!(
            i.state,
            CoverageState::Proven | CoverageState::Explained | CoverageState::Pending
        );
        good || i.window.start >= end
    });
    let begins =
        report.chains.iter().filter_map(|c| c.coverage.first()).all(|i| i.window.start < end);
    (report.verdict == Verdict::Incomplete && others.count() == unsigned.len() && proven && begins)
        .then_some(end)
}
