"""Holds every format of a run report to public schemas and parsers, and to what the run found.

    python3 tests/peer/formats.py --trailseal PATH --sarif-schema FILE --junit-schema FILE

Runs are made over the committed sample: whole, damaged, and with something lost that leaves it
incomplete; then come reports that were edited: interrupted ones, and ones that hold hostile text
wherever a bucket or a command line may put it. Each is rendered in all formats, by `verify --export`
and by `report`, which must agree byte for byte.

No schema is part of this repository. From PyPI: botocore (the service model of Security Hub's
BatchImportFindings), moto (a server that takes them), ocsf-json-schema (OCSF 1.6.0 as its schema
server gives it), py-ocsf-models, prometheus-client, junitparser, xmlschema, markdown-it-py with
linkify-it-py, cmarkgfm, jsonschema. The JSON Schema of SARIF 2.1.0 is taken from the crate serde-sarif, the
schema of JUnit XML from the sources of pytest; `--fetch DIR` downloads both with cargo and pip.
What is not at hand is said aloud, and is a failure unless --allow-missing is given.
"""

import argparse
import csv
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

from peers import Disagreement, Peers

REPOSITORY = Path(__file__).resolve().parents[2]
SAMPLE = REPOSITORY / "testdata" / "sample"
ENDINGS = {"csv": ".csv", "coverage-csv": ".coverage.csv", "markdown": ".md", "junit": ".xml",
           "sarif": ".sarif", "ocsf": ".ocsf.json", "asff": ".asff.json", "ndjson": ".ndjson",
           "openmetrics": ".prom"}
STATUS = {"verified": 0, "violation": 1, "incomplete": 3}
SERDE_SARIF, PYTEST = "0.8.0", "pytest>=9,<10"

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


def must(held, what):
    if not held:
        raise Disagreement(what)


def same(what, seen, expected):
    must(seen == expected, f"{what}\n  expected  {expected!r}\n  seen      {seen!r}")


# ---- the runs ----------------------------------------------------------------------------


@dataclass
class Run:
    """A report, and what it was rendered to."""

    name: str
    report: dict
    formats: dict = field(default_factory=dict)

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
        return run

    def rendered(self, name, saved):
        folder = saved.parent / f"{name}-again"
        folder.mkdir()
        exports = [part for form, ending in ENDINGS.items()
                   for part in ("--export", f"{form}={folder / ('run' + ending)}")]
        self.peers.must("report", saved, *exports)
        formats = {form: (folder / ("run" + ending)).read_bytes()
                   for form, ending in ENDINGS.items()}
        return Run(name, json.loads(saved.read_text(encoding="utf-8")), formats)

    def edited(self, name, report):
        saved = self.peers.work / f"{name}.json"
        saved.write_text(json.dumps(report), encoding="utf-8")
        return self.rendered(name, saved)

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
        yield self.verified("violation", root, 1)

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


# ---- what holds for every format -------------------------------------------------------------


def steers(character):
    code = ord(character)
    return (code < 0x20 and character != "\n" or 0x7f <= code <= 0x9f
            or code in (0xad, 0x61c, 0xfeff) or 0x200b <= code <= 0x200f
            or 0x2028 <= code <= 0x202e or 0x2060 <= code <= 0x206f
            or 0xe0000 <= code <= 0xe0fff)


def text_is_safe(run):
    for form, written in run.formats.items():
        text = written.decode("utf-8")
        if form.endswith("csv"):
            must("\n" not in text.replace("\r\n", ""), f"{form}: a line ends otherwise")
            text = text.replace("\r\n", "\n")
        found = [hex(ord(c)) for c in text if steers(c)]
        must(not found, f"{form}: holds {found[:5]}")


# ---- CSV ---------------------------------------------------------------------------------


def table(run, form):
    text = run.formats[form].decode("utf-8")
    rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    for row in rows:
        must(None not in row and None not in row.values(), f"{form}: a row of another width")
        for column, cell in row.items():
            for part in cell.split(";"):
                must(not part.lstrip("\"' ").startswith(("=", "+", "-", "@", "\t", "\r"))
                     or part.startswith("'"), f"{form}: {column} holds a formula: {cell!r}")
    return rows


def as_it_was(cell):
    """A cell without what keeps it from being a formula."""
    return re.sub(r"(^|;)'(?=[\s\"']*[=+@-])", r"\1", cell)


