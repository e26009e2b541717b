//! A directory that is a copy of a bucket or of a part of it.
//!
//! The copy is hostile: names are checked before they become paths, every path is resolved
//! beneath the directory by the capability library (no `..`, no link that leads out), and what is
//! not a regular file is never opened. Metadata lies beside a file as `NAME.metadata.json`. A
//! file whose name lacks the `.gz` of its key (an archive that was unpacked) stands for it.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use jiff::Timestamp;

use super::{
    AbsenceMeaning, Body, Entry, KeptMetadata, Object, ObjectTimes, Profile, Put, Requests, Store,
    StoreError, UnfinishedCopy, WriterGuard, Writes,
};
use crate::model::key_name::{DIGEST_FOLDER, LogKind};
use crate::model::metadata::{SIDECAR_SUFFIX, SIGNATURE};
use crate::model::{BucketName, Metadata};

/// S3 allows 2 KB of user metadata; what head-object prints around it is little more.
const SIDECAR_LIMIT: u64 = 64 << 10;
const GZ: &str = ".gz";
/// The file that marks a copy as unfinished. It lies beside the copied tree and never in it, where
/// a bucket's keys would come to lie.
pub const UNFINISHED: &str = ".trailseal-collect.json";
/// Bytes of a marker that are read: 100,000 keys. A longer one leaves everything open.
const MARKER_LIMIT: u64 = 16 << 20;
/// Bytes of a file that are held while it is written.
const PIECE: usize = 64 << 10;

/// A directory.
#[derive(Debug)]
pub struct DirectoryStore {
    name: String,
    dir: Dir,
    root: File,
    /// Unfinished copy that it is or lies in, once it was looked for.
    unfinished: Option<UnfinishedCopy>,
}

impl DirectoryStore {
    /// Profile of every directory.
    pub const PROFILE: Profile = Profile {
        absence: AbsenceMeaning::WithinReach,
        times: ObjectTimes::Copying,
        metadata: KeptMetadata::Sometimes,
        writes: Writes::IfAbsent,
        requests: Requests::PerProcessor,
    };

    /// Opens a directory; `name` is how the user named it.
    ///
    /// # Errors
    /// When it is not a directory or cannot be opened.
    pub fn open(path: &Path, name: impl Into<String>) -> io::Result<Self> {
        let dir = Dir::open_ambient_dir(path, ambient_authority())?;
        // Whoever verifies a part of a copy verifies what the whole of it lacks too.
        let absolute = std::path::absolute(path)?;
        let unfinished = absolute
            .ancestors()
            .map(|folder| folder.join(UNFINISHED))
            .find(|marker| marker.symlink_metadata().is_ok())
            .map(|marker| {
                let text = read_marker(&marker);
                UnfinishedCopy::of_marker(marker.display().to_string(), text.as_deref())
            });
        Ok(Self { name: name.into(), dir, root: File::open(path)?, unfinished })
    }

    /// Opens a regular file.
    fn open_file(&self, path: &str) -> Result<cap_std::fs::File, StoreError> {
        // Opening a pipe would wait for its writer; so its kind is checked first.
        let metadata = match self.dir.metadata(path).map_err(store_error) {
            // A link that leads nowhere shows that something was, or is, elsewhere.
            Err(StoreError::NotFound) if self.is_behind_a_link(path) => {
                let cause = "a symbolic link in its path is broken";
                return Err(StoreError::Trouble(cause.into()));
            }
            metadata => metadata?,
        };
        if !metadata.is_file() {
            return Err(StoreError::Trouble("it is not a regular file".into()));
        }
        self.dir.open(path).map_err(store_error)
    }

    /// Opens an object's file, or what is left where a client unpacked it.
    fn body(&self, key: &str) -> Result<Body, StoreError> {
        let file = match (self.open_file(key), key.strip_suffix(GZ)) {
            (Err(StoreError::NotFound), Some(unpacked)) => self.open_file(unpacked)?,
            (file, _) => file?,
        };
        Ok(Box::new(file))
    }

    /// True if an absent file, or the deepest existing folder of its path, is a symbolic link.
    fn is_behind_a_link(&self, path: &str) -> bool {
        let folders = path.rmatch_indices('/').filter_map(|(at, _)| path.get(..at));
        let found =
            [path].into_iter().chain(folders).find_map(|p| self.dir.symlink_metadata(p).ok());
        found.is_some_and(|deepest| deepest.is_symlink())
    }

