//! What goes wrong, and when.

use std::sync::Mutex;

use super::call::Call;
use super::lock;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// An HTTP status and its error code: 503 SlowDown, 403 AccessDenied, 500 InternalError, 404
    /// NoSuchKey, 400 ExpiredToken.
    Status(u16, &'static str),
    /// The connection is closed before the answer.
    Reset,
    /// The right headers, so many bytes of the body, then the connection is closed.
    ShortBody(usize),
    /// The right headers, then nothing.
    Stall,
    /// 200 with a page of HTML, as a captive portal answers.
    Garbage,
    /// An HTTP status and a body of so many bytes.
    ErrorOf(u16, u64),
    /// The right headers and so many bytes of the body, then nothing.
    StallAfter(usize),
    /// So many bytes of the body, and headers that state that length.
    Shorter(usize),
    /// So many bytes of the body, whose length no header states, and a proper end.
    Unstated(usize),
    /// The body inflated, as a store does that decodes Content-Encoding on the way.
    Inflated,
    /// The body inflated where the request does not accept gzip.
    InflatedUnlessAccepted,
    /// The body inflated, whose length no header states.
    InflatedUnstated,
    /// 403 with a region as the bucket's own.
    OtherRegion(&'static str),
    /// 301 with a host as the bucket's own, in the body alone.
    RedirectInBody(&'static str),
    /// A listing of another prefix, as a cache may answer.
    OtherPrefix,
    /// A listing of the prefix that was asked for, with keys outside of it.
    OtherKeys,
    /// A listing whose document lacks its last so many bytes.
    CutListing(usize),
    /// Pages without end.
    Endless(Endless),
}

/// What each page of a listing without end brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endless {
    /// The same keys and the same continuation token.
    SameToken,
    /// The same keys, and a new continuation token each time.
    SameKeys,
    /// Nothing, and a new continuation token each time.
    Nothing,
    /// 1,000 new keys below the prefix.
    NewKeys,
}

#[derive(Default)]
pub(super) struct Faults(Mutex<Vec<Planned>>);

struct Planned {
    verb: &'static str,
    text: String,
    fault: Fault,
    /// How many requests are let through first.
    spared: u32,
    /// `None`: lasting.
    left: Option<u32>,
}

/// The beginnings of `matching` that mean other requests than GETs of objects.
const VERBS: [(&str, &str); 5] = [
    ("list:", "LIST"),
    ("put:", "PUT"),
    ("head:", "HEAD"),
    ("keys:", "ListPublicKeys"),
    ("trails:", "DescribeTrails"),
];

impl Faults {
    pub(super) fn add(&self, matching: &str, fault: Fault, spared: u32, times: Option<u32>) {
        let (verb, text) = VERBS
            .iter()
            .find_map(|(start, verb)| Some((*verb, matching.strip_prefix(start)?)))
            .unwrap_or(("GET", matching));
        let planned = Planned { verb, text: text.to_owned(), fault, spared, left: times };
        lock(&self.0).push(planned);
    }

    pub(super) fn clear(&self) {
        lock(&self.0).clear();
    }

    /// The fault that a request meets, which then is one fewer.
    pub(super) fn meet(&self, call: &Call) -> Option<Fault> {
        let mut all = lock(&self.0);
        let planned = all.iter_mut().find(|planned| {
            planned.verb == call.verb
                && call.subject.contains(&planned.text)
                && planned.left != Some(0)
        })?;
        if planned.spared > 0 {
            planned.spared -= 1;
            return None;
        }
        if let Some(left) = &mut planned.left {
            *left -= 1;
        }
        Some(planned.fault)
    }
}
