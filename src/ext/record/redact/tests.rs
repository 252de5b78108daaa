//! Tables of what is kept and what is replaced.

use http::HeaderMap;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const KEY: &str = "gzm_k1_canary_5b1f";
const PROMPT: &str = "Two crimson workbenches beside a conveyor";

/// A redactor that has seen a prompt and a key.
fn redactor() -> Redactor {
    let mut redactor = Redactor::new();
    redactor.add_base(&Url::parse("https://api.example/gizmo").unwrap());
    redactor.add_secret(KEY);
    redactor.collect(&json!({"prompt": PROMPT, "scene_id": "js7abc123"}), true);
    redactor
}

/// Whether any word of the prompt, the key or the id is in a text.
fn leaks(text: &str) -> bool {
    let text = text.to_lowercase();
    let private = [
        "crimson",
        "workbench",
        "beside",
        "conveyor",
        "canary",
        "5b1f",
        "js7",
        "abc123",
        "gzm",
    ];
    private.iter().any(|word| text.contains(word))
}

#[test]
fn words_of_the_document_and_numbers_stay_in_json() {
    let kept = json!({
        "ok": true, "total": 17, "limit": 20.5, "nothing": null,
        "status": "queued", "job": {"mode": "gizmo_fast", "created_at": 1_760_000_000.25, "status": "COMPLETED"},
        "started_at": "2026-06-01T12:00:00Z", "updated_at": "2026-06-01T12:00:00.123456", "until": "2026-06-01 12:00:00+02:00",
        "format": "mjcf", "pipeline_status": "layout.running", "event": "asset_card_created", "error": "no_scene",
        "pipeline_stages": ["layout", "lighting"], "anything": "succeeded", "event_name": "asset_mesh_started",
        "detail": [{"loc": ["body", "prompt"], "type": "string_too_short"}],
        "unknown_member": {"nestedThing": 1},
    });
    assert_eq!(redactor().json(kept.clone()), kept);
}

#[test]
fn private_text_is_replaced_in_every_member() {
    for value in [
        json!({"prompt": PROMPT}),
        json!({"name": "crimson"}),
        json!({"status": "crimson"}),
        json!({"status": "Crimson"}),
        json!({"type": "workbenches_done"}),
        json!({"event": "crimsonConveyor"}),
        json!({"kind": "workbench"}),
        json!({"kind": "conveyors"}),
        json!({"event": "crimsonconveyor"}),
        json!({"error": "beside"}),
        json!({"code": KEY}),
        json!({"status": KEY}),
        json!({"stage": "js7abc123"}),
        json!({"message": format!("no credits for {PROMPT}")}),
        json!({"detail": "conveyor not found"}),
        json!({"detail": [{"loc": ["body", "crimson"], "msg": "conveyor", "input": PROMPT, "type": "crimson"}]}),
        json!({"crimson": 1}),
        json!({"crimson workbenches": 1}),
        json!({"crimsonMug": 1}),
        json!({"mug_beside": 1}),
        json!({"js7abc123": {}}),
        json!({KEY: {}}),
        json!({"error": {"message": KEY}}),
        json!({"created_at": "2026-06-01T12:00:00 crimson"}),
        json!({"url": "https://crimson.example/js7abc123/conveyor.glb?sig=canary"}),
        json!({"glb": "/v1/catalog/crimson-conveyor/model.glb?t=canary"}),
        json!({"image": "data:image/png;base64,crimson"}),
        json!(PROMPT),
        json!([PROMPT, ["conveyor"]]),
    ] {
        let replaced = redactor().json(value.clone());
        assert!(!leaks(&replaced.to_string()), "{value} became {replaced}");
    }
}

#[test]
fn equal_text_has_equal_replacements_and_a_cut_prompt_is_a_prefix() {
    let mut redactor = redactor();
    let prompt = redactor.text(PROMPT);
    let replaced = redactor.json(json!({
        "prompt": PROMPT, "name": "Two crimson", "message": "two_crimson_workbenches.xml",
        "scene_id": "js7abc123", "text": "scene js7abc123",
    }));
    assert_eq!(replaced["prompt"], prompt);
    assert!(prompt.starts_with(replaced["name"].as_str().unwrap()));
    let slug = prompt.to_lowercase().replace(' ', "_");
    let slug_start = replaced["message"]
        .as_str()
        .unwrap()
        .rsplit_once('.')
        .unwrap()
        .0;
    assert!(slug.starts_with(slug_start), "{slug} {slug_start}");
    let id = replaced["scene_id"].as_str().unwrap();
    assert_eq!(id.len(), "js7abc123".len());
    assert!(replaced["text"].as_str().unwrap().ends_with(id));
}

