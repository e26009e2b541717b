//! Selection of the accounts and regions that are looked for.

use crate::judge::question::{Excluded, Question};
use crate::model::{AccountId, Region};

/// Selection of accounts and regions; empty for all.
#[derive(Debug, Clone, Copy, Default)]
pub struct Selection<'a> {
    /// Only these accounts.
    pub accounts: &'a [AccountId],
    /// Only these regions.
    pub regions: &'a [Region],
    /// Exclusions.
    pub excluded: Option<&'a Excluded>,
}

impl<'a> From<&'a Question> for Selection<'a> {
    fn from(question: &'a Question) -> Self {
        let Question { accounts, regions, excluded, .. } = question;
        Self { accounts, regions, excluded: Some(excluded) }
    }
}

impl Selection<'_> {
    /// True if an account is looked for.
    #[must_use]
    pub fn wants_account(&self, account: &AccountId) -> bool {
        let excluded = self.excluded.is_some_and(|excluded| excluded.accounts.contains(account));
        !excluded && self.names_account(account)
    }

    /// True if a region is looked for.
    #[must_use]
    pub fn wants_region(&self, region: &Region) -> bool {
        let excluded = self.excluded.is_some_and(|excluded| excluded.regions.contains(region));
        !excluded && self.names_region(region)
    }

    pub(super) fn names_account(&self, account: &AccountId) -> bool {
        self.accounts.is_empty() || self.accounts.contains(account)
    }

    pub(super) fn names_region(&self, region: &Region) -> bool {
        self.regions.is_empty() || self.regions.contains(region)
    }
}
