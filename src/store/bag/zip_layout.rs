//! The layout of a ZIP archive that is read as a bag.
//!
//! The format lets an archive hold more than its directory shows: data before and after it and
//! between its files, comments, and files whose own header gives another name. Programs that read
//! it from the front or from the back then see different bags. So every byte must belong to a file
//! that the directory names, to the directory, or to the record at the very end.

use std::collections::BTreeSet;
use std::io::{self, Read, Seek, SeekFrom};

use crate::model::Printable;

const END: [u8; 4] = *b"PK\x05\x06";
const END_64: [u8; 4] = *b"PK\x06\x06";
const LOCATOR_64: [u8; 4] = *b"PK\x06\x07";
const CENTRAL: [u8; 4] = *b"PK\x01\x02";
const LOCAL: [u8; 4] = *b"PK\x03\x04";
const DESCRIPTOR: [u8; 4] = *b"PK\x07\x08";

const END_LENGTH: u64 = 22;
const END_64_LENGTH: u64 = 56;
const LOCATOR_64_LENGTH: u64 = 20;
/// The extra field that holds what 32 bits cannot.
const EXTRA_64: u16 = 0x0001;
/// The extra field that gives a file a second name.
const EXTRA_NAME: u16 = 0x7075;
/// The flag of a file whose sizes follow its data.
const HAS_DESCRIPTOR: u16 = 1 << 3;
/// Value of a field that is given in the extra field instead.
const ELSEWHERE: u64 = 0xFFFF_FFFF;

/// One file, as the directory or its own header describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileHeader {
    flags: u16,
    method: u16,
    crc: u32,
    stored: u64,
    size: u64,
}

#[derive(Debug)]
struct ZipEntry {
    at: u64,
    name: Vec<u8>,
    described: FileHeader,
}

/// Little-endian numbers of a record; what lies beyond it is an error.
struct ZipRecord<'a>(&'a [u8]);

impl ZipRecord<'_> {
    fn number(&self, at: usize, bytes: usize) -> io::Result<u64> {
        let part = self.0.get(at..at + bytes).ok_or_else(cut_off)?;
        Ok(part.iter().rev().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
    }

    fn short(&self, at: usize) -> io::Result<u16> {
        u16::try_from(self.number(at, 2)?).map_err(io::Error::other)
    }

    fn long(&self, at: usize) -> io::Result<u32> {
        u32::try_from(self.number(at, 4)?).map_err(io::Error::other)
    }

    fn begins_with(&self, signature: [u8; 4]) -> bool {
        self.0.starts_with(&signature)
    }
}

fn cut_off() -> io::Error {
    io::Error::other("it is not a ZIP archive: a record is truncated")
}

fn refused(name: &[u8], why: &str) -> io::Error {
    io::Error::other(format!("{}: {why}", Printable(&String::from_utf8_lossy(name))))
}

/// Checks that an archive of so many bytes holds what its directory names and nothing else.
///
/// # Errors
/// When it cannot be read, or holds anything else: the message says what.
pub(super) fn check<R: Read + Seek>(archive: &mut R, length: u64) -> io::Result<()> {
    let (entries, directory) = directory(archive, length)?;
    let mut at = 0;
    for entry in entries {
        if entry.at != at {
            let why = match at {
                0 => "there is data before the archive's first file",
                _ if entry.at < at => "it overlaps the file before it",
                _ => "there is unknown data before it",
            };
            return Err(refused(&entry.name, why));
        }
        at = end_of(archive, &entry)?;
    }
    if at != directory {
        let why = "there is unknown data between its files and its directory";
        return Err(io::Error::other(why));
    }
    Ok(())
}

fn read_at<R: Read + Seek>(archive: &mut R, at: u64, length: u64) -> io::Result<Vec<u8>> {
    archive.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    archive.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length { Ok(bytes) } else { Err(cut_off()) }
}

/// The files that the directory names, by their place, and where the directory begins.
fn directory<R: Read + Seek>(archive: &mut R, length: u64) -> io::Result<(Vec<ZipEntry>, u64)> {
    let end = length.checked_sub(END_LENGTH).ok_or_else(cut_off)?;
    let bytes = read_at(archive, end, END_LENGTH)?;
    let record = ZipRecord(&bytes);
    if !record.begins_with(END) || record.short(20)? != 0 {
        return Err(io::Error::other(
            "there is data after the archive, or it has a comment; evidence bags have neither",
        ));
    }
    let several = || io::Error::other("it is one part of a multi-part archive");
    if record.number(4, 2)? != 0 || record.number(6, 2)? != 0 {
        return Err(several());
    }
    let (mut count, mut size, mut start) =
        (record.number(10, 2)?, record.number(12, 4)?, record.number(16, 4)?);
    let mut directory_end = end;
    if let Some(at) = end.checked_sub(LOCATOR_64_LENGTH) {
        let bytes = read_at(archive, at, LOCATOR_64_LENGTH)?;
        let locator = ZipRecord(&bytes);
        if locator.begins_with(LOCATOR_64) {
            directory_end = locator.number(8, 8)?;
            if directory_end.checked_add(END_64_LENGTH) != Some(at) {
                return Err(io::Error::other("there is data between its directory and its end"));
            }
            let bytes = read_at(archive, directory_end, END_64_LENGTH)?;
            let record = ZipRecord(&bytes);
            if !record.begins_with(END_64) || record.number(4, 8)? != END_64_LENGTH - 12 {
                return Err(cut_off());
            }
            if record.number(16, 4)? != 0 || record.number(20, 4)? != 0 {
                return Err(several());
            }
            (count, size, start) =
                (record.number(32, 8)?, record.number(40, 8)?, record.number(48, 8)?);
        }
    }
    if start.checked_add(size) != Some(directory_end) {
        return Err(io::Error::other(
            "there is data before the archive, or between its directory and its end",
        ));
    }
    let bytes = read_at(archive, start, size)?;
    let (mut entries, mut names) = (Vec::new(), BTreeSet::new());
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let (entry, after) = central_entry(rest)?;
        if !names.insert(entry.name.clone()) {
            return Err(refused(&entry.name, "the archive contains two files with this name"));
        }
        entries.push(entry);
        rest = after;
    }
    if entries.len() as u64 != count {
        return Err(io::Error::other("its directory has another number of files than stated"));
    }
    entries.sort_by_key(|entry| entry.at);
    Ok((entries, start))
}

