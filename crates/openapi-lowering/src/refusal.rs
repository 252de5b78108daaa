//! Places in a document that no rule can lower, and the operations that are left out because of
//! them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde_json::Value;

use crate::{
    Error, Result,
    document::{names, pointer, reach::Reach, walk},
};

/// A place in the document that no rule can lower or that the generator does not support.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A JSON pointer into the document at the time of the refusal.
    pub pointer: String,
    /// The reason, without the pointer.
    pub reason: String,
}

impl Refusal {
    pub(crate) fn new(pointer: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            reason: reason.into(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.pointer, self.reason)
    }
}

/// Returns an error if anything was refused.
pub(crate) fn none(refusals: Vec<Refusal>) -> Result<()> {
    if refusals.is_empty() {
        return Ok(());
    }
    Err(Error::of_refusals(refusals))
}

/// An operation that the derived document does not contain, or a path item that is itself unusable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The JSON pointer of the operation in upstream's document.
    pub pointer: String,
    /// The name of the operation, if it is one.
    pub operation_id: Option<String>,
    /// The pointer of the cause and the reason, in one line.
    pub reason: String,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.pointer, self.reason)
    }
}

/// Runs `attempt` on `document`, and again without the operations that it refuses, until it
/// succeeds.
///
/// Each attempt starts from the original document, so the result is the same as if the operations
/// left out had never been part of it.
///
/// # Errors
/// `attempt` fails for a reason that is not due to single operations.
pub(crate) fn without_refused<T>(
    document: &mut Value,
    attempt: impl Fn(&mut Value) -> Result<T>,
) -> Result<(T, Vec<LeftOut>)> {
    let mut source = document.clone();
    let mut left_out = Vec::new();
    loop {
        document.clone_from(&source);
        let error = match attempt(document) {
            Ok(result) => return Ok((result, left_out)),
            Err(error) => error,
        };
        let mut has_removed = false;
        for mut found in affected(document, error.refusals()) {
            found.operation_id = names::name_at(&source, &found.pointer);
            if !remove(&mut source, &found.pointer) {
                continue;
            }
            has_removed = true;
            // A component that no operation uses would be removed anyway.
            if walk::component(&found.pointer).is_none() {
                left_out.push(found);
            }
        }
        if !has_removed {
            return Err(error);
        }
    }
}

/// Removes the node at a pointer, and a path item that has no operations afterwards.
fn remove(document: &mut Value, at: &str) -> bool {
    let is_removed = pointer::remove(document, at).is_some();
    if let [paths, path, _] = pointer::segments(at).as_slice()
        && paths == "paths"
        && walk::operations_at(document, &pointer::join("/paths", path)).is_empty()
    {
        pointer::remove(document, &pointer::join("/paths", path));
    }
    is_removed
}

/// Returns the operations that contain or refer to the refused places, each with its first reason.
fn affected(document: &Value, refusals: &[Refusal]) -> Vec<LeftOut> {
    let mut found: Vec<LeftOut> = Vec::new();
    let mut known = BTreeSet::new();
    let is_of_component = |refusal: &Refusal| walk::component(&refusal.pointer).is_some();
    let users = if refusals.iter().any(is_of_component) {
        Reach::users(document)
    } else {
        BTreeMap::new()
    };
    for refusal in refusals {
        for pointer in places(document, &users, &refusal.pointer) {
            if !known.insert(pointer.clone()) {
                continue;
            }
            let reason = if pointer == refusal.pointer {
                refusal.reason.clone()
            } else {
                refusal.to_string()
            };
            found.push(LeftOut {
                pointer,
                operation_id: None,
                reason,
            });
        }
    }
    found
}

/// Returns what has to be left out because of a place: the operations that need it or, if none
/// does, the component or the path item that contains it.
fn places(document: &Value, users: &BTreeMap<String, BTreeSet<String>>, at: &str) -> Vec<String> {
    if let Some(name) = walk::component(at) {
        return match users.get(&name) {
            Some(operations) => operations.iter().cloned().collect(),
            None => vec![walk::component_pointer(&name)],
        };
    }
    let operations = walk::operations_at(document, at);
    match pointer::segments(at).as_slice() {
        [paths, path, ..] if paths == "paths" && operations.is_empty() => {
            vec![pointer::join("/paths", path)]
        }
        _ => operations,
    }
}
