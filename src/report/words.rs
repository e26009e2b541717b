//! The words that several formats share: numbers, units, times, and what things are called.
//!
//! What comes from a report is shown through [`Printable`] here, unless a function says that its
//! caller does that.

use jiff::Timestamp;

use super::{Counts, KeyReport, RunReport, Scope, Totals, Verdict};
use crate::model::{ChainId, ChainKind, Printable};
use crate::verify::{Code, CoverageState, Finding, Interval, Severity};

/// A verdict as a reader first sees it.
pub(super) const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Verified => "VERIFIED",
        Verdict::Violation => "VIOLATION",
        Verdict::Incomplete => "INCOMPLETE",
    }
}

/// What the verdict of a run means, in words that follow a colon; without the full stop.
pub(super) fn meaning(report: &RunReport) -> String {
    let meaning = match report.verdict {
        Verdict::Verified if report.scope.logs => {
            "every digest and log file that the requested time calls for is whole, signed and linked"
        }
        Verdict::Verified => {
            "every digest that the requested time calls for is whole, signed and linked; log files were not checked"
        }
        Verdict::Violation => {
            let left = start_of_what_is_left(report).map(|start| format!("; all that is gone is older than the rest, as where a lifecycle rule expires objects: --start-time {start} verifies what is left"));
            return format!(
                "what is stored contradicts what was signed{}",
                left.unwrap_or_default()
            );
        }
        Verdict::Incomplete => {
            "no violation was found, but part of what was asked for could not be checked, and nothing may be said of it"
        }
    };
    let explained = match seconds(report, CoverageState::Explained) {
        0 => "",
        _ => "; there is time that no digest covers, and it is explained",
    };
    format!("{meaning}{explained}")
}

/// The start that leaves out every violation of a run, where all of them are losses at the old end.
fn start_of_what_is_left(report: &RunReport) -> Option<Timestamp> {
    let patterns = report.findings.iter().filter(|f| f.code == Code::LossPattern);
    let start = patterns.filter_map(|f| f.end).max()?;
    let mut violations = report.findings.iter().filter(|f| f.severity == Severity::Violation);
    let is_older = |f: &Finding| {
        let gone = matches!(f.code, Code::LogMissing | Code::DigestMissing);
        gone && f.end.is_some_and(|end| end <= start)
    };
    let left = report.scope.end.is_some_and(|end| start < end);
    (left && violations.all(is_older)).then_some(start)
}

/// The same as a sentence.
pub(super) fn statement(report: &RunReport) -> String {
    meaning(report) + "."
}

/// The seconds of chain time in a state.
pub(super) fn seconds(report: &RunReport, state: CoverageState) -> i64 {
    report.totals.coverage_seconds.get(&state).copied().unwrap_or(0)
}

/// How much chain time is in which state.
pub(super) fn chain_time(report: &RunReport) -> String {
    chain_time_of(&report.totals)
}

/// The same of totals alone.
pub(super) fn chain_time_of(totals: &Totals) -> String {
    let seconds = |s: &CoverageState| totals.coverage_seconds.get(s).copied().unwrap_or(0);
    let states = CoverageState::ALL.into_iter().filter(|s| seconds(s) != 0);
    let states: Vec<_> =
        states.map(|s| format!("{} {}", duration(seconds(&s)), s.as_str())).collect();
    if states.is_empty() { "none".to_owned() } else { states.join(", ") }
}

/// The log files, with those that no digest lists.
pub(super) fn log_files(report: &RunReport) -> String {
    let logs = &report.totals.logs;
    let unreferenced = match logs.unreferenced {
        0 => String::new(),
        n => format!("; besides these, {} that no digest lists", count(n)),
    };
    counts(&logs.listed) + &unreferenced
}

/// What was read, and what was checked of it.
pub(super) fn read(report: &RunReport) -> String {
    let totals = &report.totals;
    let checked = |c: &Counts| c.valid + c.invalid;
    format!(
        "{} as stored, for {} and {} checked; {} hashed; {}",
        bytes(totals.bytes_read),
        counted(checked(&totals.digests), "digest", "digests"),
        counted(checked(&totals.logs.listed), "log file", "log files"),
        bytes(totals.bytes_hashed),
        counted(totals.requests, "request", "requests"),
    )
}

/// The time that was asked for.
pub(super) fn time_asked(scope: &Scope) -> String {
    match (scope.start, scope.end) {
        (None, None) => "all there is".to_owned(),
        (None, Some(end)) => format!("all there is, up to {end} (UTC)"),
        (Some(start), None) => format!("from {start} on (UTC)"),
        (Some(start), Some(end)) => {
            let length = end.as_second() - start.as_second();
            format!("{} (UTC, {})", span(start, end), duration(length))
        }
    }
}

/// Whether log files were checked.
pub(super) const fn logs_checked(scope: &Scope) -> &'static str {
    if scope.logs { "checked" } else { "not checked, as asked (--no-logs)" }
}

/// From when to when a key is valid.
pub(super) fn validity(key: &KeyReport) -> String {
    match (key.valid_from, key.valid_to) {
        (Some(from), Some(to)) => format!("valid {}", span(from, to)),
        (Some(from), None) => format!("valid from {from} on"),
        (None, Some(to)) => format!("valid up to {to}"),
        (None, None) => "validity not told".to_owned(),
    }
}

