//! Verifies a directory with a copy of a bucket.
//!
//!     cargo run --example verify_directory -- COPY KEYS
#![allow(clippy::print_stdout)]

use std::env;
use std::process::ExitCode;

use trailseal::{Error, Verification};

fn main() -> Result<ExitCode, Error> {
    let copy = env::args().nth(1).unwrap_or("testdata/sample".into());
    let keys = env::args().nth(2).unwrap_or("testdata/sample/keys/public-keys.json".into());

    let report = Verification::of(copy).keys(keys).run()?;

    for finding in &report.findings {
        println!("{finding}");
    }
    let (digests, logs) = (report.totals.digests, report.totals.logs.listed);
    println!("{}: {} of {} digests valid", report.verdict, digests.valid, digests.total());
    println!("{}: {} of {} log files valid", report.verdict, logs.valid, logs.total());
    Ok(ExitCode::from(report.verdict.exit_status()))
}
