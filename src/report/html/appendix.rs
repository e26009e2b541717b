//! The tables at the end: every chain and every key.

use super::chains::place;
use super::entries::{Cut, class};
use crate::model::Printable;
use crate::report::chain_verdicts::ChainVerdicts;
use crate::report::wording::{self, count};
use crate::report::{Counts, RunReport};

/// Most rows of a table.
const ROWS: usize = 5000;

/// A chain's counts.
pub(super) struct ChainCounts {
    pub(super) number: usize,
    pub(super) class: &'static str,
    pub(super) word: &'static str,
    pub(super) title: String,
    pub(super) place: String,
    /// Valid, invalid and unchecked digests, then log files.
    pub(super) counts: [String; 6],
}

/// A public key.
pub(super) struct KeyRow {
    pub(super) fingerprint: String,
    pub(super) region: String,
    pub(super) source: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) used: &'static str,
}

pub(super) fn chains(report: &RunReport, verdicts: &ChainVerdicts<'_>) -> Cut<ChainCounts> {
    let mut number = 0;
    Cut::new(&report.chains, ROWS, |chain| {
        number += 1;
        let standing = verdicts.standing(chain);
        let Counts { valid, invalid, unchecked } = chain.digests;
        let logs = &chain.logs;
        ChainCounts {
            number,
            class: class(standing),
            word: wording::verdict(standing),
            title: wording::title(&chain.id),
            place: place(chain),
            counts: [valid, invalid, unchecked, logs.valid, logs.invalid, logs.unchecked]
                .map(count),
        }
    })
}

pub(super) fn keys(report: &RunReport) -> Cut<KeyRow> {
    Cut::new(&report.keys, ROWS, |key| {
        let shown = |time: Option<jiff::Timestamp>| match time {
            Some(time) => time.to_string(),
            None => "unknown".to_owned(),
        };
        KeyRow {
            fingerprint: Printable(&key.fingerprint.to_string()).to_string(),
            region: wording::key_region(key).to_owned(),
            source: Printable(&key.source).to_string(),
            from: shown(key.valid_from),
            to: shown(key.valid_to),
            used: if key.used { "used" } else { "not used" },
        }
    })
}
