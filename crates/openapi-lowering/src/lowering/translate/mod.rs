//! Translates a document from `OpenAPI` 3.1 to 3.0.3.

pub(super) mod bounds;
mod constants;
mod contents;
mod definitions;
mod envelope;
mod examples;
mod inline;
mod keywords;
mod nullable;
mod objects;
mod references;
mod schema_pointers;
mod tuples;

use super::Rule::{self, Rewrite, TryRewrite};

/// The rules in the order in which they run.
pub(super) const RULES: [(&str, Rule); 18] = [
    ("inline-component", TryRewrite(inline::apply)),
    ("unknown-keyword", Rewrite(keywords::unknown)),
    ("schema-pointer", Rewrite(schema_pointers::apply)),
    ("information", Rewrite(envelope::information)),
    ("dropped-section", Rewrite(envelope::apply)),
    ("definitions", Rewrite(definitions::apply)),
    ("dangling-reference", Rewrite(definitions::dangling)),
    ("dropped-keyword", Rewrite(keywords::drop)),
    ("boolean-schema", Rewrite(objects::booleans)),
    ("content-encoding", Rewrite(contents::apply)),
    ("prefix-items", Rewrite(tuples::apply)),
    ("pattern-properties", Rewrite(objects::patterns)),
    ("const", Rewrite(constants::apply)),
    ("exclusive-bounds", Rewrite(bounds::apply)),
    ("examples", Rewrite(examples::apply)),
    ("nullable", Rewrite(nullable::apply)),
    ("nullable-component", Rewrite(nullable::components)),
    ("ref-siblings", Rewrite(references::apply)),
];
