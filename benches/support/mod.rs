//! A simulator in a process of its own, so that what a benchmark measures is the client alone.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use gizmo_simulator::{Options, Simulator};
use tokio::runtime::Runtime;

/// The argument with which a benchmark starts itself again to be the simulator.
pub(crate) const SERVE: &str = "--serve";

pub(crate) fn runtime() -> Runtime {
    Runtime::new().expect("a runtime")
}

/// A simulator in a child process, which goes when this is dropped.
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
            .expect("this program starts again");
        let mut url = String::new();
        let said = child.stdout.as_mut().expect("its output is piped");
        let line = BufReader::new(said).read_line(&mut url);
        line.expect("it says where it listens");
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

/// Is the simulator, until the process that started this one closes the pipe.
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

/// Resident memory of this process in bytes; Linux says it in /proc.
pub(crate) fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kib.unwrap_or_default() * 1024
}
