#!/usr/bin/env python3
"""Holds trailseal against the real `aws cloudtrail validate-logs`.

What trailseal seals must be valid to the AWS CLI. On tampered copies both must name the same
object; where the CLI is known to see nothing, that is asserted too, so that a change on either
side is noticed. The CLI runs unchanged, against a stand-in for S3 and CloudTrail on this machine.

    python3 -m venv venv && venv/bin/pip install -r tests/peer/requirements.txt
    python3 tests/peer/validate_logs.py --trailseal target/debug/trailseal --aws venv/bin/aws

With --logs DIR, genuine log files of account 218007301253, us-east-1, 2023-07-10 11:00 to 14:00
are sealed and checked as well: DIR holds AWSLogs.

One line for each case (of a tampering: what the CLI says | what trailseal says); the exit status
is 1 at the first disagreement, with both outputs. Python 3.10 or newer; half a minute.
"""

import argparse
import gzip
import json
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

sys.dont_write_bytecode = True  # the next lines would leave a cache in the source tree
from peers import VALID, Chain, Disagreement, Peers, a_log  # noqa: E402
from stand_in import SIDECAR, Bucket, Directory, StandIn, Trail  # noqa: E402

HOURS = 30
HOUR = "20260301T130000Z"  # the end of the hour that is tampered with
PAGE_SIZE = 7  # keys in a page of a listing: the CLI has to turn pages


# ---- a bucket on disk --------------------------------------------------------------------


@dataclass
class Tree:
    """A directory that stands for the bucket of a chain, and the file of its public keys."""

    root: Path
    keys: Path
    chain: Chain

    def file(self, key):
        return self.root / key

    def sidecar(self, key):
        return self.root / (key + SIDECAR)

    def digest(self, end=HOUR):
        return self.chain.digest_key(end)

    def log(self, end=HOUR):
        """The first log file that the digest of an hour lists."""
        return json.loads(gzip.decompress(self.file(self.digest(end)).read_bytes()))[
            "logFiles"][0]["s3Object"]

    def remove(self, key):
        self.file(key).unlink()
        self.sidecar(key).unlink(missing_ok=True)
        return key

    def write(self, key, body):
        self.file(key).parent.mkdir(parents=True, exist_ok=True)
        self.file(key).write_bytes(body)
        return key

    def change(self, key, edit):
        return self.write(key, edit(self.file(key).read_bytes()))


# ---- the two sides -----------------------------------------------------------------------


@dataclass
class BothSides(Peers):
    """Both programs on a tree; counts what the CLI asked for."""

    calls: Counter = field(default_factory=Counter)

    def validate_logs(self, tree):
        chain = tree.chain
        command = [self.aws, "cloudtrail", "validate-logs", "--trail-arn", chain.arn,
                   "--region", chain.region, "--start-time", chain.start,
                   "--end-time", chain.end, "--verbose"]
        command += ["--account-id", chain.account] if chain.owner else []
        buckets = {chain.bucket: Bucket(Directory(tree.root))}
        trail = Trail(chain.arn, chain.bucket, chain.prefix, chain.organization is not None)
        keys = json.loads(tree.keys.read_text(encoding="utf-8"))
        with StandIn(buckets, [trail], keys, organization=chain.organization,
                     page_size=PAGE_SIZE) as server:
            said = self.run(command, self.reach(server.url, chain.region))
        self.calls += server.calls
        if server.refused:
            raise Disagreement("the CLI asked for what the stand-in does not know: "
                               f"{'; '.join(server.refused)}\n\n{said.show()}")
        return said

    def verify(self, tree):
        chain = tree.chain
        return self.run([
            self.trailseal, "verify", tree.root, "--keys", tree.keys, "--format", "json",
            "--no-progress", "--account", chain.account, "--region", chain.region,
            "--trail", chain.trail, "--start-time", chain.start, "--end-time", chain.end])


INVALID = re.compile(r"^(?:\(backfill\) )?(?:Digest|Log) file\ts3://[^/]+/(.+)\tINVALID: (.*)$",
                     re.M)
RATIO = re.compile(r"^(\d+)/(\d+) ((?:backfill )?digest|log) files valid", re.M)


def cli_view(said):
    """What the CLI called INVALID, by key, and `valid/total` of each kind in its summary."""
    invalid = dict(INVALID.findall(said.out + said.err))
    return invalid, {kind: f"{valid}/{total}" for valid, total, kind in RATIO.findall(said.out)}


