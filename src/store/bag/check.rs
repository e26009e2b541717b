//! Check that a bag is whole: every file that its manifests name is there and unaltered, and no other.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Read};
use std::path::Path;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use serde::Serialize;

use super::files::{BagFiles, walk};
use super::{DECLARATION, INFO, MANIFEST, PAYLOAD, SEAL, TAG_MANIFEST, is_bag_path};
use crate::model::hash::Sha256Stream;
use crate::model::{Printable, Sha256Hash};

/// Most bytes that are read of a manifest: one of a million files has some 200 million.
const LARGEST_MANIFEST: u64 = 1 << 30;
/// Most bytes that are read of any other tag file.
const LARGEST_TAG: u64 = 1 << 20;

/// Fault of a bag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct BagFault {
    /// Kind of the fault; stable.
    pub code: &'static str,
    /// The file, as the bag names it.
    pub path: String,
    /// The fault, in a sentence.
    pub message: String,
}

impl BagFault {
    /// A file could not be read: trouble, which contradicts nothing.
    pub const UNREADABLE: &'static str = "bag-unreadable";
    /// A file is of a form that this version does not know.
    pub const NEWER: &'static str = "bag-newer";

    /// True if it contradicts that the bag is whole; else it only leaves something open.
    #[must_use]
    pub fn is_contradiction(&self) -> bool {
        ![Self::UNREADABLE, Self::NEWER].contains(&self.code)
    }

    /// A fault.
    pub fn new(code: &'static str, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, path: path.into(), message: message.into() }
    }
}

impl fmt::Display for BagFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", Printable(&self.path), Printable(&self.message))
    }
}

/// A bag that was read.
#[derive(Debug)]
pub struct CheckedBag {
    /// Its folder.
    pub dir: Dir,
    /// Its faults; empty for an intact bag.
    pub faults: Vec<BagFault>,
    /// Its payload, by path.
    pub payload: BTreeMap<String, Sha256Hash>,
    /// Its tag files, by path, the tag manifest and the seal aside.
    pub tags: BTreeMap<String, Sha256Hash>,
    /// The lines of `bag-info.txt`.
    pub info: Vec<(String, String)>,
    /// The tag manifest, which seals are over.
    pub tag_manifest: Vec<u8>,
}

impl CheckedBag {
    /// A file of the seal, if it is there.
    ///
    /// # Errors
    /// When one is there and cannot be read, or is larger than any is.
    pub fn seal(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match read(&self.dir, &format!("{SEAL}{name}"), LARGEST_TAG) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            result => result.map(Some),
        }
    }

    /// A file of the bag, up to so many bytes.
    ///
    /// # Errors
    /// When it is not there, cannot be read, or is larger.
    pub fn read(&self, path: &str, limit: u64) -> io::Result<Vec<u8>> {
        read(&self.dir, path, limit)
    }

    /// The hash value of a file, by its manifest.
    #[must_use]
    pub fn hash(&self, path: &str) -> Option<&Sha256Hash> {
        self.payload.get(path).or_else(|| self.tags.get(path))
    }

    /// A line of `bag-info.txt`.
    #[must_use]
    pub fn info(&self, label: &str) -> Option<&str> {
        self.info.iter().find(|(l, _)| l.eq_ignore_ascii_case(label)).map(|(_, v)| v.as_str())
    }
}

/// Reads a bag's folder and compares every file with its manifests. `is_seal` accepts the names of
/// files that may lie in `seal/`; `each` receives the size of every file that was read.
///
/// # Errors
/// When the folder cannot be read, or is no bag that this reads: the message says why.
pub fn check(
    root: &Path,
    is_seal: &dyn Fn(&str) -> bool,
    each: &mut dyn FnMut(u64),
) -> io::Result<CheckedBag> {
    let dir = Dir::open_ambient_dir(root, ambient_authority())?;
    let files = walk(&dir)?;
    check_declaration(&dir)?;
    check_form(&files)?;
    let mut faults = Vec::new();
    for path in &files.strange {
        let message = "It is no regular file of a name that can be read.";
        faults.push(BagFault::new("bag-strange", path, message));
    }
    let manifests = Manifests::read(&dir, &mut faults)?;
    manifests.check_paths(&mut faults);
    for (path, expected) in manifests.payload.iter().chain(&manifests.tags) {
        faults.extend(check_file(&dir, path, *expected, each));
    }
    for path in files.sizes.keys() {
        let is_of_seal = path.strip_prefix(SEAL).is_some_and(is_seal);
        if !manifests.contain(path) && path != TAG_MANIFEST && !is_of_seal {
            faults.push(BagFault::new("bag-extra", path, "No manifest names it."));
        }
    }
    let info = match read(&dir, INFO, LARGEST_TAG) {
        Ok(bytes) => labels(&String::from_utf8_lossy(&bytes)),
        Err(_) => Vec::new(),
    };
    faults.extend(check_oxum(&info, &manifests.payload, &files));
    let tag_manifest = read(&dir, TAG_MANIFEST, LARGEST_MANIFEST)?;
    faults.sort();
    let Manifests { payload, tags } = manifests;
    Ok(CheckedBag { dir, faults, payload, tags, info, tag_manifest })
}

