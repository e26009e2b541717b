//! `trailseal inspect`: what it shows of a digest, and that OpenSSL alone agrees with it.

use crate::common;
use std::fs;
use std::process::Command;

use crate::common::{Ran, Tree, digest_key, key, trailseal};
use serde_json::Value;

fn inspect(tree: &Tree, hour: u8, args: &[&str]) -> Ran {
    let path = tree.path(&digest_key(hour));
    let mut all = vec!["inspect", path.to_str().unwrap()];
    all.extend(args);
    trailseal(&all)
}

fn json(tree: &Tree, hour: u8, with_keys: bool) -> (u8, Value) {
    let keys = tree.keys.to_str().unwrap().to_owned();
    let mut args = vec!["--format", "json"];
    if with_keys {
        args.extend(["--keys", &keys]);
    }
    let ran = inspect(tree, hour, &args);
    (ran.status, serde_json::from_str(&ran.out).unwrap())
}

#[test]
fn shows_what_a_digest_states() {
    let tree = Tree::sealed();
    let (status, shown) = json(&tree, 5, true);
    assert_eq!((status, &shown["verdict"]), (0, &"valid".into()));
    assert_eq!(shown["key"], digest_key(5));
    assert_eq!(shown["previous"]["key"], digest_key(4));
    assert_eq!(shown["log_files"][0]["key"], common::log_key(4));
    assert_eq!(shown["end"], "2026-03-01T05:00:00Z");
    let text = inspect(&tree, 5, &["--keys", tree.keys.to_str().unwrap()]).out;
    for line in shown["signing_string"].as_str().unwrap().lines() {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn openssl_verifies_the_signing_string_that_it_shows() {
    let tree = Tree::sealed();
    let (_, shown) = json(&tree, 5, true);
    let file = |name: &str, bytes: &[u8]| {
        let path = tree.root().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let certificate = key().self_signed_certificate_pem(common::always()).unwrap();
    let certificate = file("certificate.pem", certificate.as_bytes());
    let public = Command::new("openssl")
        .args(["x509", "-pubkey", "-noout", "-in"])
        .arg(certificate)
        .output();
    let Ok(public) = public else {
        let _ =
            std::io::Write::write_all(&mut std::io::stderr(), b"SKIPPED: there is no openssl\n");
        return;
    };
    let public = file("public.pem", &public.stdout);
    let text = file("signing-string", shown["signing_string"].as_str().unwrap().as_bytes());
    let signature = hex::decode(shown["signature"].as_str().unwrap()).unwrap();
    let signature = file("signature", &signature);
    let verified = Command::new("openssl")
        .args(["dgst", "-sha256", "-verify"])
        .arg(public)
        .arg("-signature")
        .arg(signature)
        .arg(text)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&verified.stdout).trim(), "Verified OK");
}

#[test]
fn tells_what_is_wrong_by_verdict_and_status() {
    let tree = Tree::sealed();
    assert_eq!(json(&tree, 5, false).0, 3, "without keys nothing is known");
    let verdict = |tree: &Tree| {
        let (status, shown) = json(tree, 5, true);
        (status, shown["verdict"].as_str().unwrap().to_owned())
    };
    tree.lose_metadata(&digest_key(5));
    assert_eq!(verdict(&tree), (3, "unsigned".to_owned()));
    let tree = Tree::sealed();
    tree.rewrite(&digest_key(5), "\"logFiles\"", " \"logFiles\"");
    assert_eq!(verdict(&tree), (1, "modified".to_owned()));
    let tree = Tree::sealed();
    tree.change(&digest_key(5), |bytes| bytes.push(0));
    assert_eq!(verdict(&tree), (1, "digest-trailing-data".to_owned()));
    let tree = Tree::sealed();
    fs::copy(tree.path(&digest_key(4)), tree.path(&digest_key(5))).unwrap();
    assert_eq!(verdict(&tree), (1, "digest-moved".to_owned()));
    let tree = Tree::sealed();
    let other = crate::common::other_key();
    let keys = trailseal::internals::crypto::render_public_keys(&[(
        other.public_key_der(),
        common::always(),
    )]);
    fs::write(&tree.keys, keys).unwrap();
    assert_eq!(verdict(&tree), (3, "key unknown".to_owned()));
    let ran = trailseal(&["inspect", tree.keys.to_str().unwrap()]);
    assert_eq!((ran.status, ran.out.as_str()), (2, ""), "{}", ran.err);
    for path in ["no-such-file", tree.root().to_str().unwrap()] {
        let ran = trailseal(&["inspect", path]);
        assert_eq!(ran.status, 2);
        assert!(ran.err.contains("\n  use the path of a digest in a copy: "), "{}", ran.err);
    }
}

#[test]
fn a_digest_taken_out_of_its_folders_is_shown_all_the_same() {
    let tree = Tree::sealed();
    let name = digest_key(5).rsplit('/').next().unwrap().to_owned();
    for suffix in ["", ".metadata.json"] {
        let from = tree.path(&format!("{}{suffix}", digest_key(5)));
        fs::copy(from, tree.root().join(format!("{name}{suffix}"))).unwrap();
    }
    let path = tree.root().join(name);
    let ran =
        trailseal(&["inspect", path.to_str().unwrap(), "--keys", tree.keys.to_str().unwrap()]);
    assert_eq!(ran.status, 0, "{}{}", ran.out, ran.err);
}