def trailseal_view(said):
    """What is more than a notice, as (code, key), and the report."""
    try:
        report = json.loads(said.out)
    except ValueError:
        raise Disagreement("trailseal printed no JSON report") from None
    return {(f["code"], f["key"]) for f in report["findings"] if f["severity"] != "notice"}, report


# ---- cases -------------------------------------------------------------------------------


@dataclass
class Case:
    """A tampering, and what each side says of it.

    `tamper` changes a tree and returns the key, or the keys, that it is about. `cli` is the
    reason (a pattern) that the CLI gives for the first key, or None where it sees nothing; `codes`
    are trailseal's, one for each key. `status` is trailseal's exit status; `cli_counts` are the
    numbers of the CLI's summary and `cli_says` is a line of its output, where they matter.
    """

    name: str
    tamper: Callable
    cli: str | None
    codes: list
    status: int = 1
    cli_counts: dict | None = None
    cli_says: str = ""


def flip(body):
    at = len(body) // 2
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1:]


def flip_log(tree):
    return tree.change(tree.log(), flip)


def replace_log(tree):
    return tree.write(tree.log(), a_log())


def junk_after_log(tree):
    return tree.change(tree.log(), lambda body: body + b"junk")


def edit_digest(tree):
    """Takes the log files out of a digest: other bytes, and a valid gzip stream of them."""
    def edit(body):
        digest = json.loads(gzip.decompress(body))
        digest["logFiles"] = []
        return gzip.compress(json.dumps(digest, separators=(",", ":")).encode(), mtime=0)
    log = tree.log()
    tree.change(tree.digest(), edit)
    tree.remove(log)
    return tree.digest()


def edit_signature(tree):
    sidecar = tree.sidecar(tree.digest())
    head = json.loads(sidecar.read_text())
    signature = head["Metadata"]["signature"]
    head["Metadata"]["signature"] = f"{int(signature[0], 16) ^ 1:x}{signature[1:]}"
    sidecar.write_text(json.dumps(head))
    return tree.digest()


def lose_signature(tree):
    tree.sidecar(tree.digest()).unlink()
    return tree.digest()


def old_digest_again(tree):
    """The digest of the hour before, signature and all, in the place of another."""
    for file in (tree.file, tree.sidecar):
        shutil.copyfile(file(tree.digest("20260301T120000Z")), file(tree.digest()))
    return tree.digest()


def remove_adjacent(tree):
    return [tree.remove(tree.digest()), tree.remove(tree.digest("20260301T120000Z"))]


def remove_newest(tree):
    for hour in range(3, 7):
        tree.remove(tree.digest(f"20260302T0{hour}0000Z"))
    return tree.digest("20260302T020000Z")  # the newest that is left


def remove_all(tree):
    folder = f"{tree.chain.folder}/CloudTrail-Digest/{tree.chain.region}/"
    shutil.rmtree(tree.root / folder)
    return [folder]


def inject_log(tree):
    return tree.write(tree.chain.log_key("20260301T1215Z", "0123456789abcdef"), a_log("injected"))


AGREE = [
    Case("a log file with one bit flipped", flip_log,
         "invalid format|hash value doesn't match", ["log-malformed"]),
    Case("a log file replaced by another valid one", replace_log,
         "hash value doesn't match", ["log-modified"]),
    Case("a log file removed", lambda t: t.remove(t.log()), "not found", ["log-missing"]),
    Case("junk after a log file's gzip stream", junk_after_log,
         "unexpected data after end of compressed stream", ["log-trailing-data"]),
    Case("a digest removed", lambda t: t.remove(t.digest()), "not found", ["digest-missing"]),
    Case("a digest altered, its log file removed", edit_digest,
         "signature verification failed", ["digest-modified"]),
    Case("a digest's signature altered", edit_signature,
         "signature verification failed", ["digest-modified"]),
    Case("a digest replaced by the one before", old_digest_again,
         "has been moved from its original location", ["digest-moved"]),
    Case("a digest that is not gzip", lambda t: t.write(t.digest(), b"no digest"),
         "invalid format", ["digest-malformed"]),
]

ALL_VALID = {"digest": "30/30", "log": "25/25"}

