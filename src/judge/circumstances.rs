//! What a report tells of a run beside what was asked and found.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::report::RanBy;

/// The circumstances of a run that a report tells of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Circumstances {
    /// The sources, as the user named them.
    pub sources: Vec<String>,
    /// When the run began.
    pub started: Timestamp,
    /// Who made it, if known.
    pub ran_by: RanBy,
    /// Whether CloudTrail is asked for keys and trails.
    pub asks_cloudtrail: bool,
    /// Whether the run ended before it had read all.
    pub interrupted: bool,
}
