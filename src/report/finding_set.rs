//! Reports as findings, one of each part: one of the run as a whole, one of each chain, one of each
//! violation, and one of each thing that could not be checked and belongs to no chain, because no
//! chain's own finding speaks of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use jiff::Timestamp;

use serde_json::Value;

use super::chain_verdicts::ChainVerdicts;
use super::finding_text::escaped;
use super::json_util::{LazyArray, without_nulls};
use super::repaired::repaired;
use super::run::INTERRUPTED;
use super::stable_id::{finding_ids, report_id};
use super::{ChainReport, RunReport, json};
use crate::model::ChainId;
use crate::verify::{Code, Finding, Severity};

/// The standards with a requirement that speaks of what a run checks. Related, not more: whether
/// one is met is for whoever assesses it to say.
pub(super) const STANDARDS: [&str; 3] =
    ["NIST SP 800-53 Rev. 5", "PCI DSS v4.0.1", "CIS AWS Foundations Benchmark v3.0.0"];
/// Those requirements, as Security Hub writes such names.
pub(super) const REQUIREMENTS: [&str; 4] = [
    "NIST.800-53.r5 AU-9",
    "NIST.800-53.r5 SI-7(1)",
    "PCI DSS v4.0.1/10.3.4",
    "CIS AWS Foundations Benchmark v3.0.0/3.2",
];

/// A technique of MITRE ATT&CK, all of them of the tactic TA0005, Defense Evasion.
pub(super) struct Technique {
    pub(super) uid: &'static str,
    pub(super) name: &'static str,
    /// The sub-technique.
    pub(super) sub: Option<(&'static str, &'static str)>,
}

const REMOVAL: Technique = Technique { uid: "T1070", name: "Indicator Removal", sub: None };
const IMPAIRED: Technique = Technique {
    uid: "T1562",
    name: "Impair Defenses",
    sub: Some(("T1562.008", "Disable or Modify Cloud Logs")),
};

/// Attack technique that would cause such a finding.
pub(super) const fn technique(code: Code) -> Option<&'static Technique> {
    match code {
        Code::LogMissing
        | Code::LogModified
        | Code::LogMalformed
        | Code::DigestMissing
        | Code::DigestModified
        | Code::DigestMalformed => Some(&REMOVAL),
        Code::ChainTruncated | Code::ChainGap => Some(&IMPAIRED),
        _ => None,
    }
}

/// Form of the parts of a report.
pub(super) trait PartForm {
    /// The finding of the run as a whole.
    fn of_run(&self) -> Value;
    /// The finding of one chain.
    fn of_chain(&self, chain: &ChainReport) -> Value;
    /// A finding of the report, with its lasting name.
    fn of_finding(&self, finding: &Finding, name: &str) -> Value;
}

/// A report as a set of findings, one of each part.
pub(super) struct FindingSet<'a> {
    pub(super) report: &'a RunReport,
    pub(super) verdicts: ChainVerdicts<'a>,
    /// Id of this very report.
    pub(super) run: String,
    /// Ids of its findings.
    names: Vec<String>,
    /// The chains that it lists.
    chains: BTreeSet<&'a ChainId>,
}

impl<'a> FindingSet<'a> {
    pub(super) fn new(report: &'a RunReport) -> io::Result<Self> {
        let verdicts = ChainVerdicts::new(report);
        let chains = report.chains.iter().map(|chain| &chain.id).collect();
        Ok(Self { report, verdicts, run: report_id(report)?, names: finding_ids(report), chains })
    }

    /// Writes a JSON array of all parts, in the report's order, then of `closed`, without what is
    /// null in them.
    pub(super) fn write(
        &self,
        out: &mut dyn Write,
        form: &impl PartForm,
        closed: &[Value],
    ) -> io::Result<()> {
        let all = || {
            let findings = self.report.findings.iter().zip(&self.names);
            let told = findings.filter(|(finding, _)| self.stands_alone(finding));
            let told = told.map(|(finding, name)| form.of_finding(finding, name));
            let chains = self.report.chains.iter().map(|chain| form.of_chain(chain));
            [form.of_run()]
                .into_iter()
                .chain(chains)
                .chain(told)
                .chain(closed.iter().cloned())
                .map(without_nulls)
        };
        json::render(&LazyArray(all), out)
    }

    /// The findings of an earlier report that this one shows to be repaired, as far as they are
    /// parts.
    pub(super) fn repaired<'e>(&self, earlier: &FindingSet<'e>) -> Vec<(&'e Finding, String)> {
        let mut repaired = repaired(self.report, earlier.report);
        repaired.retain(|(finding, _)| earlier.stands_alone(finding));
        repaired
    }

    /// True if a finding is one of the report's own parts.
    pub(super) fn stands_alone(&self, finding: &Finding) -> bool {
        match finding.severity {
            Severity::Violation => true,
            Severity::Incomplete => self.is_of_no_chain(finding),
            Severity::Notice => false,
        }
    }

    fn is_of_no_chain(&self, finding: &Finding) -> bool {
        finding.chain.as_ref().is_none_or(|id| !self.chains.contains(id))
    }

    /// Reasons why the run is not verified, as far as no chain says so: that it was interrupted,
    /// and each code that weighs, with its number, the first message and its object.
    pub(super) fn reasons_of_run(&self) -> Vec<(&'static str, String)> {
        let mut codes: BTreeMap<Code, (usize, &Finding)> = BTreeMap::new();
        for finding in self.verdicts.elsewhere().filter(|f| f.severity > Severity::Notice) {
            codes.entry(finding.code).or_insert((0, finding)).0 += 1;
        }
        let interrupted = (self.report.exit_status == INTERRUPTED).then(|| {
            let text = "The run was interrupted before it checked everything. Run it again.";
            ("interrupted", text.to_owned())
        });
        let told = codes.into_iter().map(|(code, (number, finding))| {
            let lead = if number == 1 { String::new() } else { format!("{number} findings: ") };
            let object = finding.key.as_deref().or(finding.bucket.as_deref());
            let object = object.map(|object| format!(" ({})", escaped(object))).unwrap_or_default();
            (code.as_str(), lead + &escaped(&finding.message) + &object)
        });
        interrupted.into_iter().chain(told).collect()
    }

    /// Time of a chain's finding: the start of its time, so that it stays from run to run.
    pub(super) fn since(&self, chain: &ChainReport) -> Timestamp {
        self.not_later(chain.coverage.iter().map(|interval| interval.window.start).min())
    }

    /// Time of the run's finding.
    pub(super) fn since_all(&self) -> Timestamp {
        let starts = self.report.chains.iter().map(|chain| self.since(chain)).min();
        self.not_later(starts.into_iter().chain(self.report.scope.start).min())
    }

    /// The time, or that of the run where there is none or it lies beyond.
    pub(super) fn not_later(&self, time: Option<Timestamp>) -> Timestamp {
        time.map_or(self.report.finished, |time| time.min(self.report.finished))
    }

    /// Next step for a chain that is not proven.
    pub(super) fn remedy(&self, chain: &ChainReport) -> Option<&'static str> {
        let worst = self.verdicts.of(&chain.id).iter().max_by_key(|f| f.severity);
        worst.filter(|f| f.severity > Severity::Notice).map(|f| f.code.remedy_of(f.severity))
    }
}
