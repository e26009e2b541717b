//! Public keys, whether a signature is theirs, and a ring of keys to choose from by fingerprint.

use std::collections::{HashMap, HashSet};
use std::fmt;

#[cfg(feature = "seal")]
use aws_lc_rs::digest;
#[cfg(feature = "seal")]
use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use md5::{Digest as _, Md5};
use rsa::pkcs1::DecodeRsaPublicKey as _;
use rsa::pkcs8::{EncodePublicKey as _, LineEnding};

use crate::model::{Fingerprint, Region, Sha256Hash};

use super::der::PublicDer;
use super::key_form::{KeyForm, Validity};
use super::refusal::Refusal;

/// The fingerprint of these DER bytes: their MD5, as the format has it.
pub(super) fn fingerprint_of(der: &[u8]) -> Fingerprint {
    #[expect(clippy::expect_used, reason = "16 bytes in lower-case hex are what the type asks for")]
    Fingerprint::parse(&hex::encode(Md5::digest(der))).expect("MD5 in hex is a fingerprint")
}

/// An RSA public key that every engine of the build has loaded.
#[derive(Clone)]
pub struct PublicKey {
    fingerprint: Fingerprint,
    /// Others that digests may name the key by.
    others: Vec<Fingerprint>,
    region: Option<Region>,
    bits: u32,
    validity: Option<Validity>,
    form: KeyForm,
    source: String,
    pkcs1: Vec<u8>,
    #[cfg(feature = "seal")]
    aws_lc: ParsedPublicKey,
    rsa: rsa::PublicKey,
}

impl PublicKey {
    /// A key from a PEM or DER file: named by the fingerprint of its PKCS#1 bytes, as CloudTrail
    /// and the sealer do, and found by that of its `SubjectPublicKeyInfo` too, because it is not
    /// known over which of the two a signer took the fingerprint.
    pub(super) fn from_file(der: PublicDer, given: &[u8], source: &str) -> Result<Self, Refusal> {
        let mut key = Self::load(der, source)?;
        let spki = key.rsa.to_public_key_der().map_err(|e| Refusal::Unusable(e.to_string()))?;
        key.others.push(fingerprint_of(spki.as_bytes()));
        // The algorithm's parameters may be null or absent, so the bytes given may differ.
        let given = fingerprint_of(given);
        if key.form == KeyForm::Spki && !key.others.contains(&given) {
            key.others.push(given);
        }
        Ok(key)
    }

    /// A key of a list-public-keys entry: its only fingerprint is that of the entry.
    pub(super) fn from_list(
        der: PublicDer,
        fingerprint: Fingerprint,
        region: Option<&Region>,
        validity: Validity,
        source: &str,
    ) -> Result<Self, Refusal> {
        let key = Self::load(der, source)?;
        Ok(Self {
            fingerprint,
            region: region.cloned(),
            validity: Some(validity),
            form: KeyForm::ListPublicKeys,
            ..key
        })
    }

