//! Evidence bags: what is packed, that anyone can check it, and that every alteration is told.

use crate::common;
use crate::common::bag;
use std::fs;
use std::io::{Cursor, Write};
use std::os::unix::fs::symlink;
use std::process::Command;

use crate::common::bag::{AS_OF, Bag, check, files_of, object, pack};
use crate::common::{
    EMPTY_HOUR, HOURS, Tree, digest_key, gzip, log_key, log_key_at, scratch, trailseal,
};
use trailseal::internals::run::evidence::KeptLogs;
use zip::write::SimpleFileOptions;

/// The tools that the script needs, beside those of every system.
fn has_openssl() -> bool {
    let has = Command::new("openssl").arg("version").output().is_ok_and(|o| o.status.success());
    if !has {
        eprintln!("SKIPPED: openssl is not installed");
    }
    has
}

const SOURCES: &str = "data/keys/sources.json";

// ---- packing ------------------------------------------------------------------------------

#[test]
fn a_bag_holds_what_the_run_saw_and_checks_as_folder_and_as_archive() {
    let tree = Tree::sealed();
    let bag = Bag::of(&tree, &["--operator", "Jane Doe, Example Audit"]);
    assert_eq!(bag.status, 0, "{}", bag.err);
    let digests = (1..=HOURS).map(digest_key);
    let logs = (0..HOURS).filter(|hour| *hour != EMPTY_HOUR).map(log_key);
    for key in digests.clone().chain(logs) {
        assert_eq!(fs::read(bag.object(&key)).unwrap(), fs::read(tree.path(&key)).unwrap());
    }
    for key in digests {
        let sidecar = bag.read(&format!("{}.metadata.json", object(&key)));
        assert!(sidecar.contains(&tree.previous(&key).signature));
    }
    let checked = bag.check(&[]);
    assert_eq!((checked.status, checked.faults()), (0, vec![]), "{}", checked.json);
    assert_eq!(checked.json["reverified"]["verdict"], "verified");
    assert_eq!(checked.json["reverified"]["totals"]["logs"]["valid"], 7);
    assert_eq!(checked.json["recorded"]["ran_by"]["operator"], "Jane Doe, Example Audit");
    assert_eq!(checked.json["differences"], serde_json::json!([]));

    let archive = bag.around.path().join("evidence.zip");
    assert_eq!(pack(&tree, &archive, &["--operator", "Jane Doe, Example Audit"]).status, 0);
    let unpacked = check(&archive, &[]);
    assert_eq!(unpacked.status, 0, "{}", unpacked.json);
    assert_eq!(unpacked.json["tag_manifest"], checked.json["tag_manifest"]);
    // Nothing is left of the work.
    let names: Vec<_> =
        fs::read_dir(bag.around.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn custody_has_a_row_for_every_object() {
    let tree = Tree::sealed();
    let bag = Bag::of(&tree, &["--operator", "Jane Doe"]);
    let text = bag.read("data/custody.csv");
    let mut table = csv::Reader::from_reader(text.as_bytes());
    let header = table.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|h| h == name).unwrap();
    let rows: Vec<_> = table.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 15);
    for row in &rows {
        let path = &row[column("path")];
        let bytes = fs::read(bag.path(path)).unwrap();
        assert_eq!(
            row[column("sha256")],
            trailseal::internals::model::Sha256Hash::of(&bytes).to_string()
        );
        assert_eq!(row[column("size")], bytes.len().to_string());
        assert_eq!(&row[column("packed")], "yes");
        assert_eq!(&row[column("result")], "valid");
        assert_eq!(&row[column("by")], "operator Jane Doe");
        assert_eq!(&row[column("acquired")], AS_OF);
        assert!(row[column("source")].starts_with("directory "), "{row:?}");
    }
}

#[test]
fn the_bag_says_which_controls_the_run_supports() {
    let bag = Bag::of(&Tree::sealed(), &["--operator", "Jane Doe"]);
    let offers: serde_json::Value =
        serde_json::from_str(&bag.read("data/controls/offers.json")).unwrap();
    let text = bag.read("data/controls/offers.txt");
    for offer in offers.as_array().unwrap() {
        let id = offer["control"]["id"].as_str().unwrap();
        assert!(text.contains(id), "{id}");
        // The test's key is of no region, so that where it came from stays open.
        assert!(["supports", "in-part"].contains(&offer["support"].as_str().unwrap()), "{id}");
        assert!(text.contains(offer["statement"].as_str().unwrap()), "{id}");
    }
    let data = bag.read("data/controls/controls.json");
    assert_eq!(data, trailseal::internals::report::controls::CONTROLS_JSON);
    let certification = bag.read("data/controls/certification.txt");
    assert!(certification.contains("902(14)") && certification.contains("____"), "{certification}");
    assert!(certification.contains("Jane Doe") && certification.contains(AS_OF), "{certification}");
    // The page is the report's, and loads nothing.
    let page = bag.read("data/report/report.html");
    assert!(page.contains("Verified") || page.contains("VERIFIED"));
}

#[test]
fn the_same_input_as_of_the_same_time_is_the_same_bytes() {
    let tree = Tree::sealed();
    let (one, two) = (Bag::of(&tree, &["--jobs", "1"]), Bag::of(&tree, &["--jobs", "7"]));
    assert_eq!(files_of(&one.dir), files_of(&two.dir));
    let archive = |bag: &Bag| {
        let path = bag.around.path().join("evidence.zip");
        assert_eq!(pack(&tree, &path, &[]).status, 0);
        fs::read(path).unwrap()
    };
    assert_eq!(archive(&one), archive(&two));
    let later = Bag::of(&tree, &["--as-of", "2026-06-01T00:00:01Z"]);
    assert_ne!(files_of(&one.dir), files_of(&later.dir));
}

#[test]
fn only_the_log_files_that_are_asked_for_are_packed() {
    let tree = Tree::sealed();
    tree.change(&log_key(5), |bytes| *bytes = gzip(b"{\"Records\":[]}"));
    let injected = log_key_at(common::at(2, 40), "CloudTrail", "0000000000000000");
    tree.write_log(&injected);
    let logs = |bag: &Bag| -> Vec<String> {
        let files = files_of(&bag.dir).into_keys();
        files.filter(|path| path.contains("/CloudTrail/")).collect()
    };
    let all = Bag::of(&tree, &[]);
    assert_eq!((all.status, logs(&all).len()), (1, 8));
    let failed = Bag::of(&tree, &["--logs", "failed"]);
    assert_eq!((failed.status, logs(&failed)), (1, vec![object(&injected), object(&log_key(5))]));
    let none = Bag::of(&tree, &["--logs", "none"]);
    assert_eq!((none.status, logs(&none).len()), (1, 0));
    for (bag, kept) in [(&all, KeptLogs::All), (&failed, KeptLogs::Failed), (&none, KeptLogs::None)]
    {
        let checked = bag.check(&[]);
        assert_eq!((checked.status, checked.faults()), (1, vec![]), "{kept:?}");
        let again = kept == KeptLogs::All;
        assert_eq!(checked.json["reverified"]["logs"], again);
        // What the run read is known by its hash value, whether it is packed or not.
        let custody = bag.read("data/custody.csv");
        let of_log = custody.lines().find(|row| row.contains(&log_key(6))).unwrap();
        let bytes = fs::read(tree.path(&log_key(6))).unwrap();
        assert!(
            of_log.contains(&trailseal::internals::model::Sha256Hash::of(&bytes).to_string()),
            "{kept:?}"
        );
    }
}