/// Refuses a folder whose declaration names a version that is not read.
fn check_declaration(dir: &Dir) -> io::Result<()> {
    let text = read(dir, DECLARATION, LARGEST_TAG)
        .map_err(|error| io::Error::other(format!("it is not a bag: {DECLARATION}: {error}")))?;
    let lines = labels(&String::from_utf8_lossy(&text));
    let value = |label: &str| lines.iter().find(|(l, _)| l == label).map(|(_, v)| v.as_str());
    match (value("BagIt-Version"), value("Tag-File-Character-Encoding")) {
        (Some("0.97" | "1.0"), Some("UTF-8")) => Ok(()),
        (version, encoding) => Err(io::Error::other(format!(
            "{DECLARATION} declares BagIt {} in {}: version 1.0 in UTF-8 is read",
            Printable(version.unwrap_or("of no version")),
            Printable(encoding.unwrap_or("no encoding"))
        ))),
    }
}

/// Refuses bags with parts elsewhere, and manifests of other hash functions.
fn check_form(files: &BagFiles) -> io::Result<()> {
    if files.sizes.contains_key("fetch.txt") {
        return Err(io::Error::other(
            "it is a bag with holes (fetch.txt): nothing is fetched here",
        ));
    }
    let top = files.sizes.keys().filter(|path| !path.contains('/'));
    let mut algorithms = top
        .filter_map(|path| path.strip_prefix("tag").unwrap_or(path).strip_prefix("manifest-"))
        .filter_map(|rest| rest.strip_suffix(".txt"));
    match algorithms.find(|algorithm| *algorithm != "sha256") {
        None => Ok(()),
        Some(other) => Err(io::Error::other(format!(
            "it has a manifest of {}: evidence bags have manifests of sha256 and no others",
            Printable(other)
        ))),
    }
}

/// Hash values of the files of a bag, by path, from its two manifests.
struct Manifests {
    payload: BTreeMap<String, Sha256Hash>,
    tags: BTreeMap<String, Sha256Hash>,
}

impl Manifests {
    fn read(dir: &Dir, faults: &mut Vec<BagFault>) -> io::Result<Self> {
        let payload = manifest(dir, MANIFEST, faults)?;
        let tags = manifest(dir, TAG_MANIFEST, faults)?;
        Ok(Self { payload, tags })
    }

    fn contain(&self, path: &str) -> bool {
        self.payload.contains_key(path) || self.tags.contains_key(path)
    }

    /// Checks that the payload lies in its folder, and that the tag manifest names the files that
    /// every bag has.
    fn check_paths(&self, faults: &mut Vec<BagFault>) {
        for path in self.payload.keys().filter(|path| !path.starts_with(PAYLOAD)) {
            let message = "The manifest of the payload names it, and it lies outside of data/.";
            faults.push(BagFault::new("bag-manifest", path, message));
        }
        let required = [DECLARATION, INFO, MANIFEST];
        for path in required.iter().filter(|path| !self.tags.contains_key(**path)) {
            let message = "The tag manifest does not name it.";
            faults.push(BagFault::new("bag-manifest", *path, message));
        }
    }
}

