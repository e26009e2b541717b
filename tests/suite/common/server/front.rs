//! What stands before the S3 service: the log, the latency, the faults, and CloudTrail.

use std::convert::Infallible;
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, future, stream};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::dto::StreamingBlob;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{Body, HttpError, HttpResponse};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::call::{Call, Service};
use super::faults::{Endless, Fault, Faults};
use super::memory::Memory;
use super::public_keys::PublicKeys;
use super::trails::Trails;
use super::{ACCESS_KEY, SECRET_KEY, lock};

/// What the handle in the test and the tasks of the server share.
#[derive(Default)]
pub(super) struct State {
    pub(super) memory: Memory,
    pub(super) public_keys: PublicKeys,
    pub(super) trails: Trails,
    pub(super) faults: Faults,
    pub(super) requests: Mutex<Vec<String>>,
    pub(super) latency: Mutex<Duration>,
    /// The identity that GetCallerIdentity names.
    pub(super) caller: Mutex<Option<String>>,
}

#[derive(Clone)]
pub(super) struct Front {
    s3: S3Service,
    /// For who brings a token, as clients of Google Cloud Storage do: it is not looked at.
    of_token: S3Service,
    state: Arc<State>,
}

/// Answers connections until the runtime ends.
pub(super) async fn serve(listener: TcpListener, front: Front) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listening socket");
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file handles, say: others may be freed.
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        // Small answers would wait 40 ms for an acknowledgement.
        let _ = stream.set_nodelay(true);
        let front = front.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| front.clone().answer(request));
            // An error is a client that went away, or a fault that cuts the connection.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

impl Front {
    pub(super) fn new(state: Arc<State>) -> Self {
        let mut builder = S3ServiceBuilder::new(state.memory.clone());
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        let of_token = S3ServiceBuilder::new(state.memory.clone()).build();
        Self { s3: builder.build(), of_token, state }
    }

    /// An error closes the connection.
    async fn answer(self, request: Request<Incoming>) -> Result<HttpResponse, HttpError> {
        let call = Call::of(request.method(), request.uri(), request.headers());
        lock(&self.state.requests).push(format!("{} {}", call.verb, call.subject));
        let latency = *lock(&self.state.latency);
        if !latency.is_zero() {
            sleep(latency).await;
        }
        match self.state.faults.meet(&call) {
            None => self.without_fault(&call, request).await,
            Some(Fault::Status(status, code)) => Ok(refusal(call.service, status, code)),
            Some(Fault::Reset) => Err(HttpError::new("a reset that was asked for".into())),
            Some(Fault::ShortBody(length)) => {
                let (mut answer, body) = whole(self.without_fault(&call, request).await?).await?;
                *answer.body_mut() = cut(body.slice(..length.min(body.len())));
                Ok(answer)
            }
            Some(Fault::Stall) => {
                let (mut answer, _) = whole(self.without_fault(&call, request).await?).await?;
                *answer.body_mut() = stalled();
                Ok(answer)
            }
            Some(Fault::Garbage) => Ok(garbage()),
            Some(Fault::ErrorOf(status, length)) => {
                let mut answer = HttpResponse::new(long(length));
                *answer.status_mut() = StatusCode::from_u16(status).expect("an HTTP status");
                Ok(answer)
            }
            Some(Fault::StallAfter(length)) => {
                let (mut answer, body) = whole(self.without_fault(&call, request).await?).await?;
                *answer.body_mut() = stalled_after(body.slice(..length.min(body.len())));
                Ok(answer)
            }
            Some(Fault::Shorter(length)) => {
                let (answer, body) = whole(self.without_fault(&call, request).await?).await?;
                Ok(of_body(answer, body.slice(..length.min(body.len()))))
            }
            Some(Fault::Unstated(length)) => {
                let (answer, body) = whole(self.without_fault(&call, request).await?).await?;
                Ok(unstated(answer, body.slice(..length.min(body.len()))))
            }
            Some(Fault::Inflated) => {
                let (answer, body) = whole(self.without_fault(&call, request).await?).await?;
                Ok(of_body(answer, inflated(&body)))
            }
            Some(Fault::InflatedUnlessAccepted) => {
                let accepts = call.accepts_gzip;
                let (answer, body) = whole(self.without_fault(&call, request).await?).await?;
                Ok(of_body(answer, if accepts { body } else { inflated(&body) }))
            }
            Some(Fault::OtherRegion(region)) => {
                let mut answer = refusal(call.service, 403, "AccessDenied");
                let value = HeaderValue::from_static(region);
                answer.headers_mut().insert("x-amz-bucket-region", value);
                Ok(answer)
            }
            Some(Fault::RedirectInBody(host)) => {
                let text = format!(
                    "<?xml version=\"1.0\"?><Error><Code>PermanentRedirect</Code><Endpoint>{host}</Endpoint><Bucket>b</Bucket></Error>"
                );
                Ok(respond(StatusCode::MOVED_PERMANENTLY, XML, text))
            }
            Some(Fault::InflatedUnstated) => {
                let (answer, body) = whole(self.without_fault(&call, request).await?).await?;
                Ok(unstated(answer, inflated(&body)))
            }
            Some(Fault::OtherPrefix) => Ok(listing_of("another/", &["another/key"], None)),
            Some(Fault::OtherKeys) => Ok(listing_of(&call.subject, &["another/key"], None)),
            Some(Fault::CutListing(length)) => {
                let (answer, body) = whole(self.without_fault(&call, request).await?).await?;
                Ok(of_body(answer, body.slice(..body.len().saturating_sub(length))))
            }
            Some(Fault::Endless(endless)) => Ok(endless_page(endless, &call)),
        }
    }

