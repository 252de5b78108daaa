//! Reads XML as a sequence of tags and text, with the byte position of each in the file.
//!
//! The parser is quick-xml rather than a tree such as roxmltree: it streams, so it needs no memory
//! that grows with the document, can stop early, and can read the truncated start of a file. It
//! also reports positions, so that elements can be removed and all other bytes copied unchanged.
//!
//! Only the five predefined entities and character references are expanded, so a document cannot
//! grow. Declarations of entities are skipped, as simulators do.

mod source;

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::ops::Range;
use std::path::Path;

use quick_xml::Reader;
use quick_xml::events::Event;
use quick_xml::events::attributes::Attributes;

use super::{BundleError, BundleErrorKind};
use crate::ext::error::one_line;
use source::Source;

/// The maximum length of a syntax error in characters.
const MAX_QUOTED: usize = 200;

/// A start tag.
#[derive(Debug)]
pub(super) struct Tag<'a> {
    pub(super) name: &'a str,
    /// The byte range in the file from `<` to `>`, both included.
    pub(super) span: Range<u64>,
    pub(super) attributes: Vec<Attribute<'a>>,
}

/// An attribute of a start tag.
#[derive(Debug)]
pub(super) struct Attribute<'a> {
    pub(super) name: &'a str,
    raw: &'a str,
    /// The byte range in the file from the white space before the name to the closing quote, both
    /// included.
    pub(super) span: Range<u64>,
    /// The byte range in the file of the value without its quotes.
    pub(super) value_span: Range<u64>,
}

impl<'a> Attribute<'a> {
    /// Returns the value with its references expanded.
    pub(super) fn value(&self) -> Cow<'a, str> {
        unescape(self.raw)
    }
}

impl<'a> Tag<'a> {
    /// Returns the value of an attribute, if it is present and not empty.
    pub(super) fn value(&self, name: &str) -> Option<Cow<'a, str>> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name == name)
            .map(Attribute::value)
            .filter(|value| !value.is_empty())
    }
}

