//! The log files that an area's digests list: submitted to the workers, and recorded in order.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use super::collector::{Collector, Pending};
use crate::model::{BucketName, LogEntry, LogKey};
use crate::report::{ObjectKind, ObjectRecord, ObjectResult};
use crate::run::observe::RunEvent;
use crate::run::pool::JobError;
use crate::run::verify::open::open_log;
use crate::verify::log_file::{CheckedLog, Lister, check_log};
use crate::verify::{Code, CoverageState, Severity};

/// Log files that are under way for each worker: enough that one slow file holds nobody up.
const LOGS_PER_JOB: usize = 32;

impl Collector<'_, '_, '_> {
    /// Submits a log file that a digest outside of the requested time lists, if its name lies in
    /// that time and its trail was asked for; notes any other as listed.
    pub(super) fn submit_if_named_in_time(
        &mut self,
        lister: &Arc<Lister>,
        entry: LogEntry,
    ) -> io::Result<()> {
        let named = LogKey::parse(&entry.object).map(|log| log.time);
        let wanted = named.is_some_and(|time| self.run.question.window().contains(time));
        if wanted && self.has_chain(&lister.chain) {
            return self.submit_log(lister, entry);
        }
        self.note_listed(&entry.bucket, &entry.object);
        self.facts.kinds.extend(LogKey::parse(&entry.object).map(|log| log.kind));
        self.listed.insert(self.id.bucket_of(&entry.bucket), &entry.object, entry.hash);
        Ok(())
    }

    pub(super) fn submit_log(&mut self, lister: &Arc<Lister>, entry: LogEntry) -> io::Result<()> {
        if let Some(log) = LogKey::parse(&entry.object) {
            self.facts.kinds.insert(log.kind);
        }
        self.note_listed(&entry.bucket, &entry.object);
        // Standard and backfill digests may both list a file: it is checked once.
        if !self.listed.insert(self.id.bucket_of(&entry.bucket), &entry.object, entry.hash) {
            return Ok(());
        }
        if !self.run.question.logs {
            if let Some(chain) = self.facts.chains.get_mut(&lister.chain) {
                chain.logs.unchecked += 1;
            }
            return Ok(());
        }
        self.drain(self.run.share(self.run.pool.jobs() * LOGS_PER_JOB))?;
        let (sources, rules) = (self.run.sources.clone(), self.rules.clone());
        let entry = Arc::new(entry);
        let (its_listing, its_entry) = (lister.clone(), entry.clone());
        let job = self.run.pool.submit(move || {
            let object = open_log(&sources, &its_entry);
            check_log(&rules, &its_listing, &its_entry, object)
        });
        self.queue.push_back(Pending::Log { lister: lister.clone(), entry, job });
        Ok(())
    }

    /// Records what has come in until so many are left.
    pub(super) fn drain(&mut self, leave: usize) -> io::Result<()> {
        while self.queue.len() > leave
            && let Some(pending) = self.queue.pop_front()
        {
            match pending {
                Pending::Digest { chain, key, result, code, bytes } => {
                    let bucket = chain.bucket.as_ref().map(BucketName::as_str);
                    self.events.object(ObjectRecord {
                        object: ObjectKind::Digest,
                        result,
                        code,
                        chain: Some(Cow::Borrowed(&chain)),
                        bucket: bucket.map(Cow::Borrowed),
                        key: Cow::Borrowed(&key),
                        referenced_by: None,
                        bytes,
                    })?;
                }
                Pending::Log { lister, entry, job } => {
                    let stop = &self.run.request.stop;
                    let checked = match job.join(stop) {
                        Ok(checked) => checked,
                        Err(JobError::Stopped) => {
                            self.leave_unchecked(&lister);
                            continue;
                        }
                        Err(error) => return Err(io::Error::other(error)),
                    };
                    self.record_log(&lister, &entry, checked)?;
                }
            }
        }
        Ok(())
    }

    /// Counts a log file that the run did not reach as not checked.
    fn leave_unchecked(&mut self, lister: &Lister) {
        if let Some(chain) = self.facts.chains.get_mut(&lister.chain) {
            chain.logs.unchecked += 1;
            let state = CoverageState::Unreadable;
            chain.mark(lister.window, state, Code::ObjectUnreadable);
        }
    }

    /// The run was stopped: what is under way is left, as not checked.
    pub(super) fn give_up(&mut self) {
        for pending in std::mem::take(&mut self.queue) {
            if let Pending::Log { lister, .. } = pending {
                self.leave_unchecked(&lister);
            }
        }
    }

    fn record_log(
        &mut self,
        lister: &Arc<Lister>,
        entry: &Arc<LogEntry>,
        checked: CheckedLog,
    ) -> io::Result<()> {
        self.run.observer.observe(&RunEvent::LogFileDone { bytes: checked.stored })?;
        self.facts.bytes_read += checked.stored;
        self.facts.bytes_hashed += checked.inflated;
        self.facts.already_inflated += u64::from(checked.already_inflated);
        let Some(chain) = self.facts.chains.get_mut(&lister.chain) else { return Ok(()) };
        let counts = &mut chain.logs;
        let (result, count, state) = match checked.finding.as_ref().map(|f| f.severity) {
            None => (ObjectResult::Valid, &mut counts.valid, None),
            Some(Severity::Violation) => {
                (ObjectResult::Invalid, &mut counts.invalid, Some(CoverageState::Violated))
            }
            Some(_) => {
                (ObjectResult::Unchecked, &mut counts.unchecked, Some(CoverageState::Unreadable))
            }
        };
        *count += 1;
        if state.is_none() {
            chain.oldest.log(lister.window, &entry.object);
        }
        let code = checked.finding.as_ref().map(|f| f.code);
        checked.notice.into_iter().for_each(|notice| chain.headers.push(notice));
        if let Some((state, code)) = state.zip(code) {
            chain.mark(lister.window, state, code);
        }
        self.events.object(ObjectRecord {
            object: ObjectKind::Log,
            result,
            code,
            chain: Some(Cow::Borrowed(&lister.chain)),
            bucket: Some(Cow::Borrowed(&entry.bucket)),
            key: Cow::Borrowed(&entry.object),
            referenced_by: Some(Cow::Borrowed(&lister.key)),
            bytes: checked.stored,
        })?;
        if checked.beyond_copy {
            self.beyond(&entry.object, lister.window);
        } else {
            self.facts.findings.extend(checked.finding);
        }
        if checked.hints.any() {
            self.facts.hinted.push(lister.clone(), entry.clone(), checked.hints);
        }
        Ok(())
    }
}
