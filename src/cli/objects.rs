//! The file of `--objects`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::Failure;
use super::guard::{OutputGuard, OutputKind};
use super::output::{WholeFile, unwritable};
use crate::report::{ObjectForm, ObjectWriter};
use crate::run::{Observer, RunEvent};

/// The file that a run's objects are written to, in the form that its name asks for.
pub(super) struct ObjectsFile {
    objects: Mutex<ObjectWriter<WholeFile>>,
    path: PathBuf,
}

fn form(path: &Path) -> ObjectForm {
    ObjectForm::of_file(&path.to_string_lossy())
}

/// Refuses a file that this build cannot write, or that would overwrite evidence.
///
/// # Errors
/// With the reason.
pub(super) fn check(path: &Path, guard: &mut OutputGuard) -> Result<(), Failure> {
    let form = form(path);
    if form == ObjectForm::Parquet && cfg!(not(feature = "parquet")) {
        return Err(Failure::usage("this build of trailseal does not write Parquet files").remedy(
            "name a file that ends in .csv or .jsonl, or build with `--features parquet`",
        ));
    }
    guard.check("--objects", path, OutputKind::Objects(form))
}

impl ObjectsFile {
    /// Begins the file; fails at once where it could not be completed.
    ///
    /// # Errors
    /// When nothing can be written there.
    pub(super) fn begin(path: &Path) -> Result<Self, Failure> {
        let objects = ObjectWriter::begin(form(path), WholeFile::begin(path)?);
        let objects = objects.map_err(|error| unwritable(path, &error))?;
        Ok(Self { objects: Mutex::new(objects), path: path.to_owned() })
    }

    /// Completes the file and puts it in its place.
    ///
    /// # Errors
    /// When it cannot be written to its end; then its place holds what it held before.
    pub(super) fn complete(self) -> Result<(), Failure> {
        let objects = self.objects.into_inner().unwrap_or_else(PoisonError::into_inner);
        objects.finish().map_err(|error| unwritable(&self.path, &error))?.complete()
    }
}

impl Observer for ObjectsFile {
    fn observe(&self, event: &RunEvent<'_>) -> io::Result<()> {
        match event {
            RunEvent::Object(record) => {
                let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
                objects.write(record).map_err(|error| {
                    let Failure { message, .. } = unwritable(&self.path, &error);
                    io::Error::new(error.kind(), message)
                })
            }
            _ => Ok(()),
        }
    }
}
