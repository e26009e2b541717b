//! One object on its way from a source into the target.
//!
//! What is there already is never written over. A digest that is there without its metadata, as a
//! plain copy leaves it, is completed where the source holds the same bytes; a body and metadata
//! of two different objects are never put together.

use std::io::Read;
use std::sync::{Arc, PoisonError, RwLock};

use crate::model::metadata::SIDECAR_SUFFIX;
use crate::model::{BucketName, DigestHead, LogEntry, Metadata};
use crate::run::pool::Stop;
use crate::run::sources::{Found, Sources};
use crate::store::directory::is_path;
use crate::store::{Object, Put, Store, StoreError};
use crate::verify::Limits;
use crate::verify::inflate::{AlreadyInflated, inflate};

/// Why a key may not become a path.
pub(super) fn no_path(key: &str) -> Option<&'static str> {
    if key.contains(char::is_control) {
        Some("its key holds control characters, so it is not written to a directory")
    } else if !is_path(key) {
        Some("its key cannot be a path inside a directory")
    } else {
        None
    }
}

/// Why an object is not copied, by its key alone.
pub(super) fn refused(key: &str) -> Option<&'static str> {
    if let Some(cause) = no_path(key) {
        Some(cause)
    } else if key.ends_with(SIDECAR_SUFFIX) {
        Some("in a directory it would pass for the metadata of another object")
    } else if key.ends_with(".json") {
        Some("in a directory it would pass for the unpacked form of another object")
    } else {
        None
    }
}

/// An object that is to be copied.
pub(super) struct Wanted {
    pub(super) bucket: Option<BucketName>,
    pub(super) found: Found,
    /// Whether it lies among the digests.
    pub(super) digest: bool,
    /// Whether the target lists a file of that name and size.
    pub(super) there: bool,
}

/// What became of an object.
pub(super) enum Outcome {
    /// It is there now.
    Copied {
        /// Its size.
        bytes: u64,
        /// Whether it has any metadata, which are there too.
        metadata: bool,
    },
    /// It was there, and its metadata are now.
    Completed,
    /// It was there.
    There,
    /// The run was stopped before it was written.
    Stopped,
    /// It was not copied.
    Failed(String),
}

/// What became of an object, and which log files it lists as bucket and key.
pub(super) struct Done {
    pub(super) outcome: Outcome,
    pub(super) digest: bool,
    pub(super) lists: Vec<(Box<str>, Box<str>)>,
}

/// Copies objects, on any thread.
pub(super) struct Copier {
    sources: Arc<Sources>,
    target: Arc<dyn Store>,
    limits: Limits,
    stop: Stop,
    /// Held while something is written.
    writing: RwLock<()>,
}

impl Copier {
    pub(super) fn new(
        sources: Arc<Sources>,
        target: Arc<dyn Store>,
        limits: Limits,
        stop: Stop,
    ) -> Self {
        Self { sources, target, limits, stop, writing: RwLock::new(()) }
    }

