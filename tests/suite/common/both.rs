//! One suite over both stores: what a tree comes to as a directory, it must come to as the bucket
//! that it is a copy of.
//!
//! More than half of the time that this takes is spent on the bucket, so the fast suite asks it for a
//! sample: for the first tree of each test, and for every fourth after it. `TRAILSEAL_TESTS=whole`
//! asks it for all, as `.ci/run` does.

#[cfg(feature = "aws")]
use std::cell::Cell;

use crate::common::{Report, Tree};

/// Verifies a tree as a directory, and as a bucket where it is in the sample. All that the two
/// reports tell must be the same, byte for byte.
pub(crate) fn verify(tree: &Tree, args: &[&str]) -> Report {
    let asked = tree.verify(args);
    #[cfg(feature = "aws")]
    if is_in_sample() {
        bucket::agrees(tree, args, &asked);
    }
    asked
}

/// Whether the bucket is asked for this tree. Tests run in a thread of their own each; with
/// `--test-threads=1` they share one, and the sample is every fourth tree of all.
#[cfg(feature = "aws")]
fn is_in_sample() -> bool {
    thread_local!(static TREES: Cell<usize> = const { Cell::new(0) });
    let trees = TREES.replace(TREES.get() + 1);
    trees.is_multiple_of(4) || std::env::var_os("TRAILSEAL_TESTS").is_some_and(|all| all == "whole")
}

/// What a tree comes to as a directory and as a bucket, for what holds of both though they differ
/// by nature.
pub(crate) fn each(tree: &Tree, args: &[&str]) -> impl Iterator<Item = Report> {
    let directory = tree.verify(args);
    #[cfg(feature = "aws")]
    let bucket = Some(bucket::verify(tree, args, || bucket::end_of(&directory)));
    #[cfg(not(feature = "aws"))]
    let bucket = None;
    [Some(directory), bucket].into_iter().flatten()
}

/// Verifies a tree as a bucket only, over the time that a directory would be asked for.
#[cfg(feature = "aws")]
pub(crate) fn verify_bucket(tree: &Tree, args: &[&str]) -> Option<Report> {
    Some(bucket::verify(tree, args, || bucket::end_of(&tree.verify(args))))
}

/// No bucket can be read.
#[cfg(not(feature = "aws"))]
pub(crate) fn verify_bucket(_: &Tree, _: &[&str]) -> Option<Report> {
    None
}

#[cfg(feature = "aws")]
mod bucket {
    use crate::common::bucket::{bucket_of, report_of, run};
    use crate::common::{BUCKET, HOURS, Report, Tree, at};

    /// Holds a bucket to what the directory came to.
    pub(super) fn agrees(tree: &Tree, args: &[&str], asked: &Report) {
        let end = end_of(asked);
        let scope = scope(args, &end);
        // What a copy's digests tell, a bucket knows.
        let directory = tree.verify(&[&scope[..], &["--bucket", BUCKET]].concat());
        assert_eq!(directory.codes(), asked.codes(), "told what it came to by itself");
        let bucket = in_bucket(tree, &scope);
        let (bucket, directory) = (told(&bucket), told(&directory));
        assert_eq!(bucket, directory, "a bucket and a directory differ: {args:?}");
    }

    /// Verifies a bucket over the time that a directory would be asked for.
    pub(super) fn verify(tree: &Tree, args: &[&str], end: impl FnOnce() -> String) -> Report {
        let end = if args.contains(&"--end-time") { String::new() } else { end() };
        in_bucket(tree, &scope(args, &end))
    }

    fn in_bucket(tree: &Tree, args: &[&str]) -> Report {
        let source = format!("s3://{BUCKET}");
        let keys = tree.keys.to_string_lossy();
        let all = [&["verify", &source, "--keys", &keys, "--format", "json"], args].concat();
        report_of(&run(&bucket_of(tree), &all))
    }

    /// A bucket would be asked for all up to now, a directory for what its digests come to.
    fn scope<'a>(args: &[&'a str], end: &'a str) -> Vec<&'a str> {
        let end = if args.contains(&"--end-time") { &[][..] } else { &["--end-time", end] };
        [args, end].concat()
    }

    /// The end of the time that a report is about.
    pub(super) fn end_of(report: &Report) -> String {
        let end = report.json["scope"]["end"].as_str();
        end.map_or_else(|| at(HOURS.into(), 0).to_string(), str::to_owned)
    }

    /// A report without what differs from run to run and from store to store.
    fn told(report: &Report) -> String {
        let mut json = report.json.clone();
        // A bucket is judged as of now, a copy as of what its digests tell.
        let differ =
            [("", "started"), ("", "finished"), ("/scope", "sources"), ("/scope", "as_of")];
        for (place, name) in differ.into_iter().chain([("/totals", "requests")]) {
            json.pointer_mut(place).unwrap().as_object_mut().unwrap().remove(name);
        }
        format!("{json:#}")
    }
}
