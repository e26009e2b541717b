//! Result of a sealing run, as text and as JSON.

use std::num::NonZero;
use std::time::Duration;

use super::heads::HeadLine;
use crate::cli::Console;
use crate::model::{ChainKind, Printable};
use crate::report::wording::counted;
use crate::run::seal::{ChainHead, DueDigest, SealOutcome};

/// Digests that a dry run lists from the beginning, and from the end.
const LISTED: usize = 10;

/// The result as JSON, on one line.
pub(super) fn outcome(report: &SealOutcome) -> serde_json::Value {
    let heads = |heads: &[ChainHead]| heads.iter().map(HeadLine::of).collect::<Vec<_>>();
    let sealed: Vec<_> = report
        .sealed
        .iter()
        .map(|digest| {
            serde_json::json!({
                "kind": digest.kind,
                "key": digest.key,
                "sha256": digest.hash.to_string(),
                "start": digest.window.start,
                "end": digest.window.end,
                "log_files": digest.log_files,
            })
        })
        .collect();
    let planned = report.planned.iter().map(|digest| {
        serde_json::json!({
            "kind": digest.kind,
            "key": digest.key,
            "start": digest.window.start,
            "end": digest.window.end,
            "log_files": digest.log_files,
        })
    });
    serde_json::json!({
        "schema": "trailseal.seal/1",
        "found": report.found.as_deref().map(heads),
        "planned": planned.collect::<Vec<_>>(),
        "sealed": sealed,
        "heads": heads(&report.heads),
        "sealed_until": report.sealed_until,
        "waiting": report.waiting,
        "before_start": report.before_start,
        "without_events": report.without_events,
    })
}

/// Writes what a dry run found to be due.
pub(super) fn print_plan(report: &SealOutcome, io: &mut Console<'_>) -> std::io::Result<()> {
    let planned = &report.planned;
    let (Some(first), Some(last)) = (planned.first(), planned.last()) else {
        return writeln!(io.out, "nothing is due; nothing was written");
    };
    let log_files: usize = planned.iter().map(|digest| digest.log_files).sum();
    writeln!(
        io.out,
        "due: {}, {} to {}, with {}; nothing was written",
        counted(planned.len() as u64, "digest", "digests"),
        first.window.start,
        last.window.end,
        counted(log_files as u64, "log file", "log files"),
    )?;
    let left_out = planned.len().saturating_sub(2 * LISTED);
    for (at, DueDigest { key, window, log_files, kind }) in planned.iter().enumerate() {
        if left_out > 0 && (LISTED..planned.len() - LISTED).contains(&at) {
            if at == LISTED {
                writeln!(io.out, "... and {left_out} more (--format json lists all)")?;
            }
            continue;
        }
        let kind = mark(*kind);
        let log_files = counted(*log_files as u64, "log file", "log files");
        let (start, end, key) = (window.start, window.end, Printable(key));
        writeln!(io.out, "would seal {start} to {end}{kind}: {log_files}: {key}")?;
    }
    Ok(())
}

/// Mark of a digest of this kind, behind its time.
const fn mark(kind: ChainKind) -> &'static str {
    match kind {
        ChainKind::Standard => "",
        ChainKind::Backfill => " (backfill)",
    }
}

/// Writes the heads of the chain and of its backfill chain, each on a line.
fn print_heads(word: &str, heads: &[ChainHead], io: &mut Console<'_>) -> std::io::Result<()> {
    if heads.is_empty() {
        return writeln!(io.out, "head {word}: none");
    }
    heads.iter().try_for_each(|ChainHead { key, hash, end, kind }| {
        let kind = mark(*kind);
        writeln!(io.out, "head {word}{kind}: {} sha256:{hash} (ends {end})", Printable(key))
    })
}

/// Writes what was sealed, with the heads of the chain where one is expected or kept.
pub(super) fn print_outcome(
    report: &SealOutcome,
    whole: bool,
    heads: bool,
    io: &mut Console<'_>,
) -> std::io::Result<()> {
    if let Some(found) = report.found.as_ref().filter(|_| heads) {
        print_heads("found", found, io)?;
    }
    for digest in &report.sealed {
        let kind = mark(digest.kind);
        writeln!(
            io.out,
            "sealed {} to {}{kind}: {}: {}",
            digest.window.start,
            digest.window.end,
            counted(digest.log_files as u64, "log file", "log files"),
            Printable(&digest.key)
        )?;
    }
    if whole && report.sealed.is_empty() {
        writeln!(io.out, "nothing is due")?;
    }
    if let Some(until) = report.sealed_until {
        write!(io.out, "the chain is sealed up to {until}")?;
        let head = report.heads.iter().find(|head| head.kind == ChainKind::Standard);
        match head.filter(|_| !heads) {
            Some(ChainHead { hash, .. }) => writeln!(io.out, " (newest digest: sha256:{hash})")?,
            None => writeln!(io.out)?,
        }
    }
    if heads && !report.sealed.is_empty() {
        print_heads("now", &report.heads, io)?;
    }
    if report.waiting > 0 {
        writeln!(
            io.err,
            "{} to be sealed in the next interval: this interval's backfill digest already exists",
            counted(report.waiting, "late log file", "late log files")
        )?;
    }
    if report.before_start > 0 {
        writeln!(
            io.err,
            "{} not sealed, older than the chain's start: to seal older log files, use an earlier --start-time in a directory or bucket without this chain",
            counted(report.before_start, "log file", "log files")
        )?;
    }
    for key in &report.without_events {
        writeln!(
            io.err,
            "{}: its events could not be read; the file was sealed unchanged",
            Printable(key)
        )?;
    }
    Ok(())
}

/// Writes how much was read and sealed, by how many workers, and how long it took.
pub(super) fn print_facts(
    report: &SealOutcome,
    jobs: NonZero<usize>,
    took: Duration,
    io: &mut Console<'_>,
) {
    let log_files: usize = report.sealed.iter().map(|digest| digest.log_files).sum();
    // Diagnostics that cannot be written change no result.
    let _ = writeln!(
        io.err,
        "  {} sealed with {}, by {}, in {:.1} s",
        counted(report.sealed.len() as u64, "digest", "digests"),
        counted(log_files as u64, "log file", "log files"),
        counted(jobs.get() as u64, "worker", "workers"),
        took.as_secs_f64()
    );
}
