//! Refuses names that differ in the document but clash in the generated code.

use std::collections::{BTreeMap, BTreeSet};

use heck::ToSnakeCase;
use proc_macro2::{TokenStream, TokenTree};
use serde_json::{Map, Value};

use crate::{
    Error, Result,
    document::{names, pointer, walk},
    generator::open_enum,
    lowering::adapt::operation_ids::is_reserved,
    refusal::{self, Refusal},
};

/// Returns the operations and components with reserved or equal names, and the paths that the
/// generator would skip.
pub(super) fn check(document: &Value, methods: &[String]) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for path in document["paths"]
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
    {
        if !(path.starts_with('/') || path.starts_with("x-")) {
            let at = pointer::join("/paths", path);
            refusals.push(Refusal::new(at, "a path must start with a slash"));
        } else if !has_paired_braces(path) {
            let at = pointer::join("/paths", path);
            refusals.push(Refusal::new(at, "the braces of the path do not match"));
        }
    }
    refusals.extend(operations(document, methods));
    refusals.extend(components(document));
    refusals
}

/// Returns the operations with the name of an earlier one, or of another method of the client.
fn operations(document: &Value, methods: &[String]) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for operation in walk::operations(document) {
        let at = pointer::join(&operation.pointer, "operationId");
        let name = document.pointer(&at).and_then(Value::as_str).unwrap_or("");
        let rust_name = name.to_snake_case();
        if is_reserved(&rust_name, methods) {
            let reason = format!("the client already has a method `{name}`");
            refusals.push(Refusal::new(at, reason));
        } else if let Some(first) = seen.get(&rust_name) {
            let reason = format!("{first} has the same name in Rust");
            refusals.push(Refusal::new(at, reason));
        } else {
            seen.insert(rust_name, operation.pointer);
        }
    }
    refusals
}

/// Returns whether each opening brace of a path has a closing one, without another brace between.
fn has_paired_braces(path: &str) -> bool {
    let mut is_inside = false;
    let braces = path.chars().filter(|letter| matches!(letter, '{' | '}'));
    let mut pairs = braces.map(|brace| {
        let is_paired = is_inside == (brace == '}');
        is_inside = brace == '{';
        is_paired
    });
    pairs.all(|is_paired| is_paired) && !is_inside
}

/// Returns the components with the name of an earlier one, which the generator would take for the
/// same.
fn components(document: &Value) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    let mut seen: BTreeMap<String, &String> = BTreeMap::new();
    let schemas = document["components"]["schemas"].as_object();
    for name in schemas.into_iter().flat_map(Map::keys) {
        let rust_name = names::type_name(name);
        if let Some(first) = seen.get(&rust_name) {
            let first = walk::component_pointer(first);
            refusals.push(Refusal::new(
                walk::component_pointer(name),
                format!("{first} is also named {rust_name} in Rust"),
            ));
            continue;
        }
        seen.insert(rust_name, name);
    }
    refusals
}

/// Refuses components and operations whose types have the same name in the generated code.
pub(super) fn check_code(document: &Value, code: &TokenStream) -> Result<()> {
    let mut refusals = Vec::new();
    for (module, body) in modules(code) {
        let mut seen = BTreeSet::new();
        for name in types(body) {
            if !seen.insert(name.clone()) {
                refusals.extend(clash(document, module, &name)?);
            }
        }
    }
    refusal::none(refusals)
}

/// Returns the modules of the generated code that contain its types.
fn modules(code: &TokenStream) -> Vec<(&'static str, TokenStream)> {
    let trees: Vec<TokenTree> = code.clone().into_iter().collect();
    let modules = trees.windows(3).filter_map(|trees| match trees {
        [
            TokenTree::Ident(keyword),
            TokenTree::Ident(name),
            TokenTree::Group(body),
        ] if keyword == "mod" => {
            let module = ["types", "builder"]
                .into_iter()
                .find(|module| name == module)?;
            Some((module, body.stream()))
        }
        _ => None,
    });
    modules.collect()
}

/// Returns the names of the types that code defines, in order, without those inside others.
fn types(code: TokenStream) -> Vec<String> {
    let trees: Vec<TokenTree> = code.into_iter().collect();
    let names = trees.windows(2).filter_map(|trees| match trees {
        [TokenTree::Ident(keyword), TokenTree::Ident(name)]
            if keyword == "struct" || keyword == "enum" || keyword == "type" =>
        {
            Some(name.to_string())
        }
        [TokenTree::Punct(mark), TokenTree::Group(body)] if mark.as_char() == '!' => {
            Some(open_enum(&body.stream())?.0.to_string())
        }
        _ => None,
    });
    names.collect()
}

/// Returns all places with this name but the first.
fn clash(document: &Value, module: &str, name: &str) -> Result<Vec<Refusal>> {
    let places = places(document, module, name);
    match places.as_slice() {
        [] => Err(Error::new(format!(
            "two schemas inside others are both named {name} in Rust; make one of them a component \
             in the overlay"
        ))),
        [only] => Ok(vec![Refusal::new(
            only,
            format!("a schema inside another is also named {name} in Rust"),
        )]),
        [first, others @ ..] => {
            let reason = format!("{first} is also named {name} in Rust");
            let refuse = |other| Refusal::new(other, reason.clone());
            Ok(others.iter().map(refuse).collect())
        }
    }
}

/// Returns the pointers of the components or operations that have this name in Rust.
fn places(document: &Value, module: &str, name: &str) -> Vec<String> {
    let is_same = |other: &str| names::type_name(other) == name;
    if module == "types" {
        let schemas = document["components"]["schemas"].as_object();
        let names = schemas.into_iter().flat_map(Map::keys);
        return names
            .filter(|other| is_same(other))
            .map(|other| walk::component_pointer(other))
            .collect();
    }
    walk::operations(document)
        .into_iter()
        .filter(|operation| is_same(&operation.owner))
        .map(|operation| operation.pointer)
        .collect()
}
