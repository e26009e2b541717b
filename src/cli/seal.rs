//! `trailseal seal`.

mod heads;
mod outcome;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use jiff::SignedDuration;

use self::heads::{keeps_heads, read_heads, write_heads};
use self::outcome::{outcome, print_facts, print_outcome, print_plan};
use super::guard::{OutputGuard, OutputKind};
use super::keys::read_key_file;
use super::output::WholeFile;
use super::run_args::{PaceArgs, RunArgs, progress};
use super::source::{AwsArgs, absent, kms};
use super::time_args::{TimeArg, parse_interval, parse_time};
use super::{Console, Failure, INCOMPLETE, INTERNAL, INTERRUPTED, ResultFormat};
use crate::crypto::{KeyForm, Signer, SigningKey, Validity};
use crate::model::{AccountId, BucketName, OrganizationId, Place, Printable, Region, TrailName};
use crate::report::json;
use crate::report::wording::counted;
use crate::run::seal::{SealError, SealOutcome, SealRequest, seal};
use crate::seal::ExpectedHead;
use crate::source::{Opener, Scheme, slashed};
use crate::store::{DirectoryStore, Stop, Store, Writes};

/// Digests that are written unasked at most: six weeks of hours. More are due where a chain is
/// begun over an old copy, as a rule by mistake.
const MOST_UNASKED: usize = 1000;

/// Scheme of a KMS key.
const KMS: &str = "kms:";

/// Exit status if the chain lacks the expected head.
const VIOLATION: u8 = 1;

const EXAMPLES: &str = "\
Examples:
  Generate a key, seal three hours of a copy, then verify:
    trailseal keys generate ./keys
    trailseal seal ./copy --account 111122223333 --region eu-west-1 --trail audit \\
        --bucket my-bucket --key keys/signing-key.pem \\
        --start-time 2026-07-10T11:00:00Z --end-time 2026-07-10T14:00:00Z
    trailseal verify ./copy --keys keys/public-keys.json

  Every hour, from a scheduler: continue the chain up to now, but stop if its newest
  digest is not the one that the last run wrote
    trailseal seal ./copy --account 111122223333 --region eu-west-1 --trail audit \\
        --bucket my-bucket --key keys/signing-key.pem --head-file /var/lib/trailseal/audit.head

  To show what is due without writing it, add --dry-run. More than 1,000 digests are sealed only with
  --yes or --end-time

Exit status:
  0  everything that was due is sealed
  1  violation: the expected head of the chain is missing or altered; nothing was sealed
  2  wrong usage or configuration: nothing was sealed
  3  incomplete: an object could not be read, written or trusted; what was sealed before it is
     kept, and the next run continues from there
  4  internal error
  130  interrupted: what was sealed before is kept, and the next run continues from there";

