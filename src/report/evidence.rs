//! Report of checking an evidence bag: `trailseal.evidence-check/1`.

use std::io::{self, Write};

use anstyle::Style;
use jiff::Timestamp;
use serde::Serialize;

use super::AcceptedGap;
use super::run::{KeyReport, RanBy, Scope, Tool, Totals, Unreferenced, Verdict};
use super::text::TextOptions;
use super::text::page::{BAD, BOLD, GOOD, PLAIN, TextPage, UNSURE};
use super::wording::{self, count, counted, span};
use crate::crypto::document::CertificateInfo;
use crate::model::Printable;
use crate::store::bag::BagFault;
use crate::verify::{Finding, Severity};

/// The schema's name and major version.
pub const SCHEMA: &str = "trailseal.evidence-check/1";
/// Most faults or findings that are shown in text.
const SHOWN: usize = 50;

/// Result of checking a signature or time-stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Trust {
    /// It fits, and its certificate leads to an authority that was given.
    Trusted,
    /// It fits; no authority was given, so whose it is rests on the certificate's own word.
    Unchecked,
    /// It fits, and its certificate leads to none of the authorities that were given.
    Untrusted,
    /// It does not fit.
    Broken,
    /// It could not be read.
    Unread,
    /// There is none.
    Absent,
}

impl Trust {
    /// Verdict that follows from it; `asked` is true if authorities were given.
    #[must_use]
    pub const fn verdict(self, asked: bool) -> Verdict {
        match self {
            Self::Broken => Verdict::Violation,
            Self::Untrusted | Self::Unread => Verdict::Incomplete,
            Self::Absent if asked => Verdict::Incomplete,
            Self::Trusted | Self::Unchecked | Self::Absent => Verdict::Verified,
        }
    }
}

/// A signature or time-stamp.
#[derive(Debug, Clone, Serialize)]
pub struct SealPart {
    /// Result of the check.
    pub trust: Trust,
    /// Certificate of the signer, which states whose it is.
    pub by: Option<CertificateInfo>,
    /// Time of it: of a signature by the signer's own word, a time-stamp by its authority's.
    pub time: Option<Timestamp>,
    /// Reason why it is invalid or not trusted.
    pub problem: Option<String>,
}

impl SealPart {
    /// One that is not there.
    #[must_use]
    pub const fn absent() -> Self {
        Self { trust: Trust::Absent, by: None, time: None, problem: None }
    }
}

/// The seal of a bag.
#[derive(Debug, Clone, Serialize)]
pub struct SealReport {
    /// The signature over the tag manifest.
    pub signature: SealPart,
    /// The statement about the bag, by the same key.
    pub statement: SealPart,
    /// The time-stamp.
    pub time_stamp: SealPart,
    /// Further time-stamps, each over the earlier ones too.
    pub renewals: Vec<SealPart>,
}

/// Result of the run, as stated in the bag.
#[derive(Debug, Clone, Serialize)]
pub struct Recorded {
    /// Its verdict.
    pub verdict: Verdict,
    /// Reference time.
    pub finished: Timestamp,
    /// Operator and identity of the run.
    pub ran_by: RanBy,
    /// Sums over all chains.
    pub totals: Totals,
}

/// Result of verifying the bag's objects again.
#[derive(Debug, Clone, Serialize)]
pub struct Reverified {
    /// The verdict.
    pub verdict: Verdict,
    /// True if log files were read again: a bag need not hold them.
    pub logs: bool,
    /// The requested scope, as stated in the bag.
    pub scope: Scope,
    /// Sums over all chains.
    pub totals: Totals,
    /// The keys that its digests were verified with.
    pub keys: Vec<KeyReport>,
    /// The findings.
    pub findings: Vec<Finding>,
}

/// Result of checking an evidence bag.
#[derive(Debug, Clone, Serialize)]
pub struct CheckReport {
    /// Always [`SCHEMA`].
    pub schema: &'static str,
    /// The program that made this report.
    pub tool: Tool,
    /// The bag, as it was named.
    pub bag: String,
    /// Time of the check.
    pub checked: Timestamp,
    /// The verdict.
    pub verdict: Verdict,
    /// The status that the command exits with.
    pub exit_status: u8,
    /// The hash value of the tag manifest, which stands for the whole bag.
    pub tag_manifest: String,
    /// Number of files in the payload.
    pub files: u64,
    /// Faults of the bag itself.
    pub faults: Vec<BagFault>,
    /// Its seal.
    pub seal: SealReport,
    /// Result of its run, as stated in the bag.
    pub recorded: Option<Recorded>,
    /// Result of verifying it again.
    pub reverified: Option<Reverified>,
    /// True if it was verified by the keys in the bag, whose own word it then is that they are
    /// CloudTrail's.
    pub by_own_keys: bool,
    /// Differences between the two.
    pub differences: Vec<String>,
    /// Limits of this check.
    pub not_proven: Vec<String>,
}

