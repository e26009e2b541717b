//! Input that somebody made to mislead, to break out or to break down: each comes to a finding
//! or a clear error, nothing outside of the source is read, and nothing that is printed steers a
//! terminal.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::{
    ACCOUNT, BUCKET, HOURS, REGION, Ran, Report, Tree, at, digest_key, gunzip, gzip, key, log_key,
    log_key_at, scratch, trailseal, verify,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use trailseal::internals::crypto::Signer;
use trailseal::internals::model::text::is_steering;
use trailseal::internals::model::{LogEntry, Sha256Hash};
use trailseal::internals::seal::builder;

/// Nothing that was printed steers a terminal; lines may end.
fn plain(text: &str) {
    let found = text.chars().find(|c| is_steering(*c) && *c != '\n');
    assert_eq!(found, None, "{text:?}");
}

/// Runs a command that must say why it does nothing.
fn fails(args: &[&str], status: u8) -> String {
    let Ran { status: actual, out, err } = trailseal(args);
    assert_eq!((actual, out.as_str()), (status, ""), "{args:?}: {err}");
    plain(&err);
    assert!(err.starts_with("trailseal: "), "{err}");
    err
}

/// Verifies a source in both formats; what is printed steers nothing.
fn report_on(tree: &Tree, source: &Path, more: &[&str]) -> Report {
    let keys = tree.keys.to_str().unwrap();
    let args = [&["verify", source.to_str().unwrap(), "--keys", keys][..], more].concat();
    let report = verify(&args);
    for format in ["text", "json"] {
        let ran = trailseal(&[&args[..], &["--no-progress", "--format", format]].concat());
        assert_eq!(ran.status, report.status);
        // The verdict, in one line.
        assert!(ran.err.starts_with("trailseal: ") && ran.err.lines().count() == 1, "{}", ran.err);
        [&ran.out, &ran.err].into_iter().for_each(|text| plain(text));
    }
    report
}

fn report(tree: &Tree) -> Report {
    report_on(tree, tree.root(), &[])
}

/// Code and key of what was found.
fn found(report: &Report) -> Vec<(String, String)> {
    report.codes().into_iter().map(|(code, _, key)| (code, key)).collect()
}

fn codes(report: &Report) -> Vec<String> {
    report.codes().into_iter().map(|(code, ..)| code).collect()
}

fn entry(object: &str, content: &[u8]) -> LogEntry {
    let hash = Sha256Hash::of(content);
    LogEntry { bucket: BUCKET.into(), object: object.into(), hash, newest: None, oldest: None }
}

/// A folder outside of the tree, and how a path inside of the tree leads to it.
fn outside(tree: &Tree) -> (TempDir, String) {
    let folder = TempDir::new_in(tree.root().parent().unwrap()).unwrap();
    let name = folder.path().file_name().unwrap().to_str().unwrap().to_owned();
    (folder, format!("../{name}"))
}

// What is no source, and what are no keys.

#[test]
fn what_is_no_directory_is_wrong_usage() {
    let tree = Tree::sealed();
    let keys = tree.keys.to_str().unwrap();
    let file = tree.path(&log_key(1));
    for source in [file.to_str().unwrap(), "does/not/exist", "no\u{1b}[31m/such\n\u{202e}", ""] {
        let err = fails(&["verify", source, "--keys", keys], 2);
        assert!(err.contains("directory"), "{err}");
    }
}

#[test]
fn an_empty_directory_proves_nothing() {
    let tree = Tree::empty();
    let empty = scratch();
    let report = report_on(&tree, empty.path(), &[]);
    assert_eq!((codes(&report), report.status), (vec!["no-digests".to_owned()], 3));
}

#[test]
fn without_keys_it_says_how_to_get_them() {
    let tree = Tree::sealed();
    let err = fails(&["verify", tree.root().to_str().unwrap()], 2);
    assert!(err.contains("--keys") && err.contains("aws cloudtrail list-public-keys"), "{err}");
}

#[test]
fn files_that_hold_no_keys_are_wrong_usage() {
    let tree = Tree::sealed();
    let root = tree.root().to_str().unwrap();
    let file = tree.path("bad-keys");
    let deep = "[".repeat(200_000);
    let texts: [&[u8]; 9] = [
        b"",
        b"rubbish",
        b"\x1b[2J\x00\xff\xfe",
        b"{}",
        b"[]",
        br#"{"PublicKeyList":[{"Value":"\u001b[31m","Fingerprint":"\u001b[31m"}]}"#,
        br#"{"\u001b[2J\u202e":{"PublicKeyList":[{"Value":"AAAA","Fingerprint":"x"}]}}"#,
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        deep.as_bytes(),
    ];
    for text in texts {
        fs::write(&file, text).unwrap();
        let err = fails(&["verify", root, "--keys", file.to_str().unwrap()], 2);
        assert!(err.contains("bad-keys"), "{err}");
    }
    let no_keys = tree.path("AWSLogs");
    for missing in ["does/not/exist", "\u{1b}[31m", no_keys.to_str().unwrap()] {
        fails(&["verify", root, "--keys", missing], 2);
    }
}

// Names.

/// Names that try something, by how they look.
fn nasty_names() -> Vec<String> {
    vec![
        "\u{1b}[31mred\u{1b}]0;title\u{7}".to_owned(),
        "two\nlines\r\t".to_owned(),
        "\u{202e}gpj\u{200b}\u{9b}2J".to_owned(),
        "\u{e0041}\u{feff}".to_owned(),
        "x".repeat(255),
        "..json.gz".to_owned(),
        "-rf".to_owned(),
        " ".to_owned(),
        "\\..\\..\\x".to_owned(),
        "日本é🙂".to_owned(),
    ]
}

