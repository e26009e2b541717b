//! A run report as openmetrics.

use std::io::{self, Write};

use super::RunReport;

/// Writes the report.
///
/// # Errors
/// When the output cannot be written.
pub fn render(_report: &RunReport, _out: &mut dyn Write) -> io::Result<()> {
    Err(io::Error::other("not written yet"))
}
