//! Log files that may hold events which tell why something is not there.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{LogEntry, Window};
use crate::verify::hints::Hints;
use crate::verify::log_file::Lister;

/// Log files of each kind that are remembered for their hints, the latest: a trail of data
/// events may hint in every file.
pub(super) const REMEMBERED: usize = 20_000;

/// A valid log file that holds names of events which tell why something is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HintedLog {
    pub(super) lister: Arc<Lister>,
    pub(super) entry: Arc<LogEntry>,
    pub(super) hints: Hints,
}

/// The log files with hints: those that a trail's own events are in apart, so that data events do
/// not crowd them out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HintedLogs {
    pub(super) trail: VecDeque<HintedLog>,
    pub(super) bucket: VecDeque<HintedLog>,
    /// The time of the digests that list those of a trail's events that were too many.
    pub(super) forgotten: Option<Window>,
}

impl HintedLogs {
    /// Adds a valid log file, the digest that lists it, and what it may hold.
    pub fn push(&mut self, lister: Arc<Lister>, entry: Arc<LogEntry>, hints: Hints) {
        let of_kind = if hints.trail { &mut self.trail } else { &mut self.bucket };
        of_kind.push_back(HintedLog { lister, entry, hints });
        if of_kind.len() > REMEMBERED
            && let Some(forgotten) = of_kind.pop_front()
            && forgotten.hints.trail
        {
            self.forget(forgotten.lister.window);
        }
    }

    fn forget(&mut self, window: Window) {
        let all = self.forgotten.get_or_insert(window);
        *all = Window::new(all.start.min(window.start), all.end.max(window.end));
    }

    /// Adds those of another area, or of later time.
    pub fn absorb(&mut self, other: Self) {
        other.forgotten.into_iter().for_each(|window| self.forget(window));
        for HintedLog { lister, entry, hints } in other.trail.into_iter().chain(other.bucket) {
            self.push(lister, entry, hints);
        }
    }
}
