//! Log files that no digest lists: found by listing, and every digest that could list them asked.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use super::collector::Collector;
use super::elsewhere;
use super::list::{self, ListedDigests, UnlistedLogs};
use super::recognize::{FileKind, RecognizedFiles, recognize_all};
use crate::judge::Unit;
use crate::judge::facts::Doubted;
use crate::judge::late::{consulted_days, consulted_time, is_consulted, times_of, was_asked_for};
use crate::model::{ChainId, LogEntry, Window};
use crate::run::pool::JobHandle;
use crate::verify::candidates::{Candidates, Name};
use crate::verify::completeness::Listed;
use crate::verify::link::DigestFacts;
use crate::verify::listing::Listing;
use crate::verify::log_file::Lister;
use crate::verify::signature::{ResolvedDigest, SignatureResolver};

/// The listing of an area's log files, under way: what digests list, and what is there besides.
pub(super) type LogListing = JobHandle<(Listed, Listing<UnlistedLogs>)>;

/// Begins to list the area's log files of the requested time that no digest read so far lists.
pub(super) fn begin(this: &mut Collector<'_, '_, '_>) -> LogListing {
    let listed = std::mem::take(&mut this.listed);
    let (sources, question) = (this.run.sources.clone(), this.run.question.clone());
    let (id, area, unit) = (this.id.clone(), this.area.clone(), this.facts.unit);
    this.run.pool.submit(move || {
        let unlisted = list::unlisted_logs(&sources, &question, (&id, &area), unit, &listed);
        (listed, unlisted)
    })
}

/// Takes up the log files of an area that no digest read so far lists.
pub(super) fn take_up(this: &mut Collector<'_, '_, '_>, listing: LogListing) -> io::Result<()> {
    let stop = &this.run.request.stop;
    let (listed, unlisted) = listing.join(stop).map_err(io::Error::other)?;
    this.listed = listed;
    let UnlistedLogs { candidates, twice } = unlisted.open(&mut this.facts.findings);
    this.facts.strays.logs_twice += twice;
    this.read_claims_again(&candidates)?;
    this.facts.candidates = candidates;
    this.leave_out_listed();
    Ok(())
}

/// Asks the digests of other times, and of other places of the trails, for the log files that are
/// left, and tells log files from others among them.
pub(super) fn complete(this: &mut Collector<'_, '_, '_>) -> io::Result<()> {
    if this.run.request.stop.is_set() {
        // Nobody was asked who may list them, so nothing is said of them.
        this.facts.candidates = Candidates::new(this.id);
    }
    let idle = this.facts.candidates.is_empty() || this.facts.chains.is_empty();
    if idle || this.facts.completed {
        this.facts.completed = true;
        return Ok(());
    }
    this.consulting = true;
    if let Some(span) = consulted_time(&this.run.question, &this.facts.candidates) {
        consult(this, span)?;
        this.drain(0)?;
        this.leave_out_listed();
    }
    let asked = this.run.question.window();
    let candidates = &this.facts.candidates;
    let times: BTreeSet<_> = candidates.iter().flat_map(|c| times_of(&c, asked)).collect();
    let times: Vec<_> = times.into_iter().collect();
    let listed = elsewhere::consult(this.run, &mut this.facts, this.id, &times)?;
    this.listed.absorb(listed);
    this.leave_out_listed();
    let odd = this.facts.candidates.iter().filter(|c| c.name == Name::Other);
    let RecognizedFiles { kinds, originals, strays } = recognize_all(this, odd)?;
    this.facts.strays.absorb(strays);
    this.facts.copies = originals;
    let mut kinds = kinds.into_iter();
    let mut is_log = || kinds.next().is_some_and(|kind| kind != FileKind::NoLog);
    this.facts.candidates.retain(|file| file.name != Name::Other || is_log());
    this.facts.completed = true;
    Ok(())
}

impl Collector<'_, '_, '_> {
    /// Leaves out what a digest lists, valid or not: one that is not valid has a finding of its
    /// own, which speaks for its log files too.
    fn leave_out_listed(&mut self) {
        let (bucket, listed, claimed) = (self.id.bucket_name(), &self.listed, &self.claimed);
        self.facts.candidates.retain(|candidate| {
            let key = &candidate.key;
            !listed.contains(bucket, key) && !claimed.contains(bucket, key)
        });
    }
}

/// Asks the digests that were left aside, other trails' and those of other times, for what they
/// list of a window of time.
fn consult(this: &mut Collector<'_, '_, '_>, span: Window) -> io::Result<()> {
    let days = consulted_days(span);
    let listed = list::digests_by_worker(this.run, (this.id, this.area), Unit::WHOLE, days)?;
    // What lies among the digests was reported where it was asked for; trouble counts here too.
    let ListedDigests { plan: all, strays: _ } =
        listed.open(&mut this.facts.doubts(Doubted::Beyond));
    let asked: BTreeSet<&str> = all
        .iter()
        .filter(|digest| was_asked_for(&this.run.question, &this.facts, &digest.name))
        .map(|digest| digest.key.as_str())
        .collect();
    // Later digests may be signed with later keys.
    if let Some(window) = all.key_window_of_all() {
        this.rules = this.run.rules_for(&this.id.region, window, &mut this.facts);
    }
    let mut chains: BTreeMap<ChainId, Vec<&str>> = BTreeMap::new();
    for digest in all.iter().filter(|digest| is_consulted(span, &digest.name)) {
        let chain = digest.name.chain(this.id.bucket.as_ref());
        chains.entry(chain).or_default().push(&digest.key);
    }
    for (id, keys) in chains {
        // Those asked for were read; the first after one left aside carries its signature.
        let aside = |i: usize| keys.get(i).is_some_and(|k| !asked.contains(k));
        let wanted: Vec<&str> = keys
            .iter()
            .enumerate()
            .filter(|(i, _)| aside(*i) || i.checked_sub(1).is_some_and(aside))
            .map(|(_, key)| *key)
            .collect();
        let mut resolver = SignatureResolver::default();
        let rules = this.rules.clone();
        let mut resolved = Vec::new();
        let read = this.read_all(wanted.into_iter(), |_, checked| {
            resolved.extend(resolver.push(&rules, checked));
            Ok(())
        });
        resolved.extend(resolver.finish(&rules));
        for digest in resolved.into_iter().filter(|d| !asked.contains(&*d.checked.at.key)) {
            take_consulted(this, &id, digest)?;
        }
        if read.is_err() {
            this.hide(span);
        }
    }
    Ok(())
}

/// Records a digest that was consulted, and takes up what it lists.
fn take_consulted(
    this: &mut Collector<'_, '_, '_>,
    id: &ChainId,
    mut digest: ResolvedDigest,
) -> io::Result<()> {
    let rows = this.facts.consulted.entry(id.clone()).or_default();
    rows.push(id, DigestFacts::from(&digest));
    let valid = digest.verified().is_some();
    let end = digest.checked.at.name.end;
    this.doubt(id, &digest);
    let Some(content) = digest.checked.content.take().filter(|_| valid) else { return Ok(()) };
    let (at, window) = (&digest.checked.at, Window::new(content.digest.start, end));
    let lister = Arc::new(Lister { chain: id.clone(), key: at.key.clone(), window });
    let list = &mut |this: &mut Collector<'_, '_, '_>, entry: LogEntry| {
        this.submit_if_named_in_time(&lister, entry)
    };
    if this.each_listed(at, content.hash, content.log_files, list)?.is_some() {
        this.hide(window);
    }
    Ok(())
}
