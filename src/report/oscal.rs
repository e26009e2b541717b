//! The report as OSCAL assessment results (NIST), for governance tools that collect evidence.
//!
//! One result for the run: an inventory item for each chain, an observation for the run, for each
//! chain and for each finding, and one finding: whether what the run saw speaks for or against
//! AU-9 a of NIST SP 800-53 (audit information is protected from modification and deletion). It is
//! `satisfied` only where the verdict is verified; what could not be checked is `not-satisfied`
//! with the reason `other`. The controls that ask for such a check (AU-9(3), AU-10(2), SI-7(1)) are
//! listed as reviewed: a violation that was detected is no evidence against them, so no finding is
//! made of them.
//!
//! The assessment plan is whatever the command line asked for; it stands in the back matter. All
//! UUIDs follow from the report: the same report gives the same file, and chains, findings and
//! sources keep theirs from run to run.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::chain_verdicts::ChainVerdicts;
use super::finding_text::{chain_reasons, escaped, finding_facts, truncated};
use super::run::INTERRUPTED;
use super::stable_id::{finding_ids, report_id, scope_id, stable_id};
use super::wording::{chain_time, counts, log_files, statement, title};
use super::{ChainReport, RunReport, Verdict, json};
use crate::verify::{Finding, Severity};

/// The version of OSCAL that the file keeps to.
const VERSION: &str = "1.2.1";
/// The namespace of this program's properties; a name, not an address that answers.
const NAMESPACE: &str = "https://trailseal.invalid/ns/oscal";
/// Most bytes of a value, which most tools show in one line.
const LINE: usize = 1024;
const CATALOG: &str = "NIST SP 800-53 Revision 5";
const CONTROLS: [&str; 4] = ["au-9", "au-9.3", "au-10.2", "si-7.1"];
const STATEMENT: &str = "au-9_smt.a";
const RESERVATION: &str = "This applies only to the log files and digests in scope and to the requested time. Whether the control is in place is for the assessor to decide.";

/// Writes the report.
///
/// # Errors
/// When the output cannot be written.
pub fn render(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    let results = Results {
        report,
        verdicts: ChainVerdicts::new(report),
        names: finding_ids(report),
        run: report_id(report)?,
    };
    json::render(&results.document(), out)
}

struct Results<'a> {
    report: &'a RunReport,
    verdicts: ChainVerdicts<'a>,
    /// A name for each finding.
    names: Vec<String>,
    /// The name of this very report.
    run: String,
}

