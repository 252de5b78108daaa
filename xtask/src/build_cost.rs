//! Measures the build time of the crate: cold builds of programs that make one call, with
//! gizmo-client and with the bare client that progenitor generates from the same document.

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
    package: &'static str,
    /// The directory of the package, if it is not part of the workspace.
    directory: Option<&'static str>,
    /// The name in the report.
    name: &'static str,
}

/// Two programs with the bare client, then gizmo-client with and without `bundle`. The bare client
/// has no counterpart of `bundle`.
const PROGRAMS: [Program; 4] = [
    Program {
        package: "by-manual",
        directory: Some("benches/build_cost/by_manual"),
        name: "bare, by progenitor's manual",
    },
    Program {
        package: "hello-bare",
        directory: None,
        name: "bare, with our TLS and HTTP",
    },
    Program {
        package: "hello-gizmo",
        directory: None,
        name: "gizmo-client",
    },
    Program {
        package: "hello-lean",
        directory: None,
        name: "gizmo-client without `bundle`",
    },
];

/// Builds the programs in turns, `rounds` times each, and returns the results as Markdown.
///
/// # Errors
/// If cargo cannot be started, or a program does not build.
pub fn measure(root: &Path, rounds: u32) -> Result<String> {
    let target = root.join("target").join("build-cost");
    for program in &PROGRAMS {
        run(program.cargo(root).args(["fetch", "--quiet", "--locked"]))?;
    }
    let mut builds: [Vec<Build>; 4] = Default::default();
    for round in 0..rounds {
        // Each round starts with another program, so that a drift in the machine's speed affects
        // all programs alike.
        for turn in 0..PROGRAMS.len() {
            let index = (round as usize + turn) % PROGRAMS.len();
            builds[index].push(PROGRAMS[index].build(root, &target)?);
        }
    }
    clear(&target)?;

    let mut table = Table::new(&[
        &"one call with",
        &"crates",
        &"cold build, s",
        &"times the first",
        &"times the second",
        &"CPU time, s",
        &"times the first",
        &"times the second",
        &"goal",
    ]);
    let medians = |time: fn(&Build) -> Duration| {
        let seconds =
            |builds: &Vec<Build>| median(builds.iter().map(|build| time(build).as_secs_f64()));
        builds.each_ref().map(seconds)
    };
    let (wall, cpu) = (medians(|build| build.wall), medians(|build| build.cpu));
    let mut crates = Vec::new();
    for program in &PROGRAMS {
        crates.push(program.crates(root)?);
    }
    for (index, program) in PROGRAMS.iter().enumerate() {
        let ratio = |times: &[f64; 4], other: usize| match times[other] {
            0.0 => "unknown".to_owned(),
            other => format!("{:.2}", times[index] / other),
        };
        // The complete crate is compared with the client that its users would otherwise generate.
        // Without `bundle`, it is compared with the client that has the same TLS and HTTP.
        let goal = match program.package {
            "hello-gizmo" => {
                let time = Goal::AtMost(1.1).of(wall[index] / wall[0]);
                let more = Goal::AtMost(25.0).of(crates[index] - crates[1]);
                format!("first {time}; crates above the second {more}")
            }
            "hello-lean" => format!("second {}", Goal::AtMost(1.1).of(wall[index] / wall[1])),
            _ => String::new(),
        };
        table.row(&[
            &program.name,
            &crates[index],
            &format_args!("{:.1}", wall[index]),
            &ratio(&wall, 0),
            &ratio(&wall, 1),
            &format_args!("{:.1}", cpu[index]),
            &ratio(&cpu, 0),
            &ratio(&cpu, 1),
            &goal,
        ]);
    }
    Ok(format!(
        "## Build time\n\n\
         Cold builds, compared with the bare client that progenitor generates from the same document: once \
         with the dependencies from its manual, including reqwest's default TLS, and once with the TLS and \
         the HTTP of gizmo-client. Medians of {rounds} builds each, in turns.\n\n{table}"
    ))
}

impl Program {
    /// Returns a command for cargo in the workspace of the program.
    fn cargo(&self, root: &Path) -> Command {
        let mut cargo = cargo();
        cargo.current_dir(
            self.directory
                .map_or(root.to_owned(), |directory| root.join(directory)),
        );
        cargo
    }

    /// Builds the program and all its dependencies.
    fn build(&self, root: &Path, target: &Path) -> Result<Build> {
        clear(target)?;
        let (before, start) = (cpu_time(), Instant::now());
        run(self
            .cargo(root)
            .args(["build", "--quiet", "--frozen", "--package", self.package])
            .arg("--target-dir")
            .arg(target)
            // As in a user's build, where cargo compiles dependencies without it.
            .env("CARGO_INCREMENTAL", "0"))?;
        Ok(Build {
            wall: start.elapsed(),
            cpu: cpu_time().saturating_sub(before),
        })
    }

    /// Returns the number of crates that are compiled for the program, itself included.
    fn crates(&self, root: &Path) -> Result<f64> {
        let tree = output(
            self.cargo(root)
                .args(["tree", "--locked", "--package", self.package])
                .args(["--edges", "normal,build", "--prefix", "none", "--no-dedupe"])
                .args(["--format", "{p}"]),
        )?;
        // A crate that is also a build dependency, perhaps with other features, counts once.
        let name_and_version = |line: &str| line.split(" (").next().map(str::to_owned);
        let crates: BTreeSet<String> = tree.lines().filter_map(name_and_version).collect();
        Ok(u32::try_from(crates.len()).map_or(f64::INFINITY, f64::from))
    }
}

/// The times of a build.
struct Build {
    wall: Duration,
    /// User and system time. Zero if the system does not report it.
    cpu: Duration,
}

/// Returns the CPU time of all descendant processes that have ended.
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

/// Runs a command and returns its stdout. Its stderr is passed through.
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
