//! A sealed tree in a temporary directory, ways to damage it, and the report on it.

pub(crate) mod bag;
pub(crate) mod both;
#[cfg(feature = "aws")]
pub(crate) mod bucket;
#[cfg(all(feature = "aws", unix))]
pub(crate) mod peak;
pub(crate) mod samples;
#[cfg(feature = "aws")]
pub(crate) mod server;
pub(crate) mod snapshot;
pub(crate) mod sweep;
pub(crate) mod trails;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use clap::Parser;
use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;
use trailseal::internals::cli::{Cli, Console};
use trailseal::internals::crypto::{Signer, SigningKey, Validity, render_public_keys};
use trailseal::internals::model::{
    AccountId, BucketName, ChainKind, Digest, DigestKey, LogEntry, Place, Previous, Region,
    Sha256Hash, TrailName, Window,
};
use trailseal::internals::run::Silent;
use trailseal::internals::run::pool::Stop;
use trailseal::internals::run::seal::{SealError, SealOutcome, SealRequest, seal};
use trailseal::internals::seal::{Draft, SealedObject};
use trailseal::internals::store::DirectoryStore;

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const REGION: &str = "us-east-1";
pub(crate) const TRAIL: &str = "audit_trail.v1";
pub(crate) const BUCKET: &str = "audit-logs";
/// How many hours the tree is sealed for.
pub(crate) const HOURS: u8 = 8;
/// The hour without log files.
pub(crate) const EMPTY_HOUR: u8 = 3;

/// `2026-03-01T<hour>:<minute>:00Z`; hours above 23 run on into the next days.
pub(crate) fn at(hour: i64, minute: i64) -> Timestamp {
    let start: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
    Timestamp::from_second(start.as_second() + hour * 3600 + minute * 60).unwrap()
}

/// One signing key for all tests: generating takes long.
pub(crate) fn key() -> &'static SigningKey {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    KEY.get_or_init(|| SigningKey::generate().unwrap())
}

/// A second signing key, for what was not signed with the first.
pub(crate) fn other_key() -> &'static SigningKey {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    KEY.get_or_init(|| SigningKey::generate().unwrap())
}

/// A temporary directory, in memory where there is room: tests make tens of thousands of small files,
/// for which a disk's file system takes longer than it takes to verify them. `TMPDIR` goes first.
pub(crate) fn scratch() -> TempDir {
    static IN_MEMORY: OnceLock<bool> = OnceLock::new();
    if *IN_MEMORY.get_or_init(|| std::env::var_os("TMPDIR").is_none() && shared_memory_is_large()) {
        return TempDir::new_in(SHARED_MEMORY).unwrap();
    }
    TempDir::new().unwrap()
}

const SHARED_MEMORY: &str = "/dev/shm";

/// Whether 2 GiB or more may lie in shared memory. A mount without a size may take half of the
/// machine's memory; containers usually get 64 MiB.
fn shared_memory_is_large() -> bool {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let options = mounts.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        (fields.next() == Some(SHARED_MEMORY)).then(|| fields.nth(1))?
    });
    let large = |options: &str| {
        let size = options.split(',').find_map(|option| option.strip_prefix("size="));
        let kib = size.map(|size| size.strip_suffix('k').and_then(|kib| kib.parse::<u64>().ok()));
        kib.is_none_or(|kib| kib.is_some_and(|kib| kib >= 2 << 20))
    };
    options.is_some_and(large) && TempDir::new_in(SHARED_MEMORY).is_ok()
}

/// The tests' signing key as a file, in a directory of its own.
pub(crate) fn key_file() -> (TempDir, PathBuf) {
    let files = scratch();
    let pem = files.path().join("signing-key.pem");
    fs::write(&pem, key().to_pkcs8_pem().unwrap()).unwrap();
    (files, pem)
}

pub(crate) fn always() -> Validity {
    Validity { from: at(-100_000, 0), to: at(100_000, 0) }
}

/// A gzip member with the header that CloudTrail writes.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let builder = flate2::GzBuilder::new().operating_system(3);
    let mut encoder = builder.write(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut inflated = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut inflated).unwrap();
    inflated
}

/// A directory that is a copy of a bucket.
pub(crate) struct Tree {
    pub dir: TempDir,
    pub keys: PathBuf,
}

