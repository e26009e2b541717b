//! A small trail to try everything on: two accounts, two regions, 30 hours, with empty hours, an
//! Insights log file and a late one in a backfill digest. All of it but the key is fixed, so that
//! with the same key the same bytes are written.

mod restart;

use std::num::NonZero;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

pub use self::restart::write_restart;

use super::observe::Silent;
use super::seal::{SealError, SealRequest, seal};
use crate::crypto::Signer;
use crate::model::time::{add, day_folder, hours, minutes};
use crate::model::{
    AccountId, BucketName, IdError, LogKey, LogKind, Metadata, Place, Region, Sha256Hash, TrailName,
};
use crate::seal::builder::gzip;
use crate::store::{Put, Stop, Store, StoreError};

const BUCKET: &str = "trailseal-sample";
const TRAIL: &str = "management_events";
const ACCOUNTS: [&str; 2] = ["111122223333", "444455556666"];
const REGIONS: [&str; 2] = ["us-east-1", "eu-west-1"];
/// 2026-03-01T00:00:00Z
const START: i64 = 1_772_323_200;
const HOURS: i64 = 30;
/// Hours that are sealed before the late log file arrives.
const HOURS_BEFORE_LATE: i64 = 24;

/// Error in writing a sample.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// There is something already.
    #[error("{0} already exists: use a new directory for the sample")]
    Exists(String),
    /// The store failed.
    #[error("{0}: {1}")]
    Store(String, StoreError),
    /// Sealing failed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Signing failed.
    #[error("signing failed: {0}")]
    Sign(String),
    /// A name of the sample is not a name; a bug.
    #[error(transparent)]
    Name(#[from] IdError),
}

/// Writes the sample's log files and seals them.
///
/// # Errors
/// When something is there already or cannot be written.
pub fn write(store: &Arc<dyn Store>, signer: &dyn Signer) -> Result<(), SampleError> {
    let start = Timestamp::from_second(START).unwrap_or_default();
    let mut late = None;
    for account in ACCOUNTS {
        for region in REGIONS {
            for hour in 0..HOURS {
                for log in logs_of(account, region, add(start, hours(hour)), hour)? {
                    if log.late {
                        late = Some(log);
                    } else {
                        put(store, &log)?;
                    }
                }
            }
        }
    }
    seal_all(store, signer, add(start, hours(HOURS_BEFORE_LATE)))?;
    if let Some(log) = late {
        put(store, &log)?;
    }
    seal_all(store, signer, add(start, hours(HOURS)))
}

struct SampleLog {
    key: LogKey,
    body: Vec<u8>,
    late: bool,
}

/// The log files of one hour: none in every fifth, an Insights one and a late one once each.
fn logs_of(
    account: &str,
    region: &str,
    hour_start: Timestamp,
    hour: i64,
) -> Result<Vec<SampleLog>, IdError> {
    let mut logs = Vec::new();
    if hour % 5 != 3 {
        let time = add(hour_start, minutes(20 + 5 * (hour % 4)));
        logs.push(log(account, region, LogKind::CloudTrail, time, false)?);
    }
    let first_account = account == ACCOUNTS[0];
    if first_account && region == REGIONS[0] && hour == 7 {
        logs.push(log(account, region, LogKind::Insight, add(hour_start, minutes(40)), false)?);
    }
    if first_account && region == REGIONS[1] && hour == 20 {
        logs.push(log(account, region, LogKind::CloudTrail, add(hour_start, minutes(45)), true)?);
    }
    Ok(logs)
}

fn log(
    account: &str,
    region: &str,
    kind: LogKind,
    time: Timestamp,
    late: bool,
) -> Result<SampleLog, IdError> {
    let (key, id) = key_of(account, region, kind, time)?;
    let events = [
        event(account, region, kind, &id, add(time, minutes(-4))),
        event(account, region, kind, &id, add(time, minutes(-1))),
    ];
    Ok(SampleLog { key, body: gzip(json!({ "Records": events }).to_string().as_bytes()), late })
}

/// The key of a log file, and a number of its own that ids are made of.
fn key_of(
    account: &str,
    region: &str,
    kind: LogKind,
    time: Timestamp,
) -> Result<(LogKey, String), IdError> {
    let seed = format!("{account} {region} {} {time}", kind.folder());
    let id = Sha256Hash::of(seed.as_bytes()).to_string();
    let place =
        Place { prefix: String::new(), organization: None, account: AccountId::parse(account)? };
    let key = LogKey {
        place,
        kind,
        region: Region::parse(region)?,
        day: day_folder(time),
        time,
        underscore: true,
        unique: id.chars().take(16).collect(),
    };
    Ok((key, id))
}

fn event(account: &str, region: &str, kind: LogKind, id: &str, time: Timestamp) -> Value {
    let part = |from: usize, to: usize| id.get(from..to).unwrap_or_default().to_owned();
    let category = if kind == LogKind::Insight { "Insight" } else { "Management" };
    json!({
        "eventVersion": "1.10",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": "AROAEXAMPLEROLE:auditor",
            "arn": format!("arn:aws:sts::{account}:assumed-role/operations/auditor"),
            "accountId": account,
        },
        "eventTime": time.to_string(),
        "eventSource": "ec2.amazonaws.com",
        "eventName": "DescribeInstances",
        "awsRegion": region,
        "sourceIPAddress": "192.0.2.10",
        "userAgent": "aws-cli/2.31.0",
        "requestParameters": null,
        "responseElements": null,
        "requestID": part(16, 32),
        "eventID": format!("{}{:02}", part(32, 48), time.as_second().rem_euclid(60)),
        "readOnly": true,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": account,
        "eventCategory": category,
    })
}

fn put(store: &Arc<dyn Store>, log: &SampleLog) -> Result<(), SampleError> {
    let key = log.key.to_string();
    match store.put_new(&key, &log.body, &Metadata::default()) {
        Ok(Put::Created) => Ok(()),
        Ok(Put::Exists) => Err(SampleError::Exists(key)),
        Err(error) => Err(SampleError::Store(key, error)),
    }
}

fn seal_all(
    store: &Arc<dyn Store>,
    signer: &dyn Signer,
    until: Timestamp,
) -> Result<(), SampleError> {
    for account in ACCOUNTS {
        for region in REGIONS {
            seal_area(store, signer, account, region, until)?;
        }
    }
    Ok(())
}

fn seal_area(
    store: &Arc<dyn Store>,
    signer: &dyn Signer,
    account: &str,
    region: &str,
    until: Timestamp,
) -> Result<(), SampleError> {
    let place =
        Place { prefix: String::new(), organization: None, account: AccountId::parse(account)? };
    let request = SealRequest {
        expected: Vec::new(),
        validity: None,
        most: None,
        dry_run: false,
        bucket: BucketName::parse(BUCKET)?,
        place,
        region: Region::parse(region)?,
        trail: TrailName::parse(TRAIL)?,
        home_region: Region::parse(REGIONS[0])?,
        start: Timestamp::from_second(START).ok(),
        end: until,
        interval: hours(1),
        // CloudTrail, too, writes some minutes after the end.
        now: add(until, minutes(7)),
        jobs: NonZero::<usize>::MIN,
        stop: Stop::default(),
    };
    Ok(seal(&request, store.clone(), String::new(), signer, &Silent).1?)
}
