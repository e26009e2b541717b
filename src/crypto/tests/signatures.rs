//! Verdicts: what we sign verifies, what was altered does not, and both engines agree.

use proptest::prelude::*;
use rsa::pkcs1v15::Pkcs1v15Sign;
use rsa::pkcs8::DecodePrivateKey as _;

use super::*;
use crate::crypto::{PublicKey, Signer as _, parse_key_file};
use crate::model::Sha256Hash;

const MESSAGE: &str = "2023-07-10T12:00:00Z\nbucket/key\n00ff\nnull";

fn public() -> PublicKey {
    parse_key_file("file", key().public_key_der()).unwrap().remove(0)
}

/// The one verdict of both engines.
#[track_caller]
fn verdict(key: &PublicKey, hash: Sha256Hash, signature: &[u8]) -> bool {
    let (aws_lc, rsa) = (key.verify_aws_lc(hash, signature), key.verify_rsa(hash, signature));
    assert_eq!(aws_lc, rsa, "the engines differ on {}", hex::encode(signature));
    assert_eq!(key.verify_hash(hash, signature), aws_lc);
    aws_lc
}

#[test]
fn what_is_signed_verifies_in_both_engines() {
    let signature = key().sign(MESSAGE.as_bytes()).unwrap();
    assert_eq!(signature, key().sign(MESSAGE.as_bytes()).unwrap(), "signing is deterministic");
    let public = public();
    assert!(public.verify(MESSAGE, &signature));
    assert!(verdict(&public, Sha256Hash::of(MESSAGE.as_bytes()), &signature));
    assert!(!public.verify("another text", &signature));
    assert!(!verdict(&public, Sha256Hash::of(b"another text"), &signature));
    let other = parse_key_file("file", &pkcs1_of_bits(2048)).unwrap().remove(0);
    assert!(!verdict(&other, Sha256Hash::of(MESSAGE.as_bytes()), &signature));
}

#[test]
fn one_altered_bit_in_any_byte_is_refused_by_both_engines() {
    let (hash, public) = (Sha256Hash::of(MESSAGE.as_bytes()), public());
    let signature = key().sign(MESSAGE.as_bytes()).unwrap();
    for at in 0..signature.len() {
        let mut altered = signature.clone();
        altered[at] ^= 1 << (at % 8);
        assert!(!verdict(&public, hash, &altered), "byte {at}");
    }
    for at in 0..32 {
        let mut altered = hash;
        altered.0[at] ^= 1 << (at % 8);
        assert!(!verdict(&public, altered, &signature), "byte {at} of the hash value");
    }
}

#[test]
fn signatures_of_another_length_are_refused_by_both_engines() {
    let (hash, public) = (Sha256Hash::of(MESSAGE.as_bytes()), public());
    let signature = key().sign(MESSAGE.as_bytes()).unwrap();
    let longer = [&signature[..], &[0]].concat();
    let padded = [&[0], &signature[..]].concat();
    for altered in
        [&[][..], &signature[1..], &signature[..255], &longer, &padded, &[0; 256], &[0xff; 256]]
    {
        assert!(!verdict(&public, hash, altered), "{} bytes", altered.len());
    }
}

#[test]
fn paddings_that_are_not_exactly_those_of_the_format_are_refused_by_both_engines() {
    // Only `rsa` signs an arbitrary block; with a key of this test that is no danger.
    let private = rsa::PrivateKey::from_pkcs8_pem(&key().to_pkcs8_pem().unwrap()).unwrap();
    let (hash, public) = (Sha256Hash::of(MESSAGE.as_bytes()), public());
    let sign = |block: &[u8]| private.sign(Pkcs1v15Sign::new_unprefixed(), block).unwrap();
    let oid = |last: u8| tlv(6, &[&[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, last]]);
    let info =
        |algorithm: &[u8], hash: &[u8]| tlv(0x30, &[&tlv(0x30, &[algorithm]), &tlv(4, &[hash])]);
    let proper = info(&[&oid(1)[..], NULL].concat(), &hash.0);
    assert!(verdict(&public, hash, &sign(&proper)), "the block of the format itself");
    for (name, block) in [
        ("no parameters", info(&oid(1), &hash.0)),
        ("SHA-512's name", info(&[&oid(3)[..], NULL].concat(), &hash.0)),
        ("no name", hash.0.to_vec()),
        (
            "bytes after the hash value",
            info(&[&oid(1)[..], NULL].concat(), &[&hash.0[..], &[0]].concat()),
        ),
        ("bytes after the block", [&proper[..], &[0]].concat()),
    ] {
        assert!(!verdict(&public, hash, &sign(&block)), "{name}");
    }
}

proptest! {
    #[test]
    fn both_engines_agree_on_any_message_and_damage(
        message in ".{0,100}", at in 0..256_usize, bits: u8,
    ) {
        let mut signature = key().sign(message.as_bytes()).unwrap();
        signature[at] ^= bits;
        prop_assert_eq!(verdict(&public(), Sha256Hash::of(message.as_bytes()), &signature), bits == 0);
    }
}

#[test]
fn a_key_reads_back_from_its_own_pem_and_its_certificate_is_its_own() {
    let read = crate::crypto::SigningKey::from_pem("file", &key().to_pkcs8_pem().unwrap()).unwrap();
    assert_eq!(read.public_key_der(), key().public_key_der());
    assert_eq!(read.fingerprint(), key().fingerprint());
    assert_eq!(read.sign(b"x").unwrap(), key().sign(b"x").unwrap());
    let certificate = key().self_signed_certificate_pem(validity()).unwrap();
    let checked = read.check_certificate("cert", certificate.as_bytes()).unwrap();
    assert_eq!(checked.validity(), Some(validity()));
    assert_eq!(checked.fingerprint(), key().fingerprint());
    let again = key().self_signed_certificate_pem(validity()).unwrap();
    assert_ne!(certificate, again, "the serial number is random");
}

#[test]
fn debug_shows_no_key_material() {
    let shown = format!("{:?}", key());
    assert_eq!(shown, format!("SigningKey {{ fingerprint: {:?}, .. }}", key().fingerprint()));
}
