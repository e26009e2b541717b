//! Reading one stored body: exactly one gzip member, its CRC and length right, nothing after it.
//!
//! The body is hostile. It is read in pieces, hashed on the way, and given up as soon as it
//! passes a limit; memory does not grow with it.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::GzDecoder;

use super::gzip_header::GzipHeader;
use super::limits::Bounds;
use crate::model::Sha256Hash;
use crate::model::hash::Sha256Stream;

/// Number of stored bytes that are read at a time, and of inflated bytes that nobody else reads. To
/// clear more takes longer than most files do.
const BUFFER: usize = 32 << 10;
/// Length of the fixed part of a gzip header.
const HEADER: usize = 10;

/// Acceptance of a body that is not gzip but begins as JSON. Clients that decode
/// `Content-Encoding: gzip` leave such files in a copy; a bucket never holds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlreadyInflated {
    /// Taken; what followed the gzip member can then not be known.
    Accept,
    /// Refused: it is not gzip, so malformed.
    Refuse,
}

/// Content of a valid body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inflated {
    /// The hash value of the inflated bytes.
    pub hash: Sha256Hash,
    /// Bytes as stored.
    pub stored: u64,
    /// Bytes inflated.
    pub inflated: u64,
    /// The header of its gzip member; `None` where it was stored inflated.
    pub header: Option<GzipHeader>,
}

/// Fault of a body.
#[derive(Debug, thiserror::Error)]
pub enum BodyFault {
    /// Neither gzip nor, where that is allowed, inflated JSON.
    #[error("it is not gzip")]
    NotGzip,
    /// The stream contradicts itself: a bad code, a wrong CRC or length.
    #[error("its gzip stream is damaged: {0}")]
    Damaged(String),
    /// The stream ends before the member does.
    #[error("its gzip stream is cut off after {0} stored bytes")]
    CutOff(u64),
    /// Bytes follow the member.
    #[error("there are bytes after its gzip member")]
    TrailingData,
    /// More stored bytes than any file of its kind has.
    #[error("its stored size is more than {0} bytes")]
    TooLarge(u64),
    /// More inflated bytes than any file of its kind has.
    #[error("it inflates to more than {0} bytes")]
    Bomb(u64),
    /// The store failed while the body was read. Trouble, not a property of the body.
    #[error("reading it failed: {0}")]
    Trouble(io::Error),
}

/// Reads a body to its end. `consume` may read the inflated bytes, as many as it likes and none
/// where only the hash value matters; what it leaves is read after it.
///
/// # Errors
/// The first fault; what `consume` read until then is not to be used.
pub fn inflate(
    body: &mut dyn Read,
    bounds: Bounds,
    already: AlreadyInflated,
    consume: &mut dyn FnMut(&mut dyn Read),
) -> Result<Inflated, BodyFault> {
    let (inflated, fault) = inflate_until_fault(body, bounds, already, consume);
    fault.map_or(Ok(inflated), Err)
}

/// Reads a body up to its first fault, for rules that forgive some: what was inflated until then,
/// and the fault.
pub fn inflate_until_fault(
    body: &mut dyn Read,
    bounds: Bounds,
    already: AlreadyInflated,
    consume: &mut dyn FnMut(&mut dyn Read),
) -> (Inflated, Option<BodyFault>) {
    let watched = Watched { body, read: 0, limit: bounds.stored, failure: None };
    let mut source = BufReader::with_capacity(BUFFER, watched);
    // The first two bytes decide; a buffer filled once may hold fewer.
    let mut begin = Vec::with_capacity(HEADER);
    let peeked = source.by_ref().take(HEADER as u64).read_to_end(&mut begin);
    let nothing =
        |stored| Inflated { hash: Sha256Hash::of(&[]), stored, inflated: 0, header: None };
    let plain = match (peeked, begin.as_slice()) {
        (Err(e), _) => {
            let watched = source.get_mut();
            return (nothing(watched.read), Some(Fault::Io(e).explain(watched)));
        }
        // Cut off or not, no gzip header goes on like this (RFC 1952, 2.3.1).
        (Ok(_), [0x1f, 0x8b, method, flags, ..]) if *method != 8 || flags & 0xe0 != 0 => {
            let fault = BodyFault::Damaged("invalid gzip header".to_owned());
            return (nothing(begin.len() as u64), Some(fault));
        }
        (Ok(_), [0x1f, 0x8b, ..]) => false,
        (Ok(_), [b'{', ..]) if already == AlreadyInflated::Accept => true,
        (Ok(_), [] | [0x1f]) => {
            let stored = begin.len() as u64;
            return (nothing(stored), Some(BodyFault::CutOff(stored)));
        }
        (Ok(_), begin) => return (nothing(begin.len() as u64), Some(BodyFault::NotGzip)),
    };
    let header = begin.first_chunk().copied().map(GzipHeader).filter(|_| !plain);
    let mut rest = io::Cursor::new(begin).chain(source);
    let (hash, inflated, mut fault) = if plain {
        measure(&mut rest, bounds.inflated, consume)
    } else {
        measure(&mut GzDecoder::new(&mut rest), bounds.inflated, consume)
    };
    // Exactly one member, so nothing may follow it.
    if !plain && fault.is_none() {
        fault = match rest.fill_buf() {
            Ok([]) => None,
            Ok(_) => Some(Fault::Trailing),
            Err(e) => Some(Fault::Io(e)),
        };
    }
    let watched = rest.get_mut().1.get_mut();
    let fault = fault.map(|fault| fault.explain(watched));
    (Inflated { hash, stored: watched.read, inflated, header }, fault)
}

