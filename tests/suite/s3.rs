//! Buckets: what they have beyond directories, and trouble that is told apart from tampering. That
//! damage is found in them as in a directory, the fixtures show.

use crate::common;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::common::bucket::{ENVIRONMENT, bucket_of, check_bucket, report_of, run};
use crate::common::server::{Fault, Server};
use crate::common::sweep::side_by_side;
use crate::common::{
    BUCKET, HOURS, REGION, Report, Tree, at, digest_key, log_key, log_key_at, scratch,
};
use serde_json::Value;

/// Verifies the eight hours of a bucket.
fn check(server: &Server, more: &[&str]) -> Report {
    check_bucket(server, HOURS, more)
}

fn codes(report: &Report) -> Vec<(String, String)> {
    report.codes().into_iter().map(|(code, _, key)| (code, key)).collect()
}

#[test]
fn a_whole_bucket_is_verified_with_cloudtrails_own_keys() {
    let server = bucket_of(&Tree::sealed());
    let report = check(&server, &[]);
    assert_eq!((report.status, report.hours().as_str()), (0, "PPPPPPPP"), "{:#}", report.json);
    assert_eq!((report.count("digests", "valid"), report.count("logs", "valid")), (8, 7));
    assert_eq!(report.json["keys"][0]["region"], REGION);
    assert_eq!(report.json["chains"][0]["bucket"], BUCKET);
}

#[test]
fn a_clean_run_costs_its_listings_and_one_get_for_each_object() {
    let server = bucket_of(&Tree::sealed());
    let report = check(&server, &[]);
    let requests = server.requests();
    let count = |kind: &str| requests.iter().filter(|r| r.starts_with(kind)).count();
    assert_eq!(count("GET "), 8 + 7, "{requests:#?}");
    assert_eq!(count("HEAD"), 0);
    // In pages of two, and asked once.
    assert_eq!(count("ListPublicKeys"), 1);
    let mut gets: Vec<_> = requests.iter().filter(|r| r.starts_with("GET ")).collect();
    gets.sort();
    gets.dedup();
    assert_eq!(gets.len(), 15, "nothing is read twice");
    // Only day folders that the range needs are listed, never the whole bucket.
    assert!(requests.iter().all(|r| r != "LIST " || count("LIST ") < 25));
    let told = report.json["totals"]["requests"].as_u64().unwrap();
    assert_eq!(told as usize, count("GET ") + count("LIST "), "the report tells them");
}

#[test]
fn a_digest_without_its_signature_is_a_violation_in_a_bucket() {
    let tree = Tree::sealed();
    tree.lose_metadata(&digest_key(HOURS));
    let report = check(&bucket_of(&tree), &[]);
    assert_eq!(codes(&report), [("digest-unsigned".to_owned(), digest_key(HOURS))]);
    assert_eq!(report.status, 1);
}

#[test]
fn trouble_that_passes_does_not_show() {
    let tree = Tree::sealed();
    let troubles = [
        ("slow down", Fault::Status(503, "SlowDown")),
        ("internal error", Fault::Status(500, "InternalError")),
        ("reset", Fault::Reset),
        ("a body that breaks off", Fault::ShortBody(30)),
    ];
    // Each is tried again, after a pause.
    side_by_side(troubles, |(name, fault)| {
        for key in [log_key(2), digest_key(4)] {
            let server = bucket_of(&tree);
            server.fault(&key, fault, Some(2));
            let report = check(&server, &[]);
            assert_eq!((report.status, codes(&report)), (0, vec![]), "{name} {key}");
        }
    });
}

/// Unless somebody says otherwise, as the suite does.
#[test]
#[ignore = "slow: with all pauses"]
fn a_request_is_tried_seven_times() {
    let server = bucket_of(&Tree::sealed());
    server.fault(&log_key(2), Fault::Status(503, "SlowDown"), None);
    let source = format!("s3://{BUCKET}");
    let end = at(8, 0).to_string();
    let args = ["verify", &source, "--end-time", &end, "--endpoint-url", server.endpoint()];
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailseal"));
    command.args(args).env_clear().envs(ENVIRONMENT).env_remove("AWS_MAX_ATTEMPTS");
    assert_eq!(command.output().unwrap().status.code(), Some(3));
    let asked = server.requests().into_iter().filter(|request| request.contains(&log_key(2)));
    assert_eq!(asked.filter(|request| !request.starts_with("list:")).count(), 7);
}

