//! Tests small documents, each of which exercises one rule or one check of the guard. A document
//! either gives code that compiles, or is refused with an exact message.

mod compiled;
mod refused;

use openapi_lowering::{Dialect, Progenitor, generate, lower, rules};
use serde_json::Value;

use crate::{document::document, workbench};

/// A small document and the rule that it exercises.
pub(crate) struct Case {
    rule: &'static str,
    paths: Value,
    schemas: Value,
}

impl Case {
    fn document(&self) -> Value {
        document(&self.paths, &self.schemas)
    }
}

#[test]
fn slow_every_small_document_gives_code_that_compiles() {
    let mut clients = Vec::new();
    for (number, case) in compiled::cases().iter().enumerate() {
        let mut document = case.document();
        let ledger = lower(&mut document, Dialect::Plain).unwrap();
        assert!(
            ledger.entries().iter().any(|entry| entry.rule == case.rule),
            "case {number} does not trigger the rule {}",
            case.rule
        );
        let code = generate(&document, &Progenitor)
            .unwrap_or_else(|error| panic!("case {number}, {}: {error}", case.rule));
        let name = format!("case_{number}_{}", case.rule.replace('-', "_"));
        clients.push((name, code.client()));
    }
    assert!(clients.len() >= 25);
    workbench::compile(&clients).unwrap();
}

#[test]
fn every_rule_that_writes_to_the_ledger_has_a_small_document() {
    // The small documents have a title and a version.
    let without = ["order", "information"];
    let cases = compiled::cases();
    for rule in rules() {
        assert!(
            without.contains(&rule) || cases.iter().any(|case| case.rule == rule),
            "no small document exercises {rule}"
        );
    }
}

#[test]
fn the_readme_lists_the_rules_in_the_order_in_which_they_run() {
    let readme = include_str!("../../../README.md");
    let (_, table) = readme.split_once("## The rules of lowering").unwrap();
    let listed: Vec<&str> = table
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    assert_eq!(listed, rules().collect::<Vec<_>>());
}

#[test]
fn unsupported_documents_are_refused_with_an_exact_message() {
    let cases = refused::cases();
    for (paths, schemas, expected) in cases {
        let mut document = document(&paths, &schemas);
        let refusal = lower(&mut document, Dialect::Plain)
            .and_then(|_| generate(&document, &Progenitor).map(|_| ()))
            .expect_err(expected)
            .to_string();
        assert_eq!(refusal, expected);
    }
}
