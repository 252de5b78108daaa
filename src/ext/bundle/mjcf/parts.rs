//! Finds the files that other models include, without building the models.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::tree::include_candidates;
use crate::ext::bundle::path;
use crate::ext::bundle::xml;
use crate::ext::bundle::xml::Node;

/// The names of other models in a file, and whether each is included; otherwise it is attached.
type Names = Vec<(String, bool)>;

/// Returns the files that any of the models includes or attaches, directly or not.
///
/// Each file is read once, whatever the number of models that include it. A malformed file refers to
/// no other.
pub(in crate::ext::bundle) fn parts(root: &Path, models: &[&Path]) -> HashSet<PathBuf> {
    let mut known: HashMap<PathBuf, Names> = HashMap::new();
    let mut parts = HashSet::new();
    for model in models {
        // Each file with the directory of its main file.
        let main = (path::parent(model).to_owned(), model.to_path_buf());
        let mut seen = HashSet::from([main.clone()]);
        let mut queue = vec![main];
        while let Some((directory, file)) = queue.pop() {
            let names = known
                .entry(file.clone())
                .or_insert_with(|| names(&root.join(&file)));
            for (name, is_included) in names {
                let candidates = if *is_included {
                    include_candidates(&directory, &file, name)
                } else {
                    vec![path::resolve(path::parent(&file), name)]
                };
                let Ok(found) = path::first_present(root, candidates) else {
                    continue;
                };
                let main_directory = if *is_included {
                    directory.clone()
                } else {
                    path::parent(&found).to_owned()
                };
                if found != *model {
                    parts.insert(found.clone());
                }
                let next = (main_directory, found);
                if seen.len() < super::MAX_FILES && seen.insert(next.clone()) {
                    queue.push(next);
                }
            }
        }
    }
    parts
}

fn names(file: &Path) -> Names {
    let mut names = Vec::new();
    // What a malformed file names is ignored.
    let read = xml::walk_file(file, |node| {
        if let Node::Open(tag) = node
            && matches!(tag.name, "include" | "model")
            && let Some(name) = tag.value("file")
        {
            names.push((name.into_owned(), tag.name == "include"));
        }
        true
    });
    if read.is_err() {
        names.clear();
    }
    names
}
