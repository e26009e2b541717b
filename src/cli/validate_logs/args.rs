//! Arguments of `trailseal validate-logs`, as those of the AWS CLI.

use std::path::PathBuf;

use clap::Args;

const EXAMPLES: &str = "\
A faster drop-in replacement for `aws cloudtrail validate-logs`, with the same output word for word.
The AWS CLI's rules miss much that `trailseal verify` finds; --strict ends with the verdict of
verify.

Examples:
  A trail in July:
    trailseal validate-logs --trail-arn arn:aws:cloudtrail:us-east-1:111122223333:trail/audit \\
        --start-time 2026-07-01T00:00:00Z --end-time 2026-08-01T00:00:00Z --verbose

  The same, and what these rules miss:
    trailseal validate-logs --trail-arn arn:aws:cloudtrail:us-east-1:111122223333:trail/audit \\
        --start-time 2026-07-01T00:00:00Z --end-time 2026-08-01T00:00:00Z --strict

Exit status:
    0  nothing invalid was found (perhaps because nothing was found at all)
    1  a digest or log file is invalid
    2  wrong usage
    3  nothing invalid, but some digests or log files could not be read
  130  interrupted
  255  the command failed";

/// Validate the digests and log files of a trail, like the AWS CLI's command
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_override_self = true, infer_long_args = true)]
pub struct ValidateLogsArgs {
    /// ARN of the trail
    #[arg(long, value_name = "ARN")]
    pub(super) trail_arn: String,

    /// Start of the time range: RFC 3339, a date, or a date and a time (UTC without an offset)
    #[arg(long, value_name = "TIME")]
    pub(super) start_time: String,

    /// End of the time range [default: now]
    #[arg(long, value_name = "TIME")]
    pub(super) end_time: Option<String>,

    /// Bucket of the digests [default: from DescribeTrails]
    #[arg(long, value_name = "NAME")]
    pub(super) s3_bucket: Option<String>,

    /// Prefix before AWSLogs in their keys [default: from DescribeTrails]
    #[arg(long, value_name = "PREFIX")]
    pub(super) s3_prefix: Option<String>,

    /// Account of the digests, for an organization trail
    #[arg(long, value_name = "ID")]
    pub(super) account_id: Option<String>,

    /// Also print valid objects
    #[arg(long)]
    pub(super) verbose: bool,

    /// End with the verdict and exit status of verify over the same trail and time, and list what
    /// these rules miss
    #[arg(long)]
    pub(super) strict: bool,

    /// Region of the digests [default: from the AWS configuration]
    #[arg(long, value_name = "REGION")]
    pub(super) region: Option<String>,

    /// Profile from the AWS configuration files
    #[arg(long, value_name = "NAME")]
    pub(super) profile: Option<String>,

    /// Endpoint for all services (S3 with path-style addressing)
    #[arg(long, value_name = "URL")]
    pub(super) endpoint_url: Option<String>,

    /// Accepted for compatibility; has no effect: certificates are always checked
    #[arg(long)]
    pub(super) no_verify_ssl: bool,

    /// Certificate authorities to trust instead of the system's (PEM)
    #[arg(long, value_name = "FILE")]
    pub(super) ca_bundle: Option<PathBuf>,
}
