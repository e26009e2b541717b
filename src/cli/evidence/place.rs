//! Places of bags: where one is written to, and where one is read from.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::{NamedTempFile, TempDir};

use crate::cli::Failure;
use crate::cli::output::{place_of, readable_by_others, unwritable};
use crate::model::Printable;
use crate::store::bag::zip;

/// Destination of a bag that is being made: it appears there whole, or not at all.
#[derive(Debug)]
pub(super) struct BagDestination {
    output: PathBuf,
    name: String,
    work: TempDir,
    zip: bool,
}

impl BagDestination {
    /// Checks that a bag can be put there.
    ///
    /// # Errors
    /// When there is something already, or nothing can be written.
    pub(super) fn begin(output: &Path, name: Option<&str>) -> Result<Self, Failure> {
        let shown = output.display().to_string();
        let shown = Printable(&shown);
        if output.symlink_metadata().is_ok() {
            return Err(Failure::usage(format!("{shown}: already exists"))
                .remedy("choose another name, or remove it first"));
        }
        if let Some(other) = other_archive(output) {
            return Err(Failure::usage(format!("{shown}: a bag cannot be written as {other}"))
                .remedy("use FILE.zip or the name of a folder"));
        }
        let zip = output.extension().is_some_and(|e| e.eq_ignore_ascii_case("zip"));
        let stem = if zip { output.file_stem() } else { output.file_name() };
        let is_name =
            |name: &&str| crate::store::bag::is_bag_path(name) && !name.contains(['/', '\\']);
        let Some(name) = name.or_else(|| stem.and_then(|stem| stem.to_str())).filter(is_name)
        else {
            let (name, remedy) = match name {
                Some(name) => (name.to_owned(), "use a name without slashes, such as 2026-07"),
                None => (output.display().to_string(), "use FILE.zip or a folder, or give --name"),
            };
            let message = format!("{}: not a valid name for a bag", Printable(&name));
            return Err(Failure::usage(message).remedy(remedy));
        };
        let parent = output.parent().filter(|p| !p.as_os_str().is_empty());
        let parent = parent.unwrap_or_else(|| Path::new("."));
        let work = tempfile::Builder::new()
            .prefix(".trailseal-")
            .tempdir_in(parent)
            .map_err(|e| unwritable(output, &e))?;
        Ok(Self { output: output.to_owned(), name: name.to_owned(), work, zip })
    }

    /// The bag's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// A folder for work, on the same disk.
    pub(super) fn work(&self) -> &Path {
        self.work.path()
    }

    /// Puts the bag of a folder in its place.
    ///
    /// # Errors
    /// When it cannot be written; then nothing is there.
    pub(super) fn complete(self, bag: &Path) -> Result<(), Failure> {
        let failed = |e: io::Error| unwritable(&self.output, &e);
        if !self.zip {
            // Not over what came there meanwhile; a folder of work is private, a bag is not.
            if self.output.symlink_metadata().is_ok() {
                return Err(failed(io::ErrorKind::AlreadyExists.into()));
            }
            return fs::rename(bag, &self.output).map_err(failed);
        }
        let file = NamedTempFile::new_in(self.work.path()).map_err(failed)?;
        let file = zip::pack(bag, &self.name, file).map_err(failed)?;
        readable_by_others(&file).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist_noclobber(&self.output).map_err(|e| failed(e.error))?;
        Ok(())
    }
}

/// Extension of an archive of another kind than a bag is written as: a folder of this name would
/// pass for one.
fn other_archive(output: &Path) -> Option<String> {
    const OTHERS: [&str; 10] = ["tgz", "tar", "gz", "bz2", "xz", "zst", "tbz2", "txz", "7z", "rar"];
    let extension = output.extension()?.to_str()?.to_ascii_lowercase();
    OTHERS.contains(&extension.as_str()).then(|| format!(".{extension}"))
}

/// A bag that can be read as a folder.
#[derive(Debug)]
pub(super) struct OpenedBag {
    /// The folder or archive that was given.
    place: PathBuf,
    folder: PathBuf,
    /// Folder that an archive was unpacked to, removed in the end.
    unpacked: Option<TempDir>,
}

impl OpenedBag {
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Adds a file, which appears whole or not at all; an archive is replaced by a whole new one.
    ///
    /// # Errors
    /// When it cannot be written, or such a file came there meanwhile.
    pub(super) fn add(&self, path: &str, content: &[u8]) -> Result<(), Failure> {
        let failed = |e: io::Error| unwritable(&self.place, &e);
        let to = self.folder.join(path);
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        if self.unpacked.is_none() {
            // Beside the bag, where a crash leaves nothing in it, if that may be written to.
            let beside = self.place.parent().map(NamedTempFile::new_in).and_then(Result::ok);
            let mut file = match beside {
                Some(file) => file,
                None => NamedTempFile::new_in(&self.folder).map_err(failed)?,
            };
            file.write_all(content).map_err(failed)?;
            readable_by_others(&file).map_err(failed)?;
            file.as_file().sync_all().map_err(failed)?;
            file.persist_noclobber(to).map_err(|e| failed(e.error))?;
            return Ok(());
        }
        fs::write(to, content).map_err(failed)?;
        let name = self.folder.file_name().and_then(|name| name.to_str()).unwrap_or("evidence");
        let parent = self.place.parent().unwrap_or_else(|| Path::new("."));
        let file = NamedTempFile::new_in(parent).map_err(failed)?;
        let file = zip::pack(&self.folder, name, file).map_err(failed)?;
        readable_by_others(&file).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(&self.place).map_err(|e| failed(e.error))?;
        Ok(())
    }
}

/// Opens a bag, unpacking an archive.
///
/// # Errors
/// When it is neither a folder nor an archive of one bag, or there is no room to unpack it.
pub(super) fn open_bag(bag: &Path) -> io::Result<OpenedBag> {
    let place = place_of(bag);
    if bag.is_dir() {
        return Ok(OpenedBag { folder: place.clone(), place, unpacked: None });
    }
    // Opening a pipe would wait for its writer; so the kind is asked first.
    if !bag.metadata()?.is_file() {
        return Err(io::Error::other("neither a folder nor a file"));
    }
    let archive = File::open(bag)?;
    let unpacked = tempfile::Builder::new().prefix("trailseal-").tempdir()?;
    let folder = zip::unpack(archive, unpacked.path())?;
    Ok(OpenedBag { place, folder, unpacked: Some(unpacked) })
}
