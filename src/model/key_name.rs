//! The grammar of object keys: one type for each kind of key that both parses and formats.
//!
//! Keys are parsed from the right, because a prefix may hold anything, `AWSLogs` and
//! organization ids too, and a trail's name may hold `_` and `.`: the account and the regions,
//! which hold neither, anchor the rest. What is parsed formats back to the same key, byte for
//! byte.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::{AccountId, OrganizationId, Region, TrailName};
use super::time;

/// The folder that CloudTrail, like other AWS services, writes under.
pub const AWS_LOGS: &str = "AWSLogs";
/// The folder of digests beside those of the log kinds.
pub const DIGEST_FOLDER: &str = "CloudTrail-Digest";
pub(super) const SUFFIX: &str = ".json.gz";
pub(super) const BACKFILL: &str = "_backfill";

/// Location of an account's folders in a bucket: `[<prefix>/]AWSLogs/[<organization>/]<account>/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Prefix before `AWSLogs`, with its closing slash; may be empty.
    pub prefix: String,
    /// The organization's folder, for an organization trail.
    pub organization: Option<OrganizationId>,
    /// The account that the events are of.
    pub account: AccountId,
}

impl Place {
    /// The key of the account's folder, with its closing slash.
    #[must_use]
    pub fn folder(&self) -> String {
        self.to_string()
    }

    /// Reads the components that stand before a service folder.
    pub(super) fn parse(components: &[&str]) -> Option<Self> {
        let (account, before) = components.split_last()?;
        let account = AccountId::parse(account).ok()?;
        let (last, before_last) = before.split_last()?;
        let (organization, before_logs) = if *last == AWS_LOGS {
            (None, before_last)
        } else {
            let (logs, before_logs) = before_last.split_last()?;
            if *logs != AWS_LOGS {
                return None;
            }
            (Some(OrganizationId::parse(last).ok()?), before_logs)
        };
        let prefix = before_logs.iter().fold(String::new(), |prefix, part| prefix + part + "/");
        Some(Self { prefix, organization, account })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{AWS_LOGS}/", self.prefix)?;
        if let Some(organization) = &self.organization {
            write!(f, "{organization}/")?;
        }
        write!(f, "{}/", self.account)
    }
}

/// Kind of a chain: the hourly one, or the one for logs that processing delays kept out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChainKind {
    /// The hourly digests.
    Standard,
    /// The digests named `..._backfill`.
    Backfill,
}

/// A digest's key, taken apart:
/// `<place>CloudTrail-Digest/<region>/<YYYY>/<MM>/<DD>/<account>_CloudTrail-Digest_<region>_<trail>_<home-region>_<end>[_backfill].json.gz`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DigestKey {
    /// The account's folder.
    pub place: Place,
    /// The region that delivered the digest.
    pub region: Region,
    /// The trail.
    pub trail: TrailName,
    /// The region in which the trail was created.
    pub home_region: Region,
    /// Standard or backfill.
    pub kind: ChainKind,
    /// digestEndTime, which also names the day's folder.
    pub end: Timestamp,
}

impl DigestKey {
    /// Takes a key apart; `None` when it is not a digest's.
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        let path = KeyPath::parse(key)?;
        if path.folder != DIGEST_FOLDER {
            return None;
        }
        let stem = path.stem(DIGEST_FOLDER)?;
        let (stem, kind) = match stem.strip_suffix(BACKFILL) {
            Some(stem) => (stem, ChainKind::Backfill),
            None => (stem, ChainKind::Standard),
        };
        let (names, end) = stem.rsplit_once('_')?;
        let end = time::parse_compact_seconds(end).ok()?;
        let (trail, home_region) = names.rsplit_once('_')?;
        (path.day == time::day_folder(end)).then_some(())?;
        Some(Self {
            trail: TrailName::parse(trail).ok()?,
            home_region: Region::parse(home_region).ok()?,
            kind,
            end,
            place: path.place,
            region: path.region,
        })
    }

    /// The same chain's digest with another end.
    #[must_use]
    pub fn with_end(&self, end: Timestamp) -> Self {
        Self { end, ..self.clone() }
    }

    /// True if both are digests of one trail, delivered from one region, of one kind, wherever
    /// they lie: a trail's bucket and prefix may change, the rest may not.
    #[must_use]
    pub fn same_trail(&self, other: &Self) -> bool {
        self.place.account == other.place.account
            && self.region == other.region
            && self.trail == other.trail
            && self.home_region == other.home_region
            && self.kind == other.kind
    }
}

