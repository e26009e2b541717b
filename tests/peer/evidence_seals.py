"""Seals of evidence bags, whole and damaged, of which all checks must say the same.

OpenSSL plays the signers and the time-stamp authority, honest and not: it signs what it is given.
"""

import base64
import hashlib
import json
import subprocess

# The folder of keys and certificates, once `make` made them.
AUTHORITY = None
ONE = ("--account", "444455556666", "--region", "eu-west-1")
SIGNATURE, SIGNER, STATEMENT = (f"seal/{name}" for name in ("tagmanifest-sha256.txt.p7s", "signer.pem", "statement.dsse.json"))
LISTS = "seal/crls.pem"
FIRST, SECOND, THIRD = (f"seal/timestamp{number}.tsr" for number in ("", "-2", "-3"))

SIGNING = "keyUsage=critical,digitalSignature\nextendedKeyUsage=emailProtection\n"
STAMPING = "extendedKeyUsage=critical,timeStamping\n"
# Names, kinds of keys, and what their certificates are for.
CERTIFIED = [
    ("me", "rsa:2048", SIGNING),
    ("p256", "P-256", SIGNING),
    ("p384", "P-384", SIGNING),
    ("other", "rsa:2048", SIGNING),
    ("stranger", "rsa:2048", SIGNING),
    ("server", "rsa:2048", "extendedKeyUsage=serverAuth\n"),
    ("tsa", "rsa:2048", STAMPING),
    ("tsa-ec", "P-384", STAMPING),
    ("tsa-stranger", "rsa:2048", STAMPING),
    ("tsa-lax", "rsa:2048", "extendedKeyUsage=timeStamping\n"),
    ("tsa-mail", "rsa:2048", "extendedKeyUsage=critical,timeStamping,emailProtection\n"),
    ("tsa-cipher", "rsa:2048", f"keyUsage=critical,digitalSignature,keyEncipherment\n{STAMPING}"),
]
CONFIG = """[tsa]
default_tsa=t
[t]
serial=./serial
crypto_device=builtin
signer_cert=./{name}.pem
signer_key=./{name}.key
signer_digest={digest}
default_policy=1.2.3.4.1
digests=sha256,sha384
ess_cert_id_alg={ess}
"""
CA = """[ca]
default_ca=c
[c]
database=./index
new_certs_dir=.
rand_serial=yes
policy=p
default_md=sha256
default_crl_days=30
crl_extensions=e
[p]
commonName=supplied
[e]
authorityKeyIdentifier=keyid:always
"""


def openssl(*args):
    done = subprocess.run(["openssl", *map(str, args)], cwd=AUTHORITY, check=False, capture_output=True)
    assert done.returncode == 0, (args, done.stderr.decode())
    return done.stdout


def make(work):
    """An authority, and those whom it certified."""
    global AUTHORITY
    AUTHORITY = work
    for name, subject in (("ca", "Example Root"), ("other-ca", "Other Root")):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem", "-subj",
                f"/CN={subject}", "-days", "30", "-addext", "basicConstraints=critical,CA:TRUE")
    (work / "serial").write_text("01\n")
    (work / "ca.cnf").write_text(CA)
    for number, (name, kind, purpose) in enumerate(CERTIFIED):
        root = "other-ca" if "stranger" in name else "ca"
        how = (("-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{kind}") if kind.startswith("P-")
               else ("-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{kind[4:]}"))
        openssl("genpkey", *how, "-out", f"{name}.key")
        who = "/CN=Jane Doe/O=Ex\u00e4mple" if name == "me" else f"/CN={name}"
        openssl("req", "-new", "-utf8", "-key", f"{name}.key", "-subj", who, "-out", f"{name}.csr")
        (work / "ext").write_text(purpose)
        openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{root}.pem", "-CAkey", f"{root}.key", "-set_serial",
                number + 10, "-days", "30", "-extfile", "ext", "-out", f"{name}.pem")
    # Another certificate of the same key, name and number.
    (work / "ext").write_text(STAMPING)
    openssl("x509", "-req", "-in", "tsa.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-set_serial", 16, "-days", "31",
            "-extfile", "ext", "-out", "tsa-twin.pem")
    revocation_list("crl")
    revocation_list("revoked", me="200301000000Z")
    revocation_list("revoked-tsa", tsa="200301000000Z")
    revocation_list("revoked-later", me="490301000000Z", tsa="490301000000Z")
    # By an authority of the same name, with another key.
    openssl("req", "-x509", "-key", "other-ca.key", "-out", "forged-ca.pem", "-subj", "/CN=Example Root", "-days", "30",
            "-addext", "basicConstraints=critical,CA:TRUE")
    revocation_list("forged", ("forged-ca", "other-ca"), me="200301000000Z", tsa="200301000000Z")
    certify("expired", "20200101000000Z", "20210101000000Z")


