//! The names of entries: how they are decoded, the rules for them, and when two of them conflict.

use std::borrow::Cow;
use std::collections::HashMap;

use zlib_rs::crc32::crc32;

use super::UnpackErrorKind as Kind;

/// The maximum length of one part of a path on common file systems, in bytes.
const MAX_PART: usize = 255;

/// A name that can be created below any directory, on this system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// The relative path, separated by `/` and without one at its end. It is empty for the target itself.
    pub(super) path: String,
    /// Whether the entry is a directory.
    pub(super) directory: bool,
}

/// Decodes a name as UTF-8 if it is flagged or valid as such, or else as code page 437.
///
/// The format has no other encodings ([APPNOTE], appendix D). Many writers omit the flag, and text in code
/// page 437 is hardly ever valid UTF-8 by accident.
///
/// [APPNOTE]: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
// Assumption: export-zip-entries.
pub(super) fn decode(bytes: &[u8], flagged: bool) -> Result<Cow<'_, str>, Kind> {
    match std::str::from_utf8(bytes) {
        Ok(name) => Ok(Cow::Borrowed(name)),
        Err(_) if flagged => Err(Kind::NameEncoding),
        Err(_) => Ok(Cow::Owned(bytes.iter().map(|&byte| cp437(byte)).collect())),
    }
}

/// Reads the Unicode path in an entry's extra field (0x7075; [APPNOTE], section 4.6.9). It replaces the name
/// if it was made for it.
///
/// [APPNOTE]: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
pub(super) fn unicode_path<'a>(field: &'a [u8], name: &[u8]) -> Option<&'a str> {
    let (&version, rest) = field.split_first()?;
    let (crc, path) = rest.split_first_chunk::<4>()?;
    let is_of_name = version == 1 && u32::from_le_bytes(*crc) == crc32(0, name);
    std::str::from_utf8(path).ok().filter(|_| is_of_name)
}

/// Checks a decoded name against all rules that concern only this name, on this system or on Windows.
pub(super) fn check(name: &str, max_length: usize, windows: bool) -> Result<Name, Kind> {
    if name.contains('\0') {
        return Err(Kind::NulInName);
    }
    if let [letter, b':', ..] = name.as_bytes()
        && letter.is_ascii_alphabetic()
    {
        return Err(Kind::DriveLetter);
    }
    if name.contains('\\') {
        return Err(Kind::Backslash);
    }
    if name.starts_with('/') {
        return Err(Kind::AbsolutePath);
    }
    if name.is_empty() {
        return Err(Kind::EmptyName);
    }
    if name.len() > max_length {
        return Err(Kind::NameTooLong);
    }
    let (inner, directory) = match name.strip_suffix('/') {
        Some(inner) => (inner, true),
        None => (name, false),
    };
    let mut path = String::with_capacity(inner.len());
    for part in inner.split('/') {
        match part {
            "" => return Err(Kind::EmptyName),
            ".." => return Err(Kind::ParentPath),
            // Some writers start each name with "./".
            "." => continue,
            _ if part.len() > MAX_PART => return Err(Kind::NameTooLong),
            // Printed to a terminal, they could change what it shows.
            _ if part.chars().any(char::is_control) => return Err(Kind::ReservedName),
            _ if windows && is_reserved(part) => return Err(Kind::ReservedName),
            _ => {}
        }
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(part);
    }
    if path.is_empty() && !directory {
        return Err(Kind::EmptyName);
    }
    Ok(Name { path, directory })
}

/// Whether a name is one part of a path on every system, short enough for a suffix.
pub(crate) fn is_portable_part(name: &str) -> bool {
    const MAX_LENGTH: usize = MAX_PART - 55;
    let checked = check(name, MAX_LENGTH, true);
    !name.contains('/') && checked.is_ok_and(|checked| checked.path == name)
}

/// The names of an archive, of which no two may conflict on any file system.
#[derive(Default)]
pub(super) struct Names {
    /// The first spelling and its kind, by folded name.
    seen: HashMap<String, (String, Seen)>,
}

