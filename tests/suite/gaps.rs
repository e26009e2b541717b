//! Time between two segments: what explains it, who may accept it, and what never does.

use crate::common;
use crate::common::trails;
use crate::common::{EMPTY_HOUR, HOURS, Report, Tree, at, digest_key, gzip, log_key};
use serde_json::{Value, json};

/// An event of the tests' trail.
fn event(name: &str, hour: i64, minute: i64) -> Value {
    let mut event = trails::event(name, at(hour, minute));
    event["eventID"] = json!(format!("{name}-{hour}"));
    event
}

/// Eight hours in two segments, with nothing from three to four o'clock; the log files of the
/// hours before and after hold these events.
fn restarted(before: &[Value], after: &[Value]) -> Tree {
    let tree = Tree::empty();
    for hour in (0..HOURS).filter(|hour| *hour != EMPTY_HOUR) {
        tree.write_log(&log_key(hour));
    }
    for (hour, events) in [(2, before), (4, after)] {
        let text = json!({ "Records": events }).to_string();
        tree.write(&log_key(hour), &gzip(text.as_bytes()));
    }
    tree.seal(HOURS.into()).unwrap();
    tree.remove(&digest_key(4));
    tree.reseal(5, |draft| draft.previous = None);
    tree
}

fn stopped_and_started() -> Tree {
    restarted(&[event("StopLogging", 2, 15)], &[event("StartLogging", 4, 2)])
}

fn gap(report: &Report) -> &Value {
    let [finding] = report.findings().as_slice() else { panic!("{:#?}", report.findings()) };
    assert_eq!((&finding["code"], &finding["key"]), (&"chain-gap".into(), &digest_key(5).into()));
    finding
}

#[test]
fn a_stop_and_a_start_in_verified_logs_explain_it() {
    let tree = stopped_and_started();
    let report = tree.verify(&[]);
    assert_eq!((report.status, report.hours().as_str()), (0, "PPPEPPPP"), "{:#}", report.json);
    let finding = gap(&report);
    assert_eq!(finding["severity"], "notice");
    let message = finding["message"].as_str().unwrap();
    for said in ["StopLogging", "StartLogging", "user/ops", "192.0.2.7", "2026-03-01T02:15:00Z"] {
        assert!(message.contains(said), "{said}: {message}");
    }
    let [stop, start] = finding["events"].as_array().unwrap().as_slice() else { panic!() };
    assert_eq!((&stop["role"], &stop["event"]), (&"explains".into(), &"StopLogging".into()));
    assert_eq!((&stop["key"], &start["key"]), (&log_key(2).into(), &log_key(4).into()));
    assert_eq!(start["id"], "StartLogging-4");
    assert_eq!(report.json["totals"]["coverage_seconds"]["explained"], 3600);
    assert_eq!(report.json["totals"]["coverage_seconds"]["gap"], 0);
}

#[test]
fn what_does_not_show_both_ends_explains_nothing() {
    let stop = || event("StopLogging", 2, 15);
    let start = || event("StartLogging", 4, 2);
    let mut failed = stop();
    failed["errorCode"] = "AccessDenied".into();
    let mut other_trail = stop();
    other_trail["requestParameters"]["name"] = "another".into();
    let mut other_region = stop();
    other_region["awsRegion"] = "eu-west-1".into();
    let mut still_validates = event("UpdateTrail", 2, 15);
    still_validates["responseElements"] = json!({"logFileValidationEnabled": true});
    for (name, before, after) in [
        ("no event", vec![], vec![]),
        ("no stop", vec![], vec![start()]),
        ("no start", vec![stop()], vec![]),
        ("a stop that failed", vec![failed], vec![start()]),
        ("another trail's stop", vec![other_trail], vec![start()]),
        ("a trail of that name elsewhere", vec![other_region], vec![start()]),
        ("an update that changes nothing", vec![still_validates], vec![start()]),
        ("started again before", vec![stop(), event("StartLogging", 2, 18)], vec![start()]),
        ("a start long before the segment", vec![stop()], vec![event("StartLogging", 2, 40)]),
    ] {
        let report = restarted(&before, &after).verify(&[]);
        assert_eq!((report.status, report.hours().as_str()), (3, "PPPGPPPP"), "{name}");
        assert_eq!(gap(&report)["severity"], "incomplete", "{name}");
        let events = gap(&report)["events"].as_array().unwrap();
        assert!(events.iter().all(|e| e["role"] == "candidate"), "{name}: {events:#?}");
    }
}

