"""Bags, whole and damaged in every way, of which all checks must say the same.

Each case packs a tree, and damages the bag as somebody can who holds it: with its manifests as they
were, or written anew where nothing seals them.
"""

import csv
import gzip
import hashlib
import io
import json
import shutil
import zipfile
from pathlib import Path

import evidence_seals
from evidence_seals import ONE

TESTDATA = Path(__file__).resolve().parents[2] / "testdata"
SAMPLE, RESTART = TESTDATA / "sample", TESTDATA / "restart"
OBJECTS = "data/objects/trailseal-sample"


def logs(bag):
    return sorted(bag.glob("data/objects/**/CloudTrail/**/*_CloudTrail_*.json.gz"))


def digests(bag):
    return sorted(bag.glob("data/objects/**/CloudTrail-Digest/**/*.json.gz"))


def write_manifests(bag):
    """What whoever alters a bag that is not sealed can do."""
    def of(files):
        return "".join(f"{hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(bag)}\n"
                       for p in sorted(files, key=lambda p: str(p.relative_to(bag)).encode()))
    payload = [p for p in (bag / "data").rglob("*") if p.is_file()]
    (bag / "manifest-sha256.txt").write_text(of(payload))
    info = (bag / "bag-info.txt").read_text().splitlines()
    oxum = f"Payload-Oxum: {sum(p.stat().st_size for p in payload)}.{len(payload)}"
    info = [oxum if line.startswith("Payload-Oxum") else line for line in info]
    (bag / "bag-info.txt").write_text("\n".join(info) + "\n")
    tags = [p for p in bag.iterdir() if p.is_file() and p.name != "tagmanifest-sha256.txt"]
    (bag / "tagmanifest-sha256.txt").write_text(of(tags))


def write_custody(bag, change=lambda row: row):
    """Rows with the sizes and hash values that the objects have now."""
    path = bag / "data/custody.csv"
    rows = list(csv.DictReader(io.StringIO(path.read_text("utf-8"))))
    out = io.StringIO()
    table = csv.DictWriter(out, rows[0].keys(), lineterminator="\r\n")
    table.writeheader()
    for row in rows:
        file = bag / row["path"]
        if row["packed"] == "yes" and file.exists():
            row["size"], row["sha256"] = str(file.stat().st_size), hashlib.sha256(file.read_bytes()).hexdigest()
        if (row := change(row)) is not None:
            table.writerow(row)
    path.write_text(out.getvalue(), "utf-8", newline="")


def anew(damage, change=lambda bag: (lambda row: row)):
    """A damage after which custody and manifests are written anew."""
    def damaged(bag):
        changed = change(bag)
        damage(bag)
        write_custody(bag, changed)
        write_manifests(bag)
    return damaged


def forget(path):
    path.unlink()
    path.with_name(path.name + ".metadata.json").unlink(missing_ok=True)


def forgotten(pick):
    def change(bag):
        gone = str(pick(bag).relative_to(bag))
        return lambda row: None if row["path"] == gone else row
    return anew(lambda bag: forget(pick(bag)), change)


def replace(name, old, new):
    def damage(bag):
        path = bag / name
        text = path.read_text("utf-8")
        assert old in text, (name, old)
        path.write_text(text.replace(old, new), "utf-8")
    return damage


def put_log(bag, content=b"{}"):
    """A log file that no digest lists, beside one that a digest lists."""
    beside = logs(bag)[2]
    path = beside.with_name(beside.name[:-len("0000000000000000.json.gz")] + "ffffffffffffffff.json.gz")
    path.write_bytes(gzip.compress(content))
    table = (bag / "data/custody.csv").read_text("utf-8")
    row = next(r for r in table.split("\r\n") if str(beside.relative_to(bag)) in r)
    row = row.replace(beside.name, path.name)
    (bag / "data/custody.csv").write_text(table + row + "\r\n", "utf-8", newline="")


def other_signature(bag):
    one, two = (Path(f"{d}.metadata.json") for d in digests(bag)[4:6])
    one.write_text(two.read_text())


def altered_digest(bag):
    digest = digests(bag)[4]
    text = gzip.decompress(digest.read_bytes())
    digest.write_bytes(gzip.compress(text.replace(b'"newestEventTime":"2026', b'"newestEventTime":"2025')))


def no_keys(bag):
    for key in (bag / "data/keys").iterdir():
        key.unlink()
    (bag / "data/keys/sources.json").write_text("[]")


