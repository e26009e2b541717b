//! Two saved runs, one against the other: which problems are new, which are repaired, and which
//! counts changed.
//!
//! A finding is the same in both where code, severity, chain, object and start are: an end that
//! moves on with the time, and wording, make no new one. One that the newer run does not have is
//! repaired only if that run proves it ([`super::repaired`]); else it is gone, and no more than that.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;

use super::headline::kinds;
use super::problems::{Problem, problems};
use super::repaired::repaired;
use super::summary::place;
use super::text::TextOptions;
use super::text::page::{BAD, GOOD, PLAIN, TextPage, UNSURE};
use super::text::{Next, write_problem};
use super::wording::{self, count, counted, duration};
use super::{RunReport, Verdict};
use crate::model::{ChainId, Printable};
use crate::verify::{CoverageState, Finding, Severity};

/// The schema's name and major version.
pub const SCHEMA: &str = "trailseal.diff/1";

/// Problems that are shown of one kind.
const SHOWN: usize = 20;

/// One of the two runs.
#[derive(Debug, Clone, Serialize)]
pub struct DiffedRun {
    /// The file that it was saved to.
    pub file: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// Its exit status.
    pub exit_status: u8,
    /// Time at which it ended.
    pub finished: Timestamp,
}

/// Items in one run only, in the other only, and in both.
#[derive(Debug, Clone, Serialize)]
pub struct Sides<T> {
    /// In the newer run alone.
    pub new: Vec<T>,
    /// In the older run alone.
    pub gone: Vec<T>,
    /// In both, as the newer one has it.
    pub unchanged: Vec<T>,
}

/// Problems of two runs, the worst first.
#[derive(Debug, Clone, Serialize)]
pub struct Changes<T> {
    /// In the newer run alone.
    pub new: Vec<T>,
    /// In the older run alone, and the newer one proves that it is repaired.
    pub repaired: Vec<T>,
    /// In the older run alone, and nothing shows that it is repaired.
    pub gone: Vec<T>,
    /// In both, as the newer one has it.
    pub unchanged: Vec<T>,
}

/// A count that is not the same in both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CountChange {
    /// Name of it among the totals of a report.
    pub count: String,
    /// In the older run.
    pub old: u64,
    /// In the newer run.
    pub new: u64,
}

/// The differences of two runs.
#[derive(Debug, Clone, Serialize)]
pub struct Diff {
    /// Always [`SCHEMA`].
    pub schema: &'static str,
    /// True if verdict, scope, findings, chains and counts are the same.
    pub same: bool,
    /// The older run.
    pub old: DiffedRun,
    /// The newer run.
    pub new: DiffedRun,
    /// Differences in scope.
    pub scope_differs: Vec<&'static str>,
    /// Their problems: findings of one cause, counted together.
    pub problems: Changes<Problem>,
    /// Their findings.
    pub findings: Changes<Finding>,
    /// Counts that changed.
    pub counts: Vec<CountChange>,
    /// Their chains, by id.
    pub chains: Sides<ChainId>,
}

impl Diff {
    /// Compares two runs, each with the name of its file.
    #[must_use]
    pub fn of(old: (&str, RunReport), new: (&str, RunReport)) -> Self {
        let run = |(file, report): &(&str, RunReport)| DiffedRun {
            file: (*file).to_owned(),
            verdict: report.verdict,
            exit_status: report.exit_status,
            finished: report.finished,
        };
        let (old_run, new_run) = (run(&old), run(&new));
        let (mut old, mut new) = (old.1, new.1);
        let chains = |report: &RunReport| report.chains.iter().map(|c| c.id.clone()).collect();
        let chains = sides(chains(&old), chains(&new), ChainId::to_string);
        let counts = count_changes(&old, &new);
        let scope_differs = differences(&old, &new);
        let proven: BTreeSet<_> =
            repaired(&new, &old).into_iter().map(|(finding, _)| identity(finding)).collect();
        let found =
            sides(std::mem::take(&mut old.findings), std::mem::take(&mut new.findings), identity);
        let (repaired, gone) =
            found.gone.into_iter().partition(|finding| proven.contains(&identity(finding)));
        let mut findings = Changes { new: found.new, repaired, gone, unchanged: found.unchanged };
        let problems = Changes {
            new: grouped(&mut new, &findings.new),
            repaired: grouped(&mut old, &findings.repaired),
            gone: grouped(&mut old, &findings.gone),
            unchanged: grouped(&mut new, &findings.unchanged),
        };
        let Changes { new, repaired, gone, unchanged } = &mut findings;
        for findings in [new, repaired, gone, unchanged] {
            // Stable: within a severity the report's own order holds.
            findings.sort_by_key(|finding| Reverse(finding.severity));
        }
        let nothing = findings.new.is_empty()
            && findings.repaired.is_empty()
            && findings.gone.is_empty()
            && chains.new.is_empty()
            && chains.gone.is_empty();
        Self {
            schema: SCHEMA,
            same: nothing
                && counts.is_empty()
                && scope_differs.is_empty()
                && old_run.verdict == new_run.verdict,
            old: old_run,
            new: new_run,
            scope_differs,
            problems,
            findings,
            counts,
            chains,
        }
    }

