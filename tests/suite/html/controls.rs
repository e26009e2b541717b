//! What a run offers to controls, and the certification.

use std::collections::BTreeMap;

use trailseal::internals::model::Printable;
use trailseal::internals::report::controls::{Aspect, Control, Controls, Support};
use trailseal::internals::report::{RunReport, Verdict};
use trailseal::internals::verify::{Code, CoverageState, Finding};

use super::samples::{HOSTILE, incomplete, violation};
use super::{escaped, page, sample};

fn supports(report: &RunReport) -> Vec<(Vec<Aspect>, Support, String)> {
    let controls = Controls::load().unwrap();
    let offers = controls.offers(report).into_iter();
    offers.map(|o| (o.control.aspects.clone(), o.support, o.statement)).collect()
}

/// A report that leaves nothing open.
fn complete() -> RunReport {
    let mut report = sample("verified");
    report.ran_by.operator = Some("Internal audit".into());
    report
}

#[test]
fn a_verified_run_supports_every_control() {
    for (aspects, support, statement) in supports(&complete()) {
        assert_eq!(support, Support::Supports, "{aspects:?}");
        assert!(statement.starts_with("This run supports it: "), "{statement}");
    }
}

#[test]
fn what_a_run_leaves_open_makes_support_partial_and_is_named() {
    type Change = fn(&mut RunReport);
    let cases: [(Aspect, Change, &str); 7] = [
        (Aspect::LogIntegrity, |r| r.scope.logs = false, "log files were not checked"),
        (
            Aspect::LogIntegrity,
            |r| r.totals.logs.listed.unchecked = 1,
            "some log files were not checked",
        ),
        (
            Aspect::DigestSignatures,
            |r| r.totals.digests.unchecked = 1,
            "some digests were not checked",
        ),
        (
            Aspect::Coverage,
            |r| r.totals.coverage_seconds = [(CoverageState::Explained, 3600)].into(),
            "only explained",
        ),
        (Aspect::KeyProvenance, |r| r.keys[0].region = None, "of a used key"),
        (Aspect::KeyProvenance, |r| r.keys.clear(), "of a used key"),
        (Aspect::Custody, |r| r.ran_by.operator = None, "who ran it is not stated"),
    ];
    for (aspect, change, why) in cases {
        let mut report = complete();
        change(&mut report);
        for (aspects, support, statement) in supports(&report) {
            if aspects.contains(&aspect) {
                assert_eq!(support, Support::InPart, "{aspect:?} {statement}");
                assert!(statement.starts_with("This run supports it in part: "));
                assert!(statement.contains(why), "{statement}");
            } else {
                assert_eq!(support, Support::Supports, "{aspect:?} {statement}");
            }
        }
    }
}

#[test]
fn other_verdicts_support_in_part_or_not_at_all() {
    for (_, support, statement) in supports(&incomplete()) {
        assert_eq!(support, Support::InPart);
        assert!(statement.contains("something could not be checked"));
    }
    for (_, support, statement) in supports(&sample("nothing-found")) {
        assert_eq!(
            (support, &*statement),
            (Support::Nothing, "This run proved nothing, so it does not support it.",)
        );
    }
}

/// What was found speaks for a control that has to detect it, against one that has to prevent it, and
/// says nothing about the others.
#[test]
fn a_violation_speaks_in_the_direction_of_each_control() {
    use Support::{Against, Nothing, Supports};
    let controls = Controls::load().unwrap();
    let directions = |codes: &[Code]| -> BTreeMap<String, (Support, String)> {
        let mut report = complete();
        report.verdict = Verdict::Violation;
        report.findings = codes.iter().map(|code| Finding::new(*code, "Something.")).collect();
        let offers = controls.offers(&report).into_iter();
        offers.map(|o| (o.control.id.clone(), (o.support, o.statement))).collect()
    };
    let altered = directions(&[Code::LogModified, Code::LogModified, Code::LogUncovered]);
    for (id, expected) in [
        ("CCC.AuditLog.CN01.AR01", Supports),
        ("CCC.AuditLog.CN01.AR02", Nothing),
        ("SI-7(1)", Supports),
        ("SI-7(6)", Supports),
        ("10.3.4", Supports),
        ("AU-9", Against),
        ("AU-9(3)", Against),
        ("A.8.15", Against),
        ("Annex, 3.2.5", Against),
        ("164.312(b)", Nothing),
        ("A.5.28", Nothing),
        ("3.2", Nothing),
    ] {
        let (support, statement) = &altered[id];
        assert_eq!(*support, expected, "{id}: {statement}");
        let named = statement.contains("log-modified (2)");
        assert_eq!(named, expected != Nothing, "{id}: {statement}");
    }
    let deleted = directions(&[Code::LogMissing]);
    for (id, expected) in [
        ("CCC.AuditLog.CN01.AR01", Nothing),
        ("CCC.AuditLog.CN01.AR02", Supports),
        ("SI-7(6)", Nothing),
        ("AU-9", Against),
        ("AU-9(3)", Nothing),
        ("164.312(b)", Against),
    ] {
        assert_eq!(deleted[id].0, expected, "{id}: {}", deleted[id].1);
    }
}

/// A certification is a text to sign, and no control.
#[test]
fn the_certification_is_not_among_the_controls() {
    let controls = Controls::load().unwrap();
    assert!(controls.controls.iter().all(|control| control.id != controls.certification.id));
}

#[test]
fn every_control_is_on_the_page_with_its_source() {
    let shown = page(&violation());
    for Control { id, title, asks, source, .. } in Controls::load().unwrap().controls {
        for text in [&id, &title, &asks, &source.title, &source.version] {
            assert!(shown.contains(&escaped(text)), "{text}");
        }
        assert!(shown.contains(&format!("<a href=\"{}\" rel=", source.url)), "{}", source.url);
    }
}

#[test]
fn the_certification_is_filled_once_and_keeps_its_blanks() {
    let certification = Controls::load().unwrap().certification;
    let text = certification.fill(&complete()).join("\n");
    for known in [
        "trailseal 0.0.0-test computed the SHA-256",
        "3 chains in evidence/2023-07, time: 2023-07-10T00:00:00Z to 2023-07-11T00:00:00Z",
        "from 2023-07-12T08:00:00.25Z to 2023-07-12T08:00:03.5Z (UTC)",
        "operator: Internal audit.",
        "The result was VERIFIED: ",
    ] {
        assert!(text.contains(known), "{known}\n{text}");
    }
    assert!(text.contains("I, ____________________ (name)"));
    assert!(!text.contains(['{', '}']), "{text}");
    // What is filled in is not filled in again, and is safe to show.
    let mut report = violation();
    report.ran_by.operator = Some(format!("{{verdict}}{HOSTILE}"));
    report.scope.logs = false;
    let text = certification.fill(&report).join("\n");
    assert!(text.contains(&format!("operator: {{verdict}}{}", Printable(HOSTILE))));
    assert!(text.contains("not certified as authentic"));
    assert!(text.contains("The log files themselves were not checked"));
}
