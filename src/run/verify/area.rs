//! One area: its digests folded chain by chain, the log files that they list, and at last those
//! that none lists.

mod logs;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::Timestamp;

use super::alike::Alike;
use super::beyond::Beyond;
use super::candidates::Name;
use super::listed::Claims;
use super::open::StoreLookup;
use super::ordered_events::AreaEvents;
use super::plan::{Plan, Planned, Role, asked_for, days_of_trails, key_window, plan};
use super::{ClosedArea, Gathered, Run};
use crate::model::key_name::DIGEST_FOLDER;
use crate::model::time::{hours, sub};
use crate::model::{BucketName, ChainId, ChainKind, DigestKey, LogEntry, LogKind, Window};
use crate::report::{ChainReport, ObjectResult};
use crate::run::observe::RunEvent;
use crate::run::pool::Ticket;
use crate::run::sources::{Area, AreaId, Found, days_around, open_digest};
use crate::verify::completeness::Listed;
use crate::verify::digest::{Examined, Location, Rules, examine};
use crate::verify::link::Linker;
use crate::verify::log_file::{CheckedLog, Listing};
use crate::verify::loss_pattern::Oldest;
use crate::verify::memory::Allowance;
use crate::verify::settle::{Settled, Settler, Standing};
use crate::verify::unseen::Unseen;
use crate::verify::{Code, Coverage, CoverageState, Finding, Severity};

/// Number of digests read ahead, besides one per worker.
const DIGESTS_AHEAD: usize = 4;

/// One chain's fold with what it gathers.
pub(super) struct ChainRun {
    pub(super) settler: Settler,
    pub(super) linker: Linker,
    report: ChainReport,
    oldest: Oldest,
    newest_written: Option<Timestamp>,
    listed_until: Option<Timestamp>,
    before: Vec<DigestKey>,
    headers: Alike,
    metadata: Alike,
}

/// One area's state while it is verified.
pub(super) struct AreaRun<'a, 'o> {
    pub(super) run: &'a Run<'a>,
    pub(super) id: &'a AreaId,
    pub(super) area: &'a Area,
    pub(super) rules: Arc<Rules>,
    pub(super) gathered: Gathered,
    pub(super) chains: BTreeMap<ChainId, ChainRun>,
    /// The log files that valid digests list.
    pub(super) listed: Listed,
    /// Memory that those take.
    pub(super) listed_memory: Allowance,
    /// The log files that only digests list which are not valid.
    pub(super) claimed: Claims,
    pub(super) kinds: BTreeSet<LogKind>,
    /// The log files that belong to days which the copy does not have.
    beyond: Beyond,
    queue: VecDeque<Pending>,
    pub(super) events: AreaEvents<'a, 'o>,
    /// Time whose digests may exist unseen.
    pub(super) unseen: Unseen,
}

/// Items to record, in input order.
enum Pending {
    Digest { chain: ChainId, key: Arc<str>, result: ObjectResult, code: Option<Code>, bytes: u64 },
    Log { listing: Arc<Listing>, entry: Arc<LogEntry>, ticket: Ticket<CheckedLog> },
}

