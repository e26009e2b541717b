//! The report as OCSF 1.6 events: a JSON array, as other scanners write theirs and as validators
//! take it. For a pipeline that wants an event a line (as an Amazon Security Lake custom source is
//! made from): `jq -c '.[]' run.ocsf.json`.
//!
//! One Compliance Finding (2003) for the run as a whole, then one for each chain: its compliance
//! status is `Pass` for verified, `Fail` for a violation and `Warning` for what is incomplete. One
//! Detection Finding (2004) for each violation, and for each thing that could not be checked and
//! belongs to no chain; what an earlier run found and this one shows to be repaired
//! (`report --previous`) is closed by another. `finding_info.uid` is the same from run to run,
//! `metadata.uid` is the event's own. Texts are shown with all that steers escaped.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::finding_set::{FindingSet, PartForm, REQUIREMENTS, STANDARDS, technique};
use super::finding_text::{chain_reasons, describe_finding, escaped};
use super::stable_id::{scope_id, stable_id};
use super::wording::{statement, title};
use super::{ChainReport, RunReport, Verdict, cloud};
use crate::verify::{Code, CoverageState, Finding, Severity};

const VERSION: &str = "1.6.0";
const STANDARD: &str = "AWS CloudTrail log file integrity validation";
const CONTROL: &str = "CloudTrail log files are complete, unaltered and covered by signed digests";

/// Writes the report.
///
/// # Errors
/// When the output cannot be written.
pub fn render(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    render_since(report, None, out)
}

/// Writes the report, and closes what an earlier run found and this one shows to be repaired.
///
/// # Errors
/// When the output cannot be written.
pub fn render_since(
    report: &RunReport,
    earlier: Option<&RunReport>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let events = OcsfWriter(FindingSet::new(report)?);
    let mut closed = Vec::new();
    if let Some(earlier) = earlier {
        let before = OcsfWriter(FindingSet::new(earlier)?);
        for (finding, name) in events.0.repaired(&before.0) {
            closed.push(events.close(before.of_finding(finding, &name)));
        }
    }
    events.0.write(out, &events, &closed)
}

struct OcsfWriter<'a>(FindingSet<'a>);

/// A class of findings.
enum EventClass {
    Compliance,
    Detection,
}

/// Variable members that every event has.
struct EventHeader<'a> {
    class: EventClass,
    uid: &'a str,
    verdict: Verdict,
    account: &'a str,
    region: &'a str,
}

