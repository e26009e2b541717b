//! Findings, assessments and attestations made of a report: who reads them sees every code, and the
//! names in them last from run to run.

use std::collections::BTreeSet;

use serde_json::Value;
use sha2::{Digest, Sha256};
use trailseal::internals::model::AccountId;
use trailseal::internals::report::run::INTERRUPTED;
use trailseal::internals::report::text::TextOptions;
use trailseal::internals::report::{Format, RunReport, Verdict};
use trailseal::internals::verify::{Code, CoverageState, Finding, Severity};

use crate::common::samples::{all, incomplete, report, violation};

fn bytes(report: &RunReport, format: Format) -> Vec<u8> {
    let mut out = Vec::new();
    format.render(report, &mut out, TextOptions::default()).unwrap();
    out
}

fn parsed(report: &RunReport, format: Format) -> Value {
    serde_json::from_slice(&bytes(report, format)).unwrap()
}

fn texts<'a>(values: impl IntoIterator<Item = &'a Value>) -> Vec<String> {
    values.into_iter().map(|value| value.as_str().unwrap().to_owned()).collect()
}

/// Nothing was found of an account that was asked for: no chain speaks of it.
fn nothing(key: &str) -> RunReport {
    let absent = Finding::new(Code::NoDigests, "No digests were found of account 444455556666.")
        .object(Some("audit-logs"), key);
    report(violation().chains[..1].to_vec(), vec![absent])
}

#[test]
fn what_belongs_to_no_chain_is_described_with_its_code_and_object() {
    let key = "AWSLogs/444455556666/";
    let mut report = nothing(key);
    report.exit_status = INTERRUPTED;

    let asff = parsed(&report, Format::Asff);
    let reasons = asff[0]["Compliance"]["StatusReasons"].as_array().unwrap();
    let codes = texts(reasons.iter().map(|reason| &reason["ReasonCode"]));
    assert_eq!(codes, ["incomplete", "interrupted", "no-digests"]);
    assert!(reasons[2]["Description"].as_str().unwrap().ends_with(&format!("({key})")));
    assert!(asff[0]["Description"].as_str().unwrap().contains("no-digests: No digests"));
    let own = &asff[2];
    assert_eq!(own["ProductFields"]["trailseal/code"], "no-digests");
    assert_eq!(own["ProductFields"]["trailseal/key"], key);
    assert_eq!(own["Severity"]["Label"], "MEDIUM");

    let ocsf = parsed(&report, Format::Ocsf);
    let details = texts(ocsf[0]["compliance"]["status_details"].as_array().unwrap());
    assert!(details[0].starts_with("interrupted: ") && details[1].starts_with("no-digests: "));
    let own = &ocsf[2];
    assert_eq!((&own["class_uid"], &own["severity_id"]), (&2004.into(), &3.into()));
    assert_eq!(own["unmapped"]["code"], "no-digests");
    assert_eq!(own["resources"][0]["name"], key);
    assert_eq!(own["is_alert"], false);
}

#[test]
fn the_finding_of_a_run_keeps_its_name_and_its_account() {
    let of = |report: &RunReport| {
        let asff = parsed(report, Format::Asff)[0].clone();
        let uid = parsed(report, Format::Ocsf)[0]["finding_info"]["uid"].clone();
        (asff["Id"].clone(), asff["CreatedAt"].clone(), asff["ProductArn"].clone(), uid)
    };
    let first = of(&violation());
    // The sources in another order and spelling, an hour later, with nothing found any more.
    let mut earlier = violation();
    earlier.scope.sources = vec!["s3://b/".into(), "copy".into()];
    let mut later = earlier.clone();
    later.scope.sources = vec!["copy/".into(), "s3://b".into()];
    later.finished += jiff::SignedDuration::from_hours(1);
    later.findings.clear();
    assert_eq!(of(&earlier), of(&later));
    assert_ne!(of(&earlier).0, first.0);
    // What was asked for decides, before whatever account comes first.
    let mut managed = violation();
    managed.scope.management_account = Some(AccountId::parse("999988887777").unwrap());
    assert!(of(&managed).2.as_str().unwrap().contains(":999988887777:product/"));
    managed.scope.accounts = vec!["555566667777".into()];
    assert!(of(&managed).2.as_str().unwrap().contains(":555566667777:product/"));
    for finding in parsed(&violation(), Format::Asff).as_array().unwrap() {
        let (created, updated) = (&finding["CreatedAt"], &finding["UpdatedAt"]);
        assert!(created.as_str().unwrap() < updated.as_str().unwrap(), "{created}");
    }
}

