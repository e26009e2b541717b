//! Time-stamps of bags: those that are added later, and those that are none.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::common::bag::{self, Bag, Checked, files_of, pack};
use crate::common::{Ran, Tree, gzip, log_key, scratch, trailseal};
use crate::evidence_seal::{Authority, authority, authority_or_skip, honest, parts};

const FIRST: &str = "seal/timestamp.tsr";
const SECOND: &str = "seal/timestamp-2.tsr";
const SIGNATURE: &str = "seal/tagmanifest-sha256.txt.p7s";

fn nobody() -> String {
    // The listener is gone before anybody asks.
    format!("http://{}/", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
}

fn stamp(bag: &Path, url: &str) -> Ran {
    trailseal(&["evidence", "timestamp", bag.to_str().unwrap(), "--timestamp", url])
}

fn renewals(checked: &Checked) -> Vec<&str> {
    let renewals = checked.json["seal"]["renewals"].as_array().unwrap();
    renewals.iter().map(|part| part["trust"].as_str().unwrap()).collect()
}

/// The check and the script come to the same, with authorities and without.
fn agree(bag: &Bag, authority: &Authority, name: &str, [given, none]: [u8; 2]) -> Checked {
    let ca = authority.text("ca.pem");
    let checked = authority.check(bag);
    assert_eq!(checked.status, given, "{name}: {}", checked.json);
    assert_eq!(bag.check(&[]).status, none, "{name}: {}", bag.check(&[]).json);
    for (more, expected) in [(&[ca.as_str()][..], given), (&[][..], none)] {
        let ran = bag.script(more);
        assert_eq!((ran.status, ran.err.as_str()), (expected, ""), "{name}: {}", ran.out);
    }
    checked
}

#[test]
fn a_time_stamp_is_added_when_the_authority_is_back() {
    let authority = authority_or_skip!();
    let tree = Tree::sealed();
    let bag = authority.sealed(&tree, "rsa", &["--timestamp", &nobody()]);
    assert_eq!(bag.status, 3, "{}", bag.err);
    assert!(bag.read("bag-info.txt").contains("Trailseal-Seal: signed, time-stamp pending\n"));
    let guide = bag.read("VERIFY.md").split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(guide.contains("one may have been added since"), "{guide}");
    let checked = agree(&bag, authority, "pending", [0, 0]);
    assert_eq!(parts(&checked), ["trusted", "trusted", "absent"]);

    let before = files_of(&bag.dir);
    let again = stamp(&bag.dir, &nobody());
    assert_eq!(again.status, 3, "{}", again.err);
    assert!(again.err.contains("no time-stamp was added"), "{}", again.err);
    assert_eq!(files_of(&bag.dir), before);

    let added = stamp(&bag.dir, &authority.time_stamps(honest));
    assert_eq!(added.status, 0, "{}", added.err);
    assert!(added.out.contains("seal/timestamp.tsr, over the signature"), "{}", added.out);
    let mut after = files_of(&bag.dir);
    assert!(after.remove(FIRST).is_some());
    assert_eq!(after, before);
    assert_eq!(fs::read_dir(bag.around.path()).unwrap().count(), 1);
    let checked = agree(&bag, authority, "added", [0, 0]);
    assert_eq!(parts(&checked), ["trusted"; 3]);
}

#[test]
fn a_renewal_is_over_the_bag_and_its_earlier_time_stamps() {
    let authority = authority_or_skip!();
    let url = authority.time_stamps(honest);
    let tree = Tree::sealed();
    let bag = authority.sealed(&tree, "rsa", &["--timestamp", &url]);
    for over in ["timestamp-2.tsr", "timestamp-3.tsr"] {
        let added = stamp(&bag.dir, &url);
        assert_eq!(added.status, 0, "{}", added.err);
        assert!(
            added.out.contains(&format!("{over}, over the signature and its earlier time-stamps")),
            "{}",
            added.out
        );
    }
    let checked = agree(&bag, authority, "renewed", [0, 0]);
    assert_eq!((parts(&checked), renewals(&checked)), (["trusted"; 3], vec!["trusted"; 2]));
    // OpenSSL alone shows it, as the guide says.
    assert!(bag.read("VERIFY.md").contains("seal/timestamp.tsr >/tmp/covered"));
    let read = |name: &str| fs::read(bag.path(name)).unwrap();
    let covered = bag.around.path().join("covered");
    fs::write(&covered, [read(SIGNATURE), read(FIRST)].concat()).unwrap();
    authority.openssl(&format!(
        "ts -verify -data {} -in {} -CAfile ca.pem",
        covered.to_str().unwrap(),
        bag.path(SECOND).to_str().unwrap()
    ));

    let last = bag.path("seal/timestamp-3.tsr");
    let kept = fs::read(&last).unwrap();
    // Another time-stamp than the one that it is over.
    let fresh = authority.sealed(&tree, "rsa", &["--timestamp", &url]);
    fs::copy(fresh.path(FIRST), bag.path(FIRST)).unwrap();
    let checked = agree(&bag, authority, "first replaced", [1, 1]);
    assert_eq!(renewals(&checked), ["broken"]);
    let refused = stamp(&bag.dir, &url);
    assert_eq!(refused.status, 1, "{}", refused.err);
    assert!(
        refused.err.contains("timestamp-2.tsr: the time-stamp covers other"),
        "{}",
        refused.err
    );
    assert_eq!(fs::read(&last).unwrap(), kept);

    // One between is missed.
    let bag = authority.sealed(&tree, "rsa", &["--timestamp", &url]);
    stamp(&bag.dir, &url);
    stamp(&bag.dir, &url);
    fs::remove_file(bag.path(SECOND)).unwrap();
    let checked = agree(&bag, authority, "second gone", [1, 1]);
    assert_eq!(checked.faults(), [("bag-missing".to_owned(), SECOND.to_owned())]);
}

#[test]
fn an_archive_is_replaced_by_one_with_the_time_stamp() {
    let authority = authority_or_skip!();
    let (url, around) = (authority.time_stamps(honest), scratch());
    let zip = around.path().join("july.zip");
    let packed = pack(&Tree::sealed(), &zip, &["--timestamp", &nobody()]);
    assert_eq!(packed.status, 3, "{}", packed.err);
    assert!(packed.err.contains("july.zip --timestamp http://"), "{}", packed.err);
    for renewals in 0..2 {
        let added = stamp(&zip, &url);
        assert_eq!(added.status, 0, "{}", added.err);
        assert!(added.out.contains("over the tag manifest"), "{}", added.out);
        let checked = bag::check(&zip, &["--ca", &authority.text("ca.pem")]);
        // It is not signed, and whoever gives authorities asks for that.
        assert_eq!((checked.status, parts(&checked)), (3, ["absent", "absent", "trusted"]));
        assert_eq!(self::renewals(&checked).len(), renewals);
        assert_eq!(bag::check(&zip, &[]).status, 0);
    }
    assert_eq!(fs::read_dir(around.path()).unwrap().count(), 1);
}

/// A time-stamp would bear out what does not hold.
#[test]
fn an_altered_bag_is_not_time_stamped() {
    let authority = authority_or_skip!();
    let url = authority.time_stamps(honest);
    let bag = authority.sealed(&Tree::sealed(), "rsa", &[]);
    fs::write(bag.object(&log_key(2)), gzip(b"{}")).unwrap();
    let refused = stamp(&bag.dir, &url);
    assert_eq!(refused.status, 1, "{}", refused.err);
    bag.write_manifests_anew();
    let refused = stamp(&bag.dir, &url);
    assert_eq!(refused.status, 1, "{}", refused.err);
    assert!(refused.err.contains("covers other content"), "{}", refused.err);
    assert!(!bag.path(FIRST).exists());
    assert_eq!(stamp(bag.around.path(), &url).status, 2);
    assert_eq!(stamp(&bag.dir, "ftp://x").status, 2);
}

/// What is signed says that it was there: a time-stamp over what is left would cover the loss.
#[test]
fn a_bag_whose_seal_lost_a_part_is_not_time_stamped() {
    let authority = authority_or_skip!();
    let url = authority.time_stamps(honest);
    for part in [SIGNATURE, FIRST] {
        let bag = authority.sealed(&Tree::sealed(), "rsa", &["--timestamp", &url]);
        assert_eq!(stamp(&bag.dir, &url).status, 0);
        fs::remove_file(bag.path(part)).unwrap();
        let before = files_of(&bag.dir);
        let refused = stamp(&bag.dir, &url);
        assert_eq!(refused.status, 1, "{part}: {}", refused.err);
        assert!(refused.err.contains(part), "{}", refused.err);
        assert_eq!(files_of(&bag.dir), before, "{part}");
    }
}

/// A folder of its own for each forgery: authorities answer at the same time.
struct Forgery(TempDir);

impl Forgery {
    fn new(query: &[u8]) -> Self {
        let forgery = Self(scratch());
        fs::write(forgery.path("query"), query).unwrap();
        forgery
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// What the time-stamp of an honest authority states, signed as a document by somebody.
    fn signed(&self, authority: &Authority, by: &str, more: &str) -> Vec<u8> {
        fs::write(self.path("reply"), authority.stamp(&fs::read(self.path("query")).unwrap(), ""))
            .unwrap();
        let [reply, token, info, made] =
            ["reply", "token", "info", "made"].map(|name| self.text(name));
        authority.openssl(&format!("ts -reply -in {reply} -token_out -out {token}"));
        authority.openssl(&format!("cms -verify -noverify -inform DER -in {token} -out {info}"));
        authority.openssl(&format!("cms -sign -binary -in {info} -econtent_type 1.2.840.113549.1.9.16.1.4 -nodetach -signer {by}.pem -inkey {by}.key -outform DER -out {made}{more}"));
        response(&fs::read(self.path("made")).unwrap())
    }
}

/// A response that grants a token.
fn response(token: &[u8]) -> Vec<u8> {
    let length = u16::try_from(token.len() + 5).unwrap().to_be_bytes();
    [&[0x30, 0x82], &length[..], &[0x30, 3, 2, 1, 0], token].concat()
}

fn by_a_signer(query: Vec<u8>, authority: &Authority) -> Vec<u8> {
    Forgery::new(&query).signed(authority, "rsa", " -cades")
}

fn nameless(query: Vec<u8>, authority: &Authority) -> Vec<u8> {
    Forgery::new(&query).signed(authority, "tsa", "")
}

fn of_old(query: Vec<u8>, authority: &Authority) -> Vec<u8> {
    let forgery = Forgery::new(&query);
    let [query, reply] = ["query", "reply"].map(|name| forgery.text(name));
    authority.openssl(&format!("ts -reply -config tsa-sha1.cnf -queryfile {query} -out {reply}"));
    fs::read(forgery.path("reply")).unwrap()
}

/// Another certificate of the same key, name and number in the place of the signer's.
fn exchanged(
    answer: fn(Vec<u8>, &Authority) -> Vec<u8>,
    query: Vec<u8>,
    authority: &Authority,
) -> Vec<u8> {
    let forgery = Forgery::new(&query);
    let [twin, own] = ["twin.der", "own.der"].map(|name| forgery.text(name));
    let number = fs::read_to_string(authority.path("tsa.number")).unwrap();
    authority.openssl(&format!("x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -set_serial 0x{} -days 31 -extfile stamps -outform DER -out {twin}", number.trim()));
    authority.openssl(&format!("x509 -in tsa.pem -outform DER -out {own}"));
    let (own, twin) = (fs::read(own).unwrap(), fs::read(twin).unwrap());
    assert!(own.len() == twin.len() && own != twin);
    let mut answer = answer(query, authority);
    let at = answer.windows(own.len()).position(|window| window == own).unwrap();
    answer[at..at + own.len()].copy_from_slice(&twin);
    answer
}

fn of_a_twin(query: Vec<u8>, authority: &Authority) -> Vec<u8> {
    exchanged(honest, query, authority)
}

fn of_an_old_twin(query: Vec<u8>, authority: &Authority) -> Vec<u8> {
    exchanged(of_old, query, authority)
}

/// RFC 3161: the authority's certificate is for time-stamping alone, and the token names it.
#[test]
#[ignore = "slow: a sealed bag for each kind of authority"]
fn what_no_authority_made_is_no_time_stamp() {
    let authority = authority_or_skip!();
    let number = std::process::Command::new("openssl")
        .args(["x509", "-noout", "-serial", "-in", &authority.text("tsa.pem")])
        .output()
        .unwrap();
    let number = String::from_utf8(number.stdout).unwrap().replace("serial=", "");
    authority.write("tsa.number", &number);
    let tree = Tree::sealed();
    type Case = (&'static str, fn(Vec<u8>, &Authority) -> Vec<u8>, Option<&'static str>, [u8; 2]);
    let cases: [Case; 5] = [
        ("ESSCertID with SHA-1", of_old, None, [0, 0]),
        ("a signer of documents", by_a_signer, Some("not one for time-stamping alone"), [3, 3]),
        ("a token that names nobody", nameless, Some("does not name its signer's"), [1, 1]),
        ("another certificate", of_a_twin, Some("names another certificate"), [1, 1]),
        ("another certificate, SHA-1", of_an_old_twin, Some("names another certificate"), [1, 1]),
    ];
    for (name, answer, refusal, statuses) in cases {
        let url = authority.time_stamps(answer);
        let bag = authority.sealed(&tree, "rsa", &["--timestamp", &url]);
        assert_eq!(bag.status, if refusal.is_some() { 3 } else { 0 }, "{name}: {}", bag.err);
        assert_eq!(bag.path(FIRST).exists(), refusal.is_none(), "{name}");
        assert!(bag.err.contains(refusal.unwrap_or_default()), "{name}: {}", bag.err);
        // Somebody may put it in all the same.
        let query = bag.around.path().join("query");
        authority.openssl(&format!(
            "ts -query -data {} -sha256 -cert -out {}",
            bag.path(SIGNATURE).to_str().unwrap(),
            query.to_str().unwrap()
        ));
        fs::write(bag.path(FIRST), answer(fs::read(query).unwrap(), authority)).unwrap();
        let checked = agree(&bag, authority, name, statuses);
        let problem = checked.json["seal"]["time_stamp"]["problem"].to_string();
        assert!(problem.contains(refusal.unwrap_or("null")), "{name}: {problem}");
    }
}

#[test]
fn a_signer_whom_nobody_will_trust_is_warned_of_when_packing() {
    let authority = authority_or_skip!();
    let tree = Tree::sealed();
    for (signer, warning) in
        [("server", "other uses than signing"), ("outdated", "it is valid "), ("rsa", "")]
    {
        let bag = authority.sealed(&tree, signer, &[]);
        let warned = bag.err.contains("will not accept its signature");
        assert_eq!(warned, !warning.is_empty(), "{signer}: {}", bag.err);
        assert!(bag.err.contains(warning), "{signer}: {}", bag.err);
    }
    // Without extensions OpenSSL makes a certificate of version 1, which webpki reads none of.
    authority.openssl(
        "x509 -req -in rsa.csr -CA ca.pem -CAkey ca.key -set_serial 9 -days 30 -out v1.pem",
    );
    let (key, cert) = (authority.text("rsa.key"), authority.text("v1.pem"));
    let refused = Bag::tried(&tree, &["--sign", &key, "--cert", &cert]);
    assert_eq!(refused.status, 2, "{}", refused.err);
    assert!(refused.err.contains("older version of X.509"), "{}", refused.err);
}
