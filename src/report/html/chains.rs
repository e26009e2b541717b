//! The chains on the timeline: those that are not wholly proven one by one, the others by account.

use std::collections::BTreeMap;

use super::axis::Tick;
use super::entries::class;
use super::timeline::{CellRun, CellState, Grid, WIDTH, decimal};
use crate::model::{ChainId, ChainKind, Printable};
use crate::report::chain_verdicts::{BLOCKS, CHAINS_IN_FULL, ChainVerdicts, RANGES, by_account};
use crate::report::wording::{self, count, counted, duration, range};
use crate::report::{ChainReport, RunReport, Verdict};
use crate::verify::{CoverageState, Finding, Severity};

/// Most wholly proven chains of one account that are drawn.
const OF_ACCOUNT: usize = 50;
/// Most ranges of time that stand open; more are folded behind a summary.
const RANGES_OPEN: usize = 3;

/// Hundredths within which moments are drawn as one.
const MOMENT: i64 = 400;

/// Numbers of chains on the page: their places in the report.
pub(super) struct Numbers<'a>(BTreeMap<&'a ChainId, usize>);

impl<'a> Numbers<'a> {
    pub(super) fn new(report: &'a RunReport) -> Self {
        Self(report.chains.iter().enumerate().map(|(at, chain)| (&chain.id, at + 1)).collect())
    }

    pub(super) fn of(&self, id: &ChainId) -> Option<usize> {
        self.0.get(id).copied()
    }
}

/// Timeline with all that is drawn on it.
pub(super) struct Timeline {
    /// Description of the axis and the cells; `None` where there is no time to show.
    pub(super) described: Option<String>,
    pub(super) ticks: Vec<Tick>,
    pub(super) width: i64,
    pub(super) legend: [CellState; 7],
    /// True if a violation is marked on a strip.
    pub(super) has_moments: bool,
    pub(super) rows: Vec<ChainRow>,
    pub(super) more: Option<String>,
    /// Number of chains that are summed up by account.
    pub(super) proven: Option<String>,
    pub(super) accounts: Vec<Account>,
    pub(super) more_accounts: Option<String>,
}

/// One chain.
pub(super) struct ChainRow {
    pub(super) number: usize,
    pub(super) class: &'static str,
    pub(super) word: &'static str,
    pub(super) title: String,
    pub(super) place: String,
    pub(super) summary: String,
    pub(super) runs: Vec<CellRun>,
    /// The times of its violations.
    pub(super) moments: Vec<Moment>,
    pub(super) states: Vec<States>,
    /// True if the times stand behind a summary.
    pub(super) folded: bool,
    /// Note on its time, where it has none.
    pub(super) note: Option<&'static str>,
}

/// The time of a violation, which may be one moment of an hour that is proven.
pub(super) struct Moment {
    pub(super) x: String,
    pub(super) title: String,
}

impl Moment {
    /// The moments of a chain's violations, as far as they can be told apart.
    fn all(grid: &Grid, findings: &[&Finding]) -> Vec<Self> {
        let violations = findings.iter().filter(|f| f.severity == Severity::Violation);
        let mut at: BTreeMap<i64, (&Finding, u64)> = BTreeMap::new();
        for finding in violations {
            let Some(time) = finding.start.or(finding.end) else { continue };
            let x = grid.at(time.as_second());
            if (0..=WIDTH * 100).contains(&x) {
                let near = x / MOMENT * MOMENT;
                at.entry(near).or_insert((finding, 0)).1 += 1;
            }
        }
        let moment = |(x, (finding, number)): (i64, (&Finding, u64))| Self {
            x: decimal(x.clamp(600, WIDTH * 100 - 600)),
            title: match number {
                1 => finding.code.as_str().to_owned(),
                n => format!("{} and {} more", finding.code.as_str(), count(n - 1)),
            },
        };
        at.into_iter().map(moment).collect()
    }
}

/// The times of one state of a chain.
pub(super) struct States {
    pub(super) mark: &'static str,
    pub(super) class: &'static str,
    pub(super) total: String,
    pub(super) ranges: Vec<String>,
    pub(super) more: Option<String>,
}

/// The wholly proven chains of an account.
pub(super) struct Account {
    pub(super) summary: String,
    pub(super) rows: Vec<ChainRow>,
    pub(super) more: Option<String>,
}

