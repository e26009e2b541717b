//! The folder of a query's result: a directory or a part of a bucket.
//!
//! Files stream through a hash, so their size costs time only; of the folder's listing, a few
//! names are kept. A directory is read beneath itself (see [`DirectoryStore`]).

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use super::end::{End, INVALID, NO_SUCH_KEY, SHOWN, trouble};
use crate::cli::Failure;
use crate::cli::INTERRUPTED;
use crate::model::hash::Sha256Stream;
use crate::model::{Printable, Sha256Hash};
use crate::run::pool::Stop;
use crate::source::Opener;
use crate::store::{DirectoryStore, Entry, Store, StoreError};
use crate::verify::query_results::{
    ExportFile, SIGN_FILE, SIGN_FILE_LIMIT, SignFile, passes_for_result,
};

/// Bytes hashed at a time.
const PIECE: usize = 64 << 10;
const GZ: &str = ".gz";

/// Location of a query result.
pub(super) struct ResultFolder {
    store: Arc<dyn Store>,
    /// Prefix of a file's key.
    prefix: String,
    /// Address of the folder, as it is shown before a name.
    shown: String,
    kind: FolderKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum FolderKind {
    Directory,
    Bucket,
}

/// Files in the folder that are not listed.
#[derive(Default)]
pub(super) struct ResultListing {
    /// Files that look like results.
    pub(super) results: NameSample,
    /// Anything else but folders.
    pub(super) others: NameSample,
    /// Cause for which the folder could not be listed.
    pub(super) trouble: Option<String>,
    /// Names of listed files, or the same without `.gz`, that are there.
    there: BTreeSet<String>,
}

/// The first few of many names in their order, and how many there are.
#[derive(Default)]
pub(super) struct NameSample {
    first: BTreeSet<String>,
    count: u64,
}

impl NameSample {
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn add(&mut self, name: &str) {
        self.count += 1;
        self.first.insert(name.to_owned());
        if self.first.len() > SHOWN {
            self.first.pop_last();
        }
    }
}

impl fmt::Display for NameSample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.first.iter().enumerate() {
            write!(f, "{}{}", if i == 0 { "" } else { ", " }, Printable(name))?;
        }
        match self.count.saturating_sub(self.first.len() as u64) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

impl ResultFolder {
    /// A directory.
    pub(super) fn directory(path: &str) -> Result<Self, End> {
        let shown = if path.ends_with('/') { path.to_owned() } else { format!("{path}/") };
        let store = DirectoryStore::open(Path::new(path), path).map_err(|error| {
            let sign_file = format!("{shown}{SIGN_FILE}");
            match error.kind() {
                io::ErrorKind::NotFound => errno("[Errno 2] No such file or directory", &sign_file),
                io::ErrorKind::NotADirectory => errno("[Errno 20] Not a directory", &sign_file),
                _ => trouble(path, &error.to_string()).into(),
            }
        })?;
        let (store, prefix) = (Arc::new(store), String::new());
        Ok(Self { store, prefix, shown, kind: FolderKind::Directory })
    }

    /// A part of a bucket; a prefix takes its closing slash and stays as it is otherwise.
    pub(super) fn bucket(
        opener: &mut Opener,
        bucket: &str,
        mut prefix: String,
    ) -> Result<Self, Failure> {
        if !prefix.is_empty() && !prefix.ends_with('/') {
            prefix.push('/');
        }
        let store = opener.bucket_to_read(bucket, &prefix)?;
        let shown = format!("s3://{bucket}/{prefix}");
        Ok(Self { store, prefix, shown, kind: FolderKind::Bucket })
    }

    /// The bytes of the sign file, perhaps one more than its limit.
    pub(super) fn sign_file(&self, stop: &Stop) -> Result<Vec<u8>, End> {
        let mut bytes = Vec::new();
        let body = self.open(SIGN_FILE)?.take(SIGN_FILE_LIMIT + 1);
        self.read(SIGN_FILE, body, stop, |piece| bytes.extend_from_slice(piece))?;
        Ok(bytes)
    }

