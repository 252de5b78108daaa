//! The options of the program: what they set, and what `--help` prints about them.

use std::fmt::{Display, Write};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use gizmo_simulator::{AfterEnd, Fault, Layout, Listed, On, Options, Vocabulary};

/// What the arguments request.
#[derive(Debug)]
pub(crate) enum Command {
    Run(Box<Configuration>),
    Help,
    Version,
}

/// The simulator to run.
#[derive(Debug, Default)]
pub(crate) struct Configuration {
    pub(crate) options: Options,
    pub(crate) faults: Vec<(On, Fault)>,
    /// The recording to serve instead of a simulation.
    pub(crate) replay: Option<PathBuf>,
}

/// An option with a value.
struct Flag {
    name: &'static str,
    /// The value in the usage: a placeholder in capitals, or the permitted words.
    value: &'static str,
    /// The value that changes nothing, or an empty string for an option that is off by default.
    default: &'static str,
    help: &'static str,
    /// Sets the value, or returns the rule that it breaks.
    set: fn(&mut Configuration, &str) -> Result<(), String>,
}

const FLAGS: &[Flag] = &[
    Flag {
        name: "--port",
        value: "PORT",
        default: "0",
        help: "Listen on this port of 127.0.0.1; 0 selects a free one",
        set: |to, value| {
            to.options.address.set_port(number(value)?);
            Ok(())
        },
    },
    Flag {
        name: SPEED,
        value: "FACTOR",
        default: "90",
        help: "Run this many times as fast as the real service; 0 stops jobs, inf ends them at once",
        set: |to, value| {
            let speed: f64 = number(value)?;
            if speed.is_nan() || speed < 0.0 {
                return Err("must not be negative".to_owned());
            }
            to.options.speed = speed;
            Ok(())
        },
    },
    Flag {
        name: "--seed",
        value: "N",
        default: "0",
        help: "Derive ids and contents from this number",
        set: |to, value| store(&mut to.options.seed, number(value)),
    },
    Flag {
        name: "--rate-limit",
        value: "REQUESTS",
        default: "100",
        help: "Allow this many requests of a key in a minute, which the speed shortens",
        set: |to, value| store(&mut to.options.rate_limit, number(value)),
    },
    Flag {
        name: "--fail-job",
        value: "N",
        default: "",
        help: "Make the N-th job fail; can be repeated",
        set: |to, value| inject(to, value, Fault::FailJob),
    },
    Flag {
        name: "--fail-asset",
        value: "N",
        default: "",
        help: "Make the last asset of the N-th job fail; can be repeated",
        set: |to, value| inject(to, value, Fault::FailAsset),
    },
    Flag {
        name: "--slow-job",
        value: "N:SECONDS",
        default: "",
        help: "Make the N-th job take this much longer, at any speed; can be repeated",
        set: |to, value| {
            let (job, seconds) = value.split_once(':').ok_or("must be `N:SECONDS`")?;
            let delay = Duration::from_secs(number(seconds)?);
            inject(to, job, Fault::SlowJob(delay))
        },
    },
    Flag {
        name: "--vocabulary",
        value: "observed|documented",
        default: "observed",
        help: "Report the events that were observed, or the documented ones",
        set: |to, value| {
            let known = [
                ("observed", Vocabulary::Observed),
                ("documented", Vocabulary::Documented),
            ];
            store(&mut to.options.vocabulary, choice(value, known))
        },
    },
    Flag {
        name: "--after-end",
        value: "stay-open|close",
        default: "stay-open",
        help: "Keep an event stream open after its terminal event, or close it",
        set: |to, value| {
            let known = [
                ("stay-open", AfterEnd::StayOpen),
                ("close", AfterEnd::Close),
            ];
            store(&mut to.options.after_end, choice(value, known))
        },
    },
    Flag {
        name: "--max-streams",
        value: "N",
        default: "100",
        help: "Allow this many concurrent streams on an HTTP/2 connection",
        set: |to, value| {
            store(
                &mut to.options.max_concurrent_streams,
                number(value).map(Some),
            )
        },
    },
    Flag {
        name: "--listed",
        value: "at-once|finished|SECONDS",
        default: "at-once",
        help: "List a scene at once, when it is complete, or this many seconds after its request",
        set: |to, value| {
            to.options.memory.listed = match value {
                "at-once" => Listed::AtOnce,
                "finished" => Listed::WhenFinished,
                seconds => Listed::After(Duration::from_secs(number(seconds)?)),
            };
            Ok(())
        },
    },
    Flag {
        name: "--page-cap",
        value: "ITEMS",
        default: "100",
        help: "Send at most this many items on a page of a list, and at least one",
        set: |to, value| {
            let items: u64 = number(value)?;
            to.options.memory.page_cap = items.max(1);
            Ok(())
        },
    },
    Flag {
        name: "--layout",
        value: "observed|files",
        default: "observed",
        help: "Export models that contain their meshes, or that refer to mesh files",
        set: |to, value| {
            let known = [("observed", Layout::Observed), ("files", Layout::Files)];
            store(&mut to.options.exports.layout, choice(value, known))
        },
    },
    Flag {
        name: "--empty-assets",
        value: "N",
        default: "0",
        help: "Export this many assets of a scene without geometry",
        set: |to, value| store(&mut to.options.exports.empty_assets, number(value)),
    },
    Flag {
        name: "--robot-files",
        value: "yes|no",
        default: "yes",
        help: "Export the directory of a robot, or omit it",
        set: |to, value| {
            let known = [("yes", true), ("no", false)];
            store(&mut to.options.exports.robot_files, choice(value, known))
        },
    },
    Flag {
        name: "--extra-meshes",
        value: "N",
        default: "0",
        help: "Add this many meshes to each export",
        set: |to, value| store(&mut to.options.exports.extra_meshes, number(value)),
    },
    Flag {
        name: "--extra-faces",
        value: "TRIANGLES",
        default: "1000",
        help: "Make each of these meshes of this many triangles",
        set: |to, value| store(&mut to.options.exports.extra_faces, number(value)),
    },
    Flag {
        name: "--texture-bytes",
        value: "BYTES",
        default: "0",
        help: "Add this many bytes of textures to each export",
        set: |to, value| store(&mut to.options.texture_bytes, number(value)),
    },
    Flag {
        name: REPLAY,
        value: "DIRECTORY",
        default: "",
        help: "Serve the recording in this directory; the default of --speed is then 1, as recorded",
        set: |to, value| {
            to.replay = Some(value.into());
            Ok(())
        },
    },
];

