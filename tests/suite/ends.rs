//! The end of the requested time, filters that nothing meets, and digests that are named by what
//! nobody vouches for.

use crate::common;
use crate::common::bag;
use crate::common::both;
#[cfg(feature = "aws")]
use crate::common::bucket;
use std::fs;

use crate::common::bag::Bag;
use crate::common::both::{each, verify};
use crate::common::{
    ACCOUNT, HOURS, REGION, Report, TRAIL, Tree, at, backfill_key, digest_key, digest_name, draft,
    key, log_key,
};
use trailseal::internals::crypto::render_public_keys;
use trailseal::internals::model::{ChainKind, Previous, Region, TrailName};

fn time(hour: i64) -> String {
    at(hour, 0).to_string()
}

fn weighed(report: &Report) -> Vec<(String, String)> {
    report.codes().into_iter().map(|(code, severity, _)| (code, severity)).collect()
}

fn one(code: &str, severity: &str) -> Vec<(String, String)> {
    vec![(code.to_owned(), severity.to_owned())]
}

/// A chain of empty digests.
fn chain(tree: &Tree, trail: &str, region: &str, hours: std::ops::Range<i64>) {
    let region = Region::parse(region).unwrap();
    let mut previous: Option<Previous> = None;
    for hour in hours {
        let mut draft = draft(at(hour, 0), at(hour + 1, 0), previous);
        draft.name.trail = TrailName::parse(trail).unwrap();
        (draft.name.region, draft.name.home_region) = (region.clone(), region.clone());
        let sealed = draft.seal(key()).unwrap();
        tree.put(&sealed);
        previous = Some(sealed.head.previous);
    }
}

fn without_the_newest(count: u8) -> Tree {
    let tree = Tree::sealed();
    for hour in HOURS - count..HOURS {
        tree.remove(&digest_key(hour + 1));
        tree.remove(&log_key(hour));
    }
    tree
}

// Pending is only what the clock allows.

#[test]
fn a_copy_that_does_not_reach_the_end_asked_for_is_not_pending() {
    let end = time(HOURS.into());
    for (gone, severity, status, hours) in [
        (1, "incomplete", 3, "PPPPPPPG"),
        (2, "incomplete", 3, "PPPPPPGG"),
        (3, "violation", 1, "PPPPPVVV"),
    ] {
        let tree = without_the_newest(gone);
        let report = tree.verify(&["--end-time", &end]);
        let found = (report.status, weighed(&report), report.hours());
        assert_eq!(found, (status, one("chain-truncated", severity), hours.to_owned()), "{gone}");
        // A bucket is complete up to now: what was due and is not there is gone.
        if let Some(report) = both::verify_bucket(&tree, &["--end-time", &end]) {
            assert_eq!((report.status, weighed(&report)), (1, one("chain-truncated", "violation")));
        }
    }
}

#[test]
fn the_time_of_the_copy_says_what_was_due() {
    let tree = without_the_newest(1);
    let end = time(HOURS.into());
    let as_of = |time: String| tree.verify(&["--end-time", &end, "--as-of", &time]);
    let early = as_of(at(9, 0).to_string());
    assert_eq!((early.status, early.hours().as_str()), (0, "PPPPPPP-"), "{:?}", early.codes());
    assert_eq!(early.json["scope"]["as_of"], at(9, 0).to_string());
    let late = as_of(at(9, 1).to_string());
    assert_eq!((late.status, late.hours().as_str()), (3, "PPPPPPPG"));
    // Three are gone: none of them was pending then.
    let report = without_the_newest(3).verify(&["--end-time", &end, "--as-of", &time(8)]);
    assert_eq!((report.status, weighed(&report)), (1, one("chain-truncated", "violation")));
}

#[test]
fn an_as_of_in_the_future_or_before_the_end_is_wrong_usage() {
    let tree = Tree::sealed();
    let (root, keys) = (tree.root().to_str().unwrap(), tree.keys.to_str().unwrap());
    for more in [
        &["--as-of", "2999-01-01T00:00:00Z"][..],
        &["--as-of", "2026-03-01T05:00:00Z", "--end-time", "2026-03-01T06:00:00Z"],
    ] {
        let args = [&["verify", root, "--keys", keys][..], more].concat();
        assert_eq!(common::trailseal(&args).status, 2, "{more:?}");
    }
}

#[test]
fn a_bag_that_is_checked_later_comes_to_what_it_was_packed_with() {
    let tree = without_the_newest(1);
    let end = time(HOURS.into());
    for (as_of, status) in [(at(8, 30), 0), (at(9, 30), 3)] {
        let bag = Bag::of(&tree, &["--end-time", &end, "--as-of", &as_of.to_string()]);
        assert_eq!((bag.status, bag::check(&bag.dir, &[]).status), (status, status), "{}", bag.err);
    }
}

