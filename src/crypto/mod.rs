//! Public keys and signatures, signing keys.
//!
//! What it is for: reading the keys that digests are verified with, from every form that people
//! have them in; telling whether a signature is one; and making signatures, keys and certificates
//! for chains that trailseal seals itself.
//!
//! What it trusts: that the caller means the key files it hands over. Every key of a file may
//! vouch for digests: a certificate is a container for a key and its validity, its own signature
//! and issuer are not looked at, so a file should hold the signer's certificate and no others. A
//! fingerprint (MD5) names a key and is no reason to trust it: keys that share one are all tried.
//!
//! What it limits: key files are at most [`KEY_FILE_LIMIT`] bytes, RSA keys
//! [`MIN_BITS`] to [`MAX_BITS`] bits, DER is read strictly. Anything else is refused with the
//! reason, and a file with one bad key is refused whole: a verifier with half of its keys would
//! report the other half as unknown.
//!
//! Two engines verify: aws-lc-rs, and `rsa` as second opinion on what aws-lc-rs refuses. Without the
//! feature `seal`, `rsa` verifies alone. Private keys are used with aws-lc-rs only. Nothing here
//! reads files, the clock or the environment.

mod der;
#[cfg(feature = "seal")]
pub mod document;
mod json;
pub mod key_file;
mod key_form;
pub mod key_list;
pub mod key_ring;
mod pem;
pub mod refusal;
#[cfg(feature = "seal")]
mod self_signed;
#[cfg(feature = "seal")]
pub mod signing_key;
#[cfg(test)]
#[cfg(feature = "seal")]
mod tests;

pub use key_file::parse_key_file;
pub use key_form::{KeyForm, Validity};
pub use key_list::{public_key_list, read_key_list, render_public_keys};
pub use key_ring::{KeyRing, PublicKey};
pub use refusal::{KeyFileError, Refusal};
#[cfg(feature = "seal")]
pub use signing_key::{Signer, SigningKey, SigningKeyError};

/// The smallest RSA modulus that is accepted: smaller ones are within reach of factoring.
pub const MIN_BITS: u32 = 2048;
/// The largest RSA modulus that is accepted: the limit of both engines, and larger ones only slow
/// a verifier down.
pub const MAX_BITS: u32 = 8192;
/// The largest key file that is read: about 25,000 keys, far more than CloudTrail ever published
/// for all its regions.
pub const KEY_FILE_LIMIT: usize = 16 * 1024 * 1024;
