//! Stores that answer otherwise than they should: what they say is no ground for an accusation, nor
//! for a proof, and does not wear a run down.

use crate::common::peak;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::common::bucket::{ENVIRONMENT, bucket_of, check_bucket, report_of, run};
use crate::common::server::{Endless, Fault, Server};
use crate::common::sweep::side_by_side;
use crate::common::{
    ACCOUNT, BUCKET, HOURS, REGION, Report, Tree, at, digest_key, gunzip, log_key, scratch,
};

/// What any run may take, in MiB.
const MOST_MEMORY: u64 = 256;

fn check(server: &Server, more: &[&str]) -> Report {
    check_bucket(server, HOURS, more)
}

fn codes(report: &Report) -> Vec<(String, String)> {
    report.codes().into_iter().map(|(code, _, key)| (code, key)).collect()
}

fn messages(report: &Report) -> String {
    report.json["findings"].to_string()
}

fn assert_trouble(name: &str, report: &Report) {
    assert_eq!(report.status, 3, "{name}: {:#}", report.json["findings"]);
    let violations =
        report.codes().iter().filter(|(_, severity, _)| severity == "violation").count();
    assert_eq!(violations, 0, "{name}: {:#}", report.json["findings"]);
    assert!(codes(report).iter().any(|(code, _)| code == "object-unreadable"), "{name}");
}

fn command(server: &Server, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailseal"));
    command.args(args).args(["--endpoint-url", server.endpoint()]).env_clear().envs(ENVIRONMENT);
    command
}

const LISTINGS: [(&str, Fault); 9] = [
    ("another prefix", Fault::OtherPrefix),
    ("keys outside the requested prefix", Fault::OtherKeys),
    ("cut off before its end", Fault::CutListing(1)),
    ("cut off in its closing tag", Fault::CutListing(10)),
    ("cut off among its keys", Fault::CutListing(250)),
    ("no listing", Fault::Garbage),
    ("a token that repeats", Fault::Endless(Endless::SameToken)),
    ("keys that repeat", Fault::Endless(Endless::SameKeys)),
    ("pages of nothing", Fault::Endless(Endless::Nothing)),
];

#[test]
fn a_listing_counts_only_as_an_answer_to_its_question() {
    // The last two go on for a thousand pages.
    listings(&LISTINGS[..7], 2);
}

#[test]
#[ignore = "slow: each kind of answer to either listing"]
fn any_listing_counts_only_as_an_answer_to_its_question() {
    listings(&LISTINGS, 1);
}

/// Each answer that is none, to the listing of log files and to that of digests; by twos, to one of
/// them in turn.
fn listings(answers: &[(&str, Fault)], step: usize) {
    let tree = Tree::sealed();
    let folders = ["CloudTrail/us-east-1/2026/03/01", "CloudTrail-Digest/us-east-1/2026/03/01"];
    side_by_side(answers.iter().copied().enumerate(), |(n, (name, fault))| {
        for folder in folders.into_iter().skip(n % step).step_by(step) {
            let server = bucket_of(&tree);
            // The keys of a listing without end are no log files to accuse anybody of.
            server.fault(&format!("list:{folder}"), fault, None);
            let report = check(&server, &["--unreferenced", "ignore"]);
            assert_trouble(&format!("{name} {folder}"), &report);
        }
    });
}

#[test]
fn a_bucket_opens_only_with_an_answer_to_the_question() {
    for (name, fault) in [LISTINGS[0], LISTINGS[1], LISTINGS[2], LISTINGS[5]] {
        let server = bucket_of(&Tree::sealed());
        server.fault("list:", fault, None);
        let source = format!("s3://{BUCKET}/AWSLogs/{ACCOUNT}");
        let report = report_of(&run(&server, &["verify", &source, "--format", "json"]));
        assert_trouble(name, &report);
    }
}

