//! `trailseal verify`.

use std::io::{IsTerminal, Write};
use std::num::NonZero;
use std::path::PathBuf;

use clap::Args;
use jiff::{SignedDuration, Timestamp};

use super::keys::read_key_file;
use super::output::WholeFile;
use super::progress::Bar;
use super::source::{AwsArgs, Opener, S3, slashed};
use super::time_args::{TimeArg, parse_span, parse_time};
use super::{Failure, Format, Io};
use crate::crypto::KeyRing;
use crate::model::{AccountId, BucketName, Region, TrailName};
use crate::report::{self, RunReport, json, text};
use crate::run::sources::{Filter, Insisted, Sources};
use crate::run::verify::{KeySource, VerifyRequest, verify};
use crate::run::{Progress, Silent};
use crate::verify::digest::Rules;
use crate::verify::inflate::AlreadyInflated;
use crate::verify::{Limits, Severity};

const EXAMPLES: &str = "\
Examples:
  The last day of a bucket: every account, region and trail, up to now
    trailseal verify s3://my-bucket --start-time 24h

  Everything in a copy of a bucket, with the public keys of its regions:
    trailseal verify ./copy --keys keys.json

  One account in one region in July, the report as JSON:
    trailseal verify ./copy --keys keys.json --account 111122223333 --region eu-west-1 \\
        --start-time 2026-07-01 --end-time 2026-08-01 --format json --output july.json

  The public keys of a region, from CloudTrail:
    aws cloudtrail list-public-keys --region eu-west-1 \\
        --start-time 2026-07-01 --end-time 2026-08-01 > keys.json

Exit status:
  0  verified: the requested time is proven, without violation or open question
  1  violation: something contradicts integrity
  2  wrong usage or configuration: nothing was checked
  3  incomplete: no violation, but something could not be checked
  4  internal failure or an unwritable output";

/// Check chains, log files and completeness: what is proven, violated or could not be checked
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct VerifyArgs {
    /// Buckets (s3://BUCKET[/PREFIX]), or directories that are copies of a bucket or of a part of
    /// it; AWSLogs is found at any depth
    #[arg(required = true, value_name = "SOURCE")]
    sources: Vec<String>,

    /// Start of the time to prove: RFC 3339, a date (00:00 UTC), or a span back from now (24h, 7d)
    /// [default: the first digest of each chain]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    start_time: Option<TimeArg>,

    /// End of the time to prove, not included [default: now for a bucket; for a directory the
    /// newest digest's end]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    end_time: Option<TimeArg>,

    /// Only this account (repeatable)
    #[arg(long = "account", value_name = "ID")]
    accounts: Vec<AccountId>,

    /// Only this region (repeatable)
    #[arg(long = "region", value_name = "REGION")]
    regions: Vec<Region>,

    /// Only this trail (repeatable)
    #[arg(long = "trail", value_name = "NAME")]
    trails: Vec<TrailName>,

    /// Public keys: list-public-keys JSON, PEM or DER keys, X.509 certificates (repeatable; needed
    /// for a directory; for a bucket CloudTrail is asked if absent)
    #[arg(long, value_name = "FILE")]
    keys: Vec<PathBuf>,

    /// The bucket that the directory is a copy of [default: as its digests say]
    #[arg(long, value_name = "NAME")]
    bucket: Option<BucketName>,

    /// What stands before AWSLogs in the bucket's keys [default: as its digests say]
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,

    /// Check digests only: read no log files
    #[arg(long)]
    no_logs: bool,

    /// How long the newest digest may be late before its absence counts
    #[arg(long, value_name = "SPAN", default_value = "2h", value_parser = parse_span)]
    grace: SignedDuration,

    /// How many objects are read at once [default: the number of processors, for a bucket 96]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZero<usize>>,

    /// How the report is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,

    /// Write the report to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Write a JSON line for every object checked
    #[arg(long, value_name = "FILE")]
    objects: Option<PathBuf>,

    /// No text report and no progress: the exit status tells (JSON and files are still written)
    #[arg(long, short)]
    quiet: bool,

    /// No progress
    #[arg(long)]
    no_progress: bool,

    #[command(flatten)]
    aws: AwsArgs,
}

/// Runs the command.
///
/// # Errors
/// When nothing can be checked, or a result cannot be written.
pub fn run(args: &VerifyArgs, io: &mut Io<'_>) -> Result<u8, Failure> {
    let online = args.sources.iter().filter(|s| s.starts_with(S3)).count();
    if online != 0 && online != args.sources.len() {
        let message = "buckets and directories cannot be verified in one run";
        return Err(Failure::usage(message)
            .remedy("a copy lacks what a bucket must have: verify them one after the other"));
    }
    let online = online != 0;
    let request = request(args, io, online)?;
    let rules = rules(args, online)?;
    let mut opener = Opener::new(&args.aws);
    let stores = opener.open_all(&args.sources)?;
    let published = published(args, online, &mut opener)?;
    // Outputs are opened first: a long run must not end in a place that cannot be written.
    let mut output = args.output.as_deref().map(WholeFile::begin).transpose()?;
    let mut objects = args.objects.as_deref().map(WholeFile::begin).transpose()?;

    let mut findings = Vec::new();
    let prefix = args.prefix.as_deref().map(slashed);
    let insisted = Insisted { bucket: args.bucket.clone(), prefix };
    let bar = (!args.quiet && !args.no_progress).then(Bar::new);
    let progress: &dyn Progress = match &bar {
        Some(bar) => bar,
        None => &Silent,
    };
    let filter = Filter { accounts: &args.accounts, regions: &args.regions };
    let sources = Sources::discover(&stores, &insisted, filter, &mut findings);
    let lines = objects.as_mut().map(|file| file as &mut (dyn Write + Send));
    let result = verify(&request, sources, rules, published.as_deref(), findings, progress, lines);
    if let Some(bar) = &bar {
        bar.clear();
    }
    let mut report = result.map_err(|e| Failure::internal(format!("the run failed: {e}")))?;
    report.finished = Timestamp::now();
    if let Some(objects) = objects {
        objects.complete()?;
    }
    write(args, &report, io, output.as_mut())?;
    if let Some(output) = output {
        output.complete()?;
    }
    Ok(report.exit_status)
}

