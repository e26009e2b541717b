//! What trailseal does in pieces and within limits, done at once: to compare with.

use std::io::Read;

use flate2::bufread::GzDecoder;

/// More than any input of a target can inflate to.
const ENOUGH: u64 = 64 << 20;

/// The content of a body that is exactly one sound gzip member.
pub(crate) fn gunzip(body: &[u8]) -> Option<Vec<u8>> {
    let mut decoder = GzDecoder::new(body);
    let mut content = Vec::new();
    decoder.by_ref().take(ENOUGH).read_to_end(&mut content).ok()?;
    assert!((content.len() as u64) < ENOUGH, "the input is too large to compare");
    decoder.into_inner().is_empty().then_some(content)
}
