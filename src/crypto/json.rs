//! JSON values that refuse a field given twice: `serde_json::Value` keeps the last one silently,
//! and two readers of one file must not see two different keys.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A JSON value. serde_json bounds the nesting (128), the size of the text bounds the memory.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        // Beyond i64 no time is representable, so the exact value does not matter.
        Ok(i64::try_from(value).map_or(Json::Float(f64::INFINITY), Json::Integer))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Float(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Json, A::Error> {
        let (mut object, mut seen) = (Vec::new(), HashSet::new());
        while let Some((name, value)) = fields.next_entry::<String, Json>()? {
            if !seen.insert(name.clone()) {
                let name = super::refusal::beginning(&name);
                return Err(A::Error::custom(format!("field {name} is given twice")));
            }
            object.push((name, value));
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::Json;

    #[test]
    fn reads_values_and_refuses_a_field_given_twice() {
        let json: Json = serde_json::from_str(r#"{"a":[1,2.5,null,true,"t"]}"#).unwrap();
        let list = vec![
            Json::Integer(1),
            Json::Float(2.5),
            Json::Null,
            Json::Bool(true),
            Json::Text("t".into()),
        ];
        assert_eq!(json, Json::Object(vec![("a".into(), Json::List(list))]));
        let twice = serde_json::from_str::<Json>(r#"[{"a":1,"\u0061":2}]"#).unwrap_err();
        assert!(twice.to_string().contains("field a is given twice"), "{twice}");
        let deep = "[".repeat(100_000);
        assert!(serde_json::from_str::<Json>(&deep).is_err());
    }
}
