//! From the derived document to Rust: the client and its mocks, each as a parsed file.
//!
//! `xtask` compiles this file too, so that what it tries is what the crate's build will do.

use std::error::Error;

use progenitor::{GenerationSettings, Generator, HooksMode, InterfaceStyle, TypeImpl};
use quote::quote;
use serde_json::Value;

use super::{rewrite, tables};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The raw client: progenitor's output, rewritten, with our open enums and the table of operations.
pub(crate) fn client(document: &Value) -> Result<syn::File> {
    let spec: openapiv3::OpenAPI = serde_json::from_value(document.clone())?;
    let tokens = Generator::new(&settings(document)).generate_tokens(&spec)?;
    let mut file: syn::File = syn::parse2(tokens)?;
    rewrite::rewrite(&mut file, tables::open_enums(document))?;
    let table: syn::File = syn::parse2(tables::operations(document))?;
    file.items.extend(table.items);
    Ok(file)
}

/// The typed mocks of every operation.
pub(crate) fn mocks(document: &Value) -> Result<syn::File> {
    let mut spec = document.clone();
    single_values(&mut spec);
    let spec: openapiv3::OpenAPI = serde_json::from_value(spec)?;
    let tokens = Generator::new(&settings(document)).httpmock(&spec, "crate::raw")?;
    Ok(syn::parse2(tokens)?)
}

/// Builder style, our hooks, `JsonSchema` on every type, and handwritten types where the document asks for them.
fn settings(document: &Value) -> GenerationSettings {
    let mut settings = GenerationSettings::new();
    settings
        .with_interface(InterfaceStyle::Builder)
        .with_hooks(HooksMode::Expected)
        .with_inner_type(quote!(crate::ext::config::Config))
        .with_derive("schemars::JsonSchema");
    for (name, schema) in tables::schemas(document) {
        if let Some(path) = schema["x-handwritten"].as_str() {
            settings.with_replacement(name, path, std::iter::empty());
        } else if schema["x-open-enum"] == true {
            let path = format!("crate::raw::types::{}", tables::type_name(name));
            settings.with_replacement(name, path, std::iter::once(TypeImpl::Display));
        }
    }
    settings
}

/// A list in a query is sent as one pair for each value, so that is what its mock matches: a value
/// at a time. (Of the list as a whole progenitor would write a `to_string` that no list has.)
fn single_values(spec: &mut Value) {
    let schemas = spec["components"]["schemas"].clone();
    let resolve = |schema: &Value| -> Value {
        let name = schema["$ref"]
            .as_str()
            .and_then(|path| path.rsplit('/').next());
        name.and_then(|name| schemas.get(name))
            .unwrap_or(schema)
            .clone()
    };
    let Some(paths) = spec["paths"].as_object_mut() else {
        return;
    };
    let items = paths.values_mut().filter_map(Value::as_object_mut);
    for parameters in items
        .flat_map(|item| item.iter_mut())
        .filter_map(|(key, value)| {
            if key == "parameters" {
                value.as_array_mut()
            } else {
                value.get_mut("parameters").and_then(Value::as_array_mut)
            }
        })
    {
        for parameter in parameters.iter_mut().filter(|one| one["in"] == "query") {
            let schema = resolve(&parameter["schema"]);
            if schema["type"] == "array" {
                parameter["schema"] = schema["items"].clone();
            }
        }
    }
}
