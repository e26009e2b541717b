//! Copies in Google Cloud Storage and Azure Blob Storage, over the crate `object_store`.
//!
//! A copy is only read. It is as hostile as a directory: what a listing shows must lie in the folder
//! that was requested, a body has the length that was announced, and an object counts as absent only
//! if reading and a listing agree, because a proxy, or a container that is gone, answers 404 too. The
//! crate cannot name keys with an empty part, `.`, `..` or control characters: a folder that holds one
//! cannot be listed, which is trouble.
//!
//! Metadata is the object's own or, where it has no signature, that of `NAME.metadata.json` beside it,
//! as in a directory: not every tool that copies keeps metadata.

mod answer;
mod body;
mod error;
mod open;

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, GetOptions, GetResult, ListResult, ObjectMeta, ObjectStore,
};

use self::body::Body;
use self::error::{of_listing, of_object};
use super::directory::{UNFINISHED, is_in_digest_folder};
use super::network::Network;
use super::{
    AbsenceMeaning, Entry, KeptMetadata, Object, ObjectTimes, Profile, Put, Requests, Stop, Store,
    StoreError, UnfinishedCopy, WriterGuard, Writes,
};
use crate::model::metadata::{SIDECAR_SUFFIX, SIGNATURE};
use crate::model::{BucketName, Metadata};

pub use self::open::{CloudError, CloudOptions};

const DELIMITER: &str = "/";
/// Pages in a row that may hold nothing.
const MOST_EMPTY_PAGES: u32 = 1000;
/// Bytes of a metadata file that are read, as in a directory.
const SIDECAR_LIMIT: u64 = 64 << 10;
/// Bytes of a marker that are read, as in a directory.
const MARKER_LIMIT: u64 = 16 << 20;

/// A copy in an object store.
pub struct CloudStore {
    name: String,
    objects: Arc<dyn ObjectStore>,
    /// Listings page by page, where the store has them; else a folder is listed at once.
    pages: Option<Arc<dyn PaginatedListStore>>,
    network: Network,
    requests: AtomicU64,
}

impl CloudStore {
    /// Profile of every copy in an object store.
    pub const PROFILE: Profile = Profile {
        absence: AbsenceMeaning::WithinReach,
        times: ObjectTimes::Copying,
        metadata: KeptMetadata::Sometimes,
        writes: Writes::Refused,
        // Latency is that of any network; the limits of an account are lower than those of S3.
        requests: Requests::AtOnce { verifying: 64, copying: 32 },
    };

    /// Opens a copy in any store of the crate `object_store`; `name` is the user's name for it, and a
    /// stop ends the waiting for any answer.
    ///
    /// # Errors
    /// When the threads of its runtime cannot be started.
    pub fn new(
        objects: Arc<dyn ObjectStore>,
        name: impl Into<String>,
        stop: Stop,
    ) -> std::io::Result<Self> {
        let network = Network::start(stop)?;
        let requests = AtomicU64::default();
        Ok(Self { name: name.into(), objects, pages: None, network, requests })
    }

    /// Waits for an answer.
    fn wait<T>(
        &self,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<object_store::Result<T>, StoreError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.network.wait(request).ok_or_else(|| StoreError::Trouble(body::STOPPED.to_owned()))
    }

