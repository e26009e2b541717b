//! Flags that mean the same everywhere, and trouble that is no wrong usage.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::common::bucket::{ENVIRONMENT, bucket_of, run};
use crate::common::server::{Fault, Server};
use crate::common::{BUCKET, REGION, Ran, Tree, scratch, trailseal};

const FIRST: &str = "111122223333";
const SECOND: &str = "444455556666";

/// The sample: two accounts in two regions each.
struct Sample(TempDir);

impl Sample {
    fn new() -> Self {
        let dir = scratch();
        assert_eq!(trailseal(&["sample", dir.path().to_str().unwrap()]).status, 0);
        Self(dir)
    }

    fn path(&self, inside: &str) -> String {
        self.0.path().join(inside).to_str().unwrap().to_owned()
    }

    fn verify(&self, more: &[&str]) -> (Ran, Value) {
        let (root, keys) = (self.path(""), self.path("keys"));
        let args = ["verify", &root, "--keys", &keys, "--format", "json"];
        let ran = trailseal(&[&args[..], more].concat());
        let json = serde_json::from_str(&ran.out).unwrap_or_default();
        (ran, json)
    }
}

/// Accounts and regions of the chains of a report.
fn places(report: &Value) -> Vec<(String, String)> {
    let chains = report["chains"].as_array().unwrap().iter();
    let text = |chain: &Value, name: &str| chain[name].as_str().unwrap().to_owned();
    let mut places: Vec<_> =
        chains.map(|chain| (text(chain, "account"), text(chain, "region"))).collect();
    places.sort();
    places.dedup();
    places
}

#[test]
fn filters_are_lists_and_leave_out_as_they_take_in() {
    let sample = Sample::new();
    let both = format!("{FIRST},{SECOND}");
    let (ran, report) = sample.verify(&["--account", &both, "--region", "us-east-1"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let us = |account: &str| (account.to_owned(), "us-east-1".to_owned());
    assert_eq!(places(&report), [us(FIRST), us(SECOND)]);
    // A violation where nobody looked.
    let log = walk(sample.0.path()).into_iter().find(|path| {
        path.contains(&format!("{SECOND}/CloudTrail/eu-west-1/")) && path.ends_with(".gz")
    });
    fs::remove_file(log.unwrap()).unwrap();
    assert_eq!(sample.verify(&[]).0.status, 1);
    let (ran, report) = sample.verify(&["--exclude-account", SECOND]);
    assert_eq!((ran.status, places(&report).len()), (0, 2), "{}", ran.err);
    assert!(ran.err.contains("; 1 account excluded"), "{}", ran.err);
    assert_eq!(report["scope"]["excluded_accounts"], serde_json::json!([SECOND]));
    assert!(report["not_proven"].to_string().contains(&format!("--exclude-region): {SECOND}")));
    let (ran, report) = sample.verify(&["--exclude-region", "eu-west-1,eu-central-1"]);
    assert_eq!((ran.status, places(&report)), (0, vec![us(FIRST), us(SECOND)]), "{}", ran.err);
    let (ran, _) = sample.verify(&["--account", FIRST, "--exclude-account", FIRST]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("both selected and excluded"), "{}", ran.err);
    // A bag says the same of itself.
    let folder = scratch();
    let bag = folder.path().join("bag.zip");
    let bag = bag.to_str().unwrap();
    let (root, keys) = (sample.path(""), sample.path("keys/public-keys.json"));
    let pack = ["evidence", "pack", &root, "--keys", &keys, "--exclude-account", SECOND, "-o", bag];
    assert_eq!(trailseal(&pack).status, 0);
    let check = trailseal(&["evidence", "check", bag, "--keys", &keys]);
    assert_eq!(check.status, 0, "{}{}", check.out, check.err);
}

fn walk(root: &Path) -> Vec<String> {
    let (mut found, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path.to_str().unwrap().to_owned()),
            }
        }
    }
    found
}

