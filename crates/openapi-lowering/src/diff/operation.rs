//! The operations of a document, keyed so that two documents can be compared.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::document::walk;

/// An operation with all its parameters, those of its path included.
pub(super) struct Operation<'a> {
    /// A JSON pointer to the operation.
    pub(super) at: String,
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) value: &'a Value,
    /// The parameters by [`place_and_name`].
    pub(super) parameters: BTreeMap<(String, String), &'a Value>,
}

/// Returns the operations by method and path. A renamed path parameter does not change the key.
pub(super) fn operations(document: &Value) -> BTreeMap<String, Operation<'_>> {
    walk::operations(document)
        .into_iter()
        .filter_map(|operation| {
            let value = document.pointer(&operation.pointer)?;
            let shared = &document["paths"][&operation.path]["parameters"];
            let lists = [shared, &value["parameters"]];
            let parameters = lists
                .into_iter()
                .flat_map(|list| list.as_array().into_iter().flatten())
                .map(|parameter| (place_and_name(parameter, &operation.path), parameter))
                .collect();
            let key = format!("{} {}", operation.method, anonymous(&operation.path));
            let operation = Operation {
                at: operation.pointer,
                method: operation.method,
                path: operation.path,
                value,
                parameters,
            };
            Some((key, operation))
        })
        .collect()
}

/// Removes the names of the parameters from a path: `/a/{b}` → `/a/{}`.
fn anonymous(path: &str) -> String {
    let mut inside = false;
    path.chars()
        .filter(|letter| {
            inside = (inside || *letter == '{') && *letter != '}';
            !inside || *letter == '{'
        })
        .collect()
}

/// Returns the key of a parameter: its location, and its name or, in a path, its position.
fn place_and_name(parameter: &Value, path: &str) -> (String, String) {
    let place = parameter["in"].as_str().unwrap_or("").to_owned();
    let name = parameter["name"].as_str().unwrap_or("");
    let name = match place.as_str() {
        "path" => path
            .split('{')
            .position(|rest| rest.split('}').next() == Some(name))
            .map_or_else(|| name.to_owned(), |position| position.to_string()),
        "header" => name.to_ascii_lowercase(),
        _ => name.to_owned(),
    };
    (place, name)
}

impl Operation<'_> {
    /// Returns the method and the path.
    pub(super) fn title(&self) -> String {
        format!("{} {}", self.method.to_uppercase(), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_path_omits_the_parameter_names() {
        assert_eq!(anonymous("/a/{b}/c/{d}"), "/a/{}/c/{}");
    }
}
