//! Signing keys: RSA with aws-lc-rs, and what goes with them: public halves and certificates.
//!
//! The private key lives in aws-lc's memory. It leaves through [`SigningKey::to_pkcs8_pem`] only,
//! and no error or `Debug` text holds any of it.

use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use rsa::pkcs1::RsaPrivateKey as Pkcs1Private;
use rsa::pkcs8::PrivateKeyInfoRef;
use rsa::pkcs8::der::Decode as _;
use rsa::pkcs8::der::asn1::UintRef;
use rsa::pkcs8::der::pem::{LineEnding, encode_string};

use crate::model::time::civil;
use crate::model::{Fingerprint, Printable};

use super::key_ring::fingerprint_of;
use super::self_signed::{self, Subject};
use super::{KeyFileError, KeyForm, MAX_BITS, MIN_BITS, PublicKey, Validity};
use super::{der, parse_key_file, pem};

/// Error in reading or using a signing key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SigningKeyError {
    /// No PEM, or damaged PEM.
    #[error("{}: not the PEM of a private key: {reason}", Printable(.file))]
    NotPem {
        /// The file, as the caller named it.
        file: String,
        /// The fault.
        reason: String,
    },
    /// More than one PEM block.
    #[error(
        "{}: contains {count} PEM blocks: use a file with only the private key",
        Printable(.file)
    )]
    Several {
        /// The file, as the caller named it.
        file: String,
        /// Number of blocks.
        count: usize,
    },
    /// A key that needs a password.
    #[error(
        "{}: the key is encrypted: decrypt it first (openssl pkey -in FILE -out PLAIN, under a \
         umask of 077)",
        Printable(.file)
    )]
    Encrypted {
        /// The file, as the caller named it.
        file: String,
    },
    /// A public key or certificate.
    #[error(
        "{}: this is a {}, which cannot sign: use its private key",
        Printable(.file), Printable(.label)
    )]
    Public {
        /// The file, as the caller named it.
        file: String,
        /// Label of the PEM block.
        label: String,
    },
    /// A private key of another algorithm.
    #[error(
        "{}: the key is {}, not RSA: digests are signed with RSA keys only (trailseal keys \
         generate makes one)",
        Printable(.file), Printable(.algorithm)
    )]
    NotRsa {
        /// The file, as the caller named it.
        file: String,
        /// The algorithm.
        algorithm: String,
    },
    /// A PEM block of something else.
    #[error(
        "{}: a PEM block of {} is not read: PRIVATE KEY (PKCS#8) and RSA PRIVATE KEY (PKCS#1) \
         are (openssl pkey -in FILE -out PKCS8 converts)",
        Printable(.file), Printable(.label)
    )]
    Label {
        /// The file, as the caller named it.
        file: String,
        /// Label of the PEM block.
        label: String,
    },
    /// A modulus of a size that is not accepted.
    #[error("{}: the RSA key has {bits} bits: {MIN_BITS} to {MAX_BITS} are accepted", Printable(.file))]
    KeySize {
        /// The file, as the caller named it.
        file: String,
        /// Its size.
        bits: u32,
    },
    /// The key is damaged: its parts are not of one key.
    #[error("{}: the private key is damaged: {reason}", Printable(.file))]
    Damaged {
        /// The file, as the caller named it.
        file: String,
        /// The fault.
        reason: String,
    },
    /// The certificate cannot be read.
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    /// A public key where a certificate belongs.
    #[error("{}: contains no X.509 certificate", Printable(.file))]
    NoCertificate {
        /// The file, as the caller named it.
        file: String,
    },
    /// The certificate is of a form that is not accepted.
    #[error("{}: the certificate is not accepted: {reason}", Printable(.file))]
    Certificate {
        /// The file, as the caller named it.
        file: String,
        /// The fault.
        reason: String,
    },
    /// The certificate is another key's.
    #[error(
        "{}: the certificate belongs to key {actual}, but the signing key is {expected}",
        Printable(.file)
    )]
    OtherCertificate {
        /// The file, as the caller named it.
        file: String,
        /// The signing key's fingerprint.
        expected: Fingerprint,
        /// The fingerprint of the (first) certificate's key.
        actual: Fingerprint,
    },
    /// The validity of a certificate ends before it starts or lies beyond X.509's years.
    #[error("a certificate cannot be valid from {}", .0)]
    Validity(Validity),
    /// The engine failed: no randomness, or a service that would not sign.
    #[error("{action} failed: {reason}")]
    Engine {
        /// The operation.
        action: &'static str,
        /// The reason.
        reason: String,
    },
}

