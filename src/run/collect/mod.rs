//! The collecting run: copies digests, log files and their metadata into a directory, so that the
//! copy proves offline what the source proves.
//!
//! The source is hostile: its names are checked before they become paths, nothing is ever written
//! over, each object is bounded, and what a digest lists only decides which folders are listed
//! too. Trouble with one object is reported and holds up no other; a full disk ends the run.
//! Memory holds the listing of one area; bodies pass through it in pieces.

mod lists;
mod object;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io;
use std::num::NonZero;
use std::sync::Arc;

use jiff::Timestamp;

use self::object::{CopiedObject, Copier, CopyJob, CopyOutcome, key_refusal, path_refusal};
use super::observe::{Observer, RunEvent};
use super::pool::{JobError, JobHandle, Pool, Stop};
use super::sources::{Area, Excluded, Filter, Found, Insisted, Selection, Sources, days_around};
use crate::model::key_name::{AWS_LOGS, DIGEST_FOLDER};
use crate::model::time::{add, day_folder, hours, parse_compact_minutes};
use crate::model::{
    AccountId, AreaId, DigestKey, LogKey, LogKind, Region, Sha256Hash, TrailName, Window,
};
use crate::store::{Entry, Store};
use crate::verify::completeness::Listed;
use crate::verify::listing::Listing;
use crate::verify::{Code, Finding, Limits};

/// Objects in progress per worker, so that waiting for the network blocks nothing.
const AHEAD: usize = 4;
/// Days after the time in its name until which a log file may be listed, and one more.
const LATEST_LISTING_DAYS: i64 = 31;

/// Request to copy.
#[derive(Debug, Clone)]
pub struct CollectRequest {
    /// The start of the time that the copy is to prove; `None` for all there is.
    pub start: Option<Timestamp>,
    /// Its end; `None` for all there is.
    pub end: Option<Timestamp>,
    /// Accounts that are copied; empty for all.
    pub accounts: Vec<AccountId>,
    /// Regions that are copied; empty for all.
    pub regions: Vec<Region>,
    /// Accounts and regions that are left out.
    pub excluded: Excluded,
    /// Trails of which an account and region must have digests to be copied; empty for all. Digests
    /// of other trails there are copied too: they show whose the log files are.
    pub trails: Vec<TrailName>,
    /// True if log files are copied too.
    pub logs: bool,
    /// Number of objects copied in parallel.
    pub jobs: NonZero<usize>,
    /// Limits on what is read.
    pub limits: Limits,
    /// Ends the run early.
    pub stop: Stop,
}

/// Result of copying.
#[derive(Debug, Clone, Default)]
pub struct CollectReport {
    /// Digests copied.
    pub digests: u64,
    /// Log files copied.
    pub logs: u64,
    /// Objects whose metadata was written, also beside a file that was there without it.
    pub metadata: u64,
    /// Bytes copied.
    pub bytes: u64,
    /// Objects that were there already.
    pub already_there: u64,
    /// Objects that could not be copied, by key, with the cause.
    pub failed: Vec<(String, String)>,
    /// Objects that the target lacks because of that, by key, and as folders that end in `/`:
    /// another run may copy it.
    pub lacking: BTreeSet<String>,
    /// Objects and folders beside the trails, which are not copied.
    pub left_out: Vec<String>,
    /// The regions that digests were found of.
    pub regions: BTreeSet<Region>,
    /// End of the first of the digests.
    pub first_digest: Option<Timestamp>,
    /// Reason for which nothing more could be written, where that ended the run.
    pub full: Option<String>,
}

/// Error that prevents copying.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    /// Several buckets in the source: one directory cannot hold the keys of two.
    #[error("the source contains copies of several buckets: {}", .0.join(", "))]
    SeveralBuckets(Vec<String>),
    /// No threads to work with.
    #[error("no worker thread can be started: {0}")]
    Threads(#[from] io::Error),
    /// The observer failed; what was copied until then is whole.
    #[error("the run cannot be observed: {0}")]
    Observer(io::Error),
}

