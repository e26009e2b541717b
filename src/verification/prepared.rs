//! Request of a verification, with its defaults resolved, and the run.

use std::num::NonZero;

use jiff::Timestamp;

#[cfg(feature = "aws")]
use super::cloudtrail::LiveCloudTrail;
use super::{Error, KeyInput, TimeBound, Verification};
use crate::crypto::{KeyRing, parse_key_file};
use crate::judge::Question;
use crate::model::time::sub;
use crate::model::{AccountId, Region};
use crate::report::RunReport;
use crate::run::filter::Filter;
use crate::run::key_files::{KeysError, read_key_file};
#[cfg(feature = "seal")]
use crate::run::sources::Insisted;
use crate::run::sources::Sources;
use crate::run::verify::{CloudTrail, SourceForm, VerifyRequest, verify};
use crate::source::{Opened, Opener, Scheme, SourceKind, Unopened, resolve};
use crate::verify::MemoryBudget;
use crate::verify::digest::Rules;

impl Verification {
    /// Runs the verification at a time.
    pub(super) fn run_at(&self, now: Timestamp) -> Result<RunReport, Error> {
        let kind = self.kind()?;
        let mut request = self.request(kind, now)?;
        let rules = self.rules(kind.form)?;
        let mut opener = self.opener();
        let (stores, unopened) = opener.open_all(&request.sources)?;
        let cloudtrail = self.cloudtrail(kind.form, &mut opener)?;
        request.ran_by.identity = opener.identity(kind.form);
        let sources = self.discover(&stores, unopened);
        let cloudtrail = cloudtrail.as_deref();
        verify(&request, sources, rules, cloudtrail, &*self.observer).map_err(Error::Run)
    }

    /// Common properties of the sources.
    pub(crate) fn kind(&self) -> Result<SourceKind, Error> {
        let sources = &self.request.sources;
        let kind = SourceKind::of(sources)?;
        for source in sources.iter().filter(|source| Scheme::of(source).is_path()) {
            resolve(source).map_err(|cause| cause.of(source))?;
        }
        Ok(kind)
    }

    /// Bucket and prefix of a copy, as they were set.
    #[cfg(feature = "seal")]
    pub(crate) fn insisted(&self) -> &Insisted {
        &self.copy_of
    }

    /// Request for a run that begins now.
    pub(crate) fn request(&self, kind: SourceKind, now: Timestamp) -> Result<VerifyRequest, Error> {
        let mut request = self.request.clone();
        let reference = self.reference(now)?;
        request.question.start =
            self.last.map(|span| sub(reference, span)).or(request.question.start).map(whole);
        request.question.end = request.question.end.map(whole);
        is_selected(&request.question)?;
        is_time(request.question.start, request.question.end, reference)?;
        // A bucket is what it is now, so what is asked for is all up to now; a copy is asked for
        // what it holds.
        let in_bucket = kind.form == SourceForm::Bucket;
        let judged =
            in_bucket || request.question.end.is_some() || request.question.as_of.is_some();
        request.question.as_of = judged.then_some(whole(reference));
        request.question.end =
            request.question.end.or_else(|| in_bucket.then_some(whole(reference)));
        request.question.form = kind.form;
        request.question.bucket_inferred = !in_bucket && self.copy_of.bucket.is_none();
        request.jobs = self.jobs.unwrap_or_else(|| default_jobs(kind.requests.verifying()));
        request.started = now;
        Ok(request)
    }

    /// The time as of which the sources are judged, in whole seconds.
    #[cfg(feature = "seal")]
    pub(crate) fn judged_as_of(&self, now: Timestamp) -> Result<Timestamp, Error> {
        self.reference(now).map(whole)
    }

    /// The time of reference: as it was set, in whole seconds, or that of the run.
    fn reference(&self, now: Timestamp) -> Result<Timestamp, Error> {
        match self.request.question.as_of {
            None => Ok(now),
            Some(time) if time > now => Err(Error::Future { bound: TimeBound::AsOf, time, now }),
            Some(time) => Ok(whole(time)),
        }
    }

