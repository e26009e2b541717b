//! A run as one page to read, print and hand over.
//!
//! The page holds no script and asks the network for nothing, and its content security policy
//! forbids both, so that even a failed escape could not run. Texts of a report are hostile: all
//! of them go through [`Printable`], then through the templates' escaping, and never into an
//! address, an id or a class. Lists have limits, as in the text report; what a limit leaves out
//! is counted, and the reader is sent to the other formats.

use std::io::{self, BufWriter, Write};

use askama::Template;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use self::entries::{Cut, ENTRIES, LabelledRow, class};
use super::RunReport;
use super::chain_verdicts::ChainVerdicts;
use super::controls::{Controls, Support};
use super::headline::headline;
use super::problems::problems;
use super::run::{INTERRUPTED, SCHEMA};
use super::wording;
use crate::model::Printable;
use crate::model::time::format_digest_time;

mod appendix;
mod axis;
mod chains;
mod entries;
mod findings;
mod heat;
mod scope;
mod summary;
mod timeline;

/// The style sheet. The page's policy allows it by its hash value, and no other.
const STYLE: &str = include_str!("html/style.css");

/// Writes the report.
///
/// # Errors
/// When the output cannot be written.
pub fn render(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    let controls = Controls::load()?;
    let verdicts = ChainVerdicts::new(report);
    let numbers = chains::Numbers::new(report);
    let offers = controls.offers(report);
    let found = problems(report);
    let findings =
        findings::FindingsSection::new(report, &numbers, summary::shown_problems(&found));
    let page = HtmlPage {
        policy: policy(),
        style: STYLE,
        verdict: wording::verdict_of(report),
        class: class(report.verdict),
        headline: sentence(&headline(report, &found)),
        aside: wording::aside(report),
        interrupted: (report.exit_status == INTERRUPTED).then_some(wording::INTERRUPTED_MEANING),
        problems: summary::Problems::new(&found, &findings),
        heat: heat::Heat::new(&verdicts),
        finished: format_digest_time(report.finished),
        totals: scope::totals(report),
        scope: scope::scope(report),
        run: scope::run(report),
        timeline: chains::Timeline::new(report, &verdicts, &numbers),
        findings,
        not_proven: Cut::new(&report.not_proven, ENTRIES, |s| Printable(s).to_string()),
        controls: &controls,
        offers: offers.iter().map(|o| ControlRow { offer: o, badge: badge(o.support) }).collect(),
        certification: controls.certification.fill(report),
        chains: appendix::chains(report, &verdicts),
        keys: appendix::keys(report),
        schema: SCHEMA,
        version: env!("CARGO_PKG_VERSION"),
    };
    let mut out = BufWriter::new(out);
    page.write_into(&mut out)?;
    out.flush()
}

/// Data of the page. All of it is safe to show; the template escapes it.
#[derive(Template)]
#[template(path = "page.html")]
struct HtmlPage<'a> {
    policy: String,
    style: &'static str,
    verdict: &'static str,
    class: &'static str,
    headline: String,
    aside: Option<String>,
    interrupted: Option<&'static str>,
    problems: summary::Problems,
    heat: Option<heat::Heat>,
    finished: String,
    totals: Vec<LabelledRow>,
    scope: Vec<LabelledRow>,
    run: Vec<LabelledRow>,
    timeline: chains::Timeline,
    findings: findings::FindingsSection,
    not_proven: Cut<String>,
    controls: &'a Controls,
    offers: Vec<ControlRow<'a>>,
    certification: Vec<String>,
    chains: Cut<appendix::ChainCounts>,
    keys: Cut<appendix::KeyRow>,
    schema: &'static str,
    version: &'static str,
}

/// Support of a run for a control, with the class and the word of its badge.
struct ControlRow<'a> {
    offer: &'a super::controls::ControlSupport<'a>,
    badge: (&'static str, &'static str),
}

/// Content security policy of the page: it may load the style sheet that it holds.
fn policy() -> String {
    let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
}

/// Words that follow a colon elsewhere, as a sentence of their own.
fn sentence(words: &str) -> String {
    let mut chars = words.chars();
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(chars).chain(['.']).collect()
}

const fn badge(support: Support) -> (&'static str, &'static str) {
    match support {
        Support::Supports => ("verified", "supports"),
        Support::InPart => ("incomplete", "supports in part"),
        Support::Nothing => ("incomplete", "says nothing"),
        Support::Against => ("violation", "speaks against"),
    }
}
