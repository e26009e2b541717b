//! The report as JSON lines, for log pipelines: each line is an object that can be read alone.
//!
//! Every line has `schema` (`trailseal.lines/1`), `type`, `run` (a name for this very report: the
//! same report has the same) and `time` (when the run ended). The types, in this order:
//!
//! | type | lines | holds |
//! |---|---|---|
//! | `run` | one | tool, ran_by, scope, started, finished, verdict, exit_status, totals |
//! | `chain` | one a chain | as in the JSON report, without its coverage; `standing` is its own verdict |
//! | `coverage` | one an interval | chain, start, end, seconds, state, reason |
//! | `key` | one a public key | as in the JSON report |
//! | `finding` | one a finding | as in the JSON report |
//! | `not_proven` | one a sentence | sentence |
//! | `end` | one, the last | verdict, and `lines`: how many there are, this one included |
//!
//! A file whose last line is no `end`, or whose `lines` is not their number, is not whole.

use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::chain_verdicts::ChainVerdicts;
use super::stable_id::report_id;
use super::{ChainReport, RunReport, json};
use crate::model::ChainId;
use crate::verify::Interval;

/// The schema's name and major version.
pub const SCHEMA: &str = "trailseal.lines/1";

#[derive(Serialize)]
struct JsonLine<'a, T> {
    schema: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    run: &'a str,
    time: Timestamp,
    #[serde(flatten)]
    body: T,
}

#[derive(Serialize)]
struct CoverageLine<'a> {
    chain: &'a ChainId,
    #[serde(flatten)]
    interval: &'a Interval,
    seconds: i64,
}

struct NdjsonWriter<'a, 'o> {
    out: &'o mut dyn Write,
    run: &'a str,
    time: Timestamp,
    lines: u64,
}

impl NdjsonWriter<'_, '_> {
    fn write(&mut self, kind: &'static str, body: impl Serialize) -> io::Result<()> {
        let line = JsonLine { schema: SCHEMA, kind, run: self.run, time: self.time, body };
        // Not straight to the output, which would be flushed for each line.
        let mut text = Vec::new();
        json::render_line(&line, &mut text)?;
        self.lines += 1;
        self.out.write_all(&text)
    }
}

/// Writes the report.
///
/// # Errors
/// When the output cannot be written.
pub fn render(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    let run = report_id(report)?;
    let mut lines = NdjsonWriter { out, run: &run, time: report.finished, lines: 0 };
    let RunReport { tool, ran_by, scope, started, finished, verdict, exit_status, totals, .. } =
        report;
    lines.write(
        "run",
        json!({
            "report": report.schema, "tool": tool, "ran_by": ran_by, "scope": scope,
            "started": started, "finished": finished, "verdict": verdict,
            "exit_status": exit_status, "totals": totals,
        }),
    )?;
    let verdicts = ChainVerdicts::new(report);
    for chain in &report.chains {
        let ChainReport { id, bucket, prefix, organization, account, region, .. } = chain;
        let ChainReport { home_region, trail, kind, digests, logs, .. } = chain;
        lines.write(
            "chain",
            json!({
                "id": id, "bucket": bucket, "prefix": prefix, "organization": organization,
                "account": account, "region": region, "home_region": home_region, "trail": trail,
                "kind": kind, "digests": digests, "logs": logs,
                "standing": verdicts.standing(chain),
            }),
        )?;
    }
    for chain in &report.chains {
        for interval in &chain.coverage {
            let seconds = interval.window.seconds();
            lines.write("coverage", CoverageLine { chain: &chain.id, interval, seconds })?;
        }
    }
    report.keys.iter().try_for_each(|key| lines.write("key", key))?;
    report.findings.iter().try_for_each(|finding| lines.write("finding", finding))?;
    for sentence in &report.not_proven {
        lines.write("not_proven", json!({"sentence": sentence}))?;
    }
    let number = lines.lines + 1;
    lines.write("end", json!({"verdict": verdict, "lines": number}))?;
    out.flush()
}
