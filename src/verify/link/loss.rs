//! Digests that are gone, or not seen, until it is known how far a loss reaches.

use jiff::{SignedDuration, Timestamp};

use crate::model::{DigestKey, Window};
use crate::verify::absence::Absence;
use crate::verify::finding::Finding;

/// A predecessor that is not there, with time before it that other places of the trail may
/// account for.
#[derive(Debug, Clone)]
pub(super) struct Loss {
    /// Start of the time in question; `None` where it reaches back to the last digest of the trail
    /// in any place.
    pub(super) from: Option<Timestamp>,
    /// End of the time in question.
    pub(super) until: Timestamp,
    /// What is lost.
    pub(super) what: Lost,
}

/// Cause of a [`Loss`].
#[derive(Debug, Clone)]
pub(super) enum Lost {
    /// The store has no such object.
    Gone { by: DigestWord, bucket: String, name: DigestKey, interval: SignedDuration },
    /// It cannot be read, or lies in a place that is not among the sources: the finding that says
    /// so, up to the end of this time.
    Unseen { finding: Box<Finding>, end: Timestamp },
}

/// Proof that a digest is gone.
#[derive(Debug, Clone, Copy)]
pub(super) enum Gone {
    /// The store has no such object.
    Absent(#[allow(dead_code)] Absence),
    /// The chain goes on around it: it was due, and a copy that has its neighbours would have it.
    Due,
}

/// The digest that names another one, and whether it is verified.
#[derive(Debug, Clone)]
pub(super) struct DigestWord {
    pub(super) key: String,
    pub(super) verified: bool,
}

/// Digests that are not there, and that only unverified digests name.
#[derive(Debug, Clone)]
pub(super) struct UnverifiedLosses {
    pub(super) count: u64,
    pub(super) window: Window,
    pub(super) bucket: String,
    pub(super) key: Option<String>,
    pub(super) by: String,
}
