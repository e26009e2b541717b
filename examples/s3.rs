//! Verifies the last day of a bucket, with progress and a role of its own.
//!
//!     cargo run --example s3 -- s3://BUCKET [ROLE-ARN]
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::io;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use trailseal::{AwsOptions, Error, Format, Observer, RunEvent, Verification};

/// Says something every thousand log files.
#[derive(Default)]
struct Thousands(AtomicU64);

impl Observer for Thousands {
    fn observe(&self, event: &RunEvent<'_>) -> io::Result<()> {
        if let RunEvent::LogFileDone { .. } = event {
            let logs = self.0.fetch_add(1, Ordering::Relaxed) + 1;
            if logs.is_multiple_of(1000) {
                eprintln!("{logs} log files checked");
            }
        }
        Ok(())
    }
}

fn main() -> Result<ExitCode, Error> {
    let Some(bucket) = std::env::args().nth(1) else {
        eprintln!("usage: s3 s3://BUCKET [ROLE-ARN]");
        return Ok(ExitCode::from(2));
    };
    let mut aws = AwsOptions::default();
    aws.role_arn = std::env::args().nth(2);

    let report = Verification::of(bucket)
        .aws(aws)
        .last(Duration::from_secs(24 * 3600))
        .operator("nightly check")
        .observer(Thousands::default())
        .run()?;

    if let Err(error) = report.render(Format::Text, &mut io::stdout()) {
        eprintln!("standard output: {error}");
    }
    Ok(ExitCode::from(report.verdict.exit_status()))
}