/// A part of a document, in document order. An empty-element tag yields `Open` and then `Close`.
#[derive(Debug)]
pub(super) enum Node<'a> {
    Open(Tag<'a>),
    /// The byte position in the file after the element.
    Close(u64),
    Text(Cow<'a, str>),
}

/// Calls `visit` with each part of the document in a file until `visit` returns `false`.
pub(super) fn walk_file(
    path: &Path,
    visit: impl FnMut(Node<'_>) -> bool,
) -> Result<(), BundleError> {
    let file = File::open(path).map_err(|e| BundleError::io(path, e))?;
    walk(file, visit).map_err(|failure| failure.at(path))
}

/// Why a document cannot be read.
#[derive(Debug)]
pub(super) enum Failure {
    /// The description of the first syntax error, with its position.
    Syntax(String),
    Io(io::Error),
}

impl Failure {
    pub(super) fn at(self, path: &Path) -> BundleError {
        match self {
            Self::Syntax(detail) => BundleError::new(BundleErrorKind::BadModel, path, detail),
            Self::Io(error) if error.kind() == ErrorKind::FileTooLarge => {
                BundleError::new(BundleErrorKind::TooLarge, path, error.to_string())
            }
            Self::Io(error) if error.kind() == ErrorKind::InvalidData => {
                BundleError::new(BundleErrorKind::BadModel, path, error.to_string())
            }
            Self::Io(error) => BundleError::io(path, error),
        }
    }
}

/// Calls `visit` with each part of the document until `visit` returns `false`.
///
/// The memory that this takes is that of the largest tag or text.
pub(super) fn walk(
    document: impl Read,
    mut visit: impl FnMut(Node<'_>) -> bool,
) -> Result<(), Failure> {
    let mut reader = Reader::from_reader(Source::new(document).map_err(Failure::Io)?);
    // Simulators accept a bare `&`, too.
    reader.config_mut().allow_dangling_amp = true;
    let mut buffer = Vec::new();
    let mut depth = 0_usize;
    loop {
        buffer.clear();
        let start = reader.buffer_position();
        reader.get_mut().advance(start);
        let event = match reader.read_event_into(&mut buffer) {
            Ok(event) => event,
            Err(quick_xml::Error::Io(error)) => {
                let (kind, detail) = (error.kind(), error.to_string());
                return Err(Failure::Io(io::Error::new(kind, detail)));
            }
            Err(error) => {
                let at = reader.get_ref().in_file(reader.error_position());
                // It quotes names of the document.
                let error = one_line(&error.to_string(), MAX_QUOTED);
                return Err(Failure::Syntax(format!("{error} at byte {at}")));
            }
        };
        let source = reader.get_ref();
        let end = source.in_file(reader.buffer_position());
        let more = match event {
            Event::Start(tag) => {
                depth += 1;
                visit(Node::Open(open(&tag, start, end, source)?))
            }
            Event::Empty(tag) => {
                visit(Node::Open(open(&tag, start, end, source)?)) && visit(Node::Close(end))
            }
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                visit(Node::Close(end))
            }
            Event::Text(text) => visit(Node::Text(text.into_inner())),
            Event::CData(data) => visit(Node::Text(data.into_inner())),
            Event::GeneralRef(name) => visit(Node::Text(
                unescape(&format!("&{};", &*name)).into_owned().into(),
            )),
            Event::Eof if depth > 0 => {
                return Err(Failure::Syntax("it ends within an element".to_owned()));
            }
            Event::Eof => return Ok(()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => true,
        };
        if !more {
            return Ok(());
        }
    }
}

/// Returns the start tag with this `content`, which begins after the `<` at `start`.
fn open<'a, R: Read>(
    content: &'a str,
    start: u64,
    end: u64,
    source: &Source<R>,
) -> Result<Tag<'a>, Failure> {
    let name = content
        .split(|c: char| c.is_ascii_whitespace())
        .next()
        .unwrap_or(content);
    // `part` is a slice of `content`, so the difference of their addresses is its position.
    let position = |part: &str| part.as_ptr().addr() - content.as_ptr().addr();
    let in_file = |at: usize| source.in_file(start + 1 + at as u64);
    let mut from = name.len();
    let mut attributes = Vec::new();
    for attribute in Attributes::new(content, name.len()).with_checks(false) {
        let attribute = attribute.map_err(|e| {
            Failure::Syntax(format!("{e} in the tag at byte {}", source.in_file(start)))
        })?;
        let raw = match attribute.value {
            Cow::Borrowed(value) => value,
            Cow::Owned(_) => unreachable!("attributes are parsed in place"),
        };
        let value = position(raw)..position(raw) + raw.len();
        let to = value.end + 1;
        attributes.push(Attribute {
            name: attribute.key.0,
            raw,
            span: in_file(from)..in_file(to),
            value_span: in_file(value.start)..in_file(value.end),
        });
        from = to;
    }
    Ok(Tag {
        name,
        span: source.in_file(start)..end,
        attributes,
    })
}

/// Expands the predefined entities and character references, and keeps all others unchanged.
fn unescape(text: &str) -> Cow<'_, str> {
    quick_xml::escape::unescape(text).unwrap_or(Cow::Borrowed(text))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;

    fn nodes(text: impl AsRef<[u8]>) -> Result<Vec<String>, Failure> {
        let text = text.as_ref();
        let slice = |span: Range<u64>| {
            let span = [span.start, span.end].map(|at| usize::try_from(at).unwrap());
            String::from_utf8_lossy(&text[span[0]..span[1]])
        };
        let mut nodes = Vec::new();
        walk(text, |node| {
            nodes.push(match node {
                Node::Open(tag) => {
                    let mut line = format!("<{} {:?}", tag.name, slice(tag.span));
                    for attribute in tag.attributes {
                        let (name, value) = (attribute.name, attribute.value());
                        let (span, value_span) = (attribute.span, attribute.value_span);
                        write!(line, " {name}={value}{:?}", slice(span)).unwrap();
                        assert!(slice(value_span).len() <= value.len() * 6);
                    }
                    line
                }
                Node::Close(at) => format!("> {:?}", slice(0..at)),
                Node::Text(text) => text.into_owned(),
            });
            true
        })?;
        Ok(nodes)
    }

    #[test]
    fn tags_and_attributes_have_their_byte_ranges() {
        for mark in ["", "\u{feff}"] {
            let text = format!("{mark}<a  b = 'x&amp;\"y'\n c=\"1 > 0\"><d/></a>");
            assert_eq!(
                nodes(&text).unwrap(),
                [
                    "<a \"<a  b = 'x&amp;\\\"y'\\n c=\\\"1 > 0\\\">\" b=x&\"y\"  b = 'x&amp;\\\"y'\" c=1 > 0\"\\n c=\\\"1 > 0\\\"\"".to_owned(),
                    "<d \"<d/>\"".to_owned(),
                    format!("> {:?}", text.strip_suffix("</a>").unwrap()),
                    format!("> {text:?}"),
                ]
            );
        }
    }

    #[test]
    fn text_includes_cdata_and_references_but_no_declared_entity() {
        let text = "<!DOCTYPE a [<!ENTITY e 'eeee'>]><a>x&lt;<![CDATA[<y>]]>&#65;&e;<!-- c --></a>";
        let text: Vec<String> = nodes(text).unwrap();
        assert_eq!(text[1..text.len() - 1].concat(), "x<<y>A&e;");
    }

    #[test]
    fn an_error_is_one_short_line() {
        let name = "\n\u{1b}".repeat(1000);
        let Err(Failure::Syntax(detail)) = nodes(format!("<a{name}></b>")) else {
            panic!("the tags do not match");
        };
        assert!(
            !detail.contains(char::is_control) && detail.len() < 300,
            "{detail}"
        );
    }

    #[test]
    fn a_malformed_document_is_rejected() {
        for text in [
            "<a>",
            "<a></b>",
            "<a b=1/>",
            "<a b='1/>",
            "<a b/>",
            "<",
            "<a></a",
        ] {
            assert!(nodes(text).is_err(), "{text}");
        }
    }
}
