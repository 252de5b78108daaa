//! Parses a document from JSON or YAML.

use serde_json::Value;

use crate::{Error, Result};

use super::value::Parsed;

/// A parsed document.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// The document as JSON.
    pub value: Value,
    /// What was unusual about the text, one line each, such as a key that occurs more than once.
    pub warnings: Vec<String>,
}

impl Document {
    /// Parses a text in UTF-8, with or without a byte order mark. A text that begins with `{` is JSON,
    /// and any other is YAML 1.2 (with the feature `yaml`).
    ///
    /// # Errors
    /// The text is neither, or not a document of `OpenAPI` 3.0 or 3.1. The message names what was
    /// found instead.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(bytes)
            .map_err(|error| Error::new(format!("the document is not UTF-8: {error}")))?;
        let text = text.trim_start_matches(BYTE_ORDER_MARK).trim_start();
        if text.is_empty() {
            return Err(Error::new(
                "the document is empty; check that the URL or file is that of the service's openapi.json",
            ));
        }
        if text.starts_with('<') {
            return Err(Error::new(
                "the document is an HTML page; use the URL of openapi.json, not that of a page about \
                 the API",
            ));
        }
        let Parsed { value, duplicates } = if text.starts_with(['{', '[']) {
            serde_json::from_str(text)
                .map_err(|error| Error::new(format!("the document is not JSON: {error}")))?
        } else {
            yaml(text)?
        };
        check_version(&value)?;
        let warnings = duplicates
            .iter()
            .map(|at| format!("{at} occurs more than once; the last value replaces the others"))
            .collect();
        Ok(Self { value, warnings })
    }
}

impl From<Value> for Document {
    fn from(value: Value) -> Self {
        Self {
            value,
            warnings: Vec::new(),
        }
    }
}

/// RFC 8259 lets a parser ignore it.
const BYTE_ORDER_MARK: char = '\u{feff}';

#[cfg(feature = "yaml")]
fn yaml(text: &str) -> Result<Parsed> {
    // The default limits of depth, aliases and size hold, so a small text cannot become a large document.
    let options = serde_saphyr::options! {
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        with_snippet: false,
    };
    let mut parsed: Parsed = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| Error::new(format!("the document is neither JSON nor YAML: {error}")))?;
    // Without quotes, these versions are numbers.
    for at in ["/openapi", "/info/version"] {
        if let Some(version) = parsed.value.pointer_mut(at)
            && version.is_number()
        {
            *version = Value::String(version.to_string());
        }
    }
    Ok(parsed)
}

#[cfg(not(feature = "yaml"))]
fn yaml(text: &str) -> Result<Parsed> {
    serde_json::from_str(text)
        .map_err(|error| Error::new(format!("the document is not JSON: {error}")))
}

fn check_version(document: &Value) -> Result<()> {
    if let Some(version) = document.get("swagger") {
        return Err(Error::new(format!(
            "expected OpenAPI 3.0 or 3.1, but this is Swagger {}",
            version
                .as_str()
                .map_or_else(|| version.to_string(), str::to_owned)
        )));
    }
    let Some(version) = document.get("openapi") else {
        return Err(Error::new(
            "this is not an OpenAPI document: it has no `openapi` member",
        ));
    };
    let is_supported = |text: &str| {
        let mut parts = text.split('.');
        parts.next() == Some("3") && matches!(parts.next(), Some("0" | "1"))
    };
    if version.as_str().is_some_and(is_supported) {
        return Ok(());
    }
    Err(Error::new(format!(
        "expected OpenAPI 3.0 or 3.1, but the `openapi` member is {version}"
    )))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_and_yaml_give_the_same_document() {
        let expected = json!({
            "openapi": "3.1",
            "info": {"title": "on", "version": "1.0"},
            "paths": {"/a": {"get": {"responses": {"200": {"description": "ok"}}}}},
        });
        let json = format!("\u{feff}{expected}");
        let yaml = "# A comment\nopenapi: 3.1\ninfo: {title: on, version: 1.0}\npaths:\n  /a:\n    get:\n      \
                    responses:\n        200: &ok\n          description: ok\n";
        assert_eq!(Document::parse(json.as_bytes()).unwrap().value, expected);
        #[cfg(feature = "yaml")]
        assert_eq!(Document::parse(yaml.as_bytes()).unwrap().value, expected);
        #[cfg(not(feature = "yaml"))]
        assert!(Document::parse(yaml.as_bytes()).is_err());
    }

    #[test]
    fn a_duplicate_key_is_a_warning() {
        for text in [
            r#"{"openapi": "3.1.0", "openapi": "3.1.0"}"#,
            #[cfg(feature = "yaml")]
            "openapi: 3.1.0\nopenapi: 3.1.0\n",
        ] {
            let document = Document::parse(text.as_bytes()).unwrap();
            assert_eq!(
                document.warnings,
                ["/openapi occurs more than once; the last value replaces the others"]
            );
        }
    }

    #[test]
    fn the_error_names_what_was_found_instead() {
        for (text, reason) in [
            (" \n", "empty"),
            ("<!doctype html>", "HTML page"),
            ("{", "not JSON"),
            ("[]", "no `openapi` member"),
            ("{}", "no `openapi` member"),
            (r#"{"swagger": "2.0"}"#, "Swagger 2.0"),
            (r#"{"openapi": "3.2.0"}"#, "3.2.0"),
            (r#"{"openapi": "3.10.0"}"#, "3.10.0"),
            (r#"{"openapi": 3}"#, "is 3"),
            #[cfg(feature = "yaml")]
            ("a: [", "neither JSON nor YAML"),
        ] {
            let error = Document::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
        let error = Document::parse(b"\xff{}").unwrap_err().to_string();
        assert!(error.contains("not UTF-8"), "{error}");
    }

    #[test]
    #[cfg(feature = "yaml")]
    fn aliases_cannot_multiply() {
        use std::fmt::Write as _;

        let mut text = "openapi: 3.1.0\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let alias = format!("*a{}, ", level - 1).repeat(10);
            writeln!(text, "a{level}: &a{level} [{alias}]").unwrap();
        }
        assert!(Document::parse(text.as_bytes()).is_err());
    }
}
