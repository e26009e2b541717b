//! What a run was asked, kept in the bag so that the same can be asked of the bag.

use std::num::NonZero;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::KeptLogs;
use crate::model::{AccountId, Region, TrailName};
use crate::report::{AcceptedEnd, AcceptedGap, RanBy, Unreferenced};
use crate::run::filter::Excluded;
use crate::run::pool::Stop;
use crate::run::verify::{SourceForm, VerifyRequest};

/// The schema's name and major version.
pub(super) const SCHEMA: &str = "trailseal.evidence-request/1";

/// What was asked of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedRequest {
    pub(super) schema: String,
    /// Form of the sources; written as whether they were buckets.
    #[serde(rename = "online", with = "form_as_bool")]
    pub(super) form: SourceForm,
    /// Which log files the bag holds.
    pub(super) kept_logs: KeptLogs,
    sources: Vec<String>,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    as_of: Option<Timestamp>,
    accounts: Vec<AccountId>,
    regions: Vec<Region>,
    trails: Vec<TrailName>,
    #[serde(default, skip_serializing_if = "Excluded::is_empty")]
    excluded: Excluded,
    pub(super) logs: bool,
    grace_seconds: i64,
    bucket_inferred: bool,
    unreferenced: Unreferenced,
    management_account: Option<AccountId>,
    accepted_gaps: Vec<AcceptedGap>,
    #[serde(default)]
    accepted_ends: Vec<AcceptedEnd>,
    ran_by: RanBy,
}

/// The form as bags have it.
mod form_as_bool {
    use serde::{Deserialize, Deserializer, Serializer};

    use super::SourceForm;

    #[allow(clippy::trivially_copy_pass_by_ref)] // as serde calls it
    pub(super) fn serialize<S: Serializer>(form: &SourceForm, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bool(*form == SourceForm::Bucket)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<SourceForm, D::Error> {
        Ok(if bool::deserialize(from)? { SourceForm::Bucket } else { SourceForm::Copy })
    }
}

impl SavedRequest {
    pub(super) fn of(request: &VerifyRequest, kept_logs: KeptLogs) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            form: request.form,
            kept_logs,
            sources: request.sources.clone(),
            start: request.start,
            end: request.end,
            as_of: request.as_of,
            accounts: request.accounts.clone(),
            regions: request.regions.clone(),
            trails: request.trails.clone(),
            excluded: request.excluded.clone(),
            logs: request.logs,
            grace_seconds: request.grace.as_secs(),
            bucket_inferred: request.bucket_inferred,
            unreferenced: request.unreferenced,
            management_account: request.management_account.clone(),
            accepted_gaps: request.accepted_gaps.clone(),
            accepted_ends: request.accepted_ends.clone(),
            ran_by: request.ran_by.clone(),
        }
    }

    /// The same request, of the bag.
    pub(super) fn again(
        self,
        jobs: NonZero<usize>,
        started: Timestamp,
        stop: Stop,
    ) -> VerifyRequest {
        VerifyRequest {
            sources: self.sources,
            start: self.start,
            end: self.end,
            as_of: self.as_of,
            form: self.form,
            accounts: self.accounts,
            regions: self.regions,
            trails: self.trails,
            excluded: self.excluded,
            // Log files that the bag does not hold cannot be read again.
            logs: self.logs && self.kept_logs == KeptLogs::All,
            grace: SignedDuration::from_secs(self.grace_seconds),
            jobs,
            started,
            bucket_inferred: self.bucket_inferred,
            unreferenced: self.unreferenced,
            management_account: self.management_account,
            accepted_gaps: self.accepted_gaps,
            accepted_ends: self.accepted_ends,
            ran_by: self.ran_by,
            stop,
        }
    }
}
