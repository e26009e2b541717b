//! The run report, `trailseal.run/1`: the one result that every output format renders.
//!
//! Times are RFC 3339 UTC, sizes are bytes, durations whole seconds. The committed JSON Schema
//! beside this file describes the same shape, and the tests hold reports to it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{
    AccountId, BucketName, ChainId, ChainKind, Fingerprint, OrganizationId, Printable, Region,
};
use crate::verify::{CoverageState, Finding, Interval, Severity};

use super::acceptance::{AcceptedEnd, AcceptedGap};

/// The schema's name and major version.
pub const SCHEMA: &str = "trailseal.run/1";

/// The exit status of a run that was interrupted.
pub const INTERRUPTED: u8 = 130;

/// Bound of every count of objects in a report; the sum over its chains is far from overflowing.
const LARGEST_COUNT: u64 = 1 << 40;
/// Bound of bytes, seconds and requests, which are sums already.
const LARGEST_SUM: u64 = 1 << 60;

/// Verdict of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every interval is proven, pending or explained, and no violation or incomplete finding
    /// stands.
    Verified,
    /// At least one violation.
    Violation,
    /// No violation, but something could not be checked.
    Incomplete,
}

impl Verdict {
    /// The verdict on these findings and states; a violation outranks what is incomplete.
    #[must_use]
    pub fn of<'a>(
        findings: impl IntoIterator<Item = &'a Finding>,
        states: impl IntoIterator<Item = CoverageState>,
    ) -> Self {
        let worst = findings.into_iter().map(|f| f.severity).max();
        let state = states.into_iter().max();
        if worst == Some(Severity::Violation) || state == Some(CoverageState::Violated) {
            Self::Violation
        } else if worst == Some(Severity::Incomplete)
            || matches!(state, None | Some(CoverageState::Unreadable | CoverageState::Gap))
        {
            Self::Incomplete
        } else {
            Self::Verified
        }
    }

    /// Its name in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Violation => "violation",
            Self::Incomplete => "incomplete",
        }
    }

    /// The exit status that stands for it.
    #[must_use]
    pub const fn exit_status(self) -> u8 {
        match self {
            Self::Verified => 0,
            Self::Violation => 1,
            Self::Incomplete => 3,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Report of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RunReport {
    /// Always [`SCHEMA`].
    pub schema: Cow<'static, str>,
    /// The program that made the report.
    pub tool: Tool,
    /// Operator and identity of the run, if known.
    #[serde(default)]
    pub ran_by: RanBy,
    /// The requested scope.
    pub scope: Scope,
    /// Start of the run.
    pub started: Timestamp,
    /// Time of the end.
    pub finished: Timestamp,
    /// The verdict.
    pub verdict: Verdict,
    /// The status that the command exits with.
    pub exit_status: u8,
    /// Sums over all chains.
    pub totals: Totals,
    /// Every chain in scope.
    pub chains: Vec<ChainReport>,
    /// Every known public key.
    pub keys: Vec<KeyReport>,
    /// Findings, sorted by chain, time, key, code.
    pub findings: Vec<Finding>,
    /// Plain sentences on what this run does not show.
    pub not_proven: Vec<String>,
}

/// Error in reading a run report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// Not JSON, or not of the report's shape.
    #[error("not a run report: {0}")]
    Form(#[from] serde_json::Error),
    /// Another schema.
    #[error("its schema is {}, but this version reads {SCHEMA}", Printable(.0))]
    Schema(String),
    /// Its verdict is not what its own findings and coverage come to.
    #[error(
        "it contradicts itself: verdict {stated} and exit status {status}, but its findings and coverage mean {actual}"
    )]
    Contradiction {
        /// The verdict that it states.
        stated: Verdict,
        /// The exit status that it states.
        status: u8,
        /// Verdict that its findings and coverage mean.
        actual: Verdict,
    },
    /// A number in it is larger than any that a run comes to.
    #[error("its counts are impossibly large")]
    Count,
    /// It tells of one chain twice.
    #[error("it contradicts itself: chain {0} is listed twice")]
    Twice(String),
}

