//! The digest: CloudTrail's hourly statement of which log files it delivered.
//!
//! A `Digest` is what the bytes say, no more: that they are signed is known only to
//! [`crate::verify`]. Hash values and signatures are over the bytes as stored; a digest is
//! rendered only to write a new one, never to compare.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::hash::Sha256Hash;
use super::ids::{AccountId, Fingerprint};
use super::json::Object;
use super::text::Printable;
use super::time;

/// The only signature algorithm of the format.
pub const SIGNATURE_ALGORITHM: &str = "SHA256withRSA";
/// The only hash algorithm of the format.
pub const HASH_ALGORITHM: &str = "SHA-256";

/// Why bytes are not a digest.
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
        /// What was found.
        actual: String,
        /// What the format asks for.
        expected: &'static str,
    },
    /// Some of the five previousDigest fields are null and some are not.
    #[error("the fields of the previous digest are neither all present nor all null")]
    HalfPrevious,
}

/// What a digest says of the one before it.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// The content of a digest, not yet known to be signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
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
    /// The log files delivered in its time, in its order.
    pub log_files: Vec<LogEntry>,
}

impl Digest {
    /// Reads the inflated bytes of a digest.
    ///
    /// Unknown fields are allowed (they are signed all the same); a field that is missing, given
    /// twice or of another form is not. Memory is bounded by the bytes given.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DigestError> {
        let Object(raw): Object<Raw<'_>> = serde_json::from_slice(bytes)
            .map_err(|e| DigestError::Json(e.to_string().chars().take(200).collect()))?;
        raw.check()
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

fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Whether a text is a signature as the format spells it: lower-case hex, whole bytes.
#[must_use]
pub fn is_signature_hex(text: &str) -> bool {
    !text.is_empty()
        && text.len().is_multiple_of(2)
        && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// A string that may be null but must be there.
fn nullable<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer)
}

/// Borrows where the JSON has no escapes, owns where it has.
type Text<'a> = std::borrow::Cow<'a, str>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw<'a> {
    aws_account_id: String,
    digest_start_time: String,
    digest_end_time: String,
    #[serde(rename = "digestS3Bucket")]
    digest_s3_bucket: String,
    #[serde(rename = "digestS3Object")]
    digest_s3_object: String,
    digest_public_key_fingerprint: String,
    digest_signature_algorithm: String,
    #[serde(deserialize_with = "nullable")]
    newest_event_time: Option<String>,
    #[serde(deserialize_with = "nullable")]
    oldest_event_time: Option<String>,
    #[serde(rename = "previousDigestS3Bucket", deserialize_with = "nullable")]
    previous_digest_s3_bucket: Option<String>,
    #[serde(rename = "previousDigestS3Object", deserialize_with = "nullable")]
    previous_digest_s3_object: Option<String>,
    #[serde(deserialize_with = "nullable")]
    previous_digest_hash_value: Option<String>,
    #[serde(deserialize_with = "nullable")]
    previous_digest_hash_algorithm: Option<String>,
    #[serde(deserialize_with = "nullable")]
    previous_digest_signature: Option<String>,
    #[serde(borrow)]
    log_files: Vec<Object<RawLog<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawLog<'a> {
    #[serde(rename = "s3Bucket", borrow)]
    s3_bucket: Text<'a>,
    #[serde(rename = "s3Object", borrow)]
    s3_object: Text<'a>,
    #[serde(deserialize_with = "hash_value")]
    hash_value: Sha256Hash,
    #[serde(borrow)]
    hash_algorithm: Text<'a>,
    #[serde(borrow, deserialize_with = "nullable")]
    newest_event_time: Option<Text<'a>>,
    #[serde(borrow, deserialize_with = "nullable")]
    oldest_event_time: Option<Text<'a>>,
}

fn hash_value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Sha256Hash, D::Error> {
    let text = Text::deserialize(deserializer)?;
    Sha256Hash::parse(&text)
        .ok_or_else(|| D::Error::custom("hashValue is not 64 lower-case hex digits"))
}

impl Raw<'_> {
    fn check(self) -> Result<Digest, DigestError> {
        let account = AccountId::parse(&self.aws_account_id)
            .map_err(|_| wrong("awsAccountId", &self.aws_account_id, "12 digits"))?;
        let start = moment("digestStartTime", &self.digest_start_time)?;
        let end = moment("digestEndTime", &self.digest_end_time)?;
        if start >= end {
            return Err(wrong("digestEndTime", &self.digest_end_time, "after digestStartTime"));
        }
        let algorithm = &self.digest_signature_algorithm;
        if algorithm != SIGNATURE_ALGORITHM {
            return Err(wrong("digestSignatureAlgorithm", algorithm, SIGNATURE_ALGORITHM));
        }
        let fingerprint =
            Fingerprint::parse(&self.digest_public_key_fingerprint).map_err(|_| {
                wrong(
                    "digestPublicKeyFingerprint",
                    &self.digest_public_key_fingerprint,
                    "32 lower-case hex digits",
                )
            })?;
        let previous = previous(
            self.previous_digest_s3_bucket,
            self.previous_digest_s3_object,
            self.previous_digest_hash_value,
            self.previous_digest_hash_algorithm,
            self.previous_digest_signature,
        )?;
        let log_files = self.log_files.iter().map(|log| log.0.check()).collect::<Result<_, _>>()?;
        Ok(Digest {
            account,
            start,
            end,
            bucket: self.digest_s3_bucket,
            object: self.digest_s3_object,
            fingerprint,
            newest: optional_moment("newestEventTime", self.newest_event_time.as_deref())?,
            oldest: optional_moment("oldestEventTime", self.oldest_event_time.as_deref())?,
            previous,
            log_files,
        })
    }
}

impl RawLog<'_> {
    fn check(&self) -> Result<LogEntry, DigestError> {
        if self.hash_algorithm != HASH_ALGORITHM {
            return Err(wrong("hashAlgorithm", &self.hash_algorithm, HASH_ALGORITHM));
        }
        Ok(LogEntry {
            bucket: (*self.s3_bucket).into(),
            object: (*self.s3_object).into(),
            hash: self.hash_value,
            newest: optional_moment("newestEventTime", self.newest_event_time.as_deref())?,
            oldest: optional_moment("oldestEventTime", self.oldest_event_time.as_deref())?,
        })
    }
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
        Digest {
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
            log_files: vec![LogEntry {
                bucket: "bucket".into(),
                object: "log".into(),
                hash: Sha256Hash::of(b"log"),
                newest: None,
                oldest: None,
            }],
        }
    }

    #[test]
    fn renders_what_it_reads() {
        for digest in [
            sample(),
            Digest { previous: None, log_files: vec![], newest: None, oldest: None, ..sample() },
        ] {
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
        let first = Digest { previous: None, ..sample() };
        assert!(first.signing_string(hash).ends_with("\nnull"));
    }

    #[test]
    fn each_defect_is_refused() {
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
            assert!(Digest::decode(bad.as_bytes()).is_err(), "{name}: {bad}");
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
