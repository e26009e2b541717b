//! What there is of a chain before a run goes on with it.

use super::existing::{ExistingChain, LATE_DAYS};
use super::{SealError, Sealer};
use crate::model::key_name::DIGEST_FOLDER;
use crate::model::time::{hours, sub};
use crate::model::{ChainKind, DigestKey, LogEntry, Previous, Window};
use crate::run::sources::read_digest_again;
use crate::seal::{ExpectedHead, FoundDigest, Head, builder};
use crate::store::StoreError;
use crate::verify::Finding;
use crate::verify::digest::{Examined, Location, State, StoredObject, Trouble, examine};

impl Sealer<'_> {
    pub(super) fn read_chain(&self) -> Result<ExistingChain, SealError> {
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
        let mut chain = ExistingChain::default();
        let Some(newest) = names.iter().rev().find(|n| n.kind == ChainKind::Standard) else {
            return Ok(chain);
        };
        // What is older lists nothing that could still come late.
        let horizon = sub(newest.end, hours(24 * LATE_DAYS));
        let heads = [ChainKind::Standard, ChainKind::Backfill]
            .map(|kind| names.iter().rev().find(|name| name.kind == kind).cloned());
        let first = names.iter().find(|n| n.kind == ChainKind::Standard).cloned();
        // From an expected head on, each digest must lead back to the one before it.
        let expected = &self.request.expected;
        let by_hash = expected.iter().any(ExpectedHead::has_no_key);
        let is_expected =
            |name: &&DigestKey| expected.iter().any(|head| head.names(&name.to_string()));
        let expected: Vec<_> = names.iter().filter(is_expected).cloned().collect();
        for name in names {
            self.go_on()?;
            let is_head = heads.iter().flatten().any(|head| *head == name);
            let follows =
                by_hash || expected.iter().any(|e| e.kind == name.kind && e.end <= name.end);
            if name.end < horizon && !is_head && !follows {
                continue;
            }
            let examined = self.read_digest(&name)?;
            let Some(content) = &examined.content else { continue };
            if first.as_ref() == Some(&name) {
                chain.start = Some(content.digest.start);
            }
            let hash = content.hash;
            if let Some(listed) = content.log_files.kept() {
                for log in listed {
                    chain.listed.insert(&log.bucket, &log.object, log.hash);
                }
            } else {
                let each = &mut |log: LogEntry| {
                    chain.listed.insert(&log.bucket, &log.object, log.hash);
                };
                read_digest_again(&self.sources, &self.rules, &examined.at, hash, each).map_err(
                    |trouble| SealError::Digest {
                        key: examined.at.key.to_string(),
                        reason: trouble.cause,
                    },
                )?;
            }
            if !self.request.expected.is_empty() {
                chain.digests.extend(self.found(name.kind, &examined)?);
            }
            if is_head {
                let head = self.head(&examined)?;
                match name.kind {
                    ChainKind::Standard => chain.standard = Some(head),
                    ChainKind::Backfill => chain.backfill = Some(head),
                }
            }
        }
        Ok(chain)
    }

    fn read_digest(&self, name: &DigestKey) -> Result<Examined, SealError> {
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
        let examined = examine(&self.rules, at, Ok(StoredObject { body: object.body, metadata }));
        match &examined.state {
            State::Failed(finding) => Err(SealError::Digest { key, reason: unsound(finding) }),
            _ => Ok(examined),
        }
    }

    /// A digest as it is held against the head that is expected.
    fn found(
        &self,
        kind: ChainKind,
        examined: &Examined,
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

    /// What the next digest links to. The newest digest must carry the signature that belongs to
    /// it: one that does not may have been altered, and is not signed on its own word.
    fn head(&self, examined: &Examined) -> Result<Head, SealError> {
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

fn unsound(finding: &Finding) -> String {
    format!(
        "{} ({}). Run trailseal verify; sealing continues only from a valid digest",
        finding.message.trim_end_matches('.'),
        finding.code.as_str()
    )
}
