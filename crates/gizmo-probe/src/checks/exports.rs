//! Checks of exports.

use gizmo_client::record::{Content, RecordedEntry};

use super::Check;
use crate::evidence::{Evidence, Seen};
use crate::note;
use crate::tally::Tally;

pub(super) const CHECKS: &[Check] = &[
    ("export-zip", zip),
    ("export-scene-body", scene_body),
    ("export-asset-query", asset_query),
    ("export-formats", formats),
    ("export-not-ready", not_ready),
    ("export-size", size),
    ("export-zip-entries", methods),
    ("export-zip-entries", entry_names),
    ("export-model-at-root", model_at_root),
    ("export-model-at-root", one_model),
    ("export-inline-meshes", inline_meshes),
    ("export-size", xml_size),
    ("export-textures", textures),
    ("export-robot-include", robot_include),
    ("export-robot-include", robot_absent),
    ("export-no-metadata", no_metadata),
    ("export-usd-layout", usd_layout),
    ("export-sdf-layout", sdf_layout),
];

/// The largest export, 1 GB.
const MAX_EXPORT: u64 = 1_000_000_000;

/// The largest model, 1 GB.
const MAX_MODEL: u64 = 1_000_000_000;

/// The endings of files with meshes.
const MESHES: [&str; 7] = ["obj", "stl", "msh", "ply", "dae", "glb", "gltf"];

/// The endings of pictures.
const PICTURES: [&str; 6] = ["png", "jpg", "jpeg", "webp", "ktx", "ktx2"];

/// The exports that were requested to learn their content.
fn requested(evidence: &Evidence) -> impl Iterator<Item = Seen<'_>> {
    evidence
        .noted(note::EXPORT)
        .chain(evidence.noted(note::ROBOT_EXPORT))
}

/// The archives of a format, with their entries.
fn archives<'a>(
    evidence: &'a Evidence,
    format: Option<&'a str>,
) -> impl Iterator<Item = (Seen<'a>, &'a [RecordedEntry])> {
    requested(evidence).filter_map(move |seen| match &seen.response.body {
        Content::Archive { entries, .. }
            if seen.is_success() && format.is_none_or(|format| format == format_of(seen)) =>
        {
            Some((seen, entries.as_slice()))
        }
        _ => None,
    })
}

/// The scenes in MJCF, of which most is known.
fn scenes(evidence: &Evidence) -> impl Iterator<Item = (Seen<'_>, &[RecordedEntry])> {
    let all = archives(evidence, Some("mjcf"));
    all.filter(|(seen, _)| seen.operation() == "export_scene")
}

/// The format that was requested, in the body or in the query.
fn format_of(seen: Seen<'_>) -> &str {
    match &seen.exchange.request.body {
        Content::Json(body) => body["format"].as_str().unwrap_or_default(),
        _ => seen.query().strip_prefix("format=").unwrap_or_default(),
    }
}

fn extension(name: &str) -> String {
    let (_, extension) = name.rsplit_once('.').unwrap_or_default();
    extension.to_ascii_lowercase()
}

fn is_at_root(name: &str) -> bool {
    !name.contains(['/', '\\'])
}

fn zip(evidence: &Evidence, tally: &mut Tally) {
    for seen in requested(evidence).filter(|seen| seen.is_success()) {
        let media_type = seen.header("content-type").unwrap_or("nothing");
        let is_zip = media_type.starts_with("application/zip");
        tally.expect(is_zip, seen, "content-type", format!("`{media_type}`"));
        let found = match &seen.response.body {
            Content::Archive { .. } => "",
            Content::Json(_) => "JSON",
            Content::Text(_) => "text",
            Content::Empty => "nothing",
            _ => "bytes that are not an archive",
        };
        tally.expect(found.is_empty(), seen, "", found);
    }
}