/// A UUID that follows from these texts. It has the form of version 5, which is all that the format
/// takes beside random ones, though its bits come from SHA-256.
fn uuid(parts: &[&str]) -> String {
    let hex = stable_id(parts);
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-5{}-a{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

/// A text in one line; the format takes none that is blank.
fn line(text: &str) -> String {
    let text = truncated(text.trim(), LINE).replace('\n', " ");
    if text.is_empty() { "-".to_owned() } else { text }
}

fn prop(name: &str, value: &str) -> Value {
    json!({"name": name, "ns": NAMESPACE, "value": line(value)})
}

impl Results<'_> {
    /// The UUID of something in this very report.
    fn own(&self, kind: &str, name: &str) -> String {
        uuid(&[kind, &self.run, name])
    }

    fn item(chain: &ChainReport) -> String {
        uuid(&["chain", &chain.id.to_string()])
    }

    fn document(&self) -> Value {
        let report = self.report;
        let plan = uuid(&["plan", &scope_id(report)]);
        let sources: Vec<_> = report.scope.sources.iter().map(|source| escaped(source)).collect();
        let operator = report.ran_by.operator.as_deref().map(|name| (uuid(&["party", name]), name));
        let mut metadata = json!({
            "title": "Integrity of CloudTrail logs",
            "last-modified": report.finished,
            "version": self.run,
            "oscal-version": VERSION,
            "props": [
                prop("tool", &escaped(&report.tool.name)),
                prop("tool-version", &escaped(&report.tool.version)),
            ],
        });
        if let (Value::Object(metadata), Some((id, name))) = (&mut metadata, operator) {
            metadata.insert("roles".into(), json!([{"id": "assessor", "title": "Assessor"}]));
            let name = line(&escaped(name));
            let party = json!([{"uuid": id, "type": "person", "name": name}]);
            metadata.insert("parties".into(), party);
            let responsible = json!([{"role-id": "assessor", "party-uuids": [id]}]);
            metadata.insert("responsible-parties".into(), responsible);
        }
        let mut asked_for: Vec<_> = sources.iter().map(|source| prop("source", source)).collect();
        let scope = &report.scope;
        for (name, list) in
            [("account", &scope.accounts), ("region", &scope.regions), ("trail", &scope.trails)]
        {
            asked_for.extend(list.iter().map(|value| prop(name, &escaped(value))));
        }
        for (name, time) in [("start", scope.start), ("end", scope.end)] {
            asked_for.extend(time.map(|time| prop(name, &time.to_string())));
        }
        asked_for.push(prop("logs", if scope.logs { "checked" } else { "not-checked" }));
        json!({"assessment-results": {
            "uuid": self.own("results", ""),
            "metadata": metadata,
            "import-ap": {"href": format!("#{plan}")},
            "results": [self.result()],
            "back-matter": {"resources": [{
                "uuid": plan,
                "title": "Scope of the run",
                "description": format!("trailseal verify {}", line(&sources.join(" "))),
                "props": asked_for,
            }]},
        }})
    }

    fn result(&self) -> Value {
        let report = self.report;
        let controls: Vec<_> = CONTROLS.iter().map(|id| json!({"control-id": id})).collect();
        let not_proven: Vec<_> = report.not_proven.iter().map(|text| escaped(text)).collect();
        let mut result = json!({
            "uuid": self.own("result", ""),
            "title": format!("CloudTrail integrity: {}", report.verdict),
            "description": capitalised(&statement(report)),
            "start": report.started,
            "end": report.finished,
            "props": [
                prop("verdict", report.verdict.as_str()),
                prop("exit-status", &report.exit_status.to_string()),
                prop("digests", &counts(&report.totals.digests)),
                prop("log-files", &log_files(report)),
                prop("chain-time", &chain_time(report)),
            ],
            "reviewed-controls": {
                "description": format!("Controls of {CATALOG} that require what the run checks."),
                "control-selections": [{"include-controls": controls}],
            },
            "observations": self.observations(),
            "findings": [self.finding()],
        });
        let Value::Object(members) = &mut result else { return result };
        if !report.chains.is_empty() {
            let items: Vec<_> = report.chains.iter().map(|chain| self.inventory(chain)).collect();
            members.insert("local-definitions".into(), json!({"inventory-items": items}));
        }
        if !not_proven.is_empty() {
            let text = format!("What this run does not show:\n- {}", not_proven.join("\n- "));
            members.insert("remarks".into(), text.into());
        }
        result
    }

    fn inventory(&self, chain: &ChainReport) -> Value {
        let bucket = chain.bucket.as_ref().map(|bucket| prop("bucket", bucket.as_str()));
        let props = [
            prop("chain", &chain.id.to_string()),
            prop("account", chain.account.as_str()),
            prop("region", chain.region.as_str()),
            prop("trail", &escaped(&chain.trail)),
        ];
        json!({
            "uuid": Self::item(chain),
            "description": format!("Digests and log files of {}", title(&chain.id)),
            "props": props.into_iter().chain(bucket).collect::<Vec<_>>(),
        })
    }

    fn observations(&self) -> Vec<Value> {
        let report = self.report;
        let chains = report.chains.iter().map(|chain| self.of_chain(chain));
        let findings = report.findings.iter().zip(&self.names);
        let findings = findings.map(|(finding, name)| self.of_finding(finding, name));
        [self.of_run()].into_iter().chain(chains).chain(findings).collect()
    }

    /// Common fields of every observation, plus `more`.
    fn observation(&self, id: &str, title: &str, text: &str, more: Value) -> Value {
        let mut observation = json!({
            "uuid": id,
            "title": line(title),
            "description": text,
            "methods": ["TEST"],
            "collected": self.report.finished,
        });
        if let (Value::Object(all), Value::Object(more)) = (&mut observation, more) {
            all.extend(more);
        }
        observation
    }

    fn of_run(&self) -> Value {
        let report = self.report;
        let interrupted = match report.exit_status {
            INTERRUPTED => "The run was interrupted. ",
            _ => "",
        };
        let text = format!("{interrupted}{}", capitalised(&statement(report)));
        let props = json!({"props": [prop("verdict", report.verdict.as_str())]});
        self.observation(&self.own("observation", "run"), "The run as a whole", &text, props)
    }

    fn of_chain(&self, chain: &ChainReport) -> Value {
        let verdict = self.verdicts.standing(chain);
        let reasons = chain_reasons(&self.verdicts, chain);
        let why: String =
            reasons.iter().map(|(code, text)| format!("\n- {code}: {text}")).collect();
        let text = format!(
            "{}: {verdict}. Digests: {}. Log files: {}.{why}",
            capitalised(&title(&chain.id)),
            counts(&chain.digests),
            counts(&chain.logs)
        );
        let more = json!({
            "props": [prop("verdict", verdict.as_str())],
            "subjects": [{"subject-uuid": Self::item(chain), "type": "inventory-item"}],
        });
        let id = self.own("observation", &chain.id.to_string());
        self.observation(&id, &format!("Chain of {}", title(&chain.id)), &text, more)
    }

    fn of_finding(&self, finding: &Finding, name: &str) -> Value {
        let facts = finding_facts(finding);
        let evidence: Vec<_> = facts
            .iter()
            .map(|(label, fact)| {
                let label = if label.is_empty() { "in" } else { label };
                json!({"description": format!("{label}: {fact}")})
            })
            .collect();
        let listed = finding.chain.as_ref().and_then(|id| {
            self.report.chains.iter().any(|chain| chain.id == *id).then(|| id.to_string())
        });
        let mut more = json!({
            "props": [
                prop("code", finding.code.as_str()),
                prop("severity", finding.severity.as_str()),
                prop("remedy", finding.code.remedy_of(finding.severity)),
            ],
            "types": ["finding"],
        });
        if let Value::Object(more) = &mut more {
            if let Some(id) = listed {
                let subject = json!([{
                    "subject-uuid": uuid(&["chain", &id]), "type": "inventory-item",
                }]);
                more.insert("subjects".into(), subject);
            }
            if !evidence.is_empty() {
                more.insert("relevant-evidence".into(), json!(evidence));
            }
        }
        let title = format!("{} ({})", finding.code.as_str(), finding.severity.as_str());
        let text = escaped(&finding.message);
        let text = if text.trim().is_empty() { finding.code.meaning() } else { &*text };
        self.observation(&uuid(&["finding", name]), &title, text, more)
    }

    fn finding(&self) -> Value {
        let report = self.report;
        let (state, reason) = match report.verdict {
            Verdict::Verified => ("satisfied", "pass"),
            Verdict::Violation => ("not-satisfied", "fail"),
            Verdict::Incomplete => ("not-satisfied", "other"),
        };
        let findings = report.findings.iter().zip(&self.names);
        let weighing = findings.filter(|(finding, _)| finding.severity > Severity::Notice);
        let related = weighing.map(|(_, name)| uuid(&["finding", name]));
        let related: Vec<_> = [self.own("observation", "run")]
            .into_iter()
            .chain(related)
            .map(|id| json!({"observation-uuid": id}))
            .collect();
        json!({
            "uuid": uuid(&["objective", &scope_id(report)]),
            "title": "Audit information is protected from modification and deletion",
            "description": capitalised(&statement(report)),
            "target": {
                "type": "statement-id",
                "target-id": STATEMENT,
                "status": {"state": state, "reason": reason, "remarks": RESERVATION},
            },
            "related-observations": related,
        })
    }
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_have_the_form_that_the_format_takes() {
        let id = uuid(&["a", "b"]);
        let lengths: Vec<_> = id.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!((id.as_bytes()[14], id.as_bytes()[19]), (b'5', b'a'));
        assert_ne!(id, uuid(&["a", "c"]));
    }

    #[test]
    fn no_line_is_blank_or_two() {
        assert_eq!([line(" "), line(" a\nb ")], ["-", "a b"]);
    }
}
