//! Making digests: which are due, what stands in them, and what is signed.
//!
//! Pure: bytes to sign come out, signatures go in. What is made here is read by the same types
//! that [`crate::verify`] reads with.

pub mod builder;
pub mod events;
pub mod expected;
pub mod slots;

pub use builder::{Draft, Head, SealedObject};
pub use events::EventTimes;
pub use expected::{ExpectedHead, FoundDigest, UnexpectedHead};
