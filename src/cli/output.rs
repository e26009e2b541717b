//! Files that appear whole or not at all.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::Failure;
use crate::model::Printable;

/// A file that is written beside its place and moved there when it is complete.
pub(super) struct WholeFile {
    file: BufWriter<NamedTempFile>,
    path: PathBuf,
}

impl WholeFile {
    /// Begins a file; fails at once where it could not be completed.
    ///
    /// # Errors
    /// When nothing can be written there.
    pub(super) fn begin(path: &Path) -> Result<Self, Failure> {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
        let file = NamedTempFile::new_in(folder.unwrap_or_else(|| Path::new(".")))
            .map_err(|e| unwritable(path, &e))?;
        if path.is_dir() {
            let error = io::Error::from(io::ErrorKind::IsADirectory);
            return Err(unwritable(path, &error));
        }
        Ok(Self { file: BufWriter::new(file), path: path.to_owned() })
    }

    /// Its name, as it was given.
    pub(super) fn shown(&self) -> PathBuf {
        self.path.clone()
    }

    /// Completes the file and puts it in its place, over an older one.
    ///
    /// # Errors
    /// When it cannot be written to its end; then its place holds what it held before.
    pub(super) fn complete(self) -> Result<(), Failure> {
        let Self { file, path } = self;
        let file = file.into_inner().map_err(|e| unwritable(&path, e.error()))?;
        readable_by_others(&file).map_err(|e| unwritable(&path, &e))?;
        file.as_file().sync_all().map_err(|e| unwritable(&path, &e))?;
        file.persist(&path).map_err(|e| unwritable(&path, &e.error))?;
        Ok(())
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

pub(super) fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let name = path.display().to_string();
    let name = Printable(&name);
    Failure::internal(format!("{name}: cannot be written: {error}"))
        .remedy("check that the folder exists, may be written to, and has room")
}

/// Temporary files are private; a report is an ordinary file.
#[cfg(unix)]
pub(super) fn readable_by_others(file: &NamedTempFile) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
pub(super) fn readable_by_others(_: &NamedTempFile) -> io::Result<()> {
    Ok(())
}