const REPLAY: &str = "--replay";

const SPEED: &str = "--speed";

/// The options that a replay has.
const OF_REPLAY: [&str; 3] = [REPLAY, SPEED, "--port"];

/// Reads the arguments.
///
/// # Errors
///
/// Returns one line that names the argument and the rule that it breaks.
pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Command, String> {
    let mut configuration = Configuration::default();
    let mut given = Vec::new();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--help" | "-h" => return Ok(Command::Help),
            "--version" | "-V" => return Ok(Command::Version),
            _ => {}
        }
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (argument.as_str(), None),
        };
        let flag = FLAGS.iter().find(|flag| flag.name == name);
        let flag = flag.ok_or_else(|| format!("unknown option `{name}`"))?;
        let value = value.or_else(|| arguments.next());
        let value = value.ok_or_else(|| format!("`{name} {}` lacks its value", flag.value))?;
        (flag.set)(&mut configuration, &value)
            .map_err(|rule| format!("invalid value `{value}` for `{name}`: {rule}"))?;
        given.push(flag.name);
    }
    if configuration.replay.is_some() {
        if let Some(other) = given.iter().find(|name| !OF_REPLAY.contains(name)) {
            return Err(format!("`{other}` does not apply to `{REPLAY}`"));
        }
        if !given.contains(&SPEED) {
            configuration.options.speed = 1.0;
        }
        if configuration.options.speed <= 0.0 {
            return Err(format!("with `{REPLAY}`, `{SPEED}` must be greater than 0"));
        }
    }
    Ok(Command::Run(Box::new(configuration)))
}

/// Returns the usage.
pub(crate) fn help() -> String {
    let mut text = String::from(
        "Runs a simulator of the Gizmo API on 127.0.0.1 until Ctrl-C. Its first line of output contains the\n\
         variables that clients need: GIZMO_BASE_URL and GIZMO_API_KEY.\n\n\
         Usage: gizmo-simulator [OPTION VALUE]...\n\n\
         Options:\n",
    );
    for Flag {
        name,
        value,
        default,
        help,
        ..
    } in FLAGS
    {
        let _ = write!(text, "  {name} {value}\n        {help}");
        if !default.is_empty() {
            let _ = write!(text, " [default: {default}]");
        }
        text.push('\n');
    }
    text.push_str(
        "  -h, --help\n        Print this text\n  -V, --version\n        Print the version\n\n\
         Jobs are counted from 1, with the assets of the early-access API.\n\
         Exit codes: 0 after Ctrl-C, 1 if the port or the recording cannot be used, 2 for wrong usage.",
    );
    text
}

/// Injects a fault into the job with this number.
fn inject(to: &mut Configuration, job: &str, fault: Fault) -> Result<(), String> {
    let job = number(job)?;
    if job == 0 {
        return Err("jobs are counted from 1".to_owned());
    }
    to.faults.push((On::any().nth(job), fault));
    Ok(())
}

fn store<T>(field: &mut T, value: Result<T, String>) -> Result<(), String> {
    *field = value?;
    Ok(())
}

fn number<T: FromStr<Err: Display>>(value: &str) -> Result<T, String> {
    value.parse().map_err(|error: T::Err| error.to_string())
}