/// Reason why reading ended, before its cause is known.
#[derive(Debug)]
enum Fault {
    Bomb(u64),
    Trailing,
    Io(io::Error),
}

impl Fault {
    /// Distinguishes a fault of the stream from trouble of the store below it.
    fn explain(self, watched: &mut Watched<'_>) -> BodyFault {
        match (watched.failure.take(), self) {
            (Some(failure), _) => failure,
            (None, Self::Bomb(limit)) => BodyFault::Bomb(limit),
            (None, Self::Trailing) => BodyFault::TrailingData,
            (None, Self::Io(e)) if e.kind() == io::ErrorKind::UnexpectedEof => {
                BodyFault::CutOff(watched.read)
            }
            (None, Self::Io(e)) => BodyFault::Damaged(e.to_string()),
        }
    }
}

/// Hashes and counts what a reader holds up to a fault, what `consume` reads of it and what it
/// leaves.
fn measure(
    from: &mut dyn Read,
    limit: u64,
    consume: &mut dyn FnMut(&mut dyn Read),
) -> (Sha256Hash, u64, Option<Fault>) {
    let mut meter = Meter { from, hash: Sha256Stream::default(), inflated: 0, limit, fault: None };
    consume(&mut meter);
    let mut buffer = [0; BUFFER];
    while meter.fault.is_none() && meter.read(&mut buffer).is_ok_and(|n| n > 0) {}
    (meter.hash.finish(), meter.inflated, meter.fault)
}

struct Meter<'a> {
    from: &'a mut dyn Read,
    hash: Sha256Stream,
    inflated: u64,
    limit: u64,
    fault: Option<Fault>,
}

impl Read for Meter<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = match self.from.read(buffer) {
            Ok(n) => n,
            Err(e) => {
                let kind = e.kind();
                self.fault.get_or_insert(Fault::Io(e));
                return Err(kind.into());
            }
        };
        self.inflated += n as u64;
        if self.inflated > self.limit {
            self.fault.get_or_insert(Fault::Bomb(self.limit));
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.hash.update(buffer.get(..n).unwrap_or_default());
        Ok(n)
    }
}

