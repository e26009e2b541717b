//! Keys in stored values: each is its text, and is taken apart again when it is read.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::key_name::{DigestKey, LogKey};
use super::text::Printable;

macro_rules! as_text {
    ($name:ident, $what:literal) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| {
                    let shown = Printable(&text);
                    serde::de::Error::custom(format_args!("{shown} is not the key of {}", $what))
                })
            }
        }
    };
}

as_text!(DigestKey, "a digest");
as_text!(LogKey, "a log file");
