//! Where a file name in a model leads: into the bundle, and to a file, or not.

use std::path::{Path, PathBuf};

use super::MissingReason;

/// A name that has been followed, without the file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Resolved {
    /// A path below the bundle's directory.
    Inside(PathBuf),
    /// A path that is absolute or climbs out of the directory.
    Outside,
}

impl Resolved {
    /// Why the file does not exist in the bundle at `root`; `None` when there is one.
    pub(super) fn missing(&self, root: &Path) -> Option<MissingReason> {
        match self {
            Self::Outside => Some(MissingReason::Outside),
            Self::Inside(path) if root.join(path).is_file() => None,
            Self::Inside(_) => Some(MissingReason::Absent),
        }
    }
}

/// Whether a name starts at a root: `/`, `\` or a drive.
pub(super) fn is_absolute(name: &str) -> bool {
    name.starts_with(['/', '\\'])
        || matches!(name.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
}

/// A file's name without directory and extension, which is what an asset is called that has no name.
pub(super) fn stem(name: &str) -> &str {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

/// Follows `name` from `directory`, which is below the bundle's directory. A backslash separates, too:
/// models are written on all systems.
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
    fn names_lead_inside_or_outside() {
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
