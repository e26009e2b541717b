//! One bucket's objects in a bag, as the run saw them: what was listed is listed again, and what
//! could not be read then cannot be read now, so that trouble of that day is not taken for loss.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;

use super::custody::{self, CustodyRow, Packed};
use super::{CUSTODY, NO_BUCKET, OBJECTS};
use crate::model::{BucketName, Metadata};
use crate::run::verify::SourceForm;
use crate::store::{
    AbsenceMeaning, DirectoryStore, Entry, KeptMetadata, Object, ObjectTimes, Profile, Put,
    Requests, Store, StoreError, WriterGuard, Writes,
};

/// Objects of one bucket.
pub(super) struct BagStore {
    name: String,
    /// Folder of those that were packed; `None` for none.
    files: Option<DirectoryStore>,
    bucket: Option<BucketName>,
    profile: Profile,
    rows: BTreeMap<String, CustodyRow>,
}

impl BagStore {
    /// Profile of objects that were read from a bucket.
    pub(super) const OF_BUCKET: Profile = Profile {
        absence: AbsenceMeaning::Certain,
        times: ObjectTimes::Delivery,
        metadata: KeptMetadata::Always,
        writes: Writes::Refused,
        requests: Requests::PerProcessor,
    };
    /// Profile of objects that were read from a copy.
    pub(super) const OF_COPY: Profile = Profile {
        absence: AbsenceMeaning::WithinReach,
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
        rows: BTreeMap<String, CustodyRow>,
    ) -> Self {
        Self { name, files, bucket, profile, rows }
    }
}

/// Folder of a bag.
pub(super) struct BagFolder<'a> {
    /// Its name, as the user gave it.
    pub(super) name: &'a str,
    pub(super) folder: &'a Path,
    pub(super) dir: &'a Dir,
}

impl BagFolder<'_> {
    /// A store for each bucket. What is there is read, whatever its row says.
    pub(super) fn stores(
        &self,
        rows: &[CustodyRow],
        form: SourceForm,
        there: &dyn Fn(&str) -> bool,
    ) -> io::Result<Vec<(Arc<dyn Store>, String)>> {
        let mut buckets: BTreeMap<&str, BTreeMap<String, CustodyRow>> = BTreeMap::new();
        for row in rows {
            let inside = row.path.strip_prefix(OBJECTS).and_then(|rest| rest.split_once('/'));
            let Some((bucket, key)) = inside else { continue };
            // The first of several copies is the one in the bag.
            let objects = buckets.entry(bucket).or_default();
            if row.packed == Packed::Yes || !objects.contains_key(key) {
                let mut row = row.clone();
                if there(&row.path) {
                    row.packed = Packed::Yes;
                }
                objects.insert(key.to_owned(), row);
            }
        }
        let profile = match form {
            SourceForm::Bucket => BagStore::OF_BUCKET,
            SourceForm::Copy => BagStore::OF_COPY,
        };
        let mut stores: Vec<(Arc<dyn Store>, String)> = Vec::new();
        for (bucket, rows) in buckets {
            let path = format!("{OBJECTS}{bucket}");
            // A link, which no bag holds, is not followed out of it.
            let files = match self.dir.symlink_metadata(&path) {
                Ok(found) if found.is_dir() => {
                    Some(DirectoryStore::open(&self.folder.join(path), self.name)?)
                }
                _ => None,
            };
            let bucket = (bucket != NO_BUCKET).then(|| BucketName::parse(bucket).ok()).flatten();
            let store = BagStore::new(self.name.to_owned(), files, bucket, profile, rows);
            stores.push((Arc::new(store), String::new()));
        }
        Ok(stores)
    }
}

/// Opens the objects of a bag that is a folder, as a store for each bucket in it. They are what its
/// custody says; nothing of the bag is checked.
///
/// # Errors
/// When the custody cannot be read.
pub fn open_unchecked(folder: &Path, form: SourceForm) -> io::Result<Vec<Arc<dyn Store>>> {
    let dir = Dir::open_ambient_dir(folder, ambient_authority())?;
    let rows = custody::read(&dir.read(CUSTODY)?)?;
    let name = folder.display().to_string();
    let stores = BagFolder { name: &name, folder, dir: &dir }.stores(&rows, form, &|_| false)?;
    Ok(stores.into_iter().map(|(store, _)| store).collect())
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
