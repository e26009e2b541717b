//! A bucket as a store.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_s3::Client;
use aws_sdk_s3::config::Region;
use aws_sdk_s3::error::ProvideErrorMetadata as _;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use aws_sdk_s3::types::{BucketLocationConstraint, EncodingType, RequestPayer};
use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};
use jiff::Timestamp;

use super::calls::{CallError, worded};
use super::config::{Aws, AwsError};
use super::error::{line, of_object};
use crate::model::{BucketName, Metadata};
use crate::store::{Entry, Object, Put, Store, StoreError, WriterGuard};

/// How often a body that breaks off is taken up again where it broke.
const RESUMES: u32 = 5;

/// What a bucket is opened for.
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
    aws: Aws,
    client: Client,
    bucket: BucketName,
    name: String,
    requests: Arc<AtomicU64>,
}

impl S3Store {
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
        let mut region = aws.region();
        for asked in 1..=2 {
            let client = client(aws, region.clone());
            let listed = aws.wait(
                client
                    .list_objects_v2()
                    .bucket(bucket.as_str())
                    .prefix(prefix)
                    .max_keys(1)
                    // Keys may hold what XML cannot: the first one must not close the bucket.
                    .encoding_type(EncodingType::Url)
                    .set_request_payer(payer(aws))
                    .send(),
            );
            let refusal = listed.err();
            let home = refusal
                .as_ref()
                .and_then(|error| error.raw_response())
                .and_then(|r| r.headers().get("x-amz-bucket-region"))
                .filter(|home| *home != region.as_ref())
                .map(str::to_owned);
            if let Some(home) = home {
                region = Region::new(home);
                continue;
            }
            let refusal = refusal
                .filter(|error| need == Need::Listing || error.code() != Some("AccessDenied"));
            return match refusal {
                None => {
                    let name = name.to_owned();
                    let requests = Arc::new(AtomicU64::new(asked));
                    Ok(Self { aws: aws.clone(), client, bucket, name, requests })
                }
                Some(error) => {
                    let bucket = bucket.to_string();
                    Err(AwsError::Bucket { bucket, cause: line(&error) })
                }
            };
        }
        let cause = "it names one region after another as its own".to_owned();
        Err(AwsError::Bucket { bucket: bucket.to_string(), cause })
    }

    /// A bucket in the region that it is known to be in; nothing is asked yet.
    #[must_use]
    pub(super) fn of_region(aws: &Aws, bucket: BucketName, region: Region) -> Self {
        let (client, name) = (client(aws, region), format!("s3://{bucket}"));
        Self { aws: aws.clone(), client, bucket, name, requests: Arc::default() }
    }

    /// Where the bucket is; `None` for us-east-1.
    pub(super) fn location(&self) -> Result<Option<BucketLocationConstraint>, CallError> {
        self.count();
        let request = self.client.get_bucket_location().bucket(self.bucket.as_str());
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
        let mut token = None;
        loop {
            let request = self
                .client
                .list_objects_v2()
                .bucket(self.bucket.as_str())
                .prefix(prefix)
                .start_after(after)
                .set_continuation_token(token)
                .encoding_type(EncodingType::Url)
                .set_request_payer(payer(&self.aws));
            self.count();
            let page = self.aws.wait(request.send());
            let page = page.map_err(|error| worded("ListObjects", &error))?;
            let encoded = page.encoding_type().is_some();
            for key in page.contents().iter().filter_map(|object| object.key()) {
                if !each(if encoded { url_decode(key) } else { key.to_owned() }) {
                    return Ok(());
                }
            }
            token = page.next_continuation_token;
            if token.is_none() {
                return Ok(());
            }
        }
    }

    fn count(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    fn fetch(&self, key: &str, from: u64, etag: Option<&str>) -> Result<Fetched, StoreError> {
        let request = self
            .client
            .get_object()
            .bucket(self.bucket.as_str())
            .key(key)
            .set_range((from > 0).then(|| format!("bytes={from}-")))
            .set_if_match(etag.map(str::to_owned))
            .set_request_payer(payer(&self.aws));
        self.count();
        let output = self.aws.wait(request.send()).map_err(|error| of_object(&error))?;
        if from > 0 && output.content_range.is_none() {
            let cause = "the server begins the object anew instead of where it broke off";
            return Err(StoreError::Trouble(cause.to_owned()));
        }
        let metadata = output.metadata.unwrap_or_default();
        let metadata = Metadata(metadata.into_iter().collect());
        let length = output.content_length.and_then(|n| u64::try_from(n).ok());
        Ok(Fetched { body: output.body, metadata, etag: output.e_tag, length })
    }

    /// Whether a listing shows the very key.
    fn lists(&self, key: &str) -> bool {
        let mut found = false;
        let _ = self.list_page(key, None, None, Some(1), &mut |entry| {
            found |= matches!(&entry, Entry::Object { key: listed, .. } if listed == key);
        });
        found
    }

    fn list_page(
        &self,
        prefix: &str,
        delimiter: Option<&str>,
        token: Option<String>,
        limit: Option<i32>,
        each: &mut dyn FnMut(Entry),
    ) -> Result<Option<String>, StoreError> {
        let request = self
            .client
            .list_objects_v2()
            .bucket(self.bucket.as_str())
            .prefix(prefix)
            .set_delimiter(delimiter.map(str::to_owned))
            .set_continuation_token(token)
            .set_max_keys(limit)
            // Keys may hold what XML cannot.
            .encoding_type(EncodingType::Url)
            .set_request_payer(payer(&self.aws));
        self.count();
        let page = self.aws.wait(request.send()).map_err(|e| StoreError::Trouble(line(&e)))?;
        let encoded = page.encoding_type().is_some();
        let decode = |text: &str| if encoded { url_decode(text) } else { text.to_owned() };
        for folder in page.common_prefixes().iter().filter_map(|p| p.prefix()) {
            each(Entry::Folder(decode(folder)));
        }
        for object in page.contents() {
            if let Some(key) = object.key() {
                each(Entry::Object {
                    key: decode(key),
                    size: object.size().and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
                    modified: object.last_modified().and_then(timestamp),
                });
            }
        }
        let more = page.is_truncated() == Some(true);
        match (more, page.next_continuation_token) {
            (false, _) => Ok(None),
            (true, Some(token)) => Ok(Some(token)),
            (true, None) => {
                Err(StoreError::Trouble("the listing breaks off and does not say where".into()))
            }
        }
    }
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

fn payer(aws: &Aws) -> Option<RequestPayer> {
    aws.options.request_payer.then_some(RequestPayer::Requester)
}

fn timestamp(time: &DateTime) -> Option<Timestamp> {
    Timestamp::from_second(time.secs()).ok()
}

/// Undoes the encoding of keys in listings: `%XX`, and `+` for a space.
fn url_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let mut ahead = rest.clone();
                match (hex(ahead.next()), hex(ahead.next())) {
                    (Some(high), Some(low)) => {
                        bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'%'));
                        rest = ahead;
                    }
                    _ => bytes.push(b'%'),
                }
            }
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

