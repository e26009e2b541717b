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

/// How far a digest's times and the store's clock may differ.
const CLOCK_SLACK_MINUTES: i64 = 15;

/// What tells when a log file was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Delivery {
    /// Nothing but the time in its name.
    Named(Timestamp),
    /// The store itself: a bucket knows when an object was written.
    Known(Timestamp),
}

impl Delivery {
    /// Of a log file by the time in its name and, where the store knows it, that of its writing.
    /// A time of writing that does not follow on the name's tells of copying, not of delivery.
    #[must_use]
    pub fn of(named: Timestamp, written: Option<Timestamp>) -> Self {
        let earliest = sub(named, minutes(ROUNDING_MINUTES + CLOCK_SLACK_MINUTES));
        let latest = add(named, hours(24 * (LATEST_DELIVERY_DAYS + 1)));
        match written.filter(|written| earliest <= *written && *written <= latest) {
            Some(written) => Self::Known(written),
            None => Self::Named(named),
        }
    }

    /// The time that tells.
    #[must_use]
    pub fn time(self) -> Timestamp {
        match self {
            Self::Named(time) | Self::Known(time) => time,
        }
    }

    /// The time within which it was delivered in the normal course.
    fn normal(self) -> Window {
        match self {
            Self::Named(time) => Window::new(
                sub(time, minutes(ROUNDING_MINUTES)),
                add(time, minutes(DELIVERY_SLACK_MINUTES)),
            ),
            Self::Known(time) => Window::new(
                sub(time, minutes(CLOCK_SLACK_MINUTES)),
                add(time, minutes(CLOCK_SLACK_MINUTES)),
            ),
        }
    }

    /// The time within which digests may list it, at the latest.
    #[must_use]
    pub fn listing_window(self) -> Window {
        let normal = self.normal();
        match self {
            Self::Known(_) => normal,
            Self::Named(time) => {
                Window::new(normal.start, add(time, hours(24 * LATEST_DELIVERY_DAYS)))
            }
        }
    }
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
pub fn judge<'a>(delivery: Delivery, chains: impl IntoIterator<Item = &'a Coverage>) -> Unlisted {
    let (late, normal) = (delivery.listing_window(), delivery.normal());
    let (mut covered, mut after, mut gap) = (false, false, false);
    for chain in chains {
        let Some(span) = chain.span() else { continue };
        let may_list = chain.all().any(|interval| match interval.state {
            CoverageState::Proven
            | CoverageState::Pending
            | CoverageState::Explained
            | CoverageState::Gap => false,
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
pub struct Listed {
    /// Those added last: a table, which is fast.
    recent: HashMap<[u8; 16], [u8; 8]>,
    /// All others, in order: a table of very many takes up to thrice as much while it grows.
    sorted: Vec<([u8; 16], [u8; 8])>,
}

impl Listed {
    /// Most names in the table.
    const RECENT: usize = 1 << 16;
    /// Bytes that a name takes in the table, which may be half empty.
    const PER_RECENT: u64 = 50;

    /// Adds a log file with the hash value that it is listed with; `false` when it was listed
    /// with the same one already (standard and backfill digests may both list a file).
    pub fn insert(&mut self, bucket: &str, key: &str, hash: Sha256Hash) -> bool {
        let hash = hash.0.first_chunk().copied().unwrap_or_default();
        self.insert_cut(cut(bucket, key), hash)
    }

    fn insert_cut(&mut self, name: [u8; 16], hash: [u8; 8]) -> bool {
        let at = self.find(&name);
        if let Some((_, known)) = at.and_then(|at| self.sorted.get_mut(at)) {
            return std::mem::replace(known, hash) != hash;
        }
        let new = self.recent.insert(name, hash) != Some(hash);
        if self.recent.len() >= Self::RECENT {
            self.merge();
        }
        new
    }

    /// Adds all of another list.
    pub fn absorb(&mut self, other: Self) {
        for (name, hash) in other.sorted.into_iter().chain(other.recent) {
            self.insert_cut(name, hash);
        }
    }

    /// Whether a log file is listed.
    #[must_use]
    pub fn contains(&self, bucket: &str, key: &str) -> bool {
        let name = cut(bucket, key);
        self.recent.contains_key(&name) || self.find(&name).is_some()
    }

    /// Bytes that it takes once so many names were added.
    #[must_use]
    pub fn bytes_with(&self, more: u64) -> u64 {
        let each = size_of::<([u8; 16], [u8; 8])>() as u64;
        let recent = (self.recent.len() as u64).saturating_add(more).min(Self::RECENT as u64);
        let sorted = (self.sorted.capacity() as u64).saturating_add(more);
        if more == 0 && self.sorted.is_empty() {
            return recent * Self::PER_RECENT;
        }
        (recent * Self::PER_RECENT).saturating_add(sorted.saturating_mul(each))
    }

    fn find(&self, name: &[u8; 16]) -> Option<usize> {
        self.sorted.binary_search_by(|(known, _)| known.cmp(name)).ok()
    }

    /// Moves the table into the order, without a second copy of it.
    fn merge(&mut self) {
        let mut new: Vec<_> = self.recent.drain().collect();
        new.sort_unstable();
        self.sorted.reserve_exact(new.len());
        self.sorted.extend_from_slice(&new);
        // Runs in order are what a stable sort merges; its buffer is as long as the shorter one.
        self.sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
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
            assert_eq!(judge(Delivery::Named(at(minute)), chains), expected, "{minute}");
        }
    }

    #[test]
    fn the_stores_own_time_decides_where_it_is_one_of_delivery() {
        use CoverageState::Proven;
        let whole = coverage(&[(0, 600, Proven)]);
        let judged = |named, written| judge(Delivery::of(at(named), Some(at(written))), [&whole]);
        assert_eq!(judged(570, 580), Unlisted::Unreferenced, "written while covered");
        assert_eq!(judged(570, 590), Unlisted::AfterNewest, "written at the very end");
        assert_eq!(judged(120, 700), Unlisted::AfterNewest, "written late: the next may list it");
        // A copy was made a year later, or the clock is wrong: the name tells.
        assert_eq!(judged(120, 525_600), Unlisted::Unreferenced);
        assert_eq!(judged(580, 300), Unlisted::AfterNewest);
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

    #[test]
    fn very_many_names_are_listed_as_few_are() {
        let (first, second) = (Sha256Hash::of(b"1"), Sha256Hash::of(b"2"));
        let mut listed = Listed::default();
        let names: Vec<_> = (0..200_000).map(|n| n.to_string()).collect();
        assert!(names.iter().all(|name| listed.insert("", name, first)));
        assert!(names.iter().all(|name| listed.contains("", name)));
        assert!(!names.iter().any(|name| listed.contains("b", name)));
        assert!(!names.iter().any(|name| listed.insert("", name, first)));
        assert!(names.iter().all(|name| listed.insert("", name, second)));
        assert!(!names.iter().any(|name| listed.insert("", name, second)));
        assert!(listed.bytes_with(0) < 10 << 20);
        let mut other = Listed::default();
        other.insert("", "one more", first);
        listed.absorb(other);
        assert!(listed.contains("", "one more") && listed.contains("", "7"));
    }
}
