//! Every absence counts: each loss of up to three objects of a trail, each swap, each copy over
//! another and each rename. Held to a model of its own: which hours are no longer proven, and
//! which codes are told of which keys, is predicted exactly, not just that something is found.
//!
//! The fast suite takes a stride of the cases, the slow one all of them. The tables of what came of
//! it: `cargo test --test suite -- --ignored every_absence --nocapture`.
//!
//! The reference (`aws cloudtrail validate-logs`) says "valid" where the newest digests are gone,
//! or renamed, and of two or more digests in a row that are gone it tells of one.

mod model;

use std::path::{Path, PathBuf};

use crate::common::sweep::{Table, Trail, sweep};
use crate::common::{ACCOUNT, HOURS, REGION, Report, TRAIL, Tree, digest_key, log_key, objects};
use model::There::{Gone, Other, Resigned};
use model::{Model, Said, Told, is_digest};

/// Eight hours, one without log files, with signatures or as a plain copy leaves them.
fn trail(signed: bool) -> Trail {
    let tree = Tree::sealed();
    if !signed {
        tree.lose_all_metadata();
    }
    Trail::new(tree)
}

fn verify(trail: &Trail, asked: bool) -> Report {
    if asked { trail.verify_hours(HOURS) } else { trail.verify(&[]) }
}

fn outcome(said: &Said) -> String {
    let verdict = match said.status {
        0 => "nothing shows it",
        1 => "violation",
        3 => "incomplete",
        _ => "?",
    };
    let unproven = said.hours.chars().filter(|state| *state != 'P').count();
    format!("{verdict}, {unproven} hours unproven")
}

fn sidecar(key: &str) -> PathBuf {
    PathBuf::from(format!("{key}.metadata.json"))
}

/// All sets of up to three of so many.
fn sets(of: usize) -> Vec<Vec<usize>> {
    let mut sets = Vec::new();
    for a in 0..of {
        sets.push(vec![a]);
        for b in a + 1..of {
            sets.push(vec![a, b]);
            sets.extend((b + 1..of).map(|c| vec![a, b, c]));
        }
    }
    sets
}

/// How many cases the fast suite passes over after each one that it takes: prime to the number of
/// objects, so that each object has its turn in each role.
const STRIDE: usize = 26;

fn deletions(signed: bool, asked: bool, stride: usize) -> Table {
    let (all, cases) = (objects(), sets(objects().len()));
    assert_eq!(cases.len(), 15 + 105 + 455);
    let cases: Vec<_> = cases.into_iter().step_by(stride).collect();
    let title = format!(
        "Deletions{}{}",
        if signed { "" } else { " from a plain copy" },
        if asked { ", the time asked for" } else { ", no time asked for" }
    );
    sweep(
        &title,
        &cases,
        || trail(signed),
        |trail, gone| {
            let mut model = Model::new(signed, asked);
            let gone: Vec<_> = gone.iter().map(|n| all[*n].as_str()).collect();
            for key in &gone {
                model.set(key, Gone);
                trail.set(Path::new(key), None);
                trail.set(&sidecar(key), None);
            }
            let (said, expected) = (Said::by(&verify(trail, asked)), model.predict());
            assert_eq!(said, expected, "{title}: {gone:#?}");
            for key in &gone {
                trail.put_back(key);
                trail.put_back(sidecar(key));
            }
            (format!("{} gone", gone.len()), outcome(&said))
        },
    )
}

#[test]
fn deletions_leave_exactly_the_rest_proven() {
    assert_eq!(silent(&deletions(true, true, STRIDE)), 0);
    assert!(silent(&deletions(true, false, STRIDE)) <= SILENT_TAILS);
    for asked in [true, false] {
        assert_eq!(silent(&deletions(false, asked, STRIDE)), 0, "from a plain copy");
    }
}

