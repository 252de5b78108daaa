//! The comparison of a JSON value with the type that decodes it.

use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::shape::{Field, Resource, Shape};
use crate::Timestamp;
use crate::ext::values::status_words::synonyms;
use crate::ext::values::{id, json};

/// The most differences that are found in one value.
const MAX_DIFFERENCES: usize = 1000;

/// The longest name of a member in a pointer. A longer one is cut.
const MAX_NAME: usize = 100;

/// The member that every response of the service may have beside its own.
const OK: &str = "ok";

/// A difference between a response and the type that decodes it. It contains no value of the response.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Difference {
    /// What differs.
    pub kind: DifferenceKind,
    /// The place in the response, as a JSON pointer ([RFC 6901](https://www.rfc-editor.org/rfc/rfc6901)).
    pub pointer: String,
    /// What the type expects, such as `a string`.
    pub expected: String,
    /// What the response has, such as `an integer`.
    pub found: &'static str,
}

/// The kinds of [`Difference`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DifferenceKind {
    /// A required member is missing, so that the response cannot be decoded.
    Missing,
    /// A value has another kind than its type, so that the response cannot be decoded or the value is lost.
    Kind,
    /// A word is none of those that its enum lists. It decodes to `Unknown`.
    Word,
    /// The type has no such member. The value is kept in `extra` where the type has one.
    Unknown,
}

impl Difference {
    /// Returns the pointer with `*` for each index of an array, so that the same difference of two items
    /// is one.
    pub fn pattern(&self) -> String {
        let segments = self.pointer.split('/').map(|segment| {
            let is_index = !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit());
            if is_index { "*" } else { segment }
        });
        segments.collect::<Vec<_>>().join("/")
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            pointer,
            expected,
            found,
            ..
        } = self;
        write!(f, "`{pointer}`: expected {expected}, found {found}")
    }
}

/// Returns where a value differs from a shape.
pub(crate) fn differences(shape: &Shape, value: &Value) -> Vec<Difference> {
    let mut comparison = Comparison::default();
    comparison.value(shape, value);
    comparison.found
}

#[derive(Default)]
struct Comparison {
    pointer: String,
    found: Vec<Difference>,
}

impl Comparison {
    fn value(&mut self, shape: &Shape, value: &Value) {
        let is_right = match (shape, value) {
            (Shape::Any, _) => true,
            (Shape::Same(shape), _) => return self.value(shape, value),
            (Shape::Boolean, _) => value.is_boolean(),
            (Shape::Integer, _) => value.is_i64() || value.is_u64(),
            (Shape::Number, _) => value.is_number(),
            (Shape::Text, _) => value.is_string(),
            (Shape::Id, _) => value.is_string() || value.is_number(),
            (Shape::Time, _) => {
                let time = Timestamp::deserialize(value);
                time.is_ok_and(|time| time.system_time().is_some())
            }
            (Shape::Words(words), Value::String(word)) => {
                if !is_known(words, word) {
                    self.differs(DifferenceKind::Word, &name_of(shape), "another word");
                }
                true
            }
            (Shape::List(item), Value::Array(list)) => {
                self.each(list, |comparison, one| comparison.value(item, one));
                true
            }
            (Shape::Map(member), Value::Object(map)) => {
                for (name, value) in map {
                    self.at(name, |comparison| comparison.value(member, value));
                }
                true
            }
            (Shape::Object(fields), Value::Object(map)) => {
                self.members(map, &fields.iter(), |_| false);
                true
            }
            (Shape::Envelope(resource), Value::Object(_)) => {
                self.resource(resource, value);
                true
            }
            (
                Shape::Page {
                    lists,
                    item,
                    fields,
                },
                _,
            ) => {
                self.page(lists, item, fields, value);
                true
            }
            (
                Shape::Words(_)
                | Shape::List(_)
                | Shape::Map(_)
                | Shape::Object(_)
                | Shape::Envelope(_),
                _,
            ) => false,
        };
        if !is_right {
            self.differs(DifferenceKind::Kind, &name_of(shape), kind(value));
        }
    }

    fn page(&mut self, lists: &[&str], item: &Resource, fields: &[Field], value: &Value) {
        let each = |comparison: &mut Self, list: &[Value]| {
            comparison.each(list, |comparison, one| comparison.resource(item, one));
        };
        let map = match value {
            Value::Array(list) => return each(self, list),
            Value::Object(map) => map,
            other => return self.differs(DifferenceKind::Kind, "a list", kind(other)),
        };
        let list = lists
            .iter()
            .find_map(|name| Some((*name, map.get(*name)?.as_array()?)));
        if let Some((name, list)) = list {
            self.at(name, |comparison| each(comparison, list));
        } else {
            let expected = format!("a list under one of the names {}", lists.join(", "));
            self.differs(DifferenceKind::Missing, &expected, "none of them");
        }
        let fields = fields.iter().filter(|field| !lists.contains(&field.name));
        self.members(map, &fields, |name| {
            name == OK || list.is_some_and(|(list, _)| list == name)
        });
    }

