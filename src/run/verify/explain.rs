//! Why something is not there: the log files that may tell are read once more, and what verified
//! events or the auditor say goes to the findings.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;

use super::Run;
use super::area::open_log;
use crate::model::{ChainId, ChainKind, DigestKey, LogEntry, LogKey, Window};
use crate::report::{AcceptedEnd, AcceptedGap, ChainReport};
use crate::verify::events::Hints;
use crate::verify::explain::{
    Ending, Evidence, GapReading, candidates, is_accepted_end, is_loss, listed_around, listed_from,
    read_end, read_gaps, tell_ended, tell_interrupted, went_on,
};
use crate::verify::interruptions::Owner;
use crate::verify::log_file::{Listing, events_of};
use crate::verify::{Code, Coverage, CoverageState, Finding, Severity};

/// How many log files of each kind are remembered for their hints, the latest: a trail of data
/// events may hint in every file.
const REMEMBERED: usize = 20_000;
/// How many log files are read again at most.
const READ_AGAIN: usize = 2_000;
/// Beside how many findings events are shown: the same ones concern all losses of a bucket.
const FINDINGS_WITH_EVENTS: usize = 200;

/// A valid log file that holds names of events which tell why something is not there.
struct Hint {
    listing: Arc<Listing>,
    entry: Arc<LogEntry>,
    hints: Hints,
}

/// The log files with hints: those that a trail's own events are in apart, so that data events do
/// not crowd them out.
#[derive(Default)]
pub(super) struct Hinted {
    trail: VecDeque<Hint>,
    bucket: VecDeque<Hint>,
    /// The time of the digests that list those of a trail's events that were too many.
    forgotten: Option<Window>,
}

/// Why the events of some time may not all be known.
struct Doubt {
    /// The chain that lists the log file; `None` where it may be any.
    chain: Option<ChainId>,
    listed_in: Window,
    cause: String,
    /// Whether it is of the time after the chain's newest digest.
    tail: bool,
}

impl Hinted {
    pub(super) fn push(&mut self, listing: Arc<Listing>, entry: Arc<LogEntry>, hints: Hints) {
        let of_kind = if hints.trail { &mut self.trail } else { &mut self.bucket };
        of_kind.push_back(Hint { listing, entry, hints });
        if of_kind.len() > REMEMBERED
            && let Some(forgotten) = of_kind.pop_front()
            && forgotten.hints.trail
        {
            self.forget(forgotten.listing.window);
        }
    }

    fn forget(&mut self, window: Window) {
        let all = self.forgotten.get_or_insert(window);
        *all = Window::new(all.start.min(window.start), all.end.max(window.end));
    }

    pub(super) fn absorb(&mut self, other: Self) {
        other.forgotten.into_iter().for_each(|window| self.forget(window));
        for Hint { listing, entry, hints } in other.trail.into_iter().chain(other.bucket) {
            self.push(listing, entry, hints);
        }
    }

    /// Reads the events of those that are wanted, the latest first where they are too many.
    fn read(&self, run: &Run<'_>, wanted: impl Fn(Window, Hints) -> bool, known: &mut Known) {
        let rules = Arc::new(run.rules.clone());
        let all = self.trail.iter().rev().chain(self.bucket.iter().rev());
        let mut wanted = all.filter(|hint| wanted(hint.listing.window, hint.hints));
        let tickets: Vec<_> = wanted
            .by_ref()
            .take(READ_AGAIN)
            .map(|hint| {
                let (sources, rules, entry) =
                    (run.sources.clone(), rules.clone(), hint.entry.clone());
                let read = move || events_of(&rules, &entry, open_log(&sources, &entry));
                (hint, run.pool.submit(read))
            })
            .collect();
        for Hint { listing, .. } in wanted.filter(|hint| hint.hints.trail) {
            known.doubts.push(Doubt {
                chain: Some(listing.chain.clone()),
                listed_in: listing.window,
                cause: format!("more than {READ_AGAIN} log files may hold such events"),
                tail: false,
            });
        }
        for (Hint { listing, entry, hints }, ticket) in tickets {
            let read = ticket.redeem(&run.request.stop).map_err(|error| error.to_string());
            let key = LogKey::parse(&entry.object).ok_or("its name is not a log file's");
            match (key, read.flatten()) {
                (Ok(key), Ok(events)) => known.evidence.extend(events.into_iter().map(|event| {
                    let (chain, listed_in) = (listing.chain.clone(), listing.window);
                    let bucket = entry.bucket.to_string();
                    Evidence { event, bucket, key: key.clone(), chain, listed_in }
                })),
                (key, read) if hints.trail => {
                    let cause = read.err().or(key.err().map(str::to_owned)).unwrap_or_default();
                    let (chain, listed_in) = (Some(listing.chain.clone()), listing.window);
                    let object = &entry.object;
                    let cause = format!("the log file {object} could not be read again: {cause}");
                    known.doubts.push(Doubt { chain, listed_in, cause, tail: false });
                }
                _ => {}
            }
        }
    }
}

