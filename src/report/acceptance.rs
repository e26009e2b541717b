//! Gaps and ends of chains that are accepted.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{ChainId, Window};

/// A gap that whoever runs a verification accepts, on their own word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AcceptedGap {
    /// The time in which a gap is accepted.
    #[serde(flatten)]
    pub window: Window,
    /// Reason, as given.
    pub reason: String,
    /// True if there was such a gap.
    pub used: bool,
}

impl AcceptedGap {
    /// A time in which gaps are accepted, and the reason of whoever accepts them.
    #[must_use]
    pub fn new(window: Window, reason: impl Into<String>) -> Self {
        Self { window, reason: reason.into(), used: false }
    }
}

/// The end of a chain that whoever runs a verification accepts, on their own word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AcceptedEnd {
    /// A chain's id, or an account, a region and a trail: `ACCOUNT/REGION/TRAIL`.
    pub of: String,
    /// Time of the end.
    pub time: Timestamp,
    /// Reason, as given.
    pub reason: String,
    /// True if a chain ends there.
    pub used: bool,
}

impl AcceptedEnd {
    /// An end of a chain (its id, or `ACCOUNT/REGION/TRAIL`), and the reason of whoever accepts it.
    #[must_use]
    pub fn new(of: impl Into<String>, time: Timestamp, reason: impl Into<String>) -> Self {
        Self { of: of.into(), time, reason: reason.into(), used: false }
    }

    /// True if it is about a chain.
    #[must_use]
    pub fn is_of(&self, chain: &ChainId) -> bool {
        let ChainId { place, region, trail, .. } = chain;
        self.of == chain.to_string() || self.of == format!("{}/{region}/{trail}", place.account)
    }

    /// A line for reports.
    #[must_use]
    pub fn line(&self) -> String {
        let used = if self.used { "" } else { " (not used: no chain ends there)" };
        format!("{} at {}: {}{used}", self.of, self.time, self.reason)
    }
}
