//! Bags (BagIt, RFC 8493): a folder whose payload lies in `data/` and whose manifests give the
//! SHA-256 hash value of every file, so that anyone can tell that it is whole.
//!
//! Bags are written with SHA-256 manifests alone. One that is read is hostile: paths are held to
//! [`is_path`] before they are looked for, every file is opened beneath the folder, and links are
//! not followed. Paths hold no `%` and no control character, so that the manifests are also what
//! `sha256sum -c` reads: RFC 8493 would have such characters encoded, which that does not know.

pub mod check;
mod files;
pub mod zip;
mod zip_layout;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::directory::is_path;
use crate::model::Sha256Hash;

pub use check::{BagFault, CheckedBag};

/// The bag's declaration.
pub const DECLARATION: &str = "bagit.txt";
/// Description, for people.
pub const INFO: &str = "bag-info.txt";
/// The manifest of the payload.
pub const MANIFEST: &str = "manifest-sha256.txt";
/// The manifest of everything else: what is signed.
pub const TAG_MANIFEST: &str = "tagmanifest-sha256.txt";
/// Folder of the payload.
pub const PAYLOAD: &str = "data/";
/// Folder of signatures over the tag manifest, which cannot list them.
pub const SEAL: &str = "seal/";

/// Bytes of the longest name and path that common disks take; paths begin in some folder.
const LONGEST_NAME: usize = 255;
const LONGEST_PATH: usize = 2048;

const DECLARED: &str = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";

/// True if a bag can contain this path.
#[must_use]
pub fn is_bag_path(path: &str) -> bool {
    is_path(path) && !path.contains(|c: char| c.is_control() || c == '%')
}

/// A bag that is being written, in a folder of its own.
#[derive(Debug)]
pub struct BagWriter {
    root: PathBuf,
    payload: BTreeMap<String, Sha256Hash>,
    tags: BTreeMap<String, Sha256Hash>,
    bytes: u64,
}

impl BagWriter {
    /// Begins a bag in an empty folder.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        let (payload, tags) = (BTreeMap::new(), BTreeMap::new());
        Self { root: root.to_owned(), payload, tags, bytes: 0 }
    }

    /// Adds a file of the payload (its path begins with `data/`) or a tag file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, path: &str, content: &[u8]) -> io::Result<()> {
        let at = self.new_file(path)?;
        let mut file = File::options().write(true).create_new(true).open(at)?;
        io::Write::write_all(&mut file, content)?;
        self.record(path, Sha256Hash::of(content), content.len() as u64);
        Ok(())
    }

    /// Moves a file of known hash value and size into the bag.
    ///
    /// # Errors
    /// When it cannot be moved.
    pub fn add_file(
        &mut self,
        path: &str,
        file: &Path,
        hash: Sha256Hash,
        size: u64,
    ) -> io::Result<()> {
        let at = self.new_file(path)?;
        fs::rename(file, at)?;
        self.record(path, hash, size);
        Ok(())
    }

    /// Removes a tag file again.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn remove(&mut self, path: &str) -> io::Result<()> {
        match self.tags.remove(path) {
            Some(_) => fs::remove_file(self.root.join(path)),
            None => Ok(()),
        }
    }

    /// Paths of the payload so far.
    pub fn payload(&self) -> impl Iterator<Item = &str> + Clone {
        self.payload.keys().map(String::as_str)
    }

    /// True if there is a file of this path.
    #[must_use]
    pub fn holds(&self, path: &str) -> bool {
        self.payload.contains_key(path) || self.tags.contains_key(path)
    }

    /// True if a file can be put at a path: its names are short enough for a disk, no folder of it is
    /// a file of the bag, and it is not a folder. A bucket's keys need not be so.
    #[must_use]
    pub fn has_room_for(&self, path: &str) -> bool {
        let short = path.len() < LONGEST_PATH && path.split('/').all(|n| n.len() <= LONGEST_NAME);
        let mut ancestors = path.match_indices('/').filter_map(|(at, _)| path.get(..at));
        let below = format!("{path}/");
        let is_folder = [&self.payload, &self.tags].iter().any(|files| {
            files.range(below.clone()..).next().is_some_and(|(held, _)| held.starts_with(&below))
        });
        short && !is_folder && !ancestors.any(|ancestor| self.holds(ancestor))
    }

    fn new_file(&self, path: &str) -> io::Result<PathBuf> {
        if !is_bag_path(path) || self.holds(path) {
            return Err(io::Error::other(format!("{path} cannot stand in a bag, or is there")));
        }
        let at = self.root.join(path);
        if let Some(folder) = at.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(at)
    }

    fn record(&mut self, path: &str, hash: Sha256Hash, size: u64) {
        match path.starts_with(PAYLOAD) {
            true => {
                self.bytes += size;
                self.payload.insert(path.to_owned(), hash);
            }
            false => {
                self.tags.insert(path.to_owned(), hash);
            }
        }
    }

    /// Writes declaration, information and manifests, anew where they are there already; returns
    /// the tag manifest. `info` are the lines of `bag-info.txt` beside those that every bag has.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn finish(&mut self, as_of: Timestamp, info: &[(&str, String)]) -> io::Result<Vec<u8>> {
        for path in [INFO, DECLARATION, MANIFEST, TAG_MANIFEST] {
            self.remove(path)?;
        }
        let mut text = format!(
            "Bagging-Date: {}\nPayload-Oxum: {}.{}\n",
            as_of.strftime("%Y-%m-%d"),
            self.bytes,
            self.payload.len()
        );
        for (label, value) in info {
            let _ = writeln!(text, "{label}: {}", one_line(value));
        }
        let manifest = render(&self.payload);
        self.add(INFO, text.as_bytes())?;
        self.add(DECLARATION, DECLARED.as_bytes())?;
        self.add(MANIFEST, manifest.as_bytes())?;
        let tags = render(&self.tags).into_bytes();
        self.add(TAG_MANIFEST, &tags)?;
        Ok(tags)
    }
}

/// A value of `bag-info.txt`: one that spans lines would begin another label.
#[must_use]
pub fn one_line(value: &str) -> String {
    value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn render(files: &BTreeMap<String, Sha256Hash>) -> String {
    files.iter().fold(String::new(), |mut text, (path, hash)| {
        let _ = writeln!(text, "{hash}  {path}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_folder_can_hold_beside_the_rest_has_no_room() {
        let folder = tempfile::tempdir().unwrap();
        let mut bag = BagWriter::new(folder.path());
        bag.add("data/a/b", b"x").unwrap();
        for path in ["data/a/c", "data/a/b.c", "data/ab", "b"] {
            assert!(bag.has_room_for(path), "{path}");
        }
        let (name, path) = (format!("data/{}", "n".repeat(256)), "p/".repeat(1024));
        for path in ["data/a/b/c", "data/a/b/c/d", "data/a", "data", &name, &path] {
            assert!(!bag.has_room_for(path), "{path}");
        }
    }
}
