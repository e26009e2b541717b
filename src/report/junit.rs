//! The report as JUnit XML, for CI servers and their dashboards.
//!
//! The names stay from run to run: a suite for the run itself and one for each chain, named by its
//! id; in each chain's suite a test for each code, and `coverage`. A test passes where nothing of
//! its kind was found. A violation is a failure; what could not be checked is an error, so that
//! neither counts as passed. Notices stand in the output of a test that passed. Where log files were
//! not read, as asked, the tests of their codes are skipped. The run's suite holds its `verdict`,
//! and a test for each code that was found of no chain in particular.
//!
//! What is found fails one test, that of its code. `coverage` fails only for time that no such test
//! accounts for (the finding may be another chain's); where one does, it is skipped and says which.
//! `verdict` fails besides, so that one test stands for the whole run: its text lists the tests that
//! failed.
//!
//! No text is longer than [`TEXT`] bytes: what is left out is counted. The time of the run is that
//! of `verdict`; single tests take no time of their own.
//!
//! XML 1.0 cannot hold most controls, nor U+FFFE and U+FFFF: they are shown escaped.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufWriter, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::chain_verdicts::{ChainVerdicts, FINDINGS_OF_A_CODE, RANGES, lacks_time};
use super::finding_text::{count_severity, describe_finding, escaped, truncated};
use super::run::INTERRUPTED;
use super::wording::{counted, duration, span, statement, title};
use super::{ChainReport, RunReport, Verdict};
use crate::model::ChainKind;
use crate::verify::{Code, CoverageState, Finding, Severity};

/// The longest text of one test; parsers refuse a text of ten million bytes.
pub const TEXT: usize = 64 << 10;
/// The longest message of one test, which dashboards show in a line.
const MESSAGE: usize = 2 << 10;
/// The suite of the run itself; chains' ids hold slashes.
const RUN: &str = "run";
const VERDICT: &str = "verdict";
const NO_TIME: &str = "0.000";
/// Tests that failed, as the verdict lists them.
const FAILED: usize = 100;

/// Outcome of a test.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TestOutcome {
    Passed,
    Skipped,
    Failure,
    Error,
}

struct TestCase {
    name: &'static str,
    outcome: TestOutcome,
    /// Kind of failure.
    kind: &'static str,
    /// In a sentence.
    message: String,
    /// In full; of a test that passed, what it is worth knowing.
    text: String,
}