#[test]
#[ignore = "slow: all 575 sets of up to three objects, twice"]
fn every_deletion_of_up_to_three_objects_leaves_exactly_the_rest_proven() {
    assert_eq!(silent(&deletions(true, true, 1)), 0);
    // A copy that ends earlier is what it would have been earlier: newest digests, alone or with
    // log files of their hours.
    assert_eq!(silent(&deletions(true, false, 1)), SILENT_TAILS);
}

#[test]
#[ignore = "slow: all 575 sets of up to three objects, twice"]
fn every_deletion_from_a_plain_copy_is_found_too() {
    assert_eq!(silent(&deletions(false, true, 1)), 0);
    assert_eq!(silent(&deletions(false, false, 1)), 0, "its newest digest is never proven");
}

/// Deletions of up to three that only take a tail: the last digest (with none, one or both of the
/// last two log files it lists), the last two, the last three.
const SILENT_TAILS: usize = 1 + 1 + 1 + 2 + 1;

fn silent(table: &Table) -> usize {
    let hours = 0..=usize::from(HOURS);
    let outcome = |n| format!("nothing shows it, {n} hours unproven");
    let each = hours.flat_map(|n| (1..=3).map(move |gone| (gone, n)));
    each.map(|(gone, n)| table.get(&format!("{gone} gone"), &outcome(n))).sum()
}

/// What becomes of two objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pair {
    /// There and back, their metadata too.
    Swap,
    /// There and back, their metadata staying.
    SwapBodies,
    /// Only their metadata, there and back.
    SwapMetadata,
    /// The first also in the place of the second.
    Copy,
    /// That, its metadata left behind.
    CopyBody,
    /// The first in the place of the second only.
    Rename,
}

fn pairs() -> Vec<(Pair, String, String)> {
    use Pair::{Copy, CopyBody, Rename, Swap, SwapBodies, SwapMetadata};
    let all = objects();
    let mut pairs = Vec::new();
    for (a, from) in all.iter().enumerate() {
        for (b, to) in all.iter().enumerate().filter(|(b, _)| *b != a) {
            let mut add = |pair| pairs.push((pair, from.clone(), to.clone()));
            [Copy, CopyBody, Rename].into_iter().for_each(&mut add);
            if a < b {
                [Swap, SwapBodies].into_iter().for_each(&mut add);
            }
            if a < b && is_digest(from) && is_digest(to) {
                add(SwapMetadata);
            }
        }
    }
    pairs
}

/// How a foreign object is found in the place of another.
fn foreign(from: &str, to: &str) -> model::There {
    Other(match (is_digest(from), is_digest(to)) {
        (true, true) => "digest-moved",
        (false, true) => "digest-malformed",
        (_, false) => "log-modified",
    })
}

fn apply(model: &mut Model, (pair, from, to): &(Pair, String, String)) {
    match pair {
        Pair::Swap | Pair::SwapBodies => {
            model.set(to, foreign(from, to));
            model.set(from, foreign(to, from));
        }
        Pair::SwapMetadata => [from, to].into_iter().for_each(|key| model.set(key, Resigned)),
        Pair::Copy | Pair::CopyBody => model.set(to, foreign(from, to)),
        Pair::Rename => {
            model.set(to, foreign(from, to));
            model.set(from, Gone);
        }
    }
}

/// The files that change, and what they hold then.
fn changes<'t>(
    trail: &'t Trail,
    (pair, from, to): &(Pair, String, String),
) -> Vec<(PathBuf, Option<&'t [u8]>)> {
    let (a, b) = (PathBuf::from(from), PathBuf::from(to));
    let (a_metadata, b_metadata) = (sidecar(from), sidecar(to));
    let over = |to: &PathBuf, from: &PathBuf| (to.clone(), trail.was(from));
    let none = |path: &PathBuf| (path.clone(), None);
    match pair {
        Pair::Swap => vec![
            over(&a, &b),
            over(&b, &a),
            over(&a_metadata, &b_metadata),
            over(&b_metadata, &a_metadata),
        ],
        Pair::SwapBodies => vec![over(&a, &b), over(&b, &a)],
        Pair::SwapMetadata => {
            vec![over(&a_metadata, &b_metadata), over(&b_metadata, &a_metadata)]
        }
        Pair::Copy => vec![over(&b, &a), over(&b_metadata, &a_metadata)],
        Pair::CopyBody => vec![over(&b, &a)],
        Pair::Rename => {
            vec![over(&b, &a), over(&b_metadata, &a_metadata), none(&a), none(&a_metadata)]
        }
    }
}

