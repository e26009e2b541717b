//! Reads public keys from files, folders of files and standard input.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::crypto::{KEY_FILE_LIMIT, KeyFileError, PublicKey, parse_key_file};
use crate::model::Printable;

/// Error in obtaining public keys.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// No key was given for a directory, which holds none.
    #[error("no public keys: a directory cannot be verified without them")]
    NotGiven,
    /// A file or folder that cannot be read.
    #[error("cannot read {}: {cause}", Printable(.file))]
    Unreadable {
        /// The file or folder.
        file: String,
        /// The reason.
        cause: io::Error,
    },
    /// A file that holds something else than acceptable public keys.
    #[error(transparent)]
    Refused(#[from] KeyFileError),
    /// A folder without a key file.
    #[error("{}: contains no public key", Printable(.folder))]
    EmptyFolder {
        /// The folder.
        folder: String,
    },
}

/// Endings of the names of key files.
pub const KEY_FILE_ENDINGS: [&str; 5] = ["json", "pem", "der", "crt", "cer"];
/// Part of every private key in PEM.
const PRIVATE: &[u8] = b"PRIVATE KEY-----";

/// Reads the public keys of a file, of every key file in a folder, or of standard input (`-`).
///
/// # Errors
/// When it cannot be read, or holds something else than public keys.
pub fn read_key_file(path: &Path) -> Result<Vec<PublicKey>, KeysError> {
    if path.is_dir() {
        return read_key_folder(path);
    }
    let name = match path == Path::new("-") {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    };
    let bytes = read_bounded(path, &name)?;
    Ok(parse_key_file(&name, &bytes)?)
}

fn read_bounded(path: &Path, name: &str) -> Result<Vec<u8>, KeysError> {
    let input = || -> io::Result<Box<dyn io::Read>> {
        Ok(match path == Path::new("-") {
            true => Box::new(io::stdin()),
            false => Box::new(File::open(path)?),
        })
    };
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file that is too large, without reading all of it.
    input()
        .and_then(|input| input.take(KEY_FILE_LIMIT as u64 + 1).read_to_end(&mut bytes))
        .map_err(|cause| KeysError::Unreadable { file: name.to_owned(), cause })?;
    Ok(bytes)
}

/// Reads every key file of a folder in the order of their names. Private keys in it are left alone.
fn read_key_folder(folder: &Path) -> Result<Vec<PublicKey>, KeysError> {
    let name = folder.display().to_string();
    let unreadable = |cause| KeysError::Unreadable { file: name.clone(), cause };
    let is_key_file = |path: &PathBuf| {
        let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
        ending.is_some_and(|ending| KEY_FILE_ENDINGS.iter().any(|known| ending == *known))
    };
    let paths = fs::read_dir(folder).map_err(unreadable)?.map(|entry| Ok(entry?.path()));
    let mut paths: Vec<_> = paths.collect::<io::Result<_>>().map_err(unreadable)?;
    paths.retain(is_key_file);
    paths.sort();
    let mut keys = Vec::new();
    for path in paths {
        let name = path.display().to_string();
        let bytes = read_bounded(&path, &name)?;
        if !bytes.windows(PRIVATE.len()).any(|part| part == PRIVATE) {
            keys.extend(parse_key_file(&name, &bytes)?);
        }
    }
    match keys.is_empty() {
        true => Err(KeysError::EmptyFolder { folder: name }),
        false => Ok(keys),
    }
}
