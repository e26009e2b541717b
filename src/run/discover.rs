//! How stores answer a survey.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::filter::Filter;
use super::pool::Stop;
use super::sources::{Insisted, Sources};
use crate::judge::survey::{EachBody, EachEntry, FolderListing, FolderReader, survey_store};
use crate::store::{Store, StoreError};

/// Folders listed and objects opened at once.
const AT_ONCE: usize = 16;

/// A store, its requests counted.
struct Reader<'a> {
    store: &'a dyn Store,
    requests: AtomicU64,
    stop: Option<&'a Stop>,
}

impl FolderReader for Reader<'_> {
    fn list(&self, folders: &[&str]) -> Vec<FolderListing> {
        at_once(folders, &|folder| FolderListing::of(|each| self.list_each(folder, each)))
    }

    fn list_each(&self, folder: &str, each: EachEntry<'_>) -> Result<(), StoreError> {
        // A run that is to stop says so itself.
        if self.is_stopped() {
            return Ok(());
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.look_into(folder, each)
    }

    fn look_into(&self, folder: &str, each: EachEntry<'_>) -> Result<(), StoreError> {
        guarded(|| self.store.list(folder, each))
    }

    fn open(&self, path: &str) -> Result<Box<dyn Read + Send>, StoreError> {
        guarded(|| self.store.get(path).map(|object| object.body))
    }

    fn examine(&self, paths: &[&str], each: EachBody<'_>) -> Vec<Result<bool, String>> {
        at_once(paths, &|path| match self.open(path) {
            _ if self.is_stopped() => Ok(false),
            Err(StoreError::NotFound) => Ok(false),
            Err(error) => Err(error.to_string()),
            Ok(mut body) => each(path, &mut *body),
        })
    }

    fn is_stopped(&self) -> bool {
        self.stop.is_some_and(Stop::is_set)
    }
}

/// Asks for each of several things, some at once; answers in their order.
fn at_once<T: Send>(paths: &[&str], ask: &(dyn Fn(&str) -> T + Sync)) -> Vec<T> {
    let share = paths.len().div_ceil(AT_ONCE).max(1);
    if paths.len() <= 1 {
        return paths.iter().map(|path| ask(path)).collect();
    }
    let each = |paths: &[&str]| -> Vec<T> { paths.iter().map(|path| ask(path)).collect() };
    std::thread::scope(|scope| {
        let threads: Vec<_> =
            paths.chunks(share).map(|part| scope.spawn(move || each(part))).collect();
        let answers = threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        answers.flatten().collect()
    })
}

/// What a store answers; a bug in it is trouble.
fn guarded<T>(ask: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    const BUG: &str = "reading it failed, which is a bug in trailseal";
    catch_unwind(AssertUnwindSafe(ask)).unwrap_or_else(|_| Err(StoreError::Trouble(BUG.to_owned())))
}

impl Sources {
    /// Walks stores for `AWSLogs` folders and what lies in them, each from a folder on. What cannot be
    /// listed, and what no form explains, is among the findings.
    #[must_use]
    pub fn discover(
        stores: &[(Arc<dyn Store>, String)],
        insisted: &Insisted,
        filter: Filter<'_>,
    ) -> Self {
        let mut sources = Self::default();
        for (store, start) in stores {
            let (requests, stop) = (AtomicU64::new(0), filter.stop);
            let reader = Reader { store: &**store, requests, stop };
            let place = (store.bucket(), &**start);
            let survey = survey_store(&reader, place, insisted, filter.selection);
            sources.count_requests(reader.requests.into_inner());
            sources.add_store(store, start, survey);
        }
        sources.take_up_what_could_not_be_listed();
        sources
    }
}
