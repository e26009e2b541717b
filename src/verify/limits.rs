//! Limits on everything that is read from a bucket, each with its reason.

/// Limits on hostile input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Log files as stored, bytes. CloudTrail writes at most 50 MB; the rest is headroom.
    pub log_stored: u64,
    /// Log files inflated, bytes. They stream, so this limits time, not memory: genuine logs
    /// inflate 10 to 20 times, a gzip bomb a thousand times.
    pub log_inflated: u64,
    /// Digests as stored, bytes.
    pub digest_stored: u64,
    /// Digests inflated, bytes; a digest is held in memory. 100,000 log files take about 45 MB.
    pub digest_inflated: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            log_stored: 128 << 20,
            log_inflated: 2 << 30,
            digest_stored: 32 << 20,
            digest_inflated: 128 << 20,
        }
    }
}
