//! Questions of a survey to a store.

use std::io::Read;

use crate::store::{Entry, StoreError};

/// Reason of what a reader left out of its answers.
pub(super) const UNANSWERED: &str = "it was not answered";

/// Content of one folder, not of what lies below its folders.
#[derive(Debug)]
#[must_use]
pub struct FolderListing {
    /// Entries that were listed, in no particular order.
    pub entries: Vec<Entry>,
    /// Reason for which there may be more.
    pub failed: Option<StoreError>,
}

impl FolderListing {
    /// Collects a store's listing.
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

/// Takes what a folder holds, in no particular order.
pub type EachEntry<'a> = &'a mut dyn FnMut(Entry);

/// Judges an opened object by its path and body.
pub type EachBody<'a> = &'a (dyn Fn(&str, &mut dyn Read) -> Result<bool, String> + Sync);

/// A store as a survey asks it, in the store's own paths.
///
/// An error of a listing says that there may be more than was handed over.
pub trait FolderReader {
    /// Lists folders, in the order of what is asked; several at once, where that is faster.
    fn list(&self, folders: &[&str]) -> Vec<FolderListing>;

    /// Lists a folder that may hold more than memory should.
    ///
    /// # Errors
    /// When it is not there or cannot be listed to its end.
    fn list_each(&self, folder: &str, each: EachEntry<'_>) -> Result<(), StoreError>;

    /// Lists a folder to learn what others mean: no request that is counted, for it checks nothing.
    ///
    /// # Errors
    /// When it is not there or cannot be listed to its end.
    fn look_into(&self, folder: &str, each: EachEntry<'_>) -> Result<(), StoreError>;

    /// Opens an object, as stored.
    ///
    /// # Errors
    /// When it is not there or cannot be opened.
    fn open(&self, path: &str) -> Result<Box<dyn Read + Send>, StoreError>;

    /// Opens objects, several at once, and tells what each is found to be, in the order of what is
    /// asked. One that is gone is nothing.
    fn examine(&self, paths: &[&str], each: EachBody<'_>) -> Vec<Result<bool, String>>;

    /// True if the run is to stop: then folders are told to be empty, and nothing is concluded.
    fn is_stopped(&self) -> bool;
}
