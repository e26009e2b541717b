//! CloudTrail as what a verification may ask.

use serde_json::json;

use crate::aws::{Aws, CloudTrailKeys, TrailLookup, Trails, is_known};
use crate::crypto::{PublicKey, read_key_list};
use crate::model::{ChainId, Region, Window};
use crate::run::verify::{CloudTrail, LoggingStatus, TrailAnswer};

/// CloudTrail, asked with the credentials of the run.
pub(crate) struct LiveCloudTrail {
    keys: CloudTrailKeys,
    trails: Trails,
    /// The regions that the user names.
    named: Vec<Region>,
}

impl LiveCloudTrail {
    pub(crate) fn new(aws: Aws, named: &[Region]) -> Self {
        let keys = CloudTrailKeys::new(aws.clone());
        Self { keys, trails: Trails::new(aws), named: named.to_vec() }
    }

    /// A region may be asked that is one of AWS's, or that the user names: a bucket's folder may
    /// name any.
    fn check(&self, region: &Region) -> Result<(), String> {
        if is_known(region) || self.named.contains(region) {
            return Ok(());
        }
        Err(format!(
            "this version does not know the region {region}, which only a folder name in the bucket mentions, so CloudTrail was not asked there; use --region {region} to ask it"
        ))
    }
}

impl CloudTrail for LiveCloudTrail {
    fn keys(&self, region: &Region, window: Window) -> Result<Vec<PublicKey>, String> {
        self.check(region)?;
        let published = self.keys.list(region, window)?;
        if published.count() == 0 {
            return Ok(Vec::new());
        }
        let list = json!({ region.as_str(): published.list() });
        let source = format!("CloudTrail ListPublicKeys {region}");
        read_key_list(&source, &list).map_err(|error| error.to_string())
    }

    fn trail(&self, chain: &ChainId) -> Result<TrailAnswer, String> {
        self.check(&chain.region)?;
        Ok(match self.trails.trail(chain)? {
            TrailLookup::NotListed => TrailAnswer::NotListed,
            TrailLookup::OfOther => TrailAnswer::OfOther,
            TrailLookup::Elsewhere(place) => TrailAnswer::Elsewhere(place),
            TrailLookup::Here(status) => TrailAnswer::Status(LoggingStatus {
                latest_digest: status.latest_digest,
                delivery_error: status.delivery_error,
                stopped: status.stopped.filter(|_| !status.logging),
            }),
        })
    }
}