struct Fetched {
    body: ByteStream,
    metadata: Metadata,
    etag: Option<String>,
    length: Option<u64>,
}

impl Store for S3Store {
    fn name(&self) -> &str {
        &self.name
    }

    fn bucket(&self) -> Option<&BucketName> {
        Some(&self.bucket)
    }

    fn requests(&self) -> Option<u64> {
        Some(self.requests.load(Ordering::Relaxed))
    }

    fn knows_delivery(&self) -> bool {
        true
    }

    fn list(&self, folder: &str, each: &mut dyn FnMut(Entry)) -> Result<(), StoreError> {
        let mut token = None;
        loop {
            token = self.list_page(folder, Some("/"), token, None, each)?;
            if token.is_none() {
                return Ok(());
            }
        }
    }

    fn get(&self, key: &str) -> Result<Object, StoreError> {
        let fetched = match self.fetch(key, 0, None) {
            // Absence is a finding: it must not rest on one answer that a listing contradicts.
            Err(StoreError::NotFound) if self.lists(key) => match self.fetch(key, 0, None) {
                Err(StoreError::NotFound) => {
                    let cause =
                        "reading it says that it does not exist, listing it says that it does";
                    return Err(StoreError::Trouble(cause.into()));
                }
                other => other?,
            },
            other => other?,
        };
        let Fetched { body, metadata, etag, length } = fetched;
        let body = Body {
            store: self.clone(),
            key: key.to_owned(),
            etag,
            length,
            read: 0,
            resumes: 0,
            stream: body,
            piece: bytes::Bytes::new(),
        };
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
            .body(ByteStream::from(body.to_vec()));
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

/// A body on its way in. Where the connection breaks it goes on from there, as long as the object
/// is still the same.
struct Body {
    store: S3Store,
    key: String,
    etag: Option<String>,
    length: Option<u64>,
    read: u64,
    resumes: u32,
    stream: ByteStream,
    piece: bytes::Bytes,
}

impl Body {
    fn resume(&mut self, cause: String) -> io::Result<()> {
        self.resumes += 1;
        if self.resumes > RESUMES {
            return Err(io::Error::other(cause));
        }
        let fetched = self.store.fetch(&self.key, self.read, self.etag.as_deref());
        let fetched = fetched.map_err(|error| {
            io::Error::other(format!("{cause}; taking it up again failed: {error}"))
        })?;
        self.stream = fetched.body;
        Ok(())
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.store.aws.wait(self.stream.next()) {
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(error)) => self.resume(format!("the body broke off: {error}"))?,
                None if self.length.is_some_and(|length| self.read < length) => {
                    self.resume("the body is shorter than announced".to_owned())?;
                }
                None => return Ok(0),
            }
        }
        let n = self.piece.len().min(buffer.len());
        let taken = self.piece.split_to(n);
        if let Some(target) = buffer.get_mut(..n) {
            target.copy_from_slice(&taken);
        }
        self.read += n as u64;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::url_decode;

    #[test]
    fn keys_in_listings_are_decoded() {
        for (encoded, key) in [
            ("a/b%2Bc+d", "a/b+c d"),
            ("%C3%A9%01", "é\u{1}"),
            ("100%", "100%"),
            ("%zz%4", "%zz%4"),
        ] {
            assert_eq!(url_decode(encoded), key);
        }
    }
}
