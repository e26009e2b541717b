//! Chains of which no digest of the requested time is there, though some lie in the days before
//! it: their trail fell silent, moved away, or its newest digests are gone.

use super::elsewhere::read as read_in_order;
use super::{ClosedArea, Gathered, Run};
use crate::model::{ChainId, ChainKind, DigestKey};
use crate::run::sources::AreaId;
use crate::verify::link::Silence;
use crate::verify::settle::{Settled, Standing};

/// Digests that are read of the end of a silent chain: the newest, and the one whose signature it
/// carries.
const READ_OF_END: usize = 2;

/// Finds out about the chains of one trail that are silent: what their newest digests prove, and
/// whether the trail went on in another place. A chain that speaks has `None`.
pub(super) fn silences(
    run: &Run<'_>,
    all: &mut Gathered,
    chains: &[ClosedArea],
) -> Vec<Option<Silence>> {
    let silent = |chain: &ClosedArea| {
        chain.report.id.kind == ChainKind::Standard
            && chain.linker.statements().span().is_none()
            && !run.request.stop.is_set()
    };
    let silence = |(number, chain): (usize, &ClosedArea)| {
        if !silent(chain) {
            return None;
        }
        let newest = chain.before.last()?;
        let mut others = chains.iter().enumerate().filter(|(other, _)| *other != number);
        if let Some(gone_on) =
            others.find_map(|(_, other)| departure(run, all, newest, chain, other))
        {
            return Some(gone_on);
        }
        let from = chain.before.len().saturating_sub(READ_OF_END);
        let settled = read(run, all, chain, chain.before.get(from..)?);
        let verified = settled.iter().any(|digest| digest.standing == Standing::Valid);
        Some(if verified { Silence::Verified } else { Silence::Unverified })
    };
    chains.iter().enumerate().map(silence).collect()
}

/// Departure that the first later digest of another place tells of a chain's newest one.
fn departure(
    run: &Run<'_>,
    all: &mut Gathered,
    newest: &DigestKey,
    chain: &ClosedArea,
    other: &ClosedArea,
) -> Option<Silence> {
    let later = other.before.iter().position(|name| name.end > newest.end)?;
    let arrival = other.before.get(later..)?;
    let settled = read(run, all, other, arrival.get(..arrival.len().min(READ_OF_END))?);
    let first = settled.first()?;
    let previous = first.examined.content.as_ref()?.digest.previous.as_ref()?;
    let bucket = chain.report.id.bucket.as_ref();
    let here = DigestKey::parse(&previous.object).filter(|name| {
        name.place == newest.place
            && name.same_trail(newest)
            && name.end >= newest.end
            // One that ends in the requested time was due there.
            && run.request.start.is_none_or(|start| name.end <= start)
            && bucket.is_none_or(|bucket| bucket.as_str() == previous.bucket)
    });
    here?;
    Some(if first.standing == Standing::Valid { Silence::Moved } else { Silence::SaidToHaveMoved })
}

/// Reads digests of a chain, in order.
fn read(
    run: &Run<'_>,
    all: &mut Gathered,
    chain: &ClosedArea,
    names: &[DigestKey],
) -> Vec<Settled> {
    let ChainId { bucket, place, region, .. } = chain.report.id.clone();
    read_in_order(run, all, &AreaId { bucket, place, region }, names)
}
