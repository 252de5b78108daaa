//! Removes the titles of schemas: the generator would name types after them, and titles need not be
//! unique.

use serde_json::{Value, json};

use crate::{
    document::{pointer, walk},
    ledger::Ledger,
};

pub(super) fn apply(document: &mut Value, ledger: &mut Ledger) {
    for site in walk::schemas(document) {
        let Some(schema) = pointer::object_mut(document, &site.pointer) else {
            continue;
        };
        let Some(title) = schema.shift_remove("title") else {
            continue;
        };
        let at = pointer::join(&site.pointer, "title");
        let text = title.as_str().unwrap_or("");
        let name = site.property.as_ref().unwrap_or(&site.owner);
        if schema.contains_key("description") || restates(text, name) {
            ledger.exact(at);
        } else {
            // A title that adds something to the name becomes the description.
            schema.insert("description".to_owned(), json!(text));
            ledger.exact(at);
        }
    }
}

/// Returns whether a title only repeats the name, as `Scene Id` does for `scene_id`.
fn restates(title: &str, name: &str) -> bool {
    let letters = |text: &str| {
        text.chars()
            .filter(|letter| letter.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect::<String>()
    };
    title.is_empty() || letters(title) == letters(name)
}
