//! The verifying run: facts are collected of every area of the sources, and judged.
//!
//! Several areas are collected at once, each by one thread in an order that its input decides,
//! while the pool reads its digests and log files; what they come to is put together in the order
//! of the areas. Memory holds of an area's digests only what linking needs, and 24 bytes for each
//! log file that they list; lists that are not checked yet are held within a budget.

mod answer;
mod area;
mod elsewhere;
mod estimate;
mod list;
mod listed;
mod look;
mod open;
mod ordered_events;
mod unlisted;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

pub use self::estimate::estimate;
pub use crate::judge::{SourceForm, TrailAnswer, TrailStatus};

use self::ordered_events::{AreaEvents, OrderedEvents};
use super::in_order::in_order;
use super::observe::{Observer, RunEvent};
use super::pool::{Pool, Stop};
use super::sources::{Area, Sources};
use crate::crypto::PublicKey;
use crate::judge::facts::key_reports;
use crate::judge::{
    AreaFacts, AreaJudgement, Circumstances, FactSet, Judged, Question, Survey, Unit, UnlistedLog,
    judge_area,
};
use crate::model::{AreaId, ChainId, Region, Window};
use crate::report::{ObjectKind, ObjectRecord, ObjectResult, RanBy, RunReport};
use crate::verify::candidates::Candidates;
use crate::verify::digest::Rules;
use crate::verify::{Code, Finding, Severity};

/// Request to verify.
#[derive(Debug, Clone)]
pub struct VerifyRequest {
    /// The sources, as the user named them.
    pub sources: Vec<String>,
    /// What is asked of them.
    pub question: Question,
    /// Number of objects read in parallel.
    pub jobs: NonZero<usize>,
    /// When the run began.
    pub started: Timestamp,
    /// Person or team to name in the report.
    pub ran_by: RanBy,
    /// Ends the run early.
    pub stop: Stop,
}

/// Queries to CloudTrail.
pub trait CloudTrail: Send + Sync {
    /// The keys that a region published for a window of time.
    ///
    /// # Errors
    /// Reason why they could not be fetched, on one line.
    fn keys(&self, region: &Region, window: Window) -> Result<Vec<PublicKey>, String>;

    /// Its answer on a chain's trail.
    ///
    /// # Errors
    /// The cause for which it cannot be asked, in a line.
    fn trail(&self, chain: &ChainId) -> Result<TrailAnswer, String>;
}

impl VerifyRequest {
    /// All that sources hold, as of when a run begins.
    #[must_use]
    pub fn of(sources: Vec<String>, started: Timestamp) -> Self {
        Self {
            sources,
            question: Question::default(),
            jobs: NonZero::<usize>::MIN,
            started,
            ran_by: RanBy::default(),
            stop: Stop::default(),
        }
    }
}

/// Number of areas verified in parallel: a small one mostly waits for its few requests.
const AREAS_AT_ONCE: usize = 16;

/// A verifying run over sources: collects facts of all areas, and lets the judge conclude.
pub struct Verifier<'a> {
    request: &'a VerifyRequest,
    /// What is asked: that of the request, or of other trails beside it.
    question: Question,
    sources: Arc<Sources>,
    survey: Survey,
    /// The rules, with the keys of the files that were given.
    rules: Rules,
    cloudtrail: Option<&'a dyn CloudTrail>,
    pool: Pool,
    observer: &'a dyn Observer,
    /// Number of areas being verified; they share the pool.
    active: AtomicUsize,
}

