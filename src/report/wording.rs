//! The words that several formats share: numbers, units, times, and what things are called.
//!
//! What comes from a report is shown through [`Printable`] here, unless a function says that its
//! caller does that.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::run::INTERRUPTED;
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

/// The verdict of a run; of one that was interrupted, that comes first unless there is a violation.
pub(super) const fn verdict_of(report: &RunReport) -> &'static str {
    match report.verdict {
        Verdict::Violation if report.exit_status == INTERRUPTED => "VIOLATION (INTERRUPTED)",
        _ if report.exit_status == INTERRUPTED => "INTERRUPTED",
        other => verdict(other),
    }
}

/// Meaning of a run's verdict: a phrase without a full stop.
pub(super) fn meaning(report: &RunReport) -> String {
    let meaning = match report.verdict {
        Verdict::Verified if report.scope.logs => {
            "every digest and log file of the requested time is present, intact, signed and linked"
        }
        Verdict::Verified => {
            "every digest of the requested time is present, intact, signed and linked; log files were not checked"
        }
        Verdict::Violation => {
            let left = start_of_what_is_left(report).map(|start| format!("; everything missing is older than what is left, as after a lifecycle rule: --start-time {start} verifies what is left"));
            return format!(
                "the stored objects contradict what was signed{}",
                left.unwrap_or_default()
            );
        }
        Verdict::Incomplete => "no violation was found, but something could not be checked",
    };
    let explained = match seconds(report, CoverageState::Explained) {
        0 => "",
        _ => "; some time has no digest, but is explained",
    };
    format!("{meaning}{explained}")
}

/// Restriction of a verdict without problems: what was left out on request, and objects that no
/// digest vouches for.
pub(super) fn qualified(report: &RunReport) -> String {
    let scope = &report.scope;
    let mut text = String::new();
    for (left_out, one, many) in [
        (&scope.excluded_accounts, "account", "accounts"),
        (&scope.excluded_regions, "region", "regions"),
    ] {
        if !left_out.is_empty() {
            text += &format!("; {} excluded", counted(left_out.len() as u64, one, many));
        }
    }
    for code in [Code::LogUnreferenced, Code::LogUncovered, Code::ObjectUnknown] {
        let noticed = report.findings.iter().filter(|f| f.code == code).count() as u64;
        if noticed > 0 {
            let (one, many) = counted_noun(code);
            text += &format!("; {}", counted(noticed, one, many));
        }
    }
    text
}

/// Advice on an interrupted run.
pub(super) const INTERRUPTED_MEANING: &str =
    "The run was interrupted: what it did not reach was not checked. Run it again.";

/// Note beside the problems: where what is left can be verified, and time that
/// events explain.
pub(super) fn aside(report: &RunReport) -> Option<String> {
    if let Some(start) = start_of_what_is_left(report) {
        return Some(format!(
            "Everything missing is older than what is left, as after a lifecycle rule: --start-time {start} verifies what is left."
        ));
    }
    (seconds(report, CoverageState::Explained) != 0).then(|| {
        format!(
            "No digest covers {} of it; verified events or your acceptance explain why.",
            duration(seconds(report, CoverageState::Explained))
        )
    })
}

/// Number of chains with a violation or something incomplete.
pub(super) fn chains_touched(report: &RunReport) -> u64 {
    let weighing = report.findings.iter().filter(|f| f.severity > Severity::Notice);
    weighing.filter_map(|f| f.chain.as_ref()).collect::<BTreeSet<_>>().len() as u64
}

/// Proven share of the chain time.
pub(super) fn proven_share(report: &RunReport) -> String {
    let all: i64 = report.totals.coverage_seconds.values().sum();
    let proven = seconds(report, CoverageState::Proven);
    match share(proven, all) {
        None => "no time is proven".to_owned(),
        Some(_) if proven == all => format!("{} proven", duration(all)),
        Some(share) => format!("{} of {} proven ({share})", duration(proven), duration(all)),
    }
}

/// A part of a whole in percent; never 100% of what is not whole, nor 0% of what is something.
pub(super) fn share(part: i64, whole: i64) -> Option<String> {
    if whole <= 0 {
        return None;
    }
    let tenths = (i128::from(part) * 1000 / i128::from(whole)).clamp(i128::from(part > 0), 1000);
    Some(match tenths % 10 {
        0 => format!("{}%", tenths / 10),
        tenth => format!("{}.{tenth}%", tenths / 10),
    })
}

