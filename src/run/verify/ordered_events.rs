//! Events in the order of the report: areas are verified several at a time, their objects are
//! told one area after the other.
//!
//! An area before its turn holds its objects back, within limits; beyond them it waits.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::model::AreaId;
use crate::report::ObjectRecord;
use crate::run::observe::{Observer, RunEvent};
use crate::run::pool::{STOP_POLL_INTERVAL, Stop};

/// Bytes of objects that an area holds back before it waits for its turn.
const HELD: usize = 1 << 20;
/// Bytes of objects held back for areas that ended before their turn.
const HELD_OF_ALL: usize = 16 << 20;

/// The ordered events of all areas, on their way to the observer.
pub(super) struct OrderedEvents<'a> {
    observer: &'a dyn Observer,
    wants_objects: bool,
    turn: Mutex<Turn<'a>>,
    passed: Condvar,
}

#[derive(Default)]
struct Turn<'a> {
    /// Number of the area whose events the observer gets now.
    area: usize,
    /// Areas that ended before their turn.
    early: BTreeMap<usize, Ended<'a>>,
    /// Error of the observer, which gets no more events then.
    failed: Option<io::Error>,
}

/// An area that was left, with the objects held back.
struct Ended<'a> {
    id: &'a AreaId,
    /// True if it was worked on to its end.
    whole: bool,
    held: HeldObjects,
}

/// Objects that are held back.
#[derive(Default)]
struct HeldObjects {
    records: Vec<ObjectRecord<'static>>,
    bytes: usize,
}

impl<'a> OrderedEvents<'a> {
    pub(super) fn new(observer: &'a dyn Observer) -> Self {
        let wants_objects = observer.wants_objects();
        Self { observer, wants_objects, turn: Mutex::default(), passed: Condvar::new() }
    }

    /// The events of the area of this number; each number must be asked for once, or later areas
    /// wait for ever.
    pub(super) fn of_area<'l>(
        &'l self,
        number: usize,
        id: &'a AreaId,
        stop: &'l Stop,
    ) -> AreaEvents<'l, 'a> {
        AreaEvents { all: self, number, id, stop, held: HeldObjects::default() }
    }

    fn turn(&self) -> MutexGuard<'_, Turn<'a>> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something, or for the end of all events.
    fn wait(&self, stop: &Stop, ready: impl Fn(&Turn<'a>) -> bool) -> MutexGuard<'_, Turn<'a>> {
        let mut turn = self.turn();
        while !ready(&turn) && turn.failed.is_none() && !stop.is_set() {
            let waited = self.passed.wait_timeout(turn, STOP_POLL_INTERVAL);
            turn = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        turn
    }

    /// Ends the events.
    ///
    /// # Errors
    /// The error of the observer.
    pub(super) fn finish(self) -> io::Result<()> {
        let turn = self.turn.into_inner().unwrap_or_else(PoisonError::into_inner);
        turn.failed.map_or(Ok(()), Err)
    }
}

impl Turn<'_> {
    fn held(&self) -> usize {
        self.early.values().map(|ended| ended.held.bytes).sum()
    }
}

impl HeldObjects {
    fn push(&mut self, record: ObjectRecord<'_>) {
        let record = record.into_owned();
        let ObjectRecord { chain, bucket, key, referenced_by, .. } = &record;
        // A chain is a few short names, each with its own memory.
        let chain = if chain.is_some() { 256 } else { 0 };
        let texts = [bucket.as_deref(), Some(&**key), referenced_by.as_deref()];
        let texts = texts.into_iter().flatten().map(|text| text.len() + 16).sum::<usize>();
        self.bytes += size_of_val(&record) + chain + texts;
        self.records.push(record);
    }

    /// Hands over what was held back, and holds nothing then.
    fn hand_over(&mut self, observer: &dyn Observer) -> io::Result<()> {
        let Self { records, .. } = std::mem::take(self);
        records.iter().try_for_each(|record| observer.observe(&RunEvent::Object(record)))
    }
}

/// One area's events. Dropping it passes the turn on.
pub(super) struct AreaEvents<'l, 'a> {
    all: &'l OrderedEvents<'a>,
    number: usize,
    id: &'a AreaId,
    stop: &'l Stop,
    held: HeldObjects,
}

impl AreaEvents<'_, '_> {
    /// Hands over an object that was checked, now or in its turn.
    pub(super) fn object(&mut self, record: ObjectRecord<'_>) -> io::Result<()> {
        if !self.all.wants_objects {
            return Ok(());
        }
        let mut turn = self.all.turn();
        if turn.area != self.number && self.held.bytes >= HELD {
            drop(turn);
            turn = self.all.wait(self.stop, |turn| turn.area == self.number);
        }
        if turn.failed.is_some() {
            // The observer's own error ends the run.
            return Err(io::Error::other("an observer of the run failed"));
        }
        if turn.area != self.number {
            drop(turn);
            self.held.push(record);
            return Ok(());
        }
        // Whose turn it is, tells alone: nobody waits for the observer under the lock.
        drop(turn);
        let observer = self.all.observer;
        let told = self
            .held
            .hand_over(observer)
            .and_then(|()| observer.observe(&RunEvent::Object(&record)));
        told.map_err(|error| {
            let said = io::Error::new(error.kind(), error.to_string());
            self.all.turn().failed.get_or_insert(error);
            said
        })
    }
}

