//! The `trailseal` command: streams, colours and the clock, handed to the library.

use std::io::{BufWriter, IsTerminal, stderr, stdout};
use std::process::ExitCode;

use clap::Parser;
use jiff::Timestamp;
use trailseal::cli::{Cli, Io};
use trailseal::run::pool::Stop;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let choice = anstream::AutoStream::choice(&stdout());
    let mut out = BufWriter::new(stdout().lock());
    let mut err = stderr();
    let stop = Stop::default();
    let interrupted = stop.clone();
    // The first ^C ends the run with the report so far, the second one at once.
    let _ = ctrlc::set_handler(move || {
        if interrupted.is_set() {
            std::process::exit(130);
        }
        interrupted.set();
    });
    let status = cli.run(&mut Io {
        out: &mut out,
        err: &mut err,
        now: Timestamp::now(),
        color: choice != anstream::ColorChoice::Never,
        width: columns(),
        stop,
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
