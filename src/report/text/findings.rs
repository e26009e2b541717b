//! The findings, chain by chain, the worst first, each code with what to do about it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use super::page::{self, BOLD, PLAIN, Page, count};
use super::{BLOCKS, Text, tally, title};
use crate::model::{ChainId, Printable};
use crate::report::shared::facts;
use crate::verify::{Code, Finding, Severity};

/// At most so many findings of one code are shown for one chain.
const FINDINGS_OF_A_CODE: usize = 20;
/// With more findings than this, a table of their codes comes first.
const FINDINGS_AT_A_GLANCE: usize = 20;

/// The findings of one chain, or those of none.
type Group<'a> = (Option<&'a ChainId>, Vec<&'a Finding>);

impl Text<'_> {
    pub(super) fn findings(&self, page: &mut Page<'_>) -> io::Result<()> {
        let findings = &self.report.findings;
        page.heading(format!("Findings ({})", count(findings.len() as u64)))?;
        if findings.is_empty() {
            return page.line(2, "none");
        }
        if findings.len() > FINDINGS_AT_A_GLANCE {
            self.codes(page)?;
            page.blank()?;
        }
        let mut groups: Vec<Group<'_>> =
            self.by_chain.groups().map(|(c, f)| (c, f.to_vec())).collect();
        groups.sort_by_key(|(_, findings)| Reverse(findings.iter().map(|f| f.severity).max()));
        for (at, (chain, findings)) in groups.iter().take(BLOCKS).enumerate() {
            if at > 0 {
                page.blank()?;
            }
            match chain {
                Some(chain) => {
                    page.line(2, page.paint(BOLD, title(chain)))?;
                    page.line(2, Printable(&chain.to_string()))?;
                }
                None => page.line(2, page.paint(BOLD, "Not of one chain"))?,
            }
            // Violations first; within a severity in the order of the codes, then of the report.
            let mut codes: BTreeMap<_, Vec<_>> = BTreeMap::new();
            for finding in findings {
                let rank = (Reverse(finding.severity), finding.code);
                codes.entry(rank).or_default().push(*finding);
            }
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

    /// How many findings there are of each code, and in how many chains.
    fn codes(&self, page: &mut Page<'_>) -> io::Result<()> {
        let mut codes: BTreeMap<_, (u64, BTreeSet<_>)> = BTreeMap::new();
        for finding in &self.report.findings {
            let entry = codes.entry((Reverse(finding.severity), finding.code)).or_default();
            entry.0 += 1;
            entry.1.extend(&finding.chain);
        }
        let mut rows = vec![["code", "severity", "findings", "chains"].map(str::to_owned).to_vec()];
        for ((Reverse(severity), code), (number, chains)) in codes {
            let (code, severity) = (code.as_str().to_owned(), severity.as_str().to_owned());
            rows.push(vec![code, severity, count(number), count(chains.len() as u64)]);
        }
        page.table(2, 2, &rows)
    }

    /// The findings of one code in one chain, and what to do about them, once.
    fn of_code(
        &self,
        page: &mut Page<'_>,
        severity: Severity,
        code: Code,
        findings: &[&Finding],
    ) -> io::Result<()> {
        let style = page::of_severity(severity);
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
        page.row(6, ("what to do", BOLD), code.remedy())
    }

    fn finding(&self, page: &mut Page<'_>, finding: &Finding) -> io::Result<()> {
        let message = Printable(&finding.message).to_string();
        page.paragraph(6, ("- ", PLAIN), &message, 8)?;
        facts(finding).iter().try_for_each(|(label, fact)| page.name(8, (label, PLAIN), fact))
    }
}
