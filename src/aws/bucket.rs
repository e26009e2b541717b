//! Requests to one bucket.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Region;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::RequestPayer;
use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};

use super::config::Aws;
use super::error::object_error;
use super::response::ResponseKind;
use crate::model::{BucketName, Metadata};
use crate::store::StoreError;

/// Client of a bucket in one region, which counts its requests.
#[derive(Clone)]
pub(super) struct BucketClient {
    pub(super) aws: Aws,
    pub(super) sdk: Client,
    pub(super) name: BucketName,
    requests: Arc<AtomicU64>,
}

/// Response to a request for an object.
pub(super) struct ObjectResponse {
    pub(super) body: ByteStream,
    pub(super) metadata: Metadata,
    pub(super) etag: Option<String>,
    /// Length that the response states.
    pub(super) length: Option<u64>,
}

impl BucketClient {
    /// A client that has sent nothing yet.
    pub(super) fn new(aws: &Aws, name: BucketName, region: Region) -> Self {
        Self { aws: aws.clone(), sdk: sdk(aws, region), name, requests: Arc::default() }
    }

    /// Sends later requests to another region.
    pub(super) fn move_to(&mut self, region: Region) {
        self.sdk = sdk(&self.aws, region);
    }

    /// Counts one request.
    pub(super) fn count(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Number of requests so far, of all clones.
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Consent to be charged for requests, if the options give it.
    pub(super) fn payer(&self) -> Option<RequestPayer> {
        self.aws.options.request_payer.then_some(RequestPayer::Requester)
    }

    /// Requests an object, from an offset on and as long as it has the ETag, where one is given.
    pub(super) fn get_object(
        &self,
        key: &str,
        from: u64,
        etag: Option<&str>,
    ) -> Result<ObjectResponse, StoreError> {
        let request = self
            .sdk
            .get_object()
            .bucket(self.name.as_str())
            .key(key)
            .set_range((from > 0).then(|| format!("bytes={from}-")))
            .set_if_match(etag.map(str::to_owned))
            .set_request_payer(self.payer())
            .customize()
            .interceptor(self.aws.watch(ResponseKind::Object));
        self.count();
        let output = self.aws.wait(request.send()).map_err(|error| object_error(&error))?;
        let begins = format!("bytes {from}-");
        if from > 0 && !output.content_range.as_ref().is_some_and(|at| at.starts_with(&begins)) {
            let cause = "the server restarts the object instead of resuming it";
            return Err(StoreError::Trouble(cause.to_owned()));
        }
        let metadata = output.metadata.unwrap_or_default();
        let metadata = Metadata(metadata.into_iter().collect());
        let length = output.content_length.and_then(|n| u64::try_from(n).ok());
        Ok(ObjectResponse { body: output.body, metadata, etag: output.e_tag, length })
    }
}

fn sdk(aws: &Aws, region: Region) -> Client {
    let config = aws_sdk_s3::config::Builder::from(&aws.config)
        .region(region)
        // How often one request is tried is bounded; a budget for all together would end a large
        // run at the first wave of SlowDown.
        .retry_partition(
            RetryPartition::custom("trailseal").token_bucket(TokenBucket::unlimited()).build(),
        )
        .force_path_style(aws.has_endpoint())
        .build();
    Client::from_conf(config)
}
