//! `trailseal keys generate`: makes a signing key and what goes with it, over no existing file.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use tempfile::NamedTempFile;

use crate::cli::failure::unwritten;
use crate::cli::time_args::{TimeArg, parse_time};
use crate::cli::{Console, Failure};
use crate::crypto::{Signer as _, SigningKey, Validity, render_public_keys};
use crate::model::{Printable, time};

const SIGNING_KEY: &str = "signing-key.pem";
const PUBLIC_KEYS: &str = "public-keys.json";
const CERTIFICATE: &str = "certificate.pem";

/// Launch of CloudTrail. A key is valid from here on unless told otherwise: a digest made
/// today over old logs carries an old end time, and the key has to be valid then.
const CLOUDTRAIL_LAUNCH: &str = "2013-11-13T00:00:00Z";
const DEFAULT_DAYS: u32 = 365;

pub(super) const HELP: &str = "\
Writes three files, and never overwrites an existing one:
  signing-key.pem   the private key (PKCS#8, readable by you only), to seal digests
  public-keys.json  the public key as `aws cloudtrail list-public-keys` prints it, to verify them
  certificate.pem   the same public key and validity as a self-signed X.509 certificate

Examples:
  trailseal keys generate keys
  trailseal keys generate keys --valid-days 3650
  trailseal keys generate keys --valid-from 2026-01-01";

/// Arguments of `keys generate`.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// Directory to write to; created if needed
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// Days from now until the key expires
    #[arg(long, value_name = "DAYS", default_value_t = DEFAULT_DAYS,
          value_parser = clap::value_parser!(u32).range(1..=36_500))]
    valid_days: u32,
    /// Earliest end time of a digest that the key may sign (RFC 3339, or a date in UTC)
    #[arg(long, value_name = "TIME", default_value = CLOUDTRAIL_LAUNCH, value_parser = parse_start)]
    valid_from: TimeArg,
}

/// Reads a time given on the command line: RFC 3339, or a date, which is its first moment in UTC.
/// Certificates and key lists count whole seconds from 1970 on.
fn parse_start(text: &str) -> Result<TimeArg, String> {
    match parse_time(text)? {
        TimeArg::At(time) if time < Timestamp::UNIX_EPOCH => {
            Err("the time is before 1970".to_owned())
        }
        time => Ok(time),
    }
}

impl GenerateArgs {
    /// `keys generate DIR` as it runs by default.
    pub(in crate::cli) fn with_defaults(dir: PathBuf) -> Self {
        let valid_from = TimeArg::At(CLOUDTRAIL_LAUNCH.parse().unwrap_or(Timestamp::UNIX_EPOCH));
        Self { dir, valid_days: DEFAULT_DAYS, valid_from }
    }
}

fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// Runs the command; returns the exit status.
///
/// # Errors
/// When a file exists or cannot be written, or the key would never be valid.
pub(in crate::cli) fn run(args: &GenerateArgs, io: &mut Console<'_>) -> Result<u8, Failure> {
    let days = SignedDuration::from_hours(24 * i64::from(args.valid_days));
    let from = args.valid_from.resolve(io.now);
    let validity = Validity { from, to: time::add(whole_second(io.now), days) };
    if validity.from >= validity.to {
        let message = format!("the key would never be valid: from {validity}");
        return Err(
            Failure::usage(message).remedy("give an earlier --valid-from or more --valid-days")
        );
    }
    let dir = &args.dir;
    let shown_dir = dir.display().to_string();
    for name in [SIGNING_KEY, PUBLIC_KEYS, CERTIFICATE] {
        refuse_existing(&dir.join(name))?;
    }
    let key = SigningKey::generate().map_err(Failure::internal)?;
    let pem = key.to_pkcs8_pem().map_err(Failure::internal)?;
    let list = render_public_keys(&[(key.public_key_der(), validity)]);
    let certificate = key.self_signed_certificate_pem(validity).map_err(Failure::internal)?;
    // The private key last: it never stands there without its public half.
    write_all_or_nothing(
        dir,
        &[
            (PUBLIC_KEYS, list.as_bytes(), Access::Everyone),
            (CERTIFICATE, certificate.as_bytes(), Access::Everyone),
            (SIGNING_KEY, pem.as_bytes(), Access::Owner),
        ],
    )?;

    let path = |name| dir.join(name).display().to_string();
    let (signing_key, public_keys, certificate) =
        (path(SIGNING_KEY), path(PUBLIC_KEYS), path(CERTIFICATE));
    let (signing_key, public_keys, certificate, dir) = (
        Printable(&signing_key),
        Printable(&public_keys),
        Printable(&certificate),
        Printable(&shown_dir),
    );
    let fingerprint = key.fingerprint();
    write!(
        io.out,
        "Wrote to {dir}:
  {SIGNING_KEY}   the private key, readable by you only
  {PUBLIC_KEYS}  the public key, as list-public-keys prints it
  {CERTIFICATE}   the same public key and validity as a certificate

Fingerprint  {fingerprint}
Valid from   {}
Valid to     {}

Next:
  Keep {SIGNING_KEY} private: anyone who has it can seal digests in your name.
  To seal:
    trailseal seal SOURCE --account ID --region REGION --trail NAME \\
        --bucket BUCKET --key {signing_key}
  To verify, hand over {PUBLIC_KEYS} or {CERTIFICATE}, through a different channel than the logs:
    trailseal verify SOURCE --keys {public_keys}
    trailseal verify SOURCE --keys {certificate}
",
        validity.from, validity.to,
    )
    .map_err(unwritten)?;
    Ok(0)
}

