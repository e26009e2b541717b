//! Scope of `trailseal validate-logs`, by the rules of the AWS CLI.

use std::io;
use std::num::NonZero;
use std::path::PathBuf;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use super::args::ValidateLogsArgs;
use crate::aws::{Aws, AwsCliCalls, AwsOptions, CallError};
use crate::cli::Console;
use crate::model::Region;
use crate::run::validate_logs::ValidateRequest;

/// Number of parallel requests.
const JOBS: usize = 96;

/// Reason why the command ends early.
pub(super) enum EarlyEnd {
    /// A message to print.
    Said(String),
    /// A message to print, because AWS is not configured.
    Unset(String),
    /// The output cannot be written.
    Unwritable(io::Error),
}

impl From<CallError> for EarlyEnd {
    fn from(error: CallError) -> Self {
        Self::Said(error.0)
    }
}

impl From<io::Error> for EarlyEnd {
    fn from(error: io::Error) -> Self {
        Self::Unwritable(error)
    }
}

fn refuse<T>(text: impl Into<String>) -> Result<T, EarlyEnd> {
    Err(EarlyEnd::Said(text.into()))
}

/// Determines the scope, with CloudTrail's help if needed.
pub(super) fn prepare(
    args: &ValidateLogsArgs,
    io: &Console<'_>,
) -> Result<(ValidateRequest, Aws, AwsCliCalls), EarlyEnd> {
    let start = parse_time(&args.start_time)?;
    // An empty value counts as none.
    let given = |text: &Option<String>| text.clone().filter(|text| !text.is_empty());
    let end = given(&args.end_time).map_or(Ok(io.now), |end| parse_time(&end))?;
    let account_id = given(&args.account_id);
    if start > end {
        return refuse("Invalid time range specified: start-time must occur before end-time");
    }
    let (aws, region) = connect(args)?;
    let arn = &args.trail_arn;
    let Some((home_region, account, name)) = parts_of(arn) else {
        return refuse(format!("Invalid trail ARN provided: {arn}"));
    };
    let calls = AwsCliCalls::new(aws.clone(), region.clone());
    let (mut bucket, mut prefix) = (args.s3_bucket.clone(), args.s3_prefix.clone());
    let mut organization = None;
    if bucket.is_none() {
        let Some(trail) = calls.trail(arn)? else {
            return refuse(format!("A trail could not be found for {arn}"));
        };
        bucket = Some(trail.bucket);
        prefix = trail.prefix;
        if trail.of_organization {
            if account_id.is_none() {
                return refuse("Missing required parameter for organization trail: '--account-id'");
            }
            organization = Some(calls.organization()?);
        }
    }
    let request = ValidateRequest {
        name,
        account: account_id.unwrap_or(account),
        home_region: home_region.clone(),
        region: args.region.clone().unwrap_or(home_region.clone()),
        organization,
        bucket: bucket.unwrap_or_default(),
        prefix,
        start,
        end,
        jobs: NonZero::new(JOBS).unwrap_or(NonZero::<usize>::MIN),
        stop: io.stop.clone(),
    };
    Ok((request, aws, calls))
}

fn connect(args: &ValidateLogsArgs) -> Result<(Aws, Region), EarlyEnd> {
    if let Some(url) = args.endpoint_url.as_ref().filter(|url| !url.contains("://")) {
        return refuse(format!(
            "Bad value for --endpoint-url \"{url}\": scheme is missing.  Must be of the form http://<hostname>/ or https://<hostname>/"
        ));
    }
    let pem = |path: &PathBuf| {
        std::fs::read(path).map_err(|e| EarlyEnd::Said(format!("{}: {e}", path.display())))
    };
    let options = AwsOptions {
        profile: args.profile.clone(),
        endpoint_url: args.endpoint_url.clone(),
        region: args.region.clone(),
        ca_bundle: args.ca_bundle.as_ref().map(pem).transpose()?,
        ..AwsOptions::default()
    };
    let aws = Aws::load(options).map_err(|error| EarlyEnd::Said(error.to_string()))?;
    let Some(region) = aws.named_region().map(str::to_owned) else {
        let text = "You must specify a region. You can also configure your region by running \"aws configure\".";
        return Err(EarlyEnd::Unset(text.to_owned()));
    };
    let region = Region::parse(&region).map_err(|error| EarlyEnd::Said(error.to_string()))?;
    Ok((aws, region))
}

/// Home region, account and name of a trail: `arn:PARTITION:cloudtrail:REGION:ACCOUNT:trail/NAME`.
fn parts_of(arn: &str) -> Option<(String, String, String)> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, "cloudtrail", region, account, trail] = parts.as_slice() else {
        return None;
    };
    let number = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    let name = trail.strip_prefix("trail/").filter(|name| !name.is_empty())?;
    let name = name.rsplit('/').next().unwrap_or(name);
    let whole = number && !partition.is_empty() && !region.is_empty();
    whole.then(|| ((*region).to_owned(), (*account).to_owned(), name.to_owned()))
}

/// A time in one of the forms that are common: an offset counts, without one it is UTC.
fn parse_time(text: &str) -> Result<Timestamp, EarlyEnd> {
    let utc = |time: DateTime| TimeZone::UTC.to_timestamp(time).ok();
    // No leap seconds and no year 0: times as the AWS CLI knows them.
    if text.contains(":60") || text.starts_with("0000") {
        return refuse(format!("Unable to parse date value: {text}"));
    }
    let time = text
        .parse::<Timestamp>()
        .ok()
        .or_else(|| crate::model::time::parse_compact_seconds(text).ok())
        .or_else(|| text.parse::<DateTime>().ok().and_then(utc))
        .or_else(|| text.parse::<Date>().ok().and_then(|date| utc(date.at(0, 0, 0, 0))));
    time.map_or_else(|| refuse(format!("Unable to parse date value: {text}")), Ok)
}
