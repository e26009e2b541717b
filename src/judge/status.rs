//! Statements of CloudTrail on its trails, compared with what the bucket holds.
//!
//! Only the chain in the place that the trail delivers to now is compared: DescribeTrails names
//! bucket, prefix and whether it is an organization's. Whether LatestDigestDeliveryTime counts
//! backfill digests is not documented, so one that was written about then accounts for it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::answers::{LoggingStatus, TrackedAnswers, TrailAnswer};
use super::judging::LinkedChain;
use super::{Circumstances, Question};
use crate::model::time::{add, hours, minutes, sub};
use crate::model::{AccountId, ChainId, ChainKind, Window};
use crate::verify::link::{ReportedEnding, ReportedStatus};
use crate::verify::{Code, CoverageState, Finding, Severity};

/// Allowed difference between CloudTrail's time of a delivery and S3's time of the object.
const CLOCK_SLACK_MINUTES: i64 = 15;
/// Allowed delay between a digest's end and its delivery. CloudTrail signs a digest up to two hours
/// after its end (one interval and this).
const DELIVERY_SLACK_MINUTES: i64 = 60;
/// Time that a delivery must lie before the run: what was delivered since may not be listed yet.
const SETTLED_MINUTES: i64 = 5;
/// Time that the requested end may lie back for the newest digest to have been listed.
const NEAR_NOW_HOURS: i64 = 12;

/// The statements on chains, where CloudTrail can be asked and the request reaches up to now.
#[derive(Default)]
pub(super) struct Statuses {
    answers: BTreeMap<ChainId, TrailAnswer>,
    /// Causes for which it could not be asked.
    pub(super) refused: BTreeSet<String>,
    /// True if it was asked at all.
    pub(super) asked: bool,
    /// Accounts of chains whose trails are not the caller's to ask about.
    pub(super) of_others: BTreeSet<AccountId>,
    /// Time from which on deliveries may not be listed yet.
    settled: Timestamp,
}

impl Statuses {
    pub(super) fn ask(
        question: &Question,
        circumstances: &Circumstances,
        chains: &BTreeMap<ChainId, LinkedChain>,
        end: Option<Timestamp>,
        asked: &TrackedAnswers<'_>,
    ) -> Self {
        let near_now = |end: Timestamp| end >= sub(circumstances.started, hours(NEAR_NOW_HOURS));
        let may_ask = circumstances.asks_cloudtrail
            && question.end.is_none_or(near_now)
            && !circumstances.interrupted;
        let mut statuses = Self {
            asked: may_ask,
            settled: sub(circumstances.started, minutes(SETTLED_MINUTES)),
            ..Self::default()
        };
        if !may_ask {
            return statuses;
        }
        // A chain that reaches the end leaves nothing to ask.
        let open = |chain: &LinkedChain| end.is_none_or(|end| chain.linker.end() < Some(end));
        let open = chains
            .iter()
            .filter(|(id, chain)| id.kind == ChainKind::Standard && open(chain))
            .map(|(id, _)| id.clone());
        let caller = caller_account(circumstances.ran_by.identity.as_deref());
        for id in open {
            match asked.trail(&id) {
                None => {}
                Some(Ok(TrailAnswer::OfOther)) => drop(statuses.of_others.insert(id.place.account)),
                // Another account's trails are not listed for the caller.
                Some(Ok(TrailAnswer::NotListed)) if caller != Some(id.place.account.as_str()) => {
                    statuses.of_others.insert(id.place.account);
                }
                Some(Ok(answer)) => drop(statuses.answers.insert(id, answer.clone())),
                Some(Err(cause)) => drop(statuses.refused.insert(cause.clone())),
            }
        }
        statuses
    }

    fn status(&self, chain: &ChainId) -> Option<&LoggingStatus> {
        match self.answers.get(chain)? {
            TrailAnswer::Status(status) => Some(status),
            _ => None,
        }
    }

    /// The digest that CloudTrail says it delivered and the bucket lacks. `backfill` is when the
    /// trail's newest backfill digest was written.
    pub(super) fn missing(
        &self,
        chain: &mut LinkedChain,
        backfill: Option<Timestamp>,
    ) -> Option<Finding> {
        let latest = self.status(&chain.report.id)?.latest_digest?;
        let newest = chain.linker.end().or(chain.listed_until)?;
        if latest > self.settled {
            return None;
        }
        let severity = gap_before(latest, newest, chain.newest_written, backfill)?;
        let (message, state) = match severity {
            Severity::Violation => (
                "CloudTrail says that it delivered a later digest than the newest here: the newest digests are missing.",
                CoverageState::Violated,
            ),
            _ => (
                "CloudTrail says that it delivered a digest more than an interval after the newest here ends: either that digest was late, or a newer one is missing.",
                CoverageState::Unreadable,
            ),
        };
        let window = Window::new(newest, latest.max(newest));
        chain.linker.mark(window, state, Code::DigestMissing);
        let finding = Finding::new(Code::DigestMissing, message).chain(&chain.report.id);
        let written = chain.newest_written.map_or(String::new(), |at| format!(", written {at}"));
        Some(finding.severity(severity).window(window).compared(
            format!("a digest delivered {latest} (GetTrailStatus)"),
            format!("the newest ends {newest}{written}"),
        ))
    }

