//! Observers as others write them: what they are told, in which order, and what their errors do.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZero;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use trailseal::internals::crypto::{KeyRing, parse_key_file};
use trailseal::internals::report::{ObjectKind, ObjectRecord, ObjectResult, RunReport};
use trailseal::internals::run::collect::{CollectError, CollectRequest, collect};
use trailseal::internals::run::filter::Filter;
use trailseal::internals::run::seal::{SealError, seal};
use trailseal::internals::run::sources::{Insisted, Sources};
use trailseal::internals::run::verify::{VerifyRequest, estimate, verify};
use trailseal::internals::run::{Observer, Observers, RunEvent, Silent};
use trailseal::internals::store::{DirectoryStore, Store};
use trailseal::internals::verify::Limits;
use trailseal::internals::verify::digest::Rules;

use crate::common::trails::{ABROAD, AUDIT, Trail, hourly};
use crate::common::{Tree, at, key, scratch, seal_request};

/// Two regions with a log file each hour; one log file is gone, and one was never listed.
fn two_regions() -> Tree {
    let tree = Tree::empty();
    for (trail, until) in [(AUDIT, 6), (ABROAD, 4)] {
        let logs: Vec<_> = (0..until).map(|hour| at(hour, 20)).collect();
        logs.iter().for_each(|time| trail.log(&tree, *time, &[]));
        trail.segment(&tree, &hourly(at(0, 0), at(until, 0)));
    }
    tree.remove(&AUDIT.log_key(at(2, 20)));
    ABROAD.log(&tree, at(1, 40), &[]);
    tree
}

fn store(tree: &Tree) -> Arc<dyn Store> {
    Arc::new(DirectoryStore::open(tree.root(), "tree").unwrap())
}

fn run(tree: &Tree, jobs: usize, observer: &dyn Observer) -> io::Result<RunReport> {
    let stores = [(store(tree), String::new())];
    let sources = Sources::discover(&stores, &Insisted::default(), Filter::default());
    let mut ring = KeyRing::new();
    ring.add(parse_key_file("keys", &std::fs::read(&tree.keys).unwrap()).unwrap());
    let jobs = NonZero::new(jobs).unwrap();
    let request = VerifyRequest { jobs, ..VerifyRequest::of(vec!["tree".into()], at(9, 0)) };
    verify(&request, sources, Rules::of_copy(ring), None, observer)
}

/// Counts objects by kind and result.
#[derive(Default)]
struct Counter(Mutex<BTreeMap<(ObjectKind, ObjectResult), u64>>);

impl Observer for Counter {
    fn observe(&self, event: &RunEvent<'_>) -> io::Result<()> {
        if let RunEvent::Object(record) = event {
            *self.0.lock().unwrap().entry((record.object, record.result)).or_default() += 1;
        }
        Ok(())
    }
}

#[test]
fn a_strangers_observer_counts_what_the_report_counts() {
    let (tree, counter) = (two_regions(), Counter::default());
    let totals = run(&tree, 2, &counter).unwrap().totals;
    let expected = [
        ((ObjectKind::Digest, ObjectResult::Valid), totals.digests.valid),
        ((ObjectKind::Log, ObjectResult::Valid), totals.logs.listed.valid),
        (
            (ObjectKind::Log, ObjectResult::Invalid),
            totals.logs.listed.invalid + totals.logs.unreferenced,
        ),
    ];
    assert_eq!(counter.0.into_inner().unwrap(), expected.into());
    assert_eq!(expected.map(|(_, count)| count), [10, 9, 2]);
}

/// Remembers everything; objects as they can be stored.
#[derive(Default)]
struct Diary {
    /// What comes in order.
    ordered: Mutex<Vec<String>>,
    /// What comes as it happens.
    live: Mutex<BTreeMap<String, u64>>,
    concluded: Mutex<Vec<serde_json::Value>>,
    /// Log files for which the first area waits, and how they are waited for.
    first_waits_for: u64,
    one_more: Condvar,
}

