//! Tests `refresh-spec` as a program: its output, its exit code and its effect on the tree.

use std::{fs, io::Write, net::TcpListener};

use flate2::{Compression, write::GzEncoder};
use serde_json::Value;

use super::tree::{Tree, newer, response, serve, serve_to_itself, succeeds};

#[test]
fn the_derived_files_of_the_repository_are_up_to_date() {
    let tree = Tree::new();
    let before = tree.files();
    succeeds(&tree.run(&["--check"]));
    assert!(tree.files() == before);
}

#[test]
fn the_current_document_from_a_file_changes_no_byte() {
    let tree = Tree::new();
    let before = tree.files();
    let shown = succeeds(&tree.run(&["--file", tree.path("upstream.json").to_str().unwrap()]));
    assert!(shown.contains("unchanged"), "{shown}");
    assert!(tree.files() == before);
}

#[test]
fn the_current_document_from_a_url_changes_no_byte() {
    let tree = Tree::new();
    let before = tree.files();
    let (base, server) = serve(vec![response(
        "200 OK",
        "ETag: \"1\"\r\n",
        tree.text("upstream.json").as_bytes(),
    )]);
    succeeds(
        &tree
            .command(&[])
            .env("GIZMO_BASE_URL", format!("{base}/v1/"))
            .output()
            .unwrap(),
    );
    assert!(tree.files() == before);
    assert!(server.join().unwrap()[0].starts_with("get /v1/openapi.json http/1.1\r\n"));
}

#[test]
fn a_newer_document_is_stored_as_served_and_pinned() {
    let tree = Tree::new();
    let document = newer(&tree);
    let (base, server) = serve(vec![
        response("200 OK", "ETag: \"2\"\r\n", &document),
        response("304 Not Modified", "", b""),
    ]);
    let url = format!("{base}/v1/openapi.json");
    let shown = succeeds(&tree.run(&["--url", &url]));
    assert!(shown.contains("~ operation usage"), "{shown}");
    assert_eq!(fs::read(tree.path("upstream.json")).unwrap(), document);
    let lock: Value = serde_json::from_str(&tree.text("spec.lock")).unwrap();
    assert_eq!(lock["source"], url.as_str());
    assert_eq!(lock["etag"], "\"2\"");
    succeeds(&tree.run(&["--check"]));

    let before = tree.files();
    succeeds(&tree.run(&["--url", &url]));
    assert!(tree.files() == before);
    assert!(server.join().unwrap()[1].contains("if-none-match: \"2\""));
}

#[test]
fn a_redirect_may_be_relative_and_stay_on_plain_http_on_this_machine() {
    for location in [
        "../openapi.json",
        "/openapi.json",
        "?latest",
        "//BASE/openapi.json",
    ] {
        let tree = Tree::new();
        let document = newer(&tree);
        let (base, server) = serve_to_itself(location, response("200 OK", "", &document));
        succeeds(&tree.run(&["--url", &format!("{base}/v1/openapi.json")]));
        assert_eq!(fs::read(tree.path("upstream.json")).unwrap(), document);
        let second = server.join().unwrap().remove(1);
        let expected = match location {
            "?latest" => "get /v1/openapi.json?latest ",
            _ => "get /openapi.json ",
        };
        assert!(second.starts_with(expected), "{location}: {second}");
    }
}

#[test]
fn the_transfer_of_a_document_does_not_change_it() {
    let tree = Tree::new();
    let plain = newer(&tree);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&plain).unwrap();
    let compressed = encoder.finish().unwrap();
    let hints = b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n";
    let marked = [b"\xef\xbb\xbf", plain.as_slice()].concat();
    for (served, stored) in [
        (
            response("200 OK", "Content-Encoding: gzip\r\n", &compressed),
            &plain,
        ),
        (
            [hints.as_slice(), &response("200 OK", "", &plain)].concat(),
            &plain,
        ),
        (response("200 OK", "", &marked), &marked),
    ] {
        let tree = Tree::new();
        let (base, server) = serve(vec![served]);
        succeeds(&tree.run(&["--url", &base]));
        server.join().unwrap();
        assert!(fs::read(tree.path("upstream.json")).unwrap() == *stored);
        succeeds(&tree.run(&["--check"]));
    }
}

#[test]
fn a_compressed_body_over_the_size_limit_is_refused() {
    let tree = Tree::new();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&vec![b' '; 17 * 1024 * 1024]).unwrap();
    let compressed = encoder.finish().unwrap();
    let body = response("200 OK", "Content-Encoding: gzip\r\n", &compressed);
    let (base, server) = serve(vec![body]);
    tree.fails(&["--url", &base], 1, "larger than 16 MiB");
    server.join().unwrap();
}