    /// Meaning of a missing signature and of an unknown key, which depends on where digests are
    /// read.
    pub(crate) fn rules(&self, form: SourceForm) -> Result<Rules, KeysError> {
        let keys = self.read_keys(form)?;
        let mut rules = match form {
            SourceForm::Bucket => Rules::of_bucket(keys),
            SourceForm::Copy => Rules::of_copy(keys),
        };
        if let Some(bytes) = self.memory {
            rules.memory = MemoryBudget::of(bytes);
        }
        Ok(rules)
    }

    fn read_keys(&self, form: SourceForm) -> Result<KeyRing, KeysError> {
        if self.keys.is_empty() && form == SourceForm::Copy {
            return Err(KeysError::NotGiven);
        }
        let mut ring = KeyRing::new();
        for source in &self.keys {
            ring.add(match source {
                KeyInput::File(path) => read_key_file(path)?,
                KeyInput::Bytes { name, bytes } => parse_key_file(name, bytes)?,
            });
        }
        Ok(ring)
    }

    fn opener(&self) -> Opener {
        let opener = Opener::new(None, &self.request.stop);
        #[cfg(feature = "aws")]
        let opener = opener.with_aws(self.aws.clone());
        opener
    }

    /// CloudTrail itself, for a bucket without key files.
    #[cfg(feature = "aws")]
    pub(crate) fn cloudtrail(
        &self,
        form: SourceForm,
        opener: &mut Opener,
    ) -> Result<Option<Box<dyn CloudTrail>>, Error> {
        if form == SourceForm::Copy || !self.keys.is_empty() {
            return Ok(None);
        }
        Ok(Some(Box::new(LiveCloudTrail::new(opener.aws()?, &self.request.question.regions))))
    }

    #[cfg(not(feature = "aws"))]
    pub(crate) fn cloudtrail(
        &self,
        _: SourceForm,
        _: &mut Opener,
    ) -> Result<Option<Box<dyn CloudTrail>>, Error> {
        Ok(None)
    }

    /// Finds what the sources hold of what is asked for; those that could not be opened are
    /// trouble.
    pub(crate) fn discover(&self, stores: &[Opened], unopened: Vec<Unopened>) -> Sources {
        let filter = Filter::of(&self.request.question, &self.request.stop);
        let mut sources = Sources::discover(stores, &self.copy_of, filter);
        sources.add_findings(unopened.into_iter().map(|source| source.finding));
        sources
    }
}

/// A time without its fraction of a second.
fn whole(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

fn default_jobs(suited: Option<usize>) -> NonZero<usize> {
    let processors = || std::thread::available_parallelism().ok();
    suited.and_then(NonZero::new).or_else(processors).unwrap_or(NonZero::<usize>::MIN)
}

/// Refuses a time that is empty or lies in the future.
fn is_time(
    start: Option<Timestamp>,
    end: Option<Timestamp>,
    reference: Timestamp,
) -> Result<(), Error> {
    if let Some((start, end)) = start.zip(end).filter(|(start, end)| start >= end) {
        return Err(Error::EmptyTime { start, end });
    }
    let bounds = [(TimeBound::Start, start), (TimeBound::End, end)];
    let later = |(bound, time): (_, Option<_>)| Some((bound, time.filter(|t| *t > reference)?));
    match bounds.into_iter().find_map(later) {
        Some((bound, time)) => Err(Error::Future { bound, time, now: reference }),
        None => Ok(()),
    }
}

/// Refuses to select what is excluded.
fn is_selected(question: &Question) -> Result<(), Error> {
    let Question { accounts, regions, excluded, .. } = question;
    let accounts = accounts.iter().filter(|account| excluded.accounts.contains(account));
    let regions = regions.iter().filter(|region| excluded.regions.contains(region));
    let twice = accounts.map(AccountId::as_str).chain(regions.map(Region::as_str)).next();
    match twice {
        Some(name) => Err(Error::SelectedAndExcluded { name: name.to_owned() }),
        None => Ok(()),
    }
}
