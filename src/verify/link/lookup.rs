//! Digests that are named and were not listed.

use serde::{Deserialize, Serialize};

use crate::model::Sha256Hash;
use crate::verify::absence::Absence;
use crate::verify::digest::Trouble;

/// State of a digest that another one names but that was not listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// The store has no such object.
    Absent(Absence),
    /// The store is a copy that does not reach the day of the digest, and has no such object.
    BeyondCopy,
    /// It cannot be told.
    Unknown(Trouble),
    /// It lies in a bucket or under a prefix that is not among the sources.
    Elsewhere,
    /// It is there (a chain whose bucket or prefix changed); what it is.
    Present {
        /// The hash value of its inflated bytes.
        hash: Sha256Hash,
    },
}

/// Lookup of digests that are named and were not listed.
pub trait Lookup {
    /// State of this digest.
    fn digest(&mut self, bucket: &str, key: &str) -> Presence;
}
