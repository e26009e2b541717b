//! `trailseal verify-query-results`: one defect, one test, with the exact text and status of AWS
//! CLI 2.36.7 where it is not misleading (the module's own list tells where it is).

use crate::common;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::common::{REGION, Ran, always, gzip, key, scratch, trailseal};
use serde_json::{Value, json};
use tempfile::TempDir;
use trailseal::internals::crypto::{Signer as _, render_public_keys};
use trailseal::internals::model::Sha256Hash;

const VALID: &str = "Successfully validated sign and query result files\n";
const NOT_COVERED: &str = "trailseal: the signature covers only the SHA-256 hash values";
const FIRST: &str = "result_1.csv.gz";
const SECOND: &str = "result_2.csv.gz";
const SIGN_FILE: &str = "result_sign.json";

/// An exported result of two files in a directory.
struct Export {
    dir: TempDir,
    keys: TempDir,
}

impl Export {
    fn new() -> Self {
        let export = Self { dir: scratch(), keys: scratch() };
        export.write(FIRST, &gzip(b"eventName,eventTime\nStopLogging,2026-03-01\n"));
        export.write(SECOND, &gzip(b"eventName,eventTime\nDeleteTrail,2026-03-02\n"));
        export.sign(&[FIRST, SECOND]);
        export.publish(&list());
        export
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.path(name), bytes).unwrap();
    }

    fn publish(&self, keys: &str) {
        fs::write(self.keys.path().join("keys.json"), keys).unwrap();
    }

    /// Signs as CloudTrail does.
    fn sign(&self, names: &[&str]) {
        let hash = |name: &&str| Sha256Hash::of(&fs::read(self.path(name)).unwrap()).to_string();
        let hashes: Vec<_> = names.iter().map(hash).collect();
        let files: Vec<_> = names
            .iter()
            .zip(&hashes)
            .map(|(name, hash)| json!({"fileHashValue": hash, "fileName": name}))
            .collect();
        let sign_file = json!({
            "region": REGION,
            "files": files,
            "hashAlgorithm": "SHA-256",
            "signatureAlgorithm": "SHA256withRSA",
            "hashSignature": hex::encode(key().sign(hashes.join(" ").as_bytes()).unwrap()),
            "publicKeyFingerprint": key().fingerprint().to_string(),
            "queryCompleteTime": "2026-03-02T00:00:00Z",
        });
        self.write(SIGN_FILE, sign_file.to_string().as_bytes());
    }

    fn sign_file(&self) -> Value {
        serde_json::from_slice(&fs::read(self.path(SIGN_FILE)).unwrap()).unwrap()
    }

    /// Changes the sign file.
    fn change(&self, change: impl FnOnce(&mut Value)) {
        let mut json = self.sign_file();
        change(&mut json);
        self.write(SIGN_FILE, json.to_string().as_bytes());
    }

    fn dir(&self) -> &str {
        self.dir.path().to_str().unwrap()
    }

    /// Checks the directory, with the keys from a file.
    fn check(&self) -> Ran {
        let keys = self.keys.path().join("keys.json");
        let keys = keys.to_str().unwrap();
        trailseal(&["verify-query-results", "--local-export-path", self.dir(), "--keys", keys])
    }
}

fn list() -> String {
    render_public_keys(&[(key().public_key_der(), always())])
}

fn hash_of(export: &Export, name: &str) -> String {
    Sha256Hash::of(&fs::read(export.path(name)).unwrap()).to_string()
}

/// The AWS CLI's text to the letter, before anything of ours.
#[track_caller]
fn assert_theirs(ran: &Ran, status: u8, text: &str) {
    assert_eq!((ran.status, ran.out.as_str()), (status, ""), "{}", ran.err);
    let text = format!("\naws: [ERROR]: {text}\n");
    let rest = ran.err.strip_prefix(&text);
    let rest = rest.unwrap_or_else(|| panic!("expected {text:?}, got {:?}", ran.err));
    assert!(rest.lines().all(|line| line.starts_with("trailseal: ")), "{rest}");
}

#[track_caller]
fn assert_ours(ran: &Ran, status: u8, says: &str) {
    assert_eq!((ran.status, ran.out.as_str()), (status, ""), "{}", ran.err);
    assert!(ran.err.starts_with("trailseal: ") && ran.err.contains(says), "{}", ran.err);
}