impl fmt::Display for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, region, trail, home_region, kind, end } = self;
        let suffix = if *kind == ChainKind::Backfill { BACKFILL } else { "" };
        write!(
            f,
            "{place}{DIGEST_FOLDER}/{region}/{}/{}_{DIGEST_FOLDER}_{region}_{trail}_{home_region}_{}{suffix}{SUFFIX}",
            time::day_folder(*end),
            place.account,
            time::format_compact_seconds(*end),
        )
    }
}

/// Kind of events in a log file; also the name of its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LogKind {
    /// Management and data events.
    CloudTrail,
    /// Insights events.
    Insight,
    /// Network activity events.
    NetworkActivity,
    /// Aggregated events.
    Aggregated,
}

impl LogKind {
    /// Every kind.
    pub const ALL: [Self; 4] =
        [Self::CloudTrail, Self::Insight, Self::NetworkActivity, Self::Aggregated];

    /// Name of the folder, also part of the file's name.
    #[must_use]
    pub const fn folder(self) -> &'static str {
        match self {
            Self::CloudTrail => "CloudTrail",
            Self::Insight => "CloudTrail-Insight",
            Self::NetworkActivity => "CloudTrail-NetworkActivity",
            Self::Aggregated => "CloudTrail-Aggregated",
        }
    }

    /// The kind of a folder's name.
    #[must_use]
    pub fn of_folder(folder: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.folder() == folder)
    }
}

/// A log file's key, taken apart:
/// `<place><KIND>/<region>/<YYYY>/<MM>/<DD>/<account>_<KIND>_<region>_<time>_<unique>.json.gz`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogKey {
    /// The account's folder.
    pub place: Place,
    /// Kind of events in the file.
    pub kind: LogKind,
    /// The region that delivered the file.
    pub region: Region,
    /// The day's folder, `YYYY/MM/DD`. It need not be the day of `time`, which is rounded up.
    pub day: String,
    /// The newest event's time rounded up to 5 minutes: not a statement of when the file was
    /// delivered.
    pub time: Timestamp,
    /// True if `_` stands before the unique part; in old names it may be absent.
    pub underscore: bool,
    /// The part that tells files of the same minute apart: letters and digits.
    pub unique: String,
}

impl LogKey {
    /// Takes a key apart; `None` when it is not a log file's.
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        let path = KeyPath::parse(key)?;
        let kind = LogKind::of_folder(path.folder)?;
        let stem = path.stem(kind.folder())?;
        let (time, rest) = stem.split_at_checked("YYYYMMDDTHHMMZ".len())?;
        let time = time::parse_compact_minutes(time).ok()?;
        let (unique, underscore) = match rest.strip_prefix('_') {
            Some(unique) => (unique, true),
            None => (rest, false),
        };
        if unique.is_empty()
            || unique.len() > 64
            || !unique.bytes().all(|b| b.is_ascii_alphanumeric())
        {
            return None;
        }
        let unique = unique.to_owned();
        let day = path.day.to_owned();
        Some(Self { kind, day, time, underscore, unique, place: path.place, region: path.region })
    }
}

impl fmt::Display for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, kind, region, day, time, underscore, unique } = self;
        let kind = kind.folder();
        write!(
            f,
            "{place}{kind}/{region}/{day}/{}_{kind}_{region}_{}{}{unique}{SUFFIX}",
            place.account,
            time::format_compact_minutes(*time),
            if *underscore { "_" } else { "" },
        )
    }
}

/// Fields in the folders of a key, for digests and log files alike.
struct KeyPath<'a> {
    place: Place,
    folder: &'a str,
    region: Region,
    day: &'a str,
    name: &'a str,
}