/// The events that are known, and why others may not be.
#[derive(Default)]
struct Known {
    evidence: Vec<Evidence>,
    doubts: Vec<Doubt>,
}

impl Known {
    /// Why the events on a chain's trail that digests of some time list may not all be known.
    fn doubt(&self, chain: &ChainId, owner: Option<Owner<'_>>, listed: Window) -> Option<String> {
        let owner = owner?;
        let concerns = |doubt: &&Doubt| {
            let recorded = doubt.chain.as_ref().is_none_or(|by| owner.is_recorded_by(by));
            // What a chain lacks at its end holds no event of a gap before that.
            let own_end = doubt.tail && doubt.chain.as_ref() == Some(chain);
            recorded && !own_end && doubt.listed_in.overlaps(&listed)
        };
        self.doubts.iter().find(concerns).map(|doubt| doubt.cause.clone())
    }

    /// Adds what the run could not check, as far as its findings and its chains' time tell.
    fn doubt_what_was_not_checked(
        &mut self,
        findings: &[Finding],
        closed: &[(ChainReport, Coverage)],
    ) {
        let always = Window::new(Timestamp::MIN, Timestamp::MAX);
        for (report, coverage) in closed {
            let unchecked = coverage.all().filter(|interval| {
                matches!(interval.state, CoverageState::Violated | CoverageState::Unreadable)
            });
            self.doubts.extend(unchecked.map(|interval| Doubt {
                chain: Some(report.id.clone()),
                listed_in: interval.window,
                tail: interval.reason == Some(Code::ChainTruncated),
                cause: format!(
                    "the digests or log files of trail {} in {} are not all proven from {} to {}",
                    report.trail, report.region, interval.window.start, interval.window.end
                ),
            }));
        }
        for finding in findings.iter().filter(|f| f.severity > Severity::Notice) {
            let chain = finding.chain.clone();
            let trouble = matches!(finding.code, Code::ObjectUnreadable | Code::ObjectArchived);
            let counts = match &chain {
                // It claims no time of its own.
                Some(chain) => chain.kind == ChainKind::Backfill,
                None => trouble,
            };
            if counts {
                let what = finding.key.as_deref().unwrap_or("a part of the source");
                let cause = format!("{what} could not be checked ({})", finding.code.as_str());
                let listed_in = finding.of_time().unwrap_or(always);
                self.doubts.push(Doubt { chain, listed_in, cause, tail: false });
            }
        }
    }
}

/// The acceptances of a run, with whether each was used, and what is not proven because of them
/// and of explanations.
#[derive(Default)]
pub(super) struct Explained {
    pub(super) gaps: Vec<AcceptedGap>,
    pub(super) ends: Vec<AcceptedEnd>,
    pub(super) not_proven: Vec<String>,
}

/// Explains what findings tell of, as far as events or the auditor do, in the findings and in the
/// chains' time.
pub(super) fn explain(
    run: &Run<'_>,
    hinted: &Hinted,
    findings: &mut Vec<Finding>,
    closed: &mut [(ChainReport, Coverage)],
) -> Explained {
    let request = run.request;
    let (gaps, ends) = (request.accepted_gaps.clone(), request.accepted_ends.clone());
    let mut explained = Explained { gaps, ends, not_proven: Vec::new() };
    if request.stop.is_set() {
        return explained;
    }
    let known = read_events(run, hinted, findings, closed);
    let mut shown = 0;
    for finding in findings.iter_mut().filter(|f| is_loss(f.code) || begins_segment(f)) {
        if shown < FINDINGS_WITH_EVENTS {
            finding.events = candidates(finding, &known.evidence);
            shown += 1;
        }
    }
    explain_ends(run, &known, findings, closed, &mut explained.ends);
    let mut known = known;
    known.doubt_what_was_not_checked(findings, closed);
    let interrupted = explain_gaps(run, &known, findings, closed);
    if interrupted {
        explained.not_proven.push("That no digests stood in a gap that is explained: whoever stops, starts and deletes a whole segment in between leaves the same traces, unless another trail of that account recorded it.".to_owned());
    }
    for finding in findings.iter_mut() {
        let Some((chain, gap)) = finding.chain.clone().zip(finding.of_time()) else { continue };
        let Some(accepted) = accepts(&mut explained.gaps, finding, gap) else { continue };
        accepted.used = true;
        accept(finding, &accepted.reason);
        of_chain(closed, &chain, |coverage| coverage.explain(gap));
    }
    let unused =
        explained.gaps.iter().filter(|gap| !gap.used).map(|AcceptedGap { window, .. }| {
            format!("the gap from {} to {}", window.start, window.end)
        });
    let unused = unused.chain(
        explained
            .ends
            .iter()
            .filter(|end| !end.used)
            .map(|end| format!("the end of {} at {}", end.of, end.time)),
    );
    let unused = unused.map(|what| {
        format!("Anything by the acceptance of {what}: nothing that was found fits it, so it was not used.")
    });
    explained.not_proven.extend(unused);
    explained
}