#[test]
fn swaps_copies_and_renames_onto_another_are_found() {
    misplaced(STRIDE);
}

#[test]
#[ignore = "slow: all 868 pairs, twice"]
fn every_swap_every_copy_over_another_and_every_rename_onto_another_is_found() {
    misplaced(1);
}

fn misplaced(stride: usize) {
    let cases = pairs();
    assert_eq!(cases.len(), 3 * 210 + 2 * 105 + 28);
    let cases: Vec<_> = cases.into_iter().step_by(stride).collect();
    for asked in [true, false] {
        let title = if asked { "Pairs, the time asked for" } else { "Pairs, no time asked for" };
        sweep(
            title,
            &cases,
            || trail(true),
            |trail, case| {
                let mut model = Model::new(true, asked);
                apply(&mut model, case);
                for (path, bytes) in changes(trail, case) {
                    trail.set(&path, bytes);
                }
                let said = Said::by(&verify(trail, asked));
                assert_eq!(said, model.predict(), "{case:#?}, asked: {asked}");
                // Not asked for the end, a copy that lost its newest digest is one of an earlier time.
                assert!(said.status == 1 || !asked && is_tail(case), "{case:#?}");
                changes(trail, case).iter().for_each(|(path, _)| trail.put_back(path));
                (format!("{:?}", case.0), outcome(&said))
            },
        );
    }
}

/// Whether only the newest digest is gone, and a log file that it lists.
fn is_tail((pair, from, to): &(Pair, String, String)) -> bool {
    *pair == Pair::Rename && *from == digest_key(HOURS) && *to == log_key(HOURS - 1)
}

/// Names that nothing has: a later day, a backfill digest, another trail, region and account, no
/// name at all, and a place outside.
fn free_names(key: &str) -> Vec<(&'static str, String)> {
    let (folder, name) = key.rsplit_once('/').unwrap();
    let mut names = vec![
        (
            "a later day",
            key.replace("2026/03/01", "2026/03/03").replace("_20260301T", "_20260303T"),
        ),
        ("another region", key.replace(REGION, "eu-west-1")),
        ("another account", key.replace(ACCOUNT, "444455556666")),
        ("no name of its kind", format!("{folder}/old-{name}")),
        ("no kind of file", format!("{key}.bak")),
        ("a place outside", format!("elsewhere/{name}")),
    ];
    if is_digest(key) {
        names.push(("a backfill digest", key.replace(".json.gz", "_backfill.json.gz")));
        names.push(("another trail", key.replace(TRAIL, "another")));
    }
    names
}

#[test]
fn renames_to_free_names_are_found_as_the_losses_that_they_are() {
    renames(5);
}

#[test]
#[ignore = "slow: all 106 renames"]
fn every_rename_to_a_free_name_is_found_as_the_loss_that_it_is() {
    renames(1);
}

