//! Circumstances of a run that a report states beside question and findings.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::report::RanBy;

/// The circumstances of a run that a report states.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Circumstances {
    /// The sources, as the user named them.
    pub sources: Vec<String>,
    /// Start of the run.
    pub started: Timestamp,
    /// Person or team that made it, if known.
    pub ran_by: RanBy,
    /// True if CloudTrail is asked for keys and trails.
    pub asks_cloudtrail: bool,
    /// True if the run ended before it had read all.
    pub interrupted: bool,
}
