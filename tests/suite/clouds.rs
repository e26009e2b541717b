//! The command over a copy in Google Cloud Storage, whose XML interface is that of S3: the server of
//! the suite stands for it.

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;

use crate::common::bucket::{bucket_of, report_of};
use crate::common::server::{Endless, Fault, Server};
use crate::common::{BUCKET, Report, Tree, digest_key, files_of, log_key, scratch};

const SOURCE: &str = "gs://audit-logs";

fn run(server: &Server, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trailseal"))
        .args(args)
        .env_clear()
        .env("GOOGLE_BASE_URL", server.endpoint())
        .env("GOOGLE_BEARER_TOKEN", "of a test")
        .output()
        .unwrap()
}

fn verify(server: &Server, tree: &Tree, more: &[&str]) -> Report {
    let keys = tree.keys.to_str().unwrap();
    let args = ["verify", SOURCE, "--keys", keys, "--format", "json"];
    report_of(&run(server, &[&args, more].concat()))
}

/// Ends in an error: its status and text.
fn refused(server: &Server, args: &[&str]) -> (i32, String) {
    let output = run(server, args);
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The tree in a bucket, its metadata in objects beside the others.
fn copy_of(tree: &Tree) -> Server {
    let server = bucket_of(tree);
    for (name, bytes) in files_of(tree.root()) {
        if name.ends_with(".metadata.json") {
            server.put(BUCKET, &name, bytes, &[]);
        }
    }
    server.clear_requests();
    server
}

/// A report without what differs from store to store.
fn told(report: &Report) -> Value {
    let mut json = report.json.clone();
    for (place, name) in
        [("", "started"), ("", "finished"), ("/scope", "sources"), ("/totals", "requests")]
    {
        json.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(name);
    }
    json
}

fn violations(report: &Report) -> Vec<String> {
    let codes = report.codes().into_iter();
    codes.filter(|finding| finding.1 == "violation").map(|finding| finding.0).collect()
}

/// A way to damage a tree.
type Damage = fn(&Tree);

#[test]
fn a_copy_is_what_it_is_as_a_directory() {
    let worlds: [(Damage, u8); 6] = [
        (|_| {}, 0),
        (|tree| tree.lose_metadata(&digest_key(8)), 3),
        (|tree| tree.remove(&log_key(2)), 1),
        (|tree| tree.remove(&digest_key(4)), 1),
        (|tree| tree.rewrite(&log_key(2), "Records", "records"), 1),
        (|tree| tree.write_log(&log_key(3)), 1),
    ];
    for (number, (damage, status)) in worlds.into_iter().enumerate() {
        let tree = Tree::sealed();
        damage(&tree);
        let (directory, copy) = (tree.verify(&[]), verify(&copy_of(&tree), &tree, &[]));
        assert_eq!(copy.status, status, "{number}: {:#}", copy.json["findings"]);
        assert_eq!(format!("{:#}", told(&copy)), format!("{:#}", told(&directory)), "{number}");
    }
}

#[test]
fn trouble_is_never_absence() {
    let tree = Tree::sealed();
    let (log, digest) = (log_key(2), digest_key(4));
    let days = "list:CloudTrail/us-east-1/2026/03/01/".to_owned();
    for (matching, fault) in [
        (&log, Fault::Status(404, "NoSuchKey")),
        (&log, Fault::Status(403, "AccessDenied")),
        (&log, Fault::Garbage),
        (&digest, Fault::Status(404, "NoSuchKey")),
        (&digest, Fault::Status(404, "NoSuchBucket")),
        (&days, Fault::Status(403, "AccessDenied")),
        (&days, Fault::Status(404, "NoSuchBucket")),
        (&days, Fault::Garbage),
        (&days, Fault::CutListing(40)),
        (&days, Fault::OtherKeys),
        (&days, Fault::Endless(Endless::SameToken)),
    ] {
        let server = copy_of(&tree);
        server.fault(matching, fault, None);
        let report = verify(&server, &tree, &[]);
        assert_eq!(violations(&report), Vec::<String>::new(), "{matching}: {fault:?}");
        assert_eq!(report.status, 3, "{matching}: {fault:?}: {:#}", report.json["findings"]);
    }
}

#[test]
fn what_is_tried_again_does_not_show() {
    let tree = Tree::sealed();
    let server = copy_of(&tree);
    server.fault(&log_key(1), Fault::Status(503, "SlowDown"), Some(1));
    server.fault(&log_key(2), Fault::Reset, Some(1));
    server.fault("list:AWSLogs/", Fault::Status(500, "InternalError"), Some(1));
    assert_eq!(verify(&server, &tree, &[]).status, 0);
}

#[test]
fn the_same_trouble_is_the_same_text() {
    let tree = Tree::sealed();
    let server = copy_of(&tree);
    server.fault(&log_key(1), Fault::Status(403, "AccessDenied"), None);
    server.fault(&log_key(2), Fault::Status(500, "InternalError"), None);
    let text = || format!("{:#}", verify(&server, &tree, &[]).json["findings"]);
    let first = text();
    assert!(first.contains("403 Forbidden: AccessDenied"), "{first}");
    assert_eq!(text(), first);
}

#[test]
fn odd_keys_do_no_harm() {
    let tree = Tree::sealed();
    let day = log_key(1).rsplit_once('/').unwrap().0.to_owned();
    // Marks of folders, as some tools make them.
    let server = copy_of(&tree);
    for key in ["AWSLogs/", &format!("{day}/")] {
        server.put(BUCKET, key, Vec::new(), &[]);
    }
    assert_eq!(told(&verify(&server, &tree, &[])), told(&tree.verify(&[])));
    // Keys that cannot be named here hide what else there may be.
    for key in ["/AWSLogs/x", "AWSLogs//x", "AWSLogs/../x", &format!("{day}//x")] {
        let server = copy_of(&tree);
        server.put(BUCKET, key, b"x".to_vec(), &[]);
        let report = verify(&server, &tree, &[]);
        assert_eq!(violations(&report), Vec::<String>::new(), "{key}");
        assert_eq!(report.status, 3, "{key}: {:#}", report.json["findings"]);
    }
}

#[test]
fn an_unfinished_copy_is_incomplete() {
    let tree = Tree::sealed();
    tree.remove(&log_key(2));
    let server = copy_of(&tree);
    assert_eq!(verify(&server, &tree, &[]).status, 1);
    server.put(BUCKET, ".trailseal-collect.json", b"{}".to_vec(), &[]);
    let report = verify(&server, &tree, &[]);
    assert_eq!((report.status, violations(&report)), (3, Vec::new()));
}

#[test]
fn a_copy_is_collected_as_it_is_stored() {
    let tree = Tree::sealed();
    let (server, target) = (copy_of(&tree), scratch());
    // The service inflates what is stored as gzip for who does not ask for gzip.
    server.fault(".json.gz", Fault::InflatedUnlessAccepted, None);
    let dir = target.path().join("copy");
    let output = run(&server, &["collect", SOURCE, dir.to_str().unwrap(), "--no-progress"]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let mut copied = files_of(&dir);
    let mut stored = files_of(tree.root());
    for files in [&mut copied, &mut stored] {
        files.retain(|name, _| name.starts_with("AWSLogs/"));
    }
    assert_eq!(copied.keys().collect::<Vec<_>>(), stored.keys().collect::<Vec<_>>());
    assert!(copied == stored, "every byte is as it was stored");
}

#[test]
fn what_cannot_be_opened_is_told() {
    let tree = Tree::sealed();
    let server = copy_of(&tree);
    let (keys, root) = (tree.keys.to_str().unwrap(), tree.root().to_str().unwrap());
    let verify = |sources: &[&str]| {
        refused(&server, &[&["verify"], sources, &["--keys", keys, "--no-progress"]].concat())
    };
    let (status, text) = verify(&["gs://nothing"]);
    assert_eq!(status, 3, "{text}");
    for wrong in ["gs://", "gs://a b", "gs://..", "az://audit-logs"] {
        let (status, text) = verify(&[wrong]);
        assert_eq!(status, 2, "{wrong}: {text}");
    }
    let (status, text) = verify(&["s3://audit-logs", SOURCE]);
    assert!(status == 2 && text.contains("buckets and copies"), "{text}");
    // Copies of all kinds go together: here the same one twice.
    let output = run(&server, &["verify", root, SOURCE, "--keys", keys, "--format", "json"]);
    let both = report_of(&output);
    let findings = both.json["findings"].to_string();
    assert!(both.status == 3 && findings.contains("7 log files more than once"), "{findings}");
    let key = tree.root().join("key.pem");
    fs::write(&key, "").unwrap();
    let key = key.to_str().unwrap();
    let seal = ["seal", SOURCE, "--key", key, "--trail", "t", "--account", "111122223333"];
    let (status, text) = refused(&server, &[&seal[..], &["--region", "us-east-1"]].concat());
    assert_eq!(status, 2, "{text}");
}
