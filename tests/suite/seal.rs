//! Sealing: what is due is written once, links to what was there, and verifies; where something
//! is in the way the run stops, says so, and changes nothing that was there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};

use crate::common::{
    ACCOUNT, BUCKET, HOURS, REGION, Ran, TRAIL, Tree, always, at, backfill_key, digest_key,
    digest_name, gunzip, gzip, key, key_file, log_key, log_key_at, scratch, seal_request,
    trailseal,
};
use jiff::Timestamp;
use tempfile::TempDir;
use trailseal::internals::crypto::{SigningKey, Validity, render_public_keys};
use trailseal::internals::model::{BucketName, ChainKind, Digest, DigestKey, Metadata, Sha256Hash};
use trailseal::internals::run::pool::Stop;
use trailseal::internals::run::seal::{SealError, SealOutcome, SealRequest, seal};
use trailseal::internals::run::{Observer, RunEvent, Silent};
use trailseal::internals::store::{
    DirectoryStore, Entry, Object, Profile, Put, Store, StoreError, WriterGuard,
};

/// A tree and the files of the key that seals it, which lie elsewhere.
struct Desk {
    tree: Tree,
    files: TempDir,
    pem: PathBuf,
}

impl Desk {
    fn with(tree: Tree) -> Self {
        let (files, pem) = key_file();
        Self { tree, files, pem }
    }

    /// Log files at twenty past some hours; nothing is sealed.
    fn unsealed(hours: impl IntoIterator<Item = u8>) -> Self {
        let tree = Tree::empty();
        for hour in hours {
            tree.write_log(&log_key(hour));
        }
        Self::with(tree)
    }

    /// Eight hours, sealed.
    fn sealed() -> Self {
        Self::with(Tree::sealed())
    }

    /// What every command names.
    fn command(&self) -> Vec<String> {
        let root = self.tree.root().to_str().unwrap();
        let pem = self.pem.to_str().unwrap();
        ["seal", root, "--account", ACCOUNT, "--bucket", BUCKET, "--key", pem, "--no-progress"]
            .map(str::to_owned)
            .to_vec()
    }

