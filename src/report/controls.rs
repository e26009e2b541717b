//! The controls that ask for what a run shows, and what a given run offers to each of them.
//!
//! The data is a versioned file, so that a report of today says which wording it used. Nothing
//! here says that a control is in place. A violation that was found speaks for a control that has to
//! detect such a thing, against one that has to prevent it, and says nothing about the others; the
//! data names for each control which findings do which.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::wording;
use super::{RunReport, Verdict};
use crate::model::Printable;
use crate::verify::{Code, CoverageState, Severity};

/// The data file.
pub const CONTROLS_JSON: &str = include_str!("controls.json");

/// The schema's name and major version.
pub const SCHEMA: &str = "trailseal.controls/2";

/// The data file, read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Controls {
    /// Always [`SCHEMA`].
    pub schema: String,
    /// The version of the data.
    pub version: String,
    /// The day on which the data was last checked.
    pub date: String,
    /// Note on how to read the data.
    pub note: String,
    /// Codes of violations, by the group that controls name them by.
    pub finding_groups: BTreeMap<String, Vec<Code>>,
    /// Documents of the baselines that controls name.
    pub baseline_sources: Vec<ControlSource>,
    /// The controls.
    pub controls: Vec<Control>,
    /// The draft of a certification.
    pub certification: Certification,
}

/// One control of one framework.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    /// The framework's name.
    pub framework: String,
    /// The framework's version, in which the id holds.
    pub framework_version: String,
    /// The control's id in it.
    pub id: String,
    /// The control's title.
    pub title: String,
    /// The baselines that select it, such as `FedRAMP Rev. 5 High`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub baselines: Vec<String>,
    /// Summary of the requirement.
    pub asks: String,
    /// Aspects of a run that support it.
    pub aspects: Vec<Aspect>,
    /// Groups of findings that speak for it: it asks that they be detected.
    pub speak_for: Vec<String>,
    /// Groups of findings that speak against it: it asks that they do not happen.
    pub speak_against: Vec<String>,
    /// Way in which a run supports it, and what must be shown separately.
    pub supports: String,
    /// Source of the control.
    pub source: ControlSource,
}

/// Source of a control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ControlSource {
    /// The document's title.
    pub title: String,
    /// Its address.
    pub url: String,
    /// Its version or date.
    pub version: String,
}

/// The text of a certification, with blanks for what a run does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certification {
    /// The framework's name.
    pub framework: String,
    /// The rule.
    pub id: String,
    /// Its heading.
    pub title: String,
    /// Note for the signer.
    pub note: String,
    /// The text; `{name}` stands for what a run knows.
    pub paragraphs: Vec<String>,
}

/// Something that a run can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Aspect {
    /// Log files hash to what digests say.
    LogIntegrity,
    /// The signatures of digests are valid.
    DigestSignatures,
    /// Digests are linked without a break.
    ChainCompleteness,
    /// Every moment of the requested time is accounted for.
    Coverage,
    /// Origin of the public keys.
    KeyProvenance,
    /// Operator of the verification.
    Custody,
}

impl Aspect {
    /// Every aspect.
    pub const ALL: [Self; 6] = [
        Self::LogIntegrity,
        Self::DigestSignatures,
        Self::ChainCompleteness,
        Self::Coverage,
        Self::KeyProvenance,
        Self::Custody,
    ];

    /// Its name in the data file.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LogIntegrity => "log-integrity",
            Self::DigestSignatures => "digest-signatures",
            Self::ChainCompleteness => "chain-completeness",
            Self::Coverage => "coverage",
            Self::KeyProvenance => "key-provenance",
            Self::Custody => "custody",
        }
    }

    /// Part of it that a run without violations does not show; `None` if there is none.
    fn open(self, report: &RunReport) -> Option<&'static str> {
        let totals = &report.totals;
        let keys = || report.keys.iter().filter(|key| key.used);
        let lacks = |state| wording::seconds(report, state) != 0;
        let (open, why) = match self {
            Self::LogIntegrity if !report.scope.logs => (true, "log files were not checked"),
            Self::LogIntegrity => {
                (totals.logs.listed.unchecked > 0, "some log files were not checked")
            }
            Self::DigestSignatures => {
                (totals.digests.unchecked > 0, "some digests were not checked")
            }
            Self::ChainCompleteness => (
                report.verdict == Verdict::Incomplete,
                "the run is incomplete, so something may be missing",
            ),
            Self::Coverage if lacks(CoverageState::Explained) => {
                (true, "some time has no digest and is only explained")
            }
            Self::Coverage => (
                report.verdict == Verdict::Incomplete,
                "the run is incomplete, so some of the requested time may not be proven",
            ),
            Self::KeyProvenance => (
                keys().next().is_none()
                    || keys().any(|k| k.region.is_none() || k.valid_to.is_none()),
                "the region or validity of a used key is unknown",
            ),
            Self::Custody => (report.ran_by.operator.is_none(), "who ran it is not stated"),
        };
        open.then_some(why)
    }
}

