//! Packing: the run, and the bag of what it saw. Memory holds a record for every object seen, some
//! hundreds of bytes each; bytes are kept on disk, beside the bag's place.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::custody::{self, CustodyRow, Packed};
use super::pack_objects::{ObjectPacker, PackedObjects};
use super::recorded_run::RecordedRun;
use super::request::SavedRequest;
use super::seal::{BagSealError, SealSubject, seal};
use super::{BROWSER_PAGE, CUSTODY, GUIDE, KeptLogs, LINES, PAGE, REQUEST, RUN, SCRIPT};
use super::{controls, guide, keys, recomputed, seal_files};
use crate::model::Sha256Hash;
use crate::report::{RunReport, Unreferenced, html, json};
use crate::run::observe::Observer;
use crate::store::bag::BagWriter;

pub use super::pack_request::{PackError, PackRequest, PackSources};
pub use super::seal::SealOptions;

/// A bag that lies in the folder it was packed in.
#[derive(Debug)]
pub struct PackedBag {
    /// The bag's folder.
    pub folder: PathBuf,
    /// Report of the run.
    pub report: RunReport,
    /// Number of objects in it.
    pub objects: u64,
    /// Objects that were seen and are not in it, though they should be: each with its cause.
    pub left_out: Vec<(String, String)>,
    /// The hash value of its tag manifest.
    pub tag_manifest: Sha256Hash,
    /// Cause for which it has no time-stamp though one was requested.
    pub no_time_stamp: Option<String>,
    /// Warnings on what could not be fetched; the bag is whole without.
    pub warnings: Vec<String>,
}

/// Makes the run, and a bag of it below a folder for work, which must be empty.
///
/// # Errors
/// When there can be no whole bag; the folder may then hold parts of one.
pub fn pack(
    request: &PackRequest,
    sources: PackSources<'_>,
    observer: &dyn Observer,
    work: &Path,
) -> Result<PackedBag, PackError> {
    let folder = work.join("bag");
    fs::create_dir(&folder)?;
    let mut run = RecordedRun::make(request, sources, observer, work)?;
    let mut writer = BagWriter::new(&folder);
    let records = std::mem::take(&mut run.records);
    let PackedObjects { rows, left_out } =
        ObjectPacker { request, run: &run }.pack(&mut writer, records)?;
    let run_hash = add_documents(&mut writer, request, &run, &rows)?;
    let report = run.report;
    let mut bag = UnsealedBag { request, writer, folder: &folder, report: &report, run: run_hash };
    let ((tag_manifest, warnings), no_time_stamp) = match bag.seal(true) {
        // What was verified for hours is kept. It is signed anew: the signed files say whether
        // there is a time-stamp, so that one that is taken away is missed.
        Err(PackError::Seal(error @ BagSealError::Authority(..))) => {
            (bag.seal(false)?, Some(error.to_string()))
        }
        sealed => (sealed?, None),
    };
    Ok(PackedBag {
        objects: rows.iter().filter(|row| row.packed == Packed::Yes).count() as u64,
        report,
        left_out,
        tag_manifest: Sha256Hash::of(&tag_manifest),
        no_time_stamp,
        warnings,
        folder,
    })
}

/// Adds all files but the objects, the guide and those of every bag. Returns the hash value of the
/// report.
fn add_documents(
    bag: &mut BagWriter,
    request: &PackRequest,
    run: &RecordedRun,
    rows: &[CustodyRow],
) -> io::Result<Sha256Hash> {
    let rendered = |render: &dyn Fn(&mut Vec<u8>) -> io::Result<()>| {
        let mut bytes = Vec::new();
        render(&mut bytes).map(|()| bytes)
    };
    let RecordedRun { report, lines, lines_file, .. } = run;
    bag.add(CUSTODY, &custody::render(rows)?)?;
    keys::write(bag, &run.keys)?;
    bag.add_file(LINES, lines_file, lines.hash, lines.size)?;
    let run_json = rendered(&|out| json::render(report, out))?;
    bag.add(RUN, &run_json)?;
    bag.add(PAGE, &rendered(&|out| html::render(report, out))?)?;
    controls::write(bag, report)?;
    let saved = SavedRequest::of(&request.verify, request.logs);
    bag.add(REQUEST, &rendered(&|out| json::render(&saved, out))?)?;
    bag.add(SCRIPT, guide::script().as_bytes())?;
    bag.add(BROWSER_PAGE, guide::browser_page().as_bytes())?;
    Ok(Sha256Hash::of(&run_json))
}

/// A bag that lacks its guide, its tag files and its seal.
struct UnsealedBag<'a> {
    request: &'a PackRequest,
    writer: BagWriter,
    folder: &'a Path,
    report: &'a RunReport,
    /// Hash value of the report's file.
    run: Sha256Hash,
}

impl UnsealedBag<'_> {
    /// Writes the guide and the tag files, anew where they are there, and seals the bag; `stamped`
    /// is whether its authority is asked for a time-stamp. Returns the tag manifest, and warnings.
    fn seal(&mut self, stamped: bool) -> Result<(Vec<u8>, Vec<String>), PackError> {
        let Self { request, writer, folder, report, run } = self;
        let PackRequest { name, as_of, logs, .. } = *request;
        let sealed = sealed_how(request, stamped);
        let contents = guide::GuideContents::of(*logs, &sealed, writer.payload());
        let text = guide::render(report, contents);
        writer.remove(GUIDE)?;
        writer.add(GUIDE, text.as_bytes())?;
        let tag_manifest = writer.finish(*as_of, &info(name, report, *logs, &sealed))?;
        let subject = SealSubject { name, tag_manifest: &tag_manifest, run: *run, report };
        let warnings = seal(folder, &subject, &request.seal, stamped, *as_of)?;
        Ok((tag_manifest, warnings))
    }
}

/// Lines of `bag-info.txt` on a run, beside those that every bag has. `sealed` are the words for
/// the parts of the seal.
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

/// The words for the parts of the seal; `stamped` is whether the authority gave its time-stamp.
fn sealed_how(request: &PackRequest, stamped: bool) -> String {
    let asked = request.seal.authority.is_some();
    let has = [request.seal.signer.is_some(), asked && stamped, !request.seal.lists.is_empty()];
    let parts = seal_files::PARTS.iter().zip(has).filter(|(_, has)| *has);
    let mut words: Vec<_> = parts.map(|((word, _), _)| *word).collect();
    words.extend((asked && !stamped).then_some(seal_files::PENDING));
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}
