//! Key files: no bytes make the reader panic, what is refused is told without steering a
//! terminal, and what is accepted can be used, in both engines alike.

use trailseal::internals::crypto::{
    KeyRing, MAX_BITS, MIN_BITS, parse_key_file, render_public_keys,
};
use trailseal::internals::model::text::is_steering;
use trailseal::internals::model::{Region, Sha256Hash};

/// Keys that are put to use; more of one file are not worth the time.
const USED: usize = 3;

pub fn run(data: &[u8]) {
    let keys = match parse_key_file("file", data) {
        Ok(keys) => keys,
        Err(error) => {
            let told = error.to_string();
            assert!(!told.contains(is_steering), "{told:?}");
            return;
        }
    };
    assert!(!keys.is_empty());
    let mut ring = KeyRing::new();
    ring.add(keys.clone());
    let elsewhere = Region::parse("us-east-1").unwrap();
    for key in keys.iter().take(USED) {
        assert!((MIN_BITS..=MAX_BITS).contains(&key.bits()));
        let region = key.region().unwrap_or(&elsewhere);
        for fingerprint in key.fingerprints() {
            assert!(ring.find(fingerprint, region).any(|k| k.pkcs1_der() == key.pkcs1_der()));
        }
        // Whatever the key, a signature made of nothing is not one.
        let hash = Sha256Hash::of(b"signed");
        let signature = vec![1; usize::try_from(key.bits().div_ceil(8)).unwrap()];
        assert!(!key.verify_aws_lc(hash, &signature) && !key.verify_rsa(hash, &signature));

        let again = parse_key_file("pkcs1", key.pkcs1_der()).unwrap();
        assert_eq!((again[0].bits(), again[0].pkcs1_der()), (key.bits(), key.pkcs1_der()));
        if let Some(validity) = key.validity() {
            let rendered = render_public_keys(&[(key.pkcs1_der(), validity)]);
            let again = parse_key_file("rendered", rendered.as_bytes()).unwrap();
            assert_eq!((again[0].pkcs1_der(), again.len()), (key.pkcs1_der(), 1));
            assert_eq!(again[0].validity().unwrap().from.as_second(), validity.from.as_second());
        }
    }
}
