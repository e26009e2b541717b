//! Why something is not there: the log files that may tell are read once more, and what verified
//! events or the auditor say goes to the findings.

use std::collections::VecDeque;
use std::sync::Arc;

use jiff::Timestamp;

use super::Run;
use super::area::open_log;
use crate::model::time::{hours, sub};
use crate::model::{BucketName, ChainId, LogEntry, LogKey, Window};
use crate::report::{AcceptedGap, ChainReport};
use crate::verify::events::Hints;
use crate::verify::explain::{
    Evidence, around_gap, candidates, explain_gap, is_loss, tell_explained,
};
use crate::verify::log_file::events_of;
use crate::verify::{Code, Finding, Severity};

/// How many log files of each kind are remembered for their hints, the latest: a trail of data
/// events may hint in every file.
const REMEMBERED: usize = 20_000;
/// How many log files are read again at most.
const READ_AGAIN: usize = 2_000;
/// Beside how many findings events are shown: the same ones concern all losses of a bucket.
const FINDINGS_WITH_EVENTS: usize = 200;
/// From so many losses on, log files or hours of digests, they have a shape.
const SHAPE: usize = 3;

/// The valid log files that hold names of events which tell why something is not there: those
/// that a trail's own events are in apart, so that data events do not crowd them out.
#[derive(Default)]
pub(super) struct Hinted {
    trail: VecDeque<(Window, Arc<LogEntry>, Hints)>,
    bucket: VecDeque<(Window, Arc<LogEntry>, Hints)>,
}

impl Hinted {
    pub(super) fn push(&mut self, listed_in: Window, entry: Arc<LogEntry>, hints: Hints) {
        let of_kind = if hints.trail { &mut self.trail } else { &mut self.bucket };
        if of_kind.len() == REMEMBERED {
            of_kind.pop_front();
        }
        of_kind.push_back((listed_in, entry, hints));
    }

    pub(super) fn absorb(&mut self, other: Self) {
        for (window, entry, hints) in other.trail.into_iter().chain(other.bucket) {
            self.push(window, entry, hints);
        }
    }

    /// Reads the events of those that are wanted, the latest first where they are too many.
    fn read(&self, run: &Run<'_>, wanted: impl Fn(Window, Hints) -> bool) -> Vec<Evidence> {
        let rules = Arc::new(run.rules.clone());
        let all = self.trail.iter().rev().chain(self.bucket.iter().rev());
        let wanted = all.filter(|(window, _, hints)| wanted(*window, *hints));
        let tickets: Vec<_> = wanted
            .take(READ_AGAIN)
            .map(|(_, entry, _)| {
                let (sources, rules, its_entry) =
                    (run.sources.clone(), rules.clone(), entry.clone());
                let read = move || events_of(&rules, &its_entry, open_log(&sources, &its_entry));
                (entry, run.pool.submit(read))
            })
            .collect();
        let mut evidence = Vec::new();
        for (entry, ticket) in tickets {
            let (Some(key), Ok(events)) =
                (LogKey::parse(&entry.object), ticket.redeem(&run.request.stop))
            else {
                continue;
            };
            let of = |event| Evidence { event, bucket: entry.bucket.to_string(), key: key.clone() };
            evidence.extend(events.into_iter().map(of));
        }
        evidence
    }
}

/// The start of the time of a chain's oldest objects that are there and valid.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Oldest {
    pub(super) digest: Option<Timestamp>,
    /// Of the digest that lists the log file.
    pub(super) log: Option<Timestamp>,
}

