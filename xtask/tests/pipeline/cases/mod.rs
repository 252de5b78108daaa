//! Tests small documents, each of which exercises one rule or one check of the guard. A document
//! either gives code that compiles, or is refused with an exact message.

mod compiled;
mod refused;

use std::fs;

use serde_json::Value;
use xtask::{guard, lower};

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
        let ledger = lower::lower(&mut document).unwrap();
        assert!(
            ledger.entries().iter().any(|entry| entry.rule == case.rule),
            "case {number} does not trigger the rule {}",
            case.rule
        );
        let code = guard::generate(&document)
            .unwrap_or_else(|error| panic!("case {number}, {}: {error}", case.rule));
        let name = format!("case_{number}_{}", case.rule.replace('-', "_"));
        clients.push((name, code));
    }
    assert!(clients.len() >= 25);
    workbench::compile(&clients).unwrap();
}

#[test]
fn every_rule_that_writes_to_the_ledger_has_a_small_document() {
    let rules_without_entries = ["order"];
    let cases = compiled::cases();
    for rule in lower::rules() {
        assert!(
            rules_without_entries.contains(&rule) || cases.iter().any(|case| case.rule == rule),
            "no small document exercises {rule}"
        );
    }
}

#[test]
fn the_readme_lists_the_rules_in_the_order_in_which_they_run() {
    let readme = fs::read_to_string(workbench::root().join("openapi/README.md")).unwrap();
    let (_, rules) = readme.split_once("## The rules of lowering").unwrap();
    let listed: Vec<&str> = rules
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    assert_eq!(listed, lower::rules().collect::<Vec<_>>());
}

#[test]
fn unsupported_documents_are_refused_with_an_exact_message() {
    let cases = refused::cases();
    for (paths, schemas, expected) in cases {
        let mut document = document(&paths, &schemas);
        let refusal = lower::lower(&mut document)
            .and_then(|_| guard::generate(&document).map(|_| ()))
            .expect_err(expected)
            .to_string();
        assert_eq!(refusal, expected);
    }
}
