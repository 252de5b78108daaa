//! The Rust level: the generated public items before and after.

use std::collections::{BTreeMap, BTreeSet};

use heck::ToUpperCamelCase;

use super::{
    Change, Level,
    Severity::{self, Breaking, Info},
    generator,
    surface::{self, Body, Entry, Field, Surface},
};

/// Everything that differs between two generated clients.
pub(super) fn compare(before: &str, after: &str) -> Vec<Change> {
    let (old, new) = (surface::read(before), surface::read(after));
    let sent = sent(&new);
    let mut changes = Vec::new();
    let renamed = renamed(&old, &new);
    for (path, item) in &old {
        match (new.get(path), renamed.get(path.as_str())) {
            (Some(now), _) => same_name(path, item, now, sent.contains(path), &mut changes),
            (None, Some(now)) => {
                let text = format!("`{path}` is now called `{now}`");
                changes.push(change(Breaking, "type-renamed", path, text));
            }
            (None, None) => {
                changes.push(change(
                    Breaking,
                    "item-removed",
                    path,
                    format!("`{path}` is gone"),
                ));
            }
        }
    }
    let came = new.keys().filter(|path| !old.contains_key(*path));
    for path in came.filter(|path| !renamed.values().any(|now| now == path)) {
        changes.push(change(Info, "item-added", path, format!("`{path}` is new")));
    }
    changes
}

fn change(severity: Severity, rule: &'static str, place: &str, text: String) -> Change {
    Change::new(Level::Rust, severity, rule, place, text)
}

/// Types that are gone, with those of the same shape that have come.
fn renamed<'a>(old: &'a Surface, new: &'a Surface) -> BTreeMap<&'a str, &'a str> {
    let mut found: BTreeMap<&str, &str> = BTreeMap::new();
    let says_enough = |item: &Entry| match &item.body {
        Body::Struct { fields } => !fields.is_empty(),
        Body::Enum { variants, .. } => !variants.is_empty(),
        _ => false,
    };
    for (path, item) in old
        .iter()
        .filter(|(path, item)| !new.contains_key(*path) && says_enough(item))
    {
        let target = new.iter().find(|(other, now)| {
            now.body == item.body
                && !old.contains_key(*other)
                && !found.values().any(|taken| taken == other)
        });
        if let Some((other, _)) = target {
            found.insert(path, other);
        }
    }
    found
}

fn same_name(path: &str, old: &Entry, new: &Entry, is_sent: bool, changes: &mut Vec<Change>) {
    match (&old.body, &new.body) {
        (Body::Struct { fields: one }, Body::Struct { fields: other }) => {
            members(path, one, other, is_sent, changes);
        }
        (
            Body::Operation {
                setters: one,
                response: then,
            },
            Body::Operation {
                setters: other,
                response: now,
            },
        ) => {
            members(path, one, other, true, changes);
            if then != now {
                let text = format!("`{path}::send` returns `{now}` instead of `{then}`");
                changes.push(change(Breaking, "response-changed", path, text));
            }
        }
        (
            Body::Enum {
                variants: one,
                is_open: was_open,
            },
            Body::Enum {
                variants: other,
                is_open,
            },
        ) => {
            if was_open != is_open {
                let text = format!(
                    "`{path}` is now {} enum",
                    if *is_open { "an open" } else { "a closed" }
                );
                changes.push(change(Breaking, "enum-kind-changed", path, text));
            }
            variants(path, one, other, *is_open, changes);
        }
        (one, other) if one != other => {
            let text = match (one, other) {
                (Body::Line(then), Body::Line(now)) => {
                    format!("`{path}` is now `{now}` instead of `{then}`")
                }
                _ => format!("`{path}` is another kind of item"),
            };
            changes.push(change(Breaking, "item-changed", path, text));
        }
        _ => {}
    }
    for lost in old.traits.difference(&new.traits) {
        let text = format!("`{path}` is no longer `{lost}`");
        changes.push(change(Breaking, "trait-removed", path, text));
    }
    for gained in new.traits.difference(&old.traits) {
        let text = format!("`{path}` is now `{gained}`");
        changes.push(change(Info, "trait-added", path, text));
    }
}