/// What Security Hub and a security lake are told of findings that were open before.
fn closed(report: &RunReport, earlier: &RunReport) -> (BTreeSet<String>, BTreeSet<String>) {
    let of = |format: Format| -> Vec<Value> {
        let mut out = Vec::new();
        format.render_since(report, Some(earlier), &mut out, TextOptions::default()).unwrap();
        serde_json::from_slice(&out).unwrap()
    };
    let asff = of(Format::Asff).into_iter().filter(|f| f["RecordState"] == "ARCHIVED");
    let ocsf = of(Format::Ocsf).into_iter().filter(|e| e["activity_id"] == 3);
    let ids = |all: Vec<Value>, at: &str| -> BTreeSet<String> {
        texts(all.iter().map(|value| value.pointer(at).unwrap())).into_iter().collect()
    };
    (ids(asff.collect(), "/Id"), ids(ocsf.collect(), "/finding_info/uid"))
}

#[test]
fn only_what_a_later_run_proves_is_repaired() {
    let earlier = violation();
    let mut later = earlier.clone();
    later.finished += jiff::SignedDuration::from_hours(1);
    later.findings.clear();
    for chain in &mut later.chains {
        for interval in &mut chain.coverage {
            (interval.state, interval.reason) = (CoverageState::Proven, None);
        }
    }
    later.verdict = Verdict::Verified;
    later.exit_status = 0;
    let ids = |report: &RunReport, format, at: &str, own: &str| -> BTreeSet<String> {
        let all = parsed(report, format);
        let ids = texts(all.as_array().unwrap().iter().map(|value| value.pointer(at).unwrap()));
        ids.into_iter().filter(|id| id.contains(own)).collect()
    };
    let open = (
        ids(&earlier, Format::Asff, "/Id", "finding/"),
        ids(&earlier, Format::Ocsf, "/finding_info/uid", "finding-"),
    );
    assert_eq!(open.0.len(), 4);
    assert_eq!(closed(&later, &earlier), open);
    for value in ["ARCHIVED", "PASSED"] {
        let mut out = Vec::new();
        let options = TextOptions::default();
        Format::Asff.render_since(&later, Some(&earlier), &mut out, options).unwrap();
        assert!(String::from_utf8(out).unwrap().contains(value));
    }
    // What was found again, could not be checked again, or was not asked again stays open.
    let nothing = (BTreeSet::new(), BTreeSet::new());
    assert_eq!(closed(&earlier, &earlier), nothing);
    let changes: [fn(&mut RunReport); 5] = [
        |r| r.exit_status = INTERRUPTED,
        |r| r.scope.sources = vec!["elsewhere".into()],
        |r| r.finished -= jiff::SignedDuration::from_hours(2),
        |r| r.chains.clear(),
        |r| {
            let intervals = r.chains.iter_mut().flat_map(|chain| &mut chain.coverage);
            intervals.for_each(|interval| interval.state = CoverageState::Unreadable);
        },
    ];
    for (at, change) in changes.iter().enumerate() {
        let mut report = later.clone();
        change(&mut report);
        assert_eq!(closed(&report, &earlier), nothing, "{at}");
    }
    let mut unread = later.clone();
    unread.scope.logs = false;
    assert_eq!(closed(&unread, &earlier).0.len(), 1, "the digest alone");
}

#[test]
fn techniques_and_requirements_are_named_where_they_fit() {
    let mut stopped = violation();
    let truncated = Finding::new(Code::ChainTruncated, "The newest digest ends too early.");
    stopped.findings.push(truncated.chain(&stopped.chains[0].id));
    let ocsf = parsed(&stopped, Format::Ocsf);
    let attack = |code: &str| {
        let all = ocsf.as_array().unwrap();
        let event = all.iter().find(|event| event["unmapped"]["code"] == code).unwrap();
        event["finding_info"]["attacks"][0].clone()
    };
    let removal = attack("log-missing");
    assert_eq!(removal["technique"]["uid"], "T1070");
    assert!(removal["sub_technique"].is_null());
    assert_eq!(attack("chain-truncated")["sub_technique"]["uid"], "T1562.008");
    let asff = parsed(&stopped, Format::Asff);
    let types: BTreeSet<_> = asff
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|f| texts(f["Types"].as_array().unwrap()))
        .collect();
    assert!(types.contains("TTPs/Defense Evasion/T1070"), "{types:?}");
    assert!(types.contains("TTPs/Defense Evasion/T1562.008"), "{types:?}");
    let related = texts(asff[0]["Compliance"]["RelatedRequirements"].as_array().unwrap());
    assert!(related.contains(&"NIST.800-53.r5 AU-9".to_owned()), "{related:?}");
    assert!(related.len() <= 32 && related.iter().all(|text| text.len() <= 64));
    let standards = texts(ocsf[0]["compliance"]["standards"].as_array().unwrap());
    assert!(standards.contains(&"PCI DSS v4.0.1".to_owned()), "{standards:?}");
}

