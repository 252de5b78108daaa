//! Compares the unpacking of a textured export of 55 MB with `unzip -q` and `bsdtar -xf`.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gizmo_client::archive::{self, UnpackOptions};
use zlib_rs::crc32::crc32;
use zlib_rs::{Deflate, DeflateFlush};

use crate::table::{Goal, Table, median};

/// Number of runs of each tool. The tools alternate, so that all run under the same conditions.
const ROUNDS: usize = 21;

/// A tool to compare with.
struct Contender {
    name: &'static str,
    /// The time of the tool, relative to this crate, that is the goal.
    goal: Goal,
    /// Unpacks the archive to a directory that does not exist yet.
    run: fn(&Path, &Path),
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

const OTHERS: [Contender; 2] = [
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
            command(Command::new("bsdtar").arg("-xf").arg(zip).arg("-C").arg(to));
        },
    },
];

/// Compares the tools in the directory for temporary files, and in memory if `/dev/shm` exists. On a
/// disk, the time includes the cost of new files in the file system.
pub(crate) fn run() {
    let export = Export::new();
    println!("## Unpacking an export\n");
    println!(
        "Medians of {ROUNDS} rounds. The archive has {} files: {:.1} MB, compressed to {:.1} MB. Each ratio \
         is the median of the ratios of adjacent runs.\n",
        export.files,
        megabytes(export.contents),
        megabytes(export.zip.len() as u64),
    );
    let mut table = Table::new(&[&"", &"directory", &"ms", &"times ours", &"goal"]);
    let others: Vec<&Contender> = OTHERS.iter().filter(|other| other.is_installed()).collect();
    compare(&mut table, &std::env::temp_dir(), &export, &others);
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        compare(&mut table, memory, &export, &others);
    }
    for missing in OTHERS.iter().filter(|other| !other.is_installed()) {
        table.row(&[&missing.name, &"", &"not installed", &"", &""]);
    }
    println!("{table}");
}

/// Adds a row for each tool.
fn compare(table: &mut Table, parent: &Path, export: &Export, others: &[&Contender]) {
    let directory = parent.join(format!("gizmo-bench-{}", std::process::id()));
    fs::create_dir_all(&directory).expect("a directory for the benchmark");
    let zip = directory.join("export.zip");
    fs::write(&zip, &export.zip).expect("the file can be written");

    let mut our_times = Vec::new();
    let mut other_times = vec![Vec::new(); others.len()];
    for round in 0..=ROUNDS {
        let ours = timed(&zip, &directory, |zip, to| {
            archive::unpack_blocking(zip, to, &UnpackOptions::default()).expect("a valid export");
        });
        let theirs: Vec<Duration> = others
            .iter()
            .map(|other| timed(&zip, &directory, other.run))
            .collect();
        // The first round fills the caches.
        if round > 0 {
            our_times.push(ours);
            for (times, time) in other_times.iter_mut().zip(theirs) {
                times.push(time);
            }
        }
    }
    fs::remove_dir_all(&directory).expect("the directory can be removed");

    let directory = parent.display();
    table.row(&[
        &"gizmo-client",
        &directory,
        &milliseconds(&our_times),
        &"",
        &"",
    ]);
    for (other, times) in others.iter().zip(&other_times) {
        let pairs = times.iter().zip(&our_times);
        let ratio = median(pairs.map(|(theirs, ours)| theirs.as_secs_f64() / ours.as_secs_f64()));
        let goal = other.goal.of(ratio);
        let shown = format!("{ratio:.2}");
        table.row(&[&other.name, &directory, &milliseconds(times), &shown, &goal]);
    }
}

fn command(command: &mut Command) {
    let status = command.status().expect("the tool is installed");
    assert!(status.success(), "{command:?}");
}

/// Runs a tool once, and removes the files that it wrote.
fn timed(zip: &Path, directory: &Path, run: impl Fn(&Path, &Path)) -> Duration {
    let to = directory.join("lab");
    let start = Instant::now();
    run(zip, &to);
    let time = start.elapsed();
    fs::remove_dir_all(&to).expect("the unpacked files can be removed");
    time
}

/// Returns the median in milliseconds.
fn milliseconds(times: &[Duration]) -> String {
    let median = median(times.iter().map(Duration::as_secs_f64));
    format!("{:.1}", median * 1e3)
}

#[expect(clippy::cast_precision_loss, reason = "it is shown with one digit")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// An archive like the export of a scene: textures as PNG, which deflate cannot shrink, meshes as text,
/// and a model that refers to them.
struct Export {
    zip: Vec<u8>,
    files: usize,
    /// Total size of the files in bytes.
    contents: u64,
}

