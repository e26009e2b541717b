//! Listing of all that lies below a region's folder of digests or log files: the folders of years,
//! months and days, and what else was put among them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::judge::survey::{is_number, last_part};
use crate::model::Window;
use crate::model::time::date_window;
use crate::store::{Entry, Store, StoreError};

/// Most folders that are no date's and are listed below one region's folder.
const OTHER_FOLDERS: usize = 1_000;

/// One region's folder in a store.
pub(super) struct DateTree<'a> {
    pub(super) store: &'a dyn Store,
    /// Counts the listings.
    pub(super) requests: &'a AtomicU64,
    /// Key of the folder, with its closing slash.
    pub(super) folder: &'a str,
    /// Requested days, the last one included.
    pub(super) days: Window,
}

impl DateTree<'_> {
    /// Lists the objects in the folders of the requested days, in those of their months and years,
    /// in the region's own folder, and in folders below these that are no date's. `each` gets
    /// objects, folders that are no date's, and what cannot be read, with the time of the nearest
    /// date's folder: all of time in the region's own.
    pub(super) fn list(&self, each: &mut dyn FnMut(Entry, Window)) {
        let mut others = VecDeque::new();
        let mut level = vec![(self.folder.to_owned(), Window::ALL)];
        for depth in 0..=3 {
            let mut next = Vec::new();
            for (folder, time) in level {
                self.folder(&folder, &mut |entry| match entry {
                    Entry::Folder(key) => match self.date(&key).filter(|_| depth < 3) {
                        Some(date) if self.asks_for(date) => next.push((key, date)),
                        Some(_) => {}
                        None => {
                            // One of digits only may be a date that never was.
                            if depth == 3 || !is_number(last_part(&key)) {
                                each(Entry::Folder(key.clone()), time);
                            }
                            others.push_back((key, time));
                        }
                    },
                    entry => each(entry, time),
                });
            }
            next.sort();
            level = next;
        }
        let mut left = OTHER_FOLDERS;
        while let Some((folder, time)) = others.pop_front() {
            if left == 0 {
                let cause = format!(
                    "more than {OTHER_FOLDERS} folders here are not date folders, and only that many are searched"
                );
                each(Entry::Unreadable { key: folder, cause }, time);
                return;
            }
            left -= 1;
            self.folder(&folder, &mut |entry| match entry {
                Entry::Folder(key) => others.push_back((key, time)),
                entry => each(entry, time),
            });
        }
    }

    /// Lists one folder; one that cannot be listed is unreadable itself. Markers, which stand for
    /// a folder, are passed over.
    fn folder(&self, folder: &str, each: &mut dyn FnMut(Entry)) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let listed = self.store.list(folder, &mut |entry| match entry {
            Entry::Object { size: 0, ref key, .. } if key.ends_with('/') => {}
            // What cannot be read in a folder of dates may be a folder of other days.
            Entry::Unreadable { ref key, .. }
                if self.date(key).is_some_and(|date| !self.asks_for(date)) => {}
            entry => each(entry),
        });
        match listed {
            Ok(()) | Err(StoreError::NotFound) => {}
            Err(error) => {
                each(Entry::Unreadable { key: folder.to_owned(), cause: error.to_string() });
            }
        }
    }

    /// The time of a date's folder.
    fn date(&self, key: &str) -> Option<Window> {
        let inside = key.strip_prefix(self.folder)?;
        last_part(key).bytes().all(|b| b.is_ascii_digit()).then_some(())?;
        date_window(inside.trim_end_matches('/'))
    }

    fn asks_for(&self, date: Window) -> bool {
        date.start <= self.days.end && self.days.start < date.end
    }
}
