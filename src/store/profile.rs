//! What a store knows of its objects, and how it is best asked. Every kind of store states all of it:
//! nothing is assumed of one that does not say.

/// What a store knows of its objects, and how it is best asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Profile {
    /// Meaning of the absence of an object.
    pub absence: AbsenceMeaning,
    /// Meaning of the times of objects.
    pub times: ObjectTimes,
    /// Fate of what was written beside an object's bytes, such as the signature of a digest.
    pub metadata: KeptMetadata,
    /// Whether new objects can be put.
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
    /// What is not there is gone.
    Certain,
    /// What is not there is gone only if it lies between days that are there: it may never have been
    /// copied.
    WithinReach,
}

/// Meaning of the times of objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectTimes {
    /// When CloudTrail delivered the object.
    Delivery,
    /// When somebody copied it, or no time at all.
    Copying,
}

/// Fate of an object's metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptMetadata {
    /// Kept as they were written: a digest without a signature was never signed.
    Always,
    /// Lost by some tools that copy.
    Sometimes,
}

/// Whether new objects can be put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writes {
    /// Where none is, and whole or not at all.
    IfAbsent,
    /// Never.
    Refused,
}

/// Number of requests at once that suits a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Requests {
    /// As many as there are processors: nothing is waited for.
    PerProcessor,
    /// Enough to hide the latency of a network.
    AtOnce {
        /// Where objects are read and judged.
        verifying: usize,
        /// Where objects are read and written to a directory.
        copying: usize,
    },
}

impl Requests {
    /// Number where objects are read and judged; `None` for one per processor.
    #[must_use]
    pub fn verifying(self) -> Option<usize> {
        match self {
            Self::PerProcessor => None,
            Self::AtOnce { verifying, .. } => Some(verifying),
        }
    }

    /// Number where objects are read and written to a directory; `None` for one per processor.
    #[must_use]
    pub fn copying(self) -> Option<usize> {
        match self {
            Self::PerProcessor => None,
            Self::AtOnce { copying, .. } => Some(copying),
        }
    }
}
