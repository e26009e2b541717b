//! `trailseal keys fetch`, and CloudTrail as the source of keys for a run.

use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde_json::{Map, json};

use crate::aws::CloudTrailKeys;
use crate::cli::guard::{OutputGuard, OutputKind};
use crate::cli::output::WholeFile;
use crate::cli::run_args::RunArgs;
use crate::cli::source::AwsArgs;
use crate::cli::time_args::{TimeArg, parse_time};
use crate::cli::{Console, Failure, INCOMPLETE, INTERRUPTED};
use crate::model::{Region, Window};
use crate::report::wording::counted;

/// Arguments of `keys fetch`.
#[derive(Debug, Args)]
pub struct FetchArgs {
    /// Regions of the digests to verify (A,B or repeated)
    #[arg(long = "region", value_name = "REGION", required = true, value_delimiter = ',')]
    regions: Vec<Region>,

    /// Start: RFC 3339, a date (00:00 UTC), or a duration before now
    #[arg(long, value_name = "TIME", default_value = "90d", value_parser = parse_time)]
    start_time: TimeArg,

    /// End [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    end_time: Option<TimeArg>,

    /// The file to write
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,

    /// Also replace an existing file of another kind; never a key of another form, a digest or a
    /// log file
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    run: RunArgs,

    #[command(flatten)]
    aws: AwsArgs,
}

/// Saves the keys of all regions, or none.
pub(super) fn run(args: &FetchArgs, io: &mut Console<'_>) -> Result<u8, Failure> {
    let start = args.start_time.resolve(io.now);
    let end = args.end_time.map_or(io.now, |time| time.resolve(io.now));
    if start >= end {
        return Err(Failure::usage(
            "--start-time is not before --end-time: swap them, or omit one",
        ));
    }
    args.run.begin(&io.stop);
    OutputGuard::new(args.force).check("--output", &args.output, OutputKind::Keys)?;
    let mut output = WholeFile::begin(&args.output)?;
    let keys = CloudTrailKeys::new(args.aws.opener(&io.stop).aws()?);
    let mut lists = Map::new();
    for region in &args.regions {
        let began = Instant::now();
        let list = keys.list(region, Window::new(start, end));
        if io.stop.is_set() {
            let message = "interrupted: nothing was written";
            let failure = Failure::internal(message).remedy("run the same command again");
            return Err(Failure { status: INTERRUPTED, ..failure });
        }
        let list = list.map_err(|cause| Failure {
            status: INCOMPLETE,
            ..Failure::internal(format!("Could not fetch CloudTrail's public keys for {region}: {cause}"))
                .remedy("check the credentials (aws sts get-caller-identity) and the permission cloudtrail:ListPublicKeys; nothing was written")
        })?;
        if args.run.verbose {
            let took = began.elapsed().as_secs_f64();
            writeln!(io.err, "  {region}: ListPublicKeys answered in {took:.1} s")
                .map_err(Failure::internal)?;
        }
        let count = list.count();
        let keys = counted(count as u64, "key", "keys");
        writeln!(io.out, "{region}: {keys} valid between {start} and {end}")
            .map_err(Failure::internal)?;
        lists.insert(region.to_string(), list.list());
    }
    let text = format!("{:#}\n", json!(lists));
    output.write_all(text.as_bytes()).map_err(Failure::internal)?;
    output.complete()?;
    Ok(0)
}
