//! Refusals of key files: which file, which key in it, the reason, and what to do.

use crate::model::{Fingerprint, Printable};

use super::{KEY_FILE_LIMIT, MAX_BITS, MIN_BITS};

/// A key file that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}{refusal}", Printable(.file), .entry.as_ref().map_or(String::new(), |e| format!("{}: ", Printable(e))))]
#[non_exhaustive]
pub struct KeyFileError {
    /// The file, as the caller named it.
    pub file: String,
    /// The key in it, where it holds several or a list: its place and what it calls itself.
    pub entry: Option<String>,
    /// The reason.
    pub refusal: Refusal,
}

/// The reason why a key or a key file is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Larger than [`KEY_FILE_LIMIT`].
    #[error("it is larger than {} MiB, the limit for key files", KEY_FILE_LIMIT / 1024 / 1024)]
    FileTooLarge,
    /// No bytes but white space.
    #[error("it is empty")]
    Empty,
    /// UTF-16, which is what PowerShell writes with `>`.
    #[error("it is UTF-16 text: save it as UTF-8 (in PowerShell: | Out-File -Encoding utf8)")]
    Utf16,
    /// JSON or PEM that is not UTF-8.
    #[error("its text is not UTF-8: copy the file again, or save it as UTF-8")]
    NotUtf8,
    /// None of the known forms.
    #[error(
        "it contains no key: expected the JSON of `aws cloudtrail list-public-keys`, or an RSA \
         public key or X.509 certificate as PEM or DER"
    )]
    Unknown,
    /// Not JSON, or JSON that says something twice.
    #[error("not valid JSON: {}", Printable(.0))]
    Json(String),
    /// JSON of another shape than list-public-keys.
    #[error("not the JSON of `aws cloudtrail list-public-keys`: {0}")]
    Shape(&'static str),
    /// A list without keys.
    #[error(
        "the list has no keys: request them for the time of the digests (aws cloudtrail \
         list-public-keys --start-time ... --end-time ...)"
    )]
    NoKeys,
    /// A field of an entry is missing or not of its form.
    #[error("{field} is {}, expected {expected}", Printable(.actual))]
    Field {
        /// The field's name.
        field: &'static str,
        /// The actual value, or `missing`.
        actual: String,
        /// The required form.
        expected: &'static str,
    },
    /// The validity ends before it starts.
    #[error("its validity ends before it starts")]
    ValidityReversed,
    /// The fingerprint stated is not that of the key.
    #[error(
        "the fingerprint does not match the key: it says {stated}, the key has {actual}; do not \
         use this file; fetch the keys again"
    )]
    WrongFingerprint {
        /// The value in the file.
        stated: Fingerprint,
        /// The value of the key.
        actual: Fingerprint,
    },
    /// A private key where a public one belongs.
    #[error(
        "this is a private key; use the public key or the certificate instead (public-keys.json \
         or certificate.pem of `trailseal keys generate`, or `openssl pkey -pubout`), and do not \
         hand out the private key"
    )]
    PrivateKey,
    /// A key of another algorithm.
    #[error("the key is {}, not RSA: digests are signed with RSA keys only", Printable(.algorithm))]
    NotRsa {
        /// The algorithm's name or object identifier.
        algorithm: String,
    },
    /// A modulus of a size that is not accepted.
    #[error("the RSA key has {bits} bits: {MIN_BITS} to {MAX_BITS} are accepted")]
    KeySize {
        /// Its size.
        bits: u32,
    },
    /// Bytes after the end of the DER.
    #[error(
        "{count} bytes after the end of the key: the file was altered, or several files were joined"
    )]
    TrailingBytes {
        /// The number.
        count: usize,
    },
    /// DER that is cut off, or no DER of a key.
    #[error("its DER is damaged or not that of a key: {0}")]
    Der(String),
    /// An RSA key of the right size that the engines refuse.
    #[error("the RSA key is not usable: {0}")]
    Unusable(String),
    /// PEM that is damaged.
    #[error("its PEM is damaged: {0}")]
    Pem(&'static str),
    /// A PEM block of something else.
    #[error(
        "a PEM block of {} is not a public key: PUBLIC KEY, RSA PUBLIC KEY and CERTIFICATE are \
         read",
        Printable(.label)
    )]
    PemLabel {
        /// Label of the block.
        label: String,
    },
    /// A certificate that cannot be read.
    #[error("not an X.509 certificate that can be read: {}", Printable(.0))]
    Certificate(String),
}

/// The beginning of a text that may be megabytes long: enough to recognise it by.
pub(super) fn beginning(text: &str) -> String {
    let mut chars = text.chars();
    let mut start: String = chars.by_ref().take(80).collect();
    if chars.next().is_some() {
        start.push('…');
    }
    start
}
