//! What is looked for in the sources, and what is left out.

use super::pool::Stop;
use crate::model::{AccountId, Region};

use crate::judge::Question;
pub use crate::judge::{Excluded, PassedOver};

/// Selection of accounts and regions; empty for all.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// Only these accounts.
    pub accounts: &'a [AccountId],
    /// Only these regions.
    pub regions: &'a [Region],
    /// Exclusions.
    pub excluded: Option<&'a Excluded>,
    /// Ends the looking early.
    pub stop: Option<&'a Stop>,
}

impl<'a> Filter<'a> {
    /// What a question selects, until the run is to stop.
    #[must_use]
    pub fn of(question: &'a Question, stop: &'a Stop) -> Self {
        let Question { accounts, regions, excluded, .. } = question;
        Self { accounts, regions, excluded: Some(excluded), stop: Some(stop) }
    }
}

impl Filter<'_> {
    /// Whether an account is looked for.
    #[must_use]
    pub fn wants_account(&self, account: &AccountId) -> bool {
        let excluded = self.excluded.is_some_and(|excluded| excluded.accounts.contains(account));
        !excluded && (self.accounts.is_empty() || self.accounts.contains(account))
    }

    /// Whether a region is looked for.
    #[must_use]
    pub fn wants_region(&self, region: &Region) -> bool {
        let excluded = self.excluded.is_some_and(|excluded| excluded.regions.contains(region));
        !excluded && (self.regions.is_empty() || self.regions.contains(region))
    }
}
