//! What CloudTrail says of its trails, held against what the bucket holds.

use crate::common;
use crate::common::bucket::{bucket_of, report_of, run};
use crate::common::server::{Fault, Server};
use crate::common::{ACCOUNT, BUCKET, HOURS, REGION, Report, TRAIL, Tree, at, digest_key, log_key};
use serde_json::{Value, json};

fn trail(account: &str, bucket: &str) -> Value {
    json!({
        "Name": TRAIL,
        "TrailARN": format!("arn:aws:cloudtrail:{REGION}:{account}:trail/{TRAIL}"),
        "HomeRegion": REGION,
        "S3BucketName": bucket,
        "LogFileValidationEnabled": true,
    })
}

/// A bucket whose digests were delivered five minutes after their hours.
fn delivered(tree: &Tree) -> Server {
    let server = bucket_of(tree);
    for hour in 1..=HOURS {
        if tree.path(&digest_key(hour)).exists() {
            server.modified(BUCKET, &digest_key(hour), at(hour.into(), 5));
        }
    }
    server
}

fn seconds(hour: i64, minute: i64) -> Value {
    at(hour, minute).as_second().into()
}

/// Verifies up to now, with so much grace that nothing is late.
fn check(server: &Server, more: &[&str]) -> Report {
    let (start, source) = (at(0, 0).to_string(), format!("s3://{BUCKET}"));
    let args = ["verify", &source, "--format", "json", "--start-time", &start];
    report_of(&run(server, &[&args[..], more].concat()))
}

const NEVER_LATE: [&str; 2] = ["--grace", "1000w"];

fn codes(report: &Report) -> Vec<(String, String)> {
    report.codes().into_iter().map(|(code, severity, _)| (code, severity)).collect()
}

fn one(code: &str, severity: &str) -> [(String, String); 1] {
    [(code.to_owned(), severity.to_owned())]
}

/// The newest digest and its log file are gone, which leaves no trace in the bucket.
fn without_the_newest() -> Tree {
    let tree = Tree::sealed();
    tree.remove(&digest_key(HOURS));
    tree.remove(&log_key(HOURS - 1));
    tree
}

#[test]
fn a_newest_digest_that_cloudtrail_delivered_and_the_bucket_lacks_is_missing() {
    let server = delivered(&without_the_newest());
    assert_eq!(check(&server, &NEVER_LATE).status, 0, "nobody told");
    let status = json!({"IsLogging": true, "LatestDigestDeliveryTime": seconds(8, 5)});
    server.trail(trail(ACCOUNT, BUCKET), status);
    let report = check(&server, &NEVER_LATE);
    assert_eq!((report.status, codes(&report)), (1, one("digest-missing", "violation").to_vec()));
    assert!(report.hours().starts_with("PPPPPPPV"), "{}", report.hours());
    let finding = &report.findings()[0];
    assert_eq!(finding["start"], at(7, 0).to_string());
    assert!(finding["expected"].as_str().unwrap().contains(&at(8, 5).to_string()));
}

#[test]
fn what_the_bucket_holds_is_not_missed() {
    let server = delivered(&Tree::sealed());
    let status = json!({"IsLogging": true, "LatestDigestDeliveryTime": seconds(8, 15)});
    server.trail(trail(ACCOUNT, BUCKET), status);
    let report = check(&server, &NEVER_LATE);
    assert_eq!((report.status, codes(&report)), (0, vec![]), "{:#}", report.json);
}

#[test]
fn another_trails_word_does_not_count() {
    let status = json!({"IsLogging": true, "LatestDigestDeliveryTime": seconds(8, 5)});
    for (account, bucket) in [("444455556666", BUCKET), (ACCOUNT, "another-bucket")] {
        let server = delivered(&without_the_newest());
        server.trail(trail(account, bucket), status.clone());
        assert_eq!(check(&server, &NEVER_LATE).status, 0, "{account} {bucket}");
    }
}

