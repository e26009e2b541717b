//! `trailseal keys`: makes signing keys, shows what a key file holds.

#[cfg(feature = "aws")]
pub(super) mod fetch;
#[cfg(feature = "seal")]
pub(super) mod generate;

use std::fs::{self, File};
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::json;

use crate::crypto::{KEY_FILE_LIMIT, PublicKey, parse_key_file};
use crate::model::Printable;

use super::{Failure, Format, Io};

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
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Runs the command; returns the exit status.
///
/// # Errors
/// When nothing was done, or results cannot be written: why, and what to do.
pub fn run(command: &KeysCommand, io: &mut Io<'_>) -> Result<u8, Failure> {
    match command {
        #[cfg(feature = "seal")]
        KeysCommand::Generate(args) => generate::run(args, io),
        KeysCommand::Show(args) => show(args, io),
        #[cfg(feature = "aws")]
        KeysCommand::Fetch(args) => fetch::run(args, io),
    }
}

fn show(args: &ShowArgs, io: &mut Io<'_>) -> Result<u8, Failure> {
    let keys = read_key_file(&args.file)?;
    match args.format {
        Format::Text => show_text(&keys, io.out),
        Format::Json => show_json(&keys, io.out),
    }
    .map_err(unwritable)?;
    Ok(0)
}

/// Reads the public keys of a file, of every key file in a folder, or of standard input (`-`).
///
/// # Errors
/// When it cannot be read or is refused, as wrong usage.
pub fn read_key_file(path: &Path) -> Result<Vec<PublicKey>, Failure> {
    if path.is_dir() {
        return read_key_folder(path);
    }
    let name = match path == Path::new("-") {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    };
    let bytes = read_bounded(path, &name)?;
    parse_key_file(&name, &bytes).map_err(Failure::usage)
}

fn read_bounded(path: &Path, name: &str) -> Result<Vec<u8>, Failure> {
    let input = || -> io::Result<Box<dyn io::Read>> {
        Ok(match path == Path::new("-") {
            true => Box::new(io::stdin()),
            false => Box::new(File::open(path)?),
        })
    };
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file that is too large, without reading all of it.
    input()
        .and_then(|input| input.take(KEY_FILE_LIMIT as u64 + 1).read_to_end(&mut bytes))
        .map_err(|error| {
            Failure::usage(format!("cannot read {}: {error}", Printable(name))).remedy(
                "save CloudTrail's public keys with: trailseal keys fetch --region REGION --output keys.json",
            )
        })?;
    Ok(bytes)
}

/// Endings of the names of key files.
const KEY_FILES: [&str; 5] = ["json", "pem", "der", "crt", "cer"];

/// Reads every key file of a folder in the order of their names. Private keys in it are left alone.
fn read_key_folder(folder: &Path) -> Result<Vec<PublicKey>, Failure> {
    let name = folder.display().to_string();
    let unreadable =
        |error: io::Error| Failure::usage(format!("cannot read {}: {error}", Printable(&name)));
    let is_key_file = |path: &PathBuf| {
        let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
        ending.is_some_and(|ending| KEY_FILES.iter().any(|known| ending == *known))
    };
    let paths = fs::read_dir(folder).map_err(unreadable)?.map(|entry| Ok(entry?.path()));
    let mut paths: Vec<_> = paths.collect::<io::Result<_>>().map_err(unreadable)?;
    paths.retain(is_key_file);
    paths.sort();
    let mut keys = Vec::new();
    for path in paths {
        let name = path.display().to_string();
        let bytes = read_bounded(&path, &name)?;
        if !bytes.windows(PRIVATE.len()).any(|part| part == PRIVATE) {
            keys.extend(parse_key_file(&name, &bytes).map_err(Failure::usage)?);
        }
    }
    if keys.is_empty() {
        let endings = KEY_FILES.map(|ending| format!(".{ending}")).join(" ");
        return Err(Failure::usage(format!("{}: contains no public key", Printable(&name)))
            .remedy(format!("key files in a folder must end in one of {endings}")));
    }
    Ok(keys)
}

/// Part of every private key in PEM.
const PRIVATE: &[u8] = b"PRIVATE KEY-----";

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

fn unwritable(error: io::Error) -> Failure {
    Failure::internal(format!("cannot write the results: {error}"))
}
