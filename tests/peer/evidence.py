#!/usr/bin/env python3
"""Evidence bags in the hands of others: the Library of Congress's bagit, shells, and OpenSSL.

    python3 -m venv venv && venv/bin/pip install -r tests/peer/requirements.txt
    venv/bin/python tests/peer/evidence.py --trailseal PATH

The committed sample is packed as folder and as archive, signed by a key that OpenSSL makes. `bagit`
must accept both and must refuse them once altered; the bag's own script must come to the same under
every shell that is installed, with no other tools on its path than it asks for.

Then a matrix of bags, whole and damaged, goes through `trailseal evidence check`, the bag's script and
its page in Chromium and Firefox, as folder and as archive: all must come to the same status, and
script and page must say the same lines. Python 3.11 or newer, OpenSSL, Chromium and Firefox (one that
is not installed is skipped, aloud); ten minutes, and fifteen with --large: 20,000 objects.
"""

import argparse
import re
import shutil
import subprocess
import sys
import time
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import bagit

sys.dont_write_bytecode = True  # the next lines would leave a cache in the source tree
import evidence_matrix as matrix  # noqa: E402
import evidence_seals  # noqa: E402
from evidence_browsers import Chromium, Firefox  # noqa: E402
from real_servers import Failed, expect, program, run_steps  # noqa: E402

SAMPLE = Path(__file__).resolve().parents[2] / "testdata" / "sample"
AS_OF = "2026-06-01T00:00:00Z"
SHELLS = ("sh", "dash", "bash", "busybox", "zsh", "ksh")
TOOLS = ("sha256sum", "gzip", "openssl", "sed", "awk", "od", "find", "sort", "mktemp", "tail", "head",
         "tr", "grep", "wc", "cat", "tee", "dirname", "rm", "mkdir", "sh")


def run(*command, status=0, **more):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          timeout=300, check=False, **more)
    if done.returncode != status:
        raise Failed(f"{' '.join(map(str, command))}: exit {done.returncode}, not {status}\n"
                     f"{done.stdout}{done.stderr}")
    return done.stdout


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
        if not told.startswith("VERIFIED by the bag's own keys: "):
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
        for line in ("digests    30 checked", "log files  24 checked", "Jane Doe", "RESULT     VERIFIED"):
            if line not in told:
                raise Failed(f"{shell}: {line!r} is not in\n{told}")
        ran.append(shell)
    steps.done("the script checks files, signatures, chains, logs and seal", "under " + ", ".join(ran))


# ---- the matrix --------------------------------------------------------------------------


def status_of(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True,
                          timeout=600, check=False)
    return done.returncode, done.stdout, done.stderr


def by_script(bag):
    """What the script comes to, and its lines as the page writes them."""
    status, out, err = status_of("sh", bag / "verify.sh")
    expect(f"what the script of {bag.name} says on standard error", err, "")
    found = re.findall(r"^(FAULT|OPEN|NOTE) +(.*)$", out, re.M)
    return status, sorted(f"{kind} {line}" for kind, line in found)


def same_words(lines):
    """Lines in which what cannot be printed is left out: the script and the page show it otherwise."""
    return sorted(re.sub(r"\\u\{[0-9a-f]+\}|\?+", "?", line) for line in lines)


def browsers(args, page, work, steps):
    """The browsers that are installed, opened."""
    for name, make in (("chromium", lambda path: Chromium(path, page)),
                       ("firefox-esr", lambda path: Firefox(path, page, work))):
        if found := getattr(args, name.replace("-", "_")) or shutil.which(name):
            yield make(found)
        else:
            steps.done(f"SKIPPED: {name} is not installed", "its half of the matrix was not run")


