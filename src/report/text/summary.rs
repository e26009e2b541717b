//! The first screen: the verdict, each problem with what to do next, and the chains in a table.

use std::io;

use super::page::{self, BOLD, PLAIN, Page};
use super::{Text, word};
use crate::model::{ChainKind, Printable};
use crate::report::problems::Problem;
use crate::report::standing::CHAINS_IN_FULL;
use crate::report::words::{self, count, counted, duration, share, when};
use crate::report::{ChainReport, Counts, RunReport, Verdict};
use crate::verify::CoverageState;

/// Problems that are shown.
const PROBLEMS: usize = 20;
/// Column at which the text of a problem begins, behind its number.
const TEXT: usize = 5;

impl Text<'_> {
    pub(super) fn problems(&self, page: &mut Page<'_>) -> io::Result<()> {
        for (at, problem) in self.problems.iter().take(PROBLEMS).enumerate() {
            page.blank()?;
            self.problem(page, at + 1, problem)?;
        }
        if self.problems.len() > PROBLEMS {
            let more = counted((self.problems.len() - PROBLEMS) as u64, "problem", "problems");
            page.blank()?;
            page.line(TEXT, format!("{more} more: the findings below are grouped by chain"))?;
        }
        Ok(())
    }

    fn problem(&self, page: &mut Page<'_>, number: usize, problem: &Problem) -> io::Result<()> {
        let style = page::of_severity(problem.severity);
        let many = match problem.count {
            1 => String::new(),
            n => format!(" ({})", count(n)),
        };
        let place = problem.place("  ");
        let time = match (problem.start, problem.end) {
            (Some(start), Some(end)) => when(start, end),
            _ => String::new(),
        };
        let code = format!("{}{many}", problem.code.as_str());
        let facts: Vec<_> = [&place, &time].into_iter().filter(|fact| !fact.is_empty()).collect();
        let one_line = facts.iter().map(|fact| fact.len() + 2).sum::<usize>() + code.len() + TEXT;
        let painted = page.paint(style.bold(), &code);
        if one_line <= page.width() {
            let facts: String = facts.iter().map(|fact| format!("  {fact}")).collect();
            page.line(0, format!("{number:>3}  {painted}{facts}"))?;
        } else {
            page.line(0, format!("{number:>3}  {painted}  {place}"))?;
            if !time.is_empty() {
                page.line(TEXT, &time)?;
            }
        }
        if let Some(key) = &problem.key {
            let key = Printable(key).to_string();
            let more = match problem.count {
                1 => String::new(),
                n => format!(" and {} more", count(n - 1)),
            };
            let room = page.width().saturating_sub(TEXT + more.len());
            page.line(TEXT, format!("{}{more}", elided(&key, room)))?;
        }
        let message = Printable(&problem.message).to_string();
        page.paragraph(TEXT, ("", PLAIN), &message, TEXT)?;
        // It may name what a digest says.
        let remedy = Printable(&problem.remedy).to_string();
        page.paragraph(TEXT, ("Next: ", BOLD), &remedy, TEXT)
    }

    /// A line for each chain, the worst first; of many, those that are verified are only counted.
    pub(super) fn table(&self, page: &mut Page<'_>) -> io::Result<()> {
        let chains = self.grades.chains();
        if chains.is_empty() {
            return Ok(());
        }
        let all = chains.len() <= CHAINS_IN_FULL;
        let (shown, rest): (Vec<_>, Vec<_>) =
            chains.into_iter().partition(|(s, c)| all || !self.grades.wholly_proven(*s, c));
        let shown_rows: Vec<_> = shown.iter().take(CHAINS_IN_FULL).collect();
        let rows = |columns: Columns| {
            let rows = shown_rows.iter().map(|(standing, chain)| row(*standing, chain, columns));
            [head(columns)].into_iter().chain(rows).collect::<Vec<_>>()
        };
        // The widest table that fits.
        let tables = [Columns::All, Columns::NoShare, Columns::Fewest].map(rows);
        let fits = |table: &&Vec<Vec<String>>| page::table_width(2, table) <= page.width();
        let table = tables.iter().find(fits).or(tables.last()).map(Vec::as_slice);
        page.blank()?;
        page.words_table(2, table.unwrap_or_default())?;
        let more = shown.len().saturating_sub(CHAINS_IN_FULL);
        for (number, what) in [(more, "not verified"), (rest.len(), "fully verified")] {
            if number > 0 {
                let more = counted(number as u64, "more chain is", "more chains are");
                page.line(2, format!("{more} {what}: see the JSON report"))?;
            }
        }
        Ok(())
    }
}

/// Columns of the table of chains.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Columns {
    All,
    /// Without the share of time that is proven.
    NoShare,
    /// Without the digests either.
    Fewest,
}

fn head(columns: Columns) -> Vec<String> {
    let head = ["account", "region", "trail", "proven", "digests", "log files", "state"];
    let shown = head.into_iter().filter(|name| columns != Columns::Fewest || *name != "digests");
    shown.map(str::to_owned).collect()
}

fn row(standing: Verdict, chain: &ChainReport, columns: Columns) -> Vec<String> {
    let seconds = |state: Option<CoverageState>| -> i64 {
        let of = chain.coverage.iter().filter(|i| state.is_none_or(|state| i.state == state));
        of.map(|i| i.window.seconds()).sum()
    };
    let (proven, all) = (seconds(Some(CoverageState::Proven)), seconds(None));
    let share = share(proven, all).filter(|_| columns == Columns::All);
    let share = share.map(|share| format!(" ({share})")).unwrap_or_default();
    let proven = match chain.kind {
        ChainKind::Backfill => "backfill".to_owned(),
        ChainKind::Standard if proven == all => duration(all),
        ChainKind::Standard => format!("{} of {}{share}", duration(proven), duration(all)),
    };
    let part = |counts: &Counts| match counts.total() {
        all if all == counts.valid => count(all),
        all => format!("{} of {}", count(counts.valid), count(all)),
    };
    let (state, _) = word(standing);
    let names = [chain.account.to_string(), chain.region.to_string(), chain.trail.clone()];
    let names = names.map(|name| Printable(&name).to_string()).into_iter();
    let digests = (columns != Columns::Fewest).then(|| part(&chain.digests));
    let rest = [part(&chain.logs), state.to_owned()];
    names.chain([proven]).chain(digests).chain(rest).collect()
}

/// The end of a name that is too long, which tells most.
fn elided(name: &str, room: usize) -> String {
    let length = name.chars().count();
    if length <= room {
        return name.to_owned();
    }
    let tail: String = name.chars().skip(length + 3 - room.max(12)).collect();
    format!("...{tail}")
}

/// Words on the limits of a run, its duration and its status.
pub(super) fn last_line(report: &RunReport) -> String {
    let limits = counted(report.not_proven.len() as u64, "limit", "limits");
    format!(
        "This run does not show everything: {limits} at the end. Took {}, exit status {}.",
        words::took(report),
        report.exit_status
    )
}
