//! The walk through a store: where `AWSLogs` lies in it, and which accounts, regions and kinds of
//! files are there. In the store's own paths; nothing is read but listings.
//!
//! A folder that cannot be listed is a finding, and remembered: what lies below it is not known, so
//! nothing may be concluded from its absence.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::judge::HiddenFolders;
use crate::model::key_name::{AWS_LOGS, DIGEST_FOLDER};
use crate::model::{AccountId, LogKind, OrganizationId, Place, Region};
use crate::store::{Entry, Store};
use crate::verify::{Code, Finding};

use super::filter::{Filter, PassedOver};
use super::loose::Loose;
use super::pool::Stop;

mod beside;

/// Number of accounts searched in parallel.
const ACCOUNTS_AT_ONCE: usize = 16;
/// How many folders of a bucket are looked through for `AWSLogs`: each is a request, and a bucket
/// may hold anything beside it. The nearest ones come first.
const FOLDERS_OF_A_BUCKET: usize = 500;
/// The folder that archives made on macOS keep companion files in, by the paths of their owners.
const COMPANIONS: &str = "__MACOSX";
/// Folders of companions that are looked through before they are taken for something else.
const FOLDERS_OF_COMPANIONS: usize = 10_000;

pub(super) fn last_part(key: &str) -> &str {
    let key = key.strip_suffix('/').unwrap_or(key);
    key.rsplit_once('/').map_or(key, |(_, last)| last)
}

pub(super) fn is_number(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// Content of a region's folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Digests,
    Logs(LogKind),
}

impl Content {
    fn of_folder(name: &str) -> Option<Self> {
        match LogKind::of_folder(name) {
            Some(kind) => Some(Self::Logs(kind)),
            None => (name == DIGEST_FOLDER).then_some(Self::Digests),
        }
    }
}

/// An account's folder in the store.
#[derive(Debug, Clone)]
pub(super) struct AccountFolder {
    /// Its place. Of one in an `AWSLogs`, the prefix is what stands before that in the store.
    pub(super) place: Place,
    /// Its path, with the closing slash.
    pub(super) path: String,
}

