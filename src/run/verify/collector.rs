//! An area's facts while they are collected: its digests in order, and what they list.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::sync::Arc;

use super::claims::ClaimedLogs;
use super::context::RunContext;
use super::list::{self};
use super::open::AskedNames;
use super::ordered_events::AreaEvents;
use crate::judge::facts::{BeyondDay, Doubted};
use crate::judge::plan::Plan;
use crate::judge::{AreaFacts, Unit};
use crate::model::time::{date_window, hours, sub};
use crate::model::{AreaId, ChainId, ChainKind, DigestKey, LogEntry, LogKey, Window};
use crate::report::ObjectResult;
use crate::run::observe::RunEvent;
use crate::run::pool::JobHandle;
use crate::run::sources::{Area, open_digest};
use crate::verify::completeness::{Listed, ListedName};
use crate::verify::digest::{CheckedDigest, Location, Rules, check_digest};
use crate::verify::link::{DigestFacts, Linker};
use crate::verify::log_file::{CheckedLog, Lister};
use crate::verify::memory::Allowance;
use crate::verify::signature::{DigestStatus, ResolvedDigest, SignatureResolver};
use crate::verify::{Code, CoverageState};

/// Number of digests read ahead, besides one per worker.
const DIGESTS_AHEAD: usize = 4;

/// One chain on its way from bytes to facts.
pub(super) struct ChainFold {
    pub(super) resolver: SignatureResolver,
    /// Linker that decides if a digest's place is sound, for the list of objects.
    pub(super) linker: Linker,
}

/// One area's state while its facts are collected.
pub(super) struct Collector<'a, 'l, 'o> {
    pub(super) run: &'a RunContext<'a>,
    pub(super) id: &'a AreaId,
    pub(super) area: &'a Area,
    pub(super) rules: Arc<Rules>,
    pub(super) facts: AreaFacts,
    pub(super) folds: BTreeMap<ChainId, ChainFold>,
    /// The log files that valid digests list.
    pub(super) listed: Listed,
    /// Memory that those take.
    pub(super) listed_memory: Allowance,
    /// The log files that only digests list which are not valid.
    pub(super) claimed: ClaimedLogs,
    pub(super) queue: VecDeque<Pending>,
    pub(super) events: &'l mut AreaEvents<'a, 'o>,
    /// True if digests outside of the requested time are read by now.
    pub(super) consulting: bool,
    /// True if the facts were joined of parts, so that what digests list is not known here.
    pub(super) joined: bool,
}

/// Items to record, in input order.
pub(super) enum Pending {
    Digest { chain: ChainId, key: Arc<str>, result: ObjectResult, code: Option<Code>, bytes: u64 },
    Log { lister: Arc<Lister>, entry: Arc<LogEntry>, job: JobHandle<CheckedLog> },
}

impl<'a, 'l, 'o> Collector<'a, 'l, 'o> {
    pub(super) fn new(
        run: &'a RunContext<'a>,
        (id, area): (&'a AreaId, &'a Area),
        facts: AreaFacts,
        events: &'l mut AreaEvents<'a, 'o>,
    ) -> Self {
        Self {
            run,
            id,
            area,
            rules: Arc::new(run.rules.clone()),
            facts,
            folds: BTreeMap::new(),
            listed: Listed::default(),
            listed_memory: run.rules.memory.begin(),
            claimed: ClaimedLogs::new(run.rules.memory.begin()),
            queue: VecDeque::new(),
            events,
            consulting: false,
            joined: false,
        }
    }
}