#[test]
fn a_duplicate_key_is_reported() {
    let tree = Tree::new();
    let path = tree.root.join("input.json");
    let text = tree.text("upstream.json");
    let twice = text.replacen(
        "\"title\":",
        "\"title\": \"the first title\", \"title\":",
        1,
    );
    fs::write(&path, twice).unwrap();
    let output = tree.run(&["--file", path.to_str().unwrap()]);
    let warnings = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        warnings,
        "warning: /info/title occurs more than once; the last value replaces the others\n"
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_dry_run_prints_the_changes_and_writes_nothing() {
    let tree = Tree::new();
    let before = tree.files();
    let path = tree.root.join("newer.json");
    fs::write(&path, newer(&tree)).unwrap();
    let shown = succeeds(&tree.run(&["--dry-run", "--file", path.to_str().unwrap()]));
    assert!(shown.contains("would change: openapi.json"), "{shown}");
    assert!(tree.files() == before);
}

#[test]
fn an_invalid_document_is_refused_and_the_tree_is_unchanged() {
    let tree = Tree::new();
    let path = tree.root.join("input.json");
    for (text, reason) in [
        ("", "is empty"),
        ("   \n", "is empty"),
        ("<!DOCTYPE html><html></html>", "an HTML page"),
        ("{\"openapi\": ", "not JSON"),
        ("openapi: [", "neither JSON nor YAML"),
        ("openapi: 3.1.0", "matches nothing"),
        ("[]", "not an OpenAPI document"),
        ("{\"detail\": \"x\"}", "not an OpenAPI document"),
        ("{\"swagger\": \"2.0\", \"paths\": {}}", "Swagger 2.0"),
        (
            "{\"openapi\": \"3.2.0\", \"paths\": {}}",
            "the `openapi` member is \"3.2.0\"",
        ),
        (
            "{\"openapi\": 3.1, \"paths\": {}}",
            "the `openapi` member is 3.1",
        ),
        ("{\"openapi\": \"3.1.0\"}", "matches nothing"),
        ("{\"openapi\": \"3.1.0\", \"paths\": []}", "matches nothing"),
    ] {
        fs::write(&path, text).unwrap();
        tree.fails(&["--file", path.to_str().unwrap()], 1, reason);
        let (base, server) = serve(vec![response("200 OK", "", text.as_bytes())]);
        tree.fails(&["--url", &base], 1, reason);
        server.join().unwrap();
    }
    tree.fails(
        &["--file", tree.root.join("nowhere.json").to_str().unwrap()],
        1,
        "cannot read the file",
    );
    tree.fails(
        &["--file", tree.root.to_str().unwrap()],
        1,
        "cannot read the file",
    );
}

#[test]
fn a_document_that_the_generator_does_not_support_is_refused_and_the_tree_is_unchanged() {
    let tree = Tree::new();
    let mut document: Value = serde_json::from_str(&tree.text("upstream.json")).unwrap();
    document["paths"]["/v1/usage"]["get"]["parameters"] = serde_json::json!([
        {"name": "authorization", "in": "header", "schema": {}},
        {"name": "session", "in": "cookie", "required": true, "schema": {"type": "string"}},
    ]);
    let path = tree.root.join("input.json");
    fs::write(&path, document.to_string()).unwrap();
    tree.fails(
        &["--file", path.to_str().unwrap()],
        1,
        "/paths/~1v1~1usage/get/parameters/0",
    );
}

#[test]
fn a_network_failure_has_exit_code_3_and_the_tree_is_unchanged() {
    let tree = Tree::new();
    for (served, reason) in [
        (response("404 Not Found", "", b"{}"), "404 Not Found"),
        (response("500 Internal Server Error", "", b""), "500"),
        (
            response("302 Found", "Location: http://example.com/\r\n", b""),
            "not https",
        ),
        (response("302 Found", "", b""), "without a valid `Location`"),
        (response("304 Not Modified", "", b""), "304"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nConnection: close\r\n\r\n{".to_vec(),
            "cannot read the response",
        ),
        (b"SSH-2.0-x\r\n\r\n".to_vec(), "cannot fetch"),
    ] {
        let (base, server) = serve(vec![served]);
        tree.fails(&["--url", &base], 3, reason);
        server.join().unwrap();
    }
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    tree.fails(&["--url", &format!("http://{free}/")], 3, "cannot fetch");
}

#[test]
fn a_body_over_the_size_limit_is_refused() {
    let tree = Tree::new();
    let (base, server) = serve(vec![response("200 OK", "", &vec![b' '; 17 * 1024 * 1024])]);
    tree.fails(&["--url", &base], 1, "larger than 16 MiB");
    server.join().unwrap();
}

#[test]
fn an_invalid_url_is_refused() {
    let tree = Tree::new();
    tree.fails(&["--url", "nonsense"], 1, "not an http or https URL");
    tree.fails(&["--url", "http://example.com/openapi.json"], 1, "https");
    let output = tree
        .command(&[])
        .env("GIZMO_BASE_URL", "ftp://example.com")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_wrong_command_line_has_exit_code_2() {
    let tree = Tree::new();
    for arguments in [
        &["--check", "--url", "https://a.example"][..],
        &["--check", "--dry-run"],
        &["--file", "a", "--url", "https://a.example"],
        &["--nonsense"],
    ] {
        assert_eq!(tree.run(arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn a_stale_file_fails_the_check() {
    for name in ["openapi.json", "ledger.json"] {
        let tree = Tree::new();
        let text = tree.text(name);
        fs::write(tree.path(name), text.replacen("  ", "   ", 1)).unwrap();
        tree.fails(&["--check"], 4, &format!("openapi/{name} is stale"));
        fs::remove_file(tree.path(name)).unwrap();
        tree.fails(&["--check"], 4, &format!("openapi/{name} is stale"));
    }
    let tree = Tree::new();
    fs::write(
        tree.path("upstream.json"),
        tree.text("upstream.json") + "\n",
    )
    .unwrap();
    tree.fails(&["--check"], 4, "spec.lock");
    fs::remove_file(tree.path("upstream.json")).unwrap();
    tree.fails(&["--check"], 1, "cannot read openapi/upstream.json");
}

#[test]
fn a_handwritten_document_that_the_generator_does_not_support_fails_the_check() {
    let tree = Tree::new();
    let text = tree.text("alpha.json");
    let unknown = text.replace(
        "#/components/schemas/PlacedAsset",
        "#/components/schemas/Nowhere",
    );
    let reserved = text.replace("\"place_asset\"", "\"new\"");
    for (text, reason) in [
        (&text[1..], "openapi/alpha.json: not JSON"),
        (&unknown, "openapi/alpha.json: "),
        (
            &reserved,
            "openapi/alpha.json: /paths/~1v1~1scenes~1{scene_id}~1assets/post/operationId: the client already has a method `new`",
        ),
    ] {
        fs::write(tree.path("alpha.json"), text).unwrap();
        tree.fails(&["--check"], 1, reason);
    }
    fs::remove_file(tree.path("alpha.json")).unwrap();
    tree.fails(&["--check"], 1, "cannot read openapi/alpha.json");
}

#[test]
fn a_changed_overlay_is_derived_again_and_the_lock_is_unchanged() {
    let tree = Tree::new();
    let lock = tree.text("spec.lock");
    let overlay = tree
        .text("overlay.json")
        .replace("\"The status of a job.\"", "\"The state of a job.\"");
    fs::write(tree.path("overlay.json"), overlay).unwrap();
    tree.fails(&["--check"], 4, "openapi/openapi.json");
    let shown = succeeds(&tree.run(&["--file", tree.path("upstream.json").to_str().unwrap()]));
    assert!(
        shown.contains("~ type JobStatus") && shown.contains("changed: openapi.json"),
        "{shown}"
    );
    assert_eq!(tree.text("spec.lock"), lock);
    succeeds(&tree.run(&["--check"]));
}

#[test]
fn an_interrupted_replacement_is_completed_or_undone() {
    let tree = Tree::new();
    let fresh = tree.files();
    // Killed during the preparation of the new files: nothing has been replaced.
    fs::write(tree.path("openapi.json.next"), "half").unwrap();
    succeeds(&tree.run(&["--check"]));
    assert!(tree.files() == fresh);
    // Killed between the renames: the journal lists the remaining renames.
    fs::rename(tree.path("openapi.json"), tree.path("openapi.json.next")).unwrap();
    fs::write(tree.path("openapi.json"), "old").unwrap();
    fs::write(tree.path("refresh.journal"), "ledger.json\nopenapi.json").unwrap();
    succeeds(&tree.run(&["--check"]));
    assert!(tree.files() == fresh);
}
