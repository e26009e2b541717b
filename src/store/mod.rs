//! Storage of objects. A store is a small trait of our own: folders are listed, objects are read, and
//! a new object is put only where none is.
//!
//! A store trusts nothing that it holds and reaches nothing outside of itself. It distinguishes
//! absence, which may become a finding, from trouble, which never does.

#[cfg(feature = "seal")]
pub mod bag;
#[cfg(feature = "object-store")]
pub mod cloud;
pub mod directory;
#[cfg(any(feature = "aws", feature = "object-store"))]
pub(crate) mod network;
mod profile;
pub mod recording;
mod stop;
mod unfinished;

use std::io::Read;

use jiff::Timestamp;

use crate::model::{BucketName, Metadata};

#[cfg(feature = "object-store")]
pub use cloud::{CloudError, CloudOptions, CloudStore};
pub use directory::DirectoryStore;
pub use profile::{AbsenceMeaning, KeptMetadata, ObjectTimes, Profile, Requests, Writes};
pub use recording::{AccessRecord, Reading, Recorder};
pub use stop::Stop;
pub use unfinished::UnfinishedCopy;

/// Error of a store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// No such object or folder. Nothing else may be taken for absence.
    #[error("it does not exist")]
    NotFound,
    /// The object is in an archive class and must be restored first.
    #[error("it is archived: {0}")]
    Archived(String),
    /// Nothing more can be written: the disk is full, a quota is used up, or it is read-only.
    #[error("{0}")]
    Unwritable(String),
    /// Anything else: denied, damaged, out of reach.
    #[error("{0}")]
    Trouble(String),
}

/// Entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A folder; its key ends in `/`.
    Folder(String),
    /// An object.
    Object {
        /// Its key.
        key: String,
        /// Its size as stored, in bytes.
        size: u64,
        /// Time at which it was written, as far as the store knows.
        modified: Option<Timestamp>,
        /// Its MD5, as far as the store knows it: an encrypted object has another value here.
        md5: Option<[u8; 16]>,
    },
    /// Anything else, which cannot be read, such as a symbolic link that leads outside.
    Unreadable {
        /// Its key.
        key: String,
        /// The reason.
        cause: String,
    },
}

/// The bytes of an object as stored; reading them may fail later.
pub type Body = Box<dyn Read + Send>;

/// An opened object.
pub struct Object {
    /// Its bytes.
    pub body: Body,
    /// Its metadata, or why that could not be read.
    pub metadata: Result<Metadata, String>,
}

/// Outcome of putting an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// Written.
    Created,
    /// Not written: one was there already, which is untouched.
    Exists,
}

/// Storage of objects.
pub trait Store: Send + Sync {
    /// Name as given by the user.
    fn name(&self) -> &str;

    /// Its profile.
    fn profile(&self) -> Profile;

    /// The bucket that it is, or whose objects it holds; `None` for a copy that does not know.
    fn bucket(&self) -> Option<&BucketName>;

    /// Number of requests made, if the store counts them itself.
    fn requests(&self) -> Option<u64> {
        None
    }

    /// Marker of an unfinished copy that lies in a folder or above it, as read.
    fn unfinished(&self, _folder: &str) -> Option<UnfinishedCopy> {
        None
    }

    /// Lists a folder, not what lies below its folders; in no particular order. `""` is the root,
    /// any other folder ends in `/`.
    ///
    /// # Errors
    /// When the folder is not there or cannot be listed to its end.
    fn list(&self, folder: &str, each: &mut dyn FnMut(Entry)) -> Result<(), StoreError>;

    /// Opens an object.
    ///
    /// # Errors
    /// When it is not there or cannot be opened.
    fn get(&self, key: &str) -> Result<Object, StoreError>;

    /// Opens an object for its bytes alone, where nobody needs its metadata.
    ///
    /// # Errors
    /// As for [`get`](Self::get).
    fn get_body(&self, key: &str) -> Result<Body, StoreError> {
        self.get(key).map(|object| object.body)
    }

    /// Puts an object where none is: it appears whole, with its metadata, or not at all.
    ///
    /// # Errors
    /// When it cannot be written; then nothing is there that was not before.
    fn put_new(&self, key: &str, body: &[u8], metadata: &Metadata) -> Result<Put, StoreError>;

    /// Puts an object whose body is read while it is written, so that memory does not hold it.
    ///
    /// # Errors
    /// When it cannot be read or written; then nothing is there that was not before.
    fn put_new_from(
        &self,
        key: &str,
        body: &mut dyn Read,
        metadata: &Metadata,
    ) -> Result<Put, StoreError> {
        let mut bytes = Vec::new();
        body.read_to_end(&mut bytes).map_err(|e| StoreError::Trouble(e.to_string()))?;
        self.put_new(key, &bytes, metadata)
    }

    /// Waits until no other writer is at work, and keeps others out until the guard is dropped.
    ///
    /// # Errors
    /// When the store cannot tell.
    fn lock(&self) -> Result<WriterGuard, StoreError>;
}

/// Keeps other writers out while it lives.
#[derive(Debug)]
pub struct WriterGuard(#[allow(dead_code)] Option<std::fs::File>);

impl WriterGuard {
    /// For a store that keeps writers apart by other means.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }
}
