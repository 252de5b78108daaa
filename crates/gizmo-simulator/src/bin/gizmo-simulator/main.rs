//! The program `gizmo-simulator`: runs a simulator, or serves a recording, until Ctrl-C.

mod arguments;
mod flags;

use std::io::{self, Write};
use std::process::ExitCode;

use arguments::Command;
use flags::Configuration;
use gizmo_simulator::{Replay, ReplayOptions, Simulator};

/// The exit code of wrong usage.
const WRONG_USAGE: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    let result = match arguments::parse(std::env::args().skip(1)) {
        Ok(Command::Help) => print(&arguments::help()),
        Ok(Command::Version) => print(concat!("gizmo-simulator ", env!("CARGO_PKG_VERSION"))),
        Ok(Command::Run(configuration)) => run(*configuration).await,
        Err(message) => {
            report(&format!("{message}; --help lists the options"));
            return ExitCode::from(WRONG_USAGE);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// Runs a simulator or a replay until Ctrl-C.
async fn run(configuration: Configuration) -> io::Result<()> {
    let Configuration {
        options,
        faults,
        replay,
    } = configuration;
    if let Some(directory) = replay {
        let mut replay_options = ReplayOptions::default();
        replay_options.address = options.address;
        replay_options.speed = options.speed;
        let replay = Replay::start_with(directory, replay_options).await?;
        return serve(replay.url(), replay.api_key()).await;
    }
    let simulator = Simulator::start(options).await?;
    for (on, fault) in faults {
        simulator.handle().inject(on, fault);
    }
    serve(simulator.url(), simulator.api_key()).await
}

/// Prints what clients need, and waits for Ctrl-C.
async fn serve(url: &str, api_key: &str) -> io::Result<()> {
    print(&format!("GIZMO_BASE_URL={url} GIZMO_API_KEY={api_key}"))?;
    tokio::signal::ctrl_c().await
}

/// Prints a line, unless the reader has closed the output.
fn print(line: &str) -> io::Result<()> {
    match writeln!(io::stdout(), "{line}") {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

#[expect(
    clippy::print_stderr,
    reason = "a command line program prints its errors"
)]
fn report(message: &str) {
    eprintln!("gizmo-simulator: {message}");
}
