//! The next version that a change requires.

use super::Class;

/// Returns the next version by semantic versioning. Before 1.0, a breaking change raises the minor
/// version and every other change the patch version.
pub(super) fn next(current: &str, class: Class) -> Option<String> {
    let numbers: Vec<u64> = current
        .split('.')
        .map_while(|part| part.parse().ok())
        .collect();
    let [major, minor, patch] = numbers.as_slice() else {
        return None;
    };
    let next = match (class, major) {
        (Class::None, _) => (*major, *minor, *patch),
        (Class::Major, 0) => (0, minor + 1, 0),
        (_, 0) => (0, *minor, patch + 1),
        (Class::Major, _) => (major + 1, 0, 0),
        (Class::Minor, _) => (*major, minor + 1, 0),
        (Class::Patch, _) => (*major, *minor, patch + 1),
    };
    Some(format!("{}.{}.{}", next.0, next.1, next.2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_version_follows_the_class() {
        for (current, class, expected) in [
            ("0.1.0", Class::None, "0.1.0"),
            ("0.1.0", Class::Patch, "0.1.1"),
            ("0.1.3", Class::Minor, "0.1.4"),
            ("0.1.3", Class::Major, "0.2.0"),
            ("1.2.3", Class::Patch, "1.2.4"),
            ("1.2.3", Class::Minor, "1.3.0"),
            ("1.2.3", Class::Major, "2.0.0"),
        ] {
            assert_eq!(
                next(current, class).as_deref(),
                Some(expected),
                "{current} {class}"
            );
        }
        assert_eq!(next("one", Class::Major), None);
    }
}
