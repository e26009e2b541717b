//! Times as the format spells them, in whole seconds UTC, and half-open windows of time.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Error in parsing a time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is not a time of the form {expected}", super::text::Printable(.text))]
pub struct TimeError {
    text: String,
    expected: &'static str,
}

/// Hours, as a span that timestamps add and subtract.
#[must_use]
pub const fn hours(n: i64) -> SignedDuration {
    SignedDuration::from_hours(n)
}

/// Minutes, as a span that timestamps add and subtract.
#[must_use]
pub const fn minutes(n: i64) -> SignedDuration {
    SignedDuration::from_mins(n)
}

/// Adds a span, staying within the representable years.
#[must_use]
pub fn add(time: Timestamp, span: SignedDuration) -> Timestamp {
    time.saturating_add(span).unwrap_or(if span.is_negative() {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

/// Subtracts a span, staying within the representable years.
#[must_use]
pub fn sub(time: Timestamp, span: SignedDuration) -> Timestamp {
    add(time, -span)
}

/// Reads `YYYY-MM-DDTHH:MM:SSZ`, the only form that digests use.
///
/// # Errors
/// When the text has any other form or names no moment.
pub fn parse_digest_time(text: &str) -> Result<Timestamp, TimeError> {
    parse_pattern(text, "YYYY-MM-DDTHH:MM:SSZ")
}

/// Writes `YYYY-MM-DDTHH:MM:SSZ`.
#[must_use]
pub fn format_digest_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Reads `YYYYMMDDTHHMMSSZ`, the time in a digest's name.
///
/// # Errors
/// When the text has any other form or names no moment.
pub fn parse_compact_seconds(text: &str) -> Result<Timestamp, TimeError> {
    parse_pattern(text, "YYYYMMDDTHHMMSSZ")
}

/// Writes `YYYYMMDDTHHMMSSZ`.
#[must_use]
pub fn format_compact_seconds(time: Timestamp) -> String {
    time.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// Reads `YYYYMMDDTHHMMZ`, the time in a log file's name.
///
/// # Errors
/// When the text has any other form or names no moment.
pub fn parse_compact_minutes(text: &str) -> Result<Timestamp, TimeError> {
    parse_pattern(text, "YYYYMMDDTHHMMZ")
}

/// Writes `YYYYMMDDTHHMMZ`.
#[must_use]
pub fn format_compact_minutes(time: Timestamp) -> String {
    time.strftime("%Y%m%dT%H%MZ").to_string()
}

/// The folder of a day, `YYYY/MM/DD`.
#[must_use]
pub fn day_folder(time: Timestamp) -> String {
    time.strftime("%Y/%m/%d").to_string()
}

/// The time that a date's folder stands for: `YYYY`, `YYYY/MM` or `YYYY/MM/DD`, in UTC. `None`
/// where the text is no such date.
#[must_use]
pub fn date_window(folder: &str) -> Option<Window> {
    let start = |date: &str| {
        let compact: String = date.split('/').collect();
        parse_compact_minutes(&format!("{compact}T0000Z")).ok()
    };
    let parts: Vec<&str> = folder.split('/').collect();
    let number = |text: &str, n: usize| text.parse::<u32>().ok().filter(|_| text.len() == n);
    match parts.as_slice() {
        [year] => {
            let next = number(year, 4)? + 1;
            Some(Window::new(start(&format!("{year}/01/01"))?, start(&format!("{next:04}/01/01"))?))
        }
        [year, month] => {
            let next = match number(month, 2)? {
                12 => format!("{:04}/01", number(year, 4)? + 1),
                month => format!("{year}/{:02}", month + 1),
            };
            let first = |month: &str| start(&format!("{month}/01"));
            Some(Window::new(first(folder)?, first(&next)?))
        }
        [year, month, day] => {
            number(year, 4).and(number(month, 2)).and(number(day, 2))?;
            let first = start(folder)?;
            Some(Window::new(first, add(first, hours(24))))
        }
        _ => None,
    }
}

/// The civil time in UTC.
#[must_use]
pub fn civil(time: Timestamp) -> DateTime {
    TimeZone::UTC.to_datetime(time)
}

/// Reads a time by a pattern in which Y M D H M S stand for digits and all else for itself.
///
/// By hand, because `strptime` also takes signs, blanks and fewer digits than the pattern has, and
/// the name of every object that is listed comes through here.
fn parse_pattern(text: &str, pattern: &'static str) -> Result<Timestamp, TimeError> {
    read_pattern(text, pattern)
        .ok_or_else(|| TimeError { text: text.to_owned(), expected: pattern })
}

fn read_pattern(text: &str, pattern: &str) -> Option<Timestamp> {
    if text.len() != pattern.len() {
        return None;
    }
    // Fields in order of appearance: year, month, day, hour, minute, second. The month's and
    // the minute's letter are the same, so a change of letter is what starts a field.
    let (mut fields, mut field, mut last) = ([0_i32; 6], 0_usize, b'Y');
    for (p, t) in pattern.bytes().zip(text.bytes()) {
        if matches!(p, b'Y' | b'M' | b'D' | b'H' | b'S') {
            if p != last {
                field += 1;
            }
            last = p;
            if !t.is_ascii_digit() {
                return None;
            }
            let slot = fields.get_mut(field)?;
            *slot = *slot * 10 + i32::from(t - b'0');
        } else if p != t {
            return None;
        }
    }
    let [year, month, day, hour, minute, second] = fields;
    let small = |n: i32| i8::try_from(n).ok();
    let civil = DateTime::new(
        i16::try_from(year).ok()?,
        small(month)?,
        small(day)?,
        small(hour)?,
        small(minute)?,
        small(second)?,
        0,
    )
    .ok()?;
    TimeZone::UTC.to_timestamp(civil).ok()
}

/// The time from `start` up to, not including, `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Window {
    /// The first moment inside.
    pub start: Timestamp,
    /// The first moment after.
    pub end: Timestamp,
}

impl Window {
    /// A window; empty where `end` does not come after `start`.
    #[must_use]
    pub const fn new(start: Timestamp, end: Timestamp) -> Self {
        Self { start, end }
    }

    /// All of time.
    pub const ALL: Self = Self::new(Timestamp::MIN, Timestamp::MAX);

    /// True if no moment lies inside.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.start >= self.end
    }

    /// True if the moment lies inside.
    #[must_use]
    pub fn contains(&self, time: Timestamp) -> bool {
        self.start <= time && time < self.end
    }

    /// True if the windows share a moment.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.start < other.end && other.start < self.end
    }

    /// Intersection of both windows; may be empty.
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Self {
        Self::new(self.start.max(other.start), self.end.min(other.end))
    }

    /// Its length in whole seconds; 0 when empty.
    #[must_use]
    pub fn seconds(&self) -> i64 {
        (self.end.as_second() - self.start.as_second()).max(0)
    }

    /// Its length.
    #[must_use]
    pub fn length(&self) -> SignedDuration {
        SignedDuration::from_secs(self.seconds())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_the_forms_of_the_format_and_no_other() {
        let t = parse_digest_time("2023-07-10T11:45:09Z").unwrap();
        assert_eq!(t.to_string(), "2023-07-10T11:45:09Z");
        assert_eq!(parse_compact_seconds("20230710T114509Z").unwrap(), t);
        assert_eq!(format_compact_seconds(t), "20230710T114509Z");
        assert_eq!(day_folder(t), "2023/07/10");
        let minute = parse_compact_minutes("20230710T1145Z").unwrap();
        assert_eq!(format_compact_minutes(minute), "20230710T1145Z");
        for bad in [
            "",
            "2023-07-10T11:45:09",
            "2023-07-10T11:45:09+00:00",
            "2023-07-10 11:45:09Z",
            "2023-02-30T11:45:09Z",
            "2023-07-10T24:00:00Z",
            "2023-07-10T11:45:60Z",
            "2023-07-10T11:45:0９Z",
            "2023-07-10t11:45:09z",
        ] {
            assert!(parse_digest_time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn folders_of_dates_stand_for_their_time() {
        for (folder, start, end) in [
            ("2026", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("2026/03", "2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z"),
            ("2026/12", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
            ("2024/02/29", "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z"),
        ] {
            let window = date_window(folder).unwrap();
            assert_eq!(
                (window.start.to_string(), window.end.to_string()),
                (start.into(), end.into())
            );
        }
        for folder in
            ["", "26", "2026/13", "2026/00", "2026/3", "2026/02/30", "2026/+1", "x", "9999"]
        {
            assert_eq!(date_window(folder), None, "{folder}");
        }
    }

    proptest! {
        #[test]
        fn every_time_is_written_by_its_fields(second in Timestamp::MIN.as_second()..=Timestamp::MAX.as_second()) {
            let t = Timestamp::from_second(second).unwrap();
            let c = civil(t);
            let (y, mo, d) = (c.year(), c.month(), c.day());
            let (h, mi, s) = (c.hour(), c.minute(), c.second());
            prop_assert_eq!(format_digest_time(t), format!("{y:04}-{mo:02}-{d:02}T{h:02}:{mi:02}:{s:02}Z"));
            prop_assert_eq!(format_compact_seconds(t), format!("{y:04}{mo:02}{d:02}T{h:02}{mi:02}{s:02}Z"));
            prop_assert_eq!(format_compact_minutes(t), format!("{y:04}{mo:02}{d:02}T{h:02}{mi:02}Z"));
            prop_assert_eq!(day_folder(t), format!("{y:04}/{mo:02}/{d:02}"));
        }

        #[test]
        fn every_second_round_trips(second in 0_i64..4_102_444_800) {
            let t = Timestamp::from_second(second).unwrap();
            prop_assert_eq!(parse_digest_time(&format_digest_time(t)).unwrap(), t);
            prop_assert_eq!(parse_compact_seconds(&format_compact_seconds(t)).unwrap(), t);
        }

        #[test]
        fn hostile_times_never_panic(text in ".{0,24}") {
            let _ = parse_digest_time(&text);
            let _ = parse_compact_seconds(&text);
            let _ = parse_compact_minutes(&text);
        }
    }
}
