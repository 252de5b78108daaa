//! Shared helpers: clients for test servers, and an API key that must never be printed.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use gizmo_client::{Client, FinishedJob, RetryPolicy};
use gizmo_simulator::{Fault, Handle, On, Options, Simulator};
use tokio::process::Command;

/// An API key that the tests search for in everything that is printed.
pub(crate) const CANARY: &str = "gzm_k1_canary_5b1f";

pub(crate) fn client(base_url: &str) -> Client {
    Client::builder()
        .api_key(CANARY)
        .base_url(base_url)
        .build()
        .unwrap()
}

/// Returns a client that never retries, for tests of a single response.
pub(crate) fn client_without_retries(base_url: &str) -> Client {
    let builder = Client::builder().api_key(CANARY).base_url(base_url);
    builder.retry_policy(RetryPolicy::none()).build().unwrap()
}

/// Returns the default retry policy with delays of a few milliseconds.
pub(crate) fn quick_retries() -> RetryPolicy {
    let mut policy = RetryPolicy::default();
    policy.backoff.base = Duration::from_millis(1);
    policy.backoff.cap = Duration::from_millis(5);
    policy
}

/// Advances a paused clock at 400 times the rate of the real one.
///
/// By itself, a paused clock advances to the next timer as soon as every task is idle. On a busy
/// machine that happens before a response arrives over loopback.
pub(crate) fn steady_clock() {
    tokio::spawn(async {
        loop {
            // A paused clock does not advance while a blocking task is running.
            let pause = || std::thread::sleep(Duration::from_millis(1));
            tokio::task::spawn_blocking(pause).await.unwrap();
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
    });
}

/// A simulator, a client for it, and the handle that injects its faults.
pub(crate) struct Lab {
    pub(crate) client: Client,
    pub(crate) handle: Handle,
    pub(crate) simulator: Simulator,
}

impl Lab {
    pub(crate) async fn start(options: Options) -> Self {
        let simulator = Simulator::start(options).await.unwrap();
        Self {
            client: Self::client_of(&simulator).build().unwrap(),
            handle: simulator.handle(),
            simulator,
        }
    }

    /// Starts a lab whose jobs end as soon as they start.
    pub(crate) async fn instant() -> Self {
        Self::start(Options::instant()).await
    }

    /// Returns a client builder with the key and the URL of a simulator.
    pub(crate) fn client_of(simulator: &Simulator) -> gizmo_client::ClientBuilder {
        Client::builder()
            .api_key(simulator.api_key())
            .base_url(simulator.url())
    }

    /// Sets the environment variables that make a program use this simulator.
    pub(crate) fn environment<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        let command = command.env("GIZMO_API_KEY", self.simulator.api_key());
        command.env("GIZMO_BASE_URL", self.simulator.url())
    }

    /// Makes the next job fail.
    pub(crate) fn fail_job(&self) {
        self.handle.inject(On::any(), Fault::FailJob);
    }

    /// Generates a scene and waits for its job.
    pub(crate) async fn scene(&self) -> FinishedJob {
        let job = self.client.generate_scene().prompt("a robotics lab");
        job.start().await.unwrap().wait().await.unwrap()
    }
}

/// Returns the command that runs an example, without an API key in its environment.
///
/// Cargo builds the examples before the tests, in the directory `examples` next to that of the test
/// binary.
pub(crate) fn example(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let built = test.parent().unwrap().with_file_name("examples");
    let mut command = Command::new(built.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)));
    command.kill_on_drop(true);
    command
        .env_remove("GIZMO_API_KEY")
        .env_remove("GIZMO_BASE_URL");
    command
}

/// Returns the names of the entries of a directory.
pub(crate) fn names(dir: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Returns what a Python program prints about a model. Prints a notice and returns `None` if Python
/// cannot import `MuJoCo`.
#[expect(
    clippy::print_stdout,
    reason = "the output of the test names the skipped check"
)]
pub(crate) fn in_mujoco(program: &str, model: &Path) -> Option<String> {
    let python = |arguments: &[&std::ffi::OsStr]| {
        let mut command = std::process::Command::new("python3");
        command.args(arguments).output()
    };
    let importable = python(&["-c".as_ref(), "import mujoco".as_ref()]);
    if !importable.is_ok_and(|output| output.status.success()) {
        println!("skipped: python3 cannot import mujoco");
        return None;
    }
    let output = python(&["-c".as_ref(), program.as_ref(), model.as_os_str()]).unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    Some(String::from_utf8(output.stdout).unwrap())
}