impl Recorded {
    fn write(&self, page: &mut TextPage<'_>) -> io::Result<()> {
        let Self { verdict, finished, ran_by, .. } = self;
        let operator = ran_by.operator.as_deref().unwrap_or("not stated");
        let text = format!(
            "{verdict}, as of {finished} (UTC); operator: {}; identity: {}",
            Printable(operator),
            Printable(ran_by.identity.as_deref().unwrap_or("not stated"))
        );
        page.row(2, ("its report", PLAIN), text)
    }
}

impl Reverified {
    fn write(&self, page: &mut TextPage<'_>) -> io::Result<()> {
        let Self { verdict, logs, totals, .. } = self;
        write_scope(page, &self.scope)?;
        let read = match logs {
            true => {
                let listed = &totals.logs.listed;
                format!("{} log files of {} valid", count(listed.valid), count(listed.total()))
            }
            false => "log files were not verified again: the bag does not hold them all".into(),
        };
        let digests = &totals.digests;
        let text = format!(
            "{verdict}; {} digests of {} valid, {read}",
            count(digests.valid),
            count(digests.total())
        );
        page.row(2, ("verified again", PLAIN), text)?;
        for key in &self.keys {
            let (region, validity) = (wording::key_region(key), wording::validity(key));
            let text = format!("{}; {region}; {validity}", key.fingerprint);
            page.row(2, ("by key", PLAIN), text)?;
        }
        page.row(2, ("chain time", PLAIN), wording::chain_time_of(totals))
    }
}

/// Writes what was asked of the run: whoever packs a bag can ask for little.
fn write_scope(page: &mut TextPage<'_>, scope: &Scope) -> io::Result<()> {
    page.row(2, ("asked: time", PLAIN), wording::time_asked(scope))?;
    let filters =
        [("accounts", &scope.accounts), ("regions", &scope.regions), ("trails", &scope.trails)];
    for (label, only) in filters.into_iter().filter(|(_, only)| !only.is_empty()) {
        let only = Printable(&only.join(", ")).to_string();
        page.row(2, (label, PLAIN), format!("{only}, and no others"))?;
    }
    if let Some(grace) = scope.grace_seconds {
        let text = format!("a digest may be {} late", wording::duration(grace));
        page.row(2, ("grace", PLAIN), text)?;
    }
    for AcceptedGap { window, reason, used } in &scope.accepted_gaps {
        let used = if *used { "" } else { " (there is no such gap)" };
        let text = format!("{}: {reason}{used}", span(window.start, window.end));
        page.row(2, ("accepted gap", PLAIN), Printable(&text))?;
    }
    for accepted in &scope.accepted_ends {
        page.row(2, ("accepted end", PLAIN), Printable(&accepted.line()))?;
    }
    match scope.unreferenced {
        Unreferenced::Violation => Ok(()),
        Unreferenced::Notice | Unreferenced::Ignore => {
            page.row(2, ("unreferenced", PLAIN), "log files that no digest lists weigh nothing")
        }
    }
}