/// The folders below which names are tried: every level from `AWSLogs` on.
fn levels() -> Vec<String> {
    let mut levels = vec!["AWSLogs".to_owned(), format!("AWSLogs/{ACCOUNT}")];
    for service in ["CloudTrail", "CloudTrail-Digest"] {
        let parts =
            ["", "/us-east-1", "/us-east-1/2026", "/us-east-1/2026/03", "/us-east-1/2026/03/01"];
        levels.extend(parts.map(|part| format!("AWSLogs/{ACCOUNT}/{service}{part}")));
    }
    levels
}

#[test]
fn folders_of_any_name_at_any_level_are_told_of_and_change_nothing() {
    for name in nasty_names() {
        let tree = Tree::sealed();
        for level in levels() {
            fs::create_dir(tree.path(&level).join(&name)).unwrap();
        }
        let report = report(&tree);
        let mut expected: Vec<_> = levels()
            .into_iter()
            .skip(1) // what lies in AWSLogs beside the accounts may be a prefix
            .map(|level| ("object-unknown".to_owned(), format!("{level}/{name}/")))
            .collect();
        // On some systems it would be a path, so nothing below it is looked for.
        let a_path = name.contains('\\');
        if a_path {
            let logs = format!("AWSLogs/{ACCOUNT}/CloudTrail");
            let looked_into =
                |level: &String| level.contains(REGION) || *level == logs || level == "AWSLogs";
            let levels = levels().into_iter().filter(looked_into);
            expected.extend(
                levels.map(|level| ("object-unreadable".to_owned(), format!("{level}/{name}/"))),
            );
        }
        expected.sort();
        let mut found = found(&report);
        found.sort();
        assert_eq!(found, expected);
        let status = if a_path { 3 } else { 0 };
        assert_eq!((report.status, report.hours().as_str()), (status, "PPPPPPPP"));
    }
}

