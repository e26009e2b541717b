//! The sealing run: what is due in one chain, written one digest after the other.
//!
//! Nothing is ever written over. Two runs at once take turns by the store's lock; should another
//! writer be first all the same, the run reads the chain again and goes on from there. A run that
//! was cut off leaves whole digests only, each with its signature; at most a signature without its
//! digest, which the next run then writes, because sealing the same log files gives the same bytes.

mod outcome;
mod plan;

use std::collections::VecDeque;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::pool::{NoResult, Pool, Stop, Ticket};
use super::progress::Progress;
use super::sources::{Area, AreaId, Found, Sources, read_digest_again};
use crate::crypto::{KeyRing, Signer, Validity};
use crate::model::key_name::DIGEST_FOLDER;
use crate::model::time::{hours, sub};
use crate::model::{
    BucketName, ChainKind, DigestKey, LogEntry, LogKey, LogKind, Place, Previous, Region,
    TrailName, Window,
};
use crate::seal::{Draft, EventTimes, ExpectedHead, FoundDigest, Head, builder, slots};
use crate::store::{Put, Store, StoreError, WriterGuard};
use crate::verify::completeness::Listed;
use crate::verify::digest::{Examined, Location, Rules, State, StoredObject, Trouble, examine};
use crate::verify::inflate::{AlreadyInflated, inflate};
use crate::verify::unlisted::Delivery;
use crate::verify::{Finding, Limits, MemoryBudget, Severity};

pub use self::outcome::{ChainHead, SealError, SealReport, SealedDigest};
pub use self::plan::PlannedDigest;

/// How long after its digest a log file may still come and be taken into a backfill digest: AWS
/// delivers again for up to 30 days.
const LATE_DAYS: i64 = 31;
/// Times in a row that another writer may be first although the chain does not grow, before the run
/// gives up. Where the chain grows, the other writer's digests are the progress, and they come to
/// an end with what is due.
const TURNS: u32 = 20;
/// The pause after the first such turn; each one after it is longer, as a store may be slow to show
/// what was written.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Request to seal.
#[derive(Debug, Clone)]
pub struct SealRequest {
    /// The bucket that the source is, or stands for.
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
    /// Up to when digests are due; not after `now`.
    pub end: Timestamp,
    /// Time that a digest covers.
    pub interval: SignedDuration,
    /// Digests that the chain must still hold; empty where nothing is known of it.
    pub expected: Vec<ExpectedHead>,
    /// When the key is valid; a digest that ends outside of it is not made.
    pub validity: Option<Validity>,
    /// Digests that may be due at most; where there are more, none is written. `None` for any.
    pub most: Option<usize>,
    /// Whether only to plan: nothing is written, locked or signed for the bucket.
    pub dry_run: bool,
    /// The time of the run.
    pub now: Timestamp,
    /// Number of log files read in parallel.
    pub jobs: NonZero<usize>,
    /// Ends the run before the next digest when it is set.
    pub stop: Stop,
}

/// Seals what is due; the report tells what was written, also when the run ends early.
pub fn seal(
    request: &SealRequest,
    store: Arc<dyn Store>,
    base: String,
    signer: &dyn Signer,
    progress: &dyn Progress,
) -> (SealReport, Result<(), SealError>) {
    let mut report = SealReport::default();
    let result = run(request, store, base, signer, progress, &mut report);
    (report, result)
}

fn run(
    request: &SealRequest,
    store: Arc<dyn Store>,
    base: String,
    signer: &dyn Signer,
    progress: &dyn Progress,
    report: &mut SealReport,
) -> Result<(), SealError> {
    let lock = if request.dry_run { Ok(WriterGuard::none()) } else { store.lock() };
    let _guard = lock.map_err(|error| SealError::Store { key: store.name().to_owned(), error })?;
    let (bucket, place, region) =
        (request.bucket.clone(), request.place.clone(), request.region.clone());
    let sources = Sources::of_place(store, base, bucket, place, region);
    let pool = Pool::start(request.jobs).map_err(|e| SealError::Threads(e.to_string()))?;
    let Some((id, area)) = sources.areas.clone().into_iter().next() else { return Ok(()) };
    let sources = Arc::new(sources);
    let rules = Arc::new(Rules {
        keys: KeyRing::new(),
        limits: Limits::default(),
        memory: MemoryBudget::default(),
        already_inflated: AlreadyInflated::Accept,
        unsigned: Severity::Incomplete,
        key_unknown: Severity::Incomplete,
    });
    let mut sealer = Sealer { request, sources, rules, pool, id, area, signer, progress };
    let result = sealer.run(report);
    if request.stop.is_set() {
        sealer.pool.abandon();
    }
    result
}

