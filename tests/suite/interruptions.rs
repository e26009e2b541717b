//! Gaps judged by the exact sequence of verified events of all trails.

use crate::common;
use crate::common::bag;
use crate::common::both;
#[cfg(feature = "aws")]
use crate::common::bucket;
use crate::common::trails::{ABROAD, AUDIT, WITNESS, event, found, hourly, messages, update};
use crate::common::{Report, Tree, at};
use jiff::Timestamp;

const GAP: &str = "chain-gap";

/// Events of the first trail, which it recorded itself as far as it was under way, and the
/// witness: each in a log file of its own, five minutes later.
fn record(tree: &Tree, events: &[(&str, Timestamp)], own: &[usize]) {
    for (at, (name, time)) in events.iter().enumerate() {
        let later = *time + jiff::SignedDuration::from_mins(5);
        WITNESS.log(tree, later, &[event(name, *time)]);
        if own.contains(&at) {
            AUDIT.log(tree, later, &[event(name, *time)]);
        }
    }
    WITNESS.segment(tree, &hourly(at(0, 0), at(12, 0)));
}

/// Two interruptions with a segment of two hours in between; `whole` says whether it is there.
fn twice_interrupted(whole: bool) -> Tree {
    let tree = Tree::empty();
    let events = [
        ("StopLogging", at(2, 40)),
        ("StartLogging", at(5, 2)),
        ("StopLogging", at(6, 40)),
        ("StartLogging", at(9, 2)),
    ];
    record(&tree, &events, if whole { &[0, 1, 2, 3] } else { &[0, 3] });
    AUDIT.segment(&tree, &hourly(at(0, 0), at(3, 0)));
    if whole {
        AUDIT.segment(&tree, &hourly(at(5, 0), at(7, 0)));
    }
    AUDIT.segment(&tree, &hourly(at(9, 0), at(12, 0)));
    tree
}

fn notice(start: Timestamp, end: Timestamp) -> (String, String, String) {
    ("notice".into(), start.to_string(), end.to_string())
}

fn open(start: Timestamp, end: Timestamp) -> (String, String, String) {
    ("incomplete".into(), start.to_string(), end.to_string())
}

#[test]
fn each_interruption_explains_a_gap_of_its_own() {
    for args in [&[][..], &["--trail", common::TRAIL]] {
        let report = both::verify(&twice_interrupted(true), args);
        let hours = report.hours();
        assert_eq!((report.status, hours.as_str()), (0, "PPPEEPPEEPPP"), "{:#}", report.json);
        assert_eq!(found(&report, GAP), [notice(at(3, 0), at(5, 0)), notice(at(7, 0), at(9, 0))]);
    }
}

#[test]
fn a_segment_that_is_gone_between_two_interruptions_is_not_explained_away() {
    let tree = twice_interrupted(false);
    // Of the other trail, too, where the run was not asked about it.
    let start = at(1, 0).to_string();
    for times in [&[][..], &["--start-time", &start], &["--trail", common::TRAIL]] {
        let report = both::verify(&tree, times);
        assert_eq!(report.status, 3, "{:#}", report.json);
        assert_eq!(found(&report, GAP), [open(at(3, 0), at(9, 0))]);
        let told = messages(&report, GAP);
        assert!(told.contains("a whole segment of digests may be missing"), "{told}");
    }
}

#[test]
fn the_last_digests_before_a_stop_are_a_gap_of_their_own() {
    let tree = Tree::empty();
    record(&tree, &[("StopLogging", at(4, 50)), ("StartLogging", at(9, 2))], &[1]);
    AUDIT.segment(&tree, &hourly(at(0, 0), at(2, 0)));
    AUDIT.segment(&tree, &hourly(at(9, 0), at(12, 0)));
    let report = both::verify(&tree, &[]);
    assert_eq!((report.status, report.hours().as_str()), (3, "PPGGGEEEEPPP"), "{:#}", report.json);
    assert_eq!(found(&report, GAP), [open(at(2, 0), at(4, 50)), notice(at(4, 50), at(9, 0))]);
}

#[test]
fn a_last_digest_that_is_gone_with_the_stop_is_missed() {
    let tree = Tree::empty();
    // Stopped ten minutes before the hour: the digest of the next one would list the stop.
    record(&tree, &[("StopLogging", at(2, 57)), ("StartLogging", at(9, 2))], &[1]);
    AUDIT.segment(&tree, &hourly(at(0, 0), at(3, 0)));
    AUDIT.segment(&tree, &hourly(at(9, 0), at(12, 0)));
    let report = both::verify(&tree, &[]);
    assert_eq!((report.status, found(&report, GAP)), (3, vec![open(at(3, 0), at(9, 0))]));
    let told = messages(&report, GAP);
    assert!(told.contains("the last digest before the stop may be missing"), "{told}");
}

#[test]
fn a_short_interruption_is_explained() {
    for minutes in [0, 1, 2, 5, 10, 14] {
        let tree = Tree::empty();
        let (stop, start) = (at(2, 10), at(2, 10 + minutes));
        AUDIT.log(&tree, at(2, 12), &[event("StopLogging", stop)]);
        AUDIT.log(&tree, at(2, 35), &[event("StartLogging", start)]);
        let last = [at(0, 0), at(1, 0), at(2, 0), at(2, 15)];
        AUDIT.segment(&tree, &last);
        AUDIT.segment(&tree, &hourly(at(2, 25), at(8, 25)));
        let report = both::verify(&tree, &[]);
        assert_eq!(report.status, 0, "{minutes}: {:#}", report.json);
        assert_eq!(found(&report, GAP), [notice(at(2, 15), at(2, 25))]);
    }
}

