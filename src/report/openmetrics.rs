//! The report as metrics, for Prometheus and its kin.
//!
//! The text is OpenMetrics, and the older Prometheus format too: node_exporter's textfile collector
//! and push gateways read nothing else. It therefore uses gauges only, the one type that means the
//! same in both, also for what OpenMetrics would call `info`.
//!
//! Every series carries the label `source`, and `filter` where the run was limited to accounts,
//! regions or trails: two runs in one textfile directory must not share a series, because the
//! collector then drops one of the two. Sources stand as they were given, so give directories by
//! their full path.
//!
//! Every code and state has a sample, also where it is 0, so that an alert can be written before
//! anything is found. What there is for each chain is few: its verdicts, the seconds of each state,
//! and the newest moment that is proven (0 where none is, so that an alert on its age goes off);
//! how many chains there are bounds the rest. A backfill chain claims no time and has no such
//! moment.

use std::borrow::Cow;
use std::io::{self, BufWriter, Write};

use jiff::Timestamp;

use super::chain_verdicts::ChainVerdicts;
use super::finding_text::escaped;
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
    let mut page = Exposition { out: BufWriter::new(out), name: "", common: common(report) };
    run(report, &mut page)?;
    chains(report, &mut page)?;
    page.out.write_all(b"# EOF\n")?;
    page.out.flush()
}

type Label<'a> = (&'a str, Cow<'a, str>);

/// The labels that every series of a run carries, as they are written.
fn common(report: &RunReport) -> String {
    let scope = &report.scope;
    let filters =
        [("account", &scope.accounts), ("region", &scope.regions), ("trail", &scope.trails)];
    let filters: Vec<_> = filters
        .iter()
        .flat_map(|(name, list)| list.iter().map(move |value| format!("{name}={}", escaped(value))))
        .collect();
    let sources: Vec<_> = scope.sources.iter().map(|source| escaped(source)).collect();
    let sources = sources.join(", ");
    // An empty label is an absent one.
    let source = if sources.is_empty() { "-" } else { &*sources };
    let mut labels = format!("source=\"{}\"", label_value(source));
    if !filters.is_empty() {
        labels += &format!(",filter=\"{}\"", label_value(&filters.join(",")));
    }
    labels
}

/// The exposition: families one after the other, each with its samples.
struct Exposition<'a> {
    out: BufWriter<&'a mut dyn Write>,
    name: &'static str,
    common: String,
}

impl Exposition<'_> {
    /// Begins a family. A name that ends in a unit has that unit.
    fn gauge(&mut self, name: &'static str, help: &str) -> io::Result<()> {
        self.name = name;
        writeln!(self.out, "# TYPE {name} gauge")?;
        for unit in ["seconds", "bytes"] {
            if name.ends_with(unit) {
                writeln!(self.out, "# UNIT {name} {unit}")?;
            }
        }
        writeln!(self.out, "# HELP {name} {help}")
    }

    fn sample(&mut self, labels: &[Label<'_>], value: impl std::fmt::Display) -> io::Result<()> {
        write!(self.out, "{}{{{}", self.name, self.common)?;
        for (label, text) in labels {
            write!(self.out, ",{label}=\"{}\"", label_value(text))?;
        }
        writeln!(self.out, "}} {value}")
    }

    /// A family of one sample without labels of its own.
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
fn label_value(text: &str) -> String {
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

fn run(report: &RunReport, page: &mut Exposition<'_>) -> io::Result<()> {
    let totals = &report.totals;
    page.gauge("trailseal_tool_info", "Version of the program that made the run.")?;
    page.sample(&[("version", escaped(&report.tool.version).into())], 1)?;
    page.gauge(
        "trailseal_run_verdict",
        "Verdict of the run: 1 for the actual verdict, 0 for the others.",
    )?;
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
        "Start time of the run.",
        seconds(report.started),
    )?;
    page.one(
        "trailseal_run_finish_timestamp_seconds",
        "End time of the run.",
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
    page.gauge("trailseal_logs", "Log files by result; unreferenced: not listed by any digest.")?;
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

fn chains(report: &RunReport, page: &mut Exposition<'_>) -> io::Result<()> {
    let verdicts = ChainVerdicts::new(report);
    let chains: Vec<_> =
        report.chains.iter().map(|c| (c.id.to_string(), verdicts.standing(c), c)).collect();
    page.gauge("trailseal_chains", "Chains by their own verdict.")?;
    for verdict in VERDICTS {
        let number = chains.iter().filter(|(_, standing, _)| *standing == verdict).count();
        page.sample(&[("verdict", verdict.as_str().into())], number)?;
    }
    page.gauge("trailseal_chain_info", "Account, region and trail of each chain.")?;
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
            ("trail", escaped(trail).into()),
            ("kind", kind.into()),
        ];
        page.sample(&labels, 1)?;
    }
    page.gauge(
        "trailseal_chain_verdict",
        "Verdict of each chain: 1 for the actual verdict, 0 for the others.",
    )?;
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
        "Latest proven time within the requested time; 0 if none.",
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
        assert_eq!(label_value("a\"} 1\n\\"), "a\\\"} 1\\n\\\\");
    }
}
