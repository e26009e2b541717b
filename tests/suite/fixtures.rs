//! One defect, one fixture, one expected code, and nothing else found. Each says which hours are
//! no longer proven. Each is verified as a directory and as a bucket, and holds for both if it does
//! not say why not.

use crate::common;
use crate::common::both;
use crate::common::both::verify;
use crate::common::{
    ACCOUNT, BUCKET, HOURS, REGION, Report, Tree, at, backfill_key, digest_key, draft, gunzip,
    gzip, key, log_key, log_key_at, objects,
};
use trailseal::internals::crypto::{Validity, render_public_keys};
use trailseal::internals::model::{ChainKind, LogEntry, Sha256Hash};

/// What a fixture comes to: exit status, coverage by hour, and code with key of each finding.
struct Expected<'a> {
    status: u8,
    hours: &'a str,
    found: Vec<(&'a str, String)>,
}

impl Expected<'_> {
    fn is(&self, report: &Report) {
        let mut found: Vec<_> =
            report.codes().into_iter().map(|(code, _, key)| (code, key)).collect();
        let mut wanted: Vec<_> =
            self.found.iter().map(|(code, key)| ((*code).to_owned(), key.clone())).collect();
        found.sort();
        wanted.sort();
        assert_eq!(found, wanted, "{:#}", report.json["findings"]);
        assert_eq!(report.hours(), self.hours);
        assert_eq!(report.status, self.status);
    }
}

/// Where a fixture holds.
enum Stores<'a> {
    Both,
    /// By nature, this bucket comes to something else: why, and to what.
    Otherwise(&'static str, Expected<'a>),
    /// There is no such bucket: why.
    DirectoryOnly(&'static str),
}

fn expect(tree: &Tree, args: &[&str], expected: Expected<'_>) {
    expect_in(&Stores::Both, tree, args, &expected);
}

fn expect_in(stores: &Stores<'_>, tree: &Tree, args: &[&str], expected: &Expected<'_>) {
    match stores {
        Stores::Both => expected.is(&verify(tree, args)),
        Stores::Otherwise(_why, in_a_bucket) => {
            expected.is(&tree.verify(args));
            both::verify_bucket(tree, args).iter().for_each(|report| in_a_bucket.is(report));
        }
        Stores::DirectoryOnly(_why) => expected.is(&tree.verify(args)),
    }
}

const A_FOLDER: Stores<'_> = Stores::DirectoryOnly("a folder in place of a file");
const A_SIDECAR: Stores<'_> = Stores::DirectoryOnly("metadata in a file of its own");
/// Why a signature that is nowhere is a violation.
const NO_COPY: &str = "a bucket loses no metadata";

const GZIPPED: &str = "a bucket's objects are as CloudTrail stored them";

fn verified() -> Expected<'static> {
    Expected { status: 0, hours: "PPPPPPPP", found: vec![] }
}

macro_rules! fixture {
    ($name:ident, |$tree:ident| $damage:expr, $status:literal, $hours:literal, $found:tt) => {
        fixture!($name, |$tree| $damage, $status, $hours, $found, Stores::Both);
    };
    (
        $name:ident, |$tree:ident| $damage:expr, $status:literal, $hours:literal,
        [$($found:expr),*], $stores:expr
    ) => {
        #[test]
        fn $name() {
            let $tree = Tree::sealed();
            let () = $damage;
            let found = vec![$($found),*];
            let expected = Expected { status: $status, hours: $hours, found };
            expect_in(&$stores, &$tree, &[], &expected);
        }
    };
}

fixture!(nothing_wrong, |tree| (), 0, "PPPPPPPP", []);

// Log files.

