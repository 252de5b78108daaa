//! The trial build: compiles a copy of the crate with the new document before any file is replaced.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use crate::{Error, Result, cargo::cargo};

/// The entries of the repository that are not copied.
const EXCLUDED: [&str; 2] = ["target", ".git"];

/// Compiles a copy of the crate at `root`, below `target`, with another `openapi.json`.
///
/// The copy and its build stay there, so that the next trial compiles no dependencies. Nothing
/// outside `target` is written.
///
/// # Errors
/// If the crate cannot be copied, or the copy does not compile. The message contains the first
/// error of the compiler.
pub fn build(root: &Path, document: &str, target: &Path) -> Result<()> {
    let tree = tree(target);
    mirror(root, &tree)
        .and_then(|()| write(&tree.join("openapi/openapi.json"), document.as_bytes()))
        .map_err(|error| {
            Error::refused(format!(
                "cannot copy the crate into {}: {error}",
                tree.display()
            ))
        })?;
    check(target, ALL_FEATURES)
}

/// The features with which the generator writes more code.
pub const ALL_FEATURES: &str = "alpha,httpmock,schemars";

/// Returns the directory of the copy. There is only one per target directory: cargo would mistake
/// two copies for the same package, and use the build of one for the other.
pub fn tree(target: &Path) -> PathBuf {
    target.join("tree")
}

/// Compiles the copy with these features in addition to the default ones. Of its code, only the build script runs.
///
/// # Errors
/// If it does not compile. The message contains the first error of the compiler.
pub fn check(target: &Path, features: &str) -> Result<()> {
    // Cargo runs in the copy, where a relative path would name another directory.
    let target = fs::canonicalize(target)
        .map_err(|error| Error::refused(format!("cannot find {}: {error}", target.display())))?;
    let output = cargo()
        .args(["check", "--quiet", "--locked", "--package", "gizmo-client"])
        .args(["--features", features, "--message-format", "short"])
        .current_dir(tree(&target))
        .env("CARGO_TARGET_DIR", &target)
        .env("CARGO_TERM_COLOR", "never")
        .output()
        .map_err(|error| Error::refused(format!("cannot start cargo: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::refused(reason(&String::from_utf8_lossy(
        &output.stderr,
    ))))
}

/// Returns the first error of the compiler, and the number of further errors.
fn reason(output: &str) -> String {
    let is_error = |line: &&str| line.contains("error");
    let is_summary = |line: &&str| line.contains("could not compile");
    let errors: Vec<&str> = output
        .lines()
        .filter(is_error)
        .filter(|line| !is_summary(line))
        .collect();
    let first = errors.first().copied().unwrap_or_else(|| output.trim());
    let rest = match errors.len() {
        0 | 1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    format!("the crate would not compile: {first}{rest}")
}

/// Makes `to` a copy of the repository `from`, without its history and its builds.
///
/// Files that are equal already are not written and keep their modification time, so that cargo
/// rebuilds only what depends on a change.
///
/// # Errors
/// If a file cannot be read or written.
pub fn mirror(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    let mut kept = BTreeSet::new();
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if EXCLUDED.iter().any(|excluded| name == *excluded) {
            continue;
        }
        let target = to.join(&name);
        let kind = entry.file_type()?;
        if kind.is_dir() {
            mirror(&entry.path(), &target)?;
        } else if kind.is_file() {
            write(&target, &fs::read(entry.path())?)?;
        } else {
            continue;
        }
        kept.insert(name);
    }
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        if !kept.contains(&entry.file_name()) {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if fs::read(path).ok().as_deref() == Some(bytes) {
        return Ok(());
    }
    fs::write(path, bytes)
}

fn remove(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_error_is_the_reason() {
        let output = "src/a.rs:1:2: error[E0609]: no field `x`\nsrc/a.rs:3:4: error[E0433]: no `Y`\n\
                    error: could not compile `gizmo-client` (lib) due to 2 previous errors\n";
        assert_eq!(
            reason(output),
            "the crate would not compile: src/a.rs:1:2: error[E0609]: no field `x` (and 1 more)"
        );
        assert_eq!(reason("odd\n"), "the crate would not compile: odd");
    }

    #[test]
    fn a_mirror_follows_added_changed_and_removed_files() {
        let root = std::env::temp_dir().join(format!("gizmo-mirror-{}", std::process::id()));
        let (from, to) = (root.join("from"), root.join("to"));
        fs::create_dir_all(from.join("inner")).unwrap();
        fs::create_dir_all(from.join("target")).unwrap();
        fs::write(from.join("inner/a"), "1").unwrap();
        fs::write(from.join("b"), "1").unwrap();
        mirror(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(to.join("inner/a")).unwrap(), "1");
        assert!(!to.join("target").exists());
        fs::remove_dir_all(from.join("inner")).unwrap();
        fs::write(from.join("b"), "2").unwrap();
        mirror(&from, &to).unwrap();
        assert!(!to.join("inner").exists());
        assert_eq!(fs::read_to_string(to.join("b")).unwrap(), "2");
        fs::remove_dir_all(&root).unwrap();
    }
}