def check_csv(run):
    rows = table(run, "csv")
    same("csv: rows", [(row["code"], row["severity"], as_it_was(row["chain"])) for row in rows],
         [(f["code"], f["severity"], f["chain"] or "") for f in run.findings])
    for row, finding in zip(rows, run.findings):
        for name in ("key", "expected", "actual", "start", "end"):
            if (finding[name] or "").isprintable() and not set("\\;=+-@") & set(finding[name] or ""):
                same(f"csv: {name}", row[name], finding[name] or "")
    return f"{len(rows)} rows"


def check_coverage(run):
    rows = table(run, "coverage-csv")
    expected = []
    for chain in run.chains:
        expected += [(chain["id"], i["start"], i["end"], i["state"], i["reason"] or "")
                     for i in chain["coverage"]]
        if not chain["coverage"]:
            why = "backfill" if chain["kind"] == "backfill" else "unaccounted"
            expected.append((chain["id"], "", "", "none", why))
    same("coverage-csv: rows",
         [tuple(as_it_was(row[c]) for c in ("chain", "start", "end", "state", "reason"))
          for row in rows],
         expected)
    seconds = Counter()
    for row in rows:
        seconds[row["state"]] += int(row["seconds"])
    for state, total in run.report["totals"]["coverage_seconds"].items():
        same(f"coverage-csv: seconds {state}", seconds[state], total)
    return f"{len(rows)} rows"


# ---- Markdown ----------------------------------------------------------------------------


def check_markdown(run):
    import cmarkgfm
    from markdown_it import MarkdownIt

    text = run.formats["markdown"].decode("utf-8")
    # As wide as renderers are: addresses become links, also without a scheme; HTML is let through.
    parser = MarkdownIt("gfm-like", {"linkify": True, "html": True, "typographer": False})
    parser.linkify.set({"fuzzy_link": True, "fuzzy_email": True})
    tokens = parser.parse(text)
    allowed = {"heading_open", "heading_close", "paragraph_open", "paragraph_close", "inline",
               "table_open", "table_close", "thead_open", "thead_close", "tbody_open",
               "tbody_close", "tr_open", "tr_close", "th_open", "th_close", "td_open", "td_close",
               "bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close"}
    widths, row, headings = set(), 0, []
    for token, after in zip(tokens, [*tokens[1:], None]):
        must(token.type in allowed, f"markdown: holds {token.type}: {token.content[:80]!r}")
        if token.type == "inline":
            kinds = {child.type for child in token.children}
            must(kinds <= {"text", "code_inline"}, f"markdown: {kinds} in {token.content!r}")
            bare = "".join(c.content for c in token.children if c.type == "text")
            must("@" not in bare and "#" not in bare, f"markdown: may mention: {bare!r}")
        if token.type == "heading_open":
            headings.append(after.content)
        if token.type in ("td_open", "th_open"):
            row += 1
        if token.type == "tr_close":
            widths.add(row)
            row = 0
    must(widths <= {2, 4, 6}, f"markdown: rows of {widths} cells")
    same("markdown: its first heading", headings[0],
         f"CloudTrail integrity: {run.verdict.upper()}")
    open_chains = [id for id, standing in run.standings() if standing != "verified"]
    must(f"Chains not wholly proven: {len(open_chains)} of {len(run.chains)}" in headings,
         f"markdown: {headings}")
    must(f"Findings: {len(run.findings)}" in headings, f"markdown: {headings}")
    for code, number in Counter((f["severity"], f["code"]) for f in run.findings).items():
        must(f"{code[0]} {code[1]}: {number}" in headings, f"markdown: no {code} in {headings}")
    html = cmarkgfm.github_flavored_markdown_to_html(text, cmarkgfm.Options.CMARK_OPT_UNSAFE)
    seen = Html()
    seen.feed(html)
    must(seen.tags <= {"h1", "h2", "h3", "p", "table", "thead", "tbody", "tr", "th", "td", "ul",
                       "li", "code"}, f"markdown: GitHub's own parser makes {seen.tags}")
    must("@" not in seen.text and "#" not in seen.text, "markdown: may mention")
    return f"{len(tokens)} tokens"


