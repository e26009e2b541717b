//! The calls of `aws cloudtrail validate-logs`, and errors in the words of the AWS CLI.

use std::collections::BTreeMap;
use std::sync::Mutex;

use aws_sdk_s3::config::Region;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::types::BucketLocationConstraint;

use super::bucket::BucketClient;
use super::cloudtrail::{CloudTrailKeys, PublishedKeys, client};
use super::config::Aws;
use super::error::error_summary;
use super::listing::{ListRequest, ListingError, ListingPages};
use super::response::ResponseKind;
use super::s3::S3Store;
use crate::model::{BucketName, Window};
use crate::store::{Object, Store, StoreError};

/// A call that failed, as the AWS CLI words it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct CallError(pub String);

/// A trail, as described by DescribeTrails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailDestination {
    /// Its bucket.
    pub bucket: String,
    /// Prefix before `AWSLogs` in its keys.
    pub prefix: Option<String>,
    /// True if it is an organization's.
    pub of_organization: bool,
}

/// Calls of the AWS CLI's command, made in one region; buckets are read in their own.
pub struct AwsCliCalls {
    aws: Aws,
    region: crate::model::Region,
    keys: CloudTrailKeys,
    buckets: Mutex<BTreeMap<String, Result<S3Store, CallError>>>,
}

impl AwsCliCalls {
    /// Makes calls; nothing is requested yet.
    #[must_use]
    pub fn new(aws: Aws, region: crate::model::Region) -> Self {
        Self { keys: CloudTrailKeys::new(aws.clone()), aws, region, buckets: Mutex::default() }
    }

    /// The trail of an ARN; `None` when it is none of the caller's.
    ///
    /// # Errors
    /// What the service said.
    pub fn trail(&self, arn: &str) -> Result<Option<TrailDestination>, CallError> {
        let answer = self
            .aws
            .wait(client(&self.aws, &self.region).describe_trails().send())
            .map_err(|error| aws_cli_message("DescribeTrails", &error))?;
        let trail = answer.trail_list().iter().find(|trail| trail.trail_arn() == Some(arn));
        Ok(trail.map(|trail| TrailDestination {
            bucket: trail.s3_bucket_name().unwrap_or_default().to_owned(),
            prefix: trail.s3_key_prefix().map(str::to_owned),
            of_organization: trail.is_organization_trail() == Some(true),
        }))
    }

    /// The caller's organization.
    ///
    /// # Errors
    /// What the service said.
    pub fn organization(&self) -> Result<String, CallError> {
        let region = aws_sdk_organizations::config::Region::new(self.region.to_string());
        let config = aws_sdk_organizations::config::Builder::from(&self.aws.config)
            .region(region)
            .interceptor(self.aws.watch(ResponseKind::Other));
        let client = aws_sdk_organizations::Client::from_conf(config.build());
        let answer = self
            .aws
            .wait(client.describe_organization().send())
            .map_err(|error| aws_cli_message("DescribeOrganization", &error))?;
        let id = answer.organization().and_then(|organization| organization.id());
        Ok(id.unwrap_or_default().to_owned())
    }

    /// The public keys that were valid at some moment of a window.
    ///
    /// # Errors
    /// What the service said.
    pub fn keys(&self, window: Window) -> Result<PublishedKeys, CallError> {
        self.keys.request(&self.region, window).map_err(|cause| {
            // `error_summary` gives "Code (status) message" for what the service says.
            let said = cause.split_once(" (").zip(cause.split_once(") "));
            CallError(match said {
                Some(((code, _), (_, message))) => {
                    in_words_of_aws_cli(code, "ListPublicKeys", message)
                }
                None => cause,
            })
        })
    }

    /// Opens an object in whichever region its bucket is.
    ///
    /// # Errors
    /// Absence, and whatever else keeps it from being read.
    pub fn get(&self, bucket: &str, key: &str) -> Result<Object, StoreError> {
        let store = self.bucket(bucket).map_err(|error| StoreError::Trouble(error.0))?;
        store.get(key)
    }

    /// Lists keys with a prefix, in order, from the first after `after` on, until `each` says
    /// that it is enough.
    ///
    /// # Errors
    /// What the service said.
    pub fn list(
        &self,
        bucket: &str,
        prefix: &str,
        after: &str,
        each: &mut dyn FnMut(String) -> bool,
    ) -> Result<(), CallError> {
        let store = self.bucket(bucket)?;
        let request = ListRequest { prefix, delimiter: None, after: Some(after), limit: None };
        let mut pages = ListingPages::new(&store.bucket, request);
        let failed = |error| match error {
            ListingError::Request(error) => aws_cli_message("ListObjects", &*error),
            ListingError::Response(cause) => CallError(cause.to_owned()),
        };
        while let Some(page) = pages.next().map_err(failed)? {
            for object in page.objects {
                if !each(object.key) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn bucket(&self, name: &str) -> Result<S3Store, CallError> {
        let mut buckets =
            self.buckets.lock().map_err(|_| CallError("a thread failed before".to_owned()))?;
        buckets.entry(name.to_owned()).or_insert_with(|| self.locate(name)).clone()
    }

    fn locate(&self, name: &str) -> Result<S3Store, CallError> {
        let bucket = BucketName::parse(name).map_err(|e| CallError(e.to_string()))?;
        let here = Region::new(self.region.to_string());
        let mut bucket = BucketClient::new(&self.aws, bucket, here);
        let region = match location(&bucket)? {
            None => "us-east-1".to_owned(),
            Some(BucketLocationConstraint::Eu) => "eu-west-1".to_owned(),
            Some(region) if region.as_str().is_empty() => "us-east-1".to_owned(),
            Some(region) => region.as_str().to_owned(),
        };
        // A host name is made of it, and anything may have answered.
        let region = crate::model::Region::parse(&region).map_err(|e| CallError(e.to_string()))?;
        bucket.move_to(Region::new(region.to_string()));
        Ok(S3Store::of(bucket))
    }
}

/// Region of a bucket, as S3 spells it; `None` for us-east-1.
fn location(bucket: &BucketClient) -> Result<Option<BucketLocationConstraint>, CallError> {
    bucket.count();
    let request = bucket
        .sdk
        .get_bucket_location()
        .bucket(bucket.name.as_str())
        .customize()
        .interceptor(bucket.aws.watch(ResponseKind::Other));
    let response = bucket.aws.wait(request.send());
    response
        .map(|response| response.location_constraint)
        .map_err(|error| aws_cli_message("GetBucketLocation", &error))
}

/// An error as the AWS CLI words it.
fn aws_cli_message<E>(operation: &str, error: &SdkError<E, HttpResponse>) -> CallError
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    CallError(match error.code() {
        Some(code) => in_words_of_aws_cli(code, operation, error.message().unwrap_or_default()),
        None => error_summary(error),
    })
}

fn in_words_of_aws_cli(code: &str, operation: &str, message: &str) -> String {
    format!("An error occurred ({code}) when calling the {operation} operation: {message}")
}
