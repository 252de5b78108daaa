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

/// A program in `benches/build_cost`.
struct Program {
    /// Its package, of the workspace or of one in a directory of its own.
    package: &'static str,
    directory: Option<&'static str>,
    what: &'static str,
}

/// The bare client twice, gizmo-client, and gizmo-client without what the bare one has nothing of.
const PROGRAMS: [Program; 4] = [
    Program {
        package: "by-manual",
        directory: Some("benches/build_cost/by_manual"),
        what: "bare, by progenitor's manual",
    },
    Program {
        package: "hello-bare",
        directory: None,
        what: "bare, with our TLS and HTTP",
    },
    Program {
        package: "hello-gizmo",
        directory: None,
        what: "gizmo-client",
    },
    Program {
        package: "hello-lean",
        directory: None,
        what: "gizmo-client without `bundle`",
    },
];

/// Builds the programs in turns, `rounds` times each, and writes what came of it as Markdown.
///
/// # Errors
/// Cargo cannot be started, or a program does not build.
pub fn measure(root: &Path, rounds: u32) -> Result<String> {
    let target = root.join("target").join("build-cost");
    for program in &PROGRAMS {
        run(program.cargo(root).args(["fetch", "--quiet", "--locked"]))?;
    }
    let mut builds: [Vec<Build>; 4] = Default::default();
    for round in 0..rounds {
        // Who goes first changes, so that a machine whose speed drifts favours nobody.
        for turn in 0..PROGRAMS.len() {
            let which = (round as usize + turn) % PROGRAMS.len();
            builds[which].push(PROGRAMS[which].build(root, &target)?);
        }
    }
    clear(&target)?;

    let mut table = Table::new(&[
        &"a program that makes one call by",
        &"crates",
        &"cold build, s",
        &"times the first",
        &"times the second",
        &"CPU time, s",
        &"times the first",
        &"times the second",
        &"goal",
    ]);
    let of = |time: fn(&Build) -> Duration| {
        let seconds =
            |builds: &Vec<Build>| median(builds.iter().map(|one| time(one).as_secs_f64()));
        builds.each_ref().map(seconds)
    };
    let (wall, cpu) = (of(|build| build.wall), of(|build| build.cpu));
    let mut crates = Vec::new();
    for program in &PROGRAMS {
        crates.push(program.crates(root)?);
    }
    for (which, program) in PROGRAMS.iter().enumerate() {
        let times = |times: &[f64; 4], other: usize| match times[other] {
            0.0 => "unknown".to_owned(),
            other => format!("{:.2}", times[which] / other),
        };
        // The whole crate beside what users would write without it; and without what has no
        // counterpart, beside the client that differs in nothing else.
        let goal = match program.package {
            "hello-gizmo" => {
                let time = Goal::AtMost(1.1).of(wall[which] / wall[0]);
                let more = Goal::AtMost(25.0).of(crates[which] - crates[1]);
                format!("first {time}; crates above the second {more}")
            }
            "hello-lean" => format!("second {}", Goal::AtMost(1.1).of(wall[which] / wall[1])),
            _ => String::new(),
        };
        table.row(&[
            &program.what,
            &crates[which],
            &format_args!("{:.1}", wall[which]),
            &times(&wall, 0),
            &times(&wall, 1),
            &format_args!("{:.1}", cpu[which]),
            &times(&cpu, 0),
            &times(&cpu, 1),
            &goal,
        ]);
    }
    Ok(format!(
        "## What it costs to compile\n\n\
         Built cold, beside the bare client that progenitor generates from the same document: once with \
         the dependencies as its manual names them, whose TLS is reqwest's default, and once with the TLS \
         and the HTTP that gizmo-client has. Medians of {rounds} builds each, in turns.\n\n{table}"
    ))
}

impl Program {
    /// Cargo for its workspace.
    fn cargo(&self, root: &Path) -> Command {
        let mut cargo = cargo();
        cargo.current_dir(
            self.directory
                .map_or(root.to_owned(), |directory| root.join(directory)),
        );
        cargo
    }

    /// Builds it and all that it depends on.
    fn build(&self, root: &Path, target: &Path) -> Result<Build> {
        clear(target)?;
        let (before, start) = (cpu_time(), Instant::now());
        run(self
            .cargo(root)
            .args(["build", "--quiet", "--frozen", "--package", self.package])
            .arg("--target-dir")
            .arg(target)
            // As cargo builds what comes from the registry.
            .env("CARGO_INCREMENTAL", "0"))?;
        Ok(Build {
            wall: start.elapsed(),
            cpu: cpu_time().saturating_sub(before),
        })
    }

    /// The number of crates that are compiled for it, itself included.
    fn crates(&self, root: &Path) -> Result<f64> {
        let tree = output(
            self.cargo(root)
                .args(["tree", "--locked", "--package", self.package])
                .args(["--edges", "normal,build", "--prefix", "none", "--no-dedupe"])
                .args(["--format", "{p}"]),
        )?;
        // The same crate with other features, as a build dependency, is the same crate.
        let name_and_version = |line: &str| line.split(" (").next().map(str::to_owned);
        let crates: BTreeSet<String> = tree.lines().filter_map(name_and_version).collect();
        Ok(u32::try_from(crates.len()).map_or(f64::INFINITY, f64::from))
    }
}

struct Build {
    wall: Duration,
    /// User and system time; zero where the system does not say.
    cpu: Duration,
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
