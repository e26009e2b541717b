#!/usr/bin/env python3
"""trailseal end to end against Ceph's radosgw: seal, race, verify, damage, collect, requester pays.

A whole Ceph on 127.0.0.1 (one monitor, one store in memory, one gateway) is started in a directory
that goes away afterwards. Genuine log files of account 218007301253, us-east-1, 2023-07-10 11:00 to
14:00 are put into it: --logs DIR holds AWSLogs. With --suite PATH, the test program of the repository
makes its conformance checks against the gateway too.

    apt-get install --no-install-recommends ceph-mon ceph-osd radosgw
    python3 -m venv venv && venv/bin/pip install -r tests/peer/requirements.txt
    python3 tests/peer/radosgw.py --trailseal target/debug/trailseal --aws venv/bin/aws --logs DIR

A line for each step; the exit status is 1 at the first that is not as it has to be. Python 3.11 or
newer; about a minute.
"""

import argparse
import json
import re
import subprocess
import sys
import threading
import uuid
from collections import Counter
from pathlib import Path

sys.dont_write_bytecode = True  # the next line would leave a cache in the source tree
from real_servers import (  # noqa: E402
    ACCESS_KEY, ACCOUNT, BUCKET, END, HOURS, REGION, SECRET_KEY, START, Failed, Programs, Proxy,
    digest_key, expect, expect_verified, expect_violations, free_port, of_s3, program, run_steps, stop,
    stop_servers_when_terminated, wait_for_port)

LOG = (f"AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2023/07/10/"
       f"{ACCOUNT}_CloudTrail_{REGION}_20230710T1205Z_1dM7GQM67kudSyGD.json.gz")
OTHER_LOG = LOG.replace("_1dM7GQM67kudSyGD", "_86g9Vok9HiUCgSI7")
GUEST = ("AKIATRAILSEALGUEST", "another-secret-of-this-test")


# ---- Ceph --------------------------------------------------------------------------------


