//! The chain that is there before a run goes on with it.

use jiff::Timestamp;

use super::existing::{ExistingChain, LATE_DAYS};
use super::{SealError, Sealer};
use crate::model::key_name::DIGEST_FOLDER;
use crate::model::time::{hours, sub};
use crate::model::{ChainKind, DigestKey, LogEntry, Previous, Window};
use crate::run::sources::read_digest_again;
use crate::seal::{ExpectedHead, FoundDigest, Head, builder};
use crate::store::StoreError;
use crate::verify::Finding;
use crate::verify::completeness::Listed;
use crate::verify::digest::{CheckedDigest, Location, State, StoredObject, Trouble, check_digest};

impl Sealer<'_> {
    /// Reads what there is of the chain, as far back as log files may still come late and as the
    /// expected heads reach.
    pub(super) fn read_chain(&self) -> Result<ExistingChain, SealError> {
        let names = self.digest_names()?;
        let mut chain = ExistingChain::default();
        let Some(needed) = NeededDigests::of(&names, &self.request.expected) else {
            return Ok(chain);
        };
        for name in &names {
            self.check_stop()?;
            if !needed.contain(name) {
                continue;
            }
            let examined = self.read_digest(name)?;
            let Some(content) = &examined.content else { continue };
            if needed.first.as_ref() == Some(name) {
                chain.start = Some(content.digest.start);
            }
            self.add_listed(&examined, &mut chain.listed)?;
            if !self.request.expected.is_empty() {
                chain.digests.extend(self.found_digest(name.kind, &examined)?);
            }
            if needed.is_head(name) {
                let head = self.head(&examined)?;
                match name.kind {
                    ChainKind::Standard => chain.standard = Some(head),
                    ChainKind::Backfill => chain.backfill = Some(head),
                }
            }
        }
        Ok(chain)
    }

    /// Lists the digests of the trail, by their ends.
    fn digest_names(&self) -> Result<Vec<DigestKey>, SealError> {
        let mut names = Vec::new();
        self.list(DIGEST_FOLDER, &mut |found| {
            if let Some(name) = DigestKey::parse(&found.key)
                && name.same_trail(&self.name(name.kind, name.end))
                && name.place == self.request.place
            {
                names.push(name);
            }
        })?;
        names.sort_by_key(|name| name.end);
        Ok(names)
    }

    /// Adds the log files that a digest lists.
    fn add_listed(&self, examined: &CheckedDigest, listed: &mut Listed) -> Result<(), SealError> {
        let Some(content) = &examined.content else { return Ok(()) };
        if let Some(log_files) = content.log_files.kept() {
            for log in log_files {
                listed.insert(&log.bucket, &log.object, log.hash);
            }
            return Ok(());
        }
        let each = &mut |log: LogEntry| {
            listed.insert(&log.bucket, &log.object, log.hash);
        };
        let at = &examined.at;
        read_digest_again(&self.sources, &self.rules, at, content.hash, each)
            .map_err(|trouble| SealError::Digest { key: at.key.to_string(), reason: trouble.cause })
    }

    fn read_digest(&self, name: &DigestKey) -> Result<CheckedDigest, SealError> {
        let key = name.to_string();
        let bucket = self.request.bucket.as_str();
        let object = match self.sources.get(Some(bucket), &key) {
            Some(Ok(object)) => object,
            Some(Err(error)) => return Err(SealError::Store { key, error }),
            None => return Err(SealError::Store { key, error: StoreError::NotFound }),
        };
        let at = Location {
            bucket: Some(self.request.bucket.clone()),
            key: key.as_str().into(),
            name: name.clone(),
        };
        let metadata = object.metadata.map_err(Trouble::unreadable);
        let examined =
            check_digest(&self.rules, at, Ok(StoredObject { body: object.body, metadata }));
        match &examined.state {
            State::Failed(finding) => Err(SealError::Digest { key, reason: unsound(finding) }),
            _ => Ok(examined),
        }
    }

    /// A digest as it is compared with the expected heads.
    fn found_digest(
        &self,
        kind: ChainKind,
        examined: &CheckedDigest,
    ) -> Result<Option<FoundDigest>, SealError> {
        let Some(content) = &examined.content else { return Ok(None) };
        let digest = &content.digest;
        let signature = examined.signature.clone();
        let is_ours = digest.fingerprint == *self.signer.fingerprint()
            && signature == Some(builder::sign(self.signer, digest, content.hash)?);
        let link = Previous {
            bucket: digest.bucket.clone(),
            object: digest.object.clone(),
            hash: content.hash,
            signature: signature.unwrap_or_default(),
        };
        Ok(Some(FoundDigest { kind, link, previous: digest.previous.clone(), is_ours }))
    }

    /// The head that the next digest links to. The newest digest must carry the signature that belongs
    /// to it: one that does not may have been altered, and is not signed unverified.
    fn head(&self, examined: &CheckedDigest) -> Result<Head, SealError> {
        let key = examined.at.key.to_string();
        let broken =
            |reason: &str| SealError::Digest { key: key.clone(), reason: reason.to_owned() };
        let content = examined.content.as_ref().ok_or_else(|| broken("it cannot be read"))?;
        let digest = &content.digest;
        let Some(signature) = examined.signature.clone() else {
            return Err(broken(
                "the chain's newest digest has lost its signature, which the next digest must repeat: restore its .metadata.json",
            ));
        };
        let ours = digest.fingerprint == *self.signer.fingerprint();
        if ours && signature != builder::sign(self.signer, digest, content.hash)? {
            return Err(broken(
                "the signature of the chain's newest digest does not match its content: run trailseal verify, and do not continue this chain",
            ));
        }
        let previous = Previous {
            bucket: digest.bucket.clone(),
            object: digest.object.clone(),
            hash: content.hash,
            signature,
        };
        Ok(Head { window: Window::new(digest.start, digest.end), previous })
    }
}

