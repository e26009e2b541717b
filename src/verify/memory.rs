//! A budget of memory for what hostile digests could make grow, held in total over a run.
//!
//! Nobody waits for it, so no order of jobs can deadlock: what finds no room is not kept, and is
//! read again when its turn comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Budget of a run that was given none, in bytes.
pub const DEFAULT_MEMORY: u64 = 128 << 20;

/// Bytes that a run may hold of what digests list, over all threads. Clones share it.
#[derive(Debug, Clone)]
pub struct MemoryBudget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    total: u64,
    used: AtomicU64,
}

impl Default for MemoryBudget {
    fn default() -> Self {
        Self::of(DEFAULT_MEMORY)
    }
}

impl MemoryBudget {
    /// A budget of so many bytes.
    #[must_use]
    pub fn of(total: u64) -> Self {
        Self(Arc::new(Shared { total, used: AtomicU64::new(0) }))
    }

    /// An allowance of nothing, to be grown.
    #[must_use]
    pub fn begin(&self) -> Allowance {
        Allowance { budget: self.clone(), bytes: 0 }
    }

    /// Bytes that are taken now.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.0.used.load(Ordering::Relaxed)
    }
}

/// A part of the budget, given back when it is dropped.
#[derive(Debug)]
pub struct Allowance {
    budget: MemoryBudget,
    bytes: u64,
}

impl Allowance {
    /// Grows to so many bytes where there is room, for what can be had again otherwise. Such
    /// things may fill half of the budget: the rest is for what a run cannot go on without.
    #[must_use]
    pub fn try_grow(&mut self, bytes: u64) -> bool {
        let more = bytes.saturating_sub(self.bytes);
        let limit = self.budget.0.total / 2;
        let used = &self.budget.0.used;
        let taken = used.try_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(more).filter(|used| more == 0 || *used <= limit)
        });
        if taken.is_ok() {
            self.bytes += more;
        }
        taken.is_ok()
    }

    /// Grows to so many bytes, even beyond the budget: for what a run cannot go on without.
    pub fn grow(&mut self, bytes: u64) {
        let more = bytes.saturating_sub(self.bytes);
        self.budget.0.used.fetch_add(more, Ordering::Relaxed);
        self.bytes += more;
    }

    /// Gives everything back.
    pub fn clear(&mut self) {
        self.budget.0.used.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = 0;
    }
}

impl Clone for Allowance {
    fn clone(&self) -> Self {
        let mut clone = self.budget.begin();
        clone.grow(self.bytes);
        clone
    }
}

impl Drop for Allowance {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_had_again_fills_half_and_the_rest_goes_on() {
        let budget = MemoryBudget::of(100);
        let (mut kept, mut other) = (budget.begin(), budget.begin());
        assert!(kept.try_grow(40) && kept.try_grow(40));
        assert!(!other.try_grow(11));
        assert!(other.try_grow(10));
        other.grow(500);
        assert_eq!(budget.used(), 540);
        assert!(!kept.try_grow(41) && kept.try_grow(40), "it has as much already");
        drop((kept, other));
        assert_eq!(budget.used(), 0);
    }
}
