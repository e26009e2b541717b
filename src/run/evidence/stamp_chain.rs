//! Time-stamps of a bag: each is over the signature, or the tag manifest where there is none, followed
//! by all earlier ones, so that a later one bears out the earlier ones too.

use crate::crypto::document::DocumentError;
use crate::crypto::document::timestamp::{self, TimeStamp};

/// Time-stamps that fit what they are over, in their order.
#[derive(Debug)]
pub(super) struct StampChain {
    covered: Vec<u8>,
}

impl StampChain {
    /// A chain without any time-stamp yet.
    pub(super) fn over(signature: Option<&[u8]>, tag_manifest: &[u8]) -> Self {
        Self { covered: signature.unwrap_or(tag_manifest).to_vec() }
    }

    /// The bytes that the next time-stamp is over.
    pub(super) fn covered(&self) -> &[u8] {
        &self.covered
    }

    /// Adds an authority's response, if it is over those.
    pub(super) fn add(&mut self, response: &[u8]) -> Result<TimeStamp, DocumentError> {
        let stamp = timestamp::verify(response, &self.covered)?;
        self.covered.extend(response);
        Ok(stamp)
    }
}
