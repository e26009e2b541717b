//! Reports of runs: one result type, and one file for each format that renders it.

mod acceptance;
pub mod asff;
mod chain_verdicts;
mod cloud;
pub mod controls;
pub mod coverage_csv;
pub mod csv;
pub mod diff;
mod display;
pub mod estimate;
#[cfg(feature = "seal")]
pub mod evidence;
mod finding_set;
mod finding_text;
pub mod format;
mod headline;
pub mod html;
pub mod intoto;
pub mod json;
mod json_util;
pub mod junit;
pub mod markdown;
pub mod ndjson;
pub mod objects;
pub mod ocsf;
pub mod openmetrics;
pub mod oscal;
mod problems;
pub mod repaired;
pub mod run;
pub mod sarif;
mod stable_id;
pub mod summary;
mod table;
pub mod text;
pub(crate) mod wording;

pub use acceptance::{AcceptedEnd, AcceptedGap};
pub use estimate::Estimate;
pub use format::Format;
pub use objects::{ObjectForm, ObjectKind, ObjectRecord, ObjectResult, ObjectWriter};
pub use problems::{Problem, problems};
pub use run::{
    ChainReport, Counts, KeyReport, LogCounts, RanBy, ReportError, RunReport, Scope, Tool, Totals,
    Unreferenced, Verdict,
};