#[test]
fn files_of_any_name_at_any_level_are_told_of() {
    for name in nasty_names() {
        let tree = Tree::sealed();
        for level in levels() {
            fs::write(tree.path(&level).join(&name), "x").unwrap();
        }
        let report = report(&tree);
        // Everywhere but among the digests each is opened to see what it is, if its name can be a
        // path.
        let opened = |level: &str| !level.contains("/CloudTrail-Digest");
        let mut expected: Vec<_> = levels()
            .into_iter()
            .map(|level| {
                let unread = opened(&level) && name.contains('\\');
                let code = if unread { "object-unreadable" } else { "object-unknown" };
                (code.to_owned(), format!("{level}/{name}"))
            })
            .collect();
        expected.sort();
        let mut found = found(&report);
        found.sort();
        assert_eq!(found, expected);
        assert_eq!(report.hours(), "PPPPPPPP");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_not_utf8_are_told_of_at_any_level() {
    use std::os::unix::ffi::OsStrExt;
    let name = std::ffi::OsStr::from_bytes(b"\xff\xfe\x1b[31m\x9b");
    for folder in [true, false] {
        let tree = Tree::sealed();
        for level in levels() {
            let path = tree.path(&level).join(name);
            if folder {
                fs::create_dir(path).unwrap();
            } else {
                fs::write(path, "x").unwrap();
            }
        }
        let report = report(&tree);
        assert_eq!(codes(&report), vec!["object-unreadable"; levels().len()]);
        assert_eq!((report.status, report.hours().as_str()), (3, "PPPPPPPP"));
    }
}

#[test]
fn the_longest_names_with_the_known_endings() {
    for ending in [".json", ".json.gz", ".metadata.json"] {
        let tree = Tree::sealed();
        let name = "x".repeat(255 - ending.len()) + ending;
        for service in ["CloudTrail", "CloudTrail-Digest"] {
            tree.write(&format!("AWSLogs/{ACCOUNT}/{service}/{REGION}/2026/03/01/{name}"), b"x");
        }
        let report = report(&tree);
        assert_eq!(report.findings().len(), 2, "{:?}", report.codes());
        assert_eq!(report.hours(), "PPPPPPPP");
    }
}

#[test]
fn a_source_of_any_name() {
    let tree = Tree::sealed();
    let parent = scratch();
    for name in nasty_names() {
        let path = parent.path().join(&name);
        fs::rename(tree.root().join("AWSLogs"), parent.path().join("AWSLogs")).unwrap();
        fs::create_dir(&path).unwrap();
        fs::rename(parent.path().join("AWSLogs"), path.join("AWSLogs")).unwrap();
        let report = report_on(&tree, &path, &[]);
        assert_eq!((report.status, report.count("digests", "valid")), (0, 8), "{name:?}");
        fs::rename(path.join("AWSLogs"), tree.root().join("AWSLogs")).unwrap();
    }
}

#[test]
fn an_ancestor_named_like_the_digests_folder_hides_nothing() {
    let tree = Tree::sealed();
    let parent = scratch();
    let path = parent.path().join("CloudTrail-Digest");
    let below = path.join("CloudTrail-Digest");
    fs::create_dir_all(&below).unwrap();
    fs::rename(tree.root().join("AWSLogs"), below.join("AWSLogs")).unwrap();
    let events = format!("{}.metadata.json", below.join(log_key(2)).display());
    fs::write(events, br#"{"Records":[{"eventName":"x"}],"Metadata":{}}"#).unwrap();
    let report = report_on(&tree, &path, &[]);
    assert_eq!((report.status, codes(&report)), (1, vec!["log-unreferenced".to_owned()]));
}

#[test]
fn a_folder_of_log_files_named_like_the_digests_hides_nothing() {
    let place = format!("AWSLogs/{ACCOUNT}/CloudTrail-Digest/{REGION}/2026/03/01");
    for below in ["CloudTrail-Digest/a/b/c/d", &place] {
        let tree = Tree::sealed();
        let day = format!("AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/03/01");
        tree.write(&format!("{day}/{below}/x.gz"), b"no log file");
        let events = br#"{"Records":[{"eventName":"x"}],"Metadata":{}}"#;
        tree.write(&format!("{day}/{below}/x.gz.metadata.json"), events);
        let report = report(&tree);
        assert_eq!(report.status, 1, "{below}: {:?}", report.codes());
        assert!(codes(&report).contains(&"log-unreferenced".to_owned()));
    }
}

// What signed digests and metadata say.

#[test]
fn a_log_key_that_is_no_path_inside_is_not_read() {
    let secret = br#"{"Records":[]}"#;
    let tree = Tree::sealed();
    let (folder, up) = outside(&tree);
    let absolute = folder.path().join("secret.json.gz");
    fs::write(&absolute, gzip(secret)).unwrap();
    tree.write("beside.json.gz", &gzip(secret));
    tree.write("AWSLogs/inside.json.gz", &gzip(secret));
    let day = format!("AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/03/01");
    let all = [
        absolute.to_str().unwrap().to_owned(),
        format!("{up}/secret.json.gz"),
        format!("AWSLogs/../{up}/secret.json.gz"),
        format!("{day}/{}{up}/secret.json.gz", "../".repeat(7)),
        format!("AWSLogs//{}", absolute.display()),
        "AWSLogs/../beside.json.gz".to_owned(),
        "beside.json.gz".to_owned(),
        "AWSLogs/./inside.json.gz".to_owned(),
        "AWSLogs//inside.json.gz".to_owned(),
        "AWSLogs/inside.json.gz/".to_owned(),
        "/AWSLogs/inside.json.gz".to_owned(),
        "./AWSLogs/inside.json.gz".to_owned(),
        "AWSLogs/\0inside.json.gz".to_owned(),
        "AWSLogs\\inside.json.gz".to_owned(),
        "AWSLogs/x\\..\\inside.json.gz".to_owned(),
        "AWSLogs".to_owned(),
        "AWSLogs/".to_owned(),
        format!("AWSLogs/{ACCOUNT}"),
        String::new(),
        "/".to_owned(),
        "..".to_owned(),
    ];
    assert!(tree.path(&all[1]).exists() && tree.path(&all[2]).exists(), "they lead there");
    assert!(tree.path(&all[3]).exists());
    tree.reseal(6, |draft| {
        draft.log_files.extend(all.iter().map(|object| entry(object, secret)));
    });
    let report = report(&tree);
    assert_eq!(report.count("logs", "valid"), 7, "{:#}", report.json["findings"]);
    for object in &all {
        let of = report.codes().into_iter().find(|(_, _, key)| key == object);
        let (code, severity, _) = of.unwrap_or_else(|| panic!("{object}: nothing was found"));
        assert_eq!((code.as_str(), severity.as_str()), ("object-unreadable", "incomplete"));
    }
    assert_eq!((report.status, report.hours().as_str()), (3, "PPPPPUPP"));
}

#[test]
fn a_predecessor_that_is_no_path_inside_is_not_read() {
    let original = digest_key(4);
    for prefix in ["", "AWSLogs/"] {
        let tree = Tree::sealed();
        let (folder, up) = outside(&tree);
        // The true predecessor lies outside only, and everything about it is right.
        let copy = folder.path().join(&original);
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(tree.path(&original), &copy).unwrap();
        let object = match prefix {
            "" => format!("{up}/{original}"),
            _ => format!("AWSLogs/../{up}/{original}"),
        };
        assert!(tree.path(&object).exists());
        tree.reseal(5, |draft| draft.previous.as_mut().unwrap().object.clone_from(&object));
        tree.remove(&original);
        let report = report(&tree);
        assert_eq!(report.status, 3, "{:#}", report.json["findings"]);
        assert_eq!(report.hours(), "PPPUPPPP");
        assert!(found(&report).contains(&("object-unreadable".into(), object)));
    }
}

#[test]
fn a_predecessor_of_any_text_is_a_finding() {
    let odd = ["", "/", "..", "\u{1b}[31m\n\u{202e}", "\0", "AWSLogs/../x", &"x/".repeat(100_000)];
    for object in odd {
        // No key of S3 is longer than 1,024 bytes: what is no digest does not speak for its log.
        let expected: &[&str] = if object.len() > 4096 {
            &["log-uncovered", "digest-malformed"]
        } else {
            &["chain-broken"]
        };
        let tree = Tree::sealed();
        tree.reseal(5, |draft| object.clone_into(&mut draft.previous.as_mut().unwrap().object));
        let report = report(&tree);
        assert_eq!(codes(&report), expected);
        assert_eq!((report.status, report.hours().as_str()), (1, "PPPPVPPP"));
    }
}

#[test]
fn texts_in_digests_and_metadata_steer_nothing() {
    let steering = "\u{1b}[31m\n\r\u{7}\u{202e}\u{9b}2J\u{200b}";
    let tree = Tree::sealed();
    tree.reseal(3, |draft| {
        let mut log = entry(&format!("AWSLogs/{steering}"), b"");
        draft.log_files.push(log.clone());
        log.bucket = steering.into();
        draft.log_files.push(log);
    });
    tree.reseal(6, |draft| draft.previous.as_mut().unwrap().bucket = steering.to_owned());
    for (hour, name) in [(1, "signature"), (8, "signature-algorithm")] {
        let mut metadata = json!({"Metadata": {"signature": "00"}});
        metadata["Metadata"][name] = steering.into();
        fs::write(tree.sidecar(&digest_key(hour)), metadata.to_string()).unwrap();
    }
    tree.rewrite(&digest_key(7), BUCKET, "\\u001b[31m\\u202e");
    let report = report(&tree);
    assert_eq!(report.status, 1);
    for code in ["log-missing", "object-unreadable", "digest-malformed", "digest-moved"] {
        assert!(codes(&report).contains(&code.to_owned()), "{code}: {:?}", codes(&report));
    }
}

/// Puts bytes of our own in the newest digest's place, validly signed.
fn put_signed(tree: &Tree, bytes: &[u8]) {
    let newest = digest_key(HOURS);
    let digest = tree.digest(&newest);
    let text = digest.signing_string(Sha256Hash::of(bytes));
    let signature = hex::encode(key().sign(text.as_bytes()).unwrap());
    tree.write(&newest, &gzip(bytes));
    fs::write(tree.sidecar(&newest), builder::metadata(&signature).render()).unwrap();
}

#[test]
fn a_signature_makes_no_digest_of_what_is_none() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_account = format!("\"awsAccountId\":{deep}");
    let deep_logs = format!("\"logFiles\":[{deep},");
    let replacements: [(&str, &str); 13] = [
        ("{", "{\"logFiles\":[],"),
        ("{", "{\"digestEndTime\":\"2026-03-01T08:00:00Z\","),
        ("\"s3Bucket\"", "\"s3Object\":\"x\",\"s3Bucket\""),
        ("{", "\u{feff}{"),
        ("]}", "]}\0"),
        ("]}", "]}{}"),
        ("\"s3Object\":\"", "\"s3Object\":\"\\ud800"),
        ("\"s3Object\":\"", "\"s3Object\":\"\u{1}"),
        ("\"logFiles\":[", "\"logFiles\":[null,"),
        ("\"logFiles\":[", "\"logFiles\":[[],"),
        ("\"awsAccountId\":\"111122223333\"", "\"awsAccountId\":1e999999"),
        ("\"awsAccountId\":\"111122223333\"", &deep_account),
        ("\"logFiles\":[", &deep_logs),
    ];
    for (from, to) in replacements {
        let tree = Tree::sealed();
        let text = String::from_utf8(gunzip(&fs::read(tree.path(&digest_key(HOURS))).unwrap()));
        let text = text.unwrap();
        assert!(text.contains(from));
        put_signed(&tree, text.replacen(from, to, 1).as_bytes());
        let report = report(&tree);
        let named = ("digest-malformed".to_owned(), digest_key(HOURS));
        let to: String = to.chars().take(50).collect();
        assert!(found(&report).contains(&named), "{from} {to}: {:?}", codes(&report));
        assert_eq!((report.status, report.hours().as_str()), (1, "PPPPPPPV"), "{from}");
    }
    // Signed by the same hand, other spellings of the same JSON are digests all the same, and so is
    // one with a field more, however deep.
    let deep_field = format!(",\"x\":{deep},\"logFiles\"");
    for (from, to) in
        [("/", "\\/"), ("audit", "\\u0061udit"), (",", ",\n "), (",\"logFiles\"", &deep_field)]
    {
        let tree = Tree::sealed();
        let text = String::from_utf8(gunzip(&fs::read(tree.path(&digest_key(HOURS))).unwrap()));
        put_signed(&tree, text.unwrap().replace(from, to).as_bytes());
        whole(&report(&tree));
    }
}

#[test]
fn keys_and_logs_need_not_be_ascii() {
    let text = "{\"Records\":[{\"eventID\":\"日本\u{202e}🙂\"}]}";
    let tree = Tree::sealed();
    let day = format!("AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/03/01");
    let names = ["é日本🙂.json.gz", "e\u{301}\u{202e}\u{1b}[31m\n.json.gz"];
    for name in names {
        tree.write(&format!("{day}/{name}"), &gzip(text.as_bytes()));
    }
    tree.reseal(6, |draft| {
        let entries = names.map(|name| entry(&format!("{day}/{name}"), text.as_bytes()));
        draft.log_files.extend(entries);
    });
    let whole = report(&tree);
    assert_eq!((whole.status, whole.count("logs", "valid")), (0, 9), "{:?}", codes(&whole));
    tree.write(&format!("{day}/{}", names[1]), &gzip(b"{}"));
    let altered = report(&tree);
    assert_eq!(found(&altered), [("log-modified".to_owned(), format!("{day}/{}", names[1]))]);
}

#[test]
fn metadata_that_is_none_is_no_signature() {
    let deep = "[".repeat(30_000);
    let huge = format!("{{\"Metadata\":{{}}{}}}", " ".repeat(1 << 20));
    let texts: [&[u8]; 11] = [
        b"",
        b"null",
        b"[]",
        b"\xff\xfe\x1b[31m",
        br#"{"Metadata":{"signature":1}}"#,
        br#"{"Metadata":{"signature":["00"]}}"#,
        br#"{"Metadata":{"signature":null}}"#,
        br#"{"Metadata":[]}"#,
        br#"{"Metadata":{},"Metadata":{}}"#,
        deep.as_bytes(),
        huge.as_bytes(),
    ];
    for text in texts {
        let tree = Tree::sealed();
        for hour in [4, 8] {
            fs::write(tree.sidecar(&digest_key(hour)), text).unwrap();
        }
        let report = report(&tree);
        // The one within the chain is vouched for by its successor.
        let unread = ("object-unreadable".to_owned(), digest_key(4));
        assert_eq!(found(&report), [unread, ("digest-unsigned".to_owned(), digest_key(8))]);
        assert_eq!(report.codes()[0].1, "notice");
        assert_eq!((report.status, report.hours().as_str()), (3, "PPPPPPPU"));
    }
}

/// What `aws s3api head-object ... > FILE` saves in Windows PowerShell, its signature left blank.
const SAVED_BY_POWERSHELL: [&[u8]; 2] = [
    include_bytes!("cases/head-object-utf8-bom.metadata.json"),
    include_bytes!("cases/head-object-utf16le.metadata.json"),
];

#[test]
fn metadata_that_powershell_saved_is_read() {
    let tree = Tree::sealed();
    let key = digest_key(8);
    let kept: Value = serde_json::from_slice(&fs::read(tree.sidecar(&key)).unwrap()).unwrap();
    let signature = kept["Metadata"]["signature"].as_str().unwrap();
    let [utf8, utf16] = SAVED_BY_POWERSHELL;
    let blank = "0".repeat(512);
    let utf8 = String::from_utf8(utf8.to_vec()).unwrap().replace(&blank, signature);
    let units = utf16.chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let utf16 = String::from_utf16(&units.collect::<Vec<_>>()).unwrap();
    let utf16 = utf16.replace(&blank, signature);
    let saved = |unit: fn(u16) -> [u8; 2]| utf16.encode_utf16().flat_map(unit).collect::<Vec<_>>();
    let (little, big) = (saved(u16::to_le_bytes), saved(u16::to_be_bytes));
    for bytes in [utf8.as_bytes(), &little, &big] {
        fs::write(tree.sidecar(&key), bytes).unwrap();
        whole(&report(&tree));
    }
    // What is neither is named as what it is.
    for (bytes, named) in [(&little[2..], "UTF-16"), (b"{\"Metadata\": \"\xfc\"}", "UTF-8")] {
        fs::write(tree.sidecar(&key), bytes).unwrap();
        let report = report(&tree);
        assert_eq!((report.status, codes(&report)), (3, vec!["digest-unsigned".to_owned()]));
        assert!(report.json.to_string().contains(named), "{:#}", report.json["findings"]);
    }
}

// Very many.

#[test]
fn a_digest_that_lists_many_logs_that_are_not_there() {
    lists_what_is_not_there(5_000, "5,000");
}

#[test]
#[ignore = "slow: 100,000 findings"]
fn a_digest_that_lists_a_hundred_thousand_logs_that_are_not_there() {
    lists_what_is_not_there(100_000, "100,000");
}

fn lists_what_is_not_there(many: usize, grouped: &str) {
    let tree = Tree::sealed();
    tree.reseal(6, |draft| {
        let entries = (0..many).map(|n| {
            let name = log_key_at(at(5, 30), "CloudTrail", &format!("{n:016}"));
            entry(&name, b"")
        });
        draft.log_files.extend(entries);
    });
    let keys = tree.keys.to_str().unwrap();
    let args = ["verify", tree.root().to_str().unwrap(), "--keys", keys, "--no-progress"];
    let ran = trailseal(&[&args[..], &["--format", "json"]].concat());
    let report: Value = serde_json::from_str(&ran.out).unwrap();
    let findings = report["findings"].as_array().unwrap();
    assert_eq!((ran.status, findings.len()), (1, many));
    assert!(findings.iter().all(|finding| finding["code"] == "log-missing"));
    assert_eq!(report["totals"]["logs"]["invalid"], many);
    assert_eq!(report["totals"]["logs"]["valid"], 7);
    let ran = trailseal(&args);
    assert_eq!(ran.status, 1);
    assert!(ran.out.len() < 20_000, "{} bytes", ran.out.len());
    assert!(ran.out.contains(grouped) || ran.out.contains(&many.to_string()), "{}", ran.out);
}

#[test]
fn a_log_that_is_listed_many_times_counts_once() {
    lists_the_same(5_000);
}

#[test]
#[ignore = "slow: 100,000 entries"]
fn a_log_that_is_listed_a_hundred_thousand_times_counts_once() {
    lists_the_same(100_000);
}

fn lists_the_same(times: usize) {
    let tree = Tree::sealed();
    tree.reseal(6, |draft| {
        let log = draft.log_files[0].clone();
        draft.log_files.extend(std::iter::repeat_n(log, times));
    });
    let whole = report(&tree);
    assert_eq!((whole.status, whole.count("logs", "valid")), (0, 7));
    tree.remove(&log_key(5));
    assert_eq!(found(&report(&tree)), [("log-missing".to_owned(), log_key(5))]);
}

#[test]
fn a_log_that_is_listed_with_two_hash_values_is_not_what_one_of_them_says() {
    let tree = Tree::sealed();
    tree.reseal(6, |draft| draft.log_files.push(entry(&log_key(5), b"something else")));
    let report = report(&tree);
    assert_eq!(found(&report), [("log-modified".to_owned(), log_key(5))]);
    assert_eq!((report.status, report.hours().as_str()), (1, "PPPPPVPP"));
}

// Links, pipes and the like.

#[cfg(unix)]
mod special {
    use super::*;
    use std::os::unix::fs::symlink;

    fn pipe(path: &Path) {
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    }

    /// Moves a file out of the tree; returns where it is now.
    fn move_out(tree: &Tree, folder: &Path, key: &str) -> PathBuf {
        let there = folder.join("moved");
        fs::rename(tree.path(key), &there).unwrap();
        there
    }

    #[test]
    fn links_that_lead_outside_are_not_followed() {
        for (key, hours) in [(log_key(2), "PPUPPPPP"), (digest_key(4), "PPPUPPPP")] {
            for how in ["absolute", "relative", "chain"] {
                let tree = Tree::sealed();
                let (folder, up) = outside(&tree);
                let there = move_out(&tree, folder.path(), &key);
                let link = tree.path(&key);
                let to_root = "../".repeat(key.matches('/').count());
                match how {
                    "absolute" => symlink(&there, &link).unwrap(),
                    "relative" => symlink(format!("{to_root}{up}/moved"), &link).unwrap(),
                    _ => {
                        symlink(format!("{to_root}first"), &link).unwrap();
                        symlink("second", tree.path("first")).unwrap();
                        symlink(&there, tree.path("second")).unwrap();
                    }
                }
                assert!(link.is_file(), "it leads there");
                let report = report(&tree);
                assert_eq!((report.status, report.hours().as_str()), (3, hours), "{how}");
                let about: Vec<_> =
                    found(&report).into_iter().filter(|(_, of)| *of == key).collect();
                assert!(!about.is_empty());
                assert!(about.iter().all(|(code, _)| code == "object-unreadable"), "{about:?}");
            }
        }
    }

    #[test]
    fn folders_that_lead_outside_are_not_followed() {
        let region = format!("AWSLogs/{ACCOUNT}/CloudTrail/{REGION}");
        for folder in [format!("{region}/2026/03/01"), format!("{region}/2026"), region.clone()] {
            let tree = Tree::sealed();
            let (outside, _) = outside(&tree);
            let there = move_out(&tree, outside.path(), &folder);
            symlink(&there, tree.path(&folder)).unwrap();
            assert!(tree.path(&log_key(2)).is_file());
            let report = report(&tree);
            assert_eq!((report.status, report.count("logs", "valid")), (3, 0), "{folder}");
            assert!(codes(&report).iter().all(|code| code == "object-unreadable"));
        }
        // All of it: nothing is there to verify.
        let tree = Tree::sealed();
        let (outside, _) = outside(&tree);
        let there = move_out(&tree, outside.path(), "AWSLogs");
        symlink(&there, tree.path("AWSLogs")).unwrap();
        let report = report(&tree);
        assert_eq!((report.status, report.count("digests", "valid")), (3, 0));
    }

    #[test]
    fn metadata_that_lies_outside_is_not_read() {
        let tree = Tree::sealed();
        let (folder, _) = outside(&tree);
        let sidecar = format!("{}.metadata.json", digest_key(8));
        let there = move_out(&tree, folder.path(), &sidecar);
        symlink(&there, tree.path(&sidecar)).unwrap();
        let report = report(&tree);
        assert_eq!((report.status, report.hours().as_str()), (3, "PPPPPPPU"));
        assert!(found(&report).contains(&("digest-unsigned".to_owned(), digest_key(8))));
    }

    #[test]
    fn links_to_files_inside_are_followed() {
        let tree = Tree::sealed();
        for key in [log_key(2), digest_key(4)] {
            let name = format!("kept-{}", key.len());
            fs::rename(tree.path(&key), tree.path(&name)).unwrap();
            let to_root = "../".repeat(key.matches('/').count());
            symlink(format!("{to_root}{name}"), tree.path(&key)).unwrap();
        }
        let whole = report(&tree);
        assert_eq!((whole.status, whole.findings().len()), (0, 0), "{:?}", codes(&whole));
        // What it leads to is what counts.
        let name = format!("kept-{}", log_key(2).len());
        tree.write(&name, &gzip(b"{}"));
        assert_eq!(found(&report(&tree)), [("log-modified".to_owned(), log_key(2))]);
    }

    #[test]
    fn links_to_folders_inside_are_told_of_and_not_walked() {
        let tree = Tree::sealed();
        symlink("AWSLogs", tree.path("again")).unwrap();
        symlink("..", tree.path("AWSLogs/up")).unwrap();
        let report = report(&tree);
        assert_eq!(codes(&report), ["object-unreadable", "object-unreadable"]);
        assert_eq!((report.status, report.count("digests", "valid")), (3, 8));
    }

    #[test]
    fn links_to_nothing_and_in_circles_are_unreadable_and_not_missing() {
        for (key, hours) in [(log_key(2), "PPUPPPPP"), (digest_key(4), "PPPUPPPP")] {
            let name = key.rsplit_once('/').unwrap().1.to_owned();
            for target in ["nowhere", "/nowhere/at/all", &name] {
                let tree = Tree::sealed();
                fs::remove_file(tree.path(&key)).unwrap();
                symlink(target, tree.path(&key)).unwrap();
                let report = report(&tree);
                assert_eq!((report.status, report.hours().as_str()), (3, hours), "{target}");
                assert!(found(&report).contains(&("object-unreadable".to_owned(), key.clone())));
            }
        }
    }

    #[test]
    fn folders_that_are_links_to_nothing_make_nothing_missing() {
        let tree = Tree::sealed();
        let year = format!("AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026");
        fs::remove_dir_all(tree.path(&year)).unwrap();
        symlink("nowhere", tree.path(&year)).unwrap();
        let report = report(&tree);
        assert_eq!(report.status, 3, "{:?}", codes(&report));
    }

    #[test]
    fn pipes_are_not_waited_for() {
        for (key, hours) in [(log_key(2), "PPUPPPPP"), (digest_key(4), "PPPUPPPP")] {
            let tree = Tree::sealed();
            fs::remove_file(tree.path(&key)).unwrap();
            pipe(&tree.path(&key));
            let report = report(&tree);
            assert_eq!((report.status, report.hours().as_str()), (3, hours), "{key}");
            assert!(found(&report).contains(&("object-unreadable".to_owned(), key)));
        }
        let tree = Tree::sealed();
        fs::remove_file(tree.sidecar(&digest_key(8))).unwrap();
        pipe(&tree.sidecar(&digest_key(8)));
        let of_sidecar = report(&tree);
        assert_eq!((of_sidecar.status, of_sidecar.hours().as_str()), (3, "PPPPPPPU"));
        for level in levels() {
            let tree = Tree::sealed();
            pipe(&tree.path(&level).join("pipe.json.gz"));
            let report = report(&tree);
            assert_eq!((report.status, codes(&report)), (3, vec!["object-unreadable".to_owned()]));
        }
    }
}

// Where AWSLogs lies, and what is named as the source.

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let there = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_all(&path, &there);
        } else {
            fs::copy(&path, there).unwrap();
        }
    }
}

