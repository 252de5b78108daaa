//! The options of the program, and what they set.

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use gizmo_simulator::{AfterEnd, Fault, Layout, Listed, On, Options, Vocabulary};

/// The simulator to run.
#[derive(Debug, Default)]
pub(crate) struct Configuration {
    pub(crate) options: Options,
    pub(crate) faults: Vec<(On, Fault)>,
    /// The recording to serve instead of a simulation.
    pub(crate) replay: Option<PathBuf>,
}

/// An option with a value.
pub(crate) struct Flag {
    pub(crate) name: &'static str,
    /// The value in the usage: a placeholder in capitals, or the permitted words.
    pub(crate) value: &'static str,
    /// The value that changes nothing, or an empty string for an option that is off by default.
    pub(crate) default: &'static str,
    pub(crate) help: &'static str,
    /// Sets the value, or returns the rule that it breaks.
    pub(crate) set: fn(&mut Configuration, &str) -> Result<(), String>,
}

/// All options with a value.
pub(crate) const FLAGS: &[Flag] = &[
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

pub(crate) const REPLAY: &str = "--replay";

pub(crate) const SPEED: &str = "--speed";

/// The options that a replay has.
pub(crate) const OF_REPLAY: [&str; 3] = [REPLAY, SPEED, "--port"];

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