impl<'a> Verifier<'a> {
    /// A run over sources, which starts its threads and reads nothing yet.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn new(
        request: &'a VerifyRequest,
        sources: Sources,
        discovered: Vec<Finding>,
        rules: Rules,
        observer: &'a dyn Observer,
    ) -> io::Result<Self> {
        let survey = Survey { taken: request.started, findings: discovered, ..sources.survey() };
        Ok(Self {
            request,
            question: request.question.clone(),
            sources: Arc::new(sources),
            survey,
            rules,
            cloudtrail: None,
            pool: Pool::start(request.jobs)?,
            observer,
            active: AtomicUsize::new(0),
        })
    }

    /// Asks CloudTrail for public keys, and for its word on trails.
    #[must_use]
    pub fn asking(self, cloudtrail: Option<&'a dyn CloudTrail>) -> Self {
        Self { cloudtrail, ..self }
    }

    /// Verifies what the sources hold.
    ///
    /// # Errors
    /// When an observer fails; findings are no errors.
    pub fn verify(mut self) -> io::Result<RunReport> {
        let mut judged = Judged::with_keys(key_reports(&self.rules.keys));
        self.each_area(
            &[Unit::WHOLE],
            |run, id, area, _, mut events| {
                let facts = area::collect(run, (id, area), Unit::WHOLE, &mut events)?;
                run.judge_area(facts, &mut events)
            },
            |(facts, judgement)| judged.add(facts, judgement),
        )?;
        self.conclude_run(&judged)
    }

    /// Collects the facts of all areas in parts, to be stored, joined and judged.
    ///
    /// # Errors
    /// When an observer fails.
    pub fn collect(mut self, units: &[Unit]) -> io::Result<FactSet> {
        let mut set = FactSet::default();
        self.each_area(
            units,
            |run, id, area, unit, mut events| area::collect(run, (id, area), unit, &mut events),
            |facts| set.add(facts),
        )?;
        Ok(set)
    }

    /// Judges facts that were collected of these sources.
    ///
    /// # Errors
    /// When an observer fails.
    pub fn judge(mut self, facts: FactSet) -> io::Result<RunReport> {
        let mut judged = Judged::with_keys(key_reports(&self.rules.keys));
        let mut joined: BTreeMap<_, _> =
            facts.into_areas().into_iter().map(|facts| (facts.id.clone(), facts)).collect();
        let joined = Mutex::new(&mut joined);
        self.each_area(
            &[Unit::WHOLE],
            |run, id, area, _, mut events| {
                let facts = joined.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
                let facts = facts.unwrap_or_else(|| AreaFacts::lacking(id));
                let facts = area::complete(run, (id, area), facts, &mut events)?;
                run.judge_area(facts, &mut events)
            },
            |(facts, judgement)| judged.add(facts, judgement),
        )?;
        self.conclude_run(&judged)
    }

    /// Does something with every area and part, several at once, and takes up the results in their
    /// order.
    fn each_area<T: Send>(
        &mut self,
        units: &[Unit],
        work: impl for<'r, 'e> Fn(
            &'r Self,
            &'r AreaId,
            &'r Area,
            Unit,
            AreaEvents<'e, 'r>,
        ) -> io::Result<T>
        + Sync,
        mut each: impl FnMut(T),
    ) -> io::Result<()> {
        let stop = &self.request.stop;
        let sources = self.sources.clone();
        let areas = sources.areas.iter().filter(|(id, _)| self.question.wants(id));
        let wanted: Vec<_> =
            areas.flat_map(|(id, area)| units.iter().map(move |unit| (id, area, *unit))).collect();
        self.observer.observe(&RunEvent::AreasFound { count: wanted.len() })?;
        let events = OrderedEvents::new(self.observer);
        let worked = in_order(
            AREAS_AT_ONCE.min(self.request.jobs.get()),
            &wanted,
            |number, (id, area, unit)| {
                let events = events.of_area(number, id, stop);
                match work(self, id, area, *unit, events) {
                    Err(_) if stop.is_set() => Ok(None),
                    result => result.map(Some),
                }
            },
            |result| result.map(|result| result.into_iter().for_each(&mut each)),
        );
        // The observer's own error says more than that of an area that it ended.
        events.finish()?;
        worked?;
        if stop.is_set() {
            self.pool.abandon();
        }
        Ok(())
    }

    fn conclude_run(&self, judged: &Judged) -> io::Result<RunReport> {
        let report = self.conclude(judged);
        self.observer.observe(&RunEvent::Concluded(&report))?;
        Ok(report)
    }
}

impl Verifier<'_> {
    /// Judges the facts of an area by themselves.
    fn judge_area(
        &self,
        mut facts: AreaFacts,
        events: &mut AreaEvents<'_, '_>,
    ) -> io::Result<(AreaFacts, AreaJudgement)> {
        self.complete(&mut facts);
        let each = &mut |log: UnlistedLog<'_>| {
            events.object(ObjectRecord {
                object: ObjectKind::Log,
                result: if log.suspect { ObjectResult::Unchecked } else { ObjectResult::Invalid },
                code: Some(Code::LogUnreferenced),
                chain: log.chain.map(Cow::Borrowed),
                bucket: log.bucket.map(Cow::Borrowed),
                key: Cow::Borrowed(log.key),
                referenced_by: None,
                bytes: 0,
            })
        };
        let judgement = judge_area(&self.question, &self.survey, &facts, each)?;
        // Judged by now, and as many as there are log files.
        facts.candidates = Candidates::new(&facts.id);
        Ok((facts, judgement))
    }

    /// The circumstances of the run so far.
    fn circumstances(&self) -> Circumstances {
        let VerifyRequest { sources, started, ran_by, stop, .. } = self.request;
        Circumstances {
            sources: sources.clone(),
            started: *started,
            ran_by: ran_by.clone(),
            asks_cloudtrail: self.cloudtrail.is_some(),
            interrupted: stop.is_set(),
        }
    }

    /// The rules with the keys that the digests of a region and time need, from where they are
    /// published.
    fn rules_for(&self, region: &Region, window: Window, facts: &mut AreaFacts) -> Arc<Rules> {
        let mut rules = self.rules.clone();
        if let Some(cloudtrail) = self.cloudtrail {
            match cloudtrail.keys(region, window) {
                Ok(keys) => {
                    rules.keys.add(keys);
                    rules.key_unknown = Severity::Violation;
                }
                Err(cause) => {
                    rules.key_unknown = Severity::Incomplete;
                    facts.keyless.entry(region.clone()).or_insert(cause);
                }
            }
        }
        facts.note_keys(&rules.keys);
        Arc::new(rules)
    }

    /// An even share of what can be under way at once.
    fn share(&self, of: usize) -> usize {
        of / self.active.load(Ordering::Relaxed).max(1)
    }
}

/// Verifies what the sources hold.
///
/// # Errors
/// When a thread cannot be started or an observer fails; findings are no errors.
pub fn verify(
    request: &VerifyRequest,
    sources: Sources,
    rules: Rules,
    cloudtrail: Option<&dyn CloudTrail>,
    discovered: Vec<Finding>,
    observer: &dyn Observer,
) -> io::Result<RunReport> {
    Verifier::new(request, sources, discovered, rules, observer)?.asking(cloudtrail).verify()
}
