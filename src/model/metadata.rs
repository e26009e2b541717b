//! The S3 user metadata that CloudTrail puts on a digest, and the file that keeps it in a copy.

use std::collections::BTreeMap;

use super::json::Object;

/// What is kept beside a file NAME in a directory: `NAME.metadata.json`.
pub const SIDECAR_SUFFIX: &str = ".metadata.json";
/// The digest's own signature, in hex.
pub const SIGNATURE: &str = "signature";
/// How it was made.
pub const SIGNATURE_ALGORITHM: &str = "signature-algorithm";
/// When a backfill digest was made.
pub const BACKFILL_GENERATION: &str = "backfill-generation-timestamp";

/// S3 user metadata: names in lower case, as S3 hands them out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata(pub BTreeMap<String, String>);

/// Why a sidecar is not metadata.
#[derive(Debug, thiserror::Error)]
#[error("it is not the JSON that `aws s3api head-object` prints: {0}")]
pub struct MetadataError(#[from] serde_json::Error);

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

    /// Reads the JSON of a sidecar: an object whose `Metadata` is an object of texts.
    ///
    /// # Errors
    /// When it is not that.
    pub fn decode(bytes: &[u8]) -> Result<Self, MetadataError> {
        #[derive(serde::Deserialize)]
        struct HeadObject {
            #[serde(rename = "Metadata")]
            metadata: BTreeMap<String, String>,
        }
        let Object(head): Object<HeadObject> = serde_json::from_slice(bytes)?;
        let lower = |(name, value): (String, String)| (name.to_ascii_lowercase(), value);
        Ok(Self(head.metadata.into_iter().map(lower).collect()))
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