def certify(name, begin, end):
    """A signer whose certificate is valid between two times."""
    (AUTHORITY / "index").write_text("")
    (AUTHORITY / "ext").write_text(SIGNING)
    openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-subj", f"/CN={name}", "-out",
            f"{name}.csr")
    openssl("ca", "-batch", "-notext", "-config", "ca.cnf", "-cert", "ca.pem", "-keyfile", "ca.key", "-in", f"{name}.csr",
            "-startdate", begin, "-enddate", end, "-extfile", "ext", "-out", f"{name}.pem")


def revocation_list(name, by=("ca", "ca"), **revoked):
    """A list in which certificates are revoked, each at a time."""
    def row(certificate, time):
        serial = openssl("x509", "-noout", "-serial", "-in", f"{certificate}.pem").decode().strip().split("=")[1]
        return f"R\t491231235959Z\t{time}\t{serial}\tunknown\t/CN={certificate}\n"
    (AUTHORITY / "index").write_text("".join(row(*one) for one in revoked.items()))
    openssl("ca", "-gencrl", "-config", "ca.cnf", "-cert", f"{by[0]}.pem", "-keyfile", f"{by[1]}.key", "-out", f"{name}.pem")


# ---- time-stamps -------------------------------------------------------------------------


def response(content, name="tsa", digest="sha256", ess="sha256", imprint="sha256"):
    """An authority's response over content."""
    (AUTHORITY / "tsa.cnf").write_text(CONFIG.format(name=name, digest=digest, ess=ess))
    (AUTHORITY / "covered").write_bytes(content)
    openssl("ts", "-query", "-data", "covered", f"-{imprint}", "-cert", "-out", "query")
    openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query", "-out", "reply")
    return (AUTHORITY / "reply").read_bytes()


def signed_as_document(content, name, *more):
    """What an honest authority states, signed by somebody as a document."""
    response(content)
    openssl("ts", "-reply", "-in", "reply", "-token_out", "-out", "token")
    openssl("cms", "-verify", "-noverify", "-inform", "DER", "-in", "token", "-out", "info")
    openssl("cms", "-sign", "-binary", "-in", "info", "-econtent_type", "1.2.840.113549.1.9.16.1.4", "-nodetach",
            "-signer", f"{name}.pem", "-inkey", f"{name}.key", "-outform", "DER", "-out", "made", *more)
    return granted((AUTHORITY / "made").read_bytes())


def granted(token):
    return b"\x30\x82" + (len(token) + 5).to_bytes(2) + b"\x30\x03\x02\x01\x00" + token


def of_twin(content):
    """The certificate exchanged for another one of the same key, name and number."""
    own, twin = (openssl("x509", "-in", f"{name}.pem", "-outform", "DER") for name in ("tsa", "tsa-twin"))
    made = response(content)
    assert len(own) == len(twin) and own != twin and own in made
    return made.replace(own, twin)


def refusal(_):
    return b"\x30\x05\x30\x03\x02\x01\x02"


def sealed(bag):
    """What the first time-stamp is over."""
    signature = bag / SIGNATURE
    return (signature if signature.exists() else bag / "tagmanifest-sha256.txt").read_bytes()


def stamps(*numbers, make=response):
    """Time-stamps of these numbers, each over the signature and all earlier ones."""
    def damage(bag):
        covered = sealed(bag)
        (bag / "seal").mkdir(exist_ok=True)
        for number in range(1, max(numbers) + 1):
            made = make(covered)
            covered += made
            if number in numbers:
                (bag / (FIRST if number == 1 else f"seal/timestamp-{number}.tsr")).write_bytes(made)
    return damage


def by(name, **more):
    return stamps(1, make=lambda content: response(content, name, **more))


def over(content):
    return stamps(1, make=lambda _: response(content))


def renewal_over_the_signature_alone(bag):
    stamps(1)(bag)
    (bag / SECOND).write_bytes(response(sealed(bag)))


