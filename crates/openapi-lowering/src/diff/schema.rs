//! Compares schemas, with the components that they refer to.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::document::{pointer, reach};

use super::{
    Severity::{Breaking, Info, Warning},
    constraints,
    found::Found,
    place::{
        Direction::{self, Request, Response},
        NARROWER, Place, WIDER, property,
    },
};

/// Compares the schemas of two documents.
pub(super) struct Schemas<'a> {
    before: &'a Value,
    after: &'a Value,
    pub(super) found: &'a mut Found,
    /// The pairs of components that were compared, or are being compared.
    visited: BTreeSet<(Direction, String, String)>,
}

impl<'a> Schemas<'a> {
    pub(super) fn new(before: &'a Value, after: &'a Value, found: &'a mut Found) -> Self {
        Self {
            before,
            after,
            found,
            visited: BTreeSet::new(),
        }
    }

    /// Compares two schemas. A component is reported at its own place, since several places can
    /// refer to it.
    pub(super) fn compare(&mut self, old: &Value, new: &Value, place: &Place) {
        let target = reach::target(new);
        if let (Some(one), Some(other)) = (reach::target(old), target.clone())
            && !self.visited.insert((place.direction, one, other))
        {
            return;
        }
        match target {
            Some(component) => {
                let place = Place {
                    direction: place.direction,
                    at: &pointer::join("/components/schemas", &component),
                    name: &format!("`{component}`"),
                };
                self.compare_at(old, new, &place);
            }
            None => self.compare_at(old, new, place),
        }
    }

    fn compare_at(&mut self, old: &Value, new: &Value, place: &Place) {
        let old = &flatten(self.before, old, 0);
        let new = &flatten(self.after, new, 0);
        if old == new && !contains_reference(old) {
            return;
        }
        constraints::types(place, old, new, self.found);
        constraints::enums(place, old, new, self.found);
        constraints::limits(place, old, new, self.found);
        self.properties(old, new, place);
        constraints::default(place, old, new, self.found);
        let key = "additionalProperties";
        if old[key].is_object() && new[key].is_object() {
            let name = format!("another field of {}", place.name);
            self.compare_inner(old, new, key, &name, place);
        } else {
            constraints::other_fields(place, old, new, self.found);
        }
        for keyword in ["anyOf", "oneOf"] {
            self.union(keyword, old, new, place);
        }
        if old.get("items").is_some() && new.get("items").is_some() {
            let name = format!("an item of {}", place.name);
            self.compare_inner(old, new, "items", &name, place);
        }
    }

    /// Compares the schemas that two schemas contain under `key`.
    fn compare_inner(&mut self, old: &Value, new: &Value, key: &str, name: &str, place: &Place) {
        let place = Place {
            direction: place.direction,
            at: &pointer::join(place.at, key),
            name,
        };
        self.compare(&old[key], &new[key], &place);
    }

    fn properties(&mut self, old: &Value, new: &Value, place: &Place) {
        let empty = Map::new();
        let old_fields = old["properties"].as_object().unwrap_or(&empty);
        let new_fields = new["properties"].as_object().unwrap_or(&empty);
        let direction = place.direction;
        let properties = pointer::join(place.at, "properties");
        let field_at = |name: &str| pointer::join(&properties, name);
        let field_name = |name: &str| format!("the field `{name}` of {}", place.name);
        // Requests never contain read-only fields, responses never write-only ones.
        let absent = match direction {
            Request => "readOnly",
            Response => "writeOnly",
        };
        for (name, old_field) in old_fields {
            if old_field[absent] == true {
                continue;
            }
            let field = Place {
                direction,
                at: &field_at(name),
                name: &field_name(name),
            };
            let Some(new_field) = new_fields.get(name) else {
                removed_field(&field, is_required(old, name), self.found);
                continue;
            };
            match (is_required(old, name), is_required(new, name)) {
                (false, true) => {
                    let text = format!("{} became required", field.name);
                    field.add(self.found, NARROWER, property!("became-required"), text);
                }
                (true, false) => {
                    let text = format!("{} became optional", field.name);
                    field.add(self.found, WIDER, property!("became-optional"), text);
                }
                _ => {}
            }
            self.compare(old_field, new_field, &field);
        }
        for (name, new_field) in new_fields {
            if old_fields.contains_key(name) || new_field[absent] == true {
                continue;
            }
            let field = Place {
                direction,
                at: &field_at(name),
                name: &field_name(name),
            };
            added_field(&field, is_required(new, name), self.found);
        }
    }

