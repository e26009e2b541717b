//! Log files that verified digests list and that belong to days which a copy does not have: told of
//! once for each day.

use std::collections::BTreeMap;

use crate::model::key_name::LogKey;
use crate::model::{BucketName, Window};
use crate::report::words::counted;
use crate::run::sources::{AreaId, Sources};
use crate::verify::{Code, Finding};

/// The days, by their folders.
#[derive(Default)]
pub(super) struct Beyond(BTreeMap<String, (u64, Window)>);

impl Beyond {
    /// Takes up a log file, and the time of the digest that lists it.
    pub(super) fn add(&mut self, key: &str, listed_in: Window) {
        let Some(log) = LogKey::parse(key) else { return };
        let folder =
            format!("{}{}/{}/{}/", log.place.folder(), log.kind.folder(), log.region, log.day);
        let (count, window) = self.0.entry(folder).or_insert((0, listed_in));
        *count += 1;
        window.start = window.start.min(listed_in.start);
        window.end = window.end.max(listed_in.end);
    }

    pub(super) fn into_findings(
        self,
        sources: &Sources,
        id: &AreaId,
    ) -> impl Iterator<Item = Finding> {
        let bucket = id.bucket.as_ref().map(|bucket: &BucketName| bucket.as_str().to_owned());
        self.0.into_iter().map(move |(folder, (count, window))| {
            let Window { start, end } = window;
            let files = counted(count, "log file", "log files");
            let were = if count == 1 { "was" } else { "were" };
            let message = if sources.roots().any(|root| root.path(&folder).is_some()) {
                format!(
                    "{files} listed by digests of the copy {were} not checked: their day is not in the copy. Copy one more day on each side, or exclude the time of these digests, {start} to {end} (--start-time, --end-time)."
                )
            } else {
                format!(
                    "{files} listed by digests of the copy {were} not checked: the copy begins below the account's folder and has no log files. Copy the account's folder with both CloudTrail and CloudTrail-Digest, or check digests only (--no-logs)."
                )
            };
            Finding::new(Code::ObjectUnreadable, message)
                .object(bucket.as_deref(), folder)
                .window(window)
        })
    }
}
