//! `trailseal collect`.

mod marker;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;

use self::marker::CopyTask;
use super::guard::resolved;
use super::run_args::{PaceArgs, RunArgs, ScopeArgs, progress};
use super::source::AwsArgs;
use super::{Console, Failure, INCOMPLETE, INTERRUPTED};
use crate::model::Printable;
use crate::model::text::is_steering;
use crate::model::time::{hours, sub};
use crate::run::collect::{CollectError, CollectReport, CollectRequest, collect};
use crate::source::{Scheme, SourceKind};
use crate::store::directory::UNFINISHED;
use crate::store::{DirectoryStore, StoreError};
use crate::verify::Limits;

/// How many objects that were not copied are named.
const NAMED: usize = 20;

const EXAMPLES: &str = "\
Objects are written below DIR under their bucket keys, each with its metadata in
NAME.metadata.json: a digest's own signature is only there. Existing files in DIR are never
overwritten or deleted: an interrupted run continues where it stopped, and a plain copy (aws s3
sync) gets its lost metadata. An existing file counts as copied only if its content is the same, by
the bucket's MD5 or by reading both.

Until the copy is complete, DIR contains the file .trailseal-collect.json: verify then reports
absent objects as incomplete, not as deleted.

With a time range, whole days around it are copied, because proving it needs digests and log files
on both sides. Verify such a copy for the same time range: it contains nothing else.

Examples:
  Copy a bucket, fetch the public keys, then verify offline:
    trailseal collect s3://my-bucket ./copy
    trailseal keys fetch --region eu-west-1 --output keys.json
    trailseal verify ./copy --keys keys.json

  One account and region in July:
    trailseal collect s3://my-bucket ./july --account 111122223333 --region eu-west-1 \\
        --start-time 2026-07-01 --end-time 2026-08-01

  Digests only, to prove the chains:
    trailseal collect s3://my-bucket ./digests --no-logs

Exit status:
    0  everything is copied
    2  wrong usage or configuration: nothing was copied
    3  an object could not be copied (standard error names up to 20, with the cause; the rest was
       copied), the source cannot be opened, or there is nothing to copy
    4  internal error, unwritable directory or full disk
  130  interrupted: run it again to continue";

/// Copy a bucket with its metadata, so that it can be verified offline
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct CollectArgs {
    /// A bucket (s3://BUCKET[/PREFIX]), or a directory that is a copy of one
    source: String,

    /// Directory to copy to; created if needed
    dir: PathBuf,

    #[command(flatten)]
    scope: ScopeArgs,

    /// Copy digests only
    #[arg(long)]
    no_logs: bool,

    #[command(flatten)]
    pace: PaceArgs,

    #[command(flatten)]
    run: RunArgs,

    #[command(flatten)]
    aws: AwsArgs,
}

/// Runs the command.
///
/// # Errors
/// When nothing can be copied.
pub fn run(args: &CollectArgs, io: &mut Console<'_>) -> Result<u8, Failure> {
    let request = request(args, io)?;
    args.run.begin(&io.stop);
    if Scheme::of(&args.source).is_path() {
        check_apart(&args.source, &args.dir)?;
    }
    let mut opener = args.aws.opener(&io.stop);
    let (stores, unopened) = opener.open_all(std::slice::from_ref(&args.source))?;
    if let Some(unopened) = unopened.into_iter().next() {
        let failure = Failure::internal(Printable(&unopened.finding.message));
        return Err(Failure { status: INCOMPLETE, ..failure }.remedy(unopened.remedy));
    }
    let shown = args.dir.display().to_string();
    std::fs::create_dir_all(&args.dir).map_err(|e| unwritable(&shown, &e))?;
    let target = DirectoryStore::open(&args.dir, &*shown).map_err(|e| unwritable(&shown, &e))?;
    let target = Arc::new(target);
    let task = CopyTask::of(&args.source, &request, io.now);
    let unmarked = |error: StoreError| {
        Failure::internal(format!("{}: {UNFINISHED}: {error}", Printable(&shown)))
            .remedy("free some disk space, or use another directory; remove the marker only if you know that the copy is complete")
    };
    // Before the first object: whatever ends the run, what is absent is not taken for deleted.
    let before = target.marked_unfinished().map_err(unmarked)?;
    task.begin(&target).map_err(unmarked)?;
    let bar = args.pace.bar();
    let progress = progress(bar.as_ref());
    let result = collect(&request, &stores, target.clone(), progress);
    drop(bar);
    let report = result.map_err(|error| match error {
        CollectError::SeveralBuckets(_) => {
            // Nothing was to be copied: what earlier runs left unfinished, they still do.
            if let Err(error) = target.mark_unfinished(before.as_deref()) {
                return unmarked(error);
            }
            Failure::usage(error).remedy("collect each bucket separately, into its own directory")
        }
        CollectError::Threads(_) | CollectError::Observer(_) => Failure::internal(error),
    })?;
    let ended = request.stop.is_set() || report.full.is_some();
    // A copy of an unfinished copy is one too.
    let is_whole = stores.iter().all(|(store, start)| store.unfinished(start).is_none());
    let copied = report.digests + report.logs + report.already_there;
    let mut others = Vec::new();
    if copied == 0 && report.failed.is_empty() && !ended {
        target.mark_unfinished(before.as_deref()).map_err(unmarked)?;
    } else if !ended && is_whole {
        others = task.finish(&target, &report.lacking).map_err(unmarked)?;
    }
    if args.run.verbose {
        for key in &report.left_out {
            writeln!(io.err, "skipped: {}", Printable(key)).map_err(Failure::internal)?;
        }
    }
    name_failed(&report, io.err).map_err(Failure::internal)?;
    if !args.pace.quiet {
        summarise(args, &request, &report, ended, io.out).map_err(Failure::internal)?;
    }
    if let Some(cause) = &report.full {
        let message = format!("{}: {cause}: the copy is incomplete", Printable(&shown));
        return Err(Failure::internal(message).remedy(
            "free some space and run the same command again; it continues where it stopped",
        ));
    }
    if request.stop.is_set() {
        let message = "interrupted: the copy is incomplete";
        return Err(Failure { status: INTERRUPTED, ..Failure::internal(message) }
            .remedy("run the same command again to continue"));
    }
    let problem = match (report.failed.len(), copied) {
        (0, 1..) if !is_whole => Failure::internal(format!(
            "{}: the source is itself an unfinished copy",
            Printable(&args.source)
        ))
        .remedy("finish it with trailseal collect, then run the same command again"),
        (0, 1..) => {
            note_unfinished(&others, io.err).map_err(Failure::internal)?;
            return Ok(0);
        }
        (0, 0) => Failure::internal(format!("{}: nothing to copy", Printable(&args.source)))
            .remedy(
                "no digests or log files found; check the source, the time range and the filters",
            ),
        (n, _) => Failure::internal(format!("{n} could not be copied; the copy is not complete"))
            .remedy(
                "resolve the causes and run the same command again; it continues where it stopped",
            ),
    };
    Err(Failure { status: INCOMPLETE, ..problem })
}