    /// Runs `seal` with the arguments that are the matter of the test.
    fn run(&self, more: &[&str]) -> Ran {
        let mut args = self.command();
        args.extend(more.iter().map(|arg| (*arg).to_owned()));
        trailseal(&args.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Seals the usual trail up to an hour.
    fn seal(&self, until: i64, more: &[&str]) -> Ran {
        let end = at(until, 0).to_string();
        let mut args = vec!["--region", REGION, "--trail", TRAIL, "--end-time", &end];
        args.extend(more);
        self.run(&args)
    }

    /// Seals the usual trail up to an hour, as the library does.
    fn seal_with(&self, signer: &SigningKey, until: i64) -> SealOutcome {
        seal_in(self.tree.root(), signer, &seal_request(until))
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path = self.files.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

fn seal_in(root: &Path, signer: &SigningKey, request: &SealRequest) -> SealOutcome {
    let store = DirectoryStore::open(root, "tree").unwrap();
    let (report, result) = seal(request, Arc::new(store), String::new(), signer, &Silent);
    result.unwrap();
    report
}

/// Everything below a directory: files with a hash of their bytes, links with where they lead.
fn listing(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut all = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let kind = std::fs::symlink_metadata(&path).unwrap().file_type();
            let content = if kind.is_dir() {
                folders.push(path.clone());
                "folder".to_owned()
            } else if kind.is_symlink() {
                format!("link to {}", std::fs::read_link(&path).unwrap().display())
            } else if kind.is_file() {
                Sha256Hash::of(&std::fs::read(&path).unwrap()).to_string()
            } else {
                "special".to_owned()
            };
            all.insert(path.strip_prefix(root).unwrap().to_owned(), content);
        }
    }
    all
}

/// The digests of a tree, wherever they lie, in order of their end times.
fn digests(tree: &Tree) -> Vec<Digest> {
    let mut all: Vec<Digest> = listing(tree.root())
        .into_keys()
        .filter_map(|path| {
            let name = path.to_str()?;
            let is_digest = name.contains("CloudTrail-Digest/") && name.ends_with(".json.gz");
            is_digest.then(|| tree.digest(name))
        })
        .collect();
    all.sort_by_key(|digest| digest.end);
    all
}

/// Seals again with something in the way: the run ends with status 3, names it, and changes
/// nothing.
fn refused(desk: &Desk, until: i64, named: &[&str]) {
    let before = listing(desk.tree.root());
    let ran = desk.seal(until, &[]);
    assert_eq!(ran.status, 3, "{} {}", ran.out, ran.err);
    for named in named {
        assert!(ran.err.contains(named), "{named}: {}", ran.err);
    }
    assert_eq!(listing(desk.tree.root()), before);
}

// What is due.

#[test]
fn a_sealed_tree_verifies() {
    let desk = Desk::unsealed([0, 1, 2, 5]);
    let ran = desk.seal(6, &[]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    assert_eq!(ran.out.matches("sealed 2026").count(), 6, "{}", ran.out);
    assert!(ran.out.contains("the chain is sealed up to 2026-03-01T06:00:00Z"), "{}", ran.out);
    let report = desk.tree.verify(&[]);
    assert_eq!((report.status, report.hours().as_str()), (0, "PPPPPP"));
    assert_eq!((report.count("digests", "valid"), report.count("logs", "valid")), (6, 4));
}

#[test]
fn sealing_again_changes_no_byte() {
    let desk = Desk::sealed();
    let before = listing(desk.tree.root());
    let ran = desk.seal(HOURS.into(), &[]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    assert!(ran.out.contains("nothing is due"), "{}", ran.out);
    assert_eq!(listing(desk.tree.root()), before);
}

#[test]
fn a_chain_goes_on_where_it_ended_and_changes_nothing_before() {
    let desk = Desk::sealed();
    let before = listing(desk.tree.root());
    for until in [10, 13] {
        desk.tree.write_log(&log_key_at(at(until - 1, 20), "CloudTrail", "AAAAAAAAAAAAAAAA"));
        assert_eq!(desk.seal(until, &[]).status, 0);
    }
    let after = listing(desk.tree.root());
    assert!(before.iter().all(|(path, content)| after.get(path) == Some(content)));
    let report = desk.tree.verify(&[]);
    assert_eq!((report.status, report.hours().as_str()), (0, "PPPPPPPPPPPPP"));
    let ends = digests(&desk.tree);
    assert!(ends.windows(2).all(|pair| pair[0].end == pair[1].start));
    assert_eq!(ends.iter().filter(|digest| digest.previous.is_none()).count(), 1);
}

#[test]
fn an_hour_that_is_not_over_is_not_sealed() {
    let desk = Desk::unsealed([0, 1]);
    let ran =
        desk.run(&["--region", REGION, "--trail", TRAIL, "--end-time", &at(1, 59).to_string()]);
    assert_eq!(ran.status, 0);
    assert_eq!(digests(&desk.tree).iter().map(|d| d.end).collect::<Vec<_>>(), [at(1, 0)]);
}

#[test]
fn hours_without_log_files_are_sealed_as_empty() {
    let desk = Desk::unsealed([]);
    assert_eq!(desk.seal(3, &["--start-time", &at(0, 0).to_string()]).status, 0);
    let digests = digests(&desk.tree);
    assert_eq!(digests.len(), 3);
    for digest in digests {
        assert_eq!((digest.newest, digest.oldest, digest.log_files.len()), (None, None, 0));
    }
    assert_eq!(desk.tree.verify(&[]).hours(), "PPP");
}

#[test]
fn a_log_on_the_boundary_belongs_to_the_later_interval() {
    let desk = Desk::unsealed([0]);
    let boundary = log_key_at(at(1, 0), "CloudTrail", "BBBBBBBBBBBBBBBB");
    desk.tree.write_log(&boundary);
    assert_eq!(desk.seal(2, &[]).status, 0);
    let logs = |hour| {
        let listed = desk.tree.digest(&digest_key(hour)).log_files;
        listed.iter().map(|log| log.object.to_string()).collect::<Vec<_>>()
    };
    assert_eq!((logs(1), logs(2)), (vec![log_key(0)], vec![boundary]));
}

#[test]
fn a_new_chain_starts_with_the_interval_of_its_earliest_log() {
    for (interval, start) in [("1h", at(2, 0)), ("15m", at(2, 15)), ("1d", at(0, 0))] {
        let desk = Desk::unsealed([2, 4]);
        assert_eq!(desk.seal(24, &["--interval", interval]).status, 0, "{interval}");
        assert_eq!(digests(&desk.tree)[0].start, start, "{interval}");
        assert_eq!(desk.tree.verify(&[]).status, 0, "{interval}");
    }
}

#[test]
fn an_interval_of_a_quarter_of_an_hour() {
    let desk = Desk::unsealed([0, 1]);
    let ran = desk.seal(2, &["--interval", "15m"]);
    assert_eq!(ran.status, 0);
    let digests = digests(&desk.tree);
    assert_eq!(digests.len(), 7, "from 00:15 on");
    assert!(digests.iter().all(|d| d.end.as_second() - d.start.as_second() == 900));
    let with_logs: Vec<_> =
        digests.iter().filter(|d| !d.log_files.is_empty()).map(|d| d.end).collect();
    assert_eq!(with_logs, [at(0, 30), at(1, 30)]);
    assert_eq!(desk.tree.verify(&[]).status, 0);
}

#[test]
fn a_start_after_the_chains_end_is_refused_and_an_earlier_one_is_fine() {
    let desk = Desk::sealed();
    let before = listing(desk.tree.root());
    let ran = desk.seal(12, &["--start-time", &at(9, 0).to_string()]);
    assert_eq!(ran.status, 2, "{}", ran.err);
    assert!(ran.err.contains("2026-03-01T08:00:00Z") && ran.err.contains("--start-time"));
    assert_eq!(listing(desk.tree.root()), before);
    for (until, start) in [(9, at(0, 0)), (10, at(9, 0)), (11, at(-50, 0))] {
        let ran = desk.seal(until, &["--start-time", &start.to_string()]);
        assert_eq!(ran.status, 0, "{}", ran.err);
    }
    assert_eq!(desk.tree.verify(&[]).hours(), "PPPPPPPPPPP");
}

#[test]
fn nothing_to_start_from_is_wrong_usage() {
    let desk = Desk::unsealed([]);
    let ran = desk.seal(4, &[]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains(ACCOUNT) && ran.err.contains("--start-time"), "{}", ran.err);
}

#[test]
fn the_future_cannot_be_sealed() {
    let desk = Desk::unsealed([0]);
    let before = listing(desk.tree.root());
    let ran = desk.run(&["--region", REGION, "--trail", TRAIL, "--end-time", "2999-01-01"]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("is in the future"), "{}", ran.err);
    let ran = desk.seal(4, &["--start-time", &at(4, 0).to_string()]);
    assert_eq!(ran.status, 2, "an empty time");
    assert_eq!(listing(desk.tree.root()), before);
}

// What stands in a digest.

#[test]
fn the_same_tree_gives_the_same_bytes() {
    let [first, second] = [(); 2].map(|()| Desk::unsealed([0, 1, 3]));
    for desk in [&first, &second] {
        assert_eq!(desk.seal(4, &[]).status, 0);
    }
    assert_eq!(listing(first.tree.root()), listing(second.tree.root()));
    // Sealed in two runs instead of one, and with one reader instead of several.
    let third = Desk::unsealed([0, 1, 3]);
    for until in [2, 4] {
        assert_eq!(third.seal(until, &["--jobs", "1"]).status, 0);
    }
    assert_eq!(listing(first.tree.root()), listing(third.tree.root()));
}

#[test]
fn event_times_are_those_of_the_events() {
    let desk = Desk::unsealed([]);
    let log = |minute, unique, events: &[&str]| {
        let events: Vec<_> =
            events.iter().map(|time| format!(r#"{{"eventTime":"{time}"}}"#)).collect();
        let text = format!(r#"{{"Records":[{}]}}"#, events.join(","));
        let name = log_key_at(at(0, minute), "CloudTrail", unique);
        desk.tree.write(&name, &gzip(text.as_bytes()));
    };
    log(
        10,
        "AAAAAAAAAAAAAAAA",
        &["2026-03-01T00:04:11Z", "2026-02-28T23:58:59Z", "2026-03-01T00:09:00Z"],
    );
    log(25, "BBBBBBBBBBBBBBBB", &["2026-03-01T00:21:07Z"]);
    assert_eq!(desk.seal(1, &[]).status, 0);
    let digest = desk.tree.digest(&digest_key(1));
    let time = |text: &str| Some(text.parse::<Timestamp>().unwrap());
    let of = |i: usize| (digest.log_files[i].oldest, digest.log_files[i].newest);
    assert_eq!(of(0), (time("2026-02-28T23:58:59Z"), time("2026-03-01T00:09:00Z")));
    assert_eq!(of(1), (time("2026-03-01T00:21:07Z"), time("2026-03-01T00:21:07Z")));
    assert_eq!(
        (digest.oldest, digest.newest),
        (time("2026-02-28T23:58:59Z"), time("2026-03-01T00:21:07Z"))
    );
}

#[test]
fn a_log_without_readable_events_is_sealed_aloud() {
    for text in ["{}", r#"{"Records":[]}"#, r#"{"Records":[{"eventID":"x"}]}"#, "no JSON at all"] {
        let desk = Desk::unsealed([]);
        desk.tree.write(&log_key(0), &gzip(text.as_bytes()));
        let ran = desk.seal(1, &[]);
        assert_eq!(ran.status, 0, "{text}: {}", ran.err);
        assert!(ran.err.contains(&log_key(0)), "{text}: {}", ran.err);
        assert_eq!(desk.tree.digest(&digest_key(1)).newest, Some(at(0, 20)), "{text}: by its name");
        assert_eq!(desk.tree.verify(&[]).status, 0, "{text}");
    }
}

// Where digests lie.

/// Seals a tree in which everything lies elsewhere, and verifies it with nothing but the keys.
fn elsewhere(tree_folder: &str, place: &str, flags: &[&str], prefix: &str) -> Desk {
    let desk = Desk::unsealed([]);
    for hour in [0, 2] {
        let log = log_key(hour).replacen("AWSLogs/", place, 1);
        desk.tree.write_log(&format!("{tree_folder}{log}"));
    }
    let ran = desk.seal(3, flags);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let report = desk.tree.verify(&[]);
    assert_eq!((report.status, report.hours().as_str()), (0, "PPP"), "{:#}", report.json);
    assert_eq!(report.count("logs", "valid"), 2);
    let chain = &report.json["chains"][0];
    assert_eq!((&chain["bucket"], &chain["prefix"]), (&BUCKET.into(), &prefix.into()));
    desk
}

#[test]
fn a_tree_that_holds_the_prefix() {
    let desk = elsewhere("a/b.c/", "AWSLogs/", &["--prefix", "a/b.c"], "a/b.c");
    assert!(!desk.tree.path("AWSLogs").exists());
    assert!(digests(&desk.tree).iter().all(|d| d.object.starts_with("a/b.c/AWSLogs/")));
}

#[test]
fn a_tree_that_begins_below_the_prefix() {
    let desk = elsewhere("", "AWSLogs/", &["--prefix", "/a/b.c/"], "a/b.c");
    assert!(!desk.tree.path("a").exists());
    assert!(digests(&desk.tree).iter().all(|d| d.object.starts_with("a/b.c/AWSLogs/")));
    // Continued, and not begun anew in another place.
    assert_eq!(desk.seal(4, &["--prefix", "a/b.c"]).status, 0);
    assert_eq!(desk.tree.verify(&[]).hours(), "PPPP");
    // Insisting on what is so changes nothing.
    let report = desk.tree.verify(&["--prefix", "a/b.c", "--bucket", BUCKET]);
    assert_eq!((report.status, report.findings().len()), (0, 0));
}

#[test]
fn a_prefix_that_leads_outside_writes_nothing() {
    let desk = Desk::unsealed([0]);
    let inner = desk.tree.path("inner");
    std::fs::create_dir(&inner).unwrap();
    let mut args = desk.command();
    args[1] = inner.to_str().unwrap().to_owned();
    args.extend(["--prefix", "..", "--region", REGION, "--trail", TRAIL].map(str::to_owned));
    args.extend(["--start-time", "2026-03-01", "--end-time", "2026-03-02"].map(str::to_owned));
    let before = listing(desk.tree.root());
    let ran = trailseal(&args.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(matches!(ran.status, 2 | 3), "{}", ran.err);
    assert_eq!(listing(desk.tree.root()), before);
}

#[test]
fn an_organization() {
    let desk = elsewhere("", "AWSLogs/o-abc123/", &["--organization", "o-abc123"], "");
    let report = desk.tree.verify(&[]);
    assert_eq!(report.json["chains"][0]["organization"], "o-abc123");
    assert!(digests(&desk.tree)[0].object.starts_with("AWSLogs/o-abc123/111122223333/"));
}

#[test]
fn an_organization_below_a_prefix() {
    let flags = ["--prefix", "p", "--organization", "o-abc123"];
    elsewhere("p/", "AWSLogs/o-abc123/", &flags, "p");
}

#[test]
fn another_home_region() {
    let desk = elsewhere("", "AWSLogs/", &["--home-region", "eu-central-1"], "");
    let report = desk.tree.verify(&[]);
    assert_eq!(report.json["chains"][0]["home_region"], "eu-central-1");
    assert_eq!(report.json["chains"][0]["region"], REGION);
    // Another home region is another chain, which starts anew beside the first.
    assert_eq!(desk.seal(3, &[]).status, 0);
    let report = desk.tree.verify(&[]);
    assert_eq!((report.status, report.count("digests", "valid")), (0, 6));
    assert_eq!(digests(&desk.tree).iter().filter(|d| d.previous.is_none()).count(), 2);
}

#[test]
fn trails_whose_names_extend_each_other_have_chains_of_their_own() {
    let desk = Desk::unsealed([0, 1, 2]);
    let end = at(3, 0).to_string();
    let longest = "x".repeat(128);
    let names = ["foo", "foo_us-east-1", "foo_us-east-1_bar", "foo.bar_", "a_b.c-d", &longest];
    for name in names {
        let ran = desk.run(&["--region", REGION, "--trail", name, "--end-time", &end]);
        assert_eq!(ran.status, 0, "{name}: {}", ran.err);
        assert_eq!(ran.out.matches("sealed 2026").count(), 3, "{name}: {}", ran.out);
    }
    let all = digests(&desk.tree);
    assert_eq!(all.iter().filter(|digest| digest.previous.is_none()).count(), names.len());
    let report = desk.tree.verify(&[]);
    assert_eq!((report.status, report.findings().len()), (0, 0));
    assert_eq!(report.count("digests", "valid"), 18);
}

#[test]
fn the_longest_names_fit_into_a_directory() {
    let desk = Desk::unsealed([]);
    let (region, trail) = ("ap-southeast-2", "x".repeat(128));
    let flags = ["--region", region, "--trail", &trail, "--end-time"];
    let log = |minute, unique| {
        let log = log_key_at(at(0, minute), "CloudTrail", unique);
        desk.tree.write_log(&log.replace(REGION, region));
    };
    log(20, "AAAAAAAAAAAAAAAA");
    let ran = desk.run(&[&flags[..], &[&at(1, 0).to_string()]].concat());
    assert_eq!(ran.status, 0, "{}", ran.err);
    log(30, "BBBBBBBBBBBBBBBB");
    let ran = desk.run(&[&flags[..], &[&at(2, 0).to_string()]].concat());
    assert_eq!(ran.status, 0, "{}", ran.err);
    let report = desk.tree.verify(&[]);
    assert_eq!((report.status, report.count("digests", "valid")), (0, 3));
}

#[test]
fn insisting_on_another_bucket_or_prefix_finds_every_digest_moved() {
    let desk = Desk::sealed();
    for flags in [["--bucket", "other"], ["--prefix", "other"]] {
        let report = desk.tree.verify(&flags);
        assert_eq!(report.status, 1, "{flags:?}");
        let moved = report.codes().into_iter().filter(|(code, ..)| code == "digest-moved").count();
        assert_eq!(moved, usize::from(HOURS), "{flags:?}: {:?}", report.codes());
        assert_eq!(report.count("digests", "valid"), 0);
    }
}

// Log files that come late.

#[test]
fn a_late_log_goes_into_one_backfill_digest() {
    let desk = Desk::sealed();
    let late = [1, 2].map(|hour| log_key_at(at(hour, 45), "CloudTrail", "EEEEEEEEEEEEEEEE"));
    desk.tree.write_log(&late[0]);
    let ran = desk.seal(8, &[]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.out.contains("(backfill)") && ran.out.contains(&backfill_key(8)), "{}", ran.out);
    assert_eq!(desk.tree.digest(&backfill_key(8)).log_files.len(), 1);
    // Once: nothing is due any more.
    let before = listing(desk.tree.root());
    assert!(desk.seal(8, &[]).out.contains("nothing is due"));
    assert_eq!(listing(desk.tree.root()), before);
    // Another one waits for the next interval, and is told of.
    desk.tree.write_log(&late[1]);
    let before = listing(desk.tree.root());
    let ran = desk.seal(8, &[]);
    assert_eq!(ran.status, 0);
    assert!(ran.err.contains("1 late log file to be sealed in the next interval"), "{}", ran.err);
    assert_eq!(listing(desk.tree.root()), before);
    let ran = desk.seal(9, &[]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    let second = desk.tree.digest(&backfill_key(9));
    assert_eq!(&*second.log_files[0].object, late[1].as_str());
    assert_eq!(second.head.previous.unwrap().object, backfill_key(8));
    let report = desk.tree.verify(&[]);
    assert_eq!((report.status, report.findings().len()), (0, 0));
    assert_eq!(report.count("digests", "valid"), 11);
}

#[test]
fn a_log_that_a_digest_lists_is_not_late() {
    let desk = Desk::sealed();
    // Delivered again with the same bytes.
    let bytes = std::fs::read(desk.tree.path(&log_key(2))).unwrap();
    std::fs::remove_file(desk.tree.path(&log_key(2))).unwrap();
    desk.tree.write(&log_key(2), &bytes);
    assert_eq!(desk.seal(9, &[]).status, 0);
    assert!(!desk.tree.path(&backfill_key(9)).exists());
}

#[test]
fn logs_from_before_the_chain_are_told_of_and_are_not_late() {
    let desk = Desk::unsealed([0, 1, 3]);
    let ran = desk.seal(4, &["--start-time", &at(2, 0).to_string()]);
    assert_eq!(ran.status, 0);
    assert!(
        ran.err.contains("2 log files not sealed, older than the chain's start"),
        "{}",
        ran.err
    );
    let ran = desk.seal(5, &[]);
    assert_eq!(ran.status, 0);
    assert!(!ran.out.contains("(backfill)"), "{}", ran.out);
    assert_eq!(digests(&desk.tree).iter().map(|d| d.log_files.len()).sum::<usize>(), 1);
}

// What is in the way is never written over.

#[test]
fn a_foreign_file_at_the_next_digests_key_stops_the_run() {
    let desk = Desk::sealed();
    desk.tree.write(&digest_key(9), b"somebody's notes");
    refused(&desk, 9, &[&digest_key(9)]);
    refused(&desk, 12, &[&digest_key(9)]);
}

#[test]
fn a_folder_at_the_next_digests_key_stops_the_run() {
    let desk = Desk::sealed();
    std::fs::create_dir(desk.tree.path(&digest_key(9))).unwrap();
    refused(&desk, 9, &[&digest_key(9)]);
}

#[test]
fn a_foreign_file_at_the_backfill_digests_key_stops_the_run() {
    let desk = Desk::sealed();
    desk.tree.write_log(&log_key_at(at(1, 45), "CloudTrail", "EEEEEEEEEEEEEEEE"));
    desk.tree.write(&backfill_key(8), b"somebody's notes");
    refused(&desk, 8, &[&backfill_key(8)]);
}

#[test]
fn a_file_where_a_folder_is_due_stops_the_run() {
    let desk = Desk::sealed();
    let tomorrow = digest_name(at(25, 0), ChainKind::Standard).to_string();
    let folder = tomorrow.rsplit_once('/').unwrap().0.to_owned();
    desk.tree.write(&folder, b"no folder");
    let ran = desk.seal(25, &[]);
    assert_eq!(ran.status, 3, "{} {}", ran.out, ran.err);
    assert_eq!(std::fs::read(desk.tree.path(&folder)).unwrap(), b"no folder");
    // What came before it stands.
    assert_eq!(desk.tree.verify(&[]).hours(), "P".repeat(23));
}

// What a run that was cut off leaves.

#[test]
fn a_signature_that_was_left_without_its_digest_gets_the_same_digest() {
    let desk = Desk::sealed();
    assert_eq!(desk.seal(9, &[]).status, 0);
    let whole = listing(desk.tree.root());
    // The run was cut off after the signature and before the digest.
    std::fs::remove_file(desk.tree.path(&digest_key(9))).unwrap();
    assert_eq!(desk.seal(9, &[]).status, 0);
    assert_eq!(listing(desk.tree.root()), whole);
    assert_eq!(desk.tree.verify(&[]).status, 0);
}

#[test]
fn a_signature_of_a_digest_that_listed_something_else_is_in_the_way() {
    let desk = Desk::sealed();
    desk.tree.write_log(&log_key(8));
    assert_eq!(desk.seal(9, &[]).status, 0);
    // Whoever removes a digest and its log file cannot have the hour sealed anew without them.
    std::fs::remove_file(desk.tree.path(&digest_key(9))).unwrap();
    desk.tree.remove(&log_key(8));
    refused(&desk, 10, &[&digest_key(9), ".metadata.json"]);
}

#[test]
fn a_newest_digest_without_its_signature_is_not_signed_on_its_own_word() {
    let desk = Desk::sealed();
    desk.tree.lose_metadata(&digest_key(HOURS));
    refused(&desk, 10, &[&digest_key(HOURS), "lost its signature"]);
    // It may have been altered: signing it would make it true.
    desk.tree.rewrite(&digest_key(HOURS), "\"logFiles\"", " \"logFiles\"");
    refused(&desk, 10, &[&digest_key(HOURS), "lost its signature"]);
}

#[test]
fn what_a_write_left_half_done_does_no_harm() {
    let desk = Desk::sealed();
    for name in [digest_key(9), format!("{}.metadata.json", digest_key(9))] {
        desk.tree.write(&format!("{name}.4711-0.partial"), b"half of it");
    }
    assert_eq!(desk.seal(10, &[]).status, 0);
    let report = desk.tree.verify(&[]);
    assert_eq!((report.status, report.hours().as_str()), (0, "PPPPPPPPPP"));
    assert!(report.codes().iter().all(|(code, ..)| code == "object-unknown"));
}

#[test]
fn no_run_leaves_anything_half_done() {
    let desk = Desk::unsealed([0, 1]);
    assert_eq!(desk.seal(2, &[]).status, 0);
    let all = listing(desk.tree.root());
    assert!(all.keys().all(|path| !path.to_str().unwrap().contains("partial")), "{all:?}");
}

// What must not be built on.

#[test]
fn an_altered_newest_digest_is_not_built_on() {
    let newest = digest_key(HOURS);
    let alterations: [&dyn Fn(&Tree); 5] = [
        &|tree| tree.rewrite(&newest, "\"logFiles\"", " \"logFiles\""),
        &|tree| tree.rewrite(&newest, "CloudTrail/", "CloudTroll/"),
        &|tree| tree.change(&newest, |bytes| bytes.truncate(bytes.len() - 4)),
        &|tree| tree.change(&newest, |bytes| bytes.push(0)),
        &|tree| {
            for suffix in ["", ".metadata.json"] {
                let path = |n| tree.path(&format!("{}{suffix}", digest_key(n)));
                std::fs::copy(path(HOURS - 1), path(HOURS)).unwrap();
            }
        },
    ];
    for alter in alterations {
        let desk = Desk::sealed();
        alter(&desk.tree);
        refused(&desk, 10, &[&newest, "trailseal verify"]);
    }
}

#[test]
fn an_altered_signature_of_the_newest_digest_is_not_built_on() {
    let desk = Desk::sealed();
    let sidecar = desk.tree.sidecar(&digest_key(HOURS));
    std::fs::copy(desk.tree.sidecar(&digest_key(1)), sidecar).unwrap();
    refused(&desk, 10, &[&digest_key(HOURS)]);
}

#[test]
fn an_altered_digest_of_late_logs_is_not_built_on() {
    let desk = Desk::sealed();
    desk.tree.write_log(&log_key_at(at(1, 45), "CloudTrail", "EEEEEEEEEEEEEEEE"));
    assert_eq!(desk.seal(8, &[]).status, 0);
    desk.tree.rewrite(&backfill_key(8), "\"logFiles\"", " \"logFiles\"");
    refused(&desk, 10, &[&backfill_key(8)]);
}

#[test]
fn a_digest_of_another_key_that_lost_its_signature_is_not_built_on() {
    let desk = Desk::sealed();
    let other = crate::common::other_key();
    desk.seal_with(other, 9);
    desk.tree.lose_metadata(&digest_key(9));
    refused(&desk, 10, &[&digest_key(9), "lost its signature", ".metadata.json"]);
}

#[test]
fn a_chain_goes_on_with_a_new_key() {
    let desk = Desk::sealed();
    let new = crate::common::other_key();
    desk.tree.write_log(&log_key_at(at(9, 20), "CloudTrail", "AAAAAAAAAAAAAAAA"));
    assert_eq!(desk.seal_with(new, 11).sealed.len(), 3);
    let file = desk.file("new-keys.json", render_public_keys(&[(new.public_key_der(), always())]));
    let report = desk.tree.verify(&["--keys", &file]);
    assert_eq!((report.status, report.hours().as_str()), (0, "PPPPPPPPPPP"));
    assert!(report.json["keys"].as_array().unwrap().iter().all(|key| key["used"] == true));
    // One of the two is not enough.
    let report = desk.tree.verify(&[]);
    assert_eq!((report.status, report.hours().as_str()), (3, "PPPPPPPPUUU"));
}

// Two runs at once.

/// A directory that counts how often another writer was first.
struct Watched {
    directory: DirectoryStore,
    /// Whose lock is taken; that of another directory keeps nobody out, as on a network drive
    /// that has none.
    lock: DirectoryStore,
    second: Arc<AtomicUsize>,
}

impl Store for Watched {
    fn name(&self) -> &str {
        self.directory.name()
    }
    fn profile(&self) -> Profile {
        self.directory.profile()
    }

    fn bucket(&self) -> Option<&BucketName> {
        None
    }
    fn list(&self, folder: &str, each: &mut dyn FnMut(Entry)) -> Result<(), StoreError> {
        self.directory.list(folder, each)
    }
    fn get(&self, key: &str) -> Result<Object, StoreError> {
        self.directory.get(key)
    }
    fn put_new(&self, key: &str, body: &[u8], metadata: &Metadata) -> Result<Put, StoreError> {
        let put = self.directory.put_new(key, body, metadata);
        self.second.fetch_add(usize::from(put == Ok(Put::Exists)), Ordering::Relaxed);
        put
    }
    fn lock(&self) -> Result<WriterGuard, StoreError> {
        self.lock.lock()
    }
}

/// One chain without a fork, every hour of it written by one run only.
fn one_chain(desk: &Desk, hours: usize) {
    let report = desk.tree.verify(&[]);
    assert_eq!((report.status, report.findings().len()), (0, 0), "{:#}", report.json["findings"]);
    assert_eq!(report.hours(), "P".repeat(hours));
    let standard: Vec<_> = digests(&desk.tree)
        .into_iter()
        .filter(|digest| DigestKey::parse(&digest.object).unwrap().kind == ChainKind::Standard)
        .collect();
    assert_eq!(standard.len(), hours);
    assert_eq!(standard.iter().filter(|digest| digest.previous.is_none()).count(), 1);
}

/// Seals with two threads at once, which leave one chain; returns how often one of them found
/// that the other was first.
fn at_once(lock: impl Fn(&Path) -> PathBuf + Sync) -> usize {
    let desk = Desk::unsealed(0..24);
    let (start, second) = (Barrier::new(2), Arc::new(AtomicUsize::new(0)));
    let run = || {
        let open = |path: &Path| DirectoryStore::open(path, "tree").unwrap();
        let (root, second) = (desk.tree.root(), second.clone());
        let store = Watched { directory: open(root), lock: open(&lock(root)), second };
        start.wait();
        let request = seal_request(24);
        let (report, result) = seal(&request, Arc::new(store), String::new(), key(), &Silent);
        result.unwrap();
        report.sealed.len()
    };
    let sealed: usize = std::thread::scope(|scope| {
        [scope.spawn(run), scope.spawn(run)].map(|thread| thread.join().unwrap()).iter().sum()
    });
    assert_eq!(sealed, 24, "each digest was written by one of them");
    one_chain(&desk, 24);
    second.load(Ordering::Relaxed)
}

#[test]
fn two_runs_at_once_take_turns() {
    for _ in 0..5 {
        assert_eq!(at_once(Path::to_owned), 0);
    }
}

#[test]
fn two_runs_that_no_lock_keeps_apart_leave_one_chain() {
    for _ in 0..5 {
        let locks = scratch();
        at_once(|_| {
            let own = TempDir::new_in(locks.path()).unwrap();
            own.keep()
        });
    }
}

/// Another writer that is first with every digest: it writes the same one just before.
struct Beaten(DirectoryStore);

impl Store for Beaten {
    fn name(&self) -> &str {
        self.0.name()
    }
    fn profile(&self) -> Profile {
        self.0.profile()
    }

    fn bucket(&self) -> Option<&BucketName> {
        None
    }
    fn list(&self, folder: &str, each: &mut dyn FnMut(Entry)) -> Result<(), StoreError> {
        self.0.list(folder, each)
    }
    fn get(&self, key: &str) -> Result<Object, StoreError> {
        self.0.get(key)
    }
    fn put_new(&self, key: &str, body: &[u8], metadata: &Metadata) -> Result<Put, StoreError> {
        self.0.put_new(key, body, metadata)?;
        self.0.put_new(key, body, metadata)
    }
    fn lock(&self) -> Result<WriterGuard, StoreError> {
        Ok(WriterGuard::none())
    }
}

/// However often another writer is first: what it writes is what was due.
#[test]
fn a_run_that_is_never_first_ends_with_the_chain() {
    let desk = Desk::unsealed(0..24);
    let store = Beaten(DirectoryStore::open(desk.tree.root(), "tree").unwrap());
    let (report, result) = seal(&seal_request(48), Arc::new(store), String::new(), key(), &Silent);
    result.unwrap();
    assert_eq!((report.sealed.len(), report.sealed_until), (0, Some(at(48, 0))));
    one_chain(&desk, 48);
}

#[test]
fn two_processes_at_once_leave_one_chain() {
    for _ in 0..5 {
        let desk = Desk::unsealed(0..12);
        let start = || {
            Command::new(env!("CARGO_BIN_EXE_trailseal"))
                .args(desk.command())
                .args(["--region", REGION, "--trail", TRAIL, "--end-time"])
                .arg(at(12, 0).to_string())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        };
        let mut both = [start(), start()];
        assert!(both.iter_mut().all(|process| process.wait().unwrap().success()));
        one_chain(&desk, 12);
    }
}

// Log files that cannot be vouched for, and places that cannot be looked into.

#[test]
fn a_log_that_is_no_gzip_stops_the_run_where_it_lies() {
    for bytes in [&b"PK\x03\x04"[..], b"", &gzip(b"{\"Records\":[]}")[..12]] {
        let desk = Desk::unsealed([0, 1, 2, 3]);
        desk.tree.write(&log_key(2), bytes);
        let ran = desk.seal(4, &[]);
        assert_eq!(ran.status, 3, "{}", ran.err);
        assert!(ran.err.contains(&log_key(2)), "{}", ran.err);
        assert!(ran.err.contains("2 digests were sealed before that and are kept"), "{}", ran.err);
        assert_eq!(ran.out.matches("sealed 2026").count(), 2, "{}", ran.out);
        // Again and again the same, until it is out of the way.
        refused(&desk, 4, &[&log_key(2)]);
        std::fs::remove_file(desk.tree.path(&log_key(2))).unwrap();
        assert_eq!(desk.seal(4, &[]).status, 0);
        assert_eq!(desk.tree.verify(&[]).hours(), "PPPP");
    }
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_listed_stops_the_run() {
    let day = |kind: &str| format!("AWSLogs/{ACCOUNT}/{kind}/{REGION}/2026/03/02");
    for kind in ["CloudTrail", "CloudTrail-Digest", "CloudTrail-Insight"] {
        for target in [None, Some("02"), Some("/"), Some("01")] {
            let desk = Desk::sealed();
            let path = desk.tree.path(&day(kind));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            match target {
                Some(target) => std::os::unix::fs::symlink(target, &path).unwrap(),
                None => assert!(Command::new("mkfifo").arg(&path).status().unwrap().success()),
            }
            refused(&desk, 10, &[&day(kind)]);
        }
    }
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_outside_is_neither_sealed_nor_written_through() {
    let desk = Desk::unsealed([0]);
    let outside = desk.file("outside.json.gz", gzip(b"{\"Records\":[]}"));
    let link = log_key_at(at(0, 40), "CloudTrail", "BBBBBBBBBBBBBBBB");
    std::os::unix::fs::symlink(&outside, desk.tree.path(&link)).unwrap();
    refused(&desk, 1, &[&link]);
    std::fs::remove_file(desk.tree.path(&link)).unwrap();
    // The folder of digests leads outside.
    let folder = desk.tree.path(&format!("AWSLogs/{ACCOUNT}/CloudTrail-Digest"));
    std::os::unix::fs::symlink(desk.files.path(), folder).unwrap();
    let before = listing(desk.files.path());
    refused(&desk, 1, &[]);
    assert_eq!(listing(desk.files.path()), before);
}

// Keys and certificates.

#[test]
fn a_certificate_that_does_not_fit_is_refused() {
    let desk = Desk::unsealed([0, 1, 2]);
    let certificate = |signer: &SigningKey, from, to| {
        signer.self_signed_certificate_pem(Validity { from, to }).unwrap()
    };
    let other = crate::common::other_key();
    let start = at(0, 0).to_string();
    let before = listing(desk.tree.root());
    for (why, pem) in [
        ("of another key", certificate(other, at(-100, 0), at(100, 0))),
        ("over before the end", certificate(key(), at(-100, 0), at(1, 30))),
        ("not valid yet", certificate(key(), at(2, 30), at(100, 0))),
        ("none", "no certificate".to_owned()),
    ] {
        let file = desk.file("certificate.pem", pem);
        for flags in [&["--cert", &file, "--start-time", &start][..], &["--cert", &file]] {
            let ran = desk.seal(3, flags);
            assert_eq!(ran.status, 2, "{why} {flags:?}: {}", ran.out);
            assert!(ran.err.contains("certificate"), "{why}: {}", ran.err);
            assert_eq!(listing(desk.tree.root()), before, "{why}");
        }
    }
    let file = desk.file("certificate.pem", certificate(key(), at(-1, 0), at(100, 0)));
    let ran = desk.seal(3, &["--cert", &file]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert_eq!(desk.tree.verify(&["--keys", &file]).status, 0);
}

#[test]
fn a_certificate_need_not_be_valid_in_time_that_is_sealed_already() {
    let desk = Desk::sealed();
    let validity = Validity { from: at(8, 30), to: at(100, 0) };
    let pem = key().self_signed_certificate_pem(validity).unwrap();
    let file = desk.file("certificate.pem", pem);
    let ran = desk.seal(10, &["--cert", &file, "--start-time", &at(0, 0).to_string()]);
    assert_eq!(ran.status, 0, "{}", ran.err);
}

#[test]
fn a_key_that_is_none_is_wrong_usage() {
    let desk = Desk::unsealed([0]);
    let before = listing(desk.tree.root());
    for text in ["", "rubbish", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
        let file = desk.file("bad.pem", text);
        let mut args = desk.command();
        let at_key = args.iter().position(|arg| arg == "--key").unwrap();
        args[at_key + 1].clone_from(&file);
        args.extend(["--region", REGION, "--trail", TRAIL].map(str::to_owned));
        let ran = trailseal(&args.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(ran.status, 2, "{text}: {}", ran.err);
        assert!(ran.err.contains("bad.pem"), "{text}: {}", ran.err);
    }
    assert_eq!(listing(desk.tree.root()), before);
}

#[test]
fn the_signatures_are_in_the_sidecars_and_in_the_successors() {
    let desk = Desk::sealed();
    for hour in 1..HOURS {
        let sidecar = std::fs::read(desk.tree.sidecar(&digest_key(hour))).unwrap();
        let next = desk.tree.digest(&digest_key(hour + 1)).head.previous.unwrap();
        assert_eq!(Metadata::decode(&sidecar).unwrap().get("signature"), Some(&*next.signature));
        let bytes = gunzip(&std::fs::read(desk.tree.path(&digest_key(hour))).unwrap());
        assert_eq!(next.hash, Sha256Hash::of(&bytes));
    }
}

// The head that is expected.

/// The digests that `seal --format json` says it found, or left.
fn heads(out: &str, field: &str) -> Vec<(String, String)> {
    let json: serde_json::Value = serde_json::from_str(out).unwrap();
    assert_eq!(json["schema"], "trailseal.seal/1");
    let text = |head: &serde_json::Value, name: &str| head[name].as_str().unwrap().to_owned();
    json[field].as_array().unwrap().iter().map(|h| (text(h, "key"), text(h, "sha256"))).collect()
}

#[test]
fn a_run_says_which_head_it_found_and_which_it_left() {
    let desk = Desk::unsealed([0, 1]);
    let kept = scratch();
    let file = kept.path().join("head.json");
    let keep = ["--head-file", file.to_str().unwrap()];
    let first = desk.seal(2, &keep);
    assert!(first.out.starts_with("head found: none\n"), "{}", first.out);
    let hash = Sha256Hash::of(&gunzip(&std::fs::read(desk.tree.path(&digest_key(2))).unwrap()));
    let head = format!("{} sha256:{hash} (ends {})", digest_key(2), at(2, 0));
    assert!(first.out.ends_with(&format!("head now: {head}\n")), "{}", first.out);
    let second = desk.seal(2, &keep);
    assert!(second.out.contains(&format!("head found: {head}\n")), "{}", second.out);
    let third = desk.seal(3, &["--format", "json"]);
    assert_eq!(heads(&third.out, "found"), [(digest_key(2), hash.to_string())]);
    assert_eq!(heads(&third.out, "heads")[0].0, digest_key(3));
    assert_eq!(heads(&third.out, "sealed")[0], heads(&third.out, "heads")[0]);
}

/// Whoever deletes the newest digest and puts a log file in its time has it signed by the next run,
/// unless that is told which head to expect.
#[test]
fn a_chain_that_lost_its_expected_head_is_not_signed_on() {
    let hash = |desk: &Desk| {
        Sha256Hash::of(&gunzip(&std::fs::read(desk.tree.path(&digest_key(HOURS))).unwrap()))
            .to_string()
    };
    let inject = |desk: &Desk| {
        desk.tree.remove(&digest_key(HOURS));
        let _ = std::fs::remove_file(desk.tree.sidecar(&digest_key(HOURS)));
        desk.tree.write_log(&log_key_at(at(7, 40), "CloudTrail", "0000000000000000"));
    };
    let until = i64::from(HOURS) + 1;
    let desk = Desk::sealed();
    inject(&desk);
    assert_eq!(desk.seal(until, &[]).status, 0, "nothing in the chain shows it");
    for by_key in [true, false] {
        let desk = Desk::sealed();
        let expected = if by_key { digest_key(HOURS) } else { hash(&desk) };
        inject(&desk);
        let before = listing(desk.tree.root());
        let ran = desk.seal(until, &["--expect-head", &expected]);
        assert_eq!(ran.status, 1, "{}{}", ran.out, ran.err);
        assert!(ran.err.contains("does not hold the expected digest"), "{}", ran.err);
        assert!(ran.out.contains(&format!("head found: {}", digest_key(HOURS - 1))), "{}", ran.err);
        assert_eq!(listing(desk.tree.root()), before, "nothing was written");
        // Also where nothing is due.
        let ran = desk.seal(i64::from(HOURS) - 1, &["--expect-head", &expected]);
        assert_eq!(ran.status, 1);
    }
    let desk = Desk::sealed();
    let expected = hash(&desk);
    for (more, status) in [(vec![expected.as_str()], 0), (vec![&digest_key(3)], 0)] {
        let more: Vec<_> = more.into_iter().flat_map(|head| ["--expect-head", head]).collect();
        assert_eq!(desk.seal(until, &more).status, status, "as it was left, or longer: {more:?}");
    }
    // Another digest of the same key, by another signer.
    let desk = Desk::sealed();
    let both = format!("{} {}", digest_key(HOURS), "0".repeat(64));
    let ran = desk.seal(until, &["--expect-head", &both]);
    assert_eq!(ran.status, 1, "{}", ran.err);
    let new = crate::common::other_key();
    desk.seal_with(new, until);
    let ran = desk.seal(until + 1, &["--expect-head", &digest_key(HOURS)]);
    assert_eq!(ran.status, 3, "{}", ran.err);
    assert!(ran.err.contains("is signed with another key"), "{}", ran.err);
}

#[test]
fn an_expected_head_of_long_ago_is_led_back_to() {
    let desk = Desk::unsealed([0, 1]);
    let daily = ["--interval", "1d"];
    assert_eq!(desk.seal(24 * 40, &daily).status, 0);
    let keys: Vec<_> = digests(&desk.tree).into_iter().map(|digest| digest.head.object).collect();
    let (old, gone) = (&keys[2], &keys[3]);
    let bytes = gunzip(&std::fs::read(desk.tree.path(old)).unwrap());
    for (days, expected) in [(41, old.clone()), (42, Sha256Hash::of(&bytes).to_string())] {
        let ran = desk.seal(24 * days, &[&daily[..], &["--expect-head", &expected]].concat());
        assert_eq!(ran.status, 0, "{}", ran.err);
    }
    desk.tree.remove(gone);
    let ran = desk.seal(24 * 43, &[&daily[..], &["--expect-head", old]].concat());
    assert_eq!(ran.status, 1, "{}", ran.err);
    assert!(ran.err.contains("is not linked to the digest before it"), "{}", ran.err);
}

#[test]
fn an_empty_chain_is_not_the_expected_one() {
    let desk = Desk::unsealed([0, 1]);
    let ran = desk.seal(2, &["--expect-head", &digest_key(1)]);
    assert_eq!(ran.status, 1, "{}", ran.err);
    assert_eq!(digests(&desk.tree).len(), 0);
}

#[test]
fn a_head_file_remembers_both_heads() {
    let desk = Desk::sealed();
    let file = desk.files.path().join("head.json");
    let more = ["--head-file", file.to_str().unwrap()];
    assert_eq!(desk.seal(8, &more).status, 0, "a file that is not there yet");
    assert!(std::fs::read_to_string(&file).unwrap().contains(&digest_key(8)));
    desk.tree.write_log(&log_key_at(at(2, 40), "CloudTrail", "aaaaaaaaaaaaaaaa"));
    assert_eq!(desk.seal(9, &more).status, 0);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(&digest_key(9)) && text.contains(&backfill_key(9)), "{text}");
    desk.tree.remove(&backfill_key(9));
    let _ = std::fs::remove_file(desk.tree.sidecar(&backfill_key(9)));
    let ran = desk.seal(10, &more);
    assert_eq!(ran.status, 1, "{}", ran.err);
    assert!(ran.err.contains(&backfill_key(9)), "{}", ran.err);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text, "the file is as it was");
    std::fs::write(&file, "{}").unwrap();
    assert_eq!(desk.seal(10, &more).status, 2);
}

/// Sets the stop once so many digests are written.
struct StopAfter(usize, Stop, AtomicUsize);

impl Observer for StopAfter {
    fn observe(&self, event: &RunEvent<'_>) -> std::io::Result<()> {
        if matches!(event, RunEvent::DigestDone)
            && self.2.fetch_add(1, Ordering::SeqCst) + 1 == self.0
        {
            self.1.set();
        }
        Ok(())
    }
}

#[test]
fn a_run_that_is_stopped_keeps_whole_digests_and_the_next_goes_on() {
    let desk = Desk::unsealed([0, 1, 2, 3]);
    let signer = SigningKey::from_pem("k", &std::fs::read_to_string(&desk.pem).unwrap()).unwrap();
    let request = seal_request(4);
    let store = Arc::new(DirectoryStore::open(desk.tree.root(), "tree").unwrap());
    let observer = StopAfter(2, request.stop.clone(), AtomicUsize::new(0));
    let (report, result) = seal(&request, store, String::new(), &signer, &observer);
    assert!(matches!(result, Err(SealError::Interrupted)), "{result:?}");
    assert_eq!(report.sealed.len(), 2);
    assert_eq!(digests(&desk.tree).len(), 2);
    let ran = desk.seal(4, &["--verbose"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.err.contains("  2 digests sealed with 2 log files, by "), "{}", ran.err);
    assert_eq!(digests(&desk.tree).len(), 4);
    assert_eq!(desk.tree.verify(&[]).status, 0);
}
