//! The formats of a run report: their names, the endings of their files, and who writes them.

use std::io::{self, Write};

use super::problems::WithProblems;
use super::text::TextOptions;
use super::{RunReport, json, text};
use super::{
    asff, coverage_csv, csv, html, intoto, junit, markdown, ndjson, ocsf, openmetrics, oscal, sarif,
};

macro_rules! formats {
    ($($(#[$doc:meta])* $name:ident = $text:literal, [$($ending:literal),*], $help:literal;)*) => {
        /// Format of a run report.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Format {
            $($(#[$doc])* $name,)*
        }

        impl Format {
            /// Every format.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// File name endings of the format.
            #[must_use]
            pub const fn endings(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$($ending),*],)* }
            }

            /// Purpose, on one line.
            #[must_use]
            pub const fn help(self) -> &'static str {
                match self { $(Self::$name => $help,)* }
            }
        }
    };
}

formats! {
    /// Text for a terminal.
    Text = "text", [".txt"], "Text for a terminal";
    /// The complete report, trailseal.run/1.
    Json = "json", [".json"], "The complete report, trailseal.run/1";
    /// HTML page to read, print and hand over.
    Html = "html", [".html", ".htm"], "HTML page to read, print and hand over";
    /// Findings as a table.
    Csv = "csv", [".csv"], "Findings as a table";
    /// Coverage as a table.
    CoverageCsv = "coverage-csv", [".coverage.csv"], "Coverage as a table";
    /// Markdown, for an issue, a ticket or a wiki.
    Markdown = "markdown", [".md", ".markdown"], "Markdown, for an issue, a ticket or a wiki";
    /// For a CI server.
    Junit = "junit", [".xml"], "JUnit XML, for a CI server";
    /// For code scanning and its viewers.
    Sarif = "sarif", [".sarif", ".sarif.json"], "SARIF 2.1.0, for code scanning";
    /// For a security lake.
    Ocsf = "ocsf", [".ocsf.json"], "OCSF 1.6 findings, for a security lake";
    /// For AWS Security Hub.
    Asff = "asff", [".asff.json"], "AWS Security Finding Format, for Security Hub";
    /// A JSON line per part of the report.
    Ndjson = "ndjson", [".ndjson", ".jsonl"], "A JSON line per part of the report";
    /// For governance tools that collect evidence.
    Oscal = "oscal", [".oscal.json"], "OSCAL assessment results, for governance tools";
    /// For policies over attestations.
    InToto = "intoto", [".intoto.json"], "in-toto test-result statement, for policies";
    /// For a monitoring system.
    OpenMetrics = "openmetrics", [".prom", ".om"], "Metrics, for Prometheus and compatible systems";
}

impl Format {
    /// The format of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|format| format.as_str() == name)
    }

    /// The format that a file's name ends in; the longest ending decides.
    #[must_use]
    pub fn of_file(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        let ends = |ending: &&&str| name.ends_with(**ending);
        let longest = |format: &Self| format.endings().iter().filter(ends).map(|e| e.len()).max();
        Self::ALL.iter().copied().filter(|f| longest(f).is_some()).max_by_key(longest)
    }

    /// Writes a report; what an earlier run found and this one shows to be repaired is closed in the
    /// formats that can say so (`asff`, `ocsf`).
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn render_since(
        self,
        report: &RunReport,
        earlier: Option<&RunReport>,
        out: &mut dyn Write,
        options: TextOptions,
    ) -> io::Result<()> {
        match self {
            Self::Ocsf => ocsf::render_since(report, earlier, out),
            Self::Asff => asff::render_since(report, earlier, out),
            _ => self.render(report, out, options),
        }
    }

    /// Writes a report.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn render(
        self,
        report: &RunReport,
        out: &mut dyn Write,
        options: TextOptions,
    ) -> io::Result<()> {
        match self {
            Self::Text => text::render(report, out, options),
            Self::Json => json::render(&WithProblems::of(report), out),
            Self::Html => html::render(report, out),
            Self::Csv => csv::render(report, out),
            Self::CoverageCsv => coverage_csv::render(report, out),
            Self::Markdown => markdown::render(report, out),
            Self::Junit => junit::render(report, out),
            Self::Sarif => sarif::render(report, out),
            Self::Ocsf => ocsf::render(report, out),
            Self::Asff => asff::render(report, out),
            Self::Ndjson => ndjson::render(report, out),
            Self::Oscal => oscal::render(report, out),
            Self::InToto => intoto::render(report, out),
            Self::OpenMetrics => openmetrics::render(report, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parse_back_and_no_ending_belongs_to_two() {
        let mut endings = std::collections::BTreeSet::new();
        for format in Format::ALL {
            assert_eq!(Format::parse(format.as_str()), Some(*format));
            for ending in format.endings() {
                assert!(endings.insert(*ending), "{ending}");
                assert_eq!(Format::of_file(&format!("July{ending}")), Some(*format), "{ending}");
            }
        }
    }

    #[test]
    fn the_longest_ending_decides() {
        assert_eq!(Format::of_file("x.JSON"), Some(Format::Json));
        assert_eq!(Format::of_file("x.ocsf.json"), Some(Format::Ocsf));
        assert_eq!(Format::of_file("x.coverage.csv"), Some(Format::CoverageCsv));
        assert_eq!(Format::of_file("x.pdf"), None);
    }
}