#[test]
fn a_gap_without_validation_was_recorded() {
    let tree = Tree::empty();
    AUDIT.log(&tree, at(2, 12), &[update("logFileValidationEnabled", false, at(2, 10))]);
    AUDIT.log(&tree, at(9, 12), &[update("logFileValidationEnabled", true, at(9, 10))]);
    AUDIT.segment(&tree, &hourly(at(0, 0), at(3, 0)));
    AUDIT.segment(&tree, &hourly(at(9, 0), at(12, 0)));
    let report = both::verify(&tree, &[]);
    assert_eq!((report.status, report.hours().as_str()), (0, "PPPEEEEEEPPP"), "{:#}", report.json);
    let told = messages(&report, GAP);
    assert!(told.contains("were recorded, but no digest covers their log files"), "{told}");
}

#[test]
fn a_region_that_the_trail_left_is_explained_by_its_home_region() {
    let tree = Tree::empty();
    AUDIT.log(&tree, at(2, 12), &[update("isMultiRegionTrail", false, at(2, 10))]);
    AUDIT.log(&tree, at(9, 12), &[update("isMultiRegionTrail", true, at(9, 10))]);
    AUDIT.segment(&tree, &hourly(at(0, 0), at(12, 0)));
    ABROAD.segment(&tree, &hourly(at(0, 0), at(3, 0)));
    ABROAD.segment(&tree, &hourly(at(9, 0), at(12, 0)));
    let report = both::verify(&tree, &[]);
    assert_eq!(report.status, 0, "{:#}", report.json);
    assert_eq!(found(&report, GAP), [notice(at(3, 0), at(9, 0))]);
}

/// A segment between two interruptions is gone, and one log file of the witness would show it.
fn hidden(text: impl Fn(&str) -> String) -> (Tree, String) {
    let tree = Tree::empty();
    record(&tree, &[("StopLogging", at(2, 40)), ("StartLogging", at(9, 2))], &[0, 1]);
    let between = [event("StartLogging", at(5, 2)), event("StopLogging", at(6, 40))];
    let json = serde_json::json!({ "Records": between }).to_string();
    WITNESS.log_text(&tree, at(6, 45), &text(&json));
    WITNESS.segment(&tree, &hourly(at(0, 0), at(12, 0)));
    AUDIT.segment(&tree, &hourly(at(0, 0), at(3, 0)));
    AUDIT.segment(&tree, &hourly(at(9, 0), at(12, 0)));
    (tree, WITNESS.log_key(at(6, 45)))
}

fn is_open(report: &Report, said: &str) {
    assert_eq!((report.status, found(report, GAP)), (3, vec![open(at(3, 0), at(9, 0))]), "{said}");
    let told = messages(report, GAP);
    assert!(told.contains(said), "{told}");
}

#[test]
fn a_log_file_that_cannot_be_parsed_to_its_end_may_hold_one_more_event() {
    let (tree, _) = hidden(|json| json.replacen("[{", "[{\"eventName\":1,\"eventName\":2},{", 1));
    is_open(&both::verify(&tree, &[]), "could not be read again");
}

#[cfg(feature = "aws")]
#[test]
fn a_log_file_that_cannot_be_read_again_may_hold_one_more_event() {
    use crate::common::server::Fault;
    let (tree, key) = hidden(str::to_owned);
    for fault in [Fault::Status(403, "AccessDenied"), Fault::Status(404, "NoSuchKey")] {
        let server = bucket::bucket_of(&tree);
        server.fault_after(1, &key, fault);
        is_open(&bucket::check_bucket(&server, 12, &[]), "could not be read again");
    }
}

#[cfg(unix)]
#[test]
fn what_was_not_checked_may_hold_one_more_event() {
    // Its digest lists it, and it cannot be opened.
    let (tree, key) = hidden(str::to_owned);
    tree.remove(&key);
    std::os::unix::fs::symlink("nowhere", tree.path(&key)).unwrap();
    let report = tree.verify(&[]);
    assert_eq!(report.status, 3, "{:#}", report.json);
    assert_eq!(found(&report, GAP), [open(at(3, 0), at(9, 0))]);
    let told = messages(&report, GAP);
    assert!(told.contains("not that it was the only one"), "{told}");
}

#[test]
fn a_bag_of_one_trail_holds_what_another_recorded_of_it() {
    for (whole, status, verdict) in [(true, 0, "verified"), (false, 3, "incomplete")] {
        let bag = bag::Bag::of(&twice_interrupted(whole), &["--trail", common::TRAIL]);
        assert_eq!(bag.status, status, "{}", bag.err);
        let checked = bag.check(&[]);
        assert_eq!(checked.json["reverified"]["verdict"], verdict, "{:#}", checked.json);
        assert_eq!(checked.json["differences"], serde_json::json!([]), "{:#}", checked.json);
        assert_eq!(checked.status, status, "{:#}", checked.json);
    }
}
