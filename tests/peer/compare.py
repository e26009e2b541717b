#!/usr/bin/env python3
"""Holds `trailseal validate-logs` against the real `aws cloudtrail validate-logs`, byte for byte.

Both run with the same arguments, in the same environment, on the same stand-in for AWS, and must
write the same to standard output and to standard error and exit with the same status. Where they
may differ stands in exceptions.json, with the reason and the lines that only one of them says; an
exception that is no longer so fails as well.

    python3 -m venv venv && venv/bin/pip install -r tests/peer/requirements.txt
    python3 tests/peer/compare.py --trailseal target/debug/trailseal --aws venv/bin/aws

Evened out is only what is never the same twice, or on two machines: the address of the stand-in
(it becomes http://stand-in), the place of the AWS CLI's modules (MODULES), and in cases without
--end-time a time that lies between the start and the end of the run (NOW). exceptions.json shortens
the names of log and digest files.

--reference-only shows what the AWS CLI says, and fails where it says something else a second time.
--write-exceptions writes the differences that there are into exceptions.json; reasons that stand
there are kept, others have to be written. Python 3.11 or newer; two minutes on two processors.
"""

import argparse
import contextlib
import difflib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

sys.dont_write_bytecode = True  # the next lines would leave a cache in the source tree
from cases_objects import OBJECTS  # noqa: E402
from cases_requests import REQUESTS  # noqa: E402
from forge import Signer, World  # noqa: E402
from peers import SECONDS, Disagreement, Peers, Said  # noqa: E402

SAMPLE = Path(__file__).parents[2] / "testdata" / "sample"
EXCEPTIONS = Path(__file__).with_name("exceptions.json")
SCENARIOS = Path(__file__).with_name("SCENARIOS.md")
STREAMS = ("stdout", "stderr", "status")
LONG = re.compile(r"(s3://[^/\s]+/)\S*(_\d{8}T\d+Z\S*)")  # names that only their time tells apart
MODULES = re.compile(r"/\S+/site-packages/")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class Bench(Peers):
    """Runs cases, each on a stand-in of its own; the AWS CLI with its modules loaded already."""

    def __init__(self, trailseal, aws, work, cold):
        super().__init__(trailseal, aws, work)
        self.must("keys", "generate", work / "other-keys")
        # One that stays the same, so that exceptions.json may quote what hangs on it.
        self.signers = Signer(SAMPLE / "keys"), Signer(work / "other-keys")
        first = Path(aws).read_bytes().partition(b"\n")[0].decode("utf-8", "replace")
        self.python = first[2:].strip() if first.startswith("#!") and "python" in first else None
        self.python = None if cold else self.python
        self.warm = []  # processes, each for one thread at a time

    def run(self, command, env=None):
        if command[0] != self.aws or self.python is None:
            return super().run(command, env)
        try:
            process = self.warm.pop()
        except IndexError:
            process = subprocess.Popen(
                [self.python, Path(__file__).with_name("warm.py"), self.aws], text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8",
                env=self.environment())
        asked = {"arguments": command[1:], "environment": self.environment(env),
                 "seconds": SECONDS}
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        said = process.stdout.readline()
        if not said:
            raise Disagreement(f"the AWS CLI cannot be loaded: status {process.wait()}")
        self.warm.append(process)
        return Said(" ".join(command), **json.loads(said))

    def close(self):
        for process in self.warm:
            process.stdin.close()
            process.wait()

    def say(self, program, case):
        """What a program says of a case, by stream; and what it asked for that it must not."""
        world = World(*self.signers)
        case.build(world)
        with world.serve() as server, tempfile.TemporaryDirectory(dir=self.work) as home:
            config = Path(home, "config")
            config.write_text(case.config, encoding="utf-8")
            env = self.reach(server.url, world.chain.region) | {
                "HOME": home, "AWS_CONFIG_FILE": str(config)} | case.env
            env = {name: value.replace("{url}", server.url)
                   for name, value in env.items() if value is not None}
            started = time.time()
            said = self.run([*program, *case.arguments(world, server.url)], env)
            spent = started, time.time()
            wrong = [f"asked for what the stand-in does not know: {asked}"
                     for asked in server.refused]
            wrong += [f"asked in another region than the bucket's: {asked}"
                      for asked in server.misdirected]

        def even(text):
            text = MODULES.sub("MODULES/", text.replace(server.url, "http://stand-in"))
            return TIME.sub(lambda found: now(found[0], *spent), text) if case.until_now else text
        return {"stdout": even(said.out), "stderr": even(said.err), "status": said.status}, wrong

    def reference(self, case):
        return self.say([self.aws, "cloudtrail", "validate-logs"], case)

    def ours(self, case):
        return self.say([self.trailseal, "validate-logs"], case)


def now(text, earliest, latest):
    then = datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()
    return "NOW" if int(earliest) <= then <= latest else text


def difference(reference, ours):
    """The lines, or the status, that only one of two sides says; None where they say the same."""
    if reference == ours:
        return None
    if isinstance(reference, int):
        return {"reference": reference, "trailseal": ours}
    left, right = (LONG.sub(r"\1…\2", text).splitlines(keepends=True)
                   for text in (reference, ours))
    found = {"reference": [], "trailseal": []}
    for tag, a, b, c, d in difflib.SequenceMatcher(None, left, right, False).get_opcodes():
        if tag != "equal":
            found["reference"] += left[a:b]
            found["trailseal"] += right[c:d]
    return found


def compare(bench, case):
    """The differences of a case, by stream, and what else speaks against it."""
    try:
        (reference, wrong), (ours, ours_wrong) = bench.reference(case), bench.ours(case)
    except Disagreement as error:
        return {}, [str(error)]
    found = {stream: difference(reference[stream], ours[stream]) for stream in STREAMS}
    complaints = [f"the AWS CLI {what}" for what in wrong]
    complaints += [f"trailseal {what}" for what in ours_wrong]
    return {stream: what for stream, what in found.items() if what}, complaints


