//! The report as an in-toto Statement with a test-result predicate, for policies over attestations.
//!
//! The statement is not signed: sign it (DSSE) with the tool that the policy trusts. Its subject is
//! the JSON report: the SHA-256 hash is that of what `--format json` writes, to the byte, so that
//! whoever holds both can check one with the other.
//!
//! The tests are `verdict`, one for each chain, named by its id, and one for each code that was
//! found of no chain in particular. What is incomplete has failed, because a policy may let pass
//! what is WARNED; a notice changes nothing, so nothing is ever WARNED. `configuration` holds the
//! sources, with what was asked for, and the public keys that were used.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::chain_verdicts::ChainVerdicts;
use super::finding_text::escaped;
use super::json_util::without_nulls;
use super::problems::WithProblems;
use super::stable_id::{HashWriter, scope_id};
use super::{KeyReport, RunReport, Verdict, json};
use crate::verify::Severity;

const STATEMENT: &str = "https://in-toto.io/Statement/v1";
const PREDICATE: &str = "https://in-toto.io/attestation/test-result/v0.1";

/// Writes the report.
///
/// # Errors
/// When the output cannot be written.
pub fn render(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    let verdicts = ChainVerdicts::new(report);
    let (mut passed, mut failed) = (Vec::new(), Vec::new());
    let mut test = |name: String, verdict: Verdict| match verdict {
        Verdict::Verified => passed.push(name),
        Verdict::Violation | Verdict::Incomplete => failed.push(name),
    };
    test("verdict".to_owned(), report.verdict);
    for chain in &report.chains {
        test(chain.id.to_string(), verdicts.standing(chain));
    }
    let weighs = verdicts.elsewhere().filter(|finding| finding.severity > Severity::Notice);
    let codes: BTreeSet<_> = weighs.map(|finding| finding.code).collect();
    for code in codes {
        test(code.as_str().to_owned(), Verdict::Violation);
    }
    let result = match report.verdict {
        Verdict::Verified => "PASSED",
        Verdict::Violation | Verdict::Incomplete => "FAILED",
    };
    let statement = json!({
        "_type": STATEMENT,
        "subject": [{
            "name": "run.json",
            "mediaType": "application/json",
            "digest": {"sha256": hash(report)?},
            "annotations": {
                "schema": report.schema,
                "verdict": report.verdict,
                "exit_status": report.exit_status,
                "started": report.started,
                "finished": report.finished,
                "tool": format!("{} {}", escaped(&report.tool.name), escaped(&report.tool.version)),
            },
        }],
        "predicateType": PREDICATE,
        "predicate": {
            "result": result,
            "configuration": configuration(report),
            "passedTests": passed,
            "warnedTests": [],
            "failedTests": failed,
        },
    });
    json::render(&without_nulls(statement), out)
}

/// The SHA-256 hash of the JSON report, as that format writes it.
fn hash(report: &RunReport) -> io::Result<String> {
    let mut hashed = HashWriter::default();
    json::render(&WithProblems::of(report), &mut hashed)?;
    Ok(hashed.0.finish().to_string())
}

fn configuration(report: &RunReport) -> Vec<Value> {
    let scope = &report.scope;
    let list = |list: &[String]| list.iter().map(|text| escaped(text)).collect::<Vec<_>>();
    let request = json!({
        "name": format!("request {}", scope_id(report)),
        "annotations": {
            "sources": list(&scope.sources),
            "accounts": list(&scope.accounts),
            "regions": list(&scope.regions),
            "trails": list(&scope.trails),
            "start": scope.start,
            "end": scope.end,
            "logs": scope.logs,
        },
    });
    let key = |key: &KeyReport| {
        json!({
            "name": format!("public key {}", key.fingerprint),
            "annotations": {"region": key.region, "source": escaped(&key.source)},
        })
    };
    let keys = report.keys.iter().filter(|key| key.used).map(key);
    [request].into_iter().chain(keys).collect()
}
