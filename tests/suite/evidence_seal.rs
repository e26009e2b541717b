//! Seals of evidence bags: made with keys and authorities that OpenSSL makes, checked by it and by
//! `evidence check`. OpenSSL's own time-stamp server answers on the loopback.

use crate::common::bag;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use crate::common::bag::{Bag, Checked, files_of};
use crate::common::{Tree, gzip, log_key, scratch, trailseal};
use tempfile::TempDir;

/// Keys and certificates of an authority, signers and a time-stamp authority.
pub(crate) struct Authority {
    folder: TempDir,
}

/// One for all tests: making keys takes long. `None` where OpenSSL is not installed.
pub(crate) fn authority() -> Option<&'static Authority> {
    static AUTHORITY: OnceLock<Option<Authority>> = OnceLock::new();
    AUTHORITY.get_or_init(Authority::make).as_ref()
}

macro_rules! authority_or_skip {
    () => {
        match authority() {
            Some(authority) => authority,
            None => {
                eprintln!("SKIPPED: openssl is not installed");
                return;
            }
        }
    };
}
pub(crate) use authority_or_skip;

const TSA: &str = "[tsa]
default_tsa = t
[t]
serial = ./serial
crypto_device = builtin
signer_cert = ./tsa.pem
signer_key = ./tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
";

impl Authority {
    fn make() -> Option<Self> {
        Command::new("openssl").arg("version").output().ok().filter(|o| o.status.success())?;
        let authority = Self { folder: scratch() };
        for root in ["ca", "other-ca"] {
            authority.openssl(&format!("req -x509 -newkey rsa:2048 -nodes -keyout {root}.key -out {root}.pem -subj /CN={root} -days 30 -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign"));
        }
        authority.write(
            "mail",
            "keyUsage=critical,digitalSignature\nextendedKeyUsage=emailProtection\n",
        );
        authority.write("server", "extendedKeyUsage=serverAuth\n");
        authority.write("stamps", "extendedKeyUsage=critical,timeStamping\n");
        authority.write("tsa.cnf", TSA);
        authority.write(
            "tsa-sha1.cnf",
            &TSA.replace("ess_cert_id_alg = sha256", "ess_cert_id_alg = sha1"),
        );
        authority.write("serial", "01\n");
        let signers = [
            ("rsa", "rsa:2048", "ca", "mail", "30"),
            ("server", "rsa:2048", "ca", "server", "30"),
            ("outdated", "rsa:2048", "ca", "mail", "0"),
            ("stranger", "rsa:2048", "other-ca", "mail", "30"),
            ("tsa", "rsa:2048", "ca", "stamps", "30"),
            ("p256", "P-256", "ca", "mail", "30"),
            ("p384", "P-384", "ca", "mail", "30"),
        ];
        for (name, kind, ca, purpose, days) in signers {
            let key = match kind.strip_prefix("P-") {
                Some(_) => format!(
                    "genpkey -algorithm EC -pkeyopt ec_paramgen_curve:{kind} -out {name}.key"
                ),
                None => {
                    format!("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out {name}.key")
                }
            };
            authority.openssl(&key);
            authority
                .openssl(&format!("req -new -key {name}.key -subj /CN={name} -out {name}.csr"));
            authority.openssl(&format!("x509 -req -in {name}.csr -CA {ca}.pem -CAkey {ca}.key -CAcreateserial -days {days} -extfile {purpose} -out {name}.pem"));
        }
        // Its last second is the one that it was made in: now that is over.
        std::thread::sleep(std::time::Duration::from_millis(1100));
        Some(authority)
    }

