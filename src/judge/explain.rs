//! Explanations of losses: what verified events or the auditor say goes to the findings.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::answers::TrackedAnswers;
use super::hinted::HintedLogs;
use super::known::{KnownEvents, beside};
use super::{Question, Survey};
use crate::model::{ChainId, DigestKey, Window};
use crate::report::{AcceptedEnd, AcceptedGap, ChainReport};
use crate::verify::explain::{
    Ending, GapReading, candidates, describe_end, describe_interruption, is_accepted_end, is_loss,
    listed_around, listed_from, read_end, read_gaps, went_on,
};
use crate::verify::hints::Hints;
use crate::verify::interruptions::Owner;
use crate::verify::{Code, Coverage, CoverageState, Finding, Severity};

/// Number of findings that show events: the same ones concern all losses of a bucket.
const FINDINGS_WITH_EVENTS: usize = 200;

/// The acceptances of a run, with whether each was used, and what is not proven because of them
/// and of explanations.
#[derive(Default)]
pub(super) struct Explained {
    pub(super) gaps: Vec<AcceptedGap>,
    pub(super) ends: Vec<AcceptedEnd>,
    pub(super) not_proven: Vec<String>,
}

impl Explained {
    /// Nothing is explained, and no acceptance used.
    pub(super) fn nothing(question: &Question) -> Self {
        let (gaps, ends) = (question.accepted_gaps.clone(), question.accepted_ends.clone());
        Self { gaps, ends, not_proven: Vec::new() }
    }
}

/// Sources of explanations.
pub(super) struct Grounds<'a> {
    pub(super) question: &'a Question,
    pub(super) survey: &'a Survey,
    pub(super) hinted: &'a HintedLogs,
    pub(super) asked: &'a TrackedAnswers<'a>,
}

/// Explains findings, as far as events or the auditor do, in the findings themselves and in the
/// chains' time.
pub(super) fn explain(
    grounds: &Grounds<'_>,
    findings: &mut Vec<Finding>,
    closed: &mut [(ChainReport, Coverage)],
) -> Explained {
    let mut explained = Explained::nothing(grounds.question);
    let mut known = read_events(grounds, findings, closed);
    let mut shown = 0;
    for finding in findings.iter_mut().filter(|f| is_loss(f.code) || begins_segment(f)) {
        if shown < FINDINGS_WITH_EVENTS {
            finding.events = candidates(finding, &known.evidence);
            shown += 1;
        }
    }
    explain_ends(grounds.question, &known, findings, closed, &mut explained.ends);
    known.doubt_what_was_not_checked(findings, closed);
    let interrupted = explain_gaps(grounds, &mut known, findings, closed);
    if interrupted {
        explained.not_proven.push("That an explained gap had no digests: someone who stops and starts logging, then deletes a whole segment in between, leaves the same traces, unless another trail of the account recorded it.".to_owned());
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
        format!("Anything about the acceptance of {what}: it matches nothing and was not used. Check its time and name.")
    });
    explained.not_proven.extend(unused);
    explained
}

/// Reads the events that may explain gaps, ends and losses.
fn read_events(
    grounds: &Grounds<'_>,
    findings: &[Finding],
    closed: &[(ChainReport, Coverage)],
) -> KnownEvents {
    let gaps = findings.iter().filter(|f| begins_segment(f)).filter_map(Finding::of_time);
    let mut near: Vec<Window> = gaps.map(listed_around).collect();
    let ends = findings.iter().filter(|f| ends_chain(f)).filter_map(newest_of);
    near.extend(ends.map(|newest| Window::new(listed_from(newest), Timestamp::MAX)));
    let losses = findings.iter().any(|f| is_loss(f.code));
    let mut known = KnownEvents::default();
    if near.is_empty() && !losses || closed.is_empty() {
        return known;
    }
    // What may explain a gap comes first: losses may call for more than is read again.
    let of_gap =
        |window: Window, hints: Hints| hints.trail && near.iter().any(|n| n.overlaps(&window));
    known.read(grounds.hinted, of_gap, grounds.asked);
    if losses {
        let mut rest = KnownEvents::default();
        rest.read(grounds.hinted, |window, hints| !of_gap(window, hints), grounds.asked);
        known.evidence.extend(rest.evidence);
    }
    known
}