fixture!(
    log_missing,
    |tree| tree.remove(&log_key(2)),
    1,
    "PPVPPPPP",
    [("log-missing", log_key(2))]
);
fixture!(
    log_modified,
    |tree| tree.rewrite(&log_key(2), "eventID", "eventId"),
    1,
    "PPVPPPPP",
    [("log-modified", log_key(2))]
);
fixture!(
    log_flipped_byte,
    |tree| tree.change(&log_key(2), |b| {
        let middle = b.len() / 2;
        b[middle] ^= 1
    }),
    1,
    "PPVPPPPP",
    [("log-malformed", log_key(2))]
);
fixture!(
    log_wrong_crc,
    |tree| tree.change(&log_key(2), |b| {
        let n = b.len();
        b[n - 8] ^= 1
    }),
    1,
    "PPVPPPPP",
    [("log-malformed", log_key(2))]
);
fixture!(
    log_wrong_length,
    |tree| tree.change(&log_key(2), |b| {
        let n = b.len();
        b[n - 1] ^= 1
    }),
    1,
    "PPVPPPPP",
    [("log-malformed", log_key(2))]
);
fixture!(
    log_trailer_cut_off,
    |tree| tree.change(&log_key(2), |b| b.truncate(b.len() - 8)),
    1,
    "PPVPPPPP",
    [("log-malformed", log_key(2))]
);
fixture!(
    log_empty,
    |tree| tree.change(&log_key(2), Vec::clear),
    1,
    "PPVPPPPP",
    [("log-malformed", log_key(2))]
);
fixture!(
    log_not_gzip,
    |tree| tree.write(&log_key(2), b"PK\x03\x04"),
    1,
    "PPVPPPPP",
    [("log-malformed", log_key(2))]
);
fixture!(
    log_trailing_data,
    |tree| tree.change(&log_key(2), |b| b.push(0)),
    1,
    "PPVPPPPP",
    [("log-trailing-data", log_key(2))]
);
fixture!(
    log_second_member,
    |tree| tree.change(&log_key(2), |b| b.extend(gzip(b"{}"))),
    1,
    "PPVPPPPP",
    [("log-trailing-data", log_key(2))]
);
fixture!(
    log_unreferenced,
    |tree| tree.write_log(&injected(4)),
    1,
    "PPPPPPPP",
    [("log-unreferenced", injected(4))]
);
fixture!(
    log_unreferenced_in_an_empty_hour,
    |tree| tree.write_log(&injected(3)),
    1,
    "PPPPPPPP",
    [("log-unreferenced", injected(3))]
);
fixture!(
    log_unreferenced_under_a_name_of_no_form,
    |tree| tree.write(&nameless(), &gzip(b"{}")),
    1,
    "PPPPPPPP",
    [("log-unreferenced", nameless())]
);
fixture!(
    log_unreferenced_that_claims_a_later_day,
    |tree| tree.write_log(&claims_later()),
    1,
    "PPPPPPPP",
    [("log-unreferenced", claims_later())]
);
fixture!(
    log_of_a_kind_that_no_digest_lists,
    |tree| tree.write_log(&log_key_at(at(4, 40), "CloudTrail-Insight", "CCCCCCCCCCCCCCCC")),
    0,
    "PPPPPPPP",
    [("log-uncovered", format!("AWSLogs/{ACCOUNT}/CloudTrail-Insight/{REGION}/"))]
);
fixture!(
    log_before_the_first_digest,
    |tree| tree.write_log(&log_key_at(at(-3, 20), "CloudTrail", "BBBBBBBBBBBBBBBB")),
    0,
    "PPPPPPPP",
    [("log-uncovered", format!("AWSLogs/{ACCOUNT}/"))]
);
fixture!(
    log_long_after_the_newest_digest,
    |tree| tree.write_log(&log_key_at(at(13, 20), "CloudTrail", "BBBBBBBBBBBBBBBB")),
    0,
    "PPPPPPPP",
    [("log-uncovered", format!("AWSLogs/{ACCOUNT}/"))],
    Stores::Otherwise("an end is asked for, and it lies after it", verified())
);
fixture!(
    log_whose_digest_is_not_due_yet,
    |tree| tree.write_log(&log_key_at(at(8, 20), "CloudTrail", "BBBBBBBBBBBBBBBB")),
    0,
    "PPPPPPPP",
    []
);
fixture!(
    log_delivered_just_after_the_newest_digest,
    |tree| tree.write_log(&log_key_at(at(7, 55), "CloudTrail", "BBBBBBBBBBBBBBBB")),
    0,
    "PPPPPPPP",
    []
);
fixture!(
    log_that_is_a_directory,
    |tree| {
        tree.remove(&log_key(2));
        std::fs::create_dir(tree.path(&log_key(2))).unwrap();
    },
    3,
    "PPUPPPPP",
    [("object-unknown", format!("{}/", log_key(2))), ("object-unreadable", log_key(2))],
    A_FOLDER
);

// Digests, each on its own.