class Html(HTMLParser):
    """The tags of a page, and its text outside of code, where names and numbers become links."""

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags, self.text, self.code = set(), "", 0

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.code += tag == "code"
        must({name for name, _ in attrs} <= {"align"}, f"markdown: {tag} with {attrs}")

    def handle_endtag(self, tag):
        self.code -= tag == "code"

    def handle_data(self, data):
        self.text += "" if self.code else data


# ---- JUnit -------------------------------------------------------------------------------


def check_junit(run, schema):
    from junitparser import Error, Failure, JUnitXml, Skipped

    text = run.formats["junit"]
    if schema:
        schema.validate(io.BytesIO(text))
    root = ElementTree.fromstring(text)
    held = {name: len(root.findall(f"./testsuite/testcase{rest}"))
            for name, rest in (("tests", ""), ("failures", "/failure"), ("errors", "/error"))}
    same("junit: totals", {name: int(root.get(name)) for name in held}, held)
    suites = list(JUnitXml.fromstring(text))
    same("junit: suites", [s.name for s in suites], ["run", *(c["id"] for c in run.chains)])
    for suite in suites:
        kinds = Counter(type(result) for case in suite for result in case.result)
        same(f"junit: {suite.name}", (suite.tests, suite.failures, suite.errors, suite.skipped),
             (len(list(suite)), kinds[Failure], kinds[Error], kinds[Skipped]))
    for suite, (id, standing) in zip(suites[1:], run.standings()):
        outcome = "violation" if suite.failures else "incomplete" if suite.errors else "verified"
        same(f"junit: {id}", outcome, standing)
    verdict = next(case for case in suites[0] if case.name == "verdict")
    outcome = {"verified": None, "violation": Failure, "incomplete": Error}[run.verdict]
    same("junit: verdict", [type(r) for r in verdict.result], [outcome] if outcome else [])
    # A pair of suite and code fails where, and only where, there is such a finding.
    listed = {chain["id"] for chain in run.chains}
    found = {(f["chain"] if f["chain"] in listed else "run", f["code"]) for f in run.findings
             if f["severity"] != "notice"}
    bad = {(suite.name, case.name) for suite in suites for case in suite
           if case.result and not isinstance(case.result[0], Skipped)}
    same("junit: tests that fail", bad - {(s.name, n) for s in suites
                                          for n in ("coverage", "verdict")}, found)
    return f"{held['tests']} tests, {held['failures']} failures, {held['errors']} errors"


# ---- SARIF -------------------------------------------------------------------------------


def check_sarif(run, validator):
    log = run.json("sarif")
    if validator:
        errors = [f"{list(e.absolute_path)}: {e.message[:200]}" for e in validator.iter_errors(log)]
        must(not errors, f"sarif: {errors[:3]}")
    (one,) = log["runs"]
    rules = one["tool"]["driver"]["rules"]
    levels = {"violation": "error", "incomplete": "warning", "notice": "note"}
    same("sarif: results", [(r["ruleId"], r["level"]) for r in one["results"]],
         [(f["code"], levels[f["severity"]]) for f in run.findings])
    for result in one["results"]:
        same("sarif: rule", rules[result["ruleIndex"]]["id"], result["ruleId"])
        must("](" not in result["message"]["text"].replace("\\u{5b}", ""),
             "sarif: a link in a message") if "[" in result["message"]["text"] else None
    invocation = one["invocations"][0]
    same("sarif: the run", (invocation["executionSuccessful"], invocation["exitCode"]),
         (run.verdict != "incomplete" and run.report["exit_status"] != 130,
          run.report["exit_status"]))
    names = [r["partialFingerprints"]["trailseal/v1"] for r in one["results"]]
    same("sarif: names are each their own", len(set(names)), len(names))
    return f"{len(one['results'])} results"


# ---- OCSF --------------------------------------------------------------------------------


