//! The JSON Schemas of the types, with the feature `schemars`: what a property's Rust type does not state.

use serde_json::{Map, Value};
use syn::{Attribute, Item, LitStr, parse_quote};

use super::tables;

/// Adds to each field of a type the limits and the default that the document states of its property.
pub(crate) fn add_limits(item: &mut Item, document: &Value) {
    let Item::Struct(ty) = item else { return };
    let mut schemas = tables::schemas(document);
    let schema = schemas.find(|(name, _)| ty.ident == tables::rust_name(name));
    let properties = schema.and_then(|(_, schema)| schema["properties"].as_object());
    let Some(properties) = properties else {
        return;
    };
    for field in &mut ty.fields {
        let name = field.attrs.iter().find_map(renamed);
        let name = name.or_else(|| Some(field.ident.as_ref()?.to_string()));
        let property = name.and_then(|name| properties.get(&name));
        for (keyword, value) in property.map(limits).unwrap_or_default() {
            let value: syn::Expr = literal(&value);
            field
                .attrs
                .push(parse_quote!(#[schemars(extend(#keyword = #value))]));
        }
    }
}

/// The keywords of a property that no Rust type states.
fn limits(property: &Value) -> Map<String, Value> {
    let mut limits = property["x-json-schema"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    for (bound, exclusive) in [
        ("minimum", "exclusiveMinimum"),
        ("maximum", "exclusiveMaximum"),
    ] {
        if let Some(value) = property.get(bound) {
            // A boolean in OpenAPI 3.0, the number itself in JSON Schema.
            let keyword = if property[exclusive] == true {
                exclusive
            } else {
                bound
            };
            limits.entry(keyword).or_insert_with(|| value.clone());
        }
    }
    limits
}

/// The `a-b` of `#[serde(rename = "a-b")]`.
fn renamed(attribute: &Attribute) -> Option<String> {
    let mut name = None;
    if attribute.path().is_ident("serde") {
        // An argument in another notation ends the parsing. Its error does not matter.
        let _ = attribute.parse_nested_meta(|argument| {
            if argument.path.is_ident("rename") {
                name = Some(argument.value()?.parse::<LitStr>()?.value());
            } else if argument.input.peek(syn::Token![=]) {
                argument.value()?.parse::<LitStr>()?;
            }
            Ok(())
        });
    }
    name
}

/// `serde_json::json!`'s notation of a value is JSON itself.
fn literal(value: &Value) -> syn::Expr {
    let json: proc_macro2::TokenStream = value.to_string().parse().expect("JSON is Rust tokens");
    parse_quote!(::serde_json::json!(#json))
}
