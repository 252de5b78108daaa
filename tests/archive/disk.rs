//! A temporary directory for one test, and a snapshot of its contents.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use gizmo_client::archive::{self, UnpackError, UnpackOptions};
use gizmo_client::bundle::Bundle;

/// A temporary directory with the archive in `in/` and the target at `out/deep/lab`.
///
/// A file next to the target must not change.
pub(crate) struct Disk(tempfile::TempDir);

impl Disk {
    pub(crate) fn new() -> Self {
        let disk = Self(tempfile::tempdir().unwrap());
        fs::create_dir_all(disk.path("in")).unwrap();
        fs::create_dir_all(disk.path("out/deep")).unwrap();
        fs::write(disk.path("out/deep/neighbour"), "untouched").unwrap();
        disk
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.0.path().join(relative)
    }

    pub(crate) fn zip(&self) -> PathBuf {
        self.path("in/lab.zip")
    }

    pub(crate) fn lab(&self) -> PathBuf {
        self.path("out/deep/lab")
    }

    pub(crate) fn unpack(
        &self,
        zip: &[u8],
        options: &UnpackOptions,
    ) -> Result<Bundle, UnpackError> {
        fs::write(self.zip(), zip).unwrap();
        archive::unpack_blocking(self.zip(), self.lab(), options)
    }

    /// Returns all directories and files below `relative`.
    pub(crate) fn tree(&self, relative: &str) -> Tree {
        tree(&self.path(relative))
    }
}

/// Returns a relative path with slashes, on every system.
pub(crate) fn slashes(path: &Path) -> String {
    let parts: Vec<&str> = path.iter().map(|part| part.to_str().unwrap()).collect();
    parts.join("/")
}

/// Paths with the contents of files; directories have `None`.
pub(crate) type Tree = BTreeMap<String, Option<Vec<u8>>>;

pub(crate) fn tree(root: &Path) -> Tree {
    fn add(root: &Path, directory: &Path, tree: &mut Tree) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = slashes(path.strip_prefix(root).unwrap());
            if fs::symlink_metadata(&path).unwrap().is_dir() {
                tree.insert(name, None);
                add(root, &path, tree);
            } else {
                tree.insert(name, Some(fs::read(&path).unwrap()));
            }
        }
    }
    let mut found = Tree::new();
    add(root, root, &mut found);
    found
}

/// Builds a tree from names and contents. A name that ends in `/` is a directory.
pub(crate) fn tree_of<const N: usize>(entries: [(&str, &[u8]); N]) -> Tree {
    entries
        .into_iter()
        .map(|(name, contents)| match name.strip_suffix('/') {
            Some(directory) => (directory.to_owned(), None),
            None => (name.to_owned(), Some(contents.to_vec())),
        })
        .collect()
}
