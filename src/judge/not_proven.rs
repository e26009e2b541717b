//! Sentences on what a run does not show.

use jiff::Timestamp;

use super::no_digests::shortened;
use super::question::LOOK_BACK_DAYS;
use super::status::Statuses;
use super::{Circumstances, Question};
use crate::model::AccountId;
use crate::report::Unreferenced;

/// Limits of what a run shows.
pub(super) struct NotProven<'a> {
    pub(super) question: &'a Question,
    pub(super) circumstances: &'a Circumstances,
    pub(super) statuses: &'a Statuses,
    /// The end of the requested time, as given or as found.
    pub(super) end: Option<Timestamp>,
    /// True if any public key is known.
    pub(super) any_key: bool,
    /// True if a backfill chain is in view.
    pub(super) backfill: bool,
    /// Number of log files that no digest lists, though digests cover their time and place.
    pub(super) unreferenced: u64,
    /// Number of files that are stored inflated.
    pub(super) already_inflated: u64,
}

impl NotProven<'_> {
    /// One sentence for each thing that is not shown.
    pub(super) fn sentences(&self) -> Vec<String> {
        let mut sentences = vec![
            self.keys().to_owned(),
            "That no other trail existed: a trail whose digests and log files were all deleted leaves no trace.".to_owned(),
            self.after_the_end(),
        ];
        sentences.extend(self.later_digests());
        sentences.extend(self.other_times());
        sentences.extend(self.other_places());
        sentences.extend(self.log_files());
        sentences.push("That CloudTrail recorded every event. This run proves only that what it delivered is complete and unaltered.".to_owned());
        sentences
    }

    fn keys(&self) -> &'static str {
        match self.circumstances.asks_cloudtrail {
            true => {
                "That the public keys are CloudTrail's own: they came from the endpoint that answered as CloudTrail, and from the given key files."
            }
            false if !self.any_key => {
                "Any signature: no public keys were given. Fetch them (trailseal keys fetch) and give them with --keys."
            }
            false => {
                "That the public keys are CloudTrail's own: they came from the given key files."
            }
        }
    }

    fn after_the_end(&self) -> String {
        match (self.question.end, self.end) {
            (None, Some(end)) => format!(
                "Anything after {end}, the end of the newest digest: a copy does not show whether later digests were deleted. Set --end-time to prove the time up to it.",
            ),
            _ => "Anything outside the requested time, and objects in folders of other days."
                .to_owned(),
        }
    }

    /// Digests that CloudTrail may have delivered later.
    fn later_digests(&self) -> Vec<String> {
        let statuses = self.statuses;
        let mut sentences = Vec::new();
        if statuses.asked
            && let Some(cause) = statuses.refused.first()
        {
            sentences.push(format!("Whether CloudTrail delivered later digests: it could not be asked ({cause}). Allow cloudtrail:DescribeTrails and cloudtrail:GetTrailStatus."));
        }
        if !statuses.of_others.is_empty() {
            let accounts: Vec<_> = statuses.of_others.iter().map(AccountId::as_str).collect();
            sentences.push(format!("Whether CloudTrail delivered later digests of {} other accounts ({}): only the owner of a trail can ask for its status.", accounts.len(), shortened(&accounts)));
        }
        sentences
    }

    /// Time without digests.
    fn other_times(&self) -> Vec<String> {
        let start = self.question.start;
        let mut sentences = Vec::new();
        if start.is_some() {
            sentences.push(format!("Anything about trails without a digest from {LOOK_BACK_DAYS} days before the requested start to a day after the requested time."));
        }
        if self.backfill {
            sentences.push("That the newest backfill digests and their log files exist: they have no schedule, so deleting the last ones leaves no trace.".to_owned());
        }
        if start.is_none() {
            sentences.push("Anything before the first digest of each chain. Set --start-time to prove the time from then on.".to_owned());
        }
        sentences
    }

    /// The bucket, and accounts and regions that were not asked for.
    fn other_places(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        if self.question.bucket_inferred {
            sentences.push("That this is a copy of the named bucket: the name was read from the digests. Set it with --bucket.".to_owned());
        }
        let excluded: Vec<_> = self.question.excluded.names().collect();
        if !excluded.is_empty() {
            sentences.push(format!(
                "Anything about excluded accounts and regions (--exclude-account, --exclude-region): {}.",
                excluded.join(", ")
            ));
        }
        sentences
    }

    fn log_files(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        if !self.question.logs {
            sentences
                .push("Anything about log files: they were not checked (--no-logs).".to_owned());
        }
        let unreferenced = self.unreferenced;
        if unreferenced > 0 && self.question.unreferenced == Unreferenced::Ignore {
            sentences.push(format!(
                "Whether {unreferenced} log files that no digest lists belong here: they were ignored as requested (--unreferenced ignore)."
            ));
        }
        if self.already_inflated > 0 {
            sentences.push(format!(
                "Whether there were bytes after the gzip data of {} files: they are stored inflated.",
                self.already_inflated
            ));
        }
        sentences
    }
}
