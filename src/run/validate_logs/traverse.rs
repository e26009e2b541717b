//! Traversal from the newest digest back along the links, in the order of the reference. Digests and
//! log files are read ahead; messages keep their order.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use super::check::{DigestFault, LoadedDigest, LogCheck, LogReference};
use super::keys::{DigestNames, end_of, is_backfill, time_text};
use super::{Message, MessageSubject, NamedKey, Source, Summary, Tally, ValidateRequest, shown};
use crate::model::Window;
use crate::model::time::{add, format_compact_seconds, hours, sub};
use crate::run::pool::{JobHandle, Pool};

/// Messages per job that may wait for their turn.
const WAITING_PER_JOB: usize = 32;

/// Validates a trail's digests of the requested time and the log files that they list.
///
/// # Errors
/// What ends the run, as it is to be printed; messages before it stand.
pub fn validate(
    request: &ValidateRequest,
    source: Arc<dyn Source>,
    say: &mut dyn FnMut(Message),
) -> Result<Summary, String> {
    let mut run = Traversal {
        request,
        source,
        names: DigestNames::new(request),
        pool: Pool::start(request.jobs).map_err(|error| error.to_string())?,
        listed: HashMap::new(),
        ahead: ReadAhead::default(),
        waiting: VecDeque::new(),
        summary: Summary::default(),
        say,
    };
    let result = run.chain(false).and_then(|()| run.chain(true));
    let drained = run.drain(0);
    if result.is_err() || drained.is_err() {
        run.pool.abandon();
    }
    result.and(drained).map(|()| run.summary)
}

/// The keys of a listing, standard and backfill, in order; each is taken off its end.
type ListedKeys = [Vec<String>; 2];

struct Traversal<'a> {
    request: &'a ValidateRequest,
    source: Arc<dyn Source>,
    names: DigestNames,
    pool: Pool,
    listed: HashMap<(String, Timestamp), ListedKeys>,
    ahead: ReadAhead,
    /// Results not yet reported.
    waiting: VecDeque<PendingMessage>,
    summary: Summary,
    say: &'a mut dyn FnMut(Message),
}

enum PendingMessage {
    Line(Message),
    Log(LogReference, JobHandle<LogCheck>),
}

/// Digests that are read before their turn.
#[derive(Default)]
struct ReadAhead {
    bucket: String,
    /// The newest first.
    keys: Vec<String>,
    places: HashMap<String, usize>,
    handles: HashMap<String, JobHandle<Result<LoadedDigest, DigestFault>>>,
    /// Numbers of submitted and of completed or skipped jobs.
    submitted: usize,
    done: usize,
}

/// Position of the traversal.
struct Position {
    bucket: String,
    /// Which of the listings its keys come from.
    listing: (String, Timestamp),
    key: Option<String>,
    last_start: Timestamp,
    keys: BTreeMap<String, Option<crate::crypto::PublicKey>>,
    backfill: bool,
}

impl Position {
    /// Kind of the chain, as messages begin.
    fn kind(&self) -> &'static str {
        if self.backfill { "(backfill) " } else { "" }
    }
}

