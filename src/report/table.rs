//! Tables as RFC 4180 has them: a head, then a row a line, ended by CR LF, in UTF-8.
//!
//! Whoever opens such a file opens it in a spreadsheet, which takes a cell for a formula that
//! begins with `=`, `+`, `-` or `@`, and may run commands for it. A `'` before it makes it text.
//! That holds behind quotation marks and spaces too, which spreadsheets strip, and behind each
//! semicolon, at which a spreadsheet of another language cuts a line of this file into cells. What
//! steers, the tab and the ends of lines among it, is escaped as everywhere. A text longer than a cell
//! can hold is cut, and says so.

use std::io::{self, Write};

use csv::{Terminator, Writer, WriterBuilder};

use super::finding_text::{escaped, truncated};
use crate::model::ChainId;

/// Most characters of a spreadsheet's cell; more is cut silently or spills into other cells.
const CELL: usize = 32_000;

/// A table that is being written.
pub(super) struct Table<W: Write>(Writer<W>);

impl<W: Write> Table<W> {
    pub(super) fn new(out: W) -> Self {
        Self(WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out))
    }

    pub(super) fn row<const N: usize>(&mut self, cells: [Cell; N]) -> io::Result<()> {
        Ok(self.0.write_record(cells.map(|Cell(text)| text))?)
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Text of a cell; nothing in it steers, and no spreadsheet takes it for a formula.
pub(super) struct Cell(String);

/// The cell of a text as it was read; an empty one of `None`.
pub(super) fn cell<'a>(text: impl Into<Option<&'a str>>) -> Cell {
    Cell(defused(&text.into().map(escaped).unwrap_or_default()))
}

/// The cell of a chain's id, which is escaped as it is.
pub(super) fn chain_cell(chain: Option<&ChainId>) -> Cell {
    Cell(defused(&chain.map(ToString::to_string).unwrap_or_default()))
}

fn defused(text: &str) -> String {
    let text = truncated(text, CELL);
    let mut cell = String::with_capacity(text.len());
    for (at, part) in text.split(';').enumerate() {
        if at > 0 {
            cell.push(';');
        }
        let first = part.trim_start_matches(|c: char| matches!(c, '"' | '\'') || c.is_whitespace());
        if first.starts_with(begins_formula) {
            cell.push('\'');
        }
        cell += part;
    }
    cell
}

/// True if a spreadsheet takes what begins like this for a formula; it may know the wide forms too.
fn begins_formula(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠')
}

#[cfg(test)]
mod tests {
    use super::cell;
    use crate::model::text::is_steering;
    use proptest::prelude::*;

    #[test]
    fn formulas_are_text_and_honest_values_stay() {
        for (raw, shown) in [
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-2+3", "'-2+3"),
            ("\t=1", "\\u{9}=1"),
            ("\r\n=1", "\\u{d}\\u{a}=1"),
            ("\"=1", "'\"=1"),
            (" '\" +1", "' '\" +1"),
            ("＝1", "'＝1"),
            ("a;=1", "a;'=1"),
            ("a; \"@x", "a;' \"@x"),
            ("AWSLogs/1-2/x=y_us-east-1@z.json.gz", "AWSLogs/1-2/x=y_us-east-1@z.json.gz"),
            ("2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z"),
            ("", ""),
        ] {
            assert_eq!(cell(raw).0, shown, "{raw}");
        }
    }

    #[test]
    fn what_no_cell_can_hold_is_cut() {
        let cell = cell(&*"=".repeat(100_000)).0;
        assert!(cell.len() < 32_767 && cell.starts_with("'=") && cell.ends_with(" [cut]"));
    }

    proptest! {
        #[test]
        fn no_cell_begins_a_formula(text in "[=+@;\"' a\\t\\r\\n\\x1b-]{0,12}") {
            let cell = cell(&*text).0;
            prop_assert!(!cell.contains(is_steering));
            for part in cell.split(';') {
                let bare = part.trim_start_matches(['"', ' ']);
                prop_assert!(!bare.starts_with(['=', '+', '-', '@', '\t', '\r']), "{}", cell);
            }
        }
    }
}
