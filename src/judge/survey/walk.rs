//! The walk through a store: where `AWSLogs` lies in it, and which accounts, regions and kinds of
//! files are there, in the store's own paths.
//!
//! A folder that cannot be listed is a finding, and remembered: what lies below it is not known, so
//! nothing may be concluded from its absence.

use std::collections::VecDeque;

use super::loose::Loose;
use super::names::{
    AccountFolder, COMPANIONS, RegionFolder, Service, ServiceFolder, inside_logs, is_companion,
    last_part,
};
use super::reader::{FolderListing, FolderReader, UNANSWERED};
use super::selection::Selection;
use super::{HiddenFolders, PassedOver};
use crate::model::key_name::AWS_LOGS;
use crate::model::{AccountId, OrganizationId, Place, Region};
use crate::store::Entry;
use crate::verify::{Code, Finding};

/// Number of folders of a bucket that are looked through for `AWSLogs`: each is a request, and a bucket
/// may hold anything beside it. The nearest ones come first.
const FOLDERS_OF_A_BUCKET: usize = 500;
/// Folders of companions that are looked through before they are taken for something else.
const FOLDERS_OF_COMPANIONS: usize = 10_000;

/// One store's walk, in the store's own paths.
pub(super) struct Walk<'a> {
    pub(super) reader: &'a dyn FolderReader,
    /// True if the store is a copy that does not know its bucket.
    is_copy: bool,
    pub(super) selection: Selection<'a>,
    /// Path before each `AWSLogs` that was found.
    pub(super) bases: Vec<String>,
    pub(super) areas: Vec<RegionFolder>,
    pub(super) findings: Vec<Finding>,
    pub(super) hidden: HiddenFolders,
    /// Files outside of any `AWSLogs` that are named as CloudTrail names its files.
    pub(super) loose: Loose,
    /// Folders that are still to be looked through for `AWSLogs`.
    pending: VecDeque<String>,
    /// Accounts that the selection leaves out: a prefix may end in an account's number.
    passed_by: Vec<AccountFolder>,
    /// Accounts and regions that the selection leaves out.
    pub(super) passed_over: PassedOver,
}

/// True of a name that only a folder bears in some place. A link or the like that stands there is
/// taken for a folder, which then cannot be listed.
type NamesFolder = fn(&str) -> bool;

/// No name that only a folder bears.
const NONE: NamesFolder = |_| false;

impl<'a> Walk<'a> {
    pub(super) fn new(
        reader: &'a dyn FolderReader,
        is_copy: bool,
        selection: Selection<'a>,
    ) -> Self {
        Self {
            reader,
            is_copy,
            selection,
            bases: Vec::new(),
            areas: Vec::new(),
            findings: Vec::new(),
            hidden: HiddenFolders::default(),
            loose: Loose::default(),
            pending: VecDeque::new(),
            passed_by: Vec::new(),
            passed_over: PassedOver::default(),
        }
    }

    /// Lists folders. One that the reader has no answer for was not listed.
    pub(super) fn list(&self, folders: &[&str]) -> Vec<FolderListing> {
        let mut listings = self.reader.list(folders);
        listings.resize_with(folders.len(), || FolderListing::failed(UNANSWERED));
        listings
    }

    fn list_one(&self, folder: &str) -> FolderListing {
        self.list(&[folder]).pop().unwrap_or_else(|| FolderListing::failed(UNANSWERED))
    }

    /// The folders in a folder; what cannot be listed, and what does not belong there, becomes a
    /// finding.
    fn folders(
        &mut self,
        folder: &str,
        listing: FolderListing,
        inside_logs: bool,
        names_folder: NamesFolder,
    ) -> Vec<String> {
        let mut folders = Vec::new();
        if let Some(error) = listing.failed {
            self.hidden.note(folder, inside_logs);
            self.unreadable(folder.to_owned(), &error.to_string());
        }
        for entry in listing.entries {
            match entry {
                Entry::Folder(key) => folders.push(key),
                Entry::Unreadable { key, cause } => {
                    let as_folder = format!("{key}/");
                    if names_folder(last_part(&key)) {
                        folders.push(as_folder);
                    } else {
                        self.hidden.note(&as_folder, inside_logs);
                    }
                    self.unreadable(key, &cause);
                }
                Entry::Object { key, size, .. } if inside_logs && !(size == 0 && key == folder) => {
                    self.unknown(key, "Unexpected object.");
                }
                Entry::Object { key, .. } if !inside_logs && self.is_copy => self.loose.note(key),
                Entry::Object { .. } => {}
            }
        }
        folders.sort();
        folders
    }

    pub(super) fn unreadable(&mut self, key: String, cause: &str) {
        let message = format!("It could not be read or listed: {cause}.");
        self.findings.push(Finding::new(Code::ObjectUnreadable, message).object(None, key));
    }