#[derive(PartialEq, Eq)]
enum Seen {
    File,
    /// A directory with an entry.
    Directory,
    /// A parent directory without an entry so far.
    Implied,
}

/// The rule that a name breaks, with the other spelling if two names differ in case.
type Conflict = (Kind, Option<String>);

impl Names {
    /// Adds a name and its parent directories. Rejects it if it conflicts with an earlier name.
    pub(super) fn claim(&mut self, name: &Name) -> Result<(), Conflict> {
        if name.path.is_empty() {
            return Ok(());
        }
        let folded = fold(&name.path);
        if let Some((spelling, seen)) = self.seen.get_mut(&folded) {
            let same = *spelling == name.path;
            return match (&seen, name.directory) {
                // A directory that occurs twice is created once. Its parent directories are known.
                (Seen::Implied | Seen::Directory, true) if same => {
                    *seen = Seen::Directory;
                    Ok(())
                }
                (Seen::File, false) if same => Err((Kind::Duplicate, None)),
                (Seen::File, true) | (Seen::Directory | Seen::Implied, false) => {
                    Err((Kind::FileAsDirectory, None))
                }
                _ => Err((Kind::CaseDuplicate, Some(spelling.clone()))),
            };
        }
        // Adds the parent directories, the nearest first. If one is known, so are those above it. Folding
        // keeps each `/`, so both spellings have the same parts.
        let (mut path, mut key) = (name.path.as_str(), folded.as_str());
        while let (Some((up, _)), Some((up_key, _))) = (path.rsplit_once('/'), key.rsplit_once('/'))
        {
            match self.seen.get(up_key) {
                Some((_, Seen::File)) => return Err((Kind::FileAsDirectory, None)),
                Some((spelling, _)) if spelling == up => break,
                Some((spelling, _)) => return Err((Kind::CaseDuplicate, Some(spelling.clone()))),
                None => {}
            }
            self.seen
                .insert(up_key.to_owned(), (up.to_owned(), Seen::Implied));
            (path, key) = (up, up_key);
        }
        let seen = if name.directory {
            Seen::Directory
        } else {
            Seen::File
        };
        self.seen.insert(folded, (name.path.clone(), seen));
        Ok(())
    }
}

/// Returns a key that is equal for two names of the same file on a case-insensitive file system.
///
/// It converts to upper case, then to lower case, with the full mappings of Unicode: `ß` equals `SS`, `ς`
/// equals `σ`, the Kelvin sign equals `k`. Composed and decomposed accents stay different. A file system
/// that treats them as equal refuses to create the second file.
fn fold(path: &str) -> String {
    if path.is_ascii() {
        return path.to_ascii_lowercase();
    }
    path.chars()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}

/// Whether Windows cannot store the name. <https://learn.microsoft.com/windows/win32/fileio/naming-a-file>
fn is_reserved(part: &str) -> bool {
    if part.ends_with(['.', ' ']) {
        return true;
    }
    if part
        .chars()
        .any(|c| matches!(c, '<' | '>' | ':' | '"' | '|' | '?' | '*'))
    {
        return true;
    }
    let stem = part.split('.').next().unwrap_or(part).trim_end();
    let stem = stem.to_ascii_uppercase();
    if matches!(
        stem.as_str(),
        "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$"
    ) {
        return true;
    }
    let Some(number) = stem
        .strip_prefix("COM")
        .or_else(|| stem.strip_prefix("LPT"))
    else {
        return false;
    };
    let mut digits = number.chars();
    matches!(digits.next(), Some('1'..='9' | '¹' | '²' | '³')) && digits.next().is_none()
}

/// The upper half of code page 437. The lower half is ASCII.
const CP437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»\
                     ░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀\
                     αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

