//! Check of answers to listings, before the crate reads them: it takes any document for a listing,
//! a page of HTML for an empty one, and absence rests on listings.

use std::future::Future;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService, ReqwestConnector,
};

/// Bytes of a page: 5,000 entries, which is as many as a page has, with long names.
const LARGEST_PAGE: usize = 32 << 20;

/// Makes connections whose listings are checked.
#[derive(Debug, Default)]
pub(super) struct CheckedConnector(ReqwestConnector);

impl HttpConnector for CheckedConnector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(CheckedClient(self.0.connect(options)?)))
    }
}

#[derive(Debug)]
struct CheckedClient(HttpClient);

/// Answer of the trait's method.
type ListingAnswer<'a> = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'a>>;

impl HttpService for CheckedClient {
    fn call<'this, 'answer>(&'this self, request: HttpRequest) -> ListingAnswer<'answer>
    where
        'this: 'answer,
        Self: 'answer,
    {
        Box::pin(async move {
            let kind = ListingForm::of(request.uri().query().unwrap_or_default());
            let answer = self.0.execute(request).await?;
            let Some(kind) = kind.filter(|_| answer.status().is_success()) else {
                return Ok(answer);
            };
            let (head, body) = answer.into_parts();
            let page = page(body).await?;
            kind.check(&page).map_err(|cause| error(cause.to_owned()))?;
            Ok(HttpResponse::from_parts(head, page.into()))
        })
    }
}

/// The bytes of a page.
async fn page(body: HttpResponseBody) -> Result<Bytes, HttpError> {
    let (mut stream, mut page) = (body.bytes_stream(), BytesMut::new());
    while let Some(piece) = stream.next().await {
        page.extend_from_slice(&piece?);
        if page.len() > LARGEST_PAGE {
            return Err(error(format!(
                "a page of the listing is larger than {LARGEST_PAGE} bytes"
            )));
        }
    }
    Ok(page.freeze())
}

fn error(cause: String) -> HttpError {
    HttpError::new(HttpErrorKind::Decode, std::io::Error::other(cause))
}

/// Form of the listing that a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ListingForm {
    Google,
    Azure,
}

impl ListingForm {
    fn of(query: &str) -> Option<Self> {
        query.split('&').find_map(|pair| match pair {
            "list-type=2" => Some(Self::Google),
            "comp=list" => Some(Self::Azure),
            _ => None,
        })
    }

    /// Holds a page to the form of a listing.
    fn check(self, page: &[u8]) -> Result<(), &'static str> {
        let text = std::str::from_utf8(page).map_err(|_| "the listing is not UTF-8")?;
        let (begin, end) = match self {
            Self::Google => ("<ListBucketResult", "</ListBucketResult>"),
            Self::Azure => ("<EnumerationResults", "</EnumerationResults>"),
        };
        let text = text.trim_start_matches('\u{feff}').trim();
        let text = match text.strip_prefix("<?xml") {
            Some(rest) => rest.split_once("?>").map_or("", |(_, rest)| rest.trim_start()),
            None => text,
        };
        if !text.starts_with(begin) {
            return Err("the response is not a listing");
        }
        if !text.ends_with(end) {
            // What ends in its own beginning is empty.
            let is_empty = text.ends_with("/>") && text.matches('<').count() == 1;
            return if is_empty { Ok(()) } else { Err("the listing is cut off") };
        }
        let truncated = text.contains("<IsTruncated>true</IsTruncated>");
        if self == Self::Google && truncated && !text.contains("<NextContinuationToken>") {
            return Err("the listing is truncated and has no continuation token");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_is_told_from_what_is_none() {
        let google = |page: &str| ListingForm::Google.check(page.as_bytes()).is_ok();
        for page in [
            "<?xml version='1.0' encoding='UTF-8'?>\n<ListBucketResult xmlns='http://doc'><Name>b</Name></ListBucketResult>\n",
            "\u{feff}<ListBucketResult/>",
            "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>a</NextContinuationToken></ListBucketResult>",
        ] {
            assert!(google(page), "{page}");
        }
        for page in [
            "",
            "<html></html>",
            "<Error></Error>",
            "<ListBucketResult>",
            "<?xml",
            "<ListBucketResult><Contents/>",
            "<EnumerationResults></EnumerationResults>",
            "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        ] {
            assert!(!google(page), "{page}");
        }
        let azure = "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults ServiceEndpoint=\"https://a/\" ContainerName=\"c\"><Blobs/><NextMarker/></EnumerationResults>";
        assert_eq!(ListingForm::Azure.check(azure.as_bytes()), Ok(()));
        assert_eq!(
            ListingForm::of("restype=container&comp=list&prefix=a"),
            Some(ListingForm::Azure)
        );
        assert_eq!(ListingForm::of("list-type=2&delimiter=%2F"), Some(ListingForm::Google));
        assert_eq!(ListingForm::of("prefix=comp=list"), None);
    }
}
