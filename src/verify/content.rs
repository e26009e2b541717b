//! Recognition of files that are not named like log files: what lies below a covered place is
//! judged by what it is.
//!
//! Tools that analyse logs read every file below a folder, whatever its name: what opens as gzip,
//! zstd, bzip2 or JSON is a log file to one of them. Companions that desktops leave beside files
//! are not.

use std::io::{self, BufRead, Read};

use serde::de::IgnoredAny;

use super::inflate::{AlreadyInflated, BodyFault, inflate};
use super::limits::Bounds;
use crate::model::metadata::SIDECAR_SUFFIX;
use crate::model::{Metadata, Sha256Hash};

/// Bytes at the beginning of a file that are looked at.
const BEGINNING: usize = 8 << 10;
/// Bytes of text that are parsed to see if it is JSON, at most.
const PARSED: u64 = 16 << 20;
/// First bytes of the forms of compression that readers of logs undo by content or by ending.
const COMPRESSED: [&[u8]; 8] = [
    b"\x28\xb5\x2f\xfd",   // zstd
    b"BZh",                // bzip2
    b"\xfd7zXZ\0",         // xz
    b"\x04\x22\x4d\x18",   // lz4
    b"\xff\x06\0\0sNaPpY", // snappy, framed
    b"\x02\x21\x4c\x18",   // lz4, legacy
    b"\x1f\x9d",           // compress, which gzip opens
    b"PK\x03\x04",         // zip, of which gzip opens the first file
];
/// Endings of forms of compression that begin with nothing of their own.
const COMPRESSED_ENDINGS: [&str; 4] = [".snappy", ".lzo", ".deflate", ".lz4"];
/// First bytes of companions: AppleDouble, AppleSingle and a Finder's folder settings.
const COMPANIONS: [&[u8]; 3] = [b"\0\x05\x16\x07", b"\0\x05\x16\0", b"\0\0\0\x01Bud1"];
/// First bytes of JSON in UTF-16, after its mark where it has one.
const WIDE: [&[u8]; 4] = [b"{\0", b"[\0", b"\0{", b"\0["];
/// Fields that show text to be CloudTrail's, where it is not JSON throughout.
const FIELDS: [&[u8]; 4] = [b"\"Records\"", b"\"eventName\"", b"\"eventSource\"", b"\"eventTime\""];

/// Nature of a file by its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Compressed data or JSON: a log file to whoever reads the folder. The hash value of the
    /// inflated bytes, where it could be inflated to its end.
    Log(Option<Sha256Hash>),
    /// A desktop's companion of another file.
    Companion,
    /// Compressed data that are cut off: a log file, or a download of one that broke off.
    CutOff,
    /// Metadata as they are saved beside an object.
    Metadata,
    /// No bytes.
    Empty,
    /// Anything else.
    Other,
}

impl Content {
    /// Recognizes a file by its bytes; `name` only tells forms of compression that begin with
    /// nothing of their own, and metadata. With `hash` it is read to its end.
    ///
    /// # Errors
    /// When it cannot be read, which says nothing of what it is.
    pub fn recognize(
        name: &str,
        body: &mut dyn Read,
        bounds: Bounds,
        hash: bool,
    ) -> io::Result<Self> {
        let mut begin = Vec::new();
        (&mut *body).take(BEGINNING as u64).read_to_end(&mut begin)?;
        let starts = |with: &[&[u8]]| with.iter().any(|magic| begin.starts_with(magic));
        if begin.is_empty() {
            return Ok(Self::Empty);
        }
        if starts(&COMPANIONS) {
            return Ok(Self::Companion);
        }
        if begin.starts_with(b"\x1f\x8b") {
            return match hash {
                true => gzip(&mut begin.as_slice().chain(body), bounds),
                false => Ok(Self::Log(None)),
            };
        }
        let skippable = matches!(begin.as_slice(), [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]);
        if starts(&COMPRESSED) || skippable || ends_compressed(name) {
            return Ok(Self::Log(None));
        }
        let text = TextBeginning::of(&begin);
        if text.is_blank && begin.len() == BEGINNING {
            return blank(body);
        }
        if !text.may_be_log() {
            return Ok(Self::Other);
        }
        let whole = begin.len() < BEGINNING;
        if whole && name.ends_with(SIDECAR_SUFFIX) && Metadata::is_only_metadata(&begin) {
            return Ok(Self::Metadata);
        }
        text.parse(begin.as_slice().chain(body), bounds, hash)
    }
}

