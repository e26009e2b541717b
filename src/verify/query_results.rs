//! The result of a CloudTrail Lake query: exported files, and the sign file beside them.
//!
//! `result_sign.json` lists each file with the SHA-256 of its bytes *as stored* (compressed). Its
//! signature (RSA PKCS#1 v1.5, SHA-256) is over these hash values, joined by one space. File
//! names, region and time are not signed, and neither are the names of the algorithms, which are
//! not looked at: no other ones are accepted.
//!
//! Everything in a sign file is hostile: its size is limited, a name must stay inside of the
//! folder, and what is not text or not a time is refused. What a [`QueryResultFault`] displays is
//! what the AWS CLI prints for it; [`QueryResultFault::remark`] is what there is to add.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

use crate::crypto::{KeyRing, PublicKey};
use crate::model::{Fingerprint, Printable, Region, Sha256Hash, Window, time};

/// The name of the sign file in its folder.
pub const SIGN_FILE: &str = "result_sign.json";
/// The largest sign file that is read, in bytes: about 100,000 files, which no query comes to.
pub const SIGN_FILE_LIMIT: u64 = 16 << 20;
/// Days after the query's end in which the key that signed may have become valid, as the AWS CLI
/// asks.
const KEY_DAYS: i64 = 20;

/// Fault of a query result, displayed in the words of the AWS CLI, made printable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryResultFault {
    /// The sign file is not JSON, or says something twice.
    #[error(
        "InformationCollectionError: Unable to load {SIGN_FILE} file, due to {}",
        Printable(.0)
    )]
    NotJson(String),
    /// The sign file is JSON of another form; what is wrong with it.
    #[error("ValidationError: Invalid sign file provided.")]
    Form(String),
    /// The sign file lists nothing.
    #[error("ValidationError: No export file was found in sign file.")]
    NoFiles,
    /// A file's bytes are not those that the sign file lists.
    #[error(
        "ValidationError: File {} has inconsistent hash value with hash value recorded in sign \
         file, hash value in sign file is {} , but get {actual}",
        Printable(.name), Printable(.stated)
    )]
    Hash {
        /// The file.
        name: String,
        /// Its hash value in the sign file, as it is spelled there.
        stated: String,
        /// The hash value of its bytes.
        actual: Sha256Hash,
    },
    /// The time is none.
    #[error("Unable to parse date value: {}", Printable(.0))]
    Time(String),
    /// No key of that fingerprint that was valid in the time.
    #[error("No public keys found for key with fingerprint: {}", Printable(.0))]
    KeyUnknown(String),
    /// The signature does not fit the hash values.
    #[error("ValidationError: Invalid signature in sign file")]
    Signature(&'static str),
}

impl QueryResultFault {
    /// Details that the AWS CLI's text omits.
    #[must_use]
    pub fn remark(&self) -> Option<String> {
        match self {
            Self::Form(reason) => Some(format!("{SIGN_FILE}: {}", Printable(reason))),
            Self::Time(_) => Some(format!(
                "{SIGN_FILE}: queryCompleteTime is not of the form 2026-07-01T12:00:00Z"
            )),
            Self::Signature(reason) => Some(format!("{SIGN_FILE}: {reason}")),
            Self::NotJson(_) | Self::NoFiles | Self::Hash { .. } | Self::KeyUnknown(_) => None,
        }
    }
}

/// One exported file, as the sign file lists it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ExportFile {
    /// Its name: a plain path inside of the folder. Not signed.
    #[serde(rename = "fileName")]
    pub name: String,
    /// The hash value of its bytes as stored, as it is spelled. Signed.
    #[serde(rename = "fileHashValue")]
    hash: String,
}

impl ExportFile {
    /// Holds the hash value of the bytes that were found against the listed one.
    ///
    /// # Errors
    /// [`QueryResultFault::Hash`] when they differ.
    pub fn check(&self, actual: Sha256Hash) -> Result<(), QueryResultFault> {
        if actual.to_string() == self.hash {
            return Ok(());
        }
        Err(QueryResultFault::Hash { name: self.name.clone(), stated: self.hash.clone(), actual })
    }
}

/// A sign file, not yet known to be signed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignFile {
    files: Vec<ExportFile>,
    hash_signature: String,
    public_key_fingerprint: String,
    query_complete_time: String,
    region: Option<String>,
}

impl SignFile {
    /// Reads the bytes of a sign file. Fields that are not known are allowed, fields given twice
    /// are not.
    ///
    /// # Errors
    /// Fault of the bytes.
    pub fn decode(bytes: &[u8]) -> Result<Self, QueryResultFault> {
        if bytes.len() as u64 > SIGN_FILE_LIMIT {
            let limit = SIGN_FILE_LIMIT >> 20;
            return Err(QueryResultFault::Form(format!(
                "it is larger than {limit} MiB: check that it is the sign file"
            )));
        }
        let sign_file: Self = serde_json::from_slice(bytes).map_err(|error| {
            let reason = error.to_string().chars().take(200).collect();
            if error.is_data() {
                QueryResultFault::Form(reason)
            } else {
                QueryResultFault::NotJson(reason)
            }
        })?;
        if sign_file.files.is_empty() {
            return Err(QueryResultFault::NoFiles);
        }
        match sign_file.files.iter().find(|file| !is_inside(&file.name)) {
            Some(file) => Err(QueryResultFault::Form(format!(
                "fileName {} is not a plain file name inside the folder, so the file was not opened",
                file.name
            ))),
            None => Ok(sign_file),
        }
    }

    /// The files that it lists, in its order; at least one.
    #[must_use]
    pub fn files(&self) -> &[ExportFile] {
        &self.files
    }

    /// The region that it names, if it names one. Not signed.
    #[must_use]
    pub fn region(&self) -> Option<Region> {
        Region::parse(self.region.as_deref()?).ok()
    }