#[test]
fn absence_is_not_accused_on_a_listing_that_fails() {
    let server = bucket_of(&Tree::sealed());
    server.delete(BUCKET, &log_key(2));
    assert_eq!(check(&server, &[]).status, 1, "it is gone");
    server.fault(&format!("list:{}", log_key(2)), Fault::Status(403, "AccessDenied"), None);
    assert_trouble("the listing that confirms it is denied", &check(&server, &[]));
    server.clear_faults();
    let nothing = Fault::Endless(Endless::Nothing);
    server.fault(&format!("list:{}", log_key(2)), nothing, None);
    assert_trouble("the listing that confirms it does not end", &check(&server, &[]));
}

#[test]
fn a_body_is_judged_only_when_it_is_known_to_be_the_objects() {
    check_a_body_is_judged_only_when_it_is_known_to_be_the_objects(2);
}

#[test]
#[ignore = "slow: each kind of body"]
fn a_body_is_judged_only_when_it_is_known_to_be_the_objects_in_every_case() {
    check_a_body_is_judged_only_when_it_is_known_to_be_the_objects(1);
}

fn check_a_body_is_judged_only_when_it_is_known_to_be_the_objects(step: usize) {
    let tree = Tree::sealed();
    for (name, fault, status) in [
        ("its length is not stated", Fault::Unstated(usize::MAX), 0),
        ("it breaks off, and its length is not stated", Fault::Unstated(10), 3),
        ("nothing of it comes, and its length is not stated", Fault::Unstated(0), 3),
        ("it is inflated on the way", Fault::Inflated, 3),
        ("it is inflated on the way, and its length is not stated", Fault::InflatedUnstated, 3),
        ("it is inflated for those who do not accept gzip", Fault::InflatedUnlessAccepted, 0),
        ("a page of something else", Fault::Garbage, 3),
        ("it is empty", Fault::Shorter(0), 3),
        ("the answer agrees with what came", Fault::Shorter(60), 1),
    ]
    .into_iter()
    .step_by(step)
    {
        for key in [log_key(2), digest_key(4)] {
            let server = bucket_of(&tree);
            server.fault(&key, fault, None);
            let report = check(&server, &[]);
            assert_eq!(report.status, status, "{name} {key}: {}", messages(&report));
            if status == 3 {
                assert_eq!(codes(&report), [("object-unreadable".to_owned(), key)], "{name}");
            }
        }
    }
}

#[test]
fn a_store_that_inflates_is_named_as_such() {
    let server = bucket_of(&Tree::sealed());
    server.fault(&log_key(2), Fault::Inflated, None);
    let told = messages(&check(&server, &[]));
    assert!(told.contains("seems to inflate it"), "{told}");
}

#[test]
fn what_is_stored_inflated_in_a_bucket_is_a_violation() {
    let server = bucket_of(&Tree::sealed());
    let text = gunzip(&server.get(BUCKET, &log_key(2)).unwrap());
    server.put(BUCKET, &log_key(2), text, &[]);
    let report = check(&server, &[]);
    assert_eq!(
        (report.status, codes(&report)),
        (1, vec![("log-malformed".to_owned(), log_key(2))])
    );
}

fn closed(name: &str) -> Server {
    let server = bucket_of(&Tree::sealed());
    match name {
        "denied" => server.fault("list:", Fault::Status(403, "AccessDenied"), None),
        "another region" => server.fault("list:", Fault::OtherRegion("evil.com#-east-1"), None),
        _ => {}
    }
    server
}

#[test]
fn a_source_that_does_not_open_is_incomplete_for_every_command() {
    let around = scratch();
    for (name, bucket) in
        [("absent", "no-such-bucket"), ("denied", BUCKET), ("another region", BUCKET)]
    {
        let server = closed(name);
        let source = format!("s3://{bucket}");
        let report = report_of(&run(&server, &["verify", &source, "--format", "json"]));
        assert_eq!(report.status, 3, "{name}");
        assert_eq!(codes(&report), [("object-unreadable".to_owned(), String::new())], "{name}");
        assert!(messages(&report).contains(&source), "{name}: the source is named");
        let bag = around.path().join("bag");
        let copy = around.path().join("copy");
        for args in [
            vec!["verify", &source],
            vec!["verify", &source, "--dry-run"],
            vec!["collect", &source, copy.to_str().unwrap()],
            vec!["evidence", "pack", &source, "--output", bag.to_str().unwrap()],
        ] {
            let output = run(&server, &args);
            let err = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(3), "{name} {args:?}: {err}");
        }
        assert!(!bag.exists() && !copy.exists(), "{name}: nothing was made");
    }
}