    /// Line that sums up the changes.
    pub(super) fn headline(&self) -> String {
        let Changes { new, repaired, gone, unchanged } = &self.problems;
        let still = match unchanged.len() as u64 {
            0 => "neither run found a problem".to_owned(),
            n => format!("{} in both runs", counted(n, "problem", "problems")),
        };
        if self.same {
            return format!("No difference: {still}.");
        }
        if new.is_empty() && repaired.is_empty() && gone.is_empty() {
            return format!("No new problem: {still}.");
        }
        let first = match new.len() as u64 {
            0 => "No new problem".to_owned(),
            n => format!("{}: {}", counted(n, "new problem", "new problems"), kinds(new)),
        };
        let others = [(repaired, "repaired"), (gone, "no longer found"), (unchanged, "unchanged")];
        let others = others.into_iter().filter(|(problems, _)| !problems.is_empty());
        let others =
            others.map(|(problems, how)| format!("; {} {how}", count(problems.len() as u64)));
        first + &others.collect::<String>() + "."
    }

    /// Each kind of problems with its heading, in the order of reports.
    pub(super) fn kinds(&self) -> [(&'static str, &[Problem]); 4] {
        let Changes { new, repaired, gone, unchanged } = &self.problems;
        [
            ("New problems", new),
            ("Repaired", repaired),
            ("No longer found, but not proven repaired", gone),
            ("Unchanged", unchanged),
        ]
    }

    /// A sentence for each thing that is not about problems.
    pub(super) fn remarks(&self) -> Vec<String> {
        let mut remarks = Vec::new();
        if !self.scope_differs.is_empty() {
            let what = self.scope_differs.join(", ");
            remarks.push(format!("The two runs have different scopes: {what}."));
        }
        for (name, chains) in
            [("New chains", &self.chains.new), ("Missing chains", &self.chains.gone)]
        {
            if !chains.is_empty() {
                let places: Vec<_> = chains.iter().take(SHOWN).map(place).collect();
                let more = if chains.len() > SHOWN { " and more" } else { "" };
                let number = count(chains.len() as u64);
                remarks.push(format!("{name} ({number}): {}{more}.", places.join(", ")));
            }
        }
        let notices = |findings: &[Finding]| {
            findings.iter().filter(|f| f.severity == Severity::Notice).count() as u64
        };
        for (what, number) in
            [("new", notices(&self.findings.new)), ("gone", notices(&self.findings.gone))]
        {
            if number > 0 {
                let number = count(number);
                remarks.push(format!("Notices ({what}): {number}, listed with --format json."));
            }
        }
        remarks
    }

    /// The counts that changed, as words: what, before, after.
    pub(super) fn count_rows(&self) -> Vec<[String; 3]> {
        let shown = |change: &CountChange, number: u64| match change.count.strip_prefix(TIME) {
            Some(_) => duration(i64::try_from(number).unwrap_or(i64::MAX)),
            None => count(number),
        };
        let row = |change: &CountChange| {
            let what = match change.count.strip_prefix(TIME) {
                Some(state) => format!("time {state}"),
                None => change.count.replace("logs", "log files").replace('.', " "),
            };
            [what, shown(change, change.old), shown(change, change.new)]
        };
        self.counts.iter().map(row).collect()
    }

    /// Writes it for a reader: what is new, then what is repaired, then the counts.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn render(&self, out: &mut dyn Write, options: TextOptions) -> io::Result<()> {
        let mut page = TextPage::new(out, options);
        for (name, run) in [("old", &self.old), ("new", &self.new)] {
            let style = match run.verdict {
                Verdict::Verified => GOOD,
                Verdict::Violation => BAD,
                Verdict::Incomplete => UNSURE,
            };
            let verdict = format!("{:<10}", wording::verdict(run.verdict));
            let facts = [run.finished.to_string(), Printable(&run.file).to_string()];
            page.facts(&[(name, PLAIN), ("  ", PLAIN), (&verdict, style)], &facts, 5)?;
        }
        page.blank()?;
        page.title(0, ("", PLAIN), &self.headline(), 2)?;
        for remark in self.remarks() {
            page.paragraph(0, ("", PLAIN), &remark, 2)?;
        }
        let [new, repaired, gone, unchanged] = self.kinds();
        write_problems(&mut page, new, Next::Remedy)?;
        write_problems(&mut page, repaired, Next::Nothing)?;
        write_problems(&mut page, gone, Next::Nothing)?;
        let rows = self.count_rows();
        if !rows.is_empty() {
            page.heading("Counts")?;
            let mut table = vec![["", "old", "new"].map(str::to_owned).to_vec()];
            table.extend(rows.into_iter().map(|row| row.to_vec()));
            page.table(2, 1, &table)?;
        }
        write_problems(&mut page, unchanged, Next::Nothing)?;
        page.finish()
    }
}

