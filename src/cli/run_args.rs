//! Options shared by several commands: scope, parallelism, time limit, memory.

use std::num::NonZero;

use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::Failure;
use super::progress::RunProgress;
use super::time_args::{TimeArg, parse_span, parse_time};
use crate::judge::Excluded;
use crate::model::{AccountId, Region, TrailName};
use crate::run::pool::Stop;
use crate::run::{Observer, Silent};

/// Time range, accounts, regions and trails.
#[derive(Debug, Args)]
pub(super) struct ScopeArgs {
    /// Start of the time range: RFC 3339, a date (00:00 UTC), or a duration before now (24h, 7d)
    /// [default: everything available]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(super) start_time: Option<TimeArg>,

    /// End of the time range, exclusive [default: now for a bucket, everything available in a
    /// directory]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(super) end_time: Option<TimeArg>,

    /// Only these accounts (A,B or repeated)
    #[arg(long = "account", value_name = "ID", value_delimiter = ',')]
    pub(super) accounts: Vec<AccountId>,

    /// Only these regions (A,B or repeated)
    #[arg(long = "region", value_name = "REGION", value_delimiter = ',')]
    pub(super) regions: Vec<Region>,

    /// Only these trails (A,B or repeated); collect copies every account and region that has
    /// digests of these trails
    #[arg(long = "trail", value_name = "NAME", value_delimiter = ',')]
    pub(super) trails: Vec<TrailName>,

    /// Exclude these accounts (A,B or repeated)
    #[arg(long, value_name = "ID", value_delimiter = ',')]
    exclude_account: Vec<AccountId>,

    /// Exclude these regions (A,B or repeated)
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    exclude_region: Vec<Region>,
}

impl ScopeArgs {
    /// Exclusions.
    pub(super) fn excluded(&self) -> Excluded {
        Excluded { accounts: self.exclude_account.clone(), regions: self.exclude_region.clone() }
    }

    /// Start and end as a run at `now` means them.
    ///
    /// # Errors
    /// When there is no time between them, or what is asked for is left out too.
    pub(super) fn resolve(
        &self,
        now: Timestamp,
    ) -> Result<(Option<Timestamp>, Option<Timestamp>), Failure> {
        let accounts = self.accounts.iter().filter(|a| self.exclude_account.contains(a));
        let regions = self.regions.iter().filter(|r| self.exclude_region.contains(r));
        let twice = accounts.map(AccountId::as_str).chain(regions.map(Region::as_str)).next();
        if let Some(name) = twice {
            let message = format!("{name} is both selected and excluded");
            return Err(Failure::usage(message).remedy("remove one of the two options"));
        }
        let start = self.start_time.map(|time| time.resolve(now));
        let end = self.end_time.map(|time| time.resolve(now));
        match start.zip(end) {
            Some((start, end)) if start >= end => Err(Failure::usage(format!(
                "--start-time {start} is not before --end-time {end}: swap them, or omit one"
            ))),
            _ => Ok((start, end)),
        }
    }
}

/// Parallelism and output of a run.
#[derive(Debug, Args)]
pub(super) struct PaceArgs {
    /// Objects to read in parallel [default: number of processors; 160 for a
    /// bucket, 32 to copy one]
    #[arg(long, value_name = "N", value_parser = parse_jobs, hide_short_help = true)]
    jobs: Option<NonZero<usize>>,

    /// Print errors only: no text report, no progress (requested files are still written)
    #[arg(long, short)]
    pub(super) quiet: bool,

    /// Show no progress
    #[arg(long, hide_short_help = true)]
    no_progress: bool,
}

impl PaceArgs {
    /// Number of jobs: as set by the user, else as suits the sources, else the number of
    /// processors.
    pub(super) fn jobs(&self, suited: Option<usize>) -> NonZero<usize> {
        let processors = || std::thread::available_parallelism().ok();
        let usual = suited.and_then(NonZero::new).or_else(processors);
        self.jobs.or(usual).unwrap_or(NonZero::<usize>::MIN)
    }

    /// Number of jobs, as set by the user.
    pub(super) fn set_jobs(&self) -> Option<NonZero<usize>> {
        self.jobs
    }

    /// The progress line, where one is wanted.
    pub(super) fn bar(&self) -> Option<RunProgress> {
        (!self.quiet && !self.no_progress).then(RunProgress::new)
    }
}

/// Time limit and verbosity of a run.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Stop the run after this time, as ^C does: with what is done so far, exit status 130
    #[arg(long, value_name = "SPAN", value_parser = parse_span)]
    timeout: Option<SignedDuration>,

    /// Print details to standard error: what was read, number of workers, duration
    #[arg(long, short)]
    pub(super) verbose: bool,
}

impl RunArgs {
    /// Begins to count the time.
    pub(super) fn begin(&self, stop: &Stop) {
        let Some(timeout) = self.timeout else { return };
        let (stop, timeout) = (stop.clone(), timeout.unsigned_abs());
        // It ends with the process.
        let wait = move || {
            std::thread::sleep(timeout);
            stop.set();
        };
        let _ = std::thread::Builder::new().name("timeout".to_owned()).spawn(wait);
    }
}

/// Memory that a run may take.
#[derive(Debug, Args)]
pub(super) struct MemoryArgs {
    /// Memory for the log file lists of digests, for the whole run: 64MiB, 1GiB. Digests whose
    /// lists do not fit are read again later
    #[arg(long, value_name = "SIZE", default_value = "128MiB", value_parser = parse_size, hide_short_help = true)]
    memory: u64,
}

impl MemoryArgs {
    /// The number of bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.memory
    }
}

/// Parses a number of objects to read in parallel.
fn parse_jobs(text: &str) -> Result<NonZero<usize>, String> {
    text.parse().map_err(|_| "give a whole number from 1 on, or leave --jobs out".to_owned())
}

/// Parses a number of bytes with a binary unit.
fn parse_size(text: &str) -> Result<u64, String> {
    const LEAST: u64 = 1 << 20;
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let shift = match text.get(digits.len()..) {
        Some("" | "B") => Some(0),
        Some("K" | "KiB") => Some(10),
        Some("M" | "MiB") => Some(20),
        Some("G" | "GiB") => Some(30),
        _ => None,
    };
    let bytes =
        shift.zip(digits.parse::<u64>().ok()).and_then(|(shift, n)| n.checked_mul(1 << shift));
    bytes
        .filter(|bytes| *bytes >= LEAST)
        .ok_or_else(|| "give a size such as 128MiB, at least 1MiB".to_owned())
}

/// Observer that draws the bar, or a silent one.
pub(super) fn progress(bar: Option<&RunProgress>) -> &dyn Observer {
    bar.map_or(&Silent, |bar| bar)
}

#[cfg(test)]
mod tests {
    use super::{parse_jobs, parse_size};

    #[test]
    fn no_jobs_are_refused_with_a_next_step() {
        assert_eq!(parse_jobs("8").map(|jobs| jobs.get()), Ok(8));
        for text in ["0", "-1", "many", ""] {
            assert!(parse_jobs(text).unwrap_err().contains("leave --jobs out"), "{text}");
        }
    }

    #[test]
    fn sizes_have_binary_units() {
        for (text, bytes) in
            [("1MiB", 1 << 20), ("64M", 64 << 20), ("2GiB", 2 << 30), ("1048576", 1 << 20)]
        {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MiB", "1", "1023KiB", "-5MiB", "1.5GiB", "1TB", "99999999999GiB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
