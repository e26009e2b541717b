//! Keys that sign documents, with their certificates.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair,
};
use der::Encode as _;
use webpki::EndEntityCert;

use super::algorithm::{Algorithm, fits};
use super::certificate::{self, CertificateInfo};
use super::revocation::RevocationLists;
use crate::crypto::{Signer as _, SigningKey, SigningKeyError, pem};

/// A private key, and the certificates that go with it: its own, then those that lead up to an
/// authority.
pub struct DocumentSigner {
    key: SignerKey,
    pub(super) chain: Vec<x509_cert::Certificate>,
}

enum SignerKey {
    Rsa(SigningKey),
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
}

impl DocumentSigner {
    /// Reads an unencrypted RSA or EC (P-256, P-384) private key and the PEM of its certificates.
    /// `key_source` and `certificate_source` name the files in errors.
    ///
    /// # Errors
    /// A key or certificate that cannot be read; a first certificate that belongs to another key.
    pub fn from_pem(
        key_source: &str,
        key: &str,
        certificate_source: &str,
        certificates: &[u8],
    ) -> Result<Self, SigningKeyError> {
        let key = match SigningKey::from_pem(key_source, key) {
            Ok(key) => SignerKey::Rsa(key),
            Err(SigningKeyError::NotRsa { file, algorithm }) if algorithm == "EC" => {
                ec(&file, key)?
            }
            Err(error) => return Err(error),
        };
        let no_certificate = || SigningKeyError::NoCertificate { file: certificate_source.into() };
        let chain = certificate::read_pem(certificates).map_err(|_| no_certificate())?;
        let signer = Self { key, chain };
        let own = signer.certificate_der().ok_or_else(no_certificate)?;
        let probe = b"trailseal: do key and certificate belong together?";
        let signature = signer.sign(probe)?;
        let der = own.as_slice().into();
        let certificate = EndEntityCert::try_from(&der).map_err(|error| {
            let reason = match error {
                webpki::Error::UnsupportedCertVersion => {
                    "it is of an older version of X.509: version 3 is accepted".to_owned()
                }
                error => format!("{error:?}"),
            };
            SigningKeyError::Certificate { file: certificate_source.into(), reason }
        })?;
        if fits(&certificate, signer.algorithm().verifying(), probe, &signature) {
            Ok(signer)
        } else {
            Err(SigningKeyError::engine(
                "signing",
                format!(
                    "the first certificate in {} does not belong to the key in {}",
                    crate::model::Printable(certificate_source),
                    crate::model::Printable(key_source)
                ),
            ))
        }
    }

    /// Signature algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self.key {
            SignerKey::Rsa(_) => Algorithm::RsaSha256,
            SignerKey::P256(_) => Algorithm::P256Sha256,
            SignerKey::P384(_) => Algorithm::P384Sha384,
        }
    }

    /// Signs a message.
    ///
    /// # Errors
    /// A failure of the cryptographic engine.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningKeyError> {
        match &self.key {
            SignerKey::Rsa(key) => key.sign(message),
            SignerKey::P256(pair) | SignerKey::P384(pair) => pair
                .sign(&SystemRandom::new(), message)
                .map(|signature| signature.as_ref().to_vec())
                .map_err(|e| SigningKeyError::engine("signing", e)),
        }
    }

    /// Fields of its certificate.
    #[must_use]
    pub fn certificate(&self) -> Option<CertificateInfo> {
        self.chain.first().map(CertificateInfo::of)
    }

    /// Reasons for which a reader will not trust a signature made now, whoever issued the certificate:
    /// its use, its validity, and its revocation by one of these lists.
    #[must_use]
    pub fn doubts(&self, lists: &RevocationLists, now: jiff::Timestamp) -> Vec<String> {
        let Some((certificate, info)) = self.chain.first().zip(self.certificate()) else {
            return Vec::new();
        };
        let mut doubts = Vec::new();
        if !certificate::signs_documents(certificate) {
            doubts.push("it is for other uses than signing documents (extended key usage)".into());
        }
        if now < info.valid_from || info.valid_to < now {
            doubts.push(format!("it is valid {} to {}", info.valid_from, info.valid_to));
        }
        if let Some(at) = lists.revoked(certificate, self.chain.iter()) {
            doubts.push(format!("it was revoked at {at}"));
        }
        doubts
    }

    /// Addresses of the revocation lists that its certificate names.
    #[must_use]
    pub fn list_addresses(&self) -> Vec<String> {
        self.chain.first().map(certificate::list_addresses).unwrap_or_default()
    }

    /// Its certificates as PEM, its own first.
    #[must_use]
    pub fn chain_pem(&self) -> String {
        certificate::write_pem(&self.chain)
    }

    pub(super) fn certificate_der(&self) -> Option<Vec<u8>> {
        self.chain.first().and_then(|certificate| certificate.to_der().ok())
    }
}

impl fmt::Debug for DocumentSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DocumentSigner")
            .field("algorithm", &self.algorithm())
            .finish_non_exhaustive()
    }
}

/// Reads the private key of a curve that is accepted.
fn ec(file: &str, text: &str) -> Result<SignerKey, SigningKeyError> {
    let not_pem = |reason: String| SigningKeyError::NotPem { file: file.to_owned(), reason };
    let blocks = pem::blocks(text).map_err(|e| not_pem(e.to_string()))?;
    let block = blocks.iter().find(|block| block.label.ends_with("PRIVATE KEY"));
    let bytes = block
        .and_then(|block| block.der.as_deref())
        .ok_or_else(|| not_pem("its content is not base64".into()))?;
    EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_ASN1_SIGNING, bytes)
        .map(SignerKey::P256)
        .or_else(|_| {
            EcdsaKeyPair::from_private_key_der(&ECDSA_P384_SHA384_ASN1_SIGNING, bytes)
                .map(SignerKey::P384)
        })
        .map_err(|_| SigningKeyError::Damaged {
            file: file.to_owned(),
            reason: "it is neither on P-256 nor on P-384".into(),
        })
}
