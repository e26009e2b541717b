//! Problems: findings of one cause are counted together, in the report and on its first screen.

use std::fs;

use crate::common::samples::{all, many, violation};
use crate::common::{
    ACCOUNT, HOURS, REGION, Report, Tree, at, backfill_key, digest_key, log_key, log_key_at,
    objects, trailseal,
};
use serde_json::Value;
use trailseal::internals::report::text::TextOptions;
use trailseal::internals::report::{Format, RunReport, problems, summary};
use trailseal::internals::verify::{Code, Finding, Severity};

/// The problems of a report: code, number of findings and of chains.
fn of(report: &Report) -> Vec<(String, u64, u64)> {
    let list = report.json["problems"].as_array().unwrap();
    let count = |problem: &Value, name: &str| problem[name].as_u64().unwrap();
    let row =
        |p: &Value| (p["code"].as_str().unwrap().to_owned(), count(p, "count"), count(p, "chains"));
    list.iter().map(row).collect()
}

fn text(tree: &Tree, args: &[&str]) -> String {
    let (root, keys) = (tree.root().to_str().unwrap(), tree.keys.to_str().unwrap());
    trailseal(&[&["verify", root, "--keys", keys], args].concat()).out
}

#[test]
fn digests_deleted_in_a_row_are_one_problem_and_others_are_further_ones() {
    let tree = Tree::sealed();
    for end in [2, 3, 4, 7] {
        tree.remove(&digest_key(end));
    }
    let report = tree.verify(&[]);
    let missing: Vec<_> = of(&report).into_iter().filter(|p| p.0 == "digest-missing").collect();
    assert_eq!(missing, [("digest-missing".to_owned(), 3, 1), ("digest-missing".to_owned(), 1, 1)]);
    let first = &report.json["problems"][0];
    assert_eq!(first["start"], at(1, 0).to_string());
    assert_eq!(first["end"], at(4, 0).to_string());
    assert_eq!(report.findings().iter().filter(|f| f["code"] == "digest-missing").count(), 4);
    let text = text(&tree, &[]);
    let row = "  1  digest-missing (3)  111122223333  us-east-1  audit_trail.v1  2026-03-01 01:00 to 04:00 UTC";
    assert!(text.lines().any(|line| line == row), "{text}");
}

#[test]
fn a_copy_without_its_log_files_is_one_problem_that_names_the_option() {
    let tree = Tree::sealed();
    fs::remove_dir_all(tree.path(&format!("AWSLogs/{ACCOUNT}/CloudTrail"))).unwrap();
    let report = tree.verify(&[]);
    let logs = objects().iter().filter(|key| key.contains("/CloudTrail/")).count() as u64;
    assert_eq!(of(&report), [("log-missing".to_owned(), logs, 1)]);
    let next = report.json["problems"][0]["remedy"].as_str().unwrap();
    assert!(next.contains("--no-logs"), "{next}");
    // One that is there shows that the others were meant to be.
    let tree = Tree::sealed();
    (1..=HOURS).filter(|hour| ![2, 3].contains(hour)).for_each(|hour| {
        let _ = fs::remove_file(tree.path(&log_key(hour)));
    });
    let next = tree.verify(&[]).json["problems"][0]["message"].to_string();
    assert!(!next.contains("None of"), "{next}");
    // Nor where those that are there are altered.
    tree.write(&log_key(2), b"x");
    tree.write(&log_key(3), b"x");
    let problems = tree.verify(&[]).json["problems"].to_string();
    assert!(
        !problems.contains("None of") && !problems.contains("a copy of digests only"),
        "{problems}"
    );
}

#[test]
fn a_wrong_bucket_is_one_problem_that_names_the_right_one() {
    let tree = Tree::sealed();
    let report = tree.verify(&["--bucket", "another-bucket"]);
    let moved: Vec<_> = of(&report).into_iter().filter(|p| p.0 == "digest-moved").collect();
    assert_eq!(moved, [("digest-moved".to_owned(), HOURS.into(), 1)]);
    let problem = &report.json["problems"].as_array().unwrap()[0];
    assert!(problem["remedy"].as_str().unwrap().contains("--bucket audit-logs"), "{problem}");
}

