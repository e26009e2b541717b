//! The report as OpenMetrics text, for Prometheus (the textfile collector, a push gateway) and its
//! kin.
//!
//! Every code and state has a sample, also where it is 0, so that an alert can be written before
//! anything is found. What there is for each chain is few: its verdicts, the seconds of each state,
//! and the newest moment that is proven (0 where none is, so that an alert on its age goes off);
//! how many chains there are bounds the rest. A backfill chain claims no time and has no such
//! moment.

use std::borrow::Cow;
use std::io::{self, BufWriter, Write};

use jiff::Timestamp;

use super::shared::shown;
use super::standing::Grades;
use super::{ChainReport, RunReport, Verdict};
use crate::model::ChainKind;
use crate::verify::{Code, CoverageState, Severity};

const VERDICTS: [Verdict; 3] = [Verdict::Verified, Verdict::Violation, Verdict::Incomplete];
const SEVERITIES: [Severity; 3] = [Severity::Violation, Severity::Incomplete, Severity::Notice];

/// Writes the report.
///
/// # Errors
/// When the output cannot be written.
pub fn render(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    let mut page = Page { out: BufWriter::new(out), name: "" };
    run(report, &mut page)?;
    chains(report, &mut page)?;
    page.out.write_all(b"# EOF\n")?;
    page.out.flush()
}

type Label<'a> = (&'a str, Cow<'a, str>);

/// The exposition: families one after the other, each with its samples.
struct Page<'a> {
    out: BufWriter<&'a mut dyn Write>,
    name: &'static str,
}

