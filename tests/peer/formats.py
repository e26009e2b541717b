"""Holds every format of a run report to public schemas and parsers, and to what the run found.

    python3 tests/peer/formats.py --trailseal PATH --fetch DIR

Runs are made over the committed sample: whole, damaged, and with something lost that leaves it
incomplete; then come reports that were edited: interrupted ones, and ones that hold hostile text
wherever a bucket or a command line may put it. Each is rendered in all formats, by
`verify --export` and by `report`, which must agree byte for byte. At last faults are put into the
formats of one run, and each must be noticed. The programs that read such files run over all of
them: node_exporter's textfile collector, promtool, and the SARIF Multitool with its rules for
GitHub's code scanning (see format_consumers.py).

No schema is part of this repository. From PyPI: botocore (the service model of Security Hub's
BatchImportFindings), moto (a server that takes them), ocsf-json-schema (OCSF 1.6.0 as its schema
server gives it), py-ocsf-models, prometheus-client, junitparser, xmlschema, markdown-it-py with
linkify-it-py, cmarkgfm, jsonschema, compliance-trestle (OSCAL), in-toto-attestation, and pyarrow and
duckdb, which read the objects of a run as Parquet. The JSON Schema of SARIF 2.1.0 is taken from the crate
serde-sarif, the schema of JUnit XML from the sources of pytest: `--fetch DIR` downloads both with
cargo and pip, --sarif-schema and --junit-schema name files that are there. What is not at hand is
said aloud, and is a failure unless --allow-missing is given.
"""

import argparse
import json
import shutil
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from format_checks import checks, must, same
from format_consumers import check_together, needed, object_tables, promtool
from format_schemas import Schemas
from peers import Disagreement, Peers

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLE = REPOSITORY / "testdata" / "sample"
ENDINGS = {"csv": ".csv", "coverage-csv": ".coverage.csv", "markdown": ".md", "junit": ".xml",
           "sarif": ".sarif", "ocsf": ".ocsf.json", "asff": ".asff.json", "ndjson": ".ndjson",
           "oscal": ".oscal.json", "intoto": ".intoto.json", "openmetrics": ".prom"}

# Each would do something where it stands unescaped.
HOSTILE = [
    "=cmd|'/c calc'!A0", "\"=1+1", "a;=1", "+1", "@SUM(1)", "\t=1", "\r=1",
    "\x1b[2J\x1b]0;x\x07\x9b31m\u202egpj\u200b\nVERIFIED: all\r\U000e0041\x7f",
    "]]></failure></testcase><testcase name=\"x\"/>&lt;\ufffe\uffff\x01",
    "\"} 1\ntrailseal_run_verdict{verdict=\"verified\"} 1\n# EOF\n\\",
    "`` ` ``` | [x](http://evil.example) ![i](http://evil.example/x.png) <img src=x onerror=x>",
    "http://evil.example www.evil.example me@evil.example @someone #1 evil.example",
    "\n\n# VERIFIED\n\n- x\n\n---\n\n```\n", "**b** _i_ ~~s~~ &amp; &#64; \\",
    "../../etc/passwd", "//evil.example/x", "x" * 5000, "é\x1b" * 3000, " ", "",
]


# ---- the runs ----------------------------------------------------------------------------


@dataclass
class Run:
    """A report, and what it was rendered to."""

    name: str
    report: dict
    saved: bytes  # the report as trailseal writes it as JSON
    formats: dict = field(default_factory=dict)
    objects: dict = field(default_factory=dict)  # the files of --objects, by their endings
    closed: int = 0  # findings of an earlier run that this one shows to be repaired

    @property
    def verdict(self):
        return self.report["verdict"]

    @property
    def findings(self):
        return self.report["findings"]

    @property
    def chains(self):
        return self.report["chains"]

    def number(self, severity):
        return sum(finding["severity"] == severity for finding in self.findings)

    def standing_alone(self):
        """The findings that are events of their own: violations, and what no chain speaks of."""
        listed = {chain["id"] for chain in self.chains}
        return [f for f in self.findings if f["severity"] == "violation"
                or f["severity"] == "incomplete" and f["chain"] not in listed]

    def json(self, name):
        return json.loads(self.formats[name])

    def standings(self):
        """How each chain stands, by the rule of the verdict, worked out apart from trailseal."""
        for chain in self.chains:
            worst = {f["severity"] for f in self.findings if f["chain"] == chain["id"]}
            states = {interval["state"] for interval in chain["coverage"]}
            lacks = not states and chain["kind"] == "standard"
            if "violation" in worst or "violated" in states:
                yield chain["id"], "violation"
            elif "incomplete" in worst or states & {"gap", "unreadable"} or lacks:
                yield chain["id"], "incomplete"
            else:
                yield chain["id"], "verified"