class Radosgw:
    """One monitor, one object store daemon in memory and one gateway, all at free ports."""

    CONFIGURATION = """\
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{mon_v2},v1:127.0.0.1:{mon_v1}]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
keyring = {root}/keyring
run dir = {root}
log file = {root}/$name.log
pid file = {root}/$name.pid
admin socket = {root}/$name.asok
debug rocksdb = 0
mon data = {root}/mon
# What it needs is little: a disk that is nearly full is no reason not to start.
mon data avail crit = 0
mon data avail warn = 0
osd data = {root}/osd
osd objectstore = memstore
memstore device bytes = 1073741824
# One store keeps one copy.
mon allow pool size one = true
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon max pg per osd = 1000
auth allow insecure global id reclaim = false
rgw frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
"""

    def __init__(self, root):
        self.root, self.port, self.daemons = root, free_port(), []

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for daemon in reversed(self.daemons):
            stop(daemon)

    def start(self):
        fsid, osd, mon_v2, mon_v1 = uuid.uuid4(), uuid.uuid4(), free_port(), free_port()
        for folder in ("mon", "osd"):
            (self.root / folder).mkdir()
        (self.root / "ceph.conf").write_text(self.CONFIGURATION.format(
            fsid=fsid, root=self.root, port=self.port, mon_v2=mon_v2, mon_v1=mon_v1))

        self.run("monmaptool", "--create", "--fsid", fsid, "--addv", "a",
                 f"[v2:127.0.0.1:{mon_v2},v1:127.0.0.1:{mon_v1}]", "monmap")
        # One key that may do everything serves the daemons and the commands alike.
        self.run("ceph-authtool", "--create-keyring", "keyring", "--gen-key", "-n", "mon.",
                 "--cap", "mon", "allow *")
        for name in ("client.admin", "osd.0"):
            self.run("ceph-authtool", "keyring", "--gen-key", "-n", name, "--cap", "mon", "allow *",
                     "--cap", "osd", "allow *", "--cap", "mgr", "allow *")
        self.run("ceph-mon", "--mkfs", "-i", "a", "--monmap", "monmap", "--keyring", "keyring")
        monitor = self.daemon("ceph-mon", "-i", "a")
        wait_for_port(monitor, mon_v2, self.root / "ceph-mon.out", self.root / "mon.a.log")

        self.ceph("osd", "new", osd)
        self.run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        self.ceph("osd", "crush", "add", "osd.0", "1.0", "root=default", "host=localhost")
        self.daemon("ceph-osd", "-i", "0")

        self.user("owner", ACCESS_KEY, SECRET_KEY)  # waits for the store
        self.user("guest", *GUEST)
        # The gateway names its zone group as the region.
        group = json.loads(self.run("radosgw-admin", "zonegroup", "get")) | {"api_name": REGION}
        self.run("radosgw-admin", "zonegroup", "set", stdin=json.dumps(group))
        gateway = self.daemon("radosgw", "-n", "client.admin")
        wait_for_port(gateway, self.port, self.root / "radosgw.out",
                      self.root / "client.admin.log")

    def user(self, name, access_key, secret_key):
        self.run("radosgw-admin", "user", "create", "--uid", name, "--display-name", name,
                 "--access-key", access_key, "--secret-key", secret_key)

    def ceph(self, *arguments):
        # Without a limit, a monitor that does not answer holds a command for five minutes.
        self.run("ceph", "--connect-timeout", "20", *arguments)

    def run(self, name, *arguments, stdin=None):
        command = [program(name), *map(str, arguments)]
        if name not in ("monmaptool", "ceph-authtool"):
            command[1:1] = ["-c", str(self.root / "ceph.conf")]
        try:
            done = subprocess.run(command, cwd=self.root, input=stdin, capture_output=True,
                                  text=True, timeout=60, check=False)
        except subprocess.TimeoutExpired:
            raise Failed(f"a minute was not enough for {' '.join(command)}") from None
        if done.returncode != 0:
            raise Failed(f"{' '.join(command)} failed ({done.returncode}):\n{done.stderr}")
        return done.stdout

    def daemon(self, name, *arguments):
        with open(self.root / f"{name}.out", "wb") as out:
            process = subprocess.Popen(
                [program(name), "-c", str(self.root / "ceph.conf"), "-f", *arguments],
                cwd=self.root, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.daemons.append(process)
        return process


# ---- a bucket ----------------------------------------------------------------------------


class Bucket:
    """Objects, by way of the AWS CLI."""

    def __init__(self, programs, name, work):
        self.programs, self.name, self.file = programs, name, work / "body"
        self.source = f"s3://{name}"
        self.s3api("create-bucket")

    def s3api(self, action, *arguments, query=None):
        return self.programs.aws_cli("s3api", action, "--bucket", self.name, *arguments,
                                     query=query)

    def get(self, key):
        """The bytes and the metadata of an object."""
        told = self.s3api("get-object", "--key", key, self.file)
        return self.file.read_bytes(), told["Metadata"]

    def put(self, key, body, metadata):
        self.file.write_bytes(body)
        self.s3api("put-object", "--key", key, "--body", self.file, "--content-encoding", "gzip",
                   "--content-type", "application/json", "--metadata", json.dumps(metadata))

    def delete(self, key):
        self.s3api("delete-object", "--key", key)

    def digests(self):
        prefix = f"AWSLogs/{ACCOUNT}/CloudTrail-Digest/"
        return self.s3api("list-objects-v2", "--prefix", prefix, query="Contents[].Key")


# ---- the steps ---------------------------------------------------------------------------


def expect_requests_told(what, requests, report):
    """The report tells the requests that S3 saw."""
    requests = of_s3(requests)
    expect(f"{what}: the requests that the report tells",
           report["totals"]["requests"], len(requests))
    actions = Counter(request.action for request in requests)
    expect(f"{what}: kinds of requests", set(actions), {"GetObject", "ListObjectsV2"})
    return ", ".join(f"{count} {action}" for action, count in sorted(actions.items()))


class Meeting:
    """Holds the first write of each key until a second sealer writes it too: a race each time."""

    def __init__(self):
        self.barriers, self.lock = {}, threading.Lock()

    def __call__(self, request):
        if request.method == "PUT":
            with self.lock:
                barrier = self.barriers.setdefault(request.key, threading.Barrier(2))
            try:
                barrier.wait(timeout=20)
            except threading.BrokenBarrierError:
                pass  # the other one did not come: told of when the requests are counted
        return None


def race(programs, proxy, bucket, keys, hours):
    """Two sealers at the same time, each hour by itself, then those that are left in one go."""
    times = [f"2023-07-{10 + hour // 24:02}T{hour % 24:02}:00:00Z" for hour in hours]
    raced = 0
    for round_end in [*times[:HOURS], times[-1]]:
        def both():
            key = keys / "signing-key.pem"
            runs = [programs.start_seal(bucket.source, key, end=round_end)  # noqa: B023
                    for _ in range(2)]
            return [programs.finish(run) for run in runs]
        said, requests = proxy.recorded(both, Meeting())
        for one in said:
            one.expect(f"one of two sealers up to {round_end}", 0,
                       f"the chain is sealed up to {round_end}")
        expected = times[raced:times.index(round_end) + 1]
        expect(f"the answers to two sealers up to {round_end}",
               sorted((r.key, r.status) for r in requests if r.method == "PUT"),
               [(digest_key(re.sub("[-:]", "", end)), status)
                for end in expected for status in (200, 412)])
        raced += len(expected)
    expect("one digest for each hour", bucket.digests(),
           [digest_key(re.sub("[-:]", "", end)) for end in times])
    said = programs.verify(bucket.source, keys / "public-keys.json", end=times[-1])
    expect_verified("the chain that two sealers wrote", said, digests=len(times))
    return f"{raced} digests, each written once and refused once (412); no fork"


def damage(bucket, verify, steps):
    """What is altered or gone is found at its place, and nothing else; restored, all is well."""
    body, metadata = bucket.get(LOG)
    other, _ = bucket.get(OTHER_LOG)
    middle = len(body) // 2
    flipped = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1:]
    for name, code, bad in (("one bit flipped", "log-malformed", flipped),
                            ("another log file's bytes", "log-modified", other)):
        bucket.put(LOG, bad, metadata)
        expect_violations(f"a log file, {name}", verify(), (code, LOG))
        steps.done(f"a log file, {name}", code)
    bucket.delete(LOG)
    expect_violations("a log file deleted", verify(), ("log-missing", LOG))
    steps.done("a log file deleted", "log-missing")
    bucket.put(LOG, body, metadata)
    expect_verified("the log file restored", verify())
    steps.done("the log file restored", "verified")

    key = digest_key("20230710T130000Z")
    body, metadata = bucket.get(key)
    bucket.delete(key)
    expect_violations("a digest deleted", verify(), ("digest-missing", key))
    steps.done("a digest deleted", "digest-missing")
    bucket.put(key, body, metadata)
    expect_verified("the digest restored with its metadata", verify())
    steps.done("the digest restored with its metadata", "verified")


