//! The sealing run: what is due in one chain, written one digest after the other.
//!
//! Nothing is ever written over. Two runs at once take turns by the store's lock; should another
//! writer be first all the same, the run reads the chain again and goes on from there. A run that
//! was cut off leaves whole digests only, each with its signature; at most a signature without its
//! digest, which the next run then writes, because sealing the same log files gives the same bytes.

mod chain;
mod existing;
mod outcome;
mod plan;

use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::observe::{Observer, RunEvent};
use super::pool::{JobError, JobHandle, Pool, Stop};
use super::sources::{Area, Found, Sources};
use crate::crypto::{KeyRing, Signer, Validity};
use crate::model::time::{hours, sub};
use crate::model::{
    AreaId, BucketName, ChainKind, DigestKey, LogEntry, LogKey, LogKind, Place, Previous, Region,
    TrailName, Window,
};
use crate::seal::{Draft, EventTimes, ExpectedHead, Head, slots};
use crate::store::{Put, Store, StoreError, WriterGuard};
use crate::verify::digest::Rules;
use crate::verify::inflate::{AlreadyInflated, inflate};
use crate::verify::listing::Listing;
use crate::verify::unlisted::Delivery;
use crate::verify::{Limits, MemoryBudget, Severity};

use self::existing::{ExistingChain, LATE_DAYS};
use self::outcome::TURNS;
pub use self::outcome::{ChainHead, DueDigest, SealError, SealOutcome, SealedDigest};

/// Pause after the first turn that another writer won; each one after it is longer, as a store may be
/// slow to show what was written.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Request to seal.
#[derive(Debug, Clone)]
pub struct SealRequest {
    /// The bucket that the source is, or is a copy of.
    pub bucket: BucketName,
    /// Prefix, organization and account.
    pub place: Place,
    /// The region whose log files are sealed.
    pub region: Region,
    /// The trail that the digests are of.
    pub trail: TrailName,
    /// The region in which the trail was created.
    pub home_region: Region,
    /// Start of a new chain; `None` for its earliest log file.
    pub start: Option<Timestamp>,
    /// End of the time in which digests are due; not after `now`.
    pub end: Timestamp,
    /// Time that a digest covers.
    pub interval: SignedDuration,
    /// Digests that the chain must still hold; empty where nothing is known of it.
    pub expected: Vec<ExpectedHead>,
    /// Validity of the key; a digest that ends outside of it is not made.
    pub validity: Option<Validity>,
    /// Most digests that may be due; where there are more, none is written. `None` for any number.
    pub most: Option<usize>,
    /// True for a plan only: nothing is written, locked or signed for the bucket.
    pub dry_run: bool,
    /// The time of the run.
    pub now: Timestamp,
    /// Number of log files read in parallel.
    pub jobs: NonZero<usize>,
    /// Ends the run before the next digest when it is set.
    pub stop: Stop,
}

/// Seals what is due; the outcome tells what was written, also when the run ends early.
pub fn seal(
    request: &SealRequest,
    store: Arc<dyn Store>,
    base: String,
    signer: &dyn Signer,
    observer: &dyn Observer,
) -> (SealOutcome, Result<(), SealError>) {
    let mut outcome = SealOutcome::default();
    let result = lock(request, &*store).and_then(|_guard| {
        match Sealer::new(request, store, base, signer, observer)? {
            Some(sealer) => sealer.run(&mut outcome),
            None => Ok(()),
        }
    });
    (outcome, result)
}

/// Keeps other writers out, unless nothing is written.
fn lock(request: &SealRequest, store: &dyn Store) -> Result<WriterGuard, SealError> {
    let lock = if request.dry_run { Ok(WriterGuard::none()) } else { store.lock() };
    lock.map_err(|error| SealError::Store { key: store.name().to_owned(), error })
}

struct Sealer<'a> {
    request: &'a SealRequest,
    sources: Arc<Sources>,
    rules: Arc<Rules>,
    pool: Pool,
    id: AreaId,
    area: Area,
    signer: &'a dyn Signer,
    observer: &'a dyn Observer,
}

/// A log file to be sealed: the time by which it belongs to an interval, and its key.
type LogToSeal = (Timestamp, String);

/// A digest that is to be written.
struct DigestTask<'a> {
    name: DigestKey,
    start: Timestamp,
    previous: Option<Previous>,
    /// Keys of its log files.
    logs: &'a [&'a str],
}