/// Reads the events that may explain gaps, ends and losses.
fn read_events(
    run: &Run<'_>,
    hinted: &Hinted,
    findings: &[Finding],
    closed: &[(ChainReport, Coverage)],
) -> Known {
    let gaps = findings.iter().filter(|f| begins_segment(f)).filter_map(Finding::of_time);
    let mut near: Vec<Window> = gaps.map(listed_around).collect();
    let ends = findings.iter().filter(|f| ends_chain(f)).filter_map(newest_of);
    near.extend(ends.map(|newest| Window::new(listed_from(newest), Timestamp::MAX)));
    let losses = findings.iter().any(|f| is_loss(f.code));
    let mut known = Known::default();
    if near.is_empty() && !losses || closed.is_empty() {
        return known;
    }
    // What may explain a gap comes first: losses may call for more than is read again.
    let of_gap =
        |window: Window, hints: Hints| hints.trail && near.iter().any(|n| n.overlaps(&window));
    hinted.read(run, of_gap, &mut known);
    if let Some(listed_in) = hinted.forgotten {
        let cause = format!("more than {REMEMBERED} log files may hold such events");
        known.doubts.push(Doubt { chain: None, listed_in, cause, tail: false });
    }
    if losses {
        let mut rest = Known::default();
        hinted.read(run, |window, hints| !of_gap(window, hints), &mut rest);
        known.evidence.extend(rest.evidence);
    }
    known
}

/// Explains the ends of chains, and accepts those that the auditor accepts.
fn explain_ends(
    run: &Run<'_>,
    known: &Known,
    findings: &mut Vec<Finding>,
    closed: &mut [(ChainReport, Coverage)],
    accepted: &mut [AcceptedEnd],
) {
    let management = run.request.management_account.as_ref();
    let mut more = Vec::new();
    for finding in findings.iter_mut().filter(|f| ends_chain(f)) {
        let Some((chain, newest)) = finding.chain.clone().zip(newest_of(finding)) else { continue };
        let owner = Owner::of(&chain, management);
        let reading = read_end(&chain, newest, &known.evidence, management);
        let mut state = None;
        if let Some(ending) = &reading {
            more.extend(end(finding, ending, &chain));
            state = Some(CoverageState::Gap);
        } else if finding.severity == Severity::Violation
            && let listed = Window::new(listed_from(newest), Timestamp::MAX)
            && let Some(doubt) =
                known.doubt(&chain, owner, listed).or_else(|| unreadable(closed, owner, listed))
        {
            finding.severity = Severity::Incomplete;
            finding
                .message
                .push_str(&format!(" Whether the trail was stopped cannot be told: {doubt}."));
            state = Some(CoverageState::Unreadable);
        }
        let may_end = !went_on(&chain, newest, &known.evidence, management);
        let grace = run.request.grace;
        let acceptance = accepted.iter_mut().find(|accepted| {
            may_end && accepted.is_of(&chain) && is_accepted_end(newest, accepted.time, grace)
        });
        if let Some(acceptance) = acceptance {
            acceptance.used = true;
            accept(finding, &acceptance.reason);
            state = Some(CoverageState::Explained);
        }
        if let Some((state, window)) = state.zip(finding.of_time()) {
            let restate =
                |coverage: &mut Coverage| coverage.restate(window, Code::ChainTruncated, state);
            of_chain(closed, &chain, restate);
        }
    }
    findings.extend(more);
}

/// Says in a finding on a chain's end who ended it, and how to accept that.
fn end(finding: &mut Finding, ending: &Ending<'_>, chain: &ChainId) -> Option<Finding> {
    let open = tell_ended(finding, ending);
    let ended = ending.end.event.time;
    let ChainId { place, region, trail, .. } = chain;
    let (account, at) = (&place.account, finding.start.map_or(ended, |start| start.max(ended)));
    finding.message.push_str(&format!(
        " If this was intended, accept it: --accept-end \"{account}/{region}/{trail}@{at}=REASON\"."
    ));
    open
}

