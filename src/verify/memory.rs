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
    /// Bytes of what can be read again.
    kept: AtomicU64,
    /// Bytes of what a run cannot go on without.
    needed: AtomicU64,
}

/// Part of the budget that things of a kind may fill together with all that can be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// Lists that are about to be checked: half, less where other things need the room.
    Lists,
    /// Share for the claims of digests that are not valid: a quarter, so that they never crowd out
    /// the lists.
    Claims,
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
        Self(Arc::new(Shared { total, kept: AtomicU64::new(0), needed: AtomicU64::new(0) }))
    }

    /// An allowance of nothing, to be grown.
    #[must_use]
    pub fn begin(&self) -> Allowance {
        Allowance { budget: self.clone(), kept: 0, needed: 0 }
    }

    /// Bytes that are taken now.
    #[must_use]
    pub fn used(&self) -> u64 {
        self.0.kept.load(Ordering::Relaxed) + self.0.needed.load(Ordering::Relaxed)
    }

    fn limit(&self, share: Share) -> u64 {
        let Shared { total, ref needed, .. } = *self.0;
        match share {
            Share::Claims => total / 4,
            Share::Lists => {
                let left = total.saturating_sub(needed.load(Ordering::Relaxed));
                left.clamp(total / 8 * 3, total / 2)
            }
        }
    }
}

/// A part of the budget, given back when it is dropped.
#[derive(Debug)]
pub struct Allowance {
    budget: MemoryBudget,
    kept: u64,
    needed: u64,
}

impl Allowance {
    /// Grows to so many bytes where there is room, for what can be read again otherwise.
    #[must_use]
    pub fn try_grow(&mut self, bytes: u64, share: Share) -> bool {
        let more = bytes.saturating_sub(self.kept + self.needed);
        if more == 0 {
            return true;
        }
        let limit = self.budget.limit(share);
        let taken = self.budget.0.kept.try_update(Ordering::Relaxed, Ordering::Relaxed, |kept| {
            kept.checked_add(more).filter(|kept| *kept <= limit)
        });
        if taken.is_ok() {
            self.kept += more;
        }
        taken.is_ok()
    }

    /// Grows to so many bytes, even beyond the budget: for what a run cannot go on without.
    pub fn grow(&mut self, bytes: u64) {
        let more = bytes.saturating_sub(self.kept + self.needed);
        self.budget.0.needed.fetch_add(more, Ordering::Relaxed);
        self.needed += more;
    }

    /// Gives everything back.
    pub fn clear(&mut self) {
        self.budget.0.kept.fetch_sub(self.kept, Ordering::Relaxed);
        self.budget.0.needed.fetch_sub(self.needed, Ordering::Relaxed);
        (self.kept, self.needed) = (0, 0);
    }
}

impl Clone for Allowance {
    fn clone(&self) -> Self {
        let mut clone = self.budget.begin();
        clone.grow(self.kept + self.needed);
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
    fn what_can_be_read_again_leaves_room_and_the_rest_goes_on() {
        let budget = MemoryBudget::of(1 << 10);
        let (mut list, mut other) = (budget.begin(), budget.begin());
        assert!(list.try_grow(200, Share::Lists) && list.try_grow(400, Share::Lists));
        assert!(!other.try_grow(1, Share::Claims), "more than a quarter is taken");
        assert!(!other.try_grow(113, Share::Lists) && other.try_grow(112, Share::Lists));
        other.grow(5000);
        assert_eq!(budget.used(), 5400);
        assert!(!list.try_grow(401, Share::Lists) && list.try_grow(400, Share::Lists));
        list.clear();
        assert!(list.try_grow(384 - 112, Share::Lists), "some room is always left for lists");
        drop((list, other));
        assert_eq!(budget.used(), 0);
        let mut claims = budget.begin();
        assert!(claims.try_grow(256, Share::Claims) && !claims.try_grow(257, Share::Claims));
    }
}