impl Diary {
    fn count(&self, name: impl Into<String>, by: u64) {
        *self.live.lock().unwrap().entry(name.into()).or_default() += by;
    }
}

impl Observer for Diary {
    fn observe(&self, event: &RunEvent<'_>) -> io::Result<()> {
        match event {
            RunEvent::AreasFound { count } => self.count("areas", *count as u64),
            RunEvent::AreaBegun { area, digests } => {
                self.count(format!("digests of {}", area.region), *digests as u64);
                let mut live = self.live.lock().unwrap();
                while area.region.as_str() == ABROAD.region
                    && live.get("log files").copied().unwrap_or(0) < self.first_waits_for
                {
                    let (woken, late) =
                        self.one_more.wait_timeout(live, Duration::from_secs(60)).unwrap();
                    assert!(!late.timed_out(), "the other area is not worked on meanwhile");
                    live = woken;
                }
            }
            RunEvent::DigestDone => self.count("digests", 1),
            RunEvent::LogFileDone { bytes } => {
                self.count("log files", 1);
                self.count("bytes", *bytes);
                self.one_more.notify_all();
            }
            RunEvent::Object(record) => {
                let line = serde_json::to_string(record)?;
                let back: ObjectRecord<'static> = serde_json::from_str(&line)?;
                assert_eq!(&back, *record);
                self.ordered.lock().unwrap().push(line);
            }
            RunEvent::AreaDone { area } => {
                self.ordered.lock().unwrap().push(format!("done {}", area.region));
            }
            RunEvent::Concluded(report) => {
                self.concluded.lock().unwrap().push(serde_json::to_value(report)?);
            }
            // Further events may come with later versions.
            _ => {}
        }
        Ok(())
    }
}

#[test]
fn objects_and_areas_come_in_the_order_of_the_report_whatever_the_jobs() {
    let tree = two_regions();
    let mut ordered = Vec::new();
    for jobs in [1, 2, 8] {
        // Where areas are worked on at once, the first comes last.
        let first_waits_for = if jobs == 1 { 0 } else { 6 };
        let (diary, second) = (Diary { first_waits_for, ..Diary::default() }, Counter::default());
        let mut both = Observers::default();
        both.attach(&diary);
        both.attach(&second);
        let report = run(&tree, jobs, &both).unwrap();
        let live = diary.live.into_inner().unwrap();
        let live: Vec<_> = live.iter().map(|(name, count)| (&**name, *count)).collect();
        assert_eq!(
            live,
            [
                ("areas", 2),
                ("bytes", live[1].1),
                ("digests", 10),
                ("digests of eu-west-1", 4),
                ("digests of us-east-1", 6),
                ("log files", 10),
            ]
        );
        let of_logs = |path: &Trail, hours: &[i64]| -> u64 {
            let size = |hour: &i64| {
                std::fs::metadata(tree.path(&path.log_key(at(*hour, 20)))).unwrap().len()
            };
            hours.iter().map(size).sum()
        };
        assert_eq!(live[1].1, of_logs(&AUDIT, &[0, 1, 3, 4, 5]) + of_logs(&ABROAD, &[0, 1, 2, 3]));
        assert_eq!(second.0.into_inner().unwrap().values().sum::<u64>(), 10 + 10 + 1);
        assert_eq!(diary.concluded.into_inner().unwrap(), [serde_json::to_value(&report).unwrap()]);
        ordered.push(diary.ordered.into_inner().unwrap());
    }
    assert_eq!(ordered[0].len(), 10 + 10 + 1 + 2);
    assert_eq!(ordered[0][9], "done eu-west-1", "{:#?}", ordered[0]);
    assert_eq!(ordered[0].last().unwrap(), "done us-east-1");
    assert!(ordered[0][..9].iter().all(|line| line.contains("/eu-west-1/")));
    assert!(ordered.iter().all(|other| *other == ordered[0]));
}

