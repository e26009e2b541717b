//! Log files that no digest lists: found by listing, judged once every digest that could list
//! them was asked.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::area::{AreaRun, list_digests};
use super::candidates::{Candidate, Candidates, Name};
use super::elsewhere::{Elsewhere, NoLookup, listed_elsewhere};
use super::look::{Answer, look};
use super::plan::{Plan, Planned, PlannedDigest, asked_for, second_copies};
use super::unreferenced::Unreferenced;
use super::{Gathered, VerifyRequest};
use crate::model::time::{add, hours, minutes, sub};
use crate::model::{BucketName, ChainId, ChainKind, DigestKey, LogEntry, Sha256Hash, Window};
use crate::report::ChainReport;
use crate::report::words::counted;
use crate::run::pool::Ticket;
use crate::run::sources::{Area, AreaId, Found, Sources, days_around};
use crate::verify::completeness::Listed;
use crate::verify::link::{Linker, Request};
use crate::verify::log_file::Listing;
use crate::verify::settle::Settler;
use crate::verify::unlisted::{Delivery, Testimony, Unlisted};
use crate::verify::unseen::Unseen;
use crate::verify::{Code, Coverage, CoverageState, Finding, Severity};

/// Moments of a folder's time at which other places are asked: those of the hours of a day.
const FOLDER_MOMENTS: i64 = 24;
/// Longest time of a folder of which other places are asked: a year's.
const MOST_FOLDER_SECONDS: i64 = 366 * 24 * 3600;

/// Log files that are reported together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    count: u64,
    first: Timestamp,
    last: Timestamp,
}

impl Group {
    fn add(group: &mut Option<Self>, time: Timestamp) {
        let g = group.get_or_insert(Self { count: 0, first: time, last: time });
        g.count += 1;
        g.first = g.first.min(time);
        g.last = g.last.max(time);
    }

    fn files(&self) -> String {
        counted(self.count, "log file", "log files")
    }
}

/// The listing of an area's log files, under way: what digests list, what is there besides, and
/// what could not be listed.
pub(super) type LogListing = Ticket<(Listed, Candidates, Vec<Finding>, Unseen)>;