impl Export {
    fn new() -> Self {
        let files = files();
        Self {
            zip: archive_of(&files),
            files: files.len(),
            contents: files
                .iter()
                .map(|(_, contents)| contents.len() as u64)
                .sum(),
        }
    }
}

fn files() -> Vec<(String, Vec<u8>)> {
    let mut noise = Noise(7);
    let mut assets = String::new();
    let mut files = Vec::new();
    for i in 0..40 {
        line(
            &mut assets,
            format_args!("<texture name=\"t{i}\" type=\"2d\" file=\"textures/{i}.png\"/>"),
        );
        let picture = noise.picture(400_000 + i * 45_000);
        files.push((format!("textures/{i}.png"), picture));
    }
    for i in 0..120 {
        line(
            &mut assets,
            format_args!("<mesh name=\"m{i}\" file=\"meshes/{i}.obj\"/>"),
        );
        files.push((format!("meshes/{i}.obj"), noise.mesh(500 + i * 20)));
    }
    let scene = format!("<mujoco><asset>\n{assets}</asset></mujoco>");
    files.push(("scene.xml".to_owned(), scene.into_bytes()));
    files.push(("metadata.json".to_owned(), b"{}".to_vec()));
    files
}

fn archive_of(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut zip = Vec::new();
    let mut directory = Vec::new();
    for (name, contents) in files {
        let header = local_header(name, contents, &mut zip);
        directory.extend(b"PK\x01\x02\x14\x03");
        directory.extend(&header.fixed);
        directory.extend([0; 6]);
        directory.extend((0o100_644_u32 << 16).to_le_bytes());
        directory.extend(header.offset.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let number = |number: usize| {
        u32::try_from(number)
            .expect("a small archive")
            .to_le_bytes()
    };
    let (at, length) = (number(zip.len()), number(directory.len()));
    let count = &number(files.len())[..2];
    let end = [b"PK\x05\x06\0\0\0\0", count, count, &length, &at, &[0; 2]].concat();
    [zip, directory, end].concat()
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("writing to memory cannot fail");
}

struct Header {
    /// The fields that both headers share, from the version to the length of the extra field.
    fixed: Vec<u8>,
    offset: u32,
}

/// Appends an entry to the archive: its local header and its data.
fn local_header(name: &str, contents: &[u8], zip: &mut Vec<u8>) -> Header {
    let mut data = vec![0; contents.len() + contents.len() / 1000 + 1024];
    let mut deflate = Deflate::new(6, false, 15);
    deflate
        .compress(contents, &mut data, DeflateFlush::Finish)
        .expect("the buffer is large enough");
    data.truncate(usize::try_from(deflate.total_out()).expect("the data fits in memory"));
    let number = |number: usize| {
        u32::try_from(number)
            .expect("a small archive")
            .to_le_bytes()
    };
    let fixed = [
        // Version 2.0, no flags, deflated, 1980-01-01.
        &[20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0][..],
        &crc32(0, contents).to_le_bytes(),
        &number(data.len()),
        &number(contents.len()),
        &number(name.len())[..2],
        &[0; 2],
    ]
    .concat();
    let offset = u32::try_from(zip.len()).expect("a small archive");
    zip.extend(b"PK\x03\x04");
    zip.extend(&fixed);
    zip.extend(name.as_bytes());
    zip.extend(data);
    Header { fixed, offset }
}

/// Pseudo-random numbers that are the same in every run (xorshift).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Returns data like a PNG: already compressed, so that deflate cannot shrink it.
    fn picture(&mut self, bytes: usize) -> Vec<u8> {
        let mut picture = b"\x89PNG\r\n\x1a\n".to_vec();
        while picture.len() < bytes {
            picture.extend(self.next().to_le_bytes());
        }
        picture
    }

    fn mesh(&mut self, vertices: usize) -> Vec<u8> {
        let mut mesh = String::new();
        for _ in 0..vertices {
            let [x, y, z, ..] = self.next().to_le_bytes();
            line(
                &mut mesh,
                format_args!("v {}.{:02} 0.{:03} -0.{:03}", x % 4, x / 4, y, z),
            );
        }
        for i in 1..vertices {
            line(
                &mut mesh,
                format_args!("f {i} {} {}", i + 1, (i * 7) % vertices + 1),
            );
        }
        mesh.into_bytes()
    }
}
