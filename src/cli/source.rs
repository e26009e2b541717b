//! Sources as they are typed: directories and buckets.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use jiff::SignedDuration;

use super::time_args::parse_span;
use super::{Failure, INCOMPLETE};
#[cfg(feature = "seal")]
use crate::crypto::Signer;
use crate::model::{AccountId, BucketName, OrganizationId, Printable};
use crate::store::{DirectoryStore, Stop, Store};
use crate::verify::{Code, Finding};

#[cfg(feature = "aws")]
use crate::aws::{Aws, AwsError, AwsOptions, KmsSigner, Need, S3Store};

/// Access to AWS; the standard AWS environment and configuration files supply the rest.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "AWS")]
pub(super) struct AwsArgs {
    /// Profile from the AWS configuration files
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,

    /// Endpoint for all services (S3 with path-style addressing); a profile's own role is assumed at
    /// AWS_ENDPOINT_URL
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<String>,

    /// Role to assume
    #[arg(long, value_name = "ARN", hide_short_help = true)]
    role_arn: Option<String>,

    /// External id for the role
    #[arg(long, value_name = "ID", requires = "role_arn", hide_short_help = true)]
    external_id: Option<String>,

    /// Agree to pay for requests to a requester-pays bucket
    #[arg(long, hide_short_help = true)]
    request_payer: bool,

    /// Time without progress after which to abandon a request
    #[arg(long, value_name = "SPAN", default_value = "20s", value_parser = parse_read_timeout, hide_short_help = true)]
    read_timeout: SignedDuration,
}

fn parse_read_timeout(text: &str) -> Result<SignedDuration, String> {
    let span = parse_span(text)?;
    let fits = (1..=3600).contains(&span.as_secs());
    fits.then_some(span).ok_or_else(|| "use a time from 1s to 1h".to_owned())
}

/// Scheme of a bucket URL.
pub(super) const S3: &str = "s3://";

/// A source that is open: its store, and where in it to begin.
pub(super) type Opened = (Arc<dyn Store>, String);

/// The first things to look at where a bucket does not open.
pub(super) const REACH: &str = "check the name, the credentials (aws sts get-caller-identity) and the permissions s3:ListBucket and s3:GetObject";

/// Opens sources; all of one kind, because what a missing signature means depends on it.
pub(super) struct Opener<'a> {
    args: &'a AwsArgs,
    #[cfg_attr(not(feature = "aws"), allow(dead_code))]
    stop: Stop,
    #[cfg(feature = "aws")]
    aws: Option<Aws>,
}

impl<'a> Opener<'a> {
    /// Nothing is reached yet; a stop ends the waiting for any answer.
    pub(super) fn new(args: &'a AwsArgs, stop: &Stop) -> Self {
        Self {
            args,
            stop: stop.clone(),
            #[cfg(feature = "aws")]
            aws: None,
        }
    }

