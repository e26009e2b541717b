//! Chains of which no digest of the requested time is there, though some lie in the days before
//! it: their trail fell silent, moved away, or its newest digests are gone.

use super::Question;
use super::answers::TrackedAnswers;
use super::judging::LinkedChain;
use crate::model::{AreaId, ChainKind, DigestKey};
use crate::verify::link::{DigestFacts, Silence};
use crate::verify::signature::DigestStatus;

/// Digests that are read of the end of a silent chain: the newest, and the one whose signature it
/// carries.
const READ_OF_END: usize = 2;

/// Finds out about the chains of one trail that are silent: what their newest digests prove, and
/// whether the trail went on in another place. A chain that speaks has `None`.
pub(super) fn silences(
    question: &Question,
    interrupted: bool,
    chains: &[LinkedChain],
    asked: &TrackedAnswers<'_>,
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
        let others = chains.iter().enumerate().filter(|(other, _)| *other != number);
        for (_, other) in others {
            match departure(question, newest, chain, other, asked) {
                Ok(None) => {}
                Ok(gone_on) => return gone_on,
                Err(NotYetRead) => return Some(Silence::Unverified),
            }
        }
        let from = chain.before.len().saturating_sub(READ_OF_END);
        let resolved = read(chain, chain.before.get(from..)?, asked).unwrap_or_default();
        let verified = resolved.iter().any(|digest| digest.status == DigestStatus::Valid);
        Some(if verified { Silence::Verified } else { Silence::Unverified })
    };
    chains.iter().enumerate().map(silence).collect()
}

/// Digests that are wanted and not known yet: the rest waits for them.
struct NotYetRead;

/// Departure that the first later digest of another place tells of a chain's newest one.
fn departure(
    question: &Question,
    newest: &DigestKey,
    chain: &LinkedChain,
    other: &LinkedChain,
    asked: &TrackedAnswers<'_>,
) -> Result<Option<Silence>, NotYetRead> {
    let later = other.before.iter().skip_while(|name| name.end <= newest.end);
    let arrival: Vec<_> = later.take(READ_OF_END).cloned().collect();
    if arrival.is_empty() {
        return Ok(None);
    }
    let Some(first) = read(other, &arrival, asked).ok_or(NotYetRead)?.first() else {
        return Ok(None);
    };
    let content = first.content.as_ref();
    let Some(previous) = content.and_then(|content| content.previous.as_ref()) else {
        return Ok(None);
    };
    let bucket = chain.report.id.bucket.as_ref();
    let here = DigestKey::parse(&previous.object).filter(|name| {
        name.place == newest.place
            && name.same_trail(newest)
            && name.end >= newest.end
            // One that ends in the requested time was due there.
            && question.start.is_none_or(|start| name.end <= start)
            && bucket.is_none_or(|bucket| bucket.as_str() == previous.bucket)
    });
    Ok(here.map(|_| match first.status {
        DigestStatus::Valid => Silence::Moved,
        _ => Silence::SaidToHaveMoved,
    }))
}

/// Digests of a chain, in order, as far as they are known.
fn read<'a>(
    chain: &LinkedChain,
    names: &[DigestKey],
    asked: &TrackedAnswers<'a>,
) -> Option<&'a [DigestFacts]> {
    asked.digests(&AreaId::from(&chain.report.id), names)
}
