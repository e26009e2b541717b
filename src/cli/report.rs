//! `trailseal report`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;

use super::export::ReportArgs;
use super::{Failure, Io};
use crate::model::Printable;
use crate::report::{ReportError, RunReport};

/// A report on a thousand chains over a year has some ten million bytes.
const LARGEST: u64 = 1 << 30;

const EXAMPLES: &str = "\
Examples:
  A saved run as a page to read and print, and its findings as a table:
    trailseal verify ./copy --keys keys.json --format json --output run.json
    trailseal report run.json --export july.html --export july.csv

  For a CI server, from a pipe:
    trailseal report - --format junit < run.json

Exit status:
  0  the report was written, whatever its verdict
  2  the file is no run report that this version reads
  4  internal failure or an unwritable output";

/// Render a saved run as another format
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct RenderArgs {
    /// What verify --format json wrote; - for standard input
    #[arg(value_name = "RUN.json")]
    run: PathBuf,

    #[command(flatten)]
    report: ReportArgs,
}

/// Runs the command.
///
/// # Errors
/// When the report cannot be read or written.
pub fn run(args: &RenderArgs, io: &mut Io<'_>) -> Result<u8, Failure> {
    let mut guard = args.report.guard().inputs([args.run.as_path()]);
    args.report.check(&mut guard)?;
    let report = read(&args.run)?;
    // Exports alone leave standard output empty.
    let quiet = args.report.exports();
    args.report.begin()?.complete(&report, quiet, io)?;
    Ok(0)
}

fn read(path: &Path) -> Result<RunReport, Failure> {
    let shown = path.display().to_string();
    let shown = Printable(&shown);
    let trouble = |e: std::io::Error| {
        Failure::usage(format!("{shown}: {e}"))
            .remedy("give what trailseal verify --format json wrote")
    };
    let input: Box<dyn Read> = match path == Path::new("-") {
        true => Box::new(std::io::stdin()),
        false => Box::new(File::open(path).map_err(trouble)?),
    };
    let mut json = Vec::new();
    input.take(LARGEST + 1).read_to_end(&mut json).map_err(trouble)?;
    if json.len() as u64 > LARGEST {
        return Err(Failure::usage(format!("{shown}: it is larger than {LARGEST} bytes")));
    }
    RunReport::decode(&json).map_err(|error| {
        let remedy = match error {
            ReportError::Schema(_) => "a newer trailseal wrote it: render it with that one",
            ReportError::Form(_) => "give what trailseal verify --format json wrote, unchanged",
            ReportError::Contradiction { .. } | ReportError::Twice(_) | ReportError::Count => {
                "it was changed after it was written: verify again"
            }
        };
        Failure::usage(format!("{shown}: {error}")).remedy(remedy)
    })
}
