//! JSON pointers (RFC 6901): joining and taking apart.

use std::cmp::Ordering;

use serde_json::{Map, Value};

/// Appends one segment to a pointer, escaped.
pub(crate) fn join(pointer: &str, segment: &str) -> String {
    format!(
        "{pointer}/{}",
        segment.replace('~', "~0").replace('/', "~1")
    )
}

/// The unescaped segments of a pointer.
pub(crate) fn segments(pointer: &str) -> Vec<String> {
    pointer
        .split('/')
        .skip(1)
        .map(|segment| segment.replace("~1", "/").replace("~0", "~"))
        .collect()
}

/// The pointer of what holds this node, and the node's key in it; `None` for the root.
pub(crate) fn split(pointer: &str) -> Option<(&str, String)> {
    let (parent, _) = pointer.rsplit_once('/')?;
    Some((parent, segments(pointer).pop()?))
}

/// Document order, with array indices compared as numbers.
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

/// The object at a pointer, if there is one.
pub(crate) fn object_mut<'a>(
    document: &'a mut Value,
    pointer: &str,
) -> Option<&'a mut Map<String, Value>> {
    document.pointer_mut(pointer)?.as_object_mut()
}

/// Removes the node at a pointer and returns it; what follows it keeps its order.
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
    fn array_indices_are_ordered_as_numbers() {
        assert_eq!(compare("/a/2", "/a/10"), Ordering::Less);
        assert_eq!(compare("/a", "/a/0"), Ordering::Less);
    }

    #[test]
    fn removing_keeps_the_order_of_the_rest() {
        let mut document = json!({"a": 1, "b": 2, "c": 3, "d": [1, 2]});
        assert_eq!(remove(&mut document, "/a"), Some(json!(1)));
        assert_eq!(remove(&mut document, "/d/0"), Some(json!(1)));
        assert_eq!(remove(&mut document, "/d/7"), None);
        assert_eq!(document.to_string(), r#"{"b":2,"c":3,"d":[2]}"#);
    }
}
