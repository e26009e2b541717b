//! The S3 user metadata that CloudTrail puts on a digest, and the file that keeps it in a copy.

use std::collections::BTreeMap;

use super::encoding::{EncodingError, decode_text};
use super::json::FromObject;

/// Suffix of the metadata file of a file NAME in a directory: `NAME.metadata.json`.
pub const SIDECAR_SUFFIX: &str = ".metadata.json";
/// The digest's own signature, in hex.
pub const SIGNATURE: &str = "signature";
/// Name of the metadata field with the signature algorithm.
pub const SIGNATURE_ALGORITHM: &str = "signature-algorithm";
/// Name of the time at which a backfill digest was made.
pub const BACKFILL_GENERATION: &str = "backfill-generation-timestamp";

/// S3 user metadata: names in lower case, as S3 hands them out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata(pub BTreeMap<String, String>);

/// Error in reading a metadata file.
#[derive(Debug, thiserror::Error)]
pub enum MetadataError {
    /// The text is not that JSON.
    #[error("it is not the JSON that `aws s3api head-object` prints: {0}")]
    Json(#[from] serde_json::Error),
    /// The bytes are no text.
    #[error("it is not the JSON that `aws s3api head-object` prints: {0}")]
    Text(#[from] EncodingError),
}

impl Metadata {
    /// One value.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Sets one value.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// Reads the JSON of a sidecar: an object whose `Metadata` is an object of texts. Windows
    /// PowerShell writes it in UTF-16, its editors with a byte order mark.
    ///
    /// # Errors
    /// When it is not that.
    pub fn decode(bytes: &[u8]) -> Result<Self, MetadataError> {
        #[derive(serde::Deserialize)]
        struct HeadObject {
            #[serde(rename = "Metadata")]
            metadata: BTreeMap<String, String>,
        }
        let FromObject(head): FromObject<HeadObject> = serde_json::from_str(&decode_text(bytes)?)?;
        let lower = |(name, value): (String, String)| (name.to_ascii_lowercase(), value);
        Ok(Self(head.metadata.into_iter().map(lower).collect()))
    }

    /// True if a file holds metadata as head-object prints them, and nothing else: whoever reads
    /// a folder of log files reads the JSON of any other file in it.
    #[must_use]
    pub fn is_only_metadata(bytes: &[u8]) -> bool {
        let Ok(text) = decode_text(bytes) else { return false };
        let Ok(fields) = serde_json::from_str::<BTreeMap<String, serde_json::Value>>(&text) else {
            return false;
        };
        let is_scalar = |value: &serde_json::Value| !value.is_object() && !value.is_array();
        // Its fields begin in upper case (ContentLength), those of events in lower case.
        let is_field = |name: &str| {
            name.starts_with(|first: char| first.is_ascii_uppercase())
                && !name.starts_with("Event")
                && name != "Records"
        };
        fields.iter().all(|(name, value)| match (name.as_str(), value) {
            ("Metadata", serde_json::Value::Object(metadata)) => metadata.values().all(is_scalar),
            (name, value) => is_scalar(value) && is_field(name),
        })
    }

    /// The JSON of a sidecar.
    #[must_use]
    pub fn render(&self) -> Vec<u8> {
        let mut text = format!("{:#}", serde_json::json!({ "Metadata": self.0 }));
        text.push('\n');
        text.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_powershell_saves() {
        let printed =
            "{\r\n  \"Metadata\": {\"signature\": \"00ff\", \"note\": \"\u{1f512}\"}\r\n}\r\n";
        let utf16 = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            ['\u{feff}']
                .into_iter()
                .chain(printed.chars())
                .collect::<String>()
                .encode_utf16()
                .flat_map(bytes)
                .collect()
        };
        let marked = format!("\u{feff}{printed}").into_bytes();
        for bytes in [marked, utf16(u16::to_le_bytes), utf16(u16::to_be_bytes)] {
            let metadata = Metadata::decode(&bytes).unwrap();
            assert_eq!(metadata.get(SIGNATURE), Some("00ff"));
            assert_eq!(metadata.get("note"), Some("\u{1f512}"));
        }
        let unmarked: Vec<u8> = printed.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut odd = utf16(u16::to_le_bytes);
        odd.pop();
        for (bytes, named) in [
            (unmarked, "UTF-16"),
            (odd, "UTF-16"),
            (b"\xff\xfe\x00\xd8{\x00".to_vec(), "UTF-16"),
            (b"{\"Metadata\": {\"x\": \"\xfc\"}}".to_vec(), "UTF-8"),
            (b"\xff\xfe\x00\x00{\x00\x00\x00".to_vec(), "UTF-32"),
            (b"\x1f\x8b\x08\x00".to_vec(), "gzip"),
        ] {
            let error = Metadata::decode(&bytes).unwrap_err().to_string();
            assert!(error.contains(named), "{named}: {error}");
        }
    }

    #[test]
    fn fields_of_events_are_no_metadata() {
        let only = |text: &str| Metadata::is_only_metadata(text.as_bytes());
        assert!(only(r#"{"ContentLength": 12, "ETag": "e", "Metadata": {"signature": "00"}}"#));
        for event in [
            r#"{"eventName": "StopLogging", "Metadata": {}}"#,
            r#"{"EventName": "StopLogging", "Metadata": {}}"#,
            r#"{"Records": 1, "Metadata": {}}"#,
            r#"{"": 1, "Metadata": {}}"#,
            r#"{"Metadata": {"a": {"eventName": "StopLogging"}}}"#,
        ] {
            assert!(!only(event), "{event}");
        }
    }

    #[test]
    fn reads_what_head_object_prints_and_renders_it_back() {
        let printed =
            br#"{"AcceptRanges":"bytes","ContentLength":12,"Metadata":{"Signature":"00ff"}}"#;
        let metadata = Metadata::decode(printed).unwrap();
        assert_eq!(metadata.get(SIGNATURE), Some("00ff"));
        assert_eq!(Metadata::decode(&metadata.render()).unwrap(), metadata);
        for bad in [
            "",
            "{}",
            "[]",
            r#"{"Metadata":{"signature":1}}"#,
            r#"{"Metadata":null}"#,
            r#"[{"signature":"00ff"}]"#,
        ] {
            assert!(Metadata::decode(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
