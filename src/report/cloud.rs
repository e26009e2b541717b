//! What AWS calls the things that a report names: partitions, ARNs, addresses of objects.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::{ChainReport, RunReport};
use crate::model::{AccountId, ChainId, DigestKey, LogKey, Region};
use crate::verify::Finding;

/// Stands for an account that nothing tells; AWS gives it to nobody.
pub(super) const NO_ACCOUNT: &str = "000000000000";
/// Stands for a region that nothing tells.
pub(super) const NO_REGION: &str = "us-east-1";

/// Everything but what RFC 3986 leaves unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same, and slashes stay.
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

/// The address of an object as a URI: `s3://BUCKET/KEY`, or relative where the bucket is not known.
///
/// `None` for a key that a reader of addresses would take for another: with a part `.` or `..`,
/// and without a bucket one that begins with a slash.
pub(super) fn uri(bucket: Option<&str>, key: &str) -> Option<String> {
    let elsewhere = key.split('/').any(|part| matches!(part, "." | ".."));
    let path = utf8_percent_encode(key, RESERVED_IN_PATHS);
    match bucket {
        _ if elsewhere => None,
        Some(bucket) => Some(format!("s3://{}/{path}", utf8_percent_encode(bucket, RESERVED))),
        None if key.starts_with('/') => None,
        None => Some(path.to_string()),
    }
}

/// The account and region that a finding is of, as far as its chain or its key tells; else those
/// of the whole run.
pub(super) fn home_of(report: &RunReport, finding: &Finding) -> (String, String) {
    let told = |account: &AccountId, region: &Region| (account.to_string(), region.to_string());
    if let Some(chain) = &finding.chain {
        return told(&chain.place.account, &chain.region);
    }
    let key = finding.key.as_deref().unwrap_or_default();
    if let Some(digest) = DigestKey::parse(key) {
        return told(&digest.place.account, &digest.region);
    }
    LogKey::parse(key).map_or_else(|| home(report), |log| told(&log.place.account, &log.region))
}

/// The account and region that stand for the whole run: those of the first chain, else the first
/// that were asked for, else those of nobody.
pub(super) fn home(report: &RunReport) -> (String, String) {
    if let Some(chain) = report.chains.first() {
        return (chain.account.to_string(), chain.region.to_string());
    }
    let account = report.scope.accounts.iter().find_map(|a| AccountId::parse(a).ok());
    let region = report.scope.regions.iter().find_map(|r| Region::parse(r).ok());
    (
        account.map_or_else(|| NO_ACCOUNT.to_owned(), |a| a.to_string()),
        region.map_or_else(|| NO_REGION.to_owned(), |r| r.to_string()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_hold_any_key() {
        assert_eq!(uri(Some("b"), "a b/é?#%").as_deref(), Some("s3://b/a%20b/%C3%A9%3F%23%25"));
        assert_eq!(uri(Some("a/b:c"), "k").as_deref(), Some("s3://a%2Fb%3Ac/k"));
        assert_eq!(uri(None, "a:b/c").as_deref(), Some("a%3Ab/c"));
        assert_eq!(uri(Some("b"), "/k").as_deref(), Some("s3://b//k"));
        for key in ["../etc/passwd", "a/../b", "./a", "//host/share", "/etc/passwd"] {
            assert_eq!(uri(None, key), None, "{key}");
        }
        assert_eq!(uri(Some("b"), "a/../b"), None);
    }

    #[test]
    fn partitions_follow_regions() {
        let of = ["us-east-1", "cn-north-1", "us-gov-west-1", "us-iso-east-1", "us-isob-east-1"];
        let are = ["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b"];
        assert_eq!(of.map(partition), are);
    }
}