/// One store's walk, in the store's own paths.
pub(super) struct Walk<'a> {
    pub(super) store: &'a Arc<dyn Store>,
    requests: &'a AtomicU64,
    pub(super) filter: Filter<'a>,
    pub(super) bases: Vec<String>,
    pub(super) areas: Vec<(Place, Region, Content)>,
    pub(super) findings: Vec<Finding>,
    pub(super) unlisted: HiddenFolders,
    /// Files outside of any `AWSLogs` that are named as CloudTrail names its files.
    pub(super) loose: Loose,
    /// Folders that are still to be looked through for `AWSLogs`.
    pending: VecDeque<String>,
    /// Accounts that the filter leaves out: a prefix may end in an account's number.
    passed_by: Vec<AccountFolder>,
    /// Accounts and regions excluded by the filter.
    pub(super) passed_over: PassedOver,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        store: &'a Arc<dyn Store>,
        requests: &'a AtomicU64,
        filter: Filter<'a>,
    ) -> Self {
        Self {
            store,
            requests,
            filter,
            bases: Vec::new(),
            areas: Vec::new(),
            findings: Vec::new(),
            unlisted: HiddenFolders::default(),
            loose: Loose::default(),
            pending: VecDeque::new(),
            passed_by: Vec::new(),
            passed_over: PassedOver::default(),
        }
    }

    fn is_copy(&self) -> bool {
        self.store.bucket().is_none()
    }

    /// Lists a folder's folders; what cannot be listed becomes a finding. A link or the like that
    /// stands where `is_folder` expects a folder is taken for one, which then cannot be listed.
    fn folders(
        &mut self,
        folder: &str,
        inside_logs: bool,
        is_folder: fn(&str) -> bool,
    ) -> Vec<String> {
        if self.filter.stop.is_some_and(Stop::is_set) {
            return Vec::new();
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        let (mut folders, mut others) = (Vec::new(), Vec::new());
        let listed = self.store.list(folder, &mut |entry| match entry {
            Entry::Folder(key) => folders.push(key),
            other => others.push(other),
        });
        if let Err(error) = listed {
            self.unlisted.note(folder, inside_logs);
            self.unreadable(folder.to_owned(), &error.to_string());
        }
        for other in others {
            match other {
                Entry::Unreadable { key, cause } => {
                    let as_folder = format!("{key}/");
                    if is_folder(last_part(&key)) {
                        folders.push(as_folder);
                    } else {
                        self.unlisted.note(&as_folder, inside_logs);
                    }
                    self.unreadable(key, &cause);
                }
                Entry::Object { key, size, .. } if inside_logs && !(size == 0 && key == folder) => {
                    self.unknown(key, "Unexpected object.");
                }
                Entry::Object { key, .. } if !inside_logs && self.is_copy() => self.loose.note(key),
                _ => {}
            }
        }
        folders.sort();
        folders
    }

    fn unreadable(&mut self, key: String, cause: &str) {
        let message = format!("It could not be read or listed: {cause}.");
        self.findings.push(Finding::new(Code::ObjectUnreadable, message).object(None, key));
    }

    fn unknown(&mut self, key: String, message: &str) {
        self.findings.push(Finding::new(Code::ObjectUnknown, message).object(None, key));
    }

    /// Looks for `AWSLogs` at any depth. The start may lie inside of one.
    pub(super) fn below(&mut self, start: &str) {
        let parts: Vec<&str> = start.trim_end_matches('/').split('/').collect();
        let within = parts.iter().rposition(|part| *part == AWS_LOGS).and_then(|at| {
            let inside = parts.get(at + 1..).filter(|inside| is_part(inside))?;
            Some((parts.get(..at)?, inside))
        });
        match within {
            Some((before, inside)) => {
                let base = before.iter().fold(String::new(), |base, part| base + part + "/");
                self.inside(base, inside);
            }
            // A prefix may hold AWSLogs: below such a one lies what any folder may hold.
            None => self.pending.push_back(start.to_owned()),
        }
        let mut left = if self.is_copy() { usize::MAX } else { FOLDERS_OF_A_BUCKET };
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
                self.unlisted.outside = true;
                self.pending.clear();
                return;
            }
            if last_part(&folder) == AWS_LOGS {
                let base = folder.strip_suffix('/').and_then(|f| f.strip_suffix(AWS_LOGS));
                self.inside(base.unwrap_or_default().to_owned(), &[]);
            } else if last_part(&folder) == COMPANIONS
                && self.is_copy()
                && self.holds_companions_only(&folder)
            {
                self.unknown(folder, "Companion files of a desktop; they were not checked.");
            } else {
                let folders = self.folders(&folder, false, |_| false);
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
            let listed = self.store.list(&folder, &mut |entry| match entry {
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
        let (mut found, before) = (Vec::new(), self.findings.len());
        let folders = self.folders(folder, true, |_| false);
        self.look_at_objects(before);
        for path in folders {
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

    /// Looks through the accounts that the filter asks for, several at once: each costs some
    /// listings.
    pub(super) fn accounts(&mut self, accounts: Vec<AccountFolder>, only: &[&str]) {
        let wanted = |account: &AccountFolder| self.filter.wants_account(&account.place.account);
        let (accounts, passed_by): (Vec<_>, Vec<_>) = accounts.into_iter().partition(wanted);
        let names = passed_by.iter().map(|account| account.place.account.clone());
        self.passed_over.accounts.extend(names);
        self.passed_by.extend(passed_by);
        self.each_account(&accounts, &|walk, account| walk.account(account, only));
    }

    /// Looks for another `AWSLogs` in the folders of accounts that were not asked for: in a
    /// bucket, where each is a request, only if an account that was asked for was not found.
    fn look_into_passed_by(&mut self) {
        let passed_by = std::mem::take(&mut self.passed_by);
        let found = |account: &AccountId| self.areas.iter().any(|a| a.0.account == *account);
        let all_found = self.filter.accounts.iter().all(found);
        if !self.is_copy() && all_found {
            return;
        }
        self.each_account(&passed_by, &|walk, account| {
            let folders = walk.folders(&account.path, true, |_| false);
            walk.pending.extend(folders.into_iter().filter(|f| last_part(f) == AWS_LOGS));
            // What else lies there was not asked for, nor what cannot be read of it unless what
            // was asked for may be there.
            walk.findings.retain(|f| f.code != Code::ObjectUnknown && !all_found);
            if all_found {
                walk.unlisted = HiddenFolders::default();
            }
        });
    }

    fn each_account(
        &mut self,
        accounts: &[AccountFolder],
        each: &(dyn Fn(&mut Self, &AccountFolder) + Sync),
    ) {
        let share = accounts.len().div_ceil(ACCOUNTS_AT_ONCE).max(1);
        let (store, requests, filter) = (self.store, self.requests, self.filter);
        let parts = std::thread::scope(|scope| {
            let walk = |accounts: &'_ [AccountFolder]| {
                let mut part = Walk::new(store, requests, filter);
                accounts.iter().for_each(|account| each(&mut part, account));
                let Walk { areas, findings, unlisted, pending, passed_over, .. } = part;
                (areas, findings, unlisted, pending, passed_over)
            };
            let threads: Vec<_> = accounts
                .chunks(share)
                .map(|accounts| scope.spawn(move || walk(accounts)))
                .collect();
            threads.into_iter().map(|thread| thread.join().ok()).collect::<Vec<_>>()
        });
        for part in parts {
            match part {
                Some((areas, findings, unlisted, pending, passed_over)) => {
                    self.passed_over.absorb(passed_over);
                    self.areas.extend(areas);
                    self.findings.extend(findings);
                    self.unlisted.absorb(unlisted);
                    self.pending.extend(pending);
                }
                None => {
                    let message = "Searching the accounts failed; this is a bug in trailseal.";
                    self.findings.push(Finding::new(Code::ObjectUnreadable, message));
                    self.unlisted.outside = true;
                }
            }
        }
    }

    fn account(&mut self, account: &AccountFolder, only: &[&str]) {
        let before = self.findings.len();
        let services = self.folders(&account.path, true, |_| false);
        self.look_at_objects(before);
        for service in services {
            let name = last_part(&service);
            match Content::of_folder(name) {
                // Naming the digests' or the logs' folder names the trail: both are looked at.
                Some(content) => {
                    self.regions(&service, &account.place, content, only.get(1).copied());
                }
                None if name == AWS_LOGS => self.pending.push_back(service),
                // Query results of CloudTrail Lake: a sister format, no part of any chain.
                None if name == "CloudTrail-Lake" => {}
                None => self.unknown(
                    service,
                    "A folder that does not belong to CloudTrail; it was not checked.",
                ),
            }
        }
    }

    /// Takes up the regions' folders of a service's folder. Those that turn out not to be readable
    /// are taken up too: what lies in them is not gone.
    pub(super) fn regions(
        &mut self,
        service: &str,
        place: &Place,
        content: Content,
        only: Option<&str>,
    ) {
        let before = self.findings.len();
        let paths = self.folders(service, true, |name| Region::parse(name).is_ok());
        let logs = matches!(content, Content::Logs(_));
        if logs {
            self.look_at_objects(before);
        }
        for path in paths {
            match Region::parse(last_part(&path)) {
                Ok(region)
                    if only.is_none_or(|only| only == region.as_str())
                        && self.filter.wants_region(&region) =>
                {
                    self.areas.push((place.clone(), region, content));
                }
                Ok(region) => drop(self.passed_over.regions.insert(region)),
                Err(_) if logs && self.has_logs(&path) => {}
                Err(_) => self.unknown(path, "A folder that does not belong to a region."),
            }
        }
    }
}

/// True if the folders below an `AWSLogs` are those of a part of it, and not of a prefix that
/// begins like it.
fn is_part(inside: &[&str]) -> bool {
    let inside = match inside {
        [organization, rest @ ..] if OrganizationId::parse(organization).is_ok() => {
            if rest.is_empty() {
                return true;
            }
            rest
        }
        other => other,
    };
    match inside {
        [account, rest @ ..] if AccountId::parse(account).is_ok() => {
            rest.first().is_none_or(|service| Content::of_folder(service).is_some())
        }
        _ => false,
    }
}

/// True if a name is that of a desktop's companion file, which is not a record.
fn is_companion(name: &str) -> bool {
    name.starts_with("._") || matches!(name, ".DS_Store" | "Thumbs.db" | "desktop.ini")
}
