//! The findings by severity and code, each code with what to do about it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::chains::Numbers;
use crate::model::Printable;
use crate::report::RunReport;
use crate::report::chain_verdicts::{FINDINGS_OF_A_CODE, by_code, chains_of};
use crate::report::problems::Problem;
use crate::report::wording::{self, count, counted};
use crate::verify::{Code, Finding, FoundEvent, Severity};

/// Most findings of one code that are shown, of all chains.
const OF_CODE: usize = 200;
/// Findings of one code that stand open; the others are folded behind a summary.
const OPEN: usize = 10;
/// Most events of one finding that are shown.
const EVENTS: usize = 20;

/// All findings.
pub(super) struct FindingsSection {
    pub(super) total: String,
    pub(super) codes: Vec<CodeFindings>,
    /// Places in the report of the findings that the page links and shows.
    linked: BTreeSet<usize>,
}

/// The findings of one code.
pub(super) struct CodeFindings {
    pub(super) code: &'static str,
    pub(super) severity: &'static str,
    pub(super) class: &'static str,
    /// Number of findings.
    pub(super) number: String,
    /// Number of chains with them.
    pub(super) chains: String,
    pub(super) remedy: &'static str,
    pub(super) open: Vec<FindingEntry>,
    pub(super) folded: Vec<FindingEntry>,
    pub(super) more: Option<String>,
}

/// One finding.
pub(super) struct FindingEntry {
    /// Its place in the report, if it is the first finding of a problem that the page links.
    pub(super) problem: Option<usize>,
    pub(super) message: String,
    pub(super) chain: Option<String>,
    pub(super) rows: Vec<(&'static str, String)>,
    pub(super) events: Vec<EventEntry>,
    pub(super) more: Option<String>,
}

/// An event that has to do with a finding.
pub(super) struct EventEntry {
    pub(super) role: &'static str,
    pub(super) told: String,
    pub(super) place: String,
}

/// Data that a finding is shown with.
struct EntryContext<'a> {
    report: &'a RunReport,
    numbers: &'a Numbers<'a>,
    problems: &'a [Problem],
}

impl EntryContext<'_> {
    /// The place of a finding in the report, if it is the first of a problem.
    fn problem(&self, finding: &Finding) -> Option<usize> {
        let mut firsts = self.problems.iter().map(|problem| problem.first);
        let is_it = |at: &usize| {
            self.report.findings.get(*at).is_some_and(|first| std::ptr::eq(first, finding))
        };
        firsts.find(is_it)
    }
}

impl FindingsSection {
    /// The findings; `problems` are those that the page links to them.
    pub(super) fn new(report: &RunReport, numbers: &Numbers<'_>, problems: &[Problem]) -> Self {
        let context = EntryContext { report, numbers, problems };
        let codes = by_code(&report.findings).into_iter();
        let codes: Vec<_> = codes
            .map(|((Reverse(severity), code), findings)| {
                CodeFindings::new(severity, code, &findings, &context)
            })
            .collect();
        let shown = codes.iter().flat_map(|code| code.open.iter().chain(&code.folded));
        let linked = shown.filter_map(|finding| finding.problem).collect();
        Self { total: count(report.findings.len() as u64), codes, linked }
    }

    /// The id that a problem links to.
    pub(super) fn target(&self, problem: &Problem) -> String {
        match self.linked.contains(&problem.first) {
            true => format!("finding-{}", problem.first + 1),
            false => format!("{}-{}", problem.severity.as_str(), problem.code.as_str()),
        }
    }
}

impl CodeFindings {
    fn new(severity: Severity, code: Code, all: &[&Finding], context: &EntryContext<'_>) -> Self {
        // One chain that lost everything must not crowd out the others.
        let mut of_chain: BTreeMap<_, usize> = BTreeMap::new();
        let few = all.iter().filter(|finding| {
            let so_far = of_chain.entry(&finding.chain).or_default();
            *so_far += 1;
            *so_far <= FINDINGS_OF_A_CODE
        });
        let mut open: Vec<_> =
            few.take(OF_CODE).map(|finding| FindingEntry::new(finding, context)).collect();
        let more = all.len().saturating_sub(open.len());
        // One or two would not be worth a click.
        let folded = if open.len() > OPEN + 2 { open.split_off(OPEN) } else { Vec::new() };
        Self {
            code: code.as_str(),
            severity: severity.as_str(),
            class: class(severity),
            number: count(all.len() as u64),
            chains: count(chains_of(all) as u64),
            remedy: code.remedy_of(severity),
            open,
            folded,
            more: (more > 0).then(|| count(more as u64)),
        }
    }
}

/// The class of a severity.
pub(super) const fn class(severity: Severity) -> &'static str {
    match severity {
        Severity::Violation => "violation",
        Severity::Incomplete => "incomplete",
        Severity::Notice => "notice",
    }
}

impl FindingEntry {
    fn new(finding: &Finding, context: &EntryContext<'_>) -> Self {
        let time = wording::touched(finding).map(|time| format!("{time} (UTC)"));
        let rows = [
            ("Bucket", wording::other_bucket(finding)),
            ("Object", finding.key.as_deref()),
            ("Time", time.as_deref()),
            ("Expected", finding.expected.as_deref()),
            ("Actual", finding.actual.as_deref()),
            ("Referenced by", finding.referenced_by.as_deref()),
        ];
        let rows = rows
            .into_iter()
            .filter_map(|(label, text)| text.map(|text| (label, Printable(text).to_string())));
        let chain = finding.chain.as_ref().map(|id| match context.numbers.of(id) {
            Some(number) => format!("No. {number}: {}", wording::title(id)),
            None => wording::title(id),
        });
        let more = finding.events.len().saturating_sub(EVENTS);
        Self {
            problem: context.problem(finding),
            message: Printable(&finding.message).to_string(),
            chain,
            rows: rows.collect(),
            events: finding.events.iter().take(EVENTS).map(EventEntry::new).collect(),
            more: (more > 0).then(|| counted(more as u64, "more event", "more events")),
        }
    }
}

impl EventEntry {
    fn new(event: &FoundEvent) -> Self {
        let by = event.by.as_deref().unwrap_or("an unknown identity");
        let from = event.from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
        let id = event.id.as_ref().map(|id| format!(", event {id}")).unwrap_or_default();
        let FoundEvent { event: name, time, region, bucket, key, .. } = event;
        let told = format!("{name} by {by}{from}, {time} (UTC), {region}{id}");
        Self {
            role: event.role.as_str(),
            told: Printable(&told).to_string(),
            place: Printable(&format!("{bucket}/{key}")).to_string(),
        }
    }
}
