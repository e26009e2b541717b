//! Log files that no digest lists: found by listing, judged once every digest that could list
//! them was asked.

use std::collections::BTreeMap;
use std::io;

use jiff::Timestamp;

use super::Gathered;
use super::area::{AreaRun, list_digests};
use super::elsewhere::listed_elsewhere;
use super::plan::{Plan, PlannedDigest, asked_for, second_copies};
use super::unreferenced;
use crate::model::time::{add, hours, minutes, sub};
use crate::model::{BucketName, ChainId, DigestKey, LogKey, LogKind, Sha256Hash, Window};
use crate::report::ChainReport;
use crate::run::pool::Ticket;
use crate::run::sources::{Area, AreaId, Found, Sources, days_around};
use crate::verify::completeness::{Delivery, Listed, Unlisted, judge};
use crate::verify::digest::Trouble;
use crate::verify::link::{Linker, Lookup, Presence, Request};
use crate::verify::settle::Settler;
use crate::verify::{Code, Coverage, CoverageState, Finding, Severity};

/// Log files told of together.
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
}

/// A log file that no digest read so far lists.
pub(super) struct Candidate {
    pub(super) key: String,
    kind: LogKind,
    /// The times that its name tells, or where it tells none those of its folder's day.
    pub(super) named: Vec<Timestamp>,
    /// By what it is judged: its name and the store, or where the name tells no time the beginning
    /// and the end of its folder's day.
    pub(super) times: Vec<Delivery>,
}

/// The listing of an area's log files, under way: what digests list, and what is there besides.
pub(super) type Listing = Ticket<(Listed, (Vec<Candidate>, Vec<Finding>))>;

/// Judges an area's unlisted log files and reports them.
pub(super) fn judge_area(
    this: &mut AreaRun<'_, '_>,
    planned: &Plan,
    listing: Listing,
) -> io::Result<()> {
    let (listed, (mut candidates, findings)) =
        listing.redeem(&this.run.request.stop).map_err(io::Error::other)?;
    this.listed = listed;
    this.gathered.findings.extend(findings);
    let named: Vec<_> = candidates.iter().filter_map(|c| c.named.first().copied()).collect();
    let elsewhere = listed_elsewhere(this.run, &mut this.gathered, this.id, &named)?;
    candidates.retain(|candidate| !elsewhere.contains(bucket_of(this.id), &candidate.key));
    if candidates.is_empty() {
        return Ok(());
    }
    let mut statements = this.statements();
    // What the digests asked for say alone: where these cannot tell, a finding says why.
    let asked_for = statements.clone();
    let likely = candidates.iter().flat_map(|c| &c.times).map(|t| t.listing_window());
    consult(this, planned, likely.collect(), &mut statements)?;
    // The store's time may not be that of delivery after all (a file that was put back), and a
    // backfill digest may list it late: before a file is called unreferenced, all are asked.
    let bucket = bucket_of(this.id);
    let by_the_store = |t: &Delivery| {
        matches!(t, Delivery::Known(_)) && judge(*t, statements.values()) == Unlisted::Unreferenced
    };
    let suspect = |c: &&Candidate| {
        let told_of = this.listed.contains(bucket, &c.key) || this.claimed.contains(bucket, &c.key);
        !told_of && c.times.iter().any(by_the_store)
    };
    let suspects = candidates.iter().filter(suspect).flat_map(|c| &c.named);
    let possible = suspects.map(|t| Delivery::Named(*t).listing_window());
    consult(this, planned, possible.collect(), &mut statements)?;
    let chain = only_standard_chain(this);
    let (mut uncovered, mut after, mut kinds) = (None, None, BTreeMap::new());
    let (mut undecided, mut told, mut unreferenced) = (None, None, Vec::new());
    for candidate in candidates {
        let key = &candidate.key;
        let bucket = bucket_of(this.id);
        // A digest that is not valid has a finding of its own, which speaks for its log files too.
        if this.listed.contains(bucket, key) || this.claimed.contains(bucket, key) {
            continue;
        }
        let Some(first) = candidate.times.first().map(|t| t.time()) else { continue };
        if !this.kinds.contains(&candidate.kind) {
            Group::add(kinds.entry(candidate.kind).or_default(), first);
            continue;
        }
        let judged: Vec<_> =
            candidate.times.iter().map(|t| judge(*t, statements.values())).collect();
        if judged.contains(&Unlisted::Unreferenced) {
            unreferenced.push(candidate);
        } else if judged.contains(&Unlisted::Undecided) {
            let by = |t: &Delivery| judge(*t, asked_for.values()) == Unlisted::Undecided;
            let group = if candidate.times.iter().any(by) { &mut told } else { &mut undecided };
            Group::add(group, first);
        } else if judged.contains(&Unlisted::AfterNewest) {
            Group::add(&mut after, first);
        } else {
            Group::add(&mut uncovered, first);
        }
    }
    unreferenced::tell(this, chain.as_ref(), &unreferenced)?;
    for (group, severity) in [(undecided, Severity::Incomplete), (told, Severity::Notice)] {
        let Some(group) = group else { continue };
        let message = format!(
            "{} log files of this time are listed by no digest that is valid, and digests that could list them are missing, not valid or not readable: whether they should be there cannot be told.",
            group.count
        );
        let finding = grouped(this.id, "", group, message);
        this.gathered.findings.push(finding.severity(severity));
    }
    if let Some(group) = uncovered {
        let message = format!(
            "{} log files of this time are listed by no digest: none that could list them was ever made.",
            group.count
        );
        this.gathered.findings.push(grouped(this.id, "", group, message));
    }
    for (kind, group) in kinds {
        let Some(group) = group else { continue };
        let folder = format!("{}/", kind.folder());
        let message = format!(
            "{} log files of kind {}: no digest lists any of this kind, so nothing vouches for them.",
            group.count,
            kind.folder()
        );
        this.gathered.findings.push(grouped(this.id, &folder, group, message));
    }
    if let Some(group) = after {
        this.gathered.after_newest.push((this.id.clone(), group));
    }
    Ok(())
}

