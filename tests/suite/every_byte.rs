//! Every byte counts: each flipped bit of each stored object, of what it inflates to, of each
//! metadata value, of each object's name and of the key file changes the verdict, with a finding
//! on that object. What may be flipped without that is listed here by name, and each case proven
//! to change no content.
//!
//! The fast suite samples the bits, the slow one three times as many. All of them, with the tables of
//! what came of it, take some 15 minutes of processor time in a debug build:
//! `cargo test --locked --test suite -- --ignored every_bit --nocapture`.
//!
//! | flipped | trailseal | the reference (`aws cloudtrail validate-logs`) |
//! |---|---|---|
//! | gzip header: time, compression, system, the text flag | notice `gzip-header`, verified | nothing |
//! | gzip header: any other flag | malformed | malformed |
//! | the last byte of the deflate stream: bits that fill it up | nothing: no content changes | nothing |
//! | a few bits of the stream: they point to another copy of the same text | nothing: no content changes | nothing |
//! | any other stored or inflated bit | violation | violation |
//! | metadata: the case of the signature's letters | violation | nothing |
//! | metadata: the value of the signature's algorithm | violation | nothing |
//! | metadata of a copy that can no longer be read | notice; the next digest carries the signature | knows no copies |
//! | the name of the newest digest | violation, where the time was asked for | nothing |
//! | the name of any other object | violation: it is missing | violation |
//! | a name in a directory that is no key of a bucket | incomplete, where it hides what is there | knows no copies |
//! | the key file: the key's value | refused, or the key is unknown | knows no key files |
//! | the key file: the time of validity, what is not read | nothing, while the digests lie in it | knows no key files |

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::common::sweep::{Table, Trail, sweep};
use crate::common::{
    Report, Tree, at, digest_key, gunzip, gzip, key, log_key, log_key_at, trailseal,
};
use serde_json::Value;

/// Four hours: one log file, two, none, one.
const HOURS: u8 = 4;
const SIDECAR: &str = ".metadata.json";

fn logs() -> Vec<String> {
    let second = log_key_at(at(1, 40), "CloudTrail", "BBBBBBBBBBBBBBBB");
    vec![log_key(0), log_key(1), second, log_key(3)]
}

fn digests() -> Vec<String> {
    (1..=HOURS).map(digest_key).collect()
}

fn objects() -> Vec<String> {
    digests().into_iter().chain(logs()).collect()
}

fn trail() -> Trail {
    let tree = Tree::empty();
    logs().iter().for_each(|key| tree.write_log(key));
    tree.seal(HOURS.into()).unwrap();
    Trail::new(tree)
}

/// A bit of a file, by the file's number.
#[derive(Debug, Clone, Copy)]
struct Bit {
    file: usize,
    byte: usize,
    bit: usize,
}

impl Bit {
    fn flip(self, bytes: &[u8]) -> Vec<u8> {
        let mut flipped = bytes.to_vec();
        flipped[self.byte] ^= 1 << self.bit;
        flipped
    }
}

/// Every so-many-eth bit of files of these lengths; the stride is none of eight, so that each bit
/// of a byte has its turn.
fn bits(lengths: impl IntoIterator<Item = usize>, stride: usize) -> Vec<Bit> {
    assert!(stride % 2 == 1);
    let of =
        |(file, length)| (0..length * 8).map(move |at| Bit { file, byte: at / 8, bit: at % 8 });
    lengths.into_iter().enumerate().flat_map(of).step_by(stride).collect()
}

/// One gzip member and nothing after it.
fn inflate(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut rest, mut content) = (bytes, Vec::new());
    flate2::bufread::GzDecoder::new(&mut rest).read_to_end(&mut content).ok()?;
    rest.fill_buf().ok()?.is_empty().then_some(content)
}

