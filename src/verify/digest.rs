//! One digest on its own: is it whole, where it belongs, and signed?
//!
//! Its neighbours are compared with it by [`super::signature`] and [`super::link`].

use std::io::Read;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::finding::{Code, Finding, Severity};
use super::gzip_header::GzipHeader;
use super::inflate::{AlreadyInflated, BodyFault, inflate};
use super::limits::Limits;
use super::log_list::LogList;
use super::memory::MemoryBudget;
use crate::crypto::{KeyRing, Validity};
use crate::model::digest::{SIGNATURE_ALGORITHM, is_signature_hex};
use crate::model::metadata::{
    BACKFILL_GENERATION, SIGNATURE, SIGNATURE_ALGORITHM as ALGORITHM_NAME,
};
use crate::model::time::{add, hours, sub};
use crate::model::{
    BucketName, ChainId, ChainKind, DigestError, DigestHead, DigestKey, Fingerprint, Metadata,
    Sha256Hash, Window,
};

/// Rules of the checks.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The known public keys.
    pub keys: KeyRing,
    /// Limits on what is read.
    pub limits: Limits,
    /// Memory for what digests list.
    pub memory: MemoryBudget,
    /// Acceptance of files that were inflated on the way.
    pub already_inflated: AlreadyInflated,
    /// Severity of a digest without a signature: a copy loses it, a bucket does not.
    pub unsigned: Severity,
    /// Severity of an unknown key: only CloudTrail itself knows all keys.
    pub key_unknown: Severity,
}

impl Rules {
    /// Rules for a bucket, where nothing is lost on the way.
    #[must_use]
    pub fn of_bucket(keys: KeyRing) -> Self {
        Self {
            keys,
            limits: Limits::default(),
            memory: MemoryBudget::default(),
            already_inflated: AlreadyInflated::Refuse,
            unsigned: Severity::Violation,
            key_unknown: Severity::Incomplete,
        }
    }

    /// Rules for a copy of a bucket: it may have lost metadata, and files may have been inflated.
    #[must_use]
    pub fn of_copy(keys: KeyRing) -> Self {
        Self {
            already_inflated: AlreadyInflated::Accept,
            unsigned: Severity::Incomplete,
            ..Self::of_bucket(keys)
        }
    }
}

/// Location of a digest.
#[derive(Debug, Clone)]
pub struct Location {
    /// The bucket, where it is known.
    pub bucket: Option<BucketName>,
    /// The key.
    pub key: Arc<str>,
    /// The key, taken apart.
    pub name: DigestKey,
}

impl Location {
    /// The place of a digest of this name.
    #[must_use]
    pub fn of(bucket: Option<BucketName>, name: DigestKey) -> Self {
        Self { bucket, key: name.to_string().into(), name }
    }

    /// The chain that a digest at this place belongs to.
    #[must_use]
    pub fn chain(&self) -> ChainId {
        self.name.chain(self.bucket.as_ref())
    }

    /// A finding about the digest here.
    #[must_use]
    pub fn finding(&self, code: Code, message: impl Into<String>) -> Finding {
        Finding::new(code, message)
            .chain(&self.chain())
            .object(self.bucket.as_ref().map(BucketName::as_str), &*self.key)
            .window(Window::new(self.name.end, self.name.end))
    }
}

/// Reason why an object could not be read: trouble, never absence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// `object-unreadable` or `object-archived`.
    pub code: Code,
    /// The cause, as the store gives it.
    pub cause: String,
}

impl Trouble {
    /// Trouble of a plain kind.
    pub fn unreadable(cause: impl Into<String>) -> Self {
        Self { code: Code::ObjectUnreadable, cause: cause.into() }
    }
}

/// An object as the store hands it over.
pub struct StoredObject<'a> {
    /// The bytes as stored.
    pub body: Box<dyn Read + Send + 'a>,
    /// Its metadata, or why that could not be read.
    pub metadata: Result<Metadata, Trouble>,
}

/// State of a digest before its neighbours are checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Validly signed with a known key, by the signature in its metadata.
    Valid,
    /// No signature in its metadata; the reason, where there is more to say.
    Unsigned(Option<String>),
    /// The signature in its metadata does not fit; what was seen.
    Modified(String),
    /// Its key is unknown.
    KeyUnknown,
    /// Invalid, whatever its neighbours state.
    Failed(Box<Finding>),
}

/// A digest's content, and the hash value of the bytes that it was read from.
#[derive(Debug, Clone)]
pub struct DigestContent {
    /// The digest.
    pub digest: DigestHead,
    /// The hash value of its inflated bytes.
    pub hash: Sha256Hash,
    /// The log files that it lists.
    pub log_files: LogList,
}

/// A digest checked on its own.
#[derive(Debug, Clone)]
pub struct CheckedDigest {
    /// Its location.
    pub at: Location,
    /// Its content, if it is a digest that belongs at this location.
    pub content: Option<DigestContent>,
    /// The signature in its metadata, well-formed or not.
    pub signature: Option<String>,
    /// Time at which it was made, for a backfill digest whose metadata states it.
    pub generation: Option<Timestamp>,
    /// Its state.
    pub state: State,
    /// Bytes as stored.
    pub stored: u64,
    /// Bytes inflated.
    pub inflated: u64,
    /// True if it was stored inflated.
    pub already_inflated: bool,
    /// The header of its gzip member.
    pub header: Option<GzipHeader>,
}

