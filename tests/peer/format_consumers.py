"""The programs that read the formats of reports, run as they are: what they refuse is a failure.

Prometheus's textfile collector and promtool, and Microsoft's SARIF Multitool with the rules that
it has for GitHub's code scanning. All take files, so this works on those that formats.py writes.
"""

import hashlib
import json
import re
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections import Counter
from pathlib import Path

from format_checks import must, same
from peers import Disagreement

MULTITOOL = "@microsoft/sarif-multitool-linux@5.7.0"
EDITED = ("SARIF2001", "SARIF2005", "GH1018")  # rules on the program's name and version
SECONDS = 120  # that a program may take


def run(command, **more):
    return subprocess.run([str(part) for part in command], capture_output=True, check=False,
                          timeout=SECONDS, **more)


# ---- Prometheus --------------------------------------------------------------------------

SERIES = re.compile(r"^(trailseal_\w+)\{(.*)\} (\S+)$")


def series(text):
    """The samples of trailseal: name and labels to value. An empty label is an absent one."""
    found = {}
    for line in text.splitlines():
        match = SERIES.match(line)
        if match:
            name, labels, value = match.groups()
            pairs = re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', labels)
            key = name, frozenset(pair for pair in pairs if pair[1])
            must(key not in found, f"prometheus: two samples of {key}")
            found[key] = float(value)
    return found


def promtool(run_of):
    """The file is what promtool takes for the text that a server scrapes."""
    done = run(["promtool", "check", "metrics"], input=run_of.formats["openmetrics"])
    must(done.returncode == 0 and not done.stderr.strip(),
         f"promtool: exit status {done.returncode}: {(done.stdout + done.stderr).decode()[:1000]}")
    return "nothing to say"