impl<'a> KeyPath<'a> {
    fn parse(key: &'a str) -> Option<Self> {
        let components: Vec<&str> = key.split('/').collect();
        let [before @ .., folder, region, year, month, day, name] = components.as_slice() else {
            return None;
        };
        let digits = |text: &str, n| text.len() == n && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(year, 4) || !digits(month, 2) || !digits(day, 2) {
            return None;
        }
        let day_end = key.len() - name.len() - 1;
        let day = key.get(day_end - "YYYY/MM/DD".len()..day_end)?;
        let region = Region::parse(region).ok()?;
        Some(Self { place: Place::parse(before)?, folder, region, day, name })
    }

    /// The file's name without `<account>_<folder>_<region>_` and `.json.gz`.
    fn stem(&self, folder: &str) -> Option<&'a str> {
        self.name
            .strip_suffix(SUFFIX)?
            .strip_prefix(self.place.account.as_str())?
            .strip_prefix('_')?
            .strip_prefix(folder)?
            .strip_prefix('_')?
            .strip_prefix(self.region.as_str())?
            .strip_prefix('_')
    }
}

/// Kind of an object, by its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectName {
    /// A digest.
    Digest(DigestKey),
    /// A log file.
    Log(LogKey),
    /// No form that CloudTrail's digests and log files have.
    Unknown,
}

