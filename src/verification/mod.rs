//! The verification as a value: what is asked is set on a builder, and one call runs it.

#[cfg(feature = "aws")]
pub(crate) mod cloudtrail;
mod error;
mod prepared;

use std::fmt;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

pub use self::error::{Error, TimeBound};

#[cfg(feature = "aws")]
use crate::aws::AwsOptions;
use crate::model::{AccountId, BucketName, Region, TrailName};
use crate::report::{AcceptedEnd, AcceptedGap, RunReport, Unreferenced};
use crate::run::sources::Insisted;
use crate::run::verify::VerifyRequest;
use crate::run::{Observer, Silent};
use crate::source::slashed;
use crate::store::Stop;

/// Verification of digest chains and log files, before it is run.
///
/// Sources are directories with a copy of a bucket, or buckets (`s3://BUCKET[/PREFIX]`, with the
/// feature `aws`), or copies in object stores (`gs://BUCKET[/PREFIX]` and `az://CONTAINER[/PREFIX]`,
/// with the feature `object-store`). A copy needs [`keys`](Self::keys); for a bucket, CloudTrail is asked for them.
/// Everything else has the defaults of `trailseal verify`.
///
/// ```
/// use std::time::Duration;
/// use trailseal::{Verdict, Verification};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let report = Verification::of("testdata/sample")
///     .keys("testdata/sample/keys/public-keys.json")
///     .account("111122223333".parse()?)
///     .region("eu-west-1".parse()?)
///     .as_of("2026-03-02T06:00:00Z".parse()?)
///     .last(Duration::from_secs(12 * 3600))
///     .run()?;
/// assert_eq!(report.verdict, Verdict::Verified);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use = "nothing is verified until it is run"]
pub struct Verification {
    request: VerifyRequest,
    last: Option<SignedDuration>,
    jobs: Option<NonZero<usize>>,
    keys: Vec<KeyInput>,
    copy_of: Insisted,
    memory: Option<u64>,
    observer: Arc<dyn Observer + Send>,
    #[cfg(feature = "aws")]
    aws: AwsOptions,
}

/// Public keys as they are given.
#[derive(Debug, Clone)]
enum KeyInput {
    /// A file, or a folder of files.
    File(PathBuf),
    /// The content of a file, and a name for it.
    Bytes { name: String, bytes: Vec<u8> },
}

impl Verification {
    /// A verification of everything that a source holds.
    pub fn of(source: impl Into<String>) -> Self {
        Self {
            request: VerifyRequest::of(vec![source.into()], Timestamp::UNIX_EPOCH),
            last: None,
            jobs: None,
            keys: Vec::new(),
            copy_of: Insisted::default(),
            memory: None,
            observer: Arc::new(Silent),
            #[cfg(feature = "aws")]
            aws: AwsOptions::default(),
        }
    }

    /// A verification of a question with its defaults not yet resolved.
    pub(crate) fn of_request(request: VerifyRequest) -> Self {
        Self { request, ..Self::of("") }
    }

    /// Adds a source of the same kind: chains may lie in several places.
    pub fn source(mut self, source: impl Into<String>) -> Self {
        self.request.sources.push(source.into());
        self
    }

    /// Adds the public keys of a file, or of the key files in a folder: the JSON of
    /// `aws cloudtrail list-public-keys`, or keys and certificates as PEM or DER.
    pub fn keys(mut self, file: impl AsRef<Path>) -> Self {
        self.keys.push(KeyInput::File(file.as_ref().to_owned()));
        self
    }

    /// Adds the public keys in the content of a key file; `name` stands for it in errors and in the
    /// report.
    pub fn key_bytes(mut self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        self.keys.push(KeyInput::Bytes { name: name.into(), bytes: bytes.into() });
        self
    }

    /// Verifies only this account, and others that are added the same way.
    pub fn account(mut self, account: AccountId) -> Self {
        self.request.question.accounts.push(account);
        self
    }

    /// Verifies only this region, and others that are added the same way.
    pub fn region(mut self, region: Region) -> Self {
        self.request.question.regions.push(region);
        self
    }

    /// Verifies only this trail, and others that are added the same way.
    pub fn trail(mut self, trail: TrailName) -> Self {
        self.request.question.trails.push(trail);
        self
    }

    /// Excludes an account.
    pub fn exclude_account(mut self, account: AccountId) -> Self {
        self.request.question.excluded.accounts.push(account);
        self
    }

    /// Excludes a region.
    pub fn exclude_region(mut self, region: Region) -> Self {
        self.request.question.excluded.regions.push(region);
        self
    }

