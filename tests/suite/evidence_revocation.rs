//! Revocation lists in seals and beside authorities: made by OpenSSL, judged by `evidence check` and the
//! script of a bag.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use crate::common::Tree;
use crate::common::bag::{Bag, Checked};
use crate::common::scratch;
use crate::evidence_seal::{Authority, authority, authority_or_skip, honest, parts};

const LISTS: &str = "seal/crls.pem";
const LONG_AGO: &str = "200301000000Z";
const LATER: &str = "490301000000Z";

/// A list of an authority in which these certificates are revoked, each at a time; its file.
fn list(authority: &Authority, name: &str, by: [&str; 2], revoked: &[(&str, &str)]) -> String {
    let index: String = revoked
        .iter()
        .map(|(certificate, time)| {
            authority
                .openssl(&format!("x509 -in {certificate}.pem -noout -serial -out {name}.number"));
            let serial = fs::read_to_string(authority.path(&format!("{name}.number"))).unwrap();
            let serial = serial.trim().replace("serial=", "");
            format!("R\t491231235959Z\t{time}\t{serial}\tunknown\t/CN={certificate}\n")
        })
        .collect();
    authority.write(&format!("{name}.index"), &index);
    authority.write(
        &format!("{name}.cnf"),
        &format!("[ca]\ndefault_ca = c\n[c]\ndatabase = ./{name}.index\ndefault_md = sha256\ndefault_crl_days = 30\ncrl_extensions = e\n[e]\nauthorityKeyIdentifier = keyid:always\n"),
    );
    let [certificate, key] = by;
    authority.openssl(&format!(
        "ca -gencrl -config {name}.cnf -cert {certificate}.pem -keyfile {key}.key -out {name}.crl"
    ));
    authority.text(&format!("{name}.crl"))
}

/// The check and the script come to the same with these authorities.
fn agree(bag: &Bag, ca: &str, name: &str, status: u8, expected: [&str; 3], words: &str) {
    let checked = bag.check(&["--ca", ca]);
    assert_eq!((checked.status, parts(&checked)), (status, expected), "{name}: {}", checked.json);
    assert_eq!(checked.json["seal"].to_string().contains("it was revoked at"), !words.is_empty());
    let ran = bag.script(&[ca]);
    assert_eq!((ran.status, ran.err.as_str()), (status, ""), "{name}: {}", ran.out);
    assert!(ran.out.contains(words), "{name}: {}", ran.out);
    assert_eq!(ran.out.contains("was revoked"), !words.is_empty(), "{name}: {}", ran.out);
}

#[test]
fn a_certificate_that_was_revoked_before_its_time_signs_nothing() {
    check_revoked(&["signer"]);
}

#[test]
#[ignore = "slow: each list of revoked certificates"]
fn a_certificate_that_was_revoked_before_its_time_signs_nothing_in_every_case() {
    check_revoked(&["others", "signer", "later", "stamps", "forged"]);
}

