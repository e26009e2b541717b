//! The log files that an area's digests list: submitted to the workers, and recorded in order.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use super::{Collector, Pending};
use crate::model::{BucketName, LogEntry, LogKey};
use crate::report::{ObjectKind, ObjectRecord, ObjectResult};
use crate::run::observe::RunEvent;
use crate::run::pool::NoResult;
use crate::run::verify::open::open_log;
use crate::verify::log_file::{CheckedLog, Listing, check_log};
use crate::verify::{Code, CoverageState, Severity};

/// Log files that are under way for each worker: enough that one slow file holds nobody up.
const LOGS_PER_JOB: usize = 32;

impl Collector<'_, '_, '_> {
    /// Submits a log file that a digest outside of the requested time lists, if its name lies in
    /// that time and its trail was asked for; notes any other as listed.
    pub(in crate::run::verify) fn submit_if_named_in_time(
        &mut self,
        listing: &Arc<Listing>,
        entry: LogEntry,
    ) -> io::Result<()> {
        let named = LogKey::parse(&entry.object).map(|log| log.time);
        let wanted = named.is_some_and(|time| self.run.question.window().contains(time));
        if wanted && self.has_chain(&listing.chain) {
            return self.submit_log(listing, entry);
        }
        self.note_listed(&entry.bucket, &entry.object);
        self.facts.kinds.extend(LogKey::parse(&entry.object).map(|log| log.kind));
        self.listed.insert(self.id.bucket_of(&entry.bucket), &entry.object, entry.hash);
        Ok(())
    }

    pub(super) fn submit_log(&mut self, listing: &Arc<Listing>, entry: LogEntry) -> io::Result<()> {
        if let Some(log) = LogKey::parse(&entry.object) {
            self.facts.kinds.insert(log.kind);
        }
        self.note_listed(&entry.bucket, &entry.object);
        // Standard and backfill digests may both list a file: it is checked once.
        if !self.listed.insert(self.id.bucket_of(&entry.bucket), &entry.object, entry.hash) {
            return Ok(());
        }
        if !self.run.question.logs {
            if let Some(chain) = self.facts.chains.get_mut(&listing.chain) {
                chain.logs.unchecked += 1;
            }
            return Ok(());
        }
        self.drain(self.run.share(self.run.pool.jobs() * LOGS_PER_JOB))?;
        let (sources, rules) = (self.run.sources.clone(), self.rules.clone());
        let entry = Arc::new(entry);
        let (its_listing, its_entry) = (listing.clone(), entry.clone());
        let ticket = self.run.pool.submit(move || {
            let object = open_log(&sources, &its_entry);
            check_log(&rules, &its_listing, &its_entry, object)
        });
        self.queue.push_back(Pending::Log { listing: listing.clone(), entry, ticket });
        Ok(())
    }

    /// Records what has come in until so many are left.
    pub(in crate::run::verify) fn drain(&mut self, leave: usize) -> io::Result<()> {
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
                Pending::Log { listing, entry, ticket } => {
                    let stop = &self.run.request.stop;
                    let checked = match ticket.redeem(stop) {
                        Ok(checked) => checked,
                        Err(NoResult::Stopped) => {
                            self.leave_unchecked(&listing);
                            continue;
                        }
                        Err(error) => return Err(io::Error::other(error)),
                    };
                    self.record_log(&listing, &entry, checked)?;
                }
            }
        }
        Ok(())
    }

    /// Counts a log file that the run did not reach as not checked.
    fn leave_unchecked(&mut self, listing: &Listing) {
        if let Some(chain) = self.facts.chains.get_mut(&listing.chain) {
            chain.logs.unchecked += 1;
            let state = CoverageState::Unreadable;
            chain.mark(listing.window, state, Code::ObjectUnreadable);
        }
    }

    /// The run was stopped: what is under way is left, as not checked.
    pub(super) fn give_up(&mut self) {
        for pending in std::mem::take(&mut self.queue) {
            if let Pending::Log { listing, .. } = pending {
                self.leave_unchecked(&listing);
            }
        }
    }

    fn record_log(
        &mut self,
        listing: &Arc<Listing>,
        entry: &Arc<LogEntry>,
        checked: CheckedLog,
    ) -> io::Result<()> {
        self.run.observer.observe(&RunEvent::LogFileDone { bytes: checked.stored })?;
        self.facts.bytes_read += checked.stored;
        self.facts.bytes_hashed += checked.inflated;
        self.facts.already_inflated += u64::from(checked.already_inflated);
        let Some(chain) = self.facts.chains.get_mut(&listing.chain) else { return Ok(()) };
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
            chain.oldest.log(listing.window, &entry.object);
        }
        let code = checked.finding.as_ref().map(|f| f.code);
        checked.notice.into_iter().for_each(|notice| chain.headers.push(notice));
        if let Some((state, code)) = state.zip(code) {
            chain.mark(listing.window, state, code);
        }
        self.events.object(ObjectRecord {
            object: ObjectKind::Log,
            result,
            code,
            chain: Some(Cow::Borrowed(&listing.chain)),
            bucket: Some(Cow::Borrowed(&entry.bucket)),
            key: Cow::Borrowed(&entry.object),
            referenced_by: Some(Cow::Borrowed(&listing.key)),
            bytes: checked.stored,
        })?;
        if checked.beyond_copy {
            self.beyond(&entry.object, listing.window);
        } else {
            self.facts.findings.extend(checked.finding);
        }
        if checked.hints.any() {
            self.facts.hinted.push(listing.clone(), entry.clone(), checked.hints);
        }
        Ok(())
    }
}