fn members(
    path: &str,
    old: &BTreeMap<String, Field>,
    new: &BTreeMap<String, Field>,
    is_sent: bool,
    changes: &mut Vec<Change>,
) {
    for (name, field) in old {
        let at = format!("{path}::{name}");
        let Some(now) = new.get(name) else {
            changes.push(change(
                Breaking,
                "field-removed",
                &at,
                format!("`{at}` is gone"),
            ));
            continue;
        };
        if field.kind != now.kind {
            let text = format!("`{at}` is now `{}` instead of `{}`", now.kind, field.kind);
            changes.push(change(Breaking, "field-type-changed", &at, text));
        } else if now.is_required && !field.is_required && is_sent {
            let text = format!("`{at}` must be set now");
            changes.push(change(Breaking, "required-builder-field", &at, text));
        }
    }
    for (name, field) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
        let at = format!("{path}::{name}");
        if field.is_required && is_sent {
            let text = format!("`{at}` is new and must be set");
            changes.push(change(Breaking, "required-builder-field", &at, text));
        } else {
            changes.push(change(Info, "field-added", &at, format!("`{at}` is new")));
        }
    }
}

fn variants(
    path: &str,
    old: &BTreeMap<String, String>,
    new: &BTreeMap<String, String>,
    is_open: bool,
    changes: &mut Vec<Change>,
) {
    for (name, carried) in old {
        let at = format!("{path}::{name}");
        match new.get(name) {
            None => changes.push(change(
                Breaking,
                "variant-removed",
                &at,
                format!("`{at}` is gone"),
            )),
            Some(now) if now != carried => {
                let text = format!("`{at}` now carries `{now}` instead of `{carried}`");
                changes.push(change(Breaking, "variant-changed", &at, text));
            }
            Some(_) => {}
        }
    }
    for name in new.keys().filter(|name| !old.contains_key(*name)) {
        let at = format!("{path}::{name}");
        if is_open {
            changes.push(change(Info, "variant-added", &at, format!("`{at}` is new")));
        } else {
            let text = format!("`{at}` is new, and a `match` must cover it");
            changes.push(change(Breaking, "closed-enum-variant-added", &at, text));
        }
    }
}

/// The types that are part of a request: those that a caller makes.
fn sent(surface: &Surface) -> BTreeSet<String> {
    let mut pending: Vec<&str> = Vec::new();
    for item in surface.values() {
        if let Body::Operation { setters, .. } = &item.body {
            pending.extend(setters.values().map(|setter| setter.kind.as_str()));
        }
    }
    let mut found = BTreeSet::new();
    while let Some(kind) = pending.pop() {
        for word in kind.split(|letter: char| !(letter.is_alphanumeric() || letter == '_')) {
            let path = format!("types::{word}");
            let Some(item) = surface.get(&path) else {
                continue;
            };
            if !found.insert(path) {
                continue;
            }
            match &item.body {
                Body::Struct { fields } => {
                    pending.extend(fields.values().map(|field| field.kind.as_str()));
                }
                Body::Enum { variants, .. } => {
                    pending.extend(variants.values().map(String::as_str));
                }
                Body::Line(line) => pending.push(line),
                Body::Operation { .. } => {}
            }
        }
    }
    found
}

/// Whether a change in Rust is what a change on the wire looks like from there: it is of the same
/// type or of the same operation.
pub(super) fn stems_from(change: &Change, wire: &Change) -> bool {
    let (module, rest) = change.place.split_once("::").unwrap_or(("", &change.place));
    let owner = rest.split("::").next().unwrap_or("").to_upper_camel_case();
    let is_call = module == "Client" || module == "builder";
    let subject = generator::subject(&wire.place).map(|name| name.to_upper_camel_case());
    subject.is_some_and(|subject| owner.starts_with(&subject))
        || wire.names.iter().any(|name| {
            let name = name.to_upper_camel_case();
            owner.starts_with(&name) || (is_call && name.starts_with(&owner))
        })
}
