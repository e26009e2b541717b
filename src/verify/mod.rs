//! The verdict: pure rules over bytes and values.

pub mod coverage;
pub mod finding;

pub use coverage::{Coverage, CoverageState, Interval};
pub use finding::{Code, Finding, Severity};
