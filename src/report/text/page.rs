//! The layout of the text report: lines, labelled rows, tables, styles.
//!
//! Whoever calls shows untrusted text through [`crate::model::Printable`] first. Every row here
//! is indented, so that no such text, wrapped by whatever it holds, can stand at the left margin
//! and pass for a heading or the verdict.

use std::fmt::Display;
use std::io::{self, BufWriter, Write};

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthChar as _;

use crate::verify::{CoverageState, Severity};

/// Layout of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextOptions {
    /// True if ANSI styles are written; without, not one escape byte is.
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

/// Column of the text of a labelled row, relative to its label.
pub(super) const LABEL: usize = 15;
/// Least width for wrapping: narrower, it does more harm than good.
const NARROWEST: usize = 24;

pub(in crate::report) const PLAIN: Style = Style::new();
pub(in crate::report) const BOLD: Style = Style::new().bold();
pub(in crate::report) const GOOD: Style = AnsiColor::Green.on_default();
pub(in crate::report) const BAD: Style = AnsiColor::Red.on_default();
pub(in crate::report) const UNSURE: Style = AnsiColor::Yellow.on_default();

/// The style of a severity; a notice changes no verdict and so stays plain.
pub(in crate::report) const fn of_severity(severity: Severity) -> Style {
    match severity {
        Severity::Notice => PLAIN,
        Severity::Incomplete => UNSURE,
        Severity::Violation => BAD,
    }
}

/// The style of a state of coverage.
pub(in crate::report) const fn of_state(state: CoverageState) -> Style {
    match state {
        CoverageState::Proven => GOOD,
        CoverageState::Pending | CoverageState::Explained => PLAIN,
        CoverageState::Gap | CoverageState::Unreadable => UNSURE,
        CoverageState::Violated => BAD,
    }
}

/// Output of the report.
pub(in crate::report) struct TextPage<'a> {
    // Rows are written piece by piece, and standard output may be unbuffered.
    out: BufWriter<&'a mut dyn Write>,
    options: TextOptions,
}

impl<'a> TextPage<'a> {
    pub(in crate::report) fn new(out: &'a mut dyn Write, options: TextOptions) -> Self {
        Self { out: BufWriter::new(out), options }
    }

    pub(in crate::report) fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Columns that text is wrapped to.
    pub(in crate::report) const fn width(&self) -> usize {
        self.options.width
    }

    /// Styled text, or the bare text without colour.
    pub(in crate::report) fn paint(&self, style: Style, text: impl Display) -> String {
        if self.options.color { format!("{style}{text}{style:#}") } else { text.to_string() }
    }

    /// A line as it is, never wrapped: names and keys stay whole, to be copied.
    pub(in crate::report) fn line(&mut self, indent: usize, text: impl Display) -> io::Result<()> {
        writeln!(self.out, "{:indent$}{text}", "")
    }

    /// A line at the left margin, after an empty one.
    pub(in crate::report) fn heading(&mut self, text: impl Display) -> io::Result<()> {
        let text = self.paint(BOLD, text);
        writeln!(self.out, "\n{text}\n")
    }

