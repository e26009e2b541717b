//! The dates on the timeline's axis.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::timeline::{DAY, FIRST_MONDAY, Grid, HOUR, WEEK, WIDTH, decimal};
use crate::model::time::civil;

/// Least distance of labels.
const BETWEEN_LABELS: i64 = 130;
/// Room for a character of a label. On paper the labels are larger than on the screen, and a digit
/// of the widest usual font takes this much.
const CHARACTER: i64 = 11;

/// The room that a label needs, in hundredths.
fn room(label: &str) -> i64 {
    let characters = i64::try_from(label.chars().count()).unwrap_or(0);
    (characters * CHARACTER + 8) * 100
}

/// A mark on the axis.
#[derive(Debug)]
pub(super) struct Tick {
    pub(super) x: String,
    pub(super) label: String,
}

impl Grid {
    /// Dates on the axis, so far apart that they can be read.
    pub(super) fn ticks(&self) -> Vec<Tick> {
        let ticks = STEPS.iter().find_map(|step| self.ticks_of(*step)).unwrap_or_default();
        let fits = |(x, label): &(i64, String)| *x >= 0 && x + room(label) <= WIDTH * 100;
        ticks.into_iter().filter(fits).map(|(x, label)| Tick { x: decimal(x), label }).collect()
    }

    /// The ticks of a step; `None` where they stand too close.
    fn ticks_of(&self, step: Step) -> Option<Vec<(i64, String)>> {
        let most = usize::try_from(WIDTH / BETWEEN_LABELS).unwrap_or(1);
        let mut ticks: Vec<(i64, String)> = Vec::new();
        // At the end of all years there is no next one.
        let mut next = step.first(self.start).filter(|at| seconds_of(*at).is_some());
        next?;
        while let Some(at) = next
            && let Some(time) = seconds_of(at)
            && time < self.end.as_second()
        {
            if ticks.len() > most {
                return None;
            }
            if time >= self.start.as_second() {
                let x = self.at(time);
                if ticks.last().is_some_and(|(last, label)| last + room(label) > x) {
                    return None;
                }
                ticks.push((x, step.label(at)));
            }
            next = step.next(at);
        }
        Some(ticks)
    }
}

/// Distance from one tick to the next.
#[derive(Debug, Clone, Copy)]
enum Step {
    Hours(i64),
    Days(i64),
    Months(i64),
    Years(i64),
}

const STEPS: [Step; 20] = [
    Step::Hours(1),
    Step::Hours(2),
    Step::Hours(3),
    Step::Hours(6),
    Step::Hours(12),
    Step::Days(1),
    Step::Days(2),
    Step::Days(7),
    Step::Months(1),
    Step::Months(2),
    Step::Months(3),
    Step::Months(6),
    Step::Years(1),
    Step::Years(2),
    Step::Years(5),
    Step::Years(10),
    Step::Years(50),
    Step::Years(200),
    Step::Years(1000),
    Step::Years(5000),
];

impl Step {
    /// The last tick that is not after a time.
    fn first(self, time: Timestamp) -> Option<DateTime> {
        let c = civil(time);
        let whole = |second: i64, unit: i64, origin: i64| {
            let second = (second - origin).div_euclid(unit) * unit + origin;
            Timestamp::from_second(second).ok().map(civil)
        };
        match self {
            Self::Hours(n) => whole(time.as_second(), n * HOUR, 0),
            Self::Days(7) => whole(time.as_second(), WEEK, FIRST_MONDAY),
            Self::Days(n) => whole(time.as_second(), n * DAY, 0),
            Self::Months(n) => {
                let month = i64::from(c.month() - 1).div_euclid(n) * n + 1;
                DateTime::new(c.year(), i8::try_from(month).ok()?, 1, 0, 0, 0, 0).ok()
            }
            Self::Years(n) => {
                let year = i64::from(c.year()).div_euclid(n) * n;
                DateTime::new(i16::try_from(year).ok()?.max(-9998), 1, 1, 0, 0, 0, 0).ok()
            }
        }
    }

    fn next(self, at: DateTime) -> Option<DateTime> {
        let span = match self {
            Self::Hours(n) => jiff::Span::new().try_hours(n),
            Self::Days(n) => jiff::Span::new().try_days(n),
            Self::Months(n) => jiff::Span::new().try_months(n),
            Self::Years(n) => jiff::Span::new().try_years(n),
        };
        at.checked_add(span.ok()?).ok()
    }

    fn label(self, at: DateTime) -> String {
        let (y, mo, d, h) = (at.year(), at.month(), at.day(), at.hour());
        match self {
            Self::Hours(_) => format!("{y:04}-{mo:02}-{d:02} {h:02}:00"),
            Self::Days(_) => format!("{y:04}-{mo:02}-{d:02}"),
            Self::Months(_) => format!("{y:04}-{mo:02}"),
            Self::Years(_) => format!("{y:04}"),
        }
    }
}

fn seconds_of(at: DateTime) -> Option<i64> {
    TimeZone::UTC.to_timestamp(at).ok().map(Timestamp::as_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn t(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn ticks_are_dates_in_order_that_do_not_touch() {
        for hours in (1..60).chain([90, 200, 400, 700, 2000, 9000, 100_000]) {
            let grid = Grid::over(t(1_700_000_000), t(1_700_000_000 + hours * HOUR)).unwrap();
            let ticks = grid.ticks();
            let places: Vec<f64> = ticks.iter().map(|tick| tick.x.parse().unwrap()).collect();
            // On paper the font is 17 px, and a digit of DejaVu Sans 0.636 of that.
            let ends =
                ticks.iter().zip(&places).map(|(t, x)| x + 17.0 * 0.636 * t.label.len() as f64);
            let next = places.iter().copied().skip(1).chain([WIDTH as f64]);
            assert!(ends.zip(next).all(|(end, next)| end < next), "{hours}: {ticks:?}");
            assert!(hours < 5 || !ticks.is_empty(), "{hours}");
        }
    }

    #[test]
    fn any_time_at_all_has_an_axis() {
        let all = Grid::over(Timestamp::MIN, Timestamp::MAX).unwrap();
        assert!(!all.ticks().is_empty());
    }
}
