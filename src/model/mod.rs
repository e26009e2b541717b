//! The values of the format: names, times, hash values and the digest itself.
//!
//! Nothing here reads, writes or trusts anything: text and bytes go in, values come out, and the
//! same value renders the text and bytes it was read from.

pub mod area;
pub mod chain_id;
pub mod digest;
pub mod encoding;
pub mod file_name;
pub mod hash;
pub mod ids;
pub(crate) mod json;
pub mod key_name;
pub mod metadata;
mod serialized;
pub mod text;
pub mod time;

pub use area::AreaId;
pub use chain_id::ChainId;
pub use digest::{Digest, DigestError, DigestHead, LogEntry, Previous};
pub use hash::Sha256Hash;
pub use ids::{AccountId, BucketName, Fingerprint, IdError, OrganizationId, Region, TrailName};
pub use key_name::{ChainKind, DigestKey, LogKey, LogKind, ObjectName, Place};
pub use metadata::Metadata;
pub use text::Printable;
pub use time::{TimeError, Window};
