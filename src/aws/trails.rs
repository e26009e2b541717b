//! CloudTrail's statements on a trail: where it delivers to, whether it logs, and what it delivered
//! last.

use std::collections::BTreeMap;
use std::sync::Mutex;

use aws_sdk_cloudtrail::primitives::DateTime;
use jiff::Timestamp;

use super::cloudtrail::client;
use super::config::Aws;
use super::error::error_summary;
use crate::model::{ChainId, Region};

/// A trail's delivery to one region, as GetTrailStatus states it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrailStatus {
    /// True if it logs now.
    pub logging: bool,
    /// Time of the latest delivery of a digest.
    pub latest_digest: Option<Timestamp>,
    /// S3's error on the latest delivery of a digest.
    pub delivery_error: Option<String>,
    /// Time at which its logging was last stopped.
    pub stopped: Option<Timestamp>,
}

/// CloudTrail's answer on the trail of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrailLookup {
    /// It delivers to the chain's place.
    Here(TrailStatus),
    /// It delivers elsewhere: its bucket and prefix.
    Elsewhere(String),
    /// Its ARN is of another account: an organization's trail, seen from a member account.
    OfOther,
    /// There is none of that name that the caller can see.
    NotListed,
}

/// Client of DescribeTrails, called once for each region, and GetTrailStatus.
pub struct Trails {
    aws: Aws,
    described: Mutex<BTreeMap<Region, Result<Vec<TrailDescription>, String>>>,
}

/// A trail as DescribeTrails describes it.
#[derive(Debug, Clone)]
struct TrailDescription {
    arn: String,
    name: String,
    home_region: String,
    bucket: String,
    /// Prefix as keys have it: empty, or with its closing slash.
    prefix: String,
    of_organization: bool,
}

impl TrailDescription {
    /// True if it delivers to the place that a chain lies in.
    fn delivers_to(&self, chain: &ChainId) -> bool {
        let bucket = chain.bucket.as_ref().is_some_and(|bucket| bucket.as_str() == self.bucket);
        // How DescribeTrails spells slashes at the ends of a prefix is not documented.
        bucket
            && self.prefix.trim_matches('/') == chain.place.prefix.trim_matches('/')
            && self.of_organization == chain.place.organization.is_some()
    }
}

impl Trails {
    /// Makes a client; nothing is requested yet.
    #[must_use]
    pub fn new(aws: Aws) -> Self {
        Self { aws, described: Mutex::default() }
    }

    /// CloudTrail's answer on a chain's trail in the chain's region.
    ///
    /// # Errors
    /// What the service said, in a line.
    pub fn trail(&self, chain: &ChainId) -> Result<TrailLookup, String> {
        let account = format!(":{}:", chain.place.account);
        let trails = self.described(&chain.region)?;
        let named: Vec<_> = trails
            .iter()
            .filter(|t| t.name == chain.trail.as_str())
            .filter(|t| t.home_region == chain.home_region.as_str())
            .collect();
        if named.is_empty() {
            return Ok(TrailLookup::NotListed);
        }
        let mut own = named.iter().filter(|trail| trail.arn.contains(&account)).peekable();
        let Some(first) = own.peek().copied() else { return Ok(TrailLookup::OfOther) };
        let Some(trail) = own.find(|trail| trail.delivers_to(chain)) else {
            let of = if first.of_organization { " (of an organization)" } else { "" };
            return Ok(TrailLookup::Elsewhere(format!(
                "s3://{}/{}{of}",
                first.bucket, first.prefix
            )));
        };
        let request = client(&self.aws, &chain.region).get_trail_status().name(&trail.arn);
        let status = self.aws.wait(request.send()).map_err(|error| error_summary(&error))?;
        let time =
            |time: Option<DateTime>| time.and_then(|t| Timestamp::from_second(t.secs()).ok());
        Ok(TrailLookup::Here(TrailStatus {
            logging: status.is_logging.unwrap_or(true),
            latest_digest: time(status.latest_digest_delivery_time),
            delivery_error: status.latest_digest_delivery_error.filter(|error| !error.is_empty()),
            stopped: time(status.stop_logging_time),
        }))
    }

    fn described(&self, region: &Region) -> Result<Vec<TrailDescription>, String> {
        let mut described =
            self.described.lock().map_err(|_| "a thread failed before".to_owned())?;
        let asked = described.entry(region.clone()).or_insert_with(|| self.describe(region));
        asked.clone()
    }

    fn describe(&self, region: &Region) -> Result<Vec<TrailDescription>, String> {
        let request = client(&self.aws, region).describe_trails().include_shadow_trails(true);
        let answer = self.aws.wait(request.send()).map_err(|error| error_summary(&error))?;
        let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let trails = answer.trail_list().iter().map(|trail| TrailDescription {
            arn: text(trail.trail_arn()),
            name: text(trail.name()),
            home_region: text(trail.home_region()),
            bucket: text(trail.s3_bucket_name()),
            prefix: text(trail.s3_key_prefix()),
            of_organization: trail.is_organization_trail().unwrap_or(false),
        });
        Ok(trails.collect())
    }
}