def made(cases, trailseal, work, place):
    """The bags of cases, damaged: name, folder and expected status of each."""
    bags, packed_as = [], {}
    for number, (name, asked, kind, damage, expected) in enumerate(cases):
        tree, keys = matrix.tree(kind, place)
        bag = place / f"{number:03}"
        asked = tuple(word.format(work) for word in asked)
        if (asked, kind) not in packed_as:
            done = status_of(trailseal, "evidence", "pack", tree, "--keys", keys, *asked, "--no-progress",
                             "--as-of", AS_OF, "--output", bag, "--name", "evidence")
            if not (bag / "bagit.txt").exists():
                raise Failed(f"{name}: no bag was made: {done}")
            shutil.copytree(bag, packed_as.setdefault((asked, kind), place / f"as-packed-{number:03}"))
        else:
            shutil.copytree(packed_as[asked, kind], bag)
        damage(bag)
        bags.append((name, bag, expected))
    return bags


def given_authorities(trailseal, work, steps):
    """The check and the script on seals, given the authority that they lead to, or do not."""
    place = work / "given"
    place.mkdir()
    end = datetime.now(UTC) + timedelta(seconds=30)
    evidence_seals.certify("brief", "20200101000000Z", f"{end:%Y%m%d%H%M%SZ}")
    bags = made(evidence_seals.GIVEN, trailseal, work, place)
    time.sleep(max(0, (end - datetime.now(UTC)).total_seconds()) + 2)
    differ = []
    for name, bag, expected in bags:
        status, out, _ = status_of(trailseal, "evidence", "check", bag, "--ca", work / "ca.pem", "--no-progress")
        script, told, err = status_of("sh", bag / "verify.sh", work / "ca.pem")
        expect(f"what the script of {name} says on standard error", err, "")
        print(f"{name:45} expected {expected}  check {status}  script {script}")
        if {status, script} != {expected}:
            differ.append(name)
            print(out, told)
    expect("bags of which check and script do not say the same, given authorities", differ, [])
    steps.done("check and script agree on seals, given authorities", f"{len(bags)} bags")


def run_matrix(args, trailseal, work, steps):
    place = work / "matrix"
    place.mkdir()
    # A page that is trusted checks every bag, damaged ones too.
    page = place / "page/verify.html"
    bags = made(matrix.CASES, trailseal, work, place)
    page.parent.mkdir()
    shutil.copy(bags[0][1] / "verify.html", page)
    expect("whether names of bags are their own", len({name for name, *_ in bags}), len(bags))
    rows, lines = [], {}
    for name, bag, expected in bags:
        status, out, err = status_of(trailseal, "evidence", "check", bag, "--no-progress")
        script, lines[name] = by_script(bag)
        rows.append([name, expected, status, script])
    opened = list(browsers(args, page, work, steps))
    for browser in opened:
        with browser:
            for row, (name, bag, _) in zip(rows, bags, strict=True):
                zipped = matrix.archive(bag, place / "bag.zip")
                for form, result in (("folder", browser.folder(bag)), ("ZIP", browser.archive(zipped))):
                    row.append(result.status)
                    if same_words(result.lines) != same_words(lines[name]):
                        only = set(same_words(result.lines)) ^ set(same_words(lines[name]))
                        print(f"{name}, {browser.name}, {form}: script and page differ in\n  "
                              + "\n  ".join(sorted(only)[:6]))
                        row.append("other words")
            if isinstance(browser, Chromium):
                expect("the status of a dropped folder", browser.drop(bags[0][1]).status, 0)
                expect("the status of a dropped archive",
                       browser.drop(matrix.archive(bags[0][1], place / "bag.zip")).status, 0)
                browser.expect_no_network()
            archives(browser, trailseal, bags[0][1], place)
    heads = ["expected", "check", "script"] + [f"{b.name} {form}" for b in opened for form in ("folder", "ZIP")]
    table = [f"{'bag':40} {'  '.join(heads)}"]
    table += [f"{row[0]:40} {'  '.join(f'{cell!s:>{len(head)}}' for cell, head in zip(row[1:], heads, strict=False))}"
              for row in rows]
    print("\n".join(table))
    differ = [row[0] for row in rows if len(set(row[1:])) != 1]
    expect("bags of which not all checks say the same", differ, [])
    steps.done("check, script and page agree on the matrix of bags",
               f"{len(bags)} bags; " + ", ".join(b.name for b in opened))