    pub(crate) fn openssl(&self, args: &str) {
        let output = Command::new("openssl")
            .args(args.split(' '))
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {args}: {err}");
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// A bag that this signer sealed.
    pub(crate) fn sealed(&self, tree: &Tree, signer: &str, more: &[&str]) -> Bag {
        let (key, cert) =
            (self.text(&format!("{signer}.key")), self.text(&format!("{signer}.pem")));
        let mut args = vec!["--sign", &key, "--cert", &cert];
        args.extend(more);
        Bag::of(tree, &args)
    }

    pub(crate) fn check(&self, bag: &Bag) -> Checked {
        bag.check(&["--ca", &self.text("ca.pem")])
    }

    /// OpenSSL's time-stamp server, reached by HTTP; `change` may alter what it answers.
    pub(crate) fn time_stamps(&'static self, change: fn(Vec<u8>, &Self) -> Vec<u8>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let query = posted(&mut stream);
                let answer = change(query, self);
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: application/timestamp-reply\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    answer.len()
                );
                stream.write_all(&[head.as_bytes(), &answer].concat()).unwrap();
            }
        });
        url
    }

    pub(crate) fn stamp(&self, query: &[u8], more: &str) -> Vec<u8> {
        static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
        let _guard = ONE_AT_A_TIME.lock().unwrap();
        fs::write(self.path("query"), query).unwrap();
        self.openssl(&format!("ts -reply -config tsa.cnf -queryfile query -out reply{more}"));
        fs::read(self.path("reply")).unwrap()
    }
}

/// The body of a POST request.
fn posted(stream: &mut TcpStream) -> Vec<u8> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let n = stream.read(&mut buffer).unwrap();
        bytes.extend_from_slice(&buffer[..n]);
        let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap().to_lowercase();
        assert!(head.contains("content-type: application/timestamp-query"), "{head}");
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .unwrap()
            .parse()
            .unwrap();
        if bytes.len() >= end + 4 + length {
            return bytes.split_off(end + 4);
        }
    }
}

pub(crate) fn parts(checked: &Checked) -> [&str; 3] {
    ["signature", "statement", "time_stamp"]
        .map(|part| checked.json["seal"][part]["trust"].as_str().unwrap_or("?"))
}

pub(crate) fn honest(query: Vec<u8>, authority: &Authority) -> Vec<u8> {
    authority.stamp(&query, "")
}

#[test]
#[ignore = "slow: a sealed bag for each kind of key"]
fn each_kind_of_key_seals_and_openssl_agrees() {
    let authority = authority_or_skip!();
    let tree = Tree::sealed();
    let url = authority.time_stamps(honest);
    for signer in ["rsa", "p256", "p384"] {
        let bag = authority.sealed(&tree, signer, &["--timestamp", &url]);
        let checked = authority.check(&bag);
        assert_eq!(checked.status, 0, "{signer}: {}", checked.json);
        assert_eq!(parts(&checked), ["trusted", "trusted", "trusted"], "{signer}");
        let seal = &checked.json["seal"];
        assert_eq!(seal["signature"]["by"]["subject"], format!("CN={signer}"));
        assert_eq!(seal["signature"]["by"]["issuer"], "CN=ca");
        assert_eq!(seal["signature"]["time"], bag::AS_OF);
        assert_eq!(seal["time_stamp"]["by"]["subject"], "CN=tsa");
        let ran = bag.script(&[&authority.text("ca.pem")]);
        assert_eq!((ran.status, ran.err.as_str()), (0, ""), "{signer}: {}", ran.out);
        assert!(ran.out.contains("the signature over the tag manifest fits"), "{}", ran.out);
        assert!(
            ran.out.lines().any(|l| l.contains("subject=CN") && l.ends_with(signer))
                && ran.out.contains("time-stamp: "),
            "{}",
            ran.out
        );
        let stranger = bag.script(&[&authority.text("other-ca.pem")]);
        assert_eq!(stranger.status, 3, "{signer}: {}", stranger.out);
    }
}

