//! What CloudTrail says of its trails, held against what the bucket holds.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{AREAS_AT_ONCE, ClosedArea, Run, TrailStatus};
use crate::model::time::{add, hours, minutes, sub};
use crate::model::{ChainId, Window};
use crate::run::in_order::in_order;
use crate::verify::{Code, CoverageState, Finding};

/// How much CloudTrail's time of a delivery and S3's time of the object may differ.
const SLACK_MINUTES: i64 = 15;
/// How long before the run a delivery must lie to be asked for: listing takes time.
const SETTLED_MINUTES: i64 = 30;
/// How far the requested end may lie back for the newest digest to have been listed.
const NEAR_NOW_HOURS: i64 = 12;

/// What CloudTrail says of the chains, where it is at hand and the request reaches up to now.
#[derive(Default)]
pub(super) struct Statuses {
    known: BTreeMap<ChainId, TrailStatus>,
    /// Why it could not be asked.
    pub(super) refused: BTreeSet<String>,
    /// Whether it was asked at all.
    pub(super) asked: bool,
}

impl Statuses {
    pub(super) fn ask(run: &Run<'_>, chains: &BTreeMap<ChainId, ClosedArea>) -> Self {
        let mut statuses = Self::default();
        let request = run.request;
        let near_now = |end: Timestamp| end >= sub(request.started, hours(NEAR_NOW_HOURS));
        let Some(cloudtrail) =
            run.cloudtrail.filter(|_| request.end.is_none_or(near_now) && !request.stop.is_set())
        else {
            return statuses;
        };
        statuses.asked = true;
        let ids: Vec<&ChainId> = chains.keys().collect();
        let ask = |_, id: &&ChainId| ((*id).clone(), cloudtrail.status(id));
        let asked = in_order(AREAS_AT_ONCE, &ids, ask, |(id, status)| {
            match status {
                Ok(Some(status)) => drop(statuses.known.insert(id, status)),
                Ok(None) => {}
                Err(cause) => drop(statuses.refused.insert(cause)),
            }
            Ok(())
        });
        if let Err(error) = asked {
            statuses.refused.insert(error.to_string());
        }
        statuses
    }

    /// The digest that CloudTrail says it delivered and the bucket lacks.
    pub(super) fn missing(&self, run: &Run<'_>, chain: &mut ClosedArea) -> Option<Finding> {
        let latest = self.known.get(&chain.report.id)?.latest_digest?;
        let (written, newest) = (chain.newest_written?, chain.linker.end()?);
        let settled = sub(run.request.started, minutes(SETTLED_MINUTES));
        if latest <= add(written, minutes(SLACK_MINUTES)) || latest > settled {
            return None;
        }
        let message = "CloudTrail says that it delivered a later digest than any that is there: the newest are gone.";
        let window = Window::new(newest, latest.max(newest));
        chain.linker.mark(window, CoverageState::Violated, Code::DigestMissing);
        let finding = Finding::new(Code::DigestMissing, message).chain(&chain.report.id);
        Some(finding.window(window).compared(
            format!("a digest delivered {latest} (GetTrailStatus)"),
            format!("the newest was written {written}"),
        ))
    }

    /// Since when CloudTrail says that a chain's trail does not log.
    pub(super) fn stopped(&self, chain: &ChainId) -> Option<Timestamp> {
        self.known.get(chain)?.stopped
    }
}
