//! Buckets and objects in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use bytes::Bytes;
use md5::{Digest as _, Md5};

/// In the order of S3: keys by their bytes.
pub(super) type Bucket = BTreeMap<String, Arc<Object>>;

#[derive(Clone)]
pub(super) struct Object {
    pub(super) body: Bytes,
    /// User metadata.
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) etag: String,
    pub(super) modified: SystemTime,
    pub(super) content_type: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) archived: bool,
}

impl Object {
    pub(super) fn new(body: Bytes, metadata: BTreeMap<String, String>) -> Self {
        Self {
            etag: hex::encode(Md5::digest(&body)),
            body,
            metadata,
            modified: SystemTime::now(),
            content_type: None,
            content_encoding: None,
            archived: false,
        }
    }
}

#[derive(Clone, Default)]
pub(super) struct Memory(Arc<RwLock<BTreeMap<String, Bucket>>>);

impl Memory {
    pub(super) fn create(&self, bucket: &str) {
        let mut buckets = self.0.write().unwrap_or_else(PoisonError::into_inner);
        buckets.entry(bucket.to_owned()).or_default();
    }

    /// Looks at a bucket; `None` when there is none of that name.
    pub(super) fn read<T>(&self, bucket: &str, look: impl FnOnce(&Bucket) -> T) -> Option<T> {
        let buckets = self.0.read().unwrap_or_else(PoisonError::into_inner);
        buckets.get(bucket).map(look)
    }

    /// Changes a bucket with nobody else looking; `None` when there is none of that name.
    pub(super) fn write<T>(
        &self,
        bucket: &str,
        change: impl FnOnce(&mut Bucket) -> T,
    ) -> Option<T> {
        let mut buckets = self.0.write().unwrap_or_else(PoisonError::into_inner);
        buckets.get_mut(bucket).map(change)
    }

    pub(super) fn get(&self, bucket: &str, key: &str) -> Option<Arc<Object>> {
        self.read(bucket, |objects| objects.get(key).cloned()).flatten()
    }
}
