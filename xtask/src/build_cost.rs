//! What the crate costs those who compile it: cold builds of a program that makes one call, by
//! gizmo-client and by the bare client that progenitor generates from the same document.

use std::{
    collections::BTreeSet,
    fs, io,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    Error, Result,
    cargo::cargo,
    table::{Goal, Table, median},
};

/// The two programs, in `benches/build_cost`.
const PROGRAMS: [&str; 2] = ["hello-bare", "hello-gizmo"];

/// Builds the programs in turns, `rounds` times each, and writes what came of it as Markdown.
///
/// # Errors
/// Cargo cannot be started, or a program does not build.
pub fn measure(root: &Path, rounds: u32) -> Result<String> {
    let target = root.join("target").join("build-cost");
    run(cargo()
        .args(["fetch", "--quiet", "--locked"])
        .current_dir(root))?;
    let mut builds: [Vec<Build>; 2] = Default::default();
    for round in 0..rounds {
        // Who goes first changes, so that a machine whose speed drifts favours nobody.
        for turn in 0..2 {
            let which = (round + turn) as usize % 2;
            builds[which].push(Build::cold(root, PROGRAMS[which], &target)?);
        }
    }
    clear(&target)?;
    let crates = [crates(root, PROGRAMS[0])?, crates(root, PROGRAMS[1])?];

    let mut table = Table::new(&[&"", &"bare", &"gizmo-client", &"", &"goal"]);
    let mut seconds = |name: &str, of: fn(&Build) -> f64| {
        let [bare, ours] = [0, 1].map(|which: usize| median(builds[which].iter().map(of)));
        table.row(&[
            &name,
            &format_args!("{bare:.1}"),
            &format_args!("{ours:.1}"),
            &format_args!("{:.3} times", ours / bare),
            &Goal::AtMost(1.1).of(ours / bare),
        ]);
    };
    seconds("cold build, s", |build| build.wall.as_secs_f64());
    if builds[0].iter().all(|build| !build.cpu.is_zero()) {
        seconds("CPU time of it, s", |build| build.cpu.as_secs_f64());
    }
    let more = crates[1] - crates[0];
    let goal = Goal::AtMost(25.0).of(more);
    table.row(&[
        &"crates",
        &crates[0],
        &crates[1],
        &format_args!("{more:+}"),
        &goal,
    ]);
    Ok(format!(
        "## What it costs to compile\n\n\
         A program that makes one call, built cold with default features, beside the same by the bare \
         client that progenitor generates from the same document with the same TLS. Medians of \
         {rounds} builds each, in turns.\n\n{table}"
    ))
}

struct Build {
    wall: Duration,
    /// User and system time; zero where the system does not tell.
    cpu: Duration,
}

impl Build {
    /// Builds a program and all that it depends on.
    fn cold(root: &Path, program: &str, target: &Path) -> Result<Self> {
        clear(target)?;
        let (before, start) = (cpu_time(), Instant::now());
        run(cargo()
            .args(["build", "--quiet", "--frozen", "--package", program])
            .arg("--target-dir")
            .arg(target)
            // As cargo builds what comes from the registry.
            .env("CARGO_INCREMENTAL", "0")
            .current_dir(root))?;
        Ok(Self {
            wall: start.elapsed(),
            cpu: cpu_time().saturating_sub(before),
        })
    }
}

/// What all child processes that have ended used, and theirs.
#[cfg(unix)]
fn cpu_time() -> Duration {
    use nix::sys::resource::{UsageWho, getrusage};

    let usage = getrusage(UsageWho::RUSAGE_CHILDREN);
    usage.map_or(Duration::ZERO, |usage| {
        let times = [usage.user_time(), usage.system_time()];
        let microseconds =
            |time: nix::sys::time::TimeVal| time.tv_sec() * 1_000_000 + time.tv_usec();
        Duration::from_micros(times.map(microseconds).iter().sum::<i64>().unsigned_abs())
    })
}

#[cfg(not(unix))]
fn cpu_time() -> Duration {
    Duration::ZERO
}

/// The number of crates that are compiled for a program, itself included.
fn crates(root: &Path, program: &str) -> Result<f64> {
    let tree = output(
        cargo()
            .args(["tree", "--locked", "--package", program])
            .args(["--edges", "normal,build", "--prefix", "none", "--no-dedupe"])
            .args(["--format", "{p}"])
            .current_dir(root),
    )?;
    // The same crate with other features, as a build dependency, is the same crate.
    let name_and_version = |line: &str| line.split(" (").next().map(str::to_owned);
    let crates: BTreeSet<String> = tree.lines().filter_map(name_and_version).collect();
    Ok(u32::try_from(crates.len()).map_or(f64::INFINITY, f64::from))
}

fn clear(target: &Path) -> Result<()> {
    match fs::remove_dir_all(target) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::refused(format!(
            "cannot remove {}: {error}",
            target.display()
        ))),
        _ => Ok(()),
    }
}

fn run(command: &mut Command) -> Result<()> {
    output(command).map(drop)
}

/// What a command prints; what it complains of is seen as it comes.
fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| Error::refused(format!("cannot start cargo: {error}")))?;
    if !output.status.success() {
        return Err(Error::refused(format!("{command:?}: {}", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
