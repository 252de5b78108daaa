//! Finds the operations that the handwritten layer of the crate calls.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use heck::{ToSnakeCase, ToUpperCamelCase};

/// Returns a source file below `directory` that calls or builds an operation; `None` if there is
/// none, or no such directory.
///
/// # Errors
/// If a directory or a file cannot be read.
pub(crate) fn caller(directory: &Path, operation_id: &str) -> io::Result<Option<PathBuf>> {
    if !directory.is_dir() {
        return Ok(None);
    }
    let mut entries: Vec<PathBuf> = fs::read_dir(directory)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<io::Result<_>>()?;
    entries.sort();
    for path in entries {
        if path.is_dir() {
            if let Some(found) = caller(&path, operation_id)? {
                return Ok(Some(found));
            }
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && calls(&fs::read_to_string(&path)?, operation_id)
        {
            return Ok(Some(path));
        }
    }
    Ok(None)
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
