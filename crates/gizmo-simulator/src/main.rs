//! The program `gizmo-simulator`: runs a simulator until Ctrl-C.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use gizmo_simulator::{AfterEnd, Listed, Options, Simulator, Vocabulary};

const USAGE: &str = "\
usage: gizmo-simulator [option...]

  --port P            listen on this port of 127.0.0.1 (default: a free port)
  --speed X           run X times as fast as the real service (default: 90)
  --seed N            derive ids and contents from this seed (default: 0)
  --rate-limit N      allow N requests a minute for each key (default: 100)
  --texture-bytes N   add N bytes of textures to each export (default: 0)
  --vocabulary documented|observed
                      report the documented or the observed events (default: observed)
  --after-end close|stay-open
                      close event streams after the terminal event, or keep them open
                      (default: stay-open)
  --max-streams N     allow N concurrent streams on an HTTP/2 connection (default: 100)
  --listed at-once|finished|SECONDS
                      list a scene at once, when it is complete, or after SECONDS
                      (default: at-once)
  --page-cap N        send at most N items on a page (default: 100)";

fn options(arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options::default();
    let mut arguments = arguments;
    while let Some(name) = arguments.next() {
        if matches!(name.as_str(), "--help" | "-h") {
            return Err(String::new());
        }
        let (name, value) = if let Some((name, value)) = name.split_once('=') {
            (name.to_owned(), value.to_owned())
        } else {
            let value = arguments
                .next()
                .ok_or_else(|| format!("`{name}` requires a value"))?;
            (name, value)
        };
        let invalid = |reason: String| format!("invalid value `{value}` for `{name}`: {reason}");
        match name.as_str() {
            "--port" => {
                let port = value
                    .parse()
                    .map_err(|error: std::num::ParseIntError| invalid(error.to_string()))?;
                options.address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            }
            "--speed" => {
                let speed: f64 = value
                    .parse()
                    .map_err(|error: std::num::ParseFloatError| invalid(error.to_string()))?;
                if speed.is_nan() || speed < 0.0 {
                    return Err(format!(
                        "invalid value `{speed}` for `--speed`: must not be negative (`inf` ends jobs immediately, `0` stops them)"
                    ));
                }
                options.speed = speed;
            }
            "--seed" => options.seed = integer(&value).map_err(invalid)?,
            "--rate-limit" => {
                options.rate_limit =
                    u32::try_from(integer(&value).map_err(invalid)?).unwrap_or(u32::MAX);
            }
            "--vocabulary" => {
                options.vocabulary = match value.as_str() {
                    "documented" => Vocabulary::Documented,
                    "observed" => Vocabulary::Observed,
                    _ => return Err(invalid("must be `documented` or `observed`".to_owned())),
                };
            }
            "--after-end" => {
                options.after_end = match value.as_str() {
                    "close" => AfterEnd::Close,
                    "stay-open" => AfterEnd::StayOpen,
                    _ => return Err(invalid("must be `close` or `stay-open`".to_owned())),
                };
            }
            "--max-streams" => {
                let streams = integer(&value).map_err(invalid)?;
                options.max_concurrent_streams = Some(u32::try_from(streams).unwrap_or(u32::MAX));
            }
            "--listed" => {
                options.memory.listed = match value.as_str() {
                    "at-once" => Listed::AtOnce,
                    "finished" => Listed::WhenFinished,
                    seconds => {
                        Listed::After(Duration::from_secs(integer(seconds).map_err(invalid)?))
                    }
                };
            }
            "--page-cap" => options.memory.page_cap = integer(&value).map_err(invalid)?.max(1),
            "--texture-bytes" => options.texture_bytes = integer(&value).map_err(invalid)?,
            _ => return Err(format!("unknown option `{name}`")),
        }
    }
    Ok(options)
}

fn integer(value: &str) -> Result<u64, String> {
    value
        .parse()
        .map_err(|error: std::num::ParseIntError| error.to_string())
}

#[tokio::main]
#[expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line program prints its output and errors"
)]
async fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) if message.is_empty() => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
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
            eprintln!("cannot receive Ctrl-C: {error}");
            ExitCode::FAILURE
        }
    }
}
