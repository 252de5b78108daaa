//! Sends parameters under their own names where the document had to rename them.

use std::collections::HashMap;

use proc_macro2::{Group, Literal, TokenStream, TokenTree};
use serde_json::Value;

/// Replaces the name of each parameter that has an `x-name` with that name. The document guarantees
/// that no other literal is the same.
pub(crate) fn sent(document: &Value, tokens: TokenStream) -> TokenStream {
    let mut names = HashMap::new();
    collect(&document["paths"], &mut names);
    if names.is_empty() {
        return tokens;
    }
    replace(tokens, &names)
}

fn collect(value: &Value, names: &mut HashMap<String, String>) {
    match value {
        Value::Object(map) => {
            if let (Some(sent), Some(name)) = (value["x-name"].as_str(), value["name"].as_str()) {
                names.insert(Literal::string(name).to_string(), sent.to_owned());
            }
            map.values().for_each(|value| collect(value, names));
        }
        Value::Array(list) => list.iter().for_each(|value| collect(value, names)),
        _ => {}
    }
}

fn replace(tokens: TokenStream, names: &HashMap<String, String>) -> TokenStream {
    let replaced = tokens.into_iter().map(|token| match token {
        TokenTree::Group(group) => {
            let mut inner = Group::new(group.delimiter(), replace(group.stream(), names));
            inner.set_span(group.span());
            TokenTree::Group(inner)
        }
        TokenTree::Literal(literal) => match names.get(&literal.to_string()) {
            Some(sent) => TokenTree::Literal(Literal::string(sent)),
            None => TokenTree::Literal(literal),
        },
        token => token,
    });
    replaced.collect()
}