/// The first entry of a directory, and what follows it.
fn central_entry(bytes: &[u8]) -> io::Result<(ZipEntry, &[u8])> {
    let record = ZipRecord(bytes);
    if !record.begins_with(CENTRAL) {
        return Err(io::Error::other("its directory contains entries that are not files"));
    }
    let (name, extra, comment) =
        (usize::from(record.short(28)?), usize::from(record.short(30)?), record.short(32)?);
    let name_end = 46 + name;
    let name = bytes.get(46..name_end).ok_or_else(cut_off)?.to_vec();
    let extra_end = name_end + extra;
    let extra = bytes.get(name_end..extra_end).ok_or_else(cut_off)?;
    if comment != 0 {
        return Err(refused(&name, "it has a comment; files in evidence bags have none"));
    }
    let (size, stored, at) = (record.number(24, 4)?, record.number(20, 4)?, record.number(42, 4)?);
    let [size, stored, at] = wide_numbers(&name, extra, [size, stored, at])?;
    let described = FileHeader {
        flags: record.short(8)?,
        method: record.short(10)?,
        crc: record.long(16)?,
        stored,
        size,
    };
    let rest = bytes.get(extra_end..).unwrap_or_default();
    Ok((ZipEntry { at, name, described }, rest))
}

/// Numbers, each taken from the extra fields where it does not fit 32 bits.
fn wide_numbers<const N: usize>(
    name: &[u8],
    extra: &[u8],
    numbers: [u64; N],
) -> io::Result<[u64; N]> {
    let (mut rest, mut large) = (extra, None);
    while rest.len() >= 4 {
        let field = ZipRecord(rest);
        let (id, end) = (field.short(0)?, 4 + usize::from(field.short(2)?));
        let data = rest.get(4..end).ok_or_else(cut_off)?;
        match id {
            EXTRA_64 => large = Some(data),
            EXTRA_NAME => return Err(refused(name, "the archive gives it a second name")),
            _ => {}
        }
        rest = rest.get(end..).unwrap_or_default();
    }
    let (large, mut at) = (ZipRecord(large.unwrap_or_default()), 0);
    let mut wide = numbers;
    for number in wide.iter_mut().filter(|number| **number == ELSEWHERE) {
        *number = large.number(at, 8)?;
        at += 8;
    }
    Ok(wide)
}

/// Compares a file's own header with the directory; returns where the file ends.
fn end_of<R: Read + Seek>(archive: &mut R, entry: &ZipEntry) -> io::Result<u64> {
    let bytes = read_at(archive, entry.at, 30)?;
    let record = ZipRecord(&bytes);
    if !record.begins_with(LOCAL) {
        return Err(refused(&entry.name, "it is not where the archive's directory says"));
    }
    let (name, extra) = (u64::from(record.short(26)?), u64::from(record.short(28)?));
    let after = read_at(archive, entry.at + 30, name + extra)?;
    let (own, extra) = after
        .split_at_checked(usize::try_from(name).map_err(io::Error::other)?)
        .ok_or_else(cut_off)?;
    if own != entry.name {
        let own = String::from_utf8_lossy(own).into_owned();
        let why = format!("its own header names it {}", Printable(&own));
        return Err(refused(&entry.name, &why));
    }
    let numbers = [record.number(22, 4)?, record.number(18, 4)?];
    let [size, stored] = wide_numbers(&entry.name, extra, numbers)?;
    let (flags, method, crc) = (record.short(6)?, record.short(8)?, record.long(14)?);
    let listed = &entry.described;
    let described = match flags & HAS_DESCRIPTOR {
        // They follow the data.
        0 => FileHeader { flags, method, crc, stored, size },
        _ => FileHeader { flags, method, ..*listed },
    };
    if described != *listed {
        let why = "its own header differs from the archive's directory";
        return Err(refused(&entry.name, why));
    }
    let data = entry.at + 30 + after.len() as u64;
    let end = data.checked_add(listed.stored).ok_or_else(cut_off)?;
    if flags & HAS_DESCRIPTOR == 0 { Ok(end) } else { descriptor(archive, entry, end) }
}

/// The end of the sizes that follow a file's data, in any of the four forms that are in use.
fn descriptor<R: Read + Seek>(archive: &mut R, entry: &ZipEntry, at: u64) -> io::Result<u64> {
    let FileHeader { crc, stored, size, .. } = &entry.described;
    archive.seek(SeekFrom::Start(at))?;
    let mut found = Vec::new();
    archive.take(24).read_to_end(&mut found)?;
    for signature in [&DESCRIPTOR[..], &[]] {
        for width in [8, 4] {
            let number = |number: &u64| number.to_le_bytes().into_iter().take(width);
            let form: Vec<u8> = signature
                .iter()
                .copied()
                .chain(crc.to_le_bytes())
                .chain(number(stored))
                .chain(number(size))
                .collect();
            if found.starts_with(&form) {
                return Ok(at + form.len() as u64);
            }
        }
    }
    Err(refused(&entry.name, "the record after its data differs from the archive's directory"))
}