    /// Sets the start of the requested time. Without, it is everything available.
    pub fn start(mut self, start: Timestamp) -> Self {
        (self.request.question.start, self.last) = (Some(start), None);
        self
    }

    /// Sets the start of the requested time to so long before the reference time.
    pub fn last(mut self, span: Duration) -> Self {
        let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
        (self.request.question.start, self.last) = (None, Some(span));
        self
    }

    /// Sets the end of the requested time, exclusive. Without, it is the time of the run for a
    /// bucket, and everything available for a directory.
    pub fn end(mut self, end: Timestamp) -> Self {
        self.request.question.end = Some(end);
        self
    }

    /// Sets the reference time, such as when a copy was made: only digests not due by then can be
    /// pending. Without, it is the time of the run.
    pub fn as_of(mut self, as_of: Timestamp) -> Self {
        self.request.question.as_of = Some(as_of);
        self
    }

    /// Sets the allowed delay of the newest digest, two hours by default.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.request.question.grace =
            SignedDuration::try_from(grace).unwrap_or(SignedDuration::MAX);
        self
    }

    /// Checks digests only. Time is then proven without its log files, as the report says.
    pub fn digests_only(mut self) -> Self {
        self.request.question.logs = false;
        self
    }

    /// Sets bucket and prefix of a copy, where they are known.
    pub(crate) fn copy_of(mut self, copy_of: Insisted) -> Self {
        self.copy_of = copy_of;
        self
    }

    /// Sets the bucket that a directory is a copy of. Without, its digests tell.
    pub fn copy_of_bucket(mut self, bucket: BucketName) -> Self {
        self.copy_of.bucket = Some(bucket);
        self
    }

    /// Sets the prefix before `AWSLogs` in the bucket's keys. Without, its digests tell.
    pub fn copy_of_prefix(mut self, prefix: &str) -> Self {
        self.copy_of.prefix = Some(slashed(prefix));
        self
    }

    /// Sets the severity of log files that no digest lists, a violation by default.
    pub fn unreferenced(mut self, severity: Unreferenced) -> Self {
        self.request.question.unreferenced = severity;
        self
    }

    /// Accepts a gap between segments; the report gives the reason.
    pub fn accept_gap(mut self, gap: AcceptedGap) -> Self {
        self.request.question.accepted_gaps.push(gap);
        self
    }

    /// Accepts the end of a chain; the report gives the reason.
    pub fn accept_end(mut self, end: AcceptedEnd) -> Self {
        self.request.question.accepted_ends.push(end);
        self
    }

    /// Sets the management account of the organization: only its events can explain gaps of an
    /// organization's trail.
    pub fn management_account(mut self, account: AccountId) -> Self {
        self.request.question.management_account = Some(account);
        self
    }

    /// Sets the person or team to name in the report.
    pub fn operator(mut self, name: impl Into<String>) -> Self {
        self.request.ran_by.operator = Some(name.into());
        self
    }

    /// Sets the number of objects to read in parallel: by default the number of processors, and
    /// 160 for a bucket.
    pub fn jobs(mut self, jobs: NonZero<usize>) -> Self {
        self.jobs = Some(jobs);
        self
    }

    /// Sets the bytes of memory for the log file lists of digests, 128 MiB by default. Digests whose
    /// lists do not fit are read again later.
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// Sets the observer of the run: progress, each object as it is checked, the verdict.
    pub fn observer(mut self, observer: impl Observer + Send + 'static) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Sets the signal that ends the run early, with a report of what is known by then.
    pub fn stop(mut self, stop: &Stop) -> Self {
        self.request.stop = stop.clone();
        self
    }

    /// Sets how AWS is reached; the standard AWS environment and configuration files supply the
    /// rest.
    #[cfg(feature = "aws")]
    pub fn aws(mut self, options: AwsOptions) -> Self {
        self.aws = options;
        self
    }

    /// Runs the verification. This reads the clock, the sources and, for a bucket, what the AWS
    /// configuration names; it prints nothing.
    ///
    /// What is found, and what cannot be read, is in the report.
    ///
    /// # Errors
    /// When the run cannot begin: a directory or key that cannot be used, a time in the future.
    pub fn run(&self) -> Result<RunReport, Error> {
        let mut report = self.run_at(Timestamp::now())?;
        report.finished = Timestamp::now();
        Ok(report)
    }
}

impl fmt::Debug for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verification").field("request", &self.request).finish_non_exhaustive()
    }
}