/// Degree to which a run supports a control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Support {
    /// It supports it.
    Supports,
    /// It supports it in part.
    InPart,
    /// It says nothing about it: it proved nothing, or found only what has no bearing on it.
    Nothing,
    /// It found what the control has to prevent.
    Against,
}

/// Support of a run for a control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ControlSupport<'a> {
    /// The control.
    pub control: &'a Control,
    /// Degree of support.
    pub support: Support,
    /// Degree of support in words. Safe to show.
    pub statement: String,
}

impl Controls {
    /// Reads the data file.
    ///
    /// # Errors
    /// Never, as a test shows: the file is part of the program.
    pub fn load() -> Result<Self, serde_json::Error> {
        serde_json::from_str(CONTROLS_JSON)
    }

    /// Support of a run for each control, in the order of the file.
    #[must_use]
    pub fn offers(&self, report: &RunReport) -> Vec<ControlSupport<'_>> {
        let offer = |control| {
            let (support, statement) = self.offer(control, report);
            ControlSupport { control, support, statement }
        };
        self.controls.iter().map(offer).collect()
    }
}

impl Controls {
    /// The violations of a report that are in these groups, in words; empty where there are none.
    fn found(&self, groups: &[String], report: &RunReport) -> String {
        let codes = || groups.iter().filter_map(|group| self.finding_groups.get(group)).flatten();
        let violations = report.findings.iter().filter(|f| f.severity == Severity::Violation);
        let mut found: BTreeMap<Code, u64> = BTreeMap::new();
        for finding in violations.filter(|finding| codes().any(|code| *code == finding.code)) {
            *found.entry(finding.code).or_default() += 1;
        }
        let words: Vec<_> = found
            .iter()
            .map(|(code, n)| format!("{} ({})", code.as_str(), wording::count(*n)))
            .collect();
        words.join(", ")
    }

    fn offer(&self, control: &Control, report: &RunReport) -> (Support, String) {
        if report.verdict != Verdict::Violation {
            return offer(control, report);
        }
        let against = self.found(&control.speak_against, report);
        if !against.is_empty() {
            let words = format!(
                "This run speaks against it: it found {against}, which the control must prevent."
            );
            return (Support::Against, words);
        }
        let detected = self.found(&control.speak_for, report);
        if !detected.is_empty() {
            let words = format!(
                "This run speaks for it: it detected {detected}. Show separately that people were alerted and acted."
            );
            return (Support::Supports, words);
        }
        let words = "The violations found by this run say nothing about it.";
        (Support::Nothing, words.to_owned())
    }
}

/// Support of a run without violations.
fn offer(control: &Control, report: &RunReport) -> (Support, String) {
    let totals = &report.totals;
    if totals.digests.valid == 0 {
        let words = "This run proved nothing, so it does not support it.";
        return (Support::Nothing, words.to_owned());
    }
    let mut open: Vec<_> = control.aspects.iter().filter_map(|a| a.open(report)).collect();
    if report.verdict == Verdict::Incomplete {
        open.insert(0, "something could not be checked");
    }
    if open.is_empty() {
        (Support::Supports, format!("This run supports it: {}", control.supports))
    } else {
        let open = open.join("; ");
        let words = format!("This run supports it in part: {} But {open}.", control.supports);
        (Support::InPart, words)
    }
}

impl Certification {
    /// The paragraphs, filled in with what a run knows. Safe to show.
    #[must_use]
    pub fn fill(&self, report: &RunReport) -> Vec<String> {
        let fill = |paragraph: &String| {
            // Once from left to right: what is filled in is not looked at again.
            let (mut filled, mut rest) = (String::new(), paragraph.as_str());
            while let Some((before, after)) = rest.split_once('{') {
                let (name, after) = after.split_once('}').unwrap_or((after, ""));
                filled += before;
                filled += &known(name, report);
                rest = after;
            }
            filled + rest
        };
        self.paragraphs.iter().map(fill).collect()
    }
}

