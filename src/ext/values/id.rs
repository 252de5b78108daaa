//! Ids: text, also if the service sends a number.

use serde::de::{Deserialize, Deserializer, Error};
use serde_json::Value;

/// Returns an id; `None` if the value is empty or cannot be one.
// Assumption: id-characters.
pub(crate) fn of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Deserializes a required id.
pub(crate) fn required<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let id = optional(deserializer)?;
    id.ok_or_else(|| D::Error::custom("an id is null"))
}

/// Deserializes an id that may be null. The empty text is kept.
pub(crate) fn optional<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<String>, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        Value::Number(number) => Ok(Some(number.to_string())),
        other => Err(D::Error::custom(format!(
            "an id is neither text nor a number but {other}"
        ))),
    }
}
