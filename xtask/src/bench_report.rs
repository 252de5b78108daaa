//! Runs every benchmark and writes `benches/README.md` of what they print.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{Error, Result, build_cost, cargo::cargo, table::Table};

/// The benchmarks, in the order of the report.
const BENCHES: [&str; 5] = ["call", "follow", "bakes", "export", "sse"];

/// The longest that one may take once it is compiled; the longest of them needs one minute.
const LONGEST: Duration = Duration::from_secs(240);

/// Cold builds of each program.
const ROUNDS: u32 = 3;

const REPORT: &str = "benches/README.md";

const HEAD: &str = "\
# Benchmarks

What the crate claims to be fast, lean or frugal at, measured. `cargo xtask bench-report` runs all of
it and writes this file; nothing in it is written by hand. Every peer runs in the same minutes as the
crate and in turns with it, and against the same simulator in a process of its own, so a ratio says
more than a time. A goal that was missed stays in the table as missed.

| command | measures |
| --- | --- |
| `cargo xtask bench-report` | all of it: some twenty minutes, and the build before them |
| `cargo bench --bench call` | one call beside the same by bare reqwest |
| `cargo bench --bench follow [-- JOBS]` | many jobs followed by one process |
| `cargo bench --bench bakes` | many bakes within a rate limit |
| `cargo bench --bench export [-- download\\|unpack]` | an export received (beside curl) and unpacked (beside unzip and bsdtar) |
| `cargo bench --bench sse [-- ROUNDS [NAME]]` | the decoder of server-sent events beside others |
| `cargo xtask build-cost [--rounds N]` | cold builds beside those of the bare generated client |

A peer that is not installed is named and left out.
";

/// Runs all benchmarks in `root` and replaces the report.
///
/// # Errors
/// A benchmark fails or takes too long; the report is then as it was.
pub fn write(root: &Path, say: impl Fn(&str)) -> Result<()> {
    let mut report = format!("{HEAD}\n## The machine\n\n{}", machine());
    say("compiling");
    cargo_bench(root, &["--no-run"], None)?;
    for bench in BENCHES {
        say(&format!("cargo bench --bench {bench}"));
        let found = cargo_bench(root, &["--bench", bench], Some(LONGEST))?;
        report.push('\n');
        report.push_str(found.trim_end());
        report.push('\n');
    }
    say(&format!("{} cold builds", 4 * ROUNDS));
    report.push('\n');
    report.push_str(&build_cost::measure(root, ROUNDS)?);
    let path = root.join(REPORT);
    fs::write(&path, report)
        .map_err(|error| Error::refused(format!("cannot write {}: {error}", path.display())))
}

/// What `cargo bench` prints; it is ended when it takes longer than `longest`.
fn cargo_bench(root: &Path, arguments: &[&str], longest: Option<Duration>) -> Result<String> {
    let name = format!("cargo bench {}", arguments.join(" "));
    let failed = |what: &dyn std::fmt::Display| Error::refused(format!("{name}: {what}"));
    // To a file, which needs no thread to be emptied while this one watches the clock.
    let printed = root.join("target").join("bench-report.txt");
    let file = fs::File::create(&printed).map_err(|error| failed(&error))?;
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
        if longest.is_some_and(|longest| start.elapsed() > longest) {
            let _ = child.kill();
            let _ = child.wait();
            return Err(failed(&format_args!("longer than {LONGEST:?}")));
        }
        thread::sleep(Duration::from_millis(200));
    };
    if !status.success() {
        return Err(failed(&status));
    }
    fs::read_to_string(&printed).map_err(|error| failed(&error))
}

/// What the numbers were measured on; what cannot be found out is left out.
fn machine() -> String {
    let line = |path: &str, key: &str| {
        let text = fs::read_to_string(path).ok()?;
        let line = text.lines().find(|line| line.starts_with(key))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let said = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    let memory = || {
        let text = line("/proc/meminfo", "MemTotal")?;
        let kib: u64 = text.strip_suffix(" kB")?.parse().ok()?;
        Some(format!("{} GiB", (kib + (1 << 19)) >> 20))
    };
    let load = || {
        let text = fs::read_to_string("/proc/loadavg").ok()?;
        text.split(' ').next().map(str::to_owned)
    };
    let cores = thread::available_parallelism().ok();
    let rows = [
        ("processor", line("/proc/cpuinfo", "model name")),
        ("cores", cores.map(|cores| cores.to_string())),
        ("memory", memory()),
        ("system", said("uname", &["-srm"])),
        ("compiler", said("rustc", &["--version"])),
        ("commit", said("git", &["describe", "--always", "--dirty"])),
        ("date", said("date", &["-u", "+%Y-%m-%d"])),
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
