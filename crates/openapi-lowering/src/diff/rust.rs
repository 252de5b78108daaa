//! The Rust level: the public items of the generated code.

use std::collections::{BTreeMap, BTreeSet};

use heck::ToUpperCamelCase;

use crate::document::walk;

use super::{
    Change, Level,
    Severity::{Breaking, Info},
    found::Found,
    surface::{self, Body, Entry, Field, Surface},
};

/// Returns the changes between two generated clients.
pub(super) fn compare(before: &str, after: &str) -> Vec<Change> {
    let (old, new) = (surface::read(before), surface::read(after));
    let request_types = request_types(&new);
    let renamed = renamed(&old, &new);
    let mut found = Found::new(Level::Rust);
    for (path, old_item) in &old {
        match (new.get(path), renamed.get(path.as_str())) {
            (Some(new_item), _) => {
                let is_sent = request_types.contains(path);
                compare_items(path, old_item, new_item, is_sent, &mut found);
            }
            (None, Some(new_path)) => {
                let text = format!("`{path}` was renamed to `{new_path}`");
                found.add(Breaking, "type-renamed", path, text);
            }
            (None, None) => {
                let text = format!("`{path}` was removed");
                found.add(Breaking, "item-removed", path, text);
            }
        }
    }
    let added = new.keys().filter(|path| !old.contains_key(*path));
    for path in added.filter(|path| !renamed.values().any(|new_path| new_path == path)) {
        found.add(Info, "item-added", path, format!("`{path}` was added"));
    }
    found.changes
}

/// Returns the removed types for which a type with the same content was added, with its path.
fn renamed<'a>(old: &'a Surface, new: &'a Surface) -> BTreeMap<&'a str, &'a str> {
    let mut renamed: BTreeMap<&str, &str> = BTreeMap::new();
    let has_content = |item: &Entry| match &item.body {
        Body::Struct { fields } => !fields.is_empty(),
        Body::Enum { variants, .. } => !variants.is_empty(),
        _ => false,
    };
    for (path, item) in old
        .iter()
        .filter(|(path, item)| !new.contains_key(*path) && has_content(item))
    {
        let target = new.iter().find(|(new_path, new_item)| {
            new_item.body == item.body
                && !old.contains_key(*new_path)
                && !renamed.values().any(|taken| taken == new_path)
        });
        if let Some((new_path, _)) = target {
            renamed.insert(path, new_path);
        }
    }
    renamed
}

/// Compares two items with the same path. `is_sent` is true for a type that requests contain.
fn compare_items(path: &str, old: &Entry, new: &Entry, is_sent: bool, found: &mut Found) {
    match (&old.body, &new.body) {
        (Body::Struct { fields: old_fields }, Body::Struct { fields }) => {
            compare_members(path, old_fields, fields, is_sent, found);
        }
        (
            Body::Operation {
                setters: old_setters,
                response: old_response,
            },
            Body::Operation { setters, response },
        ) => {
            compare_members(path, old_setters, setters, true, found);
            if old_response != response {
                let text =
                    format!("`{path}::send` returns `{response}` instead of `{old_response}`");
                found.add(Breaking, "response-changed", path, text);
            }
        }
        (
            Body::Enum {
                variants: old_variants,
                is_open: was_open,
            },
            Body::Enum { variants, is_open },
        ) => {
            if was_open != is_open {
                let kind = if *is_open { "an open" } else { "a closed" };
                let text = format!("`{path}` is now {kind} enum");
                found.add(Breaking, "enum-kind-changed", path, text);
            }
            compare_variants(path, old_variants, variants, *is_open, found);
        }
        (old_body, body) if old_body != body => {
            let text = match (old_body, body) {
                (Body::Line(old_line), Body::Line(line)) => {
                    format!("`{path}` is now `{line}` instead of `{old_line}`")
                }
                _ => format!("`{path}` is now another kind of item"),
            };
            found.add(Breaking, "item-changed", path, text);
        }
        _ => {}
    }
    for lost in old.traits.difference(&new.traits) {
        let text = format!("`{path}` no longer implements `{lost}`");
        found.add(Breaking, "trait-removed", path, text);
    }
    for gained in new.traits.difference(&old.traits) {
        let text = format!("`{path}` now implements `{gained}`");
        found.add(Info, "trait-added", path, text);
    }
}

