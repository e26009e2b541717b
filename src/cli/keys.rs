//! `trailseal keys`: makes signing keys, shows what a key file holds.

#[cfg(feature = "aws")]
pub(super) mod fetch;
#[cfg(feature = "seal")]
pub(super) mod generate;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::json;

use crate::crypto::PublicKey;
use crate::run::key_files::{self, KEY_FILE_ENDINGS, KeysError};

use super::failure::unwritten;
use super::{Console, Failure, ResultFormat};

/// The schema of `keys show --format json`.
const SCHEMA: &str = "trailseal.keys/1";

/// Commands on keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Generate a signing key, its public key and a certificate
    #[cfg(feature = "seal")]
    #[command(after_help = generate::HELP)]
    Generate(generate::GenerateArgs),
    /// Show the public keys in a file
    #[command(after_help = SHOW_HELP)]
    Show(ShowArgs),
    /// Save CloudTrail's public keys, to verify offline
    #[cfg(feature = "aws")]
    #[command(after_help = FETCH_HELP)]
    Fetch(fetch::FetchArgs),
}

#[cfg(feature = "aws")]
const FETCH_HELP: &str = "\
Calls ListPublicKeys in each region and writes one list per region. Keys can be fetched for years.
Set --end-time at least two hours after the end of the time range that you will verify.

Examples:
  trailseal keys fetch --region us-east-1 --region eu-west-1 --output keys.json
  trailseal keys fetch --region eu-west-1 --start-time 2026-07-01 --end-time 2026-08-02 --output july.json";

const SHOW_HELP: &str = "\
FILE is the JSON of `aws cloudtrail list-public-keys` (also several regions in one object), or RSA
public keys and X.509 certificates as PEM or DER. Any other file: exit status 2.

Examples:
  trailseal keys show public-keys.json
  trailseal keys show certificate.pem --format json";

/// Arguments of `keys show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The key file, a folder of key files, or `-` for standard input
    #[arg(value_name = "FILE|DIR|-")]
    file: PathBuf,
    /// Format of the output
    #[arg(long, value_enum, default_value_t = ResultFormat::Text)]
    format: ResultFormat,
}

/// Runs the command; returns the exit status.
///
/// # Errors
/// When nothing was done, or results cannot be written: why, and what to do.
pub fn run(command: &KeysCommand, io: &mut Console<'_>) -> Result<u8, Failure> {
    match command {
        #[cfg(feature = "seal")]
        KeysCommand::Generate(args) => generate::run(args, io),
        KeysCommand::Show(args) => show(args, io),
        #[cfg(feature = "aws")]
        KeysCommand::Fetch(args) => fetch::run(args, io),
    }
}

fn show(args: &ShowArgs, io: &mut Console<'_>) -> Result<u8, Failure> {
    let keys = read_key_file(&args.file)?;
    match args.format {
        ResultFormat::Text => show_text(&keys, io.out),
        ResultFormat::Json => show_json(&keys, io.out),
    }
    .map_err(unwritten)?;
    Ok(0)
}

/// Reads the public keys of a file, of every key file in a folder, or of standard input (`-`).
///
/// # Errors
/// When it cannot be read or is refused, as wrong usage.
pub fn read_key_file(path: &Path) -> Result<Vec<PublicKey>, Failure> {
    key_files::read_key_file(path).map_err(failure)
}

/// Error in reading keys, as wrong usage.
pub(super) fn failure(error: KeysError) -> Failure {
    let failure = Failure::usage(&error);
    match error {
        KeysError::NotGiven => Failure::usage("no public keys: a directory cannot be verified without --keys").remedy("get them with: aws cloudtrail list-public-keys --region REGION --start-time ... --end-time ... > keys.json"),
        KeysError::Unreadable { .. } => failure.remedy("save CloudTrail's public keys with: trailseal keys fetch --region REGION --output keys.json"),
        KeysError::EmptyFolder { .. } => {
            let endings = KEY_FILE_ENDINGS.map(|ending| format!(".{ending}")).join(" ");
            failure.remedy(format!("key files in a folder must end in one of {endings}"))
        }
        KeysError::Refused(_) => failure,
    }
}

fn show_text(keys: &[PublicKey], out: &mut dyn Write) -> io::Result<()> {
    let region = |key: &PublicKey| key.region().map_or("any", |region| region.as_str()).to_owned();
    let end = |end: Option<Timestamp>| end.map_or("any time".to_owned(), |end| end.to_string());
    let mut rows = vec![
        ["FINGERPRINT", "REGION", "BITS", "VALID FROM", "VALID TO", "FORM"].map(str::to_owned),
    ];
    for key in keys {
        rows.push([
            key.fingerprint().to_string(),
            region(key),
            key.bits().to_string(),
            end(key.validity().map(|validity| validity.from)),
            end(key.validity().map(|validity| validity.to)),
            key.form().to_string(),
        ]);
    }
    let mut widths = [0; 6];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.len().max(*width);
        }
    }
    for row in &rows {
        let cells: Vec<_> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

fn show_json(keys: &[PublicKey], out: &mut dyn Write) -> io::Result<()> {
    let keys: Vec<_> = keys
        .iter()
        .map(|key| {
            json!({
                "fingerprint": key.fingerprint(),
                "fingerprints": key.fingerprints().collect::<Vec<_>>(),
                "region": key.region(),
                "bits": key.bits(),
                "valid_from": key.validity().map(|validity| validity.from.to_string()),
                "valid_to": key.validity().map(|validity| validity.to.to_string()),
                "form": key.form().as_str(),
                "source": key.source(),
            })
        })
        .collect();
    writeln!(out, "{:#}", json!({ "schema": SCHEMA, "keys": keys }))
}