    pub(in crate::report) fn blank(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    /// A styled word and text that goes on behind it, wrapped to the width; `hang` is where the
    /// later lines begin.
    pub(in crate::report) fn paragraph(
        &mut self,
        indent: usize,
        (lead, style): (&str, Style),
        text: &str,
        hang: usize,
    ) -> io::Result<()> {
        let room = self.options.width.saturating_sub(hang).max(NARROWEST);
        // The lead takes part in the wrapping as if it were text, then is painted.
        let used = (indent + columns(lead)).saturating_sub(hang);
        let mut lines = wrap(text, used, room).into_iter();
        let lead = self.paint(style, lead);
        let first = lines.next().unwrap_or_default();
        writeln!(self.out, "{:indent$}{lead}{first}", "")?;
        lines.try_for_each(|line| writeln!(self.out, "{:hang$}{line}", ""))
    }

    /// A styled word and styled text behind it, wrapped to the width; the later lines begin at
    /// `hang`.
    pub(in crate::report) fn title(
        &mut self,
        indent: usize,
        (lead, style): (&str, Style),
        title: &str,
        hang: usize,
    ) -> io::Result<()> {
        let room = self.options.width.saturating_sub(hang).max(NARROWEST);
        let used = (indent + columns(lead)).saturating_sub(hang);
        let mut lines = wrap(title, used, room).into_iter();
        let first = self.paint(BOLD, lines.next().unwrap_or_default());
        let lead = self.paint(style, lead);
        writeln!(self.out, "{:indent$}{lead}{first}", "")?;
        lines.try_for_each(|line| {
            let line = self.paint(BOLD, line);
            writeln!(self.out, "{:hang$}{line}", "")
        })
    }

    /// Facts behind styled words, two spaces between them: as many on a line as fit, and none of
    /// them broken.
    pub(in crate::report) fn facts(
        &mut self,
        leads: &[(&str, Style)],
        facts: &[String],
        hang: usize,
    ) -> io::Result<()> {
        let mut used = 0;
        for (lead, style) in leads {
            used += columns(lead);
            let lead = self.paint(*style, lead);
            write!(self.out, "{lead}")?;
        }
        for fact in facts {
            let length = columns(fact);
            if used + 2 + length <= self.options.width {
                write!(self.out, "  {fact}")?;
                used += 2 + length;
            } else {
                write!(self.out, "\n{:hang$}{fact}", "")?;
                used = hang + length;
            }
        }
        writeln!(self.out)
    }

    /// A label and its text, wrapped in a column of its own.
    pub(in crate::report) fn row(
        &mut self,
        indent: usize,
        (label, style): (&str, Style),
        text: impl Display,
    ) -> io::Result<()> {
        let column = indent + LABEL;
        let lead = self.label(label, style);
        let text = text.to_string();
        let room = self.options.width.saturating_sub(column).max(NARROWEST);
        let mut lines = wrap(&text, 0, room).into_iter();
        let first = lines.next().unwrap_or_default();
        writeln!(self.out, "{:indent$}{lead}{first}", "")?;
        lines.try_for_each(|line| writeln!(self.out, "{:column$}{line}", ""))
    }

    /// A label and a name, key or time range, never wrapped.
    pub(in crate::report) fn name(
        &mut self,
        indent: usize,
        (label, style): (&str, Style),
        text: impl Display,
    ) -> io::Result<()> {
        let lead = self.label(label, style);
        writeln!(self.out, "{:indent$}{lead}{text}", "")
    }

    /// Writes one more line of a row, under the first one's text.
    pub(in crate::report) fn more(&mut self, indent: usize, text: impl Display) -> io::Result<()> {
        self.line(indent + LABEL, text)
    }

    /// Rows of cells, the first row a head; the first `words` columns are set to the left, the
    /// others, which are numbers, to the right.
    pub(in crate::report) fn table(
        &mut self,
        indent: usize,
        words: usize,
        rows: &[Vec<String>],
    ) -> io::Result<()> {
        let widths = widths(rows);
        for row in rows {
            write!(self.out, "{:indent$}", "")?;
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                let gap = if column == 0 { "" } else { "  " };
                let pad = width.saturating_sub(columns(cell));
                if column < words && column + 1 == row.len() {
                    write!(self.out, "{gap}{cell}")?;
                } else if column < words {
                    write!(self.out, "{gap}{cell}{:pad$}", "")?;
                } else {
                    write!(self.out, "{gap}{:pad$}{cell}", "")?;
                }
            }
            writeln!(self.out)?;
        }
        Ok(())
    }