def check_ocsf(run, schemas, models):
    events = run.json("ocsf")
    for event in events:
        validator = schemas.get(event["class_uid"])
        if validator:
            errors = [f"{list(e.absolute_path)}: {e.message[:200]}"
                      for e in validator.iter_errors(event)]
            must(not errors, f"ocsf: {errors[:3]}")
        if models:
            model = models[event["class_uid"]]
            try:
                model.model_validate(event)
            except ValueError as error:
                raise Disagreement(f"ocsf: {error}") from None
        same("ocsf: type", event["type_uid"], event["class_uid"] * 100 + event["activity_id"])
        must(0 <= event["time"] - 1_500_000_000_000 < 10**12, f"ocsf: time {event['time']}")
    kinds = Counter(event["class_uid"] for event in events)
    same("ocsf: events", (kinds[2003], kinds[2004]),
         (1 + len(run.chains), run.number("violation")))
    status = {"verified": 1, "incomplete": 2, "violation": 3}
    seen = [e["compliance"]["status_id"] for e in events if e["class_uid"] == 2003]
    same("ocsf: statuses", seen,
         [status[run.verdict], *(status[standing] for _, standing in run.standings())])
    for key in (lambda e: e["finding_info"]["uid"], lambda e: e["metadata"]["uid"]):
        same("ocsf: names are each their own", len({key(e) for e in events}), len(events))
    return f"{len(events)} events"


# ---- ASFF --------------------------------------------------------------------------------

LIMITS = {"Id": 512, "Title": 256, "Description": 1024, "GeneratorId": 512, "ProductArn": 2048}


def check_asff(run, shape, client):
    findings = run.json("asff")
    if shape:
        from botocore.validate import ParamValidator

        for at in range(0, len(findings), 100):
            batch = {"Findings": findings[at:at + 100]}
            report = ParamValidator().validate(batch, shape)
            must(not report.has_errors(), f"asff: {report.generate_report()[:500]}")
            unknown = sorted(beyond(batch, shape))
            must(not unknown, f"asff: not of the format: {unknown[:5]}")
    for finding in findings:
        for name, limit in LIMITS.items():
            must(0 < len(finding[name].strip()) and len(finding[name]) <= limit,
                 f"asff: {name} of {len(finding[name])}")
        must(1 <= len(finding["Resources"]) <= 32, "asff: resources")
        must(all(len(r["Id"]) <= 512 for r in finding["Resources"]), "asff: a resource's id")
        fields = finding["ProductFields"]
        must(len(fields) <= 50 and all(len(k) <= 128 and len(v) <= 2048
                                       for k, v in fields.items()), "asff: ProductFields")
        text = finding.get("Remediation", {}).get("Recommendation", {}).get("Text", "-")
        must(1 <= len(text) <= 512, "asff: what to do")
    if client:
        taken = client.batch_import_findings(Findings=findings[:100])
        same("asff: imported", (taken["FailedCount"], taken["SuccessCount"]),
             (0, len(findings[:100])))
    status = {"verified": "PASSED", "incomplete": "NOT_AVAILABLE", "violation": "FAILED"}
    seen = [f["Compliance"]["Status"] for f in findings if "Compliance" in f]
    same("asff: statuses", seen,
         [status[run.verdict], *(status[standing] for _, standing in run.standings())])
    same("asff: violations", sum("Compliance" not in f for f in findings),
         run.number("violation"))
    same("asff: names are each their own", len({f["Id"] for f in findings}), len(findings))
    return f"{len(findings)} findings"


def beyond(value, shape, at=""):
    """What a service model does not know, and values that are none of its lists."""
    if shape.type_name == "structure":
        for name, member in value.items():
            if name not in shape.members:
                yield f"{at}/{name}"
            else:
                yield from beyond(member, shape.members[name], f"{at}/{name}")
    elif shape.type_name == "list":
        for member in value:
            yield from beyond(member, shape.member, at)
    elif shape.type_name == "string" and shape.enum and value not in shape.enum:
        yield f"{at}={value}"


# ---- NDJSON ------------------------------------------------------------------------------


def check_ndjson(run):
    lines = [json.loads(line) for line in run.formats["ndjson"].decode("utf-8").splitlines()]
    same("ndjson: first and last", (lines[0]["type"], lines[-1]["type"]), ("run", "end"))
    same("ndjson: lines", lines[-1]["lines"], len(lines))
    for name in ("schema", "run", "time"):
        same(f"ndjson: every {name}", len({line[name] for line in lines}), 1)

    def of(kind):
        common = ("schema", "type", "run", "time")
        return [{name: value for name, value in line.items() if name not in common}
                for line in lines if line["type"] == kind]

    same("ndjson: findings", of("finding"), run.findings)
    same("ndjson: keys", of("key"), run.report["keys"])
    same("ndjson: not proven", [line["sentence"] for line in of("not_proven")],
         run.report["not_proven"])
    same("ndjson: standings", [(c["id"], c["standing"]) for c in of("chain")],
         list(run.standings()))
    same("ndjson: coverage",
         [(line["chain"], line["start"], line["state"]) for line in of("coverage")],
         [(c["id"], i["start"], i["state"]) for c in run.chains for i in c["coverage"]])
    same("ndjson: verdict", (lines[0]["verdict"], lines[-1]["verdict"]), (run.verdict,) * 2)
    return f"{len(lines)} lines"


