//! The map of accounts and regions, which stands above the timeline of many chains.

use std::collections::{BTreeMap, BTreeSet};

use super::entries::class;
use crate::model::{AccountId, Region};
use crate::report::chain_verdicts::{CHAINS_IN_FULL, ChainVerdicts};
use crate::report::wording::{counted, share};
use crate::report::{ChainReport, Verdict};
use crate::verify::CoverageState;

/// Accounts that the map shows, the worst first.
const ACCOUNTS: usize = 200;

/// A table of accounts and regions.
pub(super) struct Heat {
    pub(super) regions: Vec<String>,
    pub(super) rows: Vec<HeatRow>,
    pub(super) more: Option<String>,
}

/// An account.
pub(super) struct HeatRow {
    pub(super) account: String,
    /// A cell for each region; `None` where it has no chain.
    pub(super) cells: Vec<Option<HeatCell>>,
}

/// An account's chains in one region.
#[derive(Clone)]
pub(super) struct HeatCell {
    pub(super) class: &'static str,
    /// The sign of its state, which needs no colour.
    pub(super) sign: &'static str,
    /// Proven share of its time.
    pub(super) text: String,
}

impl Heat {
    /// The map; `None` where the chains are few enough to be shown one by one.
    pub(super) fn new(verdicts: &ChainVerdicts<'_>) -> Option<Self> {
        let chains = verdicts.chains();
        if chains.len() <= CHAINS_IN_FULL {
            return None;
        }
        let mut cells: BTreeMap<(&AccountId, &Region), Vec<(Verdict, &ChainReport)>> =
            BTreeMap::new();
        let mut accounts: Vec<&AccountId> = Vec::new();
        let mut seen = BTreeSet::new();
        for (standing, chain) in chains {
            // The worst come first.
            if seen.insert(&chain.account) {
                accounts.push(&chain.account);
            }
            cells.entry((&chain.account, &chain.region)).or_default().push((standing, chain));
        }
        let regions: BTreeSet<_> = cells.keys().map(|(_, region)| *region).collect();
        let row = |account: &&AccountId| HeatRow {
            account: account.to_string(),
            cells: regions
                .iter()
                .map(|region| cells.get(&(*account, *region)).map(|chains| HeatCell::new(chains)))
                .collect(),
        };
        let more = accounts.len().saturating_sub(ACCOUNTS);
        Some(Self {
            regions: regions.iter().map(ToString::to_string).collect(),
            rows: accounts.iter().take(ACCOUNTS).map(row).collect(),
            more: (more > 0).then(|| counted(more as u64, "more account", "more accounts")),
        })
    }
}

impl HeatCell {
    fn new(chains: &[(Verdict, &ChainReport)]) -> Self {
        let is = |verdict| chains.iter().any(|(standing, _)| *standing == verdict);
        let (worst, sign) = match () {
            () if is(Verdict::Violation) => (Verdict::Violation, "✕"),
            () if is(Verdict::Incomplete) => (Verdict::Incomplete, "△"),
            () => (Verdict::Verified, "✓"),
        };
        let seconds = |proven: bool| -> i64 {
            let all = chains.iter().flat_map(|(_, chain)| &chain.coverage);
            let of = all.filter(|i| !proven || i.state == CoverageState::Proven);
            of.map(|i| i.window.seconds()).sum()
        };
        let text = share(seconds(true), seconds(false)).unwrap_or_else(|| "no time".to_owned());
        Self { class: class(worst), sign, text }
    }
}