impl SigningKeyError {
    /// A failure of the engine or the service behind a [`Signer`].
    pub fn engine(action: &'static str, reason: impl fmt::Display) -> Self {
        Self::Engine { action, reason: reason.to_string() }
    }
}

/// Signer of digests: a key in memory, or a service that keeps the key.
pub trait Signer {
    /// The fingerprint of the public key, which digests name.
    fn fingerprint(&self) -> &Fingerprint;

    /// Signs a message with RSA PKCS#1 v1.5 and SHA-256.
    ///
    /// # Errors
    /// When the engine or the service does not sign.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningKeyError>;
}

/// An RSA private key.
pub struct SigningKey {
    pair: RsaKeyPair,
    fingerprint: Fingerprint,
}

impl SigningKey {
    /// Reads an unencrypted PKCS#8 or PKCS#1 private key. `source` names the file in errors.
    ///
    /// # Errors
    /// When it is anything else, or an RSA key of a size that is not accepted.
    pub fn from_pem(source: &str, text: &str) -> Result<Self, SigningKeyError> {
        let file = source.to_owned();
        let not_pem = |reason: &dyn fmt::Display| SigningKeyError::NotPem {
            file: file.clone(),
            reason: reason.to_string(),
        };
        let mut blocks = pem::blocks(text).map_err(|refusal| not_pem(&refusal))?;
        // openssl writes the curve before an EC key: one key of the wrong kind, not two keys.
        if blocks.len() == 2 {
            blocks.retain(|block| block.label != "EC PARAMETERS");
        }
        let block = match blocks.as_slice() {
            [] => return Err(not_pem(&"there is no -----BEGIN line")),
            [block] => block,
            several => {
                return Err(SigningKeyError::Several { file, count: several.len() });
            }
        };
        let label = block.label;
        match label {
            _ if block.encrypted => return Err(SigningKeyError::Encrypted { file }),
            "ENCRYPTED PRIVATE KEY" => return Err(SigningKeyError::Encrypted { file }),
            "PRIVATE KEY" | "RSA PRIVATE KEY" => {}
            "EC PRIVATE KEY" => {
                return Err(SigningKeyError::NotRsa { file, algorithm: "EC".into() });
            }
            "PUBLIC KEY" | "RSA PUBLIC KEY" | "CERTIFICATE" => {
                return Err(SigningKeyError::Public { file, label: label.to_lowercase() });
            }
            _ => {
                let label = super::refusal::beginning(label);
                return Err(SigningKeyError::Label { file, label });
            }
        }
        let bytes = block.der.as_deref().ok_or_else(|| not_pem(&"its content is not base64"))?;
        check_private(source, label, bytes)?;
        let pair = if label == "PRIVATE KEY" {
            RsaKeyPair::from_pkcs8(bytes)
        } else {
            RsaKeyPair::from_der(bytes)
        };
        pair.map(Self::new).map_err(|e| SigningKeyError::Damaged { file, reason: e.to_string() })
    }

    /// A new key of 2048 bits, the size of CloudTrail's own.
    ///
    /// # Errors
    /// When the system has no randomness.
    pub fn generate() -> Result<Self, SigningKeyError> {
        RsaKeyPair::generate(KeySize::Rsa2048)
            .map(Self::new)
            .map_err(|e| SigningKeyError::engine("generating an RSA key", e))
    }

    fn new(pair: RsaKeyPair) -> Self {
        let fingerprint = fingerprint_of(pair.public_key().as_ref());
        Self { pair, fingerprint }
    }

