//! Options shared by every command that verifies: sources, time, places, keys and rules.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp};

use super::Failure;
use super::acceptances::AcceptanceArgs;
use super::guard::OutputGuard;
use super::keys::read_key_file;
use super::run_args::{PaceArgs, ScopeArgs};
use super::source::{Opened, Opener, S3, directory, slashed};
use super::time_args::{TimeArg, parse_span, parse_time};
use crate::crypto::KeyRing;
use crate::model::{AccountId, BucketName};
use crate::report::{RanBy, Unreferenced};
use crate::run::pool::Stop;
use crate::run::sources::{Insisted, Sources};
use crate::run::verify::{CloudTrail, SourceForm, VerifyRequest};
use crate::verify::Finding;
use crate::verify::digest::Rules;

/// Options of a verification.
#[derive(Debug, Args)]
pub(super) struct QuestionArgs {
    /// Buckets (s3://BUCKET[/PREFIX]), or directories with a copy of a bucket or a part of it;
    /// AWSLogs is found at any depth
    #[arg(required = true, value_name = "SOURCE")]
    pub(super) sources: Vec<String>,

    #[command(flatten)]
    scope: ScopeArgs,

    /// Public keys: list-public-keys JSON, PEM or DER keys, X.509 certificates; a folder of these,
    /// or `-` for standard input (repeatable; required
    /// for a directory) [default for a bucket: CloudTrail is asked]
    #[arg(long, value_name = "FILE|DIR|-")]
    keys: Vec<PathBuf>,

    /// Bucket that the directory is a copy of [default: from its digests]
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    bucket: Option<BucketName>,

    /// Prefix before AWSLogs in the bucket's keys [default: from its digests]
    #[arg(long, value_name = "PREFIX", hide_short_help = true)]
    prefix: Option<String>,

    /// Allowed delay of the newest digest
    #[arg(long, value_name = "SPAN", default_value = "2h", value_parser = parse_span)]
    grace: SignedDuration,

    /// Reference time of the run, such as when a copy was made: only digests not due by then can be
    /// pending, and durations count back from it. The same input and time give an identical bag
    /// [default: now]
    #[arg(long, value_name = "TIME", value_parser = parse_time, hide_short_help = true)]
    as_of: Option<TimeArg>,

    /// Severity of log files in covered time and place that no digest lists; a trail without log
    /// file validation may write to the same folders
    #[arg(long, value_enum, default_value_t = UnreferencedArg::Violation, hide_short_help = true)]
    unreferenced: UnreferencedArg,

    #[command(flatten)]
    acceptances: AcceptanceArgs,

    /// Management account of the organization: only its events can explain gaps of an
    /// organization's trail
    #[arg(long, value_name = "ID", hide_short_help = true)]
    management_account: Option<AccountId>,

    /// Person or team to name in the report
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    operator: Option<String>,
}

/// Severity of log files that no digest lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum UnreferencedArg {
    /// Report them as a violation
    Violation,
    /// Report them as a notice: you know of such a trail
    Notice,
    /// Only count them
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
    /// Adds what is read to a guard of outputs.
    pub(super) fn guard(&self, guard: OutputGuard) -> OutputGuard {
        let files = self.keys.iter().map(PathBuf::as_path);
        guard.sources(&self.sources).inputs(files).inputs(self.acceptances.files())
    }

    /// Whether the sources are buckets.
    ///
    /// # Errors
    /// When some are and some are not, or one is no directory.
    pub(super) fn is_online(&self) -> Result<bool, Failure> {
        let online = self.sources.iter().filter(|s| s.starts_with(S3)).count();
        if online != 0 && online != self.sources.len() {
            let message = "buckets and directories cannot be verified in one run";
            return Err(Failure::usage(message).remedy(
                "verify them in separate runs: a copy lacks metadata that a bucket must have",
            ));
        }
        let here = self.sources.iter().filter(|source| !source.starts_with(S3));
        for source in here {
            directory(source)?;
        }
        Ok(online != 0)
    }

    /// Bucket and prefix of a copy, as set by the user.
    pub(super) fn insisted(&self) -> Insisted {
        Insisted { bucket: self.bucket.clone(), prefix: self.prefix.as_deref().map(slashed) }
    }

    /// Finds what the sources hold of what is asked for.
    pub(super) fn discover(&self, stores: &[Opened], stop: &Stop) -> (Sources, Vec<Finding>) {
        let (mut findings, excluded) = (Vec::new(), self.scope.excluded());
        let filter = self.scope.filter(&excluded, stop);
        (Sources::discover(stores, &self.insisted(), filter, &mut findings), findings)
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

    /// The time as of which the sources are judged, in whole seconds.
    ///
    /// # Errors
    /// When it lies in the future.
    pub(super) fn as_of(&self, now: Timestamp) -> Result<Timestamp, Failure> {
        let as_of = self.as_of.map(|time| time.resolve(now));
        if let Some(as_of) = as_of.filter(|as_of| *as_of > now) {
            let message = format!("--as-of {as_of} is in the future; it is {now} now");
            return Err(Failure::usage(message));
        }
        let as_of = as_of.unwrap_or(now);
        Ok(Timestamp::from_second(as_of.as_second()).unwrap_or(as_of))
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
        let as_of = self.as_of(now)?;
        let reference = self.as_of.map_or(now, |_| as_of);
        let (start, end) = self.scope.resolve(reference)?;
        for (flag, time) in [("--start-time", start), ("--end-time", end)] {
            if let Some(time) = time.filter(|time| *time > reference) {
                let message = match self.as_of {
                    None => format!("{flag} {time} is in the future; it is {now} now"),
                    Some(_) => format!("{flag} {time} is after --as-of {as_of}"),
                };
                return Err(Failure::usage(message)
                    .remedy("use an earlier time: the future cannot be proven"));
            }
        }
        // A bucket is what it is now, so what is asked for is all up to now; a copy is asked for
        // what it holds.
        let judged = online || end.is_some() || self.as_of.is_some();
        Ok(VerifyRequest {
            sources: self.sources.clone(),
            start,
            end: end.or_else(|| online.then_some(as_of)),
            as_of: judged.then_some(as_of),
            form: if online { SourceForm::Bucket } else { SourceForm::Copy },
            stop: stop.clone(),
            unreferenced: self.unreferenced.into(),
            accepted_gaps: self.acceptances.gaps(),
            accepted_ends: self.acceptances.ends(),
            management_account: self.management_account.clone(),
            ran_by: RanBy { operator: self.operator.clone(), identity: None },
            accounts: self.scope.accounts.clone(),
            regions: self.scope.regions.clone(),
            trails: self.scope.trails.clone(),
            excluded: self.scope.excluded(),
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