/// Compares one file with its hash value in a manifest.
fn check_file(
    dir: &Dir,
    path: &str,
    expected: Sha256Hash,
    each: &mut dyn FnMut(u64),
) -> Option<BagFault> {
    let (code, message) = match hash(dir, path) {
        Ok((actual, size)) => {
            each(size);
            if actual == expected {
                return None;
            }
            let message =
                format!("It was altered: the manifest has {expected}, its bytes hash to {actual}.");
            ("bag-altered", message)
        }
        Err(error) => match error.kind() {
            io::ErrorKind::Unsupported => {
                ("bag-strange", "The manifest names it, and it is no regular file.".to_owned())
            }
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                ("bag-missing", "The manifest names it, and it is not there.".to_owned())
            }
            _ => (BagFault::UNREADABLE, format!("It cannot be read: {error}.")),
        },
    };
    Some(BagFault::new(code, path, message))
}

/// Compares the payload with its size and number of files in `bag-info.txt`, if they are there.
fn check_oxum(
    info: &[(String, String)],
    payload: &BTreeMap<String, Sha256Hash>,
    files: &BagFiles,
) -> Option<BagFault> {
    let bytes = |path: &String| files.sizes.get(path).copied().unwrap_or(0);
    let oxum = format!("{}.{}", payload.keys().map(bytes).sum::<u64>(), payload.len());
    let (_, stated) = info.iter().find(|(label, _)| label == "Payload-Oxum")?;
    let message = format!("Payload-Oxum is {stated}, and the payload has {oxum}.");
    (*stated != oxum).then(|| BagFault::new("bag-altered", INFO, message))
}

/// `Label: value` lines; a line that begins with white space goes on with the one before.
fn labels(text: &str) -> Vec<(String, String)> {
    let mut lines: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        if let Some((_, value)) = lines.last_mut()
            && line.starts_with([' ', '\t'])
        {
            value.push(' ');
            value.push_str(line.trim());
        } else if let Some((label, value)) = line.split_once(':') {
            lines.push((label.trim().to_owned(), value.trim().to_owned()));
        }
    }
    lines
}

/// Reads a manifest; each line that cannot be one is a fault.
fn manifest(
    dir: &Dir,
    name: &str,
    faults: &mut Vec<BagFault>,
) -> io::Result<BTreeMap<String, Sha256Hash>> {
    let bytes = read(dir, name, LARGEST_MANIFEST)
        .map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))?;
    let text =
        String::from_utf8(bytes).map_err(|_| io::Error::other(format!("{name} is not UTF-8")))?;
    let mut files = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let mut fault = |message: String| {
            faults.push(BagFault::new(
                "bag-manifest",
                name,
                format!("Line {}: {message}", number + 1),
            ));
        };
        let parts = line.split_once([' ', '\t']);
        let parts = parts.map(|(hash, path)| (hash, path.trim_start_matches([' ', '\t', '*'])));
        let Some((Some(hash), path)) =
            parts.map(|(hash, path)| (Sha256Hash::parse(&hash.to_ascii_lowercase()), path))
        else {
            fault("it is not a SHA-256 hash value and a path.".into());
            continue;
        };
        if !is_bag_path(path) {
            fault(format!("{} leads out of the bag, or is no path.", Printable(path)));
        } else if files.insert(path.to_owned(), hash).is_some() {
            fault(format!("{} is named twice.", Printable(path)));
        }
    }
    Ok(files)
}

/// The hash value and size of a file.
fn hash(dir: &Dir, path: &str) -> io::Result<(Sha256Hash, u64)> {
    let mut file = open(dir, path)?;
    let mut hash = Sha256Stream::default();
    let (mut buffer, mut size) = (vec![0; 64 << 10], 0);
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((hash.finish(), size)),
            n => {
                hash.update(buffer.get(..n).unwrap_or_default());
                size += n as u64;
            }
        }
    }
}

/// Opens a regular file that is reached without a link.
fn open(dir: &Dir, path: &str) -> io::Result<cap_std::fs::File> {
    // Opening a pipe would wait for its writer; so its kind is checked first.
    if !dir.symlink_metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "it is not a regular file"));
    }
    dir.open(path)
}

/// Reads a regular file of up to so many bytes.
fn read(dir: &Dir, path: &str, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(dir, path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::other(format!("it is larger than {limit} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_with_a_file_contradicts_nothing() {
        for (code, contradicts) in [
            (BagFault::UNREADABLE, false),
            (BagFault::NEWER, false),
            ("bag-altered", true),
            ("bag-missing", true),
            ("bag-malformed", true),
        ] {
            assert_eq!(BagFault::new(code, "x", "y").is_contradiction(), contradicts, "{code}");
        }
    }
}
