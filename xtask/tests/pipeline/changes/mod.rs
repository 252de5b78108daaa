//! Tests the diff of two documents: on the wire, for the generator and in Rust.

mod wire;

use serde_json::{Value, json};
use xtask::{
    derive::{Derived, derive},
    diff::{Change, Class, Diff, Format, Level, Severity, Side},
};

use crate::document::document;

fn derived(paths: &Value, schemas: &Value) -> Derived {
    let overlay = json!({"overlay": "1.0.0", "actions": []}).to_string();
    derive(
        document(paths, schemas).to_string().as_bytes(),
        overlay.as_bytes(),
    )
    .unwrap()
}

fn between(before: &Derived, after: &Derived) -> Diff {
    let ledger =
        |derived: &Derived| serde_json::from_str::<Value>(&derived.ledger.to_text()).unwrap();
    let (old, new) = (ledger(before), ledger(after));
    let side = |derived, ledger| side(derived, ledger);
    let mut diff = Diff::between(side(before, &old), side(after, &new));
    diff.version = Some("0.3.1".to_owned());
    diff
}

fn side<'a>(derived: &'a Derived, ledger: &'a Value) -> Side<'a> {
    Side {
        wire: &derived.wire,
        derived: &derived.document,
        ledger,
        code: &derived.code.client,
    }
}

