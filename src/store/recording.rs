//! A store that records what is listed and read of another one, and keeps the bytes, so that the
//! objects of an evidence bag are the very ones that were verified.
//!
//! Each object is read once. Whoever asks for it again gets what was kept.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::{Entry, Object, Profile, Put, Store, StoreError, UnfinishedCopy, WriterGuard};
use crate::model::hash::Sha256Stream;
use crate::model::{BucketName, Metadata, Sha256Hash};

/// Outcome of reading an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// Listed, and not read.
    Unread,
    /// Being read.
    Underway,
    /// Read to its end.
    Read {
        /// Its bytes as stored.
        size: u64,
        /// Their hash value.
        sha256: Sha256Hash,
        /// Its metadata, or why that could not be read.
        metadata: Result<Metadata, String>,
        /// File that keeps its bytes, if any.
        kept: Option<PathBuf>,
    },
    /// Not readable, with the cause.
    Failed(String),
}

/// Record of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRecord {
    /// Its size, as it was listed.
    pub listed: Option<u64>,
    /// Time of its delivery, where the store knows.
    pub delivered: Option<Timestamp>,
    /// Outcome of reading it.
    pub reading: Reading,
}

/// Number of the store, and the path in it.
pub type RecordedPlace = (usize, String);

/// Choice of the objects whose bytes are kept, by their path.
pub type Keep = fn(&str) -> bool;

/// Record of what was read from several stores.
pub struct Recorder {
    folder: PathBuf,
    keep: Keep,
    limit: u64,
    inner: Mutex<RecorderState>,
    /// Called once when bytes can no longer be kept.
    on_failure: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct RecorderState {
    records: BTreeMap<RecordedPlace, AccessRecord>,
    files: u64,
    failure: Option<io::Error>,
}

impl Recorder {
    /// Keeps bytes as files of a folder, objects larger than `limit` bytes not at all.
    #[must_use]
    pub fn new(
        folder: &Path,
        keep: Keep,
        limit: u64,
        on_failure: Box<dyn Fn() + Send + Sync>,
    ) -> Self {
        Self { folder: folder.to_owned(), keep, limit, inner: Mutex::default(), on_failure }
    }

    /// A store that is recorded under a number.
    #[must_use]
    pub fn record(self: &Arc<Self>, number: usize, store: Arc<dyn Store>) -> Arc<dyn Store> {
        Arc::new(RecordingStore { number, store, recorder: self.clone() })
    }

    /// Discards the bytes of an object, and keeps its record.
    pub fn discard(&self, place: &RecordedPlace) {
        let mut inner = self.inner();
        if let Some(AccessRecord { reading: Reading::Read { kept, .. }, .. }) =
            inner.records.get_mut(place)
            && let Some(file) = kept.take()
        {
            let _ = std::fs::remove_file(file);
        }
    }

    /// Takes all records.
    ///
    /// # Errors
    /// When bytes could not be kept.
    pub fn finish(&self) -> io::Result<BTreeMap<RecordedPlace, AccessRecord>> {
        let mut inner = self.inner();
        match inner.failure.take() {
            Some(error) => Err(error),
            None => Ok(std::mem::take(&mut inner.records)),
        }
    }

    fn inner(&self) -> MutexGuard<'_, RecorderState> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, place: &RecordedPlace, change: impl FnOnce(&mut AccessRecord)) {
        let mut inner = self.inner();
        let unread = || AccessRecord { listed: None, delivered: None, reading: Reading::Unread };
        change(inner.records.entry(place.clone()).or_insert_with(unread));
    }

    /// Records an absence; an object that was not listed either leaves no record.
    fn not_found(&self, place: &RecordedPlace) {
        let mut inner = self.inner();
        match inner.records.get_mut(place) {
            Some(record) if record.listed.is_some() => {
                record.reading = Reading::Failed("it was listed, and was gone then".into());
            }
            _ => {
                inner.records.remove(place);
            }
        }
    }

    fn fail(&self, error: io::Error) {
        let first = self.inner().failure.replace(error).is_none();
        if first {
            (self.on_failure)();
        }
    }

    /// A new file to keep bytes in.
    fn begin(&self) -> io::Result<(PathBuf, BufWriter<File>)> {
        let number = {
            let mut inner = self.inner();
            inner.files += 1;
            inner.files
        };
        let path = self.folder.join(number.to_string());
        let file = File::options().write(true).create_new(true).open(&path)?;
        Ok((path, BufWriter::new(file)))
    }
}

struct RecordingStore {
    number: usize,
    store: Arc<dyn Store>,
    recorder: Arc<Recorder>,
}

impl Store for RecordingStore {
    fn name(&self) -> &str {
        self.store.name()
    }

    fn profile(&self) -> Profile {
        self.store.profile()
    }

