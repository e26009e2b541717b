//! Refusals: one test for each reason, named after it.

use super::*;
use crate::crypto::{
    KEY_FILE_LIMIT, KeyFileError, Refusal, Signer as _, SigningKey, SigningKeyError, parse_key_file,
};

const EC_OID: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const P256: &[u8] = &[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const ED25519_OID: &[u8] = &[0x2b, 0x65, 0x70];
const PSS_OID: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];

#[track_caller]
fn refused(bytes: &[u8]) -> KeyFileError {
    match parse_key_file("my keys", bytes) {
        Ok(keys) => panic!("accepted: {keys:?}"),
        Err(error) => {
            assert!(error.to_string().starts_with("my keys: "), "{error}");
            error
        }
    }
}

#[track_caller]
fn why(bytes: &[u8]) -> Refusal {
    refused(bytes).refusal
}

/// An entry with one field changed; null takes it away.
fn with(name: &str, value: Value) -> Value {
    let mut entry = entry(key().public_key_der());
    entry[name] = value;
    if entry[name].is_null() {
        entry.as_object_mut().unwrap().remove(name);
    }
    json!({"PublicKeyList": [entry]})
}

#[track_caller]
fn field(json: &Value) -> (&'static str, String) {
    match why(json.to_string().as_bytes()) {
        Refusal::Field { field, actual, .. } => (field, actual),
        other => panic!("{other}"),
    }
}

#[test]
fn file_too_large() {
    assert_eq!(why(&vec![b' '; KEY_FILE_LIMIT + 1]), Refusal::FileTooLarge);
    assert_eq!(why(&vec![b' '; KEY_FILE_LIMIT]), Refusal::Empty, "the limit itself is allowed");
}

#[test]
fn empty_file() {
    for bytes in [&b""[..], b" \r\n", b"\xef\xbb\xbf"] {
        assert_eq!(why(bytes), Refusal::Empty);
    }
}

#[test]
fn utf16_as_powershell_writes_it() {
    let text = with("Value", json!("x")).to_string();
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(why(&[b"\xff\xfe", utf16.as_slice()].concat()), Refusal::Utf16);
}

#[test]
fn not_utf8() {
    assert_eq!(why(b"{\"PublicKeyList\": [\"\xff\"]}"), Refusal::NotUtf8);
    assert_eq!(why(b"-----BEGIN PUBLIC KEY-----\n\xff"), Refusal::NotUtf8);
}

#[test]
fn garbage() {
    for bytes in [&b"hello"[..], b"ssh-rsa AAAAB3NzaC1yc2E= me", b"\x00\x01\x02", b"\"text\""] {
        assert_eq!(why(bytes), Refusal::Unknown);
    }
}