#[test]
fn a_refused_connection_is_incomplete() {
    let server = Server::start();
    let endpoint = server.endpoint().to_owned();
    drop(server);
    std::thread::sleep(Duration::from_millis(100));
    let output = Command::new(env!("CARGO_BIN_EXE_trailseal"))
        .args([
            "verify",
            &format!("s3://{BUCKET}"),
            "--format",
            "json",
            "--endpoint-url",
            &endpoint,
        ])
        .env_clear()
        .envs(ENVIRONMENT)
        .env("AWS_MAX_ATTEMPTS", "1")
        .output()
        .unwrap();
    assert_trouble("refused", &report_of(&output));
}

#[test]
fn a_malformed_name_of_a_bucket_is_wrong_usage() {
    let server = Server::start();
    for source in ["s3://", "s3://a b", "s3:///x", "s3://evil.com#x"] {
        assert_eq!(run(&server, &["verify", source]).status.code(), Some(2), "{source}");
    }
}

#[test]
fn the_other_sources_of_a_run_are_verified_all_the_same() {
    let server = bucket_of(&Tree::sealed());
    let report = check(&server, &["s3://no-such-bucket"]);
    assert_eq!((report.status, report.hours().as_str()), (3, "PPPPPPPP"));
    assert!(messages(&report).contains("s3://no-such-bucket"));
}

#[test]
fn no_host_is_asked_that_only_a_folder_of_the_bucket_names() {
    let tree = Tree::sealed();
    for region in ["xx-attack-1", "cn-evil-1", "a-1"] {
        let server = bucket_of(&tree);
        let digest = digest_key(1).replace(REGION, region);
        let body = server.get(BUCKET, &digest_key(1)).unwrap();
        server.put(BUCKET, &digest, body, &[("signature", "00")]);
        let report = check(&server, &[]);
        let asked = |server: &Server| {
            let requests = server.requests();
            requests.iter().any(|request| *request == format!("ListPublicKeys {region}"))
        };
        assert!(!asked(&server), "{region}");
        assert_ne!(report.status, 0, "{region}");
        let told = messages(&report);
        assert!(told.contains("this version does not know the region"), "{told}");
        let chains = report.json["chains"].as_array().unwrap();
        let own = chains.iter().find(|chain| chain["region"] == REGION).unwrap();
        let states = own["coverage"].as_array().unwrap().iter().map(|i| &i["state"]);
        assert!(states.eq([&serde_json::json!("proven")]), "{region}: the other one is proven");
        check(&server, &["--region", region]);
        assert!(asked(&server), "{region}: the user names it");
    }
    let server = bucket_of(&tree);
    for folder in ["evil.com#-east-1", "evil.com-1", "us-east-1@evil-1"] {
        let key = digest_key(1).replace(REGION, folder);
        server.put(BUCKET, &key, b"x".to_vec(), &[]);
    }
    let report = check(&server, &[]);
    assert_eq!((report.status, report.hours().as_str()), (0, "PPPPPPPP"), "{}", messages(&report));
}

#[test]
fn a_body_that_does_not_move_is_given_up() {
    let server = bucket_of(&Tree::sealed());
    server.fault(&log_key(2), Fault::StallAfter(3), None);
    let source = format!("s3://{BUCKET}");
    let end = at(HOURS.into(), 0).to_string();
    let args = ["verify", &source, "--format", "json", "--end-time", &end];
    let mut command = command(&server, &[&args[..], &["--read-timeout", "1s"]].concat());
    let report = report_of(&command.env("AWS_MAX_ATTEMPTS", "1").output().unwrap());
    assert_eq!(codes(&report), [("object-unreadable".to_owned(), log_key(2))]);
    assert_eq!((report.status, report.hours().as_str()), (3, "PPUPPPPP"));
    assert!(messages(&report).contains("--read-timeout"), "{}", messages(&report));
    for bad in ["0s", "2h", "x"] {
        let output = run(&server, &["verify", "s3://bucket", "--read-timeout", bad]);
        assert_eq!(output.status.code(), Some(2), "{bad}");
    }
}