class Runs:
    """Makes runs and renders them."""

    def __init__(self, peers):
        self.peers = peers
        self.keys = SAMPLE / "keys" / "public-keys.json"

    def copy(self, name):
        root = self.peers.work / name
        shutil.copytree(SAMPLE / "AWSLogs", root / "AWSLogs")
        return root

    def verified(self, name, source, status):
        """Verifies a source with all formats at once, then renders the saved report again."""
        folder = self.peers.work / f"{name}-formats"
        folder.mkdir()
        exports = [part for form, ending in ENDINGS.items()
                   for part in ("--export", f"{form}={folder / ('run' + ending)}")]
        saved = folder / "run.json"
        command = [self.peers.trailseal, "verify", source, "--keys", self.keys, "--quiet",
                   "--no-progress", *exports, "--export", saved]
        said = self.peers.run(command)
        must(said.status == status, f"{name}: expected exit status {status}\n\n{said.show()}")
        run = self.rendered(name, saved)
        for form, ending in ENDINGS.items():
            same(f"{name}: {form}, from verify and from report",
                 (folder / ("run" + ending)).read_bytes(), run.formats[form])
        for ending in ("jsonl", "csv", "parquet"):
            run.objects[ending] = folder / f"objects.{ending}"
            said = self.peers.run([self.peers.trailseal, "verify", source, "--keys", self.keys,
                                   "--quiet", "--no-progress", "--objects", run.objects[ending]])
            must(said.status == status, f"{name}: {ending}: exit status\n\n{said.show()}")
        return run

    def rendered(self, name, saved):
        folder = saved.parent / f"{name}-again"
        folder.mkdir()
        exports = [part for form, ending in ENDINGS.items()
                   for part in ("--export", f"{form}={folder / ('run' + ending)}")]
        self.peers.must("report", saved, "--export", folder / "run.json", *exports)
        formats = {form: (folder / ("run" + ending)).read_bytes()
                   for form, ending in ENDINGS.items()}
        return Run(name, json.loads(saved.read_text(encoding="utf-8")),
                   (folder / "run.json").read_bytes(), formats)

    def edited(self, name, report):
        saved = self.peers.work / f"{name}.json"
        saved.write_text(json.dumps(report), encoding="utf-8")
        return self.rendered(name, saved)

    def repaired(self, whole, damaged):
        """The whole sample again, after the damaged one as an earlier run over it."""
        earlier = self.peers.work / "earlier.json"
        earlier.write_text(json.dumps(damaged.report | {"scope": whole.report["scope"],
                                                        "finished": whole.report["started"]}),
                           encoding="utf-8")
        saved = self.peers.work / "repaired.json"
        saved.write_text(json.dumps(whole.report), encoding="utf-8")
        run = self.rendered("repaired", saved)
        for form in ("asff", "ocsf"):
            said = self.peers.must("report", saved, "--previous", earlier, "--format", form)
            run.formats[form] = said.out.encode("utf-8")
        run.closed = len(damaged.standing_alone())
        return run

    def refused(self, name, report):
        saved = self.peers.work / f"{name}.json"
        saved.write_text(json.dumps(report), encoding="utf-8")
        said = self.peers.run([self.peers.trailseal, "report", saved, "--format", "csv"])
        same(f"{name}: exit status", said.status, 2)
        must("contradicts itself" in said.err, f"{name}\n\n{said.show()}")

    def all(self):
        whole = self.verified("verified", SAMPLE, 0)
        yield whole

        root = self.copy("damaged")
        logs = sorted(path for path in root.rglob("*.json.gz") if "/CloudTrail/" in str(path))
        logs[0].unlink()
        logs[5].write_bytes(logs[6].read_bytes())
        logs[9].write_bytes(logs[9].read_bytes() + b"more")
        shutil.copy(logs[12], logs[12].with_name(logs[12].name.replace("_CloudTrail_", "_notes_")))
        damaged = self.verified("violation", root, 1)
        yield damaged
        yield self.repaired(whole, damaged)

        root = self.copy("lost")
        newest = sorted(root.rglob("*_CloudTrail-Digest_*.metadata.json"))
        must(newest, "the sample has no metadata of digests")
        for path in newest:
            path.unlink()
        lost = self.verified("incomplete", root, 3)
        yield lost

        yield self.verified("nothing", self.empty(), 3)

        stopped = json.loads(json.dumps(lost.report)) | {"exit_status": 130}
        yield self.edited("interrupted", stopped)
        self.refused("interrupted-yet-verified", whole.report | {"exit_status": 130})
        self.refused("called-verified", lost.report | {"verdict": "verified", "exit_status": 0})
        self.refused("twice", whole.report | {"chains": whole.chains + whole.chains[:1]})

        for number, text in enumerate(HOSTILE):
            yield self.edited(f"hostile-{number}", hostile(whole.report, lost.report, text))

    def empty(self):
        root = self.peers.work / "empty"
        root.mkdir()
        return root


