//! Identifiers that appear in keys and digests, each checked once and carried as its own type.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::text::Printable;

/// Error in parsing an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} is not {expected}", Printable(.text))]
pub struct IdError {
    text: String,
    expected: &'static str,
}

macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $valid:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text and takes it as it is spelled.
            ///
            /// # Errors
            /// When the text does not have the form that the type documents.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                let valid: fn(&str) -> bool = $valid;
                if valid(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(IdError { text: text.to_owned(), expected: $expected })
                }
            }

            /// The text, as it was spelled.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), &self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::parse(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

fn all(text: &str, valid: impl Fn(u8) -> bool) -> bool {
    text.bytes().all(valid)
}

identifier!(
    /// An AWS account: 12 decimal digits.
    AccountId,
    "an account id (12 digits)",
    |text| text.len() == 12 && all(text, |b| b.is_ascii_digit())
);

identifier!(
    /// An AWS region such as `us-gov-west-1`: lower-case letters, digits and hyphens, with at
    /// least one hyphen and never an underscore, which is what anchors the parse of digest names.
    Region,
    "a region name (like us-east-1)",
    |text| text.len() <= 64
        && text.contains('-')
        && text.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
        && text.bytes().last().is_some_and(|b| b.is_ascii_digit())
        && all(text, |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
);

identifier!(
    /// The name of a trail: 3 to 128 of `A-Z a-z 0-9 . _ -`.
    TrailName,
    "a trail name (3 to 128 of A-Z a-z 0-9 . _ -)",
    |text| (3..=128).contains(&text.len())
        && all(text, |b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
);

identifier!(
    /// An AWS organization: `o-` and lower-case letters or digits.
    OrganizationId,
    "an organization id (like o-exampleorgid)",
    |text| text.strip_prefix("o-").is_some_and(|rest| !rest.is_empty()
        && rest.len() <= 32
        && all(rest, |b| b.is_ascii_lowercase() || b.is_ascii_digit()))
);

identifier!(
    /// An S3 bucket: 3 to 255 of `A-Z a-z 0-9 . _ -`, the widest form that S3 ever allowed.
    BucketName,
    "a bucket name (3 to 255 of A-Z a-z 0-9 . _ -)",
    |text| (3..=255).contains(&text.len())
        && all(text, |b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
);

identifier!(
    /// The fingerprint of a public key: MD5 of its DER bytes as 32 lower-case hex digits. It
    /// names a key and is never a reason to trust it.
    Fingerprint,
    "a key fingerprint (32 lower-case hex digits)",
    |text| text.len() == 32 && all(text, |b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_identifier_takes_its_own_form_only() {
        assert!(AccountId::parse("218007301253").is_ok());
        for bad in ["", "21800730125", "2180073012533", "21800730125x", "２18007301253"] {
            assert!(AccountId::parse(bad).is_err(), "{bad}");
        }
        for good in ["us-east-1", "us-gov-west-1", "ap-southeast-5", "us-iso-b-1"] {
            assert!(Region::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "us_east_1", "us-east-", "1-us", "US-EAST-1", "us east-1", "useast1"] {
            assert!(Region::parse(bad).is_err(), "{bad}");
        }
        assert!(TrailName::parse("a_b.c-D").is_ok());
        assert!(TrailName::parse("ab").is_err());
        assert!(TrailName::parse("a/b").is_err());
        assert!(OrganizationId::parse("o-exampleorgid").is_ok());
        assert!(OrganizationId::parse("o-").is_err());
        assert!(OrganizationId::parse("x-exampleorgid").is_err());
        assert!(Fingerprint::parse("31e8b5433410dfb61a9dc45cc65b22ff").is_ok());
        assert!(Fingerprint::parse("31E8B5433410DFB61A9DC45CC65B22FF").is_err());
        assert!(BucketName::parse("my-bucket.x_1").is_ok());
        assert!(BucketName::parse("my/bucket").is_err());
    }

    #[test]
    fn an_error_shows_hostile_text_escaped() {
        let error = AccountId::parse("\u{1b}[31m").unwrap_err();
        assert_eq!(error.to_string(), "\\u{1b}[31m is not an account id (12 digits)");
    }
}