    fn unknown(&mut self, key: String, message: &str) {
        self.findings.push(Finding::new(Code::ObjectUnknown, message).object(None, key));
    }

    /// Looks for `AWSLogs` at any depth. The start may lie inside of one.
    pub(super) fn below(&mut self, start: &str) {
        match inside_logs(start) {
            Some((base, inside)) => self.inside(base, &inside),
            // A prefix may hold AWSLogs: below such a one lies what any folder may hold.
            None => self.pending.push_back(start.to_owned()),
        }
        let mut left = if self.is_copy { usize::MAX } else { FOLDERS_OF_A_BUCKET };
        self.look_through(start, &mut left);
        self.look_into_passed_by();
        self.look_through(start, &mut left);
    }

    fn look_through(&mut self, start: &str, left: &mut usize) {
        while let Some(folder) = self.pending.pop_front() {
            *left = left.saturating_sub(1);
            if *left == 0 {
                let message = format!(
                    "There are more than {FOLDERS_OF_A_BUCKET} folders to search for AWSLogs. Use the prefixes that contain AWSLogs as sources (s3://BUCKET/PREFIX)."
                );
                let finding = Finding::new(Code::ObjectUnreadable, message);
                self.findings.push(finding.object(None, start));
                self.hidden.outside = true;
                self.pending.clear();
                return;
            }
            if last_part(&folder) == AWS_LOGS {
                let base = folder.strip_suffix('/').and_then(|f| f.strip_suffix(AWS_LOGS));
                self.inside(base.unwrap_or_default().to_owned(), &[]);
            } else if last_part(&folder) == COMPANIONS
                && self.is_copy
                && self.holds_companions_only(&folder)
            {
                self.unknown(folder, "Companion files of a desktop; they were not checked.");
            } else {
                let listing = self.list_one(&folder);
                let folders = self.folders(&folder, listing, false, NONE);
                self.pending.extend(folders);
            }
        }
    }

    /// True if a folder holds nothing but what a desktop keeps beside files.
    fn holds_companions_only(&self, folder: &str) -> bool {
        let mut pending = vec![folder.to_owned()];
        let mut left = FOLDERS_OF_COMPANIONS;
        while let Some(folder) = pending.pop() {
            left -= 1;
            let mut only = left > 0;
            let listed = self.reader.look_into(&folder, &mut |entry| match entry {
                Entry::Folder(key) => pending.push(key),
                Entry::Object { key, .. } => only &= is_companion(last_part(&key)),
                Entry::Unreadable { .. } => only = false,
            });
            if listed.is_err() || !only {
                return false;
            }
        }
        true
    }

    /// Reads one `AWSLogs`; `only` are the folders below it that the user named. Folders that are
    /// neither an account's nor an organization's are those of a prefix, which may hold `AWSLogs`
    /// again; and so may those of accounts and organizations.
    fn inside(&mut self, base: String, only: &[&str]) {
        let logs = format!("{base}{AWS_LOGS}/");
        let named = only.first().and_then(|first| OrganizationId::parse(first).ok());
        let only = if named.is_some() { only.get(1..).unwrap_or_default() } else { only };
        let (folder, organization) = match named {
            Some(named) => (format!("{logs}{named}/"), Some(named)),
            None => (logs, None),
        };
        let place =
            |account| Place { prefix: base.clone(), organization: organization.clone(), account };
        let accounts = match only.first().and_then(|account| AccountId::parse(account).ok()) {
            Some(account) => {
                vec![AccountFolder { path: format!("{folder}{account}/"), place: place(account) }]
            }
            None => self.accounts_of(&folder, &base, organization.as_ref()),
        };
        self.accounts(accounts, only.get(1..).unwrap_or_default());
        self.bases.push(base);
    }

    /// The accounts' folders in one of `AWSLogs` or of an organization. Folders that may hold
    /// another `AWSLogs` are left to be looked through.
    pub(super) fn accounts_of(
        &mut self,
        folder: &str,
        prefix: &str,
        organization: Option<&OrganizationId>,
    ) -> Vec<AccountFolder> {
        let mut found = Vec::new();
        let listing = self.list_one(folder);
        for path in self.folders_beside_objects(folder, listing) {
            let name = last_part(&path);
            if let Ok(account) = AccountId::parse(name) {
                let (prefix, organization) = (prefix.to_owned(), organization.cloned());
                found.push(AccountFolder { place: Place { prefix, organization, account }, path });
            } else if name == AWS_LOGS {
                self.pending.push_back(path);
            } else if organization.is_some() {
                self.unknown(path, "A folder that does not belong to an account.");
            } else if let Ok(organization) = OrganizationId::parse(name) {
                found.extend(self.accounts_of(&path, prefix, Some(&organization)));
            } else {
                self.pending.push_back(path);
            }
        }
        found
    }

