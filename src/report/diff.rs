//! Two saved runs, one against the other: which findings and chains are new, gone and unchanged.
//!
//! A finding is the same in both where code, severity, chain, object and start are: an end that
//! moves on with the time, and wording, make no new one.

use std::collections::BTreeMap;
use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;

use super::summary::{place, write_finding};
use super::words::{self, counted};
use super::{RunReport, Verdict};
use crate::model::{ChainId, Printable};
use crate::verify::Finding;

/// The schema's name and major version.
pub const SCHEMA: &str = "trailseal.diff/1";

/// One of the two runs.
#[derive(Debug, Clone, Serialize)]
pub struct DiffedRun {
    /// The file that it was saved to.
    pub file: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// Its exit status.
    pub exit_status: u8,
    /// When it ended.
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

/// The differences of two runs.
#[derive(Debug, Clone, Serialize)]
pub struct Diff {
    /// Always [`SCHEMA`].
    pub schema: &'static str,
    /// The older run.
    pub old: DiffedRun,
    /// The newer run.
    pub new: DiffedRun,
    /// Differences in scope.
    pub scope_differs: Vec<&'static str>,
    /// Their findings.
    pub findings: Sides<Finding>,
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
        let (old, new) = (old.1, new.1);
        let chains = |report: &RunReport| report.chains.iter().map(|c| c.id.clone()).collect();
        Self {
            schema: SCHEMA,
            old: old_run,
            new: new_run,
            scope_differs: differences(&old, &new),
            chains: sides(chains(&old), chains(&new), ChainId::to_string),
            findings: sides(old.findings, new.findings, identity),
        }
    }

    /// Writes it for a reader.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn render(&self, out: &mut dyn Write) -> io::Result<()> {
        for (name, run) in [("old", &self.old), ("new", &self.new)] {
            let verdict = words::verdict(run.verdict);
            let (file, finished) = (Printable(&run.file), run.finished);
            writeln!(out, "{name}  {verdict:<10}  {finished}  {file}")?;
        }
        let Sides { new, gone, unchanged } = &self.findings;
        let total = [new.len(), gone.len(), unchanged.len()].map(|n| n as u64);
        writeln!(
            out,
            "\nFindings: {} new, {} gone, {} unchanged",
            words::count(total[0]),
            words::count(total[1]),
            words::count(total[2])
        )?;
        if !self.scope_differs.is_empty() {
            let what = self.scope_differs.join(", ");
            writeln!(out, "The two runs have different scopes: {what}.")?;
        }
        for (name, chains) in [("new", &self.chains.new), ("gone", &self.chains.gone)] {
            if !chains.is_empty() {
                let chains: Vec<_> = chains.iter().map(place).collect();
                let n = counted(chains.len() as u64, "chain is", "chains are");
                writeln!(out, "{n} {name}: {}", chains.join(", "))?;
            }
        }
        for (name, findings) in [("New", new), ("Gone", gone), ("Unchanged", unchanged)] {
            if !findings.is_empty() {
                writeln!(out, "\n{name}\n")?;
                findings.iter().try_for_each(|finding| write_finding(finding, out))?;
            }
        }
        Ok(())
    }
}

/// Identity of a finding across two runs.
fn identity(finding: &Finding) -> String {
    let Finding { code, severity, chain, bucket, key, start, .. } = finding;
    format!("{code:?} {severity:?} {chain:?} {bucket:?} {key:?} {start:?}")
}

fn sides<T>(old: Vec<T>, new: Vec<T>, identity: impl Fn(&T) -> String) -> Sides<T> {
    let mut before: BTreeMap<String, Vec<T>> = BTreeMap::new();
    for item in old {
        before.entry(identity(&item)).or_default().push(item);
    }
    let mut sides = Sides { new: Vec::new(), gone: Vec::new(), unchanged: Vec::new() };
    for item in new {
        match before.get_mut(&identity(&item)).and_then(Vec::pop) {
            Some(_) => sides.unchanged.push(item),
            None => sides.new.push(item),
        }
    }
    sides.gone = before.into_values().flatten().collect();
    sides
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
        ("log files", old.logs != new.logs),
    ];
    all.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name).collect()
}