/// Value of a placeholder in the certification; a blank if unknown.
fn known(name: &str, report: &RunReport) -> String {
    let shown = |text: &str| Printable(text).to_string();
    let RunReport { scope, tool, .. } = report;
    match name {
        "tool" => shown(&format!("{} {}", tool.name, tool.version)),
        "scope" => {
            let chains = wording::counted(report.totals.chains, "chain", "chains");
            let time = wording::time_asked(scope);
            let sources = match scope.sources.as_slice() {
                [] => "____________________ (source)".to_owned(),
                [one] => shown(one),
                [one, rest @ ..] => {
                    format!("{} and {} more (see the report)", shown(one), rest.len())
                }
            };
            format!("{chains} in {sources}, time: {time}")
        }
        "logs" if scope.logs => String::new(),
        "logs" => "The log files themselves were not checked in this run.".to_owned(),
        "started" => report.started.to_string(),
        "finished" => report.finished.to_string(),
        "operator" => report.ran_by.operator.as_deref().map_or("not stated".to_owned(), shown),
        "status" => report.exit_status.to_string(),
        "verdict" => wording::verdict(report.verdict).to_owned(),
        "meaning" => wording::meaning(report),
        "result" => match report.verdict {
            Verdict::Verified => format!(
                "Digest files: {}. Log files: {}.",
                wording::counts(&report.totals.digests),
                wording::log_files(report)
            ),
            Verdict::Violation => {
                "The files named in the report's findings are not certified as authentic."
                    .to_owned()
            }
            Verdict::Incomplete => "Only what the report states as proven is certified.".to_owned(),
        },
        _ => "____________________".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(value: &serde_json::Value, found: &mut Vec<String>) {
        match value {
            serde_json::Value::String(text) => found.push(text.clone()),
            serde_json::Value::Array(list) => list.iter().for_each(|v| strings(v, found)),
            serde_json::Value::Object(map) => map.values().for_each(|v| strings(v, found)),
            _ => {}
        }
    }

    #[test]
    fn the_file_reads_and_every_entry_is_complete() {
        let controls = Controls::load().unwrap();
        assert_eq!(controls.schema, SCHEMA);
        assert!(controls.date.parse::<jiff::civil::Date>().is_ok());
        assert_eq!(controls.version.split('.').count(), 3);
        let mut texts = Vec::new();
        strings(&serde_json::from_str(CONTROLS_JSON).unwrap(), &mut texts);
        assert!(texts.iter().all(|text| !text.trim().is_empty()));
        let mut seen = std::collections::BTreeSet::new();
        for control in &controls.controls {
            assert!(!control.aspects.is_empty(), "{}", control.id);
            assert!(control.source.url.starts_with("https://"), "{}", control.id);
            assert!(control.asks.ends_with('.') && control.supports.ends_with('.'));
            for group in control.speak_for.iter().chain(&control.speak_against) {
                assert!(controls.finding_groups.contains_key(group), "{}: {group}", control.id);
            }
            let both = control.speak_for.iter().any(|group| control.speak_against.contains(group));
            assert!(!both, "{}", control.id);
            assert!(seen.insert((&control.framework, &control.id)), "{} twice", control.id);
        }
        let ids: Vec<_> = controls.controls.iter().map(|c| c.id.as_str()).collect();
        assert_eq!(
            ids,
            [
                "CCC.AuditLog.CN01.AR01",
                "CCC.AuditLog.CN01.AR02",
                "AU-9",
                "AU-9(3)",
                "AU-10(2)",
                "SI-7(1)",
                "SI-7(6)",
                "10.3.4",
                "3.2",
                "CC7.3",
                "A.8.15",
                "A.5.28",
                "164.312(b)",
                "164.312(c)(2)",
                "Art. 12",
                "Annex, 3.2.5",
            ]
        );
    }

    #[test]
    fn baselines_are_named_with_their_source() {
        let controls = Controls::load().unwrap();
        let of = |id: &str| {
            let control = controls.controls.iter().find(|c| c.id == id).unwrap();
            control.baselines.iter().map(|b| b.rsplit_once(' ').unwrap().1).collect::<Vec<_>>()
        };
        // The profiles select neither AU-10(2) nor SI-7(6).
        assert_eq!(of("AU-9"), ["Low", "Moderate", "High"]);
        assert_eq!(of("AU-9(3)"), ["High"]);
        assert_eq!(of("SI-7(1)"), ["Moderate", "High"]);
        assert!(of("AU-10(2)").is_empty() && of("SI-7(6)").is_empty());
        let named = controls.controls.iter().flat_map(|c| &c.baselines);
        for baseline in named {
            let (family, _) = baseline.rsplit_once(' ').unwrap();
            assert!(controls.baseline_sources.iter().any(|s| s.title.starts_with(family)));
        }
    }

    #[test]
    fn every_code_that_can_be_a_violation_is_in_one_group() {
        let controls = Controls::load().unwrap();
        let grouped: Vec<_> = controls.finding_groups.values().flatten().collect();
        for code in Code::ALL {
            let times = grouped.iter().filter(|grouped| **grouped == code).count();
            // These two are violations where CloudTrail itself was asked.
            let may_be = [Code::DigestUnsigned, Code::DigestKeyUnknown].contains(code);
            let expected = code.severity() == Severity::Violation || may_be;
            assert_eq!(times, usize::from(expected), "{}", code.as_str());
        }
    }

    #[test]
    fn nothing_claims_that_a_control_is_in_place() {
        let mut texts = Vec::new();
        strings(&serde_json::from_str(CONTROLS_JSON).unwrap(), &mut texts);
        for text in texts {
            for word in text.to_lowercase().split(|c: char| !c.is_alphabetic()) {
                let claims = ["complies", "comply", "compliant", "satisfies", "satisfy", "meets"];
                assert!(!claims.contains(&word), "{text}");
            }
        }
    }

    #[test]
    fn aspects_are_named_as_in_the_file() {
        for aspect in Aspect::ALL {
            assert_eq!(serde_json::to_value(aspect).unwrap(), aspect.as_str());
        }
    }
}