    /// Lists the keys that begin so, grouped into folders or not.
    fn pages(
        &self,
        prefix: &str,
        grouped: bool,
        each: &mut dyn FnMut(ListResult) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let Some(pages) = &self.pages else {
            let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
            let folder = Path::parse(folder).map_err(impossible)?;
            let mut page =
                self.wait(self.objects.list_with_delimiter(Some(&folder)))?.map_err(of_listing)?;
            page.objects.sort_by(|one, other| one.location.cmp(&other.location));
            return each(page);
        };
        let (mut token, mut empty) = (None::<String>, 0);
        loop {
            let options = PaginatedListOptions {
                delimiter: grouped.then_some(DELIMITER.into()),
                page_token: token.clone(),
                ..PaginatedListOptions::default()
            };
            let prefix = Some(prefix).filter(|prefix| !prefix.is_empty());
            let page = self.wait(pages.list_paginated(prefix, options))?.map_err(of_listing)?;
            let is_empty = page.result.objects.is_empty() && page.result.common_prefixes.is_empty();
            empty = if is_empty { empty + 1 } else { 0 };
            each(page.result)?;
            match page.page_token.filter(|token| !token.is_empty()) {
                None => return Ok(()),
                next if next == token => return Err(stuck("it repeats the same page token")),
                _ if empty > MOST_EMPTY_PAGES => return Err(stuck("page after page is empty")),
                next => token = next,
            }
        }
    }

    /// True if a listing shows the very key.
    fn is_listed(&self, key: &str) -> Result<bool, StoreError> {
        let mut found = false;
        self.pages(key, false, &mut |page| {
            found |= page.objects.iter().any(|object| object.location.as_ref() == key);
            Ok(())
        })?;
        Ok(found)
    }

    /// Asks for an object. It is absent only if a listing does not show it.
    fn fetch(&self, key: &str) -> Result<GetResult, StoreError> {
        let path = Path::parse(key).map_err(impossible)?;
        if path.as_ref() != key {
            let cause = "its key begins or ends with a slash, so it cannot be read here";
            return Err(StoreError::Trouble(cause.into()));
        }
        let get =
            || self.wait(self.objects.get_opts(&path, GetOptions::default()))?.map_err(of_object);
        match get() {
            Err(StoreError::NotFound) if self.is_listed(key)? => match get() {
                Err(StoreError::NotFound) => {
                    let cause = "reading says that it does not exist, but a listing shows it";
                    Err(StoreError::Trouble(cause.into()))
                }
                other => other,
            },
            other => other,
        }
    }

    /// The first bytes of an object.
    fn read_bounded(&self, key: &str, limit: u64) -> Result<Vec<u8>, StoreError> {
        let body = Body::new(&self.network, self.fetch(key)?);
        let mut bytes = Vec::new();
        body.take(limit)
            .read_to_end(&mut bytes)
            .map_err(|error| StoreError::Trouble(error.to_string()))?;
        Ok(bytes)
    }

    /// Metadata of an object that has `own`.
    fn metadata(&self, key: &str, own: Metadata) -> Result<Metadata, String> {
        if own.get(SIGNATURE).is_some() || !is_in_digest_folder(key) {
            return Ok(own);
        }
        let path = format!("{key}{SIDECAR_SUFFIX}");
        match self.read_bounded(&path, SIDECAR_LIMIT + 1) {
            Ok(bytes) if bytes.len() as u64 > SIDECAR_LIMIT => {
                Err(format!("{path} is larger than {SIDECAR_LIMIT} bytes"))
            }
            Ok(bytes) => Metadata::decode(&bytes).map_err(|error| format!("{path}: {error}")),
            Err(StoreError::NotFound) => Ok(own),
            Err(error) => Err(format!("{path}: {error}")),
        }
    }

    /// True if an object is the metadata file of `owner` and nothing else.
    fn is_sidecar(&self, key: &str, owner: &str) -> bool {
        let holds_only_metadata = || {
            let text = self.read_bounded(key, SIDECAR_LIMIT);
            text.is_ok_and(|text| Metadata::is_only_metadata(&text))
        };
        // Among log files, whoever reads the folder reads it too.
        key.strip_suffix(SIDECAR_SUFFIX) == Some(owner)
            && (is_in_digest_folder(key) || holds_only_metadata())
    }
}

fn stuck(cause: &str) -> StoreError {
    StoreError::Trouble(format!("the listing is stuck: {cause}"))
}

fn impossible(error: object_store::path::Error) -> StoreError {
    StoreError::Trouble(format!("its key cannot be read here: {error}"))
}

