//! The machine formats of a report, over reports built by hand: what they say agrees with the
//! report, nothing from a bucket steers whoever reads them, and an output that fails is an error.
//!
//! `TRAILSEAL_BLESS=1 cargo test --test formats` rewrites the committed text. Public schemas and
//! parsers are held against in `tests/peer/formats.py`.

// Helpers outside of test functions may stop the test too.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Value, json};
use trailseal::internals::model::text::is_steering;
use trailseal::internals::report::run::INTERRUPTED;
use trailseal::internals::report::text::TextOptions;
use trailseal::internals::report::{Format, RunReport, Verdict};
use trailseal::internals::verify::{Code, CoverageState, Finding, Severity};

use crate::common::samples::{all, hostile, incomplete, many, report, violation};
use crate::common::snapshot::assert_snapshot;

/// The formats that this file holds.
const MACHINE: [Format; 11] = [
    Format::Csv,
    Format::CoverageCsv,
    Format::Markdown,
    Format::Junit,
    Format::Sarif,
    Format::Ocsf,
    Format::Asff,
    Format::Ndjson,
    Format::Oscal,
    Format::InToto,
    Format::OpenMetrics,
];

/// Each would do something where it is put unescaped: to a spreadsheet, a page, a document, a line.
const TRICKS: [&str; 16] = [
    "=cmd|'/c calc'!A0",
    "\"=1+1",
    "a;=1+1",
    "+1\t-1",
    "\r\n@SUM(1)",
    "]]></failure><testcase name=\"x\"/>&amp;\u{fffe}\u{ffff}\u{1}",
    "\"} 1\ntrailseal_run_verdict{verdict=\"verified\"} 1\n# EOF\\",
    "`` ` ``` | [x](http://evil.example) ![i](//evil.example/x.png) <b onclick=x> @someone",
    "www.evil.example me@evil.example #1 **bold** _it_ ~~s~~ \\",
    "\n\n# VERIFIED\n\n- x\n\n---\n",
    "[click](http://evil.example) {0} {name}",
    "../../etc/passwd",
    "//evil.example/x",
    "a%2fb?c#d",
    " ",
    "\\u{1b}|\\|",
];

fn render(report: &RunReport, format: Format) -> String {
    let mut out = Vec::new();
    format.render(report, &mut out, TextOptions::default()).unwrap();
    String::from_utf8(out).unwrap()
}

fn parsed(report: &RunReport, format: Format) -> Value {
    serde_json::from_str(&render(report, format)).unwrap()
}

fn lines(report: &RunReport) -> Vec<Value> {
    let text = render(report, Format::Ndjson);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The metrics, and the labels that all of them carry, without those.
fn metrics(report: &RunReport) -> (String, String) {
    let text = render(report, Format::OpenMetrics);
    let (_, rest) = text.split_once("\ntrailseal_tool_info{").unwrap();
    let common = rest.split_once(",version=\"").unwrap().0.to_owned();
    for sample in text.lines().filter(|line| !line.starts_with('#')) {
        let labels = sample.split_once('{').unwrap().1;
        assert!(labels.starts_with(&common), "{sample}");
    }
    let text = text.replace(&format!("{{{common},"), "{").replace(&format!("{{{common}}}"), "");
    (text, common)
}

/// The rows below the head, by the names of their columns.
fn table(report: &RunReport, format: Format) -> Vec<BTreeMap<String, String>> {
    let text = render(report, format);
    csv::Reader::from_reader(text.as_bytes()).deserialize().map(Result::unwrap).collect()
}

/// The samples under another text wherever a bucket, a copy or a command line may put one.
fn tricked(text: &str) -> RunReport {
    let mut value = serde_json::to_value(violation()).unwrap();
    for finding in value["findings"].as_array_mut().unwrap() {
        for field in ["bucket", "key", "message", "expected", "actual", "referenced_by"] {
            finding[field] = json!(text);
        }
        finding["events"] = json!([{
            "role": "candidate", "event": text, "time": "2023-07-10T10:00:00Z", "by": text,
            "from": text, "id": text, "region": text, "bucket": text, "key": text,
        }]);
    }
    value["scope"]["sources"] = json!([text]);
    for filter in ["accounts", "regions", "trails"] {
        value["scope"][filter] = json!([text]);
    }
    value["scope"]["accepted_gaps"] = json!([{
        "start": "2023-07-10T18:00:00Z", "end": "2023-07-10T20:00:00Z", "reason": text, "used": true,
    }]);
    value["ran_by"] = json!({"operator": text, "identity": text});
    value["tool"] = json!({"name": text, "version": text});
    value["keys"][0]["source"] = json!(text);
    value["not_proven"] = json!([text]);
    for chain in value["chains"].as_array_mut().unwrap() {
        chain["prefix"] = json!(text);
        chain["trail"] = json!(text);
    }
    RunReport::decode(&serde_json::to_vec(&value).unwrap()).unwrap()
}

fn interrupted(mut report: RunReport) -> RunReport {
    report.exit_status = INTERRUPTED;
    report
}

/// A chain that claims time, no moment of which is accounted for.
fn unaccounted() -> RunReport {
    let mut chain = incomplete().chains[0].clone();
    chain.coverage.clear();
    report(vec![chain], vec![])
}

/// A report as XML elements: name, attributes, and the text right inside.
fn elements(xml: &str) -> Vec<(String, BTreeMap<String, String>, String)> {
    let of = |start: &BytesStart<'_>| {
        let attributes = start.attributes().map(|a| {
            let a = a.unwrap();
            let value = std::str::from_utf8(&a.value).unwrap();
            let value = quick_xml::escape::unescape(value).unwrap().into_owned();
            (String::from_utf8(a.key.0.to_vec()).unwrap(), value)
        });
        (String::from_utf8(start.name().0.to_vec()).unwrap(), attributes.collect(), String::new())
    };
    let mut reader = Reader::from_str(xml);
    let (mut all, mut open, mut found) = (Vec::new(), Vec::new(), false);
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                open.push(all.len());
                all.push(of(&start));
                found = true;
            }
            Event::Empty(start) => all.push(of(&start)),
            Event::End(_) => drop(open.pop().unwrap()),
            Event::Text(text) => {
                if let Some(at) = open.last() {
                    all[*at].2 += &text.decode().unwrap();
                }
            }
            Event::GeneralRef(name) => {
                let text = format!("&{};", name.decode().unwrap());
                all[*open.last().unwrap()].2 += &quick_xml::escape::unescape(&text).unwrap();
            }
            Event::Decl(_) => assert!(!found),
            Event::Eof => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(open.is_empty());
    all
}

