//! Head files: what a sealing run left at the end of its chains, for the next run to expect.

use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::cli::Failure;
use crate::cli::output::{WholeFile, unwritable};
use crate::model::{ChainKind, Printable, Sha256Hash};
use crate::report::json;
use crate::run::seal::{ChainHead, SealError, SealOutcome};
use crate::seal::ExpectedHead;

/// A head file: the heads that the last run left.
#[derive(Debug, Serialize, Deserialize)]
struct HeadFile {
    schema: String,
    heads: Vec<HeadLine>,
}

/// One head.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct HeadLine {
    kind: ChainKind,
    key: String,
    sha256: String,
    end: Timestamp,
}

impl HeadLine {
    pub(super) fn of(head: &ChainHead) -> Self {
        let ChainHead { key, hash, end, kind } = head;
        Self { kind: *kind, key: key.clone(), sha256: hash.to_string(), end: *end }
    }
}

const HEAD_SCHEMA: &str = "trailseal.seal-head/1";

/// The heads that a file expects; none where it is not there yet.
pub(super) fn read_heads(file: &Path) -> Result<Vec<ExpectedHead>, Failure> {
    let shown = file.display().to_string();
    let refused = |why: String| {
        Failure::usage(format!("{}: {why}", Printable(&shown))).remedy(
            "use a file written by trailseal seal --head-file, or one that does not exist yet",
        )
    };
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(refused(error.to_string())),
    };
    let heads: HeadFile =
        serde_json::from_slice(&bytes).map_err(|error| refused(error.to_string()))?;
    if heads.schema != HEAD_SCHEMA {
        return Err(refused(format!("the schema is {}, not {HEAD_SCHEMA}", heads.schema)));
    }
    let expected = |head: HeadLine| {
        let hash = Sha256Hash::parse(&head.sha256);
        let hash = hash.ok_or_else(|| refused(format!("{} is not a hash value", head.sha256)))?;
        Ok(ExpectedHead::new(head.key, hash))
    };
    heads.heads.into_iter().map(expected).collect()
}

/// True if a run's heads are to be kept: not those of a chain that was not the expected one, nor
/// where the run did not come to look.
pub(super) fn keeps_heads(report: &SealOutcome, result: &Result<(), SealError>) -> bool {
    let unexpected = matches!(result, Err(SealError::Unexpected(_)));
    report.found.is_some() && !report.heads.is_empty() && !unexpected
}

pub(super) fn write_heads(mut file: WholeFile, report: &SealOutcome) -> Result<(), Failure> {
    let heads = report.heads.iter().map(HeadLine::of).collect();
    let heads = HeadFile { schema: HEAD_SCHEMA.to_owned(), heads };
    let written = json::render(&heads, &mut file);
    written.map_err(|error| unwritable(&file.shown(), &error))?;
    file.complete()
}
