//! A bucket as a store.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Region;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketLocationConstraint, RequestPayer};
use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};

use super::answer::Answer;
use super::body::{Body, Fetched};
use super::calls::{CallError, worded};
use super::config::Aws;
use super::error::{AwsError, line, of_object};
use super::listing::{Listed, PageError, Pages, Question, md5};
use super::redirect::region_in_body;
use crate::model::{BucketName, Metadata};
use crate::store::{
    AbsenceMeaning, Entry, KeptMetadata, Object, ObjectTimes, Profile, Put, Requests, Store,
    StoreError, WriterGuard, Writes,
};

/// Purpose for which a bucket is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// To be listed and read.
    Listing,
    /// To read objects whose keys are known: it opens without the permission to list.
    Reading,
}

/// A bucket.
#[derive(Clone)]
pub struct S3Store {
    pub(super) aws: Aws,
    pub(super) client: Client,
    pub(super) bucket: BucketName,
    name: String,
    requests: Arc<AtomicU64>,
}

impl S3Store {
    /// Profile of every bucket that CloudTrail delivers to.
    pub const PROFILE: Profile = Profile {
        absence: AbsenceMeaning::Certain,
        times: ObjectTimes::Delivery,
        metadata: KeptMetadata::Always,
        writes: Writes::IfAbsent,
        // Enough to fill two processors at 20 ms of latency.
        requests: Requests::AtOnce { verifying: 160, copying: 32 },
    };

    /// Opens a bucket in whatever region it is; `name` is how the user named it.
    ///
    /// # Errors
    /// When the bucket is not there, or may not be listed where that is needed.
    pub fn open(
        aws: &Aws,
        bucket: BucketName,
        prefix: &str,
        name: &str,
        need: Need,
    ) -> Result<Self, AwsError> {
        let mut store = Self {
            aws: aws.clone(),
            client: client(aws, aws.region()),
            bucket,
            name: name.to_owned(),
            requests: Arc::default(),
        };
        let trouble =
            |cause: String| Err(AwsError::Bucket { bucket: store.bucket.to_string(), cause });
        let mut region = aws.region();
        for _ in 1..=2 {
            // Keys may hold what XML cannot: the first one must not close the bucket.
            let question = Question { prefix, delimiter: None, after: None, limit: Some(1) };
            let refusal = match Pages::new(&store, question).next() {
                Ok(_) => return Ok(store),
                Err(PageError::Answer(cause)) => return trouble(cause.to_owned()),
                Err(PageError::Request(error)) => error,
            };
            let response = refusal.raw_response();
            let header = response.and_then(|r| r.headers().get("x-amz-bucket-region"));
            let home = match header {
                // A host name is made of it, and anything may have answered.
                Some(header) => match crate::model::Region::parse(header) {
                    Ok(home) => Some(home),
                    Err(_) => {
                        return trouble("the bucket's stated region is not a region".to_owned());
                    }
                },
                None => {
                    let body = response.and_then(|r| r.body().bytes()).unwrap_or_default();
                    region_in_body(refusal.code(), body)
                }
            };
            if let Some(home) = home.filter(|home| home.as_str() != region.as_ref()) {
                region = Region::new(home.to_string());
                store.client = client(aws, region.clone());
                continue;
            }
            if need == Need::Reading && refusal.code() == Some("AccessDenied") {
                return Ok(store);
            }
            return trouble(line(&refusal));
        }
        trouble("the bucket states one region after another".to_owned())
    }

    /// A bucket in the region that it is known to be in; nothing is asked yet.
    #[must_use]
    pub(super) fn of_region(aws: &Aws, bucket: BucketName, region: Region) -> Self {
        let (client, name) = (client(aws, region), format!("s3://{bucket}"));
        Self { aws: aws.clone(), client, bucket, name, requests: Arc::default() }
    }

    /// Region of the bucket; `None` for us-east-1.
    pub(super) fn location(&self) -> Result<Option<BucketLocationConstraint>, CallError> {
        self.count();
        let request = self
            .client
            .get_bucket_location()
            .bucket(self.bucket.as_str())
            .customize()
            .interceptor(self.aws.watch(Answer::Other));
        let answer = self.aws.wait(request.send());
        answer
            .map(|answer| answer.location_constraint)
            .map_err(|error| worded("GetBucketLocation", &error))
    }

