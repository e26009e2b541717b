//! Log files that no digest lists: which of them should have been listed?
//!
//! A log file's name tells when its newest event happened, not when it was delivered; digests
//! cover deliveries. So a file is called unreferenced only where every digest that could have
//! listed it was there to be asked.

use std::collections::HashMap;

use jiff::Timestamp;

use super::coverage::{Coverage, CoverageState};
use crate::model::time::{add, hours, minutes, sub};
use crate::model::{Sha256Hash, Window};

/// How long after the time in its name a log file may be delivered in the normal course. AWS
/// speaks of 5 minutes on average and of 15 as usual.
const DELIVERY_SLACK_MINUTES: i64 = 30;
/// The time in a name is rounded up by as much.
const ROUNDING_MINUTES: i64 = 5;
/// How late a log file may be delivered again at worst.
const LATEST_DELIVERY_DAYS: i64 = 30;

/// The time within which digests may list a log file, judging by the time in its name.
#[must_use]
pub fn listing_window(name_time: Timestamp) -> Window {
    let start = sub(name_time, minutes(ROUNDING_MINUTES));
    Window::new(start, add(name_time, hours(24 * LATEST_DELIVERY_DAYS)))
}

/// What to make of a log file that no digest lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlisted {
    /// Digests that are there cover its delivery: it should be listed.
    Unreferenced,
    /// A digest that may list it could not be read, is gone or not valid: it cannot be told.
    Undecided,
    /// No digest was ever due for it.
    Uncovered,
    /// It came after the newest digest: the one that will list it is not there.
    AfterNewest,
}

/// Judges by what the digests of each chain of its account and region say of time.
#[must_use]
pub fn judge<'a>(name_time: Timestamp, chains: impl IntoIterator<Item = &'a Coverage>) -> Unlisted {
    let late = listing_window(name_time);
    let normal = Window::new(late.start, add(name_time, minutes(DELIVERY_SLACK_MINUTES)));
    let (mut covered, mut after, mut gap) = (false, false, false);
    for chain in chains {
        let Some(span) = chain.span() else { continue };
        let may_list = chain.all().any(|interval| match interval.state {
            CoverageState::Proven | CoverageState::Pending | CoverageState::Gap => false,
            CoverageState::Violated => interval.window.overlaps(&normal),
            CoverageState::Unreadable => interval.window.overlaps(&late),
        });
        let asked = normal.intersect(&span);
        let spoken_of: i64 = chain.within(asked).iter().map(|i| i.window.seconds()).sum();
        if may_list || spoken_of < asked.seconds() {
            return Unlisted::Undecided;
        }
        gap |= chain.within(normal).iter().any(|i| i.state == CoverageState::Gap);
        if normal.start >= span.start {
            if normal.end > span.end {
                after = true;
            } else {
                covered = true;
            }
        }
    }
    if gap {
        return Unlisted::Uncovered;
    }
    match (covered, after) {
        (true, _) => Unlisted::Unreferenced,
        (false, true) => Unlisted::AfterNewest,
        (false, false) => Unlisted::Uncovered,
    }
}

/// The log files that digests list: 24 bytes for each, however long their names. The names are
/// hostile, so what stands for them is cut from a cryptographic hash: nobody can make one name
/// pass for another.
#[derive(Debug, Default)]
pub struct Listed(HashMap<[u8; 16], [u8; 8]>);

impl Listed {
    /// Adds a log file with the hash value that it is listed with; `false` when it was listed
    /// with the same one already (standard and backfill digests may both list a file).
    pub fn insert(&mut self, bucket: &str, key: &str, hash: Sha256Hash) -> bool {
        let hash = hash.0.first_chunk().copied().unwrap_or_default();
        self.0.insert(cut(bucket, key), hash) != Some(hash)
    }

    /// Whether a log file is listed.
    #[must_use]
    pub fn contains(&self, bucket: &str, key: &str) -> bool {
        self.0.contains_key(&cut(bucket, key))
    }
}

fn cut(bucket: &str, key: &str) -> [u8; 16] {
    let Sha256Hash(hash) = Sha256Hash::of(format!("{bucket}/{key}").as_bytes());
    hash.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 / 3600 * 3600 + minute * 60).unwrap()
    }

    fn coverage(intervals: &[(i64, i64, CoverageState)]) -> Coverage {
        let mut coverage = Coverage::default();
        for (start, end, state) in intervals {
            coverage.assign(Window::new(at(*start), at(*end)), *state, None);
        }
        coverage
    }

    #[test]
    fn judges_by_every_digest_that_could_list_it() {
        use CoverageState::{Gap, Proven, Unreadable, Violated};
        let hour = 60;
        let whole = coverage(&[(0, 10 * hour, Proven)]);
        let gone = coverage(&[
            (0, 4 * hour, Proven),
            (4 * hour, 5 * hour, Violated),
            (5 * hour, 10 * hour, Proven),
        ]);
        let gap = coverage(&[
            (0, 4 * hour, Proven),
            (4 * hour, 5 * hour, Gap),
            (5 * hour, 10 * hour, Proven),
        ]);
        let unread = coverage(&[
            (0, 4 * hour, Proven),
            (4 * hour, 5 * hour, Unreadable),
            (5 * hour, 10 * hour, Proven),
        ]);
        let late = coverage(&[(3 * hour, 10 * hour, Proven)]);
        for (minute, chains, expected) in [
            (2 * hour, vec![&whole], Unlisted::Unreferenced),
            (9 * hour + 30, vec![&whole], Unlisted::Unreferenced),
            (9 * hour + 35, vec![&whole], Unlisted::AfterNewest),
            (5, vec![&whole], Unlisted::Unreferenced),
            (4, vec![&whole], Unlisted::Uncovered),
            // A digest that is gone, or a gap, speaks for the files of about its own time ...
            (3 * hour + 35, vec![&gone], Unlisted::Undecided),
            (3 * hour + 30, vec![&gone], Unlisted::Unreferenced),
            (5 * hour + 5, vec![&gap], Unlisted::Unreferenced),
            (5 * hour + 4, vec![&gap], Unlisted::Uncovered),
            // ... one that could not be read may list any file delivered late.
            (hour, vec![&unread], Unlisted::Undecided),
            (6 * hour, vec![&unread], Unlisted::Unreferenced),
            // One chain that covers it is enough, one that cannot tell is too.
            (2 * hour, vec![&late], Unlisted::Uncovered),
            (2 * hour, vec![&late, &whole], Unlisted::Unreferenced),
            (2 * hour, vec![&whole, &unread], Unlisted::Undecided),
            (2 * hour, vec![], Unlisted::Uncovered),
        ] {
            assert_eq!(judge(at(minute), chains), expected, "{minute}");
        }
    }

    #[test]
    fn listed_names_are_told_apart_by_bucket_too() {
        let mut listed = Listed::default();
        let hash = Sha256Hash::of;
        assert!(listed.insert("a", "k", hash(b"1")));
        assert!(!listed.insert("a", "k", hash(b"1")));
        assert!(listed.insert("a", "k", hash(b"2")), "another hash value is another claim");
        assert!(listed.contains("a", "k") && !listed.contains("b", "k"));
    }
}
