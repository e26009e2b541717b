//! The newest and oldest event of a log file, which a digest states.

use std::fmt;
use std::io::{BufReader, Read};

use jiff::Timestamp;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::model::json::FromObject;

/// The times of the events in a log file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EventTimes {
    /// The newest; `None` without events.
    pub newest: Option<Timestamp>,
    /// The oldest; `None` without events.
    pub oldest: Option<Timestamp>,
}

impl EventTimes {
    /// Reads the JSON of a log file in pieces, keeping nothing of it. `None` when it is not the
    /// JSON of a log file.
    pub fn read(from: &mut dyn Read) -> Option<Self> {
        let mut json = serde_json::Deserializer::from_reader(BufReader::new(from));
        let times = LogFileTimes::deserialize(&mut json).ok()?;
        json.end().ok()?;
        Some(times.0)
    }

    fn add(&mut self, time: Timestamp) {
        self.newest = self.newest.max(Some(time));
        self.oldest = Some(self.oldest.map_or(time, |oldest| oldest.min(time)));
    }
}

/// `{"Records": [{"eventTime": ...}, ...]}`
struct LogFileTimes(EventTimes);

impl<'de> Deserialize<'de> for LogFileTimes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(LogFileTimesVisitor)
    }
}

struct LogFileTimesVisitor;

impl<'de> Visitor<'de> for LogFileTimesVisitor {
    type Value = LogFileTimes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a log file")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LogFileTimes, A::Error> {
        let mut times = EventTimes::default();
        while let Some(key) = map.next_key::<String>()? {
            if key == "Records" {
                times = map.next_value::<RecordTimes>()?.0;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(LogFileTimes(times))
    }
}

struct RecordTimes(EventTimes);

impl<'de> Deserialize<'de> for RecordTimes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(RecordTimesVisitor)
    }
}

struct RecordTimesVisitor;

impl<'de> Visitor<'de> for RecordTimesVisitor {
    type Value = RecordTimes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<RecordTimes, A::Error> {
        #[derive(serde::Deserialize)]
        struct EventTime {
            #[serde(rename = "eventTime")]
            event_time: Option<String>,
        }
        let mut times = EventTimes::default();
        while let Some(FromObject(event)) = seq.next_element::<FromObject<EventTime>>()? {
            if let Some(time) = event.event_time.and_then(|text| text.parse().ok()) {
                times.add(time);
            }
        }
        Ok(RecordTimes(times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_newest_and_oldest_event() {
        let log = br#"{"x":[1],"Records":[{"eventTime":"2023-07-10T11:42:36Z","a":{"eventTime":"2099-01-01T00:00:00Z"}},{"eventTime":"2023-07-10T11:40:00Z"},{"eventTime":null},{}]}"#;
        let times = EventTimes::read(&mut &log[..]).unwrap();
        assert_eq!(times.newest.unwrap().to_string(), "2023-07-10T11:42:36Z");
        assert_eq!(times.oldest.unwrap().to_string(), "2023-07-10T11:40:00Z");
        assert_eq!(EventTimes::read(&mut &b"{\"Records\":[]}"[..]), Some(EventTimes::default()));
        for bad in [
            &b"{"[..],
            b"[]",
            b"{\"Records\":{}}",
            b"{\"Records\":[]}x",
            b"{\"Records\":[[null]]}",
            b"",
        ] {
            assert_eq!(EventTimes::read(&mut &bad[..]), None);
        }
    }
}