// ---- as committed ------------------------------------------------------------------------

#[test]
fn formats_are_as_committed() {
    for format in MACHINE {
        let ending = format.endings()[0];
        assert_snapshot(&format!("violation{ending}"), &render(&violation(), format));
    }
    let few = [Format::Markdown, Format::Junit, Format::OpenMetrics, Format::CoverageCsv];
    for format in few {
        let ending = format.endings()[0];
        assert_snapshot(&format!("incomplete{ending}"), &render(&incomplete(), format));
    }
}

#[test]
fn the_same_report_gives_the_same_bytes_also_once_saved() {
    for (name, report) in all() {
        let saved = RunReport::decode(render(&report, Format::Json).as_bytes()).unwrap();
        for format in MACHINE {
            let (first, later) = (render(&report, format), render(&saved, format));
            assert_eq!(first, later, "{name} {}", format.as_str());
        }
    }
}

#[test]
fn a_report_that_lists_a_chain_twice_is_refused() {
    let mut report = violation();
    report.chains.push(report.chains[0].clone());
    let error = RunReport::decode(render(&report, Format::Json).as_bytes()).unwrap_err();
    assert!(error.to_string().ends_with("management_events@us-east-1 is listed twice"), "{error}");
}

/// Formats add up what chains count to.
#[test]
fn a_report_that_counts_beyond_all_bounds_is_refused() {
    let huge: [fn(&mut RunReport); 4] = [
        |r| r.chains[0].digests.valid = u64::MAX,
        |r| r.totals.logs.listed.invalid = u64::MAX,
        |r| r.totals.bytes_read = u64::MAX,
        |r| r.totals.coverage_seconds.values_mut().for_each(|seconds| *seconds = i64::MIN),
    ];
    for count in huge {
        let mut report = violation();
        count(&mut report);
        let json = serde_json::to_vec(&report).unwrap();
        let error = RunReport::decode(&json).unwrap_err();
        assert!(error.to_string().contains("impossibly large"), "{error}");
    }
}

// ---- the verdict -------------------------------------------------------------------------

