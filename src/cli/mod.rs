//! The command line: what is typed, where results go, and the exit status.

mod acceptances;
pub mod collect;
mod console;
#[cfg(feature = "seal")]
pub mod evidence;
mod export;
mod failure;
mod guard;
mod help;
pub mod inspect;
pub mod keys;
mod objects;
mod output;
mod progress;
pub mod query_results;
mod question;
pub mod report;
mod run_args;
#[cfg(feature = "seal")]
pub mod sample;
#[cfg(feature = "seal")]
pub mod seal;
mod source;
mod streams;
mod time_args;
#[cfg(feature = "aws")]
pub mod validate_logs;
mod verdict;
pub mod verify;

use clap::{CommandFactory, Parser, Subcommand};

use self::failure::unwritable;
use self::streams::{Diagnostics, Pipe};

pub use self::console::{ColorWhen, Console, ResultFormat};
pub use self::failure::{Failure, INCOMPLETE, INTERNAL, INTERRUPTED, USAGE};

const ABOUT: &str =
    "Verify that AWS CloudTrail logs are complete and unaltered; seal logs with your own keys";

/// Help text of a build without the default features.
#[cfg(not(feature = "seal"))]
const SMALL: &str = "\
This is a small build that only verifies copies. For S3, key management, sealing and evidence bags,
build without --no-default-features.";

/// The command line.
#[derive(Debug, Parser)]
#[cfg_attr(not(feature = "seal"), command(after_help = SMALL))]
#[command(name = "trailseal", version, about = ABOUT, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,

    /// When to colour results
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = ColorWhen::Auto,
          display_order = 900)]
    color: ColorWhen,
}

#[derive(Debug, Subcommand)]
enum Command {
    Verify(Box<verify::VerifyArgs>),
    #[cfg(feature = "seal")]
    Seal(Box<seal::SealArgs>),
    #[cfg(feature = "aws")]
    ValidateLogs(Box<validate_logs::ValidateLogsArgs>),
    /// Generate signing keys, show key files, fetch CloudTrail's public keys
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    Inspect(inspect::InspectArgs),
    Collect(Box<collect::CollectArgs>),
    Report(report::RenderArgs),
    #[cfg(feature = "seal")]
    /// Make and check evidence bags, which others can check without trailseal
    #[command(subcommand)]
    Evidence(evidence::EvidenceCommand),
    #[cfg(feature = "seal")]
    Sample(sample::SampleArgs),
    VerifyQueryResults(Box<query_results::QueryResultsArgs>),
    /// Print a completion script for a shell, or the JSON Schema of reports
    #[command(subcommand)]
    Print(PrintCommand),
}

#[derive(Debug, Subcommand)]
enum PrintCommand {
    /// A completion script: trailseal print completions bash > /etc/bash_completion.d/trailseal
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// The JSON Schema of `verify --format json`
    Schema,
}

impl Cli {
    /// When results are to be coloured.
    #[must_use]
    pub const fn color(&self) -> ColorWhen {
        self.color
    }

    /// Runs the command and returns its exit status. A reader of the results that leaves early ends
    /// nothing, and diagnostics that cannot be written change nothing.
    pub fn run(&self, io: &mut Console<'_>) -> u8 {
        let (mut out, mut err) = (Pipe::new(&mut *io.out), Diagnostics(&mut *io.err));
        self.run_on(&mut Console { out: &mut out, err: &mut err, stop: io.stop.clone(), ..*io })
    }

    fn run_on(&self, io: &mut Console<'_>) -> u8 {
        let result = match &self.command {
            Command::Verify(args) => verify::run(args, io),
            #[cfg(feature = "seal")]
            Command::Seal(args) => seal::run(args, io),
            #[cfg(feature = "aws")]
            Command::ValidateLogs(args) => validate_logs::run(args, io),
            Command::Keys(command) => keys::run(command, io),
            Command::Inspect(args) => inspect::run(args, io),
            Command::Collect(args) => collect::run(args, io),
            Command::Report(args) => report::run(args, io),
            #[cfg(feature = "seal")]
            Command::Evidence(command) => evidence::run(command, io),
            #[cfg(feature = "seal")]
            Command::Sample(args) => sample::run(args, io),
            Command::VerifyQueryResults(args) => query_results::run(args, io),
            Command::Print(PrintCommand::Completions { shell }) => {
                // It panics where it cannot write.
                let mut script = Vec::new();
                clap_complete::generate(*shell, &mut Self::command(), "trailseal", &mut script);
                io.out.write_all(&script).map(|()| 0).map_err(unwritable)
            }
            Command::Print(PrintCommand::Schema) => {
                io.out.write_all(verify::SCHEMA.as_bytes()).map(|()| 0).map_err(unwritable)
            }
        };
        let flushed = io.out.flush().map_err(unwritable);
        match result.and_then(|status| flushed.map(|()| status)) {
            Ok(status) => status,
            Err(Failure { status, message, remedy }) => {
                let _ = writeln!(io.err, "trailseal: {message}");
                if let Some(remedy) = remedy {
                    let _ = writeln!(io.err, "  {remedy}");
                }
                status
            }
        }
    }
}
