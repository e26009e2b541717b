//! Chains that ended on purpose: by a verified event, or as an auditor accepts.

use crate::common::bag;
use crate::common::both;
#[cfg(feature = "aws")]
use crate::common::bucket;
use crate::common::trails::{ABROAD, AUDIT, WITNESS, event, found, hourly, messages, update};
use crate::common::{ACCOUNT, REGION, Report, TRAIL, Tree, at};
use jiff::Timestamp;
use serde_json::Value;

const CUT: &str = "chain-truncated";

/// A chain of three hours that ends with these events, in a log file of its own.
fn ended(events: &[Value]) -> Tree {
    let tree = Tree::empty();
    AUDIT.log(&tree, at(2, 50), events);
    AUDIT.segment(&tree, &hourly(at(0, 0), at(3, 0)));
    tree
}

fn stopped() -> Tree {
    ended(&[event("StopLogging", at(2, 45))])
}

/// Adds another trail that goes on until noon and records these events.
fn witnessed(tree: Tree, events: &[(&str, Timestamp)]) -> Tree {
    for (name, time) in events {
        let later = *time + jiff::SignedDuration::from_mins(5);
        WITNESS.log(&tree, later, &[event(name, *time)]);
    }
    WITNESS.segment(&tree, &hourly(at(0, 0), at(12, 0)));
    tree
}

fn until_noon(tree: &Tree, more: &[&str]) -> Report {
    let end = at(12, 0).to_string();
    both::verify(tree, &[&["--end-time", &end], more].concat())
}

fn cut(severity: &str, start: Timestamp, end: Timestamp) -> (String, String, String) {
    (severity.into(), start.to_string(), end.to_string())
}

fn accept(time: Timestamp) -> String {
    format!("--accept-end={ACCOUNT}/{REGION}/{TRAIL}@{time}=ticket 4711")
}

fn acceptance(report: &Report) -> (&Value, &Value) {
    let accepted = &report.json["scope"]["accepted_ends"][0];
    (&accepted["reason"], &accepted["used"])
}

#[test]
fn a_chain_that_a_verified_event_ended_is_not_cut_off() {
    for event in [
        event("StopLogging", at(2, 45)),
        event("DeleteTrail", at(2, 45)),
        update("logFileValidationEnabled", false, at(1, 45)),
    ] {
        let tree = ended(std::slice::from_ref(&event));
        let report = until_noon(&tree, &[]);
        let name = event["eventName"].as_str().unwrap();
        assert_eq!((report.status, report.hours().as_str()), (3, "PPPGGGGGGGGG"), "{name}");
        assert_eq!(found(&report, CUT), [cut("incomplete", at(3, 0), at(12, 0))]);
        let told = messages(&report, CUT);
        for said in [name, "user/ops from 192.0.2.7", "--accept-end"] {
            assert!(told.contains(said), "{said}: {told}");
        }
    }
}

#[test]
fn an_event_that_ends_nothing_explains_no_end() {
    let mut failed = event("StopLogging", at(2, 45));
    failed["errorCode"] = "AccessDenied".into();
    let mut other = event("StopLogging", at(2, 45));
    other["requestParameters"]["name"] = "another".into();
    for events in [
        vec![],
        vec![failed],
        vec![other],
        vec![event("StartLogging", at(2, 45))],
        vec![update("isMultiRegionTrail", false, at(2, 45))],
        vec![event("StopLogging", at(2, 45)), event("StartLogging", at(2, 47))],
    ] {
        let report = until_noon(&ended(&events), &[]);
        assert_eq!((report.status, report.hours().as_str()), (1, "PPPVVVVVVVVV"), "{events:?}");
    }
}

#[test]
fn a_trail_that_began_again_was_not_ended() {
    for more in [
        &[("StartLogging", at(5, 0))][..],
        &[("StartLogging", at(5, 0)), ("StopLogging", at(6, 0))],
    ] {
        let tree = witnessed(stopped(), more);
        for args in [vec![], vec![accept(at(3, 0))]] {
            let args: Vec<_> = args.iter().map(String::as_str).collect();
            let report = until_noon(&tree, &args);
            assert_eq!((report.status, report.hours().as_str()), (1, "PPPVVVVVVVVV"));
        }
    }
    // Stopped once more while it was stopped.
    let report = until_noon(&witnessed(stopped(), &[("StopLogging", at(6, 0))]), &[]);
    assert_eq!((report.status, report.hours().as_str()), (3, "PPPGGGGGGGGG"));
}

#[test]
fn digests_that_were_due_before_the_end_stay_cut_off() {
    let tree = witnessed(ended(&[]), &[("DeleteTrail", at(5, 30))]);
    let report = until_noon(&tree, &[]);
    assert_eq!((report.status, report.hours().as_str()), (1, "PPPVVVGGGGGG"), "{:#}", report.json);
    assert_eq!(
        found(&report, CUT),
        [cut("violation", at(3, 0), at(5, 30)), cut("incomplete", at(5, 30), at(12, 0))]
    );
    // The time before it is nobody's to accept.
    for time in [at(3, 0), at(5, 30)] {
        assert_eq!(until_noon(&tree, &[&accept(time)]).status, 1);
    }
}

