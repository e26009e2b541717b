//! The report as JUnit XML, for CI servers and their dashboards.
//!
//! The names stay from run to run: a suite for the run itself and one for each chain, named by its
//! id; in each chain's suite a test for each code, and `coverage`. A test passes where nothing of
//! its kind was found. A violation is a failure; what could not be checked is an error, so that
//! neither counts as passed. Notices stand in the output of a test that passed. Where log files were
//! not read, as asked, the tests of their codes are skipped. The run's suite holds its `verdict`,
//! and a test for each code that was found of no chain in particular.
//!
//! XML 1.0 cannot hold most controls, nor U+FFFE and U+FFFF: they are shown escaped.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::shared::{self, number, shown};
use super::standing::{Grades, lacks_time};
use super::words::{duration, span, statement, title};
use super::{ChainReport, RunReport, Verdict};
use crate::model::ChainKind;
use crate::verify::{Code, CoverageState, Finding, Severity};

/// What became of a test.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    Skipped,
    Failure,
    Error,
}

struct Test {
    name: &'static str,
    outcome: Outcome,
    /// What kind of failure it is.
    kind: &'static str,
    /// In a sentence.
    message: String,
    /// In full; of a test that passed, what it is worth knowing.
    text: String,
}

struct Suite {
    name: String,
    properties: Vec<(&'static str, String)>,
    tests: Vec<Test>,
}

/// Writes the report.
///
/// # Errors
/// When the output cannot be written.
pub fn render(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    let grades = Grades::new(report);
    let mut suites = vec![of_run(report, &grades)];
    suites.extend(report.chains.iter().map(|chain| of_chain(report, &grades, chain)));
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
        .write_inner_content(|writer| suites.iter().try_for_each(|s| suite(report, s, writer)))?;
    let mut out = writer.into_inner();
    out.write_all(b"\n")?;
    out.flush()
}

/// How many tests there are, failures, errors and those that were skipped.
fn counts<'a>(tests: impl Iterator<Item = &'a Test> + Clone) -> [String; 4] {
    let of = |outcome| tests.clone().filter(move |t| t.outcome == outcome).count().to_string();
    let total = tests.clone().count().to_string();
    [total, of(Outcome::Failure), of(Outcome::Error), of(Outcome::Skipped)]
}

// ---- what is tested ----------------------------------------------------------------------

fn of_run(report: &RunReport, grades: &Grades<'_>) -> Suite {
    let outcome = match report.verdict {
        Verdict::Verified => Outcome::Passed,
        Verdict::Violation => Outcome::Failure,
        Verdict::Incomplete => Outcome::Error,
    };
    let verdict = Test {
        name: "verdict",
        outcome,
        kind: report.verdict.as_str(),
        message: statement(report),
        text: report.not_proven.iter().map(|said| shown(said) + "\n").collect(),
    };
    let elsewhere: Vec<_> = grades.elsewhere().collect();
    let codes = Code::ALL.iter().map(|code| of_code(*code, &elsewhere, true));
    let found = codes.filter(|test| test.outcome != Outcome::Skipped);
    let sources = report.scope.sources.iter().map(|source| ("source", shown(source)));
    let time = |time: Option<jiff::Timestamp>| time.map_or("-".to_owned(), |t| t.to_string());
    let facts = [
        ("version", shown(&report.tool.version)),
        ("started", report.started.to_string()),
        ("finished", report.finished.to_string()),
        ("start", time(report.scope.start)),
        ("end", time(report.scope.end)),
        ("verdict", report.verdict.to_string()),
        ("exit_status", report.exit_status.to_string()),
    ];
    Suite {
        name: "run".to_owned(),
        properties: facts.into_iter().chain(sources).collect(),
        tests: [verdict].into_iter().chain(found).collect(),
    }
}

fn of_chain(report: &RunReport, grades: &Grades<'_>, chain: &ChainReport) -> Suite {
    let findings = grades.of(&chain.id);
    let codes = Code::ALL.iter().map(|code| {
        let unread = !report.scope.logs && code.as_str().starts_with("log-");
        of_code(*code, findings, unread)
    });
    let (digests, logs) = (chain.digests, chain.logs);
    let counted = |c: super::Counts| {
        format!("{} valid, {} invalid, {} unchecked", c.valid, c.invalid, c.unchecked)
    };
    Suite {
        name: chain.id.to_string(),
        properties: vec![
            ("title", title(&chain.id)),
            ("account", chain.account.to_string()),
            ("region", chain.region.to_string()),
            ("trail", shown(&chain.trail)),
            ("verdict", grades.standing(chain).to_string()),
            ("digests", counted(digests)),
            ("logs", counted(logs)),
        ],
        tests: [coverage(chain)].into_iter().chain(codes).collect(),
    }
}