/// The region that published a key.
pub(super) fn key_region(key: &KeyReport) -> &str {
    key.region.as_ref().map_or("region not told", |r| r.as_str())
}

/// How long a run took.
pub(super) fn took(report: &RunReport) -> String {
    let took = (report.finished.as_millisecond() - report.started.as_millisecond()).max(0);
    match took / 1000 {
        0..60 => format!("{:.1} s", took as f64 / 1000.0),
        seconds => duration(seconds),
    }
}

/// The time that a finding touches.
pub(super) fn touched(finding: &Finding) -> Option<String> {
    match (finding.start, finding.end) {
        (None, None) => None,
        (Some(start), Some(end)) if start == end => Some(start.to_string()),
        (Some(start), Some(end)) => Some(span(start, end)),
        (Some(start), None) => Some(format!("from {start} on")),
        (None, Some(end)) => Some(format!("up to {end}")),
    }
}

/// The bucket of a finding's object, where its chain does not tell it already.
pub(super) fn other_bucket(finding: &Finding) -> Option<&str> {
    let home = finding.chain.as_ref().and_then(|c| c.bucket.as_ref()).map(|b| b.as_str());
    finding.bucket.as_deref().filter(|bucket| home != Some(bucket))
}

/// A range of time, its length, and why it is not proven.
pub(super) fn range(interval: &Interval) -> String {
    let reason = interval.reason.map_or(String::new(), |code| format!(", {}", code.as_str()));
    let window = interval.window;
    format!("{} ({}{reason})", span(window.start, window.end), duration(window.seconds()))
}

/// What a reader knows a chain by. Places that share it are told apart by bucket and prefix.
pub(super) fn title(id: &ChainId) -> String {
    let mut title = format!("account {}, {}, trail {}", id.place.account, id.region, id.trail);
    if id.home_region != id.region {
        title += &format!(" (home region {})", id.home_region);
    }
    if id.kind == ChainKind::Backfill {
        title += ", backfill";
    }
    Printable(&title).to_string()
}

/// What a kind of chain is.
pub(super) const fn kind(kind: ChainKind) -> &'static str {
    match kind {
        ChainKind::Standard => "standard",
        ChainKind::Backfill => "backfill (log files that came late; claims no time of its own)",
    }
}

pub(super) fn counts(counts: &Counts) -> String {
    let Counts { valid, invalid, unchecked } = counts;
    format!("{} valid, {} invalid, {} unchecked", count(*valid), count(*invalid), count(*unchecked))
}

/// How many findings there are of each severity.
pub(super) fn tally<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> String {
    let (mut violations, mut incomplete, mut notices) = (0_u64, 0_u64, 0_u64);
    for finding in findings {
        match finding.severity {
            Severity::Violation => violations += 1,
            Severity::Incomplete => incomplete += 1,
            Severity::Notice => notices += 1,
        }
    }
    let violations = counted(violations, "violation", "violations");
    let notices = counted(notices, "notice", "notices");
    format!("{violations}, {} incomplete, {notices}", count(incomplete))
}

/// A number with commas.
pub(super) fn count(n: impl Into<i128>) -> String {
    let n: i128 = n.into();
    let digits = n.unsigned_abs().to_string();
    let mut text = String::from(if n < 0 { "-" } else { "" });
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A number and what it counts.
pub(super) fn counted(n: impl Into<i128> + Copy, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n.into() == 1 { one } else { many })
}

/// Seconds as hours, minutes and seconds.
pub(super) fn duration(seconds: i64) -> String {
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let shown: Vec<_> = parts.iter().filter(|p| p.0 != 0).map(|p| count(p.0) + " " + p.1).collect();
    if shown.is_empty() { "0 h".to_owned() } else { shown.join(" ") }
}

/// Bytes in the largest unit that keeps a digit before the point.
pub(super) fn bytes(n: u64) -> String {
    let mut units = ["KiB", "MiB", "GiB", "TiB"].into_iter();
    let (mut amount, mut unit) = (n as f64, "B");
    // Not 1024, so that no amount is rounded up to "1024.0".
    while amount >= 1023.95
        && let Some(larger) = units.next()
    {
        (amount, unit) = (amount / 1024.0, larger);
    }
    if unit == "B" { counted(n, "byte", "bytes") } else { format!("{amount:.1} {unit}") }
}

/// From when to when.
pub(super) fn span(start: Timestamp, end: Timestamp) -> String {
    format!("{start} to {end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_read_as_people_write_them() {
        assert_eq!(
            [count(0_u8), count(999), count(1000), count(-1_234_567)],
            ["0", "999", "1,000", "-1,234,567"]
        );
        assert_eq!(
            [counted(1, "chain", "chains"), counted(0, "chain", "chains")],
            ["1 chain", "0 chains"]
        );
        assert_eq!(duration(0), "0 h");
        assert_eq!(duration(3600), "1 h");
        assert_eq!(duration(8760 * 3600 + 61), "8,760 h 1 min 1 s");
        assert_eq!([bytes(0), bytes(1), bytes(1023)], ["0 bytes", "1 byte", "1,023 bytes"]);
        assert_eq!([bytes(1024), bytes(1024 * 1024 - 1)], ["1.0 KiB", "1.0 MiB"]);
        assert!(bytes(u64::MAX).ends_with(" TiB"));
    }
}