#[test]
fn the_statement_is_in_toto_in_an_envelope_that_openssl_checks() {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let authority = authority_or_skip!();
    let tree = Tree::sealed();
    for signer in ["rsa", "p256"] {
        let bag = authority.sealed(&tree, signer, &[]);
        let envelope: serde_json::Value =
            serde_json::from_str(&bag.read("seal/statement.dsse.json")).unwrap();
        let payload = STANDARD.decode(envelope["payload"].as_str().unwrap()).unwrap();
        let statement: serde_json::Value = serde_json::from_slice(&payload).unwrap();
        let hash = trailseal::internals::model::Sha256Hash::of(
            &fs::read(bag.path("tagmanifest-sha256.txt")).unwrap(),
        );
        assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
        assert_eq!(statement["subject"][0]["name"], "evidence/tagmanifest-sha256.txt");
        assert_eq!(statement["subject"][0]["digest"]["sha256"], hash.to_string());
        assert_eq!(statement["predicate"]["verdict"], "verified");
        let kind = envelope["payloadType"].as_str().unwrap();
        let signed =
            [format!("DSSEv1 {} {kind} {} ", kind.len(), payload.len()).as_bytes(), &payload]
                .concat();
        let folder = scratch();
        let write = |name: &str, bytes: &[u8]| {
            fs::write(folder.path().join(name), bytes).unwrap();
            folder.path().join(name).to_str().unwrap().to_owned()
        };
        let message = write("message", &signed);
        let signature = write(
            "signature",
            &STANDARD.decode(envelope["signatures"][0]["sig"].as_str().unwrap()).unwrap(),
        );
        let key = write("key", b"");
        authority.openssl(&format!("x509 -in {signer}.pem -pubkey -noout -out {key}"));
        authority.openssl(&format!("dgst -sha256 -verify {key} -signature {signature} {message}"));
    }
}

#[test]
#[ignore = "slow: six sealed bags, each checked by the script"]
fn a_sealed_bag_cannot_be_altered_unnoticed() {
    let authority = authority_or_skip!();
    let tree = Tree::sealed();
    let url = authority.time_stamps(honest);
    type Damage = (&'static str, fn(&Bag), [&'static str; 3]);
    let damages: [Damage; 8] = [
        (
            "manifests written anew",
            |b| {
                fs::write(b.object(&log_key(2)), gzip(b"{}")).unwrap();
                b.write_manifests_anew();
            },
            ["broken", "broken", "trusted"],
        ),
        (
            "signature of other bytes",
            |b| {
                b.change("seal/tagmanifest-sha256.txt.p7s", |x| {
                    let n = x.len();
                    x[n - 40] ^= 1;
                })
            },
            ["broken", "broken", "broken"],
        ),
        (
            "signature cut off",
            |b| b.change("seal/tagmanifest-sha256.txt.p7s", |x| x.truncate(100)),
            ["broken", "broken", "broken"],
        ),
        (
            "statement altered",
            |b| {
                let e = b.read("seal/statement.dsse.json");
                let v: serde_json::Value = serde_json::from_str(&e).unwrap();
                let p = v["payload"].as_str().unwrap();
                b.replace(
                    "seal/statement.dsse.json",
                    p,
                    &format!("{}AAAA", p.trim_end_matches('=')),
                );
            },
            ["trusted", "broken", "trusted"],
        ),
        (
            "time-stamp of other bytes",
            |b| {
                b.change("seal/timestamp.tsr", |x| {
                    let n = x.len();
                    x[n - 40] ^= 1;
                })
            },
            ["trusted", "trusted", "broken"],
        ),
        (
            "bytes behind the signature",
            |b| b.change("seal/tagmanifest-sha256.txt.p7s", |x| x.push(0)),
            ["broken", "broken", "broken"],
        ),
        (
            "bytes behind the time-stamp",
            |b| b.change("seal/timestamp.tsr", |x| x.push(0)),
            ["trusted", "trusted", "broken"],
        ),
        (
            "time-stamp is no time-stamp",
            |b| fs::write(b.path("seal/timestamp.tsr"), "x").unwrap(),
            ["trusted", "trusted", "broken"],
        ),
    ];
    for (name, damage, expected) in damages {
        let bag = authority.sealed(&tree, "rsa", &["--timestamp", &url]);
        damage(&bag);
        let checked = authority.check(&bag);
        assert_eq!(checked.status, 1, "{name}: {}", checked.json);
        assert_eq!(parts(&checked), expected, "{name}: {}", checked.json);
        assert_eq!(bag.check(&[]).status, 1, "{name}, without authorities");
        let by_hand = bag.script(&[&authority.text("ca.pem")]);
        assert_eq!(by_hand.status, 1, "{name}: {}", by_hand.out);
        let by_hand = bag.script(&[]);
        assert_eq!(by_hand.status, 1, "{name}, without authorities: {}", by_hand.out);
    }
}

