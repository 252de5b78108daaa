//! Tries the generator on the derived document before any file is replaced.
//!
//! progenitor panics on documents that it does not support, and its messages name no location. What
//! is known to be unsupported is therefore refused beforehand, with its JSON pointer. For any other
//! failure, `search` finds the operations or the component that cause it.

mod cycles;
mod names;
mod panics;
mod parameters;
mod search;

use proc_macro2::TokenStream;
use serde_json::Value;

use crate::{
    Error, Result,
    document::{pointer, walk},
    generator::Generator,
    lowering::adapt::bodies::SUPPORTED,
    refusal::{self, Refusal},
};

/// The code that a generator writes for a lowered document.
#[derive(Clone, Debug)]
pub struct Generated {
    client: TokenStream,
    mocks: Option<TokenStream>,
}

impl Generated {
    /// Returns the formatted code of the client.
    pub fn client(&self) -> String {
        formatted(&self.client)
    }

    /// Returns the formatted code of the mocks, if the generator writes any.
    pub fn mocks(&self) -> Option<String> {
        self.mocks.as_ref().map(formatted)
    }
}

fn formatted(code: &TokenStream) -> String {
    match syn::parse2(code.clone()) {
        Ok(file) => prettyplease::unparse(&file),
        Err(_) => code.to_string(),
    }
}

/// Runs the generator on a lowered document.
///
/// # Errors
/// The document has something that the generator does not support, or for which it would generate
/// code that does not compile. The message names its JSON pointer.
pub fn generate(document: &Value, generator: &dyn Generator) -> Result<Generated> {
    let mut refusals = bodies(document);
    refusals.extend(parameters::check(document, generator.dialect()));
    refusals.extend(names::check(document, generator.methods()));
    refusals.extend(cycles::check(document));
    refusal::none(refusals)?;
    let generated = attempt(document, generator).map_err(|reason| {
        let found = search::locate(document, generator);
        if found.is_empty() {
            return Error::new(reason);
        }
        Error::of_refusals(found)
    })?;
    names::check_code(document, &generated.client)?;
    Ok(generated)
}

/// Returns only the client of a document that [`generate`] has accepted.
pub fn client(document: &Value, generator: &dyn Generator) -> Option<String> {
    let code = panics::caught(|| generator.client(document).ok()).ok()??;
    Some(formatted(&code))
}

/// Runs the generator for the client and the mocks, and returns the reason for an error or a panic.
fn attempt(document: &Value, generator: &dyn Generator) -> std::result::Result<Generated, String> {
    let client = panics::caught(|| generator.client(document));
    let mocks = panics::caught(|| generator.mocks(document));
    Ok(Generated {
        client: completed(client)?,
        mocks: completed(mocks)?,
    })
}

/// Returns the reason for an error or a panic of the generator.
fn completed<T>(
    outcome: std::result::Result<std::result::Result<T, Box<dyn std::error::Error>>, String>,
) -> std::result::Result<T, String> {
    outcome
        .map_err(|panic| format!("the generator panicked: {panic}"))?
        .map_err(|error| format!("the generator refused the document: {error}"))
}

/// Returns the request bodies that the generator does not support.
fn bodies(document: &Value) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for operation in walk::operations(document) {
        let at = pointer::join(&operation.pointer, "requestBody");
        let content = document.pointer(&pointer::join(&at, "content"));
        if let Some(reason) = content.and_then(unsupported_body) {
            refusals.push(Refusal::new(pointer::join(&at, "content"), reason));
        }
    }
    refusals
}

/// Returns why a request body is unsupported, or `None` if it is supported.
fn unsupported_body(content: &Value) -> Option<String> {
    let content = content.as_object()?;
    if content.len() > 1 {
        let types: Vec<&str> = content.keys().map(String::as_str).collect();
        return Some(format!(
            "a request body must have one media type, or JSON among several, not {}",
            types.join(" and ")
        ));
    }
    let (media_type, body) = content.iter().next()?;
    let essence = media_type.split(';').next().unwrap_or("").trim();
    if !SUPPORTED.contains(&essence) {
        return Some(format!(
            "a request body of type {media_type} is not supported"
        ));
    }
    if body.get("schema").is_none() {
        return Some("a request body must have a schema".to_owned());
    }
    if body["encoding"]
        .as_object()
        .is_some_and(|encoding| !encoding.is_empty())
    {
        return Some("a request body with an `encoding` is not supported".to_owned());
    }
    None
}