def hostile(whole, lost, text):
    """A report with a text wherever a bucket, a copy or a command line may put one."""
    report = json.loads(json.dumps(whole))
    event = {"role": "candidate", "event": text, "time": "2026-03-01T10:00:00Z", "by": text,
             "from": text, "id": text, "region": text, "bucket": text, "key": text}
    first = report["chains"][0]
    if text.isprintable() and "\\" not in text and text.strip():
        # An id is escaped as it is shown; what it shows as it is may stand in it as it is.
        first["id"] = first["id"].replace("/AWSLogs/", f"/{text}/AWSLogs/")
    chain = first["id"]
    report["findings"] = [
        {"code": code, "severity": severity, "chain": of, "bucket": text, "key": text,
         "start": None, "end": None, "message": text, "expected": text, "actual": text,
         "referenced_by": text, "events": [event]}
        for code, severity, of in [("log-modified", "violation", chain),
                                   ("log-missing", "violation", None),
                                   ("object-unreadable", "incomplete", chain),
                                   ("object-unknown", "notice", None)]]
    report["scope"] |= {"sources": [text], "accounts": [text], "regions": [text],
                        "trails": [text], "accepted_gaps": [
                            {"start": "2026-03-01T10:00:00Z", "end": "2026-03-01T11:00:00Z",
                             "reason": text, "used": True}]}
    report["ran_by"] = {"operator": text, "identity": text}
    report["tool"] = {"name": text or "t", "version": text or "v"}
    report["not_proven"] = [text, *lost["not_proven"]]
    for one in report["chains"]:
        one |= {"prefix": text, "trail": text}
    return report | {"verdict": "violation", "exit_status": 1}


# ---- whether the checks would notice -----------------------------------------------------------


def changed(form, *pairs):
    def change(run):
        text = run.formats[form].decode("utf-8")
        for old, new in pairs:
            must(old in text, f"{form}: holds no {old!r} to change")
            text = text.replace(old, new, 1)
        return text.encode("utf-8")
    return form, change