    /// Loads the key into both engines: one that only one of them takes would leave a signature
    /// without its second opinion.
    fn load(der: PublicDer, source: &str) -> Result<Self, Refusal> {
        let unusable = |error: &dyn fmt::Display| Refusal::Unusable(error.to_string());
        #[cfg(feature = "seal")]
        let aws_lc = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &der.pkcs1)
            .map_err(|error| unusable(&error))?;
        let rsa = rsa::PublicKey::from_pkcs1_der(&der.pkcs1).map_err(|error| unusable(&error))?;
        Ok(Self {
            fingerprint: fingerprint_of(&der.pkcs1),
            others: Vec::new(),
            region: None,
            bits: der.bits,
            validity: der.validity,
            form: der.form,
            source: source.to_owned(),
            pkcs1: der.pkcs1,
            #[cfg(feature = "seal")]
            aws_lc,
            rsa,
        })
    }

    /// The fingerprint that names it.
    #[must_use]
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }

    /// The DER bytes that its main fingerprint is of: those of PKCS#1 or, for a list entry that
    /// holds it in that form, its `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn named_der(&self) -> Vec<u8> {
        let other = || self.spki_der().filter(|der| fingerprint_of(der) == self.fingerprint);
        match fingerprint_of(&self.pkcs1) == self.fingerprint {
            true => self.pkcs1.clone(),
            false => other().unwrap_or_else(|| self.pkcs1.clone()),
        }
    }

    /// Every fingerprint that it is found by, the main one first.
    pub fn fingerprints(&self) -> impl Iterator<Item = &Fingerprint> {
        std::iter::once(&self.fingerprint).chain(&self.others)
    }

    /// The region whose digests it signs; `None` where its file does not say.
    #[must_use]
    pub fn region(&self) -> Option<&Region> {
        self.region.as_ref()
    }

    /// The size of its modulus.
    #[must_use]
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// Time in which it may sign; `None` where its file does not say.
    #[must_use]
    pub fn validity(&self) -> Option<Validity> {
        self.validity
    }

    /// The form that it was read from.
    #[must_use]
    pub fn form(&self) -> KeyForm {
        self.form
    }

    /// Origin: the file's name as the caller gave it.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Its PKCS#1 `RSAPublicKey` in DER.
    #[must_use]
    pub fn pkcs1_der(&self) -> &[u8] {
        &self.pkcs1
    }

    /// Its `SubjectPublicKeyInfo` in DER; `None` where the engine cannot encode it.
    #[must_use]
    pub fn spki_der(&self) -> Option<Vec<u8>> {
        Some(self.rsa.to_public_key_der().ok()?.into_vec())
    }

    /// Its `SubjectPublicKeyInfo` as PEM, which OpenSSL reads; `None` where it cannot be encoded.
    #[must_use]
    pub fn spki_pem(&self) -> Option<String> {
        self.rsa.to_public_key_pem(LineEnding::LF).ok()
    }

    /// True if the bytes are this key's signature (RSA PKCS#1 v1.5 with SHA-256) of the string.
    #[must_use]
    pub fn verify(&self, signing_string: &str, signature: &[u8]) -> bool {
        self.verify_hash(Sha256Hash::of(signing_string.as_bytes()), signature)
    }

    /// True if the bytes are this key's signature of the string with that hash value. The one
    /// rule for all signatures: what aws-lc-rs refuses, `rsa` is asked about before it is called
    /// false.
    #[must_use]
    pub fn verify_hash(&self, hash: Sha256Hash, signature: &[u8]) -> bool {
        self.verify_aws_lc(hash, signature) || self.verify_rsa(hash, signature)
    }

    /// The verdict of aws-lc-rs alone.
    #[cfg(feature = "seal")]
    #[must_use]
    pub fn verify_aws_lc(&self, hash: Sha256Hash, signature: &[u8]) -> bool {
        digest::Digest::import_less_safe(&hash.0, &digest::SHA256)
            .and_then(|hash| self.aws_lc.verify_digest_sig(&hash, signature))
            .is_ok()
    }

    /// A build without aws-lc-rs leaves every signature to `rsa`.
    #[cfg(not(feature = "seal"))]
    fn verify_aws_lc(&self, _: Sha256Hash, _: &[u8]) -> bool {
        false
    }

    /// The verdict of `rsa` alone.
    #[must_use]
    pub fn verify_rsa(&self, hash: Sha256Hash, signature: &[u8]) -> bool {
        self.rsa.pkcs1v15_verify_prehash::<sha2::Sha256>(&hash.0, signature).is_ok()
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey")
            .field("fingerprint", &self.fingerprint)
            .field("region", &self.region)
            .field("bits", &self.bits)
            .field("validity", &self.validity)
            .field("form", &self.form)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

/// Properties by which two keys are exact duplicates.
type Identity = (Vec<u8>, Option<Region>, Option<Validity>, Vec<Fingerprint>);

/// Keys to choose from.
#[derive(Debug, Clone, Default)]
pub struct KeyRing {
    keys: Vec<PublicKey>,
    by_fingerprint: HashMap<Fingerprint, Vec<usize>>,
    seen: HashSet<Identity>,
}

impl KeyRing {
    /// A ring without keys.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds keys. An exact duplicate of one that is there (same key, region, validity and
    /// fingerprints) is left out: the one that came first, with its source, stays.
    pub fn add(&mut self, keys: Vec<PublicKey>) {
        for key in keys {
            let fingerprints = key.fingerprints().cloned().collect();
            let identity = (key.pkcs1.clone(), key.region.clone(), key.validity, fingerprints);
            if !self.seen.insert(identity) {
                continue;
            }
            for fingerprint in key.fingerprints() {
                self.by_fingerprint.entry(fingerprint.clone()).or_default().push(self.keys.len());
            }
            self.keys.push(key);
        }
    }

    /// The keys of that fingerprint for digests of that region, in the order they were added.
    ///
    /// A key that has a region is for digests of that region only; one without is for all. There
    /// may be several, since MD5 collides at will: a caller tries them all.
    pub fn find(
        &self,
        fingerprint: &Fingerprint,
        region: &Region,
    ) -> impl Iterator<Item = &PublicKey> {
        let places = self.by_fingerprint.get(fingerprint).map_or(&[][..], Vec::as_slice);
        places
            .iter()
            .filter_map(|place| self.keys.get(*place))
            .filter(move |key| key.region.as_ref().is_none_or(|own| own == region))
    }

    /// Every key, in the order they were added.
    #[must_use]
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// True if there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}
