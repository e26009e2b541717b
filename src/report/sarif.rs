//! The report as SARIF 2.1.0, for code scanning and its viewers.
//!
//! The rules are the finding codes. A violation is an `error`, what is incomplete a `warning`, a
//! notice a `note`; `kind` is `fail` for all, because SARIF gives every other kind the level
//! `none`. `executionSuccessful` is false where the run was interrupted or is incomplete: then the
//! absence of results says nothing. The properties hold values as the JSON report has them.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};

use super::run::INTERRUPTED;
use super::shared::{Each, cut, identities, run_id, shown, told, without_nulls};
use super::words::statement;
use super::{ChainReport, RunReport, Scope, Totals, Verdict, cloud, json};
use crate::verify::{Code, Finding, Severity};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
/// More of one message no viewer shows.
const MESSAGE: usize = 8 << 10;

#[derive(Serialize)]
struct Log<T> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [T; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a, R> {
    tool: Value,
    invocations: [Value; 1],
    column_kind: &'static str,
    results: R,
    properties: Properties<'a>,
}

#[derive(Serialize)]
struct Properties<'a> {
    schema: &'a str,
    run: String,
    verdict: Verdict,
    scope: &'a Scope,
    totals: &'a Totals,
    chains: &'a [ChainReport],
    not_proven: &'a [String],
}

/// Writes the report.
///
/// # Errors
/// When the output cannot be written.
pub fn render(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    let names = identities(report);
    let results = || report.findings.iter().zip(&names).map(|(f, name)| result(f, name));
    let run = Run {
        tool: tool(report),
        invocations: [invocation(report)],
        column_kind: "unicodeCodePoints",
        results: Each(results),
        properties: Properties {
            schema: &report.schema,
            run: run_id(report)?,
            verdict: report.verdict,
            scope: &report.scope,
            totals: &report.totals,
            chains: &report.chains,
            not_proven: &report.not_proven,
        },
    };
    json::render(&Log { schema: SCHEMA, version: "2.1.0", runs: [run] }, out)
}

fn tool(report: &RunReport) -> Value {
    let rule = |code: &Code| {
        json!({
            "id": code.as_str(),
            "shortDescription": {"text": code.meaning()},
            "help": {"text": code.remedy()},
            "defaultConfiguration": {"level": level(code.severity())},
            "properties": {"severity": code.severity()},
        })
    };
    json!({"driver": {
        "name": shown(&report.tool.name),
        "version": shown(&report.tool.version),
        "rules": Code::ALL.iter().map(rule).collect::<Vec<_>>(),
    }})
}

fn invocation(report: &RunReport) -> Value {
    let interrupted = report.exit_status == INTERRUPTED;
    let successful = !interrupted && report.verdict != Verdict::Incomplete;
    let notice = json!([{"level": "error", "message": {"text": capitalised(report)}}]);
    without_nulls(json!({
        "executionSuccessful": successful,
        "exitCode": report.exit_status,
        "exitCodeDescription": if interrupted { "interrupted" } else { report.verdict.as_str() },
        "startTimeUtc": report.started,
        "endTimeUtc": report.finished,
        "toolExecutionNotifications": (!successful).then_some(notice),
    }))
}

fn capitalised(report: &RunReport) -> String {
    format!("The verdict is {}: {}", report.verdict, statement(report))
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Violation => "error",
        Severity::Incomplete => "warning",
        Severity::Notice => "note",
    }
}

fn result(finding: &Finding, name: &str) -> Value {
    let code = finding.code;
    let chain = finding.chain.as_ref().map(ToString::to_string);
    let location = finding.key.as_deref().map_or(Value::Null, |key| {
        json!([{
            "physicalLocation": physical(finding.bucket.as_deref(), key),
            "logicalLocations": [{
                "fullyQualifiedName": shown(key), "kind": "object",
            }],
        }])
    });
    // The digest lies in the same bucket as what it lists.
    let related = finding.referenced_by.as_deref().map_or(Value::Null, |key| {
        json!([{
            "id": 1,
            "message": {"text": "the digest that lists it or links to it"},
            "physicalLocation": physical(finding.bucket.as_deref(), key),
            "logicalLocations": [{"fullyQualifiedName": shown(key), "kind": "object"}],
        }])
    });
    let result = json!({
        "ruleId": code.as_str(),
        "ruleIndex": Code::ALL.iter().position(|known| *known == code),
        "level": level(finding.severity),
        "kind": "fail",
        "message": {"text": message(finding)},
        "locations": location,
        "relatedLocations": related,
        "partialFingerprints": {"trailseal/v1": name},
        "properties": {
            "severity": finding.severity,
            "chain": chain,
            "bucket": finding.bucket,
            "key": finding.key,
            "start": finding.start,
            "end": finding.end,
            "expected": finding.expected,
            "actual": finding.actual,
            "referenced_by": finding.referenced_by,
            "events": finding.events,
        },
    });
    without_nulls(result)
}

/// Where an object lies, as far as an address can tell.
fn physical(bucket: Option<&str>, key: &str) -> Value {
    let at = |uri| json!({"artifactLocation": {"uri": uri}});
    cloud::uri(bucket, key).map_or(Value::Null, at)
}

/// SARIF makes a link of `[text](target)`, so such a text shows its first bracket escaped.
fn message(finding: &Finding) -> String {
    let text = told(finding).replace('[', "\\u{5b}");
    cut(&text, MESSAGE)
}
