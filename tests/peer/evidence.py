#!/usr/bin/env python3
"""Evidence bags in the hands of others: the Library of Congress's bagit, shells, and OpenSSL.

    python3 -m venv venv && venv/bin/pip install -r tests/peer/requirements.txt
    venv/bin/python tests/peer/evidence.py --trailseal PATH

The committed sample is packed as folder and as archive, signed by a key that OpenSSL makes. `bagit`
must accept both and must refuse them once altered; the bag's own script must come to the same under
every shell that is installed, with no other tools on its path than it asks for. Python 3.11 or newer
and OpenSSL; half a minute.
"""

import argparse
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import bagit

sys.dont_write_bytecode = True  # the next line would leave a cache in the source tree
from real_servers import Failed, expect, program, run_steps  # noqa: E402

SAMPLE = Path(__file__).resolve().parents[2] / "testdata" / "sample"
SHELLS = ("sh", "dash", "bash", "busybox", "zsh", "ksh")
TOOLS = ("sha256sum", "gzip", "openssl", "sed", "awk", "cmp", "find", "sort", "mktemp", "tail", "head",
         "tr", "grep", "cut", "wc", "cat", "comm", "tee", "dirname", "rm", "sh")


def run(*command, status=0, **more):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          timeout=300, check=False, **more)
    if done.returncode != status:
        raise Failed(f"{' '.join(map(str, command))}: exit {done.returncode}, not {status}\n"
                     f"{done.stdout}{done.stderr}")
    return done.stdout


def make_signer(work):
    openssl = program("openssl")
    run(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", work / "ca.key", "-out",
        work / "ca.pem", "-subj", "/CN=Example Root", "-days", "30", "-addext",
        "basicConstraints=critical,CA:TRUE")
    run(openssl, "req", "-new", "-newkey", "rsa:2048", "-nodes", "-keyout", work / "me.key", "-out",
        work / "me.csr", "-subj", "/CN=Jane Doe")
    (work / "ext").write_text("keyUsage=critical,digitalSignature\nextendedKeyUsage=emailProtection\n")
    run(openssl, "x509", "-req", "-in", work / "me.csr", "-CA", work / "ca.pem", "-CAkey",
        work / "ca.key", "-CAcreateserial", "-days", "30", "-extfile", work / "ext", "-out",
        work / "me.pem")


def is_valid(bag):
    try:
        bagit.Bag(str(bag)).validate(processes=1)
    except bagit.BagError:
        return False
    return True


def packed(trailseal, work, steps):
    common = (trailseal, "evidence", "pack", SAMPLE, "--keys", SAMPLE / "keys/public-keys.json",
              "--account", "444455556666", "--region", "eu-west-1",
              "--sign", work / "me.key", "--cert", work / "me.pem", "--no-progress")
    bag, archive = work / "evidence", work / "evidence.zip"
    run(*common, "--output", bag)
    run(*common, "--output", archive)
    unpacked = work / "unpacked"
    with zipfile.ZipFile(archive) as file:
        expect("what the archive's checksums say", file.testzip(), None)
        file.extractall(unpacked)
    unpacked = unpacked / "evidence"
    for each in (bag, unpacked, archive):
        told = run(trailseal, "evidence", "check", each, "--ca", work / "ca.pem", "--no-progress")
        if not told.startswith("VERIFIED: "):
            raise Failed(told)
    for each in (bag, unpacked):
        expect(f"bagit on {each.name}", is_valid(each), True)
    objects = len(bagit.Bag(str(bag)).payload_entries())
    steps.done("bagit validates the folder and the unpacked archive", f"{objects} files")
    return bag


def altered(bag, work, steps):
    damages = {
        "an altered log file": lambda b: next(b.glob("data/objects/**/*CloudTrail_*.gz")).write_bytes(b"x"),
        "a missing digest": lambda b: next(b.glob("data/objects/**/*Digest*.json.gz")).unlink(),
        "an extra file": lambda b: (b / "data/extra").write_text("x"),
        "an altered guide": lambda b: (b / "VERIFY.md").write_text("x"),
    }
    for name, damage in damages.items():
        copy = work / "altered"
        shutil.copytree(bag, copy)
        damage(copy)
        expect(f"bagit on {name}", is_valid(copy), False)
        shutil.rmtree(copy)
    steps.done("bagit refuses what was altered", ", ".join(damages))


def shells(bag, work, steps):
    """The script under every shell, with only the tools that it asks for."""
    tools = work / "tools"
    tools.mkdir()
    for tool in TOOLS:
        if found := shutil.which(tool):
            (tools / tool).symlink_to(found)
    ran = []
    for shell in SHELLS:
        found = shutil.which(shell)
        if not found:
            continue
        command = [found, "sh"] if shell == "busybox" else [found]
        told = run(*command, bag / "verify.sh", work / "ca.pem", env={"PATH": str(tools)})
        for line in ("digests    30 checked", "log files  24 checked", "Jane Doe", "RESULT     all"):
            if line not in told:
                raise Failed(f"{shell}: {line!r} is not in\n{told}")
        ran.append(shell)
    steps.done("the script checks files, signatures, chains, logs and seal", "under " + ", ".join(ran))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trailseal", required=True, metavar="PATH")
    args = parser.parse_args()
    trailseal = program("trailseal", args.trailseal)

    def steps(work, steps):
        make_signer(work)
        bag = packed(trailseal, work, steps)
        altered(bag, work, steps)
        shells(bag, work, steps)
    return run_steps("evidence", steps)


if __name__ == "__main__":
    sys.exit(main())
