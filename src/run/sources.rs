//! What the sources hold: where `AWSLogs` lies in them, which accounts and regions are there, and
//! which object a bucket's key stands for.
//!
//! A store has its own paths; a bucket has keys. A [`Root`] is one `AWSLogs` folder of a store
//! and translates between the two.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;

use crate::model::key_name::{AWS_LOGS, DIGEST_FOLDER};
use crate::model::time::{add, day_folder, hours, sub};
use crate::model::{
    AccountId, BucketName, Digest, DigestKey, LogKind, Metadata, Place, Region, Window,
};
use crate::store::{Entry, Object, Put, Store, StoreError, UnfinishedCopy};
use crate::verify::digest::Trouble;
use crate::verify::inflate::{AlreadyInflated, inflate};
use crate::verify::unseen::Unseen;
use crate::verify::{Code, Finding, Limits};

use super::date_tree::DateTree;
use super::pool::Stop;
use super::walk::{Content, Walk, is_number, last_part};

/// How many digests of a source are read to learn bucket and prefix: a majority of them decides,
/// so that a few altered ones cannot make all others look misplaced.
const SAMPLES: usize = 15;

/// One `AWSLogs` folder of a store.
#[derive(Clone)]
pub struct Root {
    store: Arc<dyn Store>,
    /// What stands before `AWSLogs` in the store's paths: empty, or ends in `/`.
    base: String,
    /// The bucket that it is a copy of, where that is known.
    pub bucket: Option<BucketName>,
    /// What stands before `AWSLogs` in the bucket's keys: empty, or ends in `/`.
    pub prefix: String,
}

impl Root {
    /// Whether it is a folder of this store.
    #[must_use]
    pub fn is_of(&self, store: &Arc<dyn Store>) -> bool {
        std::ptr::addr_eq(Arc::as_ptr(&self.store), Arc::as_ptr(store))
    }

    /// Whether a path of the store lies in it.
    #[must_use]
    pub fn holds(&self, path: &str) -> bool {
        let inside = path.strip_prefix(&self.base).and_then(|rest| rest.strip_prefix(AWS_LOGS));
        inside.is_some_and(|rest| rest.starts_with('/'))
    }

    /// What is known of the copy that it lies in, where that is not finished.
    #[must_use]
    pub fn unfinished(&self) -> Option<UnfinishedCopy> {
        self.store.unfinished(&self.base)
    }

    /// The path of a bucket's key in the store.
    pub fn path(&self, key: &str) -> Option<String> {
        let rest = key.strip_prefix(&self.prefix)?;
        rest.strip_prefix(AWS_LOGS)?.starts_with('/').then(|| format!("{}{rest}", self.base))
    }

    /// The bucket's key of a path in the store.
    #[must_use]
    pub fn key(&self, path: &str) -> String {
        format!("{}{}", self.prefix, path.strip_prefix(&self.base).unwrap_or(path))
    }
}

/// An account's and region's folders: where digests and the log files that they list meet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AreaId {
    /// The bucket, where it is known.
    pub bucket: Option<BucketName>,
    /// Prefix, organization and account.
    pub place: Place,
    /// The region.
    pub region: Region,
}

impl AreaId {
    /// The bucket that an entry's log file is looked up in: one that the copy does not tell is
    /// the same for all.
    #[must_use]
    pub fn bucket_of<'a>(&self, named: &'a str) -> &'a str {
        if self.bucket.is_some() { named } else { "" }
    }
}

/// What was found of an area.
#[derive(Debug, Clone, Default)]
pub struct Area {
    /// The roots that hold a part of it, by number.
    roots: BTreeSet<usize>,
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

/// What is looked for; empty for all.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter<'a> {
    /// Only these accounts.
    pub accounts: &'a [AccountId],
    /// Only these regions.
    pub regions: &'a [Region],
    /// Ends the looking early.
    pub stop: Option<&'a Stop>,
}

/// The sources of a run.
#[derive(Default)]
pub struct Sources {
    roots: Vec<Root>,
    /// The areas, in the order of reports.
    pub areas: BTreeMap<AreaId, Area>,
    requests: AtomicU64,
}

/// What the user insists on, where a copy's own digests need not be asked.
#[derive(Debug, Clone, Default)]
pub struct Insisted {
    /// The bucket.
    pub bucket: Option<BucketName>,
    /// The prefix, empty or ending in `/`.
    pub prefix: Option<String>,
}

