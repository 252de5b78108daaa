//! Compiles many generated clients at once, as modules of one package that depends only on what the
//! README names.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
};

/// Returns the root of the workspace, whose `Cargo.lock` has the versions of all dependencies.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

const MANIFEST: &str = r#"[package]
name = "clients"
version = "0.0.0"
edition = "2024"

[dependencies]
progenitor-client = { version = "0.15", default-features = false }
reqwest = { version = "0.13", default-features = false, features = ["form", "json", "query", "stream"] }
serde = { version = "1", features = ["derive"] }
serde_json = "1"

[workspace]
"#;

/// Compiles every client. The error is the first of the compiler.
pub(crate) fn compile(clients: &[(String, String)]) -> Result<(), String> {
    static LOCK: Mutex<()> = Mutex::new(());
    let _guard = LOCK.lock().unwrap_or_else(PoisonError::into_inner);
    let package = root().join("target/clients");
    let source = package.join("src");
    fs::remove_dir_all(&source).ok();
    fs::create_dir_all(&source).unwrap();
    fs::write(package.join("Cargo.toml"), MANIFEST).unwrap();
    let mut library = "#![allow(warnings)]\n".to_owned();
    for (name, code) in clients {
        fs::write(source.join(format!("{name}.rs")), code).unwrap();
        writeln!(library, "pub mod {name};").unwrap();
    }
    fs::write(source.join("lib.rs"), library).unwrap();
    check(&package)
}

/// Compiles a package of its own workspace. The error is the first of the compiler.
pub(crate) fn check(package: &Path) -> Result<(), String> {
    fs::copy(root().join("Cargo.lock"), package.join("Cargo.lock")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["check", "--quiet", "--offline", "--message-format", "short"])
        .current_dir(package)
        .env(
            "CARGO_TARGET_DIR",
            root().canonicalize().unwrap().join("target/clients/target"),
        )
        .env("CARGO_PROFILE_DEV_DEBUG", "false")
        .output()
        .unwrap();
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let first = stderr.lines().find(|line| line.contains("error"));
    Err(first.unwrap_or(&stderr).to_owned())
}

#[test]
fn slow_broken_code_is_reported() {
    let reason = compile(&[("one".to_owned(), "fn broken() -> u8 { 1u32 }".to_owned())]);
    let reason = reason.unwrap_err();
    assert!(reason.starts_with("src/one.rs"), "{reason}");
}
