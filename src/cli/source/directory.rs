//! Directories as sources.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::place::Place;
use crate::cli::Failure;
use crate::model::{AccountId, BucketName, OrganizationId, Printable};
use crate::store::{DirectoryStore, Store};

/// Opens a directory.
pub(super) fn open(source: &str, place: &Place) -> Result<Arc<dyn Store>, Failure> {
    let store = DirectoryStore::open(&place.root, source)
        .map_err(|e| Failure::usage(format!("{}: {e}", Printable(source))))?;
    Ok(Arc::new(store))
}

/// A source that is not there: a directory, or a bucket whose scheme was forgotten.
pub(in crate::cli) fn absent(source: &str, error: &std::io::Error) -> Failure {
    let bucket = source.split('/').next().unwrap_or_default();
    let remedy = match BucketName::parse(bucket) {
        Ok(_) => format!("to read the bucket of this name, use s3://{}", Printable(source)),
        Err(_) => "use a directory with a copy of a bucket, or s3://BUCKET[/PREFIX]".to_owned(),
    };
    Failure::usage(format!("{}: {error}", Printable(source))).remedy(remedy)
}

/// Finds the directory that keys are relative to. A directory inside of an `AWSLogs` is a part of
/// the copy that holds that `AWSLogs`.
pub(super) fn locate(source: &str) -> Result<Place, Failure> {
    let path = std::fs::canonicalize(source).map_err(|e| absent(source, &e))?;
    if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("zip")) && path.is_file() {
        let shown = Printable(source);
        return Err(Failure::usage(format!("{shown}: an archive, not a directory")).remedy(
            format!("unpack it, or if it is an evidence bag, run trailseal evidence check {shown}"),
        ));
    }
    if !path.is_dir() {
        return Err(Failure::usage(format!("{}: not a directory", Printable(source))).remedy(
            "use the directory that contains AWSLogs; for a single digest, use trailseal inspect",
        ));
    }
    let logs = path.ancestors().find(|p| p.file_name().is_some_and(|n| n == "AWSLogs"));
    let Some(root) = logs.and_then(Path::parent) else { return Ok(whole(path)) };
    let inside = path.strip_prefix(root).ok().and_then(Path::to_str).unwrap_or("AWSLogs");
    // A prefix may hold AWSLogs too: below such a one lies what any directory may hold.
    let below = inside.split('/').nth(1);
    let is_part = below
        .is_none_or(|name| AccountId::parse(name).is_ok() || OrganizationId::parse(name).is_ok());
    if is_part {
        Ok(Place { root: root.to_owned(), starts: vec![format!("{inside}/")] })
    } else {
        Ok(whole(path))
    }
}

fn whole(root: PathBuf) -> Place {
    Place { root, starts: vec![String::new()] }
}
