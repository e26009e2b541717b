//! What a run does not show, in plain sentences.

use jiff::Timestamp;

use super::no_digests::shortened;
use super::question::LOOK_BACK_DAYS;
use super::status::Statuses;
use super::{Circumstances, Question};
use crate::model::AccountId;
use crate::report::Unreferenced;

/// What decides what a run does not show, besides the question.
pub(super) struct Shown<'a> {
    pub(super) question: &'a Question,
    pub(super) circumstances: &'a Circumstances,
    pub(super) statuses: &'a Statuses,
    /// The end of the requested time, as given or as found.
    pub(super) end: Option<Timestamp>,
    /// True if any public key was at hand.
    pub(super) any_key: bool,
    /// True if a backfill chain is in view.
    pub(super) backfill: bool,
    /// Number of log files that no digest lists, though digests cover their time and place.
    pub(super) unreferenced: u64,
    /// Number of files that are stored inflated.
    pub(super) already_inflated: u64,
}

impl Shown<'_> {
    /// The sentences.
    pub(super) fn not_proven(&self) -> Vec<String> {
        let Self { question, circumstances, statuses, end, .. } = *self;
        let keys = match circumstances.asks_cloudtrail {
            true => {
                "That the public keys are CloudTrail's own: they came from the endpoint that answered as CloudTrail, and from the given key files."
            }
            false if !self.any_key => {
                "Any signature: no public keys were given. Fetch them (trailseal keys fetch) and give them with --keys."
            }
            false => {
                "That the public keys are CloudTrail's own: they came from the given key files."
            }
        };
        let mut said = vec![
            keys.to_owned(),
            "That no other trail existed: a trail whose digests and log files were all deleted leaves no trace.".to_owned(),
        ];
        match (question.end, end) {
            (None, Some(end)) => said.push(format!(
                "Anything after {end}, the end of the newest digest: a copy does not show whether later digests were deleted. Set --end-time to prove the time up to it.",
            )),
            _ => said.push("Anything outside the requested time, and objects in folders of other days.".to_owned()),
        }
        if statuses.asked
            && let Some(cause) = statuses.refused.first()
        {
            said.push(format!("Whether CloudTrail delivered later digests: it could not be asked ({cause}). Allow cloudtrail:DescribeTrails and cloudtrail:GetTrailStatus."));
        }
        if !statuses.of_others.is_empty() {
            let accounts: Vec<_> = statuses.of_others.iter().map(AccountId::as_str).collect();
            said.push(format!("Whether CloudTrail delivered later digests of {} other accounts ({}): only the owner of a trail can ask for its status.", accounts.len(), shortened(&accounts)));
        }
        if question.start.is_some() {
            said.push(format!("Anything about trails without a digest from {LOOK_BACK_DAYS} days before the requested start to a day after the requested time."));
        }
        if self.backfill {
            said.push("That the newest backfill digests and their log files exist: they have no schedule, so deleting the last ones leaves no trace.".to_owned());
        }
        if question.start.is_none() {
            said.push("Anything before the first digest of each chain. Set --start-time to prove the time from then on.".to_owned());
        }
        if question.bucket_inferred {
            said.push("That this is a copy of the named bucket: the name was read from the digests. Set it with --bucket.".to_owned());
        }
        let excluded: Vec<_> = question.excluded.names().collect();
        if !excluded.is_empty() {
            said.push(format!(
                "Anything about excluded accounts and regions (--exclude-account, --exclude-region): {}.",
                excluded.join(", ")
            ));
        }
        if !question.logs {
            said.push("Anything about log files: they were not checked (--no-logs).".to_owned());
        }
        let aside = self.unreferenced;
        if aside > 0 && question.unreferenced == Unreferenced::Ignore {
            said.push(format!(
                "Whether {aside} log files that no digest lists belong here: they were ignored as requested (--unreferenced ignore)."
            ));
        }
        if self.already_inflated > 0 {
            said.push(format!(
                "Whether there were bytes after the gzip data of {} files: they are stored inflated.",
                self.already_inflated
            ));
        }
        said.push("That CloudTrail recorded every event. This run proves only that what it delivered is complete and unaltered.".to_owned());
        said
    }
}
