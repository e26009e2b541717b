//! Events in log files that explain losses: who stopped or started a trail, who
//! deleted objects or let a bucket delete them.
//!
//! Two steps. While a log file is hashed it is searched for the names of such events (`hints`), which costs
//! next to nothing. Only where something is missing are the files with such a name read again and
//! their events looked at. The fields are those of CloudTrail's record contents.

use std::io::{BufReader, Read};
use std::marker::PhantomData;

use jiff::Timestamp;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
    value::MapAccessDeserializer,
};

/// Number of inflated bytes of a log file that are searched for events: more than any has that
/// CloudTrail writes.
const LONGEST: u64 = 512 << 20;

/// Effect of an event on the recording of events, or on the bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Ends a trail's logging, or changes it (UpdateTrail may do either).
    Trail,
    /// Removes objects of a bucket, or changes who and what may.
    Bucket,
}

/// The events that are looked for: name and service.
pub(super) const EVENTS: [(&str, &str, Effect); 16] = [
    ("StopLogging", "cloudtrail", Effect::Trail),
    ("StartLogging", "cloudtrail", Effect::Trail),
    ("CreateTrail", "cloudtrail", Effect::Trail),
    ("DeleteTrail", "cloudtrail", Effect::Trail),
    ("UpdateTrail", "cloudtrail", Effect::Trail),
    ("DeleteObject", "s3", Effect::Bucket),
    ("DeleteObjects", "s3", Effect::Bucket),
    ("DeleteObjectVersion", "s3", Effect::Bucket),
    ("DeleteBucket", "s3", Effect::Bucket),
    // So the calls for lifecycle configurations are logged.
    ("PutBucketLifecycle", "s3", Effect::Bucket),
    ("PutBucketLifecycleConfiguration", "s3", Effect::Bucket),
    ("PutBucketPolicy", "s3", Effect::Bucket),
    ("DeleteBucketPolicy", "s3", Effect::Bucket),
    ("PutBucketVersioning", "s3", Effect::Bucket),
    ("PutBucketReplication", "s3", Effect::Bucket),
    ("PutBucketAcl", "s3", Effect::Bucket),
];

/// One event that succeeded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its name: one of those that are looked for.
    pub name: &'static str,
    /// Effect of the event.
    pub effect: Effect,
    /// Time at which it happened.
    pub time: Timestamp,
    /// The region that it was called in.
    pub region: String,
    /// Actor: an ARN, a principal's id, or a service.
    pub by: Option<String>,
    /// Origin: an address, or a service's name.
    pub from: Option<String>,
    /// Its id.
    pub id: Option<String>,
    /// The trail that it names: a name or an ARN.
    pub trail: Option<String>,
    /// True if the trail validates its log files after it, where it says so.
    pub validates: Option<bool>,
    /// True if the trail logs in all regions after it; `None` where it does not say so.
    pub all_regions: Option<bool>,
    /// The bucket that it names.
    pub bucket: Option<String>,
    /// The object that it names.
    pub key: Option<String>,
}

/// The events of a log file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct EventsRead {
    /// Events that are looked for, as far as the text could be read.
    pub events: Vec<Event>,
    /// True if the text was read to its end: only then are there no others.
    pub whole: bool,
}

impl Event {
    /// Reads the events that are looked for from the text of a log file. What is not the JSON of
    /// one holds none beyond the place where it stops being that.
    pub fn read(from: &mut dyn Read) -> EventsRead {
        let mut events = Vec::new();
        let mut json = serde_json::Deserializer::from_reader(BufReader::new(from.take(LONGEST)));
        let whole = LogFile(&mut events).deserialize(&mut json).is_ok() && json.end().is_ok();
        EventsRead { events, whole }
    }

    fn of(record: Record) -> Option<Self> {
        let named = record.name.text()?;
        let source = record.source.text()?;
        let service = source.strip_suffix(".amazonaws.com")?;
        let &(name, _, effect) = EVENTS.iter().find(|(n, of, _)| *n == named && *of == service)?;
        if record.error.text().is_some() {
            return None;
        }
        let asked = record.request.0.unwrap_or_default();
        let answered = record.response.0.unwrap_or_default();
        let who = record.identity.0.unwrap_or_default();
        Some(Self {
            name,
            effect,
            time: record.time.text()?.parse().ok()?,
            region: record.region.text().unwrap_or_default(),
            by: who.arn.text().or(who.principal.text()).or(who.invoked_by.text()),
            from: record.from.text(),
            id: record.id.text(),
            trail: asked.name.text(),
            validates: answered.validates.flag().or(asked.enables_validation.flag()),
            all_regions: answered.all_regions.flag().or(asked.all_regions.flag()),
            bucket: asked.bucket.text(),
            key: asked.key.text(),
        })
    }
}

