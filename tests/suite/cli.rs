//! The command line: every help text as committed, and how wrong usage ends.

use crate::common;
use std::collections::BTreeMap;
#[cfg(feature = "aws")]
use std::path::Path;
use std::process::{Command, Output};

use crate::common::Tree;
use crate::common::scratch;

fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_trailseal")).args(args).env_remove("COLUMNS").output().unwrap()
}

/// Compares with a committed file; TRAILSEAL_BLESS=1 writes it anew.
#[cfg(feature = "aws")]
fn snapshot(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/snapshots").join(name);
    if std::env::var_os("TRAILSEAL_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == text,
        "{name} changed; look at it and run with TRAILSEAL_BLESS=1:\n{text}"
    );
}

#[cfg(feature = "aws")]
#[test]
fn every_help_text_is_as_committed() {
    let commands: [&[&str]; 17] = [
        &[],
        &["verify"],
        &["seal"],
        &["report"],
        &["evidence"],
        &["evidence", "pack"],
        &["evidence", "check"],
        &["evidence", "timestamp"],
        &["keys"],
        &["keys", "generate"],
        &["keys", "show"],
        &["keys", "fetch"],
        &["inspect"],
        &["collect"],
        &["sample"],
        &["verify-query-results"],
        &["print"],
    ];
    let mut all = String::new();
    for command in commands {
        let mut args = command.to_vec();
        args.push("--help");
        let output = run(&args);
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        all += &format!("$ trailseal {}\n{text}\n", args.join(" "));
    }
    snapshot("help.txt", &all);
}

