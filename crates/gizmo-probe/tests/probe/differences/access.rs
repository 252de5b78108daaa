//! Differences of the document, of errors, of headers and of pages.

use serde_json::{Value, json};

use super::Plant;
use super::resources::on;

pub(super) const PLANTS: &[Plant] = &[
    Plant {
        name: "the rate limit is in other headers",
        places: &[
            "rate-limit-headers get_scene x-ratelimit-remaining",
            "rate-limit-headers …",
            "headers x-rate-limit-left",
        ],
        change: |changes| {
            changes.header(|_, replied| {
                let left = replied.headers.remove("x-ratelimit-remaining");
                if let Some(left) = left {
                    replied.headers.insert("x-rate-limit-left", left);
                }
            });
        },
    },
    Plant {
        name: "the rate limit ends after seconds",
        places: &[
            "rate-limit-reset-unix get_scene x-ratelimit-reset",
            "rate-limit-reset-unix …",
        ],
        change: |changes| {
            changes.header(|_, replied| {
                if replied.headers.contains_key("x-ratelimit-reset") {
                    replied
                        .headers
                        .insert("x-ratelimit-reset", "30".parse().unwrap());
                }
            });
        },
    },
    Plant {
        name: "the id of a request has another header",
        places: &[
            "error-request-id get_asset x-request-id",
            "error-request-id …",
            "headers x-trace-id",
        ],
        change: |changes| {
            changes.header(|_, replied| {
                if let Some(id) = replied.headers.remove("x-request-id") {
                    replied.headers.insert("x-trace-id", id);
                }
            });
        },
    },
    Plant {
        name: "responses name a region",
        places: &["headers x-gizmo-region"],
        change: |changes| {
            changes.header(|_, replied| {
                replied
                    .headers
                    .insert("x-gizmo-region", "eu".parse().unwrap());
            });
        },
    },
    Plant {
        name: "the error of an unknown asset is flat",
        places: &[
            "error-envelope get_asset /error/code",
            "error-envelope get_asset …",
        ],
        change: |changes| {
            changes.response(|asked, replied| {
                if asked.is("GET", "/v1/assets/*") && replied.status == 404 {
                    let body =
                        json!({"error": "not_found", "code": "unknown_asset", "message": "m"});
                    replied.replace(404, &body);
                }
            });
        },
    },
    Plant {
        name: "an unknown key is forbidden",
        places: &["auth-missing-key whoami status"],
        change: |changes| {
            changes.response(|asked, replied| {
                if asked.is("GET", "/v1/whoami") && replied.status == 401 {
                    let error = json!({"code": "forbidden", "message": "m", "status": 403});
                    replied.replace(403, &json!({"error": error}));
                }
            });
        },
    },
    Plant {
        name: "an unknown job is gone",
        places: &["error-not-found get_job status"],
        change: |changes| {
            changes.response(|asked, replied| {
                if asked.is("GET", "/v1/jobs/*") && replied.status == 404 {
                    replied.json(|body| body["error"]["status"] = json!(410));
                    replied.status = 410;
                }
            });
        },
    },
    Plant {
        name: "an invalid format is refused with another status",
        places: &[
            "error-validation export_scene status",
            "error-envelope export_scene …",
        ],
        change: |changes| {
            changes.response(|asked, replied| {
                if asked.is("POST", "/v1/scenes/*/export") && asked.body["format"] == "probe" {
                    let error = json!({"code": "invalid_format", "message": "m", "status": 400});
                    replied.replace(400, &json!({"error": error}));
                }
            });
        },
    },
    Plant {
        name: "an unknown path has an error of the service",
        places: &["error-detail-text GET…"],
        change: |changes| {
            changes.response(|asked, replied| {
                if asked.is("GET", "/v1/probe") {
                    let error = json!({"code": "no_route", "message": "m", "status": 404});
                    replied.replace(404, &json!({"error": error}));
                }
            });
        },
    },
    Plant {
        name: "a page is longer than its limit",
        places: &[
            "list-limit list_scenes /scenes",
            "list-offset list_scenes …",
        ],
        change: |changes| {
            changes.request(|asked| {
                if asked.is("GET", "/v1/scenes") {
                    asked.query = asked.query.replace("limit=1&", "limit=2&");
                }
            });
        },
    },
    Plant {
        name: "scenes are not listed by age",
        places: &["list-newest-first list_scenes /scenes/1/created_at"],
        change: |changes| {
            changes.response(|asked, replied| {
                if asked.is("GET", "/v1/scenes") {
                    replied.json(|body| {
                        if body["scenes"].as_array().is_some_and(|list| list.len() > 1) {
                            body["scenes"][0]["created_at"] = json!(1_500_000_000);
                        }
                    });
                }
            });
        },
    },
    Plant {
        name: "the document has another version",
        places: &["document-openapi-31 GET /v1/openapi.json /openapi"],
        change: |changes| {
            on(changes, "GET", "/v1/openapi.json", |body| {
                body["openapi"] = json!("3.0.3");
            });
        },
    },
    Plant {
        name: "the document lacks an operation",
        places: &[
            "document-operations GET /v1/openapi.json /paths/~1v1~1usage/get",
            "document changed",
        ],
        change: |changes| {
            on(changes, "GET", "/v1/openapi.json", |body| {
                super::resources::remove(&mut body["paths"], "/v1/usage");
            });
        },
    },
    Plant {
        name: "the document types a success",
        places: &[
            "document-untyped-successes GET /v1/openapi.json /paths/~1v1~1whoami/get/responses/200",
            "document changed",
        ],
        change: |changes| {
            on(changes, "GET", "/v1/openapi.json", |body| {
                let schema =
                    "/paths/~1v1~1whoami/get/responses/200/content/application~1json/schema";
                if let Some(schema) = body.pointer_mut(schema) {
                    *schema = json!({"type": "object"});
                }
                assert_ne!(*body, Value::Null);
            });
        },
    },
];
