//! Claims of a bag on its own files, recomputed from those files: custody, the lines of the objects,
//! metadata, and `bag-info.txt`. Whoever rewrites a bag without a seal can rewrite these,
//! so each cell that follows from the content is compared with the content. What does not follow
//! from it (who read an object, when and from where, and what a store said of its delivery) is the
//! packer's word, and the result of a check says so.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::custody::{CustodyRow, Packed};
use super::objects::{ObjectStatus, ObjectStatuses, object_of};
use super::reverify::Reverification;
use super::{CUSTODY, LINES};
use crate::model::ObjectName;
use crate::report::{ObjectKind, RanBy, RunReport};
use crate::run::verify::SourceForm;
use crate::store::bag::{CheckedBag, INFO};

/// Claim that the content contradicts: the file that makes it, and a sentence.
pub(super) type Claim = (String, String);

/// Cells of custody that contradict the bag's files or its report.
pub(super) fn custody(
    bag: &CheckedBag,
    rows: &[CustodyRow],
    run: &RunReport,
    form: SourceForm,
) -> Vec<Claim> {
    let mut claims = Vec::new();
    let mut by_path: BTreeMap<&str, Vec<&CustodyRow>> = BTreeMap::new();
    for row in rows {
        by_path.entry(row.path.as_str()).or_default().push(row);
    }
    for (path, rows) in by_path {
        let packed = rows.iter().filter(|row| row.packed == Packed::Yes).count();
        let there = bag.payload.contains_key(path);
        let says = |said: &str| (path.to_owned(), format!("By its row of custody {said}."));
        match (there, packed) {
            (true, 1) | (false, 0) => {}
            (true, 0) => claims.push(says("it is not in the bag, and it is")),
            (false, _) => claims.push(says("it is in the bag, and it is not")),
            (true, _) => claims.push(says("it is in the bag more than once")),
        }
        for row in rows {
            check_cells(bag, row, run, form, &mut |said| claims.push(says(said)));
        }
    }
    claims
}

fn check_cells(
    bag: &CheckedBag,
    row: &CustodyRow,
    run: &RunReport,
    form: SourceForm,
    says: &mut dyn FnMut(&str),
) {
    let Some((_, key)) = object_of(&row.path) else {
        return says("it is no object");
    };
    if row.kind != kind_of(&key) {
        says(&format!("it is of the kind {}", row.kind));
    }
    if row.by != by(&run.ran_by) {
        says("somebody else read it than made the run");
    }
    let read = row.sha256.is_some() || row.packed == Packed::Unreadable;
    if row.acquired != read.then_some(run.finished) {
        says("it was read at another time than the run, or was not read");
    }
    if row.delivered.is_some() && form == SourceForm::Copy {
        says("a copy knew when it was delivered, which no copy does");
    }
    let there = bag.payload.get(&row.path);
    let fits = match row.packed {
        Packed::Yes => {
            let size = bag.dir.metadata(&row.path).ok().map(|found| found.len());
            if there.is_some() && (row.size.is_none() || size.is_some() && row.size != size) {
                says("it has another size than its bytes");
            }
            let hash = there.map(ToString::to_string);
            if there.is_some() && row.sha256 != hash {
                says("it has another hash value than its bytes");
            }
            row.note.is_empty() || row.note.starts_with(NO_METADATA)
        }
        Packed::No if row.sha256.is_some() => LEFT_OUT.contains(&row.note.as_str()),
        Packed::No => row.note == ONLY_LISTED,
        Packed::Unreadable => row.sha256.is_none() && !row.note.is_empty(),
    };
    if !fits {
        says(&format!("its note is \"{}\", which does not go with the rest of the row", row.note));
    }
}

/// The beginning of the note on an object whose metadata could not be read.
pub(super) const NO_METADATA: &str = "its metadata could not be read: ";
/// The note on an object that nobody read.
pub(super) const ONLY_LISTED: &str = "it was listed, and not read";
/// The note on an object whose bytes were not to be kept.
pub(super) const NOT_KEPT: &str = "its bytes were not kept";
/// The notes on objects that cannot be put in a bag.
pub(super) const NO_PATH: &str = "its key cannot be a path in a bag";
pub(super) const NO_ROOM: &str = "its key is too long for a disk, or is a folder of another key";
pub(super) const SECOND_COPY: &str = "another copy of it is in the bag";
const LEFT_OUT: [&str; 4] = [NOT_KEPT, NO_PATH, NO_ROOM, SECOND_COPY];

/// Kind of an object, by its key.
pub(super) fn kind_of(key: &str) -> &'static str {
    match ObjectName::parse(key) {
        ObjectName::Digest(_) => "digest",
        ObjectName::Log(_) => "log",
        ObjectName::Unknown => "other",
    }
}