/// The codes of a report that contradicts the verdict, which all must be of one object; what is
/// a notice about other objects may stand beside them.
fn only_on(report: &Report, key: &str, what: &str) -> String {
    let heavy: Vec<_> = report.codes().into_iter().filter(|f| f.1 != "notice").collect();
    // What an altered digest no longer says of time is a gap, which is no object's.
    let (gaps, on): (Vec<_>, Vec<_>) = heavy.into_iter().partition(|f| f.2.is_empty());
    assert!(!on.is_empty() && on.iter().all(|f| f.2 == key), "{what}: {on:#?}");
    let of_time = |code: &str| ["chain-gap", "chain-late-start"].contains(&code);
    assert!(gaps.iter().all(|f| of_time(&f.0)), "{what}: {gaps:#?}");
    let mut codes: Vec<_> = on.into_iter().map(|f| f.0).collect();
    codes.dedup();
    codes.join(", ")
}

fn is_digest(key: &str) -> bool {
    key.contains("CloudTrail-Digest")
}

fn kind(key: &str) -> &'static str {
    if is_digest(key) { "digest" } else { "log" }
}

// Stored bytes.

fn part(byte: usize, length: usize) -> &'static str {
    match byte {
        0..2 => "magic",
        2 => "method",
        3 => "flags",
        4..8 => "time",
        8 => "compression",
        9 => "system",
        _ if byte + 8 >= length => "checksum and length",
        _ if byte + 9 == length => "last byte of the stream",
        _ => "stream",
    }
}

fn stored_bits(stride: usize) -> Table {
    let keys = objects();
    let model = trail();
    let length = |key: &String| model.was(key).unwrap().len();
    let cases = bits(keys.iter().map(length), stride);
    sweep("Stored bits", &cases, trail, |trail, bit| {
        let key = &keys[bit.file];
        let before = trail.was(key).unwrap();
        let flipped = bit.flip(before);
        let what = format!("{key} {bit:?}");
        trail.set(Path::new(key), Some(&flipped));
        let report = trail.verify_hours(HOURS);
        trail.put_back(key);
        let part = part(bit.byte, before.len());
        let outcome = match inflate(&flipped) {
            // The same content: proven here, and still the object is named where the header is
            // not what CloudTrail writes.
            Some(content) if content == gunzip(before) => {
                let header = bit.byte < 10;
                let expected = match header {
                    true => vec![("gzip-header".into(), "notice".into(), key.clone())],
                    false => vec![],
                };
                assert_eq!((report.status, report.codes()), (0, expected), "{what}");
                assert!(!header || bit.byte > 3 || (part == "flags" && bit.bit == 0), "{what}");
                if header { "the same content: gzip-header" } else { "the same content: silent" }
            }
            _ => {
                assert_eq!(report.status, 1, "{what}");
                let codes = only_on(&report, key, &what);
                assert!(
                    ["digest-malformed", "log-malformed"].contains(&&*codes) || part == "stream"
                );
                "violation"
            }
        };
        (format!("{} {part}", kind(key)), outcome.to_owned())
    })
}

// Content: what an adversary who can compress writes.

fn content_bits(stride: usize) -> Table {
    let keys = objects();
    let model = trail();
    let length = |key: &String| gunzip(model.was(key).unwrap()).len();
    let cases = bits(keys.iter().map(length), stride);
    sweep("Bits of the content", &cases, trail, |trail, bit| {
        let key = &keys[bit.file];
        trail.set(Path::new(key), Some(&gzip(&bit.flip(&gunzip(trail.was(key).unwrap())))));
        let report = trail.verify_hours(HOURS);
        trail.put_back(key);
        let what = format!("{key} {bit:?}");
        let codes = only_on(&report, key, &what);
        // The newest digest may name another key: what nobody has cannot be told from another's.
        let other_key = *key == digest_key(HOURS) && codes == "digest-key-unknown";
        assert_eq!(report.status, if other_key { 3 } else { 1 }, "{what}: {codes}");
        (kind(key).to_owned(), codes)
    })
}

// Metadata, as a copy keeps it: each bit of the file beside the digest.

/// What the metadata still says, read by nobody's rules but JSON's.
#[derive(Debug, PartialEq, Eq)]
struct Says {
    signature: Option<String>,
    algorithm: Option<String>,
}