struct TestSuite {
    name: String,
    properties: Vec<(&'static str, String)>,
    tests: Vec<TestCase>,
}

/// Writes the report.
///
/// # Errors
/// When the output cannot be written.
pub fn render(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    let verdicts = ChainVerdicts::new(report);
    let chains: Vec<_> = report.chains.iter().map(|c| of_chain(report, &verdicts, c)).collect();
    let suites: Vec<_> = [of_run(report, &verdicts, &chains)].into_iter().chain(chains).collect();
    let tests = || suites.iter().flat_map(|suite| &suite.tests);
    let mut writer = Writer::new_with_indent(BufWriter::new(out), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let [total, failures, errors, _] = counts(tests());
    writer
        .create_element("testsuites")
        .with_attribute(("name", "trailseal"))
        .with_attribute(("tests", &*total))
        .with_attribute(("failures", &*failures))
        .with_attribute(("errors", &*errors))
        .with_attribute(("time", &*time(report)))
        .write_inner_content(|writer| suites.iter().try_for_each(|s| suite(report, s, writer)))?;
    let mut out = writer.into_inner();
    out.write_all(b"\n")?;
    out.flush()
}

/// Seconds that the run took.
fn time(report: &RunReport) -> String {
    let took = report.finished.as_millisecond() - report.started.as_millisecond();
    let took = took.max(0);
    format!("{}.{:03}", took / 1000, took % 1000)
}

/// Numbers of tests, failures, errors and skipped tests.
fn counts<'a>(tests: impl Iterator<Item = &'a TestCase> + Clone) -> [String; 4] {
    let of = |outcome| tests.clone().filter(move |t| t.outcome == outcome).count().to_string();
    let total = tests.clone().count().to_string();
    [total, of(TestOutcome::Failure), of(TestOutcome::Error), of(TestOutcome::Skipped)]
}

// ---- what is tested ----------------------------------------------------------------------

fn of_run(report: &RunReport, verdicts: &ChainVerdicts<'_>, chains: &[TestSuite]) -> TestSuite {
    let outcome = match report.verdict {
        Verdict::Verified => TestOutcome::Passed,
        Verdict::Violation => TestOutcome::Failure,
        Verdict::Incomplete => TestOutcome::Error,
    };
    let elsewhere: Vec<_> = verdicts.elsewhere().collect();
    let codes = Code::ALL.iter().map(|code| of_code(*code, &elsewhere, true));
    let found: Vec<_> = codes.filter(|test| test.outcome != TestOutcome::Skipped).collect();
    let own = found.iter().map(|test| (RUN, test));
    let of_chains = chains.iter().flat_map(|s| s.tests.iter().map(|test| (&*s.name, test)));
    let (failures, errors, lines) = failed(own.chain(of_chains));
    let unproven: String = report.not_proven.iter().map(|said| escaped(said) + "\n").collect();
    let interrupted = match report.exit_status {
        INTERRUPTED => "The run was interrupted: what it did not reach is not proven. ",
        _ => "",
    };
    let numbers = match (report.verdict, failures, errors) {
        (Verdict::Verified, ..) | (_, 0, 0) => String::new(),
        _ => format!(
            " {}, {}.",
            counted(failures, "test failed", "tests failed"),
            counted(errors, "could not be decided", "could not be decided")
        ),
    };
    let verdict = TestCase {
        name: VERDICT,
        outcome,
        kind: report.verdict.as_str(),
        message: format!("{interrupted}{}{numbers}", statement(report)),
        text: lines + &unproven,
    };
    let sources = report.scope.sources.iter().map(|source| ("source", escaped(source)));
    let time = |time: Option<jiff::Timestamp>| time.map_or("-".to_owned(), |t| t.to_string());
    let facts = [
        ("version", escaped(&report.tool.version)),
        ("started", report.started.to_string()),
        ("finished", report.finished.to_string()),
        ("start", time(report.scope.start)),
        ("end", time(report.scope.end)),
        ("verdict", report.verdict.to_string()),
        ("exit_status", report.exit_status.to_string()),
    ];
    TestSuite {
        name: RUN.to_owned(),
        properties: facts.into_iter().chain(sources).collect(),
        tests: [verdict].into_iter().chain(found).collect(),
    }
}

/// Numbers of tests that failed and that could not be decided, and a line for each of those, the
/// failures first.
fn failed<'a>(tests: impl Iterator<Item = (&'a str, &'a TestCase)>) -> (u64, u64, String) {
    let (mut failures, mut errors) = (Vec::new(), Vec::new());
    for (suite, test) in tests {
        let line = || format!("{suite}: {}: {}\n", test.name, truncated(&test.message, 300));
        match test.outcome {
            TestOutcome::Failure => failures.push(line()),
            TestOutcome::Error => errors.push(line()),
            TestOutcome::Passed | TestOutcome::Skipped => {}
        }
    }
    let numbers = (failures.len() as u64, errors.len() as u64);
    let lines: Vec<_> = failures.into_iter().chain(errors).collect();
    let more = match lines.len().saturating_sub(FAILED) {
        0 => String::new(),
        more => format!("and {}\n", counted(more as u64, "more test", "more tests")),
    };
    (numbers.0, numbers.1, lines.into_iter().take(FAILED).collect::<String>() + &more)
}

