//! The log files that digests list.

use std::collections::HashMap;

use crate::model::Sha256Hash;

/// The log files that digests list: 24 bytes for each, however long their names. The names are
/// hostile, so what stands for them is cut from a cryptographic hash: nobody can make one name
/// pass for another.
#[derive(Debug, Default)]
pub struct Listed(HashMap<[u8; 16], [u8; 8]>);

impl Listed {
    /// Adds a log file with the hash value that it is listed with; `false` when it was listed
    /// with the same one already (standard and backfill digests may both list a file).
    pub fn insert(&mut self, bucket: &str, key: &str, hash: Sha256Hash) -> bool {
        let hash = hash.0.first_chunk().copied().unwrap_or_default();
        self.0.insert(cut(bucket, key), hash) != Some(hash)
    }

    /// Whether a log file is listed.
    #[must_use]
    pub fn contains(&self, bucket: &str, key: &str) -> bool {
        self.0.contains_key(&cut(bucket, key))
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
}