def wrong_order(bag):
    stamps(1, 2, 3)(bag)
    second, third = (bag / SECOND).read_bytes(), (bag / THIRD).read_bytes()
    (bag / SECOND).write_bytes(third)
    (bag / THIRD).write_bytes(second)


def first_replaced(bag):
    stamps(1, 2)(bag)
    (bag / FIRST).write_bytes(response(sealed(bag)))


# ---- signatures and statements -----------------------------------------------------------


def first(*damages):
    def damage(bag):
        for one in damages:
            one(bag)
    return damage


def changed(name, change):
    def damage(bag):
        (bag / name).write_bytes(change((bag / name).read_bytes()))
    return damage


def flipped(content):
    """The last bytes belong to a signature."""
    return content[:-40] + bytes([content[-40] ^ 1]) + content[-39:]


def signed_anew(content, *more):
    """Another signature in the place of the bag's."""
    def damage(bag):
        (AUTHORITY / "content").write_bytes(content(bag))
        openssl("cms", "-sign", "-binary", "-in", "content", "-signer", "me.pem", "-inkey", "me.key", "-outform", "DER",
                "-out", "made", *more)
        (bag / SIGNATURE).write_bytes((AUTHORITY / "made").read_bytes())
    return damage


def signed_by_short_key(bag):
    openssl("req", "-x509", "-newkey", "rsa:1024", "-nodes", "-keyout", "short.key", "-out", "short.pem", "-subj", "/CN=short")
    openssl("cms", "-sign", "-binary", "-in", bag / "tagmanifest-sha256.txt", "-signer", "short.pem", "-inkey", "short.key",
            "-outform", "DER", "-out", bag / SIGNATURE)
    (bag / SIGNER).write_bytes((AUTHORITY / "short.pem").read_bytes())


def tag_manifest(bag):
    return (bag / "tagmanifest-sha256.txt").read_bytes()


def stated(change, key="me", kind="application/vnd.in-toto+json"):
    """Another statement, signed."""
    def damage(bag):
        envelope = json.loads((bag / STATEMENT).read_text())
        statement = json.loads(base64.b64decode(envelope["payload"]))
        change(statement, bag)
        payload = json.dumps(statement).encode()
        (AUTHORITY / "message").write_bytes(f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload)
        sig = openssl("dgst", "-sha256", "-sign", f"{key}.key", "message")
        envelope |= {"payloadType": kind, "payload": base64.b64encode(payload).decode()}
        envelope["signatures"][0]["sig"] = base64.b64encode(sig).decode()
        (bag / STATEMENT).write_text(json.dumps(envelope, indent=2))
    return damage


def as_it_is(_statement, _bag):
    pass


def of_verdict(verdict):
    return lambda statement, _: statement["predicate"].update(verdict=verdict)


def of_kind(statement, _):
    statement["predicateType"] = "https://example.com/other"


def about(number, content):
    def change(statement, _):
        statement["subject"][number]["digest"]["sha256"] = hashlib.sha256(content).hexdigest()
    return change


def with_sig(change):
    def damage(bag):
        envelope = json.loads((bag / STATEMENT).read_text())
        sig = base64.b64decode(envelope["signatures"][0]["sig"])
        envelope["signatures"][0]["sig"] = base64.b64encode(change(sig)).decode()
        (bag / STATEMENT).write_text(json.dumps(envelope, indent=2))
    return damage


def signed_by(name):
    """Arguments that have the bag signed; the folder of keys is filled in."""
    return (*ONE, "--sign", f"{{}}/{name}.key", "--cert", f"{{}}/{name}.pem")


def whole(_):
    pass


