//! Reading the JSON of a digest, one log file after the other.
//!
//! The text is hostile and may be long. A short one is read whole; a longer one is parsed as it
//! comes in, so that memory holds one entry of it and no more. Both ways share every rule.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufReader, Cursor, Read};

use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde::{Deserialize, de};

use super::{
    DigestError, DigestHead, HASH_ALGORITHM, LogEntry, SIGNATURE_ALGORITHM, optional_moment,
    previous, wrong,
};
use crate::model::hash::Sha256Hash;
use crate::model::ids::{AccountId, Fingerprint};
use crate::model::json::FromObject;

/// Largest digest that is read whole, in bytes; also the longest token, and the deepest nesting,
/// of a longer one, because the parser keeps those in memory.
const WHOLE: usize = 128 << 10;
/// Longest text of a field that is kept. Keys of S3 have at most 1,024 bytes, and the signature of
/// a key of 8,192 bits 2,048.
const LONGEST_TEXT: usize = 4096;
const BUFFER: usize = 16 << 10;

impl DigestHead {
    /// Reads the inflated bytes of a digest and hands over the log files that it lists, in its
    /// order. Whatever was handed over is part of a digest only if no error follows.
    ///
    /// Unknown fields are allowed (they are signed all the same); a field that is missing, given
    /// twice or of another form is not. Memory does not grow with the bytes.
    ///
    /// # Errors
    /// Fault of the bytes.
    pub fn read(from: &mut dyn Read, each: &mut dyn FnMut(LogEntry)) -> Result<Self, DigestError> {
        let mut begin = Vec::new();
        let limit = WHOLE as u64 + 1;
        (&mut *from).take(limit).read_to_end(&mut begin).map_err(|e| not_json(&e))?;
        if begin.len() <= WHOLE {
            return parse(serde_json::Deserializer::from_slice(&begin), each);
        }
        let all = BoundedTokens::new(Cursor::new(begin).chain(from));
        parse(serde_json::Deserializer::from_reader(BufReader::with_capacity(BUFFER, all)), each)
    }
}

fn parse<'de, R: serde_json::de::Read<'de>>(
    mut json: serde_json::Deserializer<R>,
    each: &mut dyn FnMut(LogEntry),
) -> Result<DigestHead, DigestError> {
    let mut fault = None;
    let texts = Document { each, fault: &mut fault }.deserialize(&mut json);
    let texts = texts.map_err(|e| not_json(&e))?;
    json.end().map_err(|e| not_json(&e))?;
    texts.head(fault)
}

fn not_json(error: &dyn fmt::Display) -> DigestError {
    DigestError::Json(error.to_string().chars().take(200).collect())
}

const ACCOUNT: &str = "awsAccountId";
const START: &str = "digestStartTime";
const END: &str = "digestEndTime";
const BUCKET: &str = "digestS3Bucket";
const OBJECT: &str = "digestS3Object";
const FINGERPRINT: &str = "digestPublicKeyFingerprint";
const ALGORITHM: &str = "digestSignatureAlgorithm";
const NEWEST: &str = "newestEventTime";
const OLDEST: &str = "oldestEventTime";
const PREVIOUS_BUCKET: &str = "previousDigestS3Bucket";
const PREVIOUS_OBJECT: &str = "previousDigestS3Object";
const PREVIOUS_HASH: &str = "previousDigestHashValue";
const PREVIOUS_ALGORITHM: &str = "previousDigestHashAlgorithm";
const PREVIOUS_SIGNATURE: &str = "previousDigestSignature";
const LOG_FILES: &str = "logFiles";

/// Fields that hold a text.
const REQUIRED: [&str; 7] = [ACCOUNT, START, END, BUCKET, OBJECT, FINGERPRINT, ALGORITHM];
/// Fields that hold a text or null, and must be there.
const NULLABLE: [&str; 7] = [
    NEWEST,
    OLDEST,
    PREVIOUS_BUCKET,
    PREVIOUS_OBJECT,
    PREVIOUS_HASH,
    PREVIOUS_ALGORITHM,
    PREVIOUS_SIGNATURE,
];

/// The texts of all fields but the list of log files.
#[derive(Default)]
struct Texts {
    required: [Option<String>; REQUIRED.len()],
    nullable: [Option<Option<String>>; NULLABLE.len()],
    log_files: bool,
}