fn of_chain(report: &RunReport, verdicts: &ChainVerdicts<'_>, chain: &ChainReport) -> TestSuite {
    let findings = verdicts.of(&chain.id);
    let codes = Code::ALL.iter().map(|code| {
        let unread = !report.scope.logs && code.as_str().starts_with("log-");
        of_code(*code, findings, unread)
    });
    let codes: Vec<_> = codes.collect();
    let (digests, logs) = (chain.digests, chain.logs);
    let counted = |c: super::Counts| {
        format!("{} valid, {} invalid, {} unchecked", c.valid, c.invalid, c.unchecked)
    };
    TestSuite {
        name: chain.id.to_string(),
        properties: vec![
            ("title", title(&chain.id)),
            ("account", chain.account.to_string()),
            ("region", chain.region.to_string()),
            ("trail", escaped(&chain.trail)),
            ("verdict", verdicts.standing(chain).to_string()),
            ("digests", counted(digests)),
            ("logs", counted(logs)),
        ],
        tests: [coverage(chain, &codes)].into_iter().chain(codes).collect(),
    }
}

/// The test of a chain's time, beside those of its codes.
fn coverage(chain: &ChainReport, codes: &[TestCase]) -> TestCase {
    let fails = |code: &Code| {
        codes.iter().any(|test| {
            test.name == code.as_str()
                && matches!(test.outcome, TestOutcome::Failure | TestOutcome::Error)
        })
    };
    let mut outcome = TestOutcome::Passed;
    let (mut lines, mut seconds) = (Vec::new(), BTreeMap::<_, i64>::new());
    let mut accounted = BTreeSet::new();
    for interval in &chain.coverage {
        let worst = match interval.state {
            CoverageState::Violated => TestOutcome::Failure,
            CoverageState::Gap | CoverageState::Unreadable => TestOutcome::Error,
            _ => TestOutcome::Passed,
        };
        match interval.reason.filter(fails) {
            Some(code) if worst != TestOutcome::Passed => drop(accounted.insert(code.as_str())),
            _ if outcome != TestOutcome::Failure && worst != TestOutcome::Passed => outcome = worst,
            _ => {}
        }
        let window = interval.window;
        *seconds.entry(interval.state).or_default() += window.seconds();
        let reason = interval.reason.map_or("", |code| code.as_str());
        let line =
            format!("{} {} {reason}", span(window.start, window.end), interval.state.as_str());
        lines.push(line.trim_end().to_owned() + "\n");
    }
    let mut text = listed(&lines, RANGES, "interval", "intervals");
    if lacks_time(chain) {
        outcome = TestOutcome::Error;
        text += "no digest covers any of the requested time\n";
    } else if chain.coverage.is_empty() && chain.kind == ChainKind::Backfill {
        text += "a backfill chain covers no time of its own\n";
    }
    let of = |state: CoverageState| {
        Some(format!("{} {}", duration(*seconds.get(&state)?), state.as_str()))
    };
    let states: Vec<_> = CoverageState::ALL.into_iter().filter_map(of).collect();
    let kind = if outcome == TestOutcome::Failure { "violated" } else { "not-proven" };
    let mut message = if states.is_empty() { "none".to_owned() } else { states.join(", ") };
    if outcome == TestOutcome::Passed && !accounted.is_empty() {
        outcome = TestOutcome::Skipped;
        let codes: Vec<_> = accounted.into_iter().collect();
        message += &format!("; see {}", codes.join(", "));
    }
    TestCase { name: "coverage", outcome, kind, message, text }
}

/// The first of these lines, and how many more there are.
fn listed(lines: &[String], most: usize, one: &str, many: &str) -> String {
    let mut text: String = lines.iter().take(most).map(String::as_str).collect();
    if lines.len() > most {
        let more = (lines.len() - most) as u64;
        text += &format!(
            "and {} in the JSON report\n",
            counted(more, &format!("more {one}"), &format!("more {many}"))
        );
    }
    text
}