def collect(programs, bucket, keys, work, online):
    """A copy verifies offline as the bucket does online."""
    copy = work / "copy"
    said = programs.run(programs.trailseal, "collect", bucket.source, copy, "--no-progress")
    said.expect("collect", 0)
    again = programs.run(programs.trailseal, "collect", bucket.source, copy, "--no-progress")
    again.expect("collect again", 0)
    alone = programs.with_variables(AWS_ENDPOINT_URL="http://127.0.0.1:9")  # nobody answers there
    offline = expect_verified("the copy", alone.verify(copy, keys))
    for part in ("verdict", "findings", "chains"):
        expect(f"{part} of the copy and of the bucket", offline[part], online[part])
    for report in (offline, online):
        report["totals"].pop("requests")
    expect("totals of the copy and of the bucket", offline["totals"], online["totals"])
    return f"{said.out.splitlines()[1].strip()}; offline the same verdict, chains and totals"


def requester_pays(programs, proxy, bucket, keys):
    """A bucket that another account pays for reading: with --request-payer, and not without."""
    policy = {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam:::user/guest"]},
        "Action": ["s3:ListBucket", "s3:GetObject"],
        "Resource": [f"arn:aws:s3:::{bucket.name}", f"arn:aws:s3:::{bucket.name}/*"]}]}
    bucket.s3api("put-bucket-policy", "--policy", json.dumps(policy))
    guest = programs.with_variables(AWS_ACCESS_KEY_ID=GUEST[0], AWS_SECRET_ACCESS_KEY=GUEST[1])
    expect_verified("a guest, before the requester pays", guest.verify(bucket.source, keys))
    bucket.s3api("put-bucket-request-payment", "--request-payment-configuration",
                 "Payer=Requester")
    guest.verify(bucket.source, keys).expect(
        "a guest who does not offer to pay", 3, "AccessDenied", "s3:ListBucket")
    said, requests = proxy.recorded(
        lambda: guest.verify(bucket.source, keys, "--request-payer"))
    report = expect_verified("a guest who pays", said)
    expect_requests_told("a guest who pays", requests, report)
    payers = Counter((r.action, r.headers.get("x-amz-request-payer")) for r in of_s3(requests))
    expect("who pays, by action", set(payers),
           {("GetObject", "requester"), ("ListObjectsV2", "requester")})
    return f"refused without it; with it, all {len(requests)} requests offer to pay"


