//! Where real trails put their files, and copies that begin somewhere else: found from the root,
//! from the prefix, and in a copy; what cannot be listed or placed is told of, never taken for gone.

use crate::common;
#[cfg(feature = "aws")]
use crate::common::bucket;
#[cfg(feature = "aws")]
use crate::common::server;
use std::fs;
use std::path::Path;

use crate::common::{
    ACCOUNT, BUCKET, REGION, Report, Tree, at, gzip, log_key_at, seal_request, verify,
};
use trailseal::internals::model::{BucketName, OrganizationId};

const HOURS: u8 = 3;

/// Every line of the layouts that are known from real archives, and their neighbours: what stands
/// before `AWSLogs`, and the organization's folder in it.
const LAYOUTS: [(&str, Option<&str>); 16] = [
    ("AWSLogs/prod/", None),
    ("AWSLogs/111122223333/", None),
    ("AWSLogs/444455556666/", None),
    ("AWSLogs/o-abc123/", None),
    ("AWSLogs/o-abc123/", Some("o-abc123")),
    ("o-abc123/", Some("o-abc123")),
    ("AWSLogs/AWSLogs/", None),
    ("AWSLogs/prod/AWSLogs/111122223333/", None),
    ("AWSLogs/111122223333/AWSLogs/o-abc123/", Some("o-abc123")),
    ("Audit Logs/", None),
    ("a+b/", None),
    ("100%/", None),
    ("pr\u{fc}fung/", None),
    ("/", None),
    ("//", None),
    ("logs//", None),
];

/// A copy of what lies below a prefix, sealed for some hours.
fn sealed(bucket: &str, prefix: &str, organization: Option<&str>) -> Tree {
    let tree = Tree::empty();
    let of = organization.map(|o| format!("AWSLogs/{o}/"));
    for hour in 0..HOURS {
        let key = log_key_at(at(hour.into(), 20), "CloudTrail", "AAAAAAAAAAAAAAAA");
        tree.write_log(&key.replacen("AWSLogs/", of.as_deref().unwrap_or("AWSLogs/"), 1));
    }
    let mut request = seal_request(HOURS.into());
    request.bucket = BucketName::parse(bucket).unwrap();
    request.place.prefix = prefix.to_owned();
    request.place.organization = organization.map(|o| OrganizationId::parse(o).unwrap());
    tree.seal_as(&request).unwrap();
    tree
}

fn whole(report: &Report, what: &str) {
    assert_eq!((report.status, report.findings().len()), (0, 0), "{what}: {:#}", report.json);
    assert_eq!((report.count("digests", "valid"), report.count("logs", "valid")), (3, 3), "{what}");
    assert_eq!(report.json["chains"].as_array().unwrap().len(), 1, "{what}");
}

fn check(tree: &Tree, source: &Path, more: &[&str]) -> Report {
    let (source, keys) = (source.to_str().unwrap(), tree.keys.to_str().unwrap());
    verify(&[&["verify", source, "--keys", keys], more].concat())
}

/// Moves what lies in a folder of the tree to another one.
fn lay(tree: &Tree, from: &str, to: &str) {
    fs::create_dir_all(tree.path(to).parent().unwrap()).unwrap();
    fs::rename(tree.path(from), tree.path(to)).unwrap();
}

fn codes(report: &Report) -> Vec<String> {
    report.codes().into_iter().map(|(code, ..)| code).collect()
}

#[test]
fn every_layout_is_found_in_a_copy() {
    check_every_layout_is_found_in_a_copy(3);
}

#[test]
#[ignore = "slow: each layout"]
fn every_layout_is_found_in_a_copy_in_every_case() {
    check_every_layout_is_found_in_a_copy(1);
}

fn check_every_layout_is_found_in_a_copy(step: usize) {
    for (prefix, organization) in LAYOUTS.into_iter().step_by(step) {
        // A directory keeps no empty names: of "//AWSLogs" it has "AWSLogs".
        let folder = prefix.trim_matches('/');
        let tree = sealed(BUCKET, prefix, organization);
        lay(&tree, "AWSLogs", "moved");
        lay(&tree, "moved", &format!("copy/{folder}/AWSLogs"));
        let mut sources = vec!["".to_owned(), "copy".to_owned(), format!("copy/{folder}")];
        sources.extend(folder.split_once('/').map(|(first, _)| format!("copy/{first}")));
        sources.push(format!("copy/{folder}/AWSLogs"));
        for source in sources {
            let report = check(&tree, &tree.path(&source), &[]);
            whole(&report, &format!("{prefix} {source}"));
            let chain = &report.json["chains"][0];
            let shown = prefix.strip_suffix('/').unwrap();
            assert_eq!((&chain["prefix"], &chain["bucket"]), (&shown.into(), &BUCKET.into()));
            whole(&check(&tree, &tree.path(&source), &["--account", ACCOUNT]), prefix);
        }
    }
}