/// Tells of log files newer than the newest digest, unless the one that will list them is not
/// due yet.
pub(super) fn report_after_newest(
    all: &mut Gathered,
    request: Request,
    chains: &[(ChainReport, Coverage)],
) {
    for (id, group) in std::mem::take(&mut all.after_newest) {
        let newest = chains
            .iter()
            .filter(|(c, _)| {
                c.id.bucket == id.bucket && c.id.place == id.place && c.id.region == id.region
            })
            .flat_map(|(_, coverage)| coverage.all())
            .filter(|i| i.state == CoverageState::Proven)
            .map(|i| i.window.end)
            .max();
        let due = newest.map_or(Timestamp::MIN, |newest| add(newest, request.grace));
        if group.last < due {
            continue;
        }
        let message = format!(
            "{} log files are newer than the newest digest: none covers them.",
            group.count
        );
        let finding = grouped(&id, "", group, message);
        all.findings.push(finding);
    }
}

fn bucket_of(id: &AreaId) -> &str {
    id.bucket.as_ref().map_or("", BucketName::as_str)
}

/// Begins to list the area's log files of the requested time that no digest read so far lists.
pub(super) fn list(this: &mut AreaRun<'_, '_>) -> Listing {
    let listed = std::mem::take(&mut this.listed);
    let asked = (this.run.request.start, this.run.request.end);
    let (sources, id, area) = (this.run.sources.clone(), this.id.clone(), this.area.clone());
    this.run.pool.submit(move || {
        let found = list_area(&sources, &id, &area, asked, &listed);
        (listed, found)
    })
}

fn list_area(
    sources: &Sources,
    id: &AreaId,
    area: &Area,
    (start, end): (Option<Timestamp>, Option<Timestamp>),
    listed: &Listed,
) -> (Vec<Candidate>, Vec<Finding>) {
    let asked = Window::new(start.unwrap_or(Timestamp::MIN), end.unwrap_or(Timestamp::MAX));
    let knows_delivery = sources.knows_delivery(area);
    let (mut findings, mut candidates, mut odd) = (Vec::new(), Vec::new(), Vec::new());
    let (mut seen, mut twice) = (Listed::default(), 0);
    let bucket = bucket_of(id);
    for kind in &area.kinds {
        let each = &mut |found: Found| {
            if area.in_parts() && !seen.insert(bucket, &found.key, Sha256Hash([0; 32])) {
                twice += 1;
                return;
            }
            let day = day_of(&found.key);
            let log = LogKey::parse(&found.key)
                .filter(|log| log.place == id.place && log.region == id.region);
            let named = match (log, day) {
                // A name that contradicts its folder's day may be made to look not due yet.
                (Some(log), Some(day)) if around(day).contains(log.time) => vec![log.time],
                // A folder that is no day's, and a name that contradicts its folder.
                (Some(log), None) => vec![log.time],
                (log, Some(day)) if found.key.ends_with(".gz") => {
                    let hour = |n| add(day.start, hours(n) + minutes(30));
                    log.map(|log| log.time).into_iter().chain((0..24).map(hour)).collect()
                }
                _ => {
                    odd.push(found.key);
                    return;
                }
            };
            let written = found.modified.filter(|_| knows_delivery);
            let times: Vec<_> = named.iter().map(|t| Delivery::of(*t, written)).collect();
            if named.iter().any(|t| asked.contains(*t)) && !listed.contains(bucket, &found.key) {
                candidates.push(Candidate { key: found.key, kind: *kind, named, times });
            }
        };
        let days = days_around(start, end);
        sources.objects(id, area, kind.folder(), days, &mut findings, each);
    }
    findings.extend(second_copies(id, twice, "log files"));
    let bucket = id.bucket.as_ref().map(BucketName::as_str);
    findings.extend(odd.into_iter().map(|key| {
        let message = "An object among the log files whose name is not a log file's.";
        Finding::new(Code::ObjectUnknown, message).object(bucket, key)
    }));
    (candidates, findings)
}