def conformance(programs, bucket, suite):
    """The checks of the suite that every store passes."""
    test = "conformance::in_a_bucket::a_bucket_that_the_environment_names"
    named = programs.with_variables(
        TRAILSEAL_TEST_ENDPOINT=programs.endpoint, TRAILSEAL_TEST_BUCKET=bucket.name)
    said = named.run(suite, "--exact", test, "--ignored")
    said.expect("the checks that every store passes", 0, "1 passed")
    return "every check that any store passes"


def run(programs, proxy, work, logs, steps, suite=None):
    said = programs.run(programs.trailseal, "keys", "generate", work / "keys")
    said.expect("keys generate", 0, "Fingerprint")
    keys = work / "keys"
    public = keys / "public-keys.json"

    raced = Bucket(programs, f"{BUCKET}-raced", work)
    programs.upload(logs, raced.name)
    steps.done("two sealers race", race(programs, proxy, raced, keys, range(12, 25)))

    bucket = Bucket(programs, BUCKET, work)
    programs.upload(logs, bucket.name)
    sealed = programs.seal(bucket.source, keys / "signing-key.pem")
    sealed.expect("seal", 0, f"the chain is sealed up to {END}")
    expect("what was sealed", bucket.digests(),
           [digest_key(f"20230710T{hour}0000Z") for hour in (12, 13, 14)])
    again = programs.seal(bucket.source, keys / "signing-key.pem")
    again.expect("seal again", 0, "nothing is due")
    steps.done("seal", f"{HOURS} digests from {START} on; again: nothing is due")

    def verify():
        return programs.verify(bucket.source, public)

    said, requests = proxy.recorded(verify)
    online = expect_verified("verify", said)
    told = expect_requests_told("verify", requests, online)
    steps.done("verify", f"{online['totals']['digests']['valid']} digests, "
                         f"{online['totals']['logs']['valid']} log files; {told}, as reported")
    damage(bucket, verify, steps)
    steps.done("collect", collect(programs, bucket, public, work, online))
    steps.done("--request-payer", requester_pays(programs, proxy, bucket, public))
    if suite:
        empty = Bucket(programs, f"{BUCKET}-conformance", work)
        steps.done("conformance", conformance(programs, empty, suite))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trailseal", required=True, metavar="PATH")
    parser.add_argument("--aws", required=True, metavar="PATH")
    parser.add_argument("--logs", required=True, type=Path, metavar="DIR", help="holds AWSLogs")
    parser.add_argument("--suite", metavar="PATH", help="the test program of the repository")
    args = parser.parse_args()
    if not (args.logs / "AWSLogs").is_dir():
        print(f"SKIPPED {args.logs} holds no AWSLogs")
        return 0
    stop_servers_when_terminated()

    def steps(work, steps):
        (work / "ceph").mkdir()
        with Radosgw(work / "ceph") as gateway, Proxy(gateway.port) as proxy:
            steps.done("radosgw", "a monitor, a store and a gateway on 127.0.0.1")
            programs = Programs(program("trailseal", args.trailseal), program("aws", args.aws), work,
                                proxy.url)
            run(programs, proxy, work, args.logs, steps, args.suite)
    return run_steps("radosgw", steps)


if __name__ == "__main__":
    sys.exit(main())
