//! Compiles the clients that the crate's generator makes of the small documents with which each rule
//! of lowering is tested.

#[path = "../../../crates/openapi-lowering/tests/lowering/cases/compiled.rs"]
mod compiled;

use openapi_lowering::{Document, Lowering};
use serde_json::Value;
use xtask::generator::Gizmo;

use crate::{
    document::document,
    workbench::{Code, compile},
};

/// A small document and the rule that it exercises.
pub(crate) struct Case {
    rule: &'static str,
    paths: Value,
    schemas: Value,
}

#[test]
fn slow_every_small_document_gives_code_that_compiles() {
    let mut clients = Vec::new();
    for (number, case) in compiled::cases().iter().enumerate() {
        let document = Document::from(document(&case.paths, &case.schemas));
        let lowered = Lowering::new(&Gizmo::default()).lower(&document).unwrap();
        assert_eq!(lowered.left_out, [], "case {number}, {}", case.rule);
        let name = format!("case_{number}_{}", case.rule.replace('-', "_"));
        clients.push((name, Code::from(&lowered.code)));
    }
    compile(&clients).unwrap();
}