    fn union(&mut self, keyword: &str, old: &Value, new: &Value, place: &Place) {
        let none = Vec::new();
        let old = old[keyword].as_array().unwrap_or(&none);
        let new = new[keyword].as_array().unwrap_or(&none);
        let mut removed: Vec<&Value> = Vec::new();
        for variant in old {
            match new.iter().find(|other| is_same_variant(variant, other)) {
                Some(other) => self.compare(variant, other, place),
                None => removed.push(variant),
            }
        }
        let added: Vec<&Value> = new
            .iter()
            .filter(|variant| !old.iter().any(|other| is_same_variant(other, variant)))
            .collect();
        if let ([old], [new]) = (removed.as_slice(), added.as_slice()) {
            let variant = Place {
                name: &format!("a variant of {}", place.name),
                ..*place
            };
            return self.compare(old, new, &variant);
        }
        for variant in removed {
            let rules = (
                "request-body-one-of-removed",
                "response-body-one-of-removed",
            );
            let text = format!("{} can no longer be {}", place.name, variant_name(variant));
            place.add(self.found, NARROWER, rules, text);
        }
        for variant in added {
            let rules = ("request-body-one-of-added", "response-body-one-of-added");
            let text = format!("{} can now be {}", place.name, variant_name(variant));
            place.add(self.found, WIDER, rules, text);
        }
    }
}

fn removed_field(field: &Place, was_required: bool, found: &mut Found) {
    let (severity, response_rule) = if was_required {
        (Breaking, "response-required-property-removed")
    } else {
        (Warning, "response-optional-property-removed")
    };
    let rules = ("request-property-removed", response_rule);
    let text = format!("{} was removed", field.name);
    field.add(found, (Warning, severity), rules, text);
}

fn added_field(field: &Place, is_required: bool, found: &mut Found) {
    let name = field.name;
    if is_required && field.direction == Request {
        let text = format!("{name} was added and is required");
        found.add(Breaking, "new-required-request-property", field.at, text);
    } else {
        let rules = ("new-optional-request-property", "response-property-added");
        field.add(found, (Info, Info), rules, format!("{name} was added"));
    }
}

fn is_required(schema: &Value, name: &str) -> bool {
    schema["required"]
        .as_array()
        .is_some_and(|names| names.iter().any(|required| required == name))
}

/// Returns whether two variants of a union are the same: by name if they are components, else by
/// content.
fn is_same_variant(one: &Value, other: &Value) -> bool {
    match (reach::target(one), reach::target(other)) {
        (None, None) => one == other,
        (one, other) => one == other,
    }
}

fn variant_name(variant: &Value) -> String {
    match reach::target(variant) {
        Some(component) => format!("`{component}`"),
        None => constraints::type_name(variant).to_owned(),
    }
}

/// Returns whether a schema refers to a component, which can differ although the schema does not.
fn contains_reference(schema: &Value) -> bool {
    match schema {
        Value::Object(map) => map.contains_key("$ref") || map.values().any(contains_reference),
        Value::Array(list) => list.iter().any(contains_reference),
        _ => false,
    }
}

/// Resolves the reference and the `allOf` at the top of a schema into one schema.
fn flatten(document: &Value, schema: &Value, depth: u8) -> Value {
    const MAX_DEPTH: u8 = 16;
    let mut flattened = json!({});
    let parts = schema["allOf"].as_array().into_iter().flatten();
    let target = reach::target(schema).map(|name| &document["components"]["schemas"][name]);
    if depth < MAX_DEPTH {
        for part in target.into_iter().chain(parts) {
            merge(&mut flattened, &flatten(document, part, depth + 1));
        }
    }
    let mut siblings = schema.as_object().cloned().unwrap_or_default();
    siblings.shift_remove("$ref");
    siblings.shift_remove("allOf");
    merge(&mut flattened, &Value::Object(siblings));
    flattened
}

fn merge(into: &mut Value, part: &Value) {
    for (key, value) in part.as_object().into_iter().flatten() {
        match (key.as_str(), into.get_mut(key), value) {
            ("properties", Some(Value::Object(old)), Value::Object(more)) => {
                old.extend(more.clone());
            }
            ("required", Some(Value::Array(old)), Value::Array(more)) => old.extend(more.clone()),
            _ => into[key] = value.clone(),
        }
    }
}
