//! Turns `openapi/openapi.json`, and with the feature `alpha` also `openapi/alpha.json`, into raw
//! clients: reads files, nothing else.

#[path = "build/docs.rs"]
mod docs;
#[path = "build/generate.rs"]
mod generate;
#[path = "build/names.rs"]
mod names;
#[path = "build/rewrite.rs"]
mod rewrite;
#[path = "build/schemas.rs"]
mod schemas;
#[path = "build/shapes.rs"]
mod shapes;
#[path = "build/tables.rs"]
mod tables;
#[path = "build/verbs.rs"]
mod verbs;
#[path = "build/vocabulary.rs"]
mod vocabulary;

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use serde_json::Value;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build");
    generate(
        "openapi/openapi.json",
        "client.rs",
        "mock.rs",
        "vocabulary.rs",
    )?;
    if env::var_os("CARGO_FEATURE_ALPHA").is_some() {
        generate(
            "openapi/alpha.json",
            "alpha.rs",
            "alpha_mock.rs",
            "alpha_vocabulary.rs",
        )?;
    }
    Ok(())
}

/// Writes the client of a document, its mocks with the feature `httpmock`, and its vocabulary with `record`.
fn generate(
    document: &str,
    client: &str,
    mock: &str,
    vocabulary: &str,
) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={document}");
    let document: Value = serde_json::from_str(&fs::read_to_string(document)?)?;
    let out = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    let out = Path::new(&out);
    let code = prettyplease::unparse(&generate::client(&document)?);
    fs::write(out.join(client), code)?;
    if env::var_os("CARGO_FEATURE_HTTPMOCK").is_some() {
        let code = prettyplease::unparse(&generate::mocks(&document)?);
        fs::write(out.join(mock), code)?;
    }
    if env::var_os("CARGO_FEATURE_RECORD").is_some() {
        let code = vocabulary::vocabulary(&document).to_string();
        fs::write(out.join(vocabulary), code)?;
    }
    Ok(())
}