    async fn without_fault(
        &self,
        call: &Call,
        request: Request<Incoming>,
    ) -> Result<HttpResponse, HttpError> {
        let mut request = request.map(Body::from);
        match call.service {
            Service::S3 if has_token(request.headers()) => {
                request.headers_mut().remove(AUTHORIZATION);
                self.of_token.call(request).await
            }
            Service::S3 => self.s3.call(request).await,
            Service::Sts => Ok(self.caller()),
            Service::CloudTrail => {
                let limit = 1 << 20;
                let body =
                    request.body_mut().store_all_limited(limit).await.map_err(HttpError::new)?;
                Ok(self.cloudtrail(call, &body))
            }
        }
    }

    fn caller(&self) -> HttpResponse {
        let Some(arn) = lock(&self.state.caller).clone() else {
            return refusal(Service::S3, 403, "AccessDenied");
        };
        let body = format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult><Arn>{arn}</Arn></GetCallerIdentityResult></GetCallerIdentityResponse>"
        );
        respond(StatusCode::OK, XML, body)
    }

    fn cloudtrail(&self, call: &Call, body: &[u8]) -> HttpResponse {
        let Ok(request) = serde_json::from_slice::<Value>(body) else {
            return refusal(Service::CloudTrail, 400, "SerializationException");
        };
        let answer = match call.verb.as_str() {
            "ListPublicKeys" => self.state.public_keys.list(&call.subject, &request),
            "DescribeTrails" => Ok(self.state.trails.describe()),
            "GetTrailStatus" => self.state.trails.status(&request),
            _ => Err("UnknownOperationException"),
        };
        match answer {
            Ok(json) => respond(StatusCode::OK, JSON, json.to_string()),
            Err(code) => refusal(Service::CloudTrail, 400, code),
        }
    }
}

fn has_token(headers: &HeaderMap) -> bool {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    header.is_some_and(|text| text.starts_with("Bearer"))
}

const JSON: &str = "application/x-amz-json-1.1";
const XML: &str = "application/xml";

