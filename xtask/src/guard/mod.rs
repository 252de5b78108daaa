//! Tries the generator on the derived document, before anything is replaced.
//!
//! progenitor panics where it does not know better, and its complaints name no place. What is
//! known to trap it is refused beforehand by JSON pointer; for anything else the operation or the
//! component that brings it about is searched for.

mod cycles;
mod names;
mod panics;
mod parameters;
mod search;

use serde_json::Value;

use crate::{Error, Result, generator, lower::walk, pointer};

/// What the crate's build will write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    /// The raw client.
    pub client: String,
    /// The typed mocks.
    pub mocks: String,
}

/// Runs the generator as the crate's build does.
///
/// # Errors
/// The document has something that the generator cannot take, or that it would turn into code
/// that does not compile; named by its JSON pointer.
pub fn generate(document: &Value) -> Result<Generated> {
    bodies(document)?;
    parameters::check(document)?;
    names::check(document)?;
    cycles::check(document)?;
    let (client, mocks) = attempt(document).map_err(|reason| {
        let reason = search::locate(document).map_or(reason.clone(), |at| {
            format!("{at}: {reason}; restate it in the overlay")
        });
        Error::refused(reason)
    })?;
    names::check_code(document, &client)?;
    let generated = Generated {
        client: prettyplease::unparse(&client),
        mocks: prettyplease::unparse(&mocks),
    };
    let needs = |name: &&&str| generated.client.contains(&format!("::{name}::"));
    match MISSING.iter().find(needs) {
        None => Ok(generated),
        Some(needed) => Err(Error::refused(format!(
            "the generated code would need the crate {needed}"
        ))),
    }
}

/// The client alone, of a document that was tried before.
pub(crate) fn client(document: &Value) -> Option<String> {
    let file = panics::caught(|| generator::client(document).ok()).ok()??;
    Some(prettyplease::unparse(&file))
}

/// Crates that the generator brings in for formats and patterns, and that the client does without.
const MISSING: [&str; 3] = ["chrono", "uuid", "regress"];

/// Runs the generator for client and mocks; both its errors and its panics become a reason.
fn attempt(document: &Value) -> std::result::Result<(syn::File, syn::File), String> {
    let run = |work: fn(&Value) -> std::result::Result<syn::File, Box<dyn std::error::Error>>| {
        panics::caught(|| work(document).map_err(|error| error.to_string()))
            .map_err(|panic| format!("the generator gave up: {panic}"))?
            .map_err(|error| format!("the generator refused the document: {error}"))
    };
    Ok((run(generator::client)?, run(generator::mocks)?))
}

/// Refuses request bodies that are not generated.
fn bodies(document: &Value) -> Result<()> {
    for operation in walk::operations(document) {
        let at = pointer::join(&operation.pointer, "requestBody");
        let content = document.pointer(&pointer::join(&at, "content"));
        if let Some(reason) = content.and_then(body_trap) {
            return Err(refusal(&pointer::join(&at, "content"), &reason));
        }
    }
    Ok(())
}

fn refusal(at: &str, reason: &str) -> Error {
    Error::refused(format!(
        "{at}: {reason}; remove or restate it in the overlay"
    ))
}

/// The media types that the generator can send.
const SENT: [&str; 5] = [
    "application/json",
    "application/octet-stream",
    "application/x-www-form-urlencoded",
    "text/plain",
    "text/x-markdown",
];

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
    let essence = media_type.split(';').next().unwrap_or("").trim();
    if !SENT.contains(&essence) {
        return Some(format!("a {media_type} request body is not generated"));
    }
    if body.get("schema").is_none() {
        return Some("a request body must have a schema".to_owned());
    }
    if body["encoding"]
        .as_object()
        .is_some_and(|encoding| !encoding.is_empty())
    {
        return Some("a request body with an `encoding` is not generated".to_owned());
    }
    None
}
