//! Explanations by verified events of time that no digest covers, and of objects that are gone.
//!
//! A new segment of a chain is anchored by nothing. The time before it is explained only where
//! verified events show exactly one interruption of that very trail for each new segment: an end
//! where the last segment ends, a beginning where the new one starts, and nothing in between. A
//! loss is never explained: the events that may have caused it are shown as candidates. Nothing is
//! concluded where a log file that may hold one more event could not be read: whoever calls says
//! so by a doubt.

use jiff::Timestamp;

use super::events::Effect;
use super::finding::{Code, EventRole, Finding, FoundEvent, Severity};
pub use super::interruptions::Evidence;
use super::interruptions::{Interruption, LoggingChange, Owner, sentence};
use crate::model::time::{add, hours, minutes, sub};
use crate::model::{AccountId, ChainId, ChainKind, Window};

/// Time before the end of a segment in which logging may have been stopped: the last digest comes
/// with the end of its hour, and after validation was turned off one more may follow.
const LAST_HOURS: i64 = 3;
/// Time by which the start of a segment may lie from the event that started it: a first digest may
/// begin with its hour, and the first log file is delivered some time after the start.
const FIRST_HOURS: i64 = 1;
/// Time after the end of the last digest within which logging may have been stopped. The last
/// digest comes with the log file that holds the stop, so its end lies after it; only clocks may
/// differ.
const AFTER_LAST_MINUTES: i64 = 5;
/// Delay with which an event's log file may be listed: delivered within minutes, by the digest of
/// the next hour or the one after it.
const LISTED_HOURS: i64 = 2;
/// The time of one digest.
const INTERVAL_HOURS: i64 = 1;
/// Number of bucket events shown with one finding.
const CANDIDATES: usize = 5;

/// The reading of a gap between two segments.
#[derive(Debug, Clone)]
pub enum GapReading<'e> {
    /// Nothing explains it; the reason, where there is more to say.
    Unexplained(Option<String>),
    /// The trail was interrupted in it.
    Interrupted {
        /// The event that ended the last segment.
        end: &'e Evidence,
        /// The event that began the next.
        begin: &'e Evidence,
        /// The time between the last digest and the end, in which digests were due.
        lost: Option<Window>,
    },
}

/// Time in which digests list the log files that must be known before a gap is explained.
#[must_use]
pub fn listed_around(gap: Window) -> Window {
    let near = events_around(gap);
    Window::new(sub(near.start, hours(1)), add(near.end, hours(LISTED_HOURS)))
}

fn events_around(gap: Window) -> Window {
    Window::new(sub(gap.start, hours(LAST_HOURS)), add(gap.end, hours(FIRST_HOURS)))
}

