//! The `trailseal` command: streams, colours and the clock, handed to the library.

use std::io::{BufWriter, IsTerminal, stderr, stdout};
use std::process::ExitCode;

use clap::Parser;
use jiff::Timestamp;
use trailseal::cli::{Cli, Io};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let choice = anstream::AutoStream::choice(&stdout());
    let mut out = BufWriter::new(stdout().lock());
    let mut err = stderr();
    let status = cli.run(&mut Io {
        out: &mut out,
        err: &mut err,
        now: Timestamp::now(),
        color: choice != anstream::ColorChoice::Never,
        width: columns(),
    });
    ExitCode::from(status)
}

/// The terminal's width, within what reads well.
fn columns() -> usize {
    let known = stdout().is_terminal().then(indicatif_width).flatten();
    known.unwrap_or(100).clamp(60, 120)
}

fn indicatif_width() -> Option<usize> {
    std::env::var("COLUMNS").ok()?.parse().ok()
}
