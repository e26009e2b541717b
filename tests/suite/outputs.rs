//! No output overwrites evidence: not a source, not a key, not a file of another kind.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use trailseal::internals::crypto::SigningKey;

use crate::common::{Ran, Tree, digest_key, log_key, scratch, trailseal};

/// A sealed tree, and a folder of the user's own with copies of the keys in it.
struct Place {
    tree: Tree,
    own: TempDir,
}

impl Place {
    fn new() -> Self {
        let (tree, own) = (Tree::sealed(), scratch());
        fs::copy(&tree.keys, own.path().join("keys.json")).unwrap();
        Self { tree, own }
    }

    fn own(&self, name: &str) -> String {
        self.own.path().join(name).to_str().unwrap().to_owned()
    }

    fn inside(&self, name: &str) -> String {
        self.tree.path(name).to_str().unwrap().to_owned()
    }

    /// Every file of both, with its content.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.tree.root().to_owned(), self.own.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.symlink_metadata().unwrap() {
                    found if found.is_dir() => folders.push(path),
                    found if found.is_symlink() => {}
                    _ => drop(found.insert(path.clone(), fs::read(&path).unwrap())),
                }
            }
        }
        found
    }

    fn verify(&self, more: &[&str]) -> Ran {
        let keys = self.own("keys.json");
        let root = self.tree.root().to_str().unwrap();
        trailseal(&[&["verify", root, "--keys", &keys, "--quiet"][..], more].concat())
    }

    /// A command is refused before it does anything.
    fn refuses(&self, why: &str, run: impl FnOnce() -> Ran) {
        let before = self.files();
        let ran = run();
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{why}: {}", ran.err);
        assert!(ran.err.contains(why), "{why}: {}", ran.err);
        assert!(ran.err.contains("nothing was read or written"), "{}", ran.err);
        assert!(ran.err.lines().count() > 1, "it says what to do: {}", ran.err);
        assert!(before == self.files(), "{why}: something changed");
    }
}

#[test]
fn nothing_is_written_into_a_source() {
    let place = Place::new();
    let root = place.tree.root().to_owned();
    symlink(&root, place.own.path().join("link")).unwrap();
    symlink(root.join("later.html"), place.own.path().join("dangling.html")).unwrap();
    fs::create_dir(place.own.path().join("sub")).unwrap();
    let around = format!("{}/sub/../link/x.html", place.own.path().display());
    let outputs = [
        place.inside("report.html"),
        place.inside("missing/report.html"),
        place.inside(&log_key(2)),
        place.own("link/x.html"),
        around,
        place.own("dangling.html"),
    ];
    for output in &outputs {
        for flag in ["--output", "--objects"] {
            for force in [&[][..], &["--force"]] {
                let flags = [&[flag, output][..], force].concat();
                place.refuses("which is evidence", || place.verify(&flags));
            }
        }
        let export = format!("html={output}");
        place.refuses("which is evidence", || place.verify(&["--export", &export]));
        place.refuses("which is evidence", || {
            let root = root.to_str().unwrap();
            let keys = place.own("keys.json");
            trailseal(&["evidence", "pack", root, "--keys", &keys, "--output", output])
        });
    }
    // A part of a copy protects the whole copy, and an AWSLogs folder protects itself.
    let part = root.join("AWSLogs").to_str().unwrap().to_owned();
    let beside = place.inside("AWSLogs/report.json");
    let keys = place.own("keys.json");
    place.refuses("evidence", || {
        trailseal(&["verify", &part, "--keys", &keys, "--output", &beside])
    });
    place.refuses("AWSLogs", || trailseal(&["report", "run.json", "--output", &beside]));
}

#[test]
fn what_is_read_is_not_written_to() {
    let place = Place::new();
    let keys = place.own("keys.json");
    symlink("keys.json", place.own.path().join("same.json")).unwrap();
    for same in [keys.clone(), place.own("same.json"), place.own("../") + &keys[1..]] {
        if Path::new(&same).exists() {
            for force in [&[][..], &["--force"]] {
                let flags = [&["--output", &same][..], force].concat();
                place.refuses("this is an input file of the command", || place.verify(&flags));
            }
        }
    }
    let saved = place.own("run.json");
    assert_eq!(place.verify(&["--export", &saved]).status, 0);
    place.refuses("this is an input file of the command", || {
        trailseal(&["report", &saved, "--format", "json", "--output", &saved, "--force"])
    });
    let gaps = place.own("gaps.txt");
    fs::write(&gaps, "2026-03-01T12:00:00Z/2026-03-01T20:00:00Z=planned\n").unwrap();
    let accept = format!("@{gaps}");
    place.refuses("this is an input file of the command", || {
        place.verify(&["--accept-gap", &accept, "--output", &gaps, "--force"])
    });
    place.refuses("two outputs use this file", || {
        place.verify(&["--objects", &place.own("x.csv"), "--export", &place.own("x.csv")])
    });
    let root = place.tree.root().to_str().unwrap();
    let key = place.own("key.pem");
    fs::write(&key, SigningKey::generate().unwrap().to_pkcs8_pem().unwrap()).unwrap();
    let seal = ["seal", root, "--account", "111122223333", "--region", "us-east-1"];
    let more = ["--trail", "audit", "--bucket", "audit-logs", "--key", &key, "--head-file"];
    for (head, why) in
        [(&key, "input file of the command"), (&place.inside("t.head"), "is evidence")]
    {
        place.refuses(why, || trailseal(&[&seal[..], &more, &[head]].concat()));
    }
}

