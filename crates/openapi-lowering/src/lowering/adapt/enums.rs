//! Moves inline string enums to components, and marks the enums that responses may contain as open.

use std::collections::{BTreeMap, BTreeSet};

use heck::ToUpperCamelCase;
use serde_json::{Map, Value, json};

use crate::{
    document::{
        names, pointer,
        reach::{self, Reach},
        walk::{self, Position, Site},
    },
    generator::Dialect,
    ledger::Ledger,
    lowering::Target,
};

use super::unions;

/// The member of an enum whose type must also accept other values.
const OPEN: &str = "x-open-enum";

/// Moves an enum inside another schema to a component named after its property.
///
/// Enums with the same property name share one component if they allow the same values. Otherwise
/// each name also contains the name of the owner. The tags of a union stay inline.
///
/// An enum that the previous document has at the same place keeps its name. If enums that shared a
/// component there now differ, the component allows the values of all.
pub(super) fn hoist(document: &mut Value, ledger: &mut Ledger, target: Target) {
    let tags = unions::tag_pointers(document);
    let found: Vec<Site> = walk::schemas(document)
        .into_iter()
        .filter(|site| !(site.is_root() && site.position == Position::Component))
        .filter(|site| !tags.contains(&site.pointer))
        .filter(|site| pointer::get(document, &site.pointer).is_some_and(is_enum))
        .collect();
    let inline = inline_names(document, &found);
    let mut found: Vec<(Site, Option<String>)> = found
        .into_iter()
        .map(|site| {
            let pinned = target.previous.and_then(|previous| pinned(previous, &site));
            let is_free = |name: &String| document["components"]["schemas"].get(name).is_none();
            (site, pinned.filter(is_free))
        })
        .collect();
    found.sort_by_key(|(_, pinned)| pinned.is_none());
    let schemas = document["components"]["schemas"].as_object();
    let mut owners: BTreeMap<String, String> = schemas
        .into_iter()
        .flat_map(Map::keys)
        .map(|name| (names::type_name(name), name.clone()))
        .collect();
    let mut by_name: BTreeMap<String, BTreeSet<Vec<String>>> = BTreeMap::new();
    for (site, _) in &found {
        let schema = pointer::get(document, &site.pointer).expect("the site was found above");
        by_name
            .entry(short_name(site))
            .or_default()
            .insert(values(schema));
    }
    for (site, pinned) in found {
        let schema = pointer::get(document, &site.pointer).expect("the site was found above");
        let allowed = values(schema);
        let is_only = by_name[&short_name(&site)].len() == 1;
        let names = candidates(&site, is_only, pinned.as_deref());
        let is_pinned = |name: &str| pinned.as_deref() == Some(name);
        let is_free = |name: &&String| {
            let rust_name = names::type_name(name);
            let is_owner = owners.get(&rust_name).is_none_or(|owner| owner == *name);
            is_owner && !inline.contains(&rust_name)
        };
        let fits = |name: &&String| match document["components"]["schemas"].get(name.as_str()) {
            None => true,
            Some(component) => {
                is_enum(component) && (is_pinned(name) || values(component) == allowed)
            }
        };
        let Some(name) = names.iter().filter(is_free).find(fits) else {
            continue; // Different schemas have all its names, so it stays inline.
        };
        owners.insert(names::type_name(name), name.clone());
        let definition = definition(schema);
        match pointer::get_mut(document, &walk::component_pointer(name)) {
            None => document["components"]["schemas"][name] = definition,
            Some(component) => {
                if values(component) != allowed {
                    add_values(component, &definition);
                    let reason = format!("`{name}` allows the values of all its uses");
                    ledger.lossy_because(site.pointer.clone(), reason);
                }
            }
        }
        let node = pointer::get_mut(document, &site.pointer).expect("the site was found above");
        refer(node, name, &site);
        ledger.exact(site.pointer);
    }
}

/// Returns the names that the component of an inline enum may have, the best one first. `is_only`
/// states that all enums with its short name have the same values.
fn candidates(site: &Site, is_only: bool, pinned: Option<&str>) -> Vec<String> {
    let short = short_name(site);
    let long = format!("{}{short}", site.owner);
    // The union that contains an arm will have the long name.
    let is_arm = matches!(site.keyword, Some("anyOf" | "oneOf"));
    let with_suffix = format!("{long}Value");
    let pinned = pinned.map(str::to_owned);
    let short = Some(short).filter(|_| is_only);
    let long = Some(long).filter(|_| !is_arm);
    pinned
        .into_iter()
        .chain(short)
        .chain(long)
        .chain([with_suffix])
        .collect()
}

/// Returns the component to which the previous document refers at the place of an inline enum.
fn pinned(previous: &Value, site: &Site) -> Option<String> {
    let schema = pointer::get(previous, &site.pointer)?;
    let name = reach::target(schema).or_else(|| reach::target(&schema["allOf"][0]))?;
    is_enum(previous["components"]["schemas"].get(&name)?).then_some(name)
}

/// Adds the values of another enum.
fn add_values(component: &mut Value, other: &Value) {
    let Some(known) = component["enum"].as_array_mut() else {
        return;
    };
    for value in other["enum"].as_array().into_iter().flatten() {
        if !known.contains(value) {
            known.push(value.clone());
        }
    }
}

