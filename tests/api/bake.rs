//! The example `bake` as a user meets it: a program with a terminal, or without.

use std::path::{Path, PathBuf};
use std::process::Output;

use gizmo_simulator::Options;
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
async fn without_a_key_it_uses_the_simulator_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    for (format, model) in [
        ("mjcf", "scene.xml"),
        ("usd", "scene.usda"),
        ("sdf", "model.sdf"),
    ] {
        let out = dir.path().join(format);
        let output = run(bake().args(["a robotics lab", "--format", format]), &out).await;
        let said = text(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert!(
            said.lines().next().unwrap().contains("using the simulator"),
            "{said}"
        );
        assert!(
            said.lines().last().unwrap().contains("job_succeeded"),
            "{said}"
        );
        assert_eq!(PathBuf::from(text(&output.stdout).trim()), out.join(model));
        assert!(out.join(model).is_file());
    }
    assert_eq!(names(dir.path()).len(), 6, "a folder and a journal each");
}

#[tokio::test]
async fn with_a_key_and_a_base_url_it_talks_to_that_service() {
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
async fn what_goes_wrong_is_one_line_and_leaves_nothing() {
    let lab = Lab::start(Options::instant()).await;
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("full")).unwrap();
    std::fs::write(dir.path().join("full/mine"), "").unwrap();
    let (key, url) = (lab.simulator.api_key(), lab.simulator.url());
    for (out, prompt, key, url, said) in [
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
            "a forbidden lab",
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
        ("lab", "a doomed lab", key, url, "the job failed: "),
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
        assert!(last.starts_with(&format!("Error: {said}")), "{last}");
        let errors = lines.lines().filter(|line| line.starts_with("Error: "));
        assert_eq!(errors.count(), 1, "{lines}");
        assert!(!lines.contains("canary"), "{lines}");
        assert_eq!(
            (output.status.code(), text(&output.stdout)),
            (Some(1), String::new())
        );
        assert_eq!(names(dir.path()).into_iter().collect::<Vec<_>>(), ["full"]);
    }
    // Only the prompts that the service took have cost anything.
    assert_eq!(lab.handle.job_count(), 1);
}

#[tokio::test]
async fn a_file_of_prompts_is_baked_into_a_folder_each() {
    let lab = Lab::start(Options::instant()).await;
    let dir = tempfile::tempdir().unwrap();
    let (file, out) = (dir.path().join("prompts.txt"), dir.path().join("scenes"));
    std::fs::write(&file, "a kitchen\na doomed lab\na garage\n").unwrap();
    let mut command = bake();
    command.arg("--prompts").arg(&file);
    let output = run(lab.environment(&mut command), &out).await;
    let said = text(&output.stderr);
    assert!(
        said.contains("a doomed lab: ") && said.contains("\nError: not all"),
        "{said}"
    );
    let models = text(&output.stdout);
    assert_eq!(
        models
            .lines()
            .filter(|line| Path::new(line).is_file())
            .count(),
        2,
        "{models}"
    );
    assert_eq!((output.status.code(), lab.handle.job_count()), (Some(1), 3));

    let absent = run(bake().args(["--prompts", "absent.txt"]), &out).await;
    assert!(text(&absent.stderr).contains("invalid value 'absent.txt' for '--prompts"));
}
