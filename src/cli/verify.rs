//! `trailseal verify`.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use super::export::ReportArgs;
use super::keys;
use super::objects::{self, ObjectsFile};
use super::question::QuestionArgs;
use super::run_args::{MemoryArgs, PaceArgs, RunArgs, progress};
use super::source::AwsArgs;
use super::verdict::{self, FailOnArgs};
use super::{Console, Failure, INCOMPLETE, INTERRUPTED};
use crate::report::estimate::Rates;
use crate::report::{self, Format, json};
use crate::run::Observers;
use crate::run::verify::{SourceForm, VerifyRequest, estimate, verify};
use crate::source::Opener;
use crate::verification::Verification;
use crate::verify::Severity;

const EXAMPLES: &str = "\
Examples:
  The last day of a bucket: every account, region and trail, up to now:
    trailseal verify s3://my-bucket --start-time 24h

  A whole copy of a bucket, with the public keys of its regions:
    trailseal verify ./copy --keys keys.json

  One account and region in July, with the report as JSON:
    trailseal verify ./copy --keys keys.json --account 111122223333 --region eu-west-1 \\
        --start-time 2026-07-01 --end-time 2026-08-01 --format json --output july.json

  Estimate what a run would read and cost:
    trailseal verify s3://my-bucket --start-time 90d --dry-run

  Get the public keys of a region from CloudTrail:
    aws cloudtrail list-public-keys --region eu-west-1 \\
        --start-time 2026-07-01 --end-time 2026-08-01 > keys.json

Exit status:
  0  verified: the requested time is proven
  1  violation: something contradicts integrity
  2  wrong usage or configuration: nothing was checked
  3  incomplete: no violation, but something could not be checked
  4  internal error or unwritable output
  130  interrupted";

/// Verify digest chains and log files of buckets or copies
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct VerifyArgs {
    #[command(flatten)]
    question: QuestionArgs,

    /// Check digests only, not log files
    #[arg(long)]
    no_logs: bool,

    #[command(flatten)]
    report: ReportArgs,

    /// Write a line per object checked: a table if FILE ends in .csv or .parquet, else JSON lines
    #[arg(long, value_name = "FILE")]
    objects: Option<PathBuf>,

    #[command(flatten)]
    pace: PaceArgs,

    #[command(flatten)]
    run: RunArgs,

    #[command(flatten)]
    fail_on: FailOnArgs,

    #[command(flatten)]
    memory: MemoryArgs,

    #[command(flatten)]
    dry: DryRunArgs,

    #[command(flatten)]
    aws: AwsArgs,
}

/// Dry-run options.
#[derive(Debug, Args)]
#[command(next_help_heading = "Dry run")]
struct DryRunArgs {
    /// Verify nothing; estimate objects, bytes, requests and cost from listings
    #[arg(long, conflicts_with_all = ["objects", "exports", "summary", "only_problems", "fail_on"])]
    dry_run: bool,

    /// US dollars per 1,000 LIST requests
    #[arg(long, value_name = "USD", default_value = "0.005", requires = "dry_run", value_parser = parse_rate, hide_short_help = true)]
    list_rate: f64,

    /// US dollars per 1,000 GET requests
    #[arg(long, value_name = "USD", default_value = "0.0004", requires = "dry_run", value_parser = parse_rate, hide_short_help = true)]
    get_rate: f64,

    /// US dollars per GiB that leaves the bucket's region; 0 for a run inside the region
    #[arg(long, value_name = "USD", default_value = "0.09", requires = "dry_run", value_parser = parse_rate, hide_short_help = true)]
    transfer_rate: f64,
}

fn parse_rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate >= 0.0);
    rate.ok_or_else(|| "use an amount in US dollars, such as 0.005".to_owned())
}

/// Runs the command.
///
/// # Errors
/// When nothing can be checked, or a result cannot be written.
pub fn run(args: &VerifyArgs, io: &mut Console<'_>) -> Result<u8, Failure> {
    check_outputs(args)?;
    args.run.begin(&io.stop);
    let verification = args.question.verification(&args.pace, io.now, &io.stop);
    let verification = verification.memory(args.memory.bytes());
    let failure = |error| args.question.failure(error);
    let kind = verification.kind().map_err(failure)?;
    let mut request = verification.request(kind, io.now).map_err(failure)?;
    request.question.logs = !args.no_logs;
    let mut opener = args.aws.opener(&io.stop);
    if args.dry.dry_run {
        return dry_run(args, &verification, &request, &mut opener, io);
    }
    let rules = verification.rules(kind.form).map_err(keys::failure)?;
    let (stores, unopened) = opener.open_all(&args.question.sources)?;
    let cloudtrail = verification.cloudtrail(kind.form, &mut opener).map_err(failure)?;
    request.ran_by.identity = opener.identity(kind.form);
    // Outputs are opened first: a long run must not end in a place that cannot be written.
    let outputs = args.report.begin()?;
    let objects = args.objects.as_deref().map(ObjectsFile::begin).transpose()?;
    let bar = args.pace.bar();
    let sources = verification.discover(&stores, unopened);
    let mut observers = Observers::default();
    bar.iter().for_each(|bar| observers.attach(bar));
    objects.iter().for_each(|file| observers.attach(file));
    let result = verify(&request, sources, rules, cloudtrail.as_deref(), &observers);
    drop(bar);
    let mut report = result.map_err(|e| Failure::internal(format!("the run failed: {e}")))?;
    report.finished = Timestamp::now();
    if let Some(objects) = objects {
        objects.complete()?;
    }
    outputs.complete(&report, args.pace.quiet, io)?;
    let status = args.fail_on.status(&report);
    verdict::print_verdict(&report, status, args.pace.quiet, io);
    if args.run.verbose {
        verdict::print_facts(&report, io);
    }
    Ok(status)
}

/// Refuses outputs that would overwrite evidence, before anything is read.
fn check_outputs(args: &VerifyArgs) -> Result<(), Failure> {
    let mut guard = args.question.guard(args.report.guard());
    args.report.check(&mut guard)?;
    args.objects.as_deref().map_or(Ok(()), |file| objects::check(file, &mut guard))
}

/// Prints the estimate of a run.
fn dry_run(
    args: &VerifyArgs,
    verification: &Verification,
    request: &VerifyRequest,
    opener: &mut Opener,
    io: &mut Console<'_>,
) -> Result<u8, Failure> {
    let as_json = match args.report.format() {
        Format::Text => false,
        Format::Json => true,
        other => return Err(not_of_an_estimate(other)),
    };
    let (stores, unopened) = opener.open_all(&args.question.sources)?;
    let outputs = args.report.begin()?;
    let bar = args.pace.bar();
    let sources = verification.discover(&stores, unopened);
    let result = estimate(request, &sources, progress(bar.as_ref()));
    drop(bar);
    let mut estimate = result.map_err(|e| Failure::internal(format!("the run failed: {e}")))?;
    if request.question.form == SourceForm::Bucket {
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
    let message = format!("--dry-run cannot write {}", format.as_str());
    Failure::usage(message).remedy("use --format text or json")
}

/// The schema that JSON reports follow.
pub(super) const SCHEMA: &str = report::json::SCHEMA_JSON;
