//! Evidence of a bucket: what CloudTrail and S3 say besides the objects is in the bag too.

use crate::common;
use std::fs;
use std::path::PathBuf;

use crate::common::bag::{check, files_of};
use crate::common::bucket::{bucket_of, run};
use crate::common::server::{Fault, Server};
use crate::common::{BUCKET, HOURS, Tree, at, digest_key, log_key, log_key_at, scratch};
use tempfile::TempDir;

struct Packed {
    /// Removed in the end.
    _around: TempDir,
    dir: PathBuf,
    status: i32,
    err: String,
}

fn pack(server: &Server, more: &[&str]) -> Packed {
    let around = scratch();
    let dir = around.path().join("evidence");
    let (start, end) = (at(0, 0).to_string(), at(HOURS.into(), 0).to_string());
    let source = format!("s3://{BUCKET}");
    let mut args = vec!["evidence", "pack", &source, "--start-time", &start, "--end-time", &end];
    args.extend(["--grace", "0s", "--no-progress", "--output", dir.to_str().unwrap()]);
    args.extend(more);
    let output = run(server, &args);
    let err = String::from_utf8(output.stderr).unwrap();
    Packed { _around: around, dir, status: output.status.code().unwrap(), err }
}

fn custody(packed: &Packed) -> String {
    fs::read_to_string(packed.dir.join("data/custody.csv")).unwrap()
}

#[test]
fn a_bucket_packs_with_its_keys_and_times_of_delivery() {
    let server = bucket_of(&Tree::sealed());
    let packed = pack(&server, &[]);
    assert_eq!(packed.status, 0, "{}", packed.err);
    // The keys are those that CloudTrail published, and nobody else's.
    let sources = fs::read_to_string(packed.dir.join("data/keys/sources.json")).unwrap();
    assert!(sources.contains("CloudTrail ListPublicKeys us-east-1"), "{sources}");
    assert!(packed.dir.join("data/keys/public-keys.json").is_file());
    let row = custody(&packed);
    let row = row.lines().find(|row| row.contains(&log_key(2))).unwrap();
    assert!(row.contains(&format!("s3://{BUCKET}/{}", log_key(2))), "{row}");
    assert!(row.contains("2026-03-01T02:20:00Z"), "{row}");
    let checked = check(&packed.dir, &[]);
    assert_eq!((checked.status, checked.faults()), (0, vec![]), "{}", checked.json);
    assert_eq!(checked.json["differences"], serde_json::json!([]));
}

#[test]
fn each_object_is_read_once_and_is_the_one_that_was_judged() {
    let server = bucket_of(&Tree::sealed());
    let packed = pack(&server, &[]);
    assert_eq!(packed.status, 0, "{}", packed.err);
    let mut gets: Vec<_> = server
        .requests()
        .into_iter()
        .filter(|request| request.starts_with("GET ") && request.contains(".json.gz"))
        .collect();
    let all = gets.len();
    gets.sort();
    gets.dedup();
    assert_eq!((gets.len(), all), (15, 15));
    let files = files_of(&packed.dir);
    for key in [log_key(2), digest_key(3)] {
        let stored = server.get(BUCKET, &key).unwrap();
        assert_eq!(files[&format!("data/objects/{BUCKET}/{key}")], stored);
    }
}

#[test]
fn an_injected_log_file_is_in_the_bag() {
    let server = bucket_of(&Tree::sealed());
    let key = log_key_at(at(2, 40), "CloudTrail", "0000000000000000");
    server.put(BUCKET, &key, common::gzip(b"{\"Records\":[]}"), &[]);
    server.modified(BUCKET, &key, at(2, 41));
    for logs in ["all", "failed"] {
        let packed = pack(&server, &["--logs", logs]);
        assert_eq!(packed.status, 1, "{}", packed.err);
        assert!(packed.dir.join(format!("data/objects/{BUCKET}/{key}")).is_file(), "{logs}");
        let checked = check(&packed.dir, &[]);
        assert_eq!((checked.status, checked.faults()), (1, vec![]));
        if logs == "all" {
            assert_eq!(checked.found(), ["log-unreferenced"], "{}", checked.json);
            assert_eq!(checked.json["differences"], serde_json::json!([]));
        }
    }
}

/// Whoever may write to a bucket cannot keep it from being packed by a key that is no path.
#[test]
fn a_key_that_no_disk_takes_is_left_out_and_told() {
    let server = bucket_of(&Tree::sealed());
    let long = log_key_at(at(2, 40), "CloudTrail", &"a".repeat(300));
    server.put(BUCKET, &long, common::gzip(b"{\"Records\":[]}"), &[]);
    server.modified(BUCKET, &long, at(2, 41));
    let packed = pack(&server, &[]);
    assert_eq!(packed.status, 1, "{}", packed.err);
    let custody = custody(&packed);
    let row = custody.lines().find(|row| row.contains(&long)).unwrap();
    assert!(row.contains("too long for a disk"), "{row}");
    let checked = check(&packed.dir, &[]);
    assert_eq!(checked.faults(), vec![], "{}", checked.json);
    assert_eq!(i32::from(checked.status), packed.status, "{}", checked.json);
}

#[test]
fn what_was_denied_is_no_tampering_in_the_bag_either() {
    let server = bucket_of(&Tree::sealed());
    server.fault(&log_key(2), Fault::Status(403, "AccessDenied"), None);
    server.fault(&digest_key(6), Fault::Status(403, "AccessDenied"), None);
    let packed = pack(&server, &[]);
    assert_eq!(packed.status, 3, "{}", packed.err);
    assert!(custody(&packed).contains(",unreadable,"));
    let checked = check(&packed.dir, &[]);
    assert_eq!((checked.status, checked.faults()), (3, vec![]), "{}", checked.json);
    assert_eq!(checked.json["differences"], serde_json::json!([]));
}

#[test]
fn a_bucket_that_cannot_be_reached_leaves_nothing() {
    let server = bucket_of(&Tree::sealed());
    let around = scratch();
    let output = around.path().join("evidence.zip");
    let output = output.to_str().unwrap();
    let ran = run(&server, &["evidence", "pack", "s3://no-such-bucket", "--output", output]);
    let err = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.code(), Some(3), "{err}");
    assert!(err.contains("no-such-bucket"), "{err}");
    assert_eq!(fs::read_dir(around.path()).unwrap().count(), 0);
}
