"""The run reports that the test of the HTML page renders: real, damaged, hostile and large ones."""

import copy
import json
import shutil
from datetime import datetime, timedelta, timezone
from pathlib import Path

TESTDATA = Path(__file__).resolve().parents[2] / "testdata"
SCRIPT = "<script>alert('script')</script>"
IMAGE = "\"><img src=x onerror=alert('image')>"
# What would run, break out, load, mislead or steer, if it were not shown as text.
HOSTILE = [
    SCRIPT,
    IMAGE,
    "'><svg onload=alert('svg')>",
    "javascript:alert('link')",
    "</title></style><style>body{display:none}</style>",
    "<a href=https://example.invalid/>here</a><base href=//example.invalid/>",
    "<!-- <meta http-equiv=refresh content='0;url=https://example.invalid/'>",
    "{{ 7*7 }}${7*7}&lt;b&gt;&amp;",
    "\u202egpj.exe\u202c\u2066x\u2069 \u200b\u061c",
    "a\x1b[2J\x07\x9b31m\nVERIFIED: all\r\u2028\ufeff",
    "x" * 400,
]
STATES = ["proven", "violated", "unreadable", "gap", "explained", "pending"]


def run_of(trailseal, source, keys, *arguments):
    """The JSON report of a run, whatever its verdict."""
    said = trailseal("verify", source, "--keys", keys, "--format", "json", *arguments)
    return json.loads(said.out)


def sample(trailseal):
    return run_of(trailseal, TESTDATA / "sample", TESTDATA / "sample/keys/public-keys.json",
                  "--operator", "Internal audit, A. Auditor")


def restart(trailseal):
    """A trail that was stopped and started, which verified events explain."""
    return run_of(trailseal, TESTDATA / "restart", TESTDATA / "restart/keys/public-keys.json")


def damaged(trailseal, work):
    """The sample with log files that are gone or altered, and a digest that is gone."""
    place = work / "damaged"
    shutil.copytree(TESTDATA / "sample", place)
    files = sorted(path for path in place.rglob("*.json.gz"))
    logs = [path for path in files if "CloudTrail-Digest" not in str(path)]
    digests = [path for path in files if "CloudTrail-Digest" in str(path)]
    for log in logs[:30]:
        log.unlink()
    logs[40].write_bytes(logs[41].read_bytes())
    digests[10].unlink()
    changed = bytearray(digests[60].read_bytes())
    changed[-9] ^= 1
    digests[60].write_bytes(bytes(changed))
    (place / "AWSLogs/111122223333/notes.txt").write_text("nothing explains this")
    return run_of(trailseal, place, place / "keys/public-keys.json")


def incomplete(trailseal, work):
    """A plain copy of the sample, which lost the metadata with the signatures."""
    place = work / "plain"
    shutil.copytree(TESTDATA / "sample", place)
    for metadata in place.rglob("*.metadata.json"):
        metadata.unlink()
    return run_of(trailseal, place, place / "keys/public-keys.json")


def empty(trailseal, work):
    """A directory without anything to verify."""
    place = work / "empty"
    place.mkdir()
    return run_of(trailseal, place, TESTDATA / "sample/keys/public-keys.json")


def finding(code, severity, **members):
    empty = dict.fromkeys(["chain", "bucket", "key", "start", "end", "expected", "actual",
                           "referenced_by"])
    return empty | {"code": code, "severity": severity, "message": "Something.",
                    "events": []} | members


def hostile(report):
    """A report with hostile text wherever a bucket, a copy or a command line may put it."""
    report = copy.deepcopy(report)
    many = " ".join(HOSTILE)
    chain = report["chains"][0]
    prefix = SCRIPT + IMAGE
    chain["id"] = chain["id"].replace("/AWSLogs/", f"/{prefix}/AWSLogs/", 1)
    chain["prefix"] = prefix
    scope = report["scope"]
    scope["sources"], scope["accounts"] = HOSTILE, HOSTILE
    scope["regions"], scope["trails"] = HOSTILE, HOSTILE
    scope["accepted_gaps"] = [{"start": "2026-03-01T00:00:00Z", "end": "2026-03-01T01:00:00Z",
                               "reason": text, "used": False} for text in HOSTILE]
    report["ran_by"] = {"operator": many, "identity": many}
    report["tool"] = {"name": "trailseal" + many, "version": "0" + many}
    report["keys"][0]["source"] = many
    report["not_proven"] += HOSTILE
    event = {"role": "candidate", "event": many, "time": "2026-03-01T00:00:00Z", "by": many,
             "from": many, "id": many, "region": many, "bucket": many, "key": many}
    report["findings"] = [
        finding("log-missing", "violation", chain=chain["id"], bucket=text, key=text, message=text,
                expected=text, actual=text, referenced_by=text, events=[event])
        for text in HOSTILE]
    report["verdict"], report["exit_status"] = "violation", 1
    return report


