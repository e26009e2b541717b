//! Copies of some days: what belongs to a day on their edge that they do not have is incomplete,
//! once; what is gone from their middle, or from a bucket, is gone.

use crate::common;
#[cfg(feature = "aws")]
use crate::common::bucket;
use std::fs;
use std::path::Path;

use crate::common::{
    ACCOUNT, BUCKET, REGION, Report, Tree, at, digest_name, draft, log_key_at, seal_request,
};
use trailseal::internals::model::{ChainKind, LogEntry, OrganizationId, Previous, Sha256Hash};

const DAYS: i64 = 4;

/// Four days, the first to the fourth of March, a digest for each three hours and a log file in
/// each; the last digest ends when the fifth begins.
fn four_days() -> Tree {
    let tree = Tree::empty();
    for hour in (0..DAYS * 24).step_by(3) {
        tree.write_log(&log_at(hour));
    }
    let mut request = seal_request(DAYS * 24);
    request.interval = jiff::SignedDuration::from_hours(3);
    tree.seal_as(&request).unwrap();
    tree
}

fn log_at(hour: i64) -> String {
    log_key_at(at(hour, 20), "CloudTrail", "AAAAAAAAAAAAAAAA")
}

fn digest_at(hour: i64) -> String {
    digest_name(at(hour, 0), ChainKind::Standard).to_string()
}

fn folder(service: &str, day: u8) -> String {
    format!("AWSLogs/{ACCOUNT}/{service}/{REGION}/2026/03/0{day}")
}

/// Leaves days out of a copy, digests and log files.
fn without(tree: &Tree, days: &[u8]) {
    for day in days {
        for service in ["CloudTrail", "CloudTrail-Digest"] {
            let _ = fs::remove_dir_all(tree.path(&folder(service, *day)));
        }
    }
}

/// Code and severity of what is more than a notice.
fn weighty(report: &Report) -> Vec<(String, String)> {
    let all = report.codes().into_iter().filter(|(_, severity, _)| severity != "notice");
    all.map(|(code, severity, _)| (code, severity)).collect()
}

fn incomplete(report: &Report, times: usize) {
    let once = ("object-unreadable".to_owned(), "incomplete".to_owned());
    assert_eq!(weighty(report), vec![once; times], "{:#}", report.json["findings"]);
    assert_eq!(report.status, 3);
}

fn violated_by(report: &Report, code: &str, key: &str) {
    assert_eq!(report.status, 1, "{:#}", report.json["findings"]);
    let expected = (code.to_owned(), "violation".to_owned(), key.to_owned());
    assert!(report.codes().contains(&expected), "{key}: {:?}", report.codes());
}

#[test]
fn whole_days_are_incomplete_at_their_beginning_and_nothing_more() {
    for left_out in [&[1_u8][..], &[1, 2], &[1, 4, 5], &[1, 2, 4, 5]] {
        let tree = four_days();
        without(&tree, left_out);
        let report = tree.verify(&[]);
        // The digest before the first one, and the log files of the evening before.
        incomplete(&report, 2);
        let first = if left_out.contains(&2) { 48 } else { 24 };
        let keys: Vec<_> = report.codes().into_iter().map(|(.., key)| key).collect();
        assert!(keys.contains(&digest_at(first - 3)), "{keys:?}");
        let evening = folder("CloudTrail", u8::try_from(first / 24).unwrap()) + "/";
        assert!(keys.contains(&evening), "{keys:?}");
        for finding in report.findings().iter().filter(|f| f["severity"] == "incomplete") {
            assert!(finding["message"].as_str().unwrap().contains("--start-time"));
        }
        // A time that the copy holds is proven.
        let start = at(first, 0).to_string();
        let end = at(if left_out.contains(&4) { 69 } else { 93 }, 0).to_string();
        let asked = tree.verify(&["--start-time", &start, "--end-time", &end]);
        assert_eq!((asked.status, weighty(&asked)), (0, vec![]), "{:#}", asked.json["findings"]);
        // One that it does not hold is not.
        let earlier = at(first - 12, 0).to_string();
        assert_eq!(tree.verify(&["--start-time", &earlier]).status, 3);
        assert_ne!(tree.verify(&["--end-time", &at(DAYS * 24 + 24, 0).to_string()]).status, 0);
    }
}

#[cfg(feature = "aws")]
#[test]
fn in_a_bucket_what_is_not_there_is_gone() {
    let tree = four_days();
    without(&tree, &[1]);
    let server = bucket::bucket_of(&tree);
    let (source, end) = (format!("s3://{BUCKET}"), at(96, 0).to_string());
    let args = ["verify", &source, "--format", "json", "--end-time", &end];
    let report = bucket::report_of(&bucket::run(&server, &args));
    violated_by(&report, "digest-missing", &digest_at(21));
    violated_by(&report, "log-missing", &log_at(21));
}

#[test]
fn a_day_gone_from_the_middle_is_gone() {
    let times = [at(0, 0).to_string(), at(30, 0).to_string(), at(66, 0).to_string()];
    for gone in [&[2_u8][..], &[3], &[2, 3]] {
        let tree = four_days();
        without(&tree, gone);
        for more in [
            &[][..],
            &["--start-time", &times[0]],
            &["--start-time", &times[1], "--end-time", &times[2]],
            &["--end-time", &times[2]],
        ] {
            let report = tree.verify(more);
            if gone == [2, 3] && more.len() == 4 {
                // Nothing at all is there of the time that was asked for.
                assert_eq!(weighty(&report), [("chain-late-start".into(), "incomplete".into())]);
                continue;
            }
            assert_eq!(report.status, 1, "{gone:?} {more:?}: {:#}", report.json["findings"]);
            assert!(weighty(&report).contains(&("digest-missing".into(), "violation".into())));
        }
    }
    // A copy that begins later has a middle too.
    let tree = four_days();
    without(&tree, &[1, 3]);
    violated_by(&tree.verify(&[]), "digest-missing", &digest_at(69));
}