def show(found):
    """A difference as text."""
    lines = []
    for side, sign in (("reference", "-"), ("trailseal", "+")):
        said = found[side]
        lines += [f"    {sign} {line!r}" for line in (said if isinstance(said, list) else [said])]
    return "\n".join(lines)


# ---- exceptions ------------------------------------------------------------------------------


def read_exceptions():
    """What may differ, and why: by case, and then by stream."""
    allowed = {}
    groups = json.loads(EXCEPTIONS.read_text(encoding="utf-8")) if EXCEPTIONS.exists() else []
    for group in groups:
        for name, streams in group["cases"].items():
            if name in allowed or not group["reason"] or set(streams) - set(STREAMS):
                raise Disagreement(f"exceptions.json: twice, no reason, or no stream: {name}")
            allowed[name] = group["reason"], streams
    return allowed


def write_exceptions(results, allowed):
    """Writes down all differences; `allowed` gives the reasons known. How many have none."""
    reasons = {}
    for case, found in results:
        if found:
            reason, _ = allowed.get(case.name, ("", None))
            reasons.setdefault(reason, {})[case.name] = found
    EXCEPTIONS.write_text(json.dumps(
        [{"reason": reason, "cases": cases} for reason, cases in reasons.items()],
        indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return len(reasons.get("", {}))


def judge(case, found, allowed):
    """What speaks against a case: differences not allowed, and allowed ones that are not so."""
    _, expected = allowed.get(case.name, ("", {}))
    for stream in STREAMS:
        what = found.get(stream)
        if expected.get(stream) == what:
            continue
        if what is None:
            yield f"{stream}: no longer differs, so exceptions.json has one too many"
        else:
            how = " otherwise than exceptions.json says" if stream in expected else ""
            yield f"{stream} differs{how}:\n{show(what)}"


def check_names(names, allowed):
    """Whether exceptions.json and SCENARIOS.md speak of these cases alone."""
    rows = [line for line in SCENARIOS.read_text(encoding="utf-8").splitlines() if line[:2] == "| "]
    named = {name for row in rows for name in re.findall(r"`([^`]+)`", row)}
    for file, others in ((EXCEPTIONS, set(allowed) - names), (SCENARIOS, named - names)):
        if others:
            raise Disagreement(f"{file.name} names cases that there are not: {sorted(others)}")


# ---- runs ------------------------------------------------------------------------------------


def reference_only(bench, cases, pool):
    """Shows what the AWS CLI says, and counts where it says something else a second time."""
    unsteady = 0
    twice = [pool.submit(bench.reference, case) for case in cases for _ in range(2)]
    for case, first, second in zip(cases, twice[::2], twice[1::2], strict=True):
        (said, wrong), again = first.result(), second.result()
        print(f"==== {case.name} [{said['status']}]\n{said['stdout']}"
              f"---- stderr\n{said['stderr']}", flush=True)
        if (said, wrong) != again or wrong:
            unsteady += 1
            print(f"**** NOT THE SAME, OR NOT SERVED: {wrong}\n{again}", flush=True)
    print(f"{len(cases)} cases, {unsteady} of them not the same twice")
    return unsteady


def comparison(bench, cases, pool, *, write, whole):
    """Compares every case; the number of those that fail."""
    allowed = read_exceptions()
    if whole:
        check_names({case.name for case in cases}, {} if write else allowed)
    futures = [pool.submit(compare, bench, case) for case in cases]
    results, failed = [], 0
    for case, future in zip(cases, futures, strict=True):
        found, complaints = future.result()
        results.append((case, found))
        against = complaints + ([] if write else list(judge(case, found, allowed)))
        failed += bool(against)
        word = "FAILED" if against else "except" if found else "same"
        print(f"{word:<8}{case.name}", *against, sep="\n  ", flush=True)
    if write:
        print(f"{write_exceptions(results, allowed)} exceptions want a reason")
    excepted = sum(bool(found) for _, found in results)
    print(f"\n{len(cases)} cases: {len(cases) - excepted} the same byte for byte, "
          f"{excepted} differ; {failed} fail")
    return failed


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trailseal", required=True, metavar="PATH")
    parser.add_argument("--aws", required=True, metavar="PATH")
    parser.add_argument("--only", metavar="PATTERN", help="cases whose name this is found in")
    parser.add_argument("--jobs", type=int, default=(os.cpu_count() or 2) + 1, metavar="N")
    parser.add_argument("--cold", action="store_true",
                        help="load the AWS CLI anew for every case: three times as long")
    parser.add_argument("--reference-only", action="store_true")
    parser.add_argument("--write-exceptions", action="store_true")
    args = parser.parse_args()
    if args.only and args.write_exceptions:
        parser.error("--write-exceptions wants every case")

    cases = [case for case in itertools.chain(OBJECTS, REQUESTS)
             if re.search(args.only or "", case.name)]
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="trailseal-peer-") as work, \
            contextlib.ExitStack() as closing, ThreadPoolExecutor(args.jobs) as pool:
        try:
            bench = Bench(shutil.which(args.trailseal) or args.trailseal,
                          shutil.which(args.aws) or args.aws, Path(work), args.cold)
            closing.callback(bench.close)
            if args.reference_only:
                failed = reference_only(bench, cases, pool)
            else:
                failed = comparison(bench, cases, pool, write=args.write_exceptions,
                                    whole=not args.only)
        except Disagreement as error:
            print(f"FAILED  {error}", flush=True)
            failed = 1
        finally:
            pool.shutdown(cancel_futures=True)
    print(f"{time.monotonic() - started:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
