//! S3 and the CloudTrail key service in this process: what is stored, what goes wrong and when is
//! up to the test.

mod call;
mod escape;
mod faults;
mod front;
mod listing;
mod memory;
mod public_keys;
mod s3;
mod trails;

use std::collections::BTreeMap;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};

#[allow(unused_imports)]
pub(crate) use self::faults::Endless;
pub(crate) use self::faults::Fault;
use self::front::{Front, State};
use self::memory::Object;

/// The key pair that S3 requests must be signed with.
pub(crate) const ACCESS_KEY: &str = "test";
pub(crate) const SECRET_KEY: &str = "testtest";

const SIDECAR_SUFFIX: &str = ".metadata.json";

/// A server at a port of 127.0.0.1 of its own. It ends when dropped.
///
/// Of S3 it does, path style: CreateBucket, HeadBucket, GetBucketLocation, ListObjectsV2,
/// ListObjects, GetObject, HeadObject, PutObject, DeleteObject. Signatures are checked. Of CloudTrail:
/// ListPublicKeys, DescribeTrails and GetTrailStatus, unchecked.
pub(crate) struct Server {
    endpoint: String,
    state: Arc<State>,
    /// Always there until the drop.
    runtime: Option<Runtime>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("the bound address"));
        listener.set_nonblocking(true).expect("a socket that does not block");
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("server")
            .enable_all()
            .build()
            .expect("the server's runtime");
        let state = Arc::<State>::default();
        let front = Front::new(Arc::clone(&state));
        runtime.spawn(front::serve(listener, front));
        Self { endpoint, state, runtime: Some(runtime) }
    }

    /// `http://127.0.0.1:PORT`, for S3 (path style) and for CloudTrail.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(crate) fn create_bucket(&self, name: &str) {
        self.state.memory.create(name);
    }

    /// Stores an object, over whatever is there. As CloudTrail does, `.json.gz` is stored with
    /// Content-Encoding gzip.
    pub(crate) fn put(&self, bucket: &str, key: &str, body: Vec<u8>, metadata: &[(&str, &str)]) {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        self.store(bucket, key, body, metadata.iter().map(owned).collect());
    }

    pub(crate) fn get(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        self.state.memory.get(bucket, key).map(|object| object.body.to_vec())
    }

    pub(crate) fn metadata(&self, bucket: &str, key: &str) -> Option<BTreeMap<String, String>> {
        self.state.memory.get(bucket, key).map(|object| object.metadata.clone())
    }

    pub(crate) fn delete(&self, bucket: &str, key: &str) {
        self.within(bucket, |objects| {
            objects.remove(key);
        });
    }

    /// In the order of S3: by bytes.
    pub(crate) fn keys(&self, bucket: &str) -> Vec<String> {
        self.within(bucket, |objects| objects.keys().cloned().collect())
    }

    /// Stores the files below `root` as objects whose keys are `prefix` and the relative path, as
    /// far as they lie in an `AWSLogs` folder. `NAME.metadata.json` becomes the user metadata of
    /// NAME.
    pub(crate) fn load(&self, bucket: &str, prefix: &str, root: &Path) {
        for path in files_below(root) {
            let inside = path.strip_prefix(root).expect("a path below the root");
            let name = inside.to_str().expect("a file name in UTF-8");
            let in_logs = inside.components().any(|part| part.as_os_str() == "AWSLogs");
            if in_logs && !name.ends_with(SIDECAR_SUFFIX) {
                let body = fs::read(&path).expect("a readable file");
                let sidecar = path.with_file_name(format!(
                    "{}{SIDECAR_SUFFIX}",
                    path.file_name().expect("a file's name").to_string_lossy()
                ));
                self.store(bucket, &format!("{prefix}{name}"), body, read_sidecar(&sidecar));
            }
        }
    }

    /// Puts the same object under another key, without a copy of its bytes.
    pub(crate) fn share(&self, bucket: &str, from: &str, to: &str) {
        let object = self.state.memory.get(bucket, from).expect("an object");
        self.within(bucket, |objects| objects.insert(to.to_owned(), object));
    }

    /// Sets an object's ETag: that of an object which KMS encrypts is no MD5 of its bytes.
    pub(crate) fn etag(&self, bucket: &str, key: &str, etag: &str) {
        self.change(bucket, key, |object| etag.clone_into(&mut object.etag));
    }

    /// Sets an object's LastModified.
    pub(crate) fn modified(&self, bucket: &str, key: &str, time: Timestamp) {
        self.change(bucket, key, |object| object.modified = time.into());
    }

    /// Moves an object to the archive: it is listed, but GetObject answers 403
    /// InvalidObjectState.
    pub(crate) fn archive(&self, bucket: &str, key: &str) {
        self.change(bucket, key, |object| object.archived = true);
    }

    /// From now on, GETs of objects whose key contains `matching` fail: `times` times, or
    /// lastingly.
    ///
    /// `list:TEXT` means listings whose prefix contains TEXT, `put:TEXT` and `head:TEXT` these
    /// requests, and `keys:TEXT` ListPublicKeys of regions that contain TEXT. Of several that
    /// match, the first stated is the one that happens.
    pub(crate) fn fault(&self, matching: &str, fault: Fault, times: Option<u32>) {
        self.state.faults.add(matching, fault, 0, times);
    }

    /// A fault that sets in for good after so many requests that it would have met.
    pub(crate) fn fault_after(&self, spared: u32, matching: &str, fault: Fault) {
        self.state.faults.add(matching, fault, spared, None);
    }

    pub(crate) fn clear_faults(&self) {
        self.state.faults.clear();
    }

    /// How long every answer waits.
    pub(crate) fn latency(&self, latency: Duration) {
        *lock(&self.state.latency) = latency;
    }

    /// What was asked, in order: `GET key`, `HEAD key`, `PUT key`, `DELETE key`, `LIST prefix`,
    /// `CREATE bucket`, `HEAD-BUCKET bucket`, `LOCATION bucket`, `ListPublicKeys region`. Failed
    /// requests too.
    pub(crate) fn requests(&self) -> Vec<String> {
        lock(&self.state.requests).clone()
    }

    pub(crate) fn clear_requests(&self) {
        lock(&self.state.requests).clear();
    }

    /// Sets what ListPublicKeys knows in a region: a list as `aws cloudtrail list-public-keys`
    /// prints it.
    pub(crate) fn publish_keys(&self, region: &str, list_json: &str) {
        self.state.public_keys.publish(region, list_json);
    }

    /// Adds a trail, as DescribeTrails and GetTrailStatus tell of it.
    pub(crate) fn trail(&self, described: serde_json::Value, status: serde_json::Value) {
        self.state.trails.add(described, status);
    }

    /// Sets whom GetCallerIdentity names: an ARN.
    pub(crate) fn caller(&self, arn: &str) {
        *lock(&self.state.caller) = Some(arn.to_owned());
    }

    /// From now on ListPublicKeys answers AccessDeniedException.
    pub(crate) fn deny_keys(&self) {
        self.state.public_keys.deny();
    }

    fn store(&self, bucket: &str, key: &str, body: Vec<u8>, metadata: BTreeMap<String, String>) {
        let mut object = Object::new(body.into(), metadata);
        if key.ends_with(".json.gz") {
            object.content_type = Some("application/json".to_owned());
            object.content_encoding = Some("gzip".to_owned());
        }
        self.within(bucket, |objects| {
            objects.insert(key.to_owned(), Arc::new(object));
        });
    }

    fn change(&self, bucket: &str, key: &str, change: impl FnOnce(&mut Object)) {
        self.within(bucket, |objects| {
            let object = objects.get_mut(key).unwrap_or_else(|| panic!("no object {key}"));
            change(Arc::make_mut(object));
        });
    }

    fn within<T>(&self, bucket: &str, action: impl FnOnce(&mut memory::Bucket) -> T) -> T {
        self.state
            .memory
            .write(bucket, action)
            .unwrap_or_else(|| panic!("the test created no bucket {bucket}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Without waiting: a stalled answer never ends, and the drop may happen in async code.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A lock that a panicking test has left is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn files_below(root: &Path) -> Vec<PathBuf> {
    let (mut files, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}

fn read_sidecar(path: &Path) -> BTreeMap<String, String> {
    let Ok(text) = fs::read(path) else { return BTreeMap::new() };
    let json: serde_json::Value = serde_json::from_slice(&text).expect("a sidecar is JSON");
    let metadata = json.get("Metadata").expect("a sidecar has Metadata").clone();
    serde_json::from_value(metadata).expect("metadata are texts")
}
