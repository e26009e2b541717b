//! Flag to end a run early, which every layer that waits polls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Set to end a run early, with what is known by then.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Ends the run.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// True if the run is to end.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
