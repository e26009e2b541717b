//! The regions of AWS. What a bucket's folder names as a region may be anything, and an endpoint's
//! host name is made of it: only of known regions, and those that the user names, is anything
//! asked.

use crate::model::Region;

/// The regions of every partition, as the SDK lists them (2026-11).
const KNOWN: [&str; 46] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "cn-north-1",
    "cn-northwest-1",
    "eu-central-1",
    "eu-central-2",
    "eu-isoe-west-1",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eusc-de-east-1",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-gov-east-1",
    "us-gov-west-1",
    "us-iso-east-1",
    "us-iso-west-1",
    "us-isob-east-1",
    "us-isob-west-1",
    "us-isof-east-1",
    "us-isof-south-1",
    "us-west-1",
    "us-west-2",
];
/// True if a region is one of AWS's.
#[must_use]
pub fn is_known(region: &Region) -> bool {
    KNOWN.contains(&region.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_of_every_partition_are_known_and_others_are_not() {
        for known in
            ["us-west-2", "cn-north-1", "us-gov-west-1", "us-isob-east-1", "eusc-de-east-1"]
        {
            assert!(is_known(&Region::parse(known).unwrap()), "{known}");
        }
        for other in ["xx-attack-1", "us-east-9", "cn-evil-1", "a-1"] {
            assert!(!is_known(&Region::parse(other).unwrap()), "{other}");
        }
        for host in
            ["evil.com#-east-1", "evil.com-1", "us-east-1/x-1", "us-east-1:443-1", "us-e@b-1"]
        {
            assert!(Region::parse(host).is_err(), "{host}: no region has such a name");
        }
    }
}