impl RunReport {
    /// Reads a saved report.
    ///
    /// # Errors
    /// When it is of another schema or shape, tells of one chain twice, or states another verdict
    /// than its findings and coverage come to.
    pub fn decode(json: &[u8]) -> Result<Self, ReportError> {
        #[derive(Deserialize)]
        struct Any {
            schema: String,
        }
        let Any { schema } = serde_json::from_slice(json)?;
        if schema != SCHEMA {
            return Err(ReportError::Schema(schema));
        }
        let report: Self = serde_json::from_slice(json)?;
        // So that formats may add them up.
        if !report.is_countable() {
            return Err(ReportError::Count);
        }
        // Formats name what they say by the chain.
        let mut seen = BTreeSet::new();
        if let Some(chain) = report.chains.iter().find(|chain| !seen.insert(&chain.id)) {
            return Err(ReportError::Twice(chain.id.to_string()));
        }
        let states = report.chains.iter().flat_map(|c| &c.coverage).map(|i| i.state);
        let actual = Verdict::of(&report.findings, states);
        let (stated, status) = (report.verdict, report.exit_status);
        let fits =
            status == stated.exit_status() || status == INTERRUPTED && stated != Verdict::Verified;
        if stated == actual && fits {
            Ok(report)
        } else {
            Err(ReportError::Contradiction { stated, status, actual })
        }
    }
}

impl RunReport {
    /// True if every number that it counts to is one that formats may add up.
    fn is_countable(&self) -> bool {
        let totals = &self.totals;
        let all = [&totals.digests, &totals.logs.listed].into_iter();
        let mut all = all.chain(self.chains.iter().flat_map(|chain| [&chain.digests, &chain.logs]));
        let seconds = totals.coverage_seconds.values().map(|seconds| seconds.unsigned_abs());
        let sums = [
            totals.chains,
            totals.logs.unreferenced,
            totals.bytes_read,
            totals.bytes_hashed,
            totals.requests,
        ];
        all.all(|c| [c.valid, c.invalid, c.unchecked].into_iter().all(|n| n < LARGEST_COUNT))
            && sums.into_iter().chain(seconds).all(|n| n < LARGEST_SUM)
    }
}

/// The program that made the report.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Tool {
    /// `trailseal`.
    pub name: Cow<'static, str>,
    /// Its version.
    pub version: Cow<'static, str>,
}

impl Default for Tool {
    fn default() -> Self {
        Self { name: env!("CARGO_PKG_NAME").into(), version: env!("CARGO_PKG_VERSION").into() }
    }
}

/// Operator and identity of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RanBy {
    /// The person or office, in their own words (`--operator`).
    pub operator: Option<String>,
    /// The identity that read the source, as AWS names it: an ARN.
    pub identity: Option<String>,
}

/// The requested scope.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Scope {
    /// The sources, as they were given.
    pub sources: Vec<String>,
    /// The requested start; `None` for all there is.
    pub start: Option<Timestamp>,
    /// The end of the requested time, as given or as found; `None` where nothing was found.
    pub end: Option<Timestamp>,
    /// The accounts asked for; empty for all.
    pub accounts: Vec<String>,
    /// The regions asked for; empty for all.
    pub regions: Vec<String>,
    /// The trails asked for; empty for all.
    pub trails: Vec<String>,
    /// The accounts left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded_accounts: Vec<String>,
    /// The regions left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub excluded_regions: Vec<String>,
    /// True if log files were checked.
    pub logs: bool,
    /// The gaps that whoever ran this accepts.
    #[serde(default)]
    pub accepted_gaps: Vec<AcceptedGap>,
    /// The ends of chains that whoever ran this accepts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted_ends: Vec<AcceptedEnd>,
    /// Allowed delay of the newest digest, in seconds.
    #[serde(default)]
    pub grace_seconds: Option<i64>,
    /// Severity of log files that no digest lists.
    #[serde(default)]
    pub unreferenced: Unreferenced,
    /// The management account of the organization, where it was given.
    #[serde(default)]
    pub management_account: Option<AccountId>,
    /// The time as of which the sources were judged; `None` for a copy of which no end was asked
    /// for.
    #[serde(default)]
    pub as_of: Option<Timestamp>,
}

