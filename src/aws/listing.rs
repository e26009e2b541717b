//! Listings, page by page. Absence rests on them, so an answer counts only when it is one to the
//! request that was asked: its prefix, its keys and its grouping are looked at, and each page must
//! come further than the one before it.

use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::list_objects_v2::{ListObjectsV2Error, ListObjectsV2Output};
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::EncodingType;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use super::bucket::BucketClient;
use super::error::error_summary;
use super::response::ResponseKind;
use crate::store::StoreError;

/// Pages in a row that may hold nothing: a store passes over what was deleted.
const MOST_EMPTY_PAGES: u32 = 1000;

/// Reason for which a listing ends early.
#[derive(Debug)]
pub(super) enum ListingError {
    /// The request failed.
    Request(Box<SdkError<ListObjectsV2Error>>),
    /// The response does not answer the request.
    Response(&'static str),
}

/// Request for a listing.
#[derive(Debug, Clone, Copy)]
pub(super) struct ListRequest<'a> {
    pub(super) prefix: &'a str,
    pub(super) delimiter: Option<&'a str>,
    /// The key after which the listing begins.
    pub(super) after: Option<&'a str>,
    /// Entries that a page may have, where that is not the store's to say.
    pub(super) limit: Option<i32>,
}

impl From<ListingError> for StoreError {
    fn from(error: ListingError) -> Self {
        Self::Trouble(match error {
            ListingError::Request(error) => error_summary(&*error),
            ListingError::Response(cause) => cause.to_owned(),
        })
    }
}

/// An object of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PageObject {
    pub(super) key: String,
    pub(super) size: u64,
    pub(super) modified: Option<Timestamp>,
    pub(super) etag: Option<String>,
}

/// Contents of one page.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ListingPage {
    pub(super) folders: Vec<String>,
    pub(super) objects: Vec<PageObject>,
}

/// A listing under way.
pub(super) struct ListingPages<'a> {
    bucket: &'a BucketClient,
    request: ListRequest<'a>,
    token: Option<String>,
    progress: ListingProgress,
    ended: bool,
}

impl<'a> ListingPages<'a> {
    pub(super) fn new(bucket: &'a BucketClient, request: ListRequest<'a>) -> Self {
        let last = request.after.map(str::to_owned);
        let progress = ListingProgress { last, empty: 0 };
        Self { bucket, request, token: None, progress, ended: false }
    }

    /// The next page; `None` after the last one.
    pub(super) fn next(&mut self) -> Result<Option<ListingPage>, ListingError> {
        if self.ended {
            return Ok(None);
        }
        let ListRequest { prefix, delimiter, after, limit } = self.request;
        let bucket = self.bucket;
        let request = bucket
            .sdk
            .list_objects_v2()
            .bucket(bucket.name.as_str())
            .prefix(prefix)
            .set_delimiter(delimiter.map(str::to_owned))
            .set_start_after(after.map(str::to_owned))
            .set_continuation_token(self.token.clone())
            .set_max_keys(limit)
            // Keys may hold what XML cannot.
            .encoding_type(EncodingType::Url)
            .set_request_payer(bucket.payer())
            .customize()
            .interceptor(bucket.aws.watch(ResponseKind::Listing));
        bucket.count();
        let output = bucket
            .aws
            .wait(request.send())
            .map_err(|error| ListingError::Request(Box::new(error)))?;
        let page = read(&output, &self.request).map_err(ListingError::Response)?;
        self.progress.advance(&page).map_err(ListingError::Response)?;
        let next = output.next_continuation_token;
        self.token = match (output.is_truncated, next) {
            (Some(false), _) | (None, None) => None,
            (Some(true), None) => {
                let cause = "the listing is truncated and has no continuation token";
                return Err(ListingError::Response(cause));
            }
            (_, next) if next == self.token => {
                return Err(ListingError::Response(
                    "the listing is stuck: it repeats the same continuation token",
                ));
            }
            (_, next) => next,
        };
        self.ended = self.token.is_none();
        Ok(Some(page))
    }
}

