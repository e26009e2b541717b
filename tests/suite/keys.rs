//! `trailseal keys` and the key layer against the world: genuine AWS keys and signatures, and
//! openssl as second opinion.

// Helpers of tests may unwrap as tests do; clippy's leave covers the test functions only.
// What is skipped is said aloud.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Parser as _;
use jiff::Timestamp;
use trailseal::internals::cli::keys::{KeysCommand, run};
use trailseal::internals::cli::{Console, Failure};
use trailseal::internals::crypto::{
    KeyForm, KeyRing, Refusal, Signer as _, SigningKey, SigningKeyError, Validity, parse_key_file,
};
use trailseal::internals::model::{Fingerprint, Region, Sha256Hash};

/// A file of the genuine material, which is not part of the repository.
fn genuine(name: &str) -> Option<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(name);
    let bytes = fs::read(&path).ok();
    if bytes.is_none() {
        eprintln!("SKIPPED: {} is not there", path.display());
    }
    bytes
}

#[test]
fn genuine_keys_of_two_regions_load() {
    let Some(bytes) = genuine("real-public-keys.json") else {
        return;
    };
    let keys = parse_key_file("real-public-keys.json", &bytes).unwrap();
    assert_eq!(keys.len(), 189);
    let of = |name| {
        let region = Region::parse(name).unwrap();
        keys.iter().filter(|key| key.region() == Some(&region)).count()
    };
    assert_eq!((of("us-east-1"), of("us-west-2")), (95, 94));
    assert!(keys.iter().all(|key| key.bits() == 2048 && key.form() == KeyForm::ListPublicKeys));
    let mut ring = KeyRing::new();
    ring.add(keys);
    assert_eq!(ring.keys().len(), 189);
    let named = Fingerprint::parse("061c92324c56b54f14b9203a86fe03cc").unwrap();
    let (east, west) = (Region::parse("us-east-1").unwrap(), Region::parse("us-west-2").unwrap());
    let found: Vec<_> = ring.find(&named, &east).collect();
    assert_eq!(found.len(), 1);
    let validity = found[0].validity().unwrap().to_string();
    assert_eq!(validity, "2018-04-30T21:24:03Z to 2018-05-30T21:24:03Z");
    assert_eq!(ring.find(&named, &west).count(), 0);
}

