//! `trailseal verify-query-results`: the AWS CLI's command of that name, with its options, its
//! texts and streams, and its exit status where that does not mislead.
//!
//! Compared with AWS CLI 2.36.7. Where this command differs, and why:
//!
//! 1. What cannot be read (denied, archived, a lost connection, a file without permission) and a
//!    CloudTrail that does not answer end with 3, in our words. There it is 253, 254 or 255, the
//!    last of which an altered file has too.
//! 2. A bucket that is not there, missing credentials and options of a wrong form end with 2.
//! 3. Files in the folder that no sign file lists are told of; one that passes for a result
//!    (`result_N.csv.gz`) ends with 1, because whoever reads the folder would take it for one.
//! 4. Names that lead out of the folder (`../`, absolute, links) are not followed.
//! 5. Where the AWS CLI prints the bare text of a Python exception (`'files'`), this is an
//!    invalid sign file or signature, with the reason; the reason why JSON is none is our
//!    parser's. Fields given twice are refused. Times are RFC 3339 and nothing else.
//! 6. Without `--region`, CloudTrail is asked in the region that the sign file names; there in the
//!    configured one, where the key is then unknown. The answer is CloudTrail's own either way. A
//!    sign file that names none (there are none such) needs `--region`.
//! 7. `--endpoint-url` holds for S3 too; `AWS_ENDPOINT_URL_CLOUDTRAIL` for CloudTrail alone.
//! 8. What steers a terminal is shown escaped, and keys below 2048 bits are no keys.
//! 9. More is said on standard error: what the signature does not cover, and what to do.

mod end;
mod folder;

use std::path::PathBuf;

use clap::Args;

#[cfg(feature = "aws")]
use self::end::trouble;
use self::end::{End, INVALID};
use super::question::read_keys;
use super::source::AwsArgs;
use super::{Console, Failure, INCOMPLETE};
use crate::crypto::KeyRing;
use crate::model::{Printable, Region, Window};
use crate::source::Opener;
use crate::verify::query_results::{QueryResultFault, SignFile};
use folder::{ResultFolder, ResultListing};

/// Exit status of the AWS CLI: options that do not go together.
const OPTIONS: u8 = 252;
/// A file passes for a result that the sign file does not list.
const UNLISTED: u8 = 1;

const NOT_COVERED: &str = "\
trailseal: the signature covers only the SHA-256 hash values of the files as stored (compressed), in
  their order. File names, region, time and query are not signed. The check does not show whether
  rows are missing from the result, or whether CloudTrail recorded every event.
";

const HELP: &str = "\
Options, texts and exit statuses are those of `aws cloudtrail verify-query-results` (version 2), with
these exceptions: errors such as denied access are never reported as an invalid result; file names
cannot lead out of the folder; files that the sign file does not list are reported; standard error
also says what the signature does not cover, and what to do.

Examples:
  A result in a bucket, with the key from CloudTrail:
    trailseal verify-query-results --s3-bucket my-bucket --region us-east-1 \\
        --s3-prefix AWSLogs/111122223333/CloudTrail-Lake/Query/2026/07/01/QUERY-ID/

  A copy, with keys fetched before:
    trailseal keys fetch --region us-east-1 --start-time 2026-07-01 --end-time 2026-07-22 \\
        --output keys.json
    trailseal verify-query-results --local-export-path ./result --keys keys.json

Exit status:
  0    valid
  1    valid, but the folder has another file that looks like part of the result
  2    wrong usage or configuration: nothing was checked
  3    something could not be read, or --keys lacks the key
  252  neither --s3-bucket nor --local-export-path, or both
  254  the bucket has no such object
  255  invalid: a file is altered or missing, or the signature or its key is not CloudTrail's";

