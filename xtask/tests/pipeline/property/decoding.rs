//! Tests that the generated types decode the same instances, in a program that is compiled and run.

use std::{fmt::Write as _, fs, process::Command};

use openapi_lowering::{generate, outline};
use serde_json::{Value, json};
use syn::Item;
use xtask::generator::Gizmo;

use crate::workbench::{root, target};

use super::Sample;

const MANIFEST: &str = r#"
[package]
name = "decoding"
version = "0.0.0"
edition = "2024"
publish = false

[workspace]

[dependencies]
schemars = "1.2"
serde = { version = "1", features = ["derive"] }
serde_json = "1"

[profile.dev]
debug = false
"#;

const MAIN: &str = r#"
#![allow(warnings)]
use std::collections::HashMap;

mod ext {
    pub mod values {
        #[path = "EXT/values/id.rs"]
        pub mod id;
        #[path = "EXT/values/open_enum.rs"]
        pub mod open_enum;
        #[path = "EXT/values/status_words.rs"]
        pub mod status_words;
    }
}

fn decode<T: serde::de::DeserializeOwned>(name: &str, instances: &serde_json::Value) {
    for instance in instances[name].as_array().unwrap() {
        if let Err(error) = serde_json::from_value::<T>(instance.clone()) {
            println!("{name}: {instance} does not decode: {error}");
        }
    }
}
"#;

/// Returns the types of the generated code in a module whose path they expect.
fn types(name: &str, code: &str) -> String {
    let mut file = syn::parse_file(code).unwrap();
    file.items
        .retain(|item| matches!(item, Item::Mod(module) if module.ident == "types"));
    let text = prettyplease::unparse(&file).replace("crate::raw", &format!("crate::{name}"));
    format!("mod {name} {{\n{text}\n}}\n")
}

/// Returns the type that the operation returns.
fn response(name: &str, code: &str) -> String {
    let outline = outline(code);
    let line = outline
        .lines()
        .find_map(|line| line.strip_prefix("operation builder::Fetch -> "));
    let response = line.unwrap().replace("crate::raw::types::", "types::");
    response.replace("types::", &format!("{name}::types::"))
}

#[test]
fn slow_the_generated_type_decodes_every_instance_of_the_original_schema() {
    let mut modules = String::new();
    let mut calls = String::new();
    let mut instances = json!({});
    let mut samples = json!({});
    for seed in 0..60 {
        let sample = Sample::new(seed);
        let document = sample.lowered(true);
        let code = generate(&document, &Gizmo::default())
            .unwrap_or_else(|error| panic!("seed {seed}: {error}\n{}", sample.components));
        let name = format!("seed_{seed}");
        modules.push_str(&types(&name, &code.client()));
        let response = response(&name, &code.client());
        writeln!(calls, "decode::<{response}>(\"{name}\", &instances);").unwrap();
        instances[&name] = Value::Array(sample.instances);
        samples[&name] = document["components"]["schemas"].clone();
    }
    let (target, _lock) = target();
    let tree = target.join("decoding");
    fs::create_dir_all(tree.join("src")).unwrap();
    let ext = root().join("src/ext").canonicalize().unwrap();
    let main = MAIN.replace("EXT", ext.to_str().unwrap());
    let main = format!(
        "{main}{modules}fn main() {{\n\
         let instances: serde_json::Value = serde_json::from_str(include_str!(\"instances.json\")).unwrap();\n\
         {calls}}}\n"
    );
    fs::write(tree.join("src/main.rs"), main).unwrap();
    fs::write(tree.join("src/instances.json"), instances.to_string()).unwrap();
    fs::write(tree.join("Cargo.toml"), MANIFEST).unwrap();
    fs::copy(root().join("Cargo.lock"), tree.join("Cargo.lock")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--offline"])
        .current_dir(&tree)
        .env("CARGO_TARGET_DIR", target.canonicalize().unwrap())
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    if let Some(first) = stdout.lines().next() {
        let name = first.split(':').next().unwrap();
        panic!(
            "{first}\n{}\n{} in total",
            samples[name],
            stdout.lines().count()
        );
    }
}
