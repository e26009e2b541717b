//! What the sources hold: where `AWSLogs` lies in them, which accounts and regions are there, and
//! which object a bucket's key stands for.
//!
//! A store has its own paths; a bucket has keys. A [`Root`] is one `AWSLogs` folder of a store
//! and translates between the two.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;

use crate::model::key_name::DIGEST_FOLDER;
use crate::model::metadata::SIDECAR_SUFFIX;
use crate::model::time::{hours, sub};
use crate::model::{
    AccountId, AreaId, BucketName, DigestKey, LogEntry, LogKind, Metadata, Place, Region,
    Sha256Hash, Window,
};
use crate::store::{Body, Entry, Object, Put, Store, StoreError, UnfinishedCopy};
use crate::verify::digest::{Location, Rules, StoredObject, Trouble};
use crate::verify::listing::Listing;
use crate::verify::read_again::read_again;
use crate::verify::{Code, Finding};

use super::date_tree::DateTree;
pub use super::filter::{Filter, Selection};
pub use crate::judge::Excluded;
pub use crate::judge::plan::days_around;
pub use crate::judge::survey::Insisted;
use crate::judge::survey::{DayRange, LogsRoot, RegionFolder, Service, StoreSurvey};
use crate::judge::{HiddenFolders, PassedOver, Survey};
use crate::verify::unfinished::Unfinished;

/// One `AWSLogs` folder of a store, or a folder below one where a copy begins there.
#[derive(Clone)]
pub struct Root {
    pub(super) store: Arc<dyn Store>,
    /// Its path, and what it stands for.
    pub logs: LogsRoot,
}

impl Root {
    /// Whether it is a folder of this store.
    #[must_use]
    pub fn is_of(&self, store: &Arc<dyn Store>) -> bool {
        std::ptr::addr_eq(Arc::as_ptr(&self.store), Arc::as_ptr(store))
    }

    /// Unfinished copy that it lies in, if any.
    #[must_use]
    pub fn unfinished(&self) -> Option<UnfinishedCopy> {
        self.store.unfinished(&self.logs.at)
    }
}

/// Content of an area.
#[derive(Debug, Clone, Default)]
pub struct Area {
    /// The roots that hold a part of it, by number.
    pub(super) roots: BTreeSet<usize>,
    /// Whether there is a folder of digests.
    pub digests: bool,
    /// The kinds of log files that there are folders of.
    pub kinds: BTreeSet<LogKind>,
}

impl Area {
    /// Whether more than one root holds a part of it, so that objects may be there twice.
    #[must_use]
    pub fn in_parts(&self) -> bool {
        self.roots.len() > 1
    }
}

/// An object found by listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its key in the bucket.
    pub key: String,
    /// Its size as stored.
    pub size: u64,
    /// When it was written, as far as the store knows.
    pub modified: Option<Timestamp>,
    /// Its MD5, as far as the store may know it.
    pub md5: Option<[u8; 16]>,
    /// The time that its folder's date stands for: a day, a month or a year, and all of time in a
    /// region's own folder.
    pub folder: Window,
}

/// The sources of a run.
#[derive(Default)]
pub struct Sources {
    roots: Vec<Root>,
    /// The areas, in the order of reports.
    pub areas: BTreeMap<AreaId, Area>,
    /// Buckets that are read themselves, each from a prefix on: what is not there is gone, even
    /// where no root is left to hold it.
    buckets: Vec<(Arc<dyn Store>, String)>,
    requests: AtomicU64,
    unlisted: HiddenFolders,
    findings: Vec<Finding>,
    /// Accounts and regions beside those that were looked for.
    passed_over: PassedOver,
    /// Reach of the copies, for each account and region that was asked about.
    pub(super) reaches: Mutex<BTreeMap<(AccountId, Region), Option<DayRange>>>,
}

impl Sources {
    /// Adds what the survey of a store found, from a folder on.
    pub(super) fn add_store(&mut self, store: &Arc<dyn Store>, start: &str, survey: StoreSurvey) {
        if store.bucket().is_some() && store.profile().is_bucket() {
            self.buckets.push((store.clone(), start.to_owned()));
        }
        self.passed_over.absorb(survey.passed_over);
        self.unlisted.absorb(survey.hidden);
        self.findings.extend(survey.findings);
        Finding::sort(&mut self.findings);
        for (logs, areas) in survey.roots {
            self.add_root(Root { store: store.clone(), logs }, areas);
        }
    }

    /// Counts requests that were made before the sources were there.
    pub(super) fn count_requests(&self, made: u64) {
        self.requests.fetch_add(made, Ordering::Relaxed);
    }

    /// Takes up trouble with sources that could not be opened.
    pub fn add_findings(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.findings.extend(findings);
    }