/// Reads the gaps of one chain, in order of time; those of no length absorb an interruption, too.
/// `management` is the account that an organization's trail belongs to; without it nothing
/// explains a gap of one. `doubt` says why the events of a gap may not all be known.
#[must_use]
pub fn read_gaps<'e>(
    chain: &ChainId,
    gaps: &[Window],
    evidence: &'e [Evidence],
    management: Option<&AccountId>,
    doubt: &dyn Fn(Window) -> Option<String>,
) -> Vec<GapReading<'e>> {
    let Some(owner) = Owner::of(chain, management) else {
        return gaps.iter().map(|_| GapReading::Unexplained(None)).collect();
    };
    let mut readings = Vec::new();
    let mut rest = gaps;
    while let Some(first) = rest.first() {
        // Gaps near each other are read together: an interruption belongs to one of them.
        let mut near = events_around(*first);
        let mut count = 1;
        while let Some(next) = rest.get(count).map(|gap| events_around(*gap))
            && next.start <= near.end
        {
            near.end = near.end.max(next.end);
            count += 1;
        }
        let (together, later) = rest.split_at_checked(count).unwrap_or((rest, &[]));
        rest = later;
        let interruptions: Vec<_> = owner
            .interruptions(evidence, near)
            .into_iter()
            .filter_map(|interruption| Some((interruption, interruption.begin?)))
            .collect();
        let mut matched: Vec<Option<Interruption<'e>>> = vec![None; together.len()];
        let mut from = 0;
        let mut unmatched = None;
        for (interruption, begin) in &interruptions {
            let fitting = together.iter().enumerate().skip(from);
            let fitting = fitting.filter(|(_, gap)| fits(**gap, interruption.end, begin));
            match fitting.map(|(at, _)| at).next() {
                Some(at) => {
                    if let Some(slot) = matched.get_mut(at) {
                        *slot = Some(*interruption);
                    }
                    from = at + 1;
                }
                None => unmatched = Some((interruption.end, *begin)),
            }
        }
        for (gap, interruption) in together.iter().zip(matched) {
            let reading = interruption.map(|i| read_gap(owner, chain, *gap, i, evidence));
            readings.push(match (reading, unmatched, doubt(*gap)) {
                (Some(GapReading::Interrupted { .. }), Some(other), _) => {
                    GapReading::Unexplained(Some(more_than_gaps(other)))
                }
                (Some(GapReading::Interrupted { .. }), None, Some(doubt)) => {
                    GapReading::Unexplained(Some(format!(
                        "Verified events show an interruption, but not that it was the only one: {doubt}."
                    )))
                }
                (Some(reading), ..) => reading,
                (None, Some(other), _) => GapReading::Unexplained(Some(more_than_gaps(other))),
                (None, None, doubt) => GapReading::Unexplained(doubt.map(|doubt| {
                    format!("Events that explain it may be in data that could not be read: {doubt}.")
                })),
            });
        }
    }
    readings
}

fn more_than_gaps((end, begin): (&Evidence, &Evidence)) -> String {
    format!(
        "Verified events show an interruption that matches no gap of the chain ({}, then {}): a whole segment of digests may be missing.",
        sentence(&end.event),
        sentence(&begin.event)
    )
}

/// True if an interruption may be what lies between two segments.
fn fits(gap: Window, end: &Evidence, begin: &Evidence) -> bool {
    let slack = hours(FIRST_HOURS);
    let starts = Window::new(sub(gap.end, slack), add(gap.end, slack));
    let (end, begin) = (end.event.time, begin.event.time);
    sub(gap.start, hours(LAST_HOURS)) <= end
        && end <= add(gap.end, minutes(AFTER_LAST_MINUTES))
        && starts.start <= begin
        && begin <= starts.end
}

fn read_gap<'e>(
    owner: Owner<'_>,
    chain: &ChainId,
    gap: Window,
    interruption: Interruption<'e>,
    evidence: &'e [Evidence],
) -> GapReading<'e> {
    let Interruption { end, begin } = interruption;
    let Some(begin) = begin.filter(|begin| owner.called(begin)) else {
        return GapReading::Unexplained(None);
    };
    let lost = after_last(gap.start, end);
    if lost.is_none() && !has_final_digest(owner, chain, gap.start, end, evidence) {
        return GapReading::Unexplained(Some(no_final_digest(end)));
    }
    let lost = lost.map(|lost| lost.intersect(&gap)).filter(|lost| !lost.is_empty());
    GapReading::Interrupted { end, begin, lost }
}

/// The time between the last digest and the event that ended the chain, where it is too long.
fn after_last(newest: Timestamp, end: &Evidence) -> Option<Window> {
    let ended = end.event.time;
    (ended > add(newest, minutes(AFTER_LAST_MINUTES))).then(|| Window::new(newest, ended))
}

/// True if the digest is there that comes when a trail is stopped. It lists the log file that
/// holds the stop, if the trail itself records such events in this account and region; whether it
/// does, its other log files show.
fn has_final_digest(
    owner: Owner<'_>,
    chain: &ChainId,
    newest: Timestamp,
    end: &Evidence,
    evidence: &[Evidence],
) -> bool {
    if end.event.name != "StopLogging" || !owner.is_recorded_by(chain) {
        return true;
    }
    let own = || evidence.iter().filter(|e| e.is_of(chain) && e.event.effect == Effect::Trail);
    let is_it = |e: &Evidence| (e.event.name, e.event.time) == (end.event.name, end.event.time);
    let in_time = |e: &Evidence| {
        e.chain.kind == ChainKind::Backfill
            || e.listed_in.end <= add(newest, minutes(AFTER_LAST_MINUTES))
    };
    own().next().is_none() || own().any(|e| is_it(e) && in_time(e))
}

