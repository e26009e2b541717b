//! Where reports go: every file whole or none, and saved reports that are not taken at their word.

use crate::common;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::common::{Tree, files_of, log_key, scratch, trailseal};
use tempfile::TempDir;
use trailseal::internals::report::Format;

struct Place {
    tree: Tree,
    out: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { tree: Tree::sealed(), out: scratch() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.out.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn verify(&self, more: &[&str]) -> common::Ran {
        let (root, keys) = (self.tree.root().to_str().unwrap(), self.tree.keys.to_str().unwrap());
        let args = ["verify", root, "--keys", keys, "--no-progress"];
        trailseal(&[&args, more].concat())
    }

    /// A saved report.
    fn saved(&self) -> PathBuf {
        let path = self.path("run.json");
        let ran = self.verify(&["--quiet", "--export", path.to_str().unwrap()]);
        assert!(path.is_file(), "{}", ran.err);
        path
    }

    fn names(&self) -> Vec<String> {
        files_of(self.out.path()).into_keys().collect()
    }
}

#[test]
fn a_run_is_exported_in_every_format_and_a_saved_one_to_the_same_bytes() {
    let place = Place::new();
    place.tree.remove(&log_key(2));
    let mut args = vec!["--format".to_owned(), "json".to_owned()];
    for format in Format::ALL {
        // By the ending, and by name where there is none.
        args.extend(["--export".to_owned(), place.text(&format!("a{}", format.endings()[0]))]);
        let named =
            format!("{}={}", format.as_str(), place.text(&format!("b-{}", format.as_str())));
        args.extend(["--export".to_owned(), named]);
    }
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    let ran = place.verify(&args);
    assert_eq!(ran.status, 1, "{}", ran.err);
    fs::write(place.path("saved"), &ran.out).unwrap();
    assert_eq!(place.names().len(), 2 * Format::ALL.len() + 1);
    for format in Format::ALL {
        let exported = fs::read(place.path(&format!("a{}", format.endings()[0]))).unwrap();
        assert!(!exported.is_empty());
        assert_eq!(exported, fs::read(place.path(&format!("b-{}", format.as_str()))).unwrap());
        let later = trailseal(&["report", &place.text("saved"), "--format", format.as_str()]);
        assert_eq!((later.status, later.err.as_str()), (0, ""), "{}", format.as_str());
        assert_eq!(later.out.as_bytes(), exported, "{}", format.as_str());
    }
}

#[test]
fn exports_leave_the_main_output_and_the_status_as_they_are() {
    let place = Place::new();
    let plain = place.verify(&[]);
    let exported = place.verify(&["--export", &place.text("x.md")]);
    assert_eq!((plain.status, exported.status), (0, 0));
    assert!(exported.out.starts_with("VERIFIED: "));
    assert_eq!(place.names(), ["x.md"]);
    // A saved run that is exported is not shown too; its status says that it was written.
    let saved = place.saved();
    let later = trailseal(&["report", saved.to_str().unwrap(), "--export", &place.text("y.html")]);
    assert_eq!((later.status, later.out.as_str()), (0, ""));
}

#[test]
fn what_cannot_be_written_is_told_before_the_run_and_nothing_is_left() {
    let place = Place::new();
    let (one, nowhere) = (place.text("one.html"), place.text("no/such/folder/two.csv"));
    let ran = place.verify(&["--export", &one, "--export", &nowhere]);
    assert_eq!((ran.status, ran.out.as_str()), (4, ""));
    assert!(ran.err.contains("two.csv: cannot be written"), "{}", ran.err);
    let twice = place.verify(&["--export", &one, "--output", &one]);
    assert_eq!(twice.status, 2);
    assert!(twice.err.contains("two outputs use this file"), "{}", twice.err);
    let estimate = place.verify(&["--dry-run", "--format", "html"]);
    assert_eq!(estimate.status, 2);
    assert!(estimate.err.contains("--dry-run cannot write html"), "{}", estimate.err);
    assert_eq!(place.names(), Vec::<String>::new());
}

/// A limit on the size of files stands in for a full disk.
#[test]
fn a_disk_that_fills_up_leaves_what_was_there() {
    let place = Place::new();
    let saved = place.saved();
    for name in ["small.csv", "large.html"] {
        fs::write(place.path(name), "").unwrap();
    }
    let ran = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 16; exec \"$@\"", "sh"])
        .args([env!("CARGO_BIN_EXE_trailseal"), "report", saved.to_str().unwrap()])
        .args(["--export", &place.text("small.csv"), "--export", &place.text("large.html")])
        .output()
        .unwrap();
    let err = String::from_utf8(ran.stderr).unwrap();
    assert_eq!(ran.status.code(), Some(4), "{err}");
    assert!(err.contains("large.html: cannot be written"), "{err}");
    for name in ["small.csv", "large.html"] {
        assert_eq!(fs::read(place.path(name)).unwrap(), b"", "{name}");
    }
    assert_eq!(place.names().len(), 3);
}