fn respond(status: StatusCode, content_type: &'static str, body: String) -> HttpResponse {
    let mut answer = HttpResponse::new(Body::from(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// An error in the form of the service.
fn refusal(service: Service, status: u16, code: &str) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let message = format!("{code}, as the test wants it");
    match service {
        Service::S3 | Service::Sts => {
            let text = format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>");
            respond(status, XML, text)
        }
        Service::CloudTrail => {
            let json = json!({ "__type": code, "message": message });
            respond(status, JSON, json.to_string())
        }
    }
}

fn garbage() -> HttpResponse {
    let page = "<!DOCTYPE html><html><body>Please log in to the network.</body></html>";
    respond(StatusCode::OK, "text/html", page.to_owned())
}

/// An answer with the length of its body stated, and the body.
async fn whole(mut answer: HttpResponse) -> Result<(HttpResponse, Bytes), HttpError> {
    let body = answer.body_mut().store_all_limited(usize::MAX).await.map_err(HttpError::new)?;
    answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    Ok((answer, body))
}

/// A body that breaks off.
fn cut(beginning: Bytes) -> Body {
    let beginning = stream::once(future::ready(Ok(beginning)));
    let end = stream::once(async {
        // The beginning is sent only while nothing else is ready.
        sleep(Duration::from_millis(20)).await;
        Err(io::Error::from(io::ErrorKind::UnexpectedEof))
    });
    StreamingBlob::wrap(beginning.chain(end)).into()
}

/// An answer with another body.
fn of_body(mut answer: HttpResponse, body: Bytes) -> HttpResponse {
    answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    *answer.body_mut() = Body::from(body);
    answer
}

/// An answer with another body, whose length no header states.
fn unstated(mut answer: HttpResponse, body: Bytes) -> HttpResponse {
    answer.headers_mut().remove(CONTENT_LENGTH);
    *answer.body_mut() =
        StreamingBlob::wrap(stream::once(future::ready(Ok::<_, Infallible>(body)))).into();
    answer
}

fn inflated(body: &[u8]) -> Bytes {
    let mut text = Vec::new();
    let mut gzip = flate2::read::GzDecoder::new(body);
    std::io::Read::read_to_end(&mut gzip, &mut text).expect("a gzip body");
    text.into()
}

/// So many bytes.
fn long(length: u64) -> Body {
    const PIECE: u64 = 1 << 20;
    let piece = Bytes::from(vec![b'x'; 1 << 20]);
    let pieces =
        stream::iter((0..length.div_ceil(PIECE)).map(move |_| Ok::<_, Infallible>(piece.clone())));
    StreamingBlob::wrap(pieces).into()
}

fn stalled_after(beginning: Bytes) -> Body {
    let beginning = stream::once(future::ready(Ok::<_, Infallible>(beginning)));
    StreamingBlob::wrap(beginning.chain(stream::pending())).into()
}

fn endless_page(endless: Endless, call: &Call) -> HttpResponse {
    let number = call.token.as_deref().and_then(|token| token.parse::<u64>().ok()).unwrap_or(0);
    let prefix = &call.subject;
    let page = if endless == Endless::NewKeys { number } else { 0 };
    let count = if endless == Endless::Nothing { 0 } else { 1000 };
    let keys: Vec<_> = (0..count).map(|n| format!("{prefix}{:012}.gz", page * 1000 + n)).collect();
    let keys: Vec<_> = keys.iter().map(String::as_str).collect();
    let next = if endless == Endless::SameToken { 1 } else { number + 1 };
    listing_of(prefix, &keys, Some(next))
}

/// A page of a listing, as it is.
fn listing_of(prefix: &str, keys: &[&str], next: Option<u64>) -> HttpResponse {
    let contents: String = keys
        .iter()
        .map(|key| format!("<Contents><Key>{key}</Key><Size>1</Size></Contents>"))
        .collect();
    let token = next
        .map(|next| format!("<NextContinuationToken>{next}</NextContinuationToken>"))
        .unwrap_or_default();
    let more = next.is_some();
    respond(
        StatusCode::OK,
        XML,
        format!(
            "<ListBucketResult><Prefix>{prefix}</Prefix><IsTruncated>{more}</IsTruncated>{token}{contents}</ListBucketResult>"
        ),
    )
}

/// A body that never comes.
fn stalled() -> Body {
    StreamingBlob::wrap(stream::pending::<Result<Bytes, Infallible>>()).into()
}
