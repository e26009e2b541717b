//! Limits on responses: their size, their pace and their completeness.
//!
//! Whoever answers is not trusted to end. A response other than an object is held in memory, so it
//! is bounded; an error is cut off after its beginning, which names it; a body that does not move
//! is given up. A listing counts only when its document is whole.

use std::error::Error;
use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use aws_sdk_s3::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextMut,
    BeforeTransmitInterceptorContextMut,
};
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::primitives::SdkBody;
use bytes::{Buf as _, Bytes};
use http_body::{Body, Frame, SizeHint};
use quick_xml::Reader;
use quick_xml::events::Event;
use tokio::time::{Instant, Sleep, sleep};

/// Most bytes of a response that is no object. A page of 1,000 keys of 1,024 bytes, each of which
/// is written as three, takes 3.7 MB.
const LONGEST: u64 = 5 << 20;
/// Most elements of such a response: an empty one takes a hundred times its text in memory.
/// A page of 1,000 objects has about 25,000 tags.
const MOST_ELEMENTS: u64 = 100_000;
/// Bytes of an error that are read at most. The errors of AWS take less than 2 KB.
const LONGEST_ERROR: u64 = 64 << 10;
/// Least bytes of a body that moves, in the time that it may be silent.
const MOVES: u64 = 1 << 10;

type BoxError = Box<dyn Error + Send + Sync>;

/// Kind of response to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResponseKind {
    /// An object, of any size, as it is stored.
    Object,
    /// A page of a listing.
    Listing,
    /// Anything else, held in memory.
    Other,
}

/// Interceptor that limits the responses to one kind of request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Watch {
    /// Kind of the responses.
    pub(super) kind: ResponseKind,
    /// Time that a body may be silent.
    pub(super) silence: Duration,
}

impl Intercept for Watch {
    fn name(&self) -> &'static str {
        "watch"
    }

    /// Asks for objects as they are stored: some stores inflate what is stored with
    /// Content-Encoding gzip unless that is said to be acceptable. Nothing here inflates it. The
    /// header is added after signing, because proxies alter it.
    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.kind == ResponseKind::Object {
            context.request_mut().headers_mut().insert("accept-encoding", "gzip");
        }
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        let bound = match (response.status().is_success(), self.kind) {
            (true, ResponseKind::Object) => Bound::None,
            (true, _) => Bound::Refuse,
            (false, _) => Bound::Cut,
        };
        let body = LimitedBody::new(response.take_body(), bound, self.silence);
        *response.body_mut() = SdkBody::from_body_1_x(body);
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.kind != ResponseKind::Listing || context.output_or_error().is_err() {
            return Ok(());
        }
        match context.response().body().bytes() {
            Some(document) if is_whole(document) => Ok(()),
            _ => Err("the listing is cut off".into()),
        }
    }
}

/// True if an XML document has its end: every element that was opened is closed.
fn is_whole(document: &[u8]) -> bool {
    let mut reader = Reader::from_reader(document);
    let (mut depth, mut roots) = (0_u32, 0_u32);
    loop {
        match reader.read_event() {
            Ok(Event::Start(_)) => {
                roots += u32::from(depth == 0);
                depth += 1;
            }
            Ok(Event::Empty(_)) => roots += u32::from(depth == 0),
            Ok(Event::End(_)) => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return false,
            },
            Ok(Event::Eof) => return depth == 0 && roots == 1,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

/// Treatment of a body that is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    /// It may be of any length.
    None,
    /// It fails.
    Refuse,
    /// It ends there.
    Cut,
}

/// Reason for which a body was given up.
#[derive(Debug, thiserror::Error)]
enum GivenUp {
    #[error("the response is too large for its kind")]
    TooLarge,
    #[error("no data received for {} seconds (--read-timeout)", .0.as_secs())]
    Silent(Duration),
}

struct LimitedBody {
    inner: SdkBody,
    bound: Bound,
    read: u64,
    elements: u64,
    silence: Duration,
    /// Remainder of the time that it may be silent.
    left: Duration,
    /// Bytes that came since that time began.
    moved: u64,
    /// Since when it is waited for.
    waiting: Option<Instant>,
    alarm: Pin<Box<Sleep>>,
    ended: bool,
}

impl LimitedBody {
    fn new(inner: SdkBody, bound: Bound, silence: Duration) -> Self {
        Self {
            inner,
            bound,
            read: 0,
            elements: 0,
            silence,
            left: silence,
            moved: 0,
            waiting: None,
            alarm: Box::pin(sleep(silence)),
            ended: false,
        }
    }

    /// Polls a body that has nothing yet: only this time counts, not that in which nobody asked.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<GivenUp> {
        if self.waiting.is_none() {
            let now = Instant::now();
            self.waiting = Some(now);
            self.alarm.as_mut().reset(now + self.left);
        }
        self.alarm.as_mut().poll(context).map(|()| GivenUp::Silent(self.silence))
    }

    fn take(&mut self, mut data: Bytes) -> Result<Bytes, GivenUp> {
        let waited = self.waiting.take().map_or(Duration::ZERO, |since| since.elapsed());
        self.left = self.left.saturating_sub(waited);
        self.moved += data.len() as u64;
        if self.moved >= MOVES {
            (self.moved, self.left) = (0, self.silence);
        }
        self.read += data.len() as u64;
        match self.bound {
            Bound::None => {}
            Bound::Refuse => {
                let begins = data.iter().filter(|byte| matches!(byte, b'<' | b'{')).count();
                self.elements += begins as u64;
                if self.read > LONGEST || self.elements > MOST_ELEMENTS {
                    return Err(GivenUp::TooLarge);
                }
            }
            Bound::Cut => {
                let over = usize::try_from(self.read.saturating_sub(LONGEST_ERROR));
                if let Ok(over @ 1..) = over {
                    data.truncate(data.remaining().saturating_sub(over));
                    self.ended = true;
                }
            }
        }
        Ok(data)
    }
}

impl Body for LimitedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        let frame = match Pin::new(&mut this.inner).poll_frame(context) {
            Poll::Pending => {
                return this.wait(context).map(|given_up| {
                    this.ended = true;
                    Some(Err(given_up.into()))
                });
            }
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Ready(other) => return Poll::Ready(other),
        };
        Poll::Ready(Some(match frame.into_data() {
            Ok(data) => this.take(data).map(Frame::data).map_err(|given_up| {
                this.ended = true;
                given_up.into()
            }),
            Err(frame) => Ok(frame),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.ended || Body::is_end_stream(&self.inner)
    }

    fn size_hint(&self) -> SizeHint {
        match self.bound {
            Bound::None => Body::size_hint(&self.inner),
            // It may end before.
            Bound::Refuse | Bound::Cut => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_whole;

    #[test]
    fn a_document_is_whole_when_its_root_is_closed() {
        let whole = "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"x\"><Prefix/><Contents><Key>a&#x1;</Key></Contents></ListBucketResult>\n<!-- end -->";
        assert!(is_whole(whole.as_bytes()));
        assert!(is_whole(b"<ListBucketResult/>"));
        let end = whole.find("</ListBucketResult>").unwrap() + "</ListBucketResult>".len();
        for cut in 0..end {
            assert!(!is_whole(whole.get(..cut).unwrap().as_bytes()), "{cut}");
        }
        for bad in ["<a></b>", "<a/><b/>", "</a>", "text", "<a></a></a>"] {
            assert!(!is_whole(bad.as_bytes()), "{bad}");
        }
    }
}
