//! A run in few words: the verdict in a line, the counts alone, or the problems alone. For mails of
//! schedulers and for logs.

use std::io::{self, Write};

use super::headline::headline as phrase;
use super::problems::problems;
use super::wording::{self, count, counts, log_files};
use super::{RunReport, Verdict};
use crate::model::{ChainId, Printable};
use crate::verify::{Finding, Severity};

/// The verdict and what was found where, in a line.
#[must_use]
pub fn headline(report: &RunReport) -> String {
    format!("{}: {}", wording::verdict_of(report), phrase(report, &problems(report)))
}

/// Writes the verdict and the counts.
///
/// # Errors
/// When the output cannot be written.
pub fn render(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    let totals = &report.totals;
    writeln!(out, "{}", headline(report))?;
    writeln!(out, "  findings    {}", wording::tally(&report.findings))?;
    writeln!(out, "  chains      {}", count(totals.chains))?;
    writeln!(out, "  digests     {}", counts(&totals.digests))?;
    writeln!(out, "  log files   {}", log_files(report))
}

/// Amount that a run read, and its duration: sentences without full stops.
#[must_use]
pub fn facts(report: &RunReport) -> [String; 2] {
    [wording::read(report), format!("took {}", wording::took(report))]
}

/// Writes the verdict and each violation and incomplete finding; nothing where there is none.
///
/// # Errors
/// When the output cannot be written.
pub fn render_problems(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    if report.verdict == Verdict::Verified {
        return Ok(());
    }
    writeln!(out, "{}", headline(report))?;
    let problems = report.findings.iter().filter(|f| f.severity > Severity::Notice);
    for finding in problems {
        writeln!(out)?;
        write_finding(finding, out)?;
    }
    Ok(())
}

/// Writes a finding: what and where in a line, then the object and the message.
pub(super) fn write_finding(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let chain = finding.chain.as_ref().map(|id| format!("  {}", place(id))).unwrap_or_default();
    let time = match (finding.start, finding.end) {
        (Some(start), Some(end)) => format!("  {}", wording::span(start, end)),
        (Some(time), None) | (None, Some(time)) => format!("  {time}"),
        (None, None) => String::new(),
    };
    let (severity, code) = (finding.severity.as_str(), finding.code.as_str());
    writeln!(out, "{severity}  {code}{chain}{time}")?;
    if let Some(key) = &finding.key {
        writeln!(out, "  {}", Printable(key))?;
    }
    writeln!(out, "  {}", Printable(&finding.message))
}

/// Account, region and trail, as `--accept-end` takes them.
pub(super) fn place(id: &ChainId) -> String {
    let text = format!("{}/{}/{}", id.place.account, id.region, id.trail);
    Printable(&text).to_string()
}