/// True if a name ends like a form of compression that begins with nothing of its own.
fn ends_compressed(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    COMPRESSED_ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Reads a gzip file to its end.
fn gzip(body: &mut dyn Read, bounds: Bounds) -> io::Result<Content> {
    match inflate(body, bounds, AlreadyInflated::Refuse, &mut |_| {}) {
        Ok(inflated) => Ok(Content::Log(Some(inflated.hash))),
        Err(BodyFault::Trouble(error)) => Err(error),
        Err(BodyFault::CutOff(_)) => Ok(Content::CutOff),
        Err(_) => Ok(Content::Log(None)),
    }
}

/// First bytes of a file that may be text.
struct TextBeginning {
    /// Bytes before the text: a mark of its encoding, and blanks.
    skipped: u64,
    /// True if there is nothing but blanks.
    is_blank: bool,
    /// True if it begins as JSON does.
    begins_json: bool,
    /// True if it begins as JSON in UTF-16 does, or has fields of CloudTrail: a log file, whatever
    /// follows.
    is_log: bool,
}

impl TextBeginning {
    fn of(begin: &[u8]) -> Self {
        let text = begin.strip_prefix(b"\xef\xbb\xbf").unwrap_or(begin).trim_ascii_start();
        let unmarked = begin.strip_prefix(b"\xff\xfe").or(begin.strip_prefix(b"\xfe\xff"));
        let unmarked = unmarked.unwrap_or(begin);
        let wide = WIDE.iter().any(|begins| unmarked.starts_with(begins));
        let has = |field: &&[u8]| begin.windows(field.len()).any(|part| part == *field);
        Self {
            skipped: (begin.len() - text.len()) as u64,
            is_blank: text.is_empty(),
            begins_json: matches!(text.first(), Some(b'{' | b'[')),
            is_log: wide || FIELDS.iter().any(has),
        }
    }

    fn may_be_log(&self) -> bool {
        self.is_log || self.begins_json
    }

    /// Parses the beginning of a whole file, and hashes the file if that is wanted.
    fn parse(&self, whole: impl Read, bounds: Bounds, hash: bool) -> io::Result<Content> {
        if self.is_log && !hash {
            return Ok(Content::Log(None));
        }
        let mut hashed = Hashed { hash: Default::default(), from: whole };
        io::copy(&mut (&mut hashed).take(self.skipped), &mut io::sink())?;
        let is_json = begins_json(&mut (&mut hashed).take(PARSED))?;
        if !self.is_log && !is_json {
            return Ok(Content::Other);
        }
        if !hash {
            return Ok(Content::Log(None));
        }
        io::copy(&mut (&mut hashed).take(bounds.inflated), &mut io::sink())?;
        Ok(Content::Log(Some(hashed.hash.finish())))
    }
}

/// Recognizes a file that begins with blanks, by what comes after them.
fn blank(body: &mut dyn Read) -> io::Result<Content> {
    let mut body = io::BufReader::new(body.take(PARSED));
    loop {
        let spent = body.get_ref().limit() == 0;
        let part = body.fill_buf()?;
        let blanks = part.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        match part.get(blanks) {
            Some(b'{' | b'[') => break,
            Some(_) => return Ok(Content::Other),
            None if part.is_empty() && spent => break,
            None if part.is_empty() => return Ok(Content::Other),
            None => body.consume(blanks),
        }
    }
    Ok(Content::Log(None))
}

/// True if text begins with a JSON value, or with as much of one as is read.
fn begins_json(from: &mut io::Take<impl Read>) -> io::Result<bool> {
    let reader = io::BufReader::new(&mut *from);
    let first = serde_json::Deserializer::from_reader(reader).into_iter::<IgnoredAny>().next();
    match first {
        Some(Err(error)) if error.is_io() => Err(error.into()),
        Some(Err(error)) => Ok(error.is_eof() && from.limit() == 0),
        Some(Ok(_)) => Ok(true),
        None => Ok(false),
    }
}

/// Hashes what is read.
struct Hashed<R> {
    hash: crate::model::hash::Sha256Stream,
    from: R,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.from.read(buffer)?;
        self.hash.update(buffer.get(..n).unwrap_or_default());
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, GzBuilder};
    use std::io::Write;

    const MIB: Bounds = Bounds { stored: 1 << 20, inflated: 1 << 20 };
    const TEXT: &str = r#"{"Records":[]}"#;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzBuilder::new().write(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn of(name: &str, bytes: &[u8]) -> Content {
        Content::recognize(name, &mut &*bytes, MIB, true).unwrap()
    }

    #[test]
    fn what_opens_is_a_log_file_whatever_its_name() {
        let hash = Content::Log(Some(Sha256Hash::of(TEXT.as_bytes())));
        for name in ["x.json.gz", "x", "x.GZ", "._x.json.gz", ".DS_Store", "x.part", "x.txt"] {
            assert_eq!(of(name, &gzip(TEXT.as_bytes())), hash, "{name}");
            assert_eq!(of(name, TEXT.as_bytes()), hash, "{name}");
        }
        for bytes in [
            &b"\x28\xb5\x2f\xfd...."[..],
            b"BZh91AY",
            b"\xfd7zXZ\0...",
            b"\x04\x22\x4d\x18..",
            b"\xff\x06\0\0sNaPpY..",
        ] {
            assert_eq!(of("x", bytes), Content::Log(None));
        }
        assert_eq!(of("x.json.snappy", b"\x10abc"), Content::Log(None));
        for text in [
            " \n{\"a\":1}\n{\"b\":2}",
            "[1]",
            "\u{feff}{}",
            "\u{feff} [{}]",
            r#"{"Records":[{"eventName":"#,
        ] {
            let hash = Content::Log(Some(Sha256Hash::of(text.as_bytes())));
            assert_eq!(of("x", text.as_bytes()), hash, "{text}");
        }
        let wide: Vec<u8> = "\u{feff}{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(matches!(of("x", &wide), Content::Log(_)));
        assert!(matches!(of("x", &wide[2..]), Content::Log(_)), "without its mark");
        for blanks in [10, 4_095, 4_096, 8_192, 100_000] {
            let text = format!("{}{TEXT}", " \n".repeat(blanks));
            assert!(matches!(of("x", text.as_bytes()), Content::Log(_)), "{blanks}");
            let text = " ".repeat(blanks);
            assert_eq!(of("x", text.as_bytes()), Content::Other, "{blanks}");
        }
        for text in ["# of today\n{\"eventName\":\"x\"}\n", "PK\x03\x04..", "\x50\x2a\x4d\x18...."]
        {
            assert!(matches!(of("x.txt", text.as_bytes()), Content::Log(_)), "{text}");
        }
        for hidden in [
            r#"{"Metadata":{"signature":"ab"},"\u0052ecords":[{}]}"#.to_owned(),
            format!(r#"{{"Metadata":{{}}}}{}{TEXT}"#, " ".repeat(9_000)),
        ] {
            let content = of("x.json.gz.metadata.json", hidden.as_bytes());
            assert!(matches!(content, Content::Log(_)), "{hidden:.80}");
        }
        let long = format!("[{}]", "0,".repeat(40_000) + "0");
        assert_eq!(of("x", long.as_bytes()), Content::Log(Some(Sha256Hash::of(long.as_bytes()))));
    }

    #[test]
    fn companions_and_other_files_are_none() {
        let apple = [&b"\0\x05\x16\x07\0\x02\0\0Mac OS X        "[..], &[0; 60]].concat();
        assert_eq!(of("._x.json.gz", &apple), Content::Companion);
        assert_eq!(of(".DS_Store", b"\0\0\0\x01Bud1\0\0"), Content::Companion);
        assert_eq!(of("x.json.gz", b""), Content::Empty);
        for other in ["# Notes", "[see](there)", "{not json", "hello", "\u{feff}"] {
            assert_eq!(of("x.gz", other.as_bytes()), Content::Other, "{other}");
        }
        let whole = gzip(TEXT.as_bytes());
        let cut = &whole[..whole.len() - 3];
        assert_eq!(of("x.json.gz.part", cut), Content::CutOff);
        assert_eq!(of("x.json.gz", cut), Content::CutOff);
        assert_eq!(of("x.part", &whole), Content::Log(Some(Sha256Hash::of(TEXT.as_bytes()))));
        let metadata = br#"{"Metadata":{"signature":"ab"}}"#;
        assert_eq!(of("x.json.gz.metadata.json", metadata), Content::Metadata);
        assert!(matches!(of("x.metadata.json", TEXT.as_bytes()), Content::Log(_)));
        assert!(matches!(of("x.json", metadata), Content::Log(_)));
    }

    #[test]
    fn trouble_says_nothing_of_what_it_is() {
        struct Breaks;
        impl Read for Breaks {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::ConnectionReset.into())
            }
        }
        let whole = gzip(TEXT.as_bytes());
        for begin in [&b""[..], &whole[..10], b"{\"a\":", b"[1,"] {
            let result = Content::recognize("x", &mut begin.chain(Breaks), MIB, true);
            assert!(result.is_err(), "{begin:?}");
        }
    }
}
