//! The report as SARIF 2.1.0, for code scanning and its viewers.
//!
//! The rules are the finding codes. A violation is an `error`, what is incomplete a `warning`, a
//! notice a `note`; `kind` is `fail` for all, because SARIF gives every other kind the level
//! `none`. `executionSuccessful` is false where the run was interrupted or is incomplete: then the
//! absence of results says nothing. The properties hold values as the JSON report has them.
//!
//! The file keeps to what GitHub's code scanning takes, which refuses a whole file for one fault:
//! each result has a location, as a relative path (`BUCKET/KEY`; without an object the folder of
//! the chain, else the source) with a line; at most [`RESULTS`] results, the worst ones, and a
//! notification counts those left out. `automationDetails` names what was asked for, so that runs
//! over two sources stand side by side and a later run over one of them replaces the earlier.

use std::cmp::Reverse;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};

use super::finding_text::{describe_finding, escaped, truncated};
use super::json_util::{LazyArray, without_nulls};
use super::run::INTERRUPTED;
use super::stable_id::{finding_ids, report_id, scope_id};
use super::wording::{counted, statement};
use super::{ChainReport, RunReport, Scope, Totals, Verdict, cloud, json};
use crate::model::ChainId;
use crate::verify::{Code, Finding, Severity};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
/// Most bytes of one message: more no viewer shows.
const MESSAGE: usize = 8 << 10;
/// Most results: GitHub refuses a run that has more.
pub const RESULTS: usize = 25_000;

#[derive(Serialize)]
struct SarifLog<T> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [T; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifRun<'a, R> {
    tool: Value,
    automation_details: Value,
    invocations: [Value; 1],
    column_kind: &'static str,
    results: R,
    properties: RunProperties<'a>,
}

#[derive(Serialize)]
struct RunProperties<'a> {
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
    let names = finding_ids(report);
    let kept = worst(report);
    let left_out = report.findings.len() - kept.len();
    let results = || {
        let found = kept.iter().filter_map(|at| report.findings.get(*at).zip(names.get(*at)));
        found.map(|(finding, name)| result(report, finding, name))
    };
    let run = report_id(report)?;
    let run = SarifRun {
        tool: tool(report),
        automation_details: automation(report, &run),
        invocations: [invocation(report, left_out)],
        column_kind: "unicodeCodePoints",
        results: LazyArray(results),
        properties: RunProperties {
            schema: &report.schema,
            run,
            verdict: report.verdict,
            scope: &report.scope,
            totals: &report.totals,
            chains: &report.chains,
            not_proven: &report.not_proven,
        },
    };
    json::render(&SarifLog { schema: SCHEMA, version: "2.1.0", runs: [run] }, out)
}

/// Places in the report of the findings that are written: all, or the worst where it has more
/// than a file may hold.
fn worst(report: &RunReport) -> Vec<usize> {
    let mut all: Vec<_> = report.findings.iter().enumerate().collect();
    if all.len() > RESULTS {
        all.sort_by_key(|(_, finding)| Reverse(finding.severity));
        all.truncate(RESULTS);
    }
    let mut kept: Vec<_> = all.into_iter().map(|(at, _)| at).collect();
    kept.sort_unstable();
    kept
}

/// The category of the run, up to the last slash, and the run's own name behind it.
fn automation(report: &RunReport, run: &str) -> Value {
    let sources: Vec<_> = report.scope.sources.iter().map(|source| escaped(source)).collect();
    let text = format!("CloudTrail integrity of {}", sources.join(", "));
    json!({
        "id": format!("trailseal/{}/{run}", scope_id(report)),
        "description": {"text": truncated(&unlinked(&text), MESSAGE)},
    })
}

fn tool(report: &RunReport) -> Value {
    let rule = |code: &Code| {
        json!({
            "id": code.as_str(),
            "name": pascal(code.as_str()),
            "shortDescription": {"text": code.meaning()},
            "fullDescription": {"text": code.meaning()},
            "help": {"text": code.remedy()},
            "defaultConfiguration": {"level": level(code.severity())},
            "properties": {
                "severity": code.severity(),
                "tags": ["security", "integrity"],
                "security-severity": score(code.severity()),
            },
        })
    };
    json!({"driver": {
        "name": escaped(&report.tool.name),
        "version": escaped(&report.tool.version),
        "rules": Code::ALL.iter().map(rule).collect::<Vec<_>>(),
    }})
}

