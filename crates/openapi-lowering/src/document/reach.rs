//! Determines which components are reachable from requests and which from responses.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::pointer;

use super::walk::{self, Position, Site};

const SCHEMAS: &str = "#/components/schemas/";

/// Returns the name of the component that a schema refers to, if it is such a reference.
pub(crate) fn target(schema: &Value) -> Option<String> {
    let name = schema.get("$ref")?.as_str()?.strip_prefix(SCHEMAS)?;
    Some(name.replace("~1", "/").replace("~0", "~"))
}

/// Returns a reference to a component.
pub(crate) fn reference(name: &str) -> Value {
    let name = name.replace('~', "~0").replace('/', "~1");
    serde_json::json!({ "$ref": format!("{SCHEMAS}{name}") })
}

/// The components that are sent and the components that are received.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    request: BTreeSet<String>,
    response: BTreeSet<String>,
}

impl Reach {
    pub(crate) fn of(document: &Value) -> Self {
        let mut reach = Self::default();
        for root in walk::roots(document) {
            let found = match root.position {
                Position::Component => continue,
                Position::Parameter | Position::RequestBody => &mut reach.request,
                Position::Response => &mut reach.response,
            };
            if let Some(schema) = pointer::get(document, &root.pointer) {
                follow(document, schema, found);
            }
        }
        reach
    }

    /// Returns whether a schema at this site may be part of a request.
    pub(crate) fn is_sent(&self, site: &Site) -> bool {
        match site.position {
            Position::Component => self.request.contains(&*site.owner),
            Position::Parameter | Position::RequestBody => true,
            Position::Response => false,
        }
    }

    /// Returns whether a schema at this site may be part of a response.
    pub(crate) fn is_received(&self, site: &Site) -> bool {
        match site.position {
            Position::Component => self.response.contains(&*site.owner),
            Position::Parameter | Position::RequestBody => false,
            Position::Response => true,
        }
    }

    /// Returns the pointers of the operations from which each component is reachable.
    pub(crate) fn users(document: &Value) -> BTreeMap<String, BTreeSet<String>> {
        let mut users: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for root in walk::roots(document) {
            if root.position == Position::Component {
                continue;
            }
            let mut found = BTreeSet::new();
            if let Some(schema) = pointer::get(document, &root.pointer) {
                follow(document, schema, &mut found);
            }
            let operations = walk::operations_at(document, &root.pointer);
            for name in found {
                users.entry(name).or_default().extend(operations.clone());
            }
        }
        users
    }

    /// Returns whether the component is reachable from any operation.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.request.contains(name) || self.response.contains(name)
    }
}

/// Returns a component and all components that it refers to, directly or indirectly.
pub(crate) fn closure(document: &Value, name: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::from([name.to_owned()]);
    follow(
        document,
        &document["components"]["schemas"][name],
        &mut found,
    );
    found
}

/// Adds the components that a schema refers to, directly or indirectly.
fn follow(document: &Value, schema: &Value, found: &mut BTreeSet<String>) {
    let schemas = &document["components"]["schemas"];
    let mut pending = vec![schema];
    while let Some(schema) = pending.pop() {
        walk::visit(schema, &mut |schema| {
            let mapped = schema["discriminator"]["mapping"]
                .as_object()
                .into_iter()
                .flat_map(|mapping| mapping.values())
                .filter_map(|value| target(&serde_json::json!({ "$ref": value })));
            for name in target(schema).into_iter().chain(mapped) {
                if !found.contains(&name) {
                    pending.extend(schemas.get(&name));
                    found.insert(name);
                }
            }
        });
    }
}
