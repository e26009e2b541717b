//! Recognition of files among the log files that are not named like log files.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead, BufReader, Read};

use super::collector::Collector;
use crate::judge::facts::Strays;
use crate::judge::late::{OPENED_IN_A_BUCKET, is_listed, originals};
use crate::model::{BucketName, Sha256Hash};
use crate::run::pool::JobHandle;
use crate::run::sources::{Sources, as_trouble};
use crate::store::StoreError;
use crate::verify::candidates::Candidate;
use crate::verify::content::Content;
use crate::verify::inflate::{AlreadyInflated, inflate};
use crate::verify::{Code, Finding, Limits};

/// Files under way for each worker.
const FILES_PER_JOB: usize = 4;

/// Kind of a file among the log files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    /// A log file to whoever reads the folder.
    Log,
    /// A log file that a digest lists, under another name.
    Copy,
    /// No log file, or not known, which has a finding.
    NoLog,
}

/// Files that are recognized.
#[derive(Default)]
pub(super) struct RecognizedFiles {
    /// Kind of each file, in the order in which they were given.
    pub(super) kinds: Vec<FileKind>,
    /// Keys of log files, by the key of a copy that holds the same bytes.
    pub(super) originals: BTreeMap<String, String>,
    /// Notices on files that are no log files, and those that could not be identified.
    pub(super) strays: Strays,
}

/// Content of one file, with the log file that it is a copy of.
type Recognition = Result<(Content, Option<String>), StoreError>;

/// Opens files that are not named like log files and tells what they are.
pub(super) fn recognize_all(
    this: &Collector<'_, '_, '_>,
    files: impl Iterator<Item = Candidate>,
) -> io::Result<RecognizedFiles> {
    let in_bucket = this.run.sources.knows_delivery(this.area);
    let mut recognizer =
        FileRecognizer { this, files: RecognizedFiles::default(), queue: VecDeque::new() };
    for file in files {
        if in_bucket && recognizer.files.kinds.len() + recognizer.queue.len() >= OPENED_IN_A_BUCKET
        {
            recognizer.files.strays.not_looked_at += 1;
            continue;
        }
        recognizer.open(file)?;
    }
    recognizer.drain(0)?;
    Ok(recognizer.files)
}

struct FileRecognizer<'a, 'r, 'l, 'o> {
    this: &'a Collector<'r, 'l, 'o>,
    files: RecognizedFiles,
    queue: VecDeque<(String, JobHandle<Recognition>)>,
}

impl FileRecognizer<'_, '_, '_, '_> {
    fn open(&mut self, file: Candidate) -> io::Result<()> {
        let this = self.this;
        self.drain(this.run.pool.jobs() * FILES_PER_JOB)?;
        let listed = |key: &String| {
            this.listed.contains(this.id.bucket_name(), key)
                || this.joined && is_listed(&this.run.question, &this.facts, key)
        };
        let mut originals = originals(this.id, &file);
        originals.retain(listed);
        let (sources, limits) = (this.run.sources.clone(), this.rules.limits);
        let (bucket, key) = (this.id.bucket.clone(), file.key.clone());
        let job = move || recognize(&sources, bucket.as_ref(), &key, &originals, limits);
        self.queue.push_back((file.key, this.run.pool.submit(job)));
        Ok(())
    }

    fn drain(&mut self, leave: usize) -> io::Result<()> {
        while self.queue.len() > leave
            && let Some((key, job)) = self.queue.pop_front()
        {
            let seen = job.join(&self.this.run.request.stop).map_err(io::Error::other)?;
            let kind = self.record(key, seen);
            self.files.kinds.push(kind);
        }
        Ok(())
    }

    fn record(&mut self, key: String, seen: Recognition) -> FileKind {
        let bucket = self.this.id.bucket.as_ref().map(BucketName::as_str);
        let message = match seen {
            Ok((Content::Log(_) | Content::CutOff, None)) => return FileKind::Log,
            Ok((Content::Log(_), Some(original))) => {
                self.files.originals.insert(key, original);
                return FileKind::Copy;
            }
            // Gone since it was listed.
            Err(StoreError::NotFound) => return FileKind::NoLog,
            Err(error) => {
                let trouble = as_trouble(&error);
                let message = format!(
                    "An object among the log files could not be read to identify it: {}.",
                    trouble.cause
                );
                let finding = Finding::new(trouble.code, message).object(bucket, key);
                self.files.strays.unread.push(finding);
                return FileKind::NoLog;
            }
            Ok((Content::Companion, _)) => "A desktop's companion file, not a log file.",
            Ok((Content::CutOff, Some(_))) => {
                "An incomplete download of a listed log file, without other content."
            }
            Ok((Content::Metadata, _)) => "The metadata of an object that does not exist.",
            Ok((Content::Empty, _)) => "An empty object, not a log file.",
            Ok((Content::Other, _)) => {
                "An object among the log files that is not a log file: neither compressed nor JSON."
            }
        };
        let finding = Finding::new(Code::ObjectUnknown, message).object(bucket, key);
        self.files.strays.among_logs.push(finding);
        FileKind::NoLog
    }
}

/// Opens a file and tells what it is, and which of these log files it is a copy of.
fn recognize(
    sources: &Sources,
    bucket: Option<&BucketName>,
    key: &str,
    originals: &[String],
    limits: Limits,
) -> Recognition {
    let bucket = bucket.map(BucketName::as_str);
    let mut object = sources.get(bucket, key).unwrap_or(Err(StoreError::NotFound))?;
    let trouble = |error: io::Error| StoreError::Trouble(error.to_string());
    let hash = !originals.is_empty();
    let content = Content::recognize(key, &mut object.body, limits.log, hash).map_err(trouble)?;
    let original = match content {
        Content::Log(Some(hash)) => {
            originals.iter().find(|of| hash_of(sources, bucket, of, limits) == Some(hash))
        }
        Content::CutOff => {
            let begins = |of: &&String| is_beginning(sources, bucket, key, of, limits.log.stored);
            originals.iter().find(begins)
        }
        _ => None,
    };
    Ok((content, original.cloned()))
}

/// True if the bytes of a file are the first ones of a log file, as both are stored.
fn is_beginning(
    sources: &Sources,
    bucket: Option<&str>,
    key: &str,
    original: &str,
    longest: u64,
) -> bool {
    let open = |key| Some(sources.get(bucket, key)?.ok()?.body.take(longest));
    let (Some(file), Some(of)) = (open(key), open(original)) else { return false };
    let (mut file, mut of) = (BufReader::new(file), BufReader::new(of));
    loop {
        let (Ok(part), Ok(other)) = (file.fill_buf(), of.fill_buf()) else { return false };
        let n = part.len().min(other.len());
        if part.get(..n) != other.get(..n) {
            return false;
        }
        if n == 0 {
            return part.is_empty();
        }
        file.consume(n);
        of.consume(n);
    }
}

/// The hash value of a log file's inflated bytes.
fn hash_of(
    sources: &Sources,
    bucket: Option<&str>,
    key: &str,
    limits: Limits,
) -> Option<Sha256Hash> {
    let mut object = sources.get(bucket, key)?.ok()?;
    let read = inflate(&mut object.body, limits.log, AlreadyInflated::Accept, &mut |_| {});
    read.ok().map(|read| read.hash)
}
