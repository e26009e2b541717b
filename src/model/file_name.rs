//! File names alone, for copies whose folders do not say where they belong in a bucket.

use super::ids::{AccountId, Region};
use super::key_name::{AWS_LOGS, BACKFILL, DIGEST_FOLDER, DigestKey, LogKind, SUFFIX};
use super::time;

/// Statement of a file's name by itself, wherever the file lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileName {
    /// The account, the first part of the name.
    pub account: AccountId,
    /// The folder that such files lie in: digests, or a kind of log files.
    pub service: &'static str,
    /// True if it is a digest's.
    pub is_digest: bool,
    /// The region.
    pub region: Region,
    /// The day of the time in the name, `YYYY/MM/DD`: the folder of a digest, and mostly that of a
    /// log file.
    pub day: String,
}

impl FileName {
    /// Takes a file's name apart; `None` when it is neither a digest's nor a log file's.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (account, rest) = name.split_once('_')?;
        let account = AccountId::parse(account).ok()?;
        let (folder, rest) = rest.split_once('_')?;
        let (region, rest) = rest.split_once('_')?;
        let region = Region::parse(region).ok()?;
        let kind = LogKind::of_folder(folder);
        let service = match kind {
            Some(kind) => kind.folder(),
            None if folder == DIGEST_FOLDER => DIGEST_FOLDER,
            None => return None,
        };
        let stem = rest.strip_suffix(SUFFIX)?;
        let time = match kind {
            Some(_) => time::parse_compact_minutes(stem.get(.."YYYYMMDDTHHMMZ".len())?).ok()?,
            None => {
                let stem = stem.strip_suffix(BACKFILL).unwrap_or(stem);
                time::parse_compact_seconds(stem.rsplit_once('_')?.1).ok()?
            }
        };
        let day = time::day_folder(time);
        Some(Self { account, service, is_digest: kind.is_none(), region, day })
    }

    /// The key of the digest of that name in a bucket without prefix; `None` when it is none.
    #[must_use]
    pub fn digest(&self, name: &str) -> Option<DigestKey> {
        let Self { account, region, day, .. } = self;
        DigestKey::parse(&format!("{AWS_LOGS}/{account}/{DIGEST_FOLDER}/{region}/{day}/{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_account_service_region_and_day() {
        let digest = "111122223333_CloudTrail-Digest_us-east-1_a_b_eu-west-1_20260301T235959Z_backfill.json.gz";
        let name = FileName::parse(digest).unwrap();
        assert_eq!((name.account.as_str(), name.service), ("111122223333", "CloudTrail-Digest"));
        assert_eq!((name.region.as_str(), name.day.as_str()), ("us-east-1", "2026/03/01"));
        let key = name.digest(digest).unwrap();
        assert_eq!((key.trail.as_str(), key.home_region.as_str()), ("a_b", "eu-west-1"));

        let log =
            "111122223333_CloudTrail-Insight_us-east-1_20260301T0005Z_AAAABBBBCCCCDDDD.json.gz";
        let name = FileName::parse(log).unwrap();
        assert_eq!((name.is_digest, name.service), (false, "CloudTrail-Insight"));
        assert_eq!(name.digest(log), None);
        for other in [
            "",
            "._111122223333_CloudTrail_us-east-1_20260301T0005Z_AAAABBBBCCCCDDDD.json.gz",
            "111122223333_Config_us-east-1_20260301T0005Z_AAAABBBBCCCCDDDD.json.gz",
            "111122223333_CloudTrail_us-east-1_20260301T0005Z_AAAABBBBCCCCDDDD.json",
            "111122223333_CloudTrail-Digest_us-east-1_trail_us-east-1_2026.json.gz",
        ] {
            assert_eq!(FileName::parse(other), None, "{other}");
        }
    }
}