fn whole(report: &Report) {
    assert_eq!((report.status, report.findings().len()), (0, 0), "{:?}", report.codes());
    assert_eq!((report.count("digests", "valid"), report.count("logs", "valid")), (8, 7));
}

#[test]
fn a_part_of_the_tree_may_be_the_source() {
    let tree = Tree::sealed();
    let account = format!("AWSLogs/{ACCOUNT}");
    for part in [
        "",
        "AWSLogs",
        "AWSLogs/",
        &account,
        &format!("{account}/CloudTrail-Digest"),
        &format!("{account}/CloudTrail-Digest/{REGION}"),
        &format!("{account}/CloudTrail/{REGION}"),
        &format!("{account}/CloudTrail-Digest/{REGION}/2026/03"),
    ] {
        whole(&report_on(&tree, &tree.path(part), &[]));
    }
}

#[test]
fn the_same_source_twice_counts_once() {
    let tree = Tree::sealed();
    let root = tree.root().to_str().unwrap();
    whole(&report_on(&tree, tree.root(), &[root]));
    whole(&report_on(&tree, tree.root(), &[&format!("{root}/.")]));
    tree.write_log(&log_key_at(at(2, 40), "CloudTrail", "BBBBBBBBBBBBBBBB"));
    let report = report_on(&tree, tree.root(), &[root]);
    assert_eq!(codes(&report), ["log-unreferenced"]);
    assert_eq!(report.count("logs", "unreferenced"), 1);
}

