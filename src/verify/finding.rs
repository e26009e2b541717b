//! Findings: what a check says. A check cannot fail; trouble on the way is a finding too, of its
//! own severity.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::model::{ChainId, Printable, Window};

/// Severity of a finding, in ascending order.
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
        /// Stable code of a finding. Codes never change their meaning; new ones may be added.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
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

            /// Severity, unless something lessens or explains it.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }

            /// Meaning, in one sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),*).trim_ascii(),)* }
            }

            /// Next step for the reader.
            #[must_use]
            pub const fn remedy(self) -> &'static str {
                match self { $(Self::$name => $remedy,)* }
            }
        }
    };
}

codes! {
    /// A valid digest lists the log file, and the source has no such object.
    LogMissing = "log-missing", Violation,
        "Find out who deleted it (DeleteObject, lifecycle rules) and restore it from an older version or a backup. If this copy was made without log files, run with --no-logs.";
    /// The hash of the inflated log file differs from the digest's.
    LogModified = "log-modified", Violation,
        "Keep the altered file as evidence, and compare it with an older version or a backup.";
    /// Not gzip, damaged, cut off, or a wrong CRC or length.
    LogMalformed = "log-malformed", Violation,
        "Copy the object again. If it is still malformed, keep it as evidence and look for an older version.";
    /// Bytes after the log file's gzip member.
    LogTrailingData = "log-trailing-data", Violation,
        "Keep the file as evidence, and compare it with an older version: something was appended to it.";
    /// A log file in covered time and place that no digest, standard or backfill, lists.
    LogUnreferenced = "log-unreferenced", Violation,
        "Do not trust its events: no digest covers them. Find out who wrote the file (PutObject).";
    /// Log files of a time or kind that no digest covers.
    LogUncovered = "log-uncovered", Notice,
        "Do not rely on these files: no digest covers them. Check whether a trail without log file validation writes here.";
    /// The next digest names it, or its neighbours show that it was due, but it does not exist.
    DigestMissing = "digest-missing", Violation,
        "Find out who deleted it, and restore it from an older version or a backup: without it, its log files cannot be proven.";
    /// The signature or the next digest's hash does not match its bytes.
    DigestModified = "digest-modified", Violation,
        "Keep the altered digest as evidence, and compare it with an older version. Its log files are not proven.";
    /// Not gzip, not JSON, a field missing, duplicated or invalid, or another algorithm.
    DigestMalformed = "digest-malformed", Violation,
        "Copy the object again. If it is still malformed, keep it as evidence and look for an older version.";
    /// Bytes after the digest's gzip member.
    DigestTrailingData = "digest-trailing-data", Violation,
        "Keep the digest as evidence, and compare it with an older version: something was appended to it.";
    /// Its fields name another bucket, key, account or time.
    DigestMoved = "digest-moved", Violation,
        "If the copy was arranged by hand, use --bucket and --prefix. If not, find out who moved the digest.";
    /// No signature in its metadata or in a valid next digest.
    DigestUnsigned = "digest-unsigned", Incomplete,
        "Run trailseal collect into the same directory, or save the metadata next to the file: aws s3api head-object --bucket BUCKET --key KEY > FILE.metadata.json. The next digest also repeats the signature.";
    /// Signed with a key that was not given.
    DigestKeyUnknown = "digest-key-unknown", Incomplete,
        "Fetch the keys of that region and time (trailseal keys fetch --region REGION --start-time ... --end-time ... --output FILE) and give them with --keys FILE.";
    /// Signed outside the key's validity.
    DigestKeyExpired = "digest-key-expired", Violation,
        "Check where the digest and the key file come from: the key was not valid when the digest was made.";
    /// Validly signed, but a second successor of the same digest, or overlapping its neighbour.
    DigestFork = "digest-fork", Violation,
        "Find out who else could sign, and which digest is genuine: two signed histories exist for this time.";
    /// Both digests are valid, but the link between them is not.
    ChainBroken = "chain-broken", Violation,
        "Compare both digests with older versions: each is valid, but one may have been replaced by another signed digest.";
    /// The newest digest ends more than the grace before the end of the requested time.
    ChainTruncated = "chain-truncated", Violation,
        "Look for StopLogging, DeleteTrail and DeleteObject events of that time: the newest digests were deleted, or logging stopped. If this is a copy of fewer days, set --end-time. If the trail was ended deliberately, accept the end on record: --accept-end ACCOUNT/REGION/TRAIL@TIME=REASON.";
    /// A new segment starts, or no digest covers a period.
    ChainGap = "chain-gap", Incomplete,
        "Look for StopLogging, UpdateTrail or DeleteTrail events before the gap and StartLogging after it: they show who interrupted the chain (for an organization's trail, add --management-account). To accept the gap on record: --accept-gap START/END=REASON.";
    /// The requested time begins before the chain's first digest.
    ChainLateStart = "chain-late-start", Incomplete,
        "Find out when log file validation was enabled, and set --start-time to that time. If it was enabled earlier, the first digests were deleted.";
    /// No digests found for what was requested.
    NoDigests = "no-digests", Incomplete,
        "Check the source and the filters. If the source has log files, log file validation was not enabled, or all digests were deleted.";
    /// Everything missing from a chain is older than what is left, or the whole chain is gone.
    LossPattern = "loss-pattern", Notice,
        "Check the bucket's lifecycle configuration (aws s3api get-bucket-lifecycle-configuration) and PutBucketLifecycle events to find out who let these objects expire. To verify what is left, use the --start-time in the message.";
    /// The object's gzip header has content that CloudTrail does not write.
    GzipHeader = "gzip-header", Notice,
        "Find out whether these files were compressed again. If not, find out who wrote them, and keep the content of the header. The log content itself matches its digest.";
    /// Could not be read or listed: denied, timed out, throttled or failed after retries.
    ObjectUnreadable = "object-unreadable", Incomplete,
        "Resolve the cause in the message (permissions, network, disk), then run again.";
    /// Must be restored from an archive storage class first.
    ObjectArchived = "object-archived", Incomplete,
        "Restore the object from its archive storage class (aws s3api restore-object), then run again.";
    /// An object of no known form in the tree.
    ObjectUnknown = "object-unknown", Notice,
        "Check what it is: no digest covers it, and it does not affect the result.";
}