#[test]
fn chains_that_lag_behind_the_newest_digest_of_a_copy_were_not_asked_for_more() {
    let tree = without_the_newest(2);
    chain(&tree, "other", REGION, 0..8);
    assert_eq!(tree.verify(&[]).status, 0);
    let tree = without_the_newest(3);
    chain(&tree, "other", REGION, 0..8);
    let report = tree.verify(&[]);
    assert_eq!((report.status, weighed(&report)), (1, one("chain-truncated", "violation")));
}

// Every combination that is named.

#[test]
fn every_named_combination_without_a_chain_is_told_once() {
    let tree = Tree::sealed();
    let other = "444455556666";
    chain(&tree, TRAIL, "eu-west-1", 0..8);
    let named = |args: &[&str]| {
        let report = verify(&tree, args);
        let messages = report.findings().iter().filter(|f| f["code"] == "no-digests");
        let messages: Vec<_> =
            messages.map(|f| f["message"].as_str().unwrap().to_owned()).collect();
        (report.status, messages)
    };
    let both = ["--account", ACCOUNT, "--region", REGION, "--region", "eu-west-1"];
    assert_eq!(named(&both), (0, vec![]));
    let (status, messages) = named(&[&both[..], &["--account", other]].concat());
    assert_eq!((status, messages.len()), (3, 2), "{messages:?}");
    assert!(messages.iter().all(|m| m.contains(other)) && messages[0].contains("eu-west-1"));
    // Each of the names is met by itself, and not together.
    chain(&tree, "other", REGION, 0..8);
    let (status, messages) = named(&[&both[..], &["--trail", TRAIL, "--trail", "other"]].concat());
    assert_eq!((status, messages.len()), (3, 1), "{messages:?}");
    let expected = format!("account {ACCOUNT}, region eu-west-1, trail other");
    assert!(messages[0].contains(&expected), "{messages:?}");
    // An area that says so itself is not told of twice.
    tree.write_log(&log_key(2).replace(REGION, "ap-south-1"));
    let (status, messages) = named(&["--account", ACCOUNT, "--region", "ap-south-1"]);
    assert_eq!((status, messages.len()), (3, 1), "{messages:?}");
}

#[test]
fn backfill_digests_are_said_to_have_no_end_that_shows() {
    let tree = Tree::sealed();
    let said = |tree: &Tree| verify(tree, &[]).json["not_proven"].to_string();
    assert!(!said(&tree).contains("backfill"));
    let mut draft = draft(at(0, 0), at(4, 0), None);
    draft.name = digest_name(at(4, 0), ChainKind::Backfill);
    tree.put(&draft.seal(key()).unwrap());
    assert!(tree.path(&backfill_key(4)).exists());
    assert!(said(&tree).contains("newest backfill digests"), "{}", said(&tree));
    let end = time(HOURS.into());
    assert_eq!(verify(&tree, &["--end-time", &end]).status, 0);
}

// Only a verified digest accuses.

