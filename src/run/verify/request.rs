//! Request to verify, and queries to CloudTrail.

use std::num::NonZero;

use jiff::Timestamp;

use crate::crypto::PublicKey;
use crate::judge::{Question, TrailAnswer};
use crate::model::{ChainId, Region, Window};
use crate::report::RanBy;
use crate::run::pool::Stop;

/// Request to verify.
#[derive(Debug, Clone)]
pub struct VerifyRequest {
    /// The sources, as the user named them.
    pub sources: Vec<String>,
    /// The question to them.
    pub question: Question,
    /// Number of objects read in parallel.
    pub jobs: NonZero<usize>,
    /// Start of the run.
    pub started: Timestamp,
    /// Person or team to name in the report.
    pub ran_by: RanBy,
    /// Ends the run early.
    pub stop: Stop,
}

/// Queries to CloudTrail.
pub trait CloudTrail: Send + Sync {
    /// The keys that a region published for a window of time.
    ///
    /// # Errors
    /// Reason why they could not be fetched, on one line.
    fn keys(&self, region: &Region, window: Window) -> Result<Vec<PublicKey>, String>;

    /// Its answer on a chain's trail.
    ///
    /// # Errors
    /// The cause for which it cannot be asked, in a line.
    fn trail(&self, chain: &ChainId) -> Result<TrailAnswer, String>;
}

impl VerifyRequest {
    /// All that sources hold, as of when a run begins.
    #[must_use]
    pub fn of(sources: Vec<String>, started: Timestamp) -> Self {
        Self {
            sources,
            question: Question::default(),
            jobs: NonZero::<usize>::MIN,
            started,
            ran_by: RanBy::default(),
            stop: Stop::default(),
        }
    }
}