struct Sealer<'a> {
    request: &'a SealRequest,
    sources: Arc<Sources>,
    rules: Arc<Rules>,
    pool: Pool,
    id: AreaId,
    area: Area,
    signer: &'a dyn Signer,
    progress: &'a dyn Progress,
}

/// Existing digests of the chain and its backfill chain.
#[derive(Default)]
struct Chain {
    standard: Option<Head>,
    backfill: Option<Head>,
    /// Where it starts, unless that is so long ago that nothing older is looked at.
    start: Option<Timestamp>,
    listed: Listed,
    /// Its digests, as far back as they are read.
    digests: Vec<FoundDigest>,
}

impl Chain {
    fn heads(&self) -> Vec<ChainHead> {
        let standard = self.standard.iter().map(|head| ChainHead::of(ChainKind::Standard, head));
        let backfill = self.backfill.iter().map(|head| ChainHead::of(ChainKind::Backfill, head));
        standard.chain(backfill).collect()
    }
}

/// A log file to be sealed: by which time it belongs to an interval, and its key.
type Waiting = (Timestamp, String);

impl Sealer<'_> {
    /// Seals what is due, in turns with other writers.
    fn run(&self, report: &mut SealReport) -> Result<(), SealError> {
        let (mut turns, mut pause, mut heads) = (0, FIRST_PAUSE, None);
        while !self.turn(report)? {
            self.go_on()?;
            // Another writer was first. What it wrote is what is due, so the chain comes to its end
            // unless nothing of it can be seen.
            let seen = Some((report.heads.clone(), report.sealed.len()));
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

    /// Asked before each digest: none is given up while it is written.
    fn go_on(&self) -> Result<(), SealError> {
        if self.request.stop.is_set() { Err(SealError::Interrupted) } else { Ok(()) }
    }

    /// Reads the chain and seals what is due; `false` when another writer was first.
    fn turn(&self, report: &mut SealReport) -> Result<bool, SealError> {
        let chain = self.read_chain()?;
        report.heads = chain.heads();
        report.found.get_or_insert_with(|| chain.heads());
        for expected in &self.request.expected {
            expected.check(&chain.digests)?;
        }
        let logs = self.waiting_logs(&chain)?;
        let from = self.start(&chain, &logs)?;
        let split = logs.partition_point(|(time, _)| *time < from);
        let (late, due) = logs.split_at(split);
        let Chain { standard: mut head, backfill, start, .. } = chain;
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
        self.progress.place("sealing", slots.len());
        let mut due = due.iter().peekable();
        for slot in slots {
            let mut inside = Vec::new();
            while let Some((_, key)) = due.next_if(|(time, _)| *time < slot.end) {
                inside.push(key.as_str());
            }
            let name = self.name(ChainKind::Standard, slot.end);
            if self.request.dry_run {
                report.plan(&name, slot, inside.len());
                continue;
            }
            let previous = head.map(|head| head.previous);
            let Some(next) = self.write(name, slot.start, previous, &inside, report)? else {
                return Ok(false);
            };
            head = Some(next);
            self.progress.digest();
        }
        report.sealed_until = head.as_ref().map(|head| head.window.end);
        let beside = report.planned.last().map(|digest| digest.window);
        let beside = beside.or_else(|| head.as_ref().map(|head| head.window));
        if new_chain {
            report.before_start = late.len() as u64;
            return Ok(true);
        }
        self.backfill(beside, backfill, late, report)
    }

    /// Takes late log files into a backfill digest beside the newest standard one.
    fn backfill(
        &self,
        beside: Option<Window>,
        backfill: Option<Head>,
        late: &[Waiting],
        report: &mut SealReport,
    ) -> Result<bool, SealError> {
        let Some(beside) = beside.filter(|_| !late.is_empty()) else {
            return Ok(true);
        };
        if backfill.as_ref().is_some_and(|last| last.window.end >= beside.end) {
            report.waiting = late.len() as u64;
            return Ok(true);
        }
        let keys: Vec<_> = late.iter().map(|(_, key)| key.as_str()).collect();
        let name = self.name(ChainKind::Backfill, beside.end);
        if self.request.dry_run {
            report.plan(&name, beside, keys.len());
            return Ok(true);
        }
        let previous = backfill.map(|last| last.previous);
        Ok(self.write(name, beside.start, previous, &keys, report)?.is_some())
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
    fn start(&self, chain: &Chain, logs: &[Waiting]) -> Result<Timestamp, SealError> {
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
        name: DigestKey,
        start: Timestamp,
        previous: Option<Previous>,
        keys: &[&str],
        report: &mut SealReport,
    ) -> Result<Option<Head>, SealError> {
        self.go_on()?;
        let kind = name.kind;
        let draft = Draft {
            name,
            bucket: self.request.bucket.clone(),
            start,
            previous,
            log_files: self.read_logs(keys, report)?,
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
                report.heads.retain(|head| head.kind != kind);
                report.heads.push(head.clone());
                let (window, log_files) = (sealed.head.window, keys.len());
                report.sealed.push(SealedDigest {
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
        report: &mut SealReport,
    ) -> Result<Vec<LogEntry>, SealError> {
        let mut tickets: VecDeque<Ticket<Result<(LogEntry, bool), SealError>>> = VecDeque::new();
        let mut entries = Vec::with_capacity(keys.len());
        let mut keys = keys.iter();
        loop {
            while tickets.len() < self.pool.jobs() * 8
                && let Some(key) = keys.next()
            {
                let (sources, rules) = (self.sources.clone(), self.rules.clone());
                let (bucket, key) = (self.request.bucket.clone(), (*key).to_owned());
                tickets
                    .push_back(self.pool.submit(move || read_log(&sources, &rules, &bucket, key)));
            }
            let Some(ticket) = tickets.pop_front() else { return Ok(entries) };
            let (entry, has_events) =
                ticket.redeem(&self.request.stop).map_err(|error| match error {
                    NoResult::Stopped => SealError::Interrupted,
                    NoResult::Panicked => SealError::Threads(error.to_string()),
                })??;
            if !has_events {
                report.without_events.push(entry.object.to_string());
            }
            self.progress.log(0);
            entries.push(entry);
        }
    }

    fn read_chain(&self) -> Result<Chain, SealError> {
        let mut names = Vec::new();
        self.list(DIGEST_FOLDER, &mut |found| {
            if let Some(name) = DigestKey::parse(&found.key)
                && name.same_trail(&self.name(name.kind, name.end))
                && name.place == self.request.place
            {
                names.push(name);
            }
        })?;
        names.sort_by_key(|name| name.end);
        let mut chain = Chain::default();
        let Some(newest) = names.iter().rev().find(|n| n.kind == ChainKind::Standard) else {
            return Ok(chain);
        };
        // What is older lists nothing that could still come late.
        let horizon = sub(newest.end, hours(24 * LATE_DAYS));
        let heads = [ChainKind::Standard, ChainKind::Backfill]
            .map(|kind| names.iter().rev().find(|name| name.kind == kind).cloned());
        let first = names.iter().find(|n| n.kind == ChainKind::Standard).cloned();
        // From an expected head on, each digest must lead back to the one before it.
        let expected = &self.request.expected;
        let by_hash = expected.iter().any(ExpectedHead::has_no_key);
        let is_expected =
            |name: &&DigestKey| expected.iter().any(|head| head.names(&name.to_string()));
        let expected: Vec<_> = names.iter().filter(is_expected).cloned().collect();
        for name in names {
            self.go_on()?;
            let is_head = heads.iter().flatten().any(|head| *head == name);
            let follows =
                by_hash || expected.iter().any(|e| e.kind == name.kind && e.end <= name.end);
            if name.end < horizon && !is_head && !follows {
                continue;
            }
            let examined = self.read_digest(&name)?;
            let Some(content) = &examined.content else { continue };
            if first.as_ref() == Some(&name) {
                chain.start = Some(content.digest.start);
            }
            let hash = content.hash;
            if let Some(listed) = content.log_files.kept() {
                for log in listed {
                    chain.listed.insert(&log.bucket, &log.object, log.hash);
                }
            } else {
                let each = &mut |log: LogEntry| {
                    chain.listed.insert(&log.bucket, &log.object, log.hash);
                };
                read_digest_again(&self.sources, &self.rules, &examined.at, hash, each).map_err(
                    |trouble| SealError::Digest {
                        key: examined.at.key.to_string(),
                        reason: trouble.cause,
                    },
                )?;
            }
            if !self.request.expected.is_empty() {
                chain.digests.extend(self.found(name.kind, &examined)?);
            }
            if is_head {
                let head = self.head(&examined)?;
                match name.kind {
                    ChainKind::Standard => chain.standard = Some(head),
                    ChainKind::Backfill => chain.backfill = Some(head),
                }
            }
        }
        Ok(chain)
    }

    fn read_digest(&self, name: &DigestKey) -> Result<Examined, SealError> {
        let key = name.to_string();
        let bucket = self.request.bucket.as_str();
        let object = match self.sources.get(Some(bucket), &key) {
            Some(Ok(object)) => object,
            Some(Err(error)) => return Err(SealError::Store { key, error }),
            None => return Err(SealError::Store { key, error: StoreError::NotFound }),
        };
        let at = Location {
            bucket: Some(self.request.bucket.clone()),
            key: key.as_str().into(),
            name: name.clone(),
        };
        let metadata = object.metadata.map_err(Trouble::unreadable);
        let examined = examine(&self.rules, at, Ok(StoredObject { body: object.body, metadata }));
        match &examined.state {
            State::Failed(finding) => Err(SealError::Digest { key, reason: unsound(finding) }),
            _ => Ok(examined),
        }
    }

    /// A digest as it is held against the head that is expected.
    fn found(
        &self,
        kind: ChainKind,
        examined: &Examined,
    ) -> Result<Option<FoundDigest>, SealError> {
        let Some(content) = &examined.content else { return Ok(None) };
        let digest = &content.digest;
        let signature = examined.signature.clone();
        let is_ours = digest.fingerprint == *self.signer.fingerprint()
            && signature == Some(builder::sign(self.signer, digest, content.hash)?);
        let link = Previous {
            bucket: digest.bucket.clone(),
            object: digest.object.clone(),
            hash: content.hash,
            signature: signature.unwrap_or_default(),
        };
        Ok(Some(FoundDigest { kind, link, previous: digest.previous.clone(), is_ours }))
    }

    /// What the next digest links to. The newest digest must carry the signature that belongs to
    /// it: one that does not may have been altered, and is not signed on its own word.
    fn head(&self, examined: &Examined) -> Result<Head, SealError> {
        let key = examined.at.key.to_string();
        let broken =
            |reason: &str| SealError::Digest { key: key.clone(), reason: reason.to_owned() };
        let content = examined.content.as_ref().ok_or_else(|| broken("it cannot be read"))?;
        let digest = &content.digest;
        let Some(signature) = examined.signature.clone() else {
            return Err(broken(
                "the chain's newest digest has lost its signature, which the next digest must repeat: restore its .metadata.json",
            ));
        };
        let ours = digest.fingerprint == *self.signer.fingerprint();
        if ours && signature != builder::sign(self.signer, digest, content.hash)? {
            return Err(broken(
                "the signature of the chain's newest digest does not match its content: run trailseal verify, and do not continue this chain",
            ));
        }
        let previous = Previous {
            bucket: digest.bucket.clone(),
            object: digest.object.clone(),
            hash: content.hash,
            signature,
        };
        Ok(Head { window: Window::new(digest.start, digest.end), previous })
    }

    /// The log files that no digest lists yet, by time and key.
    fn waiting_logs(&self, chain: &Chain) -> Result<Vec<Waiting>, SealError> {
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
        let mut unseen = self.sources.objects(&self.id, &self.area, folder, Window::ALL, each);
        // A folder that cannot be listed may hold what is due: nothing is sealed past it.
        let trouble =
            unseen.take_findings().into_iter().find(|f| f.severity == Severity::Incomplete);
        match trouble {
            None => Ok(()),
            Some(finding) => Err(SealError::Store {
                key: finding.key.unwrap_or_default(),
                error: StoreError::Trouble(finding.message),
            }),
        }
    }
}

fn unsound(finding: &Finding) -> String {
    format!(
        "{} ({}). Run trailseal verify; sealing continues only from a valid digest",
        finding.message.trim_end_matches('.'),
        finding.code.as_str()
    )
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