    /// Waits for what is being written. After a stop nothing more is.
    pub(super) fn finish_writing(&self) {
        drop(self.writing.write().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn copy(&self, wanted: &Wanted) -> Done {
        let mut lists = Vec::new();
        let outcome = self.try_copy(wanted, &mut lists).unwrap_or_else(Outcome::Failed);
        Done { outcome, digest: wanted.digest, lists }
    }

    fn try_copy(
        &self,
        wanted: &Wanted,
        lists: &mut Vec<(Box<str>, Box<str>)>,
    ) -> Result<Outcome, String> {
        let key = &wanted.found.key;
        match self.target.get(key) {
            Err(StoreError::NotFound) => {
                let (body, metadata) = self.fetch(wanted)?;
                let outcome = self.put(key, &body, &metadata)?;
                self.gather(wanted, &body, lists);
                Ok(outcome)
            }
            Err(error) => Err(format!("it cannot be written to its place: {error}")),
            Ok(local) => self.compare(wanted, local, lists),
        }
    }

    /// Decides on an object that is there.
    fn compare(
        &self,
        wanted: &Wanted,
        local: Object,
        lists: &mut Vec<(Box<str>, Box<str>)>,
    ) -> Result<Outcome, String> {
        let key = &wanted.found.key;
        let metadata =
            local.metadata.map_err(|cause| format!("the metadata beside it here: {cause}"))?;
        let here = read(local.body, self.limit(wanted))?;
        let has_metadata = !metadata.0.is_empty();
        if !(wanted.there && has_metadata) {
            let (body, metadata) = self.fetch(wanted)?;
            if body != here {
                return Err(
                    "another file of its name lies in its place and is left as it is".into()
                );
            }
            if !has_metadata && !metadata.0.is_empty() {
                let sidecar = format!("{key}{SIDECAR_SUFFIX}");
                let outcome = self.put(&sidecar, &metadata.render(), &Metadata::default())?;
                self.gather(wanted, &here, lists);
                return Ok(match outcome {
                    Outcome::Copied { .. } => Outcome::Completed,
                    other => other,
                });
            }
        }
        self.gather(wanted, &here, lists);
        Ok(Outcome::There)
    }

    fn limit(&self, wanted: &Wanted) -> u64 {
        if wanted.digest { self.limits.digest.stored } else { self.limits.log.stored }
    }

    /// Reads an object from the source, whole.
    fn fetch(&self, wanted: &Wanted) -> Result<(Vec<u8>, Metadata), String> {
        let Found { key, size, .. } = &wanted.found;
        let limit = self.limit(wanted);
        if *size > limit {
            return Err(too_large(limit));
        }
        let bucket = wanted.bucket.as_ref().map(BucketName::as_str);
        let object = match self.sources.get(bucket, key) {
            Some(Ok(object)) => object,
            Some(Err(StoreError::NotFound)) | None => {
                return Err("it was listed, and is gone now: the source is changing".into());
            }
            Some(Err(error)) => return Err(error.to_string()),
        };
        let metadata = object.metadata.map_err(|cause| format!("its metadata: {cause}"))?;
        let body = read(object.body, limit)?;
        if body.len() as u64 != *size {
            return Err(format!(
                "it was listed with {size} bytes and {} came: it is changing, or something else answered in its place",
                body.len()
            ));
        }
        Ok((body, metadata))
    }

    fn put(&self, key: &str, body: &[u8], metadata: &Metadata) -> Result<Outcome, String> {
        let _writing = self.writing.read().unwrap_or_else(PoisonError::into_inner);
        if self.stop.is_set() {
            return Ok(Outcome::Stopped);
        }
        match self.target.put_new(key, body, metadata) {
            Ok(Put::Created) => {
                Ok(Outcome::Copied { bytes: body.len() as u64, metadata: !metadata.0.is_empty() })
            }
            Ok(Put::Exists) => Err("another file was written to its place meanwhile".into()),
            Err(error) => Err(format!("it cannot be written to its place: {error}")),
        }
    }

    /// Notes which log files a digest lists. What is no digest is for verifying to tell.
    fn gather(&self, wanted: &Wanted, body: &[u8], lists: &mut Vec<(Box<str>, Box<str>)>) {
        if !wanted.digest {
            return;
        }
        let mut listed = Vec::new();
        let mut parsed = false;
        let sound =
            inflate(&mut &*body, self.limits.digest, AlreadyInflated::Accept, &mut |from| {
                let each = &mut |entry: LogEntry| listed.push((entry.bucket, entry.object));
                parsed = DigestHead::read(from, each).is_ok();
            });
        if sound.is_ok() && parsed {
            lists.append(&mut listed);
        }
    }
}

fn read(body: Box<dyn Read + Send>, limit: u64) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    body.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| format!("reading it failed: {error}"))?;
    if bytes.len() as u64 > limit { Err(too_large(limit)) } else { Ok(bytes) }
}

fn too_large(limit: u64) -> String {
    format!("it is larger than {limit} bytes, which no file of its kind is")
}