fn cp437(byte: u8) -> char {
    match byte.checked_sub(0x80) {
        None => char::from(byte),
        Some(high) => CP437
            .chars()
            .nth(usize::from(high))
            .expect("the table has 128 characters"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_normalised_or_rejected_with_its_reason() {
        let long = "x".repeat(256);
        let deep = "x/".repeat(600);
        let table = [
            ("scene.xml", Ok("scene.xml")),
            ("./a/./b.obj", Ok("a/b.obj")),
            ("a/", Ok("a")),
            ("./", Ok("")),
            ("..a/b..c/...d", Ok("..a/b..c/...d")),
            ("console/com10/nul_", Ok("console/com10/nul_")),
            ("", Err(Kind::EmptyName)),
            (".", Err(Kind::EmptyName)),
            ("a//b", Err(Kind::EmptyName)),
            ("a//", Err(Kind::EmptyName)),
            ("/", Err(Kind::AbsolutePath)),
            ("//server/share", Err(Kind::AbsolutePath)),
            ("..", Err(Kind::ParentPath)),
            ("a/../../b", Err(Kind::ParentPath)),
            ("a/..", Err(Kind::ParentPath)),
            ("a/../", Err(Kind::ParentPath)),
            ("..\\a", Err(Kind::Backslash)),
            ("\\\\server\\share", Err(Kind::Backslash)),
            ("C:a", Err(Kind::DriveLetter)),
            ("z:\\a", Err(Kind::DriveLetter)),
            ("a/b\0.xml", Err(Kind::NulInName)),
            ("ab:c", Err(Kind::ReservedName)),
            ("a/nul", Err(Kind::ReservedName)),
            ("Com1.txt", Err(Kind::ReservedName)),
            ("lpt¹", Err(Kind::ReservedName)),
            ("a.", Err(Kind::ReservedName)),
            ("a /b", Err(Kind::ReservedName)),
            ("a\u{1b}[2J", Err(Kind::ReservedName)),
            (long.as_str(), Err(Kind::NameTooLong)),
            (deep.as_str(), Err(Kind::NameTooLong)),
        ];
        for (name, expected) in table {
            let found = check(name, 1024, true);
            assert_eq!(
                found.as_ref().map(|name| name.path.as_str()),
                expected.as_ref().map(|path| *path),
                "{name:?}"
            );
            // Elsewhere, only what is harmful is refused.
            let elsewhere = check(name, 1024, false);
            let is_harmful = expected.is_err_and(|kind| kind != Kind::ReservedName)
                || name.contains(char::is_control);
            assert_eq!(elsewhere.is_err(), is_harmful, "{name:?}");
        }
    }

    #[test]
    fn a_unicode_path_replaces_the_name_that_it_was_made_for() {
        let field = |version: u8, name: &[u8], path: &[u8]| {
            [&[version], &crc32(0, name).to_le_bytes()[..], path].concat()
        };
        let name = b"caf?.obj";
        let path = "café.obj".as_bytes();
        assert_eq!(unicode_path(&field(1, name, path), name), Some("café.obj"));
        for wrong in [
            field(2, name, path),
            field(1, b"other", path),
            field(1, name, b"\xff"),
            vec![1, 0],
            Vec::new(),
        ] {
            assert_eq!(unicode_path(&wrong, name), None);
        }
    }

    #[test]
    fn names_are_decoded_as_utf_8_or_code_page_437() {
        assert_eq!(CP437.chars().count(), 128);
        assert_eq!(decode(b"caf\x82.png", false).unwrap(), "café.png");
        assert_eq!(decode("café.png".as_bytes(), false).unwrap(), "café.png");
        assert_eq!(decode("机.png".as_bytes(), true).unwrap(), "机.png");
        assert_eq!(decode(b"\xe1\xfe\xff", false).unwrap(), "ß■\u{a0}");
        assert_eq!(decode(b"caf\x82.png", true), Err(Kind::NameEncoding));
    }

    #[test]
    fn names_that_differ_in_case_beyond_ascii_have_the_same_key() {
        for (one, other) in [
            ("Scene.XML", "scene.xml"),
            ("Straße", "STRASSE"),
            ("ΟΔΟΣ", "οδος"),
            ("\u{212a}elvin", "kelvin"),
            ("É", "é"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
        assert_ne!(fold("a"), fold("b"));
    }
}