/// Judges an area's unlisted log files and reports them.
pub(super) fn judge_area(
    this: &mut AreaRun<'_, '_>,
    planned: &Plan,
    listing: LogListing,
) -> io::Result<()> {
    let (listed, mut candidates, findings, mut unseen) =
        listing.redeem(&this.run.request.stop).map_err(io::Error::other)?;
    this.listed = listed;
    this.gathered.findings.extend(findings);
    this.gathered.findings.extend(unseen.take_findings());
    if candidates.is_empty() {
        return Ok(());
    }
    this.settle_claims(&mut candidates)?;
    let mut statements = this.statements();
    // Statements of the digests asked for alone: where these leave it undecided, a finding says why.
    let asked_for = (statements.clone(), this.unseen.windows().to_vec());
    let bucket = bucket_of(this.id);
    let mut span: Option<Window> = None;
    for candidate in candidates.sorted() {
        if !this.lists(bucket, &candidate.key) {
            let late = listing_window(&candidate, this.run.request.window());
            span = Some(
                span.map_or(late, |s| Window::new(s.start.min(late.start), s.end.max(late.end))),
            );
        }
    }
    if let Some(span) = span {
        consult(this, planned, span, &mut statements)?;
        this.drain(0)?;
    }
    let open = candidates.sorted().filter(|c| !this.lists(bucket, &c.key));
    let named: BTreeSet<_> = open.flat_map(|c| times_of(&c, this.run.request.window())).collect();
    let named: Vec<_> = named.into_iter().collect();
    let Elsewhere { listed, mut unseen, coverage } =
        listed_elsewhere(this.run, &mut this.gathered, this.id, &named)?;
    this.listed.absorb(listed);
    this.gathered.findings.extend(unseen.take_findings());
    this.unseen.absorb(unseen);
    // What the trails of this place say of time from other places.
    let moved = coverage.iter().filter(|(id, _)| this.chains.keys().any(|c| c.trail == id.trail));
    let moved: BTreeMap<ChainId, Coverage> = moved.cloned().collect();
    let odd = |c: &Candidate, this: &AreaRun<'_, '_>| {
        c.name == Name::Other && !this.lists(bucket, &c.key)
    };
    let mut look = look(this, candidates.sorted().filter(|c| odd(c, this)))?;
    this.gathered.findings.append(&mut look.findings);
    let mut looked_at = look.answers.iter();
    let hidden = this.unseen.windows().to_vec();
    let judge = Judge::new(this, &statements, &hidden);
    let by_asked_for = Judge::new(this, &asked_for.0, &asked_for.1);
    let by_moved = Judge::new(this, &moved, &[]);
    // Where a trail has other places, it may have been away: no finding speaks for that time.
    let only_place = this.run.sources.is_only_place(this.id);
    let away = |time: Timestamp| {
        let around = Window::new(sub(time, minutes(5)), add(time, minutes(30)));
        let mut spans = asked_for.0.values().filter_map(|c| Some((c, c.span()?)));
        !only_place && spans.any(|(c, span)| !c.unspoken(around.intersect(&span)).is_empty())
    };
    let (mut uncovered, mut after, mut kinds) = (None, None, BTreeMap::new());
    let (mut undecided, mut explained) = (None, None);
    let mut unreferenced = Unreferenced::new(this);
    for candidate in candidates.sorted() {
        // A digest that is not valid has a finding of its own, which speaks for its log files too.
        if this.lists(bucket, &candidate.key) {
            continue;
        }
        let answer = match candidate.name {
            Name::Other => looked_at.next().copied().unwrap_or(Answer::NoLog),
            _ => Answer::Log,
        };
        if answer == Answer::NoLog {
            continue;
        }
        let time = candidate.name.time().unwrap_or(candidate.folder.start.max(judge.first));
        if !this.kinds.contains(&candidate.kind) {
            Group::add(kinds.entry(candidate.kind).or_default(), time);
            continue;
        }
        if answer == Answer::Copy {
            let original = look.originals.get(&candidate.key);
            unreferenced.copy(&candidate, original.map_or("", String::as_str));
            continue;
        }
        let judgement = match judge.judge(&candidate) {
            // Its trail delivered elsewhere by then.
            Unlisted::Uncovered | Unlisted::AfterNewest
                if by_moved.judge(&candidate) >= Unlisted::Suspect =>
            {
                Unlisted::Suspect
            }
            judgement => judgement,
        };
        match judgement {
            Unlisted::Unreferenced => {
                unreferenced.push(&mut this.events, &candidate, time, false)?
            }
            Unlisted::Suspect => unreferenced.push(&mut this.events, &candidate, time, true)?,
            Unlisted::Undecided => {
                let by_asked_for =
                    by_asked_for.judge(&candidate) == Unlisted::Undecided && !away(time);
                Group::add(if by_asked_for { &mut explained } else { &mut undecided }, time);
            }
            Unlisted::AfterNewest => Group::add(&mut after, time),
            Unlisted::Uncovered => Group::add(&mut uncovered, time),
        }
    }
    let (count, findings) = unreferenced.finish();
    this.gathered.totals.logs.unreferenced += count;
    this.gathered.findings.extend(findings);
    for (group, severity) in [(undecided, Severity::Incomplete), (explained, Severity::Notice)] {
        let Some(group) = group else { continue };
        let message = format!(
            "{} of this time: no valid digest lists {them}, but digests that could list {them} are missing, invalid or unreadable. It is unknown whether {they} here.",
            group.files(),
            them = if group.count == 1 { "it" } else { "them" },
            they = if group.count == 1 { "it belongs" } else { "they belong" },
        );
        let finding = grouped(this.id, "", group, message);
        this.gathered.findings.push(finding.severity(severity));
    }
    if let Some(group) = uncovered {
        let message = format!(
            "{} of this time that no digest lists: there never was a digest that could.",
            group.files()
        );
        this.gathered.findings.push(grouped(this.id, "", group, message));
    }
    for (kind, group) in kinds {
        let Some(group) = group else { continue };
        let folder = format!("{}/", kind.folder());
        let message = format!(
            "{} of kind {}, which digests never list: no digest covers them.",
            group.files(),
            kind.folder()
        );
        this.gathered.findings.push(grouped(this.id, &folder, group, message));
    }
    if let Some(group) = after {
        this.gathered.after_newest.push((this.id.clone(), group));
    }
    Ok(())
}

/// Judgement on candidates by what digests say; that on a folder is made once.
struct Judge<'a> {
    chains: Vec<&'a Coverage>,
    unseen: &'a [Window],
    request: &'a VerifyRequest,
    /// The first moment that digests speak of.
    first: Timestamp,
    folders: RefCell<HashMap<Window, Unlisted>>,
}

impl<'a> Judge<'a> {
    fn new(
        this: &AreaRun<'a, '_>,
        statements: &'a BTreeMap<ChainId, Coverage>,
        unseen: &'a [Window],
    ) -> Self {
        let chains: Vec<_> = statements.values().collect();
        let first = chains.iter().filter_map(|c| c.span()).map(|span| span.start).min();
        let first = first.unwrap_or(this.run.request.started);
        Self { chains, unseen, request: this.run.request, first, folders: Default::default() }
    }

