//! Finds ids in responses, also where the documentation does not place them.

use std::collections::VecDeque;

use gizmo_client::types::JobStatus;
use serde_json::Value;

/// The most values that one search visits.
const MAX_VISITS: usize = 100_000;

/// Visits a value and everything in it, the outer ones first, with its JSON pointer.
pub(crate) fn each<'a>(value: &'a Value, mut visit: impl FnMut(&str, &'a Value) -> bool) {
    let mut queue = VecDeque::from([(String::new(), value)]);
    let mut visits = 0;
    while let Some((pointer, value)) = queue.pop_front() {
        visits += 1;
        if visits > MAX_VISITS || visit(&pointer, value) {
            return;
        }
        match value {
            Value::Object(map) => queue.extend(map.iter().map(|(name, value)| {
                let name = name.replace('~', "~0").replace('/', "~1");
                (format!("{pointer}/{name}"), value)
            })),
            Value::Array(list) => queue.extend(
                list.iter()
                    .enumerate()
                    .map(|(index, value)| (format!("{pointer}/{index}"), value)),
            ),
            _ => {}
        }
    }
}

/// Returns the pointers and texts of all members with one of these names.
pub(crate) fn members(value: &Value, names: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    each(value, |pointer, value| {
        let name = pointer.rsplit('/').next().unwrap_or_default();
        if names.contains(&name)
            && let Some(text) = text(value)
        {
            found.push((pointer.to_owned(), text));
        }
        false
    });
    found
}

/// Returns the first member with one of these names.
pub(crate) fn member(value: &Value, names: &[&str]) -> Option<String> {
    members(value, names).into_iter().next().map(|(_, id)| id)
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Names of the id of a job.
pub(crate) const JOB: [&str; 3] = ["job_id", "jobId", "job_uid"];
/// Names of the id of a scene.
pub(crate) const SCENE: [&str; 2] = ["scene_id", "sceneId"];
/// Names of the id of an asset.
pub(crate) const ASSET: [&str; 2] = ["asset_id", "assetId"];

/// Returns the id of the job that a response announces.
pub(crate) fn job_id(response: &Value) -> Option<String> {
    if let Some(id) = member(response, &JOB) {
        return Some(id);
    }
    let mut found = None;
    each(response, |pointer, value| {
        let is_job = pointer.ends_with("/job/id") || pointer.ends_with("/job");
        let text = value.as_str().filter(|text| !text.is_empty());
        found = text
            .filter(|text| is_job || text.starts_with("job_"))
            .map(str::to_owned);
        found.is_some()
    });
    found.or_else(|| member(response, &["id"]))
}

/// Returns the first list of a response with its pointer, under any name.
pub(crate) fn list(response: &Value) -> Option<(String, &Vec<Value>)> {
    let mut found = None;
    each(response, |pointer, value| {
        if let Value::Array(list) = value {
            found = Some((pointer.to_owned(), list));
        }
        found.is_some()
    });
    found
}

/// Returns the ids of the items of a list: the value itself, or the member that is named like an id.
pub(crate) fn ids(response: &Value, names: &[&str]) -> Vec<String> {
    let Some((_, list)) = list(response) else {
        return Vec::new();
    };
    list.iter().filter_map(|item| id(item, names)).collect()
}

/// Returns the id of a resource.
pub(crate) fn id(item: &Value, names: &[&str]) -> Option<String> {
    let Value::Object(map) = item else {
        return text(item);
    };
    let usual = names
        .iter()
        .chain(&["id", "_id", "uid", "uuid", "slug"])
        .find_map(|name| map.get(*name).and_then(text));
    usual.or_else(|| {
        map.iter()
            .filter(|(name, _)| name.ends_with("id") || name.ends_with("Id"))
            .find_map(|(_, value)| text(value))
    })
}

/// Whether a response says that a job or a pipeline has ended.
pub(crate) fn has_ended(response: &Value) -> bool {
    statuses(response).iter().any(|word| is_terminal(word))
}

/// Whether a response says that a job is still waiting or at work.
pub(crate) fn is_at_work(response: &Value) -> bool {
    const WORDS: [&str; 12] = [
        "queued",
        "running",
        "pending",
        "waiting",
        "scheduled",
        "accepted",
        "created",
        "processing",
        "in_progress",
        "started",
        "generating",
        "active",
    ];
    let statuses = statuses(response);
    let mut words = statuses
        .iter()
        .map(|word| word.to_lowercase().replace(['-', ' '], "_"));
    words.any(|word| WORDS.contains(&word.as_str())) && !has_ended(response)
}

/// The words near the top that may be a status: by the name of their member, or as a documented end.
fn statuses(response: &Value) -> Vec<String> {
    const ENDS: [&str; 3] = ["succeeded", "failed", "cancelled"];
    let mut found = Vec::new();
    each(response, |pointer, value| {
        let name = pointer
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_lowercase();
        let is_named = ["status", "state", "phase"]
            .iter()
            .any(|part| name.contains(part));
        if let Value::String(word) = value
            && pointer.matches('/').count() <= 2
            && (is_named || ENDS.contains(&word.as_str()))
        {
            found.push(word.clone());
        }
        false
    });
    found
}

/// Whether a status word means an end.
pub(crate) fn is_terminal(word: &str) -> bool {
    matches!(
        JobStatus::from(word),
        JobStatus::Succeeded | JobStatus::Failed | JobStatus::Cancelled
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_are_found_under_every_usual_name() {
        for response in [
            json!({"scenes": [{"id": "a"}, {"id": "b"}]}),
            json!({"items": [{"_id": "a"}, {"scene_id": "b"}]}),
            json!([{"uid": "a"}, "b"]),
            json!({"data": {"rows": [{"sceneId": "a"}, {"record_id": "b"}]}}),
        ] {
            assert_eq!(ids(&response, &SCENE), ["a", "b"], "{response}");
        }
        assert!(ids(&json!({"ok": true}), &SCENE).is_empty());
    }

    #[test]
    fn the_id_of_a_job_is_found_in_every_place() {
        for response in [
            json!({"ok": true, "scene_id": "s", "job_id": "job_1"}),
            json!({"job": {"id": "job_1"}}),
            json!({"job": "job_1"}),
            json!({"data": {"started": {"identifier": "job_1"}}}),
            json!({"id": "job_1"}),
        ] {
            assert_eq!(job_id(&response).as_deref(), Some("job_1"), "{response}");
        }
        assert_eq!(job_id(&json!({"ok": true})), None);
    }

    #[test]
    fn an_end_is_found_near_the_top_only() {
        assert!(has_ended(&json!({"job": {"status": "Completed"}})));
        assert!(has_ended(&json!({"state": "failed"})));
        assert!(has_ended(&json!({"data": {"current": "succeeded"}})));
        assert!(!has_ended(&json!({"job": {"status": "running"}})));
        let of_a_stage = json!({"job": {"status": "running", "stages": [{"status": "done"}]}});
        assert!(!has_ended(&of_a_stage));
        assert!(is_at_work(&of_a_stage));
        assert!(!is_at_work(&json!({"job": {"status": "shipped"}})));
    }
}
