//! AWS's names of what a report names: partitions, ARNs, addresses of objects.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{ChainReport, RunReport};
use crate::model::{AccountId, ChainId, DigestKey, LogKey, Region};
use crate::verify::Finding;

/// Placeholder for an unknown account; AWS gives it to nobody.
pub(super) const NO_ACCOUNT: &str = "000000000000";
/// Placeholder for an unknown region.
pub(super) const NO_REGION: &str = "us-east-1";

/// Characters to be encoded: all but what RFC 3986 leaves unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Characters to be encoded in a path, where slashes stay.
const RESERVED_IN_PATHS: &AsciiSet = &RESERVED.remove(b'/');

/// The partition that a region lies in.
pub(super) fn partition(region: &str) -> &'static str {
    match region {
        r if r.starts_with("cn-") => "aws-cn",
        r if r.starts_with("us-gov-") => "aws-us-gov",
        r if r.starts_with("us-isob-") => "aws-iso-b",
        r if r.starts_with("us-isof-") => "aws-iso-f",
        r if r.starts_with("eu-isoe-") => "aws-iso-e",
        r if r.starts_with("us-iso-") => "aws-iso",
        r if r.starts_with("eusc-") => "aws-eusc",
        _ => "aws",
    }
}

/// The ARN of a chain's trail. That of an organization belongs to the management account; `None`
/// where it is not known.
pub(super) fn trail_arn(report: &RunReport, chain: &ChainReport) -> Option<String> {
    let owner = match chain.organization {
        None => Some(&chain.account),
        Some(_) => report.scope.management_account.as_ref(),
    }?;
    let ChainId { home_region, trail, .. } = &chain.id;
    let partition = partition(home_region.as_str());
    Some(format!("arn:{partition}:cloudtrail:{home_region}:{owner}:trail/{trail}"))
}

/// The ARN of a bucket, or of an object in it.
pub(super) fn s3_arn(partition: &str, bucket: &str, key: Option<&str>) -> String {
    match key {
        None => format!("arn:{partition}:s3:::{bucket}"),
        Some(key) => format!("arn:{partition}:s3:::{bucket}/{key}"),
    }
}

/// The path of an object as a relative URI: `BUCKET/KEY`, or `KEY` where the bucket is not known.
///
/// Relative, because code scanning refuses a whole file for one address of another scheme than that
/// of its checkout. `None` for what a reader of addresses would take for another place: an empty
/// part at the start, or a part `.` or `..`.
pub(super) fn path(bucket: Option<&str>, key: &str) -> Option<String> {
    let first = bucket.unwrap_or_default();
    let elsewhere = |part: &str| matches!(part, "." | "..");
    if elsewhere(first) || key.split('/').any(elsewhere) {
        return None;
    }
    let path = utf8_percent_encode(key, RESERVED_IN_PATHS);
    match bucket {
        Some("") => None,
        Some(bucket) => Some(format!("{}/{path}", utf8_percent_encode(bucket, RESERVED))),
        None if key.is_empty() || key.starts_with('/') => None,
        None => Some(path.to_string()),
    }
}

/// The account, region and trail that a finding is about, as far as its chain or its key tells.
pub(super) fn place_of(finding: &Finding) -> [Option<String>; 3] {
    if let Some(ChainId { place, region, trail, .. }) = &finding.chain {
        return [place.account.to_string(), region.to_string(), trail.to_string()].map(Some);
    }
    let key = finding.key.as_deref().unwrap_or_default();
    if let Some(DigestKey { place, region, trail, .. }) = DigestKey::parse(key) {
        return [place.account.to_string(), region.to_string(), trail.to_string()].map(Some);
    }
    match LogKey::parse(key) {
        Some(log) => [Some(log.place.account.to_string()), Some(log.region.to_string()), None],
        None => [None, None, None],
    }
}

/// The account and region that a finding is of, as far as its chain or its key tells; else those
/// of the whole run.
pub(super) fn home_of(report: &RunReport, finding: &Finding) -> (String, String) {
    match place_of(finding) {
        [Some(account), Some(region), _] => (account, region),
        _ => home(report),
    }
}

/// The account and region that stand for the whole run, the steadiest first, because findings are
/// filed under them: what was asked for, else the management account, else those of the first
/// chain, else those of nobody.
pub(super) fn home(report: &RunReport) -> (String, String) {
    let first = report.chains.first();
    let account = report.scope.accounts.iter().find_map(|a| AccountId::parse(a).ok());
    let account = account.or_else(|| report.scope.management_account.clone());
    let account = account.or_else(|| first.map(|chain| chain.account.clone()));
    let region = report.scope.regions.iter().find_map(|r| Region::parse(r).ok());
    let region = region.or_else(|| first.map(|chain| chain.home_region.clone()));
    (
        account.map_or_else(|| NO_ACCOUNT.to_owned(), |a| a.to_string()),
        region.map_or_else(|| NO_REGION.to_owned(), |r| r.to_string()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_hold_any_key_and_lead_nowhere_else() {
        assert_eq!(path(Some("b"), "a b/é?#%").as_deref(), Some("b/a%20b/%C3%A9%3F%23%25"));
        assert_eq!(path(Some("a/b:c"), "k").as_deref(), Some("a%2Fb%3Ac/k"));
        assert_eq!(path(None, "a:b/c").as_deref(), Some("a%3Ab/c"));
        assert_eq!(path(Some("b"), "/k").as_deref(), Some("b//k"));
        for key in ["../etc/passwd", "a/../b", "./a", "//host/share", "/etc/passwd", ""] {
            assert_eq!(path(None, key), None, "{key}");
        }
        for (bucket, key) in [("b", "a/../b"), ("..", "k"), (".", "k"), ("", "k")] {
            assert_eq!(path(Some(bucket), key), None, "{bucket} {key}");
        }
    }

    #[test]
    fn partitions_follow_regions() {
        let of = ["us-east-1", "cn-north-1", "us-gov-west-1", "us-iso-east-1", "us-isob-east-1"];
        let are = ["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b"];
        assert_eq!(of.map(partition), are);
    }
}