/// How each chain stands, told by the JSON lines.
fn standings(report: &RunReport) -> Vec<String> {
    let chains = lines(report).into_iter().filter(|line| line["type"] == "chain");
    chains.map(|line| line["standing"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_format_has_the_verdict_of_the_run() {
    let more = [
        ("interrupted", interrupted(incomplete())),
        ("interrupted after a violation", interrupted(violation())),
    ];
    for (name, report) in all().into_iter().chain(more) {
        let verdict = report.verdict;
        let stopped = report.exit_status == INTERRUPTED;

        let first = &lines(&report)[0];
        assert_eq!(first["verdict"], verdict.as_str(), "{name}");
        assert_eq!(first["exit_status"], report.exit_status, "{name}");

        let markdown = render(&report, Format::Markdown);
        let word = verdict.as_str().to_uppercase();
        let word = match verdict {
            Verdict::Violation if stopped => format!("{word} (INTERRUPTED)"),
            _ if stopped => "INTERRUPTED".to_owned(),
            _ => word,
        };
        let head = format!("# CloudTrail integrity: {word}\n");
        assert!(markdown.starts_with(&head), "{name}");

        let xml = elements(&render(&report, Format::Junit));
        let at = xml.iter().position(|(_, a, _)| {
            a.get("name").is_some_and(|n| n == "verdict")
                && a.get("classname").is_some_and(|n| n == "run")
        });
        let below = &xml[at.unwrap() + 1].0;
        match verdict {
            Verdict::Verified => assert!(!["failure", "error"].contains(&&**below), "{name}"),
            Verdict::Violation => assert_eq!(below, "failure", "{name}"),
            Verdict::Incomplete => assert_eq!(below, "error", "{name}"),
        }
        let [failures, errors] = ["failures", "errors"].map(|n| xml[0].1[n] == "0");
        let outcome = match verdict {
            Verdict::Verified => (true, true),
            Verdict::Violation => (false, errors),
            Verdict::Incomplete => (true, false),
        };
        assert_eq!((failures, errors), outcome, "{name}");

        let sarif = parsed(&report, Format::Sarif);
        let invocation = &sarif["runs"][0]["invocations"][0];
        let successful = verdict != Verdict::Incomplete && !stopped;
        assert_eq!(invocation["executionSuccessful"], successful, "{name}");
        assert_eq!(invocation["exitCode"], report.exit_status, "{name}");
        assert_eq!(invocation["startTimeUtc"], report.started.to_string(), "{name}");

        let ocsf = parsed(&report, Format::Ocsf);
        let status = match verdict {
            Verdict::Verified => 1,
            Verdict::Incomplete => 2,
            Verdict::Violation => 3,
        };
        assert_eq!(ocsf[0]["compliance"]["status_id"], status, "{name}");

        let asff = parsed(&report, Format::Asff);
        let status = match verdict {
            Verdict::Verified => "PASSED",
            Verdict::Incomplete => "NOT_AVAILABLE",
            Verdict::Violation => "FAILED",
        };
        assert_eq!(asff[0]["Compliance"]["Status"], status, "{name}");

        let (metrics, _) = metrics(&report);
        for other in [Verdict::Verified, Verdict::Violation, Verdict::Incomplete] {
            let sample = format!(
                "\ntrailseal_run_verdict{{verdict=\"{other}\"}} {}\n",
                u8::from(other == verdict)
            );
            assert_eq!(metrics.matches(&sample).count(), 1, "{name} {other}");
        }
        let status = format!("\ntrailseal_run_exit_status {}\n", report.exit_status);
        assert!(metrics.contains(&status), "{name}");
    }
}

#[test]
fn chains_stand_alike_in_every_format() {
    for (name, report) in all().into_iter().chain([("unaccounted", unaccounted())]) {
        let standings = standings(&report);
        assert_eq!(standings.len(), report.chains.len());
        let (ocsf, asff) = (parsed(&report, Format::Ocsf), parsed(&report, Format::Asff));
        let (metrics, _) = metrics(&report);
        let metrics: BTreeSet<_> = metrics.lines().collect();
        let xml = elements(&render(&report, Format::Junit));
        let suites: Vec<_> = xml.iter().filter(|(e, ..)| e == "testsuite").skip(1).collect();
        for (at, (chain, standing)) in report.chains.iter().zip(&standings).enumerate() {
            let (ocsf, asff, suite) = (&ocsf[at + 1], &asff[at + 1], &suites[at].1);
            assert_eq!(ocsf["unmapped"]["chain"], chain.id.to_string());
            assert_eq!(asff["ProductFields"]["trailseal/chain"], chain.id.to_string());
            assert_eq!(suite["name"], chain.id.to_string());
            let clean = (suite["failures"] == "0", suite["errors"] == "0");
            let expected = match standing.as_str() {
                "verified" => ("Pass", "PASSED", (true, true)),
                "violation" => ("Fail", "FAILED", (false, clean.1)),
                _ => ("Warning", "NOT_AVAILABLE", (true, false)),
            };
            let seen = (
                ocsf["compliance"]["status"].as_str().unwrap(),
                asff["Compliance"]["Status"].as_str().unwrap(),
                clean,
            );
            assert_eq!(seen, expected, "{name} {}", chain.id);
            let why = ocsf["compliance"]["status_details"].is_array();
            assert_eq!(why, standing != "verified", "{name}: reasons are told");
            assert_eq!(asff["Compliance"]["StatusReasons"].is_array(), why, "{name}");
            let open = format!("verdict=\"{standing}\"}} 1");
            let id = chain.id.to_string().replace('\\', "\\\\");
            let sample = format!("trailseal_chain_verdict{{chain=\"{id}\",{open}");
            assert!(metrics.contains(&*sample), "{name} {sample}");
        }
    }
}

// ---- counts ------------------------------------------------------------------------------

fn of(report: &RunReport, severity: Severity) -> usize {
    report.findings.iter().filter(|f| f.severity == severity).count()
}

#[test]
fn counts_agree_with_the_report() {
    for (name, report) in all() {
        let findings = report.findings.len();
        let violations = of(&report, Severity::Violation);
        let rows = table(&report, Format::Csv);
        assert_eq!(rows.len(), findings, "{name}");
        let mut worst_first: Vec<_> = report.findings.iter().collect();
        worst_first.sort_by_key(|finding| Reverse(finding.severity));
        for (row, finding) in rows.iter().zip(worst_first) {
            assert_eq!(row["code"], finding.code.as_str());
            assert_eq!(row["severity"], finding.severity.as_str());
            assert_eq!(row["chain"].is_empty(), finding.chain.is_none());
            if let Some(chain) = &finding.chain {
                let seen = [&row["account"], &row["region"], &row["trail"]];
                let place =
                    [chain.place.account.as_str(), chain.region.as_str(), chain.trail.as_str()];
                assert_eq!(seen, place, "{name}");
            }
        }

        let results = parsed(&report, Format::Sarif)["runs"][0]["results"].clone();
        let results = results.as_array().unwrap();
        for (severity, level) in [
            (Severity::Violation, "error"),
            (Severity::Incomplete, "warning"),
            (Severity::Notice, "note"),
        ] {
            let number = results.iter().filter(|r| r["level"] == level).count();
            assert_eq!(number, of(&report, severity), "{name} {level}");
        }

        let chains = report.chains.len();
        let ocsf = parsed(&report, Format::Ocsf);
        let number =
            |class| ocsf.as_array().unwrap().iter().filter(|e| e["class_uid"] == class).count();
        let listed: BTreeSet<_> = report.chains.iter().map(|chain| &chain.id).collect();
        let homeless = report.findings.iter().filter(|f| {
            let listed = f.chain.as_ref().is_some_and(|id| listed.contains(id));
            f.severity == Severity::Incomplete && !listed
        });
        let alone = violations + homeless.count();
        assert_eq!([number(2003), number(2004)], [chains + 1, alone], "{name}");
        let asff = parsed(&report, Format::Asff);
        assert_eq!(asff.as_array().unwrap().len(), 1 + chains + alone, "{name}");

        let lines = lines(&report);
        let number = |kind| lines.iter().filter(|line| line["type"] == kind).count();
        let intervals = report.chains.iter().map(|c| c.coverage.len()).sum::<usize>();
        assert_eq!(
            ["run", "chain", "coverage", "key", "finding", "not_proven", "end"].map(number),
            [1, chains, intervals, report.keys.len(), findings, report.not_proven.len(), 1],
            "{name}"
        );

        let (metrics, _) = metrics(&report);
        let value = |line: &str| line.rsplit_once(' ').unwrap().1.parse::<usize>().unwrap();
        let samples: Vec<_> =
            metrics.lines().filter(|l| l.starts_with("trailseal_findings{")).collect();
        assert_eq!(samples.len(), 3 * Code::ALL.len());
        assert_eq!(samples.iter().map(|l| value(l)).sum::<usize>(), findings, "{name}");
        assert!(metrics.ends_with("\n# EOF\n"));
    }
}

#[test]
fn every_moment_of_coverage_is_in_the_table_and_the_metrics() {
    for (name, report) in all() {
        let rows = table(&report, Format::CoverageCsv);
        let alone = report.chains.iter().filter(|c| c.coverage.is_empty()).count();
        let intervals = report.chains.iter().map(|c| c.coverage.len()).sum::<usize>();
        assert_eq!(rows.len(), intervals + alone, "{name}");
        let (metrics, _) = metrics(&report);
        for state in CoverageState::ALL {
            let of = rows.iter().filter(|row| row["state"] == state.as_str());
            let seconds = of.map(|row| row["seconds"].parse::<i64>().unwrap()).sum::<i64>();
            assert_eq!(seconds, report.totals.coverage_seconds[&state], "{name}");
            let line =
                format!("\ntrailseal_coverage_seconds{{state=\"{}\"}} {seconds}\n", state.as_str());
            assert!(metrics.contains(&line), "{name} {line}");
        }
        for chain in &report.chains {
            let id = chain.id.to_string();
            assert!(rows.iter().any(|row| row["account"] == chain.account.as_str()), "{id}");
        }
    }
    let (_, verified) = &all()[0];
    let rows = table(verified, Format::CoverageCsv);
    let backfill = rows.iter().find(|row| row["kind"] == "backfill").unwrap();
    assert_eq!((&*backfill["state"], &*backfill["reason"]), ("none", "backfill"));
    let rows = table(&unaccounted(), Format::CoverageCsv);
    assert_eq!((&*rows[0]["state"], &*rows[0]["reason"]), ("none", "unaccounted"));
    let (metrics, _) = metrics(&unaccounted());
    let until = metrics.lines().find(|l| l.starts_with("trailseal_chain_proven_until")).unwrap();
    assert!(until.ends_with("\"} 0"), "{until}");
}

#[test]
fn junit_counts_what_it_holds() {
    for (name, report) in all() {
        let xml = elements(&render(&report, Format::Junit));
        let number = |element: &str| xml.iter().filter(|(e, ..)| e == element).count().to_string();
        let root = &xml[0].1;
        assert_eq!(xml[0].0, "testsuites");
        for (attribute, element) in
            [("tests", "testcase"), ("failures", "failure"), ("errors", "error")]
        {
            assert_eq!(root[attribute], number(element), "{name} {element}");
            let sum: usize = xml
                .iter()
                .filter(|(e, ..)| e == "testsuite")
                .map(|(_, a, _)| a[attribute].parse::<usize>().unwrap())
                .sum();
            assert_eq!(root[attribute], sum.to_string(), "{name} {attribute}");
        }
        // The tests of a chain are the same in every run.
        let mut tests: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (_, attributes, _) in xml.iter().filter(|(e, ..)| e == "testcase") {
            tests.entry(&attributes["classname"]).or_default().push(&attributes["name"]);
        }
        let names: Vec<_> =
            ["coverage"].into_iter().chain(Code::ALL.iter().map(|c| c.as_str())).collect();
        for chain in &report.chains {
            assert_eq!(tests[&*chain.id.to_string()], names, "{name}");
        }
        let told: String = xml.iter().map(|(_, _, text)| text.as_str()).collect();
        // The first twenty of a code in a chain are told; hostile text makes 25.
        let mut seen = BTreeMap::<_, usize>::new();
        for finding in &report.findings {
            let number = seen.entry((&finding.chain, finding.code)).or_default();
            *number += 1;
            let message = trailseal::internals::model::Printable(&finding.message).to_string();
            assert_eq!(told.contains(&message), *number <= 20, "{name}: {message}");
        }
        let skipped = xml.iter().filter(|(_, a, _)| {
            a.get("message").is_some_and(|message| message.contains("--no-logs"))
        });
        let none = report.scope.logs || report.chains.is_empty();
        assert_eq!(skipped.count() == 0, none, "{name}");
    }
}

#[test]
fn the_last_line_tells_that_the_lines_are_whole() {
    for (_, report) in all() {
        let lines = lines(&report);
        let (first, last) = (&lines[0], &lines[lines.len() - 1]);
        assert_eq!((&last["type"], &last["lines"]), (&json!("end"), &json!(lines.len())));
        for line in &lines {
            assert_eq!(line["schema"], "trailseal.lines/1");
            assert_eq!(line["run"], first["run"]);
            assert_eq!(line["time"], report.finished.to_string());
        }
    }
    assert_ne!(lines(&violation())[0]["run"], lines(&incomplete())[0]["run"]);
}

#[test]
fn a_clean_run_has_no_results() {
    let chain = all()[0].1.chains[2].clone();
    let report = report(vec![chain], vec![]);
    let run = parsed(&report, Format::Sarif)["runs"][0].clone();
    assert_eq!(run["results"], json!([]));
    assert_eq!(run["tool"]["driver"]["rules"].as_array().unwrap().len(), Code::ALL.len());
    assert!(run["invocations"][0]["toolExecutionNotifications"].is_null());
    assert!(table(&report, Format::Csv).is_empty());
}

/// What GitHub's documentation asks of a file, which it otherwise refuses as a whole.
#[test]
fn code_scanning_takes_the_file() {
    let nowhere = |sources: &[&str]| {
        let mut report = report(vec![], vec![Finding::new(Code::NoDigests, "Nothing.")]);
        report.scope.sources = sources.iter().map(|s| (*s).to_owned()).collect();
        report
    };
    let more = [
        ("a bucket", nowhere(&["s3://b/some where/"])),
        ("elsewhere", nowhere(&["../copy"])),
        ("nothing", nowhere(&[])),
    ];
    let mut hashes = BTreeSet::new();
    for (name, report) in all().into_iter().chain(more) {
        let run = parsed(&report, Format::Sarif)["runs"][0].clone();
        for rule in run["tool"]["driver"]["rules"].as_array().unwrap() {
            assert!(!rule["fullDescription"]["text"].as_str().unwrap().is_empty(), "{name}");
        }
        for result in run["results"].as_array().unwrap() {
            let place = &result["locations"][0]["physicalLocation"];
            let uri = place["artifactLocation"]["uri"].as_str().unwrap();
            assert!(!uri.is_empty() && !uri.contains(':'), "{name}: {uri}");
            assert_eq!(place["region"]["startLine"], 1, "{name}");
            let hash = result["partialFingerprints"]["primaryLocationLineHash"].as_str().unwrap();
            let (hex, number) = hash.split_once(':').unwrap();
            assert!(hex.len() == 16 && number.parse::<u32>().unwrap() > 0, "{name}: {hash}");
            hashes.insert((name, uri.to_owned(), hash.to_owned()));
        }
        let id = run["automationDetails"]["id"].as_str().unwrap();
        assert_eq!(id.split('/').count(), 3, "{name}: {id}");
    }
    let uri = |report: &RunReport| {
        let sarif = parsed(report, Format::Sarif);
        let place = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
        place["artifactLocation"]["uri"].as_str().unwrap().to_owned()
    };
    assert_eq!(uri(&nowhere(&["s3://b/some where/"])), "b/some%20where");
    assert_eq!(uri(&nowhere(&["../copy"])), "AWSLogs");
    assert_eq!(uri(&nowhere(&[])), "AWSLogs");
    let findings: usize = all().iter().map(|(_, report)| report.findings.len()).sum();
    assert_eq!(hashes.len(), findings + 3);
}

#[test]
#[ignore = "slow: 25,000 findings, without optimisation"]
fn more_results_than_code_scanning_takes_are_cut_from_the_mild_end_and_counted() {
    let of = |code: Code, number: usize| {
        (0..number).map(move |n| Finding::new(code, "x").object(Some("b"), format!("{n}")))
    };
    let findings: Vec<_> =
        of(Code::ObjectUnknown, 20).chain(of(Code::LogMissing, 24_990)).collect();
    let report = report(vec![], findings);
    let run = parsed(&report, Format::Sarif)["runs"][0].clone();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 25_000);
    let errors = results.iter().filter(|r| r["level"] == "error").count();
    assert_eq!(errors, 24_990);
    let notices = run["invocations"][0]["toolExecutionNotifications"].to_string();
    assert!(notices.contains("10 findings are omitted"), "{notices}");
}

#[test]
fn runs_over_two_sources_share_no_series_and_no_category() {
    let other = |change: &dyn Fn(&mut RunReport)| {
        let mut report = violation();
        change(&mut report);
        report
    };
    let reports = [
        violation(),
        other(&|r| r.scope.sources = vec!["evidence/2023-08".into()]),
        other(&|r| r.scope.accounts = vec!["111122223333".into()]),
        other(&|r| r.scope.regions = vec!["eu-west-1".into()]),
    ];
    let labels: BTreeSet<_> = reports.iter().map(|report| metrics(report).1).collect();
    assert_eq!(labels.len(), reports.len(), "{labels:?}");
    assert!(labels.contains("source=\"evidence/2023-07\",filter=\"account=111122223333\""));
    let category = |report: &RunReport| {
        let sarif = parsed(report, Format::Sarif);
        let id = sarif["runs"][0]["automationDetails"]["id"].as_str().unwrap().to_owned();
        id.rsplit_once('/').unwrap().0.to_owned()
    };
    let categories: BTreeSet<_> = reports.iter().map(category).collect();
    assert_eq!(categories.len(), reports.len(), "{categories:?}");
    let later = other(&|r| r.finished += jiff::SignedDuration::from_secs(9));
    assert_eq!(category(&later), category(&violation()));
}

/// node_exporter's textfile collector knows counters, gauges and the like, and no `info`.
#[test]
fn metrics_use_types_that_both_text_formats_have() {
    for (name, report) in all() {
        let text = render(&report, Format::OpenMetrics);
        for line in text.lines().filter(|line| line.starts_with("# TYPE")) {
            assert!(line.ends_with(" gauge"), "{name}: {line}");
        }
    }
}

/// An account whose every log file is gone must not make a file that parsers refuse.
#[test]
fn no_text_of_junit_is_beyond_what_parsers_take_and_what_is_left_out_is_counted() {
    let mut report = violation();
    let finding = report.findings.iter().find(|f| f.code == Code::LogMissing).unwrap().clone();
    for n in 0..30_000 {
        let mut finding = finding.clone();
        finding.key.as_mut().unwrap().push_str(&n.to_string());
        report.findings.push(finding);
    }
    let long = tricked(&"x".repeat(100_000));
    for report in [&report, &long] {
        for (element, attributes, text) in elements(&render(report, Format::Junit)) {
            assert!(
                text.len() <= trailseal::internals::report::junit::TEXT,
                "{element}: {}",
                text.len()
            );
            assert!(attributes.values().all(|value| value.len() < 70_000), "{element}");
        }
    }
    let xml = render(&report, Format::Junit);
    assert!(xml.len() < 200_000, "{}", xml.len());
    assert!(xml.contains("and 29,982 more findings in the JSON report"), "{xml}");
}

/// One cause is one failure, and the verdict says which tests failed.
#[test]
fn a_finding_fails_one_test_and_the_verdict_lists_it() {
    let report = violation();
    let xml = elements(&render(&report, Format::Junit));
    let failing: BTreeSet<_> = report
        .findings
        .iter()
        .filter(|f| f.severity == Severity::Violation)
        .map(|f| (f.chain.clone(), f.code))
        .collect();
    assert_eq!(xml[0].1["failures"], (failing.len() + 1).to_string());
    let at = xml.iter().position(|(element, a, _)| element == "testcase" && a["name"] == "verdict");
    let (_, attributes, text) = &xml[at.unwrap() + 1];
    assert!(attributes["message"].contains("3 tests failed, 1 could not be decided"));
    for (chain, code) in failing {
        let line = format!("{}: {}: ", chain.unwrap(), code.as_str());
        assert!(text.contains(&line), "{text}");
    }
    let coverage =
        xml.iter().find(|(_, a, _)| a.get("message").is_some_and(|m| m.contains("; see ")));
    let message = &coverage.unwrap().1["message"];
    assert!(message.ends_with("see chain-gap, digest-modified, log-missing"), "{message}");
    // Where no finding of the chain accounts for it, its coverage fails.
    let mut alone = violation();
    alone.findings.clear();
    let xml = elements(&render(&alone, Format::Junit));
    assert_eq!(xml[0].1["failures"], "2");
    let stopped = elements(&render(&interrupted(incomplete()), Format::Junit));
    let said = stopped.iter().filter_map(|(_, a, _)| a.get("message"));
    assert!(said.clone().any(|m| m.starts_with("The run was interrupted")));
}

#[test]
fn the_time_of_a_run_is_told_once() {
    let xml = elements(&render(&violation(), Format::Junit));
    let of = |element: &str| -> Vec<_> {
        let all = xml.iter().filter(|(name, ..)| name == element);
        all.map(|(_, a, _)| a["time"].parse::<f64>().unwrap()).collect()
    };
    assert_eq!(of("testsuites"), [3.25]);
    assert_eq!(of("testsuite").iter().sum::<f64>(), 3.25);
    assert_eq!(of("testcase").iter().sum::<f64>(), 3.25);
}

// ---- names that last ---------------------------------------------------------------------

#[test]
fn names_of_findings_last_and_are_each_their_own() {
    let names = |report: &RunReport| -> Vec<String> {
        let sarif = parsed(report, Format::Sarif);
        let results = sarif["runs"][0]["results"].as_array().unwrap().clone();
        let name =
            |r: &Value| r["partialFingerprints"]["trailseal/v1"].as_str().unwrap().to_owned();
        results.iter().map(name).collect()
    };
    let mut twice = violation();
    twice.findings.push(twice.findings[5].clone());
    for (name, report) in all().into_iter().chain([("twice", twice)]) {
        let of = names(&report);
        assert_eq!(of.iter().collect::<BTreeSet<_>>().len(), of.len(), "{name}");
        let ids = |format, pointer: &str| -> Vec<String> {
            let all = parsed(&report, format);
            let id = |v: &Value| v.pointer(pointer).unwrap().as_str().unwrap().to_owned();
            all.as_array().unwrap().iter().map(id).collect()
        };
        for ids in [ids(Format::Asff, "/Id"), ids(Format::Ocsf, "/finding_info/uid")] {
            let unique: BTreeSet<_> = ids.iter().collect();
            assert_eq!(unique.len(), ids.len(), "{name}");
        }
    }
    // A later run that words it otherwise, and misses one of them, names the rest the same.
    let mut later = violation();
    later.started = later.finished;
    let before = names(&later);
    later.findings.remove(0);
    for finding in &mut later.findings {
        finding.message = "Otherwise.".into();
    }
    assert_eq!(names(&later), before[1..]);
}

// ---- hostile text ------------------------------------------------------------------------

fn hostile_reports() -> impl Iterator<Item = (String, RunReport)> {
    let tricks = TRICKS.iter().map(|text| (format!("{text:?}"), tricked(text)));
    [("hostile".to_owned(), hostile())].into_iter().chain(tricks)
}

#[test]
fn no_format_holds_a_character_that_steers() {
    for (name, report) in hostile_reports() {
        for format in MACHINE {
            let text = render(&report, format);
            let allowed = |c| c == '\n' || c == '\r' && format.as_str().contains("csv");
            let steering = text.chars().find(|c| is_steering(*c) && !allowed(*c));
            assert_eq!(steering, None, "{name} {}", format.as_str());
        }
    }
}

#[test]
fn no_cell_is_a_formula_and_no_row_is_another() {
    for (name, report) in hostile_reports() {
        for format in [Format::Csv, Format::CoverageCsv] {
            let text = render(&report, format);
            assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "{name}");
            let rows = text.split("\r\n").count() - 2;
            assert_eq!(table(&report, format).len(), rows, "{name}");
            for (column, cell) in table(&report, format).into_iter().flatten() {
                for part in cell.split(';') {
                    let bare = part.trim_start_matches(['"', ' ']);
                    let formula = bare.starts_with(['=', '+', '-', '@', '\t', '\r']);
                    assert!(!formula, "{name} {column}: {cell}");
                }
            }
        }
    }
}

#[test]
fn hostile_text_changes_no_structure() {
    // A text that does nothing gives the shape that every other must have.
    let plain = tricked("plain");
    let shape = |report: &RunReport| -> Vec<String> {
        elements(&render(report, Format::Junit)).into_iter().map(|(name, ..)| name).collect()
    };
    let metrics = |report: &RunReport| render(report, Format::OpenMetrics).lines().count();
    let markdown = |report: &RunReport| {
        let text = render(report, Format::Markdown);
        let begin = |line: &str| line.chars().take_while(|c| "#-| ".contains(*c)).collect();
        let bars = |line: &str| line.replace("\\|", "").matches('|').count();
        text.lines().map(|line| (begin(line), bars(line))).collect::<Vec<(String, usize)>>()
    };
    for text in TRICKS.iter().filter(|text| !text.trim().is_empty()) {
        let report = tricked(text);
        assert_eq!(shape(&report), shape(&plain), "{text:?}");
        assert_eq!(metrics(&report), metrics(&plain), "{text:?}");
        let (seen, expected) = (markdown(&report), markdown(&plain));
        let lines =
            |of: &[(String, usize)]| of.iter().map(|(begin, _)| begin.clone()).collect::<Vec<_>>();
        assert_eq!(lines(&seen), lines(&expected), "{text:?}");
        let tables = |of: &[(String, usize)]| -> Vec<usize> {
            of.iter().filter(|(begin, _)| begin.starts_with('|')).map(|(_, bars)| *bars).collect()
        };
        assert_eq!(tables(&seen), tables(&expected), "{text:?}");
    }
}

#[test]
fn what_xml_cannot_hold_is_shown() {
    let xml = render(&tricked("a\u{fffe}b\u{ffff}c\u{1}d"), Format::Junit);
    let holdable = |c: char| c == '\n' || ('\u{20}'..='\u{fffd}').contains(&c) || c > '\u{ffff}';
    assert!(xml.chars().all(holdable));
    assert!(xml.contains("a\\u{fffe}b\\u{ffff}c\\u{1}d"));
}

#[test]
fn addresses_lead_nowhere_else() {
    for (name, report) in hostile_reports() {
        let sarif = parsed(&report, Format::Sarif);
        for result in sarif["runs"][0]["results"].as_array().unwrap() {
            let message = result["message"]["text"].as_str().unwrap();
            assert!(!message.contains('['), "{name}: may be a link");
            for places in ["locations", "relatedLocations"] {
                for place in result[places].as_array().into_iter().flatten() {
                    let uri = &place["physicalLocation"]["artifactLocation"]["uri"];
                    let Some(uri) = uri.as_str() else { continue };
                    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/%".contains(c);
                    assert!(uri.chars().all(plain), "{name}: {uri}");
                    assert!(!uri.split('/').any(|part| part == ".."), "{name}: {uri}");
                    assert!(!uri.is_empty() && !uri.starts_with('/'), "{name}: {uri}");
                }
            }
        }
    }
    let sarif = parsed(&violation(), Format::Sarif);
    let uri = &sarif["runs"][0]["results"][1]["locations"][0]["physicalLocation"];
    let uri = uri["artifactLocation"]["uri"].as_str().unwrap();
    assert!(uri.starts_with("audit-logs/security/trail/AWSLogs/o-exampleorgid/"), "{uri}");
}

#[test]
fn security_hub_s_limits_hold() {
    let long = "\u{e9}\u{1b}".repeat(3000);
    let reports = hostile_reports().chain([("long".to_owned(), tricked(&long))]);
    for (name, report) in reports {
        for finding in parsed(&report, Format::Asff).as_array().unwrap() {
            let long =
                |pointer: &str| finding.pointer(pointer).map_or(1, |v| v.as_str().unwrap().len());
            for (pointer, limit) in [
                ("/Id", 512),
                ("/Title", 256),
                ("/Description", 1024),
                ("/GeneratorId", 512),
                ("/Remediation/Recommendation/Text", 512),
            ] {
                assert!((1..=limit).contains(&long(pointer)), "{name} {pointer}");
            }
            let fields = finding["ProductFields"].as_object().unwrap();
            assert!(fields.len() <= 50);
            for (field, value) in fields {
                let value = value.as_str().unwrap();
                assert!(field.len() <= 128 && value.len() <= 2048, "{name} {field}");
                assert!(!value.trim().is_empty(), "{name} {field}");
            }
            let resources = finding["Resources"].as_array().unwrap();
            assert!((1..=32).contains(&resources.len()));
            for resource in resources {
                let id = resource["Id"].as_str().unwrap();
                assert!(!id.trim().is_empty() && id.len() <= 512, "{name}");
            }
            assert!(!finding["Description"].as_str().unwrap().trim().is_empty(), "{name}");
        }
    }
    let asff = parsed(&tricked(&long), Format::Asff);
    let cut = asff[3]["Description"].as_str().unwrap();
    assert!(cut.ends_with(" [cut]"), "{cut}");
}

#[test]
fn a_ticket_stays_short() {
    for report in [many(), tricked(&"=@ ".repeat(10_000))] {
        let text = render(&report, Format::Markdown);
        assert!(text.len() < 100_000, "{}", text.len());
    }
    let text = render(&many(), Format::Markdown);
    assert!(text.contains("## Chains not fully proven: 30 of 1,500\n"), "{text}");
    assert!(text.contains("\n20 more in the JSON report.\n"), "{text}");
}

// ---- outputs that fail -------------------------------------------------------------------

/// A disk with room for so many bytes.
struct Disk(usize);

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_an_error_wherever_it_is_full() {
    let report = violation();
    for format in MACHINE {
        let length = render(&report, format).len();
        for room in [0, 1, 100, length / 2, length - 1] {
            let result = format.render(&report, &mut Disk(room), TextOptions::default());
            let kind = result.unwrap_err().kind();
            assert_eq!(kind, io::ErrorKind::StorageFull, "{} {room}", format.as_str());
        }
        format.render(&report, &mut Disk(length), TextOptions::default()).unwrap();
    }
}