    /// The error that the trail's latest delivery of a digest met, for a chain whose end says
    /// nothing of it.
    pub(super) fn delivery_error(&self, chain: &ChainId) -> Option<Finding> {
        let error = self.status(chain)?.delivery_error.as_deref()?;
        let error = crate::model::Printable(error);
        let message = format!(
            "CloudTrail says that its latest delivery of a digest to the trail's bucket failed with {error} (LatestDigestDeliveryError). The chain stops until this is corrected, usually in the bucket policy or key policy."
        );
        let finding = Finding::new(Code::ChainTruncated, message).chain(chain);
        Some(finding.severity(Severity::Notice))
    }

    /// CloudTrail's own statement on the end of a chain.
    pub(super) fn reported(&self, chain: &ChainId) -> ReportedStatus {
        let (ending, delivery_error) = match self.answers.get(chain) {
            None | Some(TrailAnswer::OfOther) => (ReportedEnding::Unknown, None),
            Some(TrailAnswer::Elsewhere(place)) => (ReportedEnding::Elsewhere(place.clone()), None),
            Some(TrailAnswer::NotListed) => (ReportedEnding::NotListed, None),
            Some(TrailAnswer::Status(status)) => {
                let ending =
                    status.stopped.map_or(ReportedEnding::Unknown, ReportedEnding::Stopped);
                (ending, status.delivery_error.clone())
            }
        };
        ReportedStatus { ending, delivery_error }
    }
}

/// Severity of a time of delivery that the newest digest does not account for. The digest's own
/// end counts: S3's time of writing is renewed by whoever writes the object again, so it may only
/// add to the suspicion.
fn gap_before(
    latest: Timestamp,
    newest: Timestamp,
    written: Option<Timestamp>,
    backfill: Option<Timestamp>,
) -> Option<Severity> {
    const INTERVAL: SignedDuration = hours(1);
    let about = |time: Timestamp| {
        sub(time, minutes(CLOCK_SLACK_MINUTES)) <= latest
            && latest <= add(time, minutes(CLOCK_SLACK_MINUTES))
    };
    let late = add(newest, INTERVAL);
    if latest > add(late, minutes(DELIVERY_SLACK_MINUTES)) {
        return Some(Severity::Violation);
    }
    let since = written.is_some_and(|written| latest > add(written, minutes(CLOCK_SLACK_MINUTES)));
    if since && !backfill.is_some_and(about) {
        return Some(Severity::Violation);
    }
    (latest > late).then_some(Severity::Incomplete)
}

/// The account in an ARN of whoever makes the run.
fn caller_account(identity: Option<&str>) -> Option<&str> {
    identity?.split(':').nth(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_writing_adds_to_the_suspicion_and_never_takes_from_it() {
        use Severity::{Incomplete, Violation};
        let at = |minute: i64| Timestamp::from_second(1_700_000_000 + minute * 60).unwrap();
        for (latest, written, backfill, expected) in [
            (5, Some(5), None, None),
            (59, Some(55), None, None),
            // A later digest was delivered after the newest that is there was written ...
            (65, Some(5), None, Some(Violation)),
            (30, Some(5), None, Some(Violation)),
            // ... or a backfill digest was.
            (30, Some(5), Some(31), None),
            (30, Some(5), Some(90), Some(Violation)),
            // Written again since: its own end still tells.
            (65, Some(100), None, Some(Incomplete)),
            (65, Some(65), None, Some(Incomplete)),
            (65, None, None, Some(Incomplete)),
            (121, Some(125), None, Some(Violation)),
            (121, None, Some(121), Some(Violation)),
        ] {
            let severity = gap_before(at(latest), at(0), written.map(at), backfill.map(at));
            assert_eq!(severity, expected, "{latest} {written:?} {backfill:?}");
        }
    }

    #[test]
    fn the_caller_is_the_account_of_the_identity() {
        let arn = "arn:aws:sts::111122223333:assumed-role/auditor/session";
        assert_eq!(caller_account(Some(arn)), Some("111122223333"));
        assert_eq!(caller_account(Some("nobody")), None);
    }
}
