//! The custody rows: what was seen, when, from where, by which identity, and its hash values.
//!
//! Every cell that holds a name begins with text of our own, so that no spreadsheet takes one for
//! a formula.

use std::io;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Presence of an object's bytes in the bag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Packed {
    /// Present.
    Yes,
    /// Absent: not requested, or left out.
    No,
    /// Absent, as they could not be read.
    Unreadable,
}

/// Row of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CustodyRow {
    /// Its path in the bag, also where its bytes are absent.
    pub(super) path: String,
    pub(super) packed: Packed,
    /// `digest`, `log` or `other`, by its key.
    pub(super) kind: String,
    /// Address that it was read from.
    pub(super) source: String,
    /// Its bytes as stored.
    pub(super) size: Option<u64>,
    /// The hash value of its bytes as stored, as they were read.
    pub(super) sha256: Option<String>,
    /// Time of its delivery, as the store states it.
    pub(super) delivered: Option<Timestamp>,
    /// Time at which it was read; empty where it was only listed.
    pub(super) acquired: Option<Timestamp>,
    /// Reader: identity and operator.
    pub(super) by: String,
    /// Result of the run.
    pub(super) result: String,
    pub(super) code: String,
    /// Further note.
    pub(super) note: String,
}

/// Rows as a table.
pub(super) fn render(rows: &[CustodyRow]) -> io::Result<Vec<u8>> {
    let mut table =
        csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        table.serialize(row).map_err(io::Error::other)?;
    }
    table.into_inner().map_err(|error| error.into_error())
}

/// Reads a table.
pub(super) fn read(table: &[u8]) -> io::Result<Vec<CustodyRow>> {
    csv::Reader::from_reader(table).deserialize().map(|row| row.map_err(io::Error::other)).collect()
}
