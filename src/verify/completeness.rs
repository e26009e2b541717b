//! The log files that digests list.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::model::Sha256Hash;

/// A log file's bucket and key in 16 bytes, cut from a cryptographic hash: nobody can make one name
/// pass for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ListedName(#[serde(with = "hex::serde")] [u8; 16]);

impl ListedName {
    /// The name of a log file.
    #[must_use]
    pub fn of(bucket: &str, key: &str) -> Self {
        Self(cut(bucket, key))
    }
}

/// The log files that digests list: 24 bytes for each, however long their names. The names are
/// hostile, so what stands for them is cut from a cryptographic hash: nobody can make one name
/// pass for another.
#[derive(Debug, Default)]
pub struct Listed {
    /// Names added last: a table, which is fast.
    recent: HashMap<[u8; 16], [u8; 8]>,
    /// All others, in order: a table of very many takes up to thrice as much while it grows.
    sorted: Vec<([u8; 16], [u8; 8])>,
}

impl Listed {
    /// Most names in the table.
    const RECENT: usize = 1 << 16;
    /// Bytes that a name takes in the table, which may be half empty.
    const PER_RECENT: u64 = 50;

    /// Adds a log file with the hash value that it is listed with; `false` when it was listed
    /// with the same one already (standard and backfill digests may both list a file).
    pub fn insert(&mut self, bucket: &str, key: &str, hash: Sha256Hash) -> bool {
        let hash = hash.0.first_chunk().copied().unwrap_or_default();
        self.insert_cut(cut(bucket, key), hash)
    }

    fn insert_cut(&mut self, name: [u8; 16], hash: [u8; 8]) -> bool {
        let at = self.find(&name);
        if let Some((_, known)) = at.and_then(|at| self.sorted.get_mut(at)) {
            return std::mem::replace(known, hash) != hash;
        }
        let new = self.recent.insert(name, hash) != Some(hash);
        if self.recent.len() >= Self::RECENT {
            self.merge();
        }
        new
    }

    /// Adds all of another list.
    pub fn absorb(&mut self, other: Self) {
        for (name, hash) in other.sorted.into_iter().chain(other.recent) {
            self.insert_cut(name, hash);
        }
    }

    /// True if a log file is listed.
    #[must_use]
    pub fn contains(&self, bucket: &str, key: &str) -> bool {
        let name = cut(bucket, key);
        self.recent.contains_key(&name) || self.find(&name).is_some()
    }

    /// Bytes that it takes once so many names were added.
    #[must_use]
    pub fn bytes_with(&self, more: u64) -> u64 {
        let each = size_of::<([u8; 16], [u8; 8])>() as u64;
        let recent = (self.recent.len() as u64).saturating_add(more).min(Self::RECENT as u64);
        let sorted = (self.sorted.capacity() as u64).saturating_add(more);
        if more == 0 && self.sorted.is_empty() {
            return recent * Self::PER_RECENT;
        }
        (recent * Self::PER_RECENT).saturating_add(sorted.saturating_mul(each))
    }

    fn find(&self, name: &[u8; 16]) -> Option<usize> {
        self.sorted.binary_search_by(|(known, _)| known.cmp(name)).ok()
    }

    /// Moves the table into the order, without a second copy of it.
    fn merge(&mut self) {
        let mut new: Vec<_> = self.recent.drain().collect();
        new.sort_unstable();
        self.sorted.reserve_exact(new.len());
        self.sorted.extend_from_slice(&new);
        // Runs in order are what a stable sort merges; its buffer is as long as the shorter one.
        self.sorted.sort_by_key(|(name, _)| *name);
    }
}

fn cut(bucket: &str, key: &str) -> [u8; 16] {
    let Sha256Hash(hash) = Sha256Hash::of(format!("{bucket}/{key}").as_bytes());
    hash.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_names_are_told_apart_by_bucket_too() {
        let mut listed = Listed::default();
        let hash = Sha256Hash::of;
        assert!(listed.insert("a", "k", hash(b"1")));
        assert!(!listed.insert("a", "k", hash(b"1")));
        assert!(listed.insert("a", "k", hash(b"2")), "another hash value is another claim");
        assert!(listed.contains("a", "k") && !listed.contains("b", "k"));
    }

    #[test]
    fn very_many_names_are_listed_as_few_are() {
        let (first, second) = (Sha256Hash::of(b"1"), Sha256Hash::of(b"2"));
        let mut listed = Listed::default();
        let names: Vec<_> = (0..200_000).map(|n| n.to_string()).collect();
        assert!(names.iter().all(|name| listed.insert("", name, first)));
        assert!(names.iter().all(|name| listed.contains("", name)));
        assert!(!names.iter().any(|name| listed.contains("b", name)));
        assert!(!names.iter().any(|name| listed.insert("", name, first)));
        assert!(names.iter().all(|name| listed.insert("", name, second)));
        assert!(!names.iter().any(|name| listed.insert("", name, second)));
        assert!(listed.bytes_with(0) < 10 << 20);
        let mut other = Listed::default();
        other.insert("", "one more", first);
        listed.absorb(other);
        assert!(listed.contains("", "one more") && listed.contains("", "7"));
    }
}
