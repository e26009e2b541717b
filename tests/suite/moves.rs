//! A trail whose bucket, prefix or organization changes, and changes back: time is accounted for
//! over all of its places, and what is gone in any stay is found.

use crate::common;
use crate::common::bag;
use crate::common::bag::Bag;
use crate::common::both::{each, verify};
#[cfg(feature = "aws")]
use crate::common::bucket;
use crate::common::{Report, Tree, at, digest_name, draft, key, log_key_at};
use trailseal::internals::model::{
    BucketName, ChainKind, DigestKey, LogEntry, OrganizationId, Previous, Sha256Hash,
};

/// A place and the hours that the trail delivers to it.
type Stay = (&'static str, std::ops::Range<i64>);

const THERE_AND_BACK: [Stay; 3] = [("", 0..5), ("new/", 5..10), ("", 10..15)];
const TWICE: [Stay; 5] = [("", 0..3), ("new/", 3..6), ("", 6..9), ("third/", 9..12), ("", 12..15)];
const LAST: i64 = 15;

fn time(hour: i64) -> String {
    at(hour, 0).to_string()
}

fn name(prefix: &str, hour: i64) -> DigestKey {
    let mut name = digest_name(at(hour, 0), ChainKind::Standard);
    match prefix.strip_prefix("o-") {
        Some(_) => name.place.organization = OrganizationId::parse(prefix).ok(),
        None => name.place.prefix = prefix.to_owned(),
    }
    name
}

/// Seals a stay of empty digests on the one before.
fn stay(tree: &Tree, bucket: &str, (prefix, hours): Stay, previous: Option<Previous>) -> Previous {
    let seal = |previous, hour| {
        let mut draft = draft(at(hour, 0), at(hour + 1, 0), previous);
        draft.name = name(prefix, hour + 1);
        draft.bucket = BucketName::parse(bucket).unwrap();
        let sealed = draft.seal(key()).unwrap();
        tree.put(&sealed);
        Some(sealed.head.previous)
    };
    hours.fold(previous, seal).unwrap()
}

fn moved(stays: &[Stay]) -> Tree {
    let tree = Tree::empty();
    let seal = |previous, place: &Stay| Some(stay(&tree, common::BUCKET, place.clone(), previous));
    stays.iter().fold(None, seal);
    tree
}

/// Deletes the digests that end in these hours, wherever they are.
fn delete(tree: &Tree, stays: &[Stay], ends: std::ops::RangeInclusive<i64>) {
    for end in ends {
        let (prefix, _) = stays.iter().find(|(_, hours)| hours.contains(&(end - 1))).unwrap();
        tree.remove(&name(prefix, end).to_string());
    }
}

/// The worst that any place says of each hour: Proven, Violated, Unreadable, Gap, pending `-`, and
/// `.` where none says anything.
fn hours(report: &Report) -> String {
    let chains = report.json["chains"].as_array().unwrap();
    let of = |hour: i64| {
        let intervals = chains.iter().flat_map(|c| c["coverage"].as_array().unwrap());
        let states: Vec<_> = intervals
            .filter(|i| i["start"].as_str().unwrap() < &*time(hour + 1))
            .filter(|i| i["end"].as_str().unwrap() > &*time(hour))
            .map(|i| i["state"].as_str().unwrap())
            .collect();
        let worst = ["violated", "unreadable", "gap", "explained", "pending", "proven"];
        let found = worst.into_iter().zip("VUGE-P".chars()).find(|(s, _)| states.contains(s));
        found.map_or('.', |(_, letter)| letter)
    };
    (0..LAST).map(of).collect()
}

fn codes(report: &Report) -> Vec<String> {
    report.codes().into_iter().map(|(code, ..)| code).collect()
}

#[test]
fn an_honest_move_there_and_back_is_proven_throughout() {
    check_an_honest_move_there_and_back_is_proven_throughout(3);
}

#[test]
#[ignore = "slow: eight times of two trees"]
fn an_honest_move_there_and_back_is_proven_throughout_in_every_case() {
    check_an_honest_move_there_and_back_is_proven_throughout(1);
}

fn check_an_honest_move_there_and_back_is_proven_throughout(step: usize) {
    for stays in [&THERE_AND_BACK[..], &TWICE] {
        let tree = moved(stays);
        let times = [(0, LAST), (2, 4), (2, 7), (2, 13), (6, 8), (6, 13), (11, 13), (1, 10)];
        for (start, end) in times.into_iter().step_by(step) {
            let (from, to) = (time(start), time(end));
            let report = verify(&tree, &["--start-time", &from, "--end-time", &to]);
            let found = (report.status, codes(&report), hours(&report));
            let proven = "P".repeat((end - start) as usize);
            let expected = format!("{:.<1$}{proven}", "", start as usize);
            assert_eq!(found.0, 0, "{start} {end}: {:?}", report.json["findings"]);
            assert_eq!(found.2.trim_end_matches('.'), expected, "{start} {end}");
        }
        let report = verify(&tree, &[]);
        assert_eq!((report.status, hours(&report)), (0, "P".repeat(15)), "{:?}", codes(&report));
        let report = verify(&tree, &["--trail", common::TRAIL]);
        assert_eq!((report.status, hours(&report)), (0, "P".repeat(15)), "{:?}", codes(&report));
    }
}

#[test]
fn what_is_gone_in_any_stay_is_found() {
    check_what_is_gone_in_any_stay_is_found(4);
}

#[test]
#[ignore = "slow: 15 trees as a directory and as a bucket"]
fn what_is_gone_in_any_stay_is_found_in_every_case() {
    check_what_is_gone_in_any_stay_is_found(1);
}

fn check_what_is_gone_in_any_stay_is_found(step: usize) {
    for (stays, gone, lost) in [
        // The tail, the middle, the beginning and all of the time after the return.
        (&THERE_AND_BACK[..], 13..=15, "PPPPPPPPPPPPVVV"),
        (&THERE_AND_BACK, 12..=13, "PPPPPPPPPPPVVPP"),
        (&THERE_AND_BACK, 11..=12, "PPPPPPPPPPVVPPP"),
        (&THERE_AND_BACK, 11..=15, "PPPPPPPPPPVVVVV"),
        // The stay elsewhere: its end, its middle, its beginning, all.
        (&THERE_AND_BACK, 9..=10, "PPPPPPPPVVPPPPP"),
        (&THERE_AND_BACK, 7..=8, "PPPPPPVVPPPPPPP"),
        (&THERE_AND_BACK, 6..=7, "PPPPPVVPPPPPPPP"),
        (&THERE_AND_BACK, 6..=10, "PPPPPVVVVVPPPPP"),
        // The end of the first stay, and across the moves.
        (&THERE_AND_BACK, 4..=5, "PPPVVPPPPPPPPPP"),
        (&THERE_AND_BACK, 4..=7, "PPPVVVVPPPPPPPP"),
        (&THERE_AND_BACK, 9..=12, "PPPPPPPPVVVVPPP"),
        (&THERE_AND_BACK, 4..=12, "PPPVVVVVVVVVPPP"),
        (&TWICE, 7..=9, "PPPPPPVVVPPPPPP"),
        (&TWICE, 10..=12, "PPPPPPPPPVVVPPP"),
        (&TWICE, 8..=15, "PPPPPPPVVVVVVVV"),
    ]
    .into_iter()
    .step_by(step)
    {
        let tree = moved(stays);
        delete(&tree, stays, gone.clone());
        let end = time(LAST);
        let report = tree.verify(&["--end-time", &end]);
        assert_eq!(
            (report.status, hours(&report)),
            (1, lost.to_owned()),
            "{gone:?}: {:#}",
            report.json["findings"]
        );
        // A place of which nothing is left is a folder in a directory, and nothing in a bucket.
        let start = time(0);
        for report in each(&tree, &["--start-time", &start, "--end-time", &end]) {
            assert_eq!((report.status, &*hours(&report)), (1, lost), "{gone:?} with a start");
        }
        // Asked for a part: what is gone in it is found, what is gone outside of it is not held
        // against it.
        let (start, end) = (gone.start() - 1, *gone.end());
        let (from, to) = (time(start), time(end));
        for report in each(&tree, &["--start-time", &from, "--end-time", &to]) {
            assert_ne!(report.status, 0, "{gone:?}: only that: {:?}", codes(&report));
        }
    }
}

/// Another trail beside it, so that something of the time is proven.
fn another_trail(tree: &Tree) {
    let mut previous: Option<Previous> = None;
    for hour in 0..LAST {
        let mut draft = draft(at(hour, 0), at(hour + 1, 0), previous);
        draft.name.trail = trailseal::internals::model::TrailName::parse("other").unwrap();
        let sealed = draft.seal(key()).unwrap();
        tree.put(&sealed);
        previous = Some(sealed.head.previous);
    }
}

#[test]
fn a_time_in_the_lost_end_of_a_stay_is_not_skipped() {
    let there: [Stay; 2] = [("", 0..8), ("new/", 8..15)];
    for stays in [&there[..], &[("", 0..8), ("new/", 8..12), ("", 12..15)]] {
        let tree = moved(stays);
        another_trail(&tree);
        delete(&tree, stays, 5..=8);
        for (start, end) in [(4, 6), (4, 7), (5, 7), (6, 7), (4, 8)] {
            let (from, to) = (time(start), time(end));
            for report in each(&tree, &["--start-time", &from, "--end-time", &to]) {
                assert_ne!(report.status, 0, "{start} {end}: {:?}", codes(&report));
            }
        }
    }
}

#[test]
fn a_move_between_buckets_is_accounted_for_too() {
    let (old, new) = (Tree::empty(), Tree::empty());
    let last = stay(&old, "audit-logs", ("", 0..5), None);
    let last = stay(&new, "new-logs", ("", 5..10), Some(last));
    stay(&old, "audit-logs", ("", 10..15), Some(last));
    let [keys, old_root, new_root] =
        [&old.keys, old.root(), new.root()].map(|path| path.to_str().unwrap());
    let end = time(LAST);
    let both = ["verify", old_root, new_root, "--keys", keys, "--end-time", &end];
    let report = common::verify(&both);
    assert_eq!((report.status, hours(&report)), (0, "P".repeat(15)), "{:?}", codes(&report));
    // Without the other bucket, its time is open, and no more than its time.
    let report = common::verify(&["verify", old_root, "--keys", keys, "--end-time", &end]);
    assert_eq!((report.status, &*hours(&report)), (3, "PPPPPUUUUUPPPPP"), "{:?}", codes(&report));
    let report = common::verify(&["verify", new_root, "--keys", keys]);
    assert_eq!(report.status, 3, "{:?}", codes(&report));
    // After the return, in either bucket.
    for hour in 13..=15 {
        old.remove(&name("", hour).to_string());
    }
    let report = common::verify(&both);
    assert_eq!((report.status, &*hours(&report)), (1, "PPPPPPPPPPPPVVV"), "{:?}", codes(&report));
    #[cfg(feature = "aws")]
    {
        let server = bucket::bucket_of(&old);
        server.create_bucket("new-logs");
        server.load("new-logs", "", new.root());
        let args = ["verify", "s3://audit-logs", "s3://new-logs", "--keys", keys];
        let args = [&args[..], &["--end-time", &end, "--format", "json"]].concat();
        let report = bucket::report_of(&bucket::run(&server, &args));
        assert_eq!((report.status, &*hours(&report)), (1, "PPPPPPPPPPPPVVV"));
    }
}

#[test]
fn a_trail_that_becomes_an_organizations_may_go_on_or_start_anew() {
    let stays = [("", 0..5), ("o-exampleorgid", 5..15)];
    let report = verify(&moved(&stays), &[]);
    assert_eq!((report.status, hours(&report)), (0, "P".repeat(15)), "{:?}", codes(&report));
    // A segment of its own, at once or some time later.
    for (from, status, expected) in [(5, 0, "PPPPPPPPPPPPPPP"), (7, 3, "PPPPPGGPPPPPPPP")] {
        let tree = Tree::empty();
        stay(&tree, common::BUCKET, ("", 0..5), None);
        stay(&tree, common::BUCKET, ("o-exampleorgid", from..15), None);
        let end = time(LAST);
        let report = verify(&tree, &["--end-time", &end]);
        assert_eq!((report.status, &*hours(&report)), (status, expected), "{:?}", codes(&report));
        // What is gone of the end of the first segment leaves a gap.
        tree.remove(&name("", 5).to_string());
        assert_eq!(verify(&tree, &["--end-time", &end]).status, 3);
        tree.remove(&name("o-exampleorgid", 15).to_string());
        tree.remove(&name("o-exampleorgid", 14).to_string());
        tree.remove(&name("o-exampleorgid", 13).to_string());
        assert_eq!(verify(&tree, &["--end-time", &end]).status, 1);
    }
}

#[test]
fn two_trails_of_one_name_do_not_stand_in_for_each_other() {
    // The account's own trail and the organization's, at the same time.
    let tree = Tree::empty();
    stay(&tree, common::BUCKET, ("", 0..15), None);
    stay(&tree, common::BUCKET, ("o-exampleorgid", 0..15), None);
    let end = time(LAST);
    assert_eq!(verify(&tree, &["--end-time", &end]).status, 0);
    (11..=15).for_each(|hour| tree.remove(&name("", hour).to_string()));
    let report = verify(&tree, &["--end-time", &end]);
    assert_eq!((report.status, codes(&report)), (1, vec!["chain-truncated".to_owned()]));
}

#[test]
fn evidence_does_not_lose_the_time_after_a_return_either() {
    let tree = moved(&THERE_AND_BACK);
    let end = time(LAST);
    let whole = Bag::of(&tree, &["--end-time", &end]);
    assert_eq!((whole.status, bag::check(&whole.dir, &[]).status), (0, 0), "{}", whole.err);
    delete(&tree, &THERE_AND_BACK, 13..=15);
    let cut = Bag::of(&tree, &["--end-time", &end]);
    assert_eq!((cut.status, bag::check(&cut.dir, &[]).status), (1, 1), "{}", cut.err);
}

/// A digest that lists log files, with the log files.
fn with_logs(
    tree: &Tree,
    prefix: &str,
    hour: i64,
    logs: &[String],
    previous: Option<Previous>,
) -> Previous {
    let mut draft = draft(at(hour, 0), at(hour + 1, 0), previous);
    draft.name = name(prefix, hour + 1);
    for key in logs {
        tree.write_log(key);
        let bytes = common::gunzip(&std::fs::read(tree.path(key)).unwrap());
        draft.log_files.push(LogEntry {
            bucket: common::BUCKET.into(),
            object: key.as_str().into(),
            hash: Sha256Hash::of(&bytes),
            newest: None,
            oldest: None,
        });
    }
    let sealed = draft.seal(key()).unwrap();
    tree.put(&sealed);
    sealed.head.previous
}

#[test]
fn the_hour_of_a_move_may_be_delivered_to_either_place() {
    check_the_hour_of_a_move_may_be_delivered_to_either_place(4);
}

#[test]
#[ignore = "slow: four moves"]
fn the_hour_of_a_move_may_be_delivered_to_either_place_in_every_case() {
    check_the_hour_of_a_move_may_be_delivered_to_either_place(1);
}

fn check_the_hour_of_a_move_may_be_delivered_to_either_place(step: usize) {
    let here = |hour, minute| log_key_at(at(hour, minute), "CloudTrail", "AAAAAAAAAAAAAAAA");
    let there = |hour, minute| format!("new/{}", here(hour, minute));
    for first_in_new in [true, false] {
        for comes_back in [true, false].into_iter().step_by(step) {
            let tree = Tree::empty();
            let last = stay(&tree, common::BUCKET, ("", 0..5), None);
            let logs = [here(5, 20), there(5, 40)];
            let place = if first_in_new { "new/" } else { "" };
            let last = with_logs(&tree, place, 5, &logs, Some(last));
            let last = stay(&tree, common::BUCKET, ("new/", 6..10), Some(last));
            let back = if comes_back { "" } else { "new/" };
            stay(&tree, common::BUCKET, (back, 10..15), Some(last));
            let end = time(LAST);
            for args in [&[][..], &["--end-time", &end]] {
                let report = verify(&tree, args);
                let found = (report.status, codes(&report), hours(&report));
                assert_eq!(found, (0, vec![], "P".repeat(15)), "{first_in_new} {comes_back}");
            }
            // What nothing lists there is not let pass for it.
            for (hour, minute) in [(5, 30), (4, 57), (7, 10), (9, 58)] {
                tree.write_log(&here(hour, minute));
                for report in each(&tree, &[]) {
                    assert_ne!(report.status, 0, "{hour} {minute}: {:?}", codes(&report));
                }
                std::fs::remove_file(tree.path(&here(hour, minute))).unwrap();
            }
            tree.write_log(&here(5, 30));
            for report in each(&tree, &[]) {
                assert_ne!(report.status, 0, "{first_in_new} {comes_back}: {:#}", report.json);
            }
        }
    }
}

#[test]
fn what_is_put_into_a_place_while_its_trail_is_away_is_never_verified() {
    check_what_is_put_into_a_place_while_its_trail_is_away_is_never_verified(4);
}

#[test]
#[ignore = "slow: 12 trees, three times each"]
fn what_is_put_into_a_place_while_its_trail_is_away_is_never_verified_in_every_case() {
    check_what_is_put_into_a_place_while_its_trail_is_away_is_never_verified(1);
}

fn check_what_is_put_into_a_place_while_its_trail_is_away_is_never_verified(step: usize) {
    let stays = [("", 0..5), ("new/", 5..10), ("", 10..15)];
    let named = |prefix: &str, hour| {
        format!("{prefix}{}", log_key_at(at(hour, 20), "CloudTrail", "AAAAAAAAAAAAAAAA"))
    };
    let odd = |prefix: &str, hour| {
        let named = named(prefix, hour);
        format!("{}/odd.json.gz", named.rsplit_once('/').unwrap().0)
    };
    // Beside the days' folders, too.
    let monthly = |prefix: &str, hour| {
        let named = named(prefix, hour);
        format!("{}/odd.json.gz", named.rsplit_once("/01/").unwrap().0)
    };
    let there: [Stay; 2] = [("", 0..5), ("new/", 5..15)];
    for stays in [&stays[..], &there].into_iter().step_by(step) {
        for (prefix, times) in [("", [(6, 9), (7, 8)]), ("new/", [(1, 4), (2, 3)])] {
            for name in [&named as &dyn Fn(&str, i64) -> String, &odd, &monthly] {
                let tree = moved(stays);
                tree.write_log(&name(prefix, times[1].0));
                let hours = times.map(|(start, end)| (time(start), time(end)));
                // Less than half an hour.
                let short = (at(times[1].0, 10).to_string(), at(times[1].0, 30).to_string());
                for (from, to) in hours.into_iter().chain([short]) {
                    for report in each(&tree, &["--start-time", &from, "--end-time", &to]) {
                        assert_eq!(
                            report.status, 3,
                            "{prefix} {from} {to}: {:#}",
                            report.json["findings"]
                        );
                    }
                }
            }
        }
    }
}
