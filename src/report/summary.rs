//! A run in few words: the verdict in a line, the counts alone, or the problems alone. For mails of
//! schedulers and for logs.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::words::{self, chain_time, count, counted, counts, log_files};
use super::{RunReport, Verdict};
use crate::model::{ChainId, Printable};
use crate::verify::{Finding, Severity};

/// The verdict, what it rests on and what speaks against it, in a line.
#[must_use]
pub fn headline(report: &RunReport) -> String {
    let verdict = words::verdict(report.verdict);
    let body = match report.verdict {
        Verdict::Verified => {
            let totals = &report.totals;
            format!(
                "{}, {} and {}",
                counted(totals.chains, "chain", "chains"),
                counted(totals.digests.valid, "digest", "digests"),
                counted(totals.logs.listed.valid, "log file", "log files"),
            )
        }
        _ => problems_by_code(report),
    };
    format!("{verdict}: {body}; chain time: {}", chain_time(report))
}

/// How many violations and incomplete findings there are, by code.
fn problems_by_code(report: &RunReport) -> String {
    let of = |severity: Severity, one: &str, many: &str| {
        let found = report.findings.iter().filter(|f| f.severity == severity);
        let mut codes: BTreeMap<&str, u64> = BTreeMap::new();
        found.for_each(|finding| *codes.entry(finding.code.as_str()).or_default() += 1);
        let total: u64 = codes.values().sum();
        let codes: Vec<_> = codes.iter().map(|(code, n)| format!("{} {code}", count(*n))).collect();
        (total > 0).then(|| format!("{} ({})", counted(total, one, many), codes.join(", ")))
    };
    let violations = of(Severity::Violation, "violation", "violations");
    let incomplete = of(Severity::Incomplete, "open question", "open questions");
    let parts: Vec<_> = violations.into_iter().chain(incomplete).collect();
    // Time alone may keep a run from being verified.
    if parts.is_empty() { "not all of the time is proven".to_owned() } else { parts.join(", ") }
}

/// Writes the verdict and the counts.
///
/// # Errors
/// When the output cannot be written.
pub fn render(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    let totals = &report.totals;
    writeln!(out, "{}", headline(report))?;
    writeln!(out, "  findings    {}", words::tally(&report.findings))?;
    writeln!(out, "  chains      {}", count(totals.chains))?;
    writeln!(out, "  digests     {}", counts(&totals.digests))?;
    writeln!(out, "  log files   {}", log_files(report))
}

/// What a run read, and how long it took: sentences without their stops.
#[must_use]
pub fn facts(report: &RunReport) -> [String; 2] {
    [words::read(report), format!("took {}", words::took(report))]
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
        (Some(start), Some(end)) => format!("  {}", words::span(start, end)),
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