/// Verifies one area.
pub(super) fn verify_area<'a>(
    run: &'a Run<'a>,
    id: &'a AreaId,
    area: &'a Area,
    events: AreaEvents<'a, '_>,
) -> io::Result<Gathered> {
    run.active.fetch_add(1, Ordering::Relaxed);
    let _active = Active(&run.active);
    let Planned { digests: plan, mut findings, mut unseen } =
        list_digests(run, id, area, days_of_trails(run.request))?;
    findings.extend(unseen.take_findings());
    let mut gathered = Gathered { findings, ..Gathered::default() };
    let rules = match key_window(&plan, run.request.started) {
        Some(window) => run.rules_for(&id.region, window, &mut gathered),
        None => Arc::new(run.rules.clone()),
    };
    let rules = match unseen.is_empty() {
        true => rules,
        // A successor that carries a signature may be there unseen.
        false => Arc::new(Rules { unsigned: Severity::Incomplete, ..(*rules).clone() }),
    };
    let asked = asked_for(&plan).len();
    run.observer.observe(&RunEvent::AreaBegun { area: id, digests: asked })?;
    let mut this = AreaRun {
        run,
        id,
        area,
        rules,
        gathered,
        chains: BTreeMap::new(),
        listed: Listed::default(),
        listed_memory: run.rules.memory.begin(),
        claimed: Claims::new(run.rules.memory.begin()),
        kinds: BTreeSet::from([LogKind::CloudTrail]),
        beyond: Beyond::default(),
        queue: VecDeque::new(),
        events,
        unseen,
    };
    if run.sources.may_hide_digests(id) {
        this.unseen.hide(Window::ALL);
    }
    this.chains_in_view(&plan);
    if this.unseen.is_empty() {
        this.without_standard_digests();
    }
    this.note_unseen_ends(&plan);
    if this.chains.is_empty() {
        // Where a trail was asked for, other trails' places are not.
        let trails_elsewhere = !run.request.trails.is_empty();
        if !this.unseen.is_empty() {
            // A finding says what could not be listed: what lies there is not said to be gone.
            this.gathered.bare.push(id.clone());
        } else if (!trails_elsewhere || plan.is_empty()) && (area.digests || this.has_logs()?) {
            this.without_digests();
        }
        return Ok(this.gathered);
    }
    let mut listing = None;
    let folded = this.fold(&plan).and_then(|()| {
        // What digests list is known now: look for the rest while the last log files are read.
        if run.request.logs && !run.request.stop.is_set() {
            listing = Some(super::unlisted::list(&mut this));
        }
        this.drain(0)
    });
    let stopped = run.request.stop.is_set();
    if stopped {
        this.give_up();
    } else {
        folded?;
    }
    let alone = run.sources.is_only_place(id);
    let mut lookup = StoreLookup { sources: &run.sources, rules: &this.rules };
    for chain in this.chains.values_mut() {
        chain.linker.finish();
        if alone {
            chain.linker.settle_losses(&mut lookup);
        }
    }
    if let Some(listing) = listing
        && !stopped
    {
        super::unlisted::judge_area(&mut this, &plan, listing)?;
    }
    this.gathered.findings.extend(std::mem::take(&mut this.beyond).into_findings(&run.sources, id));
    for (id, chain) in this.chains {
        let ChainRun { linker, report, oldest, newest_written, listed_until, before, .. } = chain;
        let ChainRun { headers, metadata, .. } = chain;
        for notices in [headers, metadata] {
            this.gathered.findings.extend(notices.into_findings());
        }
        let closed = ClosedArea { report, linker, oldest, newest_written, listed_until, before };
        this.gathered.chains.insert(id, closed);
    }
    Ok(this.gathered)
}

/// Lists an area's digests of these days, by a worker: waiting for it can be given up.
pub(super) fn list_digests(
    run: &Run<'_>,
    id: &AreaId,
    area: &Area,
    days: Window,
) -> io::Result<Planned> {
    let (sources, request) = (run.sources.clone(), run.request.clone());
    let (id, area) = (id.clone(), area.clone());
    let listing = run.pool.submit(move || plan(&sources, &request, &id, &area, days));
    listing.redeem(&run.request.stop).map_err(io::Error::other)
}

/// Counts an area as being verified while it lives.
struct Active<'a>(&'a AtomicUsize);

impl Drop for Active<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl AreaRun<'_, '_> {
    /// A chain is in view when one of its digests was listed, be it only before the start: then
    /// it is known that it should go on.
    fn chains_in_view(&mut self, plan: &Plan) {
        for digest in plan {
            let Some(name) = DigestKey::parse(&digest.key) else { continue };
            if !self.run.request.wants_trail(&name) {
                self.gathered.other_trails.insert(name.trail.clone());
            }
            if self.run.request.wants_trail(&name) {
                let id = name.chain(self.id.bucket.as_ref());
                let start = self.run.request.start;
                let chain = self.chains.entry(id.clone()).or_insert_with(|| ChainRun {
                    settler: Settler::default(),
                    linker: Linker::new(id.clone(), start),
                    report: ChainReport::new(id),
                    oldest: Oldest::default(),
                    newest_written: None,
                    listed_until: None,
                    before: Vec::new(),
                    headers: Alike::default(),
                    metadata: Alike::default(),
                });
                chain.oldest.listed(digest.end);
                if self.run.sources.knows_delivery(self.area) {
                    chain.newest_written = digest.modified;
                }
                chain.listed_until = Some(digest.end);
                let before = chain.before.last().is_none_or(|last| Some(last.end) <= start);
                if start.is_some() && before {
                    chain.before.push(name);
                }
            }
        }
    }

    /// True if there are log files of the requested time; what could not be listed is reported.
    fn has_logs(&mut self) -> io::Result<bool> {
        let (start, end) = (self.run.request.start, self.run.request.end);
        let asked = self.run.request.window();
        let sources = self.run.sources.clone();
        let (id, area) = (self.id.clone(), self.area.clone());
        let listing = self.run.pool.submit(move || {
            let (mut any, mut unseen) = (false, Unseen::default());
            for kind in &area.kinds {
                let days = days_around(start, end);
                let each = &mut |found: Found| {
                    let name = Name::of(&id, &found.key, found.folder);
                    any |= name.touches(found.folder, asked);
                };
                unseen.absorb(sources.objects(&id, &area, kind.folder(), days, each));
            }
            (any, unseen)
        });
        let (any, mut unseen) = listing.redeem(&self.run.request.stop).map_err(io::Error::other)?;
        self.gathered.findings.extend(unseen.take_findings());
        Ok(any)
    }

