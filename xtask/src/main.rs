//! `cargo xtask`: the chores of this repository.

use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
    time::SystemTime,
};

use clap::{Parser, Subcommand, ValueEnum};
use xtask::{
    Result, bench_report, build_cost,
    diff::Format,
    fetch,
    refresh::{self, Options, Report, Source},
    simulate,
};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "The chores of this repository")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Derives openapi/openapi.json, from the live document or from another
    #[command(after_help = EXIT_CODES)]
    RefreshSpec {
        /// Fetch the document from here [default: below `GIZMO_BASE_URL`, else the live one]
        #[arg(long, conflicts_with_all = ["file", "check"])]
        url: Option<String>,
        /// Take the document from a file
        #[arg(long, conflicts_with = "check")]
        file: Option<PathBuf>,
        /// Change nothing and fetch nothing; fail when a derived file is stale
        #[arg(long, conflicts_with = "dry_run")]
        check: bool,
        /// Fetch, derive and compare, and say what would change
        #[arg(long)]
        dry_run: bool,
        /// Take a document that breaks callers or Rust code
        #[arg(long, conflicts_with = "check")]
        allow_breaking: bool,
        /// Drop the overlay's actions that upstream has made redundant
        #[arg(long, conflicts_with = "check")]
        accept: bool,
        /// Do not compile the crate in a copy first
        #[arg(long, conflicts_with = "check")]
        no_trial: bool,
        /// Where that copy and what cargo builds of it are kept [default: `target/trial`]
        #[arg(long, hide = true)]
        trial_target: Option<PathBuf>,
        /// How to write what changes
        #[arg(long, value_enum, default_value = "text", conflicts_with = "check")]
        format: Form,
        /// The repository
        #[arg(long, hide = true)]
        root: Option<PathBuf>,
    },
    /// Runs every benchmark and writes benches/README.md
    BenchReport,
    /// Measures a cold build beside that of the bare generated client
    BuildCost {
        /// Builds of each
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: u32,
    },
    /// Runs the simulator
    Simulate {
        /// Port on 127.0.0.1
        #[arg(long)]
        port: Option<u16>,
        /// How many times faster than life jobs run
        #[arg(long)]
        speed: Option<f64>,
    },
}

const EXIT_CODES: &str = "Exit codes: 0 refreshed, unchanged or fresh; 1 the document or a file is \
                          refused; 2 wrong usage; 3 network; 4 a derived file is stale; 5 the new \
                          document breaks what worked (see --allow-breaking)";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Form {
    Text,
    Markdown,
    Json,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            complain(&error.to_string());
            ExitCode::from(error.exit_code())
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    match command {
        Command::RefreshSpec {
            check: true, root, ..
        } => {
            let derived = refresh::check(&root.unwrap_or_else(repository))?;
            warn(&derived.warnings);
            say("openapi/openapi.json is what its inputs derive");
            Ok(ExitCode::SUCCESS)
        }
        Command::RefreshSpec {
            url,
            file,
            dry_run,
            allow_breaking,
            accept,
            no_trial,
            trial_target,
            format,
            root,
            ..
        } => {
            let root = root.unwrap_or_else(repository);
            let trial = trial_target.unwrap_or_else(|| root.join("target").join("trial"));
            let options = Options {
                source: source(url, file)?,
                now: SystemTime::now(),
                is_dry: dry_run,
                trial: (!no_trial).then_some(trial),
                allows_breaking: allow_breaking,
                accepts: accept,
            };
            let report = refresh::refresh(&root, &options)?;
            show(&report, format, dry_run);
            report.refusal.map_or(Ok(ExitCode::SUCCESS), Err)
        }
        Command::BenchReport => {
            bench_report::write(&repository(), complain)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::BuildCost { rounds } => {
            print(&build_cost::measure(&repository(), rounds)?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Simulate { port, speed } => simulate::run(port, speed),
    }
}

fn source(url: Option<String>, file: Option<PathBuf>) -> Result<Source> {
    match (url, file) {
        (_, Some(path)) => Ok(Source::File(path)),
        (Some(address), None) => Ok(Source::Url(address)),
        (None, None) => {
            let base = env::var("GIZMO_BASE_URL")
                .ok()
                .filter(|base| !base.trim().is_empty())
                .unwrap_or_else(|| fetch::LIVE.to_owned());
            Ok(Source::Url(fetch::document_url(&base)?))
        }
    }
}

/// The directory above this package; cargo says where that is.
fn repository() -> PathBuf {
    env::var_os("CARGO_MANIFEST_DIR")
        .as_deref()
        .map(Path::new)
        .and_then(Path::parent)
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

fn show(report: &Report, format: Form, is_dry: bool) {
    warn(&report.warnings);
    match format {
        Form::Text => show_text(report, is_dry),
        Form::Markdown => print(&report.diff.show(Format::Markdown)),
        Form::Json => print(&report.diff.show(Format::Json)),
    }
}

fn show_text(report: &Report, is_dry: bool) {
    report.dropped.iter().for_each(|line| say(line));
    print(&report.diff.show(Format::Text));
    let rewrites: usize = report.rewrites.iter().map(|(_, count)| count).sum();
    say(&format!(
        "{} operations, {rewrites} rewrites by {} rules",
        report.operations,
        report.rewrites.len()
    ));
    let is_done = !is_dry && report.refusal.is_none();
    let verb = if is_done { "changed" } else { "would change" };
    if report.changed.is_empty() {
        say("unchanged");
    } else {
        say(&format!("{verb}: {}", report.changed.join(", ")));
    }
}

fn warn(warnings: &[String]) {
    for warning in warnings {
        complain(&format!("warning: {warning}"));
    }
}

#[expect(clippy::print_stdout, reason = "a program for a terminal prints")]
fn say(line: &str) {
    println!("{line}");
}

#[expect(clippy::print_stdout, reason = "a program for a terminal prints")]
fn print(text: &str) {
    print!("{text}");
}

#[expect(clippy::print_stderr, reason = "a program for a terminal prints")]
fn complain(line: &str) {
    eprintln!("{line}");
}
