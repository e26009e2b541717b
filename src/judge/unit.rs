//! Parts of the requested time, so that facts can be collected in parts and joined.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::Window;

/// A part of the requested time. It owns the digests that end after its start and not after its
/// end, and the folders of the days that begin in it; what lies in the folder of a month, of a year
/// or of a region belongs to the part in which that time begins.
///
/// Any moment may be a cut. One at the beginning of a day is best: then a part has the log files of its
/// digests. Facts that are kept while the source goes on should end a day before the newest digest: the
/// status of the last digests may depend on those after them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Unit {
    /// The cut before it; `None` where it begins with all that was asked for.
    pub from: Option<Timestamp>,
    /// The cut after it; `None` where it ends with all that was asked for.
    pub to: Option<Timestamp>,
}

impl Unit {
    /// All that was asked for.
    pub const WHOLE: Self = Self { from: None, to: None };

    /// The parts between these cuts, in order of time. Cuts may come in any order, and twice.
    #[must_use]
    pub fn between(cuts: &[Timestamp]) -> Vec<Self> {
        let mut cuts: Vec<_> = cuts.iter().copied().map(Some).collect();
        cuts.sort_unstable();
        cuts.dedup();
        let from = std::iter::once(None).chain(cuts.iter().copied());
        let to = cuts.iter().copied().chain([None]);
        from.zip(to).map(|(from, to)| Self { from, to }).collect()
    }

    /// True if it owns a digest of this end.
    #[must_use]
    pub fn owns_digest(&self, end: Timestamp) -> bool {
        self.from.is_none_or(|from| from < end) && self.to.is_none_or(|to| end <= to)
    }

    /// True if it owns a folder that stands for this time.
    #[must_use]
    pub fn owns_folder(&self, folder: Window) -> bool {
        self.from.is_none_or(|from| from <= folder.start)
            && self.to.is_none_or(|to| folder.start < to)
    }

    /// The part of a window of days that may hold folders of it.
    #[must_use]
    pub fn days(&self, days: Window) -> Window {
        let whole =
            Window::new(self.from.unwrap_or(Timestamp::MIN), self.to.unwrap_or(Timestamp::MAX));
        days.intersect(&whole)
    }

    /// True if another part goes on where this one ends.
    #[must_use]
    pub fn is_followed_by(&self, next: &Self) -> bool {
        self.to.is_some() && self.to == next.from
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.from, self.to) {
            (None, None) => f.write_str("all of the time"),
            (Some(from), None) => write!(f, "the time from {from} on"),
            (None, Some(to)) => write!(f, "the time up to {to}"),
            (Some(from), Some(to)) => write!(f, "the time from {from} to {to}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digest_and_folder_belongs_to_one_part() {
        let day = |n: i64| Timestamp::from_second(n * 24 * 3600).unwrap();
        let units = Unit::between(&[day(3), day(1), day(3)]);
        assert_eq!(units.len(), 3);
        assert!(units.windows(2).all(|pair| pair[0].is_followed_by(&pair[1])));
        for hour in 0..120 {
            let moment = Timestamp::from_second(hour * 3600).unwrap();
            assert_eq!(units.iter().filter(|unit| unit.owns_digest(moment)).count(), 1);
            let folder = Window::new(moment, day(10));
            assert_eq!(units.iter().filter(|unit| unit.owns_folder(folder)).count(), 1);
        }
        assert!(units[0].owns_folder(Window::ALL) && units[0].owns_digest(day(1)));
        assert_eq!(Unit::between(&[]), [Unit::WHOLE]);
    }
}