/// Write the hourly signed digests that are due
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct SealArgs {
    /// Source to seal: a bucket (s3://BUCKET[/PREFIX]), or a directory with the same layout
    #[arg(value_name = "SOURCE")]
    source: String,

    /// Account of the log files
    #[arg(long, value_name = "ID")]
    account: AccountId,

    /// Region of the log files
    #[arg(long, value_name = "REGION")]
    region: Region,

    /// Trail of the digests
    #[arg(long, value_name = "NAME")]
    trail: TrailName,

    /// Bucket to name in the digests (required for a directory)
    #[arg(long, value_name = "NAME")]
    bucket: Option<BucketName>,

    /// Prefix before AWSLogs in the bucket's keys [default: the source's prefix, or none]
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,

    /// Region in which the trail was created [default: --region]
    #[arg(long, value_name = "REGION")]
    home_region: Option<Region>,

    /// Organization id, for an organization trail
    #[arg(long, value_name = "ID")]
    organization: Option<OrganizationId>,

    /// Signing key: an RSA private key (PEM, PKCS#8 or PKCS#1, not encrypted), or a KMS key with
    /// usage SIGN_VERIFY as kms:ARN, kms:alias/NAME or kms:KEY-ID
    #[arg(long, value_name = "FILE|kms:KEY")]
    key: String,

    /// X.509 certificate of the key: nothing is sealed if it belongs to another key, or is not
    /// valid at the end of a digest
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,

    /// Start of a new chain: RFC 3339, a date (00:00 UTC), or a duration before now [default: the
    /// interval of the earliest log file]; an existing chain continues at its end
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    start_time: Option<TimeArg>,

    /// Time up to which to seal [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    end_time: Option<TimeArg>,

    /// Time that a digest covers, from one minute to one day
    #[arg(long, value_name = "SPAN", default_value = "1h", value_parser = parse_interval)]
    interval: SignedDuration,

    /// Digest that the chain must contain, as printed by an earlier run: its key, or the SHA-256
    /// hash value of its content (repeatable). Later digests must lead back to it
    #[arg(long, value_name = "KEY|HASH", value_parser = ExpectedHead::parse)]
    expect_head: Vec<ExpectedHead>,

    /// File that records the chain's head: the recorded head is expected, and the new one is
    /// written to it. Keep it where whoever can write to the source cannot change it
    #[arg(long, value_name = "FILE")]
    head_file: Option<PathBuf>,

    /// Write nothing; show the digests that are due
    #[arg(long, conflicts_with = "head_file")]
    dry_run: bool,

    /// Seal everything that is due, even more than 1,000 digests
    #[arg(long, short)]
    yes: bool,

    /// Format of the result
    #[arg(long, value_enum, default_value_t = ResultFormat::Text)]
    format: ResultFormat,

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
/// When nothing can be sealed, or not all that is due.
pub fn run(args: &SealArgs, io: &mut Console<'_>) -> Result<u8, Failure> {
    if let Some(file) = &args.head_file {
        let key = (!args.key.starts_with(KMS)).then(|| Path::new(&args.key));
        let guard = OutputGuard::new(false).sources([&args.source]);
        let mut guard = guard.inputs(key).inputs(args.cert.as_deref());
        guard.check("--head-file", file, OutputKind::Heads)?;
    }
    args.run.begin(&io.stop);
    // Nothing that is being written is given up midway: the run stops between two digests.
    let mut opener = args.aws.opener(&Stop::default());
    let place = open(args, &mut opener)?;
    let mut request = request(args, &place, io)?;
    if let Some(file) = &args.head_file {
        request.expected.extend(read_heads(file)?);
    }
    // Before anything is sealed: a head that cannot be kept would be missed by the next run.
    let head_file = args.head_file.as_deref().map(WholeFile::begin).transpose()?;
    let key = open_key(&args.key, &mut opener)?;
    if let Some(path) = &args.cert {
        request.validity = check_certificate(&*key, path)?;
    }
    let began = Instant::now();
    let bar = args.pace.bar();
    let progress = progress(bar.as_ref());
    let SealPlace { store, base, .. } = place;
    let (report, result) = seal(&request, store, base, &*key, progress);
    drop(bar);
    let told = match args.format {
        ResultFormat::Json => json::render_line(&outcome(&report), io.out),
        ResultFormat::Text if args.pace.quiet => Ok(()),
        ResultFormat::Text if args.dry_run && result.is_ok() => print_plan(&report, io),
        ResultFormat::Text => {
            let heads = !request.expected.is_empty() || args.head_file.is_some();
            print_outcome(&report, result.is_ok(), heads, io)
        }
    };
    told.map_err(Failure::internal)?;
    if args.run.verbose {
        print_facts(&report, request.jobs, began.elapsed(), io);
    }
    let head_file = head_file.filter(|_| keeps_heads(&report, &result));
    let kept = head_file.map_or(Ok(()), |file| write_heads(file, &report));
    // Where both fail, why sealing ended comes first.
    result.map_err(|error| failure(&error, &report))?;
    kept.map(|()| 0)
}

fn request(args: &SealArgs, place: &SealPlace, io: &Console<'_>) -> Result<SealRequest, Failure> {
    let now = io.now;
    let end = args.end_time.map_or(now, |time| time.resolve(now));
    let start = args.start_time.map(|time| time.resolve(now));
    if end > now {
        let message = format!("--end-time {end} is in the future; it is {now} now");
        return Err(Failure::usage(message).remedy("only past time can be sealed"));
    }
    if start.is_some_and(|start| start >= end) {
        return Err(Failure::usage(
            "--start-time is not before --end-time: swap them, or omit one",
        ));
    }
    Ok(SealRequest {
        bucket: place.bucket.clone(),
        place: Place {
            prefix: place.prefix.clone(),
            organization: args.organization.clone(),
            account: args.account.clone(),
        },
        region: args.region.clone(),
        trail: args.trail.clone(),
        home_region: args.home_region.clone().unwrap_or_else(|| args.region.clone()),
        start,
        end,
        interval: args.interval,
        expected: args.expect_head.clone(),
        validity: None,
        most: (!args.yes && args.end_time.is_none()).then_some(MOST_UNASKED),
        dry_run: args.dry_run,
        now,
        jobs: args.pace.jobs(None),
        stop: io.stop.clone(),
    })
}

pub(super) fn read_key(path: &Path) -> Result<SigningKey, Failure> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|e| {
        Failure::usage(format!("{}: {e}", Printable(&name)))
            .remedy("generate a key with: trailseal keys generate DIR")
    })?;
    SigningKey::from_pem(&name, &text).map_err(|error| {
        Failure::usage(error)
            .remedy("--key needs a private key in PEM format; generate one with: trailseal keys generate DIR")
    })
}

/// Opens the signer.
fn open_key(key: &str, opener: &mut Opener) -> Result<Box<dyn Signer>, Failure> {
    match key.strip_prefix(KMS) {
        Some(name) => kms(opener, name),
        None => Ok(Box::new(read_key(Path::new(key))?)),
    }
}