fn says(bytes: &[u8]) -> Option<Says> {
    let json: Value = serde_json::from_slice(bytes).ok()?;
    let mut says = Says { signature: None, algorithm: None };
    for (name, value) in json.get("Metadata")?.as_object()? {
        let value = Some(value.as_str()?.to_owned());
        match name.to_ascii_lowercase().as_str() {
            "signature" => says.signature = value,
            "signature-algorithm" => says.algorithm = value,
            _ => {}
        }
    }
    Some(says)
}

fn metadata_bits(stride: usize) -> Table {
    let keys = digests();
    let model = trail();
    let sidecar = |key: &String| PathBuf::from(format!("{key}{SIDECAR}"));
    let length = |key: &String| model.was(sidecar(key)).unwrap().len();
    let cases = bits(keys.iter().map(length), stride);
    sweep("Bits of the metadata", &cases, trail, |trail, bit| {
        let key = &keys[bit.file];
        let before = trail.was(sidecar(key)).unwrap();
        let (was, flipped) = (says(before).unwrap(), bit.flip(before));
        trail.set(&sidecar(key), Some(&flipped));
        let report = trail.verify_hours(HOURS);
        trail.put_back(sidecar(key));
        let what = format!("{key} {bit:?} {:?}", said_at(&flipped, bit.byte));
        // Without a signature of its own a digest is proven by the one that the next carries.
        let newest = *key == digest_key(HOURS);
        let unsigned = if newest { (3, "digest-unsigned") } else { (0, "") };
        let (says, (status, code)) = match says(&flipped) {
            None if newest => ("not readable", unsigned),
            None => ("not readable", (0, "object-unreadable")),
            Some(now) if now == was => ("the same values", (0, "")),
            Some(now) if now.algorithm.is_some() && now.algorithm != was.algorithm => {
                ("another algorithm", (1, "digest-malformed"))
            }
            Some(now) if now.signature.is_none() => ("no signature", unsigned),
            Some(now) if now.signature == was.signature => ("no algorithm", (0, "")),
            Some(_) => ("another signature", (1, "digest-modified")),
        };
        assert_eq!(report.status, status, "{what}: {says}");
        let codes: Vec<_> = report.codes().into_iter().filter(|f| f.0 != "log-uncovered").collect();
        let expected = (!code.is_empty()).then_some((code, key.as_str()));
        let found: Vec<_> = codes.iter().map(|f| (f.0.as_str(), f.2.as_str())).collect();
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{what}: {says}");
        let newest = if newest { ", of the newest" } else { "" };
        (format!("{says}{newest}"), format!("exit {status} {code}"))
    })
}

/// The text around a place, for messages.
fn said_at(bytes: &[u8], at: usize) -> String {
    let range = at.saturating_sub(8)..(at + 8).min(bytes.len());
    String::from_utf8_lossy(&bytes[range]).into_owned()
}

// Names.

