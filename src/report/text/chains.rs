//! The chains: what each of them is, and what may be said of its time.

use std::collections::BTreeSet;
use std::io;

use super::page::{self, PLAIN, TextPage, UNSURE};
use super::{TextReport, word};
use crate::model::{ChainKind, Printable};
use crate::report::chain_verdicts::{self, BLOCKS, CHAINS_IN_FULL, RANGES};
use crate::report::wording::{self, count, counts, duration, range, title};
use crate::report::{ChainReport, Counts, Verdict};
use crate::verify::CoverageState;

impl TextReport<'_> {
    /// The chains that are not wholly proven, in full; the others by account, where they are many.
    pub(super) fn chains(&self, page: &mut TextPage<'_>) -> io::Result<()> {
        let chains = self.verdicts.chains();
        let many = chains.len() > CHAINS_IN_FULL;
        let (shown, proven): (Vec<_>, Vec<_>) =
            chains.into_iter().partition(|(s, chain)| !self.verdicts.wholly_proven(*s, chain));
        if shown.is_empty() && !many {
            return Ok(());
        }
        page.heading(format!("Chains that are not verified ({})", count(shown.len() as u64)))?;
        for (at, (standing, chain)) in shown.iter().take(BLOCKS).enumerate() {
            if at > 0 {
                page.blank()?;
            }
            self.chain(page, *standing, chain)?;
        }
        if shown.len() > BLOCKS {
            let more = count((shown.len() - BLOCKS) as u64);
            page.blank()?;
            page.line(2, format!("{more} more: see the JSON report."))?;
        }
        if !many || proven.is_empty() {
            return Ok(());
        }
        let proven: Vec<_> = proven.into_iter().map(|(_, chain)| chain).collect();
        page.heading(format!("Verified chains, by account ({})", count(proven.len() as u64)))?;
        let rows = page.fitted(2, by_account(&proven), &["regions", "pending"]);
        page.table(2, 1, &rows)
    }

    fn chain(
        &self,
        page: &mut TextPage<'_>,
        standing: Verdict,
        chain: &ChainReport,
    ) -> io::Result<()> {
        let (word, style) = word(standing);
        page.title(2, (&format!("{word}  "), style), &title(&chain.id), 4)?;
        let bucket =
            chain.bucket.as_ref().map_or("unknown (not stated in this copy)", |b| b.as_str());
        page.name(4, ("bucket", PLAIN), Printable(bucket))?;
        if !chain.prefix.is_empty() {
            page.name(4, ("prefix", PLAIN), Printable(&chain.prefix))?;
        }
        if let Some(organization) = &chain.organization {
            page.name(4, ("organization", PLAIN), Printable(organization.as_str()))?;
        }
        page.row(4, ("kind", PLAIN), wording::kind(chain.kind))?;
        if chain.coverage.is_empty() && chain.kind == ChainKind::Standard {
            page.row(4, ("time", UNSURE), "no digest covers any of the requested time")?;
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

/// A table of chains summed up by account, with a line for the accounts beyond the limit.
fn by_account(chains: &[&ChainReport]) -> Vec<Vec<String>> {
    let accounts = chain_verdicts::by_account(chains);
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
