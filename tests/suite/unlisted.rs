//! Log files that no digest lists: what lies in covered time and place is judged by what it is,
//! trouble reaches every judgement that rests on absence, and a time of writing lowers no
//! suspicion.

#[cfg(feature = "aws")]
use crate::common;
use crate::common::both;
#[cfg(feature = "aws")]
use crate::common::bucket;
#[cfg(feature = "aws")]
use crate::common::server;
use std::fs;

use crate::common::trails::AUDIT;
use crate::common::{
    ACCOUNT, BUCKET, HOURS, REGION, Report, Tree, at, digest_key, digest_name, draft_of, gunzip,
    gzip, key, log_key, log_key_at, seal_request,
};
use trailseal::internals::model::{
    BucketName, ChainKind, LogEntry, Previous, Sha256Hash, TrailName,
};
use trailseal::internals::seal::Draft;

const TEXT: &[u8] = br#"{"Records":[{"eventName":"x"}]}"#;

fn injected(hour: i64, minute: i64) -> String {
    log_key_at(at(hour, minute), "CloudTrail", "BBBBBBBBBBBBBBBB")
}

fn folder(of: &str) -> String {
    format!("AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/{of}")
}

fn codes(report: &Report) -> Vec<(String, String)> {
    report.codes().into_iter().map(|(code, severity, _)| (code, severity)).collect()
}

fn only(code: &str, severity: &str) -> Vec<(String, String)> {
    vec![(code.to_owned(), severity.to_owned())]
}

/// The first hours of the first day.
fn first_day() -> [String; 4] {
    let (start, end) = (at(0, 0).to_string(), at(HOURS.into(), 0).to_string());
    ["--start-time".to_owned(), start, "--end-time".to_owned(), end]
}

/// The entry of a digest that lists a log file of the tree.
fn entry(tree: &Tree, log: &str) -> LogEntry {
    let body = fs::read(tree.path(log)).unwrap();
    LogEntry {
        bucket: BUCKET.into(),
        object: log.into(),
        hash: Sha256Hash::of(&gunzip(&body)),
        newest: None,
        oldest: None,
    }
}

/// A chain into the next day, in which the digest of an hour lists a late log file.
fn with_late(late: &str, hour: i64) -> Tree {
    let tree = Tree::sealed();
    tree.seal(30).unwrap();
    tree.write_log(late);
    let mut previous: Option<Previous> = None;
    for end in hour..=30 {
        let key_of = digest_name(at(end, 0), ChainKind::Standard).to_string();
        let mut draft = draft_of(&tree.digest(&key_of));
        if end == hour {
            draft.log_files.push(entry(&tree, late));
        }
        draft.previous = previous.or(draft.previous);
        let sealed = draft.seal(key()).unwrap();
        tree.put(&sealed);
        previous = Some(sealed.head.previous);
    }
    tree
}

#[test]
fn a_late_log_file_is_listed_by_a_later_day_and_an_injected_one_by_none() {
    let (late, other) = (injected(4, 40), log_key_at(at(5, 40), "CloudTrail", "CCCCCCCCCCCCCCCC"));
    let tree = with_late(&late, 27);
    let asked = first_day();
    let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    let report = both::verify(&tree, &asked);
    assert_eq!((report.status, report.findings().len()), (0, 0), "{:#}", report.json);
    tree.write_log(&other);
    let report = both::verify(&tree, &asked);
    assert_eq!((report.status, codes(&report)), (1, only("log-unreferenced", "violation")));
}

#[test]
fn a_log_file_of_the_time_is_hashed_whichever_digest_lists_it() {
    let asked = first_day();
    let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    // The digest after the time, which carries the last signature; a later one; the next day's.
    for (late, listed_by) in [(injected(7, 58), 9), (injected(7, 58), 10), (injected(4, 40), 27)] {
        let tree = with_late(&late, listed_by);
        assert_eq!(both::verify(&tree, &asked).status, 0, "{listed_by}");
        tree.write(&late, &gzip(TEXT));
        let report = both::verify(&tree, &asked);
        assert_eq!((report.status, codes(&report)), (1, only("log-modified", "violation")));
    }
}