#[test]
fn an_end_long_past_is_not_held_against_what_came_later() {
    let server = delivered(&Tree::sealed());
    let status = json!({"IsLogging": true, "LatestDigestDeliveryTime": seconds(30, 5)});
    server.trail(trail(ACCOUNT, BUCKET), status);
    let report = check(&server, &["--end-time", &at(HOURS.into(), 0).to_string()]);
    assert_eq!((report.status, codes(&report)), (0, vec![]));
    assert!(!server.requests().iter().any(|r| r.starts_with("GetTrailStatus")));
}

#[test]
fn a_chain_that_ends_where_its_trail_was_stopped_is_incomplete() {
    let server = delivered(&Tree::sealed());
    assert_eq!(codes(&check(&server, &[])), one("chain-truncated", "violation"));
    let stopped = |hour, minute| {
        let server = delivered(&Tree::sealed());
        let status = json!({
            "IsLogging": false,
            "StopLoggingTime": seconds(hour, minute),
            "LatestDigestDeliveryTime": seconds(8, 5),
        });
        server.trail(trail(ACCOUNT, BUCKET), status);
        check(&server, &[])
    };
    let report = stopped(8, 2);
    assert_eq!((report.status, codes(&report)), (3, one("chain-truncated", "incomplete").to_vec()));
    assert!(report.hours().starts_with("PPPPPPPPG"), "{}", report.hours());
    // Stopped hours after the newest digest that is there: those in between are gone.
    let report = stopped(12, 0);
    assert_eq!((report.status, codes(&report)), (1, one("chain-truncated", "violation").to_vec()));
}

#[test]
fn a_status_that_may_not_be_asked_for_is_said_to_be_unknown() {
    let server = delivered(&Tree::sealed());
    server.fault("trails:", Fault::Status(403, "AccessDeniedException"), None);
    let report = check(&server, &NEVER_LATE);
    assert_eq!(report.status, 0);
    let said = report.json["not_proven"].to_string();
    assert!(said.contains("GetTrailStatus") && said.contains("AccessDenied"), "{said}");
}

/// A trail that delivers below a prefix.
fn with_prefix(prefix: &str) -> Value {
    let mut described = trail(ACCOUNT, BUCKET);
    described["S3KeyPrefix"] = prefix.into();
    described
}

#[test]
fn a_newest_digest_that_is_gone_is_not_hidden_by_writing_the_one_before_again() {
    let told = |written: i64| {
        let server = delivered(&without_the_newest());
        server.modified(BUCKET, &digest_key(HOURS - 1), at(8, written));
        let status = json!({"IsLogging": true, "LatestDigestDeliveryTime": seconds(8, 5)});
        server.trail(trail(ACCOUNT, BUCKET), status);
        check(&server, &NEVER_LATE)
    };
    // Written again later, or at the very time.
    for written in [59, 5] {
        let report = told(written);
        assert_eq!(
            (report.status, codes(&report)),
            (3, one("digest-missing", "incomplete").to_vec())
        );
        assert!(report.hours().starts_with("PPPPPPPU"), "{}", report.hours());
    }
    // Two of them cannot have been so late.
    let tree = without_the_newest();
    tree.remove(&digest_key(HOURS - 1));
    tree.remove(&log_key(HOURS - 2));
    let server = delivered(&tree);
    server.modified(BUCKET, &digest_key(HOURS - 2), at(9, 0));
    let status = json!({"IsLogging": true, "LatestDigestDeliveryTime": seconds(8, 5)});
    server.trail(trail(ACCOUNT, BUCKET), status);
    let report = check(&server, &NEVER_LATE);
    assert_eq!((report.status, codes(&report)), (1, one("digest-missing", "violation").to_vec()));
}