    /// Opens sources by their form. What is named twice is read once; a bucket that does not
    /// answer as it should is a finding, and the others are read all the same.
    pub(super) fn open_all(
        &mut self,
        sources: &[String],
    ) -> Result<(Vec<Opened>, Vec<Finding>), Failure> {
        let (mut opened, mut unopened, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
        for source in sources {
            match source.strip_prefix(S3) {
                Some(place) => {
                    // Whether a second slash is a slip or begins the keys cannot be seen from it.
                    let exact = place.split_once('/').filter(|(_, prefix)| {
                        prefix.starts_with('/') && !prefix.trim_matches('/').is_empty()
                    });
                    if seen.insert((PathBuf::from(source), slashed(place))) {
                        match self.open_bucket(source, place) {
                            Ok((store, start)) => {
                                if let Some((_, prefix)) = exact {
                                    let start = format!("{}/", prefix.trim_end_matches('/'));
                                    opened.push((store.clone(), start));
                                }
                                opened.push((store, start));
                            }
                            Err(failure) if failure.status == INCOMPLETE => {
                                unopened.push(unreadable(place, &failure));
                            }
                            Err(failure) => return Err(failure),
                        }
                    }
                }
                None => {
                    let (root, start) = locate(source)?;
                    if seen.insert((root.clone(), start.clone())) {
                        opened.push((open_directory(source, &root)?, start));
                    }
                }
            }
        }
        Ok((opened, unopened))
    }

    #[cfg(feature = "aws")]
    pub(super) fn open_bucket(&mut self, source: &str, place: &str) -> Result<Opened, Failure> {
        let (store, start) = self.bucket(source, place)?;
        Ok((Arc::new(store), start))
    }

    #[cfg(not(feature = "aws"))]
    pub(super) fn open_bucket(&mut self, source: &str, _: &str) -> Result<Opened, Failure> {
        let _ = self.args;
        Err(Failure::usage(format!("{}: this build cannot read S3", Printable(source)))
            .remedy("build with the feature `aws`, or copy the bucket to a directory"))
    }

    /// A KMS key as a signer.
    #[cfg(feature = "aws")]
    pub(super) fn kms(&mut self, key: &str) -> Result<Box<dyn Signer>, Failure> {
        if key.is_empty() {
            return Err(Failure::usage("--key kms: names no key")
                .remedy("use kms:ARN, kms:alias/NAME or kms:KEY-ID"));
        }
        let signer = KmsSigner::open(&self.aws()?, key).map_err(|error| {
            // Trouble is no wrong usage: only a key of another kind is.
            let status = match error {
                AwsError::KmsKind { .. } => super::USAGE,
                _ => INCOMPLETE,
            };
            let remedy = match error {
                AwsError::KmsKind { .. } => "create a suitable key: aws kms create-key --key-spec RSA_2048 --key-usage SIGN_VERIFY",
                _ => "check the key, its region and the permissions kms:GetPublicKey and kms:Sign",
            };
            Failure { status, ..Failure::usage(error) }.remedy(remedy)
        })?;
        Ok(Box::new(signer))
    }

    #[cfg(feature = "seal")]
    #[cfg(not(feature = "aws"))]
    pub(super) fn kms(&mut self, _: &str) -> Result<Box<dyn Signer>, Failure> {
        Err(Failure::usage("this build cannot sign with KMS")
            .remedy("build with the feature `aws`"))
    }

    /// Who reads, as AWS names it; `None` for a directory, and where AWS does not say.
    #[cfg(feature = "aws")]
    pub(super) fn identity(&mut self, online: bool) -> Option<String> {
        online.then(|| self.aws().ok()?.identity()).flatten()
    }

    #[cfg(not(feature = "aws"))]
    pub(super) fn identity(&mut self, _: bool) -> Option<String> {
        None
    }

    /// AWS as the arguments want it; loaded once.
    #[cfg(feature = "aws")]
    pub(super) fn aws(&mut self) -> Result<Aws, Failure> {
        if let Some(aws) = &self.aws {
            return Ok(aws.clone());
        }
        let AwsArgs { profile, endpoint_url, role_arn, external_id, request_payer, read_timeout } =
            self.args.clone();
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let options = AwsOptions {
            profile: given(profile),
            endpoint_url: given(endpoint_url),
            role_arn: given(role_arn),
            external_id: given(external_id),
            request_payer,
            read_timeout: Some(read_timeout.unsigned_abs()),
            stop: self.stop.clone(),
            ..AwsOptions::default()
        };
        let aws = Aws::load(options).map_err(|error| match error {
            AwsError::Authorities { .. } => Failure::usage(error).remedy(
                "set AWS_CA_BUNDLE, or ca_bundle in the profile, to a PEM file of certificates",
            ),
            AwsError::EmptyEndpoint => Failure::usage(error)
                .remedy("set it to a URL, or remove the line from the AWS configuration file"),
            error => Failure::internal(error),
        })?;
        self.aws = Some(aws.clone());
        Ok(aws)
    }

    /// Opens `bucket[/prefix]`.
    #[cfg(feature = "aws")]
    pub(super) fn bucket(
        &mut self,
        source: &str,
        place: &str,
    ) -> Result<(S3Store, String), Failure> {
        let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
        let prefix = slashed(prefix);
        let store = self.reach(bucket, &prefix, source, Need::Listing)?;
        Ok((store, prefix))
    }

    /// Opens a bucket to read objects whose keys are known.
    #[cfg(feature = "aws")]
    pub(super) fn bucket_to_read(
        &mut self,
        bucket: &str,
        prefix: &str,
    ) -> Result<Arc<dyn Store>, Failure> {
        let source = format!("{S3}{bucket}");
        Ok(Arc::new(self.reach(bucket, prefix, &source, Need::Reading)?))
    }

    #[cfg(not(feature = "aws"))]
    pub(super) fn bucket_to_read(
        &mut self,
        bucket: &str,
        prefix: &str,
    ) -> Result<Arc<dyn Store>, Failure> {
        Ok(self.open_bucket(bucket, prefix)?.0)
    }

    #[cfg(feature = "aws")]
    fn reach(
        &mut self,
        bucket: &str,
        prefix: &str,
        source: &str,
        need: Need,
    ) -> Result<S3Store, Failure> {
        let bucket = BucketName::parse(bucket)
            .map_err(|e| Failure::usage(e).remedy("use s3://BUCKET[/PREFIX]"))?;
        let aws = self.aws()?;
        S3Store::open(&aws, bucket, prefix, source, need).map_err(|error| {
            // Trouble is no wrong usage, whatever caused it.
            Failure { status: INCOMPLETE, ..Failure::usage(error) }.remedy(REACH)
        })
    }
}

/// A bucket that does not open, as a finding.
fn unreadable(place: &str, failure: &Failure) -> Finding {
    let bucket = place.split_once('/').map_or(place, |(bucket, _)| bucket);
    let mut next = REACH.to_owned();
    next.get_mut(..1).map(str::make_ascii_uppercase);
    let message =
        format!("The source {S3}{place} could not be opened: {}. {next}.", failure.message);
    let mut finding = Finding::new(Code::ObjectUnreadable, message);
    finding.bucket = Some(bucket.to_owned());
    finding
}

/// A prefix as keys have it: empty, or with its closing slash.
pub(super) fn slashed(prefix: &str) -> String {
    match prefix.trim_matches('/') {
        "" => String::new(),
        prefix => format!("{prefix}/"),
    }
}

fn open_directory(source: &str, root: &Path) -> Result<Arc<dyn Store>, Failure> {
    let store = DirectoryStore::open(root, source)
        .map_err(|e| Failure::usage(format!("{}: {e}", Printable(source))))?;
    Ok(Arc::new(store))
}

/// True if a file is named like an archive of many files.
fn is_archive(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let name = name.to_ascii_lowercase();
    let ends = |end: &str| name.ends_with(end);
    [".zip", ".7z", ".tar", ".tgz", ".tbz2", ".txz", ".tzst"].into_iter().any(ends)
        || name.contains(".tar.")
}

/// A source that is not there: a directory, or a bucket whose scheme was forgotten.
pub(super) fn absent(source: &str, error: &std::io::Error) -> Failure {
    let bucket = source.split('/').next().unwrap_or_default();
    let remedy = match BucketName::parse(bucket) {
        Ok(_) if is_archive(Path::new(source)) => {
            "check the path; an archive must be unpacked first".to_owned()
        }
        Ok(_) => format!("to read the bucket of this name, use s3://{}", Printable(source)),
        Err(_) => "use a directory with a copy of a bucket, or s3://BUCKET[/PREFIX]".to_owned(),
    };
    Failure::usage(format!("{}: {error}", Printable(source))).remedy(remedy)
}

/// The path of a source that must be a directory.
///
/// # Errors
/// When it is not there, or something else.
pub(super) fn directory(source: &str) -> Result<PathBuf, Failure> {
    let path = std::fs::canonicalize(source).map_err(|e| absent(source, &e))?;
    if is_archive(&path) && path.is_file() {
        let shown = Printable(source);
        let failure = Failure::usage(format!("{shown}: an archive, not a directory"));
        return Err(failure.remedy(match path.extension() {
            Some(zip) if zip.eq_ignore_ascii_case("zip") => format!(
                "unpack it, or if it is an evidence bag, run trailseal evidence check {shown}"
            ),
            _ => "unpack it, and use the directory that then contains AWSLogs".to_owned(),
        }));
    }
    if !path.is_dir() {
        return Err(Failure::usage(format!("{}: not a directory", Printable(source))).remedy(
            "use the directory that contains AWSLogs; for a single digest, use trailseal inspect",
        ));
    }
    Ok(path)
}

/// Finds the directory that keys are relative to. A directory inside of an `AWSLogs` is a part of
/// the copy that holds that `AWSLogs`.
fn locate(source: &str) -> Result<(PathBuf, String), Failure> {
    let path = directory(source)?;
    let logs = path.ancestors().find(|p| p.file_name().is_some_and(|n| n == "AWSLogs"));
    let Some(root) = logs.and_then(Path::parent) else { return Ok((path, String::new())) };
    let inside = path.strip_prefix(root).ok().and_then(Path::to_str).unwrap_or("AWSLogs");
    // A prefix may hold AWSLogs too: below such a one lies what any directory may hold.
    let below = inside.split('/').nth(1);
    let is_part = below
        .is_none_or(|name| AccountId::parse(name).is_ok() || OrganizationId::parse(name).is_ok());
    if is_part { Ok((root.to_owned(), format!("{inside}/"))) } else { Ok((path, String::new())) }
}
