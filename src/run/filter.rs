//! What is looked for in the sources, and what is left out.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::pool::Stop;
use crate::model::{AccountId, Region};

/// Accounts and regions that are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excluded {
    /// The accounts.
    pub accounts: Vec<AccountId>,
    /// The regions.
    pub regions: Vec<Region>,
}

impl Excluded {
    /// Whether nothing is left out.
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

/// Accounts and regions that are there and were not looked for.
#[derive(Debug, Clone, Default)]
pub struct PassedOver {
    /// The accounts.
    pub accounts: BTreeSet<AccountId>,
    /// The regions.
    pub regions: BTreeSet<Region>,
}

impl PassedOver {
    pub(super) fn absorb(&mut self, other: Self) {
        self.accounts.extend(other.accounts);
        self.regions.extend(other.regions);
    }
}
