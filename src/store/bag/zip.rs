//! A bag as one file. It is stored, not compressed (log files are gzip already), and every entry
//! has the same time, so that the same bag is the same bytes.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipArchive, ZipWriter};

use super::{is_bag_path, zip_layout};
use crate::model::Printable;

/// Largest size that an archive may unpack to, as a multiple of its own and a little more: bags hold
/// little that compresses well, unlike an archive that is made to fill a disk.
const EXPANSION: u64 = 100;
const LITTLE: u64 = 64 << 20;

/// Writes a folder as an archive in which all lies below one folder of this name.
///
/// # Errors
/// When the folder cannot be read or the archive not be written.
pub fn pack<W: Write + Seek>(folder: &Path, name: &str, out: W) -> io::Result<W> {
    let dir = cap_std::fs::Dir::open_ambient_dir(folder, cap_std::ambient_authority())?;
    let files = super::files::walk(&dir)?;
    let mut archive = ZipWriter::new(BufWriter::new(out));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .unix_permissions(0o644);
    for (path, size) in files.sizes {
        let options = options.large_file(size >= u64::from(u32::MAX) - 1);
        archive.start_file(format!("{name}/{path}"), options)?;
        io::copy(&mut File::open(folder.join(&path))?, &mut archive)?;
    }
    archive.finish()?.into_inner().map_err(io::IntoInnerError::into_error)
}

/// Unpacks an archive that holds one bag into an empty folder, and returns where the bag is in it.
///
/// # Errors
/// When it is no such archive, or the folder cannot hold it: the message says why.
pub fn unpack(archive: File, into: &Path) -> io::Result<std::path::PathBuf> {
    let stored = archive.metadata()?.len();
    let mut left = stored.saturating_mul(EXPANSION).saturating_add(LITTLE);
    let no_archive = |error| io::Error::other(format!("it is not a ZIP archive: {error}"));
    let archive = ZipArchive::new(BufReader::new(archive)).map_err(no_archive)?;
    if archive.has_duplicate_names() {
        return Err(io::Error::other("it contains two files with the same name"));
    }
    let mut reader = archive.into_inner();
    zip_layout::check(&mut reader, stored)?;
    let mut archive = ZipArchive::new(reader).map_err(no_archive)?;
    let mut top = None;
    for number in 0..archive.len() {
        let mut entry = archive.by_index(number)?;
        let name = entry.name()?.into_owned();
        let shown = Printable(&name);
        if entry.is_dir() {
            continue;
        }
        let refused = |why: &str| io::Error::other(format!("{shown}: {why}"));
        if entry.is_symlink() || !entry.is_file() {
            return Err(refused("it is not a regular file"));
        }
        let Some((first, _)) = name.split_once('/').filter(|_| is_bag_path(&name)) else {
            return Err(refused("it is outside the bag"));
        };
        if top.get_or_insert_with(|| first.to_owned()) != first {
            return Err(refused("it is outside the bag"));
        }
        let at = into.join(&name);
        if let Some(folder) = at.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = File::options().write(true).create_new(true).open(at)?;
        let copied = io::copy(&mut entry.by_ref().take(left.saturating_add(1)), &mut file)
            .map_err(|error| refused(&error.to_string()))?;
        left = left.checked_sub(copied).ok_or_else(|| {
            io::Error::other(format!(
                "it unpacks to more than {EXPANSION} times its size, unlike any evidence bag"
            ))
        })?;
    }
    top.map(|top| into.join(top)).ok_or_else(|| io::Error::other("it contains no files"))
}
