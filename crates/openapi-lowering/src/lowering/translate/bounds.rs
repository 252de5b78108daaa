//! Rewrites exclusive bounds in the form of 3.0.

use serde_json::{Map, Value, json};

use crate::{
    document::{pointer, walk},
    ledger::Ledger,
};

/// Replaces a numeric exclusive bound with an inclusive bound and the boolean keyword of 3.0. For
/// an integer, an `exclusiveMinimum` of `n` becomes a `minimum` of `n + 1`.
pub(super) fn apply(document: &mut Value, ledger: &mut Ledger) {
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
pub(in crate::lowering) fn integer(value: f64) -> Value {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a bound beyond i64 is not a bound on an i64; the cast saturates"
    )]
    let integer = value as i64;
    json!(integer)
}
