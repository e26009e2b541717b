//! One object on its way from a source into the target.
//!
//! What is there already is never written over. A digest that is there without its metadata, as a
//! plain copy leaves it, is completed where the source holds the same bytes; a body and metadata
//! of two different objects are never put together.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

use md5::{Digest as _, Md5};

use super::lists::{ListedLogFile, listed};
use crate::model::metadata::{SIDECAR_SUFFIX, SIGNATURE};
use crate::model::{BucketName, Metadata};
use crate::run::pool::Stop;
use crate::run::sources::{Found, Sources};
use crate::store::directory::is_path;
use crate::store::{Object, Put, Store, StoreError};
use crate::verify::Limits;

/// Bytes of a body that are compared at once.
const PIECE: usize = 64 << 10;

/// File systems take names of 255 bytes, of which metadata and a file that is being written need
/// some. The longest name of a digest takes 215.
const LONGEST_NAME: usize = 221;

/// Cause for which a key cannot become a path, if any.
pub(super) fn path_refusal(key: &str) -> Option<&'static str> {
    if key.contains(char::is_control) {
        Some("its key contains control characters, so it cannot be written to a directory")
    } else if !is_path(key) {
        Some("its key is not possible as a path inside a directory: verify it in the bucket")
    } else if key.split('/').any(|part| part.len() > LONGEST_NAME) {
        Some("a part of its key is too long for a file name")
    } else {
        None
    }
}

/// Cause for which an object is refused by its key alone, if any.
pub(super) fn key_refusal(key: &str) -> Option<&'static str> {
    if let Some(cause) = path_refusal(key) {
        Some(cause)
    } else if key.ends_with(SIDECAR_SUFFIX) {
        Some("in a directory, it would look like the metadata of another object")
    } else if key.ends_with(".json") {
        Some("in a directory, it would look like the unpacked form of another object")
    } else {
        None
    }
}

/// Request to copy one object.
pub(super) struct CopyJob {
    pub(super) bucket: Option<BucketName>,
    pub(super) found: Found,
    /// True if it lies among the digests.
    pub(super) digest: bool,
}

/// Outcome of copying an object.
pub(super) enum CopyOutcome {
    /// Copied.
    Copied {
        /// Its size.
        bytes: u64,
        /// True if it has metadata, which were copied too.
        metadata: bool,
    },
    /// Already there; its metadata were added.
    Completed,
    /// Already there.
    There,
    /// Not written before the run ended.
    Stopped,
    /// Not copied, with the cause.
    Failed(String),
    /// Another object is in its place, which was kept.
    Differs(String),
}

/// Outcome of copying an object, and the log files that it lists.
pub(super) struct CopiedObject {
    pub(super) outcome: CopyOutcome,
    pub(super) digest: bool,
    pub(super) logs: Vec<ListedLogFile>,
}

/// Copies objects, on any thread.
pub(super) struct Copier {
    sources: Arc<Sources>,
    target: Arc<dyn Store>,
    limits: Limits,
    stop: Stop,
    /// Cause for which nothing more can be written.
    full: OnceLock<String>,
    /// Held while something is written.
    writing: RwLock<()>,
    /// Held while a digest is read for what it lists: a hostile one may take much memory.
    reading_digest: Mutex<()>,
}

impl Copier {
    pub(super) fn new(
        sources: Arc<Sources>,
        target: Arc<dyn Store>,
        limits: Limits,
        stop: Stop,
    ) -> Self {
        let (full, writing, reading_digest) = Default::default();
        Self { sources, target, limits, stop, full, writing, reading_digest }
    }

    /// True if nothing more is to be written.
    pub(super) fn has_ended(&self) -> bool {
        self.stop.is_set() || self.full.get().is_some()
    }

    /// Reason for which nothing more can be written, if that is so.
    pub(super) fn full(&self) -> Option<&str> {
        self.full.get().map(String::as_str)
    }

