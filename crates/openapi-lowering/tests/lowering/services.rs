//! Derives clients from complete documents in the style of three server frameworks.

use std::{collections::BTreeSet, fs, path::Path};

use openapi_lowering::{Document, Lowered, Lowering, Progenitor, outline};

use crate::workbench::compile;

fn derived(name: &str) -> Lowered {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/documents/{name}.json"));
    let document = Document::parse(&fs::read(path).unwrap()).unwrap();
    Lowering::new(&Progenitor).lower(&document).unwrap()
}

/// Asserts that the outline of the client contains each of the lines.
fn assert_outline_contains(derived: &Lowered, expected: &[&str]) {
    let outline = outline(&derived.code.client());
    let lines: BTreeSet<&str> = outline.lines().map(str::trim).collect();
    for line in expected {
        assert!(lines.contains(line), "no `{line}` in\n{outline}");
    }
}

#[test]
fn slow_clients_of_documents_from_three_frameworks_compile() {
    let clients: Vec<_> = ["fastapi", "hono", "utoipa"]
        .into_iter()
        .map(|name| (name.to_owned(), derived(name).code.client()))
        .collect();
    compile(&clients).unwrap();
}

#[test]
fn a_fastapi_client_has_the_described_operations_and_types() {
    assert_outline_contains(
        &derived("fastapi"),
        &[
            "operation builder::ListRobots -> types::PageRobot",
            "operation builder::SendCommand -> types::CommandResult",
            "operation builder::StreamLog -> ByteStream",
            "operation builder::Snapshot -> ByteStream",
            "operation builder::DeleteRobot -> ()",
        ],
    );
}

#[test]
fn a_hono_client_has_the_described_operations_and_types() {
    assert_outline_contains(
        &derived("hono"),
        &[
            "operation builder::GetTask -> types::Task",
            "operation builder::DeleteV1TasksId -> ()",
            "operation builder::Export -> Vec<types::Task>",
            "enum types::TaskEvent",
            "Commented{ at:String, comment: TaskEventComment }",
            "enum types::Source",
            "enum types::Size",
        ],
    );
}

#[test]
fn a_utoipa_client_has_the_described_operations_and_types() {
    assert_outline_contains(
        &derived("utoipa"),
        &[
            "operation builder::OpenAccount -> types::Account",
            "operation builder::Statement -> ByteStream",
            "operation builder::Import -> types::ImportState",
            "enum types::Kind",
            "enum types::Entry",
        ],
    );
}
