//! Copies of buckets: what is proven online is proven from the copy, what cannot be copied is
//! named, and nothing that is in the directory is touched.

use crate::common;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::common::bucket::{ENVIRONMENT, bucket_of};
use crate::common::server::{Fault, Server};
use crate::common::sweep::side_by_side;
use crate::common::{
    BUCKET, HOURS, REGION, Report, Tree, at, backfill_key, digest_key, files_of, gzip, log_key,
    log_key_at, scratch,
};
use tempfile::TempDir;

const MARKER: &str = ".trailseal-collect.json";

struct Ran {
    status: i32,
    out: String,
    err: String,
}

fn command(server: Option<&Server>, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailseal"));
    command.args(args).env_clear().envs(ENVIRONMENT);
    if let Some(server) = server {
        command.args(["--endpoint-url", server.endpoint()]);
    }
    command
}

fn run(server: Option<&Server>, args: &[&str]) -> Ran {
    let output = command(server, args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran {
        status: output.status.code().unwrap(),
        out: text(output.stdout),
        err: text(output.stderr),
    }
}

fn report(server: Option<&Server>, args: &[&str]) -> Report {
    let mut args = args.to_vec();
    args.extend(["--format", "json"]);
    let ran = run(server, &args);
    let json = serde_json::from_str(&ran.out).unwrap_or_else(|e| panic!("{e}: {}", ran.err));
    Report { status: u8::try_from(ran.status).unwrap(), json }
}

/// A directory to copy to, in a directory of its own.
struct Copy {
    around: TempDir,
    dir: PathBuf,
    keys: PathBuf,
}

impl Copy {
    fn new(tree: &Tree) -> Self {
        let around = scratch();
        let (dir, keys) = (around.path().join("copy"), around.path().join("keys.json"));
        fs::copy(&tree.keys, &keys).unwrap();
        Self { around, dir, keys }
    }

    fn collect(&self, server: &Server, more: &[&str]) -> Ran {
        let source = format!("s3://{BUCKET}");
        let mut args = vec!["collect", &source, self.dir.to_str().unwrap()];
        args.extend(more);
        run(Some(server), &args)
    }

    fn verify(&self, more: &[&str]) -> Report {
        let mut args =
            vec!["verify", self.dir.to_str().unwrap(), "--keys", self.keys.to_str().unwrap()];
        args.extend(more);
        report(None, &args)
    }

    fn path(&self, key: &str) -> PathBuf {
        self.dir.join(key)
    }

    fn sidecar(&self, key: &str) -> PathBuf {
        self.dir.join(format!("{key}.metadata.json"))
    }

    /// Every file with its bytes, but for the marker of an unfinished copy.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = files_of(&self.dir);
        files.remove(MARKER);
        files
    }

    fn is_marked(&self) -> bool {
        self.dir.join(MARKER).exists()
    }

    fn beside(&self) -> Vec<String> {
        let names = fs::read_dir(self.around.path()).unwrap();
        let mut names: Vec<_> =
            names.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn gets(server: &Server) -> Vec<String> {
    let requests = server.requests();
    requests.iter().filter_map(|r| r.strip_prefix("GET ").map(str::to_owned)).collect()
}

fn hours_of(tree_end: u8) -> [String; 4] {
    let (start, end) = (at(0, 0).to_string(), at(tree_end.into(), 0).to_string());
    ["--start-time".into(), start, "--end-time".into(), end]
}

/// The eight hours of the tree, online and from a copy: verdict, findings and coverage.
fn assert_same(name: &str, server: &Server, copy: &Copy) -> Report {
    let hours = hours_of(HOURS);
    let range: Vec<&str> = hours.iter().map(String::as_str).chain(["--grace", "0s"]).collect();
    let source = format!("s3://{BUCKET}");
    let mut args = vec!["verify", &source];
    args.extend(&range);
    let online = report(Some(server), &args);
    let offline = copy.verify(&range);
    assert_eq!(online.json["findings"], offline.json["findings"], "{name}");
    assert_eq!(online.json["chains"], offline.json["chains"], "{name}");
    assert_eq!(online.status, offline.status, "{name}");
    offline
}

#[test]
fn a_copy_is_proven_offline_also_the_newest_digest() {
    let tree = Tree::sealed();
    let server = bucket_of(&tree);
    let copy = Copy::new(&tree);
    let ran = copy.collect(&server, &[]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{}", ran.out);
    assert!(ran.out.contains("8 digests and 7 log files") && ran.out.contains("8 with metadata"));
    assert!(ran.out.contains("trailseal keys fetch --region us-east-1 --start-time 2026-02-28T"));
    assert!(ran.out.contains(&format!("trailseal verify {}", copy.dir.display())), "{}", ran.out);
    let told = copy.verify(&[]);
    assert_eq!((told.status, told.hours().as_str()), (0, "PPPPPPPP"), "{:#}", told.json);
    assert_eq!((told.count("digests", "valid"), told.count("logs", "valid")), (8, 7));
    assert_eq!(assert_same("whole", &server, &copy).status, 0);
    // Byte for byte what the source tree holds.
    let mut original = files_of(tree.root());
    original.remove("public-keys.json");
    assert_eq!(copy.files(), original);
}

#[test]
fn the_command_that_it_prints_proves_the_copy() {
    let tree = Tree::sealed();
    let server = bucket_of(&tree);
    let copy = Copy { dir: scratch().keep().join("it's a copy"), ..Copy::new(&tree) };
    let hours = hours_of(HOURS);
    let ran = copy.collect(&server, &hours.each_ref().map(String::as_str));
    let line = ran.out.lines().find(|line| line.contains("trailseal verify")).unwrap();
    let line =
        line.replace("trailseal verify", "\"$TRAILSEAL\" verify").replace("keys.json", "\"$KEYS\"");
    let status = Command::new("sh")
        .args(["-c", &line])
        .env("TRAILSEAL", env!("CARGO_BIN_EXE_trailseal"))
        .env("KEYS", &copy.keys)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{line}");
    fs::remove_dir_all(copy.dir.parent().unwrap()).unwrap();
}

#[test]
fn damage_is_copied_as_it_is_and_found_as_online() {
    check_damage_is_copied_as_it_is_and_found_as_online(3);
}

#[test]
#[ignore = "slow: nine kinds of damage"]
fn damage_is_copied_as_it_is_and_found_as_online_in_every_case() {
    check_damage_is_copied_as_it_is_and_found_as_online(1);
}

fn check_damage_is_copied_as_it_is_and_found_as_online(step: usize) {
    let injected = log_key_at(at(4, 40), "CloudTrail", "BBBBBBBBBBBBBBBB");
    type Damage<'a> = (&'a str, &'a dyn Fn(&Tree));
    let damages: [Damage<'_>; 9] = [
        ("log missing", &|t| t.remove(&log_key(2))),
        ("log modified", &|t| t.rewrite(&log_key(2), "eventID", "eventId")),
        ("log trailing", &|t| t.change(&log_key(2), |b| b.push(0))),
        ("log injected", &|t| t.write_log(&injected)),
        ("digest missing", &|t| t.remove(&digest_key(4))),
        ("digest modified", &|t| t.rewrite(&digest_key(4), "\"logFiles\"", " \"logFiles\"")),
        ("digest not gzip", &|t| t.write(&digest_key(4), b"%PDF")),
        ("tail gone", &|t| [6, 7, 8].iter().for_each(|n| t.remove(&digest_key(*n)))),
        ("signature of another", &|t| {
            fs::copy(t.sidecar(&digest_key(3)), t.sidecar(&digest_key(4))).unwrap();
        }),
    ];
    for (name, damage) in damages.into_iter().step_by(step) {
        let tree = Tree::sealed();
        damage(&tree);
        let server = bucket_of(&tree);
        let copy = Copy::new(&tree);
        let ran = copy.collect(&server, &[]);
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{name}");
        assert_eq!(assert_same(name, &server, &copy).status, 1, "{name}");
    }
}

#[test]
fn what_is_there_is_not_copied_again() {
    let tree = Tree::sealed();
    let server = bucket_of(&tree);
    let copy = Copy::new(&tree);
    assert_eq!(copy.collect(&server, &[]).status, 0);
    let whole = copy.files();
    assert_eq!(gets(&server).len(), 8 + 7, "one request for each object");
    server.clear_requests();
    let ran = copy.collect(&server, &[]);
    assert_eq!((ran.status, gets(&server)), (0, vec![]), "{}", ran.err);
    assert!(ran.out.contains("15 already present"), "{}", ran.out);
    // A log file, a digest with its metadata, one without: these and no others are copied.
    for path in [copy.path(&log_key(2)), copy.path(&digest_key(3)), copy.path(&digest_key(5))] {
        fs::remove_file(path).unwrap();
    }
    fs::remove_file(copy.sidecar(&digest_key(5))).unwrap();
    let ran = copy.collect(&server, &[]);
    let mut asked = gets(&server);
    asked.sort();
    let mut expected = vec![log_key(2), digest_key(3), digest_key(5)];
    expected.sort();
    assert_eq!((ran.status, asked), (0, expected), "{}", ran.err);
    assert_eq!(copy.files(), whole);
}

#[test]
fn a_plain_copy_is_completed_with_its_metadata() {
    let tree = Tree::sealed();
    let server = bucket_of(&tree);
    let copy = Copy::new(&tree);
    assert_eq!(copy.collect(&server, &[]).status, 0);
    let whole = copy.files();
    for hour in 1..=HOURS {
        fs::remove_file(copy.sidecar(&digest_key(hour))).unwrap();
    }
    // One of them is another file of the same size: it gets no signature.
    let mut changed = fs::read(copy.path(&digest_key(4))).unwrap();
    changed[9] ^= 1;
    fs::write(copy.path(&digest_key(4)), &changed).unwrap();
    let ran = copy.collect(&server, &[]);
    assert_eq!(ran.status, 3);
    assert!(ran.err.contains(&digest_key(4)) && ran.err.contains("different file"), "{}", ran.err);
    assert_eq!(fs::read(copy.path(&digest_key(4))).unwrap(), changed, "left as it is");
    assert!(!copy.sidecar(&digest_key(4)).exists());
    fs::remove_file(copy.path(&digest_key(4))).unwrap();
    assert_eq!(copy.collect(&server, &[]).status, 0);
    assert_eq!(copy.files(), whole);
}

#[test]
fn digests_alone_are_copied_and_completed_later() {
    let tree = Tree::sealed();
    let server = bucket_of(&tree);
    let copy = Copy::new(&tree);
    let ran = copy.collect(&server, &["--no-logs"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert_eq!(gets(&server).len(), 8);
    assert!(copy.files().keys().all(|key| key.contains("CloudTrail-Digest")));
    assert!(ran.out.contains("--no-logs"), "{}", ran.out);
    assert_eq!(copy.verify(&["--no-logs"]).status, 0);
    server.clear_requests();
    assert_eq!(copy.collect(&server, &[]).status, 0);
    assert_eq!(gets(&server).len(), 7, "the log files");
    assert_eq!(copy.verify(&[]).status, 0);
}

#[test]
fn backfill_digests_and_all_kinds_of_log_files_are_copied() {
    let tree = Tree::sealed();
    let late = log_key_at(at(6, 30), "CloudTrail", "CCCCCCCCCCCCCCCC");
    let insight = log_key_at(at(6, 40), "CloudTrail-Insight", "DDDDDDDDDDDDDDDD");
    tree.write_log(&late);
    tree.write_log(&insight);
    tree.seal(i64::from(HOURS) + 1).unwrap();
    let server = bucket_of(&tree);
    let copy = Copy::new(&tree);
    assert_eq!(copy.collect(&server, &[]).status, 0);
    let mut original = files_of(tree.root());
    original.remove("public-keys.json");
    assert!(original.contains_key(&backfill_key(HOURS + 1)), "{:?}", original.keys());
    assert_eq!(copy.files(), original);
    assert_eq!(copy.verify(&[]).json["findings"], tree.verify(&[]).json["findings"]);
}

#[test]
fn what_stands_before_awslogs_is_kept() {
    let tree = Tree::empty();
    (0..3).for_each(|hour| tree.write_log(&log_key(hour)));
    let mut request = common::seal_request(3);
    request.place.prefix = "our/logs/".to_owned();
    tree.seal_as(&request).unwrap();
    let server = Server::start();
    server.create_bucket(BUCKET);
    server.load(BUCKET, "our/logs/", tree.root());
    server.put(BUCKET, "our/other/thing", b"x".to_vec(), &[]);
    let copy = Copy::new(&tree);
    let source = format!("s3://{BUCKET}/our");
    let ran = run(Some(&server), &["collect", &source, copy.dir.to_str().unwrap()]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert_eq!(copy.files().len(), 3 + 3 + 3);
    assert!(copy.files().keys().all(|key| key.starts_with("our/logs/AWSLogs/")));
    assert_eq!(copy.verify(&[]).status, 0);
}

#[test]
fn filters_leave_the_rest_out() {
    let tree = Tree::sealed();
    let server = bucket_of(&tree);
    for key in server.keys(BUCKET) {
        let body = server.get(BUCKET, &key).unwrap();
        server.put(BUCKET, &key.replace(common::ACCOUNT, "444455556666"), body.clone(), &[]);
        server.put(BUCKET, &key.replace(REGION, "eu-west-1"), body, &[]);
    }
    let copy = Copy::new(&tree);
    let ran = copy.collect(&server, &["--account", common::ACCOUNT, "--region", REGION]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let mut original = files_of(tree.root());
    original.remove("public-keys.json");
    assert_eq!(copy.files(), original);
    let none = Copy::new(&tree);
    let ran = none.collect(&server, &["--account", "999988887777"]);
    assert_eq!(ran.status, 3);
    assert!(ran.err.contains("nothing to copy"), "{}", ran.err);
}

/// Six days sealed in intervals of twelve hours, a log file in each.
fn days() -> Tree {
    let tree = Tree::empty();
    for hour in (6..144).step_by(12) {
        tree.write_log(&log_key_at(at(hour, 20), "CloudTrail", "AAAAAAAAAAAAAAAA"));
    }
    let mut request = common::seal_request(144);
    request.interval = jiff::SignedDuration::from_hours(12);
    tree.seal_as(&request).unwrap();
    tree
}

#[test]
fn a_time_is_copied_with_what_proving_it_needs() {
    let tree = days();
    let server = bucket_of(&tree);
    let copy = Copy::new(&tree);
    let (start, end) = (at(60, 0).to_string(), at(84, 0).to_string());
    let range = ["--start-time", &start, "--end-time", &end];
    let ran = copy.collect(&server, &range);
    assert_eq!(ran.status, 0, "{}", ran.err);
    // The third and fourth day, and one on each side: eight digests of midnight and noon.
    assert!(ran.out.contains("8 digests"), "{}", ran.out);
    assert_eq!(copy.verify(&range).status, 0);
    assert!(
        !copy
            .dir
            .join(format!("AWSLogs/{}/CloudTrail/{REGION}/2026/03/06", common::ACCOUNT))
            .exists()
    );
    assert!(ran.out.contains(&format!("--start-time {start} --end-time {end}")), "{}", ran.out);
    // The digest of midnight lists a log file of the day before, which was not asked for.
    let first = log_key_at(at(18, 20), "CloudTrail", "AAAAAAAAAAAAAAAA");
    assert!(copy.path(&first).exists());
    let other = log_key_at(at(6, 20), "CloudTrail", "AAAAAAAAAAAAAAAA");
    assert!(!copy.path(&other).exists());
    // Without the time, the copy looks as if what came before were gone; and no more than that.
    let all = copy.verify(&[]);
    let codes: Vec<_> = all.codes().into_iter().map(|(code, ..)| code).collect();
    let expected = ["log-uncovered", "loss-pattern", "digest-missing"];
    assert_eq!(codes, expected, "{:#}", all.json["findings"]);
}

#[test]
fn a_log_file_that_is_listed_days_later_is_not_taken_for_an_injected_one() {
    let tree = days();
    let late = log_key_at(at(70, 20), "CloudTrail", "EEEEEEEEEEEEEEEE");
    tree.write_log(&late);
    let mut request = common::seal_request(168);
    request.interval = jiff::SignedDuration::from_hours(12);
    tree.seal_as(&request).unwrap();
    let server = bucket_of(&tree);
    let copy = Copy::new(&tree);
    let (start, end) = (at(60, 0).to_string(), at(84, 0).to_string());
    let range = ["--start-time", &start, "--end-time", &end];
    assert_eq!(copy.collect(&server, &range).status, 0);
    let told = copy.verify(&range);
    assert_eq!(told.status, 0, "{:#}", told.json["findings"]);
    // The log files of the digests that were copied for it are there too.
    let all = copy.verify(&["--start-time", &start]);
    assert!(
        all.codes().iter().all(|(code, ..)| code != "log-missing"),
        "{:#}",
        all.json["findings"]
    );
}

#[test]
fn what_cannot_be_copied_is_named_and_holds_up_nothing() {
    let tree = Tree::sealed();
    for (name, fault) in [
        ("AccessDenied", Fault::Status(403, "AccessDenied")),
        ("broke off", Fault::ShortBody(10)),
        ("listed", Fault::Garbage),
    ] {
        let server = bucket_of(&tree);
        let copy = Copy::new(&tree);
        let failing = [log_key(2), digest_key(5)];
        failing.iter().for_each(|key| server.fault(key, fault, None));
        let ran = copy.collect(&server, &[]);
        assert_eq!(ran.status, 3, "{name}: {}", ran.err);
        assert!(failing.iter().all(|key| ran.err.contains(key)), "{name}: {}", ran.err);
        if name == "AccessDenied" {
            assert!(ran.err.contains(name), "{}", ran.err);
        }
        let mut expected = files_of(tree.root());
        expected.remove("public-keys.json");
        expected.remove(&log_key(2));
        expected.remove(&digest_key(5));
        expected.remove(&format!("{}.metadata.json", digest_key(5)));
        assert_eq!(copy.files(), expected, "{name}: whole or not at all");
        server.clear_faults();
        server.clear_requests();
        let ran = copy.collect(&server, &[]);
        assert_eq!((ran.status, gets(&server).len()), (0, 2), "{name}: {}", ran.err);
        assert_eq!(copy.verify(&[]).status, 0, "{name}");
    }
}

#[test]
fn trouble_that_passes_does_not_show() {
    let tree = Tree::sealed();
    let faults = [Fault::Status(503, "SlowDown"), Fault::Reset, Fault::ShortBody(30)];
    // Each is tried again, after a pause.
    side_by_side(faults, |fault| {
        let server = bucket_of(&tree);
        server.fault(&digest_key(4), fault, Some(2));
        server.fault(&log_key(4), fault, Some(2));
        let copy = Copy::new(&tree);
        let ran = copy.collect(&server, &[]);
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{fault:?}");
        assert_eq!(copy.verify(&[]).status, 0, "{fault:?}");
    });
}

#[test]
fn archived_objects_and_folders_that_cannot_be_listed_are_named() {
    let tree = Tree::sealed();
    let server = bucket_of(&tree);
    server.archive(BUCKET, &log_key(2));
    let copy = Copy::new(&tree);
    let ran = copy.collect(&server, &[]);
    assert_eq!(ran.status, 3);
    assert!(ran.err.contains(&log_key(2)) && ran.err.contains("archived"), "{}", ran.err);
    let server = bucket_of(&tree);
    server.fault("list:CloudTrail/us-east-1/2026/03/01", Fault::Status(403, "AccessDenied"), None);
    let copy = Copy::new(&tree);
    let ran = copy.collect(&server, &[]);
    assert_eq!(ran.status, 3);
    assert!(ran.err.contains("CloudTrail/us-east-1/2026/03/01/"), "{}", ran.err);
    assert!(ran.out.contains("8 digests and 0 log files"), "{}", ran.out);
}

#[test]
fn hostile_keys_never_leave_the_directory_and_are_named() {
    let tree = Tree::sealed();
    let server = bucket_of(&tree);
    let day = format!("AWSLogs/{}/CloudTrail/{REGION}/2026/03/01", common::ACCOUNT);
    let steering = log_key(2).replace("AAAAAAAAAAAAAAAA", "AAAA\u{1b}[2JAAAAAAAA");
    let hostile = [
        ("AWSLogs/../../evil".to_owned(), "AWSLogs/../"),
        (format!("{day}/../../../../../../../evil.json.gz"), "/01/../"),
        (format!("{day}//empty.json.gz"), "/01//"),
        (format!("{day}/.."), "/01/.."),
        (format!("{day}/a\\..\\evil.json.gz"), "a\\\\..\\\\evil"),
        (steering, "AAAA\\u{1b}[2JAAAAAAAA"),
        (format!("{day}/{}.json.gz", "n".repeat(300)), "nnnnnn"),
        (format!("{}.metadata.json", log_key(2)), ".json.gz.metadata.json"),
        (format!("{day}/unpacked.json"), "unpacked.json"),
        (
            "AWSLogs/../AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01/x.json.gz".into(),
            "x.json.gz",
        ),
    ];
    for (key, _) in &hostile {
        server.put(BUCKET, key, gzip(b"{\"Records\":[]}"), &[("signature", "00")]);
    }
    let copy = Copy::new(&tree);
    let ran = copy.collect(&server, &[]);
    assert_eq!(copy.beside(), ["copy", "keys.json"]);
    assert_eq!(ran.status, 3);
    for (key, named) in &hostile {
        assert!(ran.err.lines().any(|line| line.contains(named)), "{key:?}: {}", ran.err);
    }
    assert!(!ran.err.contains('\u{1b}'));
    let mut original = files_of(tree.root());
    original.remove("public-keys.json");
    assert_eq!(copy.files(), original, "the rest was copied, and nothing else");
    assert!(!copy.is_marked(), "keys that cannot be paths do not make a copy unfinished");
    assert_eq!(copy.verify(&[]).status, 0);
}

#[test]
fn links_in_the_directory_do_not_lead_out_of_it() {
    let tree = Tree::sealed();
    let server = bucket_of(&tree);
    let copy = Copy::new(&tree);
    let outside = copy.around.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::create_dir_all(copy.dir.join("AWSLogs")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(&outside, copy.dir.join("AWSLogs").join(common::ACCOUNT)).unwrap();
    let ran = copy.collect(&server, &[]);
    assert_eq!(ran.status, 3, "{}", ran.err);
    assert!(fs::read_dir(outside).unwrap().next().is_none(), "nothing was written there");
}

#[test]
fn a_file_of_another_size_is_left_and_reported() {
    let tree = Tree::sealed();
    let server = bucket_of(&tree);
    let copy = Copy::new(&tree);
    for key in [log_key(2), digest_key(3)] {
        fs::create_dir_all(copy.path(&key).parent().unwrap()).unwrap();
        fs::write(copy.path(&key), b"mine").unwrap();
    }
    let ran = copy.collect(&server, &[]);
    assert_eq!(ran.status, 3);
    for key in [log_key(2), digest_key(3)] {
        assert!(ran.err.contains(&key) && ran.err.contains("another size"), "{}", ran.err);
        assert_eq!(fs::read(copy.path(&key)).unwrap(), b"mine");
        assert!(!copy.sidecar(&key).exists(), "no metadata beside another file");
        assert!(!gets(&server).contains(&key), "it is not even read");
    }
}

#[test]
fn many_failures_are_counted_and_not_all_named() {
    let tree = Tree::empty();
    let server = bucket_of(&tree);
    for n in 10..40 {
        let key = log_key_at(at(2, n), "CloudTrail", "AAAAAAAAAAAAAAAA");
        server.put(BUCKET, &key, gzip(b"{}"), &[]);
        server.archive(BUCKET, &key);
    }
    let ran = Copy::new(&tree).collect(&server, &["--quiet"]);
    assert_eq!((ran.status, ran.out.as_str()), (3, ""));
    assert_eq!(ran.err.lines().filter(|l| l.contains("archived")).count(), 20);
    assert!(ran.err.contains("10 more") && ran.err.contains("30 could not"), "{}", ran.err);
}

#[test]
fn a_directory_is_a_source_too() {
    let tree = Tree::sealed();
    let copy = Copy::new(&tree);
    let source = tree.root().to_str().unwrap();
    let dir = copy.dir.to_str().unwrap();
    let ran = run(None, &["collect", source, dir]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let mut original = files_of(tree.root());
    original.remove("public-keys.json");
    assert_eq!(copy.files(), original);
    assert_eq!(copy.verify(&[]).status, 0);
    let ran = run(None, &["collect", source, dir]);
    assert!(ran.status == 0 && ran.out.contains("15 already present"), "{}", ran.out);
}

#[test]
fn source_and_copy_lie_apart() {
    let tree = Tree::sealed();
    let before = files_of(tree.root());
    let root = tree.root().to_str().unwrap();
    let parent = tree.root().parent().unwrap().to_str().unwrap();
    let inside = format!("{root}/new/copy");
    let round_about = format!("{root}/AWSLogs/../new");
    for dir in [root, &inside, &round_about, parent] {
        let ran = run(None, &["collect", root, dir]);
        assert_eq!(ran.status, 2, "{dir}: {}", ran.err);
        assert_eq!(files_of(tree.root()), before);
        assert!(!tree.root().join("new").exists());
    }
    let ran = run(None, &["collect", "no-such-directory", &inside]);
    assert_eq!(ran.status, 2, "{}", ran.err);
    let ran = run(None, &["collect", root, "x", "--start-time", "1d", "--end-time", "2d"]);
    assert_eq!(ran.status, 2, "{}", ran.err);
}

#[test]
fn an_interrupt_leaves_what_is_whole_and_the_next_run_goes_on() {
    let tree = Tree::sealed();
    let server = bucket_of(&tree);
    server.fault(&log_key(2), Fault::Stall, None);
    let copy = Copy::new(&tree);
    let source = format!("s3://{BUCKET}");
    let child = command(Some(&server), &["collect", &source, copy.dir.to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while !gets(&server).contains(&log_key(2)) {
        std::thread::sleep(Duration::from_millis(20));
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let mut original = files_of(tree.root());
    original.remove("public-keys.json");
    for (key, bytes) in copy.files() {
        assert_eq!(original.get(&key), Some(&bytes), "{key}: whole or not at all");
    }
    assert!(copy.is_marked());
    let report = copy.verify(&[]);
    assert_eq!(report.status, 3, "{:#}", report.json["findings"]);
    assert!(report.codes().iter().all(|(_, severity, _)| severity != "violation"));
    let told = report.json["findings"].to_string();
    assert!(told.contains(MARKER) && told.contains("collect again"), "{told}");
    server.clear_faults();
    assert_eq!(copy.collect(&server, &[]).status, 0);
    assert_eq!(copy.files(), original);
    assert!(!copy.is_marked());
    assert_eq!(copy.verify(&[]).status, 0);
}