#[test]
fn free_text_has_no_public_words() {
    let mut redactor = Redactor::new();
    for name in [
        "prompt",
        "name",
        "message",
        "title",
        "description",
        "scene_name",
        "q",
    ] {
        for text in ["queued", "asset", "a scene in mjcf"] {
            let replaced = redactor.json(json!({name: text}))[name].clone();
            for word in words(text) {
                assert!(
                    !words(replaced.as_str().unwrap()).any(|kept| kept == word),
                    "{name}: {text}"
                );
            }
        }
    }
}

#[test]
fn ids_that_are_numbers_are_replaced_consistently() {
    let mut redactor = Redactor::new();
    let replaced = redactor.json(json!({
        "id": 12345, "scene_id": 12345, "jobId": 7, "_id": -12345, "user_ids": [12345, "12345"],
        "seq": 12345, "big_id": u64::MAX, "float_id": 1.5,
    }));
    assert_eq!(replaced["id"], replaced["scene_id"]);
    assert_ne!(replaced["id"], 12345);
    assert_ne!(replaced["jobId"], 7);
    assert_eq!(
        replaced["_id"].as_i64(),
        replaced["id"].as_i64().map(|id| -id)
    );
    assert_eq!(replaced["user_ids"][0], replaced["id"]);
    assert_eq!(replaced["user_ids"][1], replaced["id"].to_string());
    assert_eq!(replaced["seq"], 12345);
    assert!(replaced["big_id"].is_u64() && replaced["big_id"] != u64::MAX);
    assert!(replaced["float_id"].is_number());
}

#[test]
fn the_names_of_a_scenes_objects_are_replaced() {
    let mut redactor = Redactor::new();
    let replaced = redactor.json(json!({
        "objects": {"mug": {"size": 1}, "lamp": {"size": 2}}, "conveyor_2": 5, "pose": {"x": 1, "y": 2},
        "a": 1, "A ": 2, "a ": 3,
    }));
    let text = replaced.to_string();
    assert!(
        !text.contains("mug") && !text.contains("lamp") && !text.contains("conveyor"),
        "{text}"
    );
    assert!(text.contains("pose") && text.contains("objects"));
    assert_eq!(
        replaced.as_object().unwrap().len(),
        6,
        "no member is lost: {text}"
    );
}

#[test]
fn literal_segments_of_a_path_stay_and_parameters_do_not() {
    for (url, expected) in [
        ("https://api.example/gizmo/v1/scenes", "/v1/scenes"),
        (
            "https://api.example/gizmo/v1/scenes?limit=20&offset=0&include_record=true",
            "/v1/scenes?limit=20&offset=0&include_record=true",
        ),
        (
            "https://api.example/gizmo/v1/assets/x/export?format=mjcf",
            "/v1/assets/w1/export?format=mjcf",
        ),
        (
            "https://api.example/gizmo/v1/scenes/a%20b/status",
            "/v1/scenes/w1%20w2/status",
        ),
        (
            "https://api.example/gizmo/v1/nothing/scenes",
            "/v1/w1xxxxx/scenes",
        ),
        (
            "https://api.example/gizmo/v1/openapi.json",
            "/v1/openapi.json",
        ),
        (
            "https://api.example/gizmo/v1/catalog?q=scene&page=two+words",
            "/v1/catalog?q=w1xxx&page=w2x%20w3xxx",
        ),
        (
            "https://api.example/gizmo/v1/jobs/7?format=",
            "/v1/jobs/11?format=",
        ),
        (
            "https://api.example/other/v1/scenes?limit=20",
            "https://host-1/w1xxx/w2/w3xxxx?\u{2026}",
        ),
        (
            "https://cdn.example/a/b.glb?X-Signature=abc",
            "https://host-1/w1/w2.glb?\u{2026}",
        ),
        ("https://cdn.example:8443/", "https://host-1/"),
    ] {
        let mut redactor = Redactor::new();
        redactor.add_base(&Url::parse("https://api.example/gizmo").unwrap());
        assert_eq!(redactor.url(&Url::parse(url).unwrap()), expected, "{url}");
    }
    for url in [
        "https://api.example/gizmo/v1/scenes/js7abc123?crimson=1",
        "https://api.example/gizmo/v1/crimson.zip?q=conveyor&cursor=canary&scene_id=123456&x=beside%20a",
        "https://canary.example/crimson/js7abc123.conveyor",
    ] {
        let replaced = redactor().url(&Url::parse(url).unwrap());
        assert!(
            !leaks(&replaced) && !replaced.contains("123456"),
            "{replaced}"
        );
    }
}

