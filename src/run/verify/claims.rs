//! Log files that digests claim which are not valid.

use crate::model::Sha256Hash;
use crate::verify::completeness::Listed;
use crate::verify::digest::Location;
use crate::verify::memory::Allowance;

/// The log files that only digests list which are not valid.
pub(super) struct ClaimedLogs {
    pub(super) listed: Listed,
    pub(super) memory: Allowance,
    /// Digests whose lists found no room.
    pub(super) unread: Vec<(Location, Sha256Hash)>,
}

impl ClaimedLogs {
    pub(super) fn new(memory: Allowance) -> Self {
        Self { listed: Listed::default(), memory, unread: Vec::new() }
    }

    /// True if a log file is claimed.
    pub(super) fn contains(&self, bucket: &str, key: &str) -> bool {
        self.listed.contains(bucket, key)
    }
}