/// OpenSSL trusts the authorities of its system beside those that it is given, unless told.
#[test]
fn the_script_trusts_only_the_authorities_that_it_is_given() {
    let authority = authority_or_skip!();
    let bag = authority.sealed(&Tree::sealed(), "stranger", &[]);
    let system = scratch();
    fs::copy(authority.path("other-ca.pem"), system.path().join("other-ca.pem")).unwrap();
    let folder = system.path().to_str().unwrap();
    authority.openssl(&format!("rehash {folder}"));
    let file = authority.text("other-ca.pem");
    let system = [("SSL_CERT_DIR", folder), ("SSL_CERT_FILE", file.as_str())];
    let ran = bag.script_where(&[&authority.text("ca.pem")], &system);
    assert_eq!(ran.status, 3, "{}", ran.out);
    let none = bag.script(&[&authority.text("no-such.pem")]);
    assert_eq!(none.status, 2, "{}", none.out);
}

/// The certificate that lies beside a signature is the signer's.
#[test]
fn a_certificate_of_somebody_else_beside_the_signature_does_not_pass() {
    let authority = authority_or_skip!();
    let bag = authority.sealed(&Tree::sealed(), "rsa", &[]);
    fs::copy(authority.path("stranger.pem"), bag.path("seal/signer.pem")).unwrap();
    let checked = authority.check(&bag);
    assert_eq!((checked.status, parts(&checked)[0]), (1, "broken"), "{}", checked.json);
}

/// Whoever is trusted to sign is not thereby trusted to state times.
#[test]
fn a_signer_that_is_trusted_itself_states_no_times() {
    let authority = authority_or_skip!();
    let url = authority.time_stamps(honest);
    let bag = authority.sealed(&Tree::sealed(), "rsa", &["--timestamp", &url]);
    let itself =
        bag.check(&["--ca", &authority.text("rsa.pem"), "--ca", &authority.text("tsa.pem")]);
    assert_eq!((itself.status, parts(&itself)), (0, ["trusted"; 3]), "{}", itself.json);
}

#[test]
fn the_parts_of_two_seals_do_not_go_together() {
    let authority = authority_or_skip!();
    let tree = Tree::sealed();
    let (one, other) = (
        authority.sealed(&tree, "rsa", &[]),
        authority.sealed(&tree, "rsa", &["--as-of", "2026-06-02T00:00:00Z"]),
    );
    fs::copy(other.path("seal/statement.dsse.json"), one.path("seal/statement.dsse.json")).unwrap();
    let checked = authority.check(&one);
    assert_eq!((checked.status, parts(&checked)), (1, ["trusted", "broken", "absent"]));
    let problem = checked.json["seal"]["statement"]["problem"].to_string();
    assert!(problem.contains("another bag"), "{problem}");
    let by_other = authority.sealed(&tree, "p256", &[]);
    let signature = "seal/tagmanifest-sha256.txt.p7s";
    fs::copy(by_other.path(signature), other.path(signature)).unwrap();
    assert_eq!(authority.check(&other).status, 1);
}

#[test]
fn who_signed_is_trusted_only_with_a_reason() {
    let authority = authority_or_skip!();
    let tree = Tree::sealed();
    let cases = [
        ("stranger", "leads to none of the authorities"),
        ("server", "not for this use"),
        ("outdated", "had expired"),
    ];
    for (signer, reason) in cases {
        let bag = authority.sealed(&tree, signer, &[]);
        let checked = authority.check(&bag);
        // It fits and nothing is altered: whose it is could not be proven.
        assert_eq!(
            (checked.status, parts(&checked)),
            (3, ["untrusted", "untrusted", "absent"]),
            "{signer}"
        );
        let problem = checked.json["seal"]["signature"]["problem"].to_string();
        assert!(problem.contains(reason), "{signer}: {problem}");
        // Without authorities nothing is said of who it was, and that is said.
        let unasked = bag.check(&[]);
        assert_eq!((unasked.status, parts(&unasked)[0]), (0, "unchecked"), "{signer}");
        assert!(
            unasked.json["not_proven"].to_string().contains("the one named in the certificate")
        );
        // A certificate that is itself trusted needs no other, but for its validity.
        let pinned = bag.check(&["--ca", &authority.text(&format!("{signer}.pem"))]);
        assert_eq!(pinned.status, if signer == "outdated" { 3 } else { 0 }, "{signer}");
        // The script says the same.
        let ran = bag.script(&[&authority.text("ca.pem")]);
        assert_eq!((ran.status, ran.err.as_str()), (3, ""), "{signer}: {}", ran.out);
        let own = bag.script(&[&authority.text(&format!("{signer}.pem"))]);
        assert_eq!(own.status, pinned.status, "{signer}: {}", own.out);
    }
    // A seal that was taken away is missed by whoever asks for it.
    let bag = Bag::of(&tree, &[]);
    let checked = authority.check(&bag);
    assert_eq!((checked.status, parts(&checked)), (3, ["absent", "absent", "absent"]));
    let ran = bag.script(&[&authority.text("ca.pem")]);
    assert_eq!(ran.status, 3, "{}", ran.out);
}

