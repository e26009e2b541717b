//! Files that appear whole or not at all.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::Failure;
use super::streams::Pipe;
use crate::model::Printable;

/// A file that is written beside its place and moved there when it is complete. What is no file
/// but a device or a pipe is written to as it is: it must not become one.
pub(super) struct WholeFile {
    file: Sink,
    path: PathBuf,
    /// Path at which it appears, as it was when it began.
    place: PathBuf,
}

enum Sink {
    Beside(BufWriter<NamedTempFile>),
    Straight(Pipe<BufWriter<File>>),
}

/// Path of a file, whatever name it is given: links are followed, to be written through.
pub(super) fn place_of(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    let beside = || {
        let folder = folder.unwrap_or_else(|| Path::new(".")).canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    };
    path.canonicalize().ok().or_else(beside).unwrap_or_else(|| path.to_owned())
}

impl WholeFile {
    /// Begins a file; fails at once where it could not be completed.
    ///
    /// # Errors
    /// When nothing can be written there.
    pub(super) fn begin(path: &Path) -> Result<Self, Failure> {
        let failed = |e: io::Error| unwritable(path, &e);
        let place = place_of(path);
        let file = match path.metadata() {
            Ok(found) if found.is_dir() => {
                return Err(failed(io::ErrorKind::IsADirectory.into()));
            }
            Ok(found) if !found.is_file() => {
                let file = File::options().write(true).open(path).map_err(failed)?;
                Sink::Straight(Pipe::new(BufWriter::new(file)))
            }
            _ => {
                let folder = place.parent().filter(|p| !p.as_os_str().is_empty());
                let folder = folder.unwrap_or_else(|| Path::new("."));
                folder.metadata().map_err(failed)?;
                // Its error would name the temporary file.
                let file = NamedTempFile::new_in(folder).map_err(|e| failed(e.kind().into()))?;
                Sink::Beside(BufWriter::new(file))
            }
        };
        Ok(Self { file, path: path.to_owned(), place })
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
        let Self { file, path, place } = self;
        let failed = |e: &io::Error| unwritable(&path, e);
        let file = match file {
            Sink::Beside(file) => file.into_inner().map_err(|e| failed(e.error()))?,
            Sink::Straight(mut file) => return file.flush().map_err(|e| failed(&e)),
        };
        readable_by_others(&file).map_err(|e| failed(&e))?;
        file.as_file().sync_all().map_err(|e| failed(&e))?;
        file.persist(&place).map_err(|e| failed(&e.error))?;
        Ok(())
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.file {
            Sink::Beside(file) => file.write(bytes),
            Sink::Straight(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.file {
            Sink::Beside(file) => file.flush(),
            Sink::Straight(file) => file.flush(),
        }
    }
}

pub(super) fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let name = path.display().to_string();
    let name = Printable(&name);
    Failure::internal(format!("{name}: cannot be written: {error}"))
        .remedy("check that the folder exists, is writable, and has enough space")
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
