//! The crate's generator, compiled from the files that its build script uses, so that both generate
//! the same code.

#[path = "../../build/docs.rs"]
mod docs;
#[path = "../../build/generate.rs"]
mod generate;
#[path = "../../build/names.rs"]
mod names;
#[path = "../../build/rewrite.rs"]
mod rewrite;
#[path = "../../build/schemas.rs"]
mod schemas;
#[path = "../../build/shapes.rs"]
mod shapes;
#[path = "../../build/tables.rs"]
mod tables;
#[path = "../../build/verbs.rs"]
mod verbs;

use std::{error::Error, io, path::Path};

use openapi_lowering::{Code, Dialect, Generator};
use proc_macro2::TokenStream;
use quote::ToTokens;
use serde_json::Value;

use crate::handwritten;

/// The generator of the crate's raw client and mocks.
#[derive(Clone, Debug, Default)]
pub struct Gizmo {
    /// The methods that the handwritten layer adds to the client.
    methods: Vec<String>,
}

impl Gizmo {
    /// Returns the generator of the crate at `root`.
    ///
    /// # Errors
    /// If a source file cannot be read.
    pub fn of(root: &Path) -> io::Result<Self> {
        Ok(Self {
            methods: handwritten::methods(&root.join("src/ext"))?,
        })
    }
}

impl Generator for Gizmo {
    fn client(&self, document: &Value) -> Code {
        Ok(generate::client(document)?.into_token_stream())
    }

    fn mocks(&self, document: &Value) -> Result<Option<TokenStream>, Box<dyn Error>> {
        Ok(Some(generate::mocks(document)?.into_token_stream()))
    }

    fn methods(&self) -> &[String] {
        &self.methods
    }

    fn dialect(&self) -> Dialect {
        Dialect::Extended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_names_types_as_the_pipeline_does() {
        for name in [
            "Job",
            "job_status",
            "JOB_STATUS",
            "Job.Status",
            "Item-Output_Mode",
            "Page[str]_Order",
            "it's",
            "2d",
            "self",
            "",
            "é",
            "a/b",
        ] {
            assert_eq!(tables::rust_name(name), openapi_lowering::type_name(name));
        }
    }
}