    /// The rows of a table without as many of these columns, the first of them first, as it takes
    /// to fit the width.
    pub(in crate::report) fn fitted(
        &self,
        indent: usize,
        mut rows: Vec<Vec<String>>,
        spare: &[&str],
    ) -> Vec<Vec<String>> {
        for name in spare {
            if table_width(indent, &rows) <= self.options.width {
                break;
            }
            let head = rows.first().map(Vec::as_slice).unwrap_or_default();
            if let Some(column) = head.iter().position(|cell| cell == name) {
                for row in rows.iter_mut().filter(|row| column < row.len()) {
                    row.remove(column);
                }
            }
        }
        rows
    }

    /// Rows of words, the first row a head, all set to the left.
    pub(in crate::report) fn words_table(
        &mut self,
        indent: usize,
        rows: &[Vec<String>],
    ) -> io::Result<()> {
        let columns = rows.first().map_or(0, Vec::len);
        self.table(indent, columns, rows)
    }

    fn label(&self, label: &str, style: Style) -> String {
        let pad = LABEL.saturating_sub(columns(label));
        format!("{}{:pad$}", self.paint(style, label), "")
    }
}

/// Columns that a text takes on a terminal: two for a wide character, none for a combining one.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// Columns that a character takes, whatever stands beside it.
pub(super) fn columns_of(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// Widths of a table's columns.
fn widths(rows: &[Vec<String>]) -> Vec<usize> {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(columns(cell));
        }
    }
    widths
}

/// Columns that a table takes, its indent included.
pub(super) fn table_width(indent: usize, rows: &[Vec<String>]) -> usize {
    let widths = widths(rows);
    indent + widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1)
}

/// Cuts a text into lines of at most `room` columns, at spaces; a longer word stays whole.
/// `used` is what already stands on the first line.
fn wrap(text: &str, used: usize, room: usize) -> Vec<&str> {
    let (mut lines, mut start, mut width) = (Vec::new(), 0, used);
    let mut last_space = None;
    for (at, c) in text.char_indices() {
        if c == ' ' && at > start && (width <= room || last_space.is_none()) {
            last_space = Some((at, width));
        }
        width += columns_of(c);
        if width > room
            && let Some((space, before)) = last_space.take()
        {
            lines.push(text.get(start..space).unwrap_or_default());
            start = space + 1;
            width -= before + 1;
        }
    }
    lines.push(text.get(start..).unwrap_or_default());
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn wraps_at_spaces_and_keeps_words_whole() {
        assert_eq!(wrap("", 0, 10), [""]);
        assert_eq!(wrap("one two three four", 0, 9), ["one two", "three", "four"]);
        assert_eq!(wrap("one two three four", 0, 10), ["one two", "three four"]);
        assert_eq!(wrap("one two", 6, 10), ["one", "two"]);
        assert_eq!(wrap("a-word-too-long for it", 0, 6), ["a-word-too-long", "for it"]);
    }

    #[test]
    fn wide_characters_take_two_columns_and_combining_ones_none() {
        assert_eq!(wrap("日本 語の 証跡", 0, 9), ["日本 語の", "証跡"]);
        assert_eq!(wrap("日本 語の 証跡", 0, 8), ["日本", "語の", "証跡"]);
        assert_eq!(wrap("e\u{301}e\u{301} cafe\u{301}", 0, 7), ["e\u{301}e\u{301} cafe\u{301}"]);
        let rows = [["trail", "n"], ["日本", "1"], ["ab", "20"]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table_width(2, &rows), 2 + 5 + 2 + 2);
        let mut out = Vec::new();
        let mut page = TextPage::new(&mut out, TextOptions::default());
        page.table(2, 1, &rows).unwrap();
        page.row(0, ("状態", BOLD), "x").unwrap();
        page.finish().unwrap();
        let expected = "  trail   n\n  日本    1\n  ab     20\n状態           x\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    proptest! {
        #[test]
        fn wrapping_loses_nothing(text in "[ab é日]{0,60}", used in 0..20_usize, room in 1..30_usize) {
            let lines = wrap(&text, used, room);
            prop_assert_eq!(lines.join(" "), &*text);
            for line in lines.iter().skip(1) {
                prop_assert!(columns(line) <= room || !line.trim_start().contains(' '));
            }
        }
    }
}
