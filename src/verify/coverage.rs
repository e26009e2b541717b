//! Coverage: every moment of the requested time, and what may be said of it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::finding::Code;
use crate::model::Window;

/// State of a stretch of time. In order, the worst last: where two statements touch
/// one moment, the worse one holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum CoverageState {
    /// A valid, linked digest covers it, and its log files are whole.
    Proven,
    /// The digest that will cover it is not due yet.
    Pending,
    /// No digest claims to cover it; verified events, or an auditor's acceptance, say why.
    Explained,
    /// No digest claims to cover it.
    Gap,
    /// Its digests or log files could not be checked.
    Unreadable,
    /// Its digests or log files contradict integrity.
    Violated,
}

impl CoverageState {
    /// Every state, in the order of reports.
    pub const ALL: [Self; 6] =
        [Self::Proven, Self::Violated, Self::Unreadable, Self::Gap, Self::Explained, Self::Pending];

    /// Its name in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Violated => "violated",
            Self::Unreadable => "unreadable",
            Self::Explained => "explained",
            Self::Gap => "gap",
            Self::Pending => "pending",
        }
    }
}

/// A stretch of one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Interval {
    /// The time.
    #[serde(flatten)]
    pub window: Window,
    /// State of the interval.
    pub state: CoverageState,
    /// The code of the finding that says why; `None` where it is proven or pending.
    pub reason: Option<Code>,
}

impl Interval {
    /// An interval of a state; `reason` is the code of the finding behind it.
    #[must_use]
    pub const fn new(window: Window, state: CoverageState, reason: Option<Code>) -> Self {
        Self { window, state, reason }
    }
}

/// The states of one chain's time; neighbours of the same state and reason are one interval.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    /// End, state and reason, by start. Never overlapping.
    intervals: BTreeMap<Timestamp, (Timestamp, CoverageState, Option<Code>)>,
}

impl Coverage {
    /// Gives a state to a window; where it has a worse one, that stays.
    pub fn assign(&mut self, window: Window, state: CoverageState, reason: Option<Code>) {
        if window.is_empty() {
            return;
        }
        self.split(window.start);
        self.split(window.end);
        let mut at = window.start;
        let inside: Vec<_> =
            self.intervals.range(window.start..window.end).map(|(s, v)| (*s, *v)).collect();
        for (start, (end, was, _)) in inside {
            if at < start {
                self.intervals.insert(at, (start, state, reason));
            }
            if was < state {
                self.intervals.insert(start, (end, state, reason));
            }
            at = end;
        }
        if at < window.end {
            self.intervals.insert(at, (window.end, state, reason));
        }
        self.merge(window);
    }

    /// The intervals inside a window, in order; time of which nothing was said is left out.
    #[must_use]
    pub fn within(&self, window: Window) -> Vec<Interval> {
        self.all()
            .map(|i| Interval { window: i.window.intersect(&window), ..i })
            .filter(|i| !i.window.is_empty())
            .collect()
    }

    /// The parts of a window that have no state, in order.
    #[must_use]
    pub fn unassigned(&self, window: Window) -> Vec<Window> {
        let mut parts = Vec::new();
        let before = self.intervals.range(..window.start).next_back().map(|(_, (end, ..))| *end);
        let mut at = window.start.max(before.unwrap_or(window.start));
        for (start, (end, ..)) in self.intervals.range(window.start..window.end.max(window.start)) {
            parts.push(Window::new(at, *start));
            at = *end;
        }
        parts.push(Window::new(at, window.end));
        parts.retain(|part| !part.is_empty());
        parts
    }

    /// The end of the last time before a moment that has a state, at most the moment.
    #[must_use]
    pub fn assigned_until(&self, moment: Timestamp) -> Option<Timestamp> {
        let (_, (end, ..)) = self.intervals.range(..moment).next_back()?;
        Some((*end).min(moment))
    }

    /// True if an interval begins at a moment.
    #[must_use]
    pub fn begins_at(&self, moment: Timestamp) -> bool {
        self.intervals.contains_key(&moment)
    }