/// A run over the bucket, its status and its peak.
fn peak_of(name: &str, server: &Server, args: &[&str]) -> Option<i32> {
    let ran = peak::run(&mut command(server, args));
    assert!(ran.mib < MOST_MEMORY, "{name}: {} MiB", ran.mib);
    println!("{name}: {} MiB", ran.mib);
    ran.status.code()
}

#[test]
fn errors_of_any_size_take_little_memory() {
    let huge = Fault::ErrorOf(403, 3 << 30);
    let source = format!("s3://{BUCKET}");
    for matching in ["list:", &log_key(2), "list:CloudTrail/us-east-1/", "keys:"] {
        let server = bucket_of(&Tree::sealed());
        server.fault(matching, huge, None);
        let status = peak_of(matching, &server, &["verify", &source, "--format", "json"]);
        assert!(matches!(status, Some(1 | 3)), "{matching}: {status:?}");
    }
}

#[test]
#[ignore = "slow: answers of gigabytes"]
fn answers_of_any_size_take_little_memory() {
    let server = bucket_of(&Tree::sealed());
    server.fault("list:CloudTrail/us-east-1/", Fault::ErrorOf(200, 3 << 30), None);
    server.fault("keys:", Fault::ErrorOf(200, 3 << 30), None);
    let source = format!("s3://{BUCKET}");
    let (start, end) = (at(0, 0).to_string(), at(HOURS.into(), 0).to_string());
    let args = ["verify", &source, "--start-time", &start, "--end-time", &end];
    let status = peak_of("answers", &server, &args);
    assert_eq!(status, Some(3));
}

/// Interrupts a run once it does what is waited for.
fn interrupt(
    server: &Server,
    args: &[&str],
    begun: &dyn Fn(&[String]) -> bool,
) -> (Output, Duration) {
    let mut command = command(server, args);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !begun(&server.requests()) {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(300));
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let since = Instant::now();
    (child.wait_with_output().unwrap(), since.elapsed())
}

#[test]
fn an_interrupt_ends_whatever_is_waited_for() {
    let source = format!("s3://{BUCKET}");
    let waits = [
        ("a bucket that does not answer", "list:", Fault::Stall),
        ("a listing without end", "list:CloudTrail/us-east-1/", Fault::Endless(Endless::NewKeys)),
        ("a listing that does not come", "list:CloudTrail-Digest/", Fault::Stall),
        ("keys that do not come", "keys:", Fault::Stall),
        ("a body that does not come", "CloudTrail-Digest/us-east-1/2026", Fault::Stall),
    ];
    side_by_side(waits, |(name, matching, fault)| {
        let server = bucket_of(&Tree::sealed());
        server.fault(matching, fault, None);
        let text = matching.split_once(':').map_or(matching, |(_, text)| text);
        let begun = |requests: &[String]| {
            requests.iter().any(|r| r.contains(text) || (text.is_empty() && r.contains("Keys")))
        };
        let (output, took) = interrupt(&server, &["verify", &source, "--format", "json"], &begun);
        assert_eq!(output.status.code(), Some(130), "{name}");
        // A second by design; the rest is for a machine that has much else to do.
        assert!(took < Duration::from_secs(10), "{name}: {took:?}");
    });
}

#[test]
#[ignore = "slow: a listing that goes on until it is given up"]
fn a_dry_run_and_a_listing_without_end() {
    let server = bucket_of(&Tree::sealed());
    let source = format!("s3://{BUCKET}");
    server.fault("list:AWSLogs/", Fault::Endless(Endless::SameKeys), None);
    let (start, end) = (at(0, 0).to_string(), at(HOURS.into(), 0).to_string());
    let args = ["verify", &source, "--dry-run", "--start-time", &start, "--end-time", &end];
    assert_eq!(peak_of("dry run", &server, &args), Some(3));
}
