//! The question to the sources: scope, time and policies.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::model::time::hours;
use crate::model::{AccountId, AreaId, DigestKey, Region, TrailName, Window};
use crate::report::{AcceptedEnd, AcceptedGap, Unreferenced};

/// Default delay allowed for a digest.
const GRACE_HOURS: i64 = 2;
/// Days before the requested start in which trails are looked for that fell silent since.
pub const LOOK_BACK_DAYS: i64 = 7;

/// Accounts and regions that are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excluded {
    /// The accounts.
    pub accounts: Vec<AccountId>,
    /// The regions.
    pub regions: Vec<Region>,
}

impl Excluded {
    /// True if nothing is left out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty() && self.regions.is_empty()
    }

    /// Their names, accounts first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let accounts = self.accounts.iter().map(AccountId::as_str);
        accounts.chain(self.regions.iter().map(Region::as_str))
    }
}

/// Form of the sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceForm {
    /// Buckets, which are complete up to now.
    Bucket,
    /// Copies, each made at some time.
    Copy,
}

/// A question to sources: which time of which trails is to be proven, and by which policies.
///
/// It is stored, as in evidence bags, in the form that its fields name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// The requested start; `None` for all there is.
    pub start: Option<Timestamp>,
    /// The requested end; `None` for the end of the newest digest.
    pub end: Option<Timestamp>,
    /// Only these accounts; empty for all.
    pub accounts: Vec<AccountId>,
    /// Only these regions; empty for all.
    pub regions: Vec<Region>,
    /// Accounts and regions that are left out.
    #[serde(default, skip_serializing_if = "Excluded::is_empty")]
    pub excluded: Excluded,
    /// Only these trails; empty for all.
    pub trails: Vec<TrailName>,
    /// True if log files are read, and those looked for that no digest lists.
    pub logs: bool,
    /// Allowed delay of a digest; stored in whole seconds.
    #[serde(rename = "grace_seconds", with = "seconds")]
    pub grace: SignedDuration,
    /// The time as of which the sources are judged: what was due by then and is not there is late
    /// or gone. `None` for a copy of which no end is asked for: nothing depends on it then.
    pub as_of: Option<Timestamp>,
    /// Form of the sources: buckets or copies; stored as whether they are buckets.
    #[serde(rename = "online", with = "form_as_bool")]
    pub form: SourceForm,
    /// True if the bucket is learned from the digests.
    pub bucket_inferred: bool,
    /// Severity of log files that no digest lists.
    pub unreferenced: Unreferenced,
    /// The account that an organization's trail belongs to, whose events may explain its gaps.
    pub management_account: Option<AccountId>,
    /// The gaps that are accepted.
    pub accepted_gaps: Vec<AcceptedGap>,
    /// The ends of chains that are accepted.
    #[serde(default)]
    pub accepted_ends: Vec<AcceptedEnd>,
}

/// A span in whole seconds.
mod seconds {
    use jiff::SignedDuration;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        span: &SignedDuration,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_i64(span.as_secs())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<SignedDuration, D::Error> {
        i64::deserialize(from).map(SignedDuration::from_secs)
    }
}

/// The form of sources as whether they are buckets.
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

impl Default for Question {
    /// All that a copy holds.
    fn default() -> Self {
        Self {
            start: None,
            end: None,
            accounts: Vec::new(),
            regions: Vec::new(),
            excluded: Excluded::default(),
            trails: Vec::new(),
            logs: true,
            grace: hours(GRACE_HOURS),
            as_of: None,
            form: SourceForm::Copy,
            bucket_inferred: false,
            unreferenced: Unreferenced::default(),
            management_account: None,
            accepted_gaps: Vec::new(),
            accepted_ends: Vec::new(),
        }
    }
}

impl Question {
    /// The requested time; unbounded where no start or end is set.
    #[must_use]
    pub fn window(&self) -> Window {
        Window::new(self.start.unwrap_or(Timestamp::MIN), self.end.unwrap_or(Timestamp::MAX))
    }

    /// True if an account is asked for.
    #[must_use]
    pub fn wants_account(&self, account: &AccountId) -> bool {
        let excluded = self.excluded.accounts.contains(account);
        !excluded && (self.accounts.is_empty() || self.accounts.contains(account))
    }

    /// True if a region is asked for.
    #[must_use]
    pub fn wants_region(&self, region: &Region) -> bool {
        let excluded = self.excluded.regions.contains(region);
        !excluded && (self.regions.is_empty() || self.regions.contains(region))
    }

    /// True if an area is asked for.
    #[must_use]
    pub fn wants(&self, id: &AreaId) -> bool {
        self.wants_account(&id.place.account) && self.wants_region(&id.region)
    }

    /// True if the trail of a digest is asked for.
    #[must_use]
    pub fn wants_trail(&self, name: &DigestKey) -> bool {
        self.trails.is_empty() || self.trails.contains(&name.trail)
    }
}
