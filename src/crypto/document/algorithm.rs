//! Algorithms of signatures and hash values in seals.

use der::Any;
use der::oid::ObjectIdentifier;
use rustls::pki_types::SignatureVerificationAlgorithm;
use webpki::{EndEntityCert, aws_lc_rs as algorithms};
use x509_cert::spki::AlgorithmIdentifierOwned;

pub(super) const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const ECDSA_SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");

/// Signature algorithm of a document signer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA PKCS#1 v1.5 with SHA-256.
    RsaSha256,
    /// ECDSA on P-256 with SHA-256.
    P256Sha256,
    /// ECDSA on P-384 with SHA-384.
    P384Sha384,
}

/// Algorithms that a signature may be checked with: which of them fits, the certificate's key says.
pub(super) type Algorithms = &'static [&'static dyn SignatureVerificationAlgorithm];

pub(super) const WITH_SHA_256: Algorithms = &[
    algorithms::RSA_PKCS1_2048_8192_SHA256,
    algorithms::ECDSA_P256_SHA256,
    algorithms::ECDSA_P384_SHA256,
    algorithms::ECDSA_P521_SHA256,
];
pub(super) const WITH_SHA_384: Algorithms = &[
    algorithms::RSA_PKCS1_2048_8192_SHA384,
    algorithms::ECDSA_P256_SHA384,
    algorithms::ECDSA_P384_SHA384,
    algorithms::ECDSA_P521_SHA384,
];
pub(super) const WITH_SHA_512: Algorithms = &[
    algorithms::RSA_PKCS1_2048_8192_SHA512,
    algorithms::ECDSA_P256_SHA512,
    algorithms::ECDSA_P384_SHA512,
    algorithms::ECDSA_P521_SHA512,
];

impl Algorithm {
    pub(super) const fn verifying(self) -> Algorithms {
        match self {
            Self::RsaSha256 | Self::P256Sha256 => WITH_SHA_256,
            Self::P384Sha384 => WITH_SHA_384,
        }
    }

    pub(super) const fn hash(self) -> ObjectIdentifier {
        match self {
            Self::RsaSha256 | Self::P256Sha256 => SHA_256,
            Self::P384Sha384 => SHA_384,
        }
    }

    pub(super) fn identifier(self) -> AlgorithmIdentifierOwned {
        let (oid, parameters) = match self {
            Self::RsaSha256 => (RSA, Some(Any::null())),
            Self::P256Sha256 => (ECDSA_SHA_256, None),
            Self::P384Sha384 => (ECDSA_SHA_384, None),
        };
        AlgorithmIdentifierOwned { oid, parameters }
    }
}

/// Checks a signature against a certificate's key; `true` if one of the algorithms accepts it.
pub(super) fn fits(
    certificate: &EndEntityCert<'_>,
    by: Algorithms,
    message: &[u8],
    signature: &[u8],
) -> bool {
    by.iter().any(|algorithm| certificate.verify_signature(*algorithm, message, signature).is_ok())
}

/// The hash value of content by one of the algorithms that are accepted.
pub(super) fn hash(oid: ObjectIdentifier, content: &[u8]) -> Option<(Vec<u8>, Algorithms)> {
    use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
    let (algorithm, verifying) = match oid {
        SHA_256 => (&SHA256, WITH_SHA_256),
        SHA_384 => (&SHA384, WITH_SHA_384),
        SHA_512 => (&SHA512, WITH_SHA_512),
        _ => return None,
    };
    Some((digest(algorithm, content).as_ref().to_vec(), verifying))
}