    /// Lists keys with a prefix, in order, from the first after `after` on, until `each` says
    /// that it is enough.
    pub(super) fn keys_after(
        &self,
        prefix: &str,
        after: &str,
        each: &mut dyn FnMut(String) -> bool,
    ) -> Result<(), CallError> {
        let question = Question { prefix, delimiter: None, after: Some(after), limit: None };
        let mut pages = Pages::new(self, question);
        let failed = |error| match error {
            PageError::Request(error) => worded("ListObjects", &*error),
            PageError::Answer(cause) => CallError(cause.to_owned()),
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

    pub(super) fn count(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Asks for an object, from an offset on and as long as it has the ETag, where one is given.
    pub(super) fn fetch(
        &self,
        key: &str,
        from: u64,
        etag: Option<&str>,
    ) -> Result<Fetched, StoreError> {
        let request = self
            .client
            .get_object()
            .bucket(self.bucket.as_str())
            .key(key)
            .set_range((from > 0).then(|| format!("bytes={from}-")))
            .set_if_match(etag.map(str::to_owned))
            .set_request_payer(payer(&self.aws))
            .customize()
            .interceptor(self.aws.watch(Answer::Object));
        self.count();
        let output = self.aws.wait(request.send()).map_err(|error| of_object(&error))?;
        let begins = format!("bytes {from}-");
        if from > 0 && !output.content_range.as_ref().is_some_and(|at| at.starts_with(&begins)) {
            let cause = "the server restarts the object instead of resuming it";
            return Err(StoreError::Trouble(cause.to_owned()));
        }
        let metadata = output.metadata.unwrap_or_default();
        let metadata = Metadata(metadata.into_iter().collect());
        let length = output.content_length.and_then(|n| u64::try_from(n).ok());
        Ok(Fetched { body: output.body, metadata, etag: output.e_tag, length })
    }

    /// Entry of the very key in a listing.
    pub(super) fn listed(&self, key: &str) -> Result<Option<Listed>, StoreError> {
        // Of all keys that begin so, the key itself comes first.
        let question = Question { prefix: key, delimiter: None, after: None, limit: Some(1) };
        let mut pages = Pages::new(self, question);
        while let Some(page) = pages.next().map_err(trouble)? {
            if !page.objects.is_empty() {
                return Ok(page.objects.into_iter().find(|object| object.key == key));
            }
        }
        Ok(None)
    }
}

fn trouble(error: PageError) -> StoreError {
    StoreError::Trouble(match error {
        PageError::Request(error) => line(&*error),
        PageError::Answer(cause) => cause.to_owned(),
    })
}

fn client(aws: &Aws, region: Region) -> Client {
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

pub(super) fn payer(aws: &Aws) -> Option<RequestPayer> {
    aws.options.request_payer.then_some(RequestPayer::Requester)
}

impl Store for S3Store {
    fn name(&self) -> &str {
        &self.name
    }

    fn profile(&self) -> Profile {
        Self::PROFILE
    }

    fn bucket(&self) -> Option<&BucketName> {
        Some(&self.bucket)
    }

    fn requests(&self) -> Option<u64> {
        Some(self.requests.load(Ordering::Relaxed))
    }

    fn list(&self, folder: &str, each: &mut dyn FnMut(Entry)) -> Result<(), StoreError> {
        let question = Question { prefix: folder, delimiter: Some("/"), after: None, limit: None };
        let mut pages = Pages::new(self, question);
        while let Some(page) = pages.next().map_err(trouble)? {
            for folder in page.folders {
                each(Entry::Folder(folder));
            }
            for Listed { key, size, modified, etag } in page.objects {
                let md5 = etag.as_deref().and_then(md5);
                each(Entry::Object { key, size, modified, md5 });
            }
        }
        Ok(())
    }

    fn get(&self, key: &str) -> Result<Object, StoreError> {
        let fetched = match self.fetch(key, 0, None) {
            // Absence is a finding: it must not rest on one answer that a listing contradicts, or
            // does not confirm.
            Err(StoreError::NotFound) => match self.listed(key)? {
                None => return Err(StoreError::NotFound),
                Some(_) => match self.fetch(key, 0, None) {
                    Err(StoreError::NotFound) => {
                        let cause = "reading says that it does not exist, but a listing shows it";
                        return Err(StoreError::Trouble(cause.into()));
                    }
                    other => other?,
                },
            },
            other => other?,
        };
        let (body, metadata) = Body::begin(self, key, fetched)?;
        Ok(Object { body: Box::new(body), metadata: Ok(metadata) })
    }

    fn put_new(&self, key: &str, body: &[u8], metadata: &Metadata) -> Result<Put, StoreError> {
        let request = self
            .client
            .put_object()
            .bucket(self.bucket.as_str())
            .key(key)
            .if_none_match("*")
            .set_metadata(Some(metadata.0.clone().into_iter().collect()))
            // As CloudTrail stores them.
            .content_type("application/json")
            .content_encoding("gzip")
            .set_request_payer(payer(&self.aws))
            .body(ByteStream::from(body.to_vec()))
            .customize()
            .interceptor(self.aws.watch(Answer::Other));
        self.count();
        match self.aws.wait(request.send()) {
            Ok(_) => Ok(Put::Created),
            Err(error) => {
                let status = error.raw_response().map(|r| r.status().as_u16());
                match (error.code(), status) {
                    (Some("PreconditionFailed" | "ConditionalRequestConflict"), _)
                    | (None, Some(412)) => Ok(Put::Exists),
                    _ => Err(StoreError::Trouble(line(&error))),
                }
            }
        }
    }

    fn lock(&self) -> Result<WriterGuard, StoreError> {
        // Conditional writes keep two writers apart.
        Ok(WriterGuard::none())
    }
}
