//! Tests that a change elsewhere in a document does not rename types.

use openapi_lowering::{Document, Lowered, Lowering, Progenitor, outline};
use serde_json::{Value, json};

use crate::document::{document, returning};

/// Lowers a document that returns objects with an inline enum `mode` each.
fn lowered(modes: &[&[&str]], previous: Option<&Value>) -> Lowered {
    let mut paths = json!({});
    for (number, values) in modes.iter().enumerate() {
        let schema =
            json!({"type": "object", "properties": {"mode": {"type": "string", "enum": values}}});
        let mut item = returning(&schema);
        item["get"]["operationId"] = json!(format!("fetch_{number}"));
        paths[format!("/fetch/{number}")] = item;
    }
    let document = Document::from(document(&paths, &json!({})));
    let lowering = Lowering::new(&Progenitor);
    let lowering = previous.map_or(lowering, |previous| lowering.previous(previous));
    lowering.lower(&document).unwrap()
}

fn enums(lowered: &Lowered) -> Vec<String> {
    let outline = outline(&lowered.code.client());
    let names = outline
        .lines()
        .filter_map(|line| line.strip_prefix("enum types::"));
    names.map(str::to_owned).collect()
}

#[test]
fn names_depend_on_the_values_without_a_previous_document() {
    assert_eq!(enums(&lowered(&[&["a", "b"], &["a", "b"]], None)), ["Mode"]);
    assert_eq!(
        enums(&lowered(&[&["a", "b"], &["a", "c"]], None)),
        ["Fetch0Mode", "Fetch1Mode"]
    );
}

#[test]
fn enums_that_begin_to_differ_keep_their_name_and_allow_the_values_of_all() {
    let before = lowered(&[&["a", "b"], &["a", "b"]], None);
    let after = lowered(&[&["a", "b", "c"], &["a", "b"]], Some(&before.document));
    assert_eq!(enums(&after), ["Mode"]);
    let mode = &after.document["components"]["schemas"]["Mode"]["enum"];
    assert_eq!(*mode, json!(["a", "b", "c"]));
    let reasons = after
        .ledger
        .entries()
        .iter()
        .filter_map(|entry| entry.reason.as_deref());
    assert!(reasons.into_iter().any(|reason| reason.contains("`Mode`")));
}

#[test]
fn enums_that_become_equal_keep_their_names() {
    let before = lowered(&[&["a", "b"], &["a", "c"]], None);
    let after = lowered(&[&["a", "b"], &["a", "b"]], Some(&before.document));
    assert_eq!(enums(&after), ["Fetch0Mode", "Fetch1Mode"]);
}

#[test]
fn a_further_enum_of_that_name_renames_nothing() {
    let before = lowered(&[&["a", "b"]], None);
    let after = lowered(&[&["a", "b"], &["x", "y"]], Some(&before.document));
    assert_eq!(enums(&after), ["Fetch1Mode", "Mode"]);
}

#[test]
fn a_lowered_document_is_its_own_previous_document() {
    let before = lowered(&[&["a", "b"], &["a", "b"]], None);
    let after = lowered(&[&["a", "b", "c"], &["a", "b"]], Some(&before.document));
    let again = lowered(&[&["a", "b", "c"], &["a", "b"]], Some(&after.document));
    assert_eq!(again.document, after.document);
    assert_eq!(again.ledger, after.ledger);
}