impl Timeline {
    pub(super) fn new(
        report: &RunReport,
        verdicts: &ChainVerdicts<'_>,
        numbers: &Numbers<'_>,
    ) -> Self {
        let chains = verdicts.chains();
        let grid = Grid::of(report);
        let all = chains.len() <= CHAINS_IN_FULL;
        let (mut shown, mut proven): (Vec<_>, Vec<_>) = chains
            .into_iter()
            .partition(|(standing, chain)| !verdicts.wholly_proven(*standing, chain));
        if all {
            shown.append(&mut proven);
        }
        let row = |(standing, chain): &(Verdict, &ChainReport)| {
            let number = numbers.of(&chain.id).unwrap_or(0);
            ChainRow::new(number, *standing, chain, grid.as_ref(), verdicts.of(&chain.id))
        };
        let proven: Vec<_> = proven.into_iter().map(|(_, chain)| chain).collect();
        let accounts = by_account(&proven);
        let more = |n: usize| (n > 0).then(|| count(n as u64));
        let account = |chains: &Vec<&ChainReport>| {
            let first = chains.first().map_or("", |c| c.account.as_str());
            let of = |chain: &&ChainReport| row(&(Verdict::Verified, *chain));
            Account {
                summary: format!(
                    "Account {}: {}{}",
                    Printable(first),
                    counted(chains.len() as u64, "chain", "chains"),
                    chain_time(chains)
                ),
                rows: chains.iter().take(OF_ACCOUNT).map(of).collect(),
                more: more(chains.len().saturating_sub(OF_ACCOUNT)),
            }
        };
        let rows: Vec<_> = shown.iter().take(BLOCKS).map(row).collect();
        Self {
            has_moments: rows.iter().any(|row| !row.moments.is_empty()),
            described: grid.as_ref().map(|grid| grid.described(report.chains.len())),
            ticks: grid.as_ref().map(Grid::ticks).unwrap_or_default(),
            width: WIDTH,
            legend: CellState::ALL,
            rows,
            more: more(shown.len().saturating_sub(BLOCKS)),
            proven: (!proven.is_empty())
                .then(|| counted(proven.len() as u64, "chain is", "chains are")),
            accounts: accounts.values().take(BLOCKS).map(account).collect(),
            more_accounts: more(accounts.len().saturating_sub(BLOCKS)),
        }
    }
}

impl ChainRow {
    fn new(
        number: usize,
        standing: Verdict,
        chain: &ChainReport,
        grid: Option<&Grid>,
        findings: &[&Finding],
    ) -> Self {
        let drawn = grid.filter(|_| !chain.coverage.is_empty());
        let states: Vec<_> =
            CoverageState::ALL.into_iter().filter_map(|state| States::new(state, chain)).collect();
        let note = match chain.kind {
            _ if !chain.coverage.is_empty() => None,
            ChainKind::Standard => Some("no digest covers any of the requested time"),
            ChainKind::Backfill => Some("late log files; covers no time of its own"),
        };
        Self {
            number,
            class: class(standing),
            word: wording::verdict(standing),
            title: wording::title(&chain.id),
            place: place(chain),
            summary: drawn.map(|grid| grid.summary(&chain.coverage)).unwrap_or_default(),
            runs: drawn.map(|grid| grid.runs(&chain.coverage)).unwrap_or_default(),
            moments: drawn.map(|grid| Moment::all(grid, findings)).unwrap_or_default(),
            folded: states.iter().map(|s| s.ranges.len()).sum::<usize>() > RANGES_OPEN,
            states,
            note,
        }
    }
}

impl States {
    fn new(state: CoverageState, chain: &ChainReport) -> Option<Self> {
        let ranges: Vec<_> = chain.coverage.iter().filter(|i| i.state == state).collect();
        if ranges.is_empty() {
            return None;
        }
        let total = duration(ranges.iter().map(|i| i.window.seconds()).sum());
        let more = ranges.len().saturating_sub(RANGES);
        Some(Self {
            mark: state.as_str(),
            class: CellState::of(state).class(),
            total: match ranges.len() {
                1 => total,
                n => format!("{total} in {} ranges", count(n as u64)),
            },
            ranges: ranges.iter().take(RANGES).map(|i| range(i)).collect(),
            more: (more > 0).then(|| count(more as u64)),
        })
    }
}

/// Time of these chains in each state, in words that go on.
fn chain_time(chains: &[&ChainReport]) -> String {
    let seconds = |state| -> i64 {
        let all = chains.iter().flat_map(|c| &c.coverage).filter(|i| i.state == state);
        all.map(|i| i.window.seconds()).sum()
    };
    let told = CoverageState::ALL.into_iter().map(|state| (state.as_str(), seconds(state)));
    told.filter(|t| t.1 != 0).map(|(name, s)| format!(", {name} {}", duration(s))).collect()
}

/// Place of a chain.
pub(super) fn place(chain: &ChainReport) -> String {
    let bucket = chain.bucket.as_ref().map_or("unknown (not stated in this copy)", |b| b.as_str());
    let mut place = format!("bucket {bucket}");
    if !chain.prefix.is_empty() {
        place += &format!(", prefix {}", chain.prefix);
    }
    if let Some(organization) = &chain.organization {
        place += &format!(", organization {}", organization.as_str());
    }
    Printable(&place).to_string()
}
