//! The marker that a copy keeps while it is not finished: what was to be copied and is not all
//! there. It is believed only so far as it makes a copy incomplete, never whole.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::AccountId;
use crate::model::time::day_folder;
use crate::run::collect::CollectRequest;
use crate::store::{DirectoryStore, StoreError};

/// Keys and folders that a run names as not copied, at most: keys are up to 1,024 bytes long.
const MOST_NAMES: usize = 10_000;

/// Selection that one run was to copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
// As messages on damaged markers have always named it.
#[serde(expecting = "struct Task")]
pub(super) struct CopyTask {
    source: String,
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    accounts: Vec<String>,
    regions: Vec<String>,
    #[serde(default)]
    trails: Vec<String>,
    #[serde(default)]
    excluded: Vec<String>,
    logs: bool,
    begun: Timestamp,
    /// Keys and folders that it could not copy; `None` where it did not come to its end.
    failed: Option<BTreeSet<String>>,
}

/// Content of a marker file.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(expecting = "struct Marker")]
struct CopyMarker {
    unfinished: Vec<CopyTask>,
}

impl CopyTask {
    pub(super) fn of(source: &str, request: &CollectRequest, begun: Timestamp) -> Self {
        Self {
            source: source.trim_end_matches('/').to_owned(),
            start: request.start,
            end: request.end,
            accounts: request.accounts.iter().map(ToString::to_string).collect(),
            regions: request.regions.iter().map(ToString::to_string).collect(),
            trails: request.trails.iter().map(ToString::to_string).collect(),
            excluded: request.excluded.names().map(str::to_owned).collect(),
            logs: request.logs,
            begun,
            failed: None,
        }
    }

    /// True if whoever finishes this has finished the other one too. Days are copied whole.
    fn covers(&self, other: &Self) -> bool {
        let day = |time: Option<Timestamp>| time.map(day_folder);
        let names = |own: &[String], other: &[String]| {
            own.is_empty() || (!other.is_empty() && other.iter().all(|name| own.contains(name)))
        };
        self.source == other.source
            && (self.start.is_none()
                || (other.start.is_some() && day(self.start) <= day(other.start)))
            && (self.end.is_none() || (other.end.is_some() && day(self.end) >= day(other.end)))
            && names(&self.accounts, &other.accounts)
            && names(&self.regions, &other.regions)
            && names(&self.trails, &other.trails)
            && self.excluded.iter().all(|name| other.excluded.contains(name))
            && (self.logs || !other.logs)
    }

    /// The run in words, for whoever has to finish it.
    pub(super) fn describe(&self) -> String {
        let time = |flag: &str, time: Option<Timestamp>| {
            time.map(|time| format!(" --{flag} {time}")).unwrap_or_default()
        };
        let named = |flag: &str, names: &[String]| {
            names.iter().map(|name| format!(" --{flag} {name}")).collect::<String>()
        };
        let exclusion = |name: &String| match AccountId::parse(name) {
            Ok(_) => format!(" --exclude-account {name}"),
            Err(_) => format!(" --exclude-region {name}"),
        };
        format!(
            "{}{}{}{}{}{}{}{}",
            self.source,
            named("account", &self.accounts),
            named("region", &self.regions),
            named("trail", &self.trails),
            self.excluded.iter().map(exclusion).collect::<String>(),
            time("start-time", self.start),
            time("end-time", self.end),
            if self.logs { "" } else { " --no-logs" },
        )
    }

    /// Marks a directory as a copy that this run has not finished.
    pub(super) fn begin(&self, dir: &DirectoryStore) -> Result<(), StoreError> {
        let mut marker = read(dir)?;
        marker.unfinished.retain(|other| !self.covers(other));
        marker.unfinished.push(self.clone());
        write(dir, &marker)
    }