/// Returns the meaning of one of these words.
fn choice<T, const N: usize>(value: &str, known: [(&str, T); N]) -> Result<T, String> {
    let names = known.each_ref().map(|(name, _)| format!("`{name}`"));
    let mut known = known.into_iter();
    let found = known.find(|(name, _)| *name == value);
    let (_, meaning) = found.ok_or_else(|| format!("must be {}", names.join(" or ")))?;
    Ok(meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Configuration, String> {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned());
        match parse(arguments)? {
            Command::Run(configuration) => Ok(*configuration),
            command => panic!("{command:?}"),
        }
    }

    fn shown(arguments: &[&str]) -> String {
        format!("{:?}", parsed(arguments).unwrap())
    }

    #[test]
    fn the_default_of_each_option_changes_nothing_and_another_value_does() {
        for flag in FLAGS {
            if flag.default.is_empty() {
                continue;
            }
            assert_eq!(
                shown(&[flag.name, flag.default]),
                shown(&[]),
                "{}",
                flag.name
            );
            let words = flag.value.split('|');
            let other = words.filter(|word| *word != flag.default).find(|word| {
                word.chars()
                    .all(|letter| letter.is_ascii_lowercase() || letter == '-')
            });
            let other = other.unwrap_or("7");
            assert_ne!(shown(&[flag.name, other]), shown(&[]), "{}", flag.name);
            assert_eq!(
                shown(&[&format!("{}={other}", flag.name)]),
                shown(&[flag.name, other])
            );
        }
    }

    #[test]
    fn the_usage_has_every_option_and_fits_a_terminal() {
        let help = help();
        for flag in FLAGS {
            let line = format!("\n  {} {}\n", flag.name, flag.value);
            assert!(help.contains(&line), "{line}");
        }
        for line in help.lines() {
            assert!(line.len() <= 110, "{line}");
        }
        for argument in ["--help", "-h"] {
            let arguments = ["--speed", "0", argument, "--unknown"].map(str::to_owned);
            assert!(matches!(parse(arguments.into_iter()), Ok(Command::Help)));
        }
    }

    #[test]
    fn any_speed_that_is_not_negative_is_accepted() {
        for (value, expected) in [("0", 0.0), ("0.5", 0.5), ("inf", f64::INFINITY)] {
            let speed = parsed(&["--speed", value]).unwrap().options.speed;
            assert_eq!(speed.to_bits(), f64::to_bits(expected), "{value}");
        }
    }

    #[test]
    fn a_replay_runs_at_the_recorded_speed_unless_another_one_is_given() {
        for (arguments, expected) in [
            (&["--replay", "lab"][..], 1.0_f64),
            (&["--speed=90", "--replay=lab"], 90.0),
            (&["--replay=lab", "--speed", "inf"], f64::INFINITY),
        ] {
            let parsed = parsed(arguments).unwrap();
            assert_eq!(parsed.replay, Some("lab".into()));
            assert_eq!(parsed.options.speed.to_bits(), expected.to_bits());
        }
    }

    #[test]
    fn faults_of_jobs_are_in_the_order_of_the_arguments() {
        let arguments = ["--slow-job", "3:20", "--fail-job=1", "--fail-asset", "2"];
        let faults = parsed(&arguments).unwrap().faults;
        let on = |number| On::any().nth(number);
        let expected = [
            (on(3), Fault::SlowJob(Duration::from_secs(20))),
            (on(1), Fault::FailJob),
            (on(2), Fault::FailAsset),
        ];
        assert_eq!(format!("{faults:?}"), format!("{expected:?}"));
    }

    #[test]
    fn an_invalid_argument_is_refused_with_the_rule() {
        let digit = "invalid digit found in string";
        for (arguments, message) in [
            (
                &["--layout", "real"][..],
                "invalid value `real` for `--layout`: must be `observed` or `files`",
            ),
            (
                &["--robot-files=true"],
                "invalid value `true` for `--robot-files`: must be `yes` or `no`",
            ),
            (
                &["--extra-meshes", "-1"],
                &format!("invalid value `-1` for `--extra-meshes`: {digit}"),
            ),
            (
                &["--speed", "-1"],
                "invalid value `-1` for `--speed`: must not be negative",
            ),
            (
                &["--speed", "NaN"],
                "invalid value `NaN` for `--speed`: must not be negative",
            ),
            (
                &["--speed", "fast"],
                "invalid value `fast` for `--speed`: invalid float literal",
            ),
            (
                &["--port", "65536"],
                "invalid value `65536` for `--port`: number too large to fit in target type",
            ),
            (
                &["--fail-job", "0"],
                "invalid value `0` for `--fail-job`: jobs are counted from 1",
            ),
            (
                &["--slow-job", "3"],
                "invalid value `3` for `--slow-job`: must be `N:SECONDS`",
            ),
            (
                &["--slow-job", "3:x"],
                &format!("invalid value `3:x` for `--slow-job`: {digit}"),
            ),
            (&["--seed"], "`--seed N` lacks its value"),
            (
                &["--seed", "1", "--replay", "lab"],
                "`--seed` does not apply to `--replay`",
            ),
            (
                &["--replay=lab", "--speed=0"],
                "with `--replay`, `--speed` must be greater than 0",
            ),
            (&["--sped", "1"], "unknown option `--sped`"),
            (&["8080"], "unknown option `8080`"),
        ] {
            assert_eq!(parsed(arguments).unwrap_err(), message);
        }
    }
}
