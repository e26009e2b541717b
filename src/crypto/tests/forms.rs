//! Forms of keys that are read, and the keys that they give.

use proptest::prelude::*;

use super::*;
use crate::crypto::{
    KeyForm, KeyRing, PublicKey, Signer as _, parse_key_file, public_key_list, read_key_list,
    render_public_keys,
};
use crate::model::Region;

fn read(bytes: &[u8]) -> Vec<PublicKey> {
    parse_key_file("file", bytes).unwrap()
}

fn read_json(json: &Value) -> Vec<PublicKey> {
    read(json.to_string().as_bytes())
}

fn region(name: &str) -> Region {
    Region::parse(name).unwrap()
}

#[test]
fn what_is_rendered_is_read_back() {
    let spki = rsa_spki(key().public_key_der());
    let list = [(key().public_key_der(), validity()), (&*spki, validity())];
    let text = render_public_keys(&list);
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value, public_key_list(&list));
    let told = |keys: Vec<PublicKey>| -> Vec<_> {
        let of = |k: &PublicKey| (k.fingerprint().clone(), k.validity(), k.source().to_owned());
        keys.iter().map(of).collect()
    };
    assert_eq!(told(read_key_list("file", &value).unwrap()), told(read(text.as_bytes())));
    let none = read_key_list("file", &public_key_list(&[])).unwrap_err();
    assert_eq!(none.to_string(), parse_key_file("file", b"[]").unwrap_err().to_string());
    assert!(text.contains("\"ValidityStartTime\": 1525123443.0,"), "{text}");
    let keys = read(text.as_bytes());
    assert_eq!(keys.len(), 2);
    for read in &keys {
        assert_eq!(read.pkcs1_der(), key().public_key_der());
        assert_eq!(read.validity(), Some(validity()));
        assert_eq!(read.form(), KeyForm::ListPublicKeys);
        assert_eq!((read.bits(), read.region(), read.source()), (2048, None, "file"));
    }
    assert_eq!(keys[0].fingerprint(), key().fingerprint());
    // An entry is named by the bytes of its value, which here are another structure's.
    let spki = fingerprint_of(&spki);
    assert_eq!(keys[1].fingerprints().collect::<Vec<_>>(), [&spki]);
    assert_eq!(render_public_keys(&[]), "{\n    \"PublicKeyList\": [\n    ]\n}\n");
}

#[test]
fn every_spelling_of_the_list_is_read() {
    let mut lower = json!({});
    for (name, value) in entry(key().public_key_der()).as_object().unwrap() {
        lower[name[..1].to_lowercase() + &name[1..]] = value.clone();
    }
    let upper = entry(key().public_key_der());
    for (json, regions) in [
        (json!({"PublicKeyList": [upper], "NextToken": null}), vec![None]),
        (json!({"publicKeyList": [lower]}), vec![None]),
        (json!({"publicKeyList": [upper]}), vec![None]),
        (json!([upper, lower]), vec![None, None]),
        (
            json!({"us-east-1": {"PublicKeyList": [upper]}, "eu-west-3": {"publicKeyList": [lower]},
                   "us-west-1": {"PublicKeyList": []}}),
            vec![Some(region("eu-west-3")), Some(region("us-east-1"))],
        ),
        (json!({"us-east-1": [upper]}), vec![Some(region("us-east-1"))]),
    ] {
        let keys = read_json(&json);
        let mut found: Vec<_> = keys.iter().map(|key| key.region().cloned()).collect();
        found.sort();
        assert_eq!(found, regions, "{json}");
        assert!(keys.iter().all(|key| key.validity() == Some(validity())), "{json}");
    }
    let bom = [b"\xef\xbb\xbf \n".as_slice(), json!([upper]).to_string().as_bytes()].concat();
    assert_eq!(read(&bom).len(), 1);
}