impl PartForm for OcsfWriter<'_> {
    fn of_run(&self) -> Value {
        let report = self.0.report;
        let (account, region) = cloud::home(report);
        let uid = format!("run-{}", scope_id(report));
        let verdict = report.verdict;
        let title = format!("CloudTrail integrity of the whole run: {verdict}");
        let sources = report
            .scope
            .sources
            .iter()
            .map(|source| json!({"name": escaped(source), "type": "source"}));
        let said: Vec<_> = report.not_proven.iter().map(|said| escaped(said)).collect();
        let class = EventClass::Compliance;
        self.event(
            &EventHeader { class, uid: &uid, verdict, account: &account, region: &region },
            json!({
                "message": format!("The verdict is {verdict}: {}", statement(report)),
                "start_time": report.scope.start.map(|t| t.as_millisecond()),
                "end_time": report.scope.end.map(|t| t.as_millisecond()),
                "finding_info": {"uid": uid, "title": title, "types": ["run"]},
                "compliance": compliance(verdict, details(self.0.reasons_of_run())),
                "resources": sources.collect::<Vec<_>>(),
                "unmapped": {
                    "verdict": verdict, "exit_status": report.exit_status,
                    "totals": report.totals, "not_proven": said,
                },
            }),
        )
    }

    fn of_chain(&self, chain: &ChainReport) -> Value {
        let verdict = self.0.verdicts.standing(chain);
        let id = chain.id.to_string();
        let uid = format!("chain-{}", stable_id(&[&id]));
        let title = format!("CloudTrail integrity of {}: {verdict}", title(&chain.id));
        let reasons = chain_reasons(&self.0.verdicts, chain);
        let remedy = self.0.remedy(chain);
        let seconds = |state: &crate::verify::CoverageState| {
            let of = chain.coverage.iter().filter(|i| i.state == *state);
            (state.as_str(), of.map(|i| i.window.seconds()).sum::<i64>())
        };
        let coverage: std::collections::BTreeMap<_, _> =
            crate::verify::CoverageState::ALL.iter().map(seconds).collect();
        let start = chain.coverage.first().map(|i| i.window.start.as_millisecond());
        let end = chain.coverage.last().map(|i| i.window.end.as_millisecond());
        let (account, region) = (chain.account.as_str(), chain.region.as_str());
        let class = EventClass::Compliance;
        self.event(
            &EventHeader { class, uid: &uid, verdict, account, region },
            json!({
                "message": title,
                "start_time": start,
                "end_time": end,
                "finding_info": {"uid": uid, "title": title, "types": ["chain"]},
                "compliance": compliance(verdict, details(reasons)),
                "remediation": remedy.map(|text| json!({"desc": text})),
                "resources": [self.trail(chain, &id)],
                "unmapped": {
                    "verdict": verdict, "chain": id, "kind": chain.kind, "digests": chain.digests,
                    "logs": chain.logs, "coverage_seconds": coverage,
                },
            }),
        )
    }

    fn of_finding(&self, finding: &Finding, name: &str) -> Value {
        let (account, region) = cloud::home_of(self.0.report, finding);
        let uid = format!("finding-{name}");
        let code = finding.code;
        let partition = cloud::partition(&region);
        let text = |text: &Option<String>| text.as_deref().map(escaped);
        let [bucket, key] = [text(&finding.bucket), text(&finding.key)];
        let object = bucket.as_ref().map(|bucket| {
            let kind = if key.is_some() { "AWS::S3::Object" } else { "AWS::S3::Bucket" };
            let arn = cloud::s3_arn(partition, bucket, key.as_deref());
            json!({"uid": arn, "name": key.as_ref().unwrap_or(bucket), "type": kind})
        });
        // Of a copy no bucket may be known.
        let object = object.or_else(|| Some(json!({"name": key.as_ref()?, "type": "object"})));
        let evidence = json!({
            "bucket": bucket, "key": key, "expected": text(&finding.expected),
            "actual": text(&finding.actual), "referenced_by": text(&finding.referenced_by),
        });
        let chain = finding.chain.as_ref().map(ToString::to_string);
        let verdict = Verdict::of([finding], [CoverageState::Proven]);
        let class = EventClass::Detection;
        let header = EventHeader { class, uid: &uid, verdict, account: &account, region: &region };
        self.event(&header, json!({
            "message": escaped(&finding.message),
            "is_alert": finding.severity == Severity::Violation,
            "start_time": finding.start.map(|t| t.as_millisecond()),
            "end_time": finding.end.map(|t| t.as_millisecond()),
            "finding_info": {
                "uid": uid, "title": code.meaning(), "desc": describe_finding(finding),
                "types": [code.as_str()],
                "attacks": attacks(code),
                "analytic": {"uid": code.as_str(), "name": code.as_str(), "type_id": 1, "type": "Rule"},
            },
            "evidences": [{"data": evidence}],
            "remediation": {"desc": code.remedy_of(finding.severity)},
            "resources": object.map(|object| [object]),
            "unmapped": {"code": code, "chain": chain},
        }))
    }
}

