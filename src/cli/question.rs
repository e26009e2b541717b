//! What is asked of sources: which of them, which time and places, by which keys and rules. Whatever
//! verifies takes the same.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp};

use super::Failure;
use super::keys::read_key_file;
use super::run_args::{PaceArgs, ScopeArgs};
use super::source::{Opener, S3, slashed};
use super::time_args::parse_span;
use crate::crypto::KeyRing;
use crate::model::{AccountId, BucketName, TrailName, Window};
use crate::report::{AcceptedGap, RanBy, Unreferenced};
use crate::run::pool::Stop;
use crate::run::sources::{Filter, Insisted};
use crate::run::verify::{CloudTrail, VerifyRequest};
use crate::verify::digest::Rules;

/// What is asked of sources.
#[derive(Debug, Args)]
pub(super) struct QuestionArgs {
    /// Buckets (s3://BUCKET[/PREFIX]), or directories that are copies of a bucket or of a part of
    /// it; AWSLogs is found at any depth
    #[arg(required = true, value_name = "SOURCE")]
    pub(super) sources: Vec<String>,

    #[command(flatten)]
    scope: ScopeArgs,

    /// Only this trail (repeatable)
    #[arg(long = "trail", value_name = "NAME")]
    trails: Vec<TrailName>,

    /// Public keys: list-public-keys JSON, PEM or DER keys, X.509 certificates (repeatable; needed
    /// for a directory; for a bucket CloudTrail is asked if absent)
    #[arg(long, value_name = "FILE")]
    keys: Vec<PathBuf>,

    /// The bucket that the directory is a copy of [default: as its digests say]
    #[arg(long, value_name = "NAME")]
    bucket: Option<BucketName>,

    /// What stands before AWSLogs in the bucket's keys [default: as its digests say]
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,

    /// How long the newest digest may be late before its absence counts
    #[arg(long, value_name = "SPAN", default_value = "2h", value_parser = parse_span)]
    grace: SignedDuration,

    /// What log files weigh that no digest lists, though digests cover their time and place: a
    /// trail without log file validation may write to the same folders
    #[arg(long, value_enum, default_value_t = UnreferencedArg::Violation)]
    unreferenced: UnreferencedArg,

    /// Accept a gap between segments that lies in this time, for a reason that the report then
    /// gives (repeatable): START/END=REASON
    #[arg(long = "accept-gap", value_name = "GAP", value_parser = parse_gap)]
    accepted_gaps: Vec<AcceptedGap>,

    /// The management account of an organization: only its events may explain a gap of the
    /// organization's trail
    #[arg(long, value_name = "ID")]
    management_account: Option<AccountId>,

    /// Who makes this run, as the report is to say: a person or an office
    #[arg(long, value_name = "NAME")]
    operator: Option<String>,
}

/// What log files weigh that no digest lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum UnreferencedArg {
    /// As much as an injected one
    Violation,
    /// A notice: such a trail is known to write here
    Notice,
    /// Only counted
    Ignore,
}

impl From<UnreferencedArg> for Unreferenced {
    fn from(arg: UnreferencedArg) -> Self {
        match arg {
            UnreferencedArg::Violation => Self::Violation,
            UnreferencedArg::Notice => Self::Notice,
            UnreferencedArg::Ignore => Self::Ignore,
        }
    }
}

impl QuestionArgs {
    /// Whether the sources are buckets.
    ///
    /// # Errors
    /// When some are and some are not.
    pub(super) fn is_online(&self) -> Result<bool, Failure> {
        let online = self.sources.iter().filter(|s| s.starts_with(S3)).count();
        if online != 0 && online != self.sources.len() {
            let message = "buckets and directories cannot be verified in one run";
            return Err(Failure::usage(message)
                .remedy("a copy lacks what a bucket must have: verify them one after the other"));
        }
        Ok(online != 0)
    }

    /// What the user insists on of a copy.
    pub(super) fn insisted(&self) -> Insisted {
        Insisted { bucket: self.bucket.clone(), prefix: self.prefix.as_deref().map(slashed) }
    }

    /// What is looked for.
    pub(super) fn filter<'a>(&'a self, stop: &'a Stop) -> Filter<'a> {
        let ScopeArgs { accounts, regions, .. } = &self.scope;
        Filter { accounts, regions, stop: Some(stop) }
    }