#[test]
fn an_assessment_is_satisfied_by_a_verified_run_alone_and_refers_to_what_it_holds() {
    for (name, report) in all() {
        let document = parsed(&report, Format::Oscal)["assessment-results"].clone();
        let result = &document["results"][0];
        let target = &result["findings"][0]["target"];
        let status = match report.verdict {
            Verdict::Verified => ("satisfied", "pass"),
            Verdict::Violation => ("not-satisfied", "fail"),
            Verdict::Incomplete => ("not-satisfied", "other"),
        };
        let seen = (&target["status"]["state"], &target["status"]["reason"]);
        assert_eq!(seen, (&status.0.into(), &status.1.into()), "{name}");
        let observations = result["observations"].as_array().unwrap();
        assert_eq!(observations.len(), 1 + report.chains.len() + report.findings.len(), "{name}");
        let ids: BTreeSet<_> = texts(observations.iter().map(|o| &o["uuid"])).into_iter().collect();
        assert_eq!(ids.len(), observations.len(), "{name}");
        let related = result["findings"][0]["related-observations"].as_array().unwrap();
        let related = texts(related.iter().map(|related| &related["observation-uuid"]));
        let weighs = report.findings.iter().filter(|f| f.severity > Severity::Notice).count();
        assert_eq!(related.len(), weighs + 1, "{name}");
        assert!(related.iter().all(|id| ids.contains(id)), "{name}");
        let items = result["local-definitions"]["inventory-items"].as_array();
        assert_eq!(items.map_or(0, Vec::len), report.chains.len(), "{name}");
        let plan = document["import-ap"]["href"].as_str().unwrap();
        let resource = document["back-matter"]["resources"][0]["uuid"].as_str().unwrap();
        assert_eq!(plan, format!("#{resource}"), "{name}");
    }
}

#[test]
fn an_attestation_s_subject_is_the_report_to_the_byte_and_nothing_incomplete_has_passed() {
    let mut stopped = incomplete();
    stopped.exit_status = INTERRUPTED;
    for (name, report) in all().into_iter().chain([("interrupted", stopped)]) {
        let statement = parsed(&report, Format::InToto);
        assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
        let hash = hex::encode(Sha256::digest(bytes(&report, Format::Json)));
        assert_eq!(statement["subject"][0]["digest"]["sha256"], *hash, "{name}");
        let predicate = &statement["predicate"];
        let verified = report.verdict == Verdict::Verified;
        assert_eq!(predicate["result"], if verified { "PASSED" } else { "FAILED" }, "{name}");
        let tests = |list: &str| texts(predicate[list].as_array().unwrap());
        let (passed, failed) = (tests("passedTests"), tests("failedTests"));
        assert_eq!(failed.is_empty(), verified, "{name}");
        assert_eq!(passed.contains(&"verdict".to_owned()), verified, "{name}");
        assert!(tests("warnedTests").is_empty(), "{name}");
        for chain in &report.chains {
            let (id, bad) = (chain.id.to_string(), |f: &&Finding| f.severity > Severity::Notice);
            let found = report.findings.iter().filter(bad);
            if found.clone().any(|f| f.chain.as_ref() == Some(&chain.id)) {
                assert!(failed.contains(&id), "{name}: {id}");
            }
            assert!(failed.contains(&id) != passed.contains(&id), "{name}: {id}");
        }
    }
    let failed = parsed(&incomplete(), Format::InToto)["predicate"]["failedTests"].clone();
    assert!(texts(failed.as_array().unwrap()).contains(&"no-digests".to_owned()));
}
