//! Errors in making or checking seals.

use std::fmt;

/// The largest signature, token or statement that is read: certificate chains are some kilobytes.
pub const SEAL_LIMIT: usize = 1 << 20;

/// Error in making or checking a seal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The bytes are not what they should be.
    #[error("it is not {what}: {reason}")]
    Form {
        /// The expected form.
        what: &'static str,
        /// The fault.
        reason: String,
    },
    /// It is what it should be, and what it says does not fit.
    #[error("{0}")]
    Contradiction(String),
    /// The certificate leads to no authority that is trusted, or not at that time.
    #[error("{0}")]
    Untrusted(String),
}

impl DocumentError {
    pub(super) fn form(what: &'static str, reason: impl fmt::Display) -> Self {
        Self::Form { what, reason: reason.to_string() }
    }

    pub(super) fn contradiction(reason: impl Into<String>) -> Self {
        Self::Contradiction(reason.into())
    }
}