#[test]
fn a_copy_of_whole_days_may_lack_the_digest_that_lists_a_late_log_file() {
    let late = injected(4, 40);
    let remove = |tree: &Tree, day: &str| {
        for service in ["CloudTrail", "CloudTrail-Digest"] {
            let folder = format!("AWSLogs/{ACCOUNT}/{service}/{REGION}/{day}");
            let _ = fs::remove_dir_all(tree.path(&folder));
        }
    };
    let tree = with_late(&late, 27);
    assert_eq!(tree.verify(&[]).status, 0);
    remove(&tree, "2026/03/02");
    let report = tree.verify(&[]);
    assert_eq!((report.status, codes(&report)), (3, only("log-unreferenced", "incomplete")));
    // A copy that ends within a day is not one of whole days.
    let tree = with_late(&late, 27);
    remove(&tree, "2026/03/02");
    tree.remove(&digest_name(at(23, 0), ChainKind::Standard).to_string());
    let report = tree.verify(&[]);
    assert_eq!((report.status, codes(&report)), (1, only("log-unreferenced", "violation")));
}

#[test]
fn a_log_file_among_the_digests_is_not_passed_over() {
    let tree = Tree::sealed();
    let key = injected(4, 40).replace("/CloudTrail/", "/CloudTrail-Digest/");
    tree.write(&key, &gzip(TEXT));
    let report = both::verify(&tree, &[]);
    assert_eq!((report.status, codes(&report)), (3, only("log-unreferenced", "incomplete")));
    // Nor where there are so many others that these are one finding.
    for n in 0..20 {
        let other = format!("AWSLogs/{ACCOUNT}/CloudTrail-Digest/{REGION}/2026/03/01/{n:02}");
        tree.write(&other, b"x");
    }
    let report = both::verify(&tree, &[]);
    assert_eq!(report.status, 3, "{:?}", codes(&report));
    assert!(codes(&report).contains(&("log-unreferenced".to_owned(), "incomplete".to_owned())));
}

#[test]
fn a_later_day_that_a_link_hides_leaves_both_undecided() {
    let late = injected(4, 40);
    let tree = with_late(&late, 27);
    let asked = first_day();
    let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    let day = tree.path(&format!("AWSLogs/{ACCOUNT}/CloudTrail-Digest/{REGION}/2026/03/02"));
    fs::rename(&day, tree.root().join("elsewhere")).unwrap();
    std::os::unix::fs::symlink("/nonexistent/elsewhere", &day).unwrap();
    for more in [None, Some(log_key_at(at(5, 40), "CloudTrail", "CCCCCCCCCCCCCCCC"))] {
        more.iter().for_each(|key| tree.write_log(key));
        let report = tree.verify(&asked);
        assert_eq!(report.status, 3, "{:#}", report.json["findings"]);
        assert!(report.codes().iter().all(|(code, ..)| code != "log-unreferenced"));
        assert!(report.codes().iter().any(|(code, ..)| code == "object-unreadable"));
    }
}

#[test]
fn names_and_content_of_every_kind_below_a_covered_day() {
    check_names_and_content_of_every_kind_below_a_covered_day(4);
}

#[test]
#[ignore = "slow: 21 names and contents"]
fn names_and_content_of_every_kind_below_a_covered_day_in_every_case() {
    check_names_and_content_of_every_kind_below_a_covered_day(1);
}

