//! The AWS CLI's command as trailseal answers it: what it does otherwise, and `--strict`. That it
//! says the same word for word is held by the comparison in `tests/peer`.

use crate::common;
use std::process::Output;

use crate::common::bucket::{bucket_of, run};
use crate::common::server::{Fault, Server};
use crate::common::sweep::side_by_side;
use crate::common::{
    ACCOUNT, BUCKET, HOURS, REGION, TRAIL, Tree, at, digest_key, log_key, log_key_at,
};

fn validate(server: &Server, more: &[&str]) -> Output {
    let arn = format!("arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/{TRAIL}");
    let (start, end) = (at(0, 0).to_string(), at(HOURS.into(), 0).to_string());
    let args = ["validate-logs", "--trail-arn", &arn, "--start-time", &start, "--end-time", &end];
    run(server, &[&args[..], &["--s3-bucket", BUCKET], more].concat())
}

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_clean_trail_is_valid_in_the_words_of_the_aws_cli() {
    let (status, out, err) = said(&validate(&bucket_of(&Tree::sealed()), &[]));
    assert_eq!((status, err.as_str()), (Some(0), ""));
    let (start, end) = (at(0, 0), at(8, 0));
    assert_eq!(
        out,
        format!(
            "Validating log files for trail arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/{TRAIL} between {start} and {end}\n\nResults requested for {start} to {end}\nResults found for {start} to {end}:\n\n8/8 digest files valid\n7/7 log files valid\n"
        )
    );
}

#[test]
fn what_is_read_ahead_is_told_in_its_order() {
    let server = bucket_of(&Tree::sealed());
    let (_, out, _) = said(&validate(&server, &["--verbose"]));
    let told: Vec<_> = out.lines().filter(|line| line.contains("file\t")).collect();
    let mut expected = Vec::new();
    for hour in (1..=HOURS).rev() {
        expected.push(format!("Digest file\ts3://{BUCKET}/{}\tvalid", digest_key(hour)));
        if hour - 1 != common::EMPTY_HOUR {
            expected.push(format!("Log file\ts3://{BUCKET}/{}\tvalid", log_key(hour - 1)));
        }
    }
    assert_eq!(told, expected);
    let gets = server.requests().iter().filter(|r| r.starts_with("GET ")).count();
    assert_eq!(gets, 15, "nothing is read twice");
}

#[test]
fn what_cannot_be_read_is_not_called_invalid_and_ends_nothing() {
    let faults =
        [Fault::Status(403, "AccessDenied"), Fault::Status(503, "SlowDown"), Fault::ShortBody(10)];
    // What may pass is tried again, after pauses.
    side_by_side(faults, |fault| {
        let server = bucket_of(&Tree::sealed());
        server.fault(&log_key(2), fault, None);
        let (status, out, err) = said(&validate(&server, &[]));
        assert_eq!(status, Some(3), "{fault:?}: {out}{err}");
        assert!(err.contains(&format!("{}\tUNREAD: ", log_key(2))), "{err}");
        assert!(!err.contains("INVALID"), "{err}");
        assert!(out.contains("6/7 log files valid, 1/7 log files UNREAD"), "{out}");
    });
    let server = bucket_of(&Tree::sealed());
    server.fault(&digest_key(4), Fault::Status(403, "AccessDenied"), None);
    let (status, out, err) = said(&validate(&server, &[]));
    assert_eq!(status, Some(3), "{out}{err}");
    assert!(out.contains("7/8 digest files valid, 1/8 digest files UNREAD"), "{out}");
}

/// As Python's zlib has them: it takes what it could inflate, and does not miss the rest.
#[test]
fn bodies_that_are_not_whole_are_forgiven_as_by_the_aws_cli() {
    type Change = fn(&mut Vec<u8>);
    let cases: [(&str, Change, Option<&str>); 9] = [
        ("the trailer cut off", |b| b.truncate(b.len() - 8), None),
        ("cut off", |b| b.truncate(b.len() / 2), Some("hash value doesn't match")),
        ("empty", Vec::clear, Some("hash value doesn't match")),
        ("one byte", |b| *b = b"x".to_vec(), Some("hash value doesn't match")),
        ("two bytes", |b| *b = b"xy".to_vec(), Some("invalid format")),
        ("three bytes", |b| b.truncate(3), Some("hash value doesn't match")),
        ("no method", |b| *b = vec![0x1f, 0x8b, 0, 0], Some("invalid format")),
        ("another CRC", |b| *b.iter_mut().nth_back(7).unwrap() ^= 1, Some("invalid format")),
        ("bytes after it", |b| b.push(0), Some("unexpected data after end of compressed stream")),
    ];
    for (name, change, invalid) in cases {
        let tree = Tree::sealed();
        tree.change(&log_key(2), change);
        let (status, out, err) = said(&validate(&bucket_of(&tree), &[]));
        assert_eq!(status, Some(i32::from(invalid.is_some())), "{name}: {out}{err}");
        if let Some(reason) = invalid {
            assert!(err.contains(&format!("{}\tINVALID: {reason}", log_key(2))), "{name}: {err}");
        }
    }
}

