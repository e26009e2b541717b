//! Sealing a bucket that somebody else writes to, too.

use crate::common;
use crate::common::bucket::{bucket_of, run};
use crate::common::server::{Fault, Server};
use crate::common::{
    ACCOUNT, BUCKET, HOURS, REGION, TRAIL, Tree, at, digest_key, log_key_at, scratch,
};

fn seal(server: &Server, more: &[&str]) -> (Option<i32>, String, String) {
    let files = scratch();
    let key = files.path().join("signing-key.pem");
    std::fs::write(&key, common::key().to_pkcs8_pem().unwrap()).unwrap();
    let (source, end) = (format!("s3://{BUCKET}"), at(i64::from(HOURS) + 1, 0).to_string());
    let args = ["seal", &source, "--account", ACCOUNT, "--region", REGION, "--trail", TRAIL];
    let args = [&args[..], &["--key", key.to_str().unwrap(), "--end-time", &end], more].concat();
    let output = run(server, &args);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The newest digest is deleted and a log file put in its time: nothing in the bucket shows it.
#[test]
fn a_bucket_that_lost_its_expected_head_is_not_signed_on() {
    let tampered = || {
        let server = bucket_of(&Tree::sealed());
        server.delete(BUCKET, &digest_key(HOURS));
        let injected = log_key_at(at(7, 40), "CloudTrail", "0000000000000000");
        server.put(BUCKET, &injected, common::gzip(b"{\"Records\":[]}"), &[]);
        server.modified(BUCKET, &injected, at(7, 41));
        server
    };
    let (status, out, err) = seal(&tampered(), &[]);
    assert_eq!(status, Some(0), "{out}{err}");
    let server = tampered();
    let before = server.keys(BUCKET);
    let (status, out, err) = seal(&server, &["--expect-head", &digest_key(HOURS)]);
    assert_eq!(status, Some(1), "{out}{err}");
    assert!(err.contains("does not hold the expected digest"), "{err}");
    assert!(out.contains(&format!("head found: {}", digest_key(HOURS - 1))), "{err}");
    assert_eq!(server.keys(BUCKET), before, "nothing was written");
    let honest = bucket_of(&Tree::sealed());
    let (status, out, err) = seal(&honest, &["--expect-head", &digest_key(HOURS)]);
    assert_eq!(status, Some(0), "{out}{err}");
    assert!(out.contains(&format!("head now: {}", digest_key(HOURS + 1))), "{err}");
}

/// An expected head that cannot be read is trouble, and no tampering.
#[test]
fn an_expected_head_that_is_denied_is_incomplete() {
    let folder = format!("list:AWSLogs/{ACCOUNT}/CloudTrail-Digest/");
    for place in [digest_key(HOURS), folder] {
        let server = bucket_of(&Tree::sealed());
        let before = server.keys(BUCKET);
        server.fault(&place, Fault::Status(403, "AccessDenied"), None);
        let (status, out, err) = seal(&server, &["--expect-head", &digest_key(HOURS)]);
        assert_eq!(status, Some(3), "{place}: {out}{err}");
        assert_eq!(server.keys(BUCKET), before, "{place}");
    }
}

#[test]
fn a_run_ends_when_its_time_is_over_and_seals_no_half_hour() {
    let tree = Tree::sealed();
    let late = log_key_at(at(8, 40), "CloudTrail", "0000000000000000");
    tree.write_log(&late);
    let server = bucket_of(&tree);
    server.fault(&late, Fault::Stall, None);
    let (status, out, err) = seal(&server, &["--timeout", "1s", "--read-timeout", "1h"]);
    assert_eq!(status, Some(130), "{out}{err}");
    assert!(err.contains("interrupted: not all that is due was sealed"), "{err}");
    assert!(err.contains("nothing was sealed; run the same command again"), "{err}");
    assert!(server.get(BUCKET, &digest_key(HOURS + 1)).is_none());
}
