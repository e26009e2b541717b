//! What a run says: one result type, one file for each format that renders it.

pub mod run;

pub use run::{ChainReport, Counts, KeyReport, LogCounts, RunReport, Scope, Tool, Totals, Verdict};