impl Sources {
    /// Walks stores for `AWSLogs` folders and what lies in them; what cannot be listed, and what
    /// no form explains, becomes a finding.
    #[must_use]
    pub fn discover(
        stores: &[(Arc<dyn Store>, String)],
        insisted: &Insisted,
        filter: Filter<'_>,
        findings: &mut Vec<Finding>,
    ) -> Self {
        let mut sources = Self::default();
        for (store, start) in stores {
            let mut walk = Walk::new(store, &sources.requests, filter);
            walk.below(start);
            let Walk { bases, areas, findings: found, .. } = walk;
            findings.extend(found);
            for base in bases {
                let local: Vec<_> = areas.iter().filter(|a| a.0.prefix == base).collect();
                sources.add_root(store, base.clone(), &local, insisted);
            }
        }
        sources
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
        let root = Root { store, base, bucket: Some(bucket), prefix };
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
        let found = self.roots.iter().find_map(|root| Some((root, root.path(key)?)));
        found.ok_or(StoreError::NotFound)
    }

    fn add_root(
        &mut self,
        store: &Arc<dyn Store>,
        base: String,
        areas: &[&(Place, Region, Content)],
        insisted: &Insisted,
    ) {
        let number = self.roots.len();
        // A bucket knows its name; a copy's digests tell it.
        let (bucket, prefix) = match store.bucket() {
            Some(bucket) => (Some(bucket.clone()), base.clone()),
            None => self.infer(store, &base, areas),
        };
        let root = Root {
            store: store.clone(),
            bucket: insisted.bucket.clone().or(bucket),
            prefix: insisted.prefix.clone().unwrap_or(prefix),
            base,
        };
        for (place, region, content) in areas {
            let id = AreaId {
                bucket: root.bucket.clone(),
                place: Place { prefix: root.prefix.clone(), ..place.clone() },
                region: region.clone(),
            };
            let area = self.areas.entry(id).or_default();
            area.roots.insert(number);
            match content {
                Content::Digests => area.digests = true,
                Content::Logs(kind) => {
                    area.kinds.insert(*kind);
                }
            }
        }
        self.roots.push(root);
    }

