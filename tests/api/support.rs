//! What the tests share: a client for a server, and a key that must never be seen.

use std::collections::BTreeSet;
use std::path::Path;

use std::time::Duration;

use gizmo_client::{Client, FinishedJob, RetryPolicy};
use gizmo_simulator::{Handle, Options, Simulator};
use tokio::process::Command;

/// A key to look for in whatever is printed.
pub(crate) const CANARY: &str = "gzm_k1_canary_5b1f";

pub(crate) fn client(base_url: &str) -> Client {
    Client::builder()
        .api_key(CANARY)
        .base_url(base_url)
        .build()
        .unwrap()
}

/// A client that sends everything once, for tests about one answer.
pub(crate) fn once(base_url: &str) -> Client {
    let builder = Client::builder().api_key(CANARY).base_url(base_url);
    builder.retry_policy(RetryPolicy::none()).build().unwrap()
}

/// The usual retries without the usual delays.
pub(crate) fn quick() -> RetryPolicy {
    let mut policy = RetryPolicy::default();
    policy.backoff.base = Duration::from_millis(1);
    policy.backoff.cap = Duration::from_millis(5);
    policy
}

/// Slows a paused clock down to 400 times the real one.
///
/// Left alone it jumps to the next timer as soon as an answer is not there at once, and on a busy
/// machine none is.
pub(crate) fn steady_clock() {
    tokio::spawn(async {
        loop {
            // While such a task is at work, a paused clock stands still.
            let pause = || std::thread::sleep(Duration::from_millis(1));
            tokio::task::spawn_blocking(pause).await.unwrap();
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
    });
}

/// A simulator, a client for it, and the handle that makes it misbehave.
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

    /// A lab in which jobs end as soon as they begin.
    pub(crate) async fn instant() -> Self {
        Self::start(Options::instant()).await
    }

    /// Settings of a client for a simulator.
    pub(crate) fn client_of(simulator: &Simulator) -> gizmo_client::ClientBuilder {
        Client::builder()
            .api_key(simulator.api_key())
            .base_url(simulator.url())
    }

    /// Makes a program talk to this simulator.
    pub(crate) fn environment<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        let command = command.env("GIZMO_API_KEY", self.simulator.api_key());
        command.env("GIZMO_BASE_URL", self.simulator.url())
    }

    /// A finished scene.
    pub(crate) async fn scene(&self) -> FinishedJob {
        let job = self.client.generate_scene().prompt("a robotics lab");
        job.start().await.unwrap().wait().await.unwrap()
    }
}

/// An example as a program of its own, without a key. Cargo builds the examples before the tests,
/// beside them.
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

/// The names in a folder.
pub(crate) fn names(dir: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// What a Python program prints of a model; `None`, and a line that says so, where Python cannot
/// import `MuJoCo`.
#[expect(
    clippy::print_stdout,
    reason = "a skipped check is named in the test's output"
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
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    Some(String::from_utf8(output.stdout).unwrap())
}