fn no_final_digest(end: &Evidence) -> String {
    format!(
        "Another trail recorded {}, but no log file of this chain up to then has this event: the last digest before the stop may be missing.",
        sentence(&end.event)
    )
}

/// Explains a gap in a finding. Where digests were due before the interruption, returns a finding
/// on that time.
pub fn describe_interruption(
    finding: &mut Finding,
    end: &Evidence,
    begin: &Evidence,
    lost: Option<Window>,
) -> Option<Finding> {
    finding.events = [end, begin].map(|e| e.found_event(EventRole::Explains)).to_vec();
    let open = lost.map(|lost| Finding {
        message: format!(
            "The last digests before an interruption are missing: the newest ends {}, but the trail delivered until {}.",
            lost.start,
            sentence(&end.event)
        ),
        ..finding.clone().window(lost)
    });
    if let Some(lost) = lost {
        finding.start = Some(lost.end);
    }
    finding.severity = Severity::Notice;
    finding.message = format!(
        "Delivery of digests was interrupted here: {} ended it, and {} restarted it. {}",
        sentence(&end.event),
        sentence(&begin.event),
        meanwhile(end)
    );
    open
}

/// Account of what an interruption left unrecorded.
fn meanwhile(end: &Evidence) -> &'static str {
    match (end.event.name, end.event.validates) {
        ("UpdateTrail", Some(false)) => {
            "Validation was off in between: events were recorded, but no digest covers their log files."
        }
        ("UpdateTrail", _) => {
            "The trail did not log in this region in between: events were not recorded."
        }
        _ => "Events in between were not recorded.",
    }
}

/// The event that ended a chain on purpose.
#[derive(Debug, Clone)]
pub struct Ending<'e> {
    /// The event.
    pub end: &'e Evidence,
    /// The time between the newest digest and the event, in which digests were due.
    pub lost: Option<Window>,
    /// Oddity of the chain's end, if any.
    pub doubt: Option<String>,
}

/// Time in which digests list the log files that may hold the event that ended a chain.
#[must_use]
pub fn listed_from(newest: Timestamp) -> Timestamp {
    sub(newest, hours(LAST_HOURS + 1))
}

/// The verified event that ended a chain whose newest digest is this one: the trail never began to
/// deliver again after it.
#[must_use]
pub fn read_end<'e>(
    chain: &ChainId,
    newest: Timestamp,
    evidence: &'e [Evidence],
    management: Option<&AccountId>,
) -> Option<Ending<'e>> {
    let owner = Owner::of(chain, management)?;
    let time = Window::new(sub(newest, hours(LAST_HOURS)), Timestamp::MAX);
    let interruptions = owner.interruptions(evidence, time);
    let (last, before) = interruptions.split_last()?;
    let due = add(newest, minutes(AFTER_LAST_MINUTES));
    // Digests of a time under way are gone: nothing that came later excuses that.
    let went_on = |i: &Interruption<'_>| i.begin.is_none_or(|begin| begin.event.time > due);
    if last.begin.is_some() || before.iter().any(went_on) {
        return None;
    }
    let lost = after_last(newest, last.end);
    let doubt = (lost.is_none() && !has_final_digest(owner, chain, newest, last.end, evidence))
        .then(|| no_final_digest(last.end));
    Some(Ending { end: last.end, lost, doubt })
}

/// True if verified events show that a chain went on after its newest digest, so that nothing can
/// have ended it there. Only the home region's: elsewhere a region that was switched off ends a
/// chain, and the trail goes on.
#[must_use]
pub fn went_on(
    chain: &ChainId,
    newest: Timestamp,
    evidence: &[Evidence],
    management: Option<&AccountId>,
) -> bool {
    let Some(owner) = Owner::of(chain, management).filter(|owner| owner.is_recorded_by(chain))
    else {
        return false;
    };
    let time = Window::new(sub(newest, hours(LAST_HOURS)), Timestamp::MAX);
    let due = add(newest, minutes(AFTER_LAST_MINUTES));
    let began = |e: &Evidence| e.event.time > due;
    owner.interruptions(evidence, time).iter().any(|i| i.begin.is_some_and(began))
}

