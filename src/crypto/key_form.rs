//! Form and validity of a public key.

use std::fmt;

use jiff::Timestamp;

/// Time in which a key may sign: from its first moment to its last, both inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Validity {
    /// The first moment inside.
    pub from: Timestamp,
    /// The last moment inside.
    pub to: Timestamp,
}

impl Validity {
    /// True if the moment lies inside.
    #[must_use]
    pub fn contains(&self, time: Timestamp) -> bool {
        self.from <= time && time <= self.to
    }
}

impl fmt::Display for Validity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to {}", self.from, self.to)
    }
}

/// The form that a public key was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyForm {
    /// An entry of the JSON that ListPublicKeys returns.
    ListPublicKeys,
    /// `RSAPublicKey` of PKCS#1.
    Pkcs1,
    /// `SubjectPublicKeyInfo` of X.509.
    Spki,
    /// An X.509 certificate.
    Certificate,
}

impl KeyForm {
    /// Its name in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ListPublicKeys => "list-public-keys",
            Self::Pkcs1 => "pkcs1",
            Self::Spki => "spki",
            Self::Certificate => "x509-certificate",
        }
    }
}

impl fmt::Display for KeyForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