/// Looks for one object in a listing.
pub(super) fn find_object(
    bucket: &BucketClient,
    key: &str,
) -> Result<Option<PageObject>, ListingError> {
    // Of all keys that begin so, the key itself comes first.
    let request = ListRequest { prefix: key, delimiter: None, after: None, limit: Some(1) };
    let mut pages = ListingPages::new(bucket, request);
    while let Some(page) = pages.next()? {
        if !page.objects.is_empty() {
            return Ok(page.objects.into_iter().find(|object| object.key == key));
        }
    }
    Ok(None)
}

/// Progress of a listing.
#[derive(Debug, Default)]
struct ListingProgress {
    /// The greatest key or folder so far.
    last: Option<String>,
    /// Pages in a row that held nothing.
    empty: u32,
}

impl ListingProgress {
    /// Takes a page that comes further than those before it.
    fn advance(&mut self, page: &ListingPage) -> Result<(), &'static str> {
        let keys = page.objects.iter().map(|object| &object.key);
        let Some(last) = keys.chain(&page.folders).max() else {
            self.empty += 1;
            return match self.empty {
                0..=MOST_EMPTY_PAGES => Ok(()),
                _ => Err("the listing is stuck: page after page is empty"),
            };
        };
        self.empty = 0;
        if self.last.as_ref().is_some_and(|before| last <= before) {
            return Err("the listing is stuck: it repeats earlier entries");
        }
        self.last = Some(last.clone());
        Ok(())
    }
}

/// Contents of a page, if it is an answer to the request.
fn read(
    output: &ListObjectsV2Output,
    request: &ListRequest<'_>,
) -> Result<ListingPage, &'static str> {
    let encoded = output.encoding_type.is_some();
    let decode = |text: &str| if encoded { url_decode(text) } else { text.to_owned() };
    let ListRequest { prefix, delimiter, .. } = *request;
    if output.prefix().is_some_and(|echo| echo != prefix && decode(echo) != prefix) {
        return Err("the response is a listing of another prefix");
    }
    let mut page = ListingPage::default();
    for folder in output.common_prefixes() {
        let folder =
            folder.prefix().map(&decode).ok_or("the listing has a folder without a name")?;
        let name = inside(&folder, prefix)?;
        let groups =
            delimiter.and_then(|delimiter| name.strip_suffix(delimiter).zip(Some(delimiter)));
        if groups.is_none_or(|(name, delimiter)| name.contains(delimiter)) {
            return Err(UNGROUPED);
        }
        page.folders.push(folder);
    }
    for object in output.contents() {
        let key = object.key().map(&decode).ok_or("the listing has an object without a key")?;
        let name = inside(&key, prefix)?;
        if delimiter.is_some_and(|delimiter| name.contains(delimiter)) {
            return Err(UNGROUPED);
        }
        let size = object.size().and_then(|n| u64::try_from(n).ok());
        page.objects.push(PageObject {
            size: size.ok_or("the listing has an object without a size")?,
            modified: object.last_modified().and_then(timestamp),
            etag: object.e_tag().map(str::to_owned),
            key,
        });
    }
    Ok(page)
}

const UNGROUPED: &str = "the listing is not grouped by folders as requested";

fn inside<'k>(key: &'k str, prefix: &str) -> Result<&'k str, &'static str> {
    key.strip_prefix(prefix).ok_or("the listing has keys outside the requested prefix")
}

fn timestamp(time: &DateTime) -> Option<Timestamp> {
    Timestamp::from_second(time.secs()).ok()
}

/// The MD5 that an ETag states; `None` for an object that was uploaded in parts. What a KMS key
/// encrypts has an ETag of the same form that is no MD5.
pub(super) fn md5(etag: &str) -> Option<[u8; 16]> {
    let mut value = [0; 16];
    hex::decode_to_slice(etag.trim_matches('"'), &mut value).ok().map(|()| value)
}