    /// Waits for what is being written. After the end nothing more is.
    pub(super) fn finish_writing(&self) {
        drop(self.writing.write().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn copy(&self, wanted: &CopyJob) -> CopiedObject {
        let (outcome, logs) = self
            .try_copy(wanted)
            .and_then(|outcome| {
                let is_there = matches!(
                    outcome,
                    CopyOutcome::Copied { .. } | CopyOutcome::Completed | CopyOutcome::There
                );
                let logs = if is_there { self.listed_logs(wanted)? } else { Vec::new() };
                Ok((outcome, logs))
            })
            .unwrap_or_else(|cause| (CopyOutcome::Failed(cause), Vec::new()));
        CopiedObject { outcome, digest: wanted.digest, logs }
    }

    fn try_copy(&self, wanted: &CopyJob) -> Result<CopyOutcome, String> {
        let key = &wanted.found.key;
        match self.target.get(key) {
            Err(StoreError::NotFound) => {
                let (mut body, metadata) = self.open(wanted)?;
                self.put(key, &mut body, &metadata)
            }
            Err(error) => Err(unwritten(&error)),
            Ok(local) => self.compare(wanted, local),
        }
    }

    /// Decides on an object that is there: nothing is written over, and it stands for the
    /// source's only with the same content.
    fn compare(&self, wanted: &CopyJob, local: Object) -> Result<CopyOutcome, String> {
        let key = &wanted.found.key;
        let here = match local.metadata {
            Ok(here) => here,
            Err(cause) => {
                return Ok(CopyOutcome::Differs(format!("its existing metadata file: {cause}")));
            }
        };
        let has_metadata = !here.0.is_empty();
        let mut body = local.body;
        if (has_metadata || !wanted.digest)
            && let Some(md5) = wanted.found.md5
        {
            let mut whole = Md5::new();
            let failed = |error| format!("reading the existing file failed: {error}");
            io::copy(&mut body, &mut Md5Writer(&mut whole)).map_err(failed)?;
            if <[u8; 16]>::from(whole.finalize()) == md5 {
                return Ok(CopyOutcome::There);
            }
            // What is encrypted has no such value: only its content tells.
            body = self.target.get(key).map_err(|error| error.to_string())?.body;
        }
        let (mut source, metadata) = self.open(wanted)?;
        if !is_same(&mut source, &mut body)? {
            let cause = "a different file of the same name already exists and was kept";
            return Ok(CopyOutcome::Differs(cause.to_owned()));
        }
        if has_metadata {
            let cause = "its existing metadata file has another signature and was kept";
            return Ok(match here.get(SIGNATURE) == metadata.get(SIGNATURE) {
                true => CopyOutcome::There,
                false => CopyOutcome::Differs(cause.to_owned()),
            });
        }
        if metadata.0.is_empty() {
            return Ok(CopyOutcome::There);
        }
        let (sidecar, text) = (format!("{key}{SIDECAR_SUFFIX}"), metadata.render());
        let length = text.len() as u64;
        let mut text = SourceBody::new(Box::new(io::Cursor::new(text)), length, &self.stop);
        Ok(match self.put(&sidecar, &mut text, &Metadata::default())? {
            CopyOutcome::Copied { .. } => CopyOutcome::Completed,
            other => other,
        })
    }

    /// Opens an object of the source, to be read once.
    fn open(&self, wanted: &CopyJob) -> Result<(SourceBody<'_>, Metadata), String> {
        let Found { key, size, .. } = &wanted.found;
        let limit = if wanted.digest { self.limits.digest.stored } else { self.limits.log.stored };
        if *size > limit {
            return Err(format!(
                "it is larger than {limit} bytes, too large for a file of its kind"
            ));
        }
        let bucket = wanted.bucket.as_ref().map(BucketName::as_str);
        let object = match self.sources.get(bucket, key) {
            Some(Ok(object)) => object,
            Some(Err(StoreError::NotFound)) | None => {
                return Err("it was listed, but no longer exists: the source is changing".into());
            }
            Some(Err(error)) => return Err(error.to_string()),
        };
        let metadata = object.metadata.map_err(|cause| format!("its metadata: {cause}"))?;
        Ok((SourceBody::new(object.body, *size, &self.stop), metadata))
    }

    fn put(
        &self,
        key: &str,
        body: &mut SourceBody<'_>,
        metadata: &Metadata,
    ) -> Result<CopyOutcome, String> {
        let _writing = self.writing.read().unwrap_or_else(PoisonError::into_inner);
        if self.has_ended() {
            return Ok(CopyOutcome::Stopped);
        }
        match self.target.put_new_from(key, body, metadata) {
            Ok(Put::Created) => {
                Ok(CopyOutcome::Copied { bytes: body.read, metadata: !metadata.0.is_empty() })
            }
            Ok(Put::Exists) => {
                Err("another file of the same name was written in the meantime".into())
            }
            Err(_) if self.stop.is_set() => Ok(CopyOutcome::Stopped),
            Err(StoreError::Unwritable(cause)) => {
                let _ = self.full.set(cause);
                Ok(CopyOutcome::Stopped)
            }
            Err(error) => Err(body.failure.take().unwrap_or_else(|| unwritten(&error))),
        }
    }

    /// The log files that a digest of the target lists. What is no digest is for verifying to
    /// tell.
    fn listed_logs(&self, wanted: &CopyJob) -> Result<Vec<ListedLogFile>, String> {
        if !wanted.digest {
            return Ok(Vec::new());
        }
        let _alone = self.reading_digest.lock().unwrap_or_else(PoisonError::into_inner);
        let unread = |cause: String| format!("reading the existing file failed: {cause}");
        let object = self.target.get(&wanted.found.key);
        let mut object = object.map_err(|error| unread(error.to_string()))?;
        listed(&mut object.body, wanted.found.size, self.limits)
            .map_err(|error| unread(error.to_string()))
    }
}

fn unwritten(error: &StoreError) -> String {
    format!("it cannot be written: {error}")
}

/// A body on its way from the source: of the size that it was listed with, or it fails.
struct SourceBody<'a> {
    body: Box<dyn Read + Send>,
    size: u64,
    read: u64,
    stop: &'a Stop,
    /// Error of the store itself, which its reader would blur.
    failure: Option<String>,
}

impl<'a> SourceBody<'a> {
    fn new(body: Box<dyn Read + Send>, size: u64, stop: &'a Stop) -> Self {
        Self { body, size, read: 0, stop, failure: None }
    }

