//! One digest and one log file by the reference's rules, which are laxer than ours: bytes after a
//! digest's gzip member and a log file that lacks its gzip trailer pass, and JSON is not held to
//! the format's shape.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Source;
use crate::crypto::PublicKey;
use crate::model::hash::Sha256Stream;
use crate::model::{BucketName, Sha256Hash};
use crate::store::{Object, StoreError};
use crate::verify::{Bounds, Limits};

/// Reason why a digest is invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DigestFault {
    /// There is no such object.
    Missing,
    /// The fault.
    Invalid(String),
    /// It could not be read, so nothing is known of it.
    Unread(String),
}

impl DigestFault {
    fn format() -> Self {
        Self::Invalid("invalid format".to_owned())
    }

    fn signature() -> Self {
        Self::Invalid("signature verification failed".to_owned())
    }
}

/// A digest as it was read; whether it is signed is not known yet.
#[derive(Debug, Clone)]
pub(super) struct LoadedDigest {
    fields: Map<String, Value>,
    hash: Sha256Hash,
    signature: String,
    /// Time at which a backfill digest was made, by its metadata.
    pub(super) generated: Option<String>,
}

/// Fields that the reference requires before it reads any.
const REQUIRED: [&str; 6] = [
    "digestPublicKeyFingerprint",
    "digestS3Bucket",
    "digestS3Object",
    "previousDigestSignature",
    "digestEndTime",
    "digestStartTime",
];

impl LoadedDigest {
    /// Reads a digest.
    pub(super) fn read(
        source: &dyn Source,
        bucket: &str,
        key: &str,
        backfill: bool,
    ) -> Result<Self, DigestFault> {
        let Object { body, metadata } = source.get(bucket, key).map_err(|error| match error {
            StoreError::NotFound => DigestFault::Missing,
            other => DigestFault::Unread(other.to_string()),
        })?;
        let mut bytes = Vec::new();
        match inflate(body, Limits::default().digest, &mut |piece| bytes.extend_from_slice(piece)) {
            Ok(MemberEnd::Whole | MemberEnd::Trailing) => {}
            Ok(MemberEnd::Short) | Err(InflateFault::Damaged) => return Err(DigestFault::format()),
            Err(InflateFault::Trouble(cause)) => return Err(DigestFault::Unread(cause)),
        }
        let fields = match serde_json::from_slice(&bytes) {
            Ok(Value::Object(fields)) => fields,
            _ => return Err(DigestFault::format()),
        };
        let metadata = metadata.map_err(DigestFault::Unread)?.0;
        let (Some(signature), Some(_)) =
            (metadata.get("signature"), metadata.get("signature-algorithm"))
        else {
            return Err(DigestFault::signature());
        };
        let generated = metadata.get("backfill-generation-timestamp").cloned();
        if backfill && generated.is_none() {
            return Err(DigestFault::format());
        }
        // Not checked by the reference, which then fails with an error of its own.
        // Any empty value lists nothing.
        let nothing = [Value::Null, Value::from(0), false.into(), "".into(), Map::new().into()];
        let lists =
            fields.get("logFiles").is_some_and(|logs| logs.is_array() || nothing.contains(logs));
        if !lists || REQUIRED.iter().any(|name| !fields.contains_key(*name)) {
            return Err(DigestFault::format());
        }
        let hash = Sha256Hash::of(&bytes);
        Ok(Self { fields, hash, signature: signature.clone(), generated })
    }

    /// A field's text; empty where it is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.fields.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// A field's time.
    pub(super) fn time(&self, name: &str) -> Result<Timestamp, DigestFault> {
        let text = self.text(name);
        text.parse()
            .map_err(|_| DigestFault::Invalid(format!("Unable to parse date value: {text}")))
    }

    /// A field as the reference shows it: text as it is, nothing as `None`.
    pub(super) fn as_shown(&self, name: &str) -> String {
        shown(self.fields.get(name))
    }

    /// The digest before it, where it names one.
    pub(super) fn previous(&self) -> Option<(String, String)> {
        let text = |name| self.fields.get(name).and_then(Value::as_str).map(str::to_owned);
        text("previousDigestS3Bucket").zip(text("previousDigestS3Object"))
    }

    /// The log files that it lists.
    pub(super) fn logs(&self) -> Vec<LogReference> {
        let entries = self.fields.get("logFiles").and_then(Value::as_array);
        entries.into_iter().flatten().map(LogReference::of).collect()
    }

    /// Checks that it lies where it says.
    pub(super) fn check_place(&self, bucket: &str, key: &str) -> Result<(), DigestFault> {
        match (self.text("digestS3Bucket"), self.text("digestS3Object")) {
            (b, k) if b == bucket && k == key => Ok(()),
            _ => Err(DigestFault::Invalid("has been moved from its original location".to_owned())),
        }
    }