impl CheckReport {
    /// Writes it as text.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn render(&self, out: &mut dyn Write, options: TextOptions) -> io::Result<()> {
        let mut page = TextPage::new(out, options);
        let (word, style, meaning) = self.headline();
        page.paragraph(0, (word, style.bold()), meaning, 2)?;
        page.blank()?;
        self.write_payload(&mut page)?;
        self.write_seal(&mut page)?;
        if let Some(recorded) = &self.recorded {
            recorded.write(&mut page)?;
        }
        if let Some(again) = &self.reverified {
            again.write(&mut page)?;
        }
        self.write_problems(&mut page)?;
        page.heading("What this check does not show")?;
        self.not_proven.iter().try_for_each(|sentence| {
            page.paragraph(2, ("- ", PLAIN), &Printable(sentence).to_string(), 4)
        })?;
        page.finish()
    }

    /// Word of the verdict, its style and its meaning.
    fn headline(&self) -> (&'static str, Style, &'static str) {
        // Whoever packed a bag chose its keys.
        let verified = if self.by_own_keys { "VERIFIED by the bag's own keys" } else { "VERIFIED" };
        match self.verdict {
            Verdict::Verified if self.reverified.as_ref().is_some_and(|again| again.logs) => (
                verified,
                GOOD,
                ": the bag is whole and unaltered, and what it holds proves what its report says.",
            ),
            Verdict::Verified => (
                verified,
                GOOD,
                ": the bag is whole and unaltered, and its digests prove what its report says of them; log files were not verified again.",
            ),
            Verdict::Violation if self.is_intact() => (
                "VIOLATION",
                BAD,
                ": the bag is whole and unaltered; what it holds contradicts what was signed, and its report says so.",
            ),
            Verdict::Violation => (
                "VIOLATION",
                BAD,
                ": the bag was altered, or what it holds contradicts what it says.",
            ),
            Verdict::Incomplete => {
                ("INCOMPLETE", UNSURE, ": nothing contradicts, but not all of it could be proven.")
            }
        }
    }

    fn write_payload(&self, page: &mut TextPage<'_>) -> io::Result<()> {
        page.name(2, ("bag", PLAIN), Printable(&self.bag))?;
        page.name(2, ("tag manifest", PLAIN), &self.tag_manifest)?;
        let files = counted(self.files, "file", "files");
        let whole = match self.faults.len() {
            0 => format!("{files}, each as its manifest says, and no other"),
            n => format!("{files}; {}", counted(n as u64, "fault", "faults")),
        };
        page.row(2, ("payload", PLAIN), whole)
    }

    /// True if nothing is wrong with the bag itself, and its report says what its content shows.
    fn is_intact(&self) -> bool {
        let SealReport { signature, statement, time_stamp, renewals } = &self.seal;
        let parts = [signature, statement, time_stamp].into_iter().chain(renewals);
        let broken = parts.into_iter().any(|part| part.trust == Trust::Broken);
        let same = |again: &Reverified| {
            self.recorded.as_ref().is_some_and(|told| told.verdict == again.verdict)
        };
        let told = self.differences.is_empty() && self.reverified.as_ref().is_some_and(same);
        self.faults.is_empty() && !broken && told
    }

    fn write_seal(&self, page: &mut TextPage<'_>) -> io::Result<()> {
        let SealReport { signature, statement, time_stamp, renewals } = &self.seal;
        let further = renewals.iter().map(|part| ("renewed", part));
        let parts =
            [("signature", signature), ("statement", statement), ("time-stamp", time_stamp)];
        for (label, part) in parts.into_iter().chain(further) {
            let (style, text) = match part.trust {
                Trust::Absent => (PLAIN, "none"),
                Trust::Trusted => (GOOD, "valid, by an authority that you gave"),
                Trust::Unchecked => (PLAIN, "valid; signer NOT verified (use --ca)"),
                Trust::Untrusted => (UNSURE, "valid, but not trusted"),
                Trust::Broken => (BAD, "does not hold"),
                Trust::Unread => (UNSURE, "could not be read"),
            };
            let problem = part.problem.as_ref().map_or(String::new(), |p| format!(": {p}"));
            page.row(2, (label, style), format!("{text}{}", Printable(&problem)))?;
            if let Some(by) = &part.by {
                page.more(2, Printable(&by.subject))?;
                let issued = format!(
                    "issued by {}, serial {}, valid {} to {}",
                    by.issuer, by.serial, by.valid_from, by.valid_to
                );
                page.more(2, Printable(&issued))?;
            }
            if let Some(time) = part.time {
                let whose = if label == "signature" { "signer's own" } else { "authority's" };
                page.more(2, format!("{time} (UTC), by the {whose} word"))?;
            }
        }
        Ok(())
    }

    fn write_problems(&self, page: &mut TextPage<'_>) -> io::Result<()> {
        if !self.faults.is_empty() {
            page.heading("Faults of the bag")?;
        }
        for fault in self.faults.iter().take(SHOWN) {
            page.paragraph(2, (fault.code, BAD), &format!(": {fault}"), 4)?;
        }
        self.more(page, self.faults.len())?;
        let findings: Vec<_> = self
            .reverified
            .iter()
            .flat_map(|again| &again.findings)
            .filter(|finding| finding.severity > Severity::Notice)
            .collect();
        if !findings.is_empty() {
            page.heading("Found when it was verified again")?;
        }
        for finding in findings.iter().take(SHOWN) {
            let style = if finding.severity == Severity::Violation { BAD } else { UNSURE };
            let text = format!(": {}", Printable(&finding.message));
            page.paragraph(2, (finding.code.as_str(), style), &text, 4)?;
            if let Some(key) = &finding.key {
                page.name(4, ("", PLAIN), Printable(key))?;
            }
        }
        self.more(page, findings.len())?;
        if !self.differences.is_empty() {
            page.heading("Where that differs from its report")?;
        }
        for difference in self.differences.iter().take(SHOWN) {
            let text = Printable(difference).to_string();
            page.paragraph(2, ("- ", BOLD), &text, 4)?;
        }
        self.more(page, self.differences.len())
    }

    fn more(&self, page: &mut TextPage<'_>, all: usize) -> io::Result<()> {
        match all.checked_sub(SHOWN).filter(|more| *more > 0) {
            Some(more) => page.line(2, format!("{} more: see --format json", count(more as u64))),
            None => Ok(()),
        }
    }
}
