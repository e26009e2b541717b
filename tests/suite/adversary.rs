//! What an adversary without a signing key may try, and trouble that must not pass for tampering.
//! The sweeps over all small changes are in `every_byte` and `every_absence`.

use crate::common;
use std::fs;

use crate::common::both::{each, verify};
use crate::common::{
    ACCOUNT, BUCKET, HOURS, REGION, Report, TRAIL, Tree, at, digest_key, digest_name, draft, gzip,
    key, log_key, log_key_at, objects,
};
use jiff::Timestamp;
use trailseal::internals::model::{
    BucketName, ChainKind, DigestKey, Previous, Region, Sha256Hash, TrailName,
};

// Tricks.

fn time(hour: i64) -> String {
    at(hour, 0).to_string()
}

fn injected(hour: i64) -> String {
    log_key_at(at(hour, 40), "CloudTrail", "BBBBBBBBBBBBBBBB")
}

fn name(trail: &str, region: &str, prefix: &str, end: Timestamp) -> DigestKey {
    let region = Region::parse(region).unwrap();
    let mut name = digest_name(end, ChainKind::Standard);
    name.trail = TrailName::parse(trail).unwrap();
    (name.region, name.home_region) = (region.clone(), region);
    name.place.prefix = prefix.to_owned();
    name
}

/// A chain of empty digests.
struct Chain<'a> {
    trail: &'a str,
    region: &'a str,
    bucket: &'a str,
    prefix: &'a str,
}

const CHAIN: Chain<'_> = Chain { trail: TRAIL, region: REGION, bucket: BUCKET, prefix: "" };

impl Chain<'_> {
    fn seal(&self, tree: &Tree, from: i64, to: i64, previous: Option<Previous>) -> Previous {
        let seal = |previous, hour| {
            let mut draft = draft(at(hour, 0), at(hour + 1, 0), previous);
            draft.name = name(self.trail, self.region, self.prefix, at(hour + 1, 0));
            draft.bucket = BucketName::parse(self.bucket).unwrap();
            let sealed = draft.seal(key()).unwrap();
            tree.put(&sealed);
            Some(sealed.head.previous)
        };
        (from..to).fold(previous, seal).unwrap()
    }

    fn remove(&self, tree: &Tree, from: i64, to: i64) {
        for hour in from..=to {
            tree.remove(&name(self.trail, self.region, self.prefix, at(hour, 0)).to_string());
        }
    }
}

/// Puts a digest that nobody signed.
fn forge(tree: &Tree, name: DigestKey, start: Timestamp, previous: Option<Previous>) {
    let forged = trailseal::internals::seal::Draft { name, ..draft(start, start, previous) };
    let forged = forged.seal(key()).unwrap();
    tree.write(&forged.key, &forged.body);
    tree.rewrite(&forged.key, "\"logFiles\"", " \"logFiles\"");
}

fn codes(report: &Report) -> Vec<String> {
    report.codes().into_iter().map(|(code, ..)| code).collect()
}

#[test]
fn an_injected_log_is_not_hidden_by_the_unsigned_newest_digest_of_a_plain_copy() {
    let tree = Tree::sealed();
    tree.lose_all_metadata();
    tree.write_log(&injected(1));
    for report in each(&tree, &["--end-time", &time(5)]) {
        assert_ne!(report.status, 0);
    }
}

