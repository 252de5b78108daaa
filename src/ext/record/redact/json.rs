//! JSON: numbers, booleans, times and words of the document stay; other text is replaced.

use serde_json::{Map, Number, Value};

use super::Redactor;
use crate::ext::record::vocabulary::parts;

/// What a member contains, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Anything: words of the document stay.
    Any,
    /// Text that people or the service write: all of it is replaced.
    Text,
    /// The same, and its words are private everywhere.
    Private,
    /// An id, which is replaced also if it is a number.
    Id,
    /// Words of the service's own.
    Word,
    /// The place of a validation error.
    Place,
    /// The content of a scene, in which names may be those of its objects.
    Graph,
}

/// Members with the content of a scene.
const GRAPH: [&str; 5] = ["record", "graph", "scene_graph", "snapshot", "layout"];

/// Names of members that the content of any scene may have.
const OF_GRAPHS: [&str; 30] = [
    "nodes",
    "children",
    "parent",
    "objects",
    "assets",
    "instances",
    "meshes",
    "mesh",
    "materials",
    "material",
    "position",
    "rotation",
    "translation",
    "orientation",
    "scale",
    "size",
    "pose",
    "transform",
    "bounds",
    "min",
    "max",
    "x",
    "y",
    "z",
    "w",
    "color",
    "mass",
    "count",
    "version",
    "properties",
];

/// Members with text whose words occur elsewhere too.
const TEXT: [&str; 11] = [
    "message", "msg", "text", "detail", "details", "reason", "note", "notes", "comment", "hint",
    "advice",
];

/// Members with text of the account.
const PRIVATE: [&str; 24] = [
    "prompt",
    "prompts",
    "name",
    "names",
    "title",
    "description",
    "label",
    "labels",
    "caption",
    "summary",
    "slug",
    "tag",
    "tags",
    "email",
    "user",
    "username",
    "owner",
    "author",
    "account",
    "key",
    "token",
    "q",
    "query",
    "search",
];

/// Members with words.
const WORD: [&str; 22] = [
    "status",
    "statuses",
    "state",
    "type",
    "event",
    "stage",
    "stages",
    "mode",
    "modes",
    "format",
    "formats",
    "kind",
    "code",
    "codes",
    "error",
    "phase",
    "event_type",
    "event_name",
    "stage_name",
    "error_type",
    "error_code",
    "job_type",
];

impl Meaning {
    pub(super) fn of(name: &str) -> Self {
        let parts = parts(name);
        let (joined, last) = (parts.join("_"), parts.last().map_or("", String::as_str));
        if matches!(last, "id" | "ids") {
            Self::Id
        } else if joined == "loc" {
            Self::Place
        } else if GRAPH.contains(&joined.as_str()) {
            Self::Graph
        } else if WORD.contains(&joined.as_str()) || matches!(last, "status" | "state" | "stages") {
            Self::Word
        } else if TEXT.contains(&joined.as_str()) {
            Self::Text
        } else if PRIVATE.contains(&last) {
            Self::Private
        } else {
            Self::Any
        }
    }
}

impl Redactor {
    /// Adds the private words of a body: of prompts, names and ids, and in a request, of all other text.
    pub(in crate::ext::record) fn collect(&mut self, value: &Value, is_request: bool) {
        self.collect_as(Meaning::Any, value, is_request);
    }

    fn collect_as(&mut self, meaning: Meaning, value: &Value, is_request: bool) {
        match value {
            Value::String(text) => {
                let is_word = self.is_public_word(text) && meaning != Meaning::Private;
                if matches!(meaning, Meaning::Private | Meaning::Id) || is_request && !is_word {
                    self.add_private(text);
                }
            }
            Value::Number(number) if meaning == Meaning::Id => {
                self.add_private(&number.to_string());
            }
            Value::Array(items) => {
                for item in items {
                    self.collect_as(meaning, item, is_request);
                }
            }
            Value::Object(members) => {
                for (name, value) in members {
                    self.collect_as(Meaning::of(name), value, is_request);
                }
            }
            _ => {}
        }
    }

    /// Replaces what is private in a body.
    pub(in crate::ext::record) fn json(&mut self, value: Value) -> Value {
        self.json_as(Meaning::Any, value)
    }

