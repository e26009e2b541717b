//! Groups the findings of a directory by code, shows the time that is not proven, and writes reports.
//!
//!     cargo run --example findings -- COPY KEYS
#![allow(clippy::print_stdout)]

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;

use trailseal::{Code, CoverageState, Finding, Format, Verification};

fn main() -> Result<(), Box<dyn Error>> {
    let copy = std::env::args().nth(1).unwrap_or("testdata/restart".into());
    let keys = std::env::args().nth(2).unwrap_or("testdata/restart/keys/public-keys.json".into());
    let report = Verification::of(copy).keys(keys).run()?;

    let mut by_code: BTreeMap<Code, Vec<&Finding>> = BTreeMap::new();
    for finding in &report.findings {
        by_code.entry(finding.code).or_default().push(finding);
    }
    for (code, findings) in by_code {
        println!("{code}: {} found. {}", findings.len(), code.meaning());
        for finding in findings {
            println!("  {finding}");
            for event in &finding.events {
                println!("    {} {} at {}", event.role.as_str(), event.event, event.time);
            }
        }
    }

    for chain in &report.chains {
        for interval in chain.coverage.iter().filter(|i| i.state != CoverageState::Proven) {
            let (start, end) = (interval.window.start, interval.window.end);
            println!("{}: {} from {start} to {end}", chain.id, interval.state);
        }
    }

    let folder = std::env::temp_dir();
    for format in [Format::Json, Format::Html, Format::Sarif] {
        let name = format!("trailseal-example.{format}");
        report.render(format, &mut File::create(folder.join(&name))?)?;
    }
    Ok(())
}
