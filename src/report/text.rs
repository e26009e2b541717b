//! Renders a run for a reader: the verdict first, then what it rests on.
//!
//! Keys, messages and names come from a bucket and are not trusted: all of them are shown
//! through [`Printable`]. Only the page's own headings stand at the left margin. Lists have
//! limits, because a report on thousands of chains must still be read; what a limit leaves out
//! is counted, and stands in the JSON report.

use std::io::{self, Write};

use anstyle::Style;

use super::shared::{ByChain, meaning, number, title};
use super::{AcceptedGap, Counts, RunReport, Verdict};
use crate::model::Printable;
use crate::verify::{CoverageState, Finding, Severity};

mod chains;
mod findings;
pub(super) mod page;
use page::{BAD, GOOD, PLAIN, Page, UNSURE, bytes, count, counted, duration, span};

/// At most so many chains are shown in full, and so many accounts summed up.
const BLOCKS: usize = 100;
/// At most so many of the keys that were used are shown.
const KEYS: usize = 20;

/// How the page is to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextOptions {
    /// Whether ANSI styles are written; without, not one escape byte is.
    pub color: bool,
    /// The width that prose is wrapped to. Keys and hash values are never broken.
    pub width: usize,
}

impl Default for TextOptions {
    /// Plain, 100 columns: right for a file.
    fn default() -> Self {
        Self { color: false, width: 100 }
    }
}

/// Writes the report as text.
///
/// # Errors
/// When the output cannot be written.
pub fn render(report: &RunReport, out: &mut dyn Write, options: TextOptions) -> io::Result<()> {
    let mut page = Page::new(out, options);
    let text = Text::new(report);
    text.verdict(&mut page)?;
    text.scope(&mut page)?;
    text.chains(&mut page)?;
    text.findings(&mut page)?;
    text.not_proven(&mut page)?;
    text.run(&mut page)?;
    page.finish()
}

/// A report, with its findings at hand by chain.
struct Text<'a> {
    report: &'a RunReport,
    by_chain: ByChain<'a>,
}

impl<'a> Text<'a> {
    fn new(report: &'a RunReport) -> Self {
        Self { report, by_chain: ByChain::new(report) }
    }

    fn verdict(&self, page: &mut Page<'_>) -> io::Result<()> {
        let Self { report, .. } = self;
        let (word, style) = word(report.verdict);
        let seconds =
            |s: CoverageState| report.totals.coverage_seconds.get(&s).copied().unwrap_or(0);
        page.paragraph(0, (word, style.bold()), &format!(": {}", meaning(report)), 2)?;
        page.blank()?;
        page.row(2, ("findings", PLAIN), tally(&report.findings))?;
        let totals = &report.totals;
        page.row(2, ("chains", PLAIN), count(totals.chains))?;
        let states = CoverageState::ALL.into_iter().filter(|s| seconds(*s) != 0);
        let states: Vec<_> =
            states.map(|s| format!("{} {}", duration(seconds(s)), s.as_str())).collect();
        let coverage = if states.is_empty() { "none".to_owned() } else { states.join(", ") };
        page.row(2, ("chain time", PLAIN), coverage)?;
        page.row(2, ("digests", PLAIN), counts(&totals.digests))?;
        let logs = &totals.logs;
        let unreferenced = match logs.unreferenced {
            0 => String::new(),
            n => format!("; besides these, {} that no digest lists", count(n)),
        };
        page.row(2, ("log files", PLAIN), counts(&logs.listed) + &unreferenced)
    }

    fn scope(&self, page: &mut Page<'_>) -> io::Result<()> {
        let scope = &self.report.scope;
        page.heading("Scope")?;
        for (at, source) in scope.sources.iter().enumerate() {
            page.name(2, (if at == 0 { "source" } else { "" }, PLAIN), Printable(source))?;
        }
        let time = match (scope.start, scope.end) {
            (None, None) => "all there is".to_owned(),
            (None, Some(end)) => format!("all there is, up to {end} (UTC)"),
            (Some(start), None) => format!("from {start} on (UTC)"),
            (Some(start), Some(end)) => {
                let length = end.as_second() - start.as_second();
                format!("{} (UTC, {})", span(start, end), duration(length))
            }
        };
        page.row(2, ("time", PLAIN), time)?;
        for (label, only) in
            [("accounts", &scope.accounts), ("regions", &scope.regions), ("trails", &scope.trails)]
        {
            let shown = Printable(&only.join(", ")).to_string();
            page.row(2, (label, PLAIN), if only.is_empty() { "all" } else { &shown })?;
        }
        for accepted in &scope.accepted_gaps {
            let AcceptedGap { window, reason, used } = accepted;
            let used = if *used { "" } else { " (there is no such gap)" };
            let text = format!("{}: {reason}{used}", span(window.start, window.end));
            page.row(2, ("accepted gap", PLAIN), Printable(&text).to_string())?;
        }
        let logs = if scope.logs { "checked" } else { "not checked, as asked (--no-logs)" };
        page.row(2, ("log files", PLAIN), logs)
    }

