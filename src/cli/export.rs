//! Destinations and formats of a run report.

use std::io::Write;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use super::guard::{OutputGuard, OutputKind};
use super::output::WholeFile;
use super::{Console, Failure};
use crate::report::text::TextOptions;
use crate::report::{Format, RunReport, summary};

/// Columns of a text report in a file.
const FILE_WIDTH: usize = 100;

/// Destinations of a run report.
#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Format of the report [default: by the ending of the output file's name, else text]
    #[arg(long, value_name = "FORMAT", value_parser = format_parser())]
    format: Option<Format>,

    /// Write the report to a file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,

    /// Also write the report to this file; its ending selects the format, or use FORMAT=FILE
    /// (repeatable)
    #[arg(long = "export", value_name = "[FORMAT=]FILE")]
    exports: Vec<Export>,

    /// Print only the verdict and the counts
    #[arg(long, conflicts_with = "only_problems")]
    summary: bool,

    /// Print only violations and what could not be checked; nothing if verified
    #[arg(long)]
    only_problems: bool,

    /// Also replace existing files of another kind; never a source, a key, a digest or a log file
    #[arg(long)]
    force: bool,
}

fn format_parser() -> impl TypedValueParser<Value = Format> {
    let values = Format::ALL.iter().map(|f| PossibleValue::new(f.as_str()).help(f.help()));
    PossibleValuesParser::new(values).map(|name| Format::parse(&name).unwrap_or(Format::Text))
}

/// Further file that the report is written to.
#[derive(Debug, Clone)]
struct Export {
    format: Format,
    file: PathBuf,
}

impl FromStr for Export {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((name, file)) = text.split_once('=')
            && let Some(format) = Format::parse(name)
        {
            return match file {
                "" => Err(format!("no file name: use {name}=FILE")),
                file => Ok(Self { format, file: file.into() }),
            };
        }
        let format = Format::of_file(text).ok_or_else(|| {
            let names: Vec<_> = Format::ALL.iter().map(|f| f.as_str()).collect();
            let endings: Vec<_> = Format::ALL.iter().flat_map(|f| f.endings()).copied().collect();
            format!(
                "the file name has no known ending: use one of {}, or FORMAT=FILE with one of {}",
                endings.join(" "),
                names.join(" ")
            )
        })?;
        Ok(Self { format, file: text.into() })
    }
}

impl ReportArgs {
    /// The format given, or that of the output file's name.
    pub(super) fn format(&self) -> Format {
        let by_name = || {
            let file = self.output.as_deref().filter(|_| !self.summary && !self.only_problems)?;
            Format::of_file(&file.to_string_lossy())
        };
        self.format.or_else(by_name).unwrap_or(Format::Text)
    }

    /// A guard of the outputs.
    pub(super) fn guard(&self) -> OutputGuard {
        OutputGuard::new(self.force)
    }

    /// Refuses outputs that would overwrite evidence.
    ///
    /// # Errors
    /// With the first that would.
    pub(super) fn check(&self, guard: &mut OutputGuard) -> Result<(), Failure> {
        if self.format() != Format::Text && (self.summary || self.only_problems) {
            let format = self.format().as_str();
            let message = format!("--summary and --only-problems print text, not {format}");
            return Err(Failure::usage(message)
                .remedy("omit --format, and write the other format with --export"));
        }
        if let Some(file) = &self.output {
            guard.check("--output", file, OutputKind::Report(self.format()))?;
        }
        let mut exports = self.exports.iter();
        exports.try_for_each(|e| guard.check("--export", &e.file, OutputKind::Report(e.format)))
    }

    /// Opens every file that the report goes to: a long run must not end in a place that cannot be
    /// written.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub(super) fn begin(&self) -> Result<Outputs<'_>, Failure> {
        let begin =
            |export: &Export| WholeFile::begin(&export.file).map(|file| (export.format, file));
        Ok(Outputs {
            main: self.output.as_deref().map(WholeFile::begin).transpose()?,
            exports: self.exports.iter().map(begin).collect::<Result<_, _>>()?,
            args: self,
            earlier: None,
        })
    }

    /// True if there is nothing but the text on standard output.
    pub(super) fn is_plain(&self) -> bool {
        self.format() == Format::Text && self.output.is_none()
    }

    /// True if files beside the main output are asked for.
    pub(super) fn exports(&self) -> bool {
        !self.exports.is_empty()
    }
}

/// Destinations of a report, open for writing.
pub(super) struct Outputs<'a> {
    args: &'a ReportArgs,
    main: Option<WholeFile>,
    exports: Vec<(Format, WholeFile)>,
    earlier: Option<RunReport>,
}

impl Outputs<'_> {
    /// Sets the earlier run, whose findings may be closed.
    pub(super) fn since(self, earlier: Option<RunReport>) -> Self {
        Self { earlier, ..self }
    }

    /// Writes the report everywhere. No file appears before all are written.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub(super) fn complete(
        mut self,
        report: &RunReport,
        quiet: bool,
        io: &mut Console<'_>,
    ) -> Result<(), Failure> {
        for (format, file) in &mut self.exports {
            let shown = file.shown();
            format
                .render_since(report, self.earlier.as_ref(), file, TextOptions::default())
                .map_err(|e| super::output::unwritable(&shown, &e))?;
        }
        let (format, earlier) = (self.args.format(), self.earlier.take());
        let ReportArgs { summary, only_problems, .. } = *self.args;
        self.write_main(quiet, io, |out, options| match (summary, only_problems) {
            (true, _) => summary::render(report, out),
            (_, true) => summary::render_problems(report, out),
            _ => format.render_since(report, earlier.as_ref(), out, options),
        })?;
        let Self { main, exports, .. } = self;
        let files = exports.into_iter().map(|(_, file)| file).chain(main);
        files.into_iter().try_for_each(WholeFile::complete)
    }

    /// Writes what is to be the main output, and completes it.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn complete_main(
        mut self,
        quiet: bool,
        io: &mut Console<'_>,
        render: impl FnOnce(&mut dyn Write, TextOptions) -> std::io::Result<()>,
    ) -> Result<(), Failure> {
        self.write_main(quiet, io, render)?;
        self.main.map_or(Ok(()), WholeFile::complete)
    }

    fn write_main(
        &mut self,
        quiet: bool,
        io: &mut Console<'_>,
        render: impl FnOnce(&mut dyn Write, TextOptions) -> std::io::Result<()>,
    ) -> Result<(), Failure> {
        if quiet && self.args.is_plain() {
            return Ok(());
        }
        let to_file = self.main.is_some();
        let color = !to_file && io.color;
        let width = if to_file { FILE_WIDTH } else { io.width };
        let out: &mut dyn Write = match &mut self.main {
            Some(file) => file,
            None => io.out,
        };
        render(out, TextOptions { color, width })
            .map_err(|e| Failure::internal(format!("the report cannot be written: {e}")))
    }
}