/// What it is, how it is done, and what is asked for.
type Trick = (&'static str, fn(&Tree), &'static [&'static str]);

#[test]
fn an_injected_log_is_not_hidden_by_what_is_done_to_digests_outside_the_request() {
    let tricks: [Trick; 4] = [
        ("the next digest gone", |tree| tree.remove(&digest_key(6)), &["--end-time", "E"]),
        ("the next digest junk", |tree| tree.write(&digest_key(6), b"?"), &["--end-time", "E"]),
        (
            "a forged digest of another trail",
            |tree| forge(tree, name("zzz", REGION, "", at(7, 0)), at(6, 0), None),
            &["--trail", TRAIL],
        ),
        (
            "junk as a digest of another trail",
            |tree| tree.write(&name("zzz", REGION, "", at(5, 0)).to_string(), b"?"),
            &["--trail", TRAIL],
        ),
    ];
    for (what, trick, args) in tricks {
        let tree = Tree::sealed();
        tree.write_log(&injected(4));
        let end = time(5);
        let args: Vec<_> = args.iter().map(|a| if *a == "E" { end.as_str() } else { a }).collect();
        assert_eq!(verify(&tree, &args).status, 1, "{what}: before");
        trick(&tree);
        for report in each(&tree, &args) {
            assert_ne!(report.status, 0, "{what}");
        }
    }
}

#[test]
fn an_injected_log_is_found_wherever_its_name_or_its_folder_is_covered() {
    let log = injected(4);
    let (_, file) = log.rsplit_once('/').unwrap();
    let day = log.strip_suffix(file).unwrap();
    for (key, args) in [
        (log.replace("2026/03/01", "2026/99/99"), vec![]),
        (log.replace("2026/03/01", "2027/01/01"), vec![]),
        (log.replace("2026/03/01", "2025/01/01"), vec![]),
        (format!("{day}nameless.gz"), vec![]),
        (format!("{day}nameless.gz"), vec!["--start-time", "2", "--end-time", "6"]),
    ] {
        let tree = Tree::sealed();
        tree.write_log(&key);
        let time = |a: &&str| a.parse().map_or((*a).to_owned(), time);
        let args: Vec<_> = args.iter().map(time).collect();
        // Asked for an end, as a bucket always is, only the days up to it are looked through.
        let report = tree.verify(&args.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(codes(&report), ["log-unreferenced"], "{key} {args:?}");
    }
}

#[test]
fn a_second_copy_that_is_not_looked_at_is_not_verified() {
    // Of a bucket there are no copies in it.
    let forged = gzip(br#"{"Records":["forged"]}"#);
    let twice = |keys: &[String]| {
        let tree = Tree::sealed();
        for key in keys {
            for suffix in ["", ".metadata.json"] {
                if let Ok(bytes) = fs::read(tree.path(&format!("{key}{suffix}"))) {
                    tree.write(&format!("zz/{key}{suffix}"), &bytes);
                }
            }
        }
        tree
    };
    // A whole copy, of which one log file was altered.
    let tree = twice(&objects());
    tree.write(&format!("zz/{}", log_key(2)), &forged);
    assert_ne!(tree.verify(&[]).status, 0, "beside a whole copy");
    // One genuine digest, moved, is enough to make the other folder a part of the bucket.
    let tree = twice(&[digest_key(4)]);
    tree.remove(&digest_key(4));
    assert_eq!(tree.verify(&[]).status, 0, "in two parts");
    tree.write(&format!("zz/{}", log_key(2)), &forged);
    assert_ne!(tree.verify(&[]).status, 0, "beside a digest that was moved");
    // So is the user who insists.
    let tree = Tree::sealed();
    tree.write(&format!("zz/{}", log_key(2)), &forged);
    assert_ne!(tree.verify(&["--bucket", BUCKET, "--prefix", ""]).status, 0, "insisted");
}

#[test]
fn a_chain_of_which_the_requested_time_and_an_hour_more_are_gone_is_not_forgotten() {
    for (trail, region) in [(TRAIL, "eu-west-1"), ("other", REGION)] {
        let tree = Tree::sealed();
        let chain = Chain { trail, region, ..CHAIN };
        chain.seal(&tree, 0, 12, None);
        chain.remove(&tree, 1, 6);
        let (start, end) = (time(0), time(5));
        for args in [vec!["--end-time", &end], vec!["--start-time", &start, "--end-time", &end]] {
            assert_ne!(verify(&tree, &args).status, 0, "{trail} {region} {args:?}");
        }
    }
}

#[test]
fn a_chain_of_which_junk_after_the_requested_time_is_left_is_not_forgotten() {
    let tree = Tree::sealed();
    tree.remove(&digest_key(1));
    tree.write(&digest_key(2), b"?");
    let report = tree.verify(&["--start-time", &time(0), "--end-time", &time(1)]);
    assert_eq!((report.hours().as_str(), report.status), ("G", 1));
    assert!(codes(&report).contains(&"chain-late-start".to_owned()));
}

#[test]
fn backfill_digests_alone_show_that_the_others_are_gone() {
    let tree = Tree::sealed();
    tree.write_log(&log_key_at(at(1, 45), "CloudTrail", "EEEEEEEEEEEEEEEE"));
    tree.seal(9).unwrap();
    Chain { region: "eu-west-1", ..CHAIN }.seal(&tree, 0, 9, None);
    assert_eq!(tree.verify(&[]).status, 0);
    CHAIN.remove(&tree, 1, 9);
    let logged = (0..HOURS).filter(|hour| *hour != common::EMPTY_HOUR);
    logged.for_each(|hour| tree.remove(&log_key(hour)));
    let report = tree.verify(&[]);
    assert_eq!((codes(&report), report.status), (vec!["no-digests".to_owned()], 3));
}

#[test]
fn a_chain_that_only_starts_after_the_requested_time_was_not_asked_for() {
    let tree = Tree::sealed();
    Chain { trail: "other", ..CHAIN }.seal(&tree, 6, 12, None);
    assert_eq!(verify(&tree, &["--end-time", &time(5)]).status, 0);
}

#[test]
fn nothing_is_pending_before_the_time_that_other_digests_show() {
    let tree = Tree::sealed();
    Chain { trail: "other", ..CHAIN }.seal(&tree, 0, 24, None);
    CHAIN.remove(&tree, 5, HOURS.into());
    for hour in 4..HOURS {
        tree.remove(&log_key(hour));
    }
    let report = verify(&tree, &["--start-time", &time(0), "--end-time", &time(7)]);
    assert_eq!((codes(&report), report.status), (vec!["chain-truncated".to_owned()], 1));
}

#[test]
fn a_region_without_any_digest_is_told_under_a_trail_filter_too() {
    let tree = Tree::sealed();
    tree.write_log(&log_key(2).replace(REGION, "eu-west-1"));
    assert_eq!(verify(&tree, &["--trail", TRAIL]).status, 3);
}

fn seconds_past(hour: i64, second: i64) -> DigestKey {
    let end = Timestamp::from_second(at(hour, 0).as_second() + second).unwrap();
    digest_name(end, ChainKind::Standard)
}

fn names_the_fourth() -> Previous {
    let object = digest_key(4);
    Previous {
        bucket: BUCKET.into(),
        object,
        hash: Sha256Hash::of(b""),
        signature: "00".repeat(256),
    }
}

#[test]
fn forged_digests_do_not_hide_that_a_valid_one_contradicts_its_predecessor() {
    let violated = |tree: &Tree, what| {
        assert!(each(tree, &[]).all(|report| report.status == 1), "{what}");
    };
    let altered = || {
        let tree = Tree::sealed();
        tree.lose_all_metadata();
        tree.rewrite(&digest_key(4), "\"logFiles\"", " \"logFiles\"");
        violated(&tree, "before");
        tree
    };
    let tree = altered();
    forge(&tree, seconds_past(4, 30), at(4, 0), Some(names_the_fourth()));
    violated(&tree, "a forged successor");
    let tree = altered();
    for second in 1..=4 {
        forge(&tree, seconds_past(4, second), at(3, 0), None);
    }
    violated(&tree, "four strays");
}

#[test]
fn a_forged_successor_does_not_undo_the_true_one() {
    let tree = Tree::sealed();
    tree.lose_metadata(&digest_key(4));
    forge(&tree, seconds_past(4, 30), at(4, 0), Some(names_the_fourth()));
    for report in each(&tree, &[]) {
        let codes = report.codes();
        // A bucket loses no metadata: that is a notice.
        let accuses = |severity: &str, key: &str| severity != "notice" && key == digest_key(4);
        assert!(!codes.iter().any(|(_, severity, key)| accuses(severity, key)), "{codes:?}");
    }
}

#[test]
fn a_text_of_any_length_in_a_forged_digest_does_not_fill_the_report() {
    let long = "a".repeat(3 << 20);
    for (from, to) in [
        ("\"digestS3Bucket\":\"", format!("\"digestS3Bucket\":\"{long}")),
        ("\"logFiles\":[", format!("\"logFiles\":\"{long}\",\"x\":[")),
    ] {
        let tree = Tree::sealed();
        tree.rewrite(&digest_key(4), from, &to);
        let report = verify(&tree, &[]);
        assert_eq!(report.status, 1);
        assert!(report.json.to_string().len() < 100_000, "{from}");
    }
}

// Trouble, and what is in order.

#[test]
fn a_trail_whose_bucket_or_prefix_changed_is_whole() {
    let (old, new) = (Tree::empty(), Tree::empty());
    let last = CHAIN.seal(&old, 0, 5, None);
    Chain { bucket: "new-logs", ..CHAIN }.seal(&new, 5, 10, Some(last.clone()));
    let [keys, old_root, new_root] =
        [&old.keys, old.root(), new.root()].map(|path| path.to_str().unwrap());
    let (start, end) = (time(0), time(10));
    let asked = ["--start-time", &start, "--end-time", &end];
    let before = ["--start-time", &start, "--end-time", &time(4)];
    for args in [&[][..], &asked, &before] {
        let mut all = vec!["verify", old_root, new_root, "--keys", keys];
        all.extend(args);
        let report = common::verify(&all);
        assert_eq!(report.status, 0, "bucket: {:?}", report.codes());
    }
    Chain { prefix: "new/", ..CHAIN }.seal(&old, 5, 10, Some(last));
    for args in [&[][..], &asked, &before] {
        let report = verify(&old, args);
        assert_eq!(report.status, 0, "prefix: {:?}", report.codes());
    }
}

#[test]
fn a_folder_that_cannot_be_listed_is_trouble_and_no_truncation() {
    let tree = Tree::empty();
    CHAIN.seal(&tree, 0, 30, None);
    let folder = format!("AWSLogs/{ACCOUNT}/CloudTrail-Digest/{REGION}/2026/03/02");
    fs::rename(tree.path(&folder), tree.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink("../../../../../../elsewhere", tree.path(&folder)).unwrap();
    // There are no links in a bucket.
    assert_eq!(tree.verify(&["--end-time", &time(30)]).status, 3);
}

#[test]
fn junk_of_another_time_does_not_make_listed_logs_unreferenced() {
    let tree = Tree::sealed();
    for minute in 0..15 {
        let junk = digest_name(at(-48, minute), ChainKind::Standard);
        tree.write(&junk.to_string(), b"?");
    }
    let report = verify(&tree, &["--start-time", &time(0), "--end-time", &time(8)]);
    assert_eq!((codes(&report), report.status), (vec![], 0));
}

#[test]
fn logs_delivered_after_the_requested_time_were_not_asked_for() {
    // Logging stopped at three and started again at six.
    let tree = Tree::sealed();
    CHAIN.remove(&tree, 4, 6);
    (4..6).for_each(|hour| tree.remove(&log_key(hour)));
    tree.reseal(7, |draft| draft.previous = None);
    tree.remove(&log_key(6));
    let report = verify(&tree, &["--end-time", &time(5)]);
    assert_eq!((codes(&report), report.status), (vec!["chain-gap".to_owned()], 3));
}
