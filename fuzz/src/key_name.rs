//! Object keys: no text makes the parser panic, and what parses formats back to the same key.

use trailseal::internals::model::text::is_steering;
use trailseal::internals::model::{DigestKey, LogKey, ObjectName};

pub fn run(data: &[u8]) {
    let Ok(key) = std::str::from_utf8(data) else { return };
    let (digest, log) = (DigestKey::parse(key), LogKey::parse(key));
    match ObjectName::parse(key) {
        ObjectName::Digest(name) => {
            assert_eq!(name.to_string(), key);
            assert!(!name.chain(None).to_string().contains(is_steering), "{name:?}");
            assert!(name.same_trail(&name.with_end(jiff::Timestamp::UNIX_EPOCH)));
            assert_eq!((digest, log), (Some(name), None));
        }
        ObjectName::Log(name) => {
            assert_eq!(name.to_string(), key);
            assert_eq!((digest, log), (None, Some(name)));
        }
        ObjectName::Unknown => assert_eq!((digest, log), (None, None)),
    }
}
