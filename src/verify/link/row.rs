//! Digests as linking needs them, in a form that can be stored and joined.
//!
//! Digests that simply follow each other are one [`Row`], a day of them or a year: of its inside
//! only the last ones are kept, as many as a later digest can refer to. Whatever is odd (invalid,
//! unread, a fork, a restart, a digest of another place) begins a row of its own.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{BucketName, ChainId, ChainKind, DigestKey, Previous, Sha256Hash, Window};
use crate::verify::finding::Finding;
use crate::verify::signature::{DigestStatus, ResolvedDigest};

/// Number of digests back that a digest may refer to: enough for forks and strays between
/// neighbours.
pub(super) const MEMORY: usize = 16;

/// A resolved digest, as linking and the judge take it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DigestFacts {
    /// Its key.
    pub name: DigestKey,
    /// Statements of the digest itself, where it is one that belongs at its key.
    pub content: Option<ContentFacts>,
    /// The signature in its metadata, in hex.
    pub signature: Option<String>,
    /// Its status.
    #[serde(rename = "standing")]
    pub status: DigestStatus,
    /// The reason for which it is not valid.
    pub finding: Option<Box<Finding>>,
}

/// Statements of a digest on its time, its bytes and its predecessor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentFacts {
    /// The first moment of delivery that it covers.
    pub start: Timestamp,
    /// The end of the time that it covers.
    pub end: Timestamp,
    /// The hash value of its inflated bytes.
    pub hash: Sha256Hash,
    /// The digest before it; `None` in a starting digest.
    pub previous: Option<Previous>,
}

impl ContentFacts {
    /// The time that it covers.
    #[must_use]
    pub fn window(&self) -> Window {
        Window::new(self.start, self.end)
    }
}

impl From<&ResolvedDigest> for DigestFacts {
    fn from(resolved: &ResolvedDigest) -> Self {
        let checked = &resolved.checked;
        let content = checked.content.as_ref().map(|content| ContentFacts {
            start: content.digest.start,
            end: content.digest.end,
            hash: content.hash,
            previous: content.digest.previous.clone(),
        });
        let mut finding = resolved.finding.clone();
        if let (Some(finding), Some(content)) = (&mut finding, &content) {
            finding.start = Some(content.start.min(checked.at.name.end));
        }
        Self {
            name: checked.at.name.clone(),
            content,
            signature: checked.signature.clone(),
            status: resolved.status,
            finding,
        }
    }
}

/// A digest that follows plainly on the one before it in its row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlainDigest {
    /// The first moment that it covers: the end of the one before.
    pub start: Timestamp,
    /// The end of its time.
    pub end: Timestamp,
    /// The hash value of its inflated bytes.
    pub hash: Sha256Hash,
}

/// Digests of one chain, each of which follows plainly on the one before: valid, of the time that
/// begins where the other's ends, and with its true hash value and signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The first digest, which may be of any kind.
    pub first: DigestFacts,
    /// Number of digests after it.
    pub more: u64,
    /// The last of these, in their order, as far as later digests can refer to them.
    pub last: VecDeque<PlainDigest>,
    /// The signature in the last digest's metadata.
    pub signature: Option<String>,
}

impl Row {
    /// A row of one digest.
    #[must_use]
    pub fn of(first: DigestFacts) -> Self {
        let signature = first.signature.clone();
        Self { first, more: 0, last: VecDeque::new(), signature }
    }

    /// End of the time of the last digest.
    #[must_use]
    pub fn end(&self) -> Timestamp {
        self.last.back().map_or(self.first.name.end, |last| last.end)
    }

    /// Number of its digests.
    #[must_use]
    pub fn len(&self) -> u64 {
        1 + self.more
    }

    /// `false`: a row has at least one digest.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Time of the digests between the first one and the last ones, and their number.
    pub(super) fn inside(&self) -> Option<(Window, u64)> {
        let count = self.more.checked_sub(self.last.len() as u64).filter(|count| *count > 0)?;
        let start = self.first.content.as_ref()?.end;
        Some((Window::new(start, self.last.front()?.start), count))
    }

    /// The last digest, if another may follow plainly on it: its end and its hash value.
    fn open_end(&self) -> Option<(Timestamp, Sha256Hash)> {
        if let Some(last) = self.last.back() {
            return Some((last.end, last.hash));
        }
        let DigestFacts { content, status, finding, name, .. } = &self.first;
        let content = content.as_ref()?;
        let plain = *status == DigestStatus::Valid
            && finding.is_none()
            && name.kind == ChainKind::Standard
            && content.end == name.end;
        plain.then_some((content.end, content.hash))
    }

    /// True if another row goes on plainly where this one ends.
    fn is_continued_by(&self, chain: &ChainId, next: &Self) -> bool {
        let follows = || {
            let (end, hash) = self.open_end()?;
            let DigestFacts { name, content, status, finding, .. } = &next.first;
            let content = content.as_ref()?;
            let previous = content.previous.as_ref()?;
            let in_bucket = |bucket: &BucketName| bucket.as_str() == previous.bucket;
            let plain = *status == DigestStatus::Valid
                && finding.is_none()
                && content.start == end
                && content.end == name.end
                && end < content.end
                && chain.bucket.as_ref().is_none_or(in_bucket)
                && previous.object == name.with_end(end).to_string()
                && previous.hash == hash
                && self.signature.as_ref().is_none_or(|own| *own == previous.signature);
            Some(plain)
        };
        follows().unwrap_or(false)
    }

    /// Joins a row to this one; gives it back where it does not go on plainly.
    ///
    /// # Errors
    /// The other row, as it was.
    fn join(&mut self, chain: &ChainId, next: Self) -> Result<(), Box<Self>> {
        if !self.is_continued_by(chain, &next) {
            return Err(Box::new(next));
        }
        let Self { first, more, last, signature } = next;
        let Some(content) = first.content else { return Ok(()) };
        let whole = more == last.len() as u64;
        if !whole {
            self.last.clear();
        } else {
            let ContentFacts { start, end, hash, .. } = content;
            self.last.push_back(PlainDigest { start, end, hash });
        }
        self.last.extend(last);
        let surplus = self.last.len().saturating_sub(MEMORY);
        self.last.drain(..surplus);
        self.more += 1 + more;
        self.signature = signature;
        Ok(())
    }
}

/// The rows of one chain, in the order of their digests' ends.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rows(Vec<Row>);

impl Rows {
    /// Adds the next digest.
    pub fn push(&mut self, chain: &ChainId, digest: DigestFacts) {
        self.push_row(chain, Row::of(digest));
    }

    fn push_row(&mut self, chain: &ChainId, row: Row) {
        let rest = match self.0.last_mut() {
            Some(last) => last.join(chain, row).err(),
            None => Some(Box::new(row)),
        };
        self.0.extend(rest.map(|row| *row));
    }

    /// Adds the rows of later time.
    pub fn append(&mut self, chain: &ChainId, later: Self) {
        later.0.into_iter().for_each(|row| self.push_row(chain, row));
    }

    /// All rows.
    pub fn iter(&self) -> impl Iterator<Item = &Row> {
        self.0.iter()
    }

    /// True if there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// End of the time of the last digest.
    #[must_use]
    pub fn end(&self) -> Option<Timestamp> {
        self.0.last().map(Row::end)
    }
}
