//! Verifies and seals AWS CloudTrail logs.
//!
//! The layers, each importing only from those above it (a test holds them to that):
//!
//! | layer | what it is |
//! |---|---|
//! | [`model`] | the values of the format: names, times, hash values, digests |
//! | [`crypto`] | public keys and signatures, signing keys, seals of documents |
//! | [`verify`] | the verdict: pure rules over bytes and values, findings out |
//! | `seal` | pure: which digests are due and what stands in them (feature `seal`) |
//! | [`store`] | where bytes live: a directory that is a copy of a bucket, a bag |
//! | `aws` | S3, CloudTrail and KMS (feature `aws`) |
//! | [`report`] | what a run says: the schema, and a file for each format |
//! | [`judge`] | pure: the facts of the sources in, the run report out |
//! | [`run`] | the drivers: discover, read, verify, seal, pack evidence |
//! | [`cli`] | the command |
//!
//! `model`, `crypto`, `verify`, `seal` and `judge` are pure: no files, clock, environment or printing.

#[cfg(feature = "aws")]
pub mod aws;
pub mod cli;
pub mod crypto;
pub mod judge;
pub mod model;
pub mod report;
pub mod run;
#[cfg(feature = "seal")]
pub mod seal;
pub mod store;
pub mod verify;