    fn resource(&mut self, resource: &Resource, value: &Value) {
        let Value::Object(map) = value else {
            // Only its id.
            return match value {
                Value::String(_) => {}
                other => self.differs(DifferenceKind::Kind, "an object", kind(other)),
            };
        };
        let has_id = |map: &Map<String, Value>| resource.ids.iter().any(|id| map.contains_key(*id));
        let is_bare = has_id(map);
        let inner = resource.names.iter().find_map(|name| {
            let inner = map.get(*name)?.as_object()?;
            (has_id(inner) || !is_bare).then_some((*name, inner))
        });
        if let Some((name, inner)) = inner {
            self.at(name, |comparison| comparison.bare(resource, inner));
            let beside = resource.beside.iter().filter(|field| field.name != name);
            self.members(map, &beside, |other| other == name);
        } else {
            self.bare(resource, map);
        }
    }

    fn bare(&mut self, resource: &Resource, map: &Map<String, Value>) {
        let Shape::Object(fields) = resource.shape else {
            return;
        };
        // The id under another name is the id.
        let named = resource.ids.iter().copied();
        let id = named
            .filter(|name| map.get(*name).and_then(id::of).is_some())
            .collect::<Vec<_>>();
        let others = fields
            .iter()
            .filter(|field| field.name != resource.ids[0] || id.is_empty());
        self.members(map, &others, |name| id.contains(&name) || name == OK);
    }

    /// Compares the members of an object. `is_known` is for those that were compared before.
    fn members<'f>(
        &mut self,
        map: &Map<String, Value>,
        fields: &(impl Iterator<Item = &'f Field> + Clone),
        is_known: impl Fn(&str) -> bool,
    ) {
        for field in fields.clone() {
            let may_be_null = field.is_nullable || !field.is_required;
            match map.get(field.name) {
                None if field.is_required => self.at(field.name, |comparison| {
                    comparison.differs(DifferenceKind::Missing, &name_of(field.shape), "nothing");
                }),
                None => {}
                Some(Value::Null) if may_be_null => {}
                Some(value) => self.at(field.name, |comparison| {
                    comparison.value(field.shape, value);
                }),
            }
        }
        for name in map.keys() {
            let mut fields = fields.clone();
            if !is_known(name) && !fields.any(|field| field.name == name) {
                self.at(name, |comparison| {
                    comparison.differs(DifferenceKind::Unknown, "no such member", kind(&map[name]));
                });
            }
        }
    }

    fn each(&mut self, list: &[Value], mut compare: impl FnMut(&mut Self, &Value)) {
        for (index, value) in list.iter().enumerate() {
            self.at(&index.to_string(), |comparison| compare(comparison, value));
        }
    }

    fn at(&mut self, name: &str, compare: impl FnOnce(&mut Self)) {
        let length = self.pointer.len();
        self.pointer.push('/');
        for letter in name.chars().take(MAX_NAME) {
            match letter {
                '~' => self.pointer.push_str("~0"),
                '/' => self.pointer.push_str("~1"),
                letter if letter.is_control() => self.pointer.extend(letter.escape_default()),
                letter => self.pointer.push(letter),
            }
        }
        compare(self);
        self.pointer.truncate(length);
    }

    fn differs(&mut self, kind: DifferenceKind, expected: &str, found: &'static str) {
        if self.found.len() < MAX_DIFFERENCES {
            self.found.push(Difference {
                kind,
                pointer: self.pointer.clone(),
                expected: expected.to_owned(),
                found,
            });
        }
    }
}

/// Whether a word is listed, or means the same as a listed status.
fn is_known(words: &[&str], word: &str) -> bool {
    words.contains(&word) || synonyms(word).iter().any(|one| words.contains(one))
}

fn name_of(shape: &Shape) -> String {
    let name = match shape {
        Shape::Any => "a value",
        Shape::Same(shape) => return name_of(shape),
        Shape::Boolean => "a boolean",
        Shape::Integer => "an integer",
        Shape::Number => "a number",
        Shape::Text => "a string",
        Shape::Id => "an id",
        Shape::Time => "a time in Unix seconds, milliseconds or ISO 8601",
        Shape::Words(words) => return format!("one of {}", words.join(", ")),
        Shape::List(_) | Shape::Page { .. } => "an array",
        Shape::Map(_) | Shape::Object(_) | Shape::Envelope(_) => "an object",
    };
    name.to_owned()
}