impl<'a> Sealer<'a> {
    /// `None` where the source has no such area.
    fn new(
        request: &'a SealRequest,
        store: Arc<dyn Store>,
        base: String,
        signer: &'a dyn Signer,
        observer: &'a dyn Observer,
    ) -> Result<Option<Self>, SealError> {
        let (bucket, place, region) =
            (request.bucket.clone(), request.place.clone(), request.region.clone());
        let sources = Sources::of_place(store, base, bucket, place, region);
        let pool = Pool::start(request.jobs).map_err(|e| SealError::Threads(e.to_string()))?;
        let Some((id, area)) = sources.areas.clone().into_iter().next() else { return Ok(None) };
        let sources = Arc::new(sources);
        let rules = Arc::new(Rules {
            keys: KeyRing::new(),
            limits: Limits::default(),
            memory: MemoryBudget::default(),
            already_inflated: AlreadyInflated::Accept,
            unsigned: Severity::Incomplete,
            key_unknown: Severity::Incomplete,
        });
        Ok(Some(Self { request, sources, rules, pool, id, area, signer, observer }))
    }

    fn run(mut self, outcome: &mut SealOutcome) -> Result<(), SealError> {
        let result = self.take_turns(outcome);
        if self.request.stop.is_set() {
            self.pool.abandon();
        }
        result
    }

