//! Tests of any build, also of one without default features: the command alone, as a program.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join("sample")
}

/// Verifies a copy with the sample's keys.
fn verify(copy: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailseal"));
    command.arg("verify").arg(copy).arg("--keys").arg(sample().join("keys/public-keys.json"));
    command.args(more).output().unwrap()
}

/// Copies the sample's objects to a directory.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// The first log file of a copy, by name.
fn first_log(copy: &Path) -> PathBuf {
    let mut folder = copy.join("AWSLogs/111122223333/CloudTrail");
    loop {
        let mut inside: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        inside.sort();
        folder = inside.swap_remove(0);
        if folder.is_file() {
            return folder;
        }
    }
}

fn damaged(damage: impl FnOnce(&Path)) -> (i32, Vec<(String, String)>) {
    let dir = tempfile::tempdir().unwrap();
    copy(&sample().join("AWSLogs"), &dir.path().join("AWSLogs"));
    damage(&first_log(dir.path()));
    let output = verify(dir.path(), &["--format", "json"]);
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    let codes = findings.map(|f| (text(&f["code"]), text(&f["severity"])));
    (output.status.code().unwrap(), codes.filter(|(_, s)| s == "violation").collect())
}

#[test]
fn the_first_command_of_the_readme_verifies_the_sample() {
    let output = verify(&sample(), &[]);
    let out = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{out}{}", String::from_utf8_lossy(&output.stderr));
    assert!(out.contains("VERIFIED"), "{out}");
}

#[test]
fn a_log_file_that_is_gone_is_a_violation() {
    let found = damaged(|log| fs::remove_file(log).unwrap());
    assert_eq!(found, (1, vec![("log-missing".to_owned(), "violation".to_owned())]));
}

#[test]
fn a_log_file_with_another_content_is_a_violation() {
    let found = damaged(|log| {
        let mut bytes = fs::read(log).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(log, bytes).unwrap();
    });
    assert_eq!(found, (1, vec![("log-malformed".to_owned(), "violation".to_owned())]));
}
