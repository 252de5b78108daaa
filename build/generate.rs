//! From the derived document to Rust: the client and its mocks, each as a parsed file.
//!
//! `xtask` compiles this file too, so a trial build does what the crate's build will do.

use std::env;
use std::error::Error;

use progenitor::{GenerationSettings, Generator, InterfaceStyle, TypeImpl};
use serde_json::{Value, json};

use super::{docs, names, rewrite, shapes, tables, verbs};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Generates the raw client: progenitor's output, rewritten, with the open enums, further methods on
/// the builders, the table of operations and the shapes of responses.
pub(crate) fn client(document: &Value) -> Result<syn::File> {
    let spec: openapiv3::OpenAPI = serde_json::from_value(document.clone())?;
    let tokens = Generator::new(&settings(document)?).generate_tokens(&spec)?;
    let mut file: syn::File = syn::parse2(names::sent(document, tokens))?;
    let builders = rewrite::rewrite(&mut file, document)?;
    let types = verbs::structs(&file, "types");
    docs::document_client(document, &mut file, &builders, &types);
    let verbs: syn::File = syn::parse2(verbs::verbs(document, &types, &builders))?;
    let table: syn::File = syn::parse2(tables::operations(document)?)?;
    file.items.extend(verbs.items);
    file.items.extend(table.items);
    let shapes: syn::File = syn::parse2(shapes::shapes(document))?;
    file.items.extend(shapes.items);
    Ok(file)
}

/// Generates typed mocks of every operation.
pub(crate) fn mocks(document: &Value) -> Result<syn::File> {
    let mut spec = document.clone();
    without_unsupported_by_mocks(&mut spec);
    let spec: openapiv3::OpenAPI = serde_json::from_value(spec)?;
    let tokens = Generator::new(&settings(document)?).httpmock(&spec, module(document))?;
    Ok(syn::parse2(names::sent(document, tokens))?)
}

/// Builder style, `PartialEq`, `JsonSchema` on every type with the feature `schemars`, and handwritten types where
/// the document names them.
fn settings(document: &Value) -> Result<GenerationSettings> {
    let inner_type = document["x-inner-type"].as_str();
    let inner_type = inner_type
        .unwrap_or("crate::ext::http::config::Config")
        .parse()?;
    let mut settings = GenerationSettings::new();
    settings
        .with_interface(InterfaceStyle::Builder)
        .with_inner_type(inner_type)
        .with_derive("PartialEq");
    if env::var_os("CARGO_FEATURE_SCHEMARS").is_some() {
        settings.with_derive("schemars::JsonSchema");
    }
    for (name, schema) in tables::schemas(document) {
        if let Some(path) = schema["x-handwritten"].as_str() {
            settings.with_replacement(tables::rust_name(name), path, std::iter::empty());
        } else if tables::is_open_enum(schema) {
            let name = tables::rust_name(name);
            let path = format!("{}::types::{name}", module(document));
            settings.with_replacement(name, path, std::iter::once(TypeImpl::Display));
        }
    }
    Ok(settings)
}

/// The module that includes the client.
fn module(document: &Value) -> &str {
    document["x-module"].as_str().unwrap_or("crate::raw")
}

/// Replaces three kinds of schema with which progenitor's mocks do not compile. A list in a query is
/// sent as one pair for each value, so its mock matches one value at a time. A nullable body is
/// matched, or returned, by a body that is not null, and a number or a boolean by a JSON value.
fn without_unsupported_by_mocks(spec: &mut Value) {
    let schemas = spec["components"]["schemas"].clone();
    let resolve = |schema: &Value| -> Value {
        let name = schema["$ref"]
            .as_str()
            .and_then(|path| path.rsplit('/').next());
        name.and_then(|name| schemas.get(name))
            .unwrap_or(schema)
            .clone()
    };
    let items = spec["paths"]
        .as_object_mut()
        .into_iter()
        .flat_map(|paths| paths.values_mut());
    for (key, value) in items.filter_map(Value::as_object_mut).flatten() {
        let parameters = if key == "parameters" {
            value.as_array_mut()
        } else {
            value.get_mut("parameters").and_then(Value::as_array_mut)
        };
        for parameter in parameters.into_iter().flatten() {
            let schema = resolve(&parameter["schema"]);
            if parameter["in"] == "query" && schema["type"] == "array" {
                let item = &schema["items"];
                // The client names the type of an unnamed enum after the list.
                parameter["schema"] = if item["enum"].is_array() {
                    json!({"type": "string"})
                } else {
                    item.clone()
                };
            }
        }
        let bodies = value.get_mut("requestBody").into_iter();
        bodies.for_each(|body| present(body, &resolve));
        let responses = value.get_mut("responses").and_then(Value::as_object_mut);
        responses
            .into_iter()
            .flatten()
            .for_each(|(_, response)| present(response, &resolve));
    }
}

/// Removes `nullable` from the schemas of a body, and the type if it is a number or a boolean.
fn present(body: &mut Value, resolve: &dyn Fn(&Value) -> Value) {
    let Some(content) = body.get_mut("content").and_then(Value::as_object_mut) else {
        return;
    };
    for schema in content
        .values_mut()
        .filter_map(|media_type| media_type.get_mut("schema"))
    {
        let was_nullable = schema
            .as_object_mut()
            .is_some_and(|schema| schema.remove("nullable").is_some());
        let only = schema["allOf"]
            .as_array()
            .filter(|all| all.len() == 1)
            .map(|all| all[0].clone());
        if let Some(only) = only.filter(|_| was_nullable) {
            *schema = only;
        }
        let is_copied = ["integer", "number", "boolean"];
        if is_copied
            .iter()
            .any(|kind| resolve(schema)["type"] == *kind)
        {
            *schema = json!({});
        }
    }
}
