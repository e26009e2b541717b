//! Verifies and seals AWS CloudTrail logs.
//!
//! CloudTrail signs a *digest* an hour for each account and region: it lists the log files of that hour
//! with their hash values, and links to the digest before it. Whoever deletes, alters or injects a log
//! file contradicts a signature. A [`Verification`] reads a directory with a copy of a bucket, or the
//! bucket itself, checks every digest, log file and link, and comes to a [`RunReport`]: a [`Verdict`],
//! [findings](Finding) with stable [codes](Code), and the state of every moment of the requested time.
//!
//! This crate is also the command `trailseal`; its README tells how to use that.
//!
//! # Verify a directory
//!
//! A directory needs the public keys of its regions, as `aws cloudtrail list-public-keys` or
//! `trailseal keys fetch` print them.
//!
//! ```
//! use trailseal::{Verdict, Verification};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let report = Verification::of("testdata/sample")
//!     .keys("testdata/sample/keys/public-keys.json")
//!     .run()?;
//! assert_eq!(report.verdict, Verdict::Verified);
//! assert_eq!(report.totals.logs.listed.valid, 98);
//! # Ok(())
//! # }
//! ```
//!
//! # Verify a bucket
//!
//! With the feature `aws` (on by default), `s3://BUCKET[/PREFIX]` is a source too. Credentials and
//! region come from the standard AWS environment and files, and the public keys from CloudTrail.
//!
//! ```no_run
//! use std::time::Duration;
//! use trailseal::{Format, Verification};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let report = Verification::of("s3://my-trail-bucket")
//!     .region("eu-west-1".parse()?)
//!     .last(Duration::from_secs(24 * 3600))
//!     .run()?;
//! report.render(Format::Html, &mut std::fs::File::create("yesterday.html")?)?;
//! # Ok(())
//! # }
//! ```
//!
//! # Read findings
//!
//! A finding is data, never an error: what contradicts integrity is a [violation](Severity::Violation),
//! what could not be read or proven is [incomplete](Severity::Incomplete). An [`Error`] means that the
//! verification did not begin.
//!
//! ```
//! use trailseal::{Code, CoverageState, Severity, Verification};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use std::{fs, io, path::Path};
//! # fn copy_folder(from: &Path, to: &Path) -> io::Result<()> {
//! #     fs::create_dir_all(to)?;
//! #     for entry in fs::read_dir(from)? {
//! #         let (entry, to) = (entry.as_ref().unwrap(), to.join(entry.as_ref().unwrap().file_name()));
//! #         match entry.file_type()?.is_dir() {
//! #             true => copy_folder(&entry.path(), &to)?,
//! #             false => drop(fs::copy(entry.path(), to)?),
//! #         }
//! #     }
//! #     Ok(())
//! # }
//! # let folder = tempfile::tempdir()?;
//! # let (sample, copy) = (Path::new("testdata/sample/AWSLogs"), folder.path().join("AWSLogs"));
//! # copy_folder(sample, &copy)?;
//! # fs::remove_file(copy.join("111122223333/CloudTrail/us-east-1/2026/03/01/111122223333_CloudTrail_us-east-1_20260301T0230Z_82243bc6afea79c9.json.gz"))?;
//! # let copy = folder.path().to_str().ok_or("not UTF-8")?;
//! // A copy that lacks a log file.
//! let report = Verification::of(copy).keys("testdata/sample/keys/public-keys.json").run()?;
//! for finding in report.findings.iter().filter(|f| f.severity == Severity::Violation) {
//!     // Displayed, every text that comes from a bucket is escaped.
//!     println!("{finding}\n  next: {}", finding.code.remedy_of(finding.severity));
//!     assert_eq!(finding.code, Code::LogMissing);
//! }
//! for chain in &report.chains {
//!     let violated = chain.coverage.iter().filter(|i| i.state == CoverageState::Violated);
//!     for interval in violated {
//!         println!("{}: {} to {}", chain.id, interval.window.start, interval.window.end);
//!     }
//! }
//! assert_eq!(report.verdict.exit_status(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `aws` | buckets, and CloudTrail's public keys, as sources |
//! | `seal` | sealing and evidence bags, in the command; the faster engine for signatures |
//! | `parquet` | objects as Parquet files, in the command |
//! | `object-store` | copies in Google Cloud Storage and Azure Blob Storage as sources (off by default) |
//!
//! The first three are on by default. Without them the crate verifies directories, and compiles no C.
//!
//! # Stability
//!
//! What this page lists is the public interface. Enums and structs that may grow are
//! `#[non_exhaustive]`. Codes never change their meaning, and reports as JSON keep their schema within
//! its major version.

#[cfg(feature = "aws")]
mod aws;
mod cli;
mod crypto;
mod judge;
mod model;
mod report;
mod run;
#[cfg(feature = "seal")]
mod seal;
mod source;
mod store;
mod verification;
mod verify;

#[doc(no_inline)]
pub use jiff::Timestamp;

pub use source::{SourceError, SourceErrorKind};
pub use verification::{Error, TimeBound, Verification};

#[cfg(feature = "aws")]
pub use aws::{AwsError, AwsOptions};
pub use crypto::{KeyFileError, Refusal};
pub use model::{
    AccountId, AreaId, BucketName, ChainId, ChainKind, Fingerprint, IdError, OrganizationId, Place,
    Printable, Region, TrailName, Window,
};
pub use report::text::TextOptions;
pub use report::{
    AcceptedEnd, AcceptedGap, ChainReport, Counts, Format, KeyReport, LogCounts, ObjectKind,
    ObjectRecord, ObjectResult, RanBy, ReportError, RunReport, Scope, Tool, Totals, Unreferenced,
    Verdict,
};
pub use run::{KeysError, Observer, RunEvent};
pub use store::Stop;
pub use verify::{Code, CoverageState, EventRole, Finding, FoundEvent, Interval, Severity};

/// Inner parts, for the command, tests, benches and fuzz targets of this repository. No stability is
/// promised: anything in here may change in any version.
#[doc(hidden)]
pub mod internals {
    #[cfg(feature = "aws")]
    pub mod aws {
        pub use crate::aws::*;
    }
    pub mod cli {
        pub use crate::cli::*;
    }
    pub mod crypto {
        pub use crate::crypto::*;
    }
    pub mod judge {
        pub use crate::judge::*;
    }
    pub mod model {
        pub use crate::model::*;
    }
    pub mod report {
        pub use crate::report::*;
    }
    pub mod run {
        pub use crate::run::*;
    }
    #[cfg(feature = "seal")]
    pub mod seal {
        pub use crate::seal::*;
    }
    pub mod store {
        pub use crate::store::*;
    }
    pub mod verify {
        pub use crate::verify::*;
    }
}

/// The examples, run as a program outside of this crate would be.
#[cfg(doctest)]
mod examples {
    #[doc = concat!("```\n", include_str!("../examples/verify_directory.rs"), "\n```")]
    #[doc = concat!("```\n", include_str!("../examples/findings.rs"), "\n```")]
    struct ExamplesThatRun;

    #[cfg(feature = "aws")]
    #[doc = concat!("```no_run\n", include_str!("../examples/s3.rs"), "\n```")]
    struct ExamplesThatCompile;
}