/// Digests of a chain that a run needs to go on with it.
struct NeededDigests {
    /// Time before which digests list nothing that could still come late.
    horizon: Timestamp,
    /// The newest standard digest, and the newest backfill digest.
    heads: [Option<DigestKey>; 2],
    /// The first standard digest.
    first: Option<DigestKey>,
    /// Expected digests: from each on, every digest must lead back to the one before it.
    expected: Vec<DigestKey>,
    /// True if a digest is expected by its hash value alone, so that it may be any.
    any_is_expected: bool,
}

impl NeededDigests {
    /// `None` where there is no chain yet.
    fn of(names: &[DigestKey], expected: &[ExpectedHead]) -> Option<Self> {
        let newest = |kind| names.iter().rev().find(|name| name.kind == kind);
        let horizon = sub(newest(ChainKind::Standard)?.end, hours(24 * LATE_DAYS));
        let is_expected =
            |name: &&DigestKey| expected.iter().any(|head| head.names(&name.to_string()));
        Some(Self {
            horizon,
            heads: [newest(ChainKind::Standard).cloned(), newest(ChainKind::Backfill).cloned()],
            first: names.iter().find(|name| name.kind == ChainKind::Standard).cloned(),
            expected: names.iter().filter(is_expected).cloned().collect(),
            any_is_expected: expected.iter().any(ExpectedHead::has_no_key),
        })
    }

    fn is_head(&self, name: &DigestKey) -> bool {
        self.heads.iter().flatten().any(|head| head == name)
    }

    fn contain(&self, name: &DigestKey) -> bool {
        let follows = |head: &DigestKey| head.kind == name.kind && head.end <= name.end;
        name.end >= self.horizon
            || self.is_head(name)
            || self.any_is_expected
            || self.expected.iter().any(follows)
    }
}

fn unsound(finding: &Finding) -> String {
    format!(
        "{} ({}). Run trailseal verify; sealing continues only from a valid digest",
        finding.message.trim_end_matches('.'),
        finding.code.as_str()
    )
}