#[test]
fn a_day_of_which_one_tree_is_there_is_reached() {
    let tree = four_days();
    fs::remove_dir_all(tree.path(&folder("CloudTrail", 1))).unwrap();
    violated_by(&tree.verify(&[]), "log-missing", &log_at(0));

    let tree = four_days();
    fs::remove_dir_all(tree.path(&folder("CloudTrail-Digest", 1))).unwrap();
    violated_by(&tree.verify(&[]), "digest-missing", &digest_at(21));

    // One object of a day is enough.
    for kept in [log_at(0), digest_at(3)] {
        let tree = four_days();
        let bytes = fs::read(tree.path(&kept)).unwrap();
        without(&tree, &[1]);
        tree.write(&kept, &bytes);
        violated_by(&tree.verify(&[]), "log-missing", &log_at(21));
    }
    // Whatever kind of log file it is.
    let tree = four_days();
    without(&tree, &[1]);
    tree.write_log(&log_key_at(at(1, 0), "CloudTrail-Insight", "AAAAAAAAAAAAAAAA"));
    violated_by(&tree.verify(&[]), "log-missing", &log_at(21));
}

#[test]
fn a_log_file_of_the_day_after_is_not_missed() {
    // Named by its newest event, rounded up over midnight.
    let entry = |object: String| LogEntry {
        bucket: BUCKET.into(),
        object: object.into(),
        hash: Sha256Hash::of(b"x"),
        ..sample_entry()
    };
    let digest = |logs: Vec<LogEntry>| {
        let tree = Tree::empty();
        let mut draft = draft(at(22, 0), at(23, 0), None);
        draft.log_files = logs;
        tree.put(&draft.seal(common::key()).unwrap());
        tree
    };
    let after = log_key_at(at(24, 0), "CloudTrail", "AAAAAAAAAAAAAAAA");
    let tree = digest(vec![entry(after.clone())]);
    incomplete(&tree.verify(&[]), 1);
    // Many are told of once.
    let many =
        (0..40).map(|n| entry(after.replace("AAAAAAAAAAAAAAAA", &format!("AAAAAAAAAAAAAA{n:02}"))));
    let report = digest(many.collect()).verify(&[]);
    incomplete(&report, 1);
    assert!(report.findings()[0]["message"].as_str().unwrap().starts_with("40 log files"));
    assert_eq!(report.json["totals"]["logs"]["unchecked"], 40);
    // One of the day itself is.
    let same_day = log_key_at(at(22, 20), "CloudTrail", "AAAAAAAAAAAAAAAA");
    violated_by(&digest(vec![entry(same_day.clone())]).verify(&[]), "log-missing", &same_day);
}

/// An entry of some digest.
fn sample_entry() -> LogEntry {
    let tree = Tree::empty();
    tree.write_log(&log_at(0));
    tree.seal(1).unwrap();
    tree.digest(&digest_at(1)).log_files[0].clone()
}

#[test]
fn a_move_to_another_place_does_not_hide_what_is_gone_of_the_old_one() {
    // A chain of the account that goes on as the organization's.
    let tree = four_days();
    let mut previous: Previous = tree.previous(&digest_at(DAYS * 24));
    let organization = Some(OrganizationId::parse("o-abc123").unwrap());
    for hour in (DAYS * 24..(DAYS + 2) * 24).step_by(3) {
        let mut draft = draft(at(hour, 0), at(hour + 3, 0), Some(previous));
        draft.name.place.organization = organization.clone();
        let sealed = draft.seal(common::key()).unwrap();
        tree.put(&sealed);
        previous = sealed.head.previous;
    }
    let report = tree.verify(&[]);
    assert_eq!(report.status, 0, "{:#}", report.json["findings"]);
    // The day of the move is there, in the new place.
    without(&tree, &[5]);
    violated_by(&tree.verify(&[]), "digest-missing", &digest_at(DAYS * 24));
}

#[test]
fn a_copy_in_two_parts_reaches_as_far_as_both() {
    let tree = four_days();
    without(&tree, &[2]);
    let (first, rest) = (tree.path("first/AWSLogs"), tree.path("rest"));
    for day in [1_u8] {
        for service in ["CloudTrail", "CloudTrail-Digest"] {
            let there = tree.path(&format!("first/{}", folder(service, day)));
            fs::create_dir_all(there.parent().unwrap()).unwrap();
            fs::rename(tree.path(&folder(service, day)), there).unwrap();
        }
    }
    fs::create_dir_all(&rest).unwrap();
    fs::rename(tree.path("AWSLogs"), rest.join("AWSLogs")).unwrap();
    let verify = |sources: &[&Path]| {
        let mut args = vec!["verify", "--keys", tree.keys.to_str().unwrap()];
        args.extend(sources.iter().map(|path| path.to_str().unwrap()));
        common::verify(&args)
    };
    incomplete(&verify(&[&rest]), 2);
    violated_by(&verify(&[&rest, &first]), "digest-missing", &digest_at(45));
}