/// Distinguishes integers from other numbers, because a type may accept only the former.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Number(number) if number.is_f64() => "a fraction",
        Value::Number(_) => "an integer",
        other => json::kind(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::drift::DifferenceKind::{Kind, Missing, Unknown, Word};
    use crate::drift::differences;

    #[test]
    fn a_response_that_its_type_decodes_completely_has_no_difference() {
        for (operation, response) in [
            (
                "get_job",
                json!({"ok": true, "job": {"id": "job_1", "status": "running", "created_at": 1_717_800_000}}),
            ),
            (
                "get_job",
                json!({"job_id": 7, "status": "COMPLETED", "result": {"any": ["thing"]}}),
            ),
            (
                "get_scene",
                json!({"id": "a", "created_at": "2026-06-08T00:40:00Z", "name": null}),
            ),
            (
                "get_scene",
                json!({"ok": true, "scene": {"scene_id": "a", "prompt": "a lab"}}),
            ),
            (
                "list_scenes",
                json!({"scenes": [{"id": "a"}, {"_id": "b"}], "total": 2, "limit": 20, "offset": 0}),
            ),
            ("list_scenes", json!({"ok": true, "items": []})),
            ("list_scenes", json!([{"id": "a"}])),
            (
                "list_categories",
                json!({"categories": ["chairs", {"name": "tables", "count": 4}]}),
            ),
            (
                "generate_scene",
                json!({"ok": true, "job_id": "job_1", "scene_id": null, "status": "queued"}),
            ),
            ("usage", json!({"ok": true, "keys": [{"name": "laptop"}]})),
        ] {
            assert_eq!(
                differences(operation, &response).unwrap(),
                [],
                "{operation} {response}"
            );
        }
        assert_eq!(differences("no_such_operation", &json!({})), None);
    }

    #[test]
    fn each_difference_has_its_place() {
        for (operation, response, expected) in [
            (
                "get_job",
                json!({"job": {"id": "j", "status": "archived"}}),
                vec![(Word, "/job/status")],
            ),
            (
                "get_job",
                json!({"job": {"id": "j", "status": 3}}),
                vec![(Kind, "/job/status")],
            ),
            (
                "get_job",
                json!({"job": {"id": "j"}}),
                vec![(Missing, "/job/status")],
            ),
            (
                "get_job",
                json!({"job": {"id": "j", "state": "done"}}),
                vec![(Missing, "/job/status"), (Unknown, "/job/state")],
            ),
            (
                "get_job",
                json!({"data": {"id": "j", "status": "queued"}}),
                vec![(Missing, "/status"), (Unknown, "/data")],
            ),
            (
                "get_job",
                json!({"job": {"id": [], "status": "queued"}}),
                vec![(Kind, "/job/id")],
            ),
            (
                "get_job",
                json!({"job": {"status": "queued", "created_at": "yesterday"}}),
                vec![(Kind, "/job/created_at")],
            ),
            (
                "generate_scene",
                json!({"ok": "yes", "job_id": "j"}),
                vec![(Kind, "/ok")],
            ),
            (
                "generate_scene",
                json!({"jobId": "j"}),
                vec![(Missing, "/job_id"), (Unknown, "/jobId")],
            ),
            (
                "generate_scene",
                json!({"job_id": null}),
                vec![(Kind, "/job_id")],
            ),
            ("generate_scene", json!("job_1"), vec![(Kind, "")]),
            (
                "list_scenes",
                json!({"data": [{"id": "a"}]}),
                vec![(Missing, ""), (Unknown, "/data")],
            ),
            (
                "list_scenes",
                json!({"scenes": [{"id": "a"}, {"uid": "b"}]}),
                vec![(Missing, "/scenes/1/id"), (Unknown, "/scenes/1/uid")],
            ),
            (
                "list_scenes",
                json!({"scenes": [], "total": "many"}),
                vec![(Kind, "/total")],
            ),
            (
                "list_scenes",
                json!({"scenes": [7]}),
                vec![(Kind, "/scenes/0")],
            ),
            ("whoami", json!({"a/b~c": 1}), vec![(Unknown, "/a~1b~0c")]),
        ] {
            let found = differences(operation, &response).unwrap();
            let found: Vec<_> = found
                .iter()
                .map(|one| (one.kind, one.pointer.as_str()))
                .collect();
            assert_eq!(found, expected, "{operation} {response}");
        }
    }

    #[test]
    fn a_difference_of_every_item_has_one_pattern() {
        let list = json!({"assets": [{"id": "a", "size": 1}, {"id": "b", "size": 2}]});
        let found = differences("list_assets", &list).unwrap();
        assert_eq!(found[1].pointer, "/assets/1/size");
        assert!(found.iter().all(|one| one.pattern() == "/assets/*/size"));
    }

    #[test]
    fn a_hostile_response_has_a_bounded_number_of_differences() {
        let list: Vec<_> = (0..5000)
            .map(|number| json!({ format!("{number}"): number }))
            .collect();
        let found = differences("list_scenes", &json!({ "scenes": list })).unwrap();
        assert_eq!(found.len(), super::MAX_DIFFERENCES);
        let long = json!({ "x".repeat(100_000): 1 });
        assert!(differences("whoami", &long).unwrap()[0].pointer.len() < 200);
    }
}