    /// Findings of the survey: what cannot be listed, and what no form explains.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// One place of one store, which need not hold anything yet: for sealing.
    #[must_use]
    pub fn of_place(
        store: Arc<dyn Store>,
        base: String,
        bucket: BucketName,
        place: Place,
        region: Region,
    ) -> Self {
        let prefix = place.prefix.clone();
        let kinds = LogKind::ALL.into_iter().collect();
        let area = Area { roots: BTreeSet::from([0]), digests: true, kinds };
        let id = AreaId { bucket: Some(bucket.clone()), place, region };
        let root = Root { store, logs: LogsRoot::below(&base, Some(bucket), prefix) };
        Self { roots: vec![root], areas: BTreeMap::from([(id, area)]), ..Self::default() }
    }

    /// Puts a new object where the first root that holds the key keeps it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put_new(&self, key: &str, body: &[u8], metadata: &Metadata) -> Result<Put, StoreError> {
        let (root, path) = self.root_of(key)?;
        root.store.put_new(&path, body, metadata)
    }

    fn root_of(&self, key: &str) -> Result<(&Root, String), StoreError> {
        let found = self.roots.iter().find_map(|root| Some((root, root.logs.path(key)?)));
        found.ok_or(StoreError::NotFound)
    }

    fn add_root(&mut self, root: Root, areas: Vec<RegionFolder>) {
        let number = self.roots.len();
        for (place, region, service) in areas {
            let id = AreaId {
                bucket: root.logs.bucket.clone(),
                place: Place { prefix: root.logs.prefix.clone(), ..place },
                region,
            };
            let area = self.areas.entry(id).or_default();
            area.roots.insert(number);
            match service {
                Service::Digests => area.digests = true,
                Service::Logs(kind) => drop(area.kinds.insert(kind)),
            }
        }
        self.roots.push(root);
    }

    /// Where a service's folder could not be listed, its regions' folders may be there all the
    /// same: they are asked for by name.
    pub(super) fn take_up_what_could_not_be_listed(&mut self) {
        let unlisted = &self.unlisted;
        for (id, area) in &mut self.areas {
            area.digests |= unlisted.may_hide(id, DIGEST_FOLDER);
            let kinds = LogKind::ALL.into_iter().filter(|k| unlisted.may_hide(id, k.folder()));
            area.kinds.extend(kinds);
        }
    }

    /// Survey of the sources, taken at a time.
    #[must_use]
    pub fn survey(&self, taken: Timestamp) -> Survey {
        let of_root = |root: &Root| {
            let bucket = root.logs.bucket.as_ref().map(ToString::to_string);
            let copy = root.unfinished()?;
            Some(Unfinished { marker: copy.marker, bucket, failed: copy.failed })
        };
        Survey {
            areas: self.areas.keys().cloned().collect(),
            any_logs_folder: !self.roots.is_empty(),
            passed_over: self.passed_over.clone(),
            hidden: self.unlisted.clone(),
            unfinished: self.roots.iter().filter_map(of_root).collect(),
            findings: self.findings.clone(),
            taken,
        }
    }

    /// How many requests were made to the stores: as they count themselves, or folders listed and
    /// objects read.
    #[must_use]
    pub fn requests(&self) -> u64 {
        let counted: u64 = self.roots.iter().filter_map(|root| root.store.requests()).sum();
        if counted > 0 { counted } else { self.requests.load(Ordering::Relaxed) }
    }

    /// Whether the times of an area's objects are those of their delivery.
    #[must_use]
    pub fn knows_delivery(&self, area: &Area) -> bool {
        self.roots_of(area).all(|root| root.store.profile().knows_delivery())
    }

    /// Whether what an area lacks is gone, and not only never copied.
    #[must_use]
    pub(super) fn absence_is_certain(&self, area: &Area) -> bool {
        self.roots_of(area).all(|root| root.store.profile().is_bucket())
    }

    /// The roots that hold a part of an area.
    pub(super) fn roots_of<'a>(&'a self, area: &'a Area) -> impl Iterator<Item = &'a Root> {
        area.roots.iter().filter_map(|n| self.roots.get(*n))
    }

    /// The buckets that the sources are copies of.
    pub fn roots(&self) -> impl Iterator<Item = &Root> {
        self.roots.iter()
    }

    /// Opens the object of a bucket's key: `None` when no source holds that bucket and prefix.
    pub fn get(&self, bucket: Option<&str>, key: &str) -> Option<Result<Object, StoreError>> {
        self.open(bucket, key, |store, path| store.get(path))
    }

    /// Opens it for its bytes alone.
    pub fn get_body(&self, bucket: Option<&str>, key: &str) -> Option<Result<Body, StoreError>> {
        self.open(bucket, key, |store, path| store.get_body(path))
    }

    fn open<T>(
        &self,
        bucket: Option<&str>,
        key: &str,
        open: impl Fn(&dyn Store, &str) -> Result<T, StoreError>,
    ) -> Option<Result<T, StoreError>> {
        let mut result = None;
        for root in &self.roots {
            let here = match (&root.logs.bucket, bucket) {
                (Some(root), Some(bucket)) => root.as_str() == bucket,
                _ => true,
            };
            let Some(path) = root.logs.path(key).filter(|_| here) else { continue };
            self.requests.fetch_add(1, Ordering::Relaxed);
            match open(&*root.store, &path) {
                Err(StoreError::NotFound) => {
                    result.get_or_insert(Err(StoreError::NotFound));
                }
                other => return Some(other),
            }
        }
        result.or_else(|| {
            let store = self.bucket_outside(bucket?, key)?;
            self.requests.fetch_add(1, Ordering::Relaxed);
            Some(open(store, key))
        })
    }

    /// The store of a bucket that is read itself, for a key outside of all roots.
    fn bucket_outside(&self, bucket: &str, key: &str) -> Option<&dyn Store> {
        let holds = |(store, start): &&(Arc<dyn Store>, String)| {
            store.bucket().is_some_and(|own| own.as_str() == bucket) && key.starts_with(&**start)
        };
        self.buckets.iter().find(holds).map(|(store, _)| &**store)
    }

    /// Lists the objects of an area under a service folder: those in the folders of these days, of
    /// their months and years, in the region's own folder and in folders below these that are no
    /// date's. What cannot be listed or read goes into the listing, with the folders that are no
    /// date's.
    pub fn objects<T>(
        &self,
        (id, area): (&AreaId, &Area),
        (service, days): (&str, Window),
        listing: &mut Listing<T>,
        each: &mut dyn FnMut(&mut T, Found),
    ) {
        listing.add(|content, unseen| {
            for root in area.roots.iter().filter_map(|n| self.roots.get(*n)) {
                let folder = format!("{}{service}/{}/", id.place.folder(), id.region);
                // A copy may begin below one of its services.
                let Some(folder) = root.logs.path(&folder) else { continue };
                let (store, requests) = (&*root.store, &self.requests);
                DateTree { store, requests, folder: &folder, days }.list(&mut |entry, folder| {
                    match entry {
                        Entry::Object { key, size, modified, md5 } => {
                            each(
                                content,
                                Found { key: root.logs.key(&key), size, modified, folder, md5 },
                            );
                        }
                        Entry::Unreadable { key, cause } => {
                            let bucket = root.logs.bucket.as_ref().map(BucketName::as_str);
                            let message = format!("It could not be read or listed: {cause}.");
                            let finding = Finding::new(Code::ObjectUnreadable, message);
                            let key = root.logs.key(&key);
                            let finding = finding.object(bucket, &*key);
                            // A digest's name tells the end of the time that it hides; beside one that
                            // is there, metadata hide nothing.
                            match DigestKey::parse(&key) {
                                Some(name) => {
                                    unseen.add(
                                        finding,
                                        Window::new(sub(name.end, hours(1)), name.end),
                                    );
                                }
                                None if key.ends_with(SIDECAR_SUFFIX) => unseen.note(finding),
                                None => unseen.add(finding, folder),
                            }
                        }
                        Entry::Folder(key) => {
                            let bucket = root.logs.bucket.as_ref().map(BucketName::as_str);
                            let message = "Unexpected folder.";
                            let finding = Finding::new(Code::ObjectUnknown, message);
                            unseen.note(finding.object(bucket, root.logs.key(&key)));
                        }
                    }
                });
            }
        });
    }
}

