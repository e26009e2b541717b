//! How stores answer a survey.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::filter::Filter;
use super::pool::Stop;
use super::sources::{Insisted, Sources};
use crate::judge::survey::{FolderListing, FolderReader, survey_store};
use crate::store::{Store, StoreError};

/// Folders listed at once.
const FOLDERS_AT_ONCE: usize = 16;

/// A store, its requests counted.
struct Reader<'a> {
    store: &'a dyn Store,
    requests: &'a AtomicU64,
    stop: Option<&'a Stop>,
}

impl Reader<'_> {
    fn list_one(&self, folder: &str) -> FolderListing {
        // A run that is to stop says so itself.
        if self.stop.is_some_and(Stop::is_set) {
            return FolderListing::default();
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.look_into(folder)
    }
}

impl FolderReader for Reader<'_> {
    fn list(&self, folders: &[&str]) -> Vec<FolderListing> {
        let each = |folders: &[&str]| -> Vec<_> {
            folders.iter().map(|folder| self.list_one(folder)).collect()
        };
        let share = folders.len().div_ceil(FOLDERS_AT_ONCE).max(1);
        if folders.len() <= 1 {
            return each(folders);
        }
        std::thread::scope(|scope| {
            let parts = folders.chunks(share);
            let threads: Vec<_> =
                parts.map(|part| (part.len(), scope.spawn(move || each(part)))).collect();
            let joined = threads.into_iter().map(|(asked, thread)| {
                let bug = |_| (0..asked).map(|_| FolderListing::failed(BUG)).collect();
                thread.join().unwrap_or_else(bug)
            });
            joined.flatten().collect()
        })
    }

    fn look_into(&self, folder: &str) -> FolderListing {
        FolderListing::of(|each| self.store.list(folder, each))
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + Send>, StoreError> {
        self.store.get(path).map(|object| object.body)
    }
}

const BUG: &str = "listing it failed, which is a bug in trailseal";

impl Sources {
    /// Walks stores for `AWSLogs` folders and what lies in them, each from a folder on. What cannot be
    /// listed, and what no form explains, is among the findings of the survey.
    #[must_use]
    pub fn discover(
        stores: &[(Arc<dyn Store>, String)],
        insisted: &Insisted,
        filter: Filter<'_>,
    ) -> Self {
        let mut sources = Self::default();
        for (store, start) in stores {
            let reader =
                Reader { store: &**store, requests: &AtomicU64::new(0), stop: filter.stop };
            let place = (store.bucket(), &**start);
            let survey = survey_store(&reader, place, insisted, filter.selection);
            sources.count_requests(reader.requests.load(Ordering::Relaxed));
            sources.add_store(store, start, survey);
        }
        sources.take_up_what_could_not_be_listed();
        sources
    }
}
