//! Small documents, each aimed at one rule or one guard: it ends in code that compiles, or in a
//! refusal whose text is pinned.

mod compiled;
mod refused;

use std::fs;

use serde_json::Value;
use xtask::{guard, lower};

use crate::{document::document, workbench};

/// A small document and the rule that it is for.
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
fn slow_every_small_document_becomes_code_that_compiles() {
    let mut clients = Vec::new();
    for (number, case) in compiled::cases().iter().enumerate() {
        let mut document = case.document();
        let ledger = lower::lower(&mut document).unwrap();
        assert!(
            ledger.entries().iter().any(|entry| entry.rule == case.rule),
            "case {number} does not bring the rule {} about",
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
fn every_rule_that_rewrites_has_a_small_document() {
    let without_ledger = ["unknown-keyword", "order"];
    let cases = compiled::cases();
    for rule in lower::rules() {
        assert!(
            without_ledger.contains(&rule) || cases.iter().any(|case| case.rule == rule),
            "{rule} has none"
        );
    }
}

#[test]
fn the_readme_lists_every_rule_in_the_order_they_run() {
    let readme = fs::read_to_string(workbench::root().join("openapi/README.md")).unwrap();
    let (_, rules) = readme.split_once("## The rules of lowering").unwrap();
    let listed: Vec<&str> = rules
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .collect();
    assert_eq!(listed, lower::rules().collect::<Vec<_>>());
}

#[test]
fn what_has_no_place_is_refused_in_one_line_that_names_it() {
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
