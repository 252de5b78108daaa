//! Replaces references to parameters, responses, request bodies and path items with their targets.
//!
//! Afterwards only schemas are referred to, so every later rule finds an operation complete.

use serde_json::{Map, Value};

use crate::{
    Result,
    document::{pointer, walk::METHODS},
    ledger::Ledger,
    refusal::{self, Refusal},
};

/// The sections of `components` whose entries are copied to where they are used.
const SECTIONS: [&str; 8] = [
    "parameters",
    "responses",
    "requestBodies",
    "headers",
    "examples",
    "links",
    "callbacks",
    "pathItems",
];

/// The longest permitted chain of references.
const DEEPEST: usize = 16;

pub(super) fn apply(document: &mut Value, ledger: &mut Ledger) -> Result<()> {
    let source = document.clone();
    let mut inlining = Inlining {
        source: &source,
        document,
        ledger,
        refusals: Vec::new(),
    };
    let empty = Map::new();
    for path in source["paths"].as_object().unwrap_or(&empty).keys() {
        let at = pointer::join("/paths", path);
        inlining.resolve(&at);
        inlining.list(&pointer::join(&at, "parameters"));
        for method in METHODS {
            let at = pointer::join(&at, method);
            if inlining.document.pointer(&at).is_some() {
                inlining.operation(&at);
            }
        }
    }
    refusal::none(inlining.refusals)
}

/// Removes the sections whose entries have been copied.
pub(super) fn drop_sections(document: &mut Value, ledger: &mut Ledger) {
    for section in SECTIONS {
        if let Some(components) = pointer::object_mut(document, "/components")
            && components.shift_remove(section).is_some()
        {
            ledger.exact(pointer::join("/components", section));
        }
    }
}

/// One pass over the document.
struct Inlining<'a> {
    /// The document before the pass.
    source: &'a Value,
    document: &'a mut Value,
    ledger: &'a mut Ledger,
    refusals: Vec<Refusal>,
}

impl Inlining<'_> {
    fn operation(&mut self, at: &str) {
        self.list(&pointer::join(at, "parameters"));
        self.resolve(&pointer::join(at, "requestBody"));
        for at in self.children(&pointer::join(at, "responses")) {
            self.resolve(&at);
            self.list(&pointer::join(&at, "headers"));
        }
    }

    fn list(&mut self, at: &str) {
        for at in self.children(at) {
            self.resolve(&at);
        }
    }

    /// Returns the pointers of the entries of an object or an array.
    fn children(&self, at: &str) -> Vec<String> {
        match self.document.pointer(at) {
            Some(Value::Object(map)) => map.keys().map(|key| pointer::join(at, key)).collect(),
            Some(Value::Array(list)) => (0..list.len())
                .map(|index| pointer::join(at, &index.to_string()))
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Replaces a reference with its target. Siblings of the reference, such as `description`, take
    /// precedence.
    fn resolve(&mut self, at: &str) {
        for _ in 0..DEEPEST {
            let Some(node) = self.document.pointer_mut(at).and_then(Value::as_object_mut) else {
                return;
            };
            let Some(reference) = node.get("$ref").and_then(Value::as_str) else {
                return;
            };
            let found = reference
                .strip_prefix('#')
                .and_then(|path| self.source.pointer(path))
                .and_then(Value::as_object);
            let Some(found) = found else {
                let reason = format!("{reference} is not in the document");
                self.refusals.push(Refusal::new(at, reason));
                return;
            };
            let mut merged = found.clone();
            node.shift_remove("$ref");
            merged.append(node);
            *node = merged;
            self.ledger.exact(at);
        }
        self.refusals
            .push(Refusal::new(at, "the reference leads back to itself"));
    }
}