#[test]
#[ignore = "slow: each kind of trouble, with all retries"]
fn trouble_that_lasts_is_incomplete_and_never_tampering() {
    let tree = Tree::sealed();
    let troubles = [
        ("denied", Fault::Status(403, "AccessDenied"), "AccessDenied (403)"),
        ("KMS denied", Fault::Status(400, "KMS.DisabledException"), "KMS"),
        ("expired", Fault::Status(400, "ExpiredToken"), "ExpiredToken"),
        ("internal error", Fault::Status(500, "InternalError"), "InternalError"),
        ("reset", Fault::Reset, ""),
        ("a body that never comes", Fault::ShortBody(0), ""),
    ];
    // Each is tried again and again, with pauses.
    side_by_side(troubles, |(name, fault, says)| {
        let server = bucket_of(&tree);
        server.fault(&log_key(2), fault, None);
        let report = check(&server, &[]);
        assert_eq!(codes(&report), [("object-unreadable".to_owned(), log_key(2))], "{name}");
        assert_eq!((report.status, report.hours().as_str()), (3, "PPUPPPPP"), "{name}");
        let message = report.findings()[0]["message"].as_str().unwrap().to_owned();
        assert!(message.contains(says), "{name}: {message}");
        let server = bucket_of(&tree);
        server.fault(&digest_key(4), fault, None);
        let report = check(&server, &[]);
        assert_eq!(codes(&report), [("object-unreadable".to_owned(), digest_key(4))], "{name}");
        assert_eq!((report.status, report.hours().as_str()), (3, "PPPUPPPP"), "{name}");
    });
}

#[test]
fn an_answer_that_contradicts_the_listing_is_not_absence() {
    let tree = Tree::sealed();
    let server = bucket_of(&tree);
    server.fault(&log_key(2), Fault::Status(404, "NoSuchKey"), Some(1));
    assert_eq!(check(&server, &[]).status, 0, "looked at again");
    server.fault(&log_key(2), Fault::Status(404, "NoSuchKey"), None);
    let report = check(&server, &[]);
    assert_eq!(codes(&report), [("object-unreadable".to_owned(), log_key(2))]);
    assert_eq!(report.status, 3);
}

#[test]
fn a_listing_that_fails_is_incomplete() {
    let server = bucket_of(&Tree::sealed());
    server.fault(
        "list:CloudTrail-Digest/us-east-1/2026/03/01",
        Fault::Status(403, "AccessDenied"),
        None,
    );
    let report = check(&server, &[]);
    assert_eq!(report.status, 3, "{:#}", report.json["findings"]);
    assert!(report.codes().iter().all(|(_, severity, _)| severity != "violation"));
}

#[test]
fn archived_objects_are_told_of_as_such() {
    let server = bucket_of(&Tree::sealed());
    server.archive(BUCKET, &log_key(2));
    server.archive(BUCKET, &digest_key(5));
    let report = check(&server, &[]);
    let mut found = codes(&report);
    found.sort();
    let archived = |key: String| ("object-archived".to_owned(), key);
    let mut expected = [archived(log_key(2)), archived(digest_key(5))];
    expected.sort();
    // The log file of the hour that could not be read is told of beside it.
    found.retain(|(code, _)| code != "log-uncovered");
    assert_eq!(found, expected);
    assert_eq!((report.status, report.hours().as_str()), (3, "PPUPUPPP"));
}

