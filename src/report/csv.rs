//! The findings as a table: a row a finding, the worst first, else in the report's order.
//!
//! The columns are the fields of a finding as the JSON report names them, and the account, region
//! and trail that it is about, as far as its chain or its key tells; `events` holds them one after
//! the other, readable, and `remedy` says what to do. What does not apply is empty. A report
//! without findings is the head alone: whether it is verified, only the other formats say.

use std::cmp::Reverse;
use std::io::{self, Write};

use super::table::{Table, cell, chain_cell};
use super::{RunReport, cloud};
use crate::verify::{Finding, FoundEvent};

/// Writes the report.
///
/// # Errors
/// When the output cannot be written.
pub fn render(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new(out);
    table.row(HEAD.map(cell))?;
    let mut findings: Vec<_> = report.findings.iter().collect();
    findings.sort_by_key(|finding| Reverse(finding.severity));
    for finding in findings {
        let [account, region, trail] = cloud::place_of(finding);
        let [start, end] = [finding.start, finding.end].map(|time| time.map(|t| t.to_string()));
        let events = events(finding);
        table.row([
            cell(finding.code.as_str()),
            cell(finding.severity.as_str()),
            cell(account.as_deref()),
            cell(region.as_deref()),
            cell(trail.as_deref()),
            chain_cell(finding.chain.as_ref()),
            cell(finding.bucket.as_deref()),
            cell(finding.key.as_deref()),
            cell(start.as_deref()),
            cell(end.as_deref()),
            cell(&*finding.message),
            cell(finding.expected.as_deref()),
            cell(finding.actual.as_deref()),
            cell(finding.referenced_by.as_deref()),
            cell(&*events),
            cell(finding.code.remedy_of(finding.severity)),
        ])?;
    }
    table.finish()
}

const HEAD: [&str; 16] = [
    "code",
    "severity",
    "account",
    "region",
    "trail",
    "chain",
    "bucket",
    "key",
    "start",
    "end",
    "message",
    "expected",
    "actual",
    "referenced_by",
    "events",
    "remedy",
];

/// `explains: StopLogging by ARN from 192.0.2.1 at TIME in REGION, id ID, s3://BUCKET/KEY; ...`
fn events(finding: &Finding) -> String {
    let shown = |event: &FoundEvent| {
        let FoundEvent { role, event, time, by, from, id, region, bucket, key } = event;
        let mut text = format!("{}: {event}", role.as_str());
        for (word, part) in [("by", by), ("from", from)] {
            text += &part.as_ref().map(|part| format!(" {word} {part}")).unwrap_or_default();
        }
        text += &format!(" at {time} in {region}");
        text += &id.as_ref().map(|id| format!(", id {id}")).unwrap_or_default();
        text + &format!(", s3://{bucket}/{key}")
    };
    finding.events.iter().map(shown).collect::<Vec<_>>().join("; ")
}
