//! Renders a run for a reader: the verdict first, then what it rests on.
//!
//! Keys, messages and names come from a bucket and are not trusted: all of them are shown
//! through [`Printable`]. Only the page's own headings stand at the left margin. Lists have
//! limits, because a report on thousands of chains must still be read; what a limit leaves out
//! is counted, and stands in the JSON report.

use std::io::{self, Write};

use anstyle::Style;

use super::chain_verdicts::ChainVerdicts;
use super::headline::headline;
use super::problems::{Problem, problems};
use super::run::INTERRUPTED;
use super::wording::{self, count, counted, span};
use super::{AcceptedGap, RunReport, Verdict};
use crate::model::Printable;

mod chains;
mod findings;
pub(super) mod page;
mod summary;
pub use page::TextOptions;
use page::{BAD, GOOD, PLAIN, TextPage, UNSURE};
pub(super) use summary::{Next, write_problem};

/// Most used keys that are shown.
const KEYS: usize = 20;

/// Writes the report as text.
///
/// # Errors
/// When the output cannot be written.
pub fn render(report: &RunReport, out: &mut dyn Write, options: TextOptions) -> io::Result<()> {
    let mut page = TextPage::new(out, options);
    let text = TextReport::new(report);
    text.verdict(&mut page)?;
    text.problems(&mut page)?;
    text.table(&mut page)?;
    text.limits(&mut page)?;
    text.findings(&mut page)?;
    text.chains(&mut page)?;
    text.scope(&mut page)?;
    text.not_proven(&mut page)?;
    text.run(&mut page)?;
    page.finish()
}

/// A report with the verdicts of its chains, and its findings grouped.
struct TextReport<'a> {
    report: &'a RunReport,
    verdicts: ChainVerdicts<'a>,
    problems: Vec<Problem>,
}

impl<'a> TextReport<'a> {
    fn new(report: &'a RunReport) -> Self {
        Self { report, verdicts: ChainVerdicts::new(report), problems: problems(report) }
    }

    fn verdict(&self, page: &mut TextPage<'_>) -> io::Result<()> {
        let Self { report, problems, .. } = self;
        let (_, style) = word(report.verdict);
        let headline = format!(": {}", headline(report, problems));
        page.paragraph(0, (wording::verdict_of(report), style.bold()), &headline, 2)?;
        if report.exit_status == INTERRUPTED {
            page.paragraph(2, ("", PLAIN), wording::INTERRUPTED_MEANING, 2)?;
        }
        // What a problem does not say.
        match wording::aside(report) {
            Some(aside) => page.paragraph(2, ("", PLAIN), &aside, 2),
            None => Ok(()),
        }
    }

    fn limits(&self, page: &mut TextPage<'_>) -> io::Result<()> {
        page.blank()?;
        page.paragraph(2, ("", PLAIN), &last_line(self.report), 2)
    }

    fn scope(&self, page: &mut TextPage<'_>) -> io::Result<()> {
        let scope = &self.report.scope;
        page.heading("Scope")?;
        for (at, source) in scope.sources.iter().enumerate() {
            page.name(2, (if at == 0 { "source" } else { "" }, PLAIN), Printable(source))?;
        }
        page.row(2, ("time", PLAIN), wording::time_asked(scope))?;
        for (label, only) in
            [("accounts", &scope.accounts), ("regions", &scope.regions), ("trails", &scope.trails)]
        {
            let shown = Printable(&only.join(", ")).to_string();
            page.row(2, (label, PLAIN), if only.is_empty() { "all" } else { &shown })?;
        }
        for left_out in [&scope.excluded_accounts, &scope.excluded_regions] {
            if !left_out.is_empty() {
                page.row(2, ("left out", PLAIN), Printable(&left_out.join(", ")).to_string())?;
            }
        }
        for accepted in &scope.accepted_gaps {
            let AcceptedGap { window, reason, used } = accepted;
            let used = if *used { "" } else { " (not used: no such gap)" };
            let text = format!("{}: {reason}{used}", span(window.start, window.end));
            page.row(2, ("accepted gap", PLAIN), Printable(&text).to_string())?;
        }
        for accepted in &scope.accepted_ends {
            page.row(2, ("accepted end", PLAIN), Printable(&accepted.line()).to_string())?;
        }
        page.row(2, ("log files", PLAIN), wording::logs_checked(scope))
    }

    fn not_proven(&self, page: &mut TextPage<'_>) -> io::Result<()> {
        if self.report.not_proven.is_empty() {
            return Ok(());
        }
        page.heading("What this run does not show")?;
        self.report.not_proven.iter().try_for_each(|sentence| {
            page.paragraph(2, ("- ", PLAIN), &Printable(sentence).to_string(), 4)
        })
    }

    fn run(&self, page: &mut TextPage<'_>) -> io::Result<()> {
        let RunReport { keys, started, tool, exit_status, .. } = self.report;
        page.heading("Run")?;
        page.row(2, ("chain time", PLAIN), wording::chain_time(self.report))?;
        page.row(2, ("digests", PLAIN), wording::counts(&self.report.totals.digests))?;
        page.row(2, ("log files", PLAIN), wording::log_files(self.report))?;
        page.row(2, ("read", PLAIN), wording::read(self.report))?;
        let used: Vec<_> = keys.iter().filter(|key| key.used).collect();
        let column = 2 + page::LABEL;
        let number = format!("{} of {} used", count(used.len() as u64), count(keys.len() as u64));
        page.row(2, ("keys", PLAIN), number)?;
        for key in used.iter().take(KEYS) {
            let (region, validity) = (wording::key_region(key), wording::validity(key));
            let source = Printable(&key.source);
            let facts = [region.to_owned(), validity, source.to_string()];
            let fingerprint = format!("{:column$}{}", "", key.fingerprint);
            page.facts(&[(&fingerprint, PLAIN)], &facts, column + 2)?;
        }
        if used.len() > KEYS {
            page.more(2, format!("{} more in the JSON report", count((used.len() - KEYS) as u64)))?;
        }
        let took = wording::took(self.report);
        page.row(2, ("started", PLAIN), format!("{started}, took {took}"))?;
        let (name, version) = (Printable(&tool.name), Printable(&tool.version));
        page.row(2, ("tool", PLAIN), format!("{name} {version}"))?;
        page.row(2, ("exit status", PLAIN), exit_status)
    }
}

/// A verdict as a reader first sees it.
const fn word(verdict: Verdict) -> (&'static str, Style) {
    let style = match verdict {
        Verdict::Verified => GOOD,
        Verdict::Violation => BAD,
        Verdict::Incomplete => UNSURE,
    };
    (wording::verdict(verdict), style)
}

/// Words on the limits of a run, its duration and its status.
fn last_line(report: &RunReport) -> String {
    let limits = counted(report.not_proven.len() as u64, "limit", "limits");
    format!(
        "This run does not show everything: {limits} at the end. Took {}, exit status {}.",
        wording::took(report),
        report.exit_status
    )
}
