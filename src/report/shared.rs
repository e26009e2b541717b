//! What the formats share: how each chain stands, what is told of a finding, and names that stay
//! the same from run to run.
//!
//! Texts may hold what a bucket holds. All that is returned here as text for people has gone
//! through [`Printable`].

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::standing::{Grades, lacks_time};
use super::words::{other_bucket, span, touched};
use super::{ChainReport, RunReport};
use crate::model::Printable;
use crate::model::hash::Sha256Stream;
use crate::verify::{Code, CoverageState, Finding, Severity};

/// A text with all that steers escaped.
pub(super) fn shown(text: &str) -> String {
    Printable(text).to_string()
}

/// Beside its message, what is known of a finding, each with its label. The chain's own bucket is
/// left out: it stands where the chain is told of.
pub(super) fn facts(finding: &Finding) -> Vec<(&'static str, String)> {
    let time = touched(finding);
    let told = [
        ("bucket", other_bucket(finding)),
        ("object", finding.key.as_deref()),
        ("time", time.as_deref()),
        ("expected", finding.expected.as_deref()),
        ("actual", finding.actual.as_deref()),
        ("referenced by", finding.referenced_by.as_deref()),
    ];
    let mut facts: Vec<_> =
        told.into_iter().filter_map(|(label, text)| Some((label, shown(text?)))).collect();
    for event in &finding.events {
        let by = event.by.as_deref().unwrap_or("an unknown identity");
        let from = event.from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
        let told = format!("{} by {by}{from}, {}", event.event, event.time);
        facts.push((event.role.as_str(), shown(&told)));
        facts.push(("", shown(&event.key)));
    }
    facts
}

/// A finding with its facts, a line each.
pub(super) fn told(finding: &Finding) -> String {
    let mut text = shown(&finding.message);
    for (label, fact) in facts(finding) {
        text += if label.is_empty() { "\n  in: " } else { "\n  " };
        text += label;
        text += if label.is_empty() { "" } else { ": " };
        text += &fact;
    }
    text
}

/// Why a chain is not proven: each code that weighs, with how many findings there are and what the
/// first of them says. Empty for a chain that stands as verified.
pub(super) fn reasons(grades: &Grades<'_>, chain: &ChainReport) -> Vec<(&'static str, String)> {
    let mut codes: BTreeMap<Code, (usize, &str)> = BTreeMap::new();
    for finding in grades.of(&chain.id).iter().filter(|f| f.severity > Severity::Notice) {
        codes.entry(finding.code).or_insert((0, &finding.message)).0 += 1;
    }
    let mut reasons: Vec<_> = codes
        .into_iter()
        .map(|(code, (number, message))| {
            let lead = if number == 1 { String::new() } else { format!("{number} findings: ") };
            (code.as_str(), lead + &shown(message))
        })
        .collect();
    // What stands in the coverage alone: the finding may be another chain's.
    let weighs = |state| {
        matches!(state, CoverageState::Violated | CoverageState::Unreadable | CoverageState::Gap)
    };
    for interval in chain.coverage.iter().filter(|i| weighs(i.state)) {
        let reason = interval.reason.map_or(interval.state.as_str(), |code| code.as_str());
        if !reasons.iter().any(|(known, _)| *known == reason) {
            let time = span(interval.window.start, interval.window.end);
            reasons.push((reason, format!("{time} is {}.", interval.state.as_str())));
        }
    }
    if lacks_time(chain) {
        let text = "No digest covers any of the requested time.";
        reasons.push(("unaccounted", text.to_owned()));
    }
    reasons
}

/// A text of at most so many bytes; one that was longer says so at its end.
pub(super) fn cut(text: &str, limit: usize) -> String {
    const MARK: &str = " [cut]";
    if text.len() <= limit {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(limit.saturating_sub(MARK.len()));
    format!("{}{MARK}", text.get(..end).unwrap_or_default())
}

/// How many of the findings are of a severity.
pub(super) fn number<'a>(
    findings: impl IntoIterator<Item = &'a Finding>,
    severity: Severity,
) -> usize {
    findings.into_iter().filter(|f| f.severity == severity).count()
}