/// The notice that a chain's losses have the shape of a lifecycle rule: everything older than
/// some time is gone, nothing newer.
pub(super) fn shape(
    chain: &ChainReport,
    oldest: Oldest,
    start: Option<Timestamp>,
    findings: &[Finding],
) -> Vec<Finding> {
    let of = |code| {
        let own =
            findings.iter().filter(move |f| f.code == code && f.chain.as_ref() == Some(&chain.id));
        let own = own.filter(|f| f.severity == Severity::Violation);
        own.filter_map(Finding::of_time).collect::<Vec<_>>()
    };
    let notice = |message: String, window: Window| {
        let bucket = chain.bucket.as_ref().map(BucketName::as_str);
        let finding = Finding::new(Code::LossPattern, message).chain(&chain.id);
        finding.object(bucket, chain.id.place.folder()).window(window)
    };
    let mut shapes = Vec::new();
    let logs = of(Code::LogMissing);
    if let (Some(first), Some(last)) =
        (logs.iter().map(|w| w.start).min(), logs.iter().map(|w| w.end).max())
        && logs.len() >= SHAPE
        && oldest.log.is_none_or(|there| last <= there)
    {
        let number = logs.len();
        let message = match oldest.log {
            Some(there) => format!(
                "All {number} log files that were delivered before {there} are gone, and none since: a lifecycle rule that expires objects leaves this shape."
            ),
            None => format!(
                "All {number} log files are gone, and their digests are there: whoever empties a whole prefix leaves this shape."
            ),
        };
        shapes.push(notice(message, Window::new(first, last)));
    }
    let digests = of(Code::DigestMissing);
    if let (Some(last), Some(there)) = (digests.iter().map(|w| w.end).max(), oldest.digest)
        && let Some(first) = digests
            .iter()
            .map(|w| w.start)
            .min()
            .map(|first| start.map_or(first, |start| start.min(first)))
        && last <= there
        && sub(last, hours(SHAPE as i64)) >= first
    {
        let message = format!(
            "All digests before {there} are gone, and none since: a lifecycle rule that expires objects leaves this shape."
        );
        shapes.push(notice(message, Window::new(first, last)));
    }
    shapes
}

/// Explains what findings tell of, as far as events or the auditor do; returns the chains' time
/// that is explained by it.
pub(super) fn explain(
    run: &Run<'_>,
    hinted: &Hinted,
    findings: &mut [Finding],
    accepted: &mut [AcceptedGap],
) -> Vec<(ChainId, Window)> {
    let gaps: Vec<Window> =
        findings.iter().filter(|f| begins_segment(f)).filter_map(Finding::of_time).collect();
    let losses = findings.iter().any(|f| is_loss(f.code));
    if gaps.is_empty() && !losses && accepted.is_empty() {
        return Vec::new();
    }
    let around = |window: Window| {
        gaps.iter().flat_map(|gap| around_gap(*gap)).any(|near| near.overlaps(&window))
    };
    // What may explain a gap comes first: losses may call for more than is read again.
    let of_gap = |window, hints: Hints| hints.trail && around(window);
    let mut evidence = hinted.read(run, of_gap);
    if losses {
        evidence.extend(hinted.read(run, |window, hints| !of_gap(window, hints)));
    }
    let management = run.request.management_account.as_ref();
    let mut explained = Vec::new();
    let mut shown = 0;
    for finding in findings {
        let tells = is_loss(finding.code) || begins_segment(finding);
        if tells && shown < FINDINGS_WITH_EVENTS {
            finding.events = candidates(finding, &evidence);
            shown += 1;
        }
        let (Some(chain), Some(gap)) = (finding.chain.clone(), finding.of_time()) else { continue };
        if begins_segment(finding)
            && let Some(why) = explain_gap(&chain, gap, &evidence, management)
        {
            tell_explained(finding, why);
        } else if let Some(accepted) = accepts(accepted, finding, gap) {
            accepted.used = true;
            let said = format!(" Accepted by whoever ran this: {}.", accepted.reason);
            finding.message.push_str(&said);
        } else {
            continue;
        }
        finding.severity = Severity::Notice;
        explained.push((chain, gap));
    }
    explained
}

/// Whether it tells of time before a new segment, which nothing covers.
fn begins_segment(finding: &Finding) -> bool {
    finding.code == Code::ChainGap
        && finding.severity == Severity::Incomplete
        && finding.key.is_some()
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
