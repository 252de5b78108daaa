//! The program `gizmo-simulator`: its output, its exit codes, and clients in other languages.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};

use crate::python::run_python;

const README: &str = include_str!("../../README.md");

fn program(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gizmo-simulator"));
    command.args(arguments).stdin(Stdio::null());
    command
}

fn output(arguments: &[&str]) -> Output {
    program(arguments).output().unwrap()
}

/// A running simulator, which is killed when it is dropped.
struct Running {
    child: Child,
    /// The variables that clients need.
    variables: Vec<(String, String)>,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut command = program(arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.as_mut().unwrap());
        stdout.read_line(&mut line).unwrap();
        let variables = line.split_whitespace().map(|variable| {
            let (name, value) = variable.split_once('=').unwrap();
            (name.to_owned(), value.to_owned())
        });
        let variables = variables.collect();
        Self { child, variables }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[test]
fn help_and_version_are_printed() {
    for argument in ["--help", "-h"] {
        let Output {
            status,
            stdout,
            stderr,
        } = output(&[argument]);
        let text = String::from_utf8(stdout).unwrap();
        assert!(status.success() && stderr.is_empty());
        for part in [
            "Usage: gizmo-simulator",
            "--port PORT",
            "--fail-job N",
            "[default: 90]",
        ] {
            assert!(text.contains(part), "{text}");
        }
    }
    let version = format!("gizmo-simulator {}\n", env!("CARGO_PKG_VERSION"));
    for argument in ["--version", "-V"] {
        let Output { status, stdout, .. } = output(&[argument]);
        assert!(status.success());
        assert_eq!(String::from_utf8(stdout).unwrap(), version);
    }
    // A reader may close the output early, without an error.
    let mut child = program(&["--help"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut errors = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut errors)
        .unwrap();
    assert_eq!(
        (errors.as_str(), child.wait().unwrap().code()),
        ("", Some(0))
    );
}

#[test]
fn wrong_usage_is_one_line_and_exit_code_2() {
    for (arguments, line) in [
        (
            &["--speed", "-1"][..],
            "invalid value `-1` for `--speed`: must not be negative",
        ),
        (&["--sped"], "unknown option `--sped`"),
        (&["--port"], "`--port PORT` lacks its value"),
    ] {
        let Output {
            status,
            stdout,
            stderr,
        } = output(arguments);
        assert_eq!(status.code(), Some(2));
        assert!(stdout.is_empty());
        let expected = format!("gizmo-simulator: {line}; --help lists the options\n");
        assert_eq!(String::from_utf8(stderr).unwrap(), expected);
    }
}

#[test]
fn a_port_in_use_is_one_line_and_exit_code_1() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let Output { status, stderr, .. } = output(&["--port", &port]);
    assert_eq!(status.code(), Some(1));
    let stderr = String::from_utf8(stderr).unwrap();
    let start = format!("gizmo-simulator: cannot listen on 127.0.0.1:{port}: ");
    assert!(
        stderr.starts_with(&start) && stderr.lines().count() == 1,
        "{stderr}"
    );
}

#[test]
fn a_recording_is_served_and_a_missing_one_is_one_line_and_exit_code_1() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().to_str().unwrap();
    let Output {
        status,
        stdout,
        stderr,
    } = output(&["--replay", path, "--port", "0"]);
    assert!(status.code() == Some(1) && stdout.is_empty());
    let stderr = String::from_utf8(stderr).unwrap();
    let start =
        format!("gizmo-simulator: no recording to replay: cannot read {path}/recording.json: ");
    assert!(
        stderr.starts_with(&start) && stderr.lines().count() == 1,
        "{stderr}"
    );

    let about = "{\"version\":1,\"client\":\"\",\"began_at\":0}";
    std::fs::write(directory.path().join("recording.json"), about).unwrap();
    let running = Running::start(&["--replay", path, "--speed", "inf"]);
    let names: Vec<&str> = running
        .variables
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(names, ["GIZMO_BASE_URL", "GIZMO_API_KEY"]);
    let address = running.variables[0].1.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .write_all(b"GET /v1/usage HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    assert!(response.contains("\"code\":\"not_recorded\""), "{response}");
}

#[test]
fn the_documented_options_exist() {
    let help = String::from_utf8(output(&["--help"]).stdout).unwrap();
    // Before it, the options are those of cargo.
    let (_, described) = README.split_once("gizmo-simulator --port").unwrap();
    let words = described.split_whitespace();
    let words = words.map(|word| word.trim_matches(['`', ',', '.']));
    let options = words.filter(|word| word.starts_with("--") && *word != "---");
    let mut count = 0;
    for option in options {
        count += 1;
        assert!(
            help.contains(&format!("{option} ")) || help.contains(&format!("{option}\n")),
            "{option}"
        );
    }
    assert!(count > 10, "{count}");
}

/// Runs the Python program of the README against a simulator.
fn run_readme(arguments: &[&str]) -> Option<Output> {
    let (_, program) = README.split_once("```python\n").unwrap();
    let (program, _) = program.split_once("```").unwrap();
    let running = Running::start(arguments);
    let directory = tempfile::tempdir().unwrap();
    let output = run_python("README", "requests", |command| {
        command.arg("-c").arg(program);
        command
            .current_dir(directory.path())
            .envs(running.variables.clone());
    })?;
    if output.status.success() {
        let archive = std::fs::read(directory.path().join("lab.zip")).unwrap();
        assert!(archive.starts_with(b"PK"));
    }
    Some(output)
}

#[test]
fn the_python_program_of_the_readme_generates_and_downloads_a_scene() {
    let Some(output) = run_readme(&["--speed", "inf"]) else {
        return;
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.ends_with(" bytes in lab.zip\n"), "{stdout}");
}

#[test]
fn the_python_program_of_the_readme_reports_a_job_that_the_simulator_made_fail() {
    let Some(output) = run_readme(&["--speed", "inf", "--fail-job", "1"]) else {
        return;
    };
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(stderr, "the job failed: the scene could not be assembled\n");
}