#[test]
fn an_altered_log_file_explains_nothing() {
    let tree = restarted(&[], &[event("StartLogging", 4, 2)]);
    let text = json!({ "Records": [event("StopLogging", 2, 15)] }).to_string();
    tree.write(&log_key(2), &gzip(text.as_bytes()));
    let report = tree.verify(&[]);
    assert_eq!((report.status, report.hours().as_str()), (1, "PPVGPPPP"));
    let codes: Vec<_> =
        report.codes().into_iter().map(|(code, severity, _)| (code, severity)).collect();
    let told = |code: &str, severity: &str| (code.to_owned(), severity.to_owned());
    assert_eq!(codes, [told("log-modified", "violation"), told("chain-gap", "incomplete")]);
}

#[test]
fn without_the_logs_nothing_is_explained() {
    let report = stopped_and_started().verify(&["--no-logs"]);
    assert_eq!((report.status, gap(&report)["severity"].as_str()), (3, Some("incomplete")));
}

#[test]
fn a_deleted_and_created_trail_is_explained_too() {
    let mut create = event("CreateTrail", 4, 2);
    create["requestParameters"]["enableLogFileValidation"] = true.into();
    let report = restarted(&[event("DeleteTrail", 2, 15)], &[create]).verify(&[]);
    assert_eq!((report.status, report.hours().as_str()), (0, "PPPEPPPP"));
    let mut off = event("UpdateTrail", 2, 15);
    off["responseElements"] = json!({"logFileValidationEnabled": false});
    let mut on = event("UpdateTrail", 4, 2);
    on["responseElements"] = json!({"logFileValidationEnabled": true});
    let report = restarted(&[off], &[on]).verify(&[]);
    assert_eq!((report.status, report.hours().as_str()), (0, "PPPEPPPP"));
}

#[test]
fn an_auditor_accepts_a_gap_with_a_reason_that_the_report_gives() {
    let tree = restarted(&[], &[]);
    let accept = format!("--accept-gap={}/{}=ticket 4711", at(3, 0), at(4, 0));
    let report = tree.verify(&[&accept]);
    assert_eq!((report.status, report.hours().as_str()), (0, "PPPEPPPP"), "{:#}", report.json);
    assert_eq!(gap(&report)["severity"], "notice");
    assert!(gap(&report)["message"].as_str().unwrap().contains("ticket 4711"));
    let accepted = &report.json["scope"]["accepted_gaps"][0];
    assert_eq!((&accepted["reason"], &accepted["used"]), (&"ticket 4711".into(), &true.into()));
}

#[test]
fn a_gap_that_reaches_beyond_what_was_accepted_stays_open() {
    let tree = restarted(&[], &[]);
    for (start, end) in [(at(3, 1), at(4, 0)), (at(3, 0), at(3, 59)), (at(5, 0), at(6, 0))] {
        let report = tree.verify(&[&format!("--accept-gap={start}/{end}=why not")]);
        assert_eq!((report.status, gap(&report)["severity"].as_str()), (3, Some("incomplete")));
        assert_eq!(report.json["scope"]["accepted_gaps"][0]["used"], false);
    }
}

#[test]
fn no_acceptance_covers_a_violation() {
    let tree = Tree::sealed();
    tree.remove(&digest_key(4));
    let report = tree.verify(&[&format!("--accept-gap={}/{}=no", at(0, 0), at(8, 0))]);
    assert_eq!((report.status, report.hours().as_str()), (1, "PPPVPPPP"));
}

#[test]
fn an_acceptance_without_a_reason_or_times_is_wrong_usage() {
    for gap in [
        "2026-03-01T03:00:00Z/2026-03-01T04:00:00Z",
        "yesterday/today=x",
        "2026-03-01T03:00:00Z/2026-03-01T04:00:00Z= ",
        "2026-03-01T04:00:00Z/2026-03-01T03:00:00Z=x",
    ] {
        use clap::Parser;
        let args = ["trailseal", "verify", "x", "--keys", "k", "--accept-gap", gap];
        let error = trailseal::internals::cli::Cli::try_parse_from(args).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{gap}");
    }
}

#[test]
fn the_text_report_shows_who_interrupted_the_trail() {
    let tree = stopped_and_started();
    let (root, keys) = (tree.root().to_str().unwrap(), tree.keys.to_str().unwrap());
    let ran = common::trailseal(&["verify", root, "--keys", keys, "--no-progress"]);
    assert_eq!(ran.status, 0);
    assert!(ran.out.contains("StopLogging by arn:aws:iam::111122223333:user/ops from 192.0.2.7"));
    assert!(ran.out.contains("1h explained") || ran.out.contains("1 h explained"), "{}", ran.out);
}

