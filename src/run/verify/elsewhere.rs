//! Log files that a digest in another place of the trail lists: when a trail moves, one digest
//! covers both places, and which of them receives it is not documented.

use std::collections::BTreeMap;
use std::io;

use jiff::Timestamp;

use super::context::RunContext;
use super::list::{self, ListedDigests};
use crate::judge::facts::Doubted;
use crate::judge::late::{days_elsewhere, near};
use crate::judge::plan::keys_around;
use crate::judge::{AreaFacts, Unit};
use crate::model::time::{hours, sub};
use crate::model::{AreaId, ChainId, DigestKey, LogEntry, Window};
use crate::run::sources::{open_digest, read_digest_again};
use crate::verify::completeness::Listed;
use crate::verify::digest::{Location, Rules, check_digest};
use crate::verify::link::DigestFacts;
use crate::verify::signature::{ResolvedDigest, SignatureResolver};

/// Digests of other places that are read for an area at most.
const AT_MOST: usize = 200;

/// Asks the digests of other places that may list log files of these times; returns what verified
/// ones list.
pub(super) fn consult(
    run: &RunContext<'_>,
    facts: &mut AreaFacts,
    id: &AreaId,
    times: &[Timestamp],
) -> io::Result<Listed> {
    let mut listed = Listed::default();
    let Some(days) = days_elsewhere(times) else { return Ok(listed) };
    let mut left = AT_MOST;
    let sources = run.sources.clone();
    for (other, area) in sources.areas.iter().filter(|(o, _)| *o != id && o.is_beside(id)) {
        let listing = list::digests_by_worker(run, (other, area), Unit::WHOLE, days)?;
        let ListedDigests { plan, .. } = listing.open(&mut facts.doubts(Doubted::Beyond));
        let mut chains: BTreeMap<ChainId, Vec<DigestKey>> = BTreeMap::new();
        for digest in near(&plan, times) {
            let chain = digest.name.chain(other.bucket.as_ref());
            chains.entry(chain).or_default().push(digest.name.clone());
        }
        for (chain, names) in chains {
            left = left.saturating_sub(names.len());
            if left == 0 || run.request.stop.is_set() {
                facts.hide(Doubted::Beyond, days);
                return Ok(listed);
            }
            let first_last = names.first().zip(names.last());
            let Some((first, last)) = first_last else { continue };
            let window = keys_around(first.end, last.end);
            let rules = run.rules_for(&first.region, window, facts);
            for digest in read_in_order(run, &rules, other, &names) {
                let rows = facts.elsewhere.entry(chain.clone()).or_default();
                rows.push(&chain, DigestFacts::from(&digest));
                let each = &mut |entry: &LogEntry| {
                    let bucket = other.bucket_of(&entry.bucket);
                    listed.insert(bucket, &entry.object, entry.hash);
                };
                if !hand_over(run, &digest, each) {
                    let end = digest.checked.at.name.end;
                    facts.hide(Doubted::Beyond, Window::new(sub(end, hours(1)), end));
                }
            }
        }
    }
    Ok(listed)
}

/// Hands over what a digest lists; `false` where it is not valid or its list cannot be read.
fn hand_over(
    run: &RunContext<'_>,
    digest: &ResolvedDigest,
    each: &mut dyn FnMut(&LogEntry),
) -> bool {
    let Some(verified) = digest.verified() else { return false };
    let content = verified.content();
    if let Some(entries) = content.log_files.kept() {
        entries.iter().for_each(each);
        return true;
    }
    let each = &mut |entry: LogEntry| each(&entry);
    read_digest_again(&run.sources, &run.rules, &digest.checked.at, content.hash, each).is_ok()
}

/// Reads digests of one chain, in order.
pub(super) fn read_in_order(
    run: &RunContext<'_>,
    rules: &Rules,
    id: &AreaId,
    names: &[DigestKey],
) -> Vec<ResolvedDigest> {
    let mut resolver = SignatureResolver::default();
    let mut resolved = Vec::new();
    for name in names {
        let at = Location::of(id.bucket.clone(), name.clone());
        let checked = check_digest(rules, at.clone(), open_digest(&run.sources, &at));
        resolved.extend(resolver.push(rules, checked));
    }
    resolved.extend(resolver.finish(rules));
    resolved
}