fn renames(stride: usize) {
    let cases: Vec<_> = objects()
        .into_iter()
        .flat_map(|key| free_names(&key).into_iter().map(move |(how, to)| (key.clone(), how, to)))
        .collect();
    assert_eq!(cases.len(), 8 * 8 + 7 * 6);
    let cases: Vec<_> = cases.into_iter().step_by(stride).collect();
    sweep(
        "Renames to free names",
        &cases,
        || trail(true),
        |trail, (from, how, to)| {
            trail.set(Path::new(to), trail.was(from));
            trail.set(&sidecar(to), trail.was(sidecar(from)));
            trail.set(Path::new(from), None);
            trail.set(&sidecar(from), None);
            let mut model = Model::new(true, true);
            model.set(from, Gone);
            let (said, expected) = (Said::by(&verify(trail, true)), model.predict());
            assert_eq!(said.status, 1, "{from} to {to}");
            // The loss is told as if the object were gone ...
            for (code, severity, key) in &expected.findings {
                let same = |f: &Told| {
                    // ... but the newest digest of the chain may be the one that was renamed, and a
                    // later one that is there may have listed its log files.
                    let severity = f.1 == *severity || code == "log-uncovered";
                    f.0 == *code && severity && (f.2 == *key || code == "chain-truncated")
                };
                assert!(
                    said.findings.iter().any(same),
                    "{code} of {key}: {from} to {to}: {said:#?}"
                );
            }
            // ... and whatever else is told is told of the new name or its place.
            let known = |f: &&Told| expected.findings.iter().all(|e| e.0 != f.0);
            for (code, _, key) in said.findings.iter().filter(known) {
                let place = ["eu-west-1", "444455556666"].iter().find(|place| to.contains(**place));
                let of_place = place.is_some_and(|place| key.contains(place));
                let about = to.starts_with(key.as_str()) || of_place;
                assert!(about, "{code} of {key}: {from} to {to}");
            }
            trail.restore();
            let kind = if is_digest(from) { "digest" } else { "log" };
            let new = |f: &&Told| f.2 == *to;
            let told = said.findings.iter().find(new).map_or("nothing", |f| f.0.as_str());
            (format!("{kind} to {how}"), format!("told of the new name: {told}"))
        },
    );
}

/// A stride of the same over S3.
#[cfg(feature = "aws")]
mod in_a_bucket {
    use super::*;
    use crate::common::bucket::{bucket_of, check_bucket};

    /// The report on a bucket of the tree as it is, against the model.
    fn holds(trail: &Trail, model: &Model, what: &str) -> (String, String) {
        let report = check_bucket(&bucket_of(&trail.tree), HOURS, &["--grace", "0s"]);
        let said = Said::by(&report);
        assert_eq!(said, model.predict(), "{what}");
        trail.restore();
        (what.split(':').next().unwrap().to_owned(), outcome(&said))
    }

    #[test]
    fn deletions_are_found_as_in_a_directory() {
        deletions(89);
    }

    #[test]
    #[ignore = "slow: 25 buckets"]
    fn more_deletions_are_found_as_in_a_directory() {
        deletions(23);
    }

    fn deletions(stride: usize) {
        let all = objects();
        let cases: Vec<_> = sets(all.len()).into_iter().step_by(stride).collect();
        sweep(
            "Deletions from a bucket",
            &cases,
            || trail(true),
            |trail, gone| {
                let mut model = Model::new(true, true);
                for key in gone.iter().map(|n| &all[*n]) {
                    model.set(key, Gone);
                    trail.tree.remove(key);
                }
                holds(trail, &model, &format!("{} gone: {gone:?}", gone.len()))
            },
        );
    }

    #[test]
    fn swaps_copies_and_renames_are_found_as_in_a_directory() {
        misplaced(131);
    }

    #[test]
    #[ignore = "slow: 24 buckets"]
    fn more_swaps_copies_and_renames_are_found_as_in_a_directory() {
        misplaced(37);
    }

    fn misplaced(stride: usize) {
        let cases: Vec<_> = pairs().into_iter().step_by(stride).collect();
        sweep(
            "Pairs in a bucket",
            &cases,
            || trail(true),
            |trail, case| {
                let mut model = Model::new(true, true);
                apply(&mut model, case);
                for (path, bytes) in changes(trail, case) {
                    trail.set(&path, bytes);
                }
                holds(trail, &model, &format!("{:?}: {case:?}", case.0))
            },
        );
    }
}
