//! Finds the actions that upstream has made redundant, and removes them from an overlay.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::Result;

use super::{Drift, action::Change, action::actions, run};

/// Returns the numbers of the redundant actions: updates that upstream already contains, and
/// removals whose following update restores the removed value.
pub(super) fn find(document: &Value, overlay: &Value, drift: &Drift) -> Result<BTreeSet<usize>> {
    let mut redundant: BTreeSet<usize> = drift.idle.iter().copied().collect();
    if drift.unexpected.is_empty() {
        return Ok(redundant);
    }
    let actions = actions(overlay)?;
    let mut complete = document.clone();
    run(&mut complete, overlay, false)?;
    for &number in &drift.unexpected {
        let is_pair = actions
            .get(number + 1)
            .is_some_and(|next| matches!(next.change, Change::Update(_)));
        let pair = BTreeSet::from([number, number + 1]);
        if !is_pair {
            continue;
        }
        let mut reduced = document.clone();
        run(&mut reduced, &without(overlay, &pair), false)?;
        if reduced == complete {
            redundant.extend(pair);
        }
    }
    Ok(redundant)
}

/// Returns the overlay without its redundant actions, and one line for each dropped action.
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
    let mut reduced = overlay.clone();
    if let Some(actions) = reduced["actions"].as_array_mut() {
        let mut number = 0;
        actions.retain(|_| {
            number += 1;
            !numbers.contains(&(number - 1))
        });
    }
    reduced
}
