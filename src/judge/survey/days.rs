//! The days that a folder of digests or log files has, by the names of its folders.

use super::names::{is_number, last_part};
use super::reader::EachEntry;
use crate::store::{Entry, StoreError};

/// Something that could not be read or listed: its path, and the reason.
pub type Unseen = (String, String);

/// The day folders below a region's folder, in order, and what could not be listed.
pub fn day_folders(
    list: &dyn Fn(&str, EachEntry<'_>) -> Result<(), StoreError>,
    folder: &str,
) -> (Vec<String>, Vec<Unseen>) {
    let (mut level, mut unseen) = (vec![folder.to_owned()], Vec::new());
    for digits in [4, 2, 2] {
        let mut next = Vec::new();
        for parent in level {
            let is_one = |key: &str| last_part(key).len() == digits && is_number(last_part(key));
            let listed = list(&parent, &mut |entry| match entry {
                Entry::Folder(key) if is_one(&key) => next.push(key),
                Entry::Unreadable { key, cause } if is_one(&key) => unseen.push((key, cause)),
                _ => {}
            });
            unseen.extend(listed.err().map(|error| (parent, error.to_string())));
        }
        next.sort();
        level = next;
    }
    (level, unseen)
}

/// First and last day, `YYYY/MM/DD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayRange {
    /// The first.
    pub first: String,
    /// The last.
    pub last: String,
}

impl DayRange {
    /// The range of one day.
    #[must_use]
    pub fn of(day: String) -> Self {
        Self { first: day.clone(), last: day }
    }

    /// The range from the earlier first to the later last day.
    #[must_use]
    pub fn spanning(self, other: Self) -> Self {
        Self { first: self.first.min(other.first), last: self.last.max(other.last) }
    }

    /// True if a day lies in it.
    #[must_use]
    pub fn has(&self, day: &str) -> bool {
        *self.first <= *day && *day <= *self.last
    }
}
