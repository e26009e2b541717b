//! Findings: what a check says. A check cannot fail; trouble on the way is a finding too, of its
//! own severity.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::{ChainId, Printable, Window};

/// How much a finding weighs. In order, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; changes no verdict.
    Notice,
    /// Something could not be checked.
    Incomplete,
    /// The bytes or the signed statements contradict integrity.
    Violation,
}

impl Severity {
    /// Its name in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Incomplete => "incomplete",
            Self::Violation => "violation",
        }
    }
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident = $text:literal, $severity:ident, $remedy:literal;)*) => {
        /// The stable name of what was found. Codes never change their meaning; new ones may come.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[doc = $doc])* $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name in reports.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// How much it weighs where nothing lessens or explains it.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }

            /// What it means, in a sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*).trim_ascii(),)* }
            }

            /// What the reader should do next.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)* }
            }
        }
    };
}

codes! {
    /// A valid digest lists it, the store has no such object.
    LogMissing = "log-missing", Violation,
        "Find out who deleted it (DeleteObject, lifecycle rules) and restore it from an older version or a backup. If this copy was made without log files, run with --no-logs.";
    /// Its inflated bytes hash to something else than the digest says.
    LogModified = "log-modified", Violation,
        "Keep the altered file as evidence, and compare it with an older version or a backup.";
    /// Not gzip, a damaged or cut-off stream, a wrong CRC or length.
    LogMalformed = "log-malformed", Violation,
        "Copy the object again; if the fault stays, keep it as evidence and look for an older version.";
    /// Bytes after the gzip member that the digest vouches for.
    LogTrailingData = "log-trailing-data", Violation,
        "Something was appended to the file: keep it as evidence and compare it with an older version.";
    /// Lies in covered time and place, and no digest, standard or backfill, lists it.
    LogUnreferenced = "log-unreferenced", Violation,
        "Do not trust its events: no digest vouches for them. Find out who wrote the file (PutObject).";
    /// A log of a time or kind that no digest covers.
    LogUncovered = "log-uncovered", Notice,
        "No digest vouches for these files. Check whether a trail without log file validation writes here.";
    /// Its successor names it, or the hours around it show it; the store has no such object.
    DigestMissing = "digest-missing", Violation,
        "Find out who deleted it and restore it from an older version or a backup: its log files cannot be proven without it.";
    /// Signature or the successor's hash does not fit its bytes, or the metadata signature is not one.
    DigestModified = "digest-modified", Violation,
        "Keep the altered digest as evidence, and compare it with an older version. Its log files are not proven.";
    /// Not gzip, not JSON, a required field missing or of the wrong form, another algorithm.
    DigestMalformed = "digest-malformed", Violation,
        "Copy the object again; if the fault stays, keep it as evidence and look for an older version.";
    /// Bytes after the gzip member.
    DigestTrailingData = "digest-trailing-data", Violation,
        "Something was appended to the digest: keep it as evidence and compare it with an older version.";
    /// Its fields name another bucket or key than where it was read.
    DigestMoved = "digest-moved", Violation,
        "If the copy was laid out by hand, give --bucket and --prefix. If not, the digest was put where it does not belong.";
    /// No signature in the metadata, and no successor that carries it.
    DigestUnsigned = "digest-unsigned", Incomplete,
        "Run trailseal collect into the same directory, or save the metadata beside the file: aws s3api head-object --bucket BUCKET --key KEY > FILE.metadata.json. The digest that follows repeats the signature too.";
    /// No key of that fingerprint.
    DigestKeyUnknown = "digest-key-unknown", Incomplete,
        "Fetch the keys of that region and time (trailseal keys fetch --region REGION --start-time ... --end-time ... --output FILE) and give them with --keys FILE.";
    /// Signed outside the key's validity.
    DigestKeyExpired = "digest-key-expired", Violation,
        "The key was not valid when the digest was made: check where the digest and the key file come from.";
    /// Validly signed, but a second successor of the same digest, or overlapping its neighbour.
    DigestFork = "digest-fork", Violation,
        "Two signed histories exist for this time. Find out who else could sign, and which of them is genuine.";
    /// Both valid, but the link is not the predecessor's hash value or signature.
    ChainBroken = "chain-broken", Violation,
        "Each digest is valid, but they are not linked: one may have been replaced by another signed digest.";
    /// The newest digest ends more than the grace before the end of the requested time.
    ChainTruncated = "chain-truncated", Violation,
        "The newest digests were deleted, or logging stopped: look for StopLogging, DeleteTrail and DeleteObject events of that time. If the trail ended on purpose, accept the end on record: --accept-end ACCOUNT/REGION/TRAIL@TIME=REASON.";
    /// A new segment starts: the time since the last one is not covered.
    ChainGap = "chain-gap", Incomplete,
        "Look for StopLogging, UpdateTrail or DeleteTrail events before the gap and StartLogging after it: they show who interrupted the chain (for an organization's trail, add --management-account). To accept the gap on record: --accept-gap START/END=REASON.";
    /// The requested start lies before the first digest.
    ChainLateStart = "chain-late-start", Incomplete,
        "Log file validation began later, or the first digests were deleted. Find out when it was enabled, and set --start-time to that time.";
    /// Nothing to verify where something was asked for.
    NoDigests = "no-digests", Incomplete,
        "Check the source and the filters. If log files are there, log file validation is not enabled, or all digests are gone.";
    /// What is gone of a chain is all that is older than some time, or all there was.
    LossPattern = "loss-pattern", Notice,
        "Look at the bucket's lifecycle configuration (aws s3api get-bucket-lifecycle-configuration) and for PutBucketLifecycle events: who decided that these objects expire? The message names the --start-time from which what is left can be verified.";
    /// Its gzip header holds a time, a name, a comment, extra bytes or flags.
    GzipHeader = "gzip-header", Notice,
        "The content is what its digest vouches for; its gzip header is not CloudTrail's. If nothing compressed these files anew, find out who wrote them and keep what the header holds.";
    /// Denied, timed out, throttled or failed after retries.
    ObjectUnreadable = "object-unreadable", Incomplete,
        "Resolve the cause that the message names (permissions, network, disk), then run again.";
    /// Must be restored from an archive class first.
    ObjectArchived = "object-archived", Incomplete,
        "Restore the object from its archive class (aws s3api restore-object), then run again.";
    /// A key in the tree that no known form explains.
    ObjectUnknown = "object-unknown", Notice,
        "Check what it is: no digest vouches for it, and it is no part of the result.";
}

