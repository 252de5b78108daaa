//! A request as a handler receives it, and the validation of its inputs.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::fault::JobRules;
use crate::response::{Page, Refusal, validation_error};
use crate::state::Shared;

/// An authorized request for an operation.
pub(crate) struct Call {
    pub(crate) shared: Arc<Shared>,
    /// The decoded path parameter, or an empty string if the path has none.
    pub(crate) id: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The faults of the job that the request may start.
    pub(crate) job_rules: JobRules,
}

impl Call {
    /// Returns a query parameter. If it is repeated, the last value applies.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns a query parameter that must be an integer between `least` and `most`.
    pub(crate) fn number(
        &self,
        name: &str,
        default: u64,
        least: u64,
        most: u64,
    ) -> Result<u64, Refusal> {
        let Some(text) = self.query(name) else {
            return Ok(default);
        };
        let refuse = |kind: &str, message: &str| {
            Err(Refusal::invalid(&[validation_error(
                &["query", name],
                kind,
                message,
                &text.into(),
            )]))
        };
        match text.trim().parse::<i128>() {
            Err(_) => refuse(
                "int_parsing",
                "Input should be a valid integer, unable to parse string as an integer",
            ),
            Ok(number) if number < least.into() => refuse(
                "greater_than_equal",
                &format!("Input should be greater than or equal to {least}"),
            ),
            Ok(number) if number > most.into() => refuse(
                "less_than_equal",
                &format!("Input should be less than or equal to {most}"),
            ),
            Ok(number) => Ok(u64::try_from(number).unwrap_or(most)),
        }
    }

    /// Returns the page that `limit` and `offset` select.
    pub(crate) fn page(&self) -> Result<Page, Refusal> {
        let limit = self.number("limit", 20, 1, 100)?;
        let memory = self.shared.options.memory;
        Ok(Page {
            limit: limit.min(memory.page_cap),
            total: memory.total,
            offset: self.number("offset", 0, 0, u64::MAX)?,
        })
    }

    /// Returns a boolean query parameter in any spelling that `FastAPI` accepts.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, Refusal> {
        let Some(text) = self.query(name) else {
            return Ok(false);
        };
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" | "t" | "y" => Ok(true),
            "false" | "0" | "no" | "off" | "f" | "n" => Ok(false),
            _ => {
                let message = "Input should be a valid boolean, unable to interpret input";
                Err(Refusal::invalid(&[validation_error(
                    &["query", name],
                    "bool_parsing",
                    message,
                    &text.into(),
                )]))
            }
        }
    }

    /// Returns the body, which must be a JSON object that satisfies the rules and deserializes into `T`.
    pub(crate) fn body<T: DeserializeOwned>(&self, rules: &[Rule]) -> Result<T, Refusal> {
        let is_json = self
            .headers
            .get(http::header::CONTENT_TYPE)
            .is_some_and(|value| {
                value.to_str().is_ok_and(|text| {
                    text.split(';')
                        .next()
                        .is_some_and(|media| media.trim() == "application/json")
                })
            });
        if self.body.is_empty() {
            return Err(Refusal::invalid(&[validation_error(
                &["body"],
                "missing",
                "Field required",
                &Value::Null,
            )]));
        }
        let value: Value = match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => {
                let invalid = json!({
                    "type": "json_invalid", "loc": ["body", error.column()], "msg": "JSON decode error",
                    "input": {}, "ctx": { "error": error.to_string() },
                });
                return Err(Refusal::invalid(&[invalid]));
            }
        };
        let Value::Object(fields) = &value else {
            let message = "Input should be a valid dictionary or object to extract fields from";
            return Err(Refusal::invalid(&[validation_error(
                &["body"],
                "model_attributes_type",
                message,
                &value,
            )]));
        };
        if !is_json {
            let message = "Input should be a valid dictionary or object to extract fields from";
            let text = String::from_utf8_lossy(&self.body).into_owned();
            return Err(Refusal::invalid(&[validation_error(
                &["body"],
                "model_attributes_type",
                message,
                &text.into(),
            )]));
        }
        let errors: Vec<Value> = rules.iter().filter_map(|rule| rule.check(fields)).collect();
        if !errors.is_empty() {
            return Err(Refusal::invalid(&errors));
        }
        serde_json::from_value(value.clone()).map_err(|error| {
            let message = format!("Input should match the schema: {error}");
            Refusal::invalid(&[validation_error(&["body"], "value_error", &message, &value)])
        })
    }
}