/// Severity of a log file that no digest lists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Unreferenced {
    /// As much as one that was injected: the rule.
    #[default]
    Violation,
    /// A notice: a trail without validation is known to write to the same folders.
    Notice,
    /// Nothing: they are only counted.
    Ignore,
}

/// Numbers of objects by result.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Counts {
    /// Proven whole and unaltered.
    pub valid: u64,
    /// Missing, altered or malformed.
    pub invalid: u64,
    /// Not checked, or not possible to check.
    pub unchecked: u64,
}

impl Counts {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.valid + self.invalid + self.unchecked
    }

    /// Adds another's counts.
    pub fn add(&mut self, other: &Self) {
        self.valid += other.valid;
        self.invalid += other.invalid;
        self.unchecked += other.unchecked;
    }
}

/// Counts of log files, with those that no digest lists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LogCounts {
    /// Those that digests list.
    #[serde(flatten)]
    pub listed: Counts,
    /// Those that lie in covered time and place, and no digest lists.
    pub unreferenced: u64,
}

/// Sums over all chains.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Totals {
    /// Number of chains in scope.
    pub chains: u64,
    /// Their digests.
    pub digests: Counts,
    /// Their log files.
    pub logs: LogCounts,
    /// Bytes read from the store, compressed as stored.
    pub bytes_read: u64,
    /// Bytes hashed, inflated.
    pub bytes_hashed: u64,
    /// Requests made to the store: folders listed and objects read.
    pub requests: u64,
    /// Seconds of chain time in each state, every state named.
    pub coverage_seconds: BTreeMap<CoverageState, i64>,
}

/// One chain.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ChainReport {
    /// Its id, which findings name.
    pub id: ChainId,
    /// Its bucket; `None` where a copy's digests do not tell.
    pub bucket: Option<BucketName>,
    /// Prefix before `AWSLogs` in its keys, without the closing slash; may be empty.
    pub prefix: String,
    /// Its organization, for an organization trail.
    pub organization: Option<OrganizationId>,
    /// The account that the events are of.
    pub account: AccountId,
    /// The region that delivers.
    pub region: Region,
    /// The region in which the trail was created.
    pub home_region: Region,
    /// The trail.
    pub trail: String,
    /// Standard or backfill.
    pub kind: ChainKind,
    /// Its digests.
    pub digests: Counts,
    /// The log files that its digests list.
    pub logs: Counts,
    /// The requested time, cut into intervals; empty for a backfill chain, which claims no time.
    pub coverage: Vec<Interval>,
}

impl ChainReport {
    /// A chain of which nothing is counted yet.
    #[must_use]
    pub fn new(id: ChainId) -> Self {
        Self {
            bucket: id.bucket.clone(),
            prefix: id.place.prefix.strip_suffix('/').unwrap_or(&id.place.prefix).to_owned(),
            organization: id.place.organization.clone(),
            account: id.place.account.clone(),
            region: id.region.clone(),
            home_region: id.home_region.clone(),
            trail: id.trail.to_string(),
            kind: id.kind,
            digests: Counts::default(),
            logs: Counts::default(),
            coverage: Vec::new(),
            id,
        }
    }
}

/// One public key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeyReport {
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// The region that published it; `None` where the key file does not tell.
    pub region: Option<Region>,
    /// Source: a key file's name.
    pub source: String,
    /// The first moment of its validity; `None` where the key file does not tell.
    pub valid_from: Option<Timestamp>,
    /// The last moment of its validity.
    pub valid_to: Option<Timestamp>,
    /// True if a digest of this run was verified with it.
    pub used: bool,
}