fn refuse_existing(path: &Path) -> Result<(), Failure> {
    let shown = path.display().to_string();
    let shown = Printable(&shown);
    // A link counts too, even one that leads nowhere.
    match fs::symlink_metadata(path) {
        Ok(_) => Err(Failure::usage(format!("{shown} exists; nothing was written"))
            .remedy("use another directory, or move the existing keys away first")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Failure::usage(format!("{shown}: {error}; nothing was written"))),
    }
}

/// Readers of a file.
#[derive(Clone, Copy)]
enum Access {
    /// Its owner alone, from the first byte on.
    Owner,
    /// Whoever the umask lets.
    Everyone,
}

/// Writes files that appear whole, none over an existing one. Everything that can fail is done
/// before the first of them appears; should one still not appear, those before it are removed.
fn write_all_or_nothing(dir: &Path, files: &[(&str, &[u8], Access)]) -> Result<(), Failure> {
    let failed = |path: &Path, error: io::Error| {
        let shown = path.display().to_string();
        Failure::usage(format!("cannot write {}: {error}", Printable(&shown)))
            .remedy("use a directory that you can write to")
    };
    fs::create_dir_all(dir).map_err(|error| failed(dir, error))?;
    let mut ready = Vec::new();
    for (name, bytes, access) in files {
        let path = dir.join(name);
        let file = temporary(dir, bytes, *access).map_err(|error| failed(&path, error))?;
        ready.push((path, file));
    }
    let mut written: Vec<PathBuf> = Vec::new();
    for (path, file) in ready {
        if let Err(error) = file.persist_noclobber(&path) {
            for path in &written {
                // They are ours, made a moment ago; what cannot be removed does no harm.
                let _ = fs::remove_file(path);
            }
            return Err(failed(&path, error.error));
        }
        written.push(path);
    }
    Ok(())
}

fn temporary(dir: &Path, bytes: &[u8], access: Access) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".trailseal-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(match access {
            Access::Owner => 0o600,
            Access::Everyone => 0o666,
        }));
    }
    #[cfg(not(unix))]
    let _ = access;
    let mut file = builder.tempfile_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn when_a_file_appears_meanwhile_it_stays_and_ours_go() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("b"), "theirs").unwrap();
        let files: [(&str, &[u8], Access); 3] = [
            ("a", b"ours", Access::Everyone),
            ("b", b"ours", Access::Everyone),
            ("c", b"ours", Access::Owner),
        ];
        let failure = write_all_or_nothing(dir.path(), &files).unwrap_err();
        assert_eq!(failure.status, crate::cli::USAGE);
        let left: Vec<_> =
            fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["b"], "neither ours nor a temporary file is left");
        assert_eq!(fs::read(dir.path().join("b")).unwrap(), b"theirs");
    }

    #[test]
    fn dates_and_times_are_read_and_guesses_are_not_made() {
        for (text, expected) in [
            ("2026-01-31", "2026-01-31T00:00:00Z"),
            ("2026-01-31T12:00:00.7+02:00", "2026-01-31T10:00:00Z"),
            ("1970-01-01", "1970-01-01T00:00:00Z"),
            (CLOUDTRAIL_LAUNCH, CLOUDTRAIL_LAUNCH),
        ] {
            assert_eq!(parse_start(text).unwrap().resolve(Timestamp::MAX).to_string(), expected);
        }
        for text in ["", "2026-02-30", "2026-01-31T12:00:00", "1969-12-31T23:59:59Z", "now"] {
            assert!(parse_start(text).is_err(), "{text}");
        }
    }
}
