//! Chains of which no digest of the requested time is there, though some lie in the days before
//! it: their trail fell silent, moved away, or its newest digests are gone.

use super::Question;
use super::answers::Asked;
use super::judging::LinkedChain;
use crate::model::{AreaId, ChainKind, DigestKey};
use crate::verify::link::{DigestFacts, Silence};
use crate::verify::settle::Standing;

/// Digests that are read of the end of a silent chain: the newest, and the one whose signature it
/// carries.
const READ_OF_END: usize = 2;

/// Finds out about the chains of one trail that are silent: what their newest digests prove, and
/// whether the trail went on in another place. A chain that speaks has `None`.
pub(super) fn silences(
    question: &Question,
    interrupted: bool,
    chains: &[LinkedChain],
    asked: &Asked<'_>,
) -> Vec<Option<Silence>> {
    let silent = |chain: &LinkedChain| {
        chain.report.id.kind == ChainKind::Standard
            && chain.linker.statements().span().is_none()
            && !interrupted
    };
    let silence = |(number, chain): (usize, &LinkedChain)| {
        if !silent(chain) {
            return None;
        }
        let newest = chain.before.last()?;
        let mut others = chains.iter().enumerate().filter(|(other, _)| *other != number);
        if let Some(gone_on) =
            others.find_map(|(_, other)| departure(question, newest, chain, other, asked))
        {
            return Some(gone_on);
        }
        let from = chain.before.len().saturating_sub(READ_OF_END);
        let settled = read(chain, chain.before.get(from..)?, asked);
        let verified = settled.iter().any(|digest| digest.standing == Standing::Valid);
        Some(if verified { Silence::Verified } else { Silence::Unverified })
    };
    chains.iter().enumerate().map(silence).collect()
}

/// Departure that the first later digest of another place tells of a chain's newest one.
fn departure(
    question: &Question,
    newest: &DigestKey,
    chain: &LinkedChain,
    other: &LinkedChain,
    asked: &Asked<'_>,
) -> Option<Silence> {
    let later = other.before.iter().position(|name| name.end > newest.end)?;
    let arrival = other.before.get(later..)?;
    let settled = read(other, arrival.get(..arrival.len().min(READ_OF_END))?, asked);
    let first = settled.first()?;
    let previous = first.content.as_ref()?.previous.as_ref()?;
    let bucket = chain.report.id.bucket.as_ref();
    let here = DigestKey::parse(&previous.object).filter(|name| {
        name.place == newest.place
            && name.same_trail(newest)
            && name.end >= newest.end
            // One that ends in the requested time was due there.
            && question.start.is_none_or(|start| name.end <= start)
            && bucket.is_none_or(|bucket| bucket.as_str() == previous.bucket)
    });
    here?;
    Some(if first.standing == Standing::Valid { Silence::Moved } else { Silence::SaidToHaveMoved })
}

/// Digests of a chain, in order.
fn read<'a>(chain: &LinkedChain, names: &[DigestKey], asked: &Asked<'a>) -> &'a [DigestFacts] {
    asked.digests(&AreaId::from(&chain.report.id), names).unwrap_or_default()
}
