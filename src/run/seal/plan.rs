//! Limit on the digests that are written unasked.

use jiff::Timestamp;

use super::outcome::SealError;
use crate::model::Window;

/// Refuses more digests than may be written unasked; nothing is written before it.
pub(super) fn check_count(slots: &[Window], most: Option<usize>) -> Result<(), SealError> {
    let (Some(first), Some(last)) = (slots.first(), slots.last()) else { return Ok(()) };
    let (start, end): (Timestamp, Timestamp) = (first.start, last.end);
    match most.filter(|most| slots.len() > *most) {
        Some(most) => Err(SealError::TooMany { due: slots.len(), most, start, end }),
        None => Ok(()),
    }
}