    /// The folders in one of an `AWSLogs`; objects beside them may be log files.
    fn folders_beside_objects(&mut self, folder: &str, listing: FolderListing) -> Vec<String> {
        let before = self.findings.len();
        let folders = self.folders(folder, listing, true, NONE);
        self.look_at_objects(before);
        folders
    }

    /// Looks through the accounts that are selected, all at once: each costs some listings.
    pub(super) fn accounts(&mut self, accounts: Vec<AccountFolder>, only: &[&str]) {
        let selection = self.selection;
        let wanted = |account: &AccountFolder| selection.wants_account(&account.place.account);
        let (accounts, passed_by): (Vec<_>, Vec<_>) = accounts.into_iter().partition(wanted);
        let names = passed_by.iter().map(|account| account.place.account.clone());
        self.passed_over.accounts.extend(names);
        self.passed_by.extend(passed_by);
        let paths: Vec<&str> = accounts.iter().map(|account| &*account.path).collect();
        let listings = self.list(&paths);
        let mut services = Vec::new();
        for (account, listing) in accounts.iter().zip(listings) {
            services.extend(self.services_of(account, listing));
        }
        let paths: Vec<&str> = services.iter().map(|service| &*service.path).collect();
        let listings = self.list(&paths);
        for (service, listing) in services.iter().zip(listings) {
            self.regions_of(service, listing, only.get(1).copied());
        }
    }

    /// The folders of digests and log files in an account's. Naming one of both names the trail:
    /// all are looked at.
    fn services_of(
        &mut self,
        account: &AccountFolder,
        listing: FolderListing,
    ) -> Vec<ServiceFolder> {
        let mut services = Vec::new();
        for path in self.folders_beside_objects(&account.path, listing) {
            let name = last_part(&path);
            match Service::of_folder(name) {
                Some(service) => {
                    services.push(ServiceFolder { place: account.place.clone(), service, path });
                }
                None if name == AWS_LOGS => self.pending.push_back(path),
                // Query results of CloudTrail Lake: a sister format, no part of any chain.
                None if name == "CloudTrail-Lake" => {}
                None => self.unknown(
                    path,
                    "A folder that does not belong to CloudTrail; it was not checked.",
                ),
            }
        }
        services
    }

    /// Looks for another `AWSLogs` in the folders of accounts that are not selected: in a bucket,
    /// where each is a request, only if an account that was asked for was not found.
    fn look_into_passed_by(&mut self) {
        let passed_by = std::mem::take(&mut self.passed_by);
        let found = |account: &AccountId| self.areas.iter().any(|a| a.0.account == *account);
        let all_found = self.selection.accounts.iter().all(found);
        if !self.is_copy && all_found {
            return;
        }
        let paths: Vec<&str> = passed_by.iter().map(|account| &*account.path).collect();
        for (path, listing) in paths.iter().zip(self.list(&paths)) {
            let mut aside = Walk::new(self.reader, self.is_copy, self.selection);
            let folders = aside.folders(path, listing, true, NONE);
            self.pending.extend(folders.into_iter().filter(|f| last_part(f) == AWS_LOGS));
            // What else lies there was not asked for, nor what cannot be read of it unless what
            // was asked for may be there.
            if !all_found {
                let weighs = |f: &Finding| f.code != Code::ObjectUnknown;
                self.findings.extend(aside.findings.into_iter().filter(weighs));
                self.hidden.absorb(aside.hidden);
            }
        }
    }

    /// Takes up the regions' folders of a service's folder that a copy begins with.
    pub(super) fn regions(&mut self, service: &ServiceFolder) {
        let listing = self.list_one(&service.path);
        self.regions_of(service, listing, None);
    }

    /// Takes up the regions' folders of a service's folder. Those that turn out not to be readable
    /// are taken up too: what lies in them is not gone.
    fn regions_of(&mut self, service: &ServiceFolder, listing: FolderListing, only: Option<&str>) {
        let before = self.findings.len();
        let paths = self.folders(&service.path, listing, true, |name| Region::parse(name).is_ok());
        let logs = matches!(service.service, Service::Logs(_));
        if logs {
            self.look_at_objects(before);
        }
        for path in paths {
            match Region::parse(last_part(&path)) {
                Ok(region)
                    if only.is_none_or(|only| only == region.as_str())
                        && self.selection.wants_region(&region) =>
                {
                    self.areas.push((service.place.clone(), region, service.service));
                }
                Ok(region) => drop(self.passed_over.regions.insert(region)),
                Err(_) if self.reader.is_stopped() || (logs && self.has_logs(&path)) => {}
                Err(_) => self.unknown(path, "A folder that does not belong to a region."),
            }
        }
    }
}
