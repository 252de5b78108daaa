//! Rewrites numeric bounds: exclusive bounds in the form of 3.0, and bounds of unsigned integers.

use serde_json::{Map, Value, json};

use crate::{ledger::Ledger, pointer};

use super::{
    reach::Reach,
    requests,
    walk::{self, Site},
};

/// Replaces a numeric exclusive bound with an inclusive bound and the boolean keyword of 3.0. For
/// an integer, an `exclusiveMinimum` of `n` becomes a `minimum` of `n + 1`.
pub(super) fn exclusive(document: &mut Value, ledger: &mut Ledger) {
    for site in walk::schemas(document) {
        let Some(schema) = pointer::object_mut(document, &site.pointer) else {
            continue;
        };
        for (keyword, inclusive, step) in [
            ("exclusiveMinimum", "minimum", 1.0),
            ("exclusiveMaximum", "maximum", -1.0),
        ] {
            if rewrite(schema, keyword, inclusive, step) {
                ledger.exact(pointer::join(&site.pointer, keyword));
            }
        }
    }
}

fn rewrite(schema: &mut Map<String, Value>, keyword: &str, inclusive: &str, step: f64) -> bool {
    let Some(bound) = schema.get(keyword).and_then(Value::as_f64) else {
        return false;
    };
    let bound_value = schema
        .shift_remove(keyword)
        .expect("the keyword was just read");
    let other = schema.get(inclusive).and_then(Value::as_f64);
    // `step` points inward: the larger minimum or the smaller maximum is the stricter bound.
    let is_stricter = other.is_none_or(|other| (bound - other) * step >= 0.0);
    if !is_stricter {
        return true;
    }
    if schema.get("type").and_then(Value::as_str) == Some("integer") {
        let edge = if step > 0.0 {
            bound.floor()
        } else {
            bound.ceil()
        };
        schema.insert(inclusive.to_owned(), integer(edge + step));
    } else {
        schema.insert(inclusive.to_owned(), bound_value);
        schema.insert(keyword.to_owned(), json!(true));
    }
    true
}

/// Returns a number as a JSON integer, because the bounds of integers must not have a fraction.
fn integer(value: f64) -> Value {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a bound beyond i64 is not a bound on an i64; the cast saturates"
    )]
    let integer = value as i64;
    json!(integer)
}

/// Makes an integer with a minimum of at least 0 unsigned, and sets its minimum to 0.
///
/// For `minimum: 1` the generator would use a `NonZero` type. No literal converts to such a type,
/// and it rejects 0 in a response. The original bounds move to the description, and the service
/// checks them.
pub(super) fn unsigned(document: &mut Value, ledger: &mut Ledger) {
    let reach = Reach::of(document);
    for site in walk::schemas(document) {
        let Some(schema) = pointer::object_mut(document, &site.pointer) else {
            continue;
        };
        if schema.get("type").and_then(Value::as_str) != Some("integer")
            || schema.contains_key("enum")
        {
            continue;
        }
        for bound in ["minimum", "maximum"] {
            if let Some(value) = schema.get(bound).and_then(Value::as_f64)
                && schema[bound].is_f64()
            {
                schema.insert(bound.to_owned(), integer(value));
            }
        }
        let least = schema.get("minimum").and_then(Value::as_i64);
        let Some(least) = least.filter(|least| *least >= 0) else {
            continue;
        };
        let most = schema.get("maximum").and_then(Value::as_u64);
        let format = match schema.get("format").and_then(Value::as_str) {
            Some("int32" | "uint32") if reach.is_sent(&site) => "uint32",
            _ => "uint64",
        };
        let is_done = least == 0 && schema.get("format").is_some_and(|old| *old == format);
        if is_done {
            continue;
        }
        schema.insert("minimum".to_owned(), json!(0));
        schema.insert("format".to_owned(), json!(format));
        if reach.is_sent(&site) {
            note_range(document, &site, least, most);
        }
        if least == 0 {
            ledger.exact(site.pointer);
        } else {
            ledger.lossy(site.pointer);
        }
    }
}

fn note_range(document: &mut Value, site: &Site, least: i64, most: Option<u64>) {
    match (least, most) {
        (0, None) => {}
        (0, Some(most)) => requests::note(document, site, &format!("At most {most}.")),
        (least, None) => requests::note(document, site, &format!("At least {least}.")),
        (least, Some(most)) => {
            requests::note(document, site, &format!("Between {least} and {most}."));
        }
    }
}
