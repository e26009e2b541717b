//! A bucket as a store.

use aws_sdk_s3::config::Region;
use aws_sdk_s3::error::{ProvideErrorMetadata as _, SdkError};
use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Error;
use aws_sdk_s3::primitives::ByteStream;

use super::body::ResumingBody;
use super::bucket::BucketClient;
use super::config::Aws;
use super::error::{AwsError, error_summary};
use super::listing::{ListRequest, ListingError, ListingPages, PageObject, find_object, md5};
use super::redirect::region_in_body;
use super::response::ResponseKind;
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
    pub(super) bucket: BucketClient,
    name: String,
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
        let mut bucket = BucketClient::new(aws, bucket, aws.region());
        let mut region = aws.region();
        for _ in 1..=2 {
            // Keys may hold what XML cannot: the first one must not close the bucket.
            let request = ListRequest { prefix, delimiter: None, after: None, limit: Some(1) };
            let refusal = match ListingPages::new(&bucket, request).next() {
                Ok(_) => return Ok(Self { bucket, name: name.to_owned() }),
                Err(ListingError::Response(cause)) => return Err(unopened(&bucket, cause)),
                Err(ListingError::Request(error)) => error,
            };
            let home = home_region(&refusal).map_err(|cause| unopened(&bucket, cause))?;
            if let Some(home) = home.filter(|home| home.as_str() != region.as_ref()) {
                region = Region::new(home.to_string());
                bucket.move_to(region.clone());
                continue;
            }
            if need == Need::Reading && refusal.code() == Some("AccessDenied") {
                return Ok(Self { bucket, name: name.to_owned() });
            }
            return Err(unopened(&bucket, error_summary(&refusal)));
        }
        Err(unopened(&bucket, "the bucket states one region after another"))
    }

    /// Makes a store of a bucket whose region is known; nothing is requested yet.
    #[must_use]
    pub(super) fn of(bucket: BucketClient) -> Self {
        let name = format!("s3://{}", bucket.name);
        Self { bucket, name }
    }
}

fn unopened(bucket: &BucketClient, cause: impl Into<String>) -> AwsError {
    AwsError::Bucket { bucket: bucket.name.to_string(), cause: cause.into() }
}

/// Region that a refusal names as the bucket's own; `None` if it names none.
fn home_region(
    refusal: &SdkError<ListObjectsV2Error>,
) -> Result<Option<crate::model::Region>, &'static str> {
    let response = refusal.raw_response();
    match response.and_then(|r| r.headers().get("x-amz-bucket-region")) {
        // A host name is made of it, and anything may have answered.
        Some(header) => crate::model::Region::parse(header)
            .map(Some)
            .map_err(|_| "the bucket's stated region is not a region"),
        None => {
            let body = response.and_then(|r| r.body().bytes()).unwrap_or_default();
            Ok(region_in_body(refusal.code(), body))
        }
    }
}

impl Store for S3Store {
    fn name(&self) -> &str {
        &self.name
    }

    fn profile(&self) -> Profile {
        Self::PROFILE
    }

    fn bucket(&self) -> Option<&BucketName> {
        Some(&self.bucket.name)
    }

    fn requests(&self) -> Option<u64> {
        Some(self.bucket.requests())
    }

    fn list(&self, folder: &str, each: &mut dyn FnMut(Entry)) -> Result<(), StoreError> {
        let request =
            ListRequest { prefix: folder, delimiter: Some("/"), after: None, limit: None };
        let mut pages = ListingPages::new(&self.bucket, request);
        while let Some(page) = pages.next()? {
            for folder in page.folders {
                each(Entry::Folder(folder));
            }
            for PageObject { key, size, modified, etag } in page.objects {
                let md5 = etag.as_deref().and_then(md5);
                each(Entry::Object { key, size, modified, md5 });
            }
        }
        Ok(())
    }

    fn get(&self, key: &str) -> Result<Object, StoreError> {
        let response = match self.bucket.get_object(key, 0, None) {
            // Absence is a finding: it must not rest on one answer that a listing contradicts, or
            // does not confirm.
            Err(StoreError::NotFound) => match find_object(&self.bucket, key)? {
                None => return Err(StoreError::NotFound),
                Some(_) => match self.bucket.get_object(key, 0, None) {
                    Err(StoreError::NotFound) => {
                        let cause = "reading says that it does not exist, but a listing shows it";
                        return Err(StoreError::Trouble(cause.into()));
                    }
                    other => other?,
                },
            },
            other => other?,
        };
        let (body, metadata) = ResumingBody::begin(&self.bucket, key, response)?;
        Ok(Object { body: Box::new(body), metadata: Ok(metadata) })
    }

    fn put_new(&self, key: &str, body: &[u8], metadata: &Metadata) -> Result<Put, StoreError> {
        let request = self
            .bucket
            .sdk
            .put_object()
            .bucket(self.bucket.name.as_str())
            .key(key)
            .if_none_match("*")
            .set_metadata(Some(metadata.0.clone().into_iter().collect()))
            // As CloudTrail stores them.
            .content_type("application/json")
            .content_encoding("gzip")
            .set_request_payer(self.bucket.payer())
            .body(ByteStream::from(body.to_vec()))
            .customize()
            .interceptor(self.bucket.aws.watch(ResponseKind::Other));
        self.bucket.count();
        match self.bucket.aws.wait(request.send()) {
            Ok(_) => Ok(Put::Created),
            Err(error) => {
                let status = error.raw_response().map(|r| r.status().as_u16());
                match (error.code(), status) {
                    (Some("PreconditionFailed" | "ConditionalRequestConflict"), _)
                    | (None, Some(412)) => Ok(Put::Exists),
                    _ => Err(StoreError::Trouble(error_summary(&error))),
                }
            }
        }
    }

    fn lock(&self) -> Result<WriterGuard, StoreError> {
        // Conditional writes keep two writers apart.
        Ok(WriterGuard::none())
    }
}
