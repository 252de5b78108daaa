//! Generates a scene, and unpacks it into a directory. A second run resumes an interrupted one:
//! `cargo run --example bake -- "a robotics lab"`
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program")]

use std::process::ExitCode;

use clap::Parser;
use futures::TryStreamExt;
use gizmo_client::{BakeEvent, Client, Format, JobEventKind};
use gizmo_simulator::{Options, Simulator};
use indicatif::{ProgressBar, ProgressStyle};

#[derive(Parser)]
struct Arguments {
    /// What the scene should contain, in plain words.
    prompt: String,
    /// Simulator format: mjcf, usd or sdf.
    #[arg(long, default_value = "mjcf", value_parser = str::parse::<Format>)]
    format: Format,
    /// Directory for the scene: a new or empty one, or that of an earlier run.
    #[arg(long, default_value = "scene")]
    out: std::path::PathBuf,
    /// Take this job or scene as the result, if the response to the request was lost.
    #[arg(long, value_name = "ID", conflicts_with = "ask_again")]
    adopt: Option<String>,
    /// Pay for another job if the response to the request was lost and its job is not found.
    #[arg(long)]
    ask_again: bool,
    /// Minutes to look for the job of a request whose response was lost.
    #[arg(long, value_name = "MINUTES", default_value_t = 20)]
    search_limit: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    if let Err(error) = run(Arguments::parse()).await {
        eprintln!("Error: {error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

async fn run(arguments: Arguments) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let style = ProgressStyle::with_template("{spinner} {elapsed} {msg}")?;
    let bar = ProgressBar::no_length().with_style(style);
    bar.enable_steady_tick(std::time::Duration::from_millis(100));
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let simulator;
    let client = if is_set("GIZMO_API_KEY") || is_set("GIZMO_BASE_URL") {
        Client::from_env()?
    } else {
        // With its history next to the directory, the simulator of a second run has the same jobs.
        let mut history = arguments.out.components().as_path().as_os_str().to_owned();
        history.push(".simulator.jsonl");
        let history = Some(history.into());
        let options = Options {
            history,
            ..Options::default()
        };
        simulator = Simulator::start(options).await?;
        let url = simulator.url();
        bar.suspend(|| eprintln!("GIZMO_API_KEY is not set: using the simulator at {url}"));
        let settings = Client::builder().api_key(simulator.api_key());
        settings.base_url(url).build()?
    };
    let mut bake = client.bake(arguments.prompt).format(arguments.format);
    bake = bake.search_limit(std::time::Duration::from_secs(60 * arguments.search_limit));
    if arguments.ask_again {
        bake = bake.ask_again();
    }
    if let Some(id) = arguments.adopt {
        bake = bake.adopt(id);
    }
    let mut bake = bake.into_dir(arguments.out);
    let mut events = 0;
    while let Some(event) = bake.try_next().await? {
        match event {
            BakeEvent::Job(event) => {
                events += u64::from(event.seq.is_some());
                if let Some(stage) = event.stage() {
                    bar.set_message(format!("{stage}, {events} events"));
                } else if !matches!(event.kind, JobEventKind::Ping) {
                    bar.suspend(|| eprintln!("{event}"));
                }
            }
            BakeEvent::Searching { .. } => {
                bar.set_message("the response was lost; looking for the scene");
            }
            BakeEvent::Found { result, confidence } => {
                let scene = result.scene_id.unwrap_or_default();
                let found = format!("took scene {scene} (confidence: {confidence:?})");
                bar.suspend(|| eprintln!("the response was lost; {found}"));
            }
            BakeEvent::Download(progress) => {
                bar.set_message(format!("export, {} bytes", progress.received));
            }
            BakeEvent::Finished(bundle) => {
                let warnings = bundle.warnings()?;
                bar.suspend(|| {
                    for warning in warnings {
                        eprintln!("warning: {warning}");
                    }
                    println!("{}", bundle.model().display());
                });
            }
            _ => {}
        }
    }
    Ok(())
}
