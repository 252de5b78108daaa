//! Numeric bounds: exclusive ones as 3.0 says them, and integers that fit an unsigned type.

use serde_json::{Map, Value, json};

use crate::{ledger::Ledger, pointer};

use super::{
    reach::Reach,
    requests,
    walk::{self, Site},
};

/// A numeric `exclusiveMinimum` becomes 3.0's boolean beside `minimum`; an integer's, `n + 1`.
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
    let bound_text = schema.shift_remove(keyword).expect("it was just read");
    let other = schema.get(inclusive).and_then(Value::as_f64);
    // `step` points inward: the larger minimum and the smaller maximum are the stricter ones.
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
        schema.insert(inclusive.to_owned(), bound_text);
        schema.insert(keyword.to_owned(), json!(true));
    }
    true
}

/// A whole number as JSON without a fraction, which integer bounds must not have.
fn integer(value: f64) -> Value {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a bound beyond i64 is not a bound on an i64; the cast saturates"
    )]
    let whole = value as i64;
    json!(whole)
}

/// An integer that is never negative becomes unsigned, also if its lowest value is greater.
///
/// The generator takes `minimum: 1` for a `NonZero` type, which no literal converts to and which
/// refuses a response of 0; the bound moves into the description, and the service checks it.
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