    fn fail(&mut self, cause: String) -> io::Error {
        self.failure = Some(cause.clone());
        io::Error::other(cause)
    }
}

impl Read for SourceBody<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.is_set() {
            return Err(self.fail("the run was stopped".to_owned()));
        }
        let n = match self.body.read(buffer) {
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => return Err(self.fail(format!("reading it failed: {error}"))),
        };
        self.read += n as u64;
        if self.read > self.size || (n == 0 && self.read < self.size) {
            let came = if self.read > self.size { "more" } else { "less" };
            return Err(self.fail(format!(
                "it was listed with {} bytes, but {came} were received: it is changing, or something else answered",
                self.size
            )));
        }
        Ok(n)
    }
}

/// Writer that computes an MD5.
struct Md5Writer<'a>(&'a mut Md5);

impl io::Write for Md5Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// True if the source and the file here hold the same bytes.
fn is_same(source: &mut SourceBody<'_>, here: &mut dyn Read) -> Result<bool, String> {
    let (mut one, mut other) = (Vec::with_capacity(PIECE), Vec::with_capacity(PIECE));
    loop {
        one.clear();
        other.clear();
        let read = source.by_ref().take(PIECE as u64).read_to_end(&mut one);
        if let Err(error) = read {
            return Err(source.failure.take().unwrap_or_else(|| error.to_string()));
        }
        let read = (&mut *here).take(PIECE as u64).read_to_end(&mut other);
        read.map_err(|error| format!("reading the existing file failed: {error}"))?;
        if one != other {
            return Ok(false);
        }
        if one.is_empty() {
            return Ok(true);
        }
    }
}
