//! The shape of what is gone of a chain: all that is older than some time, as where a lifecycle
//! rule expires objects, or all there was.
//!
//! S3 expires by age and at midnight UTC, so the oldest digest that is left lists log files that
//! expired before it. Such a shape proves nothing: whoever deletes the oldest objects leaves it,
//! too. It tells the reader which start leaves the losses out.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::finding::{Code, Finding, Severity};
use crate::model::time::{minutes, sub};
use crate::model::{BucketName, ChainId, LogKey, Window};

/// Number of log files from which on it is a pattern that all are gone.
const ALL_GONE: usize = 3;
/// Time by which the order of names may differ from that of delivery: a name lies up to five
/// minutes after its delivery, and up to a quarter of an hour before it.
const NAMES_MINUTES: i64 = 20;
/// Age, at its digest's start, of the name of a log file that was delivered late.
const LATE_MINUTES: i64 = 30;

/// A chain's oldest objects that are there and valid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Oldest {
    /// End of its oldest listed digest, even if outside the requested time.
    listed: Option<Timestamp>,
    /// The start of its oldest digest.
    digest: Option<Timestamp>,
    /// The start of the oldest digest that lists one of its log files.
    log: Option<Timestamp>,
    /// The oldest name of a log file that was not delivered late.
    named: Option<Timestamp>,
}

impl Oldest {
    /// Records a digest that is there, whatever it is.
    pub fn listed(&mut self, end: Timestamp) {
        self.listed = earliest(self.listed, end);
    }

    /// Records a valid digest.
    pub fn digest(&mut self, start: Timestamp) {
        self.digest = earliest(self.digest, start);
    }

    /// Records a valid log file that a digest of this time lists.
    pub fn log(&mut self, listed_in: Window, key: &str) {
        self.log = earliest(self.log, listed_in.start);
        let named = LogKey::parse(key).map(|log| log.time);
        let in_time = |named: &Timestamp| *named >= sub(listed_in.start, minutes(LATE_MINUTES));
        if let Some(named) = named.filter(in_time) {
            self.named = earliest(self.named, named);
        }
    }
}

impl Oldest {
    /// Takes up what is known of other objects of the chain.
    pub fn join(&mut self, other: Self) {
        let both = |own: Option<Timestamp>, other: Option<Timestamp>| match other {
            Some(other) => earliest(own, other),
            None => own,
        };
        *self = Self {
            listed: both(self.listed, other.listed),
            digest: both(self.digest, other.digest),
            log: both(self.log, other.log),
            named: both(self.named, other.named),
        };
    }
}

fn earliest(known: Option<Timestamp>, time: Timestamp) -> Option<Timestamp> {
    Some(known.map_or(time, |known| known.min(time)))
}

/// A shape: what it says, of which time, and the start that leaves its losses out.
struct Shape {
    message: String,
    window: Window,
    start: Option<Timestamp>,
}

/// The notices on the losses of chains that have a shape.
#[must_use]
pub fn loss_patterns(
    chains: &[(ChainId, Oldest)],
    start: Option<Timestamp>,
    findings: &[Finding],
) -> Vec<Finding> {
    let mut shapes = Vec::new();
    for (chain, oldest) in chains {
        let own = |code| {
            let own =
                findings.iter().filter(move |f| f.code == code && f.chain.as_ref() == Some(chain));
            own.filter(|f| f.severity == Severity::Violation)
        };
        let found = [
            of_logs(own(Code::LogMissing), *oldest),
            of_digests(own(Code::DigestMissing), *oldest, start),
        ];
        let found: Vec<_> = found.into_iter().flatten().collect();
        let start = found.iter().filter_map(|shape| shape.start).max();
        shapes.extend(found.into_iter().map(|shape| (chain, Shape { start, ..shape })));
    }
    // One start for all chains: each has minutes and seconds of its own.
    let latest = shapes.iter().filter_map(|(_, shape)| shape.start).max();
    let told = shapes.into_iter().map(|(chain, Shape { mut message, window, start })| {
        if let Some((start, latest)) = start.zip(latest) {
            let all = match start == latest {
                true => String::new(),
                false => format!(" (with {latest} it excludes those of all chains)"),
            };
            message.push_str(&format!(
                " If that is what happened, --start-time {start} excludes these losses{all}."
            ));
        }
        let bucket = chain.bucket.as_ref().map(BucketName::as_str);
        let finding = Finding::new(Code::LossPattern, message).chain(chain);
        finding.object(bucket, chain.place.folder()).window(window)
    });
    told.collect()
}

fn of_logs<'f>(missing: impl Iterator<Item = &'f Finding>, oldest: Oldest) -> Option<Shape> {
    let missing: Vec<_> = missing
        .filter_map(|f| {
            let listed_in = f.of_time()?;
            let log = f.key.as_deref().and_then(LogKey::parse);
            Some((listed_in, log.map_or(listed_in.start, |log| log.time)))
        })
        .collect();
    let number = missing.len();
    let first = missing.iter().map(|(listed_in, _)| listed_in.start).min()?;
    let newest_listed = missing.iter().map(|(listed_in, _)| listed_in.start).max()?;
    let end = missing.iter().map(|(listed_in, _)| listed_in.end).max()?;
    let newest = missing.iter().map(|(_, named)| *named).max()?;
    let window = Window::new(first, end);
    let Some(there) = oldest.log else {
        let message = format!(
            "All {number} log files are missing, but their digests exist: typical when a whole prefix was emptied."
        );
        return (number >= ALL_GONE).then_some(Shape { message, window, start: None });
    };
    let one_cut = newest_listed <= there
        && oldest.named.is_none_or(|named| sub(newest, minutes(NAMES_MINUTES)) <= named);
    let gone = match number {
        1 => format!("The oldest log file, named for {newest}, is missing"),
        _ => format!("All {number} log files up to the one named for {newest} are missing"),
    };
    let message =
        format!("{gone}, and no newer one: typical of a lifecycle rule that expires objects.");
    one_cut.then_some(Shape { message, window, start: Some(end) })
}

fn of_digests<'f>(
    missing: impl Iterator<Item = &'f Finding>,
    oldest: Oldest,
    start: Option<Timestamp>,
) -> Option<Shape> {
    let missing: Vec<_> = missing.filter_map(Finding::of_time).collect();
    let there = oldest.digest?;
    let last = missing.iter().map(|w| w.end).max()?;
    let first = missing.iter().map(|w| w.start).min()?;
    let first = start.map_or(first, |start| start.min(first));
    let message = format!(
        "All digests before {there} are missing, and none since: typical of a lifecycle rule that expires objects."
    );
    (last <= there && oldest.listed.is_none_or(|listed| last < listed)).then(|| Shape {
        message,
        window: Window::new(first, there),
        start: Some(there),
    })
}