#[test]
fn a_time_stamp_keeps_a_seal_valid_beyond_its_certificate() {
    let authority = authority_or_skip!();
    let tree = Tree::sealed();
    // Valid for two seconds from now on: the stamp falls inside, the check may come later.
    authority.openssl("x509 -req -in rsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile mail -out brief.pem");
    fs::copy(authority.path("rsa.key"), authority.path("brief.key")).unwrap();
    let url = authority.time_stamps(honest);
    let bag = authority.sealed(&tree, "brief", &["--timestamp", &url]);
    let cli_at = |bag: &Bag, now: &str| {
        use clap::Parser as _;
        let ca = authority.text("ca.pem");
        let args = [
            "trailseal",
            "evidence",
            "check",
            bag.dir.to_str().unwrap(),
            "--ca",
            &ca,
            "--no-progress",
            "--format",
            "json",
        ];
        let cli = trailseal::internals::cli::Cli::try_parse_from(args).unwrap();
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let status = cli.run(&mut trailseal::internals::cli::Console {
            out: &mut out,
            err: &mut err,
            now: now.parse().unwrap(),
            color: false,
            width: 100,
            stop: trailseal::internals::run::pool::Stop::default(),
        });
        (status, String::from_utf8(out).unwrap())
    };
    let (status, out) = cli_at(&bag, "2036-01-01T00:00:00Z");
    assert_eq!(status, 0, "{out}");
    let bare = authority.sealed(&tree, "brief", &[]);
    let (status, out) = cli_at(&bare, "2036-01-01T00:00:00Z");
    assert_eq!(status, 3, "{out}");
    // The bag tells which parts of the seal there were.
    fs::remove_file(bag.path("seal/timestamp.tsr")).unwrap();
    let checked = authority.check(&bag);
    assert_eq!(checked.status, 1);
    assert_eq!(checked.faults(), [("bag-missing".to_owned(), "seal/timestamp.tsr".to_owned())]);
    let by_hand = bag.script(&[]);
    assert_eq!(by_hand.status, 1, "{}", by_hand.out);
    assert!(by_hand.out.contains("timestamp.tsr: the bag was time-stamped"), "{}", by_hand.out);
}

#[test]
fn a_time_stamp_alone_is_over_the_tag_manifest() {
    let authority = authority_or_skip!();
    let tree = Tree::sealed();
    let url = authority.time_stamps(honest);
    let bag = Bag::of(&tree, &["--timestamp", &url]);
    let checked = bag.check(&[]);
    assert_eq!((checked.status, parts(&checked)), (0, ["absent", "absent", "unchecked"]));
    let manifest = bag.path("tagmanifest-sha256.txt");
    let (manifest, stamp) = (manifest.to_str().unwrap(), bag.path("seal/timestamp.tsr"));
    authority.openssl(&format!(
        "ts -verify -data {manifest} -in {} -CAfile ca.pem",
        stamp.to_str().unwrap()
    ));
}

