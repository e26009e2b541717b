//! The chain: do the digests of one trail follow each other, and what time does that prove?
//!
//! A fold over resolved digests in order of their end times. It keeps per digest only what
//! linking needs, and asks the store (through [`Lookup`]) only about digests that are named and
//! were not listed.

mod coverage_of_request;
mod follow;
mod linker;
mod lookup;
mod loss;
mod missing;
mod places;
mod request;
mod restart;
mod row;

pub use self::linker::{ChainVerdict, Linker};
pub use self::lookup::{Lookup, Presence};
pub use self::places::{Silence, TrailPlace, close_trail};
pub use self::request::{CoverageRequest, EndOrigin, ReportedEnding, ReportedStatus};
pub use self::row::{ContentFacts, DigestFacts, PlainDigest, Row, Rows};
