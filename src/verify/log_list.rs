//! The log files that a digest lists: kept where there is room, else counted and read again.
//!
//! The entries of a digest that was only counted are taken from a second reading of the same
//! object. They are used only once its hash value is known to be that of the first reading, which
//! is the one that was verified.

use super::memory::{Allowance, Share};
use crate::model::LogEntry;

/// Bytes that an allocation takes besides its content.
const PER_TEXT: usize = 16;
/// Bytes by which an allowance grows at least: it is shared by all threads.
const STEP: u64 = 64 << 10;

/// The log files that a digest lists, in its order.
#[derive(Debug, Clone)]
pub struct LogList {
    count: u64,
    kept: Option<Vec<LogEntry>>,
    bytes: u64,
    memory: Allowance,
}

impl LogList {
    /// An empty list that draws on a budget.
    #[must_use]
    pub fn new(memory: Allowance) -> Self {
        Self { count: 0, kept: Some(Vec::new()), bytes: 0, memory }
    }

    /// Adds an entry; where it finds no room, all are only counted.
    pub fn push(&mut self, entry: LogEntry) {
        self.count += 1;
        let Some(kept) = &mut self.kept else { return };
        self.bytes += footprint(&entry);
        if self.memory.try_grow(self.bytes.next_multiple_of(STEP), Share::Lists) {
            kept.push(entry);
        } else {
            self.kept = None;
            self.memory.clear();
        }
    }

    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.count
    }

    /// True if there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The entries; `None` where they were only counted.
    #[must_use]
    pub fn kept(&self) -> Option<&[LogEntry]> {
        self.kept.as_deref()
    }

    /// The entries and the memory that they are held in; `None` where they were only counted.
    #[must_use]
    pub fn into_kept(self) -> Option<(Vec<LogEntry>, Allowance)> {
        self.kept.map(|kept| (kept, self.memory))
    }
}

/// Bytes that an entry takes in a list that may have just grown.
fn footprint(entry: &LogEntry) -> u64 {
    let texts = entry.bucket.len() + entry.object.len() + 2 * PER_TEXT;
    (2 * size_of::<LogEntry>() + texts) as u64
}

/// A part of a digest's list of log files, as large as there is room for.
#[derive(Debug)]
pub struct LogListPart {
    /// The entries from the one that was asked for on.
    pub entries: Vec<LogEntry>,
    /// Number of the first entry after these; `None` where the list ends.
    pub next: Option<u64>,
    seen: u64,
    from: u64,
    bytes: u64,
    memory: Allowance,
}

/// Bytes that a part may take even where the budget has no room: the run must go on.
const SMALLEST_PART: u64 = 2 << 20;
/// Bytes that a part takes at most, so that one digest does not keep others from being read.
const LARGEST_PART: u64 = 16 << 20;

impl LogListPart {
    /// A part that begins with the entry of this number.
    #[must_use]
    pub fn new(from: u64, memory: Allowance) -> Self {
        Self { entries: Vec::new(), next: None, seen: 0, from, bytes: 0, memory }
    }

    /// Takes the next entry of the whole list.
    pub fn push(&mut self, entry: LogEntry) {
        let number = self.seen;
        self.seen += 1;
        if number < self.from || self.next.is_some() {
            return;
        }
        self.bytes += footprint(&entry);
        let wanted = self.bytes.next_multiple_of(STEP);
        let fits = wanted <= LARGEST_PART && self.memory.try_grow(wanted, Share::Lists);
        if fits || self.bytes <= SMALLEST_PART || self.entries.is_empty() {
            self.memory.grow(wanted);
            self.entries.push(entry);
        } else {
            self.next = Some(number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Sha256Hash;
    use crate::verify::memory::MemoryBudget;

    fn entry(n: u64) -> LogEntry {
        LogEntry {
            bucket: "bucket".into(),
            object: format!("{n:0200}").into(),
            hash: Sha256Hash::of(&n.to_le_bytes()),
            newest: None,
            oldest: None,
        }
    }

    #[test]
    fn a_list_without_room_is_counted() {
        let budget = MemoryBudget::of(1 << 20);
        let (mut small, mut large) = (LogList::new(budget.begin()), LogList::new(budget.begin()));
        small.push(entry(0));
        (0..10_000).for_each(|n| large.push(entry(n)));
        assert_eq!((small.len(), small.kept().map(<[_]>::len)), (1, Some(1)));
        assert_eq!((large.len(), large.kept()), (10_000, None));
        assert_eq!(budget.used(), STEP, "what is not kept takes nothing");
        drop(small.into_kept());
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn parts_make_up_the_whole_list_whatever_the_room() {
        for budget in [0, 10 << 20, u64::MAX] {
            let budget = MemoryBudget::of(budget);
            let all: Vec<_> = (0..60_000).map(entry).collect();
            let (mut parts, mut from, mut joined) = (0, 0, Vec::new());
            loop {
                let mut part = LogListPart::new(from, budget.begin());
                all.iter().cloned().for_each(|entry| part.push(entry));
                assert!(budget.used() <= LARGEST_PART);
                parts += 1;
                joined.append(&mut part.entries);
                match part.next {
                    Some(next) => from = next,
                    None => break,
                }
            }
            assert!(joined == all && parts > 1, "{parts}");
        }
    }
}