    /// Takes back the mark of this run and of those that it covers, but for what it could not
    /// copy; what remains of others is returned.
    pub(super) fn finish(
        &self,
        dir: &DirectoryStore,
        failed: &BTreeSet<String>,
    ) -> Result<Vec<Self>, StoreError> {
        let mut marker = read(dir)?;
        marker.unfinished.retain(|other| !self.covers(other));
        let others = marker.unfinished.clone();
        if !failed.is_empty() {
            marker.unfinished.push(Self { failed: condensed(failed), ..self.clone() });
        }
        write(dir, &marker)?;
        Ok(others)
    }
}

/// Failed keys and folders, in no more names than a marker may hold: where there are too many keys,
/// their folders; `None` where there are too many of those too.
fn condensed(failed: &BTreeSet<String>) -> Option<BTreeSet<String>> {
    if failed.len() <= MOST_NAMES {
        return Some(failed.clone());
    }
    let folder = |key: &String| key.rfind('/').and_then(|at| key.get(..=at)).map(str::to_owned);
    let folders: BTreeSet<_> = failed.iter().map(|key| folder(key).unwrap_or_default()).collect();
    (folders.len() <= MOST_NAMES).then_some(folders)
}

fn read(dir: &DirectoryStore) -> Result<CopyMarker, StoreError> {
    let Some(text) = dir.marked_unfinished()? else { return Ok(CopyMarker::default()) };
    serde_json::from_slice(&text).map_err(|error| {
        StoreError::Trouble(format!("the marker of an unfinished copy is unreadable: {error}"))
    })
}

fn write(dir: &DirectoryStore, marker: &CopyMarker) -> Result<(), StoreError> {
    if marker.unfinished.is_empty() {
        return dir.mark_unfinished(None);
    }
    let text = serde_json::to_vec_pretty(marker);
    let text = text.map_err(|error| StoreError::Trouble(error.to_string()))?;
    dir.mark_unfinished(Some(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(start: Option<&str>, end: Option<&str>, regions: &[&str], logs: bool) -> CopyTask {
        let time = |text: Option<&str>| text.map(|text| text.parse().unwrap());
        CopyTask {
            source: "s3://b".to_owned(),
            start: time(start),
            end: time(end),
            accounts: Vec::new(),
            regions: regions.iter().map(|name| (*name).to_owned()).collect(),
            trails: Vec::new(),
            excluded: Vec::new(),
            logs,
            begun: Timestamp::MIN,
            failed: None,
        }
    }

    #[test]
    fn many_keys_are_named_by_their_folders() {
        let keys = |n: usize| (0..n).map(|n| format!("AWSLogs/{}/{n}.gz", n % 7)).collect();
        let few: BTreeSet<String> = keys(MOST_NAMES);
        assert_eq!(condensed(&few).as_ref(), Some(&few));
        let folders = condensed(&keys(MOST_NAMES + 1)).unwrap();
        assert_eq!(folders, (0..7).map(|n| format!("AWSLogs/{n}/")).collect());
        let scattered = (0..=MOST_NAMES).map(|n| format!("AWSLogs/{n}/x.gz")).collect();
        assert_eq!(condensed(&scattered), None);
    }

    #[test]
    fn a_run_finishes_what_it_covers_and_no_more() {
        let (early, late) = (Some("2026-03-01T10:00:00Z"), Some("2026-03-01T10:05:00Z"));
        let next_day = Some("2026-03-02T00:00:00Z");
        let all = task(None, None, &[], true);
        let one = task(early, next_day, &["eu-west-1"], true);
        assert!(all.covers(&all) && all.covers(&one) && !one.covers(&all));
        assert!(task(late, None, &[], true).covers(&one), "the same day, tried again");
        assert!(!task(next_day, None, &[], true).covers(&one));
        assert!(!task(early, late, &[], true).covers(&one), "it ends a day before");
        assert!(!task(None, None, &["us-east-1"], true).covers(&one));
        assert!(!task(None, None, &["eu-west-1"], true).covers(&all));
        assert!(!task(None, None, &[], false).covers(&one), "digests only");
        let other = CopyTask { source: "s3://c".to_owned(), ..all.clone() };
        assert!(!other.covers(&all));
    }
}