/// The day of the folder that a key lies in.
fn day_of(key: &str) -> Option<Window> {
    let (folder, _) = key.rsplit_once('/')?;
    let day = folder.get(folder.len().checked_sub("YYYY/MM/DD".len())?..)?;
    let digits: String = day.split('/').collect();
    let start = crate::model::time::parse_compact_minutes(&format!("{digits}T0000Z")).ok()?;
    Some(Window::new(start, add(start, hours(24))))
}

/// The times that names in a day's folder may hold: rounding and late delivery cross midnight.
fn around(day: Window) -> Window {
    Window::new(sub(day.start, hours(24)), add(day.end, hours(24)))
}

/// Asks the digests that were left aside, other trails' and those of other times, for what they
/// list of some windows of time.
fn consult(
    this: &mut AreaRun<'_, '_>,
    planned: &Plan,
    windows: Vec<Window>,
    statements: &mut BTreeMap<ChainId, Coverage>,
) -> io::Result<()> {
    let starts = windows.iter().map(|w| w.start).min();
    let Some((start, end)) = starts.zip(windows.iter().map(|w| w.end).max()) else {
        return Ok(());
    };
    let span = Window::new(start, end);
    let request = this.run.request;
    if request.start.is_none() && request.end.is_none() && request.trails.is_empty() {
        return Ok(()); // every digest was asked for
    }
    let asked = asked_for(planned);
    let days = Window::new(sub(span.start, hours(24)), add(span.end, hours(24)));
    // What listing finds odd here was told where it was asked for.
    let (all, _) = list_digests(this.run, this.id, this.area, days)?;
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
        let rules = this.run.rules.clone();
        let mut settled = Vec::new();
        let read = this.read_all(wanted.into_iter(), |_, examined| {
            settled.extend(settler.push(&rules, examined));
            Ok(())
        });
        settled.extend(settler.finish(&rules));
        for digest in settled.iter().filter(|d| !asked.contains(&*d.examined.at.key)) {
            linker.push(digest, &mut Nobody);
            let entries = digest.examined.content.iter().flat_map(|c| &c.digest.log_files);
            for entry in entries {
                if digest.verified().is_some() {
                    this.listed.insert(this.id.bucket_of(&entry.bucket), &entry.object, entry.hash);
                    this.kinds.extend(LogKey::parse(&entry.object).map(|log| log.kind));
                }
            }
        }
        linker.finish();
        if id.kind == crate::model::ChainKind::Standard {
            let known = statements.entry(id).or_default();
            for interval in linker.statements().all() {
                known.assign(interval.window, interval.state, interval.reason);
            }
            if read.is_err() {
                known.assign(span, CoverageState::Unreadable, Some(Code::ObjectUnreadable));
            }
        }
    }
    Ok(())
}

/// Knows of no digest: consulting looks at what is there only.
struct Nobody;

impl Lookup for Nobody {
    fn digest(&mut self, _: &str, _: &str) -> Presence {
        Presence::Unknown(Trouble::unreadable("it was not looked for"))
    }
}

fn only_standard_chain(this: &AreaRun<'_, '_>) -> Option<ChainId> {
    let mut standard = this.chains.keys().filter(|id| id.kind == crate::model::ChainKind::Standard);
    let first = standard.next()?;
    standard.next().is_none().then(|| first.clone())
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
