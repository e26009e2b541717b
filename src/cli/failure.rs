//! Exit statuses, and errors that end a command.

use std::fmt;

/// Exit status: wrong usage or configuration; nothing was checked.
pub const USAGE: u8 = 2;
/// Exit status: part of what was asked for could not be done.
pub const INCOMPLETE: u8 = 3;
/// Exit status: interrupted.
pub const INTERRUPTED: u8 = 130;
/// Exit status: a bug or an unwritable output.
pub const INTERNAL: u8 = 4;

/// Error that ends a command: what is wrong, and what to do.
#[derive(Debug)]
pub struct Failure {
    /// The exit status.
    pub status: u8,
    /// Message: the fault, with the name of the object.
    pub message: String,
    /// The next step.
    pub remedy: Option<String>,
}

impl Failure {
    /// Wrong usage or configuration.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self { status: USAGE, message: message.to_string(), remedy: None }
    }

    /// An output that cannot be written, or a bug.
    pub fn internal(message: impl fmt::Display) -> Self {
        Self { status: INTERNAL, message: message.to_string(), remedy: None }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn remedy(self, remedy: impl fmt::Display) -> Self {
        Self { remedy: Some(remedy.to_string()), ..self }
    }
}

/// Error on standard output.
pub(super) fn unwritable(error: std::io::Error) -> Failure {
    Failure::internal(format!("standard output: {error}"))
        .remedy("the results are incomplete: free some space, or write them elsewhere")
}

/// Error on the results of a command on keys.
pub(super) fn unwritten(error: std::io::Error) -> Failure {
    Failure::internal(format!("cannot write the results: {error}"))
}