fn request(args: &CollectArgs, io: &Console<'_>) -> Result<CollectRequest, Failure> {
    let kind = SourceKind::of(std::slice::from_ref(&args.source))?;
    let (start, end) = args.scope.resolve(io.now)?;
    Ok(CollectRequest {
        start,
        end,
        accounts: args.scope.accounts.clone(),
        regions: args.scope.regions.clone(),
        excluded: args.scope.excluded(),
        trails: args.scope.trails.clone(),
        logs: !args.no_logs,
        jobs: args.pace.jobs(kind.requests.copying()),
        limits: Limits::default(),
        stop: io.stop.clone(),
    })
}

fn unwritable(shown: &str, error: &io::Error) -> Failure {
    Failure::internal(format!("{}: {error}", Printable(shown)))
        .remedy("use a directory that you can create and write to")
}

/// A copy inside of what it is a copy of, or the other way round, would be found as a part of it.
fn check_apart(source: &str, dir: &Path) -> Result<(), Failure> {
    let Ok(source) = std::fs::canonicalize(source) else { return Ok(()) }; // told of on opening
    let shown = dir.display().to_string();
    let dir = resolved(dir);
    if dir.starts_with(&source) || source.starts_with(&dir) {
        let message = format!(
            "{}: source and target are the same, or one is inside the other",
            Printable(&shown)
        );
        return Err(Failure::usage(message).remedy("use a target directory outside the source"));
    }
    Ok(())
}

/// Names what other runs left unfinished in the same directory.
fn note_unfinished(others: &[CopyTask], err: &mut dyn Write) -> io::Result<()> {
    for task in others {
        let task = task.describe();
        writeln!(err, "still unfinished here: trailseal collect {}", Printable(&task))?;
    }
    Ok(())
}

fn name_failed(report: &CollectReport, err: &mut dyn Write) -> io::Result<()> {
    for (key, cause) in report.failed.iter().take(NAMED) {
        writeln!(err, "not copied: {}: {}", Printable(key), Printable(cause))?;
    }
    match report.failed.len().saturating_sub(NAMED) {
        0 => Ok(()),
        more => writeln!(err, "not copied: {more} more"),
    }
}

fn summarise(
    args: &CollectArgs,
    request: &CollectRequest,
    report: &CollectReport,
    ended: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let CollectReport { digests, logs, metadata, bytes, already_there, left_out, .. } = report;
    let dir = args.dir.display().to_string();
    let (shown, source) = (Printable(&dir), Printable(&args.source));
    writeln!(out, "Copied from {source} to {shown}:")?;
    writeln!(out, "  {digests} digests and {logs} log files, {bytes} bytes")?;
    writeln!(out, "  {metadata} with metadata")?;
    writeln!(out, "  {already_there} already present")?;
    if !report.failed.is_empty() {
        writeln!(out, "  {} could not be copied", report.failed.len())?;
    }
    if !left_out.is_empty() {
        writeln!(out, "  {} other objects and folders skipped", left_out.len())?;
    }
    let Some(first) = report.first_digest.filter(|_| !ended) else { return Ok(()) };
    writeln!(out, "\nNext:")?;
    let regions: String = report.regions.iter().map(|r| format!(" --region {r}")).collect();
    let since = sub(first, hours(24));
    writeln!(out, "    trailseal keys fetch{regions} --start-time {since} --output keys.json")?;
    let time = |flag: &str, time: Option<Timestamp>| {
        time.map(|time| format!(" --{flag} {time}")).unwrap_or_default()
    };
    let filters: String = args
        .scope
        .accounts
        .iter()
        .map(|account| format!(" --account {account}"))
        .chain(args.scope.regions.iter().map(|region| format!(" --region {region}")))
        .chain(args.scope.trails.iter().map(|trail| format!(" --trail {trail}")))
        .collect();
    writeln!(
        out,
        "    trailseal verify {} --keys keys.json{}{}{filters}{}",
        quoted(&dir),
        time("start-time", request.start),
        time("end-time", request.end),
        if request.logs { "" } else { " --no-logs" },
    )
}

/// A path as a shell takes it, unless it holds what no terminal should be shown.
fn quoted(path: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+,:@%=".contains(c);
    if path.contains(is_steering) {
        Printable(path).to_string()
    } else if !path.is_empty() && path.chars().all(plain) {
        path.to_owned()
    } else {
        format!("'{}'", path.replace('\'', "'\\''"))
    }
}
