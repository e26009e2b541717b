//! Findings as text, with all that steers escaped.

use std::collections::BTreeMap;

use super::ChainReport;
use super::chain_verdicts::{ChainVerdicts, lacks_time};
use super::wording::{other_bucket, span, touched};
use crate::model::Printable;
use crate::verify::{Code, CoverageState, Finding, Severity};

/// A text with all that steers escaped.
pub(super) fn escaped(text: &str) -> String {
    Printable(text).to_string()
}

/// Facts of a finding beside its message, each with its label. The chain's own bucket is
/// left out: it stands where the chain is told of.
pub(super) fn finding_facts(finding: &Finding) -> Vec<(&'static str, String)> {
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
        told.into_iter().filter_map(|(label, text)| Some((label, escaped(text?)))).collect();
    for event in &finding.events {
        let by = event.by.as_deref().unwrap_or("an unknown identity");
        let from = event.from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
        let told = format!("{} by {by}{from}, {}", event.event, event.time);
        facts.push((event.role.as_str(), escaped(&told)));
        facts.push(("", escaped(&event.key)));
    }
    facts
}

/// A finding with its facts, a line each.
pub(super) fn describe_finding(finding: &Finding) -> String {
    let mut text = escaped(&finding.message);
    for (label, fact) in finding_facts(finding) {
        text += if label.is_empty() { "\n  in: " } else { "\n  " };
        text += label;
        text += if label.is_empty() { "" } else { ": " };
        text += &fact;
    }
    text
}

/// Reasons why a chain is not proven: each code that weighs, with how many findings there are and
/// what the first of them says. Empty for a chain that stands as verified.
pub(super) fn chain_reasons(
    verdicts: &ChainVerdicts<'_>,
    chain: &ChainReport,
) -> Vec<(&'static str, String)> {
    let mut codes: BTreeMap<Code, (usize, &str)> = BTreeMap::new();
    for finding in verdicts.of(&chain.id).iter().filter(|f| f.severity > Severity::Notice) {
        codes.entry(finding.code).or_insert((0, &finding.message)).0 += 1;
    }
    let mut reasons: Vec<_> = codes
        .into_iter()
        .map(|(code, (number, message))| {
            let lead = if number == 1 { String::new() } else { format!("{number} findings: ") };
            (code.as_str(), lead + &escaped(message))
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
pub(super) fn truncated(text: &str, limit: usize) -> String {
    const MARK: &str = " [cut]";
    if text.len() <= limit {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(limit.saturating_sub(MARK.len()));
    format!("{}{MARK}", text.get(..end).unwrap_or_default())
}

/// Number of findings of a severity.
pub(super) fn count_severity<'a>(
    findings: impl IntoIterator<Item = &'a Finding>,
    severity: Severity,
) -> usize {
    findings.into_iter().filter(|f| f.severity == severity).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters_and_say_so() {
        assert_eq!(truncated("abc", 3), "abc");
        let long = "é".repeat(20);
        assert_eq!(truncated(&long, 40), long);
        let short = truncated(&long, 21);
        assert_eq!(short, "éééééé".to_owned() + "é [cut]");
        assert!(short.len() <= 21);
    }

    #[test]
    fn a_finding_is_told_with_its_facts_escaped() {
        let finding = Finding::new(Code::LogModified, "Bad\n.")
            .object(Some("b"), "k\u{1b}")
            .compared("x", "y");
        let told = describe_finding(&finding);
        assert_eq!(told, "Bad\\u{a}.\n  bucket: b\n  object: k\\u{1b}\n  expected: x\n  actual: y");
    }
}