/// Explains the ends of chains, and accepts those that the auditor accepts.
fn explain_ends(
    question: &Question,
    known: &KnownEvents,
    findings: &mut Vec<Finding>,
    closed: &mut [(ChainReport, Coverage)],
    accepted: &mut [AcceptedEnd],
) {
    let management = question.management_account.as_ref();
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
                .push_str(&format!(" It is unknown whether the trail was stopped: {doubt}."));
            state = Some(CoverageState::Unreadable);
        }
        let may_end = !went_on(&chain, newest, &known.evidence, management);
        let acceptance = accepted.iter_mut().find(|accepted| {
            may_end && accepted.is_of(&chain) && is_accepted_end(newest, accepted.time)
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

/// Adds to a finding on a chain's end who ended it, and how to accept that.
fn end(finding: &mut Finding, ending: &Ending<'_>, chain: &ChainId) -> Option<Finding> {
    let open = describe_end(finding, ending);
    let ended = ending.end.event.time;
    let ChainId { place, region, trail, .. } = chain;
    let (account, at) = (&place.account, finding.start.map_or(ended, |start| start.max(ended)));
    finding.message.push_str(&format!(
        " If this was intended, accept it: --accept-end \"{account}/{region}/{trail}@{at}=REASON\"."
    ));
    open
}

/// Causes for which digests or log files that may hold a trail's events could not be read.
fn unreadable(
    closed: &[(ChainReport, Coverage)],
    owner: Option<Owner<'_>>,
    listed: Window,
) -> Option<String> {
    let owner = owner?;
    let recording = closed.iter().filter(|(report, _)| owner.is_recorded_by(&report.id));
    let mut intervals = recording.flat_map(|(_, coverage)| coverage.all());
    let trouble = intervals.find(|interval| {
        // A plain copy always lost the signature of its newest digest, and what is gone is no
        // trouble on the way.
        let usual = [Code::ChainTruncated, Code::DigestUnsigned, Code::DigestMissing];
        interval.state == CoverageState::Unreadable
            && !interval.reason.is_some_and(|reason| usual.contains(&reason))
            && interval.window.overlaps(&listed)
    });
    trouble.map(|interval| {
        let Window { start, end } = interval.window;
        format!("log files from {start} to {end} that may contain such an event could not be read")
    })
}

/// Explains the gaps between segments; returns whether any is.
fn explain_gaps(
    grounds: &Grounds<'_>,
    known: &mut KnownEvents,
    findings: &mut Vec<Finding>,
    closed: &mut [(ChainReport, Coverage)],
) -> bool {
    let Grounds { question, survey, asked, .. } = *grounds;
    let management = question.management_account.as_ref();
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
        if let Some(owner) = owner.filter(|_| !question.trails.is_empty()) {
            let readings = read_gaps(&chain, &windows, &known.evidence, management, &|_| None);
            let explained = windows
                .iter()
                .zip(&readings)
                .filter(|(_, reading)| matches!(reading, GapReading::Interrupted { .. }));
            let listed: Vec<_> = explained.map(|(gap, _)| listed_around(*gap)).collect();
            for listed in listed {
                known.read_other_trails(&beside(question, listed), survey, owner, asked);
            }
        }
        let doubt = |gap: Window| known.doubt(&chain, owner, listed_around(gap));
        let readings = read_gaps(&chain, &windows, &known.evidence, management, &doubt);
        for ((at, _), reading) in gaps.into_iter().zip(readings) {
            let Some(finding) = findings.get_mut(at).filter(|f| begins_segment(f)) else {
                continue;
            };
            match reading {
                GapReading::Interrupted { end, begin, lost } => {
                    more.extend(describe_interruption(finding, end, begin, lost));
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
    finding.message.push_str(&format!(" Accepted for this run: {reason}."));
}

/// True if a finding is about time before a new segment, which nothing covers.
fn begins_segment(finding: &Finding) -> bool {
    finding.code == Code::ChainGap
        && finding.severity == Severity::Incomplete
        && finding.key.is_some()
}

/// True if a finding is about time after a chain's newest digest.
fn ends_chain(finding: &Finding) -> bool {
    finding.code == Code::ChainTruncated && finding.severity > Severity::Notice
}

/// The end of the newest digest of the chain whose end a finding is about.
fn newest_of(finding: &Finding) -> Option<Timestamp> {
    let start = finding.start?;
    let named = finding.key.as_deref().and_then(DigestKey::parse).map(|name| name.end);
    Some(named.map_or(start, |named| named.min(start)))
}

/// The auditor's acceptance of a gap, where there is one.
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