impl CheckedDigest {
    fn new(at: Location, state: State) -> Self {
        Self {
            at,
            content: None,
            signature: None,
            generation: None,
            state,
            stored: 0,
            inflated: 0,
            already_inflated: false,
            header: None,
        }
    }

    fn failed(at: Location, code: Code, message: impl Into<String>) -> Self {
        let finding = at.finding(code, message);
        Self::new(at, State::Failed(Box::new(finding)))
    }

    /// Notices on a valid digest: on its gzip header, and on its metadata.
    ///
    /// In a bucket, metadata lose a signature only where something wrote the digest again.
    pub fn notices(&self, in_bucket: bool) -> [Option<Finding>; 2] {
        let start = self.content.as_ref().map_or(self.at.name.end, |c| c.digest.start);
        let placed = |finding: Finding| {
            finding
                .chain(&self.at.chain())
                .object(self.at.bucket.as_ref().map(BucketName::as_str), &*self.at.key)
                .window(Window::new(start, self.at.name.end))
        };
        let header = self.header.and_then(|header| header.notice());
        let metadata = match &self.state {
            State::Unsigned(Some(cause)) => {
                let message = format!(
                    "The digest's metadata could not be read: {cause}. The next digest repeats its signature, which is valid."
                );
                Some(Finding::new(Code::ObjectUnreadable, message).severity(Severity::Notice))
            }
            State::Unsigned(None) if in_bucket => {
                let message = "The digest's metadata lost its signature: after CloudTrail delivered the object, something wrote it again (a copy, a restore, a sync). The next digest repeats the signature, and the content is as signed.";
                Some(Finding::new(Code::DigestUnsigned, message).severity(Severity::Notice))
            }
            _ => None,
        };
        [header.map(placed), metadata.map(placed)]
    }
}

/// Checks the digest that the store handed over for a key.
#[must_use]
pub fn check_digest(
    rules: &Rules,
    at: Location,
    object: Result<StoredObject<'_>, Trouble>,
) -> CheckedDigest {
    let mut object = match object {
        Ok(object) => object,
        Err(trouble) => {
            let message = format!("The digest could not be read: {}.", trouble.cause);
            return CheckedDigest::failed(at, trouble.code, message);
        }
    };
    let mut log_files = LogList::new(rules.memory.begin());
    let mut decoded = None;
    let read =
        inflate(&mut object.body, rules.limits.digest, rules.already_inflated, &mut |from| {
            decoded = Some(DigestHead::read(from, &mut |entry| log_files.push(entry)));
        });
    let inflated = match read {
        Ok(inflated) => inflated,
        Err(fault) => {
            let code = match fault {
                BodyFault::Trouble(_) => Code::ObjectUnreadable,
                BodyFault::TrailingData => Code::DigestTrailingData,
                _ => Code::DigestMalformed,
            };
            return CheckedDigest::failed(at, code, format!("The digest is malformed: {fault}."));
        }
    };
    let nothing = || Err(DigestError::Json("it was not read".to_owned()));
    let mut checked = match decoded.unwrap_or_else(nothing) {
        Ok(digest) => {
            let content = DigestContent { digest, hash: inflated.hash, log_files };
            check_content(rules, at, object.metadata, content)
        }
        Err(error) => {
            CheckedDigest::failed(at, Code::DigestMalformed, format!("The digest is {error}."))
        }
    };
    checked.stored = inflated.stored;
    checked.inflated = inflated.inflated;
    checked.already_inflated = inflated.header.is_none();
    checked.header = inflated.header;
    checked
}

fn check_content(
    rules: &Rules,
    at: Location,
    metadata: Result<Metadata, Trouble>,
    content: DigestContent,
) -> CheckedDigest {
    if let Some(finding) = misplaced(&at, &content.digest) {
        return CheckedDigest::new(at, State::Failed(Box::new(finding)));
    }
    let mut checked = CheckedDigest::new(at, State::Unsigned(None));
    match metadata {
        Ok(metadata) => {
            if let Some(algorithm) = metadata.get(ALGORITHM_NAME)
                && algorithm != SIGNATURE_ALGORITHM
            {
                let message = "The digest's metadata specifies another signature algorithm.";
                let finding = checked.at.finding(Code::DigestMalformed, message);
                checked.state =
                    State::Failed(Box::new(finding.compared(SIGNATURE_ALGORITHM, algorithm)));
            } else if let Err(finding) = read_generation(&mut checked, &metadata) {
                checked.state = State::Failed(finding);
            } else if let Some(signature) = metadata.get(SIGNATURE) {
                checked.signature = Some(signature.to_owned());
                checked.state = by_own_signature(rules, &checked, &content, signature);
            }
        }
        Err(trouble) => checked.state = State::Unsigned(Some(trouble.cause)),
    }
    if matches!(checked.state, State::Unsigned(_) | State::Modified(_))
        && rules.keys.find(&content.digest.fingerprint, &checked.at.name.region).next().is_none()
    {
        checked.state = State::KeyUnknown;
    }
    checked.content = Some(content);
    checked
}