#[test]
fn the_newest_digest_of_a_plain_copy_names_the_end_that_is_verified() {
    let tree = Tree::sealed();
    tree.lose_all_metadata();
    let report = tree.verify(&[]);
    assert_eq!((report.status, of(&report)), (3, vec![("digest-unsigned".to_owned(), 1, 1)]));
    let next = report.json["problems"][0]["remedy"].as_str().unwrap();
    let end = at(i64::from(HOURS) - 1, 0).to_string();
    assert!(next.contains(&format!("--end-time {end}")), "{next}");
    assert_eq!(tree.verify(&["--end-time", &end]).status, 0, "what it says holds");
    // Not where something else is open too.
    tree.remove(&log_key(2));
    let report = tree.verify(&[]);
    let unsigned = report.json["problems"].as_array().unwrap();
    let unsigned = unsigned.iter().find(|p| p["code"] == "digest-unsigned").unwrap();
    assert!(!unsigned["remedy"].as_str().unwrap().contains("--end-time"), "{unsigned}");
}

/// No end leaves a backfill digest out, as it may list log files of any time: none is named.
#[test]
fn the_newest_backfill_digest_of_a_plain_copy_is_part_of_the_same_problem() {
    let tree = Tree::sealed();
    tree.write_log(&log_key_at(at(2, 45), "CloudTrail", "EEEEEEEEEEEEEEEE"));
    tree.seal(i64::from(HOURS) + 1).unwrap();
    for key in [digest_key(HOURS + 1), backfill_key(HOURS + 1)] {
        fs::remove_file(tree.sidecar(&key)).unwrap();
    }
    let report = tree.verify(&[]);
    assert_eq!((report.status, of(&report)), (3, vec![("digest-unsigned".to_owned(), 2, 2)]));
    let problem = &report.json["problems"][0];
    let said = problem["message"].as_str().unwrap();
    assert!(said.starts_with("The newest digests of 2 chains have no signature here."), "{said}");
    assert!(!problem["remedy"].as_str().unwrap().contains("--end-time"), "{problem}");
    assert_eq!(tree.verify(&["--end-time", &at(8, 0).to_string()]).status, 3);
}

#[test]
fn keys_of_a_region_that_are_lacking_are_one_problem() {
    let tree = Tree::sealed();
    assert_eq!(of(&tree.verify(&[])), []);
    let others = tree.root().with_extension("others");
    assert_eq!(trailseal(&["keys", "generate", others.to_str().unwrap()]).status, 0);
    fs::copy(others.join("public-keys.json"), &tree.keys).unwrap();
    let report = tree.verify(&[]);
    let keys: Vec<_> = of(&report).into_iter().filter(|p| p.0 == "digest-key-unknown").collect();
    assert_eq!(keys, [("digest-key-unknown".to_owned(), HOURS.into(), 1)], "{:?}", of(&report));
    let next = report.json["problems"].to_string();
    assert!(next.contains(&format!("--region {REGION} ")) && !next.contains("REGION"), "{next}");
    fs::remove_dir_all(others).unwrap();
}

#[test]
fn every_finding_that_weighs_is_in_one_problem_and_the_worst_come_first() {
    for report in all().into_iter().map(|(_, report)| report).chain([many()]) {
        let problems = problems(&report);
        for severity in [Severity::Violation, Severity::Incomplete] {
            let findings = report.findings.iter().filter(|f| f.severity == severity).count() as u64;
            let of: u64 = problems.iter().filter(|p| p.severity == severity).map(|p| p.count).sum();
            assert_eq!(of, findings);
        }
        let weights: Vec<_> = problems.iter().map(|p| std::cmp::Reverse(p.severity)).collect();
        assert!(weights.is_sorted());
    }
}