    /// Checks its signature.
    pub(super) fn check_signature(&self, key: Option<&PublicKey>) -> Result<(), DigestFault> {
        let fingerprint = self.text("digestPublicKeyFingerprint");
        let Some(key) = key else {
            let message = format!("Unable to load PKCS #1 key with fingerprint {fingerprint}");
            return Err(DigestFault::Invalid(message));
        };
        let previous = match self.fields.get("previousDigestSignature") {
            Some(Value::String(signature)) => signature,
            _ => "null",
        };
        let string = format!(
            "{}\n{}/{}\n{}\n{previous}",
            self.text("digestEndTime"),
            self.text("digestS3Bucket"),
            self.text("digestS3Object"),
            self.hash
        );
        let signature = hex::decode(&self.signature).map_err(|error| {
            DigestFault::Invalid(match error {
                hex::FromHexError::OddLength => "Odd-length string".to_owned(),
                _ => "Non-hexadecimal digit found".to_owned(),
            })
        })?;
        if key.verify(&string, &signature) { Ok(()) } else { Err(DigestFault::signature()) }
    }
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => "None".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// A log file as a digest lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogReference {
    pub(super) bucket: String,
    pub(super) key: String,
    /// True if bucket and key are texts.
    named: bool,
    hash: Option<String>,
}

/// Result of checking a log file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LogCheck {
    Valid,
    Missing,
    Format,
    Trailing,
    Mismatch,
    Unread(String),
}

impl LogReference {
    fn of(entry: &Value) -> Self {
        let field = |name| entry.get(name);
        Self {
            bucket: shown(field("s3Bucket")),
            key: shown(field("s3Object")),
            named: ["s3Bucket", "s3Object"].iter().all(|n| field(n).is_some_and(Value::is_string)),
            hash: field("hashValue").map(|hash| shown(Some(hash))),
        }
    }

    /// Reads it and compares.
    pub(super) fn check(&self, source: &dyn Source) -> LogCheck {
        // What can be no object's name is none of a store's.
        if !self.named || self.key.is_empty() || BucketName::parse(&self.bucket).is_err() {
            return LogCheck::Format;
        }
        let body = match source.get(&self.bucket, &self.key) {
            Ok(object) => object.body,
            Err(StoreError::NotFound) => return LogCheck::Missing,
            Err(error) => return LogCheck::Unread(error.to_string()),
        };
        let mut hash = Sha256Stream::default();
        match inflate(body, Limits::default().log, &mut |piece| hash.update(piece)) {
            Err(InflateFault::Damaged) => LogCheck::Format,
            Err(InflateFault::Trouble(cause)) => LogCheck::Unread(cause),
            Ok(MemberEnd::Trailing) => LogCheck::Trailing,
            Ok(MemberEnd::Whole | MemberEnd::Short) => match &self.hash {
                None => LogCheck::Format,
                Some(expected) if *expected == hash.finish().to_string() => LogCheck::Valid,
                Some(_) => LogCheck::Mismatch,
            },
        }
    }
}

/// End of a gzip stream that was valid so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MemberEnd {
    Whole,
    /// Before the member did.
    Short,
    /// With more bytes after the member.
    Trailing,
}

enum InflateFault {
    Damaged,
    Trouble(String),
}

/// Reads the first gzip member of a body.
fn inflate(
    body: Box<dyn Read + Send>,
    bounds: Bounds,
    each: &mut dyn FnMut(&[u8]),
) -> Result<MemberEnd, InflateFault> {
    let watched = TracedBody { body: body.take(bounds.stored), failure: None };
    let mut decoder = GzDecoder::new(BufReader::with_capacity(64 << 10, watched));
    let (mut buffer, mut inflated) = (vec![0; 64 << 10], 0_u64);
    let ended = loop {
        match decoder.read(&mut buffer) {
            Ok(0) => break Ok(MemberEnd::Whole),
            Ok(n) => {
                inflated += n as u64;
                if inflated > bounds.inflated {
                    let cause = format!("it inflates to more than {} bytes", bounds.inflated);
                    return Err(InflateFault::Trouble(cause));
                }
                each(buffer.get(..n).unwrap_or_default());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                break Ok(MemberEnd::Short);
            }
            Err(_) => break Err(InflateFault::Damaged),
        }
    };
    let rest = decoder.get_mut();
    let trailing = ended.is_ok() && rest.fill_buf().is_ok_and(|rest| !rest.is_empty());
    let watched = rest.get_mut();
    if let Some(cause) = watched.failure.take() {
        return Err(InflateFault::Trouble(cause));
    }
    if watched.body.limit() == 0 {
        return Err(InflateFault::Trouble(format!("it is larger than {} bytes", bounds.stored)));
    }
    match ended {
        Ok(MemberEnd::Whole) if trailing => Ok(MemberEnd::Trailing),
        other => other,
    }
}

/// A body, and the error that ended reading it, which the decoder would blur.
struct TracedBody {
    body: io::Take<Box<dyn Read + Send>>,
    failure: Option<String>,
}

impl Read for TracedBody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.body.read(buffer).inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                self.failure = Some(error.to_string());
            }
        })
    }
}