#[test]
fn a_bucket_in_two_parts() {
    let tree = Tree::sealed();
    let digests = format!("AWSLogs/{ACCOUNT}/CloudTrail-Digest");
    let elsewhere = tree.path("part").join(&digests);
    fs::create_dir_all(elsewhere.parent().unwrap()).unwrap();
    fs::rename(tree.path(&digests), elsewhere).unwrap();
    // Two AWSLogs in one tree; the one without digests does not tell its bucket.
    whole(&report_on(&tree, tree.root(), &["--bucket", BUCKET, "--prefix", ""]));
    // And as two sources.
    let source = tree.path("part");
    let logs = tree.path("AWSLogs");
    let logs = logs.to_str().unwrap();
    whole(&report_on(&tree, &source, &[logs, "--bucket", BUCKET]));
}

#[test]
fn two_copies_of_a_bucket_in_one_tree_are_not_both_called_verified() {
    let tree = Tree::sealed();
    for copy in ["a", "b"] {
        copy_all(&tree.path("AWSLogs"), &tree.path(copy).join("AWSLogs"));
    }
    std::fs::remove_dir_all(tree.path("AWSLogs")).unwrap();
    // Whichever copy is read, of the other one nothing is known.
    for altered in ["a", "b"] {
        let report = tree.verify(&[]);
        let twice = ["digests", "log files"].map(|what| {
            let said = report.findings().iter().any(|f| {
                f["severity"] == "incomplete" && f["message"].as_str().unwrap().contains(what)
            });
            said && report.status != 0
        });
        assert_eq!(twice, [true, true], "{altered}: {:#}", report.json["findings"]);
        let log = format!("{altered}/{}", log_key(2));
        tree.change(&log, |bytes| bytes.push(0));
    }
}