# Each is one fault in one format of the run with violations.
FAULTS = [
    changed("csv", (",,", ",=1,")),
    changed("csv", ("log-", "digest-")),
    changed("coverage-csv", (",violated,", ",proven,")),
    changed("markdown", ("VIOLATION", "VERIFIED")),
    changed("markdown", ("\n- ", "\n- @someone ")),
    changed("markdown", ("\n- ", "\n- www.example.com ")),
    changed("markdown", ("\n- ", "\n- <b>x</b> ")),
    changed("junit", (' failures="', ' failures="1')),
    changed("junit", ("<testcase ", '<testcase color="red" ')),
    changed("junit", ("<failure ", "<error "), ("</failure>", "</error>")),
    changed("sarif", ('"level": "error"', '"level": "fatal"')),
    changed("sarif", ('"ruleIndex"', '"rule_index"')),
    changed("sarif", ('"executionSuccessful": true', '"executionSuccessful": false')),
    changed("ocsf", ('"class_uid": 2004', '"class_uid": 2003')),
    changed("ocsf", ('"severity_id": 4', '"severity_id": 44')),
    changed("ocsf", ('"provider"', '"supplier"')),
    changed("ocsf", ('"status_id": 3', '"status_id": 1')),
    changed("asff", ('"Label": "HIGH"', '"Label": "SEVERE"')),
    changed("asff", ('"Title"', '"Titel"')),
    changed("asff", ('"RecordState"', '"RecordStatus"')),
    changed("asff", ('"FAILED"', '"PASSED"')),
    ("ndjson", lambda run: run.formats["ndjson"].rsplit(b"\n", 2)[0] + b"\n"),
    changed("ndjson", ('"verdict":"violation"', '"verdict":"verified"')),
    changed("oscal", ('"not-satisfied"', '"satisfied"')),
    changed("oscal", ('"collected"', '"collect"')),
    changed("intoto", ('"sha256": "', '"sha256": "0')),
    changed("intoto", ('"FAILED"', '"PASSED"')),
    changed("openmetrics", ("# EOF\n", "")),
    changed("openmetrics", ("# TYPE trailseal_logs gauge", "# TYPE trailseal_logs counter")),
    changed("openmetrics", (',verdict="violation"} 1', ',verdict="violation"} 0')),
    changed("openmetrics", ('{source="', '{sauce="')),
]


def faults_are_noticed(run, named):
    for number, (form, change) in enumerate(FAULTS):
        faulty = Run(run.name, run.report, run.saved, run.formats | {form: change(run)},
                     run.closed)
        try:
            named[form](faulty)
        except Exception:  # noqa: BLE001 - noticed, whoever noticed it
            continue
        raise Disagreement(f"fault {number} was put into {form}, and its check held")
    return f"{len(FAULTS)} faults noticed"


def attempt(what, check, quiet=False):
    """Whether a check holds; says what it finds."""
    try:
        said = check()
    except Disagreement as error:
        print(f"FAILED  {what}\n{error}", flush=True)
    except Exception as error:  # noqa: BLE001 - a parser's own, of any kind
        print(f"FAILED  {what}\n{type(error).__name__}: {str(error)[:1500]}", flush=True)
    else:
        if said and not quiet:
            print(f"holds   {what}, {said}", flush=True)
        return True
    return False


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trailseal", required=True, metavar="PATH")
    parser.add_argument("--sarif-schema", type=Path, metavar="FILE")
    parser.add_argument("--junit-schema", type=Path, metavar="FILE")
    parser.add_argument("--fetch", type=Path, metavar="DIR", help="download both schemas to there")
    parser.add_argument("--allow-missing", action="store_true")
    args = parser.parse_args()

    schemas = Schemas(args)
    for program in needed():
        print(f"MISSING {program}: not installed", flush=True)
        schemas.missing.append(program)
    failed, done, held = 0, Counter(), []
    with tempfile.TemporaryDirectory(prefix="trailseal-formats-") as work:
        peers = Peers(shutil.which(args.trailseal) or args.trailseal, "", Path(work))
        try:
            for run in Runs(peers).all():
                named = checks(schemas)
                if "promtool" not in schemas.missing:
                    named["promtool"] = promtool
                held.append(run)
                if run.objects:
                    named["objects"] = object_tables
                if run.name == "violation" and not schemas.missing:
                    named["faults"] = lambda run: faults_are_noticed(run, checks(schemas))
                for name, check in named.items():
                    quiet = run.name.startswith("hostile")
                    held_to = attempt(f"{run.name}: {name}", lambda check=check, run=run: check(run), quiet)
                    failed += not held_to
                    done[name] += held_to
            if not needed():
                for name, check in check_together(held, Path(work)):
                    held_to = attempt(f"all: {name}", check)
                    failed += not held_to
                    done[name] += held_to
        except Disagreement as error:
            print(f"FAILED  {error}", flush=True)
            return 1
    for what in schemas.missing:
        print(f"MISSING {what}: nothing held the format to it", flush=True)
    counted = ", ".join(f"{name} {number}" for name, number in done.items())
    print(f"\n{failed} failed; reports held: {counted}")
    return 1 if failed or schemas.missing and not args.allow_missing else 0


if __name__ == "__main__":
    sys.exit(main())
