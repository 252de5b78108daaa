//! The files of the repository that the report refers to: the document, the overlay and the assumptions.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The files below `openapi/`.
#[derive(Debug)]
pub(crate) struct Repository {
    pub(crate) root: PathBuf,
    /// The service's document as it was served last.
    pub(crate) upstream: Value,
    /// The document that is derived from it.
    pub(crate) document: Value,
    pub(crate) overlay: Value,
    pub(crate) assumptions: Vec<Assumption>,
}

/// An entry of `openapi/assumptions.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Assumption {
    pub(crate) id: String,
    pub(crate) statement: String,
    pub(crate) evidence: String,
    /// The files that rely on it.
    pub(crate) code: Vec<String>,
}

#[derive(Deserialize)]
struct Table {
    assumptions: Vec<Assumption>,
}

/// The type of a success body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Body {
    /// The component that the operation names.
    pub(crate) schema: String,
    /// The component that it contains, if it is a page or an envelope of it.
    pub(crate) inner: Option<(Form, String)>,
}

/// How a body contains its resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A list of it.
    Page,
    /// It, bare or under its name.
    Envelope,
}

impl Repository {
    /// Reads the files of the repository at `root`.
    pub(crate) fn read(root: &Path) -> Result<Self, String> {
        let openapi = root.join("openapi");
        let table: Table = read(&openapi.join("assumptions.json"))?;
        Ok(Self {
            root: root.to_owned(),
            upstream: read(&openapi.join("upstream.json"))?,
            document: read(&openapi.join("openapi.json"))?,
            overlay: read(&openapi.join("overlay.json"))?,
            assumptions: table.assumptions,
        })
    }

    /// Returns the type of an operation's success.
    pub(crate) fn body(&self, operation: &str) -> Option<Body> {
        let operation = self.operation(operation)?;
        let responses = operation["responses"].as_object()?;
        let (_, success) = responses
            .iter()
            .find(|(status, _)| status.starts_with('2'))?;
        let schema = success.pointer("/content/application~1json/schema/$ref")?;
        let schema = schema.as_str()?.rsplit('/').next()?.to_owned();
        let handwritten = self.schema(&schema)["x-handwritten"].as_str();
        let inner = handwritten.and_then(|path| {
            let form = if path.contains("Page<") {
                Form::Page
            } else if path.contains("Envelope<") {
                Form::Envelope
            } else {
                return None;
            };
            let inner = path.rsplit("::").next()?.trim_end_matches('>');
            Some((form, inner.to_owned()))
        });
        Some(Body { schema, inner })
    }

    fn operation(&self, id: &str) -> Option<&Value> {
        let paths = self.document["paths"].as_object()?;
        let mut operations = paths.values().filter_map(Value::as_object).flatten();
        let (_, operation) = operations.find(|(_, operation)| operation["operationId"] == id)?;
        Some(operation)
    }

    /// Returns the schema of a component.
    pub(crate) fn schema(&self, name: &str) -> &Value {
        &self.document["components"]["schemas"][name]
    }

    /// Returns the index of the overlay's action that adds a component.
    pub(crate) fn action(&self, schema: &str) -> Option<usize> {
        let actions = self.overlay["actions"].as_array()?;
        actions.iter().position(|action| {
            action["target"] == "$.components.schemas" && action["update"][schema].is_object()
        })
    }

    /// Returns the place of a component, for a reader.
    pub(crate) fn place(&self, schema: &str) -> String {
        match self.action(schema) {
            Some(index) => format!("openapi/overlay.json#/actions/{index}/update/{schema}"),
            None => format!("openapi/openapi.json#/components/schemas/{schema}"),
        }
    }
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, String> {
    let text =
        fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    serde_json::from_slice(&text).map_err(|error| format!("{}: {error}", path.display()))
}
