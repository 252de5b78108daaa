//! The example `bake`, run as a program.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use gizmo_simulator::{Canned, Fault, On, Options};
use tokio::process::Command;

use crate::support::{CANARY, Lab, example, names};

fn bake() -> Command {
    example("bake")
}

async fn run(command: &mut Command, out: &Path) -> Output {
    command.arg("--out").arg(out).output().await.unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn without_a_key_the_example_uses_the_simulator_and_reports_it() {
    let dir = tempfile::tempdir().unwrap();
    for (format, extension) in [("mjcf", "xml"), ("usd", "usda"), ("sdf", "sdf")] {
        let out = dir.path().join(format);
        let output = run(bake().args(["a robotics lab", "--format", format]), &out).await;
        let stderr = text(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        assert!(
            stderr
                .lines()
                .next()
                .unwrap()
                .contains("using the simulator"),
            "{stderr}"
        );
        assert!(
            stderr.lines().last().unwrap().contains("job_succeeded"),
            "{stderr}"
        );
        let model = PathBuf::from(text(&output.stdout).trim());
        assert!(model.is_file());
        assert_eq!(model.parent(), Some(out.as_path()));
        assert_eq!(model.extension(), Some(extension.as_ref()));
    }
    assert_eq!(
        names(dir.path()).len(),
        9,
        "a directory, a journal and a history for each format"
    );
}

/// Returns the number of scenes that the simulator of the example has generated.
fn scenes_in(history: &Path) -> usize {
    let history = std::fs::read_to_string(history).unwrap();
    history.matches("\"generate_scene\"").count()
}

/// Runs a command, and kills it when a journal in `dir` whose name starts with `name` has the job's id.
async fn interrupt(command: &mut Command, dir: &Path, name: &str) {
    let mut running = command.stderr(Stdio::null()).spawn().unwrap();
    let journal = || {
        let mut files = std::fs::read_dir(dir).ok()?.flatten();
        let is_journal = |file: &str| file.starts_with(name) && file.ends_with(".bake.json");
        let journal = files.find(|file| file.file_name().to_str().is_some_and(is_journal))?;
        std::fs::read_to_string(journal.path()).ok()
    };
    while !journal().is_some_and(|journal| journal.contains("\"job_id\": \"job")) {
        assert!(running.try_wait().unwrap().is_none(), "it ended");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.kill().await.unwrap();
    let journal = journal().unwrap();
    assert!(journal.contains("\"phase\": \"running\""), "{journal}");
}

#[tokio::test]
async fn without_a_key_the_example_resumes_after_an_interruption() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("scene");
    let command = || {
        let mut command = bake();
        command.args(["a robotics lab", "--out"]).arg(&out);
        // An empty variable is not set.
        command.env("GIZMO_API_KEY", "").env("GIZMO_BASE_URL", "");
        command
    };
    interrupt(&mut command(), dir.path(), "scene").await;
    // Then once more, with its directory removed.
    for _ in 0..2 {
        let output = command().output().await.unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(Path::new(text(&output.stdout).trim()).is_file());
        assert_eq!(scenes_in(&dir.path().join("scene.simulator.jsonl")), 1);
        std::fs::remove_dir_all(&out).unwrap();
    }
}

#[tokio::test]
async fn with_a_key_and_a_base_url_the_example_uses_that_service() {
    let lab = Lab::start(Options::instant()).await;
    let dir = tempfile::tempdir().unwrap();
    let output = bake()
        .args(["a lab", "--out"])
        .arg(dir.path().join("lab"))
        .env("GIZMO_API_KEY", lab.simulator.api_key())
        .env("GIZMO_BASE_URL", format!("{}/v1/", lab.simulator.url()))
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(lab.handle.job_count(), 1);
}

#[tokio::test]
async fn a_failure_is_one_line_and_leaves_no_files() {
    let lab = Lab::start(Options::instant()).await;
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("full")).unwrap();
    std::fs::write(dir.path().join("full/mine"), "").unwrap();
    let (key, url) = (lab.simulator.api_key(), lab.simulator.url());
    // The second request that arrives is refused.
    let refused = Canned::error(400, "prompt_refused", "The prompt is not allowed");
    lab.handle.inject(
        On::operation("generate_scene").nth(2),
        Fault::Respond(refused),
    );
    lab.fail_job();
    for (out, prompt, key, url, message) in [
        (
            "lab",
            "a lab",
            CANARY,
            url,
            "generate_scene: 401 authentication_required: ",
        ),
        (
            "lab",
            "a lab",
            key,
            "http://127.0.0.1:1",
            "generate_scene: could not connect to http://127.0.0.1:1: ",
        ),
        (
            "lab",
            "a lab",
            key,
            url,
            "generate_scene: 400 prompt_refused: ",
        ),
        (
            "lab",
            "",
            key,
            url,
            "generate_scene: 422 validation_error: body.prompt: ",
        ),
        ("lab", "a lab", key, url, "the job failed: "),
        (
            "lab",
            "a lab",
            key,
            "http://gizmo.example",
            "the base URL `http://gizmo.example` is plain http",
        ),
        ("lab", "a lab", "", url, "GIZMO_API_KEY is not set"),
        ("full", "a lab", key, url, "`"),
    ] {
        let mut command = bake();
        command
            .arg(prompt)
            .env("GIZMO_API_KEY", key)
            .env("GIZMO_BASE_URL", url);
        let output = run(&mut command, &dir.path().join(out)).await;
        let lines = text(&output.stderr);
        let last = lines.lines().last().unwrap();
        assert!(last.starts_with(&format!("Error: {message}")), "{last}");
        let errors = lines.lines().filter(|line| line.starts_with("Error: "));
        assert_eq!(errors.count(), 1, "{lines}");
        assert!(!lines.contains("canary"), "{lines}");
        assert_eq!(
            (output.status.code(), text(&output.stdout)),
            (Some(1), String::new())
        );
        assert_eq!(names(dir.path()).into_iter().collect::<Vec<_>>(), ["full"]);
    }
    // Only the prompt that the service accepted has started a job.
    assert_eq!(lab.handle.job_count(), 1);
}

#[tokio::test]
async fn an_unknown_format_is_refused_with_the_known_ones() {
    let dir = tempfile::tempdir().unwrap();
    let unknown = run(bake().args(["a lab", "--format", "urdf"]), dir.path()).await;
    assert!(text(&unknown.stderr).contains("the known values: mjcf, usd, sdf"));
}