/// Copies what the stores hold into the target, under the keys that it has in its bucket.
///
/// # Errors
/// When nothing can be copied; what one object meets is part of the report.
pub fn collect(
    request: &CollectRequest,
    stores: &[(Arc<dyn Store>, String)],
    target: Arc<dyn Store>,
    observer: &dyn Observer,
) -> Result<CollectReport, CollectError> {
    let CollectRequest { accounts, regions, excluded, stop, .. } = request;
    let selection = Selection { accounts, regions, excluded: Some(excluded) };
    let filter = Filter { selection, stop: Some(stop) };
    let sources = Sources::discover(stores, &Insisted::default(), filter);
    let buckets: BTreeSet<_> =
        sources.roots().filter_map(|root| root.logs.bucket.as_ref()).collect();
    if buckets.len() > 1 {
        let buckets = buckets.into_iter().map(ToString::to_string).collect();
        return Err(CollectError::SeveralBuckets(buckets));
    }
    let sources = Arc::new(sources);
    let copier = Copier::new(sources.clone(), target.clone(), request.limits, request.stop.clone());
    let mut run = CollectRun {
        request,
        sources: sources.clone(),
        target,
        copier: Arc::new(copier),
        pool: Pool::start(request.jobs)?,
        observer,
        observed: Ok(()),
        report: CollectReport::default(),
        queue: VecDeque::new(),
        local: TargetFolder::default(),
    };
    run.record_findings(sources.findings().to_vec());
    run.record_hostile_folders(stores);
    if run.notify(&RunEvent::AreasFound { count: sources.areas.len() }).is_ok() {
        for (id, area) in &sources.areas {
            if run.area(id, area).is_err() {
                break;
            }
        }
    }
    if run.copier.has_ended() {
        // Bodies on their way in are left to themselves; what is being written is completed.
        run.pool.abandon();
        run.copier.finish_writing();
    }
    run.observed.map_err(CollectError::Observer)?;
    let mut report = run.report;
    report.full = run.copier.full().map(str::to_owned);
    report.failed.sort();
    report.failed.dedup();
    Ok(report)
}

/// Log files listed by the digests of an area.
#[derive(Default)]
struct ListedLogs {
    listed: Listed,
    /// Day folders that they list log files in beside those of the requested time.
    strays: BTreeSet<(AreaId, LogKind, String)>,
}

/// Content of one folder of the target.
#[derive(Default)]
struct TargetFolder {
    folder: String,
    sizes: HashMap<String, u64>,
}

struct CollectRun<'a> {
    request: &'a CollectRequest,
    sources: Arc<Sources>,
    target: Arc<dyn Store>,
    copier: Arc<Copier>,
    pool: Pool,
    observer: &'a dyn Observer,
    /// Error of the observer, which ends the run.
    observed: io::Result<()>,
    report: CollectReport,
    queue: VecDeque<(String, JobHandle<CopiedObject>)>,
    local: TargetFolder,
}

