//! Log files that a digest in another place of the trail lists: when a trail moves, one digest
//! covers both places, and which of them receives it is not documented.

use std::io;

use jiff::Timestamp;

use super::Run;
use super::area::list_digests;
use super::plan::{Planned, PlannedDigest};
use crate::model::time::{add, hours, minutes, sub};
use crate::model::{BucketName, ChainId, ChainKind, DigestKey, LogEntry, Window};
use crate::run::sources::{Area, AreaId, open_digest, read_digest_again};
use crate::verify::Coverage;
use crate::verify::completeness::Listed;
use crate::verify::digest::{Location, Trouble, examine};
use crate::verify::link::{Linker, Lookup, Presence};
use crate::verify::settle::{Settled, Settler};
use crate::verify::unseen::Unseen;

/// Digests of other places that are read for an area at most.
const AT_MOST: usize = 200;

/// Statements of digests of the same account and region in other places, about some times.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    /// Log files that verified digests list.
    pub(super) listed: Listed,
    /// Time of digests that could not be seen or are not valid.
    pub(super) unseen: Unseen,
    /// Coverage of each chain, as far as its digests were read.
    pub(super) coverage: Vec<(ChainId, Coverage)>,
}

/// Asks the digests of other places that may list log files of these names' times.
pub(super) fn listed_elsewhere(
    run: &Run<'_>,
    all: &mut super::Gathered,
    id: &AreaId,
    named: &[Timestamp],
) -> io::Result<Elsewhere> {
    let mut found = Elsewhere::default();
    let (Some(first), Some(last)) = (named.iter().min(), named.iter().max()) else {
        return Ok(found);
    };
    let days = Window::new(sub(*first, hours(1)), add(*last, hours(3)));
    let same = |other: &&AreaId| {
        *other != id && other.place.account == id.place.account && other.region == id.region
    };
    let sources = run.sources.clone();
    let mut left = AT_MOST;
    for (other, area) in sources.areas.iter().filter(|(other, _)| same(other)) {
        for (chain, keys) in near(run, other, area, days, named, &mut found.unseen)? {
            left = left.saturating_sub(keys.len());
            if left == 0 || run.request.stop.is_set() {
                found.unseen.hide(days);
                return Ok(found);
            }
            let mut linker = Linker::new(chain.clone(), Some(Timestamp::MAX));
            for digest in read(run, all, other, &keys) {
                linker.push(&digest, &mut NoLookup);
                let each = &mut |entry: &LogEntry| {
                    let bucket = other.bucket_of(&entry.bucket);
                    found.listed.insert(bucket, &entry.object, entry.hash);
                };
                if !hand_over(run, &digest, each) {
                    let end = digest.examined.at.name.end;
                    found.unseen.hide(Window::new(sub(end, hours(1)), end));
                }
            }
            linker.finish();
            found.coverage.push((chain, linker.statements().clone()));
        }
    }
    Ok(found)
}

/// Hands over what a digest lists; `false` where it is not valid or its list cannot be read.
fn hand_over(run: &Run<'_>, digest: &Settled, each: &mut dyn FnMut(&LogEntry)) -> bool {
    let Some(verified) = digest.verified() else { return false };
    let content = verified.content();
    if let Some(entries) = content.log_files.kept() {
        entries.iter().for_each(each);
        return true;
    }
    let each = &mut |entry: LogEntry| each(&entry);
    read_digest_again(&run.sources, &run.rules, &digest.examined.at, content.hash, each).is_ok()
}

/// The standard digests of an area, by chain, that may list log files of these names' times in the
/// normal course, each run of them with the digest after it.
fn near(
    run: &Run<'_>,
    id: &AreaId,
    area: &Area,
    days: Window,
    named: &[Timestamp],
    hidden: &mut Unseen,
) -> io::Result<Vec<(ChainId, Vec<DigestKey>)>> {
    let Planned { digests: plan, unseen, .. } = list_digests(run, id, area, days)?;
    hidden.absorb(unseen);
    let mut chains: Vec<(ChainId, Vec<DigestKey>)> = Vec::new();
    let near = |end: Timestamp| {
        let lists = |time: &Timestamp| sub(*time, minutes(5)) <= end && end <= add(*time, hours(3));
        named.iter().any(lists)
    };
    for PlannedDigest { key, .. } in plan {
        let Some(name) = DigestKey::parse(&key) else { continue };
        if name.kind != ChainKind::Standard || !near(name.end) {
            continue;
        }
        let chain = name.chain(id.bucket.as_ref());
        match chains.iter_mut().find(|(id, _)| *id == chain) {
            Some((_, names)) => names.push(name),
            None => chains.push((chain, vec![name])),
        }
    }
    Ok(chains)
}

/// Reads digests of one chain, in order.
pub(super) fn read(
    run: &Run<'_>,
    all: &mut super::Gathered,
    id: &AreaId,
    names: &[DigestKey],
) -> Vec<Settled> {
    let (Some(first), Some(last)) = (names.first(), names.last()) else { return Vec::new() };
    let window = Window::new(sub(first.end, hours(1)), add(last.end, hours(2)));
    let rules = run.rules_for(&first.region, window, all);
    let bucket: Option<BucketName> = id.bucket.clone();
    let mut settler = Settler::default();
    let mut settled = Vec::new();
    for name in names {
        let (bucket, key) = (bucket.clone(), name.to_string().into());
        let at = Location { bucket, key, name: name.clone() };
        settled.extend(
            settler.push(&rules, examine(&rules, at.clone(), open_digest(&run.sources, &at))),
        );
    }
    settled.extend(settler.finish(&rules));
    settled
}

/// Looks up no digest: only those that were read are linked.
pub(super) struct NoLookup;

impl Lookup for NoLookup {
    fn digest(&mut self, _: &str, _: &str) -> Presence {
        Presence::Unknown(Trouble::unreadable("it was not searched for"))
    }
}