SIGNED = signed_by("me")
# Name, arguments of `evidence pack`, what is done to the tree, what is done to the bag, exit status.
CASES = [
    ("signed", SIGNED, None, whole, 0),
    ("signed on P-256", signed_by("p256"), None, whole, 0),
    ("signed on P-384", signed_by("p384"), None, stamps(1, 2), 0),
    ("signed, time-stamped three times", SIGNED, None, stamps(1, 2, 3), 0),
    ("time-stamped alone", ONE, None, stamps(1, 2), 0),
    ("signed with SHA-512", SIGNED, None, signed_anew(tag_manifest, "-md", "sha512"), 0),
    ("signed, named by its key", SIGNED, None, signed_anew(tag_manifest, "-keyid"), 0),
    ("statement signed anew", SIGNED, None, stated(as_it_is), 0),
    ("time-stamp on P-384, with SHA-512", SIGNED, None, by("tsa-ec", digest="sha512", ess="sha512"), 0),
    ("time-stamp that names by SHA-1", SIGNED, None, by("tsa", ess="sha1"), 0),
    ("signed, with revocation lists", (*SIGNED, "--crl", "{}/crl.pem"), None, stamps(1), 0),
    ("revocation lists taken away", (*SIGNED, "--crl", "{}/crl.pem"), None, lambda b: (b / LISTS).unlink(), 1),
    ("revocation lists put in", SIGNED, None, lambda b: (b / LISTS).write_bytes((AUTHORITY / "crl.pem").read_bytes()), 0),
    ("first time-stamp gone", SIGNED, None, stamps(2), 1),
    ("second time-stamp gone", SIGNED, None, stamps(1, 3), 1),
    ("a file beside the seal", SIGNED, None, lambda b: (b / "seal/timestamp-1.tsr").write_text("x"), 1),
    ("signature tampered with", SIGNED, None, changed(SIGNATURE, flipped), 1),
    ("signature on P-256 tampered with", signed_by("p256"), None, changed(SIGNATURE, flipped), 1),
    ("signature cut off", SIGNED, None, changed(SIGNATURE, lambda s: s[:-9]), 1),
    ("bytes behind the signature", SIGNED, None, changed(SIGNATURE, lambda s: s + b"more"), 1),
    ("signature over the bag that is none", SIGNED, None, changed(SIGNATURE, lambda _: b"x"), 1),
    ("signature over the bag that is empty", SIGNED, None, changed(SIGNATURE, lambda _: b""), 1),
    ("signature over something else", SIGNED, None, signed_anew(lambda _: b"else"), 1),
    ("signature with its own content", SIGNED, None, signed_anew(lambda _: b"else", "-nodetach"), 1),
    ("signature too large to be one", SIGNED, None, changed(SIGNATURE, lambda s: s + bytes(2 ** 20)), 3),
    ("signature with SHA-1", SIGNED, None, signed_anew(tag_manifest, "-md", "sha1"), 1),
    ("signature over no attributes", SIGNED, None, signed_anew(tag_manifest, "-noattr"), 1),
    ("signature with RSA-PSS", SIGNED, None, signed_anew(tag_manifest, "-keyopt", "rsa_padding_mode:pss"), 1),
    ("two signatures", SIGNED, None, signed_anew(tag_manifest, "-signer", "other.pem", "-inkey", "other.key"), 1),
    ("signature without its certificate", SIGNED, None, signed_anew(tag_manifest, "-nocerts"), 1),
    ("signature in BER", SIGNED, None, signed_anew(tag_manifest, "-stream"), 1),
    ("signature by a short key", SIGNED, None, signed_by_short_key, 1),
    ("signature taken away", SIGNED, None, lambda b: (b / SIGNATURE).unlink(), 1),
    ("a certificate of somebody else", SIGNED, None, lambda b: (b / SIGNER).write_bytes((AUTHORITY / "other.pem").read_bytes()), 1),
    ("a certificate that is none", SIGNED, None, changed(SIGNER, lambda s: b"x" + s.replace(b"A", b"*")), 1),
    ("manifests anew, signed", SIGNED, None, changed("tagmanifest-sha256.txt", lambda s: s.replace(b"  bagit.txt", b" *bagit.txt")), 1),
    ("statement about another bag", SIGNED, None, stated(about(0, b"")), 1),
    ("statement about another report", SIGNED, None, stated(about(1, b"")), 1),
    ("statement of another verdict", SIGNED, None, stated(of_verdict("incomplete")), 1),
    ("statement of another kind", SIGNED, None, stated(of_kind), 1),
    ("statement in another envelope", SIGNED, None, stated(as_it_is, kind="text/plain"), 1),
    ("statement by somebody else", SIGNED, None, stated(as_it_is, key="other"), 1),
    ("statement tampered with", SIGNED, None, with_sig(flipped), 1),
    ("statement on P-256 tampered with", signed_by("p256"), None, with_sig(lambda s: s[:-1] + bytes([s[-1] ^ 1])), 1),
    ("statement that is none", SIGNED, None, changed(STATEMENT, lambda _: b"[1]"), 1),
    ("time-stamp tampered with", SIGNED, None, first(stamps(1), changed(FIRST, flipped)), 1),
    ("time-stamp that is none", SIGNED, None, first(stamps(1), changed(FIRST, lambda _: b"x")), 1),
    ("time-stamp that was refused", SIGNED, None, stamps(1, make=refusal), 1),
    ("bytes behind a time-stamp", SIGNED, None, first(stamps(1), changed(FIRST, lambda s: s + b"more")), 1),
    ("time-stamp over something else", SIGNED, None, over(b"else"), 1),
    ("time-stamp over the manifest alone", SIGNED, None, lambda b: over(tag_manifest(b))(b), 1),
    ("time-stamp of another hash algorithm", SIGNED, None, by("tsa", imprint="sha384"), 1),
    ("time-stamp with SHA-1", SIGNED, None, by("tsa", digest="sha1"), 1),
    ("time-stamp with RSA-PSS", SIGNED, None,
     stamps(1, make=lambda c: signed_as_document(c, "tsa", "-cades", "-keyopt", "rsa_padding_mode:pss")), 1),
    ("time-stamp by a signer of documents", SIGNED, None, stamps(1, make=lambda c: signed_as_document(c, "me", "-cades")), 3),
    ("time-stamp for e-mail too", SIGNED, None, stamps(1, make=lambda c: signed_as_document(c, "tsa-mail", "-cades")), 3),
    ("time-stamp, purpose not critical", SIGNED, None, stamps(1, make=lambda c: signed_as_document(c, "tsa-lax", "-cades")), 3),
    ("time-stamp for other keys too", SIGNED, None, stamps(1, make=lambda c: signed_as_document(c, "tsa-cipher", "-cades")), 3),
    ("time-stamp that names nobody", SIGNED, None, stamps(1, make=lambda c: signed_as_document(c, "tsa")), 1),
    ("time-stamp that names another", SIGNED, None, stamps(1, make=of_twin), 1),
    ("renewals in the wrong order", SIGNED, None, wrong_order, 1),
    ("renewal over the signature alone", SIGNED, None, renewal_over_the_signature_alone, 1),
    ("first time-stamp replaced", SIGNED, None, first_replaced, 1),
]