impl Collector<'_, '_, '_> {
    /// Finds the chains in view: those of which a digest was listed, even if only before the start,
    /// since it is known then that they should go on.
    pub(super) fn chains_in_view(&mut self, plan: &Plan) {
        let question = &self.run.question;
        self.facts.folders.any_digest = !plan.is_empty();
        self.facts.folders.digests = self.area.digests;
        let knows_delivery = self.run.sources.knows_delivery(self.area);
        for digest in plan.iter() {
            let name = &digest.name;
            if !question.wants_trail(name) {
                self.facts.other_trails.insert(name.trail.clone());
                continue;
            }
            let id = name.chain(self.id.bucket.as_ref());
            let start = question.start;
            let chain = self.facts.chains.entry(id.clone()).or_default();
            self.folds.entry(id.clone()).or_insert_with(|| ChainFold {
                resolver: SignatureResolver::default(),
                linker: Linker::new(id, start),
            });
            chain.oldest.listed(name.end);
            if knows_delivery {
                chain.newest_written = digest.modified;
            }
            chain.listed_until = Some(name.end);
            let before = chain.before.last().is_none_or(|last| Some(last.end) <= start);
            if start.is_some() && before {
                chain.before.push(name.clone());
            }
        }
    }

    /// Looks at what else an area holds that has no digest in view.
    pub(super) fn look_at_folders(&mut self) -> io::Result<()> {
        let question = &self.run.question;
        let folders = &self.facts.folders;
        let hidden =
            !self.facts.hidden.listing.is_empty() || self.run.survey.may_hide_digests(self.id);
        if hidden || !question.trails.is_empty() && folders.any_digest {
            return Ok(());
        }
        if !self.area.digests {
            let (sources, asked) = (self.run.sources.clone(), question.clone());
            let (id, area) = (self.id.clone(), self.area.clone());
            let listing =
                self.run.pool.submit(move || list::has_logs(&sources, &asked, (&id, &area)));
            let listing = listing.join(&self.run.request.stop).map_err(io::Error::other)?;
            self.facts.folders.logs = listing.open(&mut self.facts.findings);
        }
        let folders = &mut self.facts.folders;
        if (folders.digests || folders.logs) && question.start.or(question.end).is_some() {
            let days = self.run.sources.digest_days(self.id, self.area);
            folders.days = days.map(|days| (days.first, days.last));
        }
        Ok(())
    }

    /// Takes note of time whose digests may exist unseen, or list what is not known.
    pub(super) fn hide(&mut self, window: Window) {
        let of = if self.consulting { Doubted::Beyond } else { Doubted::Lists };
        self.facts.hide(of, window);
    }

    /// Submits the reading of a digest.
    fn read(&self, key: &str) -> Option<JobHandle<CheckedDigest>> {
        let name = DigestKey::parse(key)?;
        let at = Location { bucket: self.id.bucket.clone(), key: key.into(), name };
        let (sources, rules) = (self.run.sources.clone(), self.rules.clone());
        Some(
            self.run
                .pool
                .submit(move || check_digest(&rules, at.clone(), open_digest(&sources, &at))),
        )
    }

    /// Reads digests ahead and hands them over in order.
    pub(super) fn read_all<'k>(
        &mut self,
        keys: impl Iterator<Item = &'k str>,
        mut each: impl FnMut(&mut Self, CheckedDigest) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut keys = keys.peekable();
        let mut jobs = VecDeque::new();
        loop {
            while jobs.len() < self.run.share(self.run.pool.jobs()) + DIGESTS_AHEAD
                && let Some(key) = keys.next()
            {
                jobs.extend(self.read(key));
            }
            let Some(job) = jobs.pop_front() else { return Ok(()) };
            let checked = job.join(&self.run.request.stop).map_err(io::Error::other)?;
            each(self, checked)?;
        }
    }

    pub(super) fn fold(&mut self, plan: &Plan) -> io::Result<()> {
        let asked = plan.asked_for();
        let wanted = plan.read().map(|digest| digest.key.as_str());
        self.read_all(wanted, |this, checked| {
            this.run.observer.observe(&RunEvent::DigestDone)?;
            let id = checked.at.chain();
            let rules = this.rules.clone();
            let Some(fold) = this.folds.get_mut(&id) else { return Ok(()) };
            let resolved = fold.resolver.push(&rules, checked);
            this.take(&id, resolved, &asked)
        })?;
        let ids: Vec<_> = self.folds.keys().cloned().collect();
        for id in ids {
            let rules = self.rules.clone();
            let Some(fold) = self.folds.get_mut(&id) else { continue };
            let resolved = fold.resolver.finish(&rules);
            self.take(&id, resolved, &asked)?;
        }
        Ok(())
    }

    /// Records resolved digests and submits the log files of those that are valid.
    fn take(
        &mut self,
        id: &ChainId,
        resolved: Vec<ResolvedDigest>,
        asked: &BTreeSet<&str>,
    ) -> io::Result<()> {
        for mut resolved in resolved {
            if !asked.contains(&*resolved.checked.at.key) {
                continue;
            }
            self.record_digest(id, &resolved);
            let valid = resolved.verified().is_some();
            self.doubt(id, &resolved);
            let Some(content) = resolved.checked.content.take() else { continue };
            let (digest, at) = (content.digest, &resolved.checked.at);
            let window = Window::new(digest.start, digest.end);
            let count = content.log_files.len();
            if !valid {
                let Some(chain) = self.facts.chains.get_mut(id) else { continue };
                chain.logs.unchecked += count;
                self.claim(at, content.hash, content.log_files);
                continue;
            }
            let region = self.id.region.clone();
            self.facts.used_keys.insert((digest.fingerprint.clone(), region));
            let lister = Arc::new(Lister { chain: id.clone(), key: at.key.clone(), window });
            // Delivered after the requested time: of the digest only its link was asked, and the
            // log files that are named in that time.
            let later = self.run.question.end.is_some_and(|end| window.start >= end);
            let submit = &mut |this: &mut Self, entry: LogEntry| match later {
                true => this.submit_if_named_in_time(&lister, entry),
                false => this.submit_log(&lister, entry),
            };
            let cut_short = self.each_listed(at, content.hash, content.log_files, submit)?;
            if let (Some(cut_short), Some(chain)) = (cut_short, self.facts.chains.get_mut(id)) {
                chain.logs.unchecked += count.saturating_sub(cut_short.read);
                chain.mark(window, CoverageState::Unreadable, cut_short.trouble.code);
                self.hide(window);
            }
        }
        Ok(())
    }

    /// Takes note of a backfill digest that could not be checked: what it lists is not known.
    /// (Standard ones leave that time without proof.)
    pub(super) fn doubt(&mut self, id: &ChainId, digest: &ResolvedDigest) {
        if id.kind == ChainKind::Backfill && digest.status == DigestStatus::Unchecked {
            let end = digest.checked.at.name.end;
            let content = digest.checked.content.as_ref();
            let start = content.map_or(sub(end, hours(1)), |content| content.digest.start);
            self.hide(Window::new(start, end));
        }
    }

    /// Adds a digest to the facts of its chain and to the list of objects.
    fn record_digest(&mut self, id: &ChainId, resolved: &ResolvedDigest) {
        let digest = DigestFacts::from(resolved);
        let mut names = AskedNames {
            sources: &self.run.sources,
            rules: &self.rules,
            known: &mut self.facts.named,
        };
        let Some((fold, chain)) = self.folds.get_mut(id).zip(self.facts.chains.get_mut(id)) else {
            return;
        };
        let sound = fold.linker.push(&digest, &mut names);
        let result = match (resolved.status, sound) {
            (DigestStatus::Valid, true) => ObjectResult::Valid,
            (DigestStatus::Unchecked, _) => ObjectResult::Unchecked,
            _ => ObjectResult::Invalid,
        };
        let checked = &resolved.checked;
        if let Some(content) = checked.content.as_ref().filter(|_| resolved.verified().is_some()) {
            chain.oldest.digest(content.digest.start);
            let in_bucket = self.run.sources.knows_delivery(self.area);
            let [header, metadata] = checked.notices(in_bucket);
            header.into_iter().for_each(|notice| chain.headers.push(notice));
            metadata.into_iter().for_each(|notice| chain.metadata.push(notice));
        }
        let code = digest.finding.as_ref().map(|finding| finding.code);
        chain.rows.push(id, digest);
        self.facts.bytes_read += checked.stored;
        self.facts.bytes_hashed += checked.inflated;
        self.facts.already_inflated += u64::from(checked.already_inflated);
        let (chain, key) = (id.clone(), checked.at.key.clone());
        self.queue.push_back(Pending::Digest { chain, key, result, code, bytes: checked.stored });
    }

    /// Takes note of a log file that a digest lists and that other parts must know of.
    pub(super) fn note_listed(&mut self, bucket: &str, key: &str) {
        let unit = self.facts.unit;
        if unit == Unit::WHOLE {
            return;
        }
        let log = LogKey::parse(key);
        let day = log.as_ref().and_then(|log| date_window(&log.day));
        let name = ListedName::of(self.id.bucket_of(bucket), key);
        if !day.is_some_and(|day| unit.owns_folder(day)) {
            self.facts.listed_outside.insert(name);
        }
        if !log.is_some_and(|log| self.run.question.window().contains(log.time)) {
            self.facts.listed_of_other_times.insert(name);
        }
    }

    /// True if a chain is among those asked for and in view.
    pub(super) fn has_chain(&self, id: &ChainId) -> bool {
        self.facts.chains.contains_key(id)
    }

    /// Takes up a log file of a day that the copy does not have.
    pub(super) fn beyond(&mut self, key: &str, listed_in: Window) {
        let Some(log) = LogKey::parse(key) else { return };
        let folder =
            format!("{}{}/{}/{}/", log.place.folder(), log.kind.folder(), log.region, log.day);
        let new = BeyondDay { count: 0, window: listed_in, has_folder: false };
        let day = self.facts.beyond.entry(folder).or_insert(new);
        day.count += 1;
        day.window.start = day.window.start.min(listed_in.start);
        day.window.end = day.window.end.max(listed_in.end);
    }

    /// Finds out which days that the copy does not have would have a folder in it.
    pub(super) fn find_beyond_folders(&mut self) {
        for (folder, day) in &mut self.facts.beyond {
            let mut roots = self.run.sources.roots();
            day.has_folder = roots.any(|root| root.logs.path(folder).is_some());
        }
    }
}
