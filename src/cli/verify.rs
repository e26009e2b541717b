//! `trailseal verify`.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp};

use super::export::ReportArgs;
use super::keys::read_key_file;
use super::output::WholeFile;
use super::run_args::{PaceArgs, ScopeArgs, progress};
use super::source::{AwsArgs, Opened, Opener, S3, slashed};
use super::time_args::parse_span;
use super::{Failure, INCOMPLETE, INTERRUPTED, Io};
use crate::crypto::KeyRing;
use crate::model::{AccountId, BucketName, TrailName, Window};
use crate::report::estimate::Rates;
use crate::report::{self, json};
use crate::report::{AcceptedGap, Format, ObjectForm, RanBy, Unreferenced};
use crate::run::pool::Stop;
use crate::run::sources::{Filter, Insisted, Sources};
use crate::run::verify::{CloudTrail, VerifyRequest, estimate, verify};
use crate::verify::digest::Rules;
use crate::verify::{Finding, Severity};

const EXAMPLES: &str = "\
Examples:
  The last day of a bucket: every account, region and trail, up to now
    trailseal verify s3://my-bucket --start-time 24h

  Everything in a copy of a bucket, with the public keys of its regions:
    trailseal verify ./copy --keys keys.json

  One account in one region in July, the report as JSON:
    trailseal verify ./copy --keys keys.json --account 111122223333 --region eu-west-1 \\
        --start-time 2026-07-01 --end-time 2026-08-01 --format json --output july.json

  What a run over a bucket would read and cost, before it:
    trailseal verify s3://my-bucket --start-time 90d --dry-run

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

    #[command(flatten)]
    scope: ScopeArgs,

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

    #[command(flatten)]
    report: ReportArgs,

    /// Write a line for every object checked: a row of a table where FILE ends in .csv, else JSON
    #[arg(long, value_name = "FILE")]
    objects: Option<PathBuf>,

    /// What log files weigh that no digest lists, though digests cover their time and place: a
    /// trail without log file validation may write to the same folders
    #[arg(long, value_enum, default_value_t = UnreferencedArg::Violation)]
    unreferenced: UnreferencedArg,

    /// Accept a gap between segments that lies in this time, for a reason that the report then
    /// gives (repeatable): START/END=REASON
    #[arg(long = "accept-gap", value_name = "GAP", value_parser = parse_gap)]
    accepted_gaps: Vec<AcceptedGap>,

    /// The management account of an organization: only its events may explain a gap of the
    /// organization's trail
    #[arg(long, value_name = "ID")]
    management_account: Option<AccountId>,

    /// Who makes this run, as the report is to say: a person or an office
    #[arg(long, value_name = "NAME")]
    operator: Option<String>,

    #[command(flatten)]
    pace: PaceArgs,

    #[command(flatten)]
    dry: DryRunArgs,

    #[command(flatten)]
    aws: AwsArgs,
}

/// What log files weigh that no digest lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum UnreferencedArg {
    /// As much as an injected one
    Violation,
    /// A notice: such a trail is known to write here
    Notice,
    /// Only counted
    Ignore,
}

impl From<UnreferencedArg> for Unreferenced {
    fn from(arg: UnreferencedArg) -> Self {
        match arg {
            UnreferencedArg::Violation => Self::Violation,
            UnreferencedArg::Notice => Self::Notice,
            UnreferencedArg::Ignore => Self::Ignore,
        }
    }
}

/// What a run would do, without doing it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Dry run")]
struct DryRunArgs {
    /// Verify nothing: list what a run would read, and tell objects, bytes, requests and cost
    #[arg(long, conflicts_with_all = ["objects", "exports"])]
    dry_run: bool,

    /// US dollars for 1,000 LIST requests
    #[arg(long, value_name = "USD", default_value = "0.005", requires = "dry_run", value_parser = parse_rate)]
    list_rate: f64,

    /// US dollars for 1,000 GET requests
    #[arg(long, value_name = "USD", default_value = "0.0004", requires = "dry_run", value_parser = parse_rate)]
    get_rate: f64,

    /// US dollars for a GiB that leaves the bucket's region; 0 for a run inside of it
    #[arg(long, value_name = "USD", default_value = "0.09", requires = "dry_run", value_parser = parse_rate)]
    transfer_rate: f64,
}

fn parse_gap(text: &str) -> Result<AcceptedGap, String> {
    let form = "give START/END=REASON with times as the report tells them, such as 2026-03-01T12:00:00Z/2026-03-01T20:00:00Z=planned maintenance";
    let (times, reason) = text.split_once('=').ok_or(form)?;
    let (start, end) = times.split_once('/').ok_or(form)?;
    let time = |text: &str| text.parse::<Timestamp>().map_err(|e| format!("{text}: {e}"));
    let (window, reason) = (Window::new(time(start)?, time(end)?), reason.trim().to_owned());
    match (window.is_empty(), reason.is_empty()) {
        (true, _) => Err(format!("{start} does not come before {end}")),
        (_, true) => Err(format!("no reason: {form}")),
        _ => Ok(AcceptedGap { window, reason, used: false }),
    }
}