    fn bucket(&self) -> Option<&BucketName> {
        self.store.bucket()
    }

    fn requests(&self) -> Option<u64> {
        self.store.requests()
    }

    fn unfinished(&self, folder: &str) -> Option<UnfinishedCopy> {
        self.store.unfinished(folder)
    }

    fn list(&self, folder: &str, each: &mut dyn FnMut(Entry)) -> Result<(), StoreError> {
        let knows = self.profile().knows_delivery();
        self.store.list(folder, &mut |entry| {
            match &entry {
                Entry::Object { key, size, modified, .. } => {
                    self.recorder.update(&(self.number, key.clone()), |record| {
                        record.listed = Some(*size);
                        record.delivered = modified.filter(|_| knows);
                    });
                }
                Entry::Unreadable { key, cause } => {
                    self.recorder.update(&(self.number, key.clone()), |record| {
                        record.reading = Reading::Failed(cause.clone());
                    });
                }
                Entry::Folder(_) => {}
            }
            each(entry);
        })
    }

    fn get(&self, key: &str) -> Result<Object, StoreError> {
        let place = (self.number, key.to_owned());
        let before = self.recorder.inner().records.get(&place).map(|r| r.reading.clone());
        match before {
            Some(Reading::Read { metadata, kept: Some(file), .. }) => {
                let body = File::open(file).map_err(|e| StoreError::Trouble(e.to_string()))?;
                return Ok(Object { body: Box::new(body), metadata });
            }
            // Two at once, or what was read and not kept: the store is read again.
            Some(Reading::Underway | Reading::Read { .. }) => return self.store.get(key),
            _ => {}
        }
        self.recorder.update(&place, |record| record.reading = Reading::Underway);
        let object = self.store.get(key).inspect_err(|error| match error {
            StoreError::NotFound => self.recorder.not_found(&place),
            error => self.recorder.update(&place, |record| {
                record.reading = Reading::Failed(error.to_string());
            }),
        })?;
        if !(self.recorder.keep)(key) {
            return Ok(self.tee(place, object, None));
        }
        match self.recorder.begin() {
            Ok(file) => Ok(self.tee(place, object, Some(file))),
            Err(error) => {
                let cause = format!("it cannot be kept: {error}");
                self.recorder.fail(error);
                self.recorder.update(&place, |r| r.reading = Reading::Failed(cause.clone()));
                Err(StoreError::Trouble(cause))
            }
        }
    }

    fn put_new(&self, key: &str, body: &[u8], metadata: &Metadata) -> Result<Put, StoreError> {
        self.store.put_new(key, body, metadata)
    }

    fn put_new_from(
        &self,
        key: &str,
        body: &mut dyn Read,
        metadata: &Metadata,
    ) -> Result<Put, StoreError> {
        self.store.put_new_from(key, body, metadata)
    }

    fn lock(&self) -> Result<WriterGuard, StoreError> {
        self.store.lock()
    }
}

impl RecordingStore {
    fn tee(
        &self,
        place: RecordedPlace,
        object: Object,
        file: Option<(PathBuf, BufWriter<File>)>,
    ) -> Object {
        let metadata = object.metadata;
        let tee = RecordedBody {
            recorder: self.recorder.clone(),
            place,
            body: object.body,
            metadata: metadata.clone(),
            file,
            hash: Sha256Stream::default(),
            size: 0,
            done: false,
        };
        Object { body: Box::new(tee), metadata }
    }
}

/// A body that is kept while it is read. What its reader leaves unread is read when it is dropped.
struct RecordedBody {
    recorder: Arc<Recorder>,
    place: RecordedPlace,
    body: Box<dyn Read + Send>,
    metadata: Result<Metadata, String>,
    file: Option<(PathBuf, BufWriter<File>)>,
    hash: Sha256Stream,
    size: u64,
    done: bool,
}

impl RecordedBody {
    fn end(&mut self, reading: Reading) {
        self.done = true;
        self.recorder.update(&self.place, |record| record.reading = reading);
    }

    fn take(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.hash.update(bytes);
        if self.size > self.recorder.limit {
            self.drop_file();
        }
        if let Some((_, file)) = &mut self.file
            && let Err(error) = file.write_all(bytes)
        {
            self.drop_file();
            self.recorder.fail(error);
        }
    }

    fn drop_file(&mut self) {
        if let Some((path, file)) = self.file.take() {
            drop(file);
            let _ = std::fs::remove_file(path);
        }
    }

    fn finish(&mut self) {
        let kept = self.file.take().and_then(|(path, file)| match file.into_inner() {
            Ok(_) => Some(path),
            Err(error) => {
                self.recorder.fail(error.into_error());
                None
            }
        });
        let sha256 = std::mem::take(&mut self.hash).finish();
        let metadata = self.metadata.clone();
        self.end(Reading::Read { size: self.size, sha256, metadata, kept });
    }
}