    /// True if a folder, or one on the way to it, is a symbolic link: such a one is no folder of
    /// the copy, and what lies behind it may be what lies elsewhere too.
    fn leads_over_a_link(&self, folder: &str) -> bool {
        let ways = folder.match_indices('/').filter_map(|(at, _)| folder.get(..at));
        let mut known = ways.chain([folder]).map_while(|way| self.dir.symlink_metadata(way).ok());
        known.any(|metadata| metadata.is_symlink())
    }

    fn sidecar(&self, key: &str) -> Result<Metadata, String> {
        let path = format!("{key}{SIDECAR_SUFFIX}");
        let file = match self.open_file(&path) {
            Ok(file) => file,
            Err(StoreError::NotFound) => return Ok(Metadata::default()),
            Err(error) => return Err(format!("{path}: {error}")),
        };
        let mut bytes = Vec::new();
        file.take(SIDECAR_LIMIT + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| format!("{path}: {error}"))?;
        if bytes.len() as u64 > SIDECAR_LIMIT {
            return Err(format!("{path} is larger than {SIDECAR_LIMIT} bytes"));
        }
        Metadata::decode(&bytes).map_err(|error| format!("{path}: {error}"))
    }

    fn exists(&self, path: &str) -> bool {
        self.dir.symlink_metadata(path).is_ok()
    }

    /// Writes the metadata of an object that is to come. What lies there already was left by a run
    /// that was cut off, if its signature is the same; else an object was removed.
    fn put_metadata(&self, key: &str, metadata: &Metadata) -> Result<Put, StoreError> {
        let sidecar = format!("{key}{SIDECAR_SUFFIX}");
        let temporary = self.write_temporary(&sidecar, &mut &*metadata.render())?;
        match self.dir.hard_link(&temporary.path, &self.dir, &sidecar) {
            Ok(()) => return Ok(Put::Created),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(store_error(e)),
        }
        let same = self.sidecar(key).is_ok_and(|m| m.get(SIGNATURE) == metadata.get(SIGNATURE));
        match (self.exists(key), same) {
            (true, _) => Ok(Put::Exists),
            (false, true) => Ok(Put::Created),
            (false, false) => Err(StoreError::Trouble(format!(
                "{sidecar} exists without its object: an object was removed, or a run was interrupted and its log files have changed since. If you know that nothing was removed, delete that file"
            ))),
        }
    }

    fn is_file(&self, path: &str) -> bool {
        self.dir.metadata(path).is_ok_and(|m| m.is_file())
    }