impl CollectRun<'_> {
    /// Passes an event to the observer; its error stops the run.
    fn notify(&mut self, event: &RunEvent<'_>) -> Result<(), JobError> {
        self.observed = self.observer.observe(event);
        self.observed.as_ref().map(|&()| ()).map_err(|_| JobError::Stopped)
    }

    fn area(&mut self, id: &AreaId, area: &Area) -> Result<(), JobError> {
        let CollectRequest { start, end, .. } = *self.request;
        let days = days_around(start, end);
        let digests =
            if area.digests { self.list(id, area, DIGEST_FOLDER, days) } else { Vec::new() };
        let trails = &self.request.trails;
        let is_of_trail = |found: &Found| {
            DigestKey::parse(&found.key).is_some_and(|name| trails.contains(&name.trail))
        };
        if !trails.is_empty() && !digests.iter().any(is_of_trail) {
            return Ok(());
        }
        self.notify(&RunEvent::AreaBegun { area: id, digests: digests.len() })?;
        if !digests.is_empty() {
            self.report.regions.insert(id.region.clone());
        }
        let ends = digests.iter().filter_map(|found| Some(DigestKey::parse(&found.key)?.end));
        self.report.first_digest = ends.chain(self.report.first_digest).min();
        let mut gathered = ListedLogs::default();
        self.copy_all(id, digests, true, &mut gathered)?;
        if !self.request.logs {
            return Ok(());
        }
        let asked = Window::new(start.unwrap_or(Timestamp::MIN), end.unwrap_or(Timestamp::MAX));
        let bucket = id.bucket.as_ref().map_or("", |bucket| bucket.as_str());
        let mut unlisted = Vec::new();
        for kind in &area.kinds {
            let logs = self.list(id, area, kind.folder(), days);
            let of_time = |key: &str| {
                LogKey::parse(key).map_or(key.ends_with(".gz"), |log| asked.contains(log.time))
            };
            let keys = logs.iter().map(|found| &found.key);
            let open = keys.filter(|key| of_time(key) && !gathered.listed.contains(bucket, key));
            unlisted.extend(open.cloned());
            self.copy_all(id, logs, false, &mut gathered)?;
        }
        self.copy_listed_elsewhere(bucket, &mut gathered)?;
        match end.filter(|_| area.digests && !unlisted.is_empty()) {
            Some(end) => self.copy_later_digests(id, area, end, &unlisted),
            None => Ok(()),
        }
    }

    /// Copies log files that digests list on days outside the requested time.
    fn copy_listed_elsewhere(
        &mut self,
        bucket: &str,
        gathered: &mut ListedLogs,
    ) -> Result<(), JobError> {
        for (id, kind, day) in std::mem::take(&mut gathered.strays) {
            let Some(area) = self.sources.clone().areas.get(&id).cloned() else { continue };
            let Some(day) = day_of(&day) else { continue };
            let mut logs = self.list(&id, &area, kind.folder(), Window::new(day, day));
            logs.retain(|found| gathered.listed.contains(bucket, &found.key));
            self.copy_all(&id, logs, false, gathered)?;
        }
        Ok(())
    }

    /// Copies later digests until all of these log files are listed: one that came late is listed
    /// late, and without that digest it would look injected. Then the log files of those digests
    /// are copied too, so that the copy is whole; where some are never listed, it is not.
    fn copy_later_digests(
        &mut self,
        id: &AreaId,
        area: &Area,
        end: Timestamp,
        unlisted: &[String],
    ) -> Result<(), JobError> {
        let bucket = id.bucket.as_ref().map_or("", |bucket| bucket.as_str());
        let mut gathered = ListedLogs::default();
        for day in 2..=LATEST_LISTING_DAYS {
            let day = add(end, hours(24 * day));
            let digests = self.list(id, area, DIGEST_FOLDER, Window::new(day, day));
            self.copy_all(id, digests, true, &mut gathered)?;
            if unlisted.iter().all(|key| gathered.listed.contains(bucket, key)) {
                return self.copy_listed_elsewhere(bucket, &mut gathered);
            }
        }
        Ok(())
    }

    /// Lists what lies in a service folder in a window of days, by key.
    fn list(&mut self, id: &AreaId, area: &Area, service: &str, days: Window) -> Vec<Found> {
        let (mut listing, mut twice) = (Listing::of(Vec::new()), Vec::new());
        let each = &mut |found: &mut Vec<Found>, one| found.push(one);
        self.sources.objects((id, area), (service, days), &mut listing, each);
        let mut findings = Vec::new();
        let mut found = listing.open(&mut findings);
        self.record_findings(findings);
        found.sort_by(|a, b| a.key.cmp(&b.key));
        found.dedup_by(|second, first| {
            let same = second.key == first.key;
            if same {
                twice.push(first.key.clone());
            }
            same
        });
        for key in twice {
            self.record_failure(
                key,
                "the source has it more than once, and only one copy is collected",
            );
        }
        found
    }

    /// Copies objects, several at once; returns when all are done.
    fn copy_all(
        &mut self,
        id: &AreaId,
        objects: Vec<Found>,
        digest: bool,
        gathered: &mut ListedLogs,
    ) -> Result<(), JobError> {
        for found in objects {
            if self.copier.has_ended() {
                return Err(JobError::Stopped);
            }
            if let Some(cause) = key_refusal(&found.key) {
                self.record_failure(found.key, cause);
                continue;
            }
            if let Some(size) = self.local_size(&found.key).filter(|size| *size != found.size) {
                let cause = format!(
                    "a file of another size already exists and was kept: {size} bytes, the source has {}",
                    found.size
                );
                self.record_failure(found.key, cause);
                continue;
            }
            self.drain(self.pool.jobs() * AHEAD, id, gathered)?;
            let copier = self.copier.clone();
            let key = found.key.clone();
            let wanted = CopyJob { bucket: id.bucket.clone(), found, digest };
            self.queue.push_back((key, self.pool.submit(move || copier.copy(&wanted))));
        }
        self.drain(0, id, gathered)
    }

    /// Records what is done until so many are left.
    fn drain(
        &mut self,
        leave: usize,
        id: &AreaId,
        gathered: &mut ListedLogs,
    ) -> Result<(), JobError> {
        while self.queue.len() > leave
            && let Some((key, handle)) = self.queue.pop_front()
        {
            match handle.join(&self.request.stop) {
                Ok(done) => self.record_outcome(key, done, id, gathered)?,
                Err(JobError::Panicked) => self.record_lacking(key, JobError::Panicked.to_string()),
                Err(stopped) => return Err(stopped),
            }
        }
        Ok(())
    }

    fn record_outcome(
        &mut self,
        key: String,
        done: CopiedObject,
        id: &AreaId,
        gathered: &mut ListedLogs,
    ) -> Result<(), JobError> {
        let report = &mut self.report;
        match done.outcome {
            CopyOutcome::Copied { bytes, metadata } => {
                let count = if done.digest { &mut report.digests } else { &mut report.logs };
                *count += 1;
                report.metadata += u64::from(metadata);
                report.bytes += bytes;
                if !done.digest {
                    self.notify(&RunEvent::LogFileDone { bytes })?;
                }
            }
            CopyOutcome::Completed => {
                report.already_there += 1;
                report.metadata += 1;
            }
            CopyOutcome::There => report.already_there += 1,
            CopyOutcome::Stopped => {}
            CopyOutcome::Failed(cause) => self.record_lacking(key, cause),
            CopyOutcome::Differs(cause) => self.record_failure(key, cause),
        }
        if done.digest {
            self.notify(&RunEvent::DigestDone)?;
        }
        let days = days_around(self.request.start, self.request.end);
        for lists::ListedLogFile { bucket, key: object } in done.logs {
            // What a digest lists is not verified: it only chooses among what the source shows.
            if id.bucket.as_ref().is_some_and(|own| own.as_str() != &*bucket) {
                continue;
            }
            let Some(log) = LogKey::parse(&object) else { continue };
            gathered.listed.insert(id.bucket_of(&bucket), &object, Sha256Hash([0; 32]));
            if is_within(&log.day, days) {
                continue;
            }
            let of = AreaId { bucket: id.bucket.clone(), place: log.place, region: log.region };
            if self.sources.areas.contains_key(&of) {
                gathered.strays.insert((of, log.kind, log.day));
            }
        }
        Ok(())
    }

    /// The size of a file of the target, as its folder's listing tells.
    fn local_size(&mut self, key: &str) -> Option<u64> {
        let (folder, _) = key.rsplit_once('/')?;
        if self.local.folder != folder {
            let mut sizes = HashMap::new();
            // What cannot be listed is met again when the object is written.
            let _ = self.target.list(&format!("{folder}/"), &mut |entry| {
                if let Entry::Object { key, size, .. } = entry {
                    sizes.insert(key, size);
                }
            });
            self.local = TargetFolder { folder: folder.to_owned(), sizes };
        }
        self.local.sizes.get(key).copied()
    }

    /// Records what could not be copied now, but may be later.
    fn record_lacking(&mut self, key: String, cause: impl Into<String>) {
        self.report.lacking.insert(key.clone());
        self.record_failure(key, cause);
    }

    /// Records what is not copied. An object that is refused for its key, or for what is in its
    /// place, is not lacking: else whoever writes to a bucket could make every copy unfinished.
    fn record_failure(&mut self, key: String, cause: impl Into<String>) {
        self.report.failed.push((key, cause.into()));
    }

    /// Records findings of listing: what could not be listed, and what lies beside the trails.
    fn record_findings(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            let key = finding.key.unwrap_or_default();
            let own = key.strip_suffix('/').unwrap_or(&key);
            match (finding.code, path_refusal(own)) {
                (Code::ObjectUnknown, None) => self.report.left_out.push(key),
                (Code::ObjectUnknown, Some(cause)) => self.record_failure(key, cause),
                _ => self.record_lacking(key, finding.message),
            }
        }
    }

    /// Records folders beside the accounts whose names lead elsewhere: nothing is copied from them.
    fn record_hostile_folders(&mut self, stores: &[(Arc<dyn Store>, String)]) {
        let mut named = Vec::new();
        for store in stores.iter().map(|(store, _)| store).filter(|s| s.bucket().is_some()) {
            for root in self.sources.roots() {
                let logs = format!("{}{AWS_LOGS}/", root.logs.prefix);
                let _ = store.list(&logs, &mut |entry| {
                    if let Entry::Folder(key) = entry
                        && let Some(cause) = key.strip_suffix('/').and_then(path_refusal)
                    {
                        named.push((key, cause));
                    }
                });
            }
        }
        for (key, cause) in named {
            self.record_failure(key, cause);
        }
    }
}

/// True if a day's folder lies in a window of days.
fn is_within(day: &str, days: Window) -> bool {
    let after = days.start == Timestamp::MIN || day >= day_folder(days.start).as_str();
    after && (days.end == Timestamp::MAX || day <= day_folder(days.end).as_str())
}

/// The beginning of the day that a folder `YYYY/MM/DD` names.
fn day_of(day: &str) -> Option<Timestamp> {
    parse_compact_minutes(&format!("{}T0000Z", day.replace('/', ""))).ok()
}