fn check_names_and_content_of_every_kind_below_a_covered_day(step: usize) {
    let apple = [&b"\0\x05\x16\x07\0\x02\0\0Mac OS X        "[..], &[0; 60]].concat();
    let whole = gzip(TEXT);
    let log = only("log-unreferenced", "violation");
    let unknown = only("object-unknown", "notice");
    let listed = {
        let tree = Tree::sealed();
        fs::read(tree.path(&log_key(2))).unwrap()
    };
    let stem = injected(4, 40).replace(".json.gz", "");
    let name = |ending: &str| format!("{stem}{ending}");
    let other = |name: &str| folder(&format!("2026/03/01/{name}"));
    for (key, bytes, expected) in [
        (name(".json"), TEXT, &log),
        (name(".json.GZ"), &whole, &log),
        (name(".json.bz2"), b"BZh91AY&SY", &log),
        (name(".json.zst"), b"\x28\xb5\x2f\xfd..", &log),
        (name(".json.snappy"), b"\x10abc", &log),
        (name(""), &whole, &log),
        (name(""), TEXT, &log),
        (other("part-0001"), &whole, &log),
        (other("._x.json.gz"), &whole, &log),
        (folder("2026/03/x.json.gz"), &whole, &log),
        (folder("2026/x.json.gz"), &whole, &log),
        (folder("x.json.gz"), &whole, &log),
        (other("._x.json.gz"), &apple, &unknown),
        (other(".DS_Store"), b"\0\0\0\x01Bud1", &unknown),
        (other("x.json.gz.part"), &whole[..whole.len() - 4], &log),
        (format!("{}.part", log_key(2)), &listed[..listed.len() / 2], &unknown),
        (format!("{}.aBcD1234", log_key(2)), &listed[..listed.len() - 1], &unknown),
        (format!("{}.part", log_key(2)), &whole[..whole.len() - 4], &log),
        (name(".json.Z"), b"\x1f\x9d\x90", &log),
        (other("README"), b"keep", &unknown),
        (other("empty.json.gz"), b"", &unknown),
    ]
    .into_iter()
    .step_by(step)
    {
        let tree = Tree::sealed();
        tree.write(&key, bytes);
        for times in [&[][..], &first_day().each_ref().map(String::as_str)[..]] {
            let report = match key.ends_with(".json") {
                // In a copy it would be the unpacked form of a file that is not there.
                true => both::verify_bucket(&tree, times).unwrap_or_else(|| tree.verify(times)),
                false => both::verify(&tree, times),
            };
            let status = if *expected == log { 1 } else { 0 };
            assert_eq!((report.status, &codes(&report)), (status, expected), "{key}");
        }
    }
}

#[test]
fn files_in_folders_below_a_covered_day_are_found() {
    for sub in ["2026/03/01/sub", "2026/03/01/a/b/c", "2026/03/backup", "2026/13/01", "other"] {
        let tree = Tree::sealed();
        tree.write(&folder(&format!("{sub}/x.json.gz")), &gzip(TEXT));
        for times in [&[][..], &first_day().each_ref().map(String::as_str)[..]] {
            let report = both::verify(&tree, times);
            assert_eq!(report.status, 1, "{sub}");
            let found = codes(&report);
            assert!(found.contains(&("log-unreferenced".into(), "violation".into())), "{sub}");
        }
    }
}

#[test]
fn log_files_beside_the_regions_are_incomplete() {
    let logs = format!("AWSLogs/{ACCOUNT}/CloudTrail");
    let places = ["x.json.gz", "other/2026/03/01/x.json.gz", "US-EAST-1/2026/03/01/x"]
        .map(|place| format!("{logs}/{place}"));
    let above = ["AWSLogs/evil".to_owned(), format!("AWSLogs/{ACCOUNT}/evil.log")];
    for place in places.into_iter().chain(above) {
        let tree = Tree::sealed();
        tree.write(&place, &gzip(TEXT));
        for times in [&[][..], &first_day().each_ref().map(String::as_str)[..]] {
            let report = both::verify(&tree, times);
            assert_eq!(report.status, 3, "{place}");
            assert_eq!(codes(&report), only("log-unreferenced", "incomplete"), "{place}");
        }
        tree.write(&place, b"x");
        assert_eq!(tree.verify(&[]).status, 0, "{place}");
    }
}

