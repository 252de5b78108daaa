//! Compiles many generated clients at once, as modules of one crate.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use openapi_lowering::{Generated, generate};
use serde_json::json;
use xtask::{generator::Gizmo, trial};

use crate::document::{document, lowered, returning};

/// Returns the root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Returns the directory of the trial builds, which is kept between runs, and the lock on it.
pub(crate) fn target() -> (PathBuf, MutexGuard<'static, ()>) {
    static LOCK: Mutex<()> = Mutex::new(());
    let guard = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    (root().join("target/trial"), guard)
}

/// The parts of the crate that generated code uses.
const SUPPORT: &str = r#"
#![allow(warnings)]
pub mod ext {
    pub mod http {
        pub mod config {
            #[derive(Clone, Debug)]
            pub struct Config;
        }
        #[path = "EXT/http/operation.rs"]
        pub mod operation;
        pub mod options {
            use crate::{CallOptions, Error};

            pub struct Draft<'a>(&'a CallOptions);

            impl<'a> Draft<'a> {
                pub fn new(
                    _: &'a (dyn Fn() -> Result<reqwest::Request, Error> + Sync),
                    options: &'a CallOptions,
                ) -> Self {
                    Self(options)
                }
            }
        }
    }
    pub mod drift {
        #[path = "EXT/drift/shape.rs"]
        pub mod shape;
    }
    pub mod error {
        #[path = "EXT/error/idempotency.rs"]
        mod idempotency;
        pub(crate) use idempotency::Idempotency;
    }
    pub mod files {
        pub mod download {
            pub use crate::Download;
        }
    }
    pub mod values {
        #[path = "EXT/values/id.rs"]
        pub mod id;
        #[path = "EXT/values/open_enum.rs"]
        pub mod open_enum;
        #[path = "EXT/values/status_words.rs"]
        pub mod status_words;
    }
}
pub mod raw {
    pub(crate) const OPERATIONS: &[crate::ext::http::operation::Operation<'static>] = &[];
}
pub mod alpha {
    pub use crate::raw;
}
#[derive(Debug)]
pub struct Error;
impl Error {
    pub(crate) fn not_built(_: progenitor_client::Error) -> Self {
        Self
    }
}
/// Sends nothing.
pub struct Transport;
impl Transport {
    pub async fn json<T>(
        &self,
        _: &'static [ext::http::operation::Operation<'static>],
        _: &str,
        _: ext::http::options::Draft<'_>,
    ) -> Result<progenitor_client::ResponseValue<T>, Error> {
        Err(Error)
    }
    pub async fn stream(
        &self,
        _: &'static [ext::http::operation::Operation<'static>],
        _: &str,
        _: ext::http::options::Draft<'_>,
    ) -> Result<progenitor_client::ResponseValue<progenitor_client::ByteStream>, Error> {
        Err(Error)
    }
    pub async fn empty(
        &self,
        _: &'static [ext::http::operation::Operation<'static>],
        _: &str,
        _: ext::http::options::Draft<'_>,
    ) -> Result<progenitor_client::ResponseValue<()>, Error> {
        Err(Error)
    }
}
#[derive(Clone, Debug, Default)]
pub struct CallOptions;
pub struct Download;
impl Download {
    pub async fn export<C, F>(
        _: C,
        _: &str,
        _: impl Fn(C) -> F + Send + Sync + 'static,
    ) -> Result<Self, Error>
    where
        F: Future<Output = Result<progenitor_client::ResponseValue<progenitor_client::ByteStream>, Error>>
            + Send
            + 'static,
    {
        Err(Error)
    }
}
"#;

/// The files of one client.
#[derive(Clone)]
pub(crate) struct Code {
    client: String,
    mocks: String,
}

impl From<&Generated> for Code {
    fn from(code: &Generated) -> Self {
        Self {
            client: code.client(),
            mocks: code.mocks().unwrap(),
        }
    }
}

/// Compiles every client, with its mocks and JSON schemas and without them. The error names the first
/// module that does not compile.
pub(crate) fn compile(clients: &[(String, Code)]) -> Result<(), String> {
    let (target, _lock) = target();
    let tree = trial::tree(&target);
    trial::mirror(&root(), &tree).unwrap();
    fs::write(tree.join("build.rs"), "fn main() {}\n").unwrap();
    let source = tree.join("src");
    fs::create_dir_all(source.join("clients")).unwrap();
    let mut library = SUPPORT.replace("EXT", "../../ext");
    for (name, code) in clients {
        let local = |text: &str| {
            let text = text.replace("crate::raw", &format!("crate::{name}::raw"));
            with_json_schemas(&text)
        };
        for (part, text) in [("client", &code.client), ("mock", &code.mocks)] {
            let path = source.join("clients").join(format!("{name}_{part}.rs"));
            fs::write(path, local(text)).unwrap();
        }
        writeln!(
            library,
            "pub mod {name} {{
                pub mod raw {{ include!(\"clients/{name}_client.rs\"); }}
                #[cfg(feature = \"httpmock\")]
                pub mod mock {{ include!(\"clients/{name}_mock.rs\"); }}
                impl raw::Client {{
                    pub fn transport(&self) -> &crate::Transport {{
                        &crate::Transport
                    }}
                }}
            }}"
        )
        .unwrap();
    }
    fs::write(source.join("lib.rs"), library).unwrap();
    for features in [trial::ALL_FEATURES, ""] {
        trial::check(&target, features).map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Derives `JsonSchema` for the types, as the build does with the feature `schemars`.
fn with_json_schemas(code: &str) -> String {
    let mut code = code.to_owned();
    for start in ["#[derive(::serde::", "#[derive(\n        ::serde::"] {
        let derived =
            format!("#[cfg_attr(feature = \"schemars\", derive(schemars::JsonSchema))]\n{start}");
        code = code.replace(start, &derived);
    }
    code
}

#[test]
fn slow_broken_code_is_reported_after_a_successful_build() {
    let paths = json!({"/fetch": returning(&json!({"type": "object"}))});
    let valid =
        Code::from(&generate(&lowered(document(&paths, &json!({}))), &Gizmo::default()).unwrap());
    let broken = Code {
        client: format!("{}fn broken() -> u8 {{ 1u32 }}", valid.client),
        ..valid.clone()
    };
    let compile = |code: &Code| compile(&[("one".to_owned(), code.clone())]);
    compile(&valid).unwrap();
    let reason = compile(&broken).unwrap_err();
    assert!(
        reason.starts_with("the crate would not compile: src/clients/one_client.rs"),
        "{reason}"
    );
    compile(&valid).unwrap();
}