/// A key file that lacks the tests' key.
fn other_keys(tree: &Tree) -> String {
    let path = tree.root().join("other-keys.json");
    let other = crate::common::other_key();
    fs::write(&path, render_public_keys(&[(other.public_key_der(), common::always())])).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn without_the_key_nothing_is_accused() {
    check_without_the_key_nothing_is_accused(2);
}

#[test]
#[ignore = "slow: each of the gaps"]
fn without_the_key_nothing_is_accused_in_every_case() {
    check_without_the_key_nothing_is_accused(1);
}

fn check_without_the_key_nothing_is_accused(step: usize) {
    for gone in [&[1_u8][..], &[4], &[4, 5], &[1, 4, 6], &[1, 2, 3, 7]].into_iter().step_by(step) {
        let tree = Tree::sealed();
        gone.iter().for_each(|hour| tree.remove(&digest_key(*hour)));
        let start = time(0);
        let end = time(HOURS.into());
        let asked = ["--start-time", &start, "--end-time", &end];
        assert_eq!(verify(&tree, &asked).status, 1, "with the key: {gone:?}");
        let keys = other_keys(&tree);
        let root = tree.root().to_str().unwrap();
        let args = [&["verify", root, "--keys", &keys][..], &asked].concat();
        let report = common::verify(&args);
        assert_eq!(report.status, 3, "{gone:?}: {:#}", report.json["findings"]);
        let missing = report.codes().into_iter().filter(|(code, ..)| code == "digest-missing");
        assert_eq!(missing.count(), 1, "one finding for all of a chain");
        assert!(!report.hours().contains('V'), "{gone:?}: {}", report.hours());
        assert_eq!(report.count("digests", "invalid"), 0);
    }
}

#[test]
fn a_valid_digest_elsewhere_in_the_chain_still_accuses() {
    // The newest digest of a plain copy is not signed; the others are, by those after them.
    let tree = Tree::sealed();
    tree.remove(&digest_key(3));
    tree.remove(&digest_key(7));
    tree.lose_metadata(&digest_key(8));
    let report = tree.verify(&[]);
    let missing: Vec<_> =
        report.codes().into_iter().filter(|(code, ..)| code == "digest-missing").collect();
    let told =
        |severity: &str, hour| ("digest-missing".to_owned(), severity.to_owned(), digest_key(hour));
    assert_eq!(missing, [told("violation", 3), told("incomplete", 7)]);
    assert_eq!((report.status, report.hours().as_str()), (1, "PPVPPPUU"));
}

#[test]
fn a_tail_is_not_missed_of_a_chain_that_nobody_vouches_for() {
    let tree = without_the_newest(4);
    let end = time(HOURS.into());
    assert_eq!(tree.verify(&["--end-time", &end]).status, 1);
    let (keys, root) = (other_keys(&tree), tree.root().to_str().unwrap());
    let report = common::verify(&["verify", root, "--keys", &keys, "--end-time", &end]);
    assert_eq!((report.status, report.hours().as_str()), (3, "UUUUUUUU"), "{:?}", report.codes());
}

#[cfg(feature = "aws")]
#[test]
fn keys_that_may_not_be_asked_for_accuse_nobody() {
    let tree = Tree::sealed();
    tree.remove(&digest_key(1));
    tree.remove(&digest_key(5));
    let server = bucket::bucket_of(&tree);
    assert_eq!(bucket::check_bucket(&server, HOURS, &[]).status, 1);
    server.deny_keys();
    let report = bucket::check_bucket(&server, HOURS, &[]);
    assert_eq!(report.status, 3, "{:#}", report.json["findings"]);
}

// Trails that fell silent before the requested start.

#[test]
fn a_trail_whose_newest_digests_are_gone_is_seen_beside_another() {
    // 72 hours of two trails, of which one stops 70 hours before the end.
    let tree = Tree::empty();
    chain(&tree, "other", REGION, 0..72);
    chain(&tree, TRAIL, REGION, 0..2);
    let (start, end) = (time(48), time(72));
    for report in each(&tree, &["--start-time", &start, "--end-time", &end]) {
        assert_eq!((report.status, weighed(&report)), (1, one("chain-truncated", "violation")));
        assert!(report.findings()[0]["chain"].as_str().unwrap().contains(TRAIL));
        assert!(report.json["not_proven"].to_string().contains("7 days"));
    }
    // Longer ago than that it is not seen.
    let (start, end) = (time(24 * 10), time(24 * 11));
    chain(&tree, "other", REGION, 72..24 * 11);
    assert_eq!(verify(&tree, &["--start-time", &start, "--end-time", &end]).status, 0);
}

#[test]
fn a_silent_trail_is_no_more_accused_than_its_digests_are_verified() {
    let tree = Tree::empty();
    chain(&tree, TRAIL, REGION, 0..2);
    let (start, end) = (time(48), time(72));
    let keys = other_keys(&tree);
    let root = tree.root().to_str().unwrap();
    let args = ["verify", root, "--keys", &keys, "--start-time", &start, "--end-time", &end];
    let report = common::verify(&args);
    assert_eq!((report.status, weighed(&report)), (3, one("chain-truncated", "incomplete")));
}

#[test]
fn an_hour_is_not_pending_for_ever_because_little_was_asked_for() {
    let tree = Tree::sealed();
    let (start, end) = (at(20, 30).to_string(), time(21));
    for report in each(&tree, &["--start-time", &start, "--end-time", &end]) {
        assert_eq!((report.status, weighed(&report)), (1, one("chain-truncated", "violation")));
    }
}

/// A segment whose end is gone leaves no broken link: the time asked for lies between two digests.
#[test]
fn a_time_in_the_lost_end_of_a_segment_is_not_skipped() {
    let tree = Tree::empty();
    chain(&tree, TRAIL, REGION, 0..8);
    chain(&tree, TRAIL, REGION, 12..20);
    chain(&tree, "other", REGION, 0..20);
    for (start, end) in [(1, 4), (4, 7), (5, 7), (6, 8)] {
        let report = verify(&tree, &["--start-time", &time(start), "--end-time", &time(end)]);
        assert_eq!(report.status, 0, "{start} {end}");
    }
    for hour in 5..=8 {
        tree.remove(&digest_key(hour));
    }
    for (start, end) in [(4, 6), (4, 7), (5, 7), (6, 8), (5, 11)] {
        for report in each(&tree, &["--start-time", &time(start), "--end-time", &time(end)]) {
            assert_ne!(report.status, 0, "{start} {end}: {:?}", weighed(&report));
        }
    }
}