#[test]
fn a_valid_result_is_valid_and_what_is_not_covered_is_said() {
    let ran = Export::new().check();
    assert_eq!((ran.status, ran.out.as_str()), (0, VALID), "{}", ran.err);
    assert!(ran.err.starts_with(NOT_COVERED), "{}", ran.err);
    for said in ["compressed", "File names, region, time and query are not signed", "rows"] {
        assert!(ran.err.contains(said), "{said}: {}", ran.err);
    }
}

#[test]
fn openssl_agrees_on_what_is_signed() {
    let export = Export::new();
    let file = |name: &str, bytes: &[u8]| {
        let path = export.keys.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let certificate = key().self_signed_certificate_pem(always()).unwrap();
    let certificate = file("certificate.pem", certificate.as_bytes());
    let public = Command::new("openssl")
        .args(["x509", "-pubkey", "-noout", "-in"])
        .arg(certificate)
        .output();
    let Ok(public) = public else {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"SKIPPED: no openssl\n");
        return;
    };
    let public = file("public.pem", &public.stdout);
    let signature = hex::decode(export.sign_file()["hashSignature"].as_str().unwrap()).unwrap();
    let signature = file("signature", &signature);
    let verdict = |text: &str| {
        let output = Command::new("openssl")
            .args(["dgst", "-sha256", "-verify"])
            .arg(&public)
            .arg("-signature")
            .arg(&signature)
            .arg(file("text", text.as_bytes()))
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let (first, second) = (hash_of(&export, FIRST), hash_of(&export, SECOND));
    assert_eq!(verdict(&format!("{first} {second}")), (true, "Verified OK\n".into()));
    assert!(!verdict(&format!("{second} {first}")).0);
    export.change(|json| json["files"].as_array_mut().unwrap().reverse());
    assert_theirs(&export.check(), 255, "ValidationError: Invalid signature in sign file");
}

#[test]
fn an_altered_file() {
    let export = Export::new();
    let stated = hash_of(&export, SECOND);
    export.write(SECOND, &gzip(b"nothing happened\n"));
    let ran = export.check();
    let actual = hash_of(&export, SECOND);
    assert_theirs(
        &ran,
        255,
        &format!(
            "ValidationError: File {SECOND} has inconsistent hash value with hash value recorded in sign file, hash value in sign file is {stated} , but get {actual}"
        ),
    );
    assert!(ran.err.contains("signature over the hash values is valid"), "{}", ran.err);
}

#[test]
fn an_altered_hash_value() {
    let export = Export::new();
    let (zeros, actual) = ("0".repeat(64), hash_of(&export, FIRST));
    export.change(|json| json["files"][0]["fileHashValue"] = json!(zeros));
    let ran = export.check();
    assert_theirs(
        &ran,
        255,
        &format!(
            "ValidationError: File {FIRST} has inconsistent hash value with hash value recorded in sign file, hash value in sign file is {zeros} , but get {actual}"
        ),
    );
    assert!(ran.err.contains("the sign file was altered"), "{}", ran.err);
}

#[test]
fn an_altered_file_with_its_hash_value() {
    let export = Export::new();
    export.write(SECOND, &gzip(b"nothing happened\n"));
    let actual = hash_of(&export, SECOND);
    export.change(|json| json["files"][1]["fileHashValue"] = json!(actual));
    assert_theirs(&export.check(), 255, "ValidationError: Invalid signature in sign file");
}

#[test]
fn a_listed_file_left_out() {
    let export = Export::new();
    export.change(|json| drop(json["files"].as_array_mut().unwrap().pop()));
    fs::remove_file(export.path(SECOND)).unwrap();
    assert_theirs(&export.check(), 255, "ValidationError: Invalid signature in sign file");
}

#[test]
fn a_missing_file_is_named_as_python_does() {
    let export = Export::new();
    fs::remove_file(export.path(SECOND)).unwrap();
    let text = format!("[Errno 2] No such file or directory: '{}/{SECOND}'", export.dir());
    assert_theirs(&export.check(), 255, &text);
    // One unpacked does not stand for it, as a log file's would.
    export.write("result_2.csv", b"eventName\n");
    let ran = export.check();
    assert_theirs(&ran, 255, &text);
    assert!(ran.err.contains("result_2.csv exists"), "{}", ran.err);
    fs::remove_file(export.path(SIGN_FILE)).unwrap();
    let text = format!("[Errno 2] No such file or directory: '{}/{SIGN_FILE}'", export.dir());
    assert_theirs(&export.check(), 255, &text);
}

#[test]
fn a_missing_folder_is_named_as_python_does() {
    let export = Export::new();
    let keys = export.keys.path().join("keys.json");
    let run = |path: &str| {
        let args = ["verify-query-results", "--local-export-path", path, "--keys"];
        trailseal(&[&args[..], &[keys.to_str().unwrap()]].concat())
    };
    for (path, text) in [
        (
            "/nowhere/it's/",
            "[Errno 2] No such file or directory: \"/nowhere/it's/result_sign.json\"",
        ),
        ("/nowhere", "[Errno 2] No such file or directory: '/nowhere/result_sign.json'"),
    ] {
        assert_theirs(&run(path), 255, text);
    }
    let file = export.path(FIRST);
    let file = file.to_str().unwrap();
    assert_theirs(&run(file), 255, &format!("[Errno 20] Not a directory: '{file}/{SIGN_FILE}'"));
}

#[test]
fn an_altered_signature() {
    let flipped =
        |text: &str| format!("{}{}", if text.starts_with('0') { '1' } else { '0' }, &text[1..]);
    for change in [
        &flipped as &dyn Fn(&str) -> String,
        &|text| text[2..].into(),
        &|_| "signature".into(),
        &|_| String::new(),
    ] {
        let export = Export::new();
        export.change(|json| {
            json["hashSignature"] = json!(change(json["hashSignature"].as_str().unwrap()));
        });
        let ran = export.check();
        assert_theirs(&ran, 255, "ValidationError: Invalid signature in sign file");
        assert!(ran.err.contains("trailseal: result_sign.json: "), "{}", ran.err);
    }
}

#[test]
fn a_key_that_the_file_lacks_is_incomplete() {
    let text = format!("No public keys found for key with fingerprint: {}", key().fingerprint());
    let other = crate::common::other_key();
    let export = Export::new();
    export.publish(&render_public_keys(&[(other.public_key_der(), always())]));
    let ran = export.check();
    assert_theirs(&ran, 3, &text);
    let fetch = "trailseal keys fetch --region us-east-1 --start-time 2026-03-02T00:00:00Z --end-time 2026-03-22T00:00:00Z";
    assert!(ran.err.contains(fetch), "{}", ran.err);
    // One that was valid at another time is none, as CloudTrail would not tell it.
    let mut past = always();
    past.to = common::at(0, 0);
    export.publish(&render_public_keys(&[(key().public_key_der(), past)]));
    assert_theirs(&export.check(), 3, &text);
}

#[test]
fn sign_files_that_are_none() {
    let invalid = "ValidationError: Invalid sign file provided.";
    for (bytes, text) in [
        (&b"123"[..], invalid),
        (b"[]", invalid),
        (b"null", invalid),
        (b"\"text\"", invalid),
        (b"{}", invalid),
        (br#"{"files":null}"#, invalid),
        (br#"{"files":[1]}"#, invalid),
        (br#"{"files":[{}]}"#, invalid),
        (br#"{"files":{"a":1}}"#, invalid),
    ] {
        let export = Export::new();
        export.write(SIGN_FILE, bytes);
        let ran = export.check();
        assert_theirs(&ran, 255, text);
        assert!(ran.err.contains("trailseal: result_sign.json: "), "{}", ran.err);
    }
    let start =
        "\naws: [ERROR]: InformationCollectionError: Unable to load result_sign.json file, due to ";
    for bytes in [&b"{123"[..], b"", b"{\"files\"", b"\xff"] {
        let export = Export::new();
        export.write(SIGN_FILE, bytes);
        let ran = export.check();
        assert_eq!((ran.status, ran.out.as_str()), (255, ""));
        assert!(ran.err.starts_with(start), "{}", ran.err);
    }
    let export = Export::new();
    export.change(|json| json["files"] = json!([]));
    assert_theirs(&export.check(), 255, "ValidationError: No export file was found in sign file.");
    let export = Export::new();
    export.change(|json| json["queryCompleteTime"] = json!("soon\u{1b}[2J"));
    assert_theirs(&export.check(), 255, "Unable to parse date value: soon\\u{1b}[2J");
}

#[test]
fn files_that_no_sign_file_lists() {
    let export = Export::new();
    for i in 0..7 {
        export.write(&format!("notes-{i}.txt"), b"mine");
    }
    fs::create_dir(export.path("folder")).unwrap();
    let ran = export.check();
    assert_eq!((ran.status, ran.out.as_str()), (0, VALID));
    let said = "not covered by the signature: notes-0.txt, notes-1.txt, notes-2.txt, notes-3.txt, notes-4.txt and 2 more\n";
    assert!(ran.err.contains(said), "{}", ran.err);

    export.write("result_3.csv.gz", &gzip(b"planted"));
    let ran = export.check();
    assert_ours(&ran, 1, "not part of this result");
    assert!(ran.err.contains(": result_3.csv.gz\n"), "{}", ran.err);
}

#[test]
fn hostile_names_never_leave_the_folder() {
    let export = Export::new();
    let outside = export.keys.path().join(FIRST);
    fs::copy(export.path(FIRST), &outside).unwrap();
    let inside = outside.file_name().unwrap().to_str().unwrap();
    let folder = export.keys.path().file_name().unwrap().to_str().unwrap();
    for name in [
        format!("../{folder}/{inside}"),
        outside.to_str().unwrap().into(),
        "..".into(),
        String::new(),
    ] {
        let export = Export::new();
        export.change(|json| json["files"][0]["fileName"] = json!(name));
        let ran = export.check();
        assert_theirs(&ran, 255, "ValidationError: Invalid sign file provided.");
        assert!(ran.err.contains("so the file was not opened"), "{}", ran.err);
    }
    let export = Export::new();
    export.change(|json| json["files"][0]["fileName"] = json!("\u{1b}[2J\u{202e}gz"));
    let shown = "\\u{1b}[2J\\u{202e}gz";
    let text = format!("[Errno 2] No such file or directory: '{}/{shown}'", export.dir());
    assert_theirs(&export.check(), 255, &text);
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_folder_is_not_followed() {
    let export = Export::new();
    let outside = export.keys.path().join(FIRST);
    fs::rename(export.path(FIRST), &outside).unwrap();
    std::os::unix::fs::symlink(&outside, export.path(FIRST)).unwrap();
    assert_ours(&export.check(), 3, &format!("{FIRST} could not be checked"));
}

#[test]
fn options_that_do_not_go_together() {
    let neither = "An error occurred (ParamValidation): Require parameter --s3-bucket or --local-export-path.";
    let both = "An error occurred (ParamValidation): Parameter --local-export-path can not be specified with parameter --s3-bucket nor --s3-prefix.";
    for (args, text) in [
        (&[][..], neither),
        (&["--s3-prefix", "p"], neither),
        (&["--local-export-path", ""], neither),
        (&["--local-export-path", "d", "--s3-bucket", "b"], both),
        (&["--local-export-path", "d", "--s3-prefix", "p"], both),
    ] {
        let ran = trailseal(&[&["verify-query-results"], args].concat());
        assert_theirs(&ran, 252, text);
        assert_eq!(ran.err, format!("\naws: [ERROR]: {text}\n"));
    }
    let keys = ["--local-export-path", "d", "--keys", "no-such-file"];
    assert_ours(&trailseal(&[&["verify-query-results"], &keys[..]].concat()), 2, "no-such-file");
}

#[cfg(feature = "aws")]
mod in_a_bucket {
    use super::*;
    use crate::common::BUCKET;
    use crate::common::bucket::run;
    use crate::common::server::{Fault, Server};

    const PREFIX: &str = "AWSLogs/111122223333/CloudTrail-Lake/Query/2026/03/02/id/";

    fn upload(export: &Export) -> Server {
        let server = Server::start();
        server.create_bucket(BUCKET);
        for entry in fs::read_dir(export.dir.path()).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            server.put(BUCKET, &format!("{PREFIX}{name}"), fs::read(&path).unwrap(), &[]);
        }
        server.publish_keys(REGION, &list());
        server.clear_requests();
        server
    }

    fn check(server: &Server, more: &[&str]) -> Ran {
        let place = ["verify-query-results", "--s3-bucket", BUCKET, "--s3-prefix"];
        let output = run(server, &[&place[..], &[PREFIX], more].concat());
        Ran {
            status: output.status.code().unwrap().try_into().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[test]
    fn a_valid_result_with_the_key_from_cloudtrail() {
        let server = upload(&Export::new());
        let ran = check(&server, &[]);
        assert_eq!((ran.status, ran.out.as_str()), (0, VALID), "{}", ran.err);
        assert!(ran.err.starts_with(NOT_COVERED), "{}", ran.err);
        assert!(server.requests().contains(&format!("ListPublicKeys {REGION}")));
        // The same locally, and without the slash.
        let prefix = PREFIX.trim_end_matches('/');
        let args = ["verify-query-results", "--s3-bucket", BUCKET, "--s3-prefix", prefix];
        assert_eq!(run(&server, &args).status.code(), Some(0));
        let export = Export::new();
        let args = ["verify-query-results", "--local-export-path", export.dir()];
        assert_eq!(run(&server, &args).status.code(), Some(0));
    }

    #[test]
    fn an_altered_and_a_missing_object() {
        let export = Export::new();
        let (server, stated) = (upload(&export), hash_of(&export, FIRST));
        server.put(BUCKET, &format!("{PREFIX}{FIRST}"), b"file".to_vec(), &[]);
        let actual = Sha256Hash::of(b"file");
        let text = format!(
            "ValidationError: File {FIRST} has inconsistent hash value with hash value recorded in sign file, hash value in sign file is {stated} , but get {actual}"
        );
        assert_theirs(&check(&server, &[]), 255, &text);
        for name in [FIRST, SIGN_FILE] {
            server.delete(BUCKET, &format!("{PREFIX}{name}"));
            let ran = check(&server, &[]);
            let text = "An error occurred (NoSuchKey) when calling the GetObject operation: The specified key does not exist.";
            assert_theirs(&ran, 254, text);
            assert!(
                ran.err.contains(&format!("s3://{BUCKET}/{PREFIX}{name} does not exist")),
                "{}",
                ran.err
            );
        }
    }

    #[test]
    fn a_key_that_cloudtrail_does_not_know_or_publishes_elsewhere() {
        let text =
            format!("No public keys found for key with fingerprint: {}", key().fingerprint());
        let server = upload(&Export::new());
        assert_theirs(&check(&server, &["--region", "eu-west-1"]), 255, &text);
        let other = crate::common::other_key();
        server.publish_keys(REGION, &render_public_keys(&[(other.public_key_der(), always())]));
        assert_theirs(&check(&server, &[]), 255, &text);
    }

    #[test]
    fn trouble_is_not_told_as_an_invalid_result() {
        let server = upload(&Export::new());
        server.fault(SECOND, Fault::Status(403, "AccessDenied"), None);
        assert_ours(&check(&server, &[]), 3, "AccessDenied");
        server.clear_faults();
        server.fault(SECOND, Fault::ShortBody(4), None);
        assert_ours(&check(&server, &[]), 3, &format!("{PREFIX}{SECOND} could not be checked"));
        server.clear_faults();
        server.archive(BUCKET, &format!("{PREFIX}{FIRST}"));
        assert_ours(&check(&server, &[]), 3, "archived");
        let server = upload(&Export::new());
        server.deny_keys();
        assert_ours(&check(&server, &[]), 3, "cloudtrail:ListPublicKeys");
    }

    #[test]
    fn a_body_that_breaks_off_once_is_taken_up_again() {
        let server = upload(&Export::new());
        server.fault(SECOND, Fault::ShortBody(4), Some(1));
        assert_eq!(check(&server, &[]).status, 0);
    }

    #[test]
    fn reading_is_enough_and_a_planted_object_is_told_where_listing_is_allowed() {
        let export = Export::new();
        export.write("result_3.csv.gz", b"planted");
        let server = upload(&export);
        assert_ours(&check(&server, &[]), 1, "result_3.csv.gz");
        server.fault("list:", Fault::Status(403, "AccessDenied"), None);
        let ran = check(&server, &[]);
        assert_eq!((ran.status, ran.out.as_str()), (0, VALID), "{}", ran.err);
        assert!(ran.err.contains("could not be listed"), "{}", ran.err);
    }

    #[test]
    fn a_bucket_that_is_not_there_is_trouble_and_a_malformed_name_is_wrong_usage() {
        let server = upload(&Export::new());
        for (bucket, status) in [("no-such-bucket", 3), ("no bucket", 2)] {
            let args = ["verify-query-results", "--s3-bucket", bucket];
            let output = run(&server, &args);
            assert_eq!(output.status.code(), Some(status), "{bucket}");
        }
    }
}
