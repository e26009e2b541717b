#!/usr/bin/env python3
"""trailseal against moto's KMS, STS and S3: signing with KMS, roles, profiles, regions, payers.

moto's server runs on 127.0.0.1 behind a proxy that writes down every request: what was signed for
which region, and with whose credentials, is asserted from that. moto denies nothing, redirects
nothing: where AWS would, the proxy answers as AWS does. Genuine log files of account 218007301253,
us-east-1, 2023-07-10 11:00 to 14:00 are sealed: --logs DIR holds AWSLogs. openssl is needed too.

    python3 -m venv venv && venv/bin/pip install -r tests/peer/requirements.txt
    python3 tests/peer/moto_aws.py --trailseal target/debug/trailseal --aws venv/bin/aws \\
        --moto venv/bin/moto_server --logs DIR

A line for each step; the exit status is 1 at the first that is not as it has to be. Python 3.11 or
newer; half a minute.
"""

import argparse
import base64
import json
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True  # the next line would leave a cache in the source tree
from real_servers import (  # noqa: E402
    ACCESS_KEY, BUCKET, END, HOURS, REGION, START, Failed, Programs, Proxy, digest_key, expect,
    expect_verified, free_port, of_s3, program, run_steps, s3_error, stop, stop_servers_when_terminated,
    wait_for_port)

ELSEWHERE = "eu-west-1"
ROLE = "arn:aws:iam::123456789012:role/trailseal-reader"
SECOND_ROLE = "arn:aws:iam::123456789012:role/trailseal-auditor"
EXTERNAL_ID = "agreed/upon:42"


@dataclass
class Place:
    """What the steps share: the programs, the record of requests, and what was sealed first."""

    programs: Programs
    proxy: Proxy
    work: Path
    logs: Path
    source: str = f"s3://{BUCKET}"

    @property
    def keys(self):
        return self.work / "kms.pem"

    def verify(self, *more, programs=None, answer=None):
        """Verifies the bucket; what was said, and the requests that were made."""
        programs = programs or self.programs
        return self.proxy.recorded(lambda: programs.verify(self.source, self.keys, *more), answer)


# ---- KMS ---------------------------------------------------------------------------------


def create_key(programs, spec="RSA_2048", usage="SIGN_VERIFY", region=REGION):
    return programs.aws_cli("kms", "create-key", "--key-spec", spec, "--key-usage", usage,
                            "--region", region, query="KeyMetadata.Arn")


def save_public_key(programs, key, der, region=REGION):
    told = programs.aws_cli("kms", "get-public-key", "--key-id", key, "--region", region)
    der.write_bytes(base64.b64decode(told["PublicKey"]))


