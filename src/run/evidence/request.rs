//! Request of a run, kept in the bag so that the bag can be verified the same way.

use std::num::NonZero;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::KeptLogs;
use crate::judge::Question;
use crate::report::RanBy;
use crate::run::pool::Stop;
use crate::run::verify::VerifyRequest;

/// The schema's name and major version.
pub(super) const SCHEMA: &str = "trailseal.evidence-request/1";

/// Request of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedRequest {
    pub(super) schema: String,
    /// Log files that the bag holds.
    pub(super) kept_logs: KeptLogs,
    sources: Vec<String>,
    #[serde(flatten)]
    pub(super) question: Question,
    ran_by: RanBy,
}

impl SavedRequest {
    pub(super) fn of(request: &VerifyRequest, kept_logs: KeptLogs) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            kept_logs,
            sources: request.sources.clone(),
            question: request.question.clone(),
            ran_by: request.ran_by.clone(),
        }
    }

    /// The same request, for the bag itself.
    pub(super) fn of_bag(
        &self,
        jobs: NonZero<usize>,
        started: Timestamp,
        stop: Stop,
    ) -> VerifyRequest {
        let Self { kept_logs, sources, question, ran_by, .. } = self.clone();
        // Log files that the bag does not hold cannot be read again.
        let logs = question.logs && kept_logs == KeptLogs::All;
        VerifyRequest {
            sources,
            question: Question { logs, ..question },
            jobs,
            started,
            ran_by,
            stop,
        }
    }
}
