//! `trailseal collect`.

mod marker;
mod target;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;

use self::marker::CopyTask;
use self::target::CopyTarget;
use super::guard::resolved;
use super::run_args::{PaceArgs, RunArgs, ScopeArgs, progress};
use super::source::AwsArgs;
use super::{Console, Failure, INCOMPLETE, INTERRUPTED};
use crate::model::Printable;
use crate::model::text::is_steering;
use crate::model::time::{hours, sub};
use crate::run::collect::{CollectError, CollectReport, CollectRequest, collect};
use crate::source::{Opened, Scheme, SourceKind};
use crate::verify::Limits;

/// Most objects that are named as not copied.
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
    let stores = open_source(args, io)?;
    let target = CopyTarget::open(&args.dir, CopyTask::of(&args.source, &request, io.now))?;
    let bar = args.pace.bar();
    let result = collect(&request, &stores, target.store(), progress(bar.as_ref()));
    drop(bar);
    let report = result.map_err(|error| not_begun(error, &target))?;
    let copy = Copy {
        is_ended: request.stop.is_set() || report.full.is_some(),
        // A copy of an unfinished copy is one too.
        is_source_whole: stores.iter().all(|(store, start)| store.unfinished(start).is_none()),
        report,
    };
    let others = copy.settle_marker(&target)?;
    copy.print(args, &request, io).map_err(Failure::internal)?;
    if let Some(cause) = &copy.report.full {
        let message = format!("{}: {cause}: the copy is incomplete", target.shown());
        return Err(Failure::internal(message).remedy(
            "free some space and run the same command again; it continues where it stopped",
        ));
    }
    if request.stop.is_set() {
        let message = "interrupted: the copy is incomplete";
        return Err(Failure { status: INTERRUPTED, ..Failure::internal(message) }
            .remedy("run the same command again to continue"));
    }
    copy.check(&args.source)?;
    note_unfinished(&others, io.err).map_err(Failure::internal)?;
    Ok(0)
}

/// Opens the source, which must not share a directory with the copy.
fn open_source(args: &CollectArgs, io: &Console<'_>) -> Result<Vec<Opened>, Failure> {
    if Scheme::of(&args.source).is_path() {
        check_apart(&args.source, &args.dir)?;
    }
    let mut opener = args.aws.opener(&io.stop);
    let (stores, unopened) = opener.open_all(std::slice::from_ref(&args.source))?;
    match unopened.into_iter().next() {
        None => Ok(stores),
        Some(unopened) => {
            let failure = Failure::internal(Printable(&unopened.finding.message));
            Err(Failure { status: INCOMPLETE, ..failure }.remedy(unopened.remedy))
        }
    }
}

/// Failure of a run that copied nothing.
fn not_begun(error: CollectError, target: &CopyTarget) -> Failure {
    match error {
        CollectError::SeveralBuckets(_) => {
            // Nothing was to be copied.
            if let Err(failure) = target.restore_marker() {
                return failure;
            }
            Failure::usage(error).remedy("collect each bucket separately, into its own directory")
        }
        CollectError::Threads(_) | CollectError::Observer(_) => Failure::internal(error),
    }
}

/// Result of a run.
struct Copy {
    report: CollectReport,
    /// True if the run ended before its end.
    is_ended: bool,
    is_source_whole: bool,
}

impl Copy {
    /// Number of digests and log files that are there.
    fn count(&self) -> u64 {
        let CollectReport { digests, logs, already_there, .. } = &self.report;
        digests + logs + already_there
    }

    /// Brings the target's marker up to date; returns what other runs left unfinished.
    fn settle_marker(&self, target: &CopyTarget) -> Result<Vec<CopyTask>, Failure> {
        if self.count() == 0 && self.report.failed.is_empty() && !self.is_ended {
            target.restore_marker()?;
        } else if !self.is_ended && self.is_source_whole {
            return target.finish(&self.report.lacking);
        }
        Ok(Vec::new())
    }

    fn print(
        &self,
        args: &CollectArgs,
        request: &CollectRequest,
        io: &mut Console<'_>,
    ) -> io::Result<()> {
        if args.run.verbose {
            for key in &self.report.left_out {
                writeln!(io.err, "skipped: {}", Printable(key))?;
            }
        }
        name_failed(&self.report, io.err)?;
        if args.pace.quiet {
            return Ok(());
        }
        self.summarise(args, io.out)?;
        self.suggest_next(args, request, io.out)
    }

    fn summarise(&self, args: &CollectArgs, out: &mut dyn Write) -> io::Result<()> {
        let CollectReport { digests, logs, metadata, bytes, already_there, left_out, .. } =
            &self.report;
        let dir = args.dir.display().to_string();
        let (shown, source) = (Printable(&dir), Printable(&args.source));
        writeln!(out, "Copied from {source} to {shown}:")?;
        writeln!(out, "  {digests} digests and {logs} log files, {bytes} bytes")?;
        writeln!(out, "  {metadata} with metadata")?;
        writeln!(out, "  {already_there} already present")?;
        if !self.report.failed.is_empty() {
            writeln!(out, "  {} could not be copied", self.report.failed.len())?;
        }
        if !left_out.is_empty() {
            writeln!(out, "  {} other objects and folders skipped", left_out.len())?;
        }
        Ok(())
    }

    /// Prints the commands that verify the copy.
    fn suggest_next(
        &self,
        args: &CollectArgs,
        request: &CollectRequest,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let dir = args.dir.display().to_string();
        let Some(first) = self.report.first_digest.filter(|_| !self.is_ended) else {
            return Ok(());
        };
        writeln!(out, "\nNext:")?;
        let regions: String =
            self.report.regions.iter().map(|r| format!(" --region {r}")).collect();
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

    /// Refuses a copy that lacks something.
    fn check(&self, source: &str) -> Result<(), Failure> {
        let source = Printable(source);
        let failure = match (self.report.failed.len(), self.count()) {
            (0, 1..) if self.is_source_whole => return Ok(()),
            (0, 1..) => {
                Failure::internal(format!("{source}: the source is itself an unfinished copy"))
                    .remedy("finish it with trailseal collect, then run the same command again")
            }
            (0, 0) => Failure::internal(format!("{source}: nothing to copy")).remedy(
                "no digests or log files found; check the source, the time range and the filters",
            ),
            (n, _) => Failure::internal(format!(
                "{n} could not be copied; the copy is not complete"
            ))
            .remedy(
                "resolve the causes and run the same command again; it continues where it stopped",
            ),
        };
        Err(Failure { status: INCOMPLETE, ..failure })
    }
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

/// Refuses a copy inside of what it is a copy of, or the other way round: it would be found as a
/// part of it.
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

/// Prints what other runs left unfinished in the same directory.
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
