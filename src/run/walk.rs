//! The walk through a store: where `AWSLogs` lies in it, and which accounts, regions and kinds of
//! files are there. In the store's own paths; nothing is read but listings.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::model::key_name::{AWS_LOGS, DIGEST_FOLDER};
use crate::model::{AccountId, LogKind, OrganizationId, Place, Region};
use crate::store::{Entry, Store};
use crate::verify::{Code, Finding};

use super::pool::Stop;
use super::sources::Filter;

/// How many accounts are looked through at once.
const ACCOUNTS_AT_ONCE: usize = 16;
/// How many folders of a bucket are looked through for `AWSLogs`: each is a request, and a bucket
/// may hold anything beside it. The nearest ones come first.
const FOLDERS_OF_A_BUCKET: usize = 500;

pub(super) fn last_part(key: &str) -> &str {
    let key = key.strip_suffix('/').unwrap_or(key);
    key.rsplit_once('/').map_or(key, |(_, last)| last)
}

pub(super) fn is_number(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// What a region's folder holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Digests,
    Logs(LogKind),
}

/// One store's walk, in the store's own paths.
pub(super) struct Walk<'a> {
    store: &'a Arc<dyn Store>,
    requests: &'a AtomicU64,
    filter: Filter<'a>,
    pub(super) bases: Vec<String>,
    pub(super) areas: Vec<(Place, Region, Content)>,
    pub(super) findings: Vec<Finding>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        store: &'a Arc<dyn Store>,
        requests: &'a AtomicU64,
        filter: Filter<'a>,
    ) -> Self {
        let (bases, areas, findings) = (Vec::new(), Vec::new(), Vec::new());
        Self { store, requests, filter, bases, areas, findings }
    }

    /// Lists a folder's folders; what cannot be listed becomes a finding.
    fn folders(&mut self, folder: &str, inside_logs: bool) -> Vec<String> {
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
            others.push(Entry::Unreadable { key: folder.to_owned(), cause: error.to_string() });
        }
        for other in others {
            match other {
                Entry::Unreadable { key, cause } => {
                    let message = format!("It could not be read or listed: {cause}.");
                    self.findings
                        .push(Finding::new(Code::ObjectUnreadable, message).object(None, key));
                }
                Entry::Object { key, size, .. } if inside_logs && !(size == 0 && key == folder) => {
                    self.unknown(key, "An object where none is expected.");
                }
                _ => {}
            }
        }
        folders.sort();
        folders
    }

    fn unknown(&mut self, key: String, message: &str) {
        self.findings.push(Finding::new(Code::ObjectUnknown, message).object(None, key));
    }

    /// Looks for `AWSLogs` at any depth. The start may lie inside of one.
    pub(super) fn below(&mut self, start: &str) {
        let parts: Vec<&str> = start.trim_end_matches('/').split('/').collect();
        if let Some(at) = parts.iter().rposition(|part| *part == AWS_LOGS)
            && at + 1 < parts.len()
        {
            let (before, inside) = parts.split_at(at);
            let base = before.iter().fold(String::new(), |base, part| base + part + "/");
            self.inside(base, inside.get(1..).unwrap_or_default());
            return;
        }
        let mut pending = VecDeque::from([start.to_owned()]);
        let mut left = match self.store.bucket() {
            Some(_) => FOLDERS_OF_A_BUCKET,
            None => usize::MAX,
        };
        while let Some(folder) = pending.pop_front() {
            left -= 1;
            if left == 0 {
                let message = format!(
                    "There are more than {FOLDERS_OF_A_BUCKET} folders to look through for AWSLogs: name the prefixes that hold one as sources (s3://BUCKET/PREFIX)."
                );
                let finding = Finding::new(Code::ObjectUnreadable, message);
                self.findings.push(finding.object(None, start));
                return;
            }
            if last_part(&folder) == AWS_LOGS {
                let base = folder.strip_suffix('/').and_then(|f| f.strip_suffix(AWS_LOGS));
                self.inside(base.unwrap_or_default().to_owned(), &[]);
                // A prefix may hold AWSLogs too: look for another one below.
                pending.extend(self.nested(&folder));
            } else {
                pending.extend(self.folders(&folder, false));
            }
        }
    }

    /// Folders of an `AWSLogs` that are neither an account's nor an organization's.
    fn nested(&mut self, logs: &str) -> Vec<String> {
        let mut others = Vec::new();
        let _ = self.store.list(logs, &mut |entry| {
            if let Entry::Folder(key) = entry {
                let name = last_part(&key);
                if AccountId::parse(name).is_err() && OrganizationId::parse(name).is_err() {
                    others.push(key);
                }
            }
        });
        others
    }

    /// Reads one `AWSLogs`; `only` are the folders below it that the user named.
    fn inside(&mut self, base: String, only: &[&str]) {
        let logs = format!("{base}{AWS_LOGS}/");
        let mut only = only.iter();
        let first = only.next();
        let (organization, account_only) = match first.map(|f| OrganizationId::parse(f)) {
            Some(Ok(organization)) => (Some(Some(organization)), only.next()),
            Some(Err(_)) => (Some(None), first),
            None => (None, None),
        };
        let mut places = Vec::new();
        if organization.is_none() || account_only.is_none() {
            let folder = match &organization {
                Some(Some(organization)) => format!("{logs}{organization}/"),
                _ => logs.clone(),
            };
            for child in self.folders(&folder, true) {
                let name = last_part(&child).to_owned();
                if let Ok(account) = AccountId::parse(&name) {
                    places.push((organization.clone().flatten(), account));
                } else if let (None, Ok(found)) = (&organization, OrganizationId::parse(&name)) {
                    for account in self.folders(&child, true) {
                        match AccountId::parse(last_part(&account)) {
                            Ok(account) => places.push((Some(found.clone()), account)),
                            Err(_) => self.unknown(account, "A folder that is no account's."),
                        }
                    }
                }
            }
        } else if let Some(account) = account_only.and_then(|a| AccountId::parse(a).ok()) {
            places.push((organization.flatten(), account));
        }
        let wanted = |account: &AccountId| {
            self.filter.accounts.is_empty() || self.filter.accounts.contains(account)
        };
        let places: Vec<_> = places
            .into_iter()
            .filter(|(_, account)| wanted(account))
            .map(|(organization, account)| Place { prefix: base.clone(), organization, account })
            .collect();
        self.accounts(&places, only.as_slice());
        self.bases.push(base);
    }

    /// Looks through accounts, several at once: each costs some listings.
    fn accounts(&mut self, places: &[Place], only: &[&str]) {
        let share = places.len().div_ceil(ACCOUNTS_AT_ONCE).max(1);
        let (store, requests, filter) = (self.store, self.requests, self.filter);
        let parts = std::thread::scope(|scope| {
            let walk = |places: &'_ [Place]| {
                let mut part = Walk::new(store, requests, filter);
                for place in places {
                    part.account(place, only);
                }
                (part.areas, part.findings)
            };
            let threads: Vec<_> =
                places.chunks(share).map(|places| scope.spawn(move || walk(places))).collect();
            threads.into_iter().map(|thread| thread.join().ok()).collect::<Vec<_>>()
        });
        for part in parts {
            match part {
                Some((areas, findings)) => {
                    self.areas.extend(areas);
                    self.findings.extend(findings);
                }
                None => {
                    let message = "Looking through accounts failed; this is a bug in trailseal.";
                    self.findings.push(Finding::new(Code::ObjectUnreadable, message));
                }
            }
        }
    }

    fn account(&mut self, place: &Place, only: &[&str]) {
        let wanted = |part: Option<&&str>, name: &str| part.is_none_or(|part| *part == name);
        for service in self.folders(&place.folder(), true) {
            let name = last_part(&service).to_owned();
            let content = match LogKind::of_folder(&name) {
                Some(kind) => Content::Logs(kind),
                None if name == DIGEST_FOLDER => Content::Digests,
                // Query results of CloudTrail Lake: a sister format, no part of any chain.
                None if name == "CloudTrail-Lake" => continue,
                None => {
                    self.unknown(
                        service,
                        "A folder that is not CloudTrail's: it is not looked at.",
                    );
                    continue;
                }
            };
            // Naming the digests' or the logs' folder names the trail: both are looked at.
            for region in self.folders(&service, true) {
                match Region::parse(last_part(&region)) {
                    Ok(name)
                        if wanted(only.get(1), name.as_str())
                            && (self.filter.regions.is_empty()
                                || self.filter.regions.contains(&name)) =>
                    {
                        self.areas.push((place.clone(), name, content));
                    }
                    Ok(_) => {}
                    Err(_) => self.unknown(region, "A folder that is no region's."),
                }
            }
        }
    }
}