def stamp(hours):
    return (datetime(2025, 1, 1, tzinfo=timezone.utc)
            + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def interval(start, end, state):
    reason = {"violated": "log-missing", "unreadable": "object-unreadable", "gap": "chain-gap",
              "explained": "chain-gap"}.get(state)
    return {"start": stamp(start), "end": stamp(end), "state": state, "reason": reason}


YEAR = 365 * 24


def mostly_proven(number):
    """One chain in forty has a bad day."""
    if number % 40:
        return [interval(0, YEAR, "proven")]
    day = 24 * (number % 360)
    return [interval(0, day, "proven")][:day] + [
        interval(day, day + 5, STATES[1 + number // 40 % 4]), interval(day + 5, YEAR, "proven")]


def alternating(number):
    """Another state each day."""
    return [interval(24 * day, 24 * day + 24, STATES[(day + number) % 6]) for day in range(365)]


def large(report, coverage, findings=0, chains=1000):
    """Chains of fifty accounts over a year, and findings over them."""
    report = copy.deepcopy(report)
    model = report["chains"][0]
    report["chains"], seconds, states = [], dict.fromkeys(STATES, 0), set()
    for number in range(chains):
        chain = copy.deepcopy(model)
        account, region = f"{100000000000 + number // 20}", f"region-{number % 20}"
        chain["account"], chain["region"], chain["coverage"] = account, region, coverage(number)
        chain["id"] = (f"trailseal-sample/AWSLogs/{account}/{region}/"
                       f"{chain['trail']}@{chain['home_region']}")
        chain["digests"] = {"valid": YEAR, "invalid": 0, "unchecked": 0}
        chain["logs"] = {"valid": 12 * YEAR, "invalid": 0, "unchecked": 0}
        report["chains"].append(chain)
        states |= {part["state"] for part in chain["coverage"]}
        for part in chain["coverage"]:
            start, end = (datetime.fromisoformat(part[name].replace("Z", "+00:00"))
                          for name in ("start", "end"))
            seconds[part["state"]] += int((end - start).total_seconds())
    report["findings"] = [
        finding("log-missing", "violation", chain=report["chains"][number % chains]["id"],
                key=f"AWSLogs/a/log/file/of/a/name/as/long/as/names/are/{number}.json.gz",
                start=stamp(number % YEAR), end=stamp(number % YEAR + 1),
                message="A valid digest lists this log file, and the source has no such object.")
        for number in range(findings)]
    violated = findings or "violated" in states
    report["verdict"], report["exit_status"] = (
        ("violation", 1) if violated else ("verified", 0))
    report["scope"] |= {"start": stamp(0), "end": stamp(YEAR)}
    report["totals"] |= {
        "chains": chains, "coverage_seconds": seconds,
        "digests": {"valid": chains * YEAR, "invalid": 0, "unchecked": 0},
        "logs": {"valid": 12 * chains * YEAR, "invalid": 0, "unchecked": 0, "unreferenced": 0}}
    return report


def colourful(report):
    """Few chains that show every state, and time of which nothing is said."""
    report = large(report, lambda number: [
        interval(0, 30, "proven"), interval(30, 33 + number, "violated"),
        interval(33 + number, 60, "proven"), interval(60, 70, "unreadable"),
        interval(70, 90, "proven"), interval(96, 120, "gap"), interval(120, 150, "proven"),
        interval(150, 160, "explained"), interval(160, 190 + number, "proven"),
        interval(190 + number, 192 + number, "pending")], findings=3, chains=3)
    report["scope"]["end"] = stamp(200)
    return report
