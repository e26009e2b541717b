//! The head that a chain is expected to have.
//!
//! Nothing in a chain shows that its newest digest was deleted: a run that goes on from the one
//! before it would sign whatever log files lie there now. So a run can be told which digest an
//! earlier one ended with. That digest must be there, unaltered; digests after it must lead back to
//! it by their links, each signed by the same signer.

use std::fmt;

use crate::model::{ChainKind, Previous, Printable, Sha256Hash};

/// A digest that a chain must hold: named by its key, the hash value of its content, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedHead {
    key: Option<String>,
    hash: Option<Sha256Hash>,
}

/// A digest as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundDigest {
    /// Standard or backfill.
    pub kind: ChainKind,
    /// Its bucket and key, hash value and signature, as the next digest must state them.
    pub link: Previous,
    /// The digest that it states to come before it.
    pub previous: Option<Previous>,
    /// True if its signature is the run's own signer's.
    pub is_ours: bool,
}

/// Difference of a chain from the one that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnexpectedHead {
    /// The chain does not hold that digest.
    #[error(
        "the chain does not hold the expected digest {expected}; its newest digest is {newest}"
    )]
    Gone {
        /// Head that was expected.
        expected: String,
        /// The key of the newest digest that is there.
        newest: String,
    },
    /// It lies there with other content.
    #[error("{}: its content has the SHA-256 hash value {actual}, but {expected} was expected", Printable(.key))]
    Altered {
        /// The digest.
        key: String,
        /// The expected hash value.
        expected: Sha256Hash,
        /// The hash value that it has.
        actual: Sha256Hash,
    },
    /// A digest after it does not link to the one before.
    #[error("{}: this digest comes after the expected digest {expected}, but is not linked to the digest before it", Printable(.key))]
    Unlinked {
        /// The digest that does not link.
        key: String,
        /// Head that was expected.
        expected: String,
    },
    /// A digest after it was signed by somebody else, so nothing shows that it belongs there.
    #[error("{}: this digest comes after the expected digest {expected}, but is signed with another key", Printable(.key))]
    OfAnotherKey {
        /// The digest.
        key: String,
        /// Head that was expected.
        expected: String,
    },
}

impl UnexpectedHead {
    /// True if it proves that the chain was altered; else it only leaves that open.
    #[must_use]
    pub const fn is_violation(&self) -> bool {
        !matches!(self, Self::OfAnotherKey { .. })
    }
}

impl fmt::Display for ExpectedHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.key, self.hash) {
            (Some(key), _) => write!(f, "{}", Printable(key)),
            (None, Some(hash)) => write!(f, "sha256:{hash}"),
            (None, None) => f.write_str("none"),
        }
    }
}

impl ExpectedHead {
    /// A digest of this key and content.
    #[must_use]
    pub const fn new(key: String, hash: Sha256Hash) -> Self {
        Self { key: Some(key), hash: Some(hash) }
    }

    /// Reads the key of a digest, the hash value of its content (64 hexadecimal digits, with or
    /// without `sha256:`), or both with white space between them.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut expected = Self { key: None, hash: None };
        for word in text.split_whitespace() {
            let hash = word.strip_prefix("sha256:").unwrap_or(word).to_ascii_lowercase();
            match Sha256Hash::parse(&hash) {
                Some(hash) if expected.hash.is_none() => expected.hash = Some(hash),
                None if expected.key.is_none() && word.ends_with(".json.gz") => {
                    expected.key = Some(word.to_owned());
                }
                _ => return Err(format!("{}: {USE}", Printable(text))),
            }
        }
        match expected {
            Self { key: None, hash: None } => Err(USE.to_owned()),
            expected => Ok(expected),
        }
    }

    /// True if it names the digest of a key.
    #[must_use]
    pub fn names(&self, key: &str) -> bool {
        self.key.as_deref() == Some(key)
    }

    /// True if only its hash value is known.
    #[must_use]
    pub const fn has_no_key(&self) -> bool {
        self.key.is_none()
    }

    fn is(&self, digest: &FoundDigest) -> bool {
        match (&self.key, self.hash) {
            (Some(key), _) => *key == digest.link.object,
            (None, hash) => hash == Some(digest.link.hash),
        }
    }

    /// Checks that digests, in the order of their time, hold it and lead back to it.
    ///
    /// # Errors
    /// When they do not.
    pub fn check(&self, digests: &[FoundDigest]) -> Result<(), UnexpectedHead> {
        let expected = self.to_string();
        let Some(at) = digests.iter().rposition(|digest| self.is(digest)) else {
            let newest = digests.last().map_or("none", |digest| &digest.link.object).to_owned();
            return Err(UnexpectedHead::Gone { expected, newest });
        };
        let (_, from) = digests.split_at(at);
        let Some((found, after)) = from.split_first() else { return Ok(()) };
        if let Some(hash) = self.hash.filter(|hash| *hash != found.link.hash) {
            let (key, actual) = (found.link.object.clone(), found.link.hash);
            return Err(UnexpectedHead::Altered { key, expected: hash, actual });
        }
        let mut before = found;
        for digest in after.iter().filter(|digest| digest.kind == found.kind) {
            let (key, expected) = (digest.link.object.clone(), expected.clone());
            if !digest.is_ours {
                return Err(UnexpectedHead::OfAnotherKey { key, expected });
            }
            if !digest.previous.as_ref().is_some_and(|previous| links(previous, &before.link)) {
                return Err(UnexpectedHead::Unlinked { key, expected });
            }
            before = digest;
        }
        Ok(())
    }
}

