//! Parses JSON and reports duplicate keys, of which `serde_json` silently keeps the last.

use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::pointer;

/// A parsed text.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) value: Value,
    /// The JSON pointers of the members that replace an earlier member with the same key.
    pub(crate) duplicates: Vec<String>,
}

/// Parses a text in UTF-8, with or without a byte order mark.
///
/// # Errors
/// The text is not JSON.
pub(crate) fn parse(bytes: &[u8]) -> serde_json::Result<Parsed> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let mut place = Place::default();
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Node(&mut place).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(Parsed {
        value,
        duplicates: place.duplicates,
    })
}

/// The byte order mark in UTF-8. RFC 8259 lets a parser ignore it.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

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

    fn deserialize<D: serde::Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
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

    #[test]
    fn the_value_is_that_of_serde_json() {
        for text in [
            "null",
            " [true, false, -1, 18446744073709551615, 1.5, 1e300] ",
            r#"{"b": {"ä\n": "ö"}, "a": [], "c": {}}"#,
            "\u{feff}{}",
        ] {
            let parsed = parse(text.as_bytes()).unwrap();
            let expected: Value =
                serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap();
            assert_eq!(parsed.value.to_string(), expected.to_string());
            assert_eq!(parsed.duplicates, [""; 0]);
        }
    }

    #[test]
    fn the_last_of_several_members_is_kept_and_the_key_is_reported() {
        let parsed = parse(br#"{"a": 1, "b": [{"c/d": 1, "c/d": 2}], "a": 3}"#).unwrap();
        assert_eq!(parsed.value.to_string(), r#"{"a":3,"b":[{"c/d":2}]}"#);
        assert_eq!(parsed.duplicates, ["/b/0/c~1d", "/a"]);
    }

    #[test]
    fn text_that_is_not_json_is_an_error() {
        for text in ["", "{", "[1] 2", "1e999", "nul", "\u{feff}\u{feff}1"] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