    fn judge(&self, candidate: &Candidate) -> Unlisted {
        let (grace, as_of) = (self.request.grace, self.request.as_of);
        let testimony = Testimony { chains: &self.chains, unseen: self.unseen, grace, as_of };
        let by_name = |time| testimony.judge(time, candidate.written);
        let by_folder = || {
            let folder = candidate.folder.intersect(&self.request.window());
            let mut folders = self.folders.borrow_mut();
            *folders.entry(folder).or_insert_with(|| testimony.judge_folder(folder))
        };
        match candidate.name {
            Name::InPlace(time) => by_name(time),
            Name::Elsewhere(time) if self.request.window().contains(time) => {
                by_name(time).max(by_folder())
            }
            Name::Elsewhere(_) | Name::Other => by_folder(),
        }
    }
}

/// Times that a candidate may be of: its name's, or moments spread over what was asked of its
/// folder's time.
fn times_of(candidate: &Candidate, asked: Window) -> Vec<Timestamp> {
    if let Some(time) = candidate.name.time() {
        return vec![time];
    }
    let folder = candidate.folder.intersect(&asked);
    let seconds = folder.seconds();
    if !(1..=MOST_FOLDER_SECONDS).contains(&seconds) {
        return Vec::new();
    }
    let moment = |n: i64| seconds * (2 * n + 1) / (2 * FOLDER_MOMENTS);
    (0..FOLDER_MOMENTS).map(|n| add(folder.start, SignedDuration::from_secs(moment(n)))).collect()
}

/// Time within which a digest may list a candidate.
fn listing_window(candidate: &Candidate, asked: Window) -> Window {
    let named = |time| Delivery::Named(time).listing_window();
    let folder = candidate.folder.intersect(&asked);
    let by_folder = Window::new(named(folder.start).start, named(folder.end).end);
    match candidate.name {
        Name::InPlace(time) => named(time),
        Name::Elsewhere(time) => {
            let by_name = named(time);
            Window::new(by_name.start.min(by_folder.start), by_name.end.max(by_folder.end))
        }
        Name::Other => by_folder,
    }
}

/// Reports log files newer than the newest digest, unless the one that will list them is not due
/// yet.
pub(super) fn report_after_newest(
    all: &mut Gathered,
    request: Request,
    chains: &[(ChainReport, Coverage)],
    left: &BTreeSet<ChainId>,
) {
    for (id, group) in std::mem::take(&mut all.after_newest) {
        let newest = chains
            .iter()
            .filter(|(c, _)| {
                c.id.bucket == id.bucket && c.id.place == id.place && c.id.region == id.region
            })
            .flat_map(|(c, coverage)| coverage.all().map(move |interval| (interval, &c.id)))
            .filter(|(i, _)| i.state == CoverageState::Proven)
            .map(|(i, chain)| (i.window.end, chain))
            .max();
        if newest.is_some_and(|(_, chain)| left.contains(chain)) {
            let message = format!(
                "{} newer than the last digest in this bucket and prefix, although the trail delivered elsewhere by then. No digest here will list them.",
                group.files()
            );
            let finding = grouped(&id, "", group, message);
            all.findings.push(finding.severity(Severity::Incomplete));
            continue;
        }
        let due = newest.map_or(Timestamp::MIN, |(newest, _)| add(newest, request.grace));
        if group.last < due {
            continue;
        }
        let message = format!(
            "{} newer than the newest digest; no digest covers that time yet.",
            group.files()
        );
        let finding = grouped(&id, "", group, message);
        all.findings.push(finding);
    }
}

pub(super) fn bucket_of(id: &AreaId) -> &str {
    id.bucket.as_ref().map_or("", BucketName::as_str)
}

impl AreaRun<'_, '_> {
    /// True if a digest, valid or not, lists a log file.
    fn lists(&self, bucket: &str, key: &str) -> bool {
        self.listed.contains(bucket, key) || self.claimed.contains(bucket, key)
    }
}

/// Begins to list the area's log files of the requested time that no digest read so far lists.
pub(super) fn list(this: &mut AreaRun<'_, '_>) -> LogListing {
    let listed = std::mem::take(&mut this.listed);
    let request = this.run.request.clone();
    let (sources, id, area) = (this.run.sources.clone(), this.id.clone(), this.area.clone());
    this.run.pool.submit(move || {
        let (candidates, findings, unseen) = list_area(&sources, &id, &area, &request, &listed);
        (listed, candidates, findings, unseen)
    })
}