impl Page<'_> {
    /// Begins a family. A name that ends in a unit has that unit.
    fn family(&mut self, kind: &str, name: &'static str, help: &str) -> io::Result<()> {
        self.name = name;
        writeln!(self.out, "# TYPE {name} {kind}")?;
        for unit in ["seconds", "bytes"] {
            if name.ends_with(unit) {
                writeln!(self.out, "# UNIT {name} {unit}")?;
            }
        }
        writeln!(self.out, "# HELP {name} {help}")
    }

    fn gauge(&mut self, name: &'static str, help: &str) -> io::Result<()> {
        self.family("gauge", name, help)
    }

    fn sample(&mut self, labels: &[Label<'_>], value: impl std::fmt::Display) -> io::Result<()> {
        self.sample_of("", labels, value)
    }

    fn sample_of(
        &mut self,
        suffix: &str,
        labels: &[Label<'_>],
        value: impl std::fmt::Display,
    ) -> io::Result<()> {
        write!(self.out, "{}{suffix}", self.name)?;
        for (at, (label, text)) in labels.iter().enumerate() {
            let lead = if at == 0 { '{' } else { ',' };
            write!(self.out, "{lead}{label}=\"{}\"", escaped(text))?;
        }
        let close = if labels.is_empty() { "" } else { "}" };
        writeln!(self.out, "{close} {value}")
    }

    /// A family of one sample without labels.
    fn one(
        &mut self,
        name: &'static str,
        help: &str,
        value: impl std::fmt::Display,
    ) -> io::Result<()> {
        self.gauge(name, help)?;
        self.sample(&[], value)
    }
}

/// A label's value, shown already: what would end it is escaped.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Seconds since 1970, with a fraction only where there is one.
fn seconds(time: Timestamp) -> String {
    let nanos = time.as_nanosecond();
    let sign = if nanos < 0 { "-" } else { "" };
    let (whole, part) = (nanos.abs() / 1_000_000_000, nanos.abs() % 1_000_000_000);
    let text = format!("{sign}{whole}.{part:09}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn run(report: &RunReport, page: &mut Page<'_>) -> io::Result<()> {
    let totals = &report.totals;
    page.family("info", "trailseal_tool", "What made the run.")?;
    let tool = [("version", shown(&report.tool.version).into())];
    page.sample_of("_info", &tool, 1)?;
    page.gauge("trailseal_run_verdict", "What the run came to: 1 for its verdict, 0 for others.")?;
    for verdict in VERDICTS {
        let is = u8::from(report.verdict == verdict);
        page.sample(&[("verdict", verdict.as_str().into())], is)?;
    }
    page.one(
        "trailseal_run_exit_status",
        "The exit status: 0 verified, 1 violation, 3 incomplete, 130 interrupted.",
        report.exit_status,
    )?;
    page.one(
        "trailseal_run_start_timestamp_seconds",
        "When the run began.",
        seconds(report.started),
    )?;
    page.one(
        "trailseal_run_finish_timestamp_seconds",
        "When the run ended.",
        seconds(report.finished),
    )?;
    page.one("trailseal_run_read_bytes", "Bytes read, compressed as stored.", totals.bytes_read)?;
    page.one("trailseal_run_hashed_bytes", "Bytes hashed, inflated.", totals.bytes_hashed)?;
    page.one("trailseal_run_requests", "Requests made to the store.", totals.requests)?;
    page.gauge("trailseal_findings", "Findings of each code and severity.")?;
    for code in Code::ALL {
        for severity in SEVERITIES {
            let of = |f: &&_| matches(f, *code, severity);
            let number = report.findings.iter().filter(of).count();
            let labels = [("code", code.as_str().into()), ("severity", severity.as_str().into())];
            page.sample(&labels, number)?;
        }
    }
    let (digests, logs) = (&totals.digests, &totals.logs);
    let listed = [
        ("valid", digests.valid, logs.listed.valid),
        ("invalid", digests.invalid, logs.listed.invalid),
        ("unchecked", digests.unchecked, logs.listed.unchecked),
    ];
    page.gauge("trailseal_digests", "Digest files, by result.")?;
    for (result, number, _) in listed {
        page.sample(&[("result", result.into())], number)?;
    }
    page.gauge(
        "trailseal_logs",
        "Log files that digests list, by result, and those that no digest lists.",
    )?;
    for (result, _, number) in listed {
        page.sample(&[("result", result.into())], number)?;
    }
    page.sample(&[("result", "unreferenced".into())], logs.unreferenced)?;
    page.gauge("trailseal_coverage_seconds", "Chain time in each state, over all chains.")?;
    for state in CoverageState::ALL {
        let of = totals.coverage_seconds.get(&state).copied().unwrap_or(0);
        page.sample(&[("state", state.as_str().into())], of)?;
    }
    Ok(())
}

fn matches(finding: &crate::verify::Finding, code: Code, severity: Severity) -> bool {
    finding.code == code && finding.severity == severity
}

fn chains(report: &RunReport, page: &mut Page<'_>) -> io::Result<()> {
    let grades = Grades::new(report);
    let chains: Vec<_> =
        report.chains.iter().map(|c| (c.id.to_string(), grades.standing(c), c)).collect();
    page.gauge("trailseal_chains", "Chains by their own verdict.")?;
    for verdict in VERDICTS {
        let number = chains.iter().filter(|(_, standing, _)| *standing == verdict).count();
        page.sample(&[("verdict", verdict.as_str().into())], number)?;
    }
    page.family("info", "trailseal_chain", "What each chain is of.")?;
    for (id, _, chain) in &chains {
        let kind = match chain.kind {
            ChainKind::Standard => "standard",
            ChainKind::Backfill => "backfill",
        };
        let ChainReport { bucket, account, region, home_region, trail, .. } = chain;
        let bucket = bucket.as_ref().map_or("", |b| b.as_str());
        let labels = [
            ("chain", Cow::from(id)),
            ("bucket", bucket.into()),
            ("account", account.as_str().into()),
            ("region", region.as_str().into()),
            ("home_region", home_region.as_str().into()),
            ("trail", shown(trail).into()),
            ("kind", kind.into()),
        ];
        page.sample_of("_info", &labels, 1)?;
    }
    page.gauge("trailseal_chain_verdict", "How each chain stands: 1 for its verdict.")?;
    for (id, standing, _) in &chains {
        for verdict in VERDICTS {
            let labels = [("chain", Cow::from(id)), ("verdict", verdict.as_str().into())];
            page.sample(&labels, u8::from(*standing == verdict))?;
        }
    }
    page.gauge("trailseal_chain_coverage_seconds", "Time in each state, by chain.")?;
    for (id, _, chain) in &chains {
        for state in CoverageState::ALL {
            let labels = [("chain", Cow::from(id)), ("state", state.as_str().into())];
            let of = chain.coverage.iter().filter(|i| i.state == state);
            page.sample(&labels, of.map(|i| i.window.seconds()).sum::<i64>())?;
        }
    }
    page.gauge(
        "trailseal_chain_proven_until_timestamp_seconds",
        "The newest moment of the requested time that is proven; 0 where none is.",
    )?;
    for (id, _, chain) in chains.iter().filter(|(.., c)| c.kind == ChainKind::Standard) {
        let proven = chain.coverage.iter().filter(|i| i.state == CoverageState::Proven);
        let until = proven.map(|i| i.window.end).max();
        page.sample(&[("chain", id.into())], until.map_or_else(|| "0".to_owned(), seconds))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_exact() {
        for (time, text) in [
            ("1970-01-01T00:00:00Z", "0"),
            ("2023-07-12T08:00:00.25Z", "1689148800.25"),
            ("2023-07-12T08:00:00Z", "1689148800"),
            ("1969-12-31T23:59:58.5Z", "-1.5"),
        ] {
            assert_eq!(seconds(time.parse().unwrap()), text);
        }
    }

    #[test]
    fn labels_end_where_they_should() {
        assert_eq!(escaped("a\"} 1\n\\"), "a\\\"} 1\\n\\\\");
    }
}
