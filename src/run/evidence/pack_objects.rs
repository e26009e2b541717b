//! Objects on their way into a bag, with their rows of custody.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::custody::{CustodyRow, Packed};
use super::pack_request::PackRequest;
use super::recorded_run::RecordedRun;
use super::{NO_BUCKET, OBJECTS, recomputed};
use crate::model::metadata::SIDECAR_SUFFIX;
use crate::model::{BucketName, Metadata, Sha256Hash};
use crate::store::bag::{BagWriter, is_bag_path};
use crate::store::recording::RecordedPlace;
use crate::store::{AccessRecord, Reading};

/// Puts the objects of a run in its bag.
pub(super) struct ObjectPacker<'a> {
    pub(super) request: &'a PackRequest,
    pub(super) run: &'a RecordedRun,
}

/// Result of packing the objects.
#[derive(Default)]
pub(super) struct PackedObjects {
    /// Rows of custody, by path.
    pub(super) rows: Vec<CustodyRow>,
    /// Sources of objects that could not be put in the bag, each with the cause.
    pub(super) left_out: Vec<(String, String)>,
}

/// An object whose bytes were kept.
struct KeptObject<'a> {
    file: &'a Path,
    size: u64,
    sha256: Sha256Hash,
    metadata: &'a Result<Metadata, String>,
}

impl ObjectPacker<'_> {
    pub(super) fn pack(
        &self,
        bag: &mut BagWriter,
        records: BTreeMap<RecordedPlace, AccessRecord>,
    ) -> io::Result<PackedObjects> {
        let mut packed = PackedObjects::default();
        for (place, record) in records {
            // What lies outside of every AWSLogs folder is none of the run's.
            let Some((bucket, key)) = self.run.roots.key(&place) else { continue };
            let mut row = self.row(&place, bucket, &key, &record);
            if let Reading::Read { size, sha256, metadata, kept: Some(file) } = &record.reading {
                let object = KeptObject { file, size: *size, sha256: *sha256, metadata };
                match object.add(bag, &row.path)? {
                    Ok(note) => {
                        row.packed = Packed::Yes;
                        row.note = note;
                    }
                    Err(cause) => {
                        packed.left_out.push((row.source.clone(), cause.clone()));
                        row.note = cause;
                    }
                }
            }
            packed.rows.push(row);
        }
        packed.rows.sort_by(|a, b| (&a.path, &a.source).cmp(&(&b.path, &b.source)));
        Ok(packed)
    }

    /// The row of an object whose bytes are not in the bag.
    fn row(
        &self,
        place: &RecordedPlace,
        bucket: Option<&BucketName>,
        key: &str,
        record: &AccessRecord,
    ) -> CustodyRow {
        let folder = bucket.map_or(NO_BUCKET, BucketName::as_str);
        let object = (bucket.map(ToString::to_string), key.to_owned());
        let (result, code) = recomputed::result_of(self.run.lines.statuses.get(&object));
        let (size, sha256, packed, acquired, note) = match &record.reading {
            Reading::Read { size, sha256, .. } => {
                let note = recomputed::NOT_KEPT.to_owned();
                (Some(*size), Some(*sha256), Packed::No, true, note)
            }
            Reading::Failed(cause) => {
                (record.listed, None, Packed::Unreadable, true, cause.clone())
            }
            Reading::Unread | Reading::Underway => {
                (record.listed, None, Packed::No, false, recomputed::ONLY_LISTED.to_owned())
            }
        };
        CustodyRow {
            path: format!("{OBJECTS}{folder}/{key}"),
            packed,
            kind: recomputed::kind_of(key).to_owned(),
            source: self.source(place),
            size,
            sha256: sha256.map(|hash| hash.to_string()),
            delivered: record.delivered,
            acquired: acquired.then_some(self.request.as_of),
            by: recomputed::by(&self.request.verify.ran_by),
            result: result.to_owned(),
            code: code.to_owned(),
            note,
        }
    }

    fn source(&self, (number, path): &RecordedPlace) -> String {
        let Some((store, _)) = self.run.stores.get(*number) else { return String::new() };
        match store.bucket() {
            Some(bucket) => format!("s3://{bucket}/{path}"),
            None => format!("directory {}: {path}", store.name()),
        }
    }
}

impl KeptObject<'_> {
    /// Moves its bytes and metadata into the bag. Returns a note on it, or the cause for which it
    /// is left out.
    fn add(&self, bag: &mut BagWriter, path: &str) -> io::Result<Result<String, String>> {
        let sidecar = format!("{path}{SIDECAR_SUFFIX}");
        if !is_bag_path(path) {
            return Ok(Err(recomputed::NO_PATH.into()));
        }
        if !bag.has_room_for(path) || !bag.has_room_for(&sidecar) {
            return Ok(Err(recomputed::NO_ROOM.into()));
        }
        if bag.holds(path) || bag.holds(&sidecar) {
            return Ok(Err(recomputed::SECOND_COPY.into()));
        }
        bag.add_file(path, self.file, self.sha256, self.size)?;
        Ok(Ok(match self.metadata {
            Ok(metadata) => {
                if !metadata.0.is_empty() {
                    bag.add(&sidecar, &metadata.render())?;
                }
                String::new()
            }
            Err(cause) => format!("{}{cause}", recomputed::NO_METADATA),
        }))
    }
}