# The same, given the authority: exit statuses of the check and of the script. The certificate "brief" has
# expired by then.
GIVEN = [
    ("signer expired after the time-stamp", signed_by("brief"), None, stamps(1), 0),
    ("signer expired since", signed_by("brief"), None, whole, 3),
    ("signer expired since, no authority's time", signed_by("brief"), None, stamps(1, make=lambda c: signed_as_document(c, "tsa-mail", "-cades")), 3),
    ("nothing sealed", ONE, None, whole, 3),
    ("time-stamped alone", ONE, None, stamps(1), 3),
    ("signed", SIGNED, None, whole, 0),
    ("signed, renewed", SIGNED, None, stamps(1, 2), 0),
    ("signed by a stranger", signed_by("stranger"), None, whole, 3),
    ("signed by a server", signed_by("server"), None, whole, 3),
    ("time-stamped by a stranger", SIGNED, None, by("tsa-stranger"), 3),
    ("time-stamped by a signer of documents", SIGNED, None, stamps(1, make=lambda c: signed_as_document(c, "me", "-cades")), 3),
    ("signer expired", signed_by("expired"), None, whole, 3),
    ("signer expired before the time-stamp", signed_by("expired"), None, stamps(1), 3),
    ("signer in no list", (*SIGNED, "--crl", "{}/crl.pem"), None, stamps(1), 0),
    ("signer revoked", (*SIGNED, "--crl", "{}/revoked.pem"), None, whole, 3),
    ("signer revoked before the time-stamp", (*SIGNED, "--crl", "{}/revoked.pem"), None, stamps(1), 3),
    ("signer revoked after the time-stamp", (*SIGNED, "--crl", "{}/revoked-later.pem"), None, stamps(1), 0),
    ("both revoked by another of that name", (*SIGNED, "--crl", "{}/forged.pem"), None, stamps(1), 0),
    ("time-stamp revoked", (*SIGNED, "--crl", "{}/revoked-tsa.pem"), None, stamps(1), 3),
    ("signature tampered with", SIGNED, None, changed(SIGNATURE, flipped), 1),
    ("time-stamp over something else", SIGNED, None, over(b"else"), 1),
]
