//! Compares the unpacking of a textured export of 55 MB, and of 20,000 small files, with `unzip -q`,
//! `bsdtar -xf` and `ripunzip`.

use std::fmt::Display;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gizmo_client::archive::{self, UnpackOptions};

use crate::export::Export;
use crate::table::{Goal, Table, median};

/// Number of runs of each tool. The tools alternate, so that all run under the same conditions.
const ROUNDS: usize = 15;

/// The file system in memory on Linux.
const MEMORY: &str = "/dev/shm";

/// How many runs of a tool may fail and are repeated. Those of ripunzip 2.0.3 end with "corrupt deflate
/// stream" now and then, because its threads share a position in the archive that they do not keep right.
const MAX_FAILURES: usize = 10;

/// A tool to compare with.
struct Contender {
    name: &'static str,
    /// The time of the tool, relative to this crate, that is the goal.
    goal: Goal,
    /// Unpacks the archive to a directory that does not exist yet. Returns whether it succeeded.
    run: fn(&Path, &Path) -> bool,
}

impl Contender {
    fn is_installed(&self) -> bool {
        let program = self.name.split(' ').next().unwrap_or(self.name);
        let version = Command::new(program)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        version.is_ok()
    }
}

const OTHERS: [Contender; 3] = [
    Contender {
        name: "unzip -q",
        goal: Goal::AtLeast(2.0),
        run: |zip, to| command(Command::new("unzip").arg("-q").arg(zip).arg("-d").arg(to)),
    },
    Contender {
        name: "bsdtar -xf",
        goal: Goal::AtLeast(1.5),
        run: |zip, to| {
            fs::create_dir(to).expect("a new directory");
            command(Command::new("bsdtar").arg("-xf").arg(zip).arg("-C").arg(to))
        },
    },
    // The only other one that uses several threads.
    Contender {
        name: "ripunzip",
        goal: Goal::AtLeast(1.0),
        run: |zip, to| {
            let mut ripunzip = Command::new("ripunzip");
            command(ripunzip.arg("unzip-file").arg("-d").arg(to).arg(zip))
        },
    },
];

/// Compares the tools in the directory for temporary files, and in memory. On a disk, the time includes the
/// cost of new files in the file system.
pub(crate) fn run() {
    let others: Vec<&Contender> = OTHERS.iter().filter(|other| other.is_installed()).collect();
    println!("## Unpacking an export\n");
    println!(
        "Medians of {ROUNDS} rounds. Each ratio is the median of the ratios of adjacent runs.\n"
    );
    for missing in OTHERS.iter().filter(|other| !other.is_installed()) {
        println!("Skipped: `{}`, which is not installed.\n", missing.name);
    }
    let memory = Some(Path::new(MEMORY)).filter(|path| is_tmpfs(path));
    if memory.is_none() {
        println!("Skipped: unpacking in memory, because `{MEMORY}` is not a tmpfs.\n");
    }
    let header: [&dyn Display; 6] = [
        &"",
        &"directory",
        &"ms",
        &"failed runs",
        &"times ours",
        &"goal",
    ];

    let export = Export::textured();
    println!("{}\n", export.describe("Textures and meshes"));
    let mut table = Table::new(&header);
    compare(&mut table, &std::env::temp_dir(), &export, &others);
    if let Some(memory) = memory {
        compare(&mut table, memory, &export, &others);
    }
    println!("{table}");

    if let Some(memory) = memory {
        let export = Export::small();
        println!("{}\n", export.describe("Small files"));
        let mut table = Table::new(&header);
        compare(&mut table, memory, &export, &others);
        println!("{table}");
    }
}

/// Whether a file system in memory is mounted at this path.
fn is_tmpfs(path: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    mounts.lines().any(|mount| {
        let mut fields = mount.split(' ').skip(1);
        fields.next().map(Path::new) == Some(path) && fields.next() == Some("tmpfs")
    })
}

/// Adds a row for each tool.
fn compare(table: &mut Table, parent: &Path, export: &Export, others: &[&Contender]) {
    let directory = parent.join(format!("gizmo-bench-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("a directory for the benchmark");
    let zip = directory.join("export.zip");
    fs::write(&zip, &export.zip).expect("the file can be written");

    let ours = |zip: &Path, to: &Path| {
        archive::unpack_blocking(zip, to, &UnpackOptions::default()).is_ok()
    };
    let mut our_runs = Runs::default();
    let mut other_runs: Vec<Runs> = others.iter().map(|_| Runs::default()).collect();
    for _ in 0..=ROUNDS {
        our_runs.add(&zip, &directory, ours);
        for (runs, other) in other_runs.iter_mut().zip(others) {
            runs.add(&zip, &directory, other.run);
        }
    }
    fs::remove_dir_all(&directory).expect("the directory can be removed");

    let (directory, failed) = (parent.display(), our_runs.failed);
    let ms = our_runs.milliseconds();
    table.row(&[&"gizmo-client", &directory, &ms, &failed, &"", &""]);
    for (other, runs) in others.iter().zip(&other_runs) {
        let pairs = runs.times().iter().zip(our_runs.times());
        let ratio = median(pairs.map(|(theirs, ours)| theirs.as_secs_f64() / ours.as_secs_f64()));
        let (ms, shown) = (runs.milliseconds(), format!("{ratio:.2}"));
        let goal = other.goal.of(ratio);
        table.row(&[&other.name, &directory, &ms, &runs.failed, &shown, &goal]);
    }
}

fn command(command: &mut Command) -> bool {
    let status = command.stderr(Stdio::null()).status();
    status.expect("the tool is installed").success()
}

/// The runs of a tool.
#[derive(Default)]
struct Runs {
    all_times: Vec<Duration>,
    failed: usize,
}

impl Runs {
    /// Runs the tool until it succeeds, and removes the files that it wrote.
    fn add(&mut self, zip: &Path, directory: &Path, run: impl Fn(&Path, &Path) -> bool) {
        let to = directory.join("lab");
        loop {
            let start = Instant::now();
            let succeeded = run(zip, &to);
            let time = start.elapsed();
            let _ = fs::remove_dir_all(&to);
            if succeeded {
                return self.all_times.push(time);
            }
            self.failed += 1;
            assert!(self.failed <= MAX_FAILURES, "a tool fails too often");
        }
    }

    /// Returns the times, except for the first, which fills the caches.
    fn times(&self) -> &[Duration] {
        &self.all_times[1..]
    }

    /// Returns the median in milliseconds.
    fn milliseconds(&self) -> String {
        let median = median(self.times().iter().map(Duration::as_secs_f64));
        format!("{:.1}", median * 1e3)
    }
}
