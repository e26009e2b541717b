//! Streams, clock and stop signal of a command, and how results are written to them.

use std::io::Write;

use clap::ValueEnum;
use jiff::Timestamp;

use crate::run::pool::Stop;

/// Condition for colour in results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Format of a command's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ResultFormat {
    /// For people
    Text,
    /// For programs
    Json,
}

/// Streams, clock and stop signal of a command.
pub struct Console<'a> {
    /// Results.
    pub out: &'a mut dyn Write,
    /// Diagnostics.
    pub err: &'a mut dyn Write,
    /// The time of the run.
    pub now: Timestamp,
    /// True if results may be coloured.
    pub color: bool,
    /// Width of the output in columns.
    pub width: usize,
    /// Set to end a run early.
    pub stop: Stop,
}