/// Returns the names that the generator gives to the types of properties that stay inline: those
/// of the owner and all enclosing properties.
fn inline_names(document: &Value, hoisted: &[Site]) -> BTreeSet<String> {
    let hoisted: BTreeSet<&str> = hoisted.iter().map(|site| site.pointer.as_str()).collect();
    walk::schemas(document)
        .into_iter()
        .filter(|site| site.is_property() && !hoisted.contains(site.pointer.as_str()))
        .filter(|site| {
            let schema = pointer::get(document, &site.pointer).unwrap_or(&Value::Null);
            ["enum", "properties", "oneOf", "anyOf", "allOf"]
                .iter()
                .any(|keyword| schema.get(keyword).is_some())
        })
        .map(|site| {
            let segments = pointer::segments(&site.pointer);
            let pairs = segments.windows(2);
            let properties = pairs.filter(|pair| pair[0] == "properties");
            let names = properties.map(|pair| format!("-{}", pair[1]));
            names::type_name(&format!("{}{}", site.owner, names.collect::<String>()))
        })
        .collect()
}

/// Returns whether a schema is a string with at least two permitted values. A single value is
/// usually the tag of a variant and stays inline.
fn is_enum(schema: &Value) -> bool {
    schema["type"] == "string"
        && schema["enum"]
            .as_array()
            .is_some_and(|values| values.len() > 1)
}

fn values(schema: &Value) -> Vec<String> {
    let mut values: Vec<String> = schema["enum"]
        .as_array()
        .into_iter()
        .flatten()
        .map(ToString::to_string)
        .collect();
    values.sort();
    values
}

fn short_name(site: &Site) -> String {
    site.property
        .as_deref()
        .map(ToUpperCamelCase::to_upper_camel_case)
        .filter(|name| name.starts_with(|first: char| first.is_ascii_alphabetic()))
        .unwrap_or_else(|| "Value".to_owned())
}

/// Returns the part of the schema that applies to every use of the enum.
fn definition(schema: &Value) -> Value {
    let mut component = json!({ "type": "string" });
    if let Some(description) = schema.get("description") {
        component["description"] = description.clone();
    }
    component["enum"] = schema["enum"].clone();
    component
}

/// Replaces the enum with a reference, and keeps the keywords that apply only to this use.
fn refer(node: &mut Value, name: &str, site: &Site) {
    let mut rest: Map<String, Value> = node.as_object().cloned().unwrap_or_default();
    for keyword in ["type", "enum", "format"] {
        rest.shift_remove(keyword);
    }
    if site.position == Position::Parameter && site.is_root() {
        rest.shift_remove("description"); // The parameter object has its own description.
    }
    if rest.is_empty() {
        *node = reach::reference(name);
    } else {
        rest.insert("allOf".to_owned(), json!([reach::reference(name)]));
        *node = Value::Object(rest);
    }
}

/// Marks the enums that responses may contain as open, so that an unknown value can be decoded.
///
/// Enums for whose values progenitor cannot derive distinct names, such as `<` and `>`, are marked
/// too or, for a generator that does not read the mark, become strings.
pub(super) fn open(document: &mut Value, ledger: &mut Ledger, target: Target) {
    let reach = Reach::of(document);
    let variants = variants(document);
    let tags = unions::tag_pointers(document);
    for site in walk::schemas(document) {
        let has_name_clash = pointer::get(document, &site.pointer).is_some_and(has_name_clash);
        if !reach.is_received(&site) && !has_name_clash {
            continue;
        }
        let is_component = site.is_root() && site.position == Position::Component;
        let is_of_variant = pointer::split(&site.pointer)
            .and_then(|(properties, _)| pointer::split(properties))
            .is_some_and(|(object, _)| variants.contains(object));
        let is_tag = tags.contains(&site.pointer)
            || (is_of_variant && site.is_property() && is_single(document, &site.pointer));
        let Some(schema) = pointer::object_mut(document, &site.pointer) else {
            continue;
        };
        if schema.get("type") != Some(&json!("string")) || !schema.contains_key("enum") {
            continue;
        }
        let is_nameless = has_name_clash && target.dialect == Dialect::Plain;
        if is_component && !schema.contains_key("x-handwritten") && !is_nameless {
            if schema.insert(OPEN.to_owned(), json!(true)) != Some(json!(true)) {
                ledger.exact(site.pointer);
            }
        } else if !is_tag || is_nameless {
            schema.shift_remove(OPEN);
            schema.shift_remove("enum");
            ledger.lossy(pointer::join(&site.pointer, "enum"));
        }
    }
}

/// Returns whether two values give the same variant name, or a value gives none because it has no
/// letters and digits.
fn has_name_clash(schema: &Value) -> bool {
    let values = schema["enum"].as_array().into_iter().flatten();
    let mut seen = BTreeSet::new();
    values.filter_map(Value::as_str).any(|value| {
        let name = value.to_upper_camel_case().to_lowercase();
        (name.is_empty() && !value.is_empty()) || !seen.insert(name)
    })
}

fn is_single(document: &Value, at: &str) -> bool {
    let values = pointer::get(document, at).and_then(|schema| schema["enum"].as_array());
    values.is_some_and(|values| values.len() == 1)
}

/// Returns the pointers of the schemas that are variants of a union, which a single value can
/// distinguish.
fn variants(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for site in walk::schemas(document) {
        if !matches!(site.keyword, Some("anyOf" | "oneOf")) {
            continue;
        }
        let schema = pointer::get(document, &site.pointer).unwrap_or(&Value::Null);
        match reach::target(schema) {
            Some(name) => found.insert(pointer::join("/components/schemas", &name)),
            None => found.insert(site.pointer),
        };
    }
    found
}
