//! What a schema says of a single value: its type, its values and its limits.

use serde_json::Value;

use crate::pointer;

use super::{
    Severity::{Breaking, Info, Warning},
    schema::{
        Direction::{self, Request, Response},
        Rules, Schemas, kind, said,
    },
};

impl Schemas<'_> {
    pub(super) fn types(
        &mut self,
        old: &Value,
        new: &Value,
        direction: Direction,
        at: &str,
        what: &str,
    ) {
        const CHANGED: Rules = (
            "request-property-type-changed",
            "response-property-type-changed",
        );
        const WIDER: Rules = (
            "request-property-type-generalized",
            "response-property-type-generalized",
        );
        const NARROWER: Rules = (
            "request-property-type-specialized",
            "response-property-type-specialized",
        );
        let (one, other) = (kind(old), kind(new));
        if one != other {
            let text = format!(
                "the type of {what} has changed from {} to {}",
                said(one),
                said(other)
            );
            let is_wider = other.is_none() || (one, other) == (Some("integer"), Some("number"));
            let is_narrower = one.is_none() || (one, other) == (Some("number"), Some("integer"));
            let (severity, rules) = match (is_wider, is_narrower, direction) {
                (true, _, Request) => (Info, WIDER),
                (true, _, Response) => (Breaking, WIDER),
                (_, true, Request) => (Breaking, NARROWER),
                (_, true, Response) => (Info, NARROWER),
                _ => (Breaking, CHANGED),
            };
            self.add(severity, direction, rules, at, text);
        } else if old["format"] != new["format"] {
            let severity = match (direction, old.get("format"), new.get("format")) {
                (Request, _, None) | (Response, None, _) => Info,
                _ => Breaking,
            };
            let text = format!(
                "the format of {what} has changed from {} to {}",
                old["format"], new["format"]
            );
            self.add(severity, direction, CHANGED, at, text);
        }
        let nullable = |schema: &Value| schema["nullable"] == true;
        let (severity, rules, text) = match (nullable(old), nullable(new), direction) {
            (true, false, _) => (
                if direction == Request { Breaking } else { Info },
                (
                    "request-property-became-not-nullable",
                    "response-property-became-not-nullable",
                ),
                format!("{what} may not be null any more"),
            ),
            (false, true, _) => (
                if direction == Request { Info } else { Breaking },
                (
                    "request-property-became-nullable",
                    "response-property-became-nullable",
                ),
                format!("{what} may be null now"),
            ),
            _ => return,
        };
        self.add(severity, direction, rules, at, text);
    }

    pub(super) fn enums(
        &mut self,
        old: &Value,
        new: &Value,
        direction: Direction,
        at: &str,
        what: &str,
    ) {
        let (one, other) = match (old["enum"].as_array(), new["enum"].as_array()) {
            (None, None) => return,
            (None, Some(_)) => {
                let severity = if direction == Request { Breaking } else { Info };
                let rules = (
                    "request-property-became-enum",
                    "response-property-became-enum",
                );
                let text = format!("{what} takes only some values now");
                return self.add(severity, direction, rules, at, text);
            }
            (Some(_), None) => {
                let severity = if direction == Request { Info } else { Warning };
                let rules = (
                    "request-property-became-not-enum",
                    "response-property-became-not-enum",
                );
                return self.add(
                    severity,
                    direction,
                    rules,
                    at,
                    format!("{what} takes any value now"),
                );
            }
            (Some(one), Some(other)) => (one, other),
        };
        for value in one.iter().filter(|value| !other.contains(value)) {
            let severity = if direction == Request { Breaking } else { Info };
            let rules = (
                "request-property-enum-value-removed",
                "response-property-enum-value-removed",
            );
            self.add(
                severity,
                direction,
                rules,
                at,
                format!("the value {value} of {what} is gone"),
            );
        }
        for value in other.iter().filter(|value| !one.contains(value)) {
            let severity = if direction == Request { Info } else { Warning };
            let rules = (
                "request-property-enum-value-added",
                "response-property-enum-value-added",
            );
            self.add(
                severity,
                direction,
                rules,
                at,
                format!("the value {value} of {what} is new"),
            );
        }
    }

    pub(super) fn limits(
        &mut self,
        old: &Value,
        new: &Value,
        direction: Direction,
        at: &str,
        what: &str,
    ) {
        for (keyword, sign, rules) in LIMITS {
            let (one, other) = (limit(old, keyword), limit(new, keyword));
            if one == other {
                continue;
            }
            // Towards plus infinity a lower limit gets stricter, an upper one laxer.
            let is_stricter = match (one, other) {
                (None, _) => true,
                (_, None) => false,
                (Some(one), Some(other)) => (other - one) * sign > 0.0,
            };
            let severity = if is_stricter == (direction == Request) {
                Breaking
            } else {
                Info
            };
            let text = format!(
                "the `{keyword}` of {what} has changed from {} to {}",
                shown(one),
                shown(other)
            );
            self.add(severity, direction, rules, at, text);
        }
        for keyword in [
            "pattern",
            "multipleOf",
            "uniqueItems",
            "exclusiveMinimum",
            "exclusiveMaximum",
            "not",
        ] {
            if old[keyword] != new[keyword] {
                let rules = (
                    "request-property-constraint-changed",
                    "response-property-constraint-changed",
                );
                let text = format!("the `{keyword}` of {what} has changed");
                self.add(Warning, direction, rules, at, text);
            }
        }
    }

    pub(super) fn rest(
        &mut self,
        old: &Value,
        new: &Value,
        direction: Direction,
        at: &str,
        what: &str,
    ) {
        if old["default"] != new["default"] {
            let rules = (
                "request-property-default-value-changed",
                "response-property-default-value-changed",
            );
            let text = format!(
                "the default of {what} has changed from {} to {}",
                old["default"], new["default"]
            );
            self.add(Info, direction, rules, at, text);
        }
        let (one, other) = (&old["additionalProperties"], &new["additionalProperties"]);
        if one.is_object() && other.is_object() {
            let at = pointer::join(at, "additionalProperties");
            self.compare(
                one,
                other,
                direction,
                &at,
                &format!("another field of {what}"),
            );
        } else if (*one == false) != (*other == false) {
            let severity = if (*other == false) == (direction == Request) {
                Breaking
            } else {
                Info
            };
            let rules = (
                "request-property-additional-properties-changed",
                "response-property-additional-properties-changed",
            );
            let now = if *other == false {
                "no other fields"
            } else {
                "other fields"
            };
            // A response with more fields than announced is read all the same.
            let severity = if direction == Response {
                Info
            } else {
                severity
            };
            self.add(
                severity,
                direction,
                rules,
                at,
                format!("{what} takes {now} now"),
            );
        }
    }
}

