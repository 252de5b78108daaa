//! Tries the generator on the derived document, before anything is replaced.
//!
//! progenitor panics where it does not know better; here every complaint is one line.

use std::{
    collections::BTreeSet,
    panic::{self, AssertUnwindSafe},
    sync::{Mutex, PoisonError},
};

use progenitor_impl::{GenerationSettings, Generator, InterfaceStyle, TagStyle};
use serde_json::{Map, Value};

use crate::{Error, Result, lower::walk, pointer};

/// Runs the generator as the crate's build does, and returns the code.
///
/// # Errors
/// The document has something that the generator cannot take; named by its pointer where it is
/// known beforehand, in the generator's own words otherwise.
pub fn generate(document: &Value) -> Result<String> {
    refuse(document)?;
    let openapi: openapiv3::OpenAPI =
        serde_json::from_value(document.clone()).map_err(|error| {
            Error::refused(format!("the derived document is no OpenAPI 3.0: {error}"))
        })?;
    let mut settings = GenerationSettings::new();
    settings
        .with_interface(InterfaceStyle::Builder)
        .with_tag(TagStyle::Merged);
    let empty = Map::new();
    for (name, schema) in document["components"]["schemas"]
        .as_object()
        .unwrap_or(&empty)
    {
        if let Some(path) = schema["x-handwritten"].as_str() {
            settings.with_replacement(name, path, std::iter::empty());
        }
    }
    let code = attempt(|| Generator::new(&settings).generate_tokens(&openapi))?;
    let text = code.to_string();
    let file = syn::parse2(code).map_err(|error| {
        Error::refused(format!(
            "the generator wrote something that is no Rust: {error}"
        ))
    })?;
    unique(&file)?;
    if let Some(needed) = MISSING
        .iter()
        .find(|name| text.contains(&format!(":: {name} ::")))
    {
        return Err(Error::refused(format!(
            "the generated code would need the crate {needed}"
        )));
    }
    attempt(|| Generator::new(&settings).httpmock(&openapi, "crate::raw"))?;
    Ok(text)
}

/// Crates that the generator brings in for formats and patterns, and that the client does without.
const MISSING: [&str; 3] = ["chrono", "uuid", "regress"];

/// Runs one of the generator's own functions; both its errors and its panics become one line.
fn attempt<T>(work: impl FnOnce() -> progenitor_impl::Result<T>) -> Result<T> {
    quietly(work)
        .map_err(|panic| Error::refused(format!("the generator gave up: {panic}")))?
        .map_err(|error| Error::refused(format!("the generator refused the document: {error}")))
}

/// Names that differ in the document can be the same in Rust.
fn unique(file: &syn::File) -> Result<()> {
    let types = file.items.iter().find_map(|item| match item {
        syn::Item::Mod(module) if module.ident == "types" => module.content.as_ref(),
        _ => None,
    });
    let mut seen = BTreeSet::new();
    for item in types.into_iter().flat_map(|(_, items)| items) {
        let name = match item {
            syn::Item::Struct(item) => &item.ident,
            syn::Item::Enum(item) => &item.ident,
            syn::Item::Type(item) => &item.ident,
            _ => continue,
        };
        if !seen.insert(name.to_string()) {
            return Err(Error::refused(format!(
                "two schemas are both {name} in Rust; rename one of them in the overlay"
            )));
        }
    }
    Ok(())
}

/// Runs `work` and turns a panic into its message, with nothing printed.
fn quietly<T>(work: impl FnOnce() -> T) -> std::result::Result<T, String> {
    /// The hook is the process's: two at once could leave it silent.
    static HOOK: Mutex<()> = Mutex::new(());

    let guard = HOOK.lock().unwrap_or_else(PoisonError::into_inner);
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let outcome = panic::catch_unwind(AssertUnwindSafe(work));
    panic::set_hook(hook);
    drop(guard);
    outcome.map_err(|payload| {
        payload
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| {
                payload
                    .downcast_ref::<&str>()
                    .map(|text| (*text).to_owned())
            })
            .unwrap_or_else(|| "it panicked without a message".to_owned())
    })
}

/// Refuses what the generator is known not to take, by pointer.
fn refuse(document: &Value) -> Result<()> {
    for operation in walk::operations(document) {
        let at = &operation.pointer;
        let value = document.pointer(at).expect("operations() found it");
        let item = &document["paths"][&operation.path];
        for (holder, list) in [
            (at.clone(), &value["parameters"]),
            (
                pointer::join("/paths", &operation.path),
                &item["parameters"],
            ),
        ] {
            for (index, parameter) in list.as_array().unwrap_or(&Vec::new()).iter().enumerate() {
                if let Some(reason) = parameter_trap(parameter) {
                    return Err(refusal(&format!("{holder}/parameters/{index}"), reason));
                }
            }
        }
        if let Some(name) =
            missing_parameter(&operation.path, [&value["parameters"], &item["parameters"]])
        {
            return Err(refusal(
                at,
                &format!("the path's {{{name}}} has no parameter of that name"),
            ));
        }
        if let Some(reason) = body_trap(&value["requestBody"]["content"]) {
            return Err(refusal(&format!("{at}/requestBody/content"), &reason));
        }
    }
    Ok(())
}

fn refusal(at: &str, reason: &str) -> Error {
    Error::refused(format!(
        "{at}: {reason}; remove or restate it in the overlay"
    ))
}

fn parameter_trap(parameter: &Value) -> Option<&'static str> {
    let place = parameter["in"].as_str().unwrap_or("");
    let style = parameter["style"].as_str();
    match (place, style) {
        ("cookie", _) => Some("the client sends no cookies, so a cookie parameter has no place"),
        ("query", Some(style)) if style != "form" => {
            Some("a query parameter must have the style `form`; others are not generated")
        }
        ("path" | "header", Some(style)) if style != "simple" => {
            Some("a path or header parameter must have the style `simple`")
        }
        ("path", _) if parameter["required"] != true => Some("a path parameter must be required"),
        _ if parameter.get("schema").is_none() => Some("a parameter must have a schema"),
        _ => None,
    }
}

/// The first `{name}` of a path that no path parameter fills.
fn missing_parameter(path: &str, lists: [&Value; 2]) -> Option<String> {
    let names = path
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next());
    let is_filled = |name: &str| {
        lists
            .iter()
            .filter_map(|list| list.as_array())
            .flatten()
            .any(|parameter| parameter["in"] == "path" && parameter["name"] == name)
    };
    names
        .filter(|name| !is_filled(name))
        .map(str::to_owned)
        .next()
}

fn body_trap(content: &Value) -> Option<String> {
    let content = content.as_object()?;
    if content.len() > 1 {
        let types: Vec<&str> = content.keys().map(String::as_str).collect();
        return Some(format!(
            "a request body must have one media type or JSON among them, not {}",
            types.join(" and ")
        ));
    }
    let (media_type, body) = content.iter().next()?;
    if media_type.starts_with("multipart/") {
        return Some(format!("a {media_type} request body is not generated"));
    }
    if body.get("schema").is_none() {
        return Some("a request body must have a schema".to_owned());
    }
    None
}
