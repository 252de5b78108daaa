//! Differences of scenes, assets, the catalog and the account.

use serde_json::{Value, json};

use super::Plant;
use crate::standin::Changes;

/// Changes the JSON of a successful response.
pub(super) fn on(
    changes: &mut Changes,
    method: &'static str,
    path: &'static str,
    change: fn(&mut Value),
) {
    changes.response(move |asked, replied| {
        if asked.is(method, path) && replied.is_success() {
            replied.json(change);
        }
    });
}

/// Gives a member another name.
pub(super) fn rename(object: &mut Value, from: &str, to: &str) {
    if let Some(object) = object.as_object_mut()
        && let Some(value) = object.shift_remove(from)
    {
        object.insert(to.to_owned(), value);
    }
}

pub(super) fn remove(object: &mut Value, name: &str) {
    if let Some(object) = object.as_object_mut() {
        object.shift_remove(name);
    }
}

pub(super) fn each(list: &mut Value, change: fn(&mut Value)) {
    if let Some(list) = list.as_array_mut() {
        list.iter_mut().for_each(change);
    }
}

pub(super) const PLANTS: &[Plant] = &[
    Plant {
        name: "the prompt of a scene has another name",
        places: &[
            "members get_scene /scene/text",
            "scene-fields get_scene /scene/prompt",
            "list-prompt get_scene /scene/prompt",
        ],
        change: |changes| {
            on(changes, "GET", "/v1/scenes/*", |body| {
                rename(&mut body["scene"], "prompt", "text");
            });
        },
    },
    Plant {
        name: "a scene has an owner",
        places: &["members get_scene /scene/owner"],
        change: |changes| {
            on(changes, "GET", "/v1/scenes/*", |body| {
                body["scene"]["owner"] = json!({"plan": 3});
            });
        },
    },
    Plant {
        name: "listed scenes have no time",
        places: &[
            "list-created-at list_scenes /scenes/…",
            "scene-fields list_scenes /scenes/*/created_at",
        ],
        change: |changes| {
            on(changes, "GET", "/v1/scenes", |body| {
                each(&mut body["scenes"], |scene| remove(scene, "created_at"));
            });
        },
    },
    Plant {
        name: "the number of all scenes is text",
        places: &[
            "undecodable list_scenes /total",
            "list-envelope list_scenes /total",
        ],
        change: |changes| {
            on(changes, "GET", "/v1/scenes", |body| {
                body["total"] = json!("many");
            });
        },
    },
    Plant {
        name: "the time of an asset is an object",
        places: &["undecodable get_asset /asset/created_at"],
        change: |changes| {
            on(changes, "GET", "/v1/assets/*", |body| {
                body["asset"]["created_at"] = json!({"seconds": 1});
            });
        },
    },
    Plant {
        name: "the list of assets has another name",
        places: &[
            "undecodable list_assets ",
            "members list_assets /records",
            "list-envelope list_assets /records",
        ],
        change: |changes| {
            on(changes, "GET", "/v1/assets", |body| {
                rename(body, "assets", "records");
            });
        },
    },
    Plant {
        name: "the list of the catalog has another name",
        places: &[
            "catalog-envelope search_catalog /entries",
            "undecodable search_catalog ",
            "members search_catalog /entries",
        ],
        change: |changes| {
            on(changes, "GET", "/v1/catalog", |body| {
                rename(body, "items", "entries");
            });
        },
    },
    Plant {
        name: "an item of the catalog has no USDZ model",
        places: &["catalog-item-files get_catalog_item /item"],
        change: |changes| {
            on(changes, "GET", "/v1/catalog/*", |body| {
                if let Some(item) = body.get_mut("item").and_then(Value::as_object_mut) {
                    item.retain(|_, value| {
                        !value.as_str().is_some_and(|path| path.contains(".usdz"))
                    });
                }
            });
        },
    },
    Plant {
        name: "categories are words",
        places: &["catalog-categories list_categories /categories/…"],
        change: |changes| {
            on(changes, "GET", "/v1/catalog/categories", |body| {
                each(&mut body["categories"], |category| {
                    *category = category["name"].take();
                });
            });
        },
    },
    Plant {
        name: "the key has no user",
        places: &["whoami-fields whoami /user_id"],
        change: |changes| {
            on(changes, "GET", "/v1/whoami", |body| remove(body, "user_id"));
        },
    },
    Plant {
        name: "the usage has another name",
        places: &["usage-fields usage /keys", "members usage /per_key"],
        change: |changes| {
            on(changes, "GET", "/v1/usage", |body| {
                rename(body, "keys", "per_key");
            });
        },
    },
    Plant {
        name: "a pipeline ends with another word",
        places: &["scene-status-words scene_status /pipeline_status"],
        change: |changes| {
            on(changes, "GET", "/v1/scenes/*/status", |body| {
                body["pipeline_status"] = json!("shipped");
            });
        },
    },
    Plant {
        name: "a scene cannot be renamed to what was asked, and the response confirms nothing",
        places: &[
            "acknowledgement update_scene /ok",
            "members update_scene /updated",
        ],
        change: |changes| {
            on(changes, "PATCH", "/v1/scenes/*", |body| {
                rename(body, "ok", "updated");
            });
        },
    },
];
