//! How to remove the textures of a model.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::attributes::Defaults;
use super::files::{Use, is_from_file};
use super::tree::Element;
use super::{Model, Models};
use crate::ext::bundle::path::Resolved;
use crate::ext::bundle::{BundleError, path};

/// The white space before and after an element that is examined, in bytes.
const INDENT: u64 = 256;
/// The attributes of a material that have no use without a texture.
pub(super) const TEXTURE_SETTINGS: [&str; 2] = ["texrepeat", "texuniform"];

/// The changes that remove the textures of models.
#[derive(Debug, Default)]
pub(crate) struct Slimmed {
    /// The files that change, and their byte ranges to remove, which may overlap.
    pub(crate) cuts: BTreeMap<PathBuf, Vec<Range<u64>>>,
    /// The files that only the removed textures refer to.
    pub(crate) unneeded: BTreeSet<PathBuf>,
    /// The files that the models may still refer to.
    pub(crate) needed: BTreeSet<PathBuf>,
}

impl Slimmed {
    /// Adds the changes that remove the textures of another model.
    pub(in crate::ext::bundle) fn add(&mut self, models: &Models) -> Result<(), BundleError> {
        for model in &models.models {
            for reference in model.references() {
                if reference.kind == Use::Texture {
                    self.unneeded.extend(models.find(model, reference));
                    continue;
                }
                // The pictures are not there yet, so each place where one is sought counts.
                for candidate in model.candidates(reference) {
                    if let Resolved::Inside(path) = candidate {
                        self.needed.insert(path);
                    }
                }
            }
            for (part, cuts) in Cuts::of(model).into_ranges(&models.root, model)? {
                self.cuts.entry(part).or_default().extend(cuts);
            }
        }
        let needed = &self.needed;
        self.unneeded.retain(|path| !needed.contains(path));
        Ok(())
    }
}

/// What to remove from the files of a model, by the indices of the files.
#[derive(Debug, Default)]
struct Cuts {
    elements: BTreeMap<usize, Vec<Range<u64>>>,
    attributes: BTreeMap<usize, Vec<Range<u64>>>,
}

impl Cuts {
    /// Finds the textures that are read from files, and all references to them.
    ///
    /// Textures that `MuJoCo` computes (`builtin`) are kept.
    fn of(model: &Model) -> Self {
        let defaults = Defaults::of(&model.tree);
        let mut dropped = HashSet::new();
        model.tree.each(&mut |element| {
            if is_from_file(element, &defaults) {
                dropped.extend(texture_name(element));
            }
        });
        let mut cuts = Self::default();
        cuts.collect(&model.tree, &defaults, &dropped);
        cuts
    }

    fn collect(&mut self, element: &Element, defaults: &Defaults<'_>, dropped: &HashSet<String>) {
        let uses_dropped = |element: &Element| {
            let texture = element.value("texture");
            texture.is_some_and(|texture| dropped.contains(texture))
        };
        // Assumption: export-textures.
        let is_dropped_layer =
            |element: &Element| element.name() == "layer" && uses_dropped(element);
        if is_from_file(element, defaults) || is_dropped_layer(element) {
            let elements = self.elements.entry(element.part).or_default();
            elements.push(element.span.clone());
            return;
        }
        let mut attributes = Vec::new();
        if uses_dropped(element) {
            attributes.push("texture");
        }
        let is_bare = element.name() == "material"
            && (uses_dropped(element) || element.children.iter().any(is_dropped_layer))
            && element.children.iter().all(is_dropped_layer);
        if is_bare {
            attributes.extend(TEXTURE_SETTINGS);
        }
        let spans = attributes
            .iter()
            .filter_map(|name| element.attribute_span(name));
        let known = self.attributes.entry(element.part).or_default();
        known.extend(spans);
        for child in &element.children {
            self.collect(child, defaults, dropped);
        }
    }

    /// Returns the byte ranges by the paths of the files.
    fn into_ranges(
        self,
        root: &Path,
        model: &Model,
    ) -> Result<BTreeMap<PathBuf, Vec<Range<u64>>>, BundleError> {
        let mut ranges: BTreeMap<PathBuf, Vec<Range<u64>>> = BTreeMap::new();
        for (part, spans) in self.attributes {
            if !spans.is_empty() {
                ranges.insert(model.parts[part].clone(), spans);
            }
        }
        for (part, spans) in self.elements {
            let part = &model.parts[part];
            let path = root.join(part);
            let widened = File::open(&path).and_then(|mut file| {
                let spans = spans.into_iter();
                spans
                    .map(|span| with_line(&mut file, span))
                    .collect::<io::Result<Vec<_>>>()
            });
            let widened = widened.map_err(|e| BundleError::io(&path, e))?;
            ranges.entry(part.clone()).or_default().extend(widened);
        }
        Ok(ranges)
    }
}

/// Returns the name of a texture. It defaults to the stem of its file.
pub(super) fn texture_name(texture: &Element) -> Option<String> {
    let name = texture.value("name");
    name.or_else(|| texture.value("file").map(path::stem))
        .map(str::to_owned)
}

/// Widens the range of an element to its line, if the line contains nothing else.
fn with_line(file: &mut File, span: Range<u64>) -> io::Result<Range<u64>> {
    let mut read = |range: Range<u64>| {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(range.start))?;
        (&*file)
            .take(range.end - range.start)
            .read_to_end(&mut bytes)?;
        io::Result::Ok(bytes)
    };
    let before = read(span.start.saturating_sub(INDENT)..span.start)?;
    let after = read(span.end..span.end + INDENT)?;
    let is_blank = |byte: &&u8| matches!(byte, b' ' | b'\t');
    let indent = before.iter().rev().take_while(is_blank).count();
    let space = after.iter().take_while(is_blank).count();
    let line_end = match after[space..] {
        [b'\r', b'\n', ..] => 2,
        [b'\n', ..] => 1,
        _ => return Ok(span),
    };
    let follows_line = before[..before.len() - indent].ends_with(b"\n");
    Ok(if follows_line {
        span.start - indent as u64..span.end + (space + line_end) as u64
    } else {
        span
    })
}

/// Copies a file without the byte ranges, which may overlap.
pub(crate) fn copy_without(
    from: &mut File,
    mut cuts: Vec<Range<u64>>,
    to: &mut impl Write,
) -> io::Result<()> {
    cuts.sort_unstable_by_key(|cut| (cut.start, cut.end));
    let mut at = 0;
    from.rewind()?;
    for cut in cuts {
        if cut.start > at {
            io::copy(&mut (&*from).take(cut.start - at), to)?;
        }
        at = at.max(cut.end);
        from.seek(SeekFrom::Start(at))?;
    }
    io::copy(from, to)?;
    Ok(())
}