    /// Seals what is due, in turns with other writers.
    fn take_turns(&self, outcome: &mut SealOutcome) -> Result<(), SealError> {
        let (mut turns, mut pause, mut heads) = (0, FIRST_PAUSE, None);
        while !self.turn(outcome)? {
            self.check_stop()?;
            // Another writer was first. What it wrote is what is due, so the chain comes to its end
            // unless nothing of it can be seen.
            let seen = Some((outcome.heads.clone(), outcome.sealed.len()));
            if seen != heads {
                (turns, pause, heads) = (0, FIRST_PAUSE, seen);
                continue;
            }
            turns += 1;
            if turns >= TURNS {
                return Err(SealError::Crowded);
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        Ok(())
    }

    fn notify(&self, event: &RunEvent<'_>) -> Result<(), SealError> {
        self.observer.observe(event).map_err(SealError::Observer)
    }

    /// Fails after a stop. Called before each digest: none is abandoned while it is written.
    fn check_stop(&self) -> Result<(), SealError> {
        if self.request.stop.is_set() { Err(SealError::Interrupted) } else { Ok(()) }
    }

    /// Reads the chain and seals what is due; `false` when another writer was first.
    fn turn(&self, outcome: &mut SealOutcome) -> Result<bool, SealError> {
        let chain = self.read_chain()?;
        outcome.heads = chain.heads();
        outcome.found.get_or_insert_with(|| chain.heads());
        for expected in &self.request.expected {
            expected.check(&chain.digests)?;
        }
        let logs = self.waiting_logs(&chain)?;
        let from = self.start(&chain, &logs)?;
        let split = logs.partition_point(|(time, _)| *time < from);
        let (late, due) = logs.split_at(split);
        let ExistingChain { standard: mut head, backfill, start, .. } = chain;
        // What lay there before the chain was begun came not late to it.
        let early = late.partition_point(|(time, _)| start.is_some_and(|start| *time < start));
        let late = late.get(early..).unwrap_or_default();
        let new_chain = head.is_none();
        let until = self.request.end;
        let slots: Vec<_> = slots::due(from, until, self.request.interval).collect();
        if let Some(validity) = self.request.validity
            && let Some(slot) = slots.iter().find(|slot| !validity.contains(slot.end))
        {
            return Err(SealError::Validity { validity, end: slot.end });
        }
        plan::check_count(&slots, self.request.most.filter(|_| !self.request.dry_run))?;
        self.notify(&RunEvent::AreaBegun { area: &self.id, digests: slots.len() })?;
        let mut due = due.iter().peekable();
        for slot in slots {
            let mut inside = Vec::new();
            while let Some((_, key)) = due.next_if(|(time, _)| *time < slot.end) {
                inside.push(key.as_str());
            }
            let name = self.name(ChainKind::Standard, slot.end);
            if self.request.dry_run {
                outcome.plan(&name, slot, inside.len());
                continue;
            }
            let previous = head.map(|head| head.previous);
            let task = DigestTask { name, start: slot.start, previous, logs: &inside };
            let Some(next) = self.write(task, outcome)? else {
                return Ok(false);
            };
            head = Some(next);
            self.notify(&RunEvent::DigestDone)?;
        }
        outcome.sealed_until = head.as_ref().map(|head| head.window.end);
        let beside = outcome.planned.last().map(|digest| digest.window);
        let beside = beside.or_else(|| head.as_ref().map(|head| head.window));
        if new_chain {
            outcome.before_start = late.len() as u64;
            return Ok(true);
        }
        self.backfill(beside, backfill, late, outcome)
    }

    /// Takes late log files into a backfill digest beside the newest standard one.
    fn backfill(
        &self,
        beside: Option<Window>,
        backfill: Option<Head>,
        late: &[LogToSeal],
        outcome: &mut SealOutcome,
    ) -> Result<bool, SealError> {
        let Some(beside) = beside.filter(|_| !late.is_empty()) else {
            return Ok(true);
        };
        if backfill.as_ref().is_some_and(|last| last.window.end >= beside.end) {
            outcome.waiting = late.len() as u64;
            return Ok(true);
        }
        let keys: Vec<_> = late.iter().map(|(_, key)| key.as_str()).collect();
        let name = self.name(ChainKind::Backfill, beside.end);
        if self.request.dry_run {
            outcome.plan(&name, beside, keys.len());
            return Ok(true);
        }
        let previous = backfill.map(|last| last.previous);
        let task = DigestTask { name, start: beside.start, previous, logs: &keys };
        Ok(self.write(task, outcome)?.is_some())
    }

    fn name(&self, kind: ChainKind, end: Timestamp) -> DigestKey {
        let SealRequest { place, region, trail, home_region, .. } = self.request;
        DigestKey {
            place: place.clone(),
            region: region.clone(),
            trail: trail.clone(),
            home_region: home_region.clone(),
            kind,
            end,
        }
    }

    /// Start of the first due digest.
    fn start(&self, chain: &ExistingChain, logs: &[LogToSeal]) -> Result<Timestamp, SealError> {
        let asked = self.request.start;
        match (&chain.standard, asked, logs.first()) {
            (Some(head), Some(asked), _) if asked > head.window.end => {
                Err(SealError::Request(format!(
                    "the chain ends at {}, and the next digest must start there: omit --start-time, or set it no later than that",
                    head.window.end
                )))
            }
            (Some(head), ..) => Ok(head.window.end),
            (None, Some(asked), _) => Ok(asked),
            (None, None, Some((first, _))) => Ok(slots::floor(*first, self.request.interval)),
            (None, None, None) => Err(SealError::Request(format!(
                "no log files of account {} in {}, and no chain to continue: use --start-time to start one",
                self.request.place.account, self.request.region
            ))),
        }
    }

    /// Seals one digest and writes it; `None` when another writer was first.
    fn write(
        &self,
        task: DigestTask<'_>,
        outcome: &mut SealOutcome,
    ) -> Result<Option<Head>, SealError> {
        self.check_stop()?;
        let DigestTask { name, start, previous, logs } = task;
        let kind = name.kind;
        let draft = Draft {
            name,
            bucket: self.request.bucket.clone(),
            start,
            previous,
            log_files: self.read_logs(logs, outcome)?,
            made: self.request.now,
        };
        let sealed = draft.seal(self.signer)?;
        let put = self.sources.put_new(&sealed.key, &sealed.body, &sealed.metadata);
        match put.map_err(|error| SealError::Store { key: sealed.key.clone(), error })? {
            Put::Exists => {
                // What is no digest, and was no other writer's, stays in the way.
                let bucket = self.request.bucket.as_str();
                match self.sources.get(Some(bucket), &sealed.key) {
                    Some(Err(error)) => Err(SealError::Store { key: sealed.key, error }),
                    _ => Ok(None),
                }
            }
            Put::Created => {
                let head = ChainHead::of(kind, &sealed.head);
                outcome.heads.retain(|head| head.kind != kind);
                outcome.heads.push(head.clone());
                let (window, log_files) = (sealed.head.window, logs.len());
                outcome.sealed.push(SealedDigest {
                    key: sealed.key,
                    hash: head.hash,
                    window,
                    log_files,
                    kind,
                });
                Ok(Some(sealed.head))
            }
        }
    }

    fn read_logs(
        &self,
        keys: &[&str],
        outcome: &mut SealOutcome,
    ) -> Result<Vec<LogEntry>, SealError> {
        let mut handles: VecDeque<JobHandle<Result<(LogEntry, bool), SealError>>> = VecDeque::new();
        let mut entries = Vec::with_capacity(keys.len());
        let mut keys = keys.iter();
        loop {
            while handles.len() < self.pool.jobs() * 8
                && let Some(key) = keys.next()
            {
                let (sources, rules) = (self.sources.clone(), self.rules.clone());
                let (bucket, key) = (self.request.bucket.clone(), (*key).to_owned());
                handles
                    .push_back(self.pool.submit(move || read_log(&sources, &rules, &bucket, key)));
            }
            let Some(handle) = handles.pop_front() else { return Ok(entries) };
            let (entry, has_events) =
                handle.join(&self.request.stop).map_err(|error| match error {
                    JobError::Stopped => SealError::Interrupted,
                    JobError::Panicked => SealError::Threads(error.to_string()),
                })??;
            if !has_events {
                outcome.without_events.push(entry.object.to_string());
            }
            self.notify(&RunEvent::LogFileDone { bytes: 0 })?;
            entries.push(entry);
        }
    }

    /// The log files that no digest lists yet, by time and key.
    fn waiting_logs(&self, chain: &ExistingChain) -> Result<Vec<LogToSeal>, SealError> {
        let horizon =
            chain.standard.as_ref().map(|head| sub(head.window.end, hours(24 * LATE_DAYS)));
        let delivered = self.sources.knows_delivery(&self.area);
        let bucket = self.request.bucket.as_str();
        let mut logs = Vec::new();
        for kind in LogKind::ALL {
            self.list(kind.folder(), &mut |found| {
                let named = LogKey::parse(&found.key).map(|log| log.time);
                let written = found.modified;
                // A bucket knows when a file was delivered; in a copy its name tells.
                let known = written.filter(|_| delivered);
                let time = named.map(|named| Delivery::of(named, known).time()).or(written);
                if let Some(time) = time.filter(|_| found.key.ends_with(".gz"))
                    && horizon.is_none_or(|horizon| time >= horizon)
                    && !chain.listed.contains(bucket, &found.key)
                {
                    logs.push((time, found.key));
                }
            })?;
        }
        logs.sort();
        Ok(logs)
    }

    fn list(&self, folder: &str, each: &mut dyn FnMut(Found)) -> Result<(), SealError> {
        let mut listing = Listing::of(());
        let each = &mut |(): &mut (), found| each(found);
        let area = (&self.id, &self.area);
        self.sources.objects(area, (folder, Window::ALL), &mut listing, each);
        let mut findings = Vec::new();
        listing.open(&mut findings);
        // A folder that cannot be listed may hold what is due: nothing is sealed past it.
        let trouble = findings.into_iter().find(|f| f.severity == Severity::Incomplete);
        match trouble {
            None => Ok(()),
            Some(finding) => Err(SealError::Store {
                key: finding.key.unwrap_or_default(),
                error: StoreError::Trouble(finding.message),
            }),
        }
    }
}

/// Reads a log file for its entry in a digest; tells whether its events could be read.
fn read_log(
    sources: &Sources,
    rules: &Rules,
    bucket: &BucketName,
    key: String,
) -> Result<(LogEntry, bool), SealError> {
    let mut object = match sources.get(Some(bucket.as_str()), &key) {
        Some(Ok(object)) => object,
        Some(Err(error)) => return Err(SealError::Store { key, error }),
        None => return Err(SealError::Store { key, error: StoreError::NotFound }),
    };
    let mut times = None;
    let read = inflate(&mut object.body, rules.limits.log, rules.already_inflated, &mut |from| {
        times = EventTimes::read(from)
    });
    let read = match read {
        Ok(read) => read,
        Err(fault) => return Err(SealError::Log { key, reason: fault.to_string() }),
    };
    let times = times.filter(|times| times.newest.is_some());
    let has_events = times.is_some();
    let name_time = LogKey::parse(&key).map(|log| log.time);
    let times = times.unwrap_or(EventTimes { newest: name_time, oldest: name_time });
    let entry = LogEntry {
        bucket: bucket.as_str().into(),
        object: key.into(),
        hash: read.hash,
        newest: times.newest,
        oldest: times.oldest,
    };
    Ok((entry, has_events))
}
