//! Request to pack a bag, its sources, and the errors.

use std::io;
use std::sync::Arc;

use jiff::Timestamp;

use super::KeptLogs;
use super::seal::{BagSealError, SealOptions};
use crate::run::sources::Insisted;
use crate::run::verify::{CloudTrail, VerifyRequest};
use crate::store::Store;
use crate::verify::digest::Rules;

/// Request to pack a bag.
pub struct PackRequest {
    /// The run.
    pub verify: VerifyRequest,
    /// Bucket and prefix of a copy, where the user overrides them.
    pub insisted: Insisted,
    /// Log files that the bag is to hold.
    pub logs: KeptLogs,
    /// The time that the bag and the run in it are of.
    pub as_of: Timestamp,
    /// The bag's name.
    pub name: String,
    /// Options of its seal.
    pub seal: SealOptions,
}

/// Sources of a run, and what it verifies with.
pub struct PackSources<'a> {
    /// The stores, each with the folder to start at.
    pub stores: &'a [(Arc<dyn Store>, String)],
    /// Keys and limits.
    pub rules: Rules,
    /// CloudTrail as a source of keys and trails.
    pub cloudtrail: Option<&'a dyn CloudTrail>,
}

/// Error that prevents a bag.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The run was interrupted.
    #[error("interrupted: no bag was made")]
    Interrupted,
    /// Something cannot be written or read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The bag cannot be sealed.
    #[error(transparent)]
    Seal(#[from] BagSealError),
}