    /// What a missing signature and an unknown key mean depends on where the digests are read.
    ///
    /// # Errors
    /// When a key file cannot be read, or there is none for a directory.
    pub(super) fn rules(&self, online: bool) -> Result<Rules, Failure> {
        let keys = match (self.keys.is_empty(), online) {
            (true, true) => KeyRing::new(),
            _ => read_keys(&self.keys)?,
        };
        Ok(if online { Rules::of_bucket(keys) } else { Rules::of_copy(keys) })
    }

    /// CloudTrail itself, for a bucket without key files.
    #[cfg(feature = "aws")]
    pub(super) fn cloudtrail(
        &self,
        online: bool,
        opener: &mut Opener<'_>,
    ) -> Result<Option<Box<dyn CloudTrail>>, Failure> {
        if !online || !self.keys.is_empty() {
            return Ok(None);
        }
        Ok(Some(Box::new(super::cloudtrail::Online::new(opener.aws()?, &self.scope.regions))))
    }

    #[cfg(not(feature = "aws"))]
    pub(super) fn cloudtrail(
        &self,
        _: bool,
        _: &mut Opener<'_>,
    ) -> Result<Option<Box<dyn CloudTrail>>, Failure> {
        Ok(None)
    }

    /// The run that is asked for; all log files are part of it.
    ///
    /// # Errors
    /// When the time asked for is none, or lies in the future.
    pub(super) fn request(
        &self,
        pace: &PaceArgs,
        now: Timestamp,
        stop: &Stop,
        online: bool,
    ) -> Result<VerifyRequest, Failure> {
        let (start, end) = self.scope.resolve(now)?;
        for (flag, time) in [("--start-time", start), ("--end-time", end)] {
            if let Some(time) = time.filter(|time| *time > now) {
                let message = format!("{flag} {time} lies in the future; it is {now} now");
                return Err(Failure::usage(message).remedy("nothing can be proven of it yet"));
            }
        }
        // A bucket is what it is now, so what is asked for is all up to now.
        let now_in_seconds = Timestamp::from_second(now.as_second()).unwrap_or(now);
        let as_of = online.then_some(now_in_seconds);
        Ok(VerifyRequest {
            sources: self.sources.clone(),
            start,
            end: end.or(as_of),
            as_of,
            stop: stop.clone(),
            unreferenced: self.unreferenced.into(),
            accepted_gaps: self.accepted_gaps.clone(),
            management_account: self.management_account.clone(),
            ran_by: RanBy { operator: self.operator.clone(), identity: None },
            accounts: self.scope.accounts.clone(),
            regions: self.scope.regions.clone(),
            trails: self.trails.clone(),
            logs: true,
            grace: self.grace,
            jobs: pace.jobs(online.then_some(JOBS_ONLINE)),
            started: now,
            bucket_inferred: !online && self.bucket.is_none(),
        })
    }
}

/// How many requests are under way at once: enough to fill two processors at 20 ms of latency.
const JOBS_ONLINE: usize = 160;

fn parse_gap(text: &str) -> Result<AcceptedGap, String> {
    let form = "give START/END=REASON with times as the report tells them, such as 2026-03-01T12:00:00Z/2026-03-01T20:00:00Z=planned maintenance";
    let (times, reason) = text.split_once('=').ok_or(form)?;
    let (start, end) = times.split_once('/').ok_or(form)?;
    let time = |text: &str| text.parse::<Timestamp>().map_err(|e| format!("{text}: {e}"));
    let (window, reason) = (Window::new(time(start)?, time(end)?), reason.trim().to_owned());
    match (window.is_empty(), reason.is_empty()) {
        (true, _) => Err(format!("{start} does not come before {end}")),
        (_, true) => Err(format!("no reason: {form}")),
        _ => Ok(AcceptedGap { window, reason, used: false }),
    }
}

pub(super) fn read_keys(files: &[PathBuf]) -> Result<KeyRing, Failure> {
    if files.is_empty() {
        return Err(Failure::usage("no public keys: a directory cannot be verified without --keys")
            .remedy("get them with: aws cloudtrail list-public-keys --region REGION --start-time ... --end-time ... > keys.json"));
    }
    let mut ring = KeyRing::new();
    for file in files {
        ring.add(read_key_file(file)?);
    }
    Ok(ring)
}
