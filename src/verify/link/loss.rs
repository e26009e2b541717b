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
    /// Cause of the loss.
    pub(super) cause: LossCause,
}

/// Cause of a [`Loss`].
#[derive(Debug, Clone)]
pub(super) enum LossCause {
    /// The store has no such object.
    Gone(GoneDigest),
    /// It cannot be read, or lies in a place that is not among the sources: the finding that says
    /// so, up to the end of this time.
    Unseen { finding: Box<Finding>, end: Timestamp },
}

/// A digest that is gone, and with it perhaps those before it.
#[derive(Debug, Clone)]
pub(super) struct GoneDigest {
    pub(super) by: Referrer,
    pub(super) bucket: String,
    pub(super) name: DigestKey,
    /// Time that a digest of the chain covers.
    pub(super) interval: SignedDuration,
}

impl GoneDigest {
    /// Number of digests that fill some time, rounded down, and true if they fill it exactly.
    pub(super) fn number_in(&self, time: Window) -> (i64, bool) {
        let interval = self.interval.as_secs();
        let number = time.seconds() / interval.max(1);
        (number, number * interval == time.seconds())
    }
}

/// Proof that a digest is gone.
#[derive(Debug, Clone, Copy)]
pub(super) enum MissingProof {
    /// The store has no such object.
    Absent(#[allow(dead_code)] Absence),
    /// The chain goes on around it: it was due, and a copy that has its neighbours would have it.
    Due,
}

/// The digest that names another one.
#[derive(Debug, Clone)]
pub(super) struct Referrer {
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
