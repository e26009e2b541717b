//! The findings, chain by chain, the worst first, each code with what to do about it.

use std::cmp::Reverse;
use std::io;

use super::TextReport;
use super::page::{self, BOLD, PLAIN, TextPage};
use crate::model::{ChainId, Printable};
use crate::report::chain_verdicts::{BLOCKS, FINDINGS_OF_A_CODE, by_code, chains_of};
use crate::report::wording::{count, other_bucket, tally, title, touched};
use crate::verify::{Code, Finding, FoundEvent, Severity};

/// Most findings that need no table of their codes before them.
const FINDINGS_AT_A_GLANCE: usize = 20;

/// The findings of one chain, or those of none.
type Group<'a> = (Option<&'a ChainId>, Vec<&'a Finding>);

impl TextReport<'_> {
    pub(super) fn findings(&self, page: &mut TextPage<'_>) -> io::Result<()> {
        let findings = &self.report.findings;
        if findings.is_empty() {
            return Ok(());
        }
        page.heading(format!("Findings in full ({})", count(findings.len() as u64)))?;
        if findings.len() > FINDINGS_AT_A_GLANCE {
            self.codes(page)?;
            page.blank()?;
        }
        let mut groups: Vec<Group<'_>> =
            self.verdicts.findings.iter().map(|(c, f)| (*c, f.clone())).collect();
        groups.sort_by_key(|(_, findings)| Reverse(findings.iter().map(|f| f.severity).max()));
        for (at, (chain, findings)) in groups.iter().take(BLOCKS).enumerate() {
            if at > 0 {
                page.blank()?;
            }
            match chain {
                Some(chain) => {
                    page.title(2, ("", PLAIN), &title(chain), 4)?;
                    page.line(2, Printable(&chain.to_string()))?;
                }
                None => page.line(2, page.paint(BOLD, "Not specific to one chain"))?,
            }
            let codes = by_code(findings.iter().copied());
            for ((Reverse(severity), code), findings) in codes {
                self.of_code(page, severity, code, &findings)?;
            }
        }
        let rest = groups.get(BLOCKS..).unwrap_or_default();
        if !rest.is_empty() {
            let findings = tally(rest.iter().flat_map(|(_, findings)| findings.iter().copied()));
            let more = count(rest.len() as u64);
            page.blank()?;
            let lead = format!("{more} more chains");
            page.paragraph(
                2,
                (&lead, PLAIN),
                &format!(" with {findings}: see the JSON report."),
                4,
            )?;
        }
        Ok(())
    }

    /// Table of findings and chains by code.
    fn codes(&self, page: &mut TextPage<'_>) -> io::Result<()> {
        let mut rows = vec![["code", "severity", "findings", "chains"].map(str::to_owned).to_vec()];
        for ((Reverse(severity), code), findings) in by_code(&self.report.findings) {
            let (code, severity) = (code.as_str().to_owned(), severity.as_str().to_owned());
            let numbers = [findings.len(), chains_of(&findings)].map(|n| count(n as u64));
            rows.push([code, severity].into_iter().chain(numbers).collect());
        }
        page.table(2, 2, &rows)
    }

    /// The findings of one code in one chain, and what to do about them, once.
    fn of_code(
        &self,
        page: &mut TextPage<'_>,
        severity: Severity,
        code: Code,
        findings: &[&Finding],
    ) -> io::Result<()> {
        let (style, remedy) = (page::of_severity(severity), code.remedy_of(severity));
        let severity = page.paint(style, severity.as_str());
        let code_name = page.paint(style.bold(), code.as_str());
        let number = match findings.len() {
            1 => String::new(),
            n => format!(" ({})", count(n as u64)),
        };
        page.blank()?;
        page.line(4, format!("{severity} {code_name}{number}"))?;
        for finding in findings.iter().take(FINDINGS_OF_A_CODE) {
            self.finding(page, finding)?;
        }
        if findings.len() > FINDINGS_OF_A_CODE {
            let more = count((findings.len() - FINDINGS_OF_A_CODE) as u64);
            page.line(6, format!("- {more} more in the JSON report"))?;
        }
        page.row(6, ("what to do", BOLD), remedy)
    }

    fn finding(&self, page: &mut TextPage<'_>, finding: &Finding) -> io::Result<()> {
        let message = Printable(&finding.message).to_string();
        page.paragraph(6, ("- ", PLAIN), &message, 8)?;
        // The chain's own bucket stands in the chain's heading.
        let (bucket, time) = (other_bucket(finding), touched(finding));
        for (label, text) in [
            ("bucket", bucket),
            ("object", finding.key.as_deref()),
            ("time", time.as_deref()),
            ("expected", finding.expected.as_deref()),
            ("actual", finding.actual.as_deref()),
            ("referenced by", finding.referenced_by.as_deref()),
        ] {
            if let Some(text) = text {
                page.name(8, (label, PLAIN), Printable(text))?;
            }
        }
        finding.events.iter().try_for_each(|event| self.event(page, event))
    }

    fn event(&self, page: &mut TextPage<'_>, event: &FoundEvent) -> io::Result<()> {
        let by = event.by.as_deref().unwrap_or("an unknown identity");
        let from = event.from.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
        let told = format!("{} by {by}{from}, {}", event.event, event.time);
        page.name(8, (event.role.as_str(), PLAIN), Printable(&told))?;
        page.name(8, ("", PLAIN), Printable(&event.key))
    }
}