impl ObjectName {
    /// Parses a key.
    #[must_use]
    pub fn parse(key: &str) -> Self {
        if let Some(digest) = DigestKey::parse(key) {
            Self::Digest(digest)
        } else if let Some(log) = LogKey::parse(key) {
            Self::Log(log)
        } else {
            Self::Unknown
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DIGEST: &str = "AWSLogs/218007301253/CloudTrail-Digest/us-east-1/2023/07/10/218007301253_CloudTrail-Digest_us-east-1_real_trail_us-east-1_20230710T120000Z.json.gz";
    const LOG: &str = "AWSLogs/218007301253/CloudTrail/us-east-1/2023/07/10/218007301253_CloudTrail_us-east-1_20230710T1145Z_7xgocspSowgK0Gto.json.gz";

    #[test]
    fn takes_the_documented_keys_apart() {
        let digest = DigestKey::parse(DIGEST).unwrap();
        assert_eq!(digest.trail.as_str(), "real_trail");
        assert_eq!(digest.home_region.as_str(), "us-east-1");
        assert_eq!(digest.end.to_string(), "2023-07-10T12:00:00Z");
        assert_eq!(digest.kind, ChainKind::Standard);
        assert_eq!(digest.to_string(), DIGEST);
        let log = LogKey::parse(LOG).unwrap();
        assert_eq!((log.kind, log.unique.as_str()), (LogKind::CloudTrail, "7xgocspSowgK0Gto"));
        assert_eq!(log.to_string(), LOG);
    }

    #[test]
    fn a_prefix_may_hold_anything_also_an_organization() {
        for (prefix, organization) in [
            ("o-x/", Some("o-x")),
            ("AWSLogs/o-x/", Some("o-x")),
            ("AWSLogs/111122223333/", None),
            ("a//b/", None),
            ("/", None),
            ("", Some("o-exampleorgid")),
        ] {
            let org = organization.map_or(String::new(), |o| format!("{o}/"));
            let key = format!("{prefix}{}", DIGEST.replace("AWSLogs/", &format!("AWSLogs/{org}")));
            let digest = DigestKey::parse(&key).unwrap();
            assert_eq!(digest.place.prefix, prefix);
            assert_eq!(
                digest.place.organization.as_ref().map(OrganizationId::as_str),
                organization
            );
            assert_eq!(digest.to_string(), key);
        }
    }

    #[test]
    fn trails_whose_names_extend_each_other_are_told_apart() {
        // The AWS CLI's pattern takes the second for a digest of trail `foo`.
        let name = |trail: &str| DIGEST.replace("real_trail", trail);
        let foo = DigestKey::parse(&name("foo")).unwrap();
        let longer = DigestKey::parse(&name("foo_us-east-1_bar")).unwrap();
        assert_eq!(foo.trail.as_str(), "foo");
        assert_eq!(longer.trail.as_str(), "foo_us-east-1_bar");
        assert!(!foo.same_trail(&longer));
    }

    #[test]
    fn refuses_keys_that_contradict_themselves() {
        for (from, to) in [
            ("2023/07/10", "2023/07/11"),
            ("_us-east-1_real", "_us-west-2_real"),
            ("/218007301253_", "/218007301254_"),
            (".json.gz", ".json"),
            ("T120000Z", "T1200Z"),
            ("real_trail", "r!"),
            ("CloudTrail-Digest/", "CloudTrail/"),
        ] {
            assert!(DigestKey::parse(&DIGEST.replacen(from, to, 1)).is_none(), "{from} {to}");
        }
        assert!(LogKey::parse(&LOG.replace("7xgo", "7x-o")).is_none());
        assert!(LogKey::parse(&LOG.replace("/218007301253_", "/218007301254_")).is_none());
        assert!(LogKey::parse(&LOG.replace("/218007301253/", "/nobody/")).is_none());
        assert_eq!(ObjectName::parse(""), ObjectName::Unknown);
    }

    #[test]
    fn old_log_names_lack_the_underscore() {
        let old = LOG.replace("Z_7xgo", "Z7xgo");
        let log = LogKey::parse(&old).unwrap();
        assert!(!log.underscore);
        assert_eq!(log.to_string(), old);
    }

    fn place() -> impl Strategy<Value = Place> {
        (
            "([a-zA-Z0-9._-]{1,8}/|AWSLogs/|o-abc/|/){0,3}",
            "[0-9]{12}",
            proptest::option::of("o-[a-z0-9]{1,32}"),
        )
            .prop_map(|(prefix, account, organization)| Place {
                prefix,
                organization: organization.map(|o| OrganizationId::parse(&o).unwrap()),
                account: AccountId::parse(&account).unwrap(),
            })
    }

    fn region() -> impl Strategy<Value = Region> {
        "[a-z]{2}(-[a-z]{2,9}){1,2}-[0-9]".prop_map(|r| Region::parse(&r).unwrap())
    }

    fn moment() -> impl Strategy<Value = Timestamp> {
        (0_i64..4_102_444_800).prop_map(|s| Timestamp::from_second(s).unwrap())
    }

    prop_compose! {
        fn digest_key()(
            place in place(), region in region(), trail in "[A-Za-z0-9._-]{3,128}",
            home_region in region(), backfill: bool, end in moment(),
        ) -> DigestKey {
            let kind = if backfill { ChainKind::Backfill } else { ChainKind::Standard };
            DigestKey { place, region, trail: TrailName::parse(&trail).unwrap(), home_region, kind, end }
        }
    }

    prop_compose! {
        fn log_key()(
            place in place(), region in region(), kind in 0..4_usize, underscore: bool,
            time in moment(), folder in moment(), unique in "[A-Za-z0-9]{16}",
        ) -> LogKey {
            let time = Timestamp::from_second(time.as_second() / 60 * 60).unwrap();
            let day = time::day_folder(folder);
            LogKey { place, kind: LogKind::ALL[kind], region, day, time, underscore, unique }
        }
    }

    proptest! {
        #[test]
        fn digest_keys_round_trip(key in digest_key()) {
            prop_assert_eq!(ObjectName::parse(&key.to_string()), ObjectName::Digest(key));
        }

        #[test]
        fn log_keys_round_trip(key in log_key()) {
            prop_assert_eq!(ObjectName::parse(&key.to_string()), ObjectName::Log(key));
        }

        #[test]
        fn whatever_parses_formats_back(key in "(.{0,8}/)?AWSLogs/(o-[a-z]/)?[0-9]{12}/CloudTrail(-Digest|-Insight)?/us-east-1/20[0-9]{2}/[0-9]{2}/[0-9]{2}/.{0,80}") {
            match ObjectName::parse(&key) {
                ObjectName::Digest(digest) => prop_assert_eq!(digest.to_string(), key),
                ObjectName::Log(log) => prop_assert_eq!(log.to_string(), key),
                ObjectName::Unknown => {}
            }
        }
    }
}
