//! The survey: where `AWSLogs` lies in the sources, which accounts and regions are there, and what of
//! it could not be seen.

mod beside;
mod copy_place;
mod days;
mod loose;
mod names;
mod reader;
mod root;
mod selection;
mod store;
#[cfg(test)]
mod tests;
mod walk;

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::key_name::DIGEST_FOLDER;
use crate::model::{AccountId, AreaId, OrganizationId, Place, Region};
use crate::verify::Finding;
use crate::verify::unfinished::Unfinished;

pub use self::days::{DayRange, Unseen, day_folders};
pub use self::names::{RegionFolder, Service, is_number, last_part};
pub use self::reader::{EachBody, EachEntry, FolderListing, FolderReader};
pub use self::root::{Insisted, LogsRoot, PlacedRoot};
pub use self::selection::Selection;
pub use self::store::{StoreSurvey, survey_store};

/// Accounts and regions that are there and were not looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOver {
    /// The accounts.
    pub accounts: BTreeSet<AccountId>,
    /// The regions.
    pub regions: BTreeSet<Region>,
}

impl PassedOver {
    /// Adds those of another part of the sources.
    pub fn absorb(&mut self, other: Self) {
        self.accounts.extend(other.accounts);
        self.regions.extend(other.regions);
    }
}

/// Folders above the regions' that could not be listed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HiddenFolders {
    /// True if one of them lies outside of any `AWSLogs`, so that it may hold one.
    pub outside: bool,
    /// Folders inside of one, by their paths below it: empty for `AWSLogs` itself.
    pub inside: BTreeSet<String>,
}

impl HiddenFolders {
    /// Adds a folder, which lies inside of an `AWSLogs` or outside of any.
    pub fn note(&mut self, folder: &str, inside_logs: bool) {
        match folder.rsplit_once("AWSLogs/").filter(|_| inside_logs) {
            Some((_, inside)) => drop(self.inside.insert(inside.to_owned())),
            None => self.outside = true,
        }
    }

    /// Adds those of another part of the sources.
    pub fn absorb(&mut self, other: Self) {
        self.outside |= other.outside;
        self.inside.extend(other.inside);
    }

    /// True if a service's folder of an area may be there, in one that could not be listed.
    #[must_use]
    pub fn may_hide(&self, id: &AreaId, service: &str) -> bool {
        let AreaId { place: Place { organization, account, .. }, region, .. } = id;
        let organization = organization.as_ref().map(|o| format!("{o}/")).unwrap_or_default();
        let folder = format!("{organization}{account}/{service}/{region}/");
        self.inside.iter().any(|unlisted| folder.starts_with(unlisted.as_str()))
    }

    /// True if digests may be there, of an account and a region where they are given.
    #[must_use]
    pub fn may_hide_any(&self, account: Option<&AccountId>, region: Option<&Region>) -> bool {
        self.outside
            || self.inside.iter().any(|unlisted| {
                let mut parts = unlisted.trim_end_matches('/').split('/').peekable();
                let _ = parts.next_if(|part| OrganizationId::parse(part).is_ok());
                let is = |part: Option<&str>, wanted: Option<&str>| {
                    part.is_none_or(|part| {
                        part.is_empty() || wanted.is_none_or(|wanted| part == wanted)
                    })
                };
                is(parts.next(), account.map(AccountId::as_str))
                    && is(parts.next(), Some(DIGEST_FOLDER))
                    && is(parts.next(), region.map(Region::as_str))
            })
    }
}

/// Areas of the sources, and folders of them that could not be seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// Time at which the sources were looked through.
    pub taken: Timestamp,
    /// Every area that is there.
    pub areas: BTreeSet<AreaId>,
    /// True if an `AWSLogs` folder is there.
    pub any_logs_folder: bool,
    /// Accounts and regions beside those that were looked for.
    pub passed_over: PassedOver,
    /// Folders that could not be listed.
    pub hidden: HiddenFolders,
    /// Copies that are not finished.
    pub unfinished: BTreeSet<Unfinished>,
    /// Findings of the search for areas.
    pub findings: Vec<Finding>,
}

impl Survey {
    /// True if no other bucket, prefix or organization holds the account's region.
    #[must_use]
    pub fn is_only_place(&self, id: &AreaId) -> bool {
        self.areas.iter().filter(|other| other.is_beside(id)).nth(1).is_none()
    }

    /// True if digests of an area may be there that could not be listed.
    #[must_use]
    pub fn may_hide_digests(&self, id: &AreaId) -> bool {
        self.hidden.may_hide(id, DIGEST_FOLDER)
    }
}
