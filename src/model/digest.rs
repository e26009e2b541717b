//! The digest: CloudTrail's hourly statement of which log files it delivered.
//!
//! A `Digest` is what the bytes say, no more: that they are signed is known only to
//! `crate::verify`. Hash values and signatures are over the bytes as stored; a digest is
//! rendered only to write a new one, never to compare. Its list of log files may be long, and is
//! handed over entry by entry ([`DigestHead::read`]) where it need not be kept.

mod decode;

use std::fmt::Write as _;
use std::ops::Deref;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::hash::Sha256Hash;
use super::ids::{AccountId, Fingerprint};
use super::text::Printable;
use super::time;

/// The only signature algorithm of the format.
pub const SIGNATURE_ALGORITHM: &str = "SHA256withRSA";
/// The only hash algorithm of the format.
pub const HASH_ALGORITHM: &str = "SHA-256";

/// Error in decoding a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// Not JSON of the digest's shape: a field missing, twice, or of another type.
    #[error("not the JSON of a digest: {0}")]
    Json(String),
    /// A field's text does not have its form.
    #[error("field {field} is {}, which is not {expected}", Printable(.actual))]
    Field {
        /// The field's name in the JSON.
        field: &'static str,
        /// The actual value.
        actual: String,
        /// The form that the format requires.
        expected: &'static str,
    },
    /// Some of the five previousDigest fields are null and some are not.
    #[error("the fields of the previous digest are neither all present nor all null")]
    HalfPrevious,
}

/// A digest's statement about its predecessor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub object: String,
    /// The hash value of its inflated bytes.
    pub hash: Sha256Hash,
    /// Its signature, in lower-case hex as it enters the signing string.
    pub signature: String,
}

/// A log file that a digest lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogEntry {
    /// Its bucket.
    pub bucket: Box<str>,
    /// Its key.
    pub object: Box<str>,
    /// The hash value of its inflated bytes.
    pub hash: Sha256Hash,
    /// The newest event in it.
    pub newest: Option<Timestamp>,
    /// The oldest event in it.
    pub oldest: Option<Timestamp>,
}

/// The content of a digest but for its list of log files, not yet known to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestHead {
    /// The account that the events are of.
    pub account: AccountId,
    /// The first moment of delivery that it covers.
    pub start: Timestamp,
    /// The end of the time that it covers; the next digest starts there.
    pub end: Timestamp,
    /// The bucket that it says it was written to.
    pub bucket: String,
    /// The key that it says it was written to.
    pub object: String,
    /// The key that signed it.
    pub fingerprint: Fingerprint,
    /// The newest event in its log files; `None` in an empty digest.
    pub newest: Option<Timestamp>,
    /// The oldest event in its log files; `None` in an empty digest.
    pub oldest: Option<Timestamp>,
    /// The digest before it; `None` in a starting digest.
    pub previous: Option<Previous>,
}

/// The content of a digest, not yet known to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// All of it but the log files.
    pub head: DigestHead,
    /// The log files delivered in its time, in its order.
    pub log_files: Vec<LogEntry>,
}

impl Deref for Digest {
    type Target = DigestHead;

    fn deref(&self) -> &DigestHead {
        &self.head
    }
}

impl DigestHead {
    /// The text whose SHA-256 is signed: end time, location, hash value of the digest's own
    /// bytes, and the previous digest's signature or the word `null`, joined by line feeds.
    #[must_use]
    pub fn signing_string(&self, hash: Sha256Hash) -> String {
        format!(
            "{}\n{}/{}\n{hash}\n{}",
            time::format_digest_time(self.end),
            self.bucket,
            self.object,
            self.previous.as_ref().map_or("null", |previous| previous.signature.as_str()),
        )
    }
}

impl Digest {
    /// Reads the inflated bytes of a digest, as [`DigestHead::read`] does, with all log files.
    ///
    /// # Errors
    /// Fault of the bytes.
    pub fn decode(mut bytes: &[u8]) -> Result<Self, DigestError> {
        let mut log_files = Vec::new();
        let head = DigestHead::read(&mut bytes, &mut |entry| log_files.push(entry))?;
        Ok(Self { head, log_files })
    }

