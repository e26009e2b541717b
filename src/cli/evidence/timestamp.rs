//! `trailseal evidence timestamp`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::place::open_bag;
use crate::cli::{Console, Failure, INCOMPLETE};
use crate::model::Printable;
use crate::report::Verdict;
use crate::run::evidence::timestamp::{FurtherError, further};

const EXAMPLES: &str = "\
Examples:
  The time-stamp authority was down when the bag was packed:
    trailseal evidence timestamp july.zip --timestamp http://timestamp.example.com

  The same command renews: another time-stamp over the bag and its earlier time-stamps keeps them
  valid after their certificates expire. Add it before they expire.

Exit status:
  0  the time-stamp is in the bag
  1  violation: the bag was altered or its seal is invalid; nothing was added
  2  wrong usage, or not a readable bag
  3  incomplete: no time-stamp from the authority, or the bag could not be read; nothing was added
  4  internal error or unwritable bag; nothing was added";

/// Add an RFC 3161 time-stamp to a bag, or renew its earlier ones
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct TimestampArgs {
    /// The bag: a ZIP archive or a folder
    #[arg(value_name = "BAG")]
    bag: PathBuf,

    /// The time-stamp authority (RFC 3161)
    #[arg(long, value_name = "URL")]
    timestamp: String,

    /// Print errors only
    #[arg(long, short)]
    quiet: bool,
}

/// Checks that an authority can be asked there.
///
/// # Errors
/// When it is no address of the web.
pub(super) fn is_address(url: &str) -> Result<(), Failure> {
    if ["http://", "https://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Ok(());
    }
    let message = format!("--timestamp {}: not a web address", Printable(url));
    Err(Failure::usage(message).remedy("use http://... or https://..."))
}

/// Says that a bag lacks its time-stamp, and how to add it.
pub(super) fn warn_of_missing(bag: &Path, url: Option<&str>, cause: &str, io: &mut Console<'_>) {
    let bag = bag.display().to_string();
    let (bag, url) = (Printable(&bag), Printable(url.unwrap_or("URL")));
    // Diagnostics that cannot be written change no verdict.
    let _ = writeln!(io.err, "trailseal: {bag}: packed without a time-stamp: {}", Printable(cause));
    let _ =
        writeln!(io.err, "  add it later: trailseal evidence timestamp {bag} --timestamp {url}");
}

/// Runs the command.
///
/// # Errors
/// When nothing was added.
pub(super) fn run(args: &TimestampArgs, io: &mut Console<'_>) -> Result<u8, Failure> {
    is_address(&args.timestamp)?;
    let name = args.bag.display().to_string();
    let name = Printable(&name);
    let no_bag = |error: std::io::Error| {
        Failure::usage(format!("{name}: {error}"))
            .remedy("use a bag made by trailseal evidence pack: FILE.zip, or its folder")
    };
    let bag = open_bag(&args.bag).map_err(no_bag)?;
    let stamp = further(bag.folder(), &args.timestamp).map_err(|error| {
        let message = format!("{name}: no time-stamp was added: {}", Printable(&error.to_string()));
        let failure = |status| Failure { status, ..Failure::internal(message) };
        match error {
            FurtherError::NoBag(error) => no_bag(error),
            FurtherError::Altered(_) => failure(Verdict::Violation.exit_status())
                .remedy("run trailseal evidence check BAG for details"),
            FurtherError::Unreadable(_) => failure(INCOMPLETE),
            FurtherError::Authority(_) => failure(INCOMPLETE).remedy(
                "check the address and the network, try again later, or use another authority",
            ),
        }
    })?;
    bag.add(&stamp.path, &stamp.response)?;
    if !args.quiet {
        let by = format!("{}, issued by {}", stamp.by.subject, stamp.by.issuer);
        write!(
            io.out,
            "{name}\n  added          {}, over {}\n  time           {} (UTC)\n  authority      {}\n",
            stamp.path,
            stamp.over,
            stamp.time,
            Printable(&by)
        )
        .map_err(|e| Failure::internal(format!("standard output: {e}")))?;
    }
    Ok(0)
}
