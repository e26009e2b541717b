//! Coverage as a table: a row for each interval of each chain, in the report's order.
//!
//! A chain without intervals has a row too, so that none is overlooked: without times, of 0
//! seconds, its state `none`. Its reason tells whether that is as it should be (`backfill`: such a
//! chain claims no time of its own) or not (`unaccounted`: no moment of the requested time is
//! accounted for, which is incomplete).

use std::io::{self, Write};

use super::RunReport;
use super::chain_verdicts::lacks_time;
use super::table::{Table, cell, chain_cell};
use crate::model::ChainKind;

const HEAD: [&str; 14] = [
    "chain",
    "bucket",
    "prefix",
    "organization",
    "account",
    "region",
    "home_region",
    "trail",
    "kind",
    "start",
    "end",
    "seconds",
    "state",
    "reason",
];

/// Writes the report.
///
/// # Errors
/// When the output cannot be written.
pub fn render(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::new(out);
    table.row(HEAD.map(cell))?;
    for chain in &report.chains {
        let kind = match chain.kind {
            ChainKind::Standard => "standard",
            ChainKind::Backfill => "backfill",
        };
        let mut row = |[start, end, seconds, state, reason]: [Option<&str>; 5]| {
            table.row([
                chain_cell(Some(&chain.id)),
                cell(chain.bucket.as_ref().map(|b| b.as_str())),
                cell(&*chain.prefix),
                cell(chain.organization.as_ref().map(|o| o.as_str())),
                cell(chain.account.as_str()),
                cell(chain.region.as_str()),
                cell(chain.home_region.as_str()),
                cell(&*chain.trail),
                cell(kind),
                cell(start),
                cell(end),
                cell(seconds),
                cell(state),
                cell(reason),
            ])
        };
        if chain.coverage.is_empty() {
            let reason = if lacks_time(chain) { "unaccounted" } else { kind };
            row([None, None, Some("0"), Some("none"), Some(reason)])?;
        }
        for interval in &chain.coverage {
            let window = interval.window;
            let [start, end] = [window.start, window.end].map(|time| time.to_string());
            let seconds = window.seconds().to_string();
            let reason = interval.reason.map(|code| code.as_str());
            row([Some(&start), Some(&end), Some(&seconds), Some(interval.state.as_str()), reason])?;
        }
    }
    table.finish()
}
