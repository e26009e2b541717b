//! One digest and one log file by the reference's rules, which are laxer than ours: bytes after a
//! digest's gzip member and a log file that lacks its gzip trailer pass, and JSON is not held to
//! the format's shape.

use std::io::Read;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::Source;
use crate::crypto::PublicKey;
use crate::model::{BucketName, Sha256Hash};
use crate::store::{Object, StoreError};
use crate::verify::inflate::{AlreadyInflated, BodyFault, inflate_until_fault};
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
        let Object { mut body, metadata } =
            source.get(bucket, key).map_err(|error| match error {
                StoreError::NotFound => DigestFault::Missing,
                other => DigestFault::Unread(other.to_string()),
            })?;
        let mut bytes = Vec::new();
        // A failure ends up in the fault.
        let read = &mut |from: &mut dyn Read| drop(from.read_to_end(&mut bytes));
        let hash = match inflate(&mut body, Limits::default().digest, read) {
            Ok(Taken { hash, ended: MemberEnd::Whole | MemberEnd::Trailing }) => hash,
            Ok(Taken { ended: MemberEnd::Short, .. }) | Err(InflateFault::Damaged) => {
                return Err(DigestFault::format());
            }
            Err(InflateFault::Trouble(cause)) => return Err(DigestFault::Unread(cause)),
        };
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
        let mut body = match source.get(&self.bucket, &self.key) {
            Ok(object) => object.body,
            Err(StoreError::NotFound) => return LogCheck::Missing,
            Err(error) => return LogCheck::Unread(error.to_string()),
        };
        match inflate(&mut body, Limits::default().log, &mut |_| {}) {
            Err(InflateFault::Damaged) => LogCheck::Format,
            Err(InflateFault::Trouble(cause)) => LogCheck::Unread(cause),
            Ok(Taken { ended: MemberEnd::Trailing, .. }) => LogCheck::Trailing,
            Ok(Taken { hash, ended: MemberEnd::Whole | MemberEnd::Short }) => match &self.hash {
                None => LogCheck::Format,
                Some(expected) if *expected == hash.to_string() => LogCheck::Valid,
                Some(_) => LogCheck::Mismatch,
            },
        }
    }
}

/// What of a body the reference takes.
struct Taken {
    /// The hash value of what was inflated.
    hash: Sha256Hash,
    ended: MemberEnd,
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

/// Reads the first gzip member of a body, as far as it goes.
fn inflate(
    body: &mut dyn Read,
    bounds: Bounds,
    consume: &mut dyn FnMut(&mut dyn Read),
) -> Result<Taken, InflateFault> {
    let (inflated, fault) = inflate_until_fault(body, bounds, AlreadyInflated::Refuse, consume);
    let ended = match fault {
        None => MemberEnd::Whole,
        Some(BodyFault::TrailingData) => MemberEnd::Trailing,
        Some(BodyFault::CutOff(_)) => MemberEnd::Short,
        // One byte is too few for the reference to tell.
        Some(BodyFault::NotGzip) if inflated.stored < 2 => MemberEnd::Short,
        Some(BodyFault::NotGzip | BodyFault::Damaged(_)) => return Err(InflateFault::Damaged),
        Some(BodyFault::TooLarge(limit)) => {
            return Err(InflateFault::Trouble(format!("it is larger than {limit} bytes")));
        }
        Some(fault @ BodyFault::Bomb(_)) => return Err(InflateFault::Trouble(fault.to_string())),
        Some(BodyFault::Trouble(error)) => return Err(InflateFault::Trouble(error.to_string())),
    };
    Ok(Taken { hash: inflated.hash, ended })
}