/// Limits, the direction in which each gets stricter, and the kinds of change.
const LIMITS: [(&str, f64, Rules); 8] = [
    (
        "minLength",
        1.0,
        (
            "request-property-min-length-changed",
            "response-property-min-length-changed",
        ),
    ),
    (
        "maxLength",
        -1.0,
        (
            "request-property-max-length-changed",
            "response-property-max-length-changed",
        ),
    ),
    (
        "minimum",
        1.0,
        (
            "request-property-min-changed",
            "response-property-min-changed",
        ),
    ),
    (
        "maximum",
        -1.0,
        (
            "request-property-max-changed",
            "response-property-max-changed",
        ),
    ),
    (
        "minItems",
        1.0,
        (
            "request-property-min-items-changed",
            "response-property-min-items-changed",
        ),
    ),
    (
        "maxItems",
        -1.0,
        (
            "request-property-max-items-changed",
            "response-property-max-items-changed",
        ),
    ),
    (
        "minProperties",
        1.0,
        (
            "request-property-min-properties-changed",
            "response-property-min-properties-changed",
        ),
    ),
    (
        "maxProperties",
        -1.0,
        (
            "request-property-max-properties-changed",
            "response-property-max-properties-changed",
        ),
    ),
];

fn limit(schema: &Value, keyword: &str) -> Option<f64> {
    let is_idle = keyword.starts_with("min") && keyword != "minimum" && schema[keyword] == 0;
    schema[keyword].as_f64().filter(|_| !is_idle)
}

fn shown(limit: Option<f64>) -> String {
    limit.map_or_else(|| "none".to_owned(), |limit| limit.to_string())
}
