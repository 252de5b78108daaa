//! Finds the files that a USD layer in [text form][usda] refers to.
//!
//! A layer refers to textures and to other layers by [asset paths]: `@./textures/a.png@`. Layers in
//! binary form (`.usdc`) are not read, because their format is not documented.
//!
//! [usda]: https://openusd.org/release/tut_usd_tutorials.html
//! [asset paths]: https://openusd.org/release/glossary.html#usdglossary-asset

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::path;
use super::path::Resolved;
use super::{BundleError, BundleErrorKind, MissingFile, MissingReason, Supplier, has_extension};

/// The first bytes of a layer in text form.
// Assumption: export-usd-layout.
const MAGIC: &[u8] = b"#usda";
/// The maximum number of layers: ten times the objects of a large scene.
const MAX_LAYERS: usize = 10_000;
/// Asset paths that are longer, in bytes, are not paths of any system.
const MAX_PATH: usize = 4096;
/// What stands for the numbers of the tiles in the name of a [UDIM] texture.
///
/// [UDIM]: https://openusd.org/release/spec_usdpreviewsurface.html#texture-reader
const UDIM: &str = "<UDIM>";

/// The layers of a model.
#[derive(Debug, Default)]
pub(super) struct Layers {
    /// The layers in binary form.
    pub(super) binary: Vec<PathBuf>,
    pub(super) missing: Vec<MissingFile>,
}

impl Layers {
    /// Reads the layer `main` of the bundle at `root`, and those that it refers to.
    pub(super) fn of(root: &Path, main: &Path) -> Result<Self, BundleError> {
        let mut layers = Self::default();
        let mut seen = HashSet::from([main.to_owned()]);
        let mut queue = vec![main.to_owned()];
        while let Some(layer) = queue.pop() {
            let file = root.join(&layer);
            if seen.len() > MAX_LAYERS {
                let detail = format!("the model has more than {MAX_LAYERS} layers");
                return Err(BundleError::new(BundleErrorKind::TooLarge, file, detail));
            }
            let Some(names) = names(&file).map_err(|e| BundleError::io(&file, e))? else {
                layers.binary.push(layer);
                continue;
            };
            for name in names {
                match find(root, path::parent(&layer), &name) {
                    Ok(path) if is_layer(&path) => {
                        if seen.insert(path.clone()) {
                            queue.push(path);
                        }
                    }
                    Ok(_) => {}
                    Err(reason) => layers.missing.push(MissingFile {
                        name,
                        named_by: layer.clone(),
                        reason,
                        supplier: Supplier::Export,
                    }),
                }
            }
        }
        Ok(layers)
    }
}

/// Returns the files that any of the layers refers to, directly or not. Each is read once.
pub(super) fn parts(root: &Path, layers: &[&Path]) -> HashSet<PathBuf> {
    let mut parts = HashSet::new();
    let mut seen: HashSet<PathBuf> = layers.iter().map(|layer| layer.to_path_buf()).collect();
    let mut queue: Vec<PathBuf> = seen.iter().cloned().collect();
    while let Some(layer) = queue.pop() {
        // What cannot be read refers to nothing.
        let names = names(&root.join(&layer)).ok().flatten().unwrap_or_default();
        for name in names {
            let Ok(found) = find(root, path::parent(&layer), &name) else {
                continue;
            };
            if found != layer {
                parts.insert(found.clone());
            }
            if is_layer(&found) && seen.insert(found.clone()) {
                queue.push(found);
            }
        }
    }
    parts
}

fn is_layer(path: &Path) -> bool {
    has_extension(path, &["usd", "usda", "usdc"])
}

