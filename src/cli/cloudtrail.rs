//! CloudTrail as what a verification may ask.

use serde_json::json;

use crate::aws::{Aws, CloudTrailKeys, Trail, Trails};
use crate::crypto::{PublicKey, parse_key_file};
use crate::model::{ChainId, Region, Window};
use crate::run::verify::{CloudTrail, TrailAnswer, TrailStatus};

/// CloudTrail, asked with the credentials of the run.
pub(super) struct Online {
    keys: CloudTrailKeys,
    trails: Trails,
}

impl Online {
    pub(super) fn new(aws: Aws) -> Self {
        Self { keys: CloudTrailKeys::new(aws.clone()), trails: Trails::new(aws) }
    }
}

impl CloudTrail for Online {
    fn keys(&self, region: &Region, window: Window) -> Result<Vec<PublicKey>, String> {
        let published = self.keys.list(region, window)?;
        if published.count() == 0 {
            return Ok(Vec::new());
        }
        let text = json!({ region.as_str(): published.list() }).to_string();
        let source = format!("CloudTrail ListPublicKeys {region}");
        parse_key_file(&source, text.as_bytes()).map_err(|error| error.to_string())
    }

    fn trail(&self, chain: &ChainId) -> Result<TrailAnswer, String> {
        Ok(match self.trails.trail(chain)? {
            Trail::NotListed => TrailAnswer::NotListed,
            Trail::OfOther => TrailAnswer::OfOther,
            Trail::Elsewhere(place) => TrailAnswer::Elsewhere(place),
            Trail::Here(status) => TrailAnswer::Status(TrailStatus {
                latest_digest: status.latest_digest,
                delivery_error: status.delivery_error,
                stopped: status.stopped.filter(|_| !status.logging),
            }),
        })
    }
}