#[test]
fn a_chain_in_a_place_that_its_trail_left_is_not_compared_with_the_trails_status() {
    let status = json!({"IsLogging": true, "LatestDigestDeliveryTime": seconds(30, 5)});
    let server = delivered(&Tree::sealed());
    server.trail(with_prefix("new"), status.clone());
    let report = check(&server, &NEVER_LATE);
    assert_eq!((report.status, codes(&report)), (0, vec![]), "{:#}", report.json["findings"]);
    assert!(!server.requests().iter().any(|r| r.starts_with("GetTrailStatus")));
    // What is overdue is open: nothing here shows when it moved.
    let report = check(&server, &[]);
    assert_eq!((report.status, codes(&report)), (3, one("chain-truncated", "incomplete").to_vec()));
    assert!(report.findings()[0]["message"].as_str().unwrap().contains("s3://audit-logs/new"));
    let server = delivered(&Tree::sealed());
    let mut organization = trail(ACCOUNT, BUCKET);
    organization["IsOrganizationTrail"] = true.into();
    server.trail(organization, status.clone());
    assert_eq!(check(&server, &NEVER_LATE).status, 0);
    // In its own place it is.
    let server = delivered(&Tree::sealed());
    server.trail(with_prefix(""), status);
    assert_eq!(check(&server, &NEVER_LATE).status, 1);
}

#[test]
fn a_backfill_digest_accounts_for_the_latest_delivery() {
    use trailseal::internals::model::ChainKind;
    let tree = Tree::sealed();
    let mut draft = common::draft(at(0, 0), at(4, 0), None);
    draft.name = common::digest_name(at(4, 0), ChainKind::Backfill);
    draft.made = at(8, 50);
    tree.put(&draft.seal(common::key()).unwrap());
    let status = json!({"IsLogging": true, "LatestDigestDeliveryTime": seconds(8, 52)});
    for (written, expected) in [(at(8, 52), 0), (at(4, 10), 1)] {
        let server = delivered(&tree);
        server.modified(BUCKET, &common::backfill_key(4), written);
        server.trail(trail(ACCOUNT, BUCKET), status.clone());
        let report = check(&server, &NEVER_LATE);
        assert_eq!(report.status, expected, "{written}: {:#}", report.json["findings"]);
    }
    // The other reading: only standard digests count.
    let server = delivered(&tree);
    server.modified(BUCKET, &common::backfill_key(4), at(8, 52));
    let status = json!({"IsLogging": true, "LatestDigestDeliveryTime": seconds(8, 5)});
    server.trail(trail(ACCOUNT, BUCKET), status);
    assert_eq!(check(&server, &NEVER_LATE).status, 0);
}

#[test]
fn an_error_of_delivery_is_named() {
    let status = json!({
        "IsLogging": true,
        "LatestDigestDeliveryTime": seconds(8, 5),
        "LatestDigestDeliveryError": "AccessDenied",
    });
    let server = delivered(&Tree::sealed());
    server.trail(trail(ACCOUNT, BUCKET), status);
    let message = |report: &Report| report.findings()[0]["message"].as_str().unwrap().to_owned();
    let report = check(&server, &[]);
    assert_eq!(codes(&report), one("chain-truncated", "violation"));
    assert!(message(&report).contains("AccessDenied"), "{}", message(&report));
    let report = check(&server, &NEVER_LATE);
    assert_eq!((report.status, codes(&report)), (0, one("chain-truncated", "notice").to_vec()));
    assert!(message(&report).contains("LatestDigestDeliveryError"), "{}", message(&report));
}

#[test]
fn a_trail_that_is_not_listed_any_more_has_ended() {
    let server = delivered(&Tree::sealed());
    let other = format!("arn:aws:sts::{ACCOUNT}:assumed-role/auditor/session");
    // Nobody says whose account was asked: an unlisted trail may be another account's.
    let report = check(&server, &[]);
    assert_eq!((report.status, codes(&report)), (1, one("chain-truncated", "violation").to_vec()));
    let said = report.json["not_proven"].to_string();
    assert!(said.contains("only the owner of a trail") && said.contains(ACCOUNT), "{said}");
    server.caller(&other.replace(ACCOUNT, "444455556666"));
    assert_eq!(check(&server, &[]).status, 1);
    server.caller(&other);
    let report = check(&server, &[]);
    assert_eq!((report.status, codes(&report)), (3, one("chain-truncated", "incomplete").to_vec()));
    assert!(report.findings()[0]["message"].as_str().unwrap().contains("no longer lists"));
    assert!(report.hours().starts_with("PPPPPPPPG"), "{}", report.hours());
}