    /// Every interval, in order.
    pub fn all(&self) -> impl Iterator<Item = Interval> + '_ {
        self.intervals.iter().map(|(start, (end, state, reason))| Interval {
            window: Window::new(*start, *end),
            state: *state,
            reason: *reason,
        })
    }

    /// The time from the first to the last moment that has a state.
    #[must_use]
    pub fn span(&self) -> Option<Window> {
        let start = *self.intervals.first_key_value()?.0;
        let (end, ..) = *self.intervals.last_key_value()?.1;
        Some(Window::new(start, end))
    }

    /// Turns what is a gap in a window into one that is explained.
    pub fn explain(&mut self, window: Window) {
        self.change(window, |interval| match interval.state {
            CoverageState::Gap => CoverageState::Explained,
            state => state,
        });
    }

    /// Gives another state to what a finding of this code says of a window.
    pub fn restate(&mut self, window: Window, reason: Code, state: CoverageState) {
        self.change(window, |interval| match interval.reason {
            Some(of) if of == reason => state,
            _ => interval.state,
        });
    }

    fn change(&mut self, window: Window, state: impl Fn(Interval) -> CoverageState) {
        if window.is_empty() {
            return;
        }
        self.split(window.start);
        self.split(window.end);
        for (start, (end, was, reason)) in self.intervals.range_mut(window.start..window.end) {
            let window = Window::new(*start, *end);
            *was = state(Interval { window, state: *was, reason: *reason });
        }
        self.merge(window);
    }

    /// Cuts the interval that spans a moment in two.
    fn split(&mut self, at: Timestamp) {
        if let Some((start, (end, state, reason))) = self.intervals.range_mut(..at).next_back()
            && at < *end
            && *start < at
        {
            let tail = (*end, *state, *reason);
            *end = at;
            self.intervals.insert(at, tail);
        }
    }

    /// Joins equal neighbours in and around a window.
    fn merge(&mut self, window: Window) {
        let first = self.intervals.range(..window.start).next_back().map_or(window.start, |i| *i.0);
        let starts: Vec<_> = self.intervals.range(first..=window.end).map(|(s, _)| *s).collect();
        let mut previous: Option<Timestamp> = None;
        for start in starts {
            let Some(this) = self.intervals.get(&start).copied() else { continue };
            if let Some(before) = previous.and_then(|p| self.intervals.get_mut(&p))
                && before.0 == start
                && (before.1, before.2) == (this.1, this.2)
            {
                before.0 = this.0;
                self.intervals.remove(&start);
            } else {
                previous = Some(start);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn t(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn shown(coverage: &Coverage) -> Vec<(i64, i64, CoverageState)> {
        let second = |t: Timestamp| t.as_second();
        coverage.all().map(|i| (second(i.window.start), second(i.window.end), i.state)).collect()
    }

    #[test]
    fn equal_neighbours_merge_and_the_worse_state_holds() {
        use CoverageState::{Gap, Proven, Violated};
        let mut coverage = Coverage::default();
        for hour in [0, 2, 1, 3] {
            coverage.assign(Window::new(t(hour * 10), t(hour * 10 + 10)), Proven, None);
        }
        assert_eq!(shown(&coverage), [(0, 40, Proven)]);
        coverage.assign(Window::new(t(15), t(25)), Violated, Some(Code::LogMissing));
        coverage.assign(Window::new(t(10), t(20)), Gap, None);
        coverage.assign(Window::new(t(12), t(22)), Proven, None);
        assert_eq!(
            shown(&coverage),
            [(0, 10, Proven), (10, 15, Gap), (15, 25, Violated), (25, 40, Proven)]
        );
        assert_eq!(coverage.within(Window::new(t(20), t(30))).len(), 2);
        assert_eq!(coverage.span(), Some(Window::new(t(0), t(40))));
    }

    #[test]
    fn only_what_is_a_gap_is_explained() {
        use CoverageState::{Explained, Gap, Proven, Violated};
        let mut coverage = Coverage::default();
        coverage.assign(Window::new(t(0), t(10)), Proven, None);
        coverage.assign(Window::new(t(10), t(30)), Gap, Some(Code::ChainGap));
        coverage.assign(Window::new(t(20), t(25)), Violated, Some(Code::LogMissing));
        coverage.explain(Window::new(t(5), t(28)));
        assert_eq!(
            shown(&coverage),
            [
                (0, 10, Proven),
                (10, 20, Explained),
                (20, 25, Violated),
                (25, 28, Explained),
                (28, 30, Gap)
            ]
        );
    }

    #[test]
    fn only_what_the_code_said_is_restated() {
        use CoverageState::{Explained, Proven, Violated};
        let mut coverage = Coverage::default();
        coverage.assign(Window::new(t(0), t(10)), Violated, Some(Code::LogMissing));
        coverage.assign(Window::new(t(10), t(30)), Violated, Some(Code::ChainTruncated));
        coverage.assign(Window::new(t(30), t(40)), Proven, None);
        coverage.restate(Window::new(t(5), t(5)), Code::LogMissing, Proven);
        coverage.restate(Window::new(t(5), t(20)), Code::ChainTruncated, Explained);
        assert_eq!(
            shown(&coverage),
            [(0, 10, Violated), (10, 20, Explained), (20, 30, Violated), (30, 40, Proven)]
        );
    }

    proptest! {
        /// The map says of each moment what a plain array of moments says.
        #[test]
        fn agrees_with_an_array_of_moments(
            steps in proptest::collection::vec((0_i64..50, 1_i64..20, 0..6_usize), 0..40)
        ) {
            let mut coverage = Coverage::default();
            let mut array: Vec<Option<CoverageState>> = vec![None; 80];
            for (start, length, state) in steps {
                let state = CoverageState::ALL[state];
                coverage.assign(Window::new(t(start), t(start + length)), state, None);
                for slot in &mut array[start as usize..(start + length) as usize] {
                    *slot = (*slot).max(Some(state));
                }
            }
            let mut last: Option<Interval> = None;
            for interval in coverage.all() {
                if let Some(last) = last {
                    prop_assert!(last.window.end <= interval.window.start);
                    prop_assert!(last.window.end < interval.window.start || last.state != interval.state);
                }
                last = Some(interval);
            }
            for (moment, state) in array.iter().enumerate() {
                let window = Window::new(t(moment as i64), t(moment as i64 + 1));
                let found = coverage.within(window).first().map(|i| i.state);
                prop_assert_eq!(found, *state);
            }
        }
    }
}
