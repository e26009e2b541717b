//! Findings of an earlier run that a later one shows to be repaired.
//!
//! Not finding it again is not enough: the later run must have been asked the same, must not have
//! been interrupted, and must have proven the time in question (or, of a finding without a time, its
//! whole chain or itself). What a later run could not check stays open.

use std::collections::BTreeSet;

use super::chain_verdicts::ChainVerdicts;
use super::run::INTERRUPTED;
use super::stable_id::{finding_ids, scope_id};
use super::{RunReport, Verdict};
use crate::model::Window;
use crate::verify::{CoverageState, Finding, Interval, Severity};

/// True if two runs were asked for the same sources, accounts, regions and trails.
#[must_use]
pub fn same_request(one: &RunReport, other: &RunReport) -> bool {
    scope_id(one) == scope_id(other)
}

/// The findings that are repaired, each with its lasting name.
pub(super) fn repaired<'a>(
    report: &RunReport,
    earlier: &'a RunReport,
) -> Vec<(&'a Finding, String)> {
    let follows = earlier.finished <= report.finished && same_request(report, earlier);
    if !follows || report.exit_status == INTERRUPTED {
        return Vec::new();
    }
    let verdicts = ChainVerdicts::new(report);
    let open: BTreeSet<_> = finding_ids(report).into_iter().collect();
    let found = earlier.findings.iter().zip(finding_ids(earlier));
    found
        .filter(|(finding, name)| finding.severity > Severity::Notice && !open.contains(name))
        .filter(|(finding, _)| shows_repaired(report, &verdicts, finding))
        .collect()
}

/// True if the run proves what the finding is about.
fn shows_repaired(report: &RunReport, verdicts: &ChainVerdicts<'_>, finding: &Finding) -> bool {
    if finding.code.as_str().starts_with("log-") && !report.scope.logs {
        return false;
    }
    let Some(id) = &finding.chain else { return report.verdict == Verdict::Verified };
    let chain = report.chains.iter().find(|chain| chain.id == *id);
    chain.is_some_and(|chain| match finding.of_time() {
        Some(window) => proves(&chain.coverage, &window),
        None => verdicts.standing(chain) == Verdict::Verified,
    })
}

/// True if every moment of a window is proven.
fn proves(coverage: &[Interval], window: &Window) -> bool {
    let proven = coverage.iter().filter(|i| i.state == CoverageState::Proven);
    let common = proven.map(|i| i.window.intersect(window).seconds().max(0));
    common.sum::<i64>() >= window.seconds()
}
