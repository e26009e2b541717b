//! Packing: the run, and the bag of what it saw. Memory holds a record for every object seen, some
//! hundreds of bytes each; bytes are kept on disk, beside the bag's place.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::custody::{self, CustodyRow, Packed};
use super::objects::{
    ObjectLines, ObjectStatus, ObjectStatuses, RecordedRoots, ValidLogDiscard, WrittenLines,
};
use super::request::SavedRequest;
use super::seal::BagSealError;
use super::{
    BROWSER_PAGE, CUSTODY, GUIDE, KeptLogs, LINES, NO_BUCKET, OBJECTS, PAGE, REQUEST, RUN, SCRIPT,
};
use super::{controls, guide, keys, recomputed, seal, seal_files};
use crate::model::metadata::SIDECAR_SUFFIX;
use crate::model::{BucketName, Metadata, ObjectName, Sha256Hash};
use crate::report::{ObjectKind, ObjectResult, RunReport, Unreferenced, html, json};
use crate::run::observe::{Observer, Observers};
use crate::run::pool::Pool;
use crate::run::sources::{Filter, Insisted, Sources};
use crate::run::verify::{CloudTrail, VerifyRequest, verify};
use crate::store::bag::{BagWriter, is_bag_path};
use crate::store::recording::RecordedPlace;
use crate::store::{AccessRecord, Reading, Recorder, Store};
use crate::verify::Limits;
use crate::verify::digest::Rules;

pub use super::seal::SealOptions;

/// What is to be packed.
pub struct PackRequest {
    /// The run.
    pub verify: VerifyRequest,
    /// What the user insists on of a copy.
    pub insisted: Insisted,
    /// Which log files the bag is to hold.
    pub logs: KeptLogs,
    /// The time that the bag and the run in it are of.
    pub as_of: Timestamp,
    /// The bag's name.
    pub name: String,
    /// What it is sealed with.
    pub seal: SealOptions,
}

/// Why there is no bag.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// The run was interrupted.
    #[error("interrupted: no bag was made")]
    Interrupted,
    /// Something cannot be written or read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It cannot be sealed.
    #[error(transparent)]
    Seal(#[from] BagSealError),
}

/// A bag that lies in the folder it was packed in.
#[derive(Debug)]
pub struct PackedBag {
    /// The bag's folder.
    pub folder: PathBuf,
    /// What the run came to.
    pub report: RunReport,
    /// How many objects are in it.
    pub objects: u64,
    /// Objects that were seen and are not in it, though they should be: each with its cause.
    pub left_out: Vec<(String, String)>,
    /// The hash value of its tag manifest.
    pub tag_manifest: Sha256Hash,
    /// Cause for it to have no time-stamp though one was asked for.
    pub no_time_stamp: Option<String>,
    /// What could not be fetched, though the bag is whole without.
    pub warnings: Vec<String>,
}