#[test]
fn a_report_that_is_read_again_has_the_problems_of_its_findings() {
    let tree = Tree::sealed();
    tree.remove(&log_key(2));
    let saved = tree.root().parent().unwrap().join("run.json");
    let mut report = tree.verify(&[]).json;
    let stated = report["problems"].clone();
    assert_eq!(stated.as_array().unwrap().len(), 1);
    // Somebody leaves them out.
    report["problems"] = serde_json::json!([]);
    let decoded =
        trailseal::internals::report::RunReport::decode(report.to_string().as_bytes()).unwrap();
    let mut out = Vec::new();
    Format::Json.render(&decoded, &mut out, Default::default()).unwrap();
    let again: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(again["problems"], stated);
    assert!(!saved.exists());
}

#[test]
fn the_first_screen_fits_eighty_columns() {
    let tree = Tree::sealed();
    tree.remove(&log_key(2));
    tree.change(&digest_key(5), |bytes| bytes.push(0));
    let report = tree.verify(&[]).json.to_string();
    let report = trailseal::internals::report::RunReport::decode(report.as_bytes()).unwrap();
    for width in [60, 80, 120] {
        let mut out = Vec::new();
        let options = trailseal::internals::report::text::TextOptions { color: false, width };
        Format::Text.render(&report, &mut out, options).unwrap();
        let text = String::from_utf8(out).unwrap();
        let first = text.split("Findings in full").next().unwrap();
        let longest = first.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= width, "{width}: {longest}\n{first}");
        let first = first.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(first.contains(REGION) && first.contains("VIOLATION: 2 problems in 1 of 1 chain"));
    }
}

