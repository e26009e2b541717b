//! `trailseal evidence pack`, `trailseal evidence check` and `trailseal evidence timestamp`.

mod place;
mod timestamp;

use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};

use self::place::{BagDestination, open_bag};
pub use self::timestamp::TimestampArgs;
use super::guard::{OutputGuard, OutputKind};
use super::keys::{self, read_key_file};
use super::question::QuestionArgs;
use super::run_args::{MemoryArgs, PaceArgs, RunArgs, progress};
use super::source::AwsArgs;
use super::verdict;
use super::{Console, Failure, INCOMPLETE, INTERRUPTED, ResultFormat};
use crate::crypto::document::revocation::RevocationLists;
use crate::crypto::document::{Authorities, DocumentSigner};
use crate::model::Printable;
use crate::report::json;
use crate::report::text::TextOptions;
use crate::run::evidence::KeptLogs;
use crate::run::evidence::authority::fetch_lists;
use crate::run::evidence::check::check;
use crate::run::evidence::check_request::CheckRequest;
use crate::run::evidence::pack::{
    PackError, PackRequest, PackSources, PackedBag, SealOptions, pack,
};
use crate::source::{Opened, Opener};

const PACK_EXAMPLES: &str = "\
Examples:
  One account in July, as one file for the regulator:
    trailseal evidence pack s3://my-bucket --account 111122223333 \\
        --start-time 2026-07-01 --end-time 2026-08-01 --output july.zip

  A copy on disk, signed and time-stamped:
    trailseal evidence pack ./copy --keys keys.json --output july.zip \\
        --sign me.pem --cert me-and-chain.pem --timestamp http://timestamp.example.com

  The same bag again, next year:
    trailseal evidence pack ./copy --keys keys.json --as-of 2026-08-02T00:00:00Z \\
        --name july --output july-again.zip

VERIFY.md in the bag explains how to check it with OpenSSL alone.

Exit status: that of the verification, once the bag is made
  0  verified: the requested time is proven
  1  violation: the bag contains the evidence
  2  wrong usage or configuration: no bag was made
  3  incomplete: something could not be checked, or the requested time-stamp is missing
  4  internal error or unwritable output: no bag was made";

const CHECK_EXAMPLES: &str = "\
Examples:
  A bag that you received, signed with a certificate of your authority:
    trailseal evidence check july.zip --ca authority.pem

  The same with keys that you got from CloudTrail yourself:
    trailseal evidence check july.zip --ca authority.pem --keys keys.json

Exit status:
  0  verified: the bag is intact, and its content proves what its report says
  1  violation: the bag was altered, or its content contradicts the signatures
  2  wrong usage, or not a readable bag
  3  incomplete: no contradiction, but something could not be proven
  4  internal error or unwritable output";

/// Commands on evidence bags.
#[derive(Debug, Subcommand)]
pub enum EvidenceCommand {
    #[allow(missing_docs)]
    Pack(Box<PackArgs>),
    #[allow(missing_docs)]
    Check(CheckArgs),
    #[allow(missing_docs)]
    Timestamp(TimestampArgs),
}

/// Verify, and pack the evidence into a bag (BagIt) for others to check
#[derive(Debug, Args)]
#[command(after_help = PACK_EXAMPLES)]
pub struct PackArgs {
    #[command(flatten)]
    question: QuestionArgs,

    /// The bag to write: a new file FILE.zip, or a new folder
    #[arg(long, short, value_name = "FILE.zip|DIR")]
    output: PathBuf,

    /// Name of the bag, independent of the output's file name [default: the output's name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Log files to include in the bag; all are verified in any case
    #[arg(long, value_enum, default_value_t = LogsArg::All)]
    logs: LogsArg,

    /// Sign the bag's tag manifest with this private key: RSA or EC (P-256, P-384), PEM
    #[arg(long, value_name = "KEY.pem", requires = "cert")]
    sign: Option<PathBuf>,

    /// The signer's certificate, followed by its chain, PEM
    #[arg(long, value_name = "CERT.pem", requires = "sign")]
    cert: Option<PathBuf>,

    /// Time-stamp authority for the seal (RFC 3161)
    #[arg(long, value_name = "URL")]
    timestamp: Option<String>,

