//! The command line: what is typed, where results go, and the exit status.

use std::fmt;
use std::io::Write;

use jiff::Timestamp;

/// Exit status: wrong usage or configuration; nothing was checked.
pub const USAGE: u8 = 2;
/// Exit status: part of what was asked for could not be done.
pub const INCOMPLETE: u8 = 3;
/// Exit status: a bug or an unwritable output.
pub const INTERNAL: u8 = 4;

/// Why a command ended without a result: what is wrong, and what to do.
#[derive(Debug)]
pub struct Failure {
    /// The exit status.
    pub status: u8,
    /// What is wrong, naming the object.
    pub message: String,
    /// What to do next.
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

/// What a command may touch besides its arguments.
pub struct Io<'a> {
    /// Results.
    pub out: &'a mut dyn Write,
    /// Diagnostics.
    pub err: &'a mut dyn Write,
    /// The time of the run.
    pub now: Timestamp,
}