#[test]
fn every_spelling_of_a_time_is_read() {
    for (spelling, expected) in [
        (json!(1_525_123_443), "2018-04-30T21:24:03Z"),
        (json!(1_525_123_443.0), "2018-04-30T21:24:03Z"),
        (json!(1_525_123_443.25), "2018-04-30T21:24:03.25Z"),
        (json!("1525123443"), "2018-04-30T21:24:03Z"),
        (json!("1525123443.0"), "2018-04-30T21:24:03Z"),
        (json!("1.525123443E9"), "2018-04-30T21:24:03Z"),
        (json!("2018-04-30T21:24:03Z"), "2018-04-30T21:24:03Z"),
        (json!("2018-04-30T21:24:03+00:00"), "2018-04-30T21:24:03Z"),
        (json!("2018-04-30T23:24:03.5+02:00"), "2018-04-30T21:24:03.5Z"),
        (json!("2018-04-30 14:24:03-07:00"), "2018-04-30T21:24:03Z"),
    ] {
        let mut entry = entry(key().public_key_der());
        entry["ValidityStartTime"] = spelling.clone();
        let from = read_json(&json!([entry]))[0].validity().unwrap().from;
        assert_eq!(from.to_string(), expected, "{spelling}");
    }
}

#[test]
fn pem_and_der_of_each_form_are_read() {
    let pkcs1 = key().public_key_der();
    let spki = rsa_spki(pkcs1);
    let certificate = key().self_signed_certificate_pem(validity()).unwrap();
    let forms = [
        (pkcs1.to_vec(), KeyForm::Pkcs1),
        (pem("RSA PUBLIC KEY", pkcs1).into_bytes(), KeyForm::Pkcs1),
        (spki.clone(), KeyForm::Spki),
        (pem("PUBLIC KEY", &spki).into_bytes(), KeyForm::Spki),
        (certificate.clone().into_bytes(), KeyForm::Certificate),
    ];
    for (bytes, form) in forms {
        let keys = read(&bytes);
        assert_eq!(keys.len(), 1);
        assert_eq!(keys[0].form(), form);
        assert_eq!(keys[0].pkcs1_der(), pkcs1);
        assert_eq!(keys[0].region(), None);
        let expected = (form == KeyForm::Certificate).then(validity);
        assert_eq!(keys[0].validity(), expected, "{form}");
        // Found by either fingerprint, named by that of PKCS#1.
        let both = [key().fingerprint(), &fingerprint_of(&spki)];
        assert_eq!(keys[0].fingerprints().collect::<Vec<_>>(), both, "{form}");
    }
    let several = format!("text\n{}\n{certificate}", pem("PUBLIC KEY", &spki));
    assert_eq!(read(several.as_bytes()).len(), 2);
}

#[test]
fn a_spki_without_parameters_is_found_by_its_own_bytes_too() {
    let bare = spki(RSA_OID, &[], key().public_key_der());
    let keys = read(&bare);
    let expected = [
        key().fingerprint(),
        &fingerprint_of(&rsa_spki(key().public_key_der())),
        &fingerprint_of(&bare),
    ];
    assert_eq!(keys[0].fingerprints().collect::<Vec<_>>(), expected);
}

#[test]
fn keys_of_2048_to_8192_bits_are_read() {
    for bits in [2048, 2049, 3072, 4096, 4097, 5120, 8191, 8192] {
        let key = &read(&pkcs1_of_bits(bits))[0];
        assert_eq!(key.bits() as usize, bits);
    }
}

