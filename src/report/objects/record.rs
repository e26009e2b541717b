//! Record of one object that a run checked.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::model::ChainId;
use crate::verify::Code;

/// An object that a run checked: a line of `--objects`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectRecord<'a> {
    /// Kind of the object.
    pub object: ObjectKind,
    /// Result of checking it.
    pub result: ObjectResult,
    /// The code of the finding on it; `None` when there is none.
    pub code: Option<Code>,
    /// The chain that it belongs to; `None` where that cannot be told.
    pub chain: Option<Cow<'a, ChainId>>,
    /// Its bucket.
    pub bucket: Option<Cow<'a, str>>,
    /// Its key.
    pub key: Cow<'a, str>,
    /// The digest that lists it, for a log file.
    pub referenced_by: Option<Cow<'a, str>>,
    /// Bytes as stored, as far as they were read.
    pub bytes: u64,
}

impl ObjectRecord<'_> {
    /// Copy of the record that borrows nothing.
    #[must_use]
    pub fn into_owned(self) -> ObjectRecord<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        ObjectRecord {
            object: self.object,
            result: self.result,
            code: self.code,
            chain: self.chain.map(|chain| Cow::Owned(chain.into_owned())),
            bucket: self.bucket.map(owned),
            key: owned(self.key),
            referenced_by: self.referenced_by.map(owned),
            bytes: self.bytes,
        }
    }
}

/// Kind of an object of a trail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectKind {
    /// A digest.
    Digest,
    /// A log file.
    Log,
}

impl ObjectKind {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::Log => "log",
        }
    }
}

/// Result of checking an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectResult {
    /// It is what it should be.
    Valid,
    /// It contradicts integrity.
    Invalid,
    /// It could not be checked.
    Unchecked,
}

impl ObjectResult {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Invalid => "invalid",
            Self::Unchecked => "unchecked",
        }
    }
}
