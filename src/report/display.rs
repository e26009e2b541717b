//! Findings in a line, safe to print, and reports in a format.

use std::fmt;
use std::io::{self, Write};

use super::text::TextOptions;
use super::{Format, RunReport};
use crate::model::Printable;
use crate::verify::{Code, CoverageState, Finding, Severity};

macro_rules! by_name {
    ($($type:ident)*) => {$(
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    )*};
}

by_name!(Code CoverageState Format Severity);

/// Severity, code, object and message in a line, escaped.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: ", self.severity, self.code)?;
        if let Some(key) = &self.key {
            write!(f, "{}: ", Printable(key))?;
        }
        write!(f, "{}", Printable(&self.message))
    }
}

impl RunReport {
    /// Writes the report in a format; text is plain and 100 columns wide.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn render(&self, format: Format, out: &mut dyn Write) -> io::Result<()> {
        format.render(self, out, TextOptions::default())
    }
}