#[test]
fn a_ring_chooses_by_fingerprint_and_region() {
    let (one, other) = (entry(key().public_key_der()), entry(&pkcs1_of_bits(2048)));
    let mut ring = KeyRing::new();
    assert!(ring.is_empty());
    ring.add(read_json(&json!({"us-east-1": [one, other], "eu-west-3": [one]})));
    let fingerprint = key().fingerprint();
    let sources = |ring: &KeyRing, name: &str| -> Vec<_> {
        ring.find(fingerprint, &region(name)).map(|key| key.region().cloned()).collect()
    };
    assert_eq!(sources(&ring, "us-east-1"), [Some(region("us-east-1"))]);
    assert_eq!(sources(&ring, "eu-west-3"), [Some(region("eu-west-3"))]);
    assert_eq!(sources(&ring, "eu-west-1"), []);
    // A key without a region is for every region; the key with one is tried as well.
    ring.add(read(key().public_key_der()));
    assert_eq!(sources(&ring, "us-east-1"), [Some(region("us-east-1")), None]);
    assert_eq!(sources(&ring, "eu-west-1"), [None]);
    // And found by the fingerprint of its other encoding.
    let spki = fingerprint_of(&rsa_spki(key().public_key_der()));
    assert_eq!(ring.find(&spki, &region("eu-west-1")).count(), 1);
    assert_eq!(ring.keys().len(), 4);
}

#[test]
fn a_ring_keeps_exact_duplicates_once() {
    let mut ring = KeyRing::new();
    let one = entry(key().public_key_der());
    let mut longer = one.clone();
    longer["ValidityEndTime"] = json!(1_627_715_443);
    ring.add(read_json(&json!([one, one])));
    ring.add(parse_key_file("again", json!([one]).to_string().as_bytes()).unwrap());
    assert_eq!(ring.keys().len(), 1);
    assert_eq!(ring.keys()[0].source(), "file");
    ring.add(read_json(&json!([longer])));
    ring.add(read_json(&json!({"us-east-1": [one]})));
    assert_eq!(ring.keys().len(), 3, "another validity or region is another key");
}

#[test]
fn a_validity_includes_both_its_ends() {
    let validity = validity();
    let next = |time: jiff::Timestamp, by| time + jiff::SignedDuration::from_secs(by);
    assert!(validity.contains(validity.from) && validity.contains(validity.to));
    assert!(!validity.contains(next(validity.from, -1)));
    assert!(!validity.contains(next(validity.to, 1)));
    assert_eq!(validity.to_string(), "2018-04-30T21:24:03Z to 2018-05-30T21:24:03Z");
}

/// Whatever is read back must be a key that can be used, however the bytes came about.
fn read_or_refuse(bytes: &[u8]) -> Result<(), TestCaseError> {
    match parse_key_file("file", bytes) {
        Ok(keys) => {
            prop_assert!(!keys.is_empty());
            for key in keys {
                prop_assert!((2048..=8192).contains(&key.bits()));
                prop_assert!(!key.verify("text", &[0; 256]));
            }
        }
        Err(error) => prop_assert!(error.to_string().starts_with("file: ")),
    }
    Ok(())
}

fn samples() -> Vec<Vec<u8>> {
    let pkcs1 = key().public_key_der();
    let certificate = key().self_signed_certificate_pem(validity()).unwrap();
    let block = crate::crypto::pem::blocks(&certificate).unwrap().remove(0);
    vec![
        pkcs1.to_vec(),
        rsa_spki(pkcs1),
        block.der.unwrap(),
        certificate.into_bytes(),
        render_public_keys(&[(pkcs1, validity())]).into_bytes(),
    ]
}

proptest! {
    #[test]
    fn noise_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), first in 0..6_usize) {
        read_or_refuse(&bytes)?;
        let starts: [&[u8]; 6] = [b"[", b"{", b"0\x82\x01", b"0", b"-----BEGIN ", b"\xef\xbb\xbf"];
        read_or_refuse(&[starts[first], &bytes].concat())?;
    }

    #[test]
    fn damaged_keys_never_panic(
        sample in 0..5_usize, at in any::<prop::sample::Index>(), byte: u8, cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = samples().swap_remove(sample);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        read_or_refuse(&bytes)?;
        bytes.truncate(cut.index(bytes.len()));
        read_or_refuse(&bytes)?;
    }
}