fn name_bits(stride: usize) -> Table {
    let keys = objects();
    let cases = bits(keys.iter().map(String::len), stride);
    sweep("Bits of the names", &cases, trail, |trail, bit| {
        let key = &keys[bit.file];
        let to = bit.flip(key.as_bytes());
        let what = format!("{bit:?}: {key} to {}", String::from_utf8_lossy(&to));
        // No path has such a name. (S3 has, and its name is then no log file's and no digest's.)
        if to.contains(&0) || to.windows(2).any(|w| w == b"//") || to.starts_with(b"/") {
            return (kind(key).to_owned(), "no name of a file".to_owned());
        }
        let path =
            |suffix: &str| PathBuf::from(OsStr::from_bytes(&[&to, suffix.as_bytes()].concat()));
        for suffix in ["", SIDECAR] {
            let from = format!("{key}{suffix}");
            if let Some(bytes) = trail.was(&from) {
                trail.set(&path(suffix), Some(bytes));
            }
            trail.set(Path::new(&from), None);
        }
        let report = trail.verify_hours(HOURS);
        trail.restore();
        // Nothing names the newest digest: the time that was asked for tells. A file name that
        // is not text is trouble of the listing, so that nothing may be said of the chain's end.
        let newest = *key == digest_key(HOURS);
        let in_folder = key.rfind('/').is_some_and(|slash| bit.byte > slash);
        let trouble = newest && in_folder && std::str::from_utf8(&to).is_err();
        // NAME.json stands for an inflated NAME.json.gz; a folder of that name is trouble too.
        let folder = !newest && to.ends_with(b".json/gz");
        let (status, severity) =
            if trouble || folder { (3, "incomplete") } else { (1, "violation") };
        assert_eq!(report.status, status, "{what}");
        let code = match is_digest(key) {
            _ if folder => "object-unreadable",
            true if newest => "chain-truncated",
            true => "digest-missing",
            false => "log-missing",
        };
        let missed = |f: &&(String, String, String)| {
            f.0 == code && f.1 == severity && (f.2 == *key || code == "chain-truncated")
        };
        let all = report.codes();
        // A digest renamed onto the name of its successor is missed by none that is left, and the
        // newest, renamed by some minutes, still stands for its time: both are told by the new name.
        let new = String::from_utf8_lossy(&to).into_owned();
        let by_new = all.iter().any(|f| f.1 == "violation" && f.2 == new);
        let over = objects().contains(&new);
        assert!(all.iter().any(|f| missed(&f)) || (over || newest) && by_new, "{what}: {all:#?}");
        let mut new: Vec<_> = all.iter().filter(|f| f.2 == new).map(|f| f.0.as_str()).collect();
        new.dedup();
        let new = if new.is_empty() { "not told of".to_owned() } else { new.join(", ") };
        (format!("{} {code}", kind(key)), format!("the new name: {new}"))
    })
}

// The key file.

fn key_bits(stride: usize) {
    let pem = pem();
    let json = fs::read(trail().tree.keys.clone()).unwrap();
    for (form, bytes) in [("public-keys.json", &json), ("key.pem", &pem)] {
        let text = String::from_utf8(bytes.clone()).unwrap();
        // The key itself, whatever stands around it.
        let value = match form {
            "key.pem" => {
                let start = text.find("-----\n").unwrap() + 6;
                start..text.rfind("\n-----END").unwrap()
            }
            _ => quoted(&text, "Value"),
        };
        let fingerprint = (form != "key.pem").then(|| quoted(&text, "Fingerprint"));
        let cases = bits([bytes.len()], stride);
        sweep(&format!("Bits of {form}"), &cases, trail, |trail, bit| {
            let file = trail.tree.path(form);
            fs::write(&file, bit.flip(bytes)).unwrap();
            let file = file.to_str().unwrap();
            let (start, end) = (at(0, 0).to_string(), at(HOURS.into(), 0).to_string());
            let root = trail.tree.root().to_str().unwrap();
            let status = trailseal(&[
                "verify",
                root,
                "--keys",
                file,
                "--start-time",
                &start,
                "--end-time",
                &end,
                "--no-progress",
                "--jobs",
                "1",
            ])
            .status;
            let of_key = value.contains(&bit.byte);
            let of_name = fingerprint.as_ref().is_some_and(|range| range.contains(&bit.byte));
            if of_key || of_name {
                let what = format!("{form} {bit:?} {:?}", said_at(bytes, bit.byte));
                assert!([2, 3].contains(&status), "{status}: {what}");
            }
            let part = match (of_key, of_name) {
                (true, _) => "the key",
                (_, true) => "its fingerprint",
                _ => "what stands around it",
            };
            (part.to_owned(), format!("exit {status}"))
        });
    }
}

fn quoted(text: &str, name: &str) -> std::ops::Range<usize> {
    let at = text.find(&format!("\"{name}\"")).unwrap() + name.len() + 2;
    let start = at + text[at..].find('"').unwrap() + 1;
    start..start + text[start..].find('"').unwrap()
}