# Where the CLI sees nothing, or less, or (last) more than there is.
DIFFER = [
    Case("the newest four digests removed", remove_newest, None, ["chain-truncated"],
         cli_counts={"digest": "26/26", "log": "22/22"}),
    Case("all digests removed", remove_all, None, ["no-digests"], status=3, cli_counts={},
         cli_says="No digests found"),
    Case("a log file injected", inject_log, None, ["log-unreferenced"], cli_counts=ALL_VALID),
    Case("junk after a digest's gzip stream",
         lambda t: t.change(t.digest(), lambda body: body + b"junk"), None,
         ["digest-trailing-data"], cli_counts=ALL_VALID),
    Case("a log file's gzip trailer cut off",
         lambda t: t.change(t.log(), lambda body: body[:-8]), None, ["log-malformed"],
         cli_counts=ALL_VALID),
    Case("two adjacent digests removed", remove_adjacent, "not found",
         ["digest-missing", "digest-missing"], cli_counts={"digest": "28/29", "log": "23/23"}),
    Case("a digest's metadata lost, its successor there", lose_signature,
         "signature verification failed", [], status=0),
]


def fail(what, *said):
    raise Disagreement(f"{what}\n\n" + "\n".join(one.show() for one in said))


def both_accept(peers, tree, digests, logs, late=0):
    """Both sides find a tree whole; returns what the CLI counts.

    `late` is the number of backfill digests, of one log file each, that stand beside the others.
    """
    cli, ours = peers.validate_logs(tree), peers.verify(tree)
    invalid, counts = cli_view(cli)
    if cli.status != 0 or invalid or cli.err:
        fail("the CLI does not accept what trailseal sealed", cli, ours)
    # A CLI that knows nothing of backfill digests does not see their log files either.
    seen = late if "backfill digest" in counts else 0
    expected = {"digest": digests, "backfill digest": seen, "log": logs + seen}
    expected = {kind: f"{count}/{count}" for kind, count in expected.items() if count}
    if counts != expected:
        fail(f"the CLI counts {counts}, not {expected}", cli, ours)
    named = Counter(kind for kind, _ in VALID.findall(cli.out))
    if named != {"Digest": digests + seen, "Log": logs + seen}:
        fail(f"the CLI names {dict(named)} as valid", cli, ours)
    findings, report = trailseal_view(ours)
    valid = {kind: report["totals"][kind]["valid"] for kind in ("digests", "logs")}
    if ours.status != 0 or findings or valid != {"digests": digests + late, "logs": logs + late}:
        fail(f"trailseal does not verify what it sealed: valid {valid}", cli, ours)
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())


def check(peers, case, tree):
    """Both sides say of a tampered tree what the case expects."""
    keys = case.tamper(tree)
    keys = keys if isinstance(keys, list) else [keys]
    cli, ours = peers.validate_logs(tree), peers.verify(tree)
    invalid, counts = cli_view(cli)
    if case.cli is None:
        if cli.status != 0 or invalid:
            fail("the CLI now sees what it did not see", cli, ours)
    elif cli.status != 1 or list(invalid) != keys[:1] or not re.fullmatch(
            case.cli, invalid[keys[0]]):
        fail(f"the CLI does not say INVALID ({case.cli}) of {keys[0]} alone", cli, ours)
    if case.cli_counts not in (None, counts) or case.cli_says not in cli.out:
        fail(f"the CLI counts {counts}; expected {case.cli_counts} {case.cli_says!r}", cli, ours)
    findings, _ = trailseal_view(ours)
    expected = set(zip(case.codes, keys, strict=False))
    if ours.status != case.status or findings != expected:
        fail(f"trailseal: exit status {ours.status}, findings {sorted(findings, key=str)}; "
             f"expected {case.status}, {sorted(expected, key=str)}", cli, ours)
    reason = next(iter(invalid.values()), case.cli_says or "all valid")
    return f"{reason} | {', '.join(case.codes) or 'verified'}"


# ---- what is sealed ----------------------------------------------------------------------


# The sample's chains, with the log files of their standard digests and their backfill digests.
SAMPLE = [("111122223333", "us-east-1", 25, 0), ("111122223333", "eu-west-1", 24, 1),
          ("444455556666", "us-east-1", 24, 0), ("444455556666", "eu-west-1", 24, 0)]


def sample_tree(root, keys, account, region):
    return Tree(root, keys, Chain(account, region, "management_events", "trailseal-sample"))


