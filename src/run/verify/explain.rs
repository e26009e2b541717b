//! Why something is not there: the log files that may tell are read once more, and what verified
//! events or the auditor say goes to the findings.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Run;
use super::area::open_log;
use crate::model::{ChainId, LogEntry, LogKey, Window};
use crate::report::AcceptedGap;
use crate::verify::events::Hints;
use crate::verify::explain::{
    Evidence, around_gap, candidates, explain_gap, is_loss, tell_explained,
};
use crate::verify::log_file::events_of;
use crate::verify::{Code, Finding, Severity};

/// How many log files of a run are remembered for their hints, the latest: a trail of data events
/// may hint in every file.
const REMEMBERED: usize = 20_000;
/// How many log files are read again at most.
const READ_AGAIN: usize = 2_000;
/// Beside how many findings events are shown: the same ones concern all losses of a bucket.
const FINDINGS_WITH_EVENTS: usize = 200;

/// The valid log files that hold names of events which tell why something is not there.
#[derive(Default)]
pub(super) struct Hinted(VecDeque<(Window, Arc<LogEntry>, Hints)>);

impl Hinted {
    pub(super) fn push(&mut self, listed_in: Window, entry: Arc<LogEntry>, hints: Hints) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back((listed_in, entry, hints));
    }

    pub(super) fn absorb(&mut self, other: Self) {
        for (window, entry, hints) in other.0 {
            self.push(window, entry, hints);
        }
    }

    /// Reads the events of those that are wanted, the latest first where they are too many.
    fn read(&self, run: &Run<'_>, wanted: impl Fn(Window, Hints) -> bool) -> Vec<Evidence> {
        let rules = Arc::new(run.rules.clone());
        let wanted = self.0.iter().rev().filter(|(window, _, hints)| wanted(*window, *hints));
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
    let evidence = hinted.read(run, |window, hints| {
        (hints.trail && (losses || around(window))) || (hints.bucket && losses)
    });
    let management = run.request.management_account.as_ref();
    let mut explained = Vec::new();
    let mut shown = 0;
    for finding in findings {
        if is_loss(finding.code) && shown < FINDINGS_WITH_EVENTS {
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
