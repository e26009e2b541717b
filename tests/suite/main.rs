//! All integration tests in one program, so that the library and the AWS clients are linked once.
//!
//! The fast suite is what `cargo test --locked` runs: everything, with sweeps sampled. The slow suite
//! is the sweeps in full, `#[ignore = "slow: ..."]`; `.ci/run` runs it before a change lands:
//!
//! ```sh
//! cargo test --locked --test suite -- --ignored --skip every_bit_of --skip sixty_ --skip sixteen_
//! ```
//!
//! What each sweep leaves to the slow suite is in a test of its own, beside it: `NAME_in_every_case`
//! (damage, moves, layouts, names, bodies, authorities, sizes of keys, revocation, cuts of facts),
//! `any_...`, `every_...`. Only in the slow suite are answers without end, large objects and lists,
//! 25,000 findings, and the pages of trouble.
//!
//! `TRAILSEAL_TESTS=whole`, which `.ci/run` sets, asks the bucket for every tree (`common::both`).
//!
//! What is skipped there is `#[ignore = "very slow: ..."]`: it takes a quarter of an hour, or memory
//! and minutes without optimisation. Without `--skip` it is run too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::too_many_lines, clippy::too_many_arguments)] // a test tells its story in one go
#![allow(clippy::print_stdout, clippy::print_stderr)] // tables, peaks, and what is skipped

mod common;

mod adversary;
mod architecture;
mod cli;
#[cfg(all(feature = "aws", feature = "object-store"))]
mod clouds;
#[cfg(feature = "aws")]
mod collect;
#[cfg(all(feature = "aws", unix))]
mod collect_unfinished;
mod conformance;
mod ended;
mod ends;
#[cfg(feature = "aws")]
mod environment;
mod every_absence;
mod every_byte;
mod evidence;
#[cfg(feature = "aws")]
mod evidence_handover;
mod evidence_revocation;
#[cfg(feature = "aws")]
mod evidence_s3;
mod evidence_seal;
mod evidence_stamps;
mod export;
mod facts;
mod fixtures;
#[cfg(feature = "aws")]
mod flags;
mod format_documents;
mod formats;
mod fuzz_seeds;
mod gaps;
mod hostile;
#[cfg(feature = "aws")]
mod hostile_store;
mod html;
mod inspect;
mod interruptions;
mod keys;
mod layouts;
mod library;
#[cfg(all(feature = "aws", target_os = "linux"))]
mod memory;
mod moves;
mod observers;
#[cfg(unix)]
mod outputs;
mod partial_copy;
#[cfg(target_os = "linux")]
mod pipes;
mod problems;
mod query_results;
mod real_logs;
mod report;
mod retention;
mod run_diff;
#[cfg(feature = "aws")]
mod s3;
mod sample;
mod scheduler;
mod seal;
mod seal_plan;
#[cfg(feature = "aws")]
mod seal_s3;
mod second_trail;
#[cfg(feature = "aws")]
mod server;
mod threat_model;
#[cfg(feature = "aws")]
mod trails;
mod trouble;
mod unlisted;
#[cfg(feature = "aws")]
mod validate_logs;
#[cfg(feature = "aws")]
mod width;