/// The test of one code over these findings; without any it passes, or is skipped.
fn of_code(code: Code, findings: &[&Finding], skip: bool) -> TestCase {
    let found: Vec<_> = findings.iter().copied().filter(|f| f.code == code).collect();
    let of = |severity| count_severity(found.iter().copied(), severity) > 0;
    let outcome = match found.is_empty() {
        true if skip => TestOutcome::Skipped,
        true => TestOutcome::Passed,
        false if of(Severity::Violation) => TestOutcome::Failure,
        false if of(Severity::Incomplete) => TestOutcome::Error,
        false => TestOutcome::Passed,
    };
    let worst = found.iter().min_by_key(|f| (Reverse(f.severity), f.start));
    let more = match found.len() {
        0 | 1 => String::new(),
        n => format!(" (and {} more)", n - 1),
    };
    let message = match worst {
        None => "log files were not checked (--no-logs)".to_owned(),
        Some(worst) => escaped(&worst.message) + &more,
    };
    let told = |finding: &&Finding| {
        format!("{}: {}\n", finding.severity.as_str(), describe_finding(finding))
    };
    let mut worst_first = found.clone();
    worst_first.sort_by_key(|finding| Reverse(finding.severity));
    let mut lines: Vec<_> = worst_first.iter().take(FINDINGS_OF_A_CODE).map(told).collect();
    lines.resize(found.len(), String::new());
    let mut text = listed(&lines, FINDINGS_OF_A_CODE, "finding", "findings");
    if outcome != TestOutcome::Passed && !found.is_empty() {
        text += &format!("what to do: {}\n", code.remedy());
    }
    TestCase { name: code.as_str(), outcome, kind: code.as_str(), message, text }
}

// ---- XML ---------------------------------------------------------------------------------

type Xml<'a> = Writer<BufWriter<&'a mut dyn Write>>;

/// Escapes characters that [`shown`] keeps but XML does not allow.
fn holdable(text: &str, limit: usize) -> String {
    truncated(text, limit).replace('\u{fffe}', "\\u{fffe}").replace('\u{ffff}', "\\u{ffff}")
}

fn suite(report: &RunReport, suite: &TestSuite, writer: &mut Xml<'_>) -> io::Result<()> {
    let [total, failures, errors, skipped] = counts(suite.tests.iter());
    let name = holdable(&suite.name, TEXT);
    let took = if suite.name == RUN { time(report) } else { NO_TIME.to_owned() };
    let started = report.started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    writer
        .create_element("testsuite")
        .with_attribute(("name", &*name))
        .with_attribute(("tests", &*total))
        .with_attribute(("failures", &*failures))
        .with_attribute(("errors", &*errors))
        .with_attribute(("skipped", &*skipped))
        .with_attribute(("time", &*took))
        .with_attribute(("timestamp", &*started))
        .write_inner_content(|writer| {
            writer.create_element("properties").write_inner_content(|writer| {
                suite.properties.iter().try_for_each(|(name, value)| {
                    writer
                        .create_element("property")
                        .with_attribute(("name", *name))
                        .with_attribute(("value", &*holdable(value, MESSAGE)))
                        .write_empty()
                        .map(drop)
                })
            })?;
            suite.tests.iter().try_for_each(|t| {
                let took = if t.name == VERDICT { &*took } else { NO_TIME };
                test(&name, t, took, writer)
            })
        })
        .map(drop)
}

fn test(suite: &str, test: &TestCase, took: &str, writer: &mut Xml<'_>) -> io::Result<()> {
    let element = writer
        .create_element("testcase")
        .with_attribute(("name", test.name))
        .with_attribute(("classname", suite))
        .with_attribute(("time", took));
    let (message, text) = (holdable(&test.message, MESSAGE), holdable(&test.text, TEXT));
    let text = BytesText::new(&text);
    let inner = match test.outcome {
        TestOutcome::Passed if test.text.is_empty() => return element.write_empty().map(drop),
        TestOutcome::Passed => "system-out",
        TestOutcome::Skipped => "skipped",
        TestOutcome::Failure => "failure",
        TestOutcome::Error => "error",
    };
    element
        .write_inner_content(|writer| {
            let element = writer.create_element(inner);
            match test.outcome {
                TestOutcome::Passed => element.write_text_content(text),
                TestOutcome::Skipped => {
                    element.with_attribute(("message", &*message)).write_empty()
                }
                TestOutcome::Failure | TestOutcome::Error => element
                    .with_attribute(("type", test.kind))
                    .with_attribute(("message", &*message))
                    .write_text_content(text),
            }
            .map(drop)
        })
        .map(drop)
}
