//! What a scheduler sees: one line, an exit status, and as much of a report as is asked for.

use std::fs;

use crate::common::{HOURS, Ran, Tree, at, digest_key, log_key, scratch, trailseal};

fn verify(tree: &Tree, more: &[&str]) -> Ran {
    let (root, keys) = (tree.root().to_str().unwrap(), tree.keys.to_str().unwrap());
    trailseal(&[&["verify", root, "--keys", keys, "--no-progress"][..], more].concat())
}

/// A whole tree, one whose newest hours are not there yet, one with a gap, one with a violation.
fn incomplete() -> Tree {
    let tree = Tree::sealed();
    tree.lose_metadata(&digest_key(HOURS));
    tree
}

fn violated() -> Tree {
    let tree = Tree::sealed();
    tree.remove(&log_key(2));
    tree
}

fn noticed() -> Tree {
    let tree = Tree::sealed();
    tree.write("AWSLogs/notes.txt", b"x");
    tree
}

#[test]
fn the_verdict_is_always_a_line_on_standard_error() {
    for (tree, verdict, status) in [
        (
            Tree::sealed(),
            "VERIFIED: 1 chain, 8 digests and 7 log files intact, signed and linked; ",
            0,
        ),
        (incomplete(), "INCOMPLETE: 1 problem in 1 of 1 chain: 1 digest without a signature; ", 3),
        (violated(), "VIOLATION: 1 problem in 1 of 1 chain: 1 log file missing; ", 1),
    ] {
        for quiet in [&[][..], &["--quiet"], &["--format", "json"]] {
            let ran = verify(&tree, quiet);
            assert_eq!(ran.status, status);
            if quiet == ["--quiet"] && status == 0 {
                assert_eq!(ran.err, "", "a quiet success");
                continue;
            }
            let line = ran.err.strip_suffix('\n').unwrap();
            assert!(line.starts_with(&format!("trailseal: {verdict}")), "{line}");
            assert!(line.ends_with(&format!("; exit status {status}")), "{line}");
            assert!(!line.contains('\n'), "{line}");
        }
    }
    let tree = violated();
    let folder = scratch();
    let bag = folder.path().join("bag.zip");
    let (root, keys) = (tree.root().to_str().unwrap(), tree.keys.to_str().unwrap());
    let pack = ["evidence", "pack", root, "--keys", keys, "--no-progress", "--quiet", "--output"];
    let ran = trailseal(&[&pack[..], &[bag.to_str().unwrap()]].concat());
    assert!(ran.err.starts_with("trailseal: VIOLATION: "), "{}", ran.err);
    let ran = trailseal(&["evidence", "check", bag.to_str().unwrap(), "--quiet"]);
    assert_eq!(ran.status, 1);
    assert!(ran.err.starts_with("trailseal: VIOLATION: "), "{}", ran.err);
}