fixture!(
    digest_modified,
    |tree| tree.rewrite(&digest_key(5), "CloudTrail/", "CloudTroll/"),
    1,
    "PPPPVPPP",
    // It claims another log file now, and the true one is listed by nothing that is valid.
    [("digest-modified", digest_key(5)), ("log-uncovered", format!("AWSLogs/{ACCOUNT}/"))]
);
fixture!(
    digest_modified_when_empty,
    |tree| tree.rewrite(&digest_key(4), "\"logFiles\"", " \"logFiles\""),
    1,
    "PPPVPPPP",
    [("digest-modified", digest_key(4))]
);
fixture!(
    digest_signature_altered,
    |tree| alter_signature(&tree, 4),
    1,
    "PPPVPPPP",
    [("digest-modified", digest_key(4))]
);
fixture!(
    digest_signature_altered_on_the_newest,
    |tree| alter_signature(&tree, 8),
    1,
    "PPPPPPPV",
    [("digest-modified", digest_key(8))]
);
fixture!(
    digest_signature_in_capitals,
    |tree| {
        let text = std::fs::read_to_string(tree.sidecar(&digest_key(4))).unwrap();
        let at = text.find("\"signature\": \"").unwrap() + 14;
        let upper = text[..at].to_owned() + &text[at..at + 512].to_uppercase() + &text[at + 512..];
        std::fs::write(tree.sidecar(&digest_key(4)), upper).unwrap();
    },
    1,
    "PPPVPPPP",
    [("digest-modified", digest_key(4))]
);
fixture!(
    digest_metadata_names_another_algorithm,
    |tree| tree.change_metadata(&digest_key(4), "SHA256withRSA", "SHA1withRSA"),
    1,
    "PPPVPPPP",
    [("digest-malformed", digest_key(4))]
);
fixture!(
    digest_not_gzip,
    |tree| tree.write(&digest_key(4), b"%PDF-1.7"),
    1,
    "PPPVPPPP",
    [("digest-malformed", digest_key(4))]
);
fixture!(
    digest_cut_off,
    |tree| tree.change(&digest_key(4), |b| b.truncate(60)),
    1,
    "PPPVPPPP",
    [("digest-malformed", digest_key(4))]
);
fixture!(
    digest_not_json,
    |tree| tree.write(&digest_key(4), &gzip(b"<xml/>")),
    1,
    "PPPVPPPP",
    [("digest-malformed", digest_key(4))]
);
fixture!(
    digest_without_a_field,
    |tree| tree.rewrite(&digest_key(4), "\"newestEventTime\":null,", ""),
    1,
    "PPPVPPPP",
    [("digest-malformed", digest_key(4))]
);
fixture!(
    digest_with_a_field_twice,
    |tree| tree.rewrite(&digest_key(4), "{", "{\"digestS3Bucket\":\"audit-logs\","),
    1,
    "PPPVPPPP",
    [("digest-malformed", digest_key(4))]
);
fixture!(
    digest_of_another_algorithm,
    |tree| tree.rewrite(&digest_key(4), "SHA256withRSA", "MD5withRSA"),
    1,
    "PPPVPPPP",
    [("digest-malformed", digest_key(4))]
);
fixture!(
    digest_very_deep,
    |tree| {
        let deep = format!("{{\"x\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        tree.write(&digest_key(4), &gzip(deep.as_bytes()));
    },
    1,
    "PPPVPPPP",
    [("digest-malformed", digest_key(4))]
);
/// The limit is named, and not what the JSON of such a digest would be: it is never read to its end.
#[test]
fn digest_bomb() {
    let tree = Tree::sealed();
    tree.write(&digest_key(4), &gzip(&vec![0; 130 << 20]));
    for report in both::each(&tree, &[]) {
        let found = vec![("digest-malformed", digest_key(4))];
        Expected { status: 1, hours: "PPPVPPPP", found }.is(&report);
        let finding = &report.findings()[0];
        let said = finding["message"].as_str().unwrap().to_owned() + &finding["actual"].to_string();
        assert!(said.contains("it inflates to more than"), "{finding:#}");
    }
}
fixture!(
    digest_trailing_data,
    |tree| tree.change(&digest_key(4), |b| b.extend(b"x")),
    1,
    "PPPVPPPP",
    [("digest-trailing-data", digest_key(4))]
);
fixture!(
    digest_moved_over_another,
    |tree| {
        for suffix in ["", ".metadata.json"] {
            let path = |n| tree.path(&format!("{}{suffix}", digest_key(n)));
            std::fs::copy(path(3), path(4)).unwrap();
        }
    },
    1,
    "PPPVPPPP",
    [("digest-moved", digest_key(4))]
);
fixture!(
    digest_of_another_bucket,
    |tree| tree.rewrite(&digest_key(4), "audit-logs", "other-logs"),
    1,
    "PPPVPPPP",
    [("digest-moved", digest_key(4))]
);
fixture!(
    digest_of_another_account,
    |tree| tree.rewrite(&digest_key(4), ACCOUNT, "999922223333"),
    1,
    "PPPVPPPP",
    [("digest-moved", digest_key(4))]
);
fixture!(
    digest_that_is_a_directory,
    |tree| {
        tree.remove(&digest_key(4));
        std::fs::create_dir(tree.path(&digest_key(4))).unwrap();
    },
    3,
    "PPPUPPPP",
    [("object-unknown", format!("{}/", digest_key(4))), ("object-unreadable", digest_key(4))],
    A_FOLDER
);

// Digests in a copy that lost the metadata.

fixture!(
    plain_copy,
    |tree| tree.lose_all_metadata(),
    3,
    "PPPPPPPU",
    [("digest-unsigned", digest_key(8))],
    Stores::Otherwise(
        NO_COPY,
        Expected {
            status: 1,
            hours: "PPPPPPPV",
            found: (1..=8).map(|hour| ("digest-unsigned", digest_key(hour))).collect()
        }
    )
);
fixture!(
    one_without_metadata,
    |tree| tree.lose_metadata(&digest_key(4)),
    0,
    "PPPPPPPP",
    [],
    Stores::Otherwise(
        NO_COPY,
        Expected { status: 0, hours: "PPPPPPPP", found: vec![("digest-unsigned", digest_key(4))] }
    )
);
fixture!(
    plain_copy_with_a_modified_digest,
    |tree| {
        tree.lose_all_metadata();
        tree.rewrite(&digest_key(4), "\"logFiles\"", " \"logFiles\"");
    },
    1,
    "PPPVPPPU",
    [("digest-modified", digest_key(4)), ("digest-unsigned", digest_key(8))],
    Stores::Otherwise(
        NO_COPY,
        Expected {
            status: 1,
            hours: "PPPVPPPV",
            found: (1..=8)
                .map(|hour| match hour {
                    4 => ("digest-modified", digest_key(4)),
                    _ => ("digest-unsigned", digest_key(hour)),
                })
                .collect()
        }
    )
);
fixture!(
    metadata_that_cannot_be_read_is_made_good_by_the_successor,
    |tree| std::fs::write(tree.sidecar(&digest_key(4)), "{").unwrap(),
    0,
    "PPPPPPPP",
    [("object-unreadable", digest_key(4))],
    A_SIDECAR
);
fixture!(
    metadata_of_the_newest_that_cannot_be_read,
    |tree| std::fs::write(tree.sidecar(&digest_key(8)), "{").unwrap(),
    3,
    "PPPPPPPU",
    [("digest-unsigned", digest_key(8))],
    A_SIDECAR
);

// Digests that are gone.

fixture!(
    digest_missing,
    |tree| tree.remove(&digest_key(4)),
    1,
    "PPPVPPPP",
    [("digest-missing", digest_key(4))]
);
fixture!(
    digest_missing_whose_metadata_is_left,
    |tree| std::fs::remove_file(tree.path(&digest_key(4))).unwrap(),
    1,
    "PPPVPPPP",
    [("digest-missing", digest_key(4))]
);
fixture!(
    newest_digest_gone_whose_metadata_is_left,
    |tree| std::fs::remove_file(tree.path(&digest_key(8))).unwrap(),
    0,
    "PPPPPPP",
    [("object-unknown", format!("{}.metadata.json", digest_key(8)))],
    A_SIDECAR
);
fixture!(
    first_digest_missing,
    |tree| tree.remove(&digest_key(1)),
    1,
    "VPPPPPPP",
    [
        ("digest-missing", digest_key(1)),
        ("log-uncovered", format!("AWSLogs/{ACCOUNT}/")),
        ("loss-pattern", format!("AWSLogs/{ACCOUNT}/"))
    ]
);
fixture!(
    three_digests_missing_in_a_row,
    |tree| for n in [3, 4, 5] {
        tree.remove(&digest_key(n))
    },
    1,
    "PPVVVPPP",
    [
        ("digest-missing", digest_key(3)),
        ("digest-missing", digest_key(4)),
        ("digest-missing", digest_key(5)),
        ("log-uncovered", format!("AWSLogs/{ACCOUNT}/"))
    ]
);
fixture!(
    two_missing_apart,
    |tree| for n in [4, 6] {
        tree.remove(&digest_key(n))
    },
    1,
    "PPPVPVPP",
    [
        ("digest-missing", digest_key(4)),
        ("digest-missing", digest_key(6)),
        ("log-uncovered", format!("AWSLogs/{ACCOUNT}/"))
    ]
);
fixture!(
    digest_and_its_log_missing,
    |tree| {
        tree.remove(&digest_key(5));
        tree.remove(&log_key(4))
    },
    1,
    "PPPPVPPP",
    [("digest-missing", digest_key(5))]
);
fixture!(
    digest_renamed_to_what_it_is_not,
    |tree| std::fs::rename(tree.path(&digest_key(4)), tree.path(&odd_name())).unwrap(),
    1,
    "PPPVPPPP",
    [("digest-missing", digest_key(4)), ("object-unknown", odd_name())]
);

fn injected(hour: i64) -> String {
    log_key_at(at(hour, 40), "CloudTrail", "BBBBBBBBBBBBBBBB")
}

fn nameless() -> String {
    log_key(2).replace("_us-east-1_", "_")
}

/// In the folder of a covered day, under a name that says it is not due yet.
fn claims_later() -> String {
    injected(4).replace("20260301T", "20300301T")
}

fn odd_name() -> String {
    digest_key(4).replace("audit_trail", "!")
}

fn alter_signature(tree: &Tree, hour: u8) {
    let text = std::fs::read_to_string(tree.sidecar(&digest_key(hour))).unwrap();
    let at = text.find("\"signature\": \"").unwrap() + 14;
    let other = if &text[at..=at] == "0" { "1" } else { "0" };
    std::fs::write(
        tree.sidecar(&digest_key(hour)),
        text[..at].to_owned() + other + &text[at + 1..],
    )
    .unwrap();
}

// Links and time: validly signed digests that do not fit together.

fixture!(
    fork_two_successors,
    |tree| {
        let previous = tree.previous(&digest_key(4));
        tree.put(&draft(at(4, 0), at(4, 30), Some(previous)).seal(key()).unwrap());
    },
    1,
    "PPPPVPPP",
    [("digest-fork", digest_key(5))]
);
fixture!(
    overlapping_segment,
    |tree| {
        tree.put(&draft(at(4, 30), at(5, 30), None).seal(key()).unwrap());
    },
    1,
    "PPPPVVPP",
    [("digest-fork", half_past_five())]
);
fixture!(
    restart_within_the_last_digests_time,
    |tree| {
        let first = draft(at(4, 30), at(5, 30), None).seal(key()).unwrap();
        tree.put(&first);
        let mut previous = first.head.previous;
        for hour in [6, 7, 8] {
            let start = if hour == 6 { at(5, 30) } else { at(i64::from(hour) - 1, 0) };
            let mut next = draft(start, at(hour.into(), 0), Some(previous));
            next.log_files = tree.digest(&digest_key(hour)).log_files;
            let sealed = next.seal(key()).unwrap();
            tree.put(&sealed);
            previous = sealed.head.previous;
        }
    },
    3,
    "PPPPPPPP",
    [("chain-gap", half_past_five())]
);
fixture!(
    chain_broken_by_a_wrong_hash,
    |tree| tree.reseal(5, |draft| {
        draft.previous.as_mut().unwrap().hash = Sha256Hash::of(b"another");
    }),
    1,
    "PPPPVPPP",
    [("chain-broken", digest_key(5))]
);
fixture!(
    chain_broken_by_a_wrong_signature,
    |tree| tree.reseal(5, |draft| {
        draft.previous.as_mut().unwrap().signature = "00".repeat(256);
    }),
    1,
    "PPPPVPPP",
    [("chain-broken", digest_key(5))]
);
fixture!(
    chain_broken_by_a_predecessor_that_is_no_digest,
    |tree| tree.reseal(5, |draft| {
        draft.previous.as_mut().unwrap().object = "AWSLogs/nothing".into();
    }),
    1,
    "PPPPVPPP",
    [("chain-broken", digest_key(5))]
);
fixture!(
    chain_broken_by_a_predecessor_that_is_later,
    |tree| tree.reseal(5, |draft| {
        draft.previous.as_mut().unwrap().object = digest_key(7);
    }),
    1,
    "PPPPVPPP",
    [("chain-broken", digest_key(5))]
);
fixture!(
    chain_broken_by_itself,
    |tree| tree.reseal(5, |draft| {
        draft.previous.as_mut().unwrap().object = digest_key(5);
    }),
    1,
    "PPPPVPPP",
    [("chain-broken", digest_key(5))]
);
fixture!(
    times_that_do_not_meet,
    |tree| tree.reseal(4, |draft| draft.start = at(3, 30)),
    3,
    "PPPGPPPP",
    [("chain-gap", String::new())]
);
fixture!(
    a_new_segment_after_a_gap,
    |tree| {
        tree.remove(&digest_key(4));
        tree.reseal(5, |draft| draft.previous = None);
    },
    3,
    "PPPGPPPP",
    [("chain-gap", digest_key(5))]
);
fixture!(
    a_new_segment_without_a_gap,
    |tree| tree.reseal(5, |draft| draft.previous = None),
    0,
    "PPPPPPPP",
    [("chain-gap", digest_key(5))]
);

fn half_past_five() -> String {
    common::digest_name(at(5, 30), ChainKind::Standard).to_string()
}

#[test]
fn a_log_in_another_bucket_is_unreadable_and_not_missing() {
    let tree = Tree::sealed();
    tree.reseal(6, |draft| {
        draft.log_files.push(LogEntry {
            bucket: "former-bucket".into(),
            object: log_key(5).into(),
            hash: Sha256Hash::of(b""),
            newest: None,
            oldest: None,
        });
    });
    let found = vec![("object-unreadable", log_key(5))];
    expect(&tree, &[], Expected { status: 3, hours: "PPPPPUPP", found });
}

#[test]
fn the_newest_digests_missing_is_found_where_an_end_is_asked_for() {
    let tree = Tree::sealed();
    for hour in [6, 7, 8] {
        tree.remove(&digest_key(hour));
        tree.remove(&log_key(hour - 1));
    }
    let end = at(8, 0).to_string();
    let found = vec![("chain-truncated", digest_key(5))];
    let expected = Expected { status: 1, hours: "PPPPPVVV", found };
    expect(&tree, &["--end-time", &end], expected);
    // Within the grace the copy may have been made too early, but a bucket is what it is now.
    let found = vec![("chain-truncated", digest_key(5))];
    let expected = Expected { status: 3, hours: "PPPPPGGG", found };
    let found = vec![("chain-truncated", digest_key(5))];
    let in_a_bucket = Expected { status: 1, hours: "PPPPPVVV", found };
    let stores = Stores::Otherwise("it is later than the grace", in_a_bucket);
    expect_in(&stores, &tree, &["--end-time", &end, "--grace", "3h"], &expected);
    // Nothing asked for, nothing missed: the report's not_proven says so.
    expect(&tree, &[], Expected { status: 0, hours: "PPPPP", found: vec![] });
}

#[test]
fn a_start_before_the_first_digest_is_late() {
    let tree = Tree::sealed();
    let report = verify(&tree, &["--start-time", "2026-02-28T22:00:00Z"]);
    let codes: Vec<_> = report.codes().into_iter().map(|(code, ..)| code).collect();
    assert_eq!((codes, report.status), (vec!["chain-late-start".to_owned()], 3));
    let gap = &report.json["chains"][0]["coverage"][0];
    assert_eq!((&gap["state"], &gap["end"]), (&"gap".into(), &at(0, 0).to_string().into()));
}

#[test]
fn a_requested_time_is_accounted_for_and_no_more() {
    let tree = Tree::sealed();
    tree.remove(&digest_key(2)); // before
    tree.remove(&log_key(6)); // after
    let (start, end) = (at(2, 0).to_string(), at(6, 0).to_string());
    let report = verify(&tree, &["--start-time", &start, "--end-time", &end]);
    assert_eq!((report.status, report.hours().as_str()), (0, "..PPPP"), "{:#}", report.json);
    assert_eq!(report.count("digests", "valid"), 4);
    assert_eq!(report.count("logs", "valid"), 3, "one hour of the four is empty");
    let start = at(1, 0).to_string();
    let found =
        vec![("digest-missing", digest_key(2)), ("log-uncovered", format!("AWSLogs/{ACCOUNT}/"))];
    let expected = Expected { status: 1, hours: ".VPPPP", found };
    expect(&tree, &["--start-time", &start, "--end-time", &end], expected);
}

#[test]
fn a_log_listed_only_by_a_digest_left_aside_is_not_unreferenced() {
    let tree = Tree::sealed();
    // Named within the requested time, delivered and listed three hours later.
    let late = log_key_at(at(3, 40), "CloudTrail", "DDDDDDDDDDDDDDDD");
    tree.write_log(&late);
    let body = std::fs::read(tree.path(&late)).unwrap();
    tree.reseal(7, |draft| {
        draft.log_files.push(LogEntry {
            bucket: BUCKET.into(),
            object: late.as_str().into(),
            hash: Sha256Hash::of(&common::gunzip(&body)),
            newest: None,
            oldest: None,
        });
    });
    let end = at(5, 0).to_string();
    let expected = Expected { status: 0, hours: "PPPPP", found: vec![] };
    expect(&tree, &["--end-time", &end], expected);
    // Once that digest is altered it vouches for nothing any more.
    tree.rewrite(&digest_key(7), "\"logFiles\"", " \"logFiles\"");
    let expected = Expected { status: 1, hours: "PPPPP", found: vec![("log-unreferenced", late)] };
    expect(&tree, &["--end-time", &end], expected);
}

#[test]
fn keys_that_do_not_fit() {
    let tree = Tree::sealed();
    let other = crate::common::other_key();
    std::fs::write(&tree.keys, render_public_keys(&[(other.public_key_der(), common::always())]))
        .unwrap();
    let report = verify(&tree, &[]);
    assert_eq!((report.status, report.hours().as_str()), (3, "UUUUUUUU"));
    assert!(report.codes().iter().all(|(code, ..)| code == "digest-key-unknown"));
    assert_eq!(report.findings().len(), usize::from(HOURS));

    // Valid up to an hour after the fifth digest's end: the sixth is still within two hours.
    let validity = Validity { from: at(-10, 0), to: at(5, 59) };
    std::fs::write(&tree.keys, render_public_keys(&[(key().public_key_der(), validity)])).unwrap();
    let found = [6, 7, 8].map(|n| ("digest-key-expired", digest_key(n))).to_vec();
    expect(&tree, &[], Expected { status: 1, hours: "PPPPPVVV", found });

    // Valid from two hours after the first one's end: signed at the last moment.
    let validity = Validity { from: at(3, 0), to: at(100, 0) };
    std::fs::write(&tree.keys, render_public_keys(&[(key().public_key_der(), validity)])).unwrap();
    expect(&tree, &[], Expected { status: 0, hours: "PPPPPPPP", found: vec![] });
}

#[test]
fn an_unknown_key_does_not_hide_an_altered_digest() {
    let tree = Tree::sealed();
    let fingerprint = tree.digest(&digest_key(4)).fingerprint.to_string();
    tree.rewrite(&digest_key(4), &fingerprint, &"0".repeat(32));
    expect(
        &tree,
        &[],
        Expected { status: 1, hours: "PPPVPPPP", found: vec![("digest-modified", digest_key(4))] },
    );
}

#[test]
fn filters_that_nothing_meets_prove_nothing() {
    let tree = Tree::sealed();
    for filter in [["--account", "999988887777"], ["--region", "eu-west-1"], ["--trail", "other"]] {
        let report = verify(&tree, &filter);
        let codes: Vec<_> = report.codes().into_iter().map(|(code, ..)| code).collect();
        assert_eq!((codes, report.status), (vec!["no-digests".to_owned()], 3), "{filter:?}");
    }
    let report =
        verify(&tree, &["--account", ACCOUNT, "--region", REGION, "--trail", common::TRAIL]);
    assert_eq!(report.status, 0);
    let report = verify(&tree, &["--account", ACCOUNT, "--account", "999988887777"]);
    assert_eq!(report.status, 3, "one of the two is there");
}

#[test]
fn all_digests_gone_is_incomplete_and_never_success() {
    let tree = Tree::sealed();
    for hour in 1..=HOURS {
        tree.remove(&digest_key(hour));
    }
    let report = verify(&tree, &[]);
    let codes: Vec<_> = report.codes().into_iter().map(|(code, ..)| code).collect();
    assert_eq!((codes, report.status), (vec!["no-digests".to_owned()], 3));
    let report = verify(&Tree::empty(), &[]);
    assert_eq!((report.findings().len(), report.status), (1, 3));
}

#[test]
fn a_region_whose_digests_are_all_gone_is_told_beside_one_that_is_whole() {
    let tree = Tree::sealed();
    tree.write_log(&log_key(2).replace(REGION, "eu-west-1"));
    let report = verify(&tree, &[]);
    let codes: Vec<_> = report.codes().into_iter().map(|(code, ..)| code).collect();
    assert_eq!((codes, report.status), (vec!["no-digests".to_owned()], 3));
}

#[test]
fn backfill_digests_vouch_for_late_logs_and_claim_no_time() {
    let tree = Tree::sealed();
    let late = log_key_at(at(2, 45), "CloudTrail", "EEEEEEEEEEEEEEEE");
    tree.write_log(&late);
    let sealed = tree.seal(9).unwrap().sealed;
    assert_eq!(
        sealed.iter().map(|d| (d.kind, d.log_files)).collect::<Vec<_>>(),
        [(ChainKind::Standard, 0), (ChainKind::Backfill, 1)]
    );
    let report = verify(&tree, &[]);
    assert_eq!((report.status, report.count("digests", "valid")), (0, 10));
    // Asked for the time of the late file, it is found all the same.
    let earlier = verify(&tree, &["--end-time", &at(5, 0).to_string()]);
    assert_eq!((earlier.status, earlier.findings().len()), (0, 0));
    // Without its time of generation it is valid by any key valid after its end.
    tree.change_metadata(&backfill_key(9), "backfill-generation-timestamp", "x");
    assert_eq!(verify(&tree, &[]).status, 0);
    tree.change_metadata(&backfill_key(9), "\"x\"", "\"backfill-generation-timestamp\"");
    // Altered, it is found, and the file it vouched for is not called injected.
    tree.rewrite(&backfill_key(9), "\"logFiles\"", " \"logFiles\"");
    let found = vec![("digest-modified", backfill_key(9))];
    expect(&tree, &[], Expected { status: 1, hours: "PPPPPPPPP", found });
    // Gone, nothing shows that it was there but the file that nothing lists any more.
    tree.remove(&backfill_key(9));
    let found = vec![("log-unreferenced", late)];
    expect(&tree, &[], Expected { status: 1, hours: "PPPPPPPPP", found });
}

#[test]
fn a_backfill_digest_is_missed_by_its_successor() {
    let tree = Tree::sealed();
    for (hour, unique) in [(1, "EEEEEEEEEEEEEEE1"), (2, "EEEEEEEEEEEEEEE2")] {
        tree.write_log(&log_key_at(at(hour, 45), "CloudTrail", unique));
        tree.seal(i64::from(HOURS) + hour).unwrap();
    }
    assert_eq!(verify(&tree, &[]).status, 0);
    tree.remove(&backfill_key(9));
    let report = verify(&tree, &[]);
    assert!(
        report
            .codes()
            .iter()
            .any(|(code, _, key)| code == "digest-missing" && *key == backfill_key(9))
    );
    assert_eq!(report.status, 1);
}

#[test]
fn digests_only() {
    let tree = Tree::sealed();
    tree.remove(&log_key(2));
    tree.write_log(&injected(4));
    let report = verify(&tree, &["--no-logs"]);
    assert_eq!((report.status, report.hours().as_str()), (0, "PPPPPPPP"));
    assert_eq!(report.count("logs", "unchecked"), 7);
    assert!(report.json["not_proven"].to_string().contains("--no-logs"));
}

#[test]
fn a_stray_signed_by_nobody_hides_nothing() {
    let tree = Tree::sealed();
    let stray = common::digest_name(at(4, 30), ChainKind::Standard).to_string();
    tree.write(&stray, &gzip(b"{}"));
    let found = vec![("digest-malformed", stray)];
    expect(&tree, &[], Expected { status: 1, hours: "PPPPPPPP", found });
}

#[test]
fn a_stray_with_a_wrong_signature_leaves_its_neighbours_as_they_are() {
    let tree = Tree::sealed();
    let previous = tree.previous(&digest_key(4));
    let stray = draft(at(4, 0), at(4, 30), Some(previous)).seal(key()).unwrap();
    tree.put(&stray);
    let signature = tree.previous(&digest_key(2)).signature;
    let own = tree.previous(&stray.key).signature;
    tree.change_metadata(&stray.key, &own, &signature);
    let found = vec![("digest-modified", stray.key)];
    expect(&tree, &[], Expected { status: 1, hours: "PPPPPPPP", found });
}

#[test]
fn an_altered_digest_of_a_later_time_does_not_move_the_end() {
    let tree = Tree::sealed();
    let stray = common::digest_name(at(200, 0), ChainKind::Standard).to_string();
    tree.write(&stray, &gzip(b"{}"));
    let found = vec![("digest-malformed", stray)];
    let expected = Expected { status: 1, hours: "PPPPPPPP", found };
    let stores = Stores::Otherwise("an end is asked for, and it lies after it", verified());
    expect_in(&stores, &tree, &[], &expected);
}

#[test]
fn a_copy_that_was_inflated_on_the_way_is_accepted_aloud() {
    let tree = Tree::sealed();
    for key in [log_key(2), digest_key(4)] {
        tree.change(&key, |bytes| *bytes = common::gunzip(bytes));
    }
    // Unpacked archives lack the ending, too.
    let unpacked = log_key(5);
    tree.change(&unpacked, |bytes| *bytes = common::gunzip(bytes));
    let path = tree.path(&unpacked);
    std::fs::rename(&path, path.with_extension("")).unwrap();
    let found = vec![
        ("log-malformed", log_key(2)),
        ("digest-malformed", digest_key(4)),
        ("log-missing", unpacked.clone()),
        // JSON among the log files is read by whoever reads the folder.
        ("log-unreferenced", unpacked.replace(".json.gz", ".json")),
    ];
    let in_a_bucket = Expected { status: 1, hours: "PPVVPVPP", found };
    expect_in(&Stores::Otherwise(GZIPPED, in_a_bucket), &tree, &[], &verified());
    let report = tree.verify(&[]);
    assert!(report.json["not_proven"].to_string().contains("3 files: they are stored inflated"));
    tree.change(&log_key(2), |bytes| bytes.push(b' '));
    let found = vec![("log-modified", log_key(2))];
    let expected = Expected { status: 1, hours: "PPVPPPPP", found };
    expect_in(&Stores::DirectoryOnly(GZIPPED), &tree, &[], &expected);
}

/// The same content with a file name and a time in the gzip header.
fn with_name_and_time(tree: &Tree, key: &str) {
    tree.change(key, |bytes| {
        let builder = flate2::GzBuilder::new().operating_system(3).mtime(1).filename("hidden");
        let mut encoder = builder.write(Vec::new(), flate2::Compression::best());
        std::io::Write::write_all(&mut encoder, &gunzip(bytes)).unwrap();
        *bytes = encoder.finish().unwrap();
    });
}

#[test]
fn what_a_gzip_header_holds_is_told_of() {
    let tree = Tree::sealed();
    [digest_key(4), log_key(2)].iter().for_each(|key| with_name_and_time(&tree, key));
    let found = vec![("gzip-header", digest_key(4)), ("gzip-header", log_key(2))];
    expect(&tree, &[], Expected { status: 0, hours: "PPPPPPPP", found });
    let report = tree.verify(&[]);
    let of_log = report.findings().iter().find(|f| f["key"] == log_key(2)).unwrap();
    assert_eq!(of_log["referenced_by"], digest_key(3));
    assert_eq!((&of_log["bucket"], &of_log["severity"]), (&BUCKET.into(), &"notice".into()));
    assert_eq!(
        (&of_log["start"], &of_log["end"]),
        (&at(2, 0).to_string().into(), &at(3, 0).to_string().into())
    );
    let message = of_log["message"].as_str().unwrap();
    assert!(message.contains("(a file name, a time)"), "{message}");
    // One that is not what its digest says has a finding of its own.
    tree.rewrite(&log_key(2), "eventID", "eventId");
    with_name_and_time(&tree, &log_key(2));
    let found = vec![("gzip-header", digest_key(4)), ("log-modified", log_key(2))];
    expect(&tree, &[], Expected { status: 1, hours: "PPVPPPPP", found });
    // One that was inflated has no header.
    let tree = Tree::sealed();
    tree.change(&log_key(2), |bytes| *bytes = gunzip(bytes));
    expect_in(&Stores::DirectoryOnly(GZIPPED), &tree, &[], &verified());
}

#[test]
fn gzip_headers_of_many_objects_are_told_of_together() {
    let tree = Tree::sealed();
    let all = objects();
    all[..10].iter().for_each(|key| with_name_and_time(&tree, key));
    assert_eq!(tree.verify(&[]).findings().len(), 10);
    all[10..].iter().for_each(|key| with_name_and_time(&tree, key));
    let report = tree.verify(&[]);
    let [notice] = report.findings().as_slice() else { panic!("{:?}", report.codes()) };
    assert_eq!((report.status, &notice["code"]), (0, &"gzip-header".into()));
    assert!(notice["message"].as_str().unwrap().contains("15 objects"), "{notice:#}");
    assert_eq!(notice["key"], log_key(0).min(digest_key(1)));
    let (start, end) = (at(0, 0).to_string(), at(HOURS.into(), 0).to_string());
    assert_eq!((&notice["start"], &notice["end"]), (&start.into(), &end.into()));
}

#[test]
fn the_documentation_explains_every_code_with_its_severity() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/codes.md");
    let page = std::fs::read_to_string(path).unwrap();
    for code in trailseal::internals::verify::Code::ALL {
        let letter = match code.severity().as_str() {
            "violation" => "V",
            "incomplete" => "I",
            _ => "n",
        };
        let row = format!("| `{}` | {letter} | ", code.as_str());
        assert!(page.contains(&row), "{row}");
    }
}

