//! Digests: JSON, a zero byte, and the JSON of the metadata beside it.
//!
//! What decodes is an object and renders back to the same digest; checked with hostile metadata,
//! a digest is valid only where it lies and is signed.

use std::sync::OnceLock;

use serde_json::Value;
use trailseal::internals::crypto::{KeyRing, parse_key_file};
use trailseal::internals::model::{BucketName, Digest, DigestKey, Metadata, Sha256Hash};
use trailseal::internals::verify::digest::{
    Location, Rules, State, StoredObject, Trouble, check_digest,
};
use trailseal::internals::verify::inflate::AlreadyInflated;
use trailseal::internals::verify::signature::{DigestStatus, SignatureResolver};
use trailseal::internals::verify::{Limits, MemoryBudget, Severity};

/// Where a digest is read that does not name a digest's place.
const ELSEWHERE: &str = "AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/03/01/111122223333_CloudTrail-Digest_us-east-1_management_events_us-east-1_20260301T010000Z.json.gz";

pub fn run(data: &[u8]) {
    let mut parts = data.splitn(2, |byte| *byte == 0);
    let (json, sidecar) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let digest = Digest::decode(json).ok();
    if let Some(digest) = &digest {
        assert_eq!(Digest::decode(&digest.render()).as_ref(), Ok(digest));
        let object = |value: &Value| value.is_object();
        if let Ok(value) = serde_json::from_slice::<Value>(json) {
            assert!(object(&value) && value["logFiles"].as_array().unwrap().iter().all(object));
        }
    }
    let named = digest.as_ref().filter(|digest| DigestKey::parse(&digest.object).is_some());
    let key = named.map_or(ELSEWHERE, |digest| &digest.object);
    let bucket = named.and_then(|digest| BucketName::parse(&digest.bucket).ok());
    let at = Location { bucket, key: key.into(), name: DigestKey::parse(key).unwrap() };
    let metadata = Metadata::decode(sidecar).map_err(|e| Trouble::unreadable(e.to_string()));
    let object = StoredObject { body: Box::new(json), metadata: metadata.clone() };
    let checked = check_digest(rules(), at, Ok(object));
    let valid = checked.state == State::Valid;
    if valid {
        let digest = digest.as_ref().expect("a valid digest decodes");
        assert_eq!(digest.object, key);
        assert!(signed(digest, json, &metadata.expect("a signature is metadata")));
    }
    let mut resolver = SignatureResolver::default();
    let mut resolved = resolver.push(rules(), checked);
    resolved.extend(resolver.finish(rules()));
    assert_eq!(resolved.len(), 1);
    for digest in resolved {
        assert_eq!(digest.status == DigestStatus::Valid, valid);
        assert_eq!(digest.finding.is_none(), valid);
    }
}

/// Whether the metadata holds a signature over the digest, by the second engine alone.
fn signed(digest: &Digest, json: &[u8], metadata: &Metadata) -> bool {
    let text = digest.signing_string(Sha256Hash::of(json));
    let signature: Vec<u8> = metadata
        .get("signature")
        .unwrap_or_default()
        .as_bytes()
        .chunks(2)
        .filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    let mut keys = rules().keys.keys().iter().filter(|k| *k.fingerprint() == digest.fingerprint);
    keys.any(|key| key.verify_rsa(Sha256Hash::of(text.as_bytes()), &signature))
}

/// The sample's key, and the rules for a copy.
fn rules() -> &'static Rules {
    static RULES: OnceLock<Rules> = OnceLock::new();
    RULES.get_or_init(|| Rules {
        keys: sample_keys(),
        limits: Limits::default(),
        memory: MemoryBudget::default(),
        already_inflated: AlreadyInflated::Accept,
        unsigned: Severity::Incomplete,
        key_unknown: Severity::Incomplete,
    })
}

/// The public keys of the sample trail.
pub(crate) fn sample_keys() -> KeyRing {
    static KEYS: OnceLock<KeyRing> = OnceLock::new();
    let read = || {
        let file = include_bytes!("../../testdata/sample/keys/public-keys.json");
        let mut ring = KeyRing::new();
        ring.add(parse_key_file("public-keys.json", file).unwrap());
        ring
    };
    KEYS.get_or_init(read).clone()
}
