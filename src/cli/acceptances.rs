//! Acceptances: gaps and ends of chains that whoever runs a verification knows the reason of.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use jiff::Timestamp;

use super::time_args::{TimeArg, parse_time};
use crate::model::{Printable, Window};
use crate::report::{AcceptedEnd, AcceptedGap};

/// Longest file of acceptances, in bytes: thousands of lines.
const LONGEST_FILE: u64 = 1 << 20;

/// Gaps and ends that are accepted.
#[derive(Debug, Args)]
pub(super) struct AcceptanceArgs {
    /// Accept a gap between segments in this time range; the report gives the reason (repeatable):
    /// START/END=REASON, or @FILE with one per line
    #[arg(long = "accept-gap", value_name = "GAP", hide_short_help = true)]
    gaps: Vec<OptionValues<AcceptedGap>>,

    /// Accept that a chain ended at this time, for example because of a closed account, a disabled
    /// region or a deleted trail; the report gives the reason (repeatable):
    /// ACCOUNT/REGION/TRAIL@TIME=REASON, or CHAIN-ID@TIME=REASON, or @FILE with one per line
    #[arg(long = "accept-end", value_name = "END", hide_short_help = true)]
    ends: Vec<OptionValues<AcceptedEnd>>,
}

impl AcceptanceArgs {
    /// The gaps, in the order in which they were given.
    pub(super) fn gaps(&self) -> Vec<AcceptedGap> {
        self.gaps.iter().flat_map(|lines| lines.given.clone()).collect()
    }

    /// The ends, in the order in which they were given.
    pub(super) fn ends(&self) -> Vec<AcceptedEnd> {
        self.ends.iter().flat_map(|lines| lines.given.clone()).collect()
    }

    /// The files that hold them.
    pub(super) fn files(&self) -> impl Iterator<Item = &Path> {
        let gaps = self.gaps.iter().filter_map(|lines| lines.file.as_deref());
        gaps.chain(self.ends.iter().filter_map(|lines| lines.file.as_deref()))
    }
}

/// Values that one use of an option gives: itself, or the lines of a file.
#[derive(Debug, Clone)]
struct OptionValues<T> {
    given: Vec<T>,
    file: Option<PathBuf>,
}

/// A value that is given as text.
trait Acceptance: Sized {
    fn parse(text: &str) -> Result<Self, String>;
}

impl<T: Acceptance> FromStr for OptionValues<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some(file) = text.strip_prefix('@') else {
            return Ok(Self { given: vec![T::parse(text)?], file: None });
        };
        let text = read(file).map_err(|error| format!("cannot read {file}: {error}"))?;
        let lines = text.lines().map(str::trim).enumerate();
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let each = lines.map(|(at, line)| {
            T::parse(line).map_err(|error| format!("{file}, line {}: {error}", at + 1))
        });
        let given = each.collect::<Result<_, _>>()?;
        Ok(Self { given, file: Some(file.into()) })
    }
}

fn read(file: &str) -> std::io::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    std::fs::File::open(file)?.take(LONGEST_FILE + 1).read_to_string(&mut text)?;
    match text.len() as u64 > LONGEST_FILE {
        true => Err(std::io::Error::other("too long for a list of acceptances")),
        // Some editors begin a file with a mark of its encoding.
        false => Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)),
    }
}

/// A moment; a date is its first one in UTC.
fn time(text: &str) -> Result<Timestamp, String> {
    match parse_time(text.trim()) {
        Ok(TimeArg::At(time)) => Ok(time),
        _ => Err(format!(
            "{}: not a time: use RFC 3339 with an offset, or a date (00:00:00 UTC)",
            Printable(text)
        )),
    }
}

