//! What CloudTrail says of a trail: whether it logs, and what it delivered last.

use std::collections::BTreeMap;
use std::sync::Mutex;

use aws_sdk_cloudtrail::primitives::DateTime;
use jiff::Timestamp;

use super::cloudtrail::client;
use super::config::Aws;
use super::error::line;
use crate::model::{ChainId, Region};

/// A trail's delivery to one region, as GetTrailStatus tells it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrailStatus {
    /// Whether it logs now.
    pub logging: bool,
    /// When its latest digest was delivered.
    pub latest_digest: Option<Timestamp>,
    /// When its logging was last stopped.
    pub stopped: Option<Timestamp>,
}

/// Asks DescribeTrails, once for each region, and GetTrailStatus.
pub struct Trails {
    aws: Aws,
    described: Mutex<BTreeMap<Region, Result<Vec<Described>, String>>>,
}

/// A trail as DescribeTrails tells of it.
#[derive(Debug, Clone)]
struct Described {
    arn: String,
    name: String,
    home_region: String,
    bucket: String,
}

impl Trails {
    /// Nothing is asked yet.
    #[must_use]
    pub fn new(aws: Aws) -> Self {
        Self { aws, described: Mutex::default() }
    }

    /// What CloudTrail says of a chain's trail in the chain's region; `None` where the trail is
    /// none of the caller's account.
    ///
    /// # Errors
    /// What the service said, in a line.
    pub fn status(&self, chain: &ChainId) -> Result<Option<TrailStatus>, String> {
        let Some(bucket) = &chain.bucket else { return Ok(None) };
        let account = format!(":{}:", chain.place.account);
        let of_chain = |trail: &&Described| {
            trail.name == chain.trail.as_str()
                && trail.home_region == chain.home_region.as_str()
                && trail.bucket == bucket.as_str()
                && trail.arn.contains(&account)
        };
        let trails = self.described(&chain.region)?;
        let Some(trail) = trails.iter().find(of_chain) else { return Ok(None) };
        let request = client(&self.aws, &chain.region).get_trail_status().name(&trail.arn);
        let status = self.aws.wait(request.send()).map_err(|error| line(&error))?;
        let time =
            |time: Option<DateTime>| time.and_then(|t| Timestamp::from_second(t.secs()).ok());
        Ok(Some(TrailStatus {
            logging: status.is_logging.unwrap_or(true),
            latest_digest: time(status.latest_digest_delivery_time),
            stopped: time(status.stop_logging_time),
        }))
    }

    fn described(&self, region: &Region) -> Result<Vec<Described>, String> {
        let mut described =
            self.described.lock().map_err(|_| "a thread failed before".to_owned())?;
        let asked = described.entry(region.clone()).or_insert_with(|| self.describe(region));
        asked.clone()
    }

    fn describe(&self, region: &Region) -> Result<Vec<Described>, String> {
        let request = client(&self.aws, region).describe_trails().include_shadow_trails(true);
        let answer = self.aws.wait(request.send()).map_err(|error| line(&error))?;
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let trails = answer.trail_list().iter().map(|trail| Described {
            arn: text(trail.trail_arn()),
            name: text(trail.name()),
            home_region: text(trail.home_region()),
            bucket: text(trail.s3_bucket_name()),
        });
        Ok(trails.collect())
    }
}
