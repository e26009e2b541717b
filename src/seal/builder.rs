//! One digest, from what it is to state to the bytes and metadata that are stored.

use std::io::Write;

use flate2::{Compression, GzBuilder};
use jiff::Timestamp;

use crate::crypto::{Signer, SigningKeyError};
use crate::model::digest::SIGNATURE_ALGORITHM;
use crate::model::metadata::{BACKFILL_GENERATION, SIGNATURE, SIGNATURE_ALGORITHM as ALGORITHM};
use crate::model::{
    BucketName, ChainKind, Digest, DigestHead, DigestKey, LogEntry, Metadata, Previous, Sha256Hash,
    Window,
};

/// The system that CloudTrail's gzip headers name.
const UNIX: u8 = 3;

/// The newest digest of a chain: what the next one links to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its time.
    pub window: Window,
    /// Link to it, for the next digest.
    pub previous: Previous,
}

/// Content of a digest to be written.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Its place in the bucket; names its end too.
    pub name: DigestKey,
    /// The bucket.
    pub bucket: BucketName,
    /// The first moment that it covers.
    pub start: Timestamp,
    /// The digest before it; `None` starts a chain.
    pub previous: Option<Previous>,
    /// The log files that it vouches for.
    pub log_files: Vec<LogEntry>,
    /// Time at which it is made; a backfill digest says so.
    pub made: Timestamp,
}

/// A digest ready to be stored.
#[derive(Debug, Clone)]
pub struct SealedObject {
    /// Its key.
    pub key: String,
    /// Its bytes as stored: one gzip member, the same for the same digest.
    pub body: Vec<u8>,
    /// Its metadata, the signature among it.
    pub metadata: Metadata,
    /// Link for the next digest.
    pub head: Head,
}

impl Draft {
    /// Renders and signs the digest.
    ///
    /// # Errors
    /// When the signer does not sign.
    pub fn seal(self, signer: &dyn Signer) -> Result<SealedObject, SigningKeyError> {
        let newest = self.log_files.iter().filter_map(|log| log.newest).max();
        let oldest = self.log_files.iter().filter_map(|log| log.oldest).min();
        let key = self.name.to_string();
        let head = DigestHead {
            account: self.name.place.account.clone(),
            start: self.start,
            end: self.name.end,
            bucket: self.bucket.to_string(),
            object: key.clone(),
            fingerprint: signer.fingerprint().clone(),
            newest,
            oldest,
            previous: self.previous,
        };
        let digest = Digest { head, log_files: self.log_files };
        let bytes = digest.render();
        let hash = Sha256Hash::of(&bytes);
        let signature = sign(signer, &digest, hash)?;
        let mut metadata = metadata(&signature);
        if self.name.kind == ChainKind::Backfill {
            metadata = metadata.with(BACKFILL_GENERATION, self.made.to_string());
        }
        let DigestHead { bucket, object, start, end, .. } = digest.head;
        let previous = Previous { bucket, object, hash, signature };
        let head = Head { window: Window::new(start, end), previous };
        Ok(SealedObject { key, body: gzip(&bytes), metadata, head })
    }
}

/// The signature over a digest, as the metadata and the next digest spell it.
///
/// # Errors
/// When the signer does not sign.
pub fn sign(
    signer: &dyn Signer,
    digest: &DigestHead,
    hash: Sha256Hash,
) -> Result<String, SigningKeyError> {
    Ok(hex::encode(signer.sign(digest.signing_string(hash).as_bytes())?))
}

/// The metadata that a signature is stored in.
#[must_use]
pub fn metadata(signature: &str) -> Metadata {
    Metadata::default().with(SIGNATURE, signature).with(ALGORITHM, SIGNATURE_ALGORITHM)
}

/// One gzip member with the header that CloudTrail writes. No name and no time in it: the same
/// content is the same bytes.
#[must_use]
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let builder = GzBuilder::new().operating_system(UNIX);
    let mut encoder = builder.write(Vec::new(), Compression::best());
    // Writing to memory does not fail.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}