/// A digest that a verifier would refuse for its key's validity must not be made: reads when it
/// is valid.
fn check_certificate(key: &dyn Signer, path: &Path) -> Result<Option<Validity>, Failure> {
    let name = path.display().to_string();
    let mut keys = read_key_file(path)?.into_iter();
    let (Some(certified), None) = (keys.next(), keys.next()) else {
        return Err(Failure::usage(format!("{}: contains several keys", Printable(&name))));
    };
    if certified.form() != KeyForm::Certificate {
        return Err(Failure::usage(format!("{}: not a certificate", Printable(&name))));
    }
    if !certified.fingerprints().any(|fingerprint| fingerprint == key.fingerprint()) {
        let message =
            format!("{}: the certificate belongs to another key than --key", Printable(&name));
        return Err(Failure::usage(message).remedy("use the certificate of that key"));
    }
    Ok(certified.validity())
}

/// Destination of digests.
struct SealPlace {
    store: Arc<dyn Store>,
    /// Prefix before `AWSLogs` in the store's paths.
    base: String,
    bucket: BucketName,
    /// Prefix before `AWSLogs` in the bucket's keys.
    prefix: String,
}

fn open(args: &SealArgs, opener: &mut Opener) -> Result<SealPlace, Failure> {
    let asked = args.prefix.as_deref().map(slashed);
    let scheme = Scheme::of(&args.source);
    if scheme.profile(&args.source)?.writes == Writes::Refused {
        return Err(Failure::usage(format!("{}: this is only read", Printable(&args.source)))
            .remedy("seal the bucket itself, or a directory"));
    }
    if !scheme.is_path() {
        let (store, place) = opener.open(&args.source)?;
        let bucket = store.bucket().cloned().ok_or_else(|| Failure::internal("no bucket"))?;
        if args.bucket.as_ref().is_some_and(|asked| *asked != bucket) {
            return Err(Failure::usage("--bucket differs from the bucket of the source")
                .remedy("omit --bucket: the source names the bucket"));
        }
        let prefix = asked.unwrap_or_else(|| place.start().to_owned());
        return Ok(SealPlace { store, base: prefix.clone(), bucket, prefix });
    }
    if let Err(error) = Path::new(&args.source).metadata() {
        return Err(absent(&args.source, &error));
    }
    let Some(bucket) = args.bucket.clone() else {
        return Err(Failure::usage("no --bucket: the bucket of a directory is unknown")
            .remedy("digests must name their bucket: add --bucket NAME"));
    };
    let path = Path::new(&args.source);
    if !path.is_dir() {
        return Err(Failure::usage(format!("{}: not a directory", Printable(&args.source)))
            .remedy("use the directory that contains AWSLogs"));
    }
    let prefix = asked.unwrap_or_default();
    // It may hold the whole bucket, prefix and all, or begin at AWSLogs.
    let begins_at_logs =
        path.join("AWSLogs").is_dir() && !path.join(&prefix).join("AWSLogs").is_dir();
    let base = if begins_at_logs { String::new() } else { prefix.clone() };
    let store = DirectoryStore::open(path, &args.source)
        .map_err(|e| Failure::usage(format!("{}: {e}", Printable(&args.source))))?;
    Ok(SealPlace { store: Arc::new(store), base, bucket, prefix })
}

/// Number of digests that an ended run keeps, in words.
fn kept(report: &SealOutcome) -> String {
    match report.sealed.len() as u64 {
        0 => "nothing was sealed".to_owned(),
        1 => "1 digest was sealed before that and is kept".to_owned(),
        n => format!("{} were sealed before that and are kept", counted(n, "digest", "digests")),
    }
}

fn failure(error: &SealError, report: &SealOutcome) -> Failure {
    let status = match error {
        SealError::Request(_) | SealError::Validity { .. } | SealError::TooMany { .. } => {
            super::USAGE
        }
        SealError::Threads(_) | SealError::Observer(_) => INTERNAL,
        SealError::Interrupted => INTERRUPTED,
        SealError::Unexpected(unexpected) if unexpected.is_violation() => VIOLATION,
        _ => INCOMPLETE,
    };
    let remedy = match error {
        SealError::Request(_) => None,
        SealError::TooMany { .. } => Some("use --dry-run to see them, --yes to seal them all, or --end-time to seal up to a time; --start-time starts a new chain later".to_owned()),
        SealError::Unexpected(_) => Some("nothing was sealed; run trailseal verify with --start-time and --end-time, and find out who deleted or replaced the digest".to_owned()),
        SealError::Validity { .. } => Some("generate a new key (trailseal keys generate DIR), with an earlier --valid-from if needed".to_owned()),
        SealError::Interrupted => {
            Some(format!("{}; run the same command again to continue", kept(report)))
        }
        _ => Some(format!("{}; resolve the cause and run again", kept(report))),
    };
    Failure { status, message: error.to_string(), remedy }
}