#[test]
fn keys_digests_and_log_files_are_never_replaced() {
    let place = Place::new();
    let other = scratch();
    let name = |name: &str| other.path().join(name).to_str().unwrap().to_owned();
    let key = crate::common::other_key();
    fs::write(name("signing-key.pem"), key.to_pkcs8_pem().unwrap()).unwrap();
    fs::copy(&place.tree.keys, name("published.json")).unwrap();
    fs::copy(place.tree.path(&digest_key(3)), name("digest.bin")).unwrap();
    fs::write(name("x.json.gz.metadata.json"), "{\"Metadata\": {}}").unwrap();
    fs::write(name("unpacked.json"), "{\"digestS3Object\": \"x\"}").unwrap();
    for (file, what) in [
        ("signing-key.pem", "a key file"),
        ("published.json", "a key file"),
        ("digest.bin", "a digest or a log file"),
        ("unpacked.json", "a digest or a log file"),
        ("x.json.gz.metadata.json", "the metadata of an object"),
    ] {
        let (before, file) = (fs::read(name(file)).unwrap(), name(file));
        let flags = ["--format", "json", "--output", &file, "--force"];
        place.refuses(what, || place.verify(&flags));
        assert_eq!(fs::read(file).unwrap(), before);
    }
}

#[test]
fn a_file_is_replaced_by_its_kind_alone_or_by_force() {
    let place = Place::new();
    let formats = [
        "text",
        "json",
        "html",
        "csv",
        "coverage-csv",
        "markdown",
        "junit",
        "sarif",
        "ocsf",
        "asff",
        "ndjson",
        "openmetrics",
    ];
    for format in formats {
        let file = place.own(format);
        let export = format!("{format}={file}");
        assert_eq!(place.verify(&["--export", &export]).status, 0, "{format}");
        let again = place.verify(&["--export", &export]);
        assert_eq!(again.status, 0, "{format}, over an older one: {}", again.err);
        let other = if format == "html" { "csv" } else { "html" };
        let export = format!("{other}={file}");
        place.refuses("is not of the expected kind", || place.verify(&["--export", &export]));
    }
    for file in ["objects.jsonl", "objects.csv", "objects.parquet"] {
        let file = place.own(file);
        for _ in 0..2 {
            assert_eq!(place.verify(&["--objects", &file]).status, 0, "{file}");
        }
        fs::write(&file, "my own notes").unwrap();
        place.refuses("--force", || place.verify(&["--objects", &file]));
    }
    // A table of somebody else's begins alike; its end says who wrote it.
    let other = place.own("other.parquet");
    fs::write(&other, b"PAR1 by another program PAR1").unwrap();
    place.refuses("--force", || place.verify(&["--objects", &other]));
    let notes = place.own("notes.html");
    fs::write(&notes, "<!DOCTYPE html><p>my own page").unwrap();
    place.refuses("exists and is not of the expected kind (html report)", || {
        place.verify(&["--export", &notes])
    });
    assert_eq!(place.verify(&["--export", &notes, "--force"]).status, 0);
    assert!(fs::read_to_string(&notes).unwrap().contains("trailseal"));
    // An estimate over an estimate.
    let plan = place.own("plan.txt");
    for _ in 0..2 {
        let ran = place.verify(&["--dry-run", "--output", &plan]);
        assert_eq!(ran.status, 0, "{}", ran.err);
    }
}

#[test]
fn the_output_files_ending_names_the_format_unless_one_is_given() {
    let place = Place::new();
    let begins = |args: &[&str], name: &str, with: &str| {
        let file = place.own(name);
        let ran = place.verify(&[args, &["--output", &file]].concat());
        assert_eq!(ran.status, 0, "{name}: {}", ran.err);
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with(with), "{name}: {}", &text[..40]);
    };
    begins(&[], "page.html", "<!DOCTYPE html");
    begins(&[], "run.json", "{");
    begins(&[], "report.log", "VERIFIED");
    begins(&["--format", "text"], "text.json", "VERIFIED");
    begins(&["--summary"], "summary.md", "VERIFIED");
}
