//! The report as Markdown (GFM), for an issue, a ticket or a wiki.
//!
//! Texts from a bucket must not become links, mentions, images or markup. Escapes are no safe way:
//! who renders a page may look for addresses and `@names` after it has taken the escapes away. So a
//! word of such a text stands as it is only where it is made of letters and digits as words are,
//! and all else stands in a code span, where nothing is looked for.
//!
//! Trackers limit the length of a text, so lists are cut and counted; the JSON report has it all.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};

use super::chain_verdicts::{ChainVerdicts, lacks_time};
use super::diff::Diff;
use super::finding_text::{escaped, finding_facts, truncated};
use super::headline::headline;
use super::problems::{Problem, problems};
use super::run::INTERRUPTED;
use super::wording::{
    INTERRUPTED_MEANING, aside, count, counted, duration, span, title, verdict, verdict_of,
};
use super::{ChainReport, RunReport, Verdict};
use crate::verify::{CoverageState, Finding};

/// Problems in the first table.
const PROBLEMS: usize = 20;
/// Most rows of chains.
const ROWS: usize = 50;
/// Most findings, and most of one code.
const FINDINGS: usize = 50;
const FINDINGS_OF_A_CODE: usize = 10;
/// Most bytes of one text.
const TEXT: usize = 600;

/// Writes the report.
///
/// # Errors
/// When the output cannot be written.
pub fn render(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    let verdicts = ChainVerdicts::new(report);
    head(report, &mut out)?;
    totals(report, &mut out)?;
    chains(report, &verdicts, &mut out)?;
    findings(report, &mut out)?;
    if !report.not_proven.is_empty() {
        out.write_all(b"\n## What this run does not show\n\n")?;
        for sentence in &report.not_proven {
            writeln!(out, "- {}", prose(sentence))?;
        }
    }
    out.flush()
}

fn head(report: &RunReport, out: &mut impl Write) -> io::Result<()> {
    let verdict = verdict_of(report);
    let problems = problems(report);
    let headline = capital(&headline(report, &problems)) + ".";
    writeln!(out, "# CloudTrail integrity: {verdict}\n\n{headline}\n")?;
    if let Some(aside) = aside(report) {
        writeln!(out, "{aside}\n")?;
    }
    if report.exit_status == INTERRUPTED {
        writeln!(out, "{INTERRUPTED_MEANING}\n")?;
    }
    table_of_problems(&problems, out)?;
    let scope = &report.scope;
    let time = match (scope.start, scope.end) {
        (None, None) => "all available".to_owned(),
        (None, Some(end)) => format!("all available, up to {end}"),
        (Some(start), None) => format!("from {start} on"),
        (Some(start), Some(end)) => span(start, end),
    };
    writeln!(out, "| | |\n|---|---|")?;
    for source in &scope.sources {
        row(out, &["source", &cell(source)])?;
    }
    row(out, &["time (UTC)", &cell(&time)])?;
    for (label, only) in [
        ("accounts", &scope.accounts),
        ("regions", &scope.regions),
        ("trails", &scope.trails),
        ("left out", &scope.excluded_accounts),
        ("left out", &scope.excluded_regions),
    ] {
        if !only.is_empty() {
            row(out, &[label, &cell(&only.join(" "))])?;
        }
    }
    for gap in &scope.accepted_gaps {
        let used = if gap.used { "" } else { " (not used: no such gap)" };
        let text = format!("{}: {}{used}", span(gap.window.start, gap.window.end), gap.reason);
        row(out, &["accepted gap", &cell(&text)])?;
    }
    for accepted in &scope.accepted_ends {
        row(out, &["accepted end", &cell(&accepted.line())])?;
    }
    let logs = if scope.logs { "checked" } else { "not checked (--no-logs)" };
    row(out, &["log files", logs])?;
    let ran_by = &report.ran_by;
    for (label, who) in [("run by", &ran_by.operator), ("read as", &ran_by.identity)] {
        if let Some(who) = who {
            row(out, &[label, &cell(who)])?;
        }
    }
    row(out, &["run", &cell(&span(report.started, report.finished))])?;
    row(out, &["exit status", &report.exit_status.to_string()])?;
    row(out, &["tool", &cell(&format!("{} {}", report.tool.name, report.tool.version))])
}

fn table_of_problems(problems: &[Problem], out: &mut impl Write) -> io::Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    writeln!(out, "| problem | number | where | time (UTC) | next |")?;
    writeln!(out, "|---|--:|---|---|---|")?;
    for problem in problems.iter().take(PROBLEMS) {
        let place = match (&problem.chain, problem.chains) {
            (Some(chain), _) => table(&title(chain)),
            (None, 0) => String::new(),
            (None, n) => counted(n, "chain", "chains"),
        };
        let time = problem.start.zip(problem.end).map(|(start, end)| span(start, end));
        let problem_code = format!("{} {}", problem.severity.as_str(), code(problem.code.as_str()));
        let next = table(&format!("{} {}", prose(&problem.message), prose(&problem.remedy)));
        let time = cell(&time.unwrap_or_default());
        row(out, &[&problem_code, &count(problem.count), &place, &time, &next])?;
    }
    more(out, problems.len(), PROBLEMS)?;
    writeln!(out)
}

