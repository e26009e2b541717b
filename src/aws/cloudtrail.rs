//! The public keys that CloudTrail publishes.

use std::collections::BTreeMap;
use std::sync::Mutex;

use aws_sdk_cloudtrail::Client;
use aws_sdk_cloudtrail::primitives::DateTime;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::config::Aws;
use super::error::error_summary;
use super::response::ResponseKind;
use crate::model::{Region, Window};

/// Most keys of a region, which publishes a few each year: whoever answers with more is not
/// CloudTrail.
const MOST_KEYS: usize = 10_000;

/// Public keys that CloudTrail published for a region and time.
#[derive(Debug, Clone)]
pub struct PublishedKeys(Vec<Value>);

impl PublishedKeys {
    /// Number of keys.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The list as `aws cloudtrail list-public-keys` prints it.
    #[must_use]
    pub fn list(&self) -> Value {
        json!({ "PublicKeyList": self.0 })
    }
}

/// Client of ListPublicKeys that remembers each response.
pub struct CloudTrailKeys {
    aws: Aws,
    asked: Mutex<BTreeMap<Region, CachedKeys>>,
}

/// Response for a region.
struct CachedKeys {
    window: Window,
    result: Result<PublishedKeys, String>,
}

impl CloudTrailKeys {
    /// Makes a client; nothing is requested yet.
    #[must_use]
    pub fn new(aws: Aws) -> Self {
        Self { aws, asked: Mutex::default() }
    }

    /// The keys that were valid in a region at some moment of a window, perhaps more.
    ///
    /// # Errors
    /// What the service said, in a line.
    pub fn list(&self, region: &Region, window: Window) -> Result<PublishedKeys, String> {
        let mut asked = self.asked.lock().map_err(|_| "a thread failed before".to_owned())?;
        let mut window = whole_days(window);
        if let Some(known) = asked.get(region) {
            let covered = known.window.start <= window.start && window.end <= known.window.end;
            if covered || known.result.is_err() {
                return known.result.clone();
            }
            let Window { start, end } = known.window;
            window = Window::new(start.min(window.start), end.max(window.end));
        }
        let result = self.request(region, window);
        asked.insert(region.clone(), CachedKeys { window, result: result.clone() });
        result
    }

    /// Requests the keys of a window as it is, whatever was requested before.
    pub(super) fn request(&self, region: &Region, window: Window) -> Result<PublishedKeys, String> {
        let client = client(&self.aws, region);
        let mut keys = Vec::new();
        let mut pages = 0;
        let mut token = None;
        loop {
            let request = client
                .list_public_keys()
                .start_time(DateTime::from_secs(window.start.as_second()))
                .end_time(DateTime::from_secs(window.end.as_second()))
                .set_next_token(token.clone());
            let page = self.aws.wait(request.send()).map_err(|error| error_summary(&error))?;
            for key in page.public_key_list() {
                let value = key.value().map(|v| STANDARD.encode(v.as_ref()));
                keys.push(json!({
                    "Value": value,
                    "ValidityStartTime": key.validity_start_time().map(DateTime::as_secs_f64),
                    "ValidityEndTime": key.validity_end_time().map(DateTime::as_secs_f64),
                    "Fingerprint": key.fingerprint(),
                }));
            }
            let next = page.next_token;
            if next.is_none() {
                return Ok(PublishedKeys(keys));
            }
            pages += 1;
            if next == token || pages.max(keys.len()) > MOST_KEYS {
                return Err("CloudTrail's list of public keys has too many pages".to_owned());
            }
            token = next;
        }
    }
}

/// CloudTrail in a region.
pub(super) fn client(aws: &Aws, region: &Region) -> Client {
    let region = aws_sdk_cloudtrail::config::Region::new(region.to_string());
    let config = aws_sdk_cloudtrail::config::Builder::from(&aws.config)
        .region(region)
        .interceptor(aws.watch(ResponseKind::Other));
    Client::from_conf(config.build())
}

/// Whole days around a window: accounts of one region ask for nearly the same time, and this makes
/// it the same.
fn whole_days(window: Window) -> Window {
    const DAY: i64 = 86_400;
    let at = |second: i64| Timestamp::from_second(second).ok();
    let start = window.start.as_second().div_euclid(DAY) * DAY;
    let end = (window.end.as_second().div_euclid(DAY) + 1) * DAY;
    Window::new(at(start).unwrap_or(window.start), at(end).unwrap_or(window.end))
}