/// A body or a parameter that is not understood has the status 422.
fn understood(evidence: &Evidence, operation: &str, tally: &mut Tally) {
    for seen in requested(evidence).filter(|seen| seen.operation() == operation) {
        if seen.is_success() {
            tally.holds();
        } else if matches!(seen.status(), 400 | 415 | 422) {
            tally.expect_status(false, seen);
        }
    }
}

fn scene_body(evidence: &Evidence, tally: &mut Tally) {
    understood(evidence, "export_scene", tally);
}

fn asset_query(evidence: &Evidence, tally: &mut Tally) {
    understood(evidence, "export_asset", tally);
}

fn formats(evidence: &Evidence, tally: &mut Tally) {
    for seen in requested(evidence) {
        let found = format!("{} for {}", seen.status(), format_of(seen));
        let is_refused = matches!(seen.status(), 400 | 422);
        tally.expect(!is_refused, seen, "status", found);
    }
}

fn not_ready(evidence: &Evidence, tally: &mut Tally) {
    for seen in requested(evidence) {
        match seen.status() {
            202 => tally.holds(),
            409 | 425 => {
                let holds = seen.header("retry-after").is_some();
                tally.expect(holds, seen, "retry-after", "nothing");
            }
            _ => {}
        }
    }
}

fn size(evidence: &Evidence, tally: &mut Tally) {
    for seen in requested(evidence) {
        if let Content::Archive { size, .. } = seen.response.body {
            tally.expect(size <= MAX_EXPORT, seen, "", format!("{size} bytes"));
        }
    }
}

fn methods(evidence: &Evidence, tally: &mut Tally) {
    for (seen, entries) in archives(evidence, None) {
        for entry in entries {
            let found = format!("the compression method {}", entry.method);
            tally.expect(matches!(entry.method, 0 | 8), seen, &entry.name, found);
        }
    }
}

fn entry_names(evidence: &Evidence, tally: &mut Tally) {
    for (seen, entries) in archives(evidence, None) {
        for entry in entries {
            let name = entry.name.as_str();
            let is_relative = !name.starts_with(['/', '\\']) && !name.contains(':');
            let holds = is_relative
                && !name.contains('\\')
                && !name.split('/').any(|segment| segment == "..");
            tally.expect(holds, seen, name, "not a relative name with `/`");
        }
    }
}

fn model_at_root(evidence: &Evidence, tally: &mut Tally) {
    for (seen, entries) in scenes(evidence) {
        let models = || {
            entries
                .iter()
                .filter(|entry| extension(&entry.name) == "xml")
        };
        let common = ["scene.xml", "model.xml", "world.xml", "main.xml"];
        if let Some(model) = models().find(|entry| is_at_root(&entry.name)) {
            let holds = !common.contains(&model.name.as_str());
            tally.expect(holds, seen, &model.name, "not named after the scene");
        } else {
            let first = models().next().map_or("", |entry| entry.name.as_str());
            tally.fails(seen, first, "no model at the root");
        }
    }
}

fn one_model(evidence: &Evidence, tally: &mut Tally) {
    for (seen, entries) in scenes(evidence) {
        let models: Vec<_> = entries
            .iter()
            .filter(|entry| extension(&entry.name) == "xml" && is_at_root(&entry.name))
            .map(|entry| entry.name.as_str())
            .collect();
        if let Some(second) = models.get(1) {
            tally.fails(seen, second, format!("{} models at the root", models.len()));
        } else if !models.is_empty() {
            tally.holds();
        }
    }
}

fn inline_meshes(evidence: &Evidence, tally: &mut Tally) {
    for (seen, entries) in scenes(evidence).filter(|(seen, _)| seen.note() == note::EXPORT) {
        let mesh = entries
            .iter()
            .find(|entry| MESHES.contains(&extension(&entry.name).as_str()));
        match mesh {
            Some(mesh) => tally.fails(seen, &mesh.name, "a file with a mesh"),
            None => tally.holds(),
        }
    }
}