impl Code {
    /// Next step for the reader of a finding of this severity.
    #[must_use]
    pub const fn remedy_of(self, severity: Severity) -> &'static str {
        match (self, severity) {
            (Self::ChainGap | Self::ChainTruncated, Severity::Notice) => {
                "Check that this was intended: the finding names the explanation."
            }
            (Self::ChainTruncated, Severity::Incomplete) => {
                "If this is a copy, copy the missing days, or set --end-time to the end of its newest digest. Otherwise look for StopLogging and DeleteTrail events of that time. If the trail was ended deliberately, accept the end on record: --accept-end ACCOUNT/REGION/TRAIL@TIME=REASON."
            }
            (Self::LogUnreferenced, Severity::Incomplete) => {
                "Do not rely on its events yet. Verify again once the digest that could list it is there (for a copy, copy the following days too); if none does, find out who wrote the file (PutObject)."
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
            serde::de::Error::custom(format_args!("{shown} is not a finding code of this version"))
        })
    }
}

/// A finding.
///
/// Texts may hold what a bucket holds: show them through [`crate::model::Printable`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Finding {
    /// Code.
    pub code: Code,
    /// Severity.
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
    /// Message, in a sentence.
    pub message: String,
    /// Expected value.
    pub expected: Option<String>,
    /// Actual value.
    pub actual: Option<String>,
    /// The key of the digest that lists or links to the object.
    pub referenced_by: Option<String>,
    /// Events in verified log files that explain it, or that may have caused it.
    pub events: Vec<FoundEvent>,
}

/// Role of an event in a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
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
#[non_exhaustive]
pub struct FoundEvent {
    /// Role in the finding.
    pub role: EventRole,
    /// The event's name, such as `StopLogging`.
    pub event: Cow<'static, str>,
    /// When it happened.
    pub time: Timestamp,
    /// Actor: an ARN, a principal's id, or a service.
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