fn read_generation(checked: &mut CheckedDigest, metadata: &Metadata) -> Result<(), Box<Finding>> {
    let Some(text) = metadata.get(BACKFILL_GENERATION) else { return Ok(()) };
    if checked.at.name.kind != ChainKind::Backfill {
        return Ok(());
    }
    checked.generation = Some(text.parse().map_err(|_| {
        let message = "The generation time in the digest's metadata is not a valid time.";
        let finding = checked.at.finding(Code::DigestMalformed, message);
        Box::new(finding.compared("RFC 3339", text))
    })?);
    Ok(())
}

/// The finding on a digest that states another place than its own.
fn misplaced(at: &Location, digest: &DigestHead) -> Option<Finding> {
    let expected_bucket = at.bucket.as_ref().map_or(digest.bucket.as_str(), BucketName::as_str);
    let moved = |what: &str, expected: &str, actual: &str| {
        (expected != actual).then(|| {
            let message = format!("The digest names another {what} than its own.");
            let actual: String = actual.chars().take(1100).collect();
            at.finding(Code::DigestMoved, message).compared(expected, actual)
        })
    };
    let end = |time: Timestamp| time.to_string();
    moved("bucket", expected_bucket, &digest.bucket)
        .or_else(|| moved("key", &at.key, &digest.object))
        .or_else(|| moved("account", at.name.place.account.as_str(), digest.account.as_str()))
        .or_else(|| moved("end time", &end(at.name.end), &end(digest.end)))
}

fn by_own_signature(
    rules: &Rules,
    checked: &CheckedDigest,
    content: &DigestContent,
    signature: &str,
) -> State {
    match check_signature(rules, checked, content, signature) {
        SignatureCheck::Valid => State::Valid,
        SignatureCheck::KeyUnknown => State::KeyUnknown,
        SignatureCheck::Invalid if is_signature_hex(signature) => State::Modified(
            "The signature in the digest's metadata does not match its content.".into(),
        ),
        SignatureCheck::Invalid => {
            State::Modified("The signature in the digest's metadata is not lower-case hex.".into())
        }
        SignatureCheck::Expired(validity) => {
            State::Failed(Box::new(expired(checked, content, validity)))
        }
    }
}

/// The finding on a key that was not valid when the digest was signed.
#[must_use]
pub fn expired(checked: &CheckedDigest, content: &DigestContent, validity: Validity) -> Finding {
    let signed = checked.generation.unwrap_or(content.digest.end);
    let message = "The digest was signed outside its key's validity period.";
    checked
        .at
        .finding(Code::DigestKeyExpired, message)
        .compared(format!("within {} to {}", validity.from, validity.to), signed)
}

/// Result of checking one signature over one digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureCheck {
    /// It fits, and the key was valid.
    Valid,
    /// It does not fit.
    Invalid,
    /// No key of that fingerprint and region is known.
    KeyUnknown,
    /// It fits, and the key was not valid.
    Expired(Validity),
}

/// Checks a signature over a digest: the one rule for signatures from the metadata and from the
/// successor.
#[must_use]
pub fn check_signature(
    rules: &Rules,
    checked: &CheckedDigest,
    content: &DigestContent,
    signature: &str,
) -> SignatureCheck {
    let fingerprint: &Fingerprint = &content.digest.fingerprint;
    let region = &checked.at.name.region;
    let bytes = if is_signature_hex(signature) { hex::decode(signature).ok() } else { None };
    let message = content.digest.signing_string(content.hash);
    let mut result = SignatureCheck::KeyUnknown;
    for key in rules.keys.find(fingerprint, region) {
        let fits = bytes.as_ref().is_some_and(|bytes| key.verify(&message, bytes));
        match key.validity() {
            _ if !fits => {
                if result == SignatureCheck::KeyUnknown {
                    result = SignatureCheck::Invalid;
                }
            }
            Some(validity) if !was_valid(validity, checked) => {
                result = SignatureCheck::Expired(validity);
            }
            _ => return SignatureCheck::Valid,
        }
    }
    result
}

/// True if a key was valid when a digest was signed: some minutes after its end, at most two
/// hours, as the AWS CLI asks for keys; a backfill digest within an hour of its generation.
fn was_valid(validity: Validity, checked: &CheckedDigest) -> bool {
    let end = checked.at.name.end;
    let signed = match (checked.at.name.kind, checked.generation) {
        (ChainKind::Standard, _) => Window::new(end, add(end, hours(2))),
        (ChainKind::Backfill, Some(made)) => Window::new(sub(made, hours(1)), add(made, hours(1))),
        // A copy that lost the time of generation leaves only that it was made after its end.
        (ChainKind::Backfill, None) => Window::new(end, Timestamp::MAX),
    };
    validity.from <= signed.end && signed.start <= validity.to
}