    fn not_proven(&self, page: &mut Page<'_>) -> io::Result<()> {
        if self.report.not_proven.is_empty() {
            return Ok(());
        }
        page.heading("What this run does not show")?;
        self.report.not_proven.iter().try_for_each(|sentence| {
            page.paragraph(2, ("- ", PLAIN), &Printable(sentence).to_string(), 4)
        })
    }

    fn run(&self, page: &mut Page<'_>) -> io::Result<()> {
        let RunReport { totals, keys, started, finished, tool, exit_status, .. } = self.report;
        page.heading("Run")?;
        let checked = |c: &Counts| c.valid + c.invalid;
        let read = format!(
            "{} as stored, for {} and {} checked; {} hashed; {}",
            bytes(totals.bytes_read),
            counted(checked(&totals.digests), "digest", "digests"),
            counted(checked(&totals.logs.listed), "log file", "log files"),
            bytes(totals.bytes_hashed),
            counted(totals.requests, "request", "requests"),
        );
        page.row(2, ("read", PLAIN), read)?;
        let used: Vec<_> = keys.iter().filter(|key| key.used).collect();
        let number =
            format!("{} used of {} at hand", count(used.len() as u64), count(keys.len() as u64));
        page.row(2, ("keys", PLAIN), number)?;
        for key in used.iter().take(KEYS) {
            let region = key.region.as_ref().map_or("region not told", |r| r.as_str());
            let validity = match (key.valid_from, key.valid_to) {
                (Some(from), Some(to)) => format!("valid {}", span(from, to)),
                (Some(from), None) => format!("valid from {from} on"),
                (None, Some(to)) => format!("valid up to {to}"),
                (None, None) => "validity not told".to_owned(),
            };
            let source = Printable(&key.source);
            page.more(2, format!("{}  {region}  {validity}  {source}", key.fingerprint))?;
        }
        if used.len() > KEYS {
            page.more(2, format!("{} more in the JSON report", count((used.len() - KEYS) as u64)))?;
        }
        let took = (finished.as_millisecond() - started.as_millisecond()).max(0);
        let took = match took / 1000 {
            0..60 => format!("{:.1} s", took as f64 / 1000.0),
            seconds => duration(seconds),
        };
        page.row(2, ("started", PLAIN), format!("{started}, took {took}"))?;
        let (name, version) = (Printable(&tool.name), Printable(&tool.version));
        page.row(2, ("tool", PLAIN), format!("{name} {version}"))?;
        page.row(2, ("exit status", PLAIN), exit_status)
    }
}

/// A verdict as a reader first sees it.
const fn word(verdict: Verdict) -> (&'static str, Style) {
    match verdict {
        Verdict::Verified => ("VERIFIED", GOOD),
        Verdict::Violation => ("VIOLATION", BAD),
        Verdict::Incomplete => ("INCOMPLETE", UNSURE),
    }
}

fn counts(counts: &Counts) -> String {
    let Counts { valid, invalid, unchecked } = counts;
    format!("{} valid, {} invalid, {} unchecked", count(*valid), count(*invalid), count(*unchecked))
}

/// How many findings there are of each severity.
fn tally<'a>(findings: impl IntoIterator<Item = &'a Finding> + Clone) -> String {
    let of = |severity| number(findings.clone(), severity) as u64;
    let violations = counted(of(Severity::Violation), "violation", "violations");
    let notices = counted(of(Severity::Notice), "notice", "notices");
    format!("{violations}, {} incomplete, {notices}", count(of(Severity::Incomplete)))
}