/// A value of which only text and flags are of use; anything else is passed over.
#[derive(Debug, Clone, Default)]
enum Scalar {
    #[default]
    Other,
    Text(String),
    Flag(bool),
}

impl Scalar {
    fn text(self) -> Option<String> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    fn flag(self) -> Option<bool> {
        if let Self::Flag(flag) = self { Some(flag) } else { None }
    }
}

/// A value of use only where it is an object; anything else is passed over.
#[derive(Debug, Clone)]
struct OptionalObject<T>(Option<T>);

impl<T> Default for OptionalObject<T> {
    fn default() -> Self {
        Self(None)
    }
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct Record {
    #[serde(rename = "eventName")]
    name: Scalar,
    #[serde(rename = "eventSource")]
    source: Scalar,
    #[serde(rename = "eventTime")]
    time: Scalar,
    #[serde(rename = "eventID")]
    id: Scalar,
    #[serde(rename = "awsRegion")]
    region: Scalar,
    #[serde(rename = "sourceIPAddress")]
    from: Scalar,
    #[serde(rename = "errorCode")]
    error: Scalar,
    #[serde(rename = "userIdentity")]
    identity: OptionalObject<UserIdentity>,
    #[serde(rename = "requestParameters")]
    request: OptionalObject<Parameters>,
    #[serde(rename = "responseElements")]
    response: OptionalObject<Parameters>,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct UserIdentity {
    arn: Scalar,
    #[serde(rename = "principalId")]
    principal: Scalar,
    #[serde(rename = "invokedBy")]
    invoked_by: Scalar,
}

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct Parameters {
    name: Scalar,
    #[serde(rename = "bucketName")]
    bucket: Scalar,
    key: Scalar,
    #[serde(rename = "enableLogFileValidation")]
    enables_validation: Scalar,
    #[serde(rename = "logFileValidationEnabled")]
    validates: Scalar,
    #[serde(rename = "isMultiRegionTrail")]
    all_regions: Scalar,
}

/// Takes any value: `$kept` for what is of use, the default for the rest.
macro_rules! lenient {
    ($visitor:ident<$($t:ident)?> => $value:ty { $($kept:item)* } pass $($name:ident: $type:ty),*) => {
        impl<'de $(, $t: Deserialize<'de>)?> Visitor<'de> for $visitor $(<$t>)? {
            type Value = $value;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("any value")
            }

            $($kept)*

            $(fn $name<E>(self, _: $type) -> Result<Self::Value, E> {
                Ok(<$value>::default())
            })*

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(<$value>::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(<$value>::default())
            }
        }
    };
}

struct ScalarVisitor;

lenient! { ScalarVisitor<> => Scalar {
    fn visit_str<E>(self, text: &str) -> Result<Scalar, E> {
        Ok(Scalar::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Scalar, E> {
        Ok(Scalar::Text(text))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Scalar, E> {
        Ok(Scalar::Flag(flag))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Scalar, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Other)
    }
} pass visit_i64: i64, visit_u64: u64, visit_f64: f64 }

struct ObjectVisitor<T>(PhantomData<T>);

lenient! { ObjectVisitor<T> => OptionalObject<T> {
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OptionalObject<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|value| OptionalObject(Some(value)))
    }
} pass visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_bool: bool, visit_str: &str }

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OptionalObject<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ObjectVisitor(PhantomData))
    }
}

/// `{"Records": [...]}`: the events that count go to the list, one record is held at a time.
struct LogFile<'a>(&'a mut Vec<Event>);

impl<'de> DeserializeSeed<'de> for LogFile<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for LogFile<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a log file")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Scalar>()? {
            if key.text().as_deref() == Some("Records") {
                map.next_value_seed(Records(self.0))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

struct Records<'a>(&'a mut Vec<Event>);