/// Fails on one kind of event.
struct Full(fn(&RunEvent<'_>) -> bool);

impl Observer for Full {
    fn observe(&self, event: &RunEvent<'_>) -> io::Result<()> {
        if (self.0)(event) { Err(io::Error::other("no space left")) } else { Ok(()) }
    }
}

/// One for each kind of event.
const FULL: [Full; 7] = [
    Full(|event| matches!(event, RunEvent::AreasFound { .. })),
    Full(|event| matches!(event, RunEvent::AreaBegun { .. })),
    Full(|event| matches!(event, RunEvent::DigestDone)),
    Full(|event| matches!(event, RunEvent::LogFileDone { .. })),
    Full(|event| matches!(event, RunEvent::Object(_))),
    Full(|event| matches!(event, RunEvent::AreaDone { .. })),
    Full(|event| matches!(event, RunEvent::Concluded(_))),
];

#[test]
fn an_error_of_any_observer_ends_the_run_with_it() {
    let tree = two_regions();
    for jobs in [1, 8] {
        for (number, full) in FULL.iter().enumerate() {
            let counter = Counter::default();
            let mut both = Observers::default();
            both.attach(full);
            both.attach(&counter);
            let error = run(&tree, jobs, &both).unwrap_err();
            assert_eq!(error.to_string(), "no space left", "{number}");
        }
    }
    let stores = [(store(&tree), String::new())];
    let sources = Sources::discover(&stores, &Insisted::default(), Filter::default());
    let request = VerifyRequest::of(vec!["tree".into()], at(9, 0));
    for full in &FULL[..2] {
        let error = estimate(&request, &sources, full).unwrap_err();
        assert_eq!(error.to_string(), "no space left");
    }
}

#[test]
fn an_observer_that_fails_leaves_whole_files() {
    for (full, left) in FULL[..4].iter().zip([0, 0, 1, 1]) {
        let (tree, target) = (two_regions(), scratch());
        let request = CollectRequest {
            start: None,
            end: None,
            accounts: Vec::new(),
            regions: Vec::new(),
            excluded: Default::default(),
            trails: Vec::new(),
            logs: true,
            jobs: NonZero::new(2).unwrap(),
            limits: Limits::default(),
            stop: Default::default(),
        };
        let copy: Arc<dyn Store> = Arc::new(DirectoryStore::open(target.path(), "copy").unwrap());
        let result = collect(&request, &[(store(&tree), String::new())], copy.clone(), full);
        assert!(matches!(result, Err(CollectError::Observer(_))), "{result:?}");
        let copied = walk(target.path());
        assert!(copied.len() >= left, "{copied:?}");
        for path in copied {
            let own = tree.root().join(path.strip_prefix(target.path()).unwrap());
            assert_eq!(std::fs::read(&path).unwrap(), std::fs::read(own).unwrap(), "{path:?}");
        }
        collect(&request, &[(store(&tree), String::new())], copy, &Silent).unwrap();
        assert_eq!(walk(target.path()).len(), walk(&tree.root().join("AWSLogs")).len());
    }
    for (full, sealed) in FULL[1..4].iter().zip([0, 1, 0]) {
        let tree = Tree::empty();
        AUDIT.log(&tree, at(0, 20), &[]);
        let (report, result) = seal(&seal_request(2), store(&tree), String::new(), key(), full);
        assert!(matches!(result, Err(SealError::Observer(_))), "{result:?}");
        assert_eq!(report.sealed.len(), sealed);
        let (report, result) = seal(&seal_request(2), store(&tree), String::new(), key(), &Silent);
        result.unwrap();
        assert_eq!(report.sealed.len(), 2 - sealed);
        assert_eq!(tree.verify(&[]).status, 0);
    }
}

/// The files below a folder.
fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}