#[test]
fn the_exit_status_depends_on_what_is_to_fail() {
    let table = [
        (Tree::sealed(), [0, 0, 0, 0]),
        (noticed(), [3, 0, 0, 0]),
        (incomplete(), [3, 3, 3, 0]),
        (violated(), [1, 1, 1, 1]),
    ];
    for (tree, statuses) in table {
        let whats = ["notice", "explained", "incomplete", "violation"];
        for (what, status) in whats.iter().zip(statuses) {
            let ran = verify(&tree, &["--fail-on", what, "--format", "json"]);
            assert_eq!(ran.status, status, "{what}: {}", ran.err);
            // The report says what was found, whoever minds it.
            let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
            let usual = report["exit_status"].as_u64().unwrap();
            assert_eq!(usual == u64::from(status), !ran.err.contains("(--fail-on)"), "{}", ran.err);
        }
        assert_eq!(verify(&tree, &["--quiet"]).status, statuses[2], "the default");
    }
    // A gap that is accepted.
    let tree = Tree::sealed();
    for hour in 4..=5 {
        tree.remove(&digest_key(hour));
    }
    let draft = |tree: &Tree| tree.reseal(6, |draft| draft.previous = None);
    draft(&tree);
    for hour in 3..5 {
        let _ = fs::remove_file(tree.path(&log_key(hour)));
    }
    let gap = format!("{}/{}=maintenance", at(3, 0), at(5, 0));
    let ran = verify(&tree, &["--accept-gap", &gap, "--quiet"]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let ran = verify(&tree, &["--accept-gap", &gap, "--fail-on", "explained"]);
    assert_eq!(ran.status, 3, "{}", ran.err);
}

#[test]
fn a_summary_has_the_counts_and_nothing_else() {
    let tree = violated();
    let ran = verify(&tree, &["--summary"]);
    assert!(
        ran.out.starts_with("VIOLATION: 1 problem in 1 of 1 chain: 1 log file missing; "),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("6 valid, 1 invalid"), "{}", ran.out);
    assert_eq!(ran.out.lines().count(), 5, "{}", ran.out);
    assert!(!ran.out.contains(&log_key(2)));
    let refused = verify(&tree, &["--summary", "--format", "json"]);
    assert_eq!((refused.status, refused.out.as_str()), (2, ""));
}

#[test]
fn only_problems_are_shown_where_only_they_are_asked_for() {
    let tree = violated();
    tree.write("AWSLogs/notes.txt", b"x");
    let ran = verify(&tree, &["--only-problems"]);
    assert!(ran.out.contains("violation  log-missing  "), "{}", ran.out);
    assert!(ran.out.contains(&log_key(2)), "{}", ran.out);
    assert!(!ran.out.contains("notes.txt"), "{}", ran.out);
    assert_eq!(verify(&noticed(), &["--only-problems"]).out, "");
    // A saved run, too.
    let folder = scratch();
    let saved = folder.path().join("run.json");
    let saved = saved.to_str().unwrap();
    assert_eq!(verify(&tree, &["--quiet", "--export", saved]).status, 1);
    assert_eq!(trailseal(&["report", saved, "--only-problems"]).out, ran.out);
}

#[test]
fn two_runs_are_compared() {
    let tree = Tree::sealed();
    tree.remove(&log_key(1));
    tree.remove(&log_key(2));
    let folder = scratch();
    let names = ["old.json", "new.json", "whole.json"].map(|name| folder.path().join(name));
    let [old, new, whole] = names.each_ref().map(|path| path.to_str().unwrap());
    assert_eq!(verify(&tree, &["--quiet", "--export", old]).status, 1);
    let other = Tree::sealed();
    fs::copy(other.path(&log_key(1)), tree.path(&log_key(1))).unwrap();
    tree.remove(&log_key(5));
    assert_eq!(verify(&tree, &["--quiet", "--export", new]).status, 1);
    let ran = trailseal(&["report", "--diff", old, new]);
    assert_eq!(ran.status, 1, "{}", ran.err);
    assert!(
        ran.out.contains("1 new problem: 1 log file missing; 1 repaired; 1 unchanged."),
        "{}",
        ran.out
    );
    let at = |text: &str| ran.out.find(text).unwrap_or_else(|| panic!("{text}: {}", ran.out));
    let end = |key: &str| key[key.len() - 40..].to_owned();
    let [first, second, fifth] = [1, 2, 5].map(|n| end(&log_key(n)));
    let order =
        ["\nNew problems (1)\n", &fifth, "\nRepaired (1)\n", &first, "\nUnchanged (1)\n", &second];
    assert!(order.map(at).is_sorted(), "{}", ran.out);
    let mark = trailseal(&["report", "--diff", old, new, "--format", "markdown"]);
    assert!(mark.out.contains("\n## New problems: 1\n"), "{}", mark.out);
    let json = trailseal(&["report", "--diff", old, new, "--format", "json"]);
    let diff: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(diff["schema"], "trailseal.diff/1");
    assert_eq!(diff["findings"]["new"][0]["key"], log_key(5));
    assert_eq!(diff["findings"]["repaired"][0]["key"], log_key(1));
    assert_eq!(diff["problems"]["unchanged"][0]["key"], log_key(2));
    assert_eq!(diff["same"], false);
    assert_eq!(diff["chains"]["unchanged"].as_array().unwrap().len(), 1);
    // The exit status is the newer run's; what was asked for differs, and is said to.
    let root = other.root().to_str().unwrap();
    let only = ["--region", crate::common::REGION, "--quiet", "--export", whole];
    assert_eq!(verify(&other, &only).status, 0);
    let ran = trailseal(&["report", "--diff", new, whole]);
    assert_eq!(ran.status, 0, "{}", ran.err);
    assert!(ran.out.contains("different scopes: sources, regions."), "{root}: {}", ran.out);
    assert_eq!(trailseal(&["report", "--diff", whole, new]).status, 1);
    for wrong in [vec!["report", "--diff", old, old], {
        vec!["report", "--diff", old, new, "--format", "csv"]
    }] {
        assert_eq!(trailseal(&wrong).status, 2, "{wrong:?}");
    }
}
