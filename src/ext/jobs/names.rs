//! The names of events: the stage they belong to, and whether they end a job.
//!
//! Two vocabularies are known: that of Gizmo's page on API access (`stage_start`, `done`, …), and the
//! pipeline's own (`structure_component_built`, `job_succeeded`, …), which a client of the live
//! service has observed. Unknown names are read by the same rules.

use serde_json::Value;

use crate::ext::values::status_words::StatusWord;
use crate::raw::types::JobStatus;

/// Families with two words. In all other names the first word is the family.
// Assumption: event-name-families.
const TWO_WORDS: [&str; 4] = [
    "scene_director",
    "asset_inventory",
    "task_plan",
    "placement_plan",
];

/// First words of names that concern the entire job, or nothing in particular.
// Assumption: event-names-pipeline.
const JOB_WORDS: [&str; 18] = [
    "job",
    "modal",
    "message",
    "status",
    "state",
    "update",
    "progress",
    "log",
    "info",
    "warning",
    "error",
    "done",
    "end",
    "ping",
    "heartbeat",
    "keepalive",
    "result",
    "event",
];

/// First words of names that may report the job's status.
const CARRIES_STATUS: [&str; 6] = ["job", "status", "state", "update", "message", "result"];

/// A name in lower case with `_` between its words: `JobSucceeded` and `job.succeeded` are
/// `job_succeeded`.
fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    let mut previous = ' ';
    for letter in name.chars().take(100) {
        let starts_word = letter.is_ascii_uppercase() && previous.is_ascii_lowercase();
        if (starts_word || !letter.is_alphanumeric()) && !snake.is_empty() && !snake.ends_with('_')
        {
            snake.push('_');
        }
        if letter.is_alphanumeric() {
            snake.extend(letter.to_lowercase());
        }
        previous = letter;
    }
    snake.truncate(snake.trim_end_matches('_').len());
    snake
}

/// Returns the family of a name, such as `structure` for `structure_component_built`; `None` for names
/// that concern the entire job.
pub(super) fn family(name: &str) -> Option<String> {
    let name = snake_case(name);
    let first = name.split('_').next().filter(|word| !word.is_empty())?;
    if JOB_WORDS.contains(&first) {
        return None;
    }
    if name
        .split('_')
        .any(|word| matches!(word, "texture" | "textures" | "texturing"))
    {
        return Some("texture".to_owned());
    }
    let two = TWO_WORDS.iter().find(|two| {
        let rest = name.strip_prefix(**two);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    });
    Some(two.map_or(first, |two| two).to_owned())
}

/// Whether an event reports a failure, possibly of only one asset.
// Assumption: event-error-partial.
pub(super) fn is_failure(name: &str) -> bool {
    let name = snake_case(name);
    let mut words = name.split('_');
    words
        .next_back()
        .is_some_and(|last| matches!(last, "failed" | "error"))
}

/// Returns the end that an event claims for its job, by its name or by a terminal status in its data.
///
/// It is only a claim: a pipeline may report that one run of a job failed, and start another. The
/// status of a stage or an asset is not that of the job, and neither is an `error`.
pub(super) fn claimed_end(name: &str, data: &Value) -> Option<Claim> {
    let name = snake_case(name);
    // Assumption: event-end-status.
    let status = ["status", "state"].iter().find_map(|field| {
        let top = data[*field].as_str();
        top.or_else(|| data["job"][*field].as_str())
    });
    let status = status.filter(|word| is_terminal(word)).map(JobStatus::from);
    let (first, rest) = name.split_once('_').unwrap_or((&name, ""));
    // Assumption: event-end-names.
    if name == "done" || matches!(name.as_str(), "end" | "job_end" | "job_ended" | "job_done") {
        return Some(Claim { status });
    }
    let last = rest.rsplit('_').next().unwrap_or_default();
    let word = match (first, rest) {
        ("job", rest) if is_terminal(rest) => Some(rest),
        ("job", _) if is_terminal(last) => Some(last),
        // Assumption: event-error-partial.
        ("error", _) => return None,
        (word, "") if is_terminal(word) => Some(word),
        _ => None,
    };
    if let Some(word) = word {
        let status = status.unwrap_or_else(|| JobStatus::from(word));
        return Some(Claim {
            status: Some(status),
        });
    }
    let of_a_part = ["stage", "asset_id", "assetId", "component", "object"]
        .iter()
        .any(|field| !data[*field].is_null());
    if CARRIES_STATUS.contains(&first) && !of_a_part && status.is_some() {
        return Some(Claim { status });
    }
    None
}