/// Undoes the encoding of keys in listings: `%XX`, and `+` for a space.
fn url_decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::types::{CommonPrefix, Object};

    use super::*;

    const REQUEST: ListRequest<'_> =
        ListRequest { prefix: "a b/", delimiter: Some("/"), after: None, limit: None };

    fn answer(echo: Option<&str>, keys: &[&str], folders: &[&str]) -> ListObjectsV2Output {
        let folder = |text: &&str| CommonPrefix::builder().prefix(*text).build();
        ListObjectsV2Output::builder()
            .set_prefix(echo.map(str::to_owned))
            .encoding_type(EncodingType::Url)
            .set_contents(Some(
                keys.iter().map(|key| Object::builder().key(*key).size(0).build()).collect(),
            ))
            .set_common_prefixes(Some(folders.iter().map(folder).collect()))
            .build()
    }

    #[test]
    fn an_answer_is_one_to_the_request() {
        let fits = [
            answer(Some("a+b/"), &["a+b/x"], &["a%20b/y/"]),
            answer(Some("a b/"), &["a+b/"], &["a+b//"]),
            answer(None, &[], &[]),
        ];
        for output in fits {
            assert!(read(&output, &REQUEST).is_ok(), "{output:?}");
        }
        for (name, output) in [
            ("another prefix", answer(Some("a+c/"), &[], &[])),
            ("no prefix", answer(Some(""), &["a+b/x"], &[])),
            ("a key outside", answer(Some("a+b/"), &["a+b/x", "a+c/x"], &[])),
            ("a folder outside", answer(Some("a+b/"), &[], &["b/"])),
            ("a key of a folder below", answer(Some("a+b/"), &["a+b/c/x"], &[])),
            ("a folder of a folder", answer(Some("a+b/"), &[], &["a+b/c/d/"])),
            ("a folder that is none", answer(Some("a+b/"), &[], &["a+b/c"])),
        ] {
            assert!(read(&output, &REQUEST).is_err(), "{name}");
        }
    }

    fn page(keys: &[&str]) -> ListingPage {
        let object =
            |key: &&str| PageObject { key: (*key).to_owned(), size: 0, modified: None, etag: None };
        ListingPage { folders: Vec::new(), objects: keys.iter().map(object).collect() }
    }

    #[test]
    fn each_page_comes_further() {
        let mut progress = ListingProgress::default();
        assert!(progress.advance(&page(&["a", "b"])).is_ok());
        assert!(progress.advance(&page(&[])).is_ok());
        assert!(
            progress.advance(&page(&["b", "c"])).is_ok(),
            "a folder told of twice does no harm"
        );
        assert!(progress.advance(&page(&["b", "c"])).is_err());
        let mut empty = ListingProgress::default();
        assert!((0..MOST_EMPTY_PAGES).all(|_| empty.advance(&page(&[])).is_ok()));
        assert!(empty.advance(&page(&[])).is_err());
    }

    #[test]
    fn keys_in_listings_are_decoded() {
        for (encoded, key) in [
            ("a/b%2Bc+d", "a/b+c d"),
            ("%C3%A4%", "ä%"),
            ("%zz%2", "%zz%2"),
            ("%2%41%+%e4%B8%AD", "%2A% 中"),
            ("%ff%252B", "\u{fffd}%2B"),
            ("AWSLogs/1_CloudTrail.json.gz", "AWSLogs/1_CloudTrail.json.gz"),
        ] {
            assert_eq!(url_decode(encoded), key);
        }
    }

    #[test]
    fn an_md5_is_read_from_an_etag() {
        assert_eq!(md5("\"000102030405060708090a0b0c0d0e0f\"").map(|md5| md5[15]), Some(15));
        assert_eq!(md5("\"000102030405060708090a0b0c0d0e0f-2\""), None);
        assert_eq!(md5(""), None);
    }
}
