//! Reports built by hand, held to the schema, to committed text, and to safety on a terminal.
//!
//! `TRAILSEAL_BLESS=1 cargo test --test report` rewrites the committed text.

// Helpers outside of test functions may stop the test too.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use trailseal::internals::model::Printable;
use trailseal::internals::model::text::is_steering;
use trailseal::internals::report::json::{self, SCHEMA_JSON};
use trailseal::internals::report::run::SCHEMA;
use trailseal::internals::report::text::{self, TextOptions};
use trailseal::internals::report::{LogCounts, RunReport};
use trailseal::internals::verify::{Code, Finding, Severity};

use crate::common::samples::{HOSTILE, all, hostile, incomplete, many, report, violation};
use crate::common::snapshot::assert_snapshot;

fn as_text(report: &RunReport, options: TextOptions) -> String {
    let mut out = Vec::new();
    text::render(report, &mut out, options).unwrap();
    String::from_utf8(out).unwrap()
}

fn as_json(report: &RunReport) -> String {
    let mut out = Vec::new();
    json::render(report, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

// ---- text --------------------------------------------------------------------------------

#[test]
fn text_is_as_committed() {
    // The long ones would be tedious to review; other tests hold what matters of them.
    let reviewed = |name: &str| name != "hostile" && name != "many";
    for (name, report) in all().into_iter().filter(|(name, _)| reviewed(name)) {
        assert_snapshot(&format!("{name}.txt"), &as_text(&report, TextOptions::default()));
    }
    let narrow = TextOptions { width: 60, ..TextOptions::default() };
    assert_snapshot("incomplete-narrow.txt", &as_text(&incomplete(), narrow));
}

#[test]
fn text_without_colour_holds_no_control_but_the_line_feed() {
    for (name, report) in all() {
        for width in [0, 60, 100, usize::MAX] {
            let shown = as_text(&report, TextOptions { color: false, width });
            let steering = shown.chars().find(|c| *c != '\n' && is_steering(*c));
            assert_eq!(steering, None, "{name} at {width}");
        }
    }
}

#[test]
fn colour_adds_styles_and_nothing_else() {
    for (name, report) in all() {
        let plain = as_text(&report, TextOptions { color: false, width: 100 });
        let mut shown = as_text(&report, TextOptions { color: true, width: 100 });
        assert!(shown.contains('\u{1b}'), "{name}");
        // Only these styles are used; whatever other escape is left would be the bucket's.
        for style in ["0", "1", "31", "32", "33"] {
            shown = shown.replace(&format!("\u{1b}[{style}m"), "");
        }
        assert_eq!(shown, plain, "{name}");
    }
}

#[test]
fn nothing_from_a_bucket_stands_at_the_left_margin() {
    for (name, report) in all() {
        let shown = as_text(&report, TextOptions { color: false, width: 0 });
        for line in shown.lines().filter(|l| !l.is_empty() && !l.starts_with(' ')) {
            let head = line.split([' ', ':']).next().unwrap();
            let own = [
                "VERIFIED",
                "VIOLATION",
                "INCOMPLETE",
                "Scope",
                "Chains",
                "Verified",
                "Findings",
                "What",
                "Run",
            ];
            assert!(own.contains(&head), "{name}: {line}");
        }
    }
    assert!(as_text(&violation(), TextOptions::default()).starts_with("VIOLATION: "));
}

#[test]
fn long_lists_are_cut_and_counted_and_remedies_come_once() {
    let shown = as_text(&hostile(), TextOptions { color: false, width: usize::MAX });
    let (first, full) = shown.split_once("Findings in full").unwrap();
    assert_eq!([first, full].map(|part| part.matches(" is missing: ").count()), [1, 20]);
    assert!(full.contains("- 5 more in the JSON report"), "{shown}");
    let remedies = [first, full].map(|part| part.matches(Code::LogMissing.remedy()).count());
    assert_eq!(remedies, [1, 1]);

    let mut report = many();
    let shown = as_text(&report, TextOptions::default());
    assert_eq!(shown.matches("    kind ").count(), 30, "those not proven, and no other");
    assert!(shown.contains("1,470 more chains are fully verified"), "{shown}");
    assert!(shown.contains("50 more"), "{shown}");
    assert!(shown.lines().count() < 1000);

    // A count that is not clean brings its chain out of the sums.
    report.chains[0].digests.unchecked = 1;
    let shown = as_text(&report, TextOptions::default());
    assert_eq!(shown.matches("    kind ").count(), 31);
}

// ---- JSON --------------------------------------------------------------------------------

fn errors(value: &Value) -> Vec<String> {
    let schema: Value = serde_json::from_str(SCHEMA_JSON).unwrap();
    let schema = jsonschema::draft202012::new(&schema).unwrap();
    schema.iter_errors(value).map(|e| format!("{}: {e}", e.instance_path())).collect()
}

#[test]
fn the_schema_is_one() {
    let schema: Value = serde_json::from_str(SCHEMA_JSON).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    assert_eq!(schema["properties"]["schema"]["const"], SCHEMA);
}

#[test]
fn reports_fit_the_schema() {
    for (name, report) in all() {
        let value = serde_json::to_value(&report).unwrap();
        assert_eq!(errors(&value), [""; 0], "{name}");
    }
}

#[test]
fn json_is_safe_on_a_terminal_and_means_the_same() {
    for (name, report) in all() {
        let shown = as_json(&report);
        assert!(shown.ends_with("}\n"), "{name}");
        assert_eq!(shown.chars().find(|c| *c != '\n' && is_steering(*c)), None, "{name}");
        let parsed: Value = serde_json::from_str(&shown).unwrap();
        assert_eq!(parsed, serde_json::to_value(&report).unwrap(), "{name}");
    }
    let parsed: Value = serde_json::from_str(&as_json(&hostile())).unwrap();
    assert_eq!(parsed["scope"]["sources"][0], HOSTILE);
    let id = parsed["chains"][0]["id"].as_str().unwrap();
    assert!(id.contains(&Printable(HOSTILE).to_string()), "{id}");
    assert!(parsed["findings"].as_array().unwrap().iter().any(|f| f["chain"] == id));
}

#[test]
fn every_code_and_severity_fits_the_schema() {
    for code in Code::ALL {
        for severity in [Severity::Violation, Severity::Incomplete, Severity::Notice] {
            let finding = Finding::new(*code, "Something.").severity(severity);
            let value = serde_json::to_value(report(vec![], vec![finding])).unwrap();
            assert_eq!(errors(&value), [""; 0], "{}", code.as_str());
        }
    }
}

#[test]
fn the_schema_lets_grow_what_may_grow() {
    let mut value = serde_json::to_value(violation()).unwrap();
    value["tool"]["commit"] = json!("0000000");
    value["scope"]["grace"] = json!(7200);
    value["totals"]["retries"] = json!(0);
    value["host"] = json!(null);
    value["findings"][0]["code"] = json!("log-seen-twice");
    assert_eq!(errors(&value), [""; 0]);
}

/// Puts a value at a place of a report, or takes away what is there.
fn broken(mut report: Value, pointer: &str, value: Option<Value>) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = report.pointer_mut(parent).unwrap();
    match (parent, value) {
        (Value::Object(map), Some(value)) => drop(map.insert(name.into(), value)),
        (Value::Object(map), None) => drop(map.remove(name).unwrap()),
        (Value::Array(list), Some(value)) => list[name.parse::<usize>().unwrap()] = value,
        (other, _) => panic!("{pointer}: {other}"),
    }
    report
}

#[test]
fn the_schema_refuses_broken_reports() {
    let good = serde_json::to_value(violation()).unwrap();
    let wrong = [
        ("/schema", json!("trailseal.run/2")),
        ("/verdict", json!("Violation")),
        ("/verdict", json!("verified")),
        ("/exit_status", json!(0)),
        ("/exit_status", json!(2)),
        ("/started", json!("2023-07-12T08:00:00+02:00")),
        ("/started", json!("2023-07-12 08:00:00Z")),
        ("/started", json!("2023-13-12T08:00:00Z")),
        ("/finished", json!(null)),
        ("/finished", json!(1_689_148_800)),
        ("/scope/sources", json!("dir")),
        ("/scope/end", json!("")),
        ("/scope/logs", json!("yes")),
        ("/totals/chains", json!(-1)),
        ("/totals/bytes_read", json!(1.5)),
        ("/totals/digests/missing", json!(0)),
        ("/totals/logs/listed", json!({})),
        ("/totals/coverage_seconds/lost", json!(0)),
        ("/totals/coverage_seconds/gap", json!(-1)),
        ("/chains/0/account", json!("11112222333")),
        ("/chains/0/region", json!("us_east_1")),
        ("/chains/0/bucket", json!("a/b")),
        ("/chains/0/organization", json!("x-org")),
        ("/chains/0/kind", json!("Standard")),
        // It would claim time.
        ("/chains/0/kind", json!("backfill")),
        ("/chains/0/color", json!("red")),
        ("/chains/0/logs/unreferenced", json!(0)),
        ("/chains/0/coverage/0/state", json!("valid")),
        ("/chains/0/coverage/0/reason", json!("log-missing")),
        ("/chains/1/coverage/1/reason", json!(null)),
        ("/chains/0/coverage/0", json!({"window": {"start": "2023-07-12T08:00:00Z"}})),
        ("/keys/0/fingerprint", json!("31E8B5433410DFB61A9DC45CC65B22FF")),
        ("/keys/0/region", json!("")),
        ("/keys/0/used", json!(1)),
        ("/findings/0/code", json!("LogMissing")),
        ("/findings/0/code", json!("log\nmissing")),
        ("/findings/0/severity", json!("error")),
        ("/findings/0/chain", json!({"bucket": null})),
        ("/findings/0/chain", json!("")),
        ("/findings/0/message", json!("")),
        ("/findings/0/remedy", json!("x")),
        ("/not_proven", json!(null)),
    ];
    for (pointer, value) in wrong {
        let broken = broken(good.clone(), pointer, Some(value.clone()));
        assert!(!errors(&broken).is_empty(), "{pointer} = {value} was taken");
    }
    // Every member of every object is required: what does not apply is null, not absent. These
    // were added later, and older reports stay valid.
    let later = [
        "/ran_by",
        "/scope/grace_seconds",
        "/scope/unreferenced",
        "/scope/management_account",
        "/scope/as_of",
    ];
    for parent in [
        "",
        "/tool",
        "/scope",
        "/totals",
        "/totals/digests",
        "/totals/logs",
        "/totals/coverage_seconds",
        "/chains/0",
        "/chains/0/digests",
        "/chains/0/logs",
        "/chains/0/coverage/0",
        "/keys/0",
        "/findings/0",
    ] {
        let names: Vec<_> = good.pointer(parent).unwrap().as_object().unwrap().keys().collect();
        let pointers = names.into_iter().map(|name| format!("{parent}/{name}"));
        for pointer in pointers.filter(|p| !later.contains(&p.as_str())) {
            assert!(
                !errors(&broken(good.clone(), &pointer, None)).is_empty(),
                "no {pointer} was taken"
            );
        }
    }
}

#[test]
fn a_line_for_each_object_is_one_line() {
    let mut out = Vec::new();
    let object = BTreeMap::from([("key", HOSTILE), ("state", "valid")]);
    json::render_line(&object, &mut out).unwrap();
    json::render_line(&LogCounts::default(), &mut out).unwrap();
    let shown = String::from_utf8(out).unwrap();
    assert_eq!(shown.lines().count(), 2);
    assert_eq!(shown.chars().filter(|c| is_steering(*c)).count(), 2, "two line feeds");
    let parsed: Value = serde_json::from_str(shown.lines().next().unwrap()).unwrap();
    assert_eq!(parsed["key"], HOSTILE);
}