// ---- names that last ---------------------------------------------------------------------

/// A name for what these texts tell, in 32 hex digits: the same whenever they are.
pub(super) fn identity(parts: &[&str]) -> String {
    let mut hash = Sha256Stream::default();
    for part in parts {
        // The length keeps `ab`, `c` and `a`, `bc` apart.
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    short(hash)
}

fn short(hash: Sha256Stream) -> String {
    hash.finish().to_string().chars().take(32).collect()
}

/// A name for each finding, the same in every run that finds it: it does not depend on what else
/// is found, nor on the wording of the message. Findings that nothing tells apart are numbered.
pub(super) fn identities(report: &RunReport) -> Vec<String> {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    let mut name = |finding: &Finding| {
        let chain = finding.chain.as_ref().map(ToString::to_string).unwrap_or_default();
        let start = finding.start.map(|t| t.to_string()).unwrap_or_default();
        let [bucket, key] = [&finding.bucket, &finding.key].map(|t| t.as_deref().unwrap_or(""));
        let name = identity(&[finding.code.as_str(), &chain, bucket, key, &start]);
        let number = seen.entry(name.clone()).or_default();
        *number += 1;
        if *number == 1 { name } else { format!("{name}-{number}") }
    };
    report.findings.iter().map(&mut name).collect()
}

/// A name for what was asked for: the same in every run over the same sources and filters, in
/// whatever order they are given.
pub(super) fn asked(report: &RunReport) -> String {
    let scope = &report.scope;
    let lists = [&scope.sources, &scope.accounts, &scope.regions, &scope.trails];
    let mut parts = Vec::new();
    for list in lists {
        parts.push("");
        let values = list.iter().map(|value| match value.trim_end_matches('/') {
            "" => value.as_str(),
            value => value,
        });
        parts.extend(values.collect::<BTreeSet<_>>());
    }
    identity(&parts)
}

/// A writer that hashes what is written.
#[derive(Default)]
pub(super) struct HashWriter(pub(super) Sha256Stream);

impl Write for HashWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A name for this very report.
///
/// # Errors
/// When the report has no JSON form.
pub(super) fn run_id(report: &RunReport) -> io::Result<String> {
    let mut out = io::BufWriter::new(HashWriter::default());
    serde_json::to_writer(&mut out, report)?;
    let HashWriter(hash) = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    Ok(short(hash))
}

// ---- JSON --------------------------------------------------------------------------------

/// A JSON array whose items are made one after the other, so that not all are held at once.
pub(super) struct Each<F>(pub(super) F);

impl<I: IntoIterator<Item: Serialize>, F: Fn() -> I> Serialize for Each<F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

/// The value without members that are null: in most formats what does not apply is absent.
pub(super) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        Value::Array(list) => Value::Array(list.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters_and_say_so() {
        assert_eq!(cut("abc", 3), "abc");
        let long = "é".repeat(20);
        assert_eq!(cut(&long, 40), long);
        let short = cut(&long, 21);
        assert_eq!(short, "éééééé".to_owned() + "é [cut]");
        assert!(short.len() <= 21);
    }

    #[test]
    fn identities_tell_parts_apart() {
        assert_ne!(identity(&["ab", "c"]), identity(&["a", "bc"]));
        assert_ne!(identity(&["a"]), identity(&["a", ""]));
        assert_eq!(identity(&["a"]).len(), 32);
    }

    #[test]
    fn a_finding_is_told_with_its_facts_escaped() {
        let finding = Finding::new(Code::LogModified, "Bad\n.")
            .object(Some("b"), "k\u{1b}")
            .compared("x", "y");
        let told = told(&finding);
        assert_eq!(told, "Bad\\u{a}.\n  bucket: b\n  object: k\\u{1b}\n  expected: x\n  actual: y");
    }

    #[test]
    fn nulls_are_left_out_at_every_depth() {
        let value = serde_json::json!({"a": null, "b": [{"c": null, "d": 1}]});
        assert_eq!(without_nulls(value), serde_json::json!({"b": [{"d": 1}]}));
    }
}