    /// Learns bucket and prefix from what digests say of themselves. Not trust: a digest that
    /// says otherwise than the rest is found to be misplaced, and the report shows the bucket.
    fn infer(
        &self,
        store: &Arc<dyn Store>,
        base: &str,
        areas: &[&(Place, Region, Content)],
    ) -> (Option<BucketName>, String) {
        let with_digests = areas.iter().filter(|a| a.2 == Content::Digests);
        let mut votes: BTreeMap<(String, String), usize> = BTreeMap::new();
        let mut read = 0;
        for (place, region, _) in with_digests {
            let folder = format!("{}{DIGEST_FOLDER}/{region}/", place.folder());
            let mut paths = Vec::new();
            self.days(store, &folder, Window::ALL, &mut |day| {
                if paths.len() < SAMPLES {
                    let _ = store.list(&day, &mut |entry| {
                        if let Entry::Object { key, .. } = entry
                            && paths.len() < SAMPLES
                            && DigestKey::parse(&key).is_some()
                        {
                            paths.push(key);
                        }
                    });
                }
            });
            // Several from each area, so that one area cannot outvote the rest by being first.
            for path in paths.iter().take(5.max(SAMPLES / areas.len().max(1))) {
                let Some(digest) = read_digest(&**store, path) else { continue };
                let rest = path.strip_prefix(base).unwrap_or(path);
                if let Some(prefix) = digest.object.strip_suffix(rest) {
                    *votes.entry((digest.bucket, prefix.to_owned())).or_default() += 1;
                    read += 1;
                }
            }
            if read >= SAMPLES {
                break;
            }
        }
        let by_votes = |((_, prefix), n): &(&(String, String), &usize)| (**n, *prefix == base);
        match votes.iter().max_by_key(by_votes) {
            Some(((bucket, prefix), _)) => (BucketName::parse(bucket).ok(), prefix.clone()),
            None => (None, base.to_owned()),
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
        area.roots.iter().filter_map(|n| self.roots.get(*n)).all(|root| root.store.knows_delivery())
    }

    /// The buckets that the sources are copies of.
    pub fn roots(&self) -> impl Iterator<Item = &Root> {
        self.roots.iter()
    }

    /// Opens the object of a bucket's key: `None` when no source holds that bucket and prefix.
    pub fn get(&self, bucket: Option<&str>, key: &str) -> Option<Result<Object, StoreError>> {
        let mut result = None;
        for root in &self.roots {
            let here = match (&root.bucket, bucket) {
                (Some(root), Some(bucket)) => root.as_str() == bucket,
                _ => true,
            };
            let Some(path) = root.path(key).filter(|_| here) else { continue };
            self.requests.fetch_add(1, Ordering::Relaxed);
            match root.store.get(&path) {
                Err(StoreError::NotFound) => {
                    result.get_or_insert(Err(StoreError::NotFound));
                }
                other => return Some(other),
            }
        }
        result
    }

    /// Lists the objects of an area under a service folder: those in the folders of these days, of
    /// their months and years, in the region's own folder and in folders below these that are no
    /// date's. What cannot be listed or read is returned, with the folders that are no date's.
    pub fn objects(
        &self,
        id: &AreaId,
        area: &Area,
        service: &str,
        days: Window,
        each: &mut dyn FnMut(Found),
    ) -> Unseen {
        let mut unseen = Unseen::default();
        for root in area.roots.iter().filter_map(|n| self.roots.get(*n)) {
            let place = Place { prefix: root.base.clone(), ..id.place.clone() };
            let folder = format!("{}{service}/{}/", place.folder(), id.region);
            let (store, requests) = (&*root.store, &self.requests);
            DateTree { store, requests, folder: &folder, days }.list(&mut |entry, folder| {
                match entry {
                    Entry::Object { key, size, modified, md5 } => {
                        each(Found { key: root.key(&key), size, modified, folder, md5 });
                    }
                    Entry::Unreadable { key, cause } => {
                        let bucket = root.bucket.as_ref().map(BucketName::as_str);
                        let message = format!("It could not be read or listed: {cause}.");
                        let finding = Finding::new(Code::ObjectUnreadable, message);
                        unseen.add(finding.object(bucket, root.key(&key)), folder);
                    }
                    Entry::Folder(key) => {
                        let bucket = root.bucket.as_ref().map(BucketName::as_str);
                        let message = "A folder where none is expected.";
                        let finding = Finding::new(Code::ObjectUnknown, message);
                        unseen.note(finding.object(bucket, root.key(&key)));
                    }
                }
            });
        }
        unseen
    }

    /// Calls `each` with the day folders below a region's folder that lie in a window of days, in
    /// order; returns what else lies on the way.
    fn days(
        &self,
        store: &Arc<dyn Store>,
        folder: &str,
        window: Window,
        each: &mut dyn FnMut(String),
    ) -> Vec<Entry> {
        if let Some(days) = few_days(window) {
            days.into_iter().for_each(|day| each(format!("{folder}{day}/")));
            return Vec::new();
        }
        let mut stray = Vec::new();
        let mut level = vec![folder.to_owned()];
        let bounds = (bound(window.start), bound(window.end));
        for digits in [4, 2, 2] {
            let mut next = BTreeSet::new();
            for parent in level {
                self.requests.fetch_add(1, Ordering::Relaxed);
                let listed = store.list(&parent, &mut |entry| match entry {
                    Entry::Folder(key)
                        if last_part(&key).len() == digits && is_number(last_part(&key)) =>
                    {
                        let date =
                            key.strip_prefix(folder).unwrap_or_default().trim_end_matches('/');
                        let (from, to) = &bounds;
                        let n = date.len();
                        if from.get(..n).is_none_or(|from| date >= from)
                            && to.get(..n).is_none_or(|to| date <= to)
                        {
                            next.insert(key);
                        }
                    }
                    other => stray.push(other),
                });
                match listed {
                    Ok(()) | Err(StoreError::NotFound) => {}
                    Err(error) => {
                        stray.push(Entry::Unreadable { key: parent, cause: error.to_string() });
                    }
                }
            }
            level = next.into_iter().collect();
        }
        for day in level {
            each(day);
        }
        stray
    }
}

/// The days of a window, where they are so few that asking for each is cheaper than finding out
/// which there are.
fn few_days(window: Window) -> Option<Vec<String>> {
    const FEW: i64 = 40;
    let days = window.seconds() / 86_400 + 2;
    (days <= FEW).then(|| {
        let mut folders: Vec<_> = (0..days)
            .map(|n| add(window.start, hours(24 * n)).min(window.end))
            .map(day_folder)
            .collect();
        folders.dedup();
        folders
    })
}

/// A day as `YYYY/MM/DD`, for comparing folder names; empty where there is no bound.
fn bound(time: Timestamp) -> String {
    if time == Timestamp::MIN || time == Timestamp::MAX { String::new() } else { day_folder(time) }
}

/// The days whose folders may hold what belongs to a window: those of the window and one on each
/// side.
#[must_use]
pub fn days_around(start: Option<Timestamp>, end: Option<Timestamp>) -> Window {
    let start = start.map_or(Timestamp::MIN, |t| sub(t, hours(24)));
    let end = end.map_or(Timestamp::MAX, |t| add(t, hours(24)));
    Window::new(start, end)
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

/// Reads a digest just far enough to learn what it says of itself.
fn read_digest(store: &dyn Store, path: &str) -> Option<Digest> {
    let mut object = store.get(path).ok()?;
    let mut bytes = Vec::new();
    inflate(&mut object.body, Limits::default().digest, AlreadyInflated::Accept, &mut |from| {
        let _ = from.read_to_end(&mut bytes);
    })
    .ok()?;
    Digest::decode(&bytes).ok()
}