    /// Revocation list (CRL) of the issuer of a seal certificate, PEM or DER, to include in the bag
    /// (repeatable)
    #[arg(long = "crl", value_name = "CRL")]
    lists: Vec<PathBuf>,

    /// Fetch the revocation lists named in the certificates of signer and time-stamp (HTTP);
    /// failures are warnings
    #[arg(long)]
    fetch_crls: bool,

    #[command(flatten)]
    pace: PaceArgs,

    #[command(flatten)]
    run: RunArgs,

    #[command(flatten)]
    memory: MemoryArgs,

    #[command(flatten)]
    aws: AwsArgs,
}

/// Which log files a bag holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogsArg {
    /// All that were read: the bag proves them
    All,
    /// Only invalid ones
    Failed,
    /// None
    None,
}

impl From<LogsArg> for KeptLogs {
    fn from(arg: LogsArg) -> Self {
        match arg {
            LogsArg::All => Self::All,
            LogsArg::Failed => Self::Failed,
            LogsArg::None => Self::None,
        }
    }
}

/// Check a bag offline: its files, its seal, and every digest and log file in it
#[derive(Debug, Args)]
#[command(after_help = CHECK_EXAMPLES)]
pub struct CheckArgs {
    /// The bag: a ZIP archive or a folder
    #[arg(value_name = "BAG")]
    bag: PathBuf,

    /// Authorities that you trust for signatures and time-stamps, and newer revocation lists if you
    /// have them, PEM (repeatable); an unsigned bag is then incomplete
    #[arg(long = "ca", value_name = "CA.pem")]
    authorities: Vec<PathBuf>,

    /// Public keys to use instead of those in the bag: a file, a folder of key files, or `-` for
    /// standard input (repeatable)
    #[arg(long, value_name = "FILE|DIR|-")]
    keys: Vec<PathBuf>,

    /// Format of the result
    #[arg(long, value_enum, default_value_t = ResultFormat::Text)]
    format: ResultFormat,

    #[command(flatten)]
    pace: PaceArgs,

    #[command(flatten)]
    run: RunArgs,
}

/// Runs the command.
///
/// # Errors
/// When there is no bag to be made or checked, or a result cannot be written.
pub fn run(command: &EvidenceCommand, io: &mut Console<'_>) -> Result<u8, Failure> {
    match command {
        EvidenceCommand::Pack(args) => run_pack(args, io),
        EvidenceCommand::Check(args) => run_check(args, io),
        EvidenceCommand::Timestamp(args) => timestamp::run(args, io),
    }
}

fn run_pack(args: &PackArgs, io: &mut Console<'_>) -> Result<u8, Failure> {
    check_output(args)?;
    args.run.begin(&io.stop);
    let verification = args.question.verification(&args.pace, io.now, &io.stop);
    let verification = verification.memory(args.memory.bytes());
    let of_question = |error| args.question.failure(error);
    let as_of = verification.judged_as_of(io.now).map_err(of_question)?;
    let kind = verification.kind().map_err(of_question)?;
    let mut verify = verification.request(kind, io.now).map_err(of_question)?;
    // The same input as of the same time is the same bytes.
    verify.started = as_of;
    let rules = verification.rules(kind.form).map_err(keys::failure)?;
    let seal = seal(args, io)?;
    let mut opener = args.aws.opener(&io.stop);
    let stores = open_sources(args, &mut opener)?;
    let cloudtrail = verification.cloudtrail(kind.form, &mut opener).map_err(of_question)?;
    let destination = BagDestination::begin(&args.output, args.name.as_deref())?;
    verify.ran_by.identity = opener.identity(kind.form);
    let request = PackRequest {
        verify,
        insisted: verification.insisted().clone(),
        logs: args.logs.into(),
        as_of,
        name: destination.name().to_owned(),
        seal,
    };
    let bar = args.pace.bar();
    let (observer, work) = (progress(bar.as_ref()), destination.work());
    let sources = PackSources { stores: &stores, rules, cloudtrail: cloudtrail.as_deref() };
    let packed = pack(&request, sources, observer, work);
    drop(bar);
    let packed = packed.map_err(|error| failure(error, &args.output))?;
    destination.complete(&packed.folder)?;
    print_packed(args, &packed, io)
}

