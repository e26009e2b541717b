//! The JSON of `aws cloudtrail list-public-keys`, read in every spelling that occurs and written
//! in the AWS CLI's own.
//!
//! Spellings: `PublicKeyList` or `publicKeyList`, or the bare list; fields with either first
//! letter; times as epoch seconds (a number, or quoted) or ISO text with its offset; several
//! regions in one object, `{"us-east-1": {"PublicKeyList": [...]}, ...}`. Fields that are not
//! known are ignored, fields given twice are not.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize as _;
use serde_json::{Value, json};

use crate::model::{Fingerprint, Region};

use super::der;
use super::json::Json;
use super::key_form::Validity;
use super::key_ring::{PublicKey, fingerprint_of};
use super::refusal::{KeyFileError, Refusal, beginning};

const VALUE: &str = "Value";
const START: &str = "ValidityStartTime";
const END: &str = "ValidityEndTime";
const FINGERPRINT: &str = "Fingerprint";
const TIME_FORM: &str = "seconds since 1970 or an ISO 8601 time with its offset";

/// Renders keys (PKCS#1 or SPKI DER, each with its validity) as the AWS CLI prints them.
///
/// Times are whole seconds. What this renders, [`super::parse_key_file`] reads.
#[must_use]
pub fn render_public_keys(keys: &[(&[u8], Validity)]) -> String {
    let mut text = String::from("{\n    \"PublicKeyList\": [");
    for (i, (der, validity)) in keys.iter().enumerate() {
        // Base64, hex and digits need no escaping.
        let _ = write!(
            text,
            "{}\n        {{\n            \"{VALUE}\": \"{}\",\n            \"{START}\": {}.0,\n            \
             \"{END}\": {}.0,\n            \"{FINGERPRINT}\": \"{}\"\n        }}",
            if i == 0 { "" } else { "," },
            STANDARD.encode(der),
            validity.from.as_second(),
            validity.to.as_second(),
            fingerprint_of(der),
        );
    }
    text.push_str("\n    ]\n}\n");
    text
}

/// Renders the list as a JSON value, to be part of a larger one.
#[must_use]
pub fn public_key_list(keys: &[(&[u8], Validity)]) -> Value {
    let entry = |(der, validity): &(&[u8], Validity)| {
        // Seconds of any time in a calendar are exact in this form.
        json!({
            VALUE: STANDARD.encode(der),
            START: validity.from.as_second() as f64,
            END: validity.to.as_second() as f64,
            FINGERPRINT: fingerprint_of(der),
        })
    };
    json!({"PublicKeyList": keys.iter().map(entry).collect::<Vec<_>>()})
}

/// Reads the keys of a text that is JSON.
pub(super) fn read(source: &str, text: &str) -> Result<Vec<PublicKey>, KeyFileError> {
    let json = serde_json::from_str(text).map_err(|error| no_json(source, &error))?;
    keys_of(source, &json)
}

/// Reads the keys of a list, or of lists by region, that is a JSON value already.
///
/// # Errors
/// As [`super::parse_key_file`].
pub fn read_key_list(source: &str, list: &Value) -> Result<Vec<PublicKey>, KeyFileError> {
    let json = Json::deserialize(list).map_err(|error| no_json(source, &error))?;
    keys_of(source, &json)
}

fn no_json(source: &str, error: &serde_json::Error) -> KeyFileError {
    let refusal = Refusal::Json(error.to_string());
    KeyFileError { file: source.to_owned(), entry: None, refusal }
}

fn keys_of(source: &str, json: &Json) -> Result<Vec<PublicKey>, KeyFileError> {
    let refuse = |refusal| KeyFileError { file: source.to_owned(), entry: None, refusal };
    let mut keys = Vec::new();
    for (region, entries) in lists(json).map_err(refuse)? {
        for (i, entry) in entries.iter().enumerate() {
            let key = read_entry(source, region.as_ref(), entry).map_err(|refusal| {
                let entry = Some(describe(i + 1, region.as_ref(), entry));
                KeyFileError { file: source.to_owned(), entry, refusal }
            })?;
            keys.push(key);
        }
    }
    // A region of several may have none, a file may not: it would verify nothing.
    if keys.is_empty() { Err(refuse(Refusal::NoKeys)) } else { Ok(keys) }
}

/// The entries of a list, and the region that they are of where it is known.
type Entries<'a> = (Option<Region>, &'a [Json]);

/// The lists in the JSON.
fn lists(json: &Json) -> Result<Vec<Entries<'_>>, Refusal> {
    if let Some(entries) = list(json)? {
        return Ok(vec![(None, entries)]);
    }
    let Json::Object(fields) = json else {
        return Err(Refusal::Shape("expected an object with PublicKeyList"));
    };
    if fields.is_empty() {
        return Err(Refusal::Shape("the object is empty, expected PublicKeyList"));
    }
    let mut lists = Vec::new();
    for (name, value) in fields {
        let region = Region::parse(name)
            .map_err(|_| Refusal::Shape("no PublicKeyList, and not every name is a region"))?;
        let entries = list(value)?.ok_or(Refusal::Shape("a region has no PublicKeyList"))?;
        lists.push((Some(region), entries));
    }
    Ok(lists)
}