/// An event on the tests' bucket.
fn of_bucket(name: &str, key: Option<&str>) -> Value {
    let mut event = event(name, 4, 10);
    event["eventSource"] = "s3.amazonaws.com".into();
    event["requestParameters"] = json!({"bucketName": common::BUCKET, "key": key});
    event
}

/// The events beside the findings of a code.
fn events_beside(report: &Report, code: &str) -> Vec<Vec<(String, String)>> {
    let findings = report.findings().iter().filter(|f| f["code"] == code);
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    let events = |f: &Value| {
        let events = f["events"].as_array().unwrap().iter();
        events.map(|e| (text(&e["role"]), text(&e["event"]))).collect()
    };
    findings.map(events).collect()
}

#[test]
fn a_loss_shows_the_events_that_may_have_caused_it() {
    let tree = restarted(
        &[],
        &[
            of_bucket("DeleteObject", Some(&log_key(1))),
            of_bucket("DeleteObject", Some("some/other/key")),
            of_bucket("PutBucketPolicy", None),
        ],
    );
    let accept = format!("--accept-gap={}/{}=known", at(3, 0), at(4, 0));
    tree.remove(&log_key(1));
    tree.remove(&digest_key(7));
    let report = tree.verify(&[&accept]);
    assert_eq!((report.status, report.hours().as_str()), (1, "PVPEPPVP"));
    let candidate = |name: &str| ("candidate".to_owned(), name.to_owned());
    assert_eq!(
        events_beside(&report, "log-missing"),
        [[candidate("DeleteObject"), candidate("PutBucketPolicy")]]
    );
    assert_eq!(events_beside(&report, "digest-missing"), [[candidate("PutBucketPolicy")]]);
}

#[test]
fn a_tail_that_is_gone_shows_who_stopped_the_trail_and_stays_a_violation() {
    // The stop came hours before the last digests: it is not what ended them.
    let tree = restarted(&[event("StopLogging", 2, 15)], &[event("StartLogging", 4, 2)]);
    [7, 8].iter().for_each(|hour| tree.remove(&digest_key(*hour)));
    [6, 7].iter().for_each(|hour| tree.remove(&log_key(*hour)));
    let report = tree.verify(&["--end-time", &at(12, 0).to_string()]);
    assert_eq!((report.status, report.hours().as_str()), (1, "PPPEPPVVVVVV"));
    let stop = ("candidate".to_owned(), "StopLogging".to_owned());
    assert_eq!(events_beside(&report, "chain-truncated"), [[stop]]);
}

fn shapes(report: &Report) -> Vec<String> {
    let found = report.findings().iter().filter(|f| f["code"] == "loss-pattern");
    found.map(|f| f["message"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn losses_in_the_shape_of_a_lifecycle_rule_are_said_to_have_it() {
    let gone = |logs: &[u8], digests: &[u8]| {
        let tree = Tree::sealed();
        logs.iter().for_each(|hour| tree.remove(&log_key(*hour)));
        digests.iter().for_each(|hour| tree.remove(&digest_key(*hour)));
        let report = tree.verify(&["--start-time", &at(0, 0).to_string()]);
        assert_eq!(report.status, 1);
        shapes(&report)
    };
    let [logs] = gone(&[0, 1, 2], &[]).try_into().unwrap();
    let start = format!("--start-time {}", at(3, 0));
    assert!(logs.contains("All 3 log files") && logs.contains(&start), "{logs}");
    let [one] = gone(&[0], &[]).try_into().unwrap();
    assert!(one.contains("The oldest log file"), "{one}");
    let [all] = gone(&[0, 1, 2, 4, 5, 6, 7], &[]).try_into().unwrap();
    assert!(all.contains("All 7 log files"), "{all}");
    let [digests] = gone(&[], &[1, 2, 3]).try_into().unwrap();
    assert!(digests.contains("All digests before") && digests.contains(&at(3, 0).to_string()));
    let [one] = gone(&[], &[1]).try_into().unwrap();
    assert!(one.contains("All digests before"), "{one}");
    // Newer ones, one left in between.
    for (logs, digests) in
        [(&[5, 6, 7][..], &[][..]), (&[0, 1, 4], &[]), (&[], &[3, 4, 5]), (&[], &[1, 3])]
    {
        assert!(gone(logs, digests).is_empty(), "{logs:?} {digests:?}");
    }
}