    /// The finding on an area that has log files or a digest folder, and no digest in view.
    fn without_digests(&mut self) {
        let request = self.run.request;
        let of_time = request.start.or(request.end).is_some();
        let days = of_time.then(|| self.run.sources.digest_days(self.id, self.area)).flatten();
        let there = match days {
            Some((first, last)) if first == last => format!("those of {first}"),
            Some((first, last)) => format!("those of days from {first} to {last}"),
            None => "log files or a digest folder".to_owned(),
        };
        let message = format!(
            "There are no digests of account {} in {} for the requested time, although there are {there}. Nothing is proven.",
            self.id.place.account, self.id.region
        );
        let key = format!("{}{DIGEST_FOLDER}/{}/", self.id.place.folder(), self.id.region);
        let bucket = self.id.bucket.as_ref().map(BucketName::as_str);
        self.gathered.findings.push(Finding::new(Code::NoDigests, message).object(bucket, key));
        self.gathered.bare.push(self.id.clone());
    }

    /// The findings on trails that have backfill digests in view and no other: those of every hour
    /// should lie beside them.
    fn without_standard_digests(&mut self) {
        let backfill = self.chains.keys().filter(|id| id.kind == ChainKind::Backfill);
        let standard = backfill.map(|id| ChainId { kind: ChainKind::Standard, ..id.clone() });
        let gone: Vec<_> = standard.filter(|id| !self.chains.contains_key(id)).collect();
        for id in gone {
            let message = format!(
                "Trail {} has only backfill digests for the requested time. Nothing is proven.",
                id.trail
            );
            let key = format!("{}{DIGEST_FOLDER}/{}/", id.place.folder(), id.region);
            let bucket = id.bucket.as_ref().map(BucketName::as_str);
            let finding = Finding::new(Code::NoDigests, message).chain(&id).object(bucket, key);
            self.gathered.findings.push(finding);
        }
    }

    /// Submits the reading of a digest.
    pub(super) fn read(&self, key: &str) -> Option<Ticket<Examined>> {
        let name = DigestKey::parse(key)?;
        let at = Location { bucket: self.id.bucket.clone(), key: key.into(), name };
        let (sources, rules) = (self.run.sources.clone(), self.rules.clone());
        Some(self.run.pool.submit(move || examine(&rules, at.clone(), open_digest(&sources, &at))))
    }