fn rendered(report: &RunReport, format: Format, width: usize) -> String {
    let (mut out, options) = (Vec::new(), TextOptions { color: false, width });
    format.render(report, &mut out, options).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn the_table_of_chains_has_the_digests_at_eighty_columns() {
    let head = |report: &RunReport, width| {
        let text = rendered(report, Format::Text, width);
        let head = text.lines().find(|line| line.trim_start().starts_with("account  ")).unwrap();
        assert!(head.len() <= width, "{width}: {head}");
        (head.split_whitespace().collect::<Vec<_>>().join(" "), text)
    };
    let (wide, _) = head(&violation(), 120);
    assert_eq!(wide, "account region trail proven digests log files state");
    // The one trail's name stands above the table.
    let (narrow, text) = head(&violation(), 80);
    assert_eq!(narrow, "account region proven digests log files state");
    assert!(text.contains("  trail  management_events\n  account "), "{text}");
    let (narrowest, _) = head(&violation(), 60);
    assert_eq!(narrowest, "account region proven logs state");
    // Of two trails, each row names its own.
    let mut two = violation();
    two.chains[0].trail = "another_trail".into();
    assert!(head(&two, 80).0.contains("region trail proven"));
}

#[test]
fn the_table_of_accounts_fits_sixty_columns() {
    for (width, columns) in [(60, "chains proven digests"), (120, "chains regions proven pending")]
    {
        let text = rendered(&many(), Format::Text, width);
        let table = text.split_once("Verified chains, by account").unwrap().1;
        let table = table.split_once("Scope").unwrap().0;
        let lines: Vec<_> = table.lines().filter(|line| line.starts_with("  ")).collect();
        assert!(lines.len() > 90 && lines.iter().all(|line| line.len() <= width), "{table}");
        assert!(lines.iter().all(|line| line.len() == lines[0].len()), "{table}");
        let head = lines[0].split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(head.starts_with(&format!("account {columns}")), "{head}");
    }
}

#[test]
fn what_to_do_is_said_once() {
    let text = rendered(&many(), Format::Text, 100);
    let first = text.split("Findings in full").next().unwrap();
    assert_eq!(first.matches("Next: Find out who deleted it").count(), 1, "{first}");
    assert_eq!(first.matches("Next: as for 1.").count(), 19, "{first}");
}

#[test]
fn a_verified_headline_names_what_was_left_out_and_what_no_digest_vouches_for() {
    let (_, mut report) = all().into_iter().find(|(name, _)| *name == "verified").unwrap();
    report.findings.clear();
    let said = |report: &RunReport| {
        let line = summary::headline(report);
        for format in [Format::Text, Format::Html, Format::Markdown] {
            let page = rendered(report, format, 400);
            let rest = line.split_once(": ").unwrap().1;
            assert!(page.contains(&rest[1..]), "{}: {line}\n{page}", format.as_str());
        }
        assert!(line.starts_with("VERIFIED: 3 chains, "), "{line}");
        line.split_once(" proven").unwrap().1.to_owned()
    };
    assert_eq!(said(&report), " (97.9%)");
    report.scope.excluded_accounts = vec!["444455556666".into()];
    assert!(said(&report).ends_with("; 1 account excluded"));
    report.scope.excluded_regions = vec!["eu-west-3".into(), "us-west-1".into()];
    assert!(said(&report).ends_with("; 1 account excluded; 2 regions excluded"));
    let notice = |code| Finding::new(code, "One.").severity(Severity::Notice);
    let codes = [Code::LogUnreferenced, Code::LogUncovered, Code::ObjectUnknown, Code::GzipHeader];
    report.findings = codes.map(notice).to_vec();
    assert!(said(&report).ends_with(
        "; 2 regions excluded; 1 unlisted log file; 1 group of uncovered log files; 1 unknown object"
    ));
}

#[test]
fn log_files_beside_a_missing_digest_name_it() {
    let tree = Tree::sealed();
    tree.remove(&digest_key(5));
    let report = tree.verify(&[]);
    let uncovered = report.findings().iter().find(|f| f["code"] == "log-uncovered").unwrap();
    assert_eq!(uncovered["referenced_by"], digest_key(5));
}

#[test]
fn a_chain_of_which_a_log_file_was_not_checked_is_not_called_verified() {
    let (_, mut report) = all().into_iter().find(|(name, _)| *name == "verified").unwrap();
    report.chains[0].logs.unchecked = 1;
    let finding =
        Finding::new(Code::ObjectUnreadable, "1 log file belongs to days that are not here.");
    let report = crate::common::samples::report(report.chains, vec![finding]);
    let mut out = Vec::new();
    Format::Text.render(&report, &mut out, Default::default()).unwrap();
    let text = String::from_utf8(out).unwrap();
    let table = text.split("This run does not show").next().unwrap();
    assert_eq!(table.matches("  INCOMPLETE\n").count(), 1, "{table}");
}

#[test]
fn chains_that_end_in_the_same_hour_are_one_problem() {
    let (_, report) = all().into_iter().find(|(name, _)| *name == "verified").unwrap();
    let ids: Vec<_> = report.chains.iter().map(|chain| chain.id.clone()).collect();
    let [one, other, ..] = &ids[..] else { panic!("two chains") };
    let problems_of = |ends: [(i64, i64); 2]| {
        let ended = ends.iter().zip([one, other]).map(|((hour, minute), chain)| {
            let time = trailseal::internals::model::Window::new(at(*hour, *minute), at(30, 0));
            Finding::new(Code::ChainTruncated, "It ends.").chain(chain).window(time)
        });
        let findings = ended.collect();
        problems(&crate::common::samples::report(report.chains.clone(), findings))
    };
    let [together] = &problems_of([(5, 17), (5, 42)])[..] else { panic!("one problem") };
    assert_eq!((together.count, together.chains), (2, 2));
    let between = format!("2 chains end between {} and {}", at(5, 17), at(5, 42));
    assert!(together.message.starts_with(&between), "{}", together.message);
    assert_eq!(problems_of([(5, 17), (9, 42)]).len(), 2);
}

#[test]
fn places_without_digests_are_problems_of_their_own() {
    let (_, report) = all().into_iter().find(|(name, _)| *name == "verified").unwrap();
    let none = |account: &str| Finding::new(Code::NoDigests, format!("None of account {account}."));
    let report = crate::common::samples::report(report.chains, vec![none("1"), none("2")]);
    assert_eq!(problems(&report).len(), 2);
}