/// True if the end of a chain that is accepted at a time is that of its newest digest. The last
/// digest may end with its hour, and an hour that a chain broke off in has none; a digest of a
/// whole hour that is gone before that time is not accepted.
#[must_use]
pub fn is_accepted_end(newest: Timestamp, accepted: Timestamp) -> bool {
    sub(newest, hours(LAST_HOURS)) <= accepted && sub(accepted, hours(INTERVAL_HOURS)) < newest
}

/// Adds to a finding on a chain's end that it was ended on purpose. Where digests were due before
/// that, returns a finding on that time, of the weight that the whole had.
pub fn describe_end(finding: &mut Finding, ending: &Ending<'_>) -> Option<Finding> {
    let Ending { end, lost, doubt } = ending;
    let lost = lost.map(|lost| match finding.of_time() {
        Some(time) => lost.intersect(&time),
        None => lost,
    });
    let lost = lost.filter(|lost| !lost.is_empty());
    let open = lost.map(|lost| {
        let message = format!(
            "The chain ends too early: its newest digests are missing. The trail delivered until {}.",
            sentence(&end.event)
        );
        Finding {
            message,
            events: vec![end.found_event(EventRole::Candidate)],
            ..finding.clone().window(lost)
        }
    });
    if let Some(lost) = lost {
        finding.start = Some(lost.end);
    }
    let and = match (end.event.name, end.event.validates) {
        ("UpdateTrail", Some(false)) => "disabled its validation",
        ("UpdateTrail", _) => "removed this region from it",
        _ => "ended it",
    };
    let doubt = doubt.as_ref().map(|doubt| format!(" {doubt}")).unwrap_or_default();
    finding.severity = Severity::Incomplete;
    finding.message = format!(
        "No digests are due here: {} {and}, and no verified event restarted it.{doubt}",
        sentence(&end.event)
    );
    finding.events = vec![end.found_event(EventRole::Explains)];
    open
}

/// True if a finding reports a loss that events may have caused.
#[must_use]
pub fn is_loss(code: Code) -> bool {
    matches!(
        code,
        Code::LogMissing
            | Code::DigestMissing
            | Code::ChainTruncated
            | Code::ChainLateStart
            | Code::NoDigests
    )
}

/// The events that may have caused a loss: first those that name the very object, then those that
/// concern its bucket or its trail, the latest first.
#[must_use]
pub fn candidates(finding: &Finding, evidence: &[Evidence]) -> Vec<FoundEvent> {
    let mut found: Vec<_> =
        evidence.iter().filter_map(|e| Some((concerns(finding, e)?, e))).collect();
    found.sort_by_key(|(how, e)| (*how, std::cmp::Reverse(e.event.time)));
    found.iter().take(CANDIDATES).map(|(_, e)| e.found_event(EventRole::Candidate)).collect()
}

/// Relation of an event to a loss, the closest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Concern {
    Object,
    Place,
}

fn concerns(finding: &Finding, evidence: &Evidence) -> Option<Concern> {
    let event = &evidence.event;
    match event.effect {
        Effect::Trail => {
            let chain = finding.chain.as_ref()?;
            let change = evidence.names(chain, None).then(|| evidence.change(chain)).flatten();
            let concerned = match finding.code {
                Code::ChainTruncated => change == Some(LoggingChange::Ends),
                Code::ChainGap => {
                    change.is_some() && listed_around(finding.of_time()?).contains(event.time)
                }
                _ => false,
            };
            concerned.then_some(Concern::Place)
        }
        Effect::Bucket => {
            let bucket = finding.bucket.as_ref()?;
            if event.bucket.as_ref() != Some(bucket) {
                return None;
            }
            match (&event.key, event.name) {
                (Some(key), _) => (finding.key.as_ref() == Some(key)).then_some(Concern::Object),
                (None, "DeleteObject" | "DeleteObjectVersion") => None,
                (None, _) => Some(Concern::Place),
            }
        }
    }
}

#[cfg(test)]
mod tests;