/// Compares the fields of a struct or the setters of a builder. Callers create a value only if it
/// is sent, so only then does a required field break them.
fn compare_members(
    path: &str,
    old: &BTreeMap<String, Field>,
    new: &BTreeMap<String, Field>,
    is_sent: bool,
    found: &mut Found,
) {
    for (name, old_field) in old {
        let at = format!("{path}::{name}");
        let Some(field) = new.get(name) else {
            let text = format!("`{at}` was removed");
            found.add(Breaking, "field-removed", &at, text);
            continue;
        };
        if old_field.kind != field.kind {
            let (old_kind, kind) = (&old_field.kind, &field.kind);
            let text = format!("`{at}` is now `{kind}` instead of `{old_kind}`");
            found.add(Breaking, "field-type-changed", &at, text);
        } else if field.is_required && !old_field.is_required && is_sent {
            let text = format!("`{at}` became required");
            found.add(Breaking, "required-builder-field", &at, text);
        }
    }
    for (name, field) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
        let at = format!("{path}::{name}");
        if field.is_required && is_sent {
            let text = format!("`{at}` was added and is required");
            found.add(Breaking, "required-builder-field", &at, text);
        } else {
            found.add(Info, "field-added", &at, format!("`{at}` was added"));
        }
    }
}

fn compare_variants(
    path: &str,
    old: &BTreeMap<String, String>,
    new: &BTreeMap<String, String>,
    is_open: bool,
    found: &mut Found,
) {
    for (name, old_content) in old {
        let at = format!("{path}::{name}");
        match new.get(name) {
            None => {
                let text = format!("`{at}` was removed");
                found.add(Breaking, "variant-removed", &at, text);
            }
            Some(content) if content != old_content => {
                let text = format!("`{at}` now contains `{content}` instead of `{old_content}`");
                found.add(Breaking, "variant-changed", &at, text);
            }
            Some(_) => {}
        }
    }
    for name in new.keys().filter(|name| !old.contains_key(*name)) {
        let at = format!("{path}::{name}");
        if is_open {
            found.add(Info, "variant-added", &at, format!("`{at}` was added"));
        } else {
            let text = format!("`{at}` was added; a `match` on `{path}` must handle it");
            found.add(Breaking, "closed-enum-variant-added", &at, text);
        }
    }
}

/// Returns the paths of the types that requests contain. Callers create values of these types.
fn request_types(surface: &Surface) -> BTreeSet<String> {
    let mut pending: Vec<&str> = Vec::new();
    for item in surface.values() {
        if let Body::Operation { setters, .. } = &item.body {
            pending.extend(setters.values().map(|setter| setter.kind.as_str()));
        }
    }
    let mut reached = BTreeSet::new();
    while let Some(text) = pending.pop() {
        for word in text.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')) {
            let path = format!("types::{word}");
            let Some(item) = surface.get(&path) else {
                continue;
            };
            if !reached.insert(path) {
                continue;
            }
            match &item.body {
                Body::Struct { fields } => {
                    pending.extend(fields.values().map(|field| field.kind.as_str()));
                }
                Body::Enum { variants, .. } => {
                    pending.extend(variants.values().map(String::as_str));
                }
                Body::Line(line) => pending.push(line),
                Body::Operation { .. } => {}
            }
        }
    }
    reached
}

/// Returns whether a change in Rust is the consequence of a change on the wire: it concerns the
/// same type or the same operation.
pub(super) fn stems_from(change: &Change, wire: &Change) -> bool {
    let (module, rest) = change.place.split_once("::").unwrap_or(("", &change.place));
    let owner = rest.split("::").next().unwrap_or("").to_upper_camel_case();
    let is_call = module == "Client" || module == "builder";
    let component = walk::component(&wire.place).map(|name| name.to_upper_camel_case());
    component.is_some_and(|component| owner.starts_with(&component))
        || wire.names.iter().any(|name| {
            let name = name.to_upper_camel_case();
            owner.starts_with(&name) || (is_call && name.starts_with(&owner))
        })
}
