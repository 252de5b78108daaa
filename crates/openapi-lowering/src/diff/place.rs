//! The place of a schema, which determines the severity and the name of a change.

use super::{
    Severity::{self, Breaking, Info},
    found::Found,
};

/// The messages that a schema describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Direction {
    Request,
    Response,
}

/// The severities of one kind of change, in requests and in responses.
pub(super) type Severities = (Severity, Severity);

/// The names of one kind of change, in requests and in responses.
pub(super) type Rules = (&'static str, &'static str);

/// Fewer values are valid. Requests that were valid are refused.
pub(super) const NARROWER: Severities = (Breaking, Info);

/// More values are valid. Responses contain values that no client expects.
pub(super) const WIDER: Severities = (Info, Breaking);

/// Other values are valid.
pub(super) const DIFFERENT: Severities = (Breaking, Breaking);

/// Names a kind of change of a property, in requests and in responses.
macro_rules! property {
    ($change:literal) => {
        (
            concat!("request-property-", $change),
            concat!("response-property-", $change),
        )
    };
}

pub(super) use property;

/// The place of a schema that is compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) direction: Direction,
    /// A JSON pointer.
    pub(super) at: &'a str,
    /// The schema in words, such as "the field `id` of `Scene`".
    pub(super) name: &'a str,
}

impl Place<'_> {
    /// Adds a change of the schema, with the severity and the name that apply in this direction.
    pub(super) fn add(
        &self,
        found: &mut Found,
        severities: Severities,
        rules: Rules,
        text: impl Into<String>,
    ) {
        let (severity, rule) = match self.direction {
            Direction::Request => (severities.0, rules.0),
            Direction::Response => (severities.1, rules.1),
        };
        found.add(severity, rule, self.at, text);
    }
}
