//! The names of bodies: what an export appends to them, and what they share.

/// The ends of the names of assets in an export. The building has none.
// Assumption: export-body-names.
const ASSET: [&str; 2] = ["_rigid_body", "_articulation_interactable"];

/// Whether an export names an asset like this.
pub(super) fn is_asset(name: &str) -> bool {
    ASSET.iter().any(|end| name.ends_with(end))
}

/// Returns a name without what an export appends to the name of an asset.
pub(super) fn short(name: &str) -> &str {
    let without = ASSET.iter().find_map(|end| name.strip_suffix(end));
    without.filter(|name| !name.is_empty()).unwrap_or(name)
}

/// Returns the part of a name that repeated objects share: without the numbers at its end.
pub(super) fn kind(name: &str) -> &str {
    let name = short(name);
    let kind = name.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '_');
    if kind.is_empty() { name } else { kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shortened_and_share_a_kind_without_their_number() {
        for (name, expected_short, expected_kind) in [
            ("stool_3_rigid_body", "stool_3", "stool"),
            ("lamp_12_articulation_interactable", "lamp_12", "lamp"),
            ("asset_0_0", "asset_0_0", "asset"),
            (
                "robot_franka_panda",
                "robot_franka_panda",
                "robot_franka_panda",
            ),
            ("_rigid_body", "_rigid_body", "_rigid_body"),
            ("42", "42", "42"),
            ("", "", ""),
        ] {
            assert_eq!(short(name), expected_short);
            assert_eq!(kind(name), expected_kind);
        }
    }
}