impl Tree {
    /// A directory with the tests' public key beside `AWSLogs`, and nothing else.
    pub(crate) fn empty() -> Self {
        let dir = scratch();
        let keys = dir.path().join("public-keys.json");
        fs::write(&keys, render_public_keys(&[(key().public_key_der(), always())])).unwrap();
        Self { dir, keys }
    }

    /// Log files of eight hours, one at twenty past each but the empty one, sealed. Sealing signs,
    /// and waits for the disk: that is done once, and every tree is a copy.
    pub(crate) fn sealed() -> Self {
        static SEALED: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();
        let files = SEALED.get_or_init(|| {
            let tree = Self::empty();
            for hour in (0..HOURS).filter(|hour| *hour != EMPTY_HOUR) {
                tree.write_log(&log_key(hour));
            }
            tree.seal(HOURS.into()).unwrap();
            tree.files()
        });
        Self::of(files)
    }

    /// The files below `AWSLogs`, by key.
    pub(crate) fn files(&self) -> Vec<(String, Vec<u8>)> {
        let files = sweep::files_below(&self.path("AWSLogs"));
        let key =
            |path: &Path| path.strip_prefix(self.root()).unwrap().to_str().unwrap().to_owned();
        files.iter().map(|path| (key(path), fs::read(path).unwrap())).collect()
    }

    /// A tree of files.
    pub(crate) fn of(files: &[(String, Vec<u8>)]) -> Self {
        let tree = Self::empty();
        files.iter().for_each(|(key, bytes)| tree.write(key, bytes));
        tree
    }

    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn path(&self, key: &str) -> PathBuf {
        self.root().join(key)
    }

    pub(crate) fn sidecar(&self, key: &str) -> PathBuf {
        self.root().join(format!("{key}.metadata.json"))
    }