/// Name of what a code counts, singular and plural.
pub(super) const fn counted_noun(code: Code) -> (&'static str, &'static str) {
    match code {
        Code::LogMissing => ("log file missing", "log files missing"),
        Code::LogModified => ("log file altered", "log files altered"),
        Code::LogMalformed => ("log file malformed", "log files malformed"),
        Code::LogTrailingData => ("log file with added bytes", "log files with added bytes"),
        Code::LogUnreferenced => ("unlisted log file", "unlisted log files"),
        Code::LogUncovered => ("group of uncovered log files", "groups of uncovered log files"),
        Code::DigestMissing => ("digest missing", "digests missing"),
        Code::DigestModified => ("digest altered", "digests altered"),
        Code::DigestMalformed => ("digest malformed", "digests malformed"),
        Code::DigestTrailingData => ("digest with added bytes", "digests with added bytes"),
        Code::DigestMoved => ("digest out of place", "digests out of place"),
        Code::DigestUnsigned => ("digest without a signature", "digests without a signature"),
        Code::DigestKeyUnknown => ("digest with an unknown key", "digests with unknown keys"),
        Code::DigestKeyExpired => ("digest with an expired key", "digests with expired keys"),
        Code::DigestFork => ("forked digest", "forked digests"),
        Code::ChainBroken => ("broken link", "broken links"),
        Code::ChainTruncated => ("chain truncated", "chains truncated"),
        Code::ChainGap => ("gap", "gaps"),
        Code::ChainLateStart => ("chain that starts late", "chains that start late"),
        Code::NoDigests => ("place without digests", "places without digests"),
        Code::LossPattern => ("loss pattern", "loss patterns"),
        Code::GzipHeader => ("unusual gzip header", "unusual gzip headers"),
        Code::ObjectUnreadable => ("failed read or listing", "failed reads or listings"),
        Code::ObjectArchived => ("archived object", "archived objects"),
        Code::ObjectUnknown => ("unknown object", "unknown objects"),
    }
}

/// A time in few words: to the minute, with the second day only where it is another.
pub(super) fn when(start: Timestamp, end: Timestamp) -> String {
    let minute = |time: Timestamp| {
        let text = time.to_string();
        let (day, clock) = text.split_once('T').unwrap_or((&text, ""));
        (day.to_owned(), clock.get(..5).unwrap_or(clock).to_owned())
    };
    let ((day, from), (last_day, to)) = (minute(start), minute(end));
    match day == last_day {
        _ if start == end => format!("{day} {from} UTC"),
        true => format!("{day} {from} to {to} UTC"),
        false => format!("{day} {from} to {last_day} {to} UTC"),
    }
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

/// Sentence on it.
pub(super) fn statement(report: &RunReport) -> String {
    meaning(report) + "."
}

/// The seconds of chain time in a state.
pub(super) fn seconds(report: &RunReport, state: CoverageState) -> i64 {
    report.totals.coverage_seconds.get(&state).copied().unwrap_or(0)
}

/// Chain time in each state.
pub(super) fn chain_time(report: &RunReport) -> String {
    chain_time_of(&report.totals)
}

/// Chain time in each state, of totals alone.
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
        n => format!("; {} more that no digest lists", count(n)),
    };
    counts(&logs.listed) + &unreferenced
}

/// Amount of data read and checked.
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
        (None, None) => "all available".to_owned(),
        (None, Some(end)) => format!("all available, up to {end} (UTC)"),
        (Some(start), None) => format!("from {start} on (UTC)"),
        (Some(start), Some(end)) => {
            let length = end.as_second() - start.as_second();
            format!("{} (UTC, {})", span(start, end), duration(length))
        }
    }
}

/// Words on whether log files were checked.
pub(super) const fn logs_checked(scope: &Scope) -> &'static str {
    if scope.logs { "checked" } else { "not checked (--no-logs)" }
}

/// Validity of a key, from its start to its end.
pub(super) fn validity(key: &KeyReport) -> String {
    match (key.valid_from, key.valid_to) {
        (Some(from), Some(to)) => format!("valid {}", span(from, to)),
        (Some(from), None) => format!("valid from {from} on"),
        (None, Some(to)) => format!("valid up to {to}"),
        (None, None) => "validity unknown".to_owned(),
    }
}

/// The region that published a key.
pub(super) fn key_region(key: &KeyReport) -> &str {
    key.region.as_ref().map_or("region unknown", |r| r.as_str())
}

/// Duration of a run.
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

/// Title of a chain. Chains with the same title differ in bucket or prefix.
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

/// Description of a kind of chain.
pub(super) const fn kind(kind: ChainKind) -> &'static str {
    match kind {
        ChainKind::Standard => "standard",
        ChainKind::Backfill => "backfill (late log files; covers no time of its own)",
    }
}

pub(super) fn counts(counts: &Counts) -> String {
    let Counts { valid, invalid, unchecked } = counts;
    format!("{} valid, {} invalid, {} unchecked", count(*valid), count(*invalid), count(*unchecked))
}

/// Number of findings of each severity.
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
pub(crate) fn count(n: impl Into<i128>) -> String {
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
pub(crate) fn counted(n: impl Into<i128> + Copy, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n.into() == 1 { one } else { many })
}

/// Seconds as hours, minutes and seconds.
pub(super) fn duration(seconds: i64) -> String {
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "min"), (seconds % 60, "s")];
    let shown: Vec<_> = parts.iter().filter(|p| p.0 != 0).map(|p| count(p.0) + " " + p.1).collect();
    if shown.is_empty() { "0 h".to_owned() } else { shown.join(" ") }
}

/// Bytes in the largest unit that keeps a digit before the point.
pub(crate) fn bytes(n: u64) -> String {
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

/// Words for a span of time, from its start to its end.
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
