//! What a run says: one result type, one file for each format that renders it.

mod acceptance;
pub mod asff;
mod cloud;
pub mod controls;
pub mod coverage_csv;
pub mod csv;
pub mod diff;
mod display;
pub mod estimate;
#[cfg(feature = "seal")]
pub mod evidence;
pub mod format;
mod headline;
pub mod html;
pub mod intoto;
pub mod json;
pub mod junit;
pub mod markdown;
pub mod ndjson;
pub mod objects;
pub mod ocsf;
pub mod openmetrics;
pub mod oscal;
mod parts;
mod problems;
pub mod repaired;
pub mod run;
pub mod sarif;
mod shared;
mod standing;
pub mod summary;
mod table;
pub mod text;
pub(crate) mod words;

pub use acceptance::{AcceptedEnd, AcceptedGap};
pub use estimate::Estimate;
pub use format::Format;
pub use objects::{ObjectForm, ObjectKind, ObjectRecord, ObjectResult, ObjectWriter};
pub use problems::{Problem, problems};
pub use run::{
    ChainReport, Counts, KeyReport, LogCounts, RanBy, ReportError, RunReport, Scope, Tool, Totals,
    Unreferenced, Verdict,
};