/// Returns the file that a layer in `directory` refers to, relative to the bundle.
fn find(root: &Path, directory: &Path, name: &str) -> Result<PathBuf, MissingReason> {
    // `a.usdz[b.usd]` is a file in an archive.
    let name = name.split_once('[').map_or(name, |(archive, _)| archive);
    let Some((before, after)) = name.split_once(UDIM) else {
        return path::first_present(root, vec![path::resolve(directory, name)]);
    };
    let Resolved::Inside(path) = path::resolve(directory, before) else {
        return Err(MissingReason::Outside);
    };
    // The name may start with the placeholder.
    let (parent, start) = if before.ends_with('/') || before.is_empty() {
        (path.as_path(), "")
    } else {
        (path::parent(&path), path::file_name(before))
    };
    let entries = fs::read_dir(root.join(parent)).map_err(|_| MissingReason::Absent)?;
    let is_tile = |name: &str| {
        let tile = name
            .strip_prefix(start)
            .and_then(|rest| rest.strip_suffix(after));
        tile.is_some_and(|tile| tile.len() == 4 && tile.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let tile = entries
        .flatten()
        .map(|entry| entry.file_name())
        .find(|name| name.to_str().is_some_and(is_tile));
    Ok(parent.join(tile.ok_or(MissingReason::Absent)?))
}

/// Returns the asset paths of a layer that are files, once each; `None` if it is in binary form.
fn names(file: &Path) -> io::Result<Option<Vec<String>>> {
    let mut reader = BufReader::new(File::open(file)?);
    if !reader.fill_buf()?.starts_with(MAGIC) {
        return Ok(None);
    }
    let mut seen = HashSet::new();
    let mut names = Vec::new();
    each_asset(reader, |name| {
        if is_file(&name) && seen.insert(name.clone()) {
            names.push(name);
        }
    })?;
    Ok(Some(names))
}

/// Whether an asset path is that of a file of the bundle: neither a URL nor the name of a module
/// that the simulator provides, such as `OmniPBR.mdl`.
fn is_file(name: &str) -> bool {
    let is_url = name
        .split_once(':')
        .is_some_and(|(scheme, _)| scheme.len() > 1);
    let is_module = has_extension(Path::new(name), &["mdl"]) && !name.contains('/');
    !name.is_empty() && !is_url && !is_module
}

/// Calls `visit` with each asset path in the text of a layer.
fn each_asset(text: impl BufRead, mut visit: impl FnMut(String)) -> io::Result<()> {
    let mut text = Text {
        bytes: text.bytes(),
        next: None,
    };
    while let Some(byte) = text.take()? {
        match byte {
            b'#' => while !matches!(text.take()?, None | Some(b'\n')) {},
            b'"' | b'\'' => drop(text.quoted(byte, true)?),
            b'@' => {
                let name = text.quoted(b'@', false)?;
                visit(String::from_utf8_lossy(&name).into_owned());
            }
            _ => {}
        }
    }
    Ok(())
}

/// The bytes of a layer, with one that was read ahead.
struct Text<R> {
    bytes: io::Bytes<R>,
    next: Option<u8>,
}

impl<R: BufRead> Text<R> {
    fn take(&mut self) -> io::Result<Option<u8>> {
        match self.next.take() {
            Some(byte) => Ok(Some(byte)),
            None => self.bytes.next().transpose(),
        }
    }

    /// Takes the next byte if it is `wanted`.
    fn take_if(&mut self, wanted: u8) -> io::Result<bool> {
        self.next = self.take()?;
        if self.next == Some(wanted) {
            self.next = None;
            return Ok(true);
        }
        Ok(false)
    }

    /// Returns what is between the quote that was just read, once or three times, and the same
    /// quote. A string with one quote ends with its line.
    fn quoted(&mut self, quote: u8, is_string: bool) -> io::Result<Vec<u8>> {
        let mut content = Vec::new();
        let mut quotes = 1;
        if self.take_if(quote)? {
            if !self.take_if(quote)? {
                return Ok(content);
            }
            quotes = 3;
        }
        let mut ending = 0;
        while let Some(byte) = self.take()? {
            if byte == quote {
                ending += 1;
                if ending == quotes {
                    break;
                }
                continue;
            }
            content.extend(std::iter::repeat_n(quote, std::mem::take(&mut ending)));
            match byte {
                b'\\' if is_string => drop(self.take()?),
                b'\n' if quotes == 1 => break,
                _ if content.len() < MAX_PATH => content.push(byte),
                _ => {}
            }
        }
        Ok(content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asset_paths_are_found_outside_of_strings_and_comments() {
        let text = r#"#usda 1.0
            ( subLayers = [@./a.usda@, @b.usda@] ) # @no@
            string s = "@no@ \" @no@" ; string t = 'a"@no@'
            string u = """@no@ " "" @no@
            @no@"""
            asset e = @@
            asset f = @@@c@d.png@@@
            string v = "" asset g = @e.png@
            prepend references = @f.usdz[g.usd]@</A>"#;
        let mut found = Vec::new();
        each_asset(text.as_bytes(), |name| found.push(name)).unwrap();
        assert_eq!(
            found,
            [
                "./a.usda",
                "b.usda",
                "",
                "c@d.png",
                "e.png",
                "f.usdz[g.usd]"
            ]
        );
    }

    #[test]
    fn only_files_of_the_bundle_are_checked() {
        for (name, expected) in [
            ("a.png", true),
            ("./OmniPBR.mdl", true),
            ("OmniPBR.mdl", false),
            ("https://example.com/a.png", false),
            ("omniverse:a.usd", false),
            ("C:\\a.png", true),
            ("", false),
        ] {
            assert_eq!(is_file(name), expected, "{name}");
        }
    }
}