    fn entry(&self, folder: &str, entry: &cap_std::fs::DirEntry) -> Option<Entry> {
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            let key = format!("{folder}{}", name.to_string_lossy());
            let cause = "its name is not UTF-8, so it cannot be a key in a bucket".to_owned();
            return Some(Entry::Unreadable { key, cause });
        };
        let key = format!("{folder}{name}");
        let kind = match entry.file_type() {
            Ok(kind) => kind,
            Err(error) => return Some(Entry::Unreadable { key, cause: error.to_string() }),
        };
        if kind.is_dir() {
            return Some(Entry::Folder(key + "/"));
        }
        // Follows a link, but never out of the directory.
        let metadata = match self.dir.metadata(&key) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !kind.is_symlink() => {
                return None; // gone since it was listed
            }
            Err(error) => {
                let cause = if kind.is_symlink() {
                    format!("it is a symbolic link that is broken or leads outside ({error})")
                } else {
                    error.to_string()
                };
                return Some(Entry::Unreadable { key, cause });
            }
        };
        if metadata.is_dir() {
            let cause =
                "it is a symbolic link to a directory; such links are not followed".to_owned();
            return Some(Entry::Unreadable { key, cause });
        }
        if !metadata.is_file() {
            let cause = "it is neither a file nor a directory".to_owned();
            return Some(Entry::Unreadable { key, cause });
        }
        if let Some(owner) = key.strip_suffix(SIDECAR_SUFFIX)
            && (self.is_file(owner) || owner.strip_suffix(GZ).is_some_and(|o| self.is_file(o)))
            // Among log files, whoever reads the folder reads it too.
            && (is_in_digest_folder(&key) || self.holds_only_metadata(&key))
        {
            return None;
        }
        let modified =
            metadata.modified().ok().and_then(|time| Timestamp::try_from(time.into_std()).ok());
        let unpacked = format!("{key}{GZ}");
        let stands_for =
            key.ends_with(".json") && !key.ends_with(SIDECAR_SUFFIX) && !self.is_file(&unpacked);
        let key = if stands_for { unpacked } else { key };
        Some(Entry::Object { key, size: metadata.len(), modified, md5: None })
    }

    fn holds_only_metadata(&self, path: &str) -> bool {
        self.read_bounded(path, SIDECAR_LIMIT).is_ok_and(|text| Metadata::is_only_metadata(&text))
    }

    /// Writes a file under a name that nobody else uses, to be linked or renamed into place.
    fn write_temporary(
        &self,
        key: &str,
        body: &mut dyn Read,
    ) -> Result<TemporaryFile<'_>, StoreError> {
        let parent = key.rsplit_once('/').map_or("", |(parent, _)| parent);
        if !parent.is_empty() {
            self.dir.create_dir_all(parent).map_err(store_error)?;
        }
        let mut attempt = 0_u32;
        loop {
            let path = format!("{key}.{}-{attempt}.partial", std::process::id());
            match self.dir.open_with(&path, OpenOptions::new().write(true).create_new(true)) {
                Ok(mut file) => {
                    let temporary = TemporaryFile { dir: &self.dir, path };
                    let mut buffer = vec![0; PIECE];
                    loop {
                        let n = match body.read(&mut buffer) {
                            Ok(0) => break,
                            Ok(n) => n,
                            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                            Err(e) => return Err(StoreError::Trouble(e.to_string())),
                        };
                        let piece = buffer.get(..n).unwrap_or_default();
                        file.write_all(piece).map_err(store_error)?;
                    }
                    file.sync_all().map_err(store_error)?;
                    return Ok(temporary);
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists && attempt < 1000 => {
                    attempt += 1
                }
                Err(e) => return Err(store_error(e)),
            }
        }
    }

    /// Writes the marker of an unfinished copy anew; `None` removes it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn mark_unfinished(&self, text: Option<&[u8]>) -> Result<(), StoreError> {
        let Some(text) = text else {
            return match self.dir.remove_file(UNFINISHED) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(store_error(error)),
                _ => Ok(()),
            };
        };
        let temporary = self.write_temporary(UNFINISHED, &mut &*text)?;
        self.dir.rename(&temporary.path, &self.dir, UNFINISHED).map_err(store_error)
    }

    /// The text of the marker of an unfinished copy; `None` where there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn marked_unfinished(&self) -> Result<Option<Vec<u8>>, StoreError> {
        match self.read_bounded(UNFINISHED, MARKER_LIMIT) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(StoreError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read_bounded(&self, path: &str, limit: u64) -> Result<Vec<u8>, StoreError> {
        let mut bytes = Vec::new();
        self.open_file(path)?.take(limit).read_to_end(&mut bytes).map_err(store_error)?;
        Ok(bytes)
    }
}

/// The text of a marker beside the directory's own files; `None` where it is no plain file.
fn read_marker(path: &Path) -> Option<Vec<u8>> {
    path.symlink_metadata().ok().filter(std::fs::Metadata::is_file)?;
    let mut text = Vec::new();
    File::open(path).ok()?.take(MARKER_LIMIT).read_to_end(&mut text).ok()?;
    Some(text)
}

/// A file that is removed when it is dropped; by then it was linked or renamed.
struct TemporaryFile<'a> {
    dir: &'a Dir,
    path: String,
}

impl Drop for TemporaryFile<'_> {
    fn drop(&mut self) {
        let _ = self.dir.remove_file(&self.path);
    }
}

impl Store for DirectoryStore {
    fn name(&self) -> &str {
        &self.name
    }

    fn profile(&self) -> Profile {
        Self::PROFILE
    }

    fn bucket(&self) -> Option<&BucketName> {
        None
    }

