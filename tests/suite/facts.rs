//! Facts collected in parts and joined come to the report that the whole comes to, to the byte:
//! wherever the time is cut, in whatever order the parts are joined, and through JSON.

use std::fs;
use std::num::NonZero;
use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use trailseal::internals::crypto::KeyRing;
use trailseal::internals::judge::{
    Answers, Circumstances, Concluded, FactSet, Question, Survey, Unit, Want, judge,
};
use trailseal::internals::model::AreaId;
use trailseal::internals::report::{RanBy, RunReport, Verdict};
use trailseal::internals::run::Silent;
use trailseal::internals::run::filter::Filter;
use trailseal::internals::run::sources::{Insisted, Sources};
use trailseal::internals::run::verify::{Verifier, VerifyRequest};
use trailseal::internals::store::{DirectoryStore, Store};
use trailseal::internals::verify::Code;
use trailseal::internals::verify::digest::Rules;

use crate::common::trails::{AUDIT, WITNESS, event};
use crate::common::{
    ACCOUNT, HOURS, Tree, at, backfill_key, digest_key, draft, key, log_key, log_key_at,
};

/// A tree and the hours that are asked for.
struct World {
    name: &'static str,
    tree: Tree,
    asked: (Option<i64>, Option<i64>),
}

impl World {
    fn new(name: &'static str, change: impl FnOnce(&Tree)) -> Self {
        let tree = Tree::sealed();
        change(&tree);
        Self { name, tree, asked: (None, None) }
    }

    fn asking(self, from: i64, to: i64) -> Self {
        Self { asked: (Some(from), Some(to)), ..self }
    }

    fn request(&self) -> VerifyRequest {
        let (from, to) = self.asked;
        let question = Question {
            start: from.map(|hour| at(hour, 0)),
            end: to.map(|hour| at(hour, 0)),
            ..Question::default()
        };
        VerifyRequest {
            question,
            jobs: NonZero::new(2).unwrap(),
            ..VerifyRequest::of(vec!["copy".to_owned()], at(200, 0))
        }
    }

