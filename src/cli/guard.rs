//! Outputs that never overwrite evidence.
//!
//! Before anything is read or written, every output of a command is held against what the command
//! reads: nothing goes into a source or over a key file, and an existing file is replaced only by
//! another of its kind. `--force` lifts the last rule alone, and not for keys, digests and log
//! files. Links and `..` are resolved first.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::Failure;
use super::output::place_of;
use crate::crypto::parse_key_file;
use crate::model::Printable;
use crate::report::{Format, ObjectForm};
use crate::source::Scheme;

/// Bytes at the beginning of an existing file that show its kind.
const HEAD: u64 = 64 << 10;
/// Beginning of every gzip member: digests and log files are such, and no output is.
const GZIP: &[u8] = &[0x1f, 0x8b];
/// Beginning of a key in DER, and of no output.
const DER: &[u8] = &[0x30, 0x82];

/// Kind of a file that a command writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "seal"), allow(dead_code))]
pub(super) enum OutputKind {
    /// A report or an estimate.
    Report(Format),
    /// The objects of a run.
    Objects(ObjectForm),
    /// A list of public keys.
    #[cfg_attr(not(feature = "aws"), allow(dead_code))]
    Keys,
    /// The heads of a chain.
    Heads,
    /// A bag, which is never written over anything.
    Bag,
}

impl OutputKind {
    fn name(self) -> String {
        match self {
            Self::Report(format) => format!("{} report", format.as_str()),
            Self::Objects(ObjectForm::Csv) => "table of objects".to_owned(),
            Self::Objects(ObjectForm::JsonLines) => "list of objects".to_owned(),
            Self::Objects(ObjectForm::Parquet) => "Parquet file of objects".to_owned(),
            Self::Keys => "list of public keys".to_owned(),
            Self::Heads => "head file".to_owned(),
            Self::Bag => "bag".to_owned(),
        }
    }

    /// True if a file that begins so is of this kind. An empty one is of any.
    fn fits(self, head: &str) -> bool {
        let first = head.lines().next().unwrap_or_default();
        let columns = |names: &[&str]| {
            let cells: BTreeSet<_> = first.split(',').map(str::trim).collect();
            names.iter().all(|name| cells.contains(name))
        };
        let begins = |words: &[&str]| words.iter().any(|word| head.starts_with(word));
        let ours = head.contains("trailseal");
        head.trim().is_empty()
            || match self {
                Self::Report(format) => match format {
                    Format::Text => {
                        begins(&["VERIFIED", "VIOLATION", "INCOMPLETE", "INTERRUPTED", "ESTIMATE"])
                    }
                    Format::Json => {
                        head.contains("\"trailseal.run/") || head.contains("\"trailseal.estimate/")
                    }
                    Format::Html => begins(&["<!DOCTYPE html", "<!doctype html"]) && ours,
                    Format::Csv => columns(&["code", "severity", "message"]),
                    Format::CoverageCsv => columns(&["seconds", "state", "reason"]),
                    Format::Markdown => begins(&["# CloudTrail integrity"]),
                    Format::Junit => head.contains("<testsuites") && ours,
                    Format::Sarif => head.contains("sarif") && ours,
                    Format::Ocsf => head.contains("\"class_uid\"") && ours,
                    Format::Asff => head.contains("\"AwsAccountId\"") && ours,
                    Format::Oscal => head.contains("assessment-results"),
                    Format::InToto => head.contains("in-toto.io/Statement"),
                    Format::Ndjson => begins(&["{\"schema\":\"trailseal.lines/"]),
                    Format::OpenMetrics => head.contains("trailseal_run_verdict"),
                },
                Self::Objects(ObjectForm::Csv) => columns(&["object", "result", "referenced_by"]),
                Self::Objects(ObjectForm::JsonLines) => {
                    ["\"object\":", "\"result\":", "\"referenced_by\":"]
                        .iter()
                        .all(|field| first.contains(field))
                }
                Self::Objects(ObjectForm::Parquet) => begins(&["PAR1"]) && ours,
                Self::Keys => head.starts_with('{') && head.contains("\"PublicKeyList\""),
                Self::Heads => head.contains("\"trailseal.seal-head/"),
                Self::Bag => false,
            }
    }
}

/// Check of the outputs of one command.
#[derive(Debug, Default)]
pub(super) struct OutputGuard {
    force: bool,
    /// Directories that are read, as they were given and where they are.
    sources: Vec<(String, PathBuf)>,
    /// Files that are read.
    inputs: Vec<PathBuf>,
    outputs: BTreeSet<PathBuf>,
}

impl OutputGuard {
    /// A guard; `force` lets a file of another kind be replaced.
    pub(super) fn new(force: bool) -> Self {
        Self { force, ..Self::default() }
    }