#[test]
fn a_copy_is_of_what_is_asked_for() {
    let sample = Sample::new();
    let copies = scratch();
    let copy = |name: &str, more: &[&str]| {
        let target = copies.path().join(name);
        let root = sample.path("");
        let ran = trailseal(&[&["collect", &root, target.to_str().unwrap()][..], more].concat());
        (ran, walk(&target).into_iter().filter(|path| path.ends_with(".gz")).count())
    };
    let (ran, all) = copy("all", &[]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert_eq!(copy("trail", &["--trail", "management_events"]).1, all);
    let (ran, none) = copy("other", &["--trail", "other,others"]);
    assert_eq!((ran.status, none), (3, 0), "{}", ran.err);
    let (ran, some) = copy("region", &["--exclude-region", "eu-west-1"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(some > 0 && some < all);
    let left = walk(&copies.path().join("region"));
    assert!(left.iter().all(|path| !path.contains("eu-west-1")), "{left:?}");
}

#[test]
fn keys_come_from_a_folder_or_standard_input() {
    let sample = Sample::new();
    assert_eq!(sample.verify(&[]).0.status, 0, "a folder that holds the private key too");
    let shown = trailseal(&["keys", "show", &sample.path("keys")]);
    assert_eq!(shown.out.lines().count(), 3, "{}", shown.out);
    let empty = scratch();
    let ran = trailseal(&["keys", "show", empty.path().to_str().unwrap()]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("contains no public key"), "{}", ran.err);
    let piped = |command: &[&str]| -> Output {
        let file = fs::File::open(sample.path("keys/public-keys.json")).unwrap();
        let mut trailseal = Command::new(env!("CARGO_BIN_EXE_trailseal"));
        trailseal.args(command).stdin(Stdio::from(file)).output().unwrap()
    };
    let root = sample.path("");
    assert_eq!(piped(&["verify", &root, "--keys", "-"]).status.code(), Some(0));
    assert_eq!(piped(&["keys", "show", "-"]).status.code(), Some(0));
    // Nothing goes into the folder that keys come from.
    let beside = sample.path("keys/run.json");
    let (ran, _) = sample.verify(&["-o", &beside]);
    assert_eq!(ran.status, 2, "{}", ran.err);
}

#[test]
fn colour_is_asked_for_or_refused() {
    let sample = Sample::new();
    let (root, keys) = (sample.path(""), sample.path("keys"));
    let out = |more: &[&str], variable: Option<(&str, &str)>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trailseal"));
        command.args(["verify", &root, "--keys", &keys]).args(more).envs(variable);
        String::from_utf8(command.output().unwrap().stdout).unwrap().contains('\u{1b}')
    };
    assert!(out(&["--color", "always"], None));
    assert!(out(&["--color", "always"], Some(("NO_COLOR", "1"))));
    assert!(!out(&["--color", "never"], Some(("CLICOLOR_FORCE", "1"))));
    assert!(!out(&[], None) && !out(&["--color", "auto"], None));
}

#[test]
fn a_run_ends_when_its_time_is_over() {
    let server = bucket_of(&Tree::sealed());
    server.fault(".json.gz", Fault::Stall, None);
    let source = format!("s3://{BUCKET}");
    let ran = run(&server, &["verify", &source, "--timeout", "1s", "--read-timeout", "1h"]);
    assert_eq!(ran.status.code(), Some(130), "{}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(run(&server, &["verify", &source, "--timeout", "soon"]).status.code(), Some(2));
    server.fault("keys:", Fault::Stall, None);
    let folder = scratch();
    let file = folder.path().join("keys.json");
    let fetch = ["keys", "fetch", "--region", REGION, "--output", file.to_str().unwrap()];
    let ran = run(&server, &[&fetch[..], &["--timeout", "1s", "--read-timeout", "1h"]].concat());
    let err = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code(), Some(130), "{err}");
    assert!(err.contains("interrupted: nothing was written"), "{err}");
    assert!(!file.exists());
}

/// Every command that reads a bucket or asks AWS.
fn online(folder: &TempDir) -> Vec<Vec<String>> {
    let out = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (copy, bag, keys, key) = (out("copy"), out("bag.zip"), out("keys.json"), out("key.pem"));
    let signing = crate::common::other_key();
    fs::write(&key, signing.to_pkcs8_pem().unwrap()).unwrap();
    let source = format!("s3://{BUCKET}");
    let seal = ["seal", &source, "--account", FIRST, "--region", REGION, "--trail", "audit"];
    let commands: [Vec<&str>; 8] = [
        vec!["verify", &source],
        vec!["verify", &source, "--dry-run"],
        vec!["collect", &source, &copy],
        vec!["evidence", "pack", &source, "--output", &bag],
        [&seal[..], &["--key", &key]].concat(),
        [&seal[..], &["--key", "kms:alias/audit"]].concat(),
        vec!["keys", "fetch", "--region", REGION, "--output", &keys],
        vec!["verify-query-results", "--s3-bucket", BUCKET, "--region", REGION],
    ];
    commands.iter().map(|command| command.iter().map(|arg| (*arg).to_owned()).collect()).collect()
}

fn asked(endpoint: &str, command: &[String]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trailseal"))
        .args(command)
        .args(["--endpoint-url", endpoint])
        .env_clear()
        .envs(ENVIRONMENT)
        .env("AWS_MAX_ATTEMPTS", "2")
        .output()
        .unwrap()
}

#[test]
fn an_outage_is_never_wrong_usage() {
    let folder = scratch();
    let denied = bucket_of(&Tree::sealed());
    denied.fault("list:", Fault::Status(403, "AccessDenied"), None);
    denied.deny_keys();
    let empty = Server::start();
    for command in online(&folder) {
        let is_about_keys = command[0] == "keys" || command.contains(&"kms:alias/audit".to_owned());
        for (name, endpoint) in [
            ("refused", "http://127.0.0.1:9"),
            ("denied", denied.endpoint()),
            ("no such bucket", empty.endpoint()),
        ] {
            if is_about_keys && name == "no such bucket" {
                continue;
            }
            // An object whose key is known is read without the permission to list.
            if command[0] == "verify-query-results" && name == "denied" {
                continue;
            }
            let ran = asked(endpoint, &command);
            let err = String::from_utf8_lossy(&ran.stderr);
            assert_eq!(ran.status.code(), Some(3), "{command:?}, {name}: {err}");
        }
    }
}

#[test]
fn a_clock_that_is_wrong_is_named() {
    let server = bucket_of(&Tree::sealed());
    server.fault("list:", Fault::Status(403, "RequestTimeTooSkewed"), None);
    let ran = run(&server, &["verify", &format!("s3://{BUCKET}"), "--format", "json"]);
    let out = String::from_utf8_lossy(&ran.stdout);
    assert_eq!(ran.status.code(), Some(3));
    assert!(out.contains("this machine's clock may be too far"), "{out}");
}

#[test]
fn a_filter_that_meets_nothing_is_told_what_is_there() {
    let sample = Sample::new();
    for (filter, says) in [
        (["--account", "999988887777"], format!("The source has: accounts {FIRST}, {SECOND}.")),
        (
            ["--region", "us-esat-1"],
            "The source has: regions eu-west-1, us-east-1. Did you mean us-east-1?".to_owned(),
        ),
        (["--region", "ap-south-1"], "The source has: regions eu-west-1, us-east-1.".to_owned()),
        (["--trail", "managment_events"], "The source has: trails management_events.".to_owned()),
    ] {
        let (ran, report) = sample.verify(&filter);
        assert_eq!(ran.status, 3, "{filter:?}");
        let finding = &report["findings"][0];
        assert_eq!(finding["code"], "no-digests");
        let message = finding["message"].as_str().unwrap();
        assert!(message.ends_with(&says), "{message}");
    }
}

#[test]
fn a_time_that_meets_nothing_is_told_the_days_that_are_there() {
    let sample = Sample::new();
    let (ran, report) = sample.verify(&["--start-time", "2020-04-01", "--end-time", "2020-04-02"]);
    assert_eq!(ran.status, 3, "{}", ran.err);
    let found = walk(sample.0.path()).into_iter().filter_map(|path| {
        let day = path.split(&format!("{FIRST}/CloudTrail-Digest/us-east-1/")).nth(1)?;
        Some(day[.."2026/03/01".len()].to_owned())
    });
    let days: Vec<String> = found.collect();
    let (first, last) = (days.iter().min().unwrap(), days.iter().max().unwrap());
    let days =
        format!("although there are those of days from {first} to {last}. Nothing is proven.");
    let messages = report["findings"].as_array().unwrap().iter();
    let told = messages.filter(|f| f["message"].as_str().unwrap().ends_with(&days)).count();
    assert!(told > 0, "{days}: {:#}", report["findings"]);
}

#[test]
fn a_forgotten_scheme_is_suggested() {
    let folder = scratch();
    let copy = folder.path().join("copy");
    let copy = copy.to_str().unwrap();
    let seal =
        ["seal", "my-bucket/logs", "--account", FIRST, "--region", REGION, "--trail", "audit"];
    for command in [
        vec!["verify", "my-bucket/logs"],
        vec!["evidence", "pack", "my-bucket/logs", "-o", copy],
        vec!["collect", "my-bucket/logs", copy],
        [&seal[..], &["--key", "key.pem"]].concat(),
    ] {
        let ran = trailseal(&command);
        assert_eq!(ran.status, 2, "{command:?}");
        assert!(ran.err.contains("s3://my-bucket/logs"), "{command:?}: {}", ran.err);
    }
    let ran = trailseal(&["verify", "./no/such/folder"]);
    assert!(!ran.err.contains("s3://no"), "{}", ran.err);
}

#[test]
fn an_archive_is_to_be_unpacked() {
    let folder = scratch();
    for name in ["copy.tgz", "copy.tar.gz", "COPY.TAR", "copy.7z", "copy.zip"] {
        let path = folder.path().join(name);
        let gone = trailseal(&["verify", path.to_str().unwrap()]);
        std::fs::write(&path, b"x").unwrap();
        let ran = trailseal(&["verify", path.to_str().unwrap()]);
        assert_eq!((gone.status, ran.status), (2, 2), "{name}");
        assert!(ran.err.contains(": an archive, not a directory\n  unpack it, "), "{}", ran.err);
        assert_eq!(ran.err.contains("evidence check"), name.ends_with(".zip"), "{}", ran.err);
    }
    let ran = trailseal(&["verify", "no-such-copy.tgz"]);
    assert!(ran.err.contains("\n  check the path; an archive must be unpacked"), "{}", ran.err);
    // The name alone does not make an archive.
    let folder = folder.path().join("copy.old.tar");
    std::fs::create_dir(&folder).unwrap();
    let ran = trailseal(&["verify", folder.to_str().unwrap()]);
    assert!(ran.err.contains("no public keys"), "{}", ran.err);
}

#[test]
fn dates_are_taken_where_times_are() {
    let sample = Sample::new();
    let gap = "2026-01-01/2026-01-02=moved";
    let end = format!("{FIRST}/us-east-1/management_events@2026-01-02=closed");
    let flags = ["--as-of", "2026-03-04", "--accept-gap", gap, "--accept-end", &end];
    let (ran, report) = sample.verify(&flags);
    assert_ne!(ran.status, 2, "{}", ran.err);
    assert_eq!(report["scope"]["as_of"], "2026-03-04T00:00:00Z");
    assert_eq!(report["scope"]["accepted_gaps"][0]["start"], "2026-01-01T00:00:00Z");
}

/// Without an end, a copy reaches to its newest digest. What one chain lags behind it is pending up to
/// the grace, and shown; said to be copied later than that, it is open.
#[test]
fn what_a_chain_of_a_copy_lags_behind_another_is_pending_and_not_passed_over() {
    let sample = Sample::new();
    let folder =
        Path::new(&sample.path("AWSLogs/444455556666/CloudTrail-Digest/us-east-1/2026/03/02"))
            .to_owned();
    for end in ["T060000Z", "T050000Z"] {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.to_str().unwrap().contains(end) {
                fs::remove_file(path).unwrap();
            }
        }
    }
    let (ran, report) = sample.verify(&[]);
    assert_eq!(ran.status, 0, "{report:#}");
    assert_eq!(report["totals"]["coverage_seconds"]["pending"], 7200);
    let (ran, report) = sample.verify(&["--as-of", "2026-03-02T06:30:00Z"]);
    let pending = &report["totals"]["coverage_seconds"]["pending"];
    assert_eq!((ran.status, pending), (3, &Value::from(0)), "{report:#}");
    let finding = &report["findings"][0];
    assert_eq!(
        (&finding["code"], &finding["severity"]),
        (&"chain-truncated".into(), &"incomplete".into())
    );
    let said = finding["message"].as_str().unwrap();
    assert!(said.contains("were due when the copy was made (--as-of)"), "{said}");
    // Of an end that is asked for, it need not be given, and what is said asks for it.
    let (ran, report) = sample.verify(&["--end-time", "2026-03-02T06:00:00Z"]);
    let said = report["findings"][0]["message"].as_str().unwrap();
    assert_eq!(ran.status, 3, "{said}");
    assert!(said.contains("Use --as-of TIME"), "{said}");
}
