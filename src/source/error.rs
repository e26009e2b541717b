//! Errors for which a source is not opened.

use std::io;

#[cfg(feature = "aws")]
use crate::aws::AwsError;
use crate::model::{IdError, Printable};

/// Error for which a source is not opened.
#[derive(Debug, thiserror::Error)]
#[error("{}: {cause}", Printable(.address))]
#[non_exhaustive]
pub struct SourceError {
    /// Address of the source, as it was given.
    pub address: String,
    /// The reason.
    pub cause: SourceErrorKind,
}

/// Reason for which a source is not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceErrorKind {
    /// A directory that is not there, or may not be read.
    #[error("{0}")]
    Directory(io::Error),
    /// A file, where a directory belongs.
    #[error("not a directory")]
    NotADirectory,
    /// An archive, where a directory belongs.
    #[error("an archive, not a directory")]
    Archive,
    /// An address that names no bucket.
    #[error(transparent)]
    Address(#[from] IdError),
    /// A bucket beside copies, or a copy beside buckets: what a missing signature means depends on it.
    #[error("buckets and copies cannot be verified in one run")]
    Mixed,
    /// A kind of source that this build cannot read.
    #[error("this build cannot read {service}")]
    Unsupported {
        /// Name of the service.
        service: &'static str,
        /// The feature to build with.
        feature: &'static str,
    },
    /// An environment that does not say how the source is reached.
    #[error("{0}")]
    Configuration(String),
    /// A source that does not answer as it should. In a run, this is a finding.
    #[error("{0}")]
    Unreachable(String),
    /// AWS cannot be used as configured.
    #[cfg(feature = "aws")]
    #[error(transparent)]
    Aws(#[from] AwsError),
}

impl SourceErrorKind {
    /// Error with the source of an address.
    pub(crate) fn of(self, address: &str) -> SourceError {
        SourceError { address: address.to_owned(), cause: self }
    }
}
