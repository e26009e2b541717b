//! Answers of stores to a survey.

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
        at_once(paths, &|path| {
            if self.is_stopped() {
                return Ok(false);
            }
            match guarded(|| Ok(each(path, &mut *self.store.get(path)?.body))) {
                Ok(examined) => examined,
                Err(StoreError::NotFound) => Ok(false),
                Err(error) => Err(error.to_string()),
            }
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

/// Answer of a store; a panic on the way is trouble.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BucketName, Metadata};
    use crate::store::{DirectoryStore, Entry, Object, Profile, Put, WriterGuard};

    /// A store with an object, which panics when it is listed or read.
    struct Broken;

    struct BrokenBody;

    impl Read for BrokenBody {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            panic!("a body that panics")
        }
    }

    impl Store for Broken {
        fn name(&self) -> &str {
            "broken"
        }

        fn profile(&self) -> Profile {
            DirectoryStore::PROFILE
        }

        fn bucket(&self) -> Option<&BucketName> {
            None
        }

        fn list(&self, _: &str, _: &mut dyn FnMut(Entry)) -> Result<(), StoreError> {
            panic!("a listing that panics")
        }

        fn get(&self, key: &str) -> Result<Object, StoreError> {
            match key {
                "gone" => Err(StoreError::NotFound),
                _ => Ok(Object { body: Box::new(BrokenBody), metadata: Ok(Metadata::default()) }),
            }
        }

        fn put_new(&self, _: &str, _: &[u8], _: &Metadata) -> Result<Put, StoreError> {
            Err(StoreError::NotFound)
        }

        fn lock(&self) -> Result<WriterGuard, StoreError> {
            Err(StoreError::NotFound)
        }
    }

    fn read(_: &str, body: &mut dyn Read) -> Result<bool, String> {
        body.read(&mut [0]).map(|_| true).map_err(|error| error.to_string())
    }

    #[test]
    fn a_panic_is_trouble_of_one_folder_or_object() {
        let reader = Reader { store: &Broken, requests: AtomicU64::new(0), stop: None };
        for folders in [&["a/"][..], &["a/", "b/"]] {
            let listings = reader.list(folders);
            assert_eq!(listings.len(), folders.len());
            assert!(listings.iter().all(|listing| listing.failed.is_some()));
        }
        for paths in [&["a"][..], &["a", "gone"]] {
            let examined = reader.examine(paths, &read);
            assert!(examined[0].is_err());
            assert!(examined[1..].iter().all(|gone| *gone == Ok(false)));
        }
    }

    #[test]
    fn nothing_is_opened_once_the_run_is_to_stop() {
        let stop = Stop::default();
        stop.set();
        let reader = Reader { store: &Broken, requests: AtomicU64::new(0), stop: Some(&stop) };
        assert_eq!(reader.examine(&["a"], &read), [Ok(false)]);
        assert!(reader.list(&["a/"])[0].failed.is_none());
        assert_eq!(reader.requests.into_inner(), 0);
    }
}
