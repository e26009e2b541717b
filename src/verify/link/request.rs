//! The requested time, and what CloudTrail itself says of the end of a chain.

use jiff::{SignedDuration, Timestamp};

/// The requested time, and how long a digest may be late.
#[derive(Debug, Clone, Copy)]
pub struct CoverageRequest {
    /// The requested start, where one was asked for.
    pub start: Option<Timestamp>,
    /// The requested end.
    pub end: Timestamp,
    /// Origin of `end`, which decides how a chain is judged that does not reach it.
    pub end_origin: EndOrigin,
    /// The time as of which the sources are judged; `None` where nothing tells it, and then
    /// nothing is pending.
    pub as_of: Option<Timestamp>,
    /// Delay after which a digest counts as missing.
    pub grace: SignedDuration,
    /// True if the run ended before it had read all: what is not there may be.
    pub cut_short: bool,
}

/// Origin of the end of the requested time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndOrigin {
    /// The end of the newest digest of a copy: none was asked for. What a chain lags behind it is
    /// pending up to the grace.
    Newest,
    /// Asked for of a copy, which may have been made before the last digests were delivered.
    OfCopy,
    /// Asked for of a bucket, which is complete up to now.
    OfBucket,
}

/// CloudTrail's own statement on a chain's trail, as far as it bears on the chain's end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportedStatus {
    /// Reason for the chain to end.
    pub ending: ReportedEnding,
    /// The error that the trail's bucket answered the latest delivery of a digest with.
    pub delivery_error: Option<String>,
}

/// Reason for a chain to end that CloudTrail itself states.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ReportedEnding {
    /// None is stated, or CloudTrail was not asked.
    #[default]
    Unknown,
    /// The trail does not log since then.
    Stopped(Timestamp),
    /// The trail is not among those of its account and region.
    NotListed,
    /// The trail delivers to another bucket, prefix or organization; its description.
    Elsewhere(String),
}
