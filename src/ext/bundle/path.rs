//! Resolves the file names in a model to paths in the bundle.

use std::path::{Path, PathBuf};

use super::MissingReason;

/// A resolved name. The file system is not consulted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Resolved {
    /// A path below the bundle's directory.
    Inside(PathBuf),
    /// An absolute path, or one that leads out of the directory.
    Outside,
}

/// Whether a name starts with `/`, `\` or a drive letter.
pub(super) fn is_absolute(name: &str) -> bool {
    name.starts_with(['/', '\\'])
        || matches!(name.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
}

/// Returns the last part of a name in a model.
pub(super) fn file_name(name: &str) -> &str {
    name.rsplit(['/', '\\']).next().unwrap_or(name)
}

/// Returns a file's name without directory and extension: the default name of an asset.
pub(super) fn stem(name: &str) -> &str {
    let file = file_name(name);
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

/// Returns the directory of a file; it is empty for a file of the bundle's directory.
pub(super) fn parent(file: &Path) -> &Path {
    file.parent().unwrap_or(Path::new(""))
}

/// Returns a relative path as archives write it, with `/` between its parts on every system.
pub(crate) fn slashed(path: &Path) -> String {
    let parts = path.iter().map(|part| part.to_string_lossy());
    parts.collect::<Vec<_>>().join("/")
}

/// Returns the first file that exists in the bundle at `root`, or why the first one is missing.
pub(super) fn first_present(
    root: &Path,
    candidates: Vec<Resolved>,
) -> Result<PathBuf, MissingReason> {
    let mut reason = None;
    for candidate in candidates {
        match candidate {
            Resolved::Inside(path) if root.join(&path).is_file() => return Ok(path),
            Resolved::Inside(_) => reason = reason.or(Some(MissingReason::Absent)),
            Resolved::Outside => reason = reason.or(Some(MissingReason::Outside)),
        }
    }
    Err(reason.unwrap_or(MissingReason::Absent))
}

/// Resolves `name` from `directory`, which is relative to the bundle. A backslash is a separator,
/// too, because models are written on all systems.
pub(super) fn resolve(directory: &Path, name: &str) -> Resolved {
    if is_absolute(name) {
        return Resolved::Outside;
    }
    let mut path = directory.to_owned();
    for part in name.split(['/', '\\']) {
        match part {
            "" | "." => {}
            ".." => {
                if !path.pop() {
                    return Resolved::Outside;
                }
            }
            _ => path.push(part),
        }
    }
    Resolved::Inside(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_resolves_inside_or_outside_the_bundle() {
        for (directory, name, inside) in [
            ("", "a/b.obj", Some("a/b.obj")),
            ("x", "../a", Some("a")),
            ("x", "..\\a\\./b", Some("a/b")),
            ("x", "y/../../../a", None),
            ("", "../a", None),
            ("", "/etc/passwd", None),
            ("x", "C:\\a", None),
            ("x", "\\a", None),
        ] {
            let expected = inside.map_or(Resolved::Outside, |path| Resolved::Inside(path.into()));
            assert_eq!(
                resolve(Path::new(directory), name),
                expected,
                "{directory} {name}"
            );
        }
    }
}
