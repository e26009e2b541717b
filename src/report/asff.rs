//! The report in the AWS Security Finding Format, for Security Hub: a JSON array, as
//! `aws securityhub batch-import-findings --findings file://FILE` takes it.
//!
//! One finding for the run as a whole, one for each chain (`Compliance.Status` is `PASSED` for
//! verified, `FAILED` for a violation, `NOT_AVAILABLE` for what is incomplete), one for each
//! violation, and one for each thing that could not be checked and belongs to no chain. Their Ids
//! are the same from run to run, so that a later import brings them up to date. `CreatedAt` is the
//! start of the time that a finding is about, and stays with it; of what has no time, it is when the
//! run ended.
//!
//! What an earlier run found and this one shows to be repaired (`report --previous`) is there too, its
//! `RecordState` `ARCHIVED`.
//!
//! An import takes 100 findings at most, of one account and region, whose default product must be
//! that of the caller:
//! `jq -c 'group_by(.ProductArn)[] | range(0; length; 100) as $i | .[$i:$i + 100]' FILE` gives what
//! to import, a batch a line. Where nothing tells of an account (nothing was found, and none asked
//! for) it is 000000000000, which nobody can import: say which account is meant (`--account`).
//!
//! Texts are shown with all that steers escaped, and cut where the format limits them; what was cut
//! says so.

use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::finding_set::{FindingSet, PartForm, REQUIREMENTS, technique};
use super::finding_text::{chain_reasons, describe_finding, escaped, truncated};
use super::stable_id::{scope_id, stable_id};
use super::wording::{statement, title};
use super::{ChainReport, RunReport, Verdict, cloud};
use crate::model::BucketName;
use crate::verify::{CoverageState, Finding};

// The limits of the format, held in bytes: none counts less than a byte for a character.
const TITLE: usize = 256;
const DESCRIPTION: usize = 1024;
const ID: usize = 512;
const RECOMMENDATION: usize = 512;
const FIELD: usize = 2048;
/// Most bytes of a reason. Not documented; Security Hub's own reasons stay below it.
const REASON: usize = 512;

/// Writes the report.
///
/// # Errors
/// When the output cannot be written.
pub fn render(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    render_since(report, None, out)
}

/// Writes the report, and as `ARCHIVED` what an earlier run found and this one shows to be
/// repaired.
///
/// # Errors
/// When the output cannot be written.
pub fn render_since(
    report: &RunReport,
    earlier: Option<&RunReport>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let findings = AsffWriter(FindingSet::new(report)?);
    let mut closed = Vec::new();
    if let Some(earlier) = earlier {
        let before = AsffWriter(FindingSet::new(earlier)?);
        for (finding, name) in findings.0.repaired(&before.0) {
            let mut value = before.of_finding(finding, &name);
            if let Value::Object(members) = &mut value {
                members.insert("RecordState".to_owned(), "ARCHIVED".into());
                members.insert("UpdatedAt".to_owned(), json!(report.finished));
            }
            closed.push(value);
        }
    }
    findings.0.write(out, &findings, &closed)
}

struct AsffWriter<'a>(FindingSet<'a>);