/// Makes the run, and a bag of it below a folder for work, which must be empty.
///
/// # Errors
/// When there can be no whole bag; the folder may then hold parts of one.
pub fn pack(
    request: &PackRequest,
    stores: &[(Arc<dyn Store>, String)],
    rules: Rules,
    cloudtrail: Option<&dyn CloudTrail>,
    observer: &dyn Observer,
    work: &Path,
) -> Result<PackedBag, PackError> {
    let (kept, folder) = (work.join("kept"), work.join("bag"));
    fs::create_dir(&kept)?;
    fs::create_dir(&folder)?;
    let stop = request.verify.stop.clone();
    let on_failure = Box::new(move || stop.set());
    let keep = match request.logs {
        KeptLogs::None => is_no_log,
        KeptLogs::All | KeptLogs::Failed => any,
    };
    let limits = Limits::default();
    let limit = limits.log.stored.max(limits.digest.stored);
    let recorder = Arc::new(Recorder::new(&kept, keep, limit, on_failure));
    let stores: Vec<_> = stores
        .iter()
        .enumerate()
        .map(|(number, (store, start))| (recorder.record(number, store.clone()), start.clone()))
        .collect();
    let filter = Filter::of(&request.verify.question, &request.verify.stop);
    let sources = Sources::discover(&stores, &request.insisted, filter);
    let roots = RecordedRoots(
        sources
            .roots()
            .filter_map(|root| Some((stores.iter().position(|s| root.is_of(&s.0))?, root.clone())))
            .collect(),
    );
    let lines_file = work.join("objects.ndjson");
    let discard = (request.logs == KeptLogs::Failed)
        .then(|| ValidLogDiscard { roots: roots.clone(), recorder: recorder.clone() });
    let lines = ObjectLines::begin(&lines_file, discard)?;
    let remembering = cloudtrail.map(keys::RememberedKeys::new);
    let asked = remembering.as_ref().map(|c| c as &dyn CloudTrail);
    let mut all_keys = rules.keys.keys().to_vec();
    let mut observers = Observers::default();
    observers.attach(observer);
    observers.attach(&lines);
    let run = verify(&request.verify, sources, rules, asked, &observers);
    let WrittenLines { judged, hash: lines_hash, size: lines_size } = lines.finish()?;
    if request.logs != KeptLogs::None {
        fetch_unreferenced(request, &stores, &roots, &judged)?;
    }
    // What could not be kept also stops the run, and says more than that it was stopped.
    let records = recorder.finish()?;
    if request.verify.stop.is_set() {
        return Err(PackError::Interrupted);
    }
    let mut report = run?;
    report.finished = request.as_of;
    all_keys.extend(remembering.map(keys::RememberedKeys::into_keys).unwrap_or_default());

    let mut bag = BagWriter::new(&folder);
    let packing = ObjectPacker { request, roots: &roots, stores: &stores, judged: &judged };
    let (rows, left_out) = packing.objects(&mut bag, records)?;
    bag.add(CUSTODY, &custody::render(&rows)?)?;
    keys::write(&mut bag, &all_keys)?;
    bag.take(LINES, &lines_file, lines_hash, lines_size)?;
    let mut run = Vec::new();
    json::render(&report, &mut run)?;
    bag.add(RUN, &run)?;
    let mut page = Vec::new();
    html::render(&report, &mut page)?;
    bag.add(PAGE, &page)?;
    controls::write(&mut bag, &report)?;
    let mut saved = Vec::new();
    json::render(&SavedRequest::of(&request.verify, request.logs), &mut saved)?;
    bag.add(REQUEST, &saved)?;
    bag.add(SCRIPT, guide::script().as_bytes())?;
    bag.add(BROWSER_PAGE, guide::browser_page().as_bytes())?;
    let run = Sha256Hash::of(&run);
    let mut close = |stamped: bool| close(request, &mut bag, &folder, &report, run, stamped);
    let ((tag_manifest, warnings), no_time_stamp) = match close(true) {
        // What was verified for hours is kept. It is signed anew: the signed files say whether
        // there is a time-stamp, so that one that is taken away is missed.
        Err(PackError::Seal(error @ BagSealError::Authority(..))) => {
            (close(false)?, Some(error.to_string()))
        }
        closed => (closed?, None),
    };
    Ok(PackedBag {
        folder,
        objects: rows.iter().filter(|row| row.packed == Packed::Yes).count() as u64,
        report,
        left_out,
        tag_manifest: Sha256Hash::of(&tag_manifest),
        no_time_stamp,
        warnings,
    })
}

/// Writes the guide and the tag files, and seals the bag; `stamped` is whether its authority is
/// asked for a time-stamp. Returns the tag manifest, and warnings.
fn close(
    request: &PackRequest,
    bag: &mut BagWriter,
    folder: &Path,
    report: &RunReport,
    run: Sha256Hash,
    stamped: bool,
) -> Result<(Vec<u8>, Vec<String>), PackError> {
    let sealed = sealed_how(request, stamped);
    let contents = guide::GuideContents::of(request.logs, &sealed, bag.payload());
    let text = guide::render(report, contents);
    bag.take_back(GUIDE)?;
    bag.add(GUIDE, text.as_bytes())?;
    let info = info(&request.name, report, request.logs, &sealed);
    let tag_manifest = bag.finish(request.as_of, &info)?;
    let what = seal::SealSubject { name: &request.name, tag_manifest: &tag_manifest, run, report };
    let warnings = seal::seal(folder, &what, &request.seal, stamped, request.as_of)?;
    Ok((tag_manifest, warnings))
}

fn any(_: &str) -> bool {
    true
}

fn is_no_log(path: &str) -> bool {
    !matches!(ObjectName::parse(path), ObjectName::Log(_))
}

/// Lines of `bag-info.txt` on a run, beside those that every bag has. `sealed` is which parts the
/// seal has, in the words for them.
pub(super) fn info(
    name: &str,
    report: &RunReport,
    logs: KeptLogs,
    sealed: &str,
) -> Vec<(&'static str, String)> {
    let operator = report.ran_by.operator.clone();
    let mut info = vec![
        ("Bag-Software-Agent", format!("{} {}", report.tool.name, report.tool.version)),
        ("External-Description", "AWS CloudTrail digests and log files with a verification report; VERIFY.md explains how to check them".to_owned()),
        (recomputed::NAME, name.to_owned()),
        ("Trailseal-As-Of", report.finished.to_string()),
        ("Trailseal-Verdict", report.verdict.to_string()),
        ("Trailseal-Logs", logs.as_str().to_owned()),
        (seal_files::LABEL, sealed.to_owned()),
    ];
    match report.scope.unreferenced {
        Unreferenced::Violation => {}
        weighs => info.push(("Trailseal-Unreferenced", format!("{weighs:?}").to_lowercase())),
    }
    info.extend(operator.map(|operator| ("Contact-Name", operator)));
    info
}