# ---- OpenMetrics -------------------------------------------------------------------------


def check_openmetrics(run):
    from prometheus_client.openmetrics.parser import text_string_to_metric_families

    try:
        families = {family.name: family for family in
                    text_string_to_metric_families(run.formats["openmetrics"].decode("utf-8"))}
    except ValueError as error:
        raise Disagreement(f"openmetrics: {error}") from None

    def samples(name, *labels):
        return {tuple(s.labels[label] for label in labels): s.value
                for s in families[name].samples}

    same("openmetrics: verdict", {v for (v,), held in
                                  samples("trailseal_run_verdict", "verdict").items() if held},
         {run.verdict})
    same("openmetrics: exit status", samples("trailseal_run_exit_status"),
         {(): run.report["exit_status"]})
    found = Counter((f["code"], f["severity"]) for f in run.findings)
    seen = samples("trailseal_findings", "code", "severity")
    same("openmetrics: findings", {pair: n for pair, n in seen.items() if n}, dict(found))
    must(len(seen) >= 75, "openmetrics: a sample for every code and severity")
    same("openmetrics: coverage",
         {state: n for (state,), n in samples("trailseal_coverage_seconds", "state").items()},
         run.report["totals"]["coverage_seconds"])
    same("openmetrics: standings",
         {pair for pair, held in samples("trailseal_chain_verdict", "chain", "verdict").items()
          if held} if run.chains else set(), set(run.standings()))
    must(all(family.documentation for family in families.values()), "openmetrics: no HELP")
    return f"{sum(len(f.samples) for f in families.values())} samples"


# ---- schemas and parsers -----------------------------------------------------------------


