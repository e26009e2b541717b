//! Existing digests of a chain.

use jiff::Timestamp;

use super::outcome::ChainHead;
use crate::model::ChainKind;
use crate::seal::{FoundDigest, Head};
use crate::verify::completeness::Listed;

/// Days after its digest in which a log file may still come and be taken into a backfill digest:
/// AWS delivers again for up to 30 days.
pub(super) const LATE_DAYS: i64 = 31;

/// Existing digests of the chain and its backfill chain.
#[derive(Default)]
pub(super) struct ExistingChain {
    pub(super) standard: Option<Head>,
    pub(super) backfill: Option<Head>,
    /// Its start, unless that is so long ago that it was not read.
    pub(super) start: Option<Timestamp>,
    pub(super) listed: Listed,
    /// Its digests, as far back as they are read.
    pub(super) digests: Vec<FoundDigest>,
}

impl ExistingChain {
    pub(super) fn heads(&self) -> Vec<ChainHead> {
        let standard = self.standard.iter().map(|head| ChainHead::of(ChainKind::Standard, head));
        let backfill = self.backfill.iter().map(|head| ChainHead::of(ChainKind::Backfill, head));
        standard.chain(backfill).collect()
    }
}
