//! The log files that a digest lists, read in a stream: a forged digest may list as many as a
//! gzip bomb holds.

use std::fmt;
use std::io::{self, BufReader, Read};

use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer as _, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use crate::verify::Limits;
use crate::verify::inflate::{AlreadyInflated, BodyFault, inflate};

/// Fewest stored bytes of an entry: its hash value does not compress.
const BYTES_OF_AN_ENTRY: u64 = 32;
/// Entries that any digest may have, such as a small one that is stored inflated.
const FEW: u64 = 1000;

/// Bucket and key of a log file.
#[derive(Debug, Deserialize)]
pub(super) struct ListedLogFile {
    #[serde(rename = "s3Bucket")]
    pub(super) bucket: Box<str>,
    #[serde(rename = "s3Object")]
    pub(super) key: Box<str>,
}

/// The log files that a stored digest lists; none where it is no digest, or lists more than its
/// size allows: that is for verifying to tell.
///
/// # Errors
/// When it cannot be read to its end.
pub(super) fn listed(
    body: &mut dyn Read,
    stored: u64,
    limits: Limits,
) -> io::Result<Vec<ListedLogFile>> {
    let most = (stored / BYTES_OF_AN_ENTRY).saturating_add(FEW);
    let mut found = None;
    let sound = inflate(body, limits.digest, AlreadyInflated::Accept, &mut |from| {
        let mut json = serde_json::Deserializer::from_reader(BufReader::new(from));
        found = json.deserialize_map(DigestVisitor { most }).ok();
    });
    match sound {
        Err(BodyFault::Trouble(error)) => Err(error),
        Err(_) => Ok(Vec::new()),
        Ok(_) => Ok(found.unwrap_or_default()),
    }
}

struct DigestVisitor {
    most: u64,
}

impl<'de> Visitor<'de> for DigestVisitor {
    type Value = Vec<ListedLogFile>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a digest")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<ListedLogFile>, A::Error> {
        let mut listed = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            if name == "logFiles" {
                listed = map.next_value_seed(LogFilesVisitor { most: self.most })?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(listed)
    }
}

struct LogFilesVisitor {
    most: u64,
}

impl<'de> DeserializeSeed<'de> for LogFilesVisitor {
    type Value = Vec<ListedLogFile>;

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        from: D,
    ) -> Result<Vec<ListedLogFile>, D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for LogFilesVisitor {
    type Value = Vec<ListedLogFile>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("log files")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<ListedLogFile>, A::Error> {
        let mut listed = Vec::new();
        while let Some(entry) = entries.next_element()? {
            listed.push(entry);
            if listed.len() as u64 > self.most {
                return Err(A::Error::custom("more log files than its size allows"));
            }
        }
        Ok(listed)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn stored(entries: usize) -> Vec<u8> {
        let entry = r#"{"s3Bucket":"b","s3Object":"k","hashValue":"00"}"#;
        let entries = vec![entry; entries].join(",");
        let text = format!(r#"{{"awsAccountId":"1","logFiles":[{entries}],"other":{{"a":[1]}}}}"#);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(text.as_bytes()).unwrap();
        gzip.finish().unwrap()
    }

    #[test]
    fn a_digest_lists_no_more_than_its_size_allows() {
        let limits = Limits::default();
        let listed = |body: &[u8]| {
            super::listed(&mut &*body, body.len() as u64, limits)
                .map(|listed| listed.len())
                .unwrap()
        };
        assert_eq!(listed(&stored(3)), 3);
        assert_eq!(listed(&stored(1000)), 1000);
        assert_eq!(listed(&stored(1_000_000)), 0, "a bomb");
        assert_eq!(listed(b"{}"), 0);
        assert_eq!(listed(b"no digest"), 0);
    }
}