/// Reader of the objects of a run.
pub(super) fn by(ran_by: &RanBy) -> String {
    match (&ran_by.identity, &ran_by.operator) {
        (Some(identity), Some(operator)) => format!("identity {identity}, operator {operator}"),
        (Some(identity), None) => format!("identity {identity}"),
        (None, Some(operator)) => format!("operator {operator}"),
        (None, None) => "not stated".to_owned(),
    }
}

/// Result and code of an object, in the words of custody.
pub(super) fn result_of(said: Option<&ObjectStatus>) -> (&str, &str) {
    match said {
        Some(said) => (&said.result, said.code.map_or("", |code| code.as_str())),
        None => ("not checked", ""),
    }
}

/// Results in custody, and lines of objects, that differ from those of verifying the content again.
/// `logs` is whether the bag is to hold all log files that the run read.
pub(super) fn results(
    rows: &[CustodyRow],
    told: Option<&ObjectStatuses>,
    reverified: &Reverification,
    logs: bool,
) -> Vec<Claim> {
    let mut claims = Vec::new();
    for row in rows.iter().filter(|row| row.packed == Packed::Yes) {
        let Some(object) = object_of(&row.path) else { continue };
        // What was verified beyond the request has no result in the run.
        let asked = reverified.asked.contains(&object);
        let line = reverified.statuses.get(&object).filter(|_| asked || !logs && row.kind == "log");
        let (told, found) = ((row.result.as_str(), row.code.as_str()), result_of(line));
        if told != found {
            let message = format!(
                "{CUSTODY} calls it {}, its content comes to {}.",
                in_words(told),
                in_words(found)
            );
            claims.push((row.path.clone(), message));
        }
    }
    // Lines of the very same bytes need no comparing.
    let Some(told) = told else { return claims };
    let comparable = |said: &ObjectStatus| logs || !said.is(ObjectKind::Log);
    let all: BTreeSet<_> = told.keys().chain(&reverified.asked).collect();
    let mut differ = all.into_iter().filter(|object| {
        let (told, found) = (told.get(*object), reverified.statuses.get(*object));
        let found = found.filter(|_| reverified.asked.contains(*object));
        told.or(found).is_some_and(comparable) && told != found
    });
    if let Some((_, key)) = differ.next() {
        let more = differ.count();
        let message = format!(
            "It says other things of {} objects than verifying them comes to, the first of them {key}.",
            more + 1
        );
        claims.push((LINES.to_owned(), message));
    }
    claims
}

fn in_words((result, code): (&str, &str)) -> String {
    [result, code].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Lines of `bag-info.txt` that differ from those of a bag of this run. The bag's own name is in none
/// of its other files, unless it is sealed.
pub(super) fn info(
    bag: &CheckedBag,
    expected: &[(&'static str, String)],
    as_of: Timestamp,
) -> Vec<Claim> {
    let date = as_of.strftime("%Y-%m-%d").to_string();
    let own = [("Bagging-Date", date)];
    let mut expected: BTreeMap<&str, String> = expected
        .iter()
        .map(|(label, value)| (*label, value.clone()))
        .chain(own)
        .map(|(label, value)| (label, crate::store::bag::one_line(&value).trim().to_owned()))
        .collect();
    let mut claims = Vec::new();
    let mut says = |said: String| claims.push((INFO.to_owned(), said));
    for (label, value) in &bag.info {
        match expected.remove(label.as_str()) {
            _ if label == "Payload-Oxum" => {}
            Some(_) if label == NAME => {}
            Some(expected) if expected == *value => {}
            Some(expected) => {
                says(format!("It says {label}: {value}, and its report and request {expected}."));
            }
            None => says(format!(
                "It says {label}: {value}, which is in no evidence bag, or is said twice."
            )),
        }
    }
    expected.into_keys().for_each(|label| says(format!("It does not say {label}.")));
    claims
}

/// The label of the bag's own name.
pub(super) const NAME: &str = "External-Identifier";

/// Metadata files that hold more than their metadata.
pub(super) fn sidecars(bag: &CheckedBag) -> Vec<Claim> {
    use crate::model::Metadata;
    use crate::model::metadata::SIDECAR_SUFFIX;
    let mut claims = Vec::new();
    for path in bag.payload.keys().filter(|path| object_of(path).is_some()) {
        let Some(owner) = path.strip_suffix(SIDECAR_SUFFIX) else { continue };
        if !bag.payload.contains_key(owner) {
            continue;
        }
        let Ok(bytes) = bag.read(path, LARGEST_SIDECAR) else { continue };
        if Metadata::decode(&bytes).map(|metadata| metadata.render()).ok() != Some(bytes) {
            let message = "It holds something else than the metadata of the object beside it.";
            claims.push((path.clone(), message.to_owned()));
        }
    }
    claims
}

/// S3 allows 2 KB of user metadata.
const LARGEST_SIDECAR: u64 = 64 << 10;
