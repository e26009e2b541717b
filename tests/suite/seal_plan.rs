//! What would be sealed, and how much is sealed unasked.

use std::collections::BTreeSet;
use std::path::PathBuf;

use tempfile::TempDir;

use crate::common::{ACCOUNT, BUCKET, REGION, Ran, TRAIL, Tree, at, digest_key, key_file, log_key};
use crate::common::{log_key_at, trailseal};

struct Desk {
    tree: Tree,
    _files: TempDir,
    pem: PathBuf,
}

impl Desk {
    fn with(tree: Tree) -> Self {
        let (files, pem) = key_file();
        Self { tree, _files: files, pem }
    }

    fn seal(&self, more: &[&str]) -> Ran {
        let (root, pem) = (self.tree.root().to_str().unwrap(), self.pem.to_str().unwrap());
        let seal = ["seal", root, "--account", ACCOUNT, "--region", REGION, "--trail", TRAIL];
        let with = ["--bucket", BUCKET, "--key", pem, "--no-progress"];
        trailseal(&[&seal[..], &with, more].concat())
    }

    fn files(&self) -> BTreeSet<PathBuf> {
        let (mut found, mut folders) = (BTreeSet::new(), vec![self.tree.root().to_owned()]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => drop(found.insert(path)),
                }
            }
        }
        found
    }
}

#[test]
fn a_dry_run_shows_what_is_due_and_writes_nothing() {
    let tree = Tree::empty();
    for hour in 0..4 {
        tree.write_log(&log_key(hour));
    }
    let desk = Desk::with(tree);
    let before = desk.files();
    let end = at(4, 0).to_string();
    let plan = desk.seal(&["--end-time", &end, "--dry-run"]);
    assert_eq!(plan.status, 0, "{}", plan.err);
    assert!(plan.out.starts_with("due: 4 digests, "), "{}", plan.out);
    assert_eq!(plan.out.matches("would seal ").count(), 4);
    assert!(plan.out.contains("1 log file: ") && plan.out.contains(&digest_key(3)), "{}", plan.out);
    assert_eq!(desk.files(), before);
    let json = desk.seal(&["--end-time", &end, "--dry-run", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    let planned: Vec<_> = json["planned"].as_array().unwrap().iter().map(|d| &d["key"]).collect();
    assert_eq!(json["sealed"].as_array().unwrap().len(), 0);
    // It is what is then sealed.
    let sealed = desk.seal(&["--end-time", &end, "--format", "json"]);
    let sealed: serde_json::Value = serde_json::from_str(&sealed.out).unwrap();
    let keys: Vec<_> = sealed["sealed"].as_array().unwrap().iter().map(|d| &d["key"]).collect();
    assert_eq!(planned, keys);
    // Late log files go on a backfill digest, and then nothing is due.
    desk.tree.write_log(&log_key_at(at(1, 30), "CloudTrail", "BBBBBBBBBBBBBBBB"));
    desk.tree.write_log(&log_key(4));
    let end = at(5, 0).to_string();
    let plan = desk.seal(&["--end-time", &end, "--dry-run"]);
    assert!(plan.out.starts_with("due: 2 digests, "), "{}", plan.out);
    assert!(plan.out.contains("(backfill): 1 log file: "), "{}", plan.out);
    assert_eq!(desk.seal(&["--end-time", &end]).status, 0);
    let plan = desk.seal(&["--end-time", &end, "--dry-run"]);
    assert_eq!((plan.status, plan.out.as_str()), (0, "nothing is due; nothing was written\n"));
}

#[test]
fn more_than_a_thousand_digests_are_not_sealed_unasked() {
    let desk = Desk::with(Tree::sealed());
    let before = desk.files();
    // The tree is of March 2026, and it is later now by far more than six weeks.
    let ran = desk.seal(&[]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{}", ran.err);
    assert!(ran.err.contains(" digests are due, from 2026-03-01T08:00:00Z to "), "{}", ran.err);
    for way in ["--dry-run", "--yes", "--end-time"] {
        assert!(ran.err.contains(way), "{}", ran.err);
    }
    assert_eq!(desk.files(), before);
    let plan = desk.seal(&["--dry-run"]);
    assert_eq!(plan.status, 0, "{}", plan.err);
    assert_eq!(plan.out.matches("would seal ").count(), 20, "{}", plan.out);
    assert!(plan.out.contains("... and "), "{}", plan.out);
    // Longer intervals, so that it does not take long; asked for, it is done.
    let day = ["--interval", "24h"];
    let end = desk.seal(&[&day[..], &["--end-time", "2026-03-05T08:00:00Z"]].concat());
    assert_eq!(end.status, 0, "{}", end.err);
    let hour = desk.seal(&["--interval", "1h"]);
    assert_eq!(hour.status, 2);
    let yes = desk.seal(&["--interval", "24h", "--yes", "--quiet"]);
    assert_eq!(yes.status, 0, "{}", yes.err);
}
