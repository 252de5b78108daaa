//! Differences of jobs and of their event streams.

use std::collections::HashSet;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::Plant;
use super::resources::{on, rename};

pub(super) const PLANTS: &[Plant] = &[
    Plant {
        name: "a scene's response has the id of the job elsewhere",
        places: &[
            "generation-202-ids generate_scene /job_id",
            "undecodable generate_scene /job_id",
            "members generate_scene /started",
        ],
        change: |changes| {
            on(changes, "POST", "/v1/scenes", |body| {
                body["started"] = json!({"job_uid": body["job_id"].take()});
                super::resources::remove(body, "job_id");
            });
        },
    },
    Plant {
        name: "an edit is created and not accepted",
        places: &["edit-202-ids edit_scene status"],
        change: |changes| {
            changes.response(|asked, replied| {
                if asked.is("POST", "/v1/scenes/*/edit") && replied.status == 202 {
                    replied.status = 201;
                }
            });
        },
    },
    Plant {
        name: "an accepted asset is pending",
        places: &[
            "generation-202-ids generate_asset /status",
            "words generate_asset /status",
        ],
        change: |changes| {
            on(changes, "POST", "/v1/assets", |body| {
                body["status"] = json!("enlisted");
            });
        },
    },
    Plant {
        name: "a job at work has another word",
        places: &[
            "words get_job /job/status",
            "job-status-words get_job /job/status",
        ],
        change: |changes| {
            on(changes, "GET", "/v1/jobs/*", |body| {
                if body["job"]["status"] == "running" {
                    body["job"]["status"] = json!("rendering");
                }
            });
        },
    },
    Plant {
        name: "the times of a job are milliseconds",
        places: &[
            "job-times-unix get_job /job/created_at",
            "job-times-unix get_job …",
        ],
        change: |changes| {
            on(changes, "GET", "/v1/jobs/*", |body| {
                for name in ["created_at", "started_at", "finished_at"] {
                    if let Some(time) = body["job"][name].as_u64() {
                        body["job"][name] = json!(time * 1000);
                    }
                }
            });
        },
    },
    Plant {
        name: "an edit has another mode",
        places: &["job-mode-words get_job /job/mode"],
        change: |changes| {
            on(changes, "GET", "/v1/jobs/*", |body| {
                if body["job"]["mode"]
                    .as_str()
                    .is_some_and(|mode| mode.contains("edit"))
                {
                    body["job"]["mode"] = json!("revision");
                }
            });
        },
    },
    Plant {
        name: "the id of an asset is deeper in the result",
        places: &["job-result-asset-id get_job /job/result/asset_id"],
        change: |changes| {
            on(changes, "GET", "/v1/jobs/*", |body| {
                let result = &mut body["job"]["result"];
                if !result["asset_id"].is_null() {
                    let id = result["asset_id"].take();
                    super::resources::remove(result, "asset_id");
                    result["outputs"] = json!([{"assetId": id}]);
                }
            });
        },
    },
    Plant {
        name: "a new scene is listed after seven seconds",
        places: &[
            "behaviour list_scenes, when something new is listed: later…",
            "scene-listed-when list_scenes ",
        ],
        change: |changes| {
            changes.response(|asked, replied| {
                if asked.is("GET", "/v1/scenes") && asked.since_paid < 7.0 {
                    replied.json(|body| {
                        if let Some(list) = body["scenes"].as_array_mut() {
                            list.retain(|scene| {
                                let prompt = scene["prompt"].as_str().unwrap_or_default();
                                !prompt.starts_with("A small room")
                            });
                        }
                        let count = body["scenes"].as_array().map_or(0, Vec::len);
                        body["total"] = json!(count);
                    });
                }
            });
        },
    },
    Plant {
        name: "lists cut prompts short",
        places: &[
            "list-prompt list_assets /*/prompt",
            "list-prompt list_scenes /*/prompt",
        ],
        change: |changes| {
            for path in ["/v1/scenes", "/v1/assets"] {
                changes.response(move |asked, replied| {
                    if asked.is("GET", path) {
                        replied.json(|body| {
                            let lists = body
                                .as_object_mut()
                                .into_iter()
                                .flat_map(|body| body.values_mut());
                            for item in lists.filter_map(Value::as_array_mut).flatten() {
                                let prompt = item["prompt"].as_str().unwrap_or_default();
                                let short: String = prompt.chars().take(8).collect();
                                item["prompt"] = json!(short);
                            }
                        });
                    }
                });
            }
        },
    },
    Plant {
        name: "a cancelled job fails",
        places: &[
            "job-cancel get_job /job/status",
            "job-error get_job /job/error",
        ],
        change: |changes| {
            on(changes, "GET", "/v1/jobs/*", |body| {
                if body["job"]["status"] == "cancelled" {
                    body["job"]["status"] = json!("failed");
                }
            });
        },
    },
    Plant {
        name: "the result of a job comes unasked",
        places: &["job-result-option get_job /job/result"],
        change: |changes| {
            on(changes, "GET", "/v1/jobs/*", |body| {
                if body["job"]["status"] == "succeeded" && body["job"]["result"].is_null() {
                    body["job"]["result"] = json!({"note": 1});
                }
            });
        },
    },
];