def append(pick, more):
    return anew(lambda bag: pick(bag).write_bytes(pick(bag).read_bytes() + more))


def hostile_name(bag):
    for name in ("<img src=x onerror=window.ran=1>", "a\u202egpj.exe", "&lt;b&gt; 'x' \"y\""):
        (bag / "data" / name).write_text("x")


def whole(_):
    pass


# Name, arguments of `evidence pack`, what is done to the tree, what is done to the bag, exit status.
CASES = [
    ("whole", ONE, None, whole, 0),
    ("whole, all chains", (), None, whole, 0),
    ("without log files", (*ONE, "--logs", "none"), None, whole, 0),
    ("a part of the time", (*ONE, "--start-time", "2026-03-01T06:00:00Z", "--end-time", "2026-03-01T12:00:00Z"),
     None, whole, 0),
    ("a plain copy up to a time", (*ONE, "--end-time", "2026-03-01T12:00:00Z"), "plain", whole, 0),
    ("a plain copy", ONE, "plain", whole, 3),
    ("odd files in the tree", ONE, "odd", whole, 0),
    ("trail restarted, explained", (), "restart", whole, 0),
    ("a trail that is not there", (*ONE, "--trail", "none"), None, whole, 3),
    ("log file gone in the tree", ONE, "log gone", whole, 1),
    ("log file altered in the tree", ONE, "log altered", whole, 1),
    ("log file put into the tree", ONE, "log put in", whole, 1),
    ("log file put in, let pass", (*ONE, "--unreferenced", "notice"), "log put in", whole, 0),
    ("digest altered in the tree", ONE, "digest altered", whole, 1),
    ("log file altered", ONE, None, lambda b: logs(b)[2].write_bytes(b"x"), 1),
    ("log file altered, anew", ONE, None, anew(lambda b: logs(b)[2].write_bytes(gzip.compress(b"{}"))), 1),
    ("log file cut off, anew", ONE, None, anew(lambda b: logs(b)[2].write_bytes(logs(b)[2].read_bytes()[:-9])), 1),
    ("bytes behind a log file, anew", ONE, None, append(lambda b: logs(b)[2], b"more"), 1),
    ("zeros behind a log file, anew", ONE, None, append(lambda b: logs(b)[2], bytes(512)), 1),
    ("a member behind a log file, anew", ONE, None, append(lambda b: logs(b)[2], gzip.compress(b"")), 1),
    ("log file missing", ONE, None, lambda b: forget(logs(b)[2]), 1),
    ("log file forgotten", ONE, None, forgotten(lambda b: logs(b)[2]), 1),
    ("log file put in", ONE, None, anew(put_log), 1),
    ("file beside", ONE, None, lambda b: (b / "README").write_text("x"), 1),
    ("file beside, anew", ONE, None, anew(lambda b: (b / "README").write_text("x")), 1),
    ("file in data", ONE, None, lambda b: (b / "data/extra").write_text("x"), 1),
    ("hostile names", ONE, None, hostile_name, 1),
    ("digest altered", ONE, None, anew(altered_digest), 1),
    ("digest forgotten", ONE, None, forgotten(lambda b: digests(b)[4]), 1),
    ("first digest forgotten", ONE, None, forgotten(lambda b: digests(b)[0]), 1),
    ("newest digest forgotten", ONE, None, forgotten(lambda b: digests(b)[-1]), 1),
    ("digest that is no digest", ONE, None, anew(lambda b: digests(b)[4].write_bytes(gzip.compress(b"[]"))), 1),
    ("signature altered", ONE, None, anew(other_signature), 1),
    ("signature that is none", ONE, None,
     anew(lambda b: Path(f"{digests(b)[4]}.metadata.json").write_text('{\n  "Metadata": {\n    "signature": "xyz"\n  }\n}\n')), 1),
    ("keys taken away", ONE, None, anew(no_keys), 1),
    ("verdict of bag-info.txt", ONE, None,
     anew(replace("bag-info.txt", "Verdict: verified", "Verdict: incomplete")), 1),
    ("counts of the report", ONE, None, anew(replace("data/report/run.json", '"valid": 30', '"valid": 99')), 1),
    ("an end that nothing reaches", (*ONE, "--end-time", "2026-03-02T05:00:00Z", "--grace", "0s"), None,
     anew(replace("data/report/request.json", "2026-03-02T05:00:00Z", "2026-03-04T05:00:00Z")), 1),
    ("row of custody that says no", ONE, None,
     anew(whole, lambda b: (lambda r, p=str(logs(b)[2].relative_to(b)): r | ({"packed": "no"} if r["path"] == p else {}))), 1),
    ("report of another version", ONE, None,
     anew(lambda b: (replace("data/report/run.json", '"version": "', '"version": "9')(b),
                     replace("bag-info.txt", "Agent: trailseal ", "Agent: trailseal 9")(b))), 3),
    ("manifest that climbs", ONE, None,
     lambda b: (b / "manifest-sha256.txt").open("a").write(f"{'0' * 64}  data/../../x\n"), 1),
    ("tag manifest without the page", ONE, None,
     lambda b: (b / "tagmanifest-sha256.txt").write_text("".join(
         line for line in (b / "tagmanifest-sha256.txt").read_text().splitlines(True) if "verify.html" not in line)), 1),
    *evidence_seals.CASES,
]


