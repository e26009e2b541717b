//! What a run tells of itself while it works.

/// Receives what a run tells of itself; called from the driver's own thread.
pub trait Progress: Send + Sync {
    /// So many places (accounts and regions) will be looked at.
    fn places(&self, _total: usize) {}
    /// A place begins; it holds so many digests.
    fn place(&self, _name: &str, _digests: usize) {}
    /// A digest was examined.
    fn digest(&self) {}
    /// A log file was checked; so many stored bytes were read for it.
    fn log(&self, _bytes: u64) {}
}

/// Tells nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {}