#[test]
fn a_name_of_another_time_hides_no_log_file_of_a_region_without_digests() {
    for year in ["2020", "2026"] {
        let tree = Tree::sealed();
        let name =
            format!("{ACCOUNT}_CloudTrail_ap-south-1_{year}0601T0020Z_BBBBBBBBBBBBBBBB.json.gz");
        tree.write(
            &format!("AWSLogs/{ACCOUNT}/CloudTrail/ap-south-1/2026/03/01/{name}"),
            &gzip(TEXT),
        );
        let asked = first_day();
        let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
        assert_eq!(codes(&both::verify(&tree, &asked)), only("no-digests", "incomplete"));
    }
}

#[test]
fn more_beside_the_regions_than_is_opened_is_incomplete() {
    let tree = Tree::sealed();
    let write = |n| tree.write(&format!("AWSLogs/{ACCOUNT}/CloudTrail/other/{n:04}"), b"x");
    (0..999).for_each(write);
    assert_eq!(tree.verify(&[]).status, 0);
    write(999);
    tree.write(&format!("AWSLogs/{ACCOUNT}/CloudTrail/other/9999"), &gzip(TEXT));
    let report = tree.verify(&[]);
    assert_eq!(report.status, 3, "{:#}", report.json["findings"]);
}

#[cfg(feature = "aws")]
#[test]
fn what_cannot_be_read_beside_the_regions_is_incomplete() {
    for place in ["x.json.gz", "other/2026/03/01/x.json.gz"] {
        let tree = Tree::sealed();
        let key = format!("AWSLogs/{ACCOUNT}/CloudTrail/{place}");
        tree.write(&key, &gzip(TEXT));
        let server = bucket::bucket_of(&tree);
        server.fault(&key, server::Fault::Status(403, "AccessDenied"), None);
        let report = bucket::check_bucket(&server, HOURS, &[]);
        let unread = only("object-unreadable", "incomplete");
        assert_eq!(report.status, 3, "{place}");
        assert!(unread.iter().all(|finding| codes(&report).contains(finding)), "{place}");
    }
}