#[cfg(feature = "aws")]
#[test]
#[ignore = "slow: a bucket for each layout"]
fn every_layout_is_found_in_a_bucket() {
    for (prefix, organization) in LAYOUTS {
        for bucket in [BUCKET, "my.trail.logs"] {
            if bucket != BUCKET && !prefix.contains("prod") {
                continue;
            }
            let tree = sealed(bucket, prefix, organization);
            let server = server::Server::start();
            server.create_bucket(bucket);
            server.load(bucket, prefix, tree.root());
            for key in server.keys(bucket) {
                if let Some(log) = trailseal::internals::model::LogKey::parse(&key) {
                    server.modified(bucket, &key, log.time);
                }
            }
            server.put(bucket, "unrelated/thing", b"x".to_vec(), &[]);
            let of_prefix = prefix.trim_end_matches('/');
            for source in [
                format!("s3://{bucket}"),
                format!("s3://{bucket}/{of_prefix}"),
                format!("s3://{bucket}/{prefix}"),
                format!("s3://{bucket}/{prefix}AWSLogs"),
                format!("s3://{bucket}/{prefix}AWSLogs/{}", organization.unwrap_or(ACCOUNT)),
            ] {
                let (start, end) = (at(0, 0).to_string(), at(HOURS.into(), 0).to_string());
                let filtered = [&[][..], &["--account", ACCOUNT]];
                for more in if source.ends_with(bucket) { &filtered[..] } else { &filtered[..1] } {
                    let args = [
                        "verify",
                        &source,
                        "--format",
                        "json",
                        "--keys",
                        tree.keys.to_str().unwrap(),
                        "--start-time",
                        &start,
                        "--end-time",
                        &end,
                    ];
                    let args = [&args[..], *more].concat();
                    whole(&bucket::report_of(&bucket::run(&server, &args)), &source);
                }
            }
        }
    }
}

/// Folders of a bucket, and the folders that a copy of them has instead.
const HEADS: [(&str, &str); 8] = [
    ("AWSLogs/o-abc123", "o-abc123"),
    ("AWSLogs/o-abc123", "some where/o-abc123"),
    ("AWSLogs/o-abc123/111122223333", "111122223333"),
    ("AWSLogs/o-abc123/111122223333", "deep/er/111122223333"),
    ("AWSLogs/o-abc123/111122223333/CloudTrail-Digest", "CloudTrail-Digest"),
    ("AWSLogs/o-abc123/111122223333/CloudTrail-Digest", "account/CloudTrail-Digest"),
    ("AWSLogs/o-abc123/111122223333/CloudTrail-Digest/us-east-1", "us-east-1"),
    ("AWSLogs/o-abc123/111122223333/CloudTrail-Digest/us-east-1/2026", "2026"),
];

#[test]
fn a_copy_that_begins_below_aws_logs_is_placed_by_its_digests() {
    for (of, copy) in HEADS {
        let tree = sealed(BUCKET, "pre/fix/", Some("o-abc123"));
        lay(&tree, of, &format!("copy/{copy}"));
        let digests_only = of.contains("CloudTrail-Digest");
        let with_logs = of.ends_with("CloudTrail-Digest");
        if with_logs {
            lay(
                &tree,
                &of.replace("-Digest", ""),
                &format!("copy/{}", copy.replace("-Digest", "")),
            );
        }
        for more in
            [&[][..], &["--account", ACCOUNT, "--region", REGION, "--start-time", "2026-03-01"]]
        {
            let report = if digests_only && !with_logs {
                let report = check(&tree, &tree.path("copy"), &[more, &["--no-logs"]].concat());
                assert_eq!(
                    (report.status, report.findings().len()),
                    (0, 0),
                    "{copy} {:#}",
                    report.json
                );
                assert_eq!(report.count("digests", "valid"), 3);
                // Its log files are not in the copy at all.
                let full = check(&tree, &tree.path("copy"), more);
                assert_eq!(
                    (full.status, codes(&full)),
                    (3, vec!["object-unreadable".to_owned()]),
                    "{copy}"
                );
                report
            } else {
                let report = check(&tree, &tree.path("copy"), more);
                whole(&report, copy);
                report
            };
            let chain = &report.json["chains"][0];
            assert_eq!((&chain["prefix"], &chain["bucket"]), (&"pre/fix".into(), &BUCKET.into()));
            assert_eq!(chain["organization"], "o-abc123");
        }
        // A log file altered or put there is found in it as in any copy.
        if !digests_only || with_logs {
            let folder = tree.path("copy");
            let files = common::files_of(&folder);
            let log = files.keys().find(|key| key.contains("_CloudTrail_")).unwrap();
            fs::write(folder.join(log), gzip(b"{\"Records\":[]}")).unwrap();
            let injected = log.replace("AAAAAAAAAAAAAAAA", "BBBBBBBBBBBBBBBB");
            fs::write(folder.join(injected), gzip(b"{\"Records\":[]}")).unwrap();
            let report = check(&tree, &folder, &[]);
            assert_eq!(
                (report.status, codes(&report)),
                (1, vec!["log-modified".into(), "log-unreferenced".into()])
            );
        }
    }
}