    /// Sources as they are typed. A bucket cannot be written to by an output.
    #[must_use]
    pub(super) fn sources<'s>(mut self, sources: impl IntoIterator<Item = &'s String>) -> Self {
        for source in sources.into_iter().filter(|source| Scheme::of(source).is_path()) {
            self.sources.push((source.clone(), resolved(Path::new(source))));
        }
        self
    }

    /// Files that the command reads.
    #[must_use]
    pub(super) fn inputs<'p>(mut self, files: impl IntoIterator<Item = &'p Path>) -> Self {
        self.inputs.extend(files.into_iter().map(resolved));
        self
    }

    /// Refuses an output that would overwrite evidence.
    ///
    /// # Errors
    /// With what it would overwrite, and what to do.
    pub(super) fn check(
        &mut self,
        flag: &str,
        path: &Path,
        kind: OutputKind,
    ) -> Result<(), Failure> {
        let shown = path.display().to_string();
        let refuse = |why: &str, remedy: &str| {
            let shown = Printable(&shown);
            let message = format!("{flag} {shown}: {why}; nothing was read or written");
            Err(Failure::usage(message).remedy(remedy))
        };
        // Where it leads, and where the file that is written in the end will be.
        for place in BTreeSet::from([resolved(path), place_of(path)]) {
            if let Some((source, _)) = self.sources.iter().find(|(_, root)| place.starts_with(root))
            {
                let why = format!("inside the source {}, which is evidence", Printable(source));
                return refuse(&why, OUTSIDE);
            }
            if place.components().any(|part| part.as_os_str() == OsStr::new("AWSLogs")) {
                return refuse("inside AWSLogs, which contains evidence", OUTSIDE);
            }
            if self.inputs.iter().any(|input| place.starts_with(input)) {
                return refuse(
                    "this is an input file of the command",
                    "choose another output file",
                );
            }
        }
        if !self.outputs.insert(place_of(path)) {
            return refuse("two outputs use this file", "use a separate file for each output");
        }
        match path.metadata() {
            Ok(found) if found.is_file() && kind != OutputKind::Bag => {}
            // Nothing is there, or a device or a pipe, or it is refused as a place for a bag.
            _ => return Ok(()),
        }
        let (mut head, mut end) = (Vec::new(), Vec::new());
        let read = File::open(path).and_then(|mut file| {
            file.by_ref().take(HEAD).read_to_end(&mut head)?;
            // A Parquet file says at its end who wrote it.
            let last = file.metadata()?.len().saturating_sub(HEAD);
            file.seek(SeekFrom::Start(last.max(head.len() as u64)))?;
            file.take(HEAD).read_to_end(&mut end)
        });
        let mut text = String::from_utf8_lossy(&head).into_owned();
        if kind == OutputKind::Objects(ObjectForm::Parquet) {
            text += &String::from_utf8_lossy(&end);
        }
        let own = read.is_ok() && kind.fits(&text);
        if own && kind == OutputKind::Keys {
            return Ok(());
        }
        if let Some(evidence) = evidence(path, &head) {
            let why = format!("{evidence} is never overwritten");
            return refuse(&why, "choose another output file");
        }
        if own || self.force {
            return Ok(());
        }
        let why = match read {
            Ok(_) => format!("exists and is not of the expected kind ({})", kind.name()),
            Err(error) => format!("exists and cannot be read to identify it: {error}"),
        };
        refuse(&why, "choose another name, or replace it with --force")
    }
}

const OUTSIDE: &str = "write it outside of all sources";

/// Kind of evidence that an existing file is.
fn evidence(path: &Path, head: &[u8]) -> Option<&'static str> {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let text = String::from_utf8_lossy(head);
    let is_key = text.contains("PRIVATE KEY-----")
        || head.starts_with(DER)
        || text.contains("\"PublicKeyList\"")
        || parse_key_file("", head).is_ok();
    if is_key {
        return Some("a key file");
    }
    if name.ends_with(".metadata.json") {
        return Some("the metadata of an object");
    }
    let of_cloudtrail = name.ends_with(".json.gz")
        || head.starts_with(GZIP)
        || text.contains("\"digestS3Object\"")
        || text.contains("\"Records\"") && text.contains("\"eventTime\"")
        || name.contains("_CloudTrail");
    of_cloudtrail.then_some("a digest or a log file")
}

/// Path with its links resolved: they are followed to their ends, also to where nothing is yet.
pub(super) fn resolved(path: &Path) -> PathBuf {
    /// Links in a row that the system follows, too.
    const LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        let Ok(target) = path.read_link() else { break };
        path = match path.parent() {
            Some(folder) => folder.join(target),
            None => target,
        };
    }
    let path = std::path::absolute(&path).unwrap_or(path);
    let mut missing = Vec::new();
    for ancestor in path.ancestors() {
        if let Ok(there) = ancestor.canonicalize() {
            return missing.iter().rev().fold(there, |path, part| path.join(part));
        }
        missing.extend(ancestor.file_name());
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_where_their_links_do() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        std::fs::create_dir(root.join("a")).unwrap();
        assert_eq!(resolved(&root.join("a/../b/c")), root.join("b/c"));
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("a", root.join("link")).unwrap();
            std::os::unix::fs::symlink("a/later", root.join("dangling")).unwrap();
            assert_eq!(resolved(&root.join("link/x")), root.join("a/x"));
            assert_eq!(resolved(&root.join("dangling")), root.join("a/later"));
            std::os::unix::fs::symlink("loop", root.join("loop")).unwrap();
            resolved(&root.join("loop"));
        }
    }
}
