//! Follows the README from a document to a client.

use std::{fs, path::Path};

use crate::workbench::{check, root};

/// Returns the code blocks of a language, in order.
fn blocks(language: &str) -> Vec<&'static str> {
    let parts = include_str!("../../README.md")
        .split("```")
        .skip(1)
        .step_by(2);
    parts
        .filter_map(|block| block.split_once('\n'))
        .filter(|(named, _)| named.split(',').next() == Some(language))
        .map(|(_, text)| text)
        .collect()
}

#[test]
fn slow_the_readme_leads_from_a_document_to_a_client_that_compiles() {
    let package = root().join("target/clients/readme");
    fs::create_dir_all(package.join("src")).unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let [dependencies] = blocks("toml").try_into().unwrap();
    let published = "openapi-lowering = { version = \"0.1\"";
    assert!(dependencies.contains(published), "{dependencies}");
    let local = format!(
        "openapi-lowering = {{ path = {:?}",
        here.display().to_string()
    );
    let manifest = format!(
        "[package]\nname = \"readme\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n{}\n[workspace]\n",
        dependencies.replace(published, &local)
    );
    fs::write(package.join("Cargo.toml"), manifest).unwrap();
    let [script, library] = blocks("rust").try_into().unwrap();
    fs::write(package.join("build.rs"), script).unwrap();
    let call =
        "pub fn list(client: &Client) -> builder::ListRobots<'_> {\n    client.list_robots()\n}\n";
    fs::write(package.join("src/lib.rs"), format!("{library}{call}")).unwrap();
    fs::copy(
        here.join("tests/documents/fastapi.json"),
        package.join("openapi.json"),
    )
    .unwrap();
    check(&package).unwrap();
    let lines = script
        .lines()
        .filter(|line| !line.trim().is_empty())
        .count();
    assert!(lines + library.lines().count() <= 10, "{lines}");
}
