//! A trail of two regions that was stopped and started again: in each of them a second segment
//! that nothing links to the first, and in the home region's log files the events that say why.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    ACCOUNTS, BUCKET, REGIONS, START, SampleError, SampleLog, TRAIL, event, key_of, put, seal_area,
};
use crate::crypto::Signer;
use crate::model::time::{add, hours, minutes};
use crate::model::{
    BucketName, ChainKind, DigestKey, LogEntry, LogKind, Region, Sha256Hash, TrailName,
};
use crate::seal::Draft;
use crate::seal::builder::gzip;
use crate::store::{Put, Store};

/// The first segment ends after so many hours, the second starts and ends after so many.
const STOPPED: i64 = 6;
const STARTED: i64 = 9;
const END: i64 = 15;

/// Writes the sample's log files and seals them.
///
/// # Errors
/// When something is there already or cannot be written.
pub fn write_restart(store: &Arc<dyn Store>, signer: &dyn Signer) -> Result<(), SampleError> {
    let at = |hour| Timestamp::from_second(START).map(|start| add(start, hours(hour)));
    let at = |hour| at(hour).unwrap_or_default();
    for region in REGIONS {
        for hour in 0..STOPPED {
            put(store, &log_of(region, hour, at(hour))?.0)?;
        }
        seal_area(store, signer, ACCOUNTS[0], region, at(STOPPED))?;
        let (log, entry) = log_of(region, STARTED, at(STARTED))?;
        put(store, &log)?;
        let name = DigestKey {
            place: log.key.place.clone(),
            region: Region::parse(region)?,
            trail: TrailName::parse(TRAIL)?,
            home_region: Region::parse(REGIONS[0])?,
            kind: ChainKind::Standard,
            end: at(STARTED + 1),
        };
        let first = Draft {
            name,
            bucket: BucketName::parse(BUCKET)?,
            start: at(STARTED),
            previous: None,
            log_files: vec![entry],
            made: add(at(STARTED + 1), minutes(7)),
        };
        let first = first.seal(signer).map_err(|e| SampleError::Sign(e.to_string()))?;
        match store.put_new(&first.key, &first.body, &first.metadata) {
            Ok(Put::Created) => {}
            Ok(Put::Exists) => return Err(SampleError::Exists(first.key)),
            Err(error) => return Err(SampleError::Store(first.key, error)),
        }
        for hour in STARTED + 1..END {
            put(store, &log_of(region, hour, at(hour))?.0)?;
        }
        seal_area(store, signer, ACCOUNTS[0], region, at(END))?;
    }
    Ok(())
}

/// The log file of an hour, and how a digest lists it.
fn log_of(region: &str, hour: i64, start: Timestamp) -> Result<(SampleLog, LogEntry), SampleError> {
    let time = add(start, minutes(20));
    let (key, id) = key_of(ACCOUNTS[0], region, LogKind::CloudTrail, time)?;
    let ordinary = event(ACCOUNTS[0], region, LogKind::CloudTrail, &id, add(time, minutes(-4)));
    let (oldest, turn) = match hour {
        _ if region != REGIONS[0] => (time, None),
        _ if hour == STOPPED - 1 => (add(time, minutes(-5)), Some("StopLogging")),
        STARTED => (add(time, minutes(-18)), Some("StartLogging")),
        _ => (time, None),
    };
    let turn = turn.map(|name| turn_event(name, &id, oldest));
    let newest = add(time, minutes(-4));
    let events: Vec<Value> = turn.into_iter().chain([ordinary]).collect();
    let text = json!({ "Records": events }).to_string();
    let entry = LogEntry {
        bucket: BUCKET.into(),
        object: key.to_string().into(),
        hash: Sha256Hash::of(text.as_bytes()),
        newest: Some(newest),
        oldest: Some(oldest.min(newest)),
    };
    Ok((SampleLog { key, body: gzip(text.as_bytes()), late: false }, entry))
}

/// Event of stopping or starting the trail.
fn turn_event(name: &str, id: &str, time: Timestamp) -> Value {
    let mut turn = event(ACCOUNTS[0], REGIONS[0], LogKind::CloudTrail, id, time);
    if let Some(fields) = turn.as_object_mut() {
        let set = [
            ("eventSource", "cloudtrail.amazonaws.com".into()),
            ("eventName", name.into()),
            ("readOnly", false.into()),
            ("requestParameters", json!({ "name": TRAIL })),
        ];
        fields.extend(set.map(|(name, value)| (name.to_owned(), value)));
    }
    turn
}
