//! Times and spans as they are typed.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::model::time::sub;

/// A time as it was typed; what it means may depend on the time of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeArg {
    /// A moment.
    At(Timestamp),
    /// So long before the run.
    Ago(SignedDuration),
}

impl TimeArg {
    /// The moment that is meant by a run at `now`, in whole seconds.
    #[must_use]
    pub(crate) fn resolve(self, now: Timestamp) -> Timestamp {
        let time = match self {
            Self::At(time) => time,
            Self::Ago(span) => sub(now, span),
        };
        Timestamp::from_second(time.as_second()).unwrap_or(time)
    }
}

/// Reads RFC 3339 (offsets are honoured), a date (00:00:00 UTC of it), or a span back from now.
///
/// # Errors
/// When it is none of these.
pub(super) fn parse_time(text: &str) -> Result<TimeArg, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(TimeArg::At(time));
    }
    if let Ok(date) = text.parse::<Date>()
        && text.len() == "YYYY-MM-DD".len()
    {
        let midnight = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0));
        return midnight.map(TimeArg::At).map_err(|e| e.to_string());
    }
    parse_span(text).map(TimeArg::Ago).map_err(|_| {
        "use RFC 3339 with an offset (2026-11-01T00:00:00Z), a date (2026-11-01, meaning 00:00:00 UTC), or a duration before now (24h, 7d)".to_owned()
    })
}

/// Reads a span such as `90s`, `30m`, `2h`, `7d`, `4w`.
///
/// # Errors
/// When it is not a whole number and one of these units.
pub(super) fn parse_span(text: &str) -> Result<SignedDuration, String> {
    let hint = || "use a whole number and a unit: s, m, h, d or w (for example 2h)".to_owned();
    let unit = text.chars().last().ok_or_else(hint)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 604_800,
        _ => return Err(hint()),
    };
    let number = text.strip_suffix(unit).unwrap_or_default();
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit()) {
        return Err(hint());
    }
    let number: i64 = number.parse().map_err(|_| hint())?;
    let seconds = number.checked_mul(seconds).filter(|s| *s <= 100 * 366 * 86_400);
    seconds.map(SignedDuration::from_secs).ok_or_else(|| "at most 100 years".to_owned())
}

/// Reads a span that is longer than nothing.
///
/// # Errors
/// When it is not a span, or an empty one.
#[cfg(feature = "seal")]
pub(super) fn parse_interval(text: &str) -> Result<SignedDuration, String> {
    let span = parse_span(text)?;
    let fits = (60..=86_400).contains(&span.as_secs());
    fits.then_some(span).ok_or_else(|| "use an interval from one minute to one day".to_owned())
}

#[cfg(all(test, feature = "seal"))]
mod tests {
    use super::*;

    #[test]
    fn times_mean_what_they_say() {
        let now: Timestamp = "2026-11-21T12:00:00.5Z".parse().unwrap();
        for (text, expected) in [
            ("2023-07-10T13:00:00+02:00", "2023-07-10T11:00:00Z"),
            ("2023-07-10T11:00:00Z", "2023-07-10T11:00:00Z"),
            ("2023-07-10", "2023-07-10T00:00:00Z"),
            ("24h", "2026-11-20T12:00:00Z"),
            ("7d", "2026-11-14T12:00:00Z"),
            ("0s", "2026-11-21T12:00:00Z"),
        ] {
            assert_eq!(parse_time(text).unwrap().resolve(now).to_string(), expected, "{text}");
        }
        for bad in [
            "",
            "yesterday",
            "2023-07-10T11:00:00",
            "10",
            "h",
            "-1h",
            "1.5h",
            "20230710",
            "99999999w",
        ] {
            assert!(parse_time(bad).is_err(), "{bad}");
        }
        assert!(parse_interval("30s").is_err() && parse_interval("2d").is_err());
        assert_eq!(parse_interval("15m").unwrap(), SignedDuration::from_mins(15));
    }
}