    /// The bytes of a digest in the format's own order of fields, compact, before gzip.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        let previous = self.previous.as_ref();
        let hash_text = |hash: &Sha256Hash| hash.to_string();
        let mut text = String::new();
        let mut field = |name: &str, value: Option<&str>| {
            text.push(if text.is_empty() { '{' } else { ',' });
            let value = value.map_or("null".to_owned(), quote);
            let _ = write!(text, "\"{name}\":{value}");
        };
        field("awsAccountId", Some(self.account.as_str()));
        field("digestStartTime", Some(&time::format_digest_time(self.start)));
        field("digestEndTime", Some(&time::format_digest_time(self.end)));
        field("digestS3Bucket", Some(&self.bucket));
        field("digestS3Object", Some(&self.object));
        field("digestPublicKeyFingerprint", Some(self.fingerprint.as_str()));
        field("digestSignatureAlgorithm", Some(SIGNATURE_ALGORITHM));
        field("newestEventTime", self.newest.map(time::format_digest_time).as_deref());
        field("oldestEventTime", self.oldest.map(time::format_digest_time).as_deref());
        field("previousDigestS3Bucket", previous.map(|p| p.bucket.as_str()));
        field("previousDigestS3Object", previous.map(|p| p.object.as_str()));
        field("previousDigestHashValue", previous.map(|p| hash_text(&p.hash)).as_deref());
        field("previousDigestHashAlgorithm", previous.map(|_| HASH_ALGORITHM));
        field("previousDigestSignature", previous.map(|p| p.signature.as_str()));
        text.push_str(",\"logFiles\":[");
        for (i, log) in self.log_files.iter().enumerate() {
            let event_time = |t: Option<Timestamp>| {
                t.map_or("null".to_owned(), |t| quote(&time::format_digest_time(t)))
            };
            let _ = write!(
                text,
                "{}{{\"s3Bucket\":{},\"s3Object\":{},\"hashValue\":\"{}\",\"hashAlgorithm\":\"{HASH_ALGORITHM}\",\"newestEventTime\":{},\"oldestEventTime\":{}}}",
                if i == 0 { "" } else { "," },
                quote(&log.bucket),
                quote(&log.object),
                log.hash,
                event_time(log.newest),
                event_time(log.oldest),
            );
        }
        text.push_str("]}");
        text.into_bytes()
    }
}

fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// True if a text is a signature as the format spells it: lower-case hex, whole bytes.
#[must_use]
pub fn is_signature_hex(text: &str) -> bool {
    !text.is_empty()
        && text.len().is_multiple_of(2)
        && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn previous(
    bucket: Option<String>,
    object: Option<String>,
    hash: Option<String>,
    algorithm: Option<String>,
    signature: Option<String>,
) -> Result<Option<Previous>, DigestError> {
    match (bucket, object, hash, algorithm, signature) {
        (None, None, None, None, None) => Ok(None),
        (Some(bucket), Some(object), Some(hash), Some(algorithm), Some(signature)) => {
            if algorithm != HASH_ALGORITHM {
                return Err(wrong("previousDigestHashAlgorithm", &algorithm, HASH_ALGORITHM));
            }
            let hash = Sha256Hash::parse(&hash).ok_or_else(|| {
                wrong("previousDigestHashValue", &hash, "64 lower-case hex digits")
            })?;
            if !is_signature_hex(&signature) {
                return Err(wrong("previousDigestSignature", &signature, "lower-case hex"));
            }
            Ok(Some(Previous { bucket, object, hash, signature }))
        }
        _ => Err(DigestError::HalfPrevious),
    }
}

fn wrong(field: &'static str, actual: &str, expected: &'static str) -> DigestError {
    // A hostile value may be megabytes long; its beginning is enough to recognise it by.
    let actual = actual.chars().take(80).collect();
    DigestError::Field { field, actual, expected }
}

fn moment(field: &'static str, text: &str) -> Result<Timestamp, DigestError> {
    time::parse_digest_time(text).map_err(|_| wrong(field, text, "YYYY-MM-DDTHH:MM:SSZ"))
}

fn optional_moment(
    field: &'static str,
    text: Option<&str>,
) -> Result<Option<Timestamp>, DigestError> {
    text.map(|text| moment(field, text)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Digest {
        let t = |text| time::parse_digest_time(text).unwrap();
        let head = DigestHead {
            account: AccountId::parse("218007301253").unwrap(),
            start: t("2023-07-10T11:00:00Z"),
            end: t("2023-07-10T12:00:00Z"),
            bucket: "bucket".into(),
            object: "AWSLogs/\"quoted\"/é".into(),
            fingerprint: Fingerprint::parse("31e8b5433410dfb61a9dc45cc65b22ff").unwrap(),
            newest: Some(t("2023-07-10T11:59:00Z")),
            oldest: Some(t("2023-07-10T11:01:00Z")),
            previous: Some(Previous {
                bucket: "bucket".into(),
                object: "before".into(),
                hash: Sha256Hash::of(b"before"),
                signature: "00ff".into(),
            }),
        };
        let entry = LogEntry {
            bucket: "bucket".into(),
            object: "log".into(),
            hash: Sha256Hash::of(b"log"),
            newest: None,
            oldest: None,
        };
        Digest { head, log_files: vec![entry] }
    }

    fn empty() -> Digest {
        let head = DigestHead { previous: None, newest: None, oldest: None, ..sample().head };
        Digest { head, log_files: vec![] }
    }

    #[test]
    fn renders_what_it_reads() {
        for digest in [sample(), empty()] {
            assert_eq!(Digest::decode(&digest.render()).unwrap(), digest);
        }
        // Real digests occur with escaped slashes too.
        let escaped = String::from_utf8(sample().render()).unwrap().replace('/', "\\/");
        assert_eq!(Digest::decode(escaped.as_bytes()).unwrap(), sample());
    }

    #[test]
    fn the_signing_string_is_four_lines() {
        let hash = Sha256Hash::of(b"x");
        let expected = format!("2023-07-10T12:00:00Z\nbucket/AWSLogs/\"quoted\"/é\n{hash}\n00ff");
        assert_eq!(sample().signing_string(hash), expected);
        assert!(empty().signing_string(hash).ends_with("\nnull"));
    }

    #[test]
    fn each_defect_is_refused() {
        // What is longer than is read whole goes another way, and ends the same.
        let long = " ".repeat(200_000);
        let good = String::from_utf8(sample().render()).unwrap();
        // A list of the values alone, which serde takes for a struct.
        let hash = Sha256Hash::of(b"log");
        let listed = format!("[\"bucket\",\"log\",\"{hash}\",\"SHA-256\",null,null]");
        let (_, log) = good.split_once("\"logFiles\":[").unwrap();
        let log = log.trim_end_matches("]}").to_owned();
        for (name, from, to) in [
            ("duplicate field", "{\"awsAccountId\"", "{\"digestS3Bucket\":\"x\",\"awsAccountId\""),
            ("missing field", "\"newestEventTime\":\"2023-07-10T11:59:00Z\",", ""),
            ("wrong type", "\"awsAccountId\":\"218007301253\"", "\"awsAccountId\":218007301253"),
            ("short account", "218007301253", "21800730125"),
            ("other algorithm", "SHA256withRSA", "SHA1withRSA"),
            ("other hash algorithm", "\"hashAlgorithm\":\"SHA-256\"", "\"hashAlgorithm\":\"MD5\""),
            ("upper-case hash", "\"hashValue\":\"", "\"hashValue\":\"A"),
            ("time with offset", "11:00:00Z", "11:00:00+00:00"),
            ("end before start", "T12:00:00Z", "T10:00:00Z"),
            (
                "half previous",
                "\"previousDigestHashAlgorithm\":\"SHA-256\"",
                "\"previousDigestHashAlgorithm\":null",
            ),
            ("signature not hex", "00ff", "00fg"),
            ("odd signature", "00ff", "00f"),
            ("not UTF-8 JSON", "{", "\u{feff}{"),
            ("logs null", "\"logFiles\":[", "\"logFiles\":null,\"x\":["),
            ("log without names", log.as_str(), listed.as_str()),
        ] {
            assert!(good.contains(from), "{name}");
            let bad = good.replacen(from, to, 1);
            let error = Digest::decode(bad.as_bytes()).unwrap_err();
            let streamed = Digest::decode((bad + &long).as_bytes()).unwrap_err();
            let words = |e: DigestError| e.to_string().split(" at line").next().map(str::to_owned);
            assert_eq!(words(error), words(streamed), "{name}");
        }
        assert_eq!(Digest::decode((good.clone() + &long).as_bytes()), Ok(sample()));
        assert!(Digest::decode((good + &long + "{").as_bytes()).is_err());
    }

    #[test]
    fn long_lists_are_read_in_their_order() {
        let entries = (0..2_000).map(|n| LogEntry {
            object: format!("log {n} \"é\"").into(),
            newest: (n % 2 == 0).then(|| sample().start),
            ..sample().log_files.remove(0)
        });
        let digest = Digest { log_files: entries.collect(), ..sample() };
        let text = digest.render();
        assert!(text.len() > 200_000);
        assert_eq!(Digest::decode(&text), Ok(digest));
    }

    #[test]
    fn no_value_of_a_digest_is_very_long() {
        let good = String::from_utf8(sample().render()).unwrap();
        let long = |n: usize| "x".repeat(n);
        for (from, to) in [
            ("bucket", long(5_000)),
            ("\"log\"", format!("\"{}\"", long(5_000))),
            ("{", format!("{{\"{}\":1,", long(200_000))),
            ("{", format!("{{\"x\":{},", "9".repeat(200_000))),
            ("{", format!("{{\"x\":{}", "[".repeat(200_000))),
            ("{", format!("{{\"x\":\"{}\",", "\\\"".repeat(100_000))),
        ] {
            let bad = good.replacen(from, &to, 1);
            assert!(Digest::decode(bad.as_bytes()).is_err(), "{from} {:.20}", to);
        }
    }

    #[test]
    fn depth_and_rubbish_end_in_an_error() {
        let deep = format!("{{\"x\":{}{}", "[".repeat(200_000), "]".repeat(200_000));
        assert!(Digest::decode(deep.as_bytes()).is_err());
        assert!(Digest::decode(b"").is_err());
        assert!(Digest::decode(&[0xff, 0xfe]).is_err());
        assert!(Digest::decode(b"null").is_err());
    }
}
