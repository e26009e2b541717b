//! The verifying run: facts are collected of every area of the sources, and judged.
//!
//! Several areas are collected at once, each by one thread in an order that its input decides,
//! while the pool reads its digests and log files; the results are put together in the order
//! of the areas. Memory holds of an area's digests only what linking needs, and 24 bytes for each
//! log file that they list; lists that are not checked yet are held within a budget.

mod answer;
mod area;
mod claims;
mod collector;
mod context;
mod elsewhere;
mod estimate;
mod list;
mod listed;
mod logs;
mod open;
mod ordered_events;
mod recognize;
mod request;
mod unlisted;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, PoisonError};

pub use self::estimate::estimate;
pub use self::request::{CloudTrail, VerifyRequest};
pub use crate::judge::{LoggingStatus, SourceForm, TrailAnswer};

use self::context::RunContext;
use self::ordered_events::{AreaEvents, OrderedEvents};
use super::in_order::{AREAS_AT_ONCE, in_order};
use super::observe::{Observer, RunEvent};
use super::pool::{JobError, Pool};
use super::sources::{Area, Sources};
use crate::judge::facts::key_reports;
use crate::judge::{AreaFacts, AreaJudgement, FactSet, JudgedAreas, Unit, UnlistedLog, judge_area};
use crate::model::AreaId;
use crate::report::{ObjectKind, ObjectRecord, ObjectResult, RunReport};
use crate::verify::Code;
use crate::verify::candidates::Candidates;
use crate::verify::digest::Rules;

/// A verifying run over sources: collects facts of all areas, and lets the judge conclude.
pub struct Verifier<'a>(RunContext<'a>);

impl<'a> Verifier<'a> {
    /// A run over sources, which starts its threads and reads nothing yet.
    ///
    /// # Errors
    /// When a thread cannot be started.
    pub fn new(
        request: &'a VerifyRequest,
        sources: Sources,
        rules: Rules,
        observer: &'a dyn Observer,
    ) -> io::Result<Self> {
        let survey = sources.survey(request.started);
        Ok(Self(RunContext {
            request,
            question: request.question.clone(),
            sources: Arc::new(sources),
            survey,
            rules,
            cloudtrail: None,
            pool: Pool::start(request.jobs)?,
            observer,
            active: AtomicUsize::new(0),
        }))
    }

    /// Asks CloudTrail for public keys, and for its word on trails.
    #[must_use]
    pub fn asking(self, cloudtrail: Option<&'a dyn CloudTrail>) -> Self {
        Self(RunContext { cloudtrail, ..self.0 })
    }

    /// Verifies what the sources hold.
    ///
    /// # Errors
    /// When an observer fails; findings are no errors.
    pub fn verify(mut self) -> io::Result<RunReport> {
        let mut judged = JudgedAreas::with_keys(key_reports(&self.0.rules.keys));
        self.each_area(
            &[Unit::WHOLE],
            |run, id, area, _, mut events| {
                let facts = area::collect(run, (id, area), Unit::WHOLE, &mut events)?;
                judge(run, facts, &mut events)
            },
            |(facts, judgement)| judged.add(facts, judgement),
        )?;
        self.conclude_run(&judged)
    }

    /// Collects the facts of all areas in parts, to be stored, joined and judged. Parts that an
    /// interruption leaves unread are not among them.
    ///
    /// # Errors
    /// When an observer fails.
    pub fn collect(mut self, units: &[Unit]) -> io::Result<FactSet> {
        let mut set = FactSet::default();
        self.each_area(
            units,
            |run, id, area, unit, mut events| {
                let facts = area::collect(run, (id, area), unit, &mut events)?;
                // What was not read to its end would look as if it ended there.
                match run.request.stop.is_set() {
                    true => Err(io::Error::other(JobError::Stopped)),
                    false => Ok(facts),
                }
            },
            |facts| set.add(facts),
        )?;
        Ok(set)
    }

    /// Judges facts that were collected of these sources.
    ///
    /// # Errors
    /// When an observer fails.
    pub fn judge(mut self, facts: FactSet) -> io::Result<RunReport> {
        let mut judged = JudgedAreas::with_keys(key_reports(&self.0.rules.keys));
        let joined: BTreeMap<_, _> =
            facts.into_areas().into_iter().map(|facts| (facts.id.clone(), facts)).collect();
        let joined = Mutex::new(joined);
        self.each_area(
            &[Unit::WHOLE],
            |run, id, area, _, mut events| {
                let facts = joined.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
                let facts = facts.unwrap_or_else(|| AreaFacts::not_collected(id));
                let facts = area::complete(run, (id, area), facts, &mut events)?;
                judge(run, facts, &mut events)
            },
            |(facts, judgement)| judged.add(facts, judgement),
        )?;
        let foreign = joined.into_inner().unwrap_or_else(PoisonError::into_inner);
        foreign.keys().for_each(|id| judged.note_foreign(id));
        self.conclude_run(&judged)
    }

    /// Does something with every area and part, several at once, and takes up the results in their
    /// order.
    fn each_area<T: Send>(
        &mut self,
        units: &[Unit],
        work: impl for<'r, 'e> Fn(
            &'r RunContext<'a>,
            &'r AreaId,
            &'r Area,
            Unit,
            AreaEvents<'e, 'r>,
        ) -> io::Result<T>
        + Sync,
        mut each: impl FnMut(T),
    ) -> io::Result<()> {
        let context = &self.0;
        let stop = &context.request.stop;
        let sources = context.sources.clone();
        let areas = sources.areas.iter().filter(|(id, _)| context.question.wants(id));
        let wanted: Vec<_> =
            areas.flat_map(|(id, area)| units.iter().map(move |unit| (id, area, *unit))).collect();
        context.observer.observe(&RunEvent::AreasFound { count: wanted.len() })?;
        let events = OrderedEvents::new(context.observer);
        let worked = in_order(
            AREAS_AT_ONCE.min(context.request.jobs.get()),
            &wanted,
            |number, (id, area, unit)| {
                let events = events.of_area(number, id, stop);
                match work(context, id, area, *unit, events) {
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
            self.0.pool.abandon();
        }
        Ok(())
    }

    fn conclude_run(&self, judged: &JudgedAreas) -> io::Result<RunReport> {
        let report = self.0.conclude(judged);
        self.0.observer.observe(&RunEvent::Concluded(&report))?;
        Ok(report)
    }
}

/// Judges the facts of an area by themselves.
fn judge(
    run: &RunContext<'_>,
    mut facts: AreaFacts,
    events: &mut AreaEvents<'_, '_>,
) -> io::Result<(AreaFacts, AreaJudgement)> {
    run.complete(&mut facts);
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
    let judgement = judge_area(&run.question, &run.survey, &facts, each)?;
    // Judged by now, and as many as there are log files.
    facts.candidates = Candidates::new(&facts.id);
    Ok((facts, judgement))
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
    observer: &dyn Observer,
) -> io::Result<RunReport> {
    Verifier::new(request, sources, rules, observer)?.asking(cloudtrail).verify()
}
