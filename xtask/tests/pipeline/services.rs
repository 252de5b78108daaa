//! Whole documents as three families of tools write them, taken to clients that compile.

use std::{collections::BTreeSet, fs};

use serde_json::json;
use xtask::{
    derive::{Derived, derive},
    diff::outline,
};

use super::workbench::{compile, root};

fn derived(name: &str) -> Derived {
    let path = root().join(format!("xtask/tests/documents/{name}.json"));
    let overlay = json!({"overlay": "1.0.0", "actions": []}).to_string();
    derive(&fs::read(path).unwrap(), overlay.as_bytes()).unwrap()
}

/// Each line must be one of the client's outline.
fn has(derived: &Derived, expected: &[&str]) {
    let outline = outline(&derived.code.client);
    let lines: BTreeSet<&str> = outline.lines().map(str::trim).collect();
    for line in expected {
        assert!(lines.contains(line), "no `{line}` in\n{outline}");
    }
}

#[test]
fn slow_services_of_three_kinds_become_clients_that_compile() {
    let clients: Vec<_> = ["fastapi", "hono", "utoipa"]
        .into_iter()
        .map(|name| (name.to_owned(), derived(name).code))
        .collect();
    compile(&clients).unwrap();
}

#[test]
fn a_typed_fastapi_service_has_the_operations_and_types_that_it_describes() {
    has(
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
fn a_service_of_zod_schemas_has_the_operations_and_types_that_it_describes() {
    has(
        &derived("hono"),
        &[
            "operation builder::GetTask -> types::Task",
            "operation builder::DeleteV1TasksId -> ()",
            "operation builder::Export -> Vec<types::Task>",
            "enum types::TaskEvent",
            "Commented{ at:String, comment: TaskEventComment }",
            "enum types::Source",
            "open enum types::Size",
        ],
    );
}

#[test]
fn a_utoipa_service_has_the_operations_and_types_that_it_describes() {
    has(
        &derived("utoipa"),
        &[
            "operation builder::OpenAccount -> types::Account",
            "operation builder::Statement -> ByteStream",
            "operation builder::Import -> types::ImportState",
            "open enum types::Kind",
            "enum types::Entry",
        ],
    );
}