fn pem() -> Vec<u8> {
    use base64::Engine;
    let text = base64::engine::general_purpose::STANDARD.encode(key().public_key_der());
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    let body = lines.join("\n");
    format!("-----BEGIN RSA PUBLIC KEY-----\n{body}\n-----END RSA PUBLIC KEY-----\n").into_bytes()
}

#[test]
fn a_flipped_bit_of_a_stored_object_is_found() {
    stored_bits(181);
}

#[test]
fn each_bit_of_a_gzip_header_gives_a_notice_or_a_violation() {
    // The same sweep, of the headers alone and wholly.
    let keys = [digest_key(2), log_key(1)];
    let cases: Vec<_> = bits([10, 10], 1);
    let table = sweep("Bits of gzip headers", &cases, trail, |trail, bit| {
        let key = &keys[bit.file];
        trail.set(Path::new(key), Some(&bit.flip(trail.was(key).unwrap())));
        let report = trail.verify_hours(HOURS);
        trail.put_back(key);
        let harmless = bit.byte > 3 || (bit.byte == 3 && bit.bit == 0);
        assert_eq!(report.status, u8::from(!harmless), "{key} {bit:?}");
        let about: Vec<_> = report.codes().into_iter().filter(|f| f.2 == *key).collect();
        let [(code, ..)] = about.try_into().unwrap();
        if harmless {
            let finding = report.findings().iter().find(|f| f["code"] == "gzip-header").unwrap();
            assert_eq!(finding["severity"], "notice");
            assert!(finding["chain"].is_string() || finding["chain"].is_object());
            let by = &finding["referenced_by"];
            assert_eq!(by.as_str(), (!is_digest(key)).then(|| digest_key(2)).as_deref());
        }
        (kind(key).to_owned(), code)
    });
    assert_eq!(table.get("log", "gzip-header"), 49);
    assert_eq!(table.get("digest", "gzip-header"), 49);
}

#[test]
fn a_flipped_bit_of_content_is_found() {
    content_bits(631);
}

#[test]
fn a_flipped_bit_of_metadata_is_found() {
    metadata_bits(293);
}

#[test]
fn a_flipped_bit_of_a_name_is_found() {
    name_bits(199);
}

#[test]
fn a_flipped_bit_of_a_key_is_found() {
    key_bits(97);
}

#[test]
#[ignore = "slow: hundreds of bits of each kind"]
fn more_flipped_bits_are_found() {
    stored_bits(61);
    content_bits(211);
    metadata_bits(97);
    name_bits(67);
}

#[test]
#[ignore = "very slow: every single bit, tens of thousands"]
fn every_bit_of_stored_objects() {
    stored_bits(1);
}

#[test]
#[ignore = "very slow: every single bit, tens of thousands"]
fn every_bit_of_the_content() {
    content_bits(1);
}

#[test]
#[ignore = "very slow: every single bit, tens of thousands"]
fn every_bit_of_the_metadata() {
    metadata_bits(1);
}

#[test]
#[ignore = "very slow: every single bit, tens of thousands"]
fn every_bit_of_the_names() {
    name_bits(1);
}

#[test]
#[ignore = "very slow: every single bit, tens of thousands"]
fn every_bit_of_the_key_files() {
    key_bits(1);
}

/// A stride of the same over S3.
#[cfg(feature = "aws")]
mod in_a_bucket {
    use super::*;
    use crate::common::BUCKET;
    use crate::common::bucket::{bucket_of, check_bucket};

    #[test]
    fn a_flipped_bit_is_found_as_in_a_directory() {
        stored_bits(5501);
    }

    #[test]
    #[ignore = "slow: many buckets"]
    fn more_flipped_bits_are_found_as_in_a_directory() {
        stored_bits(1511);
    }

