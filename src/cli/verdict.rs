//! The verdict as a scheduler takes it: an exit status, and always a line on standard error.

use clap::{Args, ValueEnum};

use super::{Console, INCOMPLETE, INTERRUPTED};
use crate::report::{RunReport, Verdict, summary};
use crate::verify::{CoverageState, Severity};

/// Findings that make the exit status other than 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    /// Also any notice (3)
    Notice,
    /// Also time that no digest covers, even if explained or accepted (3)
    Explained,
    /// Violations (1), and anything that could not be checked (3)
    Incomplete,
    /// Only violations (1)
    Violation,
}

/// Option that the exit status depends on.
#[derive(Debug, Args)]
pub(super) struct FailOnArgs {
    /// Findings that make the exit status other than 0
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = FailOn::Incomplete)]
    fail_on: FailOn,
}

impl FailOnArgs {
    /// The exit status of a run.
    pub(super) fn status(&self, report: &RunReport) -> u8 {
        if report.exit_status == INTERRUPTED {
            return INTERRUPTED;
        }
        let seconds = report.totals.coverage_seconds.get(&CoverageState::Explained);
        let accepted = report.scope.accepted_gaps.iter().any(|gap| gap.used)
            || report.scope.accepted_ends.iter().any(|end| end.used);
        let explained = accepted || seconds.is_some_and(|seconds| *seconds > 0);
        let noticed = explained || report.findings.iter().any(|f| f.severity == Severity::Notice);
        match (report.verdict, self.fail_on) {
            (Verdict::Incomplete, FailOn::Violation) => 0,
            (Verdict::Verified, FailOn::Notice) if noticed => INCOMPLETE,
            (Verdict::Verified, FailOn::Explained) if explained => INCOMPLETE,
            (verdict, _) => verdict.exit_status(),
        }
    }
}

/// Writes what a run read, and how long it took.
pub(super) fn print_facts(report: &RunReport, io: &mut Console<'_>) {
    let used = report.keys.iter().filter(|key| key.used).count();
    for line in summary::facts(report) {
        let _ = writeln!(io.err, "  {line}");
    }
    let _ = writeln!(io.err, "  {used} of {} public keys used", report.keys.len());
}

/// Writes the verdict in a line to standard error, unless it is what a quiet run is about.
pub(super) fn print_verdict(report: &RunReport, status: u8, quiet: bool, io: &mut Console<'_>) {
    if quiet && status == 0 && report.verdict == Verdict::Verified {
        return;
    }
    let by = if status == report.exit_status { "" } else { " (--fail-on)" };
    let headline = summary::headline(report);
    // Diagnostics that cannot be written change no verdict.
    let _ = writeln!(io.err, "trailseal: {headline}; exit status {status}{by}");
}
