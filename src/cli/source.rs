//! Access to sources as it is typed, and errors of sources with their next steps.

use std::path::Path;

use clap::Args;
use jiff::SignedDuration;

use super::time_args::parse_span;
use super::{Failure, INCOMPLETE};
#[cfg(feature = "aws")]
use crate::aws::{AwsError, AwsOptions, KmsSigner};
#[cfg(feature = "seal")]
use crate::crypto::Signer;
use crate::model::{BucketName, Printable};
use crate::source::{Opener, Scheme, SourceError, SourceErrorKind, is_archive};
use crate::store::Stop;

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

impl AwsArgs {
    /// Opener of sources; a stop ends its waiting for any answer.
    pub(super) fn opener(&self, stop: &Stop) -> Opener {
        let opener = Opener::new(Some(self.read_timeout.unsigned_abs()), stop);
        #[cfg(feature = "aws")]
        let opener = opener.with_aws(self.options());
        opener
    }

    #[cfg(feature = "aws")]
    pub(super) fn options(&self) -> AwsOptions {
        let Self { profile, endpoint_url, role_arn, external_id, request_payer, read_timeout } =
            self.clone();
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        AwsOptions {
            profile: given(profile),
            endpoint_url: given(endpoint_url),
            role_arn: given(role_arn),
            external_id: given(external_id),
            request_payer,
            read_timeout: Some(read_timeout.unsigned_abs()),
            ..AwsOptions::default()
        }
    }
}

/// A KMS key as a signer.
#[cfg(feature = "aws")]
pub(super) fn kms(opener: &mut Opener, key: &str) -> Result<Box<dyn Signer>, Failure> {
    if key.is_empty() {
        return Err(Failure::usage("--key kms: names no key")
            .remedy("use kms:ARN, kms:alias/NAME or kms:KEY-ID"));
    }
    let signer = KmsSigner::open(&opener.aws()?, key).map_err(|error| match error {
        // Trouble is no wrong usage: only a key of another kind is.
        AwsError::KmsKind { .. } => Failure::usage(error).remedy(
            "create a suitable key: aws kms create-key --key-spec RSA_2048 --key-usage SIGN_VERIFY",
        ),
        error => Failure { status: INCOMPLETE, ..Failure::usage(error) }
            .remedy("check the key, its region and the permissions kms:GetPublicKey and kms:Sign"),
    })?;
    Ok(Box::new(signer))
}

#[cfg(feature = "seal")]
#[cfg(not(feature = "aws"))]
pub(super) fn kms(_: &mut Opener, _: &str) -> Result<Box<dyn Signer>, Failure> {
    Err(Failure::usage("this build cannot sign with KMS").remedy("build with the feature `aws`"))
}

/// AWS that cannot be used as configured.
#[cfg(feature = "aws")]
impl From<AwsError> for Failure {
    fn from(error: AwsError) -> Self {
        match error {
            AwsError::Authorities { .. } => Self::usage(error).remedy(
                "set AWS_CA_BUNDLE, or ca_bundle in the profile, to a PEM file of certificates",
            ),
            AwsError::EmptyEndpoint => Self::usage(error)
                .remedy("set it to a URL, or remove the line from the AWS configuration file"),
            error => Self::internal(error),
        }
    }
}

/// A source that is not opened, with the next step.
impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        let address = &error.address;
        let scheme = Scheme::of(address);
        match error.cause {
            SourceErrorKind::Directory(cause) => absent(address, &cause),
            SourceErrorKind::NotADirectory => Self::usage(format!("{}: not a directory", Printable(address))).remedy(
                "use the directory that contains AWSLogs; for a single digest, use trailseal inspect",
            ),
            SourceErrorKind::Archive => {
                let shown = Printable(address);
                let is_zip = address.to_ascii_lowercase().ends_with(".zip");
                let next = match is_zip {
                    true => format!("unpack it, or if it is an evidence bag, run trailseal evidence check {shown}"),
                    false => "unpack it, and use the directory that then contains AWSLogs".to_owned(),
                };
                Self::usage(format!("{shown}: an archive, not a directory")).remedy(next)
            }
            SourceErrorKind::Address(cause) => {
                Self::usage(cause).remedy("use s3://BUCKET[/PREFIX]")
            }
            cause @ SourceErrorKind::Mixed => Self::usage(cause).remedy(
                "verify them in separate runs: a copy lacks metadata that a bucket must have",
            ),
            SourceErrorKind::Unsupported { service, feature } => {
                let message = format!("{}: this build cannot read {service}", Printable(address));
                Self::usage(message).remedy(format!(
                    "build with the feature `{feature}`, or copy the bucket to a directory"
                ))
            }
            SourceErrorKind::Configuration(cause) => Self::usage(cause).remedy(scheme.remedy()),
            // Trouble is no wrong usage, whatever caused it.
            SourceErrorKind::Unreachable(cause) => {
                Self { status: INCOMPLETE, ..Self::usage(cause) }.remedy(scheme.remedy())
            }
            #[cfg(feature = "aws")]
            SourceErrorKind::Aws(cause) => cause.into(),
        }
    }
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
