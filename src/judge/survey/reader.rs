//! What a survey asks of a store.

use std::io::Read;

use crate::store::{Entry, StoreError};

/// Content of one folder, not of what lies below its folders.
#[derive(Debug, Default)]
#[must_use]
pub struct FolderListing {
    /// What was listed, in no particular order.
    pub entries: Vec<Entry>,
    /// Reason for which there may be more.
    pub failed: Option<StoreError>,
}

impl FolderListing {
    /// What a store's listing comes to.
    pub fn of(list: impl FnOnce(&mut dyn FnMut(Entry)) -> Result<(), StoreError>) -> Self {
        let mut entries = Vec::new();
        let failed = list(&mut |entry| entries.push(entry)).err();
        Self { entries, failed }
    }

    /// A folder that was not listed, for a reason.
    pub fn failed(cause: &str) -> Self {
        Self { entries: Vec::new(), failed: Some(StoreError::Trouble(cause.to_owned())) }
    }
}

/// A store as a survey asks it, in the store's own paths.
pub trait FolderReader {
    /// Lists folders, in the order of what is asked; several at once, where that is faster.
    fn list(&self, folders: &[&str]) -> Vec<FolderListing>;

    /// Lists a folder to learn what others mean, beside what is checked.
    fn look_into(&self, folder: &str) -> FolderListing;

    /// Opens an object, as stored.
    ///
    /// # Errors
    /// When it is not there or cannot be opened.
    fn open(&self, path: &str) -> Result<Box<dyn Read + Send>, StoreError>;
}
