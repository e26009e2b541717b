//! Log files of a trail without validation beside one with it: told of once, and what they weigh
//! is for whoever runs this to say.

use std::fs;

use crate::common::{ACCOUNT, HOURS, Report, Tree, at, log_key_at, scratch};
use serde_json::Value;

/// So many log files an hour that no digest lists, in these hours.
fn beside(hours: &[i64], each: i64) -> Tree {
    let tree = Tree::sealed();
    for hour in hours {
        for n in 0..each {
            let unique = format!("{n:016}").replace('0', "B");
            tree.write_log(&log_key_at(at(*hour, 5 + 5 * (n % 9)), "CloudTrail", &unique));
        }
    }
    tree
}

fn all() -> Vec<i64> {
    (0..i64::from(HOURS) - 1).collect()
}

fn found(report: &Report) -> Vec<(&str, &str)> {
    let text = |v: &'_ Value| -> &'static str { Box::leak(v.as_str().unwrap().to_owned().into()) };
    report.findings().iter().map(|f| (text(&f["code"]), text(&f["severity"]))).collect()
}

#[test]
fn many_and_regular_ones_are_one_finding_on_their_folder() {
    let report = beside(&all(), 9).verify(&[]);
    assert_eq!((report.status, found(&report)), (1, vec![("log-unreferenced", "violation")]));
    let finding = &report.findings()[0];
    assert_eq!(finding["key"], format!("AWSLogs/{ACCOUNT}/"));
    assert!(finding["message"].as_str().unwrap().starts_with("No digest lists 63 log files"));
    assert_eq!(finding["start"], at(0, 5).to_string());
    assert_eq!(report.count("logs", "unreferenced"), 63);
}

#[test]
fn few_or_irregular_ones_are_a_finding_each() {
    for (hours, each, number) in [(all(), 7, 49), (vec![1, 2, 4, 5, 6], 10, 50)] {
        let report = beside(&hours, each).verify(&[]);
        assert_eq!((report.status, found(&report).len()), (1, number));
        assert!(report.findings().iter().all(|f| f["key"].as_str().unwrap().ends_with(".gz")));
    }
}

#[test]
fn whoever_runs_it_says_what_they_weigh() {
    for each in [1, 9] {
        let tree = beside(&all(), each);
        let notice = tree.verify(&["--unreferenced", "notice"]);
        assert_eq!((notice.status, notice.hours().as_str()), (0, "PPPPPPPP"));
        assert!(found(&notice).iter().all(|f| *f == ("log-unreferenced", "notice")));
        let ignored = tree.verify(&["--unreferenced", "ignore"]);
        assert_eq!((ignored.status, found(&ignored)), (0, vec![]));
        assert_eq!(ignored.count("logs", "unreferenced"), 7 * each as u64);
        let said = format!("Whether {} log files that no digest lists", 7 * each);
        assert!(ignored.json["not_proven"].to_string().contains(&said));
    }
}

#[test]
fn each_of_them_is_a_line_of_the_objects() {
    let tree = beside(&all(), 9);
    let folder = scratch();
    let lines = folder.path().join("objects.ndjson");
    tree.verify(&["--objects", lines.to_str().unwrap()]);
    let text = fs::read_to_string(lines).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let unlisted: Vec<_> = lines.filter(|l| l["code"] == "log-unreferenced").collect();
    assert_eq!(unlisted.len(), 63);
    assert!(unlisted.iter().all(|l| l["result"] == "invalid" && l["referenced_by"].is_null()));
}
