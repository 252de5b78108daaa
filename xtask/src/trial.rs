//! The trial build: the crate as it would be, compiled in a copy, before a file is replaced.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use crate::{Error, Result, cargo::cargo};

/// What a copy of the repository does without.
const LEFT_OUT: [&str; 2] = ["target", ".git"];

/// Compiles the crate at `root` with another `openapi.json`, in a copy below `target`.
///
/// The copy and what cargo builds of it stay there, so that the next trial compiles this crate
/// alone. Nothing outside `target` is written.
///
/// # Errors
/// The copy cannot be made, or does not compile; then the first thing that the compiler says.
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
    check(target)
}

/// Where the copy is. There is one: cargo takes packages of one name in two directories of a target
/// for the same, and one that was compiled for the other.
pub fn tree(target: &Path) -> PathBuf {
    target.join("tree")
}

/// Compiles the copy, without running anything of it but its build script.
///
/// # Errors
/// It does not compile; the first thing that the compiler says.
pub fn check(target: &Path) -> Result<()> {
    // Cargo runs in the copy, so a relative directory would be another one.
    let target = fs::canonicalize(target)
        .map_err(|error| Error::refused(format!("cannot find {}: {error}", target.display())))?;
    let output = cargo()
        .args(["check", "--quiet", "--locked", "--package", "gizmo-client"])
        .args([
            "--features",
            "alpha,httpmock,schemars",
            "--message-format",
            "short",
        ])
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

/// The compiler's first error, and how many more there are.
fn reason(said: &str) -> String {
    let is_error = |line: &&str| line.contains("error");
    let is_summary = |line: &&str| line.contains("could not compile");
    let errors: Vec<&str> = said
        .lines()
        .filter(is_error)
        .filter(|line| !is_summary(line))
        .collect();
    let first = errors.first().copied().unwrap_or_else(|| said.trim());
    let rest = match errors.len() {
        0 | 1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    format!("the crate would not compile: {first}{rest}")
}

/// Makes `to` what the repository `from` is, without its history and its builds; files that are the same already keep their time, so that cargo sees
/// what has changed and nothing else.
///
/// # Errors
/// A file cannot be read or written.
pub fn mirror(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    let mut kept = BTreeSet::new();
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if LEFT_OUT.iter().any(|left_out| name == *left_out) {
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
        let said = "src/a.rs:1:2: error[E0609]: no field `x`\nsrc/a.rs:3:4: error[E0433]: no `Y`\n\
                    error: could not compile `gizmo-client` (lib) due to 2 previous errors\n";
        assert_eq!(
            reason(said),
            "the crate would not compile: src/a.rs:1:2: error[E0609]: no field `x` (and 1 more)"
        );
        assert_eq!(reason("odd\n"), "the crate would not compile: odd");
    }

    #[test]
    fn a_mirror_follows_what_comes_changes_and_goes() {
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
