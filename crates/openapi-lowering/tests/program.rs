//! Tests the program.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot continue has failed, and the panic names the location"
)]

use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio, id},
};

use serde_json::Value;

/// A directory that is removed on drop.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = env::temp_dir().join(format!("openapi-lowering-{name}-{}", id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).unwrap();
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_openapi-lowering"));
        command.args(arguments).current_dir(&self.0);
        command
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn succeeds(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

const YAML: &str = "
openapi: 3.1.0
info: {title: Notes, version: 1.0}
paths:
  /notes:
    get:
      operationId: list_notes
      responses:
        200:
          description: ok
          content:
            application/json:
              schema: {type: [array, 'null'], items: {type: string}}
  /upload:
    post:
      operationId: upload
      parameters: [{name: session, in: cookie, required: true, schema: {type: string}}]
      responses: {204: {description: ok}}
";

#[test]
fn lower_reads_yaml_and_reports_what_is_left_out() {
    let directory = Directory::new("yaml");
    directory.write("api.yaml", YAML);
    let output = directory.run(&[
        "lower",
        "api.yaml",
        "-o",
        "lowered.json",
        "--report",
        "--ledger",
        "ledger.json",
    ]);
    let report = succeeds(&output);
    let lines: Vec<&str> = report.lines().collect();
    assert_eq!(lines[..2], ["operations in: 2", "operations out: 1"]);
    assert!(
        lines[2].starts_with("left out: /paths/~1upload/post: "),
        "{report}"
    );
    assert!(lines[3].starts_with("rewrites: "), "{report}");
    let text = fs::read_to_string(directory.0.join("lowered.json")).unwrap();
    let lowered: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(lowered["openapi"], "3.0.3");
    assert!(lowered["paths"].get("/upload").is_none());
    assert!(
        fs::read_to_string(directory.0.join("ledger.json"))
            .unwrap()
            .contains("left-out")
    );
    // The lowered document is one that can be lowered, and nothing changes.
    let again = directory.run(&["lower", "lowered.json", "--previous", "lowered.json"]);
    assert_eq!(succeeds(&again), text);
}

#[test]
fn the_document_can_come_from_standard_input_and_go_to_standard_output() {
    let directory = Directory::new("pipe");
    let mut child = directory
        .command(&["lower", "-", "--report"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(YAML.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    serde_json::from_str::<Value>(&succeeds(&output)).unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).starts_with("operations in: 2\n"));
}

#[test]
fn the_overlay_corrects_the_document() {
    let directory = Directory::new("overlay");
    directory.write("api.yaml", YAML);
    let overlay = r#"{"overlay": "1.0.0", "actions": [
        {"target": "$.paths['/upload']", "remove": true}]}"#;
    directory.write("overlay.json", overlay);
    let output = directory.run(&[
        "lower",
        "api.yaml",
        "-o",
        "l.json",
        "--overlay",
        "overlay.json",
        "--report",
    ]);
    assert!(succeeds(&output).starts_with("operations in: 1\noperations out: 1\nrewrites: "));
}

#[test]
fn diff_compares_documents_of_either_form() {
    let directory = Directory::new("diff");
    directory.write("old.yaml", YAML);
    directory.write(
        "new.yaml",
        &YAML.replace("items: {type: string}", "items: {type: integer}"),
    );
    let shown = succeeds(&directory.run(&["diff", "old.yaml", "new.yaml"]));
    assert!(shown.contains("requires a major release"), "{shown}");
    succeeds(&directory.run(&["lower", "new.yaml", "-o", "new.json"]));
    let shown = succeeds(&directory.run(&["diff", "old.yaml", "new.json", "--format", "json"]));
    let diff: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(diff["class"], "major");
    assert_eq!(
        succeeds(&directory.run(&["diff", "new.yaml", "new.yaml"])),
        ""
    );
}

#[test]
fn a_failure_is_one_line_that_names_the_file() {
    let directory = Directory::new("failure");
    directory.write("empty.json", "");
    directory.write("api.yaml", YAML);
    directory.write("broken.json", "{");
    for (arguments, reason) in [
        (&["lower", "gone.json"][..], "cannot read gone.json: "),
        (
            &["lower", "empty.json"],
            "empty.json: the document is empty",
        ),
        (
            &["lower", "broken.json"],
            "broken.json: the document is not JSON",
        ),
        (
            &["lower", "api.yaml", "--overlay", "broken.json"],
            "broken.json: not JSON",
        ),
        (
            &["lower", "api.yaml", "-o", "gone/lowered.json"],
            "cannot write gone/lowered.json: ",
        ),
        (&["diff", "api.yaml", "broken.json"], "broken.json: "),
    ] {
        let output = directory.run(arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        assert!(stderr.starts_with(reason), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
    assert!(!Path::new("gone").exists());
}
