//! Redirects references to anything but components: into other schemas, to anchors, and dynamic
//! ones.

use std::collections::{BTreeMap, BTreeSet};

use heck::ToUpperCamelCase;
use serde_json::{Value, json};

use crate::{
    document::{
        pointer, reach,
        walk::{self, Position, Site},
    },
    ledger::Ledger,
};

use super::definitions;

/// Makes the target of a reference into another schema a component, to which both places refer.
pub(super) fn apply(document: &mut Value, ledger: &mut Ledger) {
    let sites = walk::schemas(document);
    dynamic(document, &sites, ledger);
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for site in &sites {
        let schema = pointer::get(document, &site.pointer).unwrap_or(&Value::Null);
        let Some(target) = schema_target(document, schema) else {
            continue;
        };
        let name = match names.get(&target) {
            Some(name) => name.clone(),
            None => free_name(document, &names, &sites, &target),
        };
        if let Some(schema) = pointer::object_mut(document, &site.pointer) {
            schema.insert("$ref".to_owned(), reach::reference(&name)["$ref"].clone());
        }
        ledger.exact(pointer::join(&site.pointer, "$ref"));
        names.insert(target, name);
    }
    let pointers: BTreeSet<&str> = sites.iter().map(|site| site.pointer.as_str()).collect();
    // A target inside another one moves first, while its pointer is still valid.
    let mut targets: Vec<(String, String)> = names.into_iter().collect();
    targets.sort_by_key(|(target, _)| std::cmp::Reverse(target.matches('/').count()));
    for (target, name) in targets {
        let Some(node) = pointer::get_mut(document, &target) else {
            continue;
        };
        let schema = node.clone();
        if pointers.contains(target.as_str()) {
            *node = reach::reference(&name);
        }
        document["components"]["schemas"][&name] = schema;
    }
}

/// Returns the pointer of the schema to which a schema refers, if it exists and neither is a
/// component nor belongs to the definitions of one.
fn schema_target(document: &Value, schema: &Value) -> Option<String> {
    let target = schema.get("$ref")?.as_str()?.strip_prefix('#')?;
    let is_definition = definitions::KEYWORDS
        .iter()
        .any(|keyword| target.contains(&format!("/{keyword}/")));
    let is_component = matches!(
        pointer::segments(target).as_slice(),
        [components, schemas, _] if components == "components" && schemas == "schemas"
    );
    let is_schema = target.starts_with('/') && pointer::get(document, target)?.is_object();
    (is_schema && !is_definition && !is_component).then(|| target.to_owned())
}

/// Returns a name for the component, from the owner and the property of its schema or else from
/// its pointer.
fn free_name(
    document: &Value,
    names: &BTreeMap<String, String>,
    sites: &[Site],
    target: &str,
) -> String {
    let site = sites.iter().find(|site| site.pointer == target);
    let words = match site {
        Some(site) => format!("{} {}", site.owner, site.property.as_deref().unwrap_or("")),
        None => pointer::segments(target)[2..].join(" "),
    };
    let short = words.to_upper_camel_case();
    let is_taken = |name: &String| {
        document["components"]["schemas"].get(name).is_some()
            || names.values().any(|other| other == name)
    };
    let mut name = short.clone();
    let mut number = 2;
    while is_taken(&name) {
        name = format!("{short}{number}");
        number += 1;
    }
    name
}

/// Replaces `$recursiveRef` and `$dynamicRef`, and a `$ref` to an anchor, with a `$ref` to the
/// schema to which they refer if no other schema extends it.
fn dynamic(document: &mut Value, sites: &[Site], ledger: &mut Ledger) {
    let anchors = anchors(document, sites);
    for site in sites {
        for keyword in ["$recursiveRef", "$dynamicRef", "$ref"] {
            let schema = pointer::get(document, &site.pointer).unwrap_or(&Value::Null);
            let Some(reference) = schema.get(keyword).and_then(Value::as_str) else {
                continue;
            };
            let target = if keyword == "$recursiveRef" && site.position == Position::Component {
                Some(walk::component_pointer(&site.owner))
            } else if reference.starts_with("#/") {
                reference.strip_prefix('#').map(str::to_owned)
            } else {
                anchor(&anchors, site, reference)
            };
            let Some(target) = target.map(|target| format!("#{target}")) else {
                continue;
            };
            if keyword == "$ref" && target == reference {
                continue;
            }
            let schema = pointer::object_mut(document, &site.pointer).expect("it was found above");
            schema.shift_remove(keyword);
            schema.insert("$ref".to_owned(), json!(target));
            let at = pointer::join(&site.pointer, keyword);
            if keyword == "$ref" {
                ledger.exact(at);
            } else {
                ledger.lossy(at);
            }
        }
    }
}

/// Returns the schemas with each anchor.
fn anchors<'a>(document: &Value, sites: &'a [Site]) -> BTreeMap<String, Vec<&'a Site>> {
    let mut anchors: BTreeMap<String, Vec<&Site>> = BTreeMap::new();
    for site in sites {
        let schema = pointer::get(document, &site.pointer).unwrap_or(&Value::Null);
        for keyword in ["$anchor", "$dynamicAnchor"] {
            if let Some(name) = schema.get(keyword).and_then(Value::as_str) {
                anchors.entry(format!("#{name}")).or_default().push(site);
            }
        }
    }
    anchors
}

/// Returns the pointer of the schema with an anchor: that of the same owner, or the only one.
fn anchor(anchors: &BTreeMap<String, Vec<&Site>>, user: &Site, reference: &str) -> Option<String> {
    let found = anchors.get(reference)?;
    let own = found.iter().find(|site| site.owner == user.owner);
    let only = found.first().filter(|_| found.len() == 1);
    own.or(only).map(|site| site.pointer.clone())
}