#[test]
fn wrong_usage_exits_with_2_and_says_what_to_do() {
    for (args, says) in [
        (vec!["verify"], "SOURCE"),
        (vec!["verify", ".", "--grace", "soon"], "whole number and a unit"),
        (vec!["verify", ".", "--start-time", "yesterday"], "RFC 3339"),
        (vec!["verify", ".", "--account", "12"], "12 digits"),
        (vec!["verify", "."], "--keys"),
        (vec!["verify", ".", "--start-time", "2999-01-01"], "future"),
        (vec!["verify", ".", "--start-time", "2026-01-02", "--end-time", "2026-01-01"], "before"),
        (vec!["verify", "s3://bucket", "--keys", "x"], "x"),
        (vec!["seal", "."], "--account"),
        (vec!["keys", "show", "no-such-file"], "no-such-file"),
        (vec!["frobnicate"], "unrecognized"),
    ] {
        let output = run(&args);
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {err}");
        assert!(err.contains(says), "{args:?}: {err}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn the_report_goes_to_standard_output_without_colour_where_that_is_no_terminal() {
    let tree = Tree::sealed();
    let output =
        run(&["verify", tree.root().to_str().unwrap(), "--keys", tree.keys.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("VERIFIED: ") && !text.contains('\u{1b}'));
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.starts_with("trailseal: VERIFIED: ") && err.lines().count() == 1, "{err}");
}

#[test]
fn quiet_says_it_by_status_and_a_line() {
    let tree = Tree::sealed();
    tree.remove(&common::log_key(2));
    let root = tree.root().to_str().unwrap();
    let output = run(&["verify", root, "--keys", tree.keys.to_str().unwrap(), "--quiet"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert_eq!(String::from_utf8(output.stderr).unwrap().lines().count(), 1);
}

#[test]
fn objects_are_a_table_where_the_file_s_name_asks_for_one() {
    let tree = Tree::sealed();
    tree.remove(&common::log_key(2));
    let folder = scratch();
    let [table, lines] = ["o.csv", "o.jsonl"].map(|name| folder.path().join(name));
    let (root, keys) = (tree.root(), tree.keys.to_str().unwrap());
    for file in [&table, &lines] {
        let file = file.to_str().unwrap();
        let args = ["verify", root.to_str().unwrap(), "--keys", keys, "--quiet", "--objects", file];
        assert_eq!(run(&args).status.code(), Some(1));
    }
    // Row for line, field for field, in the same order.
    let lines = std::fs::read_to_string(lines).unwrap();
    let lines = lines.lines().map(|line| {
        let line: serde_json::Map<String, serde_json::Value> = serde_json::from_str(line).unwrap();
        let text = |value: serde_json::Value| match value {
            serde_json::Value::Null => String::new(),
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        line.into_iter().map(|(name, value)| (name, text(value))).collect()
    });
    let lines: Vec<BTreeMap<String, String>> = lines.collect();
    let rows = csv::Reader::from_path(table).unwrap().into_deserialize();
    let rows: Vec<BTreeMap<String, String>> = rows.map(Result::unwrap).collect();
    assert!(rows.iter().any(|row| row["code"] == "log-missing"));
    assert!(rows.len() > 10);
    assert_eq!(rows, lines);
}

#[test]
fn a_report_edited_by_hand_is_not_rendered() {
    let tree = Tree::sealed();
    let folder = scratch();
    let [saved, table] = ["run.json", "run.csv"].map(|name| folder.path().join(name));
    let [saved, table] = [&saved, &table].map(|path| path.to_str().unwrap());
    let (root, keys) = (tree.root(), tree.keys.to_str().unwrap());
    let verify = ["verify", root.to_str().unwrap(), "--keys", keys, "--quiet", "--export", saved];
    assert_eq!(run(&verify).status.code(), Some(0));
    assert_eq!(run(&["report", saved, "--export", table]).status.code(), Some(0));
    let honest = std::fs::read(table).unwrap();
    let report = std::fs::read_to_string(saved).unwrap();
    let edited = report.replace("\"verified\"", "\"incomplete\"");
    std::fs::write(saved, edited).unwrap();
    let output = run(&["report", saved, "--export", table]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("contradicts itself"));
    assert_eq!(std::fs::read(table).unwrap(), honest);
}

#[test]
fn completions_and_schema_are_printed() {
    for shell in ["bash", "zsh", "fish"] {
        let output = run(&["print", "completions", shell]);
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && script.contains("verify"), "{shell}");
    }
    let output = run(&["print", "schema"]);
    let schema: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(schema["required"].is_array());
}

/// As root a device would be replaced by a file of its name, and a link by another file.
#[test]
fn what_is_no_file_is_written_to_and_never_replaced() {
    use std::os::unix::fs::{FileTypeExt as _, symlink};
    let tree = Tree::sealed();
    let folder = scratch();
    let name = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (saved, pipe, link, file) = (name("run.json"), name("pipe"), name("link"), name("file"));
    let (root, keys) = (tree.root().to_str().unwrap(), tree.keys.to_str().unwrap());
    let verify = ["verify", root, "--keys", keys, "--quiet", "--export", saved.as_str()];
    assert_eq!(run(&verify).status.code(), Some(0));
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let page = format!("html={pipe}");
    let reader = Command::new("timeout")
        .args(["20", "head", "-c", "15", &pipe])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    // Its reader takes the beginning alone, so that the end may fail: but not by replacing it.
    let status = run(&["report", &saved, "--export", &page]).status.code();
    assert!(std::fs::metadata(&pipe).unwrap().file_type().is_fifo());
    assert!(matches!(status, Some(0 | 4)), "{status:?}");
    assert_eq!(reader.wait_with_output().unwrap().stdout, b"<!DOCTYPE html>");
    std::fs::write(&file, "code,severity,message\r\n").unwrap();
    symlink("file", &link).unwrap();
    let table = format!("csv={link}");
    assert_eq!(run(&["report", &saved, "--export", &table]).status.code(), Some(0));
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(std::fs::read_to_string(&file).unwrap().len() > 30);
    let twice = run(&["report", &saved, "--export", &table, "--output", &file]);
    assert_eq!(twice.status.code(), Some(2));
}
