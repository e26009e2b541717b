//! Options shared by every command that verifies: sources, time, places, keys and rules.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp};

use super::Failure;
use super::acceptances::AcceptanceArgs;
use super::guard::OutputGuard;
use super::keys::{failure as keys_failure, read_key_file};
use super::run_args::{PaceArgs, ScopeArgs};
use super::time_args::{TimeArg, parse_span, parse_time};
use crate::crypto::KeyRing;
use crate::judge::Question;
use crate::model::{AccountId, BucketName};
use crate::report::{RanBy, Unreferenced};
use crate::run::key_files::KeysError;
use crate::run::pool::Stop;
use crate::run::sources::Insisted;
use crate::run::verify::VerifyRequest;
use crate::source::{slashed, sources_help};
use crate::verification::{Error, TimeBound, Verification};

/// Options of a verification.
#[derive(Debug, Args)]
pub(super) struct QuestionArgs {
    #[arg(required = true, value_name = "SOURCE", help = sources_help())]
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

    /// The verification that is asked for.
    pub(super) fn verification(
        &self,
        pace: &PaceArgs,
        now: Timestamp,
        stop: &Stop,
    ) -> Verification {
        let as_of = self.as_of.map(|time| time.resolve(now));
        let resolve = |time: TimeArg| time.resolve(as_of.unwrap_or(now));
        let question = Question {
            start: self.scope.start_time.map(resolve),
            end: self.scope.end_time.map(resolve),
            as_of,
            unreferenced: self.unreferenced.into(),
            accepted_gaps: self.acceptances.gaps(),
            accepted_ends: self.acceptances.ends(),
            management_account: self.management_account.clone(),
            accounts: self.scope.accounts.clone(),
            regions: self.scope.regions.clone(),
            trails: self.scope.trails.clone(),
            excluded: self.scope.excluded(),
            grace: self.grace,
            ..Question::default()
        };
        let request = VerifyRequest {
            question,
            stop: stop.clone(),
            ran_by: RanBy { operator: self.operator.clone(), identity: None },
            ..VerifyRequest::of(self.sources.clone(), now)
        };
        let copy_of =
            Insisted { bucket: self.bucket.clone(), prefix: self.prefix.as_deref().map(slashed) };
        let verification = Verification::of_request(request).copy_of(copy_of);
        let verification = self.keys.iter().fold(verification, |all, file| all.keys(file));
        match pace.set_jobs() {
            Some(jobs) => verification.jobs(jobs),
            None => verification,
        }
    }

    /// Error of a verification, in the words of the options.
    pub(super) fn failure(&self, error: Error) -> Failure {
        let flag = |bound| if bound == TimeBound::End { "--end-time" } else { "--start-time" };
        let future = "use an earlier time: the future cannot be proven";
        match error {
            Error::Source(error) => error.into(),
            Error::Keys(error) => keys_failure(error),
            Error::Future { bound: TimeBound::AsOf, time, now } => {
                Failure::usage(format!("--as-of {time} is in the future; it is {now} now"))
            }
            Error::Future { bound, time, now } if self.as_of.is_none() => {
                let message = format!("{} {time} is in the future; it is {now} now", flag(bound));
                Failure::usage(message).remedy(future)
            }
            Error::Future { bound, time, now } => {
                Failure::usage(format!("{} {time} is after --as-of {now}", flag(bound)))
                    .remedy(future)
            }
            Error::EmptyTime { start, end } => Failure::usage(format!(
                "--start-time {start} is not before --end-time {end}: swap them, or omit one"
            )),
            error @ Error::SelectedAndExcluded { .. } => {
                Failure::usage(error).remedy("remove one of the two options")
            }
            #[cfg(feature = "aws")]
            Error::Aws(error) => error.into(),
            error @ Error::Run(_) => Failure::internal(error),
        }
    }
}

pub(super) fn read_keys(files: &[PathBuf]) -> Result<KeyRing, Failure> {
    if files.is_empty() {
        return Err(keys_failure(KeysError::NotGiven));
    }
    let mut ring = KeyRing::new();
    for file in files {
        ring.add(read_key_file(file)?);
    }
    Ok(ring)
}
