//! Compares the live service with what the client assumes of it, and records every exchange.

mod behaviour;
mod checks;
mod evidence;
mod find;
mod live;
mod markdown;
mod measurements;
mod note;
mod paid;
mod patch;
mod refresh;
mod report;
mod repository;
mod responses;
mod send;
mod tally;

use std::io::{BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use std::{env, fs};

use clap::Parser;
use gizmo_client::record::{Recording, read};
use serde::Serialize;

use crate::evidence::Evidence;
use crate::live::Pace;
use crate::report::Report;
use crate::repository::Repository;
use crate::send::{Permit, Sender};

#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask probe",
    bin_name = "cargo xtask probe",
    about = "Compares the live service with what the client assumes of it",
    after_help = AFTER_HELP
)]
struct Arguments {
    /// Send at most this many paid requests: a scene, an edit, an asset, and a scene that is cancelled
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=4))]
    spend: u32,
    /// Do not ask before the paid requests
    #[arg(long)]
    yes: bool,
    /// Directory of the recording, which is created [default: `recording` in that of the report]
    #[arg(long, value_name = "DIR", conflicts_with = "replay")]
    record: Option<PathBuf>,
    /// Send nothing, and report on this recording
    #[arg(long, value_name = "DIR", conflicts_with_all = ["spend", "yes"])]
    replay: Option<PathBuf>,
    /// Directory of the report [default: the first unused of `target/probe/1`, `target/probe/2`, …]
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// How long a stream is read after its job has ended, in seconds
    #[arg(long, default_value_t = 60.0, value_name = "SECONDS", value_parser = seconds)]
    linger: f64,
    /// The longest wait for one job, in seconds
    #[arg(long, default_value_t = 1800.0, value_name = "SECONDS", value_parser = seconds)]
    longest: f64,
    /// The time between two requests for the status of a job, in seconds
    #[arg(long, default_value_t = 5.0, value_name = "SECONDS", value_parser = seconds)]
    poll: f64,
    /// Root directory of the repository
    #[arg(long, hide = true)]
    root: Option<PathBuf>,
}

/// The longest time before a read is sent again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

const AFTER_HELP: &str = "\
The key is read from GIZMO_API_KEY, and the base URL from GIZMO_BASE_URL.

Exit codes:
  0  nothing contradicts an assumption
  1  the key, a file or a directory was refused
  2  wrong usage
  3  the service could not be reached
  6  something contradicts an assumption; the report says what";

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    let is_valid = (0.01..=86_400.0).contains(&seconds);
    is_valid
        .then_some(seconds)
        .ok_or_else(|| "not between 0.01 and 86400".to_owned())
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(code) => code,
        Err(message) => {
            say(&format!("error: {message}"));
            ExitCode::from(1)
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let root = arguments.root.clone().unwrap_or_else(repository_root);
    let repository = Repository::read(&root)?;
    let directory = arguments.report.clone();
    let directory = directory.unwrap_or_else(|| unused(&root.join("target/probe")));
    let recording = arguments.replay.as_ref().or(arguments.record.as_ref());
    let recording = recording.cloned();
    let recording = recording.unwrap_or_else(|| directory.join("recording"));
    if arguments.replay.is_none() {
        record(arguments, &recording)?;
    }
    let (about, exchanges) = read(&recording).map_err(|error| format!("{error:#}"))?;
    let evidence = Evidence {
        about,
        exchanges,
        derived: repository.document.clone(),
    };
    if arguments.replay.is_none() && evidence.seen().next().is_none() {
        say("error: the service could not be reached; check GIZMO_BASE_URL and the network");
        return Ok(ExitCode::from(3));
    }
    let report = Report::of(&evidence, &repository);
    write(&directory, &evidence, &report, &repository)?;
    summarize(&report, &directory, &recording);
    Ok(ExitCode::from(if report.contradicts() { 6 } else { 0 }))
}

/// The directory with the first number that is not used.
fn unused(parent: &Path) -> PathBuf {
    let mut numbers = 1_u32..;
    let directories = numbers
        .by_ref()
        .map(|number| parent.join(number.to_string()));
    let mut unused = directories.filter(|directory| !directory.exists());
    unused.next().expect("a disk has fewer directories")
}

/// The workspace of this package.
fn repository_root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package.ancestors().nth(2);
    root.unwrap_or(package).to_owned()
}

fn record(arguments: &Arguments, directory: &Path) -> Result<(), String> {
    let key = env::var("GIZMO_API_KEY").unwrap_or_default();
    if key.trim().is_empty() {
        return Err(
            "GIZMO_API_KEY is not set; create a key in Gizmo under Settings, API Keys".to_owned(),
        );
    }
    let base = env::var("GIZMO_BASE_URL").ok();
    let base = base.filter(|base| !base.trim().is_empty());
    let permits = confirmed(arguments)?;
    let pace = Pace {
        poll: Duration::from_secs_f64(arguments.poll),
        linger: Duration::from_secs_f64(arguments.linger),
        longest: Duration::from_secs_f64(arguments.longest),
    };
    let sender = Sender::new(&key, base.as_deref(), pace.poll.min(RETRY_PAUSE), || {
        Recording::create(directory)
    });
    let sender = sender.map_err(|error| format!("{error:#}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))?;
    runtime.block_on(live::run(&sender, pace, permits, say));
    sender.check().map_err(|error| format!("{error:#}"))
}

/// Returns the permits that the user has confirmed.
fn confirmed(arguments: &Arguments) -> Result<Vec<Permit>, String> {
    if arguments.spend > 0 && !arguments.yes {
        if !std::io::stdin().is_terminal() {
            return Err(
                "--spend needs --yes, because there is no terminal to confirm it on".to_owned(),
            );
        }
        let paid = [
            "a scene",
            "an edit of it",
            "an asset in it",
            "a scene that is cancelled",
        ];
        let paid = paid[..arguments.spend as usize].join(", ");
        say(&format!("This costs credits: {paid}. Type `yes` to go on."));
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        if read.is_err() || line.trim() != "yes" {
            return Err("not confirmed, so nothing was sent".to_owned());
        }
    }
    Ok(Permit::all(arguments.spend))
}

fn write(
    directory: &Path,
    evidence: &Evidence,
    report: &Report,
    repository: &Repository,
) -> Result<(), String> {
    let failed = |path: &Path, error| format!("cannot write {}: {error}", path.display());
    fs::create_dir_all(directory).map_err(|error| failed(directory, error))?;
    for (name, text) in [
        ("report.md", markdown::write(report)),
        ("report.json", pretty(report)),
        (
            "overlay-patch.json",
            pretty(&patch::overlay(evidence, report, repository)),
        ),
        (
            "assumptions-patch.json",
            pretty(&patch::assumptions(report)),
        ),
    ] {
        let path = directory.join(name);
        fs::write(&path, text).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}

fn pretty(value: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(value);
    text.expect("the report has only names as keys") + "\n"
}

fn summarize(report: &Report, directory: &Path, recording: &Path) {
    for assessed in report.contradicted() {
        say(&format!(
            "contradicted: {}: {}",
            assessed.id, assessed.statement
        ));
    }
    for difference in &report.responses.undecodable {
        say(&format!(
            "cannot be decoded: {} {}: expected {}, found {}",
            difference.operation, difference.pointer, difference.expected, difference.found
        ));
    }
    say(&format!(
        "report: {}",
        directory.join("report.md").display()
    ));
    say(&format!("recording: {}", recording.display()));
}

/// Prints a line about the progress.
fn say(line: &str) {
    // A closed terminal must not end a run that has been paid for.
    let _ = writeln!(std::io::stderr(), "{line}");
}