fn xml_size(evidence: &Evidence, tally: &mut Tally) {
    for (seen, entries) in scenes(evidence) {
        for entry in entries
            .iter()
            .filter(|entry| extension(&entry.name) == "xml")
        {
            let found = format!("{} bytes", entry.size);
            tally.expect(entry.size <= MAX_MODEL, seen, &entry.name, found);
        }
    }
}

fn textures(evidence: &Evidence, tally: &mut Tally) {
    for (seen, entries) in scenes(evidence).filter(|(seen, _)| seen.note() == note::EXPORT) {
        for entry in entries {
            let extension = extension(&entry.name);
            if PICTURES.contains(&extension.as_str()) {
                let found = if extension == "png" {
                    "a texture in another directory".to_owned()
                } else {
                    format!("a texture as {extension}")
                };
                let is_beside = is_at_root(&entry.name) || entry.name.starts_with("textures/");
                let holds = extension == "png" && is_beside;
                tally.expect(holds, seen, &entry.name, found);
            }
        }
    }
}

/// The files of a robot, in a directory with a `robot.xml`.
fn has_robot(entries: &[RecordedEntry]) -> bool {
    entries.iter().any(|entry| {
        let is_model = extension(&entry.name) == "xml";
        is_model && entry.name.ends_with("robot.xml") && !is_at_root(&entry.name)
    })
}

fn robot_exports(evidence: &Evidence) -> impl Iterator<Item = (Seen<'_>, &[RecordedEntry])> {
    scenes(evidence).filter(|(seen, _)| seen.note() == note::ROBOT_EXPORT)
}

fn robot_include(evidence: &Evidence, tally: &mut Tally) {
    for (seen, entries) in robot_exports(evidence) {
        let other = entries
            .iter()
            .find(|entry| extension(&entry.name) == "xml" && !is_at_root(&entry.name));
        if has_robot(entries) {
            tally.holds();
        } else if let Some(other) = other {
            tally.fails(
                seen,
                &other.name,
                "a model in a directory that is not a `robot.xml`",
            );
        }
    }
}

fn robot_absent(evidence: &Evidence, tally: &mut Tally) {
    for (_, entries) in robot_exports(evidence) {
        if !has_robot(entries) {
            tally.holds();
        }
    }
}

fn no_metadata(evidence: &Evidence, tally: &mut Tally) {
    for (seen, entries) in archives(evidence, None) {
        let metadata = entries.iter().find(|entry| entry.name == "metadata.json");
        tally.expect(
            metadata.is_none(),
            seen,
            "metadata.json",
            "a file of the export",
        );
    }
}

fn usd_layout(evidence: &Evidence, tally: &mut Tally) {
    let all = archives(evidence, Some("usd"));
    for (seen, entries) in all.filter(|(seen, _)| seen.operation() == "export_scene") {
        let mut names = entries.iter().map(|entry| entry.name.as_str());
        let model = names
            .clone()
            .find(|name| extension(name) == "usda" && is_at_root(name));
        if model.is_none() {
            let other = names.find(|name| extension(name).starts_with("usd"));
            tally.fails(seen, other.unwrap_or_default(), "no .usda at the root");
            continue;
        }
        tally.holds();
        for entry in entries {
            if PICTURES.contains(&extension(&entry.name).as_str()) {
                let holds = entry.name.starts_with("textures/") && extension(&entry.name) == "png";
                tally.expect(holds, seen, &entry.name, "not `textures/*.png`");
            }
        }
    }
}

fn sdf_layout(evidence: &Evidence, tally: &mut Tally) {
    for (seen, entries) in archives(evidence, Some("sdf")) {
        let holds = entries.iter().any(|entry| {
            matches!(extension(&entry.name).as_str(), "sdf" | "world")
                || entry.name.ends_with("model.config")
        });
        let first = entries.first().map_or("", |entry| entry.name.as_str());
        tally.expect(holds, seen, first, "no .sdf, .world or model.config");
    }
}