    fn list(&self, folder: &str, each: &mut dyn FnMut(Entry)) -> Result<(), StoreError> {
        let entries = if folder.is_empty() {
            self.dir.entries()
        } else {
            let folder = checked_path(folder.trim_end_matches('/'))?;
            if self.leads_over_a_link(folder) {
                let cause = "there is a symbolic link in its path; such links are not followed";
                return Err(StoreError::Trouble(cause.into()));
            }
            self.dir.read_dir(folder)
        };
        for entry in entries.map_err(store_error)? {
            if let Some(entry) = self.entry(folder, &entry.map_err(store_error)?) {
                each(entry);
            }
        }
        Ok(())
    }

    fn get(&self, key: &str) -> Result<Object, StoreError> {
        let key = checked_path(key)?;
        Ok(Object { body: self.body(key)?, metadata: self.sidecar(key) })
    }

    fn get_body(&self, key: &str) -> Result<Body, StoreError> {
        self.body(checked_path(key)?)
    }

    fn unfinished(&self, folder: &str) -> Option<UnfinishedCopy> {
        let folders = folder.match_indices('/').filter_map(|(at, _)| folder.get(..=at));
        self.unfinished.clone().or_else(|| {
            let mut markers = folders.map(|folder| format!("{folder}{UNFINISHED}"));
            let marker = markers.find(|marker| self.exists(marker))?;
            let text = self.read_bounded(&marker, MARKER_LIMIT).ok();
            let shown = format!("{}/{marker}", self.name.trim_end_matches('/'));
            Some(UnfinishedCopy::of_marker(shown, text.as_deref()))
        })
    }

    fn put_new(&self, key: &str, body: &[u8], metadata: &Metadata) -> Result<Put, StoreError> {
        self.put_new_from(key, &mut &*body, metadata)
    }

    fn put_new_from(
        &self,
        key: &str,
        body: &mut dyn Read,
        metadata: &Metadata,
    ) -> Result<Put, StoreError> {
        let key = checked_path(key)?;
        if self.exists(key) {
            return Ok(Put::Exists);
        }
        let temporary = self.write_temporary(key, body)?;
        // Metadata first: a body is never there without its signature, so one that is was altered
        // by somebody else.
        if !metadata.0.is_empty() && self.put_metadata(key, metadata)? == Put::Exists {
            return Ok(Put::Exists);
        }
        // A link, unlike a rename, never replaces what is there.
        match self.dir.hard_link(&temporary.path, &self.dir, key) {
            Ok(()) => Ok(Put::Created),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(Put::Exists),
            Err(e) => Err(store_error(e)),
        }
    }

    fn lock(&self) -> Result<WriterGuard, StoreError> {
        let root = self.root.try_clone().map_err(store_error)?;
        root.lock().map_err(|e| StoreError::Trouble(format!("it cannot be locked: {e}")))?;
        Ok(WriterGuard(Some(root)))
    }
}

impl Drop for WriterGuard {
    fn drop(&mut self) {
        if let Some(file) = &self.0 {
            let _ = file.unlock();
        }
    }
}

/// True if a key can be a path beneath a directory: S3 allows keys that cannot.
#[must_use]
pub fn is_path(key: &str) -> bool {
    let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\0', '\\']);
    key.split('/').all(plain)
}

/// True if a file lies where digests do, whose metadata are read with them:
/// `CloudTrail-Digest/<region>/<YYYY>/<MM>/<DD>/<name>`, and not so below a folder of log files.
/// Folders further up are the copy's own.
pub(super) fn is_in_digest_folder(key: &str) -> bool {
    let of_logs = |part: &str| LogKind::of_folder(part).is_some();
    key.rsplit('/').nth(5) == Some(DIGEST_FOLDER) && !key.split('/').any(of_logs)
}

/// A key as a path beneath the directory, if it can be one.
fn checked_path(key: &str) -> Result<&str, StoreError> {
    if is_path(key) {
        Ok(key)
    } else {
        let cause = "its key is not possible as a path inside a directory";
        Err(StoreError::Trouble(cause.into()))
    }
}

fn store_error(error: io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => StoreError::NotFound,
        io::ErrorKind::StorageFull
        | io::ErrorKind::QuotaExceeded
        | io::ErrorKind::ReadOnlyFilesystem
        | io::ErrorKind::FileTooLarge => StoreError::Unwritable(error.to_string()),
        _ => StoreError::Trouble(error.to_string()),
    }
}
