//! The events of a log file: read in pieces, they have the times that reading them at once finds,
//! and no event is found that the search for names passed by.

use jiff::Timestamp;
use serde_json::Value;
use trailseal::internals::seal::EventTimes;
use trailseal::internals::verify::events::{Effect, Event};
use trailseal::internals::verify::hints::Hints;

pub fn run(data: &[u8]) {
    let hints = Hints::search(&mut &*data);
    for event in Event::read(&mut &*data).events {
        let hinted = match event.effect {
            Effect::Trail => hints.trail,
            Effect::Bucket => hints.bucket,
        };
        // JSON has other ways to write a letter; CloudTrail uses none of them.
        assert!(hinted || data.contains(&b'\\'), "{event:?}");
    }
    let read = EventTimes::read(&mut &*data);
    // Values know of no limit but depth, and keep the last of fields that are given twice.
    let Ok(json) = serde_json::from_slice::<Value>(data) else { return };
    match (read, naive(&json)) {
        (Some(read), Some(times)) => {
            assert_eq!(read.newest, times.iter().max().copied());
            assert_eq!(read.oldest, times.iter().min().copied());
        }
        (Some(_), None) => panic!("read, though it is not the JSON of a log file: {json}"),
        // Fields that are given twice are refused.
        (None, _) => {}
    }
}

/// The times of the events, if it is a log file's.
fn naive(json: &Value) -> Option<Vec<Timestamp>> {
    let records = match json.as_object()?.get("Records") {
        Some(records) => records.as_array()?.as_slice(),
        None => &[],
    };
    let mut times = Vec::new();
    for record in records {
        match record.as_object()?.get("eventTime") {
            None | Some(Value::Null) => {}
            Some(time) => times.extend(time.as_str()?.parse::<Timestamp>().ok()),
        }
    }
    Some(times)
}
