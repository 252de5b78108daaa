//! The program `gizmo-simulator`: runs a simulator until Ctrl-C.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use gizmo_simulator::{AfterEnd, ExportShape, Layout, Listed, Options, Simulator, Vocabulary};

const USAGE: &str = "\
usage: gizmo-simulator [option...]

  --port P            listen on this port of 127.0.0.1 (default: a free port)
  --speed X           run X times as fast as the real service (default: 90)
  --seed N            derive ids and contents from this seed (default: 0)
  --rate-limit N      allow N requests a minute for each key (default: 100)
  --layout observed|files
                      export models that contain their meshes, or that refer to mesh files
                      (default: observed)
  --empty-assets N    export N assets of a scene without geometry (default: 0)
  --robot-files yes|no
                      add the directory of a robot to the export (default: yes)
  --extra-meshes N    add N meshes to each export (default: 0)
  --extra-faces N     make each of these meshes of N triangles (default: 1000)
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
            "--layout" | "--empty-assets" | "--robot-files" | "--extra-meshes"
            | "--extra-faces" => {
                set_shape(&mut options.exports, &name, &value).map_err(invalid)?;
            }
            "--texture-bytes" => options.texture_bytes = integer(&value).map_err(invalid)?,
            _ => return Err(format!("unknown option `{name}`")),
        }
    }
    Ok(options)
}

/// Sets a field of the shape of exports.
fn set_shape(shape: &mut ExportShape, name: &str, value: &str) -> Result<(), String> {
    let count = || {
        value
            .parse()
            .map_err(|error: std::num::ParseIntError| error.to_string())
    };
    match name {
        "--layout" => {
            shape.layout = match value {
                "observed" => Layout::Observed,
                "files" => Layout::Files,
                _ => return Err("must be `observed` or `files`".to_owned()),
            };
        }
        "--empty-assets" => shape.empty_assets = count()?,
        "--robot-files" => {
            shape.robot_files = match value {
                "yes" => true,
                "no" => false,
                _ => return Err("must be `yes` or `no`".to_owned()),
            };
        }
        "--extra-meshes" => shape.extra_meshes = count()?,
        _ => shape.extra_faces = count()?,
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Options, String> {
        options(arguments.iter().map(|argument| (*argument).to_owned()))
    }

    #[test]
    fn options_set_the_shape_of_exports() {
        let arguments =
            "--layout files --empty-assets 2 --robot-files=no --extra-meshes 3 --extra-faces=50";
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let expected = ExportShape {
            layout: Layout::Files,
            empty_assets: 2,
            robot_files: false,
            extra_meshes: 3,
            extra_faces: 50,
        };
        assert_eq!(
            parsed(&arguments).map(|options| options.exports),
            Ok(expected)
        );
        assert_eq!(
            parsed(&[]).map(|options| options.exports),
            Ok(ExportShape::default())
        );
    }

    #[test]
    fn an_invalid_shape_is_refused_with_the_rule() {
        for (name, value, rule) in [
            ("--layout", "real", "must be `observed` or `files`"),
            ("--robot-files", "true", "must be `yes` or `no`"),
            ("--extra-meshes", "-1", "invalid digit found in string"),
        ] {
            let message = parsed(&[name, value]).unwrap_err();
            assert_eq!(
                message,
                format!("invalid value `{value}` for `{name}`: {rule}")
            );
        }
    }
}
