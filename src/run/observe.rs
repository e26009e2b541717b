//! Observers of a run: progress bars, lists of objects, evidence, notifiers.
//!
//! A driver passes events to its observer as typed values. Nothing that an observer writes is
//! read again by another part of the program.

use std::io;

use crate::model::AreaId;
use crate::report::{ObjectRecord, RunReport};

/// Receives the events of a run.
///
/// Areas are worked on at the same time, so [`RunEvent::AreaBegun`], [`RunEvent::DigestDone`] and
/// [`RunEvent::LogFileDone`] come from several threads and in any order. [`RunEvent::Object`] and
/// [`RunEvent::AreaDone`] come one at a time, in the order of the report: the same sources give
/// the same sequence.
///
/// ```
/// use std::io;
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use trailseal::{ObjectResult, Observer, RunEvent};
///
/// #[derive(Default)]
/// struct CountInvalid(AtomicUsize);
///
/// impl Observer for CountInvalid {
///     fn observe(&self, event: &RunEvent<'_>) -> io::Result<()> {
///         if let RunEvent::Object(record) = event
///             && record.result == ObjectResult::Invalid
///         {
///             self.0.fetch_add(1, Ordering::Relaxed);
///         }
///         Ok(())
///     }
/// }
/// ```
pub trait Observer: Sync {
    /// Receives an event.
    ///
    /// # Errors
    /// An error ends the run, which returns it. An observer that can be done without keeps its
    /// trouble to itself.
    fn observe(&self, event: &RunEvent<'_>) -> io::Result<()>;

    /// True if it uses [`RunEvent::Object`]. Where no observer does, areas need not wait for each
    /// other to keep objects in order.
    fn wants_objects(&self) -> bool {
        true
    }
}

/// Event of a run.
#[derive(Debug)]
#[non_exhaustive]
pub enum RunEvent<'a> {
    /// The areas (accounts and regions) to work on were found.
    AreasFound {
        /// Number of areas.
        count: usize,
    },
    /// Work on an area begins.
    AreaBegun {
        /// The area.
        area: &'a AreaId,
        /// Number of digests to read, copy or write there.
        digests: usize,
    },
    /// A digest was examined, copied or written.
    DigestDone,
    /// A log file was checked, copied or sealed, or a file of a bag was hashed.
    LogFileDone {
        /// Bytes read for it, as stored.
        bytes: u64,
    },
    /// An object was checked.
    Object(&'a ObjectRecord<'a>),
    /// Work on an area is done, and all of its objects were observed.
    AreaDone {
        /// The area.
        area: &'a AreaId,
    },
    /// The verdict of a verifying run. Drivers read no clock: `finished` is when the run began,
    /// until the caller of the driver sets it.
    Concluded(&'a RunReport),
}

/// Ignores all events.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn observe(&self, _: &RunEvent<'_>) -> io::Result<()> {
        Ok(())
    }

    fn wants_objects(&self) -> bool {
        false
    }
}

/// Several observers of one run; each event goes to all of them, in the order of attachment.
#[derive(Default)]
pub struct Observers<'a>(Vec<&'a dyn Observer>);

impl<'a> Observers<'a> {
    /// Adds an observer.
    pub fn attach(&mut self, observer: &'a dyn Observer) {
        self.0.push(observer);
    }
}

impl Observer for Observers<'_> {
    /// Hands the event on, up to the first observer that fails.
    fn observe(&self, event: &RunEvent<'_>) -> io::Result<()> {
        self.0.iter().try_for_each(|observer| match event {
            RunEvent::Object(_) if !observer.wants_objects() => Ok(()),
            event => observer.observe(event),
        })
    }

    fn wants_objects(&self) -> bool {
        self.0.iter().any(|observer| observer.wants_objects())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Remembers the numbers of areas; fails from a number on.
    struct AreaCounts(Mutex<Vec<usize>>, usize);

    impl Observer for AreaCounts {
        fn observe(&self, event: &RunEvent<'_>) -> io::Result<()> {
            let RunEvent::AreasFound { count } = event else { return Ok(()) };
            self.0.lock().unwrap().push(*count);
            if *count < self.1 { Ok(()) } else { Err(io::Error::other("no space left")) }
        }
    }

    #[test]
    fn every_observer_gets_every_event_and_the_first_error_is_returned() {
        let (first, second) = (AreaCounts(Mutex::default(), 9), AreaCounts(Mutex::default(), 2));
        let mut both = Observers::default();
        assert!(!both.wants_objects());
        both.attach(&Silent);
        assert!(!both.wants_objects());
        both.attach(&first);
        both.attach(&second);
        assert!(both.wants_objects());
        both.observe(&RunEvent::AreasFound { count: 1 }).unwrap();
        let error = both.observe(&RunEvent::AreasFound { count: 2 }).unwrap_err();
        assert_eq!(error.to_string(), "no space left");
        assert_eq!(*first.0.lock().unwrap(), [1, 2]);
        assert_eq!(*second.0.lock().unwrap(), [1, 2]);
    }
}
