//! Removes unreachable components and sorts the others by name.

use serde_json::{Map, Value};

use crate::{
    document::{pointer, reach::Reach},
    ledger::Ledger,
};

/// Removes the components that are not reachable from any operation.
pub(super) fn apply(document: &mut Value, ledger: &mut Ledger) {
    let reach = Reach::of(document);
    let Some(schemas) = pointer::object_mut(document, "/components/schemas") else {
        return;
    };
    let unreached: Vec<String> = schemas
        .keys()
        .filter(|name| !reach.contains(name))
        .cloned()
        .collect();
    for name in unreached {
        schemas.shift_remove(&name);
        ledger.exact(pointer::join("/components/schemas", &name));
    }
}

/// Sorts the components, so that their order does not depend on the rules that added them.
pub(super) fn sort(document: &mut Value, _: &mut Ledger) {
    if let Some(schemas) = pointer::object_mut(document, "/components/schemas") {
        let mut sorted: Vec<(String, Value)> = std::mem::take(schemas).into_iter().collect();
        sorted.sort_by(|left, right| left.0.cmp(&right.0));
        *schemas = Map::from_iter(sorted);
    }
}