/// What [`claimed_end`] found.
#[derive(Debug, PartialEq)]
pub(super) struct Claim {
    /// How the job ended, if the event states it.
    pub(super) status: Option<JobStatus>,
}

fn is_terminal(word: &str) -> bool {
    StatusWord::of(word).is_some_and(StatusWord::is_terminal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_family_of_a_name_is_its_first_words() {
        for (name, expected) in [
            ("structure_component_built", Some("structure")),
            ("structure_path_created", Some("structure")),
            ("scene_director_started", Some("scene_director")),
            ("scene_director", Some("scene_director")),
            ("scene_directory", Some("scene")),
            ("asset_inventory_completed", Some("asset_inventory")),
            ("asset_card_created", Some("asset")),
            ("asset_texture_started", Some("texture")),
            ("placement_object_placed", Some("placement")),
            ("placement_plan", Some("placement_plan")),
            ("floorplan", Some("floorplan")),
            ("Lighting.Completed", Some("lighting")),
            ("structureComponentBuilt", Some("structure")),
            ("job_claimed", None),
            ("modal_dispatch", None),
            ("message", None),
            ("done", None),
            ("", None),
            ("__", None),
        ] {
            assert_eq!(family(name).as_deref(), expected, "{name}");
        }
    }

    #[test]
    fn every_terminal_name_ends_a_job() {
        let end = |word: &str| Some(Some(JobStatus::from(word)));
        for (name, data, expected) in [
            ("done", json!({}), Some(None)),
            ("done", json!({"status": "succeeded"}), end("succeeded")),
            ("job_succeeded", json!({}), end("succeeded")),
            ("job_failed", json!({}), end("failed")),
            ("job_cancelled", json!({}), end("cancelled")),
            ("job_canceled", json!("text"), end("cancelled")),
            ("job_timed_out", json!({}), end("failed")),
            ("job.completed", json!({}), end("succeeded")),
            ("JobSucceeded", json!({}), end("succeeded")),
            ("job_run_failed", json!({}), end("failed")),
            ("completed", json!({}), end("succeeded")),
            (
                "job_update",
                json!({"status": "COMPLETED"}),
                end("succeeded"),
            ),
            ("status", json!({"status": "failed"}), end("failed")),
            (
                "message",
                json!({"job": {"status": "done"}}),
                end("succeeded"),
            ),
            // The job continues, or something other than the job has ended.
            ("job_update", json!({"status": "running"}), None),
            ("job_started", json!({}), None),
            ("job_claimed", json!({}), None),
            ("error", json!({"status": "failed"}), None),
            ("asset_failed", json!({"status": "failed"}), None),
            ("asset_generation_failed", json!({}), None),
            ("stage_complete", json!({"status": "completed"}), None),
            ("structure_completed", json!({"status": "completed"}), None),
            (
                "status",
                json!({"status": "completed", "stage": "layout"}),
                None,
            ),
            ("update", json!({"status": "failed", "asset_id": "a"}), None),
            ("stage_done", json!({}), None),
            ("message", json!(null), None),
        ] {
            let claim = claimed_end(name, &data).map(|claim| claim.status);
            assert_eq!(claim, expected, "{name} {data}");
        }
    }

    #[test]
    fn the_last_word_shows_a_failure() {
        for (name, expected) in [
            ("error", true),
            ("asset_generation_failed", true),
            ("asset_ready", false),
            ("failed_asset_removed", false),
        ] {
            assert_eq!(is_failure(name), expected, "{name}");
        }
    }
}
