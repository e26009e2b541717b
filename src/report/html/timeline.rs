//! The timeline: the time of each chain cut into cells, and what may be said of each cell.

use jiff::Timestamp;

use crate::report::RunReport;
use crate::report::wording::{count, counted, duration, span};
use crate::verify::{Code, CoverageState, Interval};

/// Most cells: more can neither be told apart nor drawn cheaply for a thousand chains.
const CELLS: i64 = 400;
/// The width of a strip, in the units that it is drawn in.
pub(super) const WIDTH: i64 = 1040;

pub(super) const HOUR: i64 = 3600;
pub(super) const DAY: i64 = 24 * HOUR;
pub(super) const WEEK: i64 = 7 * DAY;
/// First Monday of 1970, whose first day was a Thursday.
pub(super) const FIRST_MONDAY: i64 = 4 * DAY;

/// State that a cell shows, the worst of any of its moments. In order, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum CellState {
    Proven,
    Pending,
    Explained,
    /// The report says nothing of it.
    Nothing,
    Gap,
    Unreadable,
    Violated,
}

impl CellState {
    /// In the order of reports, what is not said last.
    pub(super) const ALL: [Self; 7] = [
        Self::Proven,
        Self::Violated,
        Self::Unreadable,
        Self::Gap,
        Self::Explained,
        Self::Pending,
        Self::Nothing,
    ];

    pub(super) const fn of(state: CoverageState) -> Self {
        match state {
            CoverageState::Proven => Self::Proven,
            CoverageState::Pending => Self::Pending,
            CoverageState::Explained => Self::Explained,
            CoverageState::Gap => Self::Gap,
            CoverageState::Unreadable => Self::Unreadable,
            CoverageState::Violated => Self::Violated,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Pending => "pending",
            Self::Explained => "explained",
            Self::Nothing => "not covered by the report",
            Self::Gap => "gap",
            Self::Unreadable => "unreadable",
            Self::Violated => "violated",
        }
    }

    /// The class that the style sheet knows it by.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Proven => "p",
            Self::Pending => "w",
            Self::Explained => "e",
            Self::Nothing => "n",
            Self::Gap => "g",
            Self::Unreadable => "u",
            Self::Violated => "v",
        }
    }

    /// Start and height of its bar: a form of its own, which needs no colour.
    pub(super) const fn form(self) -> (u8, u8) {
        match self {
            Self::Proven => (9, 10),
            Self::Pending => (13, 6),
            Self::Explained => (7, 14),
            Self::Nothing => (13, 2),
            Self::Gap => (5, 18),
            Self::Unreadable => (3, 22),
            Self::Violated => (0, 28),
        }
    }

    pub(super) const fn meaning(self) -> &'static str {
        match self {
            Self::Proven => {
                "covered by valid, linked digests, and the log files that they list are intact"
            }
            Self::Pending => "its digest is not due yet",
            Self::Explained => "no digest covers it; events or an acceptance explain why",
            Self::Nothing => "outside the time of the report",
            Self::Gap => "no digest covers it",
            Self::Unreadable => "its digests or log files could not be checked",
            Self::Violated => "its digests or log files contradict integrity",
        }
    }
}

/// Stretch of time with one state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct StateSpan {
    start: Timestamp,
    end: Timestamp,
    mark: CellState,
    reason: Option<Code>,
}

/// Neighbouring cells with the same state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CellRun {
    pub(super) mark: CellState,
    /// The first cell and the one after the last.
    pub(super) cells: (i64, i64),
    /// Exact time, and the reason.
    pub(super) title: String,
    /// Position at which it is drawn.
    pub(super) x: String,
    pub(super) width: String,
}

/// Division of time into cells, the same for every chain of a report.
#[derive(Debug)]
pub(super) struct Grid {
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    /// The seconds of a cell.
    unit: i64,
    /// The number of the first cell, counted from the units' origin.
    first: i64,
    pub(super) cells: i64,
}

impl Grid {
    /// The grid over the requested time and all that is said of any chain; `None` where there is
    /// no time at all.
    pub(super) fn of(report: &RunReport) -> Option<Self> {
        let intervals = || report.chains.iter().flat_map(|c| &c.coverage);
        let start = intervals().map(|i| i.window.start).chain(report.scope.start).min()?;
        let end = intervals().map(|i| i.window.end).chain(report.scope.end).max()?;
        Self::over(start, end)
    }