/// Why digests or log files that may hold a trail's events could not be read.
fn unreadable(
    closed: &[(ChainReport, Coverage)],
    owner: Option<Owner<'_>>,
    listed: Window,
) -> Option<String> {
    let owner = owner?;
    let recording = closed.iter().filter(|(report, _)| owner.is_recorded_by(&report.id));
    let mut intervals = recording.flat_map(|(_, coverage)| coverage.all());
    let trouble = intervals.find(|interval| {
        let truncated = interval.reason == Some(Code::ChainTruncated);
        interval.state == CoverageState::Unreadable
            && !truncated
            && interval.window.overlaps(&listed)
    });
    trouble.map(|interval| {
        let Window { start, end } = interval.window;
        format!("what may hold such an event, from {start} to {end}, could not be read")
    })
}

/// Explains the gaps between segments; returns whether any is.
fn explain_gaps(
    run: &Run<'_>,
    known: &Known,
    findings: &mut Vec<Finding>,
    closed: &mut [(ChainReport, Coverage)],
) -> bool {
    let management = run.request.management_account.as_ref();
    let mut chains: BTreeMap<ChainId, Vec<(usize, Window)>> = BTreeMap::new();
    for (at, finding) in findings.iter().enumerate() {
        let Some((chain, (start, end))) = finding.chain.clone().zip(finding.start.zip(finding.end))
        else {
            continue;
        };
        if finding.code == Code::ChainGap && finding.key.is_some() {
            chains.entry(chain).or_default().push((at, Window::new(start, end)));
        }
    }
    let (mut any, mut more) = (false, Vec::new());
    for (chain, mut gaps) in chains {
        gaps.sort_by_key(|(_, gap)| (gap.start, gap.end));
        let windows: Vec<_> = gaps.iter().map(|(_, gap)| *gap).collect();
        let owner = Owner::of(&chain, management);
        let doubt = |gap: Window| known.doubt(&chain, owner, listed_around(gap));
        let readings = read_gaps(&chain, &windows, &known.evidence, management, &doubt);
        for ((at, _), reading) in gaps.into_iter().zip(readings) {
            let Some(finding) = findings.get_mut(at).filter(|f| begins_segment(f)) else {
                continue;
            };
            match reading {
                GapReading::Interrupted { end, begin, lost } => {
                    more.extend(tell_interrupted(finding, end, begin, lost));
                    any = true;
                    let Some(gap) = finding.of_time() else { continue };
                    of_chain(closed, &chain, |coverage| coverage.explain(gap));
                }
                GapReading::Unexplained(Some(reason)) => {
                    finding.message.push(' ');
                    finding.message.push_str(&reason);
                }
                GapReading::Unexplained(None) => {}
            }
        }
    }
    findings.extend(more);
    any
}

fn of_chain(
    closed: &mut [(ChainReport, Coverage)],
    chain: &ChainId,
    change: impl Fn(&mut Coverage),
) {
    for (_, coverage) in closed.iter_mut().filter(|(report, _)| report.id == *chain) {
        change(coverage);
    }
}

fn accept(finding: &mut Finding, reason: &str) {
    finding.severity = Severity::Notice;
    finding.message.push_str(&format!(" Accepted by whoever ran this: {reason}."));
}

/// Whether it tells of time before a new segment, which nothing covers.
fn begins_segment(finding: &Finding) -> bool {
    finding.code == Code::ChainGap
        && finding.severity == Severity::Incomplete
        && finding.key.is_some()
}

/// Whether it tells of time after a chain's newest digest.
fn ends_chain(finding: &Finding) -> bool {
    finding.code == Code::ChainTruncated && finding.severity > Severity::Notice
}

/// The end of the newest digest of the chain whose end a finding is about.
fn newest_of(finding: &Finding) -> Option<Timestamp> {
    let start = finding.start?;
    let named = finding.key.as_deref().and_then(DigestKey::parse).map(|name| name.end);
    Some(named.map_or(start, |named| named.min(start)))
}

/// The auditor's word on a gap, where there is one.
fn accepts<'a>(
    accepted: &'a mut [AcceptedGap],
    finding: &Finding,
    gap: Window,
) -> Option<&'a mut AcceptedGap> {
    let is_gap = matches!(finding.code, Code::ChainGap | Code::ChainLateStart);
    let mut all = accepted.iter_mut();
    all.find(|a| {
        is_gap
            && finding.severity == Severity::Incomplete
            && a.window.start <= gap.start
            && gap.end <= a.window.end
    })
}