#[test]
fn a_digest_that_states_another_key_than_its_copy_is_moved() {
    let tree = sealed(BUCKET, "", None);
    // Another account's digests, validly signed, in the folder of this one.
    lay(&tree, "AWSLogs/111122223333", "copy/444455556666");
    let report = check(&tree, &tree.path("copy"), &[]);
    assert_ne!(report.status, 0);
    assert_eq!((report.count("digests", "valid"), report.count("logs", "valid")), (0, 0));

    // One of several: the others outvote it.
    let tree = sealed(BUCKET, "", None);
    let other = sealed(BUCKET, "elsewhere/", None);
    let digest = |hour| common::digest_key(hour);
    fs::copy(other.path(&digest(2)), tree.path(&digest(2))).unwrap();
    fs::copy(other.sidecar(&digest(2)), tree.sidecar(&digest(2))).unwrap();
    lay(&tree, "AWSLogs/111122223333", "copy/111122223333");
    let report = check(&tree, &tree.path("copy"), &[]);
    assert!(
        report.codes().contains(&("digest-moved".into(), "violation".into(), digest(2))),
        "{:?}",
        report.codes()
    );
    assert_eq!(report.status, 1);
}

#[test]
fn what_nothing_places_is_said_to_be_unplaced() {
    for (of, copy) in [
        ("AWSLogs/111122223333/CloudTrail", "CloudTrail"),
        ("AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/01", "flat"),
        ("AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/03/01", "flat"),
    ] {
        let tree = sealed(BUCKET, "", None);
        lay(&tree, of, &format!("copy/{copy}"));
        for more in [&[][..], &["--account", ACCOUNT], &["--trail", "none"]] {
            let report = check(&tree, &tree.path("copy"), more);
            assert_eq!(
                (report.status, codes(&report)),
                (3, vec!["object-unreadable".to_owned()]),
                "{copy}"
            );
            let message = report.findings()[0]["message"].as_str().unwrap();
            assert!(message.starts_with("3 files") && message.contains("AWSLogs"), "{message}");
        }
    }
    // Beside a copy that is whole they are a notice.
    let tree = sealed(BUCKET, "", None);
    let log = log_key_at(at(0, 20), "CloudTrail", "AAAAAAAAAAAAAAAA");
    tree.write_log(&format!("exports/{}", log.rsplit_once('/').unwrap().1));
    let report = check(&tree, tree.root(), &[]);
    assert_eq!((report.status, codes(&report)), (0, vec!["object-unknown".to_owned()]));
}

#[test]
fn companion_files_of_a_desktop_shadow_nothing() {
    let tree = sealed(BUCKET, "pre/", None);
    let companion = include_bytes!("cases/apple-double.json.gz");
    for (key, _) in common::files_of(tree.root()) {
        if let Some((folder, name)) = key.rsplit_once('/').filter(|(f, _)| f.contains("Digest")) {
            tree.write(&format!("{folder}/._{name}"), companion);
            tree.write(&format!("__MACOSX/{folder}/._{name}"), companion);
        }
    }
    for folder in [
        "",
        "AWSLogs/",
        "AWSLogs/111122223333/",
        "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/",
    ] {
        for name in [".DS_Store", "Thumbs.db", "desktop.ini", "._x"] {
            tree.write(&format!("{folder}{name}"), b"Bud1");
        }
    }
    for more in [&[][..], &["--start-time", "2026-03-01"]] {
        let report = check(&tree, tree.root(), more);
        assert_eq!(report.status, 0, "{:#}", report.json["findings"]);
        assert!(codes(&report).iter().all(|code| code == "object-unknown"));
        assert_eq!((report.count("digests", "valid"), report.count("logs", "valid")), (3, 3));
    }
    // What lies there besides is looked at.
    lay(&tree, "AWSLogs", "__MACOSX/really/AWSLogs");
    let report = check(&tree, tree.root(), &[]);
    assert_eq!(report.count("digests", "valid"), 3);
}