    pub(super) fn over(start: Timestamp, end: Timestamp) -> Option<Self> {
        if start >= end {
            return None;
        }
        let weeks = (0..).map(|power| WEEK * 4_i64.pow(power)).take(8);
        let units = [HOUR, 2 * HOUR, 6 * HOUR, DAY].into_iter().chain(weeks);
        let mut grids = units.map(|unit| {
            let first = index(start, unit);
            let last = index(end, unit) + i64::from(!is_bound(end, unit));
            Self { start, end, unit, first, cells: last - first }
        });
        grids.find(|grid| grid.cells <= CELLS)
    }

    /// The length of a cell, in words.
    pub(super) fn unit(&self) -> String {
        match self.unit {
            HOUR => "1 hour".to_owned(),
            DAY => "1 day".to_owned(),
            WEEK => "1 week".to_owned(),
            unit if unit < DAY => format!("{} hours", unit / HOUR),
            unit => format!("{} weeks", unit / WEEK),
        }
    }

    /// The cells of a chain, equal neighbours as one.
    pub(super) fn runs(&self, coverage: &[Interval]) -> Vec<CellRun> {
        let pieces = self.pieces(coverage);
        let mut cells = vec![CellState::Proven; usize::try_from(self.cells).unwrap_or(0)];
        for piece in &pieces {
            let first = usize::try_from(self.cell_at(piece.start)).unwrap_or(0);
            let after = usize::try_from(self.cell_before(piece.end)).unwrap_or(0) + 1;
            for cell in cells.get_mut(first..after).into_iter().flatten() {
                *cell = piece.mark.max(*cell);
            }
        }
        let (mut runs, mut at) = (Vec::new(), 0);
        for group in cells.chunk_by(|a, b| a == b) {
            let Some(mark) = group.first() else { continue };
            let after = at + i64::try_from(group.len()).unwrap_or(0);
            runs.push(self.run(*mark, (at, after), &pieces));
            at = after;
        }
        runs
    }

    fn run(&self, mark: CellState, cells: (i64, i64), pieces: &[StateSpan]) -> CellRun {
        let (start, end) = (self.bound(cells.0), self.bound(cells.1));
        // The pieces are in order, so those before and behind need no look.
        let from = pieces.partition_point(|p| p.end <= start);
        let inside = pieces.iter().skip(from).take_while(|p| p.start < end);
        let clipped: Vec<_> = inside
            .filter(|p| p.mark == mark)
            .map(|p| StateSpan { start: p.start.max(start), end: p.end.min(end), ..*p })
            .collect();
        let seconds = clipped.iter().map(|p| p.end.as_second() - p.start.as_second()).sum();
        let title = match clipped.as_slice() {
            [one] => {
                let reason = one.reason.map_or(String::new(), |c| format!(", {}", c.as_str()));
                let when = span(one.start, one.end);
                format!("{}: {when} ({}{reason})", mark.name(), duration(seconds))
            }
            [first, .., last] => {
                let (name, length) = (mark.name(), duration(seconds));
                let ranges = count(clipped.len() as u64);
                let when = span(first.start, last.end);
                format!("{name}: {length} in {ranges} ranges, {when}")
            }
            [] => format!("{}: {}", mark.name(), span(start, end)),
        };
        let (left, right) = (self.hundredths(cells.0), self.hundredths(cells.1));
        CellRun { mark, cells, title, x: decimal(left), width: decimal(right - left) }
    }

    /// All of the grid's time in order, with what is not said.
    fn pieces(&self, coverage: &[Interval]) -> Vec<StateSpan> {
        let mut said: Vec<_> = coverage
            .iter()
            .map(|i| StateSpan {
                start: i.window.start.max(self.start),
                end: i.window.end.min(self.end),
                mark: CellState::of(i.state),
                reason: i.reason,
            })
            .filter(|p| p.start < p.end)
            .collect();
        // A report is in order, unless somebody made it up.
        said.sort_by_key(|p| (p.start, p.end));
        let (mut pieces, mut until) = (Vec::with_capacity(said.len()), self.start);
        let nothing = |start, end| StateSpan { start, end, mark: CellState::Nothing, reason: None };
        for piece in said {
            if until < piece.start {
                pieces.push(nothing(until, piece.start));
            }
            until = until.max(piece.end);
            pieces.push(piece);
        }
        if until < self.end {
            pieces.push(nothing(until, self.end));
        }
        pieces
    }

