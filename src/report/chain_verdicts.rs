//! Verdicts of single chains, and limits on what a long report shows.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::{ChainReport, RunReport, Verdict};
use crate::model::{AccountId, ChainId, ChainKind};
use crate::verify::{Code, CoverageState, Finding, Severity};

/// Most chains that are shown in full, and most accounts that are summed up.
pub(super) const BLOCKS: usize = 100;
/// Most chains of which none is summed up: of more, those that are wholly proven are, by account.
pub(super) const CHAINS_IN_FULL: usize = 25;
/// Most time ranges that are shown for one state of one chain.
pub(super) const RANGES: usize = 20;
/// Most findings of one code that are shown for one chain.
pub(super) const FINDINGS_OF_A_CODE: usize = 20;

/// Verdicts of a report's chains, by their findings.
pub(super) struct ChainVerdicts<'a> {
    report: &'a RunReport,
    /// The findings of each chain, and those of none.
    pub(super) findings: BTreeMap<Option<&'a ChainId>, Vec<&'a Finding>>,
}

impl<'a> ChainVerdicts<'a> {
    pub(super) fn new(report: &'a RunReport) -> Self {
        let mut findings: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for finding in &report.findings {
            findings.entry(finding.chain.as_ref()).or_default().push(finding);
        }
        Self { report, findings }
    }

    /// Every chain with its verdict, the worst first.
    pub(super) fn chains(&self) -> Vec<(Verdict, &'a ChainReport)> {
        let mut chains: Vec<_> = self.report.chains.iter().map(|c| (self.standing(c), c)).collect();
        // Stable: within a grade the report's own order holds.
        chains.sort_by_key(|(standing, _)| match standing {
            Verdict::Violation => 0,
            Verdict::Incomplete => 1,
            Verdict::Verified => 2,
        });
        chains
    }

    /// The findings of a chain, in the report's order.
    pub(super) fn of<'s>(&'s self, chain: &'s ChainId) -> &'s [&'a Finding] {
        self.findings.get(&Some(chain)).map_or(&[], Vec::as_slice)
    }

    /// The findings of no chain, and those of chains that the report does not list.
    pub(super) fn elsewhere(&self) -> impl Iterator<Item = &'a Finding> {
        let listed: BTreeSet<_> = self.report.chains.iter().map(|chain| &chain.id).collect();
        let others = self
            .findings
            .iter()
            .filter(move |(chain, _)| chain.is_none_or(|chain| !listed.contains(chain)));
        others.flat_map(|(_, findings)| findings.iter().copied())
    }

    /// Verdict of a chain, by the one rule. In a run that is not verified, a chain of
    /// which something was not checked is not either: the finding on it may be of no chain.
    pub(super) fn standing(&self, chain: &ChainReport) -> Verdict {
        let open = self.report.verdict != Verdict::Verified && self.is_unchecked(chain);
        let unchecked = open.then_some(CoverageState::Unreadable);
        // A backfill chain claims no time, so it may lack none.
        let none_needed = (!lacks_time(chain)).then_some(CoverageState::Proven);
        let states = chain.coverage.iter().map(|i| i.state);
        Verdict::of(self.of(&chain.id).iter().copied(), states.chain(none_needed).chain(unchecked))
    }

    /// True if nothing needs to be said of a chain one by one.
    pub(super) fn wholly_proven(&self, standing: Verdict, chain: &ChainReport) -> bool {
        // The verdict of a chain does not look at its counts; whoever reads them should.
        let invalid = chain.digests.invalid + chain.logs.invalid;
        standing == Verdict::Verified && invalid == 0 && !self.is_unchecked(chain)
    }

    /// True if a digest, or a log file where these were asked for, was not checked.
    fn is_unchecked(&self, chain: &ChainReport) -> bool {
        chain.digests.unchecked > 0 || self.report.scope.logs && chain.logs.unchecked > 0
    }
}

/// True if a chain claims time, and no moment of it is accounted for.
pub(super) fn lacks_time(chain: &ChainReport) -> bool {
    chain.kind == ChainKind::Standard && chain.coverage.is_empty()
}

/// Chains by account.
pub(super) fn by_account<'a>(
    chains: &[&'a ChainReport],
) -> BTreeMap<&'a AccountId, Vec<&'a ChainReport>> {
    let mut accounts: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for chain in chains {
        accounts.entry(&chain.account).or_default().push(*chain);
    }
    accounts
}

/// Findings by severity and code: violations first, within a severity in the order of the codes,
/// then of the report.
pub(super) fn by_code<'a>(
    findings: impl IntoIterator<Item = &'a Finding>,
) -> BTreeMap<(Reverse<Severity>, Code), Vec<&'a Finding>> {
    let mut codes: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for finding in findings {
        codes.entry((Reverse(finding.severity), finding.code)).or_default().push(finding);
    }
    codes
}

/// Number of chains with these findings; those of no chain count as one.
pub(super) fn chains_of(findings: &[&Finding]) -> usize {
    findings.iter().map(|f| &f.chain).collect::<BTreeSet<_>>().len()
}
