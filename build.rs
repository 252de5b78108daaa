//! Turns `openapi/openapi.json` into the raw client: reads files, nothing else.

#[path = "build/generate.rs"]
mod generate;
#[path = "build/rewrite.rs"]
mod rewrite;
#[path = "build/tables.rs"]
mod tables;

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use serde_json::Value;

const DOCUMENT: &str = "openapi/openapi.json";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={DOCUMENT}");
    println!("cargo::rerun-if-changed=build");
    let document: Value = serde_json::from_str(&fs::read_to_string(DOCUMENT)?)?;
    let out = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    let out = Path::new(&out);

    let client = prettyplease::unparse(&generate::client(&document)?);
    fs::write(out.join("client.rs"), client)?;
    if env::var_os("CARGO_FEATURE_HTTPMOCK").is_some() {
        let mocks = prettyplease::unparse(&generate::mocks(&document)?);
        fs::write(out.join("mock.rs"), mocks)?;
    }
    Ok(())
}