fn coverage(chain: &ChainReport) -> Test {
    let mut outcome = Outcome::Passed;
    let (mut text, mut seconds) = (String::new(), BTreeMap::<_, i64>::new());
    for interval in &chain.coverage {
        match interval.state {
            CoverageState::Violated => outcome = Outcome::Failure,
            CoverageState::Gap | CoverageState::Unreadable if outcome == Outcome::Passed => {
                outcome = Outcome::Error;
            }
            _ => {}
        }
        let window = interval.window;
        *seconds.entry(interval.state).or_default() += window.seconds();
        let reason = interval.reason.map_or("", |code| code.as_str());
        let line =
            format!("{} {} {reason}", span(window.start, window.end), interval.state.as_str());
        text += line.trim_end();
        text.push('\n');
    }
    if lacks_time(chain) {
        outcome = Outcome::Error;
        text += "no moment of the requested time is accounted for\n";
    } else if chain.coverage.is_empty() && chain.kind == ChainKind::Backfill {
        text += "a backfill chain claims no time of its own\n";
    }
    let of = |state: CoverageState| {
        Some(format!("{} {}", duration(*seconds.get(&state)?), state.as_str()))
    };
    let states: Vec<_> = CoverageState::ALL.into_iter().filter_map(of).collect();
    let kind = if outcome == Outcome::Failure { "violated" } else { "not-proven" };
    let message = if states.is_empty() { "none".to_owned() } else { states.join(", ") };
    Test { name: "coverage", outcome, kind, message, text }
}

/// The test of one code over these findings; without any it passes, or is skipped.
fn of_code(code: Code, findings: &[&Finding], skip: bool) -> Test {
    let found: Vec<_> = findings.iter().copied().filter(|f| f.code == code).collect();
    let of = |severity| number(found.iter().copied(), severity) > 0;
    let outcome = match found.is_empty() {
        true if skip => Outcome::Skipped,
        true => Outcome::Passed,
        false if of(Severity::Violation) => Outcome::Failure,
        false if of(Severity::Incomplete) => Outcome::Error,
        false => Outcome::Passed,
    };
    let worst = found.iter().max_by_key(|f| (f.severity, std::cmp::Reverse(f.start)));
    let more = match found.len() {
        0 | 1 => String::new(),
        n => format!(" (and {} more)", n - 1),
    };
    let message = match worst {
        None => "log files were not checked, as asked (--no-logs)".to_owned(),
        Some(worst) => shown(&worst.message) + &more,
    };
    let mut text = String::new();
    for finding in &found {
        text += &format!("{}: {}\n", finding.severity.as_str(), shared::told(finding));
    }
    if outcome != Outcome::Passed && !found.is_empty() {
        text += &format!("what to do: {}\n", code.remedy());
    }
    Test { name: code.as_str(), outcome, kind: code.as_str(), message, text }
}

// ---- XML ---------------------------------------------------------------------------------

type Xml<'a> = Writer<BufWriter<&'a mut dyn Write>>;

/// What the escapes of [`shown`] leave and XML still cannot hold.
fn holdable(text: &str) -> String {
    text.replace('\u{fffe}', "\\u{fffe}").replace('\u{ffff}', "\\u{ffff}")
}

fn suite(report: &RunReport, suite: &Suite, writer: &mut Xml<'_>) -> io::Result<()> {
    let [total, failures, errors, skipped] = counts(suite.tests.iter());
    let name = holdable(&suite.name);
    let started = report.started.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    writer
        .create_element("testsuite")
        .with_attribute(("name", &*name))
        .with_attribute(("tests", &*total))
        .with_attribute(("failures", &*failures))
        .with_attribute(("errors", &*errors))
        .with_attribute(("skipped", &*skipped))
        .with_attribute(("timestamp", &*started))
        .write_inner_content(|writer| {
            writer.create_element("properties").write_inner_content(|writer| {
                suite.properties.iter().try_for_each(|(name, value)| {
                    writer
                        .create_element("property")
                        .with_attribute(("name", *name))
                        .with_attribute(("value", &*holdable(value)))
                        .write_empty()
                        .map(drop)
                })
            })?;
            suite.tests.iter().try_for_each(|t| test(&name, t, writer))
        })
        .map(drop)
}

fn test(suite: &str, test: &Test, writer: &mut Xml<'_>) -> io::Result<()> {
    let element = writer
        .create_element("testcase")
        .with_attribute(("name", test.name))
        .with_attribute(("classname", suite));
    let (message, text) = (holdable(&test.message), holdable(&test.text));
    let text = BytesText::new(&text);
    let inner = match test.outcome {
        Outcome::Passed if test.text.is_empty() => return element.write_empty().map(drop),
        Outcome::Passed => "system-out",
        Outcome::Skipped => "skipped",
        Outcome::Failure => "failure",
        Outcome::Error => "error",
    };
    element
        .write_inner_content(|writer| {
            let element = writer.create_element(inner);
            match test.outcome {
                Outcome::Passed => element.write_text_content(text),
                Outcome::Skipped => element.with_attribute(("message", &*message)).write_empty(),
                Outcome::Failure | Outcome::Error => element
                    .with_attribute(("type", test.kind))
                    .with_attribute(("message", &*message))
                    .write_text_content(text),
            }
            .map(drop)
        })
        .map(drop)
}
