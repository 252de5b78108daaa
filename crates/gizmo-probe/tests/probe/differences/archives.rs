//! Differences of exports.

use serde_json::json;

use super::Plant;
use crate::standin::{Changes, zip};

/// Replaces the export of a scene in a format by an archive with these files.
fn scene(
    changes: &mut Changes,
    format: &'static str,
    entries: &'static [(&'static str, &'static [u8])],
) {
    changes.response(move |asked, replied| {
        let is_export = asked.is("POST", "/v1/scenes/*/export") && asked.body["format"] == format;
        if is_export && replied.is_success() && asked.body.get("robot_profile").is_none() {
            replied.body = zip(entries);
        }
    });
}

pub(super) const PLANTS: &[Plant] = &[
    Plant {
        name: "a scene has its model in a directory, meshes in files, and metadata",
        places: &[
            "export-model-at-root export_scene …",
            "export-inline-meshes export_scene meshes/…",
            "export-textures export_scene …",
            "export-no-metadata export_scene metadata.json",
        ],
        change: |changes| {
            scene(
                changes,
                "mjcf",
                &[
                    ("lab/scene.xml", b"<mujoco/>"),
                    ("meshes/table.obj", b"v 0 0 0"),
                    ("pictures/wood.jpg", b"JFIF"),
                    ("metadata.json", b"{}"),
                ],
            );
        },
    },
    // The next three are in the same archive.
    Plant {
        name: "a mesh of a scene is a file",
        places: &["export-inline-meshes export_scene meshes/…"],
        change: |_| {},
    },
    Plant {
        name: "a texture of a scene is not a PNG",
        places: &["export-textures export_scene …"],
        change: |_| {},
    },
    Plant {
        name: "an export has metadata",
        places: &["export-no-metadata export_scene metadata.json"],
        change: |_| {},
    },
    Plant {
        name: "a scene in USD has its pictures elsewhere",
        places: &["export-usd-layout export_scene …"],
        change: |changes| {
            scene(
                changes,
                "usd",
                &[("room.usda", b"#usda 1.0"), ("maps/wood.png", b"PNG")],
            );
        },
    },
    Plant {
        name: "a scene in SDF is in MJCF",
        places: &["export-sdf-layout export_scene …"],
        change: |changes| scene(changes, "sdf", &[("room.xml", b"<mujoco/>")]),
    },
    Plant {
        name: "an export has another media type",
        places: &["export-zip export_asset content-type"],
        change: |changes| {
            changes.response(|asked, replied| {
                if asked.is("POST", "/v1/assets/*/export") && asked.query == "format=sdf" {
                    let octets = "application/octet-stream".parse().unwrap();
                    replied.headers.insert("content-type", octets);
                }
            });
        },
    },
    Plant {
        name: "an export of an asset is a link",
        places: &[
            "export-zip export_asset ",
            "export-zip export_asset content-type",
        ],
        change: |changes| {
            changes.response(|asked, replied| {
                if asked.is("POST", "/v1/assets/*/export") && asked.query == "format=usd" {
                    replied.replace(200, &json!({"download_url": "https://example.com/a?b"}));
                }
            });
        },
    },
    Plant {
        name: "an asset has no MJCF",
        places: &[
            "export-formats export_asset status",
            "export-asset-query export_asset status",
        ],
        change: |changes| {
            changes.response(|asked, replied| {
                if asked.is("POST", "/v1/assets/*/export") && asked.query == "format=mjcf" {
                    let detail = json!([{"loc": ["query", "format"], "msg": "m", "type": "enum"}]);
                    replied.replace(422, &json!({ "detail": detail }));
                }
            });
        },
    },
];