#[test]
fn a_region_that_the_trail_left_ends_its_chain_there() {
    let tree = Tree::empty();
    AUDIT.log(&tree, at(2, 50), &[update("isMultiRegionTrail", false, at(2, 45))]);
    AUDIT.segment(&tree, &hourly(at(0, 0), at(12, 0)));
    ABROAD.segment(&tree, &hourly(at(0, 0), at(3, 0)));
    let report = until_noon(&tree, &[]);
    assert_eq!(report.status, 3, "{:#}", report.json);
    assert_eq!(found(&report, CUT), [cut("incomplete", at(3, 0), at(12, 0))]);
    let accepted = format!("--accept-end={ACCOUNT}/eu-west-1/{TRAIL}@{}=moved", at(3, 0));
    assert_eq!(until_noon(&tree, &[&accepted]).status, 0);
}

#[test]
fn an_auditor_accepts_an_end_with_a_reason_that_the_report_gives() {
    // With an event, and without: a closed account leaves none.
    for tree in [stopped(), ended(&[])] {
        for time in [at(3, 0), at(2, 45), at(3, 59)] {
            let report = until_noon(&tree, &[&accept(time)]);
            let got = (report.status, report.hours());
            assert_eq!(got, (0, "PPPEEEEEEEEE".to_owned()), "{:#}", report.json);
            assert_eq!(found(&report, CUT), [cut("notice", at(3, 0), at(12, 0))]);
            assert!(messages(&report, CUT).contains("ticket 4711"));
            assert_eq!(acceptance(&report), (&"ticket 4711".into(), &true.into()));
        }
        let id = until_noon(&tree, &[]).json["chains"][0]["id"].as_str().unwrap().to_owned();
        let by_id = format!("--accept-end={id}@{}=ticket 4711", at(3, 0));
        assert_eq!(until_noon(&tree, &[&by_id]).status, 0);
    }
}

#[test]
fn an_acceptance_of_another_end_is_not_used_and_said_to_be_so() {
    let tree = ended(&[]);
    let elsewhere = format!("--accept-end={ACCOUNT}/eu-west-1/{TRAIL}@{}=x", at(3, 0));
    // Digests of an hour or more before the accepted end are gone, or came after it.
    for args in
        [accept(at(4, 0)), accept(at(6, 30)), accept(at(11, 0)), accept(at(-1, 0)), elsewhere]
    {
        let report = until_noon(&tree, &[&args]);
        assert_eq!((report.status, report.hours().as_str()), (1, "PPPVVVVVVVVV"), "{args}");
        assert_eq!(acceptance(&report).1, &Value::Bool(false));
        let said = report.json["not_proven"].to_string();
        assert!(said.contains("was not used"), "{said}");
    }
}

#[test]
fn an_acceptance_covers_nothing_but_the_end() {
    let tree = stopped();
    tree.remove(&AUDIT.digest_key(at(2, 0)));
    let report = until_noon(&tree, &[&accept(at(3, 0))]);
    assert_eq!((report.status, report.hours().as_str()), (1, "PVPEEEEEEEEE"), "{:#}", report.json);
    let tree = stopped();
    tree.remove(&AUDIT.log_key(at(2, 50)));
    assert_eq!(until_noon(&tree, &[&accept(at(3, 0))]).status, 1);
}

#[test]
fn acceptances_are_read_from_a_file() {
    let tree = ended(&[]);
    let file = tree.path("ends.txt");
    let line = accept(at(3, 0)).replace("--accept-end=", "");
    std::fs::write(&file, format!("# closed\n\n{line}\n")).unwrap();
    let report = until_noon(&tree, &[&format!("--accept-end=@{}", file.display())]);
    assert_eq!((report.status, acceptance(&report).1), (0, &Value::Bool(true)));
}

#[test]
fn a_log_file_that_may_hold_the_end_and_cannot_be_read_accuses_nobody() {
    #[cfg(unix)]
    {
        let tree = stopped();
        let key = AUDIT.log_key(at(2, 50));
        tree.remove(&key);
        std::os::unix::fs::symlink("nowhere", tree.path(&key)).unwrap();
        let report = tree.verify(&["--end-time", &at(12, 0).to_string()]);
        assert_eq!((report.status, report.hours().as_str()), (3, "PPUUUUUUUUUU"));
        assert!(
            messages(&report, CUT).contains("It is unknown whether the trail was stopped"),
            "{:#}",
            report.json
        );
    }
}

#[cfg(feature = "aws")]
#[test]
fn a_log_file_that_fails_when_it_is_read_again_accuses_nobody() {
    use crate::common::server::Fault;
    let server = bucket::bucket_of(&stopped());
    server.fault_after(1, &AUDIT.log_key(at(2, 50)), Fault::Status(403, "AccessDenied"));
    let report = bucket::check_bucket(&server, 12, &[]);
    assert_eq!((report.status, report.hours().as_str()), (3, "PPPUUUUUUUUU"), "{:#}", report.json);
}

#[test]
fn a_bag_of_an_accepted_end_checks_to_the_same() {
    let end = at(12, 0).to_string();
    for (args, status, verdict) in [
        (vec!["--end-time".to_owned(), end.clone()], 3, "incomplete"),
        (vec!["--end-time".to_owned(), end, accept(at(3, 0))], 0, "verified"),
    ] {
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        let bag = bag::Bag::of(&stopped(), &args);
        assert_eq!(bag.status, status, "{}", bag.err);
        let checked = bag.check(&[]);
        assert_eq!(checked.json["reverified"]["verdict"], verdict, "{:#}", checked.json);
        assert_eq!(checked.json["differences"], serde_json::json!([]), "{:#}", checked.json);
        assert_eq!(checked.status, status, "{:#}", checked.json);
    }
}