#[test]
fn a_prefix_that_holds_aws_logs_itself() {
    for prefix in ["AWSLogs/x", "AWSLogs/AWSLogs"] {
        let tree = Tree::sealed();
        fs::create_dir_all(tree.path(prefix)).unwrap();
        fs::rename(tree.path("AWSLogs").join(ACCOUNT), tree.path(ACCOUNT)).unwrap();
        fs::create_dir_all(tree.path(&format!("{prefix}/AWSLogs"))).unwrap();
        let there = tree.path(&format!("{prefix}/AWSLogs/{ACCOUNT}"));
        fs::rename(tree.path(ACCOUNT), there).unwrap();
        for source in ["", "AWSLogs", prefix, &format!("{prefix}/AWSLogs")] {
            let report = report_on(&tree, &tree.path(source), &[]);
            assert_eq!(report.status, 0, "{prefix} {source:?}: {:?}", report.codes());
            assert_eq!(report.count("digests", "valid"), 8, "{prefix} {source:?}");
            assert_eq!(report.count("logs", "valid"), 7, "{prefix} {source:?}");
        }
    }
}

// Outputs.

#[test]
fn an_output_that_cannot_be_written_is_told_before_anything_is_read() {
    let tree = Tree::sealed();
    let (root, keys) = (tree.root().to_str().unwrap(), tree.keys.to_str().unwrap());
    let folder = scratch();
    let kept = folder.path().join("kept.txt");
    fs::write(&kept, "VERIFIED: an older report").unwrap();
    let missing = folder.path().join("missing/\u{1b}[31m\u{202e}\n/report.json");
    for bad in [missing.to_str().unwrap(), folder.path().to_str().unwrap()] {
        fails(&["verify", root, "--keys", keys, "--output", bad], 4);
        let kept_name = kept.to_str().unwrap();
        let both = ["--output", kept_name, "--objects", bad];
        fails(&[&["verify", root, "--keys", keys][..], &both].concat(), 4);
        assert_eq!(fs::read_to_string(&kept).unwrap(), "VERIFIED: an older report");
    }
    let left: Vec<_> =
        fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 1, "nothing half done is left: {left:?}");
}