/// Returns a service with one operation and a few schemas.
fn service() -> Value {
    json!({
        "paths": {"/robots/{id}": {"post": {
            "operationId": "move_robot",
            "parameters": [
                {"name": "id", "in": "path", "required": true, "schema": {"type": "string"}},
                {"name": "fast", "in": "query", "schema": {"type": "boolean"}},
                {"name": "old", "in": "query", "deprecated": true, "schema": {"type": "string"}},
            ],
            "requestBody": {"required": true, "content": {"application/json": {
                "schema": {"$ref": "#/components/schemas/Order"},
            }}},
            "responses": {
                "200": {
                    "description": "d",
                    "headers": {"X-Cost": {"schema": {"type": "integer"}}},
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Robot"}}},
                },
                "404": {"description": "d"},
            },
        }}},
        "schemas": {
            "Order": {"type": "object", "required": ["to"], "properties": {
                "to": {"type": "string", "maxLength": 9},
                "pace": {"type": "string", "enum": ["slow", "fast"]},
                "load": {"type": ["number", "null"]},
                "by": {"$ref": "#/components/schemas/Person"},
            }},
            "Person": {"type": "object", "properties": {"name": {"type": "string"}}},
            "Robot": {"type": "object", "required": ["id", "state"], "properties": {
                "id": {"type": "string"},
                "state": {"type": "string", "enum": ["idle", "busy"]},
                "battery": {"type": "integer"},
                "at": {"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "number"}}]},
            }},
        },
    })
}

fn after(change: impl FnOnce(&mut Value)) -> Diff {
    let before = service();
    let mut after = before.clone();
    change(&mut after);
    between(
        &derived(&before["paths"], &before["schemas"]),
        &derived(&after["paths"], &after["schemas"]),
    )
}

/// Returns the diff of one edit, which sets the value at a pointer, or removes it if `value` is
/// `None`.
fn edit(at: &str, value: Option<Value>) -> Diff {
    after(|service| {
        let (parent, key) = at.rsplit_once('/').unwrap();
        let parent = service.pointer_mut(parent).unwrap();
        match (parent, value) {
            (Value::Object(map), Some(value)) => {
                map.insert(key.to_owned(), value);
            }
            (Value::Object(map), None) => {
                map.remove(key).unwrap();
            }
            (Value::Array(list), Some(value)) => list.push(value),
            (Value::Array(list), None) => {
                list.remove(key.parse().unwrap());
            }
            _ => panic!("{at}"),
        }
    })
}

fn rules(diff: &Diff, level: Level) -> Vec<(&'static str, Severity)> {
    let changes = diff.changes.iter().filter(|change| change.level == level);
    changes
        .map(|change| (change.rule, change.severity))
        .collect()
}

const OPERATION: &str = "/paths/~1robots~1{id}/post";
const ORDER: &str = "/schemas/Order";
const ROBOT: &str = "/schemas/Robot";

#[test]
fn changes_that_break_only_rust_code_are_distinguished() {
    // The new name of a type does not appear on the wire. Neither does that of a path parameter.
    let renamed = after(|service| {
        let text = service.to_string();
        let text = text
            .replace("/Person\"", "/Human\"")
            .replace("\"Person\"", "\"Human\"");
        *service = serde_json::from_str(&text).unwrap();
    });
    assert_eq!(renamed.class(), Class::Major);
    assert!(renamed.breaks_callers().is_empty());
    let only_rust: Vec<&str> = renamed
        .breaks_rust_only()
        .iter()
        .map(|change| change.rule)
        .collect();
    assert!(only_rust.contains(&"type-renamed"), "{only_rust:?}");

    let path = after(|service| {
        let text = service.to_string().replace("{id}", "{robot}");
        *service = serde_json::from_str(&text).unwrap();
        service["paths"]["/robots/{robot}"]["post"]["parameters"][0]["name"] = json!("robot");
    });
    assert!(
        path.breaks_callers().is_empty(),
        "{:?}",
        path.breaks_callers()
    );
    assert!(rules(&path, Level::Wire).contains(&("request-parameter-renamed", Severity::Info)));
    let only_rust: Vec<&str> = path
        .breaks_rust_only()
        .iter()
        .map(|change| change.rule)
        .collect();
    assert!(
        only_rust.contains(&"required-builder-field"),
        "{only_rust:?}"
    );

    let required = edit(&format!("{ORDER}/required/-"), Some(json!("pace")));
    let reported: Vec<&Change> = required.breaks_rust_only();
    assert!(
        reported.is_empty(),
        "the change also breaks the wire format: {reported:?}"
    );
}

#[test]
fn a_new_value_of_an_open_enum_breaks_nothing() {
    for property in [
        format!("{ROBOT}/properties/state"),
        format!("{ORDER}/properties/pace"),
    ] {
        let diff = edit(&format!("{property}/enum/-"), Some(json!("lost")));
        assert_eq!(
            rules(&diff, Level::Rust),
            [("variant-added", Severity::Info)]
        );
        assert_eq!(diff.class(), Class::Minor);
    }
}

#[test]
fn the_class_of_a_diff_is_that_of_its_worst_change() {
    for (at, value, expected) in [
        (
            format!("{OPERATION}/operationId"),
            Some(json!("move_robot")),
            Class::None,
        ),
        (
            format!("{OPERATION}/summary"),
            Some(json!("Moves it")),
            Class::Patch,
        ),
        (
            format!("{ORDER}/properties/to/maxLength"),
            None,
            Class::Patch,
        ),
        (
            format!("{ORDER}/properties/new"),
            Some(json!({"type": "string"})),
            Class::Minor,
        ),
        (
            format!("{OPERATION}/operationId"),
            Some(json!("steer_robot")),
            Class::Major,
        ),
        (OPERATION.to_owned(), None, Class::Major),
    ] {
        assert_eq!(edit(&at, value).class(), expected, "{at}");
    }
}

#[test]
fn a_response_of_another_kind_is_a_change_for_the_generator() {
    let diff = edit(
        &format!("{OPERATION}/responses/200/content"),
        Some(json!({"application/zip": {}})),
    );
    let change = diff
        .changes
        .iter()
        .find(|change| change.rule == "shape-changed")
        .unwrap();
    assert_eq!(change.text, "move_robot returns bytes instead of JSON");
    let lossy = edit(&format!("{ORDER}/properties/to/pattern"), Some(json!("^a")));
    let reported = rules(&lossy, Level::Generator);
    assert!(
        reported.contains(&("given-up", Severity::Info)),
        "{reported:?}"
    );
}

#[test]
fn a_change_of_a_shared_type_is_reported_once_with_all_its_operations() {
    let mut before = service();
    before["paths"]["/robots"] = json!({"get": {
        "operationId": "list_robots",
        "responses": {"200": {"description": "d", "content": {"application/json": {"schema": {
            "type": "array", "items": {"$ref": "#/components/schemas/Robot"},
        }}}}},
    }});
    let mut after = before.clone();
    after["schemas"]["Robot"]["properties"]["new"] = json!({"type": "string"});
    let diff = between(
        &derived(&before["paths"], &before["schemas"]),
        &derived(&after["paths"], &after["schemas"]),
    );
    let wire: Vec<&Change> = diff
        .changes
        .iter()
        .filter(|change| change.level == Level::Wire)
        .collect();
    assert_eq!(wire.len(), 1);
    assert_eq!(wire[0].place, "/components/schemas/Robot/properties/new");
    assert_eq!(wire[0].operations.len(), 2);
}

#[test]
fn a_diff_has_the_formats_text_markdown_and_json() {
    let diff = edit(&format!("{ORDER}/required/-"), Some(json!("pace")));
    let text = diff.show(Format::Text);
    for line in [
        "wire",
        "  ! the field `pace` of `Order` became required in POST /robots/{id} [request-property-became-required]",
        "  ! `types::Order::pace` is now `crate::raw::types::Pace` instead of `Option<crate::raw::types::Pace>` [field-type-changed]",
        "## 0.4.0, unreleased",
        "requires a major release (0.3.1 → 0.4.0); breaking on the network: 1, in Rust code only: 0",
    ] {
        assert!(
            text.lines().any(|other| other == line),
            "no `{line}` in\n{text}"
        );
    }
    let markdown = diff.show(Format::Markdown);
    for part in [
        "### Breaks callers on the network\n\n- **breaking** the field `pace`",
        "### For the changelog\n\n```markdown\n## 0.4.0, unreleased\n",
        "- **Breaking**: `types::Order::pace` is now `crate::raw::types::Pace` instead of `Option<crate::raw::types::Pace>`.\n",
    ] {
        assert!(markdown.contains(part), "no `{part}` in\n{markdown}");
    }
    let json: Value = serde_json::from_str(&diff.show(Format::Json)).unwrap();
    assert_eq!(json["class"], "major");
    assert_eq!(json["next_version"], "0.4.0");
    assert_eq!(
        json["changes"][0]["rule"],
        "request-property-became-required"
    );
    assert_eq!(
        json["changes"][0]["place"],
        "/components/schemas/Order/properties/pace"
    );
    assert_eq!(json["changes"][0]["rust_only"], false);
}

#[test]
fn the_diff_of_equal_documents_is_empty() {
    let diff = after(|_| ());
    assert_eq!(diff.changes, []);
    assert_eq!(diff.show(Format::Text), "");
    assert_eq!(diff.show(Format::Markdown), "Nothing has changed.\n");
}