/// Verify the exported result of a CloudTrail Lake query, like the AWS CLI's command
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct QueryResultsArgs {
    /// Directory with result_sign.json and the exported files
    #[arg(long, value_name = "DIR")]
    local_export_path: Option<String>,

    /// Bucket with these files
    #[arg(long, value_name = "BUCKET")]
    s3_bucket: Option<String>,

    /// Folder in the bucket [default: the bucket's root]
    #[arg(long, value_name = "PREFIX")]
    s3_prefix: Option<String>,

    /// Region where the query ran, whose key signed the result [default: from the sign file]
    #[arg(long, value_name = "REGION")]
    region: Option<Region>,

    /// Public keys: list-public-keys JSON, PEM or DER keys, X.509 certificates; a folder of these,
    /// or `-` for standard input (repeatable)
    /// [default: CloudTrail is asked]
    #[arg(long, value_name = "FILE|DIR|-")]
    keys: Vec<PathBuf>,

    #[command(flatten)]
    aws: AwsArgs,
}

/// Runs the command; returns the exit status.
///
/// # Errors
/// When something could not be checked: why, and what to do.
pub fn run(args: &QueryResultsArgs, io: &mut Console<'_>) -> Result<u8, Failure> {
    let unwritable = |e| Failure::internal(format!("cannot write the results: {e}"));
    match check(args, io) {
        Ok(unlisted) => {
            let status = if unlisted.results.is_empty() {
                let valid = "Successfully validated sign and query result files";
                writeln!(io.out, "{valid}").map_err(unwritable)?;
                0
            } else {
                UNLISTED
            };
            // Diagnostics that cannot be written change no verdict.
            let _ = write!(io.err, "{}{NOT_COVERED}", unlisted_warning(&unlisted));
            Ok(status)
        }
        Err(End::Theirs { status, message, remarks }) => {
            let _ = write!(io.err, "\naws: [ERROR]: {message}\n");
            for remark in remarks {
                let _ = writeln!(io.err, "trailseal: {remark}");
            }
            Ok(status)
        }
        Err(End::Ours(failure)) => Err(failure),
    }
}

/// Describes the files that the sign file does not list.
fn unlisted_warning(unlisted: &ResultListing) -> String {
    let mut text = String::new();
    let mut tell = |names: &folder::NameSample, what: &str| {
        if !names.is_empty() {
            text += &format!("trailseal: {what}: {names}\n");
        }
    };
    tell(
        &unlisted.results,
        "the listed files are valid, but the folder has other files with names of results that are not signed and not part of this result: find out who added them",
    );
    tell(&unlisted.others, "in the same folder, but not covered by the signature");
    if let Some(cause) = &unlisted.trouble {
        let cause = Printable(cause);
        text += &format!(
            "trailseal: the folder could not be listed, so unsigned files that look like results were not searched for: {cause}\n"
        );
    }
    text
}

/// Checks the whole result in the AWS CLI's order; returns what else the folder holds.
fn check(args: &QueryResultsArgs, io: &Console<'_>) -> Result<ResultListing, End> {
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let options = |message: &str| End::Theirs {
        status: OPTIONS,
        message: format!("An error occurred (ParamValidation): {message}"),
        remarks: Vec::new(),
    };
    let (path, bucket) = (given(&args.local_export_path), given(&args.s3_bucket));
    let (path, bucket) = match (path, bucket) {
        (None, None) => {
            return Err(options("Require parameter --s3-bucket or --local-export-path."));
        }
        (Some(path), None) if given(&args.s3_prefix).is_none() => (Some(path), None),
        (None, bucket) => (None, bucket),
        (Some(_), _) => {
            return Err(options(
                "Parameter --local-export-path can not be specified with parameter --s3-bucket nor --s3-prefix.",
            ));
        }
    };
    let ring = if args.keys.is_empty() { None } else { Some(read_keys(&args.keys)?) };
    let mut opener = args.aws.opener(&io.stop);
    let folder = match (path, bucket) {
        (Some(path), _) => ResultFolder::directory(&path)?,
        (None, bucket) => {
            let prefix = given(&args.s3_prefix).unwrap_or_default();
            ResultFolder::bucket(&mut opener, &bucket.unwrap_or_default(), prefix)?
        }
    };
    let sign_file = SignFile::decode(&folder.sign_file(&io.stop)?)?;
    let unlisted = folder.list(&sign_file);
    let mut keys = ResultKeys { ring, region: args.region.clone(), opener };
    for file in sign_file.files() {
        let hash = folder.hash(file, &unlisted, &io.stop)?;
        file.check(hash).map_err(|fault| keys.altered_file(&sign_file, fault))?;
    }
    keys.check(&sign_file)?;
    Ok(unlisted)
}