def openssl(*arguments):
    done = subprocess.run([program("openssl"), *map(str, arguments)], capture_output=True,
                          text=True, timeout=30, check=False)
    if done.returncode != 0:
        raise Failed(f"openssl {' '.join(map(str, arguments))}:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def signed_by_kms(place, steps):
    """A bucket is sealed with a KMS key; the public key that KMS gives verifies it."""
    programs = place.programs
    programs.aws_cli("s3api", "create-bucket", "--bucket", BUCKET)
    programs.upload(place.logs, BUCKET)
    key = create_key(programs)
    said, requests = place.proxy.recorded(lambda: programs.seal(place.source, f"kms:{key}"))
    said.expect("seal with a KMS key", 0, f"the chain is sealed up to {END}")
    signed = [json.loads(r.body) for r in requests if r.action == "Sign"]
    expect("what KMS was asked to sign with", [(s["SigningAlgorithm"], s["MessageType"], s["KeyId"])
           for s in signed], [("RSASSA_PKCS1_V1_5_SHA_256", "RAW", key)] * HOURS)
    steps.done("seal --key kms:ARN", f"{HOURS} digests, each signed by one request to KMS")

    der = place.work / "kms.der"
    save_public_key(programs, key, der)
    openssl("pkey", "-pubin", "-inform", "DER", "-in", der, "-out", place.keys)
    for file in (place.keys, der):
        expect_verified(f"verify --keys {file.name}", programs.verify(place.source, file))
    steps.done("verify --keys, as KMS gives the key (DER) and as PEM")

    copy = place.work / "copy"
    programs.run(programs.trailseal, "collect", place.source, copy, "--quiet").expect("collect", 0)
    for hour in (12, 13, 14):
        digest = copy / digest_key(f"20230710T{hour}0000Z")
        said = programs.run(programs.trailseal, "inspect", digest, "--keys", place.keys,
                            "--format", "json").expect("inspect", 0)
        message, signature = place.work / "message", place.work / "signature"
        message.write_bytes(said.report()["signing_string"].encode())
        head = json.loads(Path(f"{digest}.metadata.json").read_text())
        signature.write_bytes(bytes.fromhex(head["Metadata"]["signature"]))
        expect("openssl says", openssl("dgst", "-sha256", "-verify", place.keys, "-signature",
                                       signature, message), "Verified OK")
    steps.done("openssl verifies the signatures over the signing strings of inspect")


def key_in_another_region(place, steps):
    """The region of a key's ARN counts, not the one that is configured. Into a directory."""
    programs, copy = place.programs, place.work / "sealed-copy"
    shutil.copytree(place.logs / "AWSLogs", copy / "AWSLogs")
    key = create_key(programs, region=ELSEWHERE)
    said, requests = place.proxy.recorded(
        lambda: programs.seal(copy, f"kms:{key}", "--bucket", BUCKET))
    said.expect(f"seal with a key of {ELSEWHERE}", 0, f"the chain is sealed up to {END}")
    expect("the regions that KMS was asked in", {r.scope[1:] for r in requests},
           {(ELSEWHERE, "kms")})
    der = place.work / "elsewhere.der"
    save_public_key(programs, key, der, ELSEWHERE)
    expect_verified("a directory sealed with it", programs.verify(copy, der))
    steps.done("seal a directory with a key of another region", f"asked in {ELSEWHERE}")


def denied(action, error):
    """Answers an action of a JSON protocol with an error."""
    def answer(request):
        if request.action != action:
            return None
        body = json.dumps({"__type": error[0], "message": error[1]}).encode()
        return 400, {"Content-Type": "application/x-amz-json-1.1"}, body
    return answer


def keys_that_do_not_sign(place, steps):
    """What the user is told of a KMS key that is not there, not of the kind, or denied."""
    programs, source = place.programs, f"s3://{BUCKET}-unsealed"
    programs.aws_cli("s3api", "create-bucket", "--bucket", f"{BUCKET}-unsealed")
    programs.upload(place.logs, f"{BUCKET}-unsealed")
    good = create_key(programs)
    missing = re.sub(r"[^/]+$", "00000000-0000-0000-0000-000000000000", good)
    encrypts = create_key(programs, usage="ENCRYPT_DECRYPT")
    elliptic = create_key(programs, spec="ECC_NIST_P256")
    make = "aws kms create-key --key-spec RSA_2048 --key-usage SIGN_VERIFY"
    no_right = "User: arn:aws:iam::123456789012:user/sealer is not authorized to perform: kms:{}"
    cases = [
        ("a key that is not there", missing, None, 3,
         [f"KMS key {missing}: NotFoundException", "check the key, its region"]),
        ("an alias that is not there", "alias/none", None, 3,
         ["KMS key alias/none: NotFoundException", "check the key, its region"]),
        ("no key at all", "", None, 2, ["--key kms: names no key", "kms:ARN"]),
        ("a key that encrypts", encrypts, None, 2,
         ["cannot sign digests: its key usage is ENCRYPT_DECRYPT, not SIGN_VERIFY", make]),
        ("a key of an elliptic curve", elliptic, None, 2,
         ["cannot sign digests: the key is EC, not RSA", make]),
        ("a key that may not be read", good,
         denied("GetPublicKey", ("AccessDeniedException", no_right.format("GetPublicKey"))), 3,
         [r"AccessDeniedException .*not authorized to perform: kms:GetPublicKey",
          "kms:GetPublicKey and kms:Sign"]),
        ("a key that may not be used", good,
         denied("Sign", ("AccessDeniedException", no_right.format("Sign"))), 3,
         [r"AccessDeniedException .*not authorized to perform: kms:Sign", "nothing was sealed"]),
        ("a key that was disabled meanwhile", good,
         denied("Sign", ("DisabledException", f"{good} is disabled.")), 3,
         [f"DisabledException .*{good} is disabled", "nothing was sealed"]),
    ]
    for name, key, answer, status, patterns in cases:
        said, requests = place.proxy.recorded(
            lambda: programs.seal(source, f"kms:{key}"), answer)  # noqa: B023
        said.expect(name, status, *patterns)
        if "nothing is due" in said.out:
            raise Failed(f"{name}: it failed, and says that nothing is due\n\n{said.show()}")
        expect(f"{name}: digests written", [r.key for r in requests if r.method == "PUT"], [])
        steps.done(f"KMS, {name}", f"exit status {status}, nothing written, the cause told")


# ---- roles and profiles ------------------------------------------------------------------


def expect_session(what, requests, roles):
    """Each role is assumed once, with the credentials of the one before; the rest is asked with
    those of the last. `roles` are (ARN, external id or None)."""
    assumed = [r for r in requests if r.action == "AssumeRole"]
    expect(f"{what}: the roles that were assumed",
           [(r.form["RoleArn"], r.form.get("ExternalId")) for r in assumed], roles)
    who = (ACCESS_KEY, None)
    for request in assumed:
        expect(f"{what}: who assumes {request.form['RoleArn']}",
               (request.scope[0], request.headers.get("x-amz-security-token")), who)
        who = tuple(re.search(f"<{name}>(.+?)</{name}>", request.answer.decode())[1]
                    for name in ("AccessKeyId", "SessionToken"))
    others = [r for r in requests if r.action != "AssumeRole"]
    expect(f"{what}: whose credentials the other requests carry",
           {(r.scope[0], r.headers.get("x-amz-security-token")) for r in others}, {who})
    services = {r.scope[2] for r in others}
    return f"{len(others)} requests to {' and '.join(sorted(services))} with the session's own"


def role(place, steps):
    arguments = ("--role-arn", ROLE, "--external-id", EXTERNAL_ID)
    said, requests = place.verify(*arguments)
    expect_verified("verify as a role", said)
    told = expect_session("verify", requests, [(ROLE, EXTERNAL_ID)])
    steps.done("verify --role-arn --external-id", told)

    key = create_key(place.programs)
    source = f"s3://{BUCKET}-unsealed"
    said, requests = place.proxy.recorded(
        lambda: place.programs.seal(source, f"kms:{key}", *arguments))
    said.expect("seal as a role", 0, f"the chain is sealed up to {END}")
    told = expect_session("seal", requests, [(ROLE, EXTERNAL_ID)])
    steps.done("seal --role-arn --external-id", told)

    said, requests = place.verify("--role-arn", ROLE)
    expect_verified("verify as a role without an external id", said)
    expect_session("verify", requests, [(ROLE, None)])
    place.verify("--external-id", EXTERNAL_ID)[0].expect("an external id without a role", 2,
                                                         "--role-arn")

    message = f"User: someone is not authorized to perform: sts:AssumeRole on resource: {ROLE}"

    def deny(request):
        if request.action != "AssumeRole":
            return None
        body = (f"<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>"
                f"{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>")
        return 403, {"Content-Type": "text/xml"}, body.encode()
    said, requests = place.verify("--role-arn", ROLE, answer=deny)
    said.expect("a role that may not be assumed", 3, f"AccessDenied {message}",
                "Check the name, the credentials")
    expect("no request goes on without the role", {r.action for r in requests}, {"AssumeRole"})
    key = create_key(place.programs)
    said, _ = place.proxy.recorded(lambda: place.programs.seal(
        place.work / "sealed-copy", f"kms:{key}", "--bucket", BUCKET, "--role-arn", ROLE), deny)
    said.expect("a role for KMS that may not be assumed", 3, "KMS key", f"AccessDenied {message}")
    steps.done("a role that may not be assumed", "the user is told STS's own words")


def evidence(place, steps):
    """The identity that STS tells is in the bag's custody and report, and the bag checks offline."""
    bag = place.work / "evidence"
    said, requests = place.proxy.recorded(lambda: place.programs.run(
        place.programs.trailseal, "evidence", "pack", place.source, "--keys", place.keys, "--start-time",
        START, "--end-time", END, "--output", bag, "--role-arn", ROLE, "--external-id", EXTERNAL_ID,
        "--operator", "Jane Doe", "--no-progress"))
    said.expect("pack evidence as a role", 0)
    expect_session("evidence pack", requests, [(ROLE, EXTERNAL_ID)])
    name = ROLE.rsplit("/", 1)[1]
    identity = f"arn:aws:sts::123456789012:assumed-role/{name}/trailseal"
    ran_by = json.loads((bag / "data/report/run.json").read_text())["ran_by"]
    expect("who made the run", ran_by, {"operator": "Jane Doe", "identity": identity})
    rows = (bag / "data/custody.csv").read_text().splitlines()[1:]
    expect("rows without the identity", [r for r in rows if f"identity {identity}" not in r], [])
    offline = place.programs.run(place.programs.trailseal, "evidence", "check", bag, "--no-progress")
    offline.expect("check the bag", 0)
    told = " ".join(offline.out.split())
    expect("what the check tells of who made the run", identity in told, True)
    steps.done("evidence pack, check", f"{len(rows)} rows of custody name {name}")


def profiles(place, steps):
    """Roles of the AWS configuration files: the profile's own credentials assume them."""
    home = place.programs.home
    (home / "config").write_text(
        f"[profile base]\nregion = {REGION}\n\n"
        f"[profile reader]\nsource_profile = base\nrole_arn = {ROLE}\n"
        f"external_id = {EXTERNAL_ID}\nregion = {REGION}\n\n"
        f"[profile lost]\nsource_profile = nowhere\nrole_arn = {ROLE}\n")
    (home / "credentials").write_text(
        f"[base]\naws_access_key_id = {ACCESS_KEY}\naws_secret_access_key = of-the-file\n")
    alone = place.programs.with_variables(AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None)
    for what, arguments, roles in [
        ("--profile with keys", ("--profile", "base"), []),
        ("--profile with source_profile and role_arn", ("--profile", "reader"),
         [(ROLE, EXTERNAL_ID)]),
        ("--profile with a role, and --role-arn",
         ("--profile", "reader", "--role-arn", SECOND_ROLE), [(ROLE, EXTERNAL_ID), (SECOND_ROLE, None)]),
    ]:
        said, requests = place.verify(*arguments, programs=alone)
        expect_verified(what, said)
        steps.done(what, expect_session(what, requests, roles))
    chosen = alone.with_variables(AWS_PROFILE="reader")
    said, requests = place.verify(programs=chosen)
    expect_verified("AWS_PROFILE", said)
    expect_session("AWS_PROFILE", requests, [(ROLE, EXTERNAL_ID)])
    for name, told in (("none", "`none` was not defined"), ("lost", "nowhere")):
        said, requests = place.verify("--profile", name, programs=alone)
        said.expect(f"--profile {name}", 3, told, "Check the name, the credentials")
        expect(f"--profile {name}: requests", requests, [])
    steps.done("profiles that are not there", "the user is told their names")


# ---- S3 ----------------------------------------------------------------------------------


def another_region(place, steps):
    """A bucket of another region than the configured one, as S3 answers for it."""
    location = f"http://{BUCKET}.s3.{ELSEWHERE}.amazonaws.com/"
    for status, code in ((301, "PermanentRedirect"), (307, "TemporaryRedirect"),
                         (400, "AuthorizationHeaderMalformed")):
        def home(request):
            if request.scope[1] == ELSEWHERE:
                return None
            more = {"Location": location} if status < 400 else {}  # noqa: B023
            return s3_error(status, code, x_amz_bucket_region=ELSEWHERE, **more)  # noqa: B023
        said, requests = place.verify(answer=home)
        report = expect_verified(f"a bucket that answers {status}", said)
        requests = of_s3(requests)
        expect("the regions that requests were signed for", [r.scope[1] for r in requests],
               [REGION] + [ELSEWHERE] * (len(requests) - 1))
        expect("the requests that the report tells", report["totals"]["requests"], len(requests))
    steps.done("a bucket of another region (301, 307, 400)",
               f"one request for {REGION}, the rest for {ELSEWHERE}")

    other = iter(range(1000))
    said, _ = place.verify(answer=lambda _: s3_error(
        301, "PermanentRedirect", x_amz_bucket_region=f"eu-west-{next(other)}"))
    said.expect("a bucket that is nowhere", 3, "one region after another")
    said, _ = place.verify(answer=lambda _: s3_error(403, "AccessDenied", "Access Denied"))
    said.expect("a bucket that is closed", 3, r"AccessDenied \(403\) Access Denied",
                "s3:ListBucket")
    steps.done("a bucket that is nowhere, one that is closed", "exit status 3 and why")


def requester_pays(place, steps):
    """Every request that reads says that the requester pays, and none unless told so."""
    said, requests = place.verify("--request-payer")
    report, requests = expect_verified("verify --request-payer", said), of_s3(requests)
    expect("who pays, by action",
           {(r.action, r.headers.get("x-amz-request-payer")) for r in requests},
           {("ListObjectsV2", "requester"), ("GetObject", "requester")})
    expect("the requests that the report tells", report["totals"]["requests"], len(requests))
    _, requests = place.verify()
    expect("who pays without it", {r.headers.get("x-amz-request-payer") for r in requests}, {None})
    steps.done("--request-payer", f"x-amz-request-payer on all {len(requests)} requests")


def broken_connection(place, steps):
    """Credentials that cannot be fetched for lack of a connection are told of as that."""
    nobody = f"http://127.0.0.1:{free_port()}"
    programs = place.programs.with_variables(AWS_ENDPOINT_URL_STS=nobody)
    said, requests = place.verify("--role-arn", ROLE, programs=programs)
    said.expect("STS cannot be reached", 3, "credentials", "onnection refused")
    expect("STS cannot be reached: requests", requests, [])
    steps.done("STS cannot be reached", "the user is told that the connection was refused")


# ---- the run -----------------------------------------------------------------------------


@contextmanager
def moto_server(path, work):
    port = free_port()
    with open(work / "moto.log", "wb") as log:
        process = subprocess.Popen([program("moto_server", path), "-H", "127.0.0.1", "-p",
                                    str(port)], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait_for_port(process, port, work / "moto.log")
        yield port
    finally:
        stop(process)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trailseal", required=True, metavar="PATH")
    parser.add_argument("--aws", required=True, metavar="PATH")
    parser.add_argument("--moto", required=True, metavar="PATH", help="moto_server")
    parser.add_argument("--logs", required=True, type=Path, metavar="DIR", help="holds AWSLogs")
    args = parser.parse_args()
    if not (args.logs / "AWSLogs").is_dir():
        print(f"SKIPPED {args.logs} holds no AWSLogs")
        return 0
    stop_servers_when_terminated()

    def steps(work, steps):
        with moto_server(args.moto, work) as port, Proxy(port) as proxy:
            programs = Programs(program("trailseal", args.trailseal), program("aws", args.aws), work,
                                proxy.url)
            place = Place(programs, proxy, work, args.logs)
            for step in (signed_by_kms, key_in_another_region, keys_that_do_not_sign, role, evidence,
                         profiles, another_region, requester_pays, broken_connection):
                step(place, steps)
    return run_steps("moto", steps)


if __name__ == "__main__":
    sys.exit(main())