    fn stored_bits(stride: usize) {
        let keys = objects();
        let model = trail();
        let length = |key: &String| model.was(key).unwrap().len();
        let cases = bits(keys.iter().map(length), stride);
        sweep("Stored bits in a bucket", &cases, trail, |trail, bit| {
            let key = &keys[bit.file];
            let before = trail.was(key).unwrap();
            let flipped = bit.flip(before);
            trail.set(Path::new(key), Some(&flipped));
            let report = check_bucket(&bucket_of(&trail.tree), HOURS, &["--grace", "0s"]);
            let directory = trail.verify_hours(HOURS);
            trail.put_back(key);
            assert_eq!(report.json["findings"], directory.json["findings"], "{key} {bit:?}");
            assert_eq!(report.status, directory.status, "{key} {bit:?}");
            let same = inflate(&flipped).is_some_and(|content| content == gunzip(before));
            assert_eq!(report.status, u8::from(!same), "{key} {bit:?}");
            (part(bit.byte, before.len()).to_owned(), format!("exit {}", report.status))
        });
    }

    #[test]
    fn a_flipped_bit_of_a_metadata_value_is_found() {
        metadata_bits(1733);
    }

    #[test]
    #[ignore = "slow: many buckets"]
    fn more_flipped_bits_of_metadata_values_are_found() {
        metadata_bits(373);
    }

    fn metadata_bits(stride: usize) {
        let keys = digests();
        let values: Vec<_> = keys.iter().map(|key| metadata(&trail(), key)).collect();
        let text = |n: usize| format!("{}{}", values[n].0, values[n].1);
        let cases = bits((0..keys.len()).map(|n| text(n).len()), stride);
        sweep("Metadata values in a bucket", &cases, trail, |trail, bit| {
            let key = &keys[bit.file];
            let flipped = bit.flip(text(bit.file).as_bytes());
            // A header carries printable ASCII.
            let plain = flipped.iter().all(u8::is_ascii_graphic);
            let Some(flipped) = String::from_utf8(flipped).ok().filter(|_| plain) else {
                return ("no value of a header".to_owned(), "not tried".to_owned());
            };
            let (signature, algorithm) = flipped.split_at(values[bit.file].0.len());
            let server = bucket_of(&trail.tree);
            let named = [("signature", signature), ("signature-algorithm", algorithm)];
            server.put(BUCKET, key, trail.was(key).unwrap().to_vec(), &named);
            let report = check_bucket(&server, HOURS, &["--grace", "0s"]);
            assert_eq!(report.status, 1, "{key} {bit:?}");
            let codes = only_on(&report, key, &format!("{key} {bit:?}"));
            let of_signature = bit.byte < values[bit.file].0.len();
            let value = if of_signature { "signature" } else { "algorithm" };
            (value.to_owned(), codes)
        });
    }

    fn metadata(trail: &Trail, key: &str) -> (String, String) {
        let says = says(trail.was(format!("{key}{SIDECAR}")).unwrap()).unwrap();
        (says.signature.unwrap(), says.algorithm.unwrap())
    }

    #[test]
    fn a_flipped_bit_of_a_name_is_found() {
        name_bits(1201);
    }

    #[test]
    #[ignore = "slow: many buckets"]
    fn more_flipped_bits_of_names_are_found() {
        name_bits(397);
    }

    fn name_bits(stride: usize) {
        let keys = objects();
        let cases = bits(keys.iter().map(String::len), stride);
        sweep("Names in a bucket", &cases, trail, |trail, bit| {
            let key = &keys[bit.file];
            let Some(to) = String::from_utf8(bit.flip(key.as_bytes())).ok() else {
                return ("no key: not UTF-8".to_owned(), "not tried".to_owned());
            };
            let server = bucket_of(&trail.tree);
            let metadata = server.metadata(BUCKET, key).unwrap();
            let metadata: Vec<_> = metadata.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            server.put(BUCKET, &to, trail.was(key).unwrap().to_vec(), &metadata);
            server.delete(BUCKET, key);
            let report = check_bucket(&server, HOURS, &["--grace", "0s"]);
            assert_eq!(report.status, 1, "{key} to {to}");
            let named = report.codes().iter().any(|f| f.2 == *key);
            let newest = *key == digest_key(HOURS);
            assert!(named || newest, "{key} to {to}: {:#?}", report.codes());
            (kind(key).to_owned(), "violation".to_owned())
        });
    }
}
