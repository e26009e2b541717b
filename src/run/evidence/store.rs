//! One bucket's objects in a bag, as the run saw them: what was listed is listed again, and what
//! could not be read then cannot be read now, so that trouble of that day is not taken for loss.

use std::collections::BTreeMap;

use super::custody::{Packed, Row};
use crate::model::{BucketName, Metadata};
use crate::store::{
    Absence, DirectoryStore, Entry, KeptMetadata, Object, ObjectTimes, Profile, Put, Requests,
    Store, StoreError, WriterGuard, Writes,
};

/// Objects of one bucket.
pub(super) struct BagStore {
    name: String,
    /// What was packed of them; `None` where nothing was.
    files: Option<DirectoryStore>,
    bucket: Option<BucketName>,
    profile: Profile,
    rows: BTreeMap<String, Row>,
}

impl BagStore {
    /// Profile of objects that were read from a bucket.
    pub(super) const OF_BUCKET: Profile = Profile {
        absence: Absence::Certain,
        times: ObjectTimes::Delivery,
        metadata: KeptMetadata::Always,
        writes: Writes::Refused,
        requests: Requests::PerProcessor,
    };
    /// Profile of objects that were read from a copy.
    pub(super) const OF_COPY: Profile = Profile {
        absence: Absence::WithinReach,
        times: ObjectTimes::Copying,
        metadata: KeptMetadata::Sometimes,
        ..Self::OF_BUCKET
    };

    /// The rows by their keys, and the folder that holds what was packed of them.
    pub(super) fn new(
        name: String,
        files: Option<DirectoryStore>,
        bucket: Option<BucketName>,
        profile: Profile,
        rows: BTreeMap<String, Row>,
    ) -> Self {
        Self { name, files, bucket, profile, rows }
    }
}

impl Store for BagStore {
    fn name(&self) -> &str {
        &self.name
    }

    fn profile(&self) -> Profile {
        self.profile
    }

    fn bucket(&self) -> Option<&BucketName> {
        self.bucket.as_ref()
    }

    fn list(&self, folder: &str, each: &mut dyn FnMut(Entry)) -> Result<(), StoreError> {
        let mut last = String::new();
        let mut found = folder.is_empty();
        for (key, row) in self.rows.range(folder.to_owned()..) {
            let Some(rest) = key.strip_prefix(folder) else { break };
            found = true;
            match rest.split_once('/') {
                Some((name, _)) if last == name => {}
                Some((name, _)) => {
                    last = name.to_owned();
                    each(Entry::Folder(format!("{folder}{name}/")));
                }
                None if row.packed == Packed::Unreadable && row.size.is_none() => {
                    each(Entry::Unreadable { key: key.clone(), cause: row.note.clone() });
                }
                None => each(Entry::Object {
                    key: key.clone(),
                    size: row.size.unwrap_or(0),
                    modified: row.delivered,
                    md5: None,
                }),
            }
        }
        if found { Ok(()) } else { Err(StoreError::NotFound) }
    }

    fn get(&self, key: &str) -> Result<Object, StoreError> {
        let row = self.rows.get(key).ok_or(StoreError::NotFound)?;
        match row.packed {
            Packed::Yes => self.files.as_ref().ok_or(StoreError::NotFound)?.get(key),
            Packed::No => Err(StoreError::Trouble("it is not in the bag".into())),
            Packed::Unreadable => {
                Err(StoreError::Trouble(format!("it could not be read then: {}", row.note)))
            }
        }
    }

    fn put_new(&self, _: &str, _: &[u8], _: &Metadata) -> Result<Put, StoreError> {
        Err(StoreError::Trouble("a bag is not written to".into()))
    }

    fn lock(&self) -> Result<WriterGuard, StoreError> {
        Ok(WriterGuard::none())
    }
}