/// Changes the data of an event.
fn data(block: &mut String, change: impl FnOnce(&mut Value)) {
    let lines = block.lines().map(|line| match line.strip_prefix("data:") {
        Some(data) => (line, serde_json::from_str::<Value>(data.trim()).ok()),
        None => (line, None),
    });
    let mut change = Some(change);
    let mut changed = Vec::new();
    for (line, data) in lines {
        match (data, change.take()) {
            (Some(mut data), Some(change)) => {
                change(&mut data);
                changed.push(format!("data: {data}"));
            }
            (_, kept) => {
                change = kept;
                changed.push(line.to_owned());
            }
        }
    }
    *block = changed.join("\n") + "\n\n";
}

pub(super) const STREAMS: &[Plant] = &[
    Plant {
        name: "a job ends with another event",
        places: &["event-end-names job_events job_finished"],
        change: |changes| {
            changes.block(|block| {
                *block = block.replace("event: job_succeeded", "event: job_finished");
            });
        },
    },
    Plant {
        name: "floor plans are called blueprints",
        places: &["events blueprint_started", "events blueprint…"],
        change: |changes| {
            changes.block(|block| *block = block.replace("event: floorplan", "event: blueprint"));
        },
    },
    Plant {
        name: "pings are called heartbeats",
        places: &["event-ping-name job_events ping"],
        change: |changes| {
            changes.block(|block| *block = block.replace("event: ping", "event: heartbeat"));
        },
    },
    Plant {
        name: "events are numbered by another field",
        places: &["event-number job_events id"],
        change: |changes| {
            changes.block(|block| {
                let lines: Vec<_> = block
                    .lines()
                    .filter(|line| !line.starts_with("id:"))
                    .collect();
                *block = lines.join("\n") + "\n\n";
                data(block, |data| rename(data, "seq", "position"));
            });
        },
    },
    Plant {
        name: "the stream is plain text",
        places: &["event-stream-media-type job_events content-type"],
        change: |changes| {
            changes.header(|asked, replied| {
                if asked.path.ends_with("/events") && replied.is_success() {
                    let plain = "application/x-event-stream".parse().unwrap();
                    replied.headers.insert("content-type", plain);
                }
            });
        },
    },
    Plant {
        name: "a cursor that is not a number fails",
        places: &[
            "event-cursor-refused job_events status",
            "error-envelope job_events …",
            "error-from-service job_events ",
        ],
        change: |changes| {
            changes.response(|asked, replied| {
                if asked.path.ends_with("/events") && asked.query.contains("after=none") {
                    replied.replace(500, &json!({"detail": "Internal Server Error"}));
                }
            });
        },
    },
    Plant {
        name: "the events of a job that has ended are gone",
        places: &[
            "event-replay job_events event",
            "error-envelope job_events …",
            "event-after job_events status",
            "event-last-event-id job_events status",
        ],
        change: |changes| {
            let opened = Mutex::new(HashSet::new());
            changes.request(move |asked| {
                let is_whole =
                    asked.query.is_empty() && !asked.headers.contains_key("last-event-id");
                let is_stream = asked.path.ends_with("/events");
                if is_stream && is_whole && !opened.lock().unwrap().insert(asked.path.clone()) {
                    "/v1/jobs/job_none/events".clone_into(&mut asked.path);
                }
            });
        },
    },
];
