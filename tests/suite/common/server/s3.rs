//! The operations of S3.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use s3s::dto::{
    CommonPrefix, CreateBucketInput, CreateBucketOutput, DeleteObjectInput, DeleteObjectOutput,
    ETag, ETagCondition, EncodingType, GetBucketLocationInput, GetBucketLocationOutput,
    GetObjectInput, GetObjectOutput, HeadBucketInput, HeadBucketOutput, HeadObjectInput,
    HeadObjectOutput, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output,
    Metadata, ObjectStorageClass, PutObjectInput, PutObjectOutput, Range, StorageClass,
    StreamingBlob,
};
use s3s::{Body, S3, S3Error, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};

use super::escape;
use super::listing::{self, After, LONGEST_PAGE, Query};
use super::memory::{Memory, Object};

type Answer<T> = S3Result<S3Response<T>>;

#[async_trait::async_trait]
impl S3 for Memory {
    async fn create_bucket(
        &self,
        request: S3Request<CreateBucketInput>,
    ) -> Answer<CreateBucketOutput> {
        self.create(&request.input.bucket);
        Ok(S3Response::new(CreateBucketOutput::default()))
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> Answer<HeadBucketOutput> {
        self.read(&request.input.bucket, |_| ()).ok_or_else(no_bucket)?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    /// No constraint, which means us-east-1.
    async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> Answer<GetBucketLocationOutput> {
        self.read(&request.input.bucket, |_| ()).ok_or_else(no_bucket)?;
        Ok(S3Response::new(GetBucketLocationOutput::default()))
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> Answer<ListObjectsV2Output> {
        let input = request.input;
        let after = match (&input.continuation_token, &input.start_after) {
            (Some(token), _) => After::from_token(token)
                .ok_or_else(|| s3_error!(InvalidArgument, "the continuation token is not ours"))?,
            (None, Some(key)) => After::Key(key.clone()),
            (None, None) => After::Start,
        };
        let query = Query {
            prefix: input.prefix.as_deref().unwrap_or(""),
            delimiter: input.delimiter.as_deref(),
            after,
            max_keys: page_size(input.max_keys),
        };
        let page = self.page(&input.bucket, &query)?;
        Ok(S3Response::new(listed(page, input)))
    }

    /// The elder listing, which other clients still use.
    async fn list_objects(
        &self,
        request: S3Request<ListObjectsInput>,
    ) -> Answer<ListObjectsOutput> {
        let input = request.input;
        let delimiter = input.delimiter.as_deref();
        let marker = input.marker.as_deref().filter(|marker| !marker.is_empty());
        let query = Query {
            prefix: input.prefix.as_deref().unwrap_or(""),
            delimiter,
            after: marker.map_or(After::Start, |marker| After::from_marker(marker, delimiter)),
            max_keys: page_size(input.max_keys),
        };
        let page = self.page(&input.bucket, &query)?;
        Ok(S3Response::new(listed_by_marker(page, input)))
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> Answer<GetObjectOutput> {
        let input = request.input;
        let object = self.find(&input.bucket, &input.key)?;
        if object.archived {
            return Err(s3_error!(InvalidObjectState, "The object is in the archive"));
        }
        if !matches_etag(&object, input.if_match.as_ref()) {
            return Err(s3_error!(PreconditionFailed));
        }
        let (body, content_range) = part(&object.body, input.range.as_ref())?;
        Ok(S3Response::new(GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: Some(length(&body)),
            content_range,
            body: Some(StreamingBlob::from(Body::from(body))),
            e_tag: Some(etag(&object)),
            last_modified: Some(object.modified.into()),
            metadata: Some(metadata(&object)),
            content_type: object.content_type.clone(),
            content_encoding: object.content_encoding.clone(),
            ..GetObjectOutput::default()
        }))
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> Answer<HeadObjectOutput> {
        let object = self.find(&request.input.bucket, &request.input.key)?;
        Ok(S3Response::new(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: Some(length(&object.body)),
            e_tag: Some(etag(&object)),
            last_modified: Some(object.modified.into()),
            metadata: Some(metadata(&object)),
            content_type: object.content_type.clone(),
            content_encoding: object.content_encoding.clone(),
            storage_class: object
                .archived
                .then(|| StorageClass::from_static(StorageClass::GLACIER)),
            ..HeadObjectOutput::default()
        }))
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> Answer<PutObjectOutput> {
        let input = request.input;
        let metadata = input.metadata.unwrap_or_default().into_iter().collect();
        let mut object = Object::new(received(input.body).await?, metadata);
        object.content_type = input.content_type;
        object.content_encoding = input.content_encoding.and_then(|c| lasting_encoding(&c));
        let only_new = match input.if_none_match {
            None => false,
            Some(ETagCondition::Any) => true,
            Some(ETagCondition::ETag(_)) => return Err(s3_error!(NotImplemented)),
        };

        let output = PutObjectOutput { e_tag: Some(etag(&object)), ..PutObjectOutput::default() };
        // Looking and storing are one step.
        let stored = self.write(&input.bucket, |objects| {
            if only_new && objects.contains_key(&input.key) {
                return Err(s3_error!(PreconditionFailed));
            }
            objects.insert(input.key, Arc::new(object));
            Ok(())
        });
        stored.ok_or_else(no_bucket)??;
        Ok(S3Response::new(output))
    }

    async fn delete_object(
        &self,
        request: S3Request<DeleteObjectInput>,
    ) -> Answer<DeleteObjectOutput> {
        let input = request.input;
        self.write(&input.bucket, |objects| objects.remove(&input.key)).ok_or_else(no_bucket)?;
        Ok(S3Response::new(DeleteObjectOutput::default()))
    }
}

impl Memory {
    fn page(&self, bucket: &str, query: &Query<'_>) -> S3Result<listing::Page> {
        self.read(bucket, |objects| listing::page(objects, query)).ok_or_else(no_bucket)
    }

    fn find(&self, bucket: &str, key: &str) -> S3Result<Arc<Object>> {
        let found = self.read(bucket, |objects| objects.get(key).cloned());
        found.ok_or_else(no_bucket)?.ok_or_else(|| s3_error!(NoSuchKey))
    }
}

fn no_bucket() -> S3Error {
    S3ErrorCode::NoSuchBucket.into()
}

fn etag(object: &Object) -> ETag {
    ETag::Strong(object.etag.clone())
}

fn matches_etag(object: &Object, condition: Option<&ETagCondition>) -> bool {
    match condition {
        None | Some(ETagCondition::Any) => true,
        Some(ETagCondition::ETag(asked)) => *asked == etag(object),
    }
}

fn metadata(object: &Object) -> Metadata {
    object.metadata.clone().into_iter().collect()
}

fn length(body: &Bytes) -> i64 {
    i64::try_from(body.len()).unwrap_or(i64::MAX)
}

/// The asked part of a body and, if it is one, its Content-Range.
fn part(body: &Bytes, range: Option<&Range>) -> S3Result<(Bytes, Option<String>)> {
    let Some(range) = range else { return Ok((body.clone(), None)) };
    let bounds = range.check(body.len() as u64)?;
    let content_range = format!("bytes {}-{}/{}", bounds.start, bounds.end - 1, body.len());
    let index = |offset: u64| usize::try_from(offset).unwrap_or(body.len());
    Ok((body.slice(index(bounds.start)..index(bounds.end)), Some(content_range)))
}

async fn received(body: Option<StreamingBlob>) -> S3Result<Bytes> {
    let mut bytes = BytesMut::new();
    if let Some(mut chunks) = body {
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|e| s3_error!(IncompleteBody, "{e}"))?;
            bytes.extend_from_slice(&chunk);
        }
    }
    Ok(bytes.freeze())
}

/// A Content-Encoding without the part that only concerned the upload.
fn lasting_encoding(encoding: &str) -> Option<String> {
    let parts = encoding.split(',').map(str::trim);
    let lasting: Vec<_> = parts.filter(|part| !part.is_empty() && *part != "aws-chunked").collect();
    (!lasting.is_empty()).then(|| lasting.join(","))
}

fn page_size(asked: Option<i32>) -> usize {
    asked.map_or(LONGEST_PAGE, |n| usize::try_from(n).unwrap_or(0)).min(LONGEST_PAGE)
}

/// How names are written in an answer.
fn writer(encoding: Option<&EncodingType>) -> impl Fn(String) -> String + use<> {
    let by_url = encoding.is_some_and(|e| e.as_str() == EncodingType::URL);
    move |text| if by_url { escape::encode(&text) } else { text }
}

fn count(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

fn content(key: String, object: &Object) -> s3s::dto::Object {
    s3s::dto::Object {
        key: Some(key),
        size: Some(length(&object.body)),
        e_tag: Some(etag(object)),
        last_modified: Some(object.modified.into()),
        storage_class: Some(ObjectStorageClass::from_static(if object.archived {
            ObjectStorageClass::GLACIER
        } else {
            ObjectStorageClass::STANDARD
        })),
        ..s3s::dto::Object::default()
    }
}

fn listed(page: listing::Page, input: ListObjectsV2Input) -> ListObjectsV2Output {
    let written = writer(input.encoding_type.as_ref());
    let key_count = Some(count(page.len()));
    let contents = page.objects.into_iter().map(|(key, object)| content(written(key), &object));
    let groups = page.common_prefixes.into_iter();
    let common_prefixes = groups.map(|group| CommonPrefix { prefix: Some(written(group)) });
    ListObjectsV2Output {
        contents: Some(contents.collect()),
        common_prefixes: Some(common_prefixes.collect()),
        key_count,
        max_keys: input.max_keys.or(Some(count(LONGEST_PAGE))),
        is_truncated: Some(page.next.is_some()),
        next_continuation_token: page.next.and_then(|next| next.token()),
        name: Some(input.bucket),
        prefix: input.prefix.map(&written),
        delimiter: input.delimiter.map(&written),
        start_after: input.start_after.map(&written),
        continuation_token: input.continuation_token,
        encoding_type: input.encoding_type,
        ..ListObjectsV2Output::default()
    }
}

fn listed_by_marker(page: listing::Page, input: ListObjectsInput) -> ListObjectsOutput {
    let written = writer(input.encoding_type.as_ref());
    let contents = page.objects.into_iter().map(|(key, object)| content(written(key), &object));
    let groups = page.common_prefixes.into_iter();
    let common_prefixes = groups.map(|group| CommonPrefix { prefix: Some(written(group)) });
    let is_truncated = Some(page.next.is_some());
    // Without groups, clients go on from the last key.
    let next = page.next.filter(|_| input.delimiter.is_some());
    ListObjectsOutput {
        contents: Some(contents.collect()),
        common_prefixes: Some(common_prefixes.collect()),
        max_keys: input.max_keys.or(Some(count(LONGEST_PAGE))),
        is_truncated,
        next_marker: next.and_then(After::marker).map(&written),
        name: Some(input.bucket),
        prefix: input.prefix.map(&written),
        delimiter: input.delimiter.map(&written),
        marker: input.marker.map(&written),
        encoding_type: input.encoding_type,
        ..ListObjectsOutput::default()
    }
}