class TextfileCollector:
    """A node_exporter over a directory, on a port of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.log = tempfile.TemporaryFile("w+")

    def __enter__(self):
        for port in range(19101, 19121):
            self.url = f"http://127.0.0.1:{port}/metrics"
            self.process = subprocess.Popen(
                ["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}",
                 "--collector.disable-defaults", "--collector.textfile",
                 f"--collector.textfile.directory={self.folder}"],
                stdout=self.log, stderr=subprocess.STDOUT)
            for _ in range(100):
                if self.process.poll() is not None:
                    break
                try:
                    self.scrape()
                    return self
                except OSError:
                    time.sleep(0.1)
            self.__exit__()
        raise Disagreement(f"node_exporter does not start\n{self.said()}")

    def scrape(self):
        with urllib.request.urlopen(self.url, timeout=10) as answer:
            return answer.read().decode("utf-8")

    def said(self):
        self.log.seek(0)
        return self.log.read()[-3000:]

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(10)


def node_exporter(runs, work):
    """All reports lie in one directory of the textfile collector, and none hides another."""
    folder = work / "textfiles"
    folder.mkdir()
    expected = {}
    for one in runs:
        (folder / f"{one.name}.prom").write_bytes(one.formats["openmetrics"])
        own = series(one.formats["openmetrics"].decode("utf-8"))
        shared = expected.keys() & own.keys()
        must(not shared, f"node_exporter: {one.name} shares {sorted(map(str, shared))[:2]}")
        expected |= own
    with TextfileCollector(folder) as exporter:
        text = exporter.scrape()
        errors = re.findall(r"^node_textfile_scrape_error (\S+)$", text, re.M)
        same(f"node_exporter: errors\n{exporter.said()}", errors, ["0"])
        seen = series(text)
        lost = expected.keys() - seen.keys()
        must(not lost, f"node_exporter: lost {len(lost)}: {sorted(map(str, lost))[:2]}\n"
                       f"{exporter.said()}")
        same("node_exporter: values", {key: seen[key] for key in expected}, expected)
        violated = {dict(labels)["source"] for (name, labels), value in seen.items()
                    if name == "trailseal_run_verdict" and value == 1
                    and dict(labels)["verdict"] == "violation"}
        # The collector has to have been asked: a file that it cannot read is an error.
        (folder / "broken.prom").write_text("# TYPE x info\nx_info 1\n", encoding="ascii")
        must("node_textfile_scrape_error 1" in exporter.scrape(),
             "node_exporter: a broken file was no error")
    return f"{len(expected)} series of {len(runs)} files, {len(violated)} of them in violation"


# ---- SARIF -------------------------------------------------------------------------------


def multitool(work):
    """The SARIF Multitool, out of its npm package."""
    folder = work / "multitool"
    folder.mkdir()
    done = run(["npm", "pack", "--silent", MULTITOOL], cwd=folder)
    must(done.returncode == 0, f"npm: {done.stderr.decode()[-1000:]}")
    (archive,) = folder.glob("*.tgz")
    shutil.unpack_archive(archive, folder)
    program = folder / "package" / "Sarif.Multitool"
    program.chmod(0o755)
    return program


def code_scanning(runs, work, program):
    """Every SARIF file passes the validator's own rules and those for GitHub's code scanning."""
    folder = work / "sarif"
    folder.mkdir()
    for one in runs:
        (folder / f"{one.name}.sarif").write_bytes(one.formats["sarif"])
    fault = json.loads(runs[0].formats["sarif"])
    del fault["runs"][0]["tool"]["driver"]["rules"][0]["fullDescription"]
    (folder / "fault.sarif").write_text(json.dumps(fault), encoding="utf-8")
    output = work / "sarif-validation.json"
    done = run([program, "validate", folder / "*.sarif", "--rule-kind", "Sarif;Ghas",
                "--level", "Error;Warning", "--output", output, "--log", "ForceOverwrite"],
               env={"PATH": "/usr/bin:/bin", "HOME": str(work),
                    "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"})
    must(output.exists(), f"multitool: {(done.stdout + done.stderr).decode()[-2000:]}")
    (report,) = json.loads(output.read_text(encoding="utf-8-sig"))["runs"]
    said = {}
    for result in report.get("results", []):
        file = result["locations"][0]["physicalLocation"]["artifactLocation"]
        if "uri" not in file:
            file = report["artifacts"][file["index"]]["location"]
        arguments = result["message"].get("arguments") or [result["message"].get("text", "")]
        text = f"{result['ruleId']} {' '.join(arguments)[:160]}"
        name = Path(file["uri"]).name
        # The program has no public address to name (the id is spelled so). Its name and version are hostile only where a
        # saved report was edited.
        if "nformationUri" in result["message"].get("id", ""):
            continue
        if name.startswith("hostile") and result["ruleId"] in EDITED:
            continue
        said.setdefault(name, []).append(text)
    must(said.pop("fault.sarif", None), "multitool: a fault was put into a file, and it said nothing")
    must(not said, f"multitool: {({name: texts[:3] for name, texts in said.items()})}")
    return f"{len(runs)} files without a warning"


# ---- objects, by the engines that read Parquet -------------------------------------------


def object_tables(run_of):
    """Apache Arrow and DuckDB read from the Parquet file what the JSON lines say, row for row."""
    import duckdb
    import pyarrow.parquet

    lines = run_of.objects["jsonl"].read_text(encoding="utf-8").splitlines()
    objects = [json.loads(line) for line in lines]
    file = run_of.objects["parquet"]
    table = pyarrow.parquet.read_table(file)
    same("pyarrow: rows", table.to_pylist(), objects)
    written = pyarrow.parquet.read_metadata(file).created_by
    must(written.startswith("trailseal version "), f"parquet: written by {written}")
    query = "SELECT * FROM read_parquet(?)"
    with duckdb.connect() as engine:
        found = engine.execute(query, [str(file)])
        names = [column[0] for column in found.description]
        rows = [dict(zip(names, row)) for row in found.fetchall()]
        same("duckdb: rows", rows, objects)
        # The table of the guide, which counts by result.
        counted = dict(engine.execute(f"SELECT result, count(*) FROM ({query}) GROUP BY result",
                                      [str(file)]).fetchall())
    same("duckdb: counted", counted, Counter(one["result"] for one in objects))
    return f"{len(rows)} rows"


# ---- OSCAL and in-toto, by the libraries of those who keep them --------------------------


def check_oscal(run_of):
    """Compliance-trestle's model of the format, and what the file says of the run."""
    from trestle.oscal.assessment_results import Model

    Model.model_validate_json(run_of.formats["oscal"])
    seen = re.findall(r'"uuid": "([^"]+)"', run_of.formats["oscal"].decode("utf-8"))
    same("oscal: uuids are each their own", len(set(seen)), len(seen))
    document = run_of.json("oscal")["assessment-results"]
    (result,) = document["results"]
    resources = {f"#{resource['uuid']}" for resource in document["back-matter"]["resources"]}
    must(document["import-ap"]["href"] in resources, "oscal: the plan is nowhere")
    items = {item["uuid"] for item in result.get("local-definitions", {}).get(
        "inventory-items", [])}
    same("oscal: items", len(items), len(run_of.chains))
    observations = result["observations"]
    same("oscal: observations", len(observations),
         1 + len(run_of.chains) + len(run_of.findings))
    subjects = {subject["subject-uuid"] for one in observations
                for subject in one.get("subjects", [])}
    must(subjects <= items, "oscal: a subject that is no item")
    related = {one["observation-uuid"] for one in result["findings"][0]["related-observations"]}
    must(related <= {one["uuid"] for one in observations}, "oscal: observations that are nowhere")
    same("oscal: what weighs", len(related) - 1,
         run_of.number("violation") + run_of.number("incomplete"))
    state = result["findings"][0]["target"]["status"]["state"]
    same("oscal: state", state, "satisfied" if run_of.verdict == "verified" else "not-satisfied")
    codes = [prop["value"] for one in observations for prop in one["props"]
             if prop["name"] == "code"]
    same("oscal: codes", codes, [finding["code"] for finding in run_of.findings])
    return f"{len(observations)} observations"