/// Writes the differences of two runs.
///
/// # Errors
/// When the output cannot be written.
pub fn render_diff(diff: &Diff, out: &mut dyn Write) -> io::Result<()> {
    let mut out = BufWriter::new(out);
    writeln!(out, "# CloudTrail integrity: what changed\n\n{}\n", diff.headline())?;
    for remark in diff.remarks() {
        writeln!(out, "{}\n", prose(&remark))?;
    }
    writeln!(out, "| run | verdict | finished (UTC) | file |\n|---|---|---|---|")?;
    for (name, run) in [("old", &diff.old), ("new", &diff.new)] {
        let finished = cell(&run.finished.to_string());
        row(&mut out, &[name, verdict(run.verdict), &finished, &cell(&run.file)])?;
    }
    let [new, repaired, gone, unchanged] = diff.kinds();
    for kind in [new, repaired, gone] {
        problems_of_kind(kind, &mut out)?;
    }
    let rows = diff.count_rows();
    if !rows.is_empty() {
        writeln!(out, "\n## Counts\n\n| | old | new |\n|---|--:|--:|")?;
        rows.iter().try_for_each(|cells| row(&mut out, cells))?;
    }
    problems_of_kind(unchanged, &mut out)?;
    out.flush()
}

fn problems_of_kind(
    (heading, problems): (&str, &[Problem]),
    out: &mut impl Write,
) -> io::Result<()> {
    if problems.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n## {heading}: {}\n", count(problems.len() as u64))?;
    table_of_problems(problems, out)
}

fn totals(report: &RunReport, out: &mut impl Write) -> io::Result<()> {
    let totals = &report.totals;
    writeln!(out, "\n## Totals\n\n| | valid | invalid | unchecked |\n|---|--:|--:|--:|")?;
    for (label, counts) in [("digests", totals.digests), ("log files", totals.logs.listed)] {
        let numbers = [counts.valid, counts.invalid, counts.unchecked].map(count);
        row(out, &[label, &numbers[0], &numbers[1], &numbers[2]])?;
    }
    if totals.logs.unreferenced > 0 {
        let number = count(totals.logs.unreferenced);
        writeln!(out, "\nLog files that no digest lists: {number}.")?;
    }
    writeln!(out, "\n| chain time | |\n|---|--:|")?;
    for state in CoverageState::ALL {
        let seconds = totals.coverage_seconds.get(&state).copied().unwrap_or(0);
        row(out, &[state.as_str(), &duration(seconds)])?;
    }
    Ok(())
}

// ---- chains ------------------------------------------------------------------------------

fn chains(
    report: &RunReport,
    verdicts: &ChainVerdicts<'_>,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut open: Vec<_> = report.chains.iter().map(|c| (verdicts.standing(c), c)).collect();
    open.retain(|(standing, _)| *standing != Verdict::Verified);
    open.sort_by_key(|(standing, _)| *standing == Verdict::Incomplete);
    let (number, all) = (count(open.len() as u64), count(report.chains.len() as u64));
    writeln!(out, "\n## Chains not fully proven: {number} of {all}\n")?;
    if open.is_empty() {
        return writeln!(out, "none");
    }
    writeln!(out, "| verdict | chain | state | time (UTC) | length | reason |")?;
    writeln!(out, "|---|---|---|---|--:|---|")?;
    let rows: Vec<_> = open.iter().flat_map(|(standing, c)| rows_of(*standing, c)).collect();
    rows.iter().take(ROWS).try_for_each(|cells| row(out, cells))?;
    more(out, rows.len(), ROWS)
}

fn rows_of(standing: Verdict, chain: &ChainReport) -> Vec<[String; 6]> {
    let proven = |state| {
        matches!(state, CoverageState::Proven | CoverageState::Pending | CoverageState::Explained)
    };
    let row = |state: &str, time: &str, length: String, reason: &str| {
        let chain = format!("{} {}", title(&chain.id), code(&chain.id.to_string()));
        [standing.as_str(), &table(&chain), state, &cell(time), &length, reason].map(str::to_owned)
    };
    let mut rows = Vec::new();
    for interval in chain.coverage.iter().filter(|i| !proven(i.state)) {
        let window = interval.window;
        let reason = interval.reason.map_or("", |code| code.as_str());
        let time = span(window.start, window.end);
        rows.push(row(interval.state.as_str(), &time, duration(window.seconds()), reason));
    }
    if rows.is_empty() {
        let reason = if lacks_time(chain) { "unaccounted" } else { "see the findings" };
        rows.push(row("", "", String::new(), reason));
    }
    rows
}

// ---- findings ----------------------------------------------------------------------------

