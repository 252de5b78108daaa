//! `cargo xtask`: the commands of this repository.

use std::{
    env,
    path::{Path, PathBuf},
    process::ExitCode,
    time::SystemTime,
};

use clap::{Parser, Subcommand, ValueEnum};
use openapi_lowering::Format;
use xtask::{
    Result, bench_report, build_cost, child, fetch,
    refresh::{self, Options, Report, Source},
};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "The commands of this repository")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Fetches the service's document and derives openapi/openapi.json from it
    #[command(after_help = EXIT_CODES)]
    RefreshSpec {
        /// Fetch the document from this URL [default: that of the service at `GIZMO_BASE_URL`, or
        /// of the live service]
        #[arg(long, conflicts_with_all = ["file", "check"])]
        url: Option<String>,
        /// Read the document from a file
        #[arg(long, conflicts_with = "check")]
        file: Option<PathBuf>,
        /// Only check that the derived files are up to date; fetch nothing and change nothing
        #[arg(long, conflicts_with = "dry_run")]
        check: bool,
        /// Fetch, derive and compare, but change nothing
        #[arg(long)]
        dry_run: bool,
        /// Accept a document that breaks callers or Rust code
        #[arg(long, conflicts_with = "check")]
        allow_breaking: bool,
        /// Remove the actions of the overlay that upstream has made redundant
        #[arg(long, conflicts_with = "check")]
        accept: bool,
        /// Skip the trial build, which compiles a copy of the crate before any file is replaced
        #[arg(long, conflicts_with = "check")]
        no_trial: bool,
        /// Directory of the trial build [default: `target/trial`]
        #[arg(long, hide = true)]
        trial_target: Option<PathBuf>,
        /// Format of the comparison
        #[arg(long, value_enum, default_value = "text", conflicts_with = "check")]
        format: OutputFormat,
        /// Root directory of the repository
        #[arg(long, hide = true)]
        root: Option<PathBuf>,
    },
    /// Runs all benchmarks and writes the report benches/README.md
    BenchReport,
    /// Measures cold builds of the crate and of the bare generated client
    BuildCost {
        /// Number of builds of each program
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: u32,
    },
    /// Runs the simulator; `cargo xtask simulate --help` lists its arguments
    #[command(disable_help_flag = true)]
    Simulate(Passed),
    /// Compares the live service with what the client assumes of it; `cargo xtask probe --help` lists its arguments
    #[command(disable_help_flag = true)]
    Probe(Passed),
}

/// The arguments of another program.
#[derive(Debug, clap::Args)]
struct Passed {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<std::ffi::OsString>,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  refreshed or unchanged; with --check, up to date
  1  the document, the overlay, a file or a URL was refused, or the crate does not compile
  2  wrong usage
  3  network error
  4  a derived file is stale
  5  the new document requires a major release (see --allow-breaking)";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OutputFormat {
    Text,
    Markdown,
    Json,
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(code) => code,
        Err(error) => {
            print_error(&error.to_string());
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
            print_warnings(&derived.warnings);
            print_line("the derived files are up to date");
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
            bench_report::write(&repository(), print_error)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::BuildCost { rounds } => {
            print_text(&build_cost::measure(&repository(), rounds)?);
            Ok(ExitCode::SUCCESS)
        }
        Command::Simulate(passed) => child::run("gizmo-simulator", passed.arguments),
        Command::Probe(passed) => child::run("gizmo-probe", passed.arguments),
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

/// Returns the parent directory of this package, which cargo passes in an environment variable.
fn repository() -> PathBuf {
    env::var_os("CARGO_MANIFEST_DIR")
        .as_deref()
        .map(Path::new)
        .and_then(Path::parent)
        .map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

fn show(report: &Report, format: OutputFormat, is_dry: bool) {
    print_warnings(&report.warnings);
    for found in &report.left_out {
        print_error(&format!("left out: {found}"));
    }
    match format {
        OutputFormat::Text => show_text(report, is_dry),
        OutputFormat::Markdown => print_text(&report.diff.show(Format::Markdown)),
        OutputFormat::Json => print_text(&report.diff.show(Format::Json)),
    }
}

fn show_text(report: &Report, is_dry: bool) {
    report.dropped.iter().for_each(|line| print_line(line));
    print_text(&report.diff.show(Format::Text));
    let rewrites: usize = report.rewrites.iter().map(|(_, count)| count).sum();
    print_line(&format!(
        "{} operations and {} left out, {rewrites} rewrites by {} rules",
        report.operations,
        report.left_out.len(),
        report.rewrites.len()
    ));
    let is_applied = !is_dry && report.refusal.is_none();
    let verb = if is_applied {
        "changed"
    } else {
        "would change"
    };
    if report.changed.is_empty() {
        print_line("unchanged");
    } else {
        print_line(&format!("{verb}: {}", report.changed.join(", ")));
    }
}

fn print_warnings(warnings: &[String]) {
    for warning in warnings {
        print_error(&format!("warning: {warning}"));
    }
}

#[expect(clippy::print_stdout, reason = "a command-line program prints")]
fn print_line(line: &str) {
    println!("{line}");
}

#[expect(clippy::print_stdout, reason = "a command-line program prints")]
fn print_text(text: &str) {
    print!("{text}");
}

#[expect(clippy::print_stderr, reason = "a command-line program prints")]
fn print_error(line: &str) {
    eprintln!("{line}");
}