#[test]
fn a_report_that_is_none_is_refused_with_the_reason() {
    let place = Place::new();
    let saved = place.saved();
    let good = fs::read_to_string(&saved).unwrap();
    let edited = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        good.replacen(from, to, 1)
    };
    let cases = [
        (
            edited("trailseal.run/1", "trailseal.run/2"),
            "its schema is trailseal.run/2",
            "another version of trailseal",
        ),
        (
            edited("trailseal.run/1", "trailseal.estimate/1"),
            "its schema is trailseal.estimate/1",
            "",
        ),
        (
            edited("\"verified\"", "\"incomplete\""),
            "it contradicts itself",
            "run the verification again",
        ),
        (
            edited("\"exit_status\": 0", "\"exit_status\": 1"),
            "it contradicts itself",
            "run the verification again",
        ),
        (
            edited("\"account\": \"111122223333\"", "\"account\": \"x\""),
            "not an account id",
            "unchanged",
        ),
        (edited("\"state\": \"proven\"", "\"state\": \"guessed\""), "not a run report", ""),
        (good[..good.len() / 2].to_owned(), "not a run report", ""),
        ("[]".to_owned(), "not a run report", ""),
        (String::new(), "not a run report", ""),
        ("[".repeat(100_000), "not a run report", ""),
    ];
    for (text, reason, remedy) in cases {
        fs::write(place.path("edited"), text).unwrap();
        let ran = trailseal(&["report", &place.text("edited"), "--export", &place.text("x.html")]);
        assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{reason}");
        assert!(ran.err.contains(reason) && ran.err.contains(remedy), "{reason}: {}", ran.err);
        assert!(!place.path("x.html").exists(), "{reason}");
    }
    let missing = trailseal(&["report", &place.text("no-such-run.json")]);
    assert_eq!(missing.status, 2);
    assert!(missing.err.contains("no-such-run.json"), "{}", missing.err);
}

#[test]
fn what_an_earlier_run_found_is_archived_once_it_is_repaired() {
    let place = Place::new();
    let whole = fs::read(place.tree.root().join(log_key(2))).unwrap();
    place.tree.remove(&log_key(2));
    let (before, after, out) =
        (place.text("a.json"), place.text("b.json"), place.text("c.asff.json"));
    assert_eq!(place.verify(&["--quiet", "--export", &before]).status, 1);
    fs::write(place.tree.root().join(log_key(2)), whole).unwrap();
    assert_eq!(place.verify(&["--quiet", "--export", &after]).status, 0);
    let ran = trailseal(&["report", &after, "--previous", &before, "--export", &out]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""));
    let findings = fs::read_to_string(&out).unwrap();
    assert_eq!(findings.matches("\"ARCHIVED\"").count(), 1, "{findings}");
    assert!(findings.contains("\"trailseal/code\": \"log-missing\""), "{findings}");
    // A run over something else says nothing about these findings.
    let other = place.verify(&["--quiet", "--region", "us-east-1", "--export", &before]);
    assert!([0, 3].contains(&other.status), "{}", other.err);
    let ran = trailseal(&["report", &after, "--previous", &before, "--export", &out]);
    assert_eq!(ran.status, 2);
    assert!(ran.err.contains("--previous is a run with other sources"), "{}", ran.err);
}

#[test]
fn a_report_comes_from_standard_input_too() {
    let place = Place::new();
    let saved = fs::read(place.saved()).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_trailseal"))
        .args(["report", "-", "--format", "markdown"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&saved).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    assert!(output.stdout.starts_with(b"# CloudTrail integrity: "));
}