fn check_revoked(chosen: &[&str]) {
    let authority = authority_or_skip!();
    let tree = Tree::sealed();
    let url = authority.time_stamps(honest);
    // An authority of the same name, with another key.
    authority.openssl("req -x509 -key other-ca.key -out forged.pem -subj /CN=ca -days 30 -addext basicConstraints=critical,CA:TRUE");
    let (own, forged) = (["ca", "ca"], ["forged", "other-ca"]);
    type Case = (&'static str, [&'static str; 2], &'static [(&'static str, &'static str)], [u8; 2]);
    // Statuses of a bag that is signed alone, and of one that is time-stamped too.
    let cases: [Case; 5] = [
        ("others", own, &[("p256", LONG_AGO)], [0, 0]),
        ("signer", own, &[("rsa", LONG_AGO)], [3, 3]),
        ("later", own, &[("rsa", LATER), ("tsa", LATER)], [9, 0]),
        ("stamps", own, &[("tsa", LONG_AGO)], [0, 3]),
        ("forged", forged, &[("rsa", LONG_AGO), ("tsa", LONG_AGO)], [0, 0]),
    ];
    let (signed, stamped) = (
        authority.sealed(&tree, "rsa", &[]),
        authority.sealed(&tree, "rsa", &["--timestamp", &url]),
    );
    for (name, by, revoked, [alone, with]) in cases {
        if !chosen.contains(&name) {
            continue;
        }
        let file = list(authority, name, by, revoked);
        // In the bag, and beside the authorities.
        let both = format!("{name}-and-ca.pem");
        authority.write(
            &both,
            &[authority.path("ca.pem"), file.clone().into()]
                .map(|file| fs::read_to_string(file).unwrap())
                .concat(),
        );
        let (ca, both) = (authority.text("ca.pem"), authority.text(&both));
        let signers = if alone == 3 { "untrusted" } else { "trusted" };
        let words = |status| match status {
            3 if alone == 3 => "tagmanifest-sha256.txt.p7s: its certificate was revoked: Mar  1",
            3 => "timestamp.tsr: its certificate was revoked: Mar  1 00:00:00 2020 GMT",
            _ => "",
        };
        if alone != 9 {
            let packed = authority.sealed(&tree, "rsa", &["--crl", &file]);
            assert_eq!(packed.status, 0, "{name}: {}", packed.err);
            let label = "Trailseal-Seal: signed, with revocation lists\n";
            assert!(packed.read("bag-info.txt").contains(label));
            assert!(packed.read("VERIFY.md").contains("openssl crl -in seal/crls.pem"));
            let not_proven = |checked: Checked| checked.json["not_proven"].to_string();
            assert!(not_proven(authority.check(&packed)).contains("after the revocation lists"));
            assert!(not_proven(authority.check(&signed)).contains("there is no revocation list"));
            for (bag, ca) in [(&packed, &ca), (&signed, &both)] {
                agree(bag, ca, name, alone, [signers, signers, "absent"], words(alone));
            }
            assert_eq!(packed.check(&[]).status, 0, "{name}");
        }
        let packed = authority.sealed(&tree, "rsa", &["--timestamp", &url, "--crl", &file]);
        let stamp = if with == 3 && alone == 0 { "untrusted" } else { "trusted" };
        for (bag, ca) in [(&packed, &ca), (&stamped, &both)] {
            agree(bag, ca, name, with, [signers, signers, stamp], words(with));
        }
    }
}

#[test]
fn lists_that_were_taken_away_or_cannot_be_read_are_missed() {
    let authority = authority_or_skip!();
    let tree = Tree::sealed();
    let file = list(authority, "kept", ["ca", "ca"], &[]);
    let ca = authority.text("ca.pem");
    let bag = authority.sealed(&tree, "rsa", &["--crl", &file]);
    fs::write(bag.path(LISTS), "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n").unwrap();
    agree(&bag, &ca, "damaged", 3, ["untrusted", "untrusted", "absent"], "");
    assert_eq!((bag.check(&[]).status, bag.script(&[]).status), (0, 0));
    fs::remove_file(bag.path(LISTS)).unwrap();
    let checked = authority.check(&bag);
    assert_eq!(checked.faults(), [("bag-missing".to_owned(), LISTS.to_owned())]);
    assert_eq!((checked.status, bag.script(&[&ca]).status), (1, 1));
}

#[test]
fn what_is_no_list_is_refused_before_the_run_and_a_revoked_signer_is_warned_of() {
    let authority = authority_or_skip!();
    let tree = Tree::sealed();
    for (file, reason) in [
        ("ca.pem", "contains no revocation list"),
        ("ca.key", "contains no revocation list"),
        ("serial", "it is not a certificate revocation list"),
    ] {
        let refused = Bag::tried(&tree, &["--crl", &authority.text(file)]);
        assert_eq!(refused.status, 2, "{file}: {}", refused.err);
        assert!(refused.err.contains(reason), "{file}: {}", refused.err);
    }
    let file = list(authority, "warned", ["ca", "ca"], &[("rsa", LONG_AGO)]);
    authority.openssl("crl -in warned.crl -outform DER -out warned.der");
    let chain = [authority.path("rsa.pem"), authority.path("ca.pem")]
        .map(|f| fs::read_to_string(f).unwrap());
    authority.write("rsa-and-ca.pem", &chain.concat());
    let (key, cert) = (authority.text("rsa.key"), authority.text("rsa-and-ca.pem"));
    let bag =
        Bag::of(&tree, &["--sign", &key, "--cert", &cert, "--crl", &authority.text("warned.der")]);
    assert!(bag.err.contains("it was revoked at 2020-03-01T00:00:00Z"), "{}", bag.err);
    assert_eq!(bag.read(LISTS), fs::read_to_string(file).unwrap());
}

