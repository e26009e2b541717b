//! The file of `--objects`.

use std::io::Write;
use std::path::Path;

use super::Failure;
use super::guard::{Kind, OutputGuard};
use super::output::WholeFile;
use crate::report::ObjectForm;

/// The file that a run writes its objects to, in the form that its name asks for.
pub(super) struct ObjectsFile {
    form: ObjectForm,
    file: Box<dyn Output>,
}

/// A file that takes the lines of objects.
trait Output: Write + Send {
    /// Completes the file and puts it in its place.
    fn complete(self: Box<Self>) -> Result<(), Failure>;
}

impl Output for WholeFile {
    fn complete(self: Box<Self>) -> Result<(), Failure> {
        WholeFile::complete(*self)
    }
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
        let form = form(path);
        let file: Box<dyn Output> = match form {
            #[cfg(feature = "parquet")]
            ObjectForm::Parquet => Box::new(parquet::Table::begin(path)?),
            _ => Box::new(WholeFile::begin(path)?),
        };
        Ok(Self { form, file })
    }

    /// Where the run writes its objects, and in which form.
    pub(super) fn sink(&mut self) -> (&mut (dyn Write + Send), ObjectForm) {
        (&mut *self.file, self.form)
    }

    /// Completes the file and puts it in its place.
    ///
    /// # Errors
    /// When it cannot be written to its end; then its place holds what it held before.
    pub(super) fn complete(self) -> Result<(), Failure> {
        self.file.complete()
    }
}

#[cfg(feature = "parquet")]
mod parquet {
    use std::io::{self, Write};
    use std::path::{Path, PathBuf};

    use super::Output;
    use crate::cli::Failure;
    use crate::cli::output::{WholeFile, unwritable};
    use crate::report::ParquetObjects;

    pub(super) struct Table {
        objects: ParquetObjects<WholeFile>,
        path: PathBuf,
    }

    impl Table {
        pub(super) fn begin(path: &Path) -> Result<Self, Failure> {
            let objects = ParquetObjects::begin(WholeFile::begin(path)?);
            let objects = objects.map_err(|error| unwritable(path, &error))?;
            Ok(Self { objects, path: path.to_owned() })
        }
    }

    impl Write for Table {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.objects.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            self.objects.flush()
        }
    }

    impl Output for Table {
        fn complete(self: Box<Self>) -> Result<(), Failure> {
            let Self { objects, path } = *self;
            objects.finish().map_err(|error| unwritable(&path, &error))?.complete()
        }
    }
}