#[test]
fn keys_that_cloudtrail_does_not_give() {
    let tree = Tree::sealed();
    let server = bucket_of(&tree);
    server.deny_keys();
    let report = check(&server, &[]);
    assert_eq!(report.status, 3);
    let told = report.findings().iter().find(|f| f["code"] == "object-unreadable").unwrap();
    let message = told["message"].as_str().unwrap();
    assert!(message.contains("--keys") && message.contains("AccessDenied"), "{message}");
    // With a key file CloudTrail is not asked.
    let report = check(&server, &["--keys", tree.keys.to_str().unwrap()]);
    assert_eq!(report.status, 0);
    // A key that CloudTrail does not know is no key of CloudTrail's.
    let server = bucket_of(&tree);
    server.publish_keys(REGION, r#"{"PublicKeyList":[]}"#);
    let report = check(&server, &[]);
    assert_eq!((report.status, report.hours().as_str()), (1, "VVVVVVVV"));
    assert!(
        report
            .codes()
            .iter()
            .all(|(code, severity, _)| { code == "digest-key-unknown" && severity == "violation" })
    );
}

#[test]
fn a_bucket_that_is_not_there_or_closed_is_incomplete_and_says_so() {
    let server = Server::start();
    let output = run(&server, &["verify", "s3://no-such-bucket"]);
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{out}");
    assert!(out.contains("no-such-bucket") && out.contains("NoSuchBucket"), "{out}");
    server.create_bucket("closed");
    server.fault("list:", Fault::Status(403, "AccessDenied"), None);
    let output = run(&server, &["verify", "s3://closed"]);
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{out}");
    assert!(out.contains("AccessDenied"), "{out}");
    let dir = scratch();
    let output = run(&server, &["collect", "s3://closed", dir.path().to_str().unwrap()]);
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{err}");
    assert!(err.contains("AccessDenied") && err.contains("s3:ListBucket"), "{err}");
}

#[test]
fn a_first_key_that_xml_cannot_hold_does_not_close_the_bucket() {
    let server = bucket_of(&Tree::sealed());
    server.put(BUCKET, "\u{1}/first\u{12}", b"x".to_vec(), &[]);
    let report = check(&server, &[]);
    assert_eq!((report.status, codes(&report)), (0, vec![]));
}

#[test]
fn now_is_the_end_of_what_is_asked_of_a_bucket() {
    let server = bucket_of(&Tree::sealed());
    let source = format!("s3://{BUCKET}");
    let report = report_of(&run(&server, &["verify", &source, "--format", "json"]));
    assert_eq!(codes(&report), [("chain-truncated".to_owned(), digest_key(HOURS))]);
    assert_eq!(report.status, 1);
}

#[test]
fn the_time_of_delivery_decides_what_is_pending() {
    let tree = Tree::sealed();
    let late = log_key_at(at(4, 40), "CloudTrail", "BBBBBBBBBBBBBBBB");
    tree.write_log(&late);
    let server = bucket_of(&tree);
    assert_eq!(check(&server, &[]).status, 1, "delivered while digests covered it");
    // Written after the newest digest: the next one may list it, or somebody put it there.
    server.modified(BUCKET, &late, at(i64::from(HOURS) + 1, 0));
    let report = check(&server, &[]);
    assert_eq!((report.status, codes(&report)), (3, vec![("log-unreferenced".to_owned(), late)]));
}

#[test]
fn prefixes_filters_and_two_buckets_in_one_run() {
    let tree = Tree::sealed();
    let server = bucket_of(&tree);
    server.put(BUCKET, "unrelated/thing", b"x".to_vec(), &[]);
    assert_eq!(check(&server, &["--region", REGION]).status, 0);
    assert_eq!(check(&server, &["--region", "eu-west-1"]).status, 3);
    assert_eq!(check(&server, &["--account", "999988887777"]).status, 3);
    let output =
        run(&server, &["verify", &format!("s3://{BUCKET}"), tree.root().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "a bucket and a directory are two runs");
    let output = run(&server, &["verify", &format!("s3://{BUCKET}/unrelated"), "--format", "json"]);
    assert_eq!(report_of(&output).status, 3, "there is no AWSLogs below the prefix");
}

#[test]
fn an_interrupt_ends_the_run_with_the_report_so_far() {
    let server = bucket_of(&Tree::sealed());
    server.fault(&log_key(2), Fault::Stall, None);
    let (start, end) = (at(0, 0).to_string(), at(HOURS.into(), 0).to_string());
    let child = Command::new(env!("CARGO_BIN_EXE_trailseal"))
        .args(["verify", &format!("s3://{BUCKET}"), "--format", "json", "--start-time", &start])
        .args(["--end-time", &end, "--endpoint-url", server.endpoint()])
        .env_clear()
        .envs(ENVIRONMENT)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Once the stalled file is asked for, nothing but it is left to wait for.
    while !server.requests().iter().any(|r| *r == format!("GET {}", log_key(2))) {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(300));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let report = report_of(&child.wait_with_output().unwrap());
    assert_eq!((report.status, &report.json["verdict"]), (130, &"incomplete".into()));
    assert!(report.json["findings"].to_string().contains("interrupted"));
    assert_eq!(report.json["totals"]["digests"]["valid"], 8);
    assert!(report.hours().contains('U'), "{}", report.hours());
}

#[test]
fn credentials_that_expire_midway_leave_what_was_proven_by_then() {
    let server = bucket_of(&Tree::sealed());
    // Six objects are read, then nothing is any more, nor listed.
    server.fault_after(6, "", Fault::Status(400, "ExpiredToken"));
    server.fault_after(0, "list:CloudTrail/us-east-1/2026", Fault::Status(400, "ExpiredToken"));
    let report = check(&server, &["--jobs", "1"]);
    assert_eq!((report.status, &report.json["verdict"]), (3, &"incomplete".into()));
    assert!(report.count("digests", "valid") > 0, "{:#}", report.json["totals"]);
    let codes = codes(&report);
    assert!(codes.iter().all(|(code, _)| code == "object-unreadable"), "{codes:#?}");
    assert!(report.json["findings"].to_string().contains("ExpiredToken"));
}

/// Tells what verifying the eight hours of a bucket would do.
fn dry_run(server: &Server, more: &[&str]) -> (Option<i32>, Value) {
    let (start, end) = (at(0, 0).to_string(), at(HOURS.into(), 0).to_string());
    let source = format!("s3://{BUCKET}");
    let args = ["verify", &source, "--start-time", &start, "--end-time", &end, "--dry-run"];
    let output = run(server, &[&args[..], &["--format", "json"], more].concat());
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn a_dry_run_tells_what_the_run_then_does() {
    let server = bucket_of(&Tree::sealed());
    let (status, dry) = dry_run(&server, &[]);
    assert_eq!(status, Some(0), "{dry:#}");
    assert!(server.requests().iter().all(|r| r.starts_with("LIST ")), "from listings alone");
    let real = check(&server, &[]);
    let number = |n: &Value| n.as_u64().unwrap();
    let requests = number(&dry["list_requests"]) + number(&dry["get_requests"]);
    assert_eq!(requests, number(&real.json["totals"]["requests"]));
    let (digests, logs) = (&dry["digests"], &dry["logs"]);
    assert_eq!((number(&digests["count"]), number(&logs["count"])), (8, 7));
    let bytes = number(&digests["bytes"]) + number(&logs["bytes"]);
    assert_eq!(bytes, number(&real.json["totals"]["bytes_read"]));
}

#[test]
fn a_dry_run_counts_at_the_rates_that_it_is_given() {
    let server = bucket_of(&Tree::sealed());
    let rates = ["--list-rate", "1000", "--get-rate", "2000", "--transfer-rate", "0"];
    let (_, dry) = dry_run(&server, &rates);
    let lists = dry["list_requests"].as_f64().unwrap();
    assert_eq!(dry["cost"]["list"], lists);
    assert_eq!(dry["cost"]["get"], 30.0);
    assert_eq!(dry["cost"]["total"], lists + 30.0);
    let (start, end) = (at(0, 0).to_string(), at(HOURS.into(), 0).to_string());
    let source = format!("s3://{BUCKET}");
    let args = ["verify", &source, "--start-time", &start, "--end-time", &end, "--dry-run"];
    let text = String::from_utf8(run(&server, &[&args[..], &rates].concat()).stdout).unwrap();
    assert!(text.starts_with("ESTIMATE"), "{text}");
    assert!(text.contains("30.00 to read") && text.contains("7, "), "{text}");
    let output = run(&server, &["verify", &source, "--list-rate", "1"]);
    assert_eq!(output.status.code(), Some(2), "a rate means nothing without --dry-run");
}

#[test]
fn a_dry_run_that_cannot_list_is_incomplete() {
    let server = bucket_of(&Tree::sealed());
    server.fault("list:CloudTrail/", Fault::Status(403, "AccessDenied"), None);
    let (status, dry) = dry_run(&server, &[]);
    assert_eq!(status, Some(3));
    assert_eq!(dry["findings"][0]["code"], "object-unreadable");
}

/// A key file and the log files of eight hours in a bucket, not sealed.
fn unsealed() -> (Tree, Server, String) {
    let tree = Tree::empty();
    for hour in (0..HOURS).filter(|hour| *hour != common::EMPTY_HOUR) {
        tree.write_log(&log_key(hour));
    }
    let key = tree.root().join("signing-key.pem");
    std::fs::write(&key, common::key().to_pkcs8_pem().unwrap()).unwrap();
    let server = bucket_of(&tree);
    (tree, server, key.to_str().unwrap().to_owned())
}

fn seal(server: &Server, key: &str, until: i64) -> Output {
    let (start, end) = (at(0, 0).to_string(), at(until, 0).to_string());
    let source = format!("s3://{BUCKET}");
    let args = [
        "seal",
        &source,
        "--account",
        common::ACCOUNT,
        "--region",
        REGION,
        "--trail",
        common::TRAIL,
        "--key",
        key,
        "--start-time",
        &start,
        "--end-time",
        &end,
    ];
    run(server, &args)
}

#[test]
fn a_bucket_is_sealed_and_verifies() {
    let (_tree, server, key) = unsealed();
    let output = seal(&server, &key, 5);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(seal(&server, &key, HOURS.into()).status.success(), "it goes on where it ended");
    let before = server.keys(BUCKET);
    let again = seal(&server, &key, HOURS.into());
    assert!(String::from_utf8(again.stdout).unwrap().contains("nothing is due"));
    assert_eq!(server.keys(BUCKET), before);
    let report = check(&server, &[]);
    assert_eq!((report.status, codes(&report)), (0, vec![]));
    assert_eq!((report.count("digests", "valid"), report.count("logs", "valid")), (8, 7));
    let metadata = server.metadata(BUCKET, &digest_key(1)).unwrap();
    assert_eq!(metadata["signature-algorithm"], "SHA256withRSA");
}

#[test]
fn sealing_goes_by_the_time_of_delivery() {
    let (_tree, server, key) = unsealed();
    // Named in the hour before, delivered in the third.
    server.modified(BUCKET, &log_key(1), at(2, 30));
    assert!(seal(&server, &key, HOURS.into()).status.success());
    let digest = |hour| {
        let bytes = common::gunzip(&server.get(BUCKET, &digest_key(hour)).unwrap());
        trailseal::internals::model::Digest::decode(&bytes).unwrap().log_files.len()
    };
    assert_eq!([digest(1), digest(2), digest(3)], [1, 0, 2]);
    assert_eq!(check(&server, &[]).status, 0);
}

#[test]
fn a_bucket_that_was_copied_later_is_sealed_by_the_names() {
    let (_tree, server, key) = unsealed();
    for key in server.keys(BUCKET) {
        server.modified(BUCKET, &key, at(24 * 300, 0));
    }
    assert!(seal(&server, &key, HOURS.into()).status.success());
    let report = check(&server, &[]);
    assert_eq!((report.status, report.count("logs", "valid")), (0, 7));
}

#[test]
fn two_sealers_of_one_bucket_cannot_fork_the_chain() {
    let (_tree, server, key) = unsealed();
    std::thread::scope(|scope| {
        let runs: Vec<_> =
            (0..3).map(|_| scope.spawn(|| seal(&server, &key, HOURS.into()))).collect();
        for run in runs {
            let output = run.join().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    });
    let digests = server.keys(BUCKET).iter().filter(|key| key.contains("Digest")).count();
    assert_eq!(digests, usize::from(HOURS));
    assert_eq!(check(&server, &[]).status, 0);
}

#[test]
fn published_keys_are_saved_for_verifying_offline() {
    let tree = Tree::sealed();
    let server = bucket_of(&tree);
    let folder = scratch();
    let file = folder.path().join("fetched.json");
    let file = file.to_str().unwrap();
    let (start, end) = (at(0, 0).to_string(), at(10, 0).to_string());
    let fetch = [
        "keys",
        "fetch",
        "--region",
        REGION,
        "--start-time",
        &start,
        "--end-time",
        &end,
        "--output",
        file,
    ];
    assert!(run(&server, &fetch).status.success());
    let offline = common::verify(&["verify", tree.root().to_str().unwrap(), "--keys", file]);
    assert_eq!((offline.status, &offline.json["keys"][0]["region"]), (0, &REGION.into()));
    // Denied, nothing is written.
    std::fs::remove_file(file).unwrap();
    server.deny_keys();
    let output = run(&server, &fetch);
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{err}");
    assert!(err.contains("cloudtrail:ListPublicKeys"), "{err}");
    assert!(!std::path::Path::new(file).exists());
}
