//! `trailseal sample`.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::keys::generate::{GenerateArgs, run as generate};
use super::seal::read_key;
use super::{Console, Failure};
use crate::run::sample;
use crate::store::{DirectoryStore, Store};

const EXAMPLES: &str = "\
Examples:
    trailseal sample ./sample
    trailseal verify ./sample --keys ./sample/keys/public-keys.json
    # delete, change or add a file, then verify again

With the key of an earlier sample in DIR/keys, the output is identical.";

/// Write a small sealed trail to experiment with: two accounts, two regions, 30 hours
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct SampleArgs {
    /// Directory in which to create AWSLogs and keys
    #[arg(value_name = "DIR")]
    dir: PathBuf,

    /// Write another sample: one account with a trail that was stopped and started again, and the
    /// events that explain the gap
    #[arg(long)]
    restart: bool,
}

/// Runs the command.
///
/// # Errors
/// When the directory holds a sample already or cannot be written.
pub fn run(args: &SampleArgs, io: &mut Console<'_>) -> Result<u8, Failure> {
    let dir = &args.dir;
    let shown = dir.display().to_string();
    if dir.join("AWSLogs").exists() {
        return Err(Failure::usage(format!("{shown}: already contains AWSLogs"))
            .remedy("use a directory without AWSLogs"));
    }
    let keys = dir.join("keys");
    let key_file = keys.join("signing-key.pem");
    if !key_file.exists() {
        let arguments = GenerateArgs::with_defaults(keys.clone());
        let mut nowhere = Vec::new();
        let stop = io.stop.clone();
        generate(&arguments, &mut Console { out: &mut nowhere, err: &mut *io.err, stop, ..*io })?;
    }
    let key = read_key(&key_file)?;
    let store = DirectoryStore::open(dir, &*shown)
        .map_err(|e| Failure::internal(format!("{shown}: {e}")))?;
    let store: Arc<dyn Store> = Arc::new(store);
    let write = if args.restart { sample::write_restart } else { sample::write };
    write(&store, &key).map_err(Failure::internal)?;
    let keys = keys.join("public-keys.json");
    writeln!(
        io.out,
        "Wrote a sample trail to {shown}.\n\nNext:\n    trailseal verify {shown} --keys {}",
        keys.display()
    )
    .map_err(Failure::internal)?;
    Ok(0)
}
