//! Genuine CloudTrail logs, where they are at hand: sealed, verified, damaged, verified again.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{Report, scratch, trailseal, verify};

const FOLDER: &str = "AWSLogs/218007301253/CloudTrail/us-east-1/2023/07/10";

/// The genuine logs, copied and sealed as their trail; `None`, aloud, where they are not at hand.
fn sealed() -> Option<(tempfile::TempDir, PathBuf)> {
    let logs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/real-logs").join(FOLDER);
    if !logs.is_dir() {
        let mut err = std::io::stderr();
        let _ = std::io::Write::write_all(&mut err, b"SKIPPED: the genuine logs are not at hand\n");
        return None;
    }
    let dir = scratch();
    let copy = dir.path().join("copy");
    fs::create_dir_all(copy.join(FOLDER)).unwrap();
    for entry in fs::read_dir(logs).unwrap() {
        let entry = entry.unwrap();
        let bytes = fs::read(entry.path()).unwrap();
        fs::write(copy.join(FOLDER).join(entry.file_name()), bytes).unwrap();
    }
    let keys = dir.path().join("keys");
    assert_eq!(trailseal(&["keys", "generate", keys.to_str().unwrap()]).status, 0);
    let key = keys.join("signing-key.pem");
    let seal = [
        "seal",
        copy.to_str().unwrap(),
        "--account",
        "218007301253",
        "--region",
        "us-east-1",
        "--trail",
        "real_trail",
        "--bucket",
        "real-bucket",
        "--key",
        key.to_str().unwrap(),
        "--start-time",
        "2023-07-10T11:00:00Z",
        "--end-time",
        "2023-07-10T14:00:00Z",
        "--no-progress",
    ];
    let ran = trailseal(&seal);
    assert_eq!((ran.status, ran.out.lines().count()), (0, 4), "{}{}", ran.out, ran.err);
    Some((dir, copy))
}

fn check(dir: &tempfile::TempDir, keys: &str) -> Report {
    let (copy, keys) = (dir.path().join("copy"), dir.path().join("keys").join(keys));
    verify(&["verify", copy.to_str().unwrap(), "--keys", keys.to_str().unwrap()])
}

fn a_log(copy: &Path) -> PathBuf {
    copy.join(FOLDER)
        .join("218007301253_CloudTrail_us-east-1_20230710T1205Z_1dM7GQM67kudSyGD.json.gz")
}

/// The only finding's code and the last part of its key.
fn only_finding(report: &Report) -> (String, String) {
    let codes = report.codes();
    assert_eq!((codes.len(), report.status), (1, 1), "{codes:?}");
    let (code, _, key) = &codes[0];
    (code.clone(), key.rsplit('/').next().unwrap().to_owned())
}

#[test]
fn genuine_logs_verify_with_both_forms_of_the_key() {
    let Some((dir, _)) = sealed() else { return };
    for keys in ["public-keys.json", "certificate.pem"] {
        let report = check(&dir, keys);
        assert_eq!((report.status, report.findings().len()), (0, 0));
        assert_eq!((report.count("digests", "valid"), report.count("logs", "valid")), (3, 55));
    }
}

#[test]
fn a_flipped_byte_in_a_genuine_log_is_found() {
    let Some((dir, copy)) = sealed() else { return };
    let mut bytes = fs::read(a_log(&copy)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(a_log(&copy), bytes).unwrap();
    let name = a_log(&copy).file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(only_finding(&check(&dir, "public-keys.json")), ("log-malformed".to_owned(), name));
}

#[test]
fn a_removed_genuine_log_is_found() {
    let Some((dir, copy)) = sealed() else { return };
    fs::remove_file(a_log(&copy)).unwrap();
    let name = a_log(&copy).file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(only_finding(&check(&dir, "public-keys.json")), ("log-missing".to_owned(), name));
}

#[test]
fn an_added_log_is_found() {
    let Some((dir, copy)) = sealed() else { return };
    let name = "218007301253_CloudTrail_us-east-1_20230710T1205Z_0000000000000000.json.gz";
    fs::copy(a_log(&copy), copy.join(FOLDER).join(name)).unwrap();
    assert_eq!(
        only_finding(&check(&dir, "public-keys.json")),
        ("log-unreferenced".to_owned(), name.to_owned())
    );
}