impl Drop for AreaEvents<'_, '_> {
    fn drop(&mut self) {
        let room = |turn: &Turn<'_>| turn.area == self.number || turn.held() < HELD_OF_ALL;
        let mut turn = self.all.wait(self.stop, room);
        let whole = !self.stop.is_set() && !std::thread::panicking();
        let held = std::mem::take(&mut self.held);
        turn.early.insert(self.number, Ended { id: self.id, whole, held });
        loop {
            let area = turn.area;
            let Some(mut ended) = turn.early.remove(&area) else { break };
            if turn.failed.is_none() {
                let observer = self.all.observer;
                let told = ended.held.hand_over(observer).and_then(|()| match ended.whole {
                    true => observer.observe(&RunEvent::AreaDone { area: ended.id }),
                    false => Ok(()),
                });
                turn.failed = told.err();
            }
            turn.area += 1;
        }
        self.all.passed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::model::{ChainId, DigestKey};
    use crate::report::{ObjectKind, ObjectResult};

    const KEY: &str = "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/03/01/111122223333_CloudTrail-Digest_us-east-1_audit_us-east-1_20260301T010000Z.json.gz";

    fn chain() -> ChainId {
        DigestKey::parse(KEY).unwrap().chain(None)
    }

    fn record<'a>(chain: &'a ChainId, key: &'a str) -> ObjectRecord<'a> {
        ObjectRecord {
            object: ObjectKind::Digest,
            result: ObjectResult::Valid,
            code: None,
            chain: Some(std::borrow::Cow::Borrowed(chain)),
            bucket: None,
            key: key.into(),
            referenced_by: None,
            bytes: 1,
        }
    }

    /// Threads tell of the objects of areas, the last area first.
    fn told(observer: &dyn Observer, areas: usize, objects_each: usize) -> io::Result<()> {
        let chain = chain();
        let id = AreaId { bucket: None, place: chain.place.clone(), region: chain.region.clone() };
        let stop = Stop::default();
        let events = OrderedEvents::new(observer);
        std::thread::scope(|scope| {
            for area in (0..areas).rev() {
                let (events, stop, chain, id) = (&events, &stop, &chain, &id);
                scope.spawn(move || {
                    let mut events = events.of_area(area, id, stop);
                    for n in 0..objects_each {
                        let _ = events.object(record(chain, &format!("{area:03}/{n:06}")));
                    }
                });
            }
        });
        events.finish()
    }

    #[derive(Default)]
    struct Keys(Mutex<Vec<String>>);

    impl Observer for Keys {
        fn observe(&self, event: &RunEvent<'_>) -> io::Result<()> {
            let mut keys = self.0.lock().unwrap();
            match event {
                RunEvent::Object(record) => keys.push(record.key.to_string()),
                RunEvent::AreaDone { .. } => {
                    let done = keys.last().map_or("", |key| &key[..4]).to_owned() + "~";
                    keys.push(done);
                }
                _ => {}
            }
            Ok(())
        }
    }

    #[test]
    fn objects_are_told_area_by_area_and_then_its_end() {
        // More than one area may hold back, so that some wait for their turn.
        let keys = Keys::default();
        told(&keys, 5, 6_000).unwrap();
        let keys = keys.0.into_inner().unwrap();
        assert_eq!(keys.len(), 5 * (6_000 + 1));
        assert!(keys.is_sorted());
        assert_eq!(keys.iter().filter(|key| key.ends_with('~')).count(), 5);
    }

    #[test]
    fn an_area_holds_back_no_more_than_its_share() {
        let (keys, chain, stop) = (Keys::default(), chain(), Stop::default());
        let id = AreaId { bucket: None, place: chain.place.clone(), region: chain.region.clone() };
        let events = OrderedEvents::new(&keys);
        let mut second = events.of_area(1, &id, &stop);
        let mut objects = 0;
        while second.held.bytes < HELD && objects < 10_000 {
            second.object(record(&chain, &format!("{objects:06}"))).unwrap();
            objects += 1;
        }
        assert!((1_000..10_000).contains(&objects), "{objects}");
        std::thread::scope(|scope| {
            // The next object waits for its turn, and is told after those held back.
            let first = events.of_area(0, &id, &stop);
            let waiting = scope.spawn(|| {
                second.object(record(&chain, "last")).unwrap();
                second.held.bytes
            });
            assert!(keys.0.lock().unwrap().is_empty());
            drop(first);
            assert_eq!(waiting.join().unwrap(), 0);
        });
        let keys = keys.0.lock().unwrap();
        assert_eq!(keys.len(), 1 + objects + 1);
        assert_eq!((&*keys[0], &*keys[1], &*keys[objects + 1]), ("~", "000000", "last"));
    }

    #[test]
    fn an_observer_that_fails_ends_the_events_and_nobody_waits() {
        struct FullDisk(AtomicUsize);
        impl Observer for FullDisk {
            fn observe(&self, event: &RunEvent<'_>) -> io::Result<()> {
                assert!(matches!(event, RunEvent::Object(_)), "no area is done");
                match self.0.fetch_add(1, Ordering::SeqCst) {
                    0..2 => Ok(()),
                    _ => Err(io::Error::other("no space left")),
                }
            }
        }
        let full = FullDisk(AtomicUsize::new(0));
        let error = told(&full, 3, 20_000).unwrap_err();
        assert_eq!(error.to_string(), "no space left");
        assert_eq!(full.0.into_inner(), 3, "nothing is told after the failure");
    }

    #[test]
    fn what_nobody_wants_is_not_held_back() {
        let (chain, stop) = (chain(), Stop::default());
        let id = AreaId { bucket: None, place: chain.place.clone(), region: chain.region.clone() };
        let events = OrderedEvents::new(&crate::run::Silent);
        let mut second = events.of_area(1, &id, &stop);
        for _ in 0..10_000 {
            second.object(record(&chain, KEY)).unwrap();
        }
        assert_eq!(second.held.bytes, 0);
    }
}
