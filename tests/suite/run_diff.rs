//! `report --diff`: what is new comes first and the worst of it first, then what is repaired, then
//! counts; what is the same is said to be.

use trailseal::internals::model::Window;
use trailseal::internals::model::time::{add, hours};
use trailseal::internals::report::diff::Diff;
use trailseal::internals::report::text::TextOptions;
use trailseal::internals::report::{RunReport, Verdict, markdown};
use trailseal::internals::verify::{Code, CoverageState, Finding, Severity};

use crate::common::samples::{HOSTILE, hostile};
use crate::common::samples::{all, report, violation};

fn sample(name: &str) -> RunReport {
    all().into_iter().find(|(sample, _)| *sample == name).unwrap().1
}

fn diff(old: &RunReport, new: &RunReport) -> Diff {
    Diff::of(("old.json", old.clone()), ("new.json", new.clone()))
}

/// The text and the Markdown form.
fn forms(diff: &Diff) -> [String; 2] {
    let (mut text, mut mark) = (Vec::new(), Vec::new());
    diff.render(&mut text, TextOptions { color: false, width: 80 }).unwrap();
    markdown::render_diff(diff, &mut mark).unwrap();
    [text, mark].map(|form| String::from_utf8(form).unwrap())
}

/// The same report with other findings; its verdict fits them.
fn with(like: &RunReport, findings: Vec<Finding>) -> RunReport {
    report(like.chains.clone(), findings)
}

#[test]
fn the_worst_of_what_is_new_comes_first_in_every_form() {
    let whole = sample("verified");
    let chain = &whole.chains[0];
    let at = |code: Code, hour: i64| {
        let start = add(chain.coverage[0].window.start, hours(hour));
        Finding::new(code, format!("{} was found.", code.as_str()))
            .chain(&chain.id)
            .window(Window::new(start, add(start, hours(1))))
    };
    // By time, what is worst is last.
    let incomplete = at(Code::ObjectUnreadable, 1).severity(Severity::Incomplete);
    let notice = at(Code::LogUncovered, 0).severity(Severity::Notice);
    let new = with(&whole, vec![notice, incomplete, at(Code::LogMissing, 5)]);
    let diff = diff(&with(&whole, vec![]), &new);
    let severities: Vec<_> = diff.findings.new.iter().map(|f| f.severity).collect();
    assert_eq!(severities, [Severity::Violation, Severity::Incomplete, Severity::Notice]);
    let codes: Vec<_> = diff.problems.new.iter().map(|p| p.code).collect();
    assert_eq!(codes, [Code::LogMissing, Code::ObjectUnreadable]);
    for form in forms(&diff) {
        let place = |text: &str| form.find(text).unwrap_or_else(|| panic!("{text}: {form}"));
        assert!(place("2 new problems: 1 log file missing") < place("New problems"), "{form}");
        assert!(place("log-missing") < place("object-unreadable"), "{form}");
        assert!(form.contains("Notices (new): 1"), "{form}");
    }
}

#[test]
fn no_difference_is_said_plainly() {
    for (name, said) in [
        ("verified", "No difference: neither run found a problem."),
        ("violation", "No difference: 4 problems in both runs."),
    ] {
        let run = sample(name);
        let diff = diff(&run, &run);
        assert!(diff.same && diff.findings.new.is_empty() && diff.counts.is_empty());
        for form in forms(&diff) {
            assert!(form.contains(said), "{form}");
            assert!(!form.contains("New problems") && !form.contains("Counts"), "{form}");
        }
    }
    // More was proven, and that is all.
    let (old, mut new) = (sample("verified"), sample("verified"));
    new.totals.digests.valid += 24;
    let diff = diff(&old, &new);
    assert!(!diff.same);
    let [text, mark] = forms(&diff);
    assert!(text.contains("No new problem: neither run found a problem."), "{text}");
    assert!(text.contains("  digests valid   50   74\n"), "{text}");
    assert!(mark.contains("| digests valid | 50 | 74 |"), "{mark}");
}

#[test]
fn repaired_is_only_what_the_newer_run_proves() {
    let (broken, mut whole) = (violation(), violation());
    whole.findings.retain(|f| f.severity == Severity::Notice);
    for interval in &mut whole.chains[1].coverage {
        interval.state = CoverageState::Proven;
        interval.reason = None;
    }
    whole.verdict = Verdict::Verified;
    whole.exit_status = 0;
    let (repaired, mut unproven) = (diff(&broken, &whole), whole.clone());
    assert_eq!(repaired.findings.gone.len(), 0);
    assert_eq!(repaired.findings.repaired.len(), 5);
    let [text, _] = forms(&repaired);
    assert!(text.contains("No new problem; 4 repaired."), "{text}");
    let order = ["\nRepaired (4)\n", "\nCounts\n"].map(|heading| text.find(heading));
    assert!(order.is_sorted() || order[1].is_none(), "{text}");
    // The chain is not in the newer run any more.
    unproven.chains.truncate(1);
    let gone = diff(&broken, &unproven);
    assert_eq!((gone.findings.repaired.len(), gone.findings.gone.len()), (0, 5));
    let [text, mark] = forms(&gone);
    for form in [text, mark] {
        assert!(form.contains("No longer found, but not proven repaired"), "{form}");
        assert!(form.contains("Missing chains (1): "), "{form}");
        assert!(!form.contains("Repaired"), "{form}");
    }
}

#[test]
fn hostile_texts_stay_texts() {
    let [text, mark] = forms(&diff(&sample("verified"), &hostile()));
    for form in [text, mark] {
        assert!(!form.contains(HOSTILE));
        let steers = |c: char| c.is_control() && c != '\n' || matches!(c, '\u{202e}' | '\u{200b}');
        assert!(!form.contains(steers), "{form:?}");
        assert!(!form.lines().any(|line| line.starts_with("VERIFIED")), "{form}");
    }
}
