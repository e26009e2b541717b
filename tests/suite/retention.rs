//! What a lifecycle rule leaves: the losses at the old end of a chain, and the start that leaves
//! them out.

use crate::common;
use crate::common::both;
use crate::common::trails::{ABROAD, AUDIT, Trail, hourly, messages};
use crate::common::{Report, Tree, at};
use jiff::Timestamp;

const SHAPE: &str = "loss-pattern";

/// A chain whose digests end at a minute of the hour, with log files every ten minutes; whatever
/// was written before midnight has expired.
fn expire(tree: &Tree, trail: Trail, minute: i64) {
    let cuts = hourly(at(20, minute), at(32, minute));
    let logs: Vec<_> = (0..72).map(|n| at(20, minute + 3 + n * 10)).collect();
    logs.iter().for_each(|time| trail.log(tree, *time, &[]));
    trail.segment(tree, &cuts);
    let midnight = at(24, 0);
    for time in logs.iter().filter(|time| **time < midnight) {
        tree.remove(&trail.log_key(*time));
    }
    for end in cuts[1..].iter().filter(|end| **end < midnight) {
        tree.remove(&trail.digest_key(*end));
    }
}

/// The start that the notices on losses give for all chains, and what a run with it comes to.
fn with_the_start_that_is_given(tree: &Tree, report: &Report) -> (Timestamp, Report) {
    let end = report.json["scope"]["end"].as_str().unwrap();
    let told = messages(report, SHAPE);
    let times = told.match_indices("--start-time ").chain(told.match_indices("(with "));
    let time = |(at, lead): (usize, &str)| -> Timestamp {
        let rest = &told[at + lead.len()..];
        rest.split_whitespace().next().unwrap().parse().unwrap()
    };
    let start = times.map(time).max().unwrap_or_else(|| panic!("{told} {:#}", report.json));
    (start, both::verify(tree, &["--start-time", &start.to_string(), "--end-time", end]))
}

#[test]
fn the_oldest_digest_lists_what_expired_before_it() {
    let tree = Tree::empty();
    expire(&tree, AUDIT, 50);
    let report = both::verify(&tree, &[]);
    assert_eq!(report.status, 1);
    let (start, again) = with_the_start_that_is_given(&tree, &report);
    assert_eq!((start, again.status), (at(24, 50), 0), "{:#}", again.json);
    assert!(again.findings().is_empty(), "{:#}", again.json);
}

#[test]
fn the_first_screen_says_how_to_proceed() {
    let tree = Tree::empty();
    expire(&tree, AUDIT, 50);
    let (root, keys) = (tree.root().to_str().unwrap(), tree.keys.to_str().unwrap());
    let ran = common::trailseal(&["verify", root, "--keys", keys, "--no-progress"]);
    assert_eq!(ran.status, 1);
    let screen: Vec<_> = ran.out.lines().take(6).flat_map(str::split_whitespace).collect();
    let screen = screen.join(" ");
    assert!(screen.contains("--start-time 2026-03-02T00:50:00Z"), "{}", ran.out);
}

#[test]
fn one_log_file_or_one_digest_is_enough() {
    let sealed = Tree::sealed();
    sealed.remove(&common::log_key(0));
    let report = both::verify(&sealed, &[]);
    let (start, again) = with_the_start_that_is_given(&sealed, &report);
    assert_eq!((report.status, start, again.status), (1, at(1, 0), 0), "{:#}", again.json);
    let sealed = Tree::sealed();
    sealed.remove(&common::digest_key(1));
    let report = both::verify(&sealed, &[]);
    let (start, again) = with_the_start_that_is_given(&sealed, &report);
    assert_eq!((report.status, start, again.status), (1, at(1, 0), 0), "{:#}", again.json);
}

#[test]
fn one_start_serves_all_chains() {
    let tree = Tree::empty();
    expire(&tree, AUDIT, 10);
    expire(&tree, ABROAD, 50);
    let report = both::verify(&tree, &["--end-time", &at(32, 10).to_string()]);
    assert_eq!(report.status, 1);
    let (start, again) = with_the_start_that_is_given(&tree, &report);
    assert_eq!((start, again.status), (at(24, 50), 0), "{:#}", again.json);
}

#[test]
fn what_no_single_cut_explains_has_no_such_shape() {
    // The oldest two that are left, of which the older one stays.
    let gone = |times: &[i64]| {
        let tree = Tree::empty();
        expire(&tree, AUDIT, 50);
        times.iter().for_each(|minute| tree.remove(&AUDIT.log_key(at(24, *minute))));
        both::verify(&tree, &[])
    };
    assert!(messages(&gone(&[3]), SHAPE).contains("log file"));
    for minutes in [&[33][..], &[53], &[3, 43], &[183]] {
        let report = gone(minutes);
        assert_eq!(report.status, 1);
        let told = messages(&report, SHAPE);
        assert!(!told.contains("log file"), "{minutes:?}: {told}");
    }
}
