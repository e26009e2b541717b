//! Keys of digests as the reference makes and reads them.

use jiff::Timestamp;

use super::ValidateRequest;
use crate::model::time::{format_compact_seconds, minutes, parse_compact_seconds, sub};

const SUFFIX: &str = ".json.gz";
const BACKFILL: &str = "_backfill.json.gz";
const TIME: usize = "YYYYMMDDTHHMMSSZ".len();

pub(super) fn is_backfill(key: &str) -> bool {
    key.ends_with(BACKFILL)
}

/// The part of a digest's key that is its end time; compared as text.
pub(super) fn time_text(key: &str) -> &str {
    let end = key.len().checked_sub(if is_backfill(key) { BACKFILL.len() } else { SUFFIX.len() });
    end.and_then(|end| key.get(end.checked_sub(TIME)?..end)).unwrap_or_default()
}

/// End of a digest, by its key.
pub(super) fn end_of(key: &str) -> Option<Timestamp> {
    parse_compact_seconds(time_text(key)).ok()
}

/// Folder and name prefix of a trail's digests.
pub(super) struct DigestNames {
    /// The prefix that is listed.
    pub(super) folder: String,
    /// Part of a digest's file name before its end time.
    file: String,
}

impl DigestNames {
    pub(super) fn new(request: &ValidateRequest) -> Self {
        let ValidateRequest { account, region, name, home_region, .. } = request;
        let prefix = request.prefix.as_ref().filter(|prefix| !prefix.is_empty());
        let prefix = prefix.map(|prefix| format!("{prefix}/")).unwrap_or_default();
        let organization = request.organization.as_ref().map(|id| format!("{id}/"));
        let organization = organization.unwrap_or_default();
        Self {
            folder: format!("{prefix}AWSLogs/{organization}{account}/CloudTrail-Digest/{region}"),
            file: format!("{account}_CloudTrail-Digest_{region}_{name}_{home_region}_"),
        }
    }

    /// The key after which listing begins: that of a digest one minute before the start.
    pub(super) fn before(&self, start: Timestamp) -> String {
        let time = sub(start, minutes(1));
        let day = time.strftime("%Y/%m/%d");
        format!("{}/{day}/{}{}{SUFFIX}", self.folder, self.file, format_compact_seconds(time))
    }

    /// True if a key is that of a digest of the trail.
    pub(super) fn has(&self, key: &str) -> bool {
        let Some(rest) = key.strip_prefix(&self.folder).and_then(|r| r.strip_prefix('/')) else {
            return false;
        };
        let mut parts = rest.splitn(4, '/');
        let numbers = parts
            .by_ref()
            .take(3)
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
        let name = parts.next().and_then(|name| name.strip_prefix(&self.file));
        let time = name.and_then(|name| name.strip_suffix(SUFFIX));
        numbers && time.is_some_and(|time| !time.is_empty() && !time.contains('\n'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "p/AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/03/01/111122223333_CloudTrail-Digest_eu-west-1_audit_us-east-1_20260301T010000Z";

    fn names() -> DigestNames {
        DigestNames::new(&ValidateRequest {
            name: "audit".into(),
            account: "111122223333".into(),
            home_region: "us-east-1".into(),
            region: "eu-west-1".into(),
            organization: None,
            bucket: "b".into(),
            prefix: Some("p".into()),
            start: Timestamp::UNIX_EPOCH,
            end: Timestamp::UNIX_EPOCH,
            jobs: std::num::NonZero::<usize>::MIN,
            stop: super::super::Stop::default(),
        })
    }

    #[test]
    fn the_trails_own_digests_are_told_from_others() {
        let names = names();
        for (key, own) in [
            (format!("{KEY}.json.gz"), true),
            (format!("{KEY}_backfill.json.gz"), true),
            (format!("{KEY}.json"), false),
            (KEY.replace("audit", "audit_2") + ".json.gz", false),
            (KEY.replace("2026/03/01", "2026/03/xx") + ".json.gz", false),
            (KEY.replace("p/AWS", "AWS") + ".json.gz", false),
        ] {
            assert_eq!(names.has(&key), own, "{key}");
        }
    }

    #[test]
    fn the_end_stands_in_the_name() {
        for suffix in [SUFFIX, BACKFILL] {
            let key = format!("{KEY}{suffix}");
            assert_eq!(end_of(&key).unwrap().to_string(), "2026-03-01T01:00:00Z");
        }
        assert_eq!(end_of("x.json.gz"), None);
        let start = "2026-03-01T01:01:00Z".parse().unwrap();
        assert_eq!(names().before(start), format!("{KEY}.json.gz"));
    }
}