impl Texts {
    fn missing(&self) -> Option<&'static str> {
        let required = REQUIRED.iter().zip(&self.required).find(|(_, text)| text.is_none());
        let nullable = NULLABLE.iter().zip(&self.nullable).find(|(_, text)| text.is_none());
        let name = required.map(|(name, _)| *name).or(nullable.map(|(name, _)| *name));
        name.or((!self.log_files).then_some(LOG_FILES))
    }

    fn required(&mut self, field: &str) -> String {
        let all = REQUIRED.iter().zip(&mut self.required);
        all.filter(|(name, _)| **name == field)
            .find_map(|(_, text)| text.take())
            .unwrap_or_default()
    }

    fn nullable(&mut self, field: &str) -> Option<String> {
        let all = NULLABLE.iter().zip(&mut self.nullable);
        all.filter(|(name, _)| **name == field).find_map(|(_, text)| text.take()).flatten()
    }

    /// Checks the form of each field; `fault` is the first one of the listed log files.
    fn head(mut self, fault: Option<DigestError>) -> Result<DigestHead, DigestError> {
        let account = self.required(ACCOUNT);
        let account =
            AccountId::parse(&account).map_err(|_| wrong(ACCOUNT, &account, "12 digits"))?;
        let start = super::moment(START, &self.required(START))?;
        let end_text = self.required(END);
        let end = super::moment(END, &end_text)?;
        if start >= end {
            return Err(wrong(END, &end_text, "after digestStartTime"));
        }
        let algorithm = self.required(ALGORITHM);
        if algorithm != SIGNATURE_ALGORITHM {
            return Err(wrong(ALGORITHM, &algorithm, SIGNATURE_ALGORITHM));
        }
        let fingerprint = self.required(FINGERPRINT);
        let fingerprint = Fingerprint::parse(&fingerprint)
            .map_err(|_| wrong(FINGERPRINT, &fingerprint, "32 lower-case hex digits"))?;
        let previous = previous(
            self.nullable(PREVIOUS_BUCKET),
            self.nullable(PREVIOUS_OBJECT),
            self.nullable(PREVIOUS_HASH),
            self.nullable(PREVIOUS_ALGORITHM),
            self.nullable(PREVIOUS_SIGNATURE),
        )?;
        fault.map_or(Ok(()), Err)?;
        Ok(DigestHead {
            account,
            start,
            end,
            bucket: self.required(BUCKET),
            object: self.required(OBJECT),
            fingerprint,
            newest: optional_moment(NEWEST, self.nullable(NEWEST).as_deref())?,
            oldest: optional_moment(OLDEST, self.nullable(OLDEST).as_deref())?,
            previous,
        })
    }
}

/// Reads the object that a digest is.
struct Document<'e> {
    each: &'e mut dyn FnMut(LogEntry),
    fault: &'e mut Option<DigestError>,
}

impl<'de> DeserializeSeed<'de> for Document<'_> {
    type Value = Texts;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Texts, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Document<'_> {
    type Value = Texts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the object of a digest")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Texts, A::Error> {
        let Self { each, fault } = self;
        let mut texts = Texts::default();
        while let Some(field) = map.next_key_seed(FieldName)? {
            match field {
                Field::Required(name, at) => {
                    let slot = texts.required.get_mut(at).filter(|slot| slot.is_none());
                    let slot = slot.ok_or_else(|| A::Error::duplicate_field(name))?;
                    let Text(text) = map.next_value()?;
                    *slot = Some(text);
                }
                Field::Nullable(name, at) => {
                    let slot = texts.nullable.get_mut(at).filter(|slot| slot.is_none());
                    let slot = slot.ok_or_else(|| A::Error::duplicate_field(name))?;
                    let text: Option<Text> = map.next_value()?;
                    *slot = Some(text.map(|Text(text)| text));
                }
                Field::LogFiles => {
                    if std::mem::replace(&mut texts.log_files, true) {
                        return Err(A::Error::duplicate_field(LOG_FILES));
                    }
                    map.next_value_seed(LogFiles { each: &mut *each, fault: &mut *fault })?;
                }
                Field::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        match texts.missing() {
            Some(name) => Err(A::Error::missing_field(name)),
            None => Ok(texts),
        }
    }
}

/// A field's name, and its place among those of its kind.
enum Field {
    Required(&'static str, usize),
    Nullable(&'static str, usize),
    LogFiles,
    Other,
}

struct FieldName;

impl<'de> DeserializeSeed<'de> for FieldName {
    type Value = Field;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Field, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for FieldName {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a field")
    }

    fn visit_str<E: de::Error>(self, field: &str) -> Result<Field, E> {
        let place = |names: &[&'static str]| {
            names.iter().enumerate().find(|(_, name)| **name == field).map(|(at, name)| (*name, at))
        };
        Ok(if let Some((name, at)) = place(&REQUIRED) {
            Field::Required(name, at)
        } else if let Some((name, at)) = place(&NULLABLE) {
            Field::Nullable(name, at)
        } else if field == LOG_FILES {
            Field::LogFiles
        } else {
            Field::Other
        })
    }
}

/// A text that is short enough to be kept.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl Visitor<'_> for TextVisitor {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
        if text.len() > LONGEST_TEXT {
            let n = text.len();
            return Err(E::custom(format_args!(
                "a text of {n} bytes (at most {LONGEST_TEXT} are allowed)"
            )));
        }
        Ok(Text(text.to_owned()))
    }
}

