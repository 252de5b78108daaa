//! JSON pointers (RFC 6901).

use std::{borrow::Cow, cmp::Ordering};

use serde_json::{Map, Value};

/// Escapes a segment and appends it to a pointer.
pub(crate) fn join(pointer: &str, segment: &str) -> String {
    let mut joined = String::with_capacity(pointer.len() + 1 + segment.len());
    joined.push_str(pointer);
    joined.push('/');
    if segment.contains(['~', '/']) {
        joined.push_str(&segment.replace('~', "~0").replace('/', "~1"));
    } else {
        joined.push_str(segment);
    }
    joined
}

fn unescaped(segment: &str) -> Cow<'_, str> {
    if segment.contains('~') {
        Cow::Owned(segment.replace("~1", "/").replace("~0", "~"))
    } else {
        Cow::Borrowed(segment)
    }
}

/// Returns the unescaped segments of a pointer.
pub(crate) fn segments(pointer: &str) -> Vec<String> {
    pointer
        .split('/')
        .skip(1)
        .map(|segment| unescaped(segment).into_owned())
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
    get_mut(document, pointer)?.as_object_mut()
}

/// Returns the node at a pointer, if there is one, as fast as [`get_mut`].
pub(crate) fn get<'a>(document: &'a Value, pointer: &str) -> Option<&'a Value> {
    let mut node = document;
    for segment in pointer.split('/').skip(1) {
        node = match node {
            Value::Object(map) => map.get(&*unescaped(segment))?,
            Value::Array(list) => list.get(segment.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(node)
}

/// Returns the node at a pointer, if there is one. `Value::pointer_mut` allocates two strings for
/// each segment; this function only does so for escaped segments.
pub(crate) fn get_mut<'a>(document: &'a mut Value, pointer: &str) -> Option<&'a mut Value> {
    let mut node = document;
    for segment in pointer.split('/').skip(1) {
        node = match node {
            Value::Object(map) => map.get_mut(&*unescaped(segment))?,
            Value::Array(list) => list.get_mut(segment.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(node)
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
