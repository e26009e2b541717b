//! Tests of the layer, by what they hold: keys that are read, keys that are refused, verdicts.

mod forms;
mod refusals;
mod signatures;

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::key_ring::fingerprint_of;
use super::{SigningKey, Validity};

/// One key for all tests that do not care which.
fn key() -> &'static SigningKey {
    static KEY: OnceLock<SigningKey> = OnceLock::new();
    KEY.get_or_init(|| SigningKey::generate().unwrap())
}

fn validity() -> Validity {
    let second = |s| jiff::Timestamp::from_second(s).unwrap();
    Validity { from: second(1_525_123_443), to: second(1_527_715_443) }
}

/// A DER element.
fn tlv(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = content.len();
    let mut bytes = vec![tag];
    match length {
        0..0x80 => bytes.push(u8::try_from(length).unwrap()),
        0x80..0x100 => bytes.extend([0x81, u8::try_from(length).unwrap()]),
        _ => bytes.extend([0x82, u8::try_from(length / 256).unwrap(), length as u8]),
    }
    bytes.extend(content);
    bytes
}

/// A `RSAPublicKey` with a modulus of that many bits, all of them set: odd, so it loads.
fn pkcs1_of_bits(bits: usize) -> Vec<u8> {
    let mut modulus = vec![0xff; bits.div_ceil(8)];
    modulus[0] = u8::try_from(0xff_u32 >> (modulus.len() * 8 - bits)).unwrap();
    if modulus[0] & 0x80 != 0 {
        modulus.insert(0, 0);
    }
    tlv(0x30, &[&tlv(2, &[&modulus]), &tlv(2, &[&[1, 0, 1]])])
}

/// A `SubjectPublicKeyInfo` around these bytes.
fn spki(oid: &[u8], parameters: &[u8], key: &[u8]) -> Vec<u8> {
    tlv(0x30, &[&tlv(0x30, &[&tlv(6, &[oid]), parameters]), &tlv(3, &[&[0], key])])
}

const RSA_OID: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const NULL: &[u8] = &[5, 0];

fn rsa_spki(key: &[u8]) -> Vec<u8> {
    spki(RSA_OID, NULL, key)
}

fn pem(label: &str, der: &[u8]) -> String {
    let body = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

/// A list-public-keys entry of these bytes.
fn entry(der: &[u8]) -> Value {
    json!({
        "Value": STANDARD.encode(der),
        "ValidityStartTime": 1_525_123_443.0,
        "ValidityEndTime": 1_527_715_443.0,
        "Fingerprint": fingerprint_of(der),
    })
}
