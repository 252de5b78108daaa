//! Parses the actions of an overlay.

use serde_json::Value;

use crate::{Error, Result};

/// One action: the nodes that it selects, and the change that it makes to them.
#[derive(Debug)]
pub(super) struct Action {
    pub(super) target: String,
    pub(super) description: String,
    pub(super) change: Change,
    pub(super) optional: bool,
}

impl Action {
    /// Returns the value that the action expects to find. Any other value causes a warning.
    pub(super) fn expected(&self) -> Option<&Value> {
        match &self.change {
            Change::Remove { expect } => expect.as_ref(),
            Change::Update(_) => None,
        }
    }
}

#[derive(Debug)]
pub(super) enum Change {
    Update(Value),
    Remove { expect: Option<Value> },
}

/// Parses the actions of an overlay.
pub(super) fn actions(overlay: &Value) -> Result<Vec<Action>> {
    if !overlay["overlay"]
        .as_str()
        .is_some_and(|version| version.starts_with("1."))
    {
        return Err(Error::new(
            "the overlay has no supported version; add `\"overlay\": \"1.0.0\"`",
        ));
    }
    let actions = overlay["actions"]
        .as_array()
        .ok_or_else(|| Error::new("the overlay has no list of actions"))?;
    actions
        .iter()
        .enumerate()
        .map(|(number, action)| {
            parse(action).map_err(|error| error.within(&format!("overlay action {number}")))
        })
        .collect()
}

fn parse(action: &Value) -> Result<Action> {
    let target = action["target"]
        .as_str()
        .ok_or_else(|| Error::new("it has no target"))?;
    let change = match (action.get("update"), action["remove"].as_bool()) {
        (Some(update), None | Some(false)) => Change::Update(update.clone()),
        (None, Some(true)) => Change::Remove {
            expect: action.get("x-expect").cloned(),
        },
        _ => {
            return Err(Error::new(format!(
                "{target} must have either `update` or `\"remove\": true`"
            )));
        }
    };
    Ok(Action {
        target: target.to_owned(),
        description: action["description"].as_str().unwrap_or("").to_owned(),
        change,
        optional: action["x-optional"].as_bool().unwrap_or(false),
    })
}
