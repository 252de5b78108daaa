//! Runs all benchmarks and writes their output to `benches/README.md`.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{Error, Result, build_cost, cargo::cargo, table::Table};

/// The benchmarks and their packages, in the order of the report.
const BENCHES: [(&str, &str); 7] = [
    ("gizmo-client", "call"),
    ("gizmo-client", "follow"),
    ("gizmo-client", "bakes"),
    ("gizmo-client", "export"),
    ("gizmo-client", "model"),
    ("gizmo-client", "sse"),
    ("gizmo-fleet", "fleet"),
];

/// The timeout of one compiled benchmark. The slowest one takes about a minute.
const TIMEOUT: Duration = Duration::from_secs(240);

/// The number of cold builds of each program.
const ROUNDS: u32 = 3;

const REPORT: &str = "benches/README.md";

const INTRODUCTION: &str = "\
# Benchmarks

Measurements of the speed, memory and build time of the crate. `cargo xtask bench-report` runs all
benchmarks and generates this file; do not edit it. Each peer runs in turns with the crate, against the
same simulator in a separate process, so a ratio is more reliable than a time. A goal that was missed is
reported as missed.

| command | measures |
| --- | --- |
| `cargo xtask bench-report` | everything; takes about twenty minutes, plus the build |
| `cargo bench --bench call` | one call, compared with bare reqwest |
| `cargo bench --bench follow [-- JOBS]` | many jobs followed by one process |
| `cargo bench --bench bakes` | many bakes within a rate limit |
| `cargo bench --bench export [-- download\\|unpack]` | the download of an export, compared with curl; the unpacking of an export and of 20,000 small files, compared with unzip, bsdtar and ripunzip |
| `cargo bench --bench model` | models of 300 MB, compared with a plain pass over their XML |
| `cargo bench --bench sse [-- ROUNDS [NAME]]` | the decoder of server-sent events, compared with others |
| `cargo bench -p gizmo-fleet --bench fleet` | scenes into a local store, compared with `to_file` |
| `cargo xtask build-cost [--rounds N]` | cold builds, compared with the bare generated client |

A peer that is not installed is reported and skipped. Debian and Ubuntu have curl, unzip and bsdtar, in the
packages `curl`, `unzip` and `libarchive-tools`; `cargo install ripunzip@2.0.3 --locked` installs ripunzip.
";

/// Runs all benchmarks in `root` and replaces the report. Calls `print_progress` before each step.
///
/// # Errors
/// If a benchmark fails or takes too long. The report is then unchanged.
pub fn write(root: &Path, print_progress: impl Fn(&str)) -> Result<()> {
    let mut report = format!("{INTRODUCTION}\n## The machine\n\n{}", machine());
    print_progress("compiling");
    for (package, bench) in BENCHES {
        cargo_bench(root, &["-p", package, "--bench", bench, "--no-run"], None)?;
    }
    for (package, bench) in BENCHES {
        let arguments = ["-p", package, "--bench", bench];
        print_progress(&format!("cargo bench {}", arguments.join(" ")));
        let output = cargo_bench(root, &arguments, Some(TIMEOUT))?;
        report.push('\n');
        report.push_str(output.trim_end());
        report.push('\n');
    }
    print_progress(&format!("{} cold builds", 4 * ROUNDS));
    report.push('\n');
    report.push_str(&build_cost::measure(root, ROUNDS)?);
    let path = root.join(REPORT);
    fs::write(&path, report)
        .map_err(|error| Error::refused(format!("cannot write {}: {error}", path.display())))
}

/// Runs `cargo bench` and returns its stdout. After `timeout`, it is killed.
fn cargo_bench(root: &Path, arguments: &[&str], timeout: Option<Duration>) -> Result<String> {
    let name = format!("cargo bench {}", arguments.join(" "));
    let failed = |reason: &dyn std::fmt::Display| Error::refused(format!("{name}: {reason}"));
    // A pipe would need a thread that reads it while this one waits.
    let output_path = root.join("target").join("bench-report.txt");
    let file = fs::File::create(&output_path).map_err(|error| failed(&error))?;
    let mut child = cargo()
        .args(["bench", "--quiet", "--locked"])
        .args(arguments)
        .current_dir(root)
        .stdin(Stdio::null())
        .stdout(file)
        .spawn()
        .map_err(|error| failed(&error))?;
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().map_err(|error| failed(&error))? {
            break status;
        }
        if let Some(timeout) = timeout
            && start.elapsed() > timeout
        {
            let _ = child.kill();
            let _ = child.wait();
            return Err(failed(&format_args!("timed out after {timeout:?}")));
        }
        thread::sleep(Duration::from_millis(200));
    };
    if !status.success() {
        return Err(failed(&status));
    }
    fs::read_to_string(&output_path).map_err(|error| failed(&error))
}

/// Describes the machine as a table. Values that cannot be determined are omitted.
fn machine() -> String {
    let field = |path: &str, key: &str| {
        let text = fs::read_to_string(path).ok()?;
        let line = text.lines().find(|line| line.starts_with(key))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    let memory = || {
        let text = field("/proc/meminfo", "MemTotal")?;
        let kib: u64 = text.strip_suffix(" kB")?.parse().ok()?;
        Some(format!("{} GiB", (kib + (1 << 19)) >> 20))
    };
    let load = || {
        let text = fs::read_to_string("/proc/loadavg").ok()?;
        text.split(' ').next().map(str::to_owned)
    };
    let cores = thread::available_parallelism().ok();
    let rows = [
        ("processor", field("/proc/cpuinfo", "model name")),
        ("cores", cores.map(|cores| cores.to_string())),
        ("memory", memory()),
        ("system", run("uname", &["-srm"])),
        ("compiler", run("rustc", &["--version"])),
        ("commit", run("git", &["describe", "--always", "--dirty"])),
        ("date", run("date", &["-u", "+%Y-%m-%d"])),
        ("load before the start", load()),
    ];
    let mut table = Table::new(&[&"", &""]);
    for (name, value) in rows {
        if let Some(value) = value {
            table.row(&[&name, &value]);
        }
    }
    table.to_string()
}
