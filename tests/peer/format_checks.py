"""Holds each format of a run report to public parsers and schemas, and to the report itself.

A check takes a run: its report, as JSON says it, and what it was rendered to, by format.
"""

import csv
import io
import json
import re
from collections import Counter
from html.parser import HTMLParser
from xml.etree import ElementTree

from peers import Disagreement


def must(held, what):
    if not held:
        raise Disagreement(what)


def same(what, seen, expected):
    must(seen == expected, f"{what}\n  expected  {expected!r}\n  seen      {seen!r}")


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
    worst_first = sorted(run.findings, key=lambda f: ("violation", "incomplete", "notice").index(
        f["severity"]))
    same("csv: rows", [(row["code"], row["severity"], as_it_was(row["chain"])) for row in rows],
         [(f["code"], f["severity"], f["chain"] or "") for f in worst_first])
    places = {chain["id"]: (chain["account"], chain["region"]) for chain in run.chains}
    for row, finding in zip(rows, worst_first, strict=True):
        if finding["chain"] in places:
            same("csv: place", (row["account"], row["region"]), places[finding["chain"]])
        for name in ("key", "expected", "actual", "start", "end"):
            value = finding[name] or ""
            if value.isprintable() and "\\" not in value:
                same(f"csv: {name}", as_it_was(row[name]), value)
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
    for token, after in zip(tokens, [*tokens[1:], None], strict=True):
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
    must(widths <= {2, 4, 5, 6}, f"markdown: rows of {widths} cells")
    verdict = run.verdict.upper()
    if run.report["exit_status"] == 130:
        verdict = "VIOLATION (INTERRUPTED)" if verdict == "VIOLATION" else "INTERRUPTED"
    same("markdown: its first heading", headings[0], f"CloudTrail integrity: {verdict}")
    open_chains = [id for id, standing in run.standings() if standing != "verified"]
    must(f"Chains not fully proven: {len(open_chains)} of {len(run.chains)}" in headings,
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
    for suite, (id, standing) in zip(suites[1:], run.standings(), strict=True):
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
    explained = {chain["id"]: [i for i in chain["coverage"]
                               if i["state"] in ("violated", "gap", "unreadable")]
                 for chain in run.chains}
    alone = {(chain, "coverage") for chain, open_ones in explained.items()
             if any((chain, i["reason"]) not in found for i in open_ones)}
    alone |= {(c["id"], "coverage") for c in run.chains
              if not c["coverage"] and c["kind"] == "standard"}
    same("junit: coverage fails where no finding accounts for it",
         {pair for pair in bad if pair[1] == "coverage"}, alone)
    total = sum(float(case.get("time")) for case in root.iter("testcase"))
    same("junit: time", f"{total:.3f}", root.get("time"))
    must(max(len(e.text or "") for e in root.iter()) < 70_000, "junit: a long text")
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
        place = result["locations"][0]["physicalLocation"]
        must(":" not in place["artifactLocation"]["uri"], f"sarif: not relative: {place}")
        text = result["message"]["text"].removesuffix(" [cut]")
        must("[" not in text, f"sarif: may be a link: {text[:200]!r}")
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
    for key in (lambda e: e["finding_info"]["uid"], lambda e: e["metadata"]["uid"]):
        same("ocsf: names are each their own", len({key(e) for e in events}), len(events))
    closed = [event for event in events if event["activity_id"] == 3]
    same("ocsf: closed", (len(closed), {e["status_id"] for e in closed}),
         (run.closed, {4} if closed else set()))
    events = [event for event in events if event not in closed]
    kinds = Counter(event["class_uid"] for event in events)
    same("ocsf: events", (kinds[2003], kinds[2004]),
         (1 + len(run.chains), len(run.standing_alone())))
    same("ocsf: codes", [e["unmapped"]["code"] for e in events if e["class_uid"] == 2004],
         [f["code"] for f in run.standing_alone()])
    status = {"verified": 1, "incomplete": 2, "violation": 3}
    seen = [e["compliance"]["status_id"] for e in events if e["class_uid"] == 2003]
    same("ocsf: statuses", seen,
         [status[run.verdict], *(status[standing] for _, standing in run.standings())])
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
    same("asff: names are each their own", len({f["Id"] for f in findings}), len(findings))
    archived = [f for f in findings if f["RecordState"] == "ARCHIVED"]
    same("asff: archived", len(archived), run.closed)
    findings = [f for f in findings if f not in archived]
    status = {"verified": "PASSED", "incomplete": "NOT_AVAILABLE", "violation": "FAILED"}
    seen = [f["Compliance"]["Status"] for f in findings if "Compliance" in f]
    same("asff: statuses", seen,
         [status[run.verdict], *(status[standing] for _, standing in run.standings())])
    same("asff: findings", [f["ProductFields"]["trailseal/code"] for f in findings
                            if "Compliance" not in f],
         [f["code"] for f in run.standing_alone()])
    must(all(f["CreatedAt"] <= f["UpdatedAt"] for f in findings), "asff: created after its update")
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
    common = {(s.labels.get("source"), s.labels.get("filter"))
              for family in families.values() for s in family.samples}
    same("openmetrics: one source and filter", len(common), 1)
    must(None not in {source for source, _ in common}, "openmetrics: a series without a source")
    must(len(seen) >= 75, "openmetrics: a sample for every code and severity")
    same("openmetrics: coverage",
         {state: n for (state,), n in samples("trailseal_coverage_seconds", "state").items()},
         run.report["totals"]["coverage_seconds"])
    same("openmetrics: standings",
         {pair for pair, held in samples("trailseal_chain_verdict", "chain", "verdict").items()
          if held} if run.chains else set(), set(run.standings()))
    must(all(family.documentation for family in families.values()), "openmetrics: no HELP")
    return f"{sum(len(f.samples) for f in families.values())} samples"


def checks(schemas):
    from format_consumers import check_intoto, check_oscal  # which needs this module itself

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
        "oscal": check_oscal,
        "intoto": check_intoto,
        "openmetrics": check_openmetrics,
    }