def check_intoto(run_of):
    """The in-toto attestation library's types, and the hash of the report."""
    from google.protobuf import json_format
    from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
    from in_toto_attestation.v1 import statement, statement_pb2

    proto = json_format.Parse(run_of.formats["intoto"], statement_pb2.Statement())
    statement.Statement.copy_from_pb(proto).validate()
    told = run_of.json("intoto")
    same("intoto: type", told["predicateType"],
         "https://in-toto.io/attestation/test-result/v0.1")
    predicate = json_format.ParseDict(told["predicate"], test_result_pb2.TestResult())
    same("intoto: subject", told["subject"][0]["digest"]["sha256"],
         hashlib.sha256(run_of.saved).hexdigest())
    verified = run_of.verdict == "verified"
    same("intoto: result", predicate.result, "PASSED" if verified else "FAILED")
    tests = {name: True for name in predicate.passed_tests}
    tests |= {name: False for name in predicate.failed_tests}
    same("intoto: nothing is warned of", list(predicate.warned_tests), [])
    listed = {chain["id"] for chain in run_of.chains}
    expected = {"verdict": verified} | {id: standing == "verified"
                                        for id, standing in run_of.standings()}
    expected |= {f["code"]: False for f in run_of.findings
                 if f["chain"] not in listed and f["severity"] != "notice"}
    same("intoto: tests", tests, expected)
    return f"{len(tests)} tests"


def needed():
    """What is not installed of what this module runs."""
    return [program for program in ("promtool", "prometheus-node-exporter", "npm")
            if shutil.which(program) is None]


# ---- all ---------------------------------------------------------------------------------


def check_together(runs, work):
    """Checks that want the files of all runs; gives what each says."""
    yield "node_exporter", lambda: node_exporter(distinct(runs), work)
    yield "code scanning", lambda: code_scanning(runs, work, multitool(work))


def distinct(runs):
    """One run of each source and filter, as a machine that verifies several sources has them."""
    found = {}
    for one in runs:
        scope = one.report["scope"]
        found.setdefault(json.dumps([scope[name] for name in
                                     ("sources", "accounts", "regions", "trails")]), one)
    return list(found.values())