    /// Time of a chain in each state, in words.
    pub(super) fn summary(&self, coverage: &[Interval]) -> String {
        let pieces = self.pieces(coverage);
        let length = |mark| -> i64 {
            let same = pieces.iter().filter(|p| p.mark == mark);
            same.map(|p| p.end.as_second() - p.start.as_second()).sum()
        };
        let told: Vec<_> = CellState::ALL
            .into_iter()
            .filter(|mark| length(*mark) > 0)
            .map(|mark| format!("{} {}", mark.name(), duration(length(mark))))
            .collect();
        told.join(", ")
    }

    fn cell_at(&self, time: Timestamp) -> i64 {
        index(time, self.unit) - self.first
    }

    /// The cell of the moment before a time.
    fn cell_before(&self, time: Timestamp) -> i64 {
        self.cell_at(time) - i64::from(is_bound(time, self.unit))
    }

    /// Start of a cell, inside of the grid's time.
    fn bound(&self, cell: i64) -> Timestamp {
        let second = (self.first + cell) * self.unit + origin(self.unit);
        Timestamp::from_second(second).map_or(self.end, |t| t.clamp(self.start, self.end))
    }

    fn hundredths(&self, cell: i64) -> i64 {
        cell * WIDTH * 100 / self.cells.max(1)
    }

    /// Position of a moment, in hundredths.
    pub(super) fn at(&self, second: i64) -> i64 {
        let from = self.first * self.unit + origin(self.unit);
        let all = i128::from(self.cells.max(1) * self.unit);
        let place = i128::from(second - from) * i128::from(WIDTH * 100) / all;
        i64::try_from(place).unwrap_or(-1)
    }

    pub(super) fn described(&self, chains: usize) -> String {
        format!(
            "{} over {} (UTC). Each cell is {} and shows the worst state in it.",
            counted(chains as u64, "chain", "chains"),
            span(self.start, self.end),
            self.unit()
        )
    }
}

/// Origin from which units of a length are counted.
const fn origin(unit: i64) -> i64 {
    if unit >= WEEK { FIRST_MONDAY } else { 0 }
}

fn index(time: Timestamp, unit: i64) -> i64 {
    // Timestamps before 1970 with a fraction round towards it; down is what is meant.
    let down = i64::from(time.subsec_nanosecond() < 0);
    (time.as_second() - down - origin(unit)).div_euclid(unit)
}

/// True if one unit ends and the next begins at a time.
fn is_bound(time: Timestamp, unit: i64) -> bool {
    time.subsec_nanosecond() == 0 && (time.as_second() - origin(unit)).rem_euclid(unit) == 0
}