    /// The time in which the key that signed it was valid at some moment. Not signed.
    ///
    /// # Errors
    /// [`QueryResultFault::Time`] when the time of the query's end is none.
    pub fn key_window(&self) -> Result<Window, QueryResultFault> {
        let text = &self.query_complete_time;
        let start: Timestamp = text.parse().map_err(|_| QueryResultFault::Time(text.clone()))?;
        let days = SignedDuration::from_hours(24 * KEY_DAYS);
        Ok(Window::new(start, time::add(start, days)))
    }

    /// The text that is signed: the hash values, joined by one space.
    #[must_use]
    pub fn signing_string(&self) -> String {
        let hashes: Vec<_> = self.files.iter().map(|file| file.hash.as_str()).collect();
        hashes.join(" ")
    }

    /// Checks that its signature is that of the key that it names. Several keys may share a
    /// fingerprint: all of them are tried.
    ///
    /// # Errors
    /// [`QueryResultFault::Time`], [`QueryResultFault::KeyUnknown`] or [`QueryResultFault::Signature`].
    pub fn check_signature(&self, ring: &KeyRing, region: &Region) -> Result<(), QueryResultFault> {
        let window = self.key_window()?;
        let valid = |key: &&PublicKey| {
            key.validity().is_none_or(|v| v.from <= window.end && window.start <= v.to)
        };
        let fingerprint = Fingerprint::parse(&self.public_key_fingerprint).ok();
        let keys: Vec<_> =
            fingerprint.iter().flat_map(|f| ring.find(f, region)).filter(valid).collect();
        if keys.is_empty() {
            return Err(QueryResultFault::KeyUnknown(self.public_key_fingerprint.clone()));
        }
        let signature = hex::decode(&self.hash_signature)
            .map_err(|_| QueryResultFault::Signature("hashSignature is not hexadecimal"))?;
        let hash = Sha256Hash::of(self.signing_string().as_bytes());
        if keys.iter().any(|key| key.verify_hash(hash, &signature)) {
            return Ok(());
        }
        Err(QueryResultFault::Signature(
            "its key did not sign these hash values in this order: the sign file was altered",
        ))
    }
}

/// True if a file that no sign file lists passes for one of a query's result: `result_N.csv.gz`.
#[must_use]
pub fn passes_for_result(name: &str) -> bool {
    let number = name.strip_prefix("result_").and_then(|rest| rest.strip_suffix(".csv.gz"));
    number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// True if a name, taken for a path, stays inside of its folder on every system.
fn is_inside(name: &str) -> bool {
    let plain = |part: &str| !matches!(part, "" | "." | "..") && !part.contains(['\0', '\\', ':']);
    name.split('/').all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn listing(name: &str, more: &str) -> String {
        format!(
            r#"{{"region":"us-east-1","files":[{{"fileHashValue":"00","fileName":{}}}],"hashSignature":"00","publicKeyFingerprint":"f","queryCompleteTime":"2022-05-10T22:06:30Z"{more}}}"#,
            serde_json::Value::from(name)
        )
    }

    #[test]
    fn names_that_lead_out_of_the_folder_are_refused() {
        for name in ["result_1.csv.gz", "part/result_1.csv.gz", "..gz", "a b"] {
            assert!(SignFile::decode(listing(name, "").as_bytes()).is_ok(), "{name}");
        }
        for name in
            ["", "..", "../a", "a/../../b", "/etc/passwd", "a//b", "./a", "a\\b", "C:a", "a\0"]
        {
            let fault = SignFile::decode(listing(name, "").as_bytes()).unwrap_err();
            assert!(matches!(fault, QueryResultFault::Form(_)), "{name:?}: {fault:?}");
        }
    }

    #[test]
    fn unknown_fields_are_allowed_and_fields_given_twice_are_not() {
        assert!(SignFile::decode(listing("a", r#","new":[1]"#).as_bytes()).is_ok());
        let twice = listing("a", r#","hashSignature":"11""#);
        let fault = SignFile::decode(twice.as_bytes()).unwrap_err();
        assert!(fault.remark().unwrap().contains("duplicate field"), "{fault:?}");
        let large = listing("a", &" ".repeat(16 << 20));
        assert!(matches!(SignFile::decode(large.as_bytes()), Err(QueryResultFault::Form(_))));
    }

    #[test]
    fn the_time_of_the_key_is_twenty_days_from_the_end_of_the_query() {
        let sign_file = SignFile::decode(listing("a", "").as_bytes()).unwrap();
        let window = sign_file.key_window().unwrap();
        assert_eq!(window.start.to_string(), "2022-05-10T22:06:30Z");
        assert_eq!(window.end.to_string(), "2022-05-30T22:06:30Z");
    }

    #[test]
    fn only_names_of_results_pass_for_them() {
        assert!(passes_for_result("result_1.csv.gz") && passes_for_result("result_012.csv.gz"));
        for name in ["result_.csv.gz", "result_1.csv", "result_1a.csv.gz", "my_result_1.csv.gz"] {
            assert!(!passes_for_result(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn hostile_sign_files_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = SignFile::decode(&bytes);
        }

        #[test]
        fn hostile_fields_never_panic(name in ".{0,20}", text in ".{0,20}") {
            if let Ok(mut sign_file) = SignFile::decode(listing(&name, "").as_bytes()) {
                sign_file.query_complete_time = text.clone();
                sign_file.hash_signature = text.clone();
                sign_file.public_key_fingerprint = text;
                let region = sign_file.region().unwrap();
                let fault = sign_file.check_signature(&KeyRing::new(), &region).unwrap_err();
                prop_assert!(!fault.to_string().chars().any(crate::model::text::is_steering));
            }
        }
    }
}