#[test]
fn both_engines_agree_on_every_digest_whole_or_damaged() {
    let tree = Tree::sealed();
    let keys = std::fs::read(&tree.keys).unwrap();
    let keys = trailseal::internals::crypto::parse_key_file("keys", &keys).unwrap();
    let (mut accepted, mut refused) = (0, 0);
    for hour in 1..=HOURS {
        let digest = tree.digest(&digest_key(hour));
        let signature = hex::decode(tree.previous(&digest_key(hour)).signature).unwrap();
        let hash = Sha256Hash::of(&digest.render());
        let mut flipped = signature.clone();
        flipped[usize::from(hour)] ^= 1;
        let padded = [&[0][..], &signature].concat();
        for (hash, signature) in [
            (hash, signature.clone()),
            (Sha256Hash::of(b"altered"), signature.clone()),
            (hash, flipped),
            (hash, signature[1..].to_vec()),
            (hash, padded),
            (hash, Vec::new()),
        ] {
            let signed = Sha256Hash::of(digest.signing_string(hash).as_bytes());
            let one = keys[0].verify_aws_lc(signed, &signature);
            assert_eq!(one, keys[0].verify_rsa(signed, &signature), "hour {hour}");
            *(if one { &mut accepted } else { &mut refused }) += 1;
        }
    }
    assert_eq!((accepted, refused), (u32::from(HOURS), 5 * u32::from(HOURS)));
}
