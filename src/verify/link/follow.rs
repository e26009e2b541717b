//! Comparison of what a digest states of its predecessor with the digests before it.

use jiff::Timestamp;

use super::linker::{Link, Linker};
use super::lookup::Lookup;
use crate::model::{BucketName, DigestKey, Previous, Sha256Hash, Window};
use crate::verify::coverage::CoverageState;
use crate::verify::finding::Code;
use crate::verify::signature::DigestStatus;

/// A digest that names a predecessor.
#[derive(Clone, Copy)]
pub(super) struct Successor<'a> {
    pub(super) link: &'a Link,
    /// Its time.
    pub(super) window: Window,
    /// Its statement about its predecessor.
    pub(super) previous: &'a Previous,
}

/// The predecessor that a digest names, where it was not listed.
pub(super) struct UnlistedPredecessor {
    pub(super) name: DigestKey,
    /// True if it belongs to another bucket or prefix than the digest that names it.
    pub(super) moved: bool,
}

/// Contradiction in the key that a digest states for its predecessor.
struct WrongPredecessor {
    message: &'static str,
    expected: String,
}

impl Successor<'_> {
    pub(super) fn is_verified(&self) -> bool {
        self.link.status == DigestStatus::Valid
    }

    /// True if it names this digest.
    fn names(&self, digest: &Link) -> bool {
        let mut bucket = digest.at.bucket.iter();
        *digest.at.key == *self.previous.object
            && bucket.all(|bucket| *bucket.as_str() == *self.previous.bucket)
    }

    /// The predecessor that it names, if that may come before the digests up to `tip`, none of
    /// which it is.
    fn unlisted_predecessor(
        &self,
        tip: Option<Timestamp>,
    ) -> Result<UnlistedPredecessor, WrongPredecessor> {
        let own = &self.link.at;
        let wrong = |message, expected| Err(WrongPredecessor { message, expected });
        let name = DigestKey::parse(&self.previous.object);
        let Some(name) = name.filter(|name| name.same_trail(&own.name)) else {
            let message = "The digest's predecessor is not a digest of the same trail.";
            return wrong(message, "a digest of the same trail".to_owned());
        };
        if name.end >= self.link.end {
            let message = "The digest names itself or a later digest as its predecessor.";
            return wrong(message, format!("an end before {}", self.link.end));
        }
        let other_bucket = |bucket: &BucketName| *bucket.as_str() != *self.previous.bucket;
        let moved = name.place != own.name.place || own.bucket.as_ref().is_some_and(other_bucket);
        if !moved && tip.is_some_and(|tip| name.end <= tip) {
            let message = "The digest's predecessor is not part of the chain before it.";
            return wrong(message, "the digest that ends when this one starts".to_owned());
        }
        Ok(UnlistedPredecessor { name, moved })
    }
}

impl Linker {
    /// Compares what a digest states of its predecessor with the digests before it.
    pub(super) fn follow(
        &mut self,
        link: &Link,
        window: Window,
        previous: &Previous,
        lookup: &mut dyn Lookup,
    ) {
        let next = Successor { link, window, previous };
        let found = self.recent.iter().rposition(|digest| next.names(digest));
        if let Some(predecessor) = found.and_then(|i| self.recent.get_mut(i)) {
            let forked = predecessor.has_successor;
            predecessor.has_successor |= next.is_verified();
            let predecessor = predecessor.clone();
            self.follow_listed(&next, &predecessor, forked);
            return;
        }
        let named = match next.unlisted_predecessor(self.tip) {
            Ok(named) => named,
            Err(WrongPredecessor { message, expected }) => {
                self.broken(&next, message, &expected, &previous.object);
                return;
            }
        };
        if named.moved {
            let bucket = link.at.bucket.as_ref();
            let bucket = bucket.and_then(|_| BucketName::parse(&previous.bucket).ok());
            self.arrivals.push(named.name.chain(bucket.as_ref()));
        }
        // What lies before the requested start is not asked for.
        if self.start.is_some_and(|start| named.name.end <= start) {
            return;
        }
        self.follow_unlisted(&next, &named, lookup);
    }

    fn follow_listed(&mut self, next: &Successor<'_>, predecessor: &Link, forked: bool) {
        self.refute_restart(predecessor);
        if forked {
            self.fork(next.link, next.window, "Two digests have the same predecessor.");
            return;
        }
        if self.is_standard() && next.window.start < predecessor.end {
            let message = "The digest's time overlaps that of the previous digest.";
            self.fork(next.link, next.window, message);
            return;
        }
        if predecessor.status != DigestStatus::Valid {
            self.contradict_unchecked(next, predecessor);
            return;
        }
        let previous = next.previous;
        if let Some(hash) = predecessor.hash.filter(|hash| *hash != previous.hash) {
            let message = "Both digests are valid, but the hash value that this digest states for its predecessor is wrong.";
            self.wrong_hash(next, message, hash);
        } else if let Some(signature) =
            predecessor.signature.as_ref().filter(|s| **s != previous.signature)
        {
            let message = "Both digests are valid, but the signature that this digest states for its predecessor is wrong.";
            self.broken(next, message, signature, &previous.signature);
        }
    }

    /// Reports that an unchecked predecessor was modified, where a verified digest states another
    /// hash value for it. Until then, no verified digest spoke for it or against it.
    fn contradict_unchecked(&mut self, next: &Successor<'_>, predecessor: &Link) {
        let previous = next.previous;
        if predecessor.status != DigestStatus::Unchecked || !next.is_verified() {
            return;
        }
        let Some(hash) = predecessor.hash.filter(|hash| *hash != previous.hash) else { return };
        let message = "The digest's content does not match the hash value in the next digest.";
        let its = Window::new(predecessor.start, predecessor.end);
        let finding = predecessor.at.finding(Code::DigestModified, message).window(its);
        self.findings.push(
            finding
                .compared(format!("SHA-256 {}", previous.hash), hash)
                .referenced_by(&*next.link.at.key),
        );
        self.statements.assign(its, CoverageState::Violated, Some(Code::DigestModified));
    }

    /// Reports that a digest states a wrong hash value for its predecessor.
    pub(super) fn wrong_hash(&mut self, next: &Successor<'_>, message: &str, actual: Sha256Hash) {
        let stated = next.previous.hash.to_string();
        self.broken(next, message, &format!("SHA-256 {actual}"), &stated);
    }

    /// Reports that a digest states something wrong of its predecessor. An unverified digest breaks
    /// no chain.
    fn broken(&mut self, next: &Successor<'_>, message: &str, expected: &str, actual: &str) {
        if next.is_verified() {
            let finding = next.link.at.finding(Code::ChainBroken, message).window(next.window);
            self.findings.push(finding.compared(expected, actual));
        }
    }
}
