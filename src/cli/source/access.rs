//! Access to AWS, loaded once for a run and shared by all that asks it.

use clap::Args;
use jiff::SignedDuration;

#[cfg(feature = "seal")]
use crate::cli::Failure;
use crate::cli::time_args::parse_span;
#[cfg(feature = "aws")]
use crate::cli::{INCOMPLETE, USAGE};
#[cfg(feature = "seal")]
use crate::crypto::Signer;
use crate::run::verify::SourceForm;
use crate::store::Stop;

#[cfg(feature = "aws")]
use crate::aws::{Aws, AwsError, AwsOptions, KmsSigner};

/// Access to AWS; the standard AWS environment and configuration files supply the rest.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "AWS")]
pub(in crate::cli) struct AwsArgs {
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

/// Opens sources, and keeps what they are reached through.
pub(in crate::cli) struct Opener<'a> {
    #[cfg_attr(not(any(feature = "aws", feature = "object-store")), allow(dead_code))]
    args: &'a AwsArgs,
    #[cfg_attr(not(any(feature = "aws", feature = "object-store")), allow(dead_code))]
    stop: Stop,
    #[cfg(feature = "aws")]
    aws: Option<Aws>,
}

impl<'a> Opener<'a> {
    /// Nothing is reached yet; a stop ends the waiting for any answer.
    pub(in crate::cli) fn new(args: &'a AwsArgs, stop: &Stop) -> Self {
        Self {
            args,
            stop: stop.clone(),
            #[cfg(feature = "aws")]
            aws: None,
        }
    }

    /// How copies in object stores are reached.
    #[cfg(feature = "object-store")]
    pub(super) fn cloud_options(&self) -> crate::store::CloudOptions {
        let read_timeout = self.args.read_timeout.unsigned_abs();
        crate::store::CloudOptions { read_timeout, stop: self.stop.clone() }
    }

    /// A KMS key as a signer.
    #[cfg(feature = "aws")]
    pub(in crate::cli) fn kms(&mut self, key: &str) -> Result<Box<dyn Signer>, Failure> {
        if key.is_empty() {
            return Err(Failure::usage("--key kms: names no key")
                .remedy("use kms:ARN, kms:alias/NAME or kms:KEY-ID"));
        }
        let signer = KmsSigner::open(&self.aws()?, key).map_err(|error| {
            // Trouble is no wrong usage: only a key of another kind is.
            let status = match error {
                AwsError::KmsKind { .. } => USAGE,
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
    pub(in crate::cli) fn kms(&mut self, _: &str) -> Result<Box<dyn Signer>, Failure> {
        Err(Failure::usage("this build cannot sign with KMS")
            .remedy("build with the feature `aws`"))
    }

    /// Who reads, as AWS names it; `None` for a copy, and where AWS does not say.
    #[cfg(feature = "aws")]
    pub(in crate::cli) fn identity(&mut self, form: SourceForm) -> Option<String> {
        (form == SourceForm::Bucket).then(|| self.aws().ok()?.identity()).flatten()
    }

    #[cfg(not(feature = "aws"))]
    pub(in crate::cli) fn identity(&mut self, _: SourceForm) -> Option<String> {
        None
    }

    /// AWS as the arguments want it; loaded once.
    #[cfg(feature = "aws")]
    pub(in crate::cli) fn aws(&mut self) -> Result<Aws, Failure> {
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
}