/// Refuses an output that would overwrite something.
fn check_output(args: &PackArgs) -> Result<(), Failure> {
    let guard = args.question.guard(OutputGuard::default());
    let mut guard = guard.inputs(args.sign.as_deref()).inputs(args.cert.as_deref());
    guard = guard.inputs(args.lists.iter().map(PathBuf::as_path));
    guard.check("--output", &args.output, OutputKind::Bag)
}

/// Reads what the bag is to be sealed with, and warns of what a check will not accept.
fn seal(args: &PackArgs, io: &mut Console<'_>) -> Result<SealOptions, Failure> {
    let signer = signer(args)?;
    let mut lists = revocation_lists(args)?;
    if let Some(signer) = signer.as_ref().filter(|_| args.fetch_crls) {
        warn_of(&fetch_lists(&signer.list_addresses(), &mut lists), io);
    }
    let doubts = signer.iter().flat_map(|signer| signer.doubts(&lists, io.now));
    for doubt in doubts {
        // A warning that cannot be written changes nothing.
        let _ = writeln!(
            io.err,
            "warning: --cert: {doubt}: checking the bag with --ca will not accept its signature"
        );
    }
    let authority = args.timestamp.clone();
    if let Some(url) = &authority {
        timestamp::is_address(url)?;
    }
    Ok(SealOptions { signer, authority, lists, fetch_lists: args.fetch_crls })
}

fn open_sources(args: &PackArgs, opener: &mut Opener) -> Result<Vec<Opened>, Failure> {
    let (stores, unopened) = opener.open_all(&args.question.sources)?;
    match unopened.into_iter().next() {
        None => Ok(stores),
        Some(unopened) => {
            let message = format!("no bag was made: {}", Printable(&unopened.finding.message));
            let failure = Failure { status: INCOMPLETE, ..Failure::internal(message) };
            Err(failure.remedy(unopened.remedy))
        }
    }
}

/// Prints what was packed; returns the exit status.
fn print_packed(args: &PackArgs, packed: &PackedBag, io: &mut Console<'_>) -> Result<u8, Failure> {
    if !args.pace.quiet {
        print_summary(args, packed, io)
            .map_err(|e| Failure::internal(format!("standard output: {e}")))?;
    }
    warn_of(&packed.warnings, io);
    let mut status = packed.report.exit_status;
    if let Some(cause) = &packed.no_time_stamp {
        timestamp::warn_of_missing(&args.output, args.timestamp.as_deref(), cause, io);
        // What was asked for is not whole, and no network's trouble is success.
        status = if status == 0 { INCOMPLETE } else { status };
    }
    verdict::print_verdict(&packed.report, status, args.pace.quiet, io);
    if args.run.verbose {
        verdict::print_facts(&packed.report, io);
    }
    Ok(status)
}

fn failure(error: PackError, output: &Path) -> Failure {
    let output = output.display().to_string();
    let output = Printable(&output);
    match error {
        PackError::Interrupted => {
            Failure { status: INTERRUPTED, message: error.to_string(), remedy: None }
        }
        PackError::Io(error) => Failure::internal(format!("{output}: no bag was made: {error}"))
            .remedy("check that the folder is writable and has enough space for the bag"),
        PackError::Seal(error) => Failure::internal(format!("{output}: no bag was made: {error}"))
            .remedy("check the key and its certificate"),
    }
}

fn signer(args: &PackArgs) -> Result<Option<DocumentSigner>, Failure> {
    let Some((key, certificate)) = args.sign.as_deref().zip(args.cert.as_deref()) else {
        return Ok(None);
    };
    let (key_name, key) = read(key)?;
    let (certificate_name, certificate) = read(certificate)?;
    let key = String::from_utf8(key)
        .map_err(|_| Failure::usage(format!("{}: not a PEM file", Printable(&key_name))))?;
    DocumentSigner::from_pem(&key_name, &key, &certificate_name, &certificate)
        .map(Some)
        .map_err(Failure::usage)
}

/// Warns of what could not be fetched.
fn warn_of(troubles: &[String], io: &mut Console<'_>) {
    for trouble in troubles {
        // A warning that cannot be written changes nothing.
        let _ = writeln!(io.err, "warning: {}", Printable(trouble));
    }
}