def fetch(folder):
    """The two schemas that no installed package holds, through cargo and pip."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "src").mkdir(exist_ok=True)
    (folder / "src" / "lib.rs").write_text("", encoding="ascii")
    (folder / "Cargo.toml").write_text(
        '[package]\nname = "schemas"\nversion = "0.0.0"\nedition = "2021"\n[workspace]\n'
        f'[dependencies]\nserde-sarif = {{ version = "={SERDE_SARIF}", '
        'default-features = false }\n', encoding="ascii")
    told = subprocess.run(["cargo", "metadata", "--format-version", "1", "--manifest-path",
                           folder / "Cargo.toml"], check=True, capture_output=True, text=True)
    package = next(p for p in json.loads(told.stdout)["packages"] if p["name"] == "serde-sarif")
    sarif = Path(package["manifest_path"]).parent / "src" / "schema.json"
    subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
                    "--disable-pip-version-check", "--no-binary", "pytest", "--dest", folder,
                    PYTEST], check=True)
    archive = next(folder.glob("pytest-*.tar.gz"))
    with tarfile.open(archive) as tar:
        member = next(m for m in tar.getmembers() if m.name.endswith("/junit-10.xsd"))
        (folder / "junit-10.xsd").write_bytes(tar.extractfile(member).read())
    return sarif, folder / "junit-10.xsd"


class Schemas:
    """What is at hand to hold formats against, and what is not."""

    def __init__(self, args):
        self.missing = []
        sarif, junit = args.sarif_schema, args.junit_schema
        if args.fetch:
            sarif, junit = fetch(args.fetch.resolve())
        self.sarif = self.of("the JSON Schema of SARIF 2.1.0", "jsonschema", sarif, self._sarif)
        self.junit = self.of("the XML Schema of JUnit", "xmlschema", junit, self._junit)
        self.ocsf = self.of("OCSF 1.6.0", "ocsf_json_schema", True, self._ocsf) or {}
        self.models = self.of("models of OCSF", "py_ocsf_models", True, self._models)
        self.asff = self.of("the service model of Security Hub", "botocore", True, self._asff)
        self.hub = self.of("a server that imports findings", "moto", True, self._hub)
        for module in ("junitparser", "markdown_it", "linkify_it", "cmarkgfm",
                       "prometheus_client"):
            self.of(f"the package {module}", module, True, lambda _: True)

    def of(self, what, module, file, load):
        if not file or importlib.util.find_spec(module) is None:
            print(f"MISSING {what}: nothing holds the format to it", flush=True)
            self.missing.append(what)
            return None
        return load(file)

    @staticmethod
    def _sarif(file):
        from jsonschema import Draft7Validator, FormatChecker

        schema = json.loads(Path(file).read_text(encoding="utf-8"))
        return Draft7Validator(schema, format_checker=FormatChecker())

    @staticmethod
    def _junit(file):
        import xmlschema

        return xmlschema.XMLSchema(str(file))

    @staticmethod
    def _ocsf(_):
        from jsonschema import Draft202012Validator
        from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

        made = OcsfJsonSchemaEmbedded(get_ocsf_schema(version="1.6.0"))
        classes = {2003: "compliance_finding", 2004: "detection_finding"}
        return {uid: Draft202012Validator(made.get_class_schema(name, ["cloud"]))
                for uid, name in classes.items()}

    @staticmethod
    def _models(_):
        from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding
        from py_ocsf_models.events.findings.detection_finding import DetectionFinding

        return {2003: ComplianceFinding, 2004: DetectionFinding}

    @staticmethod
    def _asff(_):
        import botocore.session

        model = botocore.session.get_session().get_service_model("securityhub")
        return model.operation_model("BatchImportFindings").input_shape

    @staticmethod
    def _hub(_):
        import botocore.session
        from moto import mock_aws

        os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        mock_aws().start()
        session = botocore.session.get_session()
        return session.create_client("securityhub", region_name="us-east-1")


def checks(schemas):
    return {
        "text": text_is_safe,
        "csv": check_csv,
        "coverage-csv": check_coverage,
        "markdown": check_markdown,
        "junit": lambda run: check_junit(run, schemas.junit),
        "sarif": lambda run: check_sarif(run, schemas.sarif),
        "ocsf": lambda run: check_ocsf(run, schemas.ocsf, schemas.models),
        "asff": lambda run: check_asff(run, schemas.asff, schemas.hub),
        "ndjson": check_ndjson,
        "openmetrics": check_openmetrics,
    }


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
    changed("openmetrics", ("# EOF\n", "")),
    changed("openmetrics", ("# TYPE trailseal_logs gauge", "# TYPE trailseal_logs counter")),
    changed("openmetrics", ('{verdict="violation"} 1', '{verdict="violation"} 0')),
]


def faults_are_noticed(run, named):
    for number, (form, change) in enumerate(FAULTS):
        faulty = Run(run.name, run.report, run.formats | {form: change(run)})
        try:
            named[form](faulty)
        except Exception:  # noqa: BLE001 - noticed, whoever noticed it
            continue
        raise Disagreement(f"fault {number} was put into {form}, and its check held")
    return f"{len(FAULTS)} faults noticed"


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
    failed, done = 0, Counter()
    with tempfile.TemporaryDirectory(prefix="trailseal-formats-") as work:
        peers = Peers(shutil.which(args.trailseal) or args.trailseal, "", Path(work))
        try:
            for run in Runs(peers).all():
                named = checks(schemas)
                if run.name == "violation" and not schemas.missing:
                    named["faults"] = lambda run: faults_are_noticed(run, checks(schemas))
                for name, check in named.items():
                    try:
                        said = check(run)
                    except Disagreement as error:
                        failed += 1
                        print(f"FAILED  {run.name}: {name}\n{error}", flush=True)
                    except Exception as error:  # noqa: BLE001 - a parser's own, of any kind
                        failed += 1
                        print(f"FAILED  {run.name}: {name}\n{type(error).__name__}: "
                              f"{str(error)[:1500]}", flush=True)
                    else:
                        done[name] += 1
                        if said and not run.name.startswith("hostile"):
                            print(f"holds   {run.name}: {name}, {said}", flush=True)
        except Disagreement as error:
            print(f"FAILED  {error}", flush=True)
            return 1
    for what in schemas.missing:
        print(f"MISSING {what}: nothing held the format to it", flush=True)
    held = ", ".join(f"{name} {number}" for name, number in done.items())
    print(f"\n{failed} failed; reports held: {held}")
    return 1 if failed or schemas.missing and not args.allow_missing else 0


if __name__ == "__main__":
    sys.exit(main())