def tree(kind, work):
    """The tree that a case packs, and its keys."""
    source = RESTART if kind == "restart" else SAMPLE
    if kind in (None, "restart"):
        return source, source / "keys/public-keys.json"
    place = work / f"tree-{kind.replace(' ', '-')}"
    if not place.exists():
        shutil.copytree(source, place)
        base = place / "AWSLogs/444455556666"
        found = sorted((base / "CloudTrail/eu-west-1").rglob("*.json.gz"))
        signed = sorted((base / "CloudTrail-Digest/eu-west-1").rglob("*.json.gz"))
        if kind == "plain":
            for sidecar in place.rglob("*.metadata.json"):
                sidecar.unlink()
        elif kind == "odd":
            (found[1].parent / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
            (found[1].parent / f"._{found[1].name}").write_bytes(b"\0\5\x16\7\0\2\0\0Mac OS X")
            shutil.copy(found[1], found[1].with_name(found[1].name.replace(".json", " (1).json")))
        elif kind == "log gone":
            found[3].unlink()
        elif kind == "log altered":
            found[3].write_bytes(gzip.compress(b"{}"))
        elif kind == "log put in":
            name = found[3].name.rsplit("_", 1)[0]
            found[3].with_name(f"{name}_ffffffffffffffff.json.gz").write_bytes(gzip.compress(b"{}"))
        elif kind == "digest altered":
            text = gzip.decompress(signed[4].read_bytes())
            signed[4].write_bytes(gzip.compress(text.replace(b"SHA256withRSA", b"SHA256withRSB")))
    return place, source / "keys/public-keys.json"


def archive(bag, path, method=zipfile.ZIP_STORED):
    """The bag as an archive: stored, as trailseal makes it, or as others would."""
    with zipfile.ZipFile(path, "w", method) as out:
        for file in sorted(p for p in bag.rglob("*") if p.is_file()):
            out.write(file, f"evidence/{file.relative_to(bag)}")
    return path


def large(trailseal, run, work, hours=1000, each=19):
    """A bag of some 20,000 objects: log files of six weeks, and the digests that are sealed of them."""
    from datetime import datetime, timedelta
    place = work / "large"
    begin = datetime(2026, 1, 1)
    account, region = "111122223333", "us-east-1"
    for number in range(hours * each):
        when = begin + timedelta(hours=number // each, minutes=1 + number % each * 2)
        folder = place / f"AWSLogs/{account}/CloudTrail/{region}/{when:%Y/%m/%d}"
        folder.mkdir(parents=True, exist_ok=True)
        records = {"Records": [{"eventID": f"{number}-{event}", "eventName": "GetObject"} for event in range(10)]}
        (folder / f"{account}_CloudTrail_{region}_{when:%Y%m%dT%H%M}Z_{number:016x}.json.gz").write_bytes(
            gzip.compress(json.dumps(records).encode()))
    keys = work / "large-keys"
    run(trailseal, "keys", "generate", keys)
    end = begin + timedelta(hours=hours)
    run(trailseal, "seal", place, "--account", account, "--region", region, "--trail", "large", "--bucket",
        "trailseal-large", "--key", keys / "signing-key.pem", "--start-time", f"{begin:%Y-%m-%dT%H:%M:%SZ}",
        "--end-time", f"{end:%Y-%m-%dT%H:%M:%SZ}")
    run(trailseal, "evidence", "pack", place, "--keys", keys / "public-keys.json", "--no-progress",
        "--output", work / "large-bag")
    return work / "large-bag"