#[test]
fn an_offset_is_honoured() {
    let server = bucket_of(&Tree::sealed());
    let more = ["--s3-prefix", ""];
    let arn = format!("arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/{TRAIL}");
    let time =
        ["--start-time", "2026-03-01T02:00:00+02:00", "--end-time", "2026-03-01T05:00:00+02:00"];
    let args = [&["validate-logs", "--trail-arn", &arn, "--s3-bucket", BUCKET][..], &time, &more];
    let (status, out, _) = said(&run(&server, &args.concat()));
    assert_eq!(status, Some(0));
    assert!(out.contains("Results requested for 2026-03-01T00:00:00Z to 2026-03-01T03:00:00Z"));
}

#[test]
fn strict_ends_as_verify_does_and_lists_what_the_rules_let_pass() {
    let clean = validate(&bucket_of(&Tree::sealed()), &["--strict"]);
    let (status, out, err) = said(&clean);
    assert_eq!(status, Some(0), "{out}{err}");
    assert!(out.ends_with("\nBy the rules of trailseal verify: VERIFIED\n"), "{out}");

    let tree = Tree::sealed();
    let injected = log_key_at(at(4, 40), "CloudTrail", "BBBBBBBBBBBBBBBB");
    tree.write_log(&injected);
    tree.remove(&log_key(2));
    let server = bucket_of(&tree);
    let (status, out, err) = said(&validate(&server, &[]));
    assert_eq!(status, Some(1));
    assert!(err.contains("INVALID: not found") && !out.contains(&injected), "{out}{err}");
    let (status, out, _) = said(&validate(&server, &["--strict"]));
    assert_eq!(status, Some(1));
    let passed = out.split_once("Not found by the rules above:\n").unwrap().1;
    let lines: Vec<_> = passed.lines().collect();
    assert_eq!(lines.len(), 1, "what was told above is not told again: {passed}");
    assert!(lines[0].starts_with(&format!("  violation log-unreferenced\t{injected}\t")));
}

#[test]
fn strict_finds_what_fails_open() {
    let tree = Tree::sealed();
    [6, 7, 8].iter().for_each(|hour| tree.remove(&digest_key(*hour)));
    let server = bucket_of(&tree);
    assert_eq!(validate(&server, &[]).status.code(), Some(0), "as the AWS CLI has it");
    let (status, out, _) = said(&validate(&server, &["--strict"]));
    assert_eq!(status, Some(1));
    assert!(out.contains("violation chain-truncated"), "{out}");
}

/// What ends these rules with 255 is incomplete to verify, which may find more all the same.
#[test]
fn strict_has_a_verdict_where_trouble_ends_the_other_rules() {
    let server = bucket_of(&Tree::sealed());
    let digests = format!("list:AWSLogs/{ACCOUNT}/CloudTrail-Digest/");
    server.fault(&digests, Fault::Status(403, "AccessDenied"), None);
    assert_eq!(validate(&server, &[]).status.code(), Some(255), "as the AWS CLI has it");
    let (status, out, err) = said(&validate(&server, &["--strict"]));
    assert_eq!(status, Some(3), "{out}{err}");
    assert!(err.contains("AccessDenied"), "{err}");
    assert!(out.contains("trailseal verify: INCOMPLETE"), "{out}");
}

/// An object of which one thing was told may have another wrong with it.
#[test]
fn strict_tells_of_what_weighs_more_than_what_was_told() {
    let tree = Tree::sealed();
    tree.change(&log_key(2), |bytes| bytes.extend(b"more"));
    let server = bucket_of(&tree);
    server.fault(&digest_key(4), Fault::Status(403, "AccessDenied"), None);
    let (status, out, err) = said(&validate(&server, &["--strict"]));
    assert_eq!(status, Some(1), "{out}{err}");
    assert!(err.contains(&format!("{}\tUNREAD: ", digest_key(4))), "{err}");
    let passed = out.split_once("Not found by the rules above:\n").unwrap().1;
    assert!(passed.contains(&format!("violation log-trailing-data\t{}\t", log_key(2))), "{out}");
    assert!(!passed.contains("object-unreadable\tAWSLogs"), "told above: {out}");
}

#[test]
fn certificates_are_checked_whatever_is_asked() {
    let server = bucket_of(&Tree::sealed());
    let (status, _, err) = said(&validate(&server, &["--no-verify-ssl"]));
    assert_eq!(status, Some(0));
    assert!(err.contains("--ca-bundle"), "{err}");
    let (status, _, err) = said(&validate(&server, &["--ca-bundle", "/nonexistent/ca.pem"]));
    assert_eq!(status, Some(255));
    assert!(err.contains("/nonexistent/ca.pem"), "{err}");
}