    /// The hash value of a listed file's bytes as stored.
    pub(super) fn hash(
        &self,
        file: &ExportFile,
        unlisted: &ResultListing,
        stop: &Stop,
    ) -> Result<Sha256Hash, End> {
        let name = &file.name;
        let unpacked = name.strip_suffix(GZ).filter(|name| unlisted.there.contains(*name));
        // An unpacked file stands for its archive where log files are read; not here.
        if let Some(unpacked) = unpacked
            && !unlisted.there.contains(name)
        {
            let mut end = self.absent(name);
            if let End::Theirs { remarks, .. } = &mut end {
                remarks.push(format!(
                    "{} exists: the hash values are those of the compressed files, so keep the files as they were delivered",
                    Printable(unpacked)
                ));
            }
            return Err(end);
        }
        let mut hash = Sha256Stream::default();
        self.read(name, self.open(name)?, stop, |piece| hash.update(piece))?;
        Ok(hash.finish())
    }

    /// Looks for what the sign file does not list.
    pub(super) fn list(&self, sign_file: &SignFile) -> ResultListing {
        let names = sign_file.files().iter().map(|file| file.name.as_str());
        let listed: BTreeSet<_> = names.collect();
        let unpacked: BTreeSet<_> = listed.iter().filter_map(|n| n.strip_suffix(GZ)).collect();
        let mut unlisted = ResultListing::default();
        let result = self.store.list(&self.prefix, &mut |entry| {
            let (Entry::Object { key, .. } | Entry::Unreadable { key, .. }) = entry else {
                return;
            };
            let name = key.strip_prefix(&self.prefix).unwrap_or(&key);
            // In a directory, JSON without .gz stands for what was unpacked.
            if matches!(name.strip_suffix(GZ).unwrap_or(name), SIGN_FILE | "") {
                return;
            }
            if listed.contains(name) || unpacked.contains(name) {
                unlisted.there.insert(name.to_owned());
            }
            if passes_for_result(name) && !listed.contains(name) {
                unlisted.results.add(name);
            } else if !listed.contains(name) {
                unlisted.others.add(name);
            }
        });
        unlisted.trouble = result.err().map(|error| error.to_string());
        unlisted
    }

    fn open(&self, name: &str) -> Result<Box<dyn Read + Send>, End> {
        match self.store.get(&format!("{}{name}", self.prefix)) {
            Ok(object) => Ok(object.body),
            Err(StoreError::NotFound) => Err(self.absent(name)),
            Err(error) => Err(trouble(&self.show(name), &error.to_string()).into()),
        }
    }

    fn read(
        &self,
        name: &str,
        mut body: impl Read,
        stop: &Stop,
        mut each: impl FnMut(&[u8]),
    ) -> Result<(), End> {
        let mut buffer = vec![0; PIECE];
        loop {
            if stop.is_set() {
                let message = "interrupted: the result was not checked".to_owned();
                return Err(Failure { status: INTERRUPTED, message, remedy: None }.into());
            }
            match body.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(n) => each(buffer.get(..n).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(trouble(&self.show(name), &error.to_string()).into()),
            }
        }
    }

    fn show(&self, name: &str) -> String {
        format!("{}{name}", self.shown)
    }

    /// The AWS CLI's message that a file is not there; it does not name an object.
    fn absent(&self, name: &str) -> End {
        if self.kind == FolderKind::Directory {
            return errno("[Errno 2] No such file or directory", &self.show(name));
        }
        End::Theirs {
            status: NO_SUCH_KEY,
            message: "An error occurred (NoSuchKey) when calling the GetObject operation: The specified key does not exist.".into(),
            remarks: vec![format!("{} does not exist", Printable(&self.show(name)))],
        }
    }
}

/// An error of the operating system, with its path in quotes as Python puts them.
fn errno(error: &str, path: &str) -> End {
    let quote = if path.contains('\'') && !path.contains('"') { '"' } else { '\'' };
    let message = format!("{error}: {quote}{}{quote}", Printable(path));
    End::Theirs { status: INVALID, message, remarks: Vec::new() }
}