def seal(peers, tree, key):
    chain = tree.chain
    optional = {"--prefix": chain.prefix, "--organization": chain.organization}
    peers.must("seal", tree.root, "--account", chain.account, "--region", chain.region,
               "--trail", chain.trail, "--bucket", chain.bucket, "--key", key,
               "--home-region", chain.home_region, "--start-time", chain.start,
               "--end-time", chain.end, "--quiet",
               *(part for flag, value in optional.items() if value for part in (flag, value)))


def organization_tree(peers, keys):
    """A member account of an organization's trail, under a prefix, in another region."""
    chain = Chain("444455556666", "ap-southeast-2", "org.trail_us-east-1", "org-bucket",
                  end="2026-03-01T06:00:00Z", prefix="team one/audit",
                  organization="o-exampleorg01", owner="999988887777")
    tree = Tree(peers.work / "organization", keys / "public-keys.json", chain)
    for hour in (0, 1, 4):
        tree.write(chain.log_key(f"20260301T0{hour}20Z", f"{hour:016x}"), a_log(f"hour {hour}"))
    seal(peers, tree, keys / "signing-key.pem")
    return tree


def genuine_tree(peers, logs):
    """Genuine log files, sealed with a key of their own."""
    chain = Chain("218007301253", "us-east-1", "real_trail", "my-bucket",
                  start="2023-07-10T11:00:00Z", end="2023-07-10T14:00:00Z")
    keys = peers.work / "genuine-keys"
    peers.must("keys", "generate", keys)
    tree = Tree(peers.work / "genuine", keys / "public-keys.json", chain)
    shutil.copytree(logs / "AWSLogs", tree.root / "AWSLogs")
    seal(peers, tree, keys / "signing-key.pem")
    return tree


def run(peers, logs, report):
    """Every case, one after the other; `report` runs one and prints its line."""
    sample = peers.work / "sample"
    peers.must("sample", sample)
    keys = sample / "keys" / "public-keys.json"
    for account, region, count, late in SAMPLE:
        tree = sample_tree(sample, keys, account, region)
        said = report("accept", f"the sample, {account} {region}",
                      lambda: both_accept(peers, tree, HOURS, count, late))  # noqa: B023
        if late:
            print("note    this CLI " + ("checks" if "backfill" in said else "knows nothing of")
                  + " backfill digests")

    report("accept", "an organization's trail under a prefix",
           lambda: both_accept(peers, organization_tree(peers, sample / "keys"), 6, 3))
    if logs and (logs / "AWSLogs").is_dir():
        report("accept", "genuine log files",
               lambda: both_accept(peers, genuine_tree(peers, logs), 3, 55))
    else:
        why = f"{logs} holds no AWSLogs" if logs else "no --logs DIR was given"
        report("SKIPPED", "genuine log files", lambda: why)

    for kind, cases in (("agree", AGREE), ("differ", DIFFER)):
        for case in cases:
            root = peers.work / "tampered"
            shutil.copytree(sample / "AWSLogs", root / "AWSLogs")
            tree = sample_tree(root, keys, *SAMPLE[0][:2])
            report(kind, case.name, lambda: check(peers, case, tree))  # noqa: B023
            shutil.rmtree(root)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trailseal", required=True, metavar="PATH")
    parser.add_argument("--aws", required=True, metavar="PATH")
    parser.add_argument("--logs", type=Path, metavar="DIR", help="genuine log files: see above")
    args = parser.parse_args()

    done, started = Counter(), time.monotonic()

    def report(kind, name, case):
        try:
            said = case()
        except Disagreement as error:
            raise Disagreement(f"{kind}: {name}\n\n{error}") from None
        done[kind] += 1
        print(f"{kind:<8}{name}: {said}", flush=True)
        return said

    with tempfile.TemporaryDirectory(prefix="trailseal-peer-") as work:
        peers = BothSides(shutil.which(args.trailseal) or args.trailseal,
                          shutil.which(args.aws) or args.aws, Path(work))
        try:
            for program in (peers.trailseal, peers.aws):
                said = peers.run([program, "--version"])
                print(f"note    {(said.out or said.err).strip()}", flush=True)
            run(peers, args.logs, report)
        except Disagreement as error:
            print(f"FAILED  {error}", flush=True)
            return 1
    asked = ", ".join(f"{count} {name}" for name, count in sorted(peers.calls.items()))
    print(f"\n{done['accept']} sealed chains accepted by both, {done['agree']} tamperings found by "
          f"both,\n{done['differ']} known differences unchanged, {done['SKIPPED']} skipped; "
          f"{time.monotonic() - started:.1f} s\nThe CLI asked for: {asked}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
