//! What a run says: one result type, one file for each format that renders it.

pub mod estimate;
pub mod json;
pub mod run;
pub mod text;

pub use estimate::Estimate;
pub use run::{
    AcceptedGap, ChainReport, Counts, KeyReport, LogCounts, ObjectReport, RunReport, Scope, Tool,
    Totals, Verdict,
};
