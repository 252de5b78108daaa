//! Gives unsigned integers the bounds and formats from which the generator derives their types.

use serde_json::{Value, json};

use crate::{
    document::{
        pointer,
        reach::Reach,
        walk::{self, Site},
    },
    ledger::Ledger,
    lowering::translate::bounds::integer,
};

use super::{super::Target, requests};

/// Makes an integer with a minimum of at least 0 unsigned, and sets its minimum to 0.
///
/// For `minimum: 1` the generator would use a `NonZero` type. No literal converts to such a type,
/// and it rejects 0 in a response. The original bounds move to the description, and the service
/// checks them.
pub(super) fn apply(document: &mut Value, ledger: &mut Ledger, target: Target) {
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
            if least > 0 {
                requests::keep(document, &site, "minimum", json!(least), target.dialect);
            }
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