#[test]
fn what_stands_for_metadata_of_a_log_file_is_looked_at() {
    let owner = log_key(2);
    for text in [
        r#"{"Records":[{"eventName":"x"}]}"#.to_owned(),
        r#"{"Metadata":{},"\u0052ecords":[{}]}"#.to_owned(),
        format!(r#"{{"Metadata":{{}}}}{}{{"Records":[]}}"#, " ".repeat(9_000)),
    ] {
        let tree = Tree::sealed();
        tree.write(&format!("{owner}.metadata.json"), text.as_bytes());
        let report = tree.verify(&[]);
        assert_eq!((report.status, codes(&report)), (1, only("log-unreferenced", "violation")));
    }
    let tree = Tree::sealed();
    let printed = r#"{"AcceptRanges":"bytes","ContentLength":1,"Metadata":{"x":"y"}}"#;
    tree.write(&format!("{owner}.metadata.json"), printed.as_bytes());
    assert_eq!((tree.verify(&[]).status, codes(&tree.verify(&[]))), (0, vec![]));
}

#[test]
fn a_copy_of_a_listed_log_file_is_a_notice_that_names_it() {
    let original = log_key(2);
    let stem = original.replace(".json.gz", "");
    let name = original.rsplit_once('/').unwrap().1;
    let body = {
        let tree = Tree::sealed();
        fs::read(tree.path(&original)).unwrap()
    };
    for copy in [
        format!("{stem} (1).json.gz"),
        format!("{stem}-copy.gz"),
        folder(&format!("2026/03/01/copy of {name}")),
        folder(&format!("2026/03/01/old/{name}")),
        folder(&format!("2026/03/{name}")),
    ] {
        let tree = Tree::sealed();
        tree.write(&copy, &body);
        let report = both::verify(&tree, &[]);
        let found: Vec<_> =
            report.findings().iter().filter(|f| f["code"] == "log-unreferenced").collect();
        assert_eq!((report.status, found.len()), (0, 1), "{copy} {:#}", report.json["findings"]);
        assert_eq!(
            (&found[0]["severity"], &found[0]["expected"]),
            (&"notice".into(), &original.as_str().into())
        );
        // Any other content under that name is no copy.
        tree.write(&copy, &gzip(TEXT));
        assert_eq!(both::verify(&tree, &[]).status, 1, "{copy}");
    }
}

#[test]
fn a_copy_of_a_log_file_that_a_later_digest_lists_is_a_notice() {
    // Of the hours asked for, no digest lists the original.
    let tree = Tree::sealed();
    let copy = log_key(5).replace(".json.gz", " (1).json.gz");
    fs::copy(tree.path(&log_key(5)), tree.path(&copy)).unwrap();
    let end = at(5, 0).to_string();
    let report = both::verify(&tree, &["--end-time", &end]);
    assert_eq!((report.status, codes(&report)), (0, only("log-unreferenced", "notice")));
}

#[test]
fn a_copy_of_an_injected_log_file_is_injected_too() {
    let tree = Tree::sealed();
    let injected = log_key_at(at(4, 40), "CloudTrail", "BBBBBBBBBBBBBBBB");
    tree.write(&injected, &gzip(TEXT));
    tree.write(&injected.replace(".json.gz", " (1).json.gz"), &gzip(TEXT));
    let report = both::verify(&tree, &[]);
    assert_eq!(report.status, 1);
    assert_eq!(report.json["totals"]["logs"]["unreferenced"], 2, "{:#}", report.json["findings"]);
}

#[test]
fn a_name_that_contradicts_its_folder_is_judged_by_the_folder() {
    // In the folder of the first day, named up to a day outside of the requested hours.
    for time in [at(-23, 0), at(-12, 0), at(-1, 30), at(24, 30), at(47, 0)] {
        let outside = log_key_at(time, "CloudTrail", "BBBBBBBBBBBBBBBB");
        let name = outside.rsplit_once('/').unwrap().1;
        let tree = Tree::sealed();
        tree.write(&folder(&format!("2026/03/01/{name}")), &gzip(TEXT));
        for times in [&[][..], &first_day().each_ref().map(String::as_str)[..]] {
            let report = both::verify(&tree, times);
            let found = codes(&report);
            assert_eq!(
                (report.status, found),
                (1, only("log-unreferenced", "violation")),
                "{time}"
            );
        }
    }
}

#[test]
fn another_trails_gap_lifts_nothing() {
    let tree = Tree::sealed();
    let mut other = seal_request(3);
    other.trail = TrailName::parse("other").unwrap();
    tree.seal_as(&other).unwrap();
    other.start = Some(at(6, 0));
    other.end = at(HOURS.into(), 0);
    other.now = at(HOURS.into(), 5);
    // A new segment after three hours: the digest before it is put aside while it is sealed.
    let aside: Vec<_> = (1..=3)
        .map(|end| {
            let mut name = digest_name(at(end, 0), ChainKind::Standard);
            name.trail = other.trail.clone();
            let key = name.to_string();
            let files = [tree.path(&key), tree.sidecar(&key)];
            files.map(|path| {
                let body = fs::read(&path).unwrap();
                fs::remove_file(&path).unwrap();
                (path, body)
            })
        })
        .collect();
    tree.seal_as(&other).unwrap();
    for (path, body) in aside.into_iter().flatten() {
        fs::write(path, body).unwrap();
    }
    let gap = format!("{}/{}=maintenance", at(3, 0), at(6, 0));
    let report = both::verify(&tree, &["--accept-gap", &gap]);
    assert_eq!(report.status, 0, "{:#}", report.json["findings"]);
    tree.write_log(&injected(4, 20));
    let report = both::verify(&tree, &["--accept-gap", &gap]);
    assert!(codes(&report).contains(&("log-unreferenced".into(), "violation".into())));
    assert_eq!(report.status, 1);
}

/// Log files in a gap of the hourly digests, one of which a backfill digest lists that is consulted
/// for the rest: its time, which has the whole gap in it, is no proof that digests cover the rest.
#[test]
fn a_backfill_digest_that_is_consulted_covers_no_gap() {
    let tree = Tree::sealed();
    for hour in 1..=HOURS {
        tree.remove(&digest_key(hour));
    }
    let hours = |from: i64, to: i64| (from..=to).map(|hour| at(hour, 0)).collect::<Vec<_>>();
    AUDIT.segment(&tree, &hours(0, 2));
    AUDIT.segment(&tree, &hours(6, HOURS.into()));
    let asked = ["--start-time", &at(1, 0).to_string(), "--end-time", &at(7, 0).to_string()];
    let uncovered = |files: &str| {
        let report = both::verify(&tree, &asked);
        let expected = [only("log-uncovered", "notice"), only("chain-gap", "incomplete")];
        assert_eq!(codes(&report), expected.concat());
        let message = report.json["findings"][0]["message"].as_str().unwrap();
        assert!(message.starts_with(files), "{message}");
        assert_eq!(report.status, 3);
    };
    let backfill = |start: i64, end: i64, log_files: Vec<LogEntry>| {
        let draft = Draft {
            name: digest_name(at(end, 0), ChainKind::Backfill),
            bucket: BucketName::parse(BUCKET).unwrap(),
            start: at(start, 0),
            previous: None,
            log_files,
            made: at(end, 0),
        };
        tree.put(&draft.seal(key()).unwrap());
    };
    // The first that reaches the end of the requested time is asked for, the next is consulted.
    backfill(7, 8, Vec::new());
    uncovered("3 log files");
    backfill(2, 12, vec![entry(&tree, &log_key(4))]);
    uncovered("2 log files");
}

#[test]
fn many_strays_are_reported_together() {
    let tree = Tree::sealed();
    for n in 0..300 {
        tree.write(&folder(&format!("2026/03/01/stray-{n:04}.gz")), &gzip(TEXT));
        tree.write(&folder(&format!("2026/03/01/note-{n:04}.txt")), b"x");
    }
    let report = both::verify(&tree, &[]);
    let found = report.codes();
    assert_eq!(report.status, 1);
    assert_eq!(found.iter().filter(|f| f.0 == "log-unreferenced").count(), 201);
    assert_eq!(found.iter().filter(|f| f.0 == "object-unknown").count(), 1);
    assert_eq!(report.json["totals"]["logs"]["unreferenced"], 300);
}

#[test]
fn a_folder_of_log_files_that_cannot_be_listed_is_trouble_without_digests_too() {
    let tree = Tree::sealed();
    let logs = tree.path(&format!("AWSLogs/{ACCOUNT}/CloudTrail/eu-west-1/2026"));
    fs::create_dir_all(logs.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink("/nonexistent/elsewhere", &logs).unwrap();
    let report = tree.verify(&[]);
    assert_eq!((report.status, codes(&report)), (3, only("object-unreadable", "incomplete")));
}

#[cfg(feature = "aws")]
mod in_a_bucket {
    use super::*;
    use crate::common::bucket::{bucket_of, check_bucket, report_of, run};
    use crate::common::server::Fault;
    use jiff::{SignedDuration, Timestamp};

    const DENIED: Fault = Fault::Status(403, "AccessDenied");

    #[test]
    fn a_later_day_that_is_denied_leaves_it_undecided() {
        let late = injected(4, 40);
        let tree = with_late(&late, 27);
        for more in [None, Some(log_key_at(at(5, 40), "CloudTrail", "CCCCCCCCCCCCCCCC"))] {
            more.iter().for_each(|key| tree.write_log(key));
            let server = bucket_of(&tree);
            server.modified(BUCKET, &late, at(26, 30));
            let whole = check_bucket(&server, HOURS, &[]);
            assert_eq!(whole.status, u8::from(more.is_some()), "{:#}", whole.json["findings"]);
            server.fault("list:CloudTrail-Digest/us-east-1/2026/03/02", DENIED, None);
            let report = check_bucket(&server, HOURS, &[]);
            assert_eq!(report.status, 3, "{:#}", report.json["findings"]);
            assert!(report.codes().iter().all(|(code, ..)| code != "log-unreferenced"));
        }
    }

    #[test]
    fn an_unreadable_backfill_digest_is_a_doubt() {
        let tree = Tree::sealed();
        let late = injected(2, 40);
        tree.write_log(&late);
        tree.seal(9).unwrap();
        let server = bucket_of(&tree);
        assert_eq!(check_bucket(&server, 9, &[]).status, 0);
        server.fault("_backfill", DENIED, None);
        let report = check_bucket(&server, 9, &[]);
        assert_eq!(report.status, 3, "{:#}", report.json["findings"]);
        assert!(report.codes().iter().all(|(code, ..)| code != "log-unreferenced"));
    }

    #[test]
    fn a_region_without_digests_whose_log_files_are_denied_is_incomplete() {
        let tree = Tree::sealed();
        tree.write_log(&log_key(2).replace(REGION, "eu-west-1"));
        let server = bucket_of(&tree);
        server.fault("list:CloudTrail/eu-west-1/", DENIED, None);
        let report = check_bucket(&server, HOURS, &[]);
        assert_eq!(report.status, 3);
        assert!(codes(&report).contains(&("object-unreadable".into(), "incomplete".into())));
    }

    #[test]
    fn a_time_of_writing_never_lowers_suspicion() {
        let forged = injected(4, 40);
        let tree = Tree::sealed();
        tree.write_log(&forged);
        tree.seal(20).unwrap_or_else(|error| panic!("{error}"));
        // The backfill digest that takes it in is not part of the case.
        for key in common::files_of(tree.root()).keys().filter(|key| key.contains("_backfill")) {
            let _ = fs::remove_file(tree.root().join(key));
        }
        let server = bucket_of(&tree);
        for (written, status) in [
            (at(4, 41), 1),
            (at(12, 0), 1),
            (at(19, 50), 3), // so near the end of the newest digest that it may be after it
            (at(21, 0), 3),
            (at(24 * 20, 0), 3),
            (at(24 * 40, 0), 1),
            (at(1, 0), 1),
        ] {
            server.modified(BUCKET, &forged, written);
            for hours in [20, 8] {
                let report = check_bucket(&server, hours, &[]);
                assert_eq!(report.status, status, "{written} {hours}");
                let keys: Vec<_> = report.codes().into_iter().map(|(_, _, key)| key).collect();
                assert_eq!(keys, std::slice::from_ref(&forged), "the key is named");
            }
        }
    }

    /// A chain that reaches up to an hour that ended some minutes ago.
    #[test]
    fn what_is_fresh_is_pending_and_no_more() {
        let now = Timestamp::now();
        let end = Timestamp::from_second(now.as_second().div_euclid(3600) * 3600).unwrap();
        let before = |minutes: i64| end - SignedDuration::from_mins(minutes);
        let tree = Tree::empty();
        let mut request = seal_request(HOURS.into());
        (request.start, request.end, request.now) = (Some(before(6 * 60)), end, now);
        tree.seal_as(&request).unwrap();
        for (named, written, status) in [
            (before(5), now, 0),
            (before(55), now, 0),
            (before(65), now, 3),
            (before(180), now, 3),
            (before(180), before(175), 1),
            (before(20), before(18), 1),
        ] {
            let server = bucket_of(&tree);
            let fresh = log_key_at(named, "CloudTrail", "BBBBBBBBBBBBBBBB");
            let body = gzip(TEXT);
            server.put(BUCKET, &fresh, body, &[]);
            server.modified(BUCKET, &fresh, written);
            let source = format!("s3://{BUCKET}");
            for times in [&["--start-time", "5h"][..], &[]] {
                let args = [&["verify", &source, "--format", "json"], times].concat();
                let report = report_of(&run(&server, &args));
                let found = &report.json["findings"];
                assert_eq!(report.status, status, "{named} {written} {found:#}");
            }
        }
    }
}