    /// The private key as PKCS#8 PEM: to be written where nobody else can read it.
    ///
    /// # Errors
    /// When the engine cannot encode it.
    pub fn to_pkcs8_pem(&self) -> Result<String, SigningKeyError> {
        let failed =
            |reason: &dyn fmt::Display| SigningKeyError::engine("encoding the key", reason);
        let der: Pkcs8V1Der<'_> = self.pair.as_der().map_err(|e| failed(&e))?;
        encode_string("PRIVATE KEY", LineEnding::LF, der.as_ref()).map_err(|e| failed(&e))
    }

    /// The public half: PKCS#1 `RSAPublicKey` in DER.
    #[must_use]
    pub fn public_key_der(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// A certificate of the public half, signed by the key itself, as PEM: subject and issuer
    /// `CN=trailseal <fingerprint>`, a random serial number, for digital signatures only. The
    /// validity is kept to the whole second.
    ///
    /// # Errors
    /// When the validity is none that a certificate can have, or the engine fails.
    pub fn self_signed_certificate_pem(
        &self,
        validity: Validity,
    ) -> Result<String, SigningKeyError> {
        // X.509 knows no negative years.
        if validity.from > validity.to || civil(validity.from).year() < 1 {
            return Err(SigningKeyError::Validity(validity));
        }
        let failed =
            |reason: &dyn fmt::Display| SigningKeyError::engine("creating the certificate", reason);
        let mut serial = [0_u8; 16];
        rand::fill(&mut serial).map_err(|e| failed(&e))?;
        let common_name = format!("trailseal {}", self.fingerprint);
        let subject = Subject { common_name: &common_name, serial: &serial, is_ca: false };
        let contents = self_signed::contents(self.public_key_der(), &subject, validity)
            .map_err(|e| failed(&e))?;
        let der = self_signed::signed(&contents, &self.sign(&contents)?).map_err(|e| failed(&e))?;
        encode_string("CERTIFICATE", LineEnding::LF, &der).map_err(|e| failed(&e))
    }

    /// Checks that a file holds a certificate of this key, and returns the key as the
    /// certificate has it.
    ///
    /// # Errors
    /// When the file cannot be read, holds no certificate, or that of another key.
    pub fn check_certificate(
        &self,
        source: &str,
        pem: &[u8],
    ) -> Result<PublicKey, SigningKeyError> {
        let mut keys = parse_key_file(source, pem)?;
        keys.retain(|key| key.form() == KeyForm::Certificate);
        let Some(first) = keys.first() else {
            return Err(SigningKeyError::NoCertificate { file: source.to_owned() });
        };
        let actual = first.fingerprint().clone();
        keys.into_iter().find(|key| key.pkcs1_der() == self.public_key_der()).ok_or_else(|| {
            SigningKeyError::OtherCertificate {
                file: source.to_owned(),
                expected: self.fingerprint.clone(),
                actual,
            }
        })
    }
}

impl Signer for SigningKey {
    fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningKeyError> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        // PKCS#1 v1.5 is deterministic; the source of randomness is there for other paddings.
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|e| SigningKeyError::engine("signing", e))?;
        Ok(signature)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

/// Checks algorithm and size by the key's own fields, so that an error can name them: the engine
/// only says that it refuses.
fn check_private(source: &str, label: &str, bytes: &[u8]) -> Result<(), SigningKeyError> {
    let file = source.to_owned();
    let damaged = |error: rsa::pkcs8::der::Error| SigningKeyError::Damaged {
        file: file.clone(),
        reason: error.kind().to_string(),
    };
    let pkcs1 = if label == "PRIVATE KEY" {
        let info = PrivateKeyInfoRef::from_der(bytes).map_err(damaged)?;
        let algorithm = der::algorithm_name(&info.algorithm.oid);
        if algorithm != "RSA" {
            return Err(SigningKeyError::NotRsa { file, algorithm });
        }
        info.private_key.as_bytes()
    } else {
        bytes
    };
    let key = Pkcs1Private::<UintRef<'_>>::from_der(pkcs1).map_err(damaged)?;
    der::modulus_bits(&key.modulus)
        .map(|_| ())
        .map_err(|bits| SigningKeyError::KeySize { file, bits })
}