    pub(crate) fn write(&self, key: &str, bytes: &[u8]) {
        let path = self.path(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    pub(crate) fn write_log(&self, key: &str) {
        let text = format!(
            r#"{{"Records":[{{"eventTime":"2026-03-01T00:00:00Z","eventID":"{}"}}]}}"#,
            Sha256Hash::of(key.as_bytes())
        );
        self.write(key, &gzip(text.as_bytes()));
    }

    pub(crate) fn remove(&self, key: &str) {
        fs::remove_file(self.path(key)).unwrap();
        let _ = fs::remove_file(self.sidecar(key));
    }

    pub(crate) fn lose_metadata(&self, key: &str) {
        fs::remove_file(self.sidecar(key)).unwrap();
    }

    /// What a plain copy loses: the metadata of every digest.
    pub(crate) fn lose_all_metadata(&self) {
        for hour in 1..=HOURS {
            self.lose_metadata(&digest_key(hour));
        }
    }

    /// Changes a file's stored bytes.
    pub(crate) fn change(&self, key: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(self.path(key)).unwrap();
        change(&mut bytes);
        fs::write(self.path(key), bytes).unwrap();
    }

    /// Changes a file's inflated text, leaving a sound gzip stream.
    pub(crate) fn rewrite(&self, key: &str, from: &str, to: &str) {
        self.change(key, |bytes| {
            let text = String::from_utf8(gunzip(bytes)).unwrap();
            assert!(text.contains(from), "{text}");
            *bytes = gzip(text.replacen(from, to, 1).as_bytes());
        });
    }

    pub(crate) fn change_metadata(&self, key: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.sidecar(key)).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(self.sidecar(key), text.replacen(from, to, 1)).unwrap();
    }

    pub(crate) fn digest(&self, key: &str) -> Digest {
        Digest::decode(&gunzip(&fs::read(self.path(key)).unwrap())).unwrap()
    }

    /// How the digest after it names this one.
    pub(crate) fn previous(&self, key: &str) -> Previous {
        let bytes = gunzip(&fs::read(self.path(key)).unwrap());
        let Digest { head, .. } = Digest::decode(&bytes).unwrap();
        let hash = Sha256Hash::of(&bytes);
        let signature = hex::encode(key_sign(&head.signing_string(hash)));
        Previous { bucket: head.bucket, object: head.object, hash, signature }
    }

    /// Seals up to an hour.
    pub(crate) fn seal(&self, until: i64) -> Result<SealOutcome, SealError> {
        self.seal_as(&seal_request(until))
    }

    pub(crate) fn seal_as(&self, request: &SealRequest) -> Result<SealOutcome, SealError> {
        let store = DirectoryStore::open(self.root(), "tree").unwrap();
        let (report, result) = seal(request, Arc::new(store), String::new(), key(), &Silent);
        result.map(|()| report)
    }

    /// Puts a digest of our own making, validly signed, over whatever is there.
    pub(crate) fn put(&self, sealed: &SealedObject) {
        self.write(&sealed.key, &sealed.body);
        fs::write(self.sidecar(&sealed.key), sealed.metadata.render()).unwrap();
    }

    /// Seals the digest of an hour anew with a change, and all that follow it, so that the chain
    /// is signed and linked throughout.
    pub(crate) fn reseal(&self, hour: u8, change: impl FnOnce(&mut Draft)) {
        let mut change = Some(change);
        let mut previous: Option<Previous> = None;
        for end in hour..=HOURS {
            let digest = self.digest(&digest_key(end));
            let mut draft = draft_of(&digest);
            if let Some(previous) = previous {
                draft.previous = Some(previous);
            }
            if let Some(change) = change.take() {
                change(&mut draft);
            }
            let sealed = draft.seal(key()).unwrap();
            self.put(&sealed);
            previous = Some(sealed.head.previous);
        }
    }

    /// Verifies the tree with the tests' key.
    pub(crate) fn verify(&self, args: &[&str]) -> Report {
        let keys = self.keys.to_str().unwrap();
        let root = self.root().to_str().unwrap();
        let mut all = vec!["verify", root, "--keys", keys];
        all.extend(args);
        verify(&all)
    }
}

fn key_sign(text: &str) -> Vec<u8> {
    key().sign(text.as_bytes()).unwrap()
}

pub(crate) fn place() -> Place {
    Place { prefix: String::new(), organization: None, account: AccountId::parse(ACCOUNT).unwrap() }
}

pub(crate) fn digest_name(end: Timestamp, kind: ChainKind) -> DigestKey {
    let region = Region::parse(REGION).unwrap();
    DigestKey {
        place: place(),
        region: region.clone(),
        trail: TrailName::parse(TRAIL).unwrap(),
        home_region: region,
        kind,
        end,
    }
}

/// The key of the digest that ends at an hour.
pub(crate) fn digest_key(end: u8) -> String {
    digest_name(at(end.into(), 0), ChainKind::Standard).to_string()
}

pub(crate) fn backfill_key(end: u8) -> String {
    digest_name(at(end.into(), 0), ChainKind::Backfill).to_string()
}

/// The key of the log file at twenty past an hour.
pub(crate) fn log_key(hour: u8) -> String {
    log_key_at(at(hour.into(), 20), "CloudTrail", "AAAAAAAAAAAAAAAA")
}

/// The objects of the sealed tree, digests first.
pub(crate) fn objects() -> Vec<String> {
    let logs = (0..HOURS).filter(|hour| *hour != EMPTY_HOUR);
    (1..=HOURS).map(digest_key).chain(logs.map(log_key)).collect()
}

pub(crate) fn log_key_at(time: Timestamp, kind: &str, unique: &str) -> String {
    use trailseal::internals::model::time::{day_folder, format_compact_minutes};
    format!(
        "AWSLogs/{ACCOUNT}/{kind}/{REGION}/{}/{ACCOUNT}_{kind}_{REGION}_{}_{unique}.json.gz",
        day_folder(time),
        format_compact_minutes(time)
    )
}

pub(crate) fn seal_request(until: i64) -> SealRequest {
    SealRequest {
        bucket: BucketName::parse(BUCKET).unwrap(),
        place: place(),
        region: Region::parse(REGION).unwrap(),
        trail: TrailName::parse(TRAIL).unwrap(),
        home_region: Region::parse(REGION).unwrap(),
        start: Some(at(0, 0)),
        end: at(until, 0),
        interval: jiff::SignedDuration::from_hours(1),
        expected: Vec::new(),
        validity: None,
        most: None,
        dry_run: false,
        now: at(until, 5),
        jobs: NonZero::new(2).unwrap(),
        stop: Stop::default(),
    }
}

/// The draft that a digest was sealed from.
pub(crate) fn draft_of(digest: &Digest) -> Draft {
    Draft {
        name: DigestKey::parse(&digest.object).unwrap(),
        bucket: BucketName::parse(&digest.bucket).unwrap(),
        start: digest.start,
        previous: digest.previous.clone(),
        log_files: digest.log_files.clone(),
        made: digest.end,
    }
}

/// A draft of an hour of our own.
pub(crate) fn draft(start: Timestamp, end: Timestamp, previous: Option<Previous>) -> Draft {
    Draft {
        name: digest_name(end, ChainKind::Standard),
        bucket: BucketName::parse(BUCKET).unwrap(),
        start,
        previous,
        log_files: Vec::<LogEntry>::new(),
        made: end,
    }
}

/// What a run printed.
pub(crate) struct Ran {
    pub status: u8,
    pub out: String,
    pub err: String,
}

/// Runs the command in this process.
pub(crate) fn trailseal(args: &[&str]) -> Ran {
    let cli = Cli::try_parse_from(["trailseal"].iter().chain(args)).unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let now = Timestamp::now();
    let mut io = Console {
        out: &mut out,
        err: &mut err,
        now,
        color: false,
        width: 100,
        stop: Stop::default(),
    };
    let status = cli.run(&mut io);
    Ran { status, out: String::from_utf8(out).unwrap(), err: String::from_utf8(err).unwrap() }
}

/// Runs `verify` and reads its JSON report.
pub(crate) fn verify(args: &[&str]) -> Report {
    let mut all = args.to_vec();
    all.extend(["--format", "json", "--no-progress"]);
    let ran = trailseal(&all);
    Report::read(ran.status, &ran.out, &ran.err)
}

/// A JSON report.
pub(crate) struct Report {
    pub status: u8,
    pub json: Value,
}

impl Report {
    /// Reads what `verify` printed, which must be of the committed schema.
    pub(crate) fn read(status: u8, out: &str, err: &str) -> Self {
        let json: Value =
            serde_json::from_str(out).unwrap_or_else(|e| panic!("{e}: {status} {out} {err}"));
        static SCHEMA: OnceLock<jsonschema::Validator> = OnceLock::new();
        let schema = SCHEMA.get_or_init(|| {
            let schema =
                serde_json::from_str(trailseal::internals::report::json::SCHEMA_JSON).unwrap();
            jsonschema::validator_for(&schema).unwrap()
        });
        if let Err(error) = schema.validate(&json) {
            let place = error.instance_path();
            panic!("the report is not of its schema: {error} at {place}\n{json:#}");
        }
        assert_eq!(json["exit_status"], status, "the report tells the exit status");
        Self { status, json }
    }

