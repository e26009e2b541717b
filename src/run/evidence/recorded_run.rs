//! A verifying run whose objects are recorded: the content of a bag.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::KeptLogs;
use super::keys::RecordingCloudTrail;
use super::objects::{ObjectLines, ObjectStatus, RecordedRoots, ValidLogDiscard, WrittenLines};
use super::pack_request::{PackError, PackRequest, PackSources};
use crate::crypto::PublicKey;
use crate::model::ObjectName;
use crate::report::{ObjectKind, ObjectResult, RunReport};
use crate::run::observe::{Observer, Observers};
use crate::run::pool::Pool;
use crate::run::sources::{Filter, Sources};
use crate::run::verify::{CloudTrail, verify};
use crate::store::recording::RecordedPlace;
use crate::store::{AccessRecord, Recorder, Store};
use crate::verify::Limits;

/// A run, and what it saw.
pub(super) struct RecordedRun {
    /// The stores as they are recorded, each with the folder to start at.
    pub(super) stores: Vec<(Arc<dyn Store>, String)>,
    pub(super) roots: RecordedRoots,
    pub(super) report: RunReport,
    /// All keys that were given or fetched.
    pub(super) keys: Vec<PublicKey>,
    pub(super) records: BTreeMap<RecordedPlace, AccessRecord>,
    pub(super) lines: WrittenLines,
    /// File of the lines of the objects.
    pub(super) lines_file: PathBuf,
}

impl RecordedRun {
    /// Makes the run, and keeps what it reads below a folder for work.
    pub(super) fn make(
        request: &PackRequest,
        sources: PackSources<'_>,
        observer: &dyn Observer,
        work: &Path,
    ) -> Result<Self, PackError> {
        let PackSources { stores, rules, cloudtrail } = sources;
        let recorder = Arc::new(recorder(request, &work.join("kept"))?);
        let stores = stores.iter().enumerate();
        let stores: Vec<_> = stores
            .map(|(number, (store, start))| (recorder.record(number, store.clone()), start.clone()))
            .collect();
        let filter = Filter::of(&request.verify.question, &request.verify.stop);
        let sources = Sources::discover(&stores, &request.insisted, filter);
        let roots = RecordedRoots::of(&sources, &stores);
        let lines_file = work.join("objects.ndjson");
        let discard = (request.logs == KeptLogs::Failed)
            .then(|| ValidLogDiscard { roots: roots.clone(), recorder: recorder.clone() });
        let lines = ObjectLines::begin(&lines_file, discard)?;
        let cloudtrail = cloudtrail.map(RecordingCloudTrail::new);
        let asked = cloudtrail.as_ref().map(|c| c as &dyn CloudTrail);
        let mut keys = rules.keys.keys().to_vec();
        let mut observers = Observers::default();
        observers.attach(observer);
        observers.attach(&lines);
        let report = verify(&request.verify, sources, rules, asked, &observers);
        let lines = lines.finish()?;
        if request.logs != KeptLogs::None {
            fetch_unreferenced(request, &stores, &roots, &lines)?;
        }
        // What could not be kept also stops the run, and says more than that it was stopped.
        let records = recorder.finish()?;
        if request.verify.stop.is_set() {
            return Err(PackError::Interrupted);
        }
        let report = RunReport { finished: request.as_of, ..report? };
        keys.extend(cloudtrail.map(RecordingCloudTrail::into_keys).unwrap_or_default());
        Ok(Self { stores, roots, report, keys, records, lines, lines_file })
    }
}

/// A recorder that keeps bytes in a new folder, and stops the run where it cannot.
fn recorder(request: &PackRequest, folder: &Path) -> io::Result<Recorder> {
    fs::create_dir(folder)?;
    let stop = request.verify.stop.clone();
    let on_failure = Box::new(move || stop.set());
    let keep = match request.logs {
        KeptLogs::None => is_no_log,
        KeptLogs::All | KeptLogs::Failed => any,
    };
    let limits = Limits::default();
    let limit = limits.log.stored.max(limits.digest.stored);
    Ok(Recorder::new(folder, keep, limit, on_failure))
}

fn any(_: &str) -> bool {
    true
}

fn is_no_log(path: &str) -> bool {
    !matches!(ObjectName::parse(path), ObjectName::Log(_))
}

/// Reads the log files that the run did not read, as no digest lists them: they are evidence too.
fn fetch_unreferenced(
    request: &PackRequest,
    stores: &[(Arc<dyn Store>, String)],
    roots: &RecordedRoots,
    lines: &WrittenLines,
) -> io::Result<()> {
    let pool = Pool::start(request.verify.jobs)?;
    let is_invalid_log =
        |status: &ObjectStatus| status.is(ObjectKind::Log) && !status.has(ObjectResult::Valid);
    let unread = lines.statuses.iter().filter(|(_, status)| is_invalid_log(status));
    let mut unread: Vec<_> = unread.map(|(object, _)| object).collect();
    unread.sort();
    for some in unread.chunks(pool.jobs() * 4) {
        let handles: Vec<_> = some
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
        for handle in handles {
            if handle.join(&request.verify.stop).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}
