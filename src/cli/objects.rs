//! The file of `--objects`.

use std::io::Write;
use std::path::Path;
#[cfg(feature = "parquet")]
use std::path::PathBuf;

use super::Failure;
use super::guard::{Kind, OutputGuard};
use super::output::WholeFile;
#[cfg(feature = "parquet")]
use super::output::unwritable;
use crate::report::ObjectForm;
#[cfg(feature = "parquet")]
use crate::report::ParquetObjects;

/// The file that a run writes its objects to, in the form that its name asks for.
pub(super) struct ObjectsFile {
    form: ObjectForm,
    file: Open,
}

enum Open {
    Lines(WholeFile),
    #[cfg(feature = "parquet")]
    Parquet(Box<ParquetObjects<WholeFile>>, PathBuf),
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
    guard.check("--objects", path, Kind::Objects(form))
}

impl ObjectsFile {
    /// Begins the file; fails at once where it could not be completed.
    ///
    /// # Errors
    /// When nothing can be written there.
    pub(super) fn begin(path: &Path) -> Result<Self, Failure> {
        let (form, file) = (form(path), WholeFile::begin(path)?);
        let file = match form {
            #[cfg(feature = "parquet")]
            ObjectForm::Parquet => {
                let file = ParquetObjects::begin(file).map_err(|e| unwritable(path, &e))?;
                Open::Parquet(Box::new(file), path.to_owned())
            }
            _ => Open::Lines(file),
        };
        Ok(Self { form, file })
    }

    /// Where the run writes its objects, and in which form.
    pub(super) fn sink(&mut self) -> (&mut (dyn Write + Send), ObjectForm) {
        let file: &mut (dyn Write + Send) = match &mut self.file {
            Open::Lines(file) => file,
            #[cfg(feature = "parquet")]
            Open::Parquet(file, _) => file,
        };
        (file, self.form)
    }

    /// Completes the file and puts it in its place.
    ///
    /// # Errors
    /// When it cannot be written to its end; then its place holds what it held before.
    pub(super) fn complete(self) -> Result<(), Failure> {
        let file = match self.file {
            Open::Lines(file) => file,
            #[cfg(feature = "parquet")]
            Open::Parquet(file, path) => file.finish().map_err(|e| unwritable(&path, &e))?,
        };
        file.complete()
    }
}
