//! Reads XML as a sequence of tags and text, with the byte position of each in the file.
//!
//! The parser is quick-xml rather than a tree such as roxmltree: it streams, so it needs no memory
//! that grows with the document, can stop early, and can read the truncated start of a file. It
//! also reports positions, so that elements can be removed and all other bytes copied unchanged.
//!
//! Only the five predefined entities and character references are expanded, so a document cannot
//! grow. Declarations of entities are skipped, as simulators do.

use std::borrow::Cow;
use std::ops::Range;

use quick_xml::Reader;
use quick_xml::events::Event;
use quick_xml::events::attributes::Attributes;

/// A start tag.
#[derive(Debug)]
pub(super) struct Tag<'a> {
    pub(super) name: &'a str,
    /// The byte range from `<` to `>`, both included.
    pub(super) span: Range<usize>,
    pub(super) attributes: Vec<Attribute<'a>>,
}

/// An attribute of a start tag.
#[derive(Debug)]
pub(super) struct Attribute<'a> {
    pub(super) name: &'a str,
    pub(super) value: Cow<'a, str>,
    /// The byte range from the white space before the name to the closing quote, both included.
    pub(super) span: Range<usize>,
}

impl Tag<'_> {
    /// Returns the value of an attribute, if it is present and not empty.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name == name)
            .map(|attribute| attribute.value.as_ref())
            .filter(|value| !value.is_empty())
    }
}

/// A part of a document, in document order. An empty-element tag yields `Open` and then `Close`.
#[derive(Debug)]
pub(super) enum Node<'a> {
    Open(Tag<'a>),
    /// The byte position after the element.
    Close(usize),
    Text(Cow<'a, str>),
}

/// Calls `visit` with each part of the document until `visit` returns `false`.
///
/// # Errors
///
/// A description of the first syntax error, with its position.
pub(super) fn walk<'a>(
    text: &'a str,
    mut visit: impl FnMut(Node<'a>) -> bool,
) -> Result<(), String> {
    // The parser does not see a byte order mark; `mark` is added to each position.
    let (text, mark) = match text.strip_prefix('\u{feff}') {
        Some(rest) => (rest, '\u{feff}'.len_utf8()),
        None => (text, 0),
    };
    let mut reader = Reader::from_str(text);
    // Simulators accept a bare `&`, too.
    reader.config_mut().allow_dangling_amp = true;
    let mut start = 0;
    let mut depth = 0_usize;
    loop {
        let event = reader
            .read_event()
            .map_err(|e| format!("{e} at byte {}", reader.error_position()))?;
        let end = usize::try_from(reader.buffer_position()).expect("within the text");
        let more = match event {
            Event::Start(_) => {
                depth += 1;
                visit(Node::Open(tag(text, start..end, mark)?))
            }
            Event::Empty(_) => {
                visit(Node::Open(tag(text, start..end, mark)?)) && visit(Node::Close(end + mark))
            }
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                visit(Node::Close(end + mark))
            }
            Event::Text(_) => visit(Node::Text(Cow::Borrowed(&text[start..end]))),
            Event::CData(data) => visit(Node::Text(data.into_inner())),
            Event::GeneralRef(_) => visit(Node::Text(unescape(&text[start..end]))),
            Event::Eof if depth > 0 => return Err("it ends within an element".to_owned()),
            Event::Eof => return Ok(()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => true,
        };
        if !more {
            return Ok(());
        }
        start = end;
    }
}

/// Parses a start tag from the text itself, because the event lacks the positions of its
/// attributes.
fn tag(text: &str, span: Range<usize>, mark: usize) -> Result<Tag<'_>, String> {
    let inner = &text[span.clone()];
    let inner = inner.strip_prefix('<').unwrap_or(inner);
    let content = inner.strip_suffix('>').unwrap_or(inner);
    let content = content.strip_suffix('/').unwrap_or(content);
    let name = content
        .split(|c: char| c.is_ascii_whitespace())
        .next()
        .unwrap_or(content);
    // `part` is a slice of `content`, so the difference of their addresses is its position.
    let position = |part: &str| part.as_ptr().addr() - content.as_ptr().addr();
    let at = span.start + 1 + mark;
    let mut from = name.len();
    let mut attributes = Vec::new();
    for attribute in Attributes::new(content, name.len()).with_checks(false) {
        let attribute =
            attribute.map_err(|e| format!("{e} in the tag at byte {}", span.start + mark))?;
        let value = match attribute.value {
            Cow::Borrowed(value) => value,
            Cow::Owned(_) => unreachable!("attributes are parsed in place"),
        };
        let to = position(value) + value.len() + 1;
        attributes.push(Attribute {
            name: attribute.key.0,
            value: unescape(value),
            span: at + from..at + to,
        });
        from = to;
    }
    Ok(Tag {
        name,
        span: span.start + mark..span.end + mark,
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

    fn nodes(text: &str) -> Result<Vec<String>, String> {
        let mut nodes = Vec::new();
        walk(text, |node| {
            nodes.push(match node {
                Node::Open(tag) => {
                    let mut line = format!("<{} {:?}", tag.name, &text[tag.span]);
                    for attribute in tag.attributes {
                        let span = &text[attribute.span];
                        let (name, value) = (attribute.name, attribute.value);
                        write!(line, " {name}={value}{span:?}").unwrap();
                    }
                    line
                }
                Node::Close(at) => format!("> {:?}", &text[..at]),
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
