//! The intervals for which digests are due.

use jiff::{SignedDuration, Timestamp};

use crate::model::Window;
use crate::model::time::add;

/// The full intervals that begin at `from` and end by `until`, in order.
pub fn due(
    from: Timestamp,
    until: Timestamp,
    interval: SignedDuration,
) -> impl Iterator<Item = Window> {
    let step = SignedDuration::from_secs(interval.as_secs().max(1));
    std::iter::successors(Some(Window::new(from, add(from, step))), move |slot| {
        Some(Window::new(slot.end, add(slot.end, step)))
    })
    .take_while(move |slot| slot.end <= until && !slot.is_empty())
}

/// The last whole multiple of the interval at or before a time, counted from the epoch.
#[must_use]
pub fn floor(time: Timestamp, interval: SignedDuration) -> Timestamp {
    let step = interval.as_secs().max(1);
    let second = time.as_second();
    Timestamp::from_second(second - second.rem_euclid(step)).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::{hours, minutes};

    fn t(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn only_full_intervals_are_due_and_they_meet() {
        let slots: Vec<_> =
            due(t("2023-07-10T11:00:00Z"), t("2023-07-10T13:59:59Z"), hours(1)).collect();
        assert_eq!(slots.len(), 2);
        assert_eq!(slots[0].end, slots[1].start);
        assert_eq!(slots[1].end, t("2023-07-10T13:00:00Z"));
        assert_eq!(due(t("2023-07-10T11:00:00Z"), t("2023-07-10T11:59:59Z"), hours(1)).count(), 0);
        assert_eq!(due(Timestamp::MAX, Timestamp::MAX, hours(1)).count(), 0);
        assert_eq!(floor(t("2023-07-10T11:59:59Z"), minutes(15)), t("2023-07-10T11:45:00Z"));
        assert_eq!(floor(t("1969-12-31T23:59:59Z"), hours(1)), t("1969-12-31T23:00:00Z"));
    }
}