/// A constraint on a field of a body.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rule {
    /// A required string that is not blank.
    RequiredText(&'static str),
    /// An optional string or null.
    Text(&'static str),
    /// An optional string with one of these values.
    OneOf(&'static str, &'static [&'static str]),
    /// An optional list of at most this many strings, or null.
    Texts(&'static str, usize),
    /// An optional boolean.
    Flag(&'static str),
}

/// The maximum length of a required string, in characters.
const LONGEST_TEXT: usize = 20_000;

impl Rule {
    /// Returns the validation error of the field, if any.
    fn check(self, body: &Map<String, Value>) -> Option<Value> {
        let (Self::RequiredText(name)
        | Self::Text(name)
        | Self::OneOf(name, _)
        | Self::Texts(name, _)
        | Self::Flag(name)) = self;
        let invalid = |kind: &str, message: &str| {
            Some(validation_error(
                &["body", name],
                kind,
                message,
                body.get(name)?,
            ))
        };
        match (self, body.get(name)) {
            (Self::RequiredText(_), None) => Some(validation_error(
                &["body", name],
                "missing",
                "Field required",
                &Value::Object(body.clone()),
            )),
            (Self::RequiredText(_), Some(Value::String(text))) if text.trim().is_empty() => {
                invalid(
                    "string_too_short",
                    "String should have at least 1 character",
                )
            }
            (Self::RequiredText(_), Some(Value::String(text)))
                if text.chars().count() > LONGEST_TEXT =>
            {
                invalid(
                    "string_too_long",
                    &format!("String should have at most {LONGEST_TEXT} characters"),
                )
            }
            (Self::RequiredText(_) | Self::Text(_), Some(Value::String(_)))
            | (Self::Text(_) | Self::Texts(..), Some(Value::Null))
            | (Self::Flag(_), Some(Value::Bool(_)))
            | (_, None) => None,
            (Self::RequiredText(_) | Self::Text(_), Some(_)) => {
                invalid("string_type", "Input should be a valid string")
            }
            (Self::OneOf(_, values), Some(value)) => {
                if value.as_str().is_some_and(|value| values.contains(&value)) {
                    return None;
                }
                let quoted: Vec<String> = values.iter().map(|value| format!("'{value}'")).collect();
                let (last, others) = quoted.split_last()?;
                invalid(
                    "enum",
                    &format!("Input should be {} or {last}", others.join(", ")),
                )
            }
            (Self::Texts(_, most), Some(Value::Array(texts))) => {
                if texts.len() > most {
                    let length = texts.len();
                    let message = format!(
                        "List should have at most {most} items after validation, not {length}"
                    );
                    return invalid("too_long", &message);
                }
                texts
                    .iter()
                    .any(|text| !text.is_string())
                    .then(|| invalid("string_type", "Input should be a valid string"))?
            }
            (Self::Texts(..), Some(_)) => invalid("list_type", "Input should be a valid list"),
            (Self::Flag(_), Some(_)) => invalid("bool_type", "Input should be a valid boolean"),
        }
    }
}

/// Parses a query such as `a=1&b=2%203`.
pub(crate) fn read_query(query: &str) -> Vec<(String, String)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (
                decode(&name.replace('+', " ")),
                decode(&value.replace('+', " ")),
            )
        })
        .collect()
}

/// Decodes percent-encoding and keeps invalid escapes unchanged.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = bytes.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        let escape = escape.and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = escape.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            decoded.push(byte);
            at += 3;
        } else {
            decoded.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