/// Variable members of a finding.
struct FindingFields<'a> {
    /// `run`, `chain`, or a code.
    generator: &'a str,
    name: &'a str,
    account: &'a str,
    region: &'a str,
    verdict: Verdict,
    created: Timestamp,
    /// The classifier of a technique.
    technique: Option<&'static str>,
    title: &'a str,
    description: &'a str,
    /// The next step.
    remedy: Option<&'a str>,
    resources: Vec<Value>,
    /// Reasons for the status; `None` if it is not a check.
    reasons: Option<Vec<(&'static str, String)>>,
    fields: Vec<(&'static str, Option<String>)>,
}

impl PartForm for AsffWriter<'_> {
    fn of_run(&self) -> Value {
        let report = self.0.report;
        let (account, region) = cloud::home(report);
        let verdict = report.verdict;
        let sources = escaped(&report.scope.sources.join(" "));
        let mut reasons = self.0.reasons_of_run();
        if verdict != Verdict::Verified {
            reasons.insert(0, (verdict.as_str(), statement(report)));
        }
        let why: String = reasons.iter().skip(1).map(|(c, text)| format!(" {c}: {text}")).collect();
        self.finding(FindingFields {
            generator: "run",
            name: &format!("run/{}", scope_id(report)),
            account: &account,
            region: &region,
            verdict,
            title: &format!("CloudTrail integrity of the whole run: {verdict}"),
            description: &format!("{sources}: {}{why}", statement(report)),
            created: self.0.since_all(),
            technique: None,
            remedy: None,
            resources: vec![json!({
                "Type": "AwsAccount", "Id": format!("AWS::::Account:{account}"),
            })],
            reasons: Some(reasons),
            fields: vec![
                ("trailseal/exit_status", Some(report.exit_status.to_string())),
                ("trailseal/sources", Some(sources.clone())),
                ("trailseal/chains", Some(report.totals.chains.to_string())),
            ],
        })
    }

    fn of_chain(&self, chain: &ChainReport) -> Value {
        let verdict = self.0.verdicts.standing(chain);
        let id = chain.id.to_string();
        let title = format!("CloudTrail integrity of {}: {verdict}", title(&chain.id));
        let reasons = chain_reasons(&self.0.verdicts, chain);
        let why: String = reasons.iter().map(|(code, text)| format!(" {code}: {text}")).collect();
        let remedy = self.0.remedy(chain);
        let start = chain.coverage.first().map(|i| i.window.start.to_string());
        let end = chain.coverage.last().map(|i| i.window.end.to_string());
        self.finding(FindingFields {
            generator: "chain",
            name: &format!("chain/{}", stable_id(&[&id])),
            account: chain.account.as_str(),
            region: chain.region.as_str(),
            verdict,
            title: &title,
            description: &format!("{title}.{why}"),
            created: self.0.since(chain),
            technique: None,
            remedy,
            resources: self.resources(chain, &id),
            reasons: Some(reasons),
            fields: vec![
                ("trailseal/chain", Some(id)),
                ("trailseal/start", start),
                ("trailseal/end", end),
            ],
        })
    }

    fn of_finding(&self, finding: &Finding, name: &str) -> Value {
        let (account, region) = cloud::home_of(self.0.report, finding);
        let code = finding.code;
        let text = |text: &Option<String>| text.as_deref().map(escaped);
        let time = |time: Option<jiff::Timestamp>| time.map(|t| t.to_string());
        let chain = finding.chain.as_ref().map(ToString::to_string);
        let title = match &finding.chain {
            Some(chain) => format!("{}: {}", code.as_str(), title(chain)),
            None => code.as_str().to_owned(),
        };
        self.finding(FindingFields {
            generator: code.as_str(),
            name: &format!("finding/{name}"),
            account: &account,
            region: &region,
            verdict: Verdict::of([finding], [CoverageState::Proven]),
            created: self.0.not_later(finding.start.or(finding.end)),
            technique: technique(code).map(|t| t.sub.map_or(t.uid, |(uid, _)| uid)),
            title: &title,
            description: &describe_finding(finding),
            remedy: Some(code.remedy_of(finding.severity)),
            resources: vec![object(finding, chain.as_deref(), &region)],
            reasons: None,
            fields: vec![
                ("trailseal/code", Some(code.as_str().to_owned())),
                ("trailseal/chain", chain),
                ("trailseal/bucket", text(&finding.bucket)),
                ("trailseal/key", text(&finding.key)),
                ("trailseal/start", time(finding.start)),
                ("trailseal/end", time(finding.end)),
                ("trailseal/expected", text(&finding.expected)),
                ("trailseal/actual", text(&finding.actual)),
                ("trailseal/referenced_by", text(&finding.referenced_by)),
            ],
        })
    }
}

