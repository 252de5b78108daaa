//! Tests the severity of each kind of change on the wire.

use openapi_lowering::{
    Level,
    Severity::{self, Breaking, Info, Warning},
};
use serde_json::{Value, json};

use super::{OPERATION, ORDER, ROBOT, edit, rules};

/// The pointer that is edited, its new value if it is not removed, and the rule and severity of the
/// change.
type Row = (String, Option<Value>, &'static str, Severity);

/// Returns changes of operations, parameters and statuses.
fn operations() -> Vec<Row> {
    let text = json!({"type": "string"});
    vec![
        (
            OPERATION.to_owned(),
            None,
            "api-removed-without-deprecation",
            Breaking,
        ),
        (
            format!("{OPERATION}/deprecated"),
            Some(json!(true)),
            "endpoint-deprecated",
            Info,
        ),
        (
            format!("{OPERATION}/security"),
            Some(json!([{"key": []}])),
            "api-security-changed",
            Warning,
        ),
        (
            format!("{OPERATION}/parameters/1"),
            None,
            "request-parameter-removed",
            Breaking,
        ),
        (
            format!("{OPERATION}/parameters/-"),
            Some(json!({"name": "n", "in": "query", "schema": text})),
            "new-optional-request-parameter",
            Info,
        ),
        (
            format!("{OPERATION}/parameters/-"),
            Some(json!({"name": "n", "in": "query", "required": true, "schema": text})),
            "new-required-request-parameter",
            Breaking,
        ),
        (
            format!("{OPERATION}/parameters/1/required"),
            Some(json!(true)),
            "request-parameter-became-required",
            Breaking,
        ),
        (
            format!("{OPERATION}/parameters/1/schema"),
            Some(json!({"type": "integer"})),
            "request-property-type-changed",
            Breaking,
        ),
        (
            format!("{OPERATION}/requestBody"),
            None,
            "request-body-removed",
            Breaking,
        ),
        (
            format!("{OPERATION}/requestBody/required"),
            None,
            "request-body-became-optional",
            Info,
        ),
        (
            format!("{OPERATION}/responses/404"),
            None,
            "response-non-success-status-removed",
            Info,
        ),
        (
            format!("{OPERATION}/responses/201"),
            Some(json!({"description": "d"})),
            "response-success-status-added",
            Info,
        ),
        (
            format!("{OPERATION}/responses/200/headers"),
            None,
            "optional-response-header-removed",
            Warning,
        ),
    ]
}

/// Returns changes of schemas that are sent.
fn requests() -> Vec<Row> {
    let text = json!({"type": "string"});
    vec![
        (
            format!("{ORDER}/properties/new"),
            Some(text.clone()),
            "new-optional-request-property",
            Info,
        ),
        (
            format!("{ORDER}/required/-"),
            Some(json!("load")),
            "request-property-became-required",
            Breaking,
        ),
        (
            format!("{ORDER}/required/0"),
            None,
            "request-property-became-optional",
            Info,
        ),
        (
            format!("{ORDER}/properties/pace"),
            None,
            "request-property-removed",
            Warning,
        ),
        (
            format!("{ORDER}/properties/pace/enum/0"),
            None,
            "request-property-enum-value-removed",
            Breaking,
        ),
        (
            format!("{ORDER}/properties/pace/enum/-"),
            Some(json!("warp")),
            "request-property-enum-value-added",
            Info,
        ),
        (
            format!("{ORDER}/properties/load/type"),
            Some(json!("number")),
            "request-property-became-not-nullable",
            Breaking,
        ),
        (
            format!("{ORDER}/properties/to/maxLength"),
            Some(json!(8)),
            "request-property-max-length-changed",
            Breaking,
        ),
        (
            format!("{ORDER}/properties/to/maxLength"),
            None,
            "request-property-max-length-changed",
            Info,
        ),
        (
            format!("{ORDER}/properties/to/pattern"),
            Some(json!("^a")),
            "request-property-constraint-changed",
            Warning,
        ),
        (
            "/schemas/Person/properties/name/type".to_owned(),
            Some(json!("integer")),
            "request-property-type-changed",
            Breaking,
        ),
    ]
}

/// Returns changes of schemas that are received.
fn responses() -> Vec<Row> {
    let text = json!({"type": "string"});
    vec![
        (
            format!("{ROBOT}/properties/new"),
            Some(text.clone()),
            "response-property-added",
            Info,
        ),
        (
            format!("{ROBOT}/properties/battery"),
            None,
            "response-optional-property-removed",
            Warning,
        ),
        (
            format!("{ROBOT}/properties/id"),
            None,
            "response-required-property-removed",
            Breaking,
        ),
        (
            format!("{ROBOT}/required/0"),
            None,
            "response-property-became-optional",
            Breaking,
        ),
        (
            format!("{ROBOT}/properties/battery/type"),
            Some(json!("number")),
            "response-property-type-generalized",
            Breaking,
        ),
        (
            format!("{ROBOT}/properties/battery/type"),
            Some(json!(["integer", "null"])),
            "response-property-became-nullable",
            Breaking,
        ),
        (
            format!("{ROBOT}/properties/battery/minimum"),
            Some(json!(0)),
            "response-property-min-changed",
            Info,
        ),
        (
            format!("{ROBOT}/properties/state/enum/-"),
            Some(json!("lost")),
            "response-property-enum-value-added",
            Warning,
        ),
        (
            format!("{ROBOT}/properties/at/oneOf/-"),
            Some(json!({"type": "boolean"})),
            "response-body-one-of-added",
            Breaking,
        ),
    ]
}

#[test]
fn the_severity_of_a_change_depends_on_whether_a_schema_is_sent_or_received() {
    let rows = [operations(), requests(), responses()];
    for (at, value, rule, severity) in rows.into_iter().flatten() {
        let found = rules(&edit(&at, value), Level::Wire);
        assert!(
            found.contains(&(rule, severity)),
            "{at}: {rule} {severity:?} is not in {found:?}"
        );
    }
}
