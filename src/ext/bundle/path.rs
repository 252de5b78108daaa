//! Where a file name in a model leads: into the bundle, and to a file, or not.

use std::path::{Path, PathBuf};

use super::MissingReason;

/// A name that has been followed, without the file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Resolved {
    /// A path below the bundle's folder.
    Inside(PathBuf),
    /// A path that is absolute or climbs out of the folder.
    Outside,
}

impl Resolved {
    /// Why there is no such file in the bundle at `root`; `None` when there is one.
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

/// A file's name without folder and extension, which is what an asset is called that has no name.
pub(super) fn stem(name: &str) -> &str {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    file.rsplit_once('.').map_or(file, |(stem, _)| stem)
}

/// Follows `name` from `folder`, which is below the bundle's folder. A backslash separates, too:
/// models are written on all systems.
pub(super) fn resolve(folder: &Path, name: &str) -> Resolved {
    if is_absolute(name) {
        return Resolved::Outside;
    }
    let mut path = folder.to_owned();
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
        for (folder, name, inside) in [
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
                resolve(Path::new(folder), name),
                expected,
                "{folder} {name}"
            );
        }
    }
}
