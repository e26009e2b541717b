//! Inflating: in pieces and within bounds, and just those bodies that are one sound gzip member.
//!
//! The first four bytes say how: the bounds on stored and on inflated bytes, how large the pieces
//! are that the store hands out, and where reading fails. The rest is the body.

use std::io::{self, Read};

use trailseal::internals::model::Sha256Hash;
use trailseal::internals::verify::Bounds;
use trailseal::internals::verify::inflate::{AlreadyInflated, BodyFault, inflate};

use super::naive;

pub fn run(data: &[u8]) {
    let Some(([stored, inflated, piece, fails], body)) = data.split_first_chunk() else { return };
    let bound = |n: u8| u64::from(n) * u64::from(n);
    let bounds = Bounds { stored: bound(*stored), inflated: bound(*inflated) };
    let already = match piece % 2 {
        0 => AlreadyInflated::Accept,
        _ => AlreadyInflated::Refuse,
    };
    let fails = (fails % 4 == 0).then(|| usize::from(*fails) * 4);
    let mut store = Pieces { body, given: 0, piece: usize::from(*piece) + 1, fails, tired: false };
    let mut content = Vec::new();
    let result = inflate(&mut store, bounds, already, &mut |from| {
        // An odd piece leaves a part to be read after it.
        let limit = if piece % 4 == 3 { 100 } else { u64::MAX };
        let _ = from.take(limit).read_to_end(&mut content);
    });

    let most = bounds.stored + store.piece as u64;
    assert!(store.given as u64 <= most, "{} bytes were read of {bounds:?}", store.given);
    assert!(content.len() as u64 <= bounds.inflated, "{} bytes were inflated", content.len());

    let plain = already == AlreadyInflated::Accept && body.first() == Some(&b'{');
    let naive = if plain { Some(body.to_vec()) } else { naive::gunzip(body) };
    match (result, naive) {
        (Ok(read), Some(naive)) => {
            assert!(fails.is_none_or(|at| at > body.len()), "nobody saw that reading failed");
            assert!(naive.starts_with(&content));
            assert_eq!(read.hash, Sha256Hash::of(&naive));
            assert_eq!((read.stored, read.inflated), (body.len() as u64, naive.len() as u64));
            assert!(read.stored <= bounds.stored && read.inflated <= bounds.inflated);
            assert_eq!(read.header.is_none(), plain);
        }
        (Ok(read), None) => panic!("taken, though it is not one sound member: {read:?}"),
        (Err(BodyFault::Trouble(_)), _) => assert!(fails.is_some()),
        (Err(BodyFault::TooLarge(_)), _) => assert!(body.len() as u64 > bounds.stored),
        (Err(BodyFault::Bomb(_)), Some(naive)) => assert!(naive.len() as u64 > bounds.inflated),
        (Err(fault), Some(_)) => panic!("refused, though it is one sound member: {fault}"),
        (Err(_), None) => {}
    }
}

/// A body that comes in pieces, with interruptions, and perhaps breaks off.
struct Pieces<'a> {
    body: &'a [u8],
    given: usize,
    piece: usize,
    fails: Option<usize>,
    tired: bool,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.tired = !self.tired;
        if self.tired {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if self.fails.is_some_and(|at| self.given >= at) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let rest = self.body.get(self.given..).unwrap_or_default();
        let n = rest.len().min(self.piece).min(buffer.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        self.given += n;
        Ok(n)
    }
}
