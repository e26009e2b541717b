//! ListPublicKeys of CloudTrail, by regions.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::lock;

/// So few that three keys need a second page.
const PAGE: usize = 2;

#[derive(Default)]
pub(super) struct PublicKeys {
    regions: Mutex<BTreeMap<String, Vec<PublicKey>>>,
    denied: AtomicBool,
}

struct PublicKey {
    value: String,
    fingerprint: String,
    from: f64,
    to: f64,
}

/// The code of a refusal.
pub(super) type Refusal = &'static str;

impl PublicKeys {
    pub(super) fn publish(&self, region: &str, list_json: &str) {
        let json: Value = serde_json::from_str(list_json).expect("a key list is JSON");
        let list = json.get("PublicKeyList").or_else(|| json.get("publicKeyList"));
        let entries = list.and_then(Value::as_array).expect("a key list has PublicKeyList");
        let keys = entries.iter().map(PublicKey::read).collect();
        lock(&self.regions).insert(region.to_owned(), keys);
    }

    pub(super) fn deny(&self) {
        self.denied.store(true, Ordering::Relaxed);
    }

    /// The answer to a request's JSON.
    pub(super) fn list(&self, region: &str, request: &Value) -> Result<Value, Refusal> {
        if self.denied.load(Ordering::Relaxed) {
            return Err("AccessDeniedException");
        }
        // Without times, CloudTrail answers with the key of this moment.
        let now = || Timestamp::now().as_duration().as_secs_f64();
        let time = |name| request.get(name).and_then(Value::as_f64).unwrap_or_else(now);
        let (start, end) = (time("StartTime"), time("EndTime"));
        if start > end {
            return Err("InvalidTimeRangeException");
        }
        let skip = match request.get("NextToken") {
            None | Some(Value::Null) => 0,
            Some(token) => position(token, request).ok_or("InvalidTokenException")?,
        };

        let regions = lock(&self.regions);
        let valid = |key: &&PublicKey| key.from <= end && start <= key.to;
        let mut keys = regions.get(region).into_iter().flatten().filter(valid).skip(skip);
        let page: Vec<_> = keys.by_ref().take(PAGE).map(PublicKey::render).collect();
        let mut answer = json!({ "PublicKeyList": page });
        if keys.next().is_some() {
            answer["NextToken"] = format!("{}{}", question(request), skip + PAGE).into();
        }
        Ok(answer)
    }
}

/// How a token begins: it holds only for the times that it was given for.
fn question(request: &Value) -> String {
    let text = |name| request.get(name).map(Value::to_string).unwrap_or_default();
    hex::encode(format!("{} {}", text("StartTime"), text("EndTime"))) + "-"
}

fn position(token: &Value, request: &Value) -> Option<usize> {
    token.as_str()?.strip_prefix(&question(request))?.parse().ok()
}

impl PublicKey {
    fn read(entry: &Value) -> Self {
        let text = |name| entry.get(name).and_then(Value::as_str).expect("a key's text").to_owned();
        let time = |name| epoch_seconds(entry.get(name).expect("a key's validity"));
        Self {
            value: text("Value"),
            fingerprint: text("Fingerprint"),
            from: time("ValidityStartTime"),
            to: time("ValidityEndTime"),
        }
    }

    fn render(&self) -> Value {
        json!({
            "Value": self.value,
            "Fingerprint": self.fingerprint,
            "ValidityStartTime": self.from,
            "ValidityEndTime": self.to,
        })
    }
}

/// A time as a number, a number in quotes or ISO text.
fn epoch_seconds(time: &Value) -> f64 {
    let from_text = |text: &str| {
        let iso = || text.parse::<Timestamp>().ok().map(|t| t.as_duration().as_secs_f64());
        text.parse().ok().or_else(iso)
    };
    time.as_f64().or_else(|| from_text(time.as_str()?)).expect("a time")
}
