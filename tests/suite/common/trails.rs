//! Several trails in one bucket, each with digests and log files of its own.

use jiff::Timestamp;
use serde_json::{Value, json};
use trailseal::internals::model::{
    BucketName, ChainKind, DigestKey, LogEntry, Region, Sha256Hash, TrailName,
};
use trailseal::internals::seal::Draft;

use crate::common::{ACCOUNT, BUCKET, REGION, Report, TRAIL, Tree, gzip, key, place};

/// A trail in a region; its home is `REGION`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trail {
    pub name: &'static str,
    pub region: &'static str,
    unique: &'static str,
}

/// The trail that tests are about.
pub(crate) const AUDIT: Trail = Trail { name: TRAIL, region: REGION, unique: "AAAAAAAAAAAAAAAA" };
/// The same in another region.
pub(crate) const ABROAD: Trail =
    Trail { name: TRAIL, region: "eu-west-1", unique: "EEEEEEEEEEEEEEEE" };
/// Another trail, which records what is done to the first.
pub(crate) const WITNESS: Trail =
    Trail { name: "witness", region: REGION, unique: "WWWWWWWWWWWWWWWW" };

/// An event of the trail `AUDIT` in its home region.
pub(crate) fn event(name: &str, time: Timestamp) -> Value {
    json!({
        "eventTime": time.to_string(),
        "eventSource": "cloudtrail.amazonaws.com",
        "eventName": name,
        "awsRegion": REGION,
        "sourceIPAddress": "192.0.2.7",
        "eventID": format!("{name}-{time}"),
        "userIdentity": {"type": "IAMUser", "arn": format!("arn:aws:iam::{ACCOUNT}:user/ops")},
        "requestParameters": {"name": TRAIL},
        "responseElements": null,
    })
}

/// An UpdateTrail after which this field of the trail has this value.
pub(crate) fn update(field: &str, value: bool, time: Timestamp) -> Value {
    let mut event = event("UpdateTrail", time);
    event["responseElements"] = json!({ field: value });
    event
}

impl Trail {
    pub(crate) fn digest_key(self, end: Timestamp) -> String {
        self.digest_name(end).to_string()
    }

    fn digest_name(self, end: Timestamp) -> DigestKey {
        DigestKey {
            place: place(),
            region: Region::parse(self.region).unwrap(),
            trail: TrailName::parse(self.name).unwrap(),
            home_region: Region::parse(REGION).unwrap(),
            kind: ChainKind::Standard,
            end,
        }
    }

    pub(crate) fn log_key(self, time: Timestamp) -> String {
        use trailseal::internals::model::time::{day_folder, format_compact_minutes};
        format!(
            "AWSLogs/{ACCOUNT}/CloudTrail/{0}/{1}/{ACCOUNT}_CloudTrail_{0}_{2}_{3}.json.gz",
            self.region,
            day_folder(time),
            format_compact_minutes(time),
            self.unique
        )
    }

    /// Writes a log file with these events.
    pub(crate) fn log(self, tree: &Tree, time: Timestamp, events: &[Value]) {
        self.log_text(tree, time, &json!({ "Records": events }).to_string());
    }

    pub(crate) fn log_text(self, tree: &Tree, time: Timestamp, text: &str) {
        tree.write(&self.log_key(time), &gzip(text.as_bytes()));
    }

    /// Writes a segment: a digest between each two of these times, with the log files that are
    /// there and named within its time.
    pub(crate) fn segment(self, tree: &Tree, cuts: &[Timestamp]) {
        let mut previous = None;
        for window in cuts.windows(2) {
            let (start, end) = (window[0], window[1]);
            let minutes = (0..).map(|n| start + jiff::SignedDuration::from_mins(n));
            let log_files = minutes
                .take_while(|time| *time < end)
                .map(|time| self.log_key(time))
                .filter(|key| tree.path(key).exists())
                .map(|key| self.entry(tree, key, start))
                .collect();
            let draft = Draft {
                name: self.digest_name(end),
                bucket: BucketName::parse(BUCKET).unwrap(),
                start,
                previous,
                log_files,
                made: end,
            };
            let sealed = draft.seal(key()).unwrap();
            tree.put(&sealed);
            previous = Some(sealed.head.previous);
        }
    }

    fn entry(self, tree: &Tree, key: String, time: Timestamp) -> LogEntry {
        let bytes = crate::common::gunzip(&std::fs::read(tree.path(&key)).unwrap());
        LogEntry {
            bucket: BUCKET.into(),
            object: key.into(),
            hash: Sha256Hash::of(&bytes),
            newest: Some(time),
            oldest: Some(time),
        }
    }
}

/// The times from one hour to another, each an hour after the last.
pub(crate) fn hourly(from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
    let hours = (0..).map(|n| from + jiff::SignedDuration::from_hours(n));
    hours.take_while(|time| *time <= to).collect()
}

/// The findings of a code: severity, start and end.
pub(crate) fn found(report: &Report, code: &str) -> Vec<(String, String, String)> {
    let text = |v: &Value| v.as_str().unwrap_or("").to_owned();
    let of_code = report.findings().iter().filter(|f| f["code"] == code);
    of_code.map(|f| (text(&f["severity"]), text(&f["start"]), text(&f["end"]))).collect()
}

/// The messages of the findings of a code, one a line.
pub(crate) fn messages(report: &Report, code: &str) -> String {
    let of_code = report.findings().iter().filter(|f| f["code"] == code);
    of_code.map(|f| format!("{}\n", f["message"].as_str().unwrap())).collect()
}
