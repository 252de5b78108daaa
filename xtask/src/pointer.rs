//! JSON pointers (RFC 6901).

use std::cmp::Ordering;

use serde_json::{Map, Value};

/// Escapes a segment and appends it to a pointer.
pub(crate) fn join(pointer: &str, segment: &str) -> String {
    format!(
        "{pointer}/{}",
        segment.replace('~', "~0").replace('/', "~1")
    )
}

/// Returns the unescaped segments of a pointer.
pub(crate) fn segments(pointer: &str) -> Vec<String> {
    pointer
        .split('/')
        .skip(1)
        .map(|segment| segment.replace("~1", "/").replace("~0", "~"))
        .collect()
}

/// Returns the pointer to the parent of a node, and the node's unescaped key. The root has no
/// parent.
pub(crate) fn split(pointer: &str) -> Option<(&str, String)> {
    let (parent, _) = pointer.rsplit_once('/')?;
    Some((parent, segments(pointer).pop()?))
}

/// Compares two pointers segment by segment, array indices as numbers.
pub(crate) fn compare(left: &str, right: &str) -> Ordering {
    let (left, right) = (segments(left), segments(right));
    for (one, other) in left.iter().zip(&right) {
        let order = match (one.parse::<usize>(), other.parse::<usize>()) {
            (Ok(one), Ok(other)) => one.cmp(&other),
            _ => one.cmp(other),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    left.len().cmp(&right.len())
}

/// Returns the object at a pointer, if there is one.
pub(crate) fn object_mut<'a>(
    document: &'a mut Value,
    pointer: &str,
) -> Option<&'a mut Map<String, Value>> {
    document.pointer_mut(pointer)?.as_object_mut()
}

/// Removes the node at a pointer and returns it. The remaining members keep their order.
pub(crate) fn remove(document: &mut Value, pointer: &str) -> Option<Value> {
    let (parent, key) = split(pointer)?;
    match document.pointer_mut(parent)? {
        Value::Object(map) => map.shift_remove(&key),
        Value::Array(list) => {
            let index = key.parse::<usize>().ok()?;
            (index < list.len()).then(|| list.remove(index))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn segments_are_escaped_and_unescaped() {
        let pointer = join(&join("", "paths"), "/v1/a~b");
        assert_eq!(pointer, "/paths/~1v1~1a~0b");
        assert_eq!(segments(&pointer), ["paths", "/v1/a~b"]);
        assert_eq!(split(&pointer), Some(("/paths", "/v1/a~b".to_owned())));
    }

    #[test]
    fn array_indices_are_compared_as_numbers() {
        assert_eq!(compare("/a/2", "/a/10"), Ordering::Less);
        assert_eq!(compare("/a", "/a/0"), Ordering::Less);
    }

    #[test]
    fn a_removal_keeps_the_order_of_the_other_members() {
        let mut document = json!({"a": 1, "b": 2, "c": 3, "d": [1, 2]});
        assert_eq!(remove(&mut document, "/a"), Some(json!(1)));
        assert_eq!(remove(&mut document, "/d/0"), Some(json!(1)));
        assert_eq!(remove(&mut document, "/d/7"), None);
        assert_eq!(document.to_string(), r#"{"b":2,"c":3,"d":[2]}"#);
    }
}