impl Traversal<'_> {
    fn chain(&mut self, backfill: bool) -> Result<(), String> {
        let request = self.request;
        let bucket = request.bucket.clone();
        let listing = self.list(&bucket, request.end)?;
        let keys = match backfill {
            true => BTreeMap::new(),
            false => self.keys(Window::new(request.start, add(request.end, hours(2))))?,
        };
        self.look_ahead(&bucket, &listing, backfill);
        let last_start = request.end;
        let mut at = Position { bucket, listing, key: None, last_start, keys, backfill };
        if let Some((key, end)) = self.take_before(&at, None) {
            (at.key, at.last_start) = (Some(key), end);
        }
        while let Some(key) = at.key.clone()
            && request.start <= at.last_start
        {
            if request.stop.is_set() {
                return Err("interrupted".to_owned());
            }
            self.step(&mut at, &key)?;
        }
        self.ahead = ReadAhead::default();
        Ok(())
    }

    /// Validates one digest, and finds the next.
    fn step(&mut self, at: &mut Position, key: &str) -> Result<(), String> {
        let place = format!("{}Digest file\ts3://{}/{key}\t", at.kind(), at.bucket);
        let digest = self.load(at, key).and_then(|digest| {
            let window =
                Window::new(digest.time("digestStartTime")?, digest.time("digestEndTime")?);
            Ok((digest, window))
        });
        let (digest, window) = match digest {
            Ok(valid) => valid,
            Err(fault) => {
                self.report_fault(at.backfill, key, &place, &fault)?;
                at.key = self.take_before(at, Some(key)).map(|(key, _)| key);
                return Ok(());
            }
        };
        at.last_start = window.start;
        self.found(window);
        self.tally(at.backfill).valid += 1;
        self.line(Message { about: MessageSubject::Valid, text: place + "valid" })?;
        for log in digest.logs() {
            let (source, its_log) = (self.source.clone(), log.clone());
            let handle = self.pool.submit(move || its_log.check(&*source));
            self.wait_for(PendingMessage::Log(log, handle))?;
        }
        self.follow(at, key, digest.previous(), window)
    }

    fn report_fault(
        &mut self,
        backfill: bool,
        key: &str,
        place: &str,
        fault: &DigestFault,
    ) -> Result<(), String> {
        let tally = self.tally(backfill);
        let message = match fault {
            DigestFault::Missing => invalid(key, place, "not found"),
            DigestFault::Invalid(why) => invalid(key, place, why),
            DigestFault::Unread(why) => unread(key, place, why),
        };
        match message.about {
            MessageSubject::Unread(_) => tally.unread += 1,
            _ => tally.invalid += 1,
        }
        self.line(message)
    }

    /// Goes to the digest before one of this time: to the linked one, else to the newest listed one
    /// before it.
    fn follow(
        &mut self,
        at: &mut Position,
        key: &str,
        previous: Option<(String, String)>,
        Window { start, end }: Window,
    ) -> Result<(), String> {
        if let Some((bucket, previous)) = previous {
            at.key = Some(previous).filter(|key| !key.is_empty());
            if bucket != at.bucket {
                at.listing = self.list(&bucket, end)?;
                at.bucket = bucket;
                self.look_ahead(&at.bucket, &at.listing, at.backfill);
            }
            return Ok(());
        }
        let next = self.take_before(at, Some(key));
        if let Some((_, end)) = &next {
            let (kind, from, to) = (at.kind(), shown(*end), shown(start));
            let text =
                format!("{kind}No log files were delivered by CloudTrail between {from} and {to}");
            self.line(Message { about: MessageSubject::Gap, text })?;
        }
        at.key = next.map(|(key, _)| key);
        Ok(())
    }

    /// Reads and checks one digest.
    fn load(&mut self, at: &mut Position, key: &str) -> Result<LoadedDigest, DigestFault> {
        let handle = self.ahead.take(&at.bucket, key);
        let handle = handle.unwrap_or_else(|| self.read(&at.bucket, key, at.backfill));
        self.read_ahead(at.backfill);
        let loaded = handle
            .join(&self.request.stop)
            .unwrap_or_else(|error| Err(DigestFault::Unread(error.to_string())))?;
        loaded.check_place(&at.bucket, key)?;
        let fingerprint = loaded.text("digestPublicKeyFingerprint");
        if at.backfill && !at.keys.contains_key(fingerprint) {
            let generated = loaded.generated.as_deref().unwrap_or_default();
            let time = generated.parse::<Timestamp>().map_err(|_| {
                DigestFault::Invalid(format!("Unable to parse date value: {generated}"))
            })?;
            let window = Window::new(sub(time, hours(1)), add(time, hours(1)));
            at.keys.extend(self.keys(window).map_err(DigestFault::Invalid)?);
        }
        match at.keys.get(fingerprint) {
            Some(key) => loaded.check_signature(key.as_ref())?,
            None => {
                return Err(DigestFault::Invalid(format!(
                    "public key not found in region {} for fingerprint {}",
                    self.request.home_region,
                    loaded.as_shown("digestPublicKeyFingerprint")
                )));
            }
        }
        Ok(loaded)
    }

    fn keys(
        &self,
        window: Window,
    ) -> Result<BTreeMap<String, Option<crate::crypto::PublicKey>>, String> {
        let keys: Vec<NamedKey> = self.source.keys(window)?;
        if keys.is_empty() {
            let (start, end) = (shown(window.start), shown(window.end));
            return Err(format!("No public keys found between {start} and {end}"));
        }
        Ok(keys.into_iter().collect())
    }

    /// Lists the trail's digests up to an hour after an end, once.
    fn list(&mut self, bucket: &str, end: Timestamp) -> Result<(String, Timestamp), String> {
        let listing = (bucket.to_owned(), end);
        if self.listed.contains_key(&listing) {
            return Ok(listing);
        }
        let start = self.request.start;
        let first = format_compact_seconds(start);
        let last = format_compact_seconds(add(end, hours(1)));
        let mut found = ListedKeys::default();
        let [standard, backfill] = &mut found;
        let names = &self.names;
        self.source.list(bucket, &names.folder, &names.before(start), &mut |key| {
            if !names.has(&key) {
                return true;
            }
            let time = time_text(&key);
            if time > last.as_str() {
                return false;
            }
            // A name that tells no time belongs to no chain.
            if time >= first.as_str() && end_of(&key).is_some() {
                if is_backfill(&key) { backfill.push(key) } else { standard.push(key) }
            }
            true
        })?;
        self.listed.insert(listing.clone(), found);
        Ok(listing)
    }

    /// Takes the newest listed digest, or the newest that ends before another.
    fn take_before(&mut self, at: &Position, before: Option<&str>) -> Option<(String, Timestamp)> {
        let keys = self.listed.get_mut(&at.listing)?.get_mut(usize::from(at.backfill))?;
        let before = match before {
            Some(before) => Some(end_of(before)?),
            None => None,
        };
        while let Some(key) = keys.pop() {
            let Some(end) = end_of(&key) else { continue };
            if before.is_none_or(|before| end < before) {
                return Some((key, end));
            }
        }
        None
    }

    fn look_ahead(&mut self, bucket: &str, listing: &(String, Timestamp), backfill: bool) {
        let listed = self.listed.get(listing).and_then(|l| l.get(usize::from(backfill)));
        let keys: Vec<String> = listed.into_iter().flatten().rev().cloned().collect();
        let places = keys.iter().enumerate().map(|(n, key)| (key.clone(), n)).collect();
        self.ahead = ReadAhead { bucket: bucket.to_owned(), keys, places, ..ReadAhead::default() };
        self.read_ahead(backfill);
    }

    /// Submits the reading of as many digests as may be under way.
    fn read_ahead(&mut self, backfill: bool) {
        while self.ahead.handles.len() < self.pool.jobs()
            && let Some(key) = self.ahead.keys.get(self.ahead.submitted).cloned()
        {
            let handle = self.read(&self.ahead.bucket, &key, backfill);
            self.ahead.handles.insert(key, handle);
            self.ahead.submitted += 1;
        }
    }

    fn read(
        &self,
        bucket: &str,
        key: &str,
        backfill: bool,
    ) -> JobHandle<Result<LoadedDigest, DigestFault>> {
        let source = self.source.clone();
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let backfill = backfill && is_backfill(&key);
        self.pool.submit(move || LoadedDigest::read(&*source, &bucket, &key, backfill))
    }

    fn tally(&mut self, backfill: bool) -> &mut Tally {
        if backfill { &mut self.summary.backfill } else { &mut self.summary.digests }
    }

    /// Takes the time of a valid digest into the summary.
    fn found(&mut self, window: Window) {
        let start = window.start.max(self.request.start);
        let end = window.end.min(self.request.end);
        let (first, last) = self.summary.found.unwrap_or((start, end));
        self.summary.found = Some((first.min(start), last.max(end)));
    }

    fn line(&mut self, message: Message) -> Result<(), String> {
        self.wait_for(PendingMessage::Line(message))
    }

    fn wait_for(&mut self, waiting: PendingMessage) -> Result<(), String> {
        self.waiting.push_back(waiting);
        self.drain(self.pool.jobs() * WAITING_PER_JOB)
    }

    /// Reports what is ready, until so much is left.
    fn drain(&mut self, leave: usize) -> Result<(), String> {
        while self.waiting.len() > leave
            && let Some(waiting) = self.waiting.pop_front()
        {
            let message = match waiting {
                PendingMessage::Line(message) => message,
                PendingMessage::Log(log, handle) => {
                    let checked = handle.join(&self.request.stop);
                    let checked = checked.map_err(|_| "interrupted".to_owned())?;
                    self.log(&log, checked)
                }
            };
            (self.say)(message);
        }
        Ok(())
    }

    /// Message on a log file.
    fn log(&mut self, log: &LogReference, checked: LogCheck) -> Message {
        let place = format!("Log file\ts3://{}/{}\t", log.bucket, log.key);
        let tally = &mut self.summary.logs;
        let why = match checked {
            LogCheck::Valid => {
                tally.valid += 1;
                return Message { about: MessageSubject::Valid, text: place + "valid" };
            }
            LogCheck::Unread(why) => {
                tally.unread += 1;
                return unread(&log.key, &place, &why);
            }
            LogCheck::Missing => "not found",
            LogCheck::Format => "invalid format",
            LogCheck::Trailing => "unexpected data after end of compressed stream",
            LogCheck::Mismatch => "hash value doesn't match",
        };
        tally.invalid += 1;
        invalid(&log.key, &place, why)
    }
}

fn invalid(key: &str, place: &str, why: &str) -> Message {
    Message {
        about: MessageSubject::Invalid(key.to_owned()),
        text: format!("{place}INVALID: {why}"),
    }
}

fn unread(key: &str, place: &str, why: &str) -> Message {
    Message { about: MessageSubject::Unread(key.to_owned()), text: format!("{place}UNREAD: {why}") }
}

impl ReadAhead {
    /// The digest's handle, where it is being read; those before it are passed by.
    fn take(
        &mut self,
        bucket: &str,
        key: &str,
    ) -> Option<JobHandle<Result<LoadedDigest, DigestFault>>> {
        let place = *self.places.get(key).filter(|_| bucket == self.bucket)?;
        for passed in self.keys.get(self.done..place).into_iter().flatten() {
            self.handles.remove(passed);
        }
        self.done = self.done.max(place + 1);
        self.submitted = self.submitted.max(place + 1);
        self.handles.remove(key)
    }
}
