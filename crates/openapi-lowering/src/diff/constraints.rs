//! Compares the constraints on a single value: its type, its enum and its limits.

use serde_json::Value;

use super::{
    Severity::{Info, Warning},
    found::Found,
    place::{DIFFERENT, NARROWER, Place, Rules, WIDER, property},
};

/// Compares `type`, `format` and `nullable`.
pub(super) fn types(place: &Place, old: &Value, new: &Value, found: &mut Found) {
    let name = place.name;
    let (old_type, new_type) = (old["type"].as_str(), new["type"].as_str());
    if old_type != new_type {
        let (severities, rules) = match (old_type, new_type) {
            (_, None) | (Some("integer"), Some("number")) => (WIDER, property!("type-generalized")),
            (None, _) | (Some("number"), Some("integer")) => {
                (NARROWER, property!("type-specialized"))
            }
            _ => (DIFFERENT, property!("type-changed")),
        };
        let (old, new) = (type_name(old), type_name(new));
        let text = format!("the type of {name} changed from {old} to {new}");
        place.add(found, severities, rules, text);
    } else if old["format"] != new["format"] {
        let severities = match (old.get("format"), new.get("format")) {
            (_, None) => WIDER,
            (None, _) => NARROWER,
            _ => DIFFERENT,
        };
        let (old, new) = (&old["format"], &new["format"]);
        let text = format!("the format of {name} changed from {old} to {new}");
        place.add(found, severities, property!("type-changed"), text);
    }
    match (old["nullable"] == true, new["nullable"] == true) {
        (true, false) => {
            let text = format!("{name} can no longer be null");
            place.add(found, NARROWER, property!("became-not-nullable"), text);
        }
        (false, true) => {
            let text = format!("{name} can now be null");
            place.add(found, WIDER, property!("became-nullable"), text);
        }
        _ => {}
    }
}

/// Returns the type of a schema, or `any`.
pub(super) fn type_name(schema: &Value) -> &str {
    schema["type"].as_str().unwrap_or("any")
}

/// Compares `enum`.
pub(super) fn enums(place: &Place, old: &Value, new: &Value, found: &mut Found) {
    let name = place.name;
    match (old["enum"].as_array(), new["enum"].as_array()) {
        (None, None) => {}
        (None, Some(_)) => {
            let text = format!("{name} is now limited to certain values");
            place.add(found, NARROWER, property!("became-enum"), text);
        }
        (Some(_), None) => {
            let text = format!("{name} is no longer limited to certain values");
            place.add(found, (Info, Warning), property!("became-not-enum"), text);
        }
        (Some(old), Some(new)) => {
            for value in old.iter().filter(|value| !new.contains(value)) {
                let text = format!("the value {value} of {name} was removed");
                place.add(found, NARROWER, property!("enum-value-removed"), text);
            }
            for value in new.iter().filter(|value| !old.contains(value)) {
                let text = format!("the value {value} of {name} was added");
                place.add(found, (Info, Warning), property!("enum-value-added"), text);
            }
        }
    }
}

/// The limits, each with the sign of a stricter change and the names of a change. A lower limit is
/// stricter if it is higher, an upper limit if it is lower.
const LIMITS: [(&str, f64, Rules); 8] = [
    ("minLength", 1.0, property!("min-length-changed")),
    ("maxLength", -1.0, property!("max-length-changed")),
    ("minimum", 1.0, property!("min-changed")),
    ("maximum", -1.0, property!("max-changed")),
    ("minItems", 1.0, property!("min-items-changed")),
    ("maxItems", -1.0, property!("max-items-changed")),
    ("minProperties", 1.0, property!("min-properties-changed")),
    ("maxProperties", -1.0, property!("max-properties-changed")),
];

/// Constraints whose values cannot be ordered by strictness.
const UNORDERED: [&str; 6] = [
    "pattern",
    "multipleOf",
    "uniqueItems",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "not",
];

/// Compares the limits and the other constraints.
pub(super) fn limits(place: &Place, old: &Value, new: &Value, found: &mut Found) {
    let name = place.name;
    for (keyword, stricter_sign, rules) in LIMITS {
        let (old, new) = (limit(old, keyword), limit(new, keyword));
        if old == new {
            continue;
        }
        let is_stricter = match (old, new) {
            (None, _) => true,
            (_, None) => false,
            (Some(old), Some(new)) => (new - old) * stricter_sign > 0.0,
        };
        let severities = if is_stricter { NARROWER } else { WIDER };
        let (old, new) = (limit_text(old), limit_text(new));
        let text = format!("the `{keyword}` of {name} changed from {old} to {new}");
        place.add(found, severities, rules, text);
    }
    for keyword in UNORDERED {
        if old[keyword] != new[keyword] {
            let rules = property!("constraint-changed");
            let text = format!("the `{keyword}` of {name} changed");
            place.add(found, (Warning, Warning), rules, text);
        }
    }
}

/// Returns a limit. A minimum length or count of 0 has no effect and is treated as none.
fn limit(schema: &Value, keyword: &str) -> Option<f64> {
    let is_count = keyword.starts_with("min") && keyword != "minimum";
    let has_effect = !(is_count && schema[keyword] == 0);
    schema[keyword].as_f64().filter(|_| has_effect)
}

fn limit_text(limit: Option<f64>) -> String {
    limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string())
}

/// Compares `default`.
pub(super) fn default(place: &Place, old: &Value, new: &Value, found: &mut Found) {
    let (old, new) = (&old["default"], &new["default"]);
    if old != new {
        let text = format!("the default of {} changed from {old} to {new}", place.name);
        let rules = property!("default-value-changed");
        place.add(found, (Info, Info), rules, text);
    }
}

/// Compares whether fields without a schema are permitted. Clients ignore such fields in responses.
pub(super) fn other_fields(place: &Place, old: &Value, new: &Value, found: &mut Found) {
    let is_closed = |schema: &Value| schema["additionalProperties"] == false;
    let (severities, verb) = match (is_closed(old), is_closed(new)) {
        (false, true) => (NARROWER, "no longer permits"),
        (true, false) => ((Info, Info), "now permits"),
        _ => return,
    };
    let rules = property!("additional-properties-changed");
    let text = format!("{} {verb} other fields", place.name);
    place.add(found, severities, rules, text);
}