/// The folders on the way to an area.
const WAY: [&str; 6] = [
    "AWSLogs",
    "AWSLogs/111122223333",
    "AWSLogs/111122223333/CloudTrail-Digest",
    "AWSLogs/111122223333/CloudTrail-Digest/us-east-1",
    "AWSLogs/111122223333/CloudTrail",
    "AWSLogs/111122223333/CloudTrail/us-east-1",
];

/// Times and filters of a run, with which no folder may go unnoticed.
const ASKED: [&[&str]; 4] = [
    &[],
    &["--start-time", "2026-03-01", "--end-time", "2026-03-01T03:00:00Z"],
    &["--account", ACCOUNT, "--region", REGION],
    &["--trail", common::TRAIL],
];

#[cfg(unix)]
#[test]
fn a_folder_that_is_a_link_is_trouble_and_no_absence() {
    use std::os::unix::fs::symlink;
    for folder in WAY {
        for target in ["nowhere", "a folder"] {
            let tree = sealed(BUCKET, "", None);
            lay(&tree, folder, "kept/moved");
            let to_root = "../".repeat(folder.matches('/').count());
            let to = if target == "nowhere" {
                "nowhere".to_owned()
            } else {
                format!("{to_root}kept/moved")
            };
            symlink(to, tree.path(folder)).unwrap();
            if target == "nowhere" {
                fs::remove_dir_all(tree.path("kept")).unwrap();
            }
            for more in ASKED {
                let report = check(&tree, tree.root(), more);
                let known = ["object-unreadable", "object-unknown"];
                assert!(
                    codes(&report).iter().all(|code| known.contains(&code.as_str())),
                    "{folder} {target} {more:?}: {:#}",
                    report.json["findings"]
                );
                assert_eq!(report.status, 3, "{folder} {target} {more:?}");
            }
        }
    }
}

#[cfg(feature = "aws")]
#[test]
fn a_folder_that_is_denied_is_trouble_and_no_absence() {
    check_a_folder_that_is_denied_is_trouble_and_no_absence(2);
}

#[cfg(feature = "aws")]
#[test]
#[ignore = "slow: each folder on the way"]
fn a_folder_that_is_denied_is_trouble_and_no_absence_in_every_case() {
    check_a_folder_that_is_denied_is_trouble_and_no_absence(1);
}

#[cfg(feature = "aws")]
fn check_a_folder_that_is_denied_is_trouble_and_no_absence(step: usize) {
    use crate::common::server::{Fault, Server};
    for folder in WAY.into_iter().step_by(step) {
        for fault in [Fault::Status(403, "AccessDenied"), Fault::Garbage] {
            let tree = sealed(BUCKET, "", None);
            let server: Server = bucket::bucket_of(&tree);
            server.fault(&format!("list:{folder}/"), fault, None);
            for more in ASKED {
                let source = format!("s3://{BUCKET}");
                let args =
                    ["verify", &source, "--format", "json", "--end-time", "2026-03-01T03:00:00Z"];
                let more: Vec<_> = if more.contains(&"--end-time") {
                    vec!["--start-time", "2026-03-01"]
                } else {
                    more.to_vec()
                };
                let report = bucket::report_of(&bucket::run(&server, &[&args[..], &more].concat()));
                assert!(
                    codes(&report).iter().all(|code| code == "object-unreadable"),
                    "{folder} {more:?}: {:#}",
                    report.json["findings"]
                );
                assert_eq!(report.status, 3, "{folder} {more:?}");
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn digests_that_cannot_be_read_do_not_make_the_others_look_moved() {
    let tree = Tree::empty();
    let mut request = seal_request(40);
    request.place.prefix = "pre/".to_owned();
    tree.seal_as(&request).unwrap();
    for hour in 1..=30 {
        let key =
            common::digest_name(at(hour, 0), trailseal::internals::model::ChainKind::Standard)
                .to_string();
        tree.remove(&key);
        std::os::unix::fs::symlink("nowhere", tree.path(&key)).unwrap();
    }
    let report = check(&tree, tree.root(), &[]);
    assert_eq!(report.status, 3, "{:#}", report.json["findings"]);
    assert_eq!(report.json["chains"][0]["prefix"], "pre");
    assert!(codes(&report).iter().all(|code| code == "object-unreadable"));
}
