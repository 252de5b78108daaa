//! The success bodies of every operation, compared with the types of the client.

use std::collections::BTreeSet;

use gizmo_client::drift::differences;
use gizmo_simulator::{
    AssetIdIn, Fault, Listed, Memory, OPERATIONS, Options, Order, ShownPrompt, ShownTime,
    StatusWords,
};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, complete, text};

/// The operations whose success bodies are streams and archives.
const WITHOUT_TYPE: [&str; 3] = ["job_events", "export_scene", "export_asset"];

/// A simulator, and the differences of its responses.
struct Compared {
    api: Api,
    operations: BTreeSet<&'static str>,
    /// Operations and patterns of pointers, such as `list_scenes /scenes/*/id`.
    differences: BTreeSet<String>,
}

impl Compared {
    /// Sends a request, compares the response with its type, and returns it.
    async fn call(&mut self, operation: &str, id: &str, query: &str, body: &Value) -> Value {
        let all = OPERATIONS.iter();
        let (operation, method, path) = all.copied().find(|(one, ..)| *one == operation).unwrap();
        let (before, parameter) = path.split_once('{').unwrap_or((path, ""));
        let (_, after) = parameter.split_once('}').unwrap_or_default();
        let id = if parameter.is_empty() { "" } else { id };
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = self
            .api
            .request(method, &format!("{before}{id}{after}{query}"));
        let response = complete(request.json(body).send().await.unwrap());
        let response = response.await.unwrap();
        assert!(response.status.is_success(), "{operation}: {response:?}");
        let response = response.json();
        for difference in differences(operation, &response).unwrap() {
            self.differences
                .insert(format!("{operation} {}", difference.pattern()));
        }
        self.operations.insert(operation);
        response
    }

    async fn get(&mut self, operation: &str, id: &str, query: &str) -> Value {
        self.call(operation, id, query, &json!({})).await
    }

    /// Starts a job, reads what shows it before and after its end, and returns the ids of its scene and asset.
    async fn job(&mut self, operation: &str, id: &str, body: &Value) -> (String, Option<String>) {
        let accepted = self.call(operation, id, "", body).await;
        let job = text(&accepted["job_id"]);
        let state = self.api.simulator.handle().job(&job).unwrap();
        self.read(&job, &state.scene_id).await;
        self.api.simulator.handle().finish(&job);
        self.api.wait(&job).await;
        self.read(&job, &state.scene_id).await;
        (state.scene_id, state.asset_id)
    }

    async fn read(&mut self, job: &str, scene: &str) {
        self.get("get_job", job, "?include_result=true").await;
        self.get("scene_status", scene, "").await;
        self.get("get_scene", scene, "").await;
        self.get("get_scene", scene, "?include_record=true").await;
        self.get("list_scenes", "", "?limit=100").await;
        self.get("list_assets", "", "?limit=100").await;
    }
}

/// Runs through all operations of a simulator, and returns the differences of its responses.
async fn differences_of(options: Options) -> BTreeSet<String> {
    // Jobs make progress only when the test finishes them.
    let options = Options {
        speed: 0.0,
        rate_limit: u32::MAX,
        ..options
    };
    let mut compared = Compared {
        api: Api::start(options).await,
        operations: WITHOUT_TYPE.into(),
        differences: BTreeSet::new(),
    };
    for operation in ["whoami", "usage", "list_categories"] {
        compared.get(operation, "", "").await;
    }
    let found = compared.get("search_catalog", "", "?limit=100").await;
    let slug = text(&found["items"][0]["slug"]);
    compared.get("get_catalog_item", &slug, "").await;

    let lab = json!({ "prompt": "a lab" });
    let (scene, _) = compared.job("generate_scene", "", &lab).await;
    let name = json!({ "name": "Lab 1" });
    compared.call("update_scene", &scene, "", &name).await;
    let vase = json!({ "prompt": "add a vase" });
    compared.job("edit_scene", &scene, &vase).await;
    let toolbox = json!({ "prompt": "a toolbox", "scene_id": scene });
    let (_, asset) = compared.job("generate_asset", "", &toolbox).await;
    let asset = asset.unwrap();
    compared.get("get_asset", &asset, "").await;
    compared
        .get("get_asset", &asset, "?include_record=true")
        .await;
    for fault in [Fault::FailJob, Fault::FailAsset] {
        compared.api.inject(fault);
        compared.job("generate_scene", "", &lab).await;
    }

    let accepted = compared.call("generate_scene", "", "", &lab).await;
    let job = text(&accepted["job_id"]);
    let cancelled = compared.api.simulator.handle().job(&job).unwrap().scene_id;
    compared.call("cancel_job", &job, "", &json!({})).await;
    compared.read(&job, &cancelled).await;
    compared.call("delete_asset", &asset, "", &json!({})).await;
    compared.call("delete_scene", &scene, "", &json!({})).await;
    compared.get("usage", "", "").await;

    let all: BTreeSet<&str> = OPERATIONS.iter().map(|(id, ..)| *id).collect();
    assert_eq!(compared.operations, all);
    compared.differences
}

#[tokio::test]
async fn no_response_differs_from_its_type() {
    let memory = |memory| Options {
        memory,
        ..Options::default()
    };
    let asset_id_in = |asset_id_in| Options {
        asset_id_in,
        ..Options::default()
    };
    let default = Memory::default();
    for options in [
        Options::default(),
        Options::default().documented(),
        Options {
            announce_scene_id: false,
            credits: Some(100),
            ..Options::default()
        },
        Options {
            status_words: StatusWords::UpperCase,
            ..Options::default()
        },
        asset_id_in(AssetIdIn::Event),
        asset_id_in(AssetIdIn::List),
        memory(Memory {
            listed: Listed::WhenFinished,
            order: Order::ById,
            page_cap: 1,
            total: false,
            prompt: ShownPrompt::OnlyInResource,
            created_at: ShownTime::Iso8601,
        }),
        memory(Memory {
            prompt: ShownPrompt::Never,
            created_at: ShownTime::Never,
            ..default
        }),
    ] {
        let label = format!("{options:?}");
        assert_eq!(differences_of(options).await, BTreeSet::new(), "{label}");
    }
}

#[tokio::test]
async fn responses_differ_from_their_types_only_as_their_options_say() {
    let resources = [
        "get_asset /asset",
        "get_scene /scene",
        "list_assets /assets/*",
        "list_scenes /scenes/*",
    ];
    let in_resources = |members: &[&str]| -> BTreeSet<String> {
        let pointers = resources.iter().flat_map(|resource| {
            let pointers = members.iter();
            pointers.map(move |member| format!("{resource}/{member}"))
        });
        pointers.collect()
    };
    let named = Options {
        name_jobs: true,
        ..Options::default()
    };
    assert_eq!(differences_of(named).await, in_resources(&["job_id"]));
    let synonyms = Options {
        status_words: StatusWords::Synonyms,
        ..Options::default()
    };
    let status = BTreeSet::from(["get_job /job/status".to_owned()]);
    assert_eq!(differences_of(synonyms).await, status);
    let words = Options {
        memory: Memory {
            created_at: ShownTime::Words,
            ..Memory::default()
        },
        ..Options::default()
    };
    let times = in_resources(&["created_at", "updated_at"]);
    assert_eq!(differences_of(words).await, times);
}