/// Prefix of the counts of seconds by state.
const TIME: &str = "coverage_seconds.";

fn write_problems(
    page: &mut TextPage<'_>,
    (heading, problems): (&str, &[Problem]),
    next: Next,
) -> io::Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    page.heading(format!("{heading} ({})", count(problems.len() as u64)))?;
    for (at, problem) in problems.iter().take(SHOWN).enumerate() {
        if at > 0 {
            page.blank()?;
        }
        write_problem(page, at + 1, problem, next)?;
    }
    if problems.len() > SHOWN {
        let more = count((problems.len() - SHOWN) as u64);
        page.blank()?;
        page.line(2, format!("{more} more: see --format json"))?;
    }
    Ok(())
}

/// Problems of some findings of a report.
fn grouped(report: &mut RunReport, findings: &[Finding]) -> Vec<Problem> {
    report.findings = findings.to_vec();
    problems(report)
}

/// Identity of a finding across two runs.
fn identity(finding: &Finding) -> String {
    let Finding { code, severity, chain, bucket, key, start, .. } = finding;
    format!("{code:?} {severity:?} {chain:?} {bucket:?} {key:?} {start:?}")
}

fn sides<T>(old: Vec<T>, new: Vec<T>, identity: impl Fn(&T) -> String) -> Sides<T> {
    let mut before: BTreeMap<String, usize> = BTreeMap::new();
    for item in &old {
        *before.entry(identity(item)).or_default() += 1;
    }
    let mut sides = Sides { new: Vec::new(), gone: Vec::new(), unchanged: Vec::new() };
    for item in new {
        match before.get_mut(&identity(&item)) {
            Some(left) if *left > 0 => {
                *left -= 1;
                sides.unchanged.push(item);
            }
            _ => sides.new.push(item),
        }
    }
    for item in old {
        if let Some(left) = before.get_mut(&identity(&item)).filter(|left| **left > 0) {
            *left -= 1;
            sides.gone.push(item);
        }
    }
    sides
}

/// Totals that changed.
fn count_changes(old: &RunReport, new: &RunReport) -> Vec<CountChange> {
    let counts = |report: &RunReport| {
        let totals = &report.totals;
        let mut all = vec![("chains".to_owned(), totals.chains)];
        for (what, counts) in [("digests", &totals.digests), ("logs", &totals.logs.listed)] {
            all.push((format!("{what}.valid"), counts.valid));
            all.push((format!("{what}.invalid"), counts.invalid));
            all.push((format!("{what}.unchecked"), counts.unchecked));
        }
        all.push(("logs.unreferenced".to_owned(), totals.logs.unreferenced));
        for state in CoverageState::ALL {
            let seconds = u64::try_from(wording::seconds(report, state)).unwrap_or(0);
            all.push((format!("{TIME}{}", state.as_str()), seconds));
        }
        all
    };
    let both = counts(old).into_iter().zip(counts(new));
    let changed = both.filter(|((_, old), (_, new))| old != new);
    changed.map(|((count, old), (_, new))| CountChange { count, old, new }).collect()
}

/// Differences in scope. The ends usually differ, so they are ignored.
fn differences(old: &RunReport, new: &RunReport) -> Vec<&'static str> {
    let (old, new) = (&old.scope, &new.scope);
    let all = [
        ("sources", old.sources != new.sources),
        ("start", old.start != new.start),
        ("accounts", old.accounts != new.accounts),
        ("regions", old.regions != new.regions),
        ("trails", old.trails != new.trails),
        ("excluded accounts", old.excluded_accounts != new.excluded_accounts),
        ("excluded regions", old.excluded_regions != new.excluded_regions),
        ("log files", old.logs != new.logs),
    ];
    all.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}