/// What a missing signature and an unknown key mean depends on where the digests are read.
fn rules(args: &VerifyArgs, online: bool) -> Result<Rules, Failure> {
    let keys = match (args.keys.is_empty(), online) {
        (true, true) => KeyRing::new(),
        _ => read_keys(&args.keys)?,
    };
    let (unsigned, already_inflated) = if online {
        (Severity::Violation, AlreadyInflated::Refuse)
    } else {
        (Severity::Incomplete, AlreadyInflated::Accept)
    };
    let limits = Limits::default();
    Ok(Rules { keys, limits, already_inflated, unsigned, key_unknown: Severity::Incomplete })
}

/// CloudTrail as the publisher of keys, for a bucket without key files.
#[cfg(feature = "aws")]
fn published(
    args: &VerifyArgs,
    online: bool,
    opener: &mut Opener<'_>,
) -> Result<Option<Box<dyn KeySource>>, Failure> {
    if !online || !args.keys.is_empty() {
        return Ok(None);
    }
    Ok(Some(Box::new(super::keys::fetch::Published::new(opener.aws()?))))
}

#[cfg(not(feature = "aws"))]
fn published(
    _: &VerifyArgs,
    _: bool,
    _: &mut Opener<'_>,
) -> Result<Option<Box<dyn KeySource>>, Failure> {
    Ok(None)
}

fn request(args: &VerifyArgs, io: &Io<'_>, online: bool) -> Result<VerifyRequest, Failure> {
    let now = io.now;
    let start = args.start_time.map(|time| time.resolve(now));
    let end = args.end_time.map(|time| time.resolve(now));
    if let Some((start, end)) = start.zip(end)
        && start >= end
    {
        let message = format!("--start-time {start} does not come before --end-time {end}");
        return Err(Failure::usage(message));
    }
    for (flag, time) in [("--start-time", start), ("--end-time", end)] {
        if let Some(time) = time.filter(|time| *time > now) {
            let message = format!("{flag} {time} lies in the future; it is {now} now");
            return Err(Failure::usage(message).remedy("nothing can be proven of it yet"));
        }
    }
    // A bucket is what it is now, so what is asked for is all up to now.
    let now_in_seconds = Timestamp::from_second(now.as_second()).unwrap_or(now);
    let as_of = online.then_some(now_in_seconds);
    Ok(VerifyRequest {
        sources: args.sources.clone(),
        start,
        end: end.or(as_of),
        as_of,
        stop: io.stop.clone(),
        accounts: args.accounts.clone(),
        regions: args.regions.clone(),
        trails: args.trails.clone(),
        logs: !args.no_logs,
        grace: args.grace,
        jobs: if online { jobs_online(args.jobs) } else { jobs(args.jobs) },
        started: now,
        bucket_inferred: !online && args.bucket.is_none(),
    })
}

/// How many requests are under way at once: enough to fill two processors at 20 ms of latency.
const JOBS_ONLINE: usize = 96;

fn jobs_online(asked: Option<NonZero<usize>>) -> NonZero<usize> {
    asked.or(NonZero::new(JOBS_ONLINE)).unwrap_or(NonZero::<usize>::MIN)
}

/// As many as there are processors, unless the user insists.
pub(super) fn jobs(asked: Option<NonZero<usize>>) -> NonZero<usize> {
    asked.or_else(|| std::thread::available_parallelism().ok()).unwrap_or(NonZero::<usize>::MIN)
}

pub(super) fn read_keys(files: &[PathBuf]) -> Result<KeyRing, Failure> {
    if files.is_empty() {
        return Err(Failure::usage("no public keys: a directory cannot be verified without --keys")
            .remedy("get them with: aws cloudtrail list-public-keys --region REGION --start-time ... --end-time ... > keys.json"));
    }
    let mut ring = KeyRing::new();
    for file in files {
        ring.add(read_key_file(file)?);
    }
    Ok(ring)
}

fn write(
    args: &VerifyArgs,
    report: &RunReport,
    io: &mut Io<'_>,
    output: Option<&mut WholeFile>,
) -> Result<(), Failure> {
    let to_file = output.is_some();
    if args.quiet && !to_file && args.format == Format::Text {
        return Ok(());
    }
    let color = !to_file && io.color;
    let out: &mut dyn Write = match output {
        Some(file) => file,
        None => io.out,
    };
    let width = if to_file || !std::io::stdout().is_terminal() { 100 } else { io.width };
    let written = match args.format {
        Format::Text => text::render(report, out, text::TextOptions { color, width }),
        Format::Json => json::render(report, out),
    };
    written.map_err(|e| Failure::internal(format!("the report cannot be written: {e}")))
}

/// The schema that JSON reports follow.
pub(super) const SCHEMA: &str = report::json::SCHEMA_JSON;
