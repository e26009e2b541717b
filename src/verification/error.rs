//! Errors for which a verification does not begin.

use std::io;

use jiff::Timestamp;

#[cfg(feature = "aws")]
use crate::aws::AwsError;
use crate::run::key_files::KeysError;
use crate::source::SourceError;

/// Error for which a verification did not begin, or could not go on.
///
/// What a run finds, and what it cannot read, is no error: it is in the report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A source that cannot be used.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Public keys that cannot be used.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// A time in the future: nothing can be proven of it.
    #[error("the {bound} {time} is in the future: the time of reference is {now}")]
    Future {
        /// The time that was set.
        bound: TimeBound,
        /// Its value.
        time: Timestamp,
        /// The time of reference: that of the run, or the one set by `as_of`.
        now: Timestamp,
    },
    /// A start that is not before the end.
    #[error("the start {start} is not before the end {end}")]
    EmptyTime {
        /// The start.
        start: Timestamp,
        /// The end.
        end: Timestamp,
    },
    /// An account or region that is both selected and excluded.
    #[error("{name} is both selected and excluded")]
    SelectedAndExcluded {
        /// The account or region.
        name: String,
    },
    /// AWS cannot be used as configured.
    #[cfg(feature = "aws")]
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// A thread of the run could not be started, or an observer ended it.
    #[error("the run failed: {0}")]
    Run(io::Error),
}

/// Bound of the time of a verification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeBound {
    /// The start of the requested time.
    Start,
    /// The end of the requested time.
    End,
    /// The reference time.
    AsOf,
}

impl std::fmt::Display for TimeBound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Start => "start",
            Self::End => "end",
            Self::AsOf => "reference time",
        })
    }
}