    fn json_as(&mut self, meaning: Meaning, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.string(meaning, &text)),
            Value::Number(number) if meaning == Meaning::Id => self.number(&number),
            Value::Array(items) => {
                let items = items.into_iter();
                items.map(|item| self.json_as(meaning, item)).collect()
            }
            Value::Object(members) => self.object(meaning, members),
            other => other,
        }
    }

    fn object(&mut self, meaning: Meaning, members: Map<String, Value>) -> Value {
        // An object for each of several objects: its names are those of a scene's content.
        let is_graph = meaning == Meaning::Graph;
        let is_map = meaning != Meaning::Word && is_map(&members);
        let mut replaced = Map::new();
        for (name, value) in members {
            let is_known = self.vocabulary.is_name(&name)
                || self.vocabulary.is_word(&name)
                || is_graph && OF_GRAPHS.contains(&name.as_str());
            let is_public = self.is_public_name(&name) && (is_known || !is_map && !is_graph);
            let meaning = match Meaning::of(&name) {
                Meaning::Any if is_graph => Meaning::Graph,
                meaning => meaning,
            };
            let name = if is_public { name } else { self.text(&name) };
            let value = self.json_as(meaning, value);
            let mut unique = name.clone();
            let mut count = 1;
            while replaced.contains_key(&unique) {
                count += 1;
                unique = format!("{name}_{count}");
            }
            replaced.insert(unique, value);
        }
        Value::Object(replaced)
    }

    fn string(&mut self, meaning: Meaning, text: &str) -> String {
        let keeps_words = !matches!(meaning, Meaning::Text | Meaning::Private | Meaning::Id);
        if self.contains_secret(text) {
            return self.text(text);
        }
        if keeps_words && self.is_public_word(text) || is_time(text) {
            return text.to_owned();
        }
        match meaning {
            Meaning::Word if self.is_harmless_word(text) => return text.to_owned(),
            Meaning::Place if self.vocabulary.is_name(text) => return text.to_owned(),
            _ => {}
        }
        if let Some(rest) = text.strip_prefix("data:") {
            return format!("data:{}", self.placeholders.word(rest));
        }
        if let Some(target) = self.target_in(text, keeps_words) {
            return target;
        }
        self.text(text)
    }

    fn number(&mut self, number: &Number) -> Value {
        let text = number.to_string();
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", text.as_str()),
        };
        let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
        let replaced = format!("{sign}{}", self.placeholders.word(&digits));
        let replaced: Option<Number> = serde_json::from_str(&replaced).ok();
        replaced.map_or(Value::Null, Value::Number)
    }

    /// Replaces every string with a key in a public document.
    pub(in crate::ext::record) fn document(&mut self, value: Value) -> Value {
        match value {
            Value::String(text) if self.contains_secret(&text) => Value::String(self.text(&text)),
            Value::Array(items) => items.into_iter().map(|item| self.document(item)).collect(),
            Value::Object(members) => {
                let members = members.into_iter().map(|(name, value)| {
                    let name = if self.contains_secret(&name) {
                        self.text(&name)
                    } else {
                        name
                    };
                    (name, self.document(value))
                });
                Value::Object(members.collect())
            }
            other => other,
        }
    }
}

/// Whether an object has an object with the same names for each of its members.
fn is_map(members: &Map<String, Value>) -> bool {
    let mut names = members.values().map(|value| {
        let object = value.as_object().filter(|object| !object.is_empty());
        object.map(|object| object.keys().collect::<Vec<_>>())
    });
    let Some(Some(first)) = names.next() else {
        return false;
    };
    members.len() > 1 && names.all(|other| other.as_ref() == Some(&first))
}

/// Whether text is a time: RFC 3339, also without an offset, as Python writes it.
pub(super) fn is_time(text: &str) -> bool {
    const FORM: &[u8] = b"0000-00-00T00:00:00";
    let bytes = text.as_bytes();
    if bytes.len() < FORM.len() || bytes.len() > 40 {
        return false;
    }
    let (start, rest) = bytes.split_at(FORM.len());
    let is_digits = |bytes: &[u8]| !bytes.is_empty() && bytes.iter().all(u8::is_ascii_digit);
    let fits = start.iter().zip(FORM).all(|(byte, form)| match form {
        b'0' => byte.is_ascii_digit(),
        b'T' => matches!(byte, b'T' | b't' | b' '),
        form => byte == form,
    });
    let (fraction, offset) = match rest
        .iter()
        .position(|byte| !(b"0123456789.".contains(byte)))
    {
        Some(at) => rest.split_at(at),
        None => (rest, &[][..]),
    };
    let is_fraction = fraction.is_empty()
        || fraction
            .strip_prefix(b".")
            .is_some_and(|digits| digits.len() <= 9 && is_digits(digits));
    let is_offset = match offset {
        [] | b"Z" | b"z" => true,
        [b'+' | b'-', h1, h2, b':', m1, m2] => is_digits(&[*h1, *h2, *m1, *m2]),
        _ => false,
    };
    fits && is_fraction && is_offset
}
