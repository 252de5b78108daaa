//! What a recording may keep of a text: the words of the document, and the routes of its operations.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::quote;
use serde_json::Value;

/// The constants `ROUTES` (method, path, id), `WORDS` (what enums list) and `NAMES` (members and parameters).
pub(crate) fn vocabulary(document: &Value) -> TokenStream {
    let mut routes = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            if let Some(id) = operation["operationId"].as_str() {
                let method = method.to_uppercase();
                routes.push(quote!((#method, #path, #id)));
            }
        }
    }
    let (mut words, mut names) = (BTreeSet::new(), BTreeSet::new());
    collect(document, &mut words, &mut names);
    let (words, names) = (words.iter(), names.iter());
    quote! {
        pub(super) const ROUTES: &[(&str, &str, &str)] = &[#(#routes),*];
        pub(super) const WORDS: &[&str] = &[#(#words),*];
        pub(super) const NAMES: &[&str] = &[#(#names),*];
    }
}

fn collect<'d>(value: &'d Value, words: &mut BTreeSet<&'d str>, names: &mut BTreeSet<&'d str>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, words, names)),
        Value::Object(members) => {
            let listed = members.get("enum").and_then(Value::as_array);
            words.extend(listed.into_iter().flatten().filter_map(Value::as_str));
            let properties = members.get("properties").and_then(Value::as_object);
            names.extend(
                properties
                    .into_iter()
                    .flatten()
                    .map(|(name, _)| name.as_str()),
            );
            if members.contains_key("in") {
                names.extend(members.get("name").and_then(Value::as_str));
            }
            members
                .values()
                .for_each(|value| collect(value, words, names));
        }
        _ => {}
    }
}
