//! What several commands take: what of the sources is meant, and how the run goes about it.

use std::num::NonZero;

use clap::Args;
use jiff::Timestamp;

use super::Failure;
use super::progress::Bar;
use super::time_args::{TimeArg, parse_time};
use crate::model::{AccountId, Region};
use crate::run::{Progress, Silent};

/// The time and the places that are meant.
#[derive(Debug, Args)]
pub(super) struct ScopeArgs {
    /// Start of the time: RFC 3339, a date (00:00 UTC), or a span back from now (24h, 7d)
    /// [default: all there is]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(super) start_time: Option<TimeArg>,

    /// End of the time, not included [default: now for a bucket, all there is in a directory]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub(super) end_time: Option<TimeArg>,

    /// Only this account (repeatable)
    #[arg(long = "account", value_name = "ID")]
    pub(super) accounts: Vec<AccountId>,

    /// Only this region (repeatable)
    #[arg(long = "region", value_name = "REGION")]
    pub(super) regions: Vec<Region>,
}

impl ScopeArgs {
    /// Start and end as a run at `now` means them.
    ///
    /// # Errors
    /// When there is no time between them.
    pub(super) fn resolve(
        &self,
        now: Timestamp,
    ) -> Result<(Option<Timestamp>, Option<Timestamp>), Failure> {
        let start = self.start_time.map(|time| time.resolve(now));
        let end = self.end_time.map(|time| time.resolve(now));
        match start.zip(end) {
            Some((start, end)) if start >= end => Err(Failure::usage(format!(
                "--start-time {start} does not come before --end-time {end}"
            ))),
            _ => Ok((start, end)),
        }
    }
}

/// How a run goes about its work.
#[derive(Debug, Args)]
pub(super) struct PaceArgs {
    /// How many objects are read at once [default: the number of processors; for a
    /// bucket 160, to copy one 32]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZero<usize>>,

    /// Errors only: no report and no progress (files that were asked for are still written)
    #[arg(long, short)]
    pub(super) quiet: bool,

    /// No progress
    #[arg(long)]
    no_progress: bool,
}

impl PaceArgs {
    /// As many as there are processors, or where requests are waited for `online`, unless the
    /// user insists.
    pub(super) fn jobs(&self, online: Option<usize>) -> NonZero<usize> {
        let processors = || std::thread::available_parallelism().ok();
        let usual = online.and_then(NonZero::new).or_else(processors);
        self.jobs.or(usual).unwrap_or(NonZero::<usize>::MIN)
    }

    /// The progress line, where one is wanted.
    pub(super) fn bar(&self) -> Option<Bar> {
        (!self.quiet && !self.no_progress).then(Bar::new)
    }
}

/// A bar or silence.
pub(super) fn progress(bar: Option<&Bar>) -> &dyn Progress {
    bar.map_or(&Silent, |bar| bar)
}