#[test]
fn an_output_over_an_older_file_is_whole() {
    let tree = Tree::sealed();
    let (root, keys) = (tree.root().to_str().unwrap(), tree.keys.to_str().unwrap());
    let folder = scratch();
    let output = folder.path().join("report.json");
    fs::write(&output, "{\"schema\": \"trailseal.run/1\"".repeat(1 << 15)).unwrap();
    let name = output.to_str().unwrap();
    let flags = ["--format", "json", "--output", name, "--no-progress"];
    let ran = trailseal(&[&["verify", root, "--keys", keys][..], &flags].concat());
    assert_eq!((ran.status, ran.out.as_str()), (0, ""));
    let report: Value = serde_json::from_slice(&fs::read(&output).unwrap()).unwrap();
    assert_eq!(report["verdict"], "verified");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

/// Report and object lines of a damaged tree.
fn with_jobs(tree: &Tree, jobs: &str) -> (Value, String) {
    let folder = scratch();
    let objects = folder.path().join(format!("objects-{jobs}"));
    let objects = objects.to_str().unwrap();
    let mut report = tree.verify(&["--jobs", jobs, "--objects", objects]).json;
    for name in ["started", "finished"] {
        report.as_object_mut().unwrap().remove(name).unwrap();
    }
    report["totals"].as_object_mut().unwrap().remove("requests").unwrap();
    let lines = fs::read_to_string(objects).unwrap();
    fs::remove_file(objects).unwrap();
    (report, lines)
}

#[test]
fn the_number_of_jobs_changes_nothing_that_is_told() {
    let tree = Tree::sealed();
    tree.reseal(6, |draft| {
        let sizes = (0..200).map(|n: u64| {
            let name = log_key_at(at(5, 30), "CloudTrail", &format!("{n:016}"));
            let text = format!("{{\"n\":\"{}\"}}", "x".repeat((n * 7919 % 5000) as usize));
            if !n.is_multiple_of(3) {
                tree.write(&name, &gzip(text.as_bytes()));
            }
            entry(&name, if n.is_multiple_of(5) { b"other" } else { text.as_bytes() })
        });
        draft.log_files.extend(sizes);
    });
    tree.remove(&digest_key(2));
    tree.rewrite(&digest_key(3), "\"logFiles\"", " \"logFiles\"");
    let one = with_jobs(&tree, "1");
    assert!(one.0["findings"].as_array().unwrap().len() > 60);
    for _ in 0..3 {
        assert_eq!(with_jobs(&tree, "8"), one);
    }
}

#[test]
fn there_is_a_line_for_each_object() {
    let tree = Tree::sealed();
    tree.remove(&log_key(2));
    tree.rewrite(&digest_key(5), "\"logFiles\"", " \"logFiles\"");
    let (report, lines) = with_jobs(&tree, "4");
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |object: &str, result: &str| {
        lines.iter().filter(|l| l["object"] == object && l["result"] == result).count()
    };
    for result in ["valid", "invalid"] {
        assert_eq!(report["totals"]["digests"][result], count("digest", result), "{result}");
        assert_eq!(report["totals"]["logs"][result], count("log", result), "{result}");
    }
    let keys: std::collections::BTreeSet<_> =
        lines.iter().map(|line| line["key"].as_str().unwrap()).collect();
    assert_eq!(keys.len(), lines.len(), "each once");
    let missing = lines.iter().find(|line| line["key"] == log_key(2)).unwrap();
    assert_eq!(missing["code"], "log-missing");
    assert_eq!(missing["referenced_by"], digest_key(3));
}