#[test]
fn genuine_signatures_verify_with_both_engines_and_altered_ones_with_neither() {
    let Some(bytes) = genuine("real-signatures.json") else {
        return;
    };
    let samples: Vec<serde_json::Value> = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(samples.len(), 3);
    for sample in &samples {
        let text = |name: &str| sample[name].as_str().unwrap();
        let der = STANDARD.decode(text("publicKeyBase64")).unwrap();
        let key = parse_key_file("genuine", &der).unwrap().remove(0);
        let named = Fingerprint::parse(text("fingerprint")).unwrap();
        assert!(key.fingerprints().any(|found| *found == named), "{}", text("name"));
        let hash = Sha256Hash::parse(text("sha256OfSigningString")).unwrap();
        let mut signature = hex::decode(text("signatureHex")).unwrap();
        assert!(key.verify_aws_lc(hash, &signature), "{}", text("name"));
        assert!(key.verify_rsa(hash, &signature), "{}", text("name"));
        assert!(key.verify_hash(hash, &signature));
        signature[200] ^= 1;
        assert!(!key.verify_aws_lc(hash, &signature) && !key.verify_rsa(hash, &signature));
        assert!(!key.verify_hash(hash, &signature));
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Runs openssl in a folder; `None` where it is not installed.
fn openssl(dir: &Path, command: &str) -> Option<String> {
    let run = Command::new("openssl").args(command.split(' ')).current_dir(dir).output();
    let Ok(output) = run else {
        eprintln!("SKIPPED: openssl is not installed");
        return None;
    };
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "openssl {command}: {error}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn openssl_verifies_our_signature_and_reads_our_certificate() {
    let dir = crate::common::scratch();
    if openssl(dir.path(), "version").is_none() {
        return;
    }
    let key = crate::common::other_key();
    // From the years that certificates write with two digits to those with four.
    let validity = Validity { from: at("2013-11-13T00:00:00Z"), to: at("2126-02-03T04:05:06Z") };
    let certificate = key.self_signed_certificate_pem(validity).unwrap();
    fs::write(dir.path().join("cert.pem"), certificate).unwrap();
    fs::write(dir.path().join("message"), "a\nb\nc\nnull").unwrap();
    fs::write(dir.path().join("signature"), key.sign(b"a\nb\nc\nnull").unwrap()).unwrap();
    let ssl = |command: &str| openssl(dir.path(), command).unwrap();
    fs::write(dir.path().join("pub.pem"), ssl("x509 -in cert.pem -noout -pubkey")).unwrap();
    let verdict = ssl("dgst -sha256 -verify pub.pem -signature signature message");
    assert_eq!(verdict.trim(), "Verified OK");
    assert_eq!(ssl("verify -CAfile cert.pem cert.pem").trim(), "cert.pem: OK");
    let name = format!("CN = trailseal {}", key.fingerprint());
    let text = ssl("x509 -in cert.pem -noout -text -startdate -enddate");
    for part in [
        &format!("Subject: {name}"),
        &format!("Issuer: {name}"),
        "notBefore=Nov 13 00:00:00 2013 GMT",
        "notAfter=Feb  3 04:05:06 2126 GMT",
        "CA:FALSE",
        "Digital Signature\n",
    ] {
        assert!(text.contains(part), "{part} not in {text}");
    }
    // Years before those of two digits, and before 1970.
    let validity = Validity { from: at("0987-01-02T03:04:05Z"), to: at("1969-12-31T23:59:59Z") };
    let certificate = key.self_signed_certificate_pem(validity).unwrap();
    let read = key.check_certificate("cert", certificate.as_bytes()).unwrap();
    assert_eq!(read.validity(), Some(validity));
    fs::write(dir.path().join("old.pem"), certificate).unwrap();
    let text = ssl("asn1parse -in old.pem");
    for part in [":09870102030405Z", ":691231235959Z"] {
        assert!(text.contains(part), "{part} not in {text}");
    }
    // And the key that we write is one that openssl signs with, to the same bytes.
    fs::write(dir.path().join("key.pem"), key.to_pkcs8_pem().unwrap()).unwrap();
    ssl("dgst -sha256 -sign key.pem -out theirs message");
    assert_eq!(
        fs::read(dir.path().join("theirs")).unwrap(),
        fs::read(dir.path().join("signature")).unwrap()
    );
}

#[test]
fn keys_made_by_openssl_load_and_verify_in_every_form() {
    check_keys_made_by_openssl_load_and_verify_in_every_form(2);
}

#[test]
#[ignore = "slow: every size of key"]
fn keys_made_by_openssl_load_and_verify_in_every_form_in_every_case() {
    check_keys_made_by_openssl_load_and_verify_in_every_form(1);
}

fn check_keys_made_by_openssl_load_and_verify_in_every_form(step: usize) {
    let dir = crate::common::scratch();
    if openssl(dir.path(), "version").is_none() {
        return;
    }
    let ssl = |command: &str| openssl(dir.path(), command).unwrap();
    let read = |name: &str| fs::read(dir.path().join(name)).unwrap();
    fs::write(dir.path().join("message"), "text").unwrap();
    for bits in [2048, 3072, 4096, 5120].into_iter().step_by(step) {
        ssl(&format!("genrsa -out key.pem {bits}"));
        ssl("rsa -in key.pem -traditional -out pkcs1-key.pem");
        ssl("dgst -sha256 -sign key.pem -out signature message");
        ssl("pkey -in key.pem -pubout -out spki.pem");
        ssl("pkey -in key.pem -pubout -outform DER -out spki.der");
        ssl("rsa -in key.pem -RSAPublicKey_out -out pkcs1.pem");
        ssl("rsa -in key.pem -RSAPublicKey_out -outform DER -out pkcs1.der");
        ssl("req -x509 -new -key key.pem -subj /CN=x -days 30 -out cert.pem");
        ssl("x509 -in cert.pem -outform DER -out cert.der");
        let signing = String::from_utf8(read("key.pem")).unwrap();
        let signing = SigningKey::from_pem("key.pem", &signing).unwrap();
        assert_eq!(signing.sign(b"text").unwrap(), read("signature"), "{bits}");
        let pkcs1 = String::from_utf8(read("pkcs1-key.pem")).unwrap();
        assert!(pkcs1.contains("BEGIN RSA PRIVATE KEY"));
        let pkcs1 = SigningKey::from_pem("pkcs1-key.pem", &pkcs1).unwrap();
        assert_eq!(pkcs1.fingerprint(), signing.fingerprint());
        for name in ["spki.pem", "spki.der", "pkcs1.pem", "pkcs1.der", "cert.pem", "cert.der"] {
            let keys = parse_key_file(name, &read(name)).unwrap();
            assert_eq!(keys.len(), 1, "{name}");
            assert_eq!((keys[0].bits(), keys[0].fingerprint()), (bits, signing.fingerprint()));
            let hash = Sha256Hash::of(b"text");
            assert!(keys[0].verify_aws_lc(hash, &read("signature")), "{name} {bits}");
            assert!(keys[0].verify_rsa(hash, &read("signature")), "{name} {bits}");
            assert_eq!(keys[0].validity().is_some(), name.starts_with("cert"));
        }
        signing.check_certificate("cert.pem", &read("cert.pem")).unwrap();
    }
}

#[test]
fn keys_made_by_openssl_that_cannot_serve_are_refused() {
    let dir = crate::common::scratch();
    if openssl(dir.path(), "version").is_none() {
        return;
    }
    let ssl = |command: &str| openssl(dir.path(), command).unwrap();
    let read = |name: &str| fs::read(dir.path().join(name)).unwrap();
    let signing = |name: &str| {
        SigningKey::from_pem(name, &String::from_utf8(read(name)).unwrap()).unwrap_err()
    };
    let refusal = |name: &str| parse_key_file(name, &read(name)).unwrap_err().refusal;
    ssl("genrsa -out small.pem 1024");
    ssl("ecparam -name prime256v1 -genkey -out sec1.pem");
    ssl("genpkey -algorithm ED25519 -out ed.pem");
    ssl("genpkey -algorithm RSA-PSS -pkeyopt rsa_keygen_bits:2048 -out pss.pem");
    ssl("pkcs8 -topk8 -nocrypt -in sec1.pem -out ec.pem");
    for name in ["small", "ec", "ed", "pss"] {
        ssl(&format!("pkey -in {name}.pem -pubout -out {name}-pub.pem"));
        ssl(&format!("pkey -in {name}.pem -pubout -outform DER -out {name}-pub.der"));
        assert_eq!(refusal(&format!("{name}.pem")), Refusal::PrivateKey);
        assert_eq!(refusal(&format!("{name}-pub.pem")), refusal(&format!("{name}-pub.der")));
    }
    ssl("req -x509 -new -key ec.pem -subj /CN=x -days 30 -out ec-cert.pem");
    ssl("req -new -key ec.pem -subj /CN=x -out request.pem");
    let not_rsa = |name: &str| Refusal::NotRsa { algorithm: name.to_owned() };
    assert_eq!(refusal("small-pub.pem"), Refusal::KeySize { bits: 1024 });
    assert_eq!(refusal("ec-pub.pem"), not_rsa("EC"));
    assert_eq!(refusal("ec-cert.pem"), not_rsa("EC"));
    assert_eq!(refusal("ed-pub.pem"), not_rsa("Ed25519"));
    assert_eq!(refusal("pss-pub.pem"), not_rsa("RSA-PSS"));
    assert!(matches!(refusal("request.pem"), Refusal::PemLabel { .. }));

    assert!(matches!(signing("small.pem"), SigningKeyError::KeySize { bits: 1024, .. }));
    for name in ["ec.pem", "sec1.pem", "ed.pem", "pss.pem"] {
        assert!(matches!(signing(name), SigningKeyError::NotRsa { .. }), "{name}");
    }
    ssl("genrsa -out good.pem 2048");
    ssl("pkey -in good.pem -aes256 -passout pass:secret -out encrypted.pem");
    ssl("rsa -in good.pem -traditional -aes256 -passout pass:secret -out encrypted-pkcs1.pem");
    ssl("pkey -in good.pem -pubout -out good-pub.pem");
    assert!(matches!(signing("encrypted.pem"), SigningKeyError::Encrypted { .. }));
    assert!(matches!(signing("encrypted-pkcs1.pem"), SigningKeyError::Encrypted { .. }));
    assert!(matches!(signing("good-pub.pem"), SigningKeyError::Public { .. }));
}

#[derive(Debug, clap::Parser)]
struct Keys {
    #[command(subcommand)]
    command: KeysCommand,
}

const NOW: &str = "2026-11-21T10:00:00.5Z";

/// Runs `keys` with these arguments; the text printed or the failure.
fn keys(args: &[&str]) -> Result<String, Failure> {
    let args = ["keys"].iter().chain(args);
    let command = Keys::try_parse_from(args).map_err(Failure::usage)?.command;
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let status = run(
        &command,
        &mut Console {
            out: &mut out,
            err: &mut err,
            now: at(NOW),
            color: false,
            width: 100,
            stop: trailseal::internals::run::pool::Stop::default(),
        },
    )?;
    assert_eq!((status, err.as_slice()), (0, &b""[..]));
    Ok(String::from_utf8(out).unwrap())
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn path(dir: &Path, name: &str) -> (PathBuf, String) {
    let path = dir.join(name);
    let text = path.to_str().unwrap().to_owned();
    (path, text)
}

#[test]
fn generate_writes_three_files_that_belong_together() {
    let root = crate::common::scratch();
    let (dir, shown) = path(root.path(), "new/keys");
    let printed = keys(&["generate", &shown]).unwrap();
    assert_eq!(names(&dir), ["certificate.pem", "public-keys.json", "signing-key.pem"]);
    let read = |name: &str| fs::read(dir.join(name)).unwrap();
    let pem = String::from_utf8(read("signing-key.pem")).unwrap();
    assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
    let key = SigningKey::from_pem("signing-key.pem", &pem).unwrap();
    let expected = Validity { from: at("2013-11-13T00:00:00Z"), to: at("2027-11-21T10:00:00Z") };
    let signature = key.sign(b"text").unwrap();
    for name in ["public-keys.json", "certificate.pem"] {
        let public = parse_key_file(name, &read(name)).unwrap().remove(0);
        assert_eq!(public.fingerprint(), key.fingerprint());
        assert_eq!(public.validity(), Some(expected), "{name}");
        assert!(public.verify("text", &signature));
    }
    key.check_certificate("certificate.pem", &read("certificate.pem")).unwrap();
    for part in [
        key.fingerprint().as_str(),
        "2013-11-13T00:00:00Z",
        "2027-11-21T10:00:00Z",
        "signing-key.pem",
        "public-keys.json",
        "certificate.pem",
        "--key ",
        "private",
    ] {
        assert!(printed.contains(part), "{part} not in {printed}");
    }
}

#[cfg(unix)]
#[test]
fn the_private_key_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = crate::common::scratch();
    keys(&["generate", dir.path().to_str().unwrap()]).unwrap();
    let mode = |name| fs::metadata(dir.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("signing-key.pem"), 0o600);
    for name in ["public-keys.json", "certificate.pem"] {
        // The umask decides, and never makes them executable or closes them to the owner.
        assert_eq!(mode(name) & 0o711, 0o600, "{name}");
    }
}

#[test]
fn generate_never_writes_over_a_file_and_then_writes_none() {
    for name in ["signing-key.pem", "public-keys.json", "certificate.pem"] {
        let dir = crate::common::scratch();
        fs::write(dir.path().join(name), "mine").unwrap();
        let failure = keys(&["generate", dir.path().to_str().unwrap()]).unwrap_err();
        assert_eq!(failure.status, 2);
        assert!(failure.message.contains(name), "{}", failure.message);
        assert_eq!(names(dir.path()), [name]);
        assert_eq!(fs::read(dir.path().join(name)).unwrap(), b"mine");
    }
}

#[cfg(unix)]
#[test]
fn a_link_that_leads_nowhere_is_in_the_way_too() {
    let dir = crate::common::scratch();
    let target = dir.path().join("elsewhere");
    std::os::unix::fs::symlink(&target, dir.path().join("signing-key.pem")).unwrap();
    let failure = keys(&["generate", dir.path().to_str().unwrap()]).unwrap_err();
    assert_eq!(failure.status, 2);
    assert!(!target.exists());
    assert_eq!(names(dir.path()), ["signing-key.pem"]);
}

#[test]
fn generate_refuses_a_place_that_is_no_folder() {
    let dir = crate::common::scratch();
    let (file, shown) = path(dir.path(), "file");
    fs::write(&file, "mine").unwrap();
    let failure = keys(&["generate", &shown]).unwrap_err();
    assert_eq!(failure.status, 2);
    assert!(failure.message.contains("file"), "{}", failure.message);
    assert_eq!(names(dir.path()), ["file"]);
}

#[test]
fn generate_takes_another_validity_and_refuses_an_impossible_one() {
    let root = crate::common::scratch();
    for (i, (from, days, shown)) in [
        ("2026-01-01", "1", "2026-01-01T00:00:00Z to 2026-11-22T10:00:00Z"),
        ("2026-01-01T12:00:00+02:00", "36500", "2026-01-01T10:00:00Z to 2126-10-28T10:00:00Z"),
    ]
    .iter()
    .enumerate()
    {
        let (dir, text) = path(root.path(), &i.to_string());
        keys(&["generate", &text, "--valid-from", from, "--valid-days", days]).unwrap();
        for name in ["public-keys.json", "certificate.pem"] {
            let found = parse_key_file(name, &fs::read(dir.join(name)).unwrap()).unwrap();
            assert_eq!(found[0].validity().unwrap().to_string(), *shown, "{name}");
        }
    }
    let (dir, text) = path(root.path(), "refused");
    for args in [
        ["--valid-days", "0"],
        ["--valid-days", "36501"],
        ["--valid-from", "1969-12-31"],
        ["--valid-from", "yesterday"],
        ["--valid-from", "2026-01-01T00:00:00"],
        ["--valid-from", "2030-01-01"],
    ] {
        let failure = keys(&["generate", &text, args[0], args[1]]).unwrap_err();
        assert_eq!(failure.status, 2, "{args:?}");
        assert!(!dir.exists(), "{args:?}");
    }
}

#[test]
fn show_lists_the_keys_as_text_and_json() {
    let dir = crate::common::scratch();
    keys(&["generate", dir.path().to_str().unwrap()]).unwrap();
    let (_, list) = path(dir.path(), "public-keys.json");
    let (_, certificate) = path(dir.path(), "certificate.pem");
    let text = keys(&["show", &list]).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2);
    let cells: Vec<_> = lines[1].split("  ").filter(|cell| !cell.is_empty()).collect();
    let json: serde_json::Value =
        serde_json::from_str(&keys(&["show", &certificate, "--format", "json"]).unwrap()).unwrap();
    let key = &json["keys"][0];
    let (from, to) = ("2013-11-13T00:00:00Z", "2027-11-21T10:00:00Z");
    let fingerprint = key["fingerprint"].as_str().unwrap();
    assert_eq!(
        cells.iter().map(|cell| cell.trim()).collect::<Vec<_>>(),
        [fingerprint, "any", "2048", from, to, "list-public-keys"]
    );
    assert_eq!(json["schema"], "trailseal.keys/1");
    assert_eq!((&key["bits"], &key["region"]), (&2048.into(), &serde_json::Value::Null));
    assert_eq!((&key["valid_from"], &key["valid_to"]), (&from.into(), &to.into()));
    assert_eq!((&key["form"], &key["source"]), (&"x509-certificate".into(), &certificate.into()));
}

#[test]
fn show_refuses_what_holds_no_public_key() {
    let dir = crate::common::scratch();
    keys(&["generate", dir.path().to_str().unwrap()]).unwrap();
    fs::write(dir.path().join("noise"), "noise").unwrap();
    for (name, reason) in [
        ("signing-key.pem", "this is a private key"),
        ("noise", "it contains no key"),
        ("absent", "cannot read"),
    ] {
        let (_, shown) = path(dir.path(), name);
        let failure = keys(&["show", &shown]).unwrap_err();
        assert_eq!(failure.status, 2, "{name}");
        assert!(failure.message.contains(reason), "{}", failure.message);
        assert!(failure.message.contains(name), "{}", failure.message);
    }
}

#[test]
fn help_shows_examples() {
    for command in ["generate", "show"] {
        let help = keys(&[command, "--help"]).unwrap_err().message;
        assert!(help.contains(&format!("Examples:\n  trailseal keys {command} ")), "{help}");
    }
}
