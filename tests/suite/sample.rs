//! The committed sample: it is what the command writes, and verifies as the README says.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::common::{scratch, trailseal, verify};

fn committed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(name)
}

fn sample() -> PathBuf {
    committed("sample")
}

fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                found.insert(name, fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Holds a committed sample to what the command writes with its key.
fn is_what_the_command_writes(sample: &Path, args: &[&str]) {
    let dir = scratch();
    let keys = dir.path().join("keys");
    fs::create_dir(&keys).unwrap();
    for name in ["signing-key.pem", "public-keys.json", "certificate.pem"] {
        fs::copy(sample.join("keys").join(name), keys.join(name)).unwrap();
    }
    let command = [&["sample", dir.path().to_str().unwrap()], args].concat();
    let ran = trailseal(&command);
    assert_eq!(ran.status, 0, "{}", ran.err);
    let (committed, written) = (files(sample), files(dir.path()));
    assert_eq!(committed.keys().collect::<Vec<_>>(), written.keys().collect::<Vec<_>>());
    for (name, bytes) in &committed {
        assert!(written[name] == *bytes, "{name} is not what the command writes");
    }
    let size: usize = committed.values().map(Vec::len).sum();
    assert!(size < 1_000_000, "the sample takes {size} bytes");
    // It is written to a new place only.
    assert_eq!(trailseal(&command).status, 2);
}

#[test]
fn the_samples_are_what_the_command_writes_with_their_key() {
    is_what_the_command_writes(&sample(), &[]);
    is_what_the_command_writes(&committed("restart"), &["--restart"]);
}

#[test]
fn the_restarted_sample_is_verified_with_its_gaps_explained() {
    let root = committed("restart");
    let (root, keys) = (root.to_str().unwrap(), root.join("keys/public-keys.json"));
    let report = verify(&["verify", root, "--keys", keys.to_str().unwrap()]);
    assert_eq!((report.status, report.hours().as_str()), (0, "PPPPPPEEEPPPPPP"));
    let gaps: Vec<_> = report.codes();
    assert_eq!(gaps.len(), 2, "in both regions");
    assert!(
        gaps.iter().all(|(code, severity, _)| (&**code, &**severity) == ("chain-gap", "notice"))
    );
    assert!(report.json["not_proven"].to_string().contains("an explained gap had no digests"));
    // Without the home region nobody says why.
    let one = verify(&["verify", root, "--keys", keys.to_str().unwrap(), "--region", "eu-west-1"]);
    assert_eq!((one.status, one.hours().as_str()), (3, "PPPPPPGGGPPPPPP"));
}

#[test]
fn the_sample_verifies_with_every_form_of_its_key() {
    let root = sample();
    for form in ["public-keys.json", "certificate.pem"] {
        let keys = root.join("keys").join(form);
        let report = verify(&["verify", root.to_str().unwrap(), "--keys", keys.to_str().unwrap()]);
        assert_eq!(report.status, 0, "{:#}", report.json["findings"]);
        assert_eq!(report.json["verdict"], "verified");
        assert_eq!(report.json["totals"]["chains"], 5);
        assert_eq!(
            report.count("digests", "valid"),
            121,
            "4 chains of 30 hours, and a backfill digest"
        );
        assert_eq!(report.count("logs", "valid"), 98, "an Insights and a late one among them");
        assert_eq!(report.json["totals"]["coverage_seconds"]["proven"], 4 * 30 * 3600);
    }
}

#[test]
fn the_readme_shows_what_the_sample_comes_to() {
    let readme =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let command = "cargo run --no-default-features -- verify testdata/sample --keys testdata/sample/keys/public-keys.json";
    assert!(readme.contains(command));
    let root = sample();
    let keys = root.join("keys/public-keys.json");
    let ran = trailseal(&["verify", root.to_str().unwrap(), "--keys", keys.to_str().unwrap()]);
    let shown = readme.split("<!-- sample output -->").nth(1).unwrap();
    let shown = shown.trim().trim_start_matches("```text").trim_end_matches("```").trim();
    assert!(
        ran.out.starts_with(shown),
        "the README shows:\n{shown}\nthe command prints:\n{}",
        ran.out
    );
}
