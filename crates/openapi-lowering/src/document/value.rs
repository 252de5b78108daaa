//! Reads a JSON value and reports duplicate keys, of which `serde_json` silently keeps the last.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

use super::pointer;

/// A parsed text.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) value: Value,
    /// The JSON pointers of the members that replace an earlier member with the same key.
    pub(super) duplicates: Vec<String>,
}

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let mut place = Place::default();
        let value = Node(&mut place).deserialize(source)?;
        Ok(Self {
            value,
            duplicates: place.duplicates,
        })
    }
}

/// The path of the value that is parsed, and the duplicates so far.
#[derive(Default)]
struct Place {
    segments: Vec<String>,
    duplicates: Vec<String>,
}

impl Place {
    fn within<T>(&mut self, segment: String, parse: impl FnOnce(&mut Self) -> T) -> T {
        self.segments.push(segment);
        let result = parse(self);
        self.segments.pop();
        result
    }

    fn pointer(&self) -> String {
        let segments = self.segments.iter();
        segments.fold(String::new(), |at, segment| pointer::join(&at, segment))
    }
}

struct Node<'a>(&'a mut Place);

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("a number must be finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = self.0.within(list.len().to_string(), |place| {
            source.next_element_seed(Node(place))
        })? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = source.next_key::<String>()? {
            let value = self.0.within(key.clone(), |place| {
                let value = source.next_value_seed(Node(place))?;
                if map.contains_key(&key) {
                    place.duplicates.push(place.pointer());
                }
                Ok::<Value, A::Error>(value)
            })?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> serde_json::Result<Parsed> {
        serde_json::from_str(text)
    }

    #[test]
    fn the_value_is_that_of_serde_json() {
        for text in [
            "null",
            " [true, false, -1, 18446744073709551615, 1.5, 1e300] ",
            r#"{"b": {"ä\n": "ö"}, "a": [], "c": {}}"#,
        ] {
            let parsed = parse(text).unwrap();
            let expected: Value = serde_json::from_str(text).unwrap();
            assert_eq!(parsed.value.to_string(), expected.to_string());
            assert_eq!(parsed.duplicates, [""; 0]);
        }
    }

    #[test]
    fn the_last_of_several_members_is_kept_and_the_key_is_reported() {
        let parsed = parse(r#"{"a": 1, "b": [{"c/d": 1, "c/d": 2}], "a": 3}"#).unwrap();
        assert_eq!(parsed.value.to_string(), r#"{"a":3,"b":[{"c/d":2}]}"#);
        assert_eq!(parsed.duplicates, ["/b/0/c~1d", "/a"]);
    }

    #[test]
    fn text_that_is_not_json_is_an_error() {
        for text in ["", "{", "[1] 2", "1e999", "nul"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
