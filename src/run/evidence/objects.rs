//! The objects of a run, as an evidence bag has them: a JSON line and a result for each.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;

use super::{NO_BUCKET, OBJECTS};
use crate::model::hash::Sha256Stream;
use crate::model::{BucketName, Sha256Hash};
use crate::report::{ObjectKind, ObjectRecord, ObjectResult, json};
use crate::run::observe::{Observer, RunEvent};
use crate::run::sources::{Root, Sources};
use crate::store::recording::RecordedPlace;
use crate::store::{Recorder, Store};
use crate::verify::Code;

/// Roots of the buckets in the stores of a run, each with the number of its store.
#[derive(Clone)]
pub(super) struct RecordedRoots(Vec<(usize, Root)>);

impl RecordedRoots {
    pub(super) fn of(sources: &Sources, stores: &[(Arc<dyn Store>, String)]) -> Self {
        let number_of = |root: &Root| stores.iter().position(|(store, _)| root.is_of(store));
        Self(sources.roots().filter_map(|root| Some((number_of(root)?, root.clone()))).collect())
    }

    /// The places that a bucket's key may have, the first found first.
    pub(super) fn places(
        &self,
        bucket: Option<&str>,
        key: &str,
    ) -> impl Iterator<Item = RecordedPlace> {
        self.0.iter().filter_map(move |(number, root)| {
            let here = match (&root.logs.bucket, bucket) {
                (Some(root), Some(bucket)) => root.as_str() == bucket,
                _ => true,
            };
            Some((*number, root.logs.path(key).filter(|_| here)?))
        })
    }

    /// The bucket and key of a place.
    pub(super) fn key(
        &self,
        (number, path): &RecordedPlace,
    ) -> Option<(Option<&BucketName>, String)> {
        let (_, root) = self.0.iter().find(|(n, root)| n == number && root.logs.holds(path))?;
        Some((root.logs.bucket.as_ref(), root.logs.key(path)))
    }
}

/// Bucket, where it is known, and key of an object.
pub(super) type BucketKey = (Option<String>, String);

/// The object that lies at a path of a bag.
pub(super) fn object_of(path: &str) -> Option<BucketKey> {
    let (bucket, key) = path.strip_prefix(OBJECTS)?.split_once('/')?;
    Some(((bucket != NO_BUCKET).then(|| bucket.to_owned()), key.to_owned()))
}

/// The path of an object in a bag.
pub(super) fn path_of(bucket: Option<&str>, key: &str) -> String {
    format!("{OBJECTS}{}/{key}", bucket.unwrap_or(NO_BUCKET))
}

/// Statuses of objects.
pub(super) type ObjectStatuses = HashMap<BucketKey, ObjectStatus>;

/// Status of an object, as a run states it. In a bag others may have written it, so it is any text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ObjectStatus {
    object: Cow<'static, str>,
    pub(super) result: Cow<'static, str>,
    pub(super) code: Option<Code>,
}

impl ObjectStatus {
    pub(super) fn is(&self, kind: ObjectKind) -> bool {
        self.object == kind.as_str()
    }

    pub(super) fn has(&self, result: ObjectResult) -> bool {
        self.result == result.as_str()
    }
}

impl From<&ObjectRecord<'_>> for ObjectStatus {
    fn from(record: &ObjectRecord<'_>) -> Self {
        Self {
            object: Cow::Borrowed(record.object.as_str()),
            result: Cow::Borrowed(record.result.as_str()),
            code: record.code,
        }
    }
}

/// Releases the bytes of valid log files as soon as they are judged.
pub(super) struct ValidLogDiscard {
    pub(super) roots: RecordedRoots,
    pub(super) recorder: Arc<Recorder>,
}

impl ValidLogDiscard {
    fn release(&self, record: &ObjectRecord<'_>) {
        if (record.object, record.result) == (ObjectKind::Log, ObjectResult::Valid) {
            for place in self.roots.places(record.bucket.as_deref(), &record.key) {
                self.recorder.discard(&place);
            }
        }
    }
}

/// Observer that makes the lines of a bag's objects, and remembers their results.
#[derive(Default)]
pub(super) struct ObjectLines {
    lines: Mutex<LineWriter>,
    discard: Option<ValidLogDiscard>,
}

#[derive(Default)]
struct LineWriter {
    /// `None` where only their hash value is wanted.
    file: Option<BufWriter<File>>,
    line: Vec<u8>,
    hash: Sha256Stream,
    size: u64,
    statuses: ObjectStatuses,
}

/// All objects of a run, with the hash value and size of their lines.
pub(super) struct WrittenLines {
    pub(super) statuses: ObjectStatuses,
    pub(super) hash: Sha256Hash,
    pub(super) size: u64,
}

impl ObjectLines {
    /// Begins lines that are written to a new file.
    pub(super) fn begin(path: &Path, discard: Option<ValidLogDiscard>) -> io::Result<Self> {
        let file = BufWriter::new(File::options().write(true).create_new(true).open(path)?);
        let lines = LineWriter { file: Some(file), ..LineWriter::default() };
        Ok(Self { lines: Mutex::new(lines), discard })
    }

    pub(super) fn finish(self) -> io::Result<WrittenLines> {
        let lines = self.lines.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut file) = lines.file {
            file.flush()?;
        }
        Ok(WrittenLines { statuses: lines.statuses, hash: lines.hash.finish(), size: lines.size })
    }
}

impl Observer for ObjectLines {
    fn observe(&self, event: &RunEvent<'_>) -> io::Result<()> {
        let RunEvent::Object(record) = event else { return Ok(()) };
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).push(record)?;
        if let Some(discard) = &self.discard {
            discard.release(record);
        }
        Ok(())
    }
}

impl LineWriter {
    fn push(&mut self, record: &ObjectRecord<'_>) -> io::Result<()> {
        self.line.clear();
        json::render_line(record, &mut self.line)?;
        if let Some(file) = &mut self.file {
            file.write_all(&self.line)?;
        }
        self.hash.update(&self.line);
        self.size += self.line.len() as u64;
        let bucket = record.bucket.as_deref().map(str::to_owned);
        self.statuses.insert((bucket, record.key.to_string()), ObjectStatus::from(record));
        Ok(())
    }
}

/// Reads the lines that a bag holds, with their hash value.
pub(super) fn decode(mut reader: impl io::BufRead) -> io::Result<(ObjectStatuses, Sha256Hash)> {
    /// The parts of a line that are compared.
    #[derive(Deserialize)]
    #[serde(expecting = "struct Line")]
    struct ComparedLine {
        object: String,
        result: String,
        code: Option<Code>,
        bucket: Option<String>,
        key: String,
    }
    let (mut statuses, mut hash) = (ObjectStatuses::new(), Sha256Stream::default());
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        hash.update(&line);
        let ComparedLine { object, result, code, bucket, key } = serde_json::from_slice(&line)?;
        let status = ObjectStatus { object: object.into(), result: result.into(), code };
        statuses.insert((bucket, key), status);
        line.clear();
    }
    Ok((statuses, hash.finish()))
}