#[test]
fn a_bag_of_a_violation_is_whole_and_shows_it() {
    let tree = Tree::sealed();
    tree.remove(&log_key(2));
    tree.change(&digest_key(5), |bytes| {
        let other = bytes.len() - 9;
        bytes[other] ^= 1;
    });
    let bag = Bag::of(&tree, &[]);
    let checked = bag.check(&[]);
    assert_eq!((bag.status, checked.status, checked.faults()), (1, 1, vec![]));
    assert_eq!(checked.json["differences"], serde_json::json!([]), "{}", checked.json);
    assert!(checked.found().contains(&"log-missing".to_owned()));
    let text = trailseal(&["evidence", "check", bag.dir.to_str().unwrap(), "--no-progress"]);
    assert!(text.out.starts_with("VIOLATION: the bag is whole and unaltered;"), "{}", text.out);
    // Not once its page says something else than its report.
    bag.replace("data/report/report.html", "VIOLATION", "VERIFIED");
    bag.write_manifests_anew();
    let text = trailseal(&["evidence", "check", bag.dir.to_str().unwrap(), "--no-progress"]);
    assert_eq!(text.status, 1);
    assert!(text.out.starts_with("VIOLATION: the bag was altered"), "{}", text.out);
}

#[test]
fn what_could_not_be_read_then_is_no_loss_now() {
    let tree = Tree::sealed();
    let outside = scratch();
    for key in [log_key(2), digest_key(5)] {
        let moved = outside.path().join(key.rsplit_once('/').unwrap().1);
        fs::rename(tree.path(&key), &moved).unwrap();
        symlink(&moved, tree.path(&key)).unwrap();
    }
    let bag = Bag::of(&tree, &[]);
    assert_eq!(bag.status, 3, "{}", bag.out);
    let checked = bag.check(&[]);
    assert_eq!((checked.status, checked.faults()), (3, vec![]), "{}", checked.json);
    assert_eq!(checked.json["differences"], serde_json::json!([]));
}

