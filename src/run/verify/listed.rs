//! Log files that digests list, within the memory that the run may take: lists that found no room
//! are read again when their turn comes, part by part.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use super::collector::Collector;
use crate::model::{LogEntry, Sha256Hash};
use crate::run::pool::JobHandle;
use crate::run::sources::read_digest_again;
use crate::verify::LogList;
use crate::verify::candidates::Candidates;
use crate::verify::completeness::Listed;
use crate::verify::digest::{Location, Trouble};
use crate::verify::log_list::LogListPart;
use crate::verify::memory::Share;

/// A list that could not be read to its end.
#[must_use]
pub(super) struct TruncatedList {
    /// Number of entries that were handed over.
    pub(super) read: u64,
    /// Reason for which there are no more.
    pub(super) trouble: Trouble,
}

impl Collector<'_, '_, '_> {
    /// Notes that a digest that is not valid claims log files.
    pub(super) fn claim(&mut self, at: &Location, hash: Sha256Hash, list: LogList) {
        let claims = &mut self.claimed;
        let room = claims.memory.try_grow(claims.listed.bytes_with(list.len()), Share::Claims);
        match list.into_kept() {
            Some((entries, _memory)) if room => {
                for entry in entries {
                    let bucket = self.id.bucket_of(&entry.bucket);
                    self.claimed.listed.insert(bucket, &entry.object, entry.hash);
                    self.note_listed(&entry.bucket, &entry.object);
                }
            }
            _ => self.claimed.unread.push((at.clone(), hash)),
        }
    }

    /// Reads again the digests whose claims found no room, as far as they concern candidates.
    pub(super) fn read_claims_again(&mut self, candidates: &Candidates) -> io::Result<()> {
        if self.claimed.unread.is_empty() {
            return Ok(());
        }
        let bucket = self.id.bucket_name();
        let mut wanted = Listed::default();
        for candidate in candidates.iter() {
            wanted.insert(bucket, &candidate.key, Sha256Hash([0; 32]));
        }
        let wanted = Arc::new(wanted);
        let mut digests = std::mem::take(&mut self.claimed.unread).into_iter();
        let mut jobs: VecDeque<(Location, JobHandle<Result<Listed, Trouble>>)> = VecDeque::new();
        loop {
            while jobs.len() < self.run.share(self.run.pool.jobs()).max(1)
                && let Some((at, hash)) = digests.next()
            {
                let (sources, rules) = (self.run.sources.clone(), self.rules.clone());
                let (id, wanted, place) = (self.id.clone(), wanted.clone(), at.clone());
                let read = self.run.pool.submit(move || {
                    let mut found = Listed::default();
                    read_digest_again(&sources, &rules, &place, hash, &mut |entry| {
                        let bucket = id.bucket_of(&entry.bucket);
                        if wanted.contains(bucket, &entry.object) {
                            found.insert(bucket, &entry.object, entry.hash);
                        }
                    })?;
                    Ok(found)
                });
                jobs.push_back((at, read));
            }
            let Some((at, job)) = jobs.pop_front() else { return Ok(()) };
            match job.join(&self.run.request.stop).map_err(io::Error::other)? {
                Ok(found) => self.claimed.listed.absorb(found),
                Err(trouble) => self.facts.findings.push(unread_again(&at, &trouble)),
            }
        }
    }

    /// Hands over the log files that a digest lists, in its order.
    ///
    /// # Errors
    /// When the run is to stop; a list that cannot be read to its end is the value.
    pub(super) fn each_listed(
        &mut self,
        at: &Location,
        hash: Sha256Hash,
        list: LogList,
        each: &mut dyn FnMut(&mut Self, LogEntry) -> io::Result<()>,
    ) -> io::Result<Option<TruncatedList>> {
        if let Some((entries, _memory)) = list.into_kept() {
            for entry in entries {
                each(self, entry)?;
            }
            self.account_for_listed();
            return Ok(None);
        }
        let mut next = Some(0);
        while let Some(from) = next {
            let (sources, rules, place) =
                (self.run.sources.clone(), self.rules.clone(), at.clone());
            let part = self.run.pool.submit(move || {
                let mut part = LogListPart::new(from, rules.memory.begin());
                let again = read_digest_again(&sources, &rules, &place, hash, &mut |entry| {
                    part.push(entry);
                });
                again.map(|()| part)
            });
            match part.join(&self.run.request.stop).map_err(io::Error::other)? {
                Ok(mut part) => {
                    next = part.next;
                    for entry in std::mem::take(&mut part.entries) {
                        each(self, entry)?;
                    }
                }
                Err(trouble) => {
                    self.facts.findings.push(unread_again(at, &trouble));
                    return Ok(Some(TruncatedList { read: from, trouble }));
                }
            }
            self.account_for_listed();
        }
        Ok(None)
    }

    /// Counts the names of listed log files towards the memory of the run.
    fn account_for_listed(&mut self) {
        self.listed_memory.grow(self.listed.bytes_with(0));
    }
}

fn unread_again(at: &Location, trouble: &Trouble) -> crate::verify::Finding {
    let message = format!(
        "The digest was verified, but reading it again for its list of log files failed: {}.",
        trouble.cause
    );
    at.finding(trouble.code, message)
}