/// Trouble in the words of a finding.
#[must_use]
pub fn as_trouble(error: &StoreError) -> Trouble {
    let code = match error {
        StoreError::Archived(_) => Code::ObjectArchived,
        _ => Code::ObjectUnreadable,
    };
    Trouble { code, cause: error.to_string() }
}

/// An object as the verifier takes it.
#[must_use]
pub fn stored(object: Object) -> StoredObject<'static> {
    let metadata = object.metadata.map_err(Trouble::unreadable);
    StoredObject { body: object.body, metadata }
}

/// Opens a digest that was listed: that it is not there is trouble.
///
/// # Errors
/// Reason for which it could not be opened.
pub fn open_digest(sources: &Sources, at: &Location) -> Result<StoredObject<'static>, Trouble> {
    match sources.get(at.bucket.as_ref().map(BucketName::as_str), &at.key) {
        Some(Ok(object)) => Ok(stored(object)),
        Some(Err(StoreError::NotFound)) | None => {
            Err(Trouble::unreadable("it was listed, but no longer exists: the source is changing"))
        }
        Some(Err(error)) => Err(as_trouble(&error)),
    }
}

/// Reads a digest again and hands over the log files that it lists. These are what the first
/// reading saw only if no trouble follows.
///
/// # Errors
/// When it cannot be read any more, or is another object by now.
pub fn read_digest_again(
    sources: &Sources,
    rules: &Rules,
    at: &Location,
    first: Sha256Hash,
    each: &mut dyn FnMut(LogEntry),
) -> Result<(), Trouble> {
    read_again(rules, open_digest(sources, at), first, each)
}