fn revocation_lists(args: &PackArgs) -> Result<RevocationLists, Failure> {
    let mut lists = RevocationLists::default();
    for file in &args.lists {
        let (name, bytes) = read(file)?;
        let usage = |error: &dyn std::fmt::Display| {
            Failure::usage(format!("--crl {}: {error}", Printable(&name)))
        };
        let some = RevocationLists::decode(&bytes).map_err(|error| usage(&error))?;
        if some.is_empty() {
            return Err(usage(&"contains no revocation list"));
        }
        lists.add_to_seal(some).map_err(|error| usage(&error))?;
    }
    Ok(lists)
}

/// Reads a small file.
fn read(path: &Path) -> Result<(String, Vec<u8>), Failure> {
    let name = path.display().to_string();
    let bytes =
        fs::read(path).map_err(|error| Failure::usage(format!("{}: {error}", Printable(&name))))?;
    Ok((name, bytes))
}

fn print_summary(args: &PackArgs, packed: &PackedBag, io: &mut Console<'_>) -> std::io::Result<()> {
    let output = args.output.display().to_string();
    let PackedBag { report, objects, left_out, tag_manifest, .. } = packed;
    writeln!(io.out, "{}", Printable(&output))?;
    writeln!(io.out, "  verdict        {} (as of {} UTC)", report.verdict, report.finished)?;
    writeln!(io.out, "  objects        {objects}")?;
    writeln!(io.out, "  tag manifest   {tag_manifest}")?;
    let signed = args.sign.as_ref().map_or("no", |_| "yes");
    let stamped = match (&args.timestamp, &packed.no_time_stamp) {
        (Some(_), None) => "yes",
        (Some(_), Some(_)) => "NO: the authority did not provide one",
        _ => "no",
    };
    writeln!(io.out, "  signed         {signed}, time-stamped: {stamped}")?;
    for (object, cause) in left_out.iter().take(20) {
        writeln!(io.out, "  not included   {}: {cause}", Printable(object))?;
    }
    if left_out.len() > 20 {
        writeln!(io.out, "  not included   {} more: see data/custody.csv", left_out.len() - 20)?;
    }
    writeln!(
        io.out,
        "To check the bag, follow its VERIFY.md, or run: trailseal evidence check {}",
        Printable(&output)
    )
}

fn run_check(args: &CheckArgs, io: &mut Console<'_>) -> Result<u8, Failure> {
    args.run.begin(&io.stop);
    let mut authorities = Authorities::default();
    for file in &args.authorities {
        let (name, pem) = read(file)?;
        authorities
            .add_pem(&pem)
            .map_err(|error| Failure::usage(format!("{}: {error}", Printable(&name))))?;
    }
    let keys = args.keys.iter().map(|file| read_key_file(file)).collect::<Result<Vec<_>, _>>()?;
    let keys: Vec<_> = keys.into_iter().flatten().collect();
    let request = CheckRequest {
        name: args.bag.display().to_string(),
        authorities,
        keys: (!args.keys.is_empty()).then_some(keys),
        jobs: args.pace.jobs(None),
        now: io.now,
        stop: io.stop.clone(),
    };
    let unreadable = |error: std::io::Error| {
        Failure::usage(format!("{}: {error}", Printable(&request.name)))
            .remedy("use a bag made by trailseal evidence pack: FILE.zip, or its folder")
    };
    let bag = open_bag(&args.bag).map_err(unreadable)?;
    let bar = args.pace.bar();
    let report = check(&request, bag.folder(), progress(bar.as_ref()));
    drop(bar);
    let report = report.map_err(unreadable)?;
    let quiet = args.pace.quiet && args.format == ResultFormat::Text;
    if !quiet {
        let options = TextOptions { color: io.color, width: io.width };
        let written = match args.format {
            ResultFormat::Text => report.render(io.out, options),
            ResultFormat::Json => json::render(&report, io.out),
        };
        written.map_err(|e| Failure::internal(format!("the result cannot be written: {e}")))?;
    }
    if !(args.pace.quiet && report.exit_status == 0) {
        let verdict = report.verdict.as_str().to_uppercase();
        let (bag, status) = (Printable(&report.bag), report.exit_status);
        // Diagnostics that cannot be written change no verdict.
        let _ = writeln!(io.err, "trailseal: {verdict}: {bag}; exit status {status}");
    }
    if args.run.verbose {
        let _ = writeln!(
            io.err,
            "  {} files of data/ checked by {} workers",
            report.files, request.jobs
        );
    }
    Ok(report.exit_status)
}