#[test]
fn json_that_is_cut_off_or_says_something_twice() {
    let text = with("Value", json!("x")).to_string();
    for (text, reason) in [
        (text[..40].to_owned(), "EOF"),
        (
            text.replace("{\"PublicKeyList\"", "{\"PublicKeyList\":[],\"PublicKeyList\""),
            "field PublicKeyList is given twice",
        ),
        (text.replace("\"Value\"", "\"Value\":\"y\",\"Value\""), "field Value is given twice"),
        (text.replace("\"Value\"", "\"value\":\"y\",\"Value\""), "field Value is given twice"),
        (
            text.replace("{\"PublicKeyList\"", "{\"publicKeyList\":[],\"PublicKeyList\""),
            "field PublicKeyList is given twice",
        ),
    ] {
        let error = refused(text.as_bytes());
        assert!(matches!(error.refusal, Refusal::Json(_)), "{error}");
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[test]
fn json_of_another_shape() {
    let list = json!([entry(key().public_key_der())]);
    for json in [
        json!({}),
        json!({"Trails": []}),
        json!({"PublicKeyList": {}}),
        json!({"us-east-1": {"Keys": []}}),
        json!({"us-east-1": 1}),
        json!({"us-east-1": list, "Trails": list}),
        json!({"us-east-1": list, "PublicKeyList": list}),
        json!([1]),
        json!([[list]]),
    ] {
        assert!(matches!(why(json.to_string().as_bytes()), Refusal::Shape(_)), "{json}");
    }
}

#[test]
fn list_without_keys() {
    for json in [
        json!([]),
        json!({"PublicKeyList": []}),
        json!({"us-east-1": {"PublicKeyList": []}, "us-east-2": []}),
    ] {
        assert_eq!(why(json.to_string().as_bytes()), Refusal::NoKeys, "{json}");
    }
}

#[test]
fn field_missing() {
    for name in ["Value", "ValidityStartTime", "ValidityEndTime", "Fingerprint"] {
        assert_eq!(field(&with(name, Value::Null)), (name, "missing".to_owned()));
    }
}

#[test]
fn field_of_another_form() {
    for (name, value, shown) in [
        ("Value", json!("not base64!"), "not base64!"),
        ("Value", json!(7), "7"),
        ("Fingerprint", json!("ABC"), "ABC"),
        ("Fingerprint", json!(["x"]), "a list"),
        ("ValidityStartTime", json!(true), "true"),
        ("ValidityStartTime", json!("yesterday"), "yesterday"),
        ("ValidityStartTime", json!("2018-04-30T21:24:03"), "2018-04-30T21:24:03"),
        ("ValidityStartTime", json!(1_525_123_443_000_i64), "1525123443000"),
        ("ValidityEndTime", json!(1e300), "1000"),
        ("ValidityEndTime", json!(u64::MAX), "inf"),
        ("ValidityEndTime", json!("nan"), "nan"),
    ] {
        let (found, actual) = field(&with(name, value));
        assert_eq!(found, name);
        assert!(actual.starts_with(shown), "{actual}");
    }
}

#[test]
fn certificate_in_a_list() {
    let pem = key().self_signed_certificate_pem(validity()).unwrap();
    let der = crate::crypto::pem::blocks(&pem).unwrap().remove(0).der.unwrap();
    let (name, actual) = field(&json!([entry(&der)]));
    assert_eq!((name, actual.as_str()), ("Value", "an X.509 certificate"));
}

#[test]
fn validity_that_ends_before_it_starts() {
    let json = with("ValidityEndTime", json!(1_525_123_442));
    assert_eq!(why(json.to_string().as_bytes()), Refusal::ValidityReversed);
}

#[test]
fn fingerprint_of_another_key() {
    let json = with("Fingerprint", json!("061c92324c56b54f14b9203a86fe03cc"));
    let error = refused(json.to_string().as_bytes());
    let Refusal::WrongFingerprint { stated, actual } = &error.refusal else { panic!("{error}") };
    assert_eq!(stated.as_str(), "061c92324c56b54f14b9203a86fe03cc");
    assert_eq!(actual, key().fingerprint());
    let entry = "my keys: entry 1 (fingerprint 061c92324c56b54f14b9203a86fe03cc): the fingerprint";
    assert!(error.to_string().starts_with(entry), "{error}");
}

#[test]
fn fingerprint_of_the_other_encoding_in_a_list() {
    // Exactly the bytes of the value count there.
    let spki = fingerprint_of(&rsa_spki(key().public_key_der()));
    let json = with("Fingerprint", json!(spki));
    assert!(matches!(why(json.to_string().as_bytes()), Refusal::WrongFingerprint { .. }));
}

#[test]
fn private_keys() {
    let pkcs8 = key().to_pkcs8_pem().unwrap();
    let der = crate::crypto::pem::blocks(&pkcs8).unwrap().remove(0).der.unwrap();
    let pkcs1 = tlv(0x30, &[&[2, 1, 0], &[2, 1, 15], &[2, 1, 3], &[2, 1, 3]]);
    let encrypted = tlv(0x30, &[&tlv(0x30, &[]), &tlv(4, &[])]);
    let ec = tlv(0x30, &[&[2, 1, 1], &tlv(4, &[&[1; 32]])]);
    let mut all = vec![pkcs8.into_bytes(), der, pkcs1, encrypted, ec];
    for label in ["RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "PRIVATE KEY"] {
        all.push(pem(label, b"whatever").into_bytes());
    }
    for bytes in all {
        let error = refused(&bytes);
        assert_eq!(error.refusal, Refusal::PrivateKey);
        assert!(error.to_string().contains("this is a private key; use the public key"), "{error}");
    }
}

#[test]
fn keys_that_are_not_rsa() {
    for (der, expected) in [
        (spki(EC_OID, P256, &[4; 65]), "EC"),
        (spki(ED25519_OID, &[], &[7; 32]), "Ed25519"),
        (spki(PSS_OID, &[], key().public_key_der()), "RSA-PSS"),
        (spki(&[0x2a, 3], &[], &[7; 32]), "of algorithm 1.2.3"),
    ] {
        let expected = Refusal::NotRsa { algorithm: expected.to_owned() };
        assert_eq!(why(&der), expected);
        assert_eq!(why(pem("PUBLIC KEY", &der).as_bytes()), expected);
        assert_eq!(why(json!([entry(&der)]).to_string().as_bytes()), expected);
    }
}

#[test]
fn rsa_keys_too_small_or_too_large() {
    for bits in [512, 1024, 2047, 8193, 16384] {
        let expected = Refusal::KeySize { bits: u32::try_from(bits).unwrap() };
        assert_eq!(why(&pkcs1_of_bits(bits)), expected);
        assert_eq!(why(&rsa_spki(&pkcs1_of_bits(bits))), expected);
        let list = json!([entry(&pkcs1_of_bits(bits))]);
        assert_eq!(why(list.to_string().as_bytes()), expected);
    }
}

#[test]
fn trailing_bytes() {
    let mut der = key().public_key_der().to_vec();
    der.extend(b"\0\0\0");
    let expected = Refusal::TrailingBytes { count: 3 };
    assert_eq!(why(&der), expected);
    assert_eq!(why(pem("RSA PUBLIC KEY", &der).as_bytes()), expected);
    assert_eq!(why(json!([entry(&der)]).to_string().as_bytes()), expected);
    let inside = rsa_spki(&der);
    assert!(matches!(why(&inside), Refusal::Der(_)));
}

#[test]
fn damaged_der() {
    let good = key().public_key_der();
    let padded = tlv(0x30, &[&tlv(2, &[&[0, 0], &good[9..265]]), &tlv(2, &[&[1, 0, 1]])]);
    let negative = tlv(0x30, &[&tlv(2, &[&[0xff; 256]]), &tlv(2, &[&[1, 0, 1]])]);
    let parameters = spki(RSA_OID, &[2, 1, 0], good);
    for bytes in
        [&good[..good.len() - 1], b"0", b"0\x80\0\0", b"0\0", &padded, &negative, &parameters]
    {
        assert!(matches!(why(bytes), Refusal::Der(_)), "{bytes:?}");
    }
}

#[test]
fn rsa_keys_that_no_engine_uses() {
    let modulus = tlv(2, &[&[0], &[0xff; 256]]);
    let even = tlv(2, &[&[0], &[0xfe; 256]]);
    for (modulus, exponent) in [
        (&modulus, &[1_u8][..]),
        (&modulus, &[0x01, 0x00, 0x00]),
        (&modulus, &[0x7f; 128]),
        (&even, &[1, 0, 1]),
    ] {
        let der = tlv(0x30, &[modulus, &tlv(2, &[exponent])]);
        assert!(matches!(why(&der), Refusal::Unusable(_)), "{exponent:?}");
    }
}

#[test]
fn damaged_pem() {
    let good = pem("RSA PUBLIC KEY", key().public_key_der());
    for text in [
        "-----BEGIN ".to_owned(),
        good.replace("-----END RSA PUBLIC KEY-----", ""),
        good.replace("END RSA", "END"),
        good.replacen("MII", "M!I", 1),
        good.replacen("MII", "Comment: x\n\nMII", 1),
    ] {
        assert!(matches!(why(text.as_bytes()), Refusal::Pem(_)), "{text}");
    }
}

#[test]
fn pem_of_something_else_names_the_block() {
    let good = pem("RSA PUBLIC KEY", key().public_key_der());
    let error = refused(format!("{good}{}", pem("CERTIFICATE\u{1b} REQUEST", b"x")).as_bytes());
    assert!(matches!(error.refusal, Refusal::PemLabel { .. }), "{error}");
    let start = "my keys: block 2 (CERTIFICATE\\u{1b} REQUEST): a PEM block of CERTIFICATE\\u{1b}";
    assert!(error.to_string().starts_with(start), "{error}");
}

#[test]
fn damaged_certificate() {
    let der = tlv(0x30, &[&tlv(0x30, &[]), &tlv(0x30, &[]), &tlv(3, &[&[0]])]);
    assert!(matches!(why(&der), Refusal::Certificate(_)));
}

#[test]
fn signing_keys_that_are_none() {
    let good = key().to_pkcs8_pem().unwrap();
    let from = |text: &str| SigningKey::from_pem("my key", text).unwrap_err();
    let public = pem("RSA PUBLIC KEY", key().public_key_der());
    assert!(matches!(from("hello"), SigningKeyError::NotPem { .. }));
    assert!(matches!(from(&good.replacen("MII", "M!I", 1)), SigningKeyError::NotPem { .. }));
    assert!(matches!(from(&format!("{good}{good}")), SigningKeyError::Several { count: 2, .. }));
    assert!(matches!(from(&format!("{good}{public}")), SigningKeyError::Several { count: 2, .. }));
    assert!(matches!(from(&public), SigningKeyError::Public { .. }));
    assert!(matches!(from(&pem("OPENSSH PRIVATE KEY", b"x")), SigningKeyError::Label { .. }));
    assert!(matches!(from(&pem("ENCRYPTED PRIVATE KEY", b"x")), SigningKeyError::Encrypted { .. }));
    let ec = format!("{}{}", pem("EC PARAMETERS", P256), pem("EC PRIVATE KEY", b"x"));
    assert!(matches!(from(&ec), SigningKeyError::NotRsa { .. }));
    assert!(matches!(from(&pem("PRIVATE KEY", b"x")), SigningKeyError::Damaged { .. }));
    let error = from(&pem("RSA PRIVATE KEY", key().public_key_der())).to_string();
    assert!(error.starts_with("my key: the private key is damaged: "), "{error}");
}

#[test]
fn certificates_of_another_key_and_other_files() {
    let other = SigningKey::generate().unwrap();
    let certificate = other.self_signed_certificate_pem(validity()).unwrap();
    let check = |pem: &str| key().check_certificate("cert", pem.as_bytes()).unwrap_err();
    let error = check(&certificate);
    let SigningKeyError::OtherCertificate { expected, actual, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!((expected, actual), (key().fingerprint(), other.fingerprint()));
    let public = pem("RSA PUBLIC KEY", key().public_key_der());
    assert!(matches!(check(&public), SigningKeyError::NoCertificate { .. }));
    assert!(matches!(check("hello"), SigningKeyError::KeyFile(_)));
    let reversed = Validity { from: validity().to, to: validity().from };
    let error = key().self_signed_certificate_pem(reversed).unwrap_err();
    assert!(matches!(error, SigningKeyError::Validity(_)), "{error}");
}