/// Which parts the seal has; `stamped` is whether the authority gave its time-stamp.
fn sealed_how(request: &PackRequest, stamped: bool) -> String {
    let asked = request.seal.authority.is_some();
    let has = [request.seal.signer.is_some(), asked && stamped, !request.seal.lists.is_empty()];
    let parts = seal_files::PARTS.iter().zip(has).filter(|(_, has)| *has);
    let mut words: Vec<_> = parts.map(|((word, _), _)| *word).collect();
    words.extend((asked && !stamped).then_some(seal_files::PENDING));
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

/// Log files that no digest lists are evidence too, and the run does not read them.
fn fetch_unreferenced(
    request: &PackRequest,
    stores: &[(Arc<dyn Store>, String)],
    roots: &RecordedRoots,
    judged: &ObjectStatuses,
) -> io::Result<()> {
    let pool = Pool::start(request.verify.jobs)?;
    let log_not_valid = |said: &ObjectStatus| {
        said.is(ObjectKind::Log) && said.result != ObjectResult::Valid.as_str()
    };
    let unread = judged.iter().filter(|(_, said)| log_not_valid(said));
    let mut unread: Vec<_> = unread.map(|(object, _)| object).collect();
    unread.sort();
    for some in unread.chunks(pool.jobs() * 4) {
        let tickets: Vec<_> = some
            .iter()
            .flat_map(|(bucket, key)| roots.places(bucket.as_deref(), key))
            .filter_map(|(number, path)| Some((stores.get(number)?.0.clone(), path)))
            .map(|(store, path)| {
                pool.submit(move || {
                    // What cannot be read is recorded as that.
                    if let Ok(mut object) = store.get(&path) {
                        let _ = io::copy(&mut object.body, &mut io::sink());
                    }
                })
            })
            .collect();
        for ticket in tickets {
            if ticket.redeem(&request.verify.stop).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The objects on their way into the bag.
struct ObjectPacker<'a> {
    request: &'a PackRequest,
    roots: &'a RecordedRoots,
    stores: &'a [(Arc<dyn Store>, String)],
    judged: &'a ObjectStatuses,
}

type Rows = (Vec<CustodyRow>, Vec<(String, String)>);

impl ObjectPacker<'_> {
    fn objects(
        &self,
        bag: &mut BagWriter,
        records: BTreeMap<RecordedPlace, AccessRecord>,
    ) -> io::Result<Rows> {
        let (mut rows, mut left_out) = (Vec::new(), Vec::new());
        for (place, record) in records {
            // What lies outside of every AWSLogs folder is none of the run's.
            let Some((bucket, key)) = self.roots.key(&place) else { continue };
            let mut row = self.row(&place, bucket, &key, &record);
            if let Reading::Read { size, sha256, metadata, kept: Some(file) } = &record.reading {
                match self.add(bag, &row.path, file, *sha256, *size, metadata)? {
                    Ok(note) => {
                        row.packed = Packed::Yes;
                        row.note = note;
                    }
                    Err(cause) => {
                        left_out.push((row.source.clone(), cause.clone()));
                        row.note = cause;
                    }
                }
            }
            rows.push(row);
        }
        rows.sort_by(|a, b| (&a.path, &a.source).cmp(&(&b.path, &b.source)));
        Ok((rows, left_out))
    }

    fn row(
        &self,
        place: &RecordedPlace,
        bucket: Option<&BucketName>,
        key: &str,
        record: &AccessRecord,
    ) -> CustodyRow {
        let folder = bucket.map_or(NO_BUCKET, BucketName::as_str);
        let judged = self.judged.get(&(bucket.map(ToString::to_string), key.to_owned()));
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
        let (result, code) = recomputed::result_of(judged);
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
        let Some((store, _)) = self.stores.get(*number) else { return String::new() };
        match store.bucket() {
            Some(bucket) => format!("s3://{bucket}/{path}"),
            None => format!("directory {}: {path}", store.name()),
        }
    }

    /// Puts one object's bytes and metadata in the bag; what to note of it, or why not.
    fn add(
        &self,
        bag: &mut BagWriter,
        path: &str,
        file: &Path,
        hash: Sha256Hash,
        size: u64,
        metadata: &Result<Metadata, String>,
    ) -> io::Result<Result<String, String>> {
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
        bag.take(path, file, hash, size)?;
        Ok(Ok(match metadata {
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