    /// Reads digests ahead and hands them over in order.
    pub(super) fn read_all<'k>(
        &mut self,
        keys: impl Iterator<Item = &'k str>,
        mut each: impl FnMut(&mut Self, Examined) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut keys = keys.peekable();
        let mut tickets = VecDeque::new();
        loop {
            while tickets.len() < self.run.share(self.run.pool.jobs()) + DIGESTS_AHEAD
                && let Some(key) = keys.next()
            {
                tickets.extend(self.read(key));
            }
            let Some(ticket) = tickets.pop_front() else { return Ok(()) };
            let examined = ticket.redeem(&self.run.request.stop).map_err(io::Error::other)?;
            each(self, examined)?;
        }
    }

    fn fold(&mut self, plan: &Plan) -> io::Result<()> {
        let asked = asked_for(plan);
        let wanted = plan.iter().filter(|d| d.role != Role::Aside).map(|d| d.key.as_str());
        self.read_all(wanted, |this, examined| {
            this.run.observer.observe(&RunEvent::DigestDone)?;
            let id = examined.at.chain();
            let rules = this.rules.clone();
            let Some(chain) = this.chains.get_mut(&id) else { return Ok(()) };
            let settled = chain.settler.push(&rules, examined);
            this.take(&id, settled, &asked)
        })?;
        let ids: Vec<_> = self.chains.keys().cloned().collect();
        for id in ids {
            let rules = self.rules.clone();
            let Some(chain) = self.chains.get_mut(&id) else { continue };
            let settled = chain.settler.finish(&rules);
            self.take(&id, settled, &asked)?;
        }
        Ok(())
    }

    /// Links settled digests and submits the log files of those that are valid.
    fn take(
        &mut self,
        id: &ChainId,
        settled: Vec<Settled>,
        asked: &BTreeSet<&str>,
    ) -> io::Result<()> {
        for mut settled in settled {
            if !asked.contains(&*settled.examined.at.key) {
                continue;
            }
            self.link(id, &settled);
            let valid = settled.verified().is_some();
            self.doubt(id, &settled);
            let Some(content) = settled.examined.content.take() else { continue };
            let (digest, at) = (content.digest, &settled.examined.at);
            let window = Window::new(digest.start, digest.end);
            let count = content.log_files.len();
            if !valid {
                let Some(chain) = self.chains.get_mut(id) else { continue };
                chain.report.logs.unchecked += count;
                self.claim(at, content.hash, content.log_files);
                continue;
            }
            let region = self.id.region.clone();
            self.gathered.used.insert((digest.fingerprint.clone(), region));
            let listing = Arc::new(Listing { chain: id.clone(), key: at.key.clone(), window });
            // Delivered after the requested time: of the digest only its link was asked, and the
            // log files that are named in that time.
            let later = self.run.request.end.is_some_and(|end| window.start >= end);
            let submit = &mut |this: &mut Self, entry: LogEntry| match later {
                true => this.submit_if_named_in_time(&listing, entry),
                false => this.submit_log(&listing, entry),
            };
            let cut_short = self.each_listed(at, content.hash, content.log_files, submit)?;
            if let (Some(cut_short), Some(chain)) = (cut_short, self.chains.get_mut(id)) {
                chain.report.logs.unchecked += count.saturating_sub(cut_short.read);
                chain.linker.mark(window, CoverageState::Unreadable, cut_short.trouble.code);
                self.unseen.hide(window);
            }
        }
        Ok(())
    }

    /// Takes note of the chains after whose newest digest others may exist unseen.
    fn note_unseen_ends(&mut self, plan: &Plan) {
        let newest: BTreeMap<ChainId, Timestamp> = plan
            .iter()
            .filter_map(|d| Some((DigestKey::parse(&d.key)?.chain(self.id.bucket.as_ref()), d.end)))
            .collect();
        for (id, chain) in &mut self.chains {
            let end = newest.get(id).copied().unwrap_or(Timestamp::MIN);
            if self.unseen.windows().iter().any(|window| window.end > end) {
                chain.linker.listing_failed();
            }
        }
    }

    /// Takes note of a backfill digest that could not be checked: what it lists is not known.
    /// (Standard ones leave that time without proof.)
    pub(super) fn doubt(&mut self, id: &ChainId, digest: &Settled) {
        if id.kind == ChainKind::Backfill && digest.standing == Standing::Unchecked {
            let end = digest.examined.at.name.end;
            let content = digest.examined.content.as_ref();
            let start = content.map_or(sub(end, hours(1)), |content| content.digest.start);
            self.unseen.hide(Window::new(start, end));
        }
    }

    /// Places a digest in its chain and records what it came to.
    fn link(&mut self, id: &ChainId, settled: &Settled) {
        let mut lookup = StoreLookup { sources: &self.run.sources, rules: &self.rules };
        let Some(chain) = self.chains.get_mut(id) else { return };
        let sound = chain.linker.push(settled, &mut lookup);
        let counts = &mut chain.report.digests;
        let (result, count) = match (settled.standing, sound) {
            (Standing::Valid, true) => (ObjectResult::Valid, &mut counts.valid),
            (Standing::Unchecked, _) => (ObjectResult::Unchecked, &mut counts.unchecked),
            _ => (ObjectResult::Invalid, &mut counts.invalid),
        };
        *count += 1;
        let examined = &settled.examined;
        if let Some(content) = examined.content.as_ref().filter(|_| settled.verified().is_some()) {
            chain.oldest.digest(content.digest.start);
            let in_bucket = self.run.sources.knows_delivery(self.area);
            let [header, metadata] = examined.notices(in_bucket);
            header.into_iter().for_each(|notice| chain.headers.push(notice));
            metadata.into_iter().for_each(|notice| chain.metadata.push(notice));
        }
        self.gathered.totals.bytes_read += examined.stored;
        self.gathered.totals.bytes_hashed += examined.inflated;
        self.gathered.already_inflated += u64::from(examined.already_inflated);
        let mut code = None;
        if let Some(finding) = &settled.finding {
            let mut finding = (**finding).clone();
            if let Some(content) = &examined.content {
                finding.start = Some(content.digest.start.min(examined.at.name.end));
            }
            code = Some(finding.code);
            self.gathered.findings.push(finding);
        }
        let key = examined.at.key.clone();
        let chain = id.clone();
        self.queue.push_back(Pending::Digest { chain, key, result, code, bytes: examined.stored });
    }

    /// Coverage by the digests of each standard chain.
    pub(super) fn statements(&self) -> BTreeMap<ChainId, Coverage> {
        let standard = self.chains.iter().filter(|(id, _)| id.kind == ChainKind::Standard);
        standard.map(|(id, chain)| (id.clone(), chain.linker.statements().clone())).collect()
    }
}
