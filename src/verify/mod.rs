//! The verdict: pure rules over bytes and values.
//!
//! A digest is *checked* on its own, *resolved* with what its successor says of it, and *linked*
//! into its chain; the log files of valid digests are checked as they are listed, and those that
//! no digest lists are judged at the end. Every check yields findings, never an error; trouble of
//! the store comes in as a value and stays told apart from contradiction. Everything read is
//! hostile and bounded by [`Limits`].

pub mod absence;
pub mod candidates;
pub mod completeness;
pub mod content;
pub mod coverage;
pub mod digest;
pub mod events;
pub mod explain;
pub mod finding;
pub mod gzip_header;
pub mod hints;
pub mod inflate;
pub mod interruptions;
pub mod limits;
pub mod link;
pub mod listing;
pub mod log_file;
pub mod log_list;
pub mod loss_pattern;
pub mod memory;
pub mod notices;
pub mod query_results;
pub mod read_again;
pub mod signature;
pub mod unfinished;
pub mod unlisted;

pub use coverage::{Coverage, CoverageState, Interval};
pub use finding::{Code, EventRole, Finding, FoundEvent, Severity};
pub use limits::{Bounds, Limits};
pub use log_list::LogList;
pub use memory::MemoryBudget;