impl Read for RecordedBody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.done || buffer.is_empty() {
            return Ok(0);
        }
        match self.body.read(buffer) {
            Ok(0) => {
                self.finish();
                Ok(0)
            }
            Ok(n) => {
                self.take(buffer.get(..n).unwrap_or_default());
                Ok(n)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                self.drop_file();
                self.end(Reading::Failed(error.to_string()));
                Err(error)
            }
        }
    }
}

impl Drop for RecordedBody {
    fn drop(&mut self) {
        let mut rest = [0; 8192];
        while !self.done {
            // Beyond the limit nothing is kept, so there is nothing to read on for.
            if self.size > self.recorder.limit {
                let cause = format!("it is larger than {} bytes", self.recorder.limit);
                self.end(Reading::Failed(cause));
            } else if let Err(error) = self.read(&mut rest)
                && error.kind() == io::ErrorKind::Interrupted
            {
                continue;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::DirectoryStore;
    use std::sync::atomic::{AtomicU32, Ordering};

    struct Fixture {
        _folder: tempfile::TempDir,
        recorder: Arc<Recorder>,
        store: Arc<dyn Store>,
        file: PathBuf,
        failures: Arc<AtomicU32>,
    }

    fn fixture(content: &[u8], keep: Keep, limit: u64) -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let (source, kept) = (folder.path().join("source"), folder.path().join("kept"));
        std::fs::create_dir(&source).unwrap();
        std::fs::create_dir(&kept).unwrap();
        let file = source.join("a");
        std::fs::write(&file, content).unwrap();
        let failures = Arc::new(AtomicU32::new(0));
        let counted = failures.clone();
        let on_failure = Box::new(move || {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let recorder = Arc::new(Recorder::new(&kept, keep, limit, on_failure));
        let inner: Arc<dyn Store> = Arc::new(DirectoryStore::open(&source, "source").unwrap());
        let store = recorder.record(3, inner);
        Fixture { _folder: folder, recorder, store, file, failures }
    }

    fn read(fixture: &Fixture, bytes: usize) -> Vec<u8> {
        let mut out = Vec::new();
        let body = fixture.store.get("a").unwrap().body;
        body.take(bytes as u64).read_to_end(&mut out).unwrap();
        out
    }

    fn reading(fixture: &Fixture) -> Reading {
        fixture.recorder.finish().unwrap().remove(&(3, "a".into())).unwrap().reading
    }

    #[test]
    fn what_was_read_is_kept_whole_and_given_again() {
        let fixture = fixture(b"as it was", |_| true, 100);
        assert_eq!(read(&fixture, 4), b"as i");
        std::fs::write(&fixture.file, b"changed since").unwrap();
        assert_eq!(read(&fixture, 100), b"as it was");
        let Reading::Read { size, sha256, kept, .. } = reading(&fixture) else { panic!() };
        assert_eq!((size, sha256), (9, Sha256Hash::of(b"as it was")));
        assert_eq!(std::fs::read(kept.unwrap()).unwrap(), b"as it was");
    }

    #[test]
    fn what_is_not_wanted_or_discarded_is_known_and_not_kept() {
        let fixture = fixture(b"log", |_| false, 100);
        read(&fixture, 100);
        let Reading::Read { sha256, kept, .. } = reading(&fixture) else { panic!() };
        assert_eq!((sha256, kept), (Sha256Hash::of(b"log"), None));
        let fixture = self::fixture(b"log", |_| true, 100);
        read(&fixture, 100);
        fixture.recorder.discard(&(3, "a".into()));
        let Reading::Read { kept, .. } = reading(&fixture) else { panic!() };
        assert_eq!(kept, None);
    }

    #[test]
    fn what_is_not_there_leaves_no_record() {
        let fixture = fixture(b"x", |_| true, 100);
        assert!(matches!(fixture.store.get("b"), Err(StoreError::NotFound)));
        assert_eq!(fixture.recorder.finish().unwrap().len(), 0);
    }

    #[test]
    fn what_is_too_large_is_not_kept() {
        let fixture = fixture(&[7; 20_000], |_| true, 100);
        read(&fixture, 1);
        let Reading::Failed(cause) = reading(&fixture) else { panic!() };
        assert!(cause.contains("larger than 100"), "{cause}");
    }

    #[test]
    fn what_cannot_be_kept_fails_the_whole_once() {
        let fixture = fixture(b"x", |_| true, 100);
        std::fs::remove_dir(&fixture.recorder.folder).unwrap();
        assert!(fixture.store.get("a").is_err());
        assert!(fixture.store.get("a").is_err());
        assert!(fixture.recorder.finish().is_err());
        assert_eq!(fixture.failures.load(Ordering::Relaxed), 1);
    }
}