/// Reads the list of log files.
struct LogFiles<'e> {
    each: &'e mut dyn FnMut(LogEntry),
    fault: &'e mut Option<DigestError>,
}

impl<'de> DeserializeSeed<'de> for LogFiles<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for LogFiles<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of log files")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(FromObject(raw)) = seq.next_element::<FromObject<RawLog<'de>>>()? {
            if self.fault.is_some() {
                continue;
            }
            match raw.check() {
                Ok(entry) => (self.each)(entry),
                Err(fault) => *self.fault = Some(fault),
            }
        }
        Ok(())
    }
}

/// A string that may be null but must be there.
fn nullable<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::deserialize(deserializer)
}

/// Borrows where the JSON has no escapes and lies in memory, owns where not.
type EntryText<'a> = Cow<'a, str>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawLog<'a> {
    #[serde(rename = "s3Bucket", borrow)]
    s3_bucket: EntryText<'a>,
    #[serde(rename = "s3Object", borrow)]
    s3_object: EntryText<'a>,
    #[serde(deserialize_with = "hash_value")]
    hash_value: Sha256Hash,
    #[serde(borrow)]
    hash_algorithm: EntryText<'a>,
    #[serde(borrow, deserialize_with = "nullable")]
    newest_event_time: Option<EntryText<'a>>,
    #[serde(borrow, deserialize_with = "nullable")]
    oldest_event_time: Option<EntryText<'a>>,
}

fn hash_value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Sha256Hash, D::Error> {
    let text = EntryText::deserialize(deserializer)?;
    Sha256Hash::parse(&text)
        .ok_or_else(|| D::Error::custom("hashValue is not 64 lower-case hex digits"))
}

impl RawLog<'_> {
    fn check(&self) -> Result<LogEntry, DigestError> {
        if self.hash_algorithm != HASH_ALGORITHM {
            return Err(wrong("hashAlgorithm", &self.hash_algorithm, HASH_ALGORITHM));
        }
        for (name, text) in [("s3Bucket", &self.s3_bucket), ("s3Object", &self.s3_object)] {
            if text.len() > LONGEST_TEXT {
                return Err(wrong(name, text, "a text of at most 4096 bytes"));
            }
        }
        Ok(LogEntry {
            bucket: (*self.s3_bucket).into(),
            object: (*self.s3_object).into(),
            hash: self.hash_value,
            newest: optional_moment(NEWEST, self.newest_event_time.as_deref())?,
            oldest: optional_moment(OLDEST, self.oldest_event_time.as_deref())?,
        })
    }
}

/// JSON whose tokens and nesting are bounded: the parser keeps a text, the digits of a number and
/// a byte for each level in memory.
struct BoundedTokens<R> {
    from: R,
    state: Token,
    length: usize,
    depth: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Text,
    Escape,
    Other,
}

impl<R: Read> BoundedTokens<R> {
    fn new(from: R) -> Self {
        Self { from, state: Token::Other, length: 0, depth: 0 }
    }

    fn follow(&mut self, byte: u8) {
        self.length += 1;
        match (self.state, byte) {
            (Token::Text, b'\\') => self.state = Token::Escape,
            (Token::Text, b'"') => {
                self.state = Token::Other;
                self.length = 0;
            }
            (Token::Text, _) => {}
            (Token::Escape, _) => self.state = Token::Text,
            (Token::Other, b'"') => {
                self.state = Token::Text;
                self.length = 0;
            }
            (Token::Other, b'{' | b'[') => {
                self.depth += 1;
                self.length = 0;
            }
            (Token::Other, b'}' | b']') => {
                self.depth = self.depth.saturating_sub(1);
                self.length = 0;
            }
            (Token::Other, b',' | b':' | b' ' | b'\n' | b'\r' | b'\t') => self.length = 0,
            (Token::Other, _) => {}
        }
    }
}

impl<R: Read> Read for BoundedTokens<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.from.read(buffer)?;
        for byte in buffer.iter().take(n) {
            self.follow(*byte);
            if self.length > WHOLE || self.depth > WHOLE {
                let limit = "a value is longer or more deeply nested than a digest allows";
                return Err(io::Error::other(limit));
            }
        }
        Ok(n)
    }
}
