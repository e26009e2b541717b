//! Profile of a store: its knowledge of objects, and its limits. Every kind of store states all of it;
//! nothing is assumed.

/// Knowledge of a store on its objects, and its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// Meaning of the absence of an object.
    pub absence: AbsenceMeaning,
    /// Meaning of the times of objects.
    pub times: ObjectTimes,
    /// Preservation of an object's metadata, such as the signature of a digest.
    pub metadata: KeptMetadata,
    /// Permission to put new objects.
    pub writes: Writes,
    /// Number of requests at once that suits it.
    pub requests: Requests,
}

impl Profile {
    /// True for the bucket that CloudTrail delivers to, or a bag of what was read there; false for a
    /// copy, which may lack what was never copied.
    #[must_use]
    pub fn is_bucket(&self) -> bool {
        self.absence == AbsenceMeaning::Certain
    }

    /// True if the times of objects are those of their delivery.
    #[must_use]
    pub fn knows_delivery(&self) -> bool {
        self.times == ObjectTimes::Delivery
    }
}

/// Meaning of the absence of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AbsenceMeaning {
    /// An absent object is gone.
    Certain,
    /// An absent object is gone only if it lies between days that are there: else it may never have
    /// been copied.
    WithinReach,
}

/// Meaning of the times of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectTimes {
    /// Time at which CloudTrail delivered the object.
    Delivery,
    /// Time at which somebody copied it, or no time at all.
    Copying,
}

/// Preservation of an object's metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptMetadata {
    /// Kept as it was written: a digest without a signature was never signed.
    Always,
    /// Lost by some tools that copy.
    Sometimes,
}

/// Permission to put new objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    /// Allowed where none is, whole or not at all.
    IfAbsent,
    /// Refused.
    Refused,
}

/// Number of requests at once that suits a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Requests {
    /// One per processor: nothing is waited for.
    PerProcessor,
    /// Enough to hide the latency of a network.
    AtOnce {
        /// Number where objects are verified.
        verifying: usize,
        /// Number where objects are copied to a directory.
        copying: usize,
    },
}

impl Requests {
    /// Number where objects are verified; `None` for one per processor.
    #[must_use]
    pub fn verifying(self) -> Option<usize> {
        match self {
            Self::PerProcessor => None,
            Self::AtOnce { verifying, .. } => Some(verifying),
        }
    }

    /// Number where objects are copied to a directory; `None` for one per processor.
    #[must_use]
    pub fn copying(self) -> Option<usize> {
        match self {
            Self::PerProcessor => None,
            Self::AtOnce { copying, .. } => Some(copying),
        }
    }
}
