//! The chains: what each of them is, and what may be said of its time.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::page::{self, BOLD, GOOD, PLAIN, Page, UNSURE, count, counted, duration, span};
use super::{BLOCKS, Text, counts, title, word};
use crate::model::{ChainKind, Printable};
use crate::report::shared::lacks_time;
use crate::report::{ChainReport, Counts, Verdict};
use crate::verify::{CoverageState, Interval};

/// With more chains than this, those that are wholly proven are summed up by account.
const CHAINS_IN_FULL: usize = 25;
/// At most so many time ranges are shown for one state of one chain.
const RANGES: usize = 20;

impl Text<'_> {
    /// Whether nothing needs to be said of a chain one by one.
    fn wholly_proven(&self, standing: Verdict, chain: &ChainReport) -> bool {
        // The verdict of a chain does not look at its counts; whoever reads them should.
        let (digests, logs) = (&chain.digests, &chain.logs);
        let unchecked = digests.unchecked > 0 || self.report.scope.logs && logs.unchecked > 0;
        standing == Verdict::Verified && digests.invalid + logs.invalid == 0 && !unchecked
    }

    pub(super) fn chains(&self, page: &mut Page<'_>) -> io::Result<()> {
        let mut chains: Vec<_> =
            self.report.chains.iter().map(|c| (self.by_chain.standing(c), c)).collect();
        // Stable: within a grade the report's own order holds.
        chains.sort_by_key(|(standing, _)| match standing {
            Verdict::Violation => 0,
            Verdict::Incomplete => 1,
            Verdict::Verified => 2,
        });
        page.heading(format!("Chains ({})", count(chains.len() as u64)))?;
        if chains.is_empty() {
            return page.line(2, "none");
        }
        let all = chains.len() <= CHAINS_IN_FULL;
        let (shown, proven): (Vec<_>, Vec<_>) = chains
            .into_iter()
            .partition(|(standing, chain)| all || !self.wholly_proven(*standing, chain));
        for (at, (standing, chain)) in shown.iter().take(BLOCKS).enumerate() {
            if at > 0 {
                page.blank()?;
            }
            self.chain(page, *standing, chain)?;
        }
        if shown.len() > BLOCKS {
            let more = count((shown.len() - BLOCKS) as u64);
            page.blank()?;
            page.line(
                2,
                format!("{more} more chains that are not wholly proven: see the JSON report."),
            )?;
        }
        if proven.is_empty() {
            return Ok(());
        }
        if !shown.is_empty() {
            page.blank()?;
        }
        let proven: Vec<_> = proven.into_iter().map(|(_, chain)| chain).collect();
        let number = counted(proven.len() as u64, "chain is", "chains are");
        let words = format!(": {number} proven, or pending where not due yet. By account:");
        page.paragraph(2, ("VERIFIED", GOOD), &words, 4)?;
        page.table(4, 1, &by_account(&proven))
    }

    fn chain(&self, page: &mut Page<'_>, standing: Verdict, chain: &ChainReport) -> io::Result<()> {
        let (word, style) = word(standing);
        let word = page.paint(style, word);
        page.line(2, format!("{word}  {}", page.paint(BOLD, title(&chain.id))))?;
        let bucket = chain.bucket.as_ref().map_or("not told by the copy", |b| b.as_str());
        page.name(4, ("bucket", PLAIN), Printable(bucket))?;
        if !chain.prefix.is_empty() {
            page.name(4, ("prefix", PLAIN), Printable(&chain.prefix))?;
        }
        if let Some(organization) = &chain.organization {
            page.name(4, ("organization", PLAIN), Printable(organization.as_str()))?;
        }
        let kind = match chain.kind {
            ChainKind::Standard => "standard",
            ChainKind::Backfill => "backfill (log files that came late; claims no time of its own)",
        };
        page.row(4, ("kind", PLAIN), kind)?;
        if lacks_time(chain) {
            page.row(4, ("time", UNSURE), "no moment of the requested time is accounted for")?;
        }
        for state in CoverageState::ALL {
            let ranges: Vec<_> = chain.coverage.iter().filter(|i| i.state == state).collect();
            let total = duration(ranges.iter().map(|i| i.window.seconds()).sum());
            let label = (state.as_str(), page::of_state(state));
            match ranges.as_slice() {
                [] => continue,
                [one] => page.name(4, label, range(one))?,
                _ => {
                    let number = count(ranges.len() as u64);
                    page.row(4, label, format!("{total} in {number} ranges:"))?;
                    for interval in ranges.iter().take(RANGES) {
                        page.more(4, range(interval))?;
                    }
                }
            }
            if ranges.len() > RANGES {
                let more = count((ranges.len() - RANGES) as u64);
                page.more(4, format!("{more} more in the JSON report"))?;
            }
        }
        page.row(4, ("digests", PLAIN), counts(&chain.digests))?;
        page.row(4, ("log files", PLAIN), counts(&chain.logs))
    }
}

/// A range of time, its length, and why it is not proven.
fn range(interval: &Interval) -> String {
    let reason = interval.reason.map_or(String::new(), |code| format!(", {}", code.as_str()));
    let window = interval.window;
    format!("{} ({}{reason})", span(window.start, window.end), duration(window.seconds()))
}

/// A table of chains summed up by account, with a line for the accounts beyond the limit.
fn by_account(chains: &[&ChainReport]) -> Vec<Vec<String>> {
    let mut accounts: BTreeMap<_, Vec<&ChainReport>> = BTreeMap::new();
    for chain in chains {
        accounts.entry(&chain.account).or_default().push(chain);
    }
    let sums = |name: String, chains: &[&ChainReport]| {
        let regions: BTreeSet<_> = chains.iter().map(|c| &c.region).collect();
        let (mut digests, mut logs) = (Counts::default(), Counts::default());
        let (mut proven, mut pending) = (0, 0);
        for chain in chains {
            digests.add(&chain.digests);
            logs.add(&chain.logs);
            for interval in &chain.coverage {
                match interval.state {
                    CoverageState::Proven => proven += interval.window.seconds(),
                    _ => pending += interval.window.seconds(),
                }
            }
        }
        let numbers = [chains.len() as u64, regions.len() as u64].map(count);
        let times = [proven, pending].map(duration);
        let objects = [digests.valid, logs.valid].map(count);
        [name].into_iter().chain(numbers).chain(times).chain(objects).collect::<Vec<_>>()
    };
    let head = ["account", "chains", "regions", "proven", "pending", "digests", "log files"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    rows.extend(accounts.iter().take(BLOCKS).map(|(name, chains)| sums(name.to_string(), chains)));
    let rest: Vec<_> = accounts.values().skip(BLOCKS).flatten().copied().collect();
    if !rest.is_empty() {
        let more = count((accounts.len() - BLOCKS) as u64);
        rows.push(sums(format!("{more} more"), &rest));
    }
    rows
}
