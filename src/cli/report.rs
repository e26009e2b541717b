//! `trailseal report`.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;

use super::export::ReportArgs;
use super::{Console, Failure};
use crate::model::Printable;
use crate::report::diff::Diff;
use crate::report::repaired::same_request;
use crate::report::{Format, ReportError, RunReport, json, markdown};

/// Largest report that is read: one on a thousand chains over a year has some ten million bytes.
const LARGEST: u64 = 1 << 30;

const EXAMPLES: &str = "\
Examples:
  An HTML page and a CSV table of a saved run:
    trailseal verify ./copy --keys keys.json --format json --output run.json
    trailseal report run.json --export july.html --export july.csv

  Changes since last week; exit status of the newer run:
    trailseal report --diff last-week.json today.json

  For a CI server, from a pipe:
    trailseal report - --format junit < run.json

Exit status:
  0  the report was written, whatever its verdict
     (with --diff: the exit status of the newer run, 0, 1, 3 or 130)
  2  not a run report that this version can read
  4  internal error or unwritable output";

/// Convert a saved run to another format
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct RenderArgs {
    /// Report written by verify --format json; - for standard input
    #[arg(value_name = "RUN.json", required_unless_present = "diff")]
    run: Option<PathBuf>,

    /// Compare two saved runs: new, repaired and changed findings, as text, markdown or json; exit
    /// status of the newer run
    #[arg(long, num_args = 2, value_names = ["OLD.json", "NEW.json"],
          conflicts_with_all = ["run", "exports", "summary", "only_problems"])]
    diff: Vec<PathBuf>,

    /// An earlier run over the same scope: findings that this run proves repaired are archived in
    /// asff and closed in ocsf
    #[arg(long, value_name = "RUN.json")]
    previous: Option<PathBuf>,

    #[command(flatten)]
    report: ReportArgs,
}

/// Runs the command.
///
/// # Errors
/// When the report cannot be read or written.
pub fn run(args: &RenderArgs, io: &mut Console<'_>) -> Result<u8, Failure> {
    let inputs = args.run.iter().chain(&args.diff).chain(&args.previous).map(PathBuf::as_path);
    args.report.check(&mut args.report.guard().inputs(inputs))?;
    if let [old, new] = args.diff.as_slice() {
        return diff(args, old, new, io);
    }
    let Some(run) = &args.run else { return Err(Failure::usage("no RUN.json given")) };
    let report = read(run)?;
    let earlier = args.previous.as_deref().map(read).transpose()?;
    if let Some(earlier) = &earlier
        && !same_request(&report, earlier)
    {
        let text = "--previous is a run with other sources, accounts, regions or trails";
        return Err(Failure::usage(text).remedy("use an earlier run with the same scope"));
    }
    // Exports alone leave standard output empty.
    let quiet = args.report.exports();
    args.report.begin()?.since(earlier).complete(&report, quiet, io)?;
    Ok(0)
}

/// Shows the differences of two runs.
fn diff(args: &RenderArgs, old: &Path, new: &Path, io: &mut Console<'_>) -> Result<u8, Failure> {
    let format = args.report.format();
    if !matches!(format, Format::Text | Format::Json | Format::Markdown) {
        let message = format!("--diff cannot write {}", format.as_str());
        return Err(Failure::usage(message).remedy("use --format text, markdown or json"));
    }
    if old == new {
        return Err(Failure::usage("--diff needs two different runs, and both are the same file"));
    }
    let (before, after) = (read(old)?, read(new)?);
    let status = after.exit_status;
    let [old, new] = [old, new].map(|path| path.display().to_string());
    let diff = Diff::of((&old, before), (&new, after));
    args.report.begin()?.complete_main(false, io, |out, options| match format {
        Format::Json => json::render(&diff, out),
        Format::Markdown => markdown::render_diff(&diff, out),
        _ => diff.render(out, options),
    })?;
    Ok(status)
}

fn read(path: &Path) -> Result<RunReport, Failure> {
    let shown = path.display().to_string();
    let shown = Printable(&shown);
    let trouble = |e: std::io::Error| {
        Failure::usage(format!("{shown}: {e}"))
            .remedy("use the output of trailseal verify --format json")
    };
    let input: Box<dyn Read> = match path == Path::new("-") {
        true => Box::new(std::io::stdin()),
        false => Box::new(File::open(path).map_err(trouble)?),
    };
    let mut json = Vec::new();
    input.take(LARGEST + 1).read_to_end(&mut json).map_err(trouble)?;
    if json.len() as u64 > LARGEST {
        return Err(Failure::usage(format!("{shown}: larger than {LARGEST} bytes")));
    }
    RunReport::decode(&json).map_err(|error| {
        let remedy = match error {
            ReportError::Schema(_) => {
                "it was written by another version of trailseal: use that version"
            }
            ReportError::Form(_) => "use the unchanged output of trailseal verify --format json",
            ReportError::Contradiction { .. } | ReportError::Twice(_) | ReportError::Count => {
                "it was changed after it was written: run the verification again"
            }
        };
        Failure::usage(format!("{shown}: {error}")).remedy(remedy)
    })
}
