//! Derives clients from the documents that several versions of `FastAPI` write.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use openapi_lowering::{Document, Lowering};
use serde_json::Value;
use xtask::generator::Gizmo;

use crate::workbench::{Code, compile, root};

/// The fewest clients that the installed versions must give.
const AT_LEAST: usize = 20;

/// Returns the documents of all services by version and service, without those that another version
/// writes in the same way. They are empty if no version is installed below `target/fastapi`, where
/// `.ci/run` puts each in a directory of its own.
fn documents() -> BTreeMap<String, Value> {
    let mut documents: BTreeMap<String, Value> = BTreeMap::new();
    for version in fs::read_dir(root().join("target/fastapi"))
        .into_iter()
        .flatten()
    {
        let directory = version.unwrap().path();
        for (service, document) in written_by(&directory) {
            if !documents.values().any(|other| *other == document) {
                let version = directory.file_name().unwrap().to_string_lossy();
                let name = format!("{service}_{}", version.replace('.', "_"));
                documents.insert(name, document);
            }
        }
    }
    documents
}

/// Returns the documents that the version in a directory writes, by service.
fn written_by(directory: &Path) -> BTreeMap<String, Value> {
    let output = Command::new("python3")
        .args(["-W", "ignore"])
        .arg(root().join("crates/openapi-lowering/tests/fastapi/services.py"))
        .env("PYTHONPATH", directory)
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
#[expect(
    clippy::print_stdout,
    reason = "the output of the test names the skipped check"
)]
fn slow_the_documents_of_several_versions_give_clients_that_compile() {
    let documents = documents();
    if documents.is_empty() {
        println!("skipped: no version of FastAPI is in target/fastapi");
        return;
    }
    assert!(documents.len() >= AT_LEAST, "{:?}", documents.keys());
    let mut clients = Vec::new();
    for (name, document) in documents {
        let lowered = Lowering::new(&Gizmo::default())
            .lower(&Document::from(document))
            .unwrap();
        assert_eq!(lowered.left_out, [], "{name}");
        clients.push((name, Code::from(&lowered.code)));
    }
    compile(&clients).unwrap();
}