fn findings(report: &RunReport, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "\n## Findings: {}", count(report.findings.len() as u64))?;
    if report.findings.is_empty() {
        return writeln!(out, "\nnone");
    }
    let mut codes: BTreeMap<_, Vec<&Finding>> = BTreeMap::new();
    for finding in &report.findings {
        codes.entry((Reverse(finding.severity), finding.code)).or_default().push(finding);
    }
    let mut room = FINDINGS;
    for ((Reverse(severity), code), findings) in codes {
        let number = count(findings.len() as u64);
        writeln!(out, "\n### {} {}: {number}\n", severity.as_str(), code.as_str())?;
        writeln!(
            out,
            "{}\n\nWhat to do: {}\n",
            prose(code.meaning()),
            prose(code.remedy_of(severity))
        )?;
        let shown = findings.len().min(FINDINGS_OF_A_CODE).min(room);
        room -= shown;
        findings.iter().take(shown).try_for_each(|f| finding(f, out))?;
        more(out, findings.len(), shown)?;
    }
    Ok(())
}

fn finding(finding: &Finding, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "- {}", prose(&finding.message))?;
    if let Some(chain) = &finding.chain {
        writeln!(out, "  - chain: {}", code(&chain.to_string()))?;
    }
    for (label, fact) in finding_facts(finding) {
        let label = if label.is_empty() { "in" } else { label };
        // Its escapes are made already.
        writeln!(out, "  - {label}: {}", code(&fact))?;
    }
    Ok(())
}

/// Writes how many were left out.
fn more(out: &mut impl Write, all: usize, shown: usize) -> io::Result<()> {
    if all <= shown {
        return Ok(());
    }
    writeln!(out, "\n{} more in the JSON report.", count((all - shown) as u64))
}

// ---- text --------------------------------------------------------------------------------

fn row<T: AsRef<str>>(out: &mut impl Write, cells: &[T]) -> io::Result<()> {
    let cells: Vec<_> = cells.iter().map(AsRef::as_ref).collect();
    writeln!(out, "| {} |", cells.join(" | "))
}

/// A text as a cell of a table.
fn cell(text: &str) -> String {
    table(&prose(text))
}

/// Escapes bars, each of which ends a table's cell, in a code span too.
fn table(markdown: &str) -> String {
    markdown.replace('|', "\\|")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// A text as words and, where they are none, code spans.
fn prose(text: &str) -> String {
    let text = truncated(&escaped(text), TEXT);
    let mut parts: Vec<String> = Vec::new();
    let mut odd: Vec<&str> = Vec::new();
    for word in text.split(' ') {
        if !is_word(word, parts.is_empty() && odd.is_empty()) {
            odd.push(word);
            continue;
        }
        parts.extend(odd_words(&mut odd));
        parts.push(word.to_owned());
    }
    parts.extend(odd_words(&mut odd));
    parts.join(" ")
}

/// Words in a code span; what ends a sentence or a clause stays outside.
fn odd_words(odd: &mut Vec<&str>) -> Option<String> {
    let text = std::mem::take(odd).join(" ");
    let bare = text.trim_end_matches(['.', ',', ';', ')', ' ']);
    match bare.is_empty() {
        true => Some(code(&text)).filter(|text| !text.is_empty()),
        false => Some(code(bare) + text.get(bare.len()..).unwrap_or_default()),
    }
}

/// True if a word means nothing but itself to whoever renders it.
fn is_word(word: &str, first: bool) -> bool {
    let bare = word.trim_start_matches('(').trim_end_matches(['.', ',', ';', ':', ')', '?']);
    let mut chars = bare.chars();
    let begins = chars.next().is_some_and(char::is_alphanumeric);
    // `1.` and `1)` begin a list.
    let lists = first && bare.chars().all(|c| c.is_ascii_digit());
    begins && !lists && chars.all(|c| c.is_alphanumeric() || matches!(c, '-' | '\''))
}

/// A text that is safe to show as a code span, which ends at no backtick of its own.
fn code(text: &str) -> String {
    let text = truncated(text, TEXT);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    // A space at both ends is taken off again.
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    match text.trim().is_empty() {
        true => String::new(),
        false => format!("{fence}{pad}{text}{pad}{fence}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_and_all_else_is_code() {
        for (raw, shown) in [
            ("A digest's log-file, whole.", "A digest's log-file, whole."),
            ("see http://x.y now", "see `http://x.y` now"),
            ("see www.x.y, or @me.", "see `www.x.y`, or `@me`."),
            ("[a](b) <b> *c* _d_", "`[a](b) <b> *c* _d_`"),
            ("see [a](b).", "see `[a](b`)."),
            (".. )", "`.. )`"),
            ("a `b`` c", "a ``` `b`` ``` c"),
            ("1. one 2. two", "`1`. one 2. two"),
            ("- a", "`-` a"),
            ("a\nb", "`a\\u{a}b`"),
            ("#1 me@x.y", "`#1 me@x.y`"),
            ("a  b", "a b"),
        ] {
            assert_eq!(prose(raw), shown, "{raw}");
        }
        assert_eq!(cell("a|b"), "`a\\|b`");
    }
}