#[test]
fn a_bag_whose_authority_gives_no_time_stamp_is_kept() {
    let authority = authority_or_skip!();
    let tree = Tree::sealed();
    fn junk(_: Vec<u8>, _: &Authority) -> Vec<u8> {
        b"<html>not here</html>".to_vec()
    }
    fn of_other(mut query: Vec<u8>, authority: &Authority) -> Vec<u8> {
        // The hash value lies near the beginning.
        query[30] ^= 1;
        authority.stamp(&query, "")
    }
    fn replayed(mut query: Vec<u8>, authority: &Authority) -> Vec<u8> {
        // The nonce lies before the last member, which asks for certificates.
        let nonce = query.len() - 5;
        query[nonce] ^= 1;
        authority.stamp(&query, "")
    }
    fn refused(_: Vec<u8>, _: &Authority) -> Vec<u8> {
        // PKIStatusInfo 2, rejection.
        vec![0x30, 5, 0x30, 3, 2, 1, 2]
    }
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let cases = [
        (authority.time_stamps(junk), "not an RFC 3161 time-stamp"),
        (authority.time_stamps(of_other), "covers other content"),
        (authority.time_stamps(replayed), "answers another request"),
        (authority.time_stamps(refused), "did not grant it"),
        (format!("http://{closed}/"), "Connection refused"),
    ];
    for (url, reason) in cases {
        let bag = Bag::tried(&tree, &["--timestamp", &url]);
        assert_eq!(bag.status, 3, "{reason}: {}", bag.err);
        assert!(bag.err.contains(reason) && bag.err.contains(&url), "{reason}: {}", bag.err);
        assert!(bag.err.contains("add it later: trailseal evidence timestamp"), "{}", bag.err);
        assert!(bag.out.contains("time-stamped: NO"), "{}", bag.out);
        assert_eq!(fs::read_dir(bag.around.path()).unwrap().count(), 1, "{reason}");
        assert!(!bag.path("seal/timestamp.tsr").exists());
        assert!(bag.read("bag-info.txt").contains("Trailseal-Seal: time-stamp pending\n"));
        assert_eq!(bag.check(&[]).status, 0, "{reason}");
    }
}

#[test]
fn keys_and_certificates_that_do_not_go_together_are_refused_before_the_run() {
    let authority = authority_or_skip!();
    let tree = Tree::sealed();
    let refused = |key: &str, cert: &str, reason: &str| {
        let bag =
            Bag::tried(&tree, &["--sign", &authority.text(key), "--cert", &authority.text(cert)]);
        assert_eq!(bag.status, 2, "{key} {cert}: {}", bag.err);
        assert!(bag.err.contains(reason), "{key} {cert}: {}", bag.err);
        assert_eq!(files_of(bag.around.path()).len(), 0);
    };
    refused("rsa.key", "p256.pem", "does not belong to the key");
    refused("p256.key", "p384.pem", "does not belong to the key");
    refused("rsa.pem", "rsa.pem", "cannot sign");
    refused("rsa.key", "rsa.key", "no X.509 certificate");
    refused("tsa.cnf", "rsa.pem", "not the PEM of a private key");
}

#[test]
fn the_same_rsa_seal_is_the_same_bytes() {
    let authority = authority_or_skip!();
    let tree = Tree::sealed();
    let (one, two) = (authority.sealed(&tree, "rsa", &[]), authority.sealed(&tree, "rsa", &[]));
    assert_eq!(files_of(&one.dir), files_of(&two.dir));
    let text = trailseal(&[
        "evidence",
        "check",
        one.dir.to_str().unwrap(),
        "--ca",
        &authority.text("ca.pem"),
        "--no-progress",
    ]);
    assert!(text.out.contains("valid, by an authority that you gave"), "{}", text.out);
    assert!(text.out.contains("CN=rsa"), "{}", text.out);
}

#[test]
fn a_seal_that_cannot_be_read_is_no_broken_one() {
    let authority = authority_or_skip!();
    let bag = authority.sealed(&Tree::sealed(), "rsa", &[]);
    // More than is read of any: a stand-in for a disk that fails, which also stops short of it.
    fs::write(bag.path("seal/tagmanifest-sha256.txt.p7s"), vec![0; (1 << 20) + 1]).unwrap();
    let checked = authority.check(&bag);
    assert_eq!(parts(&checked), ["unread", "unread", "unread"]);
    assert_eq!(checked.status, 3, "{}", checked.json);
}