impl Code {
    /// What the reader should do next where a finding is of this severity: of what is explained
    /// already, nothing more.
    #[must_use]
    pub const fn remedy_of(self, severity: Severity) -> &'static str {
        match (self, severity) {
            (Self::ChainGap | Self::ChainTruncated, Severity::Notice) => {
                "The finding names what explains it. Check that it was meant to happen."
            }
            _ => self.remedy(),
        }
    }

    /// The code of that name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            let shown = Printable(&text);
            serde::de::Error::custom(format_args!("{shown} is no finding code of this version"))
        })
    }
}

/// One thing that was found.
///
/// Texts may hold what a bucket holds: show them through [`crate::model::Printable`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was found.
    pub code: Code,
    /// How much it weighs here.
    pub severity: Severity,
    /// The chain that it belongs to, where it belongs to one.
    pub chain: Option<ChainId>,
    /// The bucket of the object.
    pub bucket: Option<String>,
    /// The object, or the folder for a finding about a folder (ends in `/`).
    pub key: Option<String>,
    /// The start of the time that it touches.
    pub start: Option<Timestamp>,
    /// The end of the time that it touches.
    pub end: Option<Timestamp>,
    /// What it says, in a sentence.
    pub message: String,
    /// What should have been there.
    pub expected: Option<String>,
    /// What was there.
    pub actual: Option<String>,
    /// The key of the digest that lists or links to the object.
    pub referenced_by: Option<String>,
    /// Events in verified log files that explain it, or that may have caused it.
    pub events: Vec<FoundEvent>,
}