/// `LogMissing` for `log-missing`.
fn pascal(code: &str) -> String {
    let word = |word: &str| {
        let mut chars = word.chars();
        chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect()
    };
    code.split('-').map(word).collect::<Vec<String>>().concat()
}

/// Severity by which GitHub sorts a rule's alerts: above 7.0 is high, above 4.0 medium.
const fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Violation => "8.0",
        Severity::Incomplete => "5.0",
        Severity::Notice => "1.0",
    }
}

fn invocation(report: &RunReport, left_out: usize) -> Value {
    let interrupted = report.exit_status == INTERRUPTED;
    let successful = !interrupted && report.verdict != Verdict::Incomplete;
    let notice = |level, text: String| json!({"level": level, "message": {"text": text}});
    let unproven = (!successful).then(|| notice("error", capitalised(report)));
    let cut = (left_out > 0).then(|| {
        let left = counted(left_out as u64, "finding is", "findings are");
        notice(
            "warning",
            format!(
                "{left} omitted: this file is limited to {RESULTS} results. The JSON report has all of them."
            ),
        )
    });
    let notices: Vec<_> = unproven.into_iter().chain(cut).collect();
    without_nulls(json!({
        "executionSuccessful": successful,
        "exitCode": report.exit_status,
        "exitCodeDescription": if interrupted { "interrupted" } else { report.verdict.as_str() },
        "startTimeUtc": report.started,
        "endTimeUtc": report.finished,
        "toolExecutionNotifications": (!notices.is_empty()).then_some(notices),
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

fn result(report: &RunReport, finding: &Finding, name: &str) -> Value {
    let code = finding.code;
    let chain = finding.chain.as_ref().map(ToString::to_string);
    let named = finding.key.as_deref().map_or(Value::Null, object);
    let location = json!([{
        "physicalLocation": at(&path(report, finding)),
        "logicalLocations": named,
    }]);
    // The digest lies in the same bucket as what it lists.
    let related = finding.referenced_by.as_deref().map_or(Value::Null, |key| {
        json!([{
            "id": 1,
            "message": {"text": "the digest that lists it or links to it"},
            "physicalLocation": cloud::path(finding.bucket.as_deref(), key).map(|path| at(&path)),
            "logicalLocations": object(key),
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
        "partialFingerprints": {"trailseal/v1": name, "primaryLocationLineHash": line_hash(name)},
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

/// A location in a file. It has a line because code scanning wants one; what it names has none.
fn at(path: &str) -> Value {
    json!({"artifactLocation": {"uri": path}, "region": {"startLine": 1}})
}

fn object(key: &str) -> Value {
    json!([{"fullyQualifiedName": escaped(key), "kind": "object"}])
}

/// Location of a finding: its object, else its chain's folder, else the first source, else the tree
/// that every source has.
fn path(report: &RunReport, finding: &Finding) -> String {
    let object = || cloud::path(finding.bucket.as_deref(), finding.key.as_deref()?);
    let folder = || {
        let ChainId { bucket, place, region, .. } = finding.chain.as_ref()?;
        let folder = format!("{place}CloudTrail-Digest/{region}");
        cloud::path(bucket.as_ref().map(|bucket| bucket.as_str()), &folder)
    };
    let source = || {
        let source = report.scope.sources.first()?;
        let source = source.strip_prefix("s3://").unwrap_or(source);
        cloud::path(None, source.trim_matches('/'))
    };
    object().or_else(folder).or_else(source).unwrap_or_else(|| "AWSLogs".to_owned())
}

/// A name in the form of code scanning's own: 16 hex digits, and which of those that share them.
fn line_hash(name: &str) -> String {
    let (name, number) = name.split_once('-').unwrap_or((name, "1"));
    format!("{}:{number}", name.get(..16).unwrap_or(name))
}

fn message(finding: &Finding) -> String {
    truncated(&unlinked(&describe_finding(finding)), MESSAGE)
}

/// Text in which SARIF makes no link of `[text](target)`: the first bracket is escaped.
fn unlinked(text: &str) -> String {
    text.replace('[', "\\u{5b}")
}
