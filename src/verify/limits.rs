//! Limits on everything that is read from a bucket, each with its reason.

/// Size limits of files, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes as stored.
    pub stored: u64,
    /// Inflated.
    pub inflated: u64,
}

/// Limits on hostile input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Log files. CloudTrail stores at most 50 MB; the rest is headroom. They stream, so the limit
    /// on inflated bytes is one of time, not of memory: genuine logs inflate 10 to 20 times, a
    /// gzip bomb a thousand times.
    pub log: Bounds,
    /// Digests, which are held in memory. 100,000 log files take about 45 MB.
    pub digest: Bounds,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            log: Bounds { stored: 128 << 20, inflated: 2 << 30 },
            digest: Bounds { stored: 32 << 20, inflated: 128 << 20 },
        }
    }
}
