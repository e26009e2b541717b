//! Answers to what the judge wants to know beyond the facts of areas.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::area;
use super::context::RunContext;
use super::elsewhere::read_in_order;
use super::open::{open_log, presence};
use super::ordered_events::OrderedEvents;
use crate::judge::facts::NamedDigest;
use crate::judge::plan::keys_around;
use crate::judge::{
    Answers, AreaFacts, JudgedAreas, LogFileId, Question, Unit, Want, beside, conclude,
    wanted_by_links,
};
use crate::model::{AreaId, ChainId, DigestKey, LogEntry, Window};
use crate::report::RunReport;
use crate::run::Silent;
use crate::run::in_order::{AREAS_AT_ONCE, in_order};
use crate::run::pool::{JobHandle, Pool};
use crate::verify::events::Event;
use crate::verify::link::DigestFacts;
use crate::verify::log_file::events_of;

/// The events of a log file, or why they could not be read.
type EventsAnswer = Result<Vec<Event>, String>;

impl RunContext<'_> {
    /// Answers what linking the digests of an area asks for, in its facts.
    pub(super) fn complete(&self, facts: &mut AreaFacts) {
        complete(self, &self.question, facts);
    }

    /// Judges all areas together, and answers what the judge wants until it wants no more.
    pub(super) fn conclude(&self, judged: &JudgedAreas) -> RunReport {
        let mut answers = Answers::default();
        loop {
            let circumstances = self.circumstances();
            let concluded =
                conclude(&self.question, &circumstances, &self.survey, judged, &answers);
            if concluded.wanted.is_empty() || circumstances.interrupted {
                let mut report = concluded.report;
                report.totals.requests = self.sources.requests();
                return report;
            }
            self.answer(concluded.wanted, &mut answers);
        }
    }

    fn answer(&self, wanted: BTreeSet<Want>, answers: &mut Answers) {
        let (mut events, mut trails) = (Vec::new(), Vec::new());
        for want in wanted {
            match want {
                Want::Named(digest) => {
                    let presence = presence(&self.sources, &self.rules, &digest);
                    answers.named.insert(digest, presence);
                }
                Want::Digests(id, names) => {
                    let digests = self.digests(&id, &names, answers);
                    answers.digests.insert((id, names), digests);
                }
                Want::Events(file) => events.push(file),
                Want::Beside(id, time) => {
                    let facts = self.beside(&id, time);
                    answers.beside.insert((id, time), facts);
                }
                Want::Trail(chain) => trails.push(chain),
                // Answered for each area before it is judged.
                Want::Late(_) => {}
            }
        }
        self.read_events(events, answers);
        self.ask_for_trails(&trails, answers);
    }

    fn digests(&self, id: &AreaId, names: &[DigestKey], answers: &mut Answers) -> Vec<DigestFacts> {
        let (Some(first), Some(last)) = (names.first(), names.last()) else { return Vec::new() };
        let mut keys = AreaFacts::new(id, Unit::WHOLE);
        let rules = self.rules_for(&first.region, keys_around(first.end, last.end), &mut keys);
        answers.keys.extend(keys.keys);
        answers.keyless.extend(keys.keyless);
        read_in_order(self, &rules, id, names).iter().map(DigestFacts::from).collect()
    }

    /// Reads the events of log files, several at once.
    fn read_events(&self, files: Vec<LogFileId>, answers: &mut Answers) {
        let rules = Arc::new(self.rules.clone());
        let mut under_way: VecDeque<(LogFileId, JobHandle<EventsAnswer>)> = files
            .into_iter()
            .map(|file| {
                let (sources, rules, id) = (self.sources.clone(), rules.clone(), file.clone());
                let read = move || {
                    let entry = LogEntry {
                        bucket: id.bucket.into(),
                        object: id.key.into(),
                        hash: id.hash,
                        newest: None,
                        oldest: None,
                    };
                    events_of(&rules, &entry, open_log(&sources, &entry))
                };
                (file, self.pool.submit(read))
            })
            .collect();
        while let Some((file, job)) = under_way.pop_front() {
            let read = job.join(&self.request.stop).map_err(|error| error.to_string());
            answers.events.insert(file, read.flatten());
        }
    }

    /// Asks CloudTrail for its statements on trails, several at once.
    fn ask_for_trails(&self, chains: &[ChainId], answers: &mut Answers) {
        let Some(cloudtrail) = self.cloudtrail else { return };
        let ask = |_, chain: &ChainId| (chain.clone(), cloudtrail.trail(chain));
        let asked = in_order(AREAS_AT_ONCE, chains, ask, |(chain, answer)| {
            answers.trails.insert(chain, answer);
            Ok(())
        });
        if let Err(error) = asked {
            for chain in chains {
                let refused = || Err(error.to_string());
                answers.trails.entry(chain.clone()).or_insert_with(refused);
            }
        }
    }

    /// Collects the facts of all trails of an area and time.
    fn beside(&self, id: &AreaId, time: Window) -> Result<Box<AreaFacts>, String> {
        let area = self.sources.areas.get(id).ok_or("it is not among the sources")?;
        let question = beside(&self.question, time);
        let mut run = RunContext {
            request: self.request,
            question: question.clone(),
            sources: self.sources.clone(),
            survey: self.survey.clone(),
            rules: self.rules.clone(),
            cloudtrail: self.cloudtrail,
            pool: Pool::start(self.request.jobs).map_err(|error| error.to_string())?,
            observer: &Silent,
            active: AtomicUsize::new(0),
        };
        let events = OrderedEvents::new(&Silent);
        let collected = {
            let mut events = events.of_area(0, id, &self.request.stop);
            area::collect(&run, (id, area), Unit::WHOLE, &mut events)
        };
        if self.request.stop.is_set() {
            run.pool.abandon();
        }
        let mut facts = collected.map_err(|error| error.to_string())?;
        complete(&run, &question, &mut facts);
        Ok(Box::new(facts))
    }
}

fn complete(run: &RunContext<'_>, question: &Question, facts: &mut AreaFacts) {
    loop {
        let wanted: Vec<NamedDigest> = wanted_by_links(question, &run.survey, facts);
        if wanted.is_empty() || run.request.stop.is_set() {
            return;
        }
        for digest in wanted {
            let presence = presence(&run.sources, &run.rules, &digest);
            facts.named.insert(digest, presence);
        }
    }
}