/// Hundredths as a decimal, as short as it can be.
pub(super) fn decimal(hundredths: i64) -> String {
    let (whole, part) = (hundredths / 100, hundredths % 100);
    match part {
        0 => whole.to_string(),
        part if part % 10 == 0 => format!("{whole}.{}", part / 10),
        part => format!("{whole}.{part:02}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Window;

    fn t(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn interval(start: i64, end: i64, state: CoverageState) -> Interval {
        Interval { window: Window::new(t(start), t(end)), state, reason: None }
    }

    /// States inside of a cell, moment by moment.
    fn naive(grid: &Grid, coverage: &[Interval], minute: i64) -> Vec<CellState> {
        let mut cells = Vec::new();
        for cell in 0..grid.cells {
            let (mut at, end) = (grid.bound(cell).as_second(), grid.bound(cell + 1).as_second());
            let mut worst = CellState::Proven;
            while at < end {
                let said =
                    coverage.iter().filter(|i| i.window.start <= t(at) && t(at) < i.window.end);
                let mark = said.map(|i| CellState::of(i.state)).max().unwrap_or(CellState::Nothing);
                worst = worst.max(mark);
                at += minute;
            }
            cells.push(worst);
        }
        cells
    }

    fn cell_states(grid: &Grid, coverage: &[Interval]) -> Vec<CellState> {
        let runs = grid.runs(coverage);
        let cells =
            |run: &CellRun| vec![run.mark; usize::try_from(run.cells.1 - run.cells.0).unwrap()];
        runs.iter().flat_map(cells).collect()
    }

    #[test]
    fn the_smallest_unit_that_fits_is_taken() {
        let unit = |days: i64| Grid::over(t(0), t(days * DAY)).unwrap().unit();
        let units = [1, 16, 17, 33, 34, 100, 101, 400, 401, 2790, 4000].map(unit);
        assert_eq!(
            units,
            [
                "1 hour", "1 hour", "2 hours", "2 hours", "6 hours", "6 hours", "1 day", "1 day",
                "1 week", "1 week", "4 weeks"
            ]
        );
        let all = Grid::over(Timestamp::MIN, Timestamp::MAX).unwrap();
        assert!(all.cells <= CELLS);
        assert!(Grid::over(t(5), t(5)).is_none());
    }

    #[test]
    fn cells_begin_at_full_units_and_never_outside_of_the_time() {
        let grid = Grid::over(t(1800), t(3 * HOUR + 60)).unwrap();
        assert_eq!(grid.cells, 4);
        let bounds = [0, 1, 4].map(|cell| grid.bound(cell).as_second());
        assert_eq!(bounds, [1800, HOUR, 3 * HOUR + 60]);
        // Monday, not the Thursday that 1970 began on.
        let weeks = Grid::over(t(0), t(1000 * DAY)).unwrap();
        assert_eq!(weeks.bound(1), t(FIRST_MONDAY));
    }

    #[test]
    fn titles_tell_the_exact_times() {
        let grid = Grid::over(t(0), t(200 * DAY)).unwrap();
        let mut coverage = vec![interval(0, 200 * DAY, CoverageState::Proven)];
        coverage.splice(
            ..,
            [
                interval(0, DAY + 60, CoverageState::Proven),
                interval(DAY + 60, DAY + 120, CoverageState::Violated),
                interval(DAY + 120, 200 * DAY, CoverageState::Proven),
            ],
        );
        let titles: Vec<_> = grid.runs(&coverage).into_iter().map(|r| r.title).collect();
        assert_eq!(
            titles,
            [
                "proven: 1970-01-01T00:00:00Z to 1970-01-02T00:00:00Z (24 h)",
                "violated: 1970-01-02T00:01:00Z to 1970-01-02T00:02:00Z (1 min)",
                "proven: 1970-01-03T00:00:00Z to 1970-07-20T00:00:00Z (4,752 h)",
            ]
        );
        assert_eq!(grid.summary(&coverage), "proven 4,799 h 59 min, violated 1 min");
    }

    fn state() -> impl Strategy<Value = CoverageState> {
        proptest::sample::select(CoverageState::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn a_cell_shows_the_worst_of_its_moments(
            start in 0_i64..100, length in 1_i64..3000, ordered in any::<bool>(),
            parts in proptest::collection::vec((0_i64..400, 1_i64..600, state()), 0..12),
        ) {
            // Ten minutes are the smallest step, so that looking at each moment stays cheap.
            let minute = 600;
            let grid = Grid::over(t(start * minute), t((start + length) * minute)).unwrap();
            let mut at = start;
            let coverage: Vec<_> = parts
                .iter()
                .map(|(skip, length, state)| {
                    // In order with holes, as reports are, or overlapping, as somebody made it up.
                    let from = if ordered { at + skip } else { start + skip };
                    at = from + length;
                    interval(from * minute, at * minute, *state)
                })
                .collect();
            prop_assert_eq!(cell_states(&grid, &coverage), naive(&grid, &coverage, minute));
            let runs = grid.runs(&coverage);
            prop_assert!(runs.windows(2).all(|r| r[0].cells.1 == r[1].cells.0 && r[0].mark != r[1].mark));
            prop_assert_eq!(runs.last().unwrap().cells.1, grid.cells);
        }
    }
}