impl OcsfWriter<'_> {
    /// Common fields of every event, plus `more`.
    fn event(&self, header: &EventHeader<'_>, more: Value) -> Value {
        let EventHeader { class, uid, verdict, account, region } = header;
        let (class_uid, class_name) = match class {
            EventClass::Compliance => (2003, "Compliance Finding"),
            EventClass::Detection => (2004, "Detection Finding"),
        };
        let (severity_id, severity) = match verdict {
            Verdict::Verified => (1, "Informational"),
            Verdict::Incomplete => (3, "Medium"),
            Verdict::Violation => (4, "High"),
        };
        let report = self.0.report;
        let mut event = json!({
            "activity_id": 1,
            "activity_name": "Create",
            "category_uid": 2,
            "category_name": "Findings",
            "class_uid": class_uid,
            "class_name": class_name,
            "type_uid": class_uid * 100 + 1,
            "type_name": format!("{class_name}: Create"),
            "severity_id": severity_id,
            "severity": severity,
            "status_id": 1,
            "status": "New",
            "time": report.finished.as_millisecond(),
            "timezone_offset": 0,
            "metadata": {
                "version": VERSION,
                "uid": stable_id(&[&self.0.run, uid]),
                "correlation_uid": self.0.run,
                "profiles": ["cloud"],
                "product": {
                    "name": escaped(&report.tool.name),
                    "vendor_name": escaped(&report.tool.name),
                    "version": escaped(&report.tool.version),
                },
            },
            "cloud": {
                "provider": "AWS",
                "cloud_partition": cloud::partition(region),
                "region": region,
                // Its name is not known; models of these events require one.
                "account": {
                    "uid": account, "name": account, "type_id": 10, "type": "AWS Account",
                },
            },
        });
        if let (Value::Object(event), Value::Object(more)) = (&mut event, more) {
            event.extend(more);
        }
        event
    }

    /// The event of an earlier run, as one of this run that closes the finding.
    fn close(&self, mut event: Value) -> Value {
        let uid = event.pointer("/finding_info/uid").and_then(Value::as_str).unwrap_or_default();
        let own = stable_id(&[&self.0.run, uid]);
        if let Some(Value::Object(metadata)) = event.get_mut("metadata") {
            metadata.insert("uid".to_owned(), own.into());
            metadata.insert("correlation_uid".to_owned(), self.0.run.clone().into());
        }
        if let Value::Object(members) = &mut event {
            members.extend([
                ("activity_id".to_owned(), 3.into()),
                ("activity_name".to_owned(), "Close".into()),
                ("type_uid".to_owned(), 200_403.into()),
                ("type_name".to_owned(), "Detection Finding: Close".into()),
                ("status_id".to_owned(), 4.into()),
                ("status".to_owned(), "Resolved".into()),
                ("is_alert".to_owned(), false.into()),
                ("time".to_owned(), self.0.report.finished.as_millisecond().into()),
            ]);
        }
        event
    }

    fn trail(&self, chain: &ChainReport, id: &str) -> Value {
        let region = chain.home_region.as_str();
        json!({
            "uid": cloud::trail_arn(self.0.report, chain).unwrap_or_else(|| id.to_owned()),
            "name": escaped(&chain.trail),
            "type": "AWS::CloudTrail::Trail",
            "cloud_partition": cloud::partition(region),
            "region": region,
        })
    }
}

fn details(reasons: Vec<(&'static str, String)>) -> Vec<String> {
    reasons.into_iter().map(|(code, text)| format!("{code}: {text}")).collect()
}

/// The technique of MITRE ATT&CK that such a finding may come from.
fn attacks(code: Code) -> Option<Value> {
    let technique = technique(code)?;
    let named = |(uid, name)| json!({"uid": uid, "name": name});
    Some(json!([{
        "tactic": {"uid": "TA0005", "name": "Defense Evasion"},
        "technique": named((technique.uid, technique.name)),
        "sub_technique": technique.sub.map(named),
    }]))
}

fn compliance(verdict: Verdict, details: Vec<String>) -> Value {
    let (status_id, status) = match verdict {
        Verdict::Verified => (1, "Pass"),
        Verdict::Incomplete => (2, "Warning"),
        Verdict::Violation => (3, "Fail"),
    };
    let standards: Vec<_> = [STANDARD].into_iter().chain(STANDARDS).collect();
    json!({
        "standards": standards,
        "requirements": REQUIREMENTS,
        "control": CONTROL,
        "status_id": status_id,
        "status": status,
        "status_code": verdict,
        "status_details": (!details.is_empty()).then_some(details),
    })
}
