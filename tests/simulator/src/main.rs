//! Runs a simulator until Ctrl-C: `gizmo-simulator [--port P] [--speed X]`.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;

use gizmo_simulator::{AfterEnd, Options, Simulator, Vocabulary};

const USAGE: &str = "\
usage: gizmo-simulator [--port P] [--speed X] [--seed N] [--rate-limit N] [--texture-bytes N]
                       [--vocabulary documented|observed] [--after-end close|stay-open]
                       [--max-streams N]";

fn options(arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options::default();
    let mut arguments = arguments;
    while let Some(name) = arguments.next() {
        let (name, value) = if let Some((name, value)) = name.split_once('=') {
            (name.to_owned(), value.to_owned())
        } else {
            let value = arguments
                .next()
                .ok_or_else(|| format!("`{name}` has no value"))?;
            (name, value)
        };
        let wrong = |why: String| format!("`{value}` is not a value for `{name}`: {why}");
        match name.as_str() {
            "--port" => {
                let port = value
                    .parse()
                    .map_err(|error: std::num::ParseIntError| wrong(error.to_string()))?;
                options.address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            }
            "--speed" => {
                let speed: f64 = value
                    .parse()
                    .map_err(|error: std::num::ParseFloatError| wrong(error.to_string()))?;
                if speed.is_nan() || speed <= 0.0 {
                    return Err(format!(
                        "`--speed` is `{speed}` and must be above 0 (`inf` is at once)"
                    ));
                }
                options.speed = speed;
            }
            "--seed" => options.seed = whole(&value).map_err(wrong)?,
            "--rate-limit" => {
                options.rate_limit =
                    u32::try_from(whole(&value).map_err(wrong)?).unwrap_or(u32::MAX);
            }
            "--vocabulary" => {
                options.vocabulary = match value.as_str() {
                    "documented" => Vocabulary::Documented,
                    "observed" => Vocabulary::Observed,
                    _ => return Err(wrong("it is `documented` or `observed`".to_owned())),
                };
            }
            "--after-end" => {
                options.after_end = match value.as_str() {
                    "close" => AfterEnd::Close,
                    "stay-open" => AfterEnd::StayOpen,
                    _ => return Err(wrong("it is `close` or `stay-open`".to_owned())),
                };
            }
            "--max-streams" => {
                let streams = whole(&value).map_err(wrong)?;
                options.max_concurrent_streams = Some(u32::try_from(streams).unwrap_or(u32::MAX));
            }
            "--texture-bytes" => options.texture_bytes = whole(&value).map_err(wrong)?,
            _ => return Err(format!("`{name}` is not known")),
        }
    }
    Ok(options)
}

fn whole(value: &str) -> Result<u64, String> {
    value
        .parse()
        .map_err(|error: std::num::ParseIntError| error.to_string())
}

#[tokio::main]
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program talks to its terminal"
)]
async fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("{message}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let address = options.address;
    let simulator = match Simulator::start(options).await {
        Ok(simulator) => simulator,
        Err(error) => {
            eprintln!("cannot listen on {address}: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!(
        "GIZMO_BASE_URL={} GIZMO_API_KEY={}",
        simulator.url(),
        simulator.api_key()
    );
    match tokio::signal::ctrl_c().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot wait for Ctrl-C: {error}");
            ExitCode::FAILURE
        }
    }
}