/// A server that gives out one list, at every path but `/none`.
fn given_out(list: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut buffer = [0; 4096];
            let n = stream.read(&mut buffer).unwrap();
            let (status, body) = match buffer[..n].starts_with(b"GET /none") {
                true => ("404 Not Found", &[][..]),
                false => ("200 OK", list.as_slice()),
            };
            let head = format!(
                "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                body.len()
            );
            stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        }
    });
    url
}

fn by_one_that_names_a_list(query: Vec<u8>, authority: &Authority) -> Vec<u8> {
    let folder = scratch();
    let [asked, reply] =
        ["query", "reply"].map(|name| folder.path().join(name).to_str().unwrap().to_owned());
    fs::write(&asked, query).unwrap();
    authority.openssl(&format!("ts -reply -config tsa-named.cnf -queryfile {asked} -out {reply}"));
    fs::read(reply).unwrap()
}

#[test]
fn lists_that_certificates_name_are_fetched_into_the_seal() {
    let authority = authority_or_skip!();
    let tree = Tree::sealed();
    let file = list(authority, "fetched", ["ca", "ca"], &[]);
    authority.openssl("crl -in fetched.crl -outform DER -out fetched.der");
    let url = given_out(fs::read(authority.path("fetched.der")).unwrap());
    let certified = |from: &str, name: &str, purpose: &str, address: &str| {
        authority.write(
            &format!("{name}.ext"),
            &format!("{purpose}crlDistributionPoints=URI:{address}\n"),
        );
        authority.openssl(&format!("x509 -req -in {from}.csr -CA ca.pem -CAkey ca.key -set_serial 77 -days 30 -extfile {name}.ext -out {name}.pem"));
    };
    let stamping = "extendedKeyUsage=critical,timeStamping\n";
    certified("rsa", "named", "", &format!("{url}/ca.crl"));
    certified("rsa", "named-none", "", &format!("{url}/none"));
    certified("tsa", "tsa-named", stamping, &format!("{url}/ca.crl"));
    let config = fs::read_to_string(authority.path("tsa.cnf")).unwrap();
    authority.write("tsa-named.cnf", &config.replace("./tsa.pem", "./tsa-named.pem"));
    let (key, stamps) =
        (authority.text("rsa.key"), authority.time_stamps(by_one_that_names_a_list));
    let pack = |certificate: &str, more: &[&str]| {
        let certificate = authority.text(certificate);
        Bag::of(&tree, &[&["--sign", &key, "--cert", &certificate], more].concat())
    };
    let one = fs::read_to_string(file).unwrap();
    let bag = pack("named.pem", &["--fetch-crls", "--timestamp", &stamps]);
    assert_eq!((bag.status, bag.err.contains("warning")), (0, false), "{}", bag.err);
    assert_eq!(bag.read(LISTS), one);
    agree(&bag, &authority.text("ca.pem"), "fetched", 0, ["trusted"; 3], "");
    // No network is asked unless it is to be.
    assert!(!pack("named.pem", &["--timestamp", &stamps]).path(LISTS).exists());
    // Trouble is a warning.
    let bag = pack("named-none.pem", &["--fetch-crls", "--timestamp", &stamps]);
    assert_eq!(bag.status, 0, "{}", bag.err);
    assert!(bag.err.contains("warning: no revocation list from http://127.0.0.1:"), "{}", bag.err);
    assert!(bag.err.contains("404"), "{}", bag.err);
    assert_eq!(bag.read(LISTS), one);
    assert!(bag.read("bag-info.txt").contains("Trailseal-Seal: signed, time-stamped\n"));
}