impl Acceptance for AcceptedGap {
    fn parse(text: &str) -> Result<Self, String> {
        let form = "use START/END=REASON with the times from the report, such as 2026-03-01T12:00:00Z/2026-03-01T20:00:00Z=planned maintenance";
        let (times, reason) = text.split_once('=').ok_or(form)?;
        let (start, end) = times.split_once('/').ok_or(form)?;
        let window = Window::new(time(start)?, time(end)?);
        let reason = reason.trim().to_owned();
        match (window.is_empty(), reason.is_empty()) {
            (true, _) => Err(format!("{start} is not before {end}")),
            (_, true) => Err(format!("no reason given: {form}")),
            _ => Ok(Self { window, reason, used: false }),
        }
    }
}

impl Acceptance for AcceptedEnd {
    fn parse(text: &str) -> Result<Self, String> {
        let form = "use ACCOUNT/REGION/TRAIL@TIME=REASON or CHAIN-ID@TIME=REASON, such as 111122223333/eu-west-1/audit@2026-03-01T12:00:00Z=account closed";
        // A chain's id holds an @ of its own, and a prefix may hold anything.
        let parts = text.match_indices('@').filter_map(|(at, _)| {
            let (of, rest) = text.split_at_checked(at)?;
            let (when, reason) = rest.strip_prefix('@')?.split_once('=')?;
            Some((of.trim(), time(when).ok()?, reason.trim()))
        });
        let (of, time, reason) = parts.into_iter().next().ok_or(form)?;
        if of.split('/').filter(|part| !part.is_empty()).count() < 3 || reason.is_empty() {
            return Err(form.to_owned());
        }
        Ok(Self { of: of.to_owned(), time, reason: reason.to_owned(), used: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_names_a_trail_or_a_chain_a_time_and_a_reason() {
        for (text, of, reason) in [
            (
                "111122223333/us-east-1/audit@2026-03-01T12:00:00Z=gone",
                "111122223333/us-east-1/audit",
                "gone",
            ),
            (
                "b/p=1/AWSLogs/111122223333/us-east-1/audit@us-east-1@2026-03-01T13:00:00+01:00=a=b@c",
                "b/p=1/AWSLogs/111122223333/us-east-1/audit@us-east-1",
                "a=b@c",
            ),
        ] {
            let end = AcceptedEnd::parse(text).unwrap();
            assert_eq!((end.of.as_str(), end.reason.as_str()), (of, reason));
            assert_eq!(end.time.to_string(), "2026-03-01T12:00:00Z");
        }
        for text in [
            "111122223333/us-east-1/audit",
            "111122223333/us-east-1/audit@yesterday=x",
            "111122223333/us-east-1/audit@7d=x",
            "111122223333/us-east-1/audit@2026-03-01T12:00:00Z",
            "111122223333/us-east-1/audit@2026-03-01T12:00:00Z= ",
            "audit@2026-03-01T12:00:00Z=x",
        ] {
            assert!(AcceptedEnd::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn dates_are_times() {
        let end = AcceptedEnd::parse("111122223333/us-east-1/audit@2026-03-01=closed").unwrap();
        assert_eq!(end.time.to_string(), "2026-03-01T00:00:00Z");
        let gap = AcceptedGap::parse("2026-03-01/2026-03-02=moved").unwrap();
        assert_eq!(gap.window.seconds(), 86_400);
    }

    #[test]
    fn a_file_gives_one_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ends.txt");
        let line = "111122223333/us-east-1/audit@2026-03-01T12:00:00Z=closed";
        std::fs::write(&file, format!("\u{feff}# known\r\n\r\n  {line}\r\n{line}\n")).unwrap();
        let given = format!("@{}", file.display());
        assert_eq!(given.parse::<OptionValues<AcceptedEnd>>().unwrap().given.len(), 2);
        std::fs::write(&file, "# known\nnonsense\n").unwrap();
        let error = given.parse::<OptionValues<AcceptedEnd>>().unwrap_err();
        assert!(error.contains("line 2"), "{error}");
        assert!("@/nonexistent/file".parse::<OptionValues<AcceptedGap>>().is_err());
    }
}