impl AsffWriter<'_> {
    fn finding(&self, about: FindingFields<'_>) -> Value {
        let FindingFields { generator, name, account, region, verdict, .. } = about;
        let partition = cloud::partition(region);
        let (label, status) = match verdict {
            Verdict::Verified => ("INFORMATIONAL", "PASSED"),
            Verdict::Incomplete => ("MEDIUM", "NOT_AVAILABLE"),
            Verdict::Violation => ("HIGH", "FAILED"),
        };
        let severity = json!({"Label": label, "Original": verdict});
        let kind = match (&about.reasons, verdict) {
            (None, Verdict::Violation) => "Unusual Behaviors/Data",
            _ => "Software and Configuration Checks/AWS Security Best Practices",
        };
        let technique = about.technique.map(|uid| format!("TTPs/Defense Evasion/{uid}"));
        let types: Vec<_> = [kind.to_owned()].into_iter().chain(technique).collect();
        let compliance = about.reasons.map(|reasons| {
            let reasons: Vec<_> = reasons
                .into_iter()
                .map(|(code, text)| {
                    json!({"ReasonCode": code, "Description": required_text(&text, code, REASON)})
                })
                .collect();
            json!({
                "Status": status,
                "StatusReasons": (!reasons.is_empty()).then_some(reasons),
                "RelatedRequirements": REQUIREMENTS,
            })
        });
        let own = [("trailseal/run", Some(self.0.run.clone()))];
        let fields = about.fields.into_iter().chain(own).filter_map(|(name, value)| {
            let value = value.filter(|value| !value.trim().is_empty())?;
            Some((name.to_owned(), Value::String(truncated(&value, FIELD))))
        });
        let remedy = about.remedy.map(|text| truncated(text, RECOMMENDATION));
        json!({
            "SchemaVersion": "2018-10-08",
            "Id": format!("trailseal/{name}"),
            "ProductArn": format!(
                "arn:{partition}:securityhub:{region}:{account}:product/{account}/default"
            ),
            "GeneratorId": format!("trailseal/{generator}"),
            "AwsAccountId": account,
            "Types": types,
            "CreatedAt": about.created,
            "UpdatedAt": self.0.report.finished,
            "LastObservedAt": self.0.report.finished,
            "Severity": severity,
            "FindingProviderFields": {"Severity": severity, "Types": types},
            "Title": required_text(about.title, generator, TITLE),
            "Description": required_text(about.description, about.title, DESCRIPTION),
            "Remediation": remedy.map(|text| json!({"Recommendation": {"Text": text}})),
            "ProductFields": fields.collect::<serde_json::Map<_, _>>(),
            "Resources": about.resources,
            "Compliance": compliance,
            "RecordState": "ACTIVE",
        })
    }

    fn resources(&self, chain: &ChainReport, id: &str) -> Vec<Value> {
        let region = chain.home_region.as_str();
        let trail = match cloud::trail_arn(self.0.report, chain) {
            Some(arn) => resource("AwsCloudTrailTrail", &arn, region),
            None => resource("Other", id, region),
        };
        let bucket = chain.bucket.as_ref().map(|bucket| {
            let arn = cloud::s3_arn(cloud::partition(region), bucket.as_str(), None);
            resource("AwsS3Bucket", &arn, region)
        });
        [trail].into_iter().chain(bucket).collect()
    }
}

/// Resource that a finding is about: the object, where its ARN fits; else its bucket, else its
/// chain.
fn object(finding: &Finding, chain: Option<&str>, region: &str) -> Value {
    let bucket = finding.bucket.as_deref().filter(|bucket| BucketName::parse(bucket).is_ok());
    let Some(bucket) = bucket else {
        let id = finding.key.as_deref().map(escaped).or(chain.map(str::to_owned));
        return resource("Other", &required_text(&id.unwrap_or_default(), "trailseal", ID), region);
    };
    let partition = cloud::partition(region);
    let key = finding.key.as_deref().filter(|key| escaped(key) == **key);
    let arn = key.map(|key| cloud::s3_arn(partition, bucket, Some(key)));
    match arn.filter(|arn| arn.len() <= ID) {
        Some(arn) => resource("AwsS3Object", &arn, region),
        None => resource("AwsS3Bucket", &cloud::s3_arn(partition, bucket, None), region),
    }
}

fn resource(kind: &str, id: &str, region: &str) -> Value {
    // The format knows no other by this name.
    let partition = Some(cloud::partition(region));
    let partition = partition.filter(|p| matches!(*p, "aws" | "aws-cn" | "aws-us-gov"));
    json!({"Type": kind, "Id": truncated(id, ID), "Partition": partition, "Region": region})
}

/// A text within a limit; the format takes none that is blank.
fn required_text(text: &str, instead: &str, limit: usize) -> String {
    truncated(if text.trim().is_empty() { instead } else { text }, limit)
}