/// True if a link is to a digest. One that lost its signature has none to compare.
fn links(previous: &Previous, to: &Previous) -> bool {
    (&previous.bucket, &previous.object, previous.hash) == (&to.bucket, &to.object, to.hash)
        && (to.signature.is_empty() || previous.signature == to.signature)
}

const USE: &str = "use the key of a digest (ending in .json.gz), or the SHA-256 hash value of its content (64 hexadecimal digits)";

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: u8, previous: Option<&FoundDigest>) -> FoundDigest {
        let link = Previous {
            bucket: "b".into(),
            object: format!("{number}.json.gz"),
            hash: Sha256Hash::of(&[number]),
            signature: format!("{number:02x}"),
        };
        let previous = previous.map(|digest| digest.link.clone());
        FoundDigest { kind: ChainKind::Standard, link, previous, is_ours: true }
    }

    #[test]
    fn a_chain_must_hold_its_expected_head_and_lead_back_to_it() {
        let first = digest(1, None);
        let second = digest(2, Some(&first));
        let third = digest(3, Some(&second));
        let all = [first.clone(), second.clone(), third.clone()];
        for expected in ["3.json.gz", "2.json.gz", "1.json.gz"] {
            assert_eq!(ExpectedHead::parse(expected).unwrap().check(&all), Ok(()), "{expected}");
        }
        let by_hash = ExpectedHead::parse(&format!("sha256:{}", third.link.hash)).unwrap();
        assert_eq!(by_hash.check(&all), Ok(()));
        let gone = by_hash.check(&all[..2]).unwrap_err();
        assert!(matches!(gone, UnexpectedHead::Gone { .. }) && gone.is_violation(), "{gone}");
        assert!(matches!(by_hash.check(&[]), Err(UnexpectedHead::Gone { .. })));
        let both = ExpectedHead::new("2.json.gz".into(), Sha256Hash::of(b"other"));
        assert!(matches!(both.check(&all), Err(UnexpectedHead::Altered { .. })));
        let second_head = ExpectedHead::parse("2.json.gz").unwrap();
        let fork = [first.clone(), second.clone(), digest(3, Some(&first))];
        assert!(matches!(second_head.check(&fork), Err(UnexpectedHead::Unlinked { .. })));
        let foreign = [first, second, FoundDigest { is_ours: false, ..third }];
        let open = second_head.check(&foreign).unwrap_err();
        assert!(matches!(open, UnexpectedHead::OfAnotherKey { .. }) && !open.is_violation());
    }

    #[test]
    fn only_keys_and_hash_values_are_read() {
        for bad in ["", "x", "abc.gz", "sha256:00", "a.json.gz b.json.gz"] {
            assert!(ExpectedHead::parse(bad).is_err(), "{bad}");
        }
        let hash = Sha256Hash::of(b"").to_string().to_uppercase();
        let both = ExpectedHead::parse(&format!("a.json.gz sha256:{hash}")).unwrap();
        assert_eq!(both, ExpectedHead::new("a.json.gz".into(), Sha256Hash::of(b"")));
    }
}