    /// What a run over the tree comes to.
    fn run<T>(&self, ask: impl FnOnce(Verifier<'_>) -> std::io::Result<T>) -> T {
        self.run_as(&self.request(), ask)
    }

    fn run_as<T>(
        &self,
        request: &VerifyRequest,
        ask: impl FnOnce(Verifier<'_>) -> std::io::Result<T>,
    ) -> T {
        let store: Arc<dyn Store> =
            Arc::new(DirectoryStore::open(self.tree.root(), "copy").unwrap());
        let stores = [(store, String::new())];
        let insisted = Insisted::default();
        let sources = Sources::discover(&stores, &insisted, Filter::default());
        let mut ring = KeyRing::new();
        let file = fs::read(&self.tree.keys).unwrap();
        ring.add(trailseal::internals::crypto::parse_key_file("public-keys.json", &file).unwrap());
        let verifier = Verifier::new(request, sources, Rules::of_copy(ring), &Silent).unwrap();
        ask(verifier).unwrap()
    }

    fn whole(&self) -> RunReport {
        self.run(|verifier| verifier.verify())
    }

    /// Facts of the parts between these cuts, each stored and read again.
    fn parts(&self, cuts: &[Timestamp]) -> Vec<FactSet> {
        let parts = Unit::between(cuts);
        let collected = parts.iter().map(|unit| self.run(|v| v.collect(&[*unit])));
        collected
            .map(|facts| {
                let text = serde_json::to_string(&facts).unwrap();
                let read: FactSet = serde_json::from_str(&text).unwrap();
                assert!(read == facts, "{}: {text}", self.name);
                read
            })
            .collect()
    }
}

/// The report without the number of requests, which parts need more of.
fn told(mut report: RunReport) -> String {
    report.totals.requests = 0;
    serde_json::to_string_pretty(&report).unwrap()
}

fn worlds() -> Vec<World> {
    let injected = log_key_at(at(4, 40), "CloudTrail", "CCCCCCCCCCCCCCCC");
    let late = log_key_at(at(2, 40), "CloudTrail", "BBBBBBBBBBBBBBBB");
    let gap = |events: bool| {
        move |tree: &Tree| {
            let (stop, start) = (event("StopLogging", at(2, 15)), event("StartLogging", at(4, 2)));
            for (hour, event) in [(2, stop), (4, start)].into_iter().filter(|_| events) {
                AUDIT.log(tree, at(hour, 20), &[event]);
            }
            for hour in 1..=HOURS {
                tree.remove(&digest_key(hour));
            }
            let cuts =
                |hours: std::ops::RangeInclusive<i64>| hours.map(|h| at(h, 0)).collect::<Vec<_>>();
            AUDIT.segment(tree, &cuts(0..=3));
            AUDIT.segment(tree, &cuts(4..=8));
        }
    };
    vec![
        World::new("whole", |_| {}),
        World::new("whole, some hours of it", |_| {}).asking(2, 6),
        World::new("a plain copy", Tree::lose_all_metadata),
        World::new("a plain copy, some hours of it", Tree::lose_all_metadata).asking(2, 6),
        World::new("a log file is gone", |tree| tree.remove(&log_key(2))),
        World::new("a log file is altered", |tree| {
            tree.rewrite(&log_key(2), "Records", "records");
        }),
        World::new("a digest is gone", |tree| tree.remove(&digest_key(4))),
        World::new("digests are gone", |tree| {
            for hour in [2, 3, 4, 6] {
                tree.remove(&digest_key(hour));
            }
        }),
        World::new("the first digests are gone", |tree| {
            tree.remove(&digest_key(1));
            tree.remove(&digest_key(2));
        }),
        World::new("the last digests are gone", |tree| {
            tree.remove(&digest_key(7));
            tree.remove(&digest_key(8));
        })
        .asking(0, 8),
        World::new("a digest is altered", |tree| tree.rewrite(&digest_key(4), "[", "[ ")),
        World::new("a digest cannot be read", |tree| {
            tree.change(&digest_key(4), |bytes| bytes.truncate(9));
        }),
        World::new("a log file is injected", |tree| tree.write_log(&injected)),
        World::new("log files are injected and copied", |tree| {
            for n in 0..20 {
                let unique = format!("{n:0>16}");
                tree.write_log(&log_key_at(at(n % 8, 45), "CloudTrail", &unique));
                tree.write(&format!("{}.{n}.txt", log_key(1)), b"a note");
            }
            let copy = log_key(1).replace(".json.gz", " (1).json.gz");
            fs::copy(tree.path(&log_key(1)), tree.path(&copy)).unwrap();
        }),
        World::new("a log file came late", |tree| {
            tree.write_log(&late);
            tree.seal(10).unwrap();
        }),
        World::new("a log file came late, after the hours asked for", |tree| {
            tree.write_log(&late);
            tree.seal(10).unwrap();
        })
        .asking(0, 6),
        World::new("the backfill digest of a late log file is gone", |tree| {
            tree.write_log(&late);
            tree.seal(9).unwrap();
            tree.remove(&backfill_key(9));
        }),
        World::new("a second history", |tree| {
            let previous = tree.previous(&digest_key(3));
            let fork = draft(at(3, 0), at(4, 30), Some(previous)).seal(key()).unwrap();
            tree.put(&fork);
        }),
        World::new("a gap", gap(false)),
        World::new("a gap that events explain", gap(true)),
        World::new("two trails", |tree| {
            WITNESS.log(tree, at(3, 30), &[event("StopLogging", at(3, 15))]);
            let cuts: Vec<_> = (0..=8).map(|hour| at(hour, 10)).collect();
            WITNESS.segment(tree, &cuts);
        }),
        World::new("a log file is injected near the end of the hours asked for", |tree| {
            tree.write_log(&log_key_at(at(5, 45), "CloudTrail", "CCCCCCCCCCCCCCCC"));
        })
        .asking(2, 6),
        World::new("a copy of a log file outside of the hours asked for", |tree| {
            let copy = log_key(5).replace(".json.gz", " (1).json.gz");
            fs::copy(tree.path(&log_key(5)), tree.path(&copy)).unwrap();
        })
        .asking(0, 5),
        World::new("nothing of the hours asked for", |_| {}).asking(100, 110),
    ]
}

#[test]
fn parts_of_facts_come_to_what_the_whole_comes_to() {
    parts_of_facts_in_cuts(1);
}

#[test]
#[ignore = "slow: many ways to cut each world"]
fn parts_of_facts_come_to_what_the_whole_comes_to_in_every_case() {
    parts_of_facts_in_cuts(24);
}

/// Cuts each world in so many ways, and joins the parts in any order, the first of them twice.
fn parts_of_facts_in_cuts(ways: usize) {
    let mut runner = TestRunner::deterministic();
    for world in worlds() {
        let whole = told(world.whole());
        let facts = world.run(|verifier| verifier.collect(&[Unit::WHOLE]));
        assert_eq!(told(facts.into_report(&world)), whole, "{}", world.name);
        for _ in 0..ways {
            let hours = proptest::collection::vec((-1_i64..12, 0_i64..60), 1..5);
            let cuts = hours.new_tree(&mut runner).unwrap().current();
            let cuts: Vec<_> = cuts.into_iter().map(|(hour, minute)| at(hour, minute)).collect();
            let parts = world.parts(&cuts);
            let order = Just((0..parts.len()).collect::<Vec<_>>()).prop_shuffle();
            let order = order.new_tree(&mut runner).unwrap().current();
            let mut joined = FactSet::default();
            for n in order.iter().chain(&order[..1]) {
                joined.join(parts[*n].clone());
            }
            let report = told(joined.into_report(&world));
            assert!(
                report == whole,
                "{} cut at {cuts:?}: {}",
                world.name,
                difference(&whole, &report)
            );
        }
    }
}

trait IntoReport {
    fn into_report(self, world: &World) -> RunReport;
}

impl IntoReport for FactSet {
    fn into_report(self, world: &World) -> RunReport {
        world.run(|verifier| verifier.judge(self))
    }
}

/// The lines in which two texts differ.
fn difference(one: &str, other: &str) -> String {
    let (one, other): (Vec<_>, Vec<_>) = (one.lines().collect(), other.lines().collect());
    let only = |lines: &[&str], not: &[&str], sign: &str| {
        let only = lines.iter().filter(|line| !not.contains(line));
        only.map(|line| format!("\n{sign} {line}")).collect::<String>()
    };
    only(&one, &other, "-") + &only(&other, &one, "+")
}

#[test]
fn joining_is_a_union() {
    let world = World::new("a log file is gone", |tree| tree.remove(&log_key(2)));
    let [a, b, c] = world.parts(&[at(2, 0), at(5, 0)]).try_into().unwrap();
    let join = |sets: &[&FactSet]| {
        let mut joined = FactSet::default();
        sets.iter().for_each(|set| joined.join((*set).clone()));
        joined
    };
    let all = join(&[&a, &b, &c]);
    assert!(join(&[&c, &a, &b]) == all, "commutative");
    assert!(join(&[&join(&[&a, &b]), &c]) == join(&[&a, &join(&[&b, &c])]), "associative");
    assert!(join(&[&all, &b, &all]) == all, "idempotent");
}

/// Pure judgement, without the sources: nothing is accused that they would explain.
#[test]
fn what_the_sources_would_explain_is_wanted_and_not_accused() {
    let note = World::new("a note", |tree| tree.write(&format!("{}.txt", log_key(1)), b"a note"));
    let mut joined = FactSet::default();
    note.parts(&[at(4, 0)]).into_iter().for_each(|part| joined.join(part));
    let id = joined.clone().into_areas().remove(0).id;
    let Concluded { report, wanted } = judged_alone(joined, &id);
    assert_eq!(report.verdict, Verdict::Incomplete, "{:#?}", report.findings);
    assert_eq!(Vec::from_iter(wanted), [Want::Late(id)]);
}

#[test]
fn parts_that_overlap_or_lack_accuse_nobody() {
    let world = World::new("whole", |_| {}).asking(0, 8);
    let collect = |unit| world.run(|verifier| verifier.collect(&[unit]));
    let (from, to) = (Some(at(3, 0)), Some(at(6, 0)));
    let parts = [
        Unit { from: None, to: from },
        Unit { from, to },
        Unit { from: to, to: None },
        Unit { from: None, to },
        Unit { from, to: None },
        Unit::WHOLE,
    ]
    .map(collect);
    // Every choice of parts: verified only where they are all there and do not overlap.
    for choice in 0_u32..1 << parts.len() {
        let mut joined = FactSet::default();
        let chosen = parts.iter().enumerate().filter(|(n, _)| choice & (1 << n) != 0);
        chosen.for_each(|(_, part)| joined.join(part.clone()));
        let report = joined.into_report(&world);
        let whole = [0b00_0111, 0b01_0001, 0b00_1100, 0b10_0000].contains(&choice);
        let expected = if whole { Verdict::Verified } else { Verdict::Incomplete };
        assert_eq!(report.verdict, expected, "{choice:06b}: {:#?}", report.findings);
    }
}

#[test]
fn a_part_that_lacks_or_changed_is_never_verified() {
    let world = World::new("whole", |_| {});
    let parts = world.parts(&[at(2, 0), at(5, 0)]);
    for lacking in 0..parts.len() {
        let mut joined = FactSet::default();
        let others = parts.iter().enumerate().filter(|(n, _)| *n != lacking);
        others.for_each(|(_, part)| joined.join(part.clone()));
        let report = joined.into_report(&world);
        assert_eq!(report.verdict.exit_status(), 3, "{lacking}: {:#?}", report.findings);
        assert!(report.findings.iter().any(|f| f.message.contains("were not collected")));
    }
    let report = FactSet::default().into_report(&world);
    assert_eq!(report.verdict.exit_status(), 3, "{:#?}", report.findings);
    let elsewhere = World::new("another account", |tree| {
        let of = |account: &str| tree.path(&format!("AWSLogs/{account}"));
        fs::rename(of(ACCOUNT), of("999999999999")).unwrap();
    });
    let mut joined = FactSet::default();
    parts.iter().for_each(|part| joined.join(part.clone()));
    elsewhere.parts(&[]).into_iter().for_each(|part| joined.join(part));
    let report = joined.into_report(&world);
    assert_eq!(report.verdict.exit_status(), 3, "{:#?}", report.findings);
    assert!(report.findings.iter().any(|f| f.message.contains("they are of another run")));
    world.tree.rewrite(&log_key(2), "Records", "records");
    let mut joined = FactSet::default();
    parts.iter().for_each(|part| joined.join(part.clone()));
    world.parts(&[at(2, 0), at(5, 0)]).into_iter().for_each(|part| joined.join(part));
    let report = joined.into_report(&world);
    assert_ne!(report.verdict.exit_status(), 0, "{:#?}", report.findings);
    assert!(report.findings.iter().any(|f| f.message.contains("collected twice and differ")));
}

/// What facts come to where there are no sources.
fn judged_alone(facts: FactSet, id: &AreaId) -> Concluded {
    let survey = Survey { areas: [id.clone()].into(), any_logs_folder: true, ..Survey::default() };
    let circumstances = Circumstances {
        sources: vec!["copy".to_owned()],
        started: at(200, 0),
        ran_by: RanBy::default(),
        asks_cloudtrail: false,
        interrupted: false,
    };
    judge(&Question::default(), &circumstances, &survey, facts, &Answers::default())
}

/// Facts of an area that were stored by an earlier build: a log file of the third hour is gone, the
/// chain is in two parts.
const STORED: &str = include_str!("snapshots/facts.json");

#[test]
fn stored_facts_are_read_written_and_judged_without_their_sources() {
    if std::env::var_os("TRAILSEAL_BLESS").is_some() {
        let world = World::new("a log file is gone", |tree| tree.remove(&log_key(2)));
        let mut joined = FactSet::default();
        world.parts(&[at(5, 0)]).into_iter().for_each(|part| joined.join(part));
        let text = serde_json::to_string_pretty(&joined).unwrap() + "\n";
        fs::write("tests/suite/snapshots/facts.json", text).unwrap();
        return;
    }
    let facts: FactSet = serde_json::from_str(STORED).unwrap();
    assert_eq!(serde_json::to_string_pretty(&facts).unwrap() + "\n", STORED);
    assert!(STORED.starts_with("{\n  \"schema\": \"trailseal.facts/1\""));
    let newer = STORED.replacen("facts/1", "facts/2", 1);
    let error = serde_json::from_str::<FactSet>(&newer).unwrap_err();
    assert!(error.to_string().contains("schema trailseal.facts/2"), "{error}");
    let id = facts.clone().into_areas().remove(0).id;
    let Concluded { report, wanted } = judged_alone(facts.clone(), &id);
    let found: Vec<_> = report.findings.iter().map(|f| (f.code, f.key.as_deref())).collect();
    assert!(found.contains(&(Code::LogMissing, Some(&*log_key(2)))), "{found:?}");
    assert_eq!(report.verdict, Verdict::Violation);
    assert_eq!((report.totals.digests.valid, report.totals.logs.listed.invalid), (8, 1));
    // Events that may tell who deleted it are wanted; none is hinted at here.
    assert!(wanted.is_empty(), "{wanted:?}");
    let nothing = judged_alone(FactSet::default(), &id).report;
    assert_eq!(nothing.verdict, Verdict::Incomplete);
}

#[test]
fn parts_that_an_interruption_leaves_unread_are_not_there() {
    let world = World::new("whole", |_| {});
    let request = world.request();
    request.stop.set();
    let facts = world.run_as(&request, |verifier| verifier.collect(&[Unit::WHOLE]));
    assert!(facts == FactSet::default());
    let report = facts.into_report(&world);
    assert_eq!(report.verdict, Verdict::Incomplete, "{:#?}", report.findings);
}

/// Facts up to a day are a checkpoint: what came later is collected alone and joined.
#[test]
fn continuing_is_joining() {
    let hourly = |tree: &Tree, hours: std::ops::Range<i64>| {
        hours.for_each(|hour| {
            tree.write_log(&log_key_at(at(hour, 20), "CloudTrail", "AAAAAAAAAAAAAAAA"))
        });
    };
    let world = World::new("two days", |tree| {
        hourly(tree, 8..30);
        tree.seal(30).unwrap();
    });
    let day = at(24, 0);
    let checkpoint = world.run(|v| v.collect(&[Unit { from: None, to: Some(day) }]));
    hourly(&world.tree, 30..40);
    world.tree.seal(40).unwrap();
    world.tree.remove(&log_key_at(at(33, 20), "CloudTrail", "AAAAAAAAAAAAAAAA"));
    let mut joined = world.run(|v| v.collect(&[Unit { from: Some(day), to: None }]));
    joined.join(checkpoint);
    let (report, whole) = (joined.into_report(&world), world.whole());
    assert_eq!(whole.verdict, Verdict::Violation);
    assert_eq!((whole.totals.digests.valid, whole.totals.logs.listed.invalid), (40, 1));
    let (report, whole) = (told(report), told(whole));
    assert!(report == whole, "{}", difference(&whole, &report));
}
