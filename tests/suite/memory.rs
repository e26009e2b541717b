//! Memory: hostile digests do not decide how much of it a run takes.
//!
//! The command runs as a process of its own, and the kernel says how much memory it had at most.

use crate::common;
use std::fs;
use std::io::{Cursor, Write};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use trailseal::internals::crypto::{KeyRing, Signer, parse_key_file};
use trailseal::internals::model::{BucketName, ChainKind, LogEntry, Metadata, Sha256Hash};
use trailseal::internals::run::Silent;
use trailseal::internals::run::sources::{Filter, Insisted, Sources};
use trailseal::internals::run::verify::{VerifyRequest, verify};
use trailseal::internals::store::{
    DirectoryStore, Entry, Object, Profile, Put, Store, StoreError, WriterGuard,
};
use trailseal::internals::verify::MemoryBudget;
use trailseal::internals::verify::digest::Rules;

use crate::common::bucket::ENVIRONMENT;
use crate::common::peak;
use crate::common::server::Server;
use crate::common::{
    ACCOUNT, BUCKET, HOURS, Tree, at, digest_key, digest_name, gzip, log_key_at, scratch,
};

/// Most memory that a run may take of its own accord, in MiB.
const MOST: u64 = 256;

/// What became of a run.
struct Measured {
    status: i32,
    report: Value,
    /// The most memory that it had, in MiB.
    peak: u64,
}

/// Runs the command and watches its memory.
fn measure(args: &[&str]) -> Measured {
    let program = std::env::var("MEASURED").unwrap_or(env!("CARGO_BIN_EXE_trailseal").to_owned());
    let ran = peak::run(Command::new(program).args(args).env_clear().envs(ENVIRONMENT));
    let report = serde_json::from_str(&ran.out).unwrap_or_default();
    Measured { status: ran.status.code().unwrap(), report, peak: ran.mib }
}

/// Runs the command over a tree as a copy and as a bucket.
fn measure_both(tree: &Tree, end: i64, more: &[&str]) -> [Measured; 2] {
    let keys = tree.keys.to_str().unwrap();
    let (start, end) = (at(0, 0).to_string(), at(end, 0).to_string());
    let scope = ["--keys", keys, "--start-time", &start, "--end-time", &end, "--format", "json"];
    let jobs = if more.contains(&"--jobs") { &[][..] } else { &["--jobs", "160"] };
    let copy = ["verify", tree.root().to_str().unwrap()];
    let copy = measure(&[&copy[..], jobs, &scope, more].concat());
    let server = Server::start();
    server.create_bucket(BUCKET);
    server.load(BUCKET, "", tree.root());
    let source = format!("s3://{BUCKET}");
    let bucket = ["verify", &source, "--endpoint-url", server.endpoint()];
    let bucket = measure(&[&bucket[..], &scope, more].concat());
    println!("peak: copy {} MiB, bucket {} MiB", copy.peak, bucket.peak);
    [copy, bucket]
}

fn squeezed(parts: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(6));
    parts.for_each(|part| encoder.write_all(&part).unwrap());
    encoder.finish().unwrap()
}

