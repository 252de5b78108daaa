//! Finds the operations that the handwritten layer of the crate calls, and the methods that it adds to
//! the client.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use heck::{ToSnakeCase, ToUpperCamelCase};
use syn::{ImplItem, Item};

/// Returns the source file below `directory` that calls or builds an operation, if there is one.
///
/// # Errors
/// If a directory or a file cannot be read.
pub(crate) fn caller(directory: &Path, operation_id: &str) -> io::Result<Option<PathBuf>> {
    let sources = sources(directory)?;
    let caller = sources
        .into_iter()
        .find(|(_, code)| calls(code, operation_id));
    Ok(caller.map(|(path, _)| path))
}

/// Returns the names of the methods that source files below `directory` add to a type `Client`.
///
/// # Errors
/// If a directory or a file cannot be read.
pub(crate) fn methods(directory: &Path) -> io::Result<Vec<String>> {
    let sources = sources(directory)?;
    Ok(sources
        .iter()
        .flat_map(|(_, code)| methods_in(code))
        .collect())
}

/// Returns all source files below a directory, sorted by path. There are none if it does not exist.
fn sources(directory: &Path) -> io::Result<Vec<(PathBuf, String)>> {
    let mut sources = Vec::new();
    if !directory.is_dir() {
        return Ok(sources);
    }
    let mut entries: Vec<PathBuf> = fs::read_dir(directory)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources.extend(self::sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let code = fs::read_to_string(&path)?;
            sources.push((path, code));
        }
    }
    Ok(sources)
}

/// Returns the methods in the inherent implementations of `Client`. There are none in code that
/// cannot be parsed, which does not compile either.
fn methods_in(code: &str) -> Vec<String> {
    let Ok(file) = syn::parse_file(code) else {
        return Vec::new();
    };
    let blocks = file.items.into_iter().filter_map(|item| match item {
        Item::Impl(block) if block.trait_.is_none() && is_client(&block.self_ty) => Some(block),
        _ => None,
    });
    let items = blocks.flat_map(|block| block.items);
    items
        .filter_map(|item| match item {
            ImplItem::Fn(method) => Some(method.sig.ident.to_string()),
            _ => None,
        })
        .collect()
}

fn is_client(kind: &syn::Type) -> bool {
    let syn::Type::Path(path) = kind else {
        return false;
    };
    let last = path.path.segments.last();
    last.is_some_and(|segment| segment.ident == "Client")
}

/// Returns whether code outside comments calls the method or names the builder of an operation.
fn calls(code: &str, operation_id: &str) -> bool {
    let method = format!(".{}()", operation_id.to_snake_case());
    let builder = format!("builder::{}", operation_id.to_upper_camel_case());
    let is_builder = |line: &str| {
        line.split(&builder)
            .skip(1)
            .any(|rest| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_'))
    };
    code.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .any(|line| line.contains(&method) || is_builder(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_methods_of_the_client_are_found() {
        let code = "impl crate::raw::Client { pub fn bake(&self) {} fn inner() {} }
            impl Client { pub async fn download() {} }
            impl Clone for Client { fn clone(&self) -> Self { Self } }
            impl ClientBuilder { fn build() {} }
            fn free() {}";
        assert_eq!(methods_in(code), ["bake", "inner", "download"]);
        assert_eq!(methods_in("impl"), [""; 0]);
    }

    #[test]
    fn a_call_or_a_builder_is_found_outside_comments() {
        for (code, is_found) in [
            ("client.get_file().send()", true),
            ("    .get_file()\n", true),
            ("File(builder::GetFile<'a>),", true),
            ("builder::GetFileList", false),
            ("/// client.get_file().send()", false),
            ("client.get_file_list()", false),
            ("fn get_file() {}", false),
        ] {
            assert_eq!(calls(code, "getFile"), is_found, "{code}");
        }
    }
}
