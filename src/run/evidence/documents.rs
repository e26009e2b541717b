//! Files of a bag that its check reads as what they are: report, request, custody and keys.

use std::collections::BTreeSet;
use std::io;

use serde::Deserialize;

use super::custody::{self, CustodyRow};
use super::request::{self, SavedRequest};
use super::{CUSTODY, LARGEST, OBJECTS, REQUEST, RUN, keys};
use crate::crypto::PublicKey;
use crate::report::RunReport;
use crate::report::run::SCHEMA as RUN_SCHEMA;
use crate::run::verify::SourceForm;
use crate::store::bag::{BagFault, CheckedBag};

/// Decoded files of a bag; each is `None` where it could not be read, which is among the faults.
pub(super) struct Documents {
    pub(super) run: Option<RunReport>,
    pub(super) request: Option<SavedRequest>,
    pub(super) rows: Option<Vec<CustodyRow>>,
    pub(super) keys: Option<Vec<PublicKey>>,
}

impl Documents {
    pub(super) fn read(bag: &CheckedBag, faults: &mut Vec<BagFault>) -> Self {
        let run = document(bag, RUN, Some(RUN_SCHEMA), faults, |bytes| {
            RunReport::decode(bytes).map_err(|e| e.to_string())
        });
        let request = document(bag, REQUEST, Some(request::SCHEMA), faults, |bytes| {
            serde_json::from_slice(bytes).map_err(|e| e.to_string())
        });
        let rows = document(bag, CUSTODY, None, faults, |bytes| {
            custody::read(bytes).map_err(|e| e.to_string())
        });
        let keys = keys::read(bag).map_err(|error| {
            // A key file that cannot be read was reported with the other files.
            let is_of_another = |fault: &BagFault| {
                fault.is_contradiction() || !fault.path.starts_with(keys::FOLDER)
            };
            if faults.iter().all(is_of_another) {
                faults.push(BagFault::new("bag-malformed", "data/keys", error));
            }
        });
        Self { run, request, rows, keys: keys.ok() }
    }

    /// Form of the sources of the run.
    pub(super) fn form(&self) -> SourceForm {
        self.request.as_ref().map_or(SourceForm::Copy, |request| request.question.form)
    }
}

/// Reads and decodes a file that every bag has.
fn document<T>(
    bag: &CheckedBag,
    path: &str,
    schema: Option<&str>,
    faults: &mut Vec<BagFault>,
    decode: impl FnOnce(&[u8]) -> Result<T, String>,
) -> Option<T> {
    let (code, error) = match bag.read(path, LARGEST) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            ("bag-malformed", error.to_string())
        }
        Err(error) => (BagFault::UNREADABLE, error.to_string()),
        Ok(bytes) => match schema.and_then(|own| other_version(&bytes, own)) {
            Some(error) => (BagFault::NEWER, error),
            None => match decode(&bytes) {
                Ok(document) => return Some(document),
                Err(error) => ("bag-malformed", error),
            },
        },
    };
    let message = format!("It is not a valid file of an evidence bag of this version: {error}.");
    faults.push(BagFault::new(code, path, message));
    None
}

/// Error of JSON whose schema has the name of `own` and another version.
fn other_version(json: &[u8], own: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Header {
        schema: String,
    }
    let Header { schema } = serde_json::from_slice(json).ok()?;
    let name = |schema: &str| schema.rsplit_once('/').map(|(name, _)| name.to_owned());
    (schema != own && name(&schema) == name(own))
        .then(|| format!("its schema is {schema}, and this version reads {own}"))
}

/// Adds objects that lie in the bag without a row, and rows that lead out of it, to the faults.
pub(super) fn check_rows(bag: &CheckedBag, rows: &[CustodyRow], faults: &mut Vec<BagFault>) {
    for row in rows.iter().filter(|row| row.path.split('/').any(|part| part == "..")) {
        faults.push(BagFault::new(
            "bag-malformed",
            &row.path,
            "A custody row has a path outside the bag.",
        ));
    }
    let known: BTreeSet<_> = rows.iter().map(|row| row.path.as_str()).collect();
    for path in bag.payload.keys().filter(|path| path.starts_with(OBJECTS)) {
        let owner = path.strip_suffix(crate::model::metadata::SIDECAR_SUFFIX);
        let is_sidecar = owner.is_some_and(|of| known.contains(of) && bag.payload.contains_key(of));
        if !known.contains(path.as_str()) && !is_sidecar {
            faults.push(BagFault::new("bag-extra", path, "No custody row names it."));
        }
    }
}
