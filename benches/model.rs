//! Measures what is done with a model of 300 MB, whose meshes are in its XML: `cargo bench --bench model`.
//!
//! The peer is a plain pass of quick-xml over the same file, which decodes every attribute and keeps
//! nothing. Memory is the highest resident size above that before the operation.
#![expect(clippy::print_stdout, reason = "a benchmark prints its results")]

#[path = "support/table.rs"]
mod table;

use std::fs::{self, File};
use std::hint::black_box;
use std::io::BufReader;
use std::path::Path;
use std::time::{Duration, Instant};

use gizmo_client::archive::{self, UnpackOptions};
use gizmo_client::bundle::Bundle;
use gizmo_simulator::{Options, SceneExport};
use quick_xml::events::Event;
use table::{Goal, Table, median};

/// Number of runs of each operation. They alternate with runs of the peer.
const ROUNDS: usize = 5;

/// What is measured, and its goal as a multiple of the time of the peer.
struct Operation {
    name: &'static str,
    goal: Goal,
    run: fn(&Path),
}

const OPERATIONS: [Operation; 3] = [
    Operation {
        name: "missing_files",
        goal: Goal::AtMost(1.5),
        run: |dir| drop(black_box(open(dir).missing_files().expect("a valid model"))),
    },
    Operation {
        name: "warnings",
        goal: Goal::AtMost(1.5),
        run: |dir| drop(black_box(open(dir).warnings().expect("a valid model"))),
    },
    Operation {
        name: "preview",
        goal: Goal::AtMost(6.0),
        run: |dir| drop(black_box(open(dir).preview().expect("a valid model"))),
    },
];

/// The sizes of the model: its meshes and their triangles. The last is one mesh of a million.
const MODELS: [(usize, usize); 2] = [(3_000, 700), (1, 1_000_000)];

fn main() {
    // `cargo test --benches` only checks that it starts.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!("## Large models\n");
    println!(
        "Medians of {ROUNDS} rounds. A plain pass is one of quick-xml that decodes every attribute and keeps \
         nothing; unpacking without textures is compared with unpacking. Memory is the highest resident size \
         above that before; its goal is 32 MiB and twice the text of the largest mesh.\n"
    );
    let header: [&dyn std::fmt::Display; 8] = [
        &"operation",
        &"XML, MB",
        &"ms",
        &"MB/s",
        &"times a plain pass",
        &"goal",
        &"MiB",
        &"goal",
    ];
    let mut table = Table::new(&header);
    for (meshes, faces) in MODELS {
        compare(&mut table, meshes, faces);
    }
    println!("{table}");
}

fn open(dir: &Path) -> Bundle {
    Bundle::open(dir).expect("the directory can be read")
}

/// Adds a row for each operation on a model with these meshes.
fn compare(table: &mut Table, meshes: usize, faces: usize) {
    let disk = tempfile::tempdir().expect("a directory for the benchmark");
    let mut options = Options::default();
    options.exports.extra_meshes = meshes;
    options.exports.extra_faces = faces;
    let export = SceneExport::new(&options, "a lab with a workbench and a lamp");
    let zip = disk.path().join("lab.zip");
    let file = File::create(&zip).expect("the archive can be created");
    export
        .write_archive(file)
        .expect("the archive can be written");
    let dir = disk.path().join("lab");
    let bundle = unpack(&zip, &dir, false);
    let model = bundle.model().path().expect("one model");
    let size = fs::metadata(model).expect("the model exists").len();
    let memory_goal = 32.0 + 2.0 * mebibytes(plain_pass(model));

    let mut row = |name: &str, goal: Goal, ours: &dyn Fn(), theirs: &dyn Fn()| {
        let Measured { ms, ratio, memory } = measure(ours, theirs);
        let megabytes = mebibytes(size) * 1.048_576;
        let memory_met = Goal::AtMost(memory_goal.round()).of(memory);
        table.row(&[
            &name,
            &format!("{megabytes:.0}"),
            &format!("{ms:.0}"),
            &format!("{:.0}", megabytes / ms * 1e3),
            &format!("{ratio:.2}"),
            &goal.of(ratio),
            &format!("{memory:.0}"),
            &memory_met,
        ]);
    };
    for operation in &OPERATIONS {
        let pass = || {
            black_box(plain_pass(model));
        };
        row(
            operation.name,
            operation.goal,
            &|| (operation.run)(&dir),
            &pass,
        );
    }
    let to = disk.path().join("to");
    let unpack = |slim| {
        unpack(&zip, &to, slim);
        fs::remove_dir_all(&to).expect("the directory can be removed");
    };
    let slim_goal = Goal::AtMost(2.5);
    row(
        "unpack without textures",
        slim_goal,
        &|| unpack(true),
        &|| unpack(false),
    );
}

fn unpack(zip: &Path, to: &Path, slim: bool) -> Bundle {
    let mut options = UnpackOptions::default();
    options.slim = slim;
    archive::unpack_blocking(zip, to, &options).expect("a valid export")
}

/// Decodes every attribute of a model, and returns the size of the largest tag in bytes.
fn plain_pass(model: &Path) -> u64 {
    let file = File::open(model).expect("the model exists");
    let mut reader = quick_xml::Reader::from_reader(BufReader::with_capacity(64 * 1024, file));
    let (mut buffer, mut largest) = (Vec::new(), 0);
    loop {
        match reader
            .read_event_into(&mut buffer)
            .expect("well-formed XML")
        {
            Event::Start(tag) | Event::Empty(tag) => {
                largest = largest.max(tag.len() as u64);
                for attribute in tag.attributes() {
                    let attribute = attribute.expect("a valid attribute");
                    black_box(
                        quick_xml::escape::unescape(&attribute.value).expect("a valid value"),
                    );
                }
            }
            Event::Eof => return largest,
            _ => {}
        }
        buffer.clear();
    }
}

/// The medians of an operation: its time, the ratio to that of the peer, and its memory in MiB.
struct Measured {
    ms: f64,
    ratio: f64,
    memory: f64,
}

fn measure(ours: &dyn Fn(), theirs: &dyn Fn()) -> Measured {
    let (mut times, mut ratios, mut memory) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        reset_peak();
        let before = resident("VmRSS:");
        let time = timed(ours);
        let peak = resident("VmHWM:");
        let other = timed(theirs);
        // The first round fills the caches.
        if round > 0 {
            times.push(time.as_secs_f64() * 1e3);
            ratios.push(time.as_secs_f64() / other.as_secs_f64());
            memory.push(mebibytes(peak.saturating_sub(before)));
        }
    }
    Measured {
        ms: median(times),
        ratio: median(ratios),
        memory: median(memory),
    }
}

fn timed(run: &dyn Fn()) -> Duration {
    let start = Instant::now();
    run();
    start.elapsed()
}

/// Makes the current resident size the highest one (Linux).
fn reset_peak() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// Returns a size in bytes from the status of the process; 0 where there is none.
fn resident(field: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kibibytes = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok());
    kibibytes.unwrap_or(0_u64) * 1024
}

#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
