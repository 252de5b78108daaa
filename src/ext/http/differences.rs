//! The differences of a response that a caller has.

use serde_json::Value;

use super::operation::Operation;
use crate::ext::drift::compare::{self, Difference};

/// Returns where a success body differs from the type that decodes it; `None` if the document has no operation
/// with this id, such as `list_scenes`.
///
/// The client does the same with each response up to 1 MiB, and reports each kind of difference once through
/// `tracing`, at the level `warn` with the target `gizmo_client::drift`. The events of a stream and the content of
/// an archive have no type, so they have no differences.
///
/// # Examples
///
/// ```
/// use gizmo_client::drift::{DifferenceKind, differences};
/// use serde_json::json;
///
/// let response = json!({"ok": true, "job": {"id": "job_1", "status": "archived", "owner": 7}});
/// let found = differences("get_job", &response).unwrap();
/// assert_eq!(found[0].kind, DifferenceKind::Word);
/// assert_eq!(found[0].pointer, "/job/status");
/// assert_eq!(found[1].to_string(), "`/job/owner`: expected no such member, found an integer");
/// ```
pub fn differences(operation: &str, response: &Value) -> Option<Vec<Difference>> {
    let operation = Operation::by_id(operation)?;
    Some(compare::differences(operation.shape, response))
}
