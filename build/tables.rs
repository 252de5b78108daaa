//! What the handwritten layer needs from the document: its operations and its open enums.

use heck::ToUpperCamelCase;
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use serde_json::Value;

use super::shapes;

/// Every schema under `components`.
pub(crate) fn schemas(document: &Value) -> impl Iterator<Item = (&String, &Value)> {
    document["components"]["schemas"]
        .as_object()
        .into_iter()
        .flatten()
}

/// The operation with this id.
pub(crate) fn operation<'a>(document: &'a Value, id: &str) -> Option<&'a Value> {
    let items = document["paths"].as_object()?.values();
    let mut operations = items
        .filter_map(Value::as_object)
        .flat_map(|item| item.values());
    operations.find(|operation| operation["operationId"] == id)
}

/// The constant `OPERATIONS`: what the document states about each operation.
///
/// # Errors
///
/// A member `x-idempotency`, `x-starts` or `x-priority` has an unknown value.
// Assumption: document-operations.
pub(crate) fn operations(document: &Value) -> Result<TokenStream, String> {
    let mut rows = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let Some(id) = operation["operationId"].as_str() else {
                continue;
            };
            let method = method.to_uppercase();
            let by_method = match method.as_str() {
                // Assumption: reads-are-free.
                "GET" | "HEAD" | "OPTIONS" | "TRACE" => "safe",
                // Assumption: update-delete-idempotent.
                "PUT" | "DELETE" => "idempotent",
                // The cost of an unknown POST is unknown.
                _ => "paid",
            };
            let idempotency = operation["x-idempotency"].as_str().unwrap_or(by_method);
            let idempotency = member(
                id,
                "x-idempotency",
                idempotency,
                &["safe", "idempotent", "once", "paid"],
            )?;
            let starts = if let Some(starts) = operation["x-starts"].as_str() {
                let starts = member(id, "x-starts", starts, &["scene", "asset", "edit"])?;
                quote!(Some(crate::ext::http::operation::Starts::#starts))
            } else {
                quote!(None)
            };
            let by_cost = if idempotency == "Paid" {
                "high"
            } else {
                "normal"
            };
            let priority = operation["x-priority"].as_str().unwrap_or(by_cost);
            let priority = member(id, "x-priority", priority, &["normal", "high", "highest"])?;
            let success = format_ident!("{}", success(operation));
            let shape = shapes::of_success(document, operation);
            rows.push(quote! {
                crate::ext::http::operation::Operation {
                    id: #id,
                    path: #path,
                    idempotency: crate::ext::error::Idempotency::#idempotency,
                    starts: #starts,
                    success: crate::ext::http::operation::Success::#success,
                    priority: crate::ext::http::operation::Priority::#priority,
                    shape: #shape,
                }
            });
        }
    }
    Ok(quote! {
        /// Every operation of the document.
        pub(crate) const OPERATIONS: &[crate::ext::http::operation::Operation<'static>] = &[#(#rows),*];
    })
}

/// The variant for a member's value.
fn member(id: &str, name: &str, value: &str, values: &[&str]) -> Result<Ident, String> {
    if values.contains(&value) {
        return Ok(format_ident!("{}", type_name(value)));
    }
    let values = values.join(", ");
    Err(format!(
        "`{name}` of `{id}` is `{value}`; it must be one of {values}"
    ))
}

/// The responses of an operation that are a success.
pub(crate) fn successes(operation: &Value) -> impl Iterator<Item = &Value> {
    let responses = operation["responses"].as_object().into_iter().flatten();
    let successes = responses.filter(|(code, _)| code.starts_with('2'));
    successes.map(|(_, response)| response)
}

/// Whether a property is an id, by its name. A service may send one as a number.
pub(crate) fn is_id(property: &str) -> bool {
    // Assumption: id-characters.
    property == "id" || property.ends_with("_id")
}

/// The kind of an operation's success body: JSON where the document does not say.
pub(crate) fn success(operation: &Value) -> &'static str {
    let media: Vec<&str> = successes(operation)
        .filter_map(|response| response["content"].as_object())
        .flat_map(serde_json::Map::keys)
        .map(String::as_str)
        .collect();
    if media.is_empty()
        || media
            .iter()
            .any(|media| media.starts_with("application/json"))
    {
        "Json"
    } else if media
        .iter()
        .any(|media| media.starts_with("text/event-stream"))
    {
        "Events"
    } else {
        "File"
    }
}

/// Whether a schema becomes an open enum: a component that lists strings. A new value of a request needs no
/// new version of the crate, and one of a response can be decoded.
pub(crate) fn is_open_enum(schema: &Value) -> bool {
    schema["type"] == "string" && schema["enum"].is_array() && schema["x-handwritten"].is_null()
}

/// The open enums: `JobStatus { Queued = "queued", … }` and `Unknown(String)`. Those in responses have an
/// `x-open-enum`.
pub(crate) fn open_enums(document: &Value) -> TokenStream {
    let enums = schemas(document)
        .filter(|(_, schema)| is_open_enum(schema))
        .map(|(name, schema)| {
            let ident = format_ident!("{}", rust_name(name));
            let doc = schema["description"].as_str().unwrap_or(name);
            let values: Vec<&str> = schema["enum"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let variants = variant_names(&values);
            // A request may have the listed values only, as far as the document knows.
            let keyword = if schema["x-open-enum"] == true {
                "examples"
            } else {
                "enum"
            };
            quote! {
                crate::ext::values::open_enum::open_enum! {
                    #[doc = #doc]
                    #keyword #ident { #(#variants = #values),* }
                }
            }
        });
    quote!(#(#enums)*)
}

/// A variant for each value. Values whose names collide, or are taken, are numbered.
fn variant_names(values: &[&str]) -> Vec<Ident> {
    const TAKEN: [&str; 2] = ["Unknown", "Self"];
    let mut names: Vec<String> = Vec::new();
    for value in values {
        let plain = type_name(value);
        let mut name = plain.clone();
        let mut number = 2;
        while names.contains(&name) || TAKEN.contains(&name.as_str()) {
            name = format!("{plain}{number}");
            number += 1;
        }
        names.push(name);
    }
    names.iter().map(|name| format_ident!("{name}")).collect()
}

/// The name of the type that progenitor generates for a component: `JOB_STATUS` → `JobStatus`,
/// `Page[str]_Order` → `PageStrOrder`. Replacements are found by it.
pub(crate) fn rust_name(name: &str) -> String {
    let words = name.replace('\'', "");
    let words = words.replace(|c: char| !(c.is_alphanumeric() || c == '_'), "-");
    let name = words.to_upper_camel_case();
    let name = match name.chars().next() {
        Some(first) if first.is_alphabetic() => name,
        _ => format!("X{name}"),
    };
    // The only keyword in upper camel case.
    if name == "Self" {
        "Self_".to_owned()
    } else {
        name
    }
}

/// `in_progress` → `InProgress`.
pub(crate) fn type_name(name: &str) -> String {
    let words = name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let name: String = words
        .map(|word| word[..1].to_uppercase() + &word[1..])
        .collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) || name.is_empty() {
        format!("N{name}")
    } else {
        name
    }
}