/// Source of the keys.
struct ResultKeys {
    /// Keys of `--keys`; `None` where CloudTrail is to be asked.
    ring: Option<KeyRing>,
    region: Option<Region>,
    opener: Opener,
}

impl ResultKeys {
    /// Checks the signature.
    fn check(&mut self, sign_file: &SignFile) -> Result<(), End> {
        let window = sign_file.key_window()?;
        let Some(region) = self.region.clone().or_else(|| sign_file.region()) else {
            return Err(Failure::usage("result_sign.json names no region")
                .remedy("give the region where the query ran, such as --region us-east-1")
                .into());
        };
        let Some(ring) = &self.ring else {
            let ring = published(&mut self.opener, self.region.as_ref(), &region, window)?;
            return Ok(sign_file.check_signature(&ring, &region)?);
        };
        sign_file.check_signature(ring, &region).map_err(|fault| match fault {
            // That a file lacks the key does not show that CloudTrail has none.
            QueryResultFault::KeyUnknown(_) => End::Theirs {
                status: INCOMPLETE,
                message: fault.to_string(),
                remarks: vec![format!(
                    "--keys has no such key for {region} that was valid at that time; get it with: trailseal keys fetch --region {region} --start-time {} --end-time {} --output keys.json",
                    window.start, window.end
                )],
            },
            other => other.into(),
        })
    }

    /// End of a check that tells whether the file or the sign file was altered, where a file's hash
    /// value is not that of the sign file.
    fn altered_file(&mut self, sign_file: &SignFile, fault: QueryResultFault) -> End {
        let remark = match self.check(sign_file) {
            Ok(()) => {
                "the signature over the hash values is valid: this file was altered, cut off, unpacked or renamed"
            }
            Err(End::Theirs { status: INVALID, .. }) => {
                "the signature over the hash values is also invalid: the sign file was altered"
            }
            Err(_) => {
                "without the key, it is unknown whether this file or the sign file was altered"
            }
        };
        End::Theirs { status: INVALID, message: fault.to_string(), remarks: vec![remark.into()] }
    }
}

/// Keys that CloudTrail publishes for a region and time.
#[cfg(feature = "aws")]
fn published(
    opener: &mut Opener,
    named: Option<&Region>,
    region: &Region,
    window: Window,
) -> Result<KeyRing, Failure> {
    use crate::run::verify::CloudTrail as _;

    let cloudtrail = crate::verification::cloudtrail::LiveCloudTrail::new(
        opener.aws()?,
        named.map_or(&[], std::slice::from_ref),
    );
    let keys = cloudtrail.keys(region, window).map_err(|cause| Failure {
        remedy: Some("check the permission cloudtrail:ListPublicKeys, or give --keys FILE".into()),
        ..trouble(&format!("the signature (CloudTrail ListPublicKeys in {region})"), &cause)
    })?;
    let mut ring = KeyRing::new();
    ring.add(keys);
    Ok(ring)
}

#[cfg(not(feature = "aws"))]
fn published(
    _: &mut Opener,
    _: Option<&Region>,
    _: &Region,
    _: Window,
) -> Result<KeyRing, Failure> {
    read_keys(&[])
}
