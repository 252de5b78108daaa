//! What the handwritten layer must know of the document: its operations and its open enums.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use serde_json::Value;

/// Every schema under `components`.
pub(crate) fn schemas(document: &Value) -> impl Iterator<Item = (&String, &Value)> {
    document["components"]["schemas"]
        .as_object()
        .into_iter()
        .flatten()
}

/// A constant `OPERATIONS`: for each operation its id, its method, its path and whether it streams.
pub(crate) fn operations(document: &Value) -> TokenStream {
    let mut rows = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let Some(id) = operation["operationId"].as_str() else {
                continue;
            };
            let method = method.to_uppercase();
            let is_streamed = is_streamed(operation);
            rows.push(quote! {
                crate::ext::http::operation::Operation {
                    id: #id,
                    method: #method,
                    path: #path,
                    is_streamed: #is_streamed,
                }
            });
        }
    }
    quote! {
        /// Every operation of the document.
        pub(crate) const OPERATIONS: &[crate::ext::http::operation::Operation] = &[#(#rows),*];
    }
}

/// Whether an operation's success body is anything but JSON; JSON where the document is silent.
fn is_streamed(operation: &Value) -> bool {
    let responses = operation["responses"].as_object().into_iter().flatten();
    let mut success = responses.filter(|(code, _)| code.starts_with('2'));
    success.any(|(_, response)| {
        let mut media = response["content"]
            .as_object()
            .into_iter()
            .flat_map(serde_json::Map::keys)
            .peekable();
        media.peek().is_some() && !media.any(|media| media.starts_with("application/json"))
    })
}

/// The enums of answers: `JobStatus { Queued = "queued", … }` with `Unknown(String)` beside.
pub(crate) fn open_enums(document: &Value) -> TokenStream {
    let enums = schemas(document)
        .filter(|(_, schema)| schema["x-open-enum"] == true)
        .map(|(name, schema)| {
            let ident = format_ident!("{}", type_name(name));
            let doc = schema["description"].as_str().unwrap_or(name);
            let values: Vec<&str> = schema["enum"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let variants = variant_names(&values);
            quote! {
                crate::ext::values::open_enum::open_enum! {
                    #[doc = #doc]
                    #ident { #(#variants = #values),* }
                }
            }
        });
    quote!(#(#enums)*)
}

/// A variant for each value; values whose names are the same, or taken, are numbered.
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
