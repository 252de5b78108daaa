//! One request as a handler sees it, and the rules its inputs are held to.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::response::{Refusal, Window, fault};
use crate::state::Shared;

/// A request that found its operation and may use it.
pub(crate) struct Call {
    pub(crate) shared: Arc<Shared>,
    /// The path's parameter, decoded; empty where the path has none.
    pub(crate) id: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Call {
    /// A query parameter; the last one counts.
    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// A whole number within bounds.
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
            Err(Refusal::invalid(&[fault(
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

    /// `limit` and `offset`.
    pub(crate) fn window(&self) -> Result<Window, Refusal> {
        let limit = self.number("limit", 20, 1, 100)?;
        Ok(Window {
            limit,
            offset: self.number("offset", 0, 0, u64::MAX)?,
        })
    }

    /// A switch in any of the spellings that `FastAPI` takes.
    pub(crate) fn switch(&self, name: &str) -> Result<bool, Refusal> {
        let Some(text) = self.query(name) else {
            return Ok(false);
        };
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" | "t" | "y" => Ok(true),
            "false" | "0" | "no" | "off" | "f" | "n" => Ok(false),
            _ => {
                let message = "Input should be a valid boolean, unable to interpret input";
                Err(Refusal::invalid(&[fault(
                    &["query", name],
                    "bool_parsing",
                    message,
                    &text.into(),
                )]))
            }
        }
    }

    /// The body, which must be a JSON object that keeps these rules and fits the generated type.
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
            return Err(Refusal::invalid(&[fault(
                &["body"],
                "missing",
                "Field required",
                &Value::Null,
            )]));
        }
        let value: Value = match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => {
                let fault = json!({
                    "type": "json_invalid", "loc": ["body", error.column()], "msg": "JSON decode error",
                    "input": {}, "ctx": { "error": error.to_string() },
                });
                return Err(Refusal::invalid(&[fault]));
            }
        };
        let Value::Object(fields) = &value else {
            let message = "Input should be a valid dictionary or object to extract fields from";
            return Err(Refusal::invalid(&[fault(
                &["body"],
                "model_attributes_type",
                message,
                &value,
            )]));
        };
        if !is_json {
            let message = "Input should be a valid dictionary or object to extract fields from";
            let text = String::from_utf8_lossy(&self.body).into_owned();
            return Err(Refusal::invalid(&[fault(
                &["body"],
                "model_attributes_type",
                message,
                &text.into(),
            )]));
        }
        let faults: Vec<Value> = rules.iter().filter_map(|rule| rule.check(fields)).collect();
        if !faults.is_empty() {
            return Err(Refusal::invalid(&faults));
        }
        serde_json::from_value(value.clone()).map_err(|error| {
            let message = format!("Input should fit the schema: {error}");
            Refusal::invalid(&[fault(&["body"], "value_error", &message, &value)])
        })
    }
}

/// What a field of a body must be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rule {
    /// Text that says something; it must be there.
    Prompt(&'static str),
    /// Text, null or nothing.
    Text(&'static str),
    /// One of these, or nothing.
    OneOf(&'static str, &'static [&'static str]),
    /// At most this many texts, null or nothing.
    Texts(&'static str, usize),
    /// A switch, or nothing.
    Switch(&'static str),
}

/// The longest prompt that is taken.
const LONGEST_PROMPT: usize = 20_000;

impl Rule {
    /// What is wrong with the field, if anything.
    fn check(self, body: &Map<String, Value>) -> Option<Value> {
        let (Self::Prompt(name)
        | Self::Text(name)
        | Self::OneOf(name, _)
        | Self::Texts(name, _)
        | Self::Switch(name)) = self;
        let wrong = |kind: &str, message: &str| {
            Some(fault(&["body", name], kind, message, body.get(name)?))
        };
        match (self, body.get(name)) {
            (Self::Prompt(_), None) => Some(fault(
                &["body", name],
                "missing",
                "Field required",
                &Value::Object(body.clone()),
            )),
            (Self::Prompt(_), Some(Value::String(text))) if text.trim().is_empty() => wrong(
                "string_too_short",
                "String should have at least 1 character",
            ),
            (Self::Prompt(_), Some(Value::String(text)))
                if text.chars().count() > LONGEST_PROMPT =>
            {
                wrong(
                    "string_too_long",
                    &format!("String should have at most {LONGEST_PROMPT} characters"),
                )
            }
            (Self::Prompt(_) | Self::Text(_), Some(Value::String(_)))
            | (Self::Text(_) | Self::Texts(..), Some(Value::Null))
            | (Self::Switch(_), Some(Value::Bool(_)))
            | (_, None) => None,
            (Self::Prompt(_) | Self::Text(_), Some(_)) => {
                wrong("string_type", "Input should be a valid string")
            }
            (Self::OneOf(_, values), Some(value)) => {
                if value.as_str().is_some_and(|value| values.contains(&value)) {
                    return None;
                }
                let quoted: Vec<String> = values.iter().map(|value| format!("'{value}'")).collect();
                let (last, others) = quoted.split_last()?;
                wrong(
                    "enum",
                    &format!("Input should be {} or {last}", others.join(", ")),
                )
            }
            (Self::Texts(_, most), Some(Value::Array(texts))) => {
                if texts.len() > most {
                    let had = texts.len();
                    let message = format!(
                        "List should have at most {most} items after validation, not {had}"
                    );
                    return wrong("too_long", &message);
                }
                texts
                    .iter()
                    .any(|text| !text.is_string())
                    .then(|| wrong("string_type", "Input should be a valid string"))?
            }
            (Self::Texts(..), Some(_)) => wrong("list_type", "Input should be a valid list"),
            (Self::Switch(_), Some(_)) => wrong("bool_type", "Input should be a valid boolean"),
        }
    }
}

/// Reads `a=1&b=2%203`.
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

/// Decodes percent-encoding and keeps invalid escapes.
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
