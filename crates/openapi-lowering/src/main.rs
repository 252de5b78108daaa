//! The program `openapi-lowering`.

use std::{
    fmt, fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand, ValueEnum};
use openapi_lowering::{Document, Format, Lowered, Lowering, Progenitor};
use serde_json::Value;

#[derive(Debug, Parser)]
#[command(version, about, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Lowers a document to what progenitor accepts
    Lower {
        /// The document, in JSON or YAML; `-` reads standard input
        document: PathBuf,
        /// Write the lowered document to this file [default: standard output]
        #[arg(short, long)]
        output: Option<PathBuf>,
        /// Correct the document with this overlay first
        #[arg(long)]
        overlay: Option<PathBuf>,
        /// Keep the names of types in this lowered document
        #[arg(long)]
        previous: Option<PathBuf>,
        /// Write the record of all rewrites to this file
        #[arg(long)]
        ledger: Option<PathBuf>,
        /// Print the operations before and after, and what is left out and why (to standard error if
        /// the document goes to standard output)
        #[arg(long)]
        report: bool,
    },
    /// Compares two documents on the wire, for the generator and in Rust
    Diff {
        /// The older document, in JSON or YAML
        old: PathBuf,
        /// The newer document
        new: PathBuf,
        /// Format of the comparison
        #[arg(long, value_enum, default_value = "text")]
        format: OutputFormat,
    },
}

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  a document, an overlay or a file is unusable
  2  wrong usage";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum OutputFormat {
    Text,
    Markdown,
    Json,
}

impl From<OutputFormat> for Format {
    fn from(format: OutputFormat) -> Self {
        match format {
            OutputFormat::Text => Self::Text,
            OutputFormat::Markdown => Self::Markdown,
            OutputFormat::Json => Self::Json,
        }
    }
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            writeln!(io::stderr(), "{reason}").ok();
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), String> {
    match command {
        Command::Lower {
            document,
            output,
            overlay,
            previous,
            ledger,
            report,
        } => {
            let overlay = overlay.as_deref().map(json).transpose()?;
            let previous = previous.as_deref().map(json).transpose()?;
            let lowered = lower(&document, overlay.as_ref(), previous.as_ref())?;
            warn(&document, &lowered);
            if let Some(path) = &ledger {
                write(path, &lowered.ledger.to_text())?;
            }
            let report = if report {
                lowered.report()
            } else {
                String::new()
            };
            if let Some(path) = &output {
                write(path, &lowered.to_text())?;
                return print(&report);
            }
            print(&lowered.to_text())?;
            write!(io::stderr(), "{report}").map_err(|error| error.to_string())
        }
        Command::Diff { old, new, format } => {
            let after = document(&new)?;
            let diff = Lowering::new(&Progenitor).diff(&document(&old)?, &after);
            let diff = diff.map_err(|error| error.to_string())?;
            print(&diff.show(format.into()))
        }
    }
}

fn lower(
    path: &Path,
    overlay: Option<&Value>,
    previous: Option<&Value>,
) -> Result<Lowered, String> {
    let document = document(path)?;
    let mut lowering = Lowering::new(&Progenitor);
    if let Some(overlay) = overlay {
        lowering = lowering.overlay(overlay);
    }
    if let Some(previous) = previous {
        lowering = lowering.previous(previous);
    }
    lowering
        .lower(&document)
        .map_err(|error| in_file(path, error))
}

fn document(path: &Path) -> Result<Document, String> {
    Document::parse(&read(path)?).map_err(|error| in_file(path, error))
}

fn warn(path: &Path, lowered: &Lowered) {
    for warning in &lowered.warnings {
        writeln!(io::stderr(), "warning: {}", in_file(path, warning)).ok();
    }
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(path)
    };
    bytes.map_err(|error| format!("cannot read {}: {error}", path.display()))
}

fn json(path: &Path) -> Result<Value, String> {
    serde_json::from_slice(&read(path)?)
        .map_err(|error| in_file(path, format!("not JSON: {error}")))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// Prints a text. A reader that has gone away, such as `head`, is no error.
fn print(text: &str) -> Result<(), String> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.to_string()),
        _ => Ok(()),
    }
}

fn in_file(path: &Path, message: impl fmt::Display) -> String {
    format!("{}: {message}", path.display())
}
