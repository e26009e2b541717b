//! What formats share that make a finding of each part of a report: one of the run as a whole, one
//! of each chain, one of each violation.

use std::io::{self, Write};

use serde_json::Value;

use super::shared::{Each, identities, run_id, without_nulls};
use super::standing::Grades;
use super::{ChainReport, RunReport, json};
use crate::verify::{Finding, Severity};

/// A report, and what its parts are told by.
pub(super) struct Parts<'a> {
    pub(super) report: &'a RunReport,
    pub(super) grades: Grades<'a>,
    /// The name of this very report.
    pub(super) run: String,
    /// A name for each of its findings.
    names: Vec<String>,
}

impl<'a> Parts<'a> {
    pub(super) fn new(report: &'a RunReport) -> io::Result<Self> {
        let grades = Grades::new(report);
        Ok(Self { report, grades, run: run_id(report)?, names: identities(report) })
    }

    /// Writes a JSON array of all parts, in the report's order, without what is null in them.
    pub(super) fn write(
        &self,
        out: &mut dyn Write,
        of_run: impl Fn() -> Value,
        of_chain: impl Fn(&ChainReport) -> Value,
        of_violation: impl Fn(&Finding, &str) -> Value,
    ) -> io::Result<()> {
        let all = || {
            let findings = self.report.findings.iter().zip(&self.names);
            let violations = findings.filter(|(f, _)| f.severity == Severity::Violation);
            let violations = violations.map(|(finding, name)| of_violation(finding, name));
            let chains = self.report.chains.iter().map(&of_chain);
            [of_run()].into_iter().chain(chains).chain(violations).map(without_nulls)
        };
        json::render(&Each(all), out)
    }

    /// What to do about a chain that is not proven.
    pub(super) fn remedy(&self, chain: &ChainReport) -> Option<&'static str> {
        let worst = self.grades.of(&chain.id).iter().max_by_key(|f| f.severity);
        worst.filter(|f| f.severity > Severity::Notice).map(|f| f.code.remedy())
    }
}
