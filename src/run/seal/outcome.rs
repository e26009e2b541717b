//! Outcome of a sealing run, and its errors.

use jiff::Timestamp;

use crate::crypto::{SigningKeyError, Validity};
use crate::model::{ChainKind, DigestKey, Previous, Printable, Sha256Hash, Window};
use crate::seal::{Head, UnexpectedHead};
use crate::store::StoreError;

/// Times in a row that another writer may be first although the chain does not grow, before the run
/// gives up. Where the chain grows, the other writer's digests are the progress, and they come to
/// an end with what is due.
pub(super) const TURNS: u32 = 20;

/// A digest that a dry run would write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueDigest {
    /// Its key.
    pub key: String,
    /// Its time.
    pub window: Window,
    /// Number of log files that it would list.
    pub log_files: usize,
    /// Standard or backfill.
    pub kind: ChainKind,
}

/// A digest that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedDigest {
    /// Its key.
    pub key: String,
    /// The hash value of its content.
    pub hash: Sha256Hash,
    /// Its time.
    pub window: Window,
    /// Number of log files that it lists.
    pub log_files: usize,
    /// Standard or backfill.
    pub kind: ChainKind,
}

/// The newest digest of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainHead {
    /// Its key.
    pub key: String,
    /// The hash value of its content.
    pub hash: Sha256Hash,
    /// End of its time.
    pub end: Timestamp,
    /// Standard or backfill.
    pub kind: ChainKind,
}

impl ChainHead {
    pub(super) fn of(kind: ChainKind, head: &Head) -> Self {
        let Previous { object, hash, .. } = &head.previous;
        Self { key: object.clone(), hash: *hash, end: head.window.end, kind }
    }
}

/// Outcome of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SealOutcome {
    /// The heads of the chain and of its backfill chain that the run found; `None` where it did not
    /// come to look, empty for a new chain.
    pub found: Option<Vec<ChainHead>>,
    /// The heads that it last saw or wrote.
    pub heads: Vec<ChainHead>,
    /// The digests written, in order.
    pub sealed: Vec<SealedDigest>,
    /// The digests that a dry run would write, in order.
    pub planned: Vec<DueDigest>,
    /// End of what is sealed.
    pub sealed_until: Option<Timestamp>,
    /// Late log files that wait for the next interval, because this one's backfill digest is
    /// written already.
    pub waiting: u64,
    /// Log files older than the chain, which no digest of it covers.
    pub before_start: u64,
    /// Log files whose JSON holds no events that could be read: sealed as they are.
    pub without_events: Vec<String>,
}

impl SealOutcome {
    /// Adds a digest that would be written.
    pub(super) fn plan(&mut self, name: &DigestKey, window: Window, log_files: usize) {
        let (key, kind) = (name.to_string(), name.kind);
        self.planned.push(DueDigest { key, window, log_files, kind });
    }
}

/// Reason for which a run ended early. What was written until then stands.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The request does not fit the chain.
    #[error("{0}")]
    Request(String),
    /// The key is not valid when a digest that is due ends.
    #[error("the certificate is valid from {} to {}, but a digest that is due ends at {end}", .validity.from, .validity.to)]
    Validity {
        /// Time in which it is valid.
        validity: Validity,
        /// The digest's end.
        end: Timestamp,
    },
    /// More digests are due than may be written unasked; nothing was written.
    #[error(
        "{due} digests are due, from {start} to {end}; this is more than {most}, so nothing was sealed"
    )]
    TooMany {
        /// Number of due digests.
        due: usize,
        /// Allowed number.
        most: usize,
        /// Start of the first.
        start: Timestamp,
        /// End of the last.
        end: Timestamp,
    },
    /// The store failed.
    #[error("{}: {error}", Printable(.key))]
    Store {
        /// The object or folder.
        key: String,
        /// Error of the store.
        error: StoreError,
    },
    /// A digest of the chain cannot be built on.
    #[error("{}: {reason}", Printable(.key))]
    Digest {
        /// The digest.
        key: String,
        /// Reason, as a part of a sentence.
        reason: String,
    },
    /// A log file cannot be vouched for.
    #[error("{}: the log file cannot be sealed: {reason}", Printable(.key))]
    Log {
        /// The log file.
        key: String,
        /// Reason, as a part of a sentence.
        reason: String,
    },
    /// The signer does not sign.
    #[error(transparent)]
    Signing(#[from] SigningKeyError),
    /// Threads cannot be started, or one failed.
    #[error("a worker thread failed: {0}")]
    Threads(String),
    /// The observer failed; what was sealed until then stands.
    #[error("the run cannot be observed: {0}")]
    Observer(std::io::Error),
    /// The chain is not the one that was expected; nothing was written.
    #[error(transparent)]
    Unexpected(#[from] UnexpectedHead),
    /// The run was stopped before all that is due was sealed.
    #[error("interrupted: not all that is due was sealed")]
    Interrupted,
    /// Other writers were first again and again, and the chain does not grow.
    #[error("other writers were first {} times in a row, but their digests are not visible", TURNS)]
    Crowded,
}