/// Counts what is read and remembers why reading failed, which a decoder above would blur.
struct Watched<'a> {
    body: &'a mut dyn Read,
    read: u64,
    limit: u64,
    failure: Option<BodyFault>,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = loop {
            match self.body.read(buffer) {
                Ok(n) => break n,
                // Nothing above would try again everywhere.
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    let kind = e.kind();
                    self.failure = Some(BodyFault::Trouble(e));
                    return Err(kind.into());
                }
            }
        };
        self.read += n as u64;
        if self.read > self.limit {
            self.failure = Some(BodyFault::TooLarge(self.limit));
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, GzBuilder};
    use std::io::Write;

    const MIB: Bounds = Bounds { stored: 1 << 20, inflated: 1 << 20 };

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzBuilder::new().write(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(body: &[u8], already: AlreadyInflated) -> Result<Inflated, BodyFault> {
        let mut collected = Vec::new();
        let result = inflate(&mut &*body, MIB, already, &mut |from| {
            let _ = from.read_to_end(&mut collected);
        });
        if let Ok(inflated) = &result {
            assert_eq!(inflated.hash, Sha256Hash::of(&collected));
            assert_eq!(
                (inflated.inflated, inflated.stored),
                (collected.len() as u64, body.len() as u64)
            );
        }
        result
    }

    #[test]
    fn one_member_and_nothing_else_is_sound() {
        let body = gzip(b"{\"Records\":[]}");
        let inflated = read(&body, AlreadyInflated::Refuse).unwrap();
        assert_eq!(inflated.hash, Sha256Hash::of(b"{\"Records\":[]}"));
        assert!(inflated.header.is_some());
    }

    #[test]
    fn each_fault_is_told_apart() {
        let good = gzip(b"{\"Records\":[1,2,3,4,5,6,7,8,9]}");
        let with = |change: &dyn Fn(&mut Vec<u8>)| {
            let mut body = good.clone();
            change(&mut body);
            read(&body, AlreadyInflated::Refuse).unwrap_err()
        };
        let last = good.len() - 1;
        assert!(matches!(with(&|b| b.push(0)), BodyFault::TrailingData));
        assert!(matches!(with(&|b| b.extend(gzip(b"x"))), BodyFault::TrailingData));
        assert!(matches!(with(&|b| b[last] ^= 1), BodyFault::Damaged(_)), "length");
        assert!(matches!(with(&|b| b[last - 4] ^= 1), BodyFault::Damaged(_)), "CRC");
        assert!(matches!(with(&|b| b.truncate(last)), BodyFault::CutOff(_)), "trailer cut");
        assert!(matches!(with(&|b| b.truncate(12)), BodyFault::CutOff(_)));
        assert!(matches!(with(&|b| b.truncate(1)), BodyFault::CutOff(1)));
        assert!(matches!(with(&|b| b.clear()), BodyFault::CutOff(0)));
        assert!(matches!(with(&|b| b[0] = b'P'), BodyFault::NotGzip));
        assert!(matches!(with(&|b| b[2] = 7), BodyFault::Damaged(_)), "method");
        let (method, flags) = (|b: &mut Vec<u8>| b[2] = 0, |b: &mut Vec<u8>| b[3] |= 0x20);
        for (change, what) in [(method as fn(&mut _), "method"), (flags, "flags")] {
            for length in [4, 9, 10, good.len()] {
                let fault = with(&|b| {
                    change(b);
                    b.truncate(length);
                });
                assert!(matches!(fault, BodyFault::Damaged(_)), "{what} {length}: {fault}");
            }
        }
        assert!(matches!(with(&|b| b.truncate(9)), BodyFault::CutOff(_)), "header cut");
    }

    #[test]
    fn inflated_json_is_taken_only_where_allowed() {
        assert_eq!(read(b"{}", AlreadyInflated::Accept).unwrap().header, None);
        assert!(matches!(read(b"{}", AlreadyInflated::Refuse), Err(BodyFault::NotGzip)));
        assert!(matches!(read(b"[]", AlreadyInflated::Accept), Err(BodyFault::NotGzip)));
    }

    #[test]
    fn limits_end_a_bomb_and_a_giant() {
        let bomb = gzip(&vec![0; (1 << 20) + 1]);
        assert!(matches!(read(&bomb, AlreadyInflated::Refuse), Err(BodyFault::Bomb(_))));
        let stored: Vec<u8> = {
            // Incompressible, so that the stored limit is met first.
            let mut state = 1_u32;
            let noise: Vec<u8> = (0..(2 << 20))
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                })
                .collect();
            gzip(&noise)
        };
        let wide = Bounds { inflated: 8 << 20, ..MIB };
        let result = inflate(&mut &*stored, wide, AlreadyInflated::Refuse, &mut |_| {});
        assert!(matches!(result, Err(BodyFault::TooLarge(_))));
    }

    #[test]
    fn a_read_that_was_interrupted_is_tried_again() {
        struct Interrupted<'a>(&'a [u8], bool);
        impl Read for Interrupted<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                self.1 = !self.1;
                if self.1 {
                    return Err(io::ErrorKind::Interrupted.into());
                }
                let n = buffer.len().min(1);
                self.0.read(&mut buffer[..n])
            }
        }
        let good = gzip(b"{\"Records\":[]}");
        for body in [&good[..], b"{}"] {
            let mut body = Interrupted(body, false);
            inflate(&mut body, MIB, AlreadyInflated::Accept, &mut |_| {}).unwrap();
        }
    }

    #[test]
    fn a_store_that_fails_is_trouble_and_not_a_fault_of_the_body() {
        struct FailingStore<'a>(&'a [u8]);
        impl Read for FailingStore<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
                if self.0.is_empty() {
                    return Err(io::ErrorKind::ConnectionReset.into());
                }
                self.0.read(buffer)
            }
        }
        let good = gzip(b"{\"Records\":[]}");
        for cut in [0, 1, 5, 20, good.len()] {
            let mut body = FailingStore(&good[..cut]);
            let result = inflate(&mut body, MIB, AlreadyInflated::Refuse, &mut |_| {});
            assert!(matches!(result, Err(BodyFault::Trouble(_))), "{cut}");
        }
    }
}