def archives(browser, trailseal, bag, place):
    """Archives that others made are read; those that can be read in two ways are refused."""
    made = matrix.archive(bag, place / "bag.zip", zipfile.ZIP_DEFLATED)
    expect(f"{browser.name}: a compressed archive", browser.archive(made).status, 0)
    whole = matrix.archive(bag, place / "bag.zip").read_bytes()
    # By their names in the first header and in the directory.
    hostile = {
        "data before it": b"MZ" + whole,
        "data behind it": whole + b"x",
        "cut off": whole[:-30],
        "another name in a header": whole.replace(b"evidence/VERIFY.md", b"evidence/VERIFX.md", 1),
        "a file that climbs": whole.replace(b"evidence/VERIFY.md", b"../dence/VERIFY.md"),
        "no archive": b"PK",
    }
    for name, content in hostile.items():
        made.write_bytes(content)
        expect(f"trailseal on an archive: {name}", status_of(trailseal, "evidence", "check", made)[0], 2)
        expect(f"{browser.name} on an archive: {name}", browser.archive(made).status, 2)


def large(args, trailseal, work, steps):
    """20,000 objects: under a minute in the page; the script against openssl and gzip themselves."""
    bag = matrix.large(trailseal, run, work)
    objects = sum(1 for path in (bag / "data/objects").rglob("*.gz"))
    baseline = work / "baseline.sh"
    baseline.write_text("""find data/objects -name '*.gz' | while read -r f; do gzip -dc <"$f" | sha256sum; done >/dev/null
find data/objects -name '*.gz' -path '*Digest*' | while read -r f; do
openssl dgst -sha256 -verify data/keys/*.pem -signature /dev/null "$f"; done >/dev/null 2>&1
true
""")
    took = []
    for command in (("sh", baseline), ("sh", bag / "verify.sh"), (trailseal, "evidence", "check", bag)):
        started = time.monotonic()
        status = subprocess.run([str(c) for c in command], cwd=bag, check=False, capture_output=True).returncode
        took.append(time.monotonic() - started)
        expect(f"{command[-1]}: status", status, 0)
    told = f"{objects} objects; gzip and openssl {took[0]:.0f} s, script {took[1]:.0f} s, check {took[2]:.0f} s"
    for browser in browsers(args, bag / "verify.html", work, steps):
        with browser:
            zipped = matrix.archive(bag, work / "large.zip")
            for form, ask in (("folder", lambda b: b.folder(bag, 600)), ("ZIP", lambda b: b.archive(zipped, 600))):
                started = time.monotonic()
                result = ask(browser)
                expect(f"{browser.name}, {form}: status", result.status, 0)
                own = re.search(r"checked in ([0-9.]+) s", result.facts).group(1)
                told += f"; {browser.name} {form} {own} s ({time.monotonic() - started:.0f} s with the driver)"
    steps.done("large", told)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trailseal", required=True, metavar="PATH")
    parser.add_argument("--chromium", metavar="PATH", help="the browser; else the one in PATH")
    parser.add_argument("--firefox-esr", metavar="PATH", help="the browser; else the one in PATH")
    parser.add_argument("--large", action="store_true", help="a bag of 20,000 objects too")
    args = parser.parse_args()
    trailseal = program("trailseal", args.trailseal)

    def steps(work, steps):
        evidence_seals.make(work)
        bag = packed(trailseal, work, steps)
        altered(bag, work, steps)
        shells(bag, work, steps)
        given_authorities(trailseal, work, steps)
        run_matrix(args, trailseal, work, steps)
        if args.large:
            large(args, trailseal, work, steps)
    return run_steps("evidence", steps)


if __name__ == "__main__":
    sys.exit(main())