fn parse_rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate >= 0.0);
    rate.ok_or_else(|| "give US dollars, such as 0.005".to_owned())
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
    let mut opener = Opener::new(&args.aws);
    if args.dry.dry_run {
        return dry_run(args, &request, &mut opener, online, io);
    }
    let rules = rules(args, online)?;
    let stores = opener.open_all(&args.sources)?;
    let cloudtrail = cloudtrail(args, online, &mut opener)?;
    // Outputs are opened first: a long run must not end in a place that cannot be written.
    let outputs = args.report.begin()?;
    let mut objects = args.objects.as_deref().map(WholeFile::begin).transpose()?;
    let bar = args.pace.bar();
    let (sources, findings) = discover(args, &stores, &request.stop);
    let lines = objects.as_mut().map(|file| {
        let form = ObjectForm::of_file(&file.shown().to_string_lossy());
        (file as &mut (dyn Write + Send), form)
    });
    let progress = progress(bar.as_ref());
    let result = verify(&request, sources, rules, cloudtrail.as_deref(), findings, progress, lines);
    drop(bar);
    let mut report = result.map_err(|e| Failure::internal(format!("the run failed: {e}")))?;
    report.finished = Timestamp::now();
    if let Some(objects) = objects {
        objects.complete()?;
    }
    outputs.complete(&report, args.pace.quiet, io)?;
    Ok(report.exit_status)
}

/// Tells what the run would do.
fn dry_run(
    args: &VerifyArgs,
    request: &VerifyRequest,
    opener: &mut Opener<'_>,
    online: bool,
    io: &mut Io<'_>,
) -> Result<u8, Failure> {
    let as_json = match args.report.format {
        Format::Text => false,
        Format::Json => true,
        other => return Err(not_of_an_estimate(other)),
    };
    let stores = opener.open_all(&args.sources)?;
    let outputs = args.report.begin()?;
    let bar = args.pace.bar();
    let (sources, findings) = discover(args, &stores, &request.stop);
    let result = estimate(request, &sources, findings, progress(bar.as_ref()));
    drop(bar);
    let mut estimate = result.map_err(|e| Failure::internal(format!("the run failed: {e}")))?;
    if online {
        let DryRunArgs { list_rate, get_rate, transfer_rate, .. } = args.dry;
        estimate.price(Rates {
            list_per_1000: list_rate,
            get_per_1000: get_rate,
            transfer_per_gib: transfer_rate,
        });
    }
    outputs.complete_main(args.pace.quiet, io, |out, options| match as_json {
        false => estimate.render(out, options),
        true => json::render(&estimate, out),
    })?;
    let incomplete = estimate.findings.iter().any(|f| f.severity > Severity::Notice);
    Ok(match incomplete {
        _ if request.stop.is_set() => INTERRUPTED,
        true => INCOMPLETE,
        false => 0,
    })
}

fn not_of_an_estimate(format: Format) -> Failure {
    let message = format!("--dry-run writes no {}", format.as_str());
    Failure::usage(message).remedy("an estimate is written as text or json")
}

fn discover(args: &VerifyArgs, stores: &[Opened], stop: &Stop) -> (Sources, Vec<Finding>) {
    let mut findings = Vec::new();
    let prefix = args.prefix.as_deref().map(slashed);
    let insisted = Insisted { bucket: args.bucket.clone(), prefix };
    let ScopeArgs { accounts, regions, .. } = &args.scope;
    let filter = Filter { accounts, regions, stop: Some(stop) };
    (Sources::discover(stores, &insisted, filter, &mut findings), findings)
}

/// What a missing signature and an unknown key mean depends on where the digests are read.
fn rules(args: &VerifyArgs, online: bool) -> Result<Rules, Failure> {
    let keys = match (args.keys.is_empty(), online) {
        (true, true) => KeyRing::new(),
        _ => read_keys(&args.keys)?,
    };
    Ok(if online { Rules::of_bucket(keys) } else { Rules::of_copy(keys) })
}

/// CloudTrail itself, for a bucket without key files.
#[cfg(feature = "aws")]
fn cloudtrail(
    args: &VerifyArgs,
    online: bool,
    opener: &mut Opener<'_>,
) -> Result<Option<Box<dyn CloudTrail>>, Failure> {
    if !online || !args.keys.is_empty() {
        return Ok(None);
    }
    Ok(Some(Box::new(super::cloudtrail::Online::new(opener.aws()?))))
}

#[cfg(not(feature = "aws"))]
fn cloudtrail(
    _: &VerifyArgs,
    _: bool,
    _: &mut Opener<'_>,
) -> Result<Option<Box<dyn CloudTrail>>, Failure> {
    Ok(None)
}

fn request(args: &VerifyArgs, io: &Io<'_>, online: bool) -> Result<VerifyRequest, Failure> {
    let now = io.now;
    let (start, end) = args.scope.resolve(now)?;
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
        unreferenced: args.unreferenced.into(),
        accepted_gaps: args.accepted_gaps.clone(),
        management_account: args.management_account.clone(),
        ran_by: RanBy { operator: args.operator.clone(), identity: None },
        accounts: args.scope.accounts.clone(),
        regions: args.scope.regions.clone(),
        trails: args.trails.clone(),
        logs: !args.no_logs,
        grace: args.grace,
        jobs: args.pace.jobs(online.then_some(JOBS_ONLINE)),
        started: now,
        bucket_inferred: !online && args.bucket.is_none(),
    })
}

/// How many requests are under way at once: enough to fill two processors at 20 ms of latency.
const JOBS_ONLINE: usize = 160;

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

/// The schema that JSON reports follow.
pub(super) const SCHEMA: &str = report::json::SCHEMA_JSON;
