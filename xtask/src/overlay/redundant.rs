//! Actions that upstream has made redundant: finding them, and an overlay without them.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::Result;

use super::{Drift, action::Change, action::actions, run};

/// The numbers of the actions that change nothing: updates that upstream says already, and removals
/// whose update puts back what was there.
pub(super) fn find(document: &Value, overlay: &Value, drift: &Drift) -> Result<BTreeSet<usize>> {
    let mut redundant: BTreeSet<usize> = drift.idle.iter().copied().collect();
    if drift.surprised.is_empty() {
        return Ok(redundant);
    }
    let actions = actions(overlay)?;
    let mut whole = document.clone();
    run(&mut whole, overlay, false)?;
    for &number in &drift.surprised {
        let is_pair = actions
            .get(number + 1)
            .is_some_and(|next| matches!(next.change, Change::Update(_)));
        let pair = BTreeSet::from([number, number + 1]);
        if !is_pair {
            continue;
        }
        let mut less = document.clone();
        run(&mut less, &without(overlay, &pair), false)?;
        if less == whole {
            redundant.extend(pair);
        }
    }
    Ok(redundant)
}

/// The overlay without what upstream has made redundant, and what was dropped, a line each.
///
/// # Errors
/// The overlay is malformed, or does not fit the document.
pub fn without_redundant(document: &Value, overlay: &Value) -> Result<(Value, Vec<String>)> {
    let drift = run(&mut document.clone(), overlay, true)?;
    let redundant = find(document, overlay, &drift)?;
    let actions = actions(overlay)?;
    let dropped = redundant
        .iter()
        .filter_map(|number| Some((number, actions.get(*number)?)))
        .map(|(number, action)| format!("dropped overlay action {number}: {}", action.target))
        .collect();
    Ok((without(overlay, &redundant), dropped))
}

fn without(overlay: &Value, numbers: &BTreeSet<usize>) -> Value {
    let mut less = overlay.clone();
    if let Some(actions) = less["actions"].as_array_mut() {
        let mut number = 0;
        actions.retain(|_| {
            number += 1;
            !numbers.contains(&(number - 1))
        });
    }
    less
}