/// The text of a digest of an hour but for its list, up to the list's bracket.
fn head(end: i64, bucket: &str) -> String {
    let (from, to) = (at(end - 1, 0).to_string(), at(end, 0).to_string());
    let key = digest_name(at(end, 0), ChainKind::Standard);
    let print = common::key().fingerprint();
    let null = ["Bucket", "Object"].map(|n| format!(r#""previousDigestS3{n}":null,"#)).concat();
    let more = ["HashValue", "HashAlgorithm", "Signature"];
    let more = more.map(|n| format!(r#""previousDigest{n}":null,"#)).concat();
    format!(
        r#"{{"awsAccountId":"{ACCOUNT}","digestStartTime":"{from}","digestEndTime":"{to}","digestS3Bucket":"{bucket}","digestS3Object":"{key}","digestPublicKeyFingerprint":"{print}","digestSignatureAlgorithm":"SHA256withRSA","newestEventTime":null,"oldestEventTime":null,{null}{more}"logFiles":["#
    )
}

fn entry_text(object: &str) -> String {
    let hash = Sha256Hash::of(b"");
    format!(
        r#"{{"s3Bucket":"{BUCKET}","s3Object":"{object}","hashValue":"{hash}","hashAlgorithm":"SHA-256","newestEventTime":null,"oldestEventTime":null}}"#
    )
}

/// Puts forged digests, without a signature that fits, in the place of hours.
fn forge(tree: &Tree, hours: impl Iterator<Item = i64>, body: impl Fn(i64) -> Vec<u8>) {
    for end in hours {
        let key = digest_name(at(end, 0), ChainKind::Standard).to_string();
        tree.write(&key, &body(end));
        let metadata = r#"{"Metadata":{"signature":"00ff","signature-algorithm":"SHA256withRSA"}}"#;
        fs::write(tree.sidecar(&key), metadata).unwrap();
    }
}

fn inflating_to_the_limit(digests: i64) {
    let tree = Tree::sealed();
    // A text without end, and nesting without end.
    let fill = |begin: &str, piece: &str| {
        let (begin, piece) = (begin.as_bytes().to_vec(), piece.repeat((1 << 20) / piece.len()));
        squeezed(std::iter::once(begin).chain((0..127).map(|_| piece.clone().into_bytes())))
    };
    let text = fill(r#"{"awsAccountId":""#, "aaaaaaaa");
    let deep = fill(r#"{"x":"#, "[[[[[[[[");
    assert!(text.len() < 150_000 && deep.len() < 150_000, "{}", text.len());
    let ends = i64::from(HOURS) + 1..i64::from(HOURS) + 1 + digests;
    forge(&tree, ends.clone(), |end| if end % 2 == 0 { text.clone() } else { deep.clone() });
    for ran in measure_both(&tree, ends.end, &[]) {
        assert_eq!(ran.status, 1);
        assert_eq!(ran.report["totals"]["digests"]["valid"], HOURS);
        assert_eq!(ran.report["totals"]["digests"]["invalid"], digests);
        assert!(ran.peak < MOST, "{} MiB", ran.peak);
    }
}

#[test]
fn digests_that_inflate_to_the_limit() {
    inflating_to_the_limit(2);
}

#[test]
#[ignore = "slow: six such digests"]
fn digests_that_inflate_to_the_limit_in_every_place() {
    inflating_to_the_limit(6);
}

#[test]
#[ignore = "very slow: takes minutes without optimisation"]
fn sixty_digests_that_inflate_to_the_limit() {
    inflating_to_the_limit(60);
}

/// Names for a digest's list: so many, all different, in one text whose number can be replaced.
struct Names {
    text: Vec<u8>,
    length: usize,
    number: usize,
}

impl Names {
    fn new(count: usize) -> Self {
        let object = |n: usize| log_key_at(at(0, 30), "CloudTrail", &format!("000000{n:010}"));
        let lines = (0..count).map(|n| format!("{},", entry_text(&object(n))));
        let text: Vec<u8> = lines.flat_map(String::into_bytes).collect();
        let length = text.len() / count;
        let number = String::from_utf8_lossy(&text[..length]).find("_0000000000000000").unwrap();
        Self { text, length, number: number + 1 }
    }

    /// The inflated bytes of a digest with a number of its own in each name.
    fn digest(&self, end: i64, bucket: &str) -> Vec<u8> {
        let mut text = self.text.clone();
        let digits = format!("{end:06}");
        for line in text.chunks_exact_mut(self.length) {
            line[self.number..self.number + 6].copy_from_slice(digits.as_bytes());
        }
        text.pop();
        [head(end, bucket).into_bytes(), text, b"]}".to_vec()].concat()
    }
}

fn long_lists(digests: i64, entries: usize) {
    let tree = Tree::sealed();
    let names = Names::new(entries);
    let ends = i64::from(HOURS) + 1..i64::from(HOURS) + 1 + digests;
    forge(&tree, ends.clone(), |end| squeezed(std::iter::once(names.digest(end, BUCKET))));
    // One that is listed by nothing but a forged digest.
    let claimed = log_key_at(at(0, 30), "CloudTrail", &format!("{:06}{:010}", ends.start, 7));
    tree.write_log(&claimed);
    let runs = measure_both(&tree, ends.end, &[]);
    for ran in &runs {
        assert_eq!(ran.status, 1);
        assert_eq!(ran.report["totals"]["digests"]["invalid"], digests);
        assert_eq!(ran.report["totals"]["logs"]["unchecked"], digests * entries as i64);
        let most = if entries < 100_000 { MOST / 2 } else { MOST };
        assert!(ran.peak < most, "{} MiB", ran.peak);
        let codes = |f: &Value| f["code"].as_str().unwrap().to_owned();
        let findings: Vec<_> = ran.report["findings"].as_array().unwrap().iter().collect();
        assert!(findings.iter().all(|f| codes(f) != "log-unreferenced"), "a digest claims it");
        assert_eq!(
            findings.iter().filter(|f| codes(f) == "digest-modified").count(),
            digests as usize
        );
    }
}

#[test]
#[ignore = "slow: lists of 40,000 log files"]
fn digests_of_long_lists_that_nobody_signed() {
    long_lists(8, 40_000);
}

#[test]
#[ignore = "very slow: takes minutes without optimisation"]
fn sixteen_digests_of_long_lists_that_nobody_signed() {
    long_lists(16, 300_000);
}

/// A tree whose sixth digest lists a great many log files, validly signed.
fn with_long_list(entries: usize) -> Tree {
    let tree = Tree::sealed();
    let object = |n: usize| log_key_at(at(5, 30), "CloudTrail", &format!("{n:016}"));
    let body = |n: usize| format!("{{\"Records\":[{{\"n\":{}}}]}}", n % 10).into_bytes();
    for n in 0..50 {
        tree.write(&object(n), &gzip(&body(n)));
    }
    tree.reseal(6, |draft| {
        draft.log_files.extend((0..entries).map(|n| {
            let there = n % 50;
            // Fifty that are there, over and over; one is gone.
            let object = if n == entries - 2 { object(50) } else { object(there) };
            LogEntry {
                bucket: BUCKET.into(),
                object: object.into(),
                hash: Sha256Hash::of(&body(there)),
                newest: None,
                oldest: None,
            }
        }));
    });
    tree
}

/// How many log files a list has that is longer than what 1 MiB of memory holds.
const LONG: usize = 12_000;

/// A tree with such a list, which takes long to seal: that is done once, and every tree is a copy.
fn with_list_beyond_memory() -> Tree {
    static FILES: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();
    Tree::of(FILES.get_or_init(|| with_long_list(LONG).files()))
}

#[test]
#[ignore = "slow: a list of 12,000 log files, eight times"]
fn a_valid_digest_of_a_long_list_verifies_whatever_the_memory() {
    let tree = with_long_list(12_000);
    let mut reports = Vec::new();
    for (jobs, memory) in [("1", "1MiB"), ("160", "1MiB"), ("2", "128MiB"), ("160", "4GiB")] {
        for mut ran in measure_both(&tree, HOURS.into(), &["--jobs", jobs, "--memory", memory]) {
            assert_eq!(ran.status, 1);
            assert!(ran.peak < MOST, "{} MiB", ran.peak);
            let differ = [("", "started"), ("", "finished"), ("/scope", "as_of")];
            for (place, name) in differ.into_iter().chain([("/totals", "requests")]) {
                ran.report.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(name);
            }
            reports.push(ran.report);
        }
    }
    let first = &reports[0];
    let findings = first["findings"].as_array().unwrap();
    assert_eq!((findings.len(), &findings[0]["code"]), (1, &Value::from("log-missing")));
    assert_eq!(first["totals"]["logs"]["valid"], 7 + 50);
    for pair in reports.chunks(2) {
        assert!(pair[0] == reports[0] && pair[1] == reports[1], "{:#} {:#}", pair[0], pair[1]);
    }
    let of = |report: &Value| report["findings"].clone();
    assert_eq!(of(&reports[0]), of(&reports[1]), "a copy and a bucket");
}

#[test]
fn a_bag_holds_the_very_digest_whose_list_was_read_again() {
    let tree = with_list_beyond_memory();
    let around = scratch();
    let bag = around.path().join("bag");
    let (root, keys) = (tree.root().join("AWSLogs"), tree.keys.to_str().unwrap());
    assert!(root.exists());
    let source = tree.root().to_str().unwrap();
    let out = bag.with_extension("zip");
    let out = out.to_str().unwrap();
    let pack = ["evidence", "pack", source, "--keys", keys, "--output", out, "--memory", "1MiB"];
    let packed = common::trailseal(&pack);
    assert_eq!(packed.status, 1, "{}{}", packed.out, packed.err);
    let checked = common::trailseal(&["evidence", "check", out, "--format", "json"]);
    let report: Value = serde_json::from_str(&checked.out).unwrap();
    assert_eq!(checked.status, 1, "{report:#}");
    assert!(!checked.out.contains("object-unreadable"), "{report:#}");
}

/// A store whose object of one key is another one each time it is read after the first.
struct Changing {
    store: DirectoryStore,
    key: String,
    reads: AtomicU32,
    later: Vec<u8>,
}

impl Store for Changing {
    fn name(&self) -> &str {
        self.store.name()
    }

    fn profile(&self) -> Profile {
        self.store.profile()
    }

    fn bucket(&self) -> Option<&BucketName> {
        None
    }

    fn list(&self, folder: &str, each: &mut dyn FnMut(Entry)) -> Result<(), StoreError> {
        self.store.list(folder, each)
    }

    fn get(&self, key: &str) -> Result<Object, StoreError> {
        let object = self.store.get(key)?;
        if key == self.key && self.reads.fetch_add(1, Ordering::SeqCst) > 0 {
            return Ok(Object { body: Box::new(Cursor::new(self.later.clone())), ..object });
        }
        Ok(object)
    }

    fn put_new(&self, _: &str, _: &[u8], _: &Metadata) -> Result<Put, StoreError> {
        Err(StoreError::Trouble("it is only read".to_owned()))
    }

    fn lock(&self) -> Result<WriterGuard, StoreError> {
        Ok(WriterGuard::none())
    }
}

#[test]
fn a_digest_that_is_another_one_when_it_is_read_again_lists_nothing() {
    let tree = with_list_beyond_memory();
    let digest = fs::read(tree.path(&digest_key(6))).unwrap();
    let longer = gzip(&[&common::gunzip(&digest)[..], b" "].concat());
    for (later, readings) in [(digest, 3), (longer, 2), (b"gone".to_vec(), 2)] {
        let reads = AtomicU32::new(0);
        let inner = DirectoryStore::open(tree.root(), "tree").unwrap();
        let same = readings == 3;
        let store = Arc::new(Changing { store: inner, key: digest_key(6), reads, later });
        let stores: [(Arc<dyn Store>, String); 1] = [(store.clone(), String::new())];
        let insisted = Insisted {
            bucket: Some(BucketName::parse(BUCKET).unwrap()),
            prefix: Some(String::new()),
        };
        let sources = Sources::discover(&stores, &insisted, Filter::default());
        store.reads.store(0, Ordering::SeqCst);
        let mut ring = KeyRing::new();
        let keys = fs::read(&tree.keys).unwrap();
        ring.add(parse_key_file("keys", &keys).unwrap());
        let mut rules = Rules::of_copy(ring);
        rules.memory = MemoryBudget::of(1 << 20);
        let request = VerifyRequest::of(vec!["tree".to_owned()], at(9, 0));
        let report = verify(&request, sources, rules, None, &Silent).unwrap();
        let codes: Vec<_> = report.findings.iter().map(|f| f.code.as_str()).collect();
        if same {
            assert_eq!((report.exit_status, codes), (1, vec!["log-missing"]));
            assert_eq!(report.totals.logs.listed.valid, 7 + 50);
        } else {
            assert_eq!((report.exit_status, codes.contains(&"object-unreadable")), (3, true));
            assert_eq!(report.totals.logs.listed.valid, 6);
            assert_eq!(report.totals.logs.listed.unchecked, 12_001);
        }
        assert!(store.reads.load(Ordering::SeqCst) >= readings);
    }
}
