//! Reporting of log files that no digest lists, though digests cover their time and place.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::judging::Judging;
use crate::model::{BucketName, ChainId, ChainKind, Window};
use crate::report::Unreferenced;
use crate::report::wording::counted;
use crate::verify::candidates::{Candidate, Name};
use crate::verify::notices::NoticeCollapser;
use crate::verify::{Code, Finding, Severity};

/// Number of log files from which on they may be another trail's, and not single ones that were put
/// there.
const OF_A_TRAIL: u64 = 50;
/// Number of hours over which those of a trail are spread, at least.
const HOURS_OF_A_TRAIL: usize = 6;
/// Log files that are reported one by one; the rest is counted.
const ONE_BY_ONE: usize = 200;

/// A log file that no digest lists, though digests cover its time and place.
#[derive(Debug, Clone, Copy)]
pub struct UnlistedLog<'a> {
    /// The only standard chain of the area, where there is one only.
    pub chain: Option<&'a ChainId>,
    /// The bucket, where it is known.
    pub bucket: Option<&'a str>,
    /// Its key.
    pub key: &'a str,
    /// True if the next digest may still list it.
    pub suspect: bool,
}

/// Log files of an area that should be listed, as they come in the order of their keys.
pub(super) struct UnreferencedLogs {
    bucket: Option<BucketName>,
    folder: String,
    /// The only standard chain of the area, where there is one only.
    chain: Option<ChainId>,
    policy: Unreferenced,
    certain: SeverityGroup,
    suspect: SeverityGroup,
    copies: NoticeCollapser,
}

/// Log files of one severity.
#[derive(Default)]
struct SeverityGroup {
    count: u64,
    findings: Vec<Finding>,
    /// Time of those that have no finding of their own.
    rest: Option<Window>,
    hours: BTreeSet<i64>,
    time: Option<Window>,
}

impl SeverityGroup {
    fn push(&mut self, finding: Finding, time: Timestamp) {
        let widened = |window: Option<Window>| {
            let window = window.unwrap_or(Window::new(time, time));
            Some(Window::new(window.start.min(time), window.end.max(time)))
        };
        self.count += 1;
        self.hours.insert(time.as_second().div_euclid(3600));
        self.time = widened(self.time);
        match self.findings.len() < ONE_BY_ONE {
            true => self.findings.push(finding),
            false => self.rest = widened(self.rest),
        }
    }

    /// The time of log files that are many and regular.
    fn of_a_trail(&self) -> Option<Window> {
        let (first, last) = (self.hours.first()?, self.hours.last()?);
        let regular =
            self.hours.len() >= HOURS_OF_A_TRAIL && 2 * self.hours.len() as i64 > last - first;
        self.time.filter(|_| self.count >= OF_A_TRAIL && regular)
    }

    fn rest(&self) -> Option<(u64, Window)> {
        Some((self.count - self.findings.len() as u64, self.rest?))
    }
}

impl UnreferencedLogs {
    pub(super) fn new(area: &Judging<'_>) -> Self {
        let id = &area.facts.id;
        Self {
            bucket: id.bucket.clone(),
            folder: id.place.folder(),
            chain: only_standard_chain(area),
            policy: area.question.unreferenced,
            certain: SeverityGroup::default(),
            suspect: SeverityGroup::default(),
            copies: NoticeCollapser::default(),
        }
    }

    fn bucket(&self) -> Option<&str> {
        self.bucket.as_ref().map(BucketName::as_str)
    }

    /// Takes a log file that should be listed, or, where it is only `suspect`, one that the next
    /// digest may still list.
    pub(super) fn push<E>(
        &mut self,
        each: &mut dyn FnMut(UnlistedLog<'_>) -> Result<(), E>,
        candidate: &Candidate,
        time: Timestamp,
        suspect: bool,
    ) -> Result<(), E> {
        let (chain, bucket) = (self.chain.as_ref(), self.bucket());
        each(UnlistedLog { chain, bucket, key: &candidate.key, suspect })?;
        let message = match (suspect, candidate.name) {
            (true, _) => {
                "No digest lists this log file, although its name is in proven time. Either it was delivered after the digests that could list it, and a later or backfill digest will list it, or someone added it. Verify again with the next digest; for a copy, copy the following days too."
            }
            (false, Name::InPlace(_)) => {
                "No digest lists this log file, although digests cover its time and place."
            }
            (false, _) => {
                "No digest lists this file, although digests cover its place. It is not named like a log file, but tools that read the folder will read it as one."
            }
        };
        let mut finding = Finding::new(Code::LogUnreferenced, message);
        finding = finding.object(self.bucket(), &candidate.key);
        let folder = candidate.folder;
        let window = match candidate.name {
            Name::InPlace(time) => Window::new(time, time),
            _ if folder == Window::ALL => Window::new(time, time),
            _ => folder,
        };
        let kept = if suspect { &mut self.suspect } else { &mut self.certain };
        kept.push(finding.window(window), time);
        Ok(())
    }

    /// Takes a file that holds the very bytes of a log file that a digest lists.
    pub(super) fn copy(&mut self, candidate: &Candidate, original: &str) {
        let message = "This file has the same bytes as a listed log file, under another name: tools that read the folder will count its events twice.";
        let finding = Finding::new(Code::LogUnreferenced, message).severity(Severity::Notice);
        let finding = finding.object(self.bucket(), &candidate.key);
        self.copies.push(Finding { expected: Some(original.to_owned()), ..finding });
    }

    /// The number of log files that should be listed, and the findings: one on each, or one on all
    /// of them where they look like those of another trail.
    pub(super) fn finish(self) -> (u64, Vec<Finding>) {
        let count = self.certain.count + self.suspect.count;
        let severity = match self.policy {
            Unreferenced::Violation => Some(Severity::Violation),
            Unreferenced::Notice => Some(Severity::Notice),
            Unreferenced::Ignore => None,
        };
        let mut findings = Vec::new();
        for (kept, worst) in
            [(&self.certain, Severity::Violation), (&self.suspect, Severity::Incomplete)]
        {
            let Some(severity) = severity.map(|severity| severity.min(worst)) else { continue };
            let grouped = |message: String, window: Window| {
                let finding = Finding::new(Code::LogUnreferenced, message).severity(severity);
                finding.object(self.bucket(), &*self.folder).window(window)
            };
            match kept.of_a_trail() {
                Some(window) => {
                    let message = format!(
                        "No digest lists {} log files of this time, although digests cover their time and place. They occur in most hours, as if a trail without log file validation wrote to the same folders. If there is such a trail, use --unreferenced notice. --objects lists them.",
                        kept.count
                    );
                    findings.push(grouped(message, window));
                }
                None => {
                    findings.extend(kept.findings.iter().map(|f| f.clone().severity(severity)));
                    findings.extend(kept.rest().map(|(more, window)| {
                        let message = format!(
                            "{} of this time that no digest lists, although digests cover their time and place. --objects lists all.",
                            counted(more, "more log file", "more log files")
                        );
                        grouped(message, window)
                    }));
                }
            }
        }
        for finding in &mut findings {
            finding.chain = self.chain.clone();
        }
        findings.extend(self.copies.into_findings());
        (count, findings)
    }
}

fn only_standard_chain(area: &Judging<'_>) -> Option<ChainId> {
    let mut standard = area.chains.keys().filter(|id| id.kind == ChainKind::Standard);
    let first = standard.next()?;
    standard.next().is_none().then(|| first.clone())
}
