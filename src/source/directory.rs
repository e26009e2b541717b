//! Directories as sources.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::SourceErrorKind;
use super::place::SourcePlace;
use crate::model::{AccountId, OrganizationId};
use crate::store::{DirectoryStore, Store};

/// Opens a directory.
pub(super) fn open(source: &str, place: &SourcePlace) -> Result<Arc<dyn Store>, SourceErrorKind> {
    let store = DirectoryStore::open(&place.root, source).map_err(SourceErrorKind::Directory)?;
    Ok(Arc::new(store))
}

/// The path of a source, which must be a directory.
pub(crate) fn resolve(source: &str) -> Result<PathBuf, SourceErrorKind> {
    let path = std::fs::canonicalize(source).map_err(SourceErrorKind::Directory)?;
    match path.is_dir() {
        true => Ok(path),
        false if is_archive(&path) => Err(SourceErrorKind::Archive),
        false => Err(SourceErrorKind::NotADirectory),
    }
}

/// True if a file is named like an archive of many files.
pub(crate) fn is_archive(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let name = name.to_ascii_lowercase();
    let ends = |end: &str| name.ends_with(end);
    [".zip", ".7z", ".tar", ".tgz", ".tbz2", ".txz", ".tzst"].into_iter().any(ends)
        || name.contains(".tar.")
}

/// Finds the directory that keys are relative to. A directory inside of an `AWSLogs` is a part of
/// the copy that holds that `AWSLogs`.
pub(super) fn locate(source: &str) -> Result<SourcePlace, SourceErrorKind> {
    let path = resolve(source)?;
    let logs = path.ancestors().find(|p| p.file_name().is_some_and(|n| n == "AWSLogs"));
    let Some(root) = logs.and_then(Path::parent) else { return Ok(whole(path)) };
    let inside = path.strip_prefix(root).ok().and_then(Path::to_str).unwrap_or("AWSLogs");
    // A prefix may hold AWSLogs too: below such a one lies what any directory may hold.
    let below = inside.split('/').nth(1);
    let is_part = below
        .is_none_or(|name| AccountId::parse(name).is_ok() || OrganizationId::parse(name).is_ok());
    if is_part {
        Ok(SourcePlace { root: root.to_owned(), starts: vec![format!("{inside}/")] })
    } else {
        Ok(whole(path))
    }
}

fn whole(root: PathBuf) -> SourcePlace {
    SourcePlace { root, starts: vec![String::new()] }
}
