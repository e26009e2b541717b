//! Places that addresses name.

use std::path::PathBuf;

/// Place that an address names: what is opened, and where in it to begin.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SourcePlace {
    /// A bucket, or the directory that keys are relative to.
    pub(crate) root: PathBuf,
    /// Folders to begin in: empty, or with their closing slash.
    pub(crate) starts: Vec<String>,
}

impl SourcePlace {
    /// Place of an address `NAME[/PREFIX]`.
    #[cfg(any(feature = "aws", feature = "object-store"))]
    pub(super) fn in_bucket(address: &str) -> Self {
        let (name, prefix) = address.split_once('/').unwrap_or((address, ""));
        // Whether a second slash is a slip or begins the keys cannot be seen from it.
        let exact = (prefix.starts_with('/') && !prefix.trim_matches('/').is_empty())
            .then(|| format!("{}/", prefix.trim_end_matches('/')));
        let starts = exact.into_iter().chain([slashed(prefix)]).collect();
        Self { root: name.into(), starts }
    }

    /// Name of the bucket.
    #[cfg(any(feature = "aws", feature = "object-store"))]
    pub(super) fn bucket(&self) -> &str {
        self.root.to_str().unwrap_or_default()
    }

    /// Folder to begin in, with single slashes.
    #[cfg(any(feature = "seal", feature = "object-store"))]
    pub(crate) fn start(&self) -> &str {
        self.starts.last().map_or("", String::as_str)
    }
}

/// A prefix as keys have it: empty, or with its closing slash.
pub(crate) fn slashed(prefix: &str) -> String {
    match prefix.trim_matches('/') {
        "" => String::new(),
        prefix => format!("{prefix}/"),
    }
}