    pub(crate) fn findings(&self) -> &Vec<Value> {
        self.json["findings"].as_array().unwrap()
    }

    /// Code, severity and key of every finding.
    pub(crate) fn codes(&self) -> Vec<(String, String, String)> {
        let text = |f: &Value, name: &str| f[name].as_str().unwrap_or("").to_owned();
        let all = self.findings().iter();
        all.map(|f| (text(f, "code"), text(f, "severity"), text(f, "key"))).collect()
    }

    /// The standard chain's coverage from hour 0 on, a letter an hour: Proven, Violated,
    /// Unreadable, Gap, Explained, `-` for pending, `.` for time that was not asked for.
    pub(crate) fn hours(&self) -> String {
        let chains = self.json["chains"].as_array().unwrap();
        let chain = chains.iter().find(|c| c["kind"] == "standard").unwrap();
        let intervals = chain["coverage"].as_array().unwrap();
        let time = |v: &Value| v.as_str().unwrap().parse::<Timestamp>().unwrap();
        let last = intervals.iter().map(|i| time(&i["end"])).max().unwrap_or(at(0, 0));
        let count = (last.as_second() - at(0, 0).as_second()).max(0) / 3600;
        (0..count)
            .map(|hour| {
                let (start, end) = (at(hour, 0), at(hour + 1, 0));
                let hour = Window::new(start, end);
                let states: Vec<_> = intervals
                    .iter()
                    .filter(|i| Window::new(time(&i["start"]), time(&i["end"])).overlaps(&hour))
                    .map(|i| i["state"].as_str().unwrap())
                    .collect();
                // Of an hour that is cut in two, the worse half.
                let worst = ["violated", "unreadable", "gap", "explained", "pending", "proven"]
                    .into_iter()
                    .zip("VUGE-P".chars())
                    .find(|(state, _)| states.contains(state));
                worst.map_or('.', |(_, letter)| letter)
            })
            .collect()
    }

    pub(crate) fn count(&self, what: &str, which: &str) -> u64 {
        self.json["totals"][what][which].as_u64().unwrap()
    }
}

/// Every file below a folder with its bytes.
pub(crate) fn files_of(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut files, mut folders) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let key = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.insert(key, fs::read(path).unwrap());
            }
        }
    }
    files
}
