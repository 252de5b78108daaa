//! The layers of `src/ext`: imports point downwards, and modules beside each other have no cycles.

#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proc_macro2::{TokenStream, TokenTree};

/// From the top down. A layer may import from those after it.
const LAYERS: [&str; 12] = [
    "alpha", "bake", "jobs", "files", "bundle", "http", "record", "drift", "sse", "svg", "values",
    "error",
];

/// A module below `crate::ext`, such as `["jobs", "stream"]`.
type Module = Vec<String>;

/// The modules that each module imports from.
fn imports() -> BTreeMap<Module, BTreeSet<Module>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ext");
    let mut files = Vec::new();
    collect(&root, &mut Vec::new(), &mut files);
    let modules: BTreeSet<Module> = files.iter().map(|(module, _)| module.clone()).collect();
    files
        .iter()
        .map(|(module, text)| {
            let tokens: TokenStream = text.parse().unwrap();
            let mut paths = Vec::new();
            paths_in(tokens, &mut paths);
            let targets = paths
                .iter()
                .filter_map(|path| resolve(module, path, &modules))
                .filter(|target| target != module)
                .collect();
            (module.clone(), targets)
        })
        .collect()
}

fn collect(directory: &Path, module: &mut Module, files: &mut Vec<(Module, String)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let is_own_file = name == "mod";
        if !is_own_file {
            module.push(name);
        }
        if path.is_dir() {
            collect(&path, module, files);
        } else {
            files.push((module.clone(), fs::read_to_string(&path).unwrap()));
        }
        if !is_own_file {
            module.pop();
        }
    }
}

/// Every path in the code that starts with `crate`, `super` or `self`, also inside `use {…}`.
fn paths_in(tokens: TokenStream, paths: &mut Vec<Vec<String>>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut index = 0;
    while index < tokens.len() {
        match &tokens[index] {
            TokenTree::Group(group) => paths_in(group.stream(), paths),
            TokenTree::Ident(ident)
                if ["crate", "super", "self"].contains(&ident.to_string().as_str()) =>
            {
                index = path_at(&tokens, index, &[], paths);
                continue;
            }
            _ => {}
        }
        index += 1;
    }
}

/// Reads the path, or the tree of a `use`, that starts at `index`; returns the index after it.
fn path_at(
    tokens: &[TokenTree],
    mut index: usize,
    prefix: &[String],
    paths: &mut Vec<Vec<String>>,
) -> usize {
    let mut path = prefix.to_vec();
    loop {
        match tokens.get(index) {
            Some(TokenTree::Ident(ident)) => path.push(ident.to_string()),
            Some(TokenTree::Group(group)) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                let mut at = 0;
                while at < inner.len() {
                    at = path_at(&inner, at, &path, paths);
                    // Skips `as name` and the comma.
                    while at < inner.len() && !is_punct(&inner[at], ',') {
                        at += 1;
                    }
                    at += 1;
                }
                return index + 1;
            }
            _ => break,
        }
        let is_continued = tokens.get(index + 1).is_some_and(|one| is_punct(one, ':'))
            && tokens.get(index + 2).is_some_and(|one| is_punct(one, ':'));
        index += 1;
        if !is_continued {
            break;
        }
        index += 2;
    }
    paths.push(path);
    index
}

fn is_punct(token: &TokenTree, character: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == character)
}

/// The module that a path leads to; `None` outside of `crate::ext`.
fn resolve(from: &[String], path: &[String], modules: &BTreeSet<Module>) -> Option<Module> {
    let mut target: Module = from.to_vec();
    let mut segments = path;
    if let Some(absolute) = path.strip_prefix(&["crate".to_owned(), "ext".to_owned()]) {
        target.clear();
        segments = absolute;
    } else if path[0] == "crate" {
        return None;
    } else {
        while let Some(first) = segments.first() {
            match first.as_str() {
                "super" => target.pop().map(|_| ())?,
                "self" => {}
                _ => break,
            }
            segments = &segments[1..];
        }
    }
    for segment in segments {
        target.push(segment.clone());
        if !modules.contains(&target) {
            target.pop();
            break;
        }
    }
    (!target.is_empty()).then_some(target)
}

#[test]
fn imports_point_downwards() {
    let rank = |module: &Module| {
        let layer = LAYERS.iter().position(|layer| *layer == module[0]);
        layer.unwrap_or_else(|| panic!("`src/ext/{}` is not a layer", module[0]))
    };
    let mut upwards = Vec::new();
    let mut count = 0;
    for (module, targets) in imports() {
        if module.is_empty() {
            continue;
        }
        for target in targets {
            count += 1;
            if rank(&target) < rank(&module) {
                upwards.push(format!("{} → {}", module.join("::"), target.join("::")));
            }
        }
    }
    assert!(count > 100, "only {count} imports were found");
    assert!(upwards.is_empty(), "{upwards:#?}");
}

#[test]
fn modules_beside_each_other_have_no_cycles() {
    // Each directory's children, with the imports between them.
    let mut graphs: BTreeMap<Module, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    for (module, targets) in imports() {
        for target in targets {
            let common = module
                .iter()
                .zip(&target)
                .take_while(|(one, other)| one == other)
                .count();
            if let (Some(from), Some(to)) = (module.get(common), target.get(common)) {
                let graph = graphs.entry(module[..common].to_vec()).or_default();
                graph.entry(from.clone()).or_default().insert(to.clone());
            }
        }
    }
    assert!(graphs.len() > 5, "{graphs:?}");
    let cycles: Vec<String> = graphs
        .iter()
        .flat_map(|(directory, graph)| {
            let cycle = move |start: &String| {
                let path = path_back(graph, start)?;
                Some(format!("{}: {}", directory.join("::"), path.join(" → ")))
            };
            graph.keys().filter_map(cycle)
        })
        .collect();
    assert!(cycles.is_empty(), "{cycles:#?}");
}

/// A path from a node back to itself.
fn path_back(graph: &BTreeMap<String, BTreeSet<String>>, start: &String) -> Option<Vec<String>> {
    let mut before: BTreeMap<&String, &String> = BTreeMap::new();
    let mut open = vec![start];
    while let Some(node) = open.pop() {
        for next in graph.get(node).into_iter().flatten() {
            if next == start {
                let mut path = vec![start.clone(), node.clone()];
                let mut at = node;
                while at != start {
                    at = before[at];
                    path.push(at.clone());
                }
                path.reverse();
                return Some(path);
            }
            if !before.contains_key(next) {
                before.insert(next, node);
                open.push(next);
            }
        }
    }
    None
}
