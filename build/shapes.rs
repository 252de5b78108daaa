//! The shapes of the success bodies, with which responses are compared.

use std::fmt::Write as _;

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use serde_json::Value;

use super::tables;

/// The statics with the shapes of all components. Statics may refer to each other in a cycle.
// Assumptions: scene-fields, asset-fields, job-fields, scene-status-fields, whoami-fields.
// Assumption: usage-fields.
pub(crate) fn shapes(document: &Value) -> TokenStream {
    let shapes = tables::schemas(document).map(|(name, schema)| {
        let (ident, shape) = (ident(name), component(document, schema));
        quote!(pub(crate) static #ident: Shape = #shape;)
    });
    quote! {
        #[allow(
            dead_code,
            non_upper_case_globals,
            reason = "requests have components, too, and a name keeps the case of its component"
        )]
        mod shapes {
            use crate::ext::drift::shape::{Field, Resource, Shape};
            #(#shapes)*
        }
    }
}

/// The shape of an operation's success body, as an expression outside of the module.
pub(crate) fn of_success(document: &Value, operation: &Value) -> TokenStream {
    let name = tables::successes(operation)
        .find_map(|response| referenced(&response["content"]["application/json"]["schema"]));
    let known = name.filter(|name| document["components"]["schemas"].get(name).is_some());
    known.map(ident).map_or_else(
        || quote!(&crate::ext::drift::shape::Shape::Any),
        |ident| quote!(&shapes::#ident),
    )
}

fn component(document: &Value, schema: &Value) -> TokenStream {
    let Some(path) = schema["x-handwritten"].as_str() else {
        return shape(document, schema);
    };
    let generic = |name: &str| {
        let rest = path.rsplit_once(name)?.1;
        rest.strip_suffix('>')?.rsplit("::").next()
    };
    let fields = fields(document, schema);
    if let Some((ty, item)) =
        generic("::Page<").and_then(|item| resource(document, item, &quote!(&[])))
    {
        quote! {
            Shape::Page {
                lists: <#ty as crate::ext::http::response::Resource>::LISTS,
                item: #item,
                fields: &[#(#fields),*],
            }
        }
    } else if let Some((_, resource)) =
        generic("::Envelope<").and_then(|item| resource(document, item, &quote!(&[#(#fields),*])))
    {
        quote!(Shape::Envelope(#resource))
    } else if path.ends_with("::Timestamp") {
        quote!(Shape::Time)
    } else {
        quote!(Shape::Any)
    }
}

/// The type and the shape of a resource, by the name of its type.
fn resource(
    document: &Value,
    item: &str,
    beside: &TokenStream,
) -> Option<(TokenStream, TokenStream)> {
    let mut schemas = tables::schemas(document);
    let (name, _) = schemas.find(|(name, _)| tables::rust_name(name) == item)?;
    let (ident, item) = (ident(name), format_ident!("{item}"));
    let ty = quote!(super::types::#item);
    let resource = quote! {
        Resource {
            names: <#ty as crate::ext::http::response::Resource>::NAMES,
            ids: <#ty as crate::ext::http::response::Resource>::ID,
            shape: &#ident,
            beside: #beside,
        }
    };
    Some((ty, resource))
}

fn shape(document: &Value, schema: &Value) -> TokenStream {
    if let Some(name) = referenced(schema) {
        let name = ident(name);
        return quote!(Shape::Same(&#name));
    }
    let words: Option<Vec<&str>> = schema["enum"]
        .as_array()
        .and_then(|words| words.iter().map(Value::as_str).collect());
    match (schema["type"].as_str(), words) {
        (Some("string"), Some(words)) => quote!(Shape::Words(&[#(#words),*])),
        (Some("string"), None) => quote!(Shape::Text),
        (Some("boolean"), _) => quote!(Shape::Boolean),
        (Some("integer"), _) => quote!(Shape::Integer),
        (Some("number"), _) => quote!(Shape::Number),
        (Some("array"), _) => {
            let item = reference(document, &schema["items"]);
            quote!(Shape::List(#item))
        }
        (Some("object"), _) if schema["properties"].is_object() => {
            let fields = fields(document, schema);
            quote!(Shape::Object(&[#(#fields),*]))
        }
        (Some("object"), _) if schema["additionalProperties"].is_object() => {
            let value = reference(document, &schema["additionalProperties"]);
            quote!(Shape::Map(#value))
        }
        _ => quote!(Shape::Any),
    }
}

fn fields(document: &Value, schema: &Value) -> Vec<TokenStream> {
    let required = schema["required"].as_array();
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, property)| {
            let is_required = required.is_some_and(|all| all.iter().any(|one| one == name));
            let is_nullable = property["nullable"] == true;
            let shape = match property["type"].as_str() {
                Some("string") if tables::is_id(name) => quote!(&Shape::Id),
                _ => reference(document, property),
            };
            quote! {
                Field {
                    name: #name,
                    shape: #shape,
                    is_required: #is_required,
                    is_nullable: #is_nullable,
                }
            }
        })
        .collect()
}

/// A reference to a shape: to the static of a component, or to a constant.
fn reference(document: &Value, schema: &Value) -> TokenStream {
    let shape = referenced(schema).map_or_else(
        || shape(document, schema),
        |name| ident(name).into_token_stream(),
    );
    quote!(&#shape)
}

/// The component that a schema is, also as the only part of an `allOf`.
fn referenced(schema: &Value) -> Option<&str> {
    let only = schema["allOf"].as_array().filter(|all| all.len() == 1);
    let schema = only.map_or(schema, |all| &all[0]);
    schema["$ref"]
        .as_str()?
        .strip_prefix("#/components/schemas/")
}

/// The static of a component. Its name has the component's letters and digits, and the code of every other byte,
/// so two components have two statics.
fn ident(name: &str) -> Ident {
    let mut ident = String::from("SHAPE_");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() {
            ident.push(char::from(byte));
        } else {
            let _ = write!(ident, "_{byte:02X}");
        }
    }
    format_ident!("{ident}")
}
