//! Runs the simulator in a separate process, so that a benchmark measures only the client.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use gizmo_simulator::{Options, Simulator};
use tokio::runtime::Runtime;

/// The argument that makes a benchmark run as the simulator.
pub(crate) const SERVE: &str = "--serve";

pub(crate) fn runtime() -> Runtime {
    Runtime::new().expect("a runtime")
}

/// A simulator in a child process, which is killed on drop.
pub(crate) struct Serving {
    child: Child,
    pub(crate) url: String,
}

impl Serving {
    pub(crate) fn start() -> Self {
        let program = std::env::current_exe().expect("this program has a path");
        let mut child = Command::new(program)
            .arg(SERVE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program can be started");
        let mut url = String::new();
        let stdout = child.stdout.as_mut().expect("its output is piped");
        let line = BufReader::new(stdout).read_line(&mut url);
        line.expect("the simulator prints its URL");
        let url = url.trim().to_owned();
        Self { child, url }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the simulator until the parent process closes the pipe.
pub(crate) fn serve(options: Options, prepare: impl FnOnce(&Simulator)) {
    runtime().block_on(async {
        let simulator = Simulator::start(options).await.expect("a free port");
        prepare(&simulator);
        println!("{}", simulator.url());
        let mut line = String::new();
        let ended = tokio::task::spawn_blocking(move || std::io::stdin().read_line(&mut line));
        let _ = ended.await;
    });
}

/// Returns the resident memory of this process in bytes, or 0 on systems without `/proc`.
pub(crate) fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}