/// The entries of one list, if this is one.
fn list(json: &Json) -> Result<Option<&[Json]>, Refusal> {
    let entries = match json {
        Json::List(_) => json,
        Json::Object(fields) => match field(fields, "PublicKeyList")? {
            Some(entries) => {
                if fields.iter().any(|(name, _)| Region::parse(name).is_ok()) {
                    let mixed = "both PublicKeyList and regions at the top level";
                    return Err(Refusal::Shape(mixed));
                }
                entries
            }
            None => return Ok(None),
        },
        _ => return Ok(None),
    };
    match entries {
        Json::List(entries) => Ok(Some(entries)),
        _ => Err(Refusal::Shape("PublicKeyList is not a list")),
    }
}

/// A field by its name with either first letter; both at once are one field given twice.
fn field<'a>(fields: &'a [(String, Json)], name: &str) -> Result<Option<&'a Json>, Refusal> {
    let is_it = |found: &str| {
        found.len() == name.len()
            && found.get(1..) == name.get(1..)
            && found.get(..1).is_some_and(|first| {
                name.get(..1).is_some_and(|expected| first.eq_ignore_ascii_case(expected))
            })
    };
    let mut found = fields.iter().filter(|(found, _)| is_it(found));
    let first = found.next();
    if found.next().is_some() {
        return Err(Refusal::Json(format!("field {name} is given twice")));
    }
    Ok(first.map(|(_, value)| value))
}

fn read_entry(source: &str, region: Option<&Region>, entry: &Json) -> Result<PublicKey, Refusal> {
    let Json::Object(fields) = entry else {
        return Err(Refusal::Shape("the entry is not an object"));
    };
    let stated = text(fields, FINGERPRINT, "32 lower-case hex digits")?;
    let stated = Fingerprint::parse(stated)
        .map_err(|_| wrong(FINGERPRINT, &Json::Text(stated.into()), "32 lower-case hex digits"))?;
    let base64 = text(fields, VALUE, "the base64 of a key")?;
    let value = STANDARD
        .decode(base64)
        .map_err(|_| wrong(VALUE, &Json::Text(base64.into()), "the base64 of a key"))?;
    let validity = Validity { from: time(fields, START)?, to: time(fields, END)? };
    if validity.from > validity.to {
        return Err(Refusal::ValidityReversed);
    }
    // Before the fingerprint: that the key is not one says more than that its name is wrong.
    let der = der::read_public(&value)?;
    if der.validity.is_some() {
        return Err(wrong(VALUE, &Json::Text("an X.509 certificate".into()), "a public key"));
    }
    let actual = fingerprint_of(&value);
    if stated != actual {
        return Err(Refusal::WrongFingerprint { stated, actual });
    }
    PublicKey::from_list(der, actual, region, validity, source)
}

fn text<'a>(
    fields: &'a [(String, Json)],
    name: &'static str,
    expected: &'static str,
) -> Result<&'a str, Refusal> {
    match field(fields, name)? {
        Some(Json::Text(text)) => Ok(text),
        Some(other) => Err(wrong(name, other, expected)),
        None => Err(wrong(name, &Json::Null, expected)),
    }
}

fn time(fields: &[(String, Json)], name: &'static str) -> Result<Timestamp, Refusal> {
    // CloudTrail always gives both ends. A key without would be valid for ever, so it is refused.
    let value = field(fields, name)?.unwrap_or(&Json::Null);
    let time = match value {
        Json::Integer(second) => Timestamp::from_second(*second).ok(),
        Json::Float(second) => from_float(*second),
        Json::Text(text) => match text.parse::<f64>() {
            Ok(second) => from_float(second),
            Err(_) => text.parse().ok(),
        },
        _ => None,
    };
    time.ok_or_else(|| wrong(name, value, TIME_FORM))
}

/// The moment of a second with a fraction, to the millisecond: a double holds no more of today's
/// times.
fn from_float(second: f64) -> Option<Timestamp> {
    let millisecond = (second * 1000.0).round();
    let representable = millisecond.abs() < 1e15;
    #[expect(clippy::cast_possible_truncation, reason = "a whole number below 10^15")]
    representable.then(|| Timestamp::from_millisecond(millisecond as i64).ok()).flatten()
}

fn wrong(field: &'static str, actual: &Json, expected: &'static str) -> Refusal {
    let actual = match actual {
        Json::Null => "missing".to_owned(),
        Json::Bool(value) => value.to_string(),
        Json::Integer(value) => value.to_string(),
        Json::Float(value) => value.to_string(),
        Json::Text(text) => beginning(text),
        Json::List(_) => "a list".to_owned(),
        Json::Object(_) => "an object".to_owned(),
    };
    Refusal::Field { field, actual, expected }
}

/// Name of an entry in an error: its place, region and what it says its fingerprint is.
fn describe(number: usize, region: Option<&Region>, entry: &Json) -> String {
    let mut text = format!("entry {number}");
    if let Some(region) = region {
        let _ = write!(text, " of {region}");
    }
    if let Json::Object(fields) = entry
        && let Ok(Some(Json::Text(fingerprint))) = field(fields, FINGERPRINT)
    {
        let _ = write!(text, " (fingerprint {})", beginning(fingerprint));
    }
    text
}