fn list_area(
    sources: &Sources,
    id: &AreaId,
    area: &Area,
    request: &VerifyRequest,
    listed: &Listed,
) -> (Candidates, Vec<Finding>, Unseen) {
    let asked = request.window();
    let knows_delivery = sources.knows_delivery(area);
    let (mut candidates, mut unseen) = (Candidates::new(id), Unseen::default());
    let (mut seen, mut twice) = (Listed::default(), 0);
    let bucket = bucket_of(id);
    for kind in &area.kinds {
        let each = &mut |found: Found| {
            if area.in_parts() && !seen.insert(bucket, &found.key, Sha256Hash([0; 32])) {
                twice += 1;
                return;
            }
            let name = Name::of(id, &found.key, found.folder);
            if name.touches(found.folder, asked) && !listed.contains(bucket, &found.key) {
                candidates.push(*kind, &found, found.modified.filter(|_| knows_delivery));
            }
        };
        let days = days_around(request.start, request.end);
        unseen.absorb(sources.objects(id, area, kind.folder(), days, each));
    }
    (candidates, second_copies(id, twice, "log files").into_iter().collect(), unseen)
}

/// Asks the digests that were left aside, other trails' and those of other times, for what they
/// list of a window of time.
fn consult(
    this: &mut AreaRun<'_, '_>,
    planned: &Plan,
    span: Window,
    statements: &mut BTreeMap<ChainId, Coverage>,
) -> io::Result<()> {
    let request = this.run.request;
    // No digest is newer than the source.
    let span = Window::new(span.start, request.as_of.map_or(span.end, |as_of| span.end.min(as_of)));
    if request.trails.is_empty()
        && request.window().start <= span.start
        && span.end <= request.window().end
    {
        return Ok(()); // every digest was asked for
    }
    let asked = asked_for(planned);
    let days = Window::new(sub(span.start, hours(24)), add(span.end, hours(24)));
    let Planned { digests: all, findings: _, mut unseen } =
        list_digests(this.run, this.id, this.area, days)?;
    // What lies among the digests was reported where it was asked for; trouble counts here too.
    this.gathered.findings.extend(unseen.take_findings());
    this.unseen.absorb(unseen);
    // Later digests may be signed with later keys.
    let ends = all.first().zip(all.last()).map(|(first, last)| (first.end, last.end));
    if let Some((first, last)) = ends {
        let window = Window::new(sub(first, hours(1)), add(last, hours(2)));
        this.rules = this.run.rules_for(&this.id.region, window, &mut this.gathered);
    }
    let mut chains: BTreeMap<ChainId, Vec<&str>> = BTreeMap::new();
    for PlannedDigest { end, key, .. } in &all {
        if *end >= span.start && *end <= add(span.end, hours(2)) {
            let Some(name) = DigestKey::parse(key) else { continue };
            chains.entry(name.chain(this.id.bucket.as_ref())).or_default().push(key);
        }
    }
    for (id, keys) in chains {
        // Those asked for were read; the first after one left aside carries its signature.
        let aside = |i: usize| keys.get(i).is_some_and(|k| !asked.contains(k));
        let wanted: Vec<&str> = keys
            .iter()
            .enumerate()
            .filter(|(i, _)| aside(*i) || i.checked_sub(1).is_some_and(aside))
            .map(|(_, key)| *key)
            .collect();
        let mut settler = Settler::default();
        let mut linker = Linker::new(id.clone(), Some(Timestamp::MAX));
        let rules = this.rules.clone();
        let mut settled = Vec::new();
        let read = this.read_all(wanted.into_iter(), |_, examined| {
            settled.extend(settler.push(&rules, examined));
            Ok(())
        });
        settled.extend(settler.finish(&rules));
        for mut digest in settled.into_iter().filter(|d| !asked.contains(&*d.examined.at.key)) {
            linker.push(&digest, &mut NoLookup);
            let valid = digest.verified().is_some();
            let end = digest.examined.at.name.end;
            this.doubt(&id, &digest);
            let Some(content) = digest.examined.content.take().filter(|_| valid) else { continue };
            let (at, window) = (&digest.examined.at, Window::new(content.digest.start, end));
            let listing = Listing { chain: id.clone(), key: at.key.clone(), window };
            let listing = Arc::new(listing);
            let list = &mut |this: &mut AreaRun<'_, '_>, entry: LogEntry| {
                this.submit_if_named_in_time(&listing, entry)
            };
            if this.each_listed(at, content.hash, content.log_files, list)?.is_some() {
                this.unseen.hide(window);
            }
        }
        linker.finish();
        if read.is_err() {
            this.unseen.hide(span);
        }
        if id.kind == ChainKind::Standard {
            let known = statements.entry(id).or_default();
            for interval in linker.statements().all() {
                known.assign(interval.window, interval.state, interval.reason);
            }
        }
    }
    Ok(())
}

fn grouped(id: &AreaId, folder: &str, group: Group, message: String) -> Finding {
    let key = if folder.is_empty() {
        id.place.folder()
    } else {
        format!("{}{folder}{}/", id.place.folder(), id.region)
    };
    let bucket = id.bucket.as_ref().map(BucketName::as_str);
    Finding::new(Code::LogUncovered, message)
        .object(bucket, key)
        .window(Window::new(group.first, group.last))
}
