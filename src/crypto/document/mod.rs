//! Signatures of documents: what seals an evidence bag.
//!
//! A signer is a private key with its X.509 certificate. It signs a document as detached CMS
//! (RFC 5652), which `openssl cms -verify` checks, and a statement in a DSSE envelope; a
//! time-stamp (RFC 3161) says when a document was there at the latest. Whether a certificate
//! belongs to whom it names is known only by a chain to an authority that the reader trusts.
//!
//! Everything that is read here is hostile. DER is read strictly, by types, and bounded by
//! [`SEAL_LIMIT`].

mod algorithm;
pub mod certificate;
pub mod cms;
pub mod dsse;
mod error;
mod ess;
pub mod revocation;
mod signed_data;
mod signer;
pub mod timestamp;

pub use algorithm::Algorithm;
pub use certificate::{Authorities, CertificateInfo, Purpose};
pub use error::{DocumentError, SEAL_LIMIT};
pub use signer::DocumentSigner;
