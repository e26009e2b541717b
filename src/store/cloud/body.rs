//! Bodies of objects on their way in. The crate resumes what breaks off, as long as the object is
//! still the same; here its length is compared with the announced one.

use std::io::{self, Read};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use object_store::GetResult;

use super::error::cause;
use crate::store::network::Network;

/// Cause of trouble after a stop.
pub(super) const STOPPED: &str = "the run was stopped";

/// A body on its way in.
pub(super) struct Body {
    network: Network,
    stream: BoxStream<'static, object_store::Result<Bytes>>,
    piece: Bytes,
    /// Bytes still to come.
    left: u64,
}

impl Body {
    pub(super) fn new(network: &Network, fetched: GetResult) -> Self {
        let left = fetched.meta.size;
        let (network, stream) = (network.clone(), fetched.into_stream());
        Self { network, stream, piece: Bytes::new(), left }
    }

    /// The next piece; none at the end.
    fn next_piece(&mut self) -> io::Result<Bytes> {
        loop {
            match self.network.wait(self.stream.next()) {
                None => return Err(io::Error::other(STOPPED)),
                Some(None) if self.left > 0 => {
                    return Err(io::Error::other("the download is shorter than announced"));
                }
                Some(None) => return Ok(Bytes::new()),
                Some(Some(Ok(piece))) if piece.is_empty() => {}
                Some(Some(Ok(piece))) if piece.len() as u64 > self.left => {
                    let cause = "more data was received than its size: it is changing, or something else answered";
                    return Err(io::Error::other(cause));
                }
                Some(Some(Ok(piece))) => {
                    self.left -= piece.len() as u64;
                    return Ok(piece);
                }
                Some(Some(Err(error))) => {
                    return Err(io::Error::other(format!(
                        "the download broke off: {}",
                        cause(&error)
                    )));
                }
            }
        }
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() && !buffer.is_empty() {
            self.piece = self.next_piece()?;
        }
        let n = self.piece.len().min(buffer.len());
        let taken = self.piece.split_to(n);
        if let Some(target) = buffer.get_mut(..n) {
            target.copy_from_slice(&taken);
        }
        Ok(n)
    }
}