/// What an event has to do with a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventRole {
    /// It shows why: the finding is a notice because of it, or incomplete until it is accepted.
    Explains,
    /// It may be why; whether it is, a person has to find out.
    Candidate,
}

impl EventRole {
    /// Its name in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Explains => "explains",
            Self::Candidate => "candidate",
        }
    }
}

/// An event that has to do with a finding, and the verified log file that holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundEvent {
    /// What it has to do with the finding.
    pub role: EventRole,
    /// The event's name, such as `StopLogging`.
    pub event: Cow<'static, str>,
    /// When it happened.
    pub time: Timestamp,
    /// Who did it: an ARN, a principal's id, or a service.
    pub by: Option<String>,
    /// From where: an address, or a service's name.
    pub from: Option<String>,
    /// Its id.
    pub id: Option<String>,
    /// The region that it was called in.
    pub region: String,
    /// The bucket of the log file.
    pub bucket: String,
    /// The log file.
    pub key: String,
}

impl Finding {
    /// A finding of the code's own severity.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: code.severity(),
            chain: None,
            bucket: None,
            key: None,
            start: None,
            end: None,
            message: message.into(),
            expected: None,
            actual: None,
            referenced_by: None,
            events: Vec::new(),
        }
    }

    /// The time that it touches, where that has a length.
    #[must_use]
    pub fn of_time(&self) -> Option<Window> {
        let (start, end) = self.start.zip(self.end)?;
        (start < end).then(|| Window::new(start, end))
    }

    /// Sets the severity.
    #[must_use]
    pub fn severity(self, severity: Severity) -> Self {
        Self { severity, ..self }
    }

    /// Sets the chain.
    #[must_use]
    pub fn chain(self, chain: &ChainId) -> Self {
        Self { chain: Some(chain.clone()), ..self }
    }

    /// Sets the object.
    #[must_use]
    pub fn object(self, bucket: Option<&str>, key: impl Into<String>) -> Self {
        Self { bucket: bucket.map(str::to_owned), key: Some(key.into()), ..self }
    }

    /// Sets the time that it touches.
    #[must_use]
    pub fn window(self, window: Window) -> Self {
        Self { start: Some(window.start), end: Some(window.end), ..self }
    }

    /// Sets what should have been there and what was.
    #[must_use]
    pub fn compared(self, expected: impl ToString, actual: impl ToString) -> Self {
        Self { expected: Some(expected.to_string()), actual: Some(actual.to_string()), ..self }
    }

    /// Sets the digest that lists or links to the object.
    #[must_use]
    pub fn referenced_by(self, key: impl Into<String>) -> Self {
        Self { referenced_by: Some(key.into()), ..self }
    }

    /// Sorts findings as reports list them: by chain, time, key, code.
    pub fn sort(findings: &mut [Self]) {
        findings.sort_by(|a, b| a.rank().cmp(&b.rank()));
    }

    #[allow(clippy::type_complexity)]
    fn rank(
        &self,
    ) -> (Option<&ChainId>, Option<Timestamp>, Option<&str>, Code, Option<&str>, &str) {
        let key = self.key.as_deref();
        (self.chain.as_ref(), self.start, key, self.code, self.bucket.as_deref(), &self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_stable_unique_and_parse_back() {
        for code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(*code));
            assert!(!code.remedy().is_empty());
            assert!(code.meaning().ends_with('.') && !code.meaning().starts_with(' '), "{code:?}");
        }
        assert_eq!(Code::ALL.len(), 25);
        assert_eq!(Code::parse("log-lost"), None);
    }
}
