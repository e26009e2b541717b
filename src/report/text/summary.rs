//! The first screen: the verdict, each problem with what to do next, and the chains in a table.

use std::collections::BTreeSet;
use std::io;

use super::page::{self, BOLD, PLAIN, TextPage};
use super::{TextReport, word};
use crate::model::{ChainKind, Printable};
use crate::report::chain_verdicts::CHAINS_IN_FULL;
use crate::report::problems::Problem;
use crate::report::wording::{count, counted, duration, share, when};
use crate::report::{ChainReport, Counts, Verdict};
use crate::verify::CoverageState;

/// Problems that are shown.
const PROBLEMS: usize = 20;
/// Column at which the text of a problem begins, behind its number.
const TEXT: usize = 5;

impl TextReport<'_> {
    pub(super) fn problems(&self, page: &mut TextPage<'_>) -> io::Result<()> {
        let shown = self.problems.get(..PROBLEMS).unwrap_or(&self.problems);
        for (at, problem) in shown.iter().enumerate() {
            page.blank()?;
            let said = shown.iter().take(at).position(|above| above.remedy == problem.remedy);
            let next = said.map_or(Next::Remedy, |above| Next::SameAs(above + 1));
            write_problem(page, at + 1, problem, next)?;
        }
        if self.problems.len() > PROBLEMS {
            let more = counted((self.problems.len() - PROBLEMS) as u64, "problem", "problems");
            page.blank()?;
            page.line(TEXT, format!("{more} more: the findings below are grouped by chain"))?;
        }
        Ok(())
    }

    /// A line for each chain, the worst first; of many, those that are verified are only counted.
    pub(super) fn table(&self, page: &mut TextPage<'_>) -> io::Result<()> {
        let chains = self.verdicts.chains();
        if chains.is_empty() {
            return Ok(());
        }
        let all = chains.len() <= CHAINS_IN_FULL;
        let (shown, rest): (Vec<_>, Vec<_>) =
            chains.into_iter().partition(|(s, c)| all || !self.verdicts.wholly_proven(*s, c));
        let shown_rows: Vec<_> = shown.iter().take(CHAINS_IN_FULL).collect();
        let trails: BTreeSet<_> = shown_rows.iter().map(|(_, chain)| &chain.trail).collect();
        let rows = |columns: Columns| {
            let rows = shown_rows.iter().map(|(standing, chain)| row(*standing, chain, columns));
            [head(columns)].into_iter().chain(rows).collect::<Vec<_>>()
        };
        // The widest table that fits. The name of a trail that all of them are of can stand above.
        let one_trail = trails.len() == 1;
        let tables = Columns::ALL.into_iter().filter(|columns| columns.trail || one_trail);
        let tables: Vec<_> = tables.map(|columns| (columns, rows(columns))).collect();
        let fits =
            |table: &&(Columns, Vec<Vec<String>>)| page::table_width(2, &table.1) <= page.width();
        let Some((columns, table)) = tables.iter().find(fits).or(tables.last()) else {
            return Ok(());
        };
        page.blank()?;
        if let Some(trail) = trails.first().filter(|_| !columns.trail) {
            page.paragraph(2, ("trail  ", PLAIN), &Printable(trail).to_string(), 4)?;
        }
        page.words_table(2, table)?;
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

/// Text behind the message of a problem.
#[derive(Clone, Copy)]
pub(in crate::report) enum Next {
    /// Next step.
    Remedy,
    /// The number of a problem that says the same.
    SameAs(usize),
    Nothing,
}

/// Writes a problem: what and where, the first object, what was found and what to do next.
pub(in crate::report) fn write_problem(
    page: &mut TextPage<'_>,
    number: usize,
    problem: &Problem,
    next: Next,
) -> io::Result<()> {
    let style = page::of_severity(problem.severity).bold();
    let many = match problem.count {
        1 => String::new(),
        n => format!(" ({})", count(n)),
    };
    let time = problem.start.zip(problem.end).map(|(start, end)| when(start, end));
    let facts: Vec<_> = [Some(problem.place("  ")), time].into_iter().flatten().collect();
    let facts: Vec<_> = facts.into_iter().filter(|fact| !fact.is_empty()).collect();
    let (number, code) = (format!("{number:>3}  "), format!("{}{many}", problem.code.as_str()));
    page.facts(&[(&number, PLAIN), (&code, style)], &facts, TEXT)?;
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
    match next {
        // It may name what a digest says.
        Next::Remedy => {
            let remedy = Printable(&problem.remedy).to_string();
            page.paragraph(TEXT, ("Next: ", BOLD), &remedy, TEXT)
        }
        Next::SameAs(above) => {
            page.paragraph(TEXT, ("Next: ", BOLD), &format!("as for {above}."), TEXT)
        }
        Next::Nothing => Ok(()),
    }
}

/// Columns of the table of chains.
#[derive(Clone, Copy)]
struct Columns {
    trail: bool,
    /// The share of time that is proven.
    share: bool,
    digests: bool,
    /// True if numbers are written in few characters.
    short: bool,
}

impl Columns {
    /// The tables to choose from, the widest first.
    const ALL: [Self; 7] = [
        Self { trail: true, share: true, digests: true, short: false },
        Self { trail: true, share: false, digests: true, short: false },
        Self { trail: false, share: true, digests: true, short: false },
        Self { trail: false, share: false, digests: true, short: false },
        Self { trail: true, share: false, digests: false, short: false },
        Self { trail: true, share: false, digests: false, short: true },
        Self { trail: false, share: false, digests: false, short: true },
    ];
}

fn head(columns: Columns) -> Vec<String> {
    let Columns { trail, digests, short, .. } = columns;
    let logs = if short { "logs" } else { "log files" };
    let head = [
        ("account", true),
        ("region", true),
        ("trail", trail),
        ("proven", true),
        ("digests", digests),
        (logs, true),
        ("state", true),
    ];
    head.into_iter().filter(|(_, shown)| *shown).map(|(name, _)| name.to_owned()).collect()
}

fn row(standing: Verdict, chain: &ChainReport, columns: Columns) -> Vec<String> {
    let seconds = |state: Option<CoverageState>| -> i64 {
        let of = chain.coverage.iter().filter(|i| state.is_none_or(|state| i.state == state));
        of.map(|i| i.window.seconds()).sum()
    };
    let (proven, all) = (seconds(Some(CoverageState::Proven)), seconds(None));
    let share = share(proven, all).filter(|_| columns.share);
    let share = share.map(|share| format!(" ({share})")).unwrap_or_default();
    let proven = match chain.kind {
        ChainKind::Backfill => "backfill".to_owned(),
        ChainKind::Standard if proven == all => duration(all),
        ChainKind::Standard => format!("{} of {}{share}", duration(proven), duration(all)),
    };
    let of = if columns.short { "/" } else { " of " };
    let part = |counts: &Counts| match counts.total() {
        all if all == counts.valid => count(all),
        all => format!("{}{of}{}", count(counts.valid), count(all)),
    };
    let (state, _) = word(standing);
    let [account, region] = [chain.account.as_str(), chain.region.as_str()].map(name_end);
    let cells = [
        (account, true),
        (region, true),
        (name_end(&chain.trail), columns.trail),
        (proven, true),
        (part(&chain.digests), columns.digests),
        (part(&chain.logs), true),
        (state.to_owned(), true),
    ];
    cells.into_iter().filter(|(_, shown)| *shown).map(|(cell, _)| cell).collect()
}

fn name_end(name: &str) -> String {
    Printable(name).to_string()
}

/// The end of a name that is too long, which tells most.
fn elided(name: &str, room: usize) -> String {
    if page::columns(name) <= room {
        return name.to_owned();
    }
    let mut left = room.max(12) - 3;
    let fitting = name.char_indices().rev().take_while(|(_, c)| {
        let rest = left.checked_sub(page::columns_of(*c));
        left = rest.unwrap_or(0);
        rest.is_some()
    });
    let start = fitting.last().map_or(name.len(), |(at, _)| at);
    // A mark belongs to the character before it, which is cut off.
    let end = name.get(start..).unwrap_or_default();
    format!("...{}", end.trim_start_matches(|c| page::columns_of(c) == 0))
}

#[cfg(test)]
mod tests {
    use super::elided;

    #[test]
    fn the_end_of_a_long_name_is_kept_by_the_columns_that_it_takes() {
        for (name, room, shown) in [
            ("a/short/name", 12, "a/short/name"),
            ("a/longer/name.gz", 15, "...nger/name.gz"),
            ("a/longer/name.gz", 3, "...r/name.gz"),
            ("日本語/証跡.gz", 14, "日本語/証跡.gz"),
            ("日本語/証跡.gz", 13, "...語/証跡.gz"),
            ("日本語日本/証跡.gz", 14, "...本/証跡.gz"),
            ("short", 1, "...short"),
            ("aaaaae\u{301}xxxxxxxxx", 12, "...xxxxxxxxx"),
        ] {
            assert_eq!(elided(name, room), shown, "{room}");
        }
    }
}
