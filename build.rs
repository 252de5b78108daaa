//! Turns `openapi/openapi.json` into the raw client: reads files, nothing else.

#[path = "build/rewrite.rs"]
mod rewrite;
#[path = "build/tables.rs"]
mod tables;

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use proc_macro2::TokenStream;
use progenitor::{GenerationSettings, Generator, HooksMode, InterfaceStyle, TypeImpl};
use quote::quote;
use serde_json::Value;

const DOCUMENT: &str = "openapi/openapi.json";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={DOCUMENT}");
    println!("cargo::rerun-if-changed=build");
    let text = fs::read_to_string(DOCUMENT)?;
    let document: Value = serde_json::from_str(&text)?;
    let spec: openapiv3::OpenAPI = serde_json::from_str(&text)?;
    let settings = settings(&document);
    let out = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    let out = Path::new(&out);

    let mut client = syn::parse2(Generator::new(&settings).generate_tokens(&spec)?)?;
    rewrite::rewrite(&mut client, &tables::open_enums(&document))?;
    let mut code = prettyplease::unparse(&client);
    code.push_str(&tables::operations(&document).to_string());
    fs::write(out.join("client.rs"), code)?;

    if env::var_os("CARGO_FEATURE_HTTPMOCK").is_some() {
        let mocks = Generator::new(&settings).httpmock(&spec, "crate::raw")?;
        fs::write(
            out.join("mock.rs"),
            prettyplease::unparse(&syn::parse2(mocks)?),
        )?;
    }
    Ok(())
}

/// Builder style, our hooks, `JsonSchema` on every type, and handwritten types where the document asks for them.
fn settings(document: &Value) -> GenerationSettings {
    let inner: TokenStream = quote!(crate::ext::config::Config);
    let mut settings = GenerationSettings::new();
    settings
        .with_interface(InterfaceStyle::Builder)
        .with_hooks(HooksMode::Expected)
        .with_inner_type(inner)
        .with_derive("schemars::JsonSchema");
    for (name, schema) in tables::schemas(document) {
        if let Some(path) = schema["x-handwritten"].as_str() {
            settings.with_replacement(name, path, std::iter::empty());
        } else if schema["x-open-enum"] == true {
            let path = format!("crate::raw::types::{}", tables::type_name(name));
            settings.with_replacement(name, path, std::iter::once(TypeImpl::Display));
        }
    }
    settings
}
