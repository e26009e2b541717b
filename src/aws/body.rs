//! Bodies of objects on their way in.
//!
//! Where the connection breaks, a body goes on from there, as long as the object is still the
//! same. A body is judged only when it is known to be the object's: its length is what the answer
//! states, or else what a listing says; and one that is not gzip, where the key says that it is,
//! must be the object that a listing shows. Anything between here and the store may have answered
//! in its place, or may have inflated it.

use std::io::{self, Read};

use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;

use super::bucket::{BucketClient, ObjectResponse};
use super::config::Stopped;
use super::listing::find_object;
use crate::model::Metadata;
use crate::store::StoreError;

/// Most times that a body is resumed where it broke off.
const RESUMES: u32 = 5;
/// The first byte of every gzip member.
const GZIP: u8 = 0x1f;

/// Body of an object that goes on where its connection broke.
pub(super) struct ResumingBody {
    bucket: BucketClient,
    key: String,
    etag: Option<String>,
    length: u64,
    /// True if the answer itself states the length.
    stated: bool,
    read: u64,
    resumes: u32,
    stream: ByteStream,
    piece: Bytes,
    begun: bool,
}

impl ResumingBody {
    /// A body from its beginning. Where the answer states no length, a listing is asked for it.
    pub(super) fn begin(
        bucket: &BucketClient,
        key: &str,
        response: ObjectResponse,
    ) -> Result<(Self, Metadata), StoreError> {
        let ObjectResponse { body: stream, metadata, etag, length } = response;
        let mut body = Self {
            bucket: bucket.clone(),
            key: key.to_owned(),
            etag,
            length: length.unwrap_or_default(),
            stated: length.is_some(),
            read: 0,
            resumes: 0,
            stream,
            piece: Bytes::new(),
            begun: false,
        };
        if !body.stated {
            body.length = body.listed_size().map_err(StoreError::Trouble)?;
        }
        Ok((body, metadata))
    }

    fn resume(&mut self, cause: String) -> io::Result<()> {
        self.resumes += 1;
        if self.resumes > RESUMES {
            return Err(io::Error::other(cause));
        }
        let response = self.bucket.get_object(&self.key, self.read, self.etag.as_deref());
        let response = response
            .map_err(|error| io::Error::other(format!("{cause}; resuming failed: {error}")))?;
        if self.etag.is_none() || response.etag != self.etag {
            let unknown = "it is unknown whether the rest belongs to the same object";
            return Err(io::Error::other(format!("{cause}; {unknown}")));
        }
        self.stream = response.body;
        Ok(())
    }

    /// The size that a listing shows of the object that was answered.
    fn listed_size(&self) -> Result<u64, String> {
        if self.etag.is_none() {
            return Err("the response has no ETag, so it did not come from the store".to_owned());
        }
        let listed = find_object(&self.bucket, &self.key).map_err(StoreError::from);
        let listed = listed.map_err(|error| {
            format!(
                "its response is suspicious, and it could not be compared with a listing: {error}"
            )
        })?;
        let listed = listed.ok_or("it can be read, but a listing does not show it")?;
        Ok(listed.size)
    }

    /// Checks the first byte. What is not gzip, where the key says so, may not be what is
    /// stored.
    fn begin_with(&mut self, first: Option<u8>) -> io::Result<()> {
        self.begun = true;
        if first == Some(GZIP) || !self.key.ends_with(".gz") {
            return Ok(());
        }
        let doubt = match first {
            Some(b'{') => "the store, or a proxy in front of it, seems to inflate it",
            _ => "something else may have answered",
        };
        let cause = match self.listed_size() {
            Ok(size) if self.stated && size == self.length => return Ok(()),
            Ok(size) if self.stated => {
                format!("the response has {} bytes, but it is listed with {size}", self.length)
            }
            Ok(_) => "the response does not state its length".to_owned(),
            Err(cause) => cause,
        };
        Err(io::Error::other(format!("the received data is not gzip: {doubt} ({cause})")))
    }

    fn next_piece(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            match self.bucket.aws.wait_for(self.stream.next()) {
                None => return Err(io::Error::other(Stopped)),
                Some(Some(Ok(piece))) if piece.is_empty() => {}
                Some(Some(Ok(piece))) => {
                    if self.read + piece.len() as u64 > self.length {
                        let cause = "more data was received than its listed size: it is changing, or something else answered";
                        return Err(io::Error::other(cause));
                    }
                    return Ok(Some(piece));
                }
                Some(Some(Err(error))) => {
                    self.resume(format!("the download broke off: {}", cause(&error)))?;
                }
                Some(None) if self.read < self.length => {
                    self.resume("the download is shorter than announced".to_owned())?;
                }
                Some(None) => return Ok(None),
            }
        }
    }
}

/// Last of a chain of causes, which says what happened.
fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string()
}

impl Read for ResumingBody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() {
            let piece = self.next_piece()?;
            if !self.begun {
                self.begin_with(piece.as_ref().and_then(|piece| piece.first().copied()))?;
            }
            match piece {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let n = self.piece.len().min(buffer.len());
        let taken = self.piece.split_to(n);
        if let Some(target) = buffer.get_mut(..n) {
            target.copy_from_slice(&taken);
        }
        self.read += n as u64;
        Ok(n)
    }
}