impl<'de> DeserializeSeed<'de> for Records<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Records<'_> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a list of events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(record) = seq.next_element::<OptionalObject<Record>>()? {
            self.0.extend(record.0.and_then(Event::of));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STOP: &str = r#"{"eventTime":"2026-03-01T11:20:00Z","eventSource":"cloudtrail.amazonaws.com","eventName":"StopLogging","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.1","eventID":"e-1","userIdentity":{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/eve"},"requestParameters":{"name":"audit"},"responseElements":null}"#;

    fn read(text: &str) -> Vec<Event> {
        Event::read(&mut text.as_bytes()).events
    }

    #[test]
    fn an_event_is_read_with_who_when_and_where() {
        let update = r#"{"requestParameters":{"name":"audit","enableLogFileValidation":true},"responseElements":{"logFileValidationEnabled":false},"eventName":"UpdateTrail","eventSource":"cloudtrail.amazonaws.com","eventTime":"2026-03-01T12:00:00Z"}"#;
        let events = read(&format!(r#"{{"x":{{}},"Records":[{STOP},{{}},7,{update}]}}"#));
        let [stop, update] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!((stop.name, stop.effect), ("StopLogging", Effect::Trail));
        assert_eq!(stop.time.to_string(), "2026-03-01T11:20:00Z");
        assert_eq!(stop.by.as_deref(), Some("arn:aws:iam::111122223333:user/eve"));
        assert_eq!((stop.from.as_deref(), stop.id.as_deref()), (Some("192.0.2.1"), Some("e-1")));
        assert_eq!((stop.trail.as_deref(), stop.region.as_str()), (Some("audit"), "us-east-1"));
        // What came of it counts, not what was asked for.
        assert_eq!(update.validates, Some(false));
    }

    #[test]
    fn calls_that_failed_and_names_of_other_services_are_no_events() {
        for (from, to) in [
            ("\"awsRegion\"", "\"errorCode\":\"AccessDenied\",\"awsRegion\""),
            ("cloudtrail.amazonaws.com", "s3.amazonaws.com"),
            ("cloudtrail.amazonaws.com", "cloudtrail.example.com"),
            ("\"StopLogging\"", "\"StopLoggingX\""),
            ("2026-03-01T11:20:00Z", "yesterday"),
        ] {
            let text = format!(r#"{{"Records":[{}]}}"#, STOP.replace(from, to));
            assert_eq!(read(&text), [], "{to}");
        }
    }

    #[test]
    fn values_of_other_kinds_are_passed_over() {
        for value in ["null", "1", "-1", "1.5", "true", "\"x\"", "[{}]", "{\"a\":[1]}"] {
            let identity = STOP.find("\"userIdentity\"").unwrap();
            let end = STOP.find(",\"requestParameters\"").unwrap();
            let text = format!("{}\"userIdentity\":{value}{}", &STOP[..identity], &STOP[end..]);
            let events = read(&format!(r#"{{"Records":[{text}]}}"#));
            assert_eq!(events.len(), 1, "{value}");
            assert_eq!(events[0].by, None);
            let text = STOP.replace("\"192.0.2.1\"", value);
            let events = read(&format!(r#"{{"Records":[{text}]}}"#));
            assert_eq!(events[0].from.is_some(), value == "\"x\"", "{value}");
        }
    }

    #[test]
    fn what_is_no_log_file_holds_none_beyond_the_fault() {
        for text in ["", "[]", "{", r#"{"Records":{}}"#, r#"{"Records":[7]"#] {
            assert_eq!(read(text), []);
        }
        assert_eq!(read(&format!(r#"{{"Records":[{STOP},{STOP}"#)).len(), 2);
    }

    #[test]
    fn a_log_file_that_cannot_be_read_to_its_end_may_hold_more() {
        let deep = format!("{}7{}", "[".repeat(200), "]".repeat(200));
        for (text, whole) in [
            (format!(r#"{{"Records":[{STOP}]}}"#), true),
            (format!(r#"{{"Records":[{{"x":{deep}}},{STOP}]}}"#), true),
            (format!(r#"{{"Records":[{STOP}"#), false),
            (format!(r#"{{"Records":[{STOP}]}} {{}}"#), false),
            (r#"{"Records":[{"eventName":"a","eventName":"b"}]}"#.to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(Event::read(&mut text.as_bytes()).whole, whole, "{text}");
        }
    }

    #[test]
    fn an_update_says_which_regions_log_afterwards() {
        let update = |response: &str| {
            let text = format!(
                r#"{{"Records":[{{"requestParameters":{{"name":"audit","isMultiRegionTrail":true}},"responseElements":{response},"eventName":"UpdateTrail","eventSource":"cloudtrail.amazonaws.com","eventTime":"2026-03-01T12:00:00Z"}}]}}"#
            );
            read(&text)[0].all_regions
        };
        assert_eq!(update(r#"{"isMultiRegionTrail":false}"#), Some(false));
        assert_eq!(update("null"), Some(true));
    }
}