#[test]
fn the_same_host_has_the_same_number() {
    let mut redactor = redactor();
    let mut host = |url: &str| {
        redactor.json(json!(url)).as_str().unwrap()[8..]
            .split('/')
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(host("https://one.example/a"), "host-1");
    assert_eq!(host("https://two.example/a"), "host-2");
    assert_eq!(host("https://ONE.example/b"), "host-1");
    assert_eq!(host("https://api.example/gizmo/v1/scenes"), "host-0");
}

fn headers(all: &[(&'static str, &str)]) -> HeaderMap {
    let pairs = all
        .iter()
        .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
    pairs.collect()
}

#[test]
fn headers_keep_what_http_says() {
    for (name, value, expected) in [
        (
            "content-type",
            "application/json; charset=utf-8",
            "application/json; charset=utf-8",
        ),
        (
            "content-type",
            "multipart/form-data; boundary=abc",
            "multipart/form-data; boundary=w1x",
        ),
        ("content-length", "123", "123"),
        ("content-range", "bytes 0-9/100", "bytes 0-9/100"),
        (
            "date",
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT",
        ),
        ("date", "yesterday", "w1xxxxxxx"),
        ("etag", "\"abc\"", "\"w1x\""),
        ("etag", "W/\"abc-12\"", "W/\"w1x-11\""),
        ("retry-after", "30", "30"),
        ("vary", "accept-encoding, origin", "accept-encoding, origin"),
        (
            "cache-control",
            "no-store, max-age=0",
            "no-store, max-age=0",
        ),
        ("server", "cloudflare", "cloudflare"),
        ("x-ratelimit-remaining", "99", "99"),
        ("x-ratelimit-reset", "1760000000", "1760000000"),
        (
            "ratelimit-policy",
            "\"default\";q=100;w=60;pk=:abc:",
            "\"default\";q=100;w=60;w1=:w2x:",
        ),
        (
            "content-disposition",
            "attachment; filename=\"my lab.zip\"",
            "attachment; filename=\"w1 w2x.zip\"",
        ),
        (
            "content-disposition",
            "attachment; filename*=UTF-8''my%20lab.zip",
            "attachment; filename*=UTF-8''w1%20w2x.zip",
        ),
        ("location", "/v1/jobs/abc", "/v1/jobs/w1x"),
        (
            "location",
            "https://cdn.example/abc.zip?sig=1",
            "https://host-1/w1x.zip?\u{2026}",
        ),
        ("x-request-id", "req_01", "w1x_10"),
        ("set-cookie", "a=b", "w1=w2"),
        ("cf-ray", "8abc-FRA", "w1xx-W2x"),
    ] {
        let replaced = Redactor::new().response_headers(&headers(&[(name, value)]));
        let expected = if value == "req_01" {
            "w1x_11"
        } else {
            expected
        };
        assert_eq!(
            replaced,
            [(name.to_owned(), expected.to_owned())],
            "{name}: {value}"
        );
    }
}

#[test]
fn headers_reveal_neither_the_key_nor_the_prompt() {
    let names = [
        "authorization",
        "content-type",
        "content-length",
        "date",
        "etag",
        "retry-after",
        "vary",
        "server",
        "connection",
        "x-ratelimit-policy",
        "content-disposition",
        "location",
        "x-request-id",
        "accept",
        "range",
        "if-range",
        "last-event-id",
        "x-other",
        "content-encoding",
        "last-modified",
        "cookie",
        "x-gizmo-service-token",
    ];
    for name in names {
        for value in [
            KEY,
            "Bearer gzm_k1_canary_5b1f",
            "crimson",
            "conveyor; workbenches=beside",
            "a/crimson.js7abc123",
            "/conveyor",
            "js7abc123",
        ] {
            let all = headers(&[(name, value)]);
            let replaced = (
                redactor().request_headers(&all),
                redactor().response_headers(&all),
            );
            assert!(
                !leaks(&format!("{replaced:?}")),
                "{name}: {value} became {replaced:?}"
            );
        }
    }
    let all = headers(&[
        ("x-crimson", "1"),
        ("authorization", "Bearer zzz_other_key"),
    ]);
    let mut redactor = redactor();
    redactor.collect_headers(&all);
    let replaced = redactor.request_headers(&all);
    assert!(!leaks(&format!("{replaced:?}")), "{replaced:?}");
    assert!(replaced.contains(&("authorization".to_owned(), "Bearer".to_owned())));
    let value = redactor.json(json!({"code": "zzz_other_key"}));
    assert!(!value.to_string().contains("zzz"), "{value}");
}

#[test]
fn a_block_of_a_stream_keeps_its_form() {
    for (block, expected) in [
        (
            "event: job_queued\ndata: {\"seq\": 1}\n\n",
            "event: job_queued\ndata: {\"seq\":1}\n\n",
        ),
        (
            "id: 17\r\nevent:done\r\ndata:{\"status\":\"succeeded\"}\r\n\r\n",
            "id: 17\r\nevent:done\r\ndata:{\"status\":\"succeeded\"}\r\n\r\n",
        ),
        ("id: abc\n\n", "id: w1x\n\n"),
        ("retry: 3000\n\n", "retry: 3000\n\n"),
        (": ping\n\n", ": ping\n\n"),
        (":\n\n", ":\n\n"),
        ("data\n\n", "data\n\n"),
        (
            "data: {\"a\":\ndata: 1}\nid: 2\n\n",
            "data: {\"a\":1}\nid: 2\n\n",
        ),
        ("data: done\n\n", "data: done\n\n"),
        (
            "data: free text\ndata: more\n\n",
            "data: w1xx w2xx\ndata: w3xx\n\n",
        ),
        ("data: 7\n\n", "data: 7\n\n"),
        ("custom: x\rdata: 1\r\r", "w1xxxx: w2\rdata: 1\r\r"),
        ("\u{feff}data: 1\n\n", "\u{feff}data: 1\n\n"),
        ("data: {\"prompt\": \"x y\"", "data: {\"w1xxxx\": \"w2 w3\""),
    ] {
        assert_eq!(Redactor::new().block(block), expected, "{block:?}");
    }
    for block in [
        "event: crimson\n\n",
        "event: crimson_ready\ndata: {\"name\": \"conveyor\"}\n\n",
        "id: js7abc123\n\n",
        ": crimson\n\n",
        ": no crimson here\n\n",
        "data: conveyor\n\n",
        "crimson\n\n",
        "crimson: beside\n\n",
        "retry: crimson\n\n",
        "data: {\"message\": \"placed the conveyor\", \"stage\": \"crimson\"}\n\n",
        "event: gzm_k1_canary_5b1f\n\n",
    ] {
        let replaced = redactor().block(block);
        assert!(!leaks(&replaced), "{block:?} became {replaced:?}");
    }
}

#[test]
fn entries_of_an_archive_keep_their_extension_and_known_names() {
    let mut redactor = Redactor::new();
    for (path, expected) in [
        ("js7abc.xml", "w1xxxx.xml"),
        ("scene.xml", "scene.xml"),
        ("textures/", "textures/"),
        ("textures/red mug.png", "textures/w2x w3x.png"),
        ("red_mug/robot.xml", "w2x_w3x/robot.xml"),
        ("_unisim_snapshot.json", "_unisim_snapshot.json"),
        ("metadata.json", "metadata.json"),
        ("a.b.png", "w4.w5.png"),
        ("noextension", "w6xxxxxxxxx"),
        ("name.LONGEXT", "w7xx.W8xxxxx"),
    ] {
        assert_eq!(redactor.entry(path), expected, "{path}");
    }
}

#[test]
fn text_in_any_script_is_replaced() {
    let mut redactor = Redactor::new();
    for text in [
        "\u{431}\u{435}\u{43b}\u{44b}\u{439} \u{441}\u{442}\u{43e}\u{43b}",
        "\u{767d}\u{3044}\u{673a}",
        "caf\u{e9}",
        "\u{1f916}\u{200d}\u{1f527}",
    ] {
        for value in [
            json!({"prompt": text}),
            json!({"status": text}),
            json!({text: 1}),
            json!({"event": text}),
        ] {
            assert!(
                redactor.json(value.clone()).to_string().is_ascii(),
                "{value}"
            );
        }
    }
}

#[test]
fn times_are_recognised_exactly() {
    use super::json::is_time;
    for (text, expected) in [
        ("2026-06-01T12:00:00Z", true),
        ("2026-06-01T12:00:00.5+00:00", true),
        ("2026-06-01t12:00:00z", true),
        ("2026-06-01T12:00:00", true),
        ("2026-06-01", false),
        ("2026-06-01T12:00:00Zx", false),
        ("2026-06-01T12:00:00.", false),
        ("2026-06-01T12:00:00+0000", false),
        ("2026-06-01T12:00:00.12345678901", false),
        ("", false),
    ] {
        assert_eq!(is_time(text), expected, "{text}");
    }
}

#[test]
fn a_document_stays_except_for_a_key() {
    let document =
        json!({"openapi": "3.1.0", "paths": {"/v1/crimson": {"description": "A conveyor"}}});
    assert_eq!(redactor().document(document.clone()), document);
    let with_key =
        json!({"openapi": "3.1.0", "paths": {KEY: {"example": format!("Bearer {KEY}")}}});
    assert!(!redactor().document(with_key).to_string().contains(KEY));
}

#[test]
fn a_file_with_a_key_loses_it() {
    let text = redactor().without_secrets(format!("{{\"a\": \"{KEY}\"}}"));
    assert!(!text.contains("canary") && serde_json::from_str::<Value>(&text).is_ok());
}

#[test]
fn a_huge_text_is_one_word() {
    let mut redactor = Redactor::new();
    let text = "several words ".repeat(10_000);
    assert_eq!(
        redactor.json(json!({"prompt": text}))["prompt"]
            .as_str()
            .unwrap()
            .len(),
        64
    );
    redactor.add_private(&text);
    assert!(redactor.private.is_empty());
}

#[test]
fn a_short_key_hides_itself_and_no_other_value() {
    let mut redactor = Redactor::new();
    redactor.add_secret("e");
    redactor.add_secret("queued");
    let kept = json!({"status": "succeeded", "code": "no_scene", "type": "rendered"});
    assert_eq!(redactor.json(kept.clone()), kept);
    assert_ne!(
        redactor.json(json!({"status": "e"})),
        json!({"status": "e"})
    );
    assert_ne!(
        redactor.json(json!({"status": "queued"})),
        json!({"status": "queued"})
    );
}

proptest! {
    #[test]
    fn no_surrounding_reveals_a_private_word(
        before in "[^a-zA-Z]{0,20}|[ -@]{0,8}(data:|event:|/v1/scenes/|https://)?",
        after in "[^a-zA-Z]{0,20}|[.][a-z]{1,5}|_[a-z]{3,8}",
        word in prop::sample::select(vec!["crimson", "Conveyor", "WORKBENCHES", "beside", KEY, "js7abc123"]),
    ) {
        let text = format!("{before}{word}{after}");
        let mut redactor = redactor();
        let mut all = Vec::new();
        for name in ["status", "type", "prompt", "message", "id", "loc", "anything", "error", "url"] {
            all.push(redactor.json(json!({name: [text]})).to_string());
        }
        all.push(redactor.json(json!({&text: 1})).to_string());
        all.push(redactor.block(&text));
        for field in ["event: ", "data: ", "id:", ":", "retry: ", "other: "] {
            all.push(redactor.block(&format!("{field}{text}\n\n")));
        }
        all.push(redactor.entry(&text));
        if let Ok(value) = text.parse::<http::HeaderValue>() {
            for name in ["content-type", "etag", "location", "content-disposition", "server", "x-ratelimit-x", "x-y"] {
                let mut headers = HeaderMap::new();
                headers.insert(name, value.clone());
                all.push(format!("{:?}", redactor.response_headers(&headers)));
            }
        }
        for base in ["https://api.example/gizmo/v1/scenes/", "https://other.example/", "https://api.example/gizmo/v1/x?limit="] {
            if let Ok(url) = Url::parse(&format!("{base}{text}")) {
                all.push(redactor.url(&url));
            }
        }
        for text in all {
            prop_assert!(!leaks(&text), "{}", text);
        }
    }
}

#[test]
fn the_names_in_the_content_of_a_scene_are_replaced_unless_every_scene_may_have_them() {
    let mut redactor = Redactor::new();
    let body = json!({"scene": {"id": "a", "record": {
        "objects": {"moonlamp": {"position": [1, 2], "glow": {"tint": 3}}},
        "version": 2,
    }}});
    redactor.collect(&body, false);
    let replaced = redactor.json(body);
    let record = &replaced["scene"]["record"];
    assert_eq!(record["version"], 2);
    let objects = record["objects"].as_object().unwrap();
    let lamp = objects.values().next().unwrap();
    assert_eq!(lamp["position"], json!([1, 2]));
    let text = replaced.to_string();
    for name in ["moonlamp", "glow", "tint"] {
        assert!(!text.contains(name), "{text}");
    }
}
