//! Readers that leave early, and outputs that are full.

use std::fs::OpenOptions;
use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::common::{Tree, digest_key, log_key, scratch};

/// Commands that end without AWS, each with its exit status.
fn commands(tree: &Tree, folder: &Path) -> Vec<(Vec<String>, i32)> {
    let (root, keys) = (tree.root().to_str().unwrap(), tree.keys.to_str().unwrap());
    let digest = tree.path(&digest_key(2));
    let digest = digest.to_str().unwrap();
    let saved = folder.join("run.json").to_str().unwrap().to_owned();
    let bag = folder.join("bag.zip").to_str().unwrap().to_owned();
    let run = |args: &[&str]| trailseal(args).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !Path::new(&saved).exists() {
        run(&["verify", root, "--keys", keys, "--quiet", "--export", &saved]).unwrap();
        run(&["evidence", "pack", root, "--keys", keys, "--quiet", "--output", &bag]).unwrap();
    }
    [
        (vec!["verify", root, "--keys", keys], 1),
        (vec!["verify", root, "--keys", keys, "--format", "json"], 1),
        (vec!["verify", root, "--keys", keys, "--format", "html"], 1),
        (vec!["verify", root, "--keys", keys, "--dry-run"], 0),
        (vec!["report", &saved], 0),
        (vec!["report", &saved, "--format", "csv"], 0),
        (vec!["keys", "show", keys], 0),
        (vec!["keys", "show", keys, "--format", "json"], 0),
        (vec!["inspect", digest, "--keys", keys], 0),
        (vec!["inspect", digest, "--keys", keys, "--format", "json"], 0),
        (vec!["evidence", "check", &bag, "--keys", keys], 1),
        (vec!["print", "schema"], 0),
        (vec!["print", "completions", "bash"], 0),
        (vec!["print", "completions", "fish"], 0),
        (vec!["--help"], 0),
        (vec!["verify", "--help"], 0),
        (vec!["--version"], 0),
    ]
    .into_iter()
    .map(|(args, status)| (args.into_iter().map(str::to_owned).collect(), status))
    .collect()
}

fn trailseal<S: AsRef<std::ffi::OsStr>>(args: &[S]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trailseal"));
    command.args(args).env_remove("COLUMNS");
    command
}

fn tampered() -> Tree {
    let tree = Tree::sealed();
    tree.remove(&log_key(2));
    tree
}

#[test]
fn a_reader_that_leaves_changes_no_exit_status_and_causes_no_word() {
    let (tree, folder) = (tampered(), scratch());
    for (args, status) in commands(&tree, folder.path()) {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = trailseal(&args);
        let child = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        drop(command);
        let ran = child.wait_with_output().unwrap();
        let err = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(status), "{args:?}: {err}");
        let words = ["panicked", "roken pipe", "cannot be written", "standard output"];
        assert!(words.iter().all(|word| !err.contains(word)), "{args:?}: {err}");
    }
}

#[test]
fn a_full_device_is_an_output_that_cannot_be_written() {
    let full = || OpenOptions::new().write(true).open("/dev/full");
    let (tree, folder) = (tampered(), scratch());
    for (args, _) in commands(&tree, folder.path()) {
        let ran = trailseal(&args).stdout(full().unwrap()).output().unwrap();
        let err = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(4), "{args:?}: {err}");
        assert!(!err.contains("panicked"), "{args:?}: {err}");
    }
    let (root, keys) = (tree.root().to_str().unwrap(), tree.keys.to_str().unwrap());
    for flags in [["--output", "/dev/full"], ["--export", "csv=/dev/full"]] {
        let args = [&["verify", root, "--keys", keys][..], &flags].concat();
        let ran = trailseal(&args).output().unwrap();
        assert_eq!(ran.status.code(), Some(4), "{flags:?}");
    }
}

#[test]
fn a_list_of_objects_that_cannot_be_written_is_named() {
    let folder = scratch();
    let sample = folder.path().join("sample");
    let sample = sample.to_str().unwrap();
    assert!(trailseal(&["sample", sample]).output().unwrap().status.success());
    let keys = format!("{sample}/keys/public-keys.json");
    // A few lines fail when the file is completed, many during the run.
    for (scope, begins) in
        [(["--account", "111122223333"], ""), (["--jobs", "2"], "the run failed: ")]
    {
        for name in ["objects.jsonl", "objects.csv"] {
            let link = folder.path().join(name);
            let _ = std::os::unix::fs::symlink("/dev/full", &link);
            let file = link.to_str().unwrap();
            let mut args = vec!["verify", sample, "--keys", &keys, "--no-progress", "--objects"];
            args.extend([file]);
            args.extend(scope);
            if begins.is_empty() {
                args.extend([
                    "--region",
                    "us-east-1",
                    "--no-logs",
                    "--end-time",
                    "2026-03-01T03:00Z",
                ]);
            }
            let ran = trailseal(&args).output().unwrap();
            let err = String::from_utf8(ran.stderr).unwrap();
            assert_eq!(ran.status.code(), Some(4), "{err}");
            let expected = format!("trailseal: {begins}{file}: cannot be written: No space left");
            assert!(err.contains(&expected), "{err}");
        }
    }
}

#[test]
fn diagnostics_that_cannot_be_written_change_no_exit_status() {
    let (tree, folder) = (tampered(), scratch());
    let mut all = commands(&tree, folder.path());
    let nowhere = ["verify", "no-such-directory", "--keys", "x"];
    all.push((nowhere.iter().map(|arg| (*arg).to_owned()).collect(), 2));
    all.push((vec!["verify".to_owned()], 2));
    for (args, status) in all {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let ran = trailseal(&args).stderr(full).output().unwrap();
        assert_eq!(ran.status.code(), Some(status), "{args:?}");
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = trailseal(&args);
        let mut child = command.stderr(writer).stdout(Stdio::piped()).spawn().unwrap();
        drop(command);
        let mut out = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut out).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(status), "{args:?}");
    }
}