/// A folder of a listing of another one, by its path.
fn folder_of(folder: &str, path: &Path) -> Result<Entry, StoreError> {
    let key = format!("{path}{DELIMITER}");
    match key.strip_prefix(folder).and_then(|name| name.strip_suffix(DELIMITER)) {
        Some("") => {
            let cause = "keys with an empty part cannot be read here".to_owned();
            Ok(Entry::Unreadable { key, cause })
        }
        Some(name) if !name.contains(DELIMITER) => Ok(Entry::Folder(key)),
        _ => Err(StoreError::Trouble(OUTSIDE.to_owned())),
    }
}

const OUTSIDE: &str = "the listing has keys outside the requested folder";

/// An object of a listing of a folder; `None` for the mark of the folder itself, which some tools
/// make.
fn object_of(folder: &str, object: ObjectMeta) -> Result<Option<Entry>, StoreError> {
    let key = String::from(object.location);
    match key.strip_prefix(folder) {
        None if folder.strip_suffix(DELIMITER) == Some(&*key) => Ok(None),
        Some(name) if !name.is_empty() && !name.contains(DELIMITER) => Ok(Some(Entry::Object {
            size: object.size,
            modified: Timestamp::from_millisecond(object.last_modified.timestamp_millis()).ok(),
            md5: None,
            key,
        })),
        _ => Err(StoreError::Trouble(OUTSIDE.to_owned())),
    }
}

/// User metadata among the attributes of an object.
fn user_metadata(attributes: &Attributes) -> Metadata {
    let user = attributes.iter().filter_map(|(name, value)| match name {
        Attribute::Metadata(name) => Some((name.to_ascii_lowercase(), value.to_string())),
        _ => None,
    });
    Metadata(user.collect())
}

impl Store for CloudStore {
    fn name(&self) -> &str {
        &self.name
    }

    fn profile(&self) -> Profile {
        Self::PROFILE
    }

    fn bucket(&self) -> Option<&BucketName> {
        None
    }

    fn requests(&self) -> Option<u64> {
        Some(self.requests.load(Ordering::Relaxed))
    }

    fn unfinished(&self, folder: &str) -> Option<UnfinishedCopy> {
        let above = folder.match_indices('/').filter_map(|(at, _)| folder.get(..=at));
        [""].into_iter().chain(above).find_map(|folder| {
            let marker = format!("{folder}{UNFINISHED}");
            let text = match self.read_bounded(&marker, MARKER_LIMIT) {
                Err(StoreError::NotFound) => return None,
                text => text.ok(),
            };
            let shown = format!("{}: {marker}", self.name);
            Some(UnfinishedCopy::of_marker(shown, text.as_deref()))
        })
    }

    fn list(&self, folder: &str, each: &mut dyn FnMut(Entry)) -> Result<(), StoreError> {
        let mut owner = String::new();
        self.pages(folder, true, &mut |page| {
            for path in page.common_prefixes {
                each(folder_of(folder, &path)?);
            }
            for object in page.objects {
                let Some(entry) = object_of(folder, object)? else { continue };
                if let Entry::Object { key, .. } = &entry {
                    if self.is_sidecar(key, &owner) {
                        continue;
                    }
                    // Between an object and its metadata file lie only names that extend its own.
                    if owner.is_empty() || !key.starts_with(&owner) {
                        owner.clone_from(key);
                    }
                }
                each(entry);
            }
            Ok(())
        })
    }

    fn get(&self, key: &str) -> Result<Object, StoreError> {
        let fetched = self.fetch(key)?;
        let metadata = self.metadata(key, user_metadata(&fetched.attributes));
        Ok(Object { body: Box::new(Body::new(&self.network, fetched)), metadata })
    }

    fn put_new(&self, _: &str, _: &[u8], _: &Metadata) -> Result<Put, StoreError> {
        Err(StoreError::Trouble("a copy in an object store is only read".into()))
    }

    fn lock(&self) -> Result<WriterGuard, StoreError> {
        Ok(WriterGuard::none())
    }
}
