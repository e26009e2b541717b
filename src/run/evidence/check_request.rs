//! Request to check a bag.

use std::num::NonZero;

use jiff::Timestamp;

use crate::crypto::PublicKey;
use crate::crypto::document::Authorities;
use crate::run::pool::Stop;

/// Request to check a bag.
pub struct CheckRequest {
    /// The bag, as the user named it.
    pub name: String,
    /// The authorities that signers and time-stamps must lead to; empty for none.
    pub authorities: Authorities,
    /// The public keys to verify with, instead of those in the bag.
    pub keys: Option<Vec<PublicKey>>,
    /// Number of objects read at once.
    pub jobs: NonZero<usize>,
    /// The time of the check.
    pub now: Timestamp,
    /// Ends the check early.
    pub stop: Stop,
}
