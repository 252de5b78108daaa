//! The arguments of the program, and what `--help` prints about them.

use std::fmt::Write;

use crate::flags::{Configuration, FLAGS, Flag, OF_REPLAY, REPLAY, SPEED};

/// What the arguments request.
#[derive(Debug)]
pub(crate) enum Command {
    Run(Box<Configuration>),
    Help,
    Version,
}

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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use gizmo_simulator::{Fault, On};

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
