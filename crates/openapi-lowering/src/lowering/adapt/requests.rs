//! Rewrites what is sent, so that a request contains only what the caller set.

use serde_json::{Value, json};

use crate::{
    document::{
        pointer,
        reach::Reach,
        walk::{self, Position, Site},
    },
    generator::Dialect,
    ledger::Ledger,
};

use super::super::Target;

/// Moves a default in a request to the description, so that the service applies its own default.
pub(super) fn defaults(document: &mut Value, ledger: &mut Ledger, target: Target) {
    let reach = Reach::of(document);
    for site in walk::schemas(document) {
        if !reach.is_sent(&site) {
            continue;
        }
        let Some(schema) = pointer::object_mut(document, &site.pointer) else {
            continue;
        };
        let Some(default) = schema.shift_remove("default") else {
            continue;
        };
        match &default {
            Value::Null => {}
            Value::String(text) => note(document, &site, &format!("Defaults to `{text}`.")),
            other => note(document, &site, &format!("Defaults to `{other}`.")),
        }
        if !default.is_null() {
            keep(document, &site, "default", default, target.dialect);
        }
        ledger.lossy(pointer::join(&site.pointer, "default"));
    }
}

/// Adds a sentence to the description that appears in the generated documentation.
///
/// For a parameter, this is the description of the parameter object, not that of its schema.
pub(super) fn note(document: &mut Value, site: &Site, sentence: &str) {
    let holder = match pointer::split(&site.pointer) {
        Some((parent, _)) if site.position == Position::Parameter && site.is_root() => parent,
        _ => &site.pointer,
    };
    let inner = pointer::get(document, &site.pointer)
        .and_then(|schema| schema["description"].as_str())
        .map(str::to_owned);
    let Some(holder) = pointer::object_mut(document, holder) else {
        return;
    };
    let text = holder
        .get("description")
        .and_then(Value::as_str)
        .map(str::to_owned)
        .or(inner)
        .unwrap_or_default();
    let text = match text.trim_end() {
        "" => sentence.to_owned(),
        text if text.ends_with(['.', '!', '?']) => format!("{text} {sentence}"),
        text => format!("{text}. {sentence}"),
    };
    holder.insert("description".to_owned(), json!(text));
}

/// The member with what a property's JSON Schema states and its Rust type does not.
const JSON_SCHEMA: &str = "x-json-schema";

/// Keeps a keyword for the JSON Schema of a property.
pub(super) fn keep(
    document: &mut Value,
    site: &Site,
    keyword: &str,
    value: Value,
    dialect: Dialect,
) {
    if dialect == Dialect::Extended
        && site.is_property()
        && let Some(schema) = pointer::object_mut(document, &site.pointer)
    {
        let kept = schema.entry(JSON_SCHEMA).or_insert(json!({}));
        kept[keyword] = value;
    }
}

/// Makes a nullable parameter optional, because null cannot be sent as a parameter.
pub(super) fn nullable_parameters(document: &mut Value, ledger: &mut Ledger) {
    for site in walk::schemas(document) {
        if site.position != Position::Parameter || !site.is_root() {
            continue;
        }
        let Some(schema) = pointer::object_mut(document, &site.pointer) else {
            continue;
        };
        if schema.shift_remove("nullable").is_none() {
            continue;
        }
        ledger.exact(pointer::join(&site.pointer, "nullable"));
        let parameter = pointer::split(&site.pointer).map_or("", |(parent, _)| parent);
        if let Some(parameter) = pointer::object_mut(document, parameter)
            && parameter.get("in") != Some(&json!("path"))
        {
            parameter.insert("required".to_owned(), json!(false));
        }
    }
}