#[test]
fn a_bag_is_never_written_over_anything_and_never_left_half_made() {
    let tree = Tree::sealed();
    let folder = scratch();
    let there = folder.path().join("there");
    fs::create_dir(&there).unwrap();
    let refused = pack(&tree, &there, &[]);
    assert_eq!(refused.status, 2);
    assert!(refused.err.contains("already exists"), "{}", refused.err);
    let future = pack(&tree, &folder.path().join("x"), &["--as-of", "2999-01-01T00:00:00Z"]);
    assert_eq!(future.status, 2);
    assert!(future.err.contains("is in the future"), "{}", future.err);
    let nowhere = pack(&tree, &folder.path().join("no/such/place.zip"), &[]);
    assert_eq!(nowhere.status, 4);
    assert!(nowhere.err.contains("cannot be written"), "{}", nowhere.err);
    let unsigned = pack(&tree, &folder.path().join("x"), &["--sign", "no-such-key", "--cert", "x"]);
    assert_eq!(unsigned.status, 2);
    assert_eq!(files_of(folder.path()).len(), 0);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// A limit on the size of files stands in for a full disk: both fail a write in the middle.
#[test]
fn a_disk_that_fills_up_leaves_no_bag() {
    let tree = Tree::sealed();
    let mut noise = vec![0_u8; 300_000];
    let mut state = 7_u32;
    for byte in &mut noise {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *byte = (state >> 24) as u8;
    }
    let hidden = log_key_at(common::at(9, 20), "CloudTrail", "ffffffffffffffff");
    tree.write(&hidden, &gzip(format!("{{\"Records\":[\"{}\"]}}", hex::encode(&noise)).as_bytes()));
    tree.seal(10).unwrap();
    let folder = scratch();
    for output in ["bag", "bag.zip"] {
        let output = folder.path().join(output);
        // In blocks of 512 bytes: less than that log file, or less than the archive of them all.
        let script = "trap '' XFSZ; ulimit -f 100; exec \"$@\"";
        let ran = Command::new("sh")
            .args(["-c", script, "sh", env!("CARGO_BIN_EXE_trailseal"), "evidence", "pack"])
            .args([tree.root().to_str().unwrap(), "--keys", tree.keys.to_str().unwrap()])
            .args(["--no-progress", "--output", output.to_str().unwrap()])
            .output()
            .unwrap();
        let err = String::from_utf8(ran.stderr).unwrap();
        assert_eq!(ran.status.code(), Some(4), "{err}");
        assert!(err.contains("no bag was made") && err.contains("enough space"), "{err}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

// ---- a damaged bag ------------------------------------------------------------------------

#[test]
fn every_alteration_of_a_bag_is_named() {
    type Damage = (&'static str, fn(&Bag), &'static str, String);
    let log = object(&log_key(2));
    let of = |path: &str| path.to_owned();
    let damages: Vec<Damage> = vec![
        (
            "altered log",
            |b| b.change(&object(&log_key(2)), |x| x.push(0)),
            "bag-altered",
            log.clone(),
        ),
        (
            "altered report",
            |b| b.change("data/report/report.html", |x| x.push(b' ')),
            "bag-altered",
            of("data/report/report.html"),
        ),
        (
            "altered guide",
            |b| b.change("VERIFY.md", |x| x.push(b'x')),
            "bag-altered",
            of("VERIFY.md"),
        ),
        (
            "altered script",
            |b| b.replace("verify.sh", "exit 1", "exit 0"),
            "bag-altered",
            of("verify.sh"),
        ),
        (
            "missing log",
            |b| fs::remove_file(b.object(&log_key(2))).unwrap(),
            "bag-missing",
            log.clone(),
        ),
        (
            "extra payload",
            |b| fs::write(b.path("data/more"), "x").unwrap(),
            "bag-extra",
            of("data/more"),
        ),
        (
            "extra tag file",
            |b| fs::write(b.path("README"), "x").unwrap(),
            "bag-extra",
            of("README"),
        ),
        (
            "climbing path",
            |b| {
                b.change("manifest-sha256.txt", |x| {
                    x.extend(format!("{}  data/../../x\n", "0".repeat(64)).bytes())
                })
            },
            "bag-manifest",
            of("manifest-sha256.txt"),
        ),
        (
            "absolute path",
            |b| {
                b.change("manifest-sha256.txt", |x| {
                    x.extend(format!("{}  /etc/passwd\n", "0".repeat(64)).bytes())
                })
            },
            "bag-manifest",
            of("manifest-sha256.txt"),
        ),
        (
            "a path twice",
            |b| {
                let m = b.read("manifest-sha256.txt");
                let line = m.lines().next().unwrap().to_owned();
                b.change("manifest-sha256.txt", |x| x.extend(format!("{line}\n").bytes()));
            },
            "bag-manifest",
            of("manifest-sha256.txt"),
        ),
        (
            "no hash value",
            |b| b.change("manifest-sha256.txt", |x| x.extend(b"xyz  data/x\n")),
            "bag-manifest",
            of("manifest-sha256.txt"),
        ),
        (
            "link",
            |b| {
                fs::remove_file(b.object(&log_key(2))).unwrap();
                symlink("/etc/passwd", b.object(&log_key(2))).unwrap();
            },
            "bag-strange",
            log.clone(),
        ),
        (
            "other oxum",
            |b| b.replace("bag-info.txt", "Payload-Oxum: ", "Payload-Oxum: 1"),
            "bag-altered",
            of("bag-info.txt"),
        ),
    ];
    let tree = Tree::sealed();
    for (name, damage, code, path) in damages {
        let bag = Bag::of(&tree, &[]);
        damage(&bag);
        let checked = bag.check(&[]);
        assert_eq!(checked.status, 1, "{name}: {}", checked.json);
        let faults = checked.faults();
        assert!(faults.contains(&(code.to_owned(), path)), "{name}: {faults:?}");
    }
}

#[test]
fn what_is_no_bag_of_ours_is_refused_with_the_reason() {
    type Damage = (fn(&Bag), &'static str);
    let damages: [Damage; 7] = [
        (|b| fs::remove_file(b.path("bagit.txt")).unwrap(), "it is not a bag: bagit.txt"),
        (|b| b.replace("bagit.txt", "1.0", "2.0"), "BagIt 2.0"),
        (|b| b.replace("bagit.txt", "UTF-8", "ISO-8859-1"), "ISO-8859-1"),
        (|b| fs::write(b.path("manifest-md5.txt"), "").unwrap(), "a manifest of md5"),
        (|b| fs::write(b.path("tagmanifest-sha512.txt"), "").unwrap(), "a manifest of sha512"),
        (|b| fs::write(b.path("fetch.txt"), "").unwrap(), "fetch.txt"),
        (|b| fs::remove_file(b.path("manifest-sha256.txt")).unwrap(), "manifest-sha256.txt"),
    ];
    let tree = Tree::sealed();
    for (damage, reason) in damages {
        let bag = Bag::of(&tree, &[]);
        damage(&bag);
        let checked = bag.check(&[]);
        assert_eq!(checked.status, 2, "{reason}: {}", checked.err);
        assert!(checked.err.contains(reason), "{reason}: {}", checked.err);
    }
    let nothing = check(&tree.path("no-such-bag.zip"), &[]);
    assert_eq!(nothing.status, 2);
    let pipe = tree.path("pipe.zip");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let pipe = check(&pipe, &[]);
    assert!(pipe.err.contains("neither a folder nor a file"), "{}", pipe.err);
    assert_eq!(pipe.status, 2);
}

/// Whoever alters a bag without a seal can write its manifests anew. What the digests vouch for
/// still tells.
#[test]
fn an_altered_bag_with_manifests_written_anew_does_not_pass() {
    type Damage = (&'static str, fn(&Bag), &'static str);
    let damages: [Damage; 9] = [
        ("altered log", |b| fs::write(b.object(&log_key(2)), gzip(b"{}")).unwrap(), "log-modified"),
        ("log forgotten", |b| b.forget(&log_key(2)), "log-missing"),
        ("digest forgotten", |b| b.forget(&digest_key(4)), "digest-missing"),
        ("newest digest forgotten", |b| b.forget(&digest_key(HOURS)), "chain-truncated"),
        (
            "altered digest",
            |b| {
                let d = fs::read(b.object(&digest_key(5))).unwrap();
                let t = String::from_utf8(common::gunzip(&d)).unwrap().replace("T0420Z", "T0421Z");
                fs::write(b.object(&digest_key(5)), gzip(t.as_bytes())).unwrap();
            },
            "",
        ),
        (
            "altered signature",
            |b| {
                let path = format!("{}.metadata.json", object(&digest_key(4)));
                let other = b.read(&format!("{}.metadata.json", object(&digest_key(5))));
                fs::write(b.path(&path), other).unwrap();
            },
            "digest-modified",
        ),
        (
            "log put in",
            |b| {
                let key = log_key_at(common::at(2, 40), "CloudTrail", "0000000000000000");
                b.put(&key, &gzip(b"{}"), "valid");
            },
            "log-unreferenced",
        ),
        (
            "log said to be unread",
            |b| {
                fs::remove_file(b.object(&log_key(2))).unwrap();
                b.change_row(&log_key(2), |row| {
                    row[1] = "unreadable".into();
                    row[5].clear();
                    row[11] = "denied".into();
                });
            },
            "object-unreadable",
        ),
        (
            "other keys",
            |b| {
                for (path, _) in files_of(&b.dir) {
                    if path.starts_with("data/keys/") {
                        fs::remove_file(b.path(&path)).unwrap();
                    }
                }
                fs::write(b.path("data/keys/sources.json"), "[]").unwrap();
            },
            "digest-key-unknown",
        ),
    ];
    let tree = Tree::sealed();
    for (name, damage, code) in damages {
        let bag = Bag::of(
            &tree,
            &["--end-time", &common::at(HOURS.into(), 0).to_string(), "--grace", "0s"],
        );
        damage(&bag);
        bag.write_manifests_anew();
        let checked = bag.check(&[]);
        // Its report still tells of the keys.
        let last = object(&log_key(HOURS - 1));
        let faults: Vec<&str> = match name {
            "other keys" => vec![SOURCES],
            "newest digest forgotten" => vec![&last],
            _ => vec![],
        };
        let told: Vec<_> = checked.faults().into_iter().map(|(_, path)| path).collect();
        assert_eq!(told, faults, "{name}");
        assert_ne!(checked.status, 0, "{name}: {}", checked.json);
        let trouble = code == "object-unreadable";
        assert_eq!(checked.status, if trouble { 3 } else { 1 }, "{name}: {}", checked.json);
        if !code.is_empty() {
            assert!(checked.found().contains(&code.to_owned()), "{name}: {:?}", checked.found());
        }
        assert_ne!(checked.json["differences"], serde_json::json!([]), "{name}");
    }
}

#[test]
fn a_bag_that_contradicts_itself_does_not_pass() {
    type Damage = (&'static str, fn(&Bag), &'static str, &'static str);
    let damages: [Damage; 4] = [
        (
            "report of another verdict",
            |b| {
                b.replace(
                    "data/report/run.json",
                    "\"verdict\": \"verified\"",
                    "\"verdict\": \"incomplete\"",
                )
            },
            "bag-malformed",
            "data/report/run.json",
        ),
        (
            "custody is no table",
            |b| fs::write(b.path("data/custody.csv"), "a\n\"").unwrap(),
            "bag-malformed",
            "data/custody.csv",
        ),
        (
            "object without a row",
            |b| fs::write(b.path("data/objects/more"), "x").unwrap(),
            "bag-extra",
            "data/objects/more",
        ),
        (
            "row that climbs",
            |b| {
                b.change("data/custody.csv", |x| {
                    x.extend(b"data/objects/../../../etc/passwd,yes,log,x,,,,,,,,\r\n")
                })
            },
            "bag-malformed",
            "data/objects/../../../etc/passwd",
        ),
    ];
    let tree = Tree::sealed();
    for (name, damage, code, path) in damages {
        let bag = Bag::of(&tree, &[]);
        damage(&bag);
        bag.write_manifests_anew();
        let checked = bag.check(&[]);
        assert_eq!(checked.status, 1, "{name}: {}", checked.json);
        assert!(
            checked.faults().contains(&(code.into(), path.into())),
            "{name}: {:?}",
            checked.faults()
        );
    }
}

/// Whoever alters a bag without a seal can write its report anew. What it claims beyond what its
/// content shows, or beyond what was asked, does not pass.
#[test]
fn a_report_that_claims_more_than_its_content_shows_does_not_pass() {
    type Claim = (&'static str, fn(&mut serde_json::Value), &'static str);
    let claims: [Claim; 8] = [
        ("an earlier start", |r| r["scope"]["start"] = "2020-01-01T00:00:00Z".into(), "start"),
        ("a later end", |r| r["scope"]["end"] = "2027-01-01T00:00:00Z".into(), "end"),
        ("no filter", |r| r["scope"]["accounts"] = serde_json::json!(["444455556666"]), "accounts"),
        (
            "more time",
            |r| {
                r["chains"][0]["coverage"][0]["start"] = "2020-01-01T00:00:00Z".into();
            },
            "the time that",
        ),
        ("more digests", |r| r["chains"][0]["digests"]["valid"] = 99.into(), "99 of 99 valid"),
        ("more log files", |r| r["chains"][0]["logs"]["valid"] = 99.into(), "99 of 99 valid"),
        ("other totals", |r| r["totals"]["digests"]["valid"] = 99.into(), "totals"),
        (
            "another operator",
            |r| r["ran_by"]["operator"] = "Auditor General".into(),
            "name different operators",
        ),
    ];
    let tree = Tree::sealed();
    for (name, claim, said) in claims {
        let bag = Bag::of(&tree, &[]);
        let mut report = serde_json::from_str(&bag.read("data/report/run.json")).unwrap();
        claim(&mut report);
        fs::write(bag.path("data/report/run.json"), report.to_string()).unwrap();
        bag.write_manifests_anew();
        let checked = bag.check(&[]);
        assert_eq!(checked.status, 1, "{name}: {}", checked.json);
        let of_report = ("bag-contradicts".to_owned(), "data/report/run.json".to_owned());
        assert!(checked.faults().contains(&of_report), "{name}: {:?}", checked.faults());
        assert!(checked.json["differences"].to_string().contains(said), "{name}: {}", checked.json);
    }
    // Another version's words may differ; its claims are still not believed.
    let bag = Bag::of(&tree, &[]);
    let mut report: serde_json::Value =
        serde_json::from_str(&bag.read("data/report/run.json")).unwrap();
    report["tool"]["version"] = "99.0.0".into();
    fs::write(bag.path("data/report/run.json"), report.to_string()).unwrap();
    bag.write_manifests_anew();
    let checked = bag.check(&[]);
    assert_eq!((checked.status, checked.faults()), (3, vec![]), "{}", checked.json);
    assert!(checked.json["differences"].to_string().contains("Another version"));
    report["totals"]["digests"]["valid"] = 99.into();
    fs::write(bag.path("data/report/run.json"), report.to_string()).unwrap();
    bag.write_manifests_anew();
    assert_eq!(bag.check(&[]).status, 3);
}

/// A page and a script that say anything, in a bag whose report claims to be another version's.
#[test]
fn a_bag_of_another_version_is_incomplete_and_its_page_is_never_taken_for_the_reports() {
    let tree = Tree::sealed();
    for (field, value) in [("version", "0.0.1"), ("name", "trailseal-fork")] {
        let bag = Bag::of(&tree, &[]);
        let mut report: serde_json::Value =
            serde_json::from_str(&bag.read("data/report/run.json")).unwrap();
        report["tool"][field] = value.into();
        let tool = format!("{} {}", report["tool"]["name"], report["tool"]["version"]);
        fs::write(bag.path("data/report/run.json"), format!("{report:#}")).unwrap();
        let own = format!("trailseal {}", env!("CARGO_PKG_VERSION"));
        bag.replace("bag-info.txt", &own, &tool.replace('"', ""));
        fs::write(bag.path("data/report/report.html"), "<h1>All is well</h1>").unwrap();
        bag.write_manifests_anew();
        let checked = bag.check(&[]);
        assert_eq!((checked.status, checked.faults()), (3, vec![]), "{}", checked.json);
        let said = checked.json["differences"].to_string();
        assert!(said.contains("were not compared with its report"), "{said}");
    }
}

/// Two rewritten files of an unsealed bag for each cell that follows from its content.
#[test]
fn what_a_bag_says_of_its_own_files_is_recomputed() {
    type Lie = (&'static str, fn(&Bag), &'static str);
    let lies: [Lie; 23] = [
        ("size", |b| b.change_row(&log_key(2), |row| row[4] = "7".into()), "log"),
        ("hash value", |b| b.change_row(&log_key(2), |row| row[5] = "0".repeat(64)), "log"),
        ("no hash value", |b| b.change_row(&log_key(2), |row| row[5].clear()), "log"),
        ("kind", |b| b.change_row(&log_key(2), |row| row[2] = "digest".into()), "log"),
        ("not packed", |b| b.change_row(&log_key(2), |row| row[1] = "no".into()), "log"),
        ("unreadable", |b| b.change_row(&log_key(2), |row| row[1] = "unreadable".into()), "log"),
        ("result", |b| b.change_row(&log_key(2), |row| row[9] = "invalid".into()), "log"),
        ("code", |b| b.change_row(&log_key(2), |row| row[10] = "log-modified".into()), "log"),
        ("note", |b| b.change_row(&log_key(2), |row| row[11] = "certified".into()), "log"),
        (
            "delivered",
            |b| b.change_row(&log_key(2), |row| row[6] = "2026-03-01T02:21:00Z".into()),
            "log",
        ),
        (
            "acquired",
            |b| b.change_row(&log_key(2), |row| row[7] = "2026-03-01T02:21:00Z".into()),
            "log",
        ),
        ("reader", |b| b.change_row(&log_key(2), |row| row[8] = "operator X".into()), "log"),
        (
            "lines",
            |b| b.replace("data/report/objects.ndjson", &log_key(2), &log_key(3)),
            "data/report/objects.ndjson",
        ),
        (
            "lines that are none",
            |b| fs::write(b.path("data/report/objects.ndjson"), "x\n").unwrap(),
            "data/report/objects.ndjson",
        ),
        (
            "no lines",
            |b| fs::remove_file(b.path("data/report/objects.ndjson")).unwrap(),
            "data/report/objects.ndjson",
        ),
        ("verdict", |b| b.replace("bag-info.txt", "verified", "incomplete"), "bag-info.txt"),
        ("time", |b| b.replace("bag-info.txt", AS_OF, "2026-05-31T00:00:00Z"), "bag-info.txt"),
        (
            "kept logs",
            |b| b.replace("bag-info.txt", "Trailseal-Logs: all", "Trailseal-Logs: none"),
            "bag-info.txt",
        ),
        (
            "let pass",
            |b| b.change("bag-info.txt", |x| x.extend(b"Trailseal-Unreferenced: notice\n")),
            "bag-info.txt",
        ),
        ("source of a key", |b| b.replace(SOURCES, "\"bits\": 2048", "\"bits\": 4096"), SOURCES),
        ("key of nobody", |b| fs::write(b.path(SOURCES), "[]").unwrap(), SOURCES),
        (
            "PEM of another name",
            |b| {
                let pem = files_of(&b.dir).into_keys().find(|p| p.ends_with(".pem")).unwrap();
                let other = format!("data/keys/{}.pem", "0".repeat(32));
                fs::copy(b.path(&pem), b.path(&other)).unwrap();
            },
            "data/keys/00000000000000000000000000000000.pem",
        ),
        (
            "metadata that hides something",
            |b| {
                let sidecar = format!("{}.metadata.json", object(&digest_key(4)));
                b.replace(&sidecar, "{\n", "{\n \"Hidden\": [1],\n");
            },
            "sidecar",
        ),
    ];
    let tree = Tree::sealed();
    for (name, lie, path) in lies {
        let bag = Bag::of(&tree, &[]);
        lie(&bag);
        bag.write_manifests_of_what_is_there();
        let path = match path {
            "log" => object(&log_key(2)),
            "sidecar" => format!("{}.metadata.json", object(&digest_key(4))),
            path => path.to_owned(),
        };
        let checked = bag.check(&[]);
        let contradicts = ("bag-contradicts".to_owned(), path);
        assert!(checked.faults().contains(&contradicts), "{name}: {:?}", checked.faults());
        assert_eq!(checked.status, 1, "{name}: {}", checked.json);
    }
}

/// What a report says that it does not show is recomputed like what it shows.
#[test]
fn a_report_that_keeps_quiet_does_not_pass() {
    let tree = Tree::sealed();
    for number in 0..3 {
        let bag = Bag::of(&tree, &[]);
        let mut report: serde_json::Value =
            serde_json::from_str(&bag.read("data/report/run.json")).unwrap();
        report["not_proven"].as_array_mut().unwrap().remove(number);
        fs::write(bag.path("data/report/run.json"), format!("{report:#}")).unwrap();
        bag.write_manifests_anew();
        let checked = bag.check(&[]);
        assert_eq!(checked.status, 1, "{number}: {}", checked.json);
        assert!(checked.json["differences"].to_string().contains("omits this limit"));
    }
    let bag = Bag::of(&tree, &[]);
    bag.replace("data/report/run.json", "\"used\": true", "\"used\": false");
    bag.write_manifests_anew();
    assert_eq!(bag.check(&[]).status, 1);
    let bag = Bag::of(&tree, &[]);
    bag.replace("data/report/run.json", "\"bytes_hashed\": ", "\"bytes_hashed\": 9");
    bag.write_manifests_anew();
    assert_eq!(bag.check(&[]).status, 1);
}

/// Whoever asks for little, or says that log files are not in the bag, does not keep those that are
/// from being verified. The script of the bag says the same.
#[test]
fn every_log_file_in_a_bag_is_verified_whatever_the_bag_says() {
    type Case = (&'static str, Vec<String>, String, &'static [u8], &'static str, &'static str);
    let hour = |hour: i64| common::at(hour, 0).to_string();
    let some = ["--start-time".into(), hour(2), "--end-time".into(), hour(5)];
    let none = ["--logs".into(), "none".into()];
    let injected = || log_key_at(common::at(3, 40), "CloudTrail", "0000000000000000");
    let altered: &[u8] = b"{\"Records\":[]}";
    let cases: Vec<Case> = vec![
        ("altered, said to be none", none.to_vec(), log_key(2), altered, "valid", "log-modified"),
        ("put in, said to be none", none.to_vec(), injected(), b"{}", "valid", "log-unreferenced"),
        ("put in beside the time", some.to_vec(), log_key(7), b"{}", "not checked", ""),
    ];
    let tree = Tree::sealed();
    for (name, asked, key, content, result, code) in cases {
        let asked: Vec<_> = asked.iter().map(String::as_str).collect();
        let bag = Bag::of(&tree, &asked);
        assert_eq!(bag.check(&[]).status, 0, "{name}");
        let rows = bag.read("data/custody.csv");
        let kept: Vec<_> = rows.split("\r\n").filter(|row| !row.contains(&key)).collect();
        fs::write(bag.path("data/custody.csv"), kept.join("\r\n")).unwrap();
        bag.put(&key, &gzip(content), result);
        bag.write_manifests_anew();
        let checked = bag.check(&[]);
        // The digest that may list the last one is not in the bag.
        let status = if code.is_empty() { 3 } else { 1 };
        assert_eq!(checked.status, status, "{name}: {}", checked.json);
        let found = checked.found();
        assert!(code.is_empty() || found.contains(&code.to_owned()), "{name}: {found:?}");
        if has_openssl() {
            let ran = bag.script(&[]);
            assert!(ran.status == 1 || (status == 3 && ran.status == 3), "{name}: {}", ran.out);
        }
    }
}

/// What people read of a bag is held against its report, and what lies beside it is told.
#[test]
fn files_that_say_other_than_the_report_do_not_pass() {
    type Damage = (fn(&Bag), &'static str, &'static str);
    let damages: [Damage; 8] = [
        (
            |b| b.replace("data/report/report.html", "<h1", "<h1 x"),
            "open",
            "data/report/report.html",
        ),
        (|b| b.replace("VERIFY.md", "verified", "proven"), "open", "VERIFY.md"),
        (|b| fs::write(b.path("verify.sh"), "echo fine").unwrap(), "open", "verify.sh"),
        (
            |b| fs::write(b.path("data/controls/offers.txt"), "all").unwrap(),
            "open",
            "data/controls/offers.txt",
        ),
        (
            |b| fs::write(b.path("data/report/more.html"), "x").unwrap(),
            "bag-extra",
            "data/report/more.html",
        ),
        (
            |b| fs::write(b.path("data/keys/more.txt"), "x").unwrap(),
            "bag-extra",
            "data/keys/more.txt",
        ),
        (|b| fs::write(b.path("README"), "x").unwrap(), "bag-extra", "README"),
        (
            |b| {
                b.write_manifests_anew();
                let rows = b.read("data/custody.csv");
                let of_log = rows.lines().find(|row| row.contains(&log_key(2))).unwrap();
                let hash = of_log.split(',').nth(5).unwrap().to_owned();
                b.replace("data/custody.csv", &hash, &"0".repeat(64));
            },
            "bag-contradicts",
            "log",
        ),
    ];
    let tree = Tree::sealed();
    for (damage, code, path) in damages {
        let bag = Bag::of(&tree, &[]);
        damage(&bag);
        let path = if path == "log" { object(&log_key(2)) } else { path.to_owned() };
        bag.write_manifests_of_what_is_there();
        let checked = bag.check(&[]);
        // What is written from the report may be another build's: that leaves open what it says.
        if code == "open" {
            assert_eq!((checked.status, checked.faults()), (3, vec![]), "{}", checked.json);
            assert!(checked.json["differences"][0].as_str().unwrap().starts_with(&path));
        } else {
            assert_eq!(checked.status, 1, "{path}: {}", checked.json);
            assert_eq!(checked.faults(), [(code.to_owned(), path)]);
        }
    }
    // An object that nothing is verified of, though custody calls it valid.
    let bag = Bag::of(&tree, &[]);
    let other = "data/objects/example-bucket/AWSLogs/other";
    fs::create_dir_all(bag.path("data/objects/example-bucket/AWSLogs")).unwrap();
    fs::write(bag.path(other), "x").unwrap();
    let row = format!("{other},yes,log,s3://x,1,,,,,valid,,\r\n");
    bag.change("data/custody.csv", |x| x.extend(row.bytes()));
    bag.write_manifests_anew();
    assert!(bag.check(&[]).json["not_proven"].to_string().contains(other));
}

/// Whoever packs a bag chooses the question: the result says what it was.
#[test]
fn the_result_says_what_was_asked() {
    let tree = Tree::sealed();
    let end = common::at(HOURS.into(), 0).to_string();
    let start = common::at(2, 0).to_string();
    let asked = ["--start-time", &start, "--end-time", &end, "--grace", "3h"];
    let bag = Bag::of(&tree, &asked);
    let checked = bag.check(&[]);
    assert_eq!(checked.json["reverified"]["scope"]["start"], start.as_str());
    let said = checked.json["not_proven"].to_string();
    assert!(said.contains("outside the requested time"), "{said}");
    let text = trailseal(&["evidence", "check", bag.dir.to_str().unwrap(), "--no-progress"]).out;
    let key = checked.json["reverified"]["keys"][0]["fingerprint"].as_str().unwrap();
    let proven = "6 h proven".to_owned();
    for told in [format!("{start} to {end}"), "may be 3 h late".into(), proven, key.to_owned()] {
        assert!(text.contains(&told), "{told}: {text}");
    }
}

/// As wide as an organization's bucket is: a folder for each of more accounts than files may be
/// open at once.
#[test]
fn a_wide_bag_is_checked_and_archived() {
    let tree = Tree::sealed();
    let bag = Bag::of(&tree, &[]);
    for number in 0..200 {
        let folder = object(&format!("AWSLogs/{number:012}"));
        fs::create_dir_all(bag.path(&folder)).unwrap();
    }
    let ran = Command::new("sh")
        .args(["-c", "ulimit -n 100; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_trailseal")])
        .args(["evidence", "check", bag.dir.to_str().unwrap(), "--no-progress"])
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(0), "{}", String::from_utf8_lossy(&ran.stderr));
}

/// A bag of a newer version is not called altered by an older one.
#[test]
fn a_newer_bag_is_incomplete_and_never_tampering() {
    let tree = Tree::sealed();
    for (path, from, to) in [
        ("data/report/run.json", "trailseal.run/1", "trailseal.run/2"),
        ("data/report/request.json", "evidence-request/1", "evidence-request/9"),
    ] {
        let bag = Bag::of(&tree, &[]);
        bag.replace(path, from, to);
        bag.write_manifests_anew();
        let checked = bag.check(&[]);
        assert_eq!(checked.status, 3, "{path}: {}", checked.json);
        assert_eq!(checked.faults(), [("bag-newer".to_owned(), path.to_owned())]);
    }
}

#[test]
fn a_check_changes_nothing() {
    let tree = Tree::sealed();
    let bag = Bag::of(&tree, &["--logs", "none"]);
    let before = files_of(&bag.dir);
    let folders = || {
        let output = Command::new("find").arg(&bag.dir).args(["-type", "d"]).output().unwrap();
        output.stdout.len()
    };
    let were = folders();
    bag.check(&[]);
    assert_eq!((files_of(&bag.dir), folders()), (before, were));
}

#[test]
fn keys_of_ones_own_take_the_place_of_those_in_the_bag() {
    let tree = Tree::sealed();
    let bag = Bag::of(&tree, &[]);
    let keys = tree.keys.to_str().unwrap();
    let checked = bag.check(&["--keys", keys]);
    assert_eq!(checked.status, 0);
    let said = |checked: &bag::Checked| checked.json["not_proven"].to_string();
    assert!(!said(&checked).contains("public keys in the bag"));
    assert!(said(&bag.check(&[])).contains("public keys in the bag"));
    let other = scratch();
    let made = trailseal(&["keys", "generate", other.path().join("k").to_str().unwrap()]);
    assert_eq!(made.status, 0, "{}", made.err);
    let other = other.path().join("k/public-keys.json");
    let checked = bag.check(&["--keys", other.to_str().unwrap()]);
    assert_eq!((checked.status, checked.found()[0].as_str()), (3, "digest-key-unknown"));
}

// ---- archives -----------------------------------------------------------------------------

#[test]
fn hostile_archives_are_refused() {
    let folder = scratch();
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let deflated =
        SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    let archive = |files: &[(&str, &[u8], SimpleFileOptions)]| {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content, options) in files {
            archive.start_file(*name, *options).unwrap();
            archive.write_all(content).unwrap();
        }
        archive.finish().unwrap().into_inner()
    };
    let linked = {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        archive.add_symlink("bag/link", "/etc/passwd", stored).unwrap();
        archive.finish().unwrap().into_inner()
    };
    let zeros = vec![0; 200 << 20];
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"PK".to_vec(), "not a ZIP archive"),
        (archive(&[]), "contains no files"),
        (archive(&[("bag/../../climbs", b"x", stored)]), "is outside the bag"),
        (archive(&[("/absolute", b"x", stored)]), "is outside the bag"),
        (archive(&[("beside", b"x", stored)]), "is outside the bag"),
        (archive(&[("bag/a", b"x", stored), ("other/b", b"x", stored)]), "is outside the bag"),
        (linked, "not a regular file"),
        (archive(&[("bag/bomb", &zeros, deflated)]), "unpacks to more than"),
    ];
    for (bytes, reason) in cases {
        let path = folder.path().join("bag.zip");
        fs::write(&path, bytes).unwrap();
        let checked = check(&path, &[]);
        assert_eq!(checked.status, 2, "{reason}");
        assert!(checked.err.contains(reason), "{reason}: {}", checked.err);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// What some programs see of an archive and others do not.
#[test]
fn an_archive_of_two_readings_is_refused() {
    let tree = Tree::sealed();
    let folder = scratch();
    let path = folder.path().join("evidence.zip");
    assert_eq!(pack(&tree, &path, &[]).status, 0);
    assert_eq!(check(&path, &[]).status, 0);
    let whole = fs::read(&path).unwrap();
    let find = |pattern: &[u8], nth: usize| {
        let found = whole.windows(pattern.len()).enumerate().filter(|(_, w)| *w == pattern);
        found.map(|(at, _)| at).nth(nth).unwrap()
    };
    let (second, directory) = (find(b"PK\x03\x04", 1), find(b"PK\x01\x02", 0));
    let end = whole.len() - 22;
    // Moves what the directory and the end say of places by some bytes, as whoever inserts them can.
    let moved = |bytes: &mut Vec<u8>, from: usize, by: u32| {
        let add = |bytes: &mut [u8], at: usize| {
            let old = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
            if old as usize >= from {
                bytes[at..at + 4].copy_from_slice(&(old + by).to_le_bytes());
            }
        };
        let central: Vec<_> =
            (0..bytes.len() - 4).filter(|at| bytes[*at..].starts_with(b"PK\x01\x02")).collect();
        central.into_iter().for_each(|at| add(bytes, at + 42));
        let end = bytes.len() - 22;
        add(bytes, end + 16);
    };
    let mut cases: Vec<(&str, Vec<u8>, &str)> = Vec::new();
    cases.push(("data before", [b"MZ junk", &whole[..]].concat(), "data before"));
    let mut before = [b"MZ junk", &whole[..]].concat();
    moved(&mut before, 0, 7);
    cases.push((
        "data before, places moved",
        before,
        "there is data before the archive's first file",
    ));
    cases.push(("data after", [&whole[..], b"junk"].concat(), "data after the archive"));
    let mut comment = whole.clone();
    comment[end + 20] = 4;
    comment.extend(b"note");
    cases.push(("a comment", comment, "it has a comment"));
    let mut gap = whole.clone();
    gap.splice(second..second, *b"hidden");
    moved(&mut gap, second, 6);
    cases.push(("data between files", gap, "there is unknown data before it"));
    let mut gap = whole.clone();
    gap.splice(directory..directory, *b"hidden");
    let at = gap.len() - 22 + 16;
    gap[at..at + 4].copy_from_slice(&(u32::try_from(directory).unwrap() + 6).to_le_bytes());
    cases.push(("data before the directory", gap, "between its files and its directory"));
    let mut local = whole.clone();
    local[30 + 9] ^= 1;
    cases.push(("a local name", local, "its own header names it"));
    let mut local = whole.clone();
    local[14] ^= 1;
    cases.push(("a local checksum", local, "differs from the archive's directory"));
    let mut twice = whole.clone();
    let name = |at: usize| whole[at + 30..at + 30 + usize::from(whole[at + 26])].to_vec();
    let (first, other) = (name(0), name(second));
    if first.len() == other.len() {
        twice[second + 30..second + 30 + first.len()].copy_from_slice(&first);
        cases.push(("a name twice", twice, "its own header names it"));
    }
    let mut count = whole.clone();
    count[end + 8] -= 1;
    count[end + 10] -= 1;
    cases.push(("one file too few", count, ""));
    for (name, bytes, reason) in cases {
        fs::write(&path, bytes).unwrap();
        let checked = check(&path, &[]);
        assert_eq!(checked.status, 2, "{name}: {}", checked.err);
        assert!(checked.err.contains(reason), "{name}: {}", checked.err);
    }
}

// ---- by hand ------------------------------------------------------------------------------

#[test]
fn the_script_passes_a_bag_without_trailseal() {
    if !has_openssl() {
        return;
    }
    let tree = Tree::sealed();
    for logs in ["all", "failed", "none"] {
        let bag = Bag::of(&tree, &["--logs", logs]);
        let ran = bag.script(&[]);
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{}", ran.out);
        assert!(ran.out.contains("digests    8 checked"), "{}", ran.out);
        let (checked, absent) = if logs == "all" { (7, 0) } else { (0, 7) };
        let told =
            format!("log files  {checked} checked against their digests; {absent} are listed");
        assert!(ran.out.contains(&told), "{}", ran.out);
    }
}

#[test]
fn the_script_reads_copies_that_lost_signatures_or_were_unpacked() {
    if !has_openssl() {
        return;
    }
    let tree = Tree::sealed();
    for end in 1..HOURS {
        tree.lose_metadata(&digest_key(end));
    }
    for key in [log_key(2), digest_key(4)] {
        let inflated = common::gunzip(&fs::read(tree.path(&key)).unwrap());
        fs::write(tree.path(key.strip_suffix(".gz").unwrap()), inflated).unwrap();
        tree.remove(&key);
    }
    let bag = Bag::of(&tree, &[]);
    assert_eq!(bag.status, 0, "{}", bag.out);
    let ran = bag.script(&[]);
    assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{}", ran.out);
    assert_eq!(bag.check(&[]).status, 0);
}

/// Verdicts of a run and statuses of the script: 3 is for what is open in either.
#[test]
#[ignore = "slow: many bags, each checked by the script"]
fn the_script_calls_trouble_open_and_fails_no_verified_bag() {
    if !has_openssl() {
        return;
    }
    let status = |name: &str, tree: &Tree, more: &[&str]| {
        let bag = Bag::of(tree, more);
        let ran = bag.script(&[]);
        assert_eq!(ran.err, "", "{name}");
        (bag.status, ran.status)
    };
    let tree = Tree::sealed();
    let (from, to) = (common::at(2, 0).to_string(), common::at(5, 0).to_string());
    let some = ["--start-time", from.as_str(), "--end-time", to.as_str()];
    assert_eq!(status("a part of the time", &tree, &some), (0, 0));
    assert_eq!(status("another trail", &tree, &["--trail", "none-such"]), (3, 3));
    assert_eq!(status("another account", &tree, &["--account", "999999999999"]), (3, 3));
    let beside = log_key_at(common::at(2, 40), "CloudTrail", "0000000000000000");
    tree.write_log(&beside);
    assert_eq!(status("let pass", &tree, &["--unreferenced", "notice"]), (0, 0));
    assert_eq!(status("put in", &tree, &[]), (1, 1));
    let tree = Tree::sealed();
    tree.lose_metadata(&digest_key(HOURS));
    assert_eq!(status("no signature", &tree, &[]), (3, 3));
    for key in [log_key(2), digest_key(5)] {
        let tree = Tree::sealed();
        fs::remove_file(tree.path(&key)).unwrap();
        symlink("/etc/passwd", tree.path(&key)).unwrap();
        assert_eq!(status("unreadable", &tree, &[]), (3, 3), "{key}");
    }
}

#[test]
fn the_script_is_steered_by_no_name_in_a_bag() {
    if !has_openssl() {
        return;
    }
    let bag = Bag::of(&Tree::sealed(), &[]);
    for name in ["data/\u{1b}[2JRESULT", "data/x\nRESULT     all of it holds"] {
        fs::write(bag.path(name), "x").unwrap();
    }
    let ran = bag.script(&[]);
    assert_eq!(ran.status, 1);
    assert!(!ran.out.contains('\u{1b}'), "{:?}", ran.out);
    assert_eq!(ran.out.lines().filter(|line| line.starts_with("RESULT")).count(), 1);
}

#[test]
fn the_script_follows_backfill_chains_too() {
    if !has_openssl() {
        return;
    }
    let tree = Tree::sealed();
    for (late, end) in [(2, 8), (3, 9), (4, 10)] {
        tree.write_log(&log_key_at(common::at(late, 40), "CloudTrail", "aaaaaaaaaaaaaaaa"));
        tree.seal(end).unwrap();
    }
    let bag = Bag::of(&tree, &[]);
    let ran = bag.script(&[]);
    assert_eq!((bag.status, ran.status, ran.err.as_str()), (0, 0, ""), "{}", ran.out);
    assert!(ran.out.contains("digests    13 checked"), "{}", ran.out);
    assert_eq!(bag.check(&[]).status, 0);
    bag.forget(&common::backfill_key(9));
    bag.write_manifests_anew();
    let ran = bag.script(&[]);
    assert_eq!(ran.status, 1, "{}", ran.out);
    assert!(ran.out.contains("the digest before it is not in the bag"), "{}", ran.out);
    assert_eq!(bag.check(&[]).status, 1);
}

#[test]
#[ignore = "slow: 17 bags, each checked by the script"]
fn the_script_fails_a_tampered_bag() {
    if !has_openssl() {
        return;
    }
    type Damage = (&'static str, bool, fn(&Bag), &'static str);
    let damages: [Damage; 16] = [
        (
            "digest that is made to take long",
            true,
            |b| fs::write(b.object(&digest_key(4)), gzip(&vec![b' '; 129 << 20])).unwrap(),
            "it is not whole",
        ),
        (
            "link to a log put in",
            true,
            |b| {
                fs::write(b.path("data/keys/hidden"), gzip(b"{}")).unwrap();
                let key = log_key_at(common::at(2, 40), "CloudTrail", "0000000000000000");
                symlink(b.path("data/keys/hidden"), b.object(&key)).unwrap();
            },
            "it is no regular file",
        ),
        (
            "log put in, unpacked",
            true,
            |b| {
                let key = log_key_at(common::at(2, 40), "CloudTrail", "0000000000000000");
                fs::write(b.object(key.strip_suffix(".gz").unwrap()), "{}").unwrap();
            },
            "no digest in the bag lists it",
        ),
        (
            "log put in among digests",
            true,
            |b| fs::write(b.object(&digest_key(12).replace(".json", "")), gzip(b"{}")).unwrap(),
            "no digest in the bag lists it",
        ),
        (
            "log called unread and gone",
            true,
            |b| {
                b.forget(&log_key(2));
                b.change("data/custody.csv", |x| {
                    x.extend(b"data/objects/other,no,log,,,,,,,,,\r\n")
                });
            },
            "it is not in the bag",
        ),
        (
            "key elsewhere",
            true,
            |b| {
                let digest = fs::read(b.object(&digest_key(4))).unwrap();
                let text = String::from_utf8(common::gunzip(&digest)).unwrap();
                let (head, tail) = text.split_once("\"digestPublicKeyFingerprint\":\"").unwrap();
                let tail = tail.split_once('"').unwrap().1;
                let text = format!("{head}\"digestPublicKeyFingerprint\":\"../evil\"{tail}");
                fs::write(b.object(&digest_key(4)), gzip(text.as_bytes())).unwrap();
            },
            "it names no key",
        ),
        ("altered", false, |b| b.change(&object(&log_key(2)), |x| x.push(0)), "it was altered"),
        ("extra", false, |b| fs::write(b.path("data/more"), "x").unwrap(), "no manifest names it"),
        (
            "log",
            true,
            |b| fs::write(b.object(&log_key(2)), gzip(b"{}")).unwrap(),
            "not what the digest vouches for",
        ),
        (
            "log behind",
            true,
            |b| b.change(&object(&log_key(2)), |x| x.extend(b"more")),
            "it is not whole",
        ),
        ("log gone", true, |b| b.forget(&log_key(2)), "it is not in the bag"),
        (
            "log put in",
            true,
            |b| fs::write(b.object(&log_key(3)), gzip(b"{}")).unwrap(),
            "no digest in the bag lists it",
        ),
        (
            "digest gone",
            true,
            |b| b.forget(&digest_key(4)),
            "the digest before it is not in the bag",
        ),
        (
            "digest",
            true,
            |b| {
                let d = fs::read(b.object(&digest_key(4))).unwrap();
                let t = String::from_utf8(common::gunzip(&d))
                    .unwrap()
                    .replace("us-east-1_20260301T0320Z", "us-east-1_20260301T0321Z")
                    .replace("\"newestEventTime\":null", "\"newestEventTime\":\"\"");
                fs::write(b.object(&digest_key(4)), gzip(t.as_bytes())).unwrap();
            },
            "its signature does not fit",
        ),
        (
            "signature",
            true,
            |b| {
                let path = format!("{}.metadata.json", object(&digest_key(4)));
                let other = b.read(&format!("{}.metadata.json", object(&digest_key(5))));
                fs::write(b.path(&path), other).unwrap();
            },
            "its signature does not fit",
        ),
        (
            "digest of another place",
            true,
            |b| {
                fs::copy(b.object(&digest_key(4)), b.object(&digest_key(12))).unwrap();
            },
            "the digest says that it is",
        ),
    ];
    let tree = Tree::sealed();
    for (name, anew, damage, said) in damages {
        let bag = Bag::of(&tree, &[]);
        damage(&bag);
        if anew {
            bag.write_manifests_anew();
        }
        let ran = bag.script(&[]);
        assert_eq!(ran.status, 1, "{name}: {}", ran.out);
        let faults: Vec<_> = ran.out.lines().filter(|line| line.starts_with("FAULT")).collect();
        assert!(faults.iter().any(|line| line.contains(said)), "{name}: {faults:#?}");
        assert!(ran.out.contains("RESULT     ") && ran.out.contains("contradicts"), "{name}");
    }
}

/// What desktops and copying leave beside log files is in the bag of an honest archive too.
#[test]
fn odd_files_of_an_honest_archive_make_no_bag_altered() {
    let tree = Tree::sealed();
    let log = log_key(2);
    let (folder, name) = log.rsplit_once('/').unwrap();
    tree.write(&format!("{folder}/.DS_Store"), b"\0\0\0\x01Bud1");
    tree.write(&format!("{folder}/._{name}"), b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X");
    tree.write(&log.replace(".json.gz", " (1).json.gz"), &fs::read(tree.path(&log)).unwrap());
    let bag = Bag::of(&tree, &[]);
    let checked = bag.check(&[]);
    assert_eq!((bag.status, checked.status), (0, 0), "{}{}", bag.out, checked.json);
    assert_eq!(checked.json["differences"], serde_json::json!([]));
    if has_openssl() {
        let ran = bag.script(&[]);
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{}", ran.out);
        assert!(ran.out.contains("NOTE   "), "{}", ran.out);
    }
}

/// Every tampering that the one tells the other tells too.
#[test]
#[ignore = "slow: 22 bags, each checked by the script too"]
fn the_script_and_the_check_agree_on_every_tampering() {
    if !has_openssl() {
        return;
    }
    type Case = (&'static str, fn(&Bag), (u8, u8));
    let cases: [Case; 22] = [
        ("nothing", |_| {}, (0, 0)),
        ("a file beside", |b| fs::write(b.path("README"), "x").unwrap(), (1, 1)),
        ("a file in data", |b| fs::write(b.path("data/report/x.html"), "x").unwrap(), (1, 1)),
        ("a file among keys", |b| fs::write(b.path("data/keys/x.txt"), "x").unwrap(), (1, 1)),
        ("newest digest gone", |b| b.forget(&digest_key(HOURS)), (1, 1)),
        ("a digest gone", |b| b.forget(&digest_key(4)), (1, 1)),
        ("first digest gone", |b| b.forget(&digest_key(1)), (1, 1)),
        ("a log gone", |b| b.forget(&log_key(2)), (1, 1)),
        ("a log altered", |b| fs::write(b.object(&log_key(2)), gzip(b"{}")).unwrap(), (1, 1)),
        (
            "a log put in",
            |b| b.put(&log_key_at(common::at(2, 40), "CloudTrail", "0000000000000000"), b"x", ""),
            (1, 1),
        ),
        ("a row that says no", |b| b.change_row(&log_key(2), |row| row[1] = "no".into()), (1, 1)),
        (
            "a row that says unreadable",
            |b| b.change_row(&log_key(2), |row| row[1] = "unreadable".into()),
            (1, 1),
        ),
        ("a row's hash value", |b| b.change_row(&log_key(2), |r| r[5] = "0".repeat(64)), (1, 1)),
        (
            "log files said to be none",
            |b| {
                b.replace("bag-info.txt", "Trailseal-Logs: all", "Trailseal-Logs: none");
                b.forget(&log_key(2));
            },
            (1, 1),
        ),
        (
            "log files said to pass",
            |b| b.change("bag-info.txt", |x| x.extend(b"Trailseal-Unreferenced: ignore\n")),
            (1, 1),
        ),
        ("a verdict", |b| b.replace("bag-info.txt", "ct: verified", "ct: incomplete"), (1, 1)),
        ("counts", |b| b.replace("data/report/run.json", "\"valid\": 8", "\"valid\": 99"), (1, 1)),
        (
            "a version",
            |b| {
                let own = env!("CARGO_PKG_VERSION");
                b.replace(
                    "data/report/run.json",
                    &format!("\"version\": \"{own}\""),
                    "\"version\": \"9\"",
                );
                b.replace("bag-info.txt", &format!("trailseal {own}"), "trailseal 9");
            },
            (3, 3),
        ),
        (
            "no keys",
            |b| {
                let keys = files_of(&b.dir).into_keys().filter(|p| p.starts_with("data/keys/"));
                keys.for_each(|key| fs::remove_file(b.path(&key)).unwrap());
                fs::write(b.path(SOURCES), "[]").unwrap();
            },
            (1, 1),
        ),
        (
            "a key that had expired",
            |b| {
                b.replace(SOURCES, "2037-07-27T16:00:00Z", "2015-07-27T16:00:00Z");
                b.replace("data/report/run.json", "2037-07-27T16:00:00Z", "2015-07-27T16:00:00Z");
                let keys = "data/keys/public-keys-of-any-region.json";
                b.replace(keys, "2132323200", "1438012800");
            },
            (1, 1),
        ),
        (
            "an end that nothing reaches",
            |b| {
                let end = common::at(HOURS.into(), 0).to_string();
                let later = common::at(40, 0).to_string();
                b.replace("data/report/request.json", &end, &later);
            },
            (1, 1),
        ),
        (
            "a start before the chain",
            |b| {
                b.replace(
                    "data/report/request.json",
                    "\"start\": null",
                    "\"start\": \"2026-02-01T00:00:00Z\"",
                );
            },
            (3, 3),
        ),
    ];
    let end = common::at(HOURS.into(), 0).to_string();
    let tree = Tree::sealed();
    for (name, tamper, expected) in cases {
        // A digest is due up to the very end.
        let bag = Bag::of(&tree, &["--end-time", &end, "--grace", "0s"]);
        tamper(&bag);
        if name.contains("row") {
            bag.write_manifests_of_what_is_there();
        } else {
            bag.write_manifests_anew();
        }
        let (checked, ran) = (bag.check(&[]), bag.script(&[]));
        let told = format!("{name}: {} {}{}", checked.json, ran.out, ran.err);
        assert_eq!((checked.status, ran.status), expected, "{told}");
    }
}

/// Files of the bag that its reader may not read: what they say is not known, and contradicts
/// nothing.
#[cfg(unix)]
#[test]
fn a_file_that_may_not_be_read_is_no_contradiction() {
    use std::os::unix::fs::PermissionsExt;
    let bag = Bag::of(&Tree::sealed(), &[]);
    let mut paths = vec!["bag-info.txt".to_owned()];
    for entry in fs::read_dir(bag.path("data/keys")).unwrap() {
        paths.push(format!("data/keys/{}", entry.unwrap().file_name().to_str().unwrap()));
    }
    assert_eq!(paths.len(), 4);
    for path in paths {
        let allow = |mode| fs::set_permissions(bag.path(&path), fs::Permissions::from_mode(mode));
        allow(0).unwrap();
        if fs::read(bag.path(&path)).is_ok() {
            eprintln!("skipped: this user reads every file");
            return;
        }
        let checked = bag.check(&[]);
        allow(0o600).unwrap();
        assert_eq!(checked.status, 3, "{path}: {}", checked.json);
    }
}
